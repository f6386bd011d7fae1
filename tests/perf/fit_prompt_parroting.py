"""Fit the model of `prompt_parroting`, and measure it on what it was not fitted on.

    python tests/perf/fit_prompt_parroting.py

It prints the numbers of checks/prompt_parroting/model.py, and the figures of docs/copies.md. Three kinds of data, all
from ../shared or made here:

- replies of natural files, with the labels of one reader. Those that nobody read count as no echoes. Each
  file is predicted by a model that was fitted without it.
- releases with planted echoes and quotations: seeds 4 to 9 are fitted on, 1 to 3 measured on;
- the conversations of parroting_conversations.py: half of the languages and phrases are fitted on, half measured on.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from chataudit import run
from chataudit.checks import Batch, Check, Result
from chataudit.checks.prompt_parroting.check import PromptParroting
from parroting_conversations import made
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

SHARED = Path(__file__).resolve().parents[3] / "shared"
DATA = SHARED / "data"
FIT_SEEDS, TEST_SEEDS = range(4, 10), range(1, 4)
MESSAGES = 20_000  # of a release
SEED = 1
WEIGHT = 3.0  # of a natural pair: they are few, and what matters
# Read for this measurement, besides the labels in ../shared.
READ = {
    ("hh-rlhf_harmless-base_test.jsonl.gz", "hh-rlhf_harmless-base_test.jsonl.gz:778#chosen"): "echo",
    ("hh-rlhf_harmless-base_test.jsonl.gz", "hh-rlhf_harmless-base_test.jsonl.gz:1957#chosen"): "echo",
    ("alpaca_zh_demo.json", "alpaca_zh_demo.json:4587#output"): "arguable",
}


class Known(NamedTuple):
    """A candidate pair, and what is known of it."""

    group: str  # a file, a release, or a language
    kind: str
    is_echo: bool
    is_fitted: bool
    features: dict[str, float]


class Row(NamedTuple):
    """A candidate pair."""

    message_id: str
    tree_id: str
    steps: int
    features: dict[str, float]
    texts: tuple[str, str, str]  # the reply, the message that it may repeat, its prompt


@dataclass(frozen=True)
class Candidates(Check):
    """Collect the pairs that prompt_parroting compares."""

    name = "candidates"
    rules = ()

    def scan(self, batch: Batch) -> Result:
        """Collect those of whole trees."""
        check = PromptParroting()
        ids, trees, texts = (batch.column(name).to_pylist() for name in ("message_id", "tree_id", "text"))
        parent, outcome = check.outcomes(batch)
        for pair in check.pairs(batch, parent, outcome):
            said = (texts[pair.reply], texts[pair.other], texts[parent[pair.reply]])
            COLLECTED.append(Row(ids[pair.reply], trees[pair.reply], pair.steps, pair.features, said))
        return Result()


COLLECTED: list[Row] = []


def rows_of(path: Path, **options: Any) -> list[Row]:
    """Return the candidates of one file."""
    COLLECTED.clear()
    record = run(path, checks=[Candidates()], engine="serial", **options)
    assert not record.facts.checks[0].error, record.facts.checks[0].error
    return list(COLLECTED)


def natural() -> Iterator[Known]:
    """Yield replies beside their prompts in natural files."""
    lines = (SHARED / "research" / "trials" / "copies" / "labels_replies.jsonl").read_text().splitlines()
    labels = {(row["file"], row["id"]): row["label"] for row in map(json.loads, lines)} | READ
    files = (path for folder in ("oasst", "formats") for path in sorted((DATA / folder).iterdir()) if path.is_file())
    for path in files:
        for row in rows_of(path):
            label = labels.get((path.name, re.sub(r"^/.*/", "", row.message_id)), "unread")
            if label != "arguable" and row.steps == 1:
                yield Known(path.name, "natural", label == "echo", True, row.features)


def releases(folder: Path) -> Iterator[Known]:
    """Yield replies beside their prompts in releases with planted echoes."""
    tool = SHARED / "tools" / "make_release.py"
    for seed in (*FIT_SEEDS, *TEST_SEEDS):
        out = folder / str(seed)
        words = [tool, "--messages", MESSAGES, "--seed", seed, "--out", out]
        subprocess.run([sys.executable, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        plants = map(json.loads, (out / "truth.jsonl").read_text().splitlines())
        truth = {plant["message_id"]: plant for plant in plants if plant["check"] == "prompt_parroting"}
        for row in rows_of(out / "messages.jsonl"):
            plant = truth.get(row.message_id, {"kind": "not planted", "expect": "quiet"})
            if row.steps == 1:
                kind, is_echo = f"release: {plant['kind']}", plant["expect"] == "flag"
                yield Known(f"release {seed}", kind, is_echo, seed in FIT_SEEDS, row.features)


def conversations(folder: Path) -> Iterator[Known]:
    """Yield the last replies of made conversations."""
    chats = {chat["id"]: chat for chat in made(DATA / "pools", SEED)}
    path = folder / "made.jsonl"
    lines = (json.dumps({"id": name, "messages": chat["messages"]}) for name, chat in chats.items())
    path.write_text("\n".join(lines))
    for row in rows_of(path, format="messages"):
        chat = chats[row.tree_id]
        is_last = row.message_id.endswith(f"#{len(chat['messages'])}")
        if is_last and (row.steps > 1) == chat["kind"].startswith("earlier"):
            kind = f"made: {chat['kind']}"
            yield Known(chat["lang"], kind, chat["is_echo"], not chat["is_held"], row.features)


def fitted(rows: list[Known]) -> Pipeline:
    """Return a model that is fitted on these pairs."""
    x = np.array([list(row.features.values()) for row in rows])
    weights = [WEIGHT if row.kind == "natural" else 1.0 for row in rows]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=3000))
    model.fit(x, [row.is_echo for row in rows], logisticregression__sample_weight=weights)
    return model


def predicted(model: Pipeline, rows: list[Known]) -> Any:
    """Return the probabilities of these pairs."""
    return model.predict_proba(np.array([list(row.features.values()) for row in rows]))[:, 1]


def report(title: str, rows: list[Known], probabilities: Any) -> None:
    """Print how many of each kind are warned of, and how well probabilities are calibrated."""
    limit = PromptParroting().min_probability
    kinds = defaultdict(list)
    for row, p in zip(rows, probabilities, strict=True):
        kinds[row.is_echo, row.kind].append(p >= limit)
    print(f"\n{title}")
    for (is_echo, kind), warned in sorted(kinds.items(), reverse=True):
        print(f"  {'echo' if is_echo else 'none'}  {sum(warned):5} of {len(warned):5} warned  {kind}")
    for is_echo in (True, False):
        warned = [flag for (echo, _), flags in kinds.items() if echo is is_echo for flag in flags]
        print(f"  {'echoes' if is_echo else 'others'}: {sum(warned)} of {len(warned)} warned")
    edges = (0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.01)
    for low, high in pairwise(edges):
        inside = [row.is_echo for row, p in zip(rows, probabilities, strict=True) if low <= p < high]
        print(f"  probability {low:.2f} to {min(high, 1):.2f}: {sum(inside)} of {len(inside)} are echoes")


def main() -> None:
    """Fit, print the numbers, and measure."""
    with tempfile.TemporaryDirectory() as name:
        rows = [*natural(), *releases(Path(name)), *conversations(Path(name))]
    fit = [row for row in rows if row.is_fitted]
    model = fitted(fit)
    scaler, logistic = model[0], model[-1]
    weights = logistic.coef_[0] / scaler.scale_
    print(f"INTERCEPT = {logistic.intercept_[0] - weights @ scaler.mean_:.3f}\nCOEFFICIENTS = {{")
    for feature, weight in zip(rows[0].features, weights, strict=True):
        print(f'    "{feature}": {weight:.3f},')
    print(f"}}\nfitted on {len(fit)} pairs, {sum(row.is_echo for row in fit)} of them echoes")
    held = [row for row in rows if not row.is_fitted]
    for title, some in (
        ("Releases that were not fitted on", [row for row in held if row.group.startswith("release")]),
        ("Languages and phrases that were not fitted on", [row for row in held if row.kind.startswith("made")]),
    ):
        report(title, some, predicted(model, some))
    files = sorted({row.group for row in fit if row.kind == "natural"})
    some = [row for file in files for row in fit if row.group == file]
    left_out = [predicted(fitted([r for r in fit if r.group != f]), [r for r in fit if r.group == f]) for f in files]
    report("Natural files, each predicted by a model fitted without it", some, np.concatenate(left_out))


if __name__ == "__main__":
    main()
