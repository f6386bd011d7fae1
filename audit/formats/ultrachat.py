"""UltraChat: `data`, a list of texts by user and assistant in turn."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ...checks.base.messages import CHAT_ROLES, Form
from .base import Fault, Format, Row, mistyped
from .turns import REQUIRED, messages_of, said, tree_of


class UltraChat(Format):
    """`{"id", "data": [text, ...]}`: the user speaks first, and nobody twice."""

    form: ClassVar = Form("ultrachat", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "data, a list of texts"

    def recognise(self, record: dict[str, Any]) -> str | None:
        data = record.get("data")
        is_known = isinstance(data, list) and bool(data) and all(isinstance(text, str) for text in data)
        return "records hold data, a list of texts in turn" if is_known else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        data = record.get("data")
        if not isinstance(data, list):
            yield mistyped("data", data, "a list of texts")
            return
        if not data:
            yield Fault("missing_field", "data is an empty list; expected at least one text", 0)
        yield from messages_of(
            shared, [said(("prompter", "assistant")[k % 2], text, f"data[{k}]") for k, text in enumerate(data)]
        )
