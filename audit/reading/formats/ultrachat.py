"""UltraChat and LIMA: a list of texts by alternating user and assistant."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ....checks.base.faults import FaultKind
from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row, mistyped
from .turns import REQUIRED, first_of, messages_of, text_turn, tree_of

_LISTS = ("data", "conversations")


class UltraChat(Format):
    """`{"id", "data": [text, ...]}`, or `conversations` instead of `data`; the user speaks first."""

    form: ClassVar = Form("ultrachat", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "data or conversations, a list of texts"

    def recognise(self, record: dict[str, Any]) -> str | None:
        name = first_of(record, _LISTS)
        texts = None if name is None else record[name]
        is_known = isinstance(texts, list) and bool(texts) and all(isinstance(text, str) for text in texts)
        return f"records have {name}, a list of texts" if is_known else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        name = first_of(record, _LISTS) or _LISTS[0]
        texts = record.get(name)
        if not isinstance(texts, list):
            yield mistyped(name, texts, "a list of texts")
            return
        if not texts:
            yield Fault(FaultKind.MISSING_FIELD, f"{name} is an empty list; expected at least one text", 0)
        yield from messages_of(
            shared, [text_turn(("prompter", "assistant")[k % 2], text, f"{name}[{k}]") for k, text in enumerate(texts)]
        )
