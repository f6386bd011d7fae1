"""Groups of duplicate messages, of which `clean` keeps one."""

from dataclasses import dataclass, field


@dataclass
class CopyGroup:
    """Messages of which one is kept."""

    rows: set[int] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)


class Joined:
    """Rows that were joined, also through others."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def first(self, row: int) -> int:
        """The row that stands for all that it was joined with."""
        while (following := self._next.get(row, row)) != row:
            self._next[row] = self._next.get(following, following)  # halves the way for the next one who asks
            row = following
        return row

    def join(self, row: int, other: int) -> None:
        """Join two rows, and all that they were joined with."""
        low, high = sorted((self.first(row), self.first(other)))
        self._next[high] = low
