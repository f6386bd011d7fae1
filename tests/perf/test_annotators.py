"""How often the interval of alpha of five-point labels has the true alpha in it, on simulated votes.

    pytest tests/perf/test_annotators.py -m perf -s

500 sets of votes in each of 12 settings: eight follow the model, four do not (raters who differ, units that are skewed,
votes that are binomial with a beta-distributed mean, few units). Some 25 minutes.
"""

from typing import NamedTuple

import numpy as np
import pytest
from chataudit.checks.annotators.likert import likert_alpha

pytestmark = pytest.mark.perf

SETS = 500
EVEN, SKEWED, UNEVEN, HIGH = (
    (-1.2, -0.4, 0.4, 1.2),
    (0.2, 0.75, 1.2, 1.7),
    (-1.4, -0.2, 0.1, 1.3),
    (-1.7, -1.2, -0.6, 0.1),
)


class Setting(NamedTuple):
    """How votes are drawn."""

    name: str
    kind: str  # "probit" is the model
    n_units: int
    votes: tuple[int, ...]  # drawn from
    spread: float  # sd of units, where votes have sd 1
    cuts: tuple[float, ...]
    in_trees: float = 0.0  # share of the units' variance that six of them share


SETTINGS = (
    Setting("low agreement", "probit", 1000, (3,), 0.35, EVEN),
    Setting("skewed", "probit", 1000, (3,), 0.8, SKEWED),
    Setting("near the top, in trees", "probit", 1000, (3,), 1.2, HIGH, 0.3),
    Setting("high agreement", "probit", 1000, (3,), 2.0, EVEN),
    Setting("two to four votes", "probit", 1000, (2, 3, 3, 4), 0.6, HIGH),
    Setting("two to four votes, in trees", "probit", 600, (2, 3, 3, 4), 1.2, EVEN, 0.3),
    Setting("some with ten votes", "probit", 600, (3, 3, 3, 10), 1.0, HIGH),
    Setting("uneven points", "probit", 1000, (3,), 1.0, UNEVEN),
    Setting("raters differ", "rater", 1000, (3,), 1.0, HIGH),
    Setting("skewed units", "exponential", 1000, (3,), 1.0, SKEWED),
    Setting("beta-binomial", "beta", 1000, (3,), 0.0, (3, 2)),
    Setting("few units", "probit", 250, (3,), 0.9, HIGH),
)


def drawn(setting, rng):
    """Return the sum and the number of votes of each unit, and alpha of the votes."""
    n = rng.choice(setting.votes, setting.n_units)
    unit = np.repeat(np.arange(setting.n_units), n)
    if setting.kind == "beta":
        vote = rng.binomial(4, rng.beta(*setting.cuts, size=setting.n_units)[unit])
    else:
        effect = (
            rng.exponential(size=setting.n_units) - 1
            if setting.kind == "exponential"
            else rng.normal(size=setting.n_units)
        )
        if setting.in_trees:
            shared = np.repeat(rng.normal(size=setting.n_units // 6 + 1), 6)[: setting.n_units]
            effect = np.sqrt(1 - setting.in_trees) * effect + np.sqrt(setting.in_trees) * shared
        noise = rng.normal(size=len(unit))
        if setting.kind == "rater":
            noise = 0.8 * noise + 0.6 * rng.normal(size=60)[rng.integers(0, 60, len(unit))]
        cuts = np.array(setting.cuts) * np.sqrt(1 + setting.spread**2)
        vote = np.searchsorted(cuts, setting.spread * effect[unit] + noise)
    sums = np.bincount(unit, vote).astype(np.int64)
    squares = np.bincount(unit, vote.astype(float) ** 2) - sums**2 / n
    total = n.sum()
    around = ((vote - vote.mean()) ** 2).sum()
    return sums, n, 1 - (total - 1) / total * (squares * n / (n - 1)).sum() / around


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_the_interval_covers_alpha(setting):
    covered, widths = 0, []
    for k in range(SETS):
        sums, n, true = drawn(setting, np.random.default_rng([7, k]))
        cells, units = np.unique(np.stack([sums, n]), axis=1, return_counts=True)
        found = likert_alpha(cells[0], cells[1], units.astype(float))
        covered += found.low <= true <= found.high
        widths.append(found.high - found.low)
    print(f"\n{setting.name}: {covered} of {SETS} covered, mean width {np.mean(widths):.2f}")
    assert covered >= (0.95 if setting.kind == "probit" else 0.9) * SETS
