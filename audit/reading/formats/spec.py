"""Formats as data: which fields of a record contain a conversation, and how.

The same few words describe the formats that are built in (`specs/*.toml`) and those that people name in the table
[format] of their settings.
"""

import json
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from ....checks.base.messages import CHAT_ROLES
from .paths import Path, path_of

Paths = str | tuple[str, ...] | None
"""One field, or several names that it has in different data; the first that is present is read."""

SIDES = ("a", "b", "tie")

BODIES = ("turns", "texts", "transcript", "prompt", "document")  # what a conversation starts with
PAIRS = (("chosen", "rejected"), ("a", "b"))


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Fields of a record that contain a conversation.

    Dots lead into objects (`data.question`), `[]` into every item of a list (`answers[].text`), `[0]` into its first. A
    field may have several names: the first that is present is read.
    """

    # The conversation: one of these five.
    turns: Paths = None  # a list of messages with `role` and `text`
    texts: Paths = None  # a list of texts; the user speaks first
    transcript: Paths = None  # one text with turns in it, as chat templates write them
    prompt: Paths = None  # a text, or a list of messages
    document: Paths = None  # a text that nobody says

    role: Paths = None  # of a turn
    text: Paths = None
    roles: Mapping[str, str] = field(default_factory=dict)  # a role of the data -> one of ours
    history: Paths = None  # pairs of texts before the prompt
    input: Paths = None  # a text that belongs to the prompt
    context: Paths = None  # a text that the document answers
    system: Paths = None  # a text above all messages

    # What follows: an answer, or several.
    answer: Paths = None  # a text or a list of messages; a list of texts is several answers
    steps: Paths = None  # a list of texts that are one answer together
    calls: Paths = None  # calls of tools as the answer, as JSON
    reasoning: Paths = None  # what was thought before the answer
    label: Paths = None  # whether the last message is a good one
    chosen: Paths = None  # the better and the worse answer, or whole conversations
    rejected: Paths = None
    a: Paths = None  # two answers or conversations, one of which is better
    b: Paths = None
    better: Paths = None  # which one
    better_is: Mapping[str, str] = field(default_factory=dict)  # a value of `better` -> a, b or tie
    preference: Paths = None  # a number: below 0, a is better; above 0, b is
    score_a: Paths = None
    score_b: Paths = None
    answers: Paths = None  # several answers to one prompt
    rank: Paths = None  # of each answer; 1 is better than 2
    score: Paths = None  # of each answer; more is better
    best: Paths = None  # position of the best answer, from 0
    model: Paths = None  # that wrote the answer, or each answer

    # The record.
    tools: Paths = None  # tools that may be called, with their schemas
    media: Paths = None  # images, audio, video, files of the conversation
    id: Paths = None
    lang: Paths = None
    split: Paths = None
    others: Paths = None  # texts that are known, and belong to no message

    def __post_init__(self) -> None:
        found = [name for name in BODIES if name in self.paths]
        one_of = "turns (a list of messages), texts (a list of texts), transcript, prompt, or document (a text)"
        if len(found) > 1:
            raise ValueError(f"both {found[0]} and {found[1]}; set one of them: {one_of}")
        if not found and "chosen" not in self.paths:
            raise ValueError(f"neither turns nor prompt; set one of {one_of}")
        if self.turns is None and (self.role is not None or self.text is not None):
            raise ValueError("role and text apply to turns, not to a prompt; leave them out")
        for first, second in PAIRS:
            if (first in self.paths) != (second in self.paths) and not (second in self.paths and self.turns):
                raise ValueError(f"only one of {first} and {second}; set both, or use label for single answers")
        ends = [name for name in ("answer", "label", "chosen", "a", "answers") if name in self.paths]
        if len(ends) > 1 and ends != ["answer", "label"]:
            raise ValueError(f"{ends[0]} together with {ends[1]}; set one of them")
        if self.label is not None and self.turns is None and self.answer is None:
            raise ValueError("label without an answer to rate; set answer")
        for raw, role in self.roles.items():
            if role not in CHAT_ROLES:
                raise ValueError(f"roles: {raw!r} is mapped to {role!r}; expected one of {', '.join(CHAT_ROLES)}")
        for raw, side in self.better_is.items():
            if side not in SIDES:
                raise ValueError(f"better_is: {raw!r} is mapped to {side!r}; expected a, b or tie")

    @cached_property
    def paths(self) -> dict[str, tuple[Path, ...]]:
        """The fields of the data, by the settings that name them."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("roles", "better_is")}
        named = {
            name: (value,) if isinstance(value, str) else value for name, value in values.items() if value is not None
        }
        parsed = {}
        for name, texts in named.items():
            try:
                parsed[name] = tuple(path_of(text) for text in texts)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return parsed


class BuiltIn(NamedTuple):
    """A format that is built in: its fields, which of them a record must have, and an example."""

    name: str
    about: str
    needs: tuple[str, ...]  # settings
    spec: Spec
    example: str  # a record, as JSON


def built_in() -> Sequence[BuiltIn]:
    """Read the built-in formats, in the order in which records are compared with them."""
    folder = files(__package__) / "specs"
    usual = tomllib.loads((folder / "names.toml").read_text(encoding="utf-8"))
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".toml") or file.name == "names.toml":
            continue
        about: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
        table = {name: usual[name] for name in about["usual"]} | about["format"]
        spec = msgspec.convert(table, Spec)
        found.append(BuiltIn(about["name"], about["about"], tuple(about["needs"]), spec, about["example"].strip()))
    return found


def as_toml(spec: Spec) -> str:
    """Return a specification as the table [format] of the settings."""
    lines = ["[format]"]
    for each in fields(spec):
        value = getattr(spec, each.name)
        if not value:
            continue
        if isinstance(value, Mapping):
            entries = ", ".join(f"{_quoted(key)} = {_quoted(item)}" for key, item in value.items())
            lines.append(f"{each.name} = {{ {entries} }}")
        elif isinstance(value, str):
            lines.append(f"{each.name} = {_quoted(value)}")
        else:
            names = [_quoted(item) for item in value]
            one = f"{each.name} = [{', '.join(names)}]"
            lines.append(one if len(one) <= LINE else _filled(each.name, names))
    return "\n".join(lines) + "\n"


LINE = 100  # characters of a line of TOML


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _filled(name: str, items: Sequence[str]) -> str:
    lines = textwrap.wrap(", ".join(items), LINE - 4, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"{name} = [", *(f"    {line}" for line in lines), "]"])
