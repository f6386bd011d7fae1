"""Alpha of five-point votes from their sums: a likelihood over all ways to split a sum.

Votes are modelled as an ordered probit: unit u has an effect N(0, rho), each vote adds noise N(0, 1 - rho), and four
thresholds cut the result into five points. The likelihood of a sum is a convolution over the votes, integrated over the
unit's effect. Few votes a unit leave several modes, so the interval is that of the profile: all rho whose penalised log
likelihood is within MAX_DROP of the best, widened by the conditional error of alpha. A prior keeps the gaps between the
thresholds alike.

References
----------
Krippendorff (2011), Computing Krippendorff's alpha-reliability.
McCullagh (1980), Regression models for ordinal data.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr, ndtri

from ..base.arrow.columns import IntArray
from ..base.statistics.intervals import FloatArray, Z

POINTS = 5
GRID = np.concatenate([[0.003, 0.03], np.arange(0.08, 0.93, 0.07), [0.95, 0.98]])  # of rho
MAX_DROP = 3.6  # of the penalised log likelihood, around the best rho
GAP_SD = 0.25  # prior standard deviation of the log gaps between thresholds around their mean
MAX_WIDTH = 0.4  # of an interval with which a point is printed
N_ROUNDS = 25  # of Newton's method for the thresholds


class Interval(NamedTuple):
    """A point and its 95 % CI; NaN: it cannot be estimated, or the interval is too wide for a point."""

    value: float
    low: float
    high: float


class _Fit(NamedTuple):
    """The thresholds that fit best at one rho."""

    loss: float  # penalised negative log likelihood
    log_det: float
    alpha: float
    variance: float  # of alpha: by the thresholds and by the splits of the sums


def likert_alpha(sums: IntArray, counts: IntArray, units: FloatArray) -> Interval:
    """Return alpha of five-point votes with its 95 % CI.

    Parameters
    ----------
    sums, counts : ndarray of int64, shape (n_cells,)
        The sum of the votes on a unit, each 0 to 4, and their number, at least 2.
    units : ndarray of float64, shape (n_cells,)
        How many units have these.
    """
    if len(sums) < 2:
        return Interval(*[float("nan")] * 3)
    model = _Model(sums, counts, units)
    start, fits = model.start, []
    for rho in GRID:
        start, fit = model.fit(start, float(rho))
        fits.append(fit)
    fine = np.linspace(GRID[0], GRID[-1], 400)
    loss, log_det, alpha, variance = (PchipInterpolator(GRID, part)(fine) for part in np.array(fits).T)
    sd = np.sqrt(np.maximum(variance, 1e-8))
    kept = loss <= loss.min() + MAX_DROP
    low, high = float((alpha - Z * sd)[kept].min()), float((alpha + Z * sd)[kept].max())
    posterior = -loss - log_det / 2
    weight = np.exp(posterior - posterior.max())
    order = np.argsort(alpha)
    share = np.cumsum(weight[order]) / weight.sum()
    middle = float(alpha[order][np.searchsorted(share, 0.5)])
    return Interval(middle if high - low <= MAX_WIDTH else float("nan"), low, min(1.0, high))


class _Model:
    def __init__(self, sums: IntArray, counts: IntArray, units: FloatArray) -> None:
        self.sums, self.counts, self.units = sums, counts, units.astype(float)
        votes = self.units * counts
        mean = sums / counts
        below = [np.clip((votes * np.clip(k + 1 - mean, 0, 1)).sum() / votes.sum(), 0.02, 0.98) for k in range(4)]
        cuts = ndtri(np.maximum.accumulate(np.array(below) + 1e-3 * np.arange(4)).clip(max=0.995))
        # The first threshold, the mean log gap, and how the three gaps deviate from it; in units of the total sd.
        self.start: FloatArray = np.array([cuts[0], np.log(max(0.2, (cuts[3] - cuts[0]) / 3)), 0.0, 0.0, 0.0])
        self._prior_center = np.array([0.0, -0.4, 0.0, 0.0, 0.0])
        self._prior_weight = np.array([1 / 9, 1 / 2.25, *[1 / GAP_SD**2] * 3])

    def fit(self, start: FloatArray, rho: float) -> tuple[FloatArray, _Fit]:
        """Fit the thresholds at one rho by Newton's method with halved steps; return them and the fit."""
        nodes, weights = _nodes(rho)
        theta, best, step = start, np.inf, np.zeros(5)
        before = start
        for _ in range(N_ROUNDS):
            logs, slopes = self._likelihood(theta, rho, nodes, weights)
            off = theta - self._prior_center
            loss = float(-(self.units @ logs) + (self._prior_weight * off**2).sum() / 2)
            if loss > best + 1e-9:
                step = step / 2
                if np.abs(step).max() < 1e-4:
                    theta = before
                    break
                theta = before + step
                continue
            gradient = self._prior_weight * off - slopes.T @ self.units
            hessian = (slopes * self.units[:, None]).T @ slopes + np.diag(self._prior_weight)
            is_done = best - loss < 1e-3 and np.abs(gradient).max() < 1
            before, best = theta, loss
            if is_done:
                break
            step = -np.linalg.solve(hessian, gradient)
            step *= min(1.0, 0.7 / np.abs(step).max())
            theta = theta + step
        theta = before
        _, slopes = self._likelihood(theta, rho, nodes, weights)
        hessian = (slopes * self.units[:, None]).T @ slopes + np.diag(self._prior_weight)
        value = self._alpha(theta, rho, nodes, weights)
        bent = [(self._alpha(theta + 1e-3 * unit, rho, nodes, weights) - value) / 1e-3 for unit in np.eye(5)]
        by_cuts = float(np.array(bent) @ np.linalg.solve(hessian, np.array(bent)))
        variance = max(0.0, by_cuts) + self._by_splits(theta, rho, nodes, weights)
        return theta, _Fit(best, float(np.linalg.slogdet(hessian)[1]), value, variance)

    def _likelihood(
        self, theta: FloatArray, rho: float, nodes: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the log likelihood of each cell, and its slopes in the five parameters."""
        p = _probabilities(theta, rho, nodes)
        tables = _sums(p, int(self.counts.max()))
        slopes = [
            (_probabilities(theta + 1e-4 * unit, rho, nodes) - _probabilities(theta - 1e-4 * unit, rho, nodes)) / 2e-4
            for unit in np.eye(5)
        ]
        like, bent = np.empty(len(self.sums)), np.zeros((len(self.sums), 5))
        for n in np.unique(self.counts):
            rows = np.flatnonzero(self.counts == n)
            like[rows] = weights @ tables[n][:, self.sums[rows]]
            for point in range(POINTS):
                rest = self.sums[rows] - point
                ok = (rest >= 0) & (rest < tables[n - 1].shape[1])
                others = tables[n - 1][:, rest[ok]]
                for k, slope in enumerate(slopes):
                    bent[rows[ok], k] += n * ((weights * slope[:, point]) @ others)
        like = np.maximum(like, 1e-300)
        return np.log(like), bent / like[:, None]

    def _squares(
        self, theta: FloatArray, rho: float, nodes: FloatArray, weights: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the expected squares of the votes on a unit around their mean, given their sum, and their variance."""
        p = _probabilities(theta, rho, nodes)
        tables = _sums(p, int(self.counts.max()))
        first, second = np.zeros((2, len(self.sums)))
        for n in np.unique(self.counts):
            rows = np.flatnonzero(self.counts == n)
            sums, like = self.sums[rows], weights @ tables[n][:, self.sums[rows]]
            one, two = np.zeros((2, len(nodes), len(rows)))
            for x in range(1, POINTS):
                rest = sums - x
                ok = (rest >= 0) & (rest < tables[n - 1].shape[1])
                one[:, ok] += x**2 * p[:, x : x + 1] * tables[n - 1][:, rest[ok]]
                two[:, ok] += x**4 * p[:, x : x + 1] * tables[n - 1][:, rest[ok]]
                for y in range(1, POINTS):
                    rest = sums - x - y
                    ok = (rest >= 0) & (rest < tables[n - 2].shape[1])
                    pair = (n - 1) * x**2 * y**2 * p[:, x : x + 1] * p[:, y : y + 1]
                    two[:, ok] += pair * tables[n - 2][:, rest[ok]]
            first[rows] = n * (weights @ one) / np.maximum(like, 1e-300)
            second[rows] = n * (weights @ two) / np.maximum(like, 1e-300)
        return first - self.sums**2 / self.counts, np.maximum(0.0, second - first**2)

    def _alpha(self, theta: FloatArray, rho: float, nodes: FloatArray, weights: FloatArray) -> float:
        expected, _ = self._squares(theta, rho, nodes, weights)
        within, around, ratio = self._parts(expected)
        return float(1 - ratio * within / around)

    def _by_splits(self, theta: FloatArray, rho: float, nodes: FloatArray, weights: FloatArray) -> float:
        """Return the variance of alpha by how the sums were split."""
        expected, variance = self._squares(theta, rho, nodes, weights)
        within, around, ratio = self._parts(expected)
        slope = -ratio * self.counts / (self.counts - 1) / around + ratio * within / around**2
        return float((self.units * variance * slope**2).sum())

    def _parts(self, squares: FloatArray) -> tuple[float, float, float]:
        """Return weighted squares within units, squares around the mean of all votes, and (N - 1) / N."""
        n, units = self.counts, self.units
        total = (units * n).sum()
        mean = (units * self.sums).sum() / total
        around = (units * (n * (self.sums / n - mean) ** 2 + squares)).sum()
        return float((units * squares * n / (n - 1)).sum()), float(around), float((total - 1) / total)


def _nodes(rho: float) -> tuple[FloatArray, FloatArray]:
    """Return equal steps over the effect of a unit, at most 0.6 sd of the noise apart, and their weights.

    Gauss-Hermite nodes would be too far apart where units differ much.
    """
    n = int(np.clip(np.ceil(7.6 * np.sqrt(rho / (1 - rho)) / 0.6), 21, 101))
    nodes = np.linspace(-3.8, 3.8, n)
    weights = np.exp(-(nodes**2) / 2)
    return nodes, weights / weights.sum()


def _probabilities(theta: FloatArray, rho: float, nodes: FloatArray) -> FloatArray:
    """Return the probability of each point at each node, shape (n_nodes, 5)."""
    gaps = np.exp(np.clip(theta[1] + theta[2:] - theta[2:].mean(), -5, 3))
    cuts = (theta[0] + np.concatenate([[0.0], np.cumsum(gaps)])) / np.sqrt(1 - rho)
    below = ndtr(cuts[None, :] - np.sqrt(rho / (1 - rho)) * nodes[:, None])
    edges = np.concatenate([np.zeros((len(nodes), 1)), below, np.ones((len(nodes), 1))], axis=1)
    p: FloatArray = np.maximum(np.diff(edges, axis=1), 1e-12)
    normalised: FloatArray = p / p.sum(axis=1, keepdims=True)
    return normalised


def _sums(p: FloatArray, n: int) -> list[npt.NDArray[np.float64]]:
    """Return for 0 to n votes the distribution of their sum at each node."""
    tables = [np.ones((len(p), 1))]
    for _ in range(n):
        last = tables[-1]
        more = np.zeros((len(p), last.shape[1] + POINTS - 1))
        for point in range(POINTS):
            more[:, point : point + last.shape[1]] += last * p[:, point : point + 1]
        tables.append(more)
    return tables
