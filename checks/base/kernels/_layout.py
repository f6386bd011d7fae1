"""What both forms of the kernels agree on: how characters are told apart, and the base of all hashes."""

# A character's entry in the table: three bits for its kind, the rest for what it is folded to.
SEPARATOR, WORD, SINGLE, MARK, SKIP, SEQUENCE, WORDS = range(7)
"""Ends a token; part of a word; a token by itself; goes on with the token before it; as if it were not there; several
entries, which stand in `sequences` behind their number; the same, where all of them go on with a word."""

PAYLOAD = 29  # bits

BASE = 0x2545F4914F6CDD1D
"""Odd, with its bits spread evenly: the multiplier of Marsaglia's xorshift64* (Vigna 2016)."""
