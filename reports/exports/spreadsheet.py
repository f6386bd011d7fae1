"""CSV files that people open in spreadsheets, and hand back."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path

from ..files import refuse_file, write_pages


def write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write rows as CSV (RFC 4180) into a new file, whole or not at all; no cell is taken for a formula.

    Raises
    ------
    FileExistsError, LookupError
        If the file exists already, or its folder does not.
    """
    refuse_file(path)
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_guarded(cell) for cell in row] for row in rows)
    write_pages(path.parent, {path.name: text.getvalue()})


def bare(cell: str) -> str:
    """Undo what `write` does to keep a cell from being a formula."""
    return cell[1:] if cell[:1] == "'" and cell.lstrip("'")[:1] in _FORMULA else cell


_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # first characters of cells that spreadsheets run


def _guarded(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    whole = cell.encode(
        "utf-8", "replace"
    ).decode()  # half a surrogate pair, which some data contain, cannot be written
    # Also where the data have quotes of their own, so that `bare` knows which one to remove.
    return f"'{whole}" if whole.lstrip("'")[:1] in _FORMULA else whole
