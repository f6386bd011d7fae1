"""Tables on disk, mapped into memory."""

import errno
import mmap
from pathlib import Path
from weakref import WeakSet

import pyarrow as pa

_MAPPED: WeakSet[mmap.mmap] = WeakSet()


def mapped(path: Path, start: int = 0, end: int | None = None) -> pa.Table:
    """Map the Arrow stream in these bytes of a file as a table; nothing is read before it is used."""
    try:
        pages = _pages(path)
    except OSError as error:
        if error.errno != errno.EMFILE or not _allow_more_files():
            raise
        pages = _pages(path)
    _MAPPED.add(pages)
    buffer = pa.py_buffer(pages)
    return pa.ipc.open_stream(buffer.slice(start, (buffer.size if end is None else end) - start)).read_all()


def forget() -> None:
    """Release the pages that were read from mapped files: they count as our memory until the system needs it.

    What is used again is read again, usually from the system's cache. Tables stay valid.
    """
    if hasattr(mmap, "MADV_DONTNEED"):  # not everywhere
        for pages in list(_MAPPED):
            pages.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Return freed memory to the system: the allocator keeps it, and later allocations may come on top.

    This is Arrow's allocator, which on the command line is the system's, and therefore NumPy's too.
    """
    pa.default_memory_pool().release_unused()


def _pages(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # the map keeps the file open


def _allow_more_files() -> bool:
    """Raise the limit of open files to the maximum; on many systems it starts at 1024."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True
