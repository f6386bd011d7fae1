"""Files that are written whole or not at all, and not over others."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_pages(folder: Path, pages: Mapping[str, str]) -> None:
    """Write pages, text by file name, into a folder; each is whole, or stays as it was."""
    for name, text in pages.items():
        target = (folder / name).resolve()  # a link stays a link
        # A free name: not even a draft overwrites a file.
        number, made = tempfile.mkstemp(prefix=f".{name}-", dir=target.parent)
        draft = Path(made)
        try:
            with open(number, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(text)
            draft.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~umask())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)


def refuse_file(path: Path, *, replace: bool = False) -> None:
    """Raise unless a file can be made under this name, or may be replaced.

    Raises
    ------
    FileExistsError
        If the file exists and may not be replaced.
    LookupError
        If its folder does not exist.
    """
    if path.is_dir() or (path.exists() and not replace):
        raise FileExistsError(f"{path} already exists. Name another file")
    if not path.parent.is_dir():
        raise LookupError(f"{path}: there is no folder {path.parent}")


def write_file(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a text into a file, whole or not at all; raises what `refuse_file` does."""
    refuse_file(path, replace=replace)
    write_pages(path.parent, {path.name: text})


def umask() -> int:
    """Return the permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
