"""The content of a message in blocks, in the forms of all vendors: texts, calls, results, reasoning and media."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .calls import Call, as_json, call_of, calls_within
from .faults import Fault, Row, mistyped

_TEXTS = ("text", "input_text", "output_text", "refusal")
_THOUGHTS = ("thinking", "reasoning", "thought", "thoughts", "redacted_thinking", "summary_text", "reasoning_text")
_CALLS = ("tool_call", "tool_use", "function_call", "server_tool_use", "mcp_tool_use", "tool-call")
_RESULTS = ("tool_result", "function_call_output", "tool-result", "mcp_tool_result", "web_search_tool_result")
_MIME_FIELDS = ("mimeType", "mime_type", "mediaType", "media_type")
_FILES = ("file", "document", "pdf", "attachment")

# Blocks that have no type, but are named by their only field: of Bedrock and Gemini.
_NAMED_CALLS = ("toolUse", "functionCall", "function_call")
_NAMED_RESULTS = ("toolResult", "functionResponse", "function_response")
_NAMED_MEDIA = ("image", "video", "audio", "document", "file", "image_url", "input_audio")
_DATA = ("inlineData", "inline_data", "fileData", "file_data")


class ToolResult(NamedTuple):
    """The output of a tool, and the id of the call that it answers."""

    text: str | None
    call_id: str | None
    media: list[str]
    faults: list[Fault]


@dataclass
class Content:
    """All that the blocks of a message contain."""

    texts: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    media: list[str] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    written: list[Any] = field(default_factory=list)  # the calls as the data have them
    results: list[ToolResult] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n\n".join(self.texts)


def is_content(raw: object) -> bool:
    """Whether an object may be the content of a message: with parts, with a text, or a single block."""
    return isinstance(raw, dict) and (
        isinstance(raw.get("parts"), list)
        or isinstance(raw.get("thoughts"), list)
        or isinstance(raw.get("text"), str)
        or isinstance(raw.get("type"), str)
        or any(name in raw for name in (*_NAMED_CALLS, *_NAMED_RESULTS, *_NAMED_MEDIA, *_DATA))
    )


def read_content(raw: list[Any] | Row, where: str, *, is_nested: bool = False) -> Content:
    """Read a list of blocks, or an object as in exports of ChatGPT; `is_nested`: leave out results of tools."""
    content = Content()
    if isinstance(raw, dict):
        for name in ("parts", "thoughts"):
            if isinstance(raw.get(name), list):
                for k, block in enumerate(raw[name]):
                    if name == "thoughts":
                        content.thoughts += _thoughts(block)
                    else:
                        _read_block(content, block, f"{where}.{name}[{k}]", is_nested)
                return content
        _read_block(content, raw, where, is_nested)
        return content
    for k, block in enumerate(raw):
        _read_block(content, block, f"{where}[{k}]", is_nested)
    return content


def _read_block(content: Content, block: object, where: str, is_nested: bool) -> None:
    if isinstance(block, str):
        content.texts.append(block)
        return
    kind = _kind(block)
    if kind is None or not isinstance(block, dict):
        content.faults.append(mistyped(where, block, "a text, or an object with a type"))
    elif kind in _TEXTS:
        name = next((n for n in ("text", "value", "refusal") if block.get(n) is not None), "text")
        if isinstance(block.get(name), str):
            content.texts.append(block[name])
        else:
            content.faults.append(mistyped(f"{where}.{name}", block.get(name), "a string"))
    elif kind in _THOUGHTS:
        content.thoughts += _thoughts(block)
    elif kind in _CALLS:
        call = block.get("value")
        content.calls += calls_within(call) if isinstance(call, str) else [call_of(block)]
        content.written.append(call if isinstance(call, str) else block)
    elif kind in _RESULTS:
        if not is_nested:
            content.results.append(_result(block, where))
    elif medium := _medium(kind):
        content.media.append(medium)


def _kind(block: object) -> str | None:
    """Return the type of a block, also of one that has none; None if it cannot be known."""
    if not isinstance(block, dict):
        return None
    kind = block.get("type")
    if kind is None:
        kind = block.get("content_type")
    if kind is not None:
        return kind.lower() if isinstance(kind, str) else None
    if "text" in block:
        return "thought" if block.get("thought") is True else "text"
    for names, named in ((_NAMED_CALLS, "tool_use"), (_NAMED_RESULTS, "tool_result")):
        if any(isinstance(block.get(name), dict) for name in names):
            return named
    if any(name in block for name in ("reasoningContent", "thinking", "reasoning")):
        return "reasoning"
    for name in _DATA:
        if isinstance(data := block.get(name), dict):
            mime = next((data[n] for n in _MIME_FIELDS if isinstance(data.get(n), str)), "")
            return _medium(mime.lower()) or "file"
    return next((name for name in _NAMED_MEDIA if name in block), None)


def _medium(kind: str) -> str | None:
    """Return the kind of medium that a type of block or a MIME type names; None if it is none."""
    found = next((name for name in ("image", "audio", "video") if name in kind), None)
    return found or ("file" if any(name in kind for name in _FILES) else None)


def _thoughts(raw: object) -> list[str]:
    """Return the texts of a block of reasoning, which may be a summary in several parts."""
    if isinstance(raw, str):
        return [raw] if raw else []
    if isinstance(raw, list):
        return [text for each in raw if not isinstance(each, list) for text in _thoughts(each)]
    if not isinstance(raw, dict):
        return []
    for name in ("thinking", "reasoning", "thought", "text", "content", "value", "summary"):
        value = raw.get(name)
        if isinstance(value, str) and value:
            return [value]
        if isinstance(value, list) and value:
            return [text for each in value for text in _plain(each)]
    nested = raw.get("reasoningContent")
    inner = nested.get("reasoningText") if isinstance(nested, dict) else None
    return _plain(inner)


def _plain(raw: object) -> list[str]:
    """Return the text of a part of a summary."""
    text = raw.get("text") if isinstance(raw, dict) else raw
    return [text] if isinstance(text, str) and text else []


def thoughts_of(fields: Row, names: Sequence[str]) -> list[str]:
    """Return the reasoning in the first of these fields that has any."""
    return next((found for name in names if (found := _thoughts(fields.get(name)))), [])


def _result(block: Row, where: str) -> ToolResult:
    """Read the result of a tool: a text, blocks of text, or any value, which is written as JSON."""
    for name in _NAMED_RESULTS:
        if isinstance(block.get(name), dict):
            block, where = block[name], f"{where}.{name}"
            break
    name = next((n for n in ("content", "output", "result", "response") if block.get(n) is not None), "content")
    return result_of(block.get(name), f"{where}.{name}", block, where)


def result_of(raw: object, where: str, block: Row, holder: str) -> ToolResult:
    """Return a result with this content, and the id of its call from the fields of its block."""
    faults: list[Fault] = []
    media: list[str] = []
    text: str | None = None
    if raw is None or isinstance(raw, str):
        text = raw or ""  # a tool may return nothing
    elif isinstance(raw, list):
        blocks = [{"text": written(b["json"])} if isinstance(b, dict) and "json" in b else b for b in raw]
        # Results nested in results are ignored at every depth.
        inner = read_content(blocks, where, is_nested=True)
        text, media = inner.text, inner.media
        faults += inner.faults
    elif isinstance(raw, dict):
        text = written(raw)
    else:
        faults.append(mistyped(where, raw, "a string or a list of blocks")._replace(field="text"))
    own = next(
        (n for n in ("tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "call_id", "id") if n in block), None
    )
    key = None if own is None else block[own]
    if key is not None and not isinstance(key, str):
        faults.append(mistyped(f"{holder}.{own}", key, "a string")._replace(field="call_id"))
        key = None
    return ToolResult(text, key, media, faults)


def written(value: object) -> str:
    """Return a value as JSON; empty if it is nested too deeply."""
    try:
        return as_json(value)
    except RecursionError:
        return ""
