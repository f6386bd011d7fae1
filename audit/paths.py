"""New folders, written completely or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `target` on success and removed on failure."""
    place = Path(os.path.abspath(target))  # noqa: PTH100 - unlike resolve, keeps links in the path
    above = next(folder for folder in place.parents if folder.exists())
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            inner = draft / place.name  # readable by others, unlike the temporary folder
            inner.mkdir()
            yield inner
            if place.is_dir():
                place.rmdir()
            inner.replace(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except BaseException as error:
        folder = place.parent
        with suppress(OSError):  # raised by the first folder that is not empty
            while folder != above:
                folder.rmdir()
                folder = folder.parent
        if isinstance(error, OSError):
            reason = error.strerror or str(error).split("\n", 1)[0]
            raise OSError(error.errno, reason, str(target)) from error
        raise


def free(folder: Path) -> Path:
    """Return the folder, or the first of folder-2, folder-3, ... that does not exist."""
    k, candidate = 1, folder
    while candidate.exists():
        k += 1
        candidate = folder.with_name(f"{folder.name}-{k}")
    return candidate
