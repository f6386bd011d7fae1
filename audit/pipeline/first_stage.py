"""What all checks make of one batch, and what is counted of it whatever they find."""

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

Timed = tuple[Result | str, float]  # what a stage gave, or how it failed; and the processor seconds that it took


class Judged(NamedTuple):
    """What the first stages make of one batch, and what is counted of it whatever they find."""

    results: list[tuple[Check, Result | str, float]]
    seen: pa.Table  # SEEN, with what became of the messages in each check
    shape: Counter[tuple[str | None, int]]  # messages by role and depth
    days: Counter[int]  # messages by the day of their date, in days since 1970
    n_trees: int
    threads: pa.Table  # AROUND what was found
    places: pa.Table | None  # source, tree_id, line of all messages; where a tree stands on one line, None


def load(check: Check) -> None:
    """Load what a check wants, before its first stage."""
    with suppress(Exception):  # its first stage meets the same, and the record says so
        check.load()


def judge(checks: Sequence[Check], marked: tuple[Batch, Mark]) -> tuple[Judged, Mark]:
    """The first stage of every check over one batch, quotes filled in; runs on a worker."""
    batch, mark = marked
    results = []
    about: set[quotes.Key] = set()
    for check in checks:
        ((result, seconds),) = timed(check.stages()[0], batch)
        if isinstance(result, Result) and result.findings.num_rows:
            about.update(quotes.subjects(result.findings))
            found = quotes.fill(result.findings, quotes.told_of(batch, quotes.wanted(result.findings)))
            result = replace(result, findings=found)
        results.append((check, result, seconds))
    # What a check that failed was about to say is dropped in the end; until then its column is there as others' are.
    coverage = {c.name: r.coverage if isinstance(r, Result) else COVERAGE.empty_table() for c, r, _ in results}
    is_spread = not batch.form.nested and batch.column("parent_id").null_count < len(batch)
    judged = Judged(
        results,
        outcomes.seen(batch, coverage),
        _shape(batch),
        _days(batch),
        batch.n_trees,
        conversations.around(batch, list(quotes.rows_of(batch, about).values())),
        batch.messages.select(["source", "tree_id", "line"]) if is_spread else None,
    )
    return judged, mark


def again(
    wanted: set[quotes.Key], about: set[quotes.Key], batch: Batch
) -> tuple[dict[quotes.Key, quotes.Told], pa.Table]:
    """What findings tell of a batch that was read again; runs on a worker."""
    rows = quotes.rows_of(batch, about)
    return quotes.told_of(batch, wanted), conversations.around(batch, list(rows.values()))


def _shape(batch: Batch) -> Counter[tuple[str | None, int]]:
    """Messages by role and depth."""
    role = batch.column("role").dictionary_encode()
    names = [*role.dictionary.to_pylist(), None]
    codes = as_ints(role.indices, len(names) - 1)
    keys, counts = np.unique((batch.depth * len(names) + codes)[~batch.is_context], return_counts=True)
    return Counter(
        {(names[k % len(names)], k // len(names)): n for k, n in zip(keys.tolist(), counts.tolist(), strict=True)}
    )


def _days(batch: Batch) -> Counter[int]:
    """Messages by the day of their date."""
    micros, is_dated = batch.dates
    days, counts = np.unique(micros[is_dated & ~batch.is_context] // MICROS_A_DAY, return_counts=True)
    return Counter(dict(zip(days.tolist(), counts.tolist(), strict=True)))


def timed(stage: Stage, *rows: Any, spread: Spread | None = None) -> Iterator[Timed]:
    """Yield what one call of a stage gives, part by part, or how it failed."""
    began = time.thread_time()
    try:
        for result in stage.results(*rows, spread=spread):
            yield result, time.thread_time() - began
            began = time.thread_time()
    except Exception as error:  # a check that fails is a result: the others go on, and the record says so
        frame = traceback.extract_tb(error.__traceback__)[-1]
        words = str(error).split("\n", 1)[0][:300]
        words = f"{type(error).__name__}: {words} ({Path(frame.filename).name}:{frame.lineno})"
        yield words, time.thread_time() - began
