"""Replies that repeat their prompt instead of answering it, marked on both sides.

Each reply is compared with its prompt and its other ancestors. The two texts of a pair are known, so their sets of word
5-grams are compared exactly; there is nothing to search for, as MinHash would.

System messages and tool results are skipped on the way up, and are no replies themselves. An answer that passes on the
result of a tool does its job; one that recites its system message is another fault than this.

A reply that gives back a text which the prompt supplied (to correct, rewrite or continue) does its job. In any language
such a prompt says something else before or after the text, separated by a colon, a quotation mark or a line break, and
the repeated part begins or ends there. Such a reply is reported as a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .base import kernels
from .base.arrow.columns import IntArray, as_bools
from .base.check import Check, Method, Result
from .base.claims import claim, cover, token_spans
from .base.examples import Example, chat
from .base.findings import CHECKED, FINDINGS, NOTE, WARNING, Rule
from .base.messages import Batch
from .base.settings import setting
from .base.statistics.intervals import in_percent
from .base.text.tokens import N_GRAM, HashArray, grams

NAME = "prompt_parroting"

_MAPLES = "Pourquoi les feuilles des érables rougissent-elles en automne alors que celles des bouleaux jaunissent ?"
ECHO = Rule(
    f"{NAME}/echo",
    "Reply repeats its prompt or an earlier message",
    WARNING,
    "Drop the reply: a model trained on it learns to repeat questions instead of answering them.",
    example=Example(
        chat(f"prompter: {_MAPLES}", f"assistant: {_MAPLES}", lang="fr"),
        chat(
            f"prompter: {_MAPLES}",
            "assistant: Les érables fabriquent un pigment rouge quand la chlorophylle disparaît ; chez les bouleaux, "
            "le jaune était déjà là.",
            lang="fr",
        ),
    ),
)

_KETTLE = "Why does the kettle in our mountain hut boil sooner than the one at home?"
COPIES_PROMPT = Rule(
    f"{NAME}/copies_prompt",
    "Reply contains its whole prompt and adds little",
    WARNING,
    "Cut the prompt out of the reply, or drop the reply if nothing useful is left.",
    example=Example(
        chat(f"prompter: {_KETTLE}", f"assistant: Sure, good question: {_KETTLE}"),
        chat(
            f"prompter: {_KETTLE}",
            "assistant: The kettle in your mountain hut boils sooner because the air is thinner there: less pressure, "
            "and water boils at a lower temperature.",
        ),
    ),
)

_GUITAR = "Hoe stem ik een gitaar op het gehoor als ik geen stemapparaat bij me heb?"
_STRINGS = (
    "Begin met de lage e-snaar en neem die als uitgangspunt. Druk haar in op de vijfde fret: zo hoort de a-snaar te "
    "klinken. Ga zo verder van snaar naar snaar; alleen de b-snaar stem je op de vierde fret van de g-snaar. Speel tot "
    "slot een akkoord en luister of er nergens een zweving te horen is."
)
RESTATES_PROMPT = Rule(
    f"{NAME}/restates_prompt",
    "Reply quotes its prompt before answering",
    NOTE,
    "Harmless once. Where it is frequent, a model learns to quote first.",
    example=Example(
        chat(f"prompter: {_GUITAR}", f"assistant: {_GUITAR}\n\n{_STRINGS}", lang="nl"),
        chat(f"prompter: {_GUITAR}", f"assistant: Een gitaar stem je zo op het gehoor. {_STRINGS}", lang="nl"),
    ),
)

METHOD = Method(
    sure="Shares and the longest common run of words are computed exactly. No error rate "
    "has been measured on held-out data.",
    how=(
        "Each reply is compared with its prompt and with the messages above it. System messages and tool results are "
        "skipped.",
        "Their sets of word 5-grams are compared: the share of the reply that is in the prompt, and the share of the "
        "prompt that is in the reply.",
        "The longest run of words that both share is marked on both sides. A short prompt, which has too few "
        "5-grams, is compared by that run alone.",
        "A reply that gives back a text supplied by the prompt, to correct or to continue, is reported as a note. The "
        "repeated part then begins or ends at a colon, a quotation mark or a line break.",
        "A reply that repeats an earlier message with changes is also a note: prompts often ask for a revision.",
    ),
    blind=(
        "A paraphrase of the prompt shares too few 5-grams to be found.",
        "A supplied text that no punctuation separates from the instruction is reported as a reply that repeats its "
        "prompt.",
        "In a very deep thread, a reply is compared only with the nearest messages above it.",
        "Replies to prompts with fewer words than the setting `min_prompt` are skipped, and counted as such.",
    ),
    sources=("Broder (1997), On the resemblance and containment of documents.",),
)

NO_REPLIES = {"prompter": "prompter message", "system": "system message", "tool": "tool result"}
CALL = "tool call"  # which may pass the prompt on
NO_PROMPT = "no prompt in the data"
NO_WORDS = "no words"
SHORT_PROMPT = "prompt too short"

SHORT = 8  # tokens; a shorter prompt has so few 5-grams that its longest run is compared instead
MIN_PART = 0.3  # of a prompt that is in a reply; a reply with less of it is an answer read off the prompt
MAX_ANCESTORS = 20  # the nearest ones; a thread is rarely as deep
# Separators of an instruction from the text that it is about: colons, quotation marks, brackets, line breaks.
_BORDERS = frozenset(":：\n\r\"'`“”„‟‘’‚«»‹›「」『』《》〈〉()[]{}（）【】<>|*#—–։")


class _ReplyPairs(NamedTuple):
    """Replies, and a message before each of them."""

    replies: IntArray  # rows of the batch
    others: IntArray
    steps: IntArray  # 1: its prompt


class _CommonRun(NamedTuple):
    """The longest run of tokens that two texts share."""

    n: int
    left: int  # where it begins, in tokens
    right: int


@dataclass(frozen=True)
class PromptParroting(Check):
    """Report replies that repeat their prompt, or another message above them."""

    name: ClassVar = NAME
    rules: ClassVar = (ECHO, COPIES_PROMPT, RESTATES_PROMPT)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "repeated message",
        "steps": "steps up to the repeated message",
        "of_reply": "share of the reply",
        "of_prompt": "share of the repeated message",
        "kind": "kind of repetition",
    }

    min_echo: float = setting(
        0.7, "Smallest share of a reply's 5-grams that are in the prompt, for an echo.", above=0, at_most=1
    )
    min_copied: float = setting(
        0.9, "Smallest share of a prompt's 5-grams that are in the reply, for a copied prompt.", above=0, at_most=1
    )
    min_kept: float = setting(
        0.6, "Smallest share of a reply that is the copied prompt, or of a prompt that is echoed.", above=0, at_most=1
    )
    min_restated: float = setting(
        0.8, "Smallest share of a prompt's 5-grams that are in the reply, for a quoted prompt.", above=0, at_most=1
    )
    min_run: int = setting(8, "Shortest run of words that an echo shares with the prompt.", at_least=1)
    min_prompt: int = setting(3, "Shortest prompt, in words, that replies are compared with.", at_least=1)

    def scan(self, batch: Batch) -> Result:
        """Compare each reply of whole trees with the messages above it."""
        n_tokens = np.diff(batch.tokens.bounds)
        role = batch.column("role")
        parent = batch.below(~as_bools(pc.is_in(role, value_set=pa.array(["system", "tool"]))))
        outcome = np.full(len(batch), CHECKED, dtype=object)
        outcome[n_tokens[parent] < self.min_prompt] = SHORT_PROMPT
        outcome[n_tokens == 0] = NO_WORDS
        outcome[parent < 0] = NO_PROMPT
        for name, reason in NO_REPLIES.items():
            outcome[as_bools(pc.equal(role, name))] = reason
        outcome[as_bools(batch.column("calls").is_valid())] = CALL
        pairs = _ancestors(parent, np.flatnonzero((outcome == CHECKED) & ~batch.is_context))
        found: dict[int, _Repetition] = {}  # the worst of each reply, and of these the nearest
        for suspect in self._suspects(batch, pairs):
            before = found.get(suspect[0])
            if before is None or before.severity < WARNING:
                repetition = self._repetition(batch, *suspect)
                if repetition is not None and (before is None or repetition.severity > before.severity):
                    found[repetition.reply] = repetition
        return Result(
            _findings(batch, list(found.values())),
            cover(batch.checkable, pa.array(outcome[~batch.is_context], pa.string())),
        )

    def _suspects(self, batch: Batch, pairs: _ReplyPairs) -> list[tuple[int, int, int, float, float]]:
        """Return pairs that share enough to be examined, the nearest first: reply, other, steps, shares of both."""
        sets, limits, _ = batch.shingles
        sizes, n_tokens = np.diff(limits), np.diff(batch.tokens.bounds)
        shared = kernels.overlaps(sets, limits, pairs.replies, pairs.others)
        of_reply = shared / np.maximum(1, sizes[pairs.replies])
        of_other = shared / np.maximum(1, sizes[pairs.others])
        # Only a prompt can be restated.
        is_long = (n_tokens[pairs.others] >= SHORT) & (
            (of_reply >= self.min_echo) | ((of_other >= self.min_restated) & (pairs.steps == 1))
        )
        # A short prompt can make up most of a short reply only.
        short = (n_tokens[pairs.others] < SHORT) & (pairs.steps == 1)
        short &= n_tokens[pairs.replies] * self.min_kept <= n_tokens[pairs.others]
        at = np.flatnonzero(is_long | short)
        columns = (pairs.replies, pairs.others, pairs.steps, of_reply, of_other)
        return list(zip(*(column[at].tolist() for column in columns), strict=True))

    def _repetition(
        self, batch: Batch, reply: int, other: int, steps: int, of_reply: float, of_other: float
    ) -> "_Repetition | None":
        left, right = (_tokens_of(batch, row) for row in (reply, other))
        is_same = np.array_equal(left, right)
        run = _CommonRun(len(left), 0, 0) if is_same else longest_run(left, right)
        if len(right) < SHORT:
            of_reply, of_other = run.n / len(left), run.n / len(right)
            if of_other < self.min_copied or of_reply < self.min_kept:
                return None
        copies = of_other >= self.min_copied and of_reply >= self.min_kept and steps == 1
        if of_reply >= self.min_echo and (run.n >= self.min_run or copies):
            # A whole prompt with a little added is a copy; a part of it, or a prompt with nothing added, is an echo.
            rule = COPIES_PROMPT if copies and of_reply < self.min_copied else ECHO
        elif copies:
            rule = COPIES_PROMPT
        elif of_other >= self.min_restated and steps == 1:
            rule = RESTATES_PROMPT
        else:
            return None
        kind = ""
        if rule is not RESTATES_PROMPT and not is_same:
            if steps > 1:
                # Many prompts ask for an earlier message with changes; none asks for it unchanged.
                kind = "earlier message"
                if of_other < self.min_kept:  # conversations take up parts of earlier messages
                    return None
            elif of_other < MIN_PART:  # an answer that was read off its prompt
                return None
            elif of_other < self.min_kept:
                kind = "part of the prompt"
            elif _is_supplied(batch, other, left, right):
                kind = "supplied text"
        return _Repetition(rule, reply, other, steps, of_reply, of_other, run, kind)


class _Repetition(NamedTuple):
    """A reply that repeats a message above it."""

    rule: Rule
    reply: int
    other: int
    steps: int
    of_reply: float
    of_other: float
    run: _CommonRun
    kind: str  # why it is only a note; empty: it is more

    @property
    def severity(self) -> int:
        return NOTE if self.kind else self.rule.severity


def _ancestors(parent: IntArray, rows: IntArray) -> _ReplyPairs:
    """Pair each of these rows with its nearest ancestors."""
    found = []
    at = parent[rows]
    for steps in range(1, MAX_ANCESTORS + 1):
        rows, at = rows[at >= 0], at[at >= 0]
        if not rows.size:
            break
        found.append((rows, at, np.full(len(rows), steps)))
        at = parent[at]
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return _ReplyPairs(none, none, none)
    return _ReplyPairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _tokens_of(batch: Batch, row: int) -> HashArray:
    bounds = batch.tokens.bounds
    return batch.tokens.hashes[bounds[row] : bounds[row + 1]]


# -- two texts -------------------------------------------------------------------------------------------------------


def longest_run(left: HashArray, right: HashArray) -> _CommonRun:
    """Return the longest run of tokens that both texts contain; of several, the first in `left`, then in `right`.

    A run of n tokens contains runs of all smaller lengths, so n is found by bisection; runs are compared by their
    hashes. Where no n-gram occurs twice, the streak of those that follow one another in both texts is that run already.
    """
    low, high = _streak(left, right), min(len(left), len(right))
    middle = low + 1
    while low < high:
        if (_places(grams(left, middle), grams(right, middle)) >= 0).any():
            low = middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    if low == 0:
        return _CommonRun(0, 0, 0)
    places = _places(grams(left, low), grams(right, low))
    first = int((places >= 0).argmax())
    return _CommonRun(low, first, int(places[first]))


def _streak(left: HashArray, right: HashArray) -> int:
    """Return the length of a run in both texts, usually the longest; 0 where they share no n-gram."""
    if min(len(left), len(right)) < N_GRAM:
        return 0
    at = _places(grams(left), grams(right))
    if (at < 0).all():
        return 0
    breaks = np.flatnonzero((at[1:] != at[:-1] + 1) | (at[1:] <= 0)) + 1
    edges = np.concatenate([[0], breaks, [len(at)]])
    return int(np.diff(edges)[at[edges[:-1]] >= 0].max()) + N_GRAM - 1


def _places(values: HashArray, others: HashArray) -> IntArray:
    """Return the first place of each value among the others; -1: nowhere."""
    order = np.argsort(others, kind="stable")
    by_value = np.argsort(values)  # in order, each is near the one before: 10 times faster for long texts
    near = np.empty(len(values), dtype=np.int64)
    near[by_value] = np.minimum(np.searchsorted(others[order], values[by_value]), len(others) - 1)
    places: IntArray = order[near]
    places[others[places] != values] = -1
    return places


def _is_supplied(batch: Batch, prompt: int, reply: HashArray, asked: HashArray) -> bool:
    """Whether the reply repeats a part of the prompt that is set off from other words before or after it."""
    covered = _covered(asked, reply)
    if covered is None:
        return False
    first, last = covered
    tokens = batch.tokens
    start = int(tokens.bounds[prompt])
    text = batch.column("text")[prompt].as_py().encode()

    def between(k: int) -> str:
        """Return the characters between the k-th token of the prompt and the one before it."""
        gap: bytes = text[tokens.ends[start + k - 1] : tokens.starts[start + k]]
        return gap.decode()

    before = first >= 2 and not _BORDERS.isdisjoint(between(first))
    after = len(asked) - last >= 2 and not _BORDERS.isdisjoint(between(last))
    return before or after


def _covered(asked: HashArray, reply: HashArray) -> tuple[int, int] | None:
    """Return the first and the last token (exclusive) of the prompt that are in an n-gram of the reply."""
    n = min(N_GRAM, len(asked), len(reply))
    hits = np.flatnonzero(_places(grams(asked, n), grams(reply, n)) >= 0)
    return (int(hits[0]), int(hits[-1]) + n) if hits.size else None


# -- claims ----------------------------------------------------------------------------------------------------------


def _findings(batch: Batch, found: Sequence[_Repetition]) -> pa.Table:
    """Return FINDINGS of these repetitions."""
    ids = batch.column("message_id")
    tables = [FINDINGS.empty_table()]
    for rule in PromptParroting.rules:
        for severity in (NOTE, WARNING):
            some = [r for r in found if r.rule is rule and r.severity == severity]
            if some:
                replies, others = (np.array(rows) for rows in zip(*((r.reply, r.other) for r in some), strict=True))
                n, left, right = np.array([r.run for r in some]).T
                partners = [key or "" for key in ids.take(pa.array(others)).to_pylist()]
                tables.append(
                    claim(
                        batch.places,
                        rule,
                        replies,
                        [_summary(r) for r in some],
                        spans=[
                            token_spans(batch, replies, left, left + n),
                            token_spans(batch, others, right, right + n),
                        ],
                        score=np.array([r.of_other if rule is RESTATES_PROMPT else r.of_reply for r in some]),
                        severity=severity,
                        facets=[_facets(r, partner) for r, partner in zip(some, partners, strict=True)],
                        about=partners,
                    )
                )
    return pa.concat_tables(tables)


def _summary(r: _Repetition) -> str:
    other = "its prompt" if r.steps == 1 else f"the message {r.steps} steps above"
    run = "1 word" if r.run.n == 1 else f"{r.run.n:,} words in a row"
    of_reply, of_other = in_percent(r.of_reply, 0), in_percent(r.of_other, 0)
    if r.rule is ECHO:
        return f"{of_reply} of the reply is copied from {other} ({of_other} of which it repeats; {run})"
    verb = "Quotes" if r.rule is RESTATES_PROMPT else "Contains"
    return f"{verb} {of_other} of its prompt, which is {of_reply} of the reply ({run})"


def _facets(r: _Repetition, partner: str) -> dict[str, str]:
    facets = {
        "partner": partner,
        "steps": str(r.steps),
        "of_reply": f"{r.of_reply:.2f}",
        "of_prompt": f"{r.of_other:.2f}",
    }
    return facets | ({"kind": r.kind} if r.kind else {})
