"""Inner loops, compiled where a C compiler was available at installation, else in NumPy and Python.

Both forms return the same values, bit for bit (scores of `visits` and `rank`: to rounding); the docstrings are in
`plain`. Either all kernels are compiled or none is. Kernels know arrays, not messages.
"""

from contextvars import ContextVar

from .layout import Numbers, Sought

try:
    from .compiled.alignment import align
    from .compiled.classifier import log_odds, rank, visits
    from .compiled.join import join, overlaps
    from .compiled.prose import excerpts, prose
    from .compiled.scan import in_order, n_parts_with, resemble, scan, values_of
    from .compiled.sets import grams, place, shingle, sign, winnow
    from .compiled.signs import signs, words
    from .compiled.tokens import digest, mark, mixed, peculiar, suspects, tokenise

    COMPILED = True
except ImportError:
    from .plain.alignment import align
    from .plain.classifier import log_odds, rank, visits
    from .plain.join import join, overlaps
    from .plain.prose import excerpts, prose
    from .plain.scan import in_order, n_parts_with, resemble, scan, values_of
    from .plain.sets import grams, place, shingle, sign, winnow
    from .plain.signs import signs, words
    from .plain.tokens import digest, mark, mixed, peculiar, suspects, tokenise

    COMPILED = False

THREADS: ContextVar[int] = ContextVar("THREADS", default=1)
"""Threads that one call may use. The engine sets it for the thread that waits for the others, which are idle then."""

__all__ = [
    "COMPILED",
    "THREADS",
    "Numbers",
    "Sought",
    "align",
    "digest",
    "excerpts",
    "grams",
    "in_order",
    "join",
    "log_odds",
    "mark",
    "mixed",
    "n_parts_with",
    "overlaps",
    "peculiar",
    "place",
    "prose",
    "rank",
    "resemble",
    "scan",
    "shingle",
    "sign",
    "signs",
    "suspects",
    "tokenise",
    "values_of",
    "visits",
    "winnow",
    "words",
]
