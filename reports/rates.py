"""Rates that can be cited: so many of so many messages, with intervals, by check, rule, language, role and source."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..checks.base.findings import NOTE, WARNING
from ..checks.base.intervals import Estimate, clustered, corrected, true_rate, wilson
from ..checks.base.messages import BoolArray, IntArray
from .pieces import Coded, Keys, column_digests, is_in, numbered, places
from .record import SEEN, CheckFacts, Record

BY = ("lang", "role", "source")  # what messages can be narrowed by


class Rate(NamedTuple):
    """A share of messages.

    Both intervals hold the rate with 95 % confidence: Wilson's as if messages were drawn one by one, the other as they
    come, in trees whose messages share their faults (`intervals.clustered`). That is the one to cite.
    """

    flagged: int
    judged: int
    trees: int  # that hold a judged message
    wilson: tuple[float, float]
    clustered: tuple[float, float]

    @property
    def share(self) -> float:
        """In [0, 1]; NaN where no message was judged."""
        return self.flagged / self.judged if self.judged else float("nan")


class Row(NamedTuple):
    """The rate of one check or rule, among all messages or those of one language, role or source."""

    check: str
    rule: str | None  # None: all rules of the check, from warnings on; of a rule every finding counts
    values: tuple[str | None, ...]  # of the columns that rates are told by; null where messages declare none
    rate: Rate
    corrected: Estimate | None  # for the errors of the check, where people have judged or labelled messages

    def flat(self) -> tuple[str | int | float | None, ...]:
        """One value for each of `columns(by)`."""
        rate = self.rate
        counts = (rate.flagged, rate.judged, rate.trees)
        known = (rate.share, *rate.clustered, *rate.wilson)
        return (self.check, self.rule, *self.values, *counts, *known, *(self.corrected or (None, None, None)))


def columns(by: Sequence[str]) -> tuple[str, ...]:
    """The names of what a row holds, laid flat.

    `low` and `high` are the ends of the 95 % interval by trees, the one to cite; those of Wilson's follow.
    """
    ends = ("rate", "low", "high", "wilson_low", "wilson_high", "corrected", "corrected_low", "corrected_high")
    return ("check", "rule", *by, "flagged", "judged", "trees", *ends)


class Population:
    """The messages of an audit and what was found of each, ready to be counted.

    Parameters
    ----------
    messages : Table (SEEN and a column a check)
    findings : Table (FINDINGS)
    """

    def __init__(self, messages: pa.Table, findings: pa.Table) -> None:
        self.messages, self.findings = messages, findings
        self.row = rows_of(findings, messages)
        """The message that each finding is about; -1 where it is a record that could not be read."""
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
        """The messages of some languages, roles or sources (keys of BY); where none is named, all."""
        chosen = np.ones(len(self), dtype=bool)
        for name, wanted in values.items():
            if wanted:
                chosen &= is_in(self.messages[name], wanted)
        return chosen

    def judged(self, check: str | None) -> BoolArray:
        """The messages that a check judged; None: those that any check did."""
        checks = self.messages.column_names[len(SEEN) :] if check is None else [check]
        mask = np.zeros(len(self), dtype=bool)
        for name in checks:
            mask |= is_in(self.messages[name], ["judged"])
        return mask

    def of(self, target: str | None, severity: int) -> BoolArray:
        """The findings of a check or of a check/rule, or of all, that are at least so severe."""
        mask: BoolArray = self.severity >= severity
        if target is not None:
            mask &= (self.rule if "/" in target else self.check).are(target)
        return mask

    def rate(self, check: str | None, findings: BoolArray, among: BoolArray) -> Rate:
        """The share of messages that these findings are about, of those that the check judged.

        A message that a check flags without having judged it, as it may with a note, counts among the judged.
        """
        return self.rates(check, findings, np.where(among, 0, -1), 1)[0]

    def rates(self, check: str | None, findings: BoolArray, kind: IntArray, n_kinds: int) -> list[Rate]:
        """The same for each kind of message: `kind` numbers that of each from 0, -1 where it is of none."""
        flagged = np.zeros(len(self), dtype=bool)
        rows = self.row[findings]
        flagged[rows[rows >= 0]] = True
        whole = np.flatnonzero((self.judged(check) | flagged) & (kind >= 0))
        cell = kind[whole] * self._n_trees + self._trees[whole]
        if n_kinds > 1:
            cells, cell = np.unique(cell, return_inverse=True)
        else:  # sorting millions takes a second
            cells = np.arange(self._n_trees)
        judged, hits = (np.bincount(cell[some], minlength=len(cells)) for some in (slice(None), flagged[whole]))
        there = judged > 0
        cells, judged, hits = cells[there], judged[there], hits[there]
        ends = np.searchsorted(cells, np.arange(n_kinds + 1) * self._n_trees)
        found = []
        for start, end in pairwise(ends.tolist()):
            n_flagged, n_judged = int(hits[start:end].sum()), int(judged[start:end].sum())
            by_trees = clustered(hits[start:end], judged[start:end])
            found.append(Rate(n_flagged, n_judged, end - start, wilson(n_flagged, n_judged), by_trees))
        return found


def rows_of(findings: pa.Table, messages: pa.Table) -> IntArray:
    """The message of each finding, the first where several have its id and place; -1: none."""
    return Keys(places(messages)).rows(places(findings))


def rows(record: Record, by: Sequence[str] = ()) -> Iterator[Row]:
    """The rates of all checks that finished and of their broken rules, for each combination of values of `by`.

    Raises
    ------
    ValueError
        If `by` names anything but lang, role and source.
    """
    for name in by:
        if name not in BY:
            raise ValueError(f"no column {name!r} to tell rates by; there are {', '.join(BY)}")
    population = Population(record.messages, record.table)
    values, kind = _kinds(population, by)
    for check in record.facts.checks:
        if check.error:
            continue
        for rule in (None, *(rule.id for rule in check.rules if rule.findings)):
            findings = population.of(rule or check.name, WARNING if rule is None else NOTE)
            each = population.rates(check.name, findings, kind, len(values))
            for some, rate in zip(values, each, strict=True):
                sure = corrected_rate(record, check, rate) if rule is None and not by else None
                yield Row(check.name, rule, some, rate, sure)


def corrected_rate(record: Record, check: CheckFacts, rate: Rate) -> Estimate | None:
    """The rate without the errors of the check: by the sample that people judged, or else by labels in the data."""
    if judged := record.judgements.get(check.name):
        return true_rate(list(judged.strata.values())).rate
    if check.labelled is None or not sum(check.labelled):
        return None
    labelled, faults = sum(check.labelled), check.labelled.hits + check.labelled.misses
    if labelled == rate.judged:  # nothing is left to be corrected
        return Estimate(faults / labelled, *wilson(faults, labelled))
    return corrected(rate.flagged, rate.judged, check.labelled)


def _kinds(population: Population, by: Sequence[str]) -> tuple[list[tuple[str | None, ...]], IntArray]:
    """All combinations of values of some columns, in order, and the number of that of each message."""
    if not by:
        return [()], np.zeros(len(population), dtype=np.int64)
    columns = [Coded(population.messages[name]) for name in by]
    numbers = [column.codes for column in columns]
    names = [[*column.words, None] for column in columns]
    found, of = np.unique(np.stack(numbers), axis=1, return_inverse=True)
    values = [tuple(known[k] for known, k in zip(names, column, strict=True)) for column in found.T.tolist()]
    order = sorted(range(len(values)), key=lambda k: repr(values[k]))
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.arange(len(values))
    return [values[k] for k in order], place[of.reshape(-1)]
