"""Words as people count them: separated by white space."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..arrow.columns import BoolArray, IntArray, utf8

# White space of Unicode, as `str.split` knows it. In UTF-8 one byte, or beginning with one of _LEADS.
_ASCII = np.zeros(256, dtype=bool)
_ASCII[[*range(9, 14), *range(28, 33)]] = True
_LEADS = {0xC2: (b"\x85", b"\xa0"), 0xE1: (b"\x9a\x80",), 0xE3: (b"\x80\x80",)}
_LEADS[0xE2] = (*(b"\x80" + bytes([k]) for k in (*range(0x80, 0x8B), 0xA8, 0xA9, 0xAF)), b"\x81\x9f")


def count_words(column: pa.Array) -> IntArray:
    """Return the number of words of each text, as `len(text.split())`; 0 for a null."""
    data, offsets = utf8(column)
    data, offsets = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    if not len(data):
        return np.zeros(len(column), dtype=np.int64)
    is_space = _ASCII[data]
    begins = ~is_space
    begins[1:] &= is_space[:-1]
    firsts = offsets[:-1][offsets[:-1] < offsets[1:]]
    begins[firsts] = ~is_space[firsts]  # the text before it ends there
    counts: IntArray = np.diff(np.searchsorted(np.flatnonzero(begins), offsets))
    rows = np.flatnonzero(_has_wide_space(data, offsets))
    counts[rows] = [len(text.split()) for text in column.take(pa.array(rows)).to_pylist()]
    return counts


def _has_wide_space(data: npt.NDArray[np.uint8], offsets: IntArray) -> BoolArray:
    """Mark the texts with white space outside of ASCII."""
    padded = np.append(data, np.zeros(2, dtype=np.uint8))
    found = np.zeros(len(offsets) - 1, dtype=bool)
    for lead, tails in _LEADS.items():
        at = np.flatnonzero(data == lead)
        for tail in tails:
            is_tail = np.ones(len(at), dtype=bool)
            for k, byte in enumerate(tail, 1):
                is_tail &= padded[at + k] == byte
            found[np.searchsorted(offsets, at[is_tail], side="right") - 1] = True
    return found
