from ._plain import excerpts as excerpts
from ._plain import prose as prose
from ._plain import rank as rank
from ._plain import visits as visits
