"""The words that spans point at: the one place where text enters a finding."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.findings import CLIP, FINDINGS, SPAN, clipped
from ..checks.base.messages import Batch, line_id, nameless_id

AROUND = 60  # code points before and after it

Key = tuple[str, int, str]  # source, line, id


def open_spans(findings: pa.Table) -> set[Key]:
    """Spans that have no quote yet."""
    flat = _flat(findings)
    flat = flat.filter(pc.struct_field(flat, "quote").is_null())
    return set(zip(*(pc.struct_field(flat, name).to_pylist() for name in ("source", "line", "id")), strict=True))


def texts_of(batch: Batch, wanted: Iterable[Key]) -> dict[Key, str]:
    """The texts of the wanted spans, as far as this batch holds them."""
    keys = set(wanted)
    lines, _ = batch.raw_lines
    texts = {(s, n, line_id(n)): text for (s, n), text in lines.items() if (s, n, line_id(n)) in keys}
    # Messages without an id are known by their line alone.
    ids = batch.column("message_id")
    by_id = pc.is_in(ids, value_set=pa.array({key[2] for key in keys}, pa.string()))
    by_line = pc.and_(
        ids.is_null(), pc.is_in(batch.column("line"), value_set=pa.array({key[1] for key in keys}, pa.int64()))
    )
    rows = batch.messages.select(["source", "line", "message_id", "text"]).filter(pc.or_(by_id, by_line))
    for source, line, message_id, text in zip(*(column.to_pylist() for column in rows.columns), strict=True):
        key = (source, line, nameless_id(line) if message_id is None else message_id)
        if key in keys and text is not None:
            texts.setdefault(key, text)
    return texts


def fill(findings: pa.Table, texts: dict[Key, str], *, last: bool = False) -> pa.Table:
    """The findings with the words of all spans whose texts are at hand; the `last` time, no quote stays null."""
    flat = _flat(findings)
    columns = {name: pc.struct_field(flat, name) for name in SPAN.names}
    before, quotes, after = (columns[name].to_pylist() for name in ("before", "quote", "after"))
    keys = zip(*(columns[name].to_pylist() for name in ("source", "line", "id", "start", "end")), strict=True)
    for k, (source, line, key, start, end) in enumerate(keys):
        if quotes[k] is not None:
            continue
        text = texts.get((source, line, key))
        if text is None:
            if last:
                before[k] = quotes[k] = after[k] = ""
            continue
        before[k] = text[max(0, start - AROUND) : start]
        quotes[k] = clipped(text[start:end])
        after[k] = text[end : end + AROUND] if end - start <= CLIP else ""
    for name, values in (("before", before), ("quote", quotes), ("after", after)):
        columns[name] = pa.array(values, pa.string())
    spans = findings["spans"].combine_chunks()
    lengths = pc.list_value_length(spans).fill_null(0)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(lengths)])
    filled = pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(list(columns.values()), fields=list(SPAN)))
    return findings.set_column(FINDINGS.get_field_index("spans"), FINDINGS.field("spans"), filled)


def _flat(findings: pa.Table) -> pa.StructArray:
    spans = findings["spans"].combine_chunks()
    return pc.list_flatten(spans)
