"""Alignment of two texts: the runs of tokens that both have, in the order of both."""

from typing import NamedTuple

from .. import kernels
from .tokens import N_GRAM, HashArray

MAX_CELLS = 1 << 14  # tokens of one side times tokens of the other that are compared each with each


class Block(NamedTuple):
    """A run of equal tokens: where it begins in both texts, and how long it is."""

    left: int
    right: int
    n: int


def align(left: HashArray, right: HashArray) -> list[Block]:
    """Return the runs of tokens that two texts share, ascending in both, in about linear time (kernels.align)."""
    return [Block(*block) for block in kernels.align(left, right, N_GRAM, MAX_CELLS).tolist()]
