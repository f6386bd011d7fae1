"""Contents that are kept, and what would be lost if a message were dropped."""

from collections import Counter

import numpy as np

from ...checks.base.arrow.columns import BoolArray, IntArray
from .drops import Drop, Drops


class KeptContents:
    """How often each content is kept: alone, and after the same messages."""

    def __init__(self, drops: Drops) -> None:
        self.drops, self.messages = drops, drops.messages
        is_kept = is_kept_in(drops)
        self._n_text, self._n_context = (
            _counts(codes, is_kept) for codes in (drops.messages.text, drops.messages.context)
        )

    def lost_with(self, row: int) -> list[int]:
        """Return the messages that would be lost if this copy were dropped.

        The copy itself is lost if no other message has its text. What would be dropped along with it, and all of a
        record that cannot be divided, must be kept elsewhere after the same messages.
        """
        rows = list(self.drops.with_dependents([row]))
        m = self.messages
        n_context = Counter(m.context[rows].tolist())
        lost = [
            other
            for other in rows
            if (other != row or m.is_bound[row])
            and (code := int(m.context[other])) >= 0
            and n_context[code] >= self._n_context[code]
        ]
        if not m.is_bound[row] and (text := int(m.text[row])) >= 0:
            lost += [row] if np.count_nonzero(m.text[rows] == text) >= self._n_text[text] else []
        return lost

    def drop(self, row: int, drop: Drop) -> None:
        """Drop a copy, and all that cannot stay without it."""
        rows = list(self.drops.apply({row: drop}))
        for counts, codes in ((self._n_text, self.messages.text), (self._n_context, self.messages.context)):
            np.subtract.at(counts, codes[rows][codes[rows] >= 0], 1)


def is_kept_in(drops: Drops) -> BoolArray:
    """Mark the messages that are not dropped."""
    is_kept = np.ones(len(drops.messages), dtype=bool)
    is_kept[list(drops.by_row)] = False
    return is_kept


def found_nowhere_else(drops: Drops) -> set[int]:
    """Return the dropped messages whose text no message that is kept has."""
    text = drops.messages.text
    n_kept = _counts(text, is_kept_in(drops))
    return {row for row in drops.by_row if text[row] >= 0 and not n_kept[text[row]]}


def _counts(codes: IntArray, is_kept: BoolArray) -> IntArray:
    return np.bincount(codes[is_kept & (codes >= 0)], minlength=int(codes.max(initial=-1)) + 1)
