"""Requests for a language in prompts: by its name, or for a translation."""

import re
import unicodedata
from functools import cache, lru_cache

from ..base.text.languages import country_of, names

_WORDS = re.compile(r"[\W_]+|(?<=[\u0590-\uffff])(?=[a-z])")
_LANGUAGE = re.compile(
    r" (?:languages?|langues?|lenguas?|idiomas?|linguas?|llengues?|sprachen?|spraket?|sproget?|taal|kielella|nyelv\w*"
    r"|jezyk\w*|jazyk\w*|язык\w*|език\w*|мов\w{1,2}|limba|γλωσσα\w*|dil\w{0,4}|hizkuntza\w*|lingv\w*|bahasa) "
)
_STOPS = re.compile(r"[\n.,:;!?()\"“”„«»…。、，：；！？।]+")
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
    """Whether a text asks for a language, in one of these tongues, its own first; or for a translation, into any.

    A name of a language counts where it is no people and no country: in a frame ("in Spanish", "a Spanish poem"),
    alone ("Englisch, bitte"), or in a form that only languages have ("tiếng Anh", "İspanyolca"). Names and verbs are
    matched by their beginnings, because they are inflected, and without case and accents, because people leave them
    out.
    """
    words = _words(text)
    if f" -> {language} " in words or any(f" {stem}" in words for stem in _other_stems(language)):
        return True
    own, *others = tongues
    if any(_request(language, name, own).search(words) for name in _names(language, own)):
        return True
    # In the language of somebody: "dans la langue de mes beaux-parents polonais".
    if _LANGUAGE.search(words) and any(f" {name[:5]}" in words for name in _names(language, own)):
        return True
    # A name in another tongue than the text's is that of the language.
    if any(f" {name} " in words for tongue in others if tongue != own for name in _names(language, tongue)):
        return True
    return translation and any(stem in words for tongue in tongues for stem in _translate(tongue))


def _plain(text: str) -> str:
    """Remove case, accents and vowel signs."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return folded if folded.isascii() else folded.translate(_LETTERS)


@lru_cache(64)  # each message above a text is asked about several languages
def _words(text: str) -> str:
    """Return the words of a text, each with a space before it, commas for all stops, and the codes behind arrows."""
    plain = _plain(text)
    words = " , ".join(" ".join(_WORDS.split(piece)) for piece in _STOPS.split(plain))
    return f" {' '.join(words.split())} , " + "".join(f" -> {code} " for code in _ARROW.findall(plain))


@cache
def _translate(tongue: str) -> tuple[str, ...]:
    return tuple(map(_plain, _TRANSLATE.get(tongue, "").split()))


@cache
def _names(code: str, tongue: str) -> frozenset[str]:
    """Return the names of a language in one tongue and in its own."""
    return frozenset(map(_plain, names(code, (tongue,))))


@cache
def _other_stems(code: str) -> tuple[str, ...]:
    return tuple(_plain(stem)[:5] for stem in _OTHER_NAMES.get(code, "").split())


@cache
def _request(language: str, name: str, tongue: str) -> re.Pattern[str]:
    """Return the pattern of a request for a language by this name, in the words of a text in this tongue."""
    if name.endswith(("语", "語", "文")):
        return re.compile(f"(?:{re.escape(name[:-1])}|{re.escape(name[0])})[语語文]")
    # Beginnings of peoples and countries are shorter than those of languages: Italiener and Italienisch.
    stem = re.escape(name[: max(5, len(name) - 2)]) if len(name) > 4 else rf"{re.escape(name)}(?=\w{{0,2}} )"
    country = _plain(country_of(language, tongue))
    word = rf"(?!{re.escape(country)} ){stem}\w*" if country else rf"{stem}\w*"
    if tongue in _ENDINGS:  # misspelt as they may be
        word = rf"(?:{stem}|{re.escape(name[:4])}\w*{_ENDINGS[tongue]})\w*"
    if tongue in _BEFORE_NOUNS:  # as in "Spanish civil war"; a short word behind it is no noun
        before, nouns = _BEFORE_NOUNS[tongue]
        behind = rf"(?:, |\w{{1,3}} |\w*(?:{nouns})|{_NO_NOUNS})"
        alone = rf"| {re.escape(name[:4])}\w*[зсц]ькою " if tongue == "uk" else ""
        return re.compile(rf" (?:{before}) (?:(?:the|das|dem|den|het) )?{word}| {word} {behind}{alone}")
    if tongue in _BEHIND_NOUNS:  # as in "guerre civile espagnole"
        nouns, plural = _BEHIND_NOUNS[tongue]
        return re.compile(rf" (?:,|(?!(?:{plural}) )\w{{1,3}}|{nouns}) {word}")
    if tongue in _FORMS:
        bare = name.removeprefix("ال")
        return re.compile(
            _FORMS[tongue].format(
                name=re.escape(bare),
                stem=re.escape(bare[: max(4, len(bare) - 2)]),
                root=re.escape(bare[:4]),
                short=re.escape(bare[:3]),
            )
        )
    return re.compile(re.escape(name) if _JOINED.match(name) else f" {re.escape(name)}")


# Of languages: англичане are people, and Испания is a country.
_ENDINGS = {"ru": "[зсц]к", "uk": "[зсц]ьк", "bg": "[зсц]к"}
_NO_NOUNS = "please|with|that|this|from|into|when|bitte|oder|aber|und|noch|maar|alsjeblieft|tack|snalla"
# Tongues with adjectives before nouns: words before a name, and beginnings of nouns after it, that make it a language.
_BEFORE_NOUNS = {
    "bg": ("на|по|от", "език|стих|текст|дум|израз|изречен|писмо|превод"),
    "da": ("pa|til|fra|mit|dit", "sprog|tekst|digt|brev|ord|saetning|udgave|vise"),
    "de": (
        "auf|ins|im|aus dem",
        "sprach|gedicht|brief|text|satz|satze|wort|ubersetzung|version|lied|reim|aussprach",
    ),
    "en": (
        "in|into|to|from|speak|speaks|speaking|learn|learning|teach me|practise|practice|own",
        "poem|text|letter|mail|sentence|word|phrase|version|transl|languag|song|stor|essay|lyric|idiom|proverb|lesson"
        "|grammar|verb|equivalent|speak|tongue|rhyme|name for|pronunc|vocab|dialog",
    ),
    "nl": ("in|naar|uit het", "taal|tekst|gedicht|brief|zin|woord|vertaling|versie|lied"),
    "no": ("pa|til|fra|min|norsk", "sprak|tekst|dikt|brev|ord|setning|utgave|vise"),
    "pl": ("po|na|w|z|jezyk|jezyku|jezyka|moj", "jezyk|wiersz|tekst|list|slow|zdani|wersj|tlumacz"),
    "ru": ("на|по|с|мои|твои|учу|знаю|язык|языке", "язык|стих|текст|письм|слов|предложен|перевод|верси|скороговор"),
    "sv": ("pa|till|fran|min|om", "sprak|text|dikt|brev|ord|mening|version|oversattning|visa"),
    "uk": ("на|по|з|мою|моя|як", "мов|вірш|текст|лист|слов|речен|переклад|буде|сказати"),
}
# Tongues with adjectives behind nouns: nouns before a name that make it a language, and plural articles of peoples.
_BEHIND_NOUNS = {
    "ca": ("poema|text|carta|frase|paraula|paraules|llengua|versio|parlar|equivalent", "els|les|dels|uns"),
    "es": (
        "poema|texto|carta|frase|palabra|palabras|version|idioma|lengua|cancion|traduccion|equivalente|solo",
        "los|las|les",
    ),
    "fr": (
        "poeme|texte|lettre|phrase|mots?|version|langue|chanson|traduction|vers|equivalent|pratiquer",
        "les|des|roi|aux|ces",
    ),
    "gl": ("poema|texto|carta|frase|palabra|version|lingua|equivalente", "os|as|dos|das"),
    "it": (
        "poesia|testo|lettera|frase|parola|parole|versione|lingua|canzone|traduzione|equivalente|allo|dallo|all|dall",
        "gli|i|dei",
    ),
    "pt": (
        "poema|texto|carta|frase|palavra|palavras|versao|lingua|idioma|traducao|para|equivalente",
        "os|as|dos|das|aos",
    ),
    "ro": ("poezie|text|scrisoare|cuvant|versiune|limba|traducere", "pe|ai"),
}
# Tongues in which a form of the name, or a word beside it, is the language.
_FORMS = {
    "ar": r"ب(?:ال)?{stem}| (?:اللغه|لغه|اللغة|لغة|للغة|الى) (?:ال)?{stem}| لل{stem}|الى ال{stem}",
    "bn": r"{stem}\w*(?:ত|য়) | {stem}\w* (?:ভষ|অনব)",
    "cs": r" {short}\w*(?:[tc]?in\w{{1,3}}|[sc]?ky) ",
    "el": r" {name}",
    "eo": r" (?:en|al) la {stem}| {stem}\w*(?:e|lingv\w*) ",
    "eu": r" {stem}\w*(?:z|era|rako) | {stem}\w* (?:hizkuntz|hitz|testu)",
    "fa": r" (?:به|زبان) {stem}| {stem}\w* (?:زبان|بنویس|ترجمه)",
    "fi": r" {root}\w*(?:ksi|kiel\w*) | {root}\w* (?:kiel|runo|teksti|sana|lause)",
    "he": r" [בלמ]{stem}| (?:שפה|בשפה|השפה) (?:ה)?{stem}",
    "hi": r"{stem}\w* (?:म|भष|अनवद)",
    "hu": r" {root}\w*(?:ul|ra|re|rol|tudas\w*) | {root}\w* (?:nyelv|vers|szoveg|level|szo|mondat)",
    "id": r" (?:bahasa|dalam|ke) {stem}",
    "sk": r" {short}\w*(?:[tc]?in\w{{1,3}}|[sc]?ky) ",
    "th": "ภาษา{stem}",
    "tr": r" {name}",
}
