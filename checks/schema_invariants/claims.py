"""Claims before they become findings, and the small words of their summaries."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools
from ..base.claims import Spans, claim
from ..base.findings import Rule
from ..base.messages import Batch

Claims = tuple[Rule, pa.Table]  # FINDINGS of one rule


def claims_at(
    places: pa.Table,
    rule: Rule,
    rows: IntArray,
    summaries: str | Sequence[str],
    *,
    spans: Sequence[Spans] = (),
    facets: Sequence[dict[str, str]] | None = None,
    about: Sequence[str] | None = None,
    severity: int | None = None,
) -> list[Claims]:
    """Return the claims of one rule, or none where there are no rows."""
    if not len(rows):
        return []
    return [(rule, claim(places, rule, rows, summaries, spans=spans, facets=facets, about=about, severity=severity))]


def has_role(batch: Batch, role: str) -> BoolArray:
    """Mark the rows of a role, where the format has it; elsewhere it is an unknown one."""
    is_known = role in batch.form.roles
    return as_bools(pc.equal(batch.column("role"), role)) if is_known else np.zeros(len(batch), dtype=bool)


def first_positions(values: IntArray) -> IntArray:
    """Return the position of the first occurrence of each value, ascending."""
    return np.sort(np.unique(values, return_index=True)[1])


def distinct_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows, and the position of the first occurrence of each."""
    distinct, first = np.unique(rows, return_index=True)
    return distinct, first


def quoted(value: str | None) -> str:
    """Return a value of the data, clipped and in quotes."""
    if value is None:
        return "null"
    return repr(value if len(value) <= 60 else value[:59] + "…")
