"""How often the intervals of checks/base/statistics/intervals.py contain the true rate, and what other intervals reach.

    pytest tests/perf/test_intervals.py -m perf -s

It prints the tables of the docstrings there. Data sets are simulated: trees of a made-up size, faults by a
beta-binomial distribution in each, so that the rate and the correlation in a tree are known.
"""

import time
from itertools import product
from math import lgamma

import numpy as np
import pytest
from chataudit.checks.base.statistics.intervals import Confusion, Stratum, Z, clustered, corrected, true_rate, wilson

pytestmark = pytest.mark.perf

# Share of trees by number of messages: like OASST, many of 1 to 3 and some of 20 to 60.
OASST = {1: 0.5, 2: 0.15, 3: 0.1} | dict.fromkeys(range(4, 20), 0.1 / 16) | dict.fromkeys(range(20, 61), 0.15 / 41)
SIZES = {"OASST": OASST, "six": {6: 1.0}, "one": {1: 1.0}}
TREES, RATES, CORRELATIONS = (100, 1_000, 10_000), (0.001, 0.01, 0.05, 0.2), (0, 0.1, 0.5, 1)
ENOUGH = 5  # flagged trees expected, from which on coverage is to be within 2 points
N_DATA, N_SLOW = 2_000, 600  # data sets a cell; of bootstraps, whose resamples take 10 to 200 ms


def beta_binomial(n, p, correlation):
    """Return probabilities of 0 to n faults in a tree of n messages."""
    if correlation == 1:
        return np.bincount([0, n], [1 - p, p])
    chances = [lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) for k in range(n + 1)]
    if correlation == 0:
        return np.exp([c + k * np.log(p) + (n - k) * np.log1p(-p) for k, c in enumerate(chances)])
    a, b = p * (1 - correlation) / correlation, (1 - p) * (1 - correlation) / correlation
    whole = lgamma(a + b) - lgamma(a) - lgamma(b)
    return np.exp([c + whole + lgamma(k + a) + lgamma(n - k + b) - lgamma(n + a + b) for k, c in enumerate(chances)])


def pairs_of_faults(n, p):
    chances = np.zeros(n + 1)
    chances[: 2 * (n // 2) + 1 : 2] = beta_binomial(n // 2, p, 0) if n > 1 else 1
    return chances


def half_whole(n, p):
    return beta_binomial(n, p / 2, 0) * (1 - p / 2) + np.bincount([n], [p / 2])


# How trees may differ from what the model behind `clustered` takes them for: faults by size of the tree.
OTHERWISE = {
    "pairs of faults": pairs_of_faults,
    "half of the faults whole trees": half_whole,
    "large trees 3 times as prone, correlation .3": lambda n, p: beta_binomial(
        n, min(0.9, 3 * p if n > 19 else p), 0.3
    ),
    "small trees 5 times as prone, correlation .3": lambda n, p: beta_binomial(n, min(0.9, 5 * p if n < 4 else p), 0.3),
    "large trees whole, small ones not": lambda n, p: beta_binomial(n, p, n > 19),
    "small trees whole, large ones not": lambda n, p: beta_binomial(n, p, n < 20),
}


def kinds(sizes, faults_of):
    """Return messages and faults of each kind of tree, its share of trees, and the rate of faults."""
    shares = {n: share * faults_of(n) for n, share in sizes.items()}
    n = np.concatenate([np.full(size + 1, size) for size in shares])
    f = np.concatenate([np.arange(size + 1) for size in shares])
    share = np.concatenate(list(shares.values()))
    share /= share.sum()
    return n[share > 0], f[share > 0], share[share > 0], (share @ f) / (share @ n)


def cells():
    for (name, sizes), trees, rate, correlation in product(SIZES.items(), TREES, RATES, CORRELATIONS):
        if name == "one" and correlation:
            continue
        n, f, share, p = kinds(sizes, lambda n, rate=rate, c=correlation: beta_binomial(n, rate, c))
        yield f"{name} {trees} {rate} {correlation}", trees, n, f, share, p


def contains(p, ends):
    return ends[0] <= p + 1e-12 and p - 1e-12 <= ends[1]


def coverage(rng, method, trees, n, f, share, p, n_data):
    """Return the percent of data sets whose interval contains p, and the median width."""
    data = rng.multinomial(trees, share, n_data)
    ends = [method(n[counts > 0], f[counts > 0], counts[counts > 0]) for counts in data]
    return 100 * np.mean([contains(p, end) for end in ends]), np.median([high - low for low, high in ends])


def ours(n, f, counts):
    return clustered(np.repeat(f, counts), np.repeat(n, counts))


def independent(n, f, counts):
    return wilson(counts @ f, counts @ n)


def _between(n, f, counts):
    p, total = (counts @ f) / (counts @ n), counts @ n
    return p, total, (counts @ (f - p * n) ** 2) / total**2


def by_variance(n, f, counts):
    """Return Wilson's at the design effect of the bootstrap's variance alone."""
    p, total, variance = _between(n, f, counts)
    whole = total**2 / (counts @ n**2)
    effective = min(total, p * (1 - p) / variance) if 0 < p < 1 else whole
    return wilson(p * effective, effective)


def korn_graubard(n, f, counts):
    """Do the same with Student's t of the effective number of flagged trees less one."""
    from scipy.stats import t

    p, total, variance = _between(n, f, counts)
    effective = min(total, p * (1 - p) / variance) if 0 < p < 1 else total**2 / (counts @ n**2)
    trees = (counts @ f) ** 2 / (counts @ f**2) if p else 1
    effective *= (Z / t.ppf(0.975, max(1, trees - 1))) ** 2
    return wilson(p * effective, effective)


def by_model(n, f, counts):
    """Return Wilson's at Kish's design effect with the correlation of Fleiss & Cuzick alone."""
    p, total, _ = _between(n, f, counts)
    unlike = counts @ (f * (n - f) / n) / (max(1, total - counts.sum()) * p * (1 - p)) if 0 < p < 1 else 0
    effective = total / (1 + max(0, 1 - unlike) * ((counts @ n**2) / total - 1))
    return wilson(p * effective, effective)


def resampled(n, f, counts, seed=0):
    resamples = np.random.default_rng(seed).multinomial(counts.sum(), counts / counts.sum(), 1_000)
    return resamples, (resamples @ f) / (resamples @ n)


def percentile(n, f, counts):
    return np.percentile(resampled(n, f, counts)[1], (2.5, 97.5))


def bca(n, f, counts):
    """Return BCa of Efron (1987), Better bootstrap confidence intervals."""
    from scipy.special import ndtr, ndtri

    _, rates = resampled(n, f, counts)
    p = (counts @ f) / (counts @ n)
    off = f - p * n
    if not (counts @ off**2):
        return p, p
    bias = ndtri(np.clip(((rates < p).mean() + (rates <= p).mean()) / 2, 1e-3, 1 - 1e-3))
    speed = (counts @ off**3) / (6 * (counts @ off**2) ** 1.5)
    ends = bias + np.array([-Z, Z])
    return np.percentile(rates, 100 * ndtr(bias + ends / (1 - speed * ends)))


def bootstrap_t(n, f, counts):
    """Return the studentised bootstrap of the logit."""

    def error(c, p):
        return np.sqrt(np.maximum(0, c @ f**2 - 2 * p * (c @ (f * n)) + p * p * (c @ n**2))) / (c @ n) / (p * (1 - p))

    p = (counts @ f) / (counts @ n)
    resamples, rates = resampled(n, f, counts)
    use = (rates > 0) & (rates < 1)
    if not (0 < p < 1 and use.any()):
        return p, p
    errors = error(resamples[use], rates[use])
    shifts = (np.log(rates[use] / (1 - rates[use])) - np.log(p / (1 - p)))[errors > 0] / errors[errors > 0]
    if not shifts.size:
        return p, p
    return 1 / (1 + np.exp(np.percentile(shifts, (97.5, 2.5)) * error(counts, p)) * (1 - p) / p)


def bootstrap_wilson(n, f, counts):
    """Return Wilson's at the design effect of 1,000 resamples."""
    p, total = (counts @ f) / (counts @ n), counts @ n
    variance = resampled(n, f, counts)[1].var()
    effective = min(total, p * (1 - p) / variance) if variance > 0 else total**2 / (counts @ n**2)
    return wilson(p * effective, effective)


def summary(name, shown):
    few, enough = ([c for c, trees in shown if (trees >= ENOUGH) == side] for side in (False, True))
    within = sum(93 <= c <= 97 for c in enough)
    ends = [f"{min(x):.1f} to {max(x):.1f}" if x else "" for x in (enough, few)]
    return f"| {name} | {ends[0]} | {within} of {len(enough)} | {ends[1]} |"


HEAD = "\n| interval | enough flagged trees | within 93 to 97 | fewer |\n| --- | --- | --- | --- |"


def test_clustered_contains_the_rate_in_95_of_100_data_sets():
    methods = (ours, independent, by_variance, korn_graubard, by_model)
    shown = {method: [] for method in methods}
    print("\ncell: sizes, trees, rate, correlation; flagged trees expected;", *(m.__name__ for m in methods))
    for name, trees, n, f, share, p in cells():
        expected = trees * share[f > 0].sum()
        for method in methods:
            shown[method].append(
                (coverage(np.random.default_rng(1), method, trees, n, f, share, p, N_DATA)[0], expected)
            )
        print(f"{name}; {expected:.1f};", *(f"{x[-1][0]:.1f}" for x in shown.values()), flush=True)
    print(HEAD, *(summary(method.__name__, x) for method, x in shown.items()), sep="\n")
    assert all(93 <= c <= 98.5 for c, trees in shown[ours] if trees >= ENOUGH)
    assert all(c >= 89.5 for c, trees in shown[ours] if trees < ENOUGH)


def test_bootstraps_reach_less():
    methods = (ours, bootstrap_wilson, percentile, bca, bootstrap_t)
    shown = {method: [] for method in methods}
    for _, trees, n, f, share, p in cells():
        expected = trees * share[f > 0].sum()
        if expected >= ENOUGH and n.max() > 1 and trees < 10_000:
            for method in methods:
                shown[method].append(
                    (coverage(np.random.default_rng(1), method, trees, n, f, share, p, N_SLOW)[0], expected)
                )
    print(HEAD, *(summary(method.__name__, x) for method, x in shown.items()), sep="\n")
    assert min(shown[ours]) > max(min(shown[method]) for method in methods[1:])


def test_clustered_where_trees_are_not_as_its_model_takes_them():
    for name, faults_of in OTHERWISE.items():
        for trees, rate in product(TREES, RATES[:3]):
            n, f, share, p = kinds(OASST, lambda n, rate=rate, faults_of=faults_of: faults_of(n, rate))
            if (expected := trees * share[f > 0].sum()) >= ENOUGH:
                found = [
                    coverage(np.random.default_rng(1), m, trees, n, f, share, p, N_DATA)
                    for m in (ours, by_variance, by_model)
                ]
                print(f"{name} {trees} {rate}; {expected:.0f};", *(f"{c:.1f} ({w:.4f})" for c, w in found), flush=True)
                assert found[0][0] > 70


def test_clustered_takes_at_most_10_ms_of_100_000_trees():
    n, f, share, _ = kinds(OASST, lambda n: beta_binomial(n, 0.05, 0.3))
    counts = np.random.default_rng(0).multinomial(100_000, share)
    flagged, checked = np.repeat(f, counts), np.repeat(n, counts)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        clustered(flagged, checked)
        times.append(time.perf_counter() - start)
    print(f"\n{np.median(times) * 1000:.1f} ms for 100,000 trees of {(counts > 0).sum()} kinds")
    assert np.median(times) < 0.01


def test_corrected_contains_the_rate():
    rng = np.random.default_rng(2)
    print("\n| rate | sensitivity | specificity | labelled | corrected | none |\n| --- | --- | --- | --- | --- | --- |")
    for p, se, sp, labelled in product((0.001, 0.01, 0.1), (0.6, 0.9), (0.95, 0.999), (50, 500)):
        rates = []
        for _ in range(N_DATA):
            hits, silences = rng.binomial(labelled, (se, sp)).tolist()
            flagged = int(rng.binomial(20_000, p * se + (1 - p) * (1 - sp)))
            rates.append(corrected(flagged, 20_000, Confusion(hits, labelled - hits, labelled - silences, silences)))
        known = [contains(p, rate[1:]) for rate in rates if rate]
        print(f"| {p} | {se} | {sp} | {labelled} + {labelled} | {100 * np.mean(known):.1f} | {rates.count(None)} |")
        assert np.mean(known) > 0.9


def test_true_rate_contains_precision_recall_and_rate():
    rng = np.random.default_rng(3)
    size, n_flagged = 20_000, 200
    print("\n| precision | missed | checked | of precision | of recall | of rate |\n" + "| --- " * 6 + "|")
    for precision, missed, drawn in product((0.5, 0.9, 1), (0, 0.001, 0.01), (50, 200)):
        found, lost = round(precision * n_flagged), round(missed * (size - n_flagged))
        truths = precision, found / (found + lost), (found + lost) / size
        hits = []
        for seed in range(N_DATA // 2):
            a = int(rng.hypergeometric(found, n_flagged - found, drawn))
            b = int(rng.hypergeometric(lost, size - n_flagged - lost, drawn))
            rates = true_rate(
                [Stratum(n_flagged, drawn, a, True), Stratum(size - n_flagged, drawn, b, False)], seed=seed
            )
            hits.append([contains(truth, rate[1:]) for truth, rate in zip(truths, rates, strict=True)])
        shares = 100 * np.mean(hits, axis=0)
        print(
            f"| {precision} | {missed} | {drawn} + {drawn} |", " | ".join(f"{s:.1f}" for s in shares), "|", flush=True
        )
        assert (shares > 87).all()
