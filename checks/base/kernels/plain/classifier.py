"""Scores of texts by a naive Bayes model over an automaton, ranks of its classes, and scores of rows by trees."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..layout import Bytes, Counts, Ints

Scores = npt.NDArray[np.float64]


def visits(
    data: Bytes,
    offsets: Ints,
    moves: npt.NDArray[np.uint16],
    features: Counts,
    first: int,
    table: npt.NDArray[np.int16],
    unit: float,
    prior: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Score how well each class of a naive Bayes model over the features of an automaton fits each text.

    The automaton reads the bytes of a text, and meets features. A feature that it meets c times has the weight
    log(1 + c).

    Parameters
    ----------
    data, offsets
        Texts in UTF-8.
    moves : ndarray of uint16, shape (n_rows * 256,)
        By row and byte, the next row.
    features : ndarray of int32, shape (n_rows * 256,)
        By row and byte, the feature that is met; the last one means none.
    first : int
        The row that each text begins in.
    table : ndarray of int16, shape (n_features, at least n_classes)
        Log-probabilities in whole numbers of `unit`; the last row is 0.
    unit : float
        Unit of the table.
    prior : ndarray of float32, shape (n_classes,)
        Log-probabilities of the classes.

    Returns
    -------
    ndarray of float32, shape (n, n_classes)
        Log-probabilities up to a constant; 0 for a text without features.
    """
    none = len(table) - 1
    scores = np.zeros((len(offsets) - 1, len(prior)), dtype=np.float32)
    begin = int(offsets[0])
    values = data[begin : offsets[-1]].tolist()
    for row, (start, end) in enumerate(pairwise((offsets - begin).tolist())):
        at, met = first, []
        for byte in values[start:end]:
            k = (at << 8) + byte
            at = int(moves[k])
            met.append(features[k])
        features_met, counts = np.unique(np.array(met, dtype=np.int32), return_counts=True)
        known = features_met != none
        if known.any():
            weights = np.log1p(counts[known].astype(np.float32)) * np.float32(unit)
            scores[row] = weights @ table[features_met[known], : len(prior)].astype(np.float32) + prior
    return scores


def rank(
    scores: npt.NDArray[np.float32],
    heats: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int16],
    n_groups: int,
    top: int,
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.float32]]:
    """Return the likeliest groups of classes of each row of scores, and their probabilities; the best first.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, n_classes)
        Log-probabilities up to a constant.
    heats : ndarray of float32, shape (n,)
        Divisor of the scores of a row before they become probabilities.
    groups : ndarray of int16, shape (n_classes,)
        The group of each class, for which probabilities are added up; -1: no group.
    n_groups, top : int
        Number of groups, and of groups to return.

    Returns
    -------
    ndarray of int16, shape (n, top)
        Groups; -1: no further group has a probability above 0.
    ndarray of float32, shape (n, top)
    """
    p = (scores - scores.max(axis=1, keepdims=True, initial=-np.inf)) / heats[:, None]
    p = np.exp(p, out=p)
    member = (groups[:, None] == np.arange(n_groups)).astype(np.float32)
    sums = (p @ member) / p.sum(axis=1, keepdims=True)
    sums = np.pad(sums, ((0, 0), (0, max(0, top - n_groups))))
    order = np.argsort(-sums, axis=1, kind="stable")[:, :top]
    values = np.take_along_axis(sums, order, axis=1)
    return np.where(values > 0, order, -1).astype(np.int16), values


def log_odds(rows: Scores, feature: Counts, threshold: Scores, children: Ints, value: Scores, roots: Ints) -> Scores:
    """Add up the leaves that rows of features reach in decision trees.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, n_features)
        Features.
    feature, threshold : ndarray of int32, ndarray of float64, shape (n_nodes,)
        Of a node, the feature that decides, and the largest value that goes to its first child.
    children : ndarray of int64, shape (n_nodes, 2)
        Nodes of all trees; a leaf is its own child.
    value : ndarray of float64, shape (n_nodes,)
        Of a leaf.
    roots : ndarray of int64, shape (n_trees,)
        First node of each tree.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    total = np.zeros(len(rows))
    each = np.arange(len(rows))
    for root in roots.tolist():
        node = np.full(len(rows), root)
        while True:
            is_more = ~(rows[each, feature[node]] <= threshold[node])
            child = children[node, is_more.astype(np.int64)]
            if (child == node).all():
                break
            node = child
        total += value[node]
    return total
