# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The kernels, compiled. What each of them gives is told beside its twin in _numpy.py; here stands how, and how fast.

Seconds are those of one core over 87 MB of text in 101,000 messages.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from libc.math cimport ceil
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from ._layout import (
    A_NUMBER,
    ALL_NUMBERS,
    BASE,
    HIT,
    LINE,
    MARK,
    MAX_PLACES,
    NUMBER,
    SENTENCE,
    SEPARATOR,
    SEQUENCE,
    SINGLE,
    SKIP,
    WHOLE,
    WORD,
    WORDS,
)

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <string.h>

    #define K 0x2545F4914F6CDD1DULL
    #define NUMBERS 0x9E3779B97F4A7C15ULL
    #define LEADING (~0xFFFFFFULL)
    #define KEPT (~0xFFFFULL)
    #define ONES 0x0101010101010101ULL
    #define HIGHS 0x8080808080808080ULL

    /* Eight bytes, the first one lowest. */
    static inline uint64_t load8(const uint8_t *at)
    {
        uint64_t word;
        memcpy(&word, at, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }

    #define trailing_zeros(x) __builtin_ctzll(x)
    #define prefetch(at) __builtin_prefetch(at)

    /* Compiled twice, for processors with wide registers and for all others; the loader takes what fits. */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    __attribute__((target_clones("avx2", "default")))
    #endif
    static void sign_set(const uint64_t *set, size_t n, const uint32_t *a, const uint32_t *b, size_t k, uint32_t *out)
    {
        for (size_t i = 0; i < n; i++) {
            uint32_t h = (uint32_t)set[i];
            h ^= h >> 16; h *= 0x85EBCA6Bu; h ^= h >> 13; h *= 0xC2B2AE35u; h ^= h >> 16;
            for (size_t j = 0; j < k; j++) {
                uint32_t value = a[j] * h + b[j];
                out[j] = value < out[j] ? value : out[j];
            }
        }
    }
    """
    const uint64_t K, NUMBERS, LEADING, KEPT, ONES, HIGHS
    uint64_t load8(const uint8_t *at) nogil
    int trailing_zeros(uint64_t x) nogil
    void prefetch(const void *at) nogil
    void sign_set(const uint64_t *set, size_t n, const uint32_t *a, const uint32_t *b, size_t k, uint32_t *out) nogil

cdef enum:  # as in _layout.py; known to the C compiler here
    SEP, RUN, ONE, JOINS, PASSES, MANY, RUNS
    INSIDE = 1 << RUN | 1 << JOINS | 1 << RUNS  # what goes on with a word
    F_NUMBER = 1, F_LINE = 2, F_SENTENCE = 4
    MOST = 16
    AHEAD = 16  # places from where a table is asked for to where it is read
    OF_WEIGHT = 0x7F  # of a weight; what is more says that the token is a number
if (SEP, RUN, ONE, JOINS, PASSES, MANY, RUNS, F_NUMBER, F_LINE, F_SENTENCE, MOST, OF_WEIGHT + 1, K, NUMBERS, KEPT) != (
    *(SEPARATOR, WORD, SINGLE, MARK, SKIP, SEQUENCE, WORDS, NUMBER, LINE, SENTENCE, MAX_PLACES, A_NUMBER, BASE),
    *(ALL_NUMBERS, WHOLE),
):
    raise ImportError("the compiled kernels are of another version; install chataudit again")


cdef inline uint64_t spread(uint64_t x) noexcept nogil:
    # Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators: the finalizer of SplitMix64.
    x += <uint64_t>0x9E3779B97F4A7C15
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


# -- tokens ----------------------------------------------------------------------------------------------------------


cdef struct Token:
    uint64_t hash  # of all whole words so far
    uint64_t word  # the last bytes, the first one lowest
    int n  # how many they are


cdef inline void add(Token *token, uint64_t bytes_, int n) noexcept nogil:
    """Add 1 to 8 bytes, the first one lowest."""
    token.word |= bytes_ << 8 * token.n
    token.n += n
    if token.n >= 8:
        token.hash = token.hash * K + token.word
        token.n -= 8
        token.word = bytes_ >> 8 * (n - token.n) if token.n else 0


cdef inline uint64_t word_flags(const uint8_t *at, int *n) noexcept nogil:
    """A bit for each of n characters: whether it is a letter or a digit; n becomes how many come before the first
    beyond ASCII. Eight bytes at a time."""
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


def grown(n, capacity, *arrays):
    """Larger arrays with the first n values of these."""
    larger = [np.empty(capacity, dtype=array.dtype) for array in arrays]
    for new, old in zip(larger, arrays, strict=True):
        new[:n] = old[:n]
    return larger


def tokenise(
    const uint8_t[::1] data, const int64_t[::1] offsets, const uint32_t[::1] table, const uint32_t[::1] sequences
):
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1
    # A token of three bytes is a short one; where there are more, room is made before the next text. No text has more
    # than two tokens a byte (text.py).
    cdef Py_ssize_t capacity = (offsets[n_texts] - offsets[0]) // 3, wanted
    hashes_ = np.empty(capacity, dtype=np.uint64)
    starts_ = np.empty(capacity, dtype=np.int32)
    ends_ = np.empty(capacity, dtype=np.int32)
    bounds_ = np.empty(n_texts + 1, dtype=np.int64)
    cdef uint64_t[::1] hashes = hashes_
    cdef int32_t[::1] starts = starts_, ends = ends_
    cdef int64_t[::1] bounds = bounds_
    cdef const uint8_t *bytes_ = &data[0] if data.shape[0] else NULL
    cdef const uint32_t *folded = &table[0]
    cdef Py_ssize_t text, n = 0
    cdef int64_t p, base, end, at, n_data = data.shape[0]
    cdef Token token
    cdef uint64_t word, flags, rest
    cdef uint8_t[64] spare
    cdef uint32_t c, entry, kind, k, n_parts, part
    cdef uint32_t under_way  # SEP: no token; else the kind of the token that goes on
    cdef int length, first, n_ascii, width
    cdef bint goes_on
    with nogil:
        bounds[0] = 0
        for text in range(n_texts):
            base, end = offsets[text], offsets[text + 1]
            p = base
            under_way = SEP
            wanted = n + 2 * (end - p)
            if wanted > capacity:
                with gil:
                    capacity = wanted + capacity // 2
                    hashes, starts, ends = hashes_, starts_, ends_ = grown(n, capacity, hashes_, starts_, ends_)
            while p < end:
                c = bytes_[p]
                if c < 128:
                    # As many characters of ASCII as come, 64 at most: a bit for each that is a letter or a digit.
                    n_ascii = 64 if end - p > 64 else <int>(end - p)
                    if p + 72 <= n_data:
                        flags = word_flags(bytes_ + p, &n_ascii)
                    else:
                        memset(spare, 0, sizeof(spare))
                        memcpy(spare, bytes_ + p, n_ascii)
                        flags = word_flags(spare, &n_ascii)
                    if n_ascii < 64:
                        flags &= (<uint64_t>1 << n_ascii) - 1
                    if under_way != SEP and not (flags & 1 and under_way == RUN):
                        hashes[n] = finished(&token)
                        n += 1
                        under_way = SEP
                    while flags:
                        first = trailing_zeros(flags)
                        rest = ~(flags >> first)
                        length = trailing_zeros(rest) if rest else 64
                        goes_on = first + length == n_ascii
                        at = p + first
                        flags &= flags + (<uint64_t>1 << first)  # without this run
                        ends[n] = <int32_t>(at + length - base)
                        if under_way == SEP:
                            starts[n] = <int32_t>(at - base)
                            if length <= 8 and not goes_on and at + 8 <= n_data:  # a whole word in one load, as most are
                                word = load8(bytes_ + at)
                                word |= (word & ONES * 0x40) >> 1  # lower case
                                hashes[n] = spread(word & <uint64_t>-1 >> 8 * (8 - length))
                                n += 1
                                continue
                            token.hash, token.word, token.n = 0, 0, 0
                        under_way = RUN
                        while length > 0:
                            if at + 8 <= n_data:
                                word = load8(bytes_ + at)
                            else:
                                word = 0
                                memcpy(&word, bytes_ + at, n_data - at)
                                word = load8(<const uint8_t *>&word)
                            word |= (word & ONES * 0x40) >> 1  # lower case
                            if length < 8:
                                word &= (<uint64_t>1 << 8 * length) - 1
                            add(&token, word, length if length < 8 else 8)
                            at += 8
                            length -= 8
                        if not goes_on:
                            hashes[n] = finished(&token)
                            n += 1
                            under_way = SEP
                    p += n_ascii
                    continue
                at = p
                if c < 0xE0:
                    c = (c & 31) << 6 | bytes_[p + 1] & 63
                    p += 2
                elif c < 0xF0:
                    c = (c & 15) << 12 | (bytes_[p + 1] & 63) << 6 | bytes_[p + 2] & 63
                    p += 3
                else:
                    c = (c & 7) << 18 | (bytes_[p + 1] & 63) << 12 | (bytes_[p + 2] & 63) << 6 | bytes_[p + 3] & 63
                    p += 4
                entry = folded[c]
                if under_way == RUN and 1 << (entry >> 29) & INSIDE:  # within a word, as most are
                    while True:
                        if entry >> 29 == RUNS:
                            k = entry & 0x1FFFFFFF
                            for part in range(sequences[k]):
                                put(&token, sequences[k + 1 + part] & 0x1FFFFFFF)
                        else:
                            put(&token, entry & 0x1FFFFFFF)
                        if p >= end:
                            break
                        c = bytes_[p]
                        if 0xC3 <= c < 0xE0:
                            c = (c & 31) << 6 | bytes_[p + 1] & 63
                            width = 2
                        elif 0xE0 <= c < 0xF0:
                            c = (c & 15) << 12 | (bytes_[p + 1] & 63) << 6 | bytes_[p + 2] & 63
                            width = 3
                        else:
                            break
                        entry = folded[c]
                        if not 1 << (entry >> 29) & INSIDE:
                            break
                        p += width
                    ends[n] = <int32_t>(p - base)
                    continue
                k, n_parts = 0, 1
                if entry >> 29 >= MANY:
                    k = entry & 0x1FFFFFFF
                    n_parts = sequences[k]
                    entry = sequences[k + 1]
                for part in range(n_parts):
                    if part:
                        entry = sequences[k + 1 + part]
                    kind = entry >> 29
                    if kind == PASSES:
                        continue
                    if kind == SEP or (kind == JOINS and under_way == SEP):
                        if under_way != SEP:
                            hashes[n] = finished(&token)
                            n += 1
                            under_way = SEP
                        continue
                    if under_way == SEP or kind == ONE or (kind == RUN and under_way == ONE):
                        if under_way != SEP:
                            hashes[n] = finished(&token)
                            n += 1
                        starts[n] = <int32_t>(at - base)
                        under_way = kind
                        token.hash, token.word, token.n = 0, 0, 0
                    put(&token, entry & 0x1FFFFFFF)
                    ends[n] = <int32_t>(p - base)
            if under_way != SEP:
                hashes[n] = finished(&token)
                n += 1
            bounds[text + 1] = n
    return hashes_[:n], starts_[:n], ends_[:n], bounds_


# -- sets of n-grams -------------------------------------------------------------------------------------------------


cdef void sort(uint64_t *a, uint64_t *spare, Py_ssize_t n, int shift) noexcept nogil:
    """Ascending. Hashes are spread evenly, so one pass by their highest byte leaves little to do."""
    cdef Py_ssize_t[257] at
    cdef Py_ssize_t i, j
    cdef uint64_t x
    if n > 24:
        memset(at, 0, sizeof(at))
        for i in range(n):
            at[(a[i] >> shift & 255) + 1] += 1
        for i in range(256):
            at[i + 1] += at[i]
        for i in range(n):
            x = a[i]
            spare[at[x >> shift & 255]] = x
            at[x >> shift & 255] += 1
        memcpy(a, spare, n * sizeof(uint64_t))
        if n > 2048:
            if shift:
                j = 0
                for i in range(256):  # at[i] is now where the i-th pile ends
                    sort(a + j, spare, at[i] - j, shift - 8)
                    j = at[i]
            return
    for i in range(1, n):
        x = a[i]
        j = i
        while j > 0 and a[j - 1] > x:
            a[j] = a[j - 1]
            j -= 1
        a[j] = x


def shingle(const uint64_t[::1] hashes, const int64_t[::1] bounds, int n):
    cdef Py_ssize_t n_texts = bounds.shape[0] - 1, text
    cdef Py_ssize_t first = bounds[0], last = bounds[n_texts]
    sets_ = np.empty(max(1, last - first), dtype=np.uint64)
    limits_ = np.empty(n_texts + 1, dtype=np.int64)
    whole_ = np.empty(n_texts, dtype=np.uint64)
    cdef uint64_t[::1] sets = sets_
    cdef int64_t[::1] limits = limits_
    cdef uint64_t[::1] whole = whole_
    cdef uint64_t h, power = 1
    cdef Py_ssize_t i, start, end, at = 0, kept, longest = 1
    cdef uint64_t *spare
    for i in range(n - 1):
        power *= K
    for text in range(n_texts):
        longest = max(longest, bounds[text + 1] - bounds[text])
    spare = <uint64_t *>malloc(longest * sizeof(uint64_t))
    if spare == NULL:
        raise MemoryError
    with nogil:
        limits[0] = 0
        for text in range(n_texts):
            start, end = bounds[text], bounds[text + 1]
            h = 0
            for i in range(start, end):
                h = h * K + hashes[i]
            whole[text] = spread(h)
            h = 0
            kept = at
            for i in range(start, end):
                if i - start >= n:
                    h -= hashes[i - n] * power
                h = h * K + hashes[i]
                if i - start >= n - 1:
                    sets[kept] = spread(h)
                    kept += 1
            if kept > at:
                sort(&sets[at], spare, kept - at, 56)
                end, kept = kept, at + 1
                for i in range(at + 1, end):
                    if sets[i] != sets[kept - 1]:
                        sets[kept] = sets[i]
                        kept += 1
                at = kept
            limits[text + 1] = at
    free(spare)
    return sets_[:at], limits_, whole_


def grams(const uint64_t[::1] hashes, int n):
    cdef Py_ssize_t i, n_tokens = hashes.shape[0], many = max(0, n_tokens - n + 1)
    values_ = np.empty(many, dtype=np.uint64)
    cdef uint64_t[::1] values = values_
    cdef uint64_t h = 0, power = 1
    with nogil:
        for i in range(n - 1):
            power *= K
        for i in range(n_tokens if many else 0):
            if i >= n:
                h -= hashes[i - n] * power
            h = h * K + hashes[i]
            if i >= n - 1:
                values[i - n + 1] = spread(h)
    return values_


cdef inline int64_t shared_of(
    const uint64_t *x, int64_t n_x, const uint64_t *y, int64_t n_y, int64_t wanted
) noexcept nogil:
    """Values in both of two ascending sets; -1 as soon as fewer than `wanted` are possible."""
    cdef int64_t i = 0, j = 0, n = 0
    while i < n_x and j < n_y:
        if x[i] == y[j]:
            n += 1
            i += 1
            j += 1
        elif x[i] < y[j]:
            i += 1
            if n + n_x - i < wanted:
                return -1
        else:
            j += 1
            if n + n_y - j < wanted:
                return -1
    return n


def overlaps(
    const uint64_t[::1] sets, const int64_t[::1] limits, const int64_t[::1] left, const int64_t[::1] right
):
    cdef Py_ssize_t k, n = left.shape[0]
    shared_ = np.empty(n, dtype=np.int64)
    cdef int64_t[::1] shared = shared_
    cdef const uint64_t *at = &sets[0] if sets.shape[0] else NULL
    with nogil:
        for k in range(n):
            shared[k] = shared_of(
                at + limits[left[k]],
                limits[left[k] + 1] - limits[left[k]],
                at + limits[right[k]],
                limits[right[k] + 1] - limits[right[k]],
                0,
            )
    return shared_


def place(
    const uint64_t[::1] sets,
    const int64_t[::1] limits,
    const int64_t[::1] rows,
    const int64_t[::1] goal,
    uint64_t[::1] out,
):
    cdef Py_ssize_t k
    cdef int64_t first, end
    with nogil:
        for k in range(rows.shape[0]):
            first, end = limits[rows[k]], limits[rows[k] + 1]
            if end > first:
                memcpy(&out[goal[k]], &sets[first], (end - first) * sizeof(uint64_t))


# -- pairs -----------------------------------------------------------------------------------------------------------


cdef struct Slot:
    uint64_t key
    int32_t head  # the last posting of this key; 0: none
    int32_t n

cdef struct Posting:
    int32_t set
    int32_t position  # of the key in the set's order
    int32_t next


cdef inline void part(uint64_t *a, Py_ssize_t *low, Py_ssize_t *high) noexcept nogil:
    """Bring the smaller of a[low..high] before the larger; the first larger one is a[low] then, the last smaller a[high].
    """
    cdef uint64_t pivot = a[(low[0] + high[0]) >> 1], x
    cdef Py_ssize_t i = low[0], j = high[0]
    while i <= j:
        while a[i] < pivot:
            i += 1
        while a[j] > pivot:
            j -= 1
        if i <= j:
            x = a[i]
            a[i] = a[j]
            a[j] = x
            i += 1
            j -= 1
    low[0], high[0] = i, j


cdef void select(uint64_t *a, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Bring the k smallest of n values to the front, in ascending order (Hoare 1961, Find)."""
    cdef Py_ssize_t low = 0, high = n - 1, i, j
    while low < high and k < n:
        i, j = low, high
        part(a, &i, &j)
        if k - 1 <= j:
            high = j
        elif k - 1 >= i:
            low = i
        else:
            break
    order(a, k)


cdef void order(uint64_t *a, Py_ssize_t n) noexcept nogil:
    """Ascending, by quicksort down to short pieces; keys are not spread evenly."""
    cdef Py_ssize_t i, j, low = 0, high = n - 1
    cdef uint64_t x
    while high - low > 16:
        i, j = low, high
        part(a, &i, &j)
        if j - low < high - i:  # the shorter side by a call, so that calls stay few
            order(a + low, j - low + 1)
            low = i
        else:
            order(a + i, high - i + 1)
            high = j
    for i in range(low + 1, high + 1):
        x = a[i]
        j = i
        while j > low and a[j - 1] > x:
            a[j] = a[j - 1]
            j -= 1
        a[j] = x


cdef struct Pair:
    int32_t left
    int32_t right
    int32_t shared


cdef inline int64_t at_least(double share) noexcept nogil:
    # Rounding must not cost a pair: what lies a hair above a whole number is that number.
    return <int64_t>ceil(share - 1e-9)


def _rarest(
    const uint64_t[::1] sets,
    const int64_t[::1] limits,
    const int64_t[::1] numbers,
    const int64_t[::1] begins,
    uint64_t[::1] keys,
    const uint16_t[::1] df,
    Py_ssize_t first,
    Py_ssize_t last,
):
    """Of each of the sets numbers[first:last] the keys of its rarest values, ascending, in keys[begins[k]:begins[k + 1]].
    """
    cdef int shift = 65 - <int>int(df.shape[0]).bit_length()
    cdef int64_t longest = 1, x, n, m, i, wanted
    cdef Py_ssize_t k
    cdef uint64_t value
    cdef int32_t[256] counts  # of values by frequency
    cdef uint16_t frequency, most
    for k in range(first, last):
        longest = max(longest, limits[numbers[k] + 1] - limits[numbers[k]])
    cdef uint64_t[::1] own = np.empty(longest, dtype=np.uint64)
    cdef uint16_t[::1] frequencies = np.empty(longest, dtype=np.uint16)
    with nogil:
        for k in range(first, last):
            x = numbers[k]
            n = limits[x + 1] - limits[x]
            wanted = begins[k + 1] - begins[k]
            # Most values are left by a count of how many are how frequent.
            memset(counts, 0, sizeof(counts))
            for i in range(n):
                frequency = df[sets[limits[x] + i] >> shift]
                frequencies[i] = frequency
                counts[min(frequency, 255)] += 1
            m, most = 0, 0
            while m + counts[most] < wanted:
                m += counts[most]
                most += 1
            if most == 255:
                most = 65535
            # Rare values first: few sets share them. The low bits of a value tell equal ones apart, nearly always;
            # where they do not, a pair more is looked at.
            m = 0
            for i in range(n):
                value = sets[limits[x] + i]
                own[m] = <uint64_t>frequencies[i] << 48 | (value & <uint64_t>0xFFFFFFFFFFFF)
                m += frequencies[i] <= most
            select(&own[0], m, wanted)
            memcpy(&keys[begins[k]], &own[0], wanted * sizeof(uint64_t))


def _frequencies(const uint64_t[::1] sets):
    """How many values have the same highest bits, up to what 16 bits hold."""
    cdef int bits = min(20, max(8, int(sets.shape[0]).bit_length() - 1))
    df_ = np.zeros(1 << bits, dtype=np.uint16)
    cdef uint16_t[::1] df = df_
    cdef Py_ssize_t at, i
    with nogil:
        for at in range(sets.shape[0]):
            i = sets[at] >> (64 - bits)
            df[i] += df[i] < 65535
    return df_


def join(
    const uint64_t[::1] sets, const int64_t[::1] limits, double threshold, int64_t max_fanout, int threads = 1
):
    cdef Py_ssize_t n_sets = limits.shape[0] - 1
    cdef const uint64_t *values = &sets[0] if sets.shape[0] else NULL
    sizes_ = np.diff(np.asarray(limits))
    by_size_ = np.argsort(sizes_, kind="stable")
    by_size_ = by_size_[np.searchsorted(sizes_[by_size_], 1):]
    n = sizes_[by_size_]
    # Two sets that are alike meet in the first values of each; the larger one, which comes later, in fewer of its own.
    begins_ = np.append(0, np.cumsum(n - np.ceil(threshold * n - 1e-9).astype(np.int64) + 1))
    cdef int64_t n_entries = int((n - np.ceil(2 * threshold / (1 + threshold) * n - 1e-9) + 1).sum())  # of the index
    if n_entries >= 2**31 - 1:
        raise OverflowError(f"{n_entries:,} entries in the index; it holds 2**31 at most")
    keys_ = np.zeros(int(begins_[len(n)]) + AHEAD, dtype=np.uint64)
    df = _frequencies(sets)
    # In parts of about as many values, more of them than threads: a thread may have the processor for itself or not.
    ends = np.cumsum(n)
    n_parts = 8 * threads
    cuts = [np.searchsorted(ends, part * sets.shape[0] // n_parts) for part in range(n_parts)] + [len(n)]
    parts = [(sets, limits, by_size_, begins_, keys_, df, cuts[k], cuts[k + 1]) for k in range(n_parts)]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_rarest, *zip(*parts)))
    else:
        for part in parts:
            _rarest(*part)
    capped_ = np.zeros(n_sets, dtype=np.uint8)
    cdef const int64_t[::1] sizes = sizes_, by_size = by_size_, begins = begins_
    cdef const uint64_t[::1] keys = keys_
    cdef uint8_t[::1] capped = capped_
    cdef int bits = max(4, int(2 * n_entries).bit_length())
    cdef int shift = 64 - bits
    cdef uint64_t slot_mask = (<uint64_t>1 << bits) - 1
    cdef Slot *slots = <Slot *>calloc(slot_mask + 1, sizeof(Slot))
    cdef Posting *postings = <Posting *>malloc((n_entries + 1) * sizeof(Posting))  # from 1
    cdef int32_t *met = <int32_t *>calloc(n_sets + 1, sizeof(int32_t))  # keys in common so far; below 0: too few left
    cdef int32_t *touched = <int32_t *>malloc((n_sets + 1) * sizeof(int32_t))
    cdef Pair *pairs = NULL
    cdef Pair *grown_pairs
    cdef int32_t[:, ::1] rows
    cdef Py_ssize_t n_pairs = 0, room = 0
    cdef Py_ssize_t k, i, n_touched, at
    cdef int64_t x, y, n_x, n_y, smallest, n_index, wanted, shared, n_postings = 0
    cdef int32_t link
    cdef uint64_t key, golden = 0x9E3779B97F4A7C15
    cdef Slot *slot
    cdef bint has_room = True
    try:
        if slots == NULL or postings == NULL or met == NULL or touched == NULL:
            raise MemoryError
        with nogil:
            for k in range(by_size.shape[0]):
                x = by_size[k]
                n_x = sizes[x]
                smallest = at_least(threshold * n_x)
                n_index = n_x - at_least(2 * threshold / (1 + threshold) * n_x) + 1
                n_touched = 0
                for i in range(begins[k + 1] - begins[k]):
                    # The index is larger than the caches: what is read from it soon is asked for early.
                    prefetch(&slots[keys[begins[k] + i + AHEAD] * golden >> shift])
                    key = keys[begins[k] + i]
                    if i and key == keys[begins[k] + i - 1]:
                        continue
                    at = key * golden >> shift
                    while slots[at].head and slots[at].key != key:
                        at = (at + 1) & slot_mask
                    slot = &slots[at]
                    link = slot.head
                    while link:  # from the largest set down
                        y = postings[link].set
                        n_y = sizes[y]
                        if n_y < smallest:
                            break
                        if met[y] >= 0:
                            if met[y] == 0:
                                touched[n_touched] = <int32_t>y
                                n_touched += 1
                            # What can still be shared is what follows in the shorter rest (Xiao et al. 2008, PPJoin);
                            # of a capped set, some keys were not met.
                            wanted = at_least(threshold / (1 + threshold) * (n_x + n_y))
                            if not capped[y] and met[y] + min(n_x - i, n_y - postings[link].position) < wanted:
                                met[y] = -1
                            else:
                                met[y] += 1
                        link = postings[link].next
                    if i < n_index:
                        if slot.n < max_fanout:
                            n_postings += 1
                            slot.key = key
                            postings[n_postings].set = <int32_t>x
                            postings[n_postings].position = <int32_t>i
                            postings[n_postings].next = slot.head
                            slot.head = <int32_t>n_postings
                            slot.n += 1
                        else:
                            capped[x] = 1
                for i in range(n_touched):
                    y = touched[i]
                    if met[y] > 0 and y != x:
                        n_y = sizes[y]
                        wanted = at_least(threshold / (1 + threshold) * (n_x + n_y))
                        shared = shared_of(values + limits[x], n_x, values + limits[y], n_y, wanted)
                        if shared >= wanted and <double>shared / <double>(n_x + n_y - shared) >= threshold:
                            if n_pairs == room:
                                room = 2 * room + 1024
                                grown_pairs = <Pair *>realloc(pairs, room * sizeof(Pair))
                                has_room = grown_pairs != NULL
                                if not has_room:
                                    break
                                pairs = grown_pairs
                            pairs[n_pairs].left, pairs[n_pairs].right = <int32_t>min(x, y), <int32_t>max(x, y)
                            pairs[n_pairs].shared = <int32_t>shared
                            n_pairs += 1
                    met[y] = 0
                if not has_room:
                    break
        if not has_room:
            raise MemoryError
        found = np.empty((n_pairs, 3), dtype=np.int32)
        if n_pairs:
            rows = found
            memcpy(&rows[0, 0], pairs, n_pairs * sizeof(Pair))
    finally:
        free(slots)
        free(postings)
        free(met)
        free(touched)
        free(pairs)
    left, right, shared_ = found[np.lexsort((found[:, 1], found[:, 0]))].T
    return left, right, shared_, capped_.view(np.bool_)


def sign(const uint64_t[::1] sets, const int64_t[::1] limits, const uint32_t[::1] a, const uint32_t[::1] b):
    cdef Py_ssize_t n_sets = limits.shape[0] - 1, k
    out_ = np.full((n_sets, a.shape[0]), 0xFFFFFFFF, dtype=np.uint32)
    cdef uint32_t[:, ::1] out = out_
    with nogil:
        for k in range(n_sets):
            if limits[k + 1] > limits[k]:
                sign_set(&sets[limits[k]], limits[k + 1] - limits[k], &a[0], &b[0], a.shape[0], &out[k, 0])
    return out_


# -- bytes -----------------------------------------------------------------------------------------------------------


def suspects(const uint8_t[::1] data):
    cdef Py_ssize_t n = data.shape[0], p = 0, found = 0, room = 1024
    cdef uint64_t word, x, y, z
    cdef int64_t *at = <int64_t *>malloc(room * sizeof(int64_t))
    cdef void *grown
    cdef uint8_t c
    if at == NULL:
        raise MemoryError
    with nogil:
        while p < n:
            if p + 8 <= n:  # eight bytes at a time that are none of these
                word = load8(&data[p])
                x, y, z = word ^ ONES * 0x7F, word ^ ONES * 0xC2, word ^ ONES * 0xEF
                if not (
                    ((word - ONES * 32) & ~word | (x - ONES) & ~x | (y - ONES) & ~y | (z - ONES) & ~z) & HIGHS
                ):
                    p += 8
                    continue
            c = data[p]
            if (c < 32 and c != 9 and c != 10 and c != 13) or c == 0x7F or c == 0xC2 or c == 0xEF:
                if found == room:
                    room *= 2
                    grown = realloc(at, room * sizeof(int64_t))
                    if grown == NULL:
                        break
                    at = <int64_t *>grown
                at[found] = p
                found += 1
            p += 1
    try:
        if p < n:
            raise MemoryError
        out = np.empty(found, dtype=np.int64)
        for p in range(found):
            out[p] = at[p]
        return out
    finally:
        free(at)


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


# -- benchmarks ------------------------------------------------------------------------------------------------------


def mark(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const int32_t[::1] starts,
    const int32_t[::1] ends,
    const int64_t[::1] bounds,
    const uint8_t[::1] digits,
):
    cdef Py_ssize_t n_texts = offsets.shape[0] - 1, text, i, n_digits = digits.shape[0]
    flags_ = np.zeros(starts.shape[0], dtype=np.uint8)
    cdef uint8_t[::1] flags = flags_
    cdef const uint8_t *at
    cdef const uint8_t *base
    cdef uint32_t c
    cdef int64_t p
    cdef bint stopped
    with nogil:
        for text in range(n_texts):
            if bounds[text] == bounds[text + 1]:
                continue
            base = &data[0] + offsets[text]
            flags[bounds[text]] = F_LINE | F_SENTENCE
            for i in range(bounds[text], bounds[text + 1]):
                at = base + starts[i]
                while at < base + ends[i]:
                    c = at[0]
                    if c < 0x80:  # as most are: told without the table
                        at += 1
                        if c - 48 < 10:
                            flags[i] |= F_NUMBER
                            break
                        continue
                    if c < 0xE0:
                        c = (c & 31) << 6 | at[1] & 63
                        at += 2
                    elif c < 0xF0:
                        c = (c & 15) << 12 | (at[1] & 63) << 6 | at[2] & 63
                        at += 3
                    else:
                        c = (c & 7) << 18 | (at[1] & 63) << 12 | (at[2] & 63) << 6 | at[3] & 63
                        at += 4
                    if c < n_digits and digits[c]:
                        flags[i] |= F_NUMBER
                        break
                if i == bounds[text]:
                    continue
                if ends[i - 1] + 1 == starts[i] and base[ends[i - 1]] == 32:  # one space, as mostly
                    continue
                stopped = False
                p = ends[i - 1]
                while p < starts[i]:
                    c = base[p]
                    if c == 10:
                        flags[i] |= F_LINE | F_SENTENCE
                        break
                    if stopped and c <= 32:
                        flags[i] |= F_SENTENCE
                    elif c == 46 or c == 33 or c == 63:
                        stopped = True
                    elif c == 0xE3 and base[p + 1] == 0x80 and base[p + 2] == 0x82:
                        flags[i] |= F_SENTENCE
                    elif c == 0xEF and base[p + 1] == 0xBC and (base[p + 2] == 0x81 or base[p + 2] == 0x9F):
                        flags[i] |= F_SENTENCE
                    p += 1
    return flags_


cdef struct Run:  # equal grams at equal distances
    int32_t start, end  # tokens of the part
    int32_t place  # first token in the text


cdef struct Active:
    int32_t last  # place of the last gram
    int32_t start, place


cdef struct Parts:  # see Sought in _numpy.py
    const int64_t *limits
    const uint64_t *grams
    const int32_t *at


cdef struct Text:  # its grams by place, and a table of them
    uint64_t *keys
    uint8_t *checks
    int32_t *after  # the next place of the same gram; -1: none
    int32_t *table  # places; -1: empty
    uint64_t mask


cdef inline int32_t found(const Text *text, uint64_t key) noexcept nogil:
    """The first place of a gram; -1: none."""
    cdef uint64_t slot = key >> 24 & text.mask
    while text.table[slot] >= 0:
        if text.keys[text.table[slot]] == key:
            return text.table[slot]
        slot = (slot + 1) & text.mask
    return -1


cdef Py_ssize_t trace(const Text *text, const Parts *parts, Py_ssize_t part, int n, bint exact, Run *runs) noexcept nogil:
    cdef Active[MOST] first, second
    cdef Active *active = first
    cdef Active *following = second
    cdef int n_active = 0, n_following, k
    cdef Py_ssize_t g, n_runs = 0
    cdef int32_t p, j, before = 0
    cdef uint64_t own
    for g in range(parts.limits[part], parts.limits[part + 1]):
        own, j = parts.grams[g], parts.at[g]
        n_following = 0
        p = found(text, own & LEADING)
        while p >= 0:
            if not exact or text.checks[p] == (own >> 16 & 255):
                following[n_following].last = p
                following[n_following].start = j
                following[n_following].place = p
                for k in range(n_active):
                    if active[k].last == p - (j - before):
                        following[n_following].start = active[k].start
                        following[n_following].place = active[k].place
                        active[k].last = -1  # goes on
                        break
                n_following += 1
            p = text.after[p]
        for k in range(n_active):
            if active[k].last >= 0:
                runs[n_runs].start, runs[n_runs].end, runs[n_runs].place = active[k].start, before + n, active[k].place
                n_runs += 1
        active, following = following, active
        n_active, before = n_following, j
    for k in range(n_active):
        runs[n_runs].start, runs[n_runs].end, runs[n_runs].place = active[k].start, before + n, active[k].place
        n_runs += 1
    return n_runs


cdef inline Run longest_of(const Run *runs, Py_ssize_t n) noexcept nogil:
    """The longest run; of equally long ones the first in the text."""
    cdef Py_ssize_t i, k = 0
    cdef int32_t longer
    for i in range(1, n):
        longer = (runs[i].end - runs[i].start) - (runs[k].end - runs[k].start)
        if longer > 0 or longer == 0 and (
            runs[i].place < runs[k].place or runs[i].place == runs[k].place and runs[i].start < runs[k].start
        ):
            k = i
    return runs[k]


cdef inline void weigh(const uint8_t *weights, Py_ssize_t n, int64_t *total, int64_t *words) noexcept nogil:
    """What all tokens weigh, and those that are no numbers."""
    cdef Py_ssize_t i
    total[0], words[0] = 0, 0
    for i in range(n):
        total[0] += weights[i] & OF_WEIGHT
        words[0] += weights[i] if weights[i] <= OF_WEIGHT else 0


cdef inline void reach_of(int32_t *reach, const Run *run) noexcept nogil:
    cdef int32_t i
    for i in range(run.start, run.end):
        reach[i] = max(reach[i], run.end - run.start)


def scan(const uint64_t[::1] hashes, const int64_t[::1] bounds, const uint8_t[::1] marks, int n, sought):
    cdef const uint64_t[::1] postings = sought.postings, bitmap = sought.bitmap
    cdef const uint64_t[::1] wholes = sought.wholes, whole_bitmap = sought.whole_bitmap, own = sought.grams
    cdef const int32_t[::1] heads = sought.heads
    cdef const int64_t[::1] whole_parts = sought.whole_parts
    cdef const int64_t[::1] limits = sought.limits, spans = sought.spans
    cdef const int32_t[::1] at = sought.at
    cdef const uint8_t[::1] weights = sought.weights
    cdef Py_ssize_t n_parts = limits.shape[0] - 1, n_texts = bounds.shape[0] - 1
    cdef int shift = 65 - (heads.shape[0] - 1).bit_length(), bit_shift = 58 - (bitmap.shape[0]).bit_length() + 1
    cdef int whole_shift = 58 - (whole_bitmap.shape[0]).bit_length() + 1
    cdef Py_ssize_t longest = 1, most = 1, largest = 1, text, i, g, k, part, m, total, lo, hi
    for text in range(n_texts):
        longest = max(longest, bounds[text + 1] - bounds[text])
    for part in range(n_parts):
        most = max(most, limits[part + 1] - limits[part])
        largest = max(largest, spans[part + 1] - spans[part])
    cdef Py_ssize_t width = len(HIT), n_hits = 0, capacity = 256
    found_ = np.empty((capacity, width), dtype=np.int64)
    cdef int64_t[:, ::1] hits = found_
    # What was nominated: kind, first and end of the block; -1: not yet in this text.
    cdef int8_t[::1] kind = np.full(n_parts, -1, dtype=np.int8)
    cdef int64_t[::1] first = np.zeros(n_parts, dtype=np.int64), end = np.zeros(n_parts, dtype=np.int64)
    cdef int32_t[::1] seeds = np.zeros(n_parts, dtype=np.int32)  # postings of each nominee in this text
    cdef int64_t[::1] nominees = np.zeros(n_parts, dtype=np.int64)
    cdef Py_ssize_t n_nominees, n_runs, n_exact, n_found, size
    cdef Py_ssize_t n_tokens, n_grams, line, sentence
    cdef uint64_t h, e, key, value, power = 1, of_line, of_sentence, token
    cdef int32_t p, j, reach_max, aside, slack, start, stop
    cdef int64_t exact_weight, masked_weight, eights, in_eights, in_tens, all_weight, all_words
    cdef int flag
    cdef bint is_winnowed
    cdef Text grams
    cdef Parts parts
    cdef Run *runs = <Run *>malloc(most * MOST * sizeof(Run))
    cdef Run *exact_runs = <Run *>malloc(most * MOST * sizeof(Run))
    cdef int32_t *reach = <int32_t *>malloc(largest * sizeof(int32_t))
    cdef uint8_t *opens = <uint8_t *>malloc(largest)  # whether an 8-gram begins here
    cdef Run best, exact_best
    cdef int32_t *places = <int32_t *>malloc(longest * sizeof(int32_t))  # of grams that may be among the postings
    cdef Py_ssize_t n_seeds, n_postings = postings.shape[0]
    cdef Py_ssize_t n_slots = 4
    while n_slots < 2 * longest:
        n_slots *= 2
    grams.keys = <uint64_t *>malloc(longest * sizeof(uint64_t))
    grams.checks = <uint8_t *>malloc(longest)
    grams.after = <int32_t *>malloc(longest * sizeof(int32_t))
    grams.table = <int32_t *>malloc(n_slots * sizeof(int32_t))
    cdef Py_ssize_t[2] run_count
    try:
        if not (runs and exact_runs and reach and opens and places and grams.keys and grams.checks and grams.after and grams.table):
            raise MemoryError
        parts.limits, parts.grams, parts.at = &limits[0], &own[0] if own.shape[0] else NULL, &at[0] if at.shape[0] else NULL
        with nogil:
            for i in range(n - 1):
                power *= K
            for text in range(n_texts):
                n_tokens = bounds[text + 1] - bounds[text]
                n_nominees = 0
                n_grams = max(0, n_tokens - n + 1)
                h, e, of_line, of_sentence = 0, 0, 0, 0
                line, sentence = 0, 0
                for i in range(n_tokens + 1):
                    flag = marks[bounds[text] + i] if i < n_tokens else F_LINE | F_SENTENCE
                    # Blocks that end here.
                    if i and flag & (F_LINE | F_SENTENCE):
                        for m in range(3):
                            if m == 0 and flag & F_SENTENCE:
                                value, lo = of_sentence, sentence
                            elif m == 1 and flag & F_LINE:
                                value, lo = of_line, line
                            elif m == 2 and i == n_tokens:
                                value, lo = 0, 0
                                for k in range(n_tokens):
                                    value = value * K + hashes[bounds[text] + k]
                            else:
                                continue
                            value = spread(value) & KEPT
                            key = value >> whole_shift
                            if not whole_bitmap[key >> 6] >> (key & 63) & 1:
                                continue
                            k, hi = 0, wholes.shape[0]
                            while k < hi:
                                if wholes[(k + hi) // 2] < value:
                                    k = (k + hi) // 2 + 1
                                else:
                                    hi = (k + hi) // 2
                            while k < wholes.shape[0] and wholes[k] == value:
                                part = whole_parts[k]
                                if kind[part] < 0:
                                    seeds[part] = 0
                                    nominees[n_nominees] = part
                                    n_nominees += 1
                                if kind[part] < m + 1:
                                    kind[part], first[part], end[part] = <int8_t>(m + 1), lo, i
                                k += 1
                        if flag & F_SENTENCE:
                            sentence, of_sentence = i, 0
                        if flag & F_LINE:
                            line, of_line = i, 0
                    if i == n_tokens:
                        break
                    token = hashes[bounds[text] + i]
                    of_line = of_line * K + token
                    of_sentence = of_sentence * K + token
                    if i >= n:
                        e -= hashes[bounds[text] + i - n] * power
                        h -= (NUMBERS if marks[bounds[text] + i - n] & F_NUMBER else hashes[bounds[text] + i - n]) * power
                    e = e * K + token
                    h = h * K + (NUMBERS if flag & F_NUMBER else token)
                    if i < n - 1:
                        continue
                    value = spread(h)
                    grams.keys[i - n + 1] = value & LEADING
                    grams.checks[i - n + 1] = <uint8_t>(spread(e) >> 56)
                # The tables are larger than the caches: what is read from them soon is asked for early: 0.7 s in place of 1.4.
                n_seeds = 0
                for i in range(n_grams):
                    if i + AHEAD < n_grams:
                        prefetch(&bitmap[grams.keys[i + AHEAD] >> bit_shift >> 6])
                    key = grams.keys[i] >> bit_shift
                    if bitmap[key >> 6] >> (key & 63) & 1:
                        prefetch(&heads[grams.keys[i] >> shift])
                        places[n_seeds] = <int32_t>i
                        n_seeds += 1
                for i in range(n_seeds):
                    if i + AHEAD // 2 < n_seeds:
                        prefetch(&postings[min(heads[grams.keys[places[i + AHEAD // 2]] >> shift], n_postings - 1)])
                    value = grams.keys[places[i]]
                    k = heads[value >> shift]
                    hi = heads[(value >> shift) + 1]
                    while k < hi and postings[k] < value:
                        k += 1
                    while k < hi and postings[k] & LEADING == value:
                        part = postings[k] & ~LEADING
                        if kind[part] < 0:
                            kind[part] = 0
                            first[part], end[part], seeds[part] = 0, 0, 0
                            nominees[n_nominees] = part
                            n_nominees += 1
                        seeds[part] += 1
                        k += 1
                if not n_nominees:
                    continue
                size = 4
                while size < 2 * n_grams:
                    size *= 2
                grams.mask = size - 1
                memset(grams.table, 255, size * sizeof(int32_t))
                for i in range(n_grams):
                    grams.after[i] = -1
                    key = grams.keys[i]
                    lo = key >> 24 & grams.mask
                    while grams.table[lo] >= 0 and grams.keys[grams.table[lo]] != key:
                        lo = (lo + 1) & grams.mask
                    if grams.table[lo] < 0:
                        grams.table[lo] = <int32_t>i
                        continue
                    p, m = grams.table[lo], 1
                    while grams.after[p] >= 0:
                        p = grams.after[p]
                        m += 1
                    if m < MOST:
                        grams.after[p] = <int32_t>i
                for m in range(n_nominees):
                    part = nominees[m]
                    total = limits[part + 1] - limits[part]
                    n_found = 0
                    if n_hits == capacity:
                        with gil:
                            capacity *= 2
                            larger = np.empty((capacity, width), dtype=np.int64)
                            larger[:n_hits] = found_
                            hits = found_ = larger
                    size = spans[part + 1] - spans[part]
                    eights, in_eights, in_tens = 0, 0, 0
                    if not total:
                        weigh(&weights[0] + spans[part], size, &all_weight, &all_words)
                        exact_weight, masked_weight = all_weight, all_words
                        reach_max = <int32_t>(end[part] - first[part])
                        start, stop = 0, reach_max
                        lo, hi = first[part], end[part]
                    else:
                        if not kind[part] and total >= 8 and seeds[part] < min(5, max(2, (total + 9) // 10)):
                            kind[part] = -1
                            continue
                        for g in range(limits[part], limits[part + 1]):
                            n_found += found(&grams, own[g] & LEADING) >= 0
                        is_winnowed = total < size - n + 1
                        if not kind[part] and n_found * 5 < total and n_found < (2 if is_winnowed else 9):
                            kind[part] = -1
                            continue
                        n_runs = trace(&grams, &parts, part, n, False, runs)
                        if not n_runs:
                            kind[part] = -1
                            continue
                        weigh(&weights[0] + spans[part], size, &all_weight, &all_words)
                        n_exact = trace(&grams, &parts, part, n, True, exact_runs)
                        best = longest_of(runs, n_runs)
                        if n_exact:
                            # Of equally long runs the exact one: where a text holds two copies, this is the better.
                            exact_best = longest_of(exact_runs, n_exact)
                            if exact_best.end - exact_best.start == best.end - best.start:
                                best = exact_best
                        start, stop = best.start, best.end
                        aside = best.place - start
                        slack = max(32, <int32_t>size) if stop - start < size else 0
                        memset(reach, 0, size * sizeof(int32_t))
                        memset(opens, 0, size)
                        lo, hi = n_tokens, 0
                        for i in range(n_runs):
                            if -slack <= runs[i].place - runs[i].start - aside <= slack:
                                reach_of(reach, &runs[i])
                                lo = min(lo, runs[i].place)
                                hi = max(hi, runs[i].place + runs[i].end - runs[i].start)
                        masked_weight = 0
                        for i in range(size):
                            if reach[i] and weights[spans[part] + i] <= OF_WEIGHT:
                                masked_weight += weights[spans[part] + i]
                        memset(reach, 0, size * sizeof(int32_t))
                        for i in range(n_exact):
                            if -slack <= exact_runs[i].place - exact_runs[i].start - aside <= slack:
                                reach_of(reach, &exact_runs[i])
                                for k in range(exact_runs[i].start, exact_runs[i].end - 7):
                                    opens[k] = 1
                        exact_weight = 0
                        reach_max = 0
                        for i in range(size):
                            if reach[i]:
                                exact_weight += weights[spans[part] + i] & OF_WEIGHT
                                reach_max = max(reach_max, reach[i])
                            in_tens += reach[i] >= 10
                            in_eights += reach[i] >= 8
                            eights += opens[i]
                    if (
                        kind[part]
                        or exact_weight * 5 >= all_weight * 2
                        or (all_words and masked_weight * 5 >= all_words * 2)
                        or reach_max >= 13
                        or in_eights * 2 >= size
                    ):
                        hits[n_hits, 0], hits[n_hits, 1] = text, part
                        hits[n_hits, 2], hits[n_hits, 3] = exact_weight, masked_weight
                        hits[n_hits, 4], hits[n_hits, 5] = reach_max, stop - start
                        hits[n_hits, 6], hits[n_hits, 7] = lo, hi
                        hits[n_hits, 8], hits[n_hits, 9], hits[n_hits, 10] = eights, in_eights, in_tens
                        hits[n_hits, 11] = kind[part]
                        n_hits += 1
                    kind[part] = -1
    finally:
        free(runs)
        free(exact_runs)
        free(reach)
        free(opens)
        free(places)
        free(grams.keys)
        free(grams.checks)
        free(grams.after)
        free(grams.table)
    found_ = found_[:n_hits]
    return found_[np.lexsort((found_[:, 1], found_[:, 0]))]
