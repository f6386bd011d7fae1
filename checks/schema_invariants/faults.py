"""Claims about records, from the faults that the reader reported."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.claims import Spans
from ..base.faults import FaultKind
from ..base.messages import PLACES, Batch
from ..base.places import line_id
from .claims import Claims, claims_at
from .rules import FAULT_RULES


def reader_claims(batch: Batch) -> list[Claims]:
    """Return the claims about faults that the reader reported."""
    faults = batch.faults
    if not faults.num_rows:
        return []
    n = faults.num_rows
    places = faults.select([name for name in PLACES.names if name != "n_chars"]).append_column(
        PLACES.field("n_chars"), pc.utf8_length(faults["excerpt"]).fill_null(0).cast(pa.int64())
    )
    # The evidence is the raw record, not a message: a second half of the table has the lines in place of ids.
    names = [line_id(line) for line in faults["line"].to_pylist()]
    lines = places.set_column(1, PLACES.field("message_id"), pa.array(names, pa.string()))
    both = pa.concat_tables([places, lines])
    _, starts = batch.raw_lines
    ends = starts + np.asarray(places["n_chars"])
    kinds = np.array(faults["kind"].to_pylist())
    details, ids, excerpts, fields = (faults[name].to_pylist() for name in ("detail", "message_id", "excerpt", "field"))
    claims: list[Claims] = []
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == kind)
        # A lost record has no id; its content identifies the claim, which stays the same when lines move.
        about = [details[r] if ids[r] is not None else f"{details[r]} {excerpts[r]}" for r in rows]
        if kind == FaultKind.UNREAD_TEXT:  # shares change with every new record
            about = [fields[r] for r in rows]
        claims += claims_at(
            both,
            FAULT_RULES[FaultKind(kind)],
            rows,
            [details[r] for r in rows],
            spans=[Spans(rows + n, starts[rows], ends[rows])],
            about=about,
        )
    return claims
