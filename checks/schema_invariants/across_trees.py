"""Invariants over all trees: ids used once, parents that exist, dates in range."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools, as_ints, digests, single
from ..base.claims import Spans, counted
from ..base.messages import PLACES, Batch
from .claims import Claims, claims_at, quoted
from .thread_rules import DANGLING_PARENT, DUPLICATE_ID, DUPLICATE_TREE, PARENT_IN_OTHER_TREE

MAX_FUTURE = 100  # late messages at most; more are a later collection, not outliers
N_NEWEST = 2 * MAX_FUTURE + 1  # of these, MAX_FUTURE are a minority
MICROSECONDS_PER_YEAR = 365.25 * 24 * 3600 * 1e6

_NAMELESS = [field for field in PLACES if field.name != "message_id"]
# These are nearly all messages, so their id is kept once: as the key.
IDS = pa.schema(
    [
        ("key", pa.string()),
        *_NAMELESS,
        ("tree", pa.int64()),  # a hash of all ids of its tree, each of which occurs as often; 0: some occur more often
        ("n_tree", pa.int64()),  # messages of the tree, each id once
        ("is_first", pa.bool_()),  # has the id of the first message of its tree
    ]
)
"""Every message id, with its place."""
PARENTS = pa.schema([("key", pa.string()), *PLACES])  # the key is the id of the parent
"""Every message with a parent outside its own tree."""
DATES = pa.schema([("date", pa.int64()), *PLACES])  # microseconds since 1970 in UTC
"""The newest messages of each batch."""


def ids(batch: Batch) -> pa.Table:
    """Return IDS of a batch."""
    ids = batch.column("message_id")
    at = np.flatnonzero(~batch.is_context & ~as_bools(ids.is_null()))
    hashes = digests(ids).view(np.int64)
    tree = batch.tree
    first = np.full(batch.n_trees, -1)
    first[tree[at[::-1]]] = at[::-1]
    is_first = hashes == hashes[first[tree]]
    if batch.form.nested and not batch.form.uuid_ids:
        # Ids within such a record are made from its own: if that occurs twice, this is one fault.
        at = at[is_first[at]]
    whole, n_tree = _whole_trees(batch, at, hashes)
    places = batch.places.select([field.name for field in _NAMELESS]).take(pa.array(at))
    own = [pa.array(values[at]) for values in (whole[tree], n_tree[tree], is_first)]
    return pa.table([ids.take(pa.array(at)), *places.columns, *own], schema=IDS)


def _whole_trees(batch: Batch, rows: IntArray, hashes: IntArray) -> tuple[IntArray, IntArray]:
    """Return for each tree a hash of its ids, 0 where only some of them occur several times, and their number."""
    tree, n = batch.tree, batch.n_trees
    once = rows[~batch.is_copy[rows]]
    n_ids, n_rows = np.bincount(tree[once], minlength=n), np.bincount(tree[rows], minlength=n)
    order = once[np.argsort(tree[once], kind="stable")]
    found = np.zeros(n, dtype=np.int64)
    if order.size:
        trees, start = np.unique(tree[order], return_index=True)
        found[trees] = np.add.reduceat(hashes[order], start)
    is_whole = n_rows == np.bincount(tree, minlength=n)  # contexts and messages without ids are not compared
    for k in np.flatnonzero(n_rows > n_ids):
        _, counts = np.unique(hashes[rows[tree[rows] == k]], return_counts=True)
        is_whole[k] &= counts.min() == counts.max()
    return np.where(is_whole, found, 0), n_ids


def outside_parents(batch: Batch) -> pa.Table:
    """Return PARENTS of a batch: the messages whose parent is not in their tree."""
    has_tree_id = ~as_bools(batch.column("tree_id").is_null())
    at = pa.array(np.flatnonzero(~batch.is_context & ~batch.is_root & (batch.parent < 0) & has_tree_id))
    return pa.table([batch.column("parent_id").take(at), *batch.places.take(at).columns], schema=PARENTS)


def newest(batch: Batch) -> pa.Table:
    """Return DATES of a batch: its newest messages."""
    micros, is_read = batch.dates
    rows = np.flatnonzero(~batch.is_context & is_read)
    if len(rows) > N_NEWEST:
        # All that are as new as the oldest of the newest, so that a tie at the border is cut by place, not by luck.
        border = np.partition(micros[rows], -N_NEWEST)[-N_NEWEST]
        rows = rows[micros[rows] >= border]
    return pa.table([pa.array(micros[rows]), *batch.places.take(pa.array(rows)).columns], schema=DATES)


_LINK_ORDER = [(name, "ascending") for name in ("key", "source", "line", "n_chars")]


def duplicate_ids(ids: pa.Table) -> list[Claims]:
    """Return the claims about ids that more than one message has."""
    counts = pc.value_counts(ids["key"])
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(repeated):
        return []
    copies = _with_message_ids(ids.filter(pc.is_in(ids["key"], value_set=repeated))).sort_by(_LINK_ORDER)
    keys = np.array(copies["key"].to_pylist(), dtype=object)
    first = np.maximum.accumulate(np.where(np.append(True, keys[1:] != keys[:-1]), np.arange(len(keys)), 0))
    later = np.flatnonzero(first != np.arange(len(keys)))
    trees = np.array(copies["tree_id"].to_pylist(), dtype=object)
    # A row repeats one of a whole tree if both have the same id and are in trees with the same ids.
    whole = np.asarray(copies["tree"])
    _, start, of = np.unique(np.stack([first, whole]), axis=1, return_index=True, return_inverse=True)
    original = start[of.ravel()]
    repeats_tree = (original != np.arange(len(keys))) & (whole != 0) & (np.asarray(copies["n_tree"]) > 1)
    heads = np.flatnonzero(repeats_tree & as_bools(single(copies["is_first"])))
    sizes = copies["n_tree"].take(pa.array(heads)).to_pylist()
    claims = claims_at(
        copies,
        DUPLICATE_TREE,
        heads,
        [
            f"The whole tree ({counted(n, 'message')}) is already at {place}"
            for n, place in zip(sizes, _relative_places(copies, original[heads], heads), strict=True)
        ],
        spans=[Spans(heads), Spans(original[heads])],
    )
    later = later[~repeats_tree[later]]
    scope = ["same tree" if trees[r] == trees[first[r]] else "other tree" for r in later]
    return claims + claims_at(
        copies,
        DUPLICATE_ID,
        later,
        [f"Id is already used at {place}" for place in _relative_places(copies, first[later], later)],
        spans=[Spans(later), Spans(first[later])],
        facets=[{"scope": s} for s in scope],
    )


def lost_parents(ids: pa.Table, parents: pa.Table) -> list[Claims]:
    """Return the claims about parents that are missing or in another tree."""
    if not parents.num_rows:
        return []
    parents = parents.sort_by(_LINK_ORDER)
    exists = as_bools(single(pc.is_in(parents["key"], value_set=ids["key"])))
    lost, strayed = np.flatnonzero(~exists), np.flatnonzero(exists)
    # Of several messages with the parent's id the first place is shown, in any order of rows.
    homes = _with_message_ids(ids.filter(pc.is_in(ids["key"], value_set=parents["key"]))).sort_by(_LINK_ORDER)
    home = as_ints(single(pc.index_in(parents["key"], value_set=homes["key"])), -1)
    places = pa.concat_tables([parents.select(PLACES.names), homes.select(PLACES.names)])
    parent_ids = parents["key"].to_pylist()
    claims = claims_at(
        places,
        DANGLING_PARENT,
        lost,
        [f"Parent is missing: {quoted(parent_ids[r])}" for r in lost],
        about=[parent_ids[r] for r in lost],
    )
    return claims + claims_at(
        places,
        PARENT_IN_OTHER_TREE,
        strayed,
        [f"Parent {quoted(parent_ids[r])} is in another tree" for r in strayed],
        spans=[Spans(strayed), Spans(home[strayed] + parents.num_rows)],
        about=[parent_ids[r] for r in strayed],
    )


def _with_message_ids(ids: pa.Table) -> pa.Table:
    """Return rows of IDS with the ids also as a column of PLACES."""
    return ids.append_column(PLACES.field("message_id"), ids["key"])


def _relative_places(places: pa.Table, rows: IntArray, seen_from: IntArray) -> list[str]:
    """Return the line of each row, with its file where that differs from the file of the row it is seen from."""
    source, line = (places[name].to_pylist() for name in ("source", "line"))
    return [
        f"line {line[row]}" if source[row] == source[here] else f"{source[row]}:{line[row]}"
        for row, here in zip(rows, seen_from, strict=True)
    ]
