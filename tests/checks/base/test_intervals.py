"""Intervals of rates: counted, in trees, corrected for the check's errors, and from samples that people labelled."""

import math

import numpy as np
import pytest
from chataudit.checks.base.statistics.intervals import (
    Confusion,
    Estimate,
    Stratum,
    clustered,
    corrected,
    true_rate,
    wilson,
)
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest

TREES = st.lists(
    st.integers(0, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1, max_size=40
).map(lambda trees: np.array(trees, dtype=np.int64).T)


def trees(*counts):
    """Return flagged and checked, from (flagged, checked, trees of that kind)."""
    flagged, checked, times = np.array(counts, dtype=np.int64).T
    return np.repeat(flagged, times), np.repeat(checked, times)


def width(ends):
    return ends[1] - ends[0]


# -- counted ---------------------------------------------------------------------------------------------------------


def test_wilsons_interval_is_that_of_scipy():
    for hits, n in [(0, 1), (1, 1), (0, 20), (3, 7), (15, 148), (99, 100), (5, 100_000)]:
        assert wilson(hits, n) == pytest.approx(tuple(binomtest(hits, n).proportion_ci(method="wilson")), abs=1e-6), (
            hits,
            n,
        )


def test_effective_numbers_may_be_fractions():
    assert wilson(2, 20) < wilson(2.05, 20.5) < wilson(2.1, 20.5)


# -- in trees --------------------------------------------------------------------------------------------------------


def test_trees_of_one_message_each_have_wilsons_interval():
    for flagged, checked in [(0, 50), (1, 50), (7, 100), (100, 100), (30, 10_000)]:
        found = clustered(*trees((1, 1, flagged), (0, 1, checked - flagged)))
        assert found == pytest.approx(wilson(flagged, checked)), (flagged, checked)


def test_whole_trees_count_as_one_message_each():
    assert clustered(*trees((6, 6, 30), (0, 6, 970))) == pytest.approx(wilson(30, 1000), rel=1e-3)


def test_nothing_checked_leaves_the_rate_unknown():
    assert clustered(*trees((0, 0, 3))) == (0, 1)
    assert clustered(np.array([], dtype=np.int64), np.array([], dtype=np.int64)) == (0, 1)


def test_trees_without_a_checked_message_change_nothing():
    some = (1, 4, 5), (0, 2, 60)
    assert clustered(*trees(*some)) == clustered(*trees((0, 0, 100), *some))


def test_none_or_all_flagged_is_as_sure_as_if_whole_trees_were():
    for flagged in [0, 1]:
        # 10 trees of 1 message and 10 of 9: (10 + 90)^2 / (10 + 810) messages.
        found = clustered(*trees((flagged, 1, 10), (9 * flagged, 9, 10)))
        assert found == pytest.approx(wilson(flagged * 10_000 / 820, 10_000 / 820)), flagged


def test_one_tree_gives_no_more_than_one_message():
    for flagged in [0, 3, 10]:
        assert clustered(np.array([flagged]), np.array([10])) == pytest.approx(wilson(flagged / 10, 1)), flagged


def test_one_flagged_message_is_not_taken_for_proof_that_messages_are_independent():
    found = clustered(*trees((1, 6, 1), (0, 6, 999)))
    assert width(found) > 1.03 * width(wilson(1, 6000))
    assert found[1] < wilson(1, 1000)[1]  # nor for a whole tree


def test_of_many_flagged_trees_the_interval_is_as_wide_as_a_bootstrap_by_tree():
    # Faults come in pairs, at every size of the tree: not what the model of likeness takes them for.
    flagged, checked = trees((2, 4, 3000), (0, 4, 20_000), (2, 30, 2000), (4, 30, 300), (0, 30, 5000), (0, 1, 40_000))
    rng, rates = np.random.default_rng(0), []
    for _ in range(300):
        drawn = rng.integers(len(checked), size=len(checked))
        rates.append(flagged[drawn].sum() / checked[drawn].sum())
    assert width(clustered(flagged, checked)) == pytest.approx(2 * 1.96 * np.std(rates), rel=0.12)


def test_95_of_100_intervals_contain_the_rate():
    for whole in [False, True]:
        # About 12 trees of 300; percentile bootstrap by tree contains the rate in 91, Wilson's interval in 47 or 26.
        rng, p, sizes, n_data = np.random.default_rng(0), 0.04, np.array([1] * 4 + [2] * 2 + [5, 20, 30, 40]), 1500
        inside = 0
        for _ in range(n_data):
            checked = rng.choice(sizes, 300)
            flagged = checked * (rng.random(300) < p) if whole else rng.binomial(checked, rng.beta(p, 1 - p, 300))
            low, high = clustered(flagged, checked)
            inside += low <= p <= high
        assert 0.93 <= inside / n_data <= 0.97, whole


@given(TREES)
def test_an_interval_contains_the_rate_of_the_data_and_stays_within_0_and_1(data):
    flagged, checked = data
    low, high = clustered(flagged, checked)
    assert 0 <= low <= high <= 1
    assert not checked.sum() or low - 1e-9 <= flagged.sum() / checked.sum() <= high + 1e-9


@given(TREES)
def test_an_interval_is_at_least_as_wide_as_of_independent_messages(data):
    flagged, checked = data
    assume(checked.any())
    assert width(clustered(flagged, checked)) >= width(wilson(flagged.sum(), checked.sum())) - 1e-9


@given(TREES)
def test_more_trees_of_the_same_kinds_narrow_it(data):
    flagged, checked = data
    assume(checked.any())
    assert width(clustered(np.tile(flagged, 4), np.tile(checked, 4))) < width(clustered(flagged, checked))


@given(TREES, st.randoms(use_true_random=False))
def test_the_order_of_trees_is_of_no_account(data, random):
    order = random.sample(range(data.shape[1]), data.shape[1])
    assert clustered(*data[:, order]) == pytest.approx(clustered(*data), abs=1e-9)


@given(TREES)
def test_what_is_not_flagged_has_the_same_interval_seen_from_1(data):
    flagged, checked = data
    low, high = clustered(flagged, checked)
    assert clustered(checked - flagged, checked) == pytest.approx((1 - high, 1 - low), abs=1e-6)


# -- corrected -------------------------------------------------------------------------------------------------------


def test_a_published_rate_is_corrected_as_published():
    # The example of epi.prev in the R package epiR: 23 of 150 cows, sensitivity .96, specificity .89; 5.1 per 100,
    # with Blaker's interval for known errors 0 to 13.
    rate = corrected(23, 150, Confusion(9_600_000, 400_000, 1_100_000, 8_900_000))
    assert rate == pytest.approx((0.051, 0, 0.13), abs=5e-4)


def test_a_check_without_errors_leaves_the_interval_of_agresti_and_coull():
    many = 10**9
    n = 200 + 1.959964**2
    p = (30 + 1.959964**2 / 2) / n
    half = 1.959964 * math.sqrt(p * (1 - p) / n)
    assert corrected(30, 200, Confusion(many, 0, 0, many)) == pytest.approx((0.15, p - half, p + half), abs=1e-6)


def test_the_interval_is_that_of_a_slow_and_obvious_version():
    # Lang & Reiczigel (2014) step by step, in their names; 90 of 1,000 positive, 45 of 50 and 190 of 200 right.
    z, nse, nsp = 1.959964, 52, 202
    se, sp, n = 46 / 52, 191 / 202, 1000 + 1.959964**2
    ap = (90 + z**2 / 2) / n
    p = (ap + sp - 1) / (se + sp - 1)
    dp = 2 * z**2 * (p * se * (1 - se) / nse - (1 - p) * sp * (1 - sp) / nsp)
    variance = ap * (1 - ap) / n + p**2 * se * (1 - se) / nse + (1 - p) ** 2 * sp * (1 - sp) / nsp
    half = z * math.sqrt(variance) / (se + sp - 1)
    rate = corrected(90, 1000, Confusion(45, 5, 10, 190))
    assert rate == pytest.approx((0.04 / 0.85, max(0, p + dp - half), p + dp + half))


def test_fewer_flagged_than_false_alarms_alone_would_be_is_a_rate_of_0():
    rate = corrected(10, 1000, Confusion(45, 5, 10, 190))
    assert rate is not None
    assert (rate.value, rate.low) == (0, 0)


def test_a_check_without_information_corrects_nothing():
    for confusion in [
        Confusion(0, 0, 1, 99),  # no fault labelled
        Confusion(9, 1, 0, 0),  # nothing but faults
        Confusion(0, 10, 0, 90),  # never flags
        Confusion(5, 5, 50, 50),  # flags by chance
        Confusion(1, 9, 90, 10),  # is wrong
        Confusion(1, 0, 900, 100),  # one fault is no proof that it is better than chance
    ]:
        assert corrected(5, 100, confusion) is None, confusion


def test_nothing_checked_is_not_corrected():
    assert corrected(0, 0, Confusion(9, 1, 1, 9)) is None


def test_intervals_of_corrected_rates_contain_the_true_rate():
    rng, inside = np.random.default_rng(1), 0
    for _ in range(2000):
        hits, silences, flagged = rng.binomial((100, 300, 5000), (0.8, 0.97, 0.1 * 0.8 + 0.9 * 0.03)).tolist()
        rate = corrected(flagged, 5000, Confusion(hits, 100 - hits, 300 - silences, silences))
        inside += rate.low <= 0.1 <= rate.high
    assert 0.93 <= inside / 2000 <= 0.98


@given(st.tuples(*[st.integers(0, 50)] * 4), st.integers(0, 100))
def test_a_corrected_rate_is_within_its_interval(counts, flagged):
    rate = corrected(flagged, 100, Confusion(*counts))
    assert rate is None or 0 <= rate.low <= rate.value <= rate.high <= 1


# -- from samples ----------------------------------------------------------------------------------------------------


def test_a_message_drawn_represents_those_not_drawn():
    # 200 flagged, 45 of 50 drawn at fault: 180. 800 not flagged, 2 of 100: 16.
    found = true_rate([Stratum(200, 50, 45, True), Stratum(800, 100, 2, False)])
    assert [rate.value for rate in found] == pytest.approx([0.9, 180 / 196, 0.196])


def test_intervals_are_those_of_the_beta_binomial_distribution():
    found = true_rate([Stratum(300, 60, 45, True), Stratum(800, 100, 3, False)])
    ends = (45 + betabinom(240, 45.5, 15.5).ppf([0.025, 0.975])) / 300
    assert found.precision[1:] == pytest.approx(tuple(ends), abs=0.006)
    missed = 3 + betabinom(700, 3.5, 97.5).rvs(20_000, random_state=1)
    hits = 45 + betabinom(240, 45.5, 15.5).rvs(20_000, random_state=2)
    assert found.recall[1:] == pytest.approx(tuple(np.percentile(hits / (hits + missed), (2.5, 97.5))), abs=0.006)
    assert found.rate[1:] == pytest.approx(tuple(np.percentile((hits + missed) / 1100, (2.5, 97.5))), abs=0.002)


def test_strata_drawn_as_a_whole_are_known():
    found = true_rate([Stratum(20, 20, 15, True), Stratum(80, 80, 5, False)])
    assert found == (Estimate(0.75, 0.75, 0.75), Estimate(0.75, 0.75, 0.75), Estimate(0.2, 0.2, 0.2))


def test_the_rate_is_what_rogan_and_gladen_make_of_the_same_samples():
    # Whole strata, so that sensitivity and specificity of all messages are known: 15 of 20, and 75 of 80.
    found = true_rate([Stratum(20, 20, 15, True), Stratum(80, 80, 5, False)])
    assert found.rate.value == pytest.approx(corrected(20, 100, Confusion(15, 5, 5, 75)).value)


def test_without_a_fault_there_is_no_recall():
    found = true_rate([Stratum(20, 10, 0, True), Stratum(80, 10, 0, False)])
    assert math.isnan(found.recall.value)
    assert found.recall[1:] == (0, 1)
    assert (found.precision.value, found.rate.value) == (0, 0)
    assert found.precision.high > 0.05


def test_where_nothing_is_flagged_there_is_no_precision():
    found = true_rate([Stratum(80, 40, 2, False)])
    assert math.isnan(found.precision.value)
    assert found.precision[1:] == (0, 1)
    assert found.recall == (0, 0, 0)
    assert found.rate.value == 0.05


def test_a_stratum_without_a_draw_may_have_any_share_of_faults():
    found = true_rate([Stratum(20, 10, 9, True), Stratum(80, 0, 0, False)])
    assert found.precision.value == 0.9
    assert math.isnan(found.recall.value)
    assert math.isnan(found.rate.value)
    assert found.rate.low < 0.25
    assert found.rate.high > 0.95
    assert width(found.recall[1:]) > 0.7


def test_no_message_at_all_leaves_everything_unknown():
    for rate in true_rate([Stratum(0, 0, 0, True)]):
        assert math.isnan(rate.value)
        assert rate[1:] == (0, 1)


def test_an_empty_stratum_changes_nothing():
    some = [Stratum(200, 50, 45, True), Stratum(800, 100, 2, False)]
    assert true_rate([Stratum(0, 0, 0, True), *some]) == true_rate(some)


def test_strata_are_separated_by_rule():
    found = true_rate([Stratum(10, 10, 1, True), Stratum(90, 30, 30, True), Stratum(900, 900, 0, False)])
    assert found.precision.value == 0.91
    assert found.precision.low > 0.8  # 31 of 40 drawn, were they of one kind


def test_the_same_seed_draws_the_same_interval():
    strata = [Stratum(200, 50, 45, True), Stratum(19_800, 50, 1, False)]
    assert true_rate(strata) == true_rate(strata)
    assert true_rate(strata) != true_rate(strata, seed=1)
    assert true_rate(strata).recall == pytest.approx(true_rate(strata, seed=1).recall, abs=0.02)


def test_intervals_of_95_of_100_samples_contain_precision_and_recall():
    rng, inside = np.random.default_rng(2), []
    for seed in range(150):  # 160 of 200 flagged are at fault, and 40 of 1,800 others
        hits, missed = int(rng.hypergeometric(160, 40, 50)), int(rng.hypergeometric(40, 1760, 300))
        found = true_rate([Stratum(200, 50, hits, True), Stratum(1800, 300, missed, False)], seed=seed)
        inside.append([rate.low <= truth <= rate.high for rate, truth in zip(found, (0.8, 0.8, 0.1), strict=True)])
    assert (np.mean(inside, axis=0) >= 0.91).all()


STRATA = st.lists(
    st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.booleans()).map(
        lambda t: Stratum(sum(t[:3]), t[1] + t[2], t[2], t[3])
    ),
    max_size=4,
)


@given(STRATA)
def test_values_are_within_their_intervals(strata):
    for rate in true_rate(strata):
        assert 0 <= rate.low <= rate.high <= 1
        assert math.isnan(rate.value) or rate.low <= rate.value <= rate.high


@given(st.integers(2, 60), st.integers(0, 60), st.integers(10, 500))
def test_more_drawn_at_the_same_share_narrows_it(drawn, faults, rest):
    assume(faults <= drawn)
    once = Stratum(9 * drawn + rest, drawn, faults, True)
    many = Stratum(9 * drawn + rest, 9 * drawn, 9 * faults, True)
    assert width(true_rate([many]).precision[1:]) < width(true_rate([once]).precision[1:])
