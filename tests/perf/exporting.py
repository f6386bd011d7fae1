"""Trees of scikit-learn in the form in which the package keeps them."""

import numpy as np
from chataudit.checks.base.statistics.trees import Model, Tree
from sklearn.ensemble import HistGradientBoostingClassifier

LARGEST = 1e300


def exported(trees: HistGradientBoostingClassifier, features: tuple[str, ...], missable: tuple[str, ...] = ()) -> Model:
    """Return the model as it is stored; values of the `missable` features may be NaN."""
    may_be_missing = np.array([name in missable for name in features])
    found = []
    for (predictor,) in trees._predictors:
        nodes = predictor.nodes
        own = np.arange(len(nodes))
        is_leaf = nodes["is_leaf"].astype(bool)
        feature = nodes["feature_idx"].astype(np.int64)
        # An infinite threshold divides the values from those that are missing; JSON has no infinity.
        threshold = np.minimum(nodes["num_threshold"], LARGEST)
        goes_left = may_be_missing[np.where(is_leaf, 0, feature)] & (nodes["missing_go_to_left"] > 0)
        found.append(
            Tree(
                tuple(np.where(is_leaf, 0, feature + len(features) * goes_left).tolist()),
                tuple(float(f"{value:.9g}") for value in np.where(is_leaf, 0, threshold)),
                tuple(np.where(is_leaf, own, nodes["left"]).tolist()),
                tuple(np.where(is_leaf, own, nodes["right"]).tolist()),
                tuple(float(f"{value:.4g}") for value in np.where(is_leaf, nodes["value"], 0)),
            )
        )
    return Model(features, float(trees._baseline_prediction[0, 0]), tuple(found))
