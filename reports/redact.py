"""Redacted record to share with others: ids hashed, texts cut to the evidence, no raw records.

Owners of the data find each message again by hashing its id; nobody else learns an id. Fingerprints stay, so that links
to findings work, and so that the record can be a baseline.
"""

import re
from collections.abc import Callable, Iterator, Sequence, Set
from hashlib import blake2b
from itertools import count
from typing import Any

import msgspec
import pyarrow as pa

from ..checks.base.findings import FINDINGS, ID_FACETS
from ..checks.base.large_tables import gathered, pieces
from ..checks.base.places import line_id, nameless_id
from .record import THREADS, Facts, Record
from .wording import renaming

AT_ONCE = 1 << 12  # findings that are rows in Python at a time

# A value of the data as our sentences quote it; ids also occur without quotes.
_QUOTED = re.compile(r"(?<!\w)(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")(?!\w)")
# A value of a wrong type, as the reader reports it; it may be cut, with its closing quote.
_MISTYPED = re.compile(r"^(\S{1,60} is ).*(, an? \w+; expected )", re.DOTALL)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)


def redacted(record: Record) -> Record:
    """Return the record without what could identify people; quotes that are evidence stay."""
    if record.facts.is_redacted:
        return record
    facts, shorter = _facts(record.facts)
    messages = _messages(record.messages, shorter)
    judgements = {
        name: msgspec.structs.replace(judged, audit=facts.digest) for name, judged in record.judgements.items()
    }
    fields = frozenset(field.path for source in facts.sources for field in source.fields)
    return Record(
        facts, _findings(record.table, shorter, fields), _threads(record.threads, shorter), messages, judgements
    )


def hashed(name: str) -> str:
    """Return the hash that replaces an id, the same in every record."""
    return f"id-{blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=8, person=b'chataudit').hexdigest()}"


def _facts(facts: Facts) -> tuple[Facts, Callable[[str], str]]:
    """Return the facts with file names in place of paths, and the function that shortens paths."""
    names: dict[str, str] = {}
    for source in facts.sources:
        last = source.name.rsplit("/", 1)[-1]
        free = (name for k in count(1) if (name := last if k == 1 else f"{k}-{last}") not in names.values())
        names[source.name] = next(free)
    shorter = renaming(names)

    def pathless(value: Any) -> Any:
        return value.rsplit("/", 1)[-1] if isinstance(value, str) else value

    checks = []
    for check in facts.checks:
        coverage = [msgspec.structs.replace(row, source=names[row.source]) for row in check.coverage]
        settings = {name: pathless(value) for name, value in check.settings.items()}
        # The words of an error may contain anything; its kind does not.
        error = None if check.error is None else check.error.partition(":")[0]
        notes = [_unnamed(shorter(note)) for note in check.notes]
        tables = [table._replace(rows=_shorter_rows(table.rows, shorter)) for table in check.tables]
        fewer = {"coverage": coverage, "settings": settings, "error": error, "notes": notes, "tables": tables}
        checks.append(msgspec.structs.replace(check, **fewer))
    sources = [
        msgspec.structs.replace(
            source,
            name=names[source.name],
            errors=[shorter(error) for error in source.errors],
            fields=[msgspec.structs.replace(field, path=_unnamed(field.path)) for field in source.fields],
        )
        for source in facts.sources
    ]
    parts = [msgspec.structs.replace(part, name=names[part.name or ""]) for part in facts.description.sources]
    description = msgspec.structs.replace(facts.description, sources=parts)
    census = [msgspec.structs.replace(row, source=names[row.source]) for row in facts.census]
    passed_over = [msgspec.structs.replace(each, place=pathless(each.place)) for each in facts.passed_over]
    kept = {"sources": sources, "census": census, "checks": checks, "passed_over": passed_over}
    return msgspec.structs.replace(facts, is_redacted=True, description=description, **kept), shorter


def _shorter_rows(rows: Sequence[Sequence[Any]], shorter: Callable[[str], str]) -> tuple[tuple[Any, ...], ...]:
    """Return rows of a table of figures with file names in place of paths."""
    return tuple(tuple(shorter(cell) if isinstance(cell, str) else cell for cell in row) for row in rows)


def _findings(table: pa.Table, shorter: Callable[[str], str], fields: frozenset[str]) -> pa.Table:
    slices = (part for piece in pieces(table) for part in _cut(piece))
    return gathered((_fewer(part, shorter, fields) for part in slices), FINDINGS, table.nbytes)


def _cut(piece: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    # Rows in Python take some thirty times the memory.
    return (piece.slice(start, AT_ONCE) for start in range(0, len(piece), AT_ONCE))


def _fewer(findings: pa.RecordBatch, shorter: Callable[[str], str], fields: frozenset[str]) -> pa.RecordBatch:
    rows = findings.to_pylist()
    for row in rows:
        facets = dict(row["facets"])
        counted = [value for key, value in facets.items() if key not in ID_FACETS]
        known = {row["role"], row["lang"], *counted, *(word for value in counted for word in value.split(", "))}
        row["summary"] = _summary(shorter(row["summary"]), fields | known)
        row["facets"] = [(key, hashed(value) if key in ID_FACETS else value) for key, value in facets.items()]
        for name in ("message_id", "tree_id"):
            row[name] = None if row[name] is None else hashed(row[name])
        row["source"] = shorter(row["source"])
        row["spans"] = [_span(span, shorter) for span in row["spans"]]
    return pa.RecordBatch.from_pylist(rows, schema=FINDINGS)


def _summary(words: str, known: Set[str | None]) -> str:
    """Hash the values that a sentence quotes, except those that findings are counted by and names of fields."""

    def replaced(found: re.Match[str]) -> str:
        value = found[1] if found[1] is not None else found[2]
        return found[0] if value in known else f"'{hashed(value)}'"

    return _unnamed(_QUOTED.sub(replaced, _MISTYPED.sub(r"\1a value that is left out\2", words)))


def _unnamed(words: str) -> str:
    return _UUID.sub(lambda found: hashed(found[0]), words)


def _span(span: dict[str, Any], shorter: Callable[[str], str]) -> dict[str, Any]:
    # A raw record may contain anything, such as ids of users.
    is_raw = span["id"] == line_id(span["line"])
    return span | {
        "source": shorter(span["source"]),
        "id": _named(span["id"], span["line"]),
        "before": "",
        "quote": "" if is_raw else span["quote"],
        "after": "",
    }


def _named(name: str, line: int) -> str:
    """Return the hash of an id; a place stays."""
    return name if name in (line_id(line), nameless_id(line)) else hashed(name)


def _messages(messages: pa.Table, shorter: Callable[[str], str]) -> pa.Table:
    """Return the messages with hashed ids, and without digests, from which a text could be guessed."""
    names = _Dictionaries(hashes)
    sources = _Dictionaries(lambda words: pa.array([shorter(word) for word in words.to_pylist()], pa.string()))

    def fewer(piece: pa.RecordBatch) -> pa.RecordBatch:
        columns = {name: piece[name] for name in piece.schema.names}
        columns["message_id"] = hashes(piece["message_id"])
        columns["tree_id"] = names.replaced(piece["tree_id"])
        columns["source"] = sources.replaced(piece["source"])
        columns["digest"] = pa.nulls(len(piece), pa.int64())
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=messages.schema)

    return gathered(map(fewer, pieces(messages)), messages.schema, messages.nbytes)


class _Dictionaries:
    """Replaces words of dictionary columns; a dictionary that many pieces of a table share is replaced once."""

    def __init__(self, replace: Callable[[pa.Array], pa.Array]) -> None:
        self._replace = replace
        self._old = self._new = pa.array([], pa.string())

    def replaced(self, column: pa.DictionaryArray) -> pa.DictionaryArray:
        if not column.dictionary.equals(self._old):
            self._old, self._new = column.dictionary, self._replace(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, self._new)


def hashes(ids: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return the hash of each id; null stays."""
    return pa.array([None if value is None else hashed(value) for value in ids.to_pylist()], pa.string())


def _threads(threads: pa.Table, shorter: Callable[[str], str]) -> pa.Table:
    def fewer(piece: pa.RecordBatch) -> pa.RecordBatch:
        columns = {name: piece[name] for name in THREADS.names}
        for name in ("tree_id", "parent_id"):
            columns[name] = hashes(piece[name])
        places = zip(piece["id"].to_pylist(), piece["line"].to_pylist(), strict=True)
        columns["id"] = pa.array([_named(*place) for place in places], pa.string())
        columns["source"] = pa.array([shorter(name) for name in piece["source"].to_pylist()], pa.string())
        columns["excerpt"] = pa.nulls(len(piece), pa.string())
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=THREADS)

    return gathered(map(fewer, pieces(threads)), THREADS, threads.nbytes)
