"""Blocks of Parquet and Arrow files, and their rows as records where text is not valid UTF-8."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.columns import fit
from ..formats.faults import EXCERPT
from ..repair import NOT_UTF8
from ..streams import Readable, UnreadableSource
from .block import Block, Source


def table_blocks(source: Source, size: int, watch: Callable[[int], None]) -> Iterator[Block]:
    """Yield the rows of a Parquet file in blocks of about `size` bytes."""
    import pyarrow.parquet as pq

    # By path: a table is read from its end and in many places, so a remote one is downloaded first.
    with open(source.path, "rb") as file:
        source.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        source.n_bytes = source.n_bytes or file.tell()
        file.seek(max(0, file.tell() - 4))
        is_cut = file.read() != b"PAR1"
    if is_cut:
        raise UnreadableSource("this Parquet file was cut short: it does not end with PAR1. Fetch it again")
    try:
        table = pq.ParquetFile(source.path)
        _refuse_twins(table.schema_arrow)
        row = 1
        n_groups = table.num_row_groups
        for group in range(n_groups):
            n_rows = table.metadata.row_group(group).num_rows  # as the footer says
            rows = max(1, size * max(1, n_rows) // max(1, table.metadata.row_group(group).total_byte_size))
            done = 0
            try:
                for batch in table.iter_batches(batch_size=rows, row_groups=[group]):
                    yield Block(source, pa.Table.from_batches([batch]), row + done)
                    done += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                source.errors.append(
                    f"{source.name}: rows {row + done} to {row + n_rows - 1} could not be read ({_first_line(error)})"
                )
            row += n_rows
            watch(source.n_bytes // n_groups)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSource(f"not a readable Parquet file ({_first_line(error)})") from None


def _refuse_twins(schema: pa.Schema) -> None:
    twice = [name for name, n in Counter(schema.names).items() if n > 1]
    if twice:
        raise UnreadableSource(f"several columns are named {twice[0]!r}. Rename or drop all but one")


_FILE = b"ARROW1\0\0"  # a stream follows, then an index of it


def is_arrow(start: bytes) -> bool:
    """Return whether a file begins as an Arrow file or stream, or as Feather version 2."""
    # A stream begins with a message of its schema: a mark, the length of the message, and a table of offsets.
    is_stream = start[:4] == b"\xff\xff\xff\xff" and 0 < int.from_bytes(start[4:8], "little") < 1 << 30
    return start.startswith(_FILE) or is_stream


def skip_to_stream(file: Readable) -> bool:
    """Pass over the beginning of an Arrow file, and return whether it is one, not a stream."""
    is_file = file.peek(len(_FILE)) == _FILE
    if is_file:
        file.read(len(_FILE))
    return is_file


def arrow_blocks(source: Source, file: Readable, size: int) -> Iterator[Block]:
    """Yield the rows of an Arrow file or stream in blocks of about `size` bytes.

    Files are read as the streams that they contain, so that a file that was cut gives what is before the cut.

    Raises
    ------
    UnreadableSource
        After the rows before it, if the data are cut or damaged.
    """
    is_file = skip_to_stream(file)
    row = 1
    try:
        with pa.ipc.open_stream(pa.PythonFile(file, mode="r")) as reader:
            _refuse_twins(reader.schema)
            for batch in reader:
                if reason := _damage(batch):
                    rows = f"rows {row} to {row + batch.num_rows - 1}"
                    source.errors.append(f"{source.name}: {rows} could not be read ({reason})")
                else:
                    step = max(1, size * batch.num_rows // max(1, batch.nbytes))
                    for at in range(0, batch.num_rows, step):
                        yield Block(source, pa.Table.from_batches([batch.slice(at, step)]), row + at)
                row += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if file.error is None:
            raise UnreadableSource(
                f"the Arrow data end early or are damaged at row {row} ({_first_line(error)}). Fetch the file again"
            ) from None
    rest = _rest(file)
    if file.error is None and (rest[-6:] != b"ARROW1" if is_file else rest):
        reason = "does not end with ARROW1" if is_file else "has data behind its end"
        raise UnreadableSource(f"the Arrow {'file' if is_file else 'stream'} {reason}. Fetch it again")


def _rest(file: Readable) -> bytes:
    """Read to the end, for the checksum, and return the last bytes."""
    last = b""
    while data := file.read(1 << 20):
        last = (last + data)[-8:]
    return last


def _damage(batch: pa.RecordBatch) -> str:
    """Return why a batch cannot be read, or empty; text that is not UTF-8 is repaired later, row by row."""
    if batch.num_rows > 8 * batch.nbytes + (1 << 20):  # only columns of nulls, which need no bytes
        return f"{batch.num_rows:,} rows in {batch.nbytes:,} bytes"
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                return _first_line(error)
            try:  # offsets outside of a column would crash the process
                column.cast(_binary(column.type)).validate(full=True)
            except (pa.ArrowException, TypeError) as other:
                return _first_line(other)
    return ""


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def table_records(table: pa.Table) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Return the rows of a table as records, and a fault for each repaired row (numbered from 0)."""
    faults: list[Fault] = []
    columns = {name: _values(name, table[name], faults) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], faults


def _values(name: str, column: pa.ChunkedArray, faults: list[Fault]) -> list[Any]:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = fit(column.combine_chunks(), pa.string())
    values: list[Any] = []
    try:
        values = column.to_pylist()
        return values
    except UnicodeDecodeError:
        pass
    except (pa.ArrowException, OverflowError, ValueError):  # e.g. a duration too long for Python
        return [f"<{column.type}>"] * len(column)
    for row, value in enumerate(column):
        try:
            values.append(value.as_py())
        except UnicodeDecodeError:
            raw = column.slice(row, 1).cast(_binary(column.type)).to_pylist()[0]
            values.append(_decoded(raw))
            faults.append(
                Fault(FaultKind.REPAIRED_LINE, NOT_UTF8.format("row"), row, f"{name}: {values[-1]}"[:EXCERPT])
            )
    return values


def _binary(kind: pa.DataType) -> pa.DataType:
    """Return the type with bytes in place of strings."""
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _binary(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_binary(kind.value_type))
    if pa.types.is_large_string(kind):
        return pa.large_binary()
    return pa.binary() if pa.types.is_string(kind) else kind


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _decoded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
