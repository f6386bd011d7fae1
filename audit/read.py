"""The reader: files to parsed blocks. Every record keeps its place, every fault is reported, no good record is lost."""

import glob
import hashlib
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.messages import FAULTS, MESSAGES, IntArray
from ..reports.record import FINDINGS_FILE, MESSAGES_FILE, RECORD, STDIN, THREADS_FILE
from . import jsonl, remote
from .formats import FORMATS, Fault, Format, Row
from .formats.base import EXCERPT, faults_table, fit, tabulate, whole_characters
from .streams import Stream, UnreadableSource, packing, spooled

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst", ".parquet")
EXPECTED = ".jsonl, .json (plain, .gz or .zst) or .parquet"  # SUFFIXES in words
BLOCK = 8 << 20  # bytes of decoded text read at a time: large enough for columns to pay, small enough to stay flat
MAX_LINE = 256 << 20  # bytes; a longer line is skipped and reported
PIECE = 1 << 18  # bytes counted at a time: they fit in the cache and need no extra memory
HEAD = 1 << 10  # bytes needed to tell JSON lines from a single JSON document
BOM = b"\xef\xbb\xbf"
SAMPLE = 1000  # records from which the format is recognised
CAREFUL = 32  # a refused block with at most this many lines is read line by line


@dataclass
class Source:
    """An audited file, with what reading it has found so far."""

    path: Path | remote.Remote
    name: str  # as the user knows the file; part of the place of every finding
    split: str | None = None  # default for messages that name no split
    n_bytes: int = 0  # as stored; 0 until the file was read, if the server does not report it
    format: str = ""
    reason: str = ""  # why this format was chosen
    sha256: str = ""  # of the bytes on disk; empty if they were not read to the end
    records: int = 0
    errors: list[str] = field(default_factory=list)  # why the file could not be read to the end
    stretches: list["Stretch"] = field(default_factory=list)  # its blocks, if each can be read on its own


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


class Parsed(NamedTuple):
    """The messages and faults of a block."""

    messages: pa.Table
    faults: pa.Table
    records: int


@dataclass(frozen=True)
class Plan:
    """How to read a source: its format, and its raw columns if whole blocks can be parsed."""

    format: Format
    schema: pa.Schema | None


# -- which files -----------------------------------------------------------------------------------------------------


def find(
    arguments: Iterable[str | os.PathLike[str]],
    splits: Mapping[str, Sequence[str | os.PathLike[str]]] = MappingProxyType({}),
) -> list[Source]:
    """Return the files named by paths, folders, globs, URLs and `-` (standard input), in this order, each once.

    A file's split is the one that `splits` gives it, or else the one in its name.

    Raises
    ------
    LookupError
        If an argument names no file that could be read.
    """
    found: dict[str | remote.Remote, Source] = {}
    named = [(split, argument) for split, group in splits.items() for argument in group]
    for split, argument in (*named, *((None, argument) for argument in arguments)):
        argument = os.fspath(argument)
        if argument == "-":
            if STDIN not in found:
                found[STDIN] = _spool(sys.stdin.buffer, STDIN)
                found[STDIN].split = split
            continue
        if "://" in argument and not os.path.exists(argument):  # noqa: PTH110 - a URL may be too long for a Path
            taken = {source.name for source in found.values()}
            for away in _remote_files(argument):
                if away in found:
                    continue
                # URLs may differ only in their query, which is never shown.
                names = (away.url if k == 1 else f"{away.url}#{k}" for k in count(1))
                name = next(name for name in names if name not in taken)
                taken.add(name)
                found[away] = Source(away, name, split or _split_of(PurePath(away.url)), away.n_bytes)
            continue
        for file in _local_files(argument):
            # A file's name need not be UTF-8, but a finding's place is.
            name = os.fsencode(file).decode("utf-8", "backslashreplace")
            key = os.path.realpath(file)
            if key in found:
                continue
            if file.is_file():
                found[key] = Source(file, name, split or _split_of(file))
            else:  # a pipe, as the shell's <(...) makes them
                with open(file, "rb") as pipe:
                    found[key] = _spool(pipe, name)
                found[key].split = split
    if not found:
        raise LookupError("no source given. Pass a file, folder, quoted glob, URL, or - for stdin")
    for source in found.values():
        if isinstance(source.path, Path):
            source.n_bytes = source.path.stat().st_size
    return list(found.values())


def _local_files(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        # Hidden folders contain programs' own data, such as a half-written audit.
        shown = (p for p in path.rglob("*") if not any(step.startswith(".") for step in p.relative_to(path).parts[:-1]))
        every = {p for p in shown if p.name.lower().endswith(SUFFIXES) and p.is_file()}
        files = sorted(file for file in every if not _is_of_an_audit(file, every))
        if not files:
            raise LookupError(f"{argument}: no data file in this folder; expected {EXPECTED}")
        return files
    if path.exists():
        return [path]
    files = sorted(Path(p) for p in glob.glob(argument, recursive=True) if Path(p).is_file())
    if not files:
        raise LookupError(f"{argument}: no such file. Pass a file, folder, quoted glob, URL, or - for stdin")
    return files


def _remote_files(url: str) -> list[remote.Remote]:
    files, is_folder = remote.find(url)
    if is_folder:
        every = {PurePath(file.url) for file in files if file.name.lower().endswith(SUFFIXES)}
        wanted = {file for file in every if not _is_of_an_audit(file, every)}
        files = [file for file in files if PurePath(file.url) in wanted]
        if not files:
            raise LookupError(f"{remote.bare(url)}: no data file in this folder; expected {EXPECTED}")
    if not files:
        raise LookupError(f"{remote.bare(url)}: no such file. Pass a file, folder, or quoted glob")
    return files


# Words by which the Hugging Face hub recognises splits in the names of files and their folder
# (https://huggingface.co/docs/hub/datasets-file-names-and-splits).
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}


def _split_of(file: PurePath) -> str | None:
    # A folder must have exactly this name: many paths contain "test" somewhere.
    for word in (*re.split(r"[-._ 0-9]+", file.name.lower()), file.parent.name.lower()):
        if word in SPLIT_OF:
            return SPLIT_OF[word]
    return None


def _is_of_an_audit(file: PurePath, others: Container[PurePath]) -> bool:
    # An audit of the working folder writes into that folder; the next audit must not read it.
    names = (RECORD, FINDINGS_FILE, THREADS_FILE, MESSAGES_FILE)
    return file.name in names and all(file.parent / name in others for name in (RECORD, FINDINGS_FILE))


def _spool(stream: BinaryIO, name: str) -> Source:
    # A source is read twice (to recognise the format, and to quote), so a pipe is copied for as long as it is needed.
    source = Source(Path(), name)
    source.path = spooled(stream, source)
    return source


# -- files to blocks -------------------------------------------------------------------------------------------------


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
                yield from _table_blocks(source, size, watch)
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
        faults.append(Fault("line_format", "File starts with a byte order mark", 1, excerpt))
    if _is_document(bytes(start), is_lines=is_lines):
        for piece in pieces:
            start += piece
        yield from _document_blocks(source, bytes(start), stream.size, tuple(faults))
    else:
        again = (bytes(start[at : at + stream.size]) for at in range(0, len(start), stream.size))
        yield from _line_blocks(source, chain(again, pieces), stream.size, tuple(faults), n_passed)


def _is_document(start: bytes, *, is_lines: bool) -> bool:
    """Guess from the first two lines whether a file is one JSON array or object, not one record per line."""
    lines = (line.strip() for line in start.split(b"\n"))
    first, second = (*(line for line in lines if line), b"", b"")[:2]
    # A whole value on the second line is a record of its own, unless the first line leads up to it.
    is_whole = second[:1] + second[-1:] in (b"{}", b"[]")
    if first.startswith(b"["):
        return first.endswith((b",", b"[")) or not is_whole
    return first.startswith(b"{") and not is_lines and not first.endswith(b"}") and not is_whole


def _line_blocks(
    source: Source, pieces: Iterable[bytes], size: int, faults: tuple[Fault, ...], at: int = 0
) -> Iterator[Block]:
    """Yield blocks of whole lines; `at` is the byte at which the first piece begins."""
    line = 1
    parts: list[bytes] = []
    held = 0  # bytes in parts
    tail = 0  # bytes at their end that belong to an unfinished line; of a line that is too long only this is kept
    start = ""  # of a line that is too long

    def cut(data: bytes, *faults_here: Fault) -> Block:
        nonlocal line, faults, at
        block = Block(source, data, line, faults=(*faults, *faults_here), start=at)
        at += len(data)
        # bytes.count compares byte by byte: .2 s for a release of 267 MB, where this takes .05.
        line += sum(int(np.count_nonzero(piece == 10)) for piece in _pieces(data))
        faults = ()
        return block

    def pass_over() -> Block:
        nonlocal line, at
        detail = f"Line has {tail:,} bytes; lines over {MAX_LINE:,} bytes are skipped"
        block = cut(b"", Fault("unreadable_line", detail, line, start))
        line += 1
        at += tail + 1
        return block

    for piece in pieces:
        end = piece.find(b"\n")
        n = len(piece) if end < 0 else end
        if tail + n > MAX_LINE:
            if tail <= MAX_LINE:
                data = b"".join(parts)
                begin = len(data) - tail
                start = (data[begin:] + piece[:n])[:EXCERPT].decode("utf-8", "ignore")
                if begin:
                    yield cut(data[:begin])
                parts, held = [], 0
            tail += n
            if end < 0:
                continue
            yield pass_over()
            piece = piece[end + 1 :]
            end, tail = piece.find(b"\n"), 0
        held += len(piece)
        begin = piece.rfind(b"\n") + 1  # of the line that the piece leaves unfinished
        # A line longer than a block gets a block to itself: halving would copy it again and again.
        last = end + 1 if tail >= size else begin
        tail = len(piece) - begin if begin else tail + len(piece)
        if last and held >= size:
            data = b"".join([*parts, memoryview(piece)[:last]])
            parts, held = [piece[last:]], len(piece) - last
            yield cut(data)
        else:
            parts.append(piece)
    if tail > MAX_LINE:
        yield pass_over()
    elif data := b"".join(parts):
        yield cut(data if data.endswith(b"\n") else data + b"\n")


class _Element(NamedTuple):
    """An element of a JSON array, or the one object of a file."""

    start: int  # byte at which it begins
    data: bytes | None  # None: it could not be read
    faults: tuple[Fault, ...] = ()


def _document_blocks(source: Source, data: bytes, size: int, faults: tuple[Fault, ...]) -> Iterator[Block]:
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
                    yield _Element(at, None, (Fault("repaired_line", "Array ends with a comma", 0, "]"),))
                return
            error = "Extra data after the end of the array"
        else:
            if is_array and wanted not in (None, n_commas):
                found = f"{n_commas} commas before the element; expected {wanted}"
                faults.append(Fault("repaired_line", found, 0, _excerpt(data, at)))
            end, error = at, ""
            try:
                _, end = scan.raw_decode(text, at)
            except json.JSONDecodeError as reason:
                error = f"Element is not JSON ({reason.msg} in line {reason.lineno})"
            except RecursionError:
                error = f"Element is not JSON ({TOO_DEEP})"
        if error:
            faults.append(Fault("unreadable_line", error, 0, _excerpt(data, at)))
            yield _Element(at, None, tuple(faults))
            following = sign.search(text, at + 1)
            at, wanted = following.start() if following else len(text), None
        else:
            element = _STRING.sub(lambda s: s[0].replace(b"\n", b"\\n").replace(b"\r", b"\\r"), data[at:end])
            if len(element) > end - at:
                faults.append(Fault("repaired_line", RAW_CONTROL, 0, _excerpt(data, at)))
            yield _Element(at, element, tuple(faults))
            at, n_commas = _gap(text, end)
            wanted = 1
    if is_array and wanted is not None:
        cut = Fault("unreadable_line", "Array is not closed; anything after its last element is lost", 0, "")
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


def _table_blocks(source: Source, size: int, watch: Callable[[int], None]) -> Iterator[Block]:
    import pyarrow.parquet as pq

    # By path: a table is read from its end and in many places, so a remote one is downloaded first.
    with open(source.path, "rb") as file:
        source.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        source.n_bytes = source.n_bytes or file.tell()
    try:
        table = pq.ParquetFile(source.path)
        twice = [name for name, n in Counter(table.schema_arrow.names).items() if n > 1]
        if twice:
            raise UnreadableSource(f"several columns are named {twice[0]!r}. Rename or drop all but one")
        row = 1
        n_groups = table.num_row_groups
        for group in range(n_groups):
            n_rows = table.metadata.row_group(group).num_rows  # as the footer says
            rows = max(1, size * max(1, n_rows) // max(1, table.metadata.row_group(group).total_byte_size))
            done = 0
            try:
                for batch in table.iter_batches(batch_size=rows, row_groups=[group]):
                    yield Block(source, pa.Table.from_batches([batch]), row + done)
                    done += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                source.errors.append(
                    f"{source.name}: rows {row + done} to {row + n_rows - 1} could not be read ({_first_line(error)})"
                )
            row += n_rows
            watch(source.n_bytes // n_groups)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSource(f"not a readable Parquet file ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def only(block: Block, lines: IntArray) -> Block | None:
    """Return the records of a block at these lines; None if there are none."""
    if isinstance(block.data, pa.Table):
        rows = np.flatnonzero(np.isin(np.arange(block.first, block.first + block.data.num_rows), lines))
        if not rows.size:
            return None
        # Not by `take`, which does not support every column type.
        data = pa.concat_tables(block.data.slice(row, 1) for row in rows.tolist())
        return Block(block.source, data, block.first, rows + block.first)
    if not block.data:
        return None
    ends = feeds_of(block.data) + 1
    numbers = _line_numbers(block, len(ends))
    rows = np.flatnonzero(np.isin(numbers, lines))
    if not rows.size:
        return None
    starts = np.append(0, ends[:-1])
    data = b"".join(block.data[starts[row] : ends[row]] for row in rows.tolist())
    return Block(block.source, data, block.first, numbers[rows])


def feeds_of(data: bytes) -> IntArray:
    """Return the positions of the line feeds."""
    found = [np.flatnonzero(piece == 10) + k * PIECE for k, piece in enumerate(_pieces(data))]
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _pieces(data: bytes) -> Iterator[npt.NDArray[np.uint8]]:
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    return (bytes_[at : at + PIECE] for at in range(0, len(data), PIECE))


# -- which format ----------------------------------------------------------------------------------------------------


def recognise(source: Source, forced: str | None = None, formats: Mapping[str, Format] = FORMATS) -> Plan:
    """Decide from its first records how to read a source; store the format and the reason in the source.

    Raises
    ------
    UnreadableSource
        If there is nothing to read, or no format recognises the records.
    """
    sample, lost = _sample(source)
    if not sample and not (forced and lost):
        raise UnreadableSource(lost or "no records in this file")
    if forced is not None:
        format = formats[forced]
        source.format, source.reason = forced, "as requested"
        return Plan(format, format.schema(sample))
    votes: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for record in sample:
        for name, format in formats.items():
            if reason := format.recognise(record):
                votes[name] += 1
                reasons.setdefault(name, reason)
                break
    if not votes:
        raise UnreadableSource(_unknown_format(sample[0], formats))
    name, n = votes.most_common(1)[0]
    sampled = f"{len(sample):,} record{'s' if len(sample) > 1 else ''} sampled"
    source.format = name
    source.reason = f"{reasons[name]} ({sampled}, {'all' if n == len(sample) else f'{n:,}'} match)"
    return Plan(formats[name], formats[name].schema(sample))


def _unknown_format(record: dict[str, Any], formats: Mapping[str, Format]) -> str:
    """Describe a record that no format recognises, with the closest format and the way out."""
    telling = record.keys() - {"id", "lang"}  # too many formats have these
    shared = {name: len(telling & {*re.findall(r"\w\w+", format.fields)}) for name, format in formats.items()}
    closest = max(shared, key=lambda name: shared[name])
    hint = f"Closest: {closest} ({formats[closest].fields}). " if shared[closest] else ""
    fields = ", ".join(sorted(map(repr, record))[:8])
    return f"unknown format (fields: {fields}). {hint}Known: {', '.join(formats)}. Map other fields in [format]"


def _sample(source: Source) -> tuple[list[dict[str, Any]], str]:
    """Return the first records; if there are none, what was found instead."""
    records: list[dict[str, Any]] = []
    faults: list[Fault] = []
    trial = Source(source.path, source.name)
    for block in blocks(trial, 1 << 20, again=True):
        faults += block.faults
        if isinstance(block.data, pa.Table):
            records += table_records(block.data.slice(0, SAMPLE))[0]
        else:
            for number, line in numbered(block):
                record, found = read_line(line)
                if record is not None:
                    records.append(record)
                elif len(faults) < SAMPLE:
                    faults += [fault._replace(line=number) for fault in found]
                if len(records) == SAMPLE:
                    break
        if len(records) >= SAMPLE:
            break
    if trial.errors and not records:
        return [], trial.errors[0].removeprefix(f"{source.name}: ")
    lost = [fault for fault in faults if fault.kind == "unreadable_line"]
    if not lost:
        return records[:SAMPLE], ""
    number, detail = lost[0].line, lost[0].detail
    what = f"line {number} {detail[5:]}" if detail.startswith("Line ") else f"line {number}: {detail}"
    return records[:SAMPLE], f"{what}. Is this CSV or plain text? Supported: {EXPECTED}"


def table_records(table: pa.Table) -> tuple[list[dict[str, Any]], list[Fault]]:
    """Return the rows of a table as records, and a fault for each repaired row (numbered from 0)."""
    faults: list[Fault] = []
    columns = {name: _values(name, table[name], faults) for name in table.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], faults


def _values(name: str, column: pa.ChunkedArray, faults: list[Fault]) -> list[Any]:
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        column = fit(column.combine_chunks(), pa.string())
    values: list[Any] = []
    try:
        values = column.to_pylist()
        return values
    except UnicodeDecodeError:
        pass
    except (pa.ArrowException, OverflowError, ValueError):  # e.g. a duration too long for Python
        return [f"<{column.type}>"] * len(column)
    for row, value in enumerate(column):
        try:
            values.append(value.as_py())
        except UnicodeDecodeError:
            raw = column.slice(row, 1).cast(_binary(column.type)).to_pylist()[0]
            values.append(_decoded(raw))
            faults.append(Fault("repaired_line", NOT_UTF8.format("row"), row, f"{name}: {values[-1]}"[:EXCERPT]))
    return values


def _binary(kind: pa.DataType) -> pa.DataType:
    """Return the type with bytes in place of strings."""
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _binary(field.type)) for field in kind])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_binary(kind.value_type))
    return pa.binary() if pa.types.is_string(kind) or pa.types.is_large_string(kind) else kind


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _decoded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


# -- blocks to messages ----------------------------------------------------------------------------------------------


def parse(block: Block, plan: Plan) -> Parsed:
    """Return the messages of a block. Whole blocks are parsed; a refused one is halved until the culprit is alone.

    Measured on 161,448 OASST messages (267 MB), in the CPU time of a bare loop of `msgspec.json.decode`: our columns
    take .6 of it, Arrow's 1.5 to 3, rows of Python dicts 6.
    """
    parsed = _parse_table(block, plan) if isinstance(block.data, pa.Table) else _parse_lines(block, plan)
    if block.source.split is not None:
        at = MESSAGES.get_field_index("split")
        splits = parsed.messages["split"].fill_null(block.source.split)
        parsed = parsed._replace(messages=parsed.messages.set_column(at, MESSAGES.field(at), splits))
    if not block.faults:
        return parsed
    own = faults_table(block.faults, block.source.name)
    return parsed._replace(faults=pa.concat_tables([own, parsed.faults]))


def _parse_table(block: Block, plan: Plan) -> Parsed:
    assert isinstance(block.data, pa.Table)
    numbers = _line_numbers(block, len(block.data))
    try:
        block.data.validate(full=True)  # UTF-8 above all
        return _placed(block.data, block, plan, numbers)
    except (pa.ArrowException, UnicodeDecodeError):
        records, faults = table_records(block.data)
        faults = [fault._replace(line=int(numbers[fault.line])) for fault in faults]
        return _parse_records(list(zip(numbers.tolist(), records, strict=True)), faults, block, plan)


def _parse_lines(block: Block, plan: Plan) -> Parsed:
    parts = [_parse_carefully(block, plan)] if plan.schema is None else list(_halve(block, plan))
    return join([Parsed(MESSAGES.empty_table(), _line_ends(block), 0), *parts])


def _line_ends(block: Block) -> pa.Table:
    """Report the first CRLF line end, as FAULTS; the caller keeps one of those from several blocks of a source."""
    assert isinstance(block.data, bytes)
    # One byte is found ten times faster than two.
    at = block.data.find(b"\r\n") if b"\r" in block.data else -1
    if at < 0:
        return FAULTS.empty_table()
    row = block.data.count(b"\n", 0, at)
    line = block.first + row if block.lines is None else int(block.lines[row])
    return faults_table([Fault("line_format", "Lines end in CRLF; this is the first", line)], block.source.name)


def _halve(block: Block, plan: Plan) -> Iterator[Parsed]:
    data = block.data
    assert isinstance(data, bytes)
    parsed = _parse_as_columns(block, plan)
    if parsed is not None:
        yield parsed
        return
    # The last line feed before the middle, or the first one after it if the middle is within the first line.
    middle = data.rfind(b"\n", 0, len(data) // 2) + 1 or data.find(b"\n") + 1
    n = data.count(b"\n", 0, middle)
    if middle == len(data) or n + data.count(b"\n", middle) <= CAREFUL:
        yield _parse_carefully(block, plan)
        return
    lines = block.lines
    yield from _halve(block._replace(data=data[:middle], lines=None if lines is None else lines[:n]), plan)
    yield from _halve(
        block._replace(data=data[middle:], first=block.first + n, lines=None if lines is None else lines[n:]), plan
    )


def _parse_as_columns(block: Block, plan: Plan) -> Parsed | None:
    assert isinstance(block.data, bytes)
    assert plan.schema is not None
    table = jsonl.parse(block.data, plan.schema)
    if table is None:
        return None
    try:
        return _placed(table, block, plan, _line_numbers(block, table.num_rows))
    except pa.ArrowInvalid:
        return None


def _line_numbers(block: Block, n: int) -> IntArray:
    return np.arange(block.first, block.first + n) if block.lines is None else block.lines


def _placed(table: pa.Table, block: Block, plan: Plan, lines: IntArray) -> Parsed:
    def places() -> pa.Array:
        return pc.binary_join_element_wise(block.source.name, pa.array(lines).cast(pa.string()), ":")

    arranged, rows = plan.format.arrange(table, places)
    columns = {name: arranged[name] for name in arranged.column_names}
    columns["source"] = pa.repeat(block.source.name, len(arranged))
    columns["line"] = pa.array(lines[rows], pa.int64())
    messages = pa.table([columns[name] for name in MESSAGES.names], schema=MESSAGES)
    return Parsed(messages, FAULTS.empty_table(), len(lines))


def numbered(block: Block) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a block with their numbers."""
    assert isinstance(block.data, bytes)
    start = 0
    for number in _line_numbers(block, block.data.count(b"\n")).tolist():  # one by one: a line may fill most of a block
        end = block.data.index(b"\n", start)
        yield number, block.data[start:end]
        start = end + 1


def _parse_carefully(block: Block, plan: Plan) -> Parsed:
    records: list[tuple[int, dict[str, Any]]] = []
    faults: list[Fault] = []
    has_blank = False
    for number, line in numbered(block):
        record, found = read_line(line)
        if record is not None:
            records.append((number, record))
        elif not found:
            found = [] if has_blank else [Fault("line_format", "File has blank lines; this is the first", 0)]
            has_blank = True
        faults += [fault._replace(line=number) for fault in found]
    return _parse_records(records, faults, block, plan)


def _parse_records(
    records: Sequence[tuple[int, dict[str, Any]]], faults: list[Fault], block: Block, plan: Plan
) -> Parsed:
    rows: list[Row] = []
    numbers: list[int] = []
    for number, record in records:
        for row in plan.format.flatten(record, f"{block.source.name}:{number}"):
            if isinstance(row, Fault):
                faults.append(row._replace(line=number))
            else:
                rows.append(row)
                numbers.append(number)
    # A repaired record has messages; its fault is reported on the first one that checks look at.
    first: dict[int, Row] = {}
    for number, row in zip(numbers, rows, strict=True) if faults else ():
        if not row.get("is_context"):
            first.setdefault(number, row)
    faults = [
        fault.of(first[fault.line]) if fault.line in first and fault.message_id is None else fault for fault in faults
    ]
    messages, mistyped = tabulate(rows, numbers, block.source.name)
    return Parsed(messages, faults_table(faults + mistyped, block.source.name), len(records))


def read_line(line: bytes) -> tuple[dict[str, Any] | None, list[Fault]]:
    """Read one record and list the repairs it needed; None if it could not be read or the line is blank."""
    if not line or line.isspace():
        return None, []
    try:
        record = msgspec.json.decode(line)
        # Encoding the record again drops duplicate keys, so fewer keys mean that there was one.
        if (
            isinstance(record, dict)
            and _n_keys(msgspec.json.encode(record)) == _n_keys(line)
            and not _SPACED.search(line)
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
    try:
        try:
            record, found = _read_json(text)
        except json.JSONDecodeError:
            record, found = _read_json(text, strict=False)
            repairs.append(RAW_CONTROL)
    except json.JSONDecodeError as error:
        excerpt = text[max(0, error.pos - EXCERPT // 2) :][:EXCERPT]
        return None, [
            # Some messages of json end with "at", as in "Unterminated string starting at".
            Fault(
                "unreadable_line",
                f"Line is not JSON ({error.msg.removesuffix(' at')} at character {error.pos + 1})",
                0,
                excerpt,
            )
        ]
    except RecursionError:
        return None, [Fault("unreadable_line", f"Line is not JSON ({TOO_DEEP})", 0, text[:EXCERPT])]
    if not isinstance(record, dict):
        kind = {list: "an array", str: "a string", type(None): "null"}.get(type(record), "a single value")
        return None, [Fault("unreadable_line", f"Line is {kind}; expected an object", 0, text[:EXCERPT])]
    return record, [Fault("repaired_line", whole_characters(what), 0, text[:EXCERPT]) for what in repairs + found]


TOO_DEEP = "nested too deeply"
NOT_UTF8 = "Invalid UTF-8 in this {}; bad bytes were replaced by U+FFFD"
RAW_CONTROL = "Unescaped control characters in a string; JSON requires escapes"
_SPACED = re.compile(rb'"[ \t\r]+:')  # the end of a key that _n_keys does not see


def _n_keys(data: bytes) -> int:
    """Count the keys of a JSON text: colons after a closing quote."""
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


def join(parts: Sequence[Parsed]) -> Parsed:
    """Concatenate several parsed pieces."""
    return Parsed(
        pa.concat_tables([p.messages for p in parts]),
        pa.concat_tables([p.faults for p in parts]),
        sum(p.records for p in parts),
    )
