"""Languages by code: which codes are one language, which languages are close, and the scripts that they use."""

import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
import numpy.typing as npt

from ..kernels.layout import N_SCRIPTS

LATIN, CYRILLIC, GREEK, HEBREW, ARABIC, BENGALI, THAI, KANA, HAN, HANGUL, DEVANAGARI, OTHER = range(1, 13)
assert OTHER < N_SCRIPTS

# Letters by blocks, from Blocks.txt of Unicode 17.0; a letter of no block here is of another script.
_BLOCKS = {
    LATIN: ((0x0041, 0x024F), (0x0250, 0x02AF), (0x1E00, 0x1EFF), (0x2C60, 0x2C7F), (0xA720, 0xA7FF), (0xFF21, 0xFF5A)),
    CYRILLIC: ((0x0400, 0x052F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    GREEK: ((0x0370, 0x03FF), (0x1F00, 0x1FFF)),
    HEBREW: ((0x0590, 0x05FF), (0xFB1D, 0xFB4F)),
    ARABIC: ((0x0600, 0x06FF), (0x0750, 0x077F), (0x0870, 0x08FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE)),
    BENGALI: ((0x0980, 0x09FF),),
    THAI: ((0x0E00, 0x0E7F),),
    KANA: ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    HAN: ((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)),
    HANGUL: ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    DEVANAGARI: ((0x0900, 0x097F), (0xA8E0, 0xA8FF)),
}

SCRIPTS = {
    "Latn": (LATIN,),
    "Cyrl": (CYRILLIC,),
    "Grek": (GREEK,),
    "Hebr": (HEBREW,),
    "Arab": (ARABIC,),
    "Beng": (BENGALI,),
    "Thai": (THAI,),
    "Deva": (DEVANAGARI,),
    "Jpan": (KANA, HAN),
    "Hans": (HAN,),
    "Hant": (HAN,),
    "Kore": (HANGUL,),
}
"""Scripts by ISO 15924, as Unicode's likely subtags have it."""

_TWO_SCRIPTS = {
    "sr": (CYRILLIC, LATIN),
    **dict.fromkeys(("uz", "bs", "az"), (LATIN, CYRILLIC)),
    **dict.fromkeys(("ku", "ckb", "sdh", "kmr"), (LATIN, ARABIC)),
}

SCRIPT_DECIDES = {"el": GREEK, "he": HEBREW, "bn": BENGALI, "th": THAI, "ja": KANA, "zh": HAN, "ko": HANGUL}
"""Languages that are recognised by their script alone, where a text has enough of it."""

WEIGHTS = np.ones(N_SCRIPTS, dtype=np.float32)
"""The evidence that a letter of each script carries, in letters of Latin script: a Han character carries more, and
Arabic and Hebrew write no vowels."""
WEIGHTS[[HAN, KANA, HANGUL, ARABIC, HEBREW]] = 3, 2.5, 2.5, 1.2, 1.2

# Codes that detectors or data sets use for what people call one language.
_SAME = {
    **dict.fromkeys(("nb", "nn"), "no"),
    **dict.fromkeys(("cmn", "yue", "wuu", "lzh", "hak", "nan"), "zh"),
    **dict.fromkeys(("arz", "ary", "arb", "apc", "acm"), "ar"),
    **dict.fromkeys(("fil",), "tl"),
    **dict.fromkeys(("uzs", "uzn"), "uz"),
    **dict.fromkeys(("sh",), "sr"),
    **dict.fromkeys(("pes", "prs"), "fa"),
    **dict.fromkeys(("zsm",), "ms"),
    **dict.fromkeys(("ekk",), "et"),
    **dict.fromkeys(("lvs",), "lv"),
    **dict.fromkeys(("quy", "quz"), "qu"),
    **dict.fromkeys(("pbt", "pbu", "pst"), "ps"),
}

# Languages that people and detectors easily confuse.
_KIN = (
    frozenset(("no", "da", "sv", "fo")),
    frozenset(("pt", "gl", "es", "ca", "oc", "an", "ast", "ext")),
    frozenset(("it", "vec", "lij", "scn", "nap", "lmo", "pms")),
    frozenset(("fr", "oc", "wa")),
    frozenset(("id", "ms", "jv", "su", "min", "ace")),
    frozenset(("cs", "sk")),
    frozenset(("ru", "uk", "be", "bg", "mk", "sr")),
    frozenset(("hr", "sr", "bs", "sl")),
    frozenset(("fa", "ar", "ur", "ps", "ckb", "sdh")),
    frozenset(("ku", "ckb", "sdh", "kmr")),
    frozenset(("en", "pcm", "sco")),
    frozenset(("nl", "af", "fy")),
    frozenset(("de", "lb", "nds", "gsw", "bar")),
    frozenset(("tr", "az", "crh", "tk")),
    frozenset(("fi", "et")),
    frozenset(("hi", "mr", "ne", "sa", "bho", "gom")),
    frozenset(("ga", "gd")),
    frozenset(("lv", "ltg")),
)
# So close that a text of some hundred letters may be either.
_ONE = (frozenset(("id", "ms")), frozenset(("hr", "sr", "bs")), frozenset(("ku", "ckb", "sdh", "kmr")))
_SLAVIC = frozenset(["ru", "uk", "be", "bg", "mk", "sr", "hr", "bs", "sl", "cs", "sk", "pl"])


_MIN_NAME = 4  # letters of the name of a language; a shorter word is a tag, or none


@cache
def base(tag: str) -> str | None:
    """Return the code of a tag's language, without region and script: `pt` for `pt-BR`, `por`, `pt_br` and Portuguese.

    Of a code within a macrolanguage, that of this: `sw` for `swh`. Empty: the tag names no language (`und`, `mul`,
    `zxx`). None: it is neither a language tag (BCP 47) nor the name of a language, in English or its own words.
    """
    from langcodes import Language, tag_is_valid  # its tables take 60 ms to load

    tag = tag.strip()
    if tag and not tag_is_valid(tag):
        return _named(tag)
    code = Language.get(tag).language if tag else None
    if code in (None, "und", "mul", "zxx", "mis") or code.startswith("x-") or "qaa" <= code <= "qtz":  # private use
        return ""
    if code not in _SAME:
        code = Language.get(code).prefer_macrolanguage().language or code
    return _SAME.get(code, code)


@cache
def language_of_country(tag: str) -> tuple[str, str] | None:
    """Return name and main language of the country with this code, where the language has another one: se is Sweden."""
    from langcodes import Language

    if len(tag) != 2 or not (tag.isascii() and tag.isalpha()):
        return None
    country = Language.make(territory=tag.upper())
    language = country.maximize().language
    name = country.territory_name()
    if not country.is_valid() or name.startswith("Unknown") or language in (None, "und", tag.lower()):
        return None
    return name, language


def _named(name: str) -> str | None:
    """Return the code of the language with this name; None where there is none."""
    from langcodes import Language

    if len(name) < _MIN_NAME:
        return None
    try:
        language = Language.find(name)
    except LookupError:
        return None
    # It also finds what is only like a name.
    names = (language.display_name("en"), language.autonym())
    return base(language.to_tag()) if name.casefold() in map(str.casefold, names) else None


@cache
def scripts(code: str) -> tuple[int, ...]:
    """Return the scripts that a language is usually written in."""
    if code in _TWO_SCRIPTS:
        return _TWO_SCRIPTS[code]
    from langcodes import Language

    return SCRIPTS.get(Language.get(code).maximize().script or "", (OTHER,))


@cache
def kin(code: str) -> frozenset[str]:
    """Return the language and those that it is easily confused with."""
    return frozenset((code,)).union(*(group for group in _KIN if code in group))


def are_one(code: str, other: str) -> bool:
    """Whether two languages are so close that a text may be either."""
    return code == other or any({code, other} <= group for group in _ONE)


def are_slavic(code: str, other: str) -> bool:
    """Whether the one, romanised, may look like the other."""
    return {code, other} <= _SLAVIC


@cache
def english_name(code: str) -> str:
    """Return the English name of a language, or its code where that is unknown."""
    from langcodes import Language

    return Language.get(code).display_name("en")


@cache
def names(code: str, tongues: Iterable[str]) -> frozenset[str]:
    """Return the names of a language in these languages and in its own, in lower case."""
    from langcodes import Language

    language = Language.get(code)
    return frozenset(language.display_name(tongue).casefold() for tongue in (*tongues, code))


@cache
def country_of(code: str, tongue: str) -> str:
    """Return the name, in some language, of the country where a language is mostly spoken; empty if it is unknown."""
    from langcodes import Language

    territory = Language.get(code).maximize().territory
    return Language.make(territory=territory).territory_name(tongue) if territory else ""


@cache
def script_table() -> npt.NDArray[np.uint8]:
    """Return the script of each letter of the first plane, by code point; 0: not a letter."""
    table = np.full(0x10000, OTHER, dtype=np.uint8)
    for script, blocks in _BLOCKS.items():
        for first, last in blocks:
            table[first : last + 1] = script
    table[[unicodedata.category(chr(code))[0] != "L" for code in range(len(table))]] = 0
    return table
