# Words of eight bytes, their hashes, and characters. Included as text: the C compiler inlines these functions in each kernel.

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from ..layout import BASE

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>
    #include <string.h>

    #define K 0x2545F4914F6CDD1DULL
    #define ONES 0x0101010101010101ULL
    #define HIGHS 0x8080808080808080ULL
    #define AHEAD 16  /* places between the prefetch of an entry and its use */

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
    """
    const uint64_t K, ONES, HIGHS
    const int AHEAD
    uint64_t load8(const uint8_t *at) nogil
    int trailing_zeros(uint64_t x) nogil
    void prefetch(const void *at) nogil

if K != BASE:
    raise ImportError("the compiled kernels belong to another version; install chataudit again")


cdef inline uint64_t spread(uint64_t x) noexcept nogil:
    # Steele, Lea & Flood (2014), Fast splittable pseudorandom number generators: the finalizer of SplitMix64.
    x += <uint64_t>0x9E3779B97F4A7C15
    x = (x ^ (x >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef inline uint32_t decode(const uint8_t *at, int *width) noexcept nogil:
    """Return the character beyond ASCII that begins here, and set the number of its bytes."""
    cdef uint32_t c = at[0]
    if c < 0xE0:
        width[0] = 2
        return (c & 31) << 6 | at[1] & 63
    if c < 0xF0:
        width[0] = 3
        return (c & 15) << 12 | (at[1] & 63) << 6 | at[2] & 63
    width[0] = 4
    return (c & 7) << 18 | (at[1] & 63) << 12 | (at[2] & 63) << 6 | at[3] & 63
