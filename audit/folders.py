"""Folders that are written whole or not at all, and never over another one."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def made(target: Path) -> Iterator[Path]:
    """A folder to write into, that becomes the target when all is written; nothing is left of it when that fails."""
    place = Path(os.path.abspath(target))  # noqa: PTH100 - a link on the way stays one
    above = next(folder for folder in place.parents if folder.exists())
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            inner = made / place.name  # which others may read, unlike the temporary folder
            inner.mkdir()
            yield inner
            if place.is_dir():
                place.rmdir()
            inner.replace(place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except BaseException as error:
        folder = place.parent
        with suppress(OSError):  # which is raised for the first that is not empty
            while folder != above:
                folder.rmdir()
                folder = folder.parent
        if isinstance(error, OSError):
            reason = error.strerror or str(error).split("\n", 1)[0]
            raise OSError(error.errno, reason, str(target)) from error
        raise


def free(folder: Path) -> Path:
    """The folder, or the first of folder-2, folder-3, ... that is not there: nothing is written over."""
    k, free = 1, folder
    while free.exists():
        k += 1
        free = folder.with_name(f"{folder.name}-{k}")
    return free
