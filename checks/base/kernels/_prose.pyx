# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The kernels that tell the language of texts, compiled. What each gives is told beside its twin in _plain.py."""

import numpy as np

from libc.math cimport expf, log1p
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcmp, memset

from . import _layout

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>

    #define SPACE 0x20
    #define HAN 0x4E00
    #define N_SCRIPTS 16
    #define DIGIT 1
    #define LOWER 2
    #define CAPITAL 4
    #define LETTER 6
    #define NAME 8
    #define BRACKET 32
    #define MODE 64
    #define PRINTED 128
    #define SLOTS 1024
    #define PROSE 0
    #define CODE 1
    #define FENCED 2
    #define TABLE 3
    #define EMPTY 4

    /* Cloned for processors with wide registers where the loader can choose (glibc). */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define WIDE __attribute__((target_clones("avx2", "default")))
    #else
    #define WIDE
    #endif

    /* What is asked of all bytes of a line: most lines are plain prose, and are left after this look. */
    typedef struct {
        int64_t n_signs;  /* of code */
        int64_t n_bytes;  /* that are not blank */
        int64_t n_tokens;
        uint8_t all;      /* bytes, or-ed */
        uint8_t has_quotes, has_equals, has_call, has_lower;
        uint8_t may_inline, may_name;
    } Look;

    /* By byte: to be added up, signs below and blanks above; and in bits, what it is, and above that what it is to the
       byte behind it (BEFORE), and what it makes a pair with (WITH). 1 ns a byte; comparisons took 9. */
    static uint64_t added[256];
    static uint32_t bits[256];

    #define IS_QUOTE 1
    #define IS_EQUALS 2
    #define IS_LOWER 4
    #define MAY_INLINE 8
    #define MAY_NAME 16
    #define BEFORE 8
    #define WITH 16
    #define PAIR_NAME 0x3F
    #define PAIR_CALL 0x40
    #define PAIR_TOKEN 0x80

    /* Of n > 0 bytes that neither begin nor end with a blank. */
    static void look(const uint8_t *s, size_t n, Look *seen)
    {
        uint64_t sum = 0;
        uint32_t any = 0, pairs = 0, before = 0, tokens = 1;
        uint8_t all = 0;
        for (size_t j = 0; j < n; j++) {
            uint8_t c = s[j];
            uint32_t here = bits[c];
            uint32_t pair = (here >> WITH) & (before >> BEFORE);
            sum += added[c];
            any |= here;
            pairs |= pair;
            tokens += (pair & PAIR_TOKEN) != 0;
            all |= c;
            before = here & 0xFF00;
        }
        seen->n_signs = sum & 0xFFFFFFFF;
        seen->n_bytes = (int64_t)n - (int64_t)(sum >> 32);
        seen->n_tokens = tokens;
        seen->all = all;
        seen->has_quotes = (any & IS_QUOTE) != 0;
        seen->has_equals = (any & IS_EQUALS) != 0;
        seen->has_lower = (any & IS_LOWER) != 0;
        seen->has_call = (pairs & PAIR_CALL) != 0;
        seen->may_inline = (any & MAY_INLINE) != 0;
        seen->may_name = (any & MAY_NAME) != 0 || (pairs & PAIR_NAME) != 0;
    }

    /* Letters of n bytes, and whether all of them are ASCII. */
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

    /* Sums of 16-bit rows: exact, and eight at a time. Four rows together, as each is waited for (60 ns). */
    WIDE static void add_rows(const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d, int32_t *sums, size_t n)
    {
        for (size_t j = 0; j < n; j++) sums[j] += (int32_t)a[j] + b[j] + c[j] + d[j];
    }

    WIDE static void add_weighted(const int16_t *row, float weight, float *sums, size_t n)
    {
        for (size_t j = 0; j < n; j++) sums[j] += weight * (float)row[j];
    }

    /* A text under way through an automaton. */
    typedef struct {
        const uint8_t *at;  /* what is read next */
        int64_t left;       /* bytes */
        uint32_t state;
        int64_t row;
        int32_t *met;       /* the feature of each step */
        int32_t *begin;     /* of these */
    } Lane;

    #define LANES 16
    #define PREFETCHED 16

    /* Steps in several texts at a time. Each waits for memory, where the tables are larger than the caches; those of
       one text wait for one another, and those of the others are done meanwhile. */
    static inline void walk(Lane *lanes, int n_lanes, int64_t n, const uint16_t *moves, const int32_t *features)
    {
        uint32_t states[LANES];
        for (int l = 0; l < n_lanes; l++) states[l] = lanes[l].state;
        for (int64_t k = 0; k < n; k++)
            for (int l = 0; l < n_lanes; l++) {
                uint32_t at = states[l] << 8 | lanes[l].at[k];
                lanes[l].met[k] = features[at];
                states[l] = moves[at];
            }
        for (int l = 0; l < n_lanes; l++) {
            lanes[l].state = states[l];
            lanes[l].at += n;
            lanes[l].met += n;
            lanes[l].left -= n;
        }
    }

    static inline void fetch(const int16_t *row, size_t n)
    {
        for (size_t j = 0; j < n; j += 32) __builtin_prefetch(row + j);
    }
    """
    const int SPACE, HAN, N_SCRIPTS, DIGIT, LOWER, CAPITAL, LETTER, NAME, BRACKET, MODE, PRINTED, SLOTS
    const int PROSE, CODE, FENCED, TABLE, EMPTY
    ctypedef struct Look:
        int64_t n_signs, n_bytes, n_tokens
        uint8_t all, has_quotes, has_equals, has_call, has_lower, may_inline, may_name
    uint64_t added[256]
    uint32_t bits[256]
    void look(const uint8_t *s, size_t n, Look *seen) nogil
    int64_t ascii_letters(const uint8_t *s, size_t n, uint8_t *is_ascii) nogil
    void add_rows(const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d, int32_t *sums, size_t n) nogil
    void add_weighted(const int16_t *row, float weight, float *sums, size_t n) nogil
    const int LANES, PREFETCHED
    ctypedef struct Lane:
        const uint8_t *at
        int64_t left
        uint32_t state
        int64_t row
        int32_t *met
        int32_t *begin
    void walk(Lane *lanes, int n_lanes, int64_t n, const uint16_t *moves, const int32_t *features) nogil
    void fetch(const int16_t *row, size_t n) nogil

cdef int N_COUNTS = _layout.N_COUNTS
cdef int N_CODE = _layout.N_CODE
cdef int64_t MAX_INLINE = _layout.MAX_INLINE
cdef int64_t MIN_SENTENCE = _layout.MIN_SENTENCE
cdef int DEFINES = _layout.DEFINES
cdef int STARTS = _layout.STARTS
cdef int IMPORTS = _layout.IMPORTS
cdef int QUERIES = _layout.QUERIES
cdef int CALLS = _layout.CALLS
cdef int ORDERS = _layout.ORDERS
assert N_SCRIPTS == _layout.N_SCRIPTS

cdef uint8_t kinds_of[256]
cdef uint64_t lead_keys[SLOTS]
cdef uint8_t lead_kinds[SLOTS]


cdef uint64_t hash_of(const uint8_t *at, int64_t n) noexcept nogil:
    # Fowler, Noll & Vo, FNV-1a in 64 bits.
    cdef uint64_t h = 0xCBF29CE484222325ULL
    cdef int64_t k
    for k in range(n):
        h = (h ^ at[k]) * 0x100000001B3ULL
    return h


cdef int lead_of(const uint8_t *at, int64_t n) noexcept nogil:
    """What kind of line a word begins; 0: any."""
    if n > 10:
        return 0
    cdef uint64_t h = hash_of(at, n)
    cdef int slot = h & (SLOTS - 1)
    while lead_kinds[slot]:
        if lead_keys[slot] == h:
            return lead_kinds[slot]
        slot = (slot + 1) & (SLOTS - 1)
    return 0


cdef void learn():
    cdef int slot, kind, c
    cdef bytes raw
    for c in range(256):
        kinds_of[c] = (
            (DIGIT | NAME if 48 <= c < 58 else 0) | (LOWER | NAME if 97 <= c < 123 else 0)
            | (CAPITAL | NAME if 65 <= c < 91 else 0) | (NAME if c == 95 else 0)
            | (BRACKET if c < 128 and chr(c) in "[](){};," else 0)
            | (MODE if c < 128 and chr(c) in "-rwxsStT" else 0) | (PRINTED if 0x20 < c < 0x7F else 0)
        )
        is_sign, is_blank_ = c < 128 and chr(c) in "{}[]<>=;&_\\^~|$@", c in b" \t\r"
        added[c] = is_sign | <uint64_t>is_blank_ << 32
        is_lower, is_capital, is_digit = (kinds_of[c] & kind != 0 for kind in (LOWER, CAPITAL, DIGIT))
        is_letter = is_lower or is_capital
        bits[c] = (
            (c in b"\"'") | (c == 0x3D) << 1 | is_lower << 2 | (c in b"`<]$\\") << 3 | (is_sign or c in b"/#%") << 4
            # of the byte before
            | (is_lower | is_letter << 1 | is_digit << 2 | (c == 0x2D) << 3 | is_letter << 4 | (c == 0x2E) << 5
               | (kinds_of[c] & NAME != 0) << 6 | is_blank_ << 7) << 8
            # and what it must be followed by
            | (is_capital | is_digit << 1 | is_letter << 2 | (c == 0x2D) << 3 | (c == 0x28) << 4 | is_letter << 5
               | (c == 0x28) << 6 | (not is_blank_) << 7) << 16
        )
    memset(lead_kinds, 0, sizeof(lead_kinds))
    for kind, words in _layout.LEADS.items():
        for word in words.split():
            raw = word.encode()
            assert len(raw) <= 10
            h = hash_of(<const uint8_t *>raw, len(raw))
            slot = h & (SLOTS - 1)
            while lead_kinds[slot]:
                slot = (slot + 1) & (SLOTS - 1)
            lead_keys[slot] = h
            lead_kinds[slot] = kind


learn()


cdef inline bint is_a(uint8_t c, int kind) noexcept nogil:
    return kinds_of[c] & kind != 0


cdef inline bint is_blank(uint8_t c) noexcept nogil:
    return c == 0x20 or c == 0x09 or c == 0x0D


cdef inline bint among(uint8_t c, const char *some) noexcept nogil:
    while some[0]:
        if c == <uint8_t>some[0]:
            return True
        some += 1
    return False


cdef inline bint begins(const uint8_t *s, int64_t n, const char *with_, int64_t length) noexcept nogil:
    return n >= length and memcmp(s, with_, length) == 0


cdef int64_t find(const uint8_t *s, int64_t k, int64_t end, uint8_t c) noexcept nogil:
    """The first c in [k, end); -1: none."""
    if k >= end:
        return -1
    cdef const uint8_t *at = <const uint8_t *>memchr(s + k, c, end - k)
    return -1 if at == NULL else at - s


ctypedef struct Line:
    int64_t start, end        # of the line in its text, without the line end
    int64_t first, last       # of what is not blank
    int kind
    bint is_ascii, may_inline, may_name, is_sentence


ctypedef struct Token:
    int64_t start, end


# -- lines -----------------------------------------------------------------------------------------------------------


cdef bint is_code(const uint8_t *s, int64_t n, Look *seen) noexcept nogil:
    """Of a line without blanks at its ends, n > 0 bytes long."""
    if begins(s, n, b"http://", 7) or begins(s, n, b"https://", 8):
        return False
    if seen.n_signs >= 2 and seen.n_signs * 10 >= seen.n_bytes:
        return True
    cdef Token tokens[3]
    cdef int64_t k = 0, j, length, n_tokens = seen.n_tokens
    cdef int kind
    for j in range(min(n_tokens, 3)):
        while is_blank(s[k]):
            k += 1
        tokens[j].start = k
        while k < n and not is_blank(s[k]):
            k += 1
        tokens[j].end = k
    cdef uint8_t last = s[n - 1]
    length = 0
    while length < tokens[0].end and (is_a(s[length], NAME) or s[length] == 0x2D):
        length += 1
    kind = lead_of(s, length)
    if kind:
        if kind == DEFINES and (seen.has_call or n_tokens == 2 or ((last == 0x7B or last == 0x3A) and n_tokens <= 4)):
            return True
        if kind == STARTS and (
            n_tokens == 1 or among(last, b";{}") or seen.has_equals or seen.has_call or (last == 0x3A and n_tokens <= 6)
        ):
            return True
        if kind == IMPORTS and (
            n_tokens == 2 or last == 0x3B or seen.has_call
            or (n_tokens > 2 and (is_word(s, &tokens[2], b"import", 6) or is_word(s, &tokens[2], b"as", 2)))
        ):
            return True
        if kind == QUERIES and n_tokens > 1 and seen.has_lower:
            return True
        if kind == CALLS and n_tokens > 1 and (
            among(s[tokens[1].start], b"-./~")
            or lead_of(s + tokens[1].start, tokens[1].end - tokens[1].start) == ORDERS
        ):
            return True
    return begins_code(s, n, tokens, n_tokens) or (seen.all < 0x80 and ends_code(s, n))


cdef bint is_word(const uint8_t *s, Token *token, const char *word, int64_t length) noexcept nogil:
    return token.end - token.start == length and memcmp(s + token.start, word, length) == 0


cdef bint begins_code(const uint8_t *s, int64_t n, Token *tokens, int64_t n_tokens) noexcept nogil:
    cdef int64_t end = tokens[0].end, k, call
    cdef uint8_t lead = s[0], after = s[1] if end > 1 else 0
    cdef bint dotted
    if lead == 0x23:
        if after == 0x21 or is_directive(s + 1, end - 1):
            return True
    elif lead == 0x2F:
        if after == 0x2F or after == 0x2A:
            return True
    elif lead == 0x2A:
        if after == 0x2F:
            return True
    elif lead == 0x3E:
        if after == 0x3E and end > 2 and s[2] == 0x3E:
            return True
    elif lead == 0x24:
        if end == 1 and n_tokens > 1:
            return True
    elif lead == 0x3C:
        if after == 0x21 or after == 0x3F or after == 0x2F or is_a(after, LETTER):
            return True
    elif lead == 0x40:
        if is_a(after, LETTER) and n_tokens == 1 and find(s, 0, end, 0x28) >= 0:
            return True
    elif lead == 0x3A:
        if is_a(after, LETTER) and (s[end - 1] == 0x3A or (n_tokens > 1 and s[tokens[1].end - 1] == 0x3A)):
            return True
    if n > 9 and among(lead, b"-dlbcps"):
        for k in range(1, 10):
            if not is_a(s[k], MODE):
                break
        else:
            return True
    if (is_a(lead, LETTER) or lead == 0x5F) and n_tokens > 2 and is_assignment(s, &tokens[1]):
        return True
    call = find(s, 1, end, 0x3D)
    if call > 0:
        for k in range(call):
            if not is_a(s[k], NAME) and s[k] != 0x2E and s[k] != 0x2D:
                break
        else:
            return True
    call = find(s, 0, end, 0x28)
    if call > 0 and is_a(s[call - 1], NAME):
        dotted = find(s, 0, call, 0x5F) >= 0 or find(s, 0, call, 0x2E) >= 0
        if dotted or among(s[n - 1], b"):,;{"):
            return True
    for k in range(n):
        if not is_a(s[k], BRACKET):
            return False
    return True


cdef bint is_directive(const uint8_t *s, int64_t n) noexcept nogil:
    return (
        (n == 2 and memcmp(s, b"if", 2) == 0) or (n == 5 and (memcmp(s, b"ifdef", 5) == 0 or memcmp(s, b"endif", 5) == 0))
        or (n == 6 and (memcmp(s, b"define", 6) == 0 or memcmp(s, b"ifndef", 6) == 0 or memcmp(s, b"pragma", 6) == 0))
        or (n == 7 and memcmp(s, b"include", 7) == 0)
    )


cdef bint is_assignment(const uint8_t *s, Token *token) noexcept nogil:
    cdef int64_t n = token.end - token.start
    s += token.start
    if n == 1:
        return s[0] == 0x3D
    return n == 2 and ((s[1] == 0x3D and among(s[0], b"+-*/:=|")) or (s[0] == 0x3D and s[1] == 0x3E))


cdef bint ends_code(const uint8_t *s, int64_t n) noexcept nogil:
    cdef uint8_t last = s[n - 1], before = s[n - 2] if n > 1 else 0
    if among(last, b"{[(\\") or (last == 0x3E and (before == 0x3D or before == 0x2D)):
        return True
    if last == 0x3B:
        return among(before, b")]}\"'") or is_a(before, DIGIT)
    if last == 0x2C:
        return among(before, b")]}")
    return last == 0x3A and before == 0x29


cdef bint begins_comment(const uint8_t *s, int64_t n) noexcept nogil:
    return among(s[0], b"#*%\"'") or (n > 1 and s[1] == s[0] and (s[0] == 0x2F or s[0] == 0x2D))


cdef bint is_comment(const uint8_t *s, int64_t n) noexcept nogil:
    return n > 1 and s[0] == 0x23 and s[1] == 0x20


cdef bint is_space(uint8_t c) noexcept nogil:
    return c == 0x20 or 0x09 <= c <= 0x0D


cdef bint is_key(const uint8_t *s, int64_t n) noexcept nogil:
    cdef int64_t k = 0, n_tokens = 0, start
    if begins(s, n, b"- ", 2):
        s += 2
        n -= 2
    if n == 0 or not is_a(s[0], LOWER):
        return False
    while k < n:
        while k < n and is_space(s[k]):
            k += 1
        start = k
        while k < n and not is_space(s[k]):
            k += 1
        if k > start:
            n_tokens += 1
            if n_tokens > 2 or (n_tokens == 1 and s[k - 1] != 0x3A):
                return False
    return True


cdef int64_t count3(const uint8_t *s, int64_t n, uint8_t c) noexcept nogil:
    """How often c stands three times in a row, each counted once."""
    cdef int64_t k = 0, found = 0
    while k + 2 < n:
        if s[k] == c and s[k + 1] == c and s[k + 2] == c:
            found += 1
            k += 3
        else:
            k += 1
    return found


ctypedef bint (*Test)(const uint8_t *s, int64_t n) noexcept nogil


cdef bint mark_runs(const uint8_t *s, Line *lines, int64_t n_lines, Test test, bint ascii_only) noexcept nogil:
    """Successive lines of comments, or of keys with their values, are code as well."""
    cdef bint before = False, here = False, after, found = False
    cdef int64_t k
    cdef Line *line
    for k in range(n_lines + 1):
        after = False
        if k < n_lines:
            line = &lines[k]
            after = line.kind == PROSE and (line.is_ascii or not ascii_only) and test(s + line.first, line.last - line.first)
        if here and (before or after):
            lines[k - 1].kind = CODE
            found = True
        before, here = here, after
    return found


cdef int64_t tell(const uint8_t *s, int64_t n, Line *lines) noexcept nogil:
    """What each line of a text is; gives how many there are."""
    cdef int64_t n_lines = 0, k = 0, end, j, start
    cdef bint fenced = False, quoted = False, odd, any_code = False
    cdef Line *line
    cdef const uint8_t *t
    cdef int64_t length
    cdef Look seen
    while k <= n:
        end = find(s, k, n, 0x0A)
        end = n if end < 0 else end
        line = &lines[n_lines]
        n_lines += 1
        line.start, line.end = k, end
        j = end
        while k < j and is_blank(s[k]):
            k += 1
        while j > k and is_blank(s[j - 1]):
            j -= 1
        line.first, line.last = k, j
        t, length = s + k, j - k
        memset(&seen, 0, sizeof(seen))
        if length:
            look(t, length, &seen)
        line.is_ascii, line.may_inline, line.may_name = seen.all < 0x80, seen.may_inline, seen.may_name
        line.is_sentence = length > 0 and seen.n_tokens >= MIN_SENTENCE and among(t[length - 1], b".?!:")
        odd = seen.has_quotes and (count3(t, length, 0x22) + count3(t, length, 0x27)) & 1
        if length > 2 and (t[0] == 0x60 or t[0] == 0x7E) and t[1] == t[0] and t[2] == t[0]:
            line.kind = FENCED
            fenced ^= count3(t, length, t[0]) == 1
        elif fenced:
            line.kind = FENCED
        elif quoted or odd:
            line.kind = CODE
            quoted ^= odd
        elif length == 0:
            line.kind = EMPTY
        elif t[0] == 0x7C and find(t, 1, length, 0x7C) >= 0:
            line.kind = TABLE
        else:
            line.kind = CODE if is_code(t, length, &seen) else PROSE
        any_code |= line.kind == CODE
        k = end + 1
    if mark_runs(s, lines, n_lines, is_comment, False):
        any_code = True
    if mark_runs(s, lines, n_lines, is_key, True):
        any_code = True
    if not any_code:
        return n_lines
    for k in range(n_lines):
        line = &lines[k]
        if line.kind == PROSE and line.is_ascii and (
            begins_comment(s + line.first, line.last - line.first)
            or s[line.start] == 0x09 or begins(s + line.start, line.end - line.start, b"    ", 4)
        ):
            line.kind = CODE
    start = 0
    for k in range(n_lines + 1):
        if k == n_lines or lines[k].kind == EMPTY:
            for j in range(start, k):
                if lines[j].kind == CODE:
                    break
            else:
                start = k + 1
                continue
            for j in range(start, k):
                if lines[j].kind == PROSE and lines[j].is_ascii and not lines[j].is_sentence:
                    lines[j].kind = CODE
            start = k + 1
    return n_lines


# -- within lines ----------------------------------------------------------------------------------------------------


cdef int64_t inline_end(const uint8_t *s, int64_t k, int64_t n) noexcept nogil:
    """Where what begins at k and is no prose ends; 0: nothing begins there."""
    cdef uint8_t lead = s[k], after = s[k + 1] if k + 1 < n else 0
    cdef int64_t limit = min(n, k + MAX_INLINE), start, close, again
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
        if is_a(after, LETTER) or after == 0x21 or after == 0x2F:
            close = find(s, k + 1, limit, 0x3E)
            if close >= 0 and find(s, k + 1, close, 0x3C) < 0:
                return close + 1
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
    """Whether a run of characters is an address, a path, a variable or the like, and no word."""
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
            while c == 0x60 and k + 1 < n and s[k + 1] == 0x60:  # none of a run that nothing closes is looked at again
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


def prose(const uint8_t[::1] data, const int64_t[::1] offsets, const uint8_t[::1] scripts):
    cdef int64_t n = offsets.shape[0] - 1, row, k, start, length, n_lines, most = 1, here
    masked = np.array(data)
    counts = np.zeros((n, N_COUNTS), dtype=np.int32)
    cdef uint8_t[::1] out = masked
    cdef int32_t[:, ::1] found = counts
    cdef Line *lines
    cdef Line *line
    cdef uint8_t *s
    with nogil:
        for row in range(n):
            here = 1
            for k in range(offsets[row], offsets[row + 1]):
                here += data[k] == 0x0A
            most = max(most, here)
        lines = <Line *>malloc(most * sizeof(Line))
        if lines != NULL:
            for row in range(n):
                start, length = offsets[row], offsets[row + 1] - offsets[row]
                if length == 0:
                    continue
                s = &out[start]
                n_lines = tell(s, length, lines)
                for k in range(n_lines):
                    line = &lines[k]
                    if line.kind == PROSE:
                        clean_line(s + line.start, line.end - line.start, line.may_inline, line.may_name)
                    else:
                        if line.kind == CODE or line.kind == FENCED:
                            found[row, N_CODE] += line.last - line.first
                        blank(s, line.start, line.end)
                count(s, length, &scripts[0], &found[row, 0])
            free(lines)
    if lines == NULL:
        raise MemoryError(f"{most} lines in one text")
    return masked, counts


# -- excerpts --------------------------------------------------------------------------------------------------------


cdef int64_t piece(const uint8_t *s, int64_t n, int64_t at, int64_t width, uint8_t *out) noexcept nogil:
    cdef int64_t end = at + width, space, k
    if at:
        space = find(s, at, min(n, at + 32), 0x20)
        at = space + 1 if space >= 0 else at
    while at < end and s[at] & 0xC0 == 0x80:
        at += 1
    while end < n and end > at and s[end] & 0xC0 == 0x80:
        end -= 1
    for k in range(at, end):
        out[k - at] = s[k]
    return max(0, end - at)


def excerpts(const uint8_t[::1] data, const int64_t[::1] offsets, const int64_t[::1] rows, int64_t limit):
    cdef int64_t n = rows.shape[0], row, k, start, end, m, at = 0, most = 0, total = 0, width = limit // 3
    for k in range(n):
        m = offsets[rows[k] + 1] - offsets[rows[k]]
        most = max(most, m)
        total += m if m <= limit else limit + 2  # two spaces between three pieces
    short = np.empty(most, dtype=np.uint8)
    text = np.empty(total, dtype=np.uint8)
    bounds = np.zeros(n + 1, dtype=np.int64)
    cdef uint8_t[::1] s = short, out = text
    cdef int64_t[::1] edges = bounds
    cdef uint8_t c
    cdef bint gap
    with nogil:
        for k in range(n):
            row, m, gap = rows[k], 0, False
            for start in range(offsets[row], offsets[row + 1]):
                c = data[start]
                if c <= 0x20:
                    gap = m > 0
                else:
                    if gap:
                        s[m] = 0x20
                        m += 1
                        gap = False
                    s[m] = c
                    m += 1
            if m > limit:
                at += piece(&s[0], m, 0, width, &out[at])
                out[at] = 0x20
                at += 1
                at += piece(&s[0], m, (m - width) // 2, width, &out[at])
                out[at] = 0x20
                at += 1
                at += piece(&s[0], m, m - width, width, &out[at])
            else:
                for start in range(m):
                    out[at + start] = s[start]
                at += m
            edges[k + 1] = at
    return text[:at], bounds


# -- a hashed automaton and a linear model ---------------------------------------------------------------------------


def visits(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const uint16_t[::1] moves,
    const int32_t[::1] features,
    int64_t first,
    const int16_t[:, ::1] table,
    float unit,
    const float[::1] prior,
):
    cdef int64_t n = offsets.shape[0] - 1, width = table.shape[1], none = table.shape[0] - 1, row, k, m, n_once, most = 0
    for row in range(n):
        most = max(most, offsets[row + 1] - offsets[row])
    scores = np.zeros((n, prior.shape[0]), dtype=np.float32)
    cdef float[:, ::1] out = scores
    cdef int32_t[::1] met = np.zeros(none + 1, dtype=np.int32)
    cdef int32_t[:, ::1] seen_ = np.empty((LANES, most + 4), dtype=np.int32)
    cdef int32_t[::1] once = np.zeros(width, dtype=np.int32)
    cdef float[::1] often = np.zeros(width, dtype=np.float32)
    cdef Lane lanes[LANES]
    cdef int n_lanes = 0, lane
    cdef int64_t following = 0  # the text that is begun next
    cdef int32_t *seen
    cdef int32_t feature, c
    cdef float one = <float>log1p(1)
    for lane in range(LANES):
        lanes[lane].begin = &seen_[lane, 0]
        lanes[lane].left = 0
    with nogil:
        n_lanes = LANES
        while True:
            lane = 0
            while lane < n_lanes:
                if lanes[lane].left:
                    lane += 1
                    continue
                while following < n and offsets[following] == offsets[following + 1]:
                    following += 1
                if following < n:
                    lanes[lane].row, lanes[lane].state = following, <uint32_t>first
                    lanes[lane].at, lanes[lane].met = &data[offsets[following]], lanes[lane].begin
                    lanes[lane].left = offsets[following + 1] - offsets[following]
                    following += 1
                    lane += 1
                else:
                    n_lanes -= 1
                    lanes[lane] = lanes[n_lanes]
            if not n_lanes:
                break
            m = lanes[0].left
            for lane in range(1, n_lanes):
                m = min(m, lanes[lane].left)
            walk(lanes, n_lanes, m, &moves[0], &features[0])
            for lane in range(n_lanes):
                if lanes[lane].left:
                    continue
                row, seen, m = lanes[lane].row, lanes[lane].begin, 0
                for k in range(lanes[lane].met - lanes[lane].begin):
                    # Without a branch, as nobody could predict it.
                    feature = seen[k]
                    seen[m] = feature
                    m += met[feature] == 0
                    met[feature] += 1
                if m == (met[none] > 0):
                    met[none] = 0
                    continue
                memset(&once[0], 0, width * sizeof(int32_t))
                memset(&often[0], 0, width * sizeof(float))
                met[none] = 1
                n_once = 0
                for k in range(m):
                    feature = seen[k]
                    c = met[feature]
                    met[feature] = 0
                    if c == 1:  # most are met once, and then whole numbers are added up
                        seen[n_once] = feature
                        n_once += 1
                    else:
                        add_weighted(&table[feature, 0], <float>log1p(c), &often[0], width)
                while n_once & 3:
                    seen[n_once] = none
                    n_once += 1
                for k in range(min(n_once, PREFETCHED)):
                    fetch(&table[seen[k], 0], width)
                for k in range(0, n_once, 4):
                    for c in range(4):
                        if k + PREFETCHED + c < n_once:
                            fetch(&table[seen[k + PREFETCHED + c], 0], width)
                    add_rows(
                        &table[seen[k], 0], &table[seen[k + 1], 0], &table[seen[k + 2], 0], &table[seen[k + 3], 0],
                        &once[0], width,
                    )
                met[none] = 0
                for k in range(prior.shape[0]):
                    out[row, k] = (<float>once[k] * one + often[k]) * unit + prior[k]
    return scores


def rank(const float[:, ::1] scores, const float[::1] heats, const int16_t[::1] groups, int64_t n_groups, int64_t top):
    cdef int64_t n = scores.shape[0], n_classes = scores.shape[1], row, k, j
    best = np.full((n, top), -1, dtype=np.int16)
    values = np.zeros((n, top), dtype=np.float32)
    cdef int16_t[:, ::1] best_ = best
    cdef float[:, ::1] values_ = values
    cdef float[::1] sums = np.empty(n_groups, dtype=np.float32)
    cdef float highest, total, p
    with nogil:
        for row in range(n):
            highest = scores[row, 0]
            for k in range(1, n_classes):
                highest = max(highest, scores[row, k])
            memset(&sums[0], 0, n_groups * sizeof(float))
            total = 0
            for k in range(n_classes):
                p = expf((scores[row, k] - highest) / heats[row])
                total += p
                if groups[k] >= 0:
                    sums[groups[k]] += p
            for k in range(n_groups):
                p = sums[k] / total
                if p <= values_[row, top - 1]:
                    continue
                j = top - 1
                while j > 0 and values_[row, j - 1] < p:
                    values_[row, j] = values_[row, j - 1]
                    best_[row, j] = best_[row, j - 1]
                    j -= 1
                values_[row, j] = p
                best_[row, j] = k
    return best, values
