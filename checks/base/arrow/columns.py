"""Arrow columns as NumPy arrays, and the small operations on both that checks share."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .. import kernels
from .memory_map import forget

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

PIECES = 32  # of a table on disk, after which the pages that were read are released


MIXED = np.uint64(0x9E3779B97F4A7C15)  # odd, so that nothing is lost in multiplying by it


def digests(column: pa.Array) -> npt.NDArray[np.uint64]:
    """Return a hash of each text; 0 where there is none."""
    values = kernels.digest(*utf8(column))
    values[as_bools(column.is_null())] = 0
    return values


def nth(columns: IntArray) -> IntArray:
    """Count for each column of an array the equal ones before it."""
    order = np.lexsort(columns)
    ordered = columns[:, order]
    is_new = np.append(True, (ordered[:, 1:] != ordered[:, :-1]).any(axis=0))[: len(order)]
    starts = np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order)) - starts
    return number


def places_within(bounds: npt.NDArray[np.integer], rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the row and the place of each value of some rows; those of row k are at bounds[k] to bounds[k + 1]."""
    sizes = np.diff(bounds)[rows]
    skipped = bounds[rows] - np.append(0, np.cumsum(sizes))[:-1]
    return np.repeat(rows, sizes), np.arange(sizes.sum()) + np.repeat(skipped, sizes)


def pairs_within(group: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Return all ordered pairs of different rows of a group, of the first `most` rows of each, group by group.

    Parameters
    ----------
    group : ndarray of int64, shape (n,)
        Number of each row's group, from 0 on; each number occurs.
    most : int
        Rows of one group that are paired.
    """
    counts = np.bincount(group)
    order = np.argsort(group, kind="stable")
    nth = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
    members, counts = order[nth < most], np.minimum(counts, most)
    starts = np.cumsum(counts) - counts
    of = group[members]
    left = np.repeat(members, counts[of])
    places = np.arange(len(left)) - np.repeat(np.cumsum(counts[of]) - counts[of], counts[of])
    right = members[np.repeat(starts[of], counts[of]) + places]
    return left[left != right], right[left != right]


def is_among(values: npt.NDArray[np.uint64], ascending: npt.NDArray[np.uint64]) -> BoolArray:
    """Mark the values, of any shape, that are among the ascending ones."""
    if not len(ascending):
        return np.zeros(values.shape, dtype=bool)
    found: BoolArray = ascending[np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)] == values
    return found


def single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """Return the column in one piece."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # which would copy even one


def rows_at(table: pa.Table, rows: IntArray) -> pa.Table:
    """Return these rows of a table, in this order.

    Arrow's own `take` joins all pieces of a column first; a table on disk may be larger than memory.
    """
    pieces = table.to_batches()
    starts = np.cumsum([0, *map(len, pieces)])
    sought = np.argsort(rows, kind="stable")
    limits = np.searchsorted(rows[sought], starts)
    parts = []
    for k, (first, end) in enumerate(pairwise(limits.tolist())):
        if end > first:
            parts.append(pieces[k].take(pa.array(rows[sought[first:end]] - starts[k])))
        if k % PIECES == PIECES - 1:
            forget()
    found = pa.Table.from_batches(parts, table.schema).unify_dictionaries().combine_chunks()
    return found if (sought[1:] > sought[:-1]).all() else found.take(pa.array(np.argsort(sought)))


def as_ints(column: pa.Array, null: int) -> IntArray:
    """Return the column as int64, with `null` for nulls; a copy that may be written to."""
    return np.array(column.cast(pa.int64()).fill_null(null), dtype=np.int64)


def as_bools(column: pa.Array) -> BoolArray:
    """Return the column as booleans; null counts as false."""
    return np.asarray(column.fill_null(False).to_numpy(zero_copy_only=False), dtype=bool)


def entries(column: pa.Array, name: str) -> tuple[pa.Array, IntArray]:
    """Return all entries of one list of a struct of lists, such as LABELS, and the row of each."""
    lists = pc.struct_field(column, name)
    return pc.list_flatten(lists), np.asarray(pc.list_parent_indices(lists), dtype=np.int64)


def micros_of(column: pa.Array) -> pa.Array:
    """Parse dates to microseconds since 1970 in UTC; null where they cannot be read."""
    # Arrow refuses a whole array for one bad date; bisection finds a few bad ones in few steps.
    try:
        return column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    except pa.ArrowInvalid:
        if len(column) == 1:
            return pa.array([_micros(column[0].as_py())], pa.int64())
        half = len(column) // 2
        return pa.concat_arrays([micros_of(column[:half]), micros_of(column[half:])])


def _micros(date: str) -> int | None:
    """Parse a date in a form of ISO 8601 that Arrow does not read, such as with nanoseconds; None without a zone."""
    try:
        read = datetime.fromisoformat(date)
    except ValueError:
        return None
    return None if read.tzinfo is None else (read - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utf8(column: pa.Array) -> tuple[npt.NDArray[np.uint8], IntArray]:
    """Return the UTF-8 of a column of strings, and where in it each text begins."""
    # Arrow may leave bytes behind a null; they are not a text.
    column = column.cast(pa.string()).fill_null("")
    offsets = np.zeros(len(column) + 1, dtype=np.int64)
    data = np.zeros(0, dtype=np.uint8)
    if len(column):
        offsets[:] = np.frombuffer(column.buffers()[1], dtype=np.int32)[column.offset : column.offset + len(column) + 1]
        data = np.frombuffer(column.buffers()[2] or b"", dtype=np.uint8)
    return data, offsets
