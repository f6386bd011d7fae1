"""Lists written by `clean`: dropped messages with their rules, and changed language tags."""

from collections.abc import Iterator, Sequence

from ...checks.base.places import nameless_id
from ..reading.folders import CHANGED, DROPPED, POLICY
from ..reading.matching import Audited
from .decisions import Decisions
from .message_index import MessageIndex

__all__ = ["CHANGED", "CHANGED_COLUMNS", "DROPPED", "DROPPED_COLUMNS", "POLICY", "changed_rows", "dropped_rows"]

_PLACE = ("source", "line", "tree_id", "message_id")
DROPPED_COLUMNS = (*_PLACE, "action", "reasons", "because_of", "kept_message_id", "kept_by")
CHANGED_COLUMNS = (*_PLACE, "field", "old", "new", "reasons")


def _place(files: Sequence[Audited], messages: MessageIndex, row: int) -> tuple[object, ...]:
    ids = (column[row].as_py() or "" for column in (messages.tree_ids, messages.ids))
    return (files[messages.source[row]].source.name, int(messages.line[row]), *ids)


def dropped_rows(files: Sequence[Audited], decisions: Decisions) -> list[tuple[object, ...]]:
    """Return the rows of dropped.csv, in the order of sources and lines."""
    messages = decisions.messages

    def name(row: int) -> str:
        if row < 0:
            return ""
        return messages.ids[row].as_py() or nameless_id(int(messages.line[row]))

    rows: list[tuple[tuple[int, int, int], tuple[object, ...]]] = []
    for row, drop in decisions.dropped.items():
        if messages.is_context[row]:
            continue
        reason = (drop.action, "; ".join(drop.rules), name(drop.cause), name(drop.kept), drop.by)
        place = (int(messages.source[row]), int(messages.line[row]), row)
        rows.append((place, (*_place(files, messages, row), *reason)))
    for (source, line), (action, rule) in decisions.lost.items():
        rows.append(((source, line, -1), (files[source].source.name, line, "", "", action, rule, "", "", "")))
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def changed_rows(files: Sequence[Audited], decisions: Decisions) -> Iterator[tuple[object, ...]]:
    """Yield the rows of changed.csv, in the order of sources and lines."""
    for row, (new, old, rules) in sorted(decisions.tags.items()):
        field_name = decisions.messages.plans[decisions.messages.source[row]].format.lang_field
        yield (*_place(files, decisions.messages, row), field_name, old or "", new, "; ".join(sorted(rules)))
