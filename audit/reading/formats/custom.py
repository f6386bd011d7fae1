"""Any other data, with the fields mapped by the user in the table [format] of the settings."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from ....checks.base.messages import CHAT_ROLES, Form
from .base import Format
from .faults import Fault, Row
from .turns import (
    REQUIRED,
    ROLES,
    Fields,
    RecordTurn,
    labelled,
    messages_of,
    pair,
    system_of,
    text_turn,
    tree_of,
    turns_of,
)


@dataclass(frozen=True)
class Mapping:
    """Names of the fields that contain a conversation; nested fields are separated by dots."""

    turns: str | None = None  # a list of messages with fields `role` and `text`
    role: str | None = None
    text: str | None = None
    prompt: str | None = None  # a text, instead of a list of messages
    answer: str | None = None
    system: str | None = None
    chosen: str | None = None  # the two answers of a preference pair, below the prompt or the turns
    rejected: str | None = None
    label: str | None = None  # true or false: whether the last message was chosen or rejected
    id: str | None = None
    lang: str | None = None
    split: str | None = None
    roles: dict[str, str] = field(default_factory=dict)  # a role of the data -> one of ours

    def __post_init__(self) -> None:
        for name, path in self.paths.items():
            if not all(path.split(".")):
                raise ValueError(f"{name}: {path!r} is not a field; write nested fields like dialog.turns")
        if (self.turns is None) == (self.prompt is None):
            found = "neither turns nor prompt" if self.turns is None else "both turns and prompt"
            raise ValueError(f"{found}; set one of them: turns (a list of messages) or prompt (a text)")
        if self.turns is not None and (self.role is None or self.text is None):
            raise ValueError("turns without both role and text; name these two fields of a turn")
        if self.turns is None and (self.role is not None or self.text is not None or self.roles):
            raise ValueError("role, text and roles apply to turns, not to a prompt; leave them out")
        if self.turns is not None and self.answer is not None:
            raise ValueError("answer together with turns; turns contain the answers, so leave it out")
        if (self.chosen is None) != (self.rejected is None):
            raise ValueError("only one of chosen and rejected; set both, or use label for single answers")
        if self.chosen is not None and (self.answer is not None or self.label is not None):
            raise ValueError("chosen and rejected together with answer or label; use either the pair or the others")
        if self.label is not None and self.turns is None and self.answer is None:
            raise ValueError("label without an answer to rate; set answer")
        for raw, role in self.roles.items():
            if role not in CHAT_ROLES:
                raise ValueError(f"roles: {raw!r} is mapped to {role!r}; expected one of {', '.join(CHAT_ROLES)}")

    @property
    def paths(self) -> dict[str, str]:
        """The fields of the data, by the settings that name them."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "roles"}
        return {name: path for name, path in values.items() if path is not None}


class Mapped(Format):
    """Conversations in the fields that a mapping names."""

    form: ClassVar = Form("mapping", REQUIRED, roles=CHAT_ROLES, nested=True)
    fields: ClassVar = "fields mapped in [format]"

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping

    def recognise(self, record: dict[str, Any]) -> str | None:
        path = self.mapping.turns or self.mapping.prompt
        assert path is not None
        return None if _field_at(record, path) is None else f"records have {path}, as mapped in [format]"

    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        mapping = self.mapping
        found = {name: _field_at(record, path) for name, path in mapping.paths.items() if name not in ("role", "text")}
        shared = yield from tree_of(found, place)
        turns = yield from system_of(found)
        turns += yield from self._turns(found)
        if mapping.chosen is not None:
            sides = [
                [*turns, text_turn("assistant", found[side], mapping.paths[side])] for side in ("chosen", "rejected")
            ]
            yield from messages_of(shared, *pair(*sides))
        elif mapping.label is not None:
            yield from messages_of(shared, *(yield from labelled(turns, found["label"])))
        else:
            yield from messages_of(shared, turns)

    def _turns(self, found: Row) -> Generator[Fault, None, list[RecordTurn]]:
        mapping = self.mapping
        if mapping.turns is not None:
            assert mapping.role is not None
            assert mapping.text is not None
            roles = ROLES | mapping.roles
            return (yield from turns_of(found["turns"], mapping.turns, Fields((mapping.role,), (mapping.text,), roles)))
        assert mapping.prompt is not None
        turns = [text_turn("prompter", found["prompt"], mapping.prompt)]
        if mapping.answer is not None:
            turns.append(text_turn("assistant", found["answer"], mapping.answer))
        return turns


def _field_at(record: object, path: str) -> Any:
    """Return the value of a nested field; None if it is missing."""
    for name in path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record
