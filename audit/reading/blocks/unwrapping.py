"""Records within one JSON object that is itself no record.

Data sets are also published as an object with a field that holds the records, as an object keyed by id, and as columns,
the way pandas and datasets write tables.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.faults import EXCERPT, whole_characters
from ..formats.ledger import is_prose
from ..formats.paths import leaves
from .elements import SCAN, Element, broken_elements, elements_of

IsRecord = Callable[[dict[str, Any]], bool]
_Fields = Mapping[str, "_Field"]
_FEW = 20  # parts of a value that formats look at
_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Field:
    """The value of a field, decoded only as far as it is needed."""

    def __init__(self, start: int, raw: bytes, *, is_whole: bool = True) -> None:
        self.start, self.raw, self.is_whole = start, raw, is_whole
        self.is_list, self.is_object = raw.startswith(b"["), raw.startswith(b"{")

    def value(self) -> Any:
        """Return the whole value."""
        return _decoded(self.raw)

    def elements(self) -> Iterator[Element]:
        """Yield the elements of a list."""
        found = elements_of(self.raw) if self.is_whole else broken_elements(self.raw)
        return (element._replace(start=self.start + element.start) for element in found)

    def sample(self) -> Any:
        """Return the value with at most its first elements."""
        if not self.is_list:
            return _decoded(self.raw)
        first = [element.data for element in islice(self.elements(), _FEW)]
        return [_decoded(raw) for raw in first if raw is not None]


def unwrapped(data: bytes, is_record: IsRecord) -> list[Element] | None:
    """Return the records within a JSON object; None if it is itself a record, or if none were found.

    Parameters
    ----------
    data : bytes
        The text of the object, perhaps damaged or cut.
    is_record : callable
        Whether some format recognises a record.
    """
    fields, is_cut = _fields(data)
    if not fields:
        return None
    try:
        found = _of_columns(fields, is_record) or _of_numbered_columns(fields, is_record)
        if found is None and not is_record({name: field.sample() for name, field in fields.items()}):
            found = _of_list(fields, is_record) or _of_objects(fields, is_record)
    except (*_DAMAGE, ValueError):
        return None
    if found and is_cut and not any(element.is_cut for element in found):
        found.append(Element(len(data.rstrip()), None, is_cut=True))
    return found


def _fields(data: bytes) -> tuple[dict[str, _Field], bool]:
    """Return the fields of an object, and whether it is cut."""
    at = 0
    fields: dict[str, _Field] = {}
    try:
        for name, raw in msgspec.json.decode(data, type=dict[str, msgspec.Raw]).items():
            # A key that is repeated keeps its first place, which only affects line numbers.
            start = data.find(bytes(raw), at)
            fields[name] = _Field(max(0, start), bytes(raw))
            at = max(at, start + len(bytes(raw)))
        return fields, False
    except _DAMAGE:
        return _damaged_fields(data)


_KEY = re.compile(r'[{,\s]*("(?:[^"\\]|\\.)*")\s*:\s*', re.DOTALL)


def _damaged_fields(data: bytes) -> tuple[dict[str, _Field], bool]:
    """Read the fields of an object that the fast parser refuses, up to the first that is broken."""
    text = data.decode("latin-1")
    fields: dict[str, _Field] = {}
    at = 0
    while key := _KEY.match(text, at):
        try:
            name = json.loads(data[key.start(1) : key.end(1)].decode("utf-8", "replace"), strict=False)
            _, at = SCAN.raw_decode(text, key.end())
        except ValueError:
            if text[key.end() : key.end() + 1] != "[":
                return fields, True
            # A damaged list: what is readable of it, and of the file to its end.
            rest = data[key.end() :].rstrip()
            inner = rest[:-1].rstrip() if rest.endswith(b"}") else b""
            is_closed = inner.endswith(b"]")
            fields[name] = _Field(key.end(), inner if is_closed else rest, is_whole=False)
            return fields, not is_closed
        except RecursionError:
            return {}, False
        fields[name] = _Field(key.end(), data[key.end() : at])
    end = text[at:].strip()
    return ({}, False) if end.startswith("}") and end != "}" else (fields, end != "}")


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except _DAMAGE:
        # NaN, control characters and bytes that are not UTF-8, which are repaired and reported record by record.
        return json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)


def _encoded(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


def _of_columns(fields: _Fields, is_record: IsRecord) -> list[Element] | None:
    """Return the rows of columns that are lists of one length, as datasets and pandas ("list", "split") write them."""
    if not all(field.is_list and field.is_whole for field in fields.values()):
        return None
    if {"columns", "data"} <= fields.keys() <= {"columns", "data", "index"}:
        names, rows = fields["columns"].value(), fields["data"].value()
        if names and all(isinstance(name, str) for name in names) and all(isinstance(row, list) for row in rows):
            records = [dict(zip(names, row, strict=False)) for row in rows]
            return [Element(0, _encoded(record)) for record in records]
    first = {name: field.sample()[:1] for name, field in fields.items()}
    if not all(first.values()) or all(isinstance(cell[0], dict | list) for cell in first.values()):
        return None  # without a column of plain values these are the turns of one conversation
    if not is_record({name: cell[0] for name, cell in first.items()}):
        return None
    columns = {name: field.value() for name, field in fields.items()}
    if len({len(column) for column in columns.values()}) > 1:
        return None
    return [Element(0, _encoded(dict(zip(columns, row, strict=True)))) for row in zip(*columns.values(), strict=True)]


def _of_list(fields: _Fields, is_record: IsRecord) -> list[Element] | None:
    """Return the elements of all fields that are lists of records."""
    names = []
    for name, field in fields.items():
        first = field.sample()[:1] if field.is_list else []
        # An element may also be a list of turns.
        shapes = [{"messages": turns, "conversations": turns} if isinstance(turns, list) else turns for turns in first]
        if shapes and isinstance(shapes[0], dict) and is_record(shapes[0]):
            names.append(name)
    found = [element for name in names for element in fields[name].elements()]
    if found:
        beside = {name: field.value() for name, field in fields.items() if name not in names}
        found[0] = found[0]._replace(faults=(*found[0].faults, *_unread(beside, names[0])))
    return found or None


def _unread(beside: Mapping[str, Any], name: str) -> Iterator[Fault]:
    """Yield the texts beside a list of records, which belong to none of them."""
    reported: set[str] = set()
    for path, text in leaves(dict(beside)):
        if is_prose(text) and path not in reported and len(reported) < _FEW:
            reported.add(path)
            words = f"{path} was not read: it is a text beside the records in {name}. Move it into them"
            yield Fault(FaultKind.UNREAD_TEXT, words, 0, whole_characters(text[:EXCERPT]), field=path)


def _of_numbered_columns(fields: _Fields, is_record: IsRecord) -> list[Element] | None:
    """Return the rows of columns that are objects keyed by row number, as pandas writes them by default."""
    if not all(field.is_object and field.is_whole for field in fields.values()):
        return None
    first = next(iter(fields.values())).value()
    if not first or not all(row.isdigit() for row in first) or is_record(first):
        return None
    columns = {name: field.value() for name, field in fields.items()}
    rows = dict.fromkeys(row for column in columns.values() for row in column)
    records = [{name: column.get(row) for name, column in columns.items()} for row in rows]
    return [Element(0, _encoded(record)) for record in records] if is_record(records[0]) else None


def _of_objects(fields: _Fields, is_record: IsRecord) -> list[Element] | None:
    """Return the values of an object keyed by id; an id becomes part of its record, unless that has one."""
    if not all(field.is_object for field in fields.values()) or not is_record(next(iter(fields.values())).value()):
        return None
    elements: list[Element] = []
    for name, field in fields.items():
        raw = field.raw
        if "id" not in field.value():
            rest = raw[1:].lstrip()
            raw = b'{"id": %s%s%s' % (json.dumps(name).encode(), b"" if rest.startswith(b"}") else b", ", rest)
        elements.append(Element(field.start, raw))
    return elements
