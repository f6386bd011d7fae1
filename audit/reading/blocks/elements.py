"""Elements of one JSON array, also where some are broken."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.faults import EXCERPT
from ..kinds import json_fault
from ..repair import RAW_CONTROL, TOO_DEEP


class Element(NamedTuple):
    """An element of a JSON document."""

    start: int  # byte at which it begins
    data: bytes | None  # None: it could not be read
    faults: tuple[Fault, ...] = ()
    is_cut: bool = False  # the document ends here, within the element or before its closing bracket


def elements_of(data: bytes) -> Iterator[Element]:
    """Yield the raw elements of an array; after a broken one, continue where the next seems to begin."""
    try:
        whole = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from broken_elements(data)
        return
    at = 0
    for raw in whole:
        element = bytes(raw)
        at = data.index(element, at)
        yield Element(at, element)
        at += len(element)


_GAP = re.compile(r"[ \t\r\n,]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
# Accepts more than JSON, and keeps numbers as they are written.
SCAN = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)


def broken_elements(data: bytes) -> Iterator[Element]:
    """Yield the elements of a damaged array, or the one value of a file that is no array."""
    # Scanned as Latin-1, in which every byte is one character, so that positions are byte offsets. The values are
    # decoded later, when each element is read as a record.
    text = data.decode("latin-1")
    is_array = data.lstrip().startswith(b"[")
    at, n_commas = _gap(text, text.find("[") + 1 if is_array else 0)
    sign = _sign(text, at)
    wanted: int | None = 0  # commas before the element; None: the element before it could not be read
    is_cut, last = is_array, len(text.rstrip())
    is_closed = text[last - 1 : last] == "]"
    while at < len(text):
        faults: list[Fault] = []
        if is_array and text[at] == "]":
            if not text[at + 1 :].strip():
                if n_commas:
                    yield Element(at, None, (Fault(FaultKind.REPAIRED_LINE, "Array ends with a comma", 0, "]"),))
                return
            error, is_cut = "Extra data after the end of the array", False
        else:
            if is_array and wanted not in (None, n_commas):
                found = f"{n_commas} commas before the element; expected {wanted}"
                faults.append(Fault(FaultKind.REPAIRED_LINE, found, 0, _excerpt(data, at)))
            end, error = at, ""
            try:
                _, end = SCAN.raw_decode(text, at)
            except json.JSONDecodeError as reason:
                error = f"Element is not JSON ({_reason(text, reason)})"
                # A file that was cut may end with a bracket, but then not with that of the array.
                is_cut = is_array and (not is_closed or reason.pos >= last)
            except RecursionError:
                error, is_cut = f"Element is not JSON ({TOO_DEEP})", False
        if error:
            faults.append(Fault(FaultKind.UNREADABLE_LINE, error, 0, _excerpt(data, at)))
            yield Element(at, None, tuple(faults))
            following = sign.search(text, at + 1)
            at, wanted = following.start() if following else len(text), None
        else:
            element = _STRING.sub(lambda s: s[0].replace(b"\n", b"\\n").replace(b"\r", b"\\r"), data[at:end])
            if len(element) > end - at:
                faults.append(Fault(FaultKind.REPAIRED_LINE, RAW_CONTROL, 0, _excerpt(data, at)))
            yield Element(at, element, tuple(faults))
            at, n_commas = _gap(text, end)
            wanted, is_cut = 1, is_array
    if is_cut:
        yield Element(len(data.rstrip()), None, is_cut=True)


def _reason(text: str, error: json.JSONDecodeError) -> str:
    """Say why an element is not JSON, with the place in its line."""
    begin = text.rfind("\n", 0, error.pos) + 1
    around = json.JSONDecodeError(error.msg, text[begin : error.pos + EXCERPT], error.pos - begin)
    return f"line {error.lineno}: {json_fault(around.doc, around, 'file')}"


def _gap(text: str, at: int) -> tuple[int, int]:
    """Return where the next value begins, and the number of commas before it."""
    gap = _GAP.match(text, at)
    assert gap is not None
    return gap.end(), gap[0].count(",")


def _sign(text: str, at: int) -> re.Pattern[str]:
    """Return a pattern for the start of an element, made from the first: the same indentation, or the same key."""
    bracket = "[" if text[at : at + 1] == "[" else "{"
    indent = text[text.rfind("\n", 0, at) + 1 : at]
    if "\n" in text[:at] and not indent.strip():
        return re.compile(rf"(?<=\n{indent}){re.escape(bracket)}")
    begin = re.compile(r'[\[\s]*\{\s*"[^"\\]*"').match(text, at)
    return re.compile(re.escape(begin[0] if begin else bracket))


def _excerpt(data: bytes, at: int) -> str:
    return data[at : at + 4 * EXCERPT].decode("utf-8", "ignore")[:EXCERPT]
