"""Words by which the automaton finds the few texts that the grammars read, and what each may belong to."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import ahocorasick_rs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, utf8
from .interface import MAX_LINE
from .lectures import WIDE
from .names import NAMES
from .tongues import TONGUES

HEAD = 320  # code points in which a reply says that it refuses
MAX_BYTES = 4  # of a character
N_KINDS = 9

# "Made me", "I was made", in English.
_VERBS = (
    "created", "made", "built", "trained", "developed", "designed", "programmed", "engineered", "invented", "launched",
    "released", "fine-tuned", "named", "taught",
)  # fmt: skip
_SUBJECTS = ("i was", "i am", "i'm", "been", "i got", "ly", "and")


class Anchored(NamedTuple):
    """A text in lower case, and where it has anchors, by what they may belong to: code points, ascending."""

    row: int
    text: str
    names: list[tuple[int, int]]  # the longest at each place
    agents: list[int]
    knowledge: list[int]
    cannot: list[int]
    lines: list[int]  # of a chat window
    marks: list[int]
    topics: list[int]  # of lectures, in their first code points


_NAME, _MAKER, _AGENT, _MADE, _KNOWS, _REFUSES, _LINE, _MARK, _TOPIC = (1 << k for k in range(N_KINDS))
# What to look for in a reply, and in a prompt. A _MAKER is a company with other trades.
REPLY, PROMPT = (1 << N_KINDS) - 1, _NAME | _MAKER | _AGENT | _MADE
_BIT = {code: 1 << k for k, code in enumerate(TONGUES)}
_EVERY = (1 << len(TONGUES)) - 1


def tongue_bits(codes: Iterable[str]) -> int:
    """Return languages as bits, for `anchored`."""
    return sum(_BIT[code] for code in codes)


class _Automaton(NamedTuple):
    """An automaton of all anchors; what each may belong to, and in which languages."""

    search: ahocorasick_rs.BytesAhoCorasick
    kinds: npt.NDArray[np.int64]  # shape (n_anchors,)
    tongues: npt.NDArray[np.int64]  # shape (N_KINDS, n_anchors), by kind: bits of languages


@cache
def _automaton() -> _Automaton:
    words = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    kinds: dict[str, dict[int, int]] = defaultdict(dict)  # by anchor: the languages of each kind
    for spelling, name in NAMES.items():
        kinds[spelling][_NAME if name.model or name.is_sure else _MAKER] = _EVERY
    made_me = {f"{verb} me" for verb in _VERBS} | {f"{subject} {verb}" for subject in _SUBJECTS for verb in _VERBS}
    for group, kind, tongues in (
        (words["lines"], _LINE, _EVERY),
        (words["marks"], _MARK, _EVERY),
        (words["topics"], _TOPIC, _BIT["en"]),
        ({*made_me, *words["english_made"]}, _MADE, _BIT["en"]),
        (words["english_agents"], _AGENT, _BIT["en"]),
        (words["english_knowledge"], _KNOWS, _BIT["en"]),
        (words["english_cannot"], _REFUSES, _BIT["en"]),
    ):
        for word in group:
            kinds[word][kind] = tongues
    for group, kind, field in (
        (words["agents"], _AGENT, "agent"),
        (words["knowledge"], _KNOWS, "knows"),
        (words["cannot"], _REFUSES, "cannot"),
    ):
        for word in group:
            # A word belongs to the languages whose forms contain it, to all where it is a part of a pattern.
            core = word.strip(" .,'-")
            codes = [code for code, tongue in TONGUES.items() if code != "en" and core in getattr(tongue, field)]
            kinds[word][kind] = kinds[word].get(kind, 0) | (tongue_bits(codes) or _EVERY & ~_BIT["en"])
    made = ahocorasick_rs.BytesAhoCorasick(
        [word.encode() for word in kinds],
        matchkind=ahocorasick_rs.MatchKind.Standard,  # the only kind that gives all anchors at a place
        implementation=ahocorasick_rs.Implementation.DFA,
    )
    return _Automaton(
        made,
        np.array([sum(of) for of in kinds.values()], dtype=np.int64),
        np.array([[of.get(1 << k, 0) for of in kinds.values()] for k in range(N_KINDS)], dtype=np.int64),
    )


def lowered(column: pa.Array) -> pa.Array:
    """Return texts in lower case and with straight apostrophes, code point for code point."""
    return pc.replace_substring(pc.utf8_lower(column), "\u2019", "'")


def anchored(column: pa.Array, wanted: IntArray | int = REPLY, tongues: IntArray | int = _EVERY) -> Iterator[Anchored]:
    """Yield the texts that have anchors.

    Parameters
    ----------
    column : Array of string
        The texts.
    wanted : ndarray of int64, shape (n_texts,), or int
        What to look for in each text: REPLY or PROMPT.
    tongues : ndarray of int64, shape (n_texts,), or int
        The languages that each text may be in, as `tongue_bits`.
    """
    texts = lowered(column)
    data, offsets = utf8(texts)
    wanted, tongues = (np.broadcast_to(np.asarray(each), len(column)) for each in (wanted, tongues))
    rows, kind, starts, ends = _found(data, offsets, wanted, tongues)
    limits = np.flatnonzero(np.diff(rows, prepend=-1, append=-1))
    for first, last in pairwise(limits.tolist()):
        row = int(rows[first])
        raw = bytes(data.data[offsets[row] : offsets[row + 1]])
        left, right = starts[first:last].tolist(), ends[first:last].tolist()
        if not raw.isascii():
            left, right = ([len(raw[:at].decode()) for at in part] for part in (left, right))
        yield _sorted(row, raw.decode(), kind[first:last].tolist(), left, right)


def _found(
    data: npt.NDArray[np.uint8], offsets: IntArray, wanted: IntArray, tongues: IntArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return the anchors in these texts, by text and place: text, what it may belong to, begin and end in bytes."""
    automaton = _automaton()
    found = np.array(automaton.search.find_matches_as_indexes(data.data, overlapping=True), dtype=np.int64)
    found = found.reshape(-1, 3)
    found = found[np.lexsort((-found[:, 2], found[:, 1]))]
    rows = np.searchsorted(offsets, found[:, 1], side="right") - 1
    starts, ends = found[:, 1] - offsets[rows], found[:, 2] - offsets[rows]
    kind = automaton.kinds[found[:, 0]] & wanted[rows]
    for k, of in enumerate(automaton.tongues):
        kind[(of[found[:, 0]] & tongues[rows]) == 0] &= ~(1 << k)
    # A name within a word, such as "meta" in "metal", is none.
    padded = np.pad(data, 1)
    is_inside = (starts > 0) & _is_small(padded[found[:, 1]])
    behind = padded[found[:, 2] + 1]
    is_inside |= (found[:, 2] < offsets[rows + 1]) & _is_small(behind) & (behind != ord("s"))
    kind[is_inside] &= ~(_NAME | _MAKER)
    kind[starts > MAX_BYTES * HEAD] &= ~_REFUSES
    kind[starts > MAX_BYTES * WIDE] &= ~_TOPIC
    kind[~_on_short_line(data, offsets, found[:, 1])] &= ~_LINE
    kind[found[:, 2] > offsets[rows + 1]] = 0
    edges = np.flatnonzero(np.diff(rows, prepend=-1))
    # The name of a company says nothing where neither a model nor a maker is spoken of; prompts are read for names.
    kind[(_of_text(edges, kind) & (_NAME | _AGENT | _MADE)) == 0] &= ~_MAKER
    is_unnamed = (_of_text(edges, kind) & (_NAME | _MAKER)) == 0
    kind[is_unnamed] &= ~_MADE
    kind[is_unnamed & (wanted[rows] == PROMPT)] = 0
    is_used = (kind > 0) & (_of_text(edges, kind) & ~_MADE > 0)
    return rows[is_used], kind[is_used], starts[is_used], ends[is_used]


def _of_text(edges: IntArray, kind: IntArray) -> IntArray:
    """Return for each anchor what all anchors of its text may belong to; a text's first ones are at the edges."""
    return np.repeat(np.bitwise_or.reduceat(kind, edges), np.diff(edges, append=len(kind))) if len(kind) else kind


def _on_short_line(data: npt.NDArray[np.uint8], offsets: IntArray, at: IntArray) -> BoolArray:
    """Whether these places are on lines that may be one of a chat window: most are prose."""
    bounds = np.sort(np.concatenate([np.flatnonzero(data == ord("\n")), offsets]), kind="stable")
    k = np.searchsorted(bounds, at, side="right")
    found: BoolArray = bounds[np.minimum(k, len(bounds) - 1)] - bounds[k - 1] <= MAX_LINE
    return found


def _is_small(data: npt.NDArray[np.uint8]) -> BoolArray:
    return (data >= ord("a")) & (data <= ord("z"))


def _sorted(row: int, text: str, kinds: list[int], starts: list[int], ends: list[int]) -> Anchored:
    at = Anchored(row, text, [], [], [], [], [], [], [])
    for kind, start, end in zip(kinds, starts, ends, strict=True):
        if kind & (_NAME | _MAKER) and (not at.names or end > at.names[-1][1]):
            at.names.append((start, end))
        if kind & _AGENT:
            at.agents.append(start)
        if kind & _KNOWS:
            at.knowledge.append(start)
        if kind & _REFUSES and start < HEAD:
            at.cannot.append(start)
        if kind & _LINE:
            at.lines.append(start)
        if kind & _MARK:
            at.marks.append(start)
        if kind & _TOPIC and start < WIDE:
            at.topics.append(start)
    return at
