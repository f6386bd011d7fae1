"""The messages that findings and spans are about."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import as_ints, single
from ...checks.base.places import line_id, nameless_id
from .message_index import MessageIndex


class Locator:
    """Finds the rows of an index by the places and ids in findings."""

    def __init__(self, messages: MessageIndex, sources: Sequence[str]) -> None:
        self.messages = messages
        self._number = {name: k for k, name in enumerate(sources)}

    def place(self, finding: Mapping[str, Any]) -> tuple[int, int]:
        """Return the number of the source and the line of a finding or a span."""
        return self._number[finding["source"]], finding["line"]

    def rows(self, message_id: str | None, source: int, line: int, span: Mapping[str, Any] | None = None) -> list[int]:
        """Return the messages with this id in a record; if there is none, all messages of the record.

        If several share the id, a span over a whole text selects those of its length.
        """
        here = self.messages.at(source, line)
        if span is not None and span["id"] == line_id(line) and message_id is None:
            return list(here)
        ids = self.messages.ids.slice(here.start, len(here)).to_pylist()
        rows = [row for row, own in zip(here, ids, strict=True) if own == message_id]
        if len(rows) > 1 and span is not None and span["start"] == 0:
            rows = [row for row in rows if self.messages.n_chars[row] == span["end"]] or rows
        return rows or list(here)

    def rows_of(self, span: Mapping[str, Any]) -> list[int]:
        """Return the messages that a span may be in."""
        message_id = span["id"] if span["id"] != nameless_id(span["line"]) else None
        return self.rows(message_id, *self.place(span), span)

    def first_rows(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the first row of each of these ids; ids that do not occur are left out."""
        wanted = pa.array(sorted(ids), pa.string())
        at = as_ints(single(pc.index_in(self.messages.ids, value_set=wanted)), -1)
        values, first = np.unique(at, return_index=True)
        return {wanted[v].as_py(): row for v, row in zip(values.tolist(), first.tolist(), strict=True) if v >= 0}

    def repeated(self, row: int) -> list[int]:
        """Return the messages of a row's tree that repeat ids of it; all of them if there are none."""
        tree, ids = self.messages.tree_of(row), set[str]()
        copies = []
        for other in tree:
            own = self.messages.ids[other].as_py()
            copies += [other] if own in ids else []
            ids.add(own)
        return copies or tree

    def other_states(self, row: int) -> list[int]:
        """Return the messages of a row's tree whose tree state is not that of the first."""
        tree, state = self.messages.tree_of(row), self.messages.state
        return [other for other in tree if state[other] != state[tree[0]]]
