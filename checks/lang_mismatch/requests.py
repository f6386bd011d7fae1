"""Requests for a language in prompts: by its name, or for a translation."""

import re
import unicodedata
from functools import cache

from ..base.text.languages import names

_WORDS = re.compile(r"[\W_]+|(?<=[\u0590-\uffff])(?=[a-z])")
_ARROW = re.compile(r"(?:->|→|⇒|=>)\s*([a-z]{2,3})\b")
_JOINED = re.compile(
    r"[\u0590-\u08ff\u0e00-\u0eff\u1100-\u11ff\u3040-\ud7ff]"
)  # scripts that join other words before or after it
# Other names of languages, and inflections that change the stem: suomi, suomeksi; němčina, německy.
_OTHER_NAMES = {
    "cs": "cesk",
    "de": "nemec",
    "es": "castellano castilla",
    "fa": "farsi",
    "fi": "suome",
    "nl": "holland голланд",
    "pl": "polsk",
    "ru": "rusk",
    "sv": "svensk",
    "zh": "mandarin мандарин cinsk",
}


class _Letters(dict[int, int | str | None]):
    """Characters without their accents; each is looked up once."""

    def __missing__(self, code: int) -> int | str | None:
        self[code] = None if unicodedata.category(chr(code))[0] == "M" else code
        return self[code]


# Unicode does not decompose these.
_LETTERS = _Letters(
    {ord(letter): plain for letter, plain in (("ł", "l"), ("ø", "o"), ("đ", "d"), ("æ", "ae"), ("ı", "i"))}
)

# Requests for a translation: parts of words, without accents.
_TRANSLATE = {
    "ar": "ترجم",
    "bg": "превед превежд превод",
    "bn": "অনুবাদ",
    "ca": "tradu",
    "cs": "preloz preklad",
    "da": "oversæt",
    "de": "ubersetz dolmetsch",
    "el": "μεταφρα",
    "en": "translat",
    "eo": "traduk",
    "es": "tradu",
    "eu": "itzul",
    "fa": "ترجم",
    "fi": "kaann",
    "fr": "tradui traduc",
    "gl": "tradu",
    "hi": "अनुवाद",
    "he": "תרגמ תרגם תרגום",
    "hu": "fordit",
    "id": "terjemah",
    "it": "tradu",
    "ja": "訳",
    "ko": "번역",
    "nl": "vertaal vertal",
    "no": "oversett omsett",
    "pl": "tłumacz przełoz",
    "pt": "tradu",
    "ro": "tradu",
    "ru": "перевед перевод перевест",
    "sk": "preloz preklad",
    "sv": "oversatt",
    "th": "แปล",
    "tr": "cevir tercume",
    "uk": "переклад переклас",
    "vi": "dich",
    "zh": "译 譯",
}


def asks_for(text: str, language: str, tongues: tuple[str, ...], *, translation: bool) -> bool:
    """Whether a text names a language, in one of these tongues or its own; or asks for a translation, into any.

    Names and verbs are matched by their beginnings, because they are inflected, and without case and accents, because
    people leave them out. That matches peoples and countries too, and more than requests: it is a reason to skip a
    message, and never one to report it.
    """
    words = _words(text)
    if any(stem in words for stem in _stems(language, tongues)):
        return True
    return translation and any(stem in words for tongue in tongues for stem in _translate(tongue))


def _plain(text: str) -> str:
    """Remove case, accents and vowel signs."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return folded if folded.isascii() else folded.translate(_LETTERS)


def _words(text: str) -> str:
    """Return the words of a text, each with a space before it, and the codes that arrows point at."""
    plain = _plain(text)
    return " " + " ".join(_WORDS.split(plain)) + " " + "".join(f" -> {code} " for code in _ARROW.findall(plain))


@cache
def _translate(tongue: str) -> tuple[str, ...]:
    return tuple(map(_plain, _TRANSLATE.get(tongue, "").split()))


@cache
def _stems(code: str, tongues: tuple[str, ...]) -> tuple[str, ...]:
    """Return the stems of a language's names, and its code after an arrow."""
    stems = [f" -> {code} "]
    for name in map(_plain, (*names(code, tongues), *_OTHER_NAMES.get(code, "").split())):
        if name.endswith(("语", "語", "文")):
            stems += [start + last for start in {name[:-1], name[0]} for last in "语語文"]
        elif " " in name:  # tieng anh
            stems.append(f" {name} ")
        elif name.isascii() or not _JOINED.match(name):
            stems.append(" " + name[:5])
        else:
            stems.append(name.removeprefix("ال")[:5])
    return tuple(stems)
