"""Questions that begin in one turn and end in the next one of the same role."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow as pa

from ...benchmarks_refs.fingerprints import QUESTION
from ..base.arrow.columns import IntArray
from ..base.messages import Batch
from ..base.text.words import words
from .evidence import WHOLLY, HashedTexts, ItemHit, Piece
from .judge import probable, scanned

MIN_SHARE = 0.6  # of a question by weight, in both turns together
MAX_STEPS = 3  # messages up to the turn before: an answer, and a call or its result


def over_two_turns(
    texts: HashedTexts, columns: dict[str, IntArray], found: list[ItemHit], minimum: float
) -> Iterator[ItemHit]:
    """Yield hits of questions of which two turns have a part each; `found` are those in one message."""
    refs, batch = texts.refs, texts.batch
    known = {(hit.row, hit.part) for hit in found}
    pairs = sorted(_pairs(texts, columns, known))
    if not pairs:
        return
    column = batch.column("text")
    both = [[column[row].as_py() for row in rows] for rows in pairs]
    joined = HashedTexts(words(pa.array(["\n".join(each) for each in both], pa.string())), refs, batch)
    asked = scanned(joined, np.ones(len(pairs), dtype=bool))
    asked = {name: values[refs.columns.kinds[asked["part"]] == QUESTION] for name, values in asked.items()}
    for hit in probable(joined, asked, minimum):
        before, row = pairs[hit.row]
        n = len(texts.tokens(before))
        whole = n + len(texts.tokens(row)) == len(joined.tokens(hit.row))
        if whole and hit.first < n < hit.end and known.isdisjoint(((before, hit.part), (row, hit.part))):
            yield replace(hit, row=row, first=0, end=hit.end - n, begins=Piece(before, hit.first, n))


def _pairs(texts: HashedTexts, columns: dict[str, IntArray], known: set[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield neighbouring turns of one role that contain pieces of the same question."""
    refs, part = texts.refs, columns["part"]
    # By its place, a piece goes on behind the end of its text, or has begun before it.
    bounds, n = texts.words.tokens.bounds, refs.n_tokens[part]
    goes_on = columns["place"] + n > np.diff(bounds)[columns["text"]]
    is_piece = (refs.columns.kinds[part] == QUESTION) & (columns["exact_weight"] < WHOLLY * refs.totals(part)[0])
    is_piece &= goes_on | (columns["place"] < 0)
    rows_of: dict[int, dict[int, tuple[int, bool]]] = {}  # by part: the rows with a piece, and its weight
    values = (columns["text"], part, columns["exact_weight"], goes_on)
    for row, p, weight, is_head in zip(*(each[is_piece].tolist() for each in values), strict=True):
        if (row, p) not in known:
            rows_of.setdefault(p, {})[row] = weight, is_head
    several = {row for rows in rows_of.values() if len(rows) > 1 for row in rows}
    before = _before(texts.batch, several)
    seen = set()
    for p, rows in rows_of.items():
        for row in rows:
            above = before.get(row, -1)
            if above not in rows or row in seen:
                continue
            (head, is_head), (tail, _) = rows[above], rows[row]
            if is_head and head + tail >= MIN_SHARE * refs.total(p):
                seen.add(row)
                yield above, row


def _before(batch: Batch, rows: set[int]) -> dict[int, int]:
    """Return the turn of the same role above each of these rows, where there is one nearby."""
    if not rows:
        return {}
    roles = batch.column("role")
    found = {}
    for row in rows:
        role, above = roles[row].as_py(), int(batch.parent[row])
        for _ in range(MAX_STEPS):
            if above < 0:
                break
            if roles[above].as_py() == role:
                found[row] = above
                break
            above = int(batch.parent[above])
    return found
