# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Pairs of sets that are similar, and how many values pairs of sets share."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from libc.math cimport ceil
from libc.stdlib cimport calloc, free, malloc, realloc

include "hashing.pxi"


cdef inline int64_t shared_of(
    const uint64_t *x, int64_t n_x, const uint64_t *y, int64_t n_y, int64_t wanted
) noexcept nogil:
    """Count the values in both of two ascending sets; return -1 once `wanted` cannot be reached."""
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


# -- the rarest values of each set -----------------------------------------------------------------------------------


cdef inline void part(uint64_t *a, Py_ssize_t *low, Py_ssize_t *high) noexcept nogil:
    """Move the smaller of a[low..high] before the larger; set low to the first larger one, high to the last smaller."""
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
    """Move the k smallest of n values to the front, in ascending order (Hoare 1961, Find)."""
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
    """Sort in ascending order, by quicksort down to short pieces: keys are not spread evenly."""
    cdef Py_ssize_t i, j, low = 0, high = n - 1
    cdef uint64_t x
    while high - low > 16:
        i, j = low, high
        part(a, &i, &j)
        if j - low < high - i:  # a call for the shorter side, so that calls nest little
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


def _frequencies(const uint64_t[::1] sets):
    """Count the values with the same highest bits, up to the limit of 16 bits."""
    cdef int bits = min(20, max(8, int(sets.shape[0]).bit_length() - 1))
    df_ = np.zeros(1 << bits, dtype=np.uint16)
    cdef uint16_t[::1] df = df_
    cdef Py_ssize_t at, i
    with nogil:
        for at in range(sets.shape[0]):
            i = sets[at] >> (64 - bits)
            df[i] += df[i] < 65535
    return df_


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
    """Write the keys of the rarest values of each set numbers[first:last], ascending, to keys[begins[k]:begins[k + 1]]."""
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
            # Counting the values of each frequency leaves out most of them.
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
            # Rare values first: few sets share them. The low bits of a value distinguish equally frequent ones, nearly
            # always; where they do not, one more pair is compared.
            m = 0
            for i in range(n):
                value = sets[limits[x] + i]
                own[m] = <uint64_t>frequencies[i] << 48 | (value & <uint64_t>0xFFFFFFFFFFFF)
                m += frequencies[i] <= most
            select(&own[0], m, wanted)
            memcpy(&keys[begins[k]], &own[0], wanted * sizeof(uint64_t))


def _keys(sets, limits, numbers, begins, n, int threads):
    """Return the keys of the rarest values of all sets, and some room after them for what is prefetched."""
    keys = np.zeros(int(begins[len(n)]) + AHEAD, dtype=np.uint64)
    df = _frequencies(sets)
    # Parts of about equally many values, and more of them than threads: a thread may share its processor with others.
    ends = np.cumsum(n)
    n_parts = 8 * threads
    cuts = [np.searchsorted(ends, part * sets.shape[0] // n_parts) for part in range(n_parts)] + [len(n)]
    parts = [(sets, limits, numbers, begins, keys, df, cuts[k], cuts[k + 1]) for k in range(n_parts)]
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(_rarest, *zip(*parts)))
    else:
        for part in parts:
            _rarest(*part)
    return keys


# -- pairs -----------------------------------------------------------------------------------------------------------


cdef struct Slot:
    uint64_t key
    int32_t head  # the last posting of this key; 0: none
    int32_t n


cdef struct Posting:
    int32_t set
    int32_t position  # of the key in the set's order
    int32_t next


cdef struct Pair:
    int32_t left
    int32_t right
    int32_t shared


cdef struct Search:  # owns all its buffers
    double threshold
    double share  # of the values of two sets together that similar ones share, at least
    int64_t max_fanout
    int shift
    uint64_t mask
    Slot *slots  # a hash table of keys
    Posting *postings  # from 1
    int64_t n_postings
    int32_t *met  # keys shared with the current set so far; below 0: too few can follow
    int32_t *touched  # sets that were met
    Py_ssize_t n_touched
    uint8_t *capped
    Pair *pairs
    Py_ssize_t n_pairs, room


cdef bint allocate(Search *s, int64_t n_sets, int64_t n_entries) noexcept nogil:
    """Make room for an index of this size; return False where there is no memory."""
    cdef int bits = 4
    while <int64_t>1 << bits <= 2 * n_entries:
        bits += 1
    s.shift, s.mask = 64 - bits, (<uint64_t>1 << bits) - 1
    s.slots = <Slot *>calloc(s.mask + 1, sizeof(Slot))
    s.postings = <Posting *>malloc((n_entries + 1) * sizeof(Posting))
    s.met = <int32_t *>calloc(n_sets + 1, sizeof(int32_t))
    s.touched = <int32_t *>malloc((n_sets + 1) * sizeof(int32_t))
    s.capped = <uint8_t *>calloc(n_sets + 1, 1)
    return s.slots != NULL and s.postings != NULL and s.met != NULL and s.touched != NULL and s.capped != NULL


cdef void release(Search *s) noexcept nogil:
    free(s.slots)
    free(s.postings)
    free(s.met)
    free(s.touched)
    free(s.capped)
    free(s.pairs)


cdef inline int64_t at_least(double share) noexcept nogil:
    # Rounding must not cost a pair: a value a hair above a whole number counts as that number.
    return <int64_t>ceil(share - 1e-9)


cdef inline Slot *slot_of(const Search *s, uint64_t key) noexcept nogil:
    cdef uint64_t at = key * <uint64_t>0x9E3779B97F4A7C15 >> s.shift
    while s.slots[at].head and s.slots[at].key != key:
        at = (at + 1) & s.mask
    return &s.slots[at]


cdef inline void meet(
    Search *s, const Slot *slot, const int64_t *sizes, int64_t n_x, int64_t smallest, int64_t position
) noexcept nogil:
    """Count a key of a set of n_x values for all sets of at least `smallest` values in the index that have it too."""
    cdef int32_t link = slot.head
    cdef int32_t *met = s.met
    cdef const Posting *posting
    cdef int64_t y, n_y, wanted
    while link:  # from the largest set down
        posting = &s.postings[link]
        y = posting.set
        n_y = sizes[y]
        if n_y < smallest:
            break
        if met[y] >= 0:
            if met[y] == 0:
                s.touched[s.n_touched] = <int32_t>y
                s.n_touched += 1
            # No more can be shared than follows in the shorter rest (Xiao et al. 2008, PPJoin). Capped sets
            # are exempt: some of their keys are not in the index.
            wanted = at_least(s.share * (n_x + n_y))
            if not s.capped[y] and met[y] + min(n_x - position, n_y - posting.position) < wanted:
                met[y] = -1
            else:
                met[y] += 1
        link = posting.next


cdef inline void post(Search *s, Slot *slot, uint64_t key, int64_t x, int64_t position) noexcept nogil:
    """Add a key of set x to the index, unless the key has as many sets as it may have."""
    cdef Posting *posting
    if slot.n >= s.max_fanout:
        s.capped[x] = 1
        return
    s.n_postings += 1
    posting = &s.postings[s.n_postings]
    posting.set, posting.position, posting.next = <int32_t>x, <int32_t>position, slot.head
    slot.key = key
    slot.head = <int32_t>s.n_postings
    slot.n += 1


cdef bint keep(Search *s, int64_t x, int64_t y, int64_t shared) noexcept nogil:
    """Add a pair; return False where there is no memory."""
    cdef Pair *grown
    if s.n_pairs == s.room:
        grown = <Pair *>realloc(s.pairs, (2 * s.room + 1024) * sizeof(Pair))
        if grown == NULL:
            return False
        s.pairs, s.room = grown, 2 * s.room + 1024
    s.pairs[s.n_pairs].left, s.pairs[s.n_pairs].right = <int32_t>min(x, y), <int32_t>max(x, y)
    s.pairs[s.n_pairs].shared = <int32_t>shared
    s.n_pairs += 1
    return True


cdef inline bint verify(
    Search *s, const uint64_t *values, const int64_t *limits, const int64_t *sizes, int64_t x
) noexcept nogil:
    """Keep those of the sets met by x that are similar enough; return False where there is no memory."""
    cdef Py_ssize_t i
    cdef int64_t y, n_x = sizes[x], n_y, wanted, shared
    for i in range(s.n_touched):
        y = s.touched[i]
        if s.met[y] > 0 and y != x:
            n_y = sizes[y]
            wanted = at_least(s.share * (n_x + n_y))
            shared = shared_of(values + limits[x], n_x, values + limits[y], n_y, wanted)
            if shared >= wanted and <double>shared / <double>(n_x + n_y - shared) >= s.threshold:
                if not keep(s, x, y, shared):
                    return False
        s.met[y] = 0
    s.n_touched = 0
    return True


cdef bint search(
    Search *s,
    const uint64_t *values,
    const int64_t *limits,
    const int64_t *sizes,
    const int64_t *by_size,
    Py_ssize_t n,
    const uint64_t *keys,
    const int64_t *begins,
) noexcept nogil:
    """Find all pairs of n sets, the smaller sets first; return False where there is no memory."""
    cdef Py_ssize_t k, i
    cdef int64_t x, smallest, n_index
    cdef const uint64_t *own
    cdef Slot *slot
    for k in range(n):
        x = by_size[k]
        smallest = at_least(s.threshold * sizes[x])
        n_index = sizes[x] - at_least(2 * s.threshold / (1 + s.threshold) * sizes[x]) + 1
        own = keys + begins[k]
        for i in range(begins[k + 1] - begins[k]):
            # The index is larger than the caches.
            prefetch(&s.slots[own[i + AHEAD] * <uint64_t>0x9E3779B97F4A7C15 >> s.shift])
            if i and own[i] == own[i - 1]:
                continue
            slot = slot_of(s, own[i])
            meet(s, slot, sizes, sizes[x], smallest, i)
            if i < n_index:
                post(s, slot, own[i], x, i)
        if not verify(s, values, limits, sizes, x):
            return False
    return True


cdef pairs_of(const Search *s):
    """Return the pairs in ascending order: left, right, shared."""
    found = np.empty((s.n_pairs, 3), dtype=np.int32)
    cdef int32_t[:, ::1] rows
    if s.n_pairs:
        rows = found
        memcpy(&rows[0, 0], s.pairs, s.n_pairs * sizeof(Pair))
    return found[np.lexsort((found[:, 1], found[:, 0]))].T


def join(
    const uint64_t[::1] sets, const int64_t[::1] limits, double threshold, int64_t max_fanout, int threads = 1
):
    cdef Py_ssize_t n_sets = limits.shape[0] - 1
    sizes_ = np.diff(np.asarray(limits))
    by_size_ = np.argsort(sizes_, kind="stable")
    by_size_ = by_size_[np.searchsorted(sizes_[by_size_], 1):]
    if not len(by_size_):
        none = np.zeros(0, dtype=np.int32)
        return none, none, none, np.zeros(n_sets, dtype=np.bool_)
    n = sizes_[by_size_]
    # Two similar sets share a value among the first ones of each; the larger set comes later, and has fewer in the index.
    begins_ = np.append(0, np.cumsum(n - np.ceil(threshold * n - 1e-9).astype(np.int64) + 1))
    cdef int64_t n_entries = int((n - np.ceil(2 * threshold / (1 + threshold) * n - 1e-9) + 1).sum())  # of the index
    if n_entries >= 2**31 - 1:
        raise OverflowError(f"{n_entries:,} entries in the index; the limit is 2**31")
    cdef const int64_t[::1] sizes = sizes_, by_size = by_size_, begins = begins_
    cdef const uint64_t[::1] keys = _keys(sets, limits, by_size_, begins_, n, threads)
    capped_ = np.zeros(n_sets, dtype=np.uint8)
    cdef uint8_t[::1] capped = capped_
    cdef bint has_room
    cdef Search s
    memset(&s, 0, sizeof(s))
    s.threshold, s.share, s.max_fanout = threshold, threshold / (1 + threshold), max_fanout
    try:
        with nogil:
            has_room = allocate(&s, n_sets, n_entries) and search(
                &s, &sets[0], &limits[0], &sizes[0], &by_size[0], by_size.shape[0], &keys[0], &begins[0]
            )
        if not has_room:
            raise MemoryError
        left, right, shared = pairs_of(&s)
        memcpy(&capped[0], s.capped, n_sets)
    finally:
        release(&s)
    return left, right, shared, capped_.view(np.bool_)
