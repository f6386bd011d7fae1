# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Tokens of texts and their flags, peculiar spelling, suspect bytes, and digests of texts."""

import numpy as np

from libc.stdlib cimport free, malloc, realloc

from ..layout import (
    CHANGES, LINE, MARK, NUMBER, ODD, ODD_BEHIND_DIGIT, SENTENCE, SEPARATOR, SEQUENCE, SINGLE, SKIP, WORD, WORDS,
)

include "hashing.pxi"

cdef enum:  # equal to layout.py; constants for the C compiler
    SEP, RUN, ONE, JOINS, PASSES, MANY, RUNS
    INSIDE = 1 << RUN | 1 << JOINS | 1 << RUNS  # kinds that continue a word
    F_NUMBER = 1, F_LINE = 2, F_SENTENCE = 4
    F_CHANGES = 1, F_ODD = 2, F_BEHIND = 4
    BLOCK = 64  # characters of ASCII that are classified at a time
if (SEP, RUN, ONE, JOINS, PASSES, MANY, RUNS, F_NUMBER, F_LINE, F_SENTENCE, F_CHANGES, F_ODD, F_BEHIND) != (
    *(SEPARATOR, WORD, SINGLE, MARK, SKIP, SEQUENCE, WORDS, NUMBER, LINE, SENTENCE, CHANGES, ODD, ODD_BEHIND_DIGIT),
):
    raise ImportError("the compiled kernels belong to another version; install chataudit again")


# -- tokens ----------------------------------------------------------------------------------------------------------


cdef struct Token:
    uint64_t hash  # of all whole words so far
    uint64_t word  # the last bytes, the first one lowest
    int n  # number of these bytes


cdef struct Reader:
    const uint8_t *data
    int64_t n_data
    const uint32_t *table
    const uint32_t *sequences
    uint64_t *hashes
    int32_t *starts
    int32_t *ends
    Py_ssize_t n  # tokens so far
    int64_t base, end  # of the text
    Token token
    uint32_t under_way  # SEP: no token; else the kind of the unfinished one


cdef inline void add(Token *token, uint64_t bytes_, int n) noexcept nogil:
    """Add 1 to 8 bytes, the first one lowest."""
    token.word |= bytes_ << 8 * token.n
    token.n += n
    if token.n >= 8:
        token.hash = token.hash * K + token.word
        token.n -= 8
        token.word = bytes_ >> 8 * (n - token.n) if token.n else 0


cdef inline void put(Token *token, uint32_t code) noexcept nogil:
    """Add a character in UTF-8."""
    cdef uint64_t encoded
    cdef int n
    if code < 0x80:
        encoded, n = code, 1
    elif code < 0x800:
        encoded, n = 0x80C0 | code >> 6 | (code & 63) << 8, 2
    elif code < 0x10000:
        encoded, n = 0x8080E0 | code >> 12 | (code >> 6 & 63) << 8 | (code & 63) << 16, 3
    else:
        encoded = <uint32_t>0x808080F0 | code >> 18 | (code >> 12 & 63) << 8 | (code >> 6 & 63) << 16
        encoded |= <uint64_t>(code & 63) << 24
        n = 4
    add(token, encoded, n)


cdef inline uint64_t finished(Token *token) noexcept nogil:
    return spread(token.hash * K + token.word if token.n else token.hash)


cdef inline void begin_token(Reader *r, int64_t at, uint32_t kind) noexcept nogil:
    r.starts[r.n] = <int32_t>(at - r.base)
    r.under_way = kind
    r.token.hash, r.token.word, r.token.n = 0, 0, 0


cdef inline void end_token(Reader *r) noexcept nogil:
    r.hashes[r.n] = finished(&r.token)
    r.n += 1
    r.under_way = SEP


cdef inline uint64_t word_flags(const uint8_t *at, int *n) noexcept nogil:
    """Return a bit for each of n characters: whether it is an ASCII letter or digit. Set n to the number of characters
    before the first one beyond ASCII. Reads eight bytes at a time."""
    cdef uint64_t flags = 0, word, letters, others
    cdef int k
    for k in range(0, n[0], 8):
        word = load8(at + k)
        others = word & ~HIGHS
        letters = others | ONES * 0x20
        letters = (letters + ONES * 0x1F) & ~(letters + ONES * 0x05)
        letters = (letters | (others + ONES * 0x50) & ~(others + ONES * 0x46)) & ~word & HIGHS
        flags |= ((letters >> 7) * <uint64_t>0x0102040810204080 >> 56) << k
        if word & HIGHS:
            n[0] = min(n[0], k + (trailing_zeros(word & HIGHS) >> 3))
            break
    return flags


cdef inline uint64_t block_flags(const Reader *r, int64_t p, int *n) noexcept nogil:
    """Return `word_flags` of at most 64 characters from p on, and set n to how many these are."""
    cdef uint8_t[72] spare
    cdef uint64_t flags
    n[0] = BLOCK if r.end - p > BLOCK else <int>(r.end - p)
    if p + 72 <= r.n_data:
        flags = word_flags(r.data + p, n)
    else:  # near the end of all data: do not read beyond
        memset(spare, 0, sizeof(spare))
        memcpy(spare, r.data + p, n[0])
        flags = word_flags(spare, n)
    return flags & ((<uint64_t>1 << n[0]) - 1) if n[0] < BLOCK else flags


cdef inline uint64_t lower(uint64_t word) noexcept nogil:
    return word | (word & ONES * 0x40) >> 1


cdef inline void add_ascii(Reader *r, int64_t at, int length) noexcept nogil:
    """Add letters and digits in lower case to the token."""
    cdef uint64_t word
    while length > 0:
        if at + 8 <= r.n_data:
            word = load8(r.data + at)
        else:
            word = 0
            memcpy(&word, r.data + at, r.n_data - at)
            word = load8(<const uint8_t *>&word)
        word = lower(word)
        if length < 8:
            word &= (<uint64_t>1 << 8 * length) - 1
        add(&r.token, word, length if length < 8 else 8)
        at += 8
        length -= 8


cdef inline int64_t read_ascii(Reader *r, int64_t p) noexcept nogil:
    """Read at most 64 characters of ASCII from p on; return the place after them."""
    cdef int n_ascii, first, length
    cdef int64_t at, base = r.base, last_load = r.n_data - 8
    cdef uint64_t rest, flags = block_flags(r, p, &n_ascii)
    cdef bint continues
    cdef Py_ssize_t n
    if r.under_way != SEP and not (flags & 1 and r.under_way == RUN):
        end_token(r)
    n = r.n
    while flags:
        first = trailing_zeros(flags)
        rest = ~(flags >> first)
        length = trailing_zeros(rest) if rest else 64
        continues = first + length == n_ascii
        at = p + first
        flags &= flags + (<uint64_t>1 << first)  # without this run
        r.ends[n] = <int32_t>(at + length - base)
        if r.under_way == SEP:
            if length <= 8 and not continues and at <= last_load:  # a whole word in one load, as most are
                r.starts[n] = <int32_t>(at - base)
                r.hashes[n] = spread(lower(load8(r.data + at)) & <uint64_t>-1 >> 8 * (8 - length))
                n += 1
                continue
            r.n = n
            begin_token(r, at, RUN)
        add_ascii(r, at, length)
        if not continues:
            end_token(r)
            n = r.n
    r.n = n
    return p + n_ascii


cdef inline int64_t read_word(Reader *r, int64_t p, uint32_t entry) noexcept nogil:
    """Continue a word with a character that ends before p and all that follow within it; return the place after them."""
    cdef uint32_t c, k, part
    cdef int width
    while True:
        if entry >> 29 == RUNS:
            k = entry & 0x1FFFFFFF
            for part in range(r.sequences[k]):
                put(&r.token, r.sequences[k + 1 + part] & 0x1FFFFFFF)
        else:
            put(&r.token, entry & 0x1FFFFFFF)
        if p >= r.end:
            break
        c = r.data[p]
        if 0xC3 <= c < 0xE0:
            c = (c & 31) << 6 | r.data[p + 1] & 63
            width = 2
        elif 0xE0 <= c < 0xF0:
            c = (c & 15) << 12 | (r.data[p + 1] & 63) << 6 | r.data[p + 2] & 63
            width = 3
        else:
            break
        entry = r.table[c]
        if not 1 << (entry >> 29) & INSIDE:
            break
        p += width
    r.ends[r.n] = <int32_t>(p - r.base)
    return p


cdef inline void read_entry(Reader *r, int64_t at, int64_t p, uint32_t entry) noexcept nogil:
    """Read the character in bytes [at, p), which may expand to several."""
    cdef uint32_t k = 0, n_parts = 1, part, kind
    if entry >> 29 >= MANY:
        k = entry & 0x1FFFFFFF
        n_parts = r.sequences[k]
        entry = r.sequences[k + 1]
    for part in range(n_parts):
        if part:
            entry = r.sequences[k + 1 + part]
        kind = entry >> 29
        if kind == PASSES:
            continue
        if kind == SEP or (kind == JOINS and r.under_way == SEP):
            if r.under_way != SEP:
                end_token(r)
            continue
        if r.under_way == SEP or kind == ONE or (kind == RUN and r.under_way == ONE):
            if r.under_way != SEP:
                end_token(r)
            begin_token(r, at, kind)
        put(&r.token, entry & 0x1FFFFFFF)
        r.ends[r.n] = <int32_t>(p - r.base)


cdef inline void read_text(Reader *r) noexcept nogil:
    cdef int64_t p = r.base, at
    cdef uint32_t entry
    cdef int width
    r.under_way = SEP
    while p < r.end:
        if r.data[p] < 128:
            p = read_ascii(r, p)
            continue
        at = p
        entry = r.table[decode(r.data + p, &width)]
        p += width
        if r.under_way == RUN and 1 << (entry >> 29) & INSIDE:  # within a word, as most are
            p = read_word(r, p, entry)
        else:
            read_entry(r, at, p, entry)
    if r.under_way != SEP:
        end_token(r)


def grown(n, capacity, *arrays):
    """Return larger arrays with the first n values of these."""
    larger = [np.empty(capacity, dtype=array.dtype) for array in arrays]
    for new, old in zip(larger, arrays, strict=True):
        new[:n] = old[:n]
    return larger


cdef void write_to(Reader *r, uint64_t[::1] hashes, int32_t[::1] starts, int32_t[::1] ends):
    if hashes.shape[0]:
        r.hashes, r.starts, r.ends = &hashes[0], &starts[0], &ends[0]


def tokenise(
    const uint8_t[::1] data, const int64_t[::1] offsets, const uint32_t[::1] table, const uint32_t[::1] sequences
):
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1, text
    # Room for a token every three bytes, which is much; where a text may need more, room is made before it is read. No
    # text has more than two tokens a byte (text.py).
    cdef Py_ssize_t capacity = (offsets[n_texts] - offsets[0]) // 3, wanted
    hashes = np.empty(capacity, dtype=np.uint64)
    starts = np.empty(capacity, dtype=np.int32)
    ends = np.empty(capacity, dtype=np.int32)
    bounds_ = np.empty(n_texts + 1, dtype=np.int64)
    cdef int64_t[::1] bounds = bounds_
    cdef Reader r
    memset(&r, 0, sizeof(r))
    r.data, r.n_data = &data[0] if data.shape[0] else NULL, data.shape[0]
    r.table, r.sequences = &table[0], &sequences[0] if sequences.shape[0] else NULL
    write_to(&r, hashes, starts, ends)
    with nogil:
        bounds[0] = 0
        for text in range(n_texts):
            r.base, r.end = offsets[text], offsets[text + 1]
            wanted = r.n + 2 * (r.end - r.base)
            if wanted > capacity:
                with gil:
                    capacity = wanted + capacity // 2
                    hashes, starts, ends = grown(r.n, capacity, hashes, starts, ends)
                    write_to(&r, hashes, starts, ends)
            read_text(&r)
            bounds[text + 1] = r.n
    return hashes[:r.n], starts[:r.n], ends[:r.n], bounds_


# -- flags of tokens -------------------------------------------------------------------------------------------------


cdef inline bint has_digit(const uint8_t *at, const uint8_t *end, const uint8_t[::1] digits) noexcept nogil:
    cdef uint32_t c
    cdef int width
    while at < end:
        c = at[0]
        if c < 0x80:  # as most are: no look at the table
            at += 1
            if c - 48 < 10:
                return True
            continue
        c = decode(at, &width)
        at += width
        if c < <uint32_t>digits.shape[0] and digits[c]:
            return True
    return False


cdef inline uint8_t flags_between(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Return the flags of a token by the bytes between the token before it and itself."""
    cdef uint8_t flags = 0, c
    cdef bint stopped = False
    if at + 1 == end and at[0] == 32:  # one space, as mostly
        return 0
    while at < end:
        c = at[0]
        if c == 10:
            return F_LINE | F_SENTENCE
        if stopped and c <= 32:
            flags = F_SENTENCE
        elif c == 46 or c == 33 or c == 63:
            stopped = True
        elif c == 0xE3 and at[1] == 0x80 and at[2] == 0x82:
            flags = F_SENTENCE
        elif c == 0xEF and at[1] == 0xBC and (at[2] == 0x81 or at[2] == 0x9F):
            flags = F_SENTENCE
        at += 1
    return flags


def mark(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const int32_t[::1] starts,
    const int32_t[::1] ends,
    const int64_t[::1] bounds,
    const uint8_t[::1] digits,
):
    cdef Py_ssize_t text, i
    flags_ = np.zeros(starts.shape[0], dtype=np.uint8)
    cdef uint8_t[::1] flags = flags_
    cdef const uint8_t *base
    with nogil:
        for text in range(offsets.shape[0] - 1):
            if bounds[text] == bounds[text + 1]:
                continue
            base = &data[0] + offsets[text]
            for i in range(bounds[text], bounds[text + 1]):
                if i == bounds[text]:
                    flags[i] = F_LINE | F_SENTENCE
                else:
                    flags[i] = flags_between(base + ends[i - 1], base + starts[i])
                if has_digit(base + starts[i], base + ends[i], digits):
                    flags[i] |= F_NUMBER
    return flags_


# -- bytes -----------------------------------------------------------------------------------------------------------


cdef inline bint is_ascii_letter(uint8_t c) noexcept nogil:
    return 97 <= c | 32 <= 122


cdef inline bint is_in_word(uint8_t c) noexcept nogil:
    return c >= 0x80 or is_ascii_letter(c)


cdef bint divides_a_word(const uint8_t *data, int64_t p, int64_t base, int64_t end) noexcept nogil:
    """Whether a word goes on behind the hyphen before this line feed."""
    cdef int64_t before = p - 1 - (p > base and data[p - 1] == 13)
    if before <= base or data[before] != 45 or not is_in_word(data[before - 1]):
        return False
    p += 1
    while p < end and (data[p] == 32 or data[p] == 9):
        p += 1
    return p < end and is_in_word(data[p])


cdef uint8_t peculiarities(
    const uint8_t *data, int64_t base, int64_t end, const uint8_t *kinds, const uint8_t *commands
) noexcept nogil:
    cdef uint8_t found = 0, c, kind
    cdef int64_t p = base
    cdef uint64_t word, x, y
    cdef uint32_t code
    cdef int width
    while p < end:
        if p + 8 <= end:  # eight bytes at a time without any of these
            word = load8(&data[p])
            x, y = word ^ ONES * 92, word ^ ONES * 10
            if not ((word | (x - ONES) & ~x | (y - ONES) & ~y) & HIGHS):
                p += 8
                continue
        c = data[p]
        if c >= 0x80:
            code = decode(&data[p], &width)
            kind = kinds[code] if code < 0x10000 else 0
            found |= kind & (F_CHANGES | F_ODD)
            if kind & F_BEHIND and p > base and 48 <= data[p - 1] <= 57:
                found |= F_ODD
            p += width
            continue
        if c == 92 and p + 2 < end and is_ascii_letter(data[p + 1]) and is_ascii_letter(data[p + 2]):
            found |= commands[data[p + 1] << 8 | data[p + 2]]
        elif c == 10 and divides_a_word(data, p, base, end):
            found |= F_ODD
        p += 1
    return found


def peculiar(
    const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] kinds, const uint8_t[::1] commands
):
    found = np.zeros(offsets.shape[0] - 1, dtype=np.uint8)
    cdef uint8_t[::1] out = found
    cdef Py_ssize_t k
    with nogil:
        for k in range(offsets.shape[0] - 1):
            if offsets[k + 1] > offsets[k]:
                out[k] = peculiarities(&data[0], offsets[k], offsets[k + 1], &kinds[0], &commands[0])
    return found


cdef struct Places:
    int64_t *at
    Py_ssize_t n, room


cdef bint keep(Places *places, int64_t p) noexcept nogil:
    """Append a place; false where there is no memory."""
    cdef void *grown
    if places.n == places.room:
        places.room = 2 * places.room + 1024
        grown = realloc(places.at, places.room * sizeof(int64_t))
        if grown == NULL:
            return False
        places.at = <int64_t *>grown
    places.at[places.n] = p
    places.n += 1
    return True


cdef as_array(Places *places, bint is_complete):
    """Return the places as an array, and free them."""
    cdef Py_ssize_t k
    cdef int64_t[::1] out
    try:
        if not is_complete:
            raise MemoryError
        array = np.empty(places.n, dtype=np.int64)
        out = array
        for k in range(places.n):
            out[k] = places.at[k]
        return array
    finally:
        free(places.at)


def suspects(const uint8_t[::1] data):
    cdef Py_ssize_t n = data.shape[0], p = 0
    cdef uint64_t word, x, y, z
    cdef Places found
    cdef uint8_t c
    memset(&found, 0, sizeof(found))
    with nogil:
        while p < n:
            if p + 8 <= n:  # eight bytes at a time without any of these
                word = load8(&data[p])
                x, y, z = word ^ ONES * 0x7F, word ^ ONES * 0xC2, word ^ ONES * 0xEF
                if not (
                    ((word - ONES * 32) & ~word | (x - ONES) & ~x | (y - ONES) & ~y | (z - ONES) & ~z) & HIGHS
                ):
                    p += 8
                    continue
            c = data[p]
            if (c < 32 and c != 9 and c != 10 and c != 13) or c == 0x7F or c == 0xC2 or c == 0xEF:
                if not keep(&found, p):
                    break
            p += 1
    return as_array(&found, p == n)


def mixed(const uint8_t[::1] data, const int64_t[::1] offsets):
    cdef int64_t first = offsets[0], end = offsets[offsets.shape[0] - 1], p = first
    cdef Places found
    cdef uint8_t c
    memset(&found, 0, sizeof(found))
    with nogil:
        while p < end:
            if p + 8 <= end and not load8(&data[p]) & HIGHS:
                p += 8
                continue
            c = data[p]
            if (
                0xCD <= c <= 0xD4
                and ((p > first and is_ascii_letter(data[p - 1])) or (p + 2 < end and is_ascii_letter(data[p + 2])))
                and not keep(&found, p)
            ):
                break
            p += 1
    return as_array(&found, p == end)


def digest(const uint8_t[::1] data, const int64_t[::1] offsets):
    # .02 s, where blake2b takes .25
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1, k, left
    cdef uint64_t total, word, place
    cdef const uint8_t *at
    out_ = np.empty(n_texts, dtype=np.uint64)
    cdef uint64_t[::1] out = out_
    with nogil:
        for k in range(n_texts):
            left = offsets[k + 1] - offsets[k]
            at = &data[offsets[k]] if left else NULL
            total = left
            place = 0
            while left > 0:
                place += K
                if left >= 8:
                    word = load8(at)
                else:
                    word = 0
                    while left > 0:
                        left -= 1
                        word = word << 8 | at[left]
                total += spread(word ^ place)
                at += 8
                left -= 8
            out[k] = spread(total)
    return out_
