# Places of grams in a text, and runs of grams at equal distances in a part and a text. Included in scan.pyx.

cdef extern from *:
    """
    #define KEPT (~0xFFFFULL)
    """
    const uint64_t KEPT

cdef enum:
    MOST = 16  # places of one gram; equal to layout.MAX_PLACES


cdef struct Parts:  # the arrays of layout.Sought
    Py_ssize_t n, n_postings, n_wholes
    const uint32_t *postings
    const int32_t *heads
    const uint64_t *bitmap
    const uint64_t *whole
    const int32_t *whole_parts
    const uint64_t *whole_bitmap
    const uint8_t *n_searched
    const int32_t *spans
    const uint8_t *codes
    const uint8_t *weights
    int part_bits, head_shift, bit_shift, whole_shift


cdef struct Part:  # that is compared with a text
    Py_ssize_t n_tokens, n_grams
    const uint8_t *codes
    const uint8_t *weights
    int32_t *places  # by gram: the first one in the text; -1: none


cdef struct Text:
    const uint64_t *hashes  # of its tokens
    const uint8_t *marks
    Py_ssize_t n_tokens, n_grams
    uint64_t *keys  # by gram: the value of its number-masked form
    int32_t *after  # by gram: the next place of an equal one; -1: none
    int32_t *table  # a hash table of the first places of grams; -1: empty
    uint64_t mask
    bint is_indexed  # whether the table is that of this text
    int32_t *candidates  # grams that may be among the postings


cdef void index_text(Text *text) noexcept nogil:
    """Fill the table of the grams of a text, with the first places of each."""
    cdef Py_ssize_t i, size = 4
    cdef uint64_t slot
    cdef int32_t p
    cdef int n_places
    while size < 2 * text.n_grams:
        size *= 2
    text.mask = size - 1
    text.is_indexed = True
    memset(text.table, 255, size * sizeof(int32_t))
    for i in range(text.n_grams):
        text.after[i] = -1
        slot = text.keys[i] & text.mask
        while text.table[slot] >= 0 and text.keys[text.table[slot]] != text.keys[i]:
            slot = (slot + 1) & text.mask
        if text.table[slot] < 0:
            text.table[slot] = <int32_t>i
            continue
        p, n_places = text.table[slot], 1
        while text.after[p] >= 0:
            p = text.after[p]
            n_places += 1
        if n_places < MOST:
            text.after[p] = <int32_t>i


cdef inline int32_t first_place(const Text *text, uint64_t key) noexcept nogil:
    """Return the first place of a gram; -1: none."""
    cdef uint64_t slot = key & text.mask
    while text.table[slot] >= 0:
        if text.keys[text.table[slot]] == key:
            return text.table[slot]
        slot = (slot + 1) & text.mask
    return -1


cdef struct Run:  # equal grams at equal distances
    int32_t start, end  # tokens of the part
    int32_t place  # first token in the text


cdef struct Active:
    int32_t last  # place of the last gram
    int32_t start, place


cdef inline Run ended(const Active *active, int32_t end) noexcept nogil:
    cdef Run run
    run.start, run.end, run.place = active.start, end, active.place
    return run


cdef inline bint is_same(const uint64_t *hashes, const uint8_t *codes, int n) noexcept nogil:
    """Whether the next tokens of a text and of a part have the same codes, numbers too."""
    cdef int k
    for k in range(n):
        if hashes[k] >> 56 != codes[k]:
            return False
    return True


cdef Py_ssize_t trace(const Text *text, const Part *part, int n, bint exact, Run *runs) noexcept nogil:
    """Write the runs of a part in the text; return their number."""
    cdef Active[MOST] first, second
    cdef Active *active = first
    cdef Active *following = second
    cdef int n_active = 0, n_following, k
    cdef Py_ssize_t n_runs = 0
    cdef int32_t p, j, before = 0
    for j in range(part.n_grams):
        n_following = 0
        p = part.places[j]
        while p >= 0:
            if not exact or is_same(text.hashes + p, part.codes + j, n):
                following[n_following].last, following[n_following].start, following[n_following].place = p, j, p
                for k in range(n_active):
                    if active[k].last == p - 1:
                        following[n_following].start, following[n_following].place = active[k].start, active[k].place
                        active[k].last = -1  # continued
                        break
                n_following += 1
            p = text.after[p]
        for k in range(n_active):
            if active[k].last >= 0:
                runs[n_runs] = ended(&active[k], before + n)
                n_runs += 1
        active, following = following, active
        n_active, before = n_following, j
    for k in range(n_active):
        runs[n_runs] = ended(&active[k], before + n)
        n_runs += 1
    return n_runs


cdef inline int32_t length_of(const Run *run) noexcept nogil:
    return run.end - run.start


cdef inline Run longest_of(const Run *runs, Py_ssize_t n) noexcept nogil:
    """Return the longest run; of equally long ones the first in the text."""
    cdef Py_ssize_t i, k = 0
    cdef int32_t longer
    for i in range(1, n):
        longer = length_of(&runs[i]) - length_of(&runs[k])
        if longer > 0 or longer == 0 and (
            runs[i].place < runs[k].place or runs[i].place == runs[k].place and runs[i].start < runs[k].start
        ):
            k = i
    return runs[k]


cdef inline bint is_near(const Run *run, const Run *best, int32_t slack) noexcept nogil:
    return -slack <= (run.place - run.start) - (best.place - best.start) <= slack
