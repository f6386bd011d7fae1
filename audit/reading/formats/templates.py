"""Conversations within one text: the chat template that it was rendered with, and its turns."""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import NamedTuple

from .turns import ROLES


class Turn(NamedTuple):
    """One turn of a rendered text, without the markup around it."""

    role: str | None  # one of ours, or the name in the markup if it is unknown; None: text before the first mark
    text: str
    start: int  # where it starts in the rendered text, in code points
    channel: str | None = None  # Harmony only: analysis, commentary or final
    recipient: str | None = None  # Harmony only: the tool that is called


class Rendered(NamedTuple):
    """A conversation read from a text."""

    template: str
    turns: list[Turn]
    is_open: bool = False  # the text ends with an assistant's mark without an answer, as a prompt for generation does


class Template(NamedTuple):
    """Markup of a conversation in a text. All patterns take time linear in the length of the text."""

    name: str
    example: str
    begins: str  # what follows white space and the token for the beginning of a text
    marks: str  # a pattern: the start of a turn, with its `role` and `channel`, or the `end` of one
    contains: tuple[str, ...]  # strings that every conversation contains; quicker to look for than marks
    roles: Mapping[str, str]  # by names in the markup that ROLES does not have
    before: str | None  # the role of the text before the first mark
    has_tokens: bool  # its marks are control tokens, so that a single complete turn is a conversation
    may_be_open: bool  # the last answer may be missing
    may_be_introduced: bool  # a text that introduces the conversation may come first


_INPUT = "input"  # Alpaca's second part of a prompt, which continues the first
_NL = r"\r?\n"
_LEAD = r"(?:[\s\ufeff]|<s>|<bos>|<\|(?:begin_of_text|startoftext|endoftext)\|>|\[gMASK\]<sop>)*+"
_SPEAKER = r"(?:User|Human|Assistant|AI|Bot|Chatbot|ChatGPT|System):"
_INTRODUCTION = r"(?:A|The following is a|Below is a) (?:chat|conversation|dialog|dialogue) (?:between|with) "
# "<|user|> and <|assistant|> are tokens" is a text about templates, ...
_NO_PROSE = r"(?![ ,;:/)`'\"])"
# ... and so is one with nothing else between its first two marks.
_MENTION = re.compile(r"\s*(?:,|/|and|or|to|\.\.\.|…)\s*")


def _template(
    name: str,
    example: str,
    begins: str,
    opens: str,
    ends: str = r" ?(?:</s>|<\|endoftext\|>)",
    *,
    contains: tuple[str, ...] = (),
    roles: Mapping[str, str] | None = None,
    before: str | None = None,
    has_tokens: bool = False,
    may_be_open: bool = True,
    may_be_introduced: bool = False,
) -> Template:
    # An end mark that text follows is part of a text: it may be HTML, or a token that a turn mentions.
    follows = re.sub(r"\?P<\w+>", "?:", opens)
    marks = rf"{opens}|(?P<end>{ends})(?=\s*(?:\Z|{follows}|{ends}))"
    return Template(
        name, example, begins, marks, contains, roles or {}, before, has_tokens, may_be_open, may_be_introduced
    )


def _dialogue(prompter: str, assistant: str, begins: str) -> Template:
    return _template(
        "dialogue",
        "User: Hi\nAssistant: Hello",
        begins,
        rf"(?:\A|(?:{_NL}){{1,2}})(?P<role>{prompter}|{assistant}|[Ss]ystem):(?: |{_NL})?",
        contains=(f"{prompter}:", f"{assistant}:"),
        roles={prompter.lower(): "prompter", assistant.lower(): "assistant"},
        may_be_introduced=True,
    )


# In this order: of two templates with equal marks, the stricter comes first.
TEMPLATES = (
    _template(
        "chatml",
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n",
        rf"<\|im_start\|>\w{{1,64}}(?: name=\S{{1,64}})?(?:{_NL}|<\|im_sep\|>)",
        rf"<\|im_start\|>(?P<role>\w{{1,64}})(?: name=\S{{1,64}})?(?:{_NL}|<\|im_sep\|>(?:{_NL})?|\Z)",
        r"<\|im_end\|>|<\|endoftext\|>",
        has_tokens=True,
    ),
    _template(
        "llama-3",
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>",
        rf"<\|(?:start_header_id|header_start)\|>\w{{1,64}}<\|(?:end_header_id|header_end)\|>{_NL}",
        r"<\|(?:start_header_id|header_start)\|>(?P<role>\w{1,64})<\|(?:end_header_id|header_end)\|>"
        rf"(?:{_NL}){{0,2}}",
        r"<\|(?:eot_id|eom_id|eot|eom|end_of_text)\|>",
        has_tokens=True,
    ),
    _template(
        "gemma",
        "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n",
        rf"<start_of_turn>\w{{1,64}}{_NL}",
        rf"<start_of_turn>(?P<role>\w{{1,64}})(?:{_NL}|\Z)",
        r"<end_of_turn>|<eos>",
        has_tokens=True,
    ),
    _template(
        "harmony",
        "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>analysis<|message|>A greeting.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Hello<|return|>",
        r"<\|start\|>[^<\s]{1,100}+[^<]{0,100}+(?:<\|channel\|>[^<]{1,100}+)?(?:<\|constrain\|>[^<]{1,100}+)?<\|message\|>",
        r"<\|start\|>(?P<role>[^<\s]{1,100}+)[^<]{0,100}+(?:<\|channel\|>(?P<channel>[a-z]{1,20}+)[^<]{0,100}+)?"
        r"(?:<\|constrain\|>[^<]{1,100}+)?(?:<\|message\|>|\Z)",
        r"<\|(?:end|return|call)\|>",
        has_tokens=True,
    ),
    _template(
        "deepseek",
        "<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hi<｜Assistant｜>Hello<｜end▁of▁sentence｜>",
        rf"<[｜|]begin[▁_]of[▁_]sentence[｜|]>|<[｜|]User[｜|]>{_NO_PROSE}",
        # What follows the beginning, if it is no mark, is the system prompt.
        r"(?:<[｜|]begin[▁_]of[▁_]sentence[｜|]>\s*+(?=<[｜|]User))?"
        r"<[｜|](?P<role>begin[▁_]of[▁_]sentence|User|Assistant|tool▁outputs▁(?:begin|end))[｜|]>",
        r"<[｜|]end[▁_]of[▁_]sentence[｜|]>",
        roles={
            "begin▁of▁sentence": "system",
            "begin_of_sentence": "system",
            "tool▁outputs▁begin": "tool",
            "tool▁outputs▁end": "assistant",
        },
        has_tokens=True,
    ),
    _template(
        "openassistant",
        "<|prompter|>Hi<|endoftext|><|assistant|>Hello<|endoftext|>",
        rf"<\|(?:prompter|system)\|>{_NO_PROSE}",
        r"<\|(?P<role>prompter|assistant|system)\|>",
        contains=("<|prompter|>",),
        has_tokens=True,
    ),
    _template(
        "zephyr",
        "<|system|>\nBe brief.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHello</s>\n",
        rf"<\|(?:user|system)\|>{_NO_PROSE}",
        rf"(?:{_NL})?<\|(?P<role>user|assistant|system|tool|observation)\|>(?:{_NL})?",
        r"</s>|<\|(?:end|endoftext)\|>",
        has_tokens=True,
    ),
    _template(
        "llama-2",
        "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello </s>",
        r"\[INST\] ?<<SYS>>",
        rf"(?:<s> ?)?(?P<role>\[INST\] ?<<SYS>>(?:{_NL})?|(?:{_NL})?<</SYS>>(?:{_NL}){{0,2}}|\[INST\] ?| ?\[/INST\] ?)",
        contains=("<</SYS>>", "[/INST]"),
        roles={
            "[inst] <<sys>>": "system",
            "[inst]<<sys>>": "system",
            "<</sys>>": "prompter",
            "[inst]": "prompter",
            "[/inst]": "assistant",
        },
    ),
    _template(
        "mistral",  # and Llama-2 without a system prompt
        "<s>[INST] Hi [/INST] Hello</s>[INST] Why? [/INST] So.</s>",
        r"\[(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS)\]",
        # The answer to the results of tools has no mark of its own. [TOOL_CALLS] remains in the text, as in messages.
        r"(?:<s> ?)?(?P<role>\[(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\] ?| ?\[/INST\] ?"
        r"|\[/TOOL_RESULTS\](?!\s*(?:\Z|\[(?:INST|TOOL_RESULTS|AVAILABLE_TOOLS)\])) ?)",
        r" ?</s>| ?\[/(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\]",
        contains=("[INST]", "[/INST]"),
        roles={
            "[inst]": "prompter",
            "[/inst]": "assistant",
            "[system_prompt]": "system",
            "[available_tools]": "system",
            "[tool_results]": "tool",
            "[/tool_results]": "assistant",
        },
    ),
    _template(
        "alpaca",
        "Below is an instruction that describes a task.\n\n### Instruction:\nHi\n\n### Response:\nHello",
        r"### ?Instruction:|Below is an instruction that describes a task",
        rf"(?:\A|(?:{_NL}){{1,2}})### ?(?P<role>Instruction|Input|Response):(?: |{_NL})?",
        contains=("Instruction:", "Response:"),
        roles={"instruction": "prompter", "input": _INPUT, "response": "assistant"},
        before="system",
    ),
    _template(
        "guanaco",
        "### Human: Hi### Assistant: Hello",
        r"### (?:Human|User|Assistant|System):",
        rf"(?: |(?:{_NL}){{1,2}})?### (?P<role>Human|User|Assistant|System):(?: |{_NL})?",
        contains=("### Assistant:",),
        may_be_introduced=True,
    ),
    _template(
        "oig",
        "<human>: Hi\n<bot>: Hello",
        r"<human>:",
        rf"(?: |{_NL})?<(?P<role>human|bot)>: ?",
        contains=("<bot>:",),
    ),
    _template(
        "glaive",
        "SYSTEM: Be brief.\n\n\nUSER: Hi\n\n\nASSISTANT: Hello <|endoftext|>",
        r"(?:SYSTEM|USER|ASSISTANT):",
        rf"(?:\A|(?:{_NL}){{1,3}}|(?<=</s>)|(?<=<\|endoftext\|>))"
        r"(?P<role>SYSTEM|USER|ASSISTANT|FUNCTION RESPONSE):(?: |(?=\r?\n)|\Z)",
        contains=("USER:", "ASSISTANT:"),
        roles={"function response": "tool"},
    ),
    _template(
        "vicuna",
        "A chat between a user and an assistant. USER: Hi ASSISTANT: Hello</s>",
        r"(?:SYSTEM|USER):|You are (?=(?s:.*)</s>\s*\Z)",
        r"(?:\A|[ \n]|(?<=</s>))(?P<role>USER|ASSISTANT|\ASYSTEM): ?",
        contains=("USER:", "ASSISTANT:"),
        before="system",
        may_be_introduced=True,
    ),
    _template(
        "anthropic",
        "\n\nHuman: Hi\n\nAssistant: Hello",
        r"(?:Human|Assistant):",
        r"(?:\A|\n\n)(?P<role>Human|Assistant): ?",
        contains=("Human:", "Assistant:"),
        may_be_introduced=True,
    ),
    *(
        _dialogue(prompter, assistant, _SPEAKER)
        for prompter in ("User", "Human")
        for assistant in ("Assistant", "AI", "Bot", "Chatbot", "ChatGPT")
    ),
    _dialogue("user", "assistant", r"(?:user|assistant|system):"),
)

names = tuple(dict.fromkeys(template.name for template in TEMPLATES))
EXAMPLES = {template.name: template.example for template in TEMPLATES}

_OF_NAME = {template.name: template for template in TEMPLATES}
_START = re.compile(_LEAD)
_INTRODUCED = re.compile(_LEAD + _INTRODUCTION)
_BEGINS = [rf"{_LEAD}(?:{template.begins})" for template in TEMPLATES]
# Nearly all texts are none, and one match says so.
_ANY_BEGINS = rf"{_LEAD}(?:{'|'.join(dict.fromkeys(template.begins for template in TEMPLATES))}|{_INTRODUCTION})"
# A pattern for RE2 that matches all these texts, and few others.
MAY_BEGIN = (
    r"^[\s\v\x1c-\x1f\x85\p{Z}\x{feff}]*(?:[<\[#]|[A-Za-z]{1,9}:|You are |"
    r"(?:A|The following is a|Below is an?) (?:chat|conversation|dialog|instruction))"
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern when it is first needed: all of them take 40 ms."""
    return re.compile(pattern)


def begins(text: str) -> bool:
    """Whether a text begins as a conversation does."""
    return _compiled(_ANY_BEGINS).match(text) is not None


@lru_cache(8)  # of one text, several formats and settings ask
def read(text: str) -> Rendered | None:
    """Return the turns of a text that is a conversation; None if it is not, even if it mentions such marks.

    The text must begin with a mark or with the usual introduction, and both sides must have a mark. With control
    tokens, one complete turn is enough.
    """
    if not begins(text):
        return None
    for mark, template in zip(_BEGINS, TEMPLATES, strict=True):
        is_marked = _compiled(mark).match(text) or (template.may_be_introduced and _INTRODUCED.match(text))
        if is_marked and all(each in text for each in template.contains):
            found = _turns(text, template)
            if _is_conversation(found, template):
                return Rendered(template.name, found.turns[: -1 if found.is_open else None], found.is_open)
    return None


def read_transcript(text: str) -> list[Turn]:
    """Return the turns of a text that is known to be a transcript, with the marks of Anthropic or Guanaco.

    Text before the first mark has no role. An empty answer at the end is a turn.
    """
    return _turns(text, _OF_NAME["guanaco" if text.lstrip().startswith("###") else "anthropic"]).turns


class _Found(NamedTuple):
    """All turns that a text has by the marks of a template."""

    turns: list[Turn]
    n_complete: int  # turns with an end mark
    is_open: bool  # the last turn is an assistant's, without text and end mark


_RECIPIENT = re.compile(r"\bto=([\w.-]{1,100})")


def _turns(text: str, template: Template) -> _Found:
    lead = _START.match(text)
    assert lead is not None
    start, body = lead.end(), text[lead.end() :]  # for patterns, a text begins with its first mark
    marks = list(_compiled(template.marks).finditer(body))
    limits = [mark.start() for mark in marks] + [len(body)]
    turns: list[Turn] = []
    if before := body[: limits[0]]:
        turns.append(Turn("system" if marks and _INTRODUCED.match(text) else template.before, before, start))
    raw = ""
    for mark, limit in zip(marks, limits[1:], strict=True):
        if mark["end"] is not None:
            continue  # white space up to the next mark
        previous, raw = raw, mark["role"].strip()
        role = template.roles.get(raw.lower()) or ROLES.get(raw.lower(), raw)
        channel = mark.groupdict().get("channel")
        sent = _RECIPIENT.search(mark[0]) if channel else None
        turn = Turn(role, body[mark.end() : limit], start + mark.end(), channel, sent[1] if sent else None)
        if role == _INPUT:
            turn = turn._replace(role="prompter")
            if previous == "Instruction":
                instruction = turns.pop()
                turn = instruction._replace(text="\n\n".join(filter(None, (instruction.text, turn.text))))
        elif raw.startswith("functions."):
            turn = turn._replace(role="tool")
        turns.append(turn)
    n_complete = sum(mark["end"] is not None for mark in marks)
    is_open = bool(marks) and marks[-1]["end"] is None and turns[-1].role == "assistant" and not turns[-1].text.strip()
    return _Found(turns, n_complete, is_open)


def _is_conversation(found: _Found, template: Template) -> bool:
    roles = {turn.role for turn in found.turns}
    if not {"prompter", "assistant"} <= roles and not (template.has_tokens and found.n_complete):
        return False
    first = found.turns[0]
    if first.role is None or _MENTION.fullmatch(first.text) or (found.is_open and not template.may_be_open):
        return False
    return any(turn.text.strip() for turn in found.turns)
