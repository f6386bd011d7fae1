"""Comparison with an older audit: findings and messages that are new, fixed or the same."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.arrow.columns import digests, nth, rows_at, single
from ..checks.base.large_tables import Keys, column_digests, is_in, pieces
from ..checks.base.places import is_place
from ..checks.base.text.tokens import HashArray
from .counts import by_check
from .record import Record
from .redact import hashes


@dataclass(frozen=True)
class Baseline:
    """The findings of an older audit."""

    started: str
    fingerprints: Keys
    n_findings: dict[str, int]  # by check, of those that finished

    @classmethod
    def of(cls, older: Record, newer: Record) -> "Baseline":
        """Return the baseline that `newer` is compared with.

        Raises
        ------
        ValueError
            If the two have no message in common, so that they are of different data.
        """
        before, after = (_ids(record, like) for record, like in ((older, newer), (newer, older)))
        if len(before) and len(after) and not (Keys(before[before != 0]).rows(after) >= 0).any():
            names = " and ".join(record.facts.sources[0].name for record in (older, newer))
            raise ValueError(f"the baseline is of other data: no message is in both audits ({names})")
        return cls(older.facts.started, Keys(column_digests(older.table["fingerprint"])), by_check(older))

    def is_new(self, findings: pa.Table) -> pa.Array:
        """Return for each finding whether it is missing from the older audit; null where that did not run the check."""
        is_known = self.fingerprints.rows(column_digests(findings["fingerprint"])) >= 0
        return pa.array(~is_known, mask=~is_in(findings["check"], list(self.n_findings)))


@dataclass(frozen=True)
class Difference:
    """Two audits of two versions of the same data."""

    new: pa.Table  # FINDINGS of the newer one
    fixed: pa.Table  # FINDINGS of the older one
    unchanged: pa.Table  # FINDINGS of the newer one
    untold: dict[str, int]  # findings by check that only one of the two finished
    added: pa.Table  # SEEN of the newer one
    removed: pa.Table  # SEEN of the older one
    changed: pa.Table | None  # SEEN of the newer one; None: one of the two is redacted, and has no digests
    n_same: int  # messages that both have


def difference(older: Record, newer: Record) -> Difference:
    """Return the changes between two audits: findings by fingerprint, messages by id.

    A message without an id of its own, even if its place serves as one, is identified by its content. Among messages
    that share an id, the first is compared with the first.

    Raises
    ------
    ValueError
        If the two have no message in common.
    """
    is_new = Baseline.of(older, newer).is_new(newer.table)
    is_gone = Baseline.of(newer, older).is_new(older.table)
    untold: dict[str, int] = {}
    for record, states in ((newer, is_new), (older, is_gone)):
        for row in pc.value_counts(record.table["check"].filter(states.is_null())).to_pylist():
            untold[row["values"]] = row["counts"]
    before, after = _keys(_ids(older, newer)), _keys(_ids(newer, older))
    at = Keys(before).rows(after)
    kept = np.flatnonzero(at >= 0)
    digests = [record.messages["digest"] for record in (older, newer)]
    changed = None
    if not any(column.null_count for column in digests):
        differs = np.asarray(digests[1])[kept] != np.asarray(digests[0])[at[kept]]
        changed = rows_at(newer.messages, kept[differs])
    return Difference(
        newer.table.filter(is_new),
        older.table.filter(is_gone),
        newer.table.filter(pc.invert(is_new)),
        untold,
        rows_at(newer.messages, np.flatnonzero(at < 0)),
        rows_at(older.messages, np.flatnonzero(Keys(after).rows(before) < 0)),
        changed,
        len(kept),
    )


def _ids(record: Record, other: Record) -> HashArray:
    """Return what identifies each message in another audit: its id, hashed where that one is redacted; else its digest.

    Each is a hash, 0 where there is none.
    """
    messages, is_redacted = record.messages, record.facts.is_redacted
    if is_redacted:
        return column_digests(messages["message_id"])
    if other.facts.is_redacted:
        found = [digests(hashes(piece["message_id"])) for piece in pieces(messages, ["message_id"])]
    else:
        columns = ["message_id", "source", "line", "digest"]
        found = [digests(_lasting(pa.Table.from_batches([piece]))) for piece in pieces(messages, columns)]
    return np.concatenate([np.zeros(0, dtype=np.uint64), *found])


def _lasting(messages: pa.Table) -> pa.Array:
    # One more line would move the places of all messages below.
    return pc.if_else(is_place(messages), single(messages["digest"]).cast(pa.string()), single(messages["message_id"]))


def _keys(ids: HashArray) -> HashArray:
    """Return the ids, numbered where they occur several times; messages without one share an id."""
    keys: HashArray = ids + nth(ids.view(np.int64)[None, :]).view(np.uint64) * _ODD
    return keys


_ODD = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio, which spreads similar numbers
