"""Decisions about every message: kept, dropped by a rule, or dropped with another message.

They need no text, only the index of all messages: ids, parents, trees, ranks, labels, lengths.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import as_ints, single
from ...checks.base.findings import LEVELS, Action, Concerns
from ...checks.base.places import line_id, nameless_id
from ...reports.record import Record
from .copies import CopyGroup, Joined
from .message_index import MessageIndex, split_code
from .policy import WAY_OUT, Criterion, Policy, unfit


class _Drop(NamedTuple):
    """Why a message is dropped."""

    action: str  # an Action, or TAKEN
    rules: tuple[str, ...] = ()  # its own faults
    cause: int = -1  # the row that it fell with, where it fell with another
    kept: int = -1  # the row of the copy that is kept
    by: str = ""  # what that one was chosen by


TAKEN, LOST, THREAD, ID = "fell with another", "could not be read", "thread", "id"
_STRENGTH = (Action.DROP_MESSAGE, Action.DROP_SUBTREE, Action.DROP_TREE)


class Decisions:
    """What a policy does to a data set."""

    def __init__(self, record: Record, messages: MessageIndex, policy: Policy) -> None:
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
        self._copies: list[CopyGroup] = []
        self._groups_of: dict[int, list[int]] = {}  # numbers of the _Copies that a row is of
        # Short texts may stand many times: no finding says that one is a copy of the other, and all of them are copies
        # of what one of them is a copy of.
        self._phrases: list[list[int]] = []
        self._phrase_of: dict[int, int] = {}
        self._split: dict[int, int] = {}  # where a finding says it
        self._stands: dict[int, int] = {}  # how many rows of a group stand, where not all do
        rules = [rule for check in record.facts.checks for rule in check.rules]
        self._concerns = {rule.id: rule.concerns for rule in rules}
        self._of_lost = [rule.id for rule in rules if rule.action == Action.DROP_RECORD]
        self._read_findings(record.table)
        for place in messages.lost:
            self.is_mended[place[0]] = True
            self.lost[place] = (LOST, "; ".join(self._of_lost))

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
                concerns = self._concerns.get(rule, Concerns.MESSAGE)
                if concerns == Concerns.COPIES:
                    self._note_phrase(finding["spans"])
                action = self.policy.action(rule, finding["severity"])
                if action == Action.KEEP:
                    if finding["severity"] >= LEVELS[self.policy.min_severity] and rule not in self._of_lost:
                        left[rule] += 1
                    continue
                place = (self._number[finding["source"]], finding["line"])
                rows = self._rows(finding["message_id"], *place, finding["spans"][0])
                if concerns == Concerns.REPEATED_ID:
                    key = (rule, *place, finding["message_id"])
                    at[key] = at.get(key, 0) + 1
                    # Of n messages with one id in a record, as many as there are findings, the last ones.
                    rows = self._rows(finding["message_id"], *place)
                    rows = rows[len(rows) - at[key] :][:1]
                elif concerns == Concerns.TREE_STATES and action != Action.DROP_TREE:
                    rows = [row for first in rows for row in self._other_states(first)]
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

    def _other_states(self, row: int) -> list[int]:
        """Return the messages of its tree whose tree state is not that of the first."""
        tree, state = self.messages.tree_of(row), self.messages.state
        return [other for other in tree if state[other] != state[tree[0]]]

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
        groups: dict[object, CopyGroup] = {}
        same = Joined()  # rows with the very words of one another
        for finding, row, partner in pairs:
            cluster.setdefault(partner, cluster[row])
            if finding["facets"].get("jaccard") == "1.000":
                same.join(row, partner)
        for row, name in cluster.items():
            groups.setdefault(name, CopyGroup()).rows.add(row)
        with_words: dict[int, set[int]] = {}
        for row in cluster:
            with_words.setdefault(same.first(row), set()).add(row)
        for finding, row, partner in pairs:
            if cluster[row] == cluster[partner]:
                groups[cluster[row]].rules.add(finding["rule"])
            else:
                both = (same.first(row), same.first(partner))
                group = groups.setdefault(both, CopyGroup())
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
