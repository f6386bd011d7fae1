"""An audit under way: what it does, on this machine or on the workers of a cluster, and how far it is."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.memory_map import trim
from ...checks.base.check import ALL, Check, Result, Spread
from ...checks.base.findings import FINDINGS
from ...checks.base.large_tables import gathered
from ...checks.base.messages import FAULTS, Batch, Form
from ...reports.wording import count_of
from ..engines import engine
from ..reading.sources import START, Finished, Lines, Mark, Sources
from ..reading.trees import Scattered, by_tree
from ..storage.checkpoint import Journal
from ..storage.spill import Spill
from . import outcomes, quotes
from .conversations import joined
from .first_stage import Timed, again, judge, load, timed
from .order import Findings
from .state import Outcome, State

T = TypeVar("T")
R = TypeVar("R")

RELEASED = 1_000_000  # messages of an audit that needs the room, and beside which a second of loading again is nothing
SEEN_BUDGET = 8 << 20  # bytes in memory; small pieces kept for long would hold the memory between them


class Audit:
    """An audit under way."""

    def __init__(self, sources: Sources, checks: list[Check], journal: Journal, state: State) -> None:
        self.sources, self.checks, self.journal = sources, checks, journal
        self.engine, self.progress, self.budget = sources.engine, sources.progress, sources.budget
        # What needs no more than this process, whatever carries the rest.
        self._local: engine.Engine = engine.Serial() if self.engine.is_cluster else self.engine
        self._go_to(state)

    def _go_to(self, state: State) -> None:
        """Go to a moment of this audit, or to its beginning."""
        self.mark, self.parts = state.mark, list(state.parts)
        self.finished = list(state.sources)  # as workers of a cluster tell; else it follows from the mark
        self.sources.start(state.sources, scattered=state.scattered)
        self.outcomes = {check.name: state.outcomes.get(check.name, Outcome()) for check in self.checks}
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
        except Scattered as error:
            self.progress.say(f"{error}: starting over, with the trees gathered first")
            self.journal.clear()
            self._go_to(State(scattered=True))
            carry()
        self.mark = Mark(len(self.sources.forms))
        for check in self.checks:
            for number in range(self.outcomes[check.name].stages, len(check.stages())):
                trim()
                self.progress.step(f"{check.name}: over all files")
                self._carry_out(check, number)
                self.outcomes[check.name].stages += 1
                self._save()
            if sum(self.shape.values()) >= RELEASED:
                check.release()
        trim()

    def first_pass(self) -> None:
        """The first stages, in one pass over the data."""
        for number in range(self.mark.form, len(self.sources.forms)):
            # Of one form after the other: what is kept while the trees of one are gathered must know of all before.
            since, closed = Mark(number), None
            if self.mark.form == number:
                names = [source.name for source in self.sources.sources_of(self.sources.forms[number][0])]
                since, closed = self.mark, outcomes.trees_of(self.seen, names)
            self.take(self.sources.batches(self.journal, since, closed, self._save_at))

    def take(self, batches: Iterable[tuple[Batch, Mark]]) -> None:
        """The first stages over these batches."""
        deque(self._local.map(load, self.checks), 0)
        for judged, mark in self._local.map(partial(judge, self.checks), batches):
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
                whole.append(_Part(f"source {number}", (number,), Audit.first_pass))
        self._on_workers(whole)
        self._on_workers(scattered)
        for form in must_gather:
            messages, faults = self.sources.gathered(self.journal, form)
            judge = partial(_judge_gathered, form, tuple(messages.pieces), tuple(faults.pieces))
            shares = messages.shares
            self._on_workers([_Part(f"{form.name} {share.start}", (), partial(judge, share)) for share in shares])
        flat = [form for form, is_flat in self.sources.forms if is_flat and form not in must_gather]
        for form in flat:
            if tree := outcomes.split_tree(self.seen, [source.name for source in self.sources.sources_of(form)]):
                raise Scattered(f"tree {tree[:60]!r} stands in several files")

    def _on_workers(self, parts: Sequence["_Part"]) -> None:
        """Parts of the work on a cluster; those that an earlier run was done with are left out."""
        folder = self.journal.folder
        assert folder is not None
        work = partial(_on_worker, self.checks, self.sources.packed(), folder)
        for done in self.engine.map(work, [part for part in parts if part.name not in self.parts]):
            if done.scattered:
                raise Scattered(done.scattered)
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
            (table,) = list(tables) or [None]
            spread = None if table is None or not stage.spreads else self._spread(check, number, table)
            calls: Iterable[Iterable[Timed]] = [timed(stage, *stage.unpacked(table), spread=spread)]
        else:
            calls = self._local.map(lambda table: list(timed(stage, *stage.unpacked(table))), tables)
        for result, seconds in chain.from_iterable(calls):
            self._keep(check, number + 1, result, seconds)
            if isinstance(result, Result):
                self._amended(check).add(result.coverage)

    def _spread(self, check: Check, number: int, table: pa.Table) -> Spread:
        """Hands out what a stage over all of these rows may hand out; its time counts as that of the check."""
        stored = self.rows(check, number)
        if self.engine.is_cluster:
            stored.flush()
        there = partial(_stored, self.journal.folder, self._name(check, number), tuple(stored.pieces))
        rows = there if self.engine.is_cluster else lambda: table

        def spread(function: Callable[[pa.Table, T], R], items: Iterable[T]) -> Iterator[R]:
            for value, seconds, thread in self.engine.map(partial(_share, function, rows), items):
                if thread != threading.get_native_id():  # of this one all is counted
                    self._join(check.name, Outcome(seconds=seconds))
                yield value

        return spread

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
            self._join(check.name, Outcome(seconds=seconds, error=result))
            return
        given = list(result.notes), list(result.tables)
        self._join(check.name, Outcome(1, *given, seconds, labelled=result.labelled))
        self.found.add(result.findings)
        later = range(number, len(check.stages()))
        for name, table in result.rows.items():
            takers = [k for k in later if name in check.stages()[k].takes]
            if len(takers) != 1:
                fault = "no later stage takes" if not takers else "several stages take"
                self._join(check.name, Outcome(0, error=f"{fault} the rows {name!r}"))
                return
            try:
                packed = check.stages()[takers[0]].packed(name, table)
            except TypeError as error:
                self._join(check.name, Outcome(0, error=str(error)))
                return
            self.rows(check, takers[0]).add(packed)

    def _join(self, check: str, more: Outcome) -> None:
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
            trim()

    def state(self, finished: list[Finished]) -> State:
        """The moment that it is, when these sources are read."""
        return State(
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

    def messages(self) -> pa.Table:
        """All messages, with what became of them in the checks that finished."""
        failed = [name for name, outcome in self.outcomes.items() if outcome.error]
        amended = {c.name: list(self._amended(c).partitions()) for c in self.checks if c.name not in failed}
        parts = [table.drop_columns(failed) for table in self.seen.partitions()]
        return self._without_strays(outcomes.joined(parts, amended, self.sources.names))

    def _without_strays(self, messages: pa.Table) -> pa.Table:
        """Fail each check that reports a message which it did not count as checked; its column is dropped."""
        columns = ["check", "message_id", "source", "line"]
        found = pa.concat_tables(part.select(columns) for part in [FINDINGS.empty_table(), *self.found.partitions()])
        for check in self.checks:
            if self.outcomes[check.name].error:
                continue
            strays = outcomes.unchecked(found.filter(pc.equal(found["check"], check.name)), messages, check.name)
            if strays.num_rows:
                first = strays.slice(0, 1).to_pylist()[0]
                fault = (
                    f"reports {count_of(strays.num_rows, 'message')} that it did not count as checked, the first at "
                    f"{first['source']}:{first['line']}. Give their coverage as CHECKED"
                )
                self._join(check.name, Outcome(0, error=fault))
                messages = messages.drop_columns([check.name])
        return messages

    def told(self, messages: pa.Table) -> tuple[pa.Table, pa.Table]:
        """All findings of the checks that finished, in order, and THREADS around them.

        What later stages found is read again for its words, from just the lines where it stands. Of very many findings
        of a check, this is done for the worst alone: no page holds the others.
        """
        self.progress.step("putting the findings in order")
        failed = pa.array([name for name, outcome in self.outcomes.items() if outcome.error], pa.string())
        found = pa.concat_tables([FINDINGS.empty_table(), *self.found.partitions()])
        found = found.filter(pc.invert(pc.is_in(found["check"], value_set=failed))) if len(failed) else found
        findings = Findings(found, messages, self.sources.names)
        later, trees = findings.evidence()
        if later.num_rows:
            self.progress.step("reading again what findings tell of")
        wanted, about = quotes.wanted(later), set(quotes.subjects(later))
        told: dict[quotes.Key, quotes.Told] = {}
        conversations = list(self.threads.partitions())
        for more, around in self._local.map(partial(again, wanted, about), self.sources.again(self._lines(later))):
            told |= more
            conversations.append(around)
        trim()
        table = gathered(findings.parts(told), FINDINGS, found.nbytes)
        around = joined(conversations, self.sources.names, None if findings.shown.all() else trees)
        return table, around

    def _lines(self, findings: pa.Table) -> Lines:
        """The lines by source of all that these findings tell of, and of the whole trees that they are about."""
        lines: dict[str, set[int]] = {}
        for source, line, _ in quotes.wanted(findings):
            lines.setdefault(source, set()).add(line)
        trees = pc.unique(findings["tree_id"]).drop_null()
        for places in self.places.partitions():
            found = places.filter(pc.is_in(places["tree_id"], value_set=trees))
            for number, line in zip(found["source"].to_pylist(), found["line"].to_pylist(), strict=True):
                lines.setdefault(self.sources.names[number], set()).add(line)
        return {source: np.array(sorted(some), dtype=np.int64) for source, some in lines.items()}


def _share(function: Callable[[pa.Table, T], R], rows: Callable[[], pa.Table], item: T) -> tuple[R, float, int]:
    """What a function makes of all rows and an item, the processor seconds that it took, and in which thread."""
    began = time.thread_time()
    value = function(rows(), item)
    return value, time.thread_time() - began, threading.get_native_id()


class _Part(NamedTuple):
    """A part of the work that a worker does by itself: its rows go to files whose names begin with the part's."""

    name: str
    sources: tuple[int, ...]  # numbers of those that it reads
    do: Callable[["Audit"], None]


class _Done(NamedTuple):
    """What a worker made of a part."""

    part: str
    state: State
    pieces: dict[str, list[str]]  # files by the name of their rows
    scattered: str = ""  # why trees must be gathered first; the rest is empty then


def _on_worker(checks: list[Check], sources: Sources, folder: Path, part: _Part) -> _Done:
    with Journal(folder, f"{part.name} ") as journal:
        audit = Audit(sources.only(part.sources), checks, journal, State())
        try:
            part.do(audit)
        except Scattered as error:
            return _Done(part.name, State(), {}, str(error))
        finished = [Finished.of(audit.sources.files[number]) for number in part.sources]
        return _Done(part.name, audit.state(finished), journal.flushed())


def _stored(folder: Path | None, name: str, pieces: Sequence[str]) -> pa.Table:
    """All rows of a later stage that takes them in one call; none of them is read yet."""
    rows = Journal(folder).spill(name, None, 0).partition(0, pieces)
    assert rows is not None  # or there would be nothing to hand out
    return rows


def _gather(audit: Audit) -> None:
    for form, _ in audit.sources.forms:
        audit.sources.gather(audit.journal, form, START, lambda mark: None)


def _judge_gathered(form: Form, messages: Sequence[str], faults: Sequence[str], parts: range, audit: Audit) -> None:
    """Some partitions of trees that were gathered; all faults go with the first."""
    trees, told = audit.sources.gathered(audit.journal, form)
    tables = (table for part in parts if (table := trees.partition(part, messages)) is not None)
    faulty = told.partition(0, faults) if parts.start == 0 else None
    faulty = FAULTS.empty_table() if faulty is None else faulty
    audit.take((batch, START) for batch in by_tree(tables, faulty, form, audit.sources.block))


def _carry_out(check: str, number: int, pieces: Sequence[str], parts: range, audit: Audit) -> None:
    """Some partitions of the rows of a later stage."""
    (which,) = (each for each in audit.checks if each.name == check)
    rows = audit.rows(which, number)
    tables = (table for part in parts if (table := rows.partition(part, pieces)) is not None)
    audit.carry_out(which, number, tables)
