"""Which messages have the same content: alone, and after the same messages.

Two contents are the same if role, text, reasoning and tools are, apart from case and blanks. Signs count: `a+b` is not
`a-b`. Images and other media cannot be compared, so a message with them equals no other.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import MIXED, BoolArray, IntArray, as_bools, digests, single
from ...checks.base.text.tokens import HashArray, signs, tokenise

_VISIBLE = r"[^\s\p{Z}\p{C}]"


def content_hashes(table: pa.Table) -> tuple[HashArray, BoolArray]:
    """Return a hash of the content of each message, and whether there is any."""
    text, reasoning = (single(table[name]) for name in ("text", "reasoning"))
    # Ids of calls differ between copies.
    calls, tools = (
        _as_json(single(table["calls"]), "name", "arguments"),
        _as_json(single(table["tools"]), "name", "schema"),
    )
    role, calls_made, tools_given = (digests(part) for part in (single(table["role"]), calls, tools))
    content = _mixed(role, _written(text), _written(reasoning), calls_made, tools_given)
    is_full = as_bools(pc.match_substring_regex(text, _VISIBLE))
    for part in (reasoning, calls, single(table["media"])):
        is_full |= as_bools(part.is_valid())
    return content, is_full


def _written(texts: pa.Array) -> HashArray:
    """Return a hash of each text that is equal for exact duplicates, as all checks know them; 0 where there is none."""
    column = texts.cast(pa.string())
    hashes = signs(column, tokenise(column)).written
    hashes[as_bools(column.is_null())] = 0
    return hashes


def _as_json(lists: pa.Array, *keys: str) -> pa.Array:
    """Return the values of these keys in each list of structs as a text."""
    if lists.null_count == len(lists):
        return pa.nulls(len(lists), pa.string())
    rows = lists.to_pylist()
    return pa.array([row and json.dumps([[each[key] for key in keys] for each in row]) for row in rows], pa.string())


def _mixed(*hashes: HashArray) -> HashArray:
    """Return one hash for several, in this order."""
    total = np.zeros_like(hashes[0])
    for each in hashes:
        total = (total + each) * MIXED
        total ^= total >> np.uint64(32)
    return total


def numbered_contents(content: HashArray, is_full: BoolArray) -> IntArray:
    """Return hashes as numbers from 0 on, equal for equal ones; -1: there is no content."""
    numbers = np.unique(content, return_inverse=True)[1].reshape(-1)
    return np.where(is_full, numbers, -1)


def contexts(content: HashArray, parent: IntArray, record: IntArray, is_bound: BoolArray, side: HashArray) -> HashArray:
    """Return a hash of the contents from the top of each message's thread down to it.

    A record that cannot be divided and has rival answers, such as a preference pair, counts as a whole: what it says is
    which answers are rivals.

    Parameters
    ----------
    content : ndarray of uint64
        Of each message alone.
    parent, record : ndarray of int64
        Row of the message above it (-1: none), and number of its record; records are ascending.
    is_bound : ndarray of bool
        Whether the record cannot be divided.
    side : ndarray of uint64
        Hash of the side of a pair; 0: none.
    """
    found, above, weight = _mixed(content, side), parent, np.array([MIXED])
    for _ in range(len(content).bit_length()):  # in each round twice as many messages above; a circle ends with these
        has = above >= 0
        if not has.any():
            break
        found = found + np.where(has, found[above], np.uint64(0)) * weight
        above, weight = np.where(has, above[above], -1), weight * weight
    at = np.flatnonzero(is_bound)
    keys = np.stack([record[at], parent[at]])
    keys, n = np.unique(keys, axis=1, return_counts=True)
    has_rivals = np.isin(record, keys[0, n > 1])
    starts = np.flatnonzero(np.append(True, record[1:] != record[:-1])[: len(record)])
    if starts.size:
        whole = np.repeat(np.add.reduceat(_mixed(found), starts), np.diff(np.append(starts, len(record))))
        found = np.where(has_rivals, _mixed(found, whole), found)
    return found
