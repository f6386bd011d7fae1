"""Fit the score of `low_effort` on people's quality labels, and measure it on conversations that it did not see.

    python tests/perf/fit_low_effort.py [--write]

Replies of OASST1 and OASST2 with two votes or more (../shared/data/oasst). The label is weighed as a share of votes: a
reply of quality .25 counts as three quarters of a bad one. Five folds by conversation, three times; intervals resample
conversations. Half of the rows are seen once more without their siblings, as in data that hold one reply each.
--write stores the model; the curves are printed for checks/low_effort/score.py.
"""

import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from chataudit.checks.base.arrow.columns import BoolArray, IntArray, as_bools, as_ints
from chataudit.checks.base.messages import Batch
from chataudit.checks.base.statistics.agreement import labels
from chataudit.checks.base.statistics.intervals import FloatArray
from chataudit.checks.base.text.tokens import HashArray
from chataudit.checks.low_effort.features import FEATURES, MISSABLE, features_of
from chataudit.checks.low_effort.score import HIGH, LOW, MODEL, SEEN
from exporting import exported
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from building import FORMATS, parsed  # noqa: E402

OASST = ROOT.parent / "shared" / "data" / "oasst"
FILES = {
    "oasst1_en_validation.messages.jsonl.gz": "oasst_messages",
    "oasst2_all_subset.trees.jsonl.gz": "oasst_trees",
}
MORE_IS_BETTER = (
    *("chars", "words", "new", "coverage", "sentences", "lines", "items", "ends", "shared", "to_longest", "rank"),
    *("than_chars", "than_new", "than_coverage", "than_items", "than_lines", "than_sentences", "than_ends"),
)
MORE_IS_WORSE = ("lower_start", "lower_sentences", "copied", "than_lower_start")
FOLDS, ROUNDS, RESAMPLES = 5, 3, 400
ALIKE = 0.35  # log characters between siblings of like length
ALONE = 0.5  # weight of a reply that is seen without its siblings


class Replies(NamedTuple):
    """Replies with labels."""

    x: FloatArray
    quality: FloatArray
    votes: IntArray
    tree: IntArray
    is_english: BoolArray
    digest: HashArray  # of the text
    pairs: IntArray  # (n_pairs, 2) siblings: the one that people ranked lower, and the other


def replies() -> Replies:
    """Read all replies, and return those with two votes."""
    parts = defaultdict(list)
    pairs, n = [], 0
    for name, form in FILES.items():
        batch = Batch(parsed(OASST / name).messages.combine_chunks(), FORMATS[form].form)
        is_reply = as_bools(pc.equal(batch.column("role"), "assistant")) & (batch.parent >= 0)
        rows = np.flatnonzero(is_reply & (batch.places["n_chars"].to_numpy() > 0))
        quality, votes = labels(batch.column("labels").take(pa.array(rows)), "quality")
        x, kept = features_of(batch, rows), votes >= 2
        for field, values in (
            *(("x", x[kept]), ("quality", quality[kept]), ("votes", votes[kept])),
            ("tree", np.array(batch.column("tree_id").to_pylist())[rows[kept]]),
            ("digest", batch.text_digest[rows[kept]]),
            ("is_english", as_bools(pc.equal(batch.column("lang"), "en"))[rows[kept]]),
        ):
            parts[field].append(values)
        rank, up = as_ints(batch.column("rank"), -1)[rows[kept]], batch.parent[rows[kept]]
        for each in np.unique(up):
            at = np.flatnonzero((up == each) & (rank >= 0))
            pairs += [(a + n, b + n) for a in at for b in at if rank[a] > rank[b]]
        n += int(kept.sum())
    whole = {field: np.concatenate(values) for field, values in parts.items()}
    whole["tree"] = np.unique(whole["tree"], return_inverse=True)[1]  # some conversations are in both files
    return Replies(**whole, pairs=np.array(pairs))


def alone(x: FloatArray) -> FloatArray:
    """Return the features as they would be without siblings."""
    x = x.copy()
    x[:, [FEATURES.index(name) for name in MISSABLE]] = np.nan
    x[:, FEATURES.index("siblings")] = 0
    return x


def fitted(x: FloatArray, quality: FloatArray, votes: IntArray) -> HistGradientBoostingClassifier:
    """Fit on both forms of each reply, as bad with the weight 1 - quality and as good with the weight quality."""
    weight = np.minimum(votes, 5) / 3
    both, n = np.vstack([x, alone(x)]), 2 * len(x)
    weight, quality = np.append(weight, ALONE * weight), np.append(quality, quality)
    signs = [(name in MORE_IS_WORSE) - (name in MORE_IS_BETTER) for name in FEATURES]
    return HistGradientBoostingClassifier(
        max_iter=120,
        learning_rate=0.04,
        max_depth=4,
        min_samples_leaf=20,
        l2_regularization=20,
        max_features=0.2,
        monotonic_cst=signs,
        random_state=0,
    ).fit(
        np.vstack([both, both]),
        np.append(np.ones(n), np.zeros(n)),
        sample_weight=np.append(weight * (1 - quality), weight * quality),
    )


def cross_fitted(data: Replies, n_folds: int = FOLDS, rounds: int = ROUNDS) -> tuple[FloatArray, FloatArray]:
    """Return the scores of each reply, with and without siblings, by models that did not see its conversation."""
    scores = np.zeros((2, len(data.x)))
    n_trees = data.tree.max() + 1
    for turn in range(rounds):
        fold = (np.random.default_rng(turn).permutation(n_trees) % n_folds)[data.tree]
        for k in range(n_folds):
            seen, here = fold != k, fold == k
            model = fitted(data.x[seen], data.quality[seen], data.votes[seen])
            scores[0, here] += model.decision_function(data.x[here]) / rounds
            scores[1, here] += model.decision_function(alone(data.x[here])) / rounds
    return scores[0], scores[1]


def within_length(is_low: BoolArray, score: FloatArray, chars: FloatArray) -> float:
    """Return the AUC within eight bins of length, weighted by low ratings."""
    at = np.digitize(chars, np.quantile(chars[is_low], np.linspace(0, 1, 9)[1:-1]))
    found = [(is_low[at == k].sum(), is_low[at == k], score[at == k]) for k in np.unique(at)]
    found = [each for each in found if 0 < each[0] < len(each[1])]
    return float(np.average([roc_auc_score(y, s) for _, y, s in found], weights=[n for n, _, _ in found]))


def measured(data: Replies, score: FloatArray) -> dict[str, tuple[float, float, float]]:
    """Return each measure with its 95 % interval over conversations."""
    is_low, chars = data.quality <= LOW, data.x[:, FEATURES.index("chars")]
    worse, better = data.pairs.T
    won = (score[worse] > score[better]) + 0.5 * (score[worse] == score[better])
    is_alike = np.abs(chars[worse] - chars[better]) < ALIKE
    tree = data.tree

    def all_of(rows: IntArray, weight: IntArray) -> list[float]:
        in_pairs = weight[tree[worse]]
        return [
            float(roc_auc_score(is_low[rows], score[rows])),
            float(average_precision_score(is_low[rows], score[rows])),
            within_length(is_low[rows], score[rows], chars[rows]),
            float(np.average(won, weights=in_pairs)),
            float(np.average(won[is_alike], weights=in_pairs[is_alike])),
        ]

    n = tree.max() + 1
    whole = all_of(np.arange(len(score)), np.ones(n, dtype=np.int64))
    rng, drawn = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        weight = np.bincount(rng.integers(0, n, n), minlength=n)
        drawn.append(all_of(np.repeat(np.arange(len(score)), weight[tree]), weight))
    ends = np.percentile(drawn, (2.5, 97.5), axis=0).T
    names = ("AUC", "average precision", "AUC within length", "ranked pairs", f"{is_alike.sum()} pairs of like length")
    return {name: (value, *end) for name, value, end in zip(names, whole, ends.tolist(), strict=True)}


def curve(data: Replies, score: FloatArray, target: BoolArray) -> str:
    """Fit the probability of a rating to scores of conversations that were not seen; the covariance resamples them."""

    def coefficients(rows: IntArray) -> tuple[float, float]:
        model = LogisticRegression(C=1e6).fit(score[rows, None], target[rows])
        return float(model.intercept_[0]), float(model.coef_[0, 0])

    n = data.tree.max() + 1
    by_tree = [np.flatnonzero(data.tree == k) for k in range(n)]
    rng = np.random.default_rng(1)
    drawn = [coefficients(np.concatenate([by_tree[k] for k in rng.integers(0, n, n)])) for _ in range(RESAMPLES)]
    (one, both), (_, two) = np.cov(np.array(drawn).T)
    intercept, slope = coefficients(np.arange(len(score)))
    return f"Curve({intercept:.3f}, {slope:.3f}, ({one:.5f}, {both:.5f}, {two:.5f}))"


def main() -> None:
    """Fit, measure, and with --write store the model."""
    data = replies()
    is_low = data.quality <= LOW
    print(f"{len(data.x):,} replies in {data.tree.max() + 1} conversations, {is_low.sum()} rated {LOW} or less")
    with_siblings, without = cross_fitted(data)
    halves, _ = cross_fitted(data, n_folds=2, rounds=1)
    length = -data.x[:, FEATURES.index("chars")]
    for name, score in (
        *(("length", length), ("score", with_siblings), ("score, without siblings", without)),
        ("score, fitted on one half, judged on the other", halves),
    ):
        print(name)
        for measure, (value, low, high) in measured(data, score).items():
            print(f"    {measure}: {value:.3f} [{low:.3f}, {high:.3f}]")
    for name, some in (("English", data.is_english), ("other languages", ~data.is_english)):
        print(f"{name}: AUC {roc_auc_score(is_low[some], with_siblings[some]):.3f}, {some.sum()} replies")
    for name, target in (("RATED_LOW", is_low), ("RATED_HIGH", data.quality >= HIGH)):
        curves = ", ".join(curve(data, score, target) for score in (with_siblings, without))
        print(f"{name} = ({curves})")
    p = LogisticRegression(C=1e6).fit(with_siblings[:, None], is_low).predict_proba(with_siblings[:, None])[:, 1]
    for limit in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6):
        hits, n = int((is_low & (p >= limit)).sum()), int((p >= limit).sum())
        print(
            f"P >= {limit}: {n} replies, {hits / max(1, n):.2f} of them rated low, {hits / is_low.sum():.2f} of all low"
        )
    for low, high in ((0, 0.05), (0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.4, 1)):
        some = (p >= low) & (p < high)
        print(f"P in [{low}, {high}): {some.sum()} replies, mean {p[some].mean():.3f}, low {is_low[some].mean():.3f}")
    if "--write" in sys.argv:
        np.save(SEEN, np.unique(data.digest))
        MODEL.write_bytes(msgspec.json.encode(exported(fitted(data.x, data.quality, data.votes), FEATURES, MISSABLE)))


if __name__ == "__main__":
    main()
