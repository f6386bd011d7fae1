# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Runs of tokens that two texts share, in the order of both."""

import numpy as np

include "hashing.pxi"


cdef struct Sides:
    const uint64_t *left
    const uint64_t *right
    int64_t *blocks  # left, right, n of each
    int64_t n_blocks
    int64_t max_cells
    int32_t *run  # scratch of `compare`


cdef inline void put(Sides *s, int64_t left, int64_t right, int64_t n) noexcept nogil:
    """Add a block; one that goes on where the last one ends is part of it."""
    cdef int64_t *last = s.blocks + 3 * (s.n_blocks - 1)
    if n == 0:
        return
    if s.n_blocks and last[0] + last[2] == left and last[1] + last[2] == right:
        last[2] += n
        return
    last[3], last[4], last[5] = left, right, n
    s.n_blocks += 1


cdef void compare(Sides *s, int64_t a, int64_t a_end, int64_t b, int64_t b_end) noexcept nogil:
    """Add the longest run that both have, the first of several, and what both have on either side of it."""
    cdef int64_t i, j, best = 0, best_i = 0, best_j = 0
    cdef int32_t before, here
    if a == a_end or b == b_end:
        return
    memset(s.run, 0, (b_end - b) * sizeof(int32_t))
    for i in range(a, a_end):
        before = 0
        for j in range(b, b_end):
            here = s.run[j - b]
            s.run[j - b] = before + 1 if s.left[i] == s.right[j] else 0
            if s.run[j - b] > best:
                best, best_i, best_j = s.run[j - b], i, j
            before = here
    if best == 0:
        return
    best_i, best_j = best_i - best + 1, best_j - best + 1
    compare(s, a, best_i, b, best_j)
    put(s, best_i, best_j, best)
    compare(s, best_i + best, a_end, best_j + best, b_end)


cdef inline void compare_short(Sides *s, int64_t a, int64_t a_end, int64_t b, int64_t b_end) noexcept nogil:
    if (a_end - a) * (b_end - b) <= s.max_cells:
        compare(s, a, a_end, b, b_end)


cdef inline uint64_t gram(const uint64_t *at, int n) noexcept nogil:
    cdef uint64_t x = 0
    cdef int k
    for k in range(n):
        x = x * K + at[k]
    return spread(x)


cdef int64_t matches(
    const uint64_t *left, int64_t n_grams, const uint64_t *right, int64_t n_others, int n,
    uint64_t *keys, int64_t *at, uint64_t mask, int64_t *x, int64_t *y,
) noexcept nogil:
    """Write the places of the n-grams that occur once in each text, by that in the left one; return their number.

    `keys` and `at` are a hash table: two places for each key, -1: none, -2: several.
    """
    cdef int64_t i, found = 0
    cdef uint64_t value, slot
    for i in range(2 * <int64_t>(mask + 1)):
        at[i] = -1
    for i in range(n_grams + n_others):
        value = gram(left + i, n) if i < n_grams else gram(right + (i - n_grams), n)
        slot = value & mask
        while at[2 * slot] != -1 and keys[slot] != value:
            slot = (slot + 1) & mask
        if i < n_grams:
            keys[slot] = value
            at[2 * slot] = i if at[2 * slot] == -1 else -2
        elif at[2 * slot] != -1:
            at[2 * slot + 1] = i - n_grams if at[2 * slot + 1] == -1 else -2
    for i in range(n_grams):
        value = gram(left + i, n)
        slot = value & mask
        while keys[slot] != value:
            slot = (slot + 1) & mask
        if at[2 * slot] == i and at[2 * slot + 1] >= 0:
            x[found], y[found] = i, at[2 * slot + 1]
            found += 1
    return found


cdef int64_t ascending(const int64_t *values, int64_t n, int64_t *tails, int64_t *owners, int64_t *before) noexcept nogil:
    """Write the numbers of the longest ascending chain of values to the begin of `tails`; return its length."""
    cdef int64_t k, low, high, middle, length = 0, at
    for k in range(n):
        low, high = 0, length
        while low < high:
            middle = (low + high) >> 1
            if tails[middle] < values[k]:
                low = middle + 1
            else:
                high = middle
        before[k] = owners[low - 1] if low else -1
        tails[low], owners[low] = values[k], k
        length = max(length, low + 1)
    at = owners[length - 1] if length else -1
    for k in range(length - 1, -1, -1):
        tails[k] = at
        at = before[at]
    return length


cdef void anchored(
    Sides *s, int64_t a, int64_t a_end, int64_t b, int64_t b_end, int n,
    uint64_t *keys, int64_t *at, uint64_t mask, int64_t *work, int64_t size,
) noexcept nogil:
    """Add the blocks of a long stretch: n-grams that both have once, and what both have between these."""
    cdef int64_t n_pairs, n_chain, k, x, y, overlap
    cdef int64_t *lefts = work
    cdef int64_t *rights = work + size
    cdef int64_t *chain = work + 2 * size
    n_pairs = matches(s.left + a, a_end - a - n + 1, s.right + b, b_end - b - n + 1, n, keys, at, mask, lefts, rights)
    cdef int64_t first = a, other = b
    n_chain = ascending(rights, n_pairs, chain, work + 3 * size, work + 4 * size)
    for k in range(n_chain):
        x, y = first + lefts[chain[k]], other + rights[chain[k]]
        overlap = max(0, max(a - x, b - y))  # with the n-gram before
        if overlap < n:
            compare_short(s, a, x + overlap, b, y + overlap)
            put(s, x + overlap, y + overlap, n - overlap)
            a, b = x + n, y + n
    compare_short(s, a, a_end, b, b_end)


def align(const uint64_t[::1] left, const uint64_t[::1] right, int n, int64_t max_cells):
    cdef int64_t n_left = left.shape[0], n_right = right.shape[0], n_both = min(n_left, n_right), head = 0, tail = 0
    if n_both == 0:
        return np.empty((0, 3), dtype=np.int64)
    cdef Sides s
    s.left, s.right, s.n_blocks, s.max_cells = &left[0], &right[0], 0, max_cells
    while head < n_both and left[head] == right[head]:
        head += 1
    while tail < n_both - head and left[n_left - tail - 1] == right[n_right - tail - 1]:
        tail += 1
    cdef int64_t a_end = n_left - tail, b_end = n_right - tail, size = max(1, a_end - head)
    cdef bint is_short = (a_end - head) * (b_end - head) <= max_cells
    blocks_ = np.empty((n_both + 1, 3), dtype=np.int64)
    cdef int64_t[:, ::1] blocks = blocks_
    cdef int32_t[::1] run = np.empty(max(1, min(max_cells, n_right)), dtype=np.int32)
    cdef uint64_t n_slots = 16
    while not is_short and n_slots < <uint64_t>(2 * size):
        n_slots *= 2
    cdef uint64_t[::1] keys = np.empty(n_slots, dtype=np.uint64)
    cdef int64_t[::1] at = np.empty(2 * n_slots, dtype=np.int64)
    cdef int64_t[::1] work = np.empty(1 if is_short else 5 * size, dtype=np.int64)
    s.blocks, s.run = &blocks[0, 0], &run[0]
    with nogil:
        put(&s, 0, 0, head)
        if is_short:
            compare(&s, head, a_end, head, b_end)
        else:
            n = <int>min(n, min(a_end - head, b_end - head))
            anchored(&s, head, a_end, head, b_end, n, &keys[0], &at[0], n_slots - 1, &work[0], size)
        put(&s, a_end, b_end, tail)
    return blocks_[: s.n_blocks].copy()
