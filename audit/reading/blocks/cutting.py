"""Files cut into blocks.

The first bytes decide how: Parquet by row groups, Arrow by its batches, web archives by their records, one JSON
document by its elements, JSON Lines by line feeds; CSV and TSV are known by their names. Blocks of plain lines remember
their byte offsets, so that single blocks can be read again.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum
from itertools import chain
from pathlib import Path

import numpy as np

from ....checks.base.arrow.columns import IntArray
from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..kinds import binary, foreign, likely
from ..streams import PACKED, Readable, Stream, UnreadableSource
from .block import BLOCK, Block, Source, Stretch
from .documents import document_blocks, is_known
from .lines import MAX_LINE, line_blocks
from .separated import SEPARATORS, separated_blocks
from .tables import arrow_blocks, is_arrow, table_blocks
from .unwrapping import IsRecord, unwrapped
from .web import WARC, web_blocks

HEAD = 1 << 10  # bytes needed to tell JSON lines from a single JSON document
BOM = b"\xef\xbb\xbf"


class Content(Enum):
    """Contents of a file, by its first bytes and its name."""

    PARQUET = "Parquet"
    ARROW = "Arrow"
    WEB = "web archive"
    SEPARATED = "CSV"
    JSON = "JSON"


def blocks(
    source: Source,
    size: int = BLOCK,
    watch: Callable[[int], None] = lambda n: None,
    *,
    again: bool = False,
    is_record: IsRecord = is_known,
) -> Iterator[Block]:
    """Yield the records of a source in blocks of about `size` bytes.

    With `again`, no checksum is computed. `watch` receives the number of bytes read since the last call. An error that
    keeps the file from being read to the end goes into `source.errors`; the blocks before it are still yielded.
    `is_record` decides whether one object that is the whole file is itself a record, or contains the records.
    """
    try:
        with source.path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head == b"PAR1":
                yield from table_blocks(source, size, watch)
                return
            stream = Stream(file, min(size, MAX_LINE), watch, is_digested=not again)
            for block in _blocks(source, stream, is_record):
                if isinstance(source.path, Path) and not stream.packings and block.start is not None:
                    source.stretches.append(Stretch(block.first, block.start, len(block.data)))
                yield block
            if stream.error:
                raise stream.error
            source.sha256 = "" if again else stream.digest.hexdigest()
            source.n_bytes = source.n_bytes or file.tell()
    except UnreadableSource as error:
        source.errors.append(f"{source.name}: {error}")
    except OSError as error:
        source.errors.append(f"{source.name}: could not be read to the end ({error.strerror or type(error).__name__})")


def start_of(source: Source) -> tuple[bytes, list[str]]:
    """Return the first bytes of a source, decoded, and its compressions from the outside in."""
    with suppress(OSError), source.path.open("rb") as file:
        stream = Stream(file, HEAD, lambda n: None, is_digested=False)
        start = bytearray()
        for piece in stream:
            start += piece
            if len(start) >= HEAD:
                break
        return bytes(start[:HEAD]), stream.packings
    return b"", []


def stretches_with(source: Source, lines: IntArray) -> list[Stretch]:
    """Return the stretches that contain any of these lines."""
    firsts = np.array([stretch.first for stretch in source.stretches])
    used = np.unique(np.searchsorted(firsts, lines, side="right")) - 1
    return [source.stretches[k] for k in used[used >= 0].tolist()]


def block_at(source: Source, stretch: Stretch) -> Block:
    """Read one block on its own; empty if the file can no longer be read."""
    data = b""
    with suppress(OSError), source.path.open("rb") as file:
        file.seek(stretch.start)
        data = file.read(stretch.n_bytes)
    # The last line of a file may lack its line feed.
    return Block(source, data if data.endswith(b"\n") or not data else data + b"\n", stretch.first)


_FIRST = re.compile(rb"(?:\xef\xbb\xbf)?\s*(\S)")
_TWO_LINES = re.compile(rb"(?:\xef\xbb\xbf)?\s*\S[^\n]*\n\s*\S[^\n]*\n")
_PACKED_SUFFIX = re.compile(rf"(?:{'|'.join(map(re.escape, PACKED.values()))})+\Z")
_JSON = re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\[{])")


def _blocks(source: Source, stream: Stream, is_record: IsRecord) -> Iterator[Block]:
    """Yield the blocks of anything but Parquet, in the packing that its first bytes show."""
    pieces = iter(stream)
    start = bytearray()
    for piece in pieces:
        start += piece
        if len(start) >= HEAD:
            break
    content = content_of(source, bytes(start))
    what = foreign(bytes(start)) or (binary(bytes(start)) if content == Content.SEPARATED else None)
    if what is None and start and _is_named(source, ".parquet"):
        what = likely(bytes(start)) or "not a Parquet file: it does not start with PAR1"
    if what is None and start and content != Content.ARROW and _is_named(source, ".arrow", ".feather"):
        what = likely(bytes(start)) or "not an Arrow file: it starts neither with ARROW1 nor with a schema"
    if what is not None:
        around = f"{', in '.join(reversed(stream.packings))}-compressed: " if stream.packings else ""
        raise UnreadableSource(f"{around}{what}")
    faults: list[Fault] = []
    n_passed = 0  # bytes before the first line
    if start.startswith(BOM):
        n_passed = len(BOM)
        del start[:n_passed]
        excerpt = start[:80].split(b"\n", 1)[0].decode("utf-8", "ignore")
        faults.append(Fault(FaultKind.LINE_FORMAT, "File starts with a byte order mark", 1, excerpt))
    if content == Content.JSON:
        yield from _json_blocks(source, stream, start, pieces, tuple(faults), n_passed, is_record)
        return
    pieces = chain([bytes(start)], pieces)
    if content == Content.ARROW:
        yield from arrow_blocks(source, Readable(pieces), stream.size)
    elif content == Content.WEB:
        yield from web_blocks(source, Readable(pieces), stream.size, tuple(faults))
    else:
        yield from separated_blocks(source, pieces, stream.size, tuple(faults), separator_of(source))


def content_of(source: Source, start: bytes) -> Content:
    """Return what a source contains, from its first bytes, decoded."""
    start = start.removeprefix(BOM)
    if start.startswith(b"PAR1"):
        return Content.PARQUET
    if is_arrow(start):
        return Content.ARROW
    if WARC.match(start):
        return Content.WEB
    is_separated = _is_named(source, *SEPARATORS) and start.strip() and not _JSON.match(start)
    return Content.SEPARATED if is_separated else Content.JSON


def separator_of(source: Source) -> str:
    """Return the separator that the name of a CSV or TSV file promises."""
    return next(separator for suffix, separator in SEPARATORS.items() if _is_named(source, suffix))


def _json_blocks(
    source: Source,
    stream: Stream,
    start: bytearray,
    pieces: Iterator[bytes],
    faults: tuple[Fault, ...],
    n_passed: int,
    is_record: IsRecord,
) -> Iterator[Block]:
    is_lines = any(suffix in source.path.name.lower() for suffix in (".jsonl", ".ndjson"))
    is_all = False
    piece = bytes(start)
    while True:  # enough to tell lines from one document, however the file is cut into pieces
        first = _FIRST.match(start)
        if first is not None and len(start) >= HEAD:
            is_some = first[1] == b"{" and is_lines and len(start) >= BLOCK
            if first[1][0] not in b"[{" or is_some or (b"\n" in piece and _TWO_LINES.match(start)):
                break
        piece = next(pieces, b"")
        is_all = not piece
        if is_all:
            break
        start += piece
    is_document = _is_document(bytes(start), is_lines=is_lines)
    if not is_document and is_all and start.lstrip().startswith(b"{") and b"\n" not in start.strip():
        # One object on one line: a record, or an object that contains the records.
        is_document = unwrapped(bytes(start), is_record) is not None
    if is_document:
        for piece in pieces:
            start += piece
        is_complete = stream.error is None
        yield from document_blocks(
            source, bytes(start), stream.size, faults, is_complete=is_complete, is_record=is_record
        )
    else:
        again = (bytes(start[at : at + stream.size]) for at in range(0, len(start), stream.size))
        yield from line_blocks(source, chain(again, pieces), stream.size, faults, n_passed)


def _is_named(source: Source, *suffixes: str) -> bool:
    """Return whether a file is named with one of these suffixes, perhaps before those of a compression."""
    stems = (_PACKED_SUFFIX.sub("", name.lower()) for name in (source.path.name, source.name))
    return any(stem.endswith(suffixes) for stem in stems)


def _is_document(start: bytes, *, is_lines: bool) -> bool:
    """Guess from the first two lines whether a file is one JSON array or object, not one record per line."""
    lines = (line.strip() for line in start.split(b"\n"))
    first, second = (*(line for line in lines if line), b"", b"")[:2]
    # A whole value on the second line is a record of its own, unless the first line leads up to it.
    is_whole = second[:1] + second[-1:] in (b"{}", b"[]")
    if first.startswith(b"["):
        return first.endswith((b",", b"[")) or not is_whole
    is_open = first.endswith(b"[") or not (first.endswith(b"}") or is_whole)
    # A lone brace is the start of an object that is spread over lines, whatever the name.
    return first.startswith(b"{") and is_open and (not is_lines or first == b"{")
