from ..plain.scan import in_order as in_order
from ..plain.scan import n_parts_with as n_parts_with
from ..plain.scan import resemble as resemble
from ..plain.scan import scan as scan
from ..plain.scan import values_of as values_of
