# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Sets of hashed n-grams and their MinHash signatures."""

import numpy as np

from libc.stdlib cimport free, malloc

include "hashing.pxi"

cdef extern from *:
    """
    /* Compiled twice, for processors with wide registers and for all others; the loader picks one. */
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
    void sign_set(const uint64_t *set, size_t n, const uint32_t *a, const uint32_t *b, size_t k, uint32_t *out) nogil


cdef void sort(uint64_t *a, uint64_t *spare, Py_ssize_t n, int shift) noexcept nogil:
    """Sort in ascending order. Hashes are spread evenly, so one pass by their highest byte leaves little to do."""
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


cdef inline uint64_t power_of(int n) noexcept nogil:
    """Return K ** n, modulo 2**64."""
    cdef uint64_t power = 1
    cdef int i
    for i in range(n):
        power *= K
    return power


cdef inline void hash_grams(
    const uint64_t *tokens, Py_ssize_t n_tokens, int n, uint64_t power, uint64_t *out
) noexcept nogil:
    """Write the hash of each run of n tokens; `power` is K ** (n - 1)."""
    cdef uint64_t h = 0
    cdef Py_ssize_t i
    if n_tokens < n:
        return
    for i in range(n - 1):
        h = h * K + tokens[i]
    for i in range(n - 1, n_tokens):
        h = h * K + tokens[i]
        out[i - n + 1] = spread(h)
        h -= tokens[i - n + 1] * power


cdef inline uint64_t hash_all(const uint64_t *tokens, Py_ssize_t n_tokens) noexcept nogil:
    cdef uint64_t h = 0
    cdef Py_ssize_t i
    for i in range(n_tokens):
        h = h * K + tokens[i]
    return spread(h)


cdef inline Py_ssize_t sort_once(uint64_t *a, uint64_t *spare, Py_ssize_t n) noexcept nogil:
    """Sort in ascending order, keep each value once, and return how many these are."""
    cdef Py_ssize_t i, kept = 1
    if n <= 0:
        return 0
    sort(a, spare, n, 56)
    for i in range(1, n):
        if a[i] != a[kept - 1]:
            a[kept] = a[i]
            kept += 1
    return kept


def shingle(const uint64_t[::1] hashes, const int64_t[::1] bounds, int n):
    cdef Py_ssize_t n_texts = bounds.shape[0] - 1, text, n_tokens, at = 0, longest = 1
    sets_ = np.empty(max(1, bounds[n_texts] - bounds[0]), dtype=np.uint64)
    limits_ = np.empty(n_texts + 1, dtype=np.int64)
    whole_ = np.empty(n_texts, dtype=np.uint64)
    cdef uint64_t[::1] sets = sets_, whole = whole_
    cdef int64_t[::1] limits = limits_
    cdef uint64_t power = power_of(n - 1)
    cdef const uint64_t *tokens
    cdef uint64_t *spare
    for text in range(n_texts):
        longest = max(longest, bounds[text + 1] - bounds[text])
    spare = <uint64_t *>malloc(longest * sizeof(uint64_t))
    if spare == NULL:
        raise MemoryError
    with nogil:
        limits[0] = 0
        for text in range(n_texts):
            n_tokens = bounds[text + 1] - bounds[text]
            tokens = &hashes[0] + bounds[text] if n_tokens else NULL
            whole[text] = hash_all(tokens, n_tokens)
            hash_grams(tokens, n_tokens, n, power, &sets[0] + at)
            at += sort_once(&sets[0] + at, spare, n_tokens - n + 1)
            limits[text + 1] = at
    free(spare)
    return sets_[:at], limits_, whole_


def grams(const uint64_t[::1] hashes, int n):
    cdef Py_ssize_t n_tokens = hashes.shape[0], n_grams = max(0, n_tokens - n + 1)
    values_ = np.empty(n_grams, dtype=np.uint64)
    cdef uint64_t[::1] values = values_
    if n_grams:
        with nogil:
            hash_grams(&hashes[0], n_tokens, n, power_of(n - 1), &values[0])
    return values_


def winnow(const uint64_t[::1] hashes, const int64_t[::1] bounds, int n, int window, int64_t least):
    cdef Py_ssize_t n_texts = bounds.shape[0] - 1, text, n_tokens, n_grams, longest = 1, i, j, at = 0, lowest
    limits_ = np.empty(n_texts + 1, dtype=np.int64)
    cdef int64_t[::1] limits = limits_
    for text in range(n_texts):
        longest = max(longest, bounds[text + 1] - bounds[text])
    cdef uint64_t[::1] grams_ = np.empty(longest, dtype=np.uint64)
    kept_ = np.empty(max(1, hashes.shape[0]), dtype=np.uint32)
    cdef uint32_t[::1] kept = kept_
    cdef uint64_t *own = &grams_[0]
    cdef uint64_t power = power_of(n - 1)
    with nogil:
        limits[0] = 0
        for text in range(n_texts):
            n_tokens = bounds[text + 1] - bounds[text]
            n_grams = n_tokens - n + 1
            if n_tokens >= least and n_grams >= window:
                hash_grams(&hashes[bounds[text]], n_tokens, n, power, own)
                for i in range(n_grams):
                    own[i] = own[i] >> 32 << 32 | <uint32_t>i  # of equal ones the first
                lowest = -1
                for i in range(window - 1, n_grams):
                    if lowest < i - window + 1:  # it left the window
                        lowest = i - window + 1
                        for j in range(i - window + 2, i + 1):
                            if own[j] < own[lowest]:
                                lowest = j
                    elif own[i] < own[lowest]:
                        lowest = i
                    else:
                        continue
                    kept[at] = <uint32_t>(own[lowest] >> 32)
                    at += 1
            limits[text + 1] = at
    return limits_, kept_[:at].copy()


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


def sign(const uint64_t[::1] sets, const int64_t[::1] limits, const uint32_t[::1] a, const uint32_t[::1] b):
    cdef Py_ssize_t n_sets = limits.shape[0] - 1, k
    out_ = np.full((n_sets, a.shape[0]), 0xFFFFFFFF, dtype=np.uint32)
    cdef uint32_t[:, ::1] out = out_
    with nogil:
        for k in range(n_sets):
            if limits[k + 1] > limits[k]:
                sign_set(&sets[limits[k]], limits[k + 1] - limits[k], &a[0], &b[0], a.shape[0], &out[k, 0])
    return out_
