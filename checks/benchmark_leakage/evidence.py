"""Hits of benchmark items in messages: what kind, with which choices and answer."""

from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np

from ...benchmarks_refs.fingerprints import (
    ANSWER,
    CHOICES,
    N_GRAM,
    QUESTION,
    STEP,
    WHOLE,
    as_written,
    coded,
    leading,
)
from ..base import kernels
from ..base.arrow.columns import is_among
from ..base.messages import Batch
from ..base.text.tokens import HashArray, grams
from ..base.text.words import Words
from .references import References

WHOLLY = 0.999  # of a part; less is an edit, and not rounding
MIN_CHOICES = 0.75  # of the choices, where they must follow a question
MIN_ANSWER = 3.5  # nats, of an answer after its question: a yes is no evidence
MAX_OWNERS = 64  # items that share a question, whose choices are looked for
MAX_BELOW = 64  # messages below a question that its answer is looked for in: trees may be long, and full of copies


class Piece(NamedTuple):
    """A piece of an item in another message than the rest, or behind it."""

    row: int
    first: int  # tokens
    end: int


@dataclass(frozen=True)
class ItemHit:
    """A part of an item in a message."""

    row: int
    part: int
    items: tuple[int, ...]  # that have this part, and whose choices are here where that matters
    first: int  # tokens of the message
    end: int
    share: float  # of the part, by weight
    exact: float  # by 5-grams alone
    masked: float  # the same with all numbers treated as equal
    nats: float  # that the words found carry
    score: float = 0.0  # the probability that the item is here; of a passage, `share`
    kind: str = ""  # of questions
    choices: "Choices | None" = None
    answer: Piece | None = None
    begins: Piece | None = None  # the beginning of a question that goes on in this message

    @property
    def rows(self) -> tuple[int, ...]:
        """The rows of the message, of the reply with the answer, and of the turn before that the question begins in."""
        return (self.row, *(piece.row for piece in (self.answer, self.begins) if piece))


class HashedTexts:
    """Texts of a batch, as hashes: its messages, or two of them at a time."""

    def __init__(self, words: Words, refs: References, batch: Batch) -> None:
        self.words, self.refs, self.batch = words, refs, batch
        self._grams: dict[int, HashArray] = {}

    def tokens(self, row: int) -> HashArray:
        """Return the hashes of a message's tokens."""
        bounds = self.words.tokens.bounds
        return self.words.tokens.hashes[bounds[row] : bounds[row + 1]]

    def grams(self, row: int) -> HashArray:
        """Return the values of the grams of a message."""
        if row not in self._grams:
            self._grams[row] = kernels.values_of(coded(self.tokens(row)), N_GRAM)
        return self._grams[row]

    def place(self, part: int, row: int, first: int, end: int) -> tuple[int, int] | None:
        """Return the place of a part among the tokens [first, end) of a message; over half of its grams suffice."""
        n, own = int(self.refs.n_tokens[part]), kernels.values_of(self.refs.codes_of(part), N_GRAM)
        if not n:
            return None
        if not len(own):
            here = leading(grams(self.tokens(row)[first:end], n), WHOLE)
            at = np.flatnonzero(here == self.refs.columns.whole[part])
            return (first + int(at[0]), first + int(at[0]) + n) if at.size else None
        here = self.grams(row)[first : max(first, end - N_GRAM + 1)]
        own = np.sort(own)
        is_own = is_among(here, own)
        if 2 * len(set(here[is_own].tolist())) <= len(set(own.tolist())):
            return None
        at = np.flatnonzero(is_own)
        return first + int(at[0]), first + int(at[-1]) + N_GRAM


def restates(hit: ItemHit, batch: Batch, containing: set[int]) -> bool:
    """Whether a message above contains the same question: then this is not a leak of its own, but below one."""
    if hit.exact > WHOLLY or len(containing) == 1:
        return False
    row = int(batch.parent[hit.row])
    for _ in range(int(batch.depth[hit.row])):
        if row in containing:
            return True
        row = int(batch.parent[row])
    return False


def by_row(hits: list[ItemHit]) -> list[list[ItemHit]]:
    """Group hits by message."""
    groups: dict[int, list[ItemHit]] = {}
    for hit in sorted(hits, key=lambda hit: (hit.row, hit.part)):
        groups.setdefault(hit.row, []).append(hit)
    return list(groups.values())


def best(group: list[ItemHit], refs: References) -> list[ItemHit]:
    """Return the hits of one message that no better one explains: of two that overlap, the one with more words."""
    kept: list[ItemHit] = []
    for hit in sorted(group, key=lambda h: (-h.exact * h.nats, -h.exact, h.part)):
        better = [
            other
            for other in kept
            if refs.columns.kinds[other.part] == refs.columns.kinds[hit.part]
            and 2 * (min(hit.end, other.end) - max(hit.first, other.first)) > hit.end - hit.first
        ]
        # A verbatim item of another benchmark counts by itself; in one benchmark, a part of a longer item does not.
        same_set = [other for other in better if refs.card_of_part[other.part] == refs.card_of_part[hit.part]]
        if not better or (hit.exact > WHOLLY and not same_set):
            kept.append(hit)
    return sorted(kept, key=lambda h: (h.first, h.part))


class Choices(NamedTuple):
    """Choices that follow a question."""

    items: tuple[int, ...]  # of which these are the choices
    n_found: int
    n: int
    nats: float
    end: int  # token after the last
    is_reordered: bool

    @property
    def share(self) -> float:
        return self.n_found / self.n


def choices_behind(hit: ItemHit, texts: HashedTexts) -> Choices | None:
    """Return the choices after a question, and whose they are; None where no item has MIN_CHOICES of them there."""
    refs = texts.refs
    found: Choices | None = None
    for item in hit.items[:MAX_OWNERS]:
        choices = refs.parts_of(item, CHOICES)
        if not choices:
            continue
        # As far after the question as letters, line breaks and edits may move them.
        end = min(len(texts.tokens(hit.row)), hit.end + 2 * int(refs.n_tokens[choices].sum()) + 16)
        places: list[tuple[int, int] | None] = []
        n_missing = 0
        for choice in choices:
            places.append(texts.place(choice, hit.row, hit.end, end))
            n_missing += places[-1] is None
            if len(choices) - n_missing < MIN_CHOICES * len(choices):
                break
        there = [place for place in places if place]
        share = len(there) / len(choices)
        if share < MIN_CHOICES or (found and share < found.share):
            continue
        found = Choices(
            (*found.items, item) if found and share == found.share else (item,),
            len(there),
            len(choices),
            STEP * float(sum(refs.total(c) for c, place in zip(choices, places, strict=True) if place)),
            max(end for _, end in there),
            share == 1 and sorted(there) != there,
        )
    return found


def with_kind(hit: ItemHit, texts: HashedTexts) -> ItemHit:
    """Return the hit of a question with its kind, extended to its last choice."""
    kind, choices = kind_of(hit, texts), hit.choices
    if choices is None:
        return replace(hit, kind=kind)
    if choices.is_reordered and kind in ("verbatim", "embedded"):
        kind = "options_reordered"
    elif kind == "embedded" and hit.first == 0 and choices.end == len(texts.tokens(hit.row)):
        kind = "verbatim"
    return replace(hit, items=choices.items, kind=kind, end=choices.end)


def kind_of(hit: ItemHit, texts: HashedTexts) -> str:
    """Return how a hit differs from its item: not at all, in case or punctuation, in numbers, in words."""
    if hit.exact < WHOLLY or hit.end - hit.first != texts.refs.n_tokens[hit.part]:
        return "numbers_changed" if hit.masked >= 0.9 and hit.masked - hit.exact >= 0.1 else "edited"
    tokens = texts.words.tokens
    text = texts.words.column[hit.row].as_py().encode()
    first = int(tokens.bounds[hit.row]) + hit.first
    start, end = int(tokens.starts[first]), int(tokens.ends[first + hit.end - hit.first - 1])
    if as_written(text, start, end) != texts.refs.columns.written[hit.part]:
        return "case_or_punctuation"
    return "verbatim" if hit.end - hit.first == len(texts.tokens(hit.row)) else "embedded"


def with_answer(hit: ItemHit, texts: HashedTexts) -> ItemHit:
    """Return the hit with the place of its answer: after the question, or in a message below it."""
    refs, batch = texts.refs, texts.batch
    if refs.columns.kinds[hit.part] != QUESTION:
        return hit
    for item in hit.items[:MAX_OWNERS]:
        for answer in refs.parts_of(item, ANSWER):
            if refs.total(answer) * STEP < MIN_ANSWER:
                continue
            others = [c for c in refs.parts_of(item, CHOICES) if refs.columns.whole[c] != refs.columns.whole[answer]]
            nearby = islice(batch.all_below(hit.row), MAX_BELOW)
            for row, first in [(hit.row, hit.end), *((below, 0) for below in nearby)]:
                end = len(texts.tokens(row))
                place = texts.place(answer, row, first, end)
                # Where all choices are repeated, the right one is not given away.
                if place and not (others and all(texts.place(c, row, first, end) for c in others)):
                    return replace(hit, items=(item,), answer=Piece(row, *place))
    return hit
