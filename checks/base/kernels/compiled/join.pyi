from ..plain.join import join as join
from ..plain.join import overlaps as overlaps
