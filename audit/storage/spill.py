"""A shuffle of rows by key, which spills to disk beyond its memory budget."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...checks.base.arrow.columns import single
from ...checks.base.arrow.memory_map import mapped

N_PARTITIONS = 64  # each is returned whole, so it must be small compared with the budget
SMALL = 16 << 20  # bytes that are returned in one table: more pieces would cost more than they save
TABLE = 2 << 20  # bytes up to which smaller tables or partitions are merged: each has a fixed cost


class Spill:
    """A shuffle: takes tables, and returns rows that agree in `by` in the same table.

    Rows that agree keep their order of arrival. Without `by`, all rows come in one table, in order.

    Pieces on disk are files that are written once and contain the rows of all partitions, one after the other. With a
    `folder` they stay there, and a list of their names restores the state at that moment; other processes may add
    pieces with another `prefix`.
    """

    def __init__(self, by: str | None, budget: int, folder: Path | None = None, prefix: str = "") -> None:
        # In bytes. Arrow's string columns have at most 2 GB.
        self.by, self.budget = by, min(budget, 1 << 30)
        self.pieces: list[str] = []  # names of files
        self._held: list[pa.Table] = []
        self._n_bytes = 0
        self._kept, self._prefix = folder, prefix
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def add(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        self._held.append(table)
        self._n_bytes += table.nbytes
        if self._n_bytes > self.budget:
            self.flush()

    def flush(self) -> None:
        """Write the rows in memory as one piece."""
        if not self._held:
            return
        name = f"{self._prefix}{len(self.pieces)}.spilled"  # no suffix of a data file
        path = self._path(name)
        new = path.with_suffix(".new")
        ends = []
        with open(new, "wb") as file:
            for tables in self._split(self._groups(self._n_bytes, 0)):
                if tables:
                    with pa.ipc.new_stream(file, tables[0].schema) as stream:
                        for table in tables:
                            stream.write_table(table)
                ends.append(file.tell())
            file.write(np.array(ends, dtype="<i8").tobytes())
        new.replace(path)  # complete, or missing
        self.pieces.append(name)
        self._held, self._n_bytes = [], 0

    @property
    def n_partitions(self) -> int:
        return 1 if self.by is None else N_PARTITIONS

    def partitions(self) -> Iterator[pa.Table]:
        """Yield all rows: in one table if they are few, else by partitions; nothing if there are none."""
        if self.pieces:
            self.flush()
            for parts in self._groups(self._n_stored, TABLE):
                tables = [table for part in parts if (table := self.partition(part)) is not None]
                if tables:
                    yield pa.concat_tables(tables)
        else:
            # Some partitions at a time, so that a stage frees its results before the next. For 323,000 messages
            # instead of 161,000 the peak then grows by 10 %, with all in one table by 36 %.
            groups = self._groups(self._n_bytes, SMALL if self._n_bytes <= SMALL else TABLE)
            yield from (pa.concat_tables(tables) for tables in self._split(groups) if tables)

    @property
    def shares(self) -> list[range]:
        """The partitions on disk in groups, one per task: single partitions, or all together if they are small."""
        return self._groups(self._n_stored, SMALL if self._n_stored <= SMALL else 0)

    @property
    def _n_stored(self) -> int:
        return sum(self._path(name).stat().st_size for name in self.pieces)

    def _groups(self, n_bytes: int, size: int) -> list[range]:
        """Group all partitions so that each group has about `size` of these bytes; keys are spread evenly."""
        step = max(1, self.n_partitions * size // max(1, n_bytes))
        ends = [*range(0, self.n_partitions, step), self.n_partitions]
        return [range(*both) for both in pairwise(ends)]

    def partition(self, part: int, pieces: Sequence[str] | None = None) -> pa.Table | None:
        """Return one partition of the pieces on disk, or of some of them; None if it is empty."""
        names = self.pieces if pieces is None else pieces
        tables = [_read(self._path(name), self.n_partitions, part) for name in names]
        found = [table for table in tables if table is not None]
        return pa.concat_tables(found) if found else None

    def _path(self, name: str) -> Path:
        if self._kept is not None:
            self._kept.mkdir(parents=True, exist_ok=True)
            return self._kept / name
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="chataudit-")
        return Path(self._folder.name) / name

    def _split(self, groups: Sequence[range]) -> Iterator[list[pa.Table]]:
        """Yield the rows in memory by groups of partitions, sorted by partition first if there are several groups."""
        if len(groups) == 1:
            self._held = list(_lots(self._held, TABLE))
            yield self._held
            return
        # Some tables at a time, each lot replacing the tables that it copies. Copying each partition of each table took
        # four times as long: .3 s for 14 MB in 19 tables.
        lots, ends = [], []
        for lot in _lots(self._held, SMALL):
            parts = _partition(single(lot[self.by]))
            order = np.argsort(parts, kind="stable")
            lots.append(lot.take(pa.array(order)))
            ends.append(np.searchsorted(parts[order], np.arange(N_PARTITIONS + 1)).tolist())
        self._held = lots
        for group in groups:
            limits = ((end[group.start], end[group.stop]) for end in ends)
            slices = (lot.slice(start, stop - start) for lot, (start, stop) in zip(lots, limits, strict=True))
            yield [table for table in slices if table.num_rows]

    def close(self) -> None:
        """Free the rows in memory, and delete the pieces on disk unless they are in a `folder`."""
        self._held, self._n_bytes = [], 0
        if self._folder is not None:
            self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _lots(held: list[pa.Table], most: int) -> Iterator[pa.Table]:
    """Merge tables, in order, up to `most` bytes each; the list is empty afterwards."""
    held.reverse()
    while held:
        lot = [held.pop()]
        n_bytes = lot[0].nbytes
        while held and n_bytes + held[-1].nbytes <= most:
            lot.append(held.pop())
            n_bytes += lot[-1].nbytes
        yield pa.concat_tables(lot).unify_dictionaries().combine_chunks()


def _read(path: Path, n_partitions: int, part: int) -> pa.Table | None:
    """Read the rows of a partition in one piece; None if there are none."""
    with open(path, "rb") as file:
        file.seek(-8 * n_partitions, 2)
        ends = [0, *np.frombuffer(file.read(), dtype="<i8").tolist()]
    # Memory-mapped, not read: a table of all rows may be larger than memory.
    return mapped(path, ends[part], ends[part + 1]) if ends[part] < ends[part + 1] else None


def _partition(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """Assign each key to one of N_PARTITIONS; equal keys to the same one, in every process.

    Keys are integers, strings or bytes. Of strings and bytes, the length and the last 16 bytes count: ids differ there.
    """
    if pa.types.is_integer(keys.type):
        mixed = np.array(keys.cast(pa.int64(), safe=False).fill_null(0)).view(np.uint64)  # a hash may be above 2**63
    else:
        text = keys.cast(pa.binary()).fill_null(b"")
        offsets = np.frombuffer(text.buffers()[1], dtype=np.int32)[text.offset : text.offset + len(text) + 1]
        starts, ends = offsets[:-1], offsets[1:]
        data = np.frombuffer(text.buffers()[2] or b"\0", dtype=np.uint8)
        mixed = (ends - starts).astype(np.uint64)
        for back in range(1, 17):
            at = ends - back
            byte = np.where(at >= starts, data[np.clip(at, 0, len(data) - 1)], 0)
            mixed = mixed * np.uint64(31) + byte
    return (mixed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(58)  # the golden ratio spreads similar keys
