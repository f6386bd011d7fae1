"""MinHash signatures and the candidate pairs that they give, band by band.

References
----------
Broder (1997), On the resemblance and containment of documents.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base import kernels
from ..base.arrow.columns import IntArray
from ..base.text.tokens import HashArray
from .sets import stored


def signatures(
    sets: HashArray, limits: IntArray, n: int = 128, seed: int = 1, part: slice = slice(None)
) -> npt.NDArray[np.uint32]:
    """Return MinHash signatures that datasketch can hold and query.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        Sets of shingles, as `Batch.shingles` gives them.
    n, seed : int
        As of `datasketch.MinHash(num_perm=n, seed=seed, scheme="affine32")`.
    part : slice
        The values to compute, of all n.

    Returns
    -------
    ndarray of uint32, shape (n_sets, n)
        A row is the `hashvalues` of a `datasketch.MinHash` whose `hashfunc` gives the low 32 bits of a shingle.
    """
    return kernels.sign(sets, limits, *functions(n, seed, part))


def functions(n: int, seed: int, part: slice = slice(None)) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return multipliers and offsets of this part of n hash functions of datasketch."""
    a, b = (np.ascontiguousarray(values[part]) for values in _permutations(n, seed))
    return a, b


@cache
def _permutations(n: int, seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    from datasketch import MinHash  # its packages take .7 s to load

    a, b = MinHash(n, seed, scheme="affine32").permutations
    return a, b


def lot_signatures(
    table: pa.Table,
    lot: tuple[int, IntArray],
    *,
    name: str,
    hashes: tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]],
) -> npt.NDArray[np.uint32]:
    """Return the signatures of the sets of a lot by these multipliers and offsets, shape (n_sets, n_hashes)."""
    first, numbers = lot
    signed = []
    for start, values, limits in stored(table[name].slice(first, len(numbers)).chunks):
        # Copies are signed too: to leave them out first takes half as long as to sign all.
        own = numbers[start : start + len(limits) - 1] >= 0
        signed.append(kernels.sign(values, limits, *hashes)[own])
    return np.concatenate(signed)


def lot_keys(
    table: pa.Table, lot: tuple[int, IntArray], *, name: str, n: int, seed: int, part: slice, rows: int
) -> HashArray:
    """Return a key for each set of a lot and each band in this part of n hashes, shape (n_bands, n_sets)."""
    signed = lot_signatures(table, lot, name=name, hashes=functions(n, seed, part))
    return _row_hashes(signed.reshape(len(signed), (part.stop - part.start) // rows, rows)).T


def _row_hashes(grid: npt.NDArray[np.uint32]) -> HashArray:
    keys = np.zeros(grid.shape[:-1], dtype=np.uint64)
    for k in range(grid.shape[-1]):
        keys = (keys ^ grid[..., k]) * np.uint64(0x9E3779B97F4A7C15)  # the golden ratio
        keys ^= keys >> np.uint64(29)
    return keys


def alike_pairs(_: pa.Table, keys: HashArray, *, fanout: int) -> tuple[IntArray, IntArray]:
    """Return pairs of sets with one key, as left * n + right, and the sets that met only the first with their key."""
    n = len(keys)
    # One sort of numbers that end in their rows: 0.03 s for 1.6 million, where a stable argsort takes 0.2 s. The bits
    # that a key loses add a few candidates at most.
    bits = np.uint64(n.bit_length())
    ordered = np.sort(keys >> bits << bits | np.arange(n, dtype=np.uint64))
    ascending = ordered >> bits
    order = (ordered & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    is_next = np.append(False, ascending[1:] == ascending[:-1])[:n]  # to one with the same key
    many = np.flatnonzero(is_next | np.append(is_next[1:], False)[:n])  # most keys occur once
    order, opens = order[many], ~is_next[many]
    nth = np.arange(len(many)) - np.maximum.accumulate(np.where(opens, np.arange(len(many)), 0))
    n_met = np.minimum(nth, fanout)
    right = np.repeat(order, n_met)
    base = np.repeat(np.arange(len(many)) - nth, n_met)
    left = order[base + np.arange(len(right)) - np.repeat(np.cumsum(n_met) - n_met, n_met)]
    return np.minimum(left, right) * n + np.maximum(left, right), order[nth > fanout]
