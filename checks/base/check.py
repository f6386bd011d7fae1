"""The contract of a check: settings, rules and pure stages."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from .faults import FaultKind
from .findings import COVERAGE, FINDINGS, Rule
from .messages import Batch
from .settings import refuse_bad
from .statistics.intervals import Confusion

TREE = "<tree>"  # a stage that takes batches of whole trees
ALL = "<all>"  # a stage that takes all rows in one call

T = TypeVar("T")
R = TypeVar("R")


class Spread(Protocol):
    """Hands out parts of the work of a stage by=ALL to the workers, threads or other machines."""

    def __call__(self, function: Callable[[pa.Table, T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield the function's value for all rows of the stage and each item, in the order of the items.

        Workers elsewhere read the rows from storage; function, items and results are sent to them and should be small.
        """
        ...


class Table(NamedTuple):
    """Figures that a check gives in addition to its findings; a cell is a text or a number."""

    name: str
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float, ...], ...]
    bars: tuple[str, ...] = ()  # columns to be drawn as shares: what the label is, the part, the whole
    is_ordered: bool = False  # the bars stay in the order of the rows, such as months; else the largest come first
    dots: tuple[str, ...] = ()  # columns to be drawn as dots with intervals: the label, the value, its lower, upper end


class Method(NamedTuple):
    """How a check works and what it cannot detect: what a reader must know to trust a rate, or to cite it."""

    sure: str = ""  # one sentence: precision and recall on held-out data, and on which; or that none were measured
    how: tuple[str, ...] = ()  # the steps, a sentence or two each
    blind: tuple[str, ...] = ()  # what it cannot detect, or leaves out
    measured: tuple[str, ...] = ()  # its error rates on data that no threshold was chosen with, and on which
    sources: tuple[str, ...] = ()  # papers, specifications and data, as they are cited


@dataclass(frozen=True)
class Result:
    """What one call of a stage gives back."""

    findings: pa.Table = field(default_factory=FINDINGS.empty_table)
    coverage: pa.Table = field(default_factory=COVERAGE.empty_table)
    rows: Mapping[str, pa.Table] = field(default_factory=dict)  # for later stages, by the name of the table
    notes: Sequence[str] = ()  # how the check went about, where that depends on the data
    tables: Sequence[Table] = ()  # figures for the record and the page
    labelled: Confusion | None = None  # of checked messages that people labelled in the data; from one call of a stage


@dataclass(frozen=True)
class Stage:
    """One pure step. Rows that agree in the column `by` arrive in one call; nothing else may be assumed.

    The first stage of a check takes a `Batch` (by=TREE). A later one takes the tables that it names in `takes`, in
    that order, as earlier stages handed them on: shuffled on a column that all of them have, or all rows in one call
    (by=ALL), also where there are none. Such a call may give its result in parts, which are written as they come, and
    with `spreads` it takes a `Spread` behind its one table.
    """

    run: Callable[..., Result | Iterator[Result]]
    takes: Mapping[str, pa.Schema] = field(default_factory=dict)
    by: str = TREE
    spreads: bool = False

    def results(self, *rows: Any, spread: Spread | None = None) -> Iterator[Result]:
        """Yield what one call gives, part by part; without a `spread`, what it would hand out is done here."""
        given = self.run(*rows, spread or in_turn(*rows)) if self.spreads else self.run(*rows)
        return iter([given]) if isinstance(given, Result) else given

    def packed(self, name: str, table: pa.Table) -> pa.Table:
        """Return a table of `takes` with the columns of all of them, so that all travel as one."""
        if table.schema != self.takes[name]:
            raise TypeError(
                f"rows {name!r} have the columns {table.schema.names}; declared are {self.takes[name].names}"
            )
        if len(self.takes) == 1:
            return table
        columns = [
            table[f.name] if f.name in table.column_names else pa.nulls(table.num_rows, f.type) for f in self._union
        ]
        number = pa.repeat(pa.scalar(list(self.takes).index(name), pa.int8()), table.num_rows)
        return pa.table([*columns, number], names=[*self._union.names, _TABLE])

    def unpacked(self, table: pa.Table | None) -> list[pa.Table]:
        """Return the tables of `takes` that were packed into one; None: no rows came."""
        if table is None:
            return [schema.empty_table() for schema in self.takes.values()]
        if len(self.takes) == 1:
            return [table]
        parts = [table.filter(pc.equal(table[_TABLE], k)) for k in range(len(self.takes))]
        return [part.select(schema.names) for part, schema in zip(parts, self.takes.values(), strict=True)]

    @property
    def _union(self) -> pa.Schema:
        return pa.unify_schemas(list(self.takes.values()))


_TABLE = "<table>"  # the column that says which table of `takes` a packed row is of


def in_turn(rows: Any) -> Spread:
    """Hand out nothing: do one item after the other, in this thread."""
    return lambda function, items: map(partial(function, rows), items)


@dataclass(frozen=True)
class Check:
    """Base of every check: a frozen dataclass whose fields are its settings.

    A subclass names itself, declares its rules and gives its stages. Settings are declared by `setting`, whose bounds
    are checked here, so that a check that exists can run.
    """

    name: ClassVar[str]
    rules: ClassVar[Sequence[Rule]]
    measurement: ClassVar[Method] = Method()  # not `method`: near_duplicates has a setting of that name
    facets: ClassVar[Mapping[str, str]] = MappingProxyType({})  # what the facets of its findings say, by key
    faults: ClassVar[Mapping[FaultKind, Rule]] = MappingProxyType({})  # which of its rules report what the reader met
    reads_texts: ClassVar[bool] = True  # False: ids, roles, other fields and `Batch.text_facts` are enough
    rules_on_texts: ClassVar[Sequence[Rule]] = ()  # where it reads none: rules that do, such as on arguments of calls

    def __post_init__(self) -> None:
        refuse_bad(self)

    @classmethod
    def on_examples(cls, folder: Path) -> Self:
        """Return the check as its own examples want it, with any files that they need in an empty folder."""
        return cls()

    def verify(self) -> None:
        """Raise ValueError where files or folders that the settings name are missing; called before data are read."""

    def severities(self) -> dict[Rule, int]:
        """Return the rules that are in force with these settings, each with its severity."""
        return {rule: rule.severity for rule in self.rules}

    @property
    def holds_gil(self) -> bool:
        """Whether it is mostly Python code, which processes run side by side and threads do not."""
        return False

    def load(self) -> None:
        """Load what takes time, so that this process has it before the first batch; several checks load at a time.

        A stage loads what is not there yet.
        """

    def release(self) -> None:
        """Free what `load` took, to make room for what follows. A later audit of this process loads it again."""

    def stages(self) -> Sequence[Stage]:
        """Return the steps of this check; most have one."""
        return (Stage(self.scan),)

    def scan(self, batch: Batch) -> Result:
        """Run the only step of a check that needs no more than whole trees."""
        raise NotImplementedError(f"{type(self).__name__} has neither scan nor stages")
