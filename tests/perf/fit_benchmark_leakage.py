"""Fit the model of `benchmark_leakage`, and measure it on benchmarks and chats that it was not fitted on.

    python tests/perf/fit_benchmark_leakage.py [--write]

It prints the tables of docs/leakage.md. With --write, it replaces ordinary.npz and model.json in
checks/benchmark_leakage. All data are from ../shared or made here:

- leaks: items of every shipped test and validation set, copied, wrapped and edited in some twenty ways;
- chats: `pools`, `formats`, `oasst` and `lid`, each text once. Items that stand there word for word are left out;
- questions of sets that are not shipped, and new items of templated tasks (leak_templates.py);
- passages of shipped sets before one of these questions;
- other items of a planted item's benchmark.

Each candidate is judged by a model that saw neither the family of its benchmark (ten folds) nor its half of the
messages. A message has the score of its best candidate.
"""

import gzip
import json
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from chataudit import run
from chataudit.benchmarks_refs import cards
from chataudit.benchmarks_refs.cards import Item
from chataudit.benchmarks_refs.fingerprints import A_NUMBER, N_GRAM, QUESTION, coded, leading
from chataudit.benchmarks_refs.library import shipped
from chataudit.checks import Batch, Check, Result
from chataudit.checks.base import kernels
from chataudit.checks.base.arrow.columns import digests
from chataudit.checks.base.kernels.layout import NUMBER
from chataudit.checks.base.statistics.intervals import wilson
from chataudit.checks.base.text.words import words
from chataudit.checks.benchmark_leakage import ordinary, references
from chataudit.checks.benchmark_leakage.check import BenchmarkLeakage
from chataudit.checks.benchmark_leakage.evidence import HashedTexts
from chataudit.checks.benchmark_leakage.features import FEATURES
from chataudit.checks.benchmark_leakage.judge import COPIED, evidence, scanned
from exporting import exported
from leak_templates import templated
from sklearn.ensemble import HistGradientBoostingClassifier

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEED, FOLDS, PER_KIND, PER_SET = 1, 10, 14, 4000
SETS = sorted(
    name for name, card in zip(shipped().names, shipped().cards, strict=True) if card.split in ("test", "validation")
)
NOT_SHIPPED = ("triviaqa", "jeopardy", "social_iqa", "cmmlu", "agieval_jec_qa", "gsm8k_train")
# Sets with the same items or the same source are judged together.
FAMILIES = {
    "mgsm": "gsm8k",
    "copa": "xcopa",
    "xcopa_validation": "xcopa",
    "arc_easy": "arc_challenge",
    "arc_challenge_validation": "arc_challenge",
    "mmlu_validation": "mmlu",
    "arena_hard_v2": "arena_hard",
    "winograd_wsc": "winogrande",
    "agieval_gaokao_cloze": "agieval_gaokao",
    "vicuna_bench": "mt_bench",
    "agieval_aqua_rat": "math_qa",
}
UP = (
    *("covered", "covered_masked", "run_share", "run", "nats", "nats_masked", "in_eights", "in_tens", "own_covered"),
    *("own_nats", "rare_nats", "rare_share", "by_sentence", "by_line", "by_text", "border_before", "border_after"),
    *("label_before", "verbatim_in_borders", "choices", "nats_of_choices", "nats_beside", "aligned", "nats_aligned"),
)
DOWN = ("nats_missing", "nats_unaligned", "head_missing", "tail_missing", "owners", "chats")
# Weights of a message. Chats set the threshold, tasks must be quiet, and what anybody asks may be a leak.
WEIGHTS = {"chats": 4, "tasks": 8, "anybody": 0.3}
RATES = (100, 30, 10)  # false alarms per million messages
# Digests of texts of `formats` and `pools` that were read, and contain a question of Vicuna or SVAMP in other words.
READ = (
    *(7381475828908701073, 10485439652022704263, 1935938819955189747, 583856663451787911, 4852299476194886118),
    *(10256809178686852669, 12862860537322944385, 7283961951533284836, 9351206776474030350, 14784753142203833559),
    *(6707154061364141247, 14205823154904604594),
)

# -- texts -----------------------------------------------------------------------------------------------------------

LABELS = (
    "Q: {}", "Q. {}", "Question: {}", "QUESTION: {}\nAnswer:", "Question: {} A:", "Problem 4: {}", "Task: {}",
    "## Question\n{}", "**Question:** {}", "User: {}", "Human: {}\n\nAssistant:", "<|user|>\n{}<|end|>", "7) {}",
    "(b) {}", "- {}", "Q3: {}", "My question: {}", "Prompt: {}\nResponse:", "Instruction: {}", "Exercise 12. {}",
)  # fmt: skip
ON_LINES = (
    "Please help me with the following.\n{}\nThank you!", "This was in our exam:\n\n{}\n\nHow would you start?",
    "{}\n\nShow all steps.", "Answer with a short sentence.\n{}", "Good morning,\n\n{}",
)  # fmt: skip
INLINE = (
    "Somebody asked me {} and I could not say.", "for homework we must say {} any ideas", "Next: {} Be brief.",
    "well {} that is all I need", "Could you tell me: {} (in one line)", "{} Think before you answer.",
)  # fmt: skip
QUOTED = (
    'The teacher read "{}" aloud.', "Explain the sentence '{}' to a child.", "Put “{}” into Spanish.", "> {}",
    "```text\n{}\n```", "What would you say to «{}»?",
)  # fmt: skip


class Stock(NamedTuple):
    """What leaks are made with."""

    words: list[str]
    chats: list[str]


class Planted(NamedTuple):
    """A text with an item of a benchmark."""

    set: str
    item: str
    kind: str
    text: str


def edited(rng: random.Random, text: str, share: float, words: list[str]) -> str:
    """Replace, drop, add or swap this share of a text's words."""
    pieces = re.split(r"(\s+)", text)
    places = [k for k, piece in enumerate(pieces) if piece.strip()]
    if len(places) < 3:
        return text
    for k in rng.sample(places, max(1, round(share * len(places)))):
        way = rng.random()
        if way < 0.65:
            pieces[k] = rng.choice(words)
        elif way < 0.8:
            pieces[k] = ""
        elif way < 0.9:
            pieces[k] = f"{pieces[k]} {rng.choice(words)}"
        elif k + 2 < len(pieces):
            pieces[k], pieces[k + 2] = pieces[k + 2], pieces[k]
    return "".join(pieces)


def misspelt(rng: random.Random, text: str) -> str:
    """Let two letters of every sixth to tenth word change places."""
    pieces = re.split(r"(\s+)", text)
    for k in [k for k, piece in enumerate(pieces) if len(piece) > 3][:: rng.choice((6, 8, 10))]:
        at = rng.randrange(1, len(pieces[k]) - 1)
        pieces[k] = pieces[k][:at] + pieces[k][at + 1] + pieces[k][at] + pieces[k][at + 2 :]
    return "".join(pieces)


def renumbered(rng: random.Random, text: str) -> str:
    """Change all numbers."""
    return re.sub(r"\d+", lambda match: str(int(match[0][:9]) + rng.randint(1, 9)), text)


def renamed(rng: random.Random, text: str, words: list[str]) -> str:
    """Replace each capitalised word within a sentence by another."""
    other: dict[str, str] = {}
    return re.sub(r"(?<=[a-z,] )[A-Z][a-z]{2,}", lambda m: other.setdefault(m[0], rng.choice(words).capitalize()), text)


def renamed_code(rng: random.Random, code: str, words: list[str]) -> str:
    """Give functions and their arguments other names."""
    names = re.findall(r"def (\w+)\(", code)
    for arguments in re.findall(r"def \w+\(([^)]*)\)", code):
        names += [name for name in re.findall(r"\w+", re.sub(r"\s*[:=][^,]*", "", arguments)) if name != "self"]
    for name in dict.fromkeys(names):
        code = re.sub(rf"\b{name}\b", rng.choice(words), code)
    return code


def leaks(rng: random.Random, stock: Stock) -> Iterator[Planted]:
    """Yield items of all shipped sets in all ways."""
    for name in SETS:
        items = [item for item in cards.items(cards.cards()[name], DATA / "benchmarks") if "question" in item.parts]
        for kind, make in WAYS.items():
            n = PER_KIND * (5 if kind in FEW else 1)
            for item in rng.sample(items, min(n, len(items))):
                if text := make(rng, item, stock):
                    yield Planted(name, item.id, kind, text)


def _question(item: Item) -> str:
    return "\n".join(item.parts["question"])


def _wrapped(rng: random.Random, text: str, stock: Stock) -> str:
    around = rng.choice((ON_LINES, LABELS, INLINE, ("{}",), ("{}",)))
    text = rng.choice(around).replace("{}", text)
    return _among_others(rng, text, stock) if rng.random() < 0.25 else text


def _among_others(rng: random.Random, text: str, stock: Stock) -> str:
    """Put a text between the paragraphs of a chat."""
    paragraphs = rng.choice(stock.chats).split("\n")
    paragraphs.insert(rng.randint(0, len(paragraphs)), text)
    return rng.choice(("\n", "\n\n")).join(paragraphs)


Way = Callable[[random.Random, Item, Stock], str]


def _within(templates: tuple[str, ...], flat: bool = False) -> Way:
    return lambda rng, item, _: rng.choice(templates).replace(
        "{}", " ".join(_question(item).split()) if flat else _question(item)
    )


def _edited(share: float) -> Way:
    return lambda rng, item, stock: _wrapped(rng, edited(rng, _question(item), share, stock.words), stock)


def _plain(rng: random.Random, item: Item, stock: Stock) -> str:
    text = re.sub(r"[.,;:!?'\"]", "", _question(item))
    return _wrapped(rng, rng.choice((text.upper(), text.lower())), stock)


def _numbers(rng: random.Random, item: Item, stock: Stock) -> str:
    text = _question(item)
    is_long = len(text.split()) >= 15 and len(re.findall(r"\d+", text)) >= 2
    return _wrapped(rng, renumbered(rng, text), stock) if is_long else ""


def _names(rng: random.Random, item: Item, stock: Stock) -> str:
    text = renumbered(rng, renamed(rng, _question(item), stock.words))
    return _wrapped(rng, text, stock) if len(text.split()) >= 25 else ""


def _options(rng: random.Random, item: Item, stock: Stock) -> str:
    if "choices" not in item.parts:
        return ""
    choices = rng.sample(item.parts["choices"], len(item.parts["choices"]))
    asked = (
        edited(rng, _question(item), rng.choice((0.01, 0.1)), stock.words) if rng.random() < 0.3 else _question(item)
    )
    return "\n".join([_wrapped(rng, asked, stock), *map("{}. {}".format, "ABCDEFGHIJ", choices)])


def _passage(share: float) -> Way:
    def make(rng: random.Random, item: Item, stock: Stock) -> str:
        if "passage" not in item.parts:
            return ""
        passage, label = "\n".join(item.parts["passage"]), rng.choice(("Question: ", "Q: ", ""))
        both = f"{passage}\n{label}{_question(item)}" if rng.random() < 0.7 else f"{_question(item)}\n\n{passage}"
        return edited(rng, both, share, stock.words) if share else both

    return make


def _solution(rng: random.Random, item: Item, stock: Stock) -> str:
    answer = max(item.parts.get("answer", ("",)), key=len)
    is_worked = len(answer.split()) >= 8
    return rng.choice(("{}", "Of course.\n{}", "```python\n{}\n```")).replace("{}", answer) if is_worked else ""


def _code(rng: random.Random, item: Item, stock: Stock) -> str:
    """Return code of an item with other names."""
    for text in (_question(item), *item.parts.get("answer", ())):
        if "def " in text and (code := renamed_code(rng, text, stock.words)) != text:
            return rng.choice(("{}", "Complete this:\n```python\n{}\n```", "{}\n")).replace("{}", code)
    return ""


WAYS: dict[str, Way] = {
    "alone": _within(("{}",)),
    "on a line": _within(ON_LINES),
    "behind a label": _within(LABELS),
    "behind a label, again": _within(LABELS),
    "in a line": _within(INLINE, flat=True),
    "quoted": _within(QUOTED, flat=True),
    "among other lines": lambda rng, item, stock: _among_others(rng, _question(item), stock),
    "case and signs": _plain,
    "edited 1 %": _edited(0.01),
    "edited 5 %": _edited(0.05),
    "edited 10 %": _edited(0.1),
    "edited 10 %, again": _edited(0.1),
    "edited 15 %": _edited(0.15),
    "edited 20 %": _edited(0.2),
    "misspelt": lambda rng, item, stock: _wrapped(rng, misspelt(rng, _question(item)), stock),
    "other numbers": _numbers,
    "other names and numbers": _names,
    "code with other names": _code,
    "choices in another order": _options,
    "with its passage": _passage(0),
    "with its passage, 5 %": _passage(0.05),
    "with its passage, 10 %": _passage(0.1),
    "solution alone": _solution,
}

FEW = {kind for kind, make in WAYS.items() if "passage" in kind or make in (_code, _solution, _options)}  # of few sets

# -- candidates ------------------------------------------------------------------------------------------------------


@dataclass
class Candidates:
    """Candidates of several messages."""

    ids: list[str] = field(default_factory=list)  # of the messages
    texts: list[np.ndarray] = field(default_factory=list)  # digests
    parts: list[np.ndarray] = field(default_factory=list)
    features: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Count(Check):
    """Count the grams of benchmarks in messages that are no copies of earlier ones."""

    name = "count"
    rules = ()

    def scan(self, batch: Batch) -> Result:
        keys, counts = GRAMS
        _, tokens, marks = words(batch.column("text"), batch.tokens, batch.marks)
        codes = np.where(marks & NUMBER > 0, np.uint8(0), coded(tokens.hashes))
        masked = leading(kernels.values_of(codes, N_GRAM), ordinary.KEPT)
        row = np.repeat(np.arange(len(batch)), np.diff(tokens.bounds))[: len(masked)]
        known = digests(batch.column("text")).tolist()
        is_new = np.array([not (text in SEEN or SEEN.add(text)) for text in known])
        inside = (np.arange(len(masked)) + N_GRAM <= tokens.bounds[row + 1]) & is_new[row]
        at = np.minimum(np.searchsorted(keys, masked), len(keys) - 1)
        ok = inside & (keys[at] == masked)
        pairs = np.unique(row[ok].astype(np.int64) * len(keys) + at[ok])
        np.add.at(counts, pairs % len(keys), 1)
        N_SEEN[0] += int(is_new.sum())
        return Result()


@dataclass(frozen=True)
class Collect(Check):
    """Collect candidates and their features."""

    name = "collect"
    rules = ()
    counted: int = 0

    def scan(self, batch: Batch) -> Result:
        refs = references.load(tuple(SETS), Path("none"))
        texts = HashedTexts(words(batch.column("text"), batch.tokens, batch.marks), refs, batch)
        columns, _, features = evidence(texts, scanned(texts, ~batch.is_context), self.counted)
        rows = columns["text"]
        ids = batch.column("message_id").to_pylist()
        FOUND.ids += [ids[row] for row in rows.tolist()]
        FOUND.texts.append(digests(batch.column("text"))[rows])
        FOUND.parts.append(columns["part"])
        FOUND.features.append(features)
        return Result()


GRAMS: tuple[np.ndarray, np.ndarray]
SEEN: set[int] = set()
N_SEEN = [0]
FOUND = Candidates()


def collected(paths: list[str], check: Check) -> Candidates:
    """Return the candidates in files."""
    global FOUND
    FOUND = Candidates()
    for path in paths:
        run(path, checks=[check], engine="serial")
    return FOUND


def chats() -> list[str]:
    """Return the files of ordinary chats."""
    found = [path for path in sorted((DATA / "pools").glob("*.gz")) if "benchmark_items" not in path.name]
    found += [path for path in sorted((DATA / "formats").iterdir()) if path.is_file()]
    found += [DATA / "oasst/oasst1_en_validation.messages.jsonl.gz", DATA / "oasst/oasst2_all_subset.trees.jsonl.gz"]
    return [str(path) for path in [*found, DATA / "lid/oasst_labelled.jsonl.gz", DATA / "lid/audit.jsonl.gz"]]


def written(folder: Path, name: str, texts: list[str]) -> str:
    """Write texts as documents."""
    path = folder / f"{name}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"id": str(k), "text": text}) + "\n" for k, text in enumerate(texts))
    return str(path)


# -- what is known of them -------------------------------------------------------------------------------------------

Columns = np.ndarray


class Known(NamedTuple):
    """Candidates of which it is known whether the item is in the message."""

    x: Columns  # (n, len(FEATURES))
    y: Columns  # whether it is
    fold: Columns  # of the benchmark's family
    half: Columns  # of the messages
    message: Columns  # number in its group
    group: str

    @property
    def weights(self) -> Columns:
        """Weights by which each message counts alike in its group, however many candidates it has."""
        _, number, counts = np.unique(self.message, return_inverse=True, return_counts=True)
        return WEIGHTS.get(self.group, 1) / counts[number]

    def where(self, chosen: Columns) -> "Known":
        return Known(*(each[chosen] for each in self[:5]), self.group)


def folds() -> np.ndarray:
    """Return the fold of each set."""
    refs = references.load(tuple(SETS), Path("none"))
    families = [FAMILIES.get(name, name) for name in refs.names]
    order = np.random.default_rng(SEED).permutation(len(set(families)))
    number = {family: int(order[k]) % FOLDS for k, family in enumerate(sorted(set(families)))}
    return np.array([number[family] for family in families])


def known_leaks(planted: list[Planted], found: Candidates) -> tuple[Known, Known]:
    """Return the planted items, and other items of the same benchmarks."""
    refs = references.load(tuple(SETS), Path("none"))
    part, x = np.concatenate(found.parts), np.concatenate(found.features)
    message = np.array([int(each) for each in found.ids])
    number = {(refs.names[refs.card_of_item[k]], each): k for k, each in enumerate(refs.ids)}
    y, is_other = np.zeros((2, len(part)), dtype=bool)
    for k, (row, p) in enumerate(zip(message.tolist(), part.tolist(), strict=True)):
        item = number[planted[row].set, planted[row].item]
        own = refs.all_parts_of(item)
        y[k] = p in own or (refs.columns.whole[p] == refs.columns.whole[own]).any()
        is_other[k] = not y[k] and refs.names[refs.card_of_part[p]] == planted[row].set
    is_other &= x[:, FEATURES.index("covered")] < 0.9  # more is the same item once more
    fold, half = folds()[refs.card_of_part[part]], message % 2
    known = Known(x, y, fold, half, message, "leaks")
    return known.where(y), known.where(is_other)._replace(group="other items")


def known_quiet(found: Candidates, group: str, *, is_new: bool = False) -> tuple[Known, Columns, int]:
    """Return the candidates in texts without leaks.

    Also marks those of texts in which a short item stands word for word (anybody may ask why the sky is blue), and
    counts the texts that were left out, because they contain a longer one.
    """
    refs = references.load(tuple(SETS), Path("none"))
    part, x, text = (np.concatenate(each) for each in (found.parts, found.features, found.texts))
    column = {name: x[:, k] for k, name in enumerate(FEATURES)}
    long = (refs.n_tokens[part] >= 8) & (column["nats"] >= np.log1p(18))
    verbatim = (column["covered"] > 0.999) & (column["run_share"] >= 0.999) & (refs.columns.kinds[part] == QUESTION)
    leaked = np.append(np.unique(text[verbatim & long]), np.array(READ, dtype=np.uint64))
    if is_new:
        leaked = leaked[:0]
    _, message = np.unique(text, return_inverse=True)
    _, first = np.unique(np.stack([message, part]), axis=1, return_index=True)  # each text once
    half = (text * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(63)).astype(np.int64)
    known = Known(x, np.zeros(len(x), dtype=bool), folds()[refs.card_of_part[part]], half, message, group)
    chosen = np.zeros(len(x), dtype=bool)
    chosen[first] = True
    is_kept = chosen & ~np.isin(text, leaked)
    return known.where(is_kept), np.isin(message, message[verbatim & ~long])[is_kept], len(np.intersect1d(leaked, text))


# -- models ----------------------------------------------------------------------------------------------------------


def fitted(known: list[Known]) -> HistGradientBoostingClassifier:
    """Return monotone boosted trees."""
    signs = [1 if name in UP else -1 if name in DOWN else 0 for name in FEATURES]
    trees = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.08, max_leaf_nodes=10, min_samples_leaf=30, l2_regularization=2.0,
        monotonic_cst=signs, random_state=SEED,
    )  # fmt: skip
    x, y, weights = (
        np.concatenate(some) for some in zip(*((each.x, each.y, each.weights) for each in known), strict=True)
    )
    return trees.fit(x, y, sample_weight=weights)


def unseen(known: list[Known]) -> list[np.ndarray]:
    """Return the probability of each candidate, by models that saw neither its benchmark nor half of the messages."""
    scores = [np.zeros(len(each.y)) for each in known]
    for fold in range(FOLDS):
        for half in (0, 1):
            parts = [each.where((each.fold != fold) & (each.half != half)) for each in known]
            trees = fitted(parts)
            for score, each in zip(scores, known, strict=True):
                here = (each.fold == fold) & (each.half == half)
                if here.any():
                    score[here] = trees.predict_proba(each.x[here])[:, 1]
    return scores


def without_kinds(planted: list[Planted], known: list[Known], n_chats: int) -> None:
    """Print recall on kinds of leaks that were not seen, nor this half of the messages: leave one kind out."""
    true, *others, quiet, asked = known
    group = np.array([re.sub(r" \d+ %|, (again|\d+ %)", "", each.kind) for each in planted])
    for kind in sorted(set(group)):
        own = group[true.message] == kind
        of_leak, of_chat = np.zeros(len(true.y)), np.zeros(len(quiet.y))
        for half in (0, 1):
            trees = fitted(
                [true.where(~own & (true.half != half)), *(e.where(e.half != half) for e in (*others, quiet, asked))]
            )
            for score, each in ((of_leak, true), (of_chat, quiet)):
                score[each.half == half] = trees.predict_proba(each.x[each.half == half])[:, 1]
        best = of_messages(true.where(own), of_leak[own], len(planted))[group == kind]
        chats = np.sort(of_messages(quiet, of_chat, quiet.message.max() + 1))[::-1]
        shares = "".join(f"{(best > chats[int(rate * 1e-6 * n_chats)]).mean():8.3f}" for rate in RATES)
        print(f"without {kind:32}{len(best):6}{'':8}{shares}")


def of_messages(known: Known, score: np.ndarray, n: int) -> np.ndarray:
    """Return the score of the best candidate of each of n messages."""
    best = np.zeros(n)
    np.maximum.at(best, known.message, score)
    return best


# -- what it prints --------------------------------------------------------------------------------------------------


def main() -> None:
    """Fit, measure, print."""
    rng = random.Random(SEED)
    if "--write" in sys.argv:
        count()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gzip.open(DATA / "pools/messages.en.jsonl.gz", "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        words = re.findall(r"[a-z]{3,10}", "\n".join(texts[:20_000]))
        planted = list(leaks(rng, Stock(words, [text for text in texts if len(text) > 300])))
        found = collected([written(folder, "leaks", [each.text for each in planted])], Collect())
        true, others = known_leaks(planted, found)
        asked = [_question(item) for each in NOT_SHIPPED for item in _sample(rng, each)]
        asked += [f"{passage}\n{rng.choice(asked[:PER_SET])}" for passage in passages(rng)]
        hard, *_ = known_quiet(collected([written(folder, "asked", asked)], Collect()), "not shipped")
        new = list(templated(SEED, 200))
        tasks, *_ = known_quiet(collected([written(folder, "tasks", new)], Collect()), "tasks", is_new=True)
        quiet, is_asked, n_leaked = known_quiet(collected(chats(), Collect(counted=1)), "chats")
    n_chats = ordinary.ordinary().n_chats
    known = [true, others, hard, tasks, quiet.where(~is_asked), quiet.where(is_asked)._replace(group="anybody")]
    for each in known:
        print(f"{each.group}: {len(each.y):,} candidates in {len(np.unique(each.message)):,} messages")
    print(f"{n_chats:,} chats, of which {n_leaked} contain an item and are left out")
    scores = unseen(known)
    report(planted, known, scores, n_chats - n_leaked)
    without_kinds(planted, known, n_chats - n_leaked)
    if "--write" in sys.argv:
        COPIED.write_bytes(msgspec.json.encode(exported(fitted(known), FEATURES)) + b"\n")


def _sample(rng: random.Random, name: str) -> list[Item]:
    items = list(cards.items(cards.cards()[name], DATA / "benchmarks"))
    return rng.sample(items, min(PER_SET, len(items)))


def passages(rng: random.Random) -> Iterator[str]:
    """Yield passages of shipped sets."""
    for name in SETS:
        items = [item for item in cards.items(cards.cards()[name], DATA / "benchmarks") if "passage" in item.parts]
        for item in rng.sample(items, min(10 * PER_KIND, len(items))):
            yield "\n".join(item.parts["passage"])


def count() -> None:
    """Count in how many chats each gram of the benchmarks stands, and write it."""
    global GRAMS
    sought = references.load(tuple(SETS), Path("none")).sought
    of = np.repeat(np.arange(len(sought.spans) - 1), np.diff(sought.spans))
    inside = np.arange(len(of)) + N_GRAM <= sought.spans[of + 1]
    codes = np.where(sought.weights >= A_NUMBER, np.uint8(0), sought.codes)
    keys = np.unique(leading(kernels.values_of(codes, N_GRAM), ordinary.KEPT)[inside[: len(of) - N_GRAM + 1]])
    GRAMS = keys, np.zeros(len(keys), dtype=np.int64)
    collected(chats(), Count())
    stands = GRAMS[1] > 0
    counts = np.minimum(GRAMS[1][stands], 0xFFFF).astype(np.uint16)
    ordinary.save(ordinary.Ordinary(keys[stands], counts, N_SEEN[0]))


def report(planted: list[Planted], known: list[Known], scores: list[np.ndarray], n_chats: int) -> None:
    """Print recall on benchmarks that were not seen, at several rates of false alarms, and the calibration."""
    true, _, hard, tasks, quiet, anybody = known
    of_leaks = of_messages(true, scores[0], len(planted))
    of_chats = np.sort(of_messages(quiet, scores[4], quiet.message.max() + 1))[::-1]
    limits = {rate: float(of_chats[int(rate * 1e-6 * n_chats)]) for rate in RATES}
    asked = of_messages(anybody, scores[5], anybody.message.max() + 1)
    print("short items word for word:", len(np.unique(anybody.message)), "texts, above the limits", end=" ")
    print({rate: int((asked > limit).sum()) for rate, limit in limits.items()})
    print("limits", {rate: round(limit, 4) for rate, limit in limits.items()})
    default = BenchmarkLeakage().min_probability
    n_false = int((of_chats >= default).sum())
    low, high = wilson(n_false, n_chats)
    print(f"at {default}: recall {(of_leaks >= default).mean():.3f},", end=" ")
    print(f"{n_false} of {n_chats:,} chats, {1e6 * low:.0f} to {1e6 * high:.0f} per million")
    kinds = np.array([each.kind.removesuffix(", again") for each in planted])
    n_tokens = np.array([len(each.text.split()) for each in planted])
    has_candidate = np.isin(np.arange(len(planted)), true.message)

    def row(name: str, chosen: np.ndarray) -> None:
        if chosen.sum() >= 8:
            shares = "".join(f"{(of_leaks[chosen] > limit).mean():8.3f}" for limit in limits.values())
            print(f"{name:40}{chosen.sum():6}{has_candidate[chosen].mean():8.3f}{shares}")

    print(f"{'':40}{'n':>6}{'cand.':>8}" + "".join(f"{rate:>8}" for rate in RATES))
    for kind in sorted(set(kinds)):
        row(kind, kinds == kind)
    for low, high in ((1, 11), (12, 19), (20, 29), (30, 59), (60, 10**6)):
        for kind in ("edited 5 %", "edited 10 %", "edited 15 %"):
            row(f"{kind}, {low} to {high} words", (kinds == kind) & (n_tokens >= low) & (n_tokens <= high))
    row("all", np.ones(len(kinds), dtype=bool))
    for each, score in ((hard, scores[2]), (tasks, scores[3])):
        best = of_messages(each, score, each.message.max() + 1)
        print(each.group, len(best), {rate: int((best > limit).sum()) for rate, limit in limits.items()})
    # New items of a template are like its old ones: to models that saw no such task, all look leaked.
    p, y = (np.concatenate([each for k, each in enumerate(some) if k != 3]) for some in (scores, [e.y for e in known]))
    for low, high in pairwise((0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.01)):
        here = (p >= low) & (p < high)
        print(f"said {low:.2f} to {high:.2f}: {here.sum():7} mean {p[here].mean():.4f} true {y[here].mean():.4f}")


if __name__ == "__main__":
    main()
