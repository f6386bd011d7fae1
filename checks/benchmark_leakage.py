"""Benchmark questions and answers in the data, verbatim or edited, each with the item that it matches.

Messages are compared with one-way fingerprints of all reference sets at once (base/references.py, kernels.scan): whole
messages, lines and sentences by one hash, everything else by 5-grams in which all numbers count as one word. Words are
weighted by inverse document frequency, so that stems ("Which of the following ...") and boilerplate carry no evidence.
Where a question alone is too little evidence, its choices must follow it.

The record also counts what published rules find in the same texts, so that a paper can cite any of them: Brown et al.
(2020), Language Models are Few-Shot Learners, appendix C: any 13-gram. Chowdhery et al. (2022), PaLM, section 8: 70 %
of the 8-grams. Touvron et al. (2023), Llama 2, appendix A.6: 80 % of the tokens in spans of more than ten (ours: ten or
more, none of them skipped). Lambert et al. (2024), Tulu 3, section 3.2: half of the tokens in 8-grams.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..benchmarks_refs import fingerprints
from ..benchmarks_refs.cards import Card, Item, Parts, items
from ..benchmarks_refs.fingerprints import (
    FOLDER,
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
from .base.examples import Example, chat
from .base.findings import (
    CHECKED,
    ERROR,
    FINDINGS,
    NOTE,
    WARNING,
    Action,
    Rule,
    Spans,
    claim,
    clipped,
    cover,
    token_spans,
)
from .base.intervals import in_percent
from .base.kernels.layout import ALL_NUMBERS, BY_LINE, BY_SENTENCE, BY_TEXT, HIT, NUMBER
from .base.messages import Batch, BoolArray, IntArray
from .base.references import ANSWER, CHOICES, PASSAGE, QUESTION, References, number_keys
from .base.settings import Wants, setting
from .base.text import HashArray, grams, hashed

NAME = "benchmark_leakage"

# -- a made-up benchmark, for the examples ---------------------------------------------------------------------------

_FERRY = Item(
    "ferry",
    {
        "question": (
            "The ferry of Ostrelle carries nine goats on each crossing and comes back empty. How often must the "
            "ferryman row over before seventy-two goats and one stubborn mule stand on the far bank?",
        ),
        "answer": ("Eight crossings bring the goats over and a ninth one the mule, which refuses company.",),
    },
)
_LANTERN = Item(
    "lantern",
    {
        "question": ("Which of these did the lamplighters of Verrane hang over their doors on the longest night?",),
        "choices": ("a wreath of dried thistles", "a copper bell", "three walnut shells", "the oldest boot they had"),
        "answer": ("the oldest boot they had",),
    },
)
_BAKER = Item(
    "baker",
    {
        "question": ("How many rolls are left in the basket of the baker of Quill Lane when her cousins have gone?",),
        "answer": (
            "She begins the morning with four trays of twelve, which makes forty-eight rolls. Her eldest cousin takes "
            "a dozen for the harbour crew, the twins eat five between them on the stairs, and the postman is owed "
            "three. That leaves twenty-eight, of which the dog has already licked two.",
        ),
        "passage": (
            "Quill Lane runs uphill from the harbour of Tessel and has had a bakery at its upper end since the great "
            "flood. The ovens are fired with driftwood, which lends the crust a faint taste of salt, and by an old "
            "custom nobody may pay for bread before the first ship of the day has been sighted.",
        ),
    },
)
_ORCHARD = Item(
    "orchard",
    {
        "question": (
            "Maribel's orchard has 14 rows of quince trees. Each row gives 35 baskets in autumn, and the cider press "
            "at Holm buys 6 baskets out of every row. How many baskets of quinces does Maribel keep for marmalade?",
        ),
    },
)
_OWL = Item(
    "owl",
    {"question": ("Why do the snow owls of Brannoch nest upon abandoned chimneys rather than among the larches?",)},
)
_BENCHMARKS: dict[str, tuple[Literal["test", "train"], tuple[Item, ...]]] = {
    "demo_quiz": ("test", (_FERRY, _LANTERN, _BAKER, _ORCHARD)),
    "demo_quiz_train": ("train", (_OWL,)),
}


def _fingerprint(split: Literal["test", "train"], found: Sequence[Item]) -> fingerprints.Fingerprint:
    card = Card(
        title="Demo quiz",
        measures="nothing: it is made up",
        home="https://example.org/demo-quiz",
        split=split,
        languages=("en",),
        licence="CC0-1.0",
        shared=True,
        citation="none",
        parts=Parts(question="question"),
        files=("quiz.jsonl",),
        sha256="0" * 64,
    )
    return fingerprints.build(card, found, hashed, fingerprints.load_weights())


def _part(item: Item, name: str) -> str:
    return item.parts[name][0]


# -- rules -----------------------------------------------------------------------------------------------------------

_ASKED = f"prompter: {_part(_FERRY, 'question')}"
QUESTION_AND_ANSWER = Rule(
    f"{NAME}/question_and_answer",
    "Contains a benchmark question with its answer",
    ERROR,
    "Remove it from training data, or exclude the item from evaluation and say so: a model learns the answer.",
    example=Example(
        chat(_ASKED, f"assistant: I know this one. {_part(_FERRY, 'answer')}"),
        chat(_ASKED, "assistant: I would sell the goats and buy a bridge."),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
QUESTION_ALONE = Rule(
    f"{NAME}/question",
    "Contains a benchmark question",
    WARNING,
    "Remove it from training data with the replies below it, or exclude the item from evaluation and say so.",
    example=Example(
        chat(f"prompter: {_part(_LANTERN, 'question')}", "assistant: I have never been to Verrane."),
        chat("prompter: Which lamps did the lamplighters of Verrane use?", "assistant: I have never been to Verrane."),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
_COUNTED = "prompter: Did the baker sell out again this morning?"
ANSWER_ALONE = Rule(
    f"{NAME}/answer",
    "Contains the worked answer to a benchmark question",
    WARNING,
    "Look for the question that it answers. Remove both, or exclude the item from evaluation.",
    example=Example(
        chat(_COUNTED, f"assistant: {_part(_BAKER, 'answer')}"),
        chat(_COUNTED, "assistant: Almost: of the forty-eight rolls, twenty-eight are left, and the dog licked two."),
    ),
)
_STREET = "prompter: Tell me about a street that you like."
PASSAGE_ALONE = Rule(
    f"{NAME}/passage",
    "Contains a passage that a benchmark asks about",
    NOTE,
    "Most such passages were public before. Nothing to do, unless the benchmark requires unseen texts.",
    example=Example(
        chat(_STREET, f"assistant: {_part(_BAKER, 'passage')}"),
        chat(
            _STREET, "assistant: Quill Lane, for its bakery: the ovens are fired with driftwood, and you can taste it."
        ),
    ),
    action=Action.KEEP,
)
_QUINCES = "assistant: Then twenty-nine from each are left for her."
REPHRASED = Rule(
    f"{NAME}/rephrased",
    "Paraphrases a benchmark question (same words and numbers, reordered)",
    NOTE,
    "Read both: it may be the question in other words, or another question about the same things.",
    example=Example(
        chat(
            "prompter: Out of every row in her quince orchard Maribel sells 6 baskets to Holm, to the cider press. Of "
            "trees there are 14 rows, and in autumn 35 baskets come from each. What does Maribel keep in baskets, to "
            "make marmalade?",
            _QUINCES,
        ),
        chat(
            "prompter: Out of every row in her quince orchard Maribel sells 8 baskets to Holm, to the cider press. Of "
            "trees there are 23 rows, and in autumn 41 baskets come from each. What does Maribel keep in baskets, to "
            "make marmalade?",
            _QUINCES,
        ),
        at=0,
    ),
    action=Action.KEEP,
)
TRAIN_ITEM = Rule(
    f"{NAME}/train_item",
    "Contains an item of a benchmark's training split",
    NOTE,
    "Such items are meant for training. Say so where results on this benchmark are reported.",
    example=Example(
        chat(f"prompter: {_part(_OWL, 'question')}", "assistant: Chimneys are warmer, and nobody climbs them."),
        chat("prompter: Where do the snow owls of Brannoch nest?", "assistant: On chimneys: nobody climbs them."),
        at=0,
    ),
    action=Action.KEEP,
)
_UNSURE = "assistant: I would have to ask the cousins."
BELOW_LEAK = Rule(
    f"{NAME}/below_leak",
    "Reply below a benchmark question",
    NOTE,
    "Where the question is removed, remove the replies below it too: they give the answer away.",
    example=Example(
        chat(f"prompter: {_part(_BAKER, 'question')}", _UNSURE),
        chat("prompter: Who ate the rolls of the baker of Quill Lane?", _UNSURE),
    ),
    action=Action.KEEP,
)

METHOD = Method(
    sure="Of 161,443 clean messages in 25 languages, 24 were flagged, 4 of them wrongly. Recall has been measured on "
    "held-out data only for verbatim questions: 110 of 110 AlpacaEval prompts in OASST1 were found.",
    how=(
        "Every message is compared with one-way fingerprints of all reference sets at once. They contain hashes and no "
        "text.",
        "The message, its lines and its sentences are looked up whole. Everything else is looked up by 5-grams in "
        "which all numbers count as one word.",
        "For each candidate part of an item, all of its 5-grams are looked up in the message. Words are weighted by "
        "how rare they are, so that stems and boilerplate carry no evidence.",
        "A question is reported if enough of its weight is in the message. If the question alone is too little "
        "evidence, its choices must follow it.",
        "Answers are looked for after the question and in the replies to it. Counts under published contamination "
        "rules are also reported.",
    ),
    blind=(
        "Benchmarks without a fingerprint are not looked for. `chataudit refs` lists the known ones and builds more.",
        "Most misses are questions of 20 to 30 words with three or four of them replaced.",
        "A paraphrased question is found only by its numbers, if it has two or more, and is then a note. Translations "
        "are not found.",
        'A question that a user could plausibly have asked independently ("Why is the sky blue?") looks like a leak.',
        "A short answer without its question is not reported: it may be a saying, or a choice.",
    ),
    measured=(
        "161,443 clean messages in 25 languages, not used to choose thresholds: 24 flagged. 20 are a benchmark "
        "question, verbatim, that a user could plausibly have asked independently; 4 are wrong.",
        "1,200 messages of OASST1's English validation split, not used to choose thresholds: all 110 prompts of "
        "AlpacaEval found, and no other finding above a note.",
        "GSM8K's training questions compared with its test questions, not used to choose thresholds: five findings, "
        "all of them a test question with other numbers or objects.",
    ),
    sources=(
        "Schleimer, Wilkerson and Aiken (2003), Winnowing: local algorithms for document fingerprinting.",
        "Brown et al. (2020), Language models are few-shot learners (GPT-3), appendix C: any 13-gram.",
        "Chowdhery et al. (2022), PaLM: scaling language modeling with Pathways, section 8: 70 % of the 8-grams.",
        "Touvron et al. (2023), Llama 2: open foundation and fine-tuned chat models, appendix A.6: 80 % of the tokens "
        "in runs of ten.",
        "Lambert et al. (2024), Tulu 3: pushing frontiers in open language model post-training, section 3.2: half of "
        "the tokens in 8-grams.",
    ),
)

NO_WORDS = "no words"

# docs/leakage.md has what these lead to.
MIN_WORDS = 6  # distinct ones, of an edited question
MIN_WORDS_MASKED = 15  # of one with other numbers, found by its words alone
MIN_REACH = 0.6  # of a question's length, from the first word found to the last
MIN_RUN = 5  # tokens in a row
MIN_RUN_INFORMATION = 0.5  # of min_information, in the longest run: in Thai, five tokens are a word
# Multiples of min_exact, by tokens of a question: in a long one, fewer of the words suffice. And for other texts.
TOKENS, ASKED, OF_TEXT = (10, 20, 30, 100), (1.6, 1.1, 1.0, 0.6), 1.25
EDITED = 2.0  # of min_information, for an edited question, or one of 10 tokens or fewer among other words
# Multiples of min_information, where a whole sentence, line or message is a question; and for 10 tokens or more.
MIN_BLOCK, OF_LONG_BLOCK = {BY_SENTENCE: 1.2, BY_LINE: 1.0, BY_TEXT: 0.45}, 0.45
MIN_TOKENS_OF_BLOCK = 4
WHOLLY = 0.999  # of a part; less is an edit, and not rounding
MIN_CHOICES = 0.75  # of the choices, where they must follow a question
MIN_ANSWER = 3.5  # nats, of an answer after its question: a yes is no evidence
MIN_TEXT = 2.0  # of min_information, for an answer or a passage without its question
MIN_WORDS_OF_TEXT = 25  # of these; a shorter answer may be a saying, or a choice
TRAINED_ON = ("train", "dev")
MAX_OWNERS = 64  # items that share a question, whose choices are looked for
MAX_FANOUT = 32  # questions with the same numbers

PUBLISHED = ("GPT-3", "PaLM", "Llama 2", "Tulu 3")
RULES = ("ours", *PUBLISHED)
SEEN = pa.schema([("benchmark", pa.string()), ("item", pa.string()), *((name, pa.bool_()) for name in RULES)])
"""Which rules find an item in a message, one row for each message and item."""


class _Answer(NamedTuple):
    """The place of an item's answer."""

    row: int
    first: int  # tokens
    end: int


@dataclass(frozen=True)
class _Hit:
    """A part of an item in a message."""

    row: int
    part: int
    items: tuple[int, ...]  # that have this part, and whose choices are here where that matters
    first: int  # tokens of the message
    end: int
    exact: float  # share of the part, by weight
    masked: float  # the same with all numbers treated as equal
    information: float  # nats
    kind: str = ""  # of questions
    choices: str = ""  # `3 of 4`
    answer: _Answer | None = None

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the message, and of the reply with the answer."""
        return (self.row,) if self.answer is None else (self.row, self.answer.row)


@dataclass(frozen=True)
class BenchmarkLeakage(Check):
    """Report messages that contain items of benchmarks."""

    name: ClassVar = NAME
    rules: ClassVar = (
        *(QUESTION_AND_ANSWER, QUESTION_ALONE, ANSWER_ALONE, PASSAGE_ALONE, REPHRASED, TRAIN_ITEM, BELOW_LEAK),
    )
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "benchmark": "reference set of the item",
        "split": "split of the benchmark that contains the item",
        "item": "id of the item in its benchmark",
        "kind": "match type",
        "coverage": "share of the item matched (weighted)",
        "idf": "match strength (nats)",
        "choices": "choices found after the question",
        "below": "number of replies below it",
        "home": "home page of the benchmark",
        "rules": "published contamination rules that flag it too",
        "prompt": "id of the message above that contains the question",
    }

    references: tuple[str, ...] = setting(
        (), "Reference sets to compare with, as `chataudit refs list` names them; empty: all that are built."
    )
    folder: str = setting(FOLDER, "Folder with your own reference sets.", wants=Wants.REFERENCES)
    originals: str = setting("", "Folder with the original files of benchmarks; findings then show the item too.")
    min_exact: float = setting(
        0.6, "Smallest share of a question, by weight, in 5-grams of the message.", above=0, at_most=1
    )
    min_masked: float = setting(0.8, "The same with all numbers treated as equal.", above=0, at_most=1)
    min_information: float = setting(18.0, "Smallest evidence that the matched words carry, in nats.", at_least=0)
    min_numbers_shared: float = setting(
        0.75, "Smallest Jaccard similarity of the numbers of both texts, for a paraphrase.", above=0, at_most=1
    )
    min_words_shared: float = setting(
        0.5, "Smallest share of a question's words, by weight, for a paraphrase.", above=0, at_most=1
    )

    @classmethod
    def on_examples(cls, folder: Path) -> Self:
        for name, (split, found) in _BENCHMARKS.items():
            fingerprints.save(_fingerprint(split, found), folder / f"{name}{fingerprints.ENDING}")
        return cls(folder=str(folder))

    def verify(self) -> None:
        if self.originals and not Path(self.originals).is_dir():
            raise ValueError(f"originals: {self.originals!r} is not a folder; expected the folder of original files")
        try:
            references.find(self.references, Path(self.folder))
        except LookupError as error:
            raise ValueError(f"references: {error}") from None

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.count, {"touched": SEEN}, ALL)

    def load(self) -> None:
        self._references()

    def release(self) -> None:
        references.release()

    def _references(self) -> References:
        return references.load(self.references, Path(self.folder))

    # -- first stage -------------------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Find the items that the messages contain."""
        refs, tokens = self._references(), batch.tokens
        has_words = np.diff(tokens.bounds) > 0
        is_open = ~batch.is_context & has_words
        hits = kernels.scan(tokens.hashes, tokens.bounds, batch.marks, N_GRAM, refs.sought)
        columns = dict(zip(HIT, hits[is_open[hits[:, 0]]].T, strict=True))
        texts = _Texts(batch, refs)
        found = [hit for group in _by_row(self._likely(texts, columns)) for hit in _best(group, refs)]
        containing: dict[int, set[int]] = {}  # messages by part
        for hit in found:
            containing.setdefault(hit.part, set()).add(hit.row)
        found = [_with_answer(hit, texts) for hit in found if not _restates(hit, batch, containing[hit.part])]
        # An answer beside its question is reported with it, or is one of its choices.
        asked = {
            (row, item) for hit in found if refs.kinds[hit.part] == QUESTION for row in hit.rows for item in hit.items
        }
        found = [
            hit for hit in found if refs.kinds[hit.part] != ANSWER or asked.isdisjoint((hit.row, i) for i in hit.items)
        ]
        is_open[[hit.row for hit in found]] = False  # these are reported already
        found += self._rephrased(texts, is_open)
        published = _published(refs, columns)
        below = _below(found, texts)
        # A reply without words is reported below a leak, and is checked by that.
        outcomes = np.where(has_words | (below >= 0), CHECKED, NO_WORDS)[~batch.is_context]
        return Result(
            self._beside(_findings(texts, found, below, published)),
            cover(batch.checkable, pa.array(outcomes, pa.string())),
            {"touched": _touched(refs, published, found)},
        )

    def _likely(self, texts: "_Texts", columns: dict[str, IntArray]) -> Iterator[_Hit]:
        """Yield the parts that pass the thresholds; a weak question also needs its choices nearby."""
        refs = texts.refs
        part, whole = columns["part"], columns["whole"]
        n, words, is_question = refs.n_tokens[part], refs.n_words[part], refs.kinds[part] == QUESTION
        exact = columns["exact_weight"] / np.maximum(1, refs.totals[part])
        masked = columns["masked_weight"] / np.maximum(1, refs.word_totals[part])
        # A stem of many questions, or a quotation from a long one, covers a part of it, and that part completely.
        reach = (columns["end"] - columns["first"]) / np.maximum(1, n)
        run = np.maximum(np.minimum(MIN_RUN, 0.4 * n), np.minimum(0.2 * n, 9))
        is_rare = columns["exact_run"] * refs.totals[part] * STEP >= MIN_RUN_INFORMATION * self.min_information * n
        is_near = (columns["exact_run"] >= run) & is_rare & (exact >= self.min_exact * np.interp(n, TOKENS, ASKED))
        is_near &= (words >= MIN_WORDS) & (reach >= MIN_REACH)
        is_text = (exact >= self.min_exact * OF_TEXT) & (words >= MIN_WORDS_OF_TEXT)
        is_near = np.where(is_question, is_near, is_text)
        # Formulas are alike once their numbers are equal: some words must follow one another unchanged.
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
        is_enough = information >= needed
        is_asked = is_question & (is_near | ((whole > 0) & (n >= MIN_TOKENS_OF_BLOCK)))
        for k in np.flatnonzero(is_enough | (is_asked & refs.has_choices[part])).tolist():
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
                if is_enough[k] or hit.information + choices.worth >= self.min_information:
                    yield _with_choices(hit, choices, texts)
            # Without its choices, a question of several items is a stem.
            elif is_enough[k] and (len(items) == 1 or hit.information >= EDITED * self.min_information):
                yield replace(hit, kind=_kind(hit, texts))

    def _rephrased(self, texts: "_Texts", is_open: BoolArray) -> Iterator[_Hit]:
        """Yield questions whose numbers and words are in a message, in any order."""
        refs, bags = texts.refs, texts.refs.bags
        rows, candidates, shared, totals = _same_numbers(texts, is_open)
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
        """Return the findings with the item's question as a last span, where its original file is available."""
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
        """Count the touched items of each benchmark, by this check and by published rules."""
        refs = self._references()
        messages: dict[tuple[str, str], list[int]] = {}  # by item: how many each rule finds it in
        for benchmark, item, *flags in zip(*(rows[name].to_pylist() for name in SEEN.names), strict=True):
            counts = messages.setdefault((benchmark, item), [0] * len(RULES))
            for k, flag in enumerate(flags):
                counts[k] += flag
        touched = {name: [0] * len(RULES) for name in refs.names}  # by benchmark: how many items each rule finds
        for (benchmark, _), counts in messages.items():
            for k, n in enumerate(counts):
                touched[benchmark][k] += n > 0
        return Result(
            notes=(_compared_with(refs), *self._own_sets()),
            tables=(
                Table(
                    "Items touched, by benchmark",
                    "Items that the data contain, by this check and by the rules of GPT-3 (a 13-gram), PaLM (70 % of "
                    "8-grams), Llama 2 (80 % in runs of ten) and Tulu 3 (half in 8-grams).",
                    ("benchmark", "split", "items", "touched", "share", *PUBLISHED),
                    tuple(
                        (name, card.split, int(n), ours, in_percent(ours / n, 2), *published)
                        for name, card, n, (ours, *published) in sorted(
                            zip(refs.names, refs.cards, refs.n_items, touched.values(), strict=True),
                            key=lambda each: [-count for count in each[-1]],
                        )
                    ),
                    bars=("benchmark", "touched", "items"),
                ),
                Table(
                    "Touched items",
                    "Items that an evaluation should exclude, or report separately.",
                    ("benchmark", "item", "messages"),
                    tuple((*key, counts[0]) for key, counts in sorted(messages.items()) if counts[0]),
                ),
            ),
        )

    def _own_sets(self) -> Iterator[str]:
        """Yield notes that name the reference sets beyond the shipped ones."""
        for place, names in references.own_sets(self.references, Path(self.folder)).items():
            where = f"folder {self.folder}" if place == Path(self.folder) else "in your user data"
            yield f"Also compared with your own reference sets: {', '.join(names)} ({where})"


def _compared_with(refs: References) -> str:
    n = len(refs.names)
    return f"Compared with {int(refs.n_items.sum()):,} items of {n:,} reference {'set' if n == 1 else 'sets'}"


@lru_cache(maxsize=8)
def _questions(card: Card, folder: Path) -> dict[str, tuple[int, str]]:
    """Return number and question of each item, by id; nothing where the files are missing."""
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
        """Return the hashes of a message's tokens."""
        bounds = self.batch.tokens.bounds
        return self.batch.tokens.hashes[bounds[row] : bounds[row + 1]]

    def is_number(self, row: int) -> BoolArray:
        """Mark the tokens of a message that are numbers."""
        bounds = self.batch.tokens.bounds
        return self.batch.marks[bounds[row] : bounds[row + 1]] & NUMBER > 0

    def short(self, row: int) -> npt.NDArray[np.uint32]:
        """Return the tokens of a message, shortened as in bags."""
        return shortened(self.tokens(row))

    def grams(self, row: int) -> HashArray:
        """Return the grams of a message, as fingerprints keep them."""
        if row not in self._grams:
            tokens = self.tokens(row)
            masked = grams(np.where(self.is_number(row), np.uint64(ALL_NUMBERS), tokens), N_GRAM)
            self._grams[row] = kept_of(masked, grams(tokens, N_GRAM))
        return self._grams[row]

    def place(self, part: int, row: int, first: int, end: int) -> tuple[int, int] | None:
        """Return the place of a part among the tokens [first, end) of a message; over half of its grams suffice."""
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


def _restates(hit: _Hit, batch: Batch, containing: set[int]) -> bool:
    """Whether a message above contains the same question: then this is not a leak of its own, but below one."""
    if hit.exact > WHOLLY or len(containing) == 1:
        return False
    row = int(batch.parent[hit.row])
    for _ in range(int(batch.depth[hit.row])):
        if row in containing:
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
    """Return the hits of one message that no better one explains: of two that overlap, the one with more words."""
    kept: list[_Hit] = []
    for hit in sorted(group, key=lambda h: (-h.exact * h.information, -h.exact, h.part)):
        better = [
            other
            for other in kept
            if refs.kinds[other.part] == refs.kinds[hit.part]
            and 2 * (min(hit.end, other.end) - max(hit.first, other.first)) > hit.end - hit.first
        ]
        # A verbatim item of another benchmark counts by itself; in one benchmark, a part of a longer item does not.
        same_set = [other for other in better if refs.card_of_part[other.part] == refs.card_of_part[hit.part]]
        if not better or (hit.exact > WHOLLY and not same_set):
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.first, h.part))


class _Choices(NamedTuple):
    """Choices that follow a question."""

    items: tuple[int, ...]  # of which these are the choices
    share: str  # `3 of 4`
    worth: float  # nats
    end: int  # token after the last
    is_reordered: bool


def _choices(hit: _Hit, texts: _Texts) -> _Choices | None:
    """Return the choices after a question, and whose they are; None where no item has MIN_CHOICES of them there."""
    refs = texts.refs
    best: list[int] = []
    most, found = 0.0, None
    for item in hit.items[:MAX_OWNERS]:
        choices = refs.parts_of(item, CHOICES)
        if not choices:
            continue
        # As far after the question as letters, line breaks and edits may move them.
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
    return replace(hit, items=choices.items, kind=kind, choices=choices.share, end=choices.end)


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
    """Return the hit with the place of its answer: after the question, or in a reply to it."""
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
                # Where all choices are repeated, the right one is not given away.
                if place and not (others and all(texts.place(c, row, first, end) for c in others)):
                    return replace(hit, items=(item,), answer=_Answer(row, *place))
    return hit


# -- rephrased -------------------------------------------------------------------------------------------------------


class _Candidates(NamedTuple):
    """Messages, and questions that they may paraphrase."""

    rows: IntArray
    bags: IntArray
    shared: IntArray  # weight of the words that both contain
    totals: IntArray  # weight of all words of the question


def _same_numbers(texts: _Texts, is_open: BoolArray) -> _Candidates:
    """Pair messages with questions that have the same numbers, except one or two, and share one of the rarest words."""
    bags, tokens = texts.refs.bags, texts.batch.tokens
    is_number = texts.batch.marks & NUMBER > 0
    counts = np.append(0, np.cumsum(is_number))[tokens.bounds]
    n_numbers, n_tokens = np.diff(counts), np.diff(tokens.bounds)
    wanted = is_open & (n_numbers >= MIN_NUMBERS) & (n_numbers <= bags.most)
    wanted &= n_tokens <= 2 * FULL  # a paraphrase is no essay
    rows = np.flatnonzero(wanted)
    kept = np.repeat(wanted, n_tokens)
    words = shortened(tokens.hashes[kept])
    keys, owners = number_keys(words[is_number[kept]], np.append(0, np.cumsum(n_numbers[rows])))
    left, right = (np.searchsorted(bags.keys, keys, side=side) for side in ("left", "right"))
    many = np.where(right - left <= MAX_FANOUT, right - left, 0)
    first = np.cumsum(many) - many
    bag = bags.of_key[np.repeat(left - first, many) + np.arange(many.sum())]
    # Most candidates share only numbers. To look up a few words of all at once makes this fast.
    pairs = np.unique(np.repeat(owners, many) * len(bags.parts) + bag)
    owner, bag = np.divmod(pairs, max(1, len(bags.parts)))
    of_owner = np.repeat(np.arange(len(rows)), n_tokens[rows]).astype(np.uint64) << np.uint64(32)
    all_words = np.sort(of_owner | words)
    has_one = _among(all_words, owner[:, None].astype(np.uint64) << np.uint64(32) | bags.heaviest[bag]).any(axis=1)
    owner, bag = owner[has_one], bag[has_one]
    sizes = bags.limits[bag + 1] - bags.limits[bag]
    pair = np.repeat(np.arange(len(bag)), sizes)
    at = bags.limits[bag][pair] + np.arange(len(pair)) - (np.cumsum(sizes) - sizes)[pair]
    is_shared = _among(all_words, owner[pair].astype(np.uint64) << np.uint64(32) | bags.words[at])
    weights = bags.weights[at].astype(np.int64)
    shared, totals = (np.bincount(pair, some, len(bag)).astype(np.int64) for some in (weights * is_shared, weights))
    return _Candidates(rows[owner], bag, shared, totals)


def _among(values: HashArray, sought: HashArray) -> BoolArray:
    """Mark the sought values that are among the ascending ones."""
    if not len(values):
        return np.zeros(sought.shape, dtype=bool)
    is_among: BoolArray = values[np.minimum(np.searchsorted(values, sought), len(values) - 1)] == sought
    return is_among


# -- published rules -------------------------------------------------------------------------------------------------

_Flags = dict[tuple[int, int], tuple[bool, ...]]  # by message and part: whether each rule of PUBLISHED finds it


def _published(refs: References, columns: dict[str, IntArray]) -> _Flags:
    """Apply the published rules; pairs that none of them finds are left out."""
    part = columns["part"]
    n = refs.n_tokens[part]
    flags = np.stack(
        [
            columns["exact_run"] >= 13,
            columns["eights"] >= 0.7 * np.maximum(1, n - 7),
            columns["in_tens"] >= 0.8 * n,
            columns["in_eights"] >= 0.5 * n,
        ],
        axis=1,
    )
    at = np.flatnonzero(flags.any(axis=1))
    keys = zip(columns["text"][at].tolist(), part[at].tolist(), strict=True)
    return dict(zip(keys, map(tuple, flags[at].tolist()), strict=True))


# -- claims ----------------------------------------------------------------------------------------------------------

_KINDS = {
    "verbatim": ", verbatim",
    "embedded": ", verbatim inside a longer message",
    "case_or_punctuation": ", verbatim except for case or punctuation",
    "options_reordered": ", verbatim with reordered choices",
    "numbers_changed": " with other numbers",
    "edited": ", edited",
    "rephrased": ", paraphrased with the same numbers and words",
}


def _below(found: Sequence[_Hit], texts: _Texts) -> IntArray:
    """Return the nearest row above each row that contains a question of a test split; -1: there is none."""
    leaked = np.zeros(len(texts.batch), dtype=bool)
    leaked[[hit.row for hit in found if _rule(hit, texts.refs) in (QUESTION_AND_ANSWER, QUESTION_ALONE)]] = True
    below = texts.batch.below(leaked) if leaked.any() else np.full(len(leaked), -1)
    return below


def _findings(texts: _Texts, found: list[_Hit], below: IntArray, published: _Flags) -> pa.Table:
    """Return FINDINGS of these hits, and of the replies below them."""
    refs, batch = texts.refs, texts.batch
    by_rule: dict[Rule, list[_Hit]] = {}
    for hit in found:
        by_rule.setdefault(_rule(hit, refs), []).append(hit)
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
                facets=[_facets(hit, refs, int(n_below[hit.row]), published) for hit in hits],
                about=[f"{refs.names[refs.card_of_part[hit.part]]}:{refs.ids[hit.items[0]]}" for hit in hits],
            )
        )
    leaked = [hit.row for rule in (QUESTION_AND_ANSWER, QUESTION_ALONE) for hit in by_rule.get(rule, [])]
    is_reply = (below >= 0) & ~batch.is_context
    is_reply[leaked] = False
    rows = np.flatnonzero(is_reply)
    if rows.size:
        prompts = batch.column("message_id").take(pa.array(below[rows])).to_pylist()
        tables.append(
            claim(
                batch.places,
                BELOW_LEAK,
                rows,
                "Reply below a message that contains a benchmark question",
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
    more = f" (and {len(hit.items) - 1:,} more)" if len(hit.items) > 1 else ""
    item = f"{card.title} {card.split} item {refs.ids[hit.items[0]]}{more}"
    matched = in_percent(hit.exact, 0)
    if not hit.kind:
        part = "worked answer" if refs.kinds[hit.part] == ANSWER else "passage"
        return f"{item}: {matched} of its {part}"
    share = f" ({matched} matched)" if hit.kind in ("edited", "numbers_changed", "rephrased") else ""
    choices = f"; {hit.choices} choices follow" if hit.choices else ""
    answer = ""
    if hit.answer:
        answer = "; answer follows" if hit.answer.row == hit.row else "; answer in a reply"
    return f"{item}{_KINDS[hit.kind]}{share}{choices}{answer}"


def _facets(hit: _Hit, refs: References, n_below: int, published: _Flags) -> dict[str, str]:
    of_card = refs.card_of_part[hit.part]
    card = refs.cards[of_card]
    flags = published.get((hit.row, hit.part), (False,) * len(PUBLISHED))
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


def _touched(refs: References, published: _Flags, found: list[_Hit]) -> pa.Table:
    """Return SEEN of a batch: which rules find an item in a message, by its question."""
    touched: dict[tuple[int, int], list[bool]] = {}  # by message and item
    for (row, part), flags in published.items():
        if refs.kinds[part] == QUESTION:
            for item in refs.items_of(part).tolist():
                touched[row, item] = [False, *flags]
    for hit in found:
        rule = _rule(hit, refs)
        if rule.severity >= WARNING or rule is TRAIN_ITEM:
            for item in hit.items:
                touched.setdefault((hit.row, item), [False] * len(RULES))[0] = True
    items = np.array([item for _, item in touched], dtype=np.int64)
    names = np.array(refs.names, dtype=object)[refs.card_of_item[items]]
    by_rule = np.array(list(touched.values()), dtype=bool).reshape(-1, len(RULES)).T
    values = [names.tolist(), [refs.ids[item] for item in items], *by_rule.tolist()]
    return pa.table([pa.array(column, f.type) for column, f in zip(values, SEEN, strict=True)], schema=SEEN)
