"""The kernels in NumPy: the same values, bit for bit, where no compiler was at hand; several times slower."""

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ._layout import (
    A_NUMBER,
    ALL_NUMBERS,
    BASE,
    BY_LINE,
    BY_SENTENCE,
    BY_TEXT,
    HIT,
    LINE,
    MARK,
    MAX_PLACES,
    NUMBER,
    PAYLOAD,
    SENTENCE,
    SEPARATOR,
    SEQUENCE,
    SINGLE,
    SKIP,
    WHOLE,
    WORD,
)

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_K = np.uint64(BASE)
_INVERSE = np.uint64(pow(BASE, -1, 1 << 64))
PIECE = 1 << 22  # bytes that are tokenised at a time: each takes about 100 bytes on the way


def _spread(x: Hashes) -> Hashes:
    # Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators: the finalizer of SplitMix64.
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _powers(base: np.uint64, n: int) -> Hashes:
    """base**0 to base**(n-1), modulo 2**64."""
    factors = np.full(n, base, dtype=np.uint64)
    factors[:1] = 1
    return np.multiply.accumulate(factors, dtype=np.uint64)


def _runs(values: Hashes, starts: Ints, ends: Ints) -> Hashes:
    """The hash of each run of values [start, end): the sum of value i times BASE**(end - 1 - i)."""
    if not len(starts):
        return np.zeros(0, dtype=np.uint64)
    # Prefix sums of value i times BASE**-i; BASE is odd, so it has an inverse.
    total = np.append(np.uint64(0), np.cumsum(values * _powers(_INVERSE, len(values)), dtype=np.uint64))
    power = np.append(_INVERSE, _powers(_K, len(values)))  # the last value's own power is BASE**0
    return (total[ends] - total[starts]) * power[ends]


# -- tokens ----------------------------------------------------------------------------------------------------------


def tokenise(data: Bytes, offsets: Ints, table: Codes, sequences: Codes) -> tuple[Hashes, Places, Places, Ints]:
    """The tokens of texts.

    Parameters
    ----------
    data : ndarray of uint8
        Valid UTF-8.
    offsets : ndarray of int64, shape (n_texts + 1,)
        Where each text begins in `data`, and where the last one ends.
    table : ndarray of uint32, shape (0x110000,)
        An entry for each code point, see _layout.
    sequences : ndarray of uint32
        What an entry of kind SEQUENCE points into: how many entries follow, and these.

    Returns
    -------
    hashes : ndarray of uint64, shape (n_tokens,)
    starts, ends : ndarray of int32, shape (n_tokens,)
        The bytes of its text that each token covers.
    bounds : ndarray of int64, shape (n_texts + 1,)
        Number of the first token of each text, and after the last one how many there are.
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
    """Hashes, starts and ends of the tokens, and how many each text has."""
    begin, end = int(offsets[0]), int(offsets[-1])
    text = data[begin:end].tobytes().decode()
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    stops = begin + np.cumsum(lengths)
    at = stops - lengths
    entries = table[codes]
    # Characters that stand for several are laid out one by one.
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
    # A text begins as if a separator stood before it.
    of_text = np.searchsorted(offsets, at[rows], side="right") - 1
    opens = np.append(True, of_text[1:] != of_text[:-1])
    is_mark = kinds == MARK
    # A mark goes on with the token of the last character that is none; where there is none, it is passed over.
    anchor = np.maximum.accumulate(np.where(~is_mark | opens, np.arange(len(kinds)), 0))
    state = kinds[anchor]
    state[state == MARK] = SEPARATOR
    before = np.where(opens, SEPARATOR, np.append(SEPARATOR, state[:-1]))
    begins = (kinds == SINGLE) | ((kinds == WORD) & (before != WORD))
    inside = state != SEPARATOR
    starts = np.flatnonzero(begins)
    # A token ends behind its last character: before the next separator, token or text.
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
    """The hash of each run of characters [start, end): of its UTF-8, eight bytes at a time, the first one lowest."""
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
    return _spread(_runs(words, last - n_words, last))


# -- sets of n-grams -------------------------------------------------------------------------------------------------


def shingle(hashes: Hashes, bounds: Ints, n: int) -> tuple[Hashes, Ints, Hashes]:
    """The set of hashed n-grams of each text.

    Parameters
    ----------
    hashes, bounds : ndarray of uint64, ndarray of int64
        As `tokenise` gives them.
    n : int
        Tokens of a gram, at least 1. A text of fewer has no gram.

    Returns
    -------
    sets : ndarray of uint64
        The grams of each text, ascending and each once, text after text.
    limits : ndarray of int64, shape (n_texts + 1,)
        Where each text's set begins, and where the last one ends.
    whole : ndarray of uint64, shape (n_texts,)
        A hash of all tokens of a text, in order.
    """
    first, last = int(bounds[0]), int(bounds[-1])
    tokens, edges = hashes[first:last], bounds - first
    whole = _spread(_runs(tokens, edges[:-1], edges[1:]))
    text = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
    at = np.flatnonzero(np.arange(len(tokens)) + n <= edges[text + 1])
    values, text = grams(tokens, n)[at], text[at]
    order = np.lexsort((values, text))
    values, text = values[order], text[order]
    is_first = np.append(True, (values[1:] != values[:-1]) | (text[1:] != text[:-1]))[: len(values)]
    sizes = np.bincount(text[is_first], minlength=len(edges) - 1)
    return values[is_first], np.append(0, np.cumsum(sizes)), whole


def grams(hashes: Hashes, n: int) -> Hashes:
    """The hash of each run of n tokens, shape (n_tokens - n + 1,); none where there are fewer."""
    many = max(0, len(hashes) - n + 1)
    values, length = np.zeros(many, dtype=np.uint64), 0
    power, runs, step = int(BASE), hashes, 1  # the runs of as many tokens as the step; twice as many with each bit of n
    while length < n:
        if n & step:
            values = values * np.uint64(power) + runs[length : length + many]
            length += step
        runs = runs[:-step] * np.uint64(power) + runs[step:]
        power, step = power * power % (1 << 64), 2 * step
    return _spread(values)


def overlaps(sets: Hashes, limits: Ints, left: Ints, right: Ints) -> Ints:
    """How many values two sets share, for each pair of sets.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` gives them.
    left, right : ndarray of int64, shape (n_pairs,)
        Numbers of the sets.

    Returns
    -------
    ndarray of int64, shape (n_pairs,)
    """
    shared = np.zeros(len(left), dtype=np.int64)
    for k, (x, y) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        values = sets[limits[x] : limits[x + 1]]
        others = sets[limits[y] : limits[y + 1]]
        if len(values) and len(others):
            at = np.minimum(np.searchsorted(others, values), len(others) - 1)
            shared[k] = np.count_nonzero(others[at] == values)
    return shared


def place(sets: Hashes, limits: Ints, rows: Ints, goal: Ints, out: Hashes) -> None:
    """Copy some sets to other places.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` gives them.
    rows, goal : ndarray of int64, shape (n,)
        Which sets, and where in `out` each is to begin.
    out : ndarray of uint64
        Is written to.
    """
    sizes = limits[rows + 1] - limits[rows]
    nth = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    out[np.repeat(goal, sizes) + nth] = sets[np.repeat(limits[rows], sizes) + nth]


# -- pairs -----------------------------------------------------------------------------------------------------------


def join(
    sets: Hashes, limits: Ints, threshold: float, max_fanout: int, threads: int = 1
) -> tuple[Places, Places, Places, Flags]:
    """All pairs of sets whose Jaccard similarity is at least a threshold; none is missed.

    A pair of sets x, y with |x| >= |y| that share that much have a value in common among the first
    |x| - ceil(t |x|) + 1 of x and the first |y| - ceil(2 t / (1 + t) |y|) + 1 of y, in any order of all values
    that both follow; with rare values first, few other sets have one in common.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` gives them: values spread evenly over 64 bits. An empty set has no pair.
    threshold : float
        In (0, 1].
    max_fanout : int
        So many sets are found by one value, those with the fewest values first. Where more begin with it, the others
        are found by their own search for these, but not by one another.
    threads : int
        That may share the work; whatever they are, the outcome is the same.

    Returns
    -------
    left, right : ndarray of int32, shape (n_pairs,)
        Numbers of the sets, left < right; pairs in ascending order.
    shared : ndarray of int32, shape (n_pairs,)
        Values that both hold.
    capped : ndarray of bool, shape (n_sets,)
        Sets that `max_fanout` kept from being found by one of their values.

    References
    ----------
    Chaudhuri, Ganti, Kaushik (2006), A primitive operator for similarity joins in data cleaning. Bayardo, Ma, Srikant
    (2007), Scaling up all pairs similarity search. Xiao, Wang, Lin, Yu (2008), Efficient similarity joins for near
    duplicate detection (PPJoin).
    """
    sizes = np.diff(limits)
    n_sets = len(sizes)
    capped = np.zeros(n_sets, dtype=bool)
    none = np.zeros(0, dtype=np.int32)
    if not len(sets):
        return none, none, none, capped
    rank = np.empty(n_sets, dtype=np.int64)
    rank[np.argsort(sizes, kind="stable")] = np.arange(n_sets)
    bits = min(20, max(8, len(sets).bit_length() - 1))
    df = np.minimum(np.bincount((sets >> np.uint64(64 - bits)).astype(np.int64), minlength=1 << bits), 65535)
    keys = df[(sets >> np.uint64(64 - bits)).astype(np.int64)].astype(np.uint64) << np.uint64(48)
    keys |= sets & np.uint64(0xFFFFFFFFFFFF)
    owner = np.repeat(np.arange(n_sets), sizes)
    order = np.lexsort((keys, owner))
    keys = keys[order]
    nth = np.arange(len(keys)) - limits[owner]
    n = sizes[owner]
    is_new = np.append(True, (keys[1:] != keys[:-1]) | (owner[1:] != owner[:-1]))
    probes = is_new & (nth < n - np.ceil(threshold * n - 1e-9) + 1)
    indexed = nth < n - np.ceil(2 * threshold / (1 + threshold) * n - 1e-9) + 1
    keys, owner, indexed = keys[probes], owner[probes], indexed[probes]
    order = np.lexsort((rank[owner], keys))
    keys, owner, indexed = keys[order], owner[order], indexed[order]
    # Within a key, in order of size: each entry meets the indexed ones before it, of which only so many are kept.
    opens = np.append(True, keys[1:] != keys[:-1])
    before: Ints = np.cumsum(indexed) - indexed
    base = np.maximum.accumulate(np.where(opens, before, 0))
    kept = indexed & (before - base < max_fanout)
    capped[owner[indexed & ~kept]] = True
    posted = np.flatnonzero(kept)
    before = np.cumsum(kept) - kept
    base = np.maximum.accumulate(np.where(opens, before, 0))
    found = [np.zeros(0, dtype=np.int64)]
    counts = before - base
    step = 1 << 22  # pairs looked at in one go
    ends = np.cumsum(counts)
    start = 0
    while start < len(keys):
        stop = max(start + 1, int(np.searchsorted(ends, (ends[start - 1] if start else 0) + step, side="right")))
        many = counts[start:stop]
        x = np.repeat(owner[start:stop], many)
        place = np.repeat(base[start:stop], many) + np.arange(len(x)) - np.repeat(np.cumsum(many) - many, many)
        y = owner[posted[place]]
        close = (sizes[y] >= np.ceil(threshold * sizes[x] - 1e-9)) & (x != y)
        x, y = x[close], y[close]
        found.append(np.unique(np.minimum(x, y) * n_sets + np.maximum(x, y)))
        start = stop
    pairs = np.unique(np.concatenate(found))
    left, right = pairs // n_sets, pairs % n_sets
    shared = overlaps(sets, limits, left, right)
    alike = shared / (sizes[left] + sizes[right] - shared) >= threshold
    return tuple(column[alike].astype(np.int32) for column in (left, right, shared)) + (capped,)  # type: ignore[return-value]


def sign(sets: Hashes, limits: Ints, a: Codes, b: Codes) -> Codes:
    """MinHash signatures: equal slots estimate Jaccard similarity.

    Values are those of datasketch 2.0 (`scheme="affine32"`) where its `hashfunc` gives the low 32 bits of a shingle.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        As `shingle` gives them.
    a, b : ndarray of uint32, shape (k,)
        Multipliers (odd) and offsets of the k functions h(x) = a fmix32(x) + b mod 2**32.

    Returns
    -------
    ndarray of uint32, shape (n_sets, k)
        Of an empty set, the largest values there are.

    References
    ----------
    Broder (1997), On the resemblance and containment of documents. fmix32: Appleby, MurmurHash3.
    """
    h = sets[: limits[-1]].astype(np.uint32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x85EBCA6B)
    h ^= h >> np.uint32(13)
    h *= np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    out = np.full((len(limits) - 1, len(a)), 0xFFFFFFFF, dtype=np.uint32)
    filled = np.flatnonzero(np.diff(limits))
    for k in range(len(a)):
        if filled.size:
            out[filled, k] = np.minimum.reduceat(a[k] * h + b[k], limits[filled])
    return out


# -- bytes -----------------------------------------------------------------------------------------------------------


def suspects(data: Bytes) -> Ints:
    """Where bytes are, or in UTF-8 begin, a control or replacement character; tab, LF and CR are text.

    In pieces that stay in the cache: .5 ns a byte, where a table of 256 flags takes 12.
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
    """A hash of the very bytes of each text, by which two versions of a text are told apart.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        UTF-8 of all texts; text k is data[offsets[k] : offsets[k + 1]].

    Returns
    -------
    ndarray of uint64, one a text
        Of the sum of its words of eight bytes, each spread with its place, and of its length.
    """
    lengths = np.diff(offsets)
    n_words = -(-lengths // 8)
    text = np.repeat(np.arange(len(lengths)), n_words)
    nth = np.arange(len(text)) - (np.cumsum(n_words) - n_words)[text]
    # A view of eight bytes from each place on; of the last word of a text, what stands behind the text is cut off.
    padded = np.append(data, np.zeros(8, dtype=np.uint8))
    words = np.ndarray(len(data) + 1, dtype="<u8", buffer=padded.data, strides=(1,))[offsets[text] + 8 * nth]
    excess = np.maximum(8 * (nth + 1) - lengths[text], 0).astype(np.uint64) * np.uint64(8)
    words = words & (np.uint64(2**64 - 1) >> excess)
    spread = _spread(words ^ (_K * (nth + 1).astype(np.uint64)))
    sums = np.append(np.uint64(0), np.cumsum(spread, dtype=np.uint64))
    ends = np.cumsum(n_words)
    return _spread(sums[ends] - sums[ends - n_words] + lengths.astype(np.uint64))


# -- benchmarks ------------------------------------------------------------------------------------------------------


def mark(data: Bytes, offsets: Ints, starts: Places, ends: Places, bounds: Ints, digits: Bytes) -> Bytes:
    """Flags of tokens.

    Parameters
    ----------
    data, offsets : ndarray of uint8, ndarray of int64
        As `tokenise` takes them.
    starts, ends, bounds : ndarray of int32, ndarray of int32, ndarray of int64
        As `tokenise` gives them.
    digits : ndarray of uint8
        1 for each code point that is a digit; there are none behind its end.

    Returns
    -------
    ndarray of uint8, shape (n_tokens,)
        NUMBER: a character is a digit, or stands for one. LINE: the first of its text, or a line feed stands before it.
        SENTENCE: so does a line feed, one of `.!?` and behind it a space or a control character of ASCII, or one of
        。！？.
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
    seen = np.append(0, np.cumsum(known[np.where(codes < 0, len(digits), np.minimum(codes, len(digits)))]))
    flags[seen[stop] > seen[at]] |= NUMBER
    opens = np.zeros(len(starts), dtype=bool)
    opens[bounds[:-1][np.diff(bounds) > 0]] = True
    before = np.append(0, stop[:-1])  # where the token before it ends

    def holds(places: Ints) -> Flags:
        """Whether one of these bytes stands between a token and the one before it."""
        found: Flags = np.searchsorted(places, at) > np.searchsorted(places, before)
        return found

    lines = opens | holds(np.flatnonzero(padded == 10))
    wide = (padded[:-2] == 0xE3) & (padded[1:-1] == 0x80) & (padded[2:] == 0x82)
    wide |= (padded[:-2] == 0xEF) & (padded[1:-1] == 0xBC) & ((padded[2:] == 0x81) | (padded[2:] == 0x9F))
    stops = np.flatnonzero((padded == ord(".")) | (padded == ord("!")) | (padded == ord("?")))
    spaces = np.flatnonzero(padded <= 32)
    first_stop = np.append(stops, len(padded))[np.searchsorted(stops, before)]
    last_space = np.append(-1, spaces)[np.searchsorted(spaces, at)]
    flags[lines] |= LINE
    flags[lines | holds(np.flatnonzero(wide)) | (first_stop < last_space)] |= SENTENCE
    return flags


class Sought(NamedTuple):
    """Parts of benchmark items, as `scan` looks for them; benchmarks_refs/fingerprints.py says how they are made."""

    postings: Hashes  # ascending; 40 bits of a gram that is looked for, 24 bits: the part that it is of
    heads: Places  # (2**k + 1,) where among the postings those with the same k highest bits begin
    bitmap: Hashes  # bit by the highest bits of a gram: whether it may be among the postings
    wholes: Hashes  # ascending; WHOLE of the hashes of whole parts that are looked for
    whole_parts: Ints
    whole_bitmap: Hashes
    limits: Ints  # (n_parts + 1,) of the grams of each part
    grams: Hashes  # 40 bits of the number-masked gram, 8 bits of the exact one
    at: Places  # token at which a gram begins
    spans: Ints  # (n_parts + 1,) of the tokens of each part
    weights: Bytes  # of each token; of a number, A_NUMBER more


def scan(hashes: Hashes, bounds: Ints, marks: Bytes, n: int, sought: Sought) -> Ints:
    """Which parts of benchmark items stand in texts, whole or edited.

    A part is looked at where one of its postings stands in the text (of 8 grams or more, two and a tenth of them, or
    five), or a sentence, a line or the text itself is the whole part. All its grams are then looked up in the text;
    where fewer than a fifth of them stand in it, and fewer than nine (two, where not all are kept), the part is left
    unless it stands there whole. Runs of them at equal distances in both are put together, and those that lie about as
    far from each other as in the part are counted: as far from the longest run as the part is long, and 32 tokens at
    least; no further where that run is the whole part.

    Parameters
    ----------
    hashes, bounds : ndarray of uint64, ndarray of int64
        As `tokenise` gives them.
    marks : ndarray of uint8
        As `mark` gives them.
    n : int
        Tokens of a gram.
    sought : Sought
        What is looked for.

    Returns
    -------
    ndarray of int64, shape (n_hits, len(HIT))
        Ascending by text and part; without those of which little was found: less than two fifths of the weights, no
        13 tokens in a row, less than half of the tokens in runs of 8, and no whole part.

        text, part
            Their numbers.
        exact_weight
            Of the part's tokens that lie in a gram of the text.
        masked_weight
            The same with all numbers made one; numbers themselves then weigh nothing.
        exact_run, masked_run
            Tokens of the longest run.
        first, end
            Tokens of the text between which it lies.
        eights, in_eights, in_tens
            Exact 8-grams of the part in the text; tokens of it in exact runs of 8, and of 10 or more.
        whole
            BY_SENTENCE, BY_LINE or BY_TEXT; 0: none of them is the whole part.
    """
    r = sought
    low = np.uint64((1 << 24) - 1)
    keys_of = r.postings & ~low
    sizes = np.diff(r.limits)
    found: list[list[int]] = []
    for text in range(len(bounds) - 1):
        tokens = hashes[bounds[text] : bounds[text + 1]]
        flags = marks[bounds[text] : bounds[text + 1]]
        masked = grams(np.where(flags & NUMBER, np.uint64(ALL_NUMBERS), tokens), n) & ~low
        exact = (grams(tokens, n) >> np.uint64(56)).astype(np.int64)
        left, right = (np.searchsorted(keys_of, masked, side=side) for side in ("left", "right"))
        seeds = Counter(
            int(r.postings[k] & low)
            for a, b in zip(left[right > left].tolist(), right[right > left].tolist(), strict=True)
            for k in range(a, b)
        )
        nominees = dict.fromkeys(seeds, (0, 0, 0))
        for kind, first, end in _blocks(flags):
            value = _spread(_runs(tokens, np.array([first]), np.array([end])))[0] & np.uint64(WHOLE)
            a, b = (int(np.searchsorted(r.wholes, value, side=side)) for side in ("left", "right"))
            for part in r.whole_parts[a:b].tolist():
                if nominees.get(part, (0, 0, 0))[0] < kind:
                    nominees[part] = (kind, first, end)
        places: dict[int, list[int]] = {}
        for p, key in enumerate(masked.tolist()):
            if len(here := places.setdefault(key, [])) < MAX_PLACES:
                here.append(p)
        for part in sorted(nominees):
            whole, first, end = nominees[part]
            own_weights = r.weights[r.spans[part] : r.spans[part + 1]]
            weights = (own_weights & np.uint8(A_NUMBER - 1)).astype(np.int64)
            of_words = np.where(own_weights & A_NUMBER, 0, weights)
            if not sizes[part]:
                found.append(
                    [
                        text,
                        part,
                        int(weights.sum()),
                        int(of_words.sum()),
                        end - first,
                        end - first,
                        first,
                        end,
                        0,
                        0,
                        0,
                        whole,
                    ]
                )
                continue
            if not whole and sizes[part] >= 8 and seeds[part] < min(5, max(2, (sizes[part] + 9) // 10)):
                continue
            own = r.grams[r.limits[part] : r.limits[part + 1]]
            grid = [places.get(int(key), []) for key in own & ~low]
            n_found = sum(map(bool, grid))
            is_winnowed = sizes[part] < len(weights) - n + 1
            if not whole and n_found * 5 < sizes[part] and n_found < (2 if is_winnowed else 9):
                continue
            at = r.at[r.limits[part] : r.limits[part + 1]].tolist()
            checks = ((own >> np.uint64(16)) & np.uint64(255)).astype(np.int64).tolist()
            same = [[p for p in here if exact[p] == value] for here, value in zip(grid, checks, strict=True)]
            runs, exact_runs = _trace(grid, at, n), _trace(same, at, n)
            if not runs:
                continue
            # Of equally long runs the exact one: where a text holds two copies, this is the better.
            start, stop, place = min(runs, key=lambda run: (run[0] - run[1], run not in exact_runs, run[2], run[0]))
            slack = max(32, len(weights)) if stop - start < len(weights) else 0  # a whole copy stands for itself

            def near(run: tuple[int, int, int], aside: int = place - start, slack: int = slack) -> bool:
                return abs(run[2] - run[0] - aside) <= slack

            runs, exact_runs = list(filter(near, runs)), list(filter(near, exact_runs))
            reach, exact_reach = (_reach(some, len(weights)) for some in (runs, exact_runs))
            eights = {k for begins, ends, _ in exact_runs for k in range(begins, ends - 7)}
            hit = [
                text,
                part,
                int(weights[exact_reach > 0].sum()),
                int(of_words[reach > 0].sum()),
                int(exact_reach.max(initial=0)),
                stop - start,
                min(p for _, _, p in runs),
                max(p + b - a for a, b, p in runs),
                len(eights),
                int((exact_reach >= 8).sum()),
                int((exact_reach >= 10).sum()),
                whole,
            ]
            much = hit[2] * 5 >= weights.sum() * 2 or hit[3] * 5 >= of_words.sum() * 2 > 0
            if whole or much or hit[4] >= 13 or hit[9] * 2 >= len(weights):
                found.append(hit)
    return np.array(found, dtype=np.int64).reshape(-1, len(HIT))


def _blocks(flags: Bytes) -> list[tuple[int, int, int]]:
    """Kind, first token and end of each sentence, line and of the text itself."""
    if not len(flags):
        return []
    blocks = []
    for kind, flag in ((BY_SENTENCE, SENTENCE), (BY_LINE, LINE)):
        edges = [*np.flatnonzero(flags & flag).tolist(), len(flags)]
        blocks += [(kind, a, b) for a, b in pairwise(edges)]
    return [*blocks, (BY_TEXT, 0, len(flags))]


def _trace(grid: list[list[int]], at: list[int], n: int) -> list[tuple[int, int, int]]:
    """Runs: first token and end in the part, first token in the text."""
    runs = []
    active: dict[int, tuple[int, int]] = {}  # place of the last gram -> where the run begins in part and text
    before = 0
    for here, j in zip(grid, at, strict=True):
        following = {p: active.pop(p - (j - before), (j, p)) for p in here}
        runs += [(start, before + n, place) for start, place in active.values()]
        active, before = following, j
    return runs + [(start, before + n, place) for start, place in active.values()]


def _reach(runs: list[tuple[int, int, int]], n_tokens: int) -> Ints:
    """The longest run that each token of a part lies in."""
    reach = np.zeros(n_tokens, dtype=np.int64)
    for start, end, _ in runs:
        reach[start:end] = np.maximum(reach[start:end], end - start)
    return reach
