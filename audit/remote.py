"""Files behind URLs, through fsspec: found, streamed, and kept on disk where a path is asked for."""

import errno
import os
import re
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from glob import has_magic
from http.client import responses
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

from .streams import spooled

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

WEB = ("http", "https")  # give files, and list none
FIRST, LEAST, MOST = 1 << 20, 1 << 16, 16 << 20  # bytes that are asked for at a time: little where little is looked at
PAUSES = (0.5, 2.0)  # seconds, before what failed is tried again and once more
PATIENCE = 60  # seconds that a web server may be silent for
BUSY = (408, 425, 429)  # what a server says for now; other words from 400 to 499 are its last ones
STAMPS = ("size", "ETag", "etag", "Last-Modified", "blob_id")  # by which drivers tell two versions of a file apart

# User and password; also where one of them holds a character that ends the host, so that not even a part gets out.
_USER = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#:\[]*:(?!\d*(?:[/?#]|$)).*@)")


def bare(url: str) -> str:
    """A URL as others may see it: without user and password, and without its query, which may be worth as much."""
    ends = "[?#]" if re.search("https?://", url) else "[?]"
    return re.split(ends, _USER.sub("", url), maxsplit=1)[0]


# -- which files -----------------------------------------------------------------------------------------------------


class Remote(os.PathLike[str]):
    """A file or a folder behind a URL. As a path it is a copy on disk, fetched when it is first asked for."""

    def __init__(self, fs: "AbstractFileSystem", path: str, url: str, info: Mapping[str, Any]) -> None:
        self._fs, self._path = fs, path
        self.url = url  # as others may see it
        self.name = url.rsplit("/", 1)[-1]
        self.n_bytes: int = info.get("size") or 0  # 0: its server does not say
        self.is_dir = info.get("type") == "directory"
        self._copy: Path | None = None

    def __repr__(self) -> str:
        return self.url

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Remote) and (self._fs, self._path) == (other._fs, other._path)

    def __hash__(self) -> int:
        return hash(self._path)

    def __fspath__(self) -> str:
        if self._copy is None:
            with self.open("rb") as stream:
                self._copy = spooled(stream, self)
        return str(self._copy)

    def open(self, mode: Literal["rb"]) -> "RemoteFile | BinaryIO":
        """Its bytes, as `Path.open` gives them."""
        return RemoteFile(self._fs, self._path) if self._copy is None else self._copy.open(mode)


def find(url: str) -> tuple[list[Remote], bool]:
    """The file that a URL names, or all files in a folder or that match a glob; and whether it is a folder.

    A file that is not there, or may not be read, is found all the same: reading it tells why.

    Raises
    ------
    LookupError
        Where what it takes is not installed, or a folder or a glob could not be listed.
    """
    fs, path = _file_system(url)
    fs.invalidate_cache()  # what was listed before this audit may have changed
    failure: Exception | None = None
    info: Mapping[str, Any] = {}
    try:
        info = fs.info(path)
    except Exception as error:  # each driver has errors of its own
        failure = error
    is_web = url.startswith(tuple(f"{protocol}://" for protocol in WEB))
    if is_web and failure and "*" in bare(url):
        raise LookupError(f"{bare(url)}: a web server lists no files. Name each of them")
    one = Remote(fs, path, bare(url), info)
    if not one.is_dir and (is_web or failure is None or not has_magic(path)):
        return [one], False
    try:
        if failure is not None and not isinstance(failure, FileNotFoundError):
            raise failure
        listed = fs.find(path, detail=True) if one.is_dir else fs.glob(path, detail=True)
    except Exception as error:
        raise LookupError(f"{bare(url)}: could not be listed ({_reason(error)[0]})") from None
    # A path may lack what stands before it in its URL, such as the host.
    whole = url.rstrip("/")
    before = _USER.sub("", whole.removesuffix(path)) if whole.endswith(path) else ""
    files = [
        Remote(fs, name, before + name if before else bare(fs.unstrip_protocol(name)), about)
        for name, about in sorted(listed.items())
        if about["type"] == "file"
    ]
    return files, one.is_dir


def _file_system(url: str) -> tuple["AbstractFileSystem", str]:
    try:
        import fsspec
    except ImportError:
        raise LookupError(f"{bare(url)}: fsspec is not installed: pip install 'chataudit[hf]'") from None
    protocol = url.partition("://")[0]
    options: dict[str, Any] = {}
    try:
        if protocol in WEB:
            from aiohttp import ClientTimeout

            told = fsspec.config.conf.get(protocol, {})  # by the user; what is given here would stand above it
            # Packed on the way, a file could be read neither in pieces nor to the byte.
            options["headers"] = {**told.get("headers", {}), "Accept-Encoding": "identity"}
            patience = ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)
            options["client_kwargs"] = {"timeout": patience, **told.get("client_kwargs", {})}
        fs, path = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        way_out = "pip install 'chataudit[hf]'" if protocol in (*WEB, "hf") else str(error)
        raise LookupError(f"{bare(url)}: the driver of {protocol}:// is not installed: {way_out}") from None
    except Exception as error:
        is_known = protocol in fsspec.available_protocols()
        reason = f"cannot be opened ({_reason(error)[0]})" if is_known else f"fsspec knows no {protocol}://"
        raise LookupError(f"{bare(url)}: {reason}. Name a local file, or a URL such as hf://datasets/...") from None
    return fs, path


# -- their bytes -----------------------------------------------------------------------------------------------------


class _Broken(Exception):
    """What is there cannot be the rest of the file."""


class RemoteFile:
    """The bytes of a remote file, in large requests; where the connection breaks off, from that byte on again."""

    def __init__(self, fs: "AbstractFileSystem", path: str) -> None:
        self._fs, self._path = fs, path
        self._file: Any = None  # of the driver; None: to be opened
        self._stamps: dict[str, Any] = {}
        self._place = 0  # of the next byte
        self._data, self._start = b"", 0  # what came last, and its place
        self._size = FIRST

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def tell(self) -> int:
        """The place of the next byte."""
        return self._place

    def seek(self, place: int, /) -> int:
        """Go on from this byte."""
        self._place = place
        return place

    def read(self, n: int, /) -> bytes:
        """The next n bytes; fewer at the end, and before a byte that cannot be had.

        Raises
        ------
        OSError
            Where the next byte cannot be had. Its reason names no URL.
        """
        parts: list[bytes] = []
        while n > 0:
            if not self._start <= self._place < self._start + len(self._data):
                try:
                    self._data, self._start = self._fetch(), self._place
                except OSError:
                    if parts:  # they count; the next call meets the same
                        break
                    raise
                if not self._data:
                    break
            at = self._place - self._start
            parts.append(self._data[at : at + n])
            self._place += len(parts[-1])
            n -= len(parts[-1])
        return b"".join(parts)

    def _fetch(self) -> bytes:
        failed = 0
        while True:
            try:
                data = self._request()
            except Exception as error:  # each driver has errors of its own
                self._close()
                failed += 1
                reason, is_final = _reason(error)
                if is_final or failed > len(PAUSES):
                    where = f" at byte {self._place:,}" if self._place else ""
                    tried = f", {failed} times" if failed > 1 else ""
                    raise OSError(errno.EIO, f"{reason}{where}{tried}") from None
                time.sleep(PAUSES[failed - 1])
                # Of a large answer that breaks off each time, nothing would ever come.
                self._size = max(self._size // 8, LEAST)
            else:
                self._size = min(self._size * 2, MOST)
                return data

    def _request(self) -> bytes:
        if self._file is None:
            self._open()
        size, end = self._size, self._stamps.get("size")
        if end is not None:
            size = min(size, end - self._place)
        if not size:
            return b""
        try:
            self._file.seek(self._place)
            data: bytes = self._file.read(size)
        except ValueError:  # what fsspec says of a server that gives files from their first byte alone
            self._close()
            self._file = self._fs.open(self._path, "rb", block_size=0)
            left = self._place
            while left and (passed := self._file.read(min(left, FIRST))):
                left -= len(passed)
            if left:
                raise _Broken(f"the file has become shorter than {self._place:,} bytes") from None
            data = self._file.read(size)
        if not data and end is not None:
            raise _Broken(f"the file has {end:,} bytes, and no more came")
        return data

    def _open(self) -> None:
        if self._stamps:
            self._fs.invalidate_cache()
        info = self._fs.info(self._path)
        stamps = {name: info[name] for name in STAMPS if info.get(name)}
        if any(self._stamps.get(name, value) != value for name, value in stamps.items()):
            raise _Broken("the file has changed since its first bytes were read")
        self._stamps = stamps
        self._file = self._fs.open(self._path, "rb", cache_type="none")

    def _close(self) -> None:
        if self._file is not None:
            with suppress(Exception):  # what cannot be closed was lost before
                self._file.close()
        self._file = None


def _reason(error: BaseException) -> tuple[str, bool]:
    """Why something could not be had, and whether it is in vain to try again.

    In words of ours: those of a driver may hold the URL, and so a password.
    """
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    for cause in reversed(causes):  # the first cause knows best: fsspec makes a missing file of all that goes wrong
        status = _status(cause)
        if status is not None:
            return f"{status} {responses.get(status, '')}".rstrip(), 400 <= status < 500 and status not in BUSY
        if isinstance(cause, socket.gaierror):
            return "the name of the host is not known", False
        if isinstance(cause, TimeoutError):
            return "timed out", False
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno), isinstance(cause, FileNotFoundError | PermissionError)
    first = causes[-1]
    if isinstance(first, _Broken):
        return str(first), False
    if isinstance(first, FileNotFoundError):
        return "no such file", True
    if isinstance(error, PermissionError):
        return "permission denied", True
    return type(first).__name__, False


def _status(error: BaseException) -> int | None:
    """What a web server answered, as aiohttp, httpx and botocore keep it."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {})
        status = response.get("HTTPStatusCode")
    else:
        status = getattr(error, "status", None) or getattr(response, "status_code", None)
    return status if isinstance(status, int) else None
