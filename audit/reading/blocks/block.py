"""Sources and the blocks they are cut into, with line numbers and byte offsets."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....checks.base.arrow.columns import IntArray
from .. import archives, remote
from ..formats import Fault
from ..formats.ledger import Ledger

BLOCK = 8 << 20  # bytes of decoded text read at a time: large enough for columns to pay, small enough to stay flat
PIECE = 1 << 18  # bytes counted at a time: they fit in the cache and need no extra memory


@dataclass
class Source:
    """An audited file, with what reading it has found so far."""

    path: Path | remote.Remote | archives.Member
    name: str  # as the user knows the file; part of the place of every finding
    split: str | None = None  # default for messages that name no split
    n_bytes: int = 0  # as stored; 0 until the file was read, if the server does not report it
    format: str = ""
    reason: str = ""  # why this format was chosen
    is_forced: bool = False  # it was asked for
    sha256: str = ""  # of the bytes on disk; empty if they were not read to the end
    records: int = 0
    errors: list[str] = field(default_factory=list)  # why the file could not be read to the end
    stretches: list["Stretch"] = field(default_factory=list)  # its blocks, if each can be read on its own
    fields: Ledger = field(default_factory=dict)  # what was read of each field
    chars: int = 0  # of the texts that were read


class Stretch(NamedTuple):
    """Position of a block in its file."""

    first: int  # line
    start: int  # byte
    n_bytes: int


class Block(NamedTuple):
    """A piece of a source: JSON records, one per line, or rows of a table."""

    source: Source
    data: bytes | pa.Table
    first: int  # line or row of the first record
    lines: IntArray | None = None  # line of each record; None: they are consecutive
    faults: tuple[Fault, ...] = ()
    start: int | None = None  # byte at which it begins; None: the decoded file does not contain these bytes unchanged


def only(block: Block, lines: IntArray) -> Block | None:
    """Return the records of a block at these lines; None if there are none."""
    n = block.data.num_rows if isinstance(block.data, pa.Table) else block.data.count(b"\n")
    rows = np.flatnonzero(np.isin(line_numbers(block, n), lines))
    return picked(block, rows) if rows.size else None


def picked(block: Block, rows: IntArray) -> Block:
    """Return some records of a block, by their position in it."""
    if isinstance(block.data, pa.Table):
        # Not by `take`, which does not support every column type.
        data = pa.concat_tables(block.data.slice(row, 1) for row in rows.tolist())
        return Block(block.source, data, block.first, line_numbers(block, block.data.num_rows)[rows])
    ends = feeds_of(block.data) + 1
    starts = np.append(0, ends[:-1])
    lines = b"".join(block.data[starts[row] : ends[row]] for row in rows.tolist())
    return Block(block.source, lines, block.first, line_numbers(block, len(ends))[rows])


def feeds_of(data: bytes) -> IntArray:
    """Return the positions of the line feeds."""
    found = [np.flatnonzero(piece == 10) + k * PIECE for k, piece in enumerate(in_pieces(data))]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def in_pieces(data: bytes) -> Iterator[npt.NDArray[np.uint8]]:
    """Yield a block's bytes as arrays of at most PIECE bytes, without a copy."""
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    return (bytes_[at : at + PIECE] for at in range(0, len(data), PIECE))


def line_numbers(block: Block, n: int) -> IntArray:
    """Return the line of each of the `n` records of a block."""
    return np.arange(block.first, block.first + n) if block.lines is None else block.lines


def numbered(block: Block) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a block with their numbers."""
    assert isinstance(block.data, bytes)
    start = 0
    for number in line_numbers(block, block.data.count(b"\n")).tolist():  # one by one: a line may fill most of a block
        end = block.data.index(b"\n", start)
        yield number, block.data[start:end]
        start = end + 1
