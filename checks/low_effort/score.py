"""The fitted score: how probable it is that people would rate a reply low.

Boosted trees that may only fall with more words, more of the prompt taken up, and so on (monotone constraints), fitted
by tests/perf/fit_low_effort.py on quality labels of OASST1 and OASST2 (Apache-2.0). The script prints the numbers here
and measures all of it on conversations that it was not fitted on.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..base.arrow.columns import BoolArray, is_among
from ..base.statistics import trees
from ..base.statistics.intervals import FloatArray
from ..base.text.tokens import HashArray
from .features import FEATURES

MODEL, SEEN = (Path(__file__).with_name(name) for name in ("model.json", "seen.npy"))
LOW, HIGH = 0.25, 0.75  # people's mean quality of a reply that they rated low, and high


class Curve(NamedTuple):
    """The probability of a rating by the log odds x that the model gives: 1 / (1 + exp(-(intercept + slope x)))."""

    intercept: float
    slope: float
    covariance: tuple[float, float, float]  # of both, over conversations: of the intercept, of both, of the slope

    def probability(self, score: FloatArray) -> FloatArray:
        """Return the probability of the rating for each score."""
        return np.asarray(1 / (1 + np.exp(-(self.intercept + self.slope * score))))

    def deviation(self, score: FloatArray) -> float:
        """Return the standard deviation of the mean probability of all scores, for what the fit does not know."""
        p = self.probability(score)
        by_intercept = p * (1 - p)
        a, b = float(by_intercept.mean()), float((by_intercept * score).mean())
        one, both, two = self.covariance
        return float(np.sqrt(a * a * one + 2 * a * b * both + b * b * two))


# From scores of conversations that the model was not fitted on; of replies with siblings, and without.
RATED_LOW = (
    Curve(-1.367, 2.050, (0.01333, 0.00166, 0.02733)),
    Curve(-1.292, 2.035, (0.01626, 0.01069, 0.04288)),
)
RATED_HIGH = (
    Curve(-1.253, -1.678, (0.01591, 0.01171, 0.01530)),
    Curve(-1.138, -1.564, (0.01699, 0.01414, 0.01973)),
)


@cache
def _seen() -> HashArray:
    found: HashArray = np.load(SEEN, allow_pickle=False)
    return found


def is_seen(digests: HashArray) -> BoolArray:
    """Mark the texts that the model was fitted on, by `Batch.text_digest`: how it does on them is no error rate."""
    return is_among(digests, _seen())


def log_odds(features: FloatArray) -> FloatArray:
    """Return what the model gives for FEATURES of replies; more is worse."""
    p = trees.load(MODEL, FEATURES).probability(features)
    return np.asarray(np.log(p) - np.log1p(-p))


def probability(score: FloatArray, has_siblings: BoolArray, curves: tuple[Curve, Curve]) -> FloatArray:
    """Return the probability of a rating, by the curve of replies with siblings or by that of replies without."""
    return np.where(has_siblings, curves[0].probability(score), curves[1].probability(score))
