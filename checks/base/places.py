"""Names of messages and lines in findings, and keys by which places in the data are compared."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .arrow.columns import MIXED, IntArray, as_ints, digests, single


def line_id(line: int) -> str:
    """Return the name of a raw record in a span, in place of a message id."""
    return f"line {line}"


def nameless_id(line: int) -> str:
    """Return the name of a message without an id in a span."""
    return f"line {line}, without id"


def names(ids: pa.Array | pa.ChunkedArray, lines: pa.Array | pa.ChunkedArray) -> list[str]:
    """Return the names of messages in spans: their ids, or their lines where they have none."""
    return [nameless_id(n) if i is None else i for i, n in zip(ids.to_pylist(), lines.to_pylist(), strict=True)]


def place_keys(table: pa.Table) -> pa.Array:
    """Return a hash of the id, source and line of each row: equal for rows about one message."""
    # Piece by piece, so that no column of ids is copied as a whole.
    pieces = [_place_keys(batch) for batch in table.select(["message_id", "source", "line"]).to_batches()]
    return pa.array(np.concatenate([np.zeros(0, dtype=np.int64), *pieces]))


def _place_keys(batch: pa.RecordBatch) -> IntArray:
    source = batch["source"]
    source = source if pa.types.is_dictionary(source.type) else source.dictionary_encode()
    total = digests(batch["message_id"]) * MIXED + digests(source.dictionary)[np.asarray(source.indices)]
    keys: IntArray = (total * MIXED + as_ints(batch["line"], 0).view(np.uint64)).view(np.int64)
    return keys


def is_place(table: pa.Table) -> pa.Array:
    """Mark the rows that have no id, or only their file and line in place of one."""
    place = pc.binary_join_element_wise(table["source"].cast(pa.string()), table["line"].cast(pa.string()), ":")
    # A format may number the messages of a record after its place, as in data.jsonl:7#2.
    ids = pc.replace_substring_regex(table["message_id"], "#[a-z0-9-]+$", "")
    return single(pc.equal(ids, place).fill_null(True))
