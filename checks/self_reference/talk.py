"""A reply as the grammars read it, and what was said before it."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from ..base.messages import Batch
from .anchors import PROMPT, Anchored, anchored, lowered
from .interface import remains
from .names import Name, named
from .passage import Passage
from .refusals import says_it_cannot
from .speech import MAX_GREETING, Grammar, Spelt, claims_name, disclaims, grammar, limits_knowledge
from .tongues import TONGUES, tongue_of

MAX_ANCESTORS = 20
MAX_NEAR = 160  # characters around a name in which its sentence speaks in the first person
FIRST_PERSON = (
    " i ", "i'm", " my ", " me", " im ", "i've", "i, ", "\ni ", '"i ', "(i ", " here", "talking", "speaking",
    "chatting", "glad to", "happy to", "name",
)  # fmt: skip
CHATS = ("Claude", "Bard", "Gemini", "Grok", "Copilot", "Bing Chat", "Mistral")  # whose windows have their name


class Above:
    """What was said before the messages of a batch."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._makers: dict[int, frozenset[str]] = {}

    def prompt(self, row: int) -> str:
        """Return the text above a message, in lower case."""
        parent = int(self._batch.parent[row])
        if parent < 0:
            return ""
        return str(lowered(self._batch.column("text").slice(parent, 1).fill_null(""))[0].as_py())

    def makers(self, row: int) -> frozenset[str]:
        """Return the makers of all models that are named above a message."""
        named_above: frozenset[str] = frozenset()
        for _ in range(MAX_ANCESTORS):
            row = int(self._batch.parent[row])
            if row < 0:
                break
            if row not in self._makers:
                at = next(anchored(self._batch.column("text").slice(row, 1).fill_null(""), PROMPT), None)
                found = () if at is None else (named(at.text, *place) for place in at.names)
                self._makers[row] = frozenset(name[0].maker for name in found if name is not None)
            named_above |= self._makers[row]
        return named_above


class Talk:
    """A reply with anchors, and what was said before it."""

    def __init__(self, above: Above, row: int, lang: str | None, at: Anchored) -> None:
        self._above, self._row, self.at = above, row, at
        self.passage = Passage(at.text)
        self.grammars = [grammar(code) for code in tongues_of(lang, at.text)]

    @cached_property
    def _spelt(self) -> list[Spelt]:
        """The names in the text: where each begins, what it is, and where it ends."""
        found = ((start, named(self.passage.text, start, end)) for start, end in self.at.names)
        return [(start, *name) for start, name in found if name is not None]

    def identities(self, own_names: Sequence[str]) -> Iterator[tuple[int, int, Name]]:
        """Yield the names that the text says are its author's or its author's maker's, each once.

        Names that a message above has are left out: it sets a persona, or asks about the model.
        """
        own = {name.casefold() for name in own_names}
        seen: set[Name] = set()
        for spelt in self._spelt:
            start, name, end = spelt
            if name in seen or {name.model.casefold(), name.maker.casefold()} & own:
                continue
            if not self._is_first_person(start, end):
                continue
            first, last = self.passage.sentence(start, end)
            others = [other for other in self._spelt if first <= other[0] < last and other[0] != start]
            if (
                any(claims_name(self.passage, grams, spelt, others) for grams in self.grammars)
                and not self.passage.is_cited(start, end)
                and not self.passage.is_dialogue
                and name.maker not in self._above.makers(self._row)
            ):
                seen.add(name)
                yield first, last, name

    def _is_first_person(self, start: int, end: int) -> bool:
        """Whether the words around a place speak in the first person: most do not."""
        text = self.passage.text
        if start <= MAX_GREETING:
            return True
        left, right = max(0, start - MAX_NEAR), min(len(text), end + MAX_NEAR)
        if len(self.grammars) == 1:  # English, where a look for a few letters is quicker than a pattern
            around = f" {text[left:right]}"
            return any(mark in around for mark in FIRST_PERSON)
        return any(grams.drops_pronoun or grams.first.search(text, left, right) for grams in self.grammars)

    def disclaimers(self) -> Iterator[tuple[int, int]]:
        """Yield the places where the text says that its author is an AI."""
        return self._said(self.at.agents, disclaims)

    def limits(self) -> Iterator[tuple[int, int]]:
        """Yield the places where the text says how far its author's knowledge goes."""
        return self._said(self.at.knowledge, limits_knowledge)

    def _said(
        self, anchors: list[int], says: Callable[[Passage, Grammar, int], tuple[int, int] | None]
    ) -> Iterator[tuple[int, int]]:
        """Yield what a grammar finds around these places, but for quotations, dialogues and what was asked for."""
        done = 0
        for at in anchors:
            if at < done:
                continue
            for grams in self.grammars:
                place = says(self.passage, grams, at)
                if place is not None:
                    done = place[1]
                    if not (self.passage.is_cited(*place) or self.passage.is_dialogue or self.is_asked):
                        yield place
                    break

    def refusal(self) -> tuple[int, int] | None:
        """Return where the text refuses; None: it does not."""
        if not self.at.cannot:
            return None
        return next(filter(None, (says_it_cannot(self.passage, grams) for grams in self.grammars)), None)

    def remains(self) -> Iterator[tuple[int, int, str]]:
        """Yield what is left of a chat window: places, and which part of the window it is."""
        models = [
            (start, end) for start, name, end in self._spelt if name.model and (name.is_sure or name.model in CHATS)
        ]
        return remains(self.passage, self.at.lines, self.at.marks, models)

    @property
    def may_lecture(self) -> bool:
        """Whether it is in English, and has a topic of moral lectures."""
        return bool(self.at.topics) and self.grammars[0].code == "en"

    @cached_property
    def is_asked(self) -> bool:
        """Whether the prompt asks who or what the assistant is."""
        prompt = self._above.prompt(self._row)
        return any(grams.asks.search(prompt) for grams in self.grammars)


_ENGLISH = (" the ", " and ", " is ", " to ", " of ", " you ", " a ", "i am ", "i'm ")
_BY_SCRIPT = {
    "ru uk bg": ("\u0400", "\u052f"),
    "ar fa": ("\u0600", "\u06ff"),
    "he": ("\u0590", "\u05ff"),
    "el": ("\u0370", "\u03ff"),
    "th": ("\u0e00", "\u0e7f"),
    "bn": ("\u0980", "\u09ff"),
    "ko": ("\uac00", "\ud7af"),
    "ja": ("\u3040", "\u30ff"),
    "zh": ("\u4e00", "\u9fff"),
}
_LATIN: tuple[str, ...] = tuple(code for code in TONGUES if all(code not in codes.split() for codes in _BY_SCRIPT))


def tongues_of(lang: str | None, text: str) -> tuple[str, ...]:
    """Return the languages whose grammars a text is read with: its own and English."""
    code = tongue_of(lang)
    if code is not None:
        return (code,) if code == "en" else (code, "en")
    start = text[:600]
    if start.isascii() and sum(word in start for word in _ENGLISH) >= 2:
        return ("en",)
    for codes, (low, high) in _BY_SCRIPT.items():
        if sum(low <= char <= high for char in start) * 8 > len(start):
            return (*codes.split(), "en")
    return _LATIN
