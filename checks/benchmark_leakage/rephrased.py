"""Candidates for rephrased questions: equal numbers and a rare word in common."""

from typing import NamedTuple

import numpy as np

from ...benchmarks_refs.fingerprints import FULL, MIN_NUMBERS, shortened
from ..base.arrow.columns import BoolArray, IntArray
from ..base.kernels.layout import NUMBER
from ..base.text.tokens import HashArray
from .evidence import HashedTexts
from .references import number_keys

MAX_FANOUT = 32  # questions with the same numbers


class _Candidates(NamedTuple):
    """Messages, and questions that they may paraphrase."""

    rows: IntArray
    bags: IntArray
    shared: IntArray  # weight of the words that both contain
    totals: IntArray  # weight of all words of the question


def same_numbers(texts: HashedTexts, is_open: BoolArray) -> _Candidates:
    """Pair messages with questions that have the same numbers, except one or two, and share one of the rarest words."""
    bags, tokens = texts.refs.bags, texts.batch.tokens
    is_number = texts.batch.marks & NUMBER > 0
    counts = np.append(0, np.cumsum(is_number))[tokens.bounds]
    n_numbers, n_tokens = np.diff(counts), np.diff(tokens.bounds)
    wanted = is_open & (n_numbers >= MIN_NUMBERS) & (n_numbers <= bags.most)
    wanted &= n_tokens <= 2 * FULL  # a paraphrase is no essay
    rows = np.flatnonzero(wanted)
    kept = np.repeat(wanted, n_tokens)
    words = shortened(tokens.hashes[kept])
    keys, owners = number_keys(words[is_number[kept]], np.append(0, np.cumsum(n_numbers[rows])))
    left, right = (np.searchsorted(bags.keys, keys, side=side) for side in ("left", "right"))
    many = np.where(right - left <= MAX_FANOUT, right - left, 0)
    first = np.cumsum(many) - many
    bag = bags.of_key[np.repeat(left - first, many) + np.arange(many.sum())]
    # Most candidates share only numbers. To look up a few words of all at once makes this fast.
    pairs = np.unique(np.repeat(owners, many) * len(bags.parts) + bag)
    owner, bag = np.divmod(pairs, max(1, len(bags.parts)))
    of_owner = np.repeat(np.arange(len(rows)), n_tokens[rows]).astype(np.uint64) << np.uint64(32)
    all_words = np.sort(of_owner | words)
    has_one = _among(all_words, owner[:, None].astype(np.uint64) << np.uint64(32) | bags.heaviest[bag]).any(axis=1)
    owner, bag = owner[has_one], bag[has_one]
    sizes = bags.limits[bag + 1] - bags.limits[bag]
    pair = np.repeat(np.arange(len(bag)), sizes)
    at = bags.limits[bag][pair] + np.arange(len(pair)) - (np.cumsum(sizes) - sizes)[pair]
    is_shared = _among(all_words, owner[pair].astype(np.uint64) << np.uint64(32) | bags.words[at])
    weights = bags.weights[at].astype(np.int64)
    shared, totals = (np.bincount(pair, some, len(bag)).astype(np.int64) for some in (weights * is_shared, weights))
    return _Candidates(rows[owner], bag, shared, totals)


def _among(values: HashArray, sought: HashArray) -> BoolArray:
    """Mark the sought values that are among the ascending ones."""
    if not len(values):
        return np.zeros(sought.shape, dtype=bool)
    is_among: BoolArray = values[np.minimum(np.searchsorted(values, sought), len(values) - 1)] == sought
    return is_among
