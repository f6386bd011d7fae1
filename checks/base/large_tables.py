"""Tables that may be larger than memory, piece by piece: words as numbers, and tables in temporary files."""

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .arrow.columns import BoolArray, IntArray, as_bools, digests
from .arrow.memory_map import forget, mapped
from .places import place_keys
from .text.tokens import HashArray

PIECE = 1 << 16  # rows that are read together
LARGE = 64 << 20  # bytes of a table that goes to a temporary file

Codes = npt.NDArray[np.int32]


def pieces(table: pa.Table, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield all rows, some at a time, all columns or some; between pieces, memory of mapped files is released."""
    some = table if columns is None else table.select(columns)
    for piece in some.to_batches(max_chunksize=PIECE):
        yield piece
        forget()


def column_pieces(column: pa.ChunkedArray) -> Iterator[pa.Array]:
    """Yield one column, some rows at a time."""
    for piece in pieces(pa.table([column], ["column"])):
        yield piece.column(0)


class Words:
    """Numbered words, in the order of their first occurrence. For columns of few distinct words."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    @property
    def words(self) -> list[str]:
        """All words, by number."""
        return list(self._numbers)

    def number(self, word: str) -> int:
        """Return the number of a word; one that no row has for an unknown word."""
        return self._numbers.get(word, -2)

    def add(self, column: pa.Array) -> Codes:
        """Return the number of the word of each row, -1 for null."""
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        met = [
            -1 if word is None else self._numbers.setdefault(word, len(self._numbers))
            for word in encoded.dictionary.to_pylist()
        ]
        codes: Codes = np.array([*met, -1], dtype=np.int32)[np.asarray(encoded.indices.fill_null(len(met)))]
        return codes


class Coded(Words):
    """A whole column of few distinct words."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        super().__init__()
        found = [self.add(piece) for piece in column_pieces(column)]
        self.codes: Codes = np.concatenate([np.zeros(0, dtype=np.int32), *found])

    def are(self, word: str) -> BoolArray:
        """Return the mask of rows with this word."""
        is_it: BoolArray = self.codes == self.number(word)
        return is_it


def column_digests(column: pa.ChunkedArray) -> HashArray:
    """Return a hash of each word, 0 for null."""
    found = np.zeros(len(column), dtype=np.uint64)
    start, words, known = 0, None, found
    for chunk in column.chunks:
        if not pa.types.is_dictionary(chunk.type):
            for piece in column_pieces(pa.chunked_array([chunk])):
                found[start : start + len(piece)] = digests(piece)
                start += len(piece)
            continue
        # Chunks of a table in memory share one dictionary, which may be as long as the table.
        if words is None or not chunk.dictionary.equals(words):
            words = chunk.dictionary
            known = np.append(digests(words), np.uint64(0))
        found[start : start + len(chunk)] = known[np.asarray(chunk.indices.fill_null(len(words)))]
        start += len(chunk)
        forget()
    return found


def places(table: pa.Table) -> IntArray:
    """Return `place_keys` of a large table."""
    columns = ["message_id", "source", "line"]
    found = [np.asarray(place_keys(pa.Table.from_batches([piece]))) for piece in pieces(table, columns)]
    return np.concatenate([np.zeros(0, dtype=np.int64), *found])


def numbered(hashes: HashArray) -> Codes:
    """Give equal hashes the same number, from 0; -1 for the hash of null."""
    known, codes = np.unique(hashes, return_inverse=True)
    has_null = len(known) > 0 and known[0] == 0
    return codes.astype(np.int32) - np.int32(has_null)


class Keys:
    """Index of rows by key; of equal keys the first row counts."""

    def __init__(self, keys: npt.NDArray[np.generic]) -> None:
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]

    def rows(self, sought: npt.NDArray[np.generic]) -> IntArray:
        """Return the row of each key, -1 for an unknown key."""
        found = np.full(len(sought), -1)
        if not len(self._keys):
            return found
        # Sorted, as a search in random order waits for memory.
        order = np.argsort(sought)
        keys = sought[order]
        at = np.searchsorted(self._keys, keys)
        at[at == len(self._keys)] = 0
        hit = self._keys[at] == keys
        found[order[hit]] = self._order[at[hit]]
        return found


def is_in(column: pa.ChunkedArray, values: Sequence[str]) -> BoolArray:
    """Return the mask of rows with one of these words."""
    found = [_is_in(piece, pa.array(values, pa.string())) for piece in column_pieces(column)]
    return np.concatenate([np.zeros(0, dtype=bool), *found])


def _is_in(column: pa.Array, values: pa.Array) -> BoolArray:
    if not pa.types.is_dictionary(column.type):
        return as_bools(pc.is_in(column, value_set=values))
    known = np.append(as_bools(pc.is_in(column.dictionary, value_set=values)), False)
    mask: BoolArray = known[np.asarray(column.indices.fill_null(len(known) - 1))]
    return mask


def facets(maps: pa.Array) -> tuple[IntArray, pa.Array, pa.Array]:
    """Return all facets of some findings: the row, the key and the value of each."""
    lists = maps.cast(pa.list_(maps.type.field(0)))
    flat = pc.list_flatten(lists)
    rows = np.asarray(pc.list_parent_indices(lists), dtype=np.int64)
    return rows, pc.struct_field(flat, 0), pc.struct_field(flat, 1)


def on_disk(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Write rows to a temporary file, and return them as a table that is mapped from there."""
    with tempfile.TemporaryDirectory(prefix="chataudit-") as folder:
        path = Path(folder) / "table.arrow"
        with pa.ipc.new_stream(str(path), schema) as stream:
            for batch in batches:
                stream.write_batch(batch)
        # A mapped file outlives its name, and goes with the table, however the process ends.
        return mapped(path)


def gathered(batches: Iterable[pa.RecordBatch], schema: pa.Schema, n_bytes: int) -> pa.Table:
    """Return rows of about `n_bytes` as a table, in memory or in a temporary file."""
    return on_disk(batches, schema) if n_bytes > LARGE else pa.Table.from_batches(batches, schema)
