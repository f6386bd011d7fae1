"""Groups of similar items, each represented by one, from verified pairs."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .arrow.columns import BoolArray, IntArray


class Pairs(NamedTuple):
    """Verified pairs of sets, left < right."""

    left: IntArray
    right: IntArray
    jaccard: npt.NDArray[np.float64]
    capped: BoolArray  # (n_sets,) sets that were not compared with all others
    notes: tuple[str, ...]


def grouped(pairs: Pairs) -> IntArray:
    """Return the set that represents each set: itself, where it represents its group or has none.

    The first set takes all that are verified against it, then the first of the rest. Sets that were compared only with
    the first of many come last, so that those which all were compared with represent the groups.
    """
    n = len(pairs.capped)
    group = np.full(n, -1)
    ends = np.concatenate([pairs.left, pairs.right])
    others = np.concatenate([pairs.right, pairs.left])
    order = np.argsort(ends, kind="stable")
    others = others[order]
    starts = np.searchsorted(ends[order], np.arange(n + 1))
    linked = np.flatnonzero(np.diff(starts))
    for k in linked[np.argsort(pairs.capped[linked], kind="stable")].tolist():
        if group[k] < 0:
            near = others[starts[k] : starts[k + 1]]
            group[near[group[near] < 0]] = k
            group[k] = k
    return np.where(group < 0, np.arange(n), group)
