"""Claims about texts and dates."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, as_bools, single
from ..base.claims import Spans, counted
from ..base.messages import Batch
from .claims import Claims, claims_at, quoted
from .field_rules import (
    CONTROL_CHARACTERS,
    DATE_BEFORE_PARENT,
    DATE_FORMAT,
    EMPTY_TEXT,
    OPEN_REASONING,
    REPLACEMENT_CHARACTERS,
)


def text_claims(batch: Batch) -> list[Claims]:
    """Return the claims about texts that are empty, or contain characters that are not text."""
    is_message, facts = ~batch.is_context, batch.text_facts
    thinks = as_bools(batch.column("reasoning").is_valid())
    is_blank = as_bools(single(facts["is_blank"]))
    # The reasoning before a call that is a message of its own has its answer in that.
    calls = as_bools(batch.column("calls").is_valid())
    goes_on = np.zeros(len(batch), dtype=bool)
    goes_on[batch.parent[calls & (batch.parent >= 0)]] = True
    is_silent = is_blank | (thinks & as_bools(batch.column("text").is_null())) | as_bools(single(facts["is_thought"]))
    is_silent &= ~(thinks & goes_on)
    blank = np.flatnonzero(is_silent & is_message & ~_has_more(batch))
    lengths = batch.places["n_chars"].take(pa.array(blank)).to_pylist()
    claims = claims_at(
        batch.places,
        EMPTY_TEXT,
        blank,
        [
            "Only reasoning, no answer"
            if thought
            else f"No visible character in a text of {counted(n, 'character')}"
            if n
            else "Text is empty"
            for n, thought in zip(lengths, thinks[blank], strict=True)
        ],
    )
    nan = np.flatnonzero(as_bools(single(facts["is_nan"])) & is_message)
    claims += claims_at(batch.places, EMPTY_TEXT, nan, "Text is a missing value that pandas wrote as a word")
    still_open = np.flatnonzero(as_bools(single(facts["is_open"])) & is_message)
    claims += claims_at(batch.places, OPEN_REASONING, still_open, "Reasoning begins with a mark that is never closed")
    for rule, kind, what, code in (
        (REPLACEMENT_CHARACTERS, "lost", "replacement character", " (U+FFFD)"),
        (CONTROL_CHARACTERS, "control", "control character", ""),
    ):
        counts, first = np.asarray(facts[f"n_{kind}"]), np.asarray(facts[f"first_{kind}"])
        rows = np.flatnonzero((counts > 0) & is_message)
        claims += claims_at(
            batch.places,
            rule,
            rows,
            [f"Text contains {counted(n, what)}{code}" for n in counts[rows]],
            spans=[Spans(rows, first[rows], first[rows] + 1)],
        )
    return claims


def _has_more(batch: Batch) -> BoolArray:
    """Mark messages that need no text: they carry media, call a tool, or are what a tool returned."""
    calls = as_bools(batch.column("calls").is_valid())
    is_result = as_bools(pc.equal(batch.column("role"), "tool"))
    answers = as_bools(batch.column("call_id").is_valid()) | ((batch.parent >= 0) & (calls | is_result)[batch.parent])
    return calls | as_bools(batch.column("media").is_valid()) | (is_result & answers)


def date_claims(batch: Batch) -> list[Claims]:
    """Return the claims about dates that cannot be read, and replies that are older than their parents."""
    micros, is_read = batch.dates
    column = batch.column("created_date")
    unread = np.flatnonzero(~as_bools(column.is_null()) & ~is_read)
    written = column.take(pa.array(unread)).to_pylist()
    claims = claims_at(
        batch.places,
        DATE_FORMAT,
        unread,
        [f"Date {'has no time zone' if _lacks_zone(d) else 'cannot be read'}: {quoted(d)}" for d in written],
    )
    both = is_read & (batch.parent >= 0) & is_read[batch.parent]
    early = np.flatnonzero(both & (micros < micros[batch.parent]))
    return claims + claims_at(
        batch.places,
        DATE_BEFORE_PARENT,
        early,
        [f"Reply is {_duration(micros[batch.parent[r]] - micros[r])} older than its parent" for r in early],
        spans=[Spans(early), Spans(batch.parent[early])],
    )


def _lacks_zone(date: str) -> bool:
    try:
        return datetime.fromisoformat(date).tzinfo is None
    except ValueError:
        return False


def _duration(micros: int) -> str:
    """Return a length of time in its largest whole unit."""
    seconds = micros / 1e6
    for unit, size in (("year", 365.25 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}s"
    return f"{seconds:.6g} s"
