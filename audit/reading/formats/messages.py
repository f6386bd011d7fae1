"""Conversations as lists of messages: `messages` as in OpenAI and TRL, or a `prompt` that is such a list."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row
from .turns import REQUIRED, messages_of, system_of, tree_of, turns_of


class Messages(Format):
    """`{"messages": [{"role", "content"}, ...]}`, or the same in two parts: `prompt` and `completion`."""

    form: ClassVar = Form("messages", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "messages [{role, content}], or prompt [] and completion []"

    def recognise(self, record: dict[str, Any]) -> str | None:
        if isinstance(record.get("messages"), list):
            return "records have a list of messages"
        return "records have a prompt that is a list of messages" if isinstance(record.get("prompt"), list) else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        turns = yield from system_of(record)
        if record.get("messages") is None and record.get("prompt") is not None:
            turns += yield from turns_of(record["prompt"], "prompt")
            if record.get("completion") is not None:
                turns += yield from turns_of(record["completion"], "completion")
        else:
            turns += yield from turns_of(record.get("messages"), "messages")
        yield from messages_of(shared, turns)
