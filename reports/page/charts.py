"""Charts of a report: their figures, their words, and the place of each mark.

A chart is SVG without a script. A table below it has its figures, so that nothing depends on seeing it. Words from the
data must be `visible` (words.py) before they come here; the template escapes them.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import floor, sqrt
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ...checks.base.arrow.columns import IntArray
from ...checks.base.statistics.intervals import wilson
from ..counts import Rate
from ..wording import count_of, interval
from ..wording import percent as share_of
from .drawing import Bar, Bars, Cell, Columns, Dots, Matrix, short

MOST_TAGS = 12  # rows and columns of declared and detected languages
MOST_LANGUAGES, MOST_CHECKS, MOST_ROLES = 15, 24, 12
MOST_SHARES = 20
MOST_BINS = 40  # of time
DEEPEST = 10  # messages below are counted with it
OTHERS = "others"
NONE = "·"  # in a cell without messages

FloatArray = npt.NDArray[np.float64]

_K = TypeVar("_K")


def declared_detected(
    pairs: Mapping[tuple[str, str], int], checked: Mapping[str, int], flagged: Mapping[str, int]
) -> Matrix | None:
    """Return flagged messages by declared and detected language; None without any.

    Parameters
    ----------
    pairs : mapping of (declared, detected) to int
        Flagged messages.
    checked, flagged : mapping of declared language to int
        Checked messages, and the flagged ones among them; the others are on the diagonal.
    """
    counts = {pair: n for pair, n in pairs.items() if n}
    if not counts:
        return None
    by_declared, row_of = _most(sums((declared, n) for (declared, _), n in counts.items()), MOST_TAGS)
    by_detected, column_of = _most(sums((detected, n) for (_, detected), n in counts.items()), MOST_TAGS)
    # Languages on both sides come first and in one order, so that the diagonal is one line.
    both = [tag for tag in by_declared if tag in by_detected and tag is not None]
    rows = both + [tag for tag in by_declared if tag not in both]
    columns = both + [tag for tag in by_detected if tag not in both]
    found = sums(((row_of(declared), column_of(detected)), n) for (declared, detected), n in counts.items())
    largest = max(found.values())
    about = "Flagged messages. Rows: declared language; columns: detected language."
    if both:
        about += " Unshaded diagonal: messages that passed."

    def cell(row: str | None, column: str | None) -> Cell:
        if row is not None and row == column:
            kept = max(0, checked.get(row, 0) - flagged.get(row, 0))
            return Cell(None, short(kept), f"{count_of(kept, 'message')} passed")
        return _amount(found.get((row, column), 0), largest)

    return _matrix(
        "declared-detected", "Declared and detected language", about, ("declared", "detected"), (rows, columns), cell
    )


def frequent(messages: Mapping[str, int]) -> tuple[list[str | None], Callable[[str], str | None]]:
    """Return the languages or files with most messages, None for all others if any, and which one shows each."""
    return _most(messages, MOST_LANGUAGES)


def by_part(part: str, rates: Mapping[tuple[str | None, str], Rate]) -> Matrix | None:
    """Return the share of messages with a warning or an error by part and check; None where none was checked.

    Parameters
    ----------
    part : str
        What the parts are: language, or file.
    rates : mapping of (part, check) to Rate
        Parts come in the order of their rows, with None for all others.
    """
    rates = {key: rate for key, rate in rates.items() if rate.checked}
    if not rates:
        return None
    rows = list(dict.fromkeys(name for name, _ in rates))
    worst = sums((check, rate.flagged) for (_, check), rate in rates.items())
    checks = sorted(sorted(worst, key=lambda check: (-worst[check], check))[:MOST_CHECKS])
    largest = max(rate.share for rate in rates.values()) or 1.0
    has_gaps = any((row, check) not in rates for row in rows for check in checks)

    def cell(row: str | None, check: str | None) -> Cell:
        rate = rates.get((row, check or ""))
        if rate is None:
            return Cell(None, "–", "none checked")
        full = f"{rate.flagged:,} of {count_of(rate.checked, 'message')}, {rate.words}"
        shade = sqrt(rate.share / largest) if rate.flagged else None
        return Cell(shade, percent(rate.flagged, rate.checked), full)

    about = "Share of the checked messages with a warning or an error" + ("; –: none checked." if has_gaps else ".")
    if len(worst) > len(checks):
        about += f" Shown are the {len(checks)} of {len(worst):,} checks that flagged most."
    return _matrix(
        f"by-{part}", f"Flagged messages by {part} and check", about, (part, "check"), (rows, [*checks]), cell
    )


def role_depth(counts: Mapping[tuple[str, int], int]) -> Matrix | None:
    """Return messages by role and depth in their tree; the root is at depth 0."""
    there = {key: n for key, n in counts.items() if n}
    if not there:
        return None
    rows, row_of = _most(sums((role, n) for (role, _), n in there.items()), MOST_ROLES)
    found = sums(((row_of(role), min(depth, DEEPEST)), n) for (role, depth), n in there.items())
    largest = max(found.values())
    deepest = max(0, *(depth for _, depth in found))
    depths: list[str | None] = [str(depth) if depth < DEEPEST else f"{depth}+" for depth in range(deepest + 1)]

    def cell(row: str | None, depth: str | None) -> Cell:
        return _amount(found.get((row, depths.index(depth)), 0), largest)

    return _matrix(
        "role-depth",
        "Messages by role and depth",
        "Steps between a message and the root of its conversation tree; the root is at depth 0.",
        ("role", "depth"),
        (rows, depths),
        cell,
    )


def group_sizes(sizes: Sequence[int] | IntArray) -> Columns | None:
    """Return the number of duplicate groups by their size."""
    sizes = np.asarray(sizes, dtype=np.int64)
    bins = (("2", 2, 2), ("3", 3, 3), ("4", 4, 4), ("5", 5, 5), ("6-10", 6, 10), ("11-100", 11, 100))
    counts = [(label, int(((low <= sizes) & (sizes <= high)).sum())) for label, low, high in bins]
    counts.append(("101+", int((sizes > 100).sum())))
    if not any(n for _, n in counts):
        return None
    return Columns(
        "group-sizes",
        "Sizes of duplicate groups",
        "Groups of exact and near duplicates by number of messages.",
        "messages in the group",
        "groups",
        tuple(Bar(label, n, None, None, f"{n:,}") for label, n in counts),
    )


def similarities(values: Sequence[float] | FloatArray) -> Columns | None:
    """Return the similarities of duplicates in ten bins up to 1, with a bin of their own for exact copies (1.0).

    Values are in [0, 1].
    """
    values = np.asarray(values, dtype=np.float64)
    if not len(values):
        return None
    below = values[values < 1]
    about = "Similarity of duplicates to the message that they repeat."
    bars = []
    if len(below):
        # In thousandths, so that a value at the edge of a bin is not moved by rounding.
        start = floor(float(below.min()) * 20 + 1e-9) * 50
        step = (1000 - start) // 10
        about += (
            f" Labels are lower ends of bins; exact copies have a bin of their own. No similarity is below "
            f"{start / 1000:.2f}."
        )
        at = np.minimum(9, ((below * 1000 - start + 1e-6) // step).astype(np.int64))
        for k, n in enumerate(np.bincount(at, minlength=10).tolist()):
            low, high = ((start + step * edge) / 1000 for edge in (k, k + 1))
            digits = 3 if step % 10 else 2
            full = f"{low:.{digits}f} to below {high:.{digits}f}"
            bars.append(Bar(f"{low:.{digits}f}", n, None, None, f"{n:,}", full=full))
    exact = len(values) - len(below)
    bars.append(Bar("exact", exact, None, None, f"{exact:,}", full="1.0, exact copies"))
    return Columns(
        "similarities",
        "Similarity of duplicates",
        about,
        "similarity from",
        "duplicates",
        tuple(bars),
    )


def shares(title: str, about: str, rows: Sequence[tuple[str, int, int]], name: str = "shares") -> Bars | None:
    """Return bars for (label, part, whole), the largest shares first.

    `name` is unique on the page. Rows without a whole are left out.
    """
    there = sorted((row for row in rows if row[2]), key=lambda row: (-row[1] / row[2], -row[2], row[0]))
    if not there:
        return None
    about = f"{about} With 95 % CI (Wilson)."
    if len(there) > MOST_SHARES:
        about = f"{about} Shown are the {MOST_SHARES} largest of {len(there):,}."
    bars = tuple(_share(label, part, whole) for label, part, whole in there[:MOST_SHARES])
    return Bars(name, title, about, "name", "share", bars)


def ordered_shares(title: str, about: str, rows: Sequence[tuple[str, int, int]], name: str) -> Columns | None:
    """Return columns for (label, part, whole), in this order; without intervals, since they are no samples."""
    bars = tuple(Bar(label, part / whole, None, None, percent(part, whole)) for label, part, whole in rows if whole)
    return Columns(name, title, about, "", "share", bars, is_share=True) if bars else None


def intervals(title: str, about: str, rows: Sequence[tuple[str, float | None, float, float]], name: str) -> Dots | None:
    """Return dots with intervals for (label, value, low, high), in this order; a value may be missing."""
    if not rows:
        return None
    bars = (
        Bar(
            label,
            low if value is None else value,
            low,
            high,
            "" if value is None else f"{round(value, 2) + 0.0:.2f}",
            f"{low:.2f} to {high:.2f}",
        )
        for label, value, low, high in rows[:MOST_SHARES]
    )
    return Dots(name, title, about, "name", "value", tuple(bars))


def over_time(messages: Mapping[str, int], flagged: Mapping[str, int]) -> Columns | None:
    """Return the share of messages with a warning or an error by day (`YYYY-MM-DD`), week, month or longer.

    The unit is the shortest that gives at most MOST_BINS columns.
    """
    days = {found: n for day, n in messages.items() if n and (found := _day(day))}
    if not days:
        return None
    first, last = min(days), max(days)
    unit = next(unit for unit in _UNITS if unit.index(last) - unit.index(first) < MOST_BINS)
    wholes = sums((unit.index(day), n) for day, n in days.items())
    parts = sums((unit.index(day), flagged.get(day.isoformat(), 0)) for day in days)
    bars = []
    for k in range(unit.index(first), unit.index(last) + 1):
        label = unit.label(k)
        full = f"week of {label}" if unit.name == "week" else label
        bars.append(
            _share(label, parts[k], wholes[k], full)
            if k in wholes
            else Bar(label, 0, None, None, "no messages", full=full)
        )
    return Columns(
        "over-time",
        "Flagged messages over time",
        f"Share of messages with a warning or an error by {unit.name}, with 95 % CI (Wilson, not clustered by "
        "conversation).",
        "date of the message",
        "share of messages with a warning or an error",
        tuple(bars),
        is_share=True,
    )


def _day(written: str) -> date | None:
    """Return the day; None outside the years 1 to 9999."""
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None


@dataclass(frozen=True)
class _Unit:
    """A unit of time: the number of the piece that a day belongs to, and the label of a piece."""

    name: str
    index: Callable[[date], int]
    label: Callable[[int], str]


def _years(n: int, name: str) -> _Unit:
    return _Unit(name, lambda day: day.year // n, lambda k: f"{k * n:04}" + ("s" if n > 1 else ""))


_UNITS = (
    _Unit("day", date.toordinal, lambda k: date.fromordinal(k).isoformat()),
    # The first day of the calendar, 0001-01-01, is a Monday.
    _Unit("week", lambda day: (day.toordinal() - 1) // 7, lambda k: (date.min + timedelta(weeks=k)).isoformat()),
    _Unit("month", lambda day: day.year * 12 + day.month - 1, lambda k: f"{k // 12:04}-{k % 12 + 1:02}"),
    _years(1, "year"),
    _years(10, "decade"),
    # A wrong clock may give any year.
    _years(100, "century"),
    _years(1000, "millennium"),
)


def _share(label: str, part: int, whole: int, full: str = "") -> Bar:
    # A check may flag a message that it did not count as checked; no share exceeds 1.
    share = min(part, whole) / whole
    low, high = wilson(min(part, whole), whole)
    return Bar(label, share, low, high, f"{part:,} of {whole:,}, {share_of(share)}", interval(low, high), full)


def _matrix(
    name: str,
    title: str,
    about: str,
    labels: tuple[str, str],
    sides: tuple[Sequence[str | None], Sequence[str | None]],
    cell: Callable[[str | None, str | None], Cell],
) -> Matrix:
    rows, columns = sides
    cells = tuple(tuple(cell(row, column) for column in columns) for row in rows)
    if any(each.text == NONE for line in cells for each in line):
        about += f" {NONE}: none."
    return Matrix(
        name,
        title,
        about,
        *labels,
        tuple(OTHERS if row is None else row for row in rows),
        tuple(OTHERS if column is None else column for column in columns),
        cells,
    )


def _amount(n: int, largest: int) -> Cell:
    """Return the cell of a number of messages; NONE for none."""
    words = count_of(n, "message")
    return Cell(sqrt(n / largest), short(n), words) if n else Cell(None, NONE, words)


def sums(items: Iterable[tuple[_K, int]]) -> dict[_K, int]:
    """Add up the numbers of each key."""
    added: dict[_K, int] = {}
    for key, n in items:
        added[key] = added.get(key, 0) + n
    return added


def _most(counts: Mapping[str, int], n: int) -> tuple[list[str | None], Callable[[str], str | None]]:
    """Return the n most frequent words, with None for all others if there are any, and the map of a word to these."""
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    shown = set(ranked[:n])
    rest: list[str | None] = [None] if len(ranked) > n else []
    return [*ranked[:n], *rest], lambda word: word if word in shown else None


def percent(part: int, whole: int) -> str:
    """Write a share with one decimal; few is `<0.1 %`, and not 0."""
    if not part:
        return "0 %"
    return "<0.1 %" if part / whole < 0.0005 else f"{100 * part / whole:.1f} %"
