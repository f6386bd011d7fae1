"""Release gate: limits on an audit, and whether it meets them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Literal

import numpy as np
import pyarrow as pa

from ..checks.base.arrow.columns import BoolArray, as_bools
from ..checks.base.findings import LEVELS, NOTE, WARNING, Severity
from ..checks.base.large_tables import is_in
from .baseline import Baseline
from .counts import Counts, Population, Rate
from .record import Facts, Record
from .redact import hashed
from .wording import confidence, count_of, listed, number, percent, visible

Kind = Literal["max_rate", "max_count", "max_new"]
EVERYTHING = "all"  # the target of limits on what all checks found together


@dataclass(frozen=True)
class Limit:
    """What a check, or one of its rules, may find at most."""

    max_rate: float | None = None  # of the checked messages, in [0, 1]
    max_count: int | None = None  # findings
    max_new: int | None = None  # findings that are not in the baseline
    bound: Literal["point", "lower"] = "point"  # lower: fail only where even the lower end of the interval is above
    severity: Severity | None = None  # milder ones do not count; by default warning, of a single rule note
    lang: tuple[str, ...] = ()  # only messages that declare one of these
    role: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    target: str = EVERYTHING  # a check, or check/rule; the name of its table

    def __post_init__(self) -> None:
        if not self.bounds:
            raise ValueError("sets no limit; expected max_rate, max_count or max_new")
        if self.bound != "point" and self.max_rate is None:
            raise ValueError(f"bound: {self.bound!r} is for max_rate, which is not set")
        if self.max_rate is not None and not 0 <= self.max_rate <= 1:
            raise ValueError(f"max_rate: {self.max_rate} is not in [0, 1]. 1 % is 0.01")
        for name in ("max_count", "max_new"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is below 0")

    @property
    def level(self) -> int:
        """The least severity that counts."""
        return LEVELS[self.severity] if self.severity else NOTE if "/" in self.target else WARNING

    @property
    def bounds(self) -> list[tuple[Kind, float]]:
        """The kinds that are limited, each with its largest value."""
        kinds: tuple[Kind, ...] = ("max_rate", "max_count", "max_new")
        return [(kind, getattr(self, kind)) for kind in kinds if getattr(self, kind) is not None]

    @property
    def where(self) -> str:
        """The scope of the limit, such as `CHECK, lang en`."""
        narrowed = [f"{name} {listed(list(getattr(self, name)))}" for name in ("lang", "role", "source")
                    if getattr(self, name)]  # fmt: skip
        return visible(", ".join([self.target, *([f"{self.severity} and worse"] if self.severity else []), *narrowed]))


@dataclass(frozen=True)
class Suppression:
    """Findings that people reviewed and accept for a while."""

    reason: str
    expires: date  # the last day on which they are accepted
    fingerprints: tuple[str, ...] = ()
    rule: str = ""  # check/rule, or a check: of the messages named, or of all
    message_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("reason is empty; say why these findings are accepted")
        if bool(self.fingerprints) == bool(self.rule):
            raise ValueError("expected either fingerprints or a rule")
        if self.message_ids and not self.rule:
            raise ValueError("message_ids narrow a rule; fingerprints need none")

    def covers(self, findings: pa.Table) -> BoolArray:
        """Return the mask of the findings that it accepts."""
        if self.fingerprints:
            return is_in(findings["fingerprint"], self.fingerprints)
        mask = is_in(findings["rule" if "/" in self.rule else "check"], [self.rule])
        if not self.message_ids:
            return mask
        # In a redacted record ids are hashed.
        return mask & is_in(findings["message_id"], [*self.message_ids, *map(hashed, self.message_ids)])


@dataclass(frozen=True)
class Gate:
    """Limits, and the findings that do not count."""

    limits: tuple[Limit, ...]
    suppressions: tuple[Suppression, ...] = ()


@dataclass(frozen=True)
class Ruling:
    """One limit, compared with an audit."""

    limit: Limit
    kind: Kind
    allowed: float
    found: float | None  # a share, or a number of findings; None: unknown
    rate: Rate | None
    is_held: bool
    words: str  # one sentence with its numbers

    @property
    def outcome(self) -> str:
        """`met`, `exceeded` or `unknown`; an unknown value does not meet a limit."""
        return "met" if self.is_held else "unknown" if self.found is None else "exceeded"


@dataclass(frozen=True)
class Verdict:
    """Whether an audit passes, and why."""

    rulings: tuple[Ruling, ...]  # the exceeded and unknown ones first
    problems: tuple[str, ...]  # why the audit is not complete
    accepted: tuple[str | None, ...]  # for each finding of the record, why it does not count; None: it counts
    is_new: pa.Array | None  # compared with the baseline: null where that did not run the check
    remarks: tuple[str, ...]  # on suppressions: expired, or without a finding

    @property
    def is_passed(self) -> bool:
        """Whether the audit is complete, and meets every limit."""
        return not self.problems and all(ruling.is_held for ruling in self.rulings)

    @property
    def accepted_words(self) -> str:
        """How many findings do not count; empty where all do."""
        n = sum(reason is not None for reason in self.accepted)
        return f"{count_of(n, 'accepted finding')} not counted." if n else ""

    @property
    def words(self) -> str:
        """The verdict in one line."""
        limits = count_of(len(self.rulings), "limit")
        if self.is_passed:
            return f"Gate passed: {limits} met"
        outcomes = [ruling.outcome for ruling in self.rulings]
        words = [f"{outcomes.count('exceeded')} of {limits} exceeded"]
        words += [f"{unknown} unknown"] if (unknown := outcomes.count("unknown")) else []
        return f"Gate failed: {'the audit is incomplete; ' if self.problems else ''}{', '.join(words)}"


def decide(record: Record, gate: Gate, baseline: Baseline | None, today: date) -> Verdict:
    """Compare an audit with the limits of a gate.

    Parameters
    ----------
    record : Record
        The audit.
    gate : Gate
        The limits.
    baseline : Baseline, optional
        The older audit that `max_new` compares with.
    today : date
        The day on which suppressions are looked up.

    Raises
    ------
    ValueError
        If a limit or a suppression names a check or a rule that the audit does not know, if there is no limit, or if
        new findings are limited and there is no baseline.
    """
    rules = {check.name: [rule.id for rule in check.rules] for check in record.facts.checks}
    refuse_unknown(gate, rules, baseline is not None)
    accepted, remarks = _accepted(record.table, gate.suppressions, today)
    counted = np.fromiter((reason is None for reason in accepted), dtype=bool, count=len(accepted))
    is_new = None if baseline is None else baseline.is_new(record.table)
    new = np.zeros(record.table.num_rows, dtype=bool) if is_new is None else as_bools(is_new)
    population = Counts(record).population
    each = (_rulings(limit, population, counted, new, record.facts, baseline) for limit in gate.limits)
    rulings = sorted(chain.from_iterable(each), key=lambda ruling: ruling.is_held)
    return Verdict(tuple(rulings), tuple(record.facts.problems), accepted, is_new, remarks)


def refuse_unknown(gate: Gate, rules: Mapping[str, Sequence[str]], has_baseline: bool) -> None:
    """Raise unless the limits and suppressions of a gate name these checks, or rules of them.

    Raises
    ------
    ValueError
    """
    if not gate.limits:
        raise ValueError(f"there is no limit. Set one, such as [gate.{next(iter(rules), 'CHECK')}] max_rate = 0.01")
    if not has_baseline and any(limit.max_new is not None for limit in gate.limits):
        raise ValueError("max_new needs a baseline. Name an older audit: --baseline DIR, or [gate] baseline")
    named = [(f'[gate."{limit.target}"]', limit.target) for limit in gate.limits if limit.target != EVERYTHING]
    for what, target in named:
        check = target.partition("/")[0]
        if check not in rules:
            raise ValueError(f"{what}: the audit ran no check {check!r}; it ran {', '.join(rules)}")
    # Accepting findings of a check that did not run does no harm.
    accepted = [(f"suppressed rule {s.rule!r}", s.rule) for s in gate.suppressions if s.rule.partition("/")[0] in rules]
    for what, target in [*named, *accepted]:
        check = target.partition("/")[0]
        if "/" in target and target not in rules[check]:
            near = ", ".join(rule.partition("/")[2] for rule in rules[check])
            raise ValueError(f"{what}: {check} has no such rule; it has {near}")


def _accepted(
    findings: pa.Table, suppressions: Sequence[Suppression], today: date
) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """Return why each finding does not count, and remarks on the suppressions."""
    reasons: list[str | None] = [None]
    reason = np.zeros(findings.num_rows, dtype=np.int16)  # of each finding the first that accepts it
    remarks = []
    for suppression in suppressions:
        covered = suppression.covers(findings)
        n, why = int(np.count_nonzero(covered)), visible(suppression.reason)
        if not n:
            remarks.append(f"A suppression matches no finding of this audit: {why}")
        elif suppression.expires < today:
            words = "counts again" if n == 1 else "count again"
            remarks.append(f"A suppression expired on {suppression.expires}; {count_of(n, 'finding')} {words}: {why}")
        else:
            reason[covered & (reason == 0)] = len(reasons)
            reasons.append(why)
    return tuple(reasons[k] for k in reason.tolist()), tuple(remarks)


def _rulings(
    limit: Limit, population: Population, counted: BoolArray, new: BoolArray, facts: Facts, baseline: Baseline | None
) -> Iterator[Ruling]:
    check = None if limit.target == EVERYTHING else limit.target.partition("/")[0]
    asked = [c for c in facts.checks if check in (None, c.name)]
    if failed := [c.name for c in asked if c.error]:
        for kind, allowed in limit.bounds:
            yield Ruling(limit, kind, allowed, None, None, False, f"{limit.where}: {listed(failed)} did not finish")
        return
    among = population.among(lang=limit.lang, role=limit.role, source=limit.source)
    # An unreadable record has no language and no role, but a source.
    is_unread = population.row < 0
    if limit.source:
        is_unread &= is_in(population.findings["source"], limit.source)
    inside = np.append(among, False)[population.row] | (is_unread & (not limit.lang and not limit.role))
    here = counted & population.of(None if check is None else limit.target, limit.level) & inside
    rate = population.rate(check, here, among)
    for kind, allowed in limit.bounds:
        nothing = not rate.checked and (kind == "max_rate" or not here.any())
        unknown = "no message was checked" if nothing else ""
        if kind == "max_new" and baseline is not None:
            missing = [c.name for c in asked if c.name not in baseline.n_findings]
            unknown = unknown or (f"the baseline did not run {listed(missing)}" if missing else "")
        if unknown:
            yield Ruling(limit, kind, allowed, None, rate, False, f"{limit.where}: {unknown}")
        elif kind == "max_rate":
            yield _of_rate(limit, allowed, rate)
        else:
            found = int((here if kind == "max_count" else here & new).sum())
            words = count_of(found, "finding" if kind == "max_count" else "new finding")
            words = f"{limit.where}: {words}, {_side(found, allowed)} {number(int(allowed))}"
            yield Ruling(limit, kind, allowed, found, rate, found <= allowed, words)


def _of_rate(limit: Limit, allowed: float, rate: Rate) -> Ruling:
    low, high = rate.clustered
    value = rate.share if limit.bound == "point" else low
    words = (
        f"{limit.where}: {percent(rate.share)} of messages ({number(rate.flagged)} of {number(rate.checked)}; "
        f"{confidence(low, high)}), {'lower end ' if limit.bound == 'lower' else ''}"
        f"{_side(value, allowed)} {100 * allowed:.6g} %"
    )
    return Ruling(limit, "max_rate", allowed, rate.share, rate, value <= allowed, words)


def _side(found: float, allowed: float) -> str:
    return "within the limit of" if found <= allowed else "above the limit of"
