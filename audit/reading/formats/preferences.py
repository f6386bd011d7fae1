"""Preferences: a chosen and a rejected answer, or one answer with a label."""

import re
from collections.abc import Generator, Iterator
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row, mistyped
from .instructions import ASKED, asked
from .turns import (
    REQUIRED,
    RecordTurn,
    first_of,
    labelled,
    messages_of,
    pair,
    system_of,
    tree_of,
    turns_of,
    turns_within,
)

LISTS = ("messages", "conversations", "conversation")
SIDES = ("chosen", "rejected")


class Preferences(Format):
    """`chosen` and `rejected`: texts, messages or whole conversations, with or without the prompt; or a `label`.

    The start that both sides share is read once.
    """

    form: ClassVar = Form("preferences", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "chosen and rejected, optional prompt, conversations or instruction; or messages and label"

    def recognise(self, record: dict[str, Any]) -> str | None:
        if all(isinstance(record.get(side), str | dict | list) for side in SIDES):
            return "records have chosen and rejected"
        is_whole = first_of(record, LISTS) is not None or {"prompt", "completion"} <= record.keys()
        if isinstance(record.get("label"), bool) and is_whole:
            return "records have a conversation with a label"
        return None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        prompt = yield from _prompt(record)
        if first_of(record, SIDES) is None and record.get("label") is not None:
            if record.get("completion") is not None:
                prompt += yield from _answer(record["completion"], "completion")
            yield from messages_of(shared, *(yield from labelled(prompt, record["label"])))
            return
        chosen, rejected = record.get("chosen"), record.get("rejected")
        has_prompt = any(turn.role != "system" for turn in prompt)
        if not has_prompt and isinstance(chosen, str) and isinstance(rejected, str):
            start = _shared_start(chosen, rejected)
            prompt += [RecordTurn("prompter", start)] if start else []
            chosen, rejected = chosen[len(start) :], rejected[len(start) :]
        better = _whole(prompt, (yield from _answer(chosen, "chosen")))
        worse = _whole(prompt, (yield from _answer(rejected, "rejected")))
        yield from messages_of(shared, *(pair(better, worse) if better or worse else (prompt, [], [])))


def _prompt(record: Row) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the prompt from its own field, if any: a list of messages, or the fields of an instruction."""
    name = first_of(record, (*ASKED, *LISTS))
    if name is None:
        return (yield from system_of(record))
    if name in LISTS or isinstance(record[name], list):
        system = yield from system_of(record)
        return system + (yield from turns_of(record[name], name))
    return (yield from asked(record))


def _answer(raw: object, where: str) -> Generator[Fault, None, list[RecordTurn]]:
    """Read one side: a text, a message, or a list of messages that may start with the prompt."""
    if isinstance(raw, list):
        return (yield from turns_of(raw, where))
    if isinstance(raw, str):
        return [RecordTurn("assistant", raw)]
    if isinstance(raw, dict):
        return turns_within(raw, where)
    yield mistyped(where, raw, "a text, a message or a list of messages")
    return []


def _whole(prompt: list[RecordTurn], answer: list[RecordTurn]) -> list[RecordTurn]:
    """Join the prompt and one side, which may repeat the prompt."""
    system, asked = _parted(prompt)
    own_system, begun = _parted(answer)
    if asked and begun and asked[0][:2] == begun[0][:2]:
        return (own_system or system) + begun
    return prompt + answer if answer else []


def _parted(turns: list[RecordTurn]) -> tuple[list[RecordTurn], list[RecordTurn]]:
    n = next((k for k, turn in enumerate(turns) if turn.role != "system"), len(turns))
    return turns[:n], turns[n:]


def _shared_start(chosen: str, rejected: str) -> str:
    """Return the words that both texts start with. TRL takes them as the prompt if there is no other."""
    shorter = min(len(chosen), len(rejected))
    n = next((k for k in range(shorter) if chosen[k] != rejected[k]), shorter)
    words = re.match(r".*\S(?=\s)", chosen[:n], re.DOTALL)
    return words[0] if words else ""
