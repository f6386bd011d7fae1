"""Examples of rules: a small conversation that breaks the rule, and its nearest neighbour that does not.

The demo release, `chataudit explain`, the page, the docs and the tests are all made from them.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

Record = dict[str, Any]

_BEGAN = datetime(2023, 2, 7, 17, 29, 24, tzinfo=UTC)
_MINUTES = 9  # between a message and the next
_SHOWN = ("message_id", "parent_id", "role", "text", "message_tree_id")  # which `Data.lines` never lists as fields


def uid(name: str) -> str:
    """Return the same UUID for the same name."""
    return str(uuid5(NAMESPACE_URL, name))


@dataclass(frozen=True)
class Turn:
    """One message of an example: `role: text`, and other fields of its record."""

    said: str
    to: int | None = None  # number of the turn that it answers; None: the one before it
    same_id: int | None = None  # number of the turn whose id it repeats
    fields: Mapping[str, Any] | None = None  # of the record; ... removes one


def turn(said: str, *, to: int | None = None, same_id: int | None = None, **fields: Any) -> Turn:
    """Write a turn that differs from a plain one: another parent, the id of another turn, other fields."""
    return Turn(said, to, same_id, fields)


@dataclass(frozen=True)
class Data:
    """Records of a release: OASST messages, chats in other formats, and raw lines after the messages."""

    messages: tuple[Record, ...] = ()
    chats: tuple[Record, ...] = ()
    raw: tuple[bytes, ...] = ()

    def __add__(self, other: "Data") -> "Data":
        return Data(self.messages + other.messages, self.chats + other.chats, self.raw + other.raw)

    def files(self) -> dict[str, bytes]:
        """Return the content of each file with these records, by name: chats of each shape have their own file."""
        found = {"messages.jsonl": [*map(_encoded, self.messages), *self.raw]}
        shapes = sorted({tuple(sorted(chat)) for chat in self.chats})
        for number, shape in enumerate(shapes, 1):
            found[f"chats-{number}.jsonl"] = [_encoded(chat) for chat in self.chats if tuple(sorted(chat)) == shape]
        return {name: b"".join(line + b"\n" for line in lines) for name, lines in found.items() if lines}

    def write(self, folder: Path) -> list[Path]:
        """Write the files into a folder."""
        paths = []
        for name, content in self.files().items():
            paths.append(folder / name)
            paths[-1].write_bytes(content)
        return paths

    def lines(self) -> list[str]:
        """Return the conversation as people read it, a line a message, with the fields that make the example."""
        depth = _depths(self.messages)
        lang = "en"
        lines = []
        for number, message in enumerate(self.messages):
            tree = str(message.get("message_tree_id"))
            plain = _message(Turn(""), None, None, tree, number, lang)
            others = {k: v for k, v in message.items() if k not in (*_SHOWN, "created_date") and plain.get(k, ...) != v}
            dated = message.get("created_date")
            if not (isinstance(dated, str) and dated.startswith("2023-02-07")):
                others["created_date"] = dated
            missing = [f"{name} is missing" for name in plain if name not in message]
            notes = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in others.items()] + missing
            notes += _link_notes(self.messages, depth, number)
            said = f"{'  ' * depth[number]}{message.get('role')}: {message.get('text')}"
            lines.append(said + (f"  [{', '.join(notes)}]" if notes else ""))
            lang = message.get("lang", lang)  # shown where it changes
        lines += [json.dumps(chat, ensure_ascii=False) for chat in self.chats]
        return lines + [line.decode("utf-8", "replace") for line in self.raw]


@dataclass(frozen=True)
class Example:
    """Data that break a rule once, and the nearest data that do not."""

    this: Data
    not_this: Data
    # The message that is reported: its number among the messages, what follows the id of a chat (`#3`, `#rejected`),
    # or None where it is a record or a file.
    at: int | str | None = -1

    @property
    def reported(self) -> str | None:
        """The id of the message that the rule reports."""
        if self.at is None:
            return None
        if isinstance(self.at, str):
            return f"{self.this.chats[-1]['id']}{self.at}"
        found: str | None = self.this.messages[self.at].get("message_id")
        return found


def chat(*turns: str | Turn, lang: str = "en", name: str = "", **fields: Any) -> Data:
    r"""Write one conversation as OASST messages.

    Parameters
    ----------
    turns : str or Turn
        `role: text`. Each answers the one before it, unless a `turn` names another parent.
    lang : str
        The language tag of all messages.
    name : str
        Tells conversations of the same words apart: ids are made from words and name.
    fields : Any
        Fields of all records; ... removes one.

    Examples
    --------
    >>> print("\n".join(chat("prompter: Why is the sky blue?", turn("assistant: Air.", rank=-1)).lines()))
    prompter: Why is the sky blue?
      assistant: Air.  [rank = -1]
    """
    written = [each if isinstance(each, Turn) else Turn(each) for each in turns]
    key = "\n".join([name, lang, *(f"{each.said} {each.to}" for each in written)])
    ids = [uid(f"{key}\n{number}") for number in range(len(written))]
    own = [ids[number if each.same_id is None else each.same_id] for number, each in enumerate(written)]
    rows = []
    for number, each in enumerate(written):
        parent = ids[each.to] if each.to is not None else ids[number - 1] if number else None
        row = _message(each, own[number], parent, ids[0], number, lang) | fields | dict(each.fields or {})
        rows.append({field: value for field, value in row.items() if value is not ...})
    return Data(messages=tuple(rows))


def records(*chats: Mapping[str, Any]) -> Data:
    """Write records of another chat format, such as preference pairs or calls of tools; each has a field `id`."""
    return Data(chats=tuple(map(dict, chats)))


def conversation(name: str, *messages: Record | str, **fields: Any) -> Data:
    """Write one chat as a list of messages: each is written out, or `role: text`."""
    pairs = [each.partition(": ") if isinstance(each, str) else each for each in messages]
    said = [{"role": each[0], "content": each[2]} if isinstance(each, tuple) else each for each in pairs]
    return records({"id": name, "lang": "en", "messages": said, "label": True, **fields})


def raw(*lines: bytes) -> Data:
    """Write lines as they are in the file, also those that are not JSON."""
    return Data(raw=lines)


def edited(data: Data, edit: Callable[[bytes], bytes]) -> Data:
    """Return the messages of an example as raw lines, the last one edited."""
    *others, last = map(_encoded, data.messages)
    return Data(raw=(*others, edit(last)))


def _depths(messages: Sequence[Record]) -> list[int]:
    """Return how far each message is indented: one step more than its parent, where that comes before it."""
    depth: dict[str | None, int] = {}
    found = []
    for message in messages:
        parent = message.get("parent_id")
        found.append(0 if parent is None else min(depth.get(parent, 0) + 1, 8))
        depth[message.get("message_id")] = found[-1]
    return found


def _link_notes(messages: Sequence[Record], depth: Sequence[int], number: int) -> Iterator[str]:
    """Yield what the indentation of a message does not show of its id, its parent and its tree."""
    first: dict[str | None, int] = {}
    for k, message in enumerate(messages):
        first.setdefault(message.get("message_id"), k)
    own, parent, tree = (messages[number].get(name) for name in ("message_id", "parent_id", "message_tree_id"))
    above = [k for k in range(number) if depth[k] == depth[number] - 1]
    if isinstance(own, str) and len(own) != len(uid("")):
        yield f"message_id = {json.dumps(own)}"
    if own is not None and first[own] < number:
        yield f"same id as message {first[own] + 1}"
    if parent is not None and parent == own:
        yield "its parent is itself"
    elif parent is not None and parent not in first:
        yield "its parent is missing"
    elif parent is not None and above[-1:] != [first[parent]]:
        yield f"its parent is message {first[parent] + 1}"
    elif parent is None and tree in first and first[tree] < number:
        yield f"same tree as message {first[tree] + 1}"
    if tree is not None and tree not in first:
        yield "message_tree_id is no message's id"


def _message(turn: Turn, own: str | None, parent: str | None, tree: str, number: int, lang: str) -> Record:
    role, _, text = turn.said.partition(": ")
    return {
        "message_id": own,
        "parent_id": parent,
        "user_id": uid(f"author {number} of {tree}"),  # nobody writes twice, unless an example says so
        "created_date": (_BEGAN + timedelta(minutes=_MINUTES * number)).isoformat(),
        "text": text,
        "role": role,
        "lang": lang,
        "review_count": 3,
        "review_result": True,
        "deleted": False,
        "rank": None,
        "synthetic": False,
        "model_name": None,
        "message_tree_id": tree,
        "tree_state": "ready_for_export",
    }


def _encoded(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass")
