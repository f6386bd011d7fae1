"""Tables of who made the data, and of how far raters agree."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_ints, entries
from ..base.check import Table
from ..base.messages import Batch
from ..base.statistics.intervals import in_percent
from ..base.text.tokens import HashArray
from .agreement import BINARY, LIKERT, MIN_UNITS, N_GROUPS, Votes, alpha, steps_of
from .contributors import NOBODY, Work
from .likert import MAX_WIDTH

LIKERT_LABELS = ("quality", "toxicity", "humor", "helpfulness", "creativity", "violence")
MAX_LANGUAGES, MAX_CONTRIBUTORS = 8, 10  # with rows of their own

CELLS = pa.schema(
    [
        ("label", pa.string()),
        ("lang", pa.string()),
        ("half", pa.string()),  # of the year; null: no date
        ("group", pa.int64()),  # of the conversation
        ("mean", pa.float64()),
        ("count", pa.int64()),
        ("units", pa.int64()),
    ]
)


def cells_of(batch: Batch, trees: HashArray) -> pa.Table:
    """Return CELLS of one batch: how many messages have which votes."""
    column = batch.column("labels")
    if column.null_count == len(column):
        return CELLS.empty_table()
    names, parents = entries(column, "name")
    means, of_means = entries(column, "value")
    counts, of_counts = entries(column, "count")
    if not (np.array_equal(parents, of_means) and np.array_equal(parents, of_counts)):
        even = np.asarray(pc.list_value_length(pc.struct_field(column, "name")).fill_null(0))
        even = (even == np.asarray(pc.list_value_length(pc.struct_field(column, "value")).fill_null(0))) & (
            even == np.asarray(pc.list_value_length(pc.struct_field(column, "count")).fill_null(0))
        )
        names, means, counts = (
            part.filter(pa.array(even[at])) for part, at in ((names, parents), (means, of_means), (counts, of_counts))
        )
        parents = parents[even[parents]]
    time, has_time = batch.dates
    stamps = pa.array(time, pa.timestamp("us"), mask=~has_time)
    half = pc.binary_join_element_wise(
        pc.year(stamps).cast(pa.string()), pc.if_else(pc.less_equal(pc.month(stamps), 6), "H1", "H2"), " "
    )
    rows = pa.array(parents)
    table = pa.table(
        {
            "label": names,
            "lang": batch.column("lang").take(rows),
            "half": half.take(rows),
            "group": pa.array((trees[parents] % np.uint64(N_GROUPS)).astype(np.int64)),
            "mean": means,
            "count": counts,
        }
    )
    is_used = pc.and_(pc.greater_equal(table["count"], 2), pc.is_valid(table["mean"]))
    is_used = pc.and_(is_used, pa.array(~batch.is_context[parents]))
    table = table.filter(is_used.fill_null(False))
    keys = [name for name in CELLS.names if name != "units"]
    grouped = table.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    return grouped.rename_columns([*keys, "units"]).cast(CELLS)


def agreement_tables(cells: pa.Table, notes: list[str]) -> list[Table]:
    """Return the agreement of raters by label, by language and over time."""
    if not cells.num_rows:
        notes.append("Agreement was not computed: no label has two votes")
        return []
    about = (
        "Krippendorff's alpha (interval metric) of messages with two votes or more: 1 is agreement, 0 is chance. It is "
        "exact for yes/no labels. For five-point labels only means are kept, so the votes are modelled, and no value "
        f"is given where the 95 % CI is wider than {MAX_WIDTH:g}."
    )
    columns = ("label", "scale", "messages", "alpha", "low", "high")
    dots = ("label", "alpha", "low", "high")
    rows = tuple(_agreement(cells, [(None, cells)]))
    tables = [Table("Agreement by label", about, columns, rows, dots=dots)]
    for name, field, wanted in (("language", "lang", MAX_LANGUAGES), ("half-year", "half", None)):
        sizes = cells.group_by(field, use_threads=False).aggregate([("units", "sum")])
        known = sorted(
            zip(sizes["units_sum"].to_pylist(), sizes[field].to_pylist(), strict=True),
            key=lambda x: (-x[0], x[1] or ""),
        )
        values = [value for _, value in known if value][:wanted]
        if field == "half":
            values = sorted(values)
        if len(values) > 1:
            parts = [(value, cells.filter(pc.equal(cells[field], value))) for value in values]
            about = f"The same by {name}, for the label `quality` and all yes/no labels."
            tables.append(Table(f"Agreement by {name}", about, (name, *columns), tuple(_agreement(cells, parts))))
    return tables


def _agreement(cells: pa.Table, parts: list[tuple[str | None, pa.Table]]) -> Iterator[tuple[str | int | float, ...]]:
    names = sorted(set(cells["label"].to_pylist()))
    scales = {name: _scale(cells, name) for name in names}
    for value, part in parts:
        for name in sorted(names, key=lambda each: (scales[each] != BINARY, each)):
            steps = scales[name]
            if steps is None or (value is not None and steps != BINARY and name != "quality"):
                continue
            some = part.filter(pc.equal(part["label"], name))
            means, counts, groups, units = (np.asarray(some[key]) for key in ("mean", "count", "group", "units"))
            if units.sum() < MIN_UNITS:
                continue
            votes = Votes(np.rint(means * counts * steps).astype(np.int64), counts, groups, units)
            found = alpha(votes, steps)
            shown = "" if np.isnan(found.value) else f"{found.value:.3f}"
            ends = ["" if np.isnan(end) else f"{end:.2f}" for end in (found.low, found.high)]
            row = (name, "yes/no" if steps == BINARY else "five points", int(units.sum()), shown, *ends)
            yield row if value is None else (value, *row)


def _scale(cells: pa.Table, name: str) -> int | None:
    some = cells.filter(pc.equal(cells["label"], name))
    steps = steps_of(np.asarray(some["mean"]), np.asarray(some["count"]))
    return LIKERT if steps == BINARY and name in LIKERT_LABELS else steps


def contributions(work: Work) -> Table:
    """Return the shares of the largest contributors, and of tenths of all."""
    counts = work.counts[work.order]
    total, rows = int(counts.sum()), []
    for share in (0.01, 0.05, 0.1, 0.25, 0.5, 1.0):
        n = max(1, int(np.ceil(share * len(counts))))
        part = int(counts[:n].sum())
        rows.append((f"top {100 * share:g} %", n, part, total, in_percent(part / total)))
    return Table(
        "Contributions",
        "Share of the messages that the largest contributors wrote: the Lorenz curve, from its upper end.",
        ("contributors", "number", "written", "messages", "share"),
        tuple(rows),
        bars=("contributors", "written", "messages"),
        is_ordered=True,
    )


def activity(messages: pa.Table, user: IntArray) -> list[Table]:
    """Return messages and contributors by month, and by hour of the day."""
    stamps = messages["time"].cast(pa.timestamp("us")).combine_chunks()
    tables = []
    for name, format_ in (("month", "%Y-%m"), ("hour of the day (UTC)", "%H")):
        times = pc.strftime(stamps, format=format_).dictionary_encode()
        codes = as_ints(times.indices, -1)
        rows = []
        for code, value in sorted(enumerate(times.dictionary.to_pylist()), key=lambda each: each[1]):
            here = codes == code
            writers = len(np.unique(user[here & (user != NOBODY)]))
            rows.append((value, int(here.sum()), len(user), writers))
        if rows:
            about = f"Share of the messages by {name}, with the number of contributors in the table."
            columns = (name, "written", "messages", "contributors")
            bars = (name, "written", "messages")
            tables.append(Table(f"Activity by {name}", about, columns, tuple(rows), bars=bars, is_ordered=True))
    return tables


def languages(messages: pa.Table, work: Work) -> Table:
    """Return the languages of the largest contributors."""
    lang = messages["lang"].combine_chunks()
    rows: list[tuple[str | int | float, ...]] = []
    for rank, number in enumerate(work.order[:MAX_CONTRIBUTORS].tolist(), 1):
        found = lang.filter(pa.array(work.user == number)).value_counts().to_pylist()
        found.sort(key=lambda each: (-each["counts"], each["values"] or ""))
        named = ", ".join(f"{each['values'] or '(none)'} {each['counts']:,}" for each in found[:4])
        rows.append((f"contributor {rank}", int(work.counts[number]), len(found), named))
    return Table(
        "Languages of contributors",
        "The largest contributors by number of messages, without their ids.",
        ("contributor", "messages", "languages", "most frequent"),
        tuple(rows),
    )
