"""What the difference of two texts says: which of them is a copy, and of what kind.

Two texts are aligned. What each has before the first long run that they share is its *head*, what follows the last one
its *tail*; the differences between are *inside*. A copy that was edited differs inside; one that was cut has nothing of
its own; and the same text under another question differs at an edge, where both have words of their own.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache, cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base.arrow.columns import MIXED
from ..base.kernels.layout import NUMERIC, SHORT
from ..base.text.alignment import Block, align
from ..base.text.tokens import tokenise

WordArray = npt.NDArray[np.uint32]  # as kernels.words returns them

LONG_RUN = 8  # words of a run that separates an edge from the inside; a third of a short text
OWN = 3  # words that make a difference at an edge a text of its own
MIN_RUN = 3  # words, or characters of scripts without spaces, that two texts share by more than chance
LABEL = 8  # words at one edge of a prompt that rather reword it than add to it
MIN_FILLERS = 2  # other texts that fill a slot
ASIDE = 4  # words that may differ inside of two texts that have one beginning and two ends

_FLAGS = np.uint32(NUMERIC | SHORT)


class Shape(StrEnum):
    """What two similar texts are to each other."""

    EDITED = "edited"
    RENAMED = "renamed code"
    CUT = "cut"
    CONTAINED = "contained"
    INSTRUCTION = "other instruction"  # the same text, and another question about it
    REWORDED = "reworded"  # the same task, or the same with other values
    TEMPLATE = "template"


COPIES = {Shape.EDITED, Shape.RENAMED, Shape.CUT, Shape.CONTAINED}


class Gap(NamedTuple):
    """Words between two runs that both texts share: [start, end) of each."""

    left: tuple[int, int]
    right: tuple[int, int]

    @property
    def sizes(self) -> tuple[int, int]:
        return self.left[1] - self.left[0], self.right[1] - self.right[0]


class Difference:
    """Where two texts differ."""

    def __init__(self, left: WordArray, right: WordArray) -> None:
        self.left, self.right = left, right
        self.blocks = align(_plain(left), _plain(right))
        self.shorter = min(len(left), len(right))

    @cached_property
    def _long(self) -> list[int]:
        least = min(LONG_RUN, max(3, self.shorter // 3))
        return [k for k, block in enumerate(self.blocks) if block.n >= least]

    @cached_property
    def gaps(self) -> list[Gap]:
        """The differences, in order, those at both ends included."""
        edges = [Block(0, 0, 0), *self.blocks, Block(len(self.left), len(self.right), 0)]
        gaps = [Gap((a.left + a.n, b.left), (a.right + a.n, b.right)) for a, b in pairwise(edges)]
        return [gap for gap in gaps if any(gap.sizes)]

    @cached_property
    def head(self) -> tuple[int, int]:
        """Words of each text before the first long shared run that the other has not there."""
        if not self._long:
            return len(self.left), len(self.right)
        first = self.blocks[self._long[0]]
        matched = sum(block.n for block in self.blocks[: self._long[0]])
        return first.left - matched, first.right - matched

    @cached_property
    def tail(self) -> tuple[int, int]:
        """The same, behind the last one."""
        if not self._long:
            return 0, 0
        last = self.blocks[self._long[-1]]
        matched = sum(block.n for block in self.blocks[self._long[-1] + 1 :])
        return len(self.left) - last.left - last.n - matched, len(self.right) - last.right - last.n - matched

    @cached_property
    def inside(self) -> list[tuple[int, int]]:
        """Sizes of the differences between the first and the last long run."""
        if not self._long:
            return []
        blocks = self.blocks[self._long[0] : self._long[-1] + 1]
        return [(b.left - a.left - a.n, b.right - a.right - a.n) for a, b in pairwise(blocks)]

    @property
    def n_aligned(self) -> int:
        """Words that both texts have, in order, without those that chance may have put there."""
        return sum(block.n for block in self.blocks if block.n >= MIN_RUN)

    @property
    def place(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The words [start, end) of each text from the first long shared run to the last."""
        runs = [self.blocks[k] for k in self._long] or self.blocks or [Block(0, 0, 0)]
        first, last = runs[0], runs[-1]
        return (first.left, last.left + last.n), (first.right, last.right + last.n)

    @property
    def is_turned(self) -> bool:
        """Whether the difference only turns what is said: words change places, numbers change, a negation comes in."""
        is_sure = False
        for gap in self.gaps:
            one, other = (text[slice(*at)] for text, at in ((self.left, gap.left), (self.right, gap.right)))
            both = np.concatenate([one, other])
            negates = bool(np.isin(both & ~_FLAGS, _negations()).any())
            if not len(one) or not len(other):
                if len(both) > 1 or not negates:
                    return False
                is_sure = True
                continue
            if len(one) != len(other) or len(one) > 2:
                return False
            swaps = bool(np.isin(one, self.right).all() and np.isin(other, self.left).all())
            if not swaps and not negates and not (both & SHORT).all():
                return False
            is_sure |= negates or bool((both & NUMERIC).any()) or (swaps and not (both & SHORT).any())
        return is_sure and len(self.gaps) <= 3

    @property
    def changes_numbers(self) -> bool:
        """Whether the texts have other numbers, and both have words that the other has not."""
        own, others = np.setdiff1d(self.left, self.right), np.setdiff1d(self.right, self.left)
        numbers = bool((own & NUMERIC).any() or (others & NUMERIC).any())
        return numbers and all(bool(((words & SHORT == 0) | (words & NUMERIC > 0)).any()) for words in (own, others))


def shape_of(difference: Difference, *, is_asked: bool) -> Shape:
    """Return what two similar texts are to each other.

    Parameters
    ----------
    difference : Difference
        Of their words.
    is_asked : bool
        Whether both are prompts, or may be: no role is known. What a prompt asks for is in few words.
    """
    d = difference
    head, tail = d.head, d.tail
    two_sided = max((max(edge) for edge in (head, tail) if min(edge)), default=0)
    longest = max(*head, *tail)
    own = min(head[0] + tail[0], head[1] + tail[1])
    n_inside = max(sum(left for left, _ in d.inside), sum(right for _, right in d.inside))
    if is_asked and longest >= OWN and max(two_sided, own) >= OWN:
        return Shape.INSTRUCTION
    if min(tail) >= OWN - 1 and max(tail) >= OWN and n_inside <= ASIDE:  # one beginning and two ends
        return Shape.INSTRUCTION
    if is_asked and _asks_otherwise(d, longest, two_sided, n_inside):
        return Shape.REWORDED
    if d.shorter < 5 * LONG_RUN and d.changes_numbers:
        return Shape.REWORDED
    if longest > ASIDE and not two_sided:
        return Shape.CONTAINED if max(head) else Shape.CUT
    return Shape.EDITED


def _asks_otherwise(d: Difference, longest: int, two_sided: int, n_inside: int) -> bool:
    """Return whether two prompts that share most words ask for different things, or the same in other words."""
    n_places = len(d.inside) + (max(d.head) > 0) + (max(d.tail) > 0)
    if d.is_turned:
        return True
    # Another phrase in the place of one.
    if n_places <= 3 and any(min(gap) >= OWN - 1 and max(gap) >= OWN for gap in d.inside):
        return True
    if d.shorter < 3 * LONG_RUN and any(min(gap.sizes) for gap in d.gaps):  # a short one, with another word in it
        return True
    largest = max(map(max, d.inside), default=0)
    if largest >= ASIDE and len(d.inside) <= 2 and largest >= 0.6 * n_inside and d.shorter >= 5 * LONG_RUN:
        return True
    return not d.inside and two_sided <= 1 and OWN - 1 <= longest < LABEL


def is_template(difference: Difference, others: Sequence[Difference]) -> bool:
    """Return whether two texts differ in slots: where other texts say a third thing.

    Parameters
    ----------
    difference : Difference
        Of the two texts.
    others : sequence of Difference
        Of the left one and other texts.
    """
    n_slots = sum(sum(_fills(gap, difference, other) for other in others) >= MIN_FILLERS for gap in difference.gaps)
    return n_slots > 0 and 2 * n_slots >= len(difference.gaps)


def _fills(gap: Gap, difference: Difference, other: Difference) -> bool:
    """Return whether another text has other words in the place of a gap than both texts."""
    covers = (each for each in other.gaps if each.left[0] <= gap.left[0] and gap.left[1] <= each.left[1])
    there = next(covers, None)
    return there is not None and not np.array_equal(
        other.right[slice(*there.right)], difference.right[slice(*gap.right)]
    )


def _plain(words: WordArray) -> npt.NDArray[np.uint64]:
    return (words & ~_FLAGS).astype(np.uint64) * MIXED


_NEGATIONS = (
    "not no never without except less more fewer greater higher lower least most before after false true "
    "nicht kein keine nie ohne weniger mehr ne pas jamais sans moins plus no nunca sin menos más non mai senza meno più"
    " não nunca sem menos mais не нет без меньше больше ні не без nie bez mniej więcej ikke ingen uten inte ingen utan "
    "niet geen zonder minder meer nem nincs 不 没 沒 非 无 無 未 否 ない ません 안 않 không لا ليس بدون नहीं"
)


@cache
def _negations() -> WordArray:
    hashes = tokenise(pa.array([_NEGATIONS])).hashes
    return np.unique((hashes >> np.uint64(32)).astype(np.uint32) & ~_FLAGS)
