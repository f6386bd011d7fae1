"""Families: large groups of texts that are all similar to one of them, such as the texts of one template.

Their pairs would grow with the square of their number. Each member is compared with its leader only.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..base.arrow.columns import BoolArray, IntArray
from ..base.check import Spread
from .minhash import lot_signatures
from .sets import LOT, Sets

MIN_FAMILY = 32  # members; in smaller groups all pairs are compared
SAMPLED = np.uint64(3)  # bits of a value that are 0 in a sample
ROUNDS = 12
HASHES = 2  # that members agree in, in a round: two texts of similarity .8 do with probability .64


class Families(NamedTuple):
    """Members of families, the set that leads each, and how similar they are."""

    members: IntArray
    leaders: IntArray
    jaccard: npt.NDArray[np.float64]


def families(sets: Sets, min_similarity: float, seed: int, spread: Spread) -> Families:
    """Find large groups of sets that are similar to one of them.

    In each round, sets whose least hashes agree meet the first of them, and join it if they are verified as similar
    enough. A leader that meets a better one joins it, and its members are verified against that one or are free again.
    """
    of_family = np.flatnonzero(_may_have_families(sets))
    leader, jaccard = np.full(len(sets), -1), np.ones(len(sets))
    if of_family.size:
        keys = _keys(sets, of_family, seed, spread)
        for key in keys:
            _run(sets, of_family, key, leader, jaccard, min_similarity, spread)
    members = np.flatnonzero(leader >= 0)
    sizes = np.bincount(leader[members], minlength=len(sets))
    members = members[sizes[leader[members]] >= MIN_FAMILY - 1]
    return Families(members, leader[members], jaccard[members])


def _may_have_families(sets: Sets) -> BoolArray:
    """Mark the sets of which half of the values are in as many sets as a family has; by one value of SAMPLED."""
    bits = np.uint64(64 - 20)
    counts = np.zeros(1 << 20, dtype=np.int64)
    sample: list[IntArray] = []
    for values, limits, numbers in sets.pieces():
        own = values if (numbers >= 0).all() else values[np.repeat(numbers >= 0, np.diff(limits))]
        sample.append((own[own & SAMPLED == 0] >> bits).astype(np.int64))
        if sum(map(len, sample)) > LOT:
            counts += np.bincount(np.concatenate(sample), minlength=len(counts))
            sample = []
    counts += np.bincount(np.concatenate([np.zeros(0, dtype=np.int64), *sample]), minlength=len(counts))
    is_frequent = counts >= MIN_FAMILY + 4 * (counts.sum() >> 20)  # several values share a count
    marked = np.zeros(len(sets), dtype=bool)
    if is_frequent.any():
        for values, limits, numbers in sets.pieces():
            at = np.flatnonzero(values & SAMPLED == 0)
            places = np.searchsorted(at, limits)
            n_frequent = np.append(0, np.cumsum(is_frequent[values[at] >> bits]))[places]
            is_marked = (places[1:] > places[:-1]) & (2 * np.diff(n_frequent) >= np.diff(places))
            marked[numbers[(numbers >= 0) & is_marked]] = True
    return marked


def _keys(sets: Sets, rows: IntArray, seed: int, spread: Spread) -> npt.NDArray[np.uint64]:
    """Return a key for each round and each of these sets, shape (ROUNDS, n)."""
    place = np.full(len(sets), -1)
    place[rows] = np.arange(len(rows))
    keys = np.empty((ROUNDS, len(rows)), dtype=np.uint64)
    lots = list(sets.lots())
    a, b = np.random.default_rng(seed).integers(0, 2**32, (2, ROUNDS * HASHES), dtype=np.uint32)
    sign = partial(lot_signatures, name=sets.name, hashes=(a | np.uint32(1), b))
    for (_, numbers), signed in zip(lots, spread(sign, lots), strict=True):
        own = numbers[numbers >= 0]
        wanted = place[own] >= 0
        grid = signed[wanted].reshape(-1, ROUNDS, HASHES).astype(np.uint64)
        keys[:, place[own[wanted]]] = (grid[:, :, 0] << np.uint64(32) | grid[:, :, 1]).T
    return keys


def _run(
    sets: Sets,
    of_family: IntArray,
    key: npt.NDArray[np.uint64],
    leader: IntArray,
    jaccard: npt.NDArray[np.float64],
    min_similarity: float,
    spread: Spread,
) -> None:
    """Run one round: change `leader` and `jaccard` of the sets that join one."""
    is_free = leader[of_family] < 0
    rows, key = of_family[is_free], key[is_free]
    order = np.lexsort((rows, key))
    rows, key = rows[order], key[order]
    opens = np.append(True, key[1:] != key[:-1])
    first = rows[np.flatnonzero(opens)[np.cumsum(opens) - 1]]
    one, other = first[~opens], rows[~opens]  # the one leads
    ok, similarity = _similar(sets, one, other, min_similarity, spread)
    joins, to = other[ok], one[ok]
    # The members of a leader that joins another are free until they are verified against that one.
    moved_to = np.full(len(sets), -1)
    moved_to[joins] = to
    moving = np.flatnonzero((leader >= 0) & (moved_to[leader] >= 0))
    new = moved_to[leader[moving]]
    leader[joins], jaccard[joins] = to, similarity[ok]
    leader[moving] = -1
    ok, similarity = _similar(sets, new, moving, min_similarity, spread)
    leader[moving[ok]], jaccard[moving[ok]] = new[ok], similarity[ok]


def _similar(
    sets: Sets, one: IntArray, other: IntArray, min_similarity: float, spread: Spread
) -> tuple[BoolArray, npt.NDArray[np.float64]]:
    """Return which pairs are similar enough, and how similar each is."""
    pairs = np.minimum(one, other) * len(sets) + np.maximum(one, other)
    similarity = sets.jaccard(one, other, sets.shared(pairs, spread))
    return similarity >= min_similarity, similarity
