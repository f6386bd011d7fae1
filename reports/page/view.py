"""View of a record for a page: sorted and worded, so that a template has only to loop and print."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import BoolArray, IntArray, as_bools, as_ints, digests, micros_of
from ...checks.base.check import Method, Table
from ...checks.base.findings import CHECKED, NOTE, SEVERITIES, WARNING
from ...checks.base.large_tables import Codes, Words, facets, numbered, pieces
from ..baseline import Baseline
from ..counts import CheckCounts, Counts, Line, Population
from ..gate import Verdict
from ..record import RECORD, CheckFacts, Facts, Record
from ..wording import count_of, interval, number, percent, sentence, size, visible
from . import charts
from .drawing import Chart

SLUG = re.compile("[^a-z0-9]+")  # characters that have no place in the id of an element
SHOWN_ROWS = 20  # of a table; all of them are in the record
SHOWN_LINES = 100  # files, and languages
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
    counts: tuple[tuple[str, str], ...]  # severity, findings
    rules: tuple[RuleView, ...]  # broken ones, the worst first
    kept: tuple[str, ...]  # titles of rules without a finding
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[TableView, ...]
    seconds: str
    measurement: Method
    baseline: str  # empty where there is none

    @property
    def why_skipped(self) -> str:
        """The most frequent reasons to skip a message; with numbers, where there are several."""
        if len(self.skipped) == 1:
            return self.skipped[0][0]
        more = [f"{len(self.skipped) - REASONS} more reasons"] if len(self.skipped) > REASONS else []
        return "; ".join([*(f"{reason} ({n})" for reason, n in self.skipped[:REASONS]), *more])

    @property
    def is_passed(self) -> bool:
        """Whether it finished, checked a message, and found no more than notes."""
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
    languages: tuple[tuple[str, str, str], ...]  # tag, messages, share
    sources: tuple[SourceView, ...]
    beyond: str  # which files and languages are not shown; empty where all are
    checks: tuple[CheckView, ...]
    charts: tuple[Chart, ...]
    nothing: str  # shown where there is no finding
    made_by: str
    is_redacted: bool


def page(record: Record, baseline: Baseline | None = None, gate: Verdict | None = None) -> Page:
    """Return the page of a record: incomplete parts first, then the worst.

    With a `baseline`, findings are counted as new, known and fixed; with a `gate`, its verdict comes first.
    """
    facts, counts = record.facts, Counts(record)
    found = _Found(counts.population, None if baseline is None else baseline.is_new(record.table))
    widest = max((check.rate.clustered[1] for check in counts.checks if check.rate.checked), default=1.0)
    checks = [_check(check, found, widest, baseline) for check in counts.checks]
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
            *([("SHA-256", facts.sources[0].sha256[:16] or "not read to the end")] if len(facts.sources) == 1 else []),
        ),
        baseline=f"Compared with the audit of {_when(baseline.started)}." if baseline else "",
        gate=gate,
        languages=tuple(
            (tag, number(n), percent(n / max(1, counts.messages))) for tag, n in languages[:SHOWN_LINES]
        ),
        sources=tuple(
            SourceView(visible(s.name), f"{s.format}: {visible(s.reason)}" if s.format else "not recognised",
                       number(s.records), size(s.n_bytes), s.sha256)
            for s in facts.sources[:SHOWN_LINES]
        ),
        beyond=f"The first {SHOWN_LINES} of {count_of(counts.files, 'file')} and "
        f"{count_of(len(languages), 'language')} are shown; {RECORD} has all."
        if max(counts.files, len(languages)) > SHOWN_LINES else "",
        checks=tuple(checks),
        charts=_charts(facts, found),
        nothing="No findings." if any(check.rate for check in checks) else "No message was checked: no findings.",
        made_by=f"chataudit {facts.chataudit}, Python {facts.python}, "
        + ", ".join(f"{name} {version}" for name, version in facts.dependencies.items()),
        is_redacted=facts.is_redacted,
    )  # fmt: skip


UNDECLARED = "not declared"


@dataclass(frozen=True)
class _Found:
    """The findings, as a few numbers each: there may be millions."""

    population: Population
    is_new: pa.Array | None  # compared with the baseline

    @property
    def table(self) -> pa.Table:
        return self.population.findings

    @property
    def message(self) -> IntArray:
        """The row of the message of each finding, -1 for a record that could not be read."""
        return self.population.row

    @property
    def is_bad(self) -> BoolArray:
        """Mask of findings that are more than notes."""
        return self.population.of(None, WARNING)


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
        worst = [f"{SEVERITIES[level]} in {number(n)}" for level, n in counts.worst.items() if n and level > NOTE]
        reasons.append(
            f"{number(rate.flagged)} of {count_of(rate.checked, 'message')} with a warning or an error, {rate.words}; "
            f"worst finding: {', '.join(worst)}"
        )
    reasons += counts.gaps
    reasons += [line.words for line in ([line for line in lines if line.severity > NOTE] or lines)[:REASONS]]
    if not lines and rate.checked:
        highest = max(check.rate.clustered[1] for check in counts.checks if check.rate.checked)
        reasons.append(
            f"True rates of up to {percent(highest)} are still compatible with this sample (upper end of the widest "
            "95 % CI of a check)"
        )
    return tuple(reasons)


def _check(counts: CheckCounts, found: _Found, widest: float, baseline: Baseline | None) -> CheckView:
    facts = counts.facts
    some = found.population.of(facts.name, NOTE)
    state = "failed" if facts.error else "idle" if counts.is_idle else SEVERITIES.get(counts.worst or 0, "clean")
    broken = {line.rule.id for line in counts.lines}
    return CheckView(
        name=facts.name,
        about=facts.about,
        state=state,
        mark=MARKS.get(state, state),
        rate=_rate(counts, widest) if counts.rate.checked else None,
        headline=counts.outcome,
        error=visible(facts.error or ""),
        checked=number(counts.rate.checked),
        skipped=tuple((visible(reason), number(n)) for reason, n in counts.skipped),
        n_skipped=number(counts.n_skipped),
        counts=tuple((SEVERITIES[level], number(n)) for level, n in counts.severities.items()),
        rules=tuple(_rule(line, found) for line in counts.lines),
        kept=tuple(rule.title for rule in facts.rules if rule.id not in broken),
        notes=tuple(sentence(visible(note)) for note in facts.notes),
        tables=tuple(_table(table, name) for name, table in _tables(facts)),
        settings=tuple((name, visible(repr(value))) for name, value in facts.settings.items()),
        seconds=f"{facts.seconds:.2f}",
        measurement=facts.measurement,
        baseline=_since(baseline, facts.name, found, some) if baseline and not facts.error else "",
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


def _since(baseline: Baseline, check: str, found: _Found, some: BoolArray) -> str:
    """Return how many findings of a check are new, known and fixed."""
    if check not in baseline.n_findings:
        return "not in the baseline"
    assert found.is_new is not None
    new = int(np.count_nonzero(as_bools(found.is_new)[some]))
    known = int(np.count_nonzero(some)) - new
    fixed = baseline.n_findings[check] - known
    return f"{number(new)} new, {number(known)} known, {number(fixed)} fixed since the baseline"


def _rule(line: Line, found: _Found) -> RuleView:
    (first,) = found.table.select(["summary", "fingerprint"]).slice(line.first, 1).to_pylist()
    rule = line.rule
    return RuleView(
        id=rule.id,
        name=rule.id.partition("/")[2],
        title=rule.title,
        severity=line.level,
        advice=rule.advice,
        count=number(line.findings),
        first=visible(first["summary"]),
        fingerprint=first["fingerprint"],
        example="\n".join(map(visible, rule.example)),
        neighbour="\n".join(map(visible, rule.neighbour)),
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
    """Return the tables of a check that are not empty, under unique names: two checks may share the name of a table."""
    return [(f"{facts.name}: {table.name}", table) for table in facts.tables if table.rows]


def by_language(facts: Facts) -> list[tuple[str, int]]:
    """Count messages by declared language, the most frequent first."""
    totals = charts.sums((_tag(count.lang), count.messages) for count in facts.census)
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))


def _tag(lang: str | None) -> str:
    return UNDECLARED if lang is None else visible(lang)[:40]


# -- charts ----------------------------------------------------------------------------------------------------------


def _charts(facts: Facts, found: _Found) -> tuple[Chart, ...]:
    """Return the charts that this record has figures for."""
    checked = charts.sums(
        ((_tag(count.lang), check.name), count.messages)
        for check in facts.checks
        for count in check.coverage
        if count.outcome == CHECKED
    )
    flagged, days = _flagged(found)
    drawn = (
        charts.by_language(flagged, checked),
        _declared_detected(found, checked, flagged),
        *_copies(found),
        *(_bars(name, table) for check in facts.checks for name, table in _tables(check) if table.bars),
        charts.role_depth(_roles(facts)),
        charts.over_time(facts.days, days),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _flagged(found: _Found) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Count messages with a warning or an error by language and check, and by the day of their date, in UTC."""
    table, check, rows = found.table, found.population.check, np.flatnonzero(found.is_bad)
    langs, lang, day = Words(), np.zeros(len(rows), dtype=np.int32), np.zeros(len(rows), dtype=np.int32)
    at = start = 0
    for piece in pieces(table.select(["lang", "created_date"])):
        here = rows[at : np.searchsorted(rows, start + len(piece))]
        some = piece.take(pa.array(here - start))
        lang[at : at + len(here)] = langs.add(some["lang"])
        stamps = micros_of(some["created_date"]).cast(pa.timestamp("us"))
        day[at : at + len(here)] = as_ints(stamps.cast(pa.date32()).cast(pa.int32()), _NO_DAY)
        at, start = at + len(here), start + len(piece)
    tags, n_checks = [*map(_tag, langs.words), UNDECLARED], len(check.words)
    by_lang = _counted(np.where(lang < 0, len(tags) - 1, lang) * n_checks + check.codes[rows], found.message[rows])
    flagged = charts.sums(((tags[k // n_checks], check.words[k % n_checks]), n) for k, n in by_lang)
    days, counts = _distinct(day, np.where(day == _NO_DAY, -1, found.message[rows]))
    written = pa.array(days, pa.int32()).cast(pa.date32()).cast(pa.string()).to_pylist()
    return flagged, dict(zip(written, counts.tolist(), strict=True))


_NO_DAY = -(1 << 31)


def _distinct(group: IntArray | Codes, message: IntArray) -> tuple[IntArray, IntArray]:
    """Return the groups that have a message, and their number of messages, from group and message of each finding."""
    named = message >= 0
    n = int(message.max(initial=0)) + 1
    pairs = group[named].astype(np.int64) * n + message[named]
    # In place: np.unique makes a set of them, which takes several times the memory.
    pairs.sort()
    groups = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]] // n
    found, counts = np.unique(groups, return_counts=True)
    return found, counts


def _counted(group: IntArray | Codes, message: IntArray) -> Iterator[tuple[int, int]]:
    """Return `_distinct` in pairs, for few groups."""
    return zip(*(each.tolist() for each in _distinct(group, message)), strict=True)


def _faceted(findings: pa.Table, first: str, second: str) -> Iterator[tuple[IntArray, pa.Array, pa.Array]]:
    """Yield the rows of findings that have both facets, and the values of both, some at a time."""
    start = 0
    for piece in pieces(findings, ["facets"]):
        rows, keys, values = facets(piece["facets"])
        at = np.full((2, len(piece)), -1)
        for key, own in zip((first, second), at, strict=True):
            # As map_lookup would find it, which takes five times as long. The first of a row is set last.
            there = np.flatnonzero(as_bools(pc.and_(pc.equal(keys, key), values.is_valid())))[::-1]
            own[rows[there]] = there
        both = np.flatnonzero((at >= 0).all(axis=0))
        if len(both):
            yield both + start, *(values.take(pa.array(own[both])) for own in at)
        start += len(piece)


def _declared_detected(
    found: _Found, checked: Mapping[tuple[str, str], int], flagged: Mapping[tuple[str, str], int]
) -> Chart | None:
    is_bad, checks = found.is_bad, found.population.check
    langs, found_rows = Words(), [np.zeros((0, 3), dtype=np.int32)]
    for rows, *values in _faceted(found.table, "declared", "detected"):
        some = is_bad[rows]
        declared, detected = (langs.add(each)[some] for each in values)
        found_rows.append(np.stack([rows[some], declared, detected], axis=1).astype(np.int32))
    rows, declared, detected = np.concatenate(found_rows).T
    if not len(rows):
        return None
    # Several checks may report languages: the figures of one are shown, as a message would be counted twice.
    check = checks.words[checks.codes[rows[0]]]
    own = checks.are(check)[rows]
    tags = list(map(_tag, langs.words))
    pairs = _counted(declared[own].astype(np.int64) * len(tags) + detected[own], found.message[rows[own]])
    return charts.declared_detected(
        charts.sums(((tags[k // len(tags)], tags[k % len(tags)]), n) for k, n in pairs),
        {lang: n for (lang, name), n in checked.items() if name == check},
        {lang: n for (lang, name), n in flagged.items() if name == check},
    )


def _copies(found: _Found) -> tuple[Chart | None, ...]:
    rows, clusters, alike = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
    jaccards = Words()
    for some, cluster, jaccard in _faceted(found.table, "cluster", "jaccard"):
        rows.append(some)
        clusters.append(digests(cluster))
        alike.append(jaccards.add(jaccard))
    _, sizes = _distinct(numbered(np.concatenate(clusters)), found.message[np.concatenate(rows)])
    values = np.array([float(word) for word in jaccards.words])
    # The message that is copied belongs to the group too.
    return charts.group_sizes(sizes + 1), charts.similarities(values[np.concatenate(alike)])


def _bars(name: str, table: Table) -> Chart | None:
    label, part, whole = (table.columns.index(column) for column in table.bars)
    # No bar for nothing; the table has it.
    rows = [(visible(str(row[label])), int(row[part]), int(row[whole])) for row in table.rows if row[part]]
    return charts.shares(name, table.about, rows, name=SLUG.sub("-", name.lower()))


def _roles(facts: Facts) -> dict[tuple[str, int], int]:
    return charts.sums(
        (("no role" if shape.role is None else visible(shape.role)[:40], shape.depth), shape.messages)
        for shape in facts.shape
    )
