"""Agreement of findings with human labels of the same messages."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..arrow.columns import BoolArray, IntArray, entries
from .intervals import wilson

FloatArray = npt.NDArray[np.float64]

N_RESAMPLES = 200  # of 5 ms each


class Measure(NamedTuple):
    """A measure of agreement with its 95 % CI."""

    name: str
    value: float
    low: float
    high: float


def agreement(people: BoolArray, flagged: BoolArray, scores: FloatArray) -> list[Measure]:
    """Return precision, recall, average precision and Cohen's kappa of a check, with people as the truth.

    Parameters
    ----------
    people, flagged : ndarray of bool, shape (n,)
        Whether people and the check flag each message; of people's answers, both must occur.
    scores : ndarray of float64, shape (n,)
        Strength of the evidence, by which average precision ranks; rounded to two places.

    Notes
    -----
    The CI are Wilson's for the first two, and the percentile bootstrap (Efron 1979) over messages for the others.
    """
    # This import takes a second, and is needed only for data with human labels.
    from sklearn.metrics import average_precision_score, cohen_kappa_score, precision_score, recall_score

    # Few combinations represent all messages, so that many resamples take little time.
    kinds, weights = np.unique(np.stack([people, flagged, scores.round(2)], axis=1), axis=0, return_counts=True)
    truth, found, strength = kinds[:, 0] > 0, kinds[:, 1] > 0, kinds[:, 2]

    def average_precision(w: IntArray) -> float:
        return float(average_precision_score(truth, strength, sample_weight=w))

    def kappa(w: IntArray) -> float:
        return float(cohen_kappa_score(truth, found, sample_weight=w))

    def resampled(measure: Callable[[IntArray], float]) -> tuple[float, float]:
        draws = np.random.default_rng(0).multinomial(len(people), weights / len(people), N_RESAMPLES)
        values = [measure(draw) for draw in draws if 0 < draw[truth].sum() < draw.sum()]
        low, high = np.nanpercentile(values, (2.5, 97.5))
        return float(low), float(high)

    both = int((people & flagged).sum())
    precision = float(precision_score(truth, found, sample_weight=weights, zero_division=0))
    return [
        Measure("precision", precision, *wilson(both, int(flagged.sum()))),
        Measure("recall", float(recall_score(truth, found, sample_weight=weights)), *wilson(both, int(people.sum()))),
        Measure("average precision", average_precision(weights), *resampled(average_precision)),
        Measure("Cohen's kappa", kappa(weights), *resampled(kappa)),
    ]


def labels(column: pa.Array, name: str) -> tuple[FloatArray, IntArray]:
    """Return the mean and the number of people's answers to one question, by message; NaN: nobody was asked.

    `column` is one of LABELS. If a message has a label twice, the first counts; a broken label is ignored.
    """
    means, counts = np.full(len(column), np.nan), np.zeros(len(column), dtype=np.int64)
    names, parents = entries(column, "name")
    hits = np.flatnonzero(np.asarray(pc.equal(names, name).fill_null(False)))
    rows, first = np.unique(parents[hits], return_index=True)
    at = hits[first] - np.searchsorted(parents, rows)  # its number among the labels of its message
    for field, found in (("value", means), ("count", counts)):
        values, parents = entries(column, field)
        place = np.searchsorted(parents, rows) + at
        there = place < np.searchsorted(parents, rows, side="right")
        read = np.asarray(values.take(pa.array(place[there])).cast(pa.float64()).fill_null(np.nan))
        found[rows[there]] = read if found is means else np.nan_to_num(read)
    return means, counts
