"""Sets of hashed n-grams and their MinHash signatures."""

import numpy as np

from ..layout import BASE, Codes, Hashes, Ints
from .hashing import runs, spread


def shingle(hashes: Hashes, bounds: Ints, n: int) -> tuple[Hashes, Ints, Hashes]:
    """Return the set of hashed n-grams of each text.

    Parameters
    ----------
    hashes, bounds : ndarray of uint64, ndarray of int64
        As `tokenise` returns them.
    n : int
        Tokens of a gram, at least 1. A text with fewer has no gram.

    Returns
    -------
    sets : ndarray of uint64
        The grams of each text, ascending and each once, text after text.
    limits : ndarray of int64, shape (n_texts + 1,)
        Where each text's set begins, and where the last one ends.
    whole : ndarray of uint64, shape (n_texts,)
        A hash of all tokens of a text, in order.
    """
    first, last = int(bounds[0]), int(bounds[-1])
    tokens, edges = hashes[first:last], bounds - first
    whole = spread(runs(tokens, edges[:-1], edges[1:]))
    text = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    at = np.flatnonzero(np.arange(len(tokens)) + n <= edges[text + 1])
    values, text = grams(tokens, n)[at], text[at]
    order = np.lexsort((values, text))
    values, text = values[order], text[order]
    is_first = np.append(True, (values[1:] != values[:-1]) | (text[1:] != text[:-1]))[: len(values)]
    sizes = np.bincount(text[is_first], minlength=len(edges) - 1)
    return values[is_first], np.append(0, np.cumsum(sizes)), whole


def grams(hashes: Hashes, n: int) -> Hashes:
    """Return the hash of each run of n tokens, shape (n_tokens - n + 1,); none where there are fewer tokens."""
    n_grams = max(0, len(hashes) - n + 1)
    values, length = np.zeros(n_grams, dtype=np.uint64), 0
    power, of_step, step = BASE, hashes, 1  # sums over `step` tokens; the step doubles with each bit of n
    while length < n:
        if n & step:
            values = values * np.uint64(power) + of_step[length : length + n_grams]
            length += step
        of_step = of_step[:-step] * np.uint64(power) + of_step[step:]
        power, step = power * power % (1 << 64), 2 * step
    return spread(values)


def winnow(hashes: Hashes, bounds: Ints, n: int, window: int, least: int) -> tuple[Ints, Codes]:
    """Return some of the hashed n-grams of each text, the same ones wherever a passage is.

    Of each `window` grams in a row the least is kept, of equal ones the first, each place once. Two texts with a run of
    window + n - 1 equal tokens share one.

    Parameters
    ----------
    hashes, bounds : ndarray of uint64, ndarray of int64
        As `tokenise` returns them.
    n, window : int
        Tokens of a gram, grams of a window; at least 1.
    least : int
        A text with fewer tokens has none.

    Returns
    -------
    limits : ndarray of int64, shape (n_texts + 1,)
        Where those of each text begin.
    kept : ndarray of uint32
        The high bits of the grams kept, in the order of the text.

    References
    ----------
    Schleimer, Wilkerson and Aiken (2003), Winnowing: local algorithms for document fingerprinting.
    """
    n_tokens = np.diff(bounds)
    values = (grams(hashes, n) >> np.uint64(32)).astype(np.uint32)
    n_windows = len(values) - window + 1
    if n_windows < 1:
        return np.zeros(len(bounds), dtype=np.int64), np.zeros(0, dtype=np.uint32)
    nearest = np.lib.stride_tricks.sliding_window_view(values, window).argmin(axis=1)
    n_own = np.where(n_tokens >= least, np.maximum(0, n_tokens - n - window + 2), 0)  # windows of each text
    text = np.repeat(np.arange(len(n_tokens)), n_own)
    at = np.arange(len(text)) + np.repeat(bounds[:-1] - (np.cumsum(n_own) - n_own), n_own)
    places = at + nearest[at]
    is_new = np.append(True, (places[1:] != places[:-1]) | (text[1:] != text[:-1]))[: len(places)]
    counts = np.bincount(text[is_new], minlength=len(n_tokens))
    return np.append(0, np.cumsum(counts)), values[places[is_new]]


def place(sets: Hashes, limits: Ints, rows: Ints, goal: Ints, out: Hashes) -> None:
    """Copy some sets to other places.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` returns them.
    rows, goal : ndarray of int64, shape (n,)
        Numbers of the sets, and the place in `out` where each is to begin.
    out : ndarray of uint64
        Array to write to.
    """
    sizes = limits[rows + 1] - limits[rows]
    nth = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    out[np.repeat(goal, sizes) + nth] = sets[np.repeat(limits[rows], sizes) + nth]


def sign(sets: Hashes, limits: Ints, a: Codes, b: Codes) -> Codes:
    """Sign sets with MinHash, so that equal slots estimate Jaccard similarity.

    Values are those of datasketch 2.0 (`scheme="affine32"`) where its `hashfunc` gives the low 32 bits of a shingle.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` returns them.
    a, b : ndarray of uint32, shape (k,)
        Multipliers (odd) and offsets of the k functions h(x) = a fmix32(x) + b mod 2**32.

    Returns
    -------
    ndarray of uint32, shape (n_sets, k)
        For an empty set, the largest possible values.

    References
    ----------
    Broder (1997), On the resemblance and containment of documents. fmix32: Appleby, MurmurHash3.
    """
    h = sets[: limits[-1]].astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    out = np.full((len(limits) - 1, len(a)), 0xFFFFFFFF, dtype=np.uint32)
    filled = np.flatnonzero(np.diff(limits))
    for k in range(len(a)):
        if filled.size:
            out[filled, k] = np.minimum.reduceat(a[k] * h + b[k], limits[filled])
    return out
