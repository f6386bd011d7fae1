"""View of a record for a page: sorted and worded, so that a template has only to loop and print."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...checks.base.arrow.columns import BoolArray, as_bools
from ...checks.base.check import Method, Table
from ...checks.base.faults import Use
from ...checks.base.findings import CHECKED, ERROR, NOTE, SEVERITIES, WARNING
from ..baseline import Baseline
from ..counts import CheckCounts, Counts, Line
from ..description import Overview, overview
from ..gate import Verdict
from ..rates import accuracy_here, corrected_rate, estimated
from ..record import RECORD, CheckFacts, Record, SourceFacts
from ..unread import on_one_line, passed_over, unread_fields, unread_lines, unread_words
from ..wording import (
    UNDECLARED,
    confidence,
    count_of,
    interval,
    leading,
    number,
    percent,
    renaming,
    sentence,
    setting,
    size,
    subject,
    visible,
)
from .drawing import Chart
from .figures import by_language, figures, named_tables
from .found import Found

SHOWN_ROWS = 20  # of a table; all of them are in the record
SHOWN_LINES = 100  # files, and languages
SHOWN_PARTS = 12  # of them before others are unfolded
SHOWN_FIELDS = 20  # of a file
SHOWN_OPEN = 5  # files of which unread fields are shown without a click
REASONS = 3  # rules that the verdict names, and reasons to skip a message that a check names

# Of a check and of the audit, the worst first. An idle check says nothing, so any other state outweighs it.
STATES = ("failed", "error", "warning", "note", "clean", "idle")
MARKS = {"idle": "did not run"}  # of a state, where its name is not the word
VERDICTS = {
    "failed": "Incomplete",
    "error": "Errors found",
    "warning": "Warnings, no errors",
    "note": "Notes only",
    "clean": "No problems found",
    "idle": "Nothing checked",
}


@dataclass(frozen=True)
class RateView:
    """A share of messages with its 95 % interval; for a bar, in percent of the widest of the page."""

    flagged: str
    checked: str
    share: str
    interval: str
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class RuleView:
    """One rule that was broken, with its findings of one severity."""

    id: str
    name: str
    title: str
    severity: str
    advice: str
    count: str
    first: str  # the summary of the first finding
    fingerprint: str  # of the first finding
    example: str  # a conversation that breaks the rule; empty: none is recorded
    neighbour: str  # a similar one that does not


@dataclass(frozen=True)
class TableView:
    """Figures of a check beside its findings."""

    name: str
    about: str
    columns: tuple[tuple[str, bool], ...]  # name, whether it contains numbers
    rows: tuple[tuple[str, ...], ...]
    left_out: str  # empty where all are shown


@dataclass(frozen=True)
class CheckView:
    """One check: what it checked, what it found, how it was set."""

    name: str
    about: str
    state: str  # one of STATES
    mark: str  # the word for it
    rate: RateView | None  # None: it checked no message, or did not finish
    headline: str
    error: str  # empty where it finished
    checked: str
    skipped: tuple[tuple[str, str], ...]  # reason, messages; the most frequent first
    n_skipped: str
    out_of_scope: frozenset[str]  # reasons that name the role of all messages they were given for
    counts: tuple[tuple[str, str], ...]  # severity, findings
    rules: tuple[RuleView, ...]  # those with findings, the worst first
    kept: tuple[str, ...]  # titles of rules without a finding
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[TableView, ...]
    seconds: str
    measurement: Method
    corrected: str  # the rate without the errors of the check, with its interval; empty where it is not known
    accuracy: str  # how often the check is right; empty where nothing is known
    baseline: str  # empty where there is none

    @property
    def why_skipped(self) -> str:
        """The most frequent reasons to skip a message; with numbers, where there are several."""
        if len(self.skipped) == 1:
            return self.skipped[0][0]
        ordered = sorted(self.skipped, key=lambda each: each[0] not in self.out_of_scope)
        shown = leading(ordered, REASONS)
        more = [f"{len(ordered) - len(shown)} other reasons"] if len(ordered) > len(shown) else []
        words = [f"{why} ({n}{', out of scope' if why in self.out_of_scope else ''})" for why, n in shown]
        return "; ".join([*words, *more])

    @property
    def is_passed(self) -> bool:
        """Whether it finished, checked a message, and found no more than notes."""
        return self.state in ("note", "clean") and self.rate is not None


@dataclass(frozen=True)
class FieldsView:
    """Fields of a file, by the use of their texts."""

    words: str  # how many fields were read and were not
    is_open: bool  # whether it is shown at first
    unread: tuple[tuple[str, str, str], ...]  # field, records with text that was not read, share of the characters
    read: tuple[str, ...]
    known: tuple[str, ...]  # with texts that belong to no message
    left_out: str  # empty where all fields are shown


@dataclass(frozen=True)
class SourceView:
    """One file that was read."""

    name: str
    format: str
    records: str
    size: str
    sha256: str
    fields: FieldsView | None  # None: it has no text


@dataclass(frozen=True)
class Page:
    """All of the report but single findings."""

    title: str
    state: str  # one of STATES
    verdict: str
    headline: str  # how many findings, by severity
    reasons: tuple[str, ...]  # why the verdict is what it is
    problems: tuple[str, ...]  # why the audit is not complete
    size: str  # of what was audited, in one line
    facts: tuple[tuple[str, str], ...]
    baseline: str  # empty where there is none
    gate: Verdict | None  # None: nothing was limited
    sources: tuple[SourceView, ...]
    passed_over: str  # files of folders that were not read, in one line; empty where there are none
    beyond: str  # which files and languages are not shown; empty where all are
    checks: tuple[CheckView, ...]
    overview: tuple[Overview, ...]  # what the data consist of
    shown_parts: int  # rows of a table of the overview that are open
    charts: tuple[Chart, ...]
    nothing: str  # shown where there is no finding
    made_by: str
    is_redacted: bool


def page(record: Record, baseline: Baseline | None = None, gate: Verdict | None = None) -> Page:
    """Return the page of a record: incomplete parts first, then the worst.

    With a `baseline`, findings are counted as new, known and fixed; with a `gate`, its verdict comes first.
    """
    facts, counts = record.facts, Counts(record)
    found = Found(counts.population, None if baseline is None else baseline.is_new(record.table))
    widest = max((check.rate.clustered[1] for check in counts.checks if check.rate.checked), default=1.0)
    checks = [_check(record, check, found, widest, baseline) for check in counts.checks]
    checks.sort(key=lambda check: (STATES.index(check.state), check.name))
    problems = tuple(facts.problems)
    languages = by_language(facts)
    state = "failed" if problems else min((c.state for c in checks), key=STATES.index, default="idle")
    return Page(
        title=facts.title,
        state=state,
        verdict=VERDICTS[state],
        headline=_headline(counts, bool(problems)),
        reasons=_reasons(counts),
        problems=problems,
        size=f"{count_of(counts.messages, 'message')} in {count_of(counts.trees, 'tree')}, "
        f"{count_of(counts.files, 'file')}, {facts.seconds:.1f} s",
        facts=(
            ("messages", number(counts.messages)),
            ("trees", number(counts.trees)),
            ("languages", number(len([tag for tag, _ in languages if tag != UNDECLARED]))),
            ("files", number(counts.files)),
            ("audited", _when(facts.started)),
            ("took", f"{facts.seconds:.1f} s"),
            ("chataudit", facts.chataudit),
            *([("SHA-256", _shortened(facts.sources[0].sha256))] if len(facts.sources) == 1 else []),
        ),
        baseline=f"Compared with the audit of {_when(baseline.started)}." if baseline else "",
        gate=gate,
        sources=tuple(
            SourceView(facts.file_names[s.name], f"{s.format}: {visible(s.reason)}" if s.format else "not recognised",
                       number(s.records), size(s.n_bytes), s.sha256, _fields(s, is_first=k < SHOWN_OPEN))
            for k, s in enumerate(facts.sources[:SHOWN_LINES])
        ),
        passed_over=f"Not read: {files}." if (files := passed_over(facts)) else "",
        beyond=f"The first {SHOWN_LINES} of {count_of(counts.files, 'file')} and "
        f"{count_of(len(languages), 'language')} are shown; {RECORD} has all."
        if max(counts.files, len(languages)) > SHOWN_LINES else "",
        checks=tuple(checks),
        overview=tuple(each._replace(lines=each.lines[:SHOWN_LINES]) for each in overview(facts.description)),
        shown_parts=SHOWN_PARTS,
        charts=figures(facts, found),
        nothing="No findings." if any(check.rate for check in checks) else "No message was checked: no findings.",
        made_by=f"chataudit {facts.chataudit}, Python {facts.python}, "
        + ", ".join(f"{name} {version}" for name, version in facts.dependencies.items()),
        is_redacted=facts.is_redacted,
    )  # fmt: skip


def _fields(source: SourceFacts, *, is_first: bool) -> FieldsView | None:
    unread = unread_fields(source)
    read, known = ([on_one_line(f.path) for f in source.fields if f.use == use] for use in (Use.READ, Use.KNOWN))
    parts = [unread_words(len(unread))] if unread else []
    parts += [f"{count_of(len(read), 'field')} with text {'was' if len(read) == 1 else 'were'} read"] if read else []
    rest = sum(max(0, len(fields) - SHOWN_FIELDS) for fields in (unread, read, known))
    if not (unread or read or known):
        return None
    return FieldsView(
        words="; ".join(parts) or "no text was read",
        is_open=bool(unread) and is_first,
        unread=tuple((f.path, number(f.records), percent(f.share)) for f in unread[:SHOWN_FIELDS]),
        read=tuple(read[:SHOWN_FIELDS]),
        known=tuple(known[:SHOWN_FIELDS]),
        left_out=f"{number(rest)} more in {RECORD}" if rest else "",
    )


def _shortened(sha256: str) -> str:
    return f"{sha256[:16]}…" if sha256 else "not read to the end"


def _when(started: str) -> str:
    return started.replace("T", " ").replace("+00:00", " UTC")


def _headline(counts: Counts, incomplete: bool) -> str:
    if incomplete and not counts.messages and not counts.findings:
        return "No message could be read"
    if incomplete:
        return f"{counts.findings or 'No findings'} in what could be audited"
    if counts.findings:
        return counts.findings
    if not counts.rate.checked:
        return "No message was checked"
    return f"No findings in {count_of(counts.rate.checked, 'checked message')}"


def _reasons(counts: Counts) -> tuple[str, ...]:
    """Return how much of the data is flagged, by which rules above all, and which checks say nothing."""
    reasons = []
    rate, lines = counts.rate, counts.lines
    if rate.flagged:
        n_errors, n_warnings = counts.worst[ERROR], counts.worst[WARNING]
        worst = [f"{number(n_errors)} with errors"] if n_errors else []
        worst += [f"{number(n_warnings)} with warnings only"] if n_warnings else []
        verb = "has" if rate.flagged == 1 else "have"
        reasons.append(
            f"{number(rate.flagged)} of {count_of(rate.checked, 'message')} "
            f"({percent(rate.share)}, {confidence(*rate.clustered)}) {verb} a warning or an error: {', '.join(worst)}"
        )
    reasons += [*counts.gaps, *unread_lines(counts.record.facts)]
    reasons += [line.words for line in ([line for line in lines if line.severity > NOTE] or lines)[:REASONS]]
    if not lines and rate.checked:
        highest = max(check.rate.clustered[1] for check in counts.checks if check.rate.checked)
        reasons.append(
            f"True rates of up to {percent(highest)} are still compatible with this sample (upper end of the widest "
            "95 % CI of a check)"
        )
    return tuple(reasons)


def _check(record: Record, counts: CheckCounts, found: Found, widest: float, baseline: Baseline | None) -> CheckView:
    facts, named = counts.facts, renaming(record.facts.file_names)
    some = found.population.of(facts.name, NOTE)
    state = "failed" if facts.error else "idle" if counts.is_idle else SEVERITIES.get(counts.worst or 0, "clean")
    broken = {line.rule.id for line in counts.lines}
    return CheckView(
        name=facts.name,
        about=sentence(subject(facts.about)),
        state=state,
        mark=MARKS.get(state, state),
        rate=_rate(counts, widest) if counts.rate.checked else None,
        headline=counts.outcome,
        error=visible(facts.error or ""),
        checked=number(counts.rate.checked),
        skipped=tuple((visible(reason), number(n)) for reason, n in counts.skipped),
        n_skipped=number(counts.n_skipped),
        out_of_scope=_out_of_scope(facts),
        counts=tuple((SEVERITIES[level], number(n)) for level, n in counts.severities.items()),
        rules=tuple(_rule(line, found, named) for line in counts.lines),
        kept=tuple(rule.title for rule in facts.rules if rule.id not in broken),
        notes=tuple(sentence(visible(named(note))) for note in facts.notes),
        tables=tuple(_table(table, name, named) for name, table in named_tables(facts)),
        settings=tuple((name, visible(setting(value))) for name, value in facts.settings.items()),
        seconds=f"{facts.seconds:.2f}",
        measurement=facts.measurement,
        corrected=estimated(corrected_rate(record, facts, counts.rate)) if counts.rate.checked else "",
        accuracy=" ".join(filter(None, (accuracy_here(record, facts), facts.measurement.sure))),
        baseline=_since(baseline, facts.name, found, some) if baseline and not facts.error else "",
    )


def _out_of_scope(facts: CheckFacts) -> frozenset[str]:
    """Return the reasons to skip a role that the check never checks, such as `system message`."""
    roles: dict[str, set[str | None]] = {}
    for count in facts.coverage:
        roles.setdefault(count.outcome, set()).add(count.role)
    checked = roles.pop(CHECKED, set())
    return frozenset(
        visible(reason)
        for reason, (role, *others) in roles.items()
        if not others and role not in checked and reason.partition(" ")[0] == role
    )


def _rate(counts: CheckCounts, widest: float) -> RateView:
    rate = counts.rate
    return RateView(
        flagged=number(rate.flagged),
        checked=number(rate.checked),
        share=percent(rate.share),
        interval=interval(*rate.clustered),
        at=round(100 * rate.share / widest, 2),
        low=round(100 * rate.clustered[0] / widest, 2),
        high=round(100 * rate.clustered[1] / widest, 2),
    )


def _since(baseline: Baseline, check: str, found: Found, some: BoolArray) -> str:
    """Return how many findings of a check are new, known and fixed."""
    if check not in baseline.n_findings:
        return "not in the baseline"
    assert found.is_new is not None
    new = int(np.count_nonzero(as_bools(found.is_new)[some]))
    known = int(np.count_nonzero(some)) - new
    fixed = baseline.n_findings[check] - known
    return f"{number(new)} new, {number(known)} known, {number(fixed)} fixed since the baseline"


def _rule(line: Line, found: Found, named: Callable[[str], str]) -> RuleView:
    (first,) = found.table.select(["summary", "fingerprint"]).slice(line.first, 1).to_pylist()
    rule = line.rule
    return RuleView(
        id=rule.id,
        name=rule.id.partition("/")[2],
        title=rule.title,
        severity=line.level,
        advice=rule.advice,
        count=number(line.findings),
        first=visible(named(first["summary"])),
        fingerprint=first["fingerprint"],
        example="\n".join(map(visible, rule.example)),
        neighbour="\n".join(map(visible, rule.neighbour)),
    )


def _table(table: Table, name: str, named: Callable[[str], str]) -> TableView:
    numeric = [all(isinstance(row[k], int | float) for row in table.rows) for k in range(len(table.columns))]
    rest = len(table.rows) - SHOWN_ROWS
    return TableView(
        name=name,
        about=table.about,
        columns=tuple(zip(table.columns, numeric, strict=True)),
        rows=tuple(
            tuple(number(cell) if isinstance(cell, int) else visible(named(str(cell))) for cell in row)
            for row in table.rows[:SHOWN_ROWS]
        ),
        left_out=f"{number(rest)} more in {RECORD}" if rest > 0 else "",
    )
