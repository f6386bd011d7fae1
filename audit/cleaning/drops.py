"""Dropped messages, and the messages that cannot stay without them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from .message_index import MessageIndex

WITH_ANOTHER = "dropped with another"  # the action of a message that is dropped only because another one is


class Drop(NamedTuple):
    """The reason why a message is dropped."""

    action: str  # an Action, or WITH_ANOTHER
    rules: tuple[str, ...] = ()  # of its own findings
    cause: int = -1  # the row that it is dropped with
    kept: int = -1  # the row of the copy that is kept instead
    by: str = ""  # the criterion that chose this copy


class Drops:
    """Messages dropped so far, by row.

    A reply stays as long as a message with the id of its parent does: in its own tree, or anywhere if its tree has
    none.
    """

    def __init__(self, messages: MessageIndex) -> None:
        self.messages = messages
        self.by_row: dict[int, Drop] = {}
        self._left: dict[int, int] = {}  # rows left of an id group, for groups that lost one

    def __contains__(self, row: object) -> bool:
        return row in self.by_row

    def with_dependents(self, first: Iterable[int]) -> dict[int, int]:
        """Return the rows that would be dropped along with `first` (inclusive), each mapped to its cause.

        Nothing is dropped.
        """
        found = {row: row for row in first if row not in self.by_row}
        n_lost: Counter[int] = Counter()
        queue = list(found.items())
        messages = self.messages
        for row, cause in queue:  # the loop appends to it
            dependents = [*messages.contained(row), *messages.mates(row)]
            for group in messages.groups_of(row):
                n_lost[group] += 1
                if n_lost[group] == self._n_left(group):
                    dependents += messages.needing(group)
                    if messages.is_root[row] and group == messages.main_root[messages.tree[row]]:
                        dependents += messages.tree_of(row)
            for other in dependents:
                if other not in found and other not in self.by_row:
                    found[other] = cause
                    queue.append((other, cause))
        return found

    def apply(self, drops: Mapping[int, Drop]) -> Iterable[int]:
        """Drop these rows, and all that cannot stay without them; return all of these."""
        gone = self.with_dependents(drops)
        for row, cause in gone.items():
            self.by_row[row] = drops[row] if row in drops else Drop(WITH_ANOTHER, cause=cause)
            for group in self.messages.groups_of(row):
                self._left[group] = self._n_left(group) - 1
        return gone

    def needed_by(self, row: int) -> set[int]:
        """Return the rows that a row needs to stay, itself included: of equal parents the first that is left."""
        found = {row}
        stack = [row]
        messages = self.messages
        while stack:
            at = stack.pop()
            needed = [*messages.mates(at)]
            if messages.holder[at] >= 0:
                needed.append(int(messages.holder[at]))
            if messages.needs[at] >= 0:
                needed += [r for r in messages.members(int(messages.needs[at])) if r not in self.by_row][:1]
            for other in needed:
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return found

    def _n_left(self, group: int) -> int:
        if group not in self._left:
            self._left[group] = len(self.messages.members(group))
        return self._left[group]
