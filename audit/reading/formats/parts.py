"""The parts of a record that a specification names: its prompt, its turns, its answer."""

import re
from collections.abc import Generator, Sequence
from typing import Any

from ....checks.base.faults import FaultKind
from . import templates
from .assembly import is_open_prompt, rendered_turns
from .faults import Fault, mistyped
from .fits import EXPECTED, FITS, are_texts, are_turns, is_any, is_several, turns_in
from .paths import Found, Path, decoded, first, get, items_of, opened, path_of
from .spec import BODIES, Spec
from .turns import FIELDS, ROLES, Fields, RecordTurn, text_turn, turns_of, turns_within

IDS = ("id", "conversation_id", "conversation_hash", "uuid", "conv_id", "idx", "custom_id", "recordId", "_id")
SPLITS = ("split",)

MOST_KINDS = 10_000  # combinations of fields that are remembered
_SWITCH = ("on", "off")  # of reasoning, in a field of that name
SYSTEM_MARK = re.compile(r"SYSTEM:\s*")  # before the system text of Glaive


class Parts:
    """Reader of the parts of a record, by the settings that name their fields."""

    def __init__(self, spec: Spec, needs: Sequence[str]) -> None:
        self.spec, self.needs = spec, needs
        self.turn_fields = Fields(
            tuple(p.text for p in spec.paths.get("role", ())) or FIELDS.role,
            tuple(p.text for p in spec.paths.get("text", ())) or FIELDS.text,
            {**ROLES, **spec.roles},
        )
        self.ids = spec.paths.get("id") or tuple(map(path_of, IDS))
        self.splits = spec.paths.get("split") or tuple(map(path_of, SPLITS))
        self._paths = spec.paths | {"id": self.ids, "split": self.splits}
        self._by_names: dict[tuple[str, ...], tuple[Path, ...]] = {}

    def found(self, record: dict[str, Any], name: str) -> Found | None:
        """Return the first field of a setting that fits, or else the first that is not null."""
        paths = self.held(name, record)
        if paths and name in FITS and len(self.spec.paths[name]) > 1:
            for path in paths:
                value = get(record, path.steps)
                # A prompt that is empty does not hide another one.
                if value is not None and self.fits(name, value) and (value or name != "prompt"):
                    return Found(path, value)
        return first(record, paths)

    def fits(self, name: str, value: object) -> bool:
        """Whether a value is of a type that a setting may name."""
        return are_turns(value, self.turn_fields) if name == "turns" else FITS.get(name, is_any)(value)

    def held(self, name: str, record: dict[str, Any]) -> Sequence[Path]:
        """Return the fields of a setting whose first names a record has; most settings have many that no record has."""
        key = (name, *record)
        found = self._by_names.get(key)
        if found is None:
            if len(self._by_names) > MOST_KINDS:  # records with names like keys of a table
                self._by_names.clear()
            found = self._by_names[key] = tuple(path for path in self._paths.get(name, ()) if path.steps[0] in record)
        return found

    def prompt(self, record: dict[str, Any]) -> Generator[Fault, None, tuple[list[RecordTurn], bool]]:
        """Return the turns before the answer: system text, history, and the conversation so far.

        Also return whether it ends with the mark of an answer.
        """
        is_open = False
        system = self._system(record)
        turns = yield from self._history(record)
        name = next((each for each in BODIES if each in self.spec.paths), None)
        body: list[RecordTurn] = []
        found = None
        if name is not None:
            found = self.found(record, name)
            if found is None:
                where = next((p for p in self.spec.paths[name] if p.steps[0] in record), None)
                if name in self.needs:
                    said = f"{self.spec.paths[name][0].text} is missing" if where is None else f"{where.text} is null"
                    yield Fault(FaultKind.MISSING_FIELD, f"{said}; expected {EXPECTED[name]}", 0)
            elif name == "prompt" and found.path.each is not None:
                body = self._dialogue(record, found)
            else:
                body = yield from self.conversation(found, name)
                is_open = isinstance(found.value, str) and is_open_prompt(found.value)
        given = self._given(record, found) if name == "prompt" and body else None
        if given is not None:
            if not isinstance(given.value, str):
                yield mistyped(given.where, given.value, "a string")
            elif given.value and body[-1].text is not None:
                body[-1] = body[-1]._replace(text=f"{body[-1].text}\n\n{given.value}")
        turns += body
        if system and turns and turns[0].role == "system" and turns[0].text == system[0].text:
            return turns, is_open
        return system + turns, is_open

    def _given(self, record: dict[str, Any], prompt: Found | None) -> Found | None:
        """Return the text that belongs to a prompt, if that is a text from another field."""
        if prompt is None or not isinstance(prompt.value, str):
            return None
        return first(record, (path for path in self.held("input", record) if path != prompt.path))

    def _system(self, record: dict[str, Any]) -> list[RecordTurn]:
        found = self.found(record, "system")
        if found is None or found.value in ("", [], {}):
            return []
        if isinstance(found.value, str):
            mark = SYSTEM_MARK.match(found.value)
            return [RecordTurn("system", found.value[mark.end() :] if mark else found.value)]
        content = found.value
        if isinstance(content, dict) and "role" in content:
            return turns_within(content, found.where, self.turn_fields)
        return turns_within({"role": "system", "content": content}, found.where, FIELDS)

    def _history(self, record: dict[str, Any]) -> Generator[Fault, None, list[RecordTurn]]:
        """Return earlier questions, each with its answer."""
        found = self.found(record, "history")
        if found is None:
            return []
        if not isinstance(found.value, list):
            yield mistyped(found.where, found.value, "a list of pairs")
            return []
        if turns_in(found.value, self.turn_fields) is not None:
            return (yield from turns_of(found.value, found.where, self.turn_fields))
        turns: list[RecordTurn] = []
        for k, item in enumerate(found.value):
            if isinstance(item, list) and len(item) == 2:
                turns += [
                    text_turn("prompter", item[0], f"{found.where}[{k}][0]"),
                    text_turn("assistant", item[1], f"{found.where}[{k}][1]"),
                ]
            else:
                yield mistyped(f"{found.where}[{k}]", item, "a question and its answer")
        return turns

    def _dialogue(self, record: dict[str, Any], asked: Found) -> list[RecordTurn]:
        """Return the turns of a list of questions, each with its answer."""
        answered = self.found(record, "answer")
        answers = answered.value if answered is not None and answered.path.each == asked.path.each else []
        turns = []
        for k, question in enumerate(asked.value):
            turns.append(text_turn("prompter", question, asked.where.replace("[]", f"[{k}]", 1)))
            if answers:
                assert answered is not None
                turns.append(text_turn("assistant", answers[k], answered.where.replace("[]", f"[{k}]", 1)))
        return turns

    def conversation(
        self, found: Found, name: str, role: str = "prompter", *, is_open: bool = False
    ) -> Generator[Fault, None, list[RecordTurn]]:
        """Return the turns in a field: a text, which may contain turns; a message; or a list of either.

        If the prompt `is_open`, the space after its last mark belongs to the mark.
        """
        value, where = found.value, found.where
        if isinstance(value, str):
            inner = decoded(value)
            if (within := turns_in(inner, self.turn_fields)) is not None:
                value = within
            elif name in ("turns", "texts"):
                if inner is None:
                    yield mistyped(where, value, EXPECTED[name])
                    return []
                value = inner
            elif (rendered := templates.read(value)) is not None:
                turns = yield from rendered_turns(rendered, where)
                # The mark of an answer that ends a prompt is none; where an answer is expected, it is an empty one.
                return [*turns, RecordTurn("assistant", "")] if rendered.is_open and role == "assistant" else turns
            else:
                return [text_turn(role, value.removeprefix(" ") if is_open else value, where)]
        items = items_of(value)
        if items == [] and name == "texts":
            yield Fault(FaultKind.MISSING_FIELD, f"{where} is an empty list; expected at least one text", 0)
            return []
        if items and (
            name == "texts" or (name != "turns" and are_texts(items) and not turns_in(items, self.turn_fields))
        ):
            sides = ("prompter", "assistant") if role == "prompter" else ("assistant", "prompter")
            return [text_turn(sides[k % 2], text, f"{where}[{k}]") for k, text in enumerate(items)]
        if isinstance(value, dict) and items is None:
            return turns_within(value, where, self.turn_fields)
        if not isinstance(value, list | dict):
            yield mistyped(where, value, EXPECTED.get(name, "a text, a message or a list of messages"))
            return []
        return (yield from turns_of(value, where, self.turn_fields))

    def answer(self, record: dict[str, Any], *, is_open: bool) -> Generator[Fault, None, list[RecordTurn]]:
        """Return the answer to the prompt: a text, steps, calls of tools, or more messages."""
        turns: list[RecordTurn] = []
        found = self.found(record, "answer")
        steps = self.found(record, "steps")
        calls = self.found(record, "calls")
        if found is not None and found.path.each is None and not is_several(found.value):
            turns = yield from self.conversation(found, "answer", "assistant", is_open=is_open)
            turns = [turn._replace(name="output") if len(turns) == 1 else turn for turn in turns]
        elif steps is not None:
            texts = [text for text in items_of(steps.value) or () if isinstance(text, str)]
            turns = [RecordTurn("assistant", "\n".join(texts), name="output")]
        elif calls is not None:
            made = opened(calls.value)
            content = calls.value if isinstance(calls.value, str) else None
            message = {"role": "assistant", "content": content, "tool_calls": made if isinstance(made, list) else None}
            turns = turns_within(message, calls.where, FIELDS)
        if turns and (thought := self.found(record, "reasoning")) is not None and isinstance(thought.value, str):
            last = turns[-1]
            if last.role == "assistant" and last.reasoning is None and thought.value not in _SWITCH:
                turns[-1] = last._replace(reasoning=thought.value)
        return turns
