import re
from datetime import date
from itertools import pairwise
from pathlib import PurePath

import pyarrow as pa
import pytest
from building import audit, conversation, message, uid, write
from chataudit import Record, run
from chataudit.checks.base.check import Check
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.baseline import Baseline
from chataudit.reports.exports import github as module
from chataudit.reports.exports.github import annotations, step_summary
from chataudit.reports.gate import Gate, Limit, Suppression, decide
from chataudit.reports.record import STDIN
from markdown_it import MarkdownIt

DAY = date(2026, 1, 1)
BROKEN = Limit(target="schema_invariants", max_count=0)


def decided(record, *limits, accepted=(), older=None):
    gate = Gate(limits or (Limit(max_count=99),), accepted)
    return decide(record, gate, None if older is None else Baseline.of(older, record), DAY)


def read(line):
    """Read a command as GitHub's runner reads it: its name, its properties, and its message."""
    name, properties, reported = re.fullmatch(r"::(\w+) (.*?)::(.*)", line).groups()  # no dot matches a line feed

    def unescaped(words, codes):
        for code, character in codes.items():
            words = words.replace(code, character)
        return words.replace("%25", "%")

    lines = {"%0D": "\r", "%0A": "\n"}
    pairs = (pair.split("=", 1) for pair in properties.split(","))
    values = {key: unescaped(value, {**lines, "%3A": ":", "%2C": ","}) for key, value in pairs}
    return name, values, unescaped(reported, lines)


@pytest.fixture
def record(tmp_path):
    """Audit one reply in the role of its parent, and so a thread without an answer."""
    return audit(tmp_path, [message("a"), message("b", "a", role="prompter")], SchemaInvariants())


def test_what_breaks_the_gate_comes_first_then_the_findings_with_their_places(record, tmp_path):
    assert [read(line) for line in annotations(record, decided(record, BROKEN))] == [
        ("error", {"title": "Gate: schema_invariants"}, "schema_invariants: 1 finding, above the limit of 0"),
        (
            "warning",
            {"file": str(tmp_path / "data.jsonl"), "line": "2", "title": "Reply has the same role as its parent"},
            "Prompt follows a prompt",
        ),
    ]


def test_of_each_rule_the_worst_finding_represents_the_others(tmp_path):
    rows = [row for tree in "abc" for row in conversation(tree, 1, role="prompter")]
    record = audit(tmp_path, [message("x", lang="x y", message_tree_id=uid("x")), *rows], SchemaInvariants())
    reported = [read(line) for line in annotations(record, decided(record))]
    assert [(kind, place["line"], words) for kind, place, words in reported] == [
        ("warning", "3", "Prompt follows a prompt (and 2 more of this rule)"),
        ("warning", "1", "Language tag is 'x y'; expected one such as en or pt-BR"),
    ]


def test_findings_that_a_broken_limit_is_about_come_before_worse_ones(tmp_path):
    rows = [message("a", lang="x y"), message("b", "a", role="prompter")]
    record = audit(tmp_path, rows, SchemaInvariants())
    lines = [Limit(target=f"schema_invariants/{rule}", max_count=0) for rule in ("language_tag", "cycle")]
    reported = [read(line) for line in annotations(record, decided(record, *lines))]
    assert [(kind, place.get("line")) for kind, place, _ in reported] == [
        ("error", None),
        ("warning", "1"),
        ("warning", "2"),
    ]
    reported = [read(line) for line in annotations(record, decided(record))]
    assert [(kind, place.get("line")) for kind, place, _ in reported] == [("warning", "2"), ("warning", "1")]


def test_accepted_and_known_findings_are_not_reported(record):
    accepted = Suppression("known", date(2027, 1, 1), rule="schema_invariants/role_alternation")
    assert annotations(record, decided(record, accepted=(accepted,))) == []
    assert annotations(record, decided(record, older=record)) == []
    nothing = Record(record.facts, record.table.slice(0, 0), record.threads, record.messages)
    assert len(annotations(record, decided(record, older=nothing))) == 1


def test_no_more_are_written_than_github_shows(record, monkeypatch):
    limits = [Limit(target="schema_invariants", max_count=0, lang=("en", str(k))) for k in range(12)]
    reported = [read(line) for line in annotations(record, decided(record, *limits))]
    assert [kind for kind, _, _ in reported] == ["error"] * 10 + ["warning"]
    assert reported[9] == ("error", {"title": "Gate"}, "3 more reasons: see the job summary")
    monkeypatch.setattr(module, "SHOWN", 0)
    assert not any(line.startswith("::warning") for line in annotations(record, decided(record)))


def test_what_came_by_standard_input_has_no_place(record):
    rows = [row | {"source": STDIN} for row in record.table.to_pylist()]
    piped = Record(record.facts, pa.Table.from_pylist(rows, record.table.schema), record.threads, record.messages)
    assert [read(line)[1] for line in annotations(piped, decided(piped))] == [
        {"title": "Reply has the same role as its parent"}
    ]


HOSTILE = "50%:a,b=c\n::add-mask::x\r::set-output name=y::z\u2028::stop-commands::t\x85##[error]\x00.jsonl"


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def __init__(self):
        pass

    def scan(self, batch):
        raise RuntimeError(HOSTILE)


def test_no_word_of_the_data_ends_a_line_or_begins_a_command(tmp_path):
    name = HOSTILE.replace("\x00", "")
    path = write(
        tmp_path / name, [message("a", message_id=HOSTILE), message("b", HOSTILE, role="prompter", lang="\n::x::")]
    )
    record = run(path, checks=["schema_invariants"], engine="serial")
    lines = annotations(record, decided(record, Limit(max_count=0, source=(name,))))
    lines += annotations(*(lambda r: (r, decided(r)))(audit(tmp_path, [message("a")], SchemaInvariants(), Fails())))
    assert len(lines) > 4
    for line in lines:
        assert len(line.splitlines()) == 1
        assert line.startswith(("::error ", "::warning "))
        read(line)
    shown = name.replace("\r", "⟦U+000D⟧").replace("\u2028", "⟦U+2028⟧").replace("\x85", "⟦U+0085⟧")
    assert {PurePath(read(line)[1]["file"]).name for line in lines if "file=" in line} == {shown}


def parsed(text):
    """Return the kinds of all tokens of a text, and the words of each cell of its first table."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    end = next(k for k, token in enumerate(tokens) if token.type == "table_close")
    cells = [
        "".join(child.content for child in token.children)
        for before, token in pairwise(tokens[:end])
        if before.type in ("th_open", "td_open")
    ]
    kinds = {each.type for token in tokens for each in (token, *(token.children or ()))}
    return kinds, [cells[k : k + 5] for k in range(0, len(cells), 5)]


def test_the_summary_of_a_step_has_the_verdict_and_each_limit_then_the_rates(record):
    role = Limit(target="schema_invariants/role_alternation", max_rate=0.01, bound="lower")
    text = step_summary(record, decided(record, BROKEN, Limit(max_rate=0.75), role))
    _, (head, *rows) = parsed(text)
    assert text.startswith("# Gate failed: 2 of 3 limits exceeded\n")
    assert head == ["limit", "found", "95 % CI", "allowed", ""]
    interval = rows[1][2]
    assert re.fullmatch(r"\d+\.\d-\d+\.\d %", interval)
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["max_count: schema_invariants", "1", "", "0", "exceeded"],
        ["max_rate: schema_invariants/role_alternation", "50.0 %", interval, "1.0 % (lower end)", "exceeded"],
        ["max_rate: all", "50.0 %", interval, "75.0 %", "met"],
    ]
    assert "\n# Audit of ` data.jsonl `\n" in text
    assert "\n- 1 × Reply has the same role as its parent (error, `schema_invariants/role_alternation`)\n" in text


def test_the_summary_of_a_step_lists_what_is_new_accepted_expired_and_not_known(record, tmp_path):
    rule = "schema_invariants/role_alternation"
    past, future = (Suppression(words, day, rule=rule) for words, day in (("old", DAY.replace(2025)), ("new", DAY)))
    limit = Limit(target="schema_invariants", max_rate=0.1, lang=("de",))
    text = step_summary(record, decided(record, limit, accepted=(past, future), older=record))
    assert "` max_rate: schema_invariants, lang de ` | unknown |  | 10.0 % | **unknown** |" in text
    assert (
        "- ` schema_invariants, lang de: no message was checked `\n"
        "- 1 accepted finding not counted.\n"
        "- 0 findings new since the baseline\n"
        "- ` A suppression expired on 2025-01-01; 1 finding counts again: old `\n"
    ) in text


def test_words_of_limits_suppressions_and_data_are_no_markup(tmp_path, record):
    words = "a|b `c` [d](https://evil.example) <img src=x> @octocat **e**\n\n# f\u202e"
    path = write(tmp_path / words.replace("/", ""), [message("a", lang=words), message("b", "a", role="prompter")])
    hostile = run(path, checks=["schema_invariants"], format="oasst_messages", engine="serial")
    accepted = Suppression(words, date(2025, 1, 1), rule="schema_invariants")
    harmless = Suppression("x", date(2025, 1, 1), rule="schema_invariants")
    text = step_summary(hostile, decided(hostile, Limit(max_count=0, lang=(words,)), accepted=(accepted,)))
    expected = step_summary(record, decided(record, Limit(max_count=0, lang=("x",)), accepted=(harmless,)))
    assert parsed(text)[0] == parsed(expected)[0]
    assert len(re.findall("^#", text, flags=re.MULTILINE)) == len(re.findall("^#", expected, flags=re.MULTILINE))
    assert "\u202e" not in text


def test_a_summary_that_github_would_drop_is_cut_at_a_line(record, monkeypatch):
    whole = step_summary(record, decided(record))
    monkeypatch.setattr(module, "MAX_SUMMARY", 500)
    cut = step_summary(record, decided(record))
    kept, note = cut.rsplit("\n\n", 1)
    assert note == "Cut short here: GitHub shows 1 MiB. summary.md has all of it.\n"
    assert whole.startswith(f"{kept}\n")
    assert 300 < len(cut.encode()) <= 500


def test_the_same_record_gives_the_same_text(record):
    verdict = decided(record, BROKEN)
    assert annotations(record, verdict) == annotations(record, verdict)
    assert step_summary(record, verdict) == step_summary(record, verdict)
