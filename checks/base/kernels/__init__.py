"""The inner loops: compiled where a compiler was at hand when chataudit was installed, else in NumPy.

Both forms give the same values, bit for bit; _numpy.py says what they are. Nothing here knows of messages.
"""

from ._numpy import Sought, grams

try:
    from ._native import join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise

    COMPILED = True
except ImportError:
    from ._numpy import join, mark, overlaps, place, scan, shingle, sign, suspects, tokenise

    COMPILED = False

__all__ = [
    "COMPILED",
    "Sought",
    "grams",
    "join",
    "mark",
    "overlaps",
    "place",
    "scan",
    "shingle",
    "sign",
    "suspects",
    "tokenise",
]
