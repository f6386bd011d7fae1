"""A record as a page: counted, sorted and worded, so that a template has only to loop and print."""

import unicodedata
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.agreement import wilson
from ..checks.base.check import Table
from ..checks.base.findings import ERROR, NOTE, SEVERITIES
from .record import FINDINGS_FILE, RECORD, CheckFacts, Facts, Record, RuleFacts

SHOWN_ROWS = 20  # of a table; all of them are in the record
SHOWN = 50  # findings of one rule on the page; all of them are in the findings file


@dataclass(frozen=True)
class SpanView:
    """A piece of evidence: the span and the words around it."""

    place: str  # file:line
    id: str
    before: str
    quote: str
    after: str

    @property
    def is_whole(self) -> bool:
        """Whether the evidence is the whole text, so that there is nothing to mark in it."""
        return not (self.before or self.after)

    @property
    def is_empty(self) -> bool:
        """Whether there are no words to show."""
        return not (self.before or self.quote or self.after)


@dataclass(frozen=True)
class FindingView:
    """One claim with its evidence."""

    fingerprint: str
    summary: str
    place: str  # file:line
    message_id: str
    tree_id: str
    facets: tuple[tuple[str, str], ...]
    spans: tuple[SpanView, ...]


@dataclass(frozen=True)
class RuleView:
    """One rule that was broken, with the findings that fit on the page."""

    id: str
    title: str
    severity: str
    advice: str
    count: str
    findings: tuple[FindingView, ...]
    left_out: str  # empty where all are shown


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
    state: str  # failed, error, warning, note, clean: the worst that is to be told
    headline: str
    error: str  # empty where it finished
    judged: str
    skipped: tuple[tuple[str, str], ...]  # reason, messages
    counts: tuple[tuple[str, str], ...]  # severity, findings
    rules: tuple[RuleView, ...]  # broken ones, the worst first
    kept: tuple[str, ...]  # titles of those that nothing broke
    settings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[TableView, ...]
    seconds: str


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
    """All that the report says."""

    title: str
    headline: str
    state: str
    problems: tuple[str, ...]  # why the audit is not complete
    facts: tuple[tuple[str, str], ...]
    languages: tuple[tuple[str, str, str], ...]  # tag, messages, share
    sources: tuple[SourceView, ...]
    checks: tuple[CheckView, ...]
    made_by: str


def page(record: Record) -> Page:
    """The page of a record: incomplete parts first, then the worst."""
    facts = record.facts
    checks = sorted((_check(c, record.table) for c in facts.checks), key=lambda c: (_STATES.index(c.state), c.name))
    failed = [f"The check {c.name} did not finish: {visible(c.error)}" for c in facts.checks if c.error]
    problems = (*failed, *(visible(error) for error in facts.errors))
    languages = _by_language(facts)
    return Page(
        title=_title(facts),
        headline=_headline(record.table, bool(problems)),
        state="failed" if problems else min((c.state for c in checks), key=_STATES.index, default="clean"),
        problems=problems,
        facts=(
            ("messages", number(facts.messages)),
            ("trees", number(facts.trees)),
            ("languages", number(len([tag for tag, _, _ in languages if tag != "not declared"]))),
            ("files", number(len(facts.sources))),
            ("audited", facts.started.replace("T", " ").replace("+00:00", " UTC")),
            ("took", f"{facts.seconds:.1f} s"),
        ),
        languages=languages,
        sources=tuple(
            SourceView(visible(s.name), f"{s.format}: {visible(s.reason)}" if s.format else "not recognised",
                       number(s.records), size(s.n_bytes), s.sha256)
            for s in facts.sources
        ),
        checks=tuple(checks),
        made_by=f"chataudit {facts.chataudit}, Python {facts.python}, "
        + ", ".join(f"{name} {version}" for name, version in facts.dependencies.items()),
    )  # fmt: skip


_STATES = ("failed", "error", "warning", "note", "clean")


def _title(facts: Facts) -> str:
    names = [source.name.rsplit("/", 1)[-1] for source in facts.sources]
    return visible(names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more")


def _headline(findings: pa.Table, incomplete: bool) -> str:
    counts = _severities(findings)
    told = [count_of(n, SEVERITIES[s]) for s, n in counts if n]
    words = f"{_and(told)} found" if told else "nothing found"
    return f"Incomplete: {words} in what could be audited" if incomplete else words.capitalize()


def _severities(findings: pa.Table) -> list[tuple[int, int]]:
    found = {row["values"]: row["counts"] for row in pc.value_counts(findings["severity"]).to_pylist()}
    return [(severity, found.get(severity, 0)) for severity in range(ERROR, NOTE - 1, -1)]


def _check(facts: CheckFacts, table: pa.Table) -> CheckView:
    found = table.filter(pc.equal(table["check"], facts.name))
    counts = _severities(found)
    worst = next((SEVERITIES[s] for s, n in counts if n), "clean")
    broken = sorted((r for r in facts.rules if r.findings), key=lambda r: (-r.severity, -r.findings, r.id))
    return CheckView(
        name=facts.name,
        about=facts.about,
        state="failed" if facts.error else worst,
        headline="did not finish" if facts.error else _rate(facts, found),
        error=visible(facts.error or ""),
        judged=number(facts.judged),
        skipped=tuple((visible(reason), number(n)) for reason, n in sorted(facts.skipped.items())),
        counts=tuple((SEVERITIES[s], number(n)) for s, n in counts),
        rules=tuple(_rule(rule, found) for rule in broken),
        kept=tuple(rule.title for rule in facts.rules if not rule.findings),
        notes=tuple(visible(note) for note in facts.notes),
        tables=tuple(_table(table) for table in facts.tables if table.rows),
        settings=tuple((name, visible(repr(value))) for name, value in facts.settings.items()),
        seconds=f"{facts.seconds:.2f}",
    )


def _table(table: Table) -> TableView:
    numeric = [all(isinstance(row[k], int | float) for row in table.rows) for k in range(len(table.columns))]
    rest = len(table.rows) - SHOWN_ROWS
    return TableView(
        name=table.name,
        about=table.about,
        columns=tuple(zip(table.columns, numeric, strict=True)),
        rows=tuple(
            tuple(number(cell) if isinstance(cell, int) else visible(str(cell)) for cell in row)
            for row in table.rows[:SHOWN_ROWS]
        ),
        left_out=f"{number(rest)} more in {RECORD}" if rest > 0 else "",
    )


def _rate(facts: CheckFacts, found: pa.Table) -> str:
    ids = found.filter(pc.greater(found["severity"], NOTE))["message_id"]
    flagged = pc.count_distinct(ids).as_py()
    words = f"{number(flagged)} of {number(facts.judged)} messages with a warning or an error"
    if facts.judged:
        low, high = wilson(min(flagged, facts.judged), facts.judged)
        words += f" ({flagged / facts.judged:.2%}; 95% interval {low:.2%} to {high:.2%})"
    # A record that could not be read has no message, and would be missing from the count.
    return f"{words}, and {number(ids.null_count)} where no message could be named" if ids.null_count else words


def _rule(rule: RuleFacts, found: pa.Table) -> RuleView:
    rows = found.filter(pc.equal(found["rule"], rule.id)).slice(0, SHOWN).to_pylist()
    rest = rule.findings - len(rows)
    return RuleView(
        id=rule.id,
        title=rule.title,
        severity=SEVERITIES[rows[0]["severity"]],
        advice=rule.advice,
        count=number(rule.findings),
        findings=tuple(_finding(row) for row in rows),
        left_out=f"{number(rest)} more in {FINDINGS_FILE}" if rest else "",
    )


def _finding(row: dict[str, Any]) -> FindingView:
    return FindingView(
        fingerprint=row["fingerprint"],
        summary=visible(row["summary"]),
        place=visible(f"{row['source']}:{row['line']}"),
        message_id=visible(row["message_id"] or ""),
        tree_id=visible(row["tree_id"] or ""),
        facets=tuple((visible(k), visible(v)) for k, v in row["facets"]),
        spans=tuple(
            SpanView(
                visible(f"{s['source']}:{s['line']}"),
                visible(s["id"]),
                visible(s["before"]),
                visible(s["quote"]),
                visible(s["after"]),
            )
            for s in row["spans"]
        ),
    )


def _by_language(facts: Facts) -> tuple[tuple[str, str, str], ...]:
    totals: dict[str, int] = {}
    for count in facts.census:
        tag = "not declared" if count.lang is None else visible(count.lang)[:40]
        totals[tag] = totals.get(tag, 0) + count.messages
    ranked = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    return tuple((tag, number(n), f"{n / max(1, facts.messages):.1%}") for tag, n in ranked)


# -- words -----------------------------------------------------------------------------------------------------------


def visible(text: str) -> str:
    """The text with characters that cannot be seen, or that turn others around, written as their code points.

    Line feeds and tabs stay. Bidirectional controls could make a quote look like another one; a browser drops NUL.
    """
    if text.isprintable():
        return text
    return "".join(
        f"⟦U+{ord(c):04X}⟧" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\n\t" else c
        for c in text
    )


def number(n: int) -> str:
    """12345 as 12,345."""
    return f"{n:,}"


def count_of(n: int, noun: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def size(n_bytes: int) -> str:
    """Bytes in a unit that a person reads."""
    amount = float(n_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
