# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""JSON lines to the memory of Arrow columns, in one pass over the bytes and with the requested types.

jsonl.py explains how the result is used. Anything that is not plain JSON of exactly these types is rejected.
"""

from cpython.buffer cimport PyBuffer_FillInfo
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free, realloc, strtod
from libc.string cimport memcmp, memcpy

cpdef enum Kind:
    NOTHING, BOOL, INT, FLOAT, STRING, LIST, STRUCT

cdef struct Memory:
    char *at
    size_t used
    size_t room

cdef struct Node:
    Kind kind
    int child  # the first of its children, which are consecutive
    int n_children
    const char *name
    size_t n_name
    int64_t n  # values so far
    int64_t n_null
    int64_t seen  # the object of its parent in which the key last occurred
    Memory valid  # one byte per value
    Memory data  # int64 or double, one byte per boolean, the bytes of strings
    Memory ends  # int32, of strings and lists

ctypedef const uint8_t *Bytes

cdef uint8_t[256] PLAIN  # 1: a byte of a string that needs no decoding
cdef double[23] TENS  # powers of ten that are exact as doubles
cdef int _k
for _k in range(256):
    PLAIN[_k] = 32 <= _k < 128 and _k != 34 and _k != 92
for _k in range(23):
    TENS[_k] = 10.0**_k

cdef uint64_t ONES = 0x0101010101010101
cdef uint64_t HIGHS = 0x8080808080808080


cdef class Bytearea:
    """Memory that readers access through the buffer protocol; it is freed with its last reader."""

    cdef char *at
    cdef Py_ssize_t n

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.at, self.n, 1, flags)

    def __dealloc__(self):
        free(self.at)


cdef Bytearea handed_over(Memory *memory):
    cdef Bytearea area = Bytearea()
    cdef char *shrunk = <char *>realloc(memory.at, memory.used + 1)  # one more, so that it is never empty
    area.at = shrunk if shrunk != NULL else memory.at
    area.n = memory.used
    memory.at = NULL
    return area


cdef inline char *room(Memory *memory, size_t n) noexcept nogil:
    """Reserve the next n bytes and return their address; NULL if memory ran out."""
    cdef size_t wanted
    cdef char *grown
    if memory.used + n > memory.room:
        wanted = 2 * (memory.used + n) + 64
        grown = <char *>realloc(memory.at, wanted)
        if grown == NULL:
            return NULL
        memory.at, memory.room = grown, wanted
    memory.used += n
    return memory.at + memory.used - n


cdef inline bint put_end(Node *node, int64_t end) noexcept nogil:
    cdef char *at = room(&node.ends, sizeof(int32_t))
    if at == NULL:
        return False
    (<int32_t *>at)[0] = <int32_t>end
    return True


cdef bint put(Node *nodes, Node *node, bint is_valid) noexcept nogil:
    """Count one more value; for a null, also write a placeholder."""
    cdef char *at = room(&node.valid, 1)
    cdef int k
    if at == NULL:
        return False
    at[0] = is_valid
    node.n += 1
    if is_valid:
        return True
    node.n_null += 1
    if node.kind == BOOL:
        at = room(&node.data, 1)
        if at == NULL:
            return False
        at[0] = 0
    elif node.kind == INT or node.kind == FLOAT:
        at = room(&node.data, 8)
        if at == NULL:
            return False
        (<int64_t *>at)[0] = 0
    elif node.kind == STRING:
        return put_end(node, node.data.used)
    elif node.kind == LIST:
        return put_end(node, nodes[node.child].n)
    elif node.kind == STRUCT:
        for k in range(node.n_children):
            if not put(nodes, &nodes[node.child + k], False):
                return False
    return True


cdef inline Bytes skip(Bytes p) noexcept nogil:
    # The line feed ends a record, so it does not count as space; every line has one, so it stops all loops.
    while p[0] == 32 or p[0] == 9 or p[0] == 13:
        p += 1
    return p


cdef inline Bytes behind(Bytes p, int bracket, bint *goes_on) noexcept nogil:
    """Return the address after the closing bracket, or of the next member after a comma; NULL if there is neither."""
    p = skip(p)
    goes_on[0] = p[0] != bracket
    if not goes_on[0]:
        return p + 1
    return skip(p + 1) if p[0] == 44 else NULL


cdef inline int hex4(Bytes p) noexcept nogil:
    cdef int value = 0, k, c
    for k in range(4):
        c = p[k]
        if 48 <= c <= 57:
            c -= 48
        elif 97 <= (c | 32) <= 102:
            c = (c | 32) - 87
        else:
            return -1
        value = value * 16 + c
    return value


cdef inline int put_character(Memory *out, int code) noexcept nogil:
    """Write a code point in UTF-8."""
    cdef int n = 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
    cdef char *at = room(out, n)
    if at == NULL:
        return False
    if n == 1:
        at[0] = <char>code
    elif n == 2:
        at[0] = <char>(0xC0 | code >> 6)
    elif n == 3:
        at[0] = <char>(0xE0 | code >> 12)
        at[1] = <char>(0x80 | code >> 6 & 63)
    else:
        at[0] = <char>(0xF0 | code >> 18)
        at[1] = <char>(0x80 | code >> 12 & 63)
        at[2] = <char>(0x80 | code >> 6 & 63)
    if n > 1:
        at[n - 1] = <char>(0x80 | code & 63)
    return True


cdef inline int n_bytes(Bytes p) noexcept nogil:
    """Return the number of bytes of the non-ASCII character at p; 0 if it is not UTF-8 (RFC 3629)."""
    cdef int lead = p[0], second = p[1]
    if lead < 0xC2 or lead > 0xF4 or second & 0xC0 != 0x80:
        return 0
    if lead < 0xE0:
        return 2
    if p[2] & 0xC0 != 0x80:
        return 0
    if lead < 0xF0:
        if (lead == 0xE0 and second < 0xA0) or (lead == 0xED and second > 0x9F):
            return 0
        return 3
    if p[3] & 0xC0 != 0x80 or (lead == 0xF0 and second < 0x90) or (lead == 0xF4 and second > 0x8F):
        return 0
    return 4


cdef Bytes string(Memory *out, Bytes p, Bytes end) noexcept nogil:
    """Write the string whose first character is at p; return the address after its closing quote."""
    cdef Bytes start = p
    cdef uint64_t word, quote, escape
    cdef char *at
    cdef int code, low, n
    while True:
        while p + 8 <= end:  # eight plain bytes at a time
            memcpy(&word, p, 8)
            quote = word ^ (ONES * 34)
            escape = word ^ (ONES * 92)
            if (word | (word - ONES * 32) | (quote - ONES) & ~quote | (escape - ONES) & ~escape) & HIGHS:
                break
            p += 8
        while PLAIN[p[0]]:
            p += 1
        if p[0] >= 128:
            while p[0] >= 128:
                n = n_bytes(p)
                if n == 0:
                    return NULL
                p += n
            continue
        if p > start:
            at = room(out, p - start)
            if at == NULL:
                return NULL
            memcpy(at, start, p - start)
        if p[0] == 34:
            return p + 1
        if p[0] != 92:
            return NULL  # a control character, or the end of the line
        while p[0] == 92:
            code = p[1]
            p += 2
            if code == 110:
                code = 10
            elif code == 34 or code == 92 or code == 47:
                pass
            elif code == 117:
                code = hex4(p)
                if code < 0:
                    return NULL
                p += 4
                if 0xD800 <= code < 0xE000:
                    if code >= 0xDC00 or p[0] != 92 or p[1] != 117:
                        return NULL
                    low = hex4(p + 2)
                    if low < 0xDC00 or low > 0xDFFF:
                        return NULL
                    code = 0x10000 + ((code - 0xD800) << 10 | low - 0xDC00)
                    p += 6
            elif code == 116:
                code = 9
            elif code == 114:
                code = 13
            elif code == 98:
                code = 8
            elif code == 102:
                code = 12
            else:
                return NULL
            if not put_character(out, code):
                return NULL
        start = p


cdef Bytes number(Node *node, Bytes p) noexcept nogil:
    """Write a number in the grammar of JSON (RFC 8259); only integers if an integer is wanted."""
    cdef Bytes start = p
    cdef bint is_negative = p[0] == 45
    cdef uint64_t digits = 0
    cdef int n = 0, exponent = 0, power = 0, sign = 1
    cdef double value
    cdef char *end
    cdef char *at
    p += is_negative
    cdef Bytes first = p
    while 48 <= p[0] <= 57:
        digits = digits * 10 + p[0] - 48
        p += 1
    n = p - first if p - first < 100 else 100
    if n == 0 or (n > 1 and first[0] == 48):
        return NULL
    at = room(&node.data, 8)
    if at == NULL:
        return NULL
    if node.kind == INT:
        if n > 18 or p[0] == 46 or p[0] | 32 == 101:
            return NULL
        (<int64_t *>at)[0] = -<int64_t>digits if is_negative else <int64_t>digits
        return p
    if p[0] == 46:
        p += 1
        first = p
        while 48 <= p[0] <= 57:
            digits = digits * 10 + p[0] - 48
            p += 1
        if p == first:
            return NULL
        exponent = -(p - first) if p - first < 1000 else -1000
        n += -exponent
    if p[0] | 32 == 101:
        p += 1
        if p[0] == 45:
            sign = -1
        if p[0] == 45 or p[0] == 43:
            p += 1
        first = p
        while 48 <= p[0] <= 57:
            if power < 10000:
                power = power * 10 + p[0] - 48
            p += 1
        if p == first:
            return NULL
        exponent += sign * power
    if n <= 19 and digits < (<uint64_t>1 << 53) and -22 <= exponent <= 22:
        # Both are exact as doubles, so one operation rounds once (Clinger 1990, "How to read floating point numbers").
        value = <double>digits
        value = value / TENS[-exponent] if exponent < 0 else value * TENS[exponent]
        value = -value if is_negative else value
    else:
        value = strtod(<const char *>start, &end)
        if <Bytes>end != p or not isfinite(value):
            return NULL
    (<double *>at)[0] = value
    return p


cdef Bytes members(Node *nodes, Node *node, Bytes p, Bytes end) noexcept nogil:
    """Write the object whose first key follows p; return the address after its closing brace."""
    cdef int k, expected = 0
    cdef int64_t number_of = node.n
    cdef Node *child = NULL
    cdef size_t n
    cdef bint goes_on
    p = skip(p)
    if p[0] == 125:
        p += 1
    else:
        while True:
            if p[0] != 34:
                return NULL
            p += 1
            for k in range(node.n_children):  # keys usually come in the same order in every record
                child = &nodes[node.child + expected]
                expected = expected + 1 if expected + 1 < node.n_children else 0
                n = child.n_name
                if p + n < end and p[n] == 34 and memcmp(p, child.name, n) == 0:
                    break
            else:
                return NULL
            if child.seen == number_of:  # duplicate key
                return NULL
            child.seen = number_of
            p = skip(p + n + 1)
            if p[0] != 58:
                return NULL
            p = value(nodes, child, skip(p + 1), end)
            if p == NULL:
                return NULL
            p = behind(p, 125, &goes_on)
            if not goes_on:
                break
            if p == NULL:
                return NULL
    for k in range(node.n_children):
        child = &nodes[node.child + k]
        if child.seen != number_of and not put(nodes, child, False):
            return NULL
    return p if put(nodes, node, True) else NULL


cdef Bytes value(Node *nodes, Node *node, Bytes p, Bytes end) noexcept nogil:
    """Write the value that starts at p; return the address after it, NULL if it is of another kind."""
    cdef char *at
    cdef Node *child
    cdef bint goes_on
    if p[0] == 110 and p + 4 < end and memcmp(p, b"null", 4) == 0:
        return p + 4 if put(nodes, node, False) else NULL
    if node.kind == STRING:
        if p[0] != 34:
            return NULL
        p = string(&node.data, p + 1, end)
        if p == NULL or not put_end(node, node.data.used):
            return NULL
    elif node.kind == INT or node.kind == FLOAT:
        p = number(node, p)
    elif node.kind == BOOL:
        at = room(&node.data, 1)
        if at == NULL:
            return NULL
        if p[0] == 116 and p + 4 < end and memcmp(p, b"true", 4) == 0:
            at[0] = 1
            p += 4
        elif p[0] == 102 and p + 5 < end and memcmp(p, b"false", 5) == 0:
            at[0] = 0
            p += 5
        else:
            return NULL
    elif node.kind == STRUCT:
        return members(nodes, node, p + 1, end) if p[0] == 123 else NULL
    elif node.kind == LIST:
        if p[0] != 91:
            return NULL
        child = &nodes[node.child]
        p = skip(p + 1)
        if p[0] == 93:
            p += 1
        else:
            while p != NULL:
                p = value(nodes, child, p, end)
                if p == NULL:
                    return NULL
                p = behind(p, 93, &goes_on)
                if not goes_on:
                    break
        if p == NULL or not put_end(node, child.n):
            return NULL
    else:
        return NULL
    if p == NULL or not put(nodes, node, True):
        return NULL
    return p


cdef Bytes line(Node *nodes, Bytes p, Bytes end) noexcept nogil:
    """Write the record of a line; return the start of the next line, NULL if this one contains anything else."""
    p = skip(p)
    if p[0] != 123:
        return NULL
    p = members(nodes, nodes, p + 1, end)
    if p == NULL:
        return NULL
    p = skip(p)
    return p + 1 if p[0] == 10 else NULL


def fill(bytes data not None, list layout not None):
    """Parse the values of each record's fields into memory in Arrow's layout.

    Parameters
    ----------
    data : bytes
        JSON objects, one per line, each ended by a line feed, also the last.
    layout : list of (Kind, bytes, int, int)
        What to read: kind, name as UTF-8, number of the first child, number of children. The first is the record, a
        STRUCT; the children of one value are consecutive.

    Returns
    -------
    list of (int, int, buffer, buffer, buffer) or None
        For each entry of the layout: number of values, number of nulls, one validity byte per value, then the values
        (booleans as bytes) and the ends of strings and lists as int32, starting with 0. None if a record is not JSON
        of exactly these types: nothing is guessed, repaired or left out.
    """
    cdef Py_ssize_t n_nodes = len(layout), k
    cdef Bytes p = data
    cdef Bytes end = p + len(data)
    cdef Node *nodes
    if not data.endswith(b"\n") or len(data) >= 2**31 - 1:
        return None
    nodes = <Node *>calloc(n_nodes, sizeof(Node))
    if nodes == NULL:
        raise MemoryError
    try:
        for k, (kind, name, child, n_children) in enumerate(layout):
            nodes[k].kind, nodes[k].child, nodes[k].n_children = kind, child, n_children
            nodes[k].name, nodes[k].n_name = name, len(name)
            nodes[k].seen = -1
            if kind in (STRING, LIST) and not put_end(&nodes[k], 0):
                raise MemoryError
        with nogil:
            while p != NULL and p < end:
                p = line(nodes, p, end)
        if p == NULL:
            return None
        return [
            (
                nodes[k].n,
                nodes[k].n_null,
                handed_over(&nodes[k].valid),
                handed_over(&nodes[k].data),
                handed_over(&nodes[k].ends),
            )
            for k in range(n_nodes)
        ]
    finally:
        for k in range(n_nodes):
            free(nodes[k].valid.at)
            free(nodes[k].data.at)
            free(nodes[k].ends.at)
        free(nodes)
