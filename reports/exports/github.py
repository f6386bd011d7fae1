"""Output of a gate for GitHub Actions: annotations of a step, and its summary."""

from collections.abc import Iterator

import numpy as np

from ...checks.base.findings import WARNING
from ...checks.base.large_tables import Coded, is_in
from ..gate import Ruling, Verdict
from ..page.markdown import code, plain, summary
from ..page.view import page
from ..record import STDIN, Record
from ..wording import count_of, interval, number, percent, visible

SHOWN = 10  # annotations of a level that GitHub keeps of a step
MAX_SUMMARY = 1 << 20  # bytes; GitHub drops a longer one whole


def annotations(record: Record, verdict: Verdict) -> list[str]:
    """Return workflow commands, one line each: the reasons why the gate fails, then findings to review.

    Errors are the reasons: parts that were not audited, and limits that are not met. Warnings are findings that count
    and are not in the baseline, those of a limit that is not met first; of each rule the worst, as ten of one would
    hide the others.
    """
    failed = [("The audit is incomplete", problem) for problem in verdict.problems]
    failed += [(f"Gate: {ruling.limit.where}", ruling.words) for ruling in verdict.rulings if not ruling.is_held]
    if len(failed) > SHOWN:
        failed[SHOWN - 1 :] = [("Gate", f"{number(len(failed) - SHOWN + 1)} more reasons: see the job summary")]
    return [_command("error", words, title=title) for title, words in failed] + [*_worst(record, verdict)]


def step_summary(record: Record, verdict: Verdict) -> str:
    """Return the verdict and its limits in Markdown, then summary.md; whole lines, within GitHub's limit."""
    new = verdict.is_new
    lines = [
        f"# {plain(verdict.words)}",
        "",
        "| limit | found | 95 % CI | allowed | |",
        "| --- | ---: | --- | ---: | --- |",
        *(_row(ruling) for ruling in verdict.rulings),
        "",
        *(f"- {code(visible(ruling.words))}" for ruling in verdict.rulings if ruling.found is None),
        *([f"- {verdict.accepted_words}"] if verdict.accepted_words else []),
        *([f"- {count_of(new.true_count, 'finding')} new since the baseline"] if new is not None else []),
        *(f"- {code(remark)}" for remark in verdict.remarks),
        "",
    ]
    return _within("\n".join(lines) + "\n" + summary(page(record)))


def _worst(record: Record, verdict: Verdict) -> Iterator[str]:
    """Yield a warning for each rule: those of limits that are not met first, then the worst."""
    counts = np.fromiter((reason is None for reason in verdict.accepted), dtype=bool, count=len(verdict.accepted))
    if verdict.is_new is not None:
        counts &= np.asarray(verdict.is_new.fill_null(True))
    severity, score = (np.asarray(record.table[name]) for name in ("severity", "score"))
    not_met = [ruling.limit.target for ruling in verdict.rulings if not ruling.is_held]
    is_asked = is_in(record.table["rule"], not_met) | is_in(record.table["check"], not_met)
    rows = np.flatnonzero(counts & (severity >= WARNING))
    rows = rows[np.lexsort((-score[rows], -severity[rows], ~is_asked[rows]))]  # stable: the first in the record wins
    rules = Coded(record.table["rule"]).codes[rows]
    _, first, n = np.unique(rules, return_index=True, return_counts=True)
    titles = {rule.id: rule.title for check in record.facts.checks for rule in check.rules}
    for k in np.argsort(first)[:SHOWN].tolist():
        (row,) = record.table.slice(rows[first[k]], 1).to_pylist()
        words = row["summary"] + (f" (and {number(int(n[k]) - 1)} more of this rule)" if n[k] > 1 else "")
        place = {} if row["source"] == STDIN else {"file": row["source"], "line": str(row["line"])}
        yield _command("warning", words, **place, title=titles[row["rule"]])


def _command(name: str, words: str, **properties: str) -> str:
    """Write `::name key=value,key=value::words`, escaped as the runner reads it back."""

    def escaped(words: str) -> str:
        # `visible` replaced all else that ends a line, such as a carriage return.
        return visible(words).replace("%", "%25").replace("\n", "%0A")

    values = {key: escaped(value).replace(":", "%3A").replace(",", "%2C") for key, value in properties.items()}
    return f"::{name} {','.join(f'{key}={value}' for key, value in values.items())}::{escaped(words)}"


def _row(ruling: Ruling) -> str:
    limit, rate, is_rate = ruling.limit, ruling.rate, ruling.kind == "max_rate"

    def written(value: float) -> str:
        return percent(value) if is_rate else number(int(value))

    found = "unknown" if ruling.found is None else written(ruling.found)
    low_high = f"{interval(*rate.clustered)} %" if is_rate and rate is not None and rate.checked else ""
    allowed = written(ruling.allowed) + (" (lower end)" if is_rate and limit.bound == "lower" else "")
    outcome = "met" if ruling.is_held else f"**{ruling.outcome}**"
    # A bar ends a cell even in a code span, and readers differ on how to escape it there.
    name = code(visible(f"{ruling.kind}: {limit.where}").replace("|", "⟦U+007C⟧"))
    return f"| {name} | {found} | {low_high} | {allowed} | {outcome} |"


def _within(text: str) -> str:
    if len(text.encode("utf-8", "replace")) <= MAX_SUMMARY:
        return text
    kept, room = [], MAX_SUMMARY - 100
    for line in text.splitlines(keepends=True):
        room -= len(line.encode("utf-8", "replace"))
        if room < 0:
            break
        kept.append(line)
    return "".join([*kept, "\nCut short here: GitHub shows 1 MiB. summary.md has all of it.\n"])
