from ..plain.alignment import align as align
