"""The files of an audit as batches of whole trees, read once, and again where some lines are wanted."""

import hashlib
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa

from ..checks.base.messages import FAULTS, Batch, Form, IntArray
from ..reports.record import Record
from . import formats, gather, read
from .engines import Engine, Serial
from .formats import FORMATS, Format, known
from .journal import Journal
from .progress import Progress, Silence
from .remote import Remote
from .spill import Spill
from .streams import UnreadableSource

Lines = Mapping[str, IntArray]  # by source


class Mark(NamedTuple):
    """How far the reading is: what was given out holds all that stands before this, and nothing behind it."""

    form: int = 0  # number of the form that is being read
    source: int = 0  # number of the source, among those of the form
    blocks: int = 0  # that were read of it
    records: int = 0  # in these
    told: frozenset[tuple[str, str]] = frozenset()  # what was told of the form of its lines
    given: int | None = None  # batches that were given out since all trees were gathered; None: they are not
    held: pa.Table | None = None  # messages whose trees may go on


START = Mark()
_Marked = Iterator[tuple[Batch, Mark]]  # each batch with the mark that stands behind it


class Reading(NamedTuple):
    """How one source is read, as `recognise` found out."""

    name: str
    format: str  # empty: nobody knows it
    reason: str
    errors: list[str]
    schema: str | None  # of its raw columns; in base64


class Finished(NamedTuple):
    """What was learned of a source in reading it to its end."""

    name: str
    records: int
    sha256: str
    errors: list[str]
    stretches: list[read.Stretch]

    @classmethod
    def of(cls, source: read.Source) -> "Finished":
        """What is known of this one."""
        return cls(source.name, source.records, source.sha256, source.errors, source.stretches)


class Sources:
    """Files of any formats, each with how it is read."""

    def __init__(
        self,
        files: list[read.Source],
        engine: Engine,
        budget: int,
        block: int,
        progress: Progress,
        known: Mapping[str, Format] = FORMATS,
    ) -> None:
        self.files, self.engine, self.formats = files, engine, known
        self.budget, self.block, self.progress = budget, block, progress
        self.plans: dict[str, read.Plan] = {}
        self.scattered = False

    @property
    def names(self) -> list[str]:
        """As findings have them."""
        return [source.name for source in self.files]

    def recognise(self, told: Mapping[str, str | None]) -> None:
        """Find out how to read each source, by name told or to be guessed; one that nobody knows is left out."""
        for source in self.files:
            try:
                plan = read.recognise(source, told[source.name], self.formats)
            except UnreadableSource as error:
                source.errors = [f"{source.name}: {error}"]
                self.progress.say(source.errors[0])
                continue
            self.plans[source.name] = plan
            self.progress.say(f"{source.name}: {source.format}, {source.reason}")

    def readings(self) -> list[Reading]:
        """How the sources are read."""
        return [
            Reading(
                s.name, s.format if plan else "", s.reason, [] if plan else s.errors, _written(plan and plan.schema)
            )
            for s, plan in ((s, self.plans.get(s.name)) for s in self.files)
        ]

    def restore(self, readings: Sequence[Reading], finished: Sequence[Finished]) -> None:
        """What an earlier run learned of the sources: how each is read, and what it found in those it came through."""
        for source, reading in zip(self.files, readings, strict=True):
            source.format, source.reason, source.errors = reading.format, reading.reason, reading.errors
            if reading.format:
                self.plans[source.name] = read.Plan(self.formats[reading.format], _schema(reading.schema))
        self.learn(finished)

    def learn(self, finished: Sequence[Finished]) -> list[read.Source]:
        """The sources that were read to their ends, now that it is known what was found in them."""
        by_name = {source.name: source for source in self.files}
        sources = [by_name[each.name] for each in finished]
        for source, each in zip(sources, finished, strict=True):
            source.records, source.sha256, source.errors = each.records, each.sha256, each.errors
            source.stretches = each.stretches
        return sources

    def packed(self) -> "Sources":
        """The same for another process, where each works by itself."""
        sources = Sources(self.files, Serial(), self.budget, self.block, Silence(), self.formats)
        sources.plans = self.plans
        return sources

    def only(self, numbers: Collection[int]) -> "Sources":
        """The same, where only the sources of these numbers are read."""
        sources = self.packed()
        names = [source.name for number, source in enumerate(self.files) if number in numbers]
        sources.plans = {name: plan for name, plan in self.plans.items() if name in names}
        return sources

    def start(self, finished: Sequence[Finished] = (), *, scattered: bool = False) -> None:
        """Begin with what is not finished; where trees are `scattered`, they are gathered before any is given out."""
        self.scattered = scattered
        done = {each.name for each in finished}  # and what was learned of them stays
        rest = [source for source in self.files if source.name in self.plans and source.name not in done]
        for source in rest:
            source.records, source.errors, source.stretches = 0, [], []
        self.progress.total(sum(source.n_bytes for source in rest))

    def finished(self, mark: Mark) -> list[Finished]:
        """The sources of which nothing is left to be read."""
        groups = [self.sources_of(form) for form, _ in self.forms[: mark.form + 1]]
        under_way = groups.pop()[: mark.source] if mark.form < len(groups) else []
        return [Finished.of(source) for source in (*chain.from_iterable(groups), *under_way)]

    @property
    def forms(self) -> list[tuple[Form, bool]]:
        """The forms of all sources in the order in which they are read, and whether a tree may be on several lines."""
        formats = {plan.format.form.name: plan.format for plan in self.plans.values()}
        return [(format.form, format.is_flat) for format in formats.values()]

    def sources_of(self, form: Form) -> list[read.Source]:
        """The sources of one form, in the order in which they are read."""
        return [s for s in self.files if s.name in self.plans and self.plans[s.name].format.form == form]

    def batches(
        self, journal: Journal, since: Mark, closed: pa.ChunkedArray | None, save: Callable[[Mark], None]
    ) -> _Marked:
        """Whole trees of all sources of a form, from a mark on, each batch with the mark that stands behind it.

        `closed` are the ids of trees that were given out before that mark. `save` is told of marks while trees are
        gathered, and nothing is given out.

        Raises
        ------
        Scattered
            Where a tree goes on after others began, and `start` was not told so.
        """
        form, is_flat = self.forms[since.form]
        if is_flat and self.scattered:
            yield from self._gathered(journal, form, since, save)
        elif is_flat:
            yield from _in_order(gather.InOrder(form, since.held, closed), self._parsed(form, since), since)
        else:
            yield from _whole(form, self._parsed(form, since))

    def _gathered(self, journal: Journal, form: Form, since: Mark, save: Callable[[Mark], None]) -> _Marked:
        messages, faults = self.gathered(journal, form)
        if since.given is None:
            self.gather(journal, form, since, save)
            if journal.is_kept:  # a later run must meet them in the same order
                messages.flush()
            since = Mark(since.form, len(self.sources_of(form)), given=0)
        told = pa.concat_tables([FAULTS.empty_table(), *faults.partitions()])
        for number, batch in enumerate(gather.by_tree(messages.partitions(), told, form, self.block), 1):
            if number > (since.given or 0):
                yield batch, since._replace(given=number)
        for spill in (messages, faults):
            spill.close()

    def gathered(self, journal: Journal, form: Form) -> tuple[Spill, Spill]:
        """The messages of one form by tree, and the faults."""
        messages = journal.spill(f"messages of {form.name}", "tree_id", self.budget)
        return messages, journal.spill(f"faults of {form.name}", None, self.budget)

    def gather(self, journal: Journal, form: Form, since: Mark, save: Callable[[Mark], None]) -> None:
        """Read all sources of one form, for their messages to meet by tree."""
        messages, faults = self.gathered(journal, form)
        for part, mark in self._parsed(form, since):
            messages.add(part.messages)
            faults.add(part.faults)
            save(mark)

    def _parsed(self, form: Form, since: Mark) -> Iterator[tuple[read.Parsed, Mark]]:
        """The parsed blocks of all sources of one form, in order, each with the mark behind it."""
        sources = self.sources_of(form)

        def pieces() -> Iterator[tuple[int, int, read.Block]]:
            for k, source in enumerate(sources[since.source :], since.source):
                for n, block in enumerate(read.blocks(source, self.block, self.progress.advance), 1):
                    if k > since.source or n > since.blocks:
                        yield k, n, block

        def parse(piece: tuple[int, int, read.Block]) -> tuple[int, int, read.Parsed]:
            k, n, block = piece
            return k, n, read.parse(block, self.plans[block.source.name])

        told = set(since.told)
        for source in sources[since.source : since.source + 1]:
            source.records = since.records
        for k, n, parsed in self.engine.map(parse, pieces()):
            sources[k].records += parsed.records
            if parsed.faults.num_rows:
                told = {each for each in told if each[0] == sources[k].name}
                parsed = parsed._replace(faults=once(parsed.faults, told))
            yield parsed, Mark(since.form, k, n, sources[k].records, frozenset(told))

    def again(self, lines: Lines) -> Iterator[Batch]:
        """What stands at some lines, read again, trees whole; faults were told the first time."""
        for form, is_flat in self.forms:
            parsed = self._parsed_again(self.sources_of(form), lines)
            if is_flat and self.scattered:
                with Spill("tree_id", self.budget) as spill:
                    for part, _ in parsed:
                        spill.add(part.messages)
                    yield from gather.by_tree(spill.partitions(), FAULTS.empty_table(), form, self.block)
            else:
                marked = _in_order(gather.InOrder(form), parsed, START) if is_flat else _whole(form, parsed)
                yield from (batch for batch, _ in marked)

    def _parsed_again(self, sources: Iterable[read.Source], lines: Lines) -> Iterator[tuple[read.Parsed, Mark]]:
        def pieces() -> Iterator[tuple[read.Source, read.Stretch | read.Block]]:
            for source in sources:
                again = read.Source(source.path, source.name)  # what is learned of it was learned before
                if source.name in lines and source.stretches:
                    yield from ((again, stretch) for stretch in read.stretches_with(source, lines[source.name]))
                elif source.name in lines:
                    yield from ((again, block) for block in read.blocks(again, self.block, again=True))

        def parse(piece: tuple[read.Source, read.Stretch | read.Block]) -> read.Parsed | None:
            source, where = piece
            block = read.block_at(source, where) if isinstance(where, read.Stretch) else where
            part = read.only(block, lines[source.name])
            return None if part is None else read.parse(part, self.plans[block.source.name])

        for parsed in self.engine.map(parse, pieces()):
            if parsed is not None:
                yield parsed, START


def _whole(form: Form, parsed: Iterable[tuple[read.Parsed, Mark]]) -> _Marked:
    """Batches where a record is a whole tree."""
    for part, mark in parsed:
        yield Batch(part.messages.combine_chunks(), form, part.faults), mark


def _in_order(trees: gather.InOrder, parsed: Iterable[tuple[read.Parsed, Mark]], mark: Mark) -> _Marked:
    """Batches where trees follow one another."""
    for part, mark in parsed:
        if (batch := trees.add(part)) is not None:
            yield batch, mark._replace(held=trees.held)
    if (batch := trees.rest()) is not None:  # which may hold faults alone
        yield batch, mark._replace(held=None)


def _written(schema: pa.Schema | None) -> str | None:
    return None if schema is None else b64encode(schema.serialize()).decode()


def _schema(written: str | None) -> pa.Schema | None:
    return None if written is None else pa.ipc.read_schema(pa.py_buffer(b64decode(written)))


def once(faults: pa.Table, told: set[tuple[str, str]]) -> pa.Table:
    """The faults without those of a file's form that were told of an earlier block."""
    keep = []
    for kind, source, detail in zip(*(faults[name].to_pylist() for name in ("kind", "source", "detail")), strict=True):
        keep.append(kind != "line_format" or (source, detail) not in told)
        if kind == "line_format":
            told.add((source, detail))
    return faults.filter(pa.array(keep))


def formats_of(record: Record) -> Mapping[str, Format]:
    """The formats that the sources of an audit may have, by name."""
    told = record.facts.mapping
    return known(None if told is None else msgspec.convert(told, formats.Mapping))


class Audited(NamedTuple):
    """A source, and the path that its cleaned copy is named after: relative from a pipe, with the host from a URL."""

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
        try:
            with open(found.path, "rb") as file:
                given.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(found)
        except OSError as error:
            raise LookupError(f"{found.name}: could not be read ({error.strerror}). Nothing was written") from None
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
        if isinstance(best.path, Remote):  # whose names are not to lead out of the folder of the copies
            steps = best.path.url.partition("://")[2].split("/")
            path = Path("/", *(step for step in steps if step not in ("", ".", "..")))
        elif best.name != str(best.path) and best.path.name == "stdin":
            path = Path("stdin")
        else:
            path = Path(os.path.abspath(best.path))  # noqa: PTH100
        files.append(Audited(best, path))
        best.name = source.name  # as findings have it
    rest = [found.name for group in given.values() for found in group]
    if rest:
        raise LookupError(f"{rest[0]} was not audited. Name only the files of the audit, or audit it with them")
    return files
