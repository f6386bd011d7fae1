"""Words of eight bytes and their hashes."""

import numpy as np

from ..layout import BASE, Hashes, Ints

K = np.uint64(BASE)
_INVERSE = np.uint64(pow(BASE, -1, 1 << 64))


def spread(x: Hashes) -> Hashes:
    """Spread the bits of each value evenly."""
    # Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators: the finalizer of SplitMix64.
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _powers(base: np.uint64, n: int) -> Hashes:
    """Return base**0 to base**(n-1), modulo 2**64."""
    factors = np.full(n, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors, dtype=np.uint64)


def runs(values: Hashes, starts: Ints, ends: Ints) -> Hashes:
    """Return the hash of each run of values [start, end): the sum of value i times BASE**(end - 1 - i)."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    # Prefix sums of value i times BASE**-i; BASE is odd, so it has an inverse.
    total = np.append(np.uint64(0), np.cumsum(values * _powers(_INVERSE, len(values)), dtype=np.uint64))
    power = np.append(_INVERSE, _powers(K, len(values)))  # the last value's own power is BASE**0
    return (total[ends] - total[starts]) * power[ends]
