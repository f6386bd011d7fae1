"""Lists written by `clean`: dropped messages with their rules, copies that were kept, and changed language tags."""

from collections.abc import Iterator, Sequence

from ...checks.base.places import nameless_id
from ..reading.matching import Audited
from .decisions import Decisions
from .message_index import MessageIndex

_PLACE = ("source", "line", "tree_id", "message_id")
DROPPED_COLUMNS = (*_PLACE, "action", "reasons", "because_of", "kept_message_id", "kept_by", "found_elsewhere")
KEPT_COLUMNS = (*_PLACE, "copy_of", "reasons", "would_be_lost")
CHANGED_COLUMNS = (*_PLACE, "field", "old", "new", "reasons")


def _place(files: Sequence[Audited], messages: MessageIndex, row: int) -> tuple[object, ...]:
    ids = (column[row].as_py() or "" for column in (messages.tree_ids, messages.ids))
    return (files[messages.source[row]].source.name, int(messages.line[row]), *ids)


def _name(messages: MessageIndex, row: int) -> str:
    if row < 0:
        return ""
    return messages.ids[row].as_py() or nameless_id(int(messages.line[row]))


def dropped_rows(files: Sequence[Audited], decisions: Decisions) -> list[tuple[object, ...]]:
    """Return the rows of dropped.csv, in the order of sources and lines."""
    messages = decisions.messages
    rows: list[tuple[tuple[int, int, int], tuple[object, ...]]] = []
    for row, drop in decisions.dropped.items():
        if messages.is_context[row]:
            continue
        cause, kept = (_name(messages, other) for other in (drop.cause, drop.kept))
        found = "" if messages.text[row] < 0 else "no" if row in decisions.found_nowhere_else else "yes"
        reason = (drop.action, "; ".join(drop.rules), cause, kept, drop.by, found)
        place = (int(messages.source[row]), int(messages.line[row]), row)
        rows.append((place, (*_place(files, messages, row), *reason)))
    for (source, line), (action, rule) in decisions.lost.items():
        rows.append(((source, line, -1), (files[source].source.name, line, "", "", action, rule, "", "", "", "")))
    return [row for _, row in sorted(rows, key=lambda row: row[0])]


def kept_rows(files: Sequence[Audited], decisions: Decisions) -> Iterator[tuple[object, ...]]:
    """Yield the rows of kept.csv, in the order of sources and lines."""
    for row, copy in decisions.kept_copies.items():
        partner, lost = (_name(decisions.messages, other) for other in (copy.partner, copy.unique))
        yield (*_place(files, decisions.messages, row), partner, "; ".join(copy.rules), lost)


def changed_rows(files: Sequence[Audited], decisions: Decisions) -> Iterator[tuple[object, ...]]:
    """Yield the rows of changed.csv, in the order of sources and lines."""
    for row, (new, old, rules) in sorted(decisions.tags.items()):
        field_name = decisions.messages.plans[decisions.messages.source[row]].format.lang_field
        yield (*_place(files, decisions.messages, row), field_name, old or "", new, "; ".join(sorted(rules)))
