"""The messages that an audit saw, and what became of them."""

import numpy as np
import pyarrow as pa
from building import EXAMPLE, audit, conversation, message, nest, uid, write
from chataudit.audit.run import run
from chataudit.checks.base.check import ALL, Check, Result, Stage
from chataudit.checks.base.claims import cover
from chataudit.checks.base.findings import Rule
from chataudit.checks.base.messages import MESSAGES
from chataudit.reports.record import Record


def seen(record, *names):
    return [tuple(row.values()) for row in record.messages.select(names).to_pylist()]


def test_every_message_is_recorded_with_its_place_and_its_outcome(tmp_path):
    record = audit(tmp_path, conversation("a", 1), "schema_invariants", "prompt_parroting")
    assert seen(record, "message_id", "line", "role", "schema_invariants", "prompt_parroting") == [
        (uid("a"), 1, "prompter", "checked", "prompter message"),
        (uid("a-1"), 2, "assistant", "checked", "checked"),
    ]


def test_messages_are_in_the_order_of_lines_where_trees_were_gathered(tmp_path):
    first, second = conversation("a"), conversation("b")
    mixed = [row for pair in zip(first, second, strict=True) for row in pair] * 400
    assert [line for (line,) in seen(audit(tmp_path, mixed, "schema_invariants"), "line")] == list(range(1, 2401))


def test_a_message_in_several_trees_of_a_nested_file_is_recorded_once_per_record(tmp_path):
    record = audit(tmp_path, [nest(conversation("a", 2)), nest(conversation("b", 0))], "schema_invariants")
    assert [line for (line,) in seen(record, "line")] == [1, 1, 1, 2]


def test_the_digest_changes_with_text_role_language_and_parent_and_with_nothing_else(tmp_path):
    def digest(**more):
        return seen(audit(tmp_path, [message("a", **more)], "schema_invariants"), "digest")

    before = digest()
    for name, value in (("text", "other"), ("role", "assistant"), ("lang", "de"), ("parent_id", uid("b"))):
        assert digest(**{name: value}) != before, name
    assert digest(text=None) != digest(text="")
    assert digest(rank=3, created_date="2023-02-08T17:29:24+00:00", tree_state="growing") == before


class Later(Check):
    """Check all at first, and skip in a later stage what it cannot check."""

    name = "later"
    rules = (Rule("later/none", "None", 1, "None.", EXAMPLE),)

    def stages(self):
        return Stage(self.scan), Stage(self.amend, {"messages": MESSAGES}, by=ALL)

    def scan(self, batch):
        return Result(coverage=cover(batch.checkable), rows={"messages": batch.checkable})

    def amend(self, rows):
        odd = rows.take(pa.array(np.flatnonzero(np.arange(len(rows)) % 2)[::-1]))
        return Result(coverage=cover(odd, "looked away"))


class Fails(Later):
    """Check all at first, and fail."""

    name = "fails"

    def amend(self, rows):
        raise ZeroDivisionError


def test_a_later_stage_has_the_last_word_on_a_message(tmp_path):
    record = audit(tmp_path, conversation("a", 3), Later())
    assert [outcome for (outcome,) in seen(record, "later")] == ["checked", "looked away"] * 2
    assert record.facts.checks[0].skipped == {"looked away": 2}


def test_a_check_that_failed_has_no_column(tmp_path):
    record = audit(tmp_path, conversation("a"), Fails(), Later())
    assert record.messages.column_names[-1] == "later"
    record.write(tmp_path / "out")
    assert Record.read(tmp_path / "out").messages.equals(record.messages)


def test_a_file_without_messages_has_the_columns_all_the_same(tmp_path):
    record = run(write(tmp_path / "data.jsonl", ["no json"]), checks=["schema_invariants"], format="documents")
    assert (record.messages.num_rows, record.messages.column_names[-1]) == (0, "schema_invariants")
