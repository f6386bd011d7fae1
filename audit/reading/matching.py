"""The sources of a finished audit, matched with the files given now by name and checksum."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ...reports.record import Record
from . import files as file_names
from . import formats
from .archives import Member
from .blocks.block import Source
from .formats import Format, known
from .remote import Remote


def formats_of(record: Record) -> Mapping[str, Format]:
    """Return the formats that the sources of an audit may have, by name."""
    mapping = record.facts.mapping
    return known(None if mapping is None else msgspec.convert(mapping, formats.Spec))


def requested(record: Record) -> Mapping[str, str | None]:
    """Return the format of each source that the audit was given; None: it was recognised, and will be again.

    Records of one source may have several formats, so the format of most of them says too little.
    """
    return {source.name: source.format if source.is_forced else None for source in record.facts.sources}


class Audited(NamedTuple):
    """A source, and the path for naming its cleaned copy: relative for a pipe, with the host for a URL."""

    source: Source
    path: Path


def matched(record: Record, arguments: Sequence[str | os.PathLike[str]]) -> list[Audited]:
    """Match files to the record's sources by checksum, and return them in the record's order and under its names.

    Raises
    ------
    ValueError
        If the record is redacted, or a source was not read to the end.
    LookupError
        If a file is missing, has changed, or was not audited.
    """
    facts = record.facts
    if facts.is_redacted:
        raise ValueError("this audit is redacted: its hashed ids match no message. Use the unredacted audit")
    for source in facts.sources:
        if source.errors or not source.sha256:
            reason = source.errors[0] if source.errors else f"{source.name} was not read to the end"
            raise ValueError(
                f"the audit did not read all of its sources ({reason}). Repair or leave out the file, and audit again"
            )
    given: dict[str, list[Source]] = {}
    for found in file_names.find(arguments).sources:
        try:
            with open(found.path, "rb") as file:
                given.setdefault(hashlib.file_digest(file, "sha256").hexdigest(), []).append(found)
        except OSError as error:
            raise LookupError(f"{found.name}: could not be read ({error.strerror}). Nothing was written") from None
    files = []
    for source in facts.sources:
        same = given.get(source.sha256, [])
        if not same:
            names = [found.name for group in given.values() for found in group]
            changed = source.name in names or Path(source.name).name in {Path(name).name for name in names}
            reason = "has changed since it was audited" if changed else "is not among the given files"
            raise LookupError(f"{source.name} {reason}. Pass all files of the audit unchanged, or audit them again")
        # Of identical files, prefer the one with the audited name.
        best = min(same, key=lambda found: found.name != source.name)
        same.remove(best)
        if isinstance(best.path, Member):
            path = _absolute(best.path.archive.path) / best.path.inner
        elif isinstance(best.path, Remote):
            path = _absolute(best.path)
        elif best.name != str(best.path) and best.path.name == "stdin":
            path = Path("stdin")
        else:
            path = _absolute(best.path)
        files.append(Audited(best, path))
        best.name = source.name  # as in findings
    rest = [found.name for group in given.values() for found in group]
    if rest:
        raise LookupError(f"{rest[0]} was not audited. Pass only the files of the audit, or audit this one with them")
    return files


def _absolute(path: Path | Remote) -> Path:
    if isinstance(path, Path):
        return Path(os.path.abspath(path))  # noqa: PTH100
    steps = path.url.partition("://")[2].split("/")  # must not lead out of the folder of the copies
    return Path("/", *(step for step in steps if step not in ("", ".", "..")))
