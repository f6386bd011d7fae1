"""Agreement of raters from means and counts, against single votes and the truth beside the project."""

import gzip
import json

import numpy as np
import pytest
from building import SHARED, needs_shared
from chataudit.checks.annotators.agreement import BINARY, LIKERT, Votes, alpha, binary_alpha, steps_of
from chataudit.checks.annotators.likert import MAX_WIDTH, likert_alpha

TRUTH = SHARED / "data" / "truth" / "annotators"


def by_definition(units):
    """Return interval alpha of lists of votes: observed over expected disagreement of pairs (Krippendorff)."""
    units = [np.array(votes, dtype=float) for votes in units if len(votes) > 1]
    every = np.concatenate(units)
    observed = sum(((v[:, None] - v[None, :]) ** 2).sum() / (len(v) - 1) for v in units) / len(every)
    expected = ((every[:, None] - every[None, :]) ** 2).sum() / (len(every) * (len(every) - 1))
    return 1 - observed / expected


def votes_of(units):
    """Return lists of votes as sums and counts, each unit in a group of its own."""
    sums = np.array([int(sum(votes)) for votes in units])
    counts = np.array([len(votes) for votes in units])
    return Votes(sums, counts, np.arange(len(units)) % 50, np.ones(len(units), dtype=np.int64))


def test_alpha_of_yes_no_votes_is_exact():
    rng = np.random.default_rng(1)
    for share in (0.05, 0.3, 0.5):
        p = rng.beta(share, 1 - share, size=200)
        units = [rng.binomial(1, q, size=rng.integers(2, 6)).tolist() for q in p]
        assert binary_alpha(votes_of(units)).value == pytest.approx(by_definition(units), abs=1e-9)


def test_alpha_of_votes_that_are_all_alike_is_unknown():
    assert np.isnan(binary_alpha(votes_of([[1, 1]] * 30)).value)


def test_the_interval_of_yes_no_votes_narrows_with_conversations():
    rng = np.random.default_rng(2)
    widths = []
    for n in (60, 600, 6000):
        units = [rng.binomial(1, p, size=3).tolist() for p in rng.beta(0.5, 0.5, size=n)]
        found = binary_alpha(votes_of(units))
        assert found.low < found.value < found.high
        widths.append(found.high - found.low)
    assert widths[0] > widths[1] > widths[2]


def test_the_number_of_steps_is_read_from_the_means():
    assert steps_of(np.array([0, 1 / 3, 1]), np.array([3, 3, 2])) == BINARY
    assert steps_of(np.array([0, 5 / 12, 1]), np.array([3, 3, 2])) == LIKERT
    assert steps_of(np.array([0.123]), np.array([3])) is None


def test_five_points_are_recovered_where_numbers_of_votes_differ():
    # With one number of votes for all, sums do not say how far single votes are from their mean.
    rng = np.random.default_rng(3)
    effect = rng.normal(size=1500)
    cuts = [-1, -0.3, 0.3, 1]
    units = [
        np.searchsorted(cuts, x + 0.7 * rng.normal(size=n)).tolist()
        for x, n in zip(effect, rng.integers(2, 15, 1500), strict=True)
    ]
    votes, true = votes_of(units), by_definition(units)
    found = alpha(votes, LIKERT)
    assert found.low <= true <= found.high
    assert found.value == pytest.approx(true, abs=0.05)


def test_no_point_is_given_where_the_interval_is_wide():
    rng = np.random.default_rng(4)
    sums = np.array([int(rng.integers(0, 5, size=2).sum()) for _ in range(40)])
    found = likert_alpha(sums, np.full(40, 2), np.ones(40))
    assert found.high - found.low > MAX_WIDTH
    assert np.isnan(found.value)


def test_one_cell_has_no_alpha():
    assert np.isnan(likert_alpha(np.array([4]), np.array([2]), np.array([9.0])).low)


@needs_shared
def test_the_settings_of_the_truth_are_recovered():
    for line in (TRUTH / "truth.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        if not row["kind"].startswith("alpha_"):
            continue
        with gzip.open(TRUTH / "alpha_ratings" / f"{row['id'].split('/')[1]}.jsonl.gz", "rt", encoding="utf-8") as file:
            first = json.loads(next(file))
        assert first  # the single votes are there; means and counts are what an audit sees
        means, counts = [], []
        with gzip.open(TRUTH / f"{row['id']}.messages.jsonl.gz", "rt", encoding="utf-8") as file:
            for message in map(json.loads, file):
                labels = message["labels"] or {"name": []}
                if row["label"] in labels["name"]:
                    at = labels["name"].index(row["label"])
                    means.append(labels["value"][at])
                    counts.append(labels["count"][at])
        values, n = (np.array(part)[np.array(counts) > 1] for part in (means, counts))
        steps = BINARY if row["kind"] == "alpha_binary" else LIKERT
        votes = Votes(
            np.rint(values * n * steps).astype(np.int64), n, np.arange(len(n)) % 100, np.ones(len(n), dtype=np.int64)
        )
        found = alpha(votes, steps)
        if steps == BINARY:
            assert found.value == pytest.approx(row["alpha"], abs=1e-6), row["id"]  # it is printed with six digits
        else:
            assert found.low <= row["alpha"] <= found.high, row["id"]
