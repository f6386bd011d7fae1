"""Files to batches of whole trees: every record with its place, every fault told, no good record lost."""

import glob
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.json as pj

from ..checks.base.messages import FAULTS, MESSAGES, IntArray
from .formats import FORMATS, Fault, Format, Row
from .formats.base import EXCERPT, faults_table, tabulate, whole_characters

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst", ".parquet")
STDIN = "<stdin>"
BLOCK = 8 << 20  # bytes of decoded text read at a time: large enough for columns to pay, small enough to stay flat
MAX_LINE = 256 << 20  # bytes; a longer line is passed over, and said so
SAMPLE = 1000  # records that the format is recognised from
CAREFUL = 32  # lines that are read one by one, where Arrow refused a block of so many


class UnreadableSource(Exception):
    """A file, or the rest of it, could not be read; says why and what to do."""


@dataclass
class Source:
    """One file that is audited, and what was learned in reading it."""

    path: Path
    name: str  # as the user may find it; in every place of a finding
    n_bytes: int = 0  # on disk
    format: str = ""
    reason: str = ""  # what the format was recognised by
    sha256: str = ""  # of the bytes on disk; empty where they were not read to the end
    records: int = 0
    errors: list[str] = field(default_factory=list)  # why it could not be read to its end


class Block(NamedTuple):
    """A piece of a source: JSON records, one a line, or the rows of a table."""

    source: Source
    data: bytes | pa.Table
    first: int  # line or row of the first record
    lines: IntArray | None = None  # line of each record, where they do not follow one another
    faults: tuple[Fault, ...] = ()


class Parsed(NamedTuple):
    """The messages and faults of a block."""

    messages: pa.Table
    faults: pa.Table
    records: int


@dataclass(frozen=True)
class Plan:
    """How a source is read: its format, and its raw columns where Arrow can parse whole blocks."""

    format: Format
    schema: pa.Schema | None


# -- which files -----------------------------------------------------------------------------------------------------


def find(arguments: Iterable[str | os.PathLike[str]]) -> list[Source]:
    """The files that paths, folders, globs and `-` (standard input) name, in this order, each once.

    Raises
    ------
    LookupError
        Where an argument names no file that could be read.
    """
    found: dict[str, Source] = {}
    for argument in map(os.fspath, arguments):
        path = Path(argument)
        if argument == "-":
            found.setdefault(STDIN, Source(_spool(), STDIN))
            continue
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))
            if not files:
                raise LookupError(f"{argument}: the folder holds no file that ends in {', '.join(SUFFIXES)}")
        elif path.exists():
            files = [path]
        else:
            files = sorted(Path(p) for p in glob.glob(argument, recursive=True) if Path(p).is_file())
            if not files:
                raise LookupError(f"{argument}: no such file. Name a file, a folder, a glob in quotes, or - for stdin")
        for file in files:
            found.setdefault(str(file), Source(file, str(file)))
    if not found:
        raise LookupError("no source given. Name a file, a folder, a glob in quotes, or - for stdin")
    for source in found.values():
        source.n_bytes = source.path.stat().st_size
    return list(found.values())


def _spool() -> Path:
    # Standard input is read twice (to recognise the format, and to quote), so it is kept until the run ends.
    folder = Path(tempfile.mkdtemp(prefix="chataudit-"))
    with open(folder / "stdin", "wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return folder / "stdin"


# -- files to blocks -------------------------------------------------------------------------------------------------


def blocks(source: Source, size: int = BLOCK, watch: Callable[[int], None] = lambda n: None) -> Iterator[Block]:
    """The records of a source in pieces of about `size` bytes.

    `watch` is told how many bytes of the file were read since the last call. What keeps the file from being read to
    its end goes into `source.errors`; what was read before is given out all the same.
    """
    try:
        with open(source.path, "rb") as file:
            head = file.read(4)
            file.seek(0)
            if head != b"PAR1" and source.name.endswith(".parquet"):
                raise UnreadableSource("is no parquet file: it does not begin with PAR1")
            if head == b"PAR1":
                yield from _table_blocks(source, file, size, watch)
                return
            stream = _Bytes(source, file, head, size, watch)
            if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise UnreadableSource("is UTF-16; expected UTF-8. Convert it: iconv -f UTF-16 -t UTF-8")
            yield from _text_blocks(source, stream)
            source.sha256 = stream.digest.hexdigest()
    except UnreadableSource as error:
        source.errors.append(f"{source.name}: {error}")
    except OSError as error:
        source.errors.append(f"{source.name}: could not be read to its end ({error.strerror or type(error).__name__})")


class _Bytes:
    """The decoded bytes of a file in pieces; its digest is that of the bytes on disk."""

    def __init__(
        self, source: Source, file: BinaryIO, head: bytes, size: int, watch: Callable[[int], None]
    ) -> None:
        self.source, self.size, self.digest = source, size, hashlib.sha256()
        self._file, self._watch = file, watch
        self._gzip = zlib.decompressobj(wbits=31) if head[:2] == b"\x1f\x8b" else None
        self._zstd = head == b"\x28\xb5\x2f\xfd"

    def __iter__(self) -> Iterator[bytes]:
        if self._zstd:
            return self._unzstd()
        return self._gunzip() if self._gzip else self._raw(self.size)

    def _raw(self, size: int) -> Iterator[bytes]:
        while data := self._file.read(size):
            self._note(data)
            yield data

    def _note(self, data: bytes) -> None:
        self.digest.update(data)
        self._watch(len(data))

    def _gunzip(self) -> Iterator[bytes]:
        # By zlib itself: all that can be decoded before a cut is given out, and members may follow one another.
        decoder = self._gzip
        assert decoder is not None
        for data in self._raw(1 << 20):
            while data:
                if decoder.eof:
                    if not data.startswith(b"\x1f\x8b"):
                        if data.strip(b"\0"):
                            raise UnreadableSource("something follows the end of the gzip stream")
                        break
                    decoder = zlib.decompressobj(wbits=31)
                try:
                    text = decoder.decompress(data, self.size)
                except zlib.error as error:
                    raise UnreadableSource(f"the gzip stream is damaged ({error}); fetch the file again") from None
                if text:
                    yield text
                data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        while text := decoder.decompress(decoder.unconsumed_tail, self.size):
            yield text
        if not decoder.eof:
            raise UnreadableSource("the gzip stream ends early; fetch the file again")

    def _unzstd(self) -> Iterator[bytes]:
        stream = pa.CompressedInputStream(pa.PythonFile(_Watched(self._file, self._note), mode="r"), "zstd")
        while True:
            try:
                text = stream.read(min(self.size, 1 << 18))
            except OSError as error:
                reason = "ends early" if "runcat" in str(error) or "nexpected end" in str(error) else "is damaged"
                raise UnreadableSource(f"the zstd stream {reason}; fetch the file again") from None
            if not text:
                return
            yield text


class _Watched:
    """A file that tells what was read of it."""

    def __init__(self, file: BinaryIO, note: Callable[[bytes], None]) -> None:
        self._file, self._note = file, note
        self.closed = False

    def read(self, n: int = -1) -> bytes:
        data = self._file.read(n)
        self._note(data)
        return data

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


def _text_blocks(source: Source, stream: _Bytes) -> Iterator[Block]:
    pieces = iter(stream)
    start = bytearray()
    for piece in pieces:  # enough to tell lines from one document: the first line, or a part of it
        start += piece
        if b"\n" in start.lstrip(b"\xef\xbb\xbf \t\r\n") or len(start) > stream.size:
            break
    faults: list[Fault] = []
    if start.startswith(b"\xef\xbb\xbf"):
        faults.append(Fault("line_format", "The file begins with a byte order mark", 1, start[3:83].decode("utf-8", "replace")))
        del start[:3]
    if _is_document(source, bytes(start)):
        for piece in pieces:
            start += piece
        yield from _document_blocks(source, bytes(start), stream.size, tuple(faults))
    else:
        yield from _line_blocks(source, bytes(start), pieces, stream.size, tuple(faults))


def _is_document(source: Source, start: bytes) -> bool:
    """Whether a JSON file is one array or object over many lines, rather than one record a line."""
    text = start.lstrip()
    first = text.split(b"\n", 1)[0]
    is_lines = ".jsonl" in source.name
    if text.startswith(b"["):
        return not (is_lines and _is_json(first))
    return text.startswith(b"{") and not is_lines and not first.rstrip().endswith(b"}") and not _is_json(first)


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _line_blocks(
    source: Source, rest: bytes, pieces: Iterator[bytes], size: int, faults: tuple[Fault, ...]
) -> Iterator[Block]:
    line = 1
    parts, held = [rest], len(rest)

    def cut(data: bytes) -> Block:
        nonlocal line, faults
        block = Block(source, data, line, faults=faults)
        line += data.count(b"\n")
        faults = ()
        return block

    has_line = b"\n" in rest
    for piece in pieces:
        parts.append(piece)
        held += len(piece)
        has_line = has_line or b"\n" in piece
        if has_line and held >= size:
            data = b"".join(parts)
            end = data.rfind(b"\n") + 1
            parts, held, has_line = [data[end:]], len(data) - end, False
            yield cut(data[:end])
        elif not has_line and held > MAX_LINE:
            start = b"".join(parts)[:EXCERPT].decode("utf-8", "replace")
            parts, length = [], held
            for more in pieces:
                at = more.find(b"\n")
                length += len(more) if at < 0 else at
                if at >= 0:
                    parts = [more[at + 1 :]]
                    break
            held = sum(map(len, parts))
            has_line = any(b"\n" in part for part in parts)
            detail = f"The line has {length:,} bytes; lines of more than {MAX_LINE:,} are passed over"
            yield Block(source, b"", line, faults=(Fault("unreadable_line", detail, line, start),))
            line += 1
    if data := b"".join(parts):
        yield cut(data if data.endswith(b"\n") else data + b"\n")


def _document_blocks(source: Source, data: bytes, size: int, faults: tuple[Fault, ...]) -> Iterator[Block]:
    """The elements of a JSON array, or the one object of a file, each on a line of its own."""
    records: list[bytes] = []
    lines: list[int] = []
    held, line, at = 0, 1, 0
    for start, element in _elements(data):
        line += data.count(b"\n", at, start)
        at = start
        if isinstance(element, Fault):
            faults = (*faults, element._replace(line=line))
            continue
        # A line feed within valid JSON is white space between tokens.
        records.append(element.replace(b"\n", b" ").replace(b"\r", b" "))
        lines.append(line)
        held += len(element)
        if held >= size:
            yield Block(source, b"\n".join(records) + b"\n", lines[0], np.array(lines), faults)
            records, lines, held, faults = [], [], 0, ()
    if records or faults:
        text = b"\n".join(records) + b"\n" if records else b""
        yield Block(source, text, lines[0] if lines else 1, np.array(lines, dtype=np.int64), faults)


def _elements(data: bytes) -> Iterator[tuple[int, bytes | Fault]]:
    """The raw elements of an array with their offsets; after a broken one, on from where the next seems to begin."""
    try:
        whole = msgspec.json.decode(data, type=list[msgspec.Raw] if data.lstrip().startswith(b"[") else msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        yield from _broken_elements(data)
        return
    at = 0
    for raw in whole if isinstance(whole, list) else [whole]:
        element = bytes(raw)
        at = data.index(element, at)
        yield at, element
        at += len(element)


def _broken_elements(data: bytes) -> Iterator[tuple[int, bytes | Fault]]:
    # Scanned as Latin-1, in which every byte is one character, so that positions are offsets.
    text = data.decode("latin-1")
    scan = json.JSONDecoder(strict=False)
    at = text.find("[") + 1 if text.lstrip().startswith("[") else 0
    first = re.compile(r"[\s,]*").match(text, at)
    at = first.end() if first else at
    indent = text[text.rfind("\n", 0, at) + 1 : at]
    # The next element begins as the first did: at the same depth of indentation, or behind a comma on the same line.
    sign = "\n" + indent + "{" if not indent.strip() and "\n" in text[:at] else '{"'
    while at < len(text) and text[at] != "]":
        try:
            _, end = scan.raw_decode(text, at)
            yield at, data[at:end]
        except (ValueError, RecursionError) as error:
            excerpt = data[at : at + EXCERPT].decode("utf-8", "replace")
            yield at, Fault("unreadable_line", f"The element is no JSON: {_reason(error)}", 0, excerpt)
            found = text.find(sign, at + 1)
            end = len(text) if found < 0 else found + len(sign.rstrip('"')) - 1
        gap = re.compile(r"[\s,]*").match(text, end)
        at = gap.end() if gap else end


def _table_blocks(source: Source, file: BinaryIO, size: int, watch: Callable[[int], None]) -> Iterator[Block]:
    import pyarrow.parquet as pq

    source.sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        table = pq.ParquetFile(source.path)
        row = 1
        n_groups = table.num_row_groups
        for group in range(n_groups):
            told = table.metadata.row_group(group).num_rows
            rows = max(1, size * max(1, told) // max(1, table.metadata.row_group(group).total_byte_size))
            done = 0
            try:
                for batch in table.iter_batches(batch_size=rows, row_groups=[group]):
                    yield Block(source, pa.Table.from_batches([batch]), row + done)
                    done += batch.num_rows
            except (pa.ArrowException, OSError) as error:
                source.errors.append(
                    f"{source.name}: rows {row + done} to {row + told - 1} could not be read ({_first_line(error)})"
                )
            row += told
            watch(source.n_bytes // n_groups)
    except (pa.ArrowException, OSError) as error:
        raise UnreadableSource(f"is no readable parquet file ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:200]


def only(block: Block, lines: IntArray) -> Block | None:
    """The records of a block that stand at these lines; None where there are none."""
    if isinstance(block.data, pa.Table):
        rows = np.flatnonzero(np.isin(np.arange(block.first, block.first + block.data.num_rows), lines))
        if not rows.size:
            return None
        return Block(block.source, block.data.take(pa.array(rows)), block.first, rows + block.first)
    if not block.data:
        return None
    numbers = _line_numbers(block, block.data.count(b"\n"))
    rows = np.flatnonzero(np.isin(numbers, lines))
    if not rows.size:
        return None
    ends = np.flatnonzero(np.frombuffer(block.data, dtype=np.uint8) == 10) + 1
    starts = np.append(0, ends[:-1])
    data = b"".join(block.data[starts[row] : ends[row]] for row in rows.tolist())
    return Block(block.source, data, block.first, numbers[rows])


# -- which format ----------------------------------------------------------------------------------------------------


def recognise(source: Source, forced: str | None = None) -> Plan:
    """How to read a source, told by its first records; the guess and its reason go into the source.

    Raises
    ------
    UnreadableSource
        Where no format knows them.
    """
    sample = _sample(source)
    if forced is not None:
        format = FORMATS[forced]
        source.format, source.reason = forced, "as told"
        return Plan(format, format.schema(sample))
    if source.errors:
        raise UnreadableSource(source.errors[-1].removeprefix(f"{source.name}: "))
    if not sample:
        raise UnreadableSource("holds no record")
    votes: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    for record in sample:
        for name, format in FORMATS.items():
            if reason := format.recognise(record):
                votes[name] += 1
                reasons.setdefault(name, reason)
                break
    if not votes:
        held = ", ".join(sorted(map(repr, sample[0]))[:8])
        known = "; ".join(f"{name} ({format.fields})" for name, format in FORMATS.items())
        raise UnreadableSource(f"has no known format: its records hold {held}. Known are {known}")
    name, n = votes.most_common(1)[0]
    source.format, source.reason = name, f"{reasons[name]} ({n} of the first {len(sample)})"
    return Plan(FORMATS[name], FORMATS[name].schema(sample))


def _sample(source: Source) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    trial = Source(source.path, source.name)
    for block in blocks(trial, 1 << 20):
        if isinstance(block.data, pa.Table):
            records += _table_records(block.data.slice(0, SAMPLE))
        else:
            read = (_read_line(line)[0] for line in block.data.split(b"\n")[:SAMPLE] if line.strip())
            records += [record for record in read if record is not None]
        if len(records) >= SAMPLE:
            break
    else:
        if not records:
            source.errors += trial.errors
    return records[:SAMPLE]


def _table_records(table: pa.Table) -> list[dict[str, Any]]:
    columns = {}
    for name in table.column_names:
        try:
            columns[name] = table[name].to_pylist()
        except UnicodeDecodeError:
            raw = table[name].cast(pa.binary()).to_pylist()
            columns[name] = [None if v is None else v.decode("utf-8", "replace") for v in raw]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


# -- blocks to messages ----------------------------------------------------------------------------------------------


def parse(block: Block, plan: Plan) -> Parsed:
    """The messages of a block. Arrow parses whole blocks; what it refuses is halved until the culprit stands alone.

    Measured on 161,448 OASST messages (267 MB): Arrow takes 1.5 times the CPU time of a bare loop of
    `msgspec.json.decode`, and its columns are ready; rows of Python dicts take 6 times.
    """
    parsed = _parse_table(block, plan) if isinstance(block.data, pa.Table) else _parse_lines(block, plan)
    if not block.faults:
        return parsed
    own = faults_table(block.faults, block.source.name)
    return parsed._replace(faults=pa.concat_tables([own, parsed.faults]))


def _parse_table(block: Block, plan: Plan) -> Parsed:
    assert isinstance(block.data, pa.Table)
    try:
        arranged = plan.format.arrange(block.data)
        arranged.validate(full=True)
        return _placed(arranged, block, _line_numbers(block, len(arranged)))
    except (pa.ArrowException, UnicodeDecodeError):
        numbers = _line_numbers(block, len(block.data)).tolist()
        records = list(zip(numbers, _table_records(block.data), strict=True))
        return _parse_records(records, [], block, plan)


def _parse_lines(block: Block, plan: Plan) -> Parsed:
    data = block.data
    assert isinstance(data, bytes)
    ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == 10)
    parts = list(_halve(block, plan, ends)) if plan.schema is not None else [_parse_carefully(block, plan)]
    return join([Parsed(MESSAGES.empty_table(), _line_form(block, ends), 0), *parts])


def _line_form(block: Block, ends: IntArray) -> pa.Table:
    """FAULTS of how the lines end: the first of each kind; of several blocks of a source, the caller keeps one."""
    bytes_ = np.frombuffer(block.data, dtype=np.uint8)
    blank = np.diff(ends, prepend=-1) == 1
    faults = []
    for what, rows in (("Lines end in CRLF", (bytes_[ends - 1] == 13) & ~blank), ("The file has blank lines", blank)):
        if rows.any():
            line = int(_line_numbers(block, len(ends))[rows.argmax()])
            faults.append(Fault("line_format", f"{what}; this is the first", line))
    return faults_table(faults, block.source.name)


def _halve(block: Block, plan: Plan, ends: IntArray) -> Iterator[Parsed]:
    data = block.data
    assert isinstance(data, bytes)
    parsed = _parse_by_arrow(block, plan, ends)
    if parsed is not None:
        yield parsed
    elif len(ends) <= CAREFUL:
        yield _parse_carefully(block, plan)
    else:
        half = len(ends) // 2
        middle = int(ends[half - 1]) + 1
        lines = block.lines
        yield from _halve(
            block._replace(data=data[:middle], lines=None if lines is None else lines[:half]), plan, ends[:half]
        )
        yield from _halve(
            block._replace(
                data=data[middle:], first=block.first + half, lines=None if lines is None else lines[half:]
            ),
            plan,
            ends[half:] - middle,
        )


def _parse_by_arrow(block: Block, plan: Plan, ends: IntArray) -> Parsed | None:
    data = block.data
    assert isinstance(data, bytes)
    if not len(ends):
        return None
    # Arrow's parser dies on a line that is `null`, reads two records on a line as two, and one record over two lines
    # as one. Where each line begins and ends with a brace, and there are as many rows as lines, none of these is so.
    bytes_ = np.frombuffer(data, dtype=np.uint8)
    starts = np.append(0, ends[:-1] + 1)
    last = ends - 1
    last = np.where(bytes_[last] == 13, last - 1, last)
    if not ((bytes_[starts] == 123).all() and (bytes_[last] == 125).all()):
        return None
    try:
        table = pj.read_json(
            pa.BufferReader(data),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(data) + 1),
            # A field that the sample did not show is refused: inferring it dies on deep nesting, ignoring it would
            # hide what is wrong with it.
            parse_options=pj.ParseOptions(
                explicit_schema=plan.schema, newlines_in_values=False, unexpected_field_behavior="error"
            ),
        )
        if len(table) != len(ends):
            return None
        arranged = plan.format.arrange(table)
        arranged.validate(full=True)  # UTF-8 above all
    except (pa.ArrowException, UnicodeDecodeError):
        return None
    return _placed(arranged, block, _line_numbers(block, len(ends)))


def _line_numbers(block: Block, n: int) -> IntArray:
    return np.arange(block.first, block.first + n) if block.lines is None else block.lines


def _placed(arranged: pa.Table, block: Block, lines: IntArray) -> Parsed:
    columns = {name: arranged[name] for name in arranged.column_names}
    columns["source"] = pa.repeat(block.source.name, len(arranged))
    columns["line"] = pa.array(lines, pa.int64())
    messages = pa.table([columns[name] for name in MESSAGES.names], schema=MESSAGES)
    return Parsed(messages, FAULTS.empty_table(), len(arranged))


def _parse_carefully(block: Block, plan: Plan) -> Parsed:
    data = block.data
    assert isinstance(data, bytes)
    records: list[tuple[int, dict[str, Any]]] = []
    faults: list[Fault] = []
    lines = data.split(b"\n")[:-1]
    for line, number in zip(lines, _line_numbers(block, len(lines)).tolist(), strict=True):
        if not line.strip():
            continue
        record, found = _read_line(line)
        faults += [fault._replace(line=number) for fault in found]
        if record is not None:
            records.append((number, record))
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
    messages, mistyped = tabulate(rows, numbers, block.source.name)
    return Parsed(messages, faults_table(faults + mistyped, block.source.name), len(records))


def _read_line(line: bytes) -> tuple[dict[str, Any] | None, list[Fault]]:
    """One record, and what had to be repaired to read it; None where it could not be read."""
    try:
        record = msgspec.json.decode(line)
        # Written again, the record has fewer keys where one stood twice. (White space before a colon looks the same,
        # and costs no more than the slower way.)
        if isinstance(record, dict) and _n_keys(msgspec.json.encode(record)) == _n_keys(line):
            return record, []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    repairs: list[str] = []
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = line.decode("utf-8", "replace")
        repairs.append("The line is not UTF-8; bytes that are none were replaced by U+FFFD")
    text = text.removeprefix("\ufeff")
    twice: list[str] = []

    def keep_last(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        record = dict(pairs)
        if len(record) < len(pairs):
            twice.extend(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        return record

    try:
        try:
            record = json.loads(text, object_pairs_hook=keep_last)
        except json.JSONDecodeError:
            twice.clear()
            record = json.loads(text, object_pairs_hook=keep_last, strict=False)
            repairs.append("A string holds raw control characters; JSON wants them escaped")
    except (ValueError, RecursionError) as error:
        at = error.pos if isinstance(error, json.JSONDecodeError) else 0
        excerpt = whole_characters(text[max(0, at - EXCERPT // 2) :][:EXCERPT])
        return None, [Fault("unreadable_line", f"The line is no JSON: {_reason(error)}", 0, excerpt)]
    if not isinstance(record, dict):
        kind = {list: "an array", str: "a string", type(None): "null"}.get(type(record), "a single value")
        return None, [Fault("unreadable_line", f"The line holds {kind}; expected an object", 0, text[:EXCERPT])]
    repairs += [f"The key {key[:60]!r} stands twice in one object; the last value is read" for key in dict.fromkeys(twice)]
    excerpt = whole_characters(text[:EXCERPT])
    return record, [Fault("repaired_line", whole_characters(what), 0, excerpt) for what in repairs]


def _n_keys(data: bytes) -> int:
    """Keys of a JSON text: colons behind quotes that end a string."""
    return data.count(b'":') - data.count(b'\\":')


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.pos + 1}"
    return "a number is too long"


def join(parts: Sequence[Parsed]) -> Parsed:
    """Several parsed pieces as one."""
    return Parsed(
        pa.concat_tables([p.messages for p in parts]),
        pa.concat_tables([p.faults for p in parts]),
        sum(p.records for p in parts),
    )
