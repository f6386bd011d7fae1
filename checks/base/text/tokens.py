"""Texts as tokens: which characters form a token, and which tokens are equal."""

import unicodedata
from functools import cache, lru_cache
from threading import Lock
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .. import kernels
from ..arrow.columns import IntArray, utf8
from ..kernels.layout import (
    BLANK,
    MARK,
    MEANS,
    PAYLOAD,
    SEPARATOR,
    SEQUENCE,
    SIGN,
    SINGLE,
    SKIP,
    WORD,
    WORDS,
)
from .languages import script_table

HashArray = npt.NDArray[np.uint64]

N_GRAM = 5  # tokens of a shingle

# Scripts that are written without spaces: each character is a token. From Scripts.txt of Unicode 17.0, by blocks.
_UNSPACED = (
    *((0x0E01, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF)),  # Thai, Lao; Myanmar; Khmer
    *((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B)),  # Han: radicals, signs, numerals
    *((0x3041, 0x3098), (0x309B, 0x30FF), (0x31F0, 0x31FF)),  # Kana; its voicing marks 3099 and 309A go on with it
    *((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),  # Han; Myanmar
    *((0xF900, 0xFAFF), (0x1AFF0, 0x1B16F), (0x116D0, 0x116E3)),  # Han; Kana; Myanmar
    (0x20000, 0x3FFFF),  # Han
)
# Invisible characters that count as marks or letters: joiners, variation selectors, Hangul fillers.
_INVISIBLE = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0100, 0xE01EF),
)
# Marks that copies of a text often lack: accents, points of Hebrew, vowel signs of Arabic.
_ACCENTS = frozenset(
    (*range(0x0300, 0x0370), *range(0x0483, 0x0488), *range(0x0591, 0x05C8), *range(0x064B, 0x0660), 0x0670)
)
# Blocks of letters that are composed with them: Latin, Greek, Cyrillic, Arabic.
_ACCENTED = ((0x00C0, 0x024F), (0x0370, 0x052F), (0x0620, 0x06D3), (0x1E00, 0x1FFF))
# Letters that look like a Latin one, small or capital; all case-folded (UTS #39, confusables.txt).
_LIKE_LATIN = dict(
    zip(
        "авекмнорстухіјѕԁһԛԝαβεζηικμνορτυχ",
        "abekmhopctyxijsdhqwabezhikmvoptux",
        strict=True,
    )
)
_LIKE_OTHERS = {latin: other for other, latin in reversed(_LIKE_LATIN.items())}  # Cyrillic before Greek
# All code points that Unicode assigns, without private use; others are separators.
_ASSIGNED = ((0, 0xD800), (0xF900, 0x20000), (0x2F800, 0x2FA20), (0xE0000, 0xE0200))
_IDEOGRAPHS = (0x20000, 0x34000)


class Tokens(NamedTuple):
    """The tokens of several texts, one after another."""

    hashes: HashArray  # (n_tokens,)
    starts: npt.NDArray[np.int32]  # (n_tokens,) bytes of its text that each token covers
    ends: npt.NDArray[np.int32]
    bounds: IntArray  # (n_texts + 1,) number of each text's first token


class Signs(NamedTuple):
    """The signs between the tokens of several texts: punctuation, operators, currencies, emoji."""

    gaps: npt.NDArray[np.uint32]  # (n_tokens + n_texts,) before each token, then behind a text's last; 0: no sign
    written: HashArray  # (n_texts,) a hash of all tokens and signs of a text
    meant: HashArray  # (n_texts,) the same, without signs that only punctuate
    counts: IntArray  # (n_texts,) gaps that have signs


class Prose(NamedTuple):
    """The prose of several texts, and its number of letters."""

    data: npt.NDArray[np.uint8]  # UTF-8, with spaces in place of everything else
    offsets: IntArray  # (n_texts + 1,) where each text begins
    counts: npt.NDArray[np.int32]  # (n_texts, N_COUNTS) letters by script, bytes of code (kernels/layout.py)


class Shingles(NamedTuple):
    """The sets of hashed n-grams of several texts, one after another."""

    sets: HashArray  # of each text ascending, each value once
    limits: IntArray  # (n_texts + 1,)
    whole: HashArray  # (n_texts,) a hash of all tokens of a text, in order


def tokenise(column: pa.Array, *, is_plain: bool = False) -> Tokens:
    """Return the tokens of a column of strings; a null has none. In plain form, é is e, and ٣ is 3.

    Characters are compared as `fold` returns them, in NFKD and case-folded. That makes equal what NFKC and lower case
    make equal, and works one character at a time. A token is a run of letters, digits and combining marks, or one
    character of a script that is written without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) with the combining
    marks after it. Invisible characters that separate nothing (a soft hyphen, a joiner) are skipped.
    """
    data, offsets = utf8(column)
    table = _table()
    entries = _plain_entries() if is_plain else table.entries
    tokens = Tokens(*kernels.tokenise(data, offsets, entries, table.sequences))
    _fold_mixed_scripts(data, offsets, tokens)
    return tokens


def _fold_mixed_scripts(data: npt.NDArray[np.uint8], offsets: IntArray, tokens: Tokens) -> None:
    """Hash words in which one letter only looks like one of another script as if it were that one (UTS #39).

    Most texts of spammers and leaks that hide so put Cyrillic or Greek letters into Latin words. A word that is mixed
    for another reason (a Russian ending on a Latin name) has letters without a look-alike, and stays as it is.
    """
    at = kernels.mixed(data, offsets)
    if not at.size:
        return
    words = {}
    texts = np.searchsorted(offsets, at, side="right") - 1
    for text, places in zip(np.unique(texts).tolist(), np.split(at, np.flatnonzero(np.diff(texts)) + 1), strict=True):
        base, first, end = int(offsets[text]), int(tokens.bounds[text]), int(tokens.bounds[text + 1])
        own = np.unique(np.searchsorted(tokens.starts[first:end], places - base, side="right") - 1)
        for token in (first + own[own >= 0]).tolist():
            word = data[base + tokens.starts[token] : base + tokens.ends[token]].tobytes().decode().casefold()
            if (folded := one_script(word)) != word:
                words[token] = folded
    if words:
        hashes = tokenise(pa.array(list(words.values()))).hashes
        if len(hashes) == len(words):
            tokens.hashes[list(words)] = hashes


@lru_cache(4096)  # formulas repeat theirs
def one_script(word: str) -> str:
    """Return a word in the script of most of its letters, if all others look like letters of that script."""
    latin = sum("a" <= letter <= "z" for letter in word)
    others = sum("\u0370" <= letter < "\u0530" for letter in word)
    if latin and others and latin + others > 2:  # not a unit or a symbol, such as μm
        foreign = _LIKE_LATIN if latin >= others else _LIKE_OTHERS
        strays = [letter for letter in word if ("a" <= letter <= "z") != (latin >= others) and letter.isalpha()]
        if all(letter in foreign for letter in strays):
            return "".join(foreign.get(letter, letter) for letter in word)
    return word


def signs(column: pa.Array, tokens: Tokens) -> Signs:
    """Return the signs between the tokens of texts: hashed for each gap, and for each text with its tokens."""
    table = _table()
    data, offsets = utf8(column)
    hashes, starts, ends, bounds = tokens
    return Signs(
        *kernels.signs(data, offsets, hashes, starts, ends, bounds, table.entries, table.sequences, table.signs)
    )


def mark(column: pa.Array, tokens: Tokens) -> npt.NDArray[np.uint8]:
    """Mark the tokens of a column that are numbers, or begin lines or sentences: flags as in kernels/layout.py."""
    return kernels.mark(*utf8(column), tokens.starts, tokens.ends, tokens.bounds, _digits())


def prose(column: pa.Array) -> Prose:
    """Return the prose of texts, without code, tables, tags, formulas, addresses, names of files and variables."""
    data, offsets = utf8(column)
    masked, counts = kernels.prose(data, offsets, script_table())
    return Prose(masked, offsets, counts)


def excerpts(prose: Prose, rows: IntArray, limit: int) -> pa.Array:
    """Return the prose of these rows with single blanks, or about `limit` bytes from its begin, middle and end."""
    return _strings(*kernels.excerpts(prose.data, prose.offsets, rows, limit))


def _strings(data: npt.NDArray[np.uint8], offsets: IntArray) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.string(), len(offsets) - 1, buffers)


def shingle(tokens: Tokens, n: int = N_GRAM) -> Shingles:
    """Return the sets of hashed n-grams of texts."""
    return Shingles(*kernels.shingle(tokens.hashes, tokens.bounds, n))


def grams(hashes: HashArray, n: int = N_GRAM) -> HashArray:
    """Return the hashed n-grams of one text, in order."""
    return kernels.grams(hashes, n)


def fold(character: str) -> str:
    """Return the form in which a character is compared: decomposed (NFKD) and case-folded, until nothing changes.

    Case folding is lower case for comparisons: it also makes ß equal to ss, and the Greek final sigma to the other one
    (Unicode Standard 3.13, and UAX #15).
    """
    folded = unicodedata.normalize("NFKD", character)
    while (again := unicodedata.normalize("NFKD", folded.casefold())) != folded:
        folded = again
    return folded


@cache
def _digits() -> npt.NDArray[np.uint8]:
    """Mark the code points that are digits of any script, or decompose to digits."""
    digits = np.zeros(0x20000, dtype=np.uint8)
    for code in range(len(digits)):
        if (character := chr(code)).isnumeric():
            digits[code] = any(map(str.isdecimal, unicodedata.normalize("NFKD", character)))
    return digits


_KINDS = {"L": WORD, "N": WORD, "M": MARK}
_SIGN_KINDS = {"Z": BLANK, "C": BLANK, "S": MEANS, "P": SIGN}
_PUNCTUATION = "`|~\u00a8\u00af\u00b4\u00b8"  # of the categories of symbols
_SYMBOLS = (
    "%&@*/-#!.\u2030\u00a7\u2010\u2011\u2012\u2013\u2014\u2015"  # of those of punctuation, some by their place only
)


class _Table(NamedTuple):
    """What each code point is."""

    entries: npt.NDArray[np.uint32]  # kind and folded form, or a place in `sequences`
    sequences: npt.NDArray[np.uint32]
    signs: npt.NDArray[np.uint8]  # BLANK, SIGN or MEANS, of characters between tokens


_TABLE: list[_Table] = []
_LOCK = Lock()


def load() -> None:
    """Make the lookup tables, so that the first texts need not wait for them."""
    _table()
    _digits()
    script_table()


def _table() -> _Table:
    """Return the table of all code points; made once."""
    with _LOCK:
        if not _TABLE:
            _TABLE.append(_made())
        return _TABLE[0]


@cache
def _plain_entries() -> npt.NDArray[np.uint32]:
    """Return the entries of the table with all _ACCENTS left out, and the digits of all scripts as those of ASCII."""
    table = _table().entries.copy()
    for code in range(0x80, 0x1000):
        if (digit := unicodedata.decimal(chr(code), -1)) >= 0:
            table[code] = table[ord("0") + digit]
    plain = [code for first, last in _ACCENTED for code in range(first, last + 1)]
    for code in plain:
        letters = [letter for letter in fold(chr(code)) if ord(letter) not in _ACCENTS]
        if len(letters) == 1:
            table[code] = table[ord(letters[0])]
    table[list(_ACCENTS)] = SKIP << PAYLOAD
    return table


def changes_plainly() -> npt.NDArray[np.bool_]:
    """Mark the characters of the basic plane that `tokenise` reads as others in plain form."""
    differ: npt.NDArray[np.bool_] = _plain_entries()[: 1 << 16] != _table().entries[: 1 << 16]
    return differ


def _made() -> _Table:
    kinds = np.zeros(0x110000, dtype=np.uint32)  # SEPARATOR
    codes = [code for first, end in _ASSIGNED for code in range(first, end)]
    categories = list(map(unicodedata.category, map(chr, codes)))
    kinds[codes] = [_KINDS.get(category[0], SKIP if category == "Cf" else SEPARATOR) for category in categories]
    kinds[slice(*_IDEOGRAPHS)] = WORD
    for first, last in _UNSPACED:
        block = kinds[first : last + 1]
        block[(block == WORD) | (block == MARK)] = SINGLE
    for first, last in _INVISIBLE:
        kinds[first : last + 1] = SKIP
    plain: npt.NDArray[np.uint32] = kinds << np.uint32(PAYLOAD) | np.arange(len(kinds), dtype=np.uint32)
    table = plain.copy()
    sequences: list[int] = []
    for code in codes:
        character = chr(code)
        # Most characters fold to themselves; this test is faster than folding.
        if character.casefold() == character and unicodedata.is_normalized("NFKD", character):
            continue
        entries = [int(plain[ord(part)]) for part in fold(character)]
        if len(entries) == 1:
            table[code] = entries[0]
        elif entries:
            is_word = all(entry >> PAYLOAD in (WORD, MARK) for entry in entries)
            table[code] = len(sequences) | (WORDS if is_word else SEQUENCE) << PAYLOAD
            sequences += [len(entries), *entries]
        else:
            table[code] = SKIP << PAYLOAD
    signs = np.full(len(kinds), SIGN, dtype=np.uint8)
    signs[codes] = [_SIGN_KINDS.get(category[0], SIGN) for category in categories]
    signs[list(map(ord, _PUNCTUATION))] = SIGN
    signs[list(map(ord, _SYMBOLS))] = MEANS
    return _Table(table, np.array(sequences, dtype=np.uint32), signs)
