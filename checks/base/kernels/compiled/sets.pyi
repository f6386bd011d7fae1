from ..plain.sets import grams as grams
from ..plain.sets import place as place
from ..plain.sets import shingle as shingle
from ..plain.sets import sign as sign
from ..plain.sets import winnow as winnow
