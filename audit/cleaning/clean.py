"""Cleaned copies of audited files: a policy decides, every dropped message is listed, trees stay whole.

Decisions need no text, only an index of all messages: ids, parents, trees, ranks, labels, lengths.

1. Find the message of each finding that the policy acts on, or its record if it has no message.
2. Drop these messages, and what cannot stay without them: replies, messages inside them in a nested record, the rest
   of a record that cannot be divided, trees without their root.
3. Keep the best copy of each text that is left. Groups of copies are decided from the top of the trees down. A kept
   copy protects the messages above it from later groups. If possible, no copy is dropped that would take the last copy
   of another text with it.

Nothing else changes: records without a dropped message are copied byte for byte, and ranks and texts stay as they are.
Only language tags are set, if the policy says so.
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ...reports.exports import spreadsheet
from ...reports.record import Record
from ...reports.unread import UnreadTexts, unread_fields
from ...reports.wording import count_of
from ..paths import new_folder
from ..progress import Progress, Silence
from ..reading.files import SPLIT_OF
from ..reading.folders import CHANGED, DROPPED, POLICY
from ..reading.matching import Audited, formats_of, matched, requested
from ..reading.streams import SUFFIXES
from .decisions import Decisions
from .indexing import index_messages, refuse_unread
from .lists import CHANGED_COLUMNS, DROPPED_COLUMNS, changed_rows, dropped_rows
from .policy import Policy
from .rewrite import Edits, rewrite, suffix_of


@dataclass(frozen=True)
class Cleaned:
    """Result of cleaning a data set."""

    path: Path  # the folder that was written
    messages: int  # read
    by_rule: Mapping[str, int]  # messages dropped for this rule; one may be dropped for several
    dropped: int  # messages, for any reason
    taken_along: int  # of these, messages dropped only because another one was
    groups: int  # of duplicates, of which one was kept
    retagged: int  # messages with a new language tag
    lost: int  # records left out: unreadable, or without a message
    left: Mapping[str, int]  # findings by rule, from `min_severity` up, that the policy keeps or does not name
    emptied: Sequence[str]  # sources with no message left; no file is written for them
    unfinished: Sequence[str]  # checks that did not finish in the audit

    def lines(self) -> list[str]:
        """Return a summary in words."""
        kept = self.messages - self.dropped
        lines = [f"{self.path}: {kept:,} of {count_of(self.messages, 'message')} kept, {self.dropped:,} dropped"]
        if not (self.dropped or self.retagged or self.lost):
            lines = [f"{self.path}: nothing to drop; the files are exact copies of the sources"]
        if self.by_rule:
            lines.append("dropped by rule (a message may break several):")
        lines += [f"  {rule}: {count_of(n, 'message')}" for rule, n in self.by_rule.items()]
        if self.taken_along:
            lines.append(f"dropped along with these: {count_of(self.taken_along, 'message')}, mostly replies to them")
        if self.groups:
            of_each = "" if self.groups == 1 else " of each"
            lines.append(f"{count_of(self.groups, 'group')} of duplicates: best message{of_each} kept")
        if self.retagged:
            lines.append(f"{count_of(self.retagged, 'language tag')} changed, listed in {CHANGED}")
        if self.lost:
            lines.append(f"{count_of(self.lost, 'record')} left out: unreadable, or without a message")
        lines += [f"{name}: no message left, so no file written" for name in self.emptied]
        lines += [f"kept by the policy: {count_of(n, 'finding')} of {rule}" for rule, n in self.left.items()]
        lines += [f"{name} did not finish in the audit: its findings are incomplete" for name in self.unfinished]
        if self.dropped or self.lost:
            lines.append(f"{DROPPED} lists every dropped message with the reason")
        return lines


def clean(
    record: Record,
    sources: Sequence[str | os.PathLike[str]],
    policy: Policy,
    out: str | os.PathLike[str],
    *,
    allow_unread: bool = False,
    progress: Progress | None = None,
) -> Cleaned:
    """Write the audited files without what a policy drops, in their original formats.

    Parameters
    ----------
    record : Record
        The audit.
    sources : sequence of str or path
        All files that were audited, unchanged, or folders with only these. They are recognised by their checksums, so
        they may have been moved or renamed.
    policy : Policy
        Which action applies to which findings.
    out : str or path
        A folder that does not exist or is empty. It is written beside its place and moved there when complete.
    allow_unread : bool
        Also drop messages of sources with texts that the audit did not read. Messages that differ only in such texts
        are copies to it.
    progress : Progress, optional
        Receives progress updates.

    Raises
    ------
    LookupError
        If a source does not exist, was not audited, or is missing.
    ValueError
        If the record is redacted or of files that could not be read to the end, or if the policy would drop everything,
        drops messages of a source with unread texts, or sets language tags in a format without tags.
    FileExistsError
        If `out` is not empty.
    OSError
        If the folder could not be written; nothing is left of it then.
    """
    target = Path(out)
    _refuse_target(target, sources)
    progress = progress or Silence()
    files = matched(record, sources)
    progress.total(2 * sum(file.source.n_bytes for file in files))
    messages = index_messages([file.source for file in files], requested(record), formats_of(record), progress)
    if messages.n_checkable != record.facts.messages:
        raise ValueError(
            f"the files contain {messages.n_checkable:,} messages, but the audit read {record.facts.messages:,} with "
            "another version of chataudit. Run the audit again"
        )
    decisions = Decisions(record, messages, policy)
    decisions.carry_out()
    if messages.n_checkable and decisions.n_dropped == messages.n_checkable:
        raise ValueError(
            f"the policy would drop all {messages.n_checkable:,} messages; nothing was written. "
            f"Choose milder actions, first for {', '.join(list(decisions.by_rule)[:3])}"
        )
    if not allow_unread:
        _refuse_unread_texts(record, decisions)
    with new_folder(target) as folder:
        emptied = _write(files, decisions, folder, progress)
        (folder / POLICY).write_text(policy.toml(), encoding="utf-8")
    return Cleaned(
        path=target,
        messages=messages.n_checkable,
        by_rule=decisions.by_rule,
        dropped=decisions.n_dropped,
        taken_along=decisions.n_with_others,
        groups=decisions.n_groups,
        retagged=len(decisions.tags),
        lost=len(decisions.lost),
        left=decisions.left,
        emptied=emptied,
        unfinished=[check.name for check in record.facts.checks if check.error],
    )


def _refuse_unread_texts(record: Record, decisions: Decisions) -> None:
    """Raise if messages or records of sources with texts that the audit did not read would be dropped."""
    messages = decisions.messages
    n_dropped = Counter(int(messages.source[row]) for row in decisions.dropped if not messages.is_context[row])
    n_lost = Counter(number for number, _ in decisions.lost)
    numbers = [
        k for k, source in enumerate(record.facts.sources) if (n_dropped[k] or n_lost[k]) and unread_fields(source)
    ]
    if not numbers:
        return
    sources = [record.facts.sources[k] for k in numbers]
    unread = UnreadTexts(sources, unread_fields(*sources))
    counts = {"message": sum(n_dropped[k] for k in numbers), "record": sum(n_lost[k] for k in numbers)}
    dropped = " and ".join(count_of(n, noun) for noun, n in counts.items() if n)
    raise ValueError(
        f"{unread.place}: the policy would drop {dropped}, but messages that differ only in text that "
        f"was not read look like copies: {unread.listed}. Name these fields in [format], or under `others` if they "
        "belong to no message, and audit again; or pass --allow-unread"
    )


def _refuse_target(target: Path, sources: Sequence[str | os.PathLike[str]]) -> None:
    """Raise if cleaned data cannot be written to this folder."""
    for argument in sources:
        if Path(os.path.abspath(target)).is_relative_to(os.path.abspath(argument)):  # noqa: PTH100
            raise ValueError(
                f"{target} is inside the source {os.fspath(argument)}: the next audit of that would read both. "
                "Name a folder outside it"
            )
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise FileExistsError(f"{target} already exists. Name a folder that does not exist, or is empty")


def _write(files: Sequence[Audited], decisions: Decisions, folder: Path, progress: Progress) -> list[str]:
    """Write the cleaned files and the lists, and return the names of sources with no message left."""
    messages, emptied = decisions.messages, []
    names = _names(files)
    for number, (file, name, edits) in enumerate(zip(files, names, _edits(decisions), strict=True)):
        source = file.source
        rows = messages.rows_of(number)
        if all(row in decisions.dropped for row in rows):
            emptied.append(source.name)
        else:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if edits is None:
                shutil.copyfile(source.path, path)
            else:
                rewrite(source, edits, path)
                refuse_unread(source)
        progress.advance(source.n_bytes)
    spreadsheet.write(folder / DROPPED, DROPPED_COLUMNS, dropped_rows(files, decisions))
    if decisions.tags:
        spreadsheet.write(folder / CHANGED, CHANGED_COLUMNS, changed_rows(files, decisions))
    return emptied


def _names(files: Sequence[Audited]) -> list[Path]:
    """Return the paths of the cleaned files: those of their sources, relative to the folder that these share."""
    folders = [file.path.parent for file in files if file.path.is_absolute()]
    shared = Path(os.path.commonpath(folders)) if folders else Path()
    while shared.name.lower() in SPLIT_OF:  # a folder named after a split
        shared = shared.parent
    names: list[Path] = []
    for file in files:
        name = file.path.relative_to(shared) if file.path.is_absolute() else file.path
        if not name.name.lower().endswith(SUFFIXES):  # read if named, but not as a file of a folder
            name = name.with_name(f"{name.name}{suffix_of(file.source)}")
        free = (name if k == 1 else name.with_name(f"{k}-{name.name}") for k in count(1))
        names.append(next(candidate for candidate in free if candidate not in names))
    return names


def _edits(decisions: Decisions) -> list[Edits | None]:
    """Return the edits to each source; None: no edit."""
    messages = decisions.messages
    by_source = [Edits(plan, set(), {}) for plan in messages.plans]
    for row in (*decisions.dropped, *decisions.tags):
        number, line = int(messages.source[row]), int(messages.line[row])
        dropped, tags = by_source[number].parts.setdefault(line, (set(), {}))
        k = row - messages.at(number, line).start
        if row in decisions.dropped:
            dropped.add(k)
        else:
            tags[k] = decisions.tags[row].new
    for number, edits in enumerate(by_source):
        whole = (line for line, (gone, _) in edits.parts.items() if len(gone) == len(messages.at(number, line)))
        edits.gone.update(whole)
    for number, line in decisions.lost:
        if not messages.at(number, line):  # a readable record may start on the same line
            by_source[number].gone.add(line)
    return [
        edits if edits.gone or edits.parts or is_faulty else None
        for edits, is_faulty in zip(by_source, decisions.is_faulty, strict=True)
    ]
