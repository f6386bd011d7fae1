"""Sets of hashes, stored once each in columns that may be on disk, and their overlaps."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import tee
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base import kernels
from ..base.arrow.columns import IntArray, single
from ..base.arrow.memory_map import forget
from ..base.check import Spread
from ..base.text.tokens import HashArray

LOT = 4 << 20  # values of sets that are read from disk before they are handed back
PAIRS = 1 << 16  # verified at a time
COUNTED = LOT  # values of their sets, at most


def shared_values(table: pa.Table, ends: "Ends", *, name: str) -> IntArray:
    """Count the values that the sets of each pair share, in this column."""
    return kernels.overlaps(*_taken(table[name], ends.rows, ends.sizes), ends.left, ends.right)


class Ends(NamedTuple):
    """The sets of some pairs, by the rows that hold them."""

    rows: IntArray
    sizes: IntArray
    left: IntArray  # of each pair, a number in `rows`
    right: IntArray


class Sets:
    """Distinct sets, each given by its row in a column of a table that may be on disk."""

    def __init__(self, table: pa.Table, name: str, rows: IntArray) -> None:
        self._table, self.name, self._rows = table, name, rows
        self._column = table[name]
        self.sizes = sizes_of(self._column)[rows]  # values of each

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def memory_of_join(self) -> int:
        """Bytes that the exact join takes at most: 25 a value as measured, 100 with NumPy."""
        return (25 if kernels.COMPILED else 100) * int(self.sizes.sum()) + 100 * len(self)

    def jaccard(self, left: IntArray, right: IntArray, shared: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Return the Jaccard similarity of pairs from the number of values that they share."""
        similarity: npt.NDArray[np.float64] = shared / (self.sizes[left] + self.sizes[right] - shared)
        return similarity

    def near_in_size(self, pairs: IntArray, similarity: float) -> IntArray:
        """Keep the pairs, left * n + right, that can be so similar: the ratio of their sizes is at least as large."""
        kept = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(pairs), LOT):
            some = pairs[start : start + LOT]
            sizes = np.sort(self.sizes[np.stack(np.divmod(some, len(self)))], axis=0)
            kept.append(some[sizes[0] / sizes[1] >= similarity])
        return np.concatenate(kept)

    def some(self, numbers: IntArray) -> "Sets":
        """Return only these sets, numbered in this order."""
        return Sets(self._table, self.name, self._rows[numbers])

    def shared(self, pairs: IntArray, spread: Spread) -> IntArray:
        """Return the number of values that the sets of each pair, left * n + right, share."""
        order = np.argsort(pairs)
        ascending = pairs[order]
        lots_of_pairs, lots_of_ends = tee(self._together(ascending))
        counted = spread(partial(shared_values, name=self.name), (ends for _, ends in lots_of_ends))
        shared = np.zeros(len(pairs), dtype=np.int64)
        for (some, _), counts in zip(lots_of_pairs, counted, strict=True):
            shared[order[np.searchsorted(ascending, some)]] = counts
        return shared

    def all(self) -> tuple[HashArray, IntArray]:
        """Return the values of all sets, and where each set begins."""
        return _taken(self._column, self._rows, self.sizes)

    def lots(self) -> Iterator[tuple[int, IntArray]]:
        """Yield runs of rows: the first row, and for each row the number of the set that it holds, or -1."""
        numbers = self._numbers()
        sums = np.cumsum(sizes_of(self._column))
        start = 0
        while start < len(numbers):
            before = sums[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(sums, before + LOT, side="right")))
            yield start, numbers[start:end]
            start = end

    def pieces(self) -> Iterator[tuple[HashArray, IntArray, IntArray]]:
        """Yield values of rows, where those of each row begin, and the number of the set that each row holds, or -1."""
        numbers = self._numbers()
        for start, values, limits in stored(self._column.chunks):
            yield values, limits, numbers[start : start + len(limits) - 1]

    def _numbers(self) -> IntArray:
        numbers = np.full(len(self._column), -1)
        numbers[self._rows] = np.arange(len(self))
        return numbers

    def _together(self, pairs: IntArray) -> Iterator[tuple[IntArray, Ends]]:
        """Yield the pairs, left * n + right, in lots, with their sets.

        Pairs of similar sets follow one another, so that a set is fetched about once: 1.2 times for 1.6 million texts,
        where in the order of the sets it was 4.3 times.
        """
        left, right = np.divmod(pairs, len(self))
        first_like = np.arange(len(self))
        np.minimum.at(first_like, right, left)
        pairs = pairs[np.argsort(first_like[left])]
        del left, right, first_like
        for start in range(0, len(pairs), PAIRS):
            yield from self._fitting(pairs[start : start + PAIRS])

    def _fitting(self, pairs: IntArray) -> Iterator[tuple[IntArray, Ends]]:
        ends = self._ends(pairs)
        if len(pairs) > 1 and ends.sizes.sum() > COUNTED:
            yield from self._fitting(pairs[: len(pairs) // 2])
            yield from self._fitting(pairs[len(pairs) // 2 :])
        else:
            yield pairs, ends

    def _ends(self, pairs: IntArray) -> Ends:
        used, at = np.unique(np.concatenate(np.divmod(pairs, len(self))), return_inverse=True)
        return Ends(self._rows[used], self.sizes[used], *np.split(at, 2))


def _taken(column: pa.ChunkedArray, rows: IntArray, sizes: IntArray) -> tuple[HashArray, IntArray]:
    """Return the values of the sets in these rows, and where each set begins. Arrow's `take` would copy twice."""
    order = np.argsort(rows)
    ascending = rows[order]
    limits = np.append(0, np.cumsum(sizes))
    taken = np.empty(limits[-1], dtype=np.uint64)
    chunks = column.chunks
    starts = np.cumsum([0, *map(len, chunks)])
    cuts = np.searchsorted(ascending, starts)
    used = np.flatnonzero(np.diff(cuts)).tolist()
    for k, (_, values, bounds) in zip(used, stored([chunks[k] for k in used]), strict=True):
        here = slice(cuts[k], cuts[k + 1])
        kernels.place(values, bounds, ascending[here] - starts[k], limits[order[here]], taken)
    return taken, limits


def stored(chunks: Sequence[pa.LargeListArray]) -> Iterator[tuple[int, HashArray, IntArray]]:
    """Yield each chunk of a column of sets: first row, values, limits. Mapped memory is handed back in between."""
    start = n_values = 0
    for chunk in chunks:
        offsets = np.asarray(chunk.offsets, dtype=np.int64)
        yield start, np.asarray(chunk.values)[offsets[0] : offsets[-1]], offsets - offsets[0]
        start += len(chunk)
        n_values += int(offsets[-1] - offsets[0])
        if n_values > LOT:
            forget()
            n_values = 0
    forget()


def sizes_of(lists: pa.ChunkedArray) -> IntArray:
    """Return the number of values in each list."""
    return np.asarray(single(pc.list_value_length(lists)), dtype=np.int64)
