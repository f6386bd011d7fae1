"""The figures of a record: which counts each chart of its page shows."""

import re
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import IntArray, as_bools, as_ints, digests, micros_of
from ...checks.base.check import Table
from ...checks.base.findings import CHECKED, WARNING
from ...checks.base.large_tables import Coded, Codes, Words, facets, numbered, pieces
from ..counts import Rate
from ..record import CheckFacts, Facts
from ..wording import UNDECLARED, visible
from . import charts
from .drawing import Chart
from .found import Found

SLUG = re.compile("[^a-z0-9]+")  # characters that have no place in the id of an element


def named_tables(facts: CheckFacts) -> list[tuple[str, Table]]:
    """Return the tables of a check that are not empty, under unique names: two checks may share the name of a table."""
    return [(f"{facts.name}: {table.name}", table) for table in facts.tables if table.rows]


def by_language(facts: Facts) -> list[tuple[str, int]]:
    """Count messages by declared language, the most frequent first."""
    totals = charts.sums((_tag(count.lang), count.messages) for count in facts.census)
    return sorted(totals.items(), key=lambda item: (-item[1], item[0]))


def _tag(lang: str | None) -> str:
    return UNDECLARED if lang is None else visible(lang)[:40]


def figures(facts: Facts, found: Found) -> tuple[Chart, ...]:
    """Return the charts that this record has figures for."""
    checked = _checked("lang", facts, _tag)
    flagged, days = _flagged(found)
    drawn = (
        charts.by_part("language", _rates_by("lang", facts, found, checked, _tag)),
        _by_file(facts, found),
        _declared_detected(found, checked, flagged),
        *_copies(found),
        *(_bars(name, table) for check in facts.checks for name, table in named_tables(check) if table.bars),
        *(_dots(name, table) for check in facts.checks for name, table in named_tables(check) if table.dots),
        charts.role_depth(_roles(facts)),
        charts.over_time(facts.days, days),
    )
    return tuple(chart for chart in drawn if chart is not None)


def _checked(part: str, facts: Facts, shown: Callable[[str | None], str]) -> dict[tuple[str, str], int]:
    """Count checked messages by language or file, a column of coverage, as it is `shown`, and by check."""
    return charts.sums(
        ((shown(getattr(count, part)), check.name), count.messages)
        for check in facts.checks
        for count in check.coverage
        if count.outcome == CHECKED
    )


def _by_file(facts: Facts, found: Found) -> Chart | None:
    """Return the rates by file; None of a single one."""
    names = facts.file_names

    def shown(source: str | None) -> str:
        return names.get(source or "", "")

    if len(names) < 2:
        return None
    return charts.by_part("file", _rates_by("source", facts, found, _checked("source", facts, shown), shown))


def _rates_by(
    part: str,
    facts: Facts,
    found: Found,
    checked: Mapping[tuple[str, str], int],
    shown: Callable[[str | None], str],
) -> dict[tuple[str | None, str], Rate]:
    """Return the rate of each check in each of the most frequent languages or files, and in all others together (None).

    `part` is a column of SEEN, and `shown` says how its values are written.
    """
    messages: dict[str, int] = {}
    for (name, _), n in checked.items():
        # A part has as many messages as the check that checked most of them.
        messages[name] = max(n, messages.get(name, 0))
    names, shown_as = charts.frequent(messages)
    population = found.population
    coded = Coded(population.messages[part])
    kind_of = [names.index(shown_as(name)) if name in messages else -1 for name in map(shown, (*coded.words, None))]
    # A message without a value has the code -1, and so the last kind.
    groups = population.groups(np.array(kind_of)[coded.codes], len(names))
    return {
        (name, check.name): rate
        for check in facts.checks
        if not check.error
        for name, rate in zip(
            names, population.rates(check.name, population.of(check.name, WARNING), groups), strict=True
        )
    }


def _flagged(found: Found) -> tuple[dict[tuple[str, str], int], dict[str, int]]:
    """Count messages with a warning or an error by language and check, and by the day of their date, in UTC."""
    table, check, rows = found.table, found.population.check, np.flatnonzero(found.is_bad)
    langs, lang, day = Words(), np.zeros(len(rows), dtype=np.int32), np.zeros(len(rows), dtype=np.int32)
    at = start = 0
    for piece in pieces(table.select(["lang", "created_date"])):
        here = rows[at : np.searchsorted(rows, start + len(piece))]
        some = piece.take(pa.array(here - start))
        lang[at : at + len(here)] = langs.add(some["lang"])
        stamps = micros_of(some["created_date"]).cast(pa.timestamp("us"))
        day[at : at + len(here)] = as_ints(stamps.cast(pa.date32()).cast(pa.int32()), _NO_DAY)
        at, start = at + len(here), start + len(piece)
    tags, n_checks = [*map(_tag, langs.words), UNDECLARED], len(check.words)
    by_lang = _counted(np.where(lang < 0, len(tags) - 1, lang) * n_checks + check.codes[rows], found.message[rows])
    flagged = charts.sums(((tags[k // n_checks], check.words[k % n_checks]), n) for k, n in by_lang)
    days, counts = _distinct(day, np.where(day == _NO_DAY, -1, found.message[rows]))
    written = pa.array(days, pa.int32()).cast(pa.date32()).cast(pa.string()).to_pylist()
    return flagged, dict(zip(written, counts.tolist(), strict=True))


_NO_DAY = -(1 << 31)


def _distinct(group: IntArray | Codes, message: IntArray) -> tuple[IntArray, IntArray]:
    """Return the groups that have a message, and their number of messages, from group and message of each finding."""
    named = message >= 0
    n = int(message.max(initial=0)) + 1
    pairs = group[named].astype(np.int64) * n + message[named]
    # In place: np.unique makes a set of them, which takes several times the memory.
    pairs.sort()
    groups = pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]] // n
    found, counts = np.unique(groups, return_counts=True)
    return found, counts


def _counted(group: IntArray | Codes, message: IntArray) -> Iterator[tuple[int, int]]:
    """Return `_distinct` in pairs, for few groups."""
    return zip(*(each.tolist() for each in _distinct(group, message)), strict=True)


def by_two_facets(findings: pa.Table, first: str, second: str) -> Iterator[tuple[IntArray, pa.Array, pa.Array]]:
    """Yield the rows of findings that have both facets, and the values of both, some at a time."""
    start = 0
    for piece in pieces(findings, ["facets"]):
        rows, keys, values = facets(piece["facets"])
        at = np.full((2, len(piece)), -1)
        for key, own in zip((first, second), at, strict=True):
            # As map_lookup would find it, which takes five times as long. The first of a row is set last.
            there = np.flatnonzero(as_bools(pc.and_(pc.equal(keys, key), values.is_valid())))[::-1]
            own[rows[there]] = there
        both = np.flatnonzero((at >= 0).all(axis=0))
        if len(both):
            yield both + start, *(values.take(pa.array(own[both])) for own in at)
        start += len(piece)


def _declared_detected(
    found: Found, checked: Mapping[tuple[str, str], int], flagged: Mapping[tuple[str, str], int]
) -> Chart | None:
    is_bad, checks = found.is_bad, found.population.check
    langs, found_rows = Words(), [np.zeros((0, 3), dtype=np.int32)]
    for rows, *values in by_two_facets(found.table, "declared", "detected"):
        some = is_bad[rows]
        declared, detected = (langs.add(each)[some] for each in values)
        found_rows.append(np.stack([rows[some], declared, detected], axis=1).astype(np.int32))
    rows, declared, detected = np.concatenate(found_rows).T
    if not len(rows):
        return None
    # Several checks may report languages: the figures of one are shown, as a message would be counted twice.
    check = checks.words[checks.codes[rows[0]]]
    own = checks.are(check)[rows]
    tags = list(map(_tag, langs.words))
    pairs = _counted(declared[own].astype(np.int64) * len(tags) + detected[own], found.message[rows[own]])
    return charts.declared_detected(
        charts.sums(((tags[k // len(tags)], tags[k % len(tags)]), n) for k, n in pairs),
        {lang: n for (lang, name), n in checked.items() if name == check},
        {lang: n for (lang, name), n in flagged.items() if name == check},
    )


def _copies(found: Found) -> tuple[Chart | None, ...]:
    rows, clusters, alike = [np.zeros(0, np.int64)], [np.zeros(0, np.uint64)], [np.zeros(0, np.int32)]
    jaccards = Words()
    for some, cluster, jaccard in by_two_facets(found.table, "cluster", "jaccard"):
        rows.append(some)
        clusters.append(digests(cluster))
        alike.append(jaccards.add(jaccard))
    _, sizes = _distinct(numbered(np.concatenate(clusters)), found.message[np.concatenate(rows)])
    values = np.array([float(word) for word in jaccards.words])
    # The message that is copied belongs to the group too.
    return charts.group_sizes(sizes + 1), charts.similarities(values[np.concatenate(alike)])


def _dots(name: str, table: Table) -> Chart | None:
    label, value, low, high = (table.columns.index(column) for column in table.dots)
    rows = [
        (visible(str(row[label])), None if row[value] == "" else float(row[value]), float(row[low]), float(row[high]))
        for row in table.rows
        if row[low] != "" and row[high] != ""
    ]
    return charts.intervals(name, table.about, rows, name=SLUG.sub("-", name.lower()))


def _bars(name: str, table: Table) -> Chart | None:
    label, part, whole = (table.columns.index(column) for column in table.bars)
    if table.is_ordered:
        rows = [(visible(str(row[label])), int(row[part]), int(row[whole])) for row in table.rows]
        return charts.ordered_shares(name, table.about, rows, name=SLUG.sub("-", name.lower()))
    # No bar for nothing; the table has it.
    rows = [(visible(str(row[label])), int(row[part]), int(row[whole])) for row in table.rows if row[part]]
    return charts.shares(name, table.about, rows, name=SLUG.sub("-", name.lower()))


def _roles(facts: Facts) -> dict[tuple[str, int], int]:
    return charts.sums(
        (("no role" if shape.role is None else visible(shape.role)[:40], shape.depth), shape.messages)
        for shape in facts.shape
    )
