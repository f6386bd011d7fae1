"""Facts about each text that copies are found and judged by; all that the second stage knows of the data."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base import kernels
from ..base.arrow.columns import MIXED, BoolArray, IntArray, as_bools, digests, utf8
from ..base.kernels.layout import NUMERIC
from ..base.messages import PLACES, Batch
from ..base.text.tokens import N_GRAM, HashArray
from .code import skeletons

FACTS = pa.schema(
    [
        *PLACES,
        ("role", pa.string()),
        ("lang", pa.string()),
        ("created_date", pa.string()),
        ("user_id", pa.string()),
        ("split", pa.string()),
        ("is_call", pa.bool_()),  # of a tool, or what a tool returned
        ("n_words", pa.int64()),  # in scripts without spaces, as many as would say the same
        # Hashes of the text: of all tokens in order; with all signs; with the signs that carry meaning; of the set.
        ("whole", pa.int64()),
        ("written", pa.int64()),
        ("meant", pa.int64()),
        ("digest", pa.int64()),
        # Its place in its tree.
        ("tree", pa.int64()),  # a hash of the tree's id and file
        ("asked", pa.int64()),  # `whole` of the message that it answers; 0: of none
        ("is_side", pa.bool_()),  # of a preference pair: it is one judgement with the other side
        ("path", pa.int64()),  # a hash of all texts from the root down to this one; of a side, with the other side
        ("enter", pa.int64()),  # number in the order of a walk through the tree, depth first
        ("leave", pa.int64()),  # number of the first message behind those below it
        ("shingles", pa.large_list(pa.uint64())),  # hashed 5-grams, ascending
        ("words", pa.large_list(pa.uint32())),  # hashed tokens in short, in order: see kernels.words
        ("steps", pa.large_list(pa.uint16())),  # code points from the begin of the token before to that of each
        ("winnows", pa.large_list(pa.uint32())),  # the least of each WINDOW 5-grams in a row
        ("skeleton", pa.large_list(pa.uint64())),  # of code: hashed 9-grams without names, ascending
    ]
)
LISTS = ("shingles", "words", "steps", "winnows", "skeleton")
FACTS_WITHOUT_LISTS = pa.schema([field for field in FACTS if field.name not in LISTS])

WINDOW = 5  # 5-grams in a row of which one is kept
MIN_WINNOWED = 25  # words of a text that may be found within a longer one

# How much of a word a character of a script without spaces says, in percent, by its first byte: Thai, Lao and Myanmar;
# Han and Kana.
_PERCENTS = np.full(256, 100, dtype=np.uint8)
_PERCENTS[[0xE0, 0xE1]] = 25
_PERCENTS[0xE3:0xEA] = 60

_Lists = tuple[IntArray, npt.NDArray[np.unsignedinteger]]  # where each begins, and all values

_CALL = r'^\s*(?:<[^<>]{1,30}>)?\s*[\[{]+\s*"(?:name|function|tool_calls?|arguments)"'


def facts_of(batch: Batch, rows: IntArray) -> pa.Table:
    """Return FACTS of some rows of a batch."""
    sets, limits, whole = batch.shingles
    tokens, bounds = batch.tokens, batch.tokens.bounds
    data, offsets = utf8(batch.column("text"))
    words, steps, n_words = kernels.words(data, offsets, tokens.hashes, tokens.starts, tokens.ends, bounds, _PERCENTS)
    columns = {name: batch.places[name] for name in PLACES.names}
    columns |= {name: batch.column(name) for name in ("role", "lang", "created_date", "user_id", "split")}
    columns["is_call"], columns["is_side"] = pa.array(_calls(batch)), pa.array(_is_side(batch))
    columns["n_words"] = pa.array(n_words)
    hashes = {"whole": whole, "written": batch.signs.written, "meant": batch.signs.meant}
    sums = np.append(np.uint64(0), np.cumsum(sets, dtype=np.uint64))
    hashes["digest"] = sums[limits[1:]] - sums[limits[:-1]]
    hashes["tree"] = digests(batch.column("tree_id")) * MIXED + digests(batch.column("source"))
    hashes |= _threads(batch, whole)
    columns |= {name: pa.array(values.view(np.int64)) for name, values in hashes.items()}
    lists: dict[str, _Lists] = {"shingles": (limits, sets), "words": (bounds, words), "steps": (bounds, steps)}
    lists["winnows"] = kernels.winnow(tokens.hashes, bounds, N_GRAM, WINDOW, MIN_WINNOWED)
    lists["skeleton"] = skeletons(batch, words & NUMERIC > 0)
    facts = pa.table([columns[name] for name in FACTS.names if name in columns], schema=FACTS_WITHOUT_LISTS)
    if len(rows) < len(batch):
        facts = facts.take(pa.array(rows))
        lists = {name: _taken(*column, rows) for name, column in lists.items()}
    for name in LISTS:
        facts = facts.append_column(FACTS.field(name), pa.LargeListArray.from_arrays(*map(pa.array, lists[name])))
    return facts


def _taken(limits: IntArray, values: npt.NDArray[np.unsignedinteger], rows: IntArray) -> _Lists:
    """Return the lists of some rows, ascending. Runs of rows are copied at once, which Arrow's `take` does not."""
    firsts = limits[rows[np.diff(rows, prepend=-2) != 1]]
    ends = limits[rows[np.diff(rows, append=len(limits) + 1) != 1] + 1]
    parts = [values[first:end] for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)]
    return np.append(0, np.cumsum(np.diff(limits)[rows])), np.concatenate([values[:0], *parts])


def _calls(batch: Batch) -> BoolArray:
    role, text = batch.column("role"), batch.column("text")
    is_call = as_bools(pc.equal(role, "tool")) | as_bools(batch.column("calls").is_valid())
    return is_call | as_bools(pc.match_substring_regex(text, _CALL))


def _is_side(batch: Batch) -> BoolArray:
    return as_bools(batch.column("branch").is_valid()) & batch.is_leaf & (batch.parent >= 0)


def _threads(batch: Batch, whole: HashArray) -> dict[str, HashArray]:
    """Return the columns of FACTS that describe where each text is in its tree."""
    n = len(batch)
    parent, depth = batch.parent, batch.depth
    asked = np.where(parent >= 0, whole[parent], np.uint64(0))
    path, below = whole.copy(), np.zeros(n, dtype=np.uint64)
    size, enter = np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    by_depth = np.argsort(depth, kind="stable")
    limits = np.searchsorted(depth[by_depth], np.arange(1, depth.max(initial=0) + 2))
    levels = [by_depth[first:end] for first, end in pairwise(limits)]  # from depth 1 on
    for rows in reversed(levels):
        np.add.at(below, parent[rows], (whole[rows] ^ below[rows] * MIXED) * MIXED | np.uint64(1))
        np.add.at(size, parent[rows], size[rows])
    tops = np.flatnonzero(depth <= 0)
    enter[tops] = np.cumsum(size[tops]) - size[tops]
    own = np.where(_is_side(batch), whole ^ below[parent] * MIXED, whole)
    for rows in levels:
        rows = rows[np.argsort(parent[rows], kind="stable")]
        above = parent[rows]
        path[rows] = (path[above] * MIXED) ^ own[rows]
        before = np.cumsum(size[rows]) - size[rows]  # of siblings and of others
        first = np.searchsorted(above, above)
        enter[rows] = enter[above] + 1 + before - before[first]
    return {
        "asked": asked,
        "path": path,
        "enter": enter.view(np.uint64),
        "leave": (enter + size).view(np.uint64),
    }
