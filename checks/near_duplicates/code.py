"""Code without its names, so that copies with renamed variables are found."""

from functools import cache

import numpy as np
import pyarrow as pa

from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray, places_within
from ..base.messages import Batch
from ..base.text.tokens import HashArray, signs, tokenise

N_GRAM = 9  # tokens and signs of a piece of a skeleton
MIN_TOKENS = 16
MIN_SIGNS = 0.4  # of the gaps between tokens that have a sign; prose has about .15
MIN_KEYWORDS = 3
MIN_SHARED = 12  # 9-grams of a skeleton that says enough

# Words that keep their meaning in most programming languages, and that few use as names.
_KEYWORDS = (
    "abstract and as async await bool boolean break case catch class const continue def default defer del do "
    "double elif else enum except export extends false final finally float fn for foreach func function if "
    "implements import in instanceof int interface is lambda len let long new nil none not null or pass print "
    "printf println private protected public raise range return self short sizeof static struct switch this throw "
    "throws true try typedef typeof unsigned until var void while with yield"
)
_NAME = np.uint64(0x5851F42D4C957F2D)  # stands for any


@cache
def _keywords() -> HashArray:
    return np.sort(tokenise(pa.array([_KEYWORDS])).hashes)


@cache
def _underscore() -> int:
    """Return the hash of a gap that is an underscore."""
    column = pa.array(["a_b"])
    return int(signs(column, tokenise(column)).gaps[1])


def skeletons(batch: Batch, is_number: BoolArray) -> tuple[IntArray, HashArray]:
    """Return where the skeleton of each text begins, and all of them: sets of hashed 9-grams, empty without code."""
    tokens, gaps = batch.tokens, batch.signs.gaps
    n_tokens = np.diff(tokens.bounds)
    rows = np.flatnonzero((n_tokens >= MIN_TOKENS) & (batch.signs.counts >= MIN_SIGNS * n_tokens))
    text, at = places_within(tokens.bounds, rows)
    words, before, after = tokens.hashes[at], gaps[at + text], gaps[at + text + 1]
    keywords = _keywords()
    is_keyword = keywords[np.minimum(np.searchsorted(keywords, words), len(keywords) - 1)] == words
    is_code = np.bincount(text[is_keyword], minlength=len(batch)) >= MIN_KEYWORDS
    # A name may have several parts, such as my_name.
    is_last = np.append(text[1:] != text[:-1], True)[: len(text)]
    goes_on, ends_on = before == _underscore(), (after == _underscore()) & ~is_last
    is_kept = (is_keyword & ~goes_on & ~ends_on) | (is_number[at] & ~goes_on)
    sequence = np.stack([before.astype(np.uint64), np.where(is_kept, words, _NAME)], axis=1)
    said = sequence > 0
    said[goes_on | ~is_code[text]] = False
    counts = np.bincount(text, said.sum(axis=1), len(batch)).astype(np.int64)
    sets, limits, _ = kernels.shingle(sequence[said], np.append(0, np.cumsum(counts)), N_GRAM)
    return limits, sets
