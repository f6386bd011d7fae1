"""A random sample of what a check flagged and of what it did not, for people to judge; and what they say of it."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.findings import WARNING
from ..checks.base.intervals import Stratum
from ..checks.base.messages import IntArray, nameless_id, names, rows_at
from ..reports import sheet
from ..reports.counts import Population
from ..reports.pieces import Coded, is_in, places
from ..reports.record import NOT_FLAGGED, Judgement, Record
from . import engines, quote, read
from .progress import Silence
from .sources import Sources, formats_of, matched

COLUMNS = ("is_fault", "stratum", "check", "message_id", "source", "line", "role", "lang", "text", "above", "finding")
MAX_TEXT = 20_000  # characters of a cell; some spreadsheets hold no more than 32,767
LEAST = 5  # of each rule that flagged so many, so that a rare one is seen too
SAID = {
    **dict.fromkeys(("yes", "y", "true", "1", "x"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}


class Drawn(NamedTuple):
    """One message of a sample."""

    row: int  # of the record's messages
    stratum: str


def strata_of(record: Record, check: str) -> tuple[dict[str, IntArray], Population]:
    """The messages that a check judged, by the rule of their worst finding from warnings on, or NOT_FLAGGED.

    Raises
    ------
    LookupError
        If the check was not run.
    ValueError
        If it did not finish, or judged nothing.
    """
    facts = next((c for c in record.facts.checks if c.name == check), None)
    if facts is None:
        ran = ", ".join(c.name for c in record.facts.checks)
        raise LookupError(f"check {check!r} was not run; there are {ran}")
    if facts.error:
        raise ValueError(f"{check} did not finish in this audit; there is nothing to judge")
    population = Population(record.messages, record.table)
    rule_of = np.full(len(population), -1)
    rules = [rule.id for rule in facts.rules]
    found = np.flatnonzero(population.of(check, WARNING) & (population.row >= 0))
    known = np.array([rules.index(rule) if rule in rules else -1 for rule in population.rule.words], dtype=np.int64)
    number = known[population.rule.codes[found]]
    # The mildest first and rules from last to first, so that the worst, and the first rule of a check, stay.
    order = np.lexsort((-number, population.severity[found]))
    rule_of[population.row[found[order]]] = number[order]
    parts = {rule: np.flatnonzero(rule_of == k) for k, rule in enumerate(rules)}
    parts[NOT_FLAGGED] = np.flatnonzero(population.judged(check) & (rule_of < 0))
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    if not parts:
        raise ValueError(f"{check} judged no message in this audit; there is nothing to judge")
    return parts, population


def draw(record: Record, check: str, n: int, seed: int) -> list[Drawn]:
    """A stratified random sample without replacement: half of it flagged, as far as so many are, in random order.

    Of the flagged, each rule gets its share, and at least LEAST; of the others, languages and roles get theirs by
    systematic sampling.
    """
    if n < 2:
        raise ValueError(f"-n: {n} is below 2; draw at least one flagged message and one other")
    parts, population = strata_of(record, check)
    rng = np.random.default_rng(seed)
    quiet = parts.pop(NOT_FLAGGED, np.zeros(0, dtype=np.int64))
    n_flagged = min(sum(map(len, parts.values())), max(n // 2, n - len(quiet)))
    sizes = _shared(n_flagged, [len(rows) for rows in parts.values()])
    drawn = [
        Drawn(row, rule)
        for (rule, rows), size in zip(parts.items(), sizes, strict=True)
        for row in rng.choice(rows, size, replace=False).tolist()
    ]
    drawn += [Drawn(row, NOT_FLAGGED) for row in _systematic(population, quiet, n - len(drawn), rng)]
    return [drawn[k] for k in rng.permutation(len(drawn)).tolist()]


def _shared(n: int, sizes: Sequence[int]) -> list[int]:
    """How many of n each group gets: as large a share as it is of all, but at least LEAST or all that it has."""
    given = [min(size, LEAST) for size in sizes]
    if sum(given) > n:
        given = [0] * len(sizes)
    while sum(given) < n:
        # The one that is furthest below its share.
        k = min((k for k, size in enumerate(sizes) if given[k] < size), key=lambda k: (given[k] / sizes[k], k))
        given[k] += 1
    return given


def _systematic(population: Population, rows: IntArray, n: int, rng: np.random.Generator) -> list[int]:
    """Every so many of these rows in the order of languages and roles, those of one kind in random order."""
    n = min(n, len(rows))
    if not n:
        return []
    codes = [Coded(population.messages[name]).codes[rows].astype(np.int64) for name in ("role", "lang")]
    order = rows[np.lexsort((rng.permutation(len(rows)), *codes))]
    start = rng.random()
    picked: list[int] = order[((np.arange(n) + start) * len(rows) / n).astype(int)].tolist()
    return picked


def write(record: Record, check: str, drawn: Sequence[Drawn], sources: Sequence[str], path: Path) -> None:
    """The sample as a table for people to fill in, with the texts read again from the sources.

    Raises
    ------
    ValueError
        If the record is redacted, or a source was not read to its end.
    LookupError
        If a source is not where it was, or has changed.
    FileExistsError
        If the file is there already.
    """
    drawn_rows = np.array([each.row for each in drawn], dtype=np.int64)
    messages = rows_at(record.messages, drawn_rows)
    told = {name: messages[name].to_pylist() for name in ("source", "line", "role", "lang")}
    keys = list(zip(told["source"], told["line"], names(messages["message_id"], messages["line"]), strict=True))
    texts = _texts(record, keys, pc.unique(messages["tree_id"].cast(pa.string())), sources)
    said = _summaries(record, check, drawn_rows)
    rows = []
    for each, key, role, lang in zip(drawn, keys, told["role"], told["lang"], strict=True):
        source, line, name = key
        words = map(_cut, texts.get(key, (None, None)))
        rows.append(("", each.stratum, check, name, source, line, role, lang, *words, said.get(each.row, "")))
    sheet.write(path, COLUMNS, rows)


def _texts(
    record: Record, keys: Sequence[quote.Key], trees: pa.Array, arguments: Sequence[str]
) -> dict[quote.Key, tuple[str | None, str | None]]:
    """The texts of these messages and of those that they answer."""
    seen = record.messages
    rows = np.flatnonzero(is_in(seen["tree_id"], trees.to_pylist()))
    some = rows_at(seen.select(["source", "line"]), rows).to_pylist()
    lines: dict[str, set[int]] = {source: {line} for source, line, _ in keys}
    for place in [*some, *({"source": source, "line": line} for source, line, _ in keys)]:
        lines.setdefault(place["source"], set()).add(place["line"])
    formats = {source.name: source.format for source in record.facts.sources}
    found = Sources(
        [file.source for file in matched(record, arguments or list(formats))],
        engines.Serial(),
        1 << 30,
        read.BLOCK,
        Silence(),
        formats_of(record),
    )
    found.recognise(formats)
    found.start(scattered=True)
    texts = {}
    for batch in found.again({name: np.array(sorted(wanted)) for name, wanted in lines.items()}):
        column = batch.column("text")
        for key, row in quote.rows_of(batch, set(keys)).items():
            above = int(batch.parent[row])
            texts[key] = (column[row].as_py(), column[above].as_py() if above >= 0 else None)
    return texts


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _summaries(record: Record, check: str, rows: IntArray) -> dict[int, str]:
    """What the findings of a check say of some messages, by their rows."""
    population = Population(record.messages, record.table)
    said: dict[int, str] = {}
    found = np.flatnonzero(population.of(check, WARNING) & np.isin(population.row, rows))
    summaries = rows_at(record.table.select(["summary"]), found)["summary"].to_pylist()
    for row, words in zip(population.row[found].tolist(), summaries, strict=True):
        said[row] = f"{said[row]}; {words}" if row in said else words
    return said


def judged(record: Record, path: Path) -> dict[str, Judgement]:
    """The verdicts in a table that `write` made and people filled in, by check.

    Raises
    ------
    LookupError
        If there is no such file.
    ValueError
        If it is not such a table, a verdict is neither yes nor no, or a message is not where the sample drew it from.
    """
    said: dict[str, dict[str, list[bool]]] = {}
    blank: dict[str, int] = {}
    rows = [(line, row, _key(row)) for line, row in _rows(path)]
    where = {
        check: _placed(record, check, [key for _, row, key in rows if row["check"] == check])
        for check in dict.fromkeys(row["check"] for _, row, _ in rows)
    }
    seen: set[tuple[str, quote.Key]] = set()
    for line, row, key in rows:
        check, verdict = row["check"], row["is_fault"].strip().lower()
        if where[check].get(key) != row["stratum"]:
            raise ValueError(
                f"{path}:{line}: message {row['message_id']!r} is not among those {row['stratum']!r} of this audit. "
                "Judge a sample with the audit that it was drawn from; mind that spreadsheets change long numbers"
            )
        if (check, key) in seen:
            raise ValueError(f"{path}:{line}: message {row['message_id']!r} stands here a second time")
        seen.add((check, key))
        if verdict and verdict not in SAID:
            raise ValueError(f"{path}:{line}: is_fault is {row['is_fault']!r}; expected yes, no, or nothing")
        strata = said.setdefault(check, {})
        if verdict:
            strata.setdefault(row["stratum"], []).append(SAID[verdict])
        else:
            blank[check] = blank.get(check, 0) + 1
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        check: Judgement(_strata(record, check, strata), blank.get(check, 0), when, record.facts.digest)
        for check, strata in said.items()
    }


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    if not path.is_file():
        raise LookupError(f"{path}: no such file")
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            # Spreadsheets of many countries put semicolons or tabs in place of the commas.
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            reader = csv.DictReader(file, restkey="", delimiter=delimiter)
            missing = [name for name in COLUMNS[:6] if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path}: has no column {missing[0]!r}; expected a table that `chataudit sample` made")
            for row in reader:
                whole = {name: sheet.bare(row[name] or "") for name in COLUMNS[:6]}
                yield reader.line_num, whole
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: is no CSV in UTF-8 ({error})") from None


def _key(row: Mapping[str, str]) -> quote.Key:
    line = row["line"]
    # No file has a line whose number is longer.
    return row["source"], int(line) if line.isdecimal() and len(line) < 19 else -1, row["message_id"]


def _placed(record: Record, check: str, keys: Sequence[quote.Key]) -> dict[quote.Key, str]:
    """The stratum of each of these messages that the check judged."""
    parts, _ = strata_of(record, check)
    sources, lines, _ = zip(*keys, strict=True)
    sought = pa.table(
        {
            "message_id": [None if name == nameless_id(line) else name for _, line, name in keys],
            "source": sources,
            "line": lines,
        },
        schema=pa.schema([("message_id", pa.string()), ("source", pa.string()), ("line", pa.int64())]),
    )
    is_sought = np.isin(places(record.messages), places(sought))
    placed: dict[quote.Key, str] = {}
    for stratum, rows in parts.items():
        some = rows_at(record.messages.select(["source", "line", "message_id"]), rows[is_sought[rows]])
        names_of = names(some["message_id"], some["line"])
        found = zip(some["source"].to_pylist(), some["line"].to_pylist(), names_of, strict=True)
        placed |= dict.fromkeys(found, stratum)
    return placed


def _strata(record: Record, check: str, said: Mapping[str, Sequence[bool]]) -> dict[str, Stratum]:
    parts, _ = strata_of(record, check)
    return {
        name: Stratum(len(rows), len(said.get(name, ())), sum(said.get(name, ())), name != NOT_FLAGGED)
        for name, rows in parts.items()
    }
