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
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..checks.base.findings import LEVELS, Action, Concerns
from ..checks.base.messages import as_ints, line_id, nameless_id, single
from ..reports import sheet
from ..reports.record import Record
from ..reports.words import count_of
from . import read
from .folders import made
from .policy import WAY_OUT, Criterion, Policy, unfit
from .policy import load_policy as load_policy
from .progress import Progress, Silence
from .rewrite import Edits, rewrite, suffix_of
from .sources import Audited, formats_of, matched
from .structure import Messages, refuse_unread, split_code, structure

DROPPED, CHANGED, POLICY = "dropped.csv", "changed.csv", "policy.toml"


# -- what came of it -------------------------------------------------------------------------------------------------


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
    messages = structure([file.source for file in files], read_as, formats_of(record), progress)
    if messages.n_checkable != record.facts.messages:
        raise ValueError(
            f"the files contain {messages.n_checkable:,} messages, the audit read {record.facts.messages:,}: it was "
            "made by another version of chataudit. Run the audit again"
        )
    plan = _Plan(record, messages, policy)
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


# -- what is dropped -------------------------------------------------------------------------------------------------


class _Drop(NamedTuple):
    """Why a message is dropped."""

    action: str  # an Action, or TAKEN
    rules: tuple[str, ...] = ()  # its own faults
    cause: int = -1  # the row that it fell with, where it fell with another
    kept: int = -1  # the row of the copy that is kept
    by: str = ""  # what that one was chosen by


@dataclass
class _Copies:
    """Messages of which one is kept."""

    rows: set[int] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)


TAKEN, LOST, THREAD, ID = "fell with another", "could not be read", "thread", "id"
_STRENGTH = (Action.DROP_MESSAGE, Action.DROP_SUBTREE, Action.DROP_TREE)


class _Joined:
    """Rows that were joined, also through others."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def first(self, row: int) -> int:
        """The row that stands for all that it was joined with."""
        while (following := self._next.get(row, row)) != row:
            self._next[row] = self._next.get(following, following)  # halves the way for the next one who asks
            row = following
        return row

    def join(self, row: int, other: int) -> None:
        """Join two rows, and all that they were joined with."""
        low, high = sorted((self.first(row), self.first(other)))
        self._next[high] = low


class _Plan:
    """What a policy does to a data set."""

    def __init__(self, record: Record, messages: Messages, policy: Policy) -> None:
        self.messages, self.policy = messages, policy
        self.dropped: dict[int, _Drop] = {}
        self.tags: dict[int, tuple[str, str | None, set[str]]] = {}  # new and old language tag, and why
        # Records without messages that are told of, by source and line, and why they are left out. Those of no reason
        # are no records: the fault is one of the file, and is gone when that is written anew.
        self.lost: dict[tuple[int, int], tuple[str, str]] = {}
        self.is_mended = np.zeros(len(messages.plans), dtype=bool)  # sources with such faults
        self.left: dict[str, int] = {}
        self.n_groups = 0
        self._number = {source.name: k for k, source in enumerate(record.facts.sources)}
        self._wanted: dict[int, tuple[Action, set[str]]] = {}  # by row: the strongest action, and all rules
        self._copies: list[_Copies] = []
        self._groups_of: dict[int, list[int]] = {}  # numbers of the _Copies that a row is of
        # Short texts may stand many times: no finding says that one is a copy of the other, and all of them are copies
        # of what one of them is a copy of.
        self._phrases: list[list[int]] = []
        self._phrase_of: dict[int, int] = {}
        self._split: dict[int, int] = {}  # where a finding says it
        self._stands: dict[int, int] = {}  # how many rows of a group stand, where not all do
        self._rules = {rule.id: rule for check in record.facts.checks for rule in check.rules}
        self._read_findings(record.table)
        lost = next((rule.id for rule in self._rules.values() if rule.action == Action.DROP_RECORD), "")
        for place in messages.lost:
            self.is_mended[place[0]] = True
            self.lost[place] = (LOST, lost)

    @property
    def n_dropped(self) -> int:
        return sum(not self.messages.is_context[row] for row in self.dropped)

    @property
    def n_taken(self) -> int:
        return sum(drop.action == TAKEN and not self.messages.is_context[row] for row, drop in self.dropped.items())

    @cached_property
    def by_rule(self) -> dict[str, int]:
        """Messages that were dropped for a rule of their own, the most frequent first."""
        counts = Counter(
            rule for row, drop in self.dropped.items() if not self.messages.is_context[row] for rule in drop.rules
        )
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def carry_out(self) -> None:
        """Decide about every message."""
        self._drop_faulty()
        self._keep_best()
        for row in self.dropped:
            self.tags.pop(row, None)
        for row in self.tags:
            plan = self.messages.plans[self.messages.source[row]]
            if plan.format.lang_field is None:
                raise ValueError(
                    f"fix_language: the format {plan.format.form.name!r} has no language tags to be set. "
                    "Use drop_message or keep"
                )

    # -- findings to messages ----------------------------------------------------------------------------------------

    def _read_findings(self, table: pa.Table) -> None:
        copies: list[dict[str, Any]] = []
        left: Counter[str] = Counter()
        columns = ["rule", "severity", "source", "line", "message_id", "lang", "spans", "facets"]
        at: dict[tuple[str, int, int, str | None], int] = {}  # how many findings of a rule told of one id in a record
        for batch in table.select(columns).to_batches(max_chunksize=10_000):
            for finding in batch.to_pylist():
                rule, facets = finding["rule"], dict(finding["facets"])
                concerns = self._rules[rule].concerns
                if concerns == Concerns.COPIES:
                    self._note_phrase(finding["spans"])
                action = self.policy.action(rule, finding["severity"])
                is_lost = self._rules[rule].action == Action.DROP_RECORD
                if action == Action.KEEP:
                    if finding["severity"] >= LEVELS[self.policy.min_severity] and not is_lost:
                        left[rule] += 1
                    continue
                if concerns == Concerns.TREE:
                    action = Action.DROP_TREE
                place = (self._number[finding["source"]], finding["line"])
                rows = self._rows(finding["message_id"], *place, finding["spans"][0])
                if concerns == Concerns.REPEATED_ID:
                    key = (rule, *place, finding["message_id"])
                    at[key] = at.get(key, 0) + 1
                    # Of n messages with one id in a record, as many as there are findings, the last ones.
                    rows = self._rows(finding["message_id"], *place)
                    rows = rows[len(rows) - at[key] :][:1]
                if not rows:
                    self.is_mended[place[0]] = True
                    if concerns != Concerns.RECORD:
                        self.lost[place] = (action, rule)
                elif action == Action.KEEP_BEST:
                    if not (wants := {"partner", "cluster"}) <= facets.keys():
                        raise ValueError(
                            f"[rules] {rule}: {unfit(action, wants)}, which those of this rule lack. {WAY_OUT}"
                        )
                    copies.append(finding | {"row": rows[0], "facets": facets})
                elif action == Action.FIX_LANGUAGE:
                    detected = facets.get("detected")
                    if not detected:
                        raise ValueError(
                            f"[rules] {rule}: {unfit(action, {'detected'})}, which those of this rule lack. {WAY_OUT}"
                        )
                    for row in rows:
                        self.tags.setdefault(row, (detected, finding["lang"], set()))[2].add(rule)
                else:
                    for row in rows:
                        before, rules = self._wanted.get(row, (action, set()))
                        self._wanted[row] = (max(before, action, key=_STRENGTH.index), rules | {rule})
        self.left = dict(sorted(left.items(), key=lambda item: (-item[1], item[0])))
        self._group(copies)

    def _rows(self, message_id: str | None, source: int, line: int, span: Mapping[str, Any] | None = None) -> list[int]:
        """The messages that a finding or a span is about; where they cannot be told, all of their record.

        A span over a whole text tells messages of one id by their length.
        """
        here = self.messages.at(source, line)
        if span is not None and span["id"] == line_id(line) and message_id is None:
            return list(here)
        ids = self.messages.ids.slice(here.start, len(here)).to_pylist()
        rows = [row for row, own in zip(here, ids, strict=True) if own == message_id]
        if len(rows) > 1 and span is not None and span["start"] == 0:
            rows = [row for row in rows if self.messages.n_chars[row] == span["end"]] or rows
        return rows or list(here)

    # -- copies of one text ------------------------------------------------------------------------------------------

    def _note_phrase(self, spans: Sequence[Mapping[str, Any]]) -> None:
        rows = [row for span in spans for row in self._row_of(span)]
        self._phrase_of.update(dict.fromkeys(rows, len(self._phrases)))
        self._phrases.append(rows)

    def _row_of(self, span: Mapping[str, Any]) -> list[int]:
        """The messages that a span may be of."""
        named = span["id"] if span["id"] != nameless_id(span["line"]) else None
        return self._rows(named, self._number[span["source"]], span["line"], span)

    def _may_both_stand(self, row: int, other: int) -> bool:
        return row in self._phrase_of and self._phrase_of[row] == self._phrase_of.get(other)

    def _group(self, findings: Sequence[Mapping[str, Any]]) -> None:
        """Messages that are copies of one another, as findings with `partner` and `cluster` tell.

        A cluster is one group. A pair whose messages are of different clusters is one more, with all that have the
        A cluster is one group. A pair whose messages are of different clusters is one more, with all that have the
        very words of either.
        """
        rows: dict[str, int] = {}  # by the name that facets have for a message
        pairs: list[tuple[Mapping[str, Any], int, int]] = []
        sought = {name for finding in findings for name in (finding["facets"]["partner"], finding["facets"]["cluster"])}
        known = self._first_of(sought) if findings else {}
        for finding in findings:
            row, facets = finding["row"], finding["facets"]
            partner = known.get(facets["partner"], -1)
            for span in finding["spans"][1:2]:
                partner = next((other for other in self._row_of(span) if other != row), partner)
            if partner < 0 or partner == row:
                continue
            rows.setdefault(facets["partner"], partner)
            pairs.append((finding, row, partner))
            splits = facets.get("splits", "").split(", ")
            if len(splits) == 2:  # they may have been told by the command, and not by the data
                self._split[row], self._split[partner] = map(split_code, splits)
        cluster = {row: finding["facets"]["cluster"] for finding, row, _ in pairs}
        for name in dict.fromkeys(cluster.values()):
            first = rows.get(name, known.get(name, -1))
            if first >= 0:
                cluster.setdefault(first, name)
        groups: dict[object, _Copies] = {}
        same = _Joined()  # rows with the very words of one another
        for finding, row, partner in pairs:
            cluster.setdefault(partner, cluster[row])
            if finding["facets"].get("jaccard") == "1.000":
                same.join(row, partner)
        for row, name in cluster.items():
            groups.setdefault(name, _Copies()).rows.add(row)
        with_words: dict[int, set[int]] = {}
        for row in cluster:
            with_words.setdefault(same.first(row), set()).add(row)
        for finding, row, partner in pairs:
            if cluster[row] == cluster[partner]:
                groups[cluster[row]].rules.add(finding["rule"])
            else:
                both = (same.first(row), same.first(partner))
                group = groups.setdefault(both, _Copies())
                group.rows |= with_words[both[0]] | with_words[both[1]]
                group.rules.add(finding["rule"])
        self._copies = [group for group in groups.values() if len(group.rows) > 1]
        for group in self._copies:
            for phrase in {self._phrase_of[row] for row in group.rows if row in self._phrase_of}:
                group.rows.update(self._phrases[phrase])
        for number, group in enumerate(self._copies):
            for row in group.rows:
                self._groups_of.setdefault(row, []).append(number)

    def _first_of(self, ids: Iterable[str]) -> dict[str, int]:
        """The first row of each of these ids that there is."""
        wanted = pa.array(sorted(ids), pa.string())
        at = as_ints(single(pc.index_in(self.messages.ids, value_set=wanted)), -1)
        values, first = np.unique(at, return_index=True)
        return {wanted[v].as_py(): row for v, row in zip(values.tolist(), first.tolist(), strict=True) if v >= 0}

    # -- falling -----------------------------------------------------------------------------------------------------

    def _standing(self, group: int) -> int:
        if group not in self._stands:
            self._stands[group] = len(self.messages.members(group))
        return self._stands[group]

    def _groups(self, row: int) -> tuple[int, int]:
        return int(self.messages.home[row]), self.messages.n_homes + int(self.messages.code[row])

    def _fall(self, first: Iterable[int]) -> dict[int, int]:
        """All that falls with these rows, themselves among them, and which of them each falls with; nothing is changed.

        A message stands as long as one that has the id of its parent does: in its own tree, or where that has none,
        anywhere.
        """
        fallen = {row: row for row in first if row not in self.dropped}
        gone: Counter[int] = Counter()
        queue = list(fallen.items())
        messages = self.messages
        for row, cause in queue:  # which grows as it is gone through
            below = [*messages.held(row), *messages.mates(row)]
            for group in self._groups(row):
                gone[group] += 1
                if gone[group] == self._standing(group):
                    below += messages.needing(group)
                    if messages.is_root[row] and group == messages.main_root[messages.tree[row]]:
                        below += messages.tree_of(row)
            for other in below:
                if other not in fallen and other not in self.dropped:
                    fallen[other] = cause
                    queue.append((other, cause))
        return fallen

    def _below(self, row: int) -> set[int]:
        """All that stands below a row, whether or not its id stands elsewhere too."""
        found = {row}
        stack = [row]
        while stack:
            at = stack.pop()
            for other in (*self.messages.needing(int(self.messages.home[at])), *self.messages.held(at)):
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return found

    def _apply(self, drops: Mapping[int, _Drop]) -> None:
        """Drop these rows, and all that falls with them."""
        for row, cause in self._fall(drops).items():
            self.dropped[row] = drops[row] if row in drops else _Drop(TAKEN, cause=cause)
            for group in self._groups(row):
                self._stands[group] = self._standing(group) - 1

    def _drop_faulty(self) -> None:
        drops: dict[int, _Drop] = {}
        with_them: dict[int, _Drop] = {}
        for row, (action, rules) in sorted(self._wanted.items()):
            drops[row] = _Drop(action, tuple(sorted(rules)))
            if action != Action.DROP_MESSAGE:
                more = self.messages.tree_of(row) if action == Action.DROP_TREE else self._below(row)
                with_them.update(dict.fromkeys(more, _Drop(TAKEN, cause=row)))
        self._apply(with_them | drops)

    # -- keeping the best --------------------------------------------------------------------------------------------

    def _keep_best(self) -> None:
        upward = {row: self._above(row) for row in self._groups_of}
        # A copy of a message above it cannot stand without that one.
        drops = {}
        for group in self._copies:
            for row in sorted(group.rows):
                above = [other for other in upward[row] if other in group.rows and other != row]
                above = [other for other in above if not self._may_both_stand(row, other)]
                if above and row not in self.dropped:
                    drops[row] = _Drop(Action.KEEP_BEST, tuple(sorted(group.rules)), kept=min(above), by=THREAD)
        counted = {number for row in drops for number in self._groups_of[row]}
        self._apply(drops)
        depth = {row: len(upward[row]) for row in upward}
        order = sorted(
            range(len(self._copies)), key=lambda k: min((depth[r], self._name(r), r) for r in self._copies[k].rows)
        )
        for number in order:
            standing = [row for row in self._copies[number].rows if row not in self.dropped]
            if len(standing) > 1:
                self._choose(number, standing)
                counted.add(number)
        self.n_groups = len(counted)

    def _name(self, row: int) -> str:
        return self.messages.ids[row].as_py() or ""

    def _above(self, row: int) -> set[int]:
        """The rows that a row needs to stand, itself among them; of several that would do, those that stand first."""
        found = {row}
        stack = [row]
        messages = self.messages
        while stack:
            at = stack.pop()
            needed = [*messages.mates(at)]
            if messages.holder[at] >= 0:
                needed.append(int(messages.holder[at]))
            if messages.needs[at] >= 0:
                needed += [r for r in messages.members(int(messages.needs[at])) if r not in self.dropped][:1]
            for other in needed:
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return found

    def _choose(self, number: int, standing: list[int]) -> None:
        """Keep one of the rows of a group that stand; drop the others."""
        values = {row: [self._value(row, criterion) for criterion in self.policy.keep_best_by] for row in standing}
        order = sorted(standing, key=lambda row: (values[row], self._name(row), row))
        place = {row: k for k, row in enumerate(order)}
        best, rivals = order[0], self._rivals(order[0])
        for row in order:
            mine = self._rivals(row)
            # Not at the price of the last copy of another text.
            if not self._wipes_out(mine):
                best, rivals = row, mine
                break
        drops = {}
        for row, through in sorted(rivals.items()):
            rules = tuple(sorted(self._copies[through].rules))
            if row in values:
                differs = (k for k, value in enumerate(values[best]) if value != values[row][k])
                by = next((self.policy.keep_best_by[k] for k in differs), ID)
                by = by if place[best] < place[row] else THREAD
                drops[row] = _Drop(Action.KEEP_BEST, rules, kept=best, by=by)
            else:
                above = next(r for r in sorted(self._above(best)) if through in self._groups_of.get(r, ()))
                drops[row] = _Drop(Action.KEEP_BEST, rules, kept=above, by=THREAD)
        self._apply(drops)

    def _rivals(self, row: int) -> dict[int, int]:
        """The rows that cannot stand beside a row and what it needs, with the number of the group that both are of."""
        needed = self._above(row)
        return {
            other: number
            for mine in (*sorted(needed - {row}), row)  # what its own group says stands above the rest
            for number in self._groups_of.get(mine, ())
            for other in self._copies[number].rows
            if other not in needed and other not in self.dropped and not self._may_both_stand(mine, other)
        }

    def _wipes_out(self, rows: Iterable[int]) -> bool:
        """Whether a group of copies would lose the last one if these rows were dropped."""
        fallen = self._fall(rows)
        touched = {number for row in fallen for number in self._groups_of.get(row, ())}
        return any(all(row in fallen or row in self.dropped for row in self._copies[number].rows) for number in touched)

    def _value(self, row: int, criterion: Criterion) -> tuple[float, ...]:
        """What copies are compared by: the least is the best."""
        m = self.messages
        if criterion == "split":
            return (self._split.get(row, int(m.split[row])),)
        if criterion == "replies":
            return (-len(self._fall([row])),)
        if criterion == "rank":
            return (float(m.rank[row]),)
        if criterion == "quality":
            return (1.0, 0.0) if np.isnan(m.quality[row]) else (0.0, -float(m.quality[row]))
        if criterion == "review":
            return (float(not m.is_accepted[row]), -float(m.n_reviews[row]))
        return (-float(m.n_chars[row]),)


# -- writing ---------------------------------------------------------------------------------------------------------


def _write(files: Sequence[Audited], plan: _Plan, folder: Path, progress: Progress) -> list[str]:
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
    sheet.write(folder / DROPPED, _DROPPED, _dropped_rows(files, plan))
    if plan.tags:
        sheet.write(folder / CHANGED, _CHANGED, _changed_rows(files, plan))
    return emptied


def _names(files: Sequence[Audited]) -> list[Path]:
    """What the cleaned files are called: as their sources, below the folder that these share."""
    folders = [file.path.parent for file in files if file.path.is_absolute()]
    shared = Path(os.path.commonpath(folders)) if folders else Path()
    while shared.name.lower() in read.SPLIT_OF:  # a folder that tells the split of what it holds
        shared = shared.parent
    names: list[Path] = []
    for file in files:
        name = file.path.relative_to(shared) if file.path.is_absolute() else file.path
        if not name.name.lower().endswith(read.SUFFIXES):  # what is read where it is named, and not where its folder is
            name = name.with_name(f"{name.name}{suffix_of(file.source)}")
        free = (name if k == 1 else name.with_name(f"{k}-{name.name}") for k in count(1))
        names.append(next(candidate for candidate in free if candidate not in names))
    return names


def _edits(plan: _Plan) -> list[Edits | None]:
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


# -- lists -----------------------------------------------------------------------------------------------------------


_PLACE = ("source", "line", "tree_id", "message_id")
_DROPPED = (*_PLACE, "action", "reasons", "because_of", "kept_message_id", "kept_by")
_CHANGED = (*_PLACE, "field", "old", "new", "reasons")


def _place(files: Sequence[Audited], messages: Messages, row: int) -> tuple[object, ...]:
    ids = (column[row].as_py() or "" for column in (messages.tree_ids, messages.ids))
    return (files[messages.source[row]].source.name, int(messages.line[row]), *ids)


def _dropped_rows(files: Sequence[Audited], plan: _Plan) -> list[tuple[object, ...]]:
    """What was dropped, in the order of sources and lines."""
    messages = plan.messages

    def name(row: int) -> str:
        if row < 0:
            return ""
        return messages.ids[row].as_py() or nameless_id(int(messages.line[row]))

    rows: list[tuple[tuple[int, int, int], tuple[object, ...]]] = []
    for row, drop in plan.dropped.items():
        if messages.is_context[row]:
            continue
        told = (drop.action, "; ".join(drop.rules), name(drop.cause), name(drop.kept), drop.by)
        place = (int(messages.source[row]), int(messages.line[row]), row)
        rows.append((place, (*_place(files, messages, row), *told)))
    for (source, line), (action, rule) in plan.lost.items():
        rows.append(((source, line, -1), (files[source].source.name, line, "", "", action, rule, "", "", "")))
    return [listed for _, listed in sorted(rows, key=lambda row: row[0])]


def _changed_rows(files: Sequence[Audited], plan: _Plan) -> Iterator[tuple[object, ...]]:
    """Which language tags were set."""
    for row, (new, old, rules) in sorted(plan.tags.items()):
        field_name = plan.messages.plans[plan.messages.source[row]].format.lang_field
        yield (*_place(files, plan.messages, row), field_name, old or "", new, "; ".join(sorted(rules)))
