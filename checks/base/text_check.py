"""Base for checks that look at one text at a time: spans, findings and coverage are made here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from .check import Check, Result
from .claims import Spans, claim, cover
from .findings import CHECKED, Rule
from .messages import Batch

MAX_SPANS = 10  # of one finding: a text may contain a pattern a thousand times


class Message(NamedTuple):
    """One message, as `TextCheck.inspect` sees it."""

    text: str
    role: str | None
    lang: str | None  # as declared


class Hit(NamedTuple):
    """One place in a text that breaks a rule: the code points `[start, end)`."""

    rule: Rule
    start: int
    end: int
    summary: str = ""  # one sentence for the finding; empty: the rule's title
    score: float = 1.0  # in [0, 1]
    facets: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class TextCheck(Check):
    """A check that reads each text by itself.

    A subclass yields hits from `inspect`. All hits of one rule in one message become one finding, which shows the first
    ten of them and takes summary and facets from the first, and the highest score.
    """

    def inspect(self, message: Message) -> Iterable[Hit]:
        """Yield the places in a message that break a rule."""
        raise NotImplementedError(f"{type(self).__name__} has no inspect")

    def skip(self, message: Message) -> str | None:
        """Return why a message is not checked, such as "a system message"; None: it is checked."""
        return None

    def scan(self, batch: Batch) -> Result:
        """Inspect every message of a batch that has a text."""
        columns = (batch.column(name).to_pylist() for name in Message._fields)
        outcomes = np.full(len(batch), CHECKED, dtype=object)
        found: dict[Rule, list[tuple[int, list[Hit]]]] = defaultdict(list)
        for row, (text, role, lang) in enumerate(zip(*columns, strict=True)):
            if batch.is_context[row]:
                continue
            message = Message(text or "", role, lang)
            reason = "no text" if not message.text.strip() else self.skip(message)
            if reason is not None:
                outcomes[row] = reason
                continue
            for rule, hits in _by_rule(self.inspect(message)):
                found[rule].append((row, hits))
        tables = [claims_of(batch, rule, hits) for rule, hits in found.items()]
        covered = cover(batch.checkable, pa.array(outcomes[~batch.is_context], pa.string()))
        return Result(pa.concat_tables(tables), covered) if tables else Result(coverage=covered)


def _by_rule(hits: Iterable[Hit]) -> Iterator[tuple[Rule, list[Hit]]]:
    grouped: dict[Rule, list[Hit]] = {}
    for hit in hits:
        grouped.setdefault(hit.rule, []).append(hit)
    yield from grouped.items()


def claims_of(
    batch: Batch, rule: Rule, found: Sequence[tuple[int, list[Hit]]], *, severity: int | None = None
) -> pa.Table:
    """Return FINDINGS of one rule: one a message, given by its row, with its hits as spans."""
    rows = np.array([row for row, _ in found], dtype=np.int64)
    spans = []
    for k in range(min(MAX_SPANS, max(len(hits) for _, hits in found))):
        at = [hits[k] if k < len(hits) else None for _, hits in found]
        of = np.where([hit is not None for hit in at], rows, -1)
        edges = np.array([(0, 0) if hit is None else (hit.start, hit.end) for hit in at], dtype=np.int64)
        spans.append(Spans(of, edges[:, 0], edges[:, 1]))
    first = [hits[0] for _, hits in found]
    return claim(
        batch.places,
        rule,
        rows,
        [hit.summary or rule.title for hit in first],
        spans=spans,
        score=np.array([max(hit.score for hit in hits) for _, hits in found]),
        severity=severity,
        facets=[dict(hit.facets) for hit in first],
    )
