"""Plain documents: texts with an id, perhaps a language, perhaps the text that they answer."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ...checks.base.messages import Form
from .base import Fault, Format, Row, mistyped


class Documents(Format):
    """`{"id", "text", "lang"?, "context"?}`: each is a tree of one message without a role."""

    form: ClassVar = Form("documents", ("tree_id", "message_id", "text"), nested=True)
    fields: ClassVar = "id, text, and perhaps lang and context"

    def recognise(self, record: dict[str, Any]) -> str | None:
        is_message = any(name in record for name in ("message_id", "parent_id", "message_tree_id"))
        return "records hold text, and no ids of messages" if "text" in record and not is_message else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        key, answers = record.get("id"), record.get("context")
        if type(key) is int:
            key = str(key)
        elif key is not None and not isinstance(key, str):
            yield mistyped("id", key, "a string or an integer", place, place)
            key = None
        if key is None:
            key = place
        if answers is not None and not isinstance(answers, str):
            yield mistyped("context", answers, "a string", key, key)
            answers = None
        if answers is not None:
            yield {"tree_id": key, "message_id": f"{key}#context", "text": answers, "is_context": True}
        yield {
            "tree_id": key,
            "message_id": key,
            "parent_id": f"{key}#context" if answers is not None else None,
            "lang": record.get("lang"),
            "split": record.get("split"),
            "text": record.get("text"),
        }
