"""UltraFeedback: an instruction and answers by several models."""

from collections.abc import Iterator
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row, mistyped
from .instructions import asked
from .turns import REQUIRED, messages_of, text_turn, tree_of


class UltraFeedback(Format):
    """`{"instruction", "completions": [{"model", "response"}, ...]}`: the answers are siblings."""

    form: ClassVar = Form("ultrafeedback", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "instruction, and completions [{model, response}]"

    def recognise(self, record: dict[str, Any]) -> str | None:
        is_known = isinstance(record.get("completions"), list) and "instruction" in record
        return "records have an instruction and completions" if is_known else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        prompt = yield from asked(record)
        end = yield from messages_of(shared, prompt)
        answers = record.get("completions")
        if not isinstance(answers, list):
            yield mistyped("completions", answers, "a list of answers", shared["tree_id"])
            return
        for k, answer in enumerate(answers):
            where = f"completions[{k}]"
            if not isinstance(answer, dict):
                yield mistyped(where, answer, "an object with model and response", shared["tree_id"])
                continue
            turn = text_turn("assistant", answer.get("response"), f"{where}.response")
            row = {
                **shared,
                "message_id": f"{shared['tree_id']}#{len(prompt) + 1 + k}",
                "parent_id": end,
                "role": turn.role,
                "text": turn.text,
                "model_name": answer.get("model"),
                "synthetic": None if answer.get("model") is None else True,
            }
            yield row
            for fault in turn.faults:
                yield fault.of(row)
