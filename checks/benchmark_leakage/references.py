"""Fingerprints of benchmarks, combined so that texts can be compared with all of them at once."""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from ...benchmarks_refs import fingerprints
from ...benchmarks_refs.cards import Card
from ...benchmarks_refs.fingerprints import (
    A_NUMBER,
    ANSWER,
    CHOICES,
    MASKED,
    MIN_NUMBERS,
    PASSAGE,
    QUESTION,
    SEARCHED,
    SPELT,
    Fingerprint,
)
from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray
from ..base.kernels.layout import ALL_NUMBERS
from ..base.text.tokens import HashArray

N_HEAVIEST = 4
MAX_PARTS = 64  # parts that contain a gram; a more frequent gram is not looked for
CHUNK = 1 << 16  # values at a time, so that intermediate results stay in the cache
_LOCK = Lock()  # threads that want the same references wait for the first


@dataclass(frozen=True)
class References:
    """Several benchmarks. Parts and items are numbered through all of them."""

    names: tuple[str, ...]
    cards: tuple[Card, ...]
    n_items: IntArray  # (n_cards,)
    ids: tuple[str, ...]  # (n_items,)
    card_of_item: IntArray
    card_of_part: IntArray
    kinds: IntArray  # (n_parts,) QUESTION, CHOICES, ANSWER or PASSAGE
    n_tokens: IntArray
    n_words: IntArray  # distinct ones
    whole: HashArray
    written: npt.NDArray[np.uint32]
    totals: IntArray  # of the weights of each part
    word_totals: IntArray  # the same without numbers
    has_choices: BoolArray  # (n_parts,) whether an item with this part has choices
    sought: kernels.Sought
    owners: tuple[IntArray, IntArray]  # items by part: where those of each part begin, and their numbers
    parts: tuple[IntArray, IntArray]  # parts by item, in the item's own order
    bags: "Bags"

    def items_of(self, part: int) -> IntArray:
        """Return the items that have this part."""
        return self.owners[1][self.owners[0][part] : self.owners[0][part + 1]]

    def parts_of(self, item: int, kind: int) -> list[int]:
        """Return the parts of this kind that the item has."""
        own = self.parts[1][self.parts[0][item] : self.parts[0][item + 1]]
        return [part for part in own.tolist() if self.kinds[part] == kind]

    def grams_of(self, part: int) -> HashArray:
        """Return the grams that are kept of a part."""
        return self.sought.grams[self.sought.limits[part] : self.sought.limits[part + 1]]


@dataclass(frozen=True)
class Bags:
    """Questions with numbers: these in order, then their other words in any order."""

    parts: IntArray  # (n_bags,)
    limits: IntArray  # (n_bags + 1,)
    words: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.uint8]  # with flags for numbers, see Fingerprint
    numbers: kernels.Numbers
    heaviest: npt.NDArray[np.uint32]  # (n_bags, N_HEAVIEST) words
    keys: HashArray  # ascending; see `number_keys`: of the numbers in digits, and of all
    of_key: IntArray


def number_keys(numbers: npt.NDArray[np.uint32], limits: IntArray) -> tuple[HashArray, IntArray]:
    """Return keys (sums of hashes) that two multisets of numbers share if they differ in two numbers at most.

    The multisets follow one another, and each begins at one of `limits`. Also returns the multiset of each key.
    """
    spread = numbers.astype(np.uint64) * np.uint64(ALL_NUMBERS)
    sums = np.append(np.uint64(0), np.cumsum(spread, dtype=np.uint64))
    totals, sizes = sums[limits[1:]] - sums[limits[:-1]], np.diff(limits)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    # Three equal numbers and a different one are less than three quarters of all.
    large = sizes[owners] > 3
    keys = np.concatenate([totals, totals[owners[large]] - spread[large]])
    return keys, np.concatenate([np.arange(len(sizes)), owners[large]])


_File = tuple[str, Path, int]  # name, path, time of the last change in nanoseconds


def find(names: tuple[str, ...], folder: Path) -> tuple[_File, ...]:
    """Return the files of the reference sets of these names, or of all; each is verified once in a process.

    Raises
    ------
    LookupError
        If a name is unknown.
    ValueError
        If a fingerprint is damaged, or of another format.
    """
    known = fingerprints.paths(folder)
    for name in names:
        if name not in known:
            raise LookupError(
                f"no fingerprint of {name!r}; available: {', '.join(sorted(known))}. Build it with "
                f"`chataudit refs build {name}`, or add a set of your own with `chataudit refs add`"
            )
    if not known:
        raise LookupError("no fingerprint at all, not even the shipped ones. Reinstall chataudit")
    files = tuple((name, known[name], known[name].stat().st_mtime_ns) for name in names or sorted(known))
    for _, path, changed in files:
        _verify(path, changed)
    return files


def own_sets(names: tuple[str, ...], folder: Path) -> dict[Path, list[str]]:
    """Return the names of the reference sets that are not shipped, by the folder that contains them."""
    own: dict[Path, list[str]] = {}
    for name, path, _ in find(names, folder):
        if path.parent != fingerprints.SHIPPED:
            own.setdefault(path.parent, []).append(name)
    return own


@cache
def _verify(path: Path, changed: int) -> None:
    fingerprints.verify(path)


def load(names: tuple[str, ...], folder: Path) -> References:
    """Return the references of these names, or all; they are read once in a process. Raises what `find` raises."""
    files = find(names, folder)
    with _LOCK:
        return _loaded(*files)


def release() -> None:
    """Free what was loaded: 250 MB for all shipped reference sets."""
    _loaded.cache_clear()


@lru_cache(maxsize=2)
def _loaded(*files: _File) -> References:
    read = [fingerprints.load(path, is_verified=True) for _, path, _ in files]
    return _together(tuple(name for name, _, _ in files), read)


def _together(names: tuple[str, ...], loaded: list[Fingerprint]) -> References:
    def column(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(f, name) for f in loaded])

    def numbered(name: str, firsts: IntArray) -> IntArray:
        """Return a column with numbers of parts or items, numbered through all benchmarks."""
        return column(name) + np.repeat(firsts, [len(getattr(f, name)) for f in loaded])

    n_items, n_parts = (np.array([len(getattr(f, name)) for f in loaded]) for name in ("ids", "kinds"))
    first_item, first_part = (np.cumsum(n) - n for n in (n_items, n_parts))
    kinds, n_tokens, n_grams = (column(name).astype(np.int64) for name in ("kinds", "n_tokens", "n_grams"))
    weights, grams, whole = column("weights"), column("grams"), column("whole")
    limits, spans = (np.append(0, np.cumsum(n)) for n in (n_grams, n_tokens))
    # The first gram of a part is at 0; that of choices may not be, but its place is never used.
    gaps = column("gaps")
    at = np.cumsum(gaps & np.uint8(SEARCHED - 1), dtype=np.int32)
    filled = n_grams > 0
    at -= np.repeat(at[limits[:-1][filled]], n_grams[filled])
    item, part = numbered("item", first_item), numbered("part", first_part)
    plain = weights & np.uint8(A_NUMBER - 1)
    of_words = plain * (weights < A_NUMBER)
    return References(
        names,
        tuple(f.card for f in loaded),
        n_items,
        tuple(i for f in loaded for i in f.ids),
        np.repeat(np.arange(len(loaded)), n_items),
        np.repeat(np.arange(len(loaded)), n_parts),
        kinds,
        n_tokens,
        column("n_words"),
        whole,
        column("written"),
        _sums(plain, spans),
        _sums(of_words, spans),
        _marked(part, np.isin(item, item[kinds[part] == CHOICES]), len(kinds)),
        _sought(kinds, n_tokens, whole, limits, grams, at, gaps >= SEARCHED, spans, weights, column("sketch")),
        _grouped(part, item, len(kinds)),
        _grouped(item, part, int(n_items.sum())),
        _bags(
            numbered("bags", first_part),
            column("bag_sizes"),
            column("words"),
            column("word_weights"),
            column("word_places"),
        ),
    )


def _marked(values: IntArray, chosen: BoolArray, n: int) -> BoolArray:
    """Mark the numbers below n that are among the chosen values."""
    flags = np.zeros(n, dtype=bool)
    flags[values[chosen]] = True
    return flags


def _sums(values: npt.NDArray[np.uint8], limits: IntArray) -> IntArray:
    """Return the sum of the values between each limit and the next."""
    sums = np.cumsum(values, dtype=np.int32)  # half the memory of int64, and so half the time
    until = np.where(limits > 0, sums[np.maximum(limits, 1) - 1], 0) if len(sums) else np.zeros_like(limits)
    return np.diff(until).astype(np.int64)


def _grouped(keys: IntArray, values: IntArray, n: int) -> tuple[IntArray, IntArray]:
    return np.append(0, np.cumsum(np.bincount(keys, minlength=n))), values[np.argsort(keys, kind="stable")]


def _bags(
    parts: IntArray,
    sizes: IntArray,
    words: npt.NDArray[np.uint32],
    weights: npt.NDArray[np.uint8],
    places: npt.NDArray[np.uint8],
) -> Bags:
    limits = np.append(0, np.cumsum(sizes))
    of_bag = np.repeat(np.arange(len(parts)), sizes)
    has_spelt = np.bincount(of_bag[weights >= A_NUMBER + SPELT], minlength=len(parts)) > 0
    found = []
    for chosen in (weights >= A_NUMBER) & (weights < A_NUMBER + SPELT), (weights >= A_NUMBER) & has_spelt[of_bag]:
        keys, of_key = number_keys(words[chosen], np.append(0, np.cumsum(chosen))[limits])
        several = np.bincount(of_bag[chosen], minlength=len(parts)) >= MIN_NUMBERS
        found.append((keys[several[of_key]], of_key[several[of_key]]))
    keys, of_key = (np.concatenate(some) for some in zip(*found, strict=True))
    order = np.argsort(keys, kind="stable")
    by_weight = words[np.lexsort((-np.where(weights < A_NUMBER, weights, 0).astype(np.int64), of_bag))]
    at = np.minimum(limits[:-1, None] + np.arange(N_HEAVIEST), limits[1:, None] - 1)
    n_numbers = np.bincount(of_bag[weights >= A_NUMBER], minlength=len(parts))
    numbers = kernels.Numbers(words, places, weights, limits[:-1], limits[:-1] + n_numbers)
    return Bags(parts, limits, words, weights, numbers, by_weight[at], keys[order], of_key[order])


def _sought(
    kinds: IntArray,
    n_tokens: IntArray,
    whole: HashArray,
    limits: IntArray,
    grams: HashArray,
    at: npt.NDArray[np.int32],
    is_searched: BoolArray,
    spans: IntArray,
    weights: npt.NDArray[np.uint8],
    sketch: npt.NDArray[np.uint8],
) -> kernels.Sought:
    # In place: with millions of values, new memory takes most of the time.
    postings = grams[is_searched]
    postings &= ~np.uint64(0) << np.uint64(64 - MASKED)
    owners = np.repeat(np.arange(len(kinds), dtype=np.uint32), np.diff(limits))[is_searched]
    postings |= owners
    postings.sort()
    postings = postings[_opens(postings)]  # np.unique took 2.9 s in place of 0.1 for 3 million
    opens = np.flatnonzero(_opens(postings >> np.uint64(64 - MASKED)))
    sizes = np.diff(np.append(opens, len(postings)))
    postings = postings[np.repeat(sizes <= MAX_PARTS, sizes)]
    bits = max(6, len(postings).bit_length() - 1)
    heads = np.zeros((1 << bits) + 1, dtype=np.int32)
    np.cumsum(np.bincount((postings >> np.uint64(64 - bits)).view(np.int64), minlength=1 << bits), out=heads[1:])
    of_tokens = np.zeros(len(weights), dtype=np.uint8)
    of_tokens[np.repeat(kinds == QUESTION, n_tokens)] = sketch
    questions = np.flatnonzero((kinds == QUESTION) & (n_tokens > 0))
    questions = questions[np.argsort(whole[questions], kind="stable")]
    return kernels.Sought(
        postings,
        heads,
        _bitmap(postings, bits + 4),
        whole[questions],
        questions,
        _bitmap(whole[questions], max(6, len(questions).bit_length() + 4)),
        limits,
        grams,
        at,
        np.bincount(owners, minlength=len(kinds)),
        spans,
        weights,
        of_tokens,
    )


def _opens(values: HashArray | IntArray) -> npt.NDArray[np.bool_]:
    """Mark each of the ascending values that differs from the one before."""
    opens = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=opens[1:])
    return opens


def _bitmap(values: HashArray, bits: int) -> HashArray:
    """Return a bitmap with a bit for each of the ascending values, by its highest bits."""
    words = np.zeros(1 << (bits - 6), dtype=np.uint64)
    for start in range(0, len(values), CHUNK):
        at = values[start : start + CHUNK] >> np.uint64(64 - bits)
        word = (at >> np.uint64(6)).view(np.int64)
        opens = np.flatnonzero(_opens(word))
        words[word[opens]] |= np.bitwise_or.reduceat(np.uint64(1) << (at & np.uint64(63)), opens)
    return words


__all__ = [
    "ANSWER",
    "CHOICES",
    "PASSAGE",
    "QUESTION",
    "References",
    "find",
    "load",
    "number_keys",
    "own_sets",
    "release",
]
