"""What an audit can say in a paper or on a data set card: statements that say no more than was measured."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..checks.base.findings import NOTE, SEVERITIES, WARNING
from ..checks.base.intervals import Confusion, Estimate, true_rate
from .markdown import plain
from .rates import Population, Rate, corrected_rate
from .record import CheckFacts, Facts, Judgement, Record, RuleFacts
from .view import UNDECLARED, broken, by_language, worst
from .words import count_of, interval, listed, number, percent, visible

REASONS = 3  # why messages were not judged, of each check
LANGUAGES = 8
RECOMMENDED = 6  # pieces of advice

INTERVALS = (
    "Rates are shares of the messages that a check judged. All messages were counted; the 95% intervals are for the "
    "rate of the process that made them, as if more conversation trees were drawn from it, and they do not cover the "
    "errors of the checks."
)
UNCORRECTED = "The rate is that of messages flagged, and not corrected for errors of the check."
BEYOND = (
    "None of the checks that come with chataudit looks at whether an answer is true, harmful, biased or of use, or "
    "whether a text tells of persons. An audit that finds nothing does not show that nothing is there."
)


class Line(NamedTuple):
    """One row of the table of rates."""

    name: str
    flagged: str
    judged: str
    rate: str
    interval: str


@dataclass(frozen=True)
class Told:
    """What is to be said of one check."""

    name: str
    about: str  # what it looks for
    found: tuple[str, ...]  # how it went about here, rates, rules, notes
    unjudged: tuple[str, ...]  # what it did not look at
    errors: tuple[str, ...]  # how often it errs
    method: tuple[str, ...]  # how it measures, and its settings
    blind: tuple[str, ...]  # what it cannot see
    sources: tuple[str, ...]  # to be cited


@dataclass(frozen=True)
class Limitations:
    """All statements of an audit, in plain words; strangers' words in them are made visible, not escaped."""

    title: str
    n_messages: int
    languages: tuple[str, ...]  # tags as declared, the most frequent first
    audited: tuple[str, ...]
    lines: tuple[Line, ...]
    checks: tuple[Told, ...]
    not_looked_at: tuple[str, ...]
    advice: tuple[str, ...]
    no_advice: str  # what to say where there is none
    made_by: str


def limitations(record: Record, installed: Sequence[str]) -> Limitations:
    """What an audit can say of its data.

    Parameters
    ----------
    record : Record
        What was found.
    installed : sequence of str
        All checks that could have been run; those that were not are named.
    """
    facts = record.facts
    population = Population(record.messages, record.table)
    rates = {
        check.name: population.rate(check.name, population.of(check.name, WARNING), population.among())
        for check in facts.checks
        if not check.error
    }
    severity = worst(population)
    bad = broken([rule for check in facts.checks for rule in check.rules], severity)
    return Limitations(
        title=facts.title,
        n_messages=facts.messages,
        languages=tuple(tag for tag, _ in by_language(facts) if tag != UNDECLARED),
        audited=_audited(facts),
        lines=tuple(_line(check.name, rates.get(check.name)) for check in facts.checks),
        checks=tuple(_told(record, check, rates.get(check.name), severity) for check in facts.checks),
        not_looked_at=_not_looked_at(facts, installed),
        advice=_advice([rule for rule in bad if severity[rule.id] > NOTE]),
        no_advice="No check found more than notes."
        if all(rate.judged for rate in rates.values()) and len(rates) == len(facts.checks)
        else "The checks that judged messages found no more than notes; not all did.",
        made_by=f"chataudit {facts.chataudit}, {facts.started[:10]}, with Python {facts.python} and "
        + listed([f"{name} {version}" for name, version in facts.dependencies.items()]),
    )


def _audited(facts: Facts) -> tuple[str, ...]:
    files = [
        f"{visible(source.name.rsplit('/', 1)[-1])} ({count_of(source.records, 'record')}"
        + (f"; SHA-256 {source.sha256})" if source.sha256 else "; not read to its end)")
        for source in facts.sources
    ]
    more = f" and {number(len(files) - 3)} more files" if len(files) > 3 else ""
    languages = [f"{visible(tag)} ({number(n)})" for tag, n in by_language(facts) if tag != UNDECLARED]
    declared = sum(n for tag, n in by_language(facts) if tag != UNDECLARED)
    told = [
        f"{count_of(facts.messages, 'message')} in {count_of(facts.trees, 'conversation tree')} were audited with "
        f"chataudit {facts.chataudit} on {facts.started[:10]}: {', '.join(files[:3])}{more}."
    ]
    if languages:
        shown = ", ".join(languages[:LANGUAGES])
        rest = f" and {len(languages) - LANGUAGES} others" if len(languages) > LANGUAGES else ""
        whose = "All messages carry" if declared == facts.messages else f"{count_of(declared, 'message')} carry"
        told.append(f"{whose} a tag of a language, by number of messages: {shown}{rest}.")
    return (*told, INTERVALS)


def _advice(rules: Sequence[RuleFacts]) -> tuple[str, ...]:
    told = [f"{rule.title}: {_lower(rule.advice)}" for rule in rules[:RECOMMENDED]]
    if len(rules) > RECOMMENDED:
        told.append(f"These are the gravest of {len(rules)} rules that were broken.")
    return tuple(told)


def _line(name: str, rate: Rate | None) -> Line:
    if rate is None or not rate.judged:
        return Line(name, "", "" if rate is None else "0", "did not finish" if rate is None else "not judged", "")
    told = (number(rate.flagged), number(rate.judged), percent(rate.share), interval(*rate.clustered))
    return Line(name, *told)


def _told(record: Record, check: CheckFacts, rate: Rate | None, severity: dict[str, int]) -> Told:
    method = check.measurement
    if rate is None:
        found: tuple[str, ...] = ("The check did not finish, so nothing is known of what it looks for.",)
    elif not rate.judged:
        found = ("No message was judged, so nothing is known of what it looks for.",)
    else:
        found = _found(check, rate, severity)
    notes = tuple(f"{note[0].upper()}{note[1:].rstrip('.')}." for note in map(visible, check.notes))
    return Told(
        check.name,
        _looks_for(check.about),
        (*notes, *found),
        () if rate is None else _unjudged(check),
        () if rate is None or not rate.judged else _errors(record, check, rate),
        _method(check),
        method.blind,
        method.sources,
    )


def _looks_for(about: str) -> str:
    """`Flag messages that ...` as `messages that ...`."""
    return _lower(about.removeprefix("Flag ").rstrip("."))


def _found(check: CheckFacts, rate: Rate, severity: dict[str, int]) -> tuple[str, ...]:
    judged = f"{number(rate.judged)} judged messages"
    rules = broken(check.rules, severity)
    bad = [rule for rule in rules if severity[rule.id] > NOTE]
    if rate.flagged:
        told = [
            f"Of {judged}, {number(rate.flagged)} {'has' if rate.flagged == 1 else 'have'} a warning or an error: "
            f"{percent(rate.share)} (95% interval {interval(*rate.clustered)})."
        ]
    else:
        told = [
            f"Of {judged}, none has a warning or an error. Rates of up to {percent(rate.clustered[1])} are compatible "
            "with finding none (upper end of the 95% interval, taking faults to come in whole trees). This is about "
            "what the check flags, and not about what it misses."
        ]
    if bad:
        told.append(f"Findings by rule (a message may have several): {_rules(bad, severity)}.")
    if notes := [rule for rule in rules if severity[rule.id] == NOTE]:
        told.append(f"Noted, and not always a fault: {_rules(notes, None)}.")
    return tuple(told)


def _rules(rules: Sequence[RuleFacts], severity: dict[str, int] | None) -> str:
    def told(rule: RuleFacts) -> str:
        level = f", {SEVERITIES[severity[rule.id]]}" if severity else ""
        return f"{_lower(rule.title)} ({number(rule.findings)}{level})"

    return "; ".join(told(rule) for rule in sorted(rules, key=lambda rule: -rule.findings))


def _unjudged(check: CheckFacts) -> tuple[str, ...]:
    reasons = sorted(check.skipped.items(), key=lambda item: (-item[1], item[0]))
    total = sum(n for _, n in reasons)
    if not total:
        return ()
    told = [f"{visible(reason)} ({number(n)})" for reason, n in reasons[:REASONS]]
    if rest := sum(n for _, n in reasons[REASONS:]):
        told.append(f"other reasons ({number(rest)})")
    share = percent(total / (total + check.judged))
    return (f"{count_of(total, 'message')} ({share}) {'was' if total == 1 else 'were'} not judged: {'; '.join(told)}.",)


def _errors(record: Record, check: CheckFacts, rate: Rate) -> tuple[str, ...]:
    told = []
    if judged := record.judgements.get(check.name):
        told += _by_sample(judged)
    elif check.labelled is not None and any(check.labelled):
        told += _by_labels(check.labelled, rate, corrected_rate(record, check, rate))
    else:
        told.append(UNCORRECTED)
    if check.measurement.sure:
        told.append(f"In tests of its authors: {_lower(check.measurement.sure)}")
    return tuple(told)


def _by_sample(judged: Judgement) -> list[str]:
    strata = list(judged.strata.values())
    n_flagged, n_quiet = (sum(s.drawn for s in strata if s.is_flagged is which) for which in (True, False))
    left = f"; {number(judged.n_open)} more were drawn and left without a verdict" if judged.n_open else ""
    told = [
        f"People judged {number(n_flagged)} of the messages flagged and {number(n_quiet)} of the others, drawn at "
        f"random{left}. Their verdicts are taken as right; they saw what the check had said."
    ]
    estimates = true_rate(strata)
    of_flagged = all(s.drawn == s.size for s in strata if s.is_flagged)
    of_all = all(s.drawn == s.size for s in strata)
    for estimate, is_whole, words in (
        (estimates.precision, of_flagged, "By that sample, of the messages flagged, {} are at fault."),
        (estimates.recall, of_all, "By that sample, of the messages at fault, {} are flagged."),
        (estimates.rate, of_all, "Corrected for the errors of the check, the rate is {}."),
    ):
        if estimate.value == estimate.value:
            share = f"{percent(estimate.value)} (all of them were judged)" if is_whole else _share(estimate)
            told.append(words.format(share))
    return told if estimates.rate.value == estimates.rate.value else [*told, UNCORRECTED]


def _by_labels(labelled: Confusion, rate: Rate, sure: Estimate | None) -> list[str]:
    hits, misses, false_alarms, _ = labelled
    told = [
        f"People labelled {number(sum(labelled))} of the judged messages, {number(hits + misses)} of them as faults: "
        f"{number(hits)} of these are flagged, and {number(false_alarms)} others."
    ]
    if sure is None:
        return [*told, UNCORRECTED]
    if sum(labelled) == rate.judged:
        return [*told, f"By people's labels the rate is {_share(sure)}, taking messages for independent."]
    return [
        *told,
        "They are taken for a random part of all judged messages, and messages for independent.",
        f"Corrected for the errors of the check, the rate is {_share(sure)}.",
    ]


def _share(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} (95% interval {interval(estimate.low, estimate.high)})"


def _method(check: CheckFacts) -> tuple[str, ...]:
    settings = ", ".join(
        f"{name} {visible(json.dumps(value, ensure_ascii=False))}" for name, value in check.settings.items()
    )
    how = check.measurement
    return (*how.how, *([f"Settings: {settings}."] if settings else []))


def _not_looked_at(facts: Facts, installed: Sequence[str]) -> tuple[str, ...]:
    told = [f"Not read: {visible(error)}." for error in facts.errors]
    run = {check.name for check in facts.checks}
    if missing := [name for name in installed if name not in run]:
        told.append(f"Checks that were not run: {', '.join(missing)}.")
    return (*told, BEYOND)


def _lower(sentence: str) -> str:
    """The sentence as it goes on after a colon; what begins with a name or an abbreviation stays."""
    first = sentence.split(" ", 1)[0]
    return sentence if first[1:].lower() != first[1:] or not first[:1].isalpha() else sentence[0].lower() + sentence[1:]


def markdown(told: Limitations) -> str:
    """The statements as a section of a page or a paper."""
    lines = [
        "## Limitations",
        "",
        *_paragraph(told.audited),
        "| check | flagged | judged | rate | 95% interval |",
        "| --- | ---: | ---: | ---: | --- |",
        *(f"| {' | '.join(map(plain, line))} |" for line in told.lines),
        "",
    ]
    for check in told.checks:
        lines += [f"### {plain(check.name)}: {plain(check.about)}", ""]
        lines += _paragraph((*check.found, *check.unjudged))
        lines += _paragraph(check.errors)
        lines += _paragraph(("How it was measured:", *check.method)) if check.method else []
        lines += _paragraph(("What it cannot see:", *check.blind)) if check.blind else []
    lines += ["### Not looked at", "", *_paragraph(told.not_looked_at)]
    if told.advice:
        lines += ["### Recommendations", "", *(f"- {plain(words)}" for words in told.advice), ""]
    if sources := list(dict.fromkeys(source for check in told.checks for source in check.sources)):
        lines += ["### Sources", "", *(f"- {plain(source)}" for source in sources), ""]
    return "\n".join([*lines, f"Made by {plain(told.made_by)}.", ""])


def _paragraph(sentences: Sequence[str]) -> list[str]:
    return [plain(" ".join(sentences)), ""] if sentences else []
