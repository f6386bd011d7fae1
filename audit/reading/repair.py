"""JSON records read line by line, with every repair reported.

Whole blocks are parsed as columns. Lines that such a parser refuses come here: Python's own reader accepts more, and
what it accepts beyond JSON becomes a fault with its place.
"""

import json
import re
from collections import Counter
from typing import Any

import msgspec

from ...checks.base.faults import FaultKind
from .formats import Fault
from .formats.faults import EXCERPT, whole_characters
from .formats.paths import LIST, decoded
from .kinds import json_fault


def read_line(line: bytes) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Read one record and list the repairs it needed; None if it could not be read or the line is blank."""
    if not line or line.isspace():
        return None, []
    try:
        record = msgspec.json.decode(line)
        if isinstance(record, dict) and not _SPACED.search(line):
            # Each key is followed by these two bytes, and a text may contain them: equal numbers, no duplicate key.
            n = line.count(b'":')
            if n == _n_names(record) or (
                b'\\\\":' not in line and _n_keys(msgspec.json.encode(record)) == _n_keys(line)
            ):
                return record, []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    repairs: list[str] = []
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        repairs.append(NOT_UTF8.format("line"))
    if text.startswith("\ufeff"):
        text = text[1:]
        repairs.append("Byte order mark before the record")
    if text.startswith("\x1e"):  # RFC 7464
        text = text[1:]
        repairs.append("Record separator before the record")
    if text.startswith("{") and text.rstrip().endswith("},"):
        text = text.rstrip()[:-1]
        repairs.append("Comma after the record")
    try:
        try:
            record, found = _read_json(text)
        except json.JSONDecodeError:
            record, found = _read_json(text, strict=False)
            repairs.append(RAW_CONTROL)
    except json.JSONDecodeError as error:
        excerpt = text[max(0, error.pos - EXCERPT // 2) :][:EXCERPT]
        return None, [Fault(FaultKind.UNREADABLE_LINE, f"Line is not JSON ({json_fault(text, error)})", 0, excerpt)]
    except RecursionError:
        return None, [Fault(FaultKind.UNREADABLE_LINE, f"Line is not JSON ({TOO_DEEP})", 0, text[:EXCERPT])]
    if isinstance(record, str) and isinstance(inner := decoded(record), dict):
        record = inner
        repairs.append("Record is JSON within a string; decode it once more")
    if isinstance(record, list) and record and all(isinstance(item, dict) for item in record):
        record = {LIST: record}  # a conversation without a name
    if not isinstance(record, dict):
        kind = {list: "an array", str: "a string", type(None): "null"}.get(type(record), "a single value")
        return None, [Fault(FaultKind.UNREADABLE_LINE, f"Line is {kind}; expected an object", 0, text[:EXCERPT])]
    return record, [
        Fault(FaultKind.REPAIRED_LINE, whole_characters(what), 0, text[:EXCERPT]) for what in repairs + found
    ]


TOO_DEEP = "nested too deeply"
NOT_UTF8 = "Invalid UTF-8 in this {}; bad bytes were replaced by U+FFFD"
RAW_CONTROL = "Unescaped control characters in a string; JSON requires escapes"
_SPACED = re.compile(rb'"[ \t\r]+:')  # the end of a key that _n_keys does not see


def _n_names(record: dict[str, Any]) -> int:
    """Count the fields of a record and of all objects within it."""
    n = 0
    stack: list[Any] = [record]
    while stack:
        value = stack.pop()
        if type(value) is dict:
            n += len(value)
            stack += value.values()
        elif type(value) is list:
            stack += value
    return n


def _n_keys(data: bytes) -> int:
    """Count the keys of a JSON text: colons after a closing quote. Encoded again, a record has no duplicate keys.

    A key that ends in a backslash is not counted.
    """
    return data.count(b'":') - data.count(b'\\":')


def _read_json(text: str, *, strict: bool = True) -> tuple[Any, list[str]]:
    """Parse with the standard library, and list constructs that other JSON parsers read differently."""
    repairs: dict[str, None] = {}  # each once, in order

    def keep_last(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            for key, n in Counter(key for key, _ in pairs).items():
                if n > 1:
                    repairs[f"Duplicate key {key[:60]!r} in one object; the last value is used"] = None
        return record

    def constant(raw: str) -> float:
        repairs[f"{raw} is not a JSON number"] = None
        return float(raw)

    def integer(raw: str) -> float:
        try:
            return int(raw)
        except ValueError:  # Python converts at most 4,300 digits; a float of that size is infinity
            return float(raw)

    record = json.loads(text, strict=strict, object_pairs_hook=keep_last, parse_constant=constant, parse_int=integer)
    return record, list(repairs)
