"""The fitted model of moral lectures: English replies that refuse without the words "I cannot".

A logistic regression on hashed words and pairs of words of a reply's beginning, middle and end, fitted by
`tests/perf/fit_lectures.py` on the replies to XSTest that people labelled (Röttger et al. 2024) and on ordinary texts.
"""

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from ..base.arrow.columns import IntArray

MODEL = Path(__file__).with_name("lectures.npz")
N_BUCKETS = 2**13
HEAD, WIDE, TAIL = 160, 500, 120  # code points of the parts
_TOKEN = re.compile(r"\w+(?:'\w+)?|[.!?]")


class Weights(NamedTuple):
    """Log odds of each hashed n-gram, by the part that it is in."""

    parts: npt.NDArray[np.float32]  # shape (3, N_BUCKETS): head, wide, tail
    intercept: float


@cache
def weights() -> Weights:
    """Return the weights that are shipped."""
    with np.load(MODEL, allow_pickle=False) as file:
        return Weights(file["parts"].astype(np.float32), float(file["intercept"]))


def save(found: Weights) -> None:
    """Write the weights that are shipped."""
    with MODEL.open("wb") as file:
        np.savez_compressed(file, parts=found.parts.astype(np.float16), intercept=found.intercept)


def buckets(text: str) -> list[IntArray]:
    """Return the hashed words and pairs of words of a text in lower case, by part; each once."""
    wide, tail = _TOKEN.findall(text[:WIDE]), _TOKEN.findall(text[-TAIL:])
    hashes = np.array([crc32(token.encode("utf-8", "surrogatepass")) for token in wide + tail], dtype=np.int64)
    n_head, n_wide = len(_TOKEN.findall(text[:HEAD])), len(wide)
    return [_grams(hashes[:n_head]), _grams(hashes[:n_wide]), _grams(hashes[n_wide:])]


def _grams(hashes: IntArray) -> IntArray:
    return np.unique(np.append(hashes, hashes[:-1] * 31 + hashes[1:]) % N_BUCKETS)


def probability(text: str) -> float:
    """Return the probability that a text in lower case is a refusal."""
    fitted = weights()
    total = fitted.intercept + sum(float(part[at].sum()) for part, at in zip(fitted.parts, buckets(text), strict=True))
    return float(1 / (1 + np.exp(-total)))
