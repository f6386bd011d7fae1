"""Agreement with human labels of the language, and languages of untagged messages."""

from collections import Counter, defaultdict

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray
from ..base.check import Table
from ..base.claims import claim
from ..base.findings import FINDINGS
from ..base.messages import PLACES
from ..base.statistics.agreement import agreement
from ..base.statistics.intervals import in_percent, wilson
from ..base.text.languages import english_name
from .rules import LABEL_DISAGREES

MAX_DISAGREEMENTS = 20  # reported each way
MAX_LANGUAGES = 50  # shown of a file


UNDECLARED = pa.schema([("source", pa.string()), ("detected", pa.string()), ("messages", pa.int64())])
"""How many messages of a batch declare no language, by file and by the language that one detector finds."""

LABELLED = pa.schema(
    [
        *PLACES,
        ("declared", pa.string()),
        ("detected", pa.string()),  # empty: not flagged
        ("value", pa.float64()),  # mean of the labels, in [0, 1]
        ("count", pa.int64()),
        ("is_flagged", pa.bool_()),
        ("score", pa.float64()),
    ]
)
"""Checked messages that people labelled, one a row."""


def distribution(rows: pa.Table) -> Table:
    """Count the detected languages of messages without a language tag, file by file where there are several."""
    counts = rows.group_by(["source", "detected"], use_threads=False).aggregate([("messages", "sum")])
    by_file: dict[str, Counter[str]] = defaultdict(Counter)
    for source, detected, n in zip(*(counts[name].to_pylist() for name in counts.column_names), strict=True):
        by_file[source][detected] += n
    lines = [
        (*((source,) if len(by_file) > 1 else ()), detected or "unsure", n, _share(n, found.total()))
        for source, found in sorted(by_file.items())
        for detected, n in sorted(found.items(), key=lambda each: (-each[1], each[0]))[:MAX_LANGUAGES]
    ]
    about = "What one detector finds in messages without a language tag; shares with their 95 % CI."
    about += " Of each file, its most frequent languages." if len(by_file) > 1 else ""
    columns = (*(("file",) if len(by_file) > 1 else ()), "language", "messages", "share")
    return Table("Languages of messages without a tag", about, columns, tuple(lines))


def _share(n: int, total: int) -> str:
    low, high = wilson(n, total)
    return f"{in_percent(n / total)} ({100 * low:.1f}-{100 * high:.1f})"


def verdicts(rows: pa.Table) -> tuple[BoolArray, BoolArray]:
    """Return which messages are in another language by their labels, and which by this check."""
    return np.asarray(rows["value"]) >= 0.5, np.asarray(rows["is_flagged"].cast(pa.int8())) > 0


def measured_agreement(people: BoolArray, flagged: BoolArray, scores: npt.NDArray[np.float64]) -> Table:
    """Compare the check with human labels: tables, and a note where nothing can be compared."""
    n_people, n_flagged, n_both = (int(some.sum()) for some in (people, flagged, people & flagged))
    if n_flagged == 0:
        found = "no message"
    elif n_both == n_flagged:
        found = f"{n_flagged:,}, all among these {n_people:,}"
    else:
        found = f"{n_flagged:,}, {f'{n_both:,}' if n_both else 'none'} of them among these {n_people:,}"
    about = (
        f"Of {len(people):,} checked messages with human labels, {n_people:,} {'is' if n_people == 1 else 'are'} "
        f"labelled as another language (mean 0.5 or more). The check flagged {found}."
    )
    lines = [(m.name, f"{m.value:.3f}", f"{m.low:.3f}-{m.high:.3f}") for m in agreement(people, flagged, scores)]
    return Table("Agreement with human labels", about, ("measure", "value", "95 % CI"), tuple(lines))


def disagreements(rows: pa.Table) -> pa.Table:
    """Report the labels that differ most from what the check found."""
    people = pc.greater_equal(rows["value"], 0.5)
    strength = pc.if_else(rows["is_flagged"], pc.subtract(rows["score"], rows["value"]), rows["value"])
    rows = rows.append_column("strength", strength).filter(pc.not_equal(people, rows["is_flagged"]))
    order = [("strength", "descending"), ("count", "descending"), ("source", "ascending"), ("line", "ascending")]
    rows = rows.sort_by([*order, ("message_id", "ascending")])
    found = [FINDINGS.empty_table()]
    for is_flagged in (True, False):
        some = rows.filter(pc.equal(rows["is_flagged"], is_flagged)).slice(0, MAX_DISAGREEMENTS)
        if some.num_rows:
            columns = zip(*(some[name].to_pylist() for name in ("value", "count", "declared", "detected")), strict=True)
            found.append(
                claim(
                    some.select(PLACES.names),
                    LABEL_DISAGREES,
                    np.arange(some.num_rows),
                    [_disagreement(*row) for row in columns],
                    score=np.clip(np.asarray(some["strength"]), 0, 1),
                    facets=[
                        {"declared": d, "people": f"{v:.2f}"}
                        for v, d in zip(some["value"].to_pylist(), some["declared"].to_pylist(), strict=True)
                    ],
                )
            )
    return pa.concat_tables(found)


def _disagreement(value: float, count: int, declared: str, detected: str) -> str:
    """Summarise labels that differ from the check; `detected` is empty where it agrees with the tag."""
    own = english_name(declared)
    if detected:
        labels, found = _labels(1 - value, count, own), english_name(detected)
    else:
        labels, found = _labels(value, count, f"not {own}"), own
    return f"{labels}, but the detectors found {found}"


def _labels(share: float, count: int, what: str) -> str:
    """Return how many of the labels say this; labels may also be shades between no and yes, which have only a mean."""
    n = round(share * count)
    if abs(share * count - n) > 0.02:
        return f"Mean of {count:,} human labels is {share:.2f} for {what}"
    if count == 1:
        return f"The human label says {what}"
    return f"{n:,} of {count:,} human labels {'says' if n == 1 else 'say'} {what}"
