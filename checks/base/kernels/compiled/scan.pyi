from ..plain.scan import scan as scan
