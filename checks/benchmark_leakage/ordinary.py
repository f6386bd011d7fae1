"""Document frequencies of the 5-grams of benchmarks in ordinary chats."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..base.arrow.columns import IntArray
from ..base.text.tokens import HashArray

KEPT = 40  # bits of the value of a gram
ORDINARY = Path(__file__).with_name("ordinary.npz")


class Ordinary(NamedTuple):
    """Hashed grams of benchmarks that occur in chats, and in how many; all others occur in none."""

    keys: HashArray  # ascending; the KEPT highest bits of the values of number-masked grams
    counts: npt.NDArray[np.uint16]
    n_chats: int  # that were read

    def of(self, keys: HashArray) -> IntArray:
        """Return the number of chats with each gram."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.counts[at], 0).astype(np.int64)


@cache
def ordinary() -> Ordinary:
    """Return the counts that are shipped; tests/perf/fit_benchmark_leakage.py makes them."""
    with np.load(ORDINARY, allow_pickle=False) as file:
        keys = np.cumsum(file["steps"], dtype=np.uint64) << np.uint64(64 - KEPT)
        return Ordinary(keys, file["counts"], int(file["n_chats"]))


def save(found: Ordinary) -> None:
    """Write the counts that are shipped."""
    steps = np.diff(found.keys >> np.uint64(64 - KEPT), prepend=np.uint64(0))
    with ORDINARY.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, steps=steps, counts=found.counts, n_chats=found.n_chats)
