"""An older audit that a newer one is held against."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from .record import Record


@dataclass(frozen=True)
class Baseline:
    """What an older audit found."""

    started: str
    fingerprints: pa.Array
    n_findings: dict[str, int]  # by check, those that finished

    @classmethod
    def of(cls, record: Record) -> "Baseline":
        found = {c.name: sum(rule.findings for rule in c.rules) for c in record.facts.checks if not c.error}
        return cls(record.facts.started, record.table["fingerprint"].combine_chunks(), found)

    def is_new(self, findings: pa.Table) -> pa.Array:
        """For each finding, whether the older audit did not have it; null where it did not look."""
        is_known = pc.is_in(findings["fingerprint"], value_set=self.fingerprints)
        was_looked_at = pc.is_in(findings["check"], value_set=pa.array(self.n_findings, pa.string()))
        return pc.if_else(was_looked_at, pc.invert(is_known), pa.scalar(None, pa.bool_())).combine_chunks()
