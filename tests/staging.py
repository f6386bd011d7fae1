"""A check driven by hand, stage by stage, and the law of its examples."""

from collections import defaultdict
from typing import Any, NamedTuple

import pyarrow as pa
from building import batch
from chataudit.checks import ALL, CHECKED, TREE, Batch, Check, Data


class Staged(NamedTuple):
    """What the stages of a check gave together."""

    findings: list[dict[str, Any]]
    outcomes: dict[str, str]  # by message id; a later stage overrides an earlier one
    notes: list[str]

    def reported(self, rule: str) -> list[str]:
        """Return the ids of the messages that a rule reports."""
        return [row["message_id"] for row in self.findings if row["rule"] == rule]


def staged(check: Check, *batches: Batch) -> Staged:
    """Run the stages of a check over batches, one stage after another."""
    waiting: dict[str, list[pa.Table]] = defaultdict(list)
    given = Staged([], {}, [])
    for stage in check.stages():
        calls: list[tuple[Any, ...]] = [(each,) for each in batches]
        if stage.by != TREE:
            assert stage.by == ALL, "this helper shuffles no rows"
            tables = [
                pa.concat_tables([schema.empty_table(), *waiting.pop(name, [])]) for name, schema in stage.takes.items()
            ]
            calls = [tuple(tables)]
        for call in calls:
            for result in stage.results(*call):
                given.findings.extend(result.findings.to_pylist())
                rows = result.coverage.to_pylist()
                given.outcomes.update({row["message_id"]: row["outcome"] for row in rows})
                given.notes.extend(result.notes)
                for name, table in result.rows.items():
                    waiting[name].append(table)
    assert not waiting, f"no stage takes {list(waiting)}"
    return given


def on_example(check: Check, data: Data) -> Staged:
    """Run the stages of a check over the messages of an example."""
    return staged(check, batch(data.messages))


def assert_examples(check: Check) -> None:
    """Assert that every rule reports the message of its example, and that message alone, and not its neighbour."""
    for rule in check.rules:
        found = on_example(check, rule.example.this)
        assert found.reported(rule.id) == [rule.example.reported], rule.id
        assert {found.outcomes[row["message_id"]] for row in found.findings} == {CHECKED}, rule.id
        assert on_example(check, rule.example.not_this).reported(rule.id) == [], rule.id
