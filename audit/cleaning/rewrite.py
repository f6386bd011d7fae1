"""Edited copies of files, in their original format and compression."""

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import IntArray
from ..reading import repair
from ..reading.blocks import cutting, documents, tables
from ..reading.blocks.block import BLOCK, Block, Source, feeds_of
from ..reading.blocks.cutting import BOM
from ..reading.recognise import ReadPlan
from ..reading.streams import Stream, packing

_PACKED = {"gzip": ".gz", "zstd": ".zst"}


def head_of(source: Source) -> bytes:
    """Return the first bytes of a file, which identify its compression."""
    with open(source.path, "rb") as file:
        return file.read(4)


@dataclass
class Edits:
    """The edits to the records of one source."""

    plan: ReadPlan
    gone: set[int]  # lines that are dropped
    parts: dict[int, tuple[set[int], dict[int, str]]]  # by line: numbers of dropped messages, new tags by number

    @cached_property
    def lines(self) -> IntArray:
        """All lines with an edit."""
        return np.array(sorted(self.gone | self.parts.keys()), dtype=np.int64)

    def apply(self, line: int, record: dict[str, Any]) -> dict[str, Any] | None:
        """Return the edited record; None if it is dropped."""
        return None if line in self.gone else self.plan.format.without(record, *self.parts[line])


def rewrite(source: Source, edits: Edits, path: Path) -> None:
    """Write an edited copy of a source."""
    head = head_of(source)
    if head == b"PAR1":
        _rewrite_table(source, edits, path)
        return
    with open(path, "wb") as file, _packed(file, packing(head)) as write:
        blocks = cutting.blocks(source, again=True)
        for block in blocks:
            if block.lines is not None:  # a document: one array or object
                lines = [block.lines, *(more.lines for more in blocks if more.lines is not None)]
                _rewrite_document(source, edits, np.concatenate(lines).tolist(), write)
                return
            _rewrite_lines(block, edits, write)


Write = Callable[[bytes | memoryview], Any]


@contextmanager
def _packed(file: BinaryIO, packed: str) -> Iterator[Write]:
    """Yield a function that writes to a file with the original compression."""
    if packed == "gzip":
        # Without a name and a time, the same data give the same file.
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as stream:
            yield stream.write
    elif packed == "zstd":
        with pa.CompressedOutputStream(pa.PythonFile(file, mode="w"), "zstd") as stream:
            yield stream.write
    else:
        yield file.write


def _rewrite_lines(block: Block, edits: Edits, write: Write) -> None:
    assert isinstance(block.data, bytes)
    data = memoryview(block.data)
    ends = feeds_of(block.data) + 1
    starts = np.append(0, ends[:-1])
    done = 0  # bytes that were written or dropped
    for k in np.flatnonzero(np.isin(np.arange(block.first, block.first + len(ends)), edits.lines)).tolist():
        write(data[done : starts[k]])
        done = int(ends[k])
        line = _edited(block.first + k, bytes(data[starts[k] : done]), edits)
        if line is not None:
            write(line + b"\n")
    write(data[done:])


def _edited(line: int, raw: bytes, edits: Edits) -> bytes | None:
    """Return the edited record as JSON; None if nothing is left of it."""
    if line in edits.gone:
        return None
    record, _ = repair.read_line(raw)
    assert record is not None
    edited = edits.apply(line, record)
    return None if edited is None else _json(edited)


_SPACE = b" \t\r\n"


def _rewrite_document(source: Source, edits: Edits, lines: Sequence[int], write: Write) -> None:
    """Write an edited array, with its original layout if that is clear; or the one object of a file."""
    with open(source.path, "rb") as file:
        data = b"".join(Stream(file, BLOCK, lambda n: None, is_digested=False)).removeprefix(BOM)
    elements = [element for element in documents.elements_of(data) if element.data is not None]
    edited = set(edits.lines.tolist())
    kept: list[bytes] = []
    for line, element in zip(lines, elements, strict=True):
        assert element.data is not None
        if line not in edited:
            kept.append(element.data)
        elif (new := _edited(line, element.data, edits)) is not None:
            kept.append(new)
    if not data.lstrip().startswith(b"["):
        write(kept[0] + b"\n")
        return
    before, between, after = b"[\n", b",\n", b"\n]\n"
    if len(elements) > 1:
        first, second = elements[:2]
        gap = data[first.start + len(first.data or b"") : second.start]
        if data[: first.start].strip(_SPACE) == b"[" and gap.strip(_SPACE) == b",":
            before, between = data[: first.start], gap
    write(before + between.join(kept) + after)


def _rewrite_table(source: Source, edits: Edits, path: Path) -> None:
    """Write an edited Parquet file with the same columns, metadata, row groups and codecs."""
    import pyarrow.parquet as pq

    lines = edits.lines
    first = 1
    with (
        pq.ParquetFile(source.path) as old,
        open(path, "wb") as file,
        pq.ParquetWriter(file, old.schema_arrow, compression=_codecs(old.metadata.row_group(0))) as writer,
    ):
        for number in range(old.num_row_groups):
            table = old.read_row_group(number)
            pieces, done = [], 0
            for line in lines[np.searchsorted(lines, first) : np.searchsorted(lines, first + len(table))].tolist():
                k = line - first
                # In slices: `filter` does not support every column type.
                pieces.append(table.slice(done, k - done))
                done = k + 1
                if line not in edits.gone and (row := _edited_row(table.slice(k, 1), line, edits)) is not None:
                    pieces.append(row)
            pieces.append(table.slice(done))
            first += len(table)
            kept = pa.concat_tables(pieces)
            if len(kept):
                writer.write_table(kept, row_group_size=len(kept))


def _codecs(group: Any) -> dict[str, str]:
    """Return the compression of each column of a row group, as a writer takes it."""
    columns = [group.column(k) for k in range(group.num_columns)]
    return {c.path_in_schema: "NONE" if c.compression == "UNCOMPRESSED" else c.compression for c in columns}


def _edited_row(row: pa.Table, line: int, edits: Edits) -> pa.Table | None:
    """Return an edited row of a table; only the edited columns are rebuilt."""
    record = tables.table_records(row)[0][0]
    edited = edits.apply(line, record)
    for name, value in (edited or {}).items():
        if value is not record.get(name):
            if name not in row.column_names:
                raise ValueError(f"fix_language: the table has no column {name!r}. Use drop_message or keep instead")
            at = row.column_names.index(name)
            row = row.set_column(at, row.schema.field(at), pa.array([value], row.schema.field(at).type))
    return None if edited is None else row


def _json(value: Any) -> bytes:
    """Return a value as JSON at any depth: writing needs a deeper stack than reading did."""
    try:
        return _encoded(value)
    except RecursionError:
        pass
    out: list[bytes] = []
    stack: list[Any] = [value]
    while stack:
        at = stack.pop()
        if isinstance(at, bytes):
            out.append(at)
        elif isinstance(at, dict):
            items = [part for name, item in at.items() for part in (b",", _encoded(name) + b":", item)][1:]
            stack += reversed([b"{", *items, b"}"])
        elif isinstance(at, list):
            stack += reversed([b"[", *[part for item in at for part in (b",", item)][1:], b"]"])
        else:
            out.append(_encoded(at))
    return b"".join(out)


def _encoded(value: Any) -> bytes:
    # Python's own writer: msgspec writes NaN as null, and refuses an unpaired surrogate.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def suffix_of(source: Source) -> str:
    """Return the file name suffix for the content of a source."""
    head = head_of(source)
    if head == b"PAR1":
        return ".parquet"
    block = next(cutting.blocks(source, again=True))
    return f".json{'' if block.lines is not None else 'l'}{_PACKED.get(packing(head), '')}"
