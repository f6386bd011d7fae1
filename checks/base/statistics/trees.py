"""Models that weigh the evidence for a finding: gradient-boosted trees.

The scripts tests/perf/fit_*.py fit them with scikit-learn, write them, and measure them on data that they were not
fitted on. To score needs NumPy only.

Friedman (2001), Greedy function approximation: a gradient boosting machine.
"""

from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from .. import kernels


class Tree(msgspec.Struct, frozen=True):
    """A decision tree. Node 0 is its root; a leaf is its own child on both sides."""

    feature: tuple[int, ...]  # number among the n features, and n more where a missing value goes left; of a leaf, any
    threshold: tuple[float, ...]  # values up to it go to the left
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]  # of leaves, in log odds


class Model(msgspec.Struct, frozen=True):
    """Trees whose values add up to log odds, as they are stored."""

    features: tuple[str, ...]
    baseline: float
    trees: tuple[Tree, ...]


class Trees:
    """A model that is ready to score."""

    def __init__(self, model: Model) -> None:
        sizes = [len(tree.feature) for tree in model.trees]
        self._roots = np.cumsum([0, *sizes])[:-1].astype(np.int64)
        self._baseline, self._n = model.baseline, len(model.features)
        self._feature = np.concatenate([tree.feature for tree in model.trees]).astype(np.int32)
        self._threshold = np.concatenate([tree.threshold for tree in model.trees]).astype(np.float64)
        children = np.concatenate([np.array([tree.left, tree.right]) for tree in model.trees], axis=1)
        self._children = np.ascontiguousarray((children + np.repeat(self._roots, sizes)).T.astype(np.int64))
        self._value = np.concatenate([tree.value for tree in model.trees]).astype(np.float64)

    def probability(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the probability of what the model decides, for each row of features; NaN is a missing value."""
        if self._feature.max(initial=0) >= self._n:
            is_missing = np.isnan(features)
            features = np.hstack([np.where(is_missing, sign * np.inf, features) for sign in (1, -1)])
        logit = self._baseline + kernels.log_odds(
            np.ascontiguousarray(features), self._feature, self._threshold, self._children, self._value, self._roots
        )
        found: npt.NDArray[np.float64] = 1 / (1 + np.exp(-logit))
        return found


@cache
def load(path: Path, features: tuple[str, ...]) -> Trees:
    """Return a model that is shipped.

    Raises
    ------
    ValueError
        If it was fitted on other features.
    """
    model = msgspec.json.decode(path.read_bytes(), type=Model)
    if model.features != features:
        raise ValueError(f"{path}: belongs to another version of chataudit; install it again")
    return Trees(model)
