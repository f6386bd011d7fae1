from ..plain.prose import excerpts as excerpts
from ..plain.prose import prose as prose
