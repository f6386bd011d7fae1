"""Who is told how far long work is."""

from typing import Protocol


class Progress(Protocol):
    """Who is told how far an audit is."""

    def say(self, line: str) -> None:
        """Something that a reader should know now."""

    def total(self, n_bytes: int) -> None:
        """So many bytes will be read."""

    def advance(self, n_bytes: int) -> None:
        """So many more were read."""

    def step(self, what: str) -> None:
        """All was read, and this is done now."""


class Silence:
    """Tells nobody."""

    def say(self, line: str) -> None: ...

    def total(self, n_bytes: int) -> None: ...

    def advance(self, n_bytes: int) -> None: ...

    def step(self, what: str) -> None: ...
