"""The inner loops: compiled where a compiler was at hand when chataudit was installed, else in NumPy.

Both forms give the same values, bit for bit; _numpy.py and _plain.py say what they are. Nothing here knows of messages.
"""

from contextvars import ContextVar

from ._numpy import Sought

try:
    from ._native import digest, grams, join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise
    from ._prose import excerpts, prose, rank, visits

    COMPILED = True
except ImportError:
    from ._numpy import digest, grams, join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise
    from ._plain import excerpts, prose, rank, visits

    COMPILED = False

THREADS: ContextVar[int] = ContextVar("THREADS", default=1)
"""Threads that one call may take. The engine says so to the thread that waits for the others, which do nothing then."""

__all__ = [
    "COMPILED",
    "THREADS",
    "Sought",
    "digest",
    "excerpts",
    "grams",
    "join",
    "mark",
    "overlaps",
    "place",
    "prose",
    "rank",
    "scan",
    "shingle",
    "sign",
    "suspects",
    "tokenise",
    "visits",
]
