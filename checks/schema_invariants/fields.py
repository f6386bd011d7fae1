"""Claims about missing fields, ids and language tags."""

from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools, as_ints
from ..base.messages import Batch
from ..base.text.languages import english_name, language_of_country
from .claims import Claims, claims_at, quoted
from .field_rules import LANGUAGE_TAG, MALFORMED_ID, MISSING_FIELD


def field_claims(batch: Batch) -> list[Claims]:
    """Return the claims about missing fields, malformed ids and language tags."""
    is_message = ~batch.is_context
    claims: list[Claims] = []
    for name in batch.form.required:
        column = batch.column(name)
        if column.null_count:
            absent = _unexplained(batch, name, np.flatnonzero(as_bools(column.is_null()) & is_message))
            claims += claims_at(
                batch.places, MISSING_FIELD, absent, f"Field {name} is missing or null", about=[name] * len(absent)
            )
    if batch.form.uuid_ids:
        # A parent's id is checked at the parent. A malformed one without a parent is reported as dangling.
        for name in ("message_id", "tree_id"):
            column = batch.column(name)
            odd = np.flatnonzero(~np.asarray(_is_uuid(column).fill_null(True).to_numpy(zero_copy_only=False)))
            claims += claims_at(
                batch.places,
                MALFORMED_ID,
                odd,
                [f"{name} is {quoted(i)}; expected a UUID" for i in column.take(pa.array(odd)).to_pylist()],
                about=[name] * len(odd),
            )
    tags = batch.column("lang").dictionary_encode()
    bad = [k for k, tag in enumerate(tags.dictionary.to_pylist()) if not is_language_tag(tag)]
    if bad:
        odd = np.flatnonzero(np.isin(as_ints(tags.indices, -1), bad) & is_message)
        claims += claims_at(
            batch.places, LANGUAGE_TAG, odd, [_bad_tag(tag) for tag in tags.take(pa.array(odd)).to_pylist()]
        )
    return claims


def _bad_tag(tag: str) -> str:
    if (country := language_of_country(tag)) is not None:
        name, language = country
        return f"Language tag is {quoted(tag)}, the code of {name}; the code of {english_name(language)} is {language}"
    return f"Language tag is {quoted(tag)}; expected one such as en or pt-BR"


def _unexplained(batch: Batch, name: str, rows: IntArray) -> IntArray:
    """Return those of the rows whose missing field the reader has not reported itself."""
    faults = batch.faults.filter(pc.equal(batch.faults["field"], name))
    if not faults.num_rows or not rows.size:
        return rows
    known = set(zip(*(faults[n].to_pylist() for n in _PLACE), strict=True))
    places = batch.places.select(_PLACE).take(pa.array(rows)).to_pylist()
    return rows[[tuple(place.values()) not in known for place in places]]


_PLACE = ["source", "line", "message_id"]


@cache
def is_language_tag(tag: str) -> bool:
    """Whether this is a well-formed BCP 47 tag made of registered parts (RFC 5646, IANA registry)."""
    from langcodes import tag_is_valid  # its tables take 60 ms to load, and are needed here alone

    return tag.replace("-", "").isalnum() and tag.isascii() and bool(tag_is_valid(tag))


def _is_uuid(column: pa.Array) -> pa.Array:
    """Mark the ids in the form of a UUID; null for null."""
    return pc.match_substring_regex(column, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
