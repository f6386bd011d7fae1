"""Quotes for the spans of findings: the only place where text enters a finding."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence, Set
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import IntArray, as_ints, single
from ...checks.base.claims import CLIP, MESSAGE_FACTS, clipped
from ...checks.base.findings import FINDINGS, SPAN
from ...checks.base.messages import Batch
from ...checks.base.places import line_id, names

AROUND = 60  # code points of context before and after a quote

Key = tuple[str, int, str]  # source, line, id: the place of a message, as in spans


class Quotable(NamedTuple):
    """The columns of a message that are copied into findings."""

    text: str | None
    role: str | None = None
    lang: str | None = None
    created_date: str | None = None


def subjects(findings: pa.Table) -> list[Key]:
    """Return the message that each finding is about."""
    return _keys(*(findings[name] for name in ("source", "line", "message_id")))


def unquoted(findings: pa.Table) -> IntArray:
    """Return the findings with a span that has no quote yet."""
    is_open = pc.struct_field(_flat(findings), "quote").is_null()
    return np.unique(as_ints(pc.list_parent_indices(single(findings["spans"])).filter(is_open), -1))


def wanted(findings: pa.Table) -> set[Key]:
    """Return the messages that findings are about or point to."""
    flat = _flat(findings)
    targets = zip(*(pc.struct_field(flat, name).to_pylist() for name in ("source", "line", "id")), strict=True)
    return {*subjects(findings), *targets}


def rows_of(batch: Batch, keys: Set[Key]) -> dict[Key, int]:
    """Return the rows of those of these messages that are in this batch; the first, if there are several."""
    at = pa.array(range(len(batch)), pa.int64())
    if len(keys) < len(batch):  # with more keys than rows it is cheaper to look up each row
        # Messages without an id are identified by their line alone.
        ids = batch.column("message_id")
        by_id = pc.is_in(ids, value_set=pa.array({key[2] for key in keys}, pa.string()))
        by_line = pc.and_(
            ids.is_null(), pc.is_in(batch.column("line"), value_set=pa.array({key[1] for key in keys}, pa.int64()))
        )
        at = pc.indices_nonzero(pc.or_(by_id, by_line))
    found: dict[Key, int] = {}
    columns = (batch.column(name).take(at) for name in ("source", "line", "message_id"))
    for row, key in zip(at.to_pylist(), _keys(*columns), strict=True):
        if key in keys:
            found.setdefault(key, row)
    return found


def quotable_of(batch: Batch, keys: Set[Key]) -> dict[Key, Quotable]:
    """Return the quotable columns of those of these messages and raw records that are in this batch."""
    lines, _ = batch.raw_lines
    quotable = {(s, n, line_id(n)): Quotable(text) for (s, n), text in lines.items() if (s, n, line_id(n)) in keys}
    rows = rows_of(batch, keys)
    at = pa.array(rows.values(), pa.int64())
    columns = (batch.column(name).take(at).to_pylist() for name in Quotable._fields)
    return quotable | {key: Quotable(*values) for key, *values in zip(rows, *columns, strict=True)}


def fill(findings: pa.Table, quotable: Mapping[Key, Quotable]) -> pa.Table:
    """Fill in quotes and message columns from the messages in `quotable`."""
    flat = _flat(findings)
    columns = {name: pc.struct_field(flat, name) for name in SPAN.names}
    filled = {name: columns[name].to_pylist() for name in ("at", "before", "quote", "after", "role", "lang")}
    places = zip(*(columns[name].to_pylist() for name in ("source", "line", "id")), strict=True)
    of_span = [quotable.get(place) for place in places]
    texts = [None if of is None else of.text for of in of_span]
    starts, ends = (columns[name].to_pylist() for name in ("start", "end"))
    offsets = _offsets(findings)
    ats = _first_differences(texts, starts, ends, offsets.to_pylist())
    for k, (of, text, start, end) in enumerate(zip(of_span, texts, starts, ends, strict=True)):
        if filled["quote"][k] is not None:
            continue
        if of is not None and text is not None:
            at = ats.get(k, start)
            values = (at, *_cut(text, at, end), of.role, of.lang)
            for column, value in zip(filled.values(), values, strict=True):
                column[k] = value
    columns |= {name: pa.array(values, SPAN.field(name).type) for name, values in filled.items()}
    findings = _with_spans(findings, offsets, columns)
    of_subject = [quotable.get(key) for key in subjects(findings)]
    for name in MESSAGE_FACTS:
        known = zip(findings[name].to_pylist(), of_subject, strict=True)
        column = pa.array([before if of is None else getattr(of, name) for before, of in known], pa.string())
        findings = findings.set_column(FINDINGS.get_field_index(name), FINDINGS.field(name), column)
    return findings


def closed(findings: pa.Table) -> pa.Table:
    """Replace the remaining null quotes by empty ones: they were not found, or not requested."""
    flat = _flat(findings)
    columns = {name: pc.struct_field(flat, name) for name in SPAN.names}
    columns["at"] = pc.coalesce(columns["at"], columns["start"])
    columns |= {name: columns[name].fill_null("") for name in ("before", "quote", "after")}
    return _with_spans(findings, _offsets(findings), columns)


def _offsets(findings: pa.Table) -> pa.Array:
    """Return the offset of the first span of each finding among the spans of all."""
    lengths = pc.list_value_length(single(findings["spans"])).fill_null(0)
    return pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])


def _with_spans(findings: pa.Table, offsets: pa.Array, columns: Mapping[str, pa.Array]) -> pa.Table:
    spans = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(list(columns.values()), fields=list(SPAN)))
    return findings.set_column(FINDINGS.get_field_index("spans"), FINDINGS.field("spans"), spans)


def _first_differences(
    texts: Sequence[str | None], starts: Sequence[int], ends: Sequence[int], offsets: Sequence[int]
) -> dict[int, int]:
    """Return where the quotes of two long spans with the same start begin: shortly before the first difference.

    Quoting the first words of an edited copy would not show the edit.
    """
    found = {}
    for k, after in pairwise(offsets):
        left, right = texts[k : k + 2] if after - k == 2 else (None, None)
        if left is None or right is None or min(ends[k] - starts[k], ends[k + 1] - starts[k + 1]) <= CLIP:
            continue
        left, right = left[starts[k] : ends[k]], right[starts[k + 1] : ends[k + 1]]
        same = bisect_left(range(min(len(left), len(right))), True, key=lambda n: left[: n + 1] != right[: n + 1])
        if left != right and same > CLIP - AROUND:
            found[k], found[k + 1] = (start + same - AROUND for start in starts[k : k + 2])
    return found


def _cut(text: str, start: int, end: int) -> tuple[str, str, str]:
    """Return the text before a span, in it, and after it."""
    after = text[end : end + AROUND] if end - start <= CLIP else ""
    return text[max(0, start - AROUND) : start], clipped(text[start:end]), after


def _keys(sources: pa.ChunkedArray, lines: pa.ChunkedArray, ids: pa.ChunkedArray) -> list[Key]:
    return list(zip(sources.to_pylist(), lines.to_pylist(), names(ids, lines), strict=True))


def _flat(findings: pa.Table) -> pa.StructArray:
    return pc.list_flatten(single(findings["spans"]))
