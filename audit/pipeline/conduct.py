"""The order of an audit: all first stages in one pass, then the later stages of one check after another."""

from ...checks.base.arrow.memory_map import trim
from ..reading.sources import Mark
from ..reading.trees import Scattered
from . import workers
from .stages import Audit
from .state import State

RELEASED = 1_000_000  # messages from which an audit needs the room, and a second of loading again is nothing


def conduct(audit: Audit) -> None:
    """Run all stages of all checks, on this machine or on the workers of a cluster."""
    first_pass = workers.first_pass if audit.engine.is_cluster else Audit.first_pass
    try:
        first_pass(audit)
    except Scattered as error:
        audit.progress.say(f"{error}: starting over, with the trees gathered first")
        audit.journal.clear()
        audit.go_to(State(scattered=True))
        first_pass(audit)
    audit.mark = Mark(len(audit.sources.forms))
    for check in audit.checks:
        outcome = audit.tally.outcomes[check.name]
        for number in range(outcome.stages, len(check.stages())):
            trim()
            audit.progress.step(f"{check.name}: comparing all messages")
            rows = audit.tally.rows(check, number)
            if audit.engine.is_cluster and rows.by is not None:
                workers.carry_out(audit, check, number, rows)
            else:
                audit.carry_out(check, number, rows.partitions())
            rows.close()
            outcome.stages += 1
            audit.save()
        if sum(audit.tally.shape.values()) >= RELEASED:
            check.release()
    trim()
