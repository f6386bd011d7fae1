"""Faults of single records, with an excerpt that fits a report."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from ....checks.base.faults import FaultKind
from ....checks.base.messages import FAULTS

Row = dict[str, Any]  # one message: raw values by the names of MESSAGES

EXCERPT = 200  # most code points of a raw record that a fault quotes


class Fault(NamedTuple):
    """Something wrong with one record, as the reader found it; a row of FAULTS without the source."""

    kind: FaultKind
    detail: str
    line: int
    excerpt: str = ""
    tree_id: str | None = None
    message_id: str | None = None
    field: str | None = None  # the column of MESSAGES that it left null

    def of(self, row: Row) -> "Fault":
        """Return the fault with the ids of this message."""
        return self._replace(tree_id=_clean(row.get("tree_id")), message_id=_clean(row.get("message_id")))


def whole_characters(text: str) -> str:
    """Join surrogate pairs, and replace unpaired surrogates by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _clean(value: object) -> str | None:
    return whole_characters(value) if isinstance(value, str) else None


def mistyped(name: str, value: object, expected: str, tree_id: object = None, message_id: object = None) -> Fault:
    """Return the fault of a value of a wrong type; the caller fills in its line."""
    name = whole_characters(name)[:60]
    try:
        shown = whole_characters(json.dumps(value, ensure_ascii=False, default=repr))
    except RecursionError:  # writing needs a deeper stack than reading did
        shown = "…"
    kinds = {str: ", a string", bool: ", a boolean", int: ", an integer", float: ", a number", list: ", a list"}
    clipped = shown if len(shown) <= 60 else shown[:59] + "…"
    kind = "" if value is None else kinds.get(type(value), ", an object")
    detail = f"{name} is {clipped}{kind}; expected {expected}"
    excerpt = f"{name}: {shown}"[:EXCERPT]
    return Fault(FaultKind.MISTYPED_FIELD, detail, 0, excerpt, _clean(tree_id), _clean(message_id))


def missing(where: str, field: str | None, expected: str, *, is_there: bool = True) -> Fault:
    """Return the fault of a field without a value, which leaves a column of MESSAGES null."""
    detail = f"{where} is {'null' if is_there else 'missing'}; expected {expected}"
    return Fault(FaultKind.MISSING_FIELD, detail, 0, field=field)


def faults_table(faults: Sequence[Fault], source: str) -> pa.Table:
    """Return faults of one source as a table of FAULTS."""
    if not faults:
        return FAULTS.empty_table()
    rows = [{**fault._asdict(), "source": source} for fault in faults]
    return pa.Table.from_pylist(rows, schema=FAULTS)
