"""Texts that are inside longer ones, or share most of their passages with another text.

Winnowed 5-grams give candidates; the caller verifies them.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base.arrow.columns import IntArray
from ..base.arrow.memory_map import forget
from .search import unique
from .sets import sizes_of
from .texts import TextSets

MAX_HOLDERS = 64  # texts that share a gram; a gram of more is a stock sentence or a template
MIN_SHARE = 0.5  # of a text's winnowed grams, without those of stock sentences, that are in the other text
MIN_SHARED = 2

NumberArray = npt.NDArray[np.uint64]


def candidates(texts: TextSets, budget: int) -> IntArray:
    """Return pairs of sets, smaller * n + larger, of which the smaller may be inside the larger.

    Texts are taken in lots that fit into the budget: each lot meets all texts.
    """
    sizes = sizes_of(texts.table["winnows"])
    number = np.full(len(texts.table), -1)  # of the set that each row represents
    number[texts.order[texts.first]] = np.arange(len(texts.sets))
    n_own = np.zeros(len(texts.sets), dtype=np.int64)
    n_own[number[number >= 0]] = sizes[number >= 0]
    # Postings, sorted, and pairs take about 30 bytes a gram.
    n_lots = max(1, -(-30 * int(n_own.sum()) // max(1, budget // 2)))
    edges = np.searchsorted(np.cumsum(n_own), np.linspace(0, n_own.sum(), n_lots + 1)[1:-1])
    found = [np.zeros(0, dtype=np.int64)]
    for first, end in zip([0, *edges.tolist()], [*edges.tolist(), len(n_own)], strict=True):
        postings = _postings(texts.table["winnows"], number, None if n_lots == 1 else (first, end))
        found.append(_pairs(postings, n_own, first, end))
    return unique(np.concatenate(found))


def _postings(column: pa.ChunkedArray, number: IntArray, lot: tuple[int, int] | None) -> NumberArray:
    """Return gram << 32 | set of all grams, or of those that a set of the lot has, ascending, each once."""
    wanted = None
    if lot is not None:
        own = [each[(each & _SET) < lot[1]] for each in _pieces(column, number) if len(each)]
        own = [each[(each & _SET) >= lot[0]] >> np.uint64(32) for each in own]
        wanted = np.unique(np.concatenate([np.zeros(0, dtype=np.uint64), *own]))
    parts = [np.zeros(0, dtype=np.uint64)]
    for piece in _pieces(column, number):
        if wanted is not None and len(wanted):
            at = np.minimum(np.searchsorted(wanted, piece >> np.uint64(32)), len(wanted) - 1)
            piece = piece[wanted[at] == piece >> np.uint64(32)]
        parts.append(piece)
    return unique(np.concatenate(parts))


_SET = np.uint64(0xFFFFFFFF)


def _pieces(column: pa.ChunkedArray, number: IntArray) -> Iterator[NumberArray]:
    row = 0
    for chunk in column.chunks:
        offsets = np.asarray(chunk.offsets)
        values = np.asarray(chunk.values)[offsets[0] : offsets[-1]]
        of = np.repeat(number[row : row + len(chunk)], np.diff(offsets))
        yield (values.astype(np.uint64) << np.uint64(32) | of.astype(np.uint64))[of >= 0]
        row += len(chunk)
    forget()


def _pairs(postings: NumberArray, n_own: IntArray, first: int, end: int) -> IntArray:
    """Return the pairs of which enough grams meet, and one side, the smaller, is in [first, end)."""
    grams, numbers = postings >> np.uint64(32), (postings & _SET).astype(np.int64)
    starts = np.flatnonzero(np.append(True, grams[1:] != grams[:-1])[: len(grams)])
    n_holders = np.diff(starts, append=len(grams))
    n_rare = n_own.copy()
    for k in np.flatnonzero(n_holders > MAX_HOLDERS).tolist():
        n_rare[numbers[starts[k] : starts[k] + n_holders[k]]] -= 1
    shared = np.flatnonzero((n_holders > 1) & (n_holders <= MAX_HOLDERS))
    starts, n_holders = starts[shared], n_holders[shared]
    n = len(n_own)
    met = [np.zeros(0, dtype=np.int64)]
    for size in np.unique(n_holders).tolist():
        holders = numbers[starts[n_holders == size][:, None] + np.arange(size)]
        i, j = np.triu_indices(size, 1)
        one, other = holders[:, i].ravel(), holders[:, j].ravel()
        swap = n_own[one] > n_own[other]
        small, large = np.where(swap, other, one), np.where(swap, one, other)
        ok = (small >= first) & (small < end)
        met.append(small[ok] * n + large[ok])
    pairs = np.sort(np.concatenate(met))
    begins = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)])
    counts = np.diff(np.append(begins, len(pairs)))
    pairs = pairs[begins]
    rare = n_rare[pairs // n]
    enough: IntArray = pairs[(rare >= MIN_SHARED) & (counts >= np.maximum(MIN_SHARED, MIN_SHARE * rare))]
    return enough
