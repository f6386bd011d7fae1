"""The checkpoint of an unfinished audit on disk, from which a later run can continue."""

import shutil
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import pyarrow as pa

from .spill import Spill

T = TypeVar("T")

PAUSE = 10.0  # seconds between two checkpoints: for 160,000 messages, each takes .4 to .8
SHARE = 0.01  # of the time of the audit, if that is more: each checkpoint leaves files behind
PLAN, STATE, ROWS = "plan", "state", "rows"  # no suffixes of data files: an audit of the folder above must skip them


class Journal:
    """A folder with the plan of the audit, its state, and its rows so far.

    Row files are written once. `state` is replaced in one step and names the row files that existed at that moment;
    later files are ignored. Without a folder nothing is saved.
    """

    def __init__(self, folder: Path | None, prefix: str = "") -> None:
        self.folder, self._prefix = folder, prefix  # of file names, since several processes may write at a time
        self._spills: dict[str, Spill] = {}
        self._pieces: dict[str, list[str]] = {}
        self._began = self._saved = time.monotonic()

    @property
    def is_kept(self) -> bool:
        return self.folder is not None

    def begin(self, plan: Any) -> None:
        """Delete the old checkpoint and save the plan."""
        if self.folder is not None:
            self.clear()
            self.folder.mkdir(parents=True, exist_ok=True)
            _replace(self.folder / PLAN, plan)

    def clear(self) -> None:
        """Delete the state and all rows."""
        self._close()
        self._spills, self._pieces = {}, {}
        if self.folder is not None:
            (self.folder / STATE).unlink(missing_ok=True)
            shutil.rmtree(self.folder / ROWS, ignore_errors=True)

    def plan(self, kind: type[T]) -> T | None:
        """Return the plan of an earlier run; None if there was none."""
        return None if self.folder is None else _read(self.folder / PLAN, kind)

    def state(self, kind: type[T]) -> T | None:
        """Return the state of an earlier run and restore its rows; None if there was none."""
        kept = None if self.folder is None else _read(self.folder / STATE, _Saved)
        if kept is None:
            return None
        self._pieces = kept.pieces
        return msgspec.convert(kept.state, kind, dec_hook=_unpacked)

    def spill(self, name: str, by: str | None, budget: int) -> Spill:
        """Return the rows of this name, with those of an earlier run."""
        if name not in self._spills:
            folder = None if self.folder is None else self.folder / ROWS / name
            spill = self._spills[name] = Spill(by, budget, folder, self._prefix)
            spill.pieces = list(self._pieces.get(name, []))
        return self._spills[name]

    def flushed(self) -> dict[str, list[str]]:
        """Write all rows to disk, and return their files by name."""
        for spill in self._spills.values():
            spill.flush()
        return {name: spill.pieces for name, spill in self._spills.items() if spill.pieces}

    def adopt(self, pieces: Mapping[str, Sequence[str]]) -> None:
        """Add row files that another process wrote."""
        for name, files in pieces.items():
            known = self._spills[name].pieces if name in self._spills else self._pieces.setdefault(name, [])
            known.extend(files)

    def is_due(self) -> bool:
        """Return whether a checkpoint is due."""
        # A worker with a prefix does not know the state of the whole audit.
        now = time.monotonic()
        pause = max(PAUSE, SHARE * (now - self._began))
        return self.folder is not None and not self._prefix and now - self._saved >= pause

    def save(self, state: Any) -> None:
        """Save the state and all rows; call it when `is_due`."""
        assert self.folder is not None
        _replace(self.folder / STATE, _Saved(state, self._pieces | self.flushed()))
        self._saved = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        for spill in self._spills.values():
            spill.close()


def is_begun(folder: Path) -> bool:
    """Return whether a folder contains the checkpoint of an unfinished audit."""
    return (folder / STATE).is_file()


class _Saved(msgspec.Struct):
    """The content of `state`."""

    state: Any
    pieces: dict[str, list[str]]  # files by name of the rows


def _replace(path: Path, value: Any) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(value, enc_hook=_packed))
    new.replace(path)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, dec_hook=_unpacked) if path.is_file() else None
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: could not be read ({error}). Start over with --overwrite") from None


def _packed(value: Any) -> str:
    if not isinstance(value, pa.Table):
        raise NotImplementedError(f"cannot save a {type(value).__name__}")
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, value.schema) as writer:
        writer.write_table(value)
    return b64encode(stream.getvalue()).decode()


def _unpacked(kind: type, value: Any) -> Any:
    if kind is not pa.Table:
        raise NotImplementedError(f"cannot restore a {kind.__name__}")
    return pa.ipc.open_stream(b64decode(value)).read_all()
