"""The search for pairs of similar sets: families first, then all pairs of the rest, by the chosen method."""

from functools import partial
from typing import Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from ..base import kernels
from ..base.arrow.memory_map import trim
from ..base.check import Spread
from ..base.groups import Pairs
from ..base.statistics.intervals import in_percent
from .families import MIN_FAMILY, families
from .minhash import alike_pairs, lot_keys
from .sets import Sets

T = TypeVar("T", np.int64, np.uint64)

MAX_FANOUT, MIN_FANOUT, MAX_PAIRS = 1000, 50, 50_000_000


class Search(NamedTuple):
    """How pairs are searched for."""

    min_similarity: float
    method: Literal["auto", "exact", "minhash"]
    budget: int  # bytes
    bands: int
    rows: int
    seed: int


def similar_pairs(sets: Sets, search: Search, spread: Spread) -> Pairs:
    """Return the pairs of sets whose Jaccard similarity is at least `min_similarity`.

    A member of a large family is paired with its leader only.
    """
    found = families(sets, search.min_similarity, search.seed, spread)
    is_member = np.zeros(len(sets), dtype=bool)
    is_member[found.members] = True
    alone = np.flatnonzero(~is_member)
    rest = sets if len(alone) == len(sets) else sets.some(alone)
    pairs = _pairs(rest, search, spread)
    if rest is sets:
        return pairs
    capped = np.zeros(len(sets), dtype=bool)
    capped[alone] = pairs.capped
    left = np.concatenate([alone[pairs.left], np.minimum(found.members, found.leaders)])
    right = np.concatenate([alone[pairs.right], np.maximum(found.members, found.leaders)])
    order = np.lexsort((right, left))
    n = len(np.unique(found.leaders))
    note = (
        f"{len(found.members):,} texts were compared only with the text that represents their group ({n:,} "
        f"group{'s' * (n > 1)} of {MIN_FAMILY} or more)"
    )
    jaccard = np.concatenate([pairs.jaccard, found.jaccard])
    return Pairs(left[order], right[order], jaccard[order], capped, (*pairs.notes, note))


def _pairs(sets: Sets, search: Search, spread: Spread) -> Pairs:
    wanted = sets.memory_of_join
    is_exact = wanted <= search.budget if search.method == "auto" else search.method == "exact"
    fanout = max(MIN_FANOUT, min(MAX_FANOUT, MAX_PAIRS // max(1, len(sets))))
    return _exact(sets, search, fanout) if is_exact else _by_minhash(sets, search, fanout, spread)


def _exact(sets: Sets, search: Search, fanout: int) -> Pairs:
    values, limits = sets.all()
    *places, shared, capped = kernels.join(values, limits, search.min_similarity, fanout, kernels.THREADS.get())
    left, right = (place.astype(np.int64) for place in places)
    note = f"All pairs with a similarity of {search.min_similarity} or more were found"
    if n := np.count_nonzero(capped):
        note += f", except among {n:,} texts with very many similar ones: only the first {fanout:,} were compared"
    note += f" (exact join, at most {max(1, sets.memory_of_join // 10**6):,} MB of memory)"
    return Pairs(left, right, sets.jaccard(left, right, shared), capped, (note,))


def _by_minhash(sets: Sets, search: Search, fanout: int, spread: Spread) -> Pairs:
    """Let workers sign the sets, find those that agree in a band, and verify them; they return only numbers."""
    bands, rows = search.bands, search.rows
    # As many bands at a time as fit into a quarter of the budget; a band is a key of 8 bytes for each set.
    step = max(1, min(bands, search.budget // 4 // (8 * max(1, len(sets)))))
    step = -(-bands // -(-bands // step))  # as many parts, of about equal size
    candidates, capped = np.zeros(0, dtype=np.int64), np.zeros(len(sets), dtype=bool)
    lots = list(sets.lots())
    for first in range(0, bands, step):
        last = min(bands, first + step)
        part = slice(first * rows, last * rows)
        keys = np.empty((last - first, len(sets)), dtype=np.uint64)
        sign = partial(lot_keys, name=sets.name, n=bands * rows, seed=search.seed, part=part, rows=rows)
        for (_, numbers), signed in zip(lots, spread(sign, lots), strict=True):
            keys[:, numbers[numbers >= 0]] = signed
        met = [candidates]
        for pairs, later in spread(partial(alike_pairs, fanout=fanout), keys):
            met.append(pairs)
            capped[later] = True
        del keys  # before more memory is taken
        candidates = unique(np.concatenate(met))
        del met
        trim()
    del lots  # 8 bytes a text, while memory is dearest
    candidates = sets.near_in_size(candidates, search.min_similarity)
    left, right = np.divmod(candidates, len(sets))
    jaccard = sets.jaccard(left, right, sets.shared(candidates, spread))
    ok = jaccard >= search.min_similarity
    trim()
    miss = (1 - search.min_similarity**rows) ** bands
    note = (
        f"About {in_percent(miss)} of pairs with a similarity of {search.min_similarity} are missed, and fewer of "
        f"more similar pairs (MinHash, {bands} bands of {rows} rows; {np.count_nonzero(ok):,} of {len(candidates):,} "
        "candidates verified)"
    )
    return Pairs(left[ok], right[ok], jaccard[ok], capped, (note,))


def unique(values: npt.NDArray[T]) -> npt.NDArray[T]:
    """Return ascending values, each once. np.unique hashes: 7.7 s for 1.6 million texts, where sorting takes 0.7 s."""
    ascending = np.sort(values)
    found: npt.NDArray[T] = ascending[np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]]
    return found
