"""Keys that were hit at random."""

import re
from itertools import pairwise

_RUNS = re.compile(
    "asd|sdf|dfg|ghj|hjk|jkl|lkj|kjh|jhg|hgf|gfd|fds|dsa|qwe|zxc|xcv|cvb|qsd|wxc|фыв|ывл|лдж|джэ|йцу|цук|ывд|ывф"
)  # that few words contain
_ROWS = ("1234567890", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm")
_ACCENTED = ("lo", "lc", "ln", "la")  # ö, ç, ñ, ä beside L, without their accents
_ROWS_RU = ("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
_NEXT = {(a, b): 1 for row in (*_ROWS, *_ACCENTED, *_ROWS_RU) for a, b in pairwise(row)}
_NEXT |= {(b, a): -1 for a, b in _NEXT}
_VOWELS = re.compile("[aeiouyà-æè-ïò-öø-üýÿœаеёиоуыэюяіїє]")
_KEYS = re.compile(r"[^\W\d_]+(?:[;,'\[\]./][^\W\d_]+)*;?")
_SPELT = re.compile("^[a-z;',./]+$|^[а-яё]+$")
MIN_KEYS = 3  # of a word
SHARE = 0.74  # of neighbouring keys in a row, in a word of letters that are next to each other
LONGEST = 60


def is_mash(text: str) -> bool:
    """Whether a text is nothing but runs of keys: neighbours in a row, one key again and again, no vowel at all."""
    found = _KEYS.findall(text.casefold())
    if (
        not found
        or len(text) > LONGEST
        or any(map(str.isdigit, text))
        or sum(map(len, found)) < sum(not sign.isspace() for sign in text) - 3
    ):
        return False
    long = [word for word in found if len(word) >= MIN_KEYS]
    return sum(map(len, long)) > MIN_KEYS and all(map(_is_run, long))


def _is_run(word: str) -> bool:
    if not _SPELT.match(word):
        return False
    if len(set(word)) <= 2 and len(word) >= 5:
        return True
    steps = [_NEXT.get((a, b), 0) for a, b in pairwise(word)]
    near = sum(map(abs, steps)) / len(steps)
    if abs(sum(steps)) == len(steps):  # all in one direction
        return True
    if len(word) >= 5 and near >= 0.5 and _RUNS.search(word):
        return True
    if len(word) >= 5 and near >= SHARE:
        return True
    half = re.match(r"(.{2,5}?)\1+", word)
    if half and half.end() >= len(word) - 1 and len(word) >= 6:
        return True
    return len(word) >= 5 and not _VOWELS.search(word) and len(set(word)) > 2
