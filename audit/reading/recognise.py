"""The format of a file, recognised from its first records."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ...checks.base.faults import FaultKind
from .blocks.block import Source, numbered
from .blocks.cutting import blocks, start_of
from .blocks.tables import table_records
from .formats import FORMATS, Fault, Format
from .formats.described import LANGUAGES, RECORDS
from .formats.languages import is_language_field
from .formats.paths import Path, get, path_of
from .formats.records import Records, unknown
from .kinds import likely
from .repair import read_line
from .streams import EXPECTED, UnreadableSource

SAMPLE = 1000  # records from which the format is recognised


class NoRecords(UnreadableSource):
    """A file is sound but empty."""


@dataclass(frozen=True)
class ReadPlan:
    """How to read a source: its format, and its raw columns if whole blocks can be parsed."""

    format: Format
    schema: pa.Schema | None
    others: Mapping[str, Format] = field(default_factory=dict)  # in which no record of it can be read
    languages: tuple[str, ...] = ()  # fields with the language of a record


def recognise(source: Source, forced: str | None = None, formats: Mapping[str, Format] = FORMATS) -> ReadPlan:
    """Decide from its first records how to read a source; store the format and the reason in the source.

    Raises
    ------
    UnreadableSource
        If there is nothing to read, or no format fits any of the records.
    """
    sample, lost = _sample(source)
    if not sample and not lost:
        raise NoRecords("no records in this file")
    if not sample and not forced:
        raise UnreadableSource(lost)
    said = {name: _strings(sample, path_of(name)) for name in LANGUAGES}
    languages = tuple(name for name, values in said.items() if not values or is_language_field(values))
    source.is_forced = forced is not None
    if forced is not None:
        source.format, source.reason = forced, "as requested"
        plan = planned(forced, formats, languages, is_forced=True)
        return replace(plan, schema=plan.format.schema(sample))
    votes: Counter[str] = Counter()
    reasons: dict[str, str] = {}
    firsts: dict[str, int] = {}  # number of the first record of each format
    every = Records(formats, next(iter(formats)))
    for number, record in enumerate(sample, 1):
        name, _ = every.fitting(record)
        if name is not None:
            votes[name] += 1
            firsts.setdefault(name, number)
            if name not in reasons:
                reasons[name] = every.recognised(record)[1]
    if not votes:
        raise UnreadableSource(unknown(sample[0], formats))
    main, n = votes.most_common(1)[0]
    sampled = f"{len(sample):,} record{'s' if len(sample) > 1 else ''} examined"
    source.format = main
    source.reason = f"{reasons[main]} ({sampled}, {'all' if n == len(sample) else f'{n:,}'} match)"
    if len(votes) > 1:
        others = [f"{name} ({votes[name]:,}, the first is record {firsts[name]:,})" for name in votes if name != main]
        source.reason += f"; others are {', '.join(others)}"
    plan = planned(main, formats, languages)
    return replace(plan, schema=plan.format.schema(sample))


def planned(
    main: str,
    formats: Mapping[str, Format],
    languages: tuple[str, ...],
    *,
    is_forced: bool = False,
) -> ReadPlan:
    """Return the plan of a source most of whose records are in the format `main`; all of them if it was asked for.

    It has no schema yet: that comes from a sample of the records.
    """
    format = formats[main]
    if format.form is RECORDS:
        held = {main: format} if is_forced else formats
        format = Records(held, main, tuple(map(path_of, languages)))
        return ReadPlan(format, None, {}, languages)
    others = {} if is_forced else {name: each for name, each in formats.items() if name != main}
    return ReadPlan(format, None, others, languages)


def _strings(sample: Sequence[dict[str, Any]], path: Path) -> list[str]:
    values = (get(record, path.steps) for record in sample)
    return [value for value in values if isinstance(value, str)]


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
