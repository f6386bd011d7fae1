"""Data named by paths, folders, archives, globs, URLs and standard input, or in memory, with its splits."""

import glob
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

from ...reports.record import STDIN
from . import memory, remote
from .archives import Archive, is_archive
from .blocks.block import Source
from .folders import ARCHIVES, PassedOver, Reader, chosen
from .streams import EXPECTED, spooled

Name = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Argument = Name | memory.Data | Mapping[str, "Argument"]  # a mapping: by split


class Found(NamedTuple):
    """The sources that arguments name, and the files in their folders and archives that are not read."""

    sources: list[Source]
    passed_over: list[PassedOver]


def find(
    arguments: Iterable[Argument],
    splits: Mapping[str, Argument | Iterable[Argument]] = MappingProxyType({}),
    say: Callable[[str], None] = lambda line: None,
) -> Found:
    """Return what paths, folders, archives, globs, URLs, `-` and data in memory name, in this order, each once.

    The split of a source is the one that `splits` gives it, or else its data set card, or else its name. `say` receives
    a line about files that are not read, and metadata that could not be used.

    Raises
    ------
    LookupError
        If an argument names no file that could be read.
    TypeError, ValueError
        If data in memory could not be read.
    """
    search = _Search(say)
    for split, group in splits.items():
        for argument in _each(group):
            search.add(argument, split)
    for argument in arguments:
        search.add(argument, None)
    if not search.found:
        raise LookupError("no source given. Pass a file, folder, quoted glob, URL, or - for standard input")
    for source in search.found.values():
        if isinstance(source.path, Path):
            source.n_bytes = source.path.stat().st_size
    return Found(list(search.found.values()), search.passed_over)


def _each(group: object) -> list[Argument]:
    """Return the sources of a split: one, or those in a list."""
    if isinstance(group, list | tuple) and all(_is_name(item) or memory.is_table(item) for item in group):
        return list(group)
    return [group]  # type: ignore[list-item]


def _is_name(argument: object) -> bool:
    return isinstance(argument, str | bytes | os.PathLike)


# A file inside of an archive behind a URL.
_INSIDE = re.compile(rf"(.*?(?:{'|'.join(map(re.escape, ARCHIVES))}))/([^?#*]+)", re.IGNORECASE | re.DOTALL)


class _Search:
    """Sources found so far, by what they are: a real path, a remote file, a member of an archive."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.found: dict[object, Source] = {}
        self.passed_over: list[PassedOver] = []
        self._names: set[str] = set()
        self._say = say
        self._archives: dict[object, Archive] = {}

    def add(self, argument: object, split: str | None) -> None:
        """Add the sources that an argument names."""
        if isinstance(argument, Mapping):
            for own, group in argument.items():
                for each in _each(group):
                    self.add(each, str(own))
        elif not _is_name(argument):
            self._add_data(argument, split)
        else:
            name = os.fsdecode(argument)  # type: ignore[arg-type]
            if name == "-":
                if STDIN not in self.found:
                    self.found[STDIN] = _spool(sys.stdin.buffer, STDIN)
                    self.found[STDIN].split = split
            elif "://" in name and not os.path.exists(name):  # noqa: PTH110 - a URL may be too long for a Path
                self._add_url(name, split)
            else:
                self._add_path(name, split)

    # -- in memory ---------------------------------------------------------------------------------------------------

    def _add_data(self, data: object, split: str | None) -> None:
        first = type(data).__name__ if split is None else f"{type(data).__name__} {split}"
        source = Source(Path(), self._free_name(first, " "), split)
        source.path = Path(memory.write(data, source.name, source))
        self.found[source.name] = source

    def _free_name(self, first: str, mark: str) -> str:
        name = next(name for k in count(1) if (name := first if k == 1 else f"{first}{mark}{k}") not in self._names)
        self._names.add(name)
        return name

    # -- on disk -----------------------------------------------------------------------------------------------------

    def _add_path(self, argument: str, split: str | None) -> None:
        path = Path(argument)
        if path.is_dir():
            files = list(_walk(path, lambda reason: self._say(f"{argument}: {reason}")))
            self._add_folder(argument, files, lambda file, n: _start(path / file, n), path.joinpath, split)
            return
        if path.exists():
            self._add_file(path, split)
            return
        archive = next((above for above in path.parents if above.is_file() and is_archive(above)), None)
        if archive is not None:  # a name as the record has it
            self._add_archive(archive, split, str(path.relative_to(archive)))
            return
        matches = sorted(match for match in map(Path, glob.glob(argument, recursive=True)) if match.is_file())
        if not matches:
            way_out = "Pass a file, folder, quoted glob, URL, or - for standard input"
            raise LookupError(f"{argument}: no such file. {way_out}")
        for match in matches:
            self._add_file(match, split)

    def _add_file(self, file: Path, split: str | None, default: str | None = None) -> None:
        key = os.path.realpath(file)
        if key in self.found:
            return
        if not file.is_file():  # a pipe, as the shell's <(...) makes them
            with open(file, "rb") as pipe:
                self.found[key] = _spool(pipe, _shown(file))
            self.found[key].split = split
        elif is_archive(file):
            self._add_archive(file, split or default)
        else:
            self.found[key] = Source(file, _shown(file), split or default or _split_of(file))

    # -- behind URLs -------------------------------------------------------------------------------------------------

    def _add_url(self, url: str, split: str | None) -> None:
        inside = _INSIDE.fullmatch(url)
        if inside is not None:  # a name as the record has it
            files, is_folder = remote.find(inside[1])
            if not is_folder and len(files) == 1 and is_archive(files[0]):
                self._add_archive(files[0], split, inside[2])
                return
        files, is_folder = remote.find(url)
        if is_folder:
            place = remote.bare(url).rstrip("/")
            by_name = {PurePath(file.url.removeprefix(place).lstrip("/")): file for file in files}

            def start(file: PurePath, n: int) -> bytes:
                with by_name[file].open("rb") as stream:
                    return stream.read(n)

            self._add_folder(remote.bare(url), by_name, start, by_name.__getitem__, split)
            return
        if not files:
            raise LookupError(f"{remote.bare(url)}: no such file. Pass a file, folder, or quoted glob")
        for file in files:
            self._add_remote(file, split)

    def _add_remote(self, file: remote.Remote, split: str | None, default: str | None = None) -> None:
        if file in self.found:
            return
        if file.name.lower().endswith(ARCHIVES) and is_archive(file):  # only these are fetched to look into them
            self._add_archive(file, split or default)
            return
        # URLs may differ only in their query, which is never shown.
        name = self._free_name(file.url, "#")
        self.found[file] = Source(file, name, split or default or _split_of(PurePath(file.url)), file.n_bytes)

    # -- folders and archives ----------------------------------------------------------------------------------------

    def _add_folder(
        self,
        place: str,
        files: Iterable[PurePath],
        read: Reader,
        path_of: Callable[[PurePath], Path | remote.Remote],
        split: str | None,
    ) -> None:
        """Add the data files of a folder, in the order of their names."""
        data = chosen(place, files, read)
        for remark in data.remarks:
            self._say(remark)
        n_before = len(self.found)
        are_known = False
        without: list[PurePath] = []
        for name, default in data.files.items():
            path = path_of(name)
            try:
                if isinstance(path, Path):
                    are_known |= os.path.realpath(path) in self.found
                    self._add_file(path, split, default)
                else:
                    are_known |= path in self.found
                    self._add_remote(path, split, default)
            except LookupError as error:  # an archive without data
                self._say(str(error))
                without.append(name)
        passed = [*data.passed_over, *([PassedOver.of(place, "without data", without)] if without else [])]
        if len(self.found) == n_before and not are_known:
            others = (
                f"; not read: {', '.join(each.line.partition('not read: ')[2] for each in passed)}" if passed else ""
            )
            raise LookupError(f"{place}: no data file in this folder; expected {EXPECTED}{others}")
        self._pass_over(passed)

    def _add_archive(self, path: Path | remote.Remote, split: str | None, only: str | None = None) -> None:
        key = os.path.realpath(path) if isinstance(path, Path) else path
        if key not in self._archives:
            self._archives[key] = Archive(path, _shown(path) if isinstance(path, Path) else path.url)
            for remark in self._archives[key].remarks:
                self._say(remark)
            self._pass_over(self._archives[key].passed_over)
        archive = self._archives[key]
        members = [(member, n) for member, n in archive.members() if only is None or member.inner == only]
        if not members:
            raise LookupError(f"{archive.name}/{only}: no such file in this archive")
        by_name = _split_of(PurePath(archive.name))
        for member, n_bytes in members:
            own = _split_of(PurePath(member.inner)) if member.inner else None
            self.found.setdefault((key, member.inner), Source(member, repr(member), split or own or by_name, n_bytes))

    def _pass_over(self, passed: Iterable[PassedOver]) -> None:
        for each in passed:
            self.passed_over.append(each)
            self._say(each.line)


def _walk(folder: Path, complain: Callable[[str], None]) -> Iterator[PurePath]:
    """Yield all files below a folder, relative to it; not those in hidden folders."""

    def report(error: OSError) -> None:
        complain(f"{os.path.relpath(error.filename, folder)} could not be listed ({error.strerror})")

    for above, folders, names in os.walk(folder, onerror=report):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            file = Path(above, name)
            if file.is_file():
                yield file.relative_to(folder)


def _start(file: Path, n: int) -> bytes:
    with open(file, "rb") as stream:
        return stream.read(n)


def _shown(file: Path) -> str:
    """Return a name as UTF-8, as a finding's place must be; a file's name need not be."""
    return os.fsencode(file).decode("utf-8", "backslashreplace")


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


def _spool(stream: BinaryIO, name: str) -> Source:
    # A source is read twice (to recognise the format, and to quote), so a pipe is copied for as long as it is needed.
    source = Source(Path(), name)
    source.path = spooled(stream, source)
    return source
