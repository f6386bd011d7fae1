"""Decisions about every message: kept, dropped by a rule, or dropped with another message.

They need no text, only the index of all messages: ids, parents, trees, ranks, labels, lengths.
"""

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from ...checks.base.findings import LEVELS, Action, Concerns
from ...reports.record import Record
from .copies import Copies, Pair
from .drops import WITH_ANOTHER, Drop, Drops
from .locate import Locator
from .message_index import MessageIndex
from .policy import REPEATED, WAY_OUT, Policy, unfit
from .unique import KeptContents, found_nowhere_else

LOST = "could not be read"
_STRENGTH = (Action.DROP_MESSAGE, Action.DROP_SUBTREE, Action.DROP_TREE)
_COLUMNS = ["rule", "severity", "source", "line", "message_id", "lang", "spans", "facets"]


class NewTag(NamedTuple):
    """A language tag to be set."""

    new: str
    old: str | None
    rules: set[str]  # that ask for it


class Effect(NamedTuple):
    """Messages that are dropped for one rule."""

    messages: int  # with a finding of it
    along: int  # replies to these, and the rest of their records
    unique: int  # of both, those with a text that no message that is kept has


class KeptCopy(NamedTuple):
    """A copy that is kept although the policy drops copies."""

    partner: int  # the row that it copies
    rules: tuple[str, ...]
    unique: int  # a row that would be lost with it


class Decisions:
    """The effects of a policy on a data set."""

    def __init__(self, record: Record, messages: MessageIndex, policy: Policy) -> None:
        self.messages, self.policy = messages, policy
        self.tags: dict[int, NewTag] = {}  # by row
        # Records to be left out that have no message, by source and line, with action and rules.
        self.lost: dict[tuple[int, int], tuple[str, str]] = {}
        # Sources with a fault that is not in a message: it disappears when the file is written again.
        self.is_faulty = np.zeros(len(messages.plans), dtype=bool)
        self.left: dict[str, int] = {}
        self.n_groups = 0
        self._formats = [source.format for source in record.facts.sources]
        self._drops = Drops(messages)
        self._locator = Locator(messages, [source.name for source in record.facts.sources])
        self._copies = Copies(self._drops, self._locator, policy)
        self._wanted: dict[int, tuple[Action, set[str]]] = {}  # by row: the strongest action, and all rules
        rules = [rule for check in record.facts.checks for rule in check.rules]
        self._concerns = {rule.id: rule.concerns for rule in rules}
        self._drop_record = [rule.id for rule in rules if rule.action == Action.DROP_RECORD]
        self._read_findings(record.table)
        for place in messages.lost:
            self.is_faulty[place[0]] = True
            self.lost[place] = (LOST, "; ".join(self._drop_record))

    @property
    def dropped(self) -> Mapping[int, Drop]:
        """Dropped messages by row, with the reason."""
        return self._drops.by_row

    @property
    def n_dropped(self) -> int:
        return sum(not self.messages.is_context[row] for row in self.dropped)

    def is_emptied(self, source: int) -> bool:
        """Return whether no message of a source is left."""
        return all(row in self.dropped for row in self.messages.rows_of(source))

    @property
    def n_with_others(self) -> int:
        """Messages that were dropped only with another one."""
        return sum(
            drop.action == WITH_ANOTHER and not self.messages.is_context[row] for row, drop in self.dropped.items()
        )

    @cached_property
    def found_nowhere_else(self) -> set[int]:
        """Dropped messages whose text no message that is kept has."""
        return {row for row in found_nowhere_else(self._drops) if not self.messages.is_context[row]}

    @cached_property
    def by_rule(self) -> dict[str, Effect]:
        """What is dropped for each rule, the most messages first."""
        effects: dict[str, Counter[str]] = {}
        for row, drop in self.dropped.items():
            if self.messages.is_context[row]:
                continue
            own = drop
            while not own.rules:
                own = self.dropped[own.cause]
            for rule in own.rules:
                effects.setdefault(rule, Counter()).update(
                    messages=int(drop is own), along=int(drop is not own), unique=int(row in self.found_nowhere_else)
                )
        order = sorted(effects.items(), key=lambda item: (-item[1]["messages"], item[0]))
        return {rule: Effect(n["messages"], n["along"], n["unique"]) for rule, n in order}

    @cached_property
    def kept_copies(self) -> dict[int, KeptCopy]:
        """Copies that are kept because something would be lost with them, by row."""
        if not self.policy.keep_unique:
            return {}
        contents, rules = KeptContents(self._drops), dict[int, set[str]]()
        partner: dict[int, int] = {}
        for row, other, rule in self._copies.reported:
            if row not in self.dropped and other not in self.dropped:
                rules.setdefault(row, set()).add(rule)
                partner.setdefault(row, other)
        return {
            row: KeptCopy(partner[row], tuple(sorted(named)), min(contents.lost_with(row), default=-1))
            for row, named in sorted(rules.items())
        }

    def carry_out(self) -> None:
        """Decide about every message."""
        self._drop_flagged()
        self.n_groups = self._copies.keep_best()
        for row in self.dropped:
            self.tags.pop(row, None)
        for row in self.tags:
            number = int(self.messages.source[row])
            if self.messages.plans[number].format.lang_field is None or self.messages.shares_record(row):
                raise ValueError(
                    f"fix_language: the format {self._formats[number]!r} has no language tags. Use drop_message or keep"
                )

    def _read_findings(self, table: pa.Table) -> None:
        pairs: list[Pair] = []
        left: Counter[str] = Counter()
        n_repeated: Counter[object] = Counter()  # findings so far on one id in one record
        for batch in table.select(_COLUMNS).to_batches(max_chunksize=10_000):
            for finding in batch.to_pylist():
                rule = finding["rule"]
                if self._concerns.get(rule) == Concerns.COPIES:
                    self._copies.add_phrase(finding["spans"])
                action = self.policy.action(rule, finding["severity"])
                if action != Action.KEEP:
                    self._act(action, finding, pairs, n_repeated)
                elif finding["severity"] >= LEVELS[self.policy.min_severity] and rule not in self._drop_record:
                    left[rule] += 1
        self.left = dict(sorted(left.items(), key=lambda item: (-item[1], item[0])))
        self._copies.group(pairs)

    def _act(self, action: Action, finding: Mapping[str, Any], pairs: list[Pair], n_repeated: Counter[object]) -> None:
        """Note what an action does about one finding."""
        rule, facets = finding["rule"], dict(finding["facets"])
        place = self._locator.place(finding)
        rows = self._rows(action, finding, n_repeated)
        if not rows:
            self.is_faulty[place[0]] = True
            if self._concerns.get(rule) != Concerns.RECORD:
                self.lost[place] = (action, rule)
        elif action == Action.KEEP_BEST and self._concerns.get(rule) in REPEATED:
            for row in rows:
                self._copies.add_repeated(row, rule)
        elif action == Action.KEEP_BEST:
            _refuse_missing(rule, action, {"partner", "cluster"} - facets.keys(), {"partner", "cluster"})
            pairs.append(Pair(rows[0], rule, facets, finding["spans"]))
        elif action == Action.FIX_LANGUAGE:
            detected = facets.get("detected") or ""
            _refuse_missing(rule, action, set() if detected else {"detected"}, {"detected"})
            for row in rows:
                self.tags.setdefault(row, NewTag(detected, finding["lang"], set())).rules.add(rule)
        else:
            for row in rows:
                before, rules = self._wanted.get(row, (action, set()))
                self._wanted[row] = (max(before, action, key=_STRENGTH.index), rules | {rule})

    def _rows(self, action: Action, finding: Mapping[str, Any], n_repeated: Counter[object]) -> list[int]:
        """Return the messages that an action on a finding applies to."""
        source, line = self._locator.place(finding)
        message_id, concerns = finding["message_id"], self._concerns.get(finding["rule"])
        if concerns == Concerns.REPEATED_ID:
            n_repeated[key := (finding["rule"], source, line, message_id)] += 1
            # Of n messages with one id in a record, the last ones, as many as there are findings.
            rows = self._locator.rows(message_id, source, line)
            return rows[len(rows) - n_repeated[key] :][:1]
        rows = self._locator.rows(message_id, source, line, finding["spans"][0])
        if concerns == Concerns.REPEATED_TREE:
            return [row for first in rows[:1] for row in self._locator.repeated(first)]
        if concerns == Concerns.TREE_STATES and action != Action.DROP_TREE:
            return [row for first in rows for row in self._locator.other_states(first)]
        return rows

    def _drop_flagged(self) -> None:
        drops: dict[int, Drop] = {}
        with_them: dict[int, Drop] = {}
        for row, (action, rules) in sorted(self._wanted.items()):
            drops[row] = Drop(action, tuple(sorted(rules)))
            if action != Action.DROP_MESSAGE:
                more = self.messages.tree_of(row) if action == Action.DROP_TREE else self.messages.subtree(row)
                with_them.update(dict.fromkeys(more, Drop(WITH_ANOTHER, cause=row)))
        self._drops.apply(with_them | drops)


def _refuse_missing(rule: str, action: Action, missing: set[str], wanted: set[str]) -> None:
    """Raise if a finding lacks facets that its action needs."""
    if missing:
        raise ValueError(f"[rules] {rule}: {unfit(action, wanted)}; those of this rule have none. {WAY_OUT}")
