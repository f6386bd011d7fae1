"""Edited copies of files, in their original format and compression."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import IntArray
from ..reading import repair
from ..reading.blocks import cutting, documents, separated, tables
from ..reading.blocks.block import BLOCK, Block, Source, feeds_of
from ..reading.blocks.cutting import BOM, Content
from ..reading.recognise import ReadPlan
from ..reading.streams import PACKED, Readable, Stream


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
    """Write an edited copy of a source.

    Raises
    ------
    ValueError
        If copies of this kind of file cannot be written.
    """
    start, packings = cutting.start_of(source)
    content = cutting.content_of(source, start)
    if content == Content.PARQUET:
        _rewrite_table(source, edits, path)
        return
    if content == Content.WEB:
        raise ValueError(_NOT_WRITTEN.format(source.name, "a web archive"))
    with open(path, "wb") as file, _packed(file, packings) as out:
        if content == Content.ARROW:
            _rewrite_arrow(source, edits, out)
        elif content == Content.SEPARATED:
            _rewrite_rows(source, edits, out.write)
        else:
            _rewrite_json(source, edits, out.write)


_NOT_WRITTEN = "{0}: clean cannot write {1}. Convert it to JSON Lines, one record a line, and audit that"
Write = Callable[[bytes | memoryview], Any]


@contextmanager
def _packed(file: BinaryIO, packings: Sequence[str]) -> Iterator[Any]:
    """Yield a file object that writes with the original compressions."""
    with ExitStack() as stack:
        out: Any = file
        for packed in packings:
            out = stack.enter_context(_pack(packed, out))
        yield out


def _pack(packed: str, out: Any) -> Any:
    """Return a file object that writes compressed data to another."""
    if packed == "gzip":
        # Without a name and a time, the same data give the same file.
        return gzip.GzipFile("", "wb", 6, out, mtime=0)
    if packed == "zstd":
        return pa.CompressedOutputStream(pa.PythonFile(out, mode="w"), "zstd")
    return lzma.LZMAFile(out, "wb") if packed == "xz" else bz2.BZ2File(out, "wb")


def _rewrite_json(source: Source, edits: Edits, write: Write) -> None:
    blocks = cutting.blocks(source, again=True)
    for block in blocks:
        if block.lines is not None:  # a document: one array or object
            lines = [block.lines, *(more.lines for more in blocks if more.lines is not None)]
            _rewrite_document(source, edits, np.concatenate(lines).tolist(), write)
            return
        _rewrite_lines(block, edits, write)


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
    found, is_wrapper = documents.document_elements(data)
    if is_wrapper:
        raise ValueError(_NOT_WRITTEN.format(source.name, "records that are within one object"))
    elements = [element for element in found if element.data is not None]
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

    first = 1
    with (
        pq.ParquetFile(source.path) as old,
        open(path, "wb") as file,
        pq.ParquetWriter(file, old.schema_arrow, compression=_codecs(old.metadata.row_group(0))) as writer,
    ):
        for number in range(old.num_row_groups):
            table = old.read_row_group(number)
            kept = _kept(table, first, edits)
            first += len(table)
            if len(kept):
                writer.write_table(kept, row_group_size=len(kept))


def _kept(table: pa.Table, first: int, edits: Edits) -> pa.Table:
    """Return the edited rows of a table whose first row has this number."""
    pieces, done = [], 0
    lines = edits.lines
    for line in lines[np.searchsorted(lines, first) : np.searchsorted(lines, first + len(table))].tolist():
        k = line - first
        # In slices: `filter` does not support every column type.
        pieces.append(table.slice(done, k - done))
        done = k + 1
        if line not in edits.gone and (row := _edited_row(table.slice(k, 1), line, edits)) is not None:
            pieces.append(row)
    pieces.append(table.slice(done))
    return pa.concat_tables(pieces)


def _rewrite_arrow(source: Source, edits: Edits, out: Any) -> None:
    """Write an edited Arrow file or stream with the same columns, metadata and batches."""
    first = 1
    with source.path.open("rb") as file:
        stream = Readable(Stream(file, BLOCK, lambda n: None, is_digested=False))
        is_file = tables.skip_to_stream(stream)
        new = pa.ipc.new_file if is_file else pa.ipc.new_stream
        # Feather is compressed unless asked otherwise.
        codec = "lz4" if is_file and ".feather" in source.path.name.lower() else None
        try:
            with (
                pa.ipc.open_stream(pa.PythonFile(stream, mode="r")) as old,
                new(
                    pa.PythonFile(out, mode="w"), old.schema, options=pa.ipc.IpcWriteOptions(compression=codec)
                ) as writer,
            ):
                for batch in old:
                    kept = _kept(pa.Table.from_batches([batch]), first, edits)
                    first += batch.num_rows
                    if len(kept):
                        writer.write_table(kept.combine_chunks())
        except pa.ArrowException as error:
            reason = str(error).split("\n", 1)[0][:200]
            raise ValueError(f"{source.name}: could not be written ({reason}). Convert it to Parquet") from None


def _rewrite_rows(source: Source, edits: Edits, write: Write) -> None:
    """Write an edited CSV or TSV file; rows without an edit keep their bytes."""
    edited = set(edits.lines.tolist())
    line, is_first = 0, True
    with source.path.open("rb") as file:
        stream = Stream(file, BLOCK, lambda n: None, is_digested=False)
        for layout, data, _ in separated.chunks_of(stream, BLOCK, cutting.separator_of(source)):
            if is_first:
                write(layout.header)
                is_first = False
            rows, done, start = separated.Rows(layout.separator), 0, 0
            for end in rows.ends(data, is_last=True):
                row, at, start = data[start:end], start, end
                line += bool(row.strip(b"\r\n"))  # an empty row is not counted
                if line in edited and row.strip(b"\r\n"):
                    write(memoryview(data)[done:at])
                    done = end
                    write(_edited_cells(source, layout, row, line, edits))
            write(memoryview(data)[done:])


def _edited_cells(source: Source, layout: separated.Layout, row: bytes, line: int, edits: Edits) -> bytes:
    if line in edits.gone:
        return b""
    block = separated.block_of(source, layout, row, line)
    assert isinstance(block.data, pa.Table)
    edited = _edited_row(block.data, line, edits)
    if edited is None:
        return b""
    cells = [_cell(edited[name][0].as_py(), layout.separator) for name in layout.names]
    return layout.separator.join(cells).encode() + row[len(row.rstrip(b"\r\n")) :]


def _cell(value: str | None, separator: str) -> str:
    if value is None:
        return ""
    is_plain = value and not any(sign in value for sign in (separator, '"', "\n", "\r"))
    return value if is_plain else '"' + value.replace('"', '""') + '"'


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
    start, packings = cutting.start_of(source)
    content = cutting.content_of(source, start)
    own = {Content.PARQUET: ".parquet", Content.ARROW: ".arrow", Content.WEB: ".warc"}.get(content)
    if own is None:
        block = next(cutting.blocks(source, again=True))
        own = f".json{'' if block.lines is not None else 'l'}"
    return own + "".join(PACKED[packed] for packed in reversed(packings))
