"""Questions and answers of benchmarks in the data, word for word or edited, told with the item.

A message is held against one-way fingerprints of all reference sets at once (base/references.py, kernels.scan): whole
messages, lines and sentences by one hash, all else by 5-grams in which numbers count as one word. What lies under
common grams is weighed by inverse document frequency, so that stems ("Which of the following ...") and boilerplate
tell nothing. Where a question tells too little by itself, its choices must stand behind it.

Beside this verdict the record keeps what published rules say of the same texts, so that a paper can cite any of them:
Brown et al. (2020), Language Models are Few-Shot Learners, appendix C: any 13-gram. Chowdhery et al. (2022), PaLM,
section 8: 70 % of the 8-grams. Touvron et al. (2023), Llama 2, appendix A.6: 80 % of the tokens in spans of more than
ten (ours: ten or more, none of them skipped). Lambert et al. (2024), Tulu 3, section 3.2: half of the tokens in
8-grams.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..benchmarks_refs.cards import Card, items
from ..benchmarks_refs.fingerprints import (
    FULL,
    MIN_NUMBERS,
    N_GRAM,
    STEP,
    WHOLE,
    as_written,
    kept_of,
    leading,
    shortened,
)
from .base import kernels, references
from .base.check import ALL, Check, Method, Result, Stage, Table
from .base.findings import ERROR, FINDINGS, NOTE, WARNING, Rule, Spans, claim, clipped, cover, token_spans
from .base.kernels.layout import ALL_NUMBERS, BY_LINE, BY_SENTENCE, BY_TEXT, HIT, NUMBER
from .base.messages import Batch, BoolArray, IntArray
from .base.references import ANSWER, CHOICES, PASSAGE, QUESTION, References, number_keys
from .base.text import HashArray, grams

NAME = "benchmark_leakage"

QUESTION_AND_ANSWER = Rule(
    f"{NAME}/question_and_answer",
    "A benchmark's question stands here, and its answer with it",
    ERROR,
    "Take it out of training data, or leave the item out of the evaluation and say so: a model learns the answer.",
)
QUESTION_ALONE = Rule(
    f"{NAME}/question",
    "A benchmark's question stands here",
    WARNING,
    "Take it out of training data with the replies below it, or leave the item out of the evaluation and say so.",
)
ANSWER_ALONE = Rule(
    f"{NAME}/answer",
    "A benchmark's worked answer stands here",
    WARNING,
    "Look for the question it answers; take both out, or leave the item out of the evaluation.",
)
PASSAGE_ALONE = Rule(
    f"{NAME}/passage",
    "A text that a benchmark asks about stands here",
    NOTE,
    "Most of these were public before. Nothing to do, unless the benchmark measures what a model has not read.",
)
REPHRASED = Rule(
    f"{NAME}/rephrased",
    "The words and the numbers of a benchmark's question stand here in another order",
    NOTE,
    "Read both: it may be the question in other words, or another question about the same things.",
)
TRAIN_ITEM = Rule(
    f"{NAME}/train_item",
    "An item of a benchmark's training split stands here",
    NOTE,
    "Such items are there to be trained on. Say so where results on this benchmark are told.",
)
BELOW_LEAK = Rule(
    f"{NAME}/below_leak",
    "A message in a thread under a benchmark's question",
    NOTE,
    "Where the question is taken out, take its thread out with it: replies give the answer away.",
)

METHOD = Method(
    sure="Of 1,000 planted leaks it finds 998 and of 500 hard negatives it flags none; of 161,443 clean messages it "
    "flags 4 wrongly.",
    how=(
        "Every message is held against one-way fingerprints of all reference sets at once. They hold hashes and no "
        "text.",
        "The message, its lines and its sentences are looked up whole. All else is looked up by 5-grams in which all "
        "numbers count as one word.",
        "Of each part of an item that comes up, all grams are looked up in the message. Its words are weighed by how "
        "rare they are, so that stems and boilerplate tell nothing.",
        "A question is told where enough of its weight stands in the message. Where it tells too little by itself, its "
        "choices must stand behind it.",
        "Answers are looked for behind the question and in the replies to it. What published rules say of the same "
        "texts is counted beside.",
    ),
    blind=(
        "Benchmarks without a fingerprint are not looked for. `chataudit refs` lists those that are known and makes "
        "more.",
        "Misses are mostly questions of 20 to 30 words of which three or four were replaced.",
        "A question in other words is seen only by its numbers, if it has two or more, and is then a note. One that "
        "was translated is not seen.",
        'A question that somebody may well have asked by himself ("Why is the sky blue?") looks like a leak.',
        "A short answer that stands alone is not told: it may be a saying, or a choice.",
    ),
    measured=(
        "1,000 planted leaks and 500 hard negatives among 22,000 real texts: 998 found, no hard negative flagged, and "
        "one of the other texts.",
        "Its thresholds were chosen with these and three planted releases in view (recall 0.98, 0.99 and 1.00), so "
        "they are no independent measure.",
        "161,443 clean messages in 25 languages: 24 flagged. 4 are wrong; 20 are a benchmark's question word for word "
        "that somebody may well have asked by himself.",
        "1,200 messages of OASST1, English validation: all 110 prompts of AlpacaEval found, and no other finding above "
        "a note.",
        "GSM8K's training questions against its test questions: five findings, all of them the test question with "
        "other numbers or objects.",
    ),
    sources=(
        "Schleimer, Wilkerson and Aiken (2003), Winnowing: local algorithms for document fingerprinting.",
        "Brown et al. (2020), Language models are few-shot learners (GPT-3), appendix C: any 13-gram.",
        "Chowdhery et al. (2022), PaLM: scaling language modeling with Pathways, section 8: 70% of the 8-grams.",
        "Touvron et al. (2023), Llama 2: open foundation and fine-tuned chat models, appendix A.6: 80% of the tokens "
        "in runs of ten.",
        "Lambert et al. (2024), Tulu 3: pushing frontiers in open language model post-training, section 3.2: half of "
        "the tokens in 8-grams.",
    ),
)

NO_WORDS = "the text has no words"

# What these lead to, measured: docs/leakage.md.
MIN_WORDS = 6  # different ones, of a question that was edited
MIN_WORDS_MASKED = 15  # of one that is told by its words alone, its numbers changed
MIN_REACH = 0.6  # of a question's length, from the first words found to the last
MIN_RUN = 5  # tokens in a row
MIN_RUN_INFORMATION = 0.5  # of min_information, that the longest run tells: in Thai five tokens are a word
# Of min_exact, by tokens of a question: of a long one, it is the words found that count. And of an answer or a passage.
TOKENS, ASKED, OF_TEXT = (10, 20, 30, 100), (1.6, 1.1, 1.0, 0.6), 1.25
EDITED = 2.0  # of min_information, for a question that was edited, or is of 10 tokens or fewer among other words
# Of min_information, where a whole sentence, line or message is a question; and of a line of 10 tokens or more.
MIN_BLOCK, OF_LONG_BLOCK = {BY_SENTENCE: 1.2, BY_LINE: 1.0, BY_TEXT: 0.45}, 0.45
MIN_TOKENS_OF_BLOCK = 4
WHOLLY = 0.999  # of a part, where rounding is no edit
MIN_CHOICES = 0.75  # of the choices, where they must stand behind a question
MIN_ANSWER = 3.5  # nats, of an answer behind its question: a yes tells nothing
MIN_TEXT = 2.0  # of min_information, for an answer or a passage that stands alone
MIN_WORDS_OF_TEXT = 25  # of these; a shorter answer is a saying, or a choice
TRAINED_ON = ("train", "dev")
MAX_OWNERS = 64  # items with one question whose choices are looked for
MAX_FANOUT = 32  # questions with the same numbers

PUBLISHED = ("GPT-3", "PaLM", "Llama 2", "Tulu 3")
RULES = ("ours", *PUBLISHED)
SEEN = pa.schema(
    [
        ("benchmark", pa.string()),  # null in one row of each batch, so that the last stage always runs
        ("item", pa.string()),
        *((name, pa.bool_()) for name in RULES),
    ]
)


class _Answer(NamedTuple):
    """Where the answer of an item stands."""

    row: int
    first: int  # tokens
    end: int


@dataclass(frozen=True)
class _Hit:
    """A part of an item in a message."""

    row: int
    part: int
    items: tuple[int, ...]  # that have this part, and whose choices stand here where that matters
    first: int  # tokens of the message
    end: int
    exact: float  # share of the part, by weight
    masked: float  # the same with all numbers made one
    information: float  # nats
    kind: str = ""  # of questions
    choices: str = ""  # `3 of 4`
    answer: _Answer | None = None

    @property
    def rows(self) -> tuple[int, ...]:
        """The message, and the one that answers it."""
        return (self.row,) if self.answer is None else (self.row, self.answer.row)


@dataclass(frozen=True)
class BenchmarkLeakage(Check):
    """Flag messages that hold items of benchmarks."""

    name: ClassVar = NAME
    rules: ClassVar = (
        *(QUESTION_AND_ANSWER, QUESTION_ALONE, ANSWER_ALONE, PASSAGE_ALONE, REPHRASED, TRAIN_ITEM, BELOW_LEAK),
    )
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "benchmark": "reference set that the item is of",
        "split": "split of the benchmark that the item is of",
        "item": "id of the item within its benchmark",
        "kind": "what was done to the question",
        "coverage": "share of the item's words, by weight, that stand here",
        "idf": "how much the words that were found tell, in nats",
        "choices": "how many of the item's choices stand behind the question",
        "below": "how many messages stand in threads under it",
        "home": "where the benchmark is published",
        "rules": "published rules that would flag it too",
        "prompt": "id of the message above that holds the question",
    }

    references: tuple[str, ...] = ()  # names, as `chataudit refs list` tells them; empty: all that are built
    folder: str = "chataudit-references"  # with fingerprints of one's own, beside those among the user's data
    originals: str = ""  # folder of original files, as `chataudit refs build` takes it: findings then show the item too
    min_exact: float = 0.6  # of a question, by weight, in 5-grams of the message
    min_masked: float = 0.8  # the same where all numbers count as one word
    min_information: float = 18.0  # nats that the words found are worth
    min_numbers_shared: float = 0.75  # of the numbers of both texts, for a rephrased question (Jaccard)
    min_words_shared: float = 0.5  # of its words by weight

    def __post_init__(self) -> None:
        for name in ("min_exact", "min_masked", "min_numbers_shared", "min_words_shared"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not in (0, 1]")
        if self.min_information < 0:
            raise ValueError(f"min_information: {self.min_information} is below 0")
        if self.originals and not Path(self.originals).is_dir():
            raise ValueError(f"originals: {self.originals!r} is no folder; expected that of the original files")
        try:
            references.find(self.references, Path(self.folder))
        except LookupError as error:
            raise ValueError(f"references: {error}") from None

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.count, by=ALL)

    def load(self) -> None:
        self._references()

    def release(self) -> None:
        references.release()

    def _references(self) -> References:
        return references.load(self.references, Path(self.folder))

    # -- first stage -------------------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Messages to the items that stand in them."""
        refs, tokens = self._references(), batch.tokens
        judged = ~batch.is_context & (np.diff(tokens.bounds) > 0)
        hits = kernels.scan(tokens.hashes, tokens.bounds, batch.marks, N_GRAM, refs.sought)
        columns = dict(zip(HIT, hits[judged[hits[:, 0]]].T, strict=True))
        texts = _Texts(batch, refs)
        found = [hit for group in _by_row(self._likely(texts, columns)) for hit in _best(group, refs)]
        holders: dict[int, set[int]] = {}  # messages by part
        for hit in found:
            holders.setdefault(hit.part, set()).add(hit.row)
        found = [_with_answer(hit, texts) for hit in found if not _restates(hit, batch, holders[hit.part])]
        # Beside its question an answer is told with that, or is one of its choices.
        asked = {
            (row, item) for hit in found if refs.kinds[hit.part] == QUESTION for row in hit.rows for item in hit.items
        }
        found = [
            hit for hit in found if refs.kinds[hit.part] != ANSWER or asked.isdisjoint((hit.row, i) for i in hit.items)
        ]
        judged[[hit.row for hit in found]] = False  # what is told already
        found += self._rephrased(texts, judged)
        rows = np.flatnonzero(~batch.is_context)
        outcomes = np.where(np.diff(tokens.bounds)[rows] > 0, "judged", NO_WORDS)
        said = _published(refs, columns)
        return Result(
            self._beside(_told(texts, found, said)),
            cover(batch.judged, pa.array(outcomes, pa.string())),
            _seen(refs, said, found),
        )

    def _likely(self, texts: "_Texts", columns: dict[str, IntArray]) -> Iterator[_Hit]:
        """What is enough of a part to be told, the choices of weak questions looked for."""
        refs = texts.refs
        part, whole = columns["part"], columns["whole"]
        n, words, is_question = refs.n_tokens[part], refs.n_words[part], refs.kinds[part] == QUESTION
        exact = columns["exact_weight"] / np.maximum(1, refs.totals[part])
        masked = columns["masked_weight"] / np.maximum(1, refs.word_totals[part])
        # A stem that many questions begin with, or a quotation from a long one, covers a part of it, and all of that.
        reach = (columns["end"] - columns["first"]) / np.maximum(1, n)
        run = np.maximum(np.minimum(MIN_RUN, 0.4 * n), np.minimum(0.2 * n, 9))
        tells = columns["exact_run"] * refs.totals[part] * STEP >= MIN_RUN_INFORMATION * self.min_information * n
        is_near = (columns["exact_run"] >= run) & tells & (exact >= self.min_exact * np.interp(n, TOKENS, ASKED))
        is_near &= (words >= MIN_WORDS) & (reach >= MIN_REACH)
        is_text = (exact >= self.min_exact * OF_TEXT) & (words >= MIN_WORDS_OF_TEXT)
        is_near = np.where(is_question, is_near, is_text)
        # Formulas are alike once their numbers are gone: some words must stand in a row as they are.
        by_words = is_question & (masked >= self.min_masked) & (words >= MIN_WORDS_MASKED)
        by_words &= (reach >= MIN_REACH) & (columns["exact_run"] >= MIN_RUN)
        information = np.where(is_near, columns["exact_weight"], columns["masked_weight"]) * STEP
        is_near |= by_words
        of_question = np.where(exact > WHOLLY, np.interp(n, (10, 20), (EDITED, 1)), EDITED)
        needed = np.where(is_question, of_question, MIN_TEXT)
        needed[~is_near] = np.inf
        for kind, share in MIN_BLOCK.items():
            here = (whole == kind) & (n >= MIN_TOKENS_OF_BLOCK)
            enough = np.where((n >= 10) & (kind >= BY_LINE), OF_LONG_BLOCK, share)
            needed[here] = np.minimum(needed, enough)[here]
            information[here] = refs.totals[part[here]] * STEP
        needed *= self.min_information
        is_told = information >= needed
        is_asked = is_question & (is_near | ((whole > 0) & (n >= MIN_TOKENS_OF_BLOCK)))
        for k in np.flatnonzero(is_told | (is_asked & refs.has_choices[part])).tolist():
            items = refs.items_of(int(part[k]))
            hit = _Hit(
                int(columns["text"][k]),
                int(part[k]),
                tuple(items.tolist()),
                int(columns["first"][k]),
                int(columns["end"][k]),
                float(exact[k]),
                float(masked[k]),
                float(information[k]),
            )
            if not is_question[k]:
                yield hit
                continue
            choices = _choices(hit, texts) if refs.has_choices[part[k]] else None
            if choices:
                if is_told[k] or hit.information + choices.worth >= self.min_information:
                    yield _with_choices(hit, choices, texts)
            # Without them, a question of several items is a stem.
            elif is_told[k] and (len(items) == 1 or hit.information >= EDITED * self.min_information):
                yield replace(hit, kind=_kind(hit, texts))

    def _rephrased(self, texts: "_Texts", judged: BoolArray) -> Iterator[_Hit]:
        """Questions whose numbers and words stand in a message, in any order."""
        refs, bags = texts.refs, texts.refs.bags
        rows, candidates, shared, totals = _same_numbers(texts, judged)
        shares = shared / np.maximum(1, totals)
        near = np.flatnonzero((shared * STEP >= self.min_information) & (shares >= self.min_words_shared))
        best: dict[int, tuple[float, int]] = {}  # share and part, by row
        for row, bag, share in zip(rows[near].tolist(), candidates[near].tolist(), shares[near].tolist(), strict=True):
            if row in best and share < best[row][0]:
                continue
            here = slice(bags.limits[bag], bags.limits[bag + 1])
            theirs = Counter(bags.words[here][bags.weights[here] == 0].tolist())
            ours = Counter(texts.short(row)[texts.is_number(row)].tolist())
            if (theirs & ours).total() >= self.min_numbers_shared * (theirs | ours).total():
                best[row] = (share, int(bags.parts[bag]))
        for row, (share, part) in best.items():
            items = tuple(refs.items_of(part).tolist())
            yield _Hit(row, part, items, 0, len(texts.short(row)), share, share, 0.0, "rephrased")

    def _beside(self, findings: pa.Table) -> pa.Table:
        """The findings with the item's own question as a last span, where its original file is at hand."""
        if not (self.originals and findings.num_rows):
            return findings
        refs = self._references()
        spans = findings["spans"].to_pylist()
        for own, facets in zip(spans, map(dict, findings["facets"].to_pylist()), strict=True):
            if "item" in facets:
                card = refs.cards[refs.names.index(facets["benchmark"])]
                number, text = _questions(card, Path(self.originals)).get(facets["item"], (0, ""))
                place = {"source": card.title, "line": number, "id": facets["item"], "start": 0, "end": len(text)}
                own += [{**place, "before": "", "quote": clipped(text), "after": ""}] if text else []
        column = pa.array(spans, FINDINGS.field("spans").type)
        return findings.set_column(FINDINGS.get_field_index("spans"), FINDINGS.field("spans"), column)

    # -- second stage ------------------------------------------------------------------------------------------------

    def count(self, rows: pa.Table) -> Result:
        """All messages: which items of each benchmark are touched, by our rule and by published ones."""
        refs = self._references()
        items: dict[tuple[str, str], list[int]] = {}  # messages by rule
        flags = zip(*(rows[name].to_pylist() for name in SEEN.names), strict=True)
        for benchmark, item, *said in flags:
            if benchmark is not None:
                counts = items.setdefault((benchmark, item), [0] * len(RULES))
                for k, flag in enumerate(said):
                    counts[k] += flag
        touched = {name: [0] * len(RULES) for name in refs.names}  # items by rule
        for (benchmark, _), counts in items.items():
            for k, n in enumerate(counts):
                touched[benchmark][k] += n > 0
        total = int(refs.n_items.sum())
        return Result(
            notes=(f"held against {total:,} items of {len(refs.names)} reference sets",),
            tables=(
                Table(
                    "Items touched, by benchmark",
                    "Items that stand in the data, by this check and by the rules of GPT-3 (a 13-gram), PaLM (70% of "
                    "8-grams), Llama 2 (80% in runs of ten) and Tulu 3 (half in 8-grams).",
                    ("benchmark", "split", "items", "touched", "share", *PUBLISHED),
                    tuple(
                        (name, card.split, int(n), touched[name][0], f"{touched[name][0] / n:.2%}", *touched[name][1:])
                        for name, card, n in sorted(
                            zip(refs.names, refs.cards, refs.n_items, strict=True),
                            key=lambda each: [-count for count in touched[each[0]]],
                        )
                    ),
                    bars=("benchmark", "touched", "items"),
                ),
                Table(
                    "Touched items",
                    "What an evaluation should leave out, or tell apart.",
                    ("benchmark", "item", "messages"),
                    tuple((*key, counts[0]) for key, counts in sorted(items.items()) if counts[0]),
                ),
            ),
        )


@lru_cache(maxsize=8)
def _questions(card: Card, folder: Path) -> dict[str, tuple[int, str]]:
    """Number and question of each item, by id; none where the files are not there."""
    try:
        return {item.id: (k, "\n".join(item.parts["question"])) for k, item in enumerate(items(card, folder), 1)}
    except LookupError:
        return {}


class _Texts:
    """The messages of a batch, as hashes."""

    def __init__(self, batch: Batch, refs: References) -> None:
        self.batch, self.refs = batch, refs
        self._grams: dict[int, HashArray] = {}

    def tokens(self, row: int) -> HashArray:
        bounds = self.batch.tokens.bounds
        return self.batch.tokens.hashes[bounds[row] : bounds[row + 1]]

    def is_number(self, row: int) -> BoolArray:
        bounds = self.batch.tokens.bounds
        return self.batch.marks[bounds[row] : bounds[row + 1]] & NUMBER > 0

    def short(self, row: int) -> npt.NDArray[np.uint32]:
        """The tokens as bags hold them."""
        return shortened(self.tokens(row))

    def grams(self, row: int) -> HashArray:
        """The grams as fingerprints hold them."""
        if row not in self._grams:
            tokens = self.tokens(row)
            masked = grams(np.where(self.is_number(row), np.uint64(ALL_NUMBERS), tokens), N_GRAM)
            self._grams[row] = kept_of(masked, grams(tokens, N_GRAM))
        return self._grams[row]

    def place(self, part: int, row: int, first: int, end: int) -> tuple[int, int] | None:
        """Where a part stands among the tokens [first, end) of a message; more than half of its grams will do."""
        n, own = int(self.refs.n_tokens[part]), self.refs.grams_of(part)
        if not n:
            return None
        if not len(own):
            here = leading(grams(self.tokens(row)[first:end], n), WHOLE)
            at = np.flatnonzero(here == self.refs.whole[part])
            return (first + int(at[0]), first + int(at[0]) + n) if at.size else None
        here = self.grams(row)[first : max(first, end - N_GRAM + 1)]
        own = np.sort(own)
        is_own = own[np.minimum(np.searchsorted(own, here), len(own) - 1)] == here
        if 2 * len(set(here[is_own].tolist())) <= len(set(own.tolist())):
            return None
        at = np.flatnonzero(is_own)
        return first + int(at[0]), first + int(at[-1]) + N_GRAM


def _restates(hit: _Hit, batch: Batch, holders: set[int]) -> bool:
    """Whether a message above holds the same question: then this is no leak of its own, but hangs below one."""
    if hit.exact > WHOLLY or len(holders) == 1:
        return False
    row = int(batch.parent[hit.row])
    for _ in range(int(batch.depth[hit.row])):
        if row in holders:
            return True
        row = int(batch.parent[row])
    return False


def _by_row(hits: Iterator[_Hit]) -> Iterator[list[_Hit]]:
    group: list[_Hit] = []
    for hit in hits:
        if group and group[-1].row != hit.row:
            yield group
            group = []
        group.append(hit)
    if group:
        yield group


def _best(group: list[_Hit], refs: References) -> list[_Hit]:
    """Of the hits of one message those that no better one explains: where two overlap, that of more words."""
    kept: list[_Hit] = []
    for hit in sorted(group, key=lambda h: (-h.exact * h.information, -h.exact, h.part)):
        better = [
            other
            for other in kept
            if refs.kinds[other.part] == refs.kinds[hit.part]
            and 2 * (min(hit.end, other.end) - max(hit.first, other.first)) > hit.end - hit.first
        ]
        # A copy of another item stands for itself; of one benchmark, what lies in a longer item does not.
        same_set = [other for other in better if refs.card_of_part[other.part] == refs.card_of_part[hit.part]]
        if not better or (hit.exact > WHOLLY and not same_set):
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.first, h.part))


class _Choices(NamedTuple):
    """Choices that stand behind a question."""

    items: tuple[int, ...]  # of which these are the choices
    told: str  # `3 of 4`
    worth: float  # nats
    end: int  # token behind the last
    is_reordered: bool


def _choices(hit: _Hit, texts: _Texts) -> _Choices | None:
    """The choices behind a question, and whose they are; none where fewer than MIN_CHOICES of any item stand there."""
    refs = texts.refs
    best: list[int] = []
    most, found = 0.0, None
    for item in hit.items[:MAX_OWNERS]:
        choices = refs.parts_of(item, CHOICES)
        if not choices:
            continue
        # As far behind the question as letters, line breaks and edits may move them.
        end = min(len(texts.tokens(hit.row)), hit.end + 2 * int(refs.n_tokens[choices].sum()) + 16)
        places = [texts.place(choice, hit.row, hit.end, end) for choice in choices]
        there = [place for place in places if place]
        share = len(there) / len(choices)
        if share < MIN_CHOICES or share < most:
            continue
        best = [*best, item] if share == most else [item]
        most = share
        found = _Choices(
            tuple(best),
            f"{len(there)} of {len(choices)}",
            STEP * float(sum(refs.totals[c] for c, place in zip(choices, places, strict=True) if place)),
            max(end for _, end in there),
            share == 1 and sorted(there) != there,
        )
    return found


def _with_choices(hit: _Hit, choices: _Choices, texts: _Texts) -> _Hit:
    kind = _kind(hit, texts)
    if choices.is_reordered and kind in ("verbatim", "embedded"):
        kind = "options_reordered"
    elif kind == "embedded" and hit.first == 0 and choices.end == len(texts.tokens(hit.row)):
        kind = "verbatim"
    return replace(hit, items=choices.items, kind=kind, choices=choices.told, end=choices.end)


def _kind(hit: _Hit, texts: _Texts) -> str:
    if hit.exact < WHOLLY or hit.end - hit.first != texts.refs.n_tokens[hit.part]:
        return "numbers_changed" if hit.masked >= 0.9 and hit.masked - hit.exact >= 0.1 else "edited"
    tokens = texts.batch.tokens
    text = texts.batch.column("text")[hit.row].as_py().encode()
    first = int(tokens.bounds[hit.row]) + hit.first
    start, end = int(tokens.starts[first]), int(tokens.ends[first + hit.end - hit.first - 1])
    if as_written(text, start, end) != texts.refs.written[hit.part]:
        return "case_or_punctuation"
    return "verbatim" if hit.end - hit.first == len(texts.tokens(hit.row)) else "embedded"


def _with_answer(hit: _Hit, texts: _Texts) -> _Hit:
    """The hit with the place of its answer: behind the question, or in a reply to it."""
    refs, batch = texts.refs, texts.batch
    if refs.kinds[hit.part] != QUESTION:
        return hit
    for item in hit.items[:MAX_OWNERS]:
        for answer in refs.parts_of(item, ANSWER):
            if refs.totals[answer] * STEP < MIN_ANSWER:
                continue
            others = [c for c in refs.parts_of(item, CHOICES) if refs.whole[c] != refs.whole[answer]]
            for row, first in [(hit.row, hit.end), *((r, 0) for r in batch.replies(hit.row))]:
                end = len(texts.tokens(row))
                place = texts.place(answer, row, first, end)
                # Where all choices are told once more, the right one is not told.
                if place and not (others and all(texts.place(c, row, first, end) for c in others)):
                    return replace(hit, items=(item,), answer=_Answer(row, *place))
    return hit


# -- rephrased -------------------------------------------------------------------------------------------------------


class _Candidates(NamedTuple):
    """Messages, and questions that they may hold in other words."""

    rows: IntArray
    bags: IntArray
    shared: IntArray  # weight of the words that both hold
    totals: IntArray  # weight of all words of the question


def _same_numbers(texts: _Texts, judged: BoolArray) -> _Candidates:
    """Messages, and questions whose numbers are theirs but for one or two, and of whose rarest words they hold one."""
    bags, tokens = texts.refs.bags, texts.batch.tokens
    is_number = texts.batch.marks & NUMBER > 0
    counts = np.append(0, np.cumsum(is_number))[tokens.bounds]
    n_numbers, n_tokens = np.diff(counts), np.diff(tokens.bounds)
    wanted = judged & (n_numbers >= MIN_NUMBERS) & (n_numbers <= bags.most)
    wanted &= n_tokens <= 2 * FULL  # a question in other words is no essay
    rows = np.flatnonzero(wanted)
    kept = np.repeat(wanted, n_tokens)
    words = shortened(tokens.hashes[kept])
    keys, owners = number_keys(words[is_number[kept]], np.append(0, np.cumsum(n_numbers[rows])))
    left, right = (np.searchsorted(bags.keys, keys, side=side) for side in ("left", "right"))
    many = np.where(right - left <= MAX_FANOUT, right - left, 0)
    first = np.cumsum(many) - many
    bag = bags.of_key[np.repeat(left - first, many) + np.arange(many.sum())]
    # Most candidates share numbers alone. To look up a few words of all of them at once is what makes this fast.
    pairs = np.unique(np.repeat(owners, many) * len(bags.parts) + bag)
    owner, bag = np.divmod(pairs, max(1, len(bags.parts)))
    of_owner = np.repeat(np.arange(len(rows)), n_tokens[rows]).astype(np.uint64) << np.uint64(32)
    held = np.sort(of_owner | words)
    holds = _among(held, owner[:, None].astype(np.uint64) << np.uint64(32) | bags.heaviest[bag]).any(axis=1)
    owner, bag = owner[holds], bag[holds]
    sizes = bags.limits[bag + 1] - bags.limits[bag]
    pair = np.repeat(np.arange(len(bag)), sizes)
    at = bags.limits[bag][pair] + np.arange(len(pair)) - (np.cumsum(sizes) - sizes)[pair]
    is_shared = _among(held, owner[pair].astype(np.uint64) << np.uint64(32) | bags.words[at])
    weights = bags.weights[at].astype(np.int64)
    shared, totals = (np.bincount(pair, some, len(bag)).astype(np.int64) for some in (weights * is_shared, weights))
    return _Candidates(rows[owner], bag, shared, totals)


def _among(held: HashArray, sought: HashArray) -> BoolArray:
    """Which values are among the ascending ones."""
    if not len(held):
        return np.zeros(sought.shape, dtype=bool)
    are: BoolArray = held[np.minimum(np.searchsorted(held, sought), len(held) - 1)] == sought
    return are


# -- published rules -------------------------------------------------------------------------------------------------

_Said = dict[tuple[int, int], tuple[bool, ...]]  # of a message and a part: what each rule of PUBLISHED says


def _published(refs: References, columns: dict[str, IntArray]) -> _Said:
    """What published rules say, where any of them says that a message holds a part of an item."""
    part = columns["part"]
    n = refs.n_tokens[part]
    said = np.stack(
        [
            columns["exact_run"] >= 13,
            columns["eights"] >= 0.7 * np.maximum(1, n - 7),
            columns["in_tens"] >= 0.8 * n,
            columns["in_eights"] >= 0.5 * n,
        ],
        axis=1,
    )
    at = np.flatnonzero(said.any(axis=1))
    keys = zip(columns["text"][at].tolist(), part[at].tolist(), strict=True)
    return dict(zip(keys, map(tuple, said[at].tolist()), strict=True))


# -- telling ---------------------------------------------------------------------------------------------------------

_WORDS = {
    "verbatim": "the question word for word",
    "embedded": "the question word for word, among other words",
    "case_or_punctuation": "the question, only case or punctuation changed",
    "options_reordered": "the question word for word, its choices in another order",
    "numbers_changed": "the question with other numbers",
    "edited": "the question, edited",
    "rephrased": "the question's numbers, and its words in another order",
}


def _told(texts: _Texts, found: list[_Hit], said: _Said) -> pa.Table:
    """FINDINGS of these hits, and of what hangs below them."""
    refs, batch = texts.refs, texts.batch
    by_rule: dict[Rule, list[_Hit]] = {}
    for hit in found:
        by_rule.setdefault(_rule(hit, refs), []).append(hit)
    leaked = np.zeros(len(batch), dtype=bool)
    leaked[[hit.row for rule in (QUESTION_AND_ANSWER, QUESTION_ALONE) for hit in by_rule.get(rule, [])]] = True
    below = batch.below(leaked) if leaked.any() else np.full(len(batch), -1)
    tables = [FINDINGS.empty_table()]
    n_below = np.bincount(below[below >= 0], minlength=len(batch))
    for rule, hits in by_rule.items():
        rows, firsts, ends = (np.array([getattr(hit, name) for hit in hits]) for name in ("row", "first", "end"))
        spans = [token_spans(batch, rows, firsts, ends)]
        if rule is QUESTION_AND_ANSWER:
            places = np.array([hit.answer for hit in hits])
            spans.append(token_spans(batch, *places.T))
        tables.append(
            claim(
                batch.places,
                rule,
                rows,
                [_summary(hit, refs) for hit in hits],
                spans=spans,
                score=np.array([hit.masked if hit.kind == "numbers_changed" else hit.exact for hit in hits]).clip(0, 1),
                facets=[_facets(hit, refs, int(n_below[hit.row]), said) for hit in hits],
                about=[f"{refs.names[refs.card_of_part[hit.part]]}:{refs.ids[hit.items[0]]}" for hit in hits],
            )
        )
    rows = np.flatnonzero((below >= 0) & ~leaked & ~batch.is_context)
    if rows.size:
        prompts = batch.column("message_id").take(pa.array(below[rows])).to_pylist()
        tables.append(
            claim(
                batch.places,
                BELOW_LEAK,
                rows,
                "It stands in a thread under a message that holds a benchmark's question",
                spans=[Spans(rows), Spans(below[rows])],
                facets=[{"prompt": prompt or ""} for prompt in prompts],
            )
        )
    return pa.concat_tables(tables)


def _rule(hit: _Hit, refs: References) -> Rule:
    if hit.kind == "rephrased":
        return REPHRASED
    kind = refs.kinds[hit.part]
    if kind == PASSAGE:
        return PASSAGE_ALONE
    if refs.cards[refs.card_of_part[hit.part]].split in TRAINED_ON:
        return TRAIN_ITEM
    if kind == ANSWER:
        return ANSWER_ALONE
    return QUESTION_AND_ANSWER if hit.answer else QUESTION_ALONE


def _summary(hit: _Hit, refs: References) -> str:
    card = refs.cards[refs.card_of_part[hit.part]]
    what = (
        _WORDS[hit.kind]
        if hit.kind
        else f"{hit.exact:.0%} of " + ("its answer" if refs.kinds[hit.part] == ANSWER else "the text it asks about")
    )
    more = f", as of {len(hit.items) - 1:,} more items" if len(hit.items) > 1 else ""
    share = f" ({hit.exact:.0%} of it by weight)" if hit.kind in ("edited", "numbers_changed", "rephrased") else ""
    choices = f"; {hit.choices} choices stand behind it" if hit.choices else ""
    answer = ""
    if hit.answer:
        answer = "; its answer stands " + ("behind it" if hit.answer.row == hit.row else "in a reply to it")
    return f"{card.title}, {card.split}, item {refs.ids[hit.items[0]]}{more}: {what}{share}{choices}{answer}"


def _facets(hit: _Hit, refs: References, n_below: int, said: _Said) -> dict[str, str]:
    of_card = refs.card_of_part[hit.part]
    card = refs.cards[of_card]
    flags = said.get((hit.row, hit.part), (False,) * len(PUBLISHED))
    facets = {
        "benchmark": refs.names[of_card],
        "split": card.split,
        "item": refs.ids[hit.items[0]],
        "kind": hit.kind,
        "coverage": f"{hit.exact:.2f}",
        "idf": f"{hit.information:.0f}",
        "choices": hit.choices,
        "below": str(n_below) if n_below else "",
        "home": card.home,
        "rules": ", ".join(rule for rule, flag in zip(PUBLISHED, flags, strict=True) if flag) or "none",
    }
    return {key: value for key, value in facets.items() if value}


def _seen(refs: References, said: _Said, found: list[_Hit]) -> pa.Table:
    """SEEN of a batch: which rules say that a message holds an item, by its question."""
    seen: dict[tuple[int, int], list[bool]] = {}  # by message and item
    for (row, part), flags in said.items():
        if refs.kinds[part] == QUESTION:
            for item in refs.items_of(part).tolist():
                seen[row, item] = [False, *flags]
    for hit in found:
        rule = _rule(hit, refs)
        if rule.severity >= WARNING or rule is TRAIN_ITEM:
            for item in hit.items:
                seen.setdefault((hit.row, item), [False] * len(RULES))[0] = True
    items = np.array([item for _, item in seen], dtype=np.int64)
    names = np.array(refs.names, dtype=object)[refs.card_of_item[items]]
    by_rule = np.array(list(seen.values()), dtype=bool).reshape(-1, len(RULES)).T
    columns_ = [
        [None, *names],
        [None, *(refs.ids[item] for item in items)],
        *([False, *column] for column in by_rule.tolist()),
    ]
    return pa.table([pa.array(values, f.type) for values, f in zip(columns_, SEEN, strict=True)], schema=SEEN)
