"""Sizes with units, such as `4GB`, in bytes."""


def n_bytes(size: str) -> int:
    """`2GB`, `500 MB` or a plain number of bytes, as a number."""
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number = size.strip().rstrip("BKMGTbkmgt").strip()
    unit = size.strip()[len(number) :].strip().upper()
    try:
        amount = int(float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        amount = 0
    if amount <= 0:
        raise ValueError(f"memory {size!r}; expected a size such as 500MB or 2GB")
    return amount
