"""A random sample of flagged and unflagged messages of a check for people to judge, and their verdicts."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.arrow.columns import IntArray, rows_at
from ..checks.base.findings import WARNING
from ..checks.base.large_tables import Coded, is_in, places
from ..checks.base.places import nameless_id, names
from ..checks.base.statistics.intervals import Stratum
from ..reports.counts import Population
from ..reports.exports import spreadsheet
from ..reports.record import NOT_FLAGGED, Judgement, Record
from .engines import engine
from .pipeline import quotes
from .progress import Silence
from .reading.blocks.block import BLOCK
from .reading.matching import formats_of, matched, requested
from .reading.sources import Sources

COLUMNS = ("is_fault", "stratum", "check", "message_id", "source", "line", "role", "lang", "text", "above", "finding")
MAX_TEXT = 20_000  # characters of a cell; some spreadsheets hold no more than 32,767
LEAST = 5  # messages of each rule, if it flagged that many, so that rare rules are judged too
VERDICTS = {
    **dict.fromkeys(("yes", "y", "true", "1", "x"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}


class Drawn(NamedTuple):
    """One message of a sample."""

    row: int  # in the record's messages
    stratum: str


def strata_of(record: Record, check: str) -> tuple[dict[str, IntArray], Population]:
    """Group the messages that a check looked at by the rule of their worst finding (not notes), or NOT_FLAGGED.

    Raises
    ------
    LookupError
        If the check was not run.
    ValueError
        If it did not finish, or checked no message.
    """
    facts = next((c for c in record.facts.checks if c.name == check), None)
    if facts is None:
        ran = ", ".join(c.name for c in record.facts.checks)
        raise LookupError(f"check {check!r} was not run; this audit ran {ran}")
    if facts.error:
        raise ValueError(f"{check} did not finish in this audit, so there is nothing to judge")
    population = Population(record.messages, record.table)
    rule_of = np.full(len(population), -1)
    rules = [rule.id for rule in facts.rules]
    found = np.flatnonzero(population.of(check, WARNING) & (population.row >= 0))
    known = np.array([rules.index(rule) if rule in rules else -1 for rule in population.rule.words], dtype=np.int64)
    number = known[population.rule.codes[found]]
    # Later assignments win: sorted so that the worst severity, and then the check's first rule, come last.
    order = np.lexsort((-number, population.severity[found]))
    rule_of[population.row[found[order]]] = number[order]
    parts = {rule: np.flatnonzero(rule_of == k) for k, rule in enumerate(rules)}
    parts[NOT_FLAGGED] = np.flatnonzero(population.checked(check) & (rule_of < 0))
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    if not parts:
        raise ValueError(f"{check} checked no message in this audit, so there is nothing to judge")
    return parts, population


def draw(record: Record, check: str, n: int, seed: int) -> list[Drawn]:
    """Draw a stratified random sample without replacement, half of it flagged if there are enough, in random order.

    Flagged messages are drawn in proportion to their rules, with at least LEAST of each; the others in proportion to
    languages and roles, by systematic sampling.
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
    """Allocate n in proportion to the sizes of groups, but at least LEAST to each, or all of a smaller one."""
    given = [min(size, LEAST) for size in sizes]
    if sum(given) > n:
        given = [0] * len(sizes)
    while sum(given) < n:
        # The group that is furthest below its share.
        k = min((k for k, size in enumerate(sizes) if given[k] < size), key=lambda k: (given[k] / sizes[k], k))
        given[k] += 1
    return given


def _systematic(population: Population, rows: IntArray, n: int, rng: np.random.Generator) -> list[int]:
    """Draw n rows at equal distances in the order of languages and roles; rows of one kind are in random order."""
    n = min(n, len(rows))
    if not n:
        return []
    codes = [Coded(population.messages[name]).codes[rows].astype(np.int64) for name in ("role", "lang")]
    order = rows[np.lexsort((rng.permutation(len(rows)), *codes))]
    start = rng.random()
    picked: list[int] = order[((np.arange(n) + start) * len(rows) / n).astype(int)].tolist()
    return picked


def write(record: Record, check: str, drawn: Sequence[Drawn], sources: Sequence[str], path: Path) -> None:
    """Write the sample as a table for people to fill in, with texts read again from the sources.

    Raises
    ------
    ValueError
        If the record is redacted, or a source was not read to the end.
    LookupError
        If a source is missing, or has changed.
    FileExistsError
        If the file exists.
    """
    drawn_rows = np.array([each.row for each in drawn], dtype=np.int64)
    messages = rows_at(record.messages, drawn_rows)
    columns = {name: messages[name].to_pylist() for name in ("source", "line", "role", "lang")}
    keys = list(zip(columns["source"], columns["line"], names(messages["message_id"], messages["line"]), strict=True))
    texts = _texts(record, keys, pc.unique(messages["tree_id"].cast(pa.string())), sources)
    summaries = _summaries(record, check, drawn_rows)
    rows = []
    for each, key, role, lang in zip(drawn, keys, columns["role"], columns["lang"], strict=True):
        source, line, name = key
        words = map(_cut, texts.get(key, (None, None)))
        rows.append(("", each.stratum, check, name, source, line, role, lang, *words, summaries.get(each.row, "")))
    spreadsheet.write(path, COLUMNS, rows)


def _texts(
    record: Record, keys: Sequence[quotes.Key], trees: pa.Array, arguments: Sequence[str]
) -> dict[quotes.Key, tuple[str | None, str | None]]:
    """Read the texts of these messages and of their parents."""
    seen = record.messages
    rows = np.flatnonzero(is_in(seen["tree_id"], trees.to_pylist()))
    some = rows_at(seen.select(["source", "line"]), rows).to_pylist()
    lines: dict[str, set[int]] = {source: {line} for source, line, _ in keys}
    for place in [*some, *({"source": source, "line": line} for source, line, _ in keys)]:
        lines.setdefault(place["source"], set()).add(place["line"])
    formats = requested(record)
    found = Sources(
        [file.source for file in matched(record, arguments or list(formats))],
        engine.Serial(),
        1 << 30,
        BLOCK,
        Silence(),
        formats_of(record),
    )
    found.recognise(formats)
    found.start(scattered=True)
    texts = {}
    for batch in found.again({name: np.array(sorted(wanted)) for name, wanted in lines.items()}):
        column = batch.column("text")
        for key, row in quotes.rows_of(batch, set(keys)).items():
            above = int(batch.parent[row])
            texts[key] = (column[row].as_py(), column[above].as_py() if above >= 0 else None)
    return texts


def _cut(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _summaries(record: Record, check: str, rows: IntArray) -> dict[int, str]:
    """Return the finding summaries of a check for some messages, by their rows."""
    population = Population(record.messages, record.table)
    joined: dict[int, str] = {}
    found = np.flatnonzero(population.of(check, WARNING) & np.isin(population.row, rows))
    summaries = rows_at(record.table.select(["summary"]), found)["summary"].to_pylist()
    for row, words in zip(population.row[found].tolist(), summaries, strict=True):
        joined[row] = f"{joined[row]}; {words}" if row in joined else words
    return joined


def judged(record: Record, path: Path) -> dict[str, Judgement]:
    """Read the verdicts, by check, from a table that `write` made and people filled in.

    Raises
    ------
    LookupError
        If there is no such file.
    ValueError
        If it is not such a table, a verdict is neither yes nor no, or a message is not in its stratum of this audit.
    """
    verdicts: dict[str, dict[str, list[bool]]] = {}
    blank: dict[str, int] = {}
    rows = [(line, row, _key(row)) for line, row in _rows(path)]
    where = {
        check: _placed(record, check, [key for _, row, key in rows if row["check"] == check])
        for check in dict.fromkeys(row["check"] for _, row, _ in rows)
    }
    seen: set[tuple[str, quotes.Key]] = set()
    for line, row, key in rows:
        check, verdict = row["check"], row["is_fault"].strip().lower()
        if where[check].get(key) != row["stratum"]:
            raise ValueError(
                f"{path}:{line}: message {row['message_id']!r} is not in stratum {row['stratum']!r} of this audit. "
                "Use the audit that the sample was drawn from; note that spreadsheets change long numbers"
            )
        if (check, key) in seen:
            raise ValueError(f"{path}:{line}: message {row['message_id']!r} is a duplicate. Remove one of the rows")
        seen.add((check, key))
        if verdict and verdict not in VERDICTS:
            raise ValueError(f"{path}:{line}: is_fault is {row['is_fault']!r}; expected yes, no, or an empty cell")
        strata = verdicts.setdefault(check, {})
        if verdict:
            strata.setdefault(row["stratum"], []).append(VERDICTS[verdict])
        else:
            blank[check] = blank.get(check, 0) + 1
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        check: Judgement(_strata(record, check, strata), blank.get(check, 0), when, record.facts.digest)
        for check, strata in verdicts.items()
    }


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    if not path.is_file():
        raise LookupError(f"{path}: no such file")
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            # In many countries spreadsheets write semicolons or tabs instead of commas.
            delimiter = max(",;\t", key=file.readline().count)
            file.seek(0)
            reader = csv.DictReader(file, restkey="", delimiter=delimiter)
            missing = [name for name in COLUMNS[:6] if name not in (reader.fieldnames or ())]
            if missing:
                raise ValueError(f"{path}: no column {missing[0]!r}; expected a CSV file written by `chataudit sample`")
            for row in reader:
                whole = {name: spreadsheet.bare(row[name] or "") for name in COLUMNS[:6]}
                yield reader.line_num, whole
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{path}: not a CSV file in UTF-8 ({error}). Export it as CSV in UTF-8") from None


def _key(row: Mapping[str, str]) -> quotes.Key:
    line = row["line"]
    # Longer numbers cannot be line numbers, and would overflow.
    return row["source"], int(line) if line.isdecimal() and len(line) < 19 else -1, row["message_id"]


def _placed(record: Record, check: str, keys: Sequence[quotes.Key]) -> dict[quotes.Key, str]:
    """Return the stratum of each of these messages that the check looked at."""
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
    placed: dict[quotes.Key, str] = {}
    for stratum, rows in parts.items():
        some = rows_at(record.messages.select(["source", "line", "message_id"]), rows[is_sought[rows]])
        names_of = names(some["message_id"], some["line"])
        found = zip(some["source"].to_pylist(), some["line"].to_pylist(), names_of, strict=True)
        placed |= dict.fromkeys(found, stratum)
    return placed


def _strata(record: Record, check: str, verdicts: Mapping[str, Sequence[bool]]) -> dict[str, Stratum]:
    parts, _ = strata_of(record, check)
    return {
        name: Stratum(len(rows), len(verdicts.get(name, ())), sum(verdicts.get(name, ())), name != NOT_FLAGGED)
        for name, rows in parts.items()
    }
