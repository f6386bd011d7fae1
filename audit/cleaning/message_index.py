"""All messages of a data set without their texts, as columns: parents, trees, ranks, labels."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import BoolArray, IntArray
from ...checks.base.statistics.agreement import FloatArray
from ..reading.recognise import ReadPlan


@dataclass
class MessageIndex:
    """Columns of all messages; a row number identifies a message.

    Rows are in the order of the sources, and within a source in the order of `Format.flatten`.
    """

    plans: list[ReadPlan]  # one per source
    source: IntArray  # number of the source
    line: IntArray
    tree: IntArray  # number of the tree
    ids: pa.ChunkedArray
    tree_ids: pa.ChunkedArray
    state: IntArray  # number of the tree state
    is_root: BoolArray
    is_context: BoolArray
    n_chars: IntArray
    text: IntArray  # number of the content: role, text, reasoning, calls; -1: it is empty
    context: IntArray  # number of the content after that of the messages above it; -1: it is empty
    rank: FloatArray  # infinite: none
    quality: FloatArray  # NaN: none
    is_accepted: BoolArray
    n_reviews: IntArray
    created: FloatArray  # microseconds since 1970; infinite: unknown
    split: IntArray  # 0: test, 1: validation, 2: others
    n_ids: int
    code: IntArray  # number of the id, below n_ids; each message without an id has its own number from there on
    # An id group is a set of messages with one id, of which one must be left for the replies to stay: first the groups
    # within one tree, then (from n_homes on) those across all trees.
    home: IntArray  # group of the message's id in its own tree
    n_homes: int
    needs: IntArray  # group of the message's parent; -1: the parent is missing
    holder: IntArray  # row of the message that contains this one in a nested record; -1: none
    is_bound: BoolArray  # the record has several messages that cannot be separated
    lost: list[tuple[int, int]]  # records that could not be read: source, line

    def __len__(self) -> int:
        return len(self.line)

    @cached_property
    def n_checkable(self) -> int:
        """Messages without those that are only context."""
        return int(np.count_nonzero(~self.is_context))

    @cached_property
    def _n_lines(self) -> int:
        """Upper bound of line numbers."""
        return int(self.line.max(initial=0)) + 1

    @cached_property
    def _places(self) -> IntArray:
        return self.source * self._n_lines + self.line

    def at(self, source: int, line: int) -> range:
        """Return the rows of the record at this place."""
        if line >= self._n_lines:
            return range(0)
        place = source * self._n_lines + line
        first, end = self._places.searchsorted((place, place + 1))
        return range(int(first), int(end))

    def rows_of(self, source: int) -> range:
        """Return the rows of a source."""
        first, end = self.source.searchsorted((source, source + 1))
        return range(int(first), int(end))

    @cached_property
    def _by_need(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.needs)

    @cached_property
    def _by_holder(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.holder)

    @cached_property
    def _by_tree(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.tree)

    @cached_property
    def _by_home(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.home)

    @cached_property
    def _by_code(self) -> tuple[IntArray, IntArray]:
        return _sorted(self.code)

    def groups_of(self, row: int) -> tuple[int, int]:
        """Return the id groups of a row: in its tree, and across all trees."""
        return int(self.home[row]), self.n_homes + int(self.code[row])

    def members(self, group: int) -> list[int]:
        """Return the rows of an id group."""
        return _equal(self._by_home, group) if group < self.n_homes else _equal(self._by_code, group - self.n_homes)

    def needing(self, group: int) -> list[int]:
        """Return the replies to an id group."""
        return _equal(self._by_need, group)

    def contained(self, row: int) -> list[int]:
        """Return the rows that a nested record contains directly below this one."""
        return _equal(self._by_holder, row)

    def tree_of(self, row: int) -> list[int]:
        """Return all rows of the same tree."""
        return _equal(self._by_tree, int(self.tree[row]))

    def subtree(self, row: int) -> set[int]:
        """Return the row and all rows below it, also if another message has its id."""
        found = {row}
        stack = [row]
        while stack:
            at = stack.pop()
            for other in (*self.needing(int(self.home[at])), *self.contained(at)):
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return found

    def mates(self, row: int) -> range:
        """Return the rows that cannot be separated from this one."""
        return self.at(int(self.source[row]), int(self.line[row])) if self.is_bound[row] else range(0)

    def records_of(self, is_chosen: BoolArray) -> int:
        """Return the number of records with one of these rows."""
        return len(np.unique(self._places[is_chosen]))

    def shares_record(self, row: int) -> bool:
        """Whether other messages that are not only context are in the same record, and cannot be separated."""
        return sum(not self.is_context[mate] for mate in self.mates(row)) > 1

    @cached_property
    def main_root(self) -> IntArray:
        """Id group of the first root of each tree; -1 if there is none."""
        found = np.full(int(self.tree.max(initial=-1)) + 1, -1)
        roots = np.flatnonzero(self.is_root)[::-1]  # of several values for one place the last one wins
        found[self.tree[roots]] = self.home[roots]
        return found


def _sorted(keys: IntArray) -> tuple[IntArray, IntArray]:
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _equal(column: tuple[IntArray, IntArray], key: int) -> list[int]:
    """Return the rows with this key, in order."""
    keys, order = column
    first, end = keys.searchsorted((key, key + 1))
    rows: list[int] = order[first:end].tolist()
    return rows
