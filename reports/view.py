"""A record as a page: counted, sorted and worded, so that a template has only to loop and print."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.check import Method, Table
from ..checks.base.findings import ERROR, NOTE, SEVERITIES, WARNING
from ..checks.base.messages import micros_of
from . import charts
from .baseline import Baseline
from .gate import Verdict
from .rates import Population
from .record import RECORD, CheckFacts, Facts, Record, RuleFacts
from .words import count_of, interval, listed, number, percent, size, visible

SLUG = re.compile("[^a-z0-9]+")  # what is not for an id of an element
SHOWN_ROWS = 20  # of a table; all of them are in the record
SHOWN_LINES = 100  # files, and languages
REASONS = 3  # rules that the verdict names

STATES = ("failed", "error", "warning", "note", "clean")  # of a check and of the audit, the worst first
VERDICTS = {
    "failed": "Incomplete",
    "error": "Errors found",
    "warning": "Warnings, no errors",
    "note": "Notes only",
    "clean": "Nothing found",
}


@dataclass(frozen=True)
class RateView:
    """A share of messages with its 95 % interval by trees; for a bar, in percent of the widest of the page."""

    flagged: str
    judged: str
    share: str
    interval: str
    at: float
    low: float
    high: float


@dataclass(frozen=True)
class RuleView:
    """One rule that was broken."""

    id: str
    name: str
    title: str
    severity: str
    advice: str
    count: str
    example: str  # what the first finding says
    fingerprint: str  # of the first finding


@dataclass(frozen=True)
class TableView:
    """Figures beside the findings."""

    name: str
    about: str
    columns: tuple[tuple[str, bool], ...]  # name, whether it holds numbers
    rows: tuple[tuple[str, ...], ...]
    left_out: str  # empty where all are shown


@dataclass(frozen=True)
class CheckView:
    """One check: what it looked at, what it found, how it was set."""

    name: str
    about: str
    state: str  # one of STATES: the worst that is to be told
    rate: RateView | None  # None: it judged nothing, or did not finish
    headline: str
    error: str  # empty where it finished
    judged: str
    skipped: tuple[tuple[str, str], ...]  # reason, messages; the most frequent first
    n_skipped: str
    counts: tuple[tuple[str, str], ...]  # severity, findings
    rules: tuple[RuleView, ...]  # broken ones, the worst first
    kept: tuple[str, ...]  # titles of those that nothing broke
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[TableView, ...]
    seconds: str
    measurement: Method
    baseline: str  # empty where there is none

    @property
    def is_passed(self) -> bool:
        """Whether it finished, judged something, and found no more than notes."""
        return self.state in ("note", "clean") and self.rate is not None


@dataclass(frozen=True)
class SourceView:
    """One file that was read."""

    name: str
    format: str
    records: str
    size: str
    sha256: str


@dataclass(frozen=True)
class Page:
    """All that the report says but for single findings."""

    title: str
    state: str  # one of STATES
    verdict: str
    headline: str  # how many findings
    reasons: tuple[str, ...]  # why the verdict is what it is
    problems: tuple[str, ...]  # why the audit is not complete
    size: str  # of what was audited, in one line
    facts: tuple[tuple[str, str], ...]
    baseline: str  # empty where there is none
    gate: Verdict | None  # None: nothing was limited
    languages: tuple[tuple[str, str, str], ...]  # tag, messages, share
    sources: tuple[SourceView, ...]
    beyond: str  # of files and languages, what is not shown; empty where all are
    checks: tuple[CheckView, ...]
    charts: tuple[charts.Chart, ...]
    nothing: str  # what to say where there is no finding
    made_by: str
    is_redacted: bool


def page(record: Record, baseline: Baseline | None = None, gate: Verdict | None = None) -> Page:
    """The page of a record: incomplete parts first, then the worst.

    Where there is a `baseline`, findings are counted as new, known and gone; where a `gate` decided, so it says.
    """
    facts, table = record.facts, record.table
    population = Population(record.messages, table)
    rates, severity = _rates(facts, population), worst(table)
    checks = [_check(c, table, rates.get(c.name), severity, baseline) for c in facts.checks]
    checks.sort(key=lambda check: (STATES.index(check.state), check.name))
    problems = tuple(facts.problems)
    languages = by_language(facts)
    state = "failed" if problems else min((c.state for c in checks), key=STATES.index, default="clean")
    return Page(
        title=facts.title,
        state=state,
        verdict=VERDICTS[state],
        headline=_headline(table, bool(problems)),
        reasons=_reasons(facts, population, checks, severity),
        problems=problems,
        size=f"{count_of(facts.messages, 'message')} in {count_of(facts.trees, 'tree')}, "
        f"{count_of(len(facts.sources), 'file')}, {facts.seconds:.1f} s",
        facts=(
            ("messages", number(facts.messages)),
            ("trees", number(facts.trees)),
            ("languages", number(len([tag for tag, _ in languages if tag != UNDECLARED]))),
            ("files", number(len(facts.sources))),
            ("audited", _when(facts.started)),
            ("took", f"{facts.seconds:.1f} s"),
            ("chataudit", facts.chataudit),
            *([("SHA-256", facts.sources[0].sha256[:16] or "not read to the end")] if len(facts.sources) == 1 else []),
        ),
        baseline=f"Held against the audit of {_when(baseline.started)}." if baseline else "",
        gate=gate,
        languages=tuple(
            (tag, number(n), f"{n / max(1, facts.messages):.1%}") for tag, n in languages[:SHOWN_LINES]
        ),
        sources=tuple(
            SourceView(visible(s.name), f"{s.format}: {visible(s.reason)}" if s.format else "not recognised",
                       number(s.records), size(s.n_bytes), s.sha256)
            for s in facts.sources[:SHOWN_LINES]
        ),
        beyond=f"Of {count_of(len(facts.sources), 'file')} and {count_of(len(languages), 'language')} the first "
        f"{SHOWN_LINES} are shown; {RECORD} has all." if max(len(facts.sources), len(languages)) > SHOWN_LINES else "",
        checks=tuple(checks),
        charts=_charts(record),
        nothing="Nothing was found." if rates else "Nothing was looked at, so nothing was found.",
        made_by=f"chataudit {facts.chataudit}, Python {facts.python}, "
        + ", ".join(f"{name} {version}" for name, version in facts.dependencies.items()),
        is_redacted=facts.is_redacted,
    )  # fmt: skip


UNDECLARED = "not declared"


def _when(started: str) -> str:
    return started.replace("T", " ").replace("+00:00", " UTC")


def _headline(findings: pa.Table, incomplete: bool) -> str:
    counts = _severities(findings)
    told = [count_of(n, SEVERITIES[s]) for s, n in counts if n]
    words = f"{listed(told)} found" if told else "nothing found"
    words = f"{words} in what could be audited" if incomplete else words
    return words[0].upper() + words[1:]


def _reasons(
    facts: Facts, population: Population, checks: list[CheckView], severity: Mapping[str, int]
) -> tuple[str, ...]:
    """How much of the data is touched, and by what above all."""
    reasons = []
    rate = population.rate(None, population.of(None, WARNING), population.among())
    if rate.flagged:
        reasons.append(
            f"{number(rate.flagged)} of {number(rate.judged)} messages have an error or a warning: "
            f"{percent(rate.share)} (95% interval {interval(*rate.clustered)})"
        )
    bad = broken([rule for check in facts.checks for rule in check.rules], severity)
    worst = [rule for rule in bad if severity[rule.id] > NOTE] or bad
    reasons += [
        f"{number(rule.findings)} × {rule.title} ({SEVERITIES[severity[rule.id]]}, {rule.id.partition('/')[0]})"
        for rule in worst[:REASONS]
    ]
    if not bad:
        looked = [check.name for check in checks if check.rate is not None]
        reasons.append(
            f"{listed(looked)} found nothing; the intervals below say what they may have missed by chance"
            if looked
            else "No check judged a message"
        )
    return tuple(reasons)


def worst(findings: pa.Table) -> dict[str, int]:
    """How bad the worst finding of each rule is: a setting, or the case, may make it milder than its rule."""
    grouped = findings.group_by("rule", use_threads=False).aggregate([("severity", "max")])
    return {row["rule"]: row["severity_max"] for row in grouped.to_pylist()}


def broken(rules: Sequence[RuleFacts], severity: Mapping[str, int]) -> list[RuleFacts]:
    """Those that were broken, the worst first, then the most frequent."""
    broken = [rule for rule in rules if rule.id in severity]
    return sorted(broken, key=lambda rule: (-severity[rule.id], -rule.findings, rule.id))


def _severities(findings: pa.Table) -> list[tuple[int, int]]:
    found = {row["values"]: row["counts"] for row in pc.value_counts(findings["severity"]).to_pylist()}
    return [(severity, found.get(severity, 0)) for severity in range(ERROR, NOTE - 1, -1)]


def _bad(findings: pa.Table) -> pa.Table:
    """Those that are more than notes."""
    return findings.filter(pc.greater(findings["severity"], NOTE))


def _rates(facts: Facts, population: Population) -> dict[str, RateView]:
    """The rate of each check that finished and judged a message."""
    told = {
        check.name: population.rate(check.name, population.of(check.name, WARNING), population.among())
        for check in facts.checks
        if check.judged and not check.error
    }
    widest = max((rate.clustered[1] for rate in told.values()), default=1.0)
    return {
        name: RateView(
            flagged=number(rate.flagged),
            judged=number(rate.judged),
            share=percent(rate.share),
            interval=interval(*rate.clustered),
            at=round(100 * rate.share / widest, 2),
            low=round(100 * rate.clustered[0] / widest, 2),
            high=round(100 * rate.clustered[1] / widest, 2),
        )
        for name, rate in told.items()
    }


def _check(
    facts: CheckFacts, table: pa.Table, rate: RateView | None, severity: Mapping[str, int], baseline: Baseline | None
) -> CheckView:
    found = table.filter(pc.equal(table["check"], facts.name))
    counts = _severities(found)
    worst = next((SEVERITIES[s] for s, n in counts if n), "clean")
    skipped = sorted(facts.skipped.items(), key=lambda item: (-item[1], item[0]))
    return CheckView(
        name=facts.name,
        about=facts.about,
        state="failed" if facts.error else worst,
        rate=rate,
        headline="did not finish" if facts.error else _told(rate, found),
        error=visible(facts.error or ""),
        judged=number(facts.judged),
        skipped=tuple((visible(reason), number(n)) for reason, n in skipped),
        n_skipped=number(sum(n for _, n in skipped)),
        counts=tuple((SEVERITIES[s], number(n)) for s, n in counts),
        rules=tuple(_rule(rule, severity[rule.id], found) for rule in broken(facts.rules, severity)),
        kept=tuple(rule.title for rule in facts.rules if not rule.findings),
        notes=tuple(visible(note) for note in facts.notes),
        tables=tuple(_table(table, name) for name, table in _tables(facts)),
        settings=tuple((name, visible(repr(value))) for name, value in facts.settings.items()),
        seconds=f"{facts.seconds:.2f}",
        measurement=facts.measurement,
        baseline=_since(baseline, facts.name, found) if baseline and not facts.error else "",
    )


def _told(rate: RateView | None, found: pa.Table) -> str:
    if rate is None:
        words = "judged no message"
    else:
        words = f"{rate.flagged} of {rate.judged} messages with a warning or an error"
        words += f" ({rate.share}; 95% interval {rate.interval})"
    # A record that could not be read has no message, and would be missing from the count.
    lost = _bad(found)["message_id"].null_count
    return f"{words}, and {number(lost)} where no message could be named" if lost else words


def _since(baseline: Baseline, check: str, found: pa.Table) -> str:
    """What is new of a check's findings, and what is gone."""
    if check not in baseline.n_findings:
        return "not in the baseline"
    new = pc.sum(baseline.is_new(found)).as_py() or 0
    known = found.num_rows - new
    gone = baseline.n_findings[check] - known
    return f"{number(new)} new, {number(known)} known, {number(gone)} gone since the baseline"


def _rule(rule: RuleFacts, severity: int, found: pa.Table) -> RuleView:
    (first,) = found.filter(pc.equal(found["rule"], rule.id)).slice(0, 1).to_pylist()
    return RuleView(
        id=rule.id,
        name=rule.id.partition("/")[2],
        title=rule.title,
        severity=SEVERITIES[severity],
        advice=rule.advice,
        count=number(rule.findings),
        example=visible(first["summary"]),
        fingerprint=first["fingerprint"],
    )


def _table(table: Table, name: str) -> TableView:
    numeric = [all(isinstance(row[k], int | float) for row in table.rows) for k in range(len(table.columns))]
    rest = len(table.rows) - SHOWN_ROWS
    return TableView(
        name=name,
        about=table.about,
        columns=tuple(zip(table.columns, numeric, strict=True)),
        rows=tuple(
            tuple(number(cell) if isinstance(cell, int) else visible(str(cell)) for cell in row)
            for row in table.rows[:SHOWN_ROWS]
        ),
        left_out=f"{number(rest)} more in {RECORD}" if rest > 0 else "",
    )


def _tables(facts: CheckFacts) -> list[tuple[str, Table]]:
    """The tables of a check that hold anything, under names of their own: two checks may call a table the same."""
    return [(f"{facts.name}: {table.name}", table) for table in facts.tables if table.rows]


def by_language(facts: Facts) -> list[tuple[str, int]]:
    """Messages by declared language, the most frequent first."""
    totals = charts.sums((_tag(count.lang), count.messages) for count in facts.census)
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))


def _tag(lang: str | None) -> str:
    return UNDECLARED if lang is None else visible(lang)[:40]


# -- charts ----------------------------------------------------------------------------------------------------------


def _charts(record: Record) -> tuple[charts.Chart, ...]:
    """What can be drawn of this record."""
    facts, table = record.facts, record.table
    bad = _bad(table)
    judged = charts.sums(
        ((_tag(count.lang), check.name), count.messages)
        for check in facts.checks
        for count in check.coverage
        if count.outcome == "judged"
    )
    flagged = charts.sums(
        ((_tag(row["lang"]), row["check"]), row["message_id_count_distinct"])
        for row in _distinct(bad, ["lang", "check"])
    )
    drawn = (
        charts.by_language(flagged, judged),
        _declared_detected(bad, judged, flagged),
        *_copies(table),
        *(_bars(name, table) for check in facts.checks for name, table in _tables(check) if table.bars),
        charts.role_depth(_roles(facts)),
        charts.over_time(facts.days, _flagged_days(bad)),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _distinct(findings: pa.Table, keys: list[str]) -> list[dict[str, Any]]:
    """Messages by keys."""
    grouped = findings.group_by(keys, use_threads=False).aggregate([("message_id", "count_distinct")])
    rows: list[dict[str, Any]] = grouped.to_pylist()
    return rows


def _facet(findings: pa.Table, key: str) -> pa.Table:
    """Findings that have a facet, with its value in a column of that name."""
    values = pc.map_lookup(findings["facets"].combine_chunks(), key, "first")
    return findings.append_column(key, values).filter(values.is_valid())


def _declared_detected(
    bad: pa.Table, judged: Mapping[tuple[str, str], int], flagged: Mapping[tuple[str, str], int]
) -> charts.Chart | None:
    both = _facet(_facet(bad, "declared"), "detected")
    if not both.num_rows:
        return None
    (check, *others) = pc.unique(both["check"]).to_pylist()
    if others:  # of plug-ins that look at languages too, the figures would be counted twice
        both = both.filter(pc.equal(both["check"], check))
    pairs = {(_tag(r["declared"]), _tag(r["detected"])): r["message_id_count_distinct"]
             for r in _distinct(both, ["declared", "detected"])}  # fmt: skip
    return charts.declared_detected(
        pairs,
        {lang: n for (lang, name), n in judged.items() if name == check},
        {lang: n for (lang, name), n in flagged.items() if name == check},
    )


def _copies(table: pa.Table) -> tuple[charts.Chart | None, ...]:
    copies = _facet(_facet(table, "cluster"), "jaccard")
    groups = copies.group_by("cluster", use_threads=False).aggregate([("message_id", "count_distinct")])
    sizes = [n + 1 for n in groups["message_id_count_distinct"].to_pylist()]  # and the one that is copied
    return charts.group_sizes(sizes), charts.similarities([float(value) for value in copies["jaccard"].to_pylist()])


def _bars(name: str, table: Table) -> charts.Chart | None:
    label, part, whole = (table.columns.index(column) for column in table.bars)
    # A bar of nothing tells nothing; the table has it.
    rows = [(visible(str(row[label])), int(row[part]), int(row[whole])) for row in table.rows if row[part]]
    return charts.shares(name, table.about, rows, name=SLUG.sub("-", name.lower()))


def _roles(facts: Facts) -> dict[tuple[str, int], int]:
    return charts.sums(
        (("no role" if shape.role is None else visible(shape.role)[:40], shape.depth), shape.messages)
        for shape in facts.shape
    )


def _flagged_days(bad: pa.Table) -> dict[str, int]:
    """Messages with a warning or an error, by the day that they were written on."""
    stamps = micros_of(bad["created_date"].combine_chunks()).cast(pa.timestamp("us"))
    days = bad.select(["message_id"]).append_column("day", stamps.cast(pa.date32()).cast(pa.string()))
    return {r["day"]: r["message_id_count_distinct"] for r in _distinct(days, ["day"]) if r["day"] is not None}
