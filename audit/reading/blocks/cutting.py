"""Files cut into blocks.

The first bytes decide how: Parquet by row groups, one JSON document by its elements, JSON Lines by line feeds. Blocks
of plain files remember their byte offsets, so that single blocks can be read again.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import numpy as np

from ....checks.base.arrow.columns import IntArray
from ....checks.base.faults import FaultKind
from ..formats import Fault
from ..streams import Stream, UnreadableSource, packing
from .block import BLOCK, Block, Source, Stretch
from .documents import document_blocks
from .lines import MAX_LINE, line_blocks
from .tables import table_blocks

HEAD = 1 << 10  # bytes needed to tell JSON lines from a single JSON document
BOM = b"\xef\xbb\xbf"


def blocks(
    source: Source, size: int = BLOCK, watch: Callable[[int], None] = lambda n: None, *, again: bool = False
) -> Iterator[Block]:
    """Yield the records of a source in blocks of about `size` bytes.

    With `again`, no checksum is computed. `watch` receives the number of bytes read since the last call. An error that
    keeps the file from being read to the end goes into `source.errors`; the blocks before it are still yielded.
    """
    try:
        with source.path.open("rb") as file:
            head = file.read(4)
            file.seek(0)
            if head == b"PAR1":
                yield from table_blocks(source, size, watch)
                return
            if source.name.lower().endswith(".parquet"):
                raise UnreadableSource("not a Parquet file: it does not start with PAR1")
            stream = Stream(file, head, min(size, MAX_LINE), watch, is_digested=not again)
            has_places = isinstance(source.path, Path) and not packing(head)
            for block in _text_blocks(source, stream):
                if has_places and block.start is not None:
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


def _text_blocks(source: Source, stream: Stream) -> Iterator[Block]:
    is_lines = ".jsonl" in source.path.name.lower()
    pieces = iter(stream)
    start = bytearray()
    for piece in pieces:  # enough to tell lines from one document, however the file is cut into pieces
        start += piece
        first = _FIRST.match(start)
        if len(start) < HEAD or first is None:
            continue
        if first[1][0] not in b"[{" or (first[1] == b"{" and is_lines) or (b"\n" in piece and _TWO_LINES.match(start)):
            break
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableSource("encoded in UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8")
    faults: list[Fault] = []
    n_passed = 0  # bytes before the first line
    if start.startswith(BOM):
        n_passed = len(BOM)
        del start[:n_passed]
        excerpt = start[:80].split(b"\n", 1)[0].decode("utf-8", "ignore")
        faults.append(Fault(FaultKind.LINE_FORMAT, "File starts with a byte order mark", 1, excerpt))
    if _is_document(bytes(start), is_lines=is_lines):
        for piece in pieces:
            start += piece
        yield from document_blocks(source, bytes(start), stream.size, tuple(faults))
    else:
        again = (bytes(start[at : at + stream.size]) for at in range(0, len(start), stream.size))
        yield from line_blocks(source, chain(again, pieces), stream.size, tuple(faults), n_passed)


def _is_document(start: bytes, *, is_lines: bool) -> bool:
    """Guess from the first two lines whether a file is one JSON array or object, not one record per line."""
    lines = (line.strip() for line in start.split(b"\n"))
    first, second = (*(line for line in lines if line), b"", b"")[:2]
    # A whole value on the second line is a record of its own, unless the first line leads up to it.
    is_whole = second[:1] + second[-1:] in (b"{}", b"[]")
    if first.startswith(b"["):
        return first.endswith((b",", b"[")) or not is_whole
    return first.startswith(b"{") and not is_lines and not first.endswith(b"}") and not is_whole
