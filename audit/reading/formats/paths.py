"""Paths to the fields of a record: `data.question`, `answers[].text`, `choices[0].message`."""

import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from .faults import whole_characters

MOST_PATH = 100  # characters of a path in a ledger; fields further down are counted together
NAMELESS = "(no name)"
CUT = "…"  # at the end of a path that was cut
LIST = "(list)"  # the only field of a record that is itself a list

EACH = -1  # a step into every item of a list
_STEP = re.compile(r"([^.\[\]]+)|\[(\d*)\]")


class Path(NamedTuple):
    """A field, by the steps that lead to it: names, positions in a list, and EACH."""

    text: str
    steps: tuple[str | int, ...]

    @property
    def each(self) -> str | None:
        """The list whose items the path visits; None: it names one field."""
        return self.text.partition("[]")[0] if EACH in self.steps else None


class Found(NamedTuple):
    """A field that is present, and its value."""

    path: Path
    value: Any

    @property
    def where(self) -> str:
        """The field, as people write it."""
        return self.path.text


@lru_cache(10_000)
def path_of(text: str) -> Path:
    """Parse a path.

    Raises
    ------
    ValueError
        If a step is empty, or a bracket is not closed.
    """
    steps: list[str | int] = []
    at = 0
    for match in _STEP.finditer(text):
        between = text[at : match.start()]
        if between not in ("", ".") or (between == ".") == (not steps or match[1] is None):
            break
        steps.append(match[1] if match[1] is not None else EACH if match[2] == "" else int(match[2]))
        at = match.end()
    if text == LIST:
        return Path(text, (text,))
    if at != len(text) or not steps:
        raise ValueError(
            f"{text!r} is not a field; write nested fields like dialog.turns, and lists like answers[].text"
        )
    return Path(text, tuple(steps))


def first(record: dict[str, Any], paths: Iterable[Path]) -> Found | None:
    """Return the first of these fields that is not null."""
    for path in paths:
        value = get(record, path.steps)
        if value is not None:
            return Found(path, value)
    return None


def get(value: Any, steps: tuple[str | int, ...]) -> Any:
    """Return the value behind these steps, None if there is none; JSON within a string is decoded on the way."""
    for k, step in enumerate(steps):
        value = opened(value)
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            items = items_of(value)
            if items is None:
                return None
            if step == EACH:
                found = [get(item, steps[k + 1 :]) for item in items]
                return None if all(each is None for each in found) else found
            value = items[step] if step < len(items) else None
        if value is None:
            return None
    return value


def items_of(value: Any) -> list[Any] | None:
    """Return the items of a list, also of one in columns (`{"text": [...], "score": [...]}`); None: it is no list."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        columns = list(value.values())
        is_object = len(columns) == 1 and all(isinstance(item, dict) for item in columns[0])  # {"messages": [...]}
        if not is_object and len({len(column) for column in columns}) == 1:
            return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    return None


def decoded(text: str) -> Any:
    """Return the list or object that a string contains as JSON; None if it contains anything else."""
    if text[:1] not in ("[", "{") and text.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list | dict) else None


def opened(value: Any) -> Any:
    """Return what a string contains as JSON, if that is a list or an object; any other value as it is."""
    inner = decoded(value) if isinstance(value, str) else None
    return value if inner is None else inner


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string of a record with its path, in which `[]` stands for all positions of a list.

    Names that look like keys of a table (numbers, UUIDs, hashes) are written as `*`: there is one path for all of them.
    """
    stack = [(path, value)]
    while stack:
        path, value = stack.pop()
        if len(path) > MOST_PATH:  # names and depth are the data's own choice
            path = f"{path[:MOST_PATH]}{CUT}"
        if isinstance(value, str):
            yield path, value
        elif isinstance(value, dict):
            stack += [(below(path, name), each) for name, each in value.items()]
        elif isinstance(value, list):
            stack += [(f"{path}[]", each) for each in value]


_KEY = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}", re.IGNORECASE)


@lru_cache(10_000)
def below(path: str, name: str) -> str:
    """Return the path of a field within another, as `leaves` has it."""
    name = "*" if _KEY.fullmatch(name) else name if name.isascii() else whole_characters(name)
    name = name or NAMELESS
    return f"{path}.{name}" if path else name


def folded(value: Any) -> Any:
    """Return a copy with all names of fields in lower case and words joined by underscores: `Complex CoT`, `topP`."""
    if isinstance(value, dict):
        return {_snake(name): folded(each) for name, each in reversed(value.items())}
    return [folded(each) for each in value] if isinstance(value, list) else value


@lru_cache(10_000)
def _snake(name: str) -> str:
    return re.sub(r"[\s-]+", "_", re.sub(r"(?<=[a-z0-9]{2})(?=[A-Z])", "_", name.strip())).lower()
