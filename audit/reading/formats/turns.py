"""The parts common to all chat formats: turns, their roles and texts, and their conversion to messages."""

import json
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from ....checks.base.faults import FaultKind
from .faults import Fault, Row, mistyped

REQUIRED = ("role", "text")  # columns of MESSAGES that every turn fills

_RAW_ROLES = {
    "prompter": ("prompter", "user", "human"),
    "assistant": ("assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "ipython", "function", "tool_response", "function_response"),
}
_CALLING = ("function_call", "tool_call", "tool_calls")  # roles of messages that contain only tool calls
ROLES = {raw: role for role, raws in _RAW_ROLES.items() for raw in raws} | dict.fromkeys(_CALLING, "assistant")

_TEXT_BLOCKS = ("text", "input_text", "output_text")
_CALL_BLOCKS = ("tool_call", "tool_use")
_RESULT_BLOCKS = ("tool_result",)
# Marks of calls within a text, as written by Hermes and Qwen, Glaive, Mistral and Llama 3.1.
_CALL_MARKS = ("<tool_call>", "<functioncall>", "[TOOL_CALLS]", "<|python_tag|>", "<function=")
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Fields(NamedTuple):
    """Fields that may contain the role and the text of a message (the first present wins), and the names of roles."""

    role: Sequence[str] = ("role", "from")
    text: Sequence[str] = ("content", "value")
    roles: Mapping[str, str] = ROLES


FIELDS = Fields()


class RecordTurn(NamedTuple):
    """One message before it has a place in its conversation."""

    role: str | None
    text: str | None
    calls: list[str] | None = None
    call_id: str | None = None
    faults: tuple[Fault, ...] = ()
    name: str | None = None  # identifies the message within its record; None: its number does


# -- fields of a record ----------------------------------------------------------------------------------------------


def tree_of(record: Row, place: str) -> Generator[Fault, None, Row]:
    """Return what all messages of a record share: tree id, language and split."""
    name = first_of(record, ("id", "conversation_id")) or "id"
    key = record.get(name)
    if type(key) is int:
        key = str(key)
    elif key is not None and not isinstance(key, str):
        yield mistyped(name, key, "a string or an integer", place)
        key = None
    lang = yield from string_of(record, "lang")
    language = record.get("language")
    if lang is None and isinstance(language, str):
        lang = language if _TAG.fullmatch(language) else tag_of(language)
    split = yield from string_of(record, "split")
    return {"tree_id": place if key is None else key, "lang": lang, "split": split}


@lru_cache(1000)
def tag_of(name: str) -> str | None:
    """Return the tag of a language with an English name, as in WildChat; None if it is unknown."""
    from langcodes import find  # its tables take 60 ms to load

    try:
        return find(name).to_tag()
    except (LookupError, UnicodeEncodeError):  # an unpaired surrogate
        return None


def string_of(record: Row, name: str) -> Generator[Fault, None, str | None]:
    """Return an optional string field; report a value of another type."""
    value = record.get(name)
    if value is None or isinstance(value, str):
        return value
    yield mistyped(name, value, "a string")
    return None


def system_of(record: Row) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the system prompt that a record keeps outside its turns."""
    text = yield from string_of(record, "system")
    return [RecordTurn("system", text)] if text else []


def first_of(record: Row, names: Iterable[str]) -> str | None:
    """Return the first of these fields that is not null."""
    return next((name for name in names if record.get(name) is not None), None)


# -- turns -----------------------------------------------------------------------------------------------------------


def text_turn(role: str, value: object, where: str, name: str | None = None) -> RecordTurn:
    """Return a field of plain text as a turn."""
    if value is None or isinstance(value, str):
        return RecordTurn(role, value, name=name)
    return RecordTurn(role, None, faults=(mistyped(where, value, "a string"),), name=name)


def turns_of(raw: object, where: str, fields: Fields = FIELDS) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the turns of a list of messages; a message that is not an object becomes an unreadable turn."""
    if not isinstance(raw, list):
        yield mistyped(where, raw, "a list of messages")
        return []
    if not raw:
        yield Fault(FaultKind.MISSING_FIELD, f"{where} is an empty list; expected at least one message", 0)
    return [turn for k, item in enumerate(raw) for turn in turns_within(item, f"{where}[{k}]", fields)]


def turns_within(raw: object, where: str, fields: Fields = FIELDS) -> list[RecordTurn]:
    """Read one message: its role, its text, and the tool calls it makes or answers.

    Tool results within its blocks become separate turns before the rest of the message.
    """
    if not isinstance(raw, dict):
        return [RecordTurn(None, None, faults=(mistyped(where, raw, "an object with a role and a text"),))]
    faults: list[Fault] = []
    results: list[RecordTurn] = []

    def string(name: str) -> str | None:
        value = raw.get(name)
        if value is None or isinstance(value, str):
            return value
        faults.append(mistyped(f"{where}.{name}", value, "a string"))
        return None

    raw_role = string(first_of(raw, fields.role) or fields.role[0])
    text_field = first_of(raw, fields.text) or fields.text[0]
    ids, written = _read_calls(raw, where, faults)
    text: str | None
    if isinstance(raw.get(text_field), list):
        text, own_ids, own_calls, results = _read_blocks(raw[text_field], f"{where}.{text_field}", faults)
        ids, written = own_ids + ids, own_calls + written
    else:
        text = string(text_field)
    if raw_role is not None and raw_role.lower() in _CALLING:
        ids += _ids_within(text)
    if written and not text:
        try:
            text = "\n\n".join(
                call if isinstance(call, str) else json.dumps(call, ensure_ascii=False, default=str) for call in written
            )
        except RecursionError:  # writing needs a deeper stack than reading did
            faults.append(mistyped(where, raw, "calls nested less deeply"))
    role = raw_role and (fields.roles.get(raw_role) or fields.roles.get(raw_role.lower(), raw_role))
    if role == "assistant" and text and not ids:
        ids = [""] * sum(map(text.count, _CALL_MARKS))
    own = RecordTurn(role, text, ids or None, string("tool_call_id"), tuple(faults))
    return [*results, own] if text or faults or not results else results


def _read_blocks(
    blocks: list[Any], where: str, faults: list[Fault]
) -> tuple[str, list[str], list[Any], list[RecordTurn]]:
    """Return the text of a list of blocks, the ids of its calls, the calls, and results; skip other blocks."""
    texts: list[str] = []
    ids: list[str] = []
    calls: list[Any] = []
    results: list[RecordTurn] = []
    for k, block in enumerate(blocks):
        kind = block.get("type", "text") if isinstance(block, dict) else None
        if not isinstance(kind, str):
            faults.append(mistyped(f"{where}[{k}]", block, "an object with a type"))
        elif kind in _TEXT_BLOCKS:
            name = first_of(block, ("text", "value")) or "text"
            if isinstance(block.get(name), str):
                texts.append(block[name])
            else:
                faults.append(mistyped(f"{where}[{k}].{name}", block.get(name), "a string"))
        elif kind in _CALL_BLOCKS:
            call = block.get("value")
            ids += _ids_within(call) if isinstance(call, str) else _ids([block])
            calls.append(call if isinstance(call, str) else block)
        elif kind in _RESULT_BLOCKS:
            results.append(_result(block, f"{where}[{k}]"))
    return "\n\n".join(texts), ids, calls, results


def _result(block: Row, where: str) -> RecordTurn:
    """Read a tool result: a text or blocks of text."""
    faults: list[Fault] = []
    content, key = block.get("content"), block.get("tool_use_id")
    if isinstance(content, list):
        # Results nested in results are ignored at every depth.
        blocks = [each for each in content if not isinstance(each, dict) or each.get("type") not in _RESULT_BLOCKS]
        content = _read_blocks(blocks, f"{where}.content", faults)[0]
    elif content is not None and not isinstance(content, str):
        faults.append(mistyped(f"{where}.content", content, "a string or a list of blocks"))
        content = None
    if key is not None and not isinstance(key, str):
        faults.append(mistyped(f"{where}.tool_use_id", key, "a string"))
        key = None
    return RecordTurn("tool", content, None, key, tuple(faults))


def _read_calls(raw: Row, where: str, faults: list[Fault]) -> tuple[list[str], list[Any]]:
    """Return the ids of the calls outside the text, and the calls."""
    ids: list[str] = []
    written: list[Any] = []
    for name, kind, expected in (("tool_calls", list, "a list of calls"), ("function_call", dict, "an object")):
        calls = raw.get(name)
        if calls is not None and not isinstance(calls, kind):
            faults.append(mistyped(f"{where}.{name}", calls, expected))
        elif calls:
            ids += _ids(calls if isinstance(calls, list) else [calls])
            written.append(calls)
    for k, call in enumerate(raw["tool_calls"] if isinstance(raw.get("tool_calls"), list) else ()):
        if not isinstance(call, dict):
            faults.append(mistyped(f"{where}.tool_calls[{k}]", call, "an object"))
        elif call.get("id") is not None and not isinstance(call["id"], str):
            faults.append(mistyped(f"{where}.tool_calls[{k}].id", call["id"], "a string"))
    return ids, written


def _ids(calls: list[Any]) -> list[str]:
    """Return the id of each call; empty if it has none."""
    ids = [call.get("id") if isinstance(call, dict) else None for call in calls]
    return [key if isinstance(key, str) else "" for key in ids]


def _ids_within(text: str | None) -> list[str]:
    """Return the ids of calls written as JSON: one call, or a list of them."""
    try:
        read = json.loads(text or "")
    except (ValueError, RecursionError):
        return [""]
    return _ids(read if isinstance(read, list) and read else [read])


# -- pairs -----------------------------------------------------------------------------------------------------------


Pair = tuple[list[RecordTurn], list[RecordTurn], list[RecordTurn]]  # the shared start, and the rest of each side


def pair(chosen: list[RecordTurn], rejected: list[RecordTurn]) -> Pair:
    """Split two conversations, or one, into a shared start and the rest; the last message is never shared."""
    sides = [side for side in (chosen, rejected) if side]
    n = 0
    while n < min(map(len, sides), default=0) - 1 and all(side[n] == sides[0][n] for side in sides):
        n += 1
    return (chosen or rejected)[:n], chosen[n:], rejected[n:]


def labelled(turns: list[RecordTurn], label: object) -> Generator[Fault, None, Pair]:
    """Return a conversation whose last message has a label as half a pair."""
    if isinstance(label, bool):
        return pair(turns, []) if label else pair([], turns)
    yield mistyped("label", label, "true or false")
    return turns, [], []


# -- messages --------------------------------------------------------------------------------------------------------


def messages_of(
    shared: Row, prompt: Sequence[RecordTurn], chosen: Sequence[RecordTurn] = (), rejected: Sequence[RecordTurn] = ()
) -> Generator[Row | Fault, None, str | None]:
    """Yield the messages of a conversation with both sides of a pair; return the id of the last prompt message."""
    tree, end = shared["tree_id"], None
    is_first = True
    # If each side is a single message, the two are rival answers.
    is_ranked = bool(prompt) and len(chosen) == len(rejected) == 1
    for branch, turns in ((None, prompt), ("chosen", chosen), ("rejected", rejected)):
        parent = end
        for k, turn in enumerate(turns, 1):
            if branch is None:
                name = turn.name or str(k)
            else:
                name = branch if k == len(turns) else f"{len(prompt) + k}-{branch}"
            row = {
                **shared,
                "message_id": tree if is_first else f"{tree}#{name}",
                "parent_id": parent,
                "role": turn.role,
                "text": turn.text,
                "branch": branch,
                "calls": turn.calls,
                "call_id": turn.call_id,
                "rank": int(branch == "rejected") if is_ranked and branch else None,
            }
            yield row
            for fault in turn.faults:
                yield fault.of(row)
            parent, is_first = row["message_id"], False
        end = parent if branch is None else end
    return end
