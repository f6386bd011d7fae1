"""Data files named by paths, folders, globs, URLs and standard input, each with its split."""

import glob
import os
import re
import sys
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO

from ...reports.record import FINDINGS_FILE, MESSAGES_FILE, RECORD, STDIN, THREADS_FILE
from . import remote
from .blocks.block import Source
from .streams import EXPECTED, SUFFIXES, spooled


def find(
    arguments: Iterable[str | os.PathLike[str]],
    splits: Mapping[str, Sequence[str | os.PathLike[str]]] = MappingProxyType({}),
) -> list[Source]:
    """Return the files named by paths, folders, globs, URLs and `-` (standard input), in this order, each once.

    A file's split is the one that `splits` gives it, or else the one in its name.

    Raises
    ------
    LookupError
        If an argument names no file that could be read.
    """
    found: dict[str | remote.Remote, Source] = {}
    named = [(split, argument) for split, group in splits.items() for argument in group]
    for split, argument in (*named, *((None, argument) for argument in arguments)):
        argument = os.fspath(argument)
        if argument == "-":
            if STDIN not in found:
                found[STDIN] = _spool(sys.stdin.buffer, STDIN)
                found[STDIN].split = split
            continue
        if "://" in argument and not os.path.exists(argument):  # noqa: PTH110 - a URL may be too long for a Path
            taken = {source.name for source in found.values()}
            for away in _remote_files(argument):
                if away in found:
                    continue
                # URLs may differ only in their query, which is never shown.
                names = (away.url if k == 1 else f"{away.url}#{k}" for k in count(1))
                name = next(name for name in names if name not in taken)
                taken.add(name)
                found[away] = Source(away, name, split or _split_of(PurePath(away.url)), away.n_bytes)
            continue
        for file in _local_files(argument):
            # A file's name need not be UTF-8, but a finding's place is.
            name = os.fsencode(file).decode("utf-8", "backslashreplace")
            key = os.path.realpath(file)
            if key in found:
                continue
            if file.is_file():
                found[key] = Source(file, name, split or _split_of(file))
            else:  # a pipe, as the shell's <(...) makes them
                with open(file, "rb") as pipe:
                    found[key] = _spool(pipe, name)
                found[key].split = split
    if not found:
        raise LookupError("no source given. Pass a file, folder, quoted glob, URL, or - for standard input")
    for source in found.values():
        if isinstance(source.path, Path):
            source.n_bytes = source.path.stat().st_size
    return list(found.values())


def _local_files(argument: str) -> list[Path]:
    path = Path(argument)
    if path.is_dir():
        # Hidden folders contain programs' own data, such as a half-written audit.
        shown = (p for p in path.rglob("*") if not any(step.startswith(".") for step in p.relative_to(path).parts[:-1]))
        every = {p for p in shown if p.name.lower().endswith(SUFFIXES) and p.is_file()}
        files = sorted(file for file in every if not _is_of_an_audit(file, every))
        if not files:
            raise LookupError(f"{argument}: no data file in this folder; expected {EXPECTED}")
        return files
    if path.exists():
        return [path]
    files = sorted(Path(p) for p in glob.glob(argument, recursive=True) if Path(p).is_file())
    if not files:
        raise LookupError(f"{argument}: no such file. Pass a file, folder, quoted glob, URL, or - for standard input")
    return files


def _remote_files(url: str) -> list[remote.Remote]:
    files, is_folder = remote.find(url)
    if is_folder:
        every = {PurePath(file.url) for file in files if file.name.lower().endswith(SUFFIXES)}
        wanted = {file for file in every if not _is_of_an_audit(file, every)}
        files = [file for file in files if PurePath(file.url) in wanted]
        if not files:
            raise LookupError(f"{remote.bare(url)}: no data file in this folder; expected {EXPECTED}")
    if not files:
        raise LookupError(f"{remote.bare(url)}: no such file. Pass a file, folder, or quoted glob")
    return files


# Words by which the Hugging Face hub recognises splits in the names of files and their folder
# (https://huggingface.co/docs/hub/datasets-file-names-and-splits).
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}


def _split_of(file: PurePath) -> str | None:
    # A folder must have exactly this name: many paths contain "test" somewhere.
    for word in (*re.split(r"[-._ 0-9]+", file.name.lower()), file.parent.name.lower()):
        if word in SPLIT_OF:
            return SPLIT_OF[word]
    return None


DROPPED, CHANGED, POLICY = "dropped.csv", "changed.csv", "policy.toml"  # what `clean` writes beside the data


def _is_of_an_audit(file: PurePath, others: Container[PurePath]) -> bool:
    if file.name in (DROPPED, CHANGED) and Path(file).with_name(POLICY).exists():
        return True
    # An audit of the current directory writes into that folder; the next audit must not read it.
    names = (RECORD, FINDINGS_FILE, THREADS_FILE, MESSAGES_FILE)
    return file.name in names and all(file.parent / name in others for name in (RECORD, FINDINGS_FILE))


def _spool(stream: BinaryIO, name: str) -> Source:
    # A source is read twice (to recognise the format, and to quote), so a pipe is copied for as long as it is needed.
    source = Source(Path(), name)
    source.path = spooled(stream, source)
    return source
