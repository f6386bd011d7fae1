"""Shapes, bars, columns and matrices with their geometry.

A chart is data: where its parts are, in units of an SVG, and the same numbers as a table for screen readers. Templates
draw it.
"""

import unicodedata
from dataclasses import dataclass
from math import floor, log10
from typing import ClassVar

WIDE, NARROW = 640, 320  # px; the second fits a phone of 360 px
SHADES = 6  # heat-0 to heat-5 in report.css


@dataclass(frozen=True)
class Outline:
    """One outline."""

    css: str  # class
    d: str  # an SVG path


@dataclass(frozen=True)
class Label:
    """A few words at one point."""

    css: str  # classes
    x: float
    y: float  # of the baseline
    words: str
    turn: int = 0  # degrees, clockwise


@dataclass(frozen=True)
class Group:
    """Marks that belong together, with the text that shows when a pointer rests on them."""

    title: str  # empty: no text
    css: str
    shapes: tuple[Outline, ...] = ()
    texts: tuple[Label, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """One picture, in px."""

    size: str  # wide or narrow: the page shows the one that fits; whole: never scaled on a screen
    width: float
    height: float
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Grid:
    """The figures of a chart; the first column names the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bar:
    """One value with its 95 % interval, in any unit."""

    label: str
    value: float  # not negative
    low: float | None  # None: no interval
    high: float | None
    text: str  # the value in words
    interval: str = ""  # the interval in words, for the table
    full: str = ""  # the full label, where `label` is short for it

    @property
    def named(self) -> str:
        """The full label."""
        return self.full or self.label or "(empty)"

    @property
    def end(self) -> float:
        """The largest value to draw."""
        return self.value if self.high is None else max(self.value, self.high)

    @property
    def words(self) -> str:
        """The label with the value and its interval."""
        return f"{self.named}: {self.text or 'no value'}" + (f" (95 % CI {self.interval})" if self.interval else "")


@dataclass(frozen=True)
class _Values:
    """Base of bars and columns. All bars are drawn: the caller picks as many as can be read."""

    name: str  # for ids: letters, digits and hyphens, unique on the page
    title: str
    about: str  # one sentence
    label: str  # heading of the labels
    value: str  # heading of the values
    bars: tuple[Bar, ...]

    @property
    def desc(self) -> str:
        """The main figures in words."""
        if not self.bars:
            return "Nothing to show."
        most = sorted(self.bars, key=lambda bar: -bar.value)[:3]
        kinds = f"{len(self.bars):,} values, {self.bars[0].named} to {self.bars[-1].named}. "
        return (kinds if len(self.bars) > 3 else "") + f"The largest: {'; '.join(bar.words for bar in most)}."

    @property
    def grid(self) -> Grid:
        """All figures."""
        if any(bar.interval for bar in self.bars):
            rows = tuple((bar.named, bar.text, bar.interval) for bar in self.bars)
            return Grid((self.label, self.value, "95 % CI, %"), rows)
        return Grid((self.label, self.value), tuple((bar.named, bar.text) for bar in self.bars))

    @property
    def _largest(self) -> float:
        return max((bar.end for bar in self.bars), default=0.0) or 1.0  # all are 0: any scale does


class _Rows(_Values):
    """Values drawn one below another."""

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """One drawing for wide pages, with labels beside the values; one for narrow pages, with labels above them."""
        labels = min(220.0, max((_width(bar.named) for bar in self.bars), default=0.0))
        return (
            self._drawing("wide", WIDE, left=labels + 12, above=0, row=28),
            self._drawing("narrow", NARROW, left=0, above=20, row=46),
        )

    def _drawing(self, size: str, width: float, left: float, above: float, row: float) -> Drawing:
        raise NotImplementedError


def _row_label(text: str, width: float, left: float, top: float, is_above: bool) -> Label:
    """Return the label of a row: on a line of its own, or to the left of what is drawn."""
    if is_above:
        return Label("label", 0, top - 6, _clip(text, width))
    return Label("label end", left - 12, top + 12.5, _clip(text, left - 12))


def _whisker(low: str, high: str, middle: float) -> Outline:
    """Return an interval as a line with caps."""
    caps = "".join(f"M{x} {_px(middle - 4)}v8" for x in (low, high))
    return Outline("whisker", f"M{low} {_px(middle)}H{high}{caps}")


@dataclass(frozen=True)
class Bars(_Rows):
    """Horizontal bars with their numbers at the end."""

    kind: ClassVar[str] = "bars"

    def _drawing(self, size: str, width: float, left: float, above: float, row: float) -> Drawing:
        room = min(width * 0.45, max((_width(bar.text) for bar in self.bars), default=0.0))
        scale = (width - left - room - 10) / self._largest
        groups = []
        for k, bar in enumerate(self.bars):
            top = k * row + above + 6
            middle = top + 8
            shapes = [Outline("bar", _box(left, top, max(1.0, bar.value * scale), 16))] if bar.value else []
            if bar.low is not None and bar.high is not None:
                shapes.append(_whisker(_px(left + bar.low * scale), _px(left + bar.high * scale), middle))
            label = _row_label(bar.named, width, left, top, above > 0)
            number = Label("number", left + bar.end * scale + 8, middle + 4.5, _clip(bar.text, room))
            groups.append(Group(bar.words, "", tuple(shapes), (label, number)))
        height = len(self.bars) * row + 8
        axis = Group("", "", (Outline("axis", f"M{_px(left)} 0V{_px(height)}"),)) if not above else Group("", "")
        return Drawing(size, width, height, (*groups, axis))


@dataclass(frozen=True)
class Dots(_Rows):
    """Values as dots with their intervals, on one scale with a line at 0; a bar without a text has no dot."""

    kind: ClassVar[str] = "dots"

    @property
    def desc(self) -> str:
        """The values in words."""
        return f"{len(self.bars):,} values with 95 % CI. {'; '.join(bar.words for bar in self.bars[:3])}."

    @property
    def grid(self) -> Grid:
        """All figures."""
        rows = tuple((bar.named, bar.text, bar.interval) for bar in self.bars)
        return Grid((self.label, self.value, "95 % CI"), rows)

    def _drawing(self, size: str, width: float, left: float, above: float, row: float) -> Drawing:
        ends = [end for bar in self.bars for end in (bar.low, bar.high, bar.value) if end is not None]
        least, most = min(0.0, *ends), max(1.0, *ends)
        room = max((_width(bar.text) for bar in self.bars), default=0.0) + 16
        scale = (width - left - room - 10) / (most - least)

        def at(value: float) -> str:
            return _px(left + 5 + (value - least) * scale)

        groups = []
        for k, bar in enumerate(self.bars):
            top = k * row + above + 6
            middle = top + 8
            shapes = []
            if bar.low is not None and bar.high is not None:
                shapes.append(_whisker(at(bar.low), at(bar.high), middle))
            if bar.text:
                shapes.append(Outline("bar", f"M{at(bar.value)} {_px(middle - 5)}l5 5l-5 5l-5 -5z"))
            label = _row_label(bar.named, width, left, top, above > 0)
            number = Label("number", width - room, middle + 4.5, bar.text)
            groups.append(Group(bar.words, "", tuple(shapes), (label, number)))
        height = len(self.bars) * row + 8
        axis = Group("", "", (Outline("axis", f"M{at(0.0)} 0V{_px(height)}"),))
        return Drawing(size, width, height, (axis, *groups))


@dataclass(frozen=True)
class Columns(_Values):
    """Vertical bars in the order of their labels, with numbers on top where these fit, else with an axis."""

    kind: ClassVar[str] = "columns"
    is_share: bool = False  # the axis is in percent

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """One drawing for wide pages, and one for narrow pages, with fewer labels."""
        return self._drawing("wide", WIDE, 200), self._drawing("narrow", NARROW, 150)

    def _drawing(self, size: str, width: float, plot: float) -> Drawing:
        n = max(1, len(self.bars))
        fits = all(_width(bar.text) + 6 <= min(width / n, 120.0) for bar in self.bars)
        ticks = [] if fits else [(t, self._tick(t)) for t in _ticks(self._largest, whole=not self.is_share)]
        left = max((_width(words) for _, words in ticks), default=-8.0) + 8
        pitch = min((width - left) / n, 120.0)
        thick = min(pitch * 0.76, 56.0)
        top = 24.0
        floor_ = top + plot
        scale = plot / self._largest
        right = left + n * pitch
        back = [Outline("gridline", f"M{_px(left)} {_px(floor_ - t * scale)}H{_px(right)}") for t, _ in ticks if t]
        texts = [Label("tick end", left - 8, floor_ - t * scale + 4, words) for t, words in ticks]
        free = 0.0  # where the next label may begin: labels that would overlap the one before are left out
        groups = []
        for k, bar in enumerate(self.bars):
            x = left + (k + 0.5) * pitch
            shapes = []
            if bar.value:
                tall = max(1.0, bar.value * scale)
                shapes.append(Outline("bar", _box(x - thick / 2, floor_ - tall, thick, tall)))
            if bar.low is not None and bar.high is not None:
                low, high, half = floor_ - bar.low * scale, floor_ - bar.high * scale, min(4.0, thick / 2)
                ends = "".join(f"M{_px(x - half)} {_px(y)}h{_px(2 * half)}" for y in (low, high))
                shapes.append(Outline("whisker", f"M{_px(x)} {_px(low)}V{_px(high)}{ends}"))
            number = (Label("number middle", x, floor_ - bar.end * scale - 7, bar.text),) if fits else ()
            groups.append(Group(bar.words, "", tuple(shapes), number))
            label = _clip(bar.label or "(empty)", width)
            half = _width(label) / 2
            # A label at the edge moves inwards rather than being cut.
            x = min(max(x, half), width - half)
            if x - half >= free:
                texts.append(Label("tick middle", x, floor_ + 18, label))
                free = x + half + 6
        texts.append(Label("caption", left, floor_ + 40, _clip(self.label, width - left)))
        if ticks:
            texts.append(Label("caption", 0, 12, _clip(self.value, width)))
        axis = Group("", "", (Outline("axis", f"M{_px(left)} {_px(floor_)}H{_px(right)}"),), tuple(texts))
        return Drawing(size, width, floor_ + 48, (Group("", "", tuple(back)), *groups, axis))

    def _tick(self, value: float) -> str:
        return f"{100 * value:g} %" if self.is_share else short(round(value))


@dataclass(frozen=True)
class Cell:
    """One field of a matrix."""

    shade: float | None  # in [0, 1]; None: not shaded
    text: str  # short, for the field
    full: str


@dataclass(frozen=True)
class Matrix:
    """Rows by columns, each cell with its number; darker is more. All rows and columns are drawn."""

    name: str  # for ids: letters, digits and hyphens, unique on the page
    title: str
    about: str  # one sentence
    row_label: str
    column_label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[Cell, ...], ...]  # by row
    kind: ClassVar[str] = "matrix"

    @property
    def desc(self) -> str:
        """The main figures in words."""
        shaded = [
            (cell.shade, f"{self.row_label} {row}, {self.column_label} {column}: {cell.full}")
            for row, cells in zip(self.rows, self.cells, strict=True)
            for column, cell in zip(self.columns, cells, strict=True)
            if cell.shade is not None
        ]
        most = sorted(shaded, key=lambda item: -item[0])[:3]
        largest = f" The largest: {'; '.join(words for _, words in most)}." if most else ""
        return f"{self.row_label} by {self.column_label}, {len(self.rows):,} by {len(self.columns):,}.{largest}"

    @property
    def grid(self) -> Grid:
        """All figures."""
        rows = (
            (row or "(empty)", *(cell.full for cell in cells)) for row, cells in zip(self.rows, self.cells, strict=True)
        )
        return Grid((f"{self.row_label} / {self.column_label}", *(c or "(empty)" for c in self.columns)), tuple(rows))

    @property
    def drawings(self) -> tuple[Drawing, ...]:
        """One drawing at full size; a narrower page scrolls."""
        widest = max((_width(cell.text) for cells in self.cells for cell in cells), default=0.0)
        cell_width, cell_height = min(84.0, max(46.0, widest + 14)), 30.0
        wide = max((_width(row or "(empty)") for row in (*self.rows, self.row_label)), default=0.0)
        left = min(180.0, wide) + 12
        heads = min(150.0, max((_width(column or "(empty)") for column in self.columns), default=0.0))
        above = _clip(self.column_label, 300.0)
        is_turned = heads > cell_width - 6
        # Headings wider than their column are turned by 45 degrees.
        top = 28 + (heads * 0.71 + 14 if is_turned else 18)
        overhang = max(0.0, heads * 0.71 + 10 - cell_width / 2) if is_turned else 0.0
        texts = [
            Label("caption end", left - 12, top - 9, _clip(self.row_label, left - 12)),
            Label("caption", left, 12, above),
        ]
        groups = []
        for k, column in enumerate(self.columns):
            x, words = left + (k + 0.5) * cell_width, _clip(column or "(empty)", heads)
            text = Label("tick", x, top - 9, words, -45) if is_turned else Label("tick middle", x, top - 9, words)
            groups.append(Group(column, "", (), (text,)))
        for i, (row, cells) in enumerate(zip(self.rows, self.cells, strict=True)):
            y = top + i * cell_height
            name = Label("label end", left - 12, y + 19.5, _clip(row or "(empty)", left - 12))
            groups.append(Group(row, "", (), (name,)))
            for k, (column, cell) in enumerate(zip(self.columns, cells, strict=True)):
                x = left + k * cell_width
                box = Outline("cell", _box(x + 1, y + 1, cell_width - 2, cell_height - 2))
                number = Label("middle", x + cell_width / 2, y + 19.5, _clip(cell.text, cell_width))
                css = "heat-none" if cell.shade is None else f"heat-{min(SHADES - 1, int(cell.shade * SHADES))}"
                where = f"{self.row_label} {row}, {self.column_label} {column}"
                groups.append(Group(f"{where}: {cell.full}", css, (box,), (number,)))
        width = max(left + len(self.columns) * cell_width + overhang, left + _width(above))
        height = top + len(self.rows) * cell_height + 4
        return (Drawing("whole", round(width, 1), round(height, 1), (Group("", "", (), tuple(texts)), *groups)),)


Chart = Bars | Columns | Dots | Matrix


def short(n: int) -> str:
    """Write a count below 10**12 in at most six characters: 12,345, 123k (123,456), 1.2M (1,234,567)."""
    if n < 100_000:
        return f"{n:,}"
    unit, letter = next(each for each in ((10**9, "G"), (10**6, "M"), (1000, "k")) if n >= each[0])
    return f"{n / unit:.0f}{letter}" if n >= 10 * unit else f"{n / unit:.1f}{letter}"


def _px(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{_px(x)} {_px(y)}h{_px(width)}v{_px(height)}h-{_px(width)}z"


def _width(words: str) -> float:
    """Estimate the width of words at 12.5 px, rather too wide than too narrow: fonts differ."""
    return sum(map(_char_width, words))


def _char_width(char: str) -> float:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF" or ord(char) > 0xFFFF:
        return 15.0
    if char in " .,:;'|!iljtfrI()[]-·/":
        return 5.2
    return 11.0 if char.isupper() or char in "mw%@⟦⟧—…" else 7.6


def _clip(words: str, width: float) -> str:
    if _width(words) <= width + 0.01:
        return words
    kept, used = [], _char_width("…")
    for char in words:
        used += _char_width(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def _ticks(largest: float, whole: bool) -> list[float]:
    """Return three to six round values from 0 on, none above the largest."""
    size = 10.0 ** floor(log10(largest / 3))
    step = max(size * m for m in (1, 2, 5) if size * m <= largest / 2)
    if whole:
        step = max(1.0, round(step))
    return [k * step for k in range(int(largest / step + 1e-9) + 1)]
