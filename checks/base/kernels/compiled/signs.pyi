from ..plain.signs import signs as signs
from ..plain.signs import words as words
