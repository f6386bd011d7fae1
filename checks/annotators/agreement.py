"""Krippendorff's alpha of labels of which the data keep only the mean and the number of votes.

With n_u votes on unit u, their mean m_u, N votes in all and m the mean of all votes, interval alpha is

    1 - (N - 1) / N * sum n_u / (n_u - 1) SS_u / (sum n_u (m_u - m)^2 + sum SS_u)

where only SS_u, the squares of the votes around their own mean, is not known. Of yes/no votes it is n_u m_u (1 - m_u),
so alpha is exact; of five points it depends on how the votes were split (likert.py).

References
----------
Krippendorff (2011), Computing Krippendorff's alpha-reliability.
Hayes and Krippendorff (2007), Answering the call for a standard reliability measure for coding data.
"""

from typing import NamedTuple

import numpy as np

from ..base.arrow.columns import IntArray
from ..base.statistics.intervals import Estimate, FloatArray, Z
from .likert import Interval, likert_alpha

N_GROUPS = 100  # of conversations, for the jackknife
MIN_UNITS, MIN_TREES = 20, 10  # of which an alpha is worth a row, and an interval
BINARY, LIKERT = 1, 4  # steps between the lowest and the highest vote


class Votes(NamedTuple):
    """Votes on units by equal cells; arrays of one length."""

    sums: IntArray  # of the votes on a unit, in steps
    counts: IntArray  # votes on a unit, at least two
    groups: IntArray  # of the unit's conversation, 0 to N_GROUPS - 1
    units: IntArray  # how many units of this group have these votes


def steps_of(means: FloatArray, counts: IntArray) -> int | None:
    """Return how many steps the votes have: BINARY, LIKERT, or None where they have neither."""
    for steps in (BINARY, LIKERT):
        total = means * counts * steps
        if np.abs(total - np.rint(total)).max(initial=0) < 0.02:
            return steps
    return None


def binary_alpha(votes: Votes) -> Estimate:
    """Return alpha of yes/no votes with its 95 % CI, by a jackknife of groups of conversations.

    NaN where all votes are alike; without an interval (NaN) if one group has all units.
    """
    groups, at = np.unique(votes.groups, return_inverse=True)
    mean = votes.sums / votes.counts
    squares = votes.units * votes.counts * mean * (1 - mean)
    parts = np.array(
        [
            np.bincount(at, values, minlength=len(groups))
            for values in (
                votes.units * votes.counts,
                votes.units * votes.sums,
                squares * votes.counts / (votes.counts - 1),
                votes.units * votes.counts * mean**2 + squares,  # squares around zero
            )
        ]
    )
    total = parts.sum(axis=1)
    value = float(_alpha(*total))
    n = len(groups)
    if n < MIN_TREES or np.isnan(value):
        return Estimate(value, float("nan"), float("nan"))
    without = _alpha(*(total[:, None] - parts))
    half = Z * float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return Estimate(value, value - half, min(1.0, value + half))


def _alpha(n: FloatArray, total: FloatArray, within: FloatArray, squares: FloatArray) -> FloatArray:
    """Return alpha from the number of votes, their sum, weighted squares within units, and squares around zero."""
    around = squares - total**2 / n
    with np.errstate(divide="ignore", invalid="ignore"):
        alpha: FloatArray = np.where(around > 0, 1 - (n - 1) / n * within / around, np.nan)
    return alpha


def alpha(votes: Votes, steps: int) -> Interval:
    """Return alpha of votes of this many steps, with its 95 % CI."""
    if steps == BINARY:
        value, low, high = binary_alpha(votes)
        return Interval(value, low, high)
    cells, at = np.unique(np.stack([votes.counts, votes.sums]), axis=1, return_inverse=True)
    weights = np.bincount(at.ravel(), votes.units).astype(np.float64)
    return likert_alpha(cells[1], cells[0], weights)
