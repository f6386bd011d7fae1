"""The data files of a folder: chosen by their names and by the metadata beside them, and those passed over."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import PurePath
from typing import NamedTuple

import msgspec

from ...reports.record import FINDINGS_FILE, MESSAGES_FILE, RECORD, THREADS_FILE
from ...reports.wording import count_of
from .hub import CARD, MAX_CARD, NamedFiles, named_files
from .streams import SUFFIXES

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", *(f".tar.{packing}" for packing in ("gz", "bz2", "xz", "zst")))
# Written by `clean` beside the data.
DROPPED, KEPT, CHANGED, POLICY = "dropped.csv", "kept.csv", "changed.csv", "policy.toml"

_STATE = "state.json"  # written by `save_to_disk` of the library datasets
_INFO = "dataset_info.json"  # written by it beside the files of each data set
_METADATA = {CARD, _STATE, _INFO, "dataset_infos.json", "dataset_dict.json"}
_CACHES = re.compile(r"(cache-|indices).*\.arrow")
_BESIDE = re.compile(r"licen[cs]e(\.(md|txt|rst))?|(checksums?|md5sums?|sha\d+sums?)(\..*)?|.*\.(md5|sha\d+)")
_MAX_STATE = 16 << 20  # bytes

_Splits = dict[PurePath, str | None]  # of files that are data
Reader = Callable[[PurePath, int], bytes]  # the first bytes of a file, at most this many


class PassedOver(NamedTuple):
    """Files of one place that are not read, for one reason."""

    place: str  # folder or archive, as the user named it
    reason: str  # empty: nothing in them is known as data
    n_files: int
    suffixes: tuple[str, ...]  # of their names, sorted; without those that are hardly suffixes

    @classmethod
    def of(cls, place: str, reason: str, files: Collection[PurePath]) -> "PassedOver":
        """Count these files."""
        return cls(place, reason, len(files), suffixes_of(files))

    @property
    def line(self) -> str:
        """The files as people read it."""
        reason = f" {self.reason}" if self.reason else ""
        return f"{self.place}: not read: {numbered(self.n_files, self.suffixes)}{reason}"


def numbered(n_files: int, suffixes: Sequence[str]) -> str:
    """Return the number of files and their suffixes: `3 files (.md, .png)`."""
    shown = ", ".join([*suffixes[:8], *(["..."] if len(suffixes) > 8 else [])])
    return f"{count_of(n_files, 'file')} ({shown})" if shown else count_of(n_files, "file")


def suffixes_of(files: Iterable[PurePath]) -> tuple[str, ...]:
    """Return the suffixes of names, in lower case and sorted."""
    found = {file.suffix.lower() for file in files}
    return tuple(sorted(suffix for suffix in found if re.fullmatch(r"\.[a-z0-9_]{1,12}", suffix)))


class Chosen(NamedTuple):
    """The data files of a folder and its archives, as paths relative to it."""

    files: dict[PurePath, str | None]  # with the split that metadata give them
    passed_over: list[PassedOver]
    remarks: list[str]  # about metadata that could not be used


def chosen(place: str, files: Iterable[PurePath], read: Reader | None) -> Chosen:
    """Choose the data files among the files of a folder; without `read`, by their names alone."""
    every = set(files)
    shown = sorted(file for file in every if not is_hidden(file))
    remarks: list[str] = []
    passed: list[PurePath] = []
    splits: _Splits = {}
    for file in shown:
        if _is_metadata(file, every) or _is_ours(file, every):
            continue
        if file.name.lower().endswith((*SUFFIXES, *ARCHIVES)):
            splits[file] = None
        else:
            passed.append(file)
    over = [PassedOver.of(place, "", passed)] if passed else []
    if read is not None:
        for name, rule in ((_STATE, _saved), (CARD, _on_cards)):
            holders = [file for file in shown if file.name == name]
            splits, left_out, said = rule(place, splits, holders, every, read)
            remarks += said
            if left_out:
                over.append(PassedOver.of(place, f"not named in {name}", left_out))
    return Chosen(splits, over, remarks)


def is_hidden(file: PurePath) -> bool:
    """Return whether a name begins with a dot: programs' own data, such as a half-written audit."""
    return any(step.startswith(".") for step in file.parts)


def _is_metadata(file: PurePath, others: Collection[PurePath]) -> bool:
    if _CACHES.fullmatch(file.name):
        return file.parent / _INFO in others
    return file.name in _METADATA or bool(_BESIDE.fullmatch(file.name.lower()))


def _is_ours(file: PurePath, others: Collection[PurePath]) -> bool:
    # An audit of the current directory writes into that folder; the next audit must not read it.
    if all(file.parent / name in others for name in (RECORD, FINDINGS_FILE)):
        is_output = file.name in (RECORD, FINDINGS_FILE, THREADS_FILE, MESSAGES_FILE)
        return is_output or not file.name.lower().endswith(SUFFIXES)
    return file.name in (DROPPED, KEPT, CHANGED, POLICY) and file.parent / POLICY in others


class _State(msgspec.Struct):
    files: list["_StateFile"] = msgspec.field(name="_data_files")
    split: str | None = msgspec.field(name="_split", default=None)


class _StateFile(msgspec.Struct):
    filename: str


def _saved(
    place: str, splits: _Splits, states: Sequence[PurePath], every: Collection[PurePath], read: Reader
) -> tuple[_Splits, list[PurePath], list[str]]:
    """Of data sets that were saved to disk, keep the files that they consist of: not caches, not indices."""
    named: dict[PurePath, dict[str, str | None]] = {}
    remarks = []
    for path in states:
        try:
            state = msgspec.json.decode(read(path, _MAX_STATE), type=_State)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OSError):
            continue  # of another program
        folder = path.parent
        split = folder.name if folder.parent / "dataset_dict.json" in every else state.split
        named[folder] = {file.filename: split for file in state.files}
        missing = [name for name in named[folder] if folder / name not in every]
        if missing:
            remarks.append(f"{place}: {path} names {count_of(len(missing), 'file')} that are missing ({missing[0]})")
    kept = {
        file: named[file.parent][file.name] if file.parent in named else split
        for file, split in splits.items()
        if file.parent not in named or file.name in named[file.parent]
    }
    return kept, [file for file in splits if file not in kept], remarks


def _on_cards(
    place: str, splits: _Splits, cards: Sequence[PurePath], every: Collection[PurePath], read: Reader
) -> tuple[_Splits, list[PurePath], list[str]]:
    """Keep the files that the nearest card above them names, with its splits; all, if there is none."""
    left_out: list[PurePath] = []
    remarks: list[str] = []
    rest = dict(splits)
    kept: _Splits = {}
    for card in sorted(cards, key=lambda card: -len(card.parts)):  # the nearest first
        try:
            globs = named_files(read(card, MAX_CARD + 1))
        except (ValueError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            remarks.append(f"{place}: {card} is ignored: {reason}")
            continue
        below = [file for file in rest if card.parent in file.parents]
        if not globs or not below:
            continue
        names, unmatched = _matched(globs, {file: file.relative_to(card.parent).as_posix() for file in below})
        if unmatched:
            shown = ", ".join(glob[:80] for glob in unmatched[:3]) + (", ..." if len(unmatched) > 3 else "")
            remarks.append(f"{place}: {card} names files that are not here: {shown}")
        if not names:
            continue
        for file in below:
            split = rest.pop(file)
            if file in names:
                kept[file] = names[file] or split
            else:
                left_out.append(file)
    rest |= kept
    return {file: rest[file] for file in splits if file in rest}, left_out, remarks


def _matched(globs: Sequence[NamedFiles], paths: dict[PurePath, str]) -> tuple[_Splits, list[str]]:
    """Return the files that match, with the split of the first glob that gives one; and globs without a match."""
    names: _Splits = {}
    unmatched = []
    for glob, split, pattern in globs:
        found = [file for file, path in paths.items() if pattern.fullmatch(path)]
        for file in found:
            names[file] = names.get(file) or split
        if not found:
            unmatched.append(glob)
    return names, unmatched
