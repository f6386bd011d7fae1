"""How numbers, sizes and words of the data are written, on every page and in the terminal."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import TypeVar

_T = TypeVar("_T")

UNDECLARED = "not declared"  # the language, or the role, of messages without one

# First and last code points of characters that are invisible or reorder others: controls except tab and line feed,
# format characters, line and paragraph separators, blanks that count as letters, selectors that may hide data.
_HIDDEN = (
    *((0x0, 0x8), (0xB, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x70F, 0x70F)),
    *((0x115F, 0x1160), (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164)),
    *((0xD800, 0xDFFF), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF9, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A)),
    (0xE0000, 0xE0FFF),
)
# Joiners belong to Arabic, Indic and related scripts, also at the end of words, and combine emoji.
_SCRIPTS = "\u0600-\u08ff\u0900-\u0dff\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
_EMOJI = "\u2190-\u2bff\U0001f000-\U0001faff"
_JOINED = f"(?<=[{_SCRIPTS}])[\u200c\u200d]|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
# Selectors choose a form of the Chinese character or the Mongolian letter before them.
_CHOSEN = (
    "(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003fffd])[\U000e0100-\U000e01ef]|(?<=[\u1820-\u18aa])[\u180b-\u180f]"
)
_SOUGHT = re.compile(f"(?!{_JOINED}|{_CHOSEN})[{''.join(f'{chr(a)}-{chr(b)}' for a, b in _HIDDEN)}]")

# The same characters in Arrow's syntax, to find texts with one; Arrow has no surrogates.
HIDDEN = "[" + "".join(rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in _HIDDEN if a != 0xD800) + "]"


def visible(text: str) -> str:
    """Write characters that are invisible or reorder others as their code points.

    Line feeds and tabs stay. Bidirectional controls could make a quote look like another one; a browser drops NUL.
    """
    return _SOUGHT.sub(lambda found: f"⟦U+{ord(found[0]):04X}⟧", text)


def number(n: int) -> str:
    """Write 12345 as 12,345."""
    return f"{n:,}"


def count_of(n: int, noun: str) -> str:
    """Write `1 error`, `2 errors`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def percent(share: float) -> str:
    """Write a share in percent, with enough places to differ from none and from all."""
    return f"{_places(share)} %"


def interval(low: float, high: float) -> str:
    """Write the ends of an interval of shares in percent, such as `8.0-11.7`."""
    return f"{_places(low)}-{_places(high)}"


def confidence(low: float, high: float) -> str:
    """Write a 95 % confidence interval of a share in percent, such as `95 % CI 8.0-11.7`."""
    return f"95 % CI {interval(low, high)}"


def _places(share: float) -> str:
    if share in (0, 1):
        return f"{100 * share:.0f}"
    if 0.01 <= share <= 0.99:
        return f"{100 * share:.1f}"
    # No share but none is 0, and no share but all is 100.
    return f"{min(max(100 * share, 0.01), 99.99):.2f}"


# Spaces within an interval, before a percent sign, and between a number and the word that counts what is left.
_UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=%) (?=CI\b)|(?<=\bCI) (?=\d)|(?<=\d) (?=(?:more|others?)\b)")


def unbroken(words: str) -> str:
    """Put no-break spaces where no line may end: in `95 % CI 8.0-11.7`, `9.7 %`, `1 more`."""
    return _UNBROKEN.sub("\u00a0", words)


def setting(value: object) -> str:
    """Write the value of a setting as in TOML, on one line; `not set` for none."""
    return "not set" if value is None else _toml(value)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


def subject(about: str) -> str:
    """Turn the sentence about a check, `Report messages that ...`, into what it is about: `messages that ...`."""
    first, _, rest = about.partition(" ")
    return lower((rest if first in ("Flag", "Report", "Find", "Check") else about).rstrip("."))


def lower(sentence: str) -> str:
    """Write a sentence as it continues after a colon; a name or an abbreviation keeps its capital."""
    first = sentence.split(" ", 1)[0]
    return sentence if first[1:].lower() != first[1:] or not first[:1].isalpha() else sentence[0].lower() + sentence[1:]


def sentence(words: str) -> str:
    """Write words as a sentence, with a capital and a full stop."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def size(n_bytes: int) -> str:
    """Write bytes in a readable unit."""
    amount = float(n_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


def below(paths: Sequence[str]) -> list[str]:
    """Return paths as they are named below the folder that all of them share; a single one by its last part."""
    folders = [path.split("/")[:-1] for path in paths]
    shared = sum(1 for _ in takewhile(lambda parts: len(set(parts)) == 1, zip(*folders, strict=False)))
    return ["/".join(path.split("/")[shared:]) for path in paths]


def renaming(names: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that gives words with these paths by other names: all at once, no name within another."""
    known = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)) or "(?!)")
    return lambda words: names.get(words) or known.sub(lambda found: names[found[0]], words)


def leading(items: Sequence[_T], n: int) -> Sequence[_T]:
    """Return the first n items, or all if only one more is left: to name it takes no more room than to count it."""
    return items if len(items) <= n + 1 else items[:n]


def listed(words: list[str]) -> str:
    """Join words: `a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
