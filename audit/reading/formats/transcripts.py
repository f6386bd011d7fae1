"""Conversations written into one text: Anthropic's `Human: ... Assistant: ...`, and Guanaco's `### Human: ...`."""

import re
from collections.abc import Generator, Iterator
from typing import Any, ClassVar

from ....checks.base.faults import FaultKind
from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row, mistyped
from .turns import REQUIRED, ROLES, RecordTurn, first_of, labelled, messages_of, pair, tree_of

HISTORIES = ("input", "prompt", "text")  # fields that may contain a transcript
SIDES = ("chosen", "rejected")
REPLIES = ("output", "response", "completion")  # fields that may contain the answer to it

_START = re.compile(r"\s*(### )?(?:Human|Assistant):")
# One space after a mark belongs to it; with Guanaco's marks, also the one before.
_MARK = re.compile(r"(?:\A\s*|\n\n)(Human|Assistant): ?")
_HASH_MARK = re.compile(r"(?:\A\s*| )?### (Human|Assistant): ?")


class Transcripts(Format):
    """A transcript in `text`, one in `input` with its answer in `output`, or two in `chosen` and `rejected`."""

    form: ClassVar = Form("transcripts", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "chosen and rejected, or text, or input and output, written as Human: ... Assistant: ..."

    def recognise(self, record: dict[str, Any]) -> str | None:
        found = [name for name in (*SIDES, *HISTORIES) if _is_transcript(record.get(name))]
        return f"records have transcripts in {' and '.join(found)}" if found else None

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        shared = yield from tree_of(record, place)
        name = next((name for name in HISTORIES if _is_transcript(record.get(name))), None)
        history = [] if name is None else read_transcript(record[name])
        if first_of(record, SIDES) is not None:
            chosen = yield from _conversation(record.get("chosen"), "chosen", history)
            rejected = yield from _conversation(record.get("rejected"), "rejected", history)
            yield from messages_of(shared, *(pair(chosen, rejected) if chosen or rejected else (history, [], [])))
            return
        if (reply := first_of(record, REPLIES)) is not None:
            turns = (yield from _conversation(record[reply], reply, history)) or history
        elif name is not None:
            turns = history
        else:
            name = first_of(record, HISTORIES) or "text"
            turns = yield from _conversation(record.get(name), name, [])
        if record.get("label") is None:
            yield from messages_of(shared, turns)
        else:
            yield from messages_of(shared, *(yield from labelled(turns, record["label"])))


def read_transcript(text: str) -> list[RecordTurn]:
    """Return the turns of a transcript; text before the first mark has no role."""
    start = _START.match(text)
    marks = list((_HASH_MARK if start and start[1] else _MARK).finditer(text))
    limits = [mark.start() for mark in marks] + [len(text)]
    turns = [
        RecordTurn(ROLES[mark[1].lower()], text[mark.end() : limit])
        for mark, limit in zip(marks, limits[1:], strict=True)
    ]
    if not limits[0]:
        return turns
    fault = Fault(FaultKind.MISSING_FIELD, "Text before the first mark has no role", 0, field="role")
    return [RecordTurn(None, text[: limits[0]], faults=(fault,)), *turns]


def _is_transcript(value: object) -> bool:
    return isinstance(value, str) and _START.match(value) is not None


def _conversation(value: object, where: str, history: list[RecordTurn]) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the conversation in a field: a whole one, or the answer that continues `history`."""
    if not isinstance(value, str):
        yield mistyped(where, value, "a string")
        return []
    if not history or _is_transcript(value):
        if not value:
            yield Fault(FaultKind.MISSING_FIELD, f"{where} is empty; expected a conversation", 0)
        return read_transcript(value)
    # The history may end with an empty mark for the answer; the space after a mark belongs to it.
    is_open = history[-1] == RecordTurn("assistant", "")
    return [*history[: -1 if is_open else None], RecordTurn("assistant", value.removeprefix(" ") if is_open else value)]
