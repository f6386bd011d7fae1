"""The conversation around findings: the thread up to the root, and the siblings."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import IntArray, as_bools, as_ints, nth, single
from ...checks.base.messages import Batch
from ...checks.base.places import names
from ...reports.record import THREADS

MAX_ABOVE = 200  # messages up to the root; few threads are that deep
MAX_BESIDE = 20  # siblings
EXCERPT = 160  # code points

_PARENT = THREADS.get_field_index("parent")
# As THREADS, but `parent` is the distance in rows to the parent, so that tables can be concatenated; `nth` tells
# messages with the same id on the same line apart.
AROUND = THREADS.append(pa.field("nth", pa.int64()))


def around(batch: Batch, rows: Sequence[int]) -> pa.Table:
    """Return AROUND of these rows of a batch: the rows, the messages above them, and their siblings."""
    if not rows:
        return AROUND.empty_table()
    shown = np.zeros(len(batch), dtype=bool)
    shown[list(rows)] = True
    parents = np.unique(batch.parent[list(rows)])
    parents = parents[parents >= 0]
    shown[_replies(batch, parents)] = True
    above, at = np.zeros(len(batch), dtype=bool), parents
    for _ in range(MAX_ABOVE):
        above[at] = True
        at = np.unique(batch.parent[at])
        at = at[(at >= 0) & ~above[at]]
        if not at.size:
            break
    kept = np.flatnonzero(shown | above)
    position = np.full(len(batch) + 1, -1)
    position[kept] = np.arange(len(kept))
    parent = position[batch.parent[kept]]
    n_replies = np.bincount(batch.parent[batch.parent >= 0], minlength=len(batch))
    table = batch.messages.take(pa.array(kept))
    ids = pa.array(names(table["message_id"], table["line"]), pa.string())
    keys = [_codes(single(table["source"])), as_ints(single(table["line"]), -1), _codes(ids)]
    columns = {name: table[name] for name in THREADS.names if name in table.column_names}
    return pa.table(
        {
            **columns,
            "id": ids,
            "parent": pa.array(parent - np.arange(len(kept)), pa.int64(), mask=parent < 0),
            "depth": pa.array(batch.depth[kept], pa.int64()),
            "n_replies": pa.array(n_replies[kept], pa.int64()),
            "excerpt": pc.utf8_slice_codeunits(table["text"], 0, EXCERPT),
            "nth": pa.array(nth(np.stack(keys)), pa.int64()),
        }
    ).select(AROUND.names).cast(AROUND)  # fmt: skip


def joined(tables: Sequence[pa.Table], sources: Sequence[str], trees: pa.Array | None = None) -> pa.Table:
    """Join tables of AROUND to THREADS, each message once, in the order of sources and lines; optionally of some trees.

    A message may come twice, from the first pass and from later stages; each brings its own siblings.
    """
    chosen = tables if trees is None else [_of_trees(table, trees) for table in tables]
    whole = pa.concat_tables([AROUND.empty_table(), *chosen]).combine_chunks()
    parent = _parents(whole)
    place = pc.index_in(single(whole["source"]), value_set=pa.array(sources, pa.string()))
    line, which = (as_ints(single(whole[name]), -1) for name in ("line", "nth"))
    keys = np.stack([as_ints(place, -1), line, _codes(single(whole["id"])), which])
    order = np.lexsort(keys[::-1])
    is_new = np.append(True, (keys[:, order[1:]] != keys[:, order[:-1]]).any(axis=0))[: len(order)]
    first, of = order[is_new], np.empty(len(order), dtype=np.int64)
    of[order] = np.cumsum(is_new) - 1
    merged = np.full(len(first), -1)
    np.maximum.at(merged, of[parent >= 0], of[parent[parent >= 0]])
    column = pa.array(merged, pa.int64(), mask=merged < 0)
    kept = whole.drop_columns("nth").take(pa.array(first))
    return kept.set_column(_PARENT, THREADS.field(_PARENT), column)


def _parents(table: pa.Table) -> IntArray:
    """Return the row of AROUND that each row answers; -1: none."""
    steps = single(table["parent"])
    return np.where(as_bools(steps.is_valid()), np.arange(len(steps)) + as_ints(steps, 0), -1)


def _of_trees(table: pa.Table, trees: pa.Array) -> pa.Table:
    """Return AROUND of some trees only."""
    of_trees = as_bools(single(pc.is_in(table["tree_id"], value_set=trees)))
    place = np.append(np.where(of_trees, np.cumsum(of_trees) - 1, -1), -1)
    parent = place[_parents(table)[of_trees]]
    steps = pa.array(parent - np.arange(len(parent)), pa.int64(), mask=parent < 0)
    return table.filter(pa.array(of_trees)).set_column(_PARENT, AROUND.field(_PARENT), steps)


def _codes(column: pa.Array) -> IntArray:
    """Return a number for each distinct value."""
    return as_ints(column.dictionary_encode().indices, -1)


def _replies(batch: Batch, parents: IntArray) -> IntArray:
    """Return the first replies to each of these rows."""
    is_parent = np.zeros(len(batch) + 1, dtype=bool)
    is_parent[parents] = True
    rows = np.flatnonzero(is_parent[batch.parent])
    rows = rows[np.argsort(batch.parent[rows], kind="stable")]
    of = batch.parent[rows]
    return rows[np.arange(len(rows)) - np.searchsorted(of, of) < MAX_BESIDE]
