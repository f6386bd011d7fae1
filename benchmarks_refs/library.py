"""Several fingerprints as one library, in the form in which texts are searched for their items.

What ships is one file of this form, mapped into memory: nothing is built at the start, and processes share it.
"""

import hashlib
import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from . import fingerprints
from .cards import Card
from .fingerprints import (
    A_NUMBER,
    CHOICES,
    ENDING,
    FORMAT,
    MIN_NUMBERS,
    N_GRAM,
    QUESTION,
    SEARCHED,
    SHIPPED,
    SPELT,
    Fingerprint,
    Hashes,
    Ints,
    own_folder,
)

Bytes: TypeAlias = npt.NDArray[np.uint8]
Codes: TypeAlias = npt.NDArray[np.uint32]
Grams: TypeAlias = Callable[[Bytes, int], Hashes]
"""Returns the value of each n codes in a row."""

LIBRARY = SHIPPED / "shipped.library"
HEAD_BITS = 19  # five postings at each head
N_HEAVIEST = 4
MAX_PARTS = 64  # parts that contain a gram; a more frequent gram is not looked for
MAX_NUMBER = 1 << 24  # of parts: a posting keeps 8 bits of its gram at least
SPREAD = 0x9E3779B97F4A7C15  # odd, the golden ratio in 64 bits
CHUNK = 1 << 16  # values at a time, so that intermediate results stay in the cache
_NAME = "chataudit-library"
_ALIGNED = 64  # bytes


class Columns(NamedTuple):
    """The arrays of a library. Parts and items are numbered through all of its sets."""

    items_of_set: Ints  # (n_sets,) how many
    parts_of_set: Ints
    kinds: Bytes  # (n_parts,) QUESTION, CHOICES, ANSWER or PASSAGE
    n_words: npt.NDArray[np.uint16]  # distinct ones, as far as two bytes count
    whole: Hashes
    written: Codes
    has_choices: npt.NDArray[np.bool_]  # whether an item with this part has choices
    # For kernels.Sought.
    n_searched: Bytes
    spans: Ints
    codes: Bytes
    weights: Bytes
    postings: Codes
    heads: Ints
    bitmap: Hashes
    whole_parts: Ints
    whole_bitmap: Hashes
    # Parts by item, in the item's own order: where those of each item begin, and their numbers.
    item_limits: Ints
    item_parts: Ints
    # Questions with numbers: these in order, then their other words in any order.
    bag_parts: Ints
    bag_limits: Ints
    bag_words: Codes
    bag_weights: Bytes
    bag_places: Bytes
    bag_heaviest: Codes  # (n_bags * N_HEAVIEST,)
    bag_keys: Codes  # ascending; see `number_keys`: of the numbers in digits, and of all
    bag_of_key: Ints


@dataclass(frozen=True)
class Library:
    """Several fingerprints, ready to be searched for."""

    names: tuple[str, ...]
    cards: tuple[Card, ...]
    columns: Columns
    packed_ids: bytes  # compressed: they are read where something is found

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The ids of all items."""
        size, packed = int.from_bytes(self.packed_ids[:8], "little"), self.packed_ids[8:]
        return msgspec.msgpack.decode(pa.Codec("zstd").decompress(packed, size, asbytes=True), type=tuple[str, ...])

    def cut(self, name: str) -> Fingerprint:
        """Return the fingerprint of one set."""
        k, columns = self.names.index(name), self.columns
        (a, b), (c, d) = (_range(each, k) for each in (columns.items_of_set, columns.parts_of_set))
        first, last = columns.spans[c], columns.spans[d]
        pairs = slice(columns.item_limits[a], columns.item_limits[b])
        bags = slice(*np.searchsorted(columns.bag_parts, [c, d]).tolist())
        words = slice(columns.bag_limits[bags.start], columns.bag_limits[bags.stop])
        return Fingerprint(
            self.cards[k],
            self.ids[a:b],
            columns.kinds[c:d],
            np.diff(columns.spans[c : d + 1]),
            columns.n_words[c:d].astype(np.int32),
            columns.whole[c:d],
            columns.written[c:d],
            columns.codes[first:last],
            columns.weights[first:last],
            np.repeat(np.arange(b - a, dtype=np.int32), np.diff(columns.item_limits[a : b + 1])),
            columns.item_parts[pairs] - np.int32(c),
            columns.bag_parts[bags] - np.int32(c),
            np.diff(columns.bag_limits[bags.start : bags.stop + 1]),
            columns.bag_words[words],
            columns.bag_weights[words],
            columns.bag_places[words],
        )


def _range(sizes: Ints, k: int) -> tuple[int, int]:
    first = int(sizes[:k].sum())
    return first, first + int(sizes[k])


def number_keys(numbers: Codes, limits: npt.NDArray[np.integer]) -> tuple[Codes, npt.NDArray[np.int64]]:
    """Return keys (sums of hashes) that two multisets of numbers share if they differ in two numbers at most.

    The multisets follow one another, and each begins at one of `limits`. Also returns the multiset of each key.
    """
    hashes = numbers.astype(np.uint64) * np.uint64(SPREAD)
    sums = np.append(np.uint64(0), np.cumsum(hashes, dtype=np.uint64))
    totals, sizes = sums[limits[1:]] - sums[limits[:-1]], np.diff(limits)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    # Three equal numbers and a different one are less than three quarters of all.
    large = sizes[owners] > 3
    keys = np.concatenate([totals, totals[owners[large]] - hashes[large]]) >> np.uint64(32)
    return keys.astype(np.uint32), np.concatenate([np.arange(len(sizes)), owners[large]])


# -- making ----------------------------------------------------------------------------------------------------------


def together(prints: Mapping[str, Fingerprint], grams: Grams) -> Library:
    """Return a library of these fingerprints, by name.

    Raises
    ------
    ValueError
        If they have more than MAX_NUMBER parts in all.
    """
    several = list(prints.values())

    def column(name: str) -> npt.NDArray[Any]:
        return np.concatenate([getattr(each, name) for each in several])

    items_of_set, parts_of_set = (np.array([len(getattr(f, name)) for f in several]) for name in ("ids", "kinds"))
    n_parts, n_items = int(parts_of_set.sum()), int(items_of_set.sum())
    if n_parts > MAX_NUMBER:
        raise ValueError(f"{n_parts:,} parts of items in all; expected {MAX_NUMBER:,} at most. Choose fewer sets")

    def numbered(name: str, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return a column with numbers of parts or items, numbered through all sets."""
        firsts = np.repeat(np.cumsum(sizes) - sizes, [len(getattr(f, name)) for f in several])
        return column(name) + firsts

    kinds, whole, weights = column("kinds"), column("whole"), column("weights")
    codes, spans = column("codes"), np.append(0, np.cumsum(column("n_tokens"), dtype=np.int64))
    item, part = numbered("item", items_of_set), numbered("part", parts_of_set)
    order = np.argsort(item, kind="stable")
    of_choices = np.zeros(n_items, dtype=bool)
    of_choices[item[kinds[part] == CHOICES]] = True
    has_choices = np.zeros(n_parts, dtype=bool)
    has_choices[part[of_choices[item]]] = True
    asked = np.flatnonzero((kinds == QUESTION) & (np.diff(spans) > 0))
    asked = asked[np.argsort(whole[asked], kind="stable")]
    postings, heads, bitmap = _postings(codes, weights, spans, grams)
    columns = Columns(
        items_of_set.astype(np.int32),
        parts_of_set.astype(np.int32),
        kinds,
        column("n_words").clip(max=0xFFFF).astype(np.uint16),
        whole,
        column("written"),
        has_choices,
        np.diff(np.append(0, np.cumsum(weights & SEARCHED > 0))[spans]).clip(max=255).astype(np.uint8),
        spans.astype(np.int32),
        codes,
        weights,
        postings,
        heads,
        bitmap,
        asked.astype(np.int32),
        _bitmap(whole[asked], max(6, len(asked).bit_length() + 4)),
        np.append(0, np.cumsum(np.bincount(item, minlength=n_items))).astype(np.int32),
        part[order].astype(np.int32),
        *_bags(
            numbered("bags", parts_of_set),
            np.append(0, np.cumsum(column("bag_sizes"), dtype=np.int64)),
            *(column(name) for name in ("words", "word_weights", "word_places")),
        ),
    )
    ids = msgspec.msgpack.encode([i for f in several for i in f.ids])
    packed = len(ids).to_bytes(8, "little") + pa.Codec("zstd", compression_level=9).compress(ids, asbytes=True)
    return Library(tuple(prints), tuple(f.card for f in several), columns, packed)


def part_bits(n_parts: int) -> int:
    """Return how many bits of a posting are for the number of its part."""
    return max(1, (n_parts - 1).bit_length())


def _postings(codes: Bytes, weights: Bytes, spans: npt.NDArray[np.int64], grams: Grams) -> tuple[Codes, Ints, Hashes]:
    of_part = part_bits(len(spans) - 1)
    at = np.flatnonzero(weights & SEARCHED)
    values = grams(np.where(weights & A_NUMBER, np.uint8(0), codes), N_GRAM)[at]
    # Few and many postings get as many heads as they need, but no more than what ships.
    n_heads = min(HEAD_BITS, max(6, len(at).bit_length()))
    kept = np.uint64(n_heads + 32 - of_part)  # bits of a gram's value
    keys = values >> (np.uint64(64) - kept) << np.uint64(of_part)
    keys |= (np.searchsorted(spans, at, side="right") - 1).astype(np.uint64)
    keys.sort()
    keys = keys[_opens(keys)]  # np.unique took 2.9 s in place of 0.1 for 3 million
    own = keys >> np.uint64(of_part)
    opens = np.flatnonzero(_opens(own))
    sizes = np.diff(np.append(opens, len(keys)))
    chosen = np.repeat(sizes <= MAX_PARTS, sizes)
    keys, own = keys[chosen], own[chosen]
    heads = np.zeros((1 << n_heads) + 1, dtype=np.int32)
    of_head = (own >> (kept - np.uint64(n_heads))).astype(np.int64)
    np.cumsum(np.bincount(of_head, minlength=1 << n_heads), out=heads[1:])
    bits = max(6, min(int(kept), len(keys).bit_length() + 3))
    return keys.astype(np.uint32), heads, _bitmap(own << (np.uint64(64) - kept), bits)


def _opens(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Mark each of the ascending values that differs from the one before."""
    opens = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=opens[1:])
    return opens


def _bitmap(values: Hashes, bits: int) -> Hashes:
    """Return a bitmap with a bit for each of the ascending values, by its highest bits."""
    words = np.zeros(1 << (bits - 6), dtype=np.uint64)
    for start in range(0, len(values), CHUNK):
        at = values[start : start + CHUNK] >> np.uint64(64 - bits)
        word = (at >> np.uint64(6)).view(np.int64)
        opens = np.flatnonzero(_opens(word))
        words[word[opens]] |= np.bitwise_or.reduceat(np.uint64(1) << (at & np.uint64(63)), opens)
    return words


def _bags(
    parts: npt.NDArray[np.int64], limits: npt.NDArray[np.int64], words: Codes, weights: Bytes, places: Bytes
) -> tuple[Ints, Ints, Codes, Bytes, Bytes, Codes, Codes, Ints]:
    """Return the columns of the bags."""
    of_bag = np.repeat(np.arange(len(parts)), np.diff(limits))
    has_spelt = np.bincount(of_bag[weights >= A_NUMBER + SPELT], minlength=len(parts)) > 0
    found = []
    for chosen in (weights >= A_NUMBER) & (weights < A_NUMBER + SPELT), (weights >= A_NUMBER) & has_spelt[of_bag]:
        keys, of_key = number_keys(words[chosen], np.append(0, np.cumsum(chosen))[limits])
        several = np.bincount(of_bag[chosen], minlength=len(parts)) >= MIN_NUMBERS
        found.append((keys[several[of_key]], of_key[several[of_key]]))
    keys, of_key = (np.concatenate(some) for some in zip(*found, strict=True))
    order = np.argsort(keys, kind="stable")
    by_weight = words[np.lexsort((-np.where(weights < A_NUMBER, weights, 0).astype(np.int64), of_bag))]
    heaviest = by_weight[np.minimum(limits[:-1, None] + np.arange(N_HEAVIEST), limits[1:, None] - 1)]
    return (
        *(parts.astype(np.int32), limits.astype(np.int32), words, weights, places),
        *(heaviest.reshape(-1), keys[order], of_key[order].astype(np.int32)),
    )


# -- files -----------------------------------------------------------------------------------------------------------


def paths(folder: Path) -> dict[str, Path]:
    """Return the files of all fingerprints by name.

    Those in `folder` win over the user's own, and these over shipped ones.

    Raises
    ------
    ValueError
        As `shipped`.
    """
    found = dict.fromkeys(shipped().names, LIBRARY)
    for place in (own_folder(), folder):
        found |= {path.stem: path for path in sorted(place.glob(f"*{ENDING}")) if path.is_file()}
    return found


def load(name: str, path: Path, *, is_verified: bool = False) -> Fingerprint:
    """Read the fingerprint of this name from the file that `paths` names. Raises what `fingerprints.load` raises."""
    return shipped().cut(name) if path == LIBRARY else fingerprints.load(path, is_verified=is_verified)


class _Head(NamedTuple):
    names: tuple[str, ...]
    cards: tuple[Card, ...]
    arrays: dict[str, tuple[str, int, int]]  # type, first byte behind the head, number of values
    ids: tuple[int, int]  # first byte, number of bytes


def save(library: Library, path: Path) -> None:
    """Write a library, completely or not at all."""
    arrays, pieces, at = {}, [], 0

    def add(data: bytes) -> int:
        nonlocal at
        first = at
        pieces.append(data + b"\0" * (-len(data) % _ALIGNED))
        at += len(pieces[-1])
        return first

    for name, values in library.columns._asdict().items():
        kind = values.dtype.newbyteorder("<")
        arrays[name] = (kind.str, add(values.astype(kind, copy=False).tobytes()), len(values))
    ids = (add(library.packed_ids), len(library.packed_ids))
    head = msgspec.msgpack.encode(_Head(library.names, library.cards, arrays, ids))
    data = len(head).to_bytes(8, "little") + head
    # The first line has as many bytes as its values need, and the arrays begin at a multiple of _ALIGNED.
    line = len(f"{_NAME} {FORMAT} ") + 64 + 1
    data += b"\0" * (-(line + len(data)) % _ALIGNED) + b"".join(pieces)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        made.write_bytes(f"{_NAME} {FORMAT} {hashlib.sha256(data).hexdigest()}\n".encode() + data)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def shipped() -> Library:
    """Map the library that ships.

    Raises
    ------
    ValueError
        If the file is not the one that this version ships, as far as its size shows; `verify` reads all of it.
    """
    try:
        with open(LIBRARY, "rb") as file:
            pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # the latter where it is empty
        raise ValueError(f"{LIBRARY}: {error}. {_AGAIN}") from None
    line = pages[: len(_NAME) + 72].split(b"\n")[0]
    if not line.startswith(f"{_NAME} {FORMAT} ".encode()):
        raise ValueError(f"{LIBRARY}: not what this version ships. {_AGAIN}")
    first = len(line) + 1
    n = int.from_bytes(pages[first : first + 8], "little")
    try:
        head = msgspec.msgpack.decode(pages[first + 8 : first + 8 + n], type=_Head)
    except msgspec.DecodeError:
        raise ValueError(f"{LIBRARY}: damaged. {_AGAIN}") from None
    start = first + 8 + n
    start += -start % _ALIGNED
    if start + sum(head.ids) + -head.ids[1] % _ALIGNED != len(pages):
        raise ValueError(f"{LIBRARY}: incomplete. {_AGAIN}")
    columns = Columns(
        **{name: np.frombuffer(pages, kind, n, start + at) for name, (kind, at, n) in head.arrays.items()}
    )
    ids = start + head.ids[0]
    return Library(head.names, head.cards, columns, pages[ids : ids + head.ids[1]])


def verify() -> None:
    """Compare the library that ships with its checksum.

    Raises
    ------
    ValueError
        If they differ.
    """
    shipped()
    line, _, data = LIBRARY.read_bytes().partition(b"\n")
    if hashlib.sha256(data).hexdigest().encode() != line.split()[-1]:
        raise ValueError(f"{LIBRARY}: damaged, its checksum does not match. {_AGAIN}")


_AGAIN = "Reinstall chataudit"
