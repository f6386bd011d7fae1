# What each line of a text is: prose, code, a table, empty. Included in prose.pyx.

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>

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

    /* Facts about all bytes of a line. Most lines are plain prose, and need no second look. */
    typedef struct {
        int64_t n_signs;  /* of code */
        int64_t n_bytes;  /* that are not blank */
        int64_t n_tokens;
        uint8_t all;      /* bytes, or-ed */
        uint8_t has_quotes, has_equals, has_call, has_lower;
        uint8_t may_inline, may_name;
    } Look;

    /* By byte. `added`: signs in the low half, blanks in the high half, so that one sum counts both. `bits`: the kind of
       the byte, its role as the first of a pair (BEFORE) and as the second (WITH). 1 ns a byte; comparisons took 9. */
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

    /* Look at n > 0 bytes that neither begin nor end with a blank. */
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
    """
    const int DIGIT, LOWER, CAPITAL, LETTER, NAME, BRACKET, MODE, PRINTED, SLOTS
    const int PROSE, CODE, FENCED, TABLE, EMPTY
    ctypedef struct Look:
        int64_t n_signs, n_bytes, n_tokens
        uint8_t all, has_quotes, has_equals, has_call, has_lower, may_inline, may_name
    uint64_t added[256]
    uint32_t bits[256]
    void look(const uint8_t *s, size_t n, Look *seen) nogil

cdef enum:  # equal to layout.py; constants for the C compiler
    DEFINES = 1, STARTS, IMPORTS, QUERIES, CALLS, ORDERS
    MIN_SENTENCE = 5, MIN_RUNNING = 8, MIN_MARKED_UP = 3
if (DEFINES, STARTS, IMPORTS, QUERIES, CALLS, ORDERS, MIN_SENTENCE, MIN_RUNNING, MIN_MARKED_UP) != (
    *(layout.DEFINES, layout.STARTS, layout.IMPORTS, layout.QUERIES, layout.CALLS, layout.ORDERS, layout.MIN_SENTENCE),
    *(layout.MIN_RUNNING, layout.MIN_MARKED_UP),
):
    raise ImportError("the compiled kernels belong to another version; install chataudit again")

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
    """Return the kind of line that a word begins; 0: any."""
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
            # as the first of a pair
            | (is_lower | is_letter << 1 | is_digit << 2 | (c == 0x2D) << 3 | is_letter << 4 | (c == 0x2E) << 5
               | (kinds_of[c] & NAME != 0) << 6 | is_blank_ << 7) << 8
            # as the second of a pair
            | (is_capital | is_digit << 1 | is_letter << 2 | (c == 0x2D) << 3 | (c == 0x28) << 4 | is_letter << 5
               | (c == 0x28) << 6 | (not is_blank_) << 7) << 16
        )
    memset(lead_kinds, 0, sizeof(lead_kinds))
    for kind, words in layout.LEADS.items():
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
    """Return the place of the first c in [k, end); -1: none."""
    if k >= end:
        return -1
    cdef const uint8_t *at = <const uint8_t *>memchr(s + k, c, end - k)
    return -1 if at == NULL else at - s


ctypedef struct Line:
    int64_t start, end        # of the line in its text, without the line end
    int64_t first, last       # without blanks at the ends
    int kind
    bint is_ascii, may_inline, may_name, is_sentence, is_running


ctypedef struct Token:
    int64_t start, end


# -- lines -----------------------------------------------------------------------------------------------------------


cdef int64_t tag_end(const uint8_t *s, int64_t k, int64_t n) noexcept nogil:
    """Return the end of the tag that begins at k; 0: none does."""
    cdef uint8_t after = s[k + 1] if k + 1 < n else 0
    cdef int64_t close
    if s[k] != 0x3C or not (is_a(after, LETTER) or after == 0x21 or after == 0x2F):
        return 0
    close = find(s, k + 1, min(n, k + MAX_INLINE), 0x3E)
    return close + 1 if close >= 0 and find(s, k + 1, close, 0x3C) < 0 else 0


cdef int64_t words_of(const uint8_t *s, int64_t n) noexcept nogil:
    """Count the words of a line of tags or cells; 0 where signs of code stand among them."""
    cdef int64_t k = 0, end, n_words = 0, n_signs = 0, n_bytes = 0
    cdef bint inside = False
    while k < n:
        end = tag_end(s, k, n)
        if end:
            k, inside = end, False
            continue
        if is_blank(s[k]) or s[k] == 0x7C:
            inside = False
        else:
            n_bytes += 1
            n_signs += added[s[k]] & 1
            n_words += not inside and (is_a(s[k], LETTER) or s[k] >= 0x80)
            inside = True
        k += 1
    return 0 if n_signs >= 2 and n_signs * 10 >= n_bytes else n_words


cdef void split(const uint8_t *s, int64_t n, Token *tokens, int64_t most) noexcept nogil:
    """Fill the first tokens of a line of n bytes, which has at least `most`."""
    cdef int64_t k = 0, j
    for j in range(most):
        while is_blank(s[k]):
            k += 1
        tokens[j].start = k
        while k < n and not is_blank(s[k]):
            k += 1
        tokens[j].end = k


cdef bint is_led(const uint8_t *s, int64_t n, Token *tokens, int kind, Look *seen) noexcept nogil:
    """Decide whether what follows a word that may begin a line of code is code."""
    cdef uint8_t last = s[n - 1]
    cdef int64_t n_tokens = seen.n_tokens
    if kind == DEFINES:
        return seen.has_call or n_tokens == 2 or ((last == 0x7B or last == 0x3A) and n_tokens <= 4)
    if kind == STARTS:
        return (
            n_tokens == 1 or among(last, b";{}") or seen.has_equals or seen.has_call or (last == 0x3A and n_tokens <= 6)
        )
    if kind == IMPORTS:
        return n_tokens == 2 or last == 0x3B or seen.has_call or (
            n_tokens > 2 and (is_word(s, &tokens[2], b"import", 6) or is_word(s, &tokens[2], b"as", 2))
        )
    if kind == QUERIES:
        return n_tokens > 1 and seen.has_lower
    if kind == CALLS:
        return n_tokens > 1 and (
            among(s[tokens[1].start], b"-./~")
            or lead_of(s + tokens[1].start, tokens[1].end - tokens[1].start) == ORDERS
        )
    return False


cdef bint is_code(const uint8_t *s, int64_t n, Look *seen) noexcept nogil:
    """Decide whether a line of n > 0 bytes, without blanks at its ends, looks like source code or a shell."""
    cdef Token tokens[3]
    cdef int64_t length = 0
    cdef int kind
    if begins(s, n, b"http://", 7) or begins(s, n, b"https://", 8):  # its signs are those of an address
        return False
    if seen.n_signs >= 2 and seen.n_signs * 10 >= seen.n_bytes:
        return True
    split(s, n, tokens, min(seen.n_tokens, 3))
    while length < tokens[0].end and (is_a(s[length], NAME) or s[length] == 0x2D):
        length += 1
    kind = lead_of(s, length)
    if kind and is_led(s, n, tokens, kind, seen):
        return True
    return begins_code(s, n, tokens, seen.n_tokens) or (seen.all < 0x80 and ends_code(s, n))


cdef bint is_word(const uint8_t *s, Token *token, const char *word, int64_t length) noexcept nogil:
    return token.end - token.start == length and memcmp(s + token.start, word, length) == 0


cdef bint has_lead(const uint8_t *s, Token *tokens, int64_t n_tokens) noexcept nogil:
    """Decide by the first characters of a line whether they begin code."""
    cdef int64_t end = tokens[0].end
    cdef uint8_t lead = s[0], after = s[1] if end > 1 else 0
    if lead == 0x23:  # #
        return after == 0x21 or is_directive(s + 1, end - 1)
    if lead == 0x2F:  # /
        return after == 0x2F or after == 0x2A
    if lead == 0x2A:  # *
        return after == 0x2F
    if lead == 0x3E:  # >
        return after == 0x3E and end > 2 and s[2] == 0x3E
    if lead == 0x24:  # $
        return end == 1 and n_tokens > 1
    if lead == 0x3C:  # <
        return after == 0x21 or after == 0x3F or after == 0x2F or is_a(after, LETTER)
    if lead == 0x40:  # @
        return is_a(after, LETTER) and n_tokens == 1 and find(s, 0, end, 0x28) >= 0
    if lead == 0x3A:  # :param x:
        return is_a(after, LETTER) and (s[end - 1] == 0x3A or (n_tokens > 1 and s[tokens[1].end - 1] == 0x3A))
    return False


cdef bint is_all(const uint8_t *s, int64_t start, int64_t end, int kind) noexcept nogil:
    cdef int64_t k
    for k in range(start, end):
        if not is_a(s[k], kind):
            return False
    return True


cdef bint is_keyword(const uint8_t *s, int64_t end) noexcept nogil:
    """Decide whether a word begins with a name, perhaps with dots or hyphens, and an equals sign."""
    cdef int64_t equals = find(s, 1, end, 0x3D), k
    for k in range(equals):
        if not is_a(s[k], NAME) and s[k] != 0x2E and s[k] != 0x2D:
            return False
    return equals > 0


cdef bint begins_code(const uint8_t *s, int64_t n, Token *tokens, int64_t n_tokens) noexcept nogil:
    cdef int64_t end = tokens[0].end, call
    if has_lead(s, tokens, n_tokens):
        return True
    if n > 9 and among(s[0], b"-dlbcps") and is_all(s, 1, 10, MODE):  # -rw-r--r--
        return True
    if (is_a(s[0], LETTER) or s[0] == 0x5F) and n_tokens > 2 and is_assignment(s, &tokens[1]):
        return True
    if is_keyword(s, end):
        return True
    call = find(s, 0, end, 0x28)
    if call > 0 and is_a(s[call - 1], NAME):
        if find(s, 0, call, 0x5F) >= 0 or find(s, 0, call, 0x2E) >= 0 or among(s[n - 1], b"):,;{"):
            return True
    return is_all(s, 0, n, BRACKET)


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
    """Count the disjoint runs of three c."""
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
    """Mark successive lines that pass a test, comments or keys with their values, as code; return whether there are any."""
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


cdef bint is_fence(const uint8_t *t, int64_t length) noexcept nogil:
    return length > 2 and (t[0] == 0x60 or t[0] == 0x7E) and t[1] == t[0] and t[2] == t[0]


cdef void read_line(const uint8_t *s, int64_t start, int64_t end, Line *line, bint *fenced, bint *quoted) noexcept nogil:
    """Fill a line by its own bytes, and by whether it is within a fence or triple quotes."""
    cdef int64_t first = start, last = end, length
    cdef const uint8_t *t
    cdef Look seen
    cdef bint odd
    while first < last and is_blank(s[first]):
        first += 1
    while last > first and is_blank(s[last - 1]):
        last -= 1
    line.start, line.end, line.first, line.last = start, end, first, last
    t, length = s + first, last - first
    memset(&seen, 0, sizeof(seen))
    if length:
        look(t, length, &seen)
    line.is_ascii, line.may_inline, line.may_name = seen.all < 0x80, seen.may_inline, seen.may_name
    line.is_running = seen.n_tokens >= MIN_RUNNING and seen.n_signs == 0 and not seen.may_inline
    line.is_sentence = length > 0 and seen.n_tokens >= MIN_SENTENCE and among(t[length - 1], b".?!:")
    odd = seen.has_quotes and (count3(t, length, 0x22) + count3(t, length, 0x27)) & 1
    if is_fence(t, length):
        line.kind = FENCED
        fenced[0] ^= count3(t, length, t[0]) == 1
    elif fenced[0]:
        line.kind = FENCED
    elif quoted[0] or odd:
        line.kind = CODE
        quoted[0] ^= odd
    elif length == 0:
        line.kind = EMPTY
    elif t[0] == 0x7C and find(t, 1, length, 0x7C) >= 0:
        line.kind = PROSE if words_of(t, length) >= MIN_MARKED_UP else TABLE
    elif t[0] == 0x3C and tag_end(t, 0, length):
        line.kind = PROSE if words_of(t, length) >= MIN_MARKED_UP else CODE
    else:
        line.kind = CODE if is_code(t, length, &seen) else PROSE


cdef void spread_code(Line *lines, int64_t start, int64_t end) noexcept nogil:
    """In a paragraph with code, mark the lines of ASCII that are not whole sentences as code too."""
    cdef int64_t k
    for k in range(start, end):
        if lines[k].kind == CODE:
            break
    else:
        return
    for k in range(start, end):
        if lines[k].kind == PROSE and lines[k].is_ascii and not lines[k].is_sentence and not lines[k].is_running:
            lines[k].kind = CODE


cdef void mark_beside_code(const uint8_t *s, Line *lines, int64_t n_lines) noexcept nogil:
    """In a text with code, mark comments, indented lines and what is in one paragraph with code as code too."""
    cdef int64_t k, start = 0
    cdef Line *line
    for k in range(n_lines):
        line = &lines[k]
        if line.kind == PROSE and line.is_ascii and (
            begins_comment(s + line.first, line.last - line.first)
            or s[line.start] == 0x09 or begins(s + line.start, line.end - line.start, b"    ", 4)
        ):
            line.kind = CODE
    for k in range(n_lines + 1):
        if k == n_lines or lines[k].kind == EMPTY:
            spread_code(lines, start, k)
            start = k + 1


cdef int64_t read_lines(const uint8_t *s, int64_t n, Line *lines) noexcept nogil:
    """Fill the lines of a text; return their number."""
    cdef int64_t n_lines = 0, start = 0, end
    cdef bint fenced = False, quoted = False, any_code = False
    while start <= n:
        end = find(s, start, n, 0x0A)
        end = n if end < 0 else end
        read_line(s, start, end, &lines[n_lines], &fenced, &quoted)
        any_code |= lines[n_lines].kind == CODE
        n_lines += 1
        start = end + 1
    any_code |= mark_runs(s, lines, n_lines, is_comment, False)
    any_code |= mark_runs(s, lines, n_lines, is_key, True)
    if any_code:
        mark_beside_code(s, lines, n_lines)
    return n_lines
