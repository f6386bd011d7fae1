"""Confidence intervals of rates: of plain counts, clustered by conversation tree, and corrected for errors."""

from collections.abc import Sequence
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..arrow.columns import IntArray

FloatArray = npt.NDArray[np.float64]

Z = 1.959964  # standard deviations around the mean that contain 95 % of a normal distribution
# The effective number of varying trees at which `clustered` weights the variance between trees as much as its model;
# from 20 to 200 its coverage is about the same.
TRUSTED_TREES = 50
N_DRAWS = 20_000  # for `true_rate`, in some 6 ms a stratum


class Estimate(NamedTuple):
    """A rate in [0, 1] with its 95 % CI."""

    value: float  # NaN where it cannot be estimated
    low: float
    high: float


class Confusion(NamedTuple):
    """Counts of messages by what a check says and what people labelled."""

    hits: int  # faulty, and flagged
    misses: int  # faulty, and not flagged
    false_alarms: int  # not faulty, and flagged
    right_silences: int  # not faulty, and not flagged


class Stratum(NamedTuple):
    """Messages of one kind, from which people labelled a simple random sample without replacement."""

    size: int  # messages
    drawn: int  # messages that people labelled, 0 to `size`
    faults: int  # of those drawn, 0 to `drawn`
    is_flagged: bool  # whether the check flagged the messages of this kind


class TrueRate(NamedTuple):
    """Estimates for a whole data set from its samples."""

    precision: Estimate  # share of faulty messages among the flagged ones
    recall: Estimate  # share of flagged messages among the faulty ones
    rate: Estimate  # share of faulty messages among all


def in_percent(share: float, digits: int = 1) -> str:
    """Write a share in [0, 1] as people read it, such as 9.7 %."""
    return f"{100 * share:.{digits}f} %"


def wilson(hits: float, n: float) -> tuple[float, float]:
    """Return the 95 % CI of a rate, from `hits` of n.

    Wilson (1927), Probable Inference, the Law of Succession, and Statistical Inference: it stays in [0, 1], and is
    right for small n and for rates near 0, which are common in data sets. Both may be fractions: effective numbers.
    """
    if not n:
        return 0.0, 1.0
    p, square = hits / n, Z * Z / n
    middle, half = p + square / 2, Z * sqrt((p * (1 - p) + square / 4) / n)
    # Exactly 0 and 1 at the ends, without rounding errors: a limit of 0 is met where nothing was found.
    low = (middle - half) / (1 + square) if hits else 0.0
    return max(0.0, low), min(1.0, (middle + half) / (1 + square)) if hits < n else 1.0


def clustered(flagged: IntArray, checked: IntArray) -> tuple[float, float]:
    """Return the 95 % CI of a rate, clustered by conversation tree.

    Parameters
    ----------
    flagged, checked : ndarray of int64, shape (n_trees,)
        Messages of each conversation tree, 0 <= flagged <= checked. Trees without a checked message have no effect.

    Returns
    -------
    low, high : float
        In [0, 1], around sum(flagged) / sum(checked); (0, 1) if none was checked. For trees of one message each, it is
        Wilson's interval.

    Notes
    -----
    This is Wilson's interval at the effective number of messages: the number checked, divided by the design effect,
    which is the ratio of the variance of the rate to that of independent messages. Korn & Graubard (1998) use Clopper &
    Pearson's interval in this way, and Franco et al. (2019) compare both and others. The design effect is estimated in
    two ways.

    - `between`, from the differences between trees: the variance of the cluster bootstrap, which resamples only
      approximate (Efron's infinitesimal jackknife). It is valid for any cause of these differences, but needs many
      flagged trees: with few, the large ones have probably not been seen.
    - `model`, from the likeness of messages in a tree (Fleiss & Cuzick 1979) and the sizes of all trees (Kish 1965:
      1 + likeness * (sum n^2 / sum n - 1)). Two messages of a tree show likeness, so few flagged trees suffice; but it
      assumes that trees of all sizes are equally prone to faults and equally alike.

    With few trees the larger of both is used, with more trees increasingly the first. If all or no messages are
    flagged, neither can be estimated: faults are then assumed to come in whole trees, so that trees of n messages count
    as (sum n)^2 / sum n^2 messages.

    Coverage in percent over 2,000 simulated data sets a cell (tests/perf/test_intervals.py): 100, 1,000 and 10,000
    trees; all of 1 message, all of 6, or of 1 to 60 as in OASST; rates .001 to .2; correlation in a tree 0, .1, .5, 1.
    The table has the lowest and highest of the 85 cells with at least 5 expected flagged trees, how many of them are
    within 93 to 97, and the lowest and highest of the 23 others.

    | interval                                   | 5 or more    | within | fewer        |
    | ------------------------------------------ | ------------ | ------ | ------------ |
    | this one                                   | 93.3 to 97.5 | 80     | 90.1 to 97.9 |
    | Wilson's, of independent messages          | 21.3 to 96.9 | 31     | 15.8 to 97.9 |
    | Wilson's, by `between` alone               | 65.2 to 96.9 | 75     | 71.0 to 97.9 |
    | the same with Student's t of flagged trees | 85.7 to 98.5 | 66     | 98.7 to 100  |
    | Wilson's, by `model` alone, nothing added  | 91.5 to 97.2 | 81     | 87.0 to 97.9 |

    Of 1,000 resamples by tree, in the 44 cells of the first kind with up to 1,000 trees of several messages, 600 data
    sets each: percentiles 64.8 to 97.2 (29 within), BCa 67.0 to 98.8 (29), studentised logit 66.3 to 97.3 (31),
    Wilson's at the design effect of the resamples 65.3 to 97.3 (33); this one 93.2 to 97.7 (39).

    Coverage is too low where the few trees that matter have probably not been seen: if large trees are flagged as a
    whole and small ones never, or if half of the faults are whole trees, it is 75 to 91 up to some 50 flagged trees,
    and 94 or more from 100 to 170. If small trees are more prone to faults than large ones, it is up to 99.

    References
    ----------
    Korn & Graubard (1998), Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data. Franco, Little, Louis & Slud (2019), Comparative study of confidence intervals for
    proportions in complex sample surveys. Fleiss & Cuzick (1979), The reliability of dichotomous judgments. Kish
    (1965), Survey Sampling. We add half a pair of like messages to the likeness, so that it is never estimated as 0.
    """
    if not checked.any():
        return 0.0, 1.0
    # Some hundred kinds represent all trees, which takes a third of the time.
    base = int(checked.max()) + 1
    kinds, times = np.unique((checked * base + flagged)[checked > 0], return_counts=True)
    n, f = (part.astype(np.float64) for part in np.divmod(kinds, base))
    k, total, squares = int(times.sum()), float(times @ n), float(times @ n**2)
    p = float(times @ f) / total
    if p in (0, 1):
        return wilson(p * total**2 / squares, total**2 / squares)

    off = (f - p * n) ** 2
    spread, fourth = float(times @ off), float(times @ off**2)
    between = max(1.0, spread / (total * p * (1 - p)))

    # Pairs of unlike messages, relative to trees of random messages. A single tree shows no likeness: it can only be
    # compared with itself.
    unlike = float(times @ (f * (n - f) / n)) / (max(total - k, 1) * p * (1 - p)) * (k - 1) / k
    pairs = float(min(times @ (f * (n - 1)), times @ ((n - f) * (n - 1))))  # one of the rarer messages, and a neighbour
    likeness = (max(0.0, 1 - unlike) * pairs + 0.5) / (pairs + 0.5)
    model = 1 + likeness * (squares / total - 1)

    trees = spread**2 / fourth if fourth else 0.0  # that vary as much as all do together
    trust = trees / (trees + TRUSTED_TREES)
    effective = total / (trust * between + (1 - trust) * max(between, model))
    return wilson(p * effective, effective)


def corrected(flagged: int, checked: int, confusion: Confusion) -> Estimate | None:
    """Correct the rate of flagged messages for the errors of a check.

    Parameters
    ----------
    flagged, checked : int
        Messages of the data in question, flagged and checked; people have not labelled them.
    confusion : Confusion
        Of other messages, labelled by people: some faulty and some not, each kind drawn separately or at random.

    Returns
    -------
    Estimate or None
        (q + specificity - 1) / (sensitivity + specificity - 1), clipped to [0, 1], where q is the rate flagged: it is 0
        if fewer messages are flagged than false alarms alone would explain. None if nothing was checked, if people
        labelled no fault or only faults, and if the check is no better than chance, with or without the interval's two
        additional messages of each kind.

    Notes
    -----
    It assumes that messages are independent, and that the check errs as often here as on the labelled messages. If
    those were drawn by the check's answer, they do not show its errors in proportion: `true_rate` is for them.

    Coverage is 94 to 97 % with 500 + 500 labelled messages, 97 to 100 % with 50 + 50, and near 100 % if false alarms
    are too rare to be among them (tests/perf/test_intervals.py): the interval is then too wide, but never too narrow.

    References
    ----------
    Rogan & Gladen (1978), Estimating prevalence from the results of a screening test. Lang & Reiczigel (2014),
    Confidence limits for prevalence of disease adjusted for estimated sensitivity and specificity, equations 6, 7, 16
    and 17, and 4 with a sign put right, as in the R package asht.
    """
    hits, misses, false_alarms, right_silences = confusion
    n_faults, n_others = hits + misses, false_alarms + right_silences
    if not (checked and n_faults and n_others):
        return None
    se, sp = (hits + 1) / (n_faults + 2), (right_silences + 1) / (n_others + 2)
    gain = hits / n_faults + right_silences / n_others - 1
    if min(gain, se + sp - 1) <= 0:
        return None
    value = (flagged / checked - false_alarms / n_others) / gain

    n = checked + Z * Z
    q = (flagged + Z * Z / 2) / n
    p = (q + sp - 1) / (se + sp - 1)
    se_variance, sp_variance = se * (1 - se) / (n_faults + 2), sp * (1 - sp) / (n_others + 2)
    middle = p + 2 * Z * Z * (p * se_variance - (1 - p) * sp_variance)
    half = Z * sqrt(q * (1 - q) / n + p**2 * se_variance + (1 - p) ** 2 * sp_variance) / (se + sp - 1)
    return _rate(value, middle - half, middle + half)


def true_rate(strata: Sequence[Stratum], *, seed: int = 0) -> TrueRate:
    """Estimate precision, recall and the rate of faults of a finite data set, from samples that people labelled.

    Parameters
    ----------
    strata : sequence of Stratum
        All messages of the data set, each in one stratum, such as: flagged by a rule; not flagged.
    seed : int
        Seed of the draws. Another one moves the ends of an interval by some hundredth of its width.

    Returns
    -------
    TrueRate
        Values are the plain stratified estimates (Horvitz & Thompson 1952): a drawn message represents size / drawn
        messages. NaN if nothing is flagged (precision), if no fault is estimated (recall), and if nothing was drawn
        from a stratum that matters. The interval is (0, 1) in the first two cases; in the third it covers all cases,
        from no fault in that stratum to nothing but faults.

    Notes
    -----
    Faults among the messages not drawn follow the beta-binomial distribution of the sample with Jeffreys' prior; an
    interval is from the 2.5 % to the 97.5 % quantile of the resulting values. If the sample has no fault, the stratum
    is assumed to have none for the lower end of a rate, and if it has only faults, only faults for the upper end, as
    Brown, Cai & DasGupta (2001) do for one sample: otherwise the prior alone would exclude a check that misses nothing
    (coverage was 81 %). A stratum that was drawn completely adds no uncertainty.

    `corrected` becomes this estimate when the check's errors come from a sample drawn by its own answer. Let q be the
    share of messages flagged, a the share of faults among them, b among the others, so that the rate is
    r = q a + (1 - q) b. Then sensitivity is q a / r, and 1 - specificity is q (1 - a) / (1 - r). Inserted into
    (q + specificity - 1) / (sensitivity + specificity - 1), with both sides of the fraction times r (1 - r) / q:
    r (a - r) / (a - r) = r. The correction is the stratified estimate; only the interval must not treat the two errors
    as independently known.

    Coverage in percent over 1,000 simulated data sets a cell (tests/perf/test_intervals.py): 20,000 messages, 200 of
    them flagged, half, 90 % or all of these faulty (lowest and highest of the three), and a share of the others missed.
    200 + 200 labelled messages include all that were flagged.

    | missed | labelled  | precision   | recall       | rate         |
    | ------ | --------- | ----------- | ------------ | ------------ |
    | 0      | 50 + 50   | 95.4 to 100 | 100          | 97.8 to 100  |
    | 0      | 200 + 200 | 100         | 100          | 100          |
    | .001   | 50 + 50   | 94.3 to 100 | 94.4 to 96.1 | 94.4 to 96.2 |
    | .001   | 200 + 200 | 100         | 98.1 to 98.8 | 98.1 to 98.8 |
    | .01    | 50 + 50   | 95.5 to 100 | 97.4 to 98.7 | 98.0 to 98.7 |
    | .01    | 200 + 200 | 100         | 98.1 to 98.4 | 98.1 to 98.4 |

    References
    ----------
    Horvitz & Thompson (1952), A generalization of sampling without replacement from a finite universe. Brown, Cai &
    DasGupta (2001), Interval estimation for a binomial proportion.
    """
    rng = np.random.default_rng(seed)
    estimated = np.zeros(2)  # faults: not flagged, flagged
    fewest, most = np.zeros((2, N_DRAWS)), np.zeros((2, N_DRAWS))
    for size, n, faults, is_flagged in strata:
        if size:
            side = int(is_flagged)
            draws = faults + rng.binomial(size - n, rng.beta(faults + 0.5, n - faults + 0.5, N_DRAWS))
            estimated[side] += size * faults / n if n else nan
            fewest[side] += draws if faults else 0
            most[side] += draws if faults < n else size

    def between(value: float, low: FloatArray, high: FloatArray) -> Estimate:
        return _rate(value, float(np.percentile(low, 2.5)), float(np.percentile(high, 97.5)))

    n_all, n_flagged = sum(s.size for s in strata), sum(s.size for s in strata if s.is_flagged)
    missed, found = (float(faults) for faults in estimated)
    worst, best = fewest[1] / np.maximum(fewest[1] + most[0], 1), most[1] / np.maximum(most[1] + fewest[0], 1)
    nothing = Estimate(nan, 0.0, 1.0)
    return TrueRate(
        precision=between(found / n_flagged, fewest[1] / n_flagged, most[1] / n_flagged) if n_flagged else nothing,
        recall=between(found / (found + missed), worst, best) if found + missed else nothing,
        rate=between((found + missed) / n_all, fewest.sum(axis=0) / n_all, most.sum(axis=0) / n_all)
        if n_all
        else nothing,
    )


def _rate(value: float, low: float, high: float) -> Estimate:
    """Clip all to [0, 1], and extend the interval to contain the value, unless that is NaN."""
    return Estimate(*(float(x) for x in np.clip((value, np.fmin(low, value), np.fmax(high, value)), 0, 1)))
