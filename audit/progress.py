"""Progress reporting for long work."""

from typing import Protocol


class Progress(Protocol):
    """Receiver of progress updates."""

    def say(self, line: str) -> None:
        """Show a line to the user."""

    def total(self, n_bytes: int) -> None:
        """Announce the number of bytes to read."""

    def advance(self, n_bytes: int) -> None:
        """Report that more bytes were read."""

    def step(self, what: str) -> None:
        """Announce the next step after reading."""


class Silence:
    """Progress reporter that shows nothing."""

    def say(self, line: str) -> None: ...

    def total(self, n_bytes: int) -> None: ...

    def advance(self, n_bytes: int) -> None: ...

    def step(self, what: str) -> None: ...
