"""Claims about languages, with the segments that show them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..base.claims import Spans, claim
from ..base.findings import FINDINGS, Rule
from ..base.messages import Batch
from ..base.statistics.intervals import in_percent
from ..base.text.languages import english_name, language_of_country
from .rules import CLOSE_LANGUAGE, MIXED_LANGUAGE, WRONG_LANGUAGE
from .segments import UNKNOWN, Segments, Suspect, prose_of

MAX_SPANS = 3


class Claim(NamedTuple):
    """A claim about the language of a text, with the segments that show it."""

    rule: Rule
    text: Suspect
    segments: Segments
    context: str = ""

    @property
    def score(self) -> float:
        """The probability that the text is in another language than the declared one; of a mixed one, the share."""
        return self.segments.share if self.rule is MIXED_LANGUAGE else self.text.probability


def findings_of(batch: Batch, claims: Sequence[Claim]) -> pa.Table:
    """Return FINDINGS of these claims."""
    tables = [FINDINGS.empty_table()]
    for rule in (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE):
        some = [c for c in claims if c.rule is rule]
        if not some:
            continue
        rows = np.array([c.text.row for c in some], dtype=np.int64)
        spans = np.full((len(some), MAX_SPANS, 3), -1, dtype=np.int64)  # row, start, end
        for k, c in enumerate(some):
            for j, (start, end) in enumerate(_evidence(batch, c)):
                spans[k, j] = c.text.row, start, end
        tables.append(
            claim(
                batch.places,
                rule,
                rows,
                [_summary(c) for c in some],
                spans=[Spans(*(np.ascontiguousarray(column) for column in spans[:, j].T)) for j in range(MAX_SPANS)],
                score=np.array([c.score for c in some]),
                facets=[_facets(c) for c in some],
                about=[c.text.detected for c in some],
            )
        )
    return pa.concat_tables(tables)


def _evidence(batch: Batch, c: Claim) -> list[tuple[int, int]]:
    """Return the longest runs of segments in the detected language, as code points of the text."""
    runs: list[tuple[int, int]] = []
    before = -2  # number of the segment before, if that was in the detected language
    for part, is_other in zip(c.segments.parts, c.segments.is_other, strict=True):
        if is_other and part.number == before + 1:
            runs[-1] = runs[-1][0], part.end
        elif is_other:
            runs.append((part.start, part.end))
        before = part.number if is_other else -2
    longest = sorted(runs, key=lambda run: run[0] - run[1])[:MAX_SPANS]
    # Prose has a space for each byte that was removed, so its places are those of bytes.
    prose_ = prose_of(batch, c.text.row)
    text = batch.column("text")[c.text.row].as_py().encode()
    return [tuple(len(text[: len(prose_[:edge].encode())].decode()) for edge in run) for run in longest]  # type: ignore[misc]


def _summary(c: Claim) -> str:
    detected, declared = english_name(c.text.detected), english_name(c.text.declared)
    share = in_percent(c.segments.share, 0)
    text = "the text" if share == "100 %" else f"{share} of the text"
    if c.rule is MIXED_LANGUAGE:
        return f"Tagged {declared}, but {share} of the text is {detected}; some of it is {declared}"
    if c.text.detected == UNKNOWN:
        return f"Tagged {declared}, but {text} is in another language (the detectors disagree on which)"
    sure = "by its script" if c.text.by_script else _sure(c.text.probability)
    if c.rule is CLOSE_LANGUAGE:
        return f"Tagged {declared}, but {text} is {detected}, a close language ({sure})"
    summary = f"Tagged {declared}, but {text} is {detected} ({sure})"
    country = language_of_country(c.text.declared)
    if country is not None and country[1] == c.text.detected:
        summary += f"; {c.text.declared} is the code of {country[0]}, that of {detected} is {c.text.detected}"
    return summary


def _sure(probability: float) -> str:
    """Return a probability in words; nothing is certain."""
    return "probability above 99 %" if probability > 0.99 else f"probability {in_percent(probability, 0)}"


def _facets(c: Claim) -> dict[str, str]:
    facets = {
        "declared": c.text.declared,
        "detected": c.text.detected,
        "share": f"{c.segments.share:.2f}",
    }
    return facets | ({"context": c.context} if c.context else {})
