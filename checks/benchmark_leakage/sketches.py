"""Words that a message shares with a question in the same order, also where edits left no 5-gram between them."""

import numpy as np

from ...benchmarks_refs.fingerprints import PASSAGE, QUESTION
from ..base import kernels
from ..base.arrow.columns import IntArray
from ..base.kernels.layout import HIT
from .evidence import MAX_OWNERS, HashedTexts

FULL = 600  # tokens of a question whose words are aligned: this takes time with their square
PAD = 8  # tokens before and behind the place of a question, and a quarter of its own; insertions move its words
BESIDE = 60  # tokens between a passage and its question: a label, or other questions
MIN_SHARE = 0.5  # of a question beside its passage, by weight


def aligned(texts: HashedTexts, columns: dict[str, IntArray]) -> IntArray:
    """Return the weight of each part that its message contains in grams or, of a question, in order."""
    refs, part, row = texts.refs, columns["part"], columns["text"]
    bounds, n = texts.words.tokens.bounds, refs.n_tokens[part]
    chosen = np.flatnonzero((refs.columns.kinds[part] == QUESTION) & (n <= FULL))
    begins = bounds[row] + columns["place"]
    pads = PAD + n // 4
    windows = np.stack([np.maximum(bounds[row], begins - pads), np.minimum(bounds[row + 1], begins + n + pads)], axis=1)
    found = columns["exact_weight"].copy()
    found[chosen] = np.maximum(found[chosen], _resemble(texts, windows[chosen], part[chosen])[:, 0])
    return found


def beside_passages(texts: HashedTexts, columns: dict[str, IntArray], kept: IntArray) -> dict[str, IntArray]:
    """Return the questions before or behind their passages that are not among the kept hits, as further hits."""
    refs = texts.refs
    known = set(zip(columns["text"][kept].tolist(), columns["part"][kept].tolist(), strict=True))
    pairs: list[tuple[int, int]] = []
    windows: list[tuple[int, int]] = []
    passages = np.flatnonzero(refs.columns.kinds[columns["part"]] == PASSAGE)
    names = ("text", "part", "first", "end")
    for row, passage, first, end in zip(*(columns[name][passages].tolist() for name in names), strict=True):
        last = len(texts.tokens(row))
        for item in refs.items_of(passage)[:MAX_OWNERS].tolist():
            for part in refs.parts_of(item, QUESTION):
                n = int(refs.n_tokens[part])
                if (row, part) not in known and n <= FULL:
                    known.add((row, part))
                    pairs += [(row, part)] * 2
                    windows += [(max(0, first - n - BESIDE), first), (end, min(last, end + n + BESIDE))]
    at = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    begins = np.array(windows, dtype=np.int64).reshape(-1, 2)
    shared = _resemble(texts, begins + texts.words.tokens.bounds[at[:, :1]], at[:, 1]).reshape(-1, 2, 3)
    better = 2 * np.arange(len(shared)) + shared[:, :, 0].argmax(axis=1)
    weights, first, end = shared.reshape(-1, 3)[better].T
    enough = weights >= np.maximum(1, MIN_SHARE * refs.totals(at[better, 1])[0])
    better, begins = better[enough], begins[better[enough], 0]
    found = {name: np.zeros(len(better), dtype=np.int64) for name in HIT}
    found["text"], found["part"] = at[better].T
    found["first"], found["end"] = first[enough] + begins, end[enough] + begins
    found["place"] = found["first"]
    return found


def _resemble(texts: HashedTexts, windows: IntArray, parts: IntArray) -> IntArray:
    """Call the kernel for windows of tokens of the batch and these parts."""
    sought = texts.refs.sought
    rows = np.concatenate([windows, np.stack([sought.spans[parts], sought.spans[parts + 1]], axis=1)], axis=1)
    found: IntArray = kernels.resemble(texts.words.tokens.hashes, sought.codes, sought.weights, rows)
    return found
