"""The parts common to all chat formats: turns, their roles and texts, and their conversion to messages."""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
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
    read_json,
    text_fault,
    tools_of,
)
from .content import Content, is_content, read_content, result_of, thoughts_of
from .faults import EXCERPT, Fault, Row, missing, mistyped, whole_characters

REQUIRED = ("role", "text")  # columns of MESSAGES that every turn fills

_RAW_ROLES = {
    "prompter": ("prompter", "user", "human"),
    "assistant": ("assistant", "gpt", "chatgpt", "bing", "bard", "bot", "model", "ai", "chatbot"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "ipython", "function", "tool_response", "function_response"),
}
CALLING = ("function_call", "tool_call", "tool_calls")  # roles of messages that contain only tool calls
ROLES = {raw: role for role, raws in _RAW_ROLES.items() for raw in raws} | dict.fromkeys(CALLING, "assistant")

_NUMBERED = re.compile(r"(.*?)[ _-]?\d+")  # human_1, as in conversations of several people
_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "thought")
_WEIGHTS = ("weight", "loss_weight", "train")
# Fields that are read besides role and text.
BESIDES = (*_THOUGHTS, *_WEIGHTS, "tool_calls", "function_call", "tool_call_id", "tools", "functions", "channel", "type")
_ANALYSIS = "analysis"  # the channel of reasoning in OpenAI's Harmony
# Items of OpenAI's Responses that are no messages, and their roles.
_ITEMS = {"function_call": "assistant", "reasoning": "assistant", "function_call_output": "tool"}
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


class Fields(NamedTuple):
    """Fields that may contain the role and the text of a message, and the names of roles.

    The first field with a value wins, in any case and with or without underscores.
    """

    role: Sequence[str] = ("role", "from", "author", "sender")
    text: Sequence[str] = ("content", "value", "parts", "text")
    roles: Mapping[str, str] = ROLES
    media: Sequence[str] = ()  # kinds of media that the record keeps beside its messages, marked in texts as <image>


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
        return {name: getattr(self, name) for name in ("role", "text", "calls", "call_id", "reasoning", "media")}


# -- fields of a record ----------------------------------------------------------------------------------------------


def tree_of(record: Row, place: str) -> Generator[Fault, None, Row]:
    """Return what all messages of a record share: tree id, language and split."""
    name = first_of(record, ("id", "conversation_id")) or "id"
    key = record.get(name)
    if is_whole(key):
        key = str(int(key))
    elif key is not None and not isinstance(key, str):
        yield mistyped(name, key, "a string or an integer", place)
        key = None
    lang = yield from string_of(record, "lang")
    language = record.get("language")
    if lang is None and isinstance(language, str):
        lang = language if _TAG.fullmatch(language) else tag_of(language)
    split = yield from string_of(record, "split")
    return {"tree_id": place if key is None else key, "lang": lang, "split": split, "tools": tools_of(record)}


def is_whole(value: object) -> TypeGuard[int | float]:
    """Whether a value is an integer, which pandas writes as 1.0 in a column with gaps."""
    return type(value) is int or (type(value) is float and value.is_integer())


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
    items = _decoded(raw, list)
    if isinstance(items, dict):
        items = _transposed(items, fields)
    if not isinstance(items, list):
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
        item = _decoded(item, dict)
        found = turns_within(item, f"{where}[{k}]", fields)
        if _is_analysis(item):
            thoughts += found
            continue
        if thoughts and found[0].role == "assistant":
            found[0] = _after(thoughts, found[0])
        else:
            turns += thoughts
        thoughts = []
        if turns and _is_call_item(item) and _is_call_item(_decoded(items[k - 1], dict)):
            # Each of several calls at once is an item of its own; together they are one message.
            turns[-1] = _joined(turns[-1], found[0])
        else:
            turns += found
    return turns + thoughts


def _decoded(raw: object, kind: type) -> object:
    """Return what JSON in a text contains, if that is of this type; any other value as it is."""
    if isinstance(raw, str) and raw.lstrip()[:1] == ("[" if kind is list else "{"):
        read = read_json(raw)
        return read if isinstance(read, kind) else raw
    return raw


def _transposed(columns: Row, fields: Fields) -> object:
    """Return the messages of lists of roles, of texts, ...; the object as it is where these lists do not match."""
    lists = [values for values in columns.values() if isinstance(values, list)]
    has_names = _field(columns, fields.role) in columns and _field(columns, fields.text) in columns
    if not has_names or len(lists) < len(columns) or len({len(values) for values in lists}) != 1:
        return columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*lists, strict=True)]


def _is_analysis(item: object) -> bool:
    return isinstance(item, dict) and (
        item.get("channel") == _ANALYSIS or (item.get("type") == "reasoning" and item.get("role") is None)
    )


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
    faults: list[Fault] = []
    role_field, text_field = _chosen_fields(raw, where, fields, faults)
    role = _role(raw, role_field, where, fields, faults)
    item = raw.get("type") if role is None else None
    if isinstance(item, str) and item in _ITEMS:
        faults.clear()
        role = _ITEMS[item]
        if item == "function_call_output":
            result = result_of(raw.get("output"), f"{where}.output", raw, where)
            return [
                RecordTurn(role, result.text, None, result.call_id, tuple(result.faults), media=result.media or None)
            ]
    text, content = _content(raw, text_field, where, faults)
    _read_calls(raw, where, content)
    if isinstance(item, str) and item == "function_call":
        content.calls.append(call_of(raw))
        content.written.append(raw)
    raw_role = raw.get(role_field)
    if isinstance(raw_role, str) and raw_role.strip().lower() in CALLING and text:
        content.calls += calls_within(text)
        faults += text_fault(text, f"{where}.{text_field}", is_call=True)
    elif role == "assistant" and text and not content.calls:
        content.calls += marked_calls(text)
        faults += text_fault(text, f"{where}.{text_field}", is_call=False)
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
    content.media += [medium for medium in fields.media for _ in range((text or "").count(f"<{medium}>"))]
    faults += content.faults
    own = _with_thought(
        RecordTurn(
            role,
            text,
            content.calls or None,
            _call_id(raw, where, faults),
            (),
            reasoning="\n\n".join(thoughts) or None,
            media=content.media or None,
            tools=tools_of(raw),
        )
    )
    results = [
        RecordTurn("tool", r.text, None, r.call_id, tuple(r.faults), media=r.media or None) for r in content.results
    ]
    has_content = bool(own.text or own.calls or own.media or own.reasoning or faults)
    if not has_content and results:
        return results
    if own.text is None and not (own.calls or own.media or own.reasoning or any(f.field == "text" for f in faults)):
        faults.append(missing(f"{where}.{text_field}", "text", "a text", is_there=text_field in raw))
    faults += _weight_faults(raw, where)
    return [*results, own._replace(faults=tuple(faults))]


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
    return _field(raw, fields.role), _field(raw, fields.text)


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


def _role(raw: Row, name: str, where: str, fields: Fields, faults: list[Fault]) -> str | None:
    """Return the role of a message, which its author may have."""
    value, where = raw.get(name), f"{where}.{name}"
    if isinstance(value, dict) and "role" in value:
        value, where = value["role"], f"{where}.role"
    if value is None:
        if raw.get("type") not in _ITEMS:
            faults.append(missing(where, "role", "a role", is_there=name in raw))
        return None
    if not isinstance(value, str):
        faults.append(mistyped(where, value, "a string")._replace(field="role"))
        return None
    return known_role(value, fields)


def known_role(raw: str, fields: Fields) -> str:
    """Return our name of a role; one that is unknown as it is."""
    name = raw.strip().lower()
    numbered = _NUMBERED.fullmatch(name)
    spellings = (raw, name, numbered[1] if numbered else name)
    return next((fields.roles[spelling] for spelling in spellings if spelling in fields.roles), raw)


def _content(raw: Row, name: str, where: str, faults: list[Fault]) -> tuple[str | None, Content]:
    """Return the text of a message, and the rest of its content."""
    value = raw.get(name)
    if isinstance(value, list) or (isinstance(value, dict) and is_content(value)):
        content = read_content(value, f"{where}.{name}")
        return content.text, content
    if value is not None and not isinstance(value, str):
        faults.append(mistyped(f"{where}.{name}", value, "a string")._replace(field="text"))
        value = None
    return value, Content()


def _read_calls(raw: Row, where: str, content: Content) -> None:
    """Read the calls outside of the text, after those within it."""
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
    tools = [*(shared.get("tools") or ()), *(tool for turn in prompt for tool in turn.tools or ())] or None
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
                **turn.columns(),
                "branch": branch,
                "tools": tools if is_first else None,
                "rank": int(branch == "rejected") if is_ranked and branch else None,
            }
            yield row
            for fault in turn.faults:
                yield fault.of(row)
            parent, is_first = row["message_id"], False
        end = parent if branch is None else end
    return end
