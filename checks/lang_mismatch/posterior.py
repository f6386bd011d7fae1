"""The probability that a text is not in its declared language, from several detectors, its form and its segments.

What the detectors say is pooled first: a language has the weighted sum of their scores, with weights that depend on the
length of the text. Boosted trees weigh this, each detector by itself, and what the text looks like. Both are fitted by
tests/perf/fit_lang_mismatch.py; to score needs NumPy only.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base.arrow.columns import BoolArray, IntArray
from ..base.kernels.layout import N_SCRIPTS
from ..base.messages import Batch
from ..base.statistics.trees import Model, Trees
from ..base.text.languages import LATIN, are_slavic, kin, scripts
from .detectors import LEAST, FloatArray, detector
from .segments import MIN_SEGMENT, WORD, both_ends, is_wrapped, lowered, parts_of, prose_of

DECIMALS = 4  # of a feature
CHUNK = 4096  # texts at a time: the scores of all languages take 2 kB each
NOT_PROBABILITIES = frozenset(("eldc",))  # detectors whose scores are none
ALIASES = {"eldc": (("id", "ms"),)}  # languages that a detector calls by the name of another one
SURE_SEGMENT = 0.5  # probability of a segment's language

OF_POOL = ("pool_own", "pool_declared", "pool_other", "concentration", "agree", "agree_kin", "n_own", "n_known")
OF_TEXT = (
    *("letters", "words", "capitalised", "capitals", "digits", "is_ascii", "masked", "wrapped", "words_a_line"),
    *("lower_words", "longest_line"),
)
OF_SCRIPT = ("own_script", "other_script", "is_latin", "romanised", "both_slavic", "is_english")
OF_SEGMENTS = ("segments", "own_segments", "other_segments")
DOWN = frozenset(
    ("pool_own", "pool_declared", "n_own", "own_script", "own_letters", "own", "own_segments")
)  # the more, the less probable is another language
UP = frozenset(("pool_other", "concentration", "other", "gap", "agree", "agree_kin", "other_script", "other_segments"))

_DIGIT = re.compile(r"\d")


def features_of(voices: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the features with these detectors; `py3langid.own` is of that detector alone."""
    each = [
        f"{voice}.{name}"
        for voice in voices
        for name in (("own", "other", "gap", "top", "second") if voice in NOT_PROBABILITIES else ("own", "other"))
    ]
    read = [f"{voice}.{name}" for voice in _readers(voices) for name in OF_SEGMENTS[1:]]
    both = ("own_segments", "own_letters") if len(_readers(voices)) > 1 else ("own_letters",)
    return (*OF_POOL, *each, *OF_TEXT, *OF_SCRIPT, OF_SEGMENTS[0], *read, *both)


def missable(voices: Sequence[str]) -> tuple[str, ...]:
    """Return the features that may be missing: a detector may know neither language, or a text have no segments."""
    return tuple(name for name in features_of(voices) if "." in name or name in ("pool_declared", "own_segments"))


def _readers(voices: Sequence[str]) -> tuple[str, ...]:
    """Return the detectors that read segments: those that take little time."""
    return tuple(voice for voice in voices if voice in ("eldc", "py3langid"))


class Stored(msgspec.Struct, frozen=True):
    """What was fitted, as it is stored."""

    voices: tuple[str, ...]  # detectors
    weights: tuple[tuple[float, float, float], ...]  # of each, for the powers of the length
    unknown: tuple[float, ...]  # what a language that a detector does not know loses
    trees: Model


class Evidence(NamedTuple):
    """What speaks for another language in n texts."""

    features: npt.NDArray[np.float64]  # (n, n_features)
    others: list[str]  # the most probable language that is neither the declared one nor close to it

    def column(self, voices: Sequence[str], name: str) -> npt.NDArray[np.float64]:
        """Return one feature of all texts."""
        return self.features[:, features_of(voices).index(name)]


class Pool:
    """Detectors, and the weighted sum of what they say."""

    def __init__(self, voices: Sequence[str], weights: npt.ArrayLike, unknown: Sequence[float]) -> None:
        self.voices = tuple(voices)
        self._weights, self._unknown = np.asarray(weights, dtype=np.float64), tuple(unknown)
        self.languages = tuple(sorted(set().union(*(detector(voice).languages for voice in voices))))
        self.at = {code: k for k, code in enumerate(self.languages)}
        self.columns = {voice: np.array([self.at[code] for code in detector(voice).codes]) for voice in voices}
        self.known: dict[str, BoolArray] = {}
        for voice in voices:
            self.known[voice] = np.zeros(len(self.languages), dtype=bool)
            self.known[voice][self.columns[voice]] = True
            self.known[voice][[self.at[code] for code, _ in ALIASES.get(voice, ()) if code in self.at]] = True
        self.spoken = frozenset(self.languages)  # that a detector knows
        self.kin = np.array([_kin_of(self.languages, code) for code in self.languages])

    def hear(self, texts: pa.Array) -> dict[str, FloatArray]:
        """Return the scores of all languages by each detector, (n, n_languages); NaN where it does not know one."""
        heard = {}
        for voice in self.voices:
            scores = np.full((len(texts), len(self.languages)), np.nan, dtype=np.float32)
            scores[:, self.columns[voice]] = detector(voice).scores(texts)
            for code, name in ALIASES.get(voice, ()):
                if code in self.at:
                    scores[:, self.at[code]] = scores[:, self.at[name]]
            heard[voice] = scores
        return heard

    def probabilities(self, heard: dict[str, FloatArray], letters: npt.NDArray[np.floating]) -> FloatArray:
        """Return the probability of each language, (n, n_languages), in texts of that many letters."""
        total = np.zeros((len(letters), len(self.languages)), dtype=np.float32)
        powers = powers_of(letters)
        for voice, weights, unknown in zip(self.voices, self._weights, self._unknown, strict=True):
            scores = heard[voice] - np.nanmax(heard[voice], axis=1, keepdims=True)
            # No product of matrices: that of a text would depend on how many others there are.
            weight = np.logaddexp(0, (powers * weights).sum(axis=1)).astype(np.float32)
            total += np.where(np.isnan(scores), np.float32(-unknown), weight[:, None] * scores)
        total = np.exp(total - total.max(axis=1, keepdims=True))
        found: FloatArray = total / total.sum(axis=1, keepdims=True)
        return found


def powers_of(letters: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the powers of the length that the weight of a detector depends on, (n, 3)."""
    length = (np.log(np.maximum(1, letters)) - 4) / 2
    return np.stack([np.ones_like(length), length, length * length], axis=1)


class Posterior:
    """The fitted decision."""

    def __init__(self, stored: Stored) -> None:
        self.pool = Pool(stored.voices, stored.weights, stored.unknown)
        self._trees = Trees(stored.trees)

    def probability(self, evidence: Evidence) -> npt.NDArray[np.float64]:
        """Return the probability that each text is neither in the declared language nor in one close to it."""
        return self._trees.probability(evidence.features)


@cache
def load(voices: tuple[str, ...]) -> Posterior:
    """Return the decision by these detectors.

    Raises
    ------
    ValueError
        If what is installed was fitted on other features.
    """
    path = path_of(voices)
    stored = msgspec.json.decode(path.read_bytes(), type=Stored)
    if stored.voices != voices or stored.trees.features != features_of(voices):
        raise ValueError(f"{path}: belongs to another version of chataudit; install it again")
    return Posterior(stored)


def path_of(voices: Sequence[str]) -> Path:
    """Return the file of the decision by these detectors."""
    return Path(__file__).with_name(f"{'-'.join(voices)}.json")


def evidence(
    pool: Pool,
    batch: Batch,
    rows: IntArray,
    declared: Sequence[str],
    letters: npt.NDArray[np.float32],
    texts: pa.Array,
) -> Evidence:
    """Describe texts that may not be in their declared language.

    Parameters
    ----------
    pool : Pool
        The detectors.
    batch : Batch
        Messages.
    rows : ndarray of int64, shape (n,)
        Of the messages.
    declared : sequence of str
        Languages, by code.
    letters : ndarray of float32, shape (n, N_SCRIPTS)
        Weighted by script.
    texts : Array of string
        What the detectors read of each message.
    """
    if not len(rows):
        return Evidence(np.zeros((0, len(features_of(pool.voices)))), [])
    if len(rows) > CHUNK:
        parts = [
            evidence(pool, batch, rows[some], declared[some], letters[some], texts[some])
            for some in (slice(first, first + CHUNK) for first in range(0, len(rows), CHUNK))
        ]
        others = [code for part in parts for code in part.others]
        return Evidence(np.concatenate([part.features for part in parts]), others)
    n, each = len(rows), np.arange(len(rows))
    total = letters.sum(axis=1)
    heard = pool.hear(texts)
    p = pool.probabilities(heard, total)
    top_script = letters.argmax(axis=1)
    is_own, at = _own(pool, declared, top_script)
    other = np.where(is_own, -1, p).argmax(axis=1)
    is_other = pool.kin[other] & ~is_own
    others = [pool.languages[k] for k in other.tolist()]
    own_mass, other_mass = (p * is_own).sum(axis=1), (p * is_other).sum(axis=1)
    tops = {voice: np.nanargmax(scores, axis=1) for voice, scores in heard.items()}
    known = {
        "pool_own": _log_odds(own_mass),
        "pool_declared": np.where(at >= 0, _log_odds(p[each, np.maximum(at, 0)]), np.nan),
        "pool_other": _log_odds(other_mass),
        "concentration": other_mass / np.maximum(1e-9, 1 - own_mass),
        "agree": sum(top == other for top in tops.values()),
        "agree_kin": sum(is_other[each, top] for top in tops.values()),
        "n_own": sum(is_own[each, top] for top in tops.values()),
        "n_known": sum((at >= 0) & some[np.maximum(at, 0)] for some in pool.known.values()),
    }
    for voice, scores in heard.items():
        own, rival = (np.where(some & pool.known[voice], scores, np.nan) for some in (is_own, is_other))
        if voice in NOT_PROBABILITIES:
            known |= {f"{voice}.own": _most(own), f"{voice}.other": _most(rival)}
            known[f"{voice}.gap"] = known[f"{voice}.other"] - known[f"{voice}.own"]
            known[f"{voice}.top"] = np.nanmax(scores, axis=1)
            known[f"{voice}.second"] = known[f"{voice}.other"] - _most(np.where(is_other, np.nan, scores))
        else:
            knows_own, knows_other = (~np.isnan(some).all(axis=1) for some in (own, rival))
            masses = (np.nansum(np.exp(some), axis=1) for some in (own, rival))
            known[f"{voice}.own"], known[f"{voice}.other"] = (
                np.where(knows, form(mass), np.nan)
                for knows, mass, form in zip((knows_own, knows_other), masses, (_log, _log_odds), strict=True)
            )
    of_scripts = np.array([[code in scripts(c) for code in range(N_SCRIPTS)] for c in [*declared, *others]])
    own_script, other_script = of_scripts.reshape(2, n, N_SCRIPTS)
    is_latin = top_script == LATIN
    known |= {
        "own_script": (letters * own_script).sum(axis=1) / total,
        "other_script": (letters * other_script).sum(axis=1) / total,
        "is_latin": is_latin,
        "romanised": is_latin & ~own_script[:, LATIN],
        "both_slavic": [are_slavic(*pair) for pair in zip(declared, others, strict=True)],
        "is_english": [code == "en" for code in others],
    }
    column = batch.column("text")
    of_texts = [_form(prose_of(batch, row), column[row].as_py() or "") for row in rows.tolist()]
    known |= dict(zip(OF_TEXT, [np.log(np.maximum(1, total)), *zip(*of_texts, strict=True)], strict=True))
    known |= _segments(pool, batch, rows, (is_own, is_other), (declared, others))
    names = features_of(pool.voices)
    features = np.stack([np.asarray(known[name], dtype=np.float64) for name in names], axis=1)
    # Differences below this are those of rounding.
    return Evidence(features.round(DECIMALS), others)


def _own(pool: Pool, declared: Sequence[str], top_script: IntArray) -> tuple[BoolArray, IntArray]:
    """Mark the declared language of each text and those close to it, (n, n_languages); and return its own column.

    In a script that it is not written in, a text is in none of those that are close to it.
    """
    at = np.array([pool.at.get(code, -1) for code in declared], dtype=np.int64)
    is_own = np.zeros((len(declared), len(pool.languages)), dtype=bool)
    for k, (code, script) in enumerate(zip(declared, top_script.tolist(), strict=True)):
        if script in scripts(code):
            is_own[k] = _kin_of(pool.languages, code)
        elif at[k] >= 0:
            is_own[k, at[k]] = True
    return is_own, at


@cache
def _kin_of(languages: tuple[str, ...], code: str) -> BoolArray:
    return np.array([language in kin(code) for language in languages])


def _log(mass: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    found: npt.NDArray[np.floating] = np.log(np.maximum(mass, LEAST))
    return found


def _log_odds(mass: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    mass = np.clip(mass.astype(np.float64), 1e-7, 1 - 1e-7)
    found: npt.NDArray[np.floating] = np.log(mass / (1 - mass))
    return found


def _most(scores: FloatArray) -> npt.NDArray[np.floating]:
    """Return the largest score of each text; NaN where there is none."""
    most = np.where(np.isnan(scores), -np.inf, scores).max(axis=1)
    return np.where(np.isinf(most), np.nan, most)


def _form(prose: str, text: str) -> tuple[float, ...]:
    """Return OF_TEXT of a text but the letters."""
    masked = 1 - (len(prose) - prose.count(" ")) / max(1, len(text) - text.count(" "))
    prose, text = both_ends(prose), both_ends(text)
    words = WORD.findall(prose)
    n, lines = max(1, len(words)), prose.strip().split("\n")
    return (
        len(words),
        sum(word[0].isupper() for word in words) / n,
        sum(word.isupper() for word in words) / n,
        len(_DIGIT.findall(text)) / max(1, len(text) - text.count(" ")),
        text.isascii(),
        masked,
        is_wrapped(prose),
        len(words) / len(lines),
        np.log1p(sum(not word[0].isupper() for word in words)),
        np.log1p(max(len(WORD.findall(line)) for line in lines)),
    )


def _segments(
    pool: Pool,
    batch: Batch,
    rows: IntArray,
    languages: tuple[BoolArray, BoolArray],
    codes: tuple[Sequence[str], Sequence[str]],
) -> dict[str, npt.NDArray[Any]]:
    """Return which share of each text's letters stands in segments of the declared language, and of the other one."""
    n, (is_own, is_other), (declared, others) = len(rows), languages, codes
    parts = [parts_of(prose_of(batch, row), scripts(code)) for row, code in zip(rows.tolist(), declared, strict=True)]
    of = np.repeat(np.arange(n), [len(some) for some in parts])
    pieces = [part for some in parts for part in some]
    letters = np.array([part.letters for part in pieces])
    by_script = np.array([part.own for part in pieces])
    total = np.bincount(of, letters, n) if pieces else np.zeros(n)
    has_some = total > 0
    apart = np.array([not set(scripts(a)) & set(scripts(b)) for a, b in zip(declared, others, strict=True)], dtype=bool)
    foreign = np.array([LATIN not in scripts(code) for code in declared], dtype=bool)
    known: dict[str, npt.NDArray[Any]] = {"segments": np.bincount(of, minlength=n).astype(np.float64)}
    texts, is_long = lowered(pieces), letters >= MIN_SEGMENT
    in_all = np.ones(len(pieces), dtype=bool)

    def share(chosen: BoolArray) -> npt.NDArray[np.float64]:
        summed = np.bincount(of[chosen], letters[chosen], n)
        return np.where(has_some, summed / np.maximum(total, 1e-9), np.nan)

    for voice in _readers(pool.voices):
        if pieces:
            guesses = detector(voice).detect(texts)
            best, sure = guesses.codes[:, 0], guesses.probabilities[:, 0] >= SURE_SEGMENT
            at = np.array([pool.at.get(code, -1) for code in best.tolist()])
            named = at >= 0
            own = named & is_own[of, at] & sure | apart[of] & foreign[of] & (by_script > 0.5)
            own &= is_long
            other = ~own & (named & is_other[of, at] | ~is_long | apart[of] & (by_script < 0.5))
            in_all &= own
        else:
            own = other = np.zeros(0, dtype=bool)
        known |= {f"{voice}.own_segments": share(own), f"{voice}.other_segments": share(other)}
    known["own_segments"] = share(in_all)
    known["own_letters"] = np.bincount(of[in_all], letters[in_all], n)
    return known
