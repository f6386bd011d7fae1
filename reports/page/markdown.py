"""Summary of a page in Markdown, for pull requests and terminals."""

import re

from ..gate import Verdict
from ..rates import CORRECTED
from ..record import FINDINGS_FILE, REPORT
from .view import CheckView, Page

# Characters with a meaning in Markdown or HTML; an underscore within a word has none.
_SPECIAL = re.compile(r"[\\`*\[\]<>|~$&]|(?<!\w)_|_(?!\w)|:(?=//)|(?<=www)\.|^[#+-]")
# The same for sentences of the checks, which may contain code and addresses.
_OWN = re.compile(r"[\\*\[\]<>|~$]|&(?=[#\w])|(?<!\w)_|_(?!\w)|^[#+-]")

_NAMED = ("languages", "audited", "chataudit", "SHA-256")


def summary(page: Page) -> str:
    """Return the verdict, the rate of each check with its interval, and the rules with findings, in Markdown."""
    lines = [
        f"# Audit of {code(page.title)}",
        "",
        f"**{page.verdict}.** {plain(page.headline)}.",
        "",
        *(f"- {plain(words)}" for words in page.reasons),
        *(f"- {code(words)}" for words in page.problems),
        "",
        *(gate(page.gate) if page.gate else []),
        f"{plain(page.size)}; {', '.join(f'{name} {plain(value)}' for name, value in page.facts if name in _NAMED)}.",
        *(["", plain(page.passed_over)] if page.passed_over else []),
        *(["", plain(page.baseline)] if page.baseline else []),
        "",
        "| check | messages with a warning or error | 95 % CI | checked | skipped | errors | warnings | notes |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
        *(_row(check) for check in page.checks),
        "",
        *(f"- {check.name}, {CORRECTED}: {check.corrected}" for check in page.checks if check.corrected),
        *([""] if any(check.corrected for check in page.checks) else []),
    ]
    for check in page.checks:
        if check.rules or check.error or check.baseline:
            lines += [f"## {plain(check.name)}", ""]
            lines += [f"The check did not finish: {code(check.error)}", ""] if check.error else []
            lines += [f"Compared with the baseline: {check.baseline}.", ""] if check.baseline else []
            lines += [
                f"- {rule.count} × {plain(rule.title)} ({rule.severity}, `{rule.id}`)" for rule in check.rules
            ] + [""] * bool(check.rules)
    notes = [f"- {check.name}: {plain(note)}" for check in page.checks for note in check.notes]
    lines += ["## Notes", "", *notes, ""] if notes else []
    sure = [f"- {check.name}: {own(check.accuracy)}" for check in page.checks if check.accuracy]
    lines += ["## Accuracy of the checks", "", *sure] if sure else []
    lines += ["", f"Evidence: {REPORT} and {FINDINGS_FILE}. Made by {plain(page.made_by.partition(',')[0])}.", ""]
    return "\n".join(lines)


def gate(verdict: Verdict) -> list[str]:
    """Return the verdict of a gate: one line a limit, the exceeded ones first."""
    return [
        f"**{verdict.words}.**" + (f" {verdict.accepted_words}" if verdict.accepted_words else ""),
        "",
        *(
            f"- {'met' if ruling.is_held else f'**{ruling.outcome}**'}: {plain(ruling.words)}"
            for ruling in verdict.rulings
        ),
        *(f"- {plain(remark)}" for remark in verdict.remarks),
        "",
    ]


def plain(words: str) -> str:
    """Escape words so that they have no meaning in Markdown or HTML, on one line."""
    return _SPECIAL.sub(lambda found: "\\" + found[0], " ".join(words.split()))


def own(words: str) -> str:
    """Write a sentence of our own on one line: addresses and `code` stay as they are."""
    parts = re.split("(`[^`]+`)", " ".join(words.split()))
    return "".join(part if k % 2 else _OWN.sub(lambda found: "\\" + found[0], part) for k, part in enumerate(parts))


def code(words: str) -> str:
    """Put words into a code span, where nothing is read as a link and nobody is mentioned."""
    words = " ".join(words.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", words)), default=0))
    return f"{fence} {words} {fence}"


def _row(check: CheckView) -> str:
    errors, warnings, notes = (n for _, n in check.counts)
    if check.error:
        rate, interval = "did not finish", ""
    elif check.rate is None:
        rate, interval = "did not run" if check.state == "idle" else "checked none", ""
    else:
        rate, interval = f"{check.rate.flagged} ({check.rate.share})", f"{check.rate.interval} %"
    cells = (check.name, rate, interval, check.checked, check.n_skipped, errors, warnings, notes)
    return f"| {' | '.join(plain(cell) if cell == check.name else cell for cell in cells)} |"
