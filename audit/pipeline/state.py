"""The state of a running audit, as its checkpoint keeps it."""

from dataclasses import dataclass, field

from ...checks.base.check import Table
from ...checks.base.statistics.intervals import Confusion
from ..reading.sources import START, Finished, Mark


@dataclass
class Outcome:
    """What one check has given so far, apart from its rows."""

    stages: int = 1  # finished stages, once the data are read
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None
    labelled: Confusion | None = None


@dataclass
class State:
    """The state of an audit at a checkpoint; the journal knows its rows."""

    mark: Mark = START
    scattered: bool = False
    parts: list[str] = field(default_factory=list)  # finished by workers of a cluster, in any order
    sources: list[Finished] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)  # by check
    shape: list[tuple[str | None, int, int]] = field(default_factory=list)  # role, depth, messages
    days: list[tuple[int, int]] = field(default_factory=list)  # day, messages
    n_trees: int = 0
