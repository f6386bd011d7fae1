"""Statements of an audit as answers to a datasheet (Gebru et al. 2021, Datasheets for datasets, section 3)."""

from collections.abc import Sequence

from ..page.markdown import own, plain
from .limitations import Limitations

_ACCURACY, _USES = "Composition: how accurate these answers are", "Uses: what users should know"
_OURS = (_ACCURACY, _USES)  # questions whose answers contain no words of the data


def datasheet(statements: Limitations) -> str:
    """Answer the questions that an audit can answer, by section of the datasheet."""
    asked: list[tuple[str, Sequence[str]]] = [
        ("Composition: what the instances are, and how many", statements.audited),
        (
            "Composition: errors, noise and redundancies",
            [f"{check.name}: {words}" for check in statements.checks for words in (" ".join(check.found),)],
        ),
        (
            "Composition: what is missing, and what was not checked",
            [
                *(f"{check.name}: {' '.join(check.skipped)}" for check in statements.checks if check.skipped),
                *statements.not_checked,
            ],
        ),
        (
            _ACCURACY,
            [f"{check.name}: {' '.join((*check.errors, *check.blind)) or 'Unknown.'}" for check in statements.checks],
        ),
        ("Preprocessing, cleaning, labelling: what was not done", ["The audit did not change the data."]),
        (_USES, statements.advice or [statements.no_advice]),
        (
            "Maintenance: how to repeat the audit",
            [*([statements.appendix] if statements.appendix else []), f"Made by {statements.made_by}."],
        ),
    ]
    lines = []
    for question, answers in asked:
        escaped = own if question in _OURS else plain
        lines += [f"**{question}**", "", *(f"- {escaped(words)}" for words in answers), ""]
    return "\n".join(lines)
