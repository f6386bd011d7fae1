"""Code without its names, so that copies with renamed variables are found."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray
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


def skeletons(batch: Batch, n_tokens: IntArray, is_number: BoolArray) -> tuple[IntArray, HashArray]:
    """Return where the skeleton of each text begins, and all of them: sets of hashed 9-grams, empty without code."""
    empty = np.zeros(len(batch) + 1, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    tokens, gaps = batch.tokens, batch.signs.gaps
    edges = tokens.bounds + np.arange(len(batch) + 1)  # of the gaps of each text
    n_signs = np.add.reduceat(np.append(gaps > 0, False), edges[:-1], dtype=np.int64) if len(batch) else n_tokens
    rows = np.flatnonzero((n_tokens >= MIN_TOKENS) & (n_signs >= MIN_SIGNS * n_tokens))
    if not rows.size:
        return empty
    parts, sizes = [], []
    for row in rows.tolist():
        here = slice(tokens.bounds[row], tokens.bounds[row + 1])
        sequence = _skeleton(tokens.hashes[here], gaps[edges[row] : edges[row + 1] - 1], is_number[here])
        parts.append(sequence)
        sizes.append(len(sequence))
    counts = np.zeros(len(batch), dtype=np.int64)
    counts[rows] = sizes
    sets, limits, _ = kernels.shingle(np.concatenate(parts), np.append(0, np.cumsum(counts)), N_GRAM)
    return limits, sets


def _skeleton(words: HashArray, gaps: npt.NDArray[np.uint32], is_number: BoolArray) -> HashArray:
    """Return signs and words of one text, in order, each name as any; none if it is no code."""
    keywords = _keywords()
    is_keyword = keywords[np.minimum(np.searchsorted(keywords, words), len(keywords) - 1)] == words
    if np.count_nonzero(is_keyword) < MIN_KEYWORDS:
        return np.zeros(0, dtype=np.uint64)
    # A name may have several parts, such as my_name.
    goes_on = gaps == _underscore()
    is_keyword &= ~goes_on & ~np.append(goes_on[1:], False)
    sequence = np.zeros((len(words), 2), dtype=np.uint64)
    sequence[:, 0] = gaps
    sequence[:, 1] = np.where(is_keyword | (is_number & ~goes_on), words, _NAME)
    found: HashArray = sequence[~goes_on].ravel()
    return found[found > 0]
