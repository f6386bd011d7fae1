"""Instructions and answers: Alpaca, Dolly, questions with answers, prompts with or without completions."""

from collections.abc import Generator, Iterator
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row, mistyped
from .turns import RecordTurn, first_of, messages_of, string_of, system_of, text_turn, tree_of

ASKED = ("instruction", "prompt", "question", "input", "query", "inputs")
ANSWERS = ("output", "response", "completion", "answer", "target", "targets")
ALONE = ("instruction", "prompt")  # fields that are recognised without an answer


class Instructions(Format):
    """Records with a prompt, its input or context, and an answer if there is one."""

    form: ClassVar = Form("instructions", ("text",), roles=CHAT_ROLES, nested=True)
    fields: ClassVar = (
        f"one of {', '.join(ASKED)}, with one of {', '.join(ANSWERS)}; {' and '.join(ALONE)} need no answer"
    )

    def recognise(self, record: dict[str, Any]) -> str | None:
        if "instruction" in record:
            return "records have an instruction"
        name, answer = first_of(record, ASKED), first_of(record, ANSWERS)
        if name is None or not isinstance(record[name], str) or (name not in ALONE and answer is None):
            return None
        return f"records have {name}" + ("" if answer is None else f" and {answer}")

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        turns = yield from asked(record)
        if (answer := first_of(record, ANSWERS)) is not None:
            turns.append(text_turn("assistant", record[answer], answer, "output"))
        yield from messages_of(shared, turns)


def asked(record: Row) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the turns up to the answer: system prompt, history, and the question with its input."""
    turns = yield from system_of(record)
    turns += yield from _history(record.get("history"))
    name = first_of(record, ASKED) or ASKED[0]
    question = text_turn("prompter", record.get(name), name)
    given = yield from string_of(record, "context" if name == "input" or record.get("input") is None else "input")
    if question.text is not None and given:
        question = question._replace(text=f"{question.text}\n\n{given}")
    return [*turns, question]


def _history(raw: object) -> Generator[Fault, None, list[RecordTurn]]:
    """Return earlier questions, each with its answer."""
    if raw is not None and not isinstance(raw, list):
        yield mistyped("history", raw, "a list of pairs")
    turns: list[RecordTurn] = []
    for k, item in enumerate(raw if isinstance(raw, list) else ()):
        if isinstance(item, list) and len(item) == 2:
            turns += [
                text_turn("prompter", item[0], f"history[{k}][0]"),
                text_turn("assistant", item[1], f"history[{k}][1]"),
            ]
        else:
            yield mistyped(f"history[{k}]", item, "a question and its answer")
    return turns
