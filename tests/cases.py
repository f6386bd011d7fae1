"""Tables of similar cases in one test."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def case(*values: object) -> Iterator[None]:
    """Name the case in the traceback of any failure within the block."""
    try:
        yield
    except BaseException as failure:
        failure.add_note(f"case: {', '.join(repr(value)[:200] for value in values)}")
        raise
