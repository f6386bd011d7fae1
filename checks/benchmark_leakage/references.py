"""Fingerprints of benchmarks, combined so that texts can be compared with all of them at once."""

from functools import cache, cached_property, lru_cache
from pathlib import Path
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...benchmarks_refs import fingerprints, library
from ...benchmarks_refs.fingerprints import A_NUMBER, ANSWER, CHOICES, MOST, PASSAGE, QUESTION
from ...benchmarks_refs.library import LIBRARY, N_HEAVIEST, Library, number_keys, part_bits
from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray, places_within
from ..base.kernels.layout import Places

KEY_BITS = 20
_LOCK = Lock()  # threads that want the same references wait for the first


class Bags(NamedTuple):
    """Questions with numbers: these in order, then their other words in any order."""

    parts: npt.NDArray[np.int32]  # (n_bags,)
    limits: npt.NDArray[np.int32]  # (n_bags + 1,)
    words: npt.NDArray[np.uint32]
    weights: npt.NDArray[np.uint8]  # with flags for numbers, see Fingerprint
    numbers: kernels.Numbers
    heaviest: npt.NDArray[np.uint32]  # (n_bags, N_HEAVIEST) words
    keys: npt.NDArray[np.uint32]  # ascending; see `number_keys`
    of_key: npt.NDArray[np.int32]
    has_key: BoolArray  # (2**KEY_BITS,) by the highest bits of a key: whether there may be one


class References(Library):
    """Several benchmarks. Parts and items are numbered through all of them."""

    @cached_property
    def n_tokens(self) -> npt.NDArray[np.int32]:
        """Sizes of the parts."""
        return np.diff(self.columns.spans)

    @cached_property
    def card_of_item(self) -> IntArray:
        return np.repeat(np.arange(len(self.names)), self.columns.items_of_set)

    @cached_property
    def card_of_part(self) -> IntArray:
        return np.repeat(np.arange(len(self.names)), self.columns.parts_of_set)

    @cached_property
    def sought(self) -> kernels.Sought:
        c = self.columns
        return kernels.Sought(
            *(c.postings, c.heads, part_bits(len(c.kinds)), c.bitmap, c.whole, c.whole_parts, c.whole_bitmap),
            *(c.n_searched, c.spans, c.codes, c.weights),
        )

    @cached_property
    def owners(self) -> tuple[IntArray, Places]:
        """Items by part: where those of each part begin, and their numbers."""
        columns = self.columns
        parts = columns.item_parts
        items = np.repeat(np.arange(len(columns.item_limits) - 1, dtype=np.int32), np.diff(columns.item_limits))
        counts = np.bincount(parts, minlength=len(columns.kinds))
        return np.append(0, np.cumsum(counts)), items[np.argsort(parts, kind="stable")]

    @cached_property
    def bags(self) -> Bags:
        c = self.columns
        n_numbers = np.diff(np.append(0, np.cumsum(c.bag_weights >= A_NUMBER))[c.bag_limits])
        begins = c.bag_limits[:-1].astype(np.int64)
        has_key = np.zeros(1 << KEY_BITS, dtype=bool)
        has_key[c.bag_keys >> np.uint32(32 - KEY_BITS)] = True
        numbers = kernels.Numbers(c.bag_words, c.bag_places, c.bag_weights, begins, begins + n_numbers)
        return Bags(
            *(c.bag_parts, c.bag_limits, c.bag_words, c.bag_weights, numbers, c.bag_heaviest.reshape(-1, N_HEAVIEST)),
            *(c.bag_keys, c.bag_of_key, has_key),
        )

    def items_of(self, part: int) -> Places:
        """Return the items that have this part."""
        return self.owners[1][self.owners[0][part] : self.owners[0][part + 1]]

    def all_parts_of(self, item: int) -> Places:
        """Return the parts of an item, in its own order."""
        limits = self.columns.item_limits
        return self.columns.item_parts[limits[item] : limits[item + 1]]

    def parts_of(self, item: int, kind: int) -> list[int]:
        """Return the parts of this kind that the item has."""
        return [part for part in self.all_parts_of(item).tolist() if self.columns.kinds[part] == kind]

    def codes_of(self, part: int) -> npt.NDArray[np.uint8]:
        """Return the codes of a part's tokens."""
        return self.columns.codes[self.columns.spans[part] : self.columns.spans[part + 1]]

    def total(self, part: int) -> int:
        """Return the sum of a part's weights."""
        weights = self.columns.weights[self.columns.spans[part] : self.columns.spans[part + 1]]
        return int((weights & np.uint8(MOST)).sum(dtype=np.int64))

    def totals(self, parts: IntArray) -> tuple[IntArray, IntArray]:
        """Return the sums of the weights of parts: of all tokens, and of those that are no numbers."""
        columns = self.columns
        _, at = places_within(columns.spans, parts)
        weights = columns.weights[at]
        plain = weights & np.uint8(MOST)
        limits = np.append(0, np.cumsum(self.n_tokens[parts]))
        sums = (np.append(0, np.cumsum(some, dtype=np.int64)) for some in (plain, plain * (weights < A_NUMBER)))
        of_all, of_words = (np.diff(some[limits]) for some in sums)
        return of_all, of_words


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
    known = library.paths(folder)
    for name in names:
        if name not in known:
            raise LookupError(
                f"no fingerprint of {name!r}; available: {', '.join(sorted(known))}. Build it with "
                f"`chataudit refs build {name}`, or add a set of your own with `chataudit refs add`"
            )
    files = tuple((name, known[name], known[name].stat().st_mtime_ns) for name in names or sorted(known))
    for _, path, changed in files:
        if path != LIBRARY:
            _verify(path, changed)
    return files


def own_sets(names: tuple[str, ...], folder: Path) -> dict[Path, list[str]]:
    """Return the names of the reference sets that are not shipped, by the folder that contains them."""
    own: dict[Path, list[str]] = {}
    for name, path, _ in find(names, folder):
        if path != LIBRARY:
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
    """Free what was loaded."""
    _loaded.cache_clear()
    library.shipped.cache_clear()


@lru_cache(maxsize=2)
def _loaded(*files: _File) -> References:
    shipped = library.shipped()
    if [(name, path) for name, path, _ in files] == [(name, LIBRARY) for name in shipped.names]:
        return _references(shipped)
    prints = {name: library.load(name, path, is_verified=True) for name, path, _ in files}
    return _references(library.together(prints, kernels.values_of))


def _references(found: Library) -> References:
    return References(found.names, found.cards, found.columns, found.packed_ids)


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
