"""Bytes of files as they were written: plain, gzip or zstd, as far as they can be decoded."""

import errno
import hashlib
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Protocol

import pyarrow as pa


class UnreadableSource(Exception):
    """A file, or the rest of it, could not be read; says why and what to do."""


class Bytes(Protocol):
    """A file, wherever it is, as far as it is used here."""

    def read(self, n: int, /) -> bytes:
        """The next n bytes; fewer at the end."""
        ...

    def seek(self, place: int, /) -> int:
        """Go on from this byte."""
        ...

    def tell(self) -> int:
        """The place of the next byte."""
        ...


def spooled(stream: Bytes, owner: object) -> Path:
    """A copy on disk, as long as its owner lives.

    Raises
    ------
    OSError
        Where it could not be read to its end, or there is no room for it; nothing is left of it then.
    """
    folder = Path(tempfile.mkdtemp(prefix="chataudit-"))
    remove = weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    path = folder / "stdin"
    try:
        with open(path, "wb") as file:
            while data := stream.read(1 << 20):
                file.write(data)
    except OSError as error:
        remove()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "no room for a copy, which an audit needs of it; set TMPDIR to a folder on a larger disk"
            raise OSError(error.errno, reason, str(folder.parent)) from None
        raise
    return path


def packing(head: bytes) -> str:
    """How a file is compressed, told by its first four bytes: gzip, zstd, or not at all (empty)."""
    return "gzip" if head[:2] == b"\x1f\x8b" else "zstd" if head == b"\x28\xb5\x2f\xfd" else ""


class Stream:
    """The decoded bytes of a file in pieces of at most `size`; its digest is that of the bytes on disk.

    What keeps the file from being read to its end is kept in `error`, so that what was decoded before it is read.
    """

    def __init__(
        self, file: Bytes, head: bytes, size: int, watch: Callable[[int], None], *, is_digested: bool = True
    ) -> None:
        self.size, self.digest, self._is_digested = size, hashlib.sha256(), is_digested
        self.error: Exception | None = None
        self._file, self._watch = file, watch
        packed = packing(head)
        self._pieces = self._gunzip() if packed == "gzip" else self._unzstd() if packed == "zstd" else self._raw(size)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except (UnreadableSource, OSError) as error:
            self.error = error

    def _raw(self, size: int) -> Iterator[bytes]:
        while data := self._file.read(size):
            self._note(data)
            yield data

    def _note(self, data: bytes) -> None:
        if self._is_digested:
            self.digest.update(data)
        self._watch(len(data))

    def _gunzip(self) -> Iterator[bytes]:
        # By zlib itself: all that can be decoded before a cut is given out, and members may follow one another.
        decoder = zlib.decompressobj(wbits=31)
        for data in chain(self._raw(1 << 20), [b""]):
            is_full = True  # zlib may hold more text than it was asked for, also when all of its input is taken
            while data or (is_full and not decoder.eof):
                if decoder.eof:
                    data = data.lstrip(b"\0")  # some tools fill up the last block of a tape or a device
                    if not data:
                        break
                    if not data.startswith(b"\x1f"):
                        raise UnreadableSource("something follows the end of the gzip stream")
                    decoder = zlib.decompressobj(wbits=31)
                before = decoder.copy()
                try:
                    text = decoder.decompress(data, self.size)
                except zlib.error as error:
                    yield from _until_damage(before, data, self.size)
                    raise UnreadableSource(f"the gzip stream is damaged ({error}); fetch the file again") from None
                is_full = len(text) == self.size
                if text:
                    yield text
                data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
        if not decoder.eof:
            raise UnreadableSource("the gzip stream ends early; fetch the file again")

    def _unzstd(self) -> Iterator[bytes]:
        stream = _zstd_stream(self._read_and_note)
        given = 0
        while True:
            try:
                text = stream.read(min(self.size, 1 << 18))
            except OSError as error:
                yield from self._unzstd_rest(given)
                if error is self.error:
                    raise
                reason = "ends early" if "runcat" in str(error) or "nexpected end" in str(error) else "is damaged"
                raise UnreadableSource(f"the zstd stream {reason}; fetch the file again") from None
            if not text:
                return
            given += len(text)
            yield text

    def _read_and_note(self, n: int) -> bytes:
        try:
            data = self._file.read(n)
        except OSError as error:
            self.error = error  # by which it is told from damage: Arrow hands on both
            raise
        self._note(data)
        return data

    def _unzstd_rest(self, given: int) -> Iterator[bytes]:
        """What stands behind the first `given` bytes, up to the damage.

        Arrow drops what it decoded in a call that fails. Fed and asked byte by byte it gives it out; it reads 64 KB
        at a time, so that this is needed near the damage alone.
        """
        near = self._file.tell() - (128 << 10)
        self._file.seek(0)
        stream = _zstd_stream(lambda n: self._file.read(max(1, min(n, near - self._file.tell()))))
        rest = bytearray()
        try:
            while given:
                given -= len(stream.read(min(given, 1 << 18)))
            while text := stream.read(1):
                rest += text
        except OSError:
            pass
        for start in range(0, len(rest), self.size):
            yield bytes(rest[start : start + self.size])


def _until_damage(decoder: "zlib._Decompress", data: bytes, size: int) -> Iterator[bytes]:
    """What can be decoded of damaged data: a call that fails drops all it decoded, so one byte at a time."""
    text = bytearray()
    for at in range(len(data)):
        try:
            text += decoder.decompress(data[at : at + 1])
        except zlib.error:
            break
        while len(text) >= size:
            yield bytes(text[:size])
            del text[:size]
    if text:
        yield bytes(text)


def _zstd_stream(read: Callable[[int], bytes]) -> pa.CompressedInputStream:
    return pa.CompressedInputStream(pa.PythonFile(_Readable(read), mode="r"), "zstd")


class _Readable:
    """As much of a file as Arrow asks for."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read, self.closed = read, False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
