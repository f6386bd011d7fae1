"""Files behind URLs, through fsspec: found, streamed, and copied to disk if a path is needed."""

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

WEB = ("http", "https")  # serve files but cannot list them
FIRST, LEAST, MOST = 1 << 20, 1 << 16, 16 << 20  # bytes per request: few at first, in case few are needed
PAUSES = (0.5, 2.0)  # seconds before the first and the second retry
PATIENCE = 60  # seconds that a web server may be silent for
BUSY = (408, 425, 429)  # temporary statuses; all others from 400 to 499 are final
STAMPS = ("size", "ETag", "etag", "Last-Modified", "blob_id")  # fields that differ between two versions of a file

# User and password; also if one of them contains a character that ends the host, so that no part of it leaks.
_USER = re.compile(r"(?<=://)(?:[^/?#]*@|[^/?#:\[]*:(?!\d*(?:[/?#]|$)).*@)")


def bare(url: str) -> str:
    """Return a URL that is safe to show: without user, password and query, which may contain a token."""
    ends = "[?#]" if re.search("https?://", url) else "[?]"
    return re.split(ends, _USER.sub("", url), maxsplit=1)[0]


# -- which files -----------------------------------------------------------------------------------------------------


class Remote(os.PathLike[str]):
    """A file or a folder behind a URL. As a path it is a copy on disk, downloaded on first use."""

    def __init__(self, fs: "AbstractFileSystem", path: str, url: str, info: Mapping[str, Any]) -> None:
        self._fs, self._path = fs, path
        self.url = url  # safe to show
        self.name = url.rsplit("/", 1)[-1]
        self.n_bytes: int = info.get("size") or 0  # 0: the server does not report it
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
        """Open the file for reading, as `Path.open` does."""
        return RemoteFile(self._fs, self._path) if self._copy is None else self._copy.open(mode)


def find(url: str) -> tuple[list[Remote], bool]:
    """Return the files that a URL names (one file, a folder or a glob), and whether it is a folder.

    A single file is returned even if it is missing or not readable: reading it reports why.

    Raises
    ------
    LookupError
        If a package is not installed, or a folder or a glob could not be listed.
    """
    fs, path = _file_system(url)
    fs.invalidate_cache()  # listings from before this audit may be out of date
    failure: Exception | None = None
    info: Mapping[str, Any] = {}
    try:
        info = fs.info(path)
    except Exception as error:  # each driver has errors of its own
        failure = error
    is_web = url.startswith(tuple(f"{protocol}://" for protocol in WEB))
    if is_web and failure and "*" in bare(url):
        raise LookupError(f"{bare(url)}: web servers do not list files. Name each file")
    one = Remote(fs, path, bare(url), info)
    if not one.is_dir and (is_web or failure is None or not has_magic(path)):
        return [one], False
    try:
        if failure is not None and not isinstance(failure, FileNotFoundError):
            raise failure
        listed = fs.find(path, detail=True) if one.is_dir else fs.glob(path, detail=True)
    except Exception as error:
        raise LookupError(f"{bare(url)}: could not be listed ({_reason(error)[0]})") from None
    # A driver's path may lack the start of its URL, such as the host.
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
        raise LookupError(f"{bare(url)}: fsspec is not installed. Run: pip install 'chataudit[hf]'") from None
    protocol = url.partition("://")[0]
    options: dict[str, Any] = {}
    try:
        if protocol in WEB:
            from aiohttp import ClientTimeout

            conf = fsspec.config.conf.get(protocol, {})  # the user's settings, which our options would override
            # A response that is compressed in transit could not be read in ranges.
            options["headers"] = {**conf.get("headers", {}), "Accept-Encoding": "identity"}
            patience = ClientTimeout(total=None, sock_connect=PATIENCE, sock_read=PATIENCE)
            options["client_kwargs"] = {"timeout": patience, **conf.get("client_kwargs", {})}
        fs, path = fsspec.url_to_fs(url, **options)
    except ImportError as error:
        way_out = "Run: pip install 'chataudit[hf]'" if protocol in (*WEB, "hf") else str(error)
        raise LookupError(f"{bare(url)}: the driver for {protocol}:// is not installed. {way_out}") from None
    except Exception as error:
        is_known = protocol in fsspec.available_protocols()
        reason = f"could not be opened ({_reason(error)[0]})" if is_known else f"fsspec does not support {protocol}://"
        raise LookupError(f"{bare(url)}: {reason}. Pass a local file, or a URL such as hf://datasets/...") from None
    return fs, path


# -- their bytes -----------------------------------------------------------------------------------------------------


class _LostConnection(Exception):
    """The bytes received cannot be the rest of the file."""


class RemoteFile:
    """A remote file read in large requests; after a broken connection it continues at the same byte."""

    def __init__(self, fs: "AbstractFileSystem", path: str) -> None:
        self._fs, self._path = fs, path
        self._file: Any = None  # the driver's file; None: not open
        self._stamps: dict[str, Any] = {}
        self._place = 0  # of the next byte
        self._data, self._start = b"", 0  # the last response, and its place
        self._size = FIRST

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._place

    def seek(self, place: int, /) -> int:
        """Continue at this byte."""
        self._place = place
        return place

    def read(self, n: int, /) -> bytes:
        """Return the next n bytes; fewer at the end, and before a byte that cannot be read.

        Raises
        ------
        OSError
            If the next byte cannot be read. Its reason contains no URL.
        """
        parts: list[bytes] = []
        while n > 0:
            if not self._start <= self._place < self._start + len(self._data):
                try:
                    self._data, self._start = self._fetch(), self._place
                except OSError:
                    if parts:  # return these; the next call fails in the same way
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
                # If a large response breaks off each time, only a smaller request makes progress.
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
        except ValueError:  # fsspec's error for a server without range requests
            self._close()
            self._file = self._fs.open(self._path, "rb", block_size=0)
            left = self._place
            while left and (passed := self._file.read(min(left, FIRST))):
                left -= len(passed)
            if left:
                raise _LostConnection(f"the file is now shorter than {self._place:,} bytes") from None
            data = self._file.read(size)
        if not data and end is not None:
            raise _LostConnection(f"the file has {end:,} bytes, but the server sent no more")
        return data

    def _open(self) -> None:
        if self._stamps:
            self._fs.invalidate_cache()
        info = self._fs.info(self._path)
        stamps = {name: info[name] for name in STAMPS if info.get(name)}
        if any(self._stamps.get(name, value) != value for name, value in stamps.items()):
            raise _LostConnection("the file changed while it was read")
        self._stamps = stamps
        self._file = self._fs.open(self._path, "rb", cache_type="none")

    def _close(self) -> None:
        if self._file is not None:
            with suppress(Exception):  # a connection that cannot be closed is already lost
                self._file.close()
        self._file = None


def _reason(error: BaseException) -> tuple[str, bool]:
    """Return why a request failed, and whether retrying is pointless.

    The reason is worded here: a driver's message may contain the URL, and with it a password.
    """
    causes = [error]
    while causes[-1].__cause__ is not None:
        causes.append(causes[-1].__cause__)
    for cause in reversed(causes):  # the root cause first: fsspec turns every error into a missing file
        status = _status(cause)
        if status is not None:
            return f"{status} {responses.get(status, '')}".rstrip(), 400 <= status < 500 and status not in BUSY
        if isinstance(cause, socket.gaierror):
            return "unknown host name", False
        if isinstance(cause, TimeoutError):
            return "timed out", False
        if isinstance(cause, OSError) and cause.errno is not None:
            return os.strerror(cause.errno), isinstance(cause, FileNotFoundError | PermissionError)
    first = causes[-1]
    if isinstance(first, _LostConnection):
        return str(first), False
    if isinstance(first, FileNotFoundError):
        return "no such file", True
    if isinstance(error, PermissionError):
        return "permission denied", True
    return type(first).__name__, False


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error of aiohttp, httpx or botocore."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        response = response.get("ResponseMetadata", {})
        status = response.get("HTTPStatusCode")
    else:
        status = getattr(error, "status", None) or getattr(response, "status_code", None)
    return status if isinstance(status, int) else None
