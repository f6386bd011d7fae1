"""The findings of a record for its page, as a few numbers each."""

from dataclasses import dataclass

import pyarrow as pa

from ...checks.base.arrow.columns import BoolArray, IntArray
from ...checks.base.findings import WARNING
from ..counts import Population


@dataclass(frozen=True)
class Found:
    """The findings, as a few numbers each: there may be millions."""

    population: Population
    is_new: pa.Array | None  # compared with the baseline

    @property
    def table(self) -> pa.Table:
        return self.population.findings

    @property
    def message(self) -> IntArray:
        """The row of the message of each finding, -1 for a record that could not be read."""
        return self.population.row

    @property
    def is_bad(self) -> BoolArray:
        """Mask of findings that are more than notes."""
        return self.population.of(None, WARNING)
