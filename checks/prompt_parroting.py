"""Replies that repeat their prompt instead of answering it, shown on both sides.

Each reply is held against its prompt and its other ancestors. The two texts of a pair are known, so their sets of word
5-grams are counted out against each other; MinHash, which finds pairs, has nothing to do here.

What a system message or a tool says is passed over on the way up, and is no reply itself. An answer that gives a tool's
result back does its work; one that recites its system message is another fault than this.

A reply that gives back a text which the prompt supplied (to be corrected, rewritten, continued) does its work. In any
language such a prompt says something else before or behind the text, with a colon, a quotation mark or a line break
between; what is repeated then begins or ends there. That is told as a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .base import kernels
from .base.check import Check, Method, Result
from .base.findings import FINDINGS, NOTE, WARNING, Rule, claim, cover, token_spans
from .base.messages import Batch, IntArray, as_bools
from .base.text import N_GRAM, HashArray, grams

NAME = "prompt_parroting"

ECHO = Rule(
    f"{NAME}/echo",
    "The reply is mostly its prompt, or another message before it",
    WARNING,
    "Drop the reply: a model that learns from it repeats questions instead of answering them.",
)
COPIES_PROMPT = Rule(
    f"{NAME}/copies_prompt",
    "The reply holds the whole prompt, and adds little",
    WARNING,
    "Cut the prompt out of the reply, or drop it where nothing of worth is left.",
)
RESTATES_PROMPT = Rule(
    f"{NAME}/restates_prompt",
    "The reply quotes its prompt, and then answers",
    NOTE,
    "A habit of some writers and models. Where it is frequent, a model learns to quote first.",
)

METHOD = Method(
    sure="Of 365 planted echoes it flags 363 and tells the other two as notes; of 115 quotations it flags none.",
    how=(
        "Each reply is held against its prompt and the messages above that. The two texts are known, so nothing is "
        "searched or guessed. Messages of the system and results of tools are passed over.",
        "Their sets of word 5-grams are counted out: how much of the reply stands in the prompt, and how much of the "
        "prompt in the reply.",
        "The longest run of words that stands in both is marked on both sides. A prompt of very few words is compared "
        "by that run alone.",
        "A reply that gives back a text which the prompt supplied, to be corrected or continued, is told as a note. "
        "What is repeated then begins or ends at a colon, a quotation mark or a line break.",
        "An earlier message that comes back changed is a note too: to revise is what prompts ask for.",
    ),
    blind=(
        "A prompt that is repeated in other words shares too few 5-grams to be seen.",
        "A supplied text that nothing sets off from the words around it is taken for an echo.",
        "In a very deep thread only the nearest messages above a reply are held against it.",
        "Replies to a prompt of hardly any words are not judged. They are counted as such.",
    ),
    measured=(
        "Releases of 20,000 messages with planted echoes, seeds 1 to 3: 363 of 365 echoes flagged, none of 115 "
        "quotations. The other two echoes are edited code blocks, told as notes.",
    ),
    sources=("Broder (1997), On the resemblance and containment of documents.",),
)

NO_REPLIES = {"prompter": "a prompter's message", "system": "a system message", "tool": "a tool's result"}
CALL = "a call of a tool"  # which may hand the prompt on
NO_PROMPT = "no prompt before it in the data"
NO_WORDS = "the text has no words"
SHORT_PROMPT = "its prompt has too few words"

SHORT = 8  # tokens; a shorter prompt has so few 5-grams that its words are compared in their order
MIN_PART = 0.3  # of a prompt that makes up a reply; less of it is an answer read off the prompt
MAX_ANCESTORS = 20  # the nearest ones; a thread is rarely as deep
# What stands between an instruction and the text that it is about: colons, quotation marks, brackets, line breaks.
_BORDERS = frozenset(":：\n\r\"'`“”„‟‘’‚«»‹›「」『』《》〈〉()[]{}（）【】<>|*#—–։")


class _Pairs(NamedTuple):
    """Replies, and a message before each of them."""

    replies: IntArray  # rows of the batch
    others: IntArray
    steps: IntArray  # 1: its prompt


class _Run(NamedTuple):
    """The longest run of tokens that stands in two texts."""

    n: int
    left: int  # where it begins, in tokens
    right: int


@dataclass(frozen=True)
class PromptParroting(Check):
    """Flag replies that repeat their prompt, or another message before them."""

    name: ClassVar = NAME
    rules: ClassVar = (ECHO, COPIES_PROMPT, RESTATES_PROMPT)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "id of the message that it repeats",
        "steps": "how far above the reply that message stands; 1 is its prompt",
        "of_reply": "share of the reply that stands in that message",
        "of_prompt": "share of that message that stands in the reply",
        "kind": "why it is no more than a note",
    }

    min_echo: float = 0.7  # of the reply's 5-grams that stand in the prompt, for an echo
    min_copied: float = 0.9  # of the prompt's 5-grams that stand in the reply, for a copied prompt
    min_kept: float = 0.6  # of a reply that copies its prompt, or of a prompt that is echoed
    min_restated: float = 0.8  # of the prompt's 5-grams, for a prompt that is restated
    min_run: int = 8  # tokens in a row that must be the same
    min_prompt: int = 3  # tokens of a prompt that is held against its replies

    def __post_init__(self) -> None:
        for name in ("min_echo", "min_copied", "min_kept", "min_restated"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not in (0, 1]")
        for name in ("min_run", "min_prompt"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")

    def scan(self, batch: Batch) -> Result:
        """Hold each reply of whole trees against the messages before it."""
        n_tokens = np.diff(batch.tokens.bounds)
        role = batch.column("role")
        parent = batch.below(~as_bools(pc.is_in(role, value_set=pa.array(["system", "tool"]))))
        outcome = np.full(len(batch), "judged", dtype=object)
        outcome[n_tokens[parent] < self.min_prompt] = SHORT_PROMPT
        outcome[n_tokens == 0] = NO_WORDS
        outcome[parent < 0] = NO_PROMPT
        for name, reason in NO_REPLIES.items():
            outcome[as_bools(pc.equal(role, name))] = reason
        outcome[as_bools(batch.column("calls").is_valid())] = CALL
        pairs = _ancestors(parent, np.flatnonzero((outcome == "judged") & ~batch.is_context))
        found: dict[int, _Claim] = {}  # of each reply the worst, and of these the nearest
        for suspect in self._suspects(batch, pairs):
            before = found.get(suspect[0])
            if before is None or before.severity < WARNING:
                claimed = self._judge(batch, *suspect)
                if claimed is not None and (before is None or claimed.severity > before.severity):
                    found[claimed.reply] = claimed
        return Result(
            _told(batch, list(found.values())),
            cover(batch.judged, pa.array(outcome[~batch.is_context], pa.string())),
        )

    def _suspects(self, batch: Batch, pairs: _Pairs) -> list[tuple[int, int, int, float, float]]:
        """Pairs that share so much that they are looked at, the nearest first: reply, other, steps, shares of both."""
        sets, limits, _ = batch.shingles
        sizes, n_tokens = np.diff(limits), np.diff(batch.tokens.bounds)
        shared = kernels.overlaps(sets, limits, pairs.replies, pairs.others)
        of_reply = shared / np.maximum(1, sizes[pairs.replies])
        of_other = shared / np.maximum(1, sizes[pairs.others])
        # Only a prompt is asked to be restated.
        is_long = (n_tokens[pairs.others] >= SHORT) & (
            (of_reply >= self.min_echo) | ((of_other >= self.min_restated) & (pairs.steps == 1))
        )
        # A short prompt can make up a reply only where that is short too.
        short = (n_tokens[pairs.others] < SHORT) & (pairs.steps == 1)
        short &= n_tokens[pairs.replies] * self.min_kept <= n_tokens[pairs.others]
        at = np.flatnonzero(is_long | short)
        columns = (pairs.replies, pairs.others, pairs.steps, of_reply, of_other)
        return list(zip(*(column[at].tolist() for column in columns), strict=True))

    def _judge(
        self, batch: Batch, reply: int, other: int, steps: int, of_reply: float, of_other: float
    ) -> "_Claim | None":
        left, right = (_tokens_of(batch, row) for row in (reply, other))
        is_same = np.array_equal(left, right)
        run = _Run(len(left), 0, 0) if is_same else longest_run(left, right)
        if len(right) < SHORT:
            of_reply, of_other = run.n / len(left), run.n / len(right)
            if of_other < self.min_copied or of_reply < self.min_kept:
                return None
        copies = of_other >= self.min_copied and of_reply >= self.min_kept and steps == 1
        if of_reply >= self.min_echo and (run.n >= self.min_run or copies):
            # What little is added to a whole prompt makes it a copy; of less of it, or with nothing added, an echo.
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
                # To give an earlier message back changed is what many a prompt asks for; unchanged is what none does.
                kind = "earlier message"
                if of_other < self.min_kept:  # to take a part of it up again is how talk goes
                    return None
            elif of_other < MIN_PART:  # an answer that was read off its prompt
                return None
            elif of_other < self.min_kept:
                kind = "part of the prompt"
            elif _is_supplied(batch, other, left, right):
                kind = "supplied text"
        return _Claim(rule, reply, other, steps, of_reply, of_other, run, kind)


class _Claim(NamedTuple):
    rule: Rule
    reply: int
    other: int
    steps: int
    of_reply: float
    of_other: float
    run: _Run
    kind: str  # why it is no more than a note; empty where it is

    @property
    def severity(self) -> int:
        return NOTE if self.kind else self.rule.severity


def _ancestors(parent: IntArray, rows: IntArray) -> _Pairs:
    """Each of these rows with its nearest ancestors."""
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
        return _Pairs(none, none, none)
    return _Pairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _tokens_of(batch: Batch, row: int) -> HashArray:
    bounds = batch.tokens.bounds
    return batch.tokens.hashes[bounds[row] : bounds[row + 1]]


# -- two texts -------------------------------------------------------------------------------------------------------


def longest_run(left: HashArray, right: HashArray) -> _Run:
    """The longest run of tokens that stands in both texts; of several, the first in `left`, and there in `right`.

    A run of n tokens holds runs of all lesser lengths, so n is found by halving; runs are compared by their hashes.
    Where no n-gram stands twice, the streak of those that follow one another in both texts is that run already.
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
        return _Run(0, 0, 0)
    places = _places(grams(left, low), grams(right, low))
    first = int((places >= 0).argmax())
    return _Run(low, first, int(places[first]))


def _streak(left: HashArray, right: HashArray) -> int:
    """Tokens of a run that stands in both texts, and as a rule of the longest; 0 where no n-gram does."""
    if min(len(left), len(right)) < N_GRAM:
        return 0
    at = _places(grams(left), grams(right))
    if (at < 0).all():
        return 0
    breaks = np.flatnonzero((at[1:] != at[:-1] + 1) | (at[1:] <= 0)) + 1
    edges = np.concatenate([[0], breaks, [len(at)]])
    return int(np.diff(edges)[at[edges[:-1]] >= 0].max()) + N_GRAM - 1


def _places(values: HashArray, others: HashArray) -> IntArray:
    """Where each value stands first among the others; -1: nowhere."""
    order = np.argsort(others, kind="stable")
    by_value = np.argsort(values)  # looked up in order, each is near the one before: 10 times faster for long texts
    near = np.empty(len(values), dtype=np.int64)
    near[by_value] = np.minimum(np.searchsorted(others[order], values[by_value]), len(others) - 1)
    places: IntArray = order[near]
    places[others[places] != values] = -1
    return places


def _is_supplied(batch: Batch, prompt: int, reply: HashArray, asked: HashArray) -> bool:
    """Whether what the reply repeats is a part of the prompt, set off from other words before or behind it."""
    covered = _covered(asked, reply)
    if covered is None:
        return False
    first, last = covered
    tokens = batch.tokens
    start = int(tokens.bounds[prompt])
    text = batch.column("text")[prompt].as_py().encode()

    def between(k: int) -> str:
        """What stands between the k-th token of the prompt and the one before it."""
        gap: bytes = text[tokens.ends[start + k - 1] : tokens.starts[start + k]]
        return gap.decode()

    before = first >= 2 and not _BORDERS.isdisjoint(between(first))
    behind = len(asked) - last >= 2 and not _BORDERS.isdisjoint(between(last))
    return before or behind


def _covered(asked: HashArray, reply: HashArray) -> tuple[int, int] | None:
    """The first and the last token (exclusive) of the prompt that lie in an n-gram of the reply."""
    n = min(N_GRAM, len(asked), len(reply))
    hits = np.flatnonzero(_places(grams(asked, n), grams(reply, n)) >= 0)
    return (int(hits[0]), int(hits[-1]) + n) if hits.size else None


# -- claims ----------------------------------------------------------------------------------------------------------


def _told(batch: Batch, found: Sequence[_Claim]) -> pa.Table:
    """FINDINGS of these claims."""
    ids = batch.column("message_id")
    tables = [FINDINGS.empty_table()]
    for rule in PromptParroting.rules:
        for severity in (NOTE, WARNING):
            told = [c for c in found if c.rule is rule and c.severity == severity]
            if told:
                replies, others = (np.array(rows) for rows in zip(*((c.reply, c.other) for c in told), strict=True))
                n, left, right = np.array([c.run for c in told]).T
                partners = [key or "" for key in ids.take(pa.array(others)).to_pylist()]
                tables.append(
                    claim(
                        batch.places,
                        rule,
                        replies,
                        [_summary(c) for c in told],
                        spans=[
                            token_spans(batch, replies, left, left + n),
                            token_spans(batch, others, right, right + n),
                        ],
                        score=np.array([c.of_other if rule is RESTATES_PROMPT else c.of_reply for c in told]),
                        severity=severity,
                        facets=[_facets(c, partner) for c, partner in zip(told, partners, strict=True)],
                        about=partners,
                    )
                )
    return pa.concat_tables(tables)


def _summary(c: _Claim) -> str:
    other = "the prompt" if c.steps == 1 else f"the message {c.steps} steps before it"
    return (
        f"{c.of_reply:.0%} of the reply stands in {other}, and {c.of_other:.0%} of {'that' if c.steps == 1 else 'it'} "
        f"in the reply; {c.run.n:,} words in a row are the same"
    )


def _facets(c: _Claim, partner: str) -> dict[str, str]:
    facets = {
        "partner": partner,
        "steps": str(c.steps),
        "of_reply": f"{c.of_reply:.2f}",
        "of_prompt": f"{c.of_other:.2f}",
    }
    return facets | ({"kind": c.kind} if c.kind else {})
