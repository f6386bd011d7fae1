"""Tables that people open in spreadsheets, and hand back."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Rows as CSV (RFC 4180) into a new file; no cell is taken for a formula.

    Raises
    ------
    FileExistsError
        If the file is there already.
    """
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_guarded(cell) for cell in row] for row in rows)


def bare(cell: str) -> str:
    """What a cell said before `write` kept it from being a formula."""
    return cell[1:] if cell[:1] == "'" and cell[1:2] in _FORMULA else cell


_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what cells begin with that spreadsheets run


def _guarded(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    whole = cell.encode("utf-8", "replace").decode()  # half a surrogate pair, as some data hold, cannot be written
    return f"'{whole}" if whole[:1] in _FORMULA else whole
