# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Parts of benchmark items in texts."""

import numpy as np

from libc.stdlib cimport calloc, free, malloc, realloc

from ..layout import (
    A_NUMBER, BY_LINE, BY_SENTENCE, BY_TEXT, HIT, LINE, MAX_PLACES, MOST_NUMBERS, NUMBER, SEARCHED, SENTENCE, SPELT,
    WHOLE,
)

include "hashing.pxi"
include "runs.pxi"

cdef enum:  # equal to layout.py; constants for the C compiler
    F_NUMBER = 1, F_LINE = 2, F_SENTENCE = 4
    IS_SENTENCE = 1, IS_LINE = 2, IS_TEXT = 3
    OF_WEIGHT = 0x3F, OF_NUMBER = 0x80  # bits of a weight, and the flag of a number
    IN_WORDS = 0x40, MANY = 24  # numbers


cdef struct Hit:  # the columns of layout.HIT
    int64_t text, part, exact_weight, masked_weight, exact_run, masked_run, first, end, eights, in_eights, in_tens, whole
    int64_t place


if (F_NUMBER, F_LINE, F_SENTENCE, IS_SENTENCE, IS_LINE, IS_TEXT, MOST, OF_NUMBER, OF_WEIGHT + 1, KEPT, sizeof(Hit), IN_WORDS, MANY) != (
    *(NUMBER, LINE, SENTENCE, BY_SENTENCE, BY_LINE, BY_TEXT, MAX_PLACES, A_NUMBER, SEARCHED, WHOLE, 8 * len(HIT)),
    *(SPELT, MOST_NUMBERS),
):
    raise ImportError("the compiled kernels belong to another version; install chataudit again")


# -- memory ----------------------------------------------------------------------------------------------------------


cdef enum:  # of a part that the current text may contain; a byte for each part, so that all stay in the cache
    SEEDS = 0x7F  # how many of its postings are in the text, as far as these bits count
    AS_WHOLE = 0x80  # whether a unit of the text equals the part


cdef struct Unit:  # of a text, that equals a part
    int32_t first, end  # tokens
    int8_t whole


cdef struct Space:  # owns all buffers of a search
    Text text
    Part part
    uint8_t *nominees  # by part: SEEDS and AS_WHOLE; 0: not nominated
    int32_t *nominated  # parts
    Unit *units  # by part
    Py_ssize_t n_nominated
    Run *runs
    Run *exact_runs
    int32_t *reach  # by token of a part: length of the longest run that covers it
    uint8_t *opens  # by token of a part: whether an 8-gram begins here
    Hit *hits
    Py_ssize_t n_hits, room


cdef bint allocate(Space *s, const Parts *parts, const int64_t[::1] bounds) noexcept nogil:
    """Make room for the longest text and the longest part; return False where there is no memory."""
    cdef Py_ssize_t n_tokens = 1, n_own = 1, n_slots = 4, k
    for k in range(bounds.shape[0] - 1):
        n_tokens = max(n_tokens, bounds[k + 1] - bounds[k])
    for k in range(parts.n):
        n_own = max(n_own, parts.spans[k + 1] - parts.spans[k])
    while n_slots < 2 * n_tokens:
        n_slots *= 2
    memset(s, 0, sizeof(Space))
    s.room = 256
    s.text.keys = <uint64_t *>malloc(n_tokens * sizeof(uint64_t))
    s.text.after = <int32_t *>malloc(n_tokens * sizeof(int32_t))
    s.text.table = <int32_t *>malloc(n_slots * sizeof(int32_t))
    s.text.candidates = <int32_t *>malloc(n_tokens * sizeof(int32_t))
    s.nominees = <uint8_t *>calloc(parts.n + 1, 1)
    s.nominated = <int32_t *>malloc((parts.n + 1) * sizeof(int32_t))
    s.units = <Unit *>calloc(parts.n + 1, sizeof(Unit))
    s.part.places = <int32_t *>malloc(n_own * sizeof(int32_t))
    s.runs = <Run *>malloc(n_own * MOST * sizeof(Run))
    s.exact_runs = <Run *>malloc(n_own * MOST * sizeof(Run))
    s.reach = <int32_t *>malloc(n_own * sizeof(int32_t))
    s.opens = <uint8_t *>malloc(n_own)
    s.hits = <Hit *>malloc(s.room * sizeof(Hit))
    return (
        s.text.keys != NULL and s.part.places != NULL and s.text.after != NULL and s.text.table != NULL
        and s.text.candidates != NULL and s.nominees != NULL and s.nominated != NULL and s.units != NULL and s.runs != NULL
        and s.exact_runs != NULL and s.reach != NULL and s.opens != NULL and s.hits != NULL
    )


cdef void release(Space *s) noexcept nogil:
    free(s.text.keys)
    free(s.part.places)
    free(s.text.after)
    free(s.text.table)
    free(s.text.candidates)
    free(s.nominees)
    free(s.nominated)
    free(s.units)
    free(s.runs)
    free(s.exact_runs)
    free(s.reach)
    free(s.opens)
    free(s.hits)


# -- which parts a text may contain ----------------------------------------------------------------------------------


cdef inline void nominate(Space *s, int64_t part) noexcept nogil:
    if not s.nominees[part]:
        s.nominated[s.n_nominated] = <int32_t>part
        s.n_nominated += 1


cdef inline bint is_set(const uint64_t *bitmap, uint64_t k) noexcept nogil:
    return bitmap[k >> 6] >> (k & 63) & 1


cdef void nominate_wholes(
    Space *s, const Parts *parts, uint64_t hash_, int8_t whole, int64_t first, int64_t end
) noexcept nogil:
    """Nominate the parts that equal the tokens [first, end), by the hash of these."""
    cdef uint64_t value = spread(hash_) & KEPT
    cdef Py_ssize_t k = 0, high = parts.n_wholes
    cdef int64_t part
    cdef Unit *unit
    if not is_set(parts.whole_bitmap, value >> parts.whole_shift):
        return
    while k < high:
        if parts.whole[parts.whole_parts[(k + high) // 2]] < value:
            k = (k + high) // 2 + 1
        else:
            high = (k + high) // 2
    while k < parts.n_wholes and parts.whole[parts.whole_parts[k]] == value:
        part = parts.whole_parts[k]
        unit = &s.units[part]
        nominate(s, part)
        if not s.nominees[part] & AS_WHOLE or unit.whole < whole:
            unit.whole, unit.first, unit.end = whole, <int32_t>first, <int32_t>end
        s.nominees[part] |= AS_WHOLE
        k += 1


cdef inline uint64_t hash_all(const uint64_t *tokens, Py_ssize_t n) noexcept nogil:
    cdef uint64_t h = 0
    cdef Py_ssize_t i
    for i in range(n):
        h = h * K + tokens[i]
    return h


cdef inline uint64_t ones(int n) noexcept nogil:
    """Return the bits of n codes."""
    return ~<uint64_t>0 >> (64 - 8 * n)


cdef void read_text(Space *s, const Parts *parts, int n) noexcept nogil:
    """Value all n-grams of the text, and nominate the parts that equal a sentence, a line or the whole text."""
    cdef Text *text = &s.text
    cdef const uint64_t *hashes = text.hashes
    cdef Py_ssize_t i, line = 0, sentence = 0, n_tokens = text.n_tokens
    cdef uint64_t codes = 0, of_line = 0, of_sentence = 0, mask = ones(n)
    cdef int flag
    for i in range(n_tokens + 1):
        flag = text.marks[i] if i < n_tokens else F_LINE | F_SENTENCE
        if i and flag & F_SENTENCE:
            nominate_wholes(s, parts, of_sentence, IS_SENTENCE, sentence, i)
            sentence, of_sentence = i, 0
        if i and flag & F_LINE:
            nominate_wholes(s, parts, of_line, IS_LINE, line, i)
            line, of_line = i, 0
        if i == n_tokens:
            break
        of_line = of_line * K + hashes[i]
        of_sentence = of_sentence * K + hashes[i]
        codes = codes << 8 & mask | (0 if flag & F_NUMBER else hashes[i] >> 56)
        if i >= n - 1:
            text.keys[i - n + 1] = spread(codes)
    if n_tokens:
        nominate_wholes(s, parts, hash_all(hashes, n_tokens), IS_TEXT, 0, n_tokens)


cdef struct Range:
    Py_ssize_t first, end


cdef inline Range postings_of(const Parts *parts, uint64_t value) noexcept nogil:
    """Return the postings of the gram of this value."""
    cdef int rest_bits = 32 - parts.part_bits
    cdef uint32_t rest = <uint32_t>(value >> (parts.head_shift - rest_bits)) & ((<uint32_t>1 << rest_bits) - 1)
    cdef Py_ssize_t limit = parts.heads[(value >> parts.head_shift) + 1]
    cdef Range found
    found.first = parts.heads[value >> parts.head_shift]
    while found.first < limit and parts.postings[found.first] >> parts.part_bits < rest:
        found.first += 1
    found.end = found.first
    while found.end < limit and parts.postings[found.end] >> parts.part_bits == rest:
        found.end += 1
    return found


cdef void nominate_by_grams(Space *s, const Parts *parts) noexcept nogil:
    """Nominate the parts that share a posting with the text, and count their postings."""
    # The tables are larger than the caches: prefetching takes this from 1.4 s to 0.7.
    cdef const Text *text = &s.text
    cdef Py_ssize_t i, k, n_candidates = 0
    cdef uint64_t value
    cdef uint32_t of_part = (<uint32_t>1 << parts.part_bits) - 1
    cdef Range found
    cdef int64_t part
    for i in range(text.n_grams):
        if i + AHEAD < text.n_grams:
            prefetch(&parts.bitmap[text.keys[i + AHEAD] >> parts.bit_shift >> 6])
        value = text.keys[i]
        if is_set(parts.bitmap, value >> parts.bit_shift):
            prefetch(&parts.heads[value >> parts.head_shift])
            text.candidates[n_candidates] = <int32_t>i
            n_candidates += 1
    for i in range(n_candidates):
        if i + AHEAD // 2 < n_candidates:
            k = parts.heads[text.keys[text.candidates[i + AHEAD // 2]] >> parts.head_shift]
            prefetch(&parts.postings[min(k, parts.n_postings - 1)])
        found = postings_of(parts, text.keys[text.candidates[i]])
        for k in range(found.first, found.end):
            part = parts.postings[k] & of_part
            nominate(s, part)
            if s.nominees[part] & SEEDS < SEEDS:
                s.nominees[part] += 1


# -- how much of a part a text contains ------------------------------------------------------------------------------


cdef Py_ssize_t find_grams(const Text *text, Part *part, int n) noexcept nogil:
    """Look up all n-grams of the part in the text; return how many are found."""
    cdef uint64_t codes = 0, mask = ones(n)
    cdef Py_ssize_t i, n_found = 0
    for i in range(part.n_tokens):
        codes = codes << 8 & mask | (0 if part.weights[i] & OF_NUMBER else part.codes[i])
        if i >= n - 1:
            part.places[i - n + 1] = first_place(text, spread(codes))
            n_found += part.places[i - n + 1] >= 0
    return n_found


cdef inline bint has_enough_seeds(int32_t n_searched, int32_t seeds) noexcept nogil:
    return n_searched < 8 or seeds >= min(5, max(2, (n_searched + 9) // 10))


cdef inline void cover(int32_t *reach, const Run *run) noexcept nogil:
    cdef int32_t i
    for i in range(run.start, run.end):
        reach[i] = max(reach[i], length_of(run))


cdef inline void weigh(const uint8_t *weights, Py_ssize_t n, int64_t *total, int64_t *words) noexcept nogil:
    """Add up the weights of all tokens, and of those that are not numbers."""
    cdef Py_ssize_t i
    total[0], words[0] = 0, 0
    for i in range(n):
        total[0] += weights[i] & OF_WEIGHT
        words[0] += 0 if weights[i] & OF_NUMBER else weights[i] & OF_WEIGHT


cdef void count_masked(
    Space *s, Py_ssize_t n_runs, const Run *best, int32_t slack, Hit *hit
) noexcept nogil:
    """Fill the columns of a hit that concern the number-masked runs near the best one."""
    cdef Py_ssize_t i
    cdef Run *run
    memset(s.reach, 0, s.part.n_tokens * sizeof(int32_t))
    hit.first, hit.end = s.text.n_tokens, 0
    for i in range(n_runs):
        run = &s.runs[i]
        if is_near(run, best, slack):
            cover(s.reach, run)
            hit.first = min(hit.first, run.place)
            hit.end = max(hit.end, run.place + length_of(run))
    for i in range(s.part.n_tokens):
        if s.reach[i] and not s.part.weights[i] & OF_NUMBER:
            hit.masked_weight += s.part.weights[i] & OF_WEIGHT
    hit.masked_run = length_of(best)
    hit.place = best.place - best.start


cdef void count_exact(
    Space *s, Py_ssize_t n_runs, const Run *best, int32_t slack, Hit *hit
) noexcept nogil:
    """Fill the columns of a hit that concern the exact runs near the best one."""
    cdef Py_ssize_t i, k
    cdef Run *run
    memset(s.reach, 0, s.part.n_tokens * sizeof(int32_t))
    memset(s.opens, 0, s.part.n_tokens)
    for i in range(n_runs):
        run = &s.exact_runs[i]
        if is_near(run, best, slack):
            cover(s.reach, run)
            for k in range(run.start, run.end - 7):
                s.opens[k] = 1
    for i in range(s.part.n_tokens):
        if s.reach[i]:
            hit.exact_weight += s.part.weights[i] & OF_WEIGHT
            hit.exact_run = max(hit.exact_run, s.reach[i])
        hit.in_tens += s.reach[i] >= 10
        hit.in_eights += s.reach[i] >= 8
        hit.eights += s.opens[i]


cdef bint count_runs(Space *s, int n, Hit *hit) noexcept nogil:
    """Fill a hit with what the runs of the part cover; return False where there is no run."""
    cdef Py_ssize_t size = s.part.n_tokens, n_runs, n_exact
    cdef Run best, exact_best
    cdef int32_t slack
    n_runs = trace(&s.text, &s.part, n, False, s.runs)
    if not n_runs:
        return False
    n_exact = trace(&s.text, &s.part, n, True, s.exact_runs)
    best = longest_of(s.runs, n_runs)
    if n_exact:
        # Of equally long runs the exact one: where a text contains two copies, it is the better one.
        exact_best = longest_of(s.exact_runs, n_exact)
        if length_of(&exact_best) == length_of(&best):
            best = exact_best
    slack = max(32, <int32_t>size) if length_of(&best) < size else 0
    count_masked(s, n_runs, &best, slack, hit)
    count_exact(s, n_exact, &best, slack, hit)
    return True


cdef bint compare(Space *s, const Parts *parts, int64_t number, const Unit *unit, int n, Hit *hit) noexcept nogil:
    """Fill a hit with what the text contains of a part; return whether it is enough."""
    cdef Part *part = &s.part
    cdef int64_t weight, of_words
    cdef Py_ssize_t n_found
    part.n_tokens = parts.spans[number + 1] - parts.spans[number]
    part.n_grams = max(0, part.n_tokens - n + 1)
    part.codes, part.weights = parts.codes + parts.spans[number], parts.weights + parts.spans[number]
    if part.n_grams:
        if not s.text.is_indexed:  # few texts need it
            index_text(&s.text)
        n_found = find_grams(&s.text, part, n)
        if unit == NULL and n_found * 5 < part.n_grams and n_found < 9:
            return False
        if not count_runs(s, n, hit):
            return False
    weigh(part.weights, part.n_tokens, &weight, &of_words)
    if not part.n_grams:  # found as a whole
        hit.exact_weight, hit.masked_weight = weight, of_words
        hit.exact_run = hit.masked_run = unit.end - unit.first
        hit.first, hit.end = unit.first, unit.end
        hit.place = unit.first
    return (
        unit != NULL
        or hit.exact_weight * 5 >= weight
        or (of_words and hit.masked_weight * 5 >= of_words)
        or hit.exact_run >= 13
        or hit.in_eights * 2 >= part.n_tokens
    )


cdef bint compare_nominees(Space *s, const Parts *parts, int64_t text, int n) noexcept nogil:
    """Add the hits of a text; return False where there is no memory."""
    cdef Py_ssize_t m
    cdef Hit hit
    cdef Hit *grown
    cdef uint8_t nominee
    cdef int64_t part
    cdef Unit *unit
    for m in range(s.n_nominated):
        part = s.nominated[m]
        nominee = s.nominees[part]
        s.nominees[part] = 0
        if not nominee & AS_WHOLE and not has_enough_seeds(parts.n_searched[part], nominee & SEEDS):
            continue
        unit = &s.units[part] if nominee & AS_WHOLE else NULL
        memset(&hit, 0, sizeof(Hit))
        hit.text, hit.part, hit.whole = text, part, unit.whole if unit != NULL else 0
        if not compare(s, parts, part, unit, n, &hit):
            continue
        if s.n_hits == s.room:
            grown = <Hit *>realloc(s.hits, 2 * s.room * sizeof(Hit))
            if grown == NULL:
                return False
            s.hits, s.room = grown, 2 * s.room
        s.hits[s.n_hits] = hit
        s.n_hits += 1
    s.n_nominated = 0
    return True


# -- all texts -------------------------------------------------------------------------------------------------------


cdef bint scan_texts(
    Space *s, const Parts *parts, const uint64_t *hashes, const int64_t[::1] bounds, const uint8_t *marks, int n
) noexcept nogil:
    """Find the parts in all texts; return False where there is no memory."""
    cdef Text *text = &s.text
    cdef Py_ssize_t k
    for k in range(bounds.shape[0] - 1):
        text.hashes, text.marks = hashes + bounds[k], marks + bounds[k]
        text.n_tokens = bounds[k + 1] - bounds[k]
        text.n_grams = max(0, text.n_tokens - n + 1)
        read_text(s, parts, n)
        nominate_by_grams(s, parts)
        text.is_indexed = False
        if not compare_nominees(s, parts, k, n):
            return False
    return True


cdef hits_of(const Space *s):
    """Return all hits in the order of texts and parts."""
    found = np.empty((s.n_hits, len(HIT)), dtype=np.int64)
    cdef int64_t[:, ::1] rows
    if s.n_hits:
        rows = found
        memcpy(&rows[0, 0], s.hits, s.n_hits * sizeof(Hit))
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def values_of(const uint8_t[::1] codes, int n):
    values = np.empty(max(0, codes.shape[0] - n + 1), dtype=np.uint64)
    cdef uint64_t[::1] out = values
    cdef uint64_t joined = 0, mask = ones(n)
    cdef Py_ssize_t i
    with nogil:
        for i in range(codes.shape[0]):
            joined = joined << 8 & mask | codes[i]
            if i >= n - 1:
                out[i - n + 1] = spread(joined)
    return values


cdef Parts parts_of(sought):
    cdef const uint32_t[::1] postings = sought.postings
    cdef const int32_t[::1] heads = sought.heads, whole_parts = sought.whole_parts, spans = sought.spans
    cdef const uint64_t[::1] bitmap = sought.bitmap, whole = sought.whole, whole_bitmap = sought.whole_bitmap
    cdef const uint8_t[::1] n_searched = sought.n_searched, codes = sought.codes, weights = sought.weights
    cdef Parts parts
    parts.n, parts.n_postings, parts.n_wholes = spans.shape[0] - 1, postings.shape[0], whole_parts.shape[0]
    parts.postings, parts.heads, parts.bitmap = &postings[0], &heads[0], &bitmap[0]
    parts.whole, parts.whole_parts, parts.whole_bitmap = &whole[0], &whole_parts[0], &whole_bitmap[0]
    parts.spans, parts.codes, parts.weights = &spans[0], &codes[0], &weights[0]
    parts.n_searched, parts.part_bits = &n_searched[0], sought.part_bits
    parts.head_shift = 65 - (heads.shape[0] - 1).bit_length()
    parts.bit_shift = 59 - bitmap.shape[0].bit_length()
    parts.whole_shift = 59 - whole_bitmap.shape[0].bit_length()
    return parts


def n_parts_with(const uint64_t[::1] values, sought):
    found = np.empty(values.shape[0], dtype=np.int64)
    cdef int64_t[::1] out = found
    cdef Parts parts = parts_of(sought)
    cdef Range each
    cdef Py_ssize_t i
    with nogil:
        for i in range(values.shape[0]):
            each = postings_of(&parts, values[i])
            out[i] = each.end - each.first
    return found


def scan(const uint64_t[::1] hashes, const int64_t[::1] bounds, const uint8_t[::1] marks, int n, sought):
    cdef Parts parts = parts_of(sought)
    cdef Space space
    cdef bint has_room
    try:
        with nogil:
            has_room = allocate(&space, &parts, bounds) and scan_texts(
                &space, &parts, &hashes[0], bounds, &marks[0], n
            )
        if not has_room:
            raise MemoryError
        return hits_of(&space)
    finally:
        release(&space)


# -- single words --------------------------------------------------------------------------------------------------------


cdef struct Shared:  # words of a text and the beginning of a part that are paired
    int64_t weight, first, end


cdef inline bint is_pair(
    const uint8_t *part, int64_t i, int64_t n_part, const uint64_t *text, int64_t j, int64_t n_text
) noexcept nogil:
    """Whether two words are equal, and those before or those behind them too."""
    return part[i] == text[j] >> 56 and (
        i and j and part[i - 1] == text[j - 1] >> 56
        or i + 1 < n_part and j + 1 < n_text and part[i + 1] == text[j + 1] >> 56
    )


cdef Shared shared_words(
    const uint64_t *text, int64_t n_text, const uint8_t *part, const uint8_t *weights, int64_t n_part, Shared *best
) noexcept nogil:
    """Return the weightiest pairs in order; `best` has room for n_text + 1."""
    cdef int64_t i, j, weight
    cdef Shared corner, above
    memset(best, 0, (n_text + 1) * sizeof(Shared))
    for i in range(n_part):
        corner = best[0]
        weight = weights[i] & OF_WEIGHT
        for j in range(n_text):
            above = best[j + 1]
            if best[j].weight > above.weight:
                best[j + 1] = best[j]
            if corner.weight + weight > best[j + 1].weight and is_pair(part, i, n_part, text, j, n_text):
                best[j + 1].weight, best[j + 1].end = corner.weight + weight, j + 1
                best[j + 1].first = corner.first if corner.weight else j
            corner = above
    return best[n_text]


def resemble(
    const uint64_t[::1] hashes, const uint8_t[::1] codes, const uint8_t[::1] weights, const int64_t[:, ::1] rows
):
    found = np.zeros((rows.shape[0], 3), dtype=np.int64)
    cdef int64_t[:, ::1] out = found
    cdef int64_t k, longest = 0
    cdef Shared shared
    cdef Shared *best
    for k in range(rows.shape[0]):
        longest = max(longest, rows[k, 1] - rows[k, 0])
    best = <Shared *>malloc((longest + 1) * sizeof(Shared))
    if best == NULL:
        raise MemoryError
    try:
        with nogil:
            for k in range(rows.shape[0]):
                if rows[k, 1] > rows[k, 0] and rows[k, 3] > rows[k, 2]:
                    shared = shared_words(
                        &hashes[rows[k, 0]], rows[k, 1] - rows[k, 0], &codes[rows[k, 2]], &weights[rows[k, 2]],
                        rows[k, 3] - rows[k, 2], best,
                    )
                    out[k, 0], out[k, 1], out[k, 2] = shared.weight, shared.first, shared.end
    finally:
        free(best)
    return found


# -- numbers ---------------------------------------------------------------------------------------------------------

cdef enum:  # sums in one integer, the distance taken off: weight, numbers, numbers in digits, distance
    ONE_NUMBER = 1 << 21, ONE_DIGITS = 1 << 13


def in_order(asked, given, const int64_t[:, ::1] pairs):
    cdef const uint32_t[::1] values = asked.values, others = given.values
    cdef const uint8_t[::1] places = asked.places, weights = asked.weights, other_places = given.places
    cdef const int64_t[::1] begins = asked.begins, ends = asked.ends
    cdef const int64_t[::1] other_begins = given.begins, other_ends = given.ends
    found = np.zeros((pairs.shape[0], 4), dtype=np.int64)
    cdef int64_t[:, ::1] out = found
    cdef int64_t[MANY + 1] best
    cdef int64_t k, i, j, n, first, worth, corner, above, both, far
    with nogil:
        for k in range(pairs.shape[0]):
            first = other_begins[pairs[k, 1]]
            n = min(<int64_t>MANY, other_ends[pairs[k, 1]] - first)
            memset(best, 0, sizeof(best))
            for i in range(begins[pairs[k, 0]], ends[pairs[k, 0]]):
                worth = <int64_t>(weights[i] & (IN_WORDS - 1)) << 29 | ONE_NUMBER
                if weights[i] < OF_NUMBER + IN_WORDS:
                    worth += ONE_DIGITS
                corner = best[0]
                for j in range(n):
                    above = best[j + 1]
                    best[j + 1] = max(above, best[j])
                    if values[i] == others[first + j]:
                        far = <int64_t>places[i] - other_places[first + j]
                        both = corner + worth - (far if far >= 0 else -far)
                        best[j + 1] = max(best[j + 1], both)
                    corner = above
            far = -best[n] & (ONE_DIGITS - 1)
            both = best[n] + far
            out[k, 0], out[k, 1], out[k, 2], out[k, 3] = both >> 29, both >> 21 & 255, both >> 13 & 255, far
    return found
