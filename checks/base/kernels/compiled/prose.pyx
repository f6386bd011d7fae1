# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Prose of texts, letters by script, and excerpts."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memcpy, memset

from .. import layout

cdef enum:  # equal to layout.py; constants for the C compiler
    N_CODE = 16, N_COUNTS
    MAX_INLINE = 300
if (N_CODE, N_COUNTS, MAX_INLINE) != (layout.N_CODE, layout.N_COUNTS, layout.MAX_INLINE):
    raise ImportError("the compiled kernels belong to another version; install chataudit again")

include "lines.pxi"

cdef extern from *:
    """
    #define SPACE 0x20
    #define HAN 0x4E00

    /* Cloned for processors with wide registers where the loader can choose (glibc). */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define WIDE __attribute__((target_clones("avx2", "default")))
    #else
    #define WIDE
    #endif

    /* Count the letters of ASCII among n bytes, and set whether all bytes are ASCII. */
    WIDE static int64_t ascii_letters(const uint8_t *s, size_t n, uint8_t *is_ascii)
    {
        int64_t n_letters = 0;
        uint8_t all = 0;
        for (size_t start = 0; start < n; start += 255) {
            size_t end = n - start < 255 ? n : start + 255;
            uint8_t letters = 0;
            for (size_t j = start; j < end; j++) {
                letters += (uint8_t)((s[j] | 32) - 'a') < 26;
                all |= s[j];
            }
            n_letters += letters;
        }
        *is_ascii = all < 0x80;
        return n_letters;
    }
    """
    const int SPACE, HAN
    int64_t ascii_letters(const uint8_t *s, size_t n, uint8_t *is_ascii) nogil


# -- within lines ----------------------------------------------------------------------------------------------------


cdef int64_t inline_end(const uint8_t *s, int64_t k, int64_t n) noexcept nogil:
    """Return the end of what begins at k and is not prose; 0: nothing begins there."""
    cdef uint8_t lead = s[k], after = s[k + 1] if k + 1 < n else 0
    cdef int64_t limit = min(n, k + MAX_INLINE), start, close
    if lead == 0x60:
        start = k
        while start < n and s[start] == 0x60:
            start += 1
        close = find(s, start, n, 0x60)
        if close > start:
            while close < n and s[close] == 0x60:
                close += 1
            return close
    elif lead == 0x3C:
        return tag_end(s, k, n)
    elif lead == 0x5D:
        if after == 0x28:
            close = find(s, k, limit, 0x29)
            if close >= 0 and find(s, k, close, 0x20) < 0:
                return close + 1
    elif lead == 0x24:
        if after and after != 0x20 and after != 0x24 and after != 0x09:
            close = find(s, k + 2, limit, 0x24)
            if close >= 0 and s[close - 1] != 0x20 and s[close - 1] != 0x09:
                return close + 1
    elif lead == 0x5C:
        if after == 0x28 or after == 0x5B:
            start = k + 2
            while True:
                close = find(s, start, limit - 1, 0x5C)
                if close < 0:
                    break
                if s[close + 1] == (0x29 if after == 0x28 else 0x5D):
                    return close + 2
                start = close + 1
    return 0


cdef bint is_name(const uint8_t *s, int64_t n) noexcept nogil:
    """Decide whether a run of characters is an address, a path, a variable or the like, and not a word."""
    cdef int64_t k, slashes = 0
    cdef uint8_t c
    cdef int kind, before = 0
    if n > 1 and among(s[0], b"#$/%") and is_a(s[1], NAME):
        return True
    if n > 2 and s[0] == 0x2D and s[1] == 0x2D and is_a(s[2], LETTER):
        return True
    for k in range(n):
        c = s[k]
        kind = kinds_of[c]
        if kind & LETTER:
            if before & DIGIT or (kind & CAPITAL and before & LOWER):
                return True
        elif kind & DIGIT:
            if before & LETTER:
                return True
        elif c == 0x28:
            if before & LETTER:
                return True
        elif c == 0x2E:
            if before & LETTER and k + 1 < n and is_a(s[k + 1], LETTER):
                return True
        elif c == 0x2F:
            slashes += 1
            if slashes > 1:
                return True
        elif among(c, b"@_\\=<>{}"):
            return True
        before = kind
    return False


cdef void blank(uint8_t *s, int64_t start, int64_t end) noexcept nogil:
    if end > start:
        memset(s + start, SPACE, end - start)


cdef void clean_line(uint8_t *s, int64_t n, bint may_inline, bint may_name) noexcept nogil:
    cdef int64_t k = 0, end
    cdef uint8_t c
    while may_inline and k < n:
        c = s[k]
        if c == 0x60 or c == 0x3C or c == 0x5D or c == 0x24 or c == 0x5C:
            end = inline_end(s, k, n)
            if end:
                blank(s, k, end)
                k = end
                continue
            while c == 0x60 and k + 1 < n and s[k + 1] == 0x60:  # read a run that nothing closes only once
                k += 1
        k += 1
    k = 0
    while may_name and k < n:
        end = k
        while end < n:
            c = s[end]
            if c < 0x80:
                if not is_a(c, PRINTED):
                    break
                end += 1
            elif 0xC2 <= c < 0xE0:
                end += 2
            elif c == 0xE1 or c == 0xE2:
                end += 3
            else:
                break
        if end > k:
            if is_name(s + k, end - k):
                blank(s, k, end)
            k = end
        else:
            k += 1


cdef void count(const uint8_t *s, int64_t n, const uint8_t *scripts, int32_t *counts) noexcept nogil:
    """Count letters by script."""
    cdef int64_t k = 0
    cdef uint32_t code
    cdef uint8_t c
    cdef uint8_t is_ascii
    cdef int32_t n_letters = ascii_letters(s, n, &is_ascii)
    counts[scripts[0x41]] = n_letters
    while k < n and not is_ascii:
        c = s[k]
        if c < 0x80:
            k += 1
        elif c < 0xE0:
            counts[scripts[(<uint32_t>c & 0x1F) << 6 | s[k + 1] & 0x3F]] += 1
            k += 2
        elif c < 0xF0:
            counts[scripts[(<uint32_t>c & 0x0F) << 12 | (<uint32_t>s[k + 1] & 0x3F) << 6 | s[k + 2] & 0x3F]] += 1
            k += 3
        else:
            code = (<uint32_t>c & 0x07) << 18 | (<uint32_t>s[k + 1] & 0x3F) << 12
            counts[scripts[HAN] if 0x20000 <= code < 0x40000 else 0] += 1
            k += 4
    counts[0] = 0


cdef int64_t clean(uint8_t *s, int64_t n, Line *lines) noexcept nogil:
    """Blank what is not prose in a text; return the bytes in lines of code."""
    cdef int64_t k, n_code = 0
    cdef Line *line
    for k in range(read_lines(s, n, lines)):
        line = &lines[k]
        if line.kind == PROSE:
            clean_line(s + line.start, line.end - line.start, line.may_inline, line.may_name)
            continue
        if line.kind == CODE or line.kind == FENCED:
            n_code += line.last - line.first
        blank(s, line.start, line.end)
    return n_code


cdef int64_t most_lines(const uint8_t[::1] data, const int64_t[::1] offsets) noexcept nogil:
    cdef int64_t most = 1, here, row, k
    for row in range(offsets.shape[0] - 1):
        here = 1
        for k in range(offsets[row], offsets[row + 1]):
            here += data[k] == 0x0A
        most = max(most, here)
    return most


def prose(const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] scripts):
    cdef int64_t n = offsets.shape[0] - 1, row, length, most = most_lines(data, offsets)
    masked = np.array(data)
    counts = np.zeros((n, N_COUNTS), dtype=np.int32)
    cdef uint8_t[::1] out = masked
    cdef int32_t[:, ::1] found = counts
    cdef Line *lines = <Line *>malloc(most * sizeof(Line))
    if lines == NULL:
        raise MemoryError(f"{most} lines in one text")
    with nogil:
        for row in range(n):
            length = offsets[row + 1] - offsets[row]
            if length:
                found[row, N_CODE] = clean(&out[offsets[row]], length, lines)
                count(&out[offsets[row]], length, &scripts[0], &found[row, 0])
    free(lines)
    return masked, counts


# -- excerpts --------------------------------------------------------------------------------------------------------


cdef int64_t squeeze(const uint8_t *s, int64_t n, uint8_t *out) noexcept nogil:
    """Write a text with one space for each run of blank or control characters; return its length."""
    cdef int64_t m = 0, k
    cdef bint gap = False
    for k in range(n):
        if s[k] <= 0x20:
            gap = m > 0
            continue
        if gap:
            out[m] = SPACE
            m += 1
            gap = False
        out[m] = s[k]
        m += 1
    return m


cdef int64_t piece(const uint8_t *s, int64_t n, int64_t at, int64_t width, uint8_t *out) noexcept nogil:
    """Write the whole characters of about `width` bytes, from a word that begins near; return how many bytes these are."""
    cdef int64_t end = at + width, space
    if at:
        space = find(s, at, min(n, at + 32), SPACE)
        at = space + 1 if space >= 0 else at
    while at < end and s[at] & 0xC0 == 0x80:
        at += 1
    while end < n and end > at and s[end] & 0xC0 == 0x80:
        end -= 1
    if end <= at:
        return 0
    memcpy(out, s + at, end - at)
    return end - at


cdef int64_t excerpt(const uint8_t *s, int64_t n, int64_t limit, uint8_t *out) noexcept nogil:
    """Write a text, or pieces of its beginning, middle and end; return how many bytes these are."""
    cdef int64_t at, width = limit // 3
    if n <= limit:
        memcpy(out, s, n)
        return n
    at = piece(s, n, 0, width, out)
    out[at] = SPACE
    at += 1
    at += piece(s, n, (n - width) // 2, width, out + at)
    out[at] = SPACE
    at += 1
    return at + piece(s, n, n - width, width, out + at)


def excerpts(const uint8_t[::1] data, const int64_t[::1] offsets, const int64_t[::1] rows, int64_t limit):
    cdef int64_t n = rows.shape[0], k, m, at = 0, most = 1, total = 1
    for k in range(n):
        m = offsets[rows[k] + 1] - offsets[rows[k]]
        most = max(most, m)
        total += m if m <= limit else limit + 2  # two spaces between three pieces
    short = np.empty(most, dtype=np.uint8)
    text = np.empty(total, dtype=np.uint8)
    bounds = np.zeros(n + 1, dtype=np.int64)
    cdef uint8_t[::1] s = short, out = text
    cdef int64_t[::1] edges = bounds
    with nogil:
        for k in range(n):
            m = offsets[rows[k] + 1] - offsets[rows[k]]
            if m:
                m = squeeze(&data[offsets[rows[k]]], m, &s[0])
                at += excerpt(&s[0], m, limit, &out[at])
            edges[k + 1] = at
    return text[:at], bounds
