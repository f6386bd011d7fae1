"""Texts of every field of a source: read, known, or left unread.

A text counts as read if it is in a message, whichever field it was read from: a field that repeats another is no loss.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from zlib import crc32

from ....checks.base.faults import FaultKind, Use
from ....reports.wording import percent
from . import templates
from .faults import EXCERPT, Fault, Row, whole_characters
from .paths import CUT, EACH, decoded, leaves, path_of

MOST_PATHS = 500  # of one source; further ones are counted together
OTHERS = "(further fields)"  # their name
MOST_VALUES = 64  # distinct values of a field that are remembered
LEAST_KINDS = 50  # texts from which on they may be names of kinds
MOST_SEARCHED = 2_000_000_000  # characters of messages in which parts of other texts are searched, of one record
SEPARATOR = "\0"  # between messages that are searched together
LONG = 20  # characters of a message that is recognised within another text, whatever it contains
LEAST_WORDS = 5  # between messages in a text that are more than marks
FEW = 0.05  # a field with fewer distinct values than this share of its texts names kinds of something


@dataclass
class Field:
    """Counts of the strings of one field, by whether they were read."""

    read: int = 0  # records in which it has a text that was read
    unread: int = 0  # records in which it has a text that was not read
    chars: int = 0  # of the unread texts, in code points
    first: int = 0  # line of the first record with an unread text
    excerpt: str = ""  # of that text
    is_known: bool = False  # it belongs to no message, as the format says
    partial: int = 0  # records in which the rest of the text was read
    values: tuple[int, ...] = ()  # hashes of distinct unread texts, the MOST_VALUES smallest

    def add(self, later: "Field") -> None:
        """Add what was counted in other records."""
        if later.unread and (not self.unread or later.first < self.first):
            self.first, self.excerpt = later.first, later.excerpt
        self.read += later.read
        self.unread += later.unread
        self.chars += later.chars
        self.partial += later.partial
        self.is_known = self.is_known or later.is_known
        self.values = _smallest(*self.values, *later.values)

    @property
    def use(self) -> Use:
        """The use of this field."""
        names_kinds = self.unread >= LEAST_KINDS and len(self.values) < min(MOST_VALUES, FEW * self.unread)
        is_template = self.partial == self.unread > 1 == len(self.values)  # the same words around all messages
        if self.unread and not names_kinds and not is_template:
            return Use.KNOWN if self.is_known else Use.UNREAD
        return Use.READ if self.read else Use.FACT


Ledger = dict[str, Field]
"""Fields by path."""


def account(
    record: dict[str, Any], line: int, found: Iterable[Row | Fault], known_of: Callable[[], Sequence[re.Pattern[str]]]
) -> Ledger:
    """Return what became of the strings of one record, of which these messages and faults were made.

    `known_of` returns the paths of texts that belong to no message; it is called if any text is in no message.
    """
    texts: dict[str, None] = {}
    reported = set()  # texts that were not read because another was, as a finding says
    for row in found:
        if isinstance(row, Fault):
            if row.kind == FaultKind.CONFLICTING_FIELDS:
                reported.add(row.excerpt)
            continue
        texts |= dict.fromkeys(text for text in (row.get("text"), row.get("reasoning")) if isinstance(text, str))
        texts |= dict.fromkeys(call["arguments"] for call in row.get("calls") or () if call["arguments"])
    joined = SEPARATOR.join(texts)
    n_searches = MOST_SEARCHED // (len(joined) + 1)
    fields: Ledger = {}
    left: list[tuple[str, str]] = []
    parts: list[str] = []  # of messages
    stack = list(leaves(record))
    while stack:
        path, text = stack.pop()
        if text in texts:
            fields.setdefault(path, Field()).read = 1
        elif (inner := decoded(text)) is not None:
            stack += leaves(inner, path)
        elif not is_prose(text) or text[:EXCERPT] in reported:
            fields.setdefault(path, Field())
        elif len(parts) + len(left) < n_searches and text.strip() in joined:
            fields.setdefault(path, Field()).read = 1
            parts.append(text)
        else:
            left.append((path, text))
    cuts = [each.strip() for each in (*texts, *parts) if len(each) >= LONG or is_prose(each)] if left else []
    cuts.sort(key=len, reverse=True)
    known = known_of() if left else ()
    for n, (path, text) in enumerate(left):
        entry = fields.setdefault(path, Field())
        rest = _rest(text, cuts, joined) if n < n_searches else text
        if not rest:
            entry.read = 1
            continue
        entry.unread, entry.chars, entry.first = 1, entry.chars + len(rest), line
        entry.excerpt = whole_characters(rest[:EXCERPT])
        entry.partial = int(rest != text)
        entry.values = _smallest(*entry.values, crc32(rest.encode("utf-8", "surrogatepass")))
        entry.is_known = any(pattern.fullmatch(path) for pattern in known)
    return fields


def _smallest(*hashes: int) -> tuple[int, ...]:
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


SHOWN = 80  # characters of a path in a sentence
MOST_WORDS = 200  # characters of a sentence
_NAME_IT = "Name it in [format], or under others"
# Words in the name of a field, and the setting of [format] that such fields have; the first that fits is taken.
_SETTINGS = (
    ("reasoning", {"reasoning", "thinking", "thought", "thoughts", "think", "rationale", "cot"}),
    ("system", {"system"}),
    ("answer", {"answer", "response", "output", "completion", "reply", "solution", "target", "generation"}),
    ("prompt", {"prompt", "question", "instruction", "query", "problem", "task"}),
    ("input", {"input", "context", "passage"}),
    ("turns", {"message", "conversation", "dialog", "dialogue", "turn", "chat"}),
)
_TEXTS = {"text", "content", "value", "body", "utterance"}  # names that only say that it is a text
_NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")


def summary(path: str, entry: Field, n_records: int, n_chars: int) -> str:
    """Say that a field was not read, how much text it has, and how to read it.

    `n_chars` is the number of characters of all texts that were or should have been read.
    """
    shown = f"Text beyond the first {MOST_PATHS} fields" if path == OTHERS else _quoted(path)[1:-1]
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}{CUT}"
    of_records = "1 record" if entry.unread == 1 else f"{percent(min(1, entry.unread / max(1, n_records)))} of records"
    said = f"{shown} was not read: text in {of_records}, {percent(entry.chars / max(1, n_chars))} of characters"
    whole = f"{said}. {way_out(path)}"
    return whole if len(whole) <= MOST_WORDS else f"{said}. {_NAME_IT}"


def way_out(path: str) -> str:
    """Name the line of [format] with which a field would be read, by the words of its name."""
    try:
        steps = path_of(path).steps
    except ValueError:
        return _NAME_IT
    if path == OTHERS or path.endswith(CUT):
        return _NAME_IT
    others = f"If it belongs to no message, add others = [{_quoted(path)}] to [format]"
    names = [step for step in steps if isinstance(step, str)]
    if "*" in names:  # only others may have a star
        return others
    name = names[-2] if len(names) > 1 and names[-1] in _TEXTS else names[-1]
    words = {word for found in _NAME_WORD.findall(name) for word in (found.lower(), found.lower().removesuffix("s"))}
    setting = next((setting for setting, known in _SETTINGS if words & known), None)
    if setting is None:
        return others
    if setting == "turns":
        if steps[1:2] != (EACH,) or len(steps) != 3:
            return others
        return f"Add turns = {_quoted(names[0])} and text = {_quoted(names[1])} to [format]"
    return f"Add {'answers' if setting == 'answer' and EACH in steps else setting} = {_quoted(path)} to [format]"


def _quoted(name: str) -> str:
    """Write a name as a string of TOML."""
    return json.dumps(name, ensure_ascii=False)


def unread(ledger: Ledger) -> Iterator[tuple[str, Field]]:
    """Yield the fields whose text was not read, by path."""
    return ((path, entry) for path, entry in sorted(ledger.items()) if entry.use == Use.UNREAD)


_WORD = re.compile(r"[^\W\d_]{2,}")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{5}")


def is_prose(text: str) -> bool:
    """Whether a string looks like a text that somebody wrote: at least three words, or five letters without spaces."""
    if len(text) < 5 or (text.count(" ") + text.count("\n") < 2 and text.isascii()):
        return False
    return sum(1 for _ in islice(_WORD.finditer(text, 0, 1000), 3)) == 3 or _UNSPACED.search(text[:1000]) is not None


def _rest(text: str, cuts: Sequence[str], joined: str) -> str:
    """Return the prose in a text that is left when messages and parts of messages are cut out of it.

    The text may be a rendering of the messages, as chat templates write them. `joined` are all messages, and `cuts` are
    those that are recognised within others, the longest first.
    """
    cuts = [each for each in cuts if each in text]
    rendered = templates.read(text)
    if not cuts and rendered is None:
        return text
    pieces = [text] if rendered is None else [turn.text for turn in rendered.turns if turn.text.strip() not in joined]
    for cut in cuts:
        pieces = [piece for each in pieces for piece in each.split(cut)]
    return "\n".join(piece.strip() for piece in pieces if any(map(_is_sentence, (piece, *piece.splitlines()))))


def _is_sentence(text: str) -> bool:
    """Whether a piece of a text is more than the marks between messages."""
    if not is_prose(text):
        return False
    n_words = len(_WORD.findall(text))
    return _UNSPACED.search(text) is not None or (
        n_words >= LEAST_WORDS and sum(c.isalpha() or c.isspace() for c in text) >= 0.8 * len(text)
    )
