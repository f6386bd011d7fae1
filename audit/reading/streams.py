"""Decoded bytes of files (plain, or compressed up to three times), up to the first damage."""

import bz2
import errno
import hashlib
import lzma
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Protocol

import pyarrow as pa

PACKED = {"gzip": ".gz", "zstd": ".zst", "xz": ".xz", "bzip2": ".bz2"}  # suffixes of compressed files
_CONTENTS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".arrow", ".feather", ".warc", ".wet")
SUFFIXES = (*(content + packed for content in _CONTENTS for packed in ("", *PACKED.values())), ".parquet")
EXPECTED = ".jsonl, .ndjson, .json, .csv, .tsv, .arrow, .feather, .warc, .wet (plain, .gz, .zst, .xz, .bz2) or .parquet"
LAYERS = 3  # compressed more often than that, a file is refused


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


HEAD = 10  # bytes that identify a compression
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")  # the first block, or the end of an empty stream


def packing(head: bytes) -> str:
    """Return the compression of data from their first HEAD bytes: a key of PACKED, or empty for none."""
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    # Parallel compressors begin with a frame that decoders skip: sixteen numbers are reserved for it.
    if head[:4] == b"\x28\xb5\x2f\xfd" or (head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5):
        return "zstd"
    if head[:6] == b"\xfd7zXZ\0":
        return "xz"
    return "bzip2" if head[:3] == b"BZh" and head[4:10] in _BZIP2_BLOCKS else ""


class Readable:
    """Pieces of bytes as a file object for Arrow and other libraries.

    An error that ends the pieces is stored in `error`, because these libraries drop what they have read when a read
    fails.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.closed, self.n_read = False, 0
        self.error: Exception | None = None
        self._pieces, self._held = iter(pieces), memoryview(b"")

    def read(self, n: int = -1) -> bytes:
        """Return the next n bytes, fewer at the end; all bytes if n is negative."""
        parts: list[memoryview] = []
        wanted = n
        while n < 0 or wanted:
            if not self._held:
                try:
                    self._held = memoryview(next(self._pieces, b""))
                except (UnreadableSource, OSError) as error:
                    self.error = error
                if not self._held:
                    break
            parts.append(self._held if n < 0 else self._held[:wanted])
            self._held = self._held[len(parts[-1]) :]
            wanted -= len(parts[-1])
        data = b"".join(parts)
        self.n_read += len(data)
        return data

    def peek(self, n: int) -> bytes:
        """Return the next n bytes without passing over them."""
        start = self.n_read
        data = self.read(n)
        self._held, self.n_read = memoryview(data + self._held), start
        return data

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self.n_read

    def readable(self) -> bool:
        """Return that this file can be read."""
        return True

    def seekable(self) -> bool:
        """Return that this file cannot continue elsewhere."""
        return False

    def close(self) -> None:
        """Mark the file as closed."""
        self.closed = True


class Stream:
    """The decoded bytes of a file in pieces of at most `size`, with a digest of the bytes on disk.

    An error that keeps the file from being read to the end is stored in `error`, so that all bytes before it are read.
    """

    def __init__(self, file: Bytes, size: int, watch: Callable[[int], None], *, is_digested: bool = True) -> None:
        self.size, self.digest, self._is_digested = size, hashlib.sha256(), is_digested
        self.error: Exception | None = None
        self.packings: list[str] = []  # of the file, and of what it contains; complete once the first piece is read
        self._file, self._watch, self._at_a_time = file, watch, size

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._decoded()
        except (UnreadableSource, OSError) as error:
            self.error = error

    def _decoded(self) -> Iterator[bytes]:
        pieces: Iterator[bytes] = self._read()
        again: _Pieces = self._read_again
        while True:
            start = bytearray()
            for piece in pieces:
                start += piece
                if len(start) >= HEAD:
                    break
            packed = packing(bytes(start[:HEAD]))
            pieces = chain([bytes(start)] if start else [], pieces)
            if not packed:
                # Of a small piece that grew while the compression was identified.
                yield from (piece[at : at + self.size] for piece in pieces for at in range(0, len(piece), self.size))
                return
            if len(self.packings) == LAYERS:
                raise UnreadableSource(f"compressed more than {LAYERS} times, {packed} last. Decompress the file first")
            self.packings.append(packed)
            self._at_a_time = 1 << 20
            pieces, again = _unpack(packed, pieces, again, self.size), _layer(packed, again, self.size)

    def _read(self) -> Iterator[bytes]:
        while data := self._file.read(self._at_a_time):
            if self._is_digested:
                self.digest.update(data)
            self._watch(len(data))
            yield data

    def _read_again(self) -> Iterator[bytes]:
        self._file.seek(0)
        while data := self._file.read(1 << 20):
            yield data


_Pieces = Callable[[], Iterator[bytes]]


def _layer(packed: str, below: _Pieces, size: int) -> _Pieces:
    """Return what gives the pieces of a compressed layer once more, from the beginning."""
    return lambda: _unpack(packed, below(), below, size)


class _Damage(Exception):
    """A decoder met damaged data."""


class _Decoder(Protocol):
    """Interface of the decoders of the standard library."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gunzip:
    """zlib with the methods that bz2 and lzma have."""

    def __init__(self) -> None:
        self._decoder, self._is_full = zlib.decompressobj(wbits=31), False

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._is_full  # zlib may have more output than requested, even after it has consumed all input

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        text = self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)
        self._is_full = len(text) == max_length
        return text


def _unxz() -> lzma.LZMADecompressor:
    # Compressors use at most 65 MB; a damaged header may ask for 4 GB.
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=512 << 20)


_DECODERS: dict[str, tuple[bytes, Callable[[], _Decoder]]] = {  # with the first byte of another member
    "gzip": (b"\x1f", _Gunzip),
    "bzip2": (b"B", bz2.BZ2Decompressor),
    "xz": (b"\xfd", _unxz),
}


class _Singly:
    """Pieces of bytes, from one place on byte by byte."""

    def __init__(self, pieces: Iterable[bytes], near: int | None = None) -> None:
        self._pieces, self._near = pieces, near
        self.n_done = 0  # bytes of the pieces before the latest one

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self._near is not None and self.n_done + len(piece) > self._near:
                yield from (piece[at : at + 1] for at in range(len(piece)))
            else:
                yield piece
            self.n_done += len(piece)


def _unpack(packed: str, pieces: Iterator[bytes], again: _Pieces, size: int) -> Iterator[bytes]:
    """Decode a layer up to the first damage, several streams in a row; `again` gives the pieces once more."""
    if packed == "zstd":
        yield from _unzstd(pieces, again, size)
        return
    counted, given = _Singly(pieces), 0
    try:
        for text in _members(packed, counted, size):
            given += len(text)
            yield text
    except _Damage as damage:
        # A call that fails drops its output, so near the damage the decoder is fed byte by byte.
        yield from _after(_members(packed, _Singly(again(), counted.n_done), size), given, size)
        raise UnreadableSource(f"the {packed} stream is damaged ({damage}); fetch the file again") from None


def _members(packed: str, pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    # Not with gzip.open and its like, which drop the bytes before a cut.
    first, new = _DECODERS[packed]
    decoder = new()
    for data in pieces:
        while data or not (decoder.eof or decoder.needs_input):
            if decoder.eof:
                data = data.lstrip(b"\0")  # some tools pad the last block of a tape or a device
                if not data:
                    break
                if not data.startswith(first):
                    raise UnreadableSource(f"extra data after the end of the {packed} stream")
                decoder = new()
            try:
                text = decoder.decompress(data, size)
            except (zlib.error, lzma.LZMAError, OSError, ValueError, EOFError) as error:
                raise _Damage(str(error)) from None
            if text:
                yield text
            data = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise UnreadableSource(f"the {packed} stream ends early; fetch the file again")


def _unzstd(pieces: Iterator[bytes], again: _Pieces, size: int) -> Iterator[bytes]:
    file, given = Readable(pieces), 0
    try:
        for text in _read_zstd(file, min(size, 1 << 18)):
            given += len(text)
            yield text
    except OSError as damage:
        # Arrow drops the output of a call that fails. It reads 64 KB at a time, so bytes before that need no care.
        yield from _after(_zstd_singly(again(), file.n_read - (128 << 10), given), given, size)
        if file.error is None:
            reason = "ends early" if "runcat" in str(damage) or "nexpected end" in str(damage) else "is damaged"
            raise UnreadableSource(f"the zstd stream {reason}; fetch the file again") from None
    if file.error is not None:
        raise file.error


def _read_zstd(file: object, n: int) -> Iterator[bytes]:
    stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    while text := stream.read(n):
        yield text


def _zstd_singly(pieces: Iterator[bytes], near: int, given: int) -> Iterator[bytes]:
    """Decode once more; give and take byte by byte near the damage and after what was given."""
    file = _Sparing(pieces, near)
    stream = pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd")
    while given and (text := stream.read(min(given, 1 << 18))):
        given -= len(text)
        yield text
    while text := stream.read(1):
        yield text


class _Sparing(Readable):
    """A file object that gives single bytes near a place."""

    def __init__(self, pieces: Iterable[bytes], near: int) -> None:
        super().__init__(pieces)
        self._near = near

    def read(self, n: int = -1) -> bytes:
        return super().read(max(1, min(n, self._near - self.n_read)))


def _after(pieces: Iterator[bytes], given: int, size: int) -> Iterator[bytes]:
    """Yield the bytes after the first `given` ones, up to the damage."""
    done, rest = 0, bytearray()
    try:
        for piece in pieces:
            rest += piece[max(0, given - done) :]
            done += len(piece)
            while len(rest) >= size:
                yield bytes(rest[:size])
                del rest[:size]
    except (_Damage, UnreadableSource, OSError):
        pass
    if rest:
        yield bytes(rest)
