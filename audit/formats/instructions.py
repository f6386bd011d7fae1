"""Instructions and answers: Alpaca's `{"instruction", "input", "output"}`, and files of instructions alone."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ...checks.base.messages import Form
from .base import Fault, Format, Row, mistyped


class Instructions(Format):
    """Each record is a prompt, with its input below it, and the answer where there is one."""

    form: ClassVar = Form("instructions", ("text",), has_roles=True, nested=True)
    fields: ClassVar = "instruction, and perhaps input and output"

    def recognise(self, record: dict[str, Any]) -> str | None:
        return "records hold an instruction" if "instruction" in record else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        asked, given = record.get("instruction"), record.get("input")
        if given is not None and not isinstance(given, str):
            yield mistyped("input", given, "a string", place, place)
        if isinstance(asked, str) and isinstance(given, str) and given:
            asked = f"{asked}\n\n{given}"
        shared = {"tree_id": place, "split": record.get("split")}
        yield {**shared, "message_id": place, "role": "prompter", "text": asked}
        if record.get("output") is not None:
            reply = {**shared, "message_id": f"{place}#output", "parent_id": place, "role": "assistant"}
            yield {**reply, "text": record["output"]}
