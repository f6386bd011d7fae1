"""Records of web archives (WARC and WET) as documents, one line of JSON each."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..formats.faults import EXCERPT
from ..repair import NOT_UTF8
from ..streams import Readable, UnreadableSource
from .block import Block, Source
from .lines import MAX_LINE

WARC = re.compile(rb"WARC/[01]\.\d+\r?\n")
_PLAIN = re.compile(r"text/plain\b", re.IGNORECASE)
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_CODED = ("Content-Encoding", "Transfer-Encoding")
_CUT = "the web archive ends within a record. Fetch the file again"


def web_blocks(source: Source, file: Readable, size: int, faults: tuple[Fault, ...]) -> Iterator[Block]:
    """Yield the plain texts of a web archive, numbered as its records are.

    Raises
    ------
    UnreadableSource
        If FastWARC is not installed; or, after the records before it, if a record is cut or damaged.
    """
    try:
        from fastwarc.warc import ArchiveIterator
    except ImportError:
        raise UnreadableSource('this is a web archive. To read it, run: pip install "chataudit[web]"') from None
    lines: list[bytes] = []
    numbers: list[int] = []
    held, error = 0, ""
    try:
        archive: Any = file  # FastWARC only needs `read`
        for number, record in enumerate(ArchiveIterator(archive, parse_http=True), 1):
            document, found, is_whole = _document(record)
            faults += tuple(fault._replace(line=number) for fault in found)
            if not is_whole:
                error = _CUT
                break
            if document is None:
                continue
            lines.append(json.dumps(document).encode() + b"\n")
            numbers.append(number)
            held += len(lines[-1])
            if held >= size:
                yield Block(source, b"".join(lines), numbers[0], np.array(numbers), faults)
                lines, numbers, held, faults = [], [], 0, ()
    except (OSError, ValueError, OverflowError, MemoryError) as damage:
        error = f"the web archive is damaged ({str(damage)[:80]}). Fetch the file again"
    if lines or faults:
        yield Block(source, b"".join(lines), numbers[0] if lines else 1, np.array(numbers, dtype=np.int64), faults)
    if error or file.error is not None:
        raise file.error or UnreadableSource(error)


def _document(record: Any) -> tuple[dict[str, str] | None, list[Fault], bool]:
    """Return the document of a record, its faults, and whether the record is whole; None if it is no plain text."""
    kind, wanted = _header(record, "WARC-Type"), record.content_length
    headers = record.http_headers if record.is_http else record.headers
    content = headers.get("Content-Type") or ""
    is_text = kind == "conversion" or (kind in ("resource", "response") and _PLAIN.match(content) is not None)
    raw = bytearray()
    while is_text and (piece := record.reader.read(min(wanted, MAX_LINE) - len(raw))):
        raw += piece
    # The length may itself be cut, or cut off.
    is_whole = len(raw) + record.reader.consume() == wanted and _header(record, "Content-Length") != ""
    if not is_text or not is_whole:
        return None, [], is_whole
    if wanted > MAX_LINE:
        detail = f"Record has {wanted:,} bytes; records over {MAX_LINE:,} bytes are skipped"
        start = raw[: 4 * EXCERPT].decode("utf-8", "ignore")[:EXCERPT]
        return None, [Fault(FaultKind.UNREADABLE_LINE, detail, 0, start)], True
    for name in _CODED if record.is_http else ():
        if (coding := headers.get(name)) not in (None, "", "identity"):
            detail = f"Record has the {name} {coding[:40]!r}; only plain texts are read"
            return None, [Fault(FaultKind.UNREADABLE_LINE, detail, 0)], True
    faults = []
    charset = _CHARSET.search(content)
    try:
        text = raw.decode(charset[1] if charset else "utf-8")
    except (UnicodeError, LookupError):
        text = raw.decode("utf-8", "replace")
        faults.append(Fault(FaultKind.REPAIRED_LINE, NOT_UTF8.format("record"), 0, text[:EXCERPT]))
    named = {
        "id": _header(record, "WARC-Record-ID").strip("<>"),
        "url": _header(record, "WARC-Target-URI").strip("<>"),
        # The most frequent language comes first.
        "language": _header(record, "WARC-Identified-Content-Language").split(",")[0].strip(),
    }
    return {name: value for name, value in named.items() if value} | {"text": text}, faults, True


def _header(record: Any, name: str) -> str:
    return record.headers.get(name) or ""
