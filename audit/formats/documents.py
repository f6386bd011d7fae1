"""Plain documents: texts with an id, perhaps a language, perhaps the text that they answer."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ...checks.base.messages import Form
from .base import Format, Row


class Documents(Format):
    """`{"id", "text", "lang"?, "context"?}`: each is a tree of one message without a role."""

    form: ClassVar = Form("documents", ("tree_id", "message_id", "text"), nested=True)
    fields: ClassVar = "id, text, and perhaps lang and context"

    def recognise(self, record: dict[str, Any]) -> str | None:
        return "records hold text, and no role" if "text" in record and "role" not in record else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row]:
        key = record.get("id")
        if key is None:
            key = place
        elif isinstance(key, int) and not isinstance(key, bool):
            key = str(key)
        answers = record.get("context")
        if answers is not None:
            yield {"tree_id": key, "message_id": f"{key}#context", "text": answers, "is_context": True}
        yield {
            "tree_id": key,
            "message_id": key,
            "parent_id": f"{key}#context" if answers is not None else None,
            "lang": record.get("lang"),
            "text": record.get("text"),
        }
