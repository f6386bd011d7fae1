"""Cleaned copies of audited files: a policy decides, every dropped message is listed, trees stay whole.

Decisions need no text, only an index of all messages: ids, parents, trees, ranks, labels, lengths, and which
texts are the same.

1. Find the message of each finding that the policy acts on, or its record if it has no message.
2. Drop these messages, and what cannot stay without them: replies, messages inside them in a nested record, the rest
   of a record that cannot be divided, trees without their root.
3. Keep the best copy of each text that is left. Groups of copies are decided from the top of the trees down. A kept
   copy protects the messages above it from later groups. Unless the policy says `keep_unique = false`, a copy is
   dropped only if nothing is lost with it.

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
from ..reading.folders import CHANGED, DROPPED, KEPT, POLICY
from ..reading.matching import Audited, formats_of, matched, requested
from ..reading.streams import SUFFIXES
from .decisions import Decisions, Effect
from .indexing import index_messages, refuse_unread
from .lists import CHANGED_COLUMNS, DROPPED_COLUMNS, KEPT_COLUMNS, changed_rows, dropped_rows, kept_rows
from .policy import Policy
from .rewrite import Edits, rewrite, suffix_of


@dataclass(frozen=True)
class Cleaned:
    """Result of cleaning a data set, or of a dry run."""

    path: Path | None  # the folder that was written; None: a dry run
    messages: int  # read
    records: int  # read, without those that have no message
    kept_records: int  # of these, records with a message that is kept
    by_rule: Mapping[str, Effect]  # what is dropped for this rule; a message may be dropped for several
    dropped: int  # messages, for any reason
    taken_along: int  # of these, messages dropped only because another one was
    found_nowhere_else: int  # of these, messages with a text that no message that is kept has
    groups: int  # of duplicates, of which copies were dropped
    kept_copies: Mapping[str, int]  # by rule: copies that are kept because something would be lost with them
    retagged: int  # messages with a new language tag
    lost: int  # records left out: unreadable, or without a message
    left: Mapping[str, int]  # findings by rule, from `min_severity` up, that the policy keeps or does not name
    emptied: Sequence[str]  # sources with no message left; no file is written for them
    unfinished: Sequence[str]  # checks that did not finish in the audit

    def lines(self) -> list[str]:
        """Return a summary in words."""
        place = "dry run, nothing written" if self.path is None else str(self.path)
        kept = self.messages - self.dropped
        records = f" in {self.kept_records:,} of {count_of(self.records, 'record')}"
        lines = [
            f"{place}: {kept:,} of {count_of(self.messages, 'message')} kept"
            f"{records if self.records != self.messages else ''}, {self.dropped:,} dropped"
        ]
        if not (self.dropped or self.retagged or self.lost):
            copied = "" if self.path is None else "; the files are exact copies of the sources"
            lines = [f"{place}: nothing to drop{copied}"]
        if self.by_rule:
            lines.append("dropped by rule (a message may break several):")
        lines += [f"  {rule}: {_effect(effect)}" for rule, effect in self.by_rule.items()]
        if self.taken_along:
            lines.append(f"dropped along with these: {count_of(self.taken_along, 'message')}, mostly replies to them")
        if self.dropped:
            lines.append(f"text found nowhere else: {self.found_nowhere_else:,} of {self.dropped:,} dropped")
        if self.groups:
            lines.append(f"duplicates dropped in {count_of(self.groups, 'group')}")
        lines += [
            f"kept, because messages or pairs found nowhere else would be lost: {count_of(n, 'finding')} of {rule}"
            for rule, n in self.kept_copies.items()
        ]
        if self.retagged:
            lines.append(f"{count_of(self.retagged, 'language tag')} changed")
        if self.lost:
            lines.append(f"{count_of(self.lost, 'record')} left out: unreadable, or without a message")
        lines += [f"{name}: no message left, so no file written" for name in self.emptied]
        lines += [f"kept by the policy: {count_of(n, 'finding')} of {rule}" for rule, n in self.left.items()]
        lines += [f"{name} did not finish in the audit: its findings are incomplete" for name in self.unfinished]
        if self.path is not None:
            lines += [f"{name} lists {what}" for name, what in self._lists.items()]
        return lines

    @property
    def _lists(self) -> dict[str, str]:
        """What the lists beside the data contain, by name."""
        lists = {
            DROPPED: (self.dropped or self.lost, "every dropped message with the reason"),
            KEPT: (self.kept_copies, "duplicates kept because something would be lost with them"),
            CHANGED: (self.retagged, "changed language tags"),
        }
        return {name: what for name, (is_needed, what) in lists.items() if is_needed}


def _effect(effect: Effect) -> str:
    """Return the words for what is dropped for one rule."""
    along = f", {effect.along:,} along with them" if effect.along else ""
    return f"{count_of(effect.messages, 'message')}{along}; text found nowhere else: {effect.unique:,}"


def clean(
    record: Record,
    sources: Sequence[str | os.PathLike[str]],
    policy: Policy,
    out: str | os.PathLike[str] | None,
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
    out : str or path, optional
        A folder that does not exist or is empty. It is written beside its place and moved there when complete. None: a
        dry run, which writes nothing.
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
    target = None if out is None else Path(out)
    if target is not None:
        _refuse_target(target, sources)
    progress = progress or Silence()
    files = matched(record, sources)
    progress.total((1 if target is None else 2) * sum(file.source.n_bytes for file in files))
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
    if target is not None:
        with new_folder(target) as folder:
            _write(files, decisions, folder, progress)
            (folder / POLICY).write_text(policy.toml(), encoding="utf-8")
    is_kept = ~messages.is_context
    is_kept[list(decisions.dropped)] = False
    kept_copies = Counter(rule for copy in decisions.kept_copies.values() for rule in copy.rules)
    return Cleaned(
        path=target,
        messages=messages.n_checkable,
        records=messages.records_of(~messages.is_context),
        kept_records=messages.records_of(is_kept),
        by_rule=decisions.by_rule,
        dropped=decisions.n_dropped,
        taken_along=decisions.n_with_others,
        found_nowhere_else=len(decisions.found_nowhere_else),
        groups=decisions.n_groups,
        kept_copies=dict(sorted(kept_copies.items(), key=lambda item: (-item[1], item[0]))),
        retagged=len(decisions.tags),
        lost=len(decisions.lost),
        left=decisions.left,
        emptied=[file.source.name for number, file in enumerate(files) if decisions.is_emptied(number)],
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


def _write(files: Sequence[Audited], decisions: Decisions, folder: Path, progress: Progress) -> None:
    """Write the cleaned files and the lists."""
    names = _names(files)
    for number, (file, name, edits) in enumerate(zip(files, names, _edits(decisions), strict=True)):
        source = file.source
        if not decisions.is_emptied(number):
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
    if decisions.kept_copies:
        spreadsheet.write(folder / KEPT, KEPT_COLUMNS, kept_rows(files, decisions))


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
