"""The inputs and settings of an audit, compared before an interrupted audit is resumed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ..._version import __version__
from ...checks.base.check import Check
from ...checks.base.settings import Wants, settings
from ..reading import formats
from ..reading.sources import Reading, Sources
from ..storage.checkpoint import Journal
from .state import State


@dataclass(frozen=True)
class Plan:
    """Inputs and settings of an audit: a checkpoint with another plan cannot be resumed."""

    chataudit: str
    checks: dict[str, Any]  # settings by name
    sources: list[tuple[str, str | None, int, int]]  # name, split, bytes, time of the last change in nanoseconds
    format: str | None
    mapping: formats.Spec | None
    block: int
    on_cluster: bool
    readings: list[Reading] = field(default_factory=list)

    @classmethod
    def of(cls, sources: Sources, checks: Sequence[Check], format: str | None, mapping: formats.Spec | None) -> "Plan":
        stated = {}
        for check in checks:
            values = msgspec.json.decode(msgspec.json.encode(asdict(check)))
            # An audit that ran out of memory is resumed with more.
            varying = {each.name for each in settings(check) if each.wants == Wants.MEMORY}
            stated[check.name] = {name: value for name, value in values.items() if name not in varying}
        files = []
        for source in sources.files:
            changed = source.path.stat().st_mtime_ns if isinstance(source.path, Path) else 0
            files.append((source.name, source.split, source.n_bytes, changed))
        return cls(__version__, stated, files, format, mapping, sources.block, sources.engine.is_cluster)


def resumed(journal: Journal, plan: Plan, sources: Sources) -> State | None:
    """Return the last checkpoint and restore the sources to it; None if nothing was saved yet.

    Raises
    ------
    LookupError
        If there is no checkpoint.
    ValueError
        If the plan has changed since.
    """
    before = journal.plan(Plan)
    if before is None:
        raise LookupError(f"{journal.folder}: no interrupted audit here. Leave out --resume to start one")
    words = {"chataudit": "chataudit", "checks": "the checks or their settings", "sources": "the files"}
    words |= {"format": "the format", "mapping": "the table [format]", "block": "the size of blocks"}
    # They count what is done in different ways.
    words["on_cluster"] = "the engine (from ray or processes to others, or back)"
    for name, what in words.items():
        if getattr(before, name) != getattr(plan, name):
            way_out = "Undo that, or start over with --overwrite"
            raise ValueError(f"{journal.folder}: {what} changed since that audit was interrupted. {way_out}")
    state = journal.state(State)
    if state is not None:
        sources.restore(before.readings, state.sources)
    return state
