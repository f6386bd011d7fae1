"""The files of an audit as batches of whole trees, read once, and again where some lines are wanted."""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from ..checks.base.messages import Batch, Form, IntArray
from ..reports.record import Record
from . import gather, read
from .engines import Engine
from .progress import Progress
from .streams import UnreadableSource

Lines = Mapping[str, IntArray]  # by source


class Sources:
    """Files of any formats, each with how it is read."""

    def __init__(self, files: list[read.Source], engine: Engine, budget: int, block: int, progress: Progress) -> None:
        self.files, self.engine = files, engine
        self.budget, self.block, self.progress = budget, block, progress
        self.plans: dict[str, read.Plan] = {}
        self.scattered = False

    @property
    def names(self) -> list[str]:
        """As findings have them."""
        return [source.name for source in self.files]

    def recognise(self, formats: Mapping[str, str | None]) -> None:
        """Find out how to read each source, by name told or to be guessed; one that nobody knows is left out."""
        for source in self.files:
            try:
                plan = read.recognise(source, formats[source.name])
            except UnreadableSource as error:
                source.errors = [f"{source.name}: {error}"]
                self.progress.say(source.errors[0])
                continue
            self.plans[source.name] = plan
            self.progress.say(f"{source.name}: {source.format}, {source.reason}")

    def start(self, *, scattered: bool = False) -> None:
        """Begin at the first byte; where trees are `scattered`, they are gathered before any is given out."""
        self.scattered = scattered
        known = [source for source in self.files if source.name in self.plans]
        for source in known:
            source.records, source.errors = 0, []
        self.progress.total(sum(source.n_bytes for source in known))

    def batches(self, lines: Lines | None = None) -> Iterator[Batch]:
        """Whole trees of all sources; or what stands at some `lines`, read again.

        Raises
        ------
        Scattered
            Where a tree goes on after others began, and `start` was not told so.
        """
        forms: dict[str, tuple[Form, bool]] = {}
        for plan in self.plans.values():
            forms[plan.format.form.name] = (plan.format.form, plan.format.is_flat)
        for form, is_flat in forms.values():
            parsed = self._parsed(form) if lines is None else self._parsed_again(form, lines)
            if not is_flat:
                yield from (Batch(part.messages.combine_chunks(), form, part.faults) for part in parsed)
            elif self.scattered:
                yield from gather.by_tree(parsed, form, self.block, self.budget)
            else:
                yield from gather.in_order(parsed, form)

    def _parsed(self, form: Form) -> Iterator[read.Parsed]:
        """The parsed blocks of all sources of one form, in order."""

        def parse(block: read.Block) -> tuple[read.Source, read.Parsed]:
            return block.source, read.parse(block, self.plans[block.source.name])

        sources = self._sources_of(form)
        pieces = (b for source in sources for b in read.blocks(source, self.block, self.progress.advance))
        told: set[tuple[str, str]] = set()
        for source, parsed in self.engine.map(parse, pieces):
            source.records += parsed.records
            yield parsed._replace(faults=once(parsed.faults, told)) if parsed.faults.num_rows else parsed

    def _parsed_again(self, form: Form, lines: Lines) -> Iterator[read.Parsed]:
        """What stands at these lines of the sources of one form; faults were told the first time."""
        for source in self._sources_of(form):
            if source.name not in lines:
                continue
            again = read.Source(source.path, source.name)
            for block in read.blocks(again, self.block, again=True):
                part = read.only(block, lines[source.name])
                if part is not None:
                    yield read.parse(part, self.plans[source.name])

    def _sources_of(self, form: Form) -> list[read.Source]:
        return [s for s in self.files if s.name in self.plans and self.plans[s.name].format.form == form]


def once(faults: pa.Table, told: set[tuple[str, str]]) -> pa.Table:
    """The faults without those of a file's form that were told of an earlier block."""
    keep = []
    for kind, source, detail in zip(*(faults[name].to_pylist() for name in ("kind", "source", "detail")), strict=True):
        keep.append(kind != "line_format" or (source, detail) not in told)
        if kind == "line_format":
            told.add((source, detail))
    return faults.filter(pa.array(keep))


class Audited(NamedTuple):
    """A source, and the path that its cleaned copy is named after; relative where it came from a pipe."""

    source: read.Source
    path: Path


def matched(record: Record, arguments: Sequence[str | os.PathLike[str]]) -> list[Audited]:
    """The files of the record's sources, in their order and under their names there; told by their checksums.

    Raises
    ------
    ValueError
        If the record is redacted, or a source was not read to its end.
    LookupError
        If a file is missing, has changed, or was not audited.
    """
    facts = record.facts
    if facts.is_redacted:
        raise ValueError("the audit is redacted: its ids are hashed, and lead to no message. Use the one before that")
    for source in facts.sources:
        if source.errors or not source.sha256:
            reason = source.errors[0] if source.errors else f"{source.name} was not read to its end"
            raise ValueError(
                f"the audit did not read all of its sources ({reason}). Mend the file, or leave it out, and audit again"
            )
    given: dict[str, list[read.Source]] = {}
    for found in read.find(arguments):
        with open(found.path, "rb") as file:
            given.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(found)
    files = []
    for source in facts.sources:
        same = given.get(source.sha256, [])
        if not same:
            names = [found.name for group in given.values() for found in group]
            changed = source.name in names or Path(source.name).name in {Path(name).name for name in names}
            reason = "has changed since it was audited" if changed else "is not among the files that were given"
            raise LookupError(f"{source.name} {reason}. Name all files of the audit as they were, or audit them again")
        # Of files that are the same, the one with the name that was audited.
        best = min(same, key=lambda found: found.name != source.name)
        same.remove(best)
        is_spooled = best.name != str(best.path) and best.path.name == "stdin"
        files.append(Audited(best, Path("stdin") if is_spooled else Path(os.path.abspath(best.path))))  # noqa: PTH100
        best.name = source.name  # as findings have it
    rest = [found.name for group in given.values() for found in group]
    if rest:
        raise LookupError(f"{rest[0]} was not audited. Name only the files of the audit, or audit it with them")
    return files
