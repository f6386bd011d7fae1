"""Rates that can be cited, with intervals, by check, rule, language, role and source."""

from collections.abc import Iterator, Sequence
from math import isnan
from typing import NamedTuple

import numpy as np

from ..checks.base.arrow.columns import IntArray
from ..checks.base.findings import SEVERITIES, WARNING
from ..checks.base.large_tables import Coded
from ..checks.base.statistics.intervals import Confusion, Estimate, corrected, true_rate, wilson
from .counts import Counts, Population, Rate
from .record import CheckFacts, Record
from .wording import confidence, listed, number, percent, sentence

CORRECTED = "corrected for the check's false alarms and misses"
COUNTED = (
    "A check's row counts messages with a warning or an error; a rule's row counts messages with a finding of that "
    "rule and severity."
)
CITED = (
    "The 95 % CI is clustered by conversation. If no conversation is flagged, or only one and all of it, faults may "
    "come in whole conversations. The interval allows for this and is wider; the interval of a rule can be wider than "
    "that of its check (docs/rates.md)."
)

BY = ("lang", "role", "source")  # what messages can be narrowed by


class RateRow(NamedTuple):
    """The rate of one check, or of one rule at one severity, in all messages or those of one language, role, source."""

    check: str
    rule: str | None  # None: all rules of the check, from warnings on
    severity: str | None  # of the findings of the rule; None: of a check
    values: tuple[str | None, ...]  # of the columns of `by`; null where messages declare none
    rate: Rate
    corrected: Estimate | None  # for the errors of the check, where people have judged or labelled messages

    def flat(self) -> tuple[str | int | float | None, ...]:
        """Return one value for each of `columns(by)`."""
        rate = self.rate
        counts = (rate.flagged, rate.checked, rate.clusters)
        known = (rate.share, *rate.clustered, *rate.wilson)
        return (self.check, self.rule, self.severity, *self.values, *counts, *known, *(self.corrected or (None,) * 3))


def columns(by: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the values of a row.

    `low` and `high` are the ends of the 95 % interval clustered by conversation, the one to cite; those of Wilson's
    follow. `clusters` counts the conversations, by id, with a checked message.
    """
    ends = ("rate", "low", "high", "wilson_low", "wilson_high", "corrected", "corrected_low", "corrected_high")
    return ("check", "rule", "severity", *by, "flagged", "checked", "clusters", *ends)


def rows(record: Record, by: Sequence[str] = ()) -> Iterator[RateRow]:
    """Yield the rates of checks that finished and of their rules with findings, for each combination of values of `by`.

    Raises
    ------
    ValueError
        If `by` names anything but lang, role and source.
    """
    for name in by:
        if name not in BY:
            raise ValueError(f"rates by {name!r}: unknown column. Expected {', '.join(BY)}")
    counts = Counts(record)
    population = counts.population
    values, kind = _kinds(population, by)
    groups = population.groups(kind, len(values))
    for check in counts.checks:
        if check.facts.error:
            continue
        whole = population.rates(check.name, population.of(check.name, WARNING), groups)
        for some, rate in zip(values, whole, strict=True):
            yield RateRow(check.name, None, None, some, rate, None if by else corrected_rate(record, check.facts, rate))
        for line in check.lines:
            found = population.of(line.rule.id, line.severity) & (population.severity == line.severity)
            each = population.rates(check.name, found, groups)
            for some, rate in zip(values, each, strict=True):
                yield RateRow(check.name, line.rule.id, SEVERITIES[line.severity], some, rate, None)


def corrected_rate(record: Record, check: CheckFacts, rate: Rate) -> Estimate | None:
    """Return the rate without the errors of the check, by verdicts on a sample, or else by labels in the data.

    None where there are neither, and where labels are all alike: they show no error, and correct nothing.
    """
    if judged := record.judgements.get(check.name):
        return true_rate(list(judged.strata.values())).rate
    labelled = _telling(check.labelled)
    if labelled is None:
        return None
    if sum(labelled) == rate.checked:  # nothing is left to be corrected
        faults = labelled.hits + labelled.misses
        return Estimate(faults / sum(labelled), *wilson(faults, sum(labelled)))
    return corrected(rate.flagged, rate.checked, labelled)


def accuracy_here(record: Record, check: CheckFacts) -> str:
    """Write precision and recall of a check on messages of this audit that people labelled; empty where none tell."""
    if judged := record.judgements.get(check.name):
        strata = list(judged.strata.values())
        estimates = true_rate(strata)
        measures = {"precision": estimates.precision, "recall": estimates.recall}
        source = f"estimated from {number(sum(stratum.drawn for stratum in strata))}"
    elif labelled := _telling(check.labelled):
        flagged, faults = labelled.hits + labelled.false_alarms, labelled.hits + labelled.misses
        measures = {
            name: Estimate(labelled.hits / n, *wilson(labelled.hits, n))
            for name, n in (("precision", flagged), ("recall", faults))
            if n
        }
        source = f"on {number(sum(labelled))}"
    else:
        return ""
    words = [f"{name} {value}" for name, each in measures.items() if (value := estimated(each))]
    return sentence(f"{listed(words)} {source} labelled messages of this data set") if words else ""


def estimated(estimate: Estimate | None) -> str:
    """Write an estimate with its interval; empty where it is not known."""
    if estimate is None or isnan(estimate.value):
        return ""
    return f"{percent(estimate.value)} ({confidence(estimate.low, estimate.high)})"


def _telling(labelled: Confusion | None) -> Confusion | None:
    """Return labels of the data if they differ: labels that are all alike show no error."""
    if labelled is None or not labelled.hits + labelled.misses or not labelled.false_alarms + labelled.right_silences:
        return None
    return labelled


def _kinds(population: Population, by: Sequence[str]) -> tuple[list[tuple[str | None, ...]], IntArray]:
    """Return all combinations of values of some columns, in order, and the number of that of each message."""
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
