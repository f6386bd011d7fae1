"""Blind spots of an audit: texts that are in no message, and files of folders that were not read."""

from collections.abc import Sequence
from typing import NamedTuple

from ..checks.base.faults import FaultKind, Use
from .record import RECORD, Facts, SourceFacts
from .wording import count_of, leading, listed, number, percent, visible

SOURCES = 5  # groups of sources with unread texts that a summary names
FIELDS = 3  # fields that a line names
SUFFIXES = 5
SUFFIX = 20  # characters of one


class UnreadField(NamedTuple):
    """A field with texts that no message has."""

    path: str
    records: int  # with such a text
    share: float  # of all characters that were or should have been read

    @property
    def words(self) -> str:
        """The field and its share."""
        return f"{self.path} ({percent(self.share)} of characters)"


class UnreadTexts(NamedTuple):
    """Sources in which the same fields have texts that no message has."""

    sources: Sequence[SourceFacts]
    fields: Sequence[UnreadField]  # the largest first

    @property
    def place(self) -> str:
        """The first source, and the number of the others."""
        return self._with_others(self.sources[0].name)

    @property
    def file(self) -> str:
        """The same without a path."""
        return self._with_others(self.sources[0].name.rsplit("/", 1)[-1])

    def _with_others(self, name: str) -> str:
        more = len(self.sources) - 1
        return f"{visible(name)} and {count_of(more, 'more file')}" if more else visible(name)

    @property
    def listed(self) -> str:
        """The largest fields with their shares, and the number of the others."""
        shown = leading(self.fields, FIELDS)
        more = [f"{number(len(self.fields) - len(shown))} more"] if len(self.fields) > len(shown) else []
        first, *rest = shown
        return listed([first.words, *(f"{field.path} ({percent(field.share)})" for field in rest), *more])

    @property
    def words(self) -> str:
        """Sources with the number of their unread fields."""
        return f"{self.place}: {unread_words(len(self.fields))}: {self.listed}"


def unread_words(n: int) -> str:
    """Write how many fields were not read."""
    return f"{count_of(n, 'field')} with text {'was' if n == 1 else 'were'} not read"


def on_one_line(path: str) -> str:
    """Write the name of a field, which may contain anything, on one line."""
    return " ".join(visible(path).split())


def unread_fields(*sources: SourceFacts) -> list[UnreadField]:
    """Return the fields of sources with texts that no message has, the largest first."""
    records: dict[str, int] = {}
    chars: dict[str, int] = {}
    for source in sources:
        for field in source.fields:
            if field.use == Use.UNREAD:
                records[field.path] = records.get(field.path, 0) + field.records_unread
                chars[field.path] = chars.get(field.path, 0) + field.chars_unread
    total = sum(source.chars for source in sources) + sum(chars.values())
    found = [UnreadField(on_one_line(path), n, chars[path] / max(1, total)) for path, n in records.items()]
    return sorted(found, key=lambda field: (-field.share, field.path))


def unread_texts(facts: Facts) -> list[UnreadTexts]:
    """Group the sources with unread texts by the fields that these are in: files of one data set are alike."""
    groups: dict[frozenset[str], list[SourceFacts]] = {}
    for source in facts.sources:
        if paths := frozenset(field.path for field in source.fields if field.use == Use.UNREAD):
            groups.setdefault(paths, []).append(source)
    return [UnreadTexts(group, unread_fields(*group)) for group in groups.values()]


def unread_lines(facts: Facts) -> tuple[str, ...]:
    """Return what was not read of the texts, a line for each group of sources; of very many the first."""
    groups = unread_texts(facts)
    rules = [rule for check in facts.checks for rule in check.rules]
    see = next((rule.id for rule in rules if rule.findings and rule.id.endswith(f"/{FaultKind.UNREAD_TEXT}")), "")
    shown = leading(groups, SOURCES)
    lines = [f"{group.words}; see {see}" if see else group.words for group in shown]
    if rest := sum(len(group.sources) for group in groups[len(shown) :]):
        lines.append(f"{count_of(rest, 'more file')} with text that was not read: see {RECORD}")
    return tuple(lines)


def passed_over(facts: Facts) -> str:
    """Return how many files of folders were not read, with their suffixes; empty if there are none."""
    n_files = sum(each.n_files for each in facts.passed_over)
    suffixes = dict.fromkeys(
        visible(suffix)[:SUFFIX] or "no suffix" for each in facts.passed_over for suffix in each.suffixes
    )
    shown = leading(list(suffixes), SUFFIXES)
    more = ", ..." if len(suffixes) > len(shown) else ""
    return f"{count_of(n_files, 'file')} ({', '.join(shown)}{more})" if n_files else ""
