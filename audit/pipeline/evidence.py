"""The results of an audit whose stages are done: all messages, and all findings in order with their evidence."""

from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.memory_map import trim
from ...checks.base.findings import FINDINGS
from ...checks.base.large_tables import gathered
from ...reports.wording import count_of
from ..reading.sources import Lines
from . import conversations, outcomes, quotes
from .first_stage import read_again
from .order import Findings
from .stages import Audit
from .state import Outcome


def all_messages(audit: Audit) -> pa.Table:
    """Return all messages, with their outcome in each check that finished.

    A check that reports a message which it did not count as checked fails here: nobody could say what its rates mean.
    """
    tally, failed = audit.tally, audit.tally.failed()
    amended = {c.name: list(tally.coverage(c).partitions()) for c in audit.checks if c.name not in failed}
    parts = [table.drop_columns(failed) for table in tally.messages.partitions()]
    messages = outcomes.joined(parts, amended, audit.sources.names)
    columns = ["check", "message_id", "source", "line"]
    found = pa.concat_tables(part.select(columns) for part in [FINDINGS.empty_table(), *tally.findings.partitions()])
    for name in amended:
        strays = outcomes.unchecked(found.filter(pc.equal(found["check"], name)), messages, name)
        if strays.num_rows:
            first = strays.slice(0, 1).to_pylist()[0]
            fault = (
                f"reports {count_of(strays.num_rows, 'message')} that it did not count as checked, the first at "
                f"{first['source']}:{first['line']}. Give their coverage as CHECKED"
            )
            tally.join(name, Outcome(error=fault))
            messages = messages.drop_columns([name])
    return messages


def with_evidence(audit: Audit, messages: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return all findings of the checks that finished, in order, and THREADS around them.

    The quotes of later stages are read again, from just the lines that their spans point at. Of a check with very many
    findings, this is done for the worst alone: no page shows the others.
    """
    audit.progress.step("sorting findings")
    failed = pa.array(audit.tally.failed(), pa.string())
    found = pa.concat_tables([FINDINGS.empty_table(), *audit.tally.findings.partitions()])
    found = found.filter(pc.invert(pc.is_in(found["check"], value_set=failed))) if len(failed) else found
    findings = Findings(found, messages, audit.sources.names)
    later, trees = findings.evidence()
    if later.num_rows:
        audit.progress.step("collecting evidence")
    wanted, about = quotes.wanted(later), set(quotes.subjects(later))
    quotable: dict[quotes.Key, quotes.Quotable] = {}
    threads = list(audit.tally.conversations.partitions())
    batches = audit.sources.again(_lines(audit, later))
    for more, around in audit.local.map(partial(read_again, wanted, about), batches):
        quotable |= more
        threads.append(around)
    trim()
    table = gathered(findings.parts(quotable), FINDINGS, found.nbytes)
    around = conversations.joined(threads, audit.sources.names, None if findings.shown.all() else trees)
    return table, around


def _lines(audit: Audit, findings: pa.Table) -> Lines:
    """Return by source the lines of all messages that findings point at, and of the whole trees that they are about."""
    lines: dict[str, set[int]] = {}
    for source, line, _ in quotes.wanted(findings):
        lines.setdefault(source, set()).add(line)
    trees = pc.unique(findings["tree_id"]).drop_null()
    for places in audit.tally.places.partitions():
        found = places.filter(pc.is_in(places["tree_id"], value_set=trees))
        for number, line in zip(found["source"].to_pylist(), found["line"].to_pylist(), strict=True):
            lines.setdefault(audit.sources.names[number], set()).add(line)
    return {source: np.array(sorted(some), dtype=np.int64) for source, some in lines.items()}
