"""The statements of an audit as answers to a datasheet (Gebru et al. 2021, Datasheets for datasets, section 3)."""

from collections.abc import Sequence

from .limitations import Limitations
from .markdown import plain


def datasheet(told: Limitations) -> str:
    """Answers to the questions that an audit can answer, by the section of the datasheet that they stand in."""
    asked: list[tuple[str, Sequence[str]]] = [
        ("Composition: what the instances are, and how many", told.audited),
        (
            "Composition: errors, noise and redundancies",
            [f"{check.name}: {words}" for check in told.checks for words in (" ".join(check.found),)],
        ),
        (
            "Composition: what is missing, and what was not looked at",
            [
                *(f"{check.name}: {' '.join(check.unjudged)}" for check in told.checks if check.unjudged),
                *told.not_looked_at,
            ],
        ),
        (
            "Composition: how sure these answers are",
            [
                f"{check.name}: {' '.join((*check.errors, *check.blind)) or 'Nothing is known.'}"
                for check in told.checks
            ],
        ),
        ("Preprocessing, cleaning, labelling: what was not done", ["The audit changed nothing in the data."]),
        ("Uses: what users should know", told.advice or [told.no_advice]),
        ("Maintenance: how the audit is repeated", [f"It was made by {told.made_by}."]),
    ]
    lines = []
    for question, answers in asked:
        lines += [f"**{question}**", "", *(f"- {plain(words)}" for words in answers), ""]
    return "\n".join(lines)
