"""A data set without what its audit found: a policy decides, every dropped message is listed, trees stay whole.

What is dropped is decided on the structure of all messages: ids, parents, trees, ranks, labels, lengths. No text is
held.

1. Each finding that the policy acts on is led to its message, or to the record where no message could be told.
2. What is to be dropped falls, and with it all that cannot stand without it: the replies to it, what is written into
   it in a nested record, the rest of a record that is one piece, the tree that loses its root.
3. Of the copies of one text the best of those that still stand is kept. Groups are gone through from the top of the
   trees down. A kept copy holds what is above it, so that no later group can take it away; and a copy is not dropped
   where the last copy of another text would fall with it, if there is another choice.

Nothing else is changed: records without a dropped message are copied byte for byte, ranks are not numbered anew, and
texts stay as they are. Only language tags are set, where the policy asks for that.
"""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ...reports.exports import spreadsheet
from ...reports.record import Record
from ...reports.wording import count_of
from ..paths import made
from ..progress import Progress, Silence
from ..reading.files import SPLIT_OF
from ..reading.matching import Audited, formats_of, matched
from ..reading.streams import SUFFIXES
from .decisions import Decisions
from .lists import CHANGED, CHANGED_COLUMNS, DROPPED, DROPPED_COLUMNS, POLICY, changed_rows, dropped_rows
from .message_index import index_messages, refuse_unread
from .policy import Policy
from .rewrite import Edits, rewrite, suffix_of


@dataclass(frozen=True)
class Cleaned:
    """What cleaning a data set did."""

    path: Path  # the folder that was written
    messages: int  # that were read
    by_rule: Mapping[str, int]  # messages that were dropped for this rule; one may be dropped for several
    dropped: int  # messages, for whatever reason
    taken_along: int  # of these, those that only fell with others
    groups: int  # of duplicates, of which one was kept
    retagged: int  # messages whose language tag was set
    lost: int  # records that could not be read, or hold no message, and were left out
    left: Mapping[str, int]  # findings by rule, not below `min_severity`, that the policy keeps or does not name
    emptied: Sequence[str]  # sources of which nothing is left; there is no file of them
    unfinished: Sequence[str]  # checks that did not finish in the audit

    def lines(self) -> list[str]:
        """What was done, in words, a line each."""
        rules = [f"  {rule}: {count_of(n, 'message')}" for rule, n in self.by_rule.items()]
        kept = self.messages - self.dropped
        told = [f"{self.path}: {kept:,} of {count_of(self.messages, 'message')} kept, {self.dropped:,} dropped", *rules]
        if not (self.dropped or self.retagged or self.lost):
            told = [f"{self.path}: nothing to drop; the files are copies of the sources"]
        if self.taken_along:
            told.append(f"  with them: {count_of(self.taken_along, 'message')} that cannot stand without one of these")
        if self.groups:
            told.append(f"{count_of(self.groups, 'group')} of copies: the best of each is kept")
        if self.retagged:
            told.append(f"{count_of(self.retagged, 'language tag')} set ({CHANGED})")
        if self.lost:
            told.append(f"{count_of(self.lost, 'record')} left out that could not be read, or not as messages")
        told += [f"{name}: nothing is left of it; there is no file of it" for name in self.emptied]
        told += [f"left as they are: {count_of(n, 'finding')} of {rule}" for rule, n in self.left.items()]
        told += [
            f"{name} did not finish in the audit: what it would have found is not dropped" for name in self.unfinished
        ]
        if self.dropped or self.lost:
            told.append(f"{DROPPED} lists what was dropped, and why")
        return told


def clean(
    record: Record,
    sources: Sequence[str | os.PathLike[str]],
    policy: Policy,
    out: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
) -> Cleaned:
    """Write the audited files without what a policy drops, in the formats they came in.

    Parameters
    ----------
    record : Record
        The audit.
    sources : sequence of str or path
        The very files that were audited, all of them; or the folders that hold them and no others. They are told by
        their checksums, whatever they are called now.
    policy : Policy
        What to do about which findings.
    out : str or path
        A folder that does not exist, or is empty. It is made beside its place and moved there when it is complete.
    progress : Progress, optional
        Who is told how far it is.

    Raises
    ------
    LookupError
        If a source does not exist, was not audited, or is missing.
    ValueError
        If the record does not fit (redacted, of files that were not read to their end), or the policy does not (it
        would drop everything, or sets tags where there are none).
    FileExistsError
        If `out` holds something.
    OSError
        If the folder could not be written; nothing is left of it then.
    """
    target = Path(out)
    for argument in sources:
        if Path(os.path.abspath(target)).is_relative_to(os.path.abspath(argument)):  # noqa: PTH100
            raise ValueError(
                f"{target} lies in {os.fspath(argument)}, which is cleaned: the next audit of that would read both. "
                "Name a folder outside of it"
            )
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise FileExistsError(f"{target} is there already. Name a folder that does not exist, or is empty")
    progress = progress or Silence()
    files = matched(record, sources)
    progress.total(2 * sum(file.source.n_bytes for file in files))
    read_as = [facts.format for facts in record.facts.sources]
    messages = index_messages([file.source for file in files], read_as, formats_of(record), progress)
    if messages.n_checkable != record.facts.messages:
        raise ValueError(
            f"the files contain {messages.n_checkable:,} messages, the audit read {record.facts.messages:,}: it was "
            "made by another version of chataudit. Run the audit again"
        )
    plan = Decisions(record, messages, policy)
    plan.carry_out()
    if messages.n_checkable and plan.n_dropped == messages.n_checkable:
        raise ValueError(
            f"the policy would drop all {messages.n_checkable:,} messages; nothing was written. "
            f"Make it milder: most are dropped for {', '.join(list(plan.by_rule)[:3])}"
        )
    with made(target) as folder:
        emptied = _write(files, plan, folder, progress)
        (folder / POLICY).write_text(policy.toml(), encoding="utf-8")
    return Cleaned(
        path=target,
        messages=messages.n_checkable,
        by_rule=plan.by_rule,
        dropped=plan.n_dropped,
        taken_along=plan.n_taken,
        groups=plan.n_groups,
        retagged=len(plan.tags),
        lost=len(plan.lost),
        left=plan.left,
        emptied=emptied,
        unfinished=[check.name for check in record.facts.checks if check.error],
    )


def _write(files: Sequence[Audited], plan: Decisions, folder: Path, progress: Progress) -> list[str]:
    """All files of the cleaned data, and the lists; which sources nothing is left of."""
    messages, emptied = plan.messages, []
    names = _names(files)
    for number, (file, name, edits) in enumerate(zip(files, names, _edits(plan), strict=True)):
        source = file.source
        rows = messages.rows_of(number)
        if all(row in plan.dropped for row in rows):
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
    spreadsheet.write(folder / DROPPED, DROPPED_COLUMNS, dropped_rows(files, plan))
    if plan.tags:
        spreadsheet.write(folder / CHANGED, CHANGED_COLUMNS, changed_rows(files, plan))
    return emptied


def _names(files: Sequence[Audited]) -> list[Path]:
    """What the cleaned files are called: as their sources, below the folder that these share."""
    folders = [file.path.parent for file in files if file.path.is_absolute()]
    shared = Path(os.path.commonpath(folders)) if folders else Path()
    while shared.name.lower() in SPLIT_OF:  # a folder that tells the split of what it holds
        shared = shared.parent
    names: list[Path] = []
    for file in files:
        name = file.path.relative_to(shared) if file.path.is_absolute() else file.path
        if not name.name.lower().endswith(SUFFIXES):  # what is read where it is named, and not where its folder is
            name = name.with_name(f"{name.name}{suffix_of(file.source)}")
        free = (name if k == 1 else name.with_name(f"{k}-{name.name}") for k in count(1))
        names.append(next(candidate for candidate in free if candidate not in names))
    return names


def _edits(plan: Decisions) -> list[Edits | None]:
    """What is done to each source; None: nothing."""
    messages = plan.messages
    made = [Edits(form, set(), {}) for form in messages.plans]
    for row in (*plan.dropped, *plan.tags):
        number, line = int(messages.source[row]), int(messages.line[row])
        dropped, tags = made[number].parts.setdefault(line, (set(), {}))
        k = row - messages.at(number, line).start
        if row in plan.dropped:
            dropped.add(k)
        else:
            tags[k] = plan.tags[row][0]
    for number, edits in enumerate(made):
        whole = (line for line, (gone, _) in edits.parts.items() if len(gone) == len(messages.at(number, line)))
        edits.gone.update(whole)
    for number, line in plan.lost:
        if not messages.at(number, line):  # a piece that is lost may stand on the line of a record that is not
            made[number].gone.add(line)
    return [e if e.gone or e.parts or is_mended else None for e, is_mended in zip(made, plan.is_mended, strict=True)]
