"""The parts common to all chat formats: turns, their roles and texts, and their conversion to messages."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

from ....checks.base.faults import FaultKind
from ....checks.base.text.thought import thought_in
from .calls import (
    Call,
    Tool,
    argument_fault,
    as_json,
    call_of,
    calls_within,
    marked_calls,
    may_call,
    text_fault,
    tools_of,
)
from .content import Content, ToolResult, is_content, read_content, result_of, thoughts_of, written
from .faults import EXCERPT, Fault, Row, missing, mistyped, whole_characters
from .paths import items_of, opened

_RAW_ROLES = {
    "prompter": ("prompter", "user", "human"),
    "assistant": ("assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai", "chatbot"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "ipython", "function", "tool_response", "function_response"),
}
CALLING = ("function_call", "tool_call", "tool_calls")  # roles of messages that contain only tool calls
ROLES = {raw: role for role, raws in _RAW_ROLES.items() for raw in raws} | dict.fromkeys(CALLING, "assistant")

_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
_WEIGHTS = ("weight", "loss_weight", "train")
# Fields that are read besides role and text.
BESIDES = frozenset(("tool_calls", "function_call", "tool_call_id", "tools", "functions", "channel", "type"))
BESIDES |= {*_THOUGHTS, *_WEIGHTS, "recipient", "refusal", "audio"}
# Channels of OpenAI's Harmony: reasoning; what is said besides the answer, and calls, which are sent to a tool.
_ANALYSIS, _COMMENTARY = "analysis", "commentary"
_FUNCTIONS = "functions."
# Items of OpenAI's Responses that are no messages, and their roles.
_ITEMS = {"function_call": "assistant", "reasoning": "assistant", "function_call_output": "tool"}
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Fields(NamedTuple):
    """Fields that may contain the role and the text of a message, and the names of roles.

    The first field with a value wins, in any case and with or without underscores.
    """

    role: Sequence[str] = ("role", "from", "author", "sender", "speaker")
    text: Sequence[str] = ("content", "value", "parts", "text", "message", "utterance")
    roles: Mapping[str, str] = ROLES


FIELDS = Fields()


class RecordTurn(NamedTuple):
    """One message before it has a place in its conversation."""

    role: str | None
    text: str | None
    calls: list[Call] | None = None
    call_id: str | None = None
    faults: tuple[Fault, ...] = ()
    name: str | None = None  # identifies the message within its record; None: its number does
    reasoning: str | None = None
    media: list[str] | None = None
    tools: list[Tool] | None = None  # declared by the message itself

    def columns(self) -> Row:
        """Return the columns of MESSAGES that the message fills itself."""
        return {
            "role": self.role,
            "text": self.text,
            "calls": self.calls,
            "call_id": self.call_id,
            "reasoning": self.reasoning,
            "media": self.media,
        }


def is_whole(value: object) -> TypeGuard[int | float]:
    """Whether a value is an integer, which pandas writes as 1.0 in a column with gaps."""
    return type(value) is int or (type(value) is float and value.is_integer())


def first_of(record: Row, names: Iterable[str]) -> str | None:
    """Return the first of these fields that is not null."""
    return next((name for name in names if record.get(name) is not None), None)


# -- turns -----------------------------------------------------------------------------------------------------------


def text_turn(role: str, value: object, where: str, name: str | None = None) -> RecordTurn:
    """Return a field of plain text as a turn."""
    if isinstance(value, str):
        return _with_thought(RecordTurn(role, value, name=name))
    if value is None:
        fault = missing(where, "text", "a text")
    else:
        fault = mistyped(where, value, "a string")._replace(field="text")
    return RecordTurn(role, None, faults=(fault,), name=name)


def turns_of(raw: object, where: str, fields: Fields = FIELDS) -> Generator[Fault, None, list[RecordTurn]]:
    """Return the turns of a list of messages; a message that is not an object becomes an unreadable turn.

    The list, or each of its messages, may be JSON in a text; or there are lists of roles and of texts.
    """
    items = items_of(opened(raw))
    if items is None:
        if raw is None:
            yield missing(where, None, "a list of messages")
        else:
            yield mistyped(where, raw, "a list of messages")
        return []
    if not items:
        yield Fault(FaultKind.MISSING_FIELD, f"{where} is an empty list; expected at least one message", 0)
    turns: list[RecordTurn] = []
    thoughts: list[RecordTurn] = []  # messages that are the reasoning of the next answer
    for k, item in enumerate(items):
        item = opened(item)
        found = turns_within(item, f"{where}[{k}]", fields)
        if _is_analysis(item):
            thoughts += found
            continue
        if thoughts and found[0].role == "assistant":
            found[0] = _after(thoughts, found[0])
        else:
            turns += thoughts
        thoughts = []
        before = opened(items[k - 1]) if k else None
        is_one_message = _is_call_item(item) and _is_call_item(before)  # each of several calls is an item of its own
        if turns and found[0].role == turns[-1].role == "assistant":
            is_one_message |= _is_preamble(before)
        if turns and is_one_message:
            turns[-1] = _joined(turns[-1], found[0])
            turns += found[1:]
        else:
            turns += found
    return turns + thoughts


def _is_analysis(item: object) -> bool:
    return isinstance(item, dict) and (
        item.get("channel") == _ANALYSIS or (item.get("type") == "reasoning" and item.get("role") is None)
    )


def _is_preamble(item: object) -> bool:
    """Whether this is what an assistant says before its answer."""
    if not isinstance(item, dict) or item.get("channel") != _COMMENTARY:
        return False
    return not (_recipient(item) or item.get("tool_calls") or item.get("function_call"))


def _recipient(raw: Row) -> str | None:
    """Return the tool that a message is sent to as a call; None if it is sent to people."""
    name = raw.get("recipient")
    if isinstance(name, str) and raw.get("channel") == _COMMENTARY and name.startswith(_FUNCTIONS):
        return name
    return None


def _is_call_item(item: object) -> bool:
    return isinstance(item, dict) and item.get("type") == "function_call" and item.get("role") is None


def _after(thoughts: Sequence[RecordTurn], answer: RecordTurn) -> RecordTurn:
    """Return an answer with the reasoning of the messages before it."""
    texts = [turn.reasoning for turn in (*thoughts, answer) if turn.reasoning]
    faults = tuple(fault for turn in thoughts for fault in turn.faults) + answer.faults
    return answer._replace(reasoning="\n\n".join(texts) or None, faults=faults)


def _joined(first: RecordTurn, second: RecordTurn) -> RecordTurn:
    text = "\n\n".join(turn.text for turn in (first, second) if turn.text)
    calls = [*(first.calls or ()), *(second.calls or ())]
    return first._replace(text=text, calls=calls, faults=first.faults + second.faults)


def turns_within(raw: object, where: str, fields: Fields = FIELDS) -> list[RecordTurn]:
    """Read one message: its role, its text, and all that it has besides.

    Tool results within its blocks become separate turns before the rest of the message.
    """
    if not isinstance(raw, dict):
        fault = mistyped(where, raw, "an object with a role and a text")._replace(field="text")
        return [RecordTurn(None, None, faults=(fault,))]
    if (plain := _plain_turn(raw, fields)) is not None:
        return [plain]
    faults: list[Fault] = []
    role_field, text_field = _chosen_fields(raw, where, fields, faults)
    item = _item(raw, role_field)
    if item == "function_call_output":
        return [_result_turn(result_of(raw.get("output"), f"{where}.output", raw, where))]
    role = _role(raw, role_field, where, fields, faults) if item is None else _ITEMS[item]
    text, content = _content(raw, text_field, where, faults)
    _read_calls(raw, where, text, content, is_call=item == "function_call")
    faults += _read_marks(text, role, raw.get(role_field), f"{where}.{text_field}", content)
    faults += argument_fault(content.calls, where)
    if content.written and not text:
        try:
            text = "\n\n".join(call if isinstance(call, str) else as_json(call) for call in content.written)
        except RecursionError:  # writing needs a deeper stack than reading did
            faults.append(mistyped(where, raw, "calls nested less deeply")._replace(field="text"))
    thoughts = [*thoughts_of(raw, _THOUGHTS), *content.thoughts]
    if item == "reasoning":
        thoughts += thoughts_of(raw, ("content", "summary"))
    if raw.get("channel") == _ANALYSIS and text:
        thoughts, text = [*thoughts, text], ""
    own = _with_thought(
        RecordTurn(
            role,
            text,
            content.calls or None,
            _call_id(raw, where, faults),
            reasoning="\n\n".join(thoughts) or None,
            media=content.media or None,
            tools=tools_of(raw),
        )
    )
    faults += content.faults
    has_more = bool(own.calls or own.media or own.reasoning)
    if content.results and not (own.text or has_more or faults):
        return list(map(_result_turn, content.results))
    if own.text is None and not has_more and not any(fault.field == "text" for fault in faults):
        faults.append(missing(f"{where}.{text_field}", "text", "a text", is_there=text_field in raw))
    faults += _weight_faults(raw, where)
    return [*map(_result_turn, content.results), own._replace(faults=tuple(faults))]


def _result_turn(result: ToolResult) -> RecordTurn:
    return RecordTurn("tool", result.text, None, result.call_id, tuple(result.faults), media=result.media or None)


def _read_marks(text: str | None, role: str | None, raw_role: object, where: str, content: Content) -> Iterator[Fault]:
    """Read the calls in a text, which is a call itself or has marks of calls."""
    if not text:
        return
    is_call = isinstance(raw_role, str) and raw_role.strip().lower() in CALLING
    if is_call:
        content.calls += calls_within(text)
    elif role == "assistant" and not content.calls:
        content.calls += marked_calls(text)
    else:
        return
    yield from text_fault(text, where, is_call=is_call)


def _plain_turn(raw: Row, fields: Fields) -> RecordTurn | None:
    """Read a message that is a role and a text and no more, as most are: three times as fast."""
    if len(raw) != 2:
        return None
    for role_field, text_field in _PAIRS:
        raw_role, text = raw.get(role_field), raw.get(text_field)
        if type(raw_role) is str and type(text) is str and role_field in fields.role and text_field in fields.text:
            role = fields.roles.get(raw_role)
            # An answer may contain calls or reasoning between marks.
            is_plain = role is not None and raw_role not in CALLING and (role != "assistant" or not _is_marked(text))
            return RecordTurn(role, text) if is_plain else None
    return None


def _is_marked(text: str) -> bool:
    return ("<" in text or "[" in text) and (may_call(text) or thought_in(text) is not None)


def _chosen_fields(raw: Row, where: str, fields: Fields, faults: list[Fault]) -> tuple[str, str]:
    """Return the fields of the role and of the text; report two pairs of them that disagree."""
    pairs = [pair for pair in _PAIRS if all(isinstance(raw.get(name), str) for name in pair)]
    if len(pairs) == 2 and set(fields.role) >= {"role", "from"} and set(fields.text) >= {"content", "value"}:
        first, second = sorted(pairs, key=lambda pair: list(raw).index(pair[0]))
        for k, what in ((1, "texts"), (0, "roles")):
            one, other = raw[first[k]], raw[second[k]]
            if one != other and (k == 1 or known_role(one, fields) != known_role(other, fields)):
                detail = f"{where}.{first[k]} and {where}.{second[k]} are different {what}; {first[k]} was read"
                faults.append(Fault(FaultKind.CONFLICTING_FIELDS, detail, 0, whole_characters(other[:EXCERPT])))
                break
        return first
    role, text = _field(raw, fields.role), _field(raw, fields.text)
    # A missing field has the name that goes with the other one.
    for of_role, of_text in _PAIRS:
        if text not in raw and role == of_role and of_text in fields.text:
            text = of_text
        elif role not in raw and text == of_text and of_role in fields.role:
            role = of_role
    return role, text


_PAIRS = (("role", "content"), ("from", "value"))


def _field(raw: Row, names: Sequence[str]) -> str:
    """Return the first of these fields that has a value, in any spelling; else one that is there, else the first."""
    found = first_of(raw, names)
    if found is None:
        plain = {_plain(key): key for key in reversed(raw)}
        spelled = [plain[name] for name in map(_plain, names) if name in plain]
        found = first_of(raw, spelled) or next(iter(spelled), names[0])
    return found


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _item(raw: Row, role_field: str) -> str | None:
    """Return the type of an item that is no message, and has no role; None: it is a message."""
    kind = raw.get("type")
    return kind if isinstance(kind, str) and kind in _ITEMS and raw.get(role_field) is None else None


def _role(raw: Row, name: str, where: str, fields: Fields, faults: list[Fault]) -> str | None:
    """Return the role of a message, which its author may have."""
    value, where = raw.get(name), f"{where}.{name}"
    if isinstance(value, dict) and "role" in value:
        value, where = value["role"], f"{where}.role"
    if value is None:
        faults.append(missing(where, "role", "a role", is_there=name in raw))
        return None
    if not isinstance(value, str):
        faults.append(mistyped(where, value, "a string")._replace(field="role"))
        return None
    return known_role(value, fields)


def known_role(raw: str, fields: Fields) -> str:
    """Return our name of a role; one that is unknown as it is."""
    name = raw.strip().lower()
    spellings = (raw, name, name.rstrip("0123456789").rstrip(" _-"))  # human_1, where several people speak
    return next((fields.roles[spelling] for spelling in spellings if spelling in fields.roles), raw)


def _content(raw: Row, name: str, where: str, faults: list[Fault]) -> tuple[str | None, Content]:
    """Return the text of a message, and the rest of its content."""
    value = raw.get(name)
    if isinstance(value, list) or (isinstance(value, dict) and is_content(value)):
        content = read_content(value, f"{where}.{name}")
        return content.text, content
    if isinstance(value, dict) and value and raw.get("role") in _RAW_ROLES["tool"]:
        value = written(value)  # what a tool returned
    if value is not None and not isinstance(value, str):
        faults.append(mistyped(f"{where}.{name}", value, "a string")._replace(field="text"))
        value = None
    content = Content()
    if isinstance(audio := raw.get("audio"), dict):  # an answer that is spoken
        content.media.append("audio")
        value = value or (audio["transcript"] if isinstance(audio.get("transcript"), str) else value)
    if value is None and isinstance(raw.get("refusal"), str):
        value = raw["refusal"]
    return value, content


def _read_calls(raw: Row, where: str, text: str | None, content: Content, *, is_call: bool) -> None:
    """Read the calls outside of the text, after those within it; `is_call`: the message is one itself."""
    if is_call:
        content.calls.append(call_of(raw))
        content.written.append(raw)
    if tool := _recipient(raw):
        content.calls.append({"id": "", "name": tool, "arguments": text})
    for name, kind, expected in (("tool_calls", list, "a list of calls"), ("function_call", dict, "an object")):
        calls = raw.get(name)
        if calls is not None and not isinstance(calls, kind):
            content.faults.append(mistyped(f"{where}.{name}", calls, expected))
        elif calls:
            content.calls += map(call_of, calls if isinstance(calls, list) else [calls])
            content.written.append(calls)
    for k, call in enumerate(raw["tool_calls"] if isinstance(raw.get("tool_calls"), list) else ()):
        if not isinstance(call, dict):
            content.faults.append(mistyped(f"{where}.tool_calls[{k}]", call, "an object"))
        elif call.get("id") is not None and not isinstance(call["id"], str):
            content.faults.append(mistyped(f"{where}.tool_calls[{k}].id", call["id"], "a string"))


def _call_id(raw: Row, where: str, faults: list[Fault]) -> str | None:
    value = raw.get("tool_call_id")
    if value is None or isinstance(value, str):
        return value
    faults.append(mistyped(f"{where}.tool_call_id", value, "a string")._replace(field="call_id"))
    return None


def _with_thought(turn: RecordTurn) -> RecordTurn:
    """Return a turn with the reasoning at the start of its text, which stays as it is."""
    if turn.role != "assistant" or not turn.text or (thought := thought_in(turn.text)) is None:
        return turn
    return turn._replace(reasoning="\n\n".join(filter(None, (turn.reasoning, thought.text))))


def _weight_faults(raw: Row, where: str) -> Iterator[Fault]:
    """Report weights of a message in training that are neither true nor false nor within [0, 1]."""
    for name in _WEIGHTS:
        value = raw.get(name)
        is_number = isinstance(value, int | float)  # true and false are numbers, too
        if value is not None and not (is_number and 0 <= value <= 1):
            found = mistyped(f"{where}.{name}", value, "true, false, or a number from 0 to 1")
            yield found._replace(kind=FaultKind.TRAINING_WEIGHT)
