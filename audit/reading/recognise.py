"""The format of a file, recognised from its first records."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ...checks.base.faults import FaultKind
from .blocks.block import Source, numbered
from .blocks.cutting import blocks, start_of
from .blocks.tables import table_records
from .formats import FORMATS, Fault, Format
from .kinds import likely
from .repair import read_line
from .streams import EXPECTED, UnreadableSource

SAMPLE = 1000  # records from which the format is recognised


@dataclass(frozen=True)
class ReadPlan:
    """How to read a source: its format, and its raw columns if whole blocks can be parsed."""

    format: Format
    schema: pa.Schema | None


def recognise(source: Source, forced: str | None = None, formats: Mapping[str, Format] = FORMATS) -> ReadPlan:
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
        return ReadPlan(format, format.schema(sample))
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
    sampled = f"{len(sample):,} record{'s' if len(sample) > 1 else ''} examined"
    source.format = name
    source.reason = f"{reasons[name]} ({sampled}, {'all' if n == len(sample) else f'{n:,}'} match)"
    return ReadPlan(formats[name], formats[name].schema(sample))


def _unknown_format(record: dict[str, Any], formats: Mapping[str, Format]) -> str:
    """Describe a record that no format recognises, with the closest format and the way out."""
    telling = record.keys() - {"id", "lang"}  # too many formats have these
    shared = {name: len(telling & {*re.findall(r"\w\w+", format.fields)}) for name, format in formats.items()}
    closest = max(shared, key=lambda name: shared[name])
    hint = f"Closest: {closest} ({formats[closest].fields}). " if shared[closest] else ""
    fields = ", ".join(sorted(repr(name[:60]) for name in record)[:8])
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
    lost = [fault for fault in faults if fault.kind == FaultKind.UNREADABLE_LINE]
    if not lost:
        return records[:SAMPLE], ""
    number, detail = lost[0].line, lost[0].detail
    what = f"line {number} {detail[5:]}" if detail.startswith("Line ") else f"line {number}: {detail}"
    return records[:SAMPLE], likely(start_of(trial)[0]) or f"{what}. Supported: {EXPECTED}"
