# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Signs between the tokens of texts, and their words in short."""

import numpy as np

from ..layout import BLANK, MEANS, NUMERIC, PAYLOAD, SEQUENCE, SHORT

include "hashing.pxi"

cdef enum:  # equal to layout.py; constants for the C compiler
    K_BLANK = 0, K_MEANS = 2
    SHIFT = 29
    MANY = 5
    K_NUMERIC = 1, K_SHORT = 2
if (K_BLANK, K_MEANS, SHIFT, MANY, K_NUMERIC, K_SHORT) != (BLANK, MEANS, PAYLOAD, SEQUENCE, NUMERIC, SHORT):
    raise ImportError("the compiled kernels belong to another version; install chataudit again")


cdef struct Gap:
    uint32_t signs  # a hash of all signs so far; 0: none
    uint32_t meant  # of those that carry meaning
    uint32_t last  # the sign before, or 0
    int run  # how many times it stands in a row
    bint opens_line
    bint after_blank


cdef inline uint32_t mixed(uint32_t hash, uint32_t code) noexcept nogil:
    hash = (hash ^ code) * <uint32_t>0x9E3779B1
    return (hash ^ hash >> 15) | 1


cdef inline bint is_operand(const uint8_t *at, const uint8_t *end) noexcept nogil:
    """Whether a token is a number or a single letter of ASCII."""
    return at[0] - 48 < 10 or (end - at == 1 and at[0] < 128)


cdef inline bint is_digit(uint8_t c) noexcept nogil:
    return 48 <= c < 58


cdef inline void meet(
    Gap *g, uint32_t code, uint8_t kind, bint before_token, bint before_blank, int more, bint operands, bint digits
) noexcept nogil:
    """Add a sign: `more` of the same follow; the gap is between operands, or between digits."""
    cdef bint means = kind == K_MEANS, glued = not g.after_blank and g.last == 0
    if 0x2010 <= code <= 0x2015 or code == 0x2212:
        code = 45
    g.run = g.run + 1 if code == g.last else 1
    if g.run + more >= 3 or (g.opens_line and (before_blank or more or g.run > 1 or code == 62)):
        means = False  # a rule of signs; a mark of a list, a heading or a quotation
    elif code == 45:
        means = operands or (digits and before_token and not glued)
    elif code == 42 or code == 47:
        means = operands
    elif code == 46:
        means = operands and digits and glued and before_token
    elif code == 35:
        means = glued
    elif code == 33:
        means = before_token and not glued
    g.signs = mixed(g.signs, code)
    if means:
        g.meant = mixed(g.meant, code)
    g.last, g.after_blank = code, False
    g.opens_line = g.opens_line and (more > 0 or g.run > 1)


cdef inline void read_gap(
    Gap *g,
    const uint8_t *at,
    const uint8_t *end,
    bint has_next,
    bint operands,
    bint digits,
    const uint32_t[::1] table,
    const uint32_t[::1] sequences,
    const uint8_t[::1] kinds,
) noexcept nogil:
    cdef uint32_t entry, code, k, n_parts, part
    cdef const uint8_t *after
    cdef int width, more
    cdef uint8_t kind
    cdef bint before_blank
    while at < end:
        if at[0] < 128:
            code, width = at[0], 1
        else:
            code = decode(at, &width)
        after = at + width
        more = 0
        if width == 1:
            while more < 2 and after + more < end and after[more] == at[0]:
                more += 1
        entry = table[code]
        k, n_parts = 0, 1
        if entry >> SHIFT >= MANY:
            k = entry & 0x1FFFFFFF
            n_parts = sequences[k]
        for part in range(n_parts):
            if n_parts > 1:
                entry = sequences[k + 1 + part]
            if entry >> SHIFT:  # no separator
                continue
            code = entry & 0x1FFFFFFF
            kind = kinds[code]
            if kind == K_BLANK:
                if code == 10 or code == 13:
                    g.opens_line = True
                g.after_blank, g.last = True, 0
            else:
                before_blank = after[0] <= 32 if after < end else not has_next
                meet(g, code, kind, after == end and has_next, before_blank, more, operands, digits)
        at = after


def signs(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const uint64_t[::1] hashes,
    const int32_t[::1] starts,
    const int32_t[::1] ends,
    const int64_t[::1] bounds,
    const uint32_t[::1] table,
    const uint32_t[::1] sequences,
    const uint8_t[::1] kinds,
):
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1, text, i, first, last
    gaps_ = np.zeros(starts.shape[0] + n_texts, dtype=np.uint32)
    written_ = np.empty(n_texts, dtype=np.uint64)
    meant_ = np.empty(n_texts, dtype=np.uint64)
    counts_ = np.empty(n_texts, dtype=np.int64)
    cdef uint32_t[::1] gaps = gaps_
    cdef int64_t[::1] counts = counts_
    cdef uint64_t[::1] written = written_, meant = meant_
    cdef uint64_t x, y
    cdef int64_t n
    cdef const uint8_t *base
    cdef const uint8_t *at
    cdef const uint8_t *end
    cdef bint left, right
    cdef Gap g
    with nogil:
        for text in range(n_texts):
            x = y = 0
            n = 0
            first, last = bounds[text], bounds[text + 1]
            base = &data[0] + offsets[text] if data.shape[0] else NULL
            for i in range(first, last + 1):
                at = base + ends[i - 1] if i > first else base
                end = base + starts[i] if i < last else base + (offsets[text + 1] - offsets[text])
                g.signs = g.meant = 0
                if at < end and not (at + 1 == end and at[0] == 32):
                    g.last, g.run = 0, 0
                    g.opens_line = g.after_blank = i == first
                    left = i > first and is_operand(base + starts[i - 1], at)
                    right = i < last and is_operand(end, base + ends[i])
                    read_gap(
                        &g, at, end, i < last, left and right, i < last and is_digit(end[0]),
                        table, sequences, kinds,
                    )
                gaps[i + text] = g.signs
                n += g.signs > 0
                x, y = x * K + g.signs, y * K + g.meant
                if i < last:
                    x, y = x * K + hashes[i], y * K + hashes[i]
            written[text], meant[text], counts[text] = spread(x), spread(y), n
    return gaps_, written_, meant_, counts_


cdef inline int64_t n_characters(const uint8_t *at, const uint8_t *end) noexcept nogil:
    cdef int64_t n = end - at
    while at < end:
        n -= at[0] & 0xC0 == 0x80
        at += 1
    return n


def words(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const uint64_t[::1] hashes,
    const int32_t[::1] starts,
    const int32_t[::1] ends,
    const int64_t[::1] bounds,
    const uint8_t[::1] percents,
):
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1, text, i
    cdef int64_t n, percent
    cdef int32_t before
    cdef bint is_ascii
    cdef uint32_t word
    cdef const uint8_t *base
    words_ = np.empty(starts.shape[0], dtype=np.uint32)
    steps_ = np.empty(starts.shape[0], dtype=np.uint16)
    counts_ = np.zeros(n_texts, dtype=np.int64)
    cdef uint32_t[::1] found = words_
    cdef uint16_t[::1] steps = steps_
    cdef int64_t[::1] counts = counts_
    with nogil:
        for text in range(n_texts):
            base = &data[0] + offsets[text] if data.shape[0] else NULL
            before = 0
            percent = 0
            n = offsets[text + 1] - offsets[text]
            is_ascii = n == n_characters(base, base + n)
            for i in range(bounds[text], bounds[text + 1]):
                n = starts[i] - before if is_ascii else n_characters(base + before, base + starts[i])
                before = starts[i]
                steps[i] = <uint16_t>min(n, 0xFFFF)
                word = <uint32_t>(hashes[i] >> 32) & ~<uint32_t>(K_NUMERIC | K_SHORT)
                if is_digit(base[before]):
                    word |= K_NUMERIC
                if ends[i] - before <= 3:
                    word |= K_SHORT
                found[i] = word
                percent += percents[base[before]] if ends[i] - before == 3 else 100
            counts[text] = (percent + 99) // 100
    return words_, steps_, counts_
