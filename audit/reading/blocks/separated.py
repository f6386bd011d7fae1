"""Blocks of CSV and TSV files: whole rows, with every cell as text."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.faults import EXCERPT
from ..streams import UnreadableSource
from .block import Block, Source
from .lines import MAX_LINE

SUFFIXES = {".csv": ",", ".tsv": "\t"}


class Layout(NamedTuple):
    """The separator of a file, and its column names."""

    separator: str
    names: list[str]
    n_bytes: int  # of the header


class Rows:
    """The rows of a separated text, without an interpretation of their cells."""

    def __init__(self, separator: str) -> None:
        # As Arrow reads them: a quote within an unquoted cell is a character like others. Possessive, since a row that
        # is not complete is tried again with more data, and must not be tried in other ways.
        other = rf"[^{separator}\r\n]*+"
        cell = rf'(?:"[^"]*+(?:""[^"]*+)*+"{other}|(?!"){other})'
        self._row = re.compile(rf"{cell}(?:{separator}{cell})*+(\r\n|\n|\r(?!\Z)|\r?\Z)".encode())

    def end(self, data: bytes, at: int, *, is_last: bool) -> int:
        """Return where the row that begins at `at` ends, behind its line end; -1 if it is not complete."""
        row = self._row.match(data, at)
        if row is None or (not is_last and not row[1].endswith((b"\n", b"\r"))):
            return -1
        return -1 if not is_last and row.end() == len(data) and row[1] == b"\r" else row.end()

    def ends(self, data: bytes, *, is_last: bool) -> Iterator[int]:
        """Yield the ends of all complete rows."""
        at = 0
        while at < len(data) and (end := self.end(data, at, is_last=is_last)) >= 0:
            yield end
            at = end


def separator_of(name: str) -> str | None:
    """Return the separator that a file name promises; None if it is no name of such a file."""
    stem = re.sub(r"(\.(gz|zst|xz|bz2))+\Z", "", name.lower())
    return next((separator for suffix, separator in SUFFIXES.items() if stem.endswith(suffix)), None)


def layout_of(start: bytes, separator: str, *, is_last: bool) -> Layout | None:
    """Read the header; None if it is not complete.

    Raises
    ------
    UnreadableSource
        If several columns have one name.
    """
    end = Rows(separator).end(start, 0, is_last=is_last)
    if end < 0:
        return None
    header = start[:end].decode("utf-8", "replace")
    if separator not in header:  # spreadsheets write what their language uses
        separator = next((other for other in ";\t|," if other in header), separator)
    cells = next(csv.reader(io.StringIO(header, newline=""), delimiter=separator), [])
    names = [cell.strip() or f"column {k}" for k, cell in enumerate(cells, 1)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UnreadableSource(f"several columns are named {twice[:60]!r}. Rename or drop all but one")
    return Layout(separator, names, end)


def separated_blocks(
    source: Source, pieces: Iterable[bytes], size: int, faults: tuple[Fault, ...], separator: str
) -> Iterator[Block]:
    """Yield the rows of a CSV or TSV file in blocks of about `size` bytes, numbered from 1 below the header.

    Raises
    ------
    UnreadableSource
        If the header is not usable, or a quote is never closed: after the rows before it.
    """
    layout: Layout | None = None
    first = 1
    held = bytearray()
    rows = Rows(separator)
    due = 0  # bytes from which on another attempt pays
    for piece, is_last in _with_last(pieces):
        held += piece
        if len(held) < due and not is_last:
            continue
        if layout is None:
            layout = layout_of(bytes(held), separator, is_last=is_last)
            if layout is not None:
                rows = Rows(re.escape(layout.separator))
                del held[: layout.n_bytes]
        data = bytes(held)
        end = 0
        if layout is not None:
            for end in rows.ends(data, is_last=is_last):  # noqa: B007 - the last one counts
                pass
        if layout is not None and (end or faults):
            block = _block(source, data[:end], first, layout, faults)
            first += len(block.data) + len([f for f in block.faults if f.kind == FaultKind.UNREADABLE_LINE])
            faults = ()
            yield block
            del held[:end]
        if (held and is_last) or len(held) > MAX_LINE:
            where = "the header" if layout is None else f"row {first}"
            raise UnreadableSource(f"{where} opens a quote that is never closed. Everything after it was lost")
        # A long row is tried again when it has doubled.
        due = max(size, 2 * len(held) if not end else 0)


def _with_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces, and whether each is the last."""
    before: bytes | None = None
    for piece in pieces:
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True


def _block(source: Source, data: bytes, first: int, layout: Layout, faults: tuple[Fault, ...]) -> Block:
    bad: list[Fault] = []
    try:
        data.decode()
        is_utf8 = True
    except UnicodeDecodeError:
        is_utf8 = False
        data = data.decode("latin-1").encode()  # every byte as one character: Arrow refuses rows that are not UTF-8

    def skip(row: arrow_csv.InvalidRow) -> str:
        text = row.text if is_utf8 else row.text.encode("latin-1").decode("utf-8", "replace")
        n, wanted = row.actual_columns, row.expected_columns
        detail = f"Row has {n} column{'s' if n != 1 else ''}; expected {wanted}, as in the header"
        bad.append(Fault(FaultKind.UNREADABLE_LINE, detail, first + row.number - 1, text[:EXCERPT]))
        return "skip"

    names = layout.names
    table = pa.table({name: pa.array([], pa.string()) for name in names})
    if data.strip(b"\r\n"):
        table = arrow_csv.read_csv(
            pa.BufferReader(data),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
            arrow_csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True, invalid_row_handler=skip),
            arrow_csv.ConvertOptions(
                check_utf8=False,
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    if not is_utf8:
        table = pa.table({name: _bytes_again(table[name]) for name in names})
    numbers = np.arange(first, first + len(table) + len(bad))
    lines = np.delete(numbers, [fault.line - first for fault in bad])
    return Block(source, table, first, lines if bad else None, (*faults, *bad))


def _bytes_again(column: pa.ChunkedArray) -> pa.Array:
    """Return strings with the bytes that were decoded as Latin-1, which need not be UTF-8."""
    values = [None if value is None else value.encode("latin-1") for value in column.to_pylist()]
    return pa.array(values, pa.binary()).view(pa.string())
