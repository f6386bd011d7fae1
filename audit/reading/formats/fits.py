"""Tests of values: whether one fits a setting of a specification."""

from typing import Any

from . import templates
from .assembly import as_label
from .paths import decoded, items_of, opened
from .turns import FIELDS, Fields

_TURN_NAMES = ("type", "tool_calls", "function_call", "body")  # of messages without a role or a text


def is_any(value: object) -> bool:
    """Fit any value."""
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_turns(value: object) -> bool:
    """Whether a value is a list of objects, in whatever packing; an empty list is one."""
    return _first_object(value) is not None


def _first_object(value: object) -> list[dict[str, Any]] | None:
    """Return the first item of a list of objects, or an empty list; None: the value is not a list of objects."""
    items = items_of(opened(value))
    first = None if items is None else [opened(item) for item in items[:1]]
    return first if first is not None and all(isinstance(item, dict) for item in first) else None


def are_turns(value: object, fields: Fields) -> bool:
    """Whether a value is a list of messages: the first has a role, a text, or a call."""
    first = _first_object(value)
    names = {*fields.role, *fields.text, *_TURN_NAMES}
    return first is not None and all(any(name.lower() in names for name in item) for item in first)


def _is_texts(value: object) -> bool:
    value = opened(value)
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _is_prompt(value: object) -> bool:
    return isinstance(value, str) or _is_turns(value) or _is_texts(value) or _is_values(value)


def _is_answer(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, dict | list) and bool(value))


def _is_values(value: object) -> bool:
    return isinstance(value, list) and any(value)


def _is_answers(value: object) -> bool:
    items = items_of(value)
    return items is not None and any(isinstance(item, str | list | dict) for item in items)


def _is_numbers(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_label(value: object) -> bool:
    return as_label(value) is not None


def is_conversation(text: str) -> bool:
    """Whether a text contains turns, in the markup of a template or as JSON."""
    return templates.read(text) is not None or turns_in(decoded(text), FIELDS) is not None


def turns_in(value: Any, fields: Fields) -> list[Any] | None:
    """Return the messages that a decoded value contains: a list of them, or an object around one; None: no messages."""
    if isinstance(value, dict):
        value = next((value[name] for name in ("messages", "conversations") if isinstance(value.get(name), list)), None)
    if not isinstance(value, list) or not value:
        return None
    names = {*fields.role, *FIELDS.role}, {*fields.text, *FIELDS.text}
    for item in value:
        item = opened(item)
        if not isinstance(item, dict) or not all(some & item.keys() for some in names):
            return None
    return value


def are_texts(items: list[Any]) -> bool:
    """Whether all items are texts, or missing."""
    return all(item is None or isinstance(item, str) for item in items)


def is_several(value: Any) -> bool:
    """Whether a value is a list of texts, each of which is an answer."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(text, str) for text in value)
        and not turns_in(value, FIELDS)
    )


FITS = {
    "turns": _is_turns,
    "texts": _is_texts,
    "transcript": lambda value: isinstance(value, str) and templates.read(value) is not None,
    "prompt": _is_prompt,
    "document": _is_text,
    "answer": _is_answer,
    "answers": _is_answers,
    "steps": _is_texts,
    "label": _is_label,
    "chosen": _is_answer,
    "rejected": _is_answer,
    "a": _is_answer,
    "b": _is_answer,
    "preference": _is_numbers,
}
EXPECTED = {
    "turns": "a list of messages",
    "texts": "a list of texts",
    "transcript": "a text with turns in it",
    "prompt": "a text or a list of messages",
    "document": "a text",
}
