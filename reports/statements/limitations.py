"""Limitations section of an audit, for a paper or a data set card: it claims no more than was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...checks.base.findings import NOTE
from ...checks.base.statistics.intervals import Confusion, Estimate, true_rate
from ..counts import CheckCounts, Counts, Line, Rate
from ..page.figures import by_language
from ..page.markdown import own, plain
from ..rates import CORRECTED, accuracy_here, corrected_rate, estimated
from ..record import CheckFacts, Facts, Judgement, Record
from ..unread import passed_over, unread_texts
from ..wording import (
    UNDECLARED,
    confidence,
    count_of,
    interval,
    leading,
    listed,
    lower,
    number,
    percent,
    sentence,
    setting,
    subject,
    visible,
)

REASONS = 3  # why messages were skipped, of each check
LANGUAGES = 8
RECOMMENDED = 6  # pieces of advice

INTERVALS = (
    "Rates are shares of the checked messages. The 95 % confidence intervals (CI) are clustered by conversation. They "
    "treat the conversations as a sample from the process that produced them. Unless stated otherwise, they do not "
    "include errors of the checks."
)
UNCORRECTED = f"The rate counts flagged messages and is not {CORRECTED}."
_CORRECTED = f"{CORRECTED.capitalize()}, the rate is {{}}."
BEYOND = (
    "chataudit's own checks do not assess factuality, harmfulness, bias, usefulness or personal information. Absence "
    "of findings is not evidence of absence."
)


class StatementRow(NamedTuple):
    """One row of the table of rates."""

    name: str
    flagged: str
    checked: str
    rate: str
    interval: str


@dataclass(frozen=True)
class Statements:
    """The statements about one check."""

    name: str
    about: str  # what it looks for
    found: tuple[str, ...]  # notes, rates, rules
    skipped: tuple[str, ...]  # messages that it skipped
    errors: tuple[str, ...]  # how often it errs
    method: tuple[str, ...]  # how it works
    blind: tuple[str, ...]  # what it cannot detect
    sources: tuple[str, ...]  # to be cited


@dataclass(frozen=True)
class Limitations:
    """All statements of an audit, in plain words; words of the data in them are made visible, not escaped."""

    title: str
    n_messages: int
    languages: tuple[str, ...]  # tags as declared, the most frequent first
    audited: tuple[str, ...]
    rows: tuple[StatementRow, ...]
    checks: tuple[Statements, ...]
    not_checked: tuple[str, ...]
    advice: tuple[str, ...]
    no_advice: str  # in place of advice where there is none
    appendix: str  # settings that differ from the defaults; empty where none does
    made_by: str


def limitations(record: Record, installed: Sequence[str]) -> Limitations:
    """Return the statements that an audit supports about its data.

    Parameters
    ----------
    record : Record
        The audit.
    installed : sequence of str
        All checks that could have run; those that did not are named.
    """
    facts, counts = record.facts, Counts(record)
    return Limitations(
        title=facts.title,
        n_messages=counts.messages,
        languages=tuple(tag for tag, _ in by_language(facts) if tag != UNDECLARED),
        audited=_audited(counts),
        rows=tuple(_row(check) for check in counts.checks),
        checks=tuple(_statements(record, check) for check in counts.checks),
        not_checked=_not_checked(counts, installed),
        advice=_advice([line for line in counts.lines if line.severity > NOTE]),
        no_advice="No check found more than notes."
        if all(check.rate.checked for check in counts.checks)
        else "The checks that ran found no more than notes; not all checks ran.",
        appendix=_appendix(facts),
        made_by=f"chataudit {facts.chataudit}, {facts.started[:10]}, with Python {facts.python} and "
        + listed([f"{name} {version}" for name, version in facts.dependencies.items()]),
    )


def _audited(counts: Counts) -> tuple[str, ...]:
    facts = counts.record.facts
    files = [
        f"{visible(source.name.rsplit('/', 1)[-1])} ({count_of(source.records, 'record')}"
        + (f"; SHA-256 {source.sha256})" if source.sha256 else "; not read to its end)")
        for source in facts.sources
    ]
    more = f" and {number(len(files) - 3)} more files" if len(files) > 3 else ""
    languages = [f"{visible(tag)} ({number(n)})" for tag, n in by_language(facts) if tag != UNDECLARED]
    declared = sum(n for tag, n in by_language(facts) if tag != UNDECLARED)
    sentences = [
        f"{count_of(counts.messages, 'message')} in {count_of(counts.trees, 'conversation tree')} "
        f"{'was' if counts.messages == 1 else 'were'} audited with "
        f"chataudit {facts.chataudit} on {facts.started[:10]}: {', '.join(files[:3])}{more}."
    ]
    if languages:
        shown = ", ".join(languages[:LANGUAGES])
        rest = f" and {len(languages) - LANGUAGES} others" if len(languages) > LANGUAGES else ""
        subject = "All messages declare"
        if declared < counts.messages:
            subject = f"{count_of(declared, 'message')} {'declares' if declared == 1 else 'declare'}"
        sentences.append(f"{subject} a language (most frequent first): {shown}{rest}.")
    return (*sentences, INTERVALS)


def _advice(lines: Sequence[Line]) -> tuple[str, ...]:
    rules = list({line.rule.id: line.rule for line in lines}.values())
    sentences = [f"{rule.title}: {lower(rule.advice)}" for rule in rules[:RECOMMENDED]]
    if len(rules) > RECOMMENDED:
        sentences.append(f"These are the most severe of {len(rules)} rules with a warning or an error.")
    return tuple(sentences)


def _row(check: CheckCounts) -> StatementRow:
    if check.facts.error:
        return StatementRow(check.name, "", "", "did not finish", "")
    if not check.rate.checked:
        return StatementRow(check.name, "", "0", "did not run" if check.is_idle else "no message checked", "")
    return StatementRow(check.name, *_figures(check.rate))


def _figures(rate: Rate) -> tuple[str, str, str, str]:
    return number(rate.flagged), number(rate.checked), percent(rate.share), f"{interval(*rate.clustered)} %"


def _statements(record: Record, check: CheckCounts) -> Statements:
    facts, method = check.facts, check.facts.measurement
    if facts.error:
        found: tuple[str, ...] = ("The check did not finish, so this audit says nothing about such messages.",)
    elif check.is_idle:
        found = (f"The check {check.outcome}. This audit says nothing about such messages.",)
    else:
        found = _found(check)
    return Statements(
        check.name,
        subject(facts.about),
        (*(sentence(visible(note)) for note in facts.notes), *found),
        () if facts.error else _skipped(check),
        _errors(record, check) if check.rate.checked else (),
        method.how,
        method.blind,
        method.sources,
    )


def _found(check: CheckCounts) -> tuple[str, ...]:
    rate = check.rate
    checked = count_of(rate.checked, "checked message")
    sentences = []
    if rate.flagged:
        verb = "was" if rate.flagged == 1 else "were"
        figures = f"({percent(rate.share)}, {confidence(*rate.clustered)})"
        sentences.append(f"{number(rate.flagged)} of {checked} {figures} {verb} flagged with a warning or an error.")
    elif rate.checked:
        sentences.append(
            f"None of {checked} was flagged with a warning or an error. Rates of up to {percent(rate.clustered[1])} "
            "are still compatible with this sample (upper end of the 95 % CI, if faults affect whole conversations). "
            "This is about what the check flags, not about what it misses."
        )
    if check.unnamed:
        sentences.append(f"{count_of(check.unnamed, 'record')} could not be read.")
    if bad := [line for line in check.lines if line.severity > NOTE]:
        sentences.append(f"Findings by rule (a message may have several): {_rules(bad)}.")
    if notes := [line for line in check.lines if line.severity == NOTE]:
        sentences.append(f"Notes, which are not always faults: {_rules(notes)}.")
    return tuple(sentences)


def _rules(lines: Sequence[Line]) -> str:
    worst = sorted(lines, key=lambda line: -line.findings)
    return "; ".join(f"{lower(line.rule.title)} ({count_of(line.findings, line.level)})" for line in worst)


def _skipped(check: CheckCounts) -> tuple[str, ...]:
    total = check.n_skipped
    if not total:
        return ()
    shown = leading(check.skipped, REASONS)
    sentences = [f"{visible(reason)} ({number(n)})" for reason, n in shown]
    if rest := sum(n for _, n in check.skipped[len(shown) :]):
        sentences.append(f"other reasons ({number(rest)})")
    share = percent(total / (total + check.rate.checked))
    verb = "was" if total == 1 else "were"
    return (f"{count_of(total, 'message')} ({share}) {verb} skipped: {'; '.join(sentences)}.",)


def _errors(record: Record, check: CheckCounts) -> tuple[str, ...]:
    facts, sentences = check.facts, []
    if judged := record.judgements.get(check.name):
        sentences += _by_sample(judged)
    elif facts.labelled is not None and any(facts.labelled):
        sentences += _by_labels(facts.labelled, check.rate, corrected_rate(record, facts, check.rate))
    else:
        sentences.append(UNCORRECTED)
    here = "" if judged else accuracy_here(record, facts)
    if known := " ".join(filter(None, (here, facts.measurement.sure))):
        sentences.append(sentence(f"Accuracy of the check: {lower(known)}"))
    return tuple(sentences)


def _by_sample(judged: Judgement) -> list[str]:
    strata = list(judged.strata.values())
    n_flagged, n_quiet = (sum(s.drawn for s in strata if s.is_flagged is which) for which in (True, False))
    left = f"; {number(judged.n_open)} more were drawn and left without a label" if judged.n_open else ""
    sentences = [
        f"People labelled a random sample of {number(n_flagged)} flagged and {number(n_quiet)} other messages{left}. "
        "Their labels are taken as correct; they saw the findings of the check."
    ]
    estimates = true_rate(strata)
    of_flagged = all(s.drawn == s.size for s in strata if s.is_flagged)
    of_all = all(s.drawn == s.size for s in strata)
    for estimate, is_whole, words in (
        (estimates.precision, of_flagged, "By that sample, the precision is {}."),
        (estimates.recall, of_all, "By that sample, the recall is {}."),
        (estimates.rate, of_all, _CORRECTED),
    ):
        if estimate.value == estimate.value:
            share = f"{percent(estimate.value)} (all messages were labelled)" if is_whole else estimated(estimate)
            sentences.append(words.format(share))
    return sentences if estimates.rate.value == estimates.rate.value else [*sentences, UNCORRECTED]


def _by_labels(labelled: Confusion, rate: Rate, sure: Estimate | None) -> list[str]:
    hits, misses, false_alarms, right_silences = labelled
    n, faults = sum(labelled), hits + misses
    if not faults or not false_alarms + right_silences:
        which = "all as faults" if faults else "none as a fault"
        return [f"People labelled {number(n)} of the checked messages, {which}.", UNCORRECTED]
    sentences = [
        f"People labelled {number(n)} of the checked messages, {number(faults)} of them as faults. The check flagged "
        f"{number(hits)} of these and {number(false_alarms)} of the others."
    ]
    if sure is None:
        return [*sentences, UNCORRECTED]
    if n == rate.checked:
        return [*sentences, f"By these labels the rate is {estimated(sure)}, if messages are independent."]
    return [
        *sentences,
        "We assume that labelled messages are a random sample of all checked messages, and independent.",
        _CORRECTED.format(estimated(sure)),
    ]


def _appendix(facts: Facts) -> str:
    sentences = [f"{check.name} ({settings})" for check in facts.checks if (settings := _changed(check))]
    return f"Settings that differ from the defaults: {'; '.join(sentences)}." if sentences else ""


def _changed(check: CheckFacts) -> str:
    return ", ".join(
        f"{name} = {visible(setting(check.settings[name]))}" for name in check.changed if name in check.settings
    )


def _not_checked(counts: Counts, installed: Sequence[str]) -> tuple[str, ...]:
    facts = counts.record.facts
    sentences = [f"Not read: {visible(error)}." for error in facts.errors]
    sentences += [f"Text that was not audited, in {group.file}: {group.listed}." for group in unread_texts(facts)]
    sentences += [f"Files that were not read: {files}."] if (files := passed_over(facts)) else []
    sentences += [f"{words}." for words in counts.gaps]
    run = {check.name for check in counts.checks}
    if missing := [name for name in installed if name not in run]:
        sentences.append(f"Checks that were not selected: {', '.join(missing)}.")
    return (*sentences, BEYOND)


def markdown(statements: Limitations) -> str:
    """Write the statements as a section in Markdown."""
    lines = [
        "## Limitations",
        "",
        *_paragraph(statements.audited),
        "| check | flagged | checked | rate | 95 % CI |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(map(plain, row))} |" for row in statements.rows),
        "",
    ]
    for check in statements.checks:
        lines += [f"### {plain(check.name)}: {plain(check.about)}", ""]
        lines += _paragraph((*check.found, *check.skipped))
        lines += _paragraph(check.errors, own)
        lines += _paragraph(("Method:", *check.method), own) if check.method else []
        lines += _paragraph(("Blind spots:", *check.blind), own) if check.blind else []
    lines += ["### Not checked", "", *_paragraph(statements.not_checked)]
    if statements.advice:
        lines += ["### Recommendations", "", *(f"- {own(words)}" for words in statements.advice), ""]
    if sources := _once([source for check in statements.checks for source in check.sources]):
        lines += ["### Sources", "", *(f"- {own(source)}" for source in sources), ""]
    lines += _paragraph([statements.appendix]) if statements.appendix else []
    return "\n".join([*lines, f"Made by {plain(statements.made_by)}.", ""])


def _once(sources: Sequence[str]) -> list[str]:
    """Return each source once: of two that differ only in what was used of it, the longer."""
    kept: list[str] = []
    for source in sources:
        named = source.rstrip(".")
        if any(known == source or known.startswith((f"{named},", f"{named};")) for known in kept):
            continue
        at = next(
            (k for k, known in enumerate(kept) if named.startswith(tuple(known.rstrip(".") + c for c in ",;"))), None
        )
        if at is None:
            kept.append(source)
        else:
            kept[at] = source
    return kept


def _paragraph(sentences: Sequence[str], escaped: Callable[[str], str] = plain) -> list[str]:
    return [escaped(" ".join(sentences)), ""] if sentences else []
