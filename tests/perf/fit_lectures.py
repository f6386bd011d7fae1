"""Fit the model of moral lectures of `self_reference`, and measure refusals on what it was not fitted on.

    python tests/perf/fit_lectures.py [--write]

Replies to XSTest with the labels of people (../shared/data/truth/self_reference) and ordinary texts of OASST
(../shared/data/pools/messages.en). Every reply is scored by a model that was fitted without its prompt, then by one
without the 25 prompts around it, since prompts next to each other share words. --write stores the model.
"""

import gzip
import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from chataudit.checks.base.arrow.columns import BoolArray, IntArray
from chataudit.checks.base.statistics.intervals import FloatArray, wilson
from chataudit.checks.self_reference.anchors import REPLY, anchored, lowered
from chataudit.checks.self_reference.check import SelfReference
from chataudit.checks.self_reference.lectures import N_BUCKETS, Weights, buckets, save
from chataudit.checks.self_reference.passage import Passage
from chataudit.checks.self_reference.refusals import says_it_cannot
from chataudit.checks.self_reference.speech import grammar
from scipy.sparse import csr_matrix, vstack
from sklearn.linear_model import LogisticRegression

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TRUTH, POOL = SHARED / "truth" / "self_reference", SHARED / "pools" / "messages.en.jsonl.gz"
SCALES = (0.15, 0.075, 0.06)  # of the parts: what is said first counts most
N_NEGATIVE, N_TEST, MIN_CHARS = 3000, 10_000, 60
WEIGHT = 0.5  # of an ordinary text
FOLDS, ROUNDS = 5, 2


def replies() -> tuple[list[str], BoolArray, IntArray]:
    """Return the replies to XSTest, which of them refuse, and the numbers of their prompts."""
    texts = {}
    for line in (TRUTH / "data.jsonl").open(encoding="utf-8"):
        record = json.loads(line)
        texts[record["id"]] = record["messages"]
    rows = [json.loads(line) for line in (TRUTH / "truth.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if "xstest_id" in row]
    return (
        [texts[row["id"]][row["message"]]["content"] for row in rows],
        np.array([not row["label"].startswith("1") for row in rows]),
        np.array([int(re.sub(r"\D", "", row["xstest_id"].split("-")[-1])) for row in rows]),
    )


def features(texts: list[str]) -> Any:
    """Return hashed n-grams by part, scaled, one row a text."""
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        for k, (part, scale) in enumerate(zip(buckets(text), SCALES, strict=True)):
            rows += [row] * len(part)
            columns += (k * N_BUCKETS + part).tolist()
            values += [scale] * len(part)
    return csr_matrix((values, (rows, columns)), shape=(len(texts), len(SCALES) * N_BUCKETS))


def read(texts: list[str]) -> tuple[BoolArray, BoolArray]:
    """Return which texts say that they cannot, and which may be lectures."""
    cannot, may_lecture = np.zeros((2, len(texts)), dtype=bool)
    for at in anchored(pa.array(texts), REPLY):
        cannot[at.row] = bool(at.cannot) and says_it_cannot(Passage(at.text), grammar("en")) is not None
        may_lecture[at.row] = bool(at.topics)
    return cannot, may_lecture & ~cannot


def fitted(good: Any, bad: Any, is_refusal: BoolArray) -> LogisticRegression:
    """Fit on replies with labels and on ordinary texts."""
    n = bad.shape[0]
    return LogisticRegression(C=3, max_iter=3000).fit(
        vstack([good, bad]),
        np.append(is_refusal, np.zeros(n, dtype=bool)),
        sample_weight=np.append(np.ones(good.shape[0]), np.full(n, WEIGHT)),
    )


def cross_fitted(x: Any, ordinary: Any, is_refusal: BoolArray, groups: IntArray) -> FloatArray:
    """Return the probability of each reply by models that did not see its group."""
    score, names = np.zeros(len(is_refusal)), np.unique(groups)
    for turn in range(ROUNDS):
        fold = np.random.default_rng(turn).permutation(len(names))[np.searchsorted(names, groups)] % FOLDS
        for k in range(FOLDS):
            model = fitted(x[fold != k], ordinary, is_refusal[fold != k])
            score[fold == k] += model.predict_proba(x[fold == k])[:, 1] / ROUNDS
    return score


def described(flagged: BoolArray, is_refusal: BoolArray) -> str:
    """Word precision, recall and F1."""
    hits = int((flagged & is_refusal).sum())
    precision, recall = hits / max(1, int(flagged.sum())), hits / int(is_refusal.sum())
    low, high = wilson(hits, int(is_refusal.sum()))
    f1 = 2 * precision * recall / (precision + recall)
    return f"P {precision:.3f} R {recall:.3f} [{low:.3f}, {high:.3f}] F1 {f1:.3f}"


def main() -> None:
    """Fit, measure, and with --write store the model."""
    texts, is_refusal, prompts = replies()
    with gzip.open(POOL, "rt", encoding="utf-8") as file:
        pool = [text for line in file if len(text := json.loads(line)["text"]) > MIN_CHARS]
    random.Random(3).shuffle(pool)
    low: list[str] = lowered(pa.array(texts)).to_pylist()
    cannot, may_lecture = read(texts)
    first, test = pool[: 2 * N_NEGATIVE], pool[2 * N_NEGATIVE : 2 * N_NEGATIVE + N_TEST]
    spoken = [text for text, refuses in zip(first, read(first)[0], strict=True) if not refuses][:N_NEGATIVE]
    x, ordinary = features(low), features(lowered(pa.array(spoken)).to_pylist())
    limit = SelfReference().min_lecture
    print("grammar alone:", described(cannot, is_refusal))
    groups: dict[str, npt.NDArray[np.int64]] = {"prompt": prompts, "25 prompts": prompts // 25}
    for name, group in groups.items():
        score = cross_fitted(x, ordinary, is_refusal, group)
        for at in sorted({0.25, 0.3, 0.4, 0.5, limit}):
            print(
                f"without the {name}, lecture >= {at}:", described(cannot | (may_lecture & (score >= at)), is_refusal)
            )
    model = fitted(x, ordinary, is_refusal)
    says, may = read(test)
    score = model.predict_proba(features(lowered(pa.array(test)).to_pylist()))[:, 1]
    print(f"{N_TEST:,} ordinary texts: {says.sum()} say that they cannot, {(may & (score >= limit)).sum()} lectures")
    if "--write" in sys.argv:
        parts = model.coef_[0].reshape(len(SCALES), N_BUCKETS) * np.array(SCALES)[:, None]
        save(Weights(parts.astype(np.float32), float(model.intercept_[0])))


if __name__ == "__main__":
    main()
