"""A reply beside a message above it, word by word."""

import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import cached_property
from typing import NamedTuple

from ..base.messages import Batch
from ..base.text.alignment import Block, align
from ..base.text.tokens import N_GRAM, HashArray, grams

MIN_ALIKE = 0.65  # of two words of which one is the other misspelt; by SequenceMatcher
FEW = 4  # words; in a shorter text, and beside replaced words, single shared words count; elsewhere they are chance
MAX_REPLACED = 2  # words in a row
MAX_GAP = 100  # words between shared ones that are compared one for one; longer ones are another text


class Words(NamedTuple):
    """The words of one message, with their places in its text."""

    text: bytes
    hashes: HashArray
    starts: list[int]  # bytes
    ends: list[int]

    def __len__(self) -> int:
        return len(self.starts)

    def word(self, k: int) -> str:
        """Return one word without case."""
        return unicodedata.normalize("NFC", self.between(self.starts[k], self.ends[k])).casefold()

    def between(self, start: int, end: int) -> str:
        """Return the text between two places."""
        return self.text[start:end].decode()

    def runs(self, marks: list[bool], marked: bool) -> Iterator[tuple[int, int]]:
        """Yield the runs [first, end) of words that are marked, or those that are not."""
        first = 0
        for k, mark in enumerate([*marks, not marked]):
            if mark is not marked:
                if k > first:
                    yield first, k
                first = k + 1


def words_of(batch: Batch, row: int) -> Words:
    """Return the words of one message of a batch."""
    tokens = batch.tokens
    first, end = tokens.bounds[row : row + 2].tolist()
    text = batch.column("text")[row].as_py().encode()
    return Words(text, tokens.hashes[first:end], tokens.starts[first:end].tolist(), tokens.ends[first:end].tolist())


class Comparison:
    """A reply beside a message above it: which words they share, in the order of both, misspelt ones included."""

    def __init__(self, reply: Words, other: Words) -> None:
        self.reply, self.other = reply, other
        self.is_taken, self.is_kept = [False] * len(reply), [False] * len(other)
        self.n_misspelt = 0
        self.blocks = self._blocks()
        for left, right, n in self.blocks:
            self.is_taken[left : left + n] = [True] * n
            self.is_kept[right : right + n] = [True] * n
        self._take_misspelt()

    def _blocks(self) -> list[Block]:
        """Return the runs of shared words; single ones only where they are no chance."""
        blocks = align(self.reply.hashes, self.other.hashes)
        if min(len(self.reply), len(self.other)) <= FEW:
            return blocks
        edges = [Block(0, 0, 0), *blocks, Block(len(self.reply), len(self.other), 0)]
        return [
            block
            for before, block, after in zip(edges, edges[1:], edges[2:], strict=False)
            if block.n > 1 or (_are_replaced(before, block) and _are_replaced(block, after))
        ]

    def _take_misspelt(self) -> None:
        """Mark words between the shared ones that are alike, one for one from either side."""
        a = b = 0
        for left, right, n in [*self.blocks, Block(len(self.reply), len(self.other), 0)]:
            if min(left - a, right - b) > MAX_GAP:
                a, b = left + n, right + n
                continue
            for i, j in zip(range(a, left), range(b, right), strict=False):
                self._take(i, j)
            for i, j in zip(range(left - 1, a - 1, -1), range(right - 1, b - 1, -1), strict=False):
                self._take(i, j)
            a, b = left + n, right + n

    def _take(self, i: int, j: int) -> None:
        if not (self.is_taken[i] or self.is_kept[j]) and _are_alike(self.reply.word(i), self.other.word(j)):
            self.is_taken[i] = self.is_kept[j] = True
            self.n_misspelt += 1

    @property
    def run(self) -> Block:
        """The longest run of words that both share; of several, the first."""
        return max(self.blocks, key=lambda block: block.n, default=Block(0, 0, 0))

    @property
    def of_other(self) -> float:
        """Share of the other message that the reply repeats."""
        return sum(self.is_kept) / len(self.other)

    @property
    def of_reply(self) -> float:
        """Share of the reply that is in the other message, said once or more often."""
        return (sum(self.is_taken) + sum(self.is_again)) / len(self.reply)

    @cached_property
    def is_again(self) -> list[bool]:
        """Words of the reply outside these runs that are in an n-gram of the other message: it may be said twice."""
        is_again = [False] * len(self.reply)
        if not all(self.is_taken):
            n = min(N_GRAM, len(self.other), len(self.reply))
            known = set(grams(self.other.hashes, n).tolist())
            for k, gram in enumerate(grams(self.reply.hashes, n).tolist()):
                if gram in known:
                    is_again[k : k + n] = [True] * n
        return [again and not taken for again, taken in zip(is_again, self.is_taken, strict=True)]

    @cached_property
    def edges(self) -> tuple[int, int]:
        """The numbers of words of the other message before and behind all that the reply repeats of it."""
        at = [k for k, kept in enumerate(self.is_kept) if kept]
        return (at[0], len(self.is_kept) - 1 - at[-1]) if at else (len(self.is_kept), 0)

    @property
    def at_edges(self) -> list[str]:
        """What the other message says before and behind that."""
        (head, tail), other = self.edges, self.other
        texts = [other.between(0, other.starts[head])] if 0 < head < len(other) else []
        return texts + ([other.between(other.ends[-1 - tail], len(other.text))] if tail else [])

    @property
    def borders(self) -> list[str]:
        """The signs between that and what the reply repeats."""
        (head, tail), other = self.edges, self.other
        texts = [other.between(other.ends[head - 1], other.starts[head])] if 0 < head < len(other) else []
        return texts + ([other.between(other.ends[-1 - tail], other.starts[-tail])] if tail else [])

    @cached_property
    def ends(self) -> tuple[int, int]:
        """The first word of the reply that both share, and the last."""
        taken = [k for k, mark in enumerate(self.is_taken) if mark]
        return (taken[0], taken[-1]) if taken else (0, -1)

    @property
    def shared_texts(self) -> tuple[str, str]:
        """The texts of both from the first word that they share to the last."""
        (head, tail), (first, last), reply, other = self.edges, self.ends, self.reply, self.other
        if last < 0:
            return "", ""
        return (
            reply.between(reply.starts[first], reply.ends[last]),
            other.between(other.starts[head], other.ends[-1 - tail]),
        )

    @property
    def said_around(self) -> str:
        """What the reply says before and behind that."""
        (first, last), reply = self.ends, self.reply
        return reply.between(0, reply.starts[first]) + reply.between(reply.ends[last], len(reply.text))


def _are_replaced(before: Block, after: Block) -> bool:
    """Whether a word or two between two runs were replaced by as many."""
    gaps = after.left - before.left - before.n, after.right - before.right - before.n
    return gaps[0] == gaps[1] <= MAX_REPLACED


def _are_alike(word: str, other: str) -> bool:
    """Whether one of two words is the other with a slip of the pen; numbers never are."""
    if min(len(word), len(other)) < 3 or abs(len(word) - len(other)) > 2:
        return False
    if any(c.isdigit() for c in word + other):
        return False
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= MIN_ALIKE
