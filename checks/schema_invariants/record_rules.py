"""Rules on records: unreadable, repaired, badly ended lines."""

from collections.abc import Callable

from ..base.examples import Data, Example, chat, edited, records, turn
from ..base.findings import ERROR, NOTE, WARNING, Action, Concerns, Rule
from .method import NAME


def _lone_prompt(text: str, edit: Callable[[bytes], bytes] = bytes) -> Data:
    """Return the raw line of a prompt that has no answer yet, edited."""
    return edited(chat(f"prompter: {text}", tree_state="prompt_lottery_waiting"), edit)


_SEXTANT = chat(
    "prompter: What does a sextant measure?",
    "assistant: The angle between the horizon and a star.",
    turn("assistant: How high the sun is above the sea.", to=0),
)
UNREADABLE_LINE = Rule(
    f"{NAME}/unreadable_line",
    "Record could not be read",
    ERROR,
    "Fix the line at the place that the finding names. Until then the record is lost.",
    example=Example(
        edited(_SEXTANT, lambda line: line[:-40]),
        not_this=edited(_SEXTANT, bytes),
        at=None,
    ),
    action=Action.DROP_RECORD,
    concerns=Concerns.RECORD,
)
REPAIRED_LINE = Rule(
    f"{NAME}/repaired_line",
    "Record was readable only after repair",
    WARNING,
    "Write strict JSON in UTF-8: other readers refuse or misread this line.",
    example=Example(
        _lone_prompt("How do I whistle with two fingers?", lambda line: line[:-1] + b', "lang": "en"}'),
        not_this=_lone_prompt("How do I whistle with two fingers?"),
        at=None,
    ),
    concerns=Concerns.RECORD,
)
LINE_FORMAT = Rule(
    f"{NAME}/line_format",
    "Byte order mark, CRLF line ends or blank lines",
    NOTE,
    "JSON Lines are UTF-8 without a byte order mark, end lines in LF, and have one record a line.",
    example=Example(
        _lone_prompt("What is the opposite of a picnic?", lambda line: b"\n" + line),
        not_this=_lone_prompt("What is the opposite of a picnic?"),
        at=None,
    ),
    concerns=Concerns.RECORD,
)
_BIRDS = [
    {"role": "user", "content": "Which bird sings at night?"},
    {"role": "assistant", "content": "The nightingale does."},
]
UNREAD_TEXT = Rule(
    f"{NAME}/unread_text",
    "Field with text was not read",
    WARNING,
    "Copy the table of the format (`chataudit formats NAME`) into [format], and name the field there: in the setting "
    "that reads it, or under `others` if it belongs to no message. No check has seen this text, and messages that "
    "differ only in it look like copies.",
    example=Example(
        records({"messages": _BIRDS, "critique": "It is only one of several birds that do."}),
        not_this=records({"messages": _BIRDS, "topic": "ornithology"}),
        at=None,
    ),
    strict=Action.KEEP,
    concerns=Concerns.SOURCE,
)
