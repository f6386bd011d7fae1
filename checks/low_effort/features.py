"""What the score weighs of a reply: its size and form, what it takes up of its prompt, and how its siblings differ.

All of it is counted from tokens, in any language; nothing depends on which words they are.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray, pairs_within, utf8
from ..base.kernels.layout import LINE, NUMBER, SENTENCE
from ..base.messages import Batch
from ..base.statistics.intervals import FloatArray
from ..base.text.tokens import HashArray

CONTENT, LONG = 5, 8  # bytes of a word with content, and of a long one
HAN = 3  # bytes of a character of a script without spaces, which has content too
MOST_SIBLINGS = 50  # that are compared with each other; of more, the first ones

OWN = (
    *("chars", "words", "new", "coverage", "variety", "long_words", "word_bytes", "numbers", "repeats", "copied"),
    *("sentences", "lines", "items", "words_a_sentence", "lower_start", "lower_sentences", "ends"),
    *("prompt_chars", "to_prompt", "prompt_words", "depth"),
)
COMPARED = (
    *("chars", "new", "coverage", "items", "lines", "sentences", "lower_start", "ends", "numbers", "long_words"),
    "word_bytes",
)
BESIDE = ("siblings", "shared", "most_shared", "to_longest", "rank", "their_chars", *(f"than_{n}" for n in COMPARED))
FEATURES = (*OWN, *BESIDE)
MISSABLE = BESIDE[1:]  # NaN of a reply without siblings


class Sets(NamedTuple):
    """The distinct words with content of each text."""

    values: HashArray
    limits: IntArray

    @property
    def sizes(self) -> IntArray:
        return np.diff(self.limits)

    def shared(self, left: IntArray, right: IntArray) -> IntArray:
        """Count the words that the texts of each pair share."""
        return kernels.overlaps(self.values, self.limits, left, right)


def features_of(batch: Batch, rows: IntArray) -> FloatArray:
    """Return FEATURES of the replies in these rows, shape (n_rows, n_features).

    Every row must have a parent in the batch. Siblings are the replies among these rows with the same parent.
    """
    sets = _sets(batch)
    own = _own(batch, rows, sets)
    found = own | _beside(batch.parent[rows], rows, own, sets)
    return np.stack([found[name] for name in FEATURES], axis=1)


def _sets(batch: Batch) -> Sets:
    tokens = batch.tokens
    data, offsets = utf8(batch.column("text"))
    sizes = tokens.ends - tokens.starts
    lead = data[np.repeat(offsets[:-1], np.diff(tokens.bounds)) + tokens.starts]
    has_content = (sizes >= CONTENT) | ((lead >= 0xE0) & (sizes >= HAN))
    limits = np.append(0, np.cumsum(_per_text(has_content, tokens.bounds)))
    return Sets(*kernels.shingle(tokens.hashes[has_content], limits, 1)[:2])


def _own(batch: Batch, rows: IntArray, sets: Sets) -> dict[str, FloatArray]:
    tokens, marks, above = batch.tokens, batch.marks, batch.parent[rows]
    bounds = tokens.bounds
    data, offsets = utf8(batch.column("text"))
    n_bytes = np.diff(offsets)
    chars = np.asarray(batch.places["n_chars"])
    # A character of a script without spaces says more than a letter, and has more bytes.
    size = np.log1p(chars + 0.5 * (n_bytes - chars))
    n_words = np.diff(bounds)
    word_bytes = tokens.ends - tokens.starts
    is_number, begins_line, begins_sentence = (marks & flag > 0 for flag in (NUMBER, LINE, SENTENCE))
    # The gaps before each token, and behind a text's last one.
    gaps = batch.signs.gaps
    before = gaps[np.arange(len(marks)) + np.repeat(np.arange(len(n_words)), n_words)]
    behind = gaps[bounds[1:] + np.arange(len(n_words))]
    sentences, lines, items, numbers, long_words, in_bytes = (
        _per_text(values, bounds)[rows]
        for values in (
            *(begins_sentence, begins_line, begins_line & (is_number | (before > 0)), is_number),
            *(word_bytes >= LONG, word_bytes),
        )
    )
    starts_low, low = _lower_case(data, offsets, batch, begins_sentence)
    words = np.maximum(1, n_words[rows])
    shared, n_own = sets.shared(rows, above), sets.sizes[rows]
    grams = batch.shingles
    n_grams = np.diff(grams.limits)[rows]
    copied = kernels.overlaps(grams.sets, grams.limits, rows, above)
    found = {
        "chars": size[rows],
        "words": np.log1p(n_words[rows]),
        "new": np.log1p(n_own - shared),
        "coverage": shared / np.maximum(1, sets.sizes[above]),
        "variety": n_own / words**0.8,  # Heaps's law: distinct words grow with a power of all words
        "long_words": long_words / words,
        "word_bytes": in_bytes / words,
        "numbers": numbers / words,
        "repeats": 1 - n_grams / np.maximum(1, words - 4),
        "copied": copied / np.maximum(1, n_grams),
        "sentences": np.log1p(sentences),
        "lines": np.log1p(lines),
        "items": np.log1p(items),
        "words_a_sentence": np.log1p(words / np.maximum(1, sentences)),
        "lower_start": starts_low[rows],
        "lower_sentences": low[rows],
        "ends": behind[rows] > 0,
        "prompt_chars": size[above],
        "to_prompt": size[rows] - size[above],
        "prompt_words": np.log1p(n_words[above]),
        "depth": np.minimum(batch.depth[rows], 7),
    }
    return {name: np.asarray(values, dtype=np.float64) for name, values in found.items()}


def _lower_case(
    data: npt.NDArray[np.uint8], offsets: IntArray, batch: Batch, begins_sentence: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return whether each text begins with a lower-case letter of ASCII, and the share of its sentences that do."""
    tokens = batch.tokens
    at = np.flatnonzero(begins_sentence)
    texts = np.searchsorted(tokens.bounds, at, side="right") - 1
    lead = data[offsets[texts] + tokens.starts[at]]
    is_low, is_capital = (lead >= ord("a")) & (lead <= ord("z")), (lead >= ord("A")) & (lead <= ord("Z"))
    low, capital = (np.bincount(texts[some], minlength=len(batch)) for some in (is_low, is_capital))
    starts = np.zeros(len(batch))
    starts[texts[is_low & (at == tokens.bounds[texts])]] = 1
    return starts, low / np.maximum(1, low + capital)


def _per_text(values: BoolArray | IntArray, bounds: IntArray) -> IntArray:
    sums: IntArray = np.append(0, np.cumsum(values, dtype=np.int64))
    found: IntArray = sums[bounds[1:]] - sums[bounds[:-1]]
    return found


def _beside(up: IntArray, rows: IntArray, own: dict[str, FloatArray], sets: Sets) -> dict[str, FloatArray]:
    """Return how replies differ from their siblings."""
    _, group, n = np.unique(up, return_inverse=True, return_counts=True)
    others = n[group] - 1
    left, right = pairs_within(group, MOST_SIBLINGS)
    shared = sets.shared(rows[left], rows[right])
    sizes = sets.sizes
    taken = shared / np.maximum(1, sizes[rows[right]])
    alike = shared / np.maximum(1, sizes[rows[left]] + sizes[rows[right]] - shared)
    n_compared = np.maximum(1, np.bincount(left, minlength=len(rows)))
    most = np.zeros(len(rows))
    np.maximum.at(most, left, alike)
    longest = np.full(len(rows), -np.inf)
    np.maximum.at(longest, left, own["chars"][right])
    shorter = (own["chars"][right] < own["chars"][left]) + 0.5 * (own["chars"][right] == own["chars"][left])
    found = {
        "shared": np.bincount(left, taken, minlength=len(rows)) / n_compared,
        "most_shared": most,
        "to_longest": own["chars"] - longest,
        "rank": np.bincount(left, shorter, minlength=len(rows)) / n_compared,
    }
    for name in COMPARED:
        theirs = (np.bincount(group, own[name])[group] - own[name]) / np.maximum(1, others)
        found[f"than_{name}"] = own[name] - theirs
        if name == "chars":
            found["their_chars"] = theirs
    alone = {name: np.where(others > 0, values, np.nan) for name, values in found.items()}
    return alone | {"siblings": np.minimum(others, 5).astype(np.float64)}
