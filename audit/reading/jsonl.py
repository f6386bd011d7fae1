"""JSON lines to Arrow columns of a known schema: a whole block, or nothing.

Two parsers with the same result: our own, compiled, and Arrow's, for installations without a compiler. Ours writes each
value once, directly into the memory of the Arrow column.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

try:
    from . import _jsonl
except ImportError:
    _jsonl = None  # type: ignore[assignment]
COMPILED = _jsonl is not None

MAX_DEPTH = 100  # of nested types: each level is a nested call

Entry = tuple[int, bytes, int, int]  # what to read: kind, name, number of the first child, number of children
Filled = tuple[int, int, Any, Any, Any]  # values, nulls, and the buffers of validity, data and ends


def parse(data: bytes, schema: pa.Schema) -> pa.Table | None:
    """Parse the records of a block into columns.

    Parameters
    ----------
    data : bytes
        Lines, each ended by a line feed, also the last one.
    schema : Schema
        All fields that a record may have; missing fields become null.

    Returns
    -------
    Table or None
        None if a line is not a JSON object with only these fields and types (RFC 8259, in UTF-8, no duplicate key).
    """
    if not len(schema):  # a table without columns has no rows
        return None
    if _jsonl is not None and (layout := _layout(schema)) is not None:
        filled = _jsonl.fill(data, layout)
        return None if filled is None else pa.table(_array(pa.struct(schema), 0, layout, filled).flatten(), schema)
    return _by_arrow(data, schema)


# -- ours ------------------------------------------------------------------------------------------------------------


def _layout(schema: pa.Schema) -> list[Entry] | None:
    """Convert the schema for `_jsonl.fill`; None if it has a type that is not supported there."""
    kinds = _jsonl.Kind
    layout: list[Entry] = []
    level = [pa.field("", pa.struct(schema))]
    first = 1  # number of the next child
    depth = 0
    while level:  # breadth first: children of one value are consecutive
        depth += 1
        if depth > MAX_DEPTH:
            return None
        below: list[pa.Field] = []
        for field in level:
            kind, children = field.type, []
            if pa.types.is_struct(kind):
                code, children = kinds.STRUCT, list(kind)
            elif pa.types.is_list(kind):
                code, children = kinds.LIST, [kind.value_field]
            elif kind in _PLAIN:
                code = kinds[_PLAIN[kind]]
            else:
                return None
            # The parser compares bytes, so it cannot find a name that JSON writes with escapes.
            if not field.name.isprintable() or '"' in field.name or "\\" in field.name:
                return None
            layout.append((code, field.name.encode(), first, len(children)))
            first += len(children)
            below += children
        level = below
    return layout


_PLAIN = {pa.null(): "NOTHING", pa.bool_(): "BOOL", pa.int64(): "INT", pa.float64(): "FLOAT", pa.string(): "STRING"}


def _array(kind: pa.DataType, k: int, layout: list[Entry], filled: list[Filled]) -> pa.Array:
    """Build the array of the k-th value of the layout."""
    n, n_null, valid, data, ends = filled[k]
    children = range(layout[k][2], layout[k][2] + layout[k][3])
    mask = _bits(valid) if n_null else None
    if pa.types.is_null(kind):
        return pa.nulls(n)
    if pa.types.is_struct(kind):
        parts = [_array(field.type, child, layout, filled) for field, child in zip(kind, children, strict=True)]
        return pa.Array.from_buffers(kind, n, [mask], n_null, children=parts)
    if pa.types.is_list(kind):
        items = _array(kind.value_type, children[0], layout, filled)
        return pa.Array.from_buffers(kind, n, [mask, pa.py_buffer(ends)], n_null, children=[items])
    if pa.types.is_string(kind):
        return pa.Array.from_buffers(kind, n, [mask, pa.py_buffer(ends), pa.py_buffer(data)], n_null)
    values = _bits(data) if pa.types.is_boolean(kind) else pa.py_buffer(data)
    return pa.Array.from_buffers(kind, n, [mask, values], n_null)


def _bits(flags: Any) -> pa.Buffer:
    return pa.py_buffer(np.packbits(np.frombuffer(flags, dtype=np.uint8), bitorder="little"))


# -- Arrow's ---------------------------------------------------------------------------------------------------------


def _by_arrow(data: bytes, schema: pa.Schema) -> pa.Table | None:
    # Arrow's parser crashes on a line that is `null`, reads two records on a line as two, and one record over two lines
    # as one. If each line starts and ends with a brace, and there are as many rows as lines, none of these occurs.
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    ends = np.flatnonzero(bytes_ == 10)
    if not len(ends):
        return None
    starts = np.append(0, ends[:-1] + 1)
    last = ends - 1
    last = np.where(bytes_[last] == 13, last - 1, last)
    if not ((bytes_[starts] == 123).all() and (bytes_[last] == 125).all()):
        return None
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            # A field that is not in the sample is an error: inferring it crashes on deep nesting, and ignoring it
            # would hide its faults.
            parse_options=pj.ParseOptions(
                explicit_schema=schema, newlines_in_values=False, unexpected_field_behavior="error"
            ),
        )
        # Arrow reads NaN as a number, and a number that is too large as infinity.
        if len(table) != len(ends) or not _is_finite(table):
            return None
        table.validate(full=True)  # UTF-8 above all, also of fields that are not ours
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return table


def _is_finite(table: pa.Table) -> bool:
    columns = list(table.columns)
    while columns:  # no recursion: unknown fields may be nested as deeply as Python can read
        column = columns.pop()
        if pa.types.is_struct(column.type):
            columns += [pc.struct_field(column, [at]) for at in range(column.type.num_fields)]
        elif pa.types.is_list(column.type):
            columns.append(pc.list_flatten(column))
        elif pa.types.is_floating(column.type) and pc.all(pc.is_finite(column)).as_py() is False:
            return False
    return True
