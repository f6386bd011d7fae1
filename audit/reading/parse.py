"""Blocks to messages and faults: whole blocks as columns, refused lines one by one."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import IntArray
from ...checks.base.faults import FaultKind
from ...checks.base.messages import FAULTS, MESSAGES
from . import jsonl
from .blocks.block import Block, line_numbers, numbered, picked
from .blocks.tables import table_records
from .formats import Fault, Row
from .formats.columns import tabulate
from .formats.faults import faults_table
from .formats.ledger import Ledger, account, merge
from .formats.records import other_format
from .recognise import ReadPlan
from .repair import read_line

FEW = 64  # places at which messages are put in between others as pieces of a table
CAREFUL = 32  # a refused block with at most this many lines is read line by line


class Parsed(NamedTuple):
    """The messages and faults of a block."""

    messages: pa.Table
    faults: pa.Table
    records: int
    fields: Ledger = {}
    chars: int = 0  # of the texts, context included


def parse(block: Block, plan: ReadPlan) -> Parsed:
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


def _parse_table(block: Block, plan: ReadPlan) -> Parsed:
    assert isinstance(block.data, pa.Table)
    numbers = line_numbers(block, len(block.data))
    try:
        block.data.validate(full=True)  # UTF-8 above all
        return _placed(block.data, block, plan, numbers)
    except (pa.ArrowException, UnicodeDecodeError):
        return _parse_rows(block, plan)


def _parse_rows(block: Block, plan: ReadPlan) -> Parsed:
    assert isinstance(block.data, pa.Table)
    numbers = line_numbers(block, len(block.data))
    records, faults = table_records(block.data)
    faults = [fault._replace(line=int(numbers[fault.line])) for fault in faults]
    return _parse_records(list(zip(numbers.tolist(), records, strict=True)), faults, block, plan)


def _parse_singly(block: Block, plan: ReadPlan) -> Parsed:
    return (_parse_rows if isinstance(block.data, pa.Table) else _parse_carefully)(block, plan)


def _parse_lines(block: Block, plan: ReadPlan) -> Parsed:
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
    return faults_table([Fault(FaultKind.LINE_FORMAT, "Lines end in CRLF; this is the first", line)], block.source.name)


def _halve(block: Block, plan: ReadPlan) -> Iterator[Parsed]:
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


def _parse_as_columns(block: Block, plan: ReadPlan) -> Parsed | None:
    assert isinstance(block.data, bytes)
    assert plan.schema is not None
    table = jsonl.parse(block.data, plan.schema)
    if table is None:
        return None
    try:
        return _placed(table, block, plan, line_numbers(block, table.num_rows))
    except pa.ArrowInvalid:
        return None


def _placed(table: pa.Table, block: Block, plan: ReadPlan, lines: IntArray) -> Parsed:
    def places() -> pa.Array:
        return pc.binary_join_element_wise(block.source.name, pa.array(lines).cast(pa.string()), ":")

    arranged, rows = plan.format.arrange(table, places)
    is_arranged = np.zeros(len(lines), dtype=bool)
    is_arranged[rows] = True
    columns = {name: arranged[name] for name in arranged.column_names}
    columns["source"] = pa.repeat(block.source.name, len(arranged))
    columns["line"] = pa.array(lines[rows], pa.int64())
    messages = pa.table([columns[name] for name in MESSAGES.names], schema=MESSAGES)
    fields = plan.format.account_table(table, lines, messages, rows)
    n = int(np.count_nonzero(is_arranged))
    parsed = Parsed(messages, FAULTS.empty_table(), n, fields, _n_chars(messages))
    if n == len(lines):
        return parsed
    # Records out of the ordinary are read one by one.
    if not (lines[1:] > lines[:-1]).all():  # and take their place among the others by their lines
        raise pa.ArrowInvalid("several records on one line")
    others = picked(block, np.flatnonzero(~is_arranged))
    singly = _parse_singly(others, plan)
    return join([parsed, singly])._replace(messages=_by_line(parsed.messages, singly.messages))


def _by_line(messages: pa.Table, others: pa.Table) -> pa.Table:
    """Join two tables of messages, each in the order of its lines; a few others are put in without a copy."""
    at = np.searchsorted(np.asarray(messages["line"]), np.asarray(others["line"]))
    cuts, starts = np.unique(at, return_index=True)
    if len(cuts) > FEW:
        both = pa.concat_tables([messages, others])
        return both.take(pa.array(np.argsort(np.asarray(both["line"]), kind="stable")))
    pieces = []
    done = 0
    for cut, (start, end) in zip(cuts.tolist(), pairwise([*starts.tolist(), len(others)]), strict=True):
        pieces += [messages.slice(done, cut - done), others.slice(start, end - start)]
        done = cut
    pieces.append(messages.slice(done))
    return pa.concat_tables(pieces)


def _parse_carefully(block: Block, plan: ReadPlan) -> Parsed:
    records: list[tuple[int, dict[str, Any]]] = []
    faults: list[Fault] = []
    has_blank = False
    for number, line in numbered(block):
        record, found = read_line(line)
        if record is not None:
            records.append((number, record))
        elif not found:
            found = [] if has_blank else [Fault(FaultKind.LINE_FORMAT, "File has blank lines; this is the first", 0)]
            has_blank = True
        faults += [fault._replace(line=number) for fault in found]
    return _parse_records(records, faults, block, plan)


def _parse_records(
    records: Sequence[tuple[int, dict[str, Any]]], faults: list[Fault], block: Block, plan: ReadPlan
) -> Parsed:
    rows: list[Row] = []
    numbers: list[int] = []
    fields: Ledger = {}
    for number, record in records:
        found = list(_flattened(record, f"{block.source.name}:{number}", plan))
        known_of = partial(plan.format.known_of, record)  # few records have a text that is in no message
        merge(fields, account(plan.format.rest(record), number, found, known_of))
        faults += [row._replace(line=number) for row in found if isinstance(row, Fault)]
        own = [row for row in found if not isinstance(row, Fault)]
        rows += own
        numbers += [number] * len(own)
    # A repaired record has messages; its fault is reported on the first one that checks look at.
    first: dict[int, Row] = {}
    for number, row in zip(numbers, rows, strict=True) if faults else ():
        if not row.get("is_context"):
            first.setdefault(number, row)
    faults = [
        fault.of(first[fault.line]) if fault.line in first and fault.message_id is None else fault for fault in faults
    ]
    messages, mistyped = tabulate(rows, numbers, block.source.name)
    return Parsed(
        messages, faults_table(faults + mistyped, block.source.name), len(records), fields, _n_chars(messages)
    )


def _flattened(record: dict[str, Any], place: str, plan: ReadPlan) -> Iterable[Row | Fault]:
    """Return the messages of a record, unless it is in a format that cannot be read along with the others."""
    if plan.others and plan.format.recognise(record) is None:
        name = next((name for name, each in plan.others.items() if each.recognise(record)), None)
        if name is not None:
            return [other_format(record, name, plan.format.form.name)]
    return plan.format.flatten(record, place)


def _n_chars(messages: pa.Table) -> int:
    return int(pc.sum(pc.utf8_length(messages["text"])).as_py() or 0)


def join(parts: Sequence[Parsed]) -> Parsed:
    """Concatenate several parsed pieces."""
    fields: Ledger = {}
    for part in parts:
        merge(fields, part.fields)
    return Parsed(
        pa.concat_tables([p.messages for p in parts]),
        pa.concat_tables([p.faults for p in parts]),
        sum(p.records for p in parts),
        fields,
        sum(p.chars for p in parts),
    )
