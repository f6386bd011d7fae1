"""The inner loops: compiled where a compiler was at hand when chataudit was installed, else in NumPy.

Both forms give the same values, bit for bit; _numpy.py and _plain.py say what they are. Nothing here knows of messages.
"""

from ._numpy import Sought, grams

try:
    from ._native import digest, join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise
    from ._prose import excerpts, prose, rank, visits

    COMPILED = True
except ImportError:
    from ._numpy import digest, join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise
    from ._plain import excerpts, prose, rank, visits

    COMPILED = False

__all__ = [
    "COMPILED",
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
