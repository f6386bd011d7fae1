"""What became of the strings of raw columns: the ledger of a whole block, equal to that of its records one by one."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....checks.base.arrow.columns import BoolArray, IntArray, as_bools, single, utf8
from .columnar import Leaf, Said, begins
from .ledger import Field, Ledger, is_prose, merge, note

SHORT = 64  # mean bytes of strings that are compared by distinct value
_PROSE = r"^(?s:.{0,900}?)[A-Za-z]{2} [A-Za-z]{2,} [A-Za-z]{2}"  # most texts that `is_prose` finds


def account_leaves(
    leaves: Iterable[Leaf],
    said: Mapping[tuple[str | int, ...], Said],
    messages: pa.Table,
    rows: IntArray,
    lines: IntArray,
    known: Sequence[re.Pattern[str]],
) -> Ledger:
    """Return what became of these strings; `rows` are the records of the messages, in order.

    Strings of records without messages are left out.
    """
    n = len(lines)
    has_messages = np.zeros(n, dtype=bool)
    has_messages[rows] = True
    is_read: dict[str, BoolArray] = defaultdict(lambda: np.zeros(n, dtype=bool))
    left: list[tuple[IntArray, str, pa.Array]] = []  # strings that are looked at one by one: records, path, texts
    texts = _Texts(messages, rows, n)
    for leaf in leaves:
        kept = as_bools(leaf.texts.is_valid()) & has_messages[leaf.rows]
        if not kept.any():
            continue
        column, at = (
            (leaf.texts, leaf.rows) if kept.all() else (leaf.texts.filter(pa.array(kept)), leaf.rows[kept])
        )
        read = is_read[leaf.path]
        if (own := said.get(leaf.names)) is not None:
            is_whole = own.is_whole[at]
            read[at[is_whole]] = True
            if is_whole.all():
                continue
            column, at = column.filter(pa.array(~is_whole)), at[~is_whole]
            if own.is_part is not None:
                is_part = own.is_part[at] & as_bools(pc.match_substring_regex(column, _PROSE)) & ~begins(column, b"[{")
                read[at[is_part]] = True
                column, at = column.filter(pa.array(~is_part)), at[~is_part]
        special = _may_be_text(column) | texts.may_be_in(column, at)
        if special.any():
            left.append((at[special], leaf.path, column.filter(pa.array(special))))
    ledger = {path: Field() for path in is_read}
    for row, found in _noted(left, texts, lines, known):
        for path, entry in found.items():
            is_read[path][row] |= entry.read > 0
            entry.read = 0
        merge(ledger, found)
    for path, entry in ledger.items():
        entry.read = int(np.count_nonzero(is_read[path]))
    return ledger


def _noted(
    left: Sequence[tuple[IntArray, str, pa.Array]], texts: "_Texts", lines: IntArray, known: Sequence[re.Pattern[str]]
) -> Iterable[tuple[int, Ledger]]:
    """Yield records with the ledger of some of their strings, in order."""
    strings: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for at, path, column in left:
        for row, text in zip(at.tolist(), column.to_pylist(), strict=True):
            strings[row].append((path, text))
    for row, own in texts.of(sorted(strings)):
        found: Ledger = {}
        for path, text in strings[row]:
            note(found, path, text, own, int(lines[row]), known)
        yield row, found


def _may_be_text(column: pa.Array) -> BoolArray:
    """Return the strings that are JSON or prose, or may be."""
    n = len(column)
    data, offsets = utf8(column)
    if n and offsets[-1] - offsets[0] < SHORT * n:
        encoded = column.dictionary_encode()
        if len(encoded.dictionary) < n // 2:
            values = encoded.dictionary.to_pylist()
            held = np.array([is_prose(value) for value in values], dtype=bool) | begins(encoded.dictionary, b"[{")
            return held[np.asarray(encoded.indices)]
    n_spaces = np.asarray(pc.add(pc.count_substring(column, " "), pc.count_substring(column, "\n")))
    is_long = offsets[1:] - offsets[:-1] >= 5
    return is_long & ((n_spaces >= 2) | ~as_bools(pc.string_is_ascii(column))) | begins(column, b"[{")


class _Texts:
    """The texts of messages, by record."""

    def __init__(self, messages: pa.Table, rows: IntArray, n: int) -> None:
        columns = [single(messages[name]) for name in ("text", "reasoning")]
        held = [(column, rows) for column in columns if column.null_count < len(column)]
        self._columns, self._n = held, n
        self._sizes = [(np.diff(utf8(column)[1]), rows) for column, rows in held]

    def may_be_in(self, column: pa.Array, rows: IntArray) -> BoolArray:
        """Return the strings that have the size of a text of their record."""
        sizes = np.diff(utf8(column)[1])
        found = np.zeros(len(sizes), dtype=bool)
        if not len(sizes):
            return found
        wanted = np.zeros(sizes.max() + 2, dtype=bool)  # the last one: larger than all
        wanted[sizes] = True
        for own, of in self._sizes:
            at = np.flatnonzero(wanted[np.minimum(own, len(wanted) - 1)])
            if not at.size:
                continue
            has_one = np.zeros(self._n, dtype=bool)
            has_one[of[at]] = True
            some = np.flatnonzero(has_one[rows])
            keys = rows[some] << 32 | sizes[some]
            found[some[np.isin(keys, of[at] << 32 | own[at])]] = True
        return found

    def of(self, rows: Sequence[int]) -> Iterable[tuple[int, set[str]]]:
        """Yield the texts of some records."""
        texts: dict[int, set[str]] = {row: set() for row in rows}
        wanted = np.zeros(self._n, dtype=bool)
        wanted[rows] = True
        for column, of in self._columns:
            at = np.flatnonzero(wanted[of])
            for row, text in zip(of[at].tolist(), column.take(pa.array(at)).to_pylist(), strict=True):
                if text is not None:
                    texts[row].add(text)
        return texts.items()
