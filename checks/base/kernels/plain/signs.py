"""Signs between the tokens of texts, and their words in short."""

import numpy as np

from ..layout import (
    BLANK,
    MEANS,
    NUMERIC,
    PAYLOAD,
    SEPARATOR,
    SEQUENCE,
    SHORT,
    Bytes,
    Codes,
    Hashes,
    Ints,
    Places,
    Steps,
)
from .hashing import runs, spread

_DASHES = {*range(0x2010, 0x2016), 0x2212}
_Signs = tuple[int, int]


def signs(
    data: Bytes,
    offsets: Ints,
    hashes: Hashes,
    starts: Places,
    ends: Places,
    bounds: Ints,
    table: Codes,
    sequences: Codes,
    kinds: Bytes,
) -> tuple[Codes, Hashes, Hashes, Ints]:
    """Hash the signs between tokens, and texts with their signs.

    A sign is a character that is neither part of a token nor blank nor invisible, folded as in tokens; all dashes are
    one sign. What a sign is used for depends on where it is: between numbers or single letters `-`, `*` and `/` are
    operators, `-` before a number is its sign, `.` between digits is a decimal point, `#` behind a word belongs to its
    name (C#), `!` before a word negates it. At the begin of a line, signs before a blank, `>` and repeated signs are
    marks of lists, headings and quotations; three equal signs in a row are a line.

    Parameters
    ----------
    data, offsets, table, sequences : ndarray
        As `tokenise` takes them.
    hashes, starts, ends, bounds : ndarray
        As `tokenise` returns them.
    kinds : ndarray of uint8, shape (0x110000,)
        BLANK, SIGN, or MEANS for each code point (layout.py).

    Returns
    -------
    gaps : ndarray of uint32, shape (n_tokens + n_texts,)
        A hash of the signs before each token of a text, then behind its last one; 0: there are none. The gaps of text t
        begin at bounds[t] + t.
    written : ndarray of uint64, shape (n_texts,)
        A hash of all tokens and signs.
    meant : ndarray of uint64, shape (n_texts,)
        A hash of all tokens and of the signs that carry meaning.
    counts : ndarray of int64, shape (n_texts,)
        Gaps that have signs.
    """
    n_texts = len(offsets) - 1
    numbers = np.repeat(np.arange(n_texts), np.diff(bounds) + 1)
    at = np.arange(len(starts) + n_texts) - numbers  # the token behind each gap
    is_first, is_last = at == bounds[numbers], at == bounds[numbers + 1]
    begins = offsets[numbers] + np.where(is_first, 0, np.append(0, ends)[at])
    stops = np.where(is_last, offsets[numbers + 1], offsets[numbers] + np.append(starts, 0)[at])
    lead = np.append(data, np.zeros(1, dtype=np.uint8))
    is_plain = (stops <= begins) | ((stops == begins + 1) & (lead[np.minimum(begins, len(data))] == 32))
    base = np.repeat(offsets[:-1], np.diff(bounds))
    first_byte = lead[base + starts]
    digit = np.append((first_byte >= 48) & (first_byte < 58), False)
    operand = digit | np.append((ends - starts == 1) & (first_byte < 128), False)
    gaps, meant = np.zeros((2, len(at)), dtype=np.uint32)
    known: dict[tuple[bytes, bool, bool, bool, bool], _Signs] = {}
    raw = data.tobytes()
    for k in np.flatnonzero(~is_plain).tolist():
        i = int(at[k])
        between = not is_first[k] and not is_last[k] and bool(operand[i - 1] and operand[i])
        key = (
            raw[begins[k] : stops[k]],
            bool(is_first[k]),
            bool(is_last[k]),
            between,
            not is_last[k] and bool(digit[i]),
        )
        if key not in known:
            known[key] = _read(*key, table, sequences, kinds)
        gaps[k], meant[k] = known[key]
    # Each text as gap, token, gap, ..., gap.
    places = np.arange(len(at)) + at
    sequence = np.zeros((2, len(at) + len(starts)), dtype=np.uint64)
    sequence[:, places] = gaps, meant
    sequence[:, places[~is_last] + 1] = hashes
    edges = np.append(2 * bounds[:-1] + np.arange(n_texts), sequence.shape[1])
    written, meanings = (spread(runs(values, edges[:-1], edges[1:])) for values in sequence)
    return gaps, written, meanings, np.bincount(numbers[gaps > 0], minlength=n_texts)


def words(
    data: Bytes, offsets: Ints, hashes: Hashes, starts: Places, ends: Places, bounds: Ints, percents: Bytes
) -> tuple[Codes, Steps, Ints]:
    """Describe the tokens of texts in short.

    Parameters
    ----------
    data, offsets, hashes, starts, ends, bounds : ndarray
        As `tokenise` takes and returns them.
    percents : ndarray of uint8, shape (256,)
        How much of a word a token of three bytes says, by its first byte; all others are words.

    Returns
    -------
    words : ndarray of uint32, shape (n_tokens,)
        The high half of each hash, with NUMERIC and SHORT (layout.py) in the lowest bits.
    steps : ndarray of uint16, shape (n_tokens,)
        Code points from the begin of the token before to that of each token; of a text's first token, from the begin of
        the text. At most 65,535.
    n_words : ndarray of int64, shape (n_texts,)
        Words of each text, rounded up.
    """
    n_tokens = np.diff(bounds)
    text = np.repeat(np.arange(len(offsets) - 1), n_tokens)
    at = np.append(0, np.cumsum((data & 0xC0) != 0x80, dtype=np.int64))
    places = at[offsets[text] + starts] - at[offsets[text]]
    before = np.append(0, places)[:-1]
    before[bounds[:-1][n_tokens > 0]] = 0
    steps = np.minimum(places - before, 0xFFFF).astype(np.uint16)
    lead, sizes = data[offsets[text] + starts], ends - starts
    found = (hashes >> np.uint64(32)).astype(np.uint32) & ~np.uint32(NUMERIC | SHORT)
    found |= np.where(lead - np.uint8(ord("0")) < 10, np.uint32(NUMERIC), np.uint32(0))
    found |= np.where(sizes <= 3, np.uint32(SHORT), np.uint32(0))
    percent = np.bincount(text, np.where(sizes == 3, percents[lead], 100), len(n_tokens))
    return found, steps, np.ceil(percent / 100).astype(np.int64)


def _read(
    gap: bytes,
    is_first: bool,
    is_last: bool,
    operands: bool,
    digits: bool,
    table: Codes,
    sequences: Codes,
    kinds: Bytes,
) -> _Signs:
    """Return hashes of the signs in one gap: of all, and of those that carry meaning."""
    signs = meant = last = run = 0
    opens_line = after_blank = is_first
    text = gap.decode()
    for k, character in enumerate(text):
        rest = text[k + 1 :]
        more = 0
        if character.isascii():
            while more < 2 and rest[more : more + 1] == character:
                more += 1
        before_token = not rest and not is_last
        before_blank = rest[0] <= " " if rest else is_last
        for entry in _entries(int(table[ord(character)]), sequences):
            code = entry & ((1 << PAYLOAD) - 1)
            if entry >> PAYLOAD != SEPARATOR:
                continue
            if kinds[code] == BLANK:
                opens_line |= code in (10, 13)
                after_blank, last = True, 0
                continue
            means = kinds[code] == MEANS
            glued = not after_blank and last == 0
            code = 45 if code in _DASHES else code
            run = run + 1 if code == last else 1
            if run + more >= 3 or (opens_line and (before_blank or more or run > 1 or code == 62)):
                means = False
            elif code == 45:
                means = operands or (digits and before_token and not glued)
            elif code in (42, 47):
                means = operands
            elif code == 46:
                means = operands and digits and glued and before_token
            elif code == 35:
                means = glued
            elif code == 33:
                means = before_token and not glued
            signs = _mixed(signs, code)
            if means:
                meant = _mixed(meant, code)
            last, after_blank = code, False
            opens_line = opens_line and (more > 0 or run > 1)
    return signs, meant


def _entries(entry: int, sequences: Codes) -> list[int]:
    if entry >> PAYLOAD < SEQUENCE:
        return [entry]
    at = entry & ((1 << PAYLOAD) - 1)
    return list(sequences[at + 1 : at + 1 + int(sequences[at])].tolist())


def _mixed(value: int, code: int) -> int:
    value = (value ^ code) * 0x9E3779B1 & 0xFFFFFFFF
    return (value ^ value >> 15) | 1
