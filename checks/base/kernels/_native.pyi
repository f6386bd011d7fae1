from ._numpy import join as join
from ._numpy import overlaps as overlaps
from ._numpy import place as place
from ._numpy import shingle as shingle
from ._numpy import sign as sign
from ._numpy import suspects as suspects
from ._numpy import tokenise as tokenise
