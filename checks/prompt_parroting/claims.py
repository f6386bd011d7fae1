"""Findings about replies that repeat a message above them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..base.claims import claim, token_spans
from ..base.findings import FINDINGS, NOTE, Rule
from ..base.messages import Batch
from ..base.statistics.intervals import in_percent
from .comparison import Comparison
from .rules import COPIES_PROMPT, ECHO

FACETS = {
    "partner": "repeated message",
    "steps": "steps up to the repeated message",
    "of_reply": "share of the reply",
    "of_prompt": "share of the repeated message",
    "kind": "kind of repetition",
}


class Pair(NamedTuple):
    """A reply, and a message above it: rows of a batch, the two compared, and what the model weighs."""

    reply: int
    other: int
    steps: int  # 1: its prompt
    comparison: Comparison
    features: dict[str, float]


class Repetition(NamedTuple):
    """A reply that repeats a message above it."""

    rule: Rule
    severity: int
    pair: Pair
    score: float  # of a warning, the probability that it is an echo; of a note, the share that is repeated
    kind: str = ""


def findings(batch: Batch, found: Sequence[Repetition]) -> pa.Table:
    """Return FINDINGS of these repetitions."""
    ids, column = batch.column("message_id"), batch.column("text")
    tables = [FINDINGS.empty_table()]
    for rule, severity in sorted({(r.rule.id, r.severity) for r in found}):
        some = [r for r in found if (r.rule.id, r.severity) == (rule, severity)]
        replies, others = (np.array(rows) for rows in zip(*((r.pair.reply, r.pair.other) for r in some), strict=True))
        left, right, n = np.array([r.pair.comparison.run for r in some]).T
        partners = [key or "" for key in ids.take(pa.array(others)).to_pylist()]
        tables.append(
            claim(
                batch.places,
                some[0].rule,
                replies,
                [_summary(r) for r in some],
                spans=[
                    token_spans(column, batch.tokens, replies, left, left + n),
                    token_spans(column, batch.tokens, others, right, right + n),
                ],
                score=np.array([r.score for r in some]),
                severity=severity,
                facets=[_facets(r, partner) for r, partner in zip(some, partners, strict=True)],
                about=partners,
            )
        )
    return pa.concat_tables(tables)


def _summary(r: Repetition) -> str:
    steps, comparison = r.pair.steps, r.pair.comparison
    other = "its prompt" if steps == 1 else f"the message {steps} steps above"
    run = "1 word" if comparison.run.n == 1 else f"{comparison.run.n:,} words in a row"
    of_reply, of_other = in_percent(comparison.of_reply, 0), in_percent(comparison.of_other, 0)
    if r.rule is ECHO:
        said = f"{of_reply} of the reply is copied from {other} ({of_other} of which it repeats; {run}"
    else:
        verb = "Contains" if r.rule is COPIES_PROMPT else "Quotes"
        said = f"{verb} {of_other} of its prompt, which is {of_reply} of the reply ({run}"
    return said + (f"; probability {r.score:.2f})" if r.severity > NOTE else ")")


def _facets(r: Repetition, partner: str) -> dict[str, str]:
    facets = {
        "partner": partner,
        "steps": str(r.pair.steps),
        "of_reply": f"{r.pair.comparison.of_reply:.2f}",
        "of_prompt": f"{r.pair.comparison.of_other:.2f}",
    }
    return facets | ({"kind": r.kind} if r.kind else {})
