"""Tables on disk that are read as if they were in memory."""

import errno
import mmap
from pathlib import Path
from weakref import WeakSet

import pyarrow as pa

_MAPPED: WeakSet[mmap.mmap] = WeakSet()


def mapped(path: Path, start: int = 0, end: int | None = None) -> pa.Table:
    """The table of an Arrow stream in these bytes of a file; nothing is read before it is looked at."""
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
    """Hand back what was looked at of all mapped files: it counts as memory of ours until the system needs it.

    What is looked at again is read again, as a rule from the system's cache. Nothing that is held becomes invalid.
    """
    if hasattr(mmap, "MADV_DONTNEED"):  # not everywhere
        for pages in list(_MAPPED):
            pages.madvise(mmap.MADV_DONTNEED)


def trim() -> None:
    """Hand back memory that was freed: an allocator keeps it, and what follows may come on top.

    Arrow's, which is the system's in the command, and with that NumPy's too.
    """
    pa.default_memory_pool().release_unused()


def _pages(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)  # which keeps the file open


def _allow_more_files() -> bool:
    """Take as many open files as this process may have; many systems begin with 1024."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return True
