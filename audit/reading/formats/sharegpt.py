"""ShareGPT and relatives: `conversations` of turns with `from` and `value`, or `role` and `content`."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row
from .turns import REQUIRED, first_of, messages_of, system_of, tree_of, turns_of

LISTS = ("conversations", "conversation", "dialog")


class ShareGpt(Format):
    """`{"conversations": [{"from", "value"}, ...], "system"?}`; WildChat and LMSYS-Chat call them `conversation`."""

    form: ClassVar = Form("sharegpt", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "conversations [{from, value}]; optional system"

    def recognise(self, record: dict[str, Any]) -> str | None:
        name = first_of(record, LISTS)
        turns = None if name is None else record[name]
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns[:1]):
            return None
        return f"records have {name}, a list of turns"

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        system = yield from system_of(record)
        name = first_of(record, LISTS) or LISTS[0]
        turns = yield from turns_of(record.get(name), name)
        yield from messages_of(shared, system + turns)
