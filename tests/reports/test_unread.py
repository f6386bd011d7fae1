"""Texts that no check has seen are named on the page, the terminal, in the summary and in the limitations."""

import json
import re

import msgspec
from building import audit, pages, write
from chataudit.audit.commands import terminal
from chataudit.audit.commands.run import _summarise
from chataudit.audit.run import run
from chataudit.checks.base.faults import Use
from chataudit.reports.page.view import page
from chataudit.reports.record import FieldFacts, PassedOver, Record
from chataudit.reports.redact import redacted
from chataudit.reports.statements.limitations import limitations
from chataudit.reports.unread import passed_over, unread_fields, unread_lines
from planting import Planted

SAID = {"prompt": "Which bird sings at night?", "completion": "The nightingale does."}  # 26 and 21 characters
NOTE = "It is a good answer, is it not?"  # 31 characters


def noted(folder, *records):
    return audit(folder, [{**SAID, **record} for record in records], "schema_invariants")


def test_a_field_is_read_known_unread_or_no_text(tmp_path):
    tools = [{"name": "look_up", "description": "Look up any bird in the book."}]
    record = noted(tmp_path, {"critique": NOTE, "tools": tools, "topic": "birds"}, {"critique": "fine"})
    (source,) = record.facts.sources
    assert source.chars == 2 * 47
    assert {field.path: (field.use, field.records_unread, field.chars_unread) for field in source.fields} == {
        "prompt": (Use.READ, 0, 0),
        "completion": (Use.READ, 0, 0),
        "critique": (Use.UNREAD, 1, 31),
        "tools[].name": (Use.FACT, 0, 0),
        "tools[].description": (Use.KNOWN, 1, 29),
        "topic": (Use.FACT, 0, 0),
    }
    (field,) = unread_fields(source)
    assert (field.path, field.records, round(field.share, 3)) == ("critique", 1, round(31 / (94 + 31), 3))


def test_a_record_with_unread_text_can_be_read(tmp_path):
    record = noted(tmp_path, {"critique": NOTE})
    assert "unreadable" not in page(record).checks[0].headline
    assert "could not be read" not in record.limitations()


def test_each_output_names_the_fields_and_their_shares(tmp_path):
    record = noted(tmp_path, {"critique": NOTE, "score_comment": NOTE + NOTE})
    words = "2 fields with text were not read: score_comment (44.3 % of characters) and critique (22.1 %)"
    view = page(record)
    assert any(reason.endswith(f"data.jsonl: {words}; see schema_invariants/unread_text") for reason in view.reasons)
    assert words in pages(record)["summary.md"].replace("\\", "")
    with terminal.out.capture() as capture:
        _summarise(view, tmp_path)
    assert words in capture.get()
    (said,) = [words for words in limitations(record, []).not_checked if "not audited" in words]
    assert said == (
        "Text that was not audited, in data.jsonl: score_comment (44.3 % of characters) and critique (22.1 %)."
    )
    html = pages(record)["report.html"]
    section = re.search(r'<section id="data".*?</section>', html, re.DOTALL)[0]
    assert "<details open>" in section
    assert re.findall(r"<code><bdi>([^<]*)</bdi></code></td><td class=\"n\">(\d)<", section) == [
        ("score_comment", "1"),
        ("critique", "1"),
    ]


def test_a_file_that_was_read_whole_is_folded_away(tmp_path):
    record = noted(tmp_path, {})
    assert unread_lines(record.facts) == ()
    section = re.search(r'<section id="data".*?</section>', pages(record)["report.html"], re.DOTALL)[0]
    assert "<summary>2 fields with text were read</summary>" in section
    assert "<details open>" not in section


def test_files_with_the_same_unread_fields_are_told_once(tmp_path):
    paths = [write(tmp_path / f"{k}.jsonl", [SAID | {"critique": NOTE}]) for k in range(30)]
    odd = write(tmp_path / "odd.jsonl", [SAID | {"remark": NOTE}])
    lines = unread_lines(run(*paths, odd, checks=[Planted()], engine="serial").facts)
    assert [line.rpartition("/")[2] for line in lines] == [
        "0.jsonl and 29 more files: 1 field with text was not read: critique (39.7 % of characters)",
        "odd.jsonl: 1 field with text was not read: remark (39.7 % of characters)",
    ]


def test_of_many_fields_and_files_the_first_are_named(tmp_path):
    fields = {f"note_{k}": NOTE for k in range(1, 10)}
    paths = [write(tmp_path / f"{k}.jsonl", [SAID | {f"own_{k}": NOTE} | fields]) for k in range(1, 10)]
    lines = unread_lines(run(*paths, checks=[Planted()], engine="serial").facts)
    assert len(lines) == 6
    assert lines[0].endswith(
        "10 fields with text were not read: note_1 (8.7 % of characters), note_2 (8.7 %), note_3 (8.7 %) and 7 more"
    )
    assert lines[-1] == "4 more files with text that was not read: see record.json"


def test_thousands_of_records_that_lack_a_field_are_one_line_on_the_terminal(tmp_path):
    record = audit(tmp_path, [{"prompt": "Which bird sings?", "critique": NOTE, "chosen": "It is the owl."}] * 3000)
    with terminal.out.capture() as capture:
        _summarise(page(record), tmp_path)
    assert len(capture.get().splitlines()) < 60


def test_names_of_fields_cannot_break_out_of_an_output(tmp_path):
    names = ["<script>alert(1)</script>", "a\nb", "\ud800half", "\u202egnp", "x" * 5000, "", "`code` | pipe", "\x00"]
    record = audit(tmp_path, [json.dumps(SAID | dict.fromkeys(names, NOTE))], "schema_invariants")
    record.write(tmp_path / "audit")
    read = Record.read(tmp_path / "audit")
    assert all(len(field.path) <= 101 for field in read.facts.sources[0].fields)
    written = pages(read)
    assert "<script>alert" not in written["report.html"]
    assert "\u202e" not in written["report.html"] + written["summary.md"]
    assert all(len(row) <= 200 for row in read.table["summary"].to_pylist())
    paths = {field.path for field in unread_fields(read.facts.sources[0])}
    assert paths == {
        *(
            "<script>alert(1)</script>",
            "a b",
            "\ufffdhalf",
            "⟦U+202E⟧gnp",
            "x" * 100 + "…",
            "(no name)",
            "`code` | pipe",
        ),
        "⟦U+0000⟧",
    }


def test_a_redacted_audit_keeps_the_names_of_fields(tmp_path):
    person = "0b1c9e2a-5d4f-4c1e-9f5a-2f3b4c5d6e7f"
    record = redacted(noted(tmp_path, {"critique": NOTE, f"by {person}": NOTE}))
    text = str(msgspec.to_builtins(record.facts)) + str(record.table.to_pylist())
    assert person not in text
    assert NOTE not in text
    assert 'others = ["critique"]' in text


def test_files_that_were_passed_over_are_one_line(tmp_path):
    record = noted(tmp_path, {})
    assert (passed_over(record.facts), page(record).passed_over) == ("", "")
    folders = [PassedOver("/home/me/a", "", 2, [".md", ""]), PassedOver("/home/me/b", "", 1, [".png", ".md"])]
    record.facts = msgspec.structs.replace(record.facts, passed_over=folders)
    assert passed_over(record.facts) == "3 files (.md, no suffix, .png)"
    assert "\nNot read: 3 files (.md, no suffix, .png).\n" in pages(record)["summary.md"]
    assert "Files that were not read: 3 files (.md, no suffix, .png)." in record.limitations()
    assert [each.place for each in redacted(record).facts.passed_over] == ["a", "b"]
    many = PassedOver("c", "", 8, [f".{k}" for k in range(8)])
    assert passed_over(msgspec.structs.replace(record.facts, passed_over=[many])) == "8 files (.0, .1, .2, .3, .4, ...)"


def test_fields_are_no_more_than_the_reader_distinguishes(tmp_path):
    (source,) = audit(tmp_path, [SAID | {f"f{k}": f"{NOTE} {k:03}" for k in range(700)}], Planted()).facts.sources
    assert len(source.fields) == 501
    assert FieldFacts("(further fields)", Use.UNREAD, 202, 202 * 35) in source.fields
