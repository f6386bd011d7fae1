"""Alignment of two texts: the runs of tokens that both have, in the order of both."""

from bisect import bisect_left
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np

from ..arrow.columns import IntArray
from .tokens import N_GRAM, HashArray, grams

MAX_CELLS = 1 << 14  # tokens of one side times tokens of the other that are compared each with each


class Block(NamedTuple):
    """A run of equal tokens: where it begins in both texts, and how long it is."""

    left: int
    right: int
    n: int


def align(left: HashArray, right: HashArray) -> list[Block]:
    """Return the runs of tokens that two texts share, ascending in both.

    The common beginning and end are taken off first. Of the rest, n-grams that occur once in each text are matched, the
    longest ascending chain of them is kept (patience diff), and what lies between is compared token by token where it
    is short. The time is about linear, also for hostile texts: long stretches without such an n-gram stay unmatched.

    Parameters
    ----------
    left, right : ndarray of uint64
        The hashed tokens of each text, in order.

    References
    ----------
    Cohen (2010), Patience diff advantages. Ratcliff and Metzener (1988), Pattern matching: the gestalt approach.
    """
    n_both = min(len(left), len(right))
    head = _equal(left[:n_both], right[:n_both])
    rest = n_both - head
    tail = _equal(left[len(left) - rest :][::-1], right[len(right) - rest :][::-1])
    ends = len(left) - tail, len(right) - tail
    middle = (Block(a + head, b + head, n) for a, b, n in _anchored(left[head : ends[0]], right[head : ends[1]]))
    return _joined([Block(0, 0, head), *middle, Block(*ends, tail)])


def _equal(left: HashArray, right: HashArray) -> int:
    """Return the number of equal tokens at the beginning of two texts of the same length."""
    differs = left != right
    return int(differs.argmax()) if differs.any() else len(left)


def _anchored(left: HashArray, right: HashArray) -> Iterator[Block]:
    """Yield the blocks of two texts that begin and end differently."""
    if len(left) * len(right) <= MAX_CELLS:
        yield from _compared(left, right)
        return
    a = b = 0
    for block in [*_chain(left, right), Block(len(left), len(right), 0)]:
        if (block.left - a) * (block.right - b) <= MAX_CELLS:
            for x, y, n in _compared(left[a : block.left], right[b : block.right]):
                yield Block(x + a, y + b, n)
        yield block
        a, b = block.left + block.n, block.right + block.n


def _compared(left: HashArray, right: HashArray) -> list[Block]:
    one, other = left.tolist(), right.tolist()
    if set(one).isdisjoint(other):  # one word for another, mostly
        return []
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return [Block(*match) for match in matcher.get_matching_blocks()]


def _chain(left: HashArray, right: HashArray) -> list[Block]:
    """Return runs of n-grams that occur once in each text, as long a chain as ascends in both."""
    n = min(N_GRAM, len(left), len(right))
    places = [_once(grams(tokens, n)) for tokens in (left, right)]
    _, one, other = np.intersect1d(places[0][0], places[1][0], assume_unique=True, return_indices=True)
    at, met = places[0][1][one], places[1][1][other]
    order = np.argsort(at)
    chain: list[Block] = []
    for x, y in _ascending(at[order].tolist(), met[order].tolist()):
        if chain:
            a, b, length = chain[-1]
            if x - a == y - b and x <= a + length:
                chain[-1] = Block(a, b, x - a + n)
                continue
            overlap = max(0, a + length - x, b + length - y)
        else:
            overlap = 0
        if overlap < n:
            chain.append(Block(x + overlap, y + overlap, n - overlap))
    return chain


def _once(values: HashArray) -> tuple[HashArray, IntArray]:
    """Return the values that occur once, and where."""
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    is_new = np.append(True, ascending[1:] != ascending[:-1])
    is_single = is_new & np.append(is_new[1:], True)
    return ascending[is_single], order[is_single]


def _ascending(left: list[int], right: list[int]) -> list[tuple[int, int]]:
    """Return the longest chain of pairs whose right sides ascend; the left sides do already (Fredman 1975)."""
    tails: list[int] = []  # the smallest right side that ends a chain of each length
    owners: list[int] = []
    before: list[int] = []
    for k, value in enumerate(right):
        length = bisect_left(tails, value)
        before.append(owners[length - 1] if length else -1)
        tails[length : length + 1] = [value]
        owners[length : length + 1] = [k]
    chain = []
    k = owners[-1] if owners else -1
    while k >= 0:
        chain.append((left[k], right[k]))
        k = before[k]
    return chain[::-1]


def _joined(blocks: list[Block]) -> list[Block]:
    """Return blocks that are not empty, those that follow one another in both texts as one."""
    joined: list[Block] = []
    for block in blocks:
        if not block.n:
            continue
        if joined and (joined[-1].left + joined[-1].n, joined[-1].right + joined[-1].n) == block[:2]:
            joined[-1] = Block(joined[-1].left, joined[-1].right, joined[-1].n + block.n)
        else:
            joined.append(block)
    return joined
