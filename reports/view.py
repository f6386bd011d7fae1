"""A record as a page: counted, sorted and worded, so that a template has only to loop and print."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.check import Method, Table
from ..checks.base.findings import ERROR, NOTE, SEVERITIES, WARNING
from ..checks.base.messages import BoolArray, IntArray, as_bools, as_ints, digests, micros_of
from . import charts
from .baseline import Baseline
from .gate import Verdict
from .pieces import Codes, Words, column_digests, facets, numbered, pieces
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
    facts = record.facts
    found = _Found.of(record, baseline)
    population = found.population
    rates, severity = _rates(facts, population), worst(population)
    checks = [_check(c, found, rates.get(c.name), severity, baseline) for c in facts.checks]
    checks.sort(key=lambda check: (STATES.index(check.state), check.name))
    problems = tuple(facts.problems)
    languages = by_language(facts)
    state = "failed" if problems else min((c.state for c in checks), key=STATES.index, default="clean")
    return Page(
        title=facts.title,
        state=state,
        verdict=VERDICTS[state],
        headline=_headline(population, bool(problems)),
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
        charts=_charts(facts, found),
        nothing="Nothing was found." if rates else "Nothing was looked at, so nothing was found.",
        made_by=f"chataudit {facts.chataudit}, Python {facts.python}, "
        + ", ".join(f"{name} {version}" for name, version in facts.dependencies.items()),
        is_redacted=facts.is_redacted,
    )  # fmt: skip


UNDECLARED = "not declared"


@dataclass(frozen=True)
class _Found:
    """What was found, in a few numbers a finding: there may be millions."""

    population: Population
    message: Codes  # a number for the id of the message of each finding, -1 where it has none
    is_new: pa.Array | None  # against the baseline

    @classmethod
    def of(cls, record: Record, baseline: Baseline | None) -> "_Found":
        message = numbered(column_digests(record.table["message_id"]))
        is_new = None if baseline is None else baseline.is_new(record.table)
        return cls(Population(record.messages, record.table), message, is_new)

    @property
    def table(self) -> pa.Table:
        return self.population.findings

    @property
    def is_bad(self) -> BoolArray:
        """Those that are more than notes."""
        return self.population.of(None, WARNING)


def _when(started: str) -> str:
    return started.replace("T", " ").replace("+00:00", " UTC")


def _headline(population: Population, incomplete: bool) -> str:
    counts = _severities(population, population.of(None, NOTE))
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


def worst(population: Population) -> dict[str, int]:
    """How bad the worst finding of each rule is: a setting, or the case, may make it milder than its rule."""
    rules = population.rule.words
    return {rule: int(population.severity[population.rule.are(rule)].max()) for rule in rules}


def broken(rules: Sequence[RuleFacts], severity: Mapping[str, int]) -> list[RuleFacts]:
    """Those that were broken, the worst first, then the most frequent."""
    broken = [rule for rule in rules if rule.id in severity]
    return sorted(broken, key=lambda rule: (-severity[rule.id], -rule.findings, rule.id))


def _severities(population: Population, some: BoolArray) -> list[tuple[int, int]]:
    found = np.bincount(population.severity[some], minlength=ERROR + 1).tolist()
    return [(severity, found[severity]) for severity in range(ERROR, NOTE - 1, -1)]


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
    facts: CheckFacts, found: _Found, rate: RateView | None, severity: Mapping[str, int], baseline: Baseline | None
) -> CheckView:
    some = found.population.of(facts.name, NOTE)
    counts = _severities(found.population, some)
    worst = next((SEVERITIES[s] for s, n in counts if n), "clean")
    skipped = sorted(facts.skipped.items(), key=lambda item: (-item[1], item[0]))
    return CheckView(
        name=facts.name,
        about=facts.about,
        state="failed" if facts.error else worst,
        rate=rate,
        headline="did not finish" if facts.error else _told(rate, found, some),
        error=visible(facts.error or ""),
        judged=number(facts.judged),
        skipped=tuple((visible(reason), number(n)) for reason, n in skipped),
        n_skipped=number(sum(n for _, n in skipped)),
        counts=tuple((SEVERITIES[s], number(n)) for s, n in counts),
        rules=tuple(_rule(rule, severity[rule.id], found, some) for rule in broken(facts.rules, severity)),
        kept=tuple(rule.title for rule in facts.rules if not rule.findings),
        notes=tuple(visible(note) for note in facts.notes),
        tables=tuple(_table(table, name) for name, table in _tables(facts)),
        settings=tuple((name, visible(repr(value))) for name, value in facts.settings.items()),
        seconds=f"{facts.seconds:.2f}",
        measurement=facts.measurement,
        baseline=_since(baseline, facts.name, found, some) if baseline and not facts.error else "",
    )


def _told(rate: RateView | None, found: _Found, some: BoolArray) -> str:
    if rate is None:
        words = "judged no message"
    else:
        words = f"{rate.flagged} of {rate.judged} messages with a warning or an error"
        words += f" ({rate.share}; 95% interval {rate.interval})"
    # A record that could not be read has no message, and would be missing from the count.
    lost = int(np.count_nonzero(some & found.is_bad & (found.message < 0)))
    return f"{words}, and {number(lost)} where no message could be named" if lost else words


def _since(baseline: Baseline, check: str, found: _Found, some: BoolArray) -> str:
    """What is new of a check's findings, and what is gone."""
    if check not in baseline.n_findings:
        return "not in the baseline"
    assert found.is_new is not None
    new = int(np.count_nonzero(as_bools(found.is_new)[some]))
    known = int(np.count_nonzero(some)) - new
    gone = baseline.n_findings[check] - known
    return f"{number(new)} new, {number(known)} known, {number(gone)} gone since the baseline"


def _rule(rule: RuleFacts, severity: int, found: _Found, some: BoolArray) -> RuleView:
    at = int(np.argmax(some & found.population.rule.are(rule.id)))
    (first,) = found.table.select(["summary", "fingerprint"]).slice(at, 1).to_pylist()
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


def _charts(facts: Facts, found: _Found) -> tuple[charts.Chart, ...]:
    """What can be drawn of this record."""
    judged = charts.sums(
        ((_tag(count.lang), check.name), count.messages)
        for check in facts.checks
        for count in check.coverage
        if count.outcome == "judged"
    )
    flagged, days = _flagged(found)
    drawn = (
        charts.by_language(flagged, judged),
        _declared_detected(found, judged, flagged),
        *_copies(found),
        *(_bars(name, table) for check in facts.checks for name, table in _tables(check) if table.bars),
        charts.role_depth(_roles(facts)),
        charts.over_time(facts.days, days),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _flagged(found: _Found) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Messages with a warning or an error, by language and check, and by the day that they were written on, in UTC."""
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


def _distinct(group: IntArray | Codes, message: Codes) -> tuple[IntArray, IntArray]:
    """The groups that have a message, and how many; `group` and `message` say of which each finding is."""
    named = message >= 0
    n = int(message.max(initial=0)) + 1
    pairs = group[named].astype(np.int64) * n + message[named]
    # In place: np.unique makes a set of them, which takes several times the memory.
    pairs.sort()
    groups = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]] // n
    found, counts = np.unique(groups, return_counts=True)
    return found, counts


def _counted(group: IntArray | Codes, message: Codes) -> Iterator[tuple[int, int]]:
    """The same for few groups, in pairs."""
    return zip(*(each.tolist() for each in _distinct(group, message)), strict=True)


def _faceted(findings: pa.Table, first: str, second: str) -> Iterator[tuple[IntArray, pa.Array, pa.Array]]:
    """The rows of findings that have both facets, and the values of both, some at a time."""
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
    found: _Found, judged: Mapping[tuple[str, str], int], flagged: Mapping[tuple[str, str], int]
) -> charts.Chart | None:
    is_bad, checks = found.is_bad, found.population.check
    langs, told = Words(), [np.zeros((0, 3), dtype=np.int32)]
    for rows, *values in _faceted(found.table, "declared", "detected"):
        some = is_bad[rows]
        declared, detected = (langs.add(each)[some] for each in values)
        told.append(np.stack([rows[some], declared, detected], axis=1).astype(np.int32))
    rows, declared, detected = np.concatenate(told).T
    if not len(rows):
        return None
    # Of plug-ins that look at languages too, the figures would be counted twice.
    check = checks.words[checks.codes[rows[0]]]
    own = checks.are(check)[rows]
    tags = list(map(_tag, langs.words))
    pairs = _counted(declared[own].astype(np.int64) * len(tags) + detected[own], found.message[rows[own]])
    return charts.declared_detected(
        charts.sums(((tags[k // len(tags)], tags[k % len(tags)]), n) for k, n in pairs),
        {lang: n for (lang, name), n in judged.items() if name == check},
        {lang: n for (lang, name), n in flagged.items() if name == check},
    )


def _copies(found: _Found) -> tuple[charts.Chart | None, ...]:
    rows, clusters, alike = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
    jaccards = Words()
    for some, cluster, jaccard in _faceted(found.table, "cluster", "jaccard"):
        rows.append(some)
        clusters.append(digests(cluster))
        alike.append(jaccards.add(jaccard))
    _, sizes = _distinct(numbered(np.concatenate(clusters)), found.message[np.concatenate(rows)])
    values = np.array([float(word) for word in jaccards.words])
    # The one that is copied belongs to its group too.
    return charts.group_sizes(sizes + 1), charts.similarities(values[np.concatenate(alike)])


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
