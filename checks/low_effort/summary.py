"""The share of low ratings to expect, with its interval, and how far people's labels agree with the score."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools
from ..base.check import Result, Table
from ..base.statistics.intervals import Estimate, FloatArray, Z, in_percent
from .score import LOW, RATED_LOW

SCORES = pa.schema(
    [
        ("tree", pa.uint64()),
        ("lang", pa.string()),
        ("score", pa.float64()),  # log odds of the model
        ("has_siblings", pa.bool_()),
        ("is_seen", pa.bool_()),  # the model was fitted on this text
        ("quality", pa.float64()),  # people's mean; null: fewer than two votes
    ]
)
MIN_LABELLED = 20  # replies on each side of LOW, below which agreement with people is not computed
MIN_REPLIES = 30  # with a score, of the data and of a language in the table
MAX_LANGUAGES = 12


def summary(rows: pa.Table) -> Result:
    """Estimate the share of replies that people would rate low, and compare the score with their labels."""
    if rows.num_rows < MIN_REPLIES:
        return Result()
    score, has = np.asarray(rows["score"]), as_bools(rows["has_siblings"].combine_chunks())
    _, tree = np.unique(np.asarray(rows["tree"]), return_inverse=True)
    if has.sum() >= MIN_REPLIES:
        share = expected_share(score[has], tree[has])
        notes = [
            f"Estimated from the score, people would rate {in_percent(share.value)} of {has.sum():,} replies with "
            f"siblings {LOW:g} or less out of 1 (95 % CI {100 * share.low:.1f}-{100 * share.high:.1f}, clustered by "
            "conversation; assumes raters like those of OASST)"
        ]
    else:
        notes = [
            f"The share of low ratings was not estimated: {has.sum():,} replies have siblings; needs {MIN_REPLIES}"
        ]
    quality = np.asarray(rows["quality"].fill_null(np.nan))
    seen = np.bincount(tree, as_bools(rows["is_seen"].combine_chunks())) > 0
    is_rated = ~np.isnan(quality) & ~seen[tree]
    is_low = quality[is_rated] <= LOW
    n_low = int(is_low.sum())
    without = f"; {seen.sum():,} conversations that the score was fitted on are left out" if seen.any() else ""
    if min(n_low, len(is_low) - n_low) >= MIN_LABELLED:
        found = agreement(score[is_rated], is_low, tree[is_rated])
        notes.append(
            f"The score ranks replies that people rated {LOW:g} or less above others with an AUC of {found.value:.2f} "
            f"(95 % CI {found.low:.2f}-{found.high:.2f}, clustered by conversation; {len(is_low):,} replies with two "
            f"votes or more, {n_low:,} of them rated low){without}"
        )
    else:
        notes.append(
            f"The score was not compared with people's labels: of {len(is_low):,} replies with two votes on quality, "
            f"{n_low:,} are rated {LOW:g} or less; needs {MIN_LABELLED} rated so and {MIN_LABELLED} rated higher"
            + without
        )
    tables = [_by_language(rows["lang"].combine_chunks().filter(pa.array(has)), score[has], tree[has])]
    return Result(notes=notes, tables=[table for table in tables if table is not None])


def expected_share(score: FloatArray, tree: IntArray) -> Estimate:
    """Return the mean probability of a low rating of replies with siblings.

    The interval has the error of the curve, and that of the sample of conversations.
    """
    p, fit = RATED_LOW[0].probability(score), RATED_LOW[0].deviation(score) ** 2
    _, tree = np.unique(tree, return_inverse=True)
    mean = float(p.mean())
    by_tree = np.bincount(tree, p - mean)
    n = len(by_tree)
    sampling = float((by_tree**2).sum()) / len(p) ** 2 * (n / max(1, n - 1))
    # On the scale of log odds, so that the ends stay between 0 and 1.
    width = Z * np.sqrt(fit + sampling) / (mean * (1 - mean))
    centre = np.log(mean / (1 - mean))
    low, high = (float(1 / (1 + np.exp(-(centre + side * width)))) for side in (-1, 1))
    return Estimate(mean, low, high)


def agreement(score: FloatArray, is_low: BoolArray, tree: IntArray) -> Estimate:
    """Return the AUC of a score against labels, with its 95 % CI over conversations.

    The variance is that of the share of pairs that each reply wins, summed by conversation (Obuchowski 1997,
    Nonparametric analysis of clustered ROC curve data).
    """
    below, above = (np.sort(score[some]) for some in (~is_low, is_low))
    # The share of replies on the other side that each reply is ranked rightly against; ties count half.
    wins = np.where(
        is_low,
        (np.searchsorted(below, score, "left") + np.searchsorted(below, score, "right")) / (2 * len(below)),
        1 - (np.searchsorted(above, score, "left") + np.searchsorted(above, score, "right")) / (2 * len(above)),
    )
    value = float(wins[is_low].mean())
    _, tree = np.unique(tree, return_inverse=True)
    weight = np.where(is_low, 1 / len(above), 1 / len(below))
    of_tree = np.bincount(tree, (wins - value) * weight)
    n = len(of_tree)
    width = Z * float(np.sqrt((of_tree**2).sum() * n / max(1, n - 1)))
    return Estimate(value, max(0.0, value - width), min(1.0, value + width))


def _by_language(lang: pa.Array, score: FloatArray, tree: IntArray) -> Table | None:
    counts = sorted(lang.value_counts().to_pylist(), key=lambda each: (-each["counts"], each["values"] or ""))
    named = [each["values"] for each in counts if each["values"] and each["counts"] >= MIN_REPLIES][:MAX_LANGUAGES]
    if not named:
        return None

    def rows() -> Iterator[tuple[str | int | float, ...]]:
        for value in named:
            some = as_bools(pc.equal(lang, value))
            share = expected_share(score[some], tree[some])
            yield value, int(some.sum()), *(f"{each:.3f}" for each in share)

    return Table(
        "Expected low ratings by language",
        f"Share of the replies with siblings that people would rate {LOW:g} or less, by declared language, with a "
        "95 % CI of the score's calibration and of the conversations. The score was fitted mostly on English replies.",
        ("language", "replies", "share", "low", "high"),
        tuple(rows()),
        dots=("language", "share", "low", "high"),
    )
