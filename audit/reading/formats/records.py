"""Records with whole conversations, each in the format that fits it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from ....checks.base.arrow.columns import IntArray
from ....checks.base.faults import FaultKind
from . import columnar
from .accounting import account_columns
from .base import Format
from .columns import columns_of
from .described import RECORDS, Described
from .faults import EXCERPT, Fault, Row
from .ledger import Ledger
from .paths import MOST_PATH, Path, folded
from .turns import FIELDS

QUOTED = ("transcripts", "documents")  # a record in the first format among those in the second
NAMES = 8  # most fields that an error names


class Records(Format):
    """Records of one source: most are in the format `main`, and each may be in any of `formats`."""

    form: ClassVar = RECORDS

    def __init__(self, formats: Mapping[str, Format], main: str, languages: Sequence[Path] | None = None) -> None:
        self.formats, self.main, self.languages = formats, main, languages
        format = formats[main]
        named = format.languages if isinstance(format, Described) and languages is None else languages or ()
        if isinstance(format, Described) and "document" in format.spec.paths:  # other records have several messages
            self.lang_field = next((path.text for path in named if len(path.steps) == 1), None)
        self._near = lru_cache(10_000)(self._candidates)

    def __reduce__(self) -> tuple[Any, ...]:
        return Records, (self.formats, self.main, self.languages)

    def known_of(self, record: dict[str, Any]) -> Sequence[re.Pattern[str]]:
        return self.formats[self.fitting(record)[0] or self.main].known_of(record)

    def name_of(self, record: dict[str, Any]) -> str | None:
        """Return the name of the first format that fits a record; None: none does."""
        main = self.formats[self.main]
        if isinstance(main, Described) and main.lacks_only_a_label(record):
            return self.main
        name = next((name for name in self._near(tuple(record)) if self.formats[name].recognise(record)), None)
        # A dialogue in a corpus of documents is a document.
        if (name, self.main) == QUOTED and main.recognise(record):
            return self.main
        format = self.formats[name] if name else None
        # A text that somebody says is no document: the file has a record for each turn.
        is_document = isinstance(format, Described) and "document" in format.spec.paths
        return None if is_document and name != self.main and _is_said(record) else name

    def _candidates(self, names: tuple[str, ...]) -> list[str]:
        """Return the formats that records with only these fields may have."""
        held = set(names)
        return [name for name, each in self.formats.items() if each.may_have(held)]

    def fitting(self, record: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Return the format of a record, and the record, with its names in lower case if it fits only so."""
        name = self.name_of(record)
        if name is None:
            again = _folded(record)
            name = None if again is None else self.name_of(again)
            record = record if again is None or name is None else again
        return name, record

    def recognised(self, record: dict[str, Any]) -> tuple[str | None, str]:
        """Return the name of the format of a record, and the reason."""
        name, record = self.fitting(record)
        return name, "" if name is None else self.formats[name].recognise(record) or "all but the label is there"

    def recognise(self, record: dict[str, Any]) -> str | None:
        name, reason = self.recognised(record)
        return None if name is None else reason

    # -- whole blocks --------------------------------------------------------------------------------------------------

    def schema(self, sample: Sequence[dict[str, Any]]) -> pa.Schema | None:
        main = self.formats[self.main]
        if not isinstance(main, Described) or columnar.kind_of(main) is None:
            return None
        schema = columns_of({}, sample)
        if schema is None:
            return None
        try:
            table = pa.Table.from_pylist(sample, schema)
            _, rows = self.arrange(table, lambda: pa.nulls(len(sample), pa.string()))
        except (pa.ArrowException, UnicodeEncodeError):
            return None
        return schema if 2 * len(np.unique(rows)) > len(sample) else None

    def arrange(self, table: pa.Table, places: Callable[[], pa.Array]) -> tuple[pa.Table, IntArray]:
        main = self.formats[self.main]
        raw = columnar.Raw.of(table)
        layout = self._layout(raw)
        assert isinstance(main, Described)
        for name, format in self.formats.items():
            if name == self.main:
                break
            if format.may_have(table.column_names):
                layout.odd |= columnar.may_fit(raw, format, table.column_names)
        languages = main.languages if self.languages is None else self.languages
        shared = columnar.shared_columns(raw, main, languages, layout.odd, places)
        if layout.turns is not None:
            return columnar.conversations(layout, raw, main, shared)
        return (columnar.exchanges if "prompt" in layout.parts else columnar.documents)(layout, shared)

    def account_table(self, table: pa.Table, lines: IntArray, messages: pa.Table, rows: IntArray) -> Ledger:
        raw = columnar.Raw.of(table)
        leaves = columnar.leaf_columns(raw.columns, raw.n)
        known_of = partial(self.formats[self.main].known_of, {})
        return account_columns(raw.columns, leaves, self._layout(raw).said(), messages, rows, lines, known_of)

    def _layout(self, raw: columnar.Raw) -> columnar.Layout:
        main = self.formats[self.main]
        if not isinstance(main, Described):
            raise pa.ArrowInvalid(f"{self.main} is read record by record")
        return columnar.layout_of(raw, main)

    # -- single records ------------------------------------------------------------------------------------------------

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        name, record = self.fitting(record)
        if name is None:
            yield from self._misfit(record, place)
            return
        format = self.formats[name]
        if format.is_flat:
            yield other_format(record, name, self.main)
        elif isinstance(format, Described):
            yield from format.flatten(record, place, self.languages)
        else:
            yield from format.flatten(record, place)

    def _misfit(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        """Read what the nearest format makes of a record that none fits."""
        name, n_shared = nearest(record, self.formats)
        main = self.formats[self.main]
        if isinstance(main, Described) and (not n_shared or main.shares(record)):
            name, n_shared = self.main, 1
        format = self.formats[name]
        found = list(format.flatten(record, place)) if n_shared else []
        yield from found or [
            Fault(FaultKind.UNREADABLE_LINE, f"Record has an {unknown(record, self.formats)}", 0, _excerpt(record))
        ]


def other_format(record: dict[str, Any], name: str, main: str) -> Fault:
    """Return the fault of a record that cannot be read together with the others of its file."""
    detail = f"Record is in the format {name}, but the first records of the file are {main}. Move it to another file"
    return Fault(FaultKind.UNREADABLE_LINE, detail, 0, _excerpt(record))


def nearest(record: dict[str, Any], formats: Mapping[str, Format]) -> tuple[str, int]:
    """Return the format that shares most fields with a record, and how many these are."""
    described = {name: each for name, each in formats.items() if isinstance(each, Described)}
    # Of two that share as much, the later is the simpler one.
    name = max(reversed(list(described)), key=lambda name: described[name].shares(record) / len(described[name].needs))
    return name, described[name].shares(record)


def unknown(record: dict[str, Any], formats: Mapping[str, Format]) -> str:
    """Describe a record that no format fits, with the nearest format and the way out."""
    if _is_turn(record):
        turn = ", ".join(record)
        return f"unknown format: each record is a single turn ({turn}). Put the turns of a conversation into one list"
    names = sorted(repr(name[:MOST_PATH]) for name in record)
    fields = ", ".join(names[:NAMES]) + (", ..." if len(names) > NAMES else "")
    said = f"unknown format (fields: {fields})" if names else "unknown format (no fields)"
    name, n_shared = nearest(record, formats)
    near = formats[name]
    hint = ""
    if n_shared and isinstance(near, Described):
        lacking = near.lacking(record)
        hint = f" Closest: {name}, which also needs {lacking}." if lacking else f" Closest: {name} ({near.fields})."
    return f"{said}.{hint} Map its fields in [format]; `chataudit formats` shows examples"


def _is_turn(record: dict[str, Any]) -> bool:
    has_role, has_text = (
        any(isinstance(record.get(name), str) for name in names) for names in (FIELDS.role, FIELDS.text)
    )
    return has_role and has_text


def _is_said(record: dict[str, Any]) -> bool:
    """Whether a record is a role and a content, and has no text of its own."""
    role = record.get("role")
    return isinstance(role, str) and role.strip().lower() in FIELDS.roles and "text" not in record


def _folded(record: dict[str, Any]) -> dict[str, Any] | None:
    """Return a record with all names in lower case; None if it is nested too deeply."""
    try:
        again: dict[str, Any] = folded(record)
    except RecursionError:
        return None
    return again


def _excerpt(record: dict[str, Any]) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, default=str)[:EXCERPT]
    except RecursionError:
        return ""
