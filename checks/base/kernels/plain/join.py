"""Pairs of sets that are similar, and how many values pairs of sets share."""

from collections.abc import Iterator

import numpy as np

from ..layout import Flags, Hashes, Ints, Places

MEETINGS = 1 << 22  # pairs that are compared at a time


def overlaps(sets: Hashes, limits: Ints, left: Ints, right: Ints) -> Ints:
    """Count the values that the two sets of each pair share.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` returns them.
    left, right : ndarray of int64, shape (n_pairs,)
        Numbers of the sets.

    Returns
    -------
    ndarray of int64, shape (n_pairs,)
    """
    shared = np.zeros(len(left), dtype=np.int64)
    for k, (x, y) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        values = sets[limits[x] : limits[x + 1]]
        others = sets[limits[y] : limits[y + 1]]
        if len(values) and len(others):
            at = np.minimum(np.searchsorted(others, values), len(others) - 1)
            shared[k] = np.count_nonzero(others[at] == values)
    return shared


def join(
    sets: Hashes, limits: Ints, threshold: float, max_fanout: int, threads: int = 1
) -> tuple[Places, Places, Places, Flags]:
    """Find all pairs of sets with a Jaccard similarity of at least a threshold t; none is missed.

    Order all values in any way. If the sets x and y, |x| >= |y|, are a pair, the first |x| - ceil(t |x|) + 1 values
    of x and the first |y| - ceil(2 t / (1 + t) |y|) + 1 values of y have one in common. With rare values first, few
    other sets have one in common.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` returns them: values spread evenly over 64 bits. An empty set has no pair.
    threshold : float
        In (0, 1].
    max_fanout : int
        Largest number of sets in the index under one value, those with the fewest values first. Further sets with
        this value find the indexed ones, but not one another.
    threads : int
        Threads that may share the work; the result does not depend on it.

    Returns
    -------
    left, right : ndarray of int32, shape (n_pairs,)
        Numbers of the sets, left < right; pairs in ascending order.
    shared : ndarray of int32, shape (n_pairs,)
        Number of common values.
    capped : ndarray of bool, shape (n_sets,)
        Sets that `max_fanout` left out of the index for at least one of their values.

    References
    ----------
    Chaudhuri, Ganti, Kaushik (2006), A primitive operator for similarity joins in data cleaning. Bayardo, Ma, Srikant
    (2007), Scaling up all pairs similarity search. Xiao, Wang, Lin, Yu (2008), Efficient similarity joins for near
    duplicate detection (PPJoin).
    """
    sizes = np.diff(limits)
    n_sets = len(sizes)
    capped = np.zeros(n_sets, dtype=bool)
    none = np.zeros(0, dtype=np.int32)
    if not len(sets):
        return none, none, none, capped
    keys, owner, indexed = _rarest(sets, limits, threshold)
    # Within a key, in order of size: each entry meets the indexed ones before it, of which max_fanout are kept.
    opens = np.append(True, keys[1:] != keys[:-1])
    before: Ints = np.cumsum(indexed) - indexed
    kept = indexed & (before - _carried(before, opens) < max_fanout)
    capped[owner[indexed & ~kept]] = True
    before = np.cumsum(kept) - kept
    first = _carried(before, opens)
    found = [np.zeros(0, dtype=np.int64)]
    for x, y in _meetings(owner, owner[kept], first, before - first):
        close = (sizes[y] >= np.ceil(threshold * sizes[x] - 1e-9)) & (x != y)
        x, y = x[close], y[close]
        found.append(np.unique(np.minimum(x, y) * n_sets + np.maximum(x, y)))
    pairs = np.unique(np.concatenate(found))
    left, right = pairs // n_sets, pairs % n_sets
    shared = overlaps(sets, limits, left, right)
    alike = shared / (sizes[left] + sizes[right] - shared) >= threshold
    return *(column[alike].astype(np.int32) for column in (left, right, shared)), capped  # type: ignore[return-value]


def _rarest(sets: Hashes, limits: Ints, threshold: float) -> tuple[Hashes, Ints, Flags]:
    """Return keys of the rarest values, their sets, and whether these belong in the index; by key and size of set."""
    sizes = np.diff(limits)
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(sizes, kind="stable")] = np.arange(len(sizes))
    bits = min(20, max(8, len(sets).bit_length() - 1))
    leading = (sets >> np.uint64(64 - bits)).astype(np.int64)
    df = np.minimum(np.bincount(leading, minlength=1 << bits), 65535)
    keys = df[leading].astype(np.uint64) << np.uint64(48) | sets & np.uint64(0xFFFFFFFFFFFF)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    keys = keys[np.lexsort((keys, owner))]
    nth, n = np.arange(len(keys)) - limits[owner], sizes[owner]
    is_new = np.append(True, (keys[1:] != keys[:-1]) | (owner[1:] != owner[:-1]))
    probes = is_new & (nth < n - np.ceil(threshold * n - 1e-9) + 1)
    indexed = nth < n - np.ceil(2 * threshold / (1 + threshold) * n - 1e-9) + 1
    keys, owner, indexed = keys[probes], owner[probes], indexed[probes]
    order = np.lexsort((rank[owner], keys))
    return keys[order], owner[order], indexed[order]


def _carried(values: Ints, opens: Flags) -> Ints:
    """Return, for each ascending value, the one where its group opens."""
    carried: Ints = np.maximum.accumulate(np.where(opens, values, 0))
    return carried


def _meetings(owner: Ints, posted: Ints, first: Ints, counts: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Yield the sets of entries and those they meet: entry k meets posted[first[k] : first[k] + counts[k]]."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(owner):
        limit = (ends[start - 1] if start else 0) + MEETINGS
        stop = max(start + 1, int(np.searchsorted(ends, limit, side="right")))
        n = counts[start:stop]
        nth = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
        yield np.repeat(owner[start:stop], n), posted[np.repeat(first[start:stop], n) + nth]
        start = stop
