"""Tokens of texts and their flags, peculiar spelling, suspect bytes, and digests of texts."""

import re

import numpy as np

from ..layout import (
    CHANGES,
    LINE,
    MARK,
    NUMBER,
    ODD,
    ODD_BEHIND_DIGIT,
    PAYLOAD,
    SENTENCE,
    SEPARATOR,
    SEQUENCE,
    SINGLE,
    SKIP,
    WORD,
    Bytes,
    Codes,
    Flags,
    Hashes,
    Ints,
    Places,
)
from .hashing import K, runs, spread

PIECE = 1 << 22  # bytes that are tokenised at a time: each takes about 100 bytes of memory meanwhile


def tokenise(data: Bytes, offsets: Ints, table: Codes, sequences: Codes) -> tuple[Hashes, Places, Places, Ints]:
    """Cut texts into tokens, and hash each token.

    Parameters
    ----------
    data : ndarray of uint8
        Valid UTF-8.
    offsets : ndarray of int64, shape (n_texts + 1,)
        Where each text begins in `data`, and where the last one ends.
    table : ndarray of uint32, shape (0x110000,)
        An entry for each code point, see layout.py.
    sequences : ndarray of uint32
        Entries of the characters of kind SEQUENCE or WORDS, each group after its number of entries.

    Returns
    -------
    hashes : ndarray of uint64, shape (n_tokens,)
    starts, ends : ndarray of int32, shape (n_tokens,)
        The bytes of its text that each token covers.
    bounds : ndarray of int64, shape (n_texts + 1,)
        Number of the first token of each text, then the number of all tokens.
    """
    parts = []
    n_texts = len(offsets) - 1
    first = 0
    while first < n_texts:
        last = int(np.searchsorted(offsets, offsets[first] + PIECE, side="right")) - 1
        last = min(max(last, first + 1), n_texts)
        parts.append(_tokenise_piece(data, offsets[first : last + 1], table, sequences))
        first = last
    if not parts:
        empty = np.zeros(0, dtype=np.int32)
        return np.zeros(0, dtype=np.uint64), empty, empty, np.zeros(1, dtype=np.int64)
    hashes, starts, ends, counts = (np.concatenate(part) for part in zip(*parts, strict=True))
    return hashes, starts, ends, np.append(0, np.cumsum(counts))


def _tokenise_piece(data: Bytes, offsets: Ints, table: Codes, sequences: Codes) -> tuple[Hashes, Places, Places, Ints]:
    """Return hashes, starts and ends of the tokens, and the number of tokens of each text."""
    begin, end = int(offsets[0]), int(offsets[-1])
    text = data[begin:end].tobytes().decode()
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    stops = begin + np.cumsum(lengths)
    at = stops - lengths
    entries = table[codes]
    # Expand characters of several entries.
    several = entries >> PAYLOAD >= SEQUENCE
    index = np.where(several, entries & ((1 << PAYLOAD) - 1), 0)
    repeats = np.where(several, sequences[index], 1).astype(np.int64)
    rows = np.repeat(np.arange(len(codes)), repeats)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    entries = np.where(several[rows], sequences[np.minimum(index[rows] + 1 + nth, len(sequences) - 1)], entries[rows])
    kinds = entries >> PAYLOAD
    kept = kinds != SKIP
    entries, kinds, rows = entries[kept], kinds[kept], rows[kept]
    if not len(rows):
        none = np.zeros(0, dtype=np.int32)
        return np.zeros(0, dtype=np.uint64), none, none, np.zeros(len(offsets) - 1, dtype=np.int64)
    # A text begins as after a separator.
    of_text = np.searchsorted(offsets, at[rows], side="right") - 1
    opens = np.append(True, of_text[1:] != of_text[:-1])
    is_mark = kinds == MARK
    # A mark continues the token of the last character that is not a mark; without such a character it is ignored.
    anchor = np.maximum.accumulate(np.where(~is_mark | opens, np.arange(len(kinds)), 0))
    state = kinds[anchor]
    state[state == MARK] = SEPARATOR
    before = np.where(opens, SEPARATOR, np.append(SEPARATOR, state[:-1]))
    begins = (kinds == SINGLE) | ((kinds == WORD) & (before != WORD))
    inside = state != SEPARATOR
    starts = np.flatnonzero(begins)
    # A token ends before the next separator, token or text.
    closes = np.append(~inside[1:] | begins[1:] | opens[1:], True) & inside
    ends = np.flatnonzero(closes) + 1
    counts = np.bincount(of_text[starts], minlength=len(offsets) - 1)
    return (
        _words(entries & ((1 << PAYLOAD) - 1), starts, ends),
        (at[rows[starts]] - offsets[of_text[starts]]).astype(np.int32),
        (stops[rows[ends - 1]] - offsets[of_text[starts]]).astype(np.int32),
        counts.astype(np.int64),
    )


def _words(codes: Codes, starts: Ints, ends: Ints) -> Hashes:
    """Return the hash of each run of characters [start, end): its UTF-8 in words of eight bytes, first byte lowest."""
    text = codes.astype("<u4").tobytes().decode("utf-32-le").encode()
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    edges = np.append(0, np.cumsum(lengths))
    starts, ends = edges[starts], edges[ends]
    sizes = ends - starts
    firsts = np.cumsum(sizes) - sizes
    nth = np.arange(int(sizes.sum())) - np.repeat(firsts, sizes)
    values = np.frombuffer(text, dtype=np.uint8)[np.repeat(starts, sizes) + nth].astype(np.uint64)
    opens = np.flatnonzero(nth % 8 == 0)
    if not opens.size:
        return np.zeros(0, dtype=np.uint64)
    words = np.add.reduceat(values << (8 * (nth % 8)).astype(np.uint64), opens)
    n_words = (sizes + 7) // 8
    last = np.cumsum(n_words)
    return spread(runs(words, last - n_words, last))


def mark(data: Bytes, offsets: Ints, starts: Places, ends: Places, bounds: Ints, digits: Bytes) -> Bytes:
    """Flag tokens that are numbers, and those that begin lines and sentences.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        As `tokenise` takes them.
    starts, ends, bounds : ndarray of int32, ndarray of int32, ndarray of int64
        As `tokenise` returns them.
    digits : ndarray of uint8
        1 for each code point that is a digit; later code points are no digits.

    Returns
    -------
    ndarray of uint8, shape (n_tokens,)
        NUMBER: a character is a digit, or folds to one. LINE: the first token of its text, or the first after a line
        feed. SENTENCE: the same, or the first after one of `.!?` that a space or a control character of ASCII follows,
        or after one of 。！？.
    """
    flags = np.zeros(len(starts), dtype=np.uint8)
    if not len(starts):
        return flags
    base = np.repeat(offsets[:-1], np.diff(bounds))
    at, stop = base + starts, base + ends
    padded = np.append(data, np.zeros(4, dtype=np.uint8)).astype(np.int64)
    b = [padded[k : len(data) + k] for k in range(4)]
    codes = np.select(
        [b[0] < 0x80, b[0] < 0xC0, b[0] < 0xE0, b[0] < 0xF0],
        [b[0], -1, (b[0] & 31) << 6 | b[1] & 63, (b[0] & 15) << 12 | (b[1] & 63) << 6 | b[2] & 63],
        (b[0] & 7) << 18 | (b[1] & 63) << 12 | (b[2] & 63) << 6 | b[3] & 63,
    )
    known = np.append(digits, np.uint8(0))
    n_digits = np.append(0, np.cumsum(known[np.where(codes < 0, len(digits), np.minimum(codes, len(digits)))]))
    flags[n_digits[stop] > n_digits[at]] |= NUMBER
    opens = np.zeros(len(starts), dtype=bool)
    opens[bounds[:-1][np.diff(bounds) > 0]] = True
    before = np.append(0, stop[:-1])  # where the token before it ends

    def follows(places: Ints) -> Flags:
        """Return whether a byte in one of these places is between a token and the one before it."""
        found: Flags = np.searchsorted(places, at) > np.searchsorted(places, before)
        return found

    lines = opens | follows(np.flatnonzero(padded == 10))
    wide = (padded[:-2] == 0xE3) & (padded[1:-1] == 0x80) & (padded[2:] == 0x82)
    wide |= (padded[:-2] == 0xEF) & (padded[1:-1] == 0xBC) & ((padded[2:] == 0x81) | (padded[2:] == 0x9F))
    stops = np.flatnonzero((padded == ord(".")) | (padded == ord("!")) | (padded == ord("?")))
    spaces = np.flatnonzero(padded <= 32)
    first_stop = np.append(stops, len(padded))[np.searchsorted(stops, before)]
    last_space = np.append(-1, spaces)[np.searchsorted(spaces, at)]
    flags[lines] |= LINE
    flags[lines | follows(np.flatnonzero(wide)) | (first_stop < last_space)] |= SENTENCE
    return flags


# -- bytes -----------------------------------------------------------------------------------------------------------


_COMMAND = re.compile(rb"\\([A-Za-z]{2})")
_DIVIDED = re.compile(rb"(?<=[A-Za-z\x80-\xff])-\r?\n[ \t]*(?=[A-Za-z\x80-\xff])")


def peculiar(data: Bytes, offsets: Ints, kinds: Bytes, commands: Bytes) -> Bytes:
    """Return which texts have characters with another plain form, and which pieces of formulas or divided words.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        UTF-8 of all texts; text k is data[offsets[k] : offsets[k + 1]].
    kinds : ndarray of uint8, shape (65536,)
        CHANGES, ODD and ODD_BEHIND_DIGIT of each character of the basic plane; those of ASCII do not count.
    commands : ndarray of uint8, shape (65536,)
        ODD for a backslash with these two letters, of which the first one is the higher byte.

    Returns
    -------
    ndarray of uint8, shape (n_texts,)
        CHANGES; ODD if there is one of these, or a hyphen at a line end within a word. A command that only begins like
        another one is ODD too.
    """
    first = int(offsets[0])
    body = data[first : offsets[-1]]
    found = np.zeros(len(offsets) - 1, dtype=np.uint8)

    def row_of(place: int) -> int:
        return int(np.searchsorted(offsets, first + place, side="right")) - 1

    at = np.flatnonzero(body & np.uint8(0xC0) != 0x80)
    codes = np.frombuffer(body.tobytes().decode().encode("utf-32-le"), dtype=np.uint32)
    at, codes = at[codes >= 0x80], codes[codes >= 0x80]
    kind = np.where(codes < 0x10000, kinds[np.minimum(codes, 0xFFFF)], 0)
    rows = np.searchsorted(offsets, first + at, side="right") - 1
    before = body[np.maximum(at - 1, 0)]
    behind = (first + at > offsets[rows]) & (before >= ord("0")) & (before <= ord("9"))
    flags = kind & np.uint8(CHANGES | ODD) | np.uint8(ODD) * (behind & (kind & np.uint8(ODD_BEHIND_DIGIT) > 0))
    np.bitwise_or.at(found, rows, flags.astype(np.uint8))
    text = body.tobytes()
    for match in _COMMAND.finditer(text):
        row = row_of(match.start())
        if first + match.end() <= offsets[row + 1]:
            found[row] |= commands[int.from_bytes(match[1], "big")]
    for match in _DIVIDED.finditer(text):
        row = row_of(match.start())
        if first + match.start() > offsets[row] and first + match.end() < offsets[row + 1]:
            found[row] |= ODD
    return found


def mixed(data: Bytes, offsets: Ints) -> Ints:
    """Return the places of letters of two bytes, Greek or Cyrillic, that stand beside a letter of ASCII.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        As `tokenise` takes them. Letters on both sides of the end of a text count as beside one another.
    """
    first = int(offsets[0])
    body = data[first : offsets[-1]]
    padded = np.concatenate([np.zeros(1, dtype=np.uint8), body, np.zeros(2, dtype=np.uint8)])
    at = np.flatnonzero((body >= 0xCD) & (body <= 0xD4))
    beside = padded[np.stack([at, at + 3])] | 0x20
    return first + at[((beside >= ord("a")) & (beside <= ord("z"))).any(axis=0)]


def suspects(data: Bytes) -> Ints:
    """Return the places of bytes that are or begin control or replacement characters; tab, LF and CR are text.

    Reads pieces that stay in the cache: 0.5 ns a byte, where a table of 256 flags takes 12.
    """
    piece = 1 << 16
    found = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(data), piece):
        part = data[start : start + piece]
        flags = part < 32
        for value in (0x7F, 0xC2, 0xEF):
            flags |= part == value
        at = np.flatnonzero(flags)
        byte = part[at]
        found.append(at[(byte != 9) & (byte != 10) & (byte != 13)] + start)
    return np.concatenate(found)


def digest(data: Bytes, offsets: Ints) -> Hashes:
    """Hash the bytes of each text, so that two versions of a text differ.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        UTF-8 of all texts; text k is data[offsets[k] : offsets[k + 1]].

    Returns
    -------
    ndarray of uint64, shape (n_texts,)
        Hash of the sum of its words of eight bytes, each spread with its place, and of its length.
    """
    lengths = np.diff(offsets)
    n_words = -(-lengths // 8)
    text = np.repeat(np.arange(len(lengths)), n_words)
    nth = np.arange(len(text)) - (np.cumsum(n_words) - n_words)[text]
    # A view of eight bytes from each place on; the last word of a text is cut where the text ends.
    padded = np.append(data, np.zeros(8, dtype=np.uint8))
    words = np.ndarray(len(data) + 1, dtype="<u8", buffer=padded.data, strides=(1,))[offsets[text] + 8 * nth]
    excess = np.maximum(8 * (nth + 1) - lengths[text], 0).astype(np.uint64) * np.uint64(8)
    words = words & (np.uint64(2**64 - 1) >> excess)
    placed = spread(words ^ (K * (nth + 1).astype(np.uint64)))
    sums = np.append(np.uint64(0), np.cumsum(placed, dtype=np.uint64))
    ends = np.cumsum(n_words)
    return spread(sums[ends] - sums[ends - n_words] + lengths.astype(np.uint64))
