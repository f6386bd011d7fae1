"""Data of a Python session, written to temporary files so that they are read as any other source."""

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeGuard
from uuid import UUID

import pyarrow as pa

from .streams import spooled, temporary

GROUP = 64 << 20  # bytes of rows written at a time


class ArrowStream(Protocol):
    """A table: a data frame of pandas or polars, a relation of DuckDB, a table or a reader of pyarrow, and others."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the rows as Arrow's C stream."""
        ...


Data = ArrowStream | Iterable[Mapping[str, Any]]
ACCEPTED = (
    "expected a path, a URL, a data frame or another table that Arrow can read, or an iterable of dicts, one a record"
)


def is_table(given: object) -> TypeGuard[ArrowStream]:
    """Return whether an object has rows that Arrow can read."""
    return hasattr(given, "__arrow_c_stream__")


def write(given: object, name: str, owner: object) -> str:
    """Write a table as Parquet or records as JSON lines; the file is deleted together with its owner.

    Raises
    ------
    TypeError
        If the object is neither.
    ValueError
        If a value of it cannot be read.
    """
    if is_table(given):
        return _write_table(given, name, owner)
    if not isinstance(given, Iterable):
        way_out = ". Call its method collect first" if hasattr(given, "collect") else ""  # a lazy frame
        raise TypeError(f"a source is of type {type(given).__name__}; {ACCEPTED}{way_out}")
    return os.fspath(spooled(_Stream(_lines(given, name)), owner))


def _write_table(given: ArrowStream, name: str, owner: object) -> str:
    import pyarrow.parquet as pq

    with temporary(owner) as folder:
        path = folder / "rows.parquet"
        try:
            reader = pa.RecordBatchReader.from_stream(given)
            schema = pa.schema([field.with_type(_without_views(field.type)) for field in reader.schema])
            # Without Arrow's own schema: a category is read as its text.
            with pq.ParquetWriter(path, schema, store_schema=False) as writer:
                batches: list[pa.RecordBatch] = []
                n_bytes = 0
                for batch in reader:
                    batches.append(batch)
                    n_bytes += batch.nbytes
                    if n_bytes >= GROUP:
                        writer.write_table(pa.Table.from_batches(batches).cast(schema))
                        batches, n_bytes = [], 0
                if batches:
                    writer.write_table(pa.Table.from_batches(batches).cast(schema))
        except pa.ArrowException as error:
            reason = "; ".join(str(part) for part in error.args)[:300]
            way_out = "Give each column one type, or pass its rows as dicts"
            raise ValueError(f"{name}: Arrow cannot read it as a table ({reason}). {way_out}") from None
    return os.fspath(path)


def _without_views(kind: pa.DataType) -> pa.DataType:
    """Return a type that can be written as Parquet: polars' text is a view, which cannot, inside of lists."""
    if pa.types.is_string_view(kind):
        return pa.large_string()
    if pa.types.is_binary_view(kind):
        return pa.large_binary()
    if pa.types.is_dictionary(kind):
        return _without_views(kind.value_type)
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_without_views(field.type)) for field in kind])
    if pa.types.is_list_view(kind) or pa.types.is_large_list_view(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_without_views(kind.value_type))
    if pa.types.is_list(kind):
        return pa.list_(_without_views(kind.value_type))
    return kind


class _Stream:
    """Lines as a stream of bytes."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines

    def read(self, n: int, /) -> bytes:
        return next(self._lines, b"")

    def seek(self, place: int, /) -> int:
        raise NotImplementedError

    def tell(self) -> int:
        raise NotImplementedError


def _lines(records: Iterable[object], name: str) -> Iterator[bytes]:
    as_json, with_nan = json.JSONEncoder(default=_plain, allow_nan=False), json.JSONEncoder()
    for index, record in enumerate(records):
        if not isinstance(record, Mapping):
            is_file = isinstance(record, str | os.PathLike)
            way_out = ". To audit files, pass each as an argument of its own" if is_file else ""
            raise ValueError(f"{name}: item {index} is of type {type(record).__name__}; expected a dict{way_out}")
        try:
            try:
                text = as_json.encode(dict(record))
            except ValueError:  # NaN, which JSON does not have
                text = with_nan.encode(_without_nan(record))
        except (TypeError, ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise ValueError(f"{name}: item {index} cannot be written as JSON: {reason}") from None
        yield text.encode() + b"\n"


def _plain(value: Any) -> Any:
    """Return a value that JSON does not have as one that it has."""
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"a value is of type {type(value).__name__}; decode it, or leave it out")
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()  # pandas' NaT is a date
    for convert in ("tolist", "as_py"):  # NumPy and tensors; Arrow
        if hasattr(value, convert):
            return getattr(value, convert)()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, UUID):
        return str(value)
    if type(value).__name__ == "NAType":  # pandas' NA, which is imported for nobody
        return None
    raise TypeError(f"a value is of type {type(value).__name__}; expected text, numbers, lists, dicts or dates")


def _without_nan(value: Any) -> Any:
    """Return a value with null for NaN, as a data frame means it."""
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    if isinstance(value, float):
        return None if math.isnan(value) else value
    return value if isinstance(value, str | int | None) else _without_nan(_plain(value))
