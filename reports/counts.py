"""Counts of an audit: every number that an output states is computed here, once.

Findings are counted by their own severity, messages by their worst finding, skipped messages by reason.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..checks.base.arrow.columns import BoolArray, IntArray
from ..checks.base.findings import CHECKED, ERROR, NOTE, SEVERITIES, WARNING, Action
from ..checks.base.large_tables import Coded, Keys, column_digests, is_in, numbered, places
from ..checks.base.statistics.intervals import clustered, wilson
from .record import SEEN, CheckFacts, Record, RuleFacts
from .wording import confidence, count_of, listed, number, percent, visible

LEVELS = (ERROR, WARNING, NOTE)  # the worst first


class Rate(NamedTuple):
    """A share of messages.

    Both intervals contain the rate with 95 % confidence: Wilson's as if messages were drawn one by one, the other as
    they come, in conversation trees whose messages share their faults (`intervals.clustered`). Cite the latter.
    """

    flagged: int
    checked: int
    clusters: int  # conversation trees, by id, with a checked message
    wilson: tuple[float, float]
    clustered: tuple[float, float]

    @property
    def share(self) -> float:
        """In [0, 1]; NaN where no message was checked."""
        return self.flagged / self.checked if self.checked else float("nan")

    @property
    def words(self) -> str:
        """The share with its interval, such as `9.7 % (95 % CI 8.0-11.7)`."""
        return f"{percent(self.share)} ({confidence(*self.clustered)})"


class Groups(NamedTuple):
    """Messages grouped by kind and conversation tree."""

    n_kinds: int
    keys: IntArray  # kind * trees + tree of each group, in order
    group: IntArray  # of each message; -1: of no kind


class Population:
    """The messages and findings of an audit, ready to be counted.

    Parameters
    ----------
    messages : Table (SEEN and a column a check)
    findings : Table (FINDINGS)
    """

    def __init__(self, messages: pa.Table, findings: pa.Table) -> None:
        self.messages, self.findings = messages, findings
        self.row = rows_of(findings, messages)
        """The message of each finding; -1 for a record that could not be read."""
        self.check, self.rule = Coded(findings["check"]), Coded(findings["rule"])
        self.severity = np.asarray(findings["severity"])
        trees = numbered(column_digests(messages["tree_id"]))
        alone = np.flatnonzero(trees < 0)  # a message without a tree id is a tree of its own
        trees[alone] = trees.max(initial=-1) + 1 + np.arange(len(alone))
        self._trees = trees
        self._n_trees = int(trees.max(initial=-1)) + 1

    def __len__(self) -> int:
        return int(self.messages.num_rows)

    def among(self, **values: Sequence[str]) -> BoolArray:
        """Return the mask of messages of some languages, roles or sources (keys of BY); without any, of all."""
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in values.items():
            if wanted:
                chosen &= is_in(self.messages[name], wanted)
        return chosen

    def checked(self, check: str | None) -> BoolArray:
        """Return the mask of messages that a check checked; None: that any check did."""
        checks = self.messages.column_names[len(SEEN) :] if check is None else [check]
        mask = np.zeros(len(self), dtype=bool)
        for name in checks:
            mask |= is_in(self.messages[name], [CHECKED])
        return mask

    def of(self, target: str | None, severity: int) -> BoolArray:
        """Return the mask of findings of a check, a check/rule or all, with at least this severity."""
        mask: BoolArray = self.severity >= severity
        if target is not None:
            mask &= (self.rule if "/" in target else self.check).are(target)
        return mask

    def rate(self, check: str | None, findings: BoolArray, among: BoolArray) -> Rate:
        """Return the share of checked messages with one of these findings.

        A message that a check flags without having checked it, as it may with a note, counts as checked.
        """
        return self.rates(check, findings, self.groups(np.where(among, 0, -1), 1))[0]

    def groups(self, kind: IntArray, n_kinds: int) -> Groups:
        """Group messages for `rates`; `kind` numbers their kinds from 0, and is -1 for none."""
        if n_kinds == 1:  # sorting millions takes a second
            return Groups(1, np.arange(self._n_trees), np.where(kind < 0, -1, self._trees))
        group = np.full(len(self), -1)
        some = np.flatnonzero(kind >= 0)
        keys, group[some] = np.unique(kind[some] * self._n_trees + self._trees[some], return_inverse=True)
        return Groups(n_kinds, keys, group)

    def rates(self, check: str | None, findings: BoolArray, groups: Groups) -> list[Rate]:
        """Return `rate` for each kind of message."""
        flagged = np.zeros(len(self), dtype=bool)
        rows = self.row[findings]
        flagged[rows[rows >= 0]] = True
        whole = np.flatnonzero((self.checked(check) | flagged) & (groups.group >= 0))
        group = groups.group[whole]
        checked, hits = (np.bincount(group[some], minlength=len(groups.keys)) for some in (slice(None), flagged[whole]))
        there = checked > 0
        keys, checked, hits = groups.keys[there], checked[there], hits[there]
        ends = np.searchsorted(keys, np.arange(groups.n_kinds + 1) * self._n_trees)
        found = []
        for start, end in pairwise(ends.tolist()):
            n_flagged, n_checked = int(hits[start:end].sum()), int(checked[start:end].sum())
            by_trees = clustered(hits[start:end], checked[start:end])
            found.append(Rate(n_flagged, n_checked, end - start, wilson(n_flagged, n_checked), by_trees))
        return found


def rows_of(findings: pa.Table, messages: pa.Table) -> IntArray:
    """Return the message of each finding, the first where several have its id and place; -1: none."""
    return Keys(places(messages)).rows(places(findings))


@dataclass(frozen=True)
class Line:
    """The findings of one rule at one severity."""

    rule: RuleFacts
    severity: int
    findings: int
    first: int  # row of the first one in FINDINGS

    @property
    def level(self) -> str:
        """The severity in words."""
        return SEVERITIES[self.severity]

    @property
    def words(self) -> str:
        """Number, title and severity."""
        return f"{number(self.findings)} × {self.rule.title} ({self.level}, {self.rule.id.partition('/')[0]})"


@dataclass(frozen=True)
class CheckCounts:
    """What one check checked, skipped and found."""

    facts: CheckFacts
    lines: tuple[Line, ...]  # the worst first, then the most frequent
    severities: dict[int, int]  # findings by severity, the worst first
    rate: Rate  # messages with a warning or an error
    unnamed: int  # warnings and errors about records without a readable message

    @property
    def name(self) -> str:
        """The name of the check."""
        return self.facts.name

    @property
    def findings(self) -> int:
        """Findings of any severity."""
        return sum(self.severities.values())

    @property
    def skipped(self) -> tuple[tuple[str, int], ...]:
        """Skipped messages by reason, the most frequent first."""
        return tuple(sorted(self.facts.skipped.items(), key=lambda item: (-item[1], item[0])))

    @property
    def n_skipped(self) -> int:
        """Skipped messages."""
        return sum(n for _, n in self.skipped)

    @property
    def is_idle(self) -> bool:
        """Whether it finished without having checked or found anything: that says nothing about the data."""
        return not (self.facts.error or self.rate.checked or self.findings)

    @property
    def why_idle(self) -> str:
        """Why an idle check did not run: the most frequent reason to skip a message."""
        return visible(self.skipped[0][0]) if self.skipped else "no message to check"

    @property
    def worst(self) -> int | None:
        """The severity of the worst finding; None: no finding."""
        return next((severity for severity, n in self.severities.items() if n), None)

    @property
    def outcome(self) -> str:
        """What came of it, in one line."""
        if self.facts.error:
            return "did not finish"
        if self.is_idle:
            return f"did not run: {self.why_idle}"
        if not self.rate.checked:
            words = "checked no message"
        else:
            words = (
                f"{number(self.rate.flagged)} of {count_of(self.rate.checked, 'message')} with a warning or an error, "
                f"{self.rate.words}"
            )
        # A record that could not be read has no message, and would be missing from the count.
        return f"{words}; {count_of(self.unnamed, 'unreadable record')}" if self.unnamed else words


class Counts:
    """The counts of one audit; what takes time is computed when it is first asked for."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.messages = record.facts.messages
        self.trees = record.facts.trees
        self.files = len(record.facts.sources)

    @cached_property
    def population(self) -> Population:
        """The messages and findings."""
        return Population(self.record.messages, self.record.table)

    @cached_property
    def rate(self) -> Rate:
        """Messages with a warning or an error of any check, among those that any check checked."""
        return self.population.rate(None, self.population.of(None, WARNING), self.population.among())

    @cached_property
    def checks(self) -> tuple[CheckCounts, ...]:
        """The counts of each check, in the order of the record."""
        lines = list(_lines(self.record, self.population))
        return tuple(self._of(facts, [line for line in lines if line.rule in facts.rules]) for facts in self._facts)

    @property
    def _facts(self) -> Sequence[CheckFacts]:
        return self.record.facts.checks

    def _of(self, facts: CheckFacts, lines: Sequence[Line]) -> CheckCounts:
        population = self.population
        bad = population.of(facts.name, WARNING)
        # What even the strict policy keeps can be read: such a finding is about a record or a field, not a lost record.
        kept = is_in(self.record.table["rule"], [r.id for r in facts.rules if r.strict_action == Action.KEEP])
        return CheckCounts(
            facts,
            tuple(sorted(lines, key=lambda line: (-line.severity, -line.findings, line.rule.id))),
            {level: sum(line.findings for line in lines if line.severity == level) for level in LEVELS},
            _NOTHING if facts.error else population.rate(facts.name, bad, population.among()),
            int(np.count_nonzero(bad & (population.row < 0) & ~kept)),
        )

    @property
    def lines(self) -> list[Line]:
        """All rules that were broken, by severity: the worst first, then the most frequent."""
        lines = [line for check in self.checks for line in check.lines]
        return sorted(lines, key=lambda line: (-line.severity, -line.findings, line.rule.id))

    @property
    def severities(self) -> dict[int, int]:
        """Findings by severity, the worst first."""
        return severities(self.record.table)

    @property
    def findings(self) -> str:
        """Findings by severity in words, such as `1 error and 2 notes`; empty where there is none."""
        parts = [count_of(n, SEVERITIES[level]) for level, n in self.severities.items() if n]
        return listed(parts) if parts else ""

    @cached_property
    def worst(self) -> dict[int, int]:
        """Messages by the severity of their worst finding."""
        population = self.population
        worst = np.zeros(len(population), dtype=np.int8)
        named = population.row >= 0
        np.maximum.at(worst, population.row[named], population.severity[named])
        found = np.bincount(worst, minlength=ERROR + 1).tolist()
        return {level: found[level] for level in LEVELS}

    @property
    def gaps(self) -> tuple[str, ...]:
        """Which checks say nothing about the data: those that did not finish, and those that did not run."""
        n = count_of(len(self.checks), "check")
        failed = [check.name for check in self.checks if check.facts.error]
        idle: dict[str, list[str]] = {}
        for check in self.checks:
            if check.is_idle:
                idle.setdefault(check.why_idle, []).append(check.name)
        parts = [f"{len(failed)} of {n} did not finish: {', '.join(failed)}"] if failed else []
        if idle:
            names = "; ".join(f"{', '.join(names)} ({why})" for why, names in idle.items())
            parts.append(f"{sum(map(len, idle.values()))} of {n} did not run: {names}")
        return tuple(parts)


_NOTHING = Rate(0, 0, 0, (0.0, 1.0), (0.0, 1.0))  # of a check that did not finish


def severities(findings: pa.Table) -> dict[int, int]:
    """Count findings by their own severity, the worst first."""
    found = np.bincount(np.asarray(findings["severity"]), minlength=ERROR + 1).tolist()
    return {level: found[level] for level in LEVELS}


def by_rule(findings: pa.Table) -> list[tuple[str, int, int, int]]:
    """Count findings by rule and their own severity: (rule, severity, findings, row of the first), by first row."""
    rules, severity = Coded(findings["rule"]), np.asarray(findings["severity"])
    pairs = rules.codes.astype(np.int64) * (ERROR + 1) + severity
    n = np.bincount(pairs)
    first = np.zeros(len(n), dtype=np.int64)
    first[pairs[::-1]] = np.arange(len(pairs) - 1, -1, -1)  # of equal ones the last assignment, the first row, stays
    words = rules.words
    found = ((words[k // (ERROR + 1)], k % (ERROR + 1), int(n[k]), int(first[k])) for k in np.flatnonzero(n).tolist())
    return sorted(found, key=lambda row: row[3])


def by_check(record: Record) -> dict[str, int]:
    """Count the findings of each check that finished."""
    return {check.name: sum(rule.findings for rule in check.rules) for check in record.facts.checks if not check.error}


def _lines(record: Record, population: Population) -> Iterator[Line]:
    rules = {rule.id: rule for check in record.facts.checks for rule in check.rules}
    for rule, severity, n, first in by_rule(population.findings):
        yield Line(rules[rule], severity, n, first)
