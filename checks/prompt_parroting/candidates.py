"""Candidates: replies that share so many n-grams with a message above them that the two are compared word by word."""

from typing import NamedTuple

import numpy as np

from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray
from ..base.messages import Batch

MAX_ANCESTORS = 20  # the nearest ones; a thread is rarely as deep
SHORT = 32  # tokens; of a shorter prompt, a few slips of the pen leave no 5-gram, and pairs of tokens are compared
MIN_PAIRS, MIN_GRAMS = 0.4, 0.2  # share of a prompt's pairs of tokens, or 5-grams, that are in the reply
MIN_EARLIER = 0.5  # share of both texts' 5-grams, where an earlier message may be repeated
MIN_TOKENS = 8  # of an earlier message or a quoted prompt; shorter ones are stock phrases, or taken up by answers
MAX_TIMES, MAX_MORE = 3, 60  # an echo has so many times the n-grams of its prompt at most, and so many more


class ReplyPairs(NamedTuple):
    """Replies, and a message above each of them."""

    replies: IntArray  # rows of the batch
    others: IntArray
    steps: IntArray  # 1: its prompt

    def take(self, at: BoolArray) -> "ReplyPairs":
        """Return some of the pairs."""
        return ReplyPairs(*(part[at] for part in self))


def candidates(batch: Batch, parent: IntArray, rows: IntArray, min_restated: float) -> ReplyPairs:
    """Return pairs that share enough for an echo, or for a quotation of the prompt.

    Parameters
    ----------
    batch : Batch
        Whole trees.
    parent : ndarray of int64, shape (n_rows,)
        The message that each one answers; -1: none.
    rows : ndarray of int64
        The replies.
    min_restated : float
        Smallest share of a prompt's 5-grams that are in the reply, for a quotation.
    """
    pairs = _ancestors(parent, rows)
    n_tokens = np.diff(batch.tokens.bounds)
    is_prompt = pairs.steps == 1
    is_short = is_prompt & (n_tokens[pairs.others] < SHORT)
    sets, limits, whole = batch.shingles
    sizes = np.diff(limits)
    shared = kernels.overlaps(sets, limits, pairs.replies, pairs.others)
    of_reply = shared / np.maximum(1, sizes[pairs.replies])
    of_other = shared / np.maximum(1, sizes[pairs.others])
    is_like = np.where(is_prompt, of_other >= MIN_GRAMS, np.minimum(of_reply, of_other) >= MIN_EARLIER)
    is_like &= is_prompt | (n_tokens[pairs.others] >= MIN_TOKENS)
    is_like &= sizes[pairs.replies] <= MAX_TIMES * sizes[pairs.others] + MAX_MORE
    is_like[is_short] = _share_pairs(batch, pairs.take(is_short))
    is_quoted = is_prompt & (of_other >= min_restated) & (n_tokens[pairs.others] >= MIN_TOKENS)
    # Who asks the same again may get the same answer again.
    asked, before = parent[pairs.replies], parent[pairs.others]
    is_like &= is_prompt | (before < 0) | (whole[asked] != whole[before])
    return pairs.take(is_like | is_quoted)


def _ancestors(parent: IntArray, rows: IntArray) -> ReplyPairs:
    """Pair each of these rows with its nearest ancestors, the nearest first."""
    found = []
    at, top = parent[rows], rows
    for steps in range(1, MAX_ANCESTORS + 1):
        is_other = (at >= 0) & (at != top)  # a way up that comes back to the reply ends there
        top, at = top[is_other], at[is_other]
        if not top.size:
            break
        found.append((top, at, np.full(len(top), steps)))
        at = parent[at]
    if not found:
        none = np.zeros(0, dtype=np.int64)
        return ReplyPairs(none, none, none)
    return ReplyPairs(*(np.concatenate(part) for part in zip(*found, strict=True)))


def _share_pairs(batch: Batch, pairs: ReplyPairs) -> BoolArray:
    """Mark pairs of texts that share enough pairs of tokens, the reply being no longer than an echo."""
    bounds = batch.tokens.bounds
    n_tokens = np.diff(bounds)
    enough = np.zeros(len(pairs.replies), dtype=bool)
    # Cheaper than the pairs of tokens of all replies, most of which are far longer than a short prompt.
    at = np.flatnonzero(n_tokens[pairs.replies] <= MAX_TIMES * n_tokens[pairs.others] + MAX_MORE)
    rows, numbers = np.unique(np.concatenate([pairs.replies[at], pairs.others[at]]), return_inverse=True)
    replies, others = numbers.reshape(2, -1)
    sizes = n_tokens[rows]
    begins = np.append(0, np.cumsum(sizes))
    flat = np.repeat(bounds[rows] - begins[:-1], sizes) + np.arange(begins[-1])
    sets, limits, _ = kernels.shingle(batch.tokens.hashes[flat], begins, 2)
    shared = kernels.overlaps(sets, limits, replies, others)
    enough[at] = shared >= MIN_PAIRS * np.maximum(1, np.diff(limits)[others])
    return enough
