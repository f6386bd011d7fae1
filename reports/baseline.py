"""An older audit that a newer one is held against: what is new, gone and the same, of findings and of messages."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.messages import IntArray, as_ints, is_place, nth, single
from .record import Record
from .redact import hashes


@dataclass(frozen=True)
class Baseline:
    """What an older audit found."""

    started: str
    fingerprints: pa.Array
    n_findings: dict[str, int]  # by check, those that finished

    @classmethod
    def of(cls, older: Record, newer: Record) -> "Baseline":
        """What `newer` is to be held against.

        Raises
        ------
        ValueError
            If the two have no message in common: they are of different data.
        """
        before, after = (_ids(record, like) for record, like in ((older, newer), (newer, older)))
        if len(before) and len(after) and not pc.any(pc.is_in(after, value_set=before, skip_nulls=True)).as_py():
            names = " and ".join(record.facts.sources[0].name for record in (older, newer))
            raise ValueError(f"the baseline is of other data: no message is in both audits ({names})")
        found = {c.name: sum(rule.findings for rule in c.rules) for c in older.facts.checks if not c.error}
        return cls(older.facts.started, older.table["fingerprint"].combine_chunks(), found)

    def is_new(self, findings: pa.Table) -> pa.Array:
        """For each finding, whether the older audit did not have it; null where it did not look."""
        is_known = pc.is_in(findings["fingerprint"], value_set=self.fingerprints)
        was_looked_at = pc.is_in(findings["check"], value_set=pa.array(self.n_findings, pa.string()))
        return pc.if_else(was_looked_at, pc.invert(is_known), pa.scalar(None, pa.bool_())).combine_chunks()


@dataclass(frozen=True)
class Difference:
    """Two audits of two versions of the same data."""

    new: pa.Table  # FINDINGS of the newer one
    fixed: pa.Table  # FINDINGS of the older one
    unchanged: pa.Table  # FINDINGS of the newer one
    untold: dict[str, int]  # findings by check that only one of the two ran to its end
    added: pa.Table  # SEEN of the newer one
    removed: pa.Table  # SEEN of the older one
    changed: pa.Table | None  # SEEN of the newer one; None: one of the two is redacted, and has no digests
    n_same: int  # messages that both have


def difference(older: Record, newer: Record) -> Difference:
    """What changed from one audit to another: findings by fingerprint, messages by id.

    A message without an id of its own, also where its place stands for one, is known by what it says. Of several
    messages with one id, the first is held against the first.

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
    at = as_ints(pc.index_in(after, value_set=before), -1)
    has_stayed = pc.is_in(before, value_set=after)
    kept = np.flatnonzero(at >= 0)
    digests = [single(record.messages["digest"]) for record in (older, newer)]
    changed = None
    if not any(column.null_count for column in digests):
        differs = np.asarray(digests[1])[kept] != np.asarray(digests[0])[at[kept]]
        changed = newer.messages.take(pa.array(kept[differs]))
    return Difference(
        newer.table.filter(is_new),
        older.table.filter(is_gone),
        newer.table.filter(pc.invert(is_new)),
        untold,
        newer.messages.take(pa.array(np.flatnonzero(at < 0))),
        older.messages.filter(pc.invert(has_stayed)),
        changed,
        len(kept),
    )


def _ids(record: Record, other: Record) -> pa.Array:
    """What each message is known by in another audit: its id, hashed where that one is redacted; else its digest."""
    messages = record.messages
    ids = single(messages["message_id"])
    if other.facts.is_redacted or record.facts.is_redacted:
        return ids if record.facts.is_redacted else hashes(ids)
    # A line more would move the places of all that follow.
    return pc.if_else(is_place(messages), single(messages["digest"]).cast(pa.string()), ids)


def _keys(ids: pa.Array) -> pa.Array:
    """The ids, with a number behind those that stand several times; messages without one have a common name."""
    ids = ids.fill_null("")
    codes = as_ints(ids.dictionary_encode().indices, -1)
    numbers: IntArray = nth(codes[None, :])
    numbered = pc.binary_join_element_wise(ids, pa.array(numbers).cast(pa.string()), " ")
    return pc.if_else(pa.array(numbers == 0), ids, numbered)
