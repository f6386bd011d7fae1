"""Replies that answer nothing: what their words say, and whether the prompt asked for no more."""

import re
from enum import StrEnum
from functools import cached_property

from .mash import is_mash
from .phrases import Phrases, phrases_for, plain, words

MAX_WORDS = 18  # of a reply that is read for its phrases
MAX_LETTERS = 27  # of such a reply in a script without spaces
MAX_CHARS = 200  # of a prompt, for its language
MAX_TOKENS = 40  # of a reply that is looked at; contractions and addresses have several
MAX_COMPLETE = 20  # tokens of a reply that may be all that its prompt asks for
LONGEST = 1000  # code points of a reply that is read for its phrases
MAX_LEFT = 0.2  # share of words that no phrase has, nor the prompt
MAX_OF_PROMPT = 0.5  # share of words that only the prompt has
MIN_PROMPT = 8  # words of a prompt that asks for something without a question mark
MAX_SINGLE = 60  # words of a prompt that one word cannot answer; a longer one has data that it is about
NEAR = 25  # code points from "say" to the words that should be said
MAX_PROMPT = 600  # code points of a prompt's beginning and of its end that are searched
LAST = 80  # code points in which a prompt ends

_LINK = re.compile(
    r"<?\b(?:https?://|www\.)\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|edu|gov|de|fr|ru|cn|it|es|br|pt)\b(?:/\S*)?",
    re.IGNORECASE,
)
_EMPTY_ITEM = re.compile(r"\n[ \t]*(?:\d{1,2}[.):、．]?|[-*•–])[ \t]*$")
_ITEM = re.compile(r"(?m)^[ \t]*(?:\d{1,2}(?:[.)][ \t]|[、．])|[-*•–][ \t])[ \t]*\S")
_SIGNS = re.compile(r"[\s.…?!¿¡_~*'\"()\-\u200d\ufe0f\u20e3\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]+")
_SENTENCE = re.compile(r"[.!?]+(?=\s|$|[\u3400-\u9fff])|。+|\n+")
_QUOTED = re.compile(r"[\"“”«»„「」『』:：]|(?<!\w)'|'(?!\w)")
_ONE_WORD = re.compile(r"[^\w#<]{0,2}[^\W\d_]{2,}[^\w>]{0,3}")
# A question, or words behind a colon: the reply says more than its phrases.
_MORE = re.compile(r"[?？]|[:：]\s*\w+\W+\w+\W+\w+|[:：]\s*[\u3400-\u9fff]{6}")


class Kind(StrEnum):
    """What a reply does instead of answering."""

    UNSURE = "says only that it does not know"
    ELSEWHERE = "only sends the reader elsewhere"
    PROMISE = "announces an answer and ends"
    BEFORE = "only refers to something earlier"
    POLITE = "only courtesies"
    COMMENT = "only a comment"
    WORD = "one word where more was asked for"
    LINK = "only a link"
    SIGNS = "only emoji or punctuation"
    MASH = "keyboard mashing"
    ECHO = "only repeats the prompt"
    LIST = "unfinished list"


def kind_of(reply: str, prompt: str, tag: str | None) -> Kind | None:
    """Return what a reply does instead of answering its prompt; None: it may be an answer.

    Parameters
    ----------
    reply, prompt : str
        Both as written.
    tag : str, optional
        The declared language.
    """
    text = reply.strip()
    if _EMPTY_ITEM.search(text) and len(_ITEM.findall(text)) <= 2:
        return Kind.LIST
    said = plain(text)
    some = phrases_for(tag, f"{text}\n{prompt[:MAX_CHARS]}")
    request = Request(prompt, some)
    if not re.search(r"\w", text):
        is_asked = some and request.is_made and not request.wants("signs")
        return Kind.SIGNS if is_asked and _SIGNS.fullmatch(text) else None
    if is_mash(said):
        return None if request.wants("keys") or said in request.text else Kind.MASH
    if some and text[:1].casefold() == prompt.lstrip()[:1].casefold() and request.is_repeated_by(said):
        return Kind.ECHO
    if len(text) > LONGEST:
        return None
    return next((kind for each in some if (kind := Said(said, request, each).kind) is not None), None)


def asks_for_little(prompt: str, tag: str | None, *, is_sure: bool) -> bool:
    """Whether a prompt asks for a few words: surely, or as far as its phrases show; in other languages, who knows."""
    request = Request(prompt, phrases_for(tag, prompt[:MAX_CHARS]))
    return request.wants("short") or (not is_sure and not request.is_open)


class Request:
    """What a prompt asks for."""

    def __init__(self, prompt: str, some: list[Phrases]) -> None:
        self._prompt, self._some = prompt, some

    @cached_property
    def text(self) -> str:
        """Its beginning and its end in plain form."""
        prompt = self._prompt
        return plain(prompt if len(prompt) <= 2 * MAX_PROMPT else f"{prompt[:MAX_PROMPT]}\n{prompt[-MAX_PROMPT:]}")

    def wants(self, field: str) -> bool:
        """Whether it has a phrase of a field, in one of its languages."""
        return any(each.has(field, self.text) for each in self._some)

    @cached_property
    def n_words(self) -> int:
        """Number of words; of a script without spaces, a third of its letters."""
        is_spaced = not self._some or self._some[0].is_spaced
        return len(words(self.text, is_spaced)) // (1 if is_spaced else 3)

    @property
    def is_open(self) -> bool:
        """Whether it asks for more than a few words."""
        return (
            self.wants("open")
            and self.n_words <= MAX_SINGLE
            and not any(self.wants(field) for field in ("short", "says", "choice"))
        )

    @cached_property
    def is_asked(self) -> bool:
        """Whether it asks for something in so many words."""
        return self.wants("open") or self.wants("short") or re.search(r"[?？]", self.text) is not None

    @property
    def is_made(self) -> bool:
        """Whether it is long enough to ask for something, or does."""
        return self.n_words >= MIN_PROMPT or self.is_asked

    @property
    def is_courtesy(self) -> bool:
        """Whether it ends in thanks or greetings, which courtesies answer."""
        end = self.text[-LAST:]
        return any(each.has("polite", each.without("please", end)) for each in self._some)

    @property
    def is_scripted(self) -> bool:
        """Whether it has the words that a reply should say."""
        places = [place for each in self._some for place in each.places("says", self.text)]
        return any(_QUOTED.search(self.text[end : end + NEAR]) for _, end in places)

    def quotes(self, field: str) -> bool:
        """Whether a phrase of a field is between quotation marks."""
        places = [start for each in self._some for start, _ in each.places(field, self.text)]
        return any(start and _QUOTED.match(self.text, start - 1) for start in places)

    def is_repeated_by(self, said: str) -> bool:
        """Whether a reply in plain form is its first sentences, or all of it."""
        is_spaced = self._some[0].is_spaced
        own = [said[a:b] for a, b in words(said, is_spaced)]
        places = words(self.text, is_spaced)[: len(own)]
        if len(own) < (3 if is_spaced else 6) or [self.text[a:b] for a, b in places] != own:
            return False
        rest = self.text[places[-1][1] :].lstrip(" \"'”»)")
        is_asked = any(each.has("says", rest) and not each.has("open", rest) for each in self._some)
        return not re.search(r"\w", rest) or (_SENTENCE.match(rest) is not None and not is_asked)


class Said:
    """A short reply in plain form, read in one language."""

    def __init__(self, text: str, request: Request, phrases: Phrases) -> None:
        self.bare, self._n_links = _LINK.subn(" ", text) if "." in text[:-1] or "://" in text else (text, 0)
        self._request, self._phrases = request, phrases
        self._size = 1 if phrases.is_spaced else 3  # letters of a word

    @cached_property
    def n(self) -> float:
        """Number of words."""
        return len(words(self.bare, self._phrases.is_spaced)) / self._size

    @property
    def kind(self) -> Kind | None:
        """What it does instead of answering."""
        if self.n * self._size > (MAX_WORDS if self._phrases.is_spaced else MAX_LETTERS):
            return None
        left = [self.bare[a:b] for a, b in self._phrases.uncovered(self.bare)]
        if self._n_links:
            return Kind.LINK if not left and not self._request.wants("links") else None
        is_word = self.n <= 1 and _ONE_WORD.fullmatch(self.bare) and self._request.is_open
        kind = Kind.WORD if is_word else None
        has_more = len(left) > MAX_OF_PROMPT * self.n * self._size or _MORE.search(self.bare) or self._has("reason")
        if not has_more:
            kind = self._with_more(left) or self._referring(left) or self._without_more(left) or kind
        return None if kind and self._request.is_scripted else kind

    def _has(self, field: str) -> bool:
        return self._phrases.has(field, self.bare)

    def _with_more(self, left: list[str]) -> Kind | None:
        """Return the kind of a reply that may take up words of its prompt."""
        request = self._request
        is_unsure, is_given = self._has("unsure"), self._has("gives")
        if not (is_unsure or is_given):
            return None
        stems = {request.text[a:b][:5] for a, b in words(request.text, self._phrases.is_spaced)}
        new = [word for word in left if word[:5] not in stems]
        if len(new) > MAX_LEFT * self.n * self._size:
            return None
        if any(map(str.isdigit, new)):
            return None
        if is_unsure and request.is_asked and not request.quotes("unsure"):
            return Kind.UNSURE
        is_given = is_given and not request.is_courtesy and not self._has("welcome")
        if is_given and (self.bare.endswith((":", "：")) or (request.wants("open") and not request.wants("ready"))):
            return Kind.PROMISE
        return None

    def _referring(self, left: list[str]) -> Kind | None:
        """Return the kind of a reply that refers to something else."""
        request = self._request
        n_left = len(left) if self._phrases.is_spaced else 2 * len(left)
        if n_left > MAX_LEFT * self.n * self._size or (request.is_courtesy and self._has("polite")):
            return None
        seeks = self._phrases.places("seek", self.bare)
        is_order = seeks and (self._has("place") or seeks[0][0] <= NEAR // 3)
        is_new = not any(self.bare[a:b] in request.text for a, b in seeks)
        names = 1.5 < self.n <= 6 and self._has("web") and not request.wants("links")
        if self._has("before") and not left:
            return Kind.BEFORE
        is_away = self.n > 1 and ((is_order and is_new) or names)
        return Kind.ELSEWHERE if is_away and request.is_asked else None

    def _without_more(self, left: list[str]) -> Kind | None:
        """Return the kind of a reply that has nothing but phrases."""
        request = self._request
        if not all(word.isdigit() and self._has("service") for word in left):
            return None
        is_canned = len(self._phrases.places("service", self.bare)) > 1 and self.n > 3
        is_courteous = (self._has("polite") or self._has("service")) and request.is_made and not request.wants("says")
        if (is_courteous or (is_canned and not request.wants("service"))) and not request.is_courtesy:
            return Kind.POLITE
        return Kind.COMMENT if self.n > 1 and request.is_open and self._has("comment") else None
