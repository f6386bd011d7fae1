"""Segments of a text, cut where scripts change, and their vote on its language."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..base.arrow.columns import BoolArray
from ..base.kernels.layout import N_SCRIPTS
from ..base.messages import Batch
from ..base.text.languages import HAN, LATIN, WEIGHTS, kin, script_table, scripts
from .detectors import Guesses, detector
from .settings import ScanSettings

READ = 900  # bytes of a text that may not match its tag
MAX_SEGMENTS, RUN = 100, 10  # segments of one text that are read, and the length of each run of them
MAX_PROMPT = 5000  # characters of a prompt that are read at each end

# Thresholds; docs/languages.md has what each costs and gains.
MIN_WEIGHT = 4  # of the letters of a text that is checked
MIN_OWN_LETTERS, MIN_OWN = 30, 0.15  # letters or their share in the declared language, for a mixed text
MIN_SEGMENT = 8  # letters
MIN_SHARE = 0.3  # of the letters, that the detected language has where segments tell languages apart
UNKNOWN = "und"  # a language that no detector knows

_LETTERS = WEIGHTS * (np.arange(N_SCRIPTS) > 0)  # the weight of a character of each script; 0: no letter

_SEGMENT = re.compile(r"[^\n.!?;:。！？；：…()\[\]\"“”„«»「」『』]+")
WORD = re.compile(r"[^\W\d_]{2,}")
_WRAPPED = re.compile(r"^.{50,85}[^\s.!?:;]\n *[a-z]", re.MULTILINE)


class Suspect(NamedTuple):
    """A message that may not match its tag, with the evidence so far."""

    row: int
    declared: str
    detected: str
    probability: float  # that it is in another language than the declared one
    close: bool = False
    by_script: bool = False  # without a detector
    only_mixed: bool = False  # it is reported if it is mixed, and else not
    guesses: tuple[str, ...] = ()  # of a text in UNKNOWN: what detectors take it for


class Segments(NamedTuple):
    """The parts of a text, and the language of each."""

    parts: "list[_Share]"
    is_other: list[bool]
    share: float  # of the letters that are in the detected language
    is_mixed: bool


def segments_of(check: ScanSettings, batch: Batch, texts: Sequence[Suspect]) -> list[Segments]:
    """Return which parts of each text are in the detected language, and whether it is mixed with the declared one."""
    parts = [parts_of(prose_of(batch, text.row), scripts(text.declared)) for text in texts]
    pieces = [part for some in parts for part in some]
    if not pieces:
        return []
    guesses = detector(check.first).detect(lowered(pieces))
    found, at = [], 0
    for text, some in zip(texts, parts, strict=True):
        found.append(_vote(text, some, guesses.part(at, at + len(some)), check.second))
        at += len(some)
    return found


def _vote(text: Suspect, parts: list["_Share"], guesses: Guesses, second: str) -> Segments:
    own_kin = kin(text.declared) - {text.detected}
    other_kin = kin(text.detected) - {text.declared}
    apart = not set(scripts(text.declared)) & set(scripts(text.detected))
    is_latin = LATIN in scripts(text.declared)
    own, other = [], []
    for part, best, p in zip(parts, guesses.codes[:, 0].tolist(), guesses.probabilities[:, 0].tolist(), strict=True):
        is_long = part.letters >= MIN_SEGMENT
        by_script = apart and part.own > 0.5
        is_own = is_long and ((by_script and not is_latin) or (best in own_kin and p >= 0.5))
        own.append(is_own)
        is_other = best in other_kin or not is_long or text.detected == UNKNOWN or (apart and part.own < 0.5)
        other.append(not is_own and is_other)
    letters = np.array([part.letters for part in parts])
    if letters[other].sum() < MIN_SHARE * letters.sum():  # short segments, in languages that are not told apart
        other = [not is_own for is_own in own]
    total, n_own = letters.sum(), letters[own].sum()
    is_mixed = len(parts) > 1 and bool(n_own >= MIN_OWN * total)
    if len(parts) > 1 and n_own >= MIN_OWN_LETTERS and not is_mixed:
        pieces = [part for part, is_own in zip(parts, own, strict=True) if is_own]
        opinions = detector(second).detect(lowered(pieces))
        confirmed = np.isin(opinions.codes[:, 0], list(own_kin))
        is_mixed = bool(letters[own][confirmed].sum() >= MIN_OWN_LETTERS)
    return Segments(parts, other, float(letters[other].sum() / total), is_mixed)


def prose_of(batch: Batch, row: int) -> str:
    """Return the prose of a message."""
    data, offsets, _ = batch.prose
    return data[offsets[row] : offsets[row + 1]].tobytes().decode()


class _Share(NamedTuple):
    """A segment of a text's prose."""

    number: int  # among all segments of the text, from 0
    text: str
    start: int  # code points of the prose
    end: int
    letters: float  # in letters of the Latin script
    own: float  # share of them that are in some scripts


@cache
def _members(some: tuple[int, ...]) -> BoolArray:
    """Mark the scripts that are among these."""
    return np.isin(np.arange(N_SCRIPTS), some)


def parts_of(prose_: str, own_scripts: tuple[int, ...]) -> list[_Share]:
    """Return the segments of a text's prose that have a letter.

    It is split at line ends, sentence marks, quotation marks, brackets, and where letters of these scripts meet others.
    """
    codes = np.frombuffer(prose_.encode("utf-32-le"), dtype=np.uint32)
    found = script_table()[np.minimum(codes, 0xFFFF)]
    found[(codes >= 0x20000) & (codes < 0x40000)] = HAN
    is_own = _members(own_scripts)[found]
    weights = _LETTERS[found]
    all_letters = np.append(0, np.cumsum(weights))
    own_letters = np.append(0, np.cumsum(np.where(is_own, weights, 0)))
    at = np.flatnonzero(found)
    cuts = at[1:][is_own[at[1:]] != is_own[at[:-1]]].tolist()
    parts: list[_Share] = []
    for match in _SEGMENT.finditer(prose_):
        # NumPy would release the GIL at each of 38,000 searches: 0.3 s with two workers, where bisect takes 0.2 s.
        inside = cuts[bisect_right(cuts, match.start()) : bisect_left(cuts, match.end())]
        for first, last in pairwise([match.start(), *inside, match.end()]):
            part = prose_[first:last].strip(" \t\r,-–—*•")
            start = prose_.find(part, first)
            end = start + len(part)
            letters = float(all_letters[end] - all_letters[start])
            if letters:
                own = float(own_letters[end] - own_letters[start]) / letters
                parts.append(_Share(len(parts), part, start, end, letters, own))
    if len(parts) <= MAX_SEGMENTS:
        return parts
    # Of very many segments, runs that are evenly spread.
    starts = [k * (len(parts) - RUN) // (MAX_SEGMENTS // RUN - 1) for k in range(MAX_SEGMENTS // RUN)]
    return [part for start in starts for part in parts[start : start + RUN]]


def both_ends(prompt: str) -> str:
    """Return a prompt, or the two ends of a very long one, where requests are made."""
    return prompt if len(prompt) <= 2 * MAX_PROMPT else f"{prompt[:MAX_PROMPT]}\n{prompt[-MAX_PROMPT:]}"


def is_wrapped(prose_: str) -> bool:
    """Whether lines are broken within sentences, as in code comments and not in chat."""
    n_lines = sum(not line.isspace() for line in prose_.splitlines())
    return len(_WRAPPED.findall(prose_)) >= max(1, 0.4 * (n_lines - 1))


def lowered(parts: Sequence[_Share]) -> pa.Array:
    """Return the texts of segments as the detectors read them: in lower case, clipped."""
    return pa.array([" ".join(part.text.split()).lower()[:READ] for part in parts], pa.string())
