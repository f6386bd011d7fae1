"""What was read of every field of a source, and what was not.

A text counts as read if it is in a message, whichever field it was read from: so a field that repeats another is no loss,
and a field that a format passes over is.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any
from zlib import crc32

from . import templates
from .faults import EXCERPT, Row
from .paths import decoded, leaves

MOST_PATHS = 500  # of one source; further ones are counted together
OTHERS = "..."  # their name
MOST_VALUES = 64  # distinct values of a field that are remembered
LEAST_KINDS = 50  # texts from which on they may be names of kinds
FEW = 0.05  # a field with fewer distinct values than this share of its texts names kinds of something


class Use(StrEnum):
    """What became of a field."""

    READ = "read"  # its text is in a message
    FACT = "fact"  # ids, roles, languages, names: no text
    KNOWN = "known"  # a text that belongs to no message, as the format says
    UNREAD = "unread"


@dataclass
class Field:
    """What became of the strings of one field."""

    read: int = 0  # records in which it has a text that was read
    unread: int = 0  # records in which it has a text that was not read
    chars: int = 0  # of the unread texts, in code points
    first: int = 0  # line of the first record with an unread text
    excerpt: str = ""  # of that text
    is_known: bool = False  # it belongs to no message, as the format says
    values: tuple[int, ...] = ()  # hashes of distinct unread texts, the MOST_VALUES smallest

    def add(self, later: "Field") -> None:
        """Add what was counted in other records."""
        if later.unread and (not self.unread or later.first < self.first):
            self.first, self.excerpt = later.first, later.excerpt
        self.read += later.read
        self.unread += later.unread
        self.chars += later.chars
        self.is_known = self.is_known or later.is_known
        self.values = smallest(*self.values, *later.values)

    @property
    def use(self) -> Use:
        """What became of this field."""
        names_kinds = self.unread >= LEAST_KINDS and len(self.values) < min(MOST_VALUES, FEW * self.unread)
        if self.unread and not names_kinds:
            return Use.KNOWN if self.is_known else Use.UNREAD
        return Use.READ if self.read else Use.FACT


Ledger = dict[str, Field]
"""Fields by path."""


def account(record: dict[str, Any], line: int, rows: Iterable[Row], known: Sequence[re.Pattern[str]]) -> Ledger:
    """Return what became of the strings of one record.

    `known` are paths of texts that belong to no message.
    """
    texts = texts_of(rows)
    found: Ledger = {}
    for path, text in leaves(record):
        if text in texts:
            found.setdefault(path, Field()).read = 1
        else:
            note(found, path, text, texts, line, known)
    return found


def texts_of(rows: Iterable[Row]) -> set[str]:
    """Return all that the messages of a record say."""
    texts = {text for row in rows for text in (row.get("text"), row.get("reasoning")) if isinstance(text, str)}
    return texts | {call["arguments"] for row in rows for call in row.get("calls") or () if call["arguments"]}


def note(
    ledger: Ledger, path: str, text: str, texts: Collection[str], line: int, known: Sequence[re.Pattern[str]]
) -> None:
    """Add one string of a record, which may be JSON with more of them, to the ledger of the record."""
    stack = [(path, text)]
    while stack:
        path, text = stack.pop()
        if text in texts:
            ledger.setdefault(path, Field()).read = 1
        elif (inner := decoded(text)) is not None:
            stack += leaves(inner, path)
        else:
            entry = ledger.setdefault(path, Field())
            if not is_prose(text):
                continue
            if _is_within(text, texts):
                entry.read = 1
                continue
            excerpt = text[:EXCERPT]
            # The longest, whatever the order of fields.
            entry.excerpt = max(entry.excerpt, excerpt, key=lambda each: (len(each), each))
            entry.unread, entry.chars, entry.first = 1, entry.chars + len(text), line
            entry.values = smallest(*entry.values, crc32(text.encode("utf-8", "surrogatepass")))
            entry.is_known = any(pattern.fullmatch(path) for pattern in known)


def smallest(*hashes: int) -> tuple[int, ...]:
    """Return the distinct hashes that a field remembers."""
    return tuple(sorted(set(hashes))[:MOST_VALUES])


def merge(into: Ledger, more: Mapping[str, Field]) -> None:
    """Add a ledger of later records."""
    for path, entry in more.items():
        if path not in into and len(into) >= MOST_PATHS:
            path = OTHERS
        if path in into:
            into[path].add(entry)
        else:
            into[path] = replace(entry)


def copied(ledger: Mapping[str, Field]) -> Ledger:
    """Return a copy that later records do not change."""
    return {path: replace(entry) for path, entry in ledger.items()}


def summary(path: str, entry: Field, n_records: int, n_chars: int) -> str:
    """Say what of a field was not read; `n_chars` were read from all fields of these records."""
    share = entry.chars / max(1, entry.chars + n_chars)
    of_records = f"{entry.unread / max(1, n_records):.0%}".replace("%", " %")
    of_chars = f"{share:.0%}".replace("%", " %") if share >= 0.01 else "less than 1 %"
    if entry.unread == 1 < n_records:
        return f"{path}: text in 1 record, {of_chars} of all characters, was not read"
    return f"{path}: text in {of_records} of records, {of_chars} of all characters, was not read"


def unread(ledger: Ledger) -> Iterator[tuple[str, Field]]:
    """Yield the fields whose text was not read, by path."""
    return ((path, entry) for path, entry in sorted(ledger.items()) if entry.use == Use.UNREAD)


_WORD = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{5}")


def is_prose(text: str) -> bool:
    """Whether a string looks like a text that somebody wrote: at least three words, or five letters without spaces."""
    if len(text) < 5 or (text.count(" ") + text.count("\n") < 2 and text.isascii()):
        return False
    return len(_WORD.findall(text[:1000])) >= 3 or _UNSPACED.search(text[:1000]) is not None


def _is_within(text: str, texts: Collection[str]) -> bool:
    """Whether a text is part of a message, or a rendering of the messages."""
    stripped = text.strip()
    if any(stripped in each for each in texts):
        return True
    rendered = templates.read(text)
    turns = [turn.text.strip() for turn in rendered.turns if turn.role != "system"] if rendered is not None else []
    if turns and all(any(turn in each for each in texts) for turn in turns):
        return True
    inside = sum(len(each) for each in texts if each and each in text)
    return inside >= 0.8 * len(text)
