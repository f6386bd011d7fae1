"""Blocks of one JSON document: the elements of an array, the records within an object, or the object itself."""

from collections.abc import Iterator

import numpy as np

from ..formats import FORMATS, Fault
from ..streams import UnreadableSource
from .block import Block, Source, feeds_of
from .elements import Element, broken_elements, elements_of
from .unwrapping import IsRecord, unwrapped


def is_known(record: dict[str, object]) -> bool:
    """Return whether some format recognises a record."""
    return any(format.recognise(record) for format in FORMATS.values())


def document_blocks(
    source: Source,
    data: bytes,
    size: int,
    faults: tuple[Fault, ...],
    *,
    is_complete: bool = True,
    is_record: IsRecord = is_known,
) -> Iterator[Block]:
    """Yield the records of a JSON document, each on its own line.

    Raises
    ------
    UnreadableSource
        After the last block, if the document ends before its closing bracket though the file `is_complete`.
    """
    is_array = data.lstrip().startswith(b"[")
    elements, is_wrapper = document_elements(data, is_record)
    feeds = feeds_of(data)
    is_cut = any(element.is_cut for element in elements)
    elements = [element for element in elements if not element.is_cut]
    numbers = np.searchsorted(feeds, np.array([element.start for element in elements], dtype=np.int64)) + 1
    used = numbers[[element.data is not None for element in elements]]
    if (is_array or is_wrapper) and len(np.unique(used)) < len(used):
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
    if is_cut and is_complete:
        raise UnreadableSource(
            f"the {'array' if is_array else 'object'} is not closed: the file was cut short. Fetch it again"
        )


def document_elements(data: bytes, is_record: IsRecord = is_known) -> tuple[list[Element], bool]:
    """Return the records of a JSON document, and whether they were within an object."""
    if data.lstrip().startswith(b"["):
        return list(elements_of(data)), False
    found = unwrapped(data, is_record)
    return (found, True) if found else (list(broken_elements(data)), False)
