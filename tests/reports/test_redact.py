import gzip
import json
import re
from base64 import b64decode
from hashlib import blake2b

import pytest
from building import audit, message, pages, shown, uid, write
from chataudit import Record, run
from chataudit.checks.base.check import Check
from chataudit.checks.base.findings import FINDINGS
from chataudit.reports.baseline import Baseline
from chataudit.reports.files import write_pages
from chataudit.reports.page.view import page
from chataudit.reports.record import THREADS
from chataudit.reports.redact import hashed, redacted

IDS = ("message_id", "parent_id", "message_tree_id", "user_id")


def strings(value):
    """Return all strings in nested lists, maps and rows."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            yield from strings(list(pair))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)


def content_of(folder):
    """Return everything in a folder, in one text; what is packed is unpacked."""
    record = Record.read(folder)
    tables = [*strings(record.table.to_pylist()), *strings(record.threads.to_pylist())]
    html = (folder / "report.html").read_text()
    packed = [
        gzip.decompress(b64decode(p)).decode() for p in re.findall('<script type="text/plain"[^>]*>([^<]*)<', html)
    ]
    unpacked = [text for piece in packed for text in strings(json.loads(piece))]
    files = [(folder / name).read_text() for name in ("record.json", "summary.md")]
    return "\n".join([*tables, *unpacked, *files, html, *strings(json.loads(files[0]))])


def written(record, folder):
    made = redacted(record)
    made.write(folder)
    write_pages(folder, pages(made))
    return content_of(folder)


@pytest.fixture
def small(tmp_path):
    """Audit ids that are no UUIDs and have quotes in them, in findings that name each other."""
    (tmp_path / "secret-folder").mkdir()
    words = "Yeast eats sugar and breathes out gas and the dough traps it until the bread is baked"
    odd = {"message_tree_id": "tree 'of' \"Evelyn\"", "user_id": "alice smith"}
    rows = [
        message("a", message_id="it's Bob", text=f"The start. {words}", **odd),
        message("b", message_id='say "Carol"', parent_id="it's Bob", text=words, role="prompter", **odd),
        message("c", message_id="'Dan' and \"Dora\"", parent_id="Mallory\\'s", text=" ", **odd),
        '{"message_id": "Trudy", "parent_id": null, "user_id": "alice smith", "text": ',
    ]
    return audit(tmp_path / "secret-folder", rows)


def test_no_id_of_a_release_and_no_folder_is_left(released, tmp_path):
    made, record = released
    ids = {message.get(name) for tree in made.trees for message in tree for name in IDS} - {None}
    # The release is made of the rules' examples, which the record has too: their ids are nobody's.
    examples = str([rule for check in record.facts.checks for rule in check.rules])
    ids = {name for name in ids if name not in examples}
    text = written(record, tmp_path / "o")
    assert len(ids) > len(made.trees)
    assert [name for name in ids if name in text] == []
    assert "secret-folder" not in text
    assert "release.jsonl" in text


def test_no_odd_id_is_left_either(small, tmp_path):
    text = written(small, tmp_path / "o")
    for secret in ("Bob", "Carol", "Dan", "Dora", "Evelyn", "Mallory", "Trudy", "alice", "secret-folder"):
        assert secret not in text


def test_a_raw_record_is_left_out(small):
    (before,) = [r for r in small.table.to_pylist() if r["rule"].endswith("unreadable_line")]
    (after,) = [r for r in redacted(small).table.to_pylist() if r["rule"].endswith("unreadable_line")]
    assert "alice smith" in before["spans"][0]["quote"]
    assert {**after["spans"][0]} == {**before["spans"][0], "source": "data.jsonl", "quote": ""}


def test_quotes_that_are_evidence_stay_and_the_text_around_them_goes(small):
    after = redacted(small).table.to_pylist()
    for old, new in zip(small.table.to_pylist(), after, strict=True):
        for span, kept in zip(old["spans"], new["spans"], strict=True):
            assert (kept["before"], kept["after"]) == ("", "")
            assert kept["quote"] == ("" if span["id"] == "line 4" else span["quote"])
            assert (kept["start"], kept["end"], kept["line"]) == (span["start"], span["end"], span["line"])
    assert any("Yeast eats sugar" in span["quote"] for row in after for span in row["spans"])


def test_texts_of_conversations_are_gone_and_their_shape_stays(released):
    _, record = released
    before, after = record.threads.to_pylist(), redacted(record).threads.to_pylist()
    assert {row["excerpt"] for row in after} == {None}
    for name in ("parent", "role", "lang", "rank", "depth", "n_replies", "line"):
        assert [row[name] for row in after] == [row[name] for row in before]
    assert [row["id"] for row in after] == [hashed(row["id"]) for row in before]


def test_who_has_the_data_finds_a_message_again():
    digest = blake2b(b"reply-17", digest_size=8, person=b"chataudit").hexdigest()
    assert hashed("reply-17") == f"id-{digest}"
    assert hashed("\ud800") != hashed("reply-17") != hashed("reply-18")


def test_ids_are_the_same_in_findings_spans_facets_and_conversations(released):
    _, record = released
    rows = shown(pages(redacted(record))["report.html"])
    copies = [row for row in rows if row["rule"] == "near_duplicates/near_copy"]
    (copy,) = [row for row in copies if row["spans"][1]["id"] in row["siblings"]]
    assert copy["id"] == copy["path"][-1] == copy["spans"][0]["id"]
    assert copy["facets"]["partner"] == copy["spans"][1]["id"]
    assert copy["spans"][1]["id"] in copy["siblings"]


def test_fingerprints_counts_and_rates_are_as_before(released):
    _, record = released
    made = redacted(record)
    for name in ("fingerprint", "rule", "severity", "score", "line", "role", "lang", "created_date"):
        assert made.table[name].equals(record.table[name])
    before, after = page(record), page(made)
    assert (after.verdict, after.headline, after.reasons) == (before.verdict, before.headline, before.reasons)
    for old, new in zip(before.checks, after.checks, strict=True):
        assert (new.rate, new.counts, new.skipped, new.kept) == (old.rate, old.counts, old.skipped, old.kept)
        assert [(r.id, r.count) for r in new.rules] == [(r.id, r.count) for r in old.rules]


def test_what_findings_are_counted_by_stays_in_the_sentence(tmp_path):
    rows = [message("a", role="moderator"), message("b", "a", lang="xx-elvish"), message("c", "a", message_id="Trudy")]
    found = redacted(audit(tmp_path, rows, "schema_invariants")).table
    reported = dict(zip(found["rule"].to_pylist(), found["summary"].to_pylist(), strict=True))
    assert reported["schema_invariants/unknown_role"] == "Role is 'moderator'; expected prompter or assistant"
    assert reported["schema_invariants/language_tag"] == "Language tag is 'xx-elvish'; expected one such as en or pt-BR"
    assert reported["schema_invariants/malformed_id"] == f"message_id is '{hashed('Trudy')}'; expected a UUID"


def test_the_page_is_marked_as_redacted(small):
    words = "chataudit report, redacted: ids are hashed, texts are cut to the evidence"
    assert words in pages(redacted(small))["report.html"]
    assert words not in pages(small)["report.html"]


def test_it_is_written_read_and_redacted_again(small, tmp_path):
    made = redacted(small)
    made.write(tmp_path / "o")
    write_pages(tmp_path / "o", pages(made))
    again = Record.read(tmp_path / "o")
    assert again.facts.is_redacted
    assert again.facts == made.facts
    assert again.table.equals(made.table)
    assert again.threads.equals(made.threads)
    assert redacted(again) is again
    assert again.table.schema.equals(FINDINGS)
    assert again.threads.schema.equals(THREADS)
    assert again.table["fingerprint"].equals(small.table["fingerprint"])


def test_it_serves_as_a_baseline(small):
    n = small.table.num_rows
    older = Baseline.of(redacted(small), small)
    text = pages(small, baseline=older)["summary.md"]
    (check,) = [c for c in page(small, older).checks if c.name == "schema_invariants"]
    assert check.baseline.startswith("0 new, ")
    assert check.baseline.endswith(" known, 0 fixed since the baseline")
    assert n == sum(int(count) for count in re.findall(r"0 new, (\d+) known, 0 fixed", text))


def test_nothing_found_is_redacted_too(tmp_path):
    made = redacted(audit(tmp_path, [message("a"), message("b", "a")]))
    assert (made.table.num_rows, made.threads.num_rows) == (0, 0)
    assert uid("a") not in pages(made)["report.html"]


# -- what was wrong once -----------------------------------------------------------------------------------------------


def test_an_id_that_is_a_number_is_hashed_too(tmp_path):
    record = audit(tmp_path / "", [message("a", user_id=4711471147)], "schema_invariants")
    assert "4711471147" not in written(record, tmp_path / "o")


def test_a_long_value_of_a_wrong_type_is_hashed_too(tmp_path):
    record = audit(tmp_path, [message("a", rank="Alice Smith, " * 9)], "schema_invariants")
    assert "Alice" not in written(record, tmp_path / "o")


def test_an_id_that_is_a_facet_is_hashed_in_the_summary_too(small):
    row = small.table.to_pylist()[0] | {"summary": "It copies 'Bob 7'", "facets": [("partner", "Bob 7")]}
    made = Record(small.facts, type(small.table).from_pylist([row], schema=FINDINGS), small.threads, small.messages)
    assert "Bob 7" not in redacted(made).table["summary"][0].as_py()


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def scan(self, batch):
        raise KeyError(batch.column("message_id")[0].as_py())


def test_an_id_in_the_error_of_a_check_is_hashed_too(tmp_path):
    record = audit(tmp_path, [message("a")], Fails())
    assert uid("a") in record.facts.checks[0].error
    assert [check.error for check in redacted(record).facts.checks] == ["KeyError"]
    assert uid("a") not in written(record, tmp_path / "o")


def test_files_of_one_name_in_two_folders_stay_apart(tmp_path):
    paths = []
    for name in "ab":
        (tmp_path / name).mkdir()
        rows = [message(name, message_tree_id=uid(name)), message("c", name, message_id=None, text=" ")]
        paths.append(write(tmp_path / name / "data.jsonl", [{**row, "message_tree_id": uid(name)} for row in rows]))
    record = redacted(run(*paths, checks=["schema_invariants"], engine="serial"))
    names = ["data.jsonl", "2-data.jsonl"]
    assert [source.name for source in record.facts.sources] == names
    assert sorted({count.source for count in record.facts.census}) == sorted(names)
    assert record.threads["source"].unique().to_pylist() == names
    paths = [row["path"] for row in shown(pages(record)["report.html"]) if row["rule"].endswith("empty_text")]
    assert [path[0] for path in paths] == [hashed(uid("a")), hashed(uid("b"))]


@pytest.mark.parametrize("names", [("data.jsonl", "b/data.jsonl"), ("b/data.jsonl", "data.jsonl")])
def test_files_whose_paths_end_alike_stay_apart(tmp_path, monkeypatch, names):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    for name in names:
        write(tmp_path / name, [message(name, message_tree_id=uid(name), text=" ")])
    record = redacted(run(*names, checks=["schema_invariants"], engine="serial"))
    reported = {row["message_id"]: row["source"] for row in record.table.to_pylist()}
    assert [source.name for source in record.facts.sources] == ["data.jsonl", "2-data.jsonl"]
    assert reported == {hashed(uid(names[0])): "data.jsonl", hashed(uid(names[1])): "2-data.jsonl"}


def test_a_file_that_is_called_as_another_would_be_stays_apart(tmp_path):
    paths = []
    for name in ("a/3-data.jsonl", "b/data.jsonl", "c/data.jsonl"):
        (tmp_path / name).parent.mkdir()
        paths.append(write(tmp_path / name, [message(name, message_tree_id=uid(name))]))
    record = redacted(run(*paths, checks=["schema_invariants"], engine="serial"))
    assert len({source.name for source in record.facts.sources}) == 3
