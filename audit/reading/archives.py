"""Data files inside of zip and tar archives, copied to disk when they are first read.

Archives are strangers' work. Nothing is ever written under a name of theirs, only regular files are copied, and what an
archive unpacks to is limited by its own size.
"""

import bz2
import errno
import gzip
import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath
from typing import IO, Any, BinaryIO, Literal, NamedTuple

import pyarrow as pa

from . import samples
from .folders import ARCHIVES, chosen, is_hidden, numbered, suffixes_of
from .remote import Remote
from .streams import EXPECTED, HEAD, packing, temporary

MAX_RATIO = 200  # bytes unpacked for each byte of an archive: packed text takes 3 to 20, a zip bomb 1,000 and more
MIN_ROOM = 1 << 30  # bytes that any archive may unpack to
MAX_FILES = 1_000_000  # in one archive
MAX_HEADER = 1 << 20  # bytes of a name in a tar
PIECE = 1 << 14  # bytes copied at a time, and lost before a damage at most

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UNPACKERS: dict[str, Callable[[BinaryIO], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": lambda file: pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"),
}
# The libraries for archives raise all of these on damaged ones.
_DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, struct.error, zipfile.BadZipFile,
    tarfile.TarError, pa.ArrowException,
)  # fmt: skip


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NAMES = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip


class Item(NamedTuple):
    """One entry of an archive, which can be opened until the next one is read."""

    name: str
    n_bytes: int  # as the archive states it
    refusal: str  # why it is not read; empty: it is a regular file
    open: Callable[[], IO[bytes]]


class _Copy(NamedTuple):
    """A copy of a file in an archive, and the error that cut it short."""

    path: Path
    error: OSError | None = None


class _CutFile(io.FileIO):
    """A file that could not be copied to its end: its bytes, and then the error."""

    def __init__(self, copy: _Copy) -> None:
        super().__init__(copy.path)
        self._error = copy.error

    def read(self, n: int | None = -1, /) -> bytes:
        data = super().read(n)
        if not data and n and self._error:
            raise self._error
        return data


class Member(os.PathLike[str]):
    """A file inside an archive, or all samples of one. As a path it is a copy on disk."""

    def __init__(self, archive: "Archive", inner: str, name: str) -> None:
        self.archive, self.inner, self.name = archive, inner, name

    def __repr__(self) -> str:
        return f"{self.archive.name}/{self.inner}" if self.inner else self.archive.name

    def __fspath__(self) -> str:
        copy = self.archive.copies()[self.inner]
        if copy.error:
            raise copy.error
        return str(copy.path)

    def open(self, mode: Literal["rb"]) -> "_CutFile | BinaryIO":
        """Open the copy for reading, as `Path.open` does."""
        copy = self.archive.copies()[self.inner]
        return copy.path.open(mode) if copy.error is None else _CutFile(copy)


class Archive:
    """A zip or tar file: the data files in it, and what is passed over.

    Raises
    ------
    LookupError
        If it contains no data file.
    """

    def __init__(self, path: Path | Remote, name: str) -> None:
        self.path, self.name = path, name
        self.remarks: list[str] = []
        self._n_bytes: dict[PurePath, int] = {}  # of all regular files
        self._damage: OSError | None = None  # behind the files that were listed
        self._copies: dict[str, _Copy] = {}
        self._list()
        found = chosen(name, self._n_bytes, None)
        nested = {file for file in found.files if file.name.lower().endswith(ARCHIVES)}
        if nested:
            inside = numbered(len(nested), suffixes_of(nested))
            self.remarks.append(f"{name}: not read: {inside} inside it; unpack this archive first")
        self.files = [file for file in found.files if file not in nested]
        self.passed_over = found.passed_over
        # Samples of images and their texts are one data set, not thousands.
        shown = [file for file in self._n_bytes if not is_hidden(file)]
        self.has_samples = not self._is_zip() and samples.are_samples(shown)
        if self.has_samples:
            self.files, self.passed_over = [], []
        elif not self.files and not self._damage:
            held = numbered(len(self._n_bytes), suffixes_of(self._n_bytes)) if self._n_bytes else "no file"
            said = [line.removeprefix(f"{name}: ") for line in self.remarks[:3]]
            contents = "; ".join([f"it contains {held}", *said])
            raise LookupError(f"{name}: no data file in this archive; {contents}. Expected {EXPECTED}")

    def members(self) -> list[tuple[Member, int]]:
        """Return the data files, and the bytes of each as the archive states them; 0: unknown.

        A damaged archive is itself the last one: reading it reports the damage.
        """
        whole = Member(self, "", PurePath(self.name).name)
        if self.has_samples:
            return [(whole, 0)]
        files = [(Member(self, str(file), file.name), self._n_bytes[file]) for file in self.files]
        return [*files, (whole, 0)] if self._damage else files

    def copies(self) -> dict[str, _Copy]:
        """Return the copies of all data files, made at once the first time.

        A packed archive can only be read from its start, so the files are not copied one by one.
        """
        if not self._copies:
            try:
                with temporary(self) as folder:
                    self._copies = self._copied(folder)
            except OSError as error:  # a full disk, a zip bomb
                nothing = _Copy(Path(os.devnull), error)
                self._copies = dict.fromkeys([member.inner for member, _ in self.members()], nothing)
        return self._copies

    def _copied(self, folder: Path) -> dict[str, _Copy]:
        room = _Room(self.path)
        if self.has_samples:
            path = folder / "samples.jsonl"
            regular = (item for item in _items(self.path, room) if not item.refusal)
            shown = ((PurePath(item.name), item.n_bytes, item.open) for item in regular)
            error = _write(samples.lines(entry for entry in shown if not is_hidden(entry[0])), path, room)
            return {"": _Copy(path, error)}
        targets = {str(file): folder / str(number) for number, file in enumerate(self.files)}
        copies: dict[str, _Copy] = {}
        damage = self._damage
        try:
            for item in _items(self.path, room):
                if item.name in targets and not item.refusal:
                    path = targets[item.name]
                    copies[item.name] = _Copy(path, _write(_pieces(item), path, room))
        except _DAMAGE as error:
            damage = _as_os_error(error)
            if damage.errno in _NO_ROOM:
                raise damage from None
        nothing = _Copy(Path(os.devnull), damage or _as_os_error(None))
        return {name: copies.get(name, nothing) for name in (*targets, "")}

    def _is_zip(self) -> bool:
        with open(self.path, "rb") as file:
            return file.read(4) in _ZIP

    def _list(self) -> None:
        twice: set[str] = set()
        refused: dict[str, list[str]] = {}
        try:
            for item in _items(self.path, _Room(self.path)):
                if item.refusal:
                    refused.setdefault(item.refusal, []).append(item.name)
                    continue
                if PurePath(item.name) in self._n_bytes:
                    twice.add(item.name)
                self._n_bytes[PurePath(item.name)] = item.n_bytes
                if len(self._n_bytes) > MAX_FILES:
                    raise OSError(errno.EFBIG, f"contains more than {MAX_FILES:,} files; unpack it first")
        except _DAMAGE as error:
            self._damage = _as_os_error(error)
        for reason, names in refused.items():
            self.remarks.append(f"{self.name}: not read: {_listed(names)}: {reason}")
        if twice:
            self.remarks.append(f"{self.name}: contains {_listed(sorted(twice))} more than once; the last one is read")


def _listed(names: Sequence[str]) -> str:
    return names[0][:200] + (f" and {len(names) - 1:,} more" if len(names) > 1 else "")


def _pieces(item: Item) -> Iterator[bytes]:
    n_left = item.n_bytes
    with item.open() as member:
        while data := member.read(PIECE):
            n_left -= len(data)
            yield data
    if n_left > 0:  # no error of a tar that ends within its last file
        raise EOFError


def _write(pieces: Iterator[bytes], path: Path, room: "_Room") -> OSError | None:
    """Write a copy up to the first damage, and return that."""
    with open(path, "wb") as copy:
        try:
            for data in pieces:
                room.copy(len(data))
                copy.write(data)
        except _DAMAGE as error:
            damage = _as_os_error(error)
            if damage.errno in _NO_ROOM:
                raise damage from None
            return damage
    return None


def is_archive(path: Path | Remote) -> bool:
    """Return whether a file is a zip or a tar, packed or not, by its content."""
    try:
        with open(path, "rb") as file:
            head = file.read(4)
            file.seek(0)
            if head in _ZIP:
                return True
            with _unpacked(file) as stream:
                start = stream.read(tarfile.BLOCKSIZE)
        if start and not start.strip(b"\0"):  # an empty tar
            return str(path).lower().endswith(ARCHIVES)
        if start[257:265] in (tarfile.POSIX_MAGIC, tarfile.GNU_MAGIC):
            return True
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")  # an old one has no magic, but a checksum
    except _DAMAGE:
        return False
    return True


class _Room:
    """The bytes that an archive may unpack to: those of the tar in it, and those of the copies."""

    def __init__(self, path: Path | Remote) -> None:
        self._most = max(MIN_ROOM, MAX_RATIO * Path(path).stat().st_size)
        self._unpacked = self._copied = 0

    def unpack(self, n: int) -> None:
        """Count bytes of the unpacked tar; raise OSError if they are too many."""
        self._unpacked += n
        self._check(self._unpacked)

    def copy(self, n: int) -> None:
        """Count bytes of copies; raise OSError if they are too many."""
        self._copied += n
        self._check(self._copied)

    def _check(self, n: int) -> None:
        if n > self._most:
            reason = f"unpacks to more than {self._most:,} bytes, as zip bombs do; unpack it and pass the folder"
            raise OSError(errno.EFBIG, reason)


def _as_os_error(error: BaseException | None) -> OSError:
    if isinstance(error, OSError) and error.strerror and not isinstance(error, pa.ArrowException):
        return OSError(error.errno, error.strerror)
    if isinstance(error, NotImplementedError):
        return OSError(errno.EIO, "packed in a way that is not supported; unpack the archive first")
    return OSError(errno.EIO, "the archive is damaged; fetch it again")


@contextmanager
def _unpacked(file: BinaryIO) -> Iterator[IO[bytes]]:
    packed = packing(file.read(HEAD))
    file.seek(0)
    if not packed:
        yield file
        return
    with _UNPACKERS[packed](file) as stream:
        yield stream


def _items(path: Path | Remote, room: _Room) -> Iterator[Item]:
    with open(path, "rb") as file:
        head = file.read(4)
        file.seek(0)
        if head in _ZIP:
            yield from _zip_items(file)
            return
        with _unpacked(file) as stream:
            # A packed tar is never read backwards; in a plain one, files that are not wanted need not be read.
            yield from _tar_items(file, "r:") if stream is file else _tar_items(_Counted(stream, room), "r|")


def _zip_items(file: BinaryIO) -> Iterator[Item]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            refusal = _unsafe(info.filename)
            if info.flag_bits & 1:
                refusal = "encrypted; unpack it with its password first"
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                refusal = "not a regular file"
            yield Item(_shown(info.filename), info.file_size, refusal, partial(archive.open, info))


def _tar_items(file: Any, mode: Any) -> Iterator[Item]:
    archive: Any
    with tarfile.open(fileobj=file, mode=mode, tarinfo=_Header) as archive:
        while (info := archive.next()) is not None:
            archive.members.clear()  # they would all be kept
            if info.isdir():
                continue
            refusal = _unsafe(info.name) if info.isreg() and not info.issparse() else "not a regular file"
            yield Item(_shown(info.name), info.size, refusal, partial(archive.extractfile, info))


class _Header(tarfile.TarInfo):
    """A header of a tar, whose name fits in memory."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE or (self.type in _NAMES and self.size > MAX_HEADER):
            raise tarfile.ReadError("a header that does not fit in memory")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


class _Counted:
    """A stream that may not yield more than there is room for."""

    def __init__(self, stream: IO[bytes], room: _Room) -> None:
        # One piece at a time, so that an error does not take with it what was unpacked before.
        self._read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
        self._room = room

    def read(self, n: int) -> bytes:
        data = self._read(n)
        self._room.unpack(len(data))
        return data


def _unsafe(name: str) -> str:
    path = PurePath(name)
    return "its name leads out of the archive" if path.is_absolute() or ".." in path.parts else ""


def _shown(name: str) -> str:
    """Return a name as UTF-8, and as one path has it."""
    return str(PurePath(name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")))
