"""The conversation around findings: the way up to the root, and the siblings."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.messages import Batch, IntArray, as_ints, names, nth, single
from ..reports.record import THREADS

MAX_ABOVE = 200  # messages on the way up; few threads are as deep
MAX_BESIDE = 20  # siblings
EXCERPT = 160  # code points

_PARENT = THREADS.get_field_index("parent")


def around(batch: Batch, rows: Sequence[int]) -> pa.Table:
    """THREADS of these rows of a batch: themselves, the messages above them, and their siblings."""
    if not rows:
        return THREADS.empty_table()
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
    columns = {name: table[name] for name in THREADS.names if name in table.column_names}
    return pa.table(
        {
            **columns,
            "id": pa.array(names(table["message_id"], table["line"]), pa.string()),
            "parent": pa.array(parent, pa.int64(), mask=parent < 0),
            "depth": pa.array(batch.depth[kept], pa.int64()),
            "n_replies": pa.array(n_replies[kept], pa.int64()),
            "excerpt": pc.utf8_slice_codeunits(table["text"], 0, EXCERPT),
        }
    ).select(THREADS.names).cast(THREADS)  # fmt: skip


def joined(tables: Sequence[pa.Table], sources: Sequence[str]) -> pa.Table:
    """THREADS of several calls in one, each message once, in the order of sources and lines.

    A message may come twice: with what was found in the pass, and with what was found later; each brings its own
    siblings.
    """
    whole = pa.concat_tables([THREADS.empty_table(), *tables]).combine_chunks()
    starts = np.repeat(np.cumsum([0, *(t.num_rows for t in tables)])[:-1], [t.num_rows for t in tables])
    parent = as_ints(single(whole["parent"]), -1)
    parent = np.where(parent >= 0, parent + starts, -1)
    place = pc.index_in(single(whole["source"]), value_set=pa.array(sources, pa.string()))
    ids = single(whole["id"]).dictionary_encode().indices
    # An id may stand twice on one line; then it is told apart by the order within its call.
    keys = np.stack([as_ints(column, -1) for column in (place, single(whole["line"]), ids)])
    _, first, of = np.unique(
        np.vstack([keys, nth(np.vstack([keys, starts]))]), axis=1, return_index=True, return_inverse=True
    )
    of = of.reshape(-1)
    merged = np.full(len(first), -1)
    np.maximum.at(merged, of[parent >= 0], of[parent[parent >= 0]])
    column = pa.array(merged, pa.int64(), mask=merged < 0)
    return whole.take(pa.array(first)).set_column(_PARENT, THREADS.field(_PARENT), column)


def _replies(batch: Batch, parents: IntArray) -> IntArray:
    """The first replies of each of these rows."""
    is_parent = np.zeros(len(batch) + 1, dtype=bool)
    is_parent[parents] = True
    rows = np.flatnonzero(is_parent[batch.parent])
    rows = rows[np.argsort(batch.parent[rows], kind="stable")]
    of = batch.parent[rows]
    return rows[np.arange(len(rows)) - np.searchsorted(of, of) < MAX_BESIDE]
