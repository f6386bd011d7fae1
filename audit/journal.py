"""What an audit under way keeps on disk, so that a later run can go on where it was stopped."""

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

PAUSE = 10.0  # seconds between two moments to come back to: for 160,000 messages, each takes .4 to .8
SHARE = 0.01  # of the time of the audit, where that is more: each moment leaves files behind
PLAN, STATE, ROWS = "plan", "state", "rows"  # no names of data: an audit of the folder above is not to read them


class Journal:
    """A folder with two files and rows: the plan of the audit, how far it is, and what it has so far.

    Rows lie in files that are written once. `state` is replaced in one step, and names the files that there were at
    that moment; those that were written later are passed over. Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, prefix: str = "") -> None:
        self.folder, self._prefix = folder, prefix  # that the names of files begin with, where several write at a time
        self._spills: dict[str, Spill] = {}
        self._pieces: dict[str, list[str]] = {}
        self._began = self._saved = time.monotonic()

    @property
    def is_kept(self) -> bool:
        return self.folder is not None

    def begin(self, plan: Any) -> None:
        """Keep what is to be done, and forget all that was."""
        if self.folder is not None:
            self.clear()
            self.folder.mkdir(parents=True, exist_ok=True)
            _replace(self.folder / PLAN, plan)

    def clear(self) -> None:
        """Forget how far the audit is, and all that it has."""
        self._close()
        self._spills, self._pieces = {}, {}
        if self.folder is not None:
            (self.folder / STATE).unlink(missing_ok=True)
            shutil.rmtree(self.folder / ROWS, ignore_errors=True)

    def plan(self, kind: type[T]) -> T | None:
        """What an earlier run set out to do; None where there was none."""
        return None if self.folder is None else _read(self.folder / PLAN, kind)

    def state(self, kind: type[T]) -> T | None:
        """How far an earlier run came; its rows are those of that moment."""
        kept = None if self.folder is None else _read(self.folder / STATE, _Kept)
        if kept is None:
            return None
        self._pieces = kept.pieces
        return msgspec.convert(kept.state, kind, dec_hook=_unpacked)

    def spill(self, name: str, by: str | None, budget: int) -> Spill:
        """Rows of this name: those that an earlier run left, and more to come."""
        if name not in self._spills:
            folder = None if self.folder is None else self.folder / ROWS / name
            spill = self._spills[name] = Spill(by, budget, folder, self._prefix)
            spill.pieces = list(self._pieces.get(name, []))
        return self._spills[name]

    def flushed(self) -> dict[str, list[str]]:
        """All rows go to disk; the files that they are in, by name."""
        for spill in self._spills.values():
            spill.flush()
        return {name: spill.pieces for name, spill in self._spills.items() if spill.pieces}

    def adopt(self, pieces: Mapping[str, Sequence[str]]) -> None:
        """Files that another process wrote are rows of ours."""
        for name, files in pieces.items():
            known = self._spills[name].pieces if name in self._spills else self._pieces.setdefault(name, [])
            known.extend(files)

    def is_due(self) -> bool:
        """Whether it is time to save."""
        # How far the whole audit is, a part of it does not know.
        now = time.monotonic()
        pause = max(PAUSE, SHARE * (now - self._began))
        return self.folder is not None and not self._prefix and now - self._saved >= pause

    def save(self, state: Any) -> None:
        """Keep how far the audit is, and all rows that it has; asked for where it is due."""
        assert self.folder is not None
        _replace(self.folder / STATE, _Kept(state, self._pieces | self.flushed()))
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
    """Whether a folder keeps a moment of an audit that was stopped."""
    return (folder / STATE).is_file()


class _Kept(msgspec.Struct):
    """What `state` holds."""

    state: Any
    pieces: dict[str, list[str]]  # files, of the rows of each name


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
        raise NotImplementedError(f"{type(value).__name__} is not kept")
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, value.schema) as writer:
        writer.write_table(value)
    return b64encode(stream.getvalue()).decode()


def _unpacked(kind: type, value: Any) -> Any:
    if kind is not pa.Table:
        raise NotImplementedError(f"{kind.__name__} is not kept")
    return pa.ipc.open_stream(b64decode(value)).read_all()
