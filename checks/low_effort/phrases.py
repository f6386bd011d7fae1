"""Phrases of replies that answer nothing, and what prompts ask for; the forms of each language are in phrases.toml."""

import re
import tomllib
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from ..base.text.languages import base

UNSPACED = frozenset({"zh"})
_BY_SCRIPT = {re.compile(r"[\u3400-\u9fff]"): "zh", re.compile(r"[\u0400-\u04ff]"): "ru"}
_WORD, _LETTER = re.compile(r"\w+"), re.compile(r"\w")
_LATIN = ("en", "de", "es", "fr", "it", "pt")
_MARKS = re.compile("[\u0300-\u036f]+")
_QUOTES = str.maketrans("\u2018\u2019\u02bc\u00b4`", "'" * 5)


class Forms(NamedTuple):
    """The phrases of one language, as fragments of regular expressions."""

    # Of replies.
    unsure: str  # "I don't know", "no idea"
    before: str  # "see above", "as I said"
    gives: str  # "I'll", "here is": an answer is announced
    polite: str  # greetings, wishes, thanks, apologies
    service: str  # of call centres and automatic replies
    seek: str  # "look up", "ask", "google it"
    place: str  # "Wikipedia", "the internet"
    work: str  # "explain", "list", "story": what is announced
    comment: str  # "good", "ok", "interesting"
    filler: str  # words without content
    # Of prompts.
    open: str  # more than a few words are asked for
    short: str  # a word, a number or a choice is asked for
    says: str  # the words of the reply are given, or its part in a play
    links: str  # an address, a place to look at
    signs: str  # emoji, symbols, letters in any order
    keys: str  # letters in any order, passwords
    choice: str  # "or"
    ready: str  # "ready", "wait": a promise is all that is asked for
    please: str  # courtesies that come with any request
    # Of replies that say more than their phrases, or that answer a courtesy.
    reason: str  # "because", "but", "provide"
    welcome: str  # "you're welcome"
    web: str  # names of search engines and encyclopedias, of `place`


ANCHORS = ("unsure", "before", "gives", "polite", "service", "seek", "place")
COVERS = (*ANCHORS, "work", "comment", "filler")
_COVER = "any of COVERS"


class Phrases:
    """The phrases of one language, ready to be searched for."""

    def __init__(self, code: str, forms: Forms) -> None:
        self.is_spaced = code not in UNSPACED
        self._fragments = {name: list(alternatives(plain(getattr(forms, name)))) for name in Forms._fields}
        self.common = frozenset(filter(str.isalpha, self._fragments["filler"]))
        self._patterns: dict[str, re.Pattern[str]] = {}

    def _pattern(self, name: str) -> re.Pattern[str]:
        # Compiled at first use: most replies need few of them, and all of a language take a tenth of a second.
        if name not in self._patterns:
            fields = COVERS if name == _COVER else (name,)
            self._patterns[name] = _compiled([each for f in fields for each in self._fragments[f]], self.is_spaced)
        return self._patterns[name]

    def has(self, name: str, text: str) -> bool:
        """Whether a text in plain form contains a phrase of this field."""
        return self._pattern(name).search(text) is not None

    def places(self, name: str, text: str) -> list[tuple[int, int]]:
        """Return where a text in plain form has phrases of this field."""
        return [found.span() for found in self._pattern(name).finditer(text)]

    def without(self, name: str, text: str) -> str:
        """Return a text in plain form with blanks in place of phrases of this field."""
        return self._pattern(name).sub(" ", text)

    def uncovered(self, text: str) -> list[tuple[int, int]]:
        """Return the words of a text in plain form, as `[start, end)`, that are in no phrase of a reply."""
        left = words(text, self.is_spaced)
        most = len(left) // 2
        # One phrase may hide another that overlaps it, so what the first pass leaves is looked for field by field.
        for name in (_COVER, *COVERS):
            if left:
                covered = self.places(name, text)
                left = [(a, b) for a, b in left if not any(first <= a and b <= end for first, end in covered)]
            if len(left) > most:
                break
        return left


def _compiled(fragments: list[str], is_spaced: bool) -> re.Pattern[str]:
    if not is_spaced:
        return re.compile("|".join(sorted(fragments, key=len, reverse=True)))
    # Grouped by their first letter, most alternatives are not even tried.
    groups: dict[str, list[str]] = defaultdict(list)
    for each in fragments:
        is_literal = each[0].isalnum() and each[1:2] not in ("?", "*", "+", "{")
        groups[each[0] if is_literal else ""].append(each[1:] if is_literal else each)
    joined = "|".join(f"{first}(?:{'|'.join(some)})" for first, some in groups.items())
    return re.compile(rf"(?<!\w)(?:{joined})(?:(?<=')|(?!\w))")


def words(text: str, is_spaced: bool) -> list[tuple[int, int]]:
    """Return where the words of a text are; of one without spaces, where its letters are."""
    return [found.span() for found in (_WORD if is_spaced else _LETTER).finditer(text)]


def plain(text: str) -> str:
    """Return a text in lower case, without accents and with straight apostrophes."""
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.translate(_QUOTES).casefold()))


def alternatives(fragment: str) -> Iterator[str]:
    """Yield the alternatives of a regular expression: the parts between bars outside of brackets."""
    depth = start = 0
    for found in re.finditer(r"\\.|\[[^\]]*\]|[()|]", fragment):
        depth += (found[0] == "(") - (found[0] == ")")
        if found[0] == "|" and not depth:
            yield fragment[start : found.start()]
            start = found.end()
    yield fragment[start:]


@cache
def _forms() -> dict[str, Forms]:
    read = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {code: Forms(**forms) for code, forms in read.items()}


@cache
def _phrases(code: str) -> Phrases:
    return Phrases(code, _forms()[code])


def phrases_for(tag: str | None, text: str) -> list[Phrases]:
    """Return the phrases of the languages that a text may be in: the declared one and English, or by its script."""
    code = base(tag) if tag else None
    if code is not None and code not in _forms():
        return []
    for script, own in _BY_SCRIPT.items():
        if script.search(text):
            return [_phrases(own)] if code in (own, None) else []
    if code is not None:
        return [_phrases(each) for each in dict.fromkeys((code, "en"))]
    said = _WORD.findall(plain(text))
    return [max(map(_phrases, _LATIN), key=lambda each: len(each.common.intersection(said)))]
