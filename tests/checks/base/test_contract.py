"""The contract between checks and the audit: settings, stages with named tables, text checks, coverage."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from building import EXAMPLE, audit, conversation, message, uid
from cases import case
from chataudit.audit.config import Config
from chataudit.audit.run import run
from chataudit.checks import (
    ALL,
    CHECKED,
    PLACES,
    WARNING,
    Check,
    Hit,
    Result,
    Rule,
    Stage,
    TextCheck,
    Wants,
    claim,
    cover,
    setting,
)
from chataudit.checks.base.settings import Bounds, settings

FOUND = Rule("pairs/found", "Pair found", WARNING, "Look at it.", EXAMPLE)


def test_the_range_of_a_setting_is_said_in_words():
    for bounds, words in (
        (Bounds(), ""),
        (Bounds(at_least=1), "at least 1"),
        (Bounds(above=0), "above 0"),
        (Bounds(at_most=3), "at most 3"),
        (Bounds(below=3), "below 3"),
        (Bounds(above=0, at_most=1), "in (0, 1]"),
        (Bounds(at_least=0, below=2), "in [0, 2)"),
        (Bounds(choices=("a", "b")), "one of a, b"),
        (Bounds(accepts=str.isupper, expects="capitals"), "capitals"),
    ):
        with case(words):
            assert str(bounds) == words


@dataclass(frozen=True)
class Wanting(Check):
    """Ask the run for all that it can hand out."""

    name = "wanting"
    rules = ()

    memory: str = setting("1GB", "Memory.", wants=Wants.MEMORY)
    lang: str | None = setting(None, "Language.", wants=Wants.LANGUAGE)
    folder: str = setting("", "Folder.", wants=Wants.REFERENCES)
    share: float = setting(0.5, "Share.", above=0, at_most=1)

    def scan(self, batch):
        return Result(coverage=cover(batch.checkable))


def test_a_check_by_name_is_handed_what_it_wants_unless_it_is_set(tmp_path, monkeypatch):
    monkeypatch.setattr("chataudit.audit.registry.checks", lambda: {"wanting": Wanting})
    path = tmp_path / "data.jsonl"
    audit(tmp_path, [message("a")], Wanting())
    told = {"memory": "2GB", "lang": "de", "references": "refs", "engine": "serial"}
    (facts,) = run(path, checks=["wanting"], **told).facts.checks
    assert facts.settings == {"memory": "1000000000B", "lang": "de", "folder": "refs", "share": 0.5}
    config = Config(checks={"wanting": {"memory": "7GB", "lang": "fr"}})
    (facts,) = run(path, checks=["wanting"], config=config, **told).facts.checks
    assert (facts.settings["memory"], facts.settings["lang"]) == ("7GB", "fr")
    (facts,) = run(path, checks=[Wanting(share=0.25)], **told).facts.checks  # an object keeps its settings
    assert facts.settings == {"memory": "1GB", "lang": None, "folder": "", "share": 0.25}


def test_a_value_out_of_its_range_is_refused_where_the_check_is_made():
    with pytest.raises(ValueError, match=r"^share: 0; expected in \(0, 1\]$"):
        Wanting(share=0)
    assert [each.name for each in settings(Wanting)] == ["memory", "lang", "folder", "share"]


LEFT = pa.schema([("key", pa.string()), *PLACES])
RIGHT = pa.schema([("key", pa.string()), ("weight", pa.int64())])
NONE = pa.schema([("n", pa.int64())])


class Pairs(Check):
    """Report prompts for which a reply has the same key; two tables meet, and one never has a row."""

    name = "pairs"
    rules = (FOUND,)

    def stages(self):
        return (
            Stage(self.scan),
            Stage(self.meet, {"left": LEFT, "right": RIGHT}, by="key"),
            Stage(self.end, {"none": NONE}, by=ALL),
        )

    def scan(self, batch):
        role, text = batch.column("role").to_pylist(), batch.column("text")
        prompts, replies = (pa.array(np.flatnonzero([r == which for r in role])) for which in ("prompter", "assistant"))
        left = pa.table([text.take(prompts), *batch.places.take(prompts).columns], schema=LEFT)
        right = pa.table([text.take(replies), pa.array(range(len(replies)), pa.int64())], schema=RIGHT)
        return Result(coverage=cover(batch.checkable), rows={"left": left, "right": right})

    def meet(self, left, right):
        assert (left.schema, right.schema) == (LEFT, RIGHT)
        keys = set(right["key"].to_pylist())
        rows = np.flatnonzero([key in keys for key in left["key"].to_pylist()])
        return Result(claim(left, FOUND, rows, "A reply has this key"))

    def end(self, none):
        return Result(notes=(f"{none.num_rows} rows, columns {none.column_names}",))


def test_tables_meet_by_their_key_and_a_last_stage_runs_without_rows(tmp_path):
    rows = [message("a", text="x"), message("b", "a", text="y"), message("c", "b", "prompter", text="y")]
    for options in ({}, {"engine": "threads", "workers": 2}, {"memory": "1B", "block": 1}):
        with case(options):
            record = audit(tmp_path, rows, Pairs(), **options)
            assert record.table["message_id"].to_pylist() == [uid("c")]
            assert record.facts.checks[0].notes == ["0 rows, columns ['n']"]


class Unknown(Pairs):
    """Hand on rows that no stage takes."""

    name = "unknown"

    def scan(self, batch):
        return Result(coverage=cover(batch.checkable), rows={"leftt": LEFT.empty_table()})


class Strange(Pairs):
    """Hand on rows of other columns than declared."""

    name = "strange"

    def scan(self, batch):
        return Result(coverage=cover(batch.checkable), rows={"none": RIGHT.empty_table()})


class Uncounted(Pairs):
    """Report a message in a later stage that the first one skipped."""

    name = "uncounted"
    rules = (Rule("uncounted/found", "Pair found", WARNING, "Look at it.", EXAMPLE),)

    def scan(self, batch):
        first = super().scan(batch)
        return Result(coverage=cover(batch.checkable, "looked away"), rows=first.rows)

    def meet(self, left, right):
        return Result(claim(left, self.rules[0], np.arange(left.num_rows), "Reported all the same"))


def test_what_breaks_the_contract_is_an_error_of_the_check(tmp_path):
    for check, words in (
        (Unknown(), "rows 'leftt': 0 later stages take them; expected one"),
        (Strange(), "rows 'none' have the columns ['key', 'weight']; declared are ['n']"),
        (Uncounted(), "reports 1 message that it did not count as checked, the first at "),
    ):
        with case(check.name):
            record = audit(tmp_path, conversation("a", 1), check)
            (facts,) = record.facts.checks
            assert words in facts.error
            assert (record.table.num_rows, record.exit_code) == (0, 4)
            assert check.name not in record.messages.column_names


@dataclass(frozen=True)
class Letters(TextCheck):
    """Report every x and y in replies."""

    name = "letters"
    rules = tuple(Rule(f"letters/{letter}", f"Contains {letter}", WARNING, "Cut it.", EXAMPLE) for letter in "xy")

    def skip(self, message):
        return None if message.role == "assistant" else "not a reply"

    def inspect(self, message):
        for at, letter in enumerate(message.text):
            for rule in self.rules:
                if letter == rule.name:
                    yield Hit(
                        rule, at, at + 1, f"{letter} at {at}", score=at / 100, facets={"lang": message.lang or ""}
                    )


def test_hits_of_one_rule_in_one_text_are_one_finding_with_all_their_spans(tmp_path):
    texts = ("x", "axbxcy", " ", "none", "x" * 40)
    rows = [message("a", text="x"), *(message(f"b{k}", "a", text=text) for k, text in enumerate(texts[1:]))]
    record = audit(tmp_path, rows, Letters())
    found = [
        (row["rule"], row["message_id"], row["summary"], row["score"], [(s["start"], s["end"]) for s in row["spans"]])
        for row in record.table.to_pylist()
    ]
    assert found == [
        ("letters/x", uid("b0"), "x at 1", 0.03, [(1, 2), (3, 4)]),
        ("letters/y", uid("b0"), "y at 5", 0.05, [(5, 6)]),
        ("letters/x", uid("b3"), "x at 0", 0.39, [(k, k + 1) for k in range(10)]),
    ]
    assert {spans["quote"] for row in record.table.to_pylist() for spans in row["spans"]} == {"x", "y"}
    outcomes = record.messages["letters"].to_pylist()
    assert outcomes == ["not a reply", CHECKED, "no text", CHECKED, CHECKED]
