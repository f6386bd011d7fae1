"""Texts that share what a pair of similar texts has in common: several of them show a template."""

import numpy as np

from ..base.arrow.columns import IntArray
from .texts import TextSets

SAMPLED = 6  # 5-grams of each pair that are looked up
MIN_SHARED = 4  # of these, in a text of the same template
MAX_TEXTS = 4  # of the same template, that are compared
MAX_HOLDERS = 64  # texts of one gram that are looked at


def alike(texts: TextSets, copies: IntArray, partners: IntArray) -> list[IntArray]:
    """Return for each pair some other texts that share most of what both have in common."""
    if not len(copies):
        return []
    samples = []
    for one, other in zip(texts.lists("shingles", copies), texts.lists("shingles", partners), strict=True):
        shared = np.intersect1d(one, other, assume_unique=True)
        # Hashes are in no order of the text, so the first ones are a sample.
        samples.append(shared[:SAMPLED])
    wanted = np.unique(np.concatenate(samples))
    grams, holders = _holders(texts, wanted)
    limits = np.searchsorted(grams, np.arange(len(wanted) + 1))
    found = []
    for k, sample in enumerate(samples):
        at = np.searchsorted(wanted, sample)
        met = np.concatenate([np.zeros(0, dtype=np.int64), *(holders[limits[i] : limits[i + 1]] for i in at.tolist())])
        others, counts = np.unique(met, return_counts=True)
        others = others[counts >= min(MIN_SHARED, len(sample))]
        known = (texts.whole[copies[k]], texts.whole[partners[k]])
        others = others[~np.isin(texts.whole[others], known)]
        _, first = np.unique(texts.whole[others], return_index=True)
        found.append(others[np.sort(first)][:MAX_TEXTS])
    return found


def _holders(texts: TextSets, wanted: IntArray) -> tuple[IntArray, IntArray]:
    """Return which of the wanted grams are in which texts: numbers of grams, ascending, and of texts."""
    bits = np.uint64(64 - 20)
    may_be = np.zeros(1 << 20, dtype=bool)  # by the highest bits, so that most values need no search
    may_be[wanted >> bits] = True
    parts = [np.zeros((2, 0), dtype=np.int64)]
    for values, limits, numbers in texts.sets.pieces():
        at = np.flatnonzero(may_be[values >> bits])
        gram = np.minimum(np.searchsorted(wanted, values[at]), len(wanted) - 1)
        at, gram = at[wanted[gram] == values[at]], gram[wanted[gram] == values[at]]
        number = numbers[np.searchsorted(limits, at, side="right") - 1]
        parts.append(np.stack([gram, number])[:, number >= 0])
    grams, numbers = np.concatenate(parts, axis=1)
    order = np.lexsort((numbers, grams))
    grams, numbers = grams[order], numbers[order]
    nth = np.arange(len(grams)) - np.searchsorted(grams, grams)
    return grams[nth < MAX_HOLDERS], texts.first[numbers[nth < MAX_HOLDERS]]
