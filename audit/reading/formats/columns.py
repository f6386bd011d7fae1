"""Raw values to the columns of MESSAGES: whole Arrow columns, or one value at a time."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ....checks.base.faults import FaultKind
from ....checks.base.messages import CALL, DETOXIFY, EMOJIS, LABELS, MESSAGES, TOOL
from .faults import EXCERPT, Fault, Row, mistyped, whole_characters


def columns_of(kinds: dict[str, pa.DataType], sample: Sequence[dict[str, Any]]) -> pa.Schema | None:
    """Return the raw columns of a sample: known ones in their types, others as inferred; None if inference fails."""
    held = {name for record in sample for name in record}
    try:
        others = {n: pa.infer_type([record.get(n) for record in sample]) for n in sorted(held - set(kinds))}
        return pa.schema([(name, kind) for name, kind in (kinds | others).items() if name in held])
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):  # mixed types; a name that is not valid Unicode
        return None


def completed(columns: dict[str, pa.Array], n: int) -> pa.Table:
    """Return all columns of MESSAGES except the place; missing ones are null."""
    fields = [field for field in MESSAGES if field.name not in ("source", "line")]
    return pa.table({f.name: columns[f.name] if f.name in columns else pa.nulls(n, f.type) for f in fields})


def fit(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """Cast a column to the type in MESSAGES; raise ArrowInvalid rather than guess.

    Arrow itself would read the string '0' as a number and cut 1.5 to 1, which would hide the fault.
    """
    found = column.type
    if kind in (LABELS, EMOJIS) and pa.types.is_struct(found):
        return _fit_counts(column, kind)
    if found == kind:
        return column
    if pa.types.is_dictionary(found):
        return fit(column.dictionary_decode(), kind)
    both_text = pa.types.is_string(kind) and (pa.types.is_large_string(found) or pa.types.is_string_view(found))
    both_numbers = (pa.types.is_integer(kind) or pa.types.is_floating(kind)) and (
        pa.types.is_integer(found) or pa.types.is_floating(found)
    )
    if pa.types.is_null(found) or both_text or both_numbers:
        return column.cast(kind)
    if pa.types.is_string(kind) and pa.types.is_timestamp(found):
        return _iso_dates(column)
    if pa.types.is_string(kind) and pa.types.is_date(found):
        return column.cast(kind)
    if pa.types.is_struct(kind) and pa.types.is_struct(found):
        members = {field.name: pc.struct_field(column, field.name) for field in found}
        parts = [fit(members[f.name], f.type) if f.name in members else pa.nulls(len(column), f.type) for f in kind]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=column.is_null())
    if pa.types.is_list(kind) and (pa.types.is_list(found) or pa.types.is_large_list(found)):
        fit(pa.nulls(0, found.value_type), kind.value_type)  # whether the elements may be cast at all
        return column.cast(kind)
    raise pa.ArrowInvalid(f"{found} where {kind} is expected")


def _iso_dates(column: pa.Array) -> pa.Array:
    """Write timestamps as the JSON exports do: to the microsecond at most."""
    zone = ""
    if column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if column.type.tz is not None:
        # The values count from 1970 in UTC, whichever zone the type names.
        column, zone = column.cast(pa.timestamp(column.type.unit, "UTC")), "%Ez"
    text = pc.strftime(column, f"%Y-%m-%dT%H:%M:%S{zone}")
    return pc.replace_substring_regex(text, r"\.0+([+-].*)?$", r"\1")


def _fit_counts(column: pa.Array, kind: pa.StructType) -> pa.Array:
    """Convert labels or emojis in column form {name[], value[], count[]} or map form {name: {value, count}}."""
    found = {field.name: field.type for field in column.type}
    if "name" in found and (pa.types.is_list(found["name"]) or pa.types.is_large_list(found["name"])):
        if found.keys() != {f.name for f in kind}:
            raise pa.ArrowInvalid(f"{column.type} where {kind} is expected")
        parts = [fit(pc.struct_field(column, f.name), f.type) for f in kind]
        if any(part.is_null() != parts[0].is_null() for part in parts):
            raise pa.ArrowInvalid("some lists are missing")
        # If all lists are null there is no label; as in the map form, that is an empty list.
        parts = [pc.coalesce(part, pa.scalar([], part.type)) for part in parts]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=column.is_null())
    # Map form: one child per name. The entries are concatenated, then sorted by row. A map has no order, so its names
    # are sorted; the order of the columns depends on which records came first.
    entry = kind.field("value") if kind == LABELS else None
    rows, names, values, counts = [], [], [], []
    for name in sorted(found):
        child = pc.struct_field(column, name)
        if pa.types.is_null(child.type):
            continue
        if entry is not None and not (
            pa.types.is_struct(child.type) and {f.name for f in child.type} <= {"value", "count"}
        ):
            raise pa.ArrowInvalid(f"label {name!r} is not a pair of value and count")
        at = pc.indices_nonzero(child.is_valid())
        rows.append(at)
        names.append(pa.repeat(name, len(at)))
        child = child.take(at)
        if entry is not None:
            values.append(fit(pc.struct_field(child, "value"), pa.float64()))
            counts.append(fit(pc.struct_field(child, "count"), pa.int64()))
        else:
            counts.append(fit(child, pa.int64()))
    if not rows:
        empty: dict[str, list[Any]] = {f.name: [] for f in kind}
        return pa.array([None if null else empty for null in column.is_null().to_pylist()], kind)
    flat_rows = pa.concat_arrays(rows)
    order = pc.sort_indices(flat_rows)  # stable: a row's entries stay in the order of the names
    per_row = pa.table({"row": flat_rows}).group_by("row").aggregate([([], "count_all")])
    sizes = [0] * len(column)
    for row, n in zip(*(per_row[c].to_pylist() for c in ("row", "count_all")), strict=True):
        sizes[row] = n
    offsets = pa.array([0, *_running(sizes)], pa.int32())
    parts = [
        pa.ListArray.from_arrays(offsets, pa.concat_arrays(part).take(order))
        for part in ((names, values, counts) if entry is not None else (names, counts))
    ]
    return pa.StructArray.from_arrays(parts, fields=list(kind), mask=column.is_null())


def _running(sizes: Sequence[int]) -> Iterator[int]:
    total = 0
    for size in sizes:
        total += size
        yield total


def tabulate(rows: Sequence[Row], lines: Sequence[int], source: str) -> tuple[pa.Table, list[Fault]]:
    """Convert raw rows to MESSAGES, with a fault for each value of a wrong type, which becomes null."""
    faults: list[Fault] = []
    columns = []
    held = set(chain.from_iterable(rows))
    for field in MESSAGES:
        if field.name == "source":
            columns.append(pa.repeat(source, len(rows)))
            continue
        if field.name == "line":
            columns.append(pa.array(lines, pa.int64()))
            continue
        if field.name not in held:  # most columns of most formats
            columns.append(pa.nulls(len(rows), field.type))
            continue
        raw = [row.get(field.name) for row in rows]
        if (column := _plain_column(raw, field.type)) is not None:
            columns.append(column)
            continue
        read = _READERS[field.name]
        values = []
        for row, line, value in zip(rows, lines, raw, strict=True):
            try:
                values.append(None if value is None else read(value))
            except _Mistyped as wrong:
                name, ids = field.name + wrong.where, (row.get("tree_id"), row.get("message_id"))
                faults.append(mistyped(name, wrong.value, wrong.expected, *ids)._replace(line=line, field=field.name))
                # A null parent would make the message a root; an id that does not exist leaves it a reply.
                values.append(str(value)[:EXCERPT] if field.name == "parent_id" else None)
        try:
            columns.append(pa.array(values, field.type))
        except UnicodeEncodeError:
            for row, line, value in zip(rows, lines, values, strict=True):
                written = json.dumps(value, ensure_ascii=False)
                if (whole := whole_characters(written)) != written:
                    detail = f"{field.name} has an unpaired surrogate, which was replaced by U+FFFD"
                    faults.append(Fault(FaultKind.REPAIRED_LINE, detail, line, whole[:EXCERPT]).of(row))
            columns.append(pa.array(json.loads(whole_characters(json.dumps(values, ensure_ascii=False))), field.type))
    return pa.table(columns, schema=MESSAGES), faults


def _plain_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array | None:
    """Return the column if every value has exactly the wanted type; else None, and the caller converts each value.

    Arrow does not check this: it takes True for 1.0 and cuts 1.5 to 1. It makes reading nested trees 3 times faster.
    """
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    try:
        if kind in (LABELS, EMOJIS):
            return _plain_lists(values, kind)
        if kind == DETOXIFY:
            parts = [_plain_column([None if v is None else v.get(f.name) for v in values], f.type) for f in kind]
            if None in parts:
                return None
            return pa.StructArray.from_arrays(parts, fields=list(kind), mask=pa.array([v is None for v in values]))
        if set(map(type, values)) <= _PLAIN[kind]:
            if pa.types.is_list(kind) and not all(_is_plain(item, kind) for value in values for item in value or ()):
                return None
            return pa.array(values, kind)
    except (AttributeError, KeyError, TypeError, OverflowError, UnicodeEncodeError, pa.ArrowInvalid):
        pass
    return None


_PLAIN: dict[pa.DataType, set[type]] = {
    pa.string(): {str, type(None)},
    pa.int64(): {int, type(None)},
    pa.bool_(): {bool, type(None)},
    pa.float64(): {float, int, type(None)},
    pa.list_(pa.string()): {list, type(None)},
    pa.list_(CALL): {list, type(None)},
    pa.list_(TOOL): {list, type(None)},
}


def _is_plain(item: object, kind: pa.ListType) -> bool:
    """Whether Arrow converts an item of a list as it is: a string, or an object of strings."""
    entry = kind.value_type
    if pa.types.is_string(entry):
        return type(item) is str
    names = {field.name for field in entry}
    return type(item) is dict and item.keys() == names and {type(v) for v in item.values()} <= {str, type(None)}


def _plain_lists(values: Sequence[Any], kind: pa.StructType) -> pa.Array | None:
    names = [f.name for f in kind]
    flat: dict[str, list[Any]] = {name: [] for name in names}
    ends: dict[str, list[int]] = {name: [0] for name in names}
    for value in values:
        if value is not None:
            if type(value.get("name")) is list:
                for name in names:
                    if type(value[name]) is not list:
                        return None
                    flat[name] += value[name]
            else:
                for name in sorted(value):
                    if value[name] is None:
                        return None
                    flat["name"].append(name)
                    if "value" in flat:
                        flat["value"].append(value[name]["value"])
                        flat["count"].append(value[name]["count"])
                    else:
                        flat["count"].append(value[name])
        for name in names:
            ends[name].append(len(flat[name]))
    lists = []
    for field in kind:
        column = _plain_column(flat[field.name], field.type.value_type)
        if column is None:
            return None
        lists.append(pa.ListArray.from_arrays(pa.array(ends[field.name], pa.int32()), column))
    return pa.StructArray.from_arrays(lists, fields=list(kind), mask=pa.array([v is None for v in values]))


class _Mistyped(Exception):
    """A value of a wrong type, the expected type, and `where` the value is within its field."""

    def __init__(self, value: object, expected: str, where: str = "") -> None:
        super().__init__(value, expected, where)
        self.value, self.expected, self.where = value, expected, where


def _text(value: object, where: str = "") -> str:
    if type(value) is not str:
        raise _Mistyped(value, "a string", where)
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise _Mistyped(value, "true or false")
    return value


def _integer(value: object, where: str = "") -> int:
    # pandas writes integer columns with gaps as 1.0; reading these back loses nothing.
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise _Mistyped(value, "a 64-bit integer", where)
    return value


def _number(value: object, where: str = "") -> float:
    if type(value) is not int and type(value) is not float:
        raise _Mistyped(value, "a number", where)
    try:
        return float(value)
    except OverflowError:
        raise _Mistyped(value, "a 64-bit number", where) from None


def _texts(value: object) -> list[str]:
    if type(value) is not list:
        raise _Mistyped(value, "a list of strings")
    return [_text(item, f"[{k}]") for k, item in enumerate(value)]


def _objects(kind: pa.StructType) -> Callable[[object], list[dict[str, str | None]]]:
    """Return the reader of a list of objects with these members, which are strings."""

    def read(value: object) -> list[dict[str, str | None]]:
        if type(value) is not list:
            raise _Mistyped(value, "a list of objects")
        for k, item in enumerate(value):
            if type(item) is not dict:
                raise _Mistyped(item, f"an object with {', '.join(f.name for f in kind)}", f"[{k}]")
        return [
            {f.name: None if item.get(f.name) is None else _text(item[f.name], f"[{k}].{f.name}") for f in kind}
            for k, item in enumerate(value)
        ]

    return read


def _detoxify(value: object) -> dict[str, float | None]:
    if type(value) is not dict:
        raise _Mistyped(value, "an object of scores")
    return {f.name: None if value.get(f.name) is None else _number(value[f.name], f".{f.name}") for f in DETOXIFY}


def _label(name: str, value: object) -> tuple[str, float | None, int | None]:
    if type(value) is not dict:
        raise _Mistyped(value, "an object with value and count", f".{name}")
    return (
        name,
        None if value.get("value") is None else _number(value["value"], f".{name}.value"),
        None if value.get("count") is None else _integer(value["count"], f".{name}.count"),
    )


def _lists(value: object, kind: pa.StructType, entry: Callable[[str, Any], tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Return labels or emojis in any of their forms as lists, by the names of `kind`."""
    names = [f.name for f in kind]
    if type(value) is list:  # [{name, value, count}, ...], as newer versions of `datasets` write sequences
        for k, item in enumerate(value):
            if type(item) is not dict:
                raise _Mistyped(item, f"an object with {', '.join(names)}", f"[{k}]")
        value = {n: [item.get(n) for item in value] for n in names}
    if type(value) is not dict:
        raise _Mistyped(value, "an object")
    if type(value.get("name")) is list:
        readers: dict[str, Callable[[Any, str], Any]] = {"name": _text, "value": _number, "count": _integer}
        columns = {}
        for n in names:
            column = value.get(n)
            if type(column) is not list:
                raise _Mistyped(column, "a list", f".{n}")
            columns[n] = [None if v is None else readers[n](v, f".{n}[{k}]") for k, v in enumerate(column)]
        return columns
    entries = [entry(name, item) for name, item in sorted(value.items()) if item is not None]
    return {n: [e[k] for e in entries] for k, n in enumerate(names)}


def _labels(value: object) -> dict[str, list[Any]]:
    return _lists(value, LABELS, _label)


def _emojis(value: object) -> dict[str, list[Any]]:
    return _lists(value, EMOJIS, lambda name, count: (name, _integer(count, f".{name}")))


_READERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("tree_id", "message_id", "parent_id", "role", "lang", "text", "user_id", "model_name"), _text),
    **dict.fromkeys(("created_date", "tree_state", "split", "branch", "call_id", "reasoning"), _text),
    **dict.fromkeys(("review_count", "rank"), _integer),
    **dict.fromkeys(("review_result", "deleted", "synthetic", "is_context"), _flag),
    "detoxify": _detoxify,
    "emojis": _emojis,
    "labels": _labels,
    "calls": _objects(CALL),
    "tools": _objects(TOOL),
    "media": _texts,
}
