"""Parts of an audit on the workers of a cluster: whole sources, gathered trees, partitions of a shuffle."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ...checks.base.check import Check
from ...checks.base.messages import FAULTS, Form
from ..reading.sources import START, Finished, Sources
from ..reading.trees import Scattered, by_tree
from ..storage.checkpoint import Journal
from ..storage.spill import Spill
from . import outcomes
from .stages import Audit
from .state import State


class _Task(NamedTuple):
    """A part of the work that a worker does by itself; its rows go to files whose names begin with the part's."""

    name: str
    sources: tuple[int, ...]  # numbers of those that it reads
    do: Callable[[Audit], None]


class _TaskResult(NamedTuple):
    """What a worker made of a part."""

    part: str
    state: State
    pieces: dict[str, list[str]]  # files by the name of their rows
    scattered: str = ""  # why trees must be gathered first; the rest is empty then


def first_pass(audit: Audit) -> None:
    """Run the first stages, one source a task; where trees are scattered, gather them first, one partition a task."""
    sources = audit.sources
    must_gather = [form for form, is_flat in sources.forms if is_flat and sources.scattered]
    whole, scattered = [], []
    for number, source in enumerate(sources.files):
        if (plan := sources.plans.get(source.name)) is None:
            continue
        if plan.format.form in must_gather:
            scattered.append(_Task(f"source {number}", (number,), _gather))
        else:
            whole.append(_Task(f"source {number}", (number,), Audit.first_pass))
    _hand_out(audit, whole)
    _hand_out(audit, scattered)
    for form in must_gather:
        messages, faults = sources.gathered(audit.journal, form)
        take = partial(_take_gathered, form, tuple(messages.pieces), tuple(faults.pieces))
        _hand_out(audit, [_Task(f"{form.name} {share.start}", (), partial(take, share)) for share in messages.shares])
    for form in [form for form, is_flat in sources.forms if is_flat and form not in must_gather]:
        names = [source.name for source in sources.sources_of(form)]
        if tree := outcomes.split_tree(audit.tally.messages, names):
            raise Scattered(f"tree {tree[:60]!r} is in several files")


def carry_out(audit: Audit, check: Check, number: int, rows: Spill) -> None:
    """Run a later stage of a check, some partitions of its rows a task."""
    rows.flush()
    name, stage = audit.tally.name(check, number), partial(_carry_out, check.name, number, tuple(rows.pieces))
    _hand_out(audit, [_Task(f"{name} {share.start}", (), partial(stage, share)) for share in rows.shares])


def _hand_out(audit: Audit, parts: Sequence[_Task]) -> None:
    """Have workers do these parts; those that an earlier run finished are left out."""
    folder = audit.journal.folder
    assert folder is not None
    work = partial(_on_worker, audit.checks, audit.sources.packed(), folder)
    for done in audit.engine.map(work, [part for part in parts if part.name not in audit.parts]):
        if done.scattered:
            raise Scattered(done.scattered)
        audit.parts.append(done.part)
        audit.journal.adopt(done.pieces)
        audit.finished += done.state.sources
        audit.progress.advance(sum(source.n_bytes for source in audit.sources.learn(done.state.sources)))
        audit.tally.add_state(done.state)
        audit.save()


def _on_worker(checks: list[Check], sources: Sources, folder: Path, part: _Task) -> _TaskResult:
    with Journal(folder, f"{part.name} ") as journal:
        audit = Audit(sources.only(part.sources), checks, journal, State())
        try:
            part.do(audit)
        except Scattered as error:
            return _TaskResult(part.name, State(), {}, str(error))
        finished = [Finished.of(audit.sources.files[number]) for number in part.sources]
        return _TaskResult(part.name, audit.state(finished), journal.flushed())


def _gather(audit: Audit) -> None:
    for form, _ in audit.sources.forms:
        audit.sources.gather(audit.journal, form, START, lambda mark: None)


def _take_gathered(form: Form, messages: Sequence[str], faults: Sequence[str], parts: range, audit: Audit) -> None:
    """Run the first stages on some partitions of gathered trees; all faults go with the first."""
    trees, reported = audit.sources.gathered(audit.journal, form)
    tables = (table for part in parts if (table := trees.partition(part, messages)) is not None)
    faulty = reported.partition(0, faults) if parts.start == 0 else None
    faulty = FAULTS.empty_table() if faulty is None else faulty
    audit.take((batch, START) for batch in by_tree(tables, faulty, form, audit.sources.block))


def _carry_out(check: str, number: int, pieces: Sequence[str], parts: range, audit: Audit) -> None:
    """Run a later stage on some partitions of its rows."""
    (which,) = (each for each in audit.checks if each.name == check)
    rows = audit.tally.rows(which, number)
    tables = (table for part in parts if (table := rows.partition(part, pieces)) is not None)
    audit.carry_out(which, number, tables)
