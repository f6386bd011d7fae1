"""Decoded bytes of files (plain, gzip or zstd), up to the first damage."""

import errno
import hashlib
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Protocol

import pyarrow as pa

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz", ".jsonl.zst", ".json.zst", ".parquet")
EXPECTED = ".jsonl, .json (plain, .gz or .zst) or .parquet"  # SUFFIXES, as errors name them


class UnreadableSource(Exception):
    """A file, or the rest of it, could not be read; the message has the reason and the way out."""


class Bytes(Protocol):
    """A local or remote file, with the methods used here."""

    def read(self, n: int, /) -> bytes:
        """Return the next n bytes; fewer at the end."""
        ...

    def seek(self, place: int, /) -> int:
        """Continue at this byte."""
        ...

    def tell(self) -> int:
        """Return the place of the next byte."""
        ...


@contextmanager
def temporary(owner: object) -> Iterator[Path]:
    """Yield a new folder for copies; it is deleted together with its owner, or at once if filling it fails.

    Raises
    ------
    OSError
        If the disk is full, with the way out.
    """
    folder = Path(tempfile.mkdtemp(prefix="chataudit-"))
    remove = weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    try:
        yield folder
    except BaseException as error:
        remove()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            reason = "no room for a temporary copy; set TMPDIR to a folder on a larger disk"
            raise OSError(error.errno, reason, str(folder.parent)) from None
        raise


def spooled(stream: Bytes, owner: object) -> Path:
    """Copy a stream to disk; the copy is deleted together with its owner.

    Raises
    ------
    OSError
        If the stream could not be read to the end, or the disk is full; the copy is deleted then.
    """
    with temporary(owner) as folder, open(folder / "stdin", "wb") as file:
        while data := stream.read(1 << 20):
            file.write(data)
    return folder / "stdin"


def packing(head: bytes) -> str:
    """Return the compression of a file from its first four bytes: gzip, zstd, or empty for none."""
    return "gzip" if head[:2] == b"\x1f\x8b" else "zstd" if head == b"\x28\xb5\x2f\xfd" else ""


class Stream:
    """The decoded bytes of a file in pieces of at most `size`, with a digest of the bytes on disk.

    An error that keeps the file from being read to the end is stored in `error`, so that all bytes before it are read.
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
        # With zlib itself: it yields everything before a cut, and supports several members in a row.
        decoder = zlib.decompressobj(wbits=31)
        for data in chain(self._raw(1 << 20), [b""]):
            is_full = True  # zlib may have more output than requested, even after it has consumed all input
            while data or (is_full and not decoder.eof):
                if decoder.eof:
                    data = data.lstrip(b"\0")  # some tools pad the last block of a tape or a device
                    if not data:
                        break
                    if not data.startswith(b"\x1f"):
                        raise UnreadableSource("extra data after the end of the gzip stream")
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
            self.error = error  # distinguishes it from damage: Arrow raises OSError for both
            raise
        self._note(data)
        return data

    def _unzstd_rest(self, given: int) -> Iterator[bytes]:
        """Yield the bytes after the first `given` ones, up to the damage.

        Arrow drops the output of a call that fails, so near the damage it is fed and read byte by byte. It reads 64 KB
        at a time, so the bytes before that need no such care.
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
    """Decode damaged data byte by byte up to the damage: a call that fails drops all of its output."""
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
    """A minimal file object for Arrow."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read, self.closed = read, False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True
