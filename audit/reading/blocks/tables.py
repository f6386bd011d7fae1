"""Blocks of Parquet files, and their rows as records where text is not valid UTF-8."""

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
from ..streams import UnreadableSource
from .block import Block, Source


def table_blocks(source: Source, size: int, watch: Callable[[int], None]) -> Iterator[Block]:
    """Yield the rows of a Parquet file in blocks of about `size` bytes."""
    import pyarrow.parquet as pq

    # By path: a table is read from its end and in many places, so a remote one is downloaded first.
    with open(source.path, "rb") as file:
        source.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        source.n_bytes = source.n_bytes or file.tell()
    try:
        table = pq.ParquetFile(source.path)
        twice = [name for name, n in Counter(table.schema_arrow.names).items() if n > 1]
        if twice:
            raise UnreadableSource(f"several columns are named {twice[0]!r}. Rename or drop all but one")
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
    return pa.binary() if pa.types.is_string(kind) or pa.types.is_large_string(kind) else kind


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _decoded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
