"""Whether ranks and labels agree, and trees whose labels are all alike."""

from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom, norm

from ..base.arrow.columns import BoolArray, IntArray, pairs_within
from ..base.statistics.intervals import FloatArray, Z

NOISE = 0.07  # variance of one vote on quality around the unit's mean, in the scale 0 to 1, as in OASST1
MAX_FALSE, MAX_FALSE_SURE = 0.05, 0.001  # false discovery rates of single pairs: in doubt, and sure
SPREAD = 0.15  # how much trees differ in what they deserve (intraclass correlation)
MOST_SIBLINGS = 50  # of one parent that are compared, those with the best ranks
MIN_CELLS, MIN_TOP, MIN_TREES = 4, 0.9, 2  # labels of a tree, share at the top, and trees


class Ranks(NamedTuple):
    """Pairs of siblings with different ranks, of which people rated the quality of both."""

    better: IntArray  # rows: ranked better
    worse: IntArray
    agreement: float  # share of untied pairs in which the better ranked is rated higher; NaN: no pair
    low: float  # 95 % CI, clustered by siblings
    high: float
    is_beyond: BoolArray  # pairs in which the label contradicts the rank beyond noise
    is_sure: BoolArray  # those of them that hardly one in a thousand is by chance
    n_ties: int


def ranks_and_quality(parent: IntArray, rank: IntArray, quality: FloatArray, votes: IntArray) -> Ranks:
    """Compare ranks of siblings with their quality labels; `parent` is a number, `rank` -1 where there is none."""
    rows = np.flatnonzero((rank >= 0) & (votes >= 2) & (parent >= 0))
    rows = rows[np.lexsort((rank[rows], parent[rows]))]
    _, family = np.unique(parent[rows], return_inverse=True)
    first, second = pairs_within(family, MOST_SIBLINGS)
    differ = rank[rows[first]] < rank[rows[second]]
    one, two, of = rows[first[differ]], rows[second[differ]], family[first[differ]]
    gap = quality[one] - quality[two]
    agree, contradict = (np.bincount(of[some], minlength=family.max(initial=-1) + 1) for some in (gap > 0, gap < 0))
    used = agree + contradict > 0
    agree, total = agree[used].astype(float), (agree + contradict)[used].astype(float)
    value = low = high = float("nan")
    if len(total):
        value = agree.sum() / total.sum()
        half = Z * np.sqrt(((agree - value * total) ** 2).sum() * len(total) / max(1, len(total) - 1)) / total.sum()
        low, high = max(0.0, value - half), min(1.0, value + half)
    chance = norm.sf(-gap / np.sqrt(NOISE * (1 / votes[one] + 1 / votes[two]))) if len(one) else np.zeros(0)
    beyond, sure = (discovered(chance, rate) & (gap < 0) for rate in (MAX_FALSE, MAX_FALSE_SURE))
    return Ranks(one, two, value, low, high, beyond, sure, int((gap == 0).sum()))


def discovered(p: FloatArray, rate: float) -> BoolArray:
    """Return which p-values are discoveries at this false discovery rate (Benjamini and Hochberg 1995)."""
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= rate * np.arange(1, len(p) + 1) / max(1, len(p)))
    found = np.zeros(len(p), dtype=bool)
    found[order[: passed[-1] + 1 if passed.size else 0]] = True
    return found


def constant_trees(tree: IntArray, at_top: IntArray, rated: IntArray, max_false: float) -> IntArray:
    """Return the trees of which nearly all five-point labels are at the top, where that is no chance.

    Parameters
    ----------
    tree : ndarray of int64, shape (n,)
        Number of each message's tree, from 0.
    at_top, rated : ndarray of int64, shape (n, n_labels)
        Whether each label with two votes or more is at the top, and whether it is there at all.
    max_false : float
        The false discovery rate.
    """
    if not len(tree):
        return np.zeros(0, dtype=np.int64)
    n_trees = int(tree.max()) + 1
    base = at_top.sum(axis=0) / np.maximum(1, rated.sum(axis=0))
    top, cells = (np.bincount(tree, part.sum(axis=1), minlength=n_trees) for part in (at_top, rated))
    expected = np.bincount(tree, (rated * base).sum(axis=1), minlength=n_trees)
    trees = np.flatnonzero(cells >= MIN_CELLS)
    share = np.clip(expected[trees] / cells[trees], 1e-4, 0.9)
    scale = 1 / SPREAD - 1
    p = betabinom.sf(top[trees] - 1, cells[trees], share * scale, (1 - share) * scale)
    is_constant = discovered(p, max_false) & (top[trees] >= MIN_TOP * cells[trees])
    return trees[is_constant] if is_constant.sum() >= MIN_TREES else np.zeros(0, dtype=np.int64)
