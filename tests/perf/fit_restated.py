"""Fit the model of questions in other words or another language, and measure it on items that it was not fitted on.

    python tests/perf/fit_restated.py [--write]

It prints the table of docs/leakage.md. With --write, it replaces restated.json in checks/benchmark_leakage. Questions
that are restated are those of ../shared/data/truth/translated_leakage: GSM8K in ten languages (MGSM) and in the words
of a language model. All else there (other items, training items, stories of the same kind) restates nothing, and
neither do the chats of fit_benchmark_leakage.py and texts of several sentences in 35 languages (`pools`), compared with
the same reference set and with all shipped ones.
Messages with a copy of an item, by the other model, are left out.

Each pair is scored by a model that saw neither its item nor its chat (five folds).
"""

import gzip
import json
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from chataudit import run
from chataudit.audit.references import add
from chataudit.benchmarks_refs import fingerprints
from chataudit.benchmarks_refs.cards import Parts
from chataudit.checks import Batch, Check, Result
from chataudit.checks.base.arrow.columns import digests
from chataudit.checks.base.text.words import words
from chataudit.checks.benchmark_leakage import references
from chataudit.checks.benchmark_leakage.evidence import HashedTexts
from chataudit.checks.benchmark_leakage.judge import probable, scanned
from chataudit.checks.benchmark_leakage.references import References
from chataudit.checks.benchmark_leakage.restated import FACTS, RESTATED, facts_of, same_numbers
from exporting import exported
from fit_benchmark_leakage import DATA, SETS, chats, written
from sklearn.ensemble import HistGradientBoostingClassifier

TRUTH = DATA / "truth/translated_leakage"
SEED, FOLDS, PER_LANGUAGE = 1, 5, 4000
UP = ("matched", "nats_matched", "nats_shared", "share_shared")
DOWN = ("nats_missed", "missed", "left_over", "moved", "rivals")
KINDS = ("mgsm_translation", "gsm8k_rephrased")
OF_STORIES, OF_CHATS = 5, 2  # weights
RATES = (0, 1, 3, 10)  # false alarms


@dataclass(frozen=True)
class Collect(Check):
    """Collect pairs of messages and questions."""

    name = "collect"
    rules = ()

    def scan(self, batch: Batch) -> Result:
        refs = REFERENCES[0]
        texts = HashedTexts(words(batch.column("text"), batch.tokens, batch.marks), refs, batch)
        text = digests(batch.column("text"))
        is_open = ~batch.is_context & np.array([not (each in SEEN or SEEN.add(each)) for each in text.tolist()])
        is_open[[hit.row for hit in probable(texts, scanned(texts, is_open), 0.5)]] = False
        pairs = same_numbers(texts, is_open)
        ids, langs = (batch.column(name).to_pylist() for name in ("message_id", "lang"))
        rows = pairs.rows.tolist()
        FOUND.append(
            (
                np.array([ids[row] for row in rows], dtype=object),
                np.array([refs.ids[refs.items_of(part)[0]] for part in refs.bags.parts[pairs.bags]], dtype=object),
                np.array([langs[row] or "" for row in rows], dtype=object),
                text[pairs.rows],
                facts_of(texts, pairs),
            )
        )
        N_SEEN[0] += int(is_open.sum())
        return Result()


REFERENCES: list[References] = []
FOUND: list[tuple[np.ndarray, ...]] = []
SEEN: set[int] = set()
N_SEEN = [0]


def collected(paths: list[str], refs: References) -> list[np.ndarray]:
    """Return ids, items, languages, digests and facts of the pairs in files."""
    REFERENCES[:], N_SEEN[0] = [refs], 0
    FOUND.clear()
    SEEN.clear()
    for path in paths:
        run(path, checks=[Collect()], engine="serial")
    return [np.concatenate(each) for each in zip(*FOUND, strict=True)]


def several(folder: Path) -> str:
    """Write texts of two to eight sentences in one language, and return the file."""
    rng = random.Random(SEED)
    texts = []
    for path in sorted((DATA / "pools").glob("sentences.*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            sentences = [json.loads(line)["text"] for line in file]
        texts += [" ".join(rng.sample(sentences, rng.randint(2, 8))) for _ in range(PER_LANGUAGE)]
    return written(folder, "several", texts)


def fitted(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> HistGradientBoostingClassifier:
    """Return monotone boosted trees."""
    signs = [1 if name in UP else -1 if name in DOWN else 0 for name in FACTS]
    trees = HistGradientBoostingClassifier(
        max_iter=100, learning_rate=0.08, max_leaf_nodes=10, min_samples_leaf=20, l2_regularization=2.0,
        monotonic_cst=signs, random_state=SEED,
    )  # fmt: skip
    return trees.fit(x, y, sample_weight=weights)


def main() -> None:
    """Fit, measure, print."""
    rows = [msgspec.json.decode(line) for line in (TRUTH / "truth.jsonl").read_bytes().splitlines()]
    truth = {row["message_id"]: row for row in rows}
    with tempfile.TemporaryDirectory() as name:
        own = add("own", TRUTH / "references.jsonl", Parts(question="question", id="id"))
        fingerprints.save(own, Path(name) / f"own{fingerprints.ENDING}")
        refs = references.load(("own",), Path(name))
        told = collected([str(TRUTH / "messages.jsonl")], refs)
        files = [*chats(), several(Path(name))]
        quiet = collected(files, refs)
        n_chats = N_SEEN[0]
        shipped = collected(files, references.load(tuple(SETS), Path("none")))
    is_known = np.array([key in truth for key in told[0]])
    told = [each[is_known] for each in told]
    y = np.array(
        [truth[k]["kind"] in KINDS and truth[k]["reference"] == each for k, each in zip(*told[:2], strict=True)]
    )
    items = sorted(set(told[1]))
    number = {each: k % FOLDS for k, each in enumerate(np.random.default_rng(SEED).permutation(items))}
    fold = np.array([number[each] for each in told[1]])
    # Of a message that restates something else, a story with numbers mostly, there are few.
    known = [(told[4], y, fold, np.where(y, 1, OF_STORIES))]
    for _, _, _, text, facts in (quiet, shipped):
        n = len(facts)
        known.append((facts, np.zeros(n, dtype=bool), (text % FOLDS).astype(np.int64), np.full(n, OF_CHATS)))
    scores = [np.zeros(len(each[1])) for each in known]
    for k in range(FOLDS):
        trees = fitted(*(np.concatenate([each[n][each[2] != k] for each in known]) for n in (0, 1, 3)))
        for score, (x, _, own_fold, _) in zip(scores, known, strict=True):
            score[own_fold == k] = trees.predict_proba(x[own_fold == k])[:, 1]
    for name, each, score in (("own", quiet, scores[1]), ("shipped", shipped, scores[2])):
        report(name, truth, told, y, scores[0], each, score)
    paired = [f"{len(np.unique(each[3])):,}" for each in (quiet, shipped)]
    print(f"{n_chats:,} messages of chats and texts; with a pair: {paired}")
    if "--write" in sys.argv:
        trees = fitted(*(np.concatenate([each[n] for each in known]) for n in (0, 1, 3)))
        RESTATED.write_bytes(msgspec.json.encode(exported(trees, FACTS)) + b"\n")


def report(
    name: str,
    truth: dict,
    told: list[np.ndarray],
    y: np.ndarray,
    score: np.ndarray,
    quiet: list[np.ndarray],
    of: np.ndarray,
) -> None:
    """Print recall by kind at several numbers of false alarms, and at several probabilities."""
    best: dict[int, float] = {}
    for text, value in zip(quiet[3].tolist(), of.tolist(), strict=True):
        best[text] = max(best.get(text, 0.0), value)
    false = np.sort(list(best.values()))[::-1]
    limits = [(f"{n} false", float(false[n])) for n in RATES] + [(f"p {p}", p) for p in (0.3, 0.4, 0.5, 0.7, 0.9)]
    for label, limit in limits:
        found = {key for key, value, true in zip(told[0], score, y, strict=True) if value > limit and true}
        wrong = {key for key, value, true in zip(told[0], score, y, strict=True) if value > limit and not true}
        shares = {}
        for kind in KINDS:
            own = [key for key, row in truth.items() if row["kind"] == kind]
            shares[kind] = f"{sum(key in found for key in own) / len(own):.3f}"
        n_quiet = sum(row["expect"] == "quiet" for row in truth.values())
        n_wrong = sum(truth[key]["expect"] == "quiet" for key in wrong)
        n_false = int((false > limit).sum())
        print(f"{name} {label:8} at {limit:.3f}: {shares}, {n_false} chats, quiet {n_wrong} of {n_quiet}")


if __name__ == "__main__":
    main()
