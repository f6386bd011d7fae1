"""Blocks of one JSON array or object, cut at its elements, also where some are broken."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.faults import EXCERPT
from ..repair import RAW_CONTROL, TOO_DEEP
from .block import Block, Source, feeds_of


class _Element(NamedTuple):
    """An element of a JSON array, or the one object of a file."""

    start: int  # byte at which it begins
    data: bytes | None  # None: it could not be read
    faults: tuple[Fault, ...] = ()


def document_blocks(source: Source, data: bytes, size: int, faults: tuple[Fault, ...]) -> Iterator[Block]:
    """Yield the elements of a JSON array, or the one object of a file, each on its own line."""
    elements = list(elements_of(data))
    feeds = feeds_of(data)
    numbers = np.searchsorted(feeds, np.array([element.start for element in elements], dtype=np.int64)) + 1
    used = numbers[[element.data is not None for element in elements]]
    if data.lstrip().startswith(b"[") and len(np.unique(used)) < len(used):
        # A place names one record, so elements that share a line are numbered by their position in the array.
        numbers = np.arange(1, len(elements) + 1)
    records: list[bytes] = []
    lines: list[int] = []
    held = 0
    for element, number in zip(elements, numbers.tolist(), strict=True):
        faults += tuple(fault._replace(line=number) for fault in element.faults)
        if element.data is None:
            continue
        # A line feed within valid JSON is white space between tokens.
        records.append(element.data.replace(b"\n", b" ").replace(b"\r", b" "))
        lines.append(number)
        held += len(element.data)
        if held >= size:
            yield Block(source, b"\n".join(records) + b"\n", lines[0], np.array(lines), faults)
            records, lines, held, faults = [], [], 0, ()
    if records or faults:
        text = b"\n".join(records) + b"\n" if records else b""
        yield Block(source, text, lines[0] if lines else 1, np.array(lines, dtype=np.int64), faults)


def elements_of(data: bytes) -> Iterator[_Element]:
    """Yield the raw elements of an array; after a broken one, continue where the next seems to begin."""
    try:
        is_array = data.lstrip().startswith(b"[")
        whole = msgspec.json.decode(data, type=list[msgspec.Raw]) if is_array else [data.strip()]
        if not is_array:
            msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _broken_elements(data)
        return
    at = 0
    for raw in whole:
        element = bytes(raw)
        at = data.index(element, at)
        yield _Element(at, element)
        at += len(element)


_GAP = re.compile(r"[ \t\r\n,]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


def _broken_elements(data: bytes) -> Iterator[_Element]:
    # Scanned as Latin-1, in which every byte is one character, so that positions are byte offsets. The values are
    # decoded later, when each element is read as a record.
    text = data.decode("latin-1")
    scan = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)
    is_array = data.lstrip().startswith(b"[")
    at, n_commas = _gap(text, text.find("[") + 1 if is_array else 0)
    sign = _sign(text, at)
    wanted: int | None = 0  # commas before the element; None: the element before it could not be read
    while at < len(text):
        faults: list[Fault] = []
        if is_array and text[at] == "]":
            if not text[at + 1 :].strip():
                if n_commas:
                    yield _Element(at, None, (Fault(FaultKind.REPAIRED_LINE, "Array ends with a comma", 0, "]"),))
                return
            error = "Extra data after the end of the array"
        else:
            if is_array and wanted not in (None, n_commas):
                found = f"{n_commas} commas before the element; expected {wanted}"
                faults.append(Fault(FaultKind.REPAIRED_LINE, found, 0, _excerpt(data, at)))
            end, error = at, ""
            try:
                _, end = scan.raw_decode(text, at)
            except json.JSONDecodeError as reason:
                error = f"Element is not JSON ({reason.msg} in line {reason.lineno})"
            except RecursionError:
                error = f"Element is not JSON ({TOO_DEEP})"
        if error:
            faults.append(Fault(FaultKind.UNREADABLE_LINE, error, 0, _excerpt(data, at)))
            yield _Element(at, None, tuple(faults))
            following = sign.search(text, at + 1)
            at, wanted = following.start() if following else len(text), None
        else:
            element = _STRING.sub(lambda s: s[0].replace(b"\n", b"\\n").replace(b"\r", b"\\r"), data[at:end])
            if len(element) > end - at:
                faults.append(Fault(FaultKind.REPAIRED_LINE, RAW_CONTROL, 0, _excerpt(data, at)))
            yield _Element(at, element, tuple(faults))
            at, n_commas = _gap(text, end)
            wanted = 1
    if is_array and wanted is not None:
        cut = Fault(FaultKind.UNREADABLE_LINE, "Array is not closed; anything after its last element is lost", 0, "")
        yield _Element(len(data.rstrip()), None, (cut,))


def _gap(text: str, at: int) -> tuple[int, int]:
    """Return where the next value begins, and the number of commas before it."""
    gap = _GAP.match(text, at)
    assert gap is not None
    return gap.end(), gap[0].count(",")


def _sign(text: str, at: int) -> re.Pattern[str]:
    """Return a pattern for the start of an element, made from the first: the same indentation, or the same key."""
    indent = text[text.rfind("\n", 0, at) + 1 : at]
    if "\n" in text[:at] and not indent.strip():
        return re.compile(rf"(?<=\n{indent})\{{")
    begin = re.compile(r'\{\s*"[^"\\]*"').match(text, at)
    return re.compile(re.escape(begin[0] if begin else "{"))


def _excerpt(data: bytes, at: int) -> str:
    return data[at : at + 4 * EXCERPT].decode("utf-8", "ignore")[:EXCERPT]
