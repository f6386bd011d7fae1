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

SEPARATORS = {".csv": ",", ".tsv": "\t"}


class Layout(NamedTuple):
    """The separator of a file, and its column names."""

    separator: str
    names: list[str]
    header: bytes


class Chunk(NamedTuple):
    """Whole rows of a separated text."""

    layout: Layout
    data: bytes
    is_open: bool  # what follows is one row that is never closed


class Rows:
    """The rows of a separated text, without an interpretation of their cells."""

    def __init__(self, separator: str) -> None:
        # As Arrow reads them: a quote within an unquoted cell is a character like others. Possessive, since a row that
        # is not complete is tried again with more data, and must not be tried in other ways.
        separator = re.escape(separator)
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
    return Layout(separator, names, start[:end])


def chunks_of(pieces: Iterable[bytes], size: int, separator: str) -> Iterator[Chunk]:
    """Yield the rows below the header in chunks of about `size` bytes.

    Raises
    ------
    UnreadableSource
        If the header is not usable.
    """
    layout: Layout | None = None
    rows = Rows(separator)
    held = bytearray()
    due = 0  # bytes from which on another attempt pays
    for piece, is_last in _with_last(pieces):
        held += piece
        if len(held) < due and not is_last:
            continue
        if layout is None and (layout := layout_of(bytes(held), separator, is_last=is_last)) is not None:
            rows = Rows(layout.separator)
            del held[: len(layout.header)]
        end = 0
        if layout is not None:
            data = bytes(held)
            end = max(rows.ends(data, is_last=is_last), default=0)
            del held[:end]
            is_open = bool(held and is_last) or len(held) > MAX_LINE
            yield Chunk(layout, data[:end], is_open)
            if is_open:
                return
        elif is_last or len(held) > MAX_LINE:
            raise UnreadableSource("the header opens a quote that is never closed")
        # A long row is tried again when it has doubled.
        due = size if end else max(size, 2 * len(held))


def separated_blocks(
    source: Source, pieces: Iterable[bytes], size: int, faults: tuple[Fault, ...], separator: str
) -> Iterator[Block]:
    """Yield the rows of a CSV or TSV file in blocks of about `size` bytes, numbered from 1 below the header.

    Raises
    ------
    UnreadableSource
        If the header is not usable, or a quote is never closed: after the rows before it.
    """
    first = 1
    for chunk in chunks_of(pieces, size, separator):
        block = block_of(source, chunk.layout, chunk.data, first, faults)
        first += len(block.data) + len(block.faults) - len(faults)
        faults = ()
        yield block
        if chunk.is_open:
            raise UnreadableSource(f"row {first} opens a quote that is never closed. Everything after it was lost")


def _with_last(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield pieces, and whether each is the last."""
    before: bytes | None = None
    for piece in pieces:
        if before is not None:
            yield before, False
        before = piece
    if before is not None:
        yield before, True


def block_of(source: Source, layout: Layout, data: bytes, first: int, faults: tuple[Fault, ...] = ()) -> Block:
    """Return whole rows as a table; rows with another number of columns than the header are faults."""
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
