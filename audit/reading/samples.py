"""Samples in a tar, as WebDataset writes them: `0001.jpg`, `0001.json` and `0001.txt` are one record."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import PurePath
from typing import IO, Any

import msgspec

from .streams import SUFFIXES

Entry = tuple[PurePath, int, Callable[[], IO[bytes]]]  # name, bytes, and how to open it
TEXTS = (".json", ".txt")
MAX_TEXT = 64 << 20  # bytes; a larger file of a sample is named with its media


def key_of(file: PurePath) -> str:
    """Return the key of a sample: the path up to the first dot of the name."""
    return str(file.with_name(file.name.partition(".")[0]))


def are_samples(files: Sequence[PurePath]) -> bool:
    """Return whether the files of a tar are samples: most of them share their key with others, and some have text."""
    others = [suffix for suffix in SUFFIXES if suffix != ".json"]
    if any(file.name.lower().endswith(tuple(others)) for file in files):
        return False
    if not any(file.suffix.lower() in TEXTS for file in files):
        return False
    keys = Counter(map(key_of, files))
    are_numbered = len(files) > 1 and all(file.name.partition(".")[0].isdigit() for file in files)
    return are_numbered or 2 * sum(n > 1 for n in keys.values()) > len(keys)


def lines(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield each sample as a line of JSON: the fields of its JSON, `text`, `__key__`, and the names of its media."""
    for key, group in groupby(entries, lambda entry: key_of(entry[0])):
        record: dict[str, Any] = {}
        text: str | None = None
        media: list[str] = []
        broken: bytes | None = None
        for file, n_bytes, opened in group:
            suffix = file.suffix.lower()
            if suffix not in TEXTS or n_bytes > MAX_TEXT:
                media.append(str(file))
                continue
            with opened() as member:
                data = member.read(MAX_TEXT)
            if suffix == ".txt":
                text = data.decode("utf-8", "replace")
                continue
            try:
                record |= msgspec.json.decode(data, type=dict[str, Any])
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                broken = data.replace(b"\n", b" ").replace(b"\r", b" ")
        if broken is not None:  # it is repaired or reported where it is read
            yield broken + b"\n"
            continue
        if text is not None:
            record.setdefault("text", text)
        yield msgspec.json.encode({**record, "__key__": key, **({"media": media} if media else {})}) + b"\n"
