"""Runs of tokens that two texts share, in the order of both."""

from bisect import bisect_left
from collections.abc import Iterator
from difflib import SequenceMatcher

import numpy as np

from ..layout import Hashes, Ints
from .sets import grams

_Block = tuple[int, int, int]


def align(left: Hashes, right: Hashes, n: int, max_cells: int) -> Ints:
    """Return the runs of tokens that two texts share, ascending in both.

    The common beginning and end are taken off first. Of the rest, n-grams that occur once in each text are matched, the
    longest ascending chain of them is kept (patience diff), and what lies between is compared token by token where it
    is short. The time is about linear, also for hostile texts: long stretches without such an n-gram stay unmatched.

    Parameters
    ----------
    left, right : ndarray of uint64
        The hashed tokens of each text, in order.
    n : int
        Tokens of a gram.
    max_cells : int
        Tokens of one side times tokens of the other that are compared each with each.

    Returns
    -------
    ndarray of int64, shape (n_runs, 3)
        Where each run begins in both texts, and its length.

    References
    ----------
    Cohen (2010), Patience diff advantages. Ratcliff and Metzener (1988), Pattern matching: the gestalt approach.
    """
    n_both = min(len(left), len(right))
    head = _equal(left[:n_both], right[:n_both])
    rest = n_both - head
    tail = _equal(left[len(left) - rest :][::-1], right[len(right) - rest :][::-1])
    ends = len(left) - tail, len(right) - tail
    middle = _anchored(left[head : ends[0]], right[head : ends[1]], n, max_cells)
    blocks = [(0, 0, head), *((a + head, b + head, length) for a, b, length in middle), (*ends, tail)]
    return np.array(_joined(blocks), dtype=np.int64).reshape(-1, 3)


def _equal(left: Hashes, right: Hashes) -> int:
    """Return the number of equal tokens at the beginning of two texts of the same length."""
    differs = left != right
    return int(differs.argmax()) if differs.any() else len(left)


def _anchored(left: Hashes, right: Hashes, n: int, max_cells: int) -> Iterator[_Block]:
    """Yield the blocks of two texts that begin and end differently."""
    a = b = 0
    chain = [] if len(left) * len(right) <= max_cells else _chain(left, right, n)
    for x, y, length in [*chain, (len(left), len(right), 0)]:
        if 0 < (x - a) * (y - b) <= max_cells:
            matcher = SequenceMatcher(None, left[a:x].tolist(), right[b:y].tolist(), autojunk=False)
            yield from ((i + a, j + b, size) for i, j, size in matcher.get_matching_blocks())
        yield x, y, length
        a, b = x + length, y + length


def _chain(left: Hashes, right: Hashes, n: int) -> list[_Block]:
    """Return runs of n-grams that occur once in each text, as long a chain as ascends in both."""
    n = min(n, len(left), len(right))
    places = [_once(grams(tokens, n)) for tokens in (left, right)]
    _, one, other = np.intersect1d(places[0][0], places[1][0], assume_unique=True, return_indices=True)
    at, met = places[0][1][one], places[1][1][other]
    order = np.argsort(at)
    chain: list[_Block] = []
    a = b = 0
    for x, y in _ascending(at[order].tolist(), met[order].tolist()):
        overlap = max(0, a - x, b - y)  # with the n-gram before
        if overlap < n:
            chain.append((x + overlap, y + overlap, n - overlap))
            a, b = x + n, y + n
    return chain


def _once(values: Hashes) -> tuple[Hashes, Ints]:
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


def _joined(blocks: list[_Block]) -> list[_Block]:
    """Return blocks that are not empty, those that follow one another in both texts as one."""
    joined: list[_Block] = []
    for left, right, n in blocks:
        if not n:
            continue
        if joined and (joined[-1][0] + joined[-1][2], joined[-1][1] + joined[-1][2]) == (left, right):
            left, right, n = *joined[-1][:2], joined.pop()[2] + n
        joined.append((left, right, n))
    return joined
