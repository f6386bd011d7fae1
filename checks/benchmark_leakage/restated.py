"""Questions in other words or another language: the same numbers in the same order, and words that travel.

A translation keeps few words (names, units), but most of its numbers. A second model (restated.json) weighs how rare
the numbers are that both share in order, what is left over on either side, and the words that both contain.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...benchmarks_refs.fingerprints import A_NUMBER, BRIEF, MAX_NUMBERS, MIN_NUMBERS, SPELT, STEP, placed, shortened
from ...benchmarks_refs.library import number_keys
from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray, is_among, places_within, utf8
from ..base.kernels.layout import LINE, NUMBER, SENTENCE
from ..base.statistics import trees
from ..base.text.words import numbers
from .evidence import HashedTexts, ItemHit
from .references import KEY_BITS

RESTATED = Path(__file__).with_name("restated.json")

FACTS = (
    # Numbers in digits of the question and of the message, those spelt out, and those that both have in order.
    *("numbers", "spelt", "numbers_of_message", "matched", "nats_matched", "nats_missed", "missed", "left_over"),
    # How far apart the places of these are, on average, as a share of both texts.
    "moved",
    # Other words of the question in the message.
    *("nats_shared", "share_shared"),
    # Tokens of both, bytes of the message for each token of the question, its lines and sentences, and how many
    # questions the message is paired with.
    *("tokens", "length", "bytes_a_token", "lines", "sentences", "rivals"),
)
MAX_FANOUT = 8  # questions with the same numbers
MIN_NATS = 6.0  # of a question's numbers, if the message has none of its N_HEAVIEST words
MAX_TOKENS = 4 * BRIEF  # of a message: a question in other words is no essay
WORD_BITS = 18  # of a word's hash, by which words that are not sought are left out
TRANSLATED = 0.2  # share of a question's words by weight, below which the message is in another language

Facts = npt.NDArray[np.float64]


class Pairs(NamedTuple):
    """Messages, and questions that they may restate."""

    rows: IntArray
    bags: IntArray


def restated(texts: HashedTexts, is_open: BoolArray, minimum: float) -> Iterator[ItemHit]:
    """Yield the most probable question of each open message that restates one at least this probably."""
    pairs = same_numbers(texts, is_open)
    facts = facts_of(texts, pairs)
    p = trees.load(RESTATED, FACTS).probability(facts)
    shares = facts[:, FACTS.index("share_shared")]
    best: dict[int, int] = {}
    for k in np.flatnonzero(p >= minimum).tolist():
        row = int(pairs.rows[k])
        if row not in best or p[k] > p[best[row]]:
            best[row] = k
    refs = texts.refs
    for row, k in best.items():
        part = int(refs.bags.parts[pairs.bags[k]])
        share = float(shares[k])
        kind = "rephrased" if share >= TRANSLATED else "translated"
        items = tuple(refs.items_of(part).tolist())
        yield ItemHit(row, part, items, 0, len(texts.tokens(row)), share, 0.0, 0.0, 0.0, float(p[k]), kind)


def same_numbers(texts: HashedTexts, is_open: BoolArray) -> Pairs:
    """Pair messages with questions that have the same numbers, except one or two."""
    bags, (_, tokens, marks) = texts.refs.bags, texts.words
    n_tokens = np.diff(tokens.bounds)
    n_digits = np.diff(np.searchsorted(np.flatnonzero(marks & NUMBER), tokens.bounds))
    asked = np.flatnonzero(is_open & (n_digits > 0) & (n_tokens <= MAX_TOKENS))
    _, place = places_within(tokens.bounds, asked)
    at, values = numbers(tokens.hashes[place], marks[place])
    row, in_digits = np.repeat(asked, n_tokens[asked])[at], marks[place[at]] & NUMBER > 0
    kept = (np.bincount(row, minlength=len(n_tokens)) <= MAX_NUMBERS)[row]
    row, values, in_digits = row[kept], values[kept], in_digits[kept]
    found = []
    for chosen in (in_digits, np.ones(len(row), dtype=bool)):
        counts = np.bincount(row[chosen], minlength=len(n_tokens))
        keys, of_key = number_keys(shortened(values[chosen]), np.append(0, np.cumsum(counts)))
        known = bags.has_key[keys >> np.uint32(32 - KEY_BITS)]
        keys, of_key = keys[known], of_key[known]
        left, right = (np.searchsorted(bags.keys, keys, side=side) for side in ("left", "right"))
        many = np.where((right - left <= MAX_FANOUT) & (counts[of_key] >= MIN_NUMBERS), right - left, 0)
        first = np.cumsum(many) - many
        bag = bags.of_key[np.repeat(left - first, many) + np.arange(many.sum())]
        found.append(np.repeat(of_key, many) * len(bags.parts) + bag)
    rows, bag = np.divmod(np.unique(np.concatenate(found)), max(1, len(bags.parts)))
    # Most pairs share only a few small numbers: these are not worth a comparison.
    _, entry = places_within(bags.limits, bag)
    of_pair = np.repeat(np.arange(len(bag)), np.diff(bags.limits)[bag])
    weights = bags.weights[entry]
    nats = np.bincount(of_pair, np.where(weights >= A_NUMBER, weights & (SPELT - 1), 0), len(bag)) * STEP
    paired, number = np.unique(rows, return_inverse=True)
    _, at = places_within(tokens.bounds, paired)
    owner = np.repeat(np.arange(len(paired)), n_tokens[paired])
    has_one = _stand_in(number.reshape(-1, 1), bags.heaviest[bag], owner, shortened(tokens.hashes[at])).any(axis=1)
    worth = has_one | (nats >= MIN_NATS)
    return Pairs(rows[worth], bag[worth])


def _stand_in(
    messages: IntArray, sought: npt.NDArray[np.uint32], owners: IntArray, words: npt.NDArray[np.uint32]
) -> BoolArray:
    """Whether words stand in the messages of these numbers; `owners` and `words` are all messages' words."""
    # Sorting takes longest, and few words are sought.
    is_sought = np.zeros(1 << WORD_BITS, dtype=bool)
    is_sought[sought >> np.uint32(32 - WORD_BITS)] = True
    near = is_sought[words >> np.uint32(32 - WORD_BITS)]
    own = np.sort(owners[near].astype(np.uint64) << np.uint64(32) | words[near])
    return is_among(messages.astype(np.uint64) << np.uint64(32) | sought, own)


def facts_of(texts: HashedTexts, pairs: Pairs) -> Facts:
    """Return FACTS of pairs, shape (n, len(FACTS))."""
    bags, (column, tokens, marks) = texts.refs.bags, texts.words
    n_pairs = len(pairs.rows)
    # The words of the questions.
    _, entry = places_within(bags.limits, pairs.bags)
    of_pair = np.repeat(np.arange(n_pairs), np.diff(bags.limits)[pairs.bags])
    weights = bags.weights[entry]
    is_number, values = weights >= A_NUMBER, (weights & (SPELT - 1)).astype(np.int64)
    is_spelt = weights >= A_NUMBER + SPELT
    # The words of the messages, each message once.
    rows, number = np.unique(pairs.rows, return_inverse=True)
    number = number.reshape(-1)
    _, at = places_within(tokens.bounds, rows)
    n_tokens = np.diff(tokens.bounds)[rows]
    of_row = np.repeat(np.arange(len(rows)), n_tokens)
    words, marks_of = tokens.hashes[at], marks[at]
    in_digits = marks_of & NUMBER > 0
    is_given, values_given = numbers(words, marks_of)
    is_shared = _stand_in(number[of_pair], bags.words[entry], of_row, shortened(words)) & ~is_number

    def sums(chosen: BoolArray, of: IntArray) -> IntArray:
        return np.bincount(of_pair[chosen], of[chosen], n_pairs).astype(np.int64)

    ones = np.ones(len(entry), dtype=np.int64)
    firsts = np.cumsum(n_tokens) - n_tokens
    row_given = of_row[is_given]
    places = placed(is_given - firsts[row_given], n_tokens[row_given])
    ends = np.cumsum(np.bincount(row_given, minlength=len(rows)))
    begins = np.append(0, ends)[:-1]
    given = kernels.Numbers(shortened(values_given), places, places, begins, ends)
    common = kernels.in_order(bags.numbers, given, np.stack([pairs.bags, number], axis=1))
    weight, matched, matched_digits, moved = common.T
    n_digits = sums(is_number & ~is_spelt, ones)
    n_given = np.bincount(of_row[in_digits], minlength=len(rows))[number]
    words_shared, of_words = sums(is_shared, values), sums(~is_number, values)
    n_asked = texts.refs.n_tokens[bags.parts[pairs.bags]]
    n_bytes = np.diff(utf8(column)[1])[pairs.rows]
    known = {
        "numbers": n_digits,
        "spelt": sums(is_spelt, ones),
        "numbers_of_message": n_given,
        "matched": matched,
        "nats_matched": STEP * weight,
        "nats_missed": STEP * (sums(is_number & ~is_spelt, values) - weight).clip(0),
        "missed": n_digits - matched_digits,
        "left_over": np.maximum(0, n_given - matched),
        "moved": moved / np.maximum(1, matched) / 255,
        "nats_shared": STEP * words_shared,
        "share_shared": words_shared / np.maximum(1, of_words),
        "tokens": np.log1p(n_asked),
        "length": np.log1p(n_tokens[number]),
        "bytes_a_token": n_bytes / np.maximum(1, n_asked),
        "lines": np.bincount(of_row[marks_of & LINE > 0], minlength=len(rows))[number],
        "sentences": np.bincount(of_row[marks_of & SENTENCE > 0], minlength=len(rows))[number],
        "rivals": np.log1p(np.bincount(number)[number]),
    }
    return np.stack([np.asarray(known[name], dtype=np.float64) for name in FACTS], axis=1)
