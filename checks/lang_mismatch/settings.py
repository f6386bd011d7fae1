"""The settings that a scan reads, for modules that the check itself imports."""

from typing import Protocol


class ScanSettings(Protocol):
    """Settings of the check that a scan reads."""

    @property
    def voices(self) -> tuple[str, ...]: ...

    @property
    def first(self) -> str: ...

    @property
    def second(self) -> str: ...

    @property
    def lang(self) -> str | None: ...

    @property
    def min_letters(self) -> int: ...

    @property
    def min_probability(self) -> float: ...

    @property
    def min_close(self) -> int: ...
