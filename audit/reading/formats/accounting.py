"""The ledger of a whole block from its raw columns, equal to that of its records one by one."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....checks.base.arrow.columns import BoolArray, IntArray, as_bools, single, utf8
from .columnar import Leaf, Said, begins
from .faults import Row
from .ledger import Field, Ledger, account, is_prose, merge

SHORT = 64  # mean bytes of strings that are compared by distinct value
_JSON = b"[{"
_PROSE = r"^(?s:.{0,900}?)[A-Za-z]{2} [A-Za-z]{2,} [A-Za-z]{2}"  # most texts that `is_prose` finds


def account_columns(
    columns: Mapping[str, pa.Array],
    leaves: Iterable[Leaf],
    said: Mapping[tuple[str | int, ...], Said],
    messages: pa.Table,
    rows: IntArray,
    lines: IntArray,
    known_of: Callable[[], Sequence[re.Pattern[str]]],
) -> Ledger:
    """Return what became of the strings of raw columns.

    Strings that are messages, and those that are no prose, are counted as columns. A record with any other is looked at
    on its own.

    Parameters
    ----------
    columns
        The raw columns, by name.
    leaves
        The columns of strings within them.
    said
        How those of a format's settings occur in messages, by the names that lead to them.
    messages, rows
        What was read, and the record of each message, in order. Records without messages are left out.
    lines
        The line of each record.
    known_of
        Returns the paths of texts that belong to no message.
    """
    texts = _Texts(messages, rows, len(lines))
    is_plain = np.zeros(len(lines), dtype=bool)
    is_plain[rows] = True
    counted: list[tuple[str, IntArray, BoolArray]] = []  # path, records, and whether the string was read
    for leaf in leaves:
        at = np.flatnonzero(as_bools(leaf.texts.is_valid()) & is_plain[leaf.rows])
        if not at.size:
            continue
        column = leaf.texts if len(at) == len(leaf.texts) else leaf.texts.take(pa.array(at))
        of = leaf.rows[at]
        is_read = np.zeros(len(of), dtype=bool)
        if (own := said.get(leaf.names)) is not None:
            is_read = own.is_whole[of]
            if own.is_part is not None:
                in_part = np.flatnonzero(~is_read & own.is_part[of])
                is_read[in_part[_is_prose(column.take(pa.array(in_part)))]] = True
        open_ = np.flatnonzero(~is_read if own is None else ~own.is_whole[of])
        if open_.size:
            rest = column if len(open_) == len(column) else column.take(pa.array(open_))
            is_special = begins(rest, _JSON) | texts.may_have(rest, of[open_])
            is_special |= _may_be_prose(rest) & ~is_read[open_]
            is_plain[of[open_[is_special]]] = False
        counted.append((leaf.path, of, is_read))
    ledger: Ledger = {}
    reads: dict[str, BoolArray] = defaultdict(lambda: np.zeros(len(lines), dtype=bool))
    for path, of, is_read in counted:
        stays = is_plain[of]
        if stays.any():
            reads[path][of[stays & is_read]] = True
    for path, is_read in reads.items():
        ledger[path] = Field(read=int(np.count_nonzero(is_read)))
    has_messages = np.zeros(len(lines), dtype=bool)
    has_messages[rows] = True
    special = np.flatnonzero(has_messages & ~is_plain)
    records = pa.table(dict(columns)).take(pa.array(special)).to_pylist() if special.size else []
    for row, record, own_rows in zip(special.tolist(), records, texts.of(special), strict=True):
        merge(ledger, account(record, int(lines[row]), own_rows, known_of))
    return ledger


def _is_prose(column: pa.Array) -> BoolArray:
    found = as_bools(pc.match_substring_regex(column, _PROSE))
    others = np.flatnonzero(~found & _may_be_prose(column))
    found[others] = [is_prose(text) for text in column.take(pa.array(others)).to_pylist()]
    return found


def _may_be_prose(column: pa.Array) -> BoolArray:
    """Return the strings that `is_prose` may find; of few distinct ones, those that it finds."""
    n = len(column)
    _, offsets = utf8(column)
    if n and offsets[-1] - offsets[0] < SHORT * n:
        encoded = column.dictionary_encode()
        if len(encoded.dictionary) < n // 2:
            found = np.array([is_prose(value) for value in encoded.dictionary.to_pylist()], dtype=bool)
            return as_bools(pa.array(found).take(encoded.indices))
    n_spaces = np.asarray(pc.add(pc.count_substring(column, " "), pc.count_substring(column, "\n")))
    may_be: BoolArray = (np.diff(offsets) >= 5) & ((n_spaces >= 2) | ~as_bools(pc.string_is_ascii(column)))
    return may_be


class _Texts:
    """Texts and reasoning of messages, by record."""

    def __init__(self, messages: pa.Table, rows: IntArray, n: int) -> None:
        self._columns = {name: single(messages[name]) for name in ("text", "reasoning")}
        self._rows, self._n = rows, n
        held = [column for column in self._columns.values() if column.null_count < len(column)]
        self._sizes = [np.diff(utf8(column)[1]) for column in held]

    def may_have(self, column: pa.Array, rows: IntArray) -> BoolArray:
        """Return the strings that have the size of what a message of their record says."""
        sizes = np.diff(utf8(column)[1])
        found = np.zeros(len(sizes), dtype=bool)
        wanted = np.zeros(sizes.max() + 2, dtype=bool)  # the last one: larger than all
        wanted[sizes] = True
        for own in self._sizes:
            at = np.flatnonzero(wanted[np.minimum(own, len(wanted) - 1)])
            if not at.size:
                continue
            has_one = np.zeros(self._n, dtype=bool)
            has_one[self._rows[at]] = True
            some = np.flatnonzero(has_one[rows])
            keys = rows[some] << 32 | sizes[some]
            found[some[np.isin(keys, self._rows[at] << 32 | own[at])]] = True
        return found

    def of(self, rows: IntArray) -> Iterator[Sequence[Row]]:
        """Yield the messages of some records, with what they say."""
        starts = np.searchsorted(self._rows, rows)
        ends = np.searchsorted(self._rows, rows, side="right")
        at = pa.array(np.concatenate([np.arange(s, e) for s, e in zip(starts, ends, strict=True)] or [starts]))
        said: list[dict[str, Any]] = pa.table(self._columns).take(at).to_pylist()
        done = 0
        for n in (ends - starts).tolist():
            yield said[done : done + n]
            done += n
