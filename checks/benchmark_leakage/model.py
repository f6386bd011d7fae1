"""The model that weighs the evidence for a candidate: gradient-boosted trees.

tests/perf/fit_benchmark_leakage.py fits it with scikit-learn, writes model.json, and measures it on benchmarks and
chats that it was not fitted on. To score needs NumPy only.

Friedman (2001), Greedy function approximation: a gradient boosting machine.
"""

from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from .features import FEATURES, Features

MODEL = Path(__file__).with_name("model.json")


class Tree(msgspec.Struct, frozen=True):
    """A decision tree. Node 0 is its root; a leaf is its own child on both sides."""

    feature: tuple[int, ...]  # number in FEATURES; of a leaf, any
    threshold: tuple[float, ...]  # values up to it go to the left
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[float, ...]  # of leaves, in log odds


class Model(msgspec.Struct, frozen=True):
    """Trees whose values add up to log odds."""

    features: tuple[str, ...]
    baseline: float
    trees: tuple[Tree, ...]

    def probability(self, features: Features) -> npt.NDArray[np.float64]:
        """Return the probability that the item is in the message, of each row of FEATURES."""
        logit = np.full(len(features), self.baseline)
        rows = np.arange(len(features))
        for tree in self.trees:
            feature, left, right = (np.array(each) for each in (tree.feature, tree.left, tree.right))
            threshold = np.array(tree.threshold)
            node = np.zeros(len(features), dtype=np.int64)
            while True:
                child = np.where(features[rows, feature[node]] <= threshold[node], left[node], right[node])
                if (child == node).all():
                    break
                node = child
            logit += np.array(tree.value)[node]
        found: npt.NDArray[np.float64] = 1 / (1 + np.exp(-logit))
        return found


@cache
def load() -> Model:
    """Return the model that is shipped."""
    model = msgspec.json.decode(MODEL.read_bytes(), type=Model)
    if model.features != FEATURES:
        raise ValueError(f"{MODEL}: belongs to another version of chataudit; install it again")
    return model
