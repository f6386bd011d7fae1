"""Parsed blocks to batches that never cut a tree in two."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.messages import FAULTS, MESSAGES, Batch, Form
from .read import Parsed
from .spill import Spill

MAX_CHUNKS = 16
TAIL = 1000  # rows within which a tree may go on after another began, without being taken for scattered


class Scattered(Exception):
    """A tree went on after it was closed; all trees must be gathered before any is judged."""


def in_order(parsed: Iterable[Parsed], form: Form) -> Iterator[Batch]:
    """Batches of messages whose trees follow one another, nearly all of them as they come.

    The trees of the last TAIL rows are held back until it is clear that they do not go on.

    Raises
    ------
    Scattered
        Where a tree goes on after it was given out. The caller starts over with `by_tree`.
    """
    held: pa.Table | None = None
    held_faults = FAULTS.empty_table()
    # Python's own hash will do: it never leaves this process, and a false alarm only makes the run slower.
    closed: set[int] = set()
    for part in parsed:
        table = part.messages if held is None else pa.concat_tables([held, part.messages])
        held_faults = pa.concat_tables([held_faults, part.faults])
        trees = table["tree_id"]
        for tree in pc.unique(part.messages["tree_id"]).to_pylist():
            if tree is not None and hash(tree) in closed:
                raise Scattered(f"tree {tree[:60]!r} goes on at {_place_of(part.messages, tree)}, after others began")
        tail = pc.unique(trees.slice(max(0, len(trees) - TAIL)).drop_null())
        stays = np.asarray(pc.is_in(trees, value_set=tail).combine_chunks().to_numpy(zero_copy_only=False))
        first = int(stays.argmax()) if stays.any() else len(stays)
        if stays[first:].all():  # as a rule: a cut without a copy
            done, held = table.slice(0, first), table.slice(first)
        else:
            done, held = table.filter(pa.array(~stays)), table.filter(pa.array(stays))
        if held["tree_id"].num_chunks > MAX_CHUNKS:  # of many small blocks; each step goes through all of them
            held, held_faults = held.combine_chunks(), held_faults.combine_chunks()
        if done.num_rows:
            closed.update(hash(tree) for tree in pc.unique(done["tree_id"]).to_pylist() if tree is not None)
            yield Batch(done.combine_chunks(), form, held_faults)
            held_faults = FAULTS.empty_table()
    if held is not None and (held.num_rows or held_faults.num_rows):
        yield Batch(held.combine_chunks(), form, held_faults)


def by_tree(parsed: Iterable[Parsed], form: Form, size: int, budget: int) -> Iterator[Batch]:
    """Batches of messages whose trees may be scattered anywhere; past `budget` bytes they wait on disk."""
    faults = [FAULTS.empty_table()]
    with Spill("tree_id", budget) as spill:
        for part in parsed:
            spill.add(part.messages)
            faults.append(part.faults)
        rest = pa.concat_tables(faults)
        for table in spill.partitions():
            codes = table["tree_id"].combine_chunks().dictionary_encode(null_encoding="encode").indices
            order = np.argsort(np.asarray(codes), kind="stable")
            table = table.take(pa.array(order)).combine_chunks()
            trees = np.asarray(codes)[order]
            ends = np.append(np.flatnonzero(trees[1:] != trees[:-1]) + 1, len(trees))
            rows = max(1, size * len(trees) // max(1, table.nbytes))
            start = 0
            while start < len(trees):
                end = int(ends[min(np.searchsorted(ends, start + rows), len(ends) - 1)])
                yield Batch(table.slice(start, end - start), form, rest)
                rest, start = FAULTS.empty_table(), end
    if rest.num_rows:
        yield Batch(MESSAGES.empty_table(), form, rest)


def _place_of(messages: pa.Table, tree: str) -> str:
    row = pc.index(messages["tree_id"], tree).as_py()
    return f"{messages['source'][row].as_py()}:{messages['line'][row].as_py()}"
