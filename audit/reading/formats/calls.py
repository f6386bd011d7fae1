"""Calls of tools and declarations of tools, in the forms of all vendors."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ....checks.base.faults import FaultKind
from .faults import EXCERPT, Fault, whole_characters

Call = dict[str, str | None]  # id, name and arguments, as in MESSAGES
Tool = dict[str, str | None]  # name and schema

# Objects around a call: of OpenAI, Bedrock and Gemini.
_WRAPPERS = ("function", "toolUse", "functionCall", "function_call")
_IDS = ("id", "call_id", "toolUseId", "tool_call_id", "tool_use_id", "toolCallId")
_NAMES = ("name", "tool_name", "toolName")
_ARGUMENTS = ("arguments", "parameters", "input", "args")

# Marks of calls within a text, as written by Hermes and Qwen, Glaive, Mistral and Llama 3.1.
MARK = re.compile(
    r"<tool_call>(?:\s*<function=([^>\s]*)>?)?|<functioncall>|\[TOOL_CALLS\]|<\|python_tag\|>|<function=([^>\s]*)>?"
)
MARK_STARTS = {ord("<"): b"tf|", ord("["): b"T"}  # first character of each mark, with the second ones
_NAME_AFTER = re.compile(r"\s*([\w.-]+)\s*(?:\[ARGS\]|\[CALL_ID\]|(?=\{))")  # Mistral's newer form: name, then JSON
# Of a text that may be calls as in ToolACE and Llama 3.2: [name(x=1), ...]
_PYTHONIC_START = re.compile(r"\s*\[\s*\w")
_PYTHONIC = re.compile(r"\s*\[\s*(\w[\w .:/-]*)\(.*\)\s*\]\s*", re.DOTALL)
_PYTHON = re.compile(r"[\[(\s]*\{\s*'")  # a dictionary as Python prints it, alone or in a list
_NAME_WITHIN = re.compile(r"""["']name["']\s*:\s*["']([^"'\\]*)["']""")
_SPACE = re.compile(r"\s*")
_JSON = json.JSONDecoder()


def read_json(text: str) -> Any:
    """Return what JSON contains; None if the text is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def as_json(value: object) -> str:
    """Write a value as JSON, with what JSON does not know as text.

    Raises
    ------
    RecursionError
        If the value is nested too deeply.
    """
    return json.dumps(value, ensure_ascii=False, default=str)


# -- calls -----------------------------------------------------------------------------------------------------------


def call_of(raw: object) -> Call:
    """Return one call, whose id is empty if it has none; null: the data do not say."""
    if not isinstance(raw, dict):
        return {"id": "", "name": None, "arguments": None}
    parts = [raw, *(raw[name] for name in _WRAPPERS if isinstance(raw.get(name), dict))]
    own = next((part[name] for part in parts for name in _IDS if isinstance(part.get(name), str)), "")
    called = next((part[name] for part in parts[::-1] for name in _NAMES if isinstance(part.get(name), str)), None)
    given = next((part[name] for part in parts[::-1] for name in _ARGUMENTS if part.get(name) is not None), None)
    try:
        arguments = given if given is None or isinstance(given, str) else as_json(given)
    except RecursionError:
        arguments = None
    return {"id": own, "name": called, "arguments": arguments}


def calls_within(text: str | None) -> list[Call]:
    """Return calls written as JSON: one call, or a list of them; a text that is not JSON is one unknown call."""
    read = read_json(text or "")
    if read is None:
        return [{"id": "", "name": _name_within(text or ""), "arguments": None}]
    return [call_of(each) for each in (read if isinstance(read, list) and read else [read])]


def may_call(text: str) -> bool:
    """Whether a text may contain a call."""
    return MARK.search(text) is not None or _PYTHONIC_START.match(text) is not None


def marked_calls(text: str) -> list[Call]:
    """Return the calls behind marks in a text, or a text that is a call; one that is not JSON has no arguments."""
    found: list[Call] = []
    end = 0
    for mark in MARK.finditer(text):
        if mark.start() < end:  # within the call before it
            continue
        start, named = mark.end(), mark[1] or mark[2]
        if named is None and (after := _NAME_AFTER.match(text, start)):
            named, start = after[1], after.end()
        read, end = _json_at(text, start)
        if named is not None:
            found.append({"id": "", "name": named, "arguments": None if read is None else text[start:end].strip()})
        elif isinstance(read, list) and read:
            found += map(call_of, read)
        elif isinstance(read, dict):
            found.append(call_of(read))
        else:
            found.append({"id": "", "name": _name_within(text[start : start + 1000]), "arguments": None})
    if not found and (whole := _PYTHONIC.fullmatch(text)):
        found.append({"id": "", "name": whole[1].strip(), "arguments": None})
    return found


def _json_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON that starts here or after white space, and its end; null if there is none."""
    space = _SPACE.match(text, start)
    try:
        found: tuple[Any, int] = _JSON.raw_decode(text, space.end() if space else start)
        return found
    except (ValueError, RecursionError):
        return None, start


def _name_within(text: str) -> str | None:
    found = _NAME_WITHIN.search(text)
    return found[1] if found else None


# -- faults of calls -------------------------------------------------------------------------------------------------


def text_fault(text: str, where: str, *, is_call: bool) -> Iterator[Fault]:
    """Report the first call in a text that is a printed dictionary of Python instead of JSON."""
    for start in [0] if is_call else (mark.end() for mark in MARK.finditer(text)):
        if _PYTHON.match(text, start) and _json_at(text, start)[0] is None:
            yield _not_json(f"{where}: call is", text[start:])
            return


def argument_fault(calls: Sequence[Call], where: str) -> Iterator[Fault]:
    """Report the first call with arguments that should be JSON and are not."""
    for call in calls:
        arguments = (call["arguments"] or "").strip()
        if arguments[:1] in ("{", "[") and read_json(arguments) is None:
            yield _not_json(f"{where}: arguments are", arguments)
            return


def _not_json(what: str, written: str) -> Fault:
    how = "Python repr" if _PYTHON.match(written) else "damaged"
    written = whole_characters(written[: 2 * EXCERPT].strip())
    line = " ".join(written.split())
    shown = line if len(line) <= 60 else line[:59] + "…"
    return Fault(FaultKind.CALL_FORMAT, f"{what} not JSON ({how}): {shown}", 0, written[:EXCERPT])


# -- tools -----------------------------------------------------------------------------------------------------------


def tools_of(record: Mapping[str, Any]) -> list[Tool] | None:
    """Return the tools that a record or a message declares, as a list or as JSON in a text; None if there are none."""
    declared = next((record[name] for name in ("tools", "functions") if record.get(name)), None)
    if isinstance(declared, str):
        declared = read_json(declared)
    if isinstance(declared, dict):
        declared = [declared]
    if not isinstance(declared, list):
        return None
    tools: list[Tool] = []
    for each in declared:
        each = read_json(each) or each if isinstance(each, str) else each
        tools += map(_tool, _declarations(each))
    return tools or None


def _declarations(raw: object) -> list[object]:
    """Return the declarations within one, as in the tools of Gemini."""
    if isinstance(raw, dict):
        for name in ("functionDeclarations", "function_declarations"):
            if isinstance(raw.get(name), list):
                return list(raw[name])
    return [raw]


def _tool(raw: object) -> Tool:
    if not isinstance(raw, dict):
        return {"name": raw if isinstance(raw, str) else None, "schema": None}
    parts = [raw, *(raw[name] for name in ("function", "toolSpec") if isinstance(raw.get(name), dict))]
    names = (part[name] for part in parts[::-1] for name in (*_NAMES, "type") if isinstance(part.get(name), str))
    try:
        schema = as_json(raw)
    except RecursionError:
        schema = None
    return {"name": next(names, None), "schema": schema}
