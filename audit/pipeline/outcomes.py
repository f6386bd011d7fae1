"""The table of all messages of an audit, with the outcome of each check."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import as_ints, rows_at, single
from ...checks.base.findings import CHECKED
from ...checks.base.large_tables import gathered
from ...checks.base.messages import Batch
from ...checks.base.places import place_keys
from ...checks.base.text.spaces import count_words
from ...reports.rates import BY
from ...reports.record import SEEN, WORDS, Count
from ..storage.spill import Spill

SLICE = 100_000  # messages in memory at a time


def seen(batch: Batch, coverage: Mapping[str, pa.Table]) -> pa.Table:
    """Return SEEN of a batch, with a column of outcomes for each check from its COVERAGE in `coverage`."""
    rows = batch.checkable
    own = {
        "chars": batch.places["n_chars"],
        "words": pa.array(count_words(batch.column("text"))),
        "digest": pa.array(batch.digest.view(np.int64)),
    }
    columns = {name: single(rows[name]) for name in SEEN.names if name not in own}
    is_checked = pa.array(~batch.is_context)
    columns |= {name: single(v.filter(is_checked) if len(rows) < len(batch) else v) for name, v in own.items()}
    table = pa.table({f.name: columns[f.name].cast(f.type) for f in SEEN})
    for check, covered in coverage.items():
        table = table.append_column(check, _aligned(rows, covered))
    return table


def joined(tables: Sequence[pa.Table], amended: Mapping[str, Sequence[pa.Table]], sources: Sequence[str]) -> pa.Table:
    """Join the tables of an audit in the order of sources and lines; `amended` outcomes of later stages win."""
    empty = pa.schema([*SEEN, *(pa.field(check, WORDS) for check in amended)]).empty_table()
    whole = pa.concat_tables([empty, *tables]).unify_dictionaries()
    place = pc.index_in(whole["source"].cast(pa.string()), value_set=pa.array(sources, pa.string()))
    order = np.lexsort((as_ints(single(whole["line"]), 0), as_ints(single(place), 0)))
    if (order[1:] < order[:-1]).any():
        parts = (rows_at(whole, order[start : start + SLICE]) for start in range(0, len(order), SLICE))
        batches = (batch for part in parts for batch in part.to_batches())
        whole = gathered(batches, whole.schema, whole.nbytes).unify_dictionaries()
    for check, covered in amended.items():
        if covered:
            at = whole.column_names.index(check)
            later = _by_key(whole, pa.concat_tables(covered).combine_chunks())
            earlier = single(whole[check].cast(pa.string()))
            whole = whole.set_column(at, check, pc.coalesce(later, earlier).dictionary_encode())
    return whole


def unchecked(findings: pa.Table, messages: pa.Table, check: str) -> pa.Table:
    """Return the messages (id, source, line) with a finding of a check that did not count them as checked."""
    codes = single(messages[check])
    is_checked = pc.fill_null(pc.equal(codes.cast(pa.string()), CHECKED), False)
    has_finding = pc.is_in(messages["message_id"], value_set=single(findings["message_id"].drop_null()))
    suspects = messages.select(["message_id", "source", "line"]).filter(pc.and_not(has_finding, is_checked))
    return suspects.filter(pc.is_in(place_keys(suspects), value_set=place_keys(findings)))


def counts(messages: pa.Table, check: str | None = None) -> list[Count]:
    """Count messages by outcome, language, role and source; without a check, all count as read."""
    keys = [check, *BY] if check is not None else list(BY)
    grouped = messages.select(keys).group_by(keys, use_threads=False).aggregate([([], "count_all")])
    columns = [column.cast(pa.string()) for column in grouped.columns[:-1]]
    if check is None:
        columns.insert(0, pa.chunked_array([pa.repeat("read", grouped.num_rows)]))
    table = pa.table([*columns, grouped["count_all"]], names=["outcome", *BY, "messages"])
    table = table.filter(table["outcome"].is_valid())
    ordered = table.sort_by([(name, "ascending") for name in table.column_names])
    return [Count(**row) for row in ordered.to_pylist()]


def trees_of(messages: Spill, sources: Sequence[str]) -> pa.ChunkedArray:
    """Return the ids of the trees of some sources, from the SEEN rows in `messages`."""
    names = pa.array(sources, pa.string())
    found = [pa.array([], pa.string())]
    for table in messages.partitions():
        is_theirs = pc.is_in(table["source"].cast(pa.string()), value_set=names)
        found += table["tree_id"].cast(pa.string()).filter(is_theirs).chunks
    return pa.chunked_array(found)


def split_tree(messages: Spill, sources: Sequence[str]) -> str | None:
    """Return a tree that occurs in several of these sources; None if there is none."""
    names = pa.array(sources, pa.string())
    found = [table.select(["tree_id", "source"]).unify_dictionaries() for table in messages.partitions()]
    pairs = pa.concat_tables(found).group_by(["tree_id", "source"]).aggregate([]) if found else None
    if pairs is None:
        return None
    pairs = pairs.filter(pc.is_in(pairs["source"].cast(pa.string()), value_set=names))
    trees = pc.value_counts(pairs["tree_id"].cast(pa.string()).drop_null())
    several = trees.field("values").filter(pc.greater(trees.field("counts"), 1))
    return pc.min(several).as_py() if len(several) else None


def _aligned(rows: pa.Table, coverage: pa.Table) -> pa.Array:
    """Return the outcome of each row; null if the check has none."""
    keys = ("message_id", "source", "line")
    if coverage.num_rows == rows.num_rows and all(rows[key].equals(coverage[key]) for key in keys):
        outcomes = single(coverage["outcome"])
    else:
        outcomes = _by_key(rows, coverage)
    return outcomes.cast(WORDS) if pa.types.is_dictionary(outcomes.type) else outcomes.dictionary_encode()


def _by_key(rows: pa.Table, coverage: pa.Table) -> pa.Array:
    # A check does not distinguish messages with the same id on the same line: they share one outcome.
    at = pc.index_in(place_keys(rows), value_set=place_keys(coverage))
    return single(coverage["outcome"]).cast(pa.string()).take(at)
