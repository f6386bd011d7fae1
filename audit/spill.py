"""Rows that must meet: kept until all are there, on disk where they grow past the memory budget."""

import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

N_PARTITIONS = 64  # each is read back as a whole, so it is to be small beside the budget


class Spill:
    """A shuffle: takes tables, gives them back so that rows that agree in `by` come in one table.

    Rows keep the order in which they came, within each table that is given back.
    """

    def __init__(self, by: str, budget: int) -> None:
        # In bytes. Arrow gathers strings in columns of at most 2 GB.
        self.by, self.budget = by, min(budget, 1 << 30)
        self._held: list[pa.Table] = []
        self._n_bytes = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: dict[int, pa.ipc.RecordBatchStreamWriter] = {}

    def add(self, table: pa.Table) -> None:
        if not table.num_rows:
            return
        self._held.append(table)
        self._n_bytes += table.nbytes
        if self._n_bytes > self.budget:
            self._write()

    def partitions(self) -> Iterator[pa.Table]:
        """All rows: one table, or one a partition where rows went to disk; nothing where there are none."""
        if not self._files:
            if self._held:
                yield pa.concat_tables(self._held)
            return
        self._write()
        for part, file in sorted(self._files.items()):
            file.close()
            with pa.OSFile(str(self._path(part))) as source:
                yield pa.ipc.open_stream(source).read_all()

    def _path(self, part: int) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="chataudit-")
        return Path(self._folder.name) / f"{part}.arrow"

    def _write(self) -> None:
        for table in self._held:
            keys = table[self.by].combine_chunks().dictionary_encode(null_encoding="encode")
            # crc32 and not hash(): the same row goes to the same place in every process.
            of_key = np.array(
                [
                    zlib.crc32(str(key).encode("utf-8", "surrogatepass")) % N_PARTITIONS
                    for key in keys.dictionary.to_pylist()
                ]
            )
            parts = of_key[np.asarray(keys.indices)]
            for part in np.unique(parts).tolist():
                if part not in self._files:
                    self._files[part] = pa.ipc.new_stream(str(self._path(part)), table.schema)
                self._files[part].write_table(table.take(pa.array(np.flatnonzero(parts == part))))
        self._held, self._n_bytes = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held = []
        if self._folder is not None:
            for file in self._files.values():
                file.close()
            self._folder.cleanup()
