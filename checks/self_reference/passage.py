"""One text as the grammars read it: in lower case, its sentences, and what of it is quoted or code."""

import re
from collections import Counter
from functools import cached_property

MAX_SENTENCE = 300  # characters on either side of a word that are taken for its sentence

_ENDS = (". ", "! ", "? ", '." ', '!" ', '?" ', ".) ", "\n", "。", "！", "？", "।", "؟", "…")  # of sentences
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
_QUOTED = re.compile(
    r"\"[^\"\n]{2,600}\"|“[^”\n]{2,600}[”\"]|„[^“”\"\n]{2,600}[“”\"]|«[^»\n]{2,600}»|»[^«\n]{2,600}«|"
    r"「[^」]{2,600}」|『[^』]{2,600}』"
    r"|^>[^\n]*$|(?<!\w)'(?=\S)(?:[^'\n]|(?<=\w)'(?=\w)){2,300}(?<=\S)'(?!\w)",
    re.MULTILINE,
)
_SPEAKER = re.compile(r"^[ \t>*_-]*([^\W\d][\w .'-]{0,30})[*_]*:[*_]*[ \t]+\S", re.MULTILINE)


class Passage:
    """A text, in lower case and with straight apostrophes; offsets are those of the text itself."""

    def __init__(self, text: str) -> None:
        self.text = text

    def sentence(self, start: int, end: int) -> tuple[int, int]:
        """Return the sentence around `[start, end)`, as a place in the text."""
        left, right, text = max(0, start - MAX_SENTENCE), min(len(self.text), end + MAX_SENTENCE), self.text
        firsts = [at + len(mark) for mark in _ENDS if (at := text.rfind(mark, left, start)) >= 0]
        lasts = [
            at + len(mark.rstrip(" ")) for mark in _ENDS if (at := text.find(mark, max(start, end - 1), right)) >= 0
        ]
        return max(firsts, default=left), min(lasts, default=right)

    @cached_property
    def _code(self) -> list[tuple[int, int]]:
        return [match.span() for match in _CODE.finditer(self.text)]

    @cached_property
    def _cited(self) -> list[tuple[int, int]]:
        return [*self._code, *(match.span() for match in _QUOTED.finditer(self.text))]

    def is_code(self, at: int) -> bool:
        """Whether a place is within code."""
        return any(start <= at < end for start, end in self._code)

    def is_cited(self, start: int, end: int) -> bool:
        """Whether a place is within code or a quotation; a text that is quoted as a whole is not."""
        return any(a <= start < b and (a > 0 or b < len(self.text.rstrip())) for a, b in self._cited)

    @cached_property
    def is_dialogue(self) -> bool:
        """Whether two speakers take turns in it: lines that begin with two names, each more than once."""
        return sum(n > 1 for n in Counter(_SPEAKER.findall(self.text)).values()) > 1
