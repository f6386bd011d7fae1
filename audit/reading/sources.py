"""The files of an audit as batches of whole trees: read once, and again for the lines of findings."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

import pyarrow as pa

from ...checks.base.arrow.columns import IntArray
from ...checks.base.faults import FaultKind
from ...checks.base.messages import FAULTS, MESSAGES, Batch, Form
from ..engines.engine import Engine, Serial
from ..progress import Progress, Silence
from ..storage.checkpoint import Journal
from ..storage.spill import Spill
from . import parse as parsing
from . import trees
from .blocks import cutting
from .blocks.block import Block, Source, Stretch, only
from .formats import FORMATS, Fault, Format
from .formats.faults import faults_table
from .formats.ledger import Ledger, copied, merge, summary, unread
from .parse import Parsed
from .recognise import NoRecords, ReadPlan, planned, recognise
from .streams import UnreadableSource

Lines = Mapping[str, IntArray]  # by source


class Mark(NamedTuple):
    """A position in the reading: everything before it was yielded, and nothing after it."""

    form: int = 0  # number of the form being read
    source: int = 0  # number of the source, among those of the form
    blocks: int = 0  # read from it
    records: int = 0  # in these
    reported: frozenset[tuple[str, str]] = frozenset()  # faults of its lines' form that were already reported
    fields: Ledger = {}  # what was read of each field in these records
    chars: int = 0  # of the texts in these records
    given: int | None = None  # batches yielded since all trees were gathered; None: they are not gathered
    held: pa.Table | None = None  # messages whose trees may continue


START = Mark()
_Marked = Iterator[tuple[Batch, Mark]]  # each batch with the mark after it


class Reading(NamedTuple):
    """How to read one source, as found by `recognise`."""

    name: str
    format: str  # empty: unknown
    reason: str
    errors: list[str]
    schema: str | None  # of its raw columns, in base64
    languages: tuple[str, ...]  # fields with the language of a record
    is_forced: bool  # the format was asked for


class Finished(NamedTuple):
    """The results of reading a source to the end."""

    name: str
    records: int
    sha256: str
    errors: list[str]
    stretches: list[Stretch]
    fields: Ledger
    chars: int

    @classmethod
    def of(cls, source: Source) -> "Finished":
        """Return the results of this source."""
        return cls(
            source.name, source.records, source.sha256, source.errors, source.stretches, source.fields, source.chars
        )


class Sources:
    """The files of an audit, each with the plan for reading it."""

    def __init__(
        self,
        files: list[Source],
        engine: Engine,
        budget: int,
        block: int,
        progress: Progress,
        known: Mapping[str, Format] = FORMATS,
    ) -> None:
        self.files, self.engine, self.formats = files, engine, known
        self.budget, self.block, self.progress = budget, block, progress
        self.plans: dict[str, ReadPlan] = {}
        self.scattered = False

    @property
    def names(self) -> list[str]:
        """Names of the files, as in findings."""
        return [source.name for source in self.files]

    def recognise(self, forced: Mapping[str, str | None]) -> None:
        """Find out how to read each source: in its `forced` format, or as recognised; skip those of unknown format.

        An empty source is read as the others are, since tools that write shards leave some of them empty. If there are
        no others, it is an error.
        """
        empty: dict[str, NoRecords] = {}
        for source in self.files:
            try:
                self.plans[source.name] = recognise(source, forced[source.name], self.formats)
            except NoRecords as error:
                empty[source.name] = error
                continue
            except UnreadableSource as error:
                source.errors = [f"{source.name}: {error}"]
                self.progress.say(source.errors[0])
                continue
            self.progress.say(f"{source.name}: {source.format}, {source.reason}")
        neighbour = next((source for source in self.files if source.name in self.plans), None)
        for source in self.files:
            if source.name not in empty:
                continue
            if neighbour is None:
                source.errors = [f"{source.name}: {empty[source.name]}"]
                self.progress.say(source.errors[0])
            else:
                self.plans[source.name] = self.plans[neighbour.name]
                source.format, source.reason = neighbour.format, "no records"
                self.progress.say(f"{source.name}: {source.reason}")

    def readings(self) -> list[Reading]:
        """Return how each source is read."""
        return [
            Reading(
                s.name,
                s.format if plan else "",
                s.reason,
                [] if plan else s.errors,
                _written(plan and plan.schema),
                plan.languages if plan else (),
                s.is_forced,
            )
            for s, plan in ((s, self.plans.get(s.name)) for s in self.files)
        ]

    def restore(self, readings: Sequence[Reading], finished: Sequence[Finished]) -> None:
        """Restore how an earlier run read the sources, and the results of those it finished."""
        for source, reading in zip(self.files, readings, strict=True):
            source.format, source.reason, source.errors = reading.format, reading.reason, reading.errors
            source.is_forced = reading.is_forced
            if reading.format:
                plan = planned(reading.format, self.formats, reading.languages, is_forced=reading.is_forced)
                self.plans[source.name] = replace(plan, schema=_schema(reading.schema))
        self.learn(finished)

    def learn(self, finished: Sequence[Finished]) -> list[Source]:
        """Store the results of finished sources, and return these sources."""
        by_name = {source.name: source for source in self.files}
        sources = [by_name[each.name] for each in finished]
        for source, each in zip(sources, finished, strict=True):
            source.records, source.sha256, source.errors = each.records, each.sha256, each.errors
            source.stretches, source.fields, source.chars = each.stretches, each.fields, each.chars
        return sources

    def packed(self) -> "Sources":
        """Return a copy for another process, with a serial engine and no progress."""
        sources = Sources(self.files, Serial(), self.budget, self.block, Silence(), self.formats)
        sources.plans = self.plans
        return sources

    def only(self, numbers: Collection[int]) -> "Sources":
        """Return a copy that reads only the sources with these numbers."""
        sources = self.packed()
        names = [source.name for number, source in enumerate(self.files) if number in numbers]
        sources.plans = {name: plan for name, plan in self.plans.items() if name in names}
        return sources

    def start(self, finished: Sequence[Finished] = (), *, scattered: bool = False) -> None:
        """Start with the unfinished sources; `scattered` trees are gathered before any is yielded."""
        self.scattered = scattered
        done = {each.name for each in finished}  # their results stay
        rest = [source for source in self.files if source.name in self.plans and source.name not in done]
        for source in rest:
            source.records, source.errors, source.stretches, source.fields, source.chars = 0, [], [], {}, 0
        self.progress.total(sum(source.n_bytes for source in rest))

    def finished(self, mark: Mark) -> list[Finished]:
        """Return the sources that are read completely at this mark."""
        groups = [self.sources_of(form) for form, _ in self.forms[: mark.form + 1]]
        under_way = groups.pop()[: mark.source] if mark.form < len(groups) else []
        return [Finished.of(source) for source in (*chain.from_iterable(groups), *under_way)]

    @property
    def forms(self) -> list[tuple[Form, bool]]:
        """The forms of all sources in reading order, and whether a tree may span several lines."""
        formats = {plan.format.form.name: plan.format for plan in self.plans.values()}
        return [(format.form, format.is_flat) for format in formats.values()]

    def sources_of(self, form: Form) -> list[Source]:
        """Return the sources of one form, in reading order."""
        return [s for s in self.files if s.name in self.plans and self.plans[s.name].format.form == form]

    def batches(
        self, journal: Journal, since: Mark, closed: pa.ChunkedArray | None, save: Callable[[Mark], None]
    ) -> _Marked:
        """Yield whole trees of all sources of a form from a mark on, each batch with the mark after it.

        `closed` are the ids of trees that were yielded before that mark. `save` receives marks while trees are
        gathered and nothing is yielded.

        Raises
        ------
        Scattered
            If a tree continues after others began, and `start` was called without `scattered`.
        """
        form, is_flat = self.forms[since.form]
        if is_flat and self.scattered:
            yield from self._gathered(journal, form, since, save)
        elif is_flat:
            yield from _in_order(trees.InOrder(form, since.held, closed), self._parsed(form, since), since)
        else:
            yield from _whole(form, self._parsed(form, since))

    def _gathered(self, journal: Journal, form: Form, since: Mark, save: Callable[[Mark], None]) -> _Marked:
        messages, faults = self.gathered(journal, form)
        if since.given is None:
            self.gather(journal, form, since, save)
            if journal.is_kept:  # a later run must read them in the same order
                messages.flush()
            since = Mark(since.form, len(self.sources_of(form)), given=0)
        every = pa.concat_tables([FAULTS.empty_table(), *faults.partitions()])
        for number, batch in enumerate(trees.by_tree(messages.partitions(), every, form, self.block), 1):
            if number > (since.given or 0):
                yield batch, since._replace(given=number)
        for spill in (messages, faults):
            spill.close()

    def gathered(self, journal: Journal, form: Form) -> tuple[Spill, Spill]:
        """Return the messages of one form by tree, and the faults."""
        messages = journal.spill(f"messages of {form.name}", "tree_id", self.budget)
        return messages, journal.spill(f"faults of {form.name}", None, self.budget)

    def gather(self, journal: Journal, form: Form, since: Mark, save: Callable[[Mark], None]) -> None:
        """Read all sources of one form, and gather their messages by tree."""
        messages, faults = self.gathered(journal, form)
        for part, mark in self._parsed(form, since):
            messages.add(part.messages)
            faults.add(part.faults)
            save(mark)

    def _parsed(self, form: Form, since: Mark) -> Iterator[tuple[Parsed, Mark]]:
        """Yield the parsed blocks of all sources of one form, in order, each with the mark after it."""
        sources = self.sources_of(form)

        def pieces() -> Iterator[tuple[int, int, Block]]:
            for k, source in enumerate(sources[since.source :], since.source):
                for n, block in enumerate(cutting.blocks(source, self.block, self.progress.advance), 1):
                    if k > since.source or n > since.blocks:
                        yield k, n, block

        def parse(piece: tuple[int, int, Block]) -> tuple[int, int, Parsed]:
            k, n, block = piece
            return k, n, parsing.parse(block, self.plans[block.source.name])

        reported = set(since.reported)
        for source in sources[since.source : since.source + 1]:
            source.records, source.fields, source.chars = since.records, copied(since.fields), since.chars
        at = since.source
        for k, n, parsed in self.engine.map(parse, pieces()):
            yield from _ends(sources[at:k], since.form, at)
            at, source = k, sources[k]
            source.records += parsed.records
            source.chars += parsed.chars
            merge(source.fields, parsed.fields)
            if parsed.faults.num_rows:
                reported = {each for each in reported if each[0] == source.name}
                parsed = parsed._replace(faults=once(parsed.faults, reported))
            yield (
                parsed,
                Mark(since.form, k, n, source.records, frozenset(reported), copied(source.fields), source.chars),
            )
        yield from _ends(sources[at:], since.form, at)

    def again(self, lines: Lines) -> Iterator[Batch]:
        """Read some lines again and yield them with their whole trees; faults were reported the first time."""
        for form, is_flat in self.forms:
            parsed = self._parsed_again(self.sources_of(form), lines)
            if is_flat and self.scattered:
                with Spill("tree_id", self.budget) as spill:
                    for part, _ in parsed:
                        spill.add(part.messages)
                    yield from trees.by_tree(spill.partitions(), FAULTS.empty_table(), form, self.block)
            else:
                marked = _in_order(trees.InOrder(form), parsed, START) if is_flat else _whole(form, parsed)
                yield from (batch for batch, _ in marked)

    def _parsed_again(self, sources: Iterable[Source], lines: Lines) -> Iterator[tuple[Parsed, Mark]]:
        def pieces() -> Iterator[tuple[Source, Stretch | Block]]:
            for source in sources:
                again = Source(source.path, source.name)  # a copy: the results of the first reading stay
                if source.name in lines and source.stretches:
                    yield from ((again, stretch) for stretch in cutting.stretches_with(source, lines[source.name]))
                elif source.name in lines:
                    yield from ((again, block) for block in cutting.blocks(again, self.block, again=True))

        def parse(piece: tuple[Source, Stretch | Block]) -> Parsed | None:
            source, where = piece
            block = cutting.block_at(source, where) if isinstance(where, Stretch) else where
            part = only(block, lines[source.name])
            return None if part is None else parsing.parse(part, self.plans[block.source.name])

        for parsed in self.engine.map(parse, pieces()):
            if parsed is not None:
                yield parsed, START


def _ends(sources: Sequence[Source], form: int, first: int) -> Iterator[tuple[Parsed, Mark]]:
    """Yield the faults that show only at the end of each source."""
    for number, source in enumerate(sources, first + 1):
        if (faults := unread_faults(source)).num_rows:
            yield Parsed(MESSAGES.empty_table(), faults, 0, {}, 0), Mark(form, number)


def unread_faults(source: Source) -> pa.Table:
    """Return the fields of a source, read to its end, whose text was not read, as FAULTS."""
    fields = list(unread(source.fields))
    n_chars = source.chars + sum(entry.chars for _, entry in fields)
    faults = []
    for path, entry in fields:
        words = summary(path, entry, source.records, n_chars)
        faults.append(Fault(FaultKind.UNREAD_TEXT, words, entry.first, entry.excerpt, field=path))
    return faults_table(faults, source.name)


def _whole(form: Form, parsed: Iterable[tuple[Parsed, Mark]]) -> _Marked:
    """Yield batches of records that are whole trees."""
    for part, mark in parsed:
        yield Batch(part.messages.combine_chunks(), form, part.faults), mark


def _in_order(trees: trees.InOrder, parsed: Iterable[tuple[Parsed, Mark]], mark: Mark) -> _Marked:
    """Yield batches of trees that follow one another."""
    for part, mark in parsed:
        if (batch := trees.add(part)) is not None:
            yield batch, mark._replace(held=trees.held)
    if (batch := trees.rest()) is not None:  # may contain only faults
        yield batch, mark._replace(held=None)


def _written(schema: pa.Schema | None) -> str | None:
    return None if schema is None else b64encode(schema.serialize()).decode()


def _schema(written: str | None) -> pa.Schema | None:
    return None if written is None else pa.ipc.read_schema(pa.py_buffer(b64decode(written)))


def once(faults: pa.Table, reported: set[tuple[str, str]]) -> pa.Table:
    """Drop faults of a file's line format that were reported before; add the others to `reported`."""
    keep = []
    for kind, source, detail in zip(*(faults[name].to_pylist() for name in ("kind", "source", "detail")), strict=True):
        keep.append(kind != FaultKind.LINE_FORMAT or (source, detail) not in reported)
        if kind == FaultKind.LINE_FORMAT:
            reported.add((source, detail))
    return faults.filter(pa.array(keep))
