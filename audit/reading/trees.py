"""Batches of whole trees, made from parsed blocks."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.messages import FAULTS, MESSAGES, Batch, Form
from .parse import Parsed

MAX_CHUNKS = 16
TAIL = 1000  # rows within which a tree may continue after another began and still count as in order


class Scattered(Exception):
    """A tree continues after it was closed: all trees must be gathered before any is checked."""


class InOrder:
    """Collector of batches from messages whose trees follow one another.

    The trees of the last TAIL rows are held back until it is clear that they are complete.
    """

    def __init__(self, form: Form, held: pa.Table | None = None, closed: pa.ChunkedArray | None = None) -> None:
        self._form = form
        self.held = MESSAGES.empty_table() if held is None else held
        self._faults = FAULTS.empty_table()
        # Python's own hash is enough: it never leaves this process, and a false alarm only makes the run slower.
        self._closed: set[int] = set()
        if closed is not None:
            self._close(closed)

    def add(self, part: Parsed) -> Batch | None:
        """Return the trees that end before the tail, with all faults since the last batch; None if there are none.

        Raises
        ------
        Scattered
            If a tree continues after it was returned. The caller starts over with `by_tree`.
        """
        table = pa.concat_tables([self.held, part.messages])
        self._faults = pa.concat_tables([self._faults, part.faults])
        trees = table["tree_id"]
        for tree in pc.unique(part.messages["tree_id"]).to_pylist():
            if tree is not None and hash(tree) in self._closed:
                raise Scattered(f"tree {tree[:60]!r} continues at {_place_of(part.messages, tree)} after others began")
        tail = pc.unique(trees.slice(max(0, len(trees) - TAIL)).drop_null())
        stays = np.asarray(pc.is_in(trees, value_set=tail).combine_chunks().to_numpy(zero_copy_only=False))
        first = int(stays.argmax()) if stays.any() else len(stays)
        if stays[first:].all():  # the usual case: slicing without a copy
            done, self.held = table.slice(0, first), table.slice(first)
        else:
            done, self.held = table.filter(pa.array(~stays)), table.filter(pa.array(stays))
        if self.held["tree_id"].num_chunks > MAX_CHUNKS:  # from many small blocks; each step visits all chunks
            self.held, self._faults = self.held.combine_chunks(), self._faults.combine_chunks()
        if not done.num_rows:
            return None
        self._close(done["tree_id"])
        return self._batch(done)

    def rest(self) -> Batch | None:
        """Return the trees still held back after the last block."""
        done, self.held = self.held, MESSAGES.empty_table()
        return self._batch(done) if done.num_rows or self._faults.num_rows else None

    def _batch(self, done: pa.Table) -> Batch:
        faults, self._faults = self._faults, FAULTS.empty_table()
        return Batch(done.combine_chunks(), self._form, faults)

    def _close(self, trees: pa.ChunkedArray) -> None:
        self._closed.update(hash(tree) for tree in pc.unique(trees).to_pylist() if tree is not None)


def by_tree(tables: Iterable[pa.Table], faults: pa.Table, form: Form, size: int) -> Iterator[Batch]:
    """Yield batches of about `size` bytes from tables that each contain whole trees, in any order of messages."""
    for table in tables:
        codes = table["tree_id"].combine_chunks().dictionary_encode(null_encoding="encode").indices
        order = np.argsort(np.asarray(codes), kind="stable")
        table = table.take(pa.array(order)).combine_chunks()
        trees = np.asarray(codes)[order]
        ends = np.append(np.flatnonzero(trees[1:] != trees[:-1]) + 1, len(trees))
        rows = max(1, size * len(trees) // max(1, table.nbytes))
        start = 0
        while start < len(trees):
            end = int(ends[min(np.searchsorted(ends, start + rows), len(ends) - 1)])
            yield Batch(table.slice(start, end - start), form, faults)
            faults, start = FAULTS.empty_table(), end
    if faults.num_rows:
        yield Batch(MESSAGES.empty_table(), form, faults)


def _place_of(messages: pa.Table, tree: str) -> str:
    row = pc.index(messages["tree_id"], tree).as_py()
    return f"{messages['source'][row].as_py()}:{messages['line'][row].as_py()}"
