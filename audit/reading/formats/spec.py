"""Formats as data: which fields of a record contain a conversation, and how.

The same few words describe the formats that are built in (`specs/*.toml`) and those that people name in the table
[format] of their settings.
"""

import json
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from ....checks.base.messages import CHAT_ROLES
from ....checks.base.settings import setting
from .paths import Path, path_of

Paths = str | tuple[str, ...] | None
"""One field, or several names that it has in different data; the first that is present is read."""

SIDES = ("a", "b", "tie")

BODIES = ("turns", "texts", "transcript", "prompt", "document")  # what a conversation starts with
PAIRS = (("chosen", "rejected"), ("a", "b"))


PARTS = {
    "turns": "Start of the conversation, one of these five",
    "role": "Parts of the conversation",
    "answer": "A single answer",
    "chosen": "A pair of answers or conversations",
    "answers": "Several answers to one prompt",
    "tools": "The record",
}
"""Headings of the settings, each by the first one below it."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Fields of a record that contain a conversation.

    Dots lead into objects (`data.question`), `[]` into every item of a list (`answers[].text`), `[0]` into its first. A
    field may have several names: the first that is present is read.
    """

    turns: Paths = setting(None, "A list of messages with a role and a text.")
    texts: Paths = setting(None, "A list of texts; the user speaks first.")
    transcript: Paths = setting(None, "One text with turns in it, as chat templates write them.")
    prompt: Paths = setting(None, "A text, or a list of messages; with `[]`, the questions of a list of exchanges.")
    document: Paths = setting(None, "A plain text that is not a conversation.")

    role: Paths = setting(None, "Field of the role in each of the `turns`.")
    text: Paths = setting(None, "Field of the text in each of the `turns`.")
    roles: Mapping[str, str] = setting({}, "Names of roles in the data, each with prompter, assistant, system or tool.")
    history: Paths = setting(None, "A list of earlier questions, each with its answer, before the prompt.")
    input: Paths = setting(None, "A text to append to the prompt after a blank line.")
    context: Paths = setting(None, "Prompt that the document was written for.")
    system: Paths = setting(None, "System prompt, before all messages.")

    answer: Paths = setting(None, "A text or a list of messages; a list of texts is several answers.")
    steps: Paths = setting(None, "A list of texts that together are one answer.")
    calls: Paths = setting(None, "Tool calls that are the answer, as JSON.")
    reasoning: Paths = setting(None, "Reasoning of the model before its answer.")
    label: Paths = setting(None, "Whether the last message is good: true or false, 1 or 0, yes or no.")

    chosen: Paths = setting(None, "The better answer, or the whole conversation that ends with it.")
    rejected: Paths = setting(None, "The worse answer, or the whole conversation that ends with it.")
    a: Paths = setting(None, "One of two answers or conversations.")
    b: Paths = setting(None, "The other of the two.")
    better: Paths = setting(None, "Which of the two is better: its name or its number.")
    better_is: Mapping[str, str] = setting({}, "Values of `better`, each with a, b or tie.")
    preference: Paths = setting(None, "A number: a is better below 0, b above 0.")
    score_a: Paths = setting(None, "Score of a; the answer with the higher score is better.")
    score_b: Paths = setting(None, "Score of b.")

    answers: Paths = setting(None, "A list of answers, or a text in each item of a list.")
    rank: Paths = setting(None, "Rank of each answer; 1 is better than 2.")
    score: Paths = setting(None, "Score of each answer; higher is better.")
    best: Paths = setting(None, "Position of the best answer, from 0.")
    model: Paths = setting(None, "Model that wrote each answer.")

    tools: Paths = setting(None, "Tools that may be called, with their schemas.")
    media: Paths = setting(None, "Images, audio, video or files of the conversation.")
    id: Paths = setting(None, "Id of the record, a string or an integer.")
    lang: Paths = setting(None, "Language of all messages of the record.")
    split: Paths = setting(None, "Split of the record, such as train or test.")
    others: Paths = setting(None, "Texts that belong to no message and are not reported as unread.")

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


LINE = 80  # characters of a line of TOML, as wide as a terminal


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _filled(name: str, items: Sequence[str]) -> str:
    lines = textwrap.wrap(", ".join(items), LINE - 4, break_long_words=False, break_on_hyphens=False)
    return "\n".join([f"{name} = [", *(f"    {line}" for line in lines), "]"])
