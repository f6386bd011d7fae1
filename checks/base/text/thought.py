"""Reasoning that is written into an answer, between marks at its start."""

import re
from typing import NamedTuple

# In lower case: with the closing mark of each. Of DeepSeek, Qwen, Seed and most others; of Sky-T1; of Mistral; of Kimi.
_MARKS = {f"<{tag}>": f"</{tag}>" for tag in ("think", "thinking", "thought", "reasoning", "seed:think")} | {
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "[think]": "[/think]",
    "◁think▷": "◁/think▷",
}
_OPENING = re.compile(r"\s*(" + "|".join(map(re.escape, _MARKS)) + ")", re.IGNORECASE)


class Thought(NamedTuple):
    """The reasoning at the start of a text, and where the answer begins; None: it is never closed."""

    text: str
    end: int | None


def thought_in(text: str) -> Thought | None:
    """Return the reasoning at the start of a text; None if there is none."""
    opening = _OPENING.match(text)
    if opening is None:
        return None
    closing = re.compile(re.escape(_MARKS[opening[1].lower()]), re.IGNORECASE).search(text, opening.end())
    if closing is None:
        return Thought(text[opening.end() :].strip(), None)
    return Thought(text[opening.end() : closing.start()].strip(), closing.end())
