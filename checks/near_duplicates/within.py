"""Passages that a message says more than once: a paragraph twice, or one sentence over and over."""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..base.arrow.columns import MIXED, IntArray, places_within
from ..base.claims import Spans, claim
from ..base.kernels.layout import LINE, SENTENCE
from ..base.messages import Batch
from ..base.text.tokens import N_GRAM, Tokens, mark, tokenise
from .rules import REPEATED_PASSAGE

MIN_PARAGRAPH = 20  # words of a paragraph that occurs twice
MIN_SENTENCE, MIN_TIMES = 4, 4  # words of a sentence that is said so many times
MIN_PART = 0.5  # of the message that such a sentence makes up

MAX_SIGNS = 0.4  # of prose, by its words

_SIGNS, _WORDS = re.compile(r"[^\w\s]+|_"), re.compile(r"[^\W_]+")
_LINES = re.compile(r"[^\n]+")
_SENTENCES = re.compile(r"[^.!?。！？।\n]+")


class _Repeated(NamedTuple):
    """A passage that occurs more than once."""

    is_paragraph: bool
    times: int
    words: int
    places: list[tuple[int, int]]  # of its first two occurrences, in code points


def repeated_passages(batch: Batch, rows: IntArray) -> list[pa.Table]:
    """Return the claims about some rows of a batch."""
    suspects = _suspects(batch, rows)
    texts = batch.column("text").take(pa.array(suspects)).to_pylist()
    found = [(row, passage) for row, text in zip(suspects.tolist(), texts, strict=True) if (passage := _passage(text))]
    if not found:
        return []
    at = np.array([row for row, _ in found])
    places = np.array([passage.places for _, passage in found])
    return [
        claim(
            batch.places,
            REPEATED_PASSAGE,
            at,
            [_summary(passage) for _, passage in found],
            spans=[Spans(at, places[:, k, 0], places[:, k, 1]) for k in range(2)],
            facets=[
                {"count": str(passage.times), "kind": "paragraph" if passage.is_paragraph else "sentence"}
                for _, passage in found
            ],
        )
    ]


def _suspects(batch: Batch, rows: IntArray) -> IntArray:
    """Return the rows that may repeat a passage: by sums of the hashes of the words of each line or sentence."""
    sizes, n_tokens = np.diff(batch.shingles.limits), np.diff(batch.tokens.bounds)
    n_repeated = np.maximum(0, n_tokens - N_GRAM + 1) - sizes  # 5-grams that occurred before in the text
    rows = rows[n_repeated[rows] >= MIN_PARAGRAPH - N_GRAM + 1]
    if not rows.size:
        return rows
    hashes, starts, ends, bounds = batch.tokens
    text, at = places_within(bounds, rows)
    some = Tokens(hashes[at], starts[at], ends[at], np.append(0, np.cumsum(n_tokens[rows])))
    marks = mark(batch.column("text").take(pa.array(rows)), some)
    found = []
    for unit, min_words, min_times, min_part in (
        (LINE, MIN_PARAGRAPH, 2, 0.0),
        (SENTENCE, MIN_SENTENCE, MIN_TIMES, MIN_PART / 2),  # sentences are cut otherwise below
    ):
        begins = np.flatnonzero(marks & unit)
        n_words = np.diff(np.append(begins, len(text)))
        key = np.add.reduceat(some.hashes, begins) * MIXED ^ text[begins].astype(np.uint64)
        _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        times = counts[inverse.reshape(-1)]
        is_long = (n_words >= min_words) & (times >= min_times)
        is_long &= n_words * times >= min_part * n_tokens[text[begins]]
        found.append(text[begins[is_long]])
    return np.unique(np.concatenate(found))


def _passage(text: str) -> _Repeated | None:
    lines = {key: places for key, places in _units(text, _LINES).items() if not _is_code(text[slice(*places[0])])}
    for key, places in lines.items():
        if len(places) > 1 and key[0] >= MIN_PARAGRAPH:
            return _Repeated(True, len(places), key[0], places[:2])
    sentences = _units(text, _SENTENCES)
    n_words = sum(key[0] * len(places) for key, places in sentences.items())
    (size, _), places = max(sentences.items(), key=lambda item: item[0][0] * len(item[1]))
    if size >= MIN_SENTENCE and len(places) >= MIN_TIMES and size * len(places) >= MIN_PART * n_words:
        return _Repeated(False, len(places), size, places[:2])
    return None


def _is_code(line: str) -> bool:
    """Return whether a line has a sign for every other word or so: code may say the same in several branches."""
    return len(_SIGNS.findall(line)) > MAX_SIGNS * len(_WORDS.findall(line))


def _units(text: str, cut: re.Pattern[str]) -> dict[tuple[int, bytes], list[tuple[int, int]]]:
    """Return the places of each line or sentence, by its number of words and its words."""
    spans = [match.span() for match in cut.finditer(text)]
    tokens = tokenise(pa.array([text[first:end] for first, end in spans], pa.string()))
    found: dict[tuple[int, bytes], list[tuple[int, int]]] = {}
    for k, (first, end) in enumerate(spans):
        words = tokens.hashes[tokens.bounds[k] : tokens.bounds[k + 1]]
        if len(words):
            found.setdefault((len(words), words.tobytes()), []).append((first, end))
    return found


def _summary(passage: _Repeated) -> str:
    unit = "paragraph" if passage.is_paragraph else "sentence"
    return f"Contains a {unit} of {passage.words:,} words {passage.times:,} times"
