"""What a check is: settings, rules and pure stages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar

import pyarrow as pa

from .findings import COVERAGE, FINDINGS, Rule
from .intervals import Confusion
from .messages import Batch

TREE = "<tree>"  # a stage that takes batches of whole trees
ALL = "<all>"  # a stage that takes all that is left, in one call

T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """Hands out parts of the work of a stage by=ALL to whatever workers there are, threads or other machines."""

    def __call__(self, function: Callable[[pa.Table, T], R], items: Iterable[T]) -> Iterator[R]:
        """The function of all rows of the stage and each item, in the order of the items.

        Workers elsewhere read the rows from storage; function, items and results travel, so they are to be small.
        """
        ...


class Table(NamedTuple):
    """Figures that a check gives beside its findings, a cell a text or a number."""

    name: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    bars: tuple[str, ...] = ()  # columns to be drawn as shares: what the label is, the part, the whole


class Method(NamedTuple):
    """How a check measures and what it cannot see: what a reader must know to trust a rate, or to cite it."""

    sure: str = ""  # in one short sentence with its numbers: how often the check is right, and how much it finds
    how: tuple[str, ...] = ()  # the steps, a sentence or two each
    blind: tuple[str, ...] = ()  # what it cannot see, or leaves out
    measured: tuple[str, ...] = ()  # its error rates, with what they were measured on
    sources: tuple[str, ...] = ()  # papers, specifications and data, as they are cited


@dataclass(frozen=True)
class Result:
    """What one call of a stage gives back."""

    findings: pa.Table = field(default_factory=FINDINGS.empty_table)
    coverage: pa.Table = field(default_factory=COVERAGE.empty_table)
    rows: pa.Table | None = None  # for the next stage; None after the last one
    notes: Sequence[str] = ()  # how the check went about, where that depends on the data
    tables: Sequence[Table] = ()  # what it counted besides, for the record and the page
    labelled: Confusion | None = None  # of judged messages that people labelled in the data, by one call of a stage


@dataclass(frozen=True)
class Stage:
    """One pure step. Rows that agree in the column `by` arrive in one call; nothing else may be assumed.

    The first stage of a check takes a `Batch` (by=TREE); later ones take the rows that the stage before gave out,
    shuffled on a column, or all of them in one call (by=ALL). Such a call may give its result in parts, which are
    written as they come, and with `spreads` it takes a `Spread` beside its rows.
    """

    run: Callable[..., Result | Iterator[Result]]
    by: str = TREE
    spreads: bool = False

    def results(self, rows: Any, spread: Spread | None = None) -> Iterator[Result]:
        """What one call gives, part by part. What it would spread is done here, unless it is told where."""
        given = self.run(rows, spread or in_turn(rows)) if self.spreads else self.run(rows)
        return iter([given]) if isinstance(given, Result) else given


def in_turn(rows: pa.Table) -> Spread:
    """One item after the other, in this thread."""
    return lambda function, items: map(partial(function, rows), items)


@dataclass(frozen=True)
class Check:
    """Base of every check: a frozen dataclass whose fields are its settings.

    A subclass names itself, declares its rules and gives its stages. Settings of a wrong value raise ValueError
    in `__post_init__`, so that a check that exists can run.
    """

    name: ClassVar[str]
    rules: ClassVar[Sequence[Rule]]
    measurement: ClassVar[Method] = Method()  # not `method`: near_duplicates has a setting of that name
    facets: ClassVar[Mapping[str, str]] = MappingProxyType({})  # what the facets of its findings say, by key

    @property
    def holds_gil(self) -> bool:
        """Whether it is Python code above all, which threads do not carry out side by side, but processes do."""
        return False

    def load(self) -> None:
        """Load what takes time, for this process to have it before the first batch; several checks load at a time.

        A stage loads what is not there yet.
        """

    def release(self) -> None:
        """Give up what `load` took, for what follows to have the room. A later audit of this process loads it again."""

    def stages(self) -> Sequence[Stage]:
        """The steps of this check; most have one."""
        return (Stage(self.scan),)

    def scan(self, batch: Batch) -> Result:
        """The single step of a check that needs no more than whole trees."""
        raise NotImplementedError(f"{type(self).__name__} has neither scan nor stages")


def n_bytes(size: str) -> int:
    """`2GB`, `500 MB` or a plain number of bytes, as a number."""
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
    number = size.strip().rstrip("BKMGTbkmgt").strip()
    unit = size.strip()[len(number) :].strip().upper()
    try:
        amount = int(float(number) * units[unit])
    except (ValueError, KeyError, OverflowError):
        amount = 0
    if amount <= 0:
        raise ValueError(f"memory {size!r}; expected a size such as 500MB or 2GB")
    return amount
