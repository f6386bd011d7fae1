"""The first stage of every check on one batch, and the counts of its messages that no check decides about."""

import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import as_ints
from ...checks.base.check import Check, Result, Spread, Stage
from ...checks.base.findings import COVERAGE
from ...checks.base.messages import Batch
from ..reading.sources import Mark
from . import conversations, outcomes, quotes

MICROS_A_DAY = 86_400_000_000

Timed = tuple[Result | str, float]  # what a stage gave, or why it failed; and its processor seconds


class FirstResults(NamedTuple):
    """What the first stages gave for one batch, and what is counted of its messages."""

    results: list[tuple[Check, Result | str, float]]
    messages: pa.Table  # SEEN, with the outcome of each message in each check
    shape: Counter[tuple[str | None, int]]  # messages by role and depth
    days: Counter[int]  # messages by the day of their date, in days since 1970
    n_trees: int
    conversations: pa.Table  # AROUND the findings
    places: pa.Table | None  # source, tree_id, line of all messages; None where each tree is on one line


def load_early(check: Check) -> None:
    """Load what a check needs before its first stage."""
    with suppress(Exception):  # its first stage fails in the same way, and the record says so
        check.load()


def run_first_stages(checks: Sequence[Check], marked: tuple[Batch, Mark]) -> tuple[FirstResults, Mark]:
    """Run the first stage of every check on one batch, and fill in the quotes; called on a worker."""
    batch, mark = marked
    results = []
    about: set[quotes.Key] = set()
    for check in checks:
        ((result, seconds),) = timed(check.stages()[0], batch)
        if isinstance(result, Result) and result.findings.num_rows:
            about.update(quotes.subjects(result.findings))
            found = quotes.fill(result.findings, quotes.quotable_of(batch, quotes.wanted(result.findings)))
            result = replace(result, findings=found)
        results.append((check, result, seconds))
    # The column of a check that failed is dropped in the end; until then all batches have the same columns.
    coverage = {c.name: r.coverage if isinstance(r, Result) else COVERAGE.empty_table() for c, r, _ in results}
    is_spread = not batch.form.nested and batch.column("parent_id").null_count < len(batch)
    first = FirstResults(
        results,
        outcomes.seen(batch, coverage),
        _shape(batch),
        _days(batch),
        batch.n_trees,
        conversations.around(batch, list(quotes.rows_of(batch, about).values())),
        batch.messages.select(["source", "tree_id", "line"]) if is_spread else None,
    )
    return first, mark


def read_again(
    wanted: set[quotes.Key], about: set[quotes.Key], batch: Batch
) -> tuple[dict[quotes.Key, quotes.Quotable], pa.Table]:
    """Return what findings quote from a batch that was read again, and AROUND its messages; called on a worker."""
    rows = quotes.rows_of(batch, about)
    return quotes.quotable_of(batch, wanted), conversations.around(batch, list(rows.values()))


def _shape(batch: Batch) -> Counter[tuple[str | None, int]]:
    """Count messages by role and depth."""
    role = batch.column("role").dictionary_encode()
    names = [*role.dictionary.to_pylist(), None]
    codes = as_ints(role.indices, len(names) - 1)
    keys, counts = np.unique((batch.depth * len(names) + codes)[~batch.is_context], return_counts=True)
    return Counter(
        {(names[k % len(names)], k // len(names)): n for k, n in zip(keys.tolist(), counts.tolist(), strict=True)}
    )


def _days(batch: Batch) -> Counter[int]:
    """Count messages by the day of their date."""
    micros, is_dated = batch.dates
    days, counts = np.unique(micros[is_dated & ~batch.is_context] // MICROS_A_DAY, return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


def timed(stage: Stage, *rows: Any, spread: Spread | None = None) -> Iterator[Timed]:
    """Yield what one call of a stage gives, part by part, or why it failed."""
    began = time.thread_time()
    try:
        for result in stage.results(*rows, spread=spread):
            yield result, time.thread_time() - began
            began = time.thread_time()
    except Exception as error:  # a failed check is a result: the others go on, and the record says so
        frame = traceback.extract_tb(error.__traceback__)[-1]
        words = str(error).split("\n", 1)[0][:300]
        words = f"{type(error).__name__}: {words} ({Path(frame.filename).name}:{frame.lineno})"
        yield words, time.thread_time() - began
