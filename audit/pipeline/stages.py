"""A running audit: the first stages in one pass over the data, then the later stages of each check."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from ...checks.base.arrow.memory_map import trim
from ...checks.base.check import ALL, Check, Result, Spread
from ...checks.base.messages import Batch
from ..engines import engine
from ..reading.sources import Finished, Mark, Sources
from ..storage.checkpoint import Journal
from . import outcomes
from .first_stage import Timed, load_early, run_first_stages, timed
from .state import Outcome, State
from .tally import Tally

T = TypeVar("T")
R = TypeVar("R")


class Audit:
    """A running audit, or the part of one that a worker of a cluster carries out."""

    def __init__(self, sources: Sources, checks: list[Check], journal: Journal, state: State) -> None:
        self.sources, self.checks, self.journal = sources, checks, journal
        self.engine, self.progress, self.budget = sources.engine, sources.progress, sources.budget
        # Carries what needs only this process, whatever carries the rest.
        self.local: engine.Engine = engine.Serial() if self.engine.is_cluster else self.engine
        self.go_to(state)

    def go_to(self, state: State) -> None:
        """Go back to a checkpoint of this audit, or to its beginning."""
        self.mark, self.parts = state.mark, list(state.parts)
        self.finished = list(state.sources)  # as workers of a cluster report; else it follows from the mark
        self.sources.start(state.sources, scattered=state.scattered)
        self.tally = Tally(self.checks, self.journal, self.budget, self.progress, state)

    def first_pass(self) -> None:
        """Run the first stages in one pass over the data."""
        for number in range(self.mark.form, len(self.sources.forms)):
            # One form after another: to gather the trees of a form, it must be known which of them are closed.
            since, closed = Mark(number), None
            if self.mark.form == number:
                names = [source.name for source in self.sources.sources_of(self.sources.forms[number][0])]
                since, closed = self.mark, outcomes.trees_of(self.tally.messages, names)
            self.take(self.sources.batches(self.journal, since, closed, self.save_at))

    def take(self, batches: Iterable[tuple[Batch, Mark]]) -> None:
        """Run the first stages on these batches."""
        deque(self.local.map(load_early, self.checks), 0)
        for first, mark in self.local.map(partial(run_first_stages, self.checks), batches):
            self.tally.add_first(first, self.sources.names)
            self.save_at(mark)

    def carry_out(self, check: Check, number: int, tables: Iterable[pa.Table]) -> None:
        """Run a later stage of a check on some of its rows, or on all of them where it takes all in one call."""
        stage = check.stages()[number]
        if stage.by == ALL:  # its parts are kept as they come
            (table,) = list(tables) or [None]
            spread = None if table is None or not stage.spreads else self._spread(check, number, table)
            calls: Iterable[Iterable[Timed]] = [timed(stage, *stage.unpacked(table), spread=spread)]
        else:
            calls = self.local.map(lambda table: list(timed(stage, *stage.unpacked(table))), tables)
        for result, seconds in chain.from_iterable(calls):
            self.tally.add(check, number + 1, result, seconds)
            if isinstance(result, Result):
                self.tally.coverage(check).add(result.coverage)

    def _spread(self, check: Check, number: int, table: pa.Table) -> Spread:
        """Return what hands out the work of a stage over all rows; its time counts as that of the check."""
        stored = self.tally.rows(check, number)
        if self.engine.is_cluster:
            stored.flush()
        there = partial(_stored, self.journal.folder, self.tally.name(check, number), tuple(stored.pieces))
        rows = there if self.engine.is_cluster else lambda: table

        def spread(function: Callable[[pa.Table, T], R], items: Iterable[T]) -> Iterator[R]:
            for value, seconds, thread in self.engine.map(partial(_share, function, rows), items):
                if thread != threading.get_native_id():  # the time of this one is counted as a whole
                    self.tally.join(check.name, Outcome(seconds=seconds))
                yield value

        return spread

    def save_at(self, mark: Mark) -> None:
        """Save everything up to this mark if a checkpoint is due."""
        self.mark = mark
        self.save()

    def save(self) -> None:
        """Save what is done if a checkpoint is due."""
        if self.journal.is_due():
            finished = self.finished if self.engine.is_cluster else self.sources.finished(self.mark)
            self.journal.save(self.state(finished))
            trim()

    def state(self, finished: list[Finished]) -> State:
        """Return the state in which these sources are read."""
        state = self.tally.state()
        state.mark, state.parts, state.sources = self.mark, self.parts, finished
        state.scattered = self.sources.scattered
        return state


def _share(function: Callable[[pa.Table, T], R], rows: Callable[[], pa.Table], item: T) -> tuple[R, float, int]:
    """Apply a function to all rows and an item; return its value, its processor seconds, and its thread."""
    began = time.thread_time()
    value = function(rows(), item)
    return value, time.thread_time() - began, threading.get_native_id()


def _stored(folder: Path | None, name: str, pieces: Sequence[str]) -> pa.Table:
    """Return all rows of a later stage that takes them in one call, mapped from disk and not read yet."""
    rows = Journal(folder).spill(name, None, 0).partition(0, pieces)
    assert rows is not None  # or there would be nothing to hand out
    return rows
