"""Groups of duplicate messages, of which `clean` keeps the best."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...checks.base.findings import Action
from .drops import Drop, Drops
from .indexing import split_code
from .locate import Locator
from .policy import Criterion, Policy
from .unique import KeptContents

THREAD, ID = "thread", "id"  # how a copy was chosen if no criterion did: by its thread, by the smallest id


@dataclass(frozen=True)
class Pair:
    """A finding that one message is a copy of another."""

    row: int
    rule: str
    facets: Mapping[str, str]  # with `partner` and `cluster`
    spans: Sequence[Mapping[str, Any]]  # of the message, then of its partner


@dataclass
class CopyGroup:
    """Messages of which one is kept, and the rules that reported them."""

    rows: set[int] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)


class Merit(NamedTuple):
    """What copies are compared by: the smallest is the best."""

    values: list[tuple[float, ...]]  # of the criteria, in their order
    id: str
    row: int


class Joined:
    """Disjoint sets of rows."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def first(self, row: int) -> int:
        """Return the row that represents the set of `row`."""
        while (following := self._next.get(row, row)) != row:
            self._next[row] = self._next.get(following, following)  # halves the path for the next call
            row = following
        return row

    def join(self, row: int, other: int) -> None:
        """Join the sets of two rows."""
        low, high = sorted((self.first(row), self.first(other)))
        self._next[high] = low


class Copies:
    """All groups of copies in a data set: `add_phrase`, `add_repeated` and `group` collect them, `keep_best` decides.

    A row may be in several groups.
    """

    def __init__(self, drops: Drops, locator: Locator, policy: Policy) -> None:
        self.drops, self.messages, self.locator = drops, drops.messages, locator
        self.keep_best_by, self.keep_unique = policy.keep_best_by, policy.keep_unique
        self.reported: list[tuple[int, int, str]] = []  # a copy, what it copies, and the rule
        self._groups: list[CopyGroup] = []
        self._groups_of: dict[int, list[int]] = {}  # numbers of the groups that a row is in
        # Short texts may occur many times: no finding reports one as a copy of the other, and what duplicates one of
        # them duplicates all.
        self._phrases: list[list[int]] = []
        self._phrase_of: dict[int, int] = {}
        self._repeated: set[int] = set()  # rows of repeated ids
        self._split: dict[int, int] = {}  # splits that only findings name

    def add_phrase(self, spans: Iterable[Mapping[str, Any]]) -> None:
        """Add a short text whose copies are interchangeable."""
        rows = [row for span in spans for row in self.locator.rows_of(span)]
        self._phrase_of.update(dict.fromkeys(rows, len(self._phrases)))
        self._phrases.append(rows)

    def add_repeated(self, row: int, rule: str) -> None:
        """Add a message whose id is repeated: the messages with its id are its copies."""
        rows = set(self.messages.members(self.messages.groups_of(row)[1]))
        if others := rows - {row}:
            self._groups.append(CopyGroup(rows, {rule}))
            self._repeated |= rows
            self.reported.append((row, min(others), rule))

    # -- grouping ----------------------------------------------------------------------------------------------------

    def group(self, findings: Sequence[Pair]) -> None:
        """Form groups from all findings.

        A cluster is one group. A pair across two clusters is a group of its own, together with all exact duplicates of
        either message.
        """
        pairs, first_row = self._with_partners(findings)
        cluster = {pair.row: pair.facets["cluster"] for pair, _ in pairs}
        for name in dict.fromkeys(cluster.values()):
            if (first := first_row.get(name, -1)) >= 0:
                cluster.setdefault(first, name)
        for pair, partner in pairs:
            cluster.setdefault(partner, cluster[pair.row])
        self.reported += [(pair.row, partner, pair.rule) for pair, partner in pairs]
        groups = [group for group in _groups(pairs, cluster) if group.rules and len(group.rows) > 1]
        for group in groups:
            for phrase in {self._phrase_of[row] for row in group.rows if row in self._phrase_of}:
                group.rows.update(self._phrases[phrase])
        self._groups += groups
        for number, group in enumerate(self._groups):
            for row in group.rows:
                self._groups_of.setdefault(row, []).append(number)

    def _with_partners(self, findings: Sequence[Pair]) -> tuple[list[tuple[Pair, int]], dict[str, int]]:
        """Return the findings whose partner is another known message, with its row; and rows by name in facets."""
        pairs: list[tuple[Pair, int]] = []
        names = {name for pair in findings for name in (pair.facets["partner"], pair.facets["cluster"])}
        by_id = self.locator.first_rows(names) if findings else {}
        by_partner: dict[str, int] = {}
        for pair in findings:
            partner = by_id.get(pair.facets["partner"], -1)
            for span in pair.spans[1:2]:
                partner = next((other for other in self.locator.rows_of(span) if other != pair.row), partner)
            if partner < 0 or partner == pair.row:
                continue
            by_partner.setdefault(pair.facets["partner"], partner)
            pairs.append((pair, partner))
            splits = pair.facets.get("splits", "").split(", ")
            if len(splits) == 2:  # the user may have named them on the command line: the data need not
                self._split[pair.row], self._split[partner] = map(split_code, splits)
        return pairs, by_id | by_partner

    # -- choosing ----------------------------------------------------------------------------------------------------

    def keep_best(self) -> int:
        """Drop all copies but the best of each group, and return the number of groups that lost a message."""
        needed = {row: self.drops.needed_by(row) for row in self._groups_of}
        # From the top of the trees down, so that a worse root does not take a better copy with it.
        order = sorted(
            range(len(self._groups)), key=lambda k: min((len(needed[r]), self._id(r), r) for r in self._groups[k].rows)
        )
        return len(self._drop_redundant(order) if self.keep_unique else self._drop_worse(order, needed))

    def _drop_redundant(self, order: Sequence[int]) -> set[int]:
        """Drop each copy, the worst first, of which nothing is lost; return the groups that lost a message."""
        contents = KeptContents(self.drops)
        decided: set[int] = set()
        merits: dict[int, Merit] = {}  # of dropped copies, with the replies that they had
        n_before = -1
        while n_before != len(merits):  # a copy that stayed for a reply may go once the reply has
            n_before = len(merits)
            for number in order:
                left = [row for row in self._groups[number].rows if row not in self.drops]
                ranked = sorted(map(self._merit, left)) if len(left) > 1 else []
                for merit in reversed(ranked):
                    row = merit.row
                    is_phrase = row in self._phrase_of and row not in self._repeated
                    if row not in self.drops and not is_phrase and not contents.lost_with(row):
                        contents.drop(row, Drop(Action.KEEP_BEST, tuple(sorted(self._groups[number].rules))))
                        decided.add(number)
                        merits[row] = merit
        self._name_kept(merits)
        return decided

    def _name_kept(self, merits: Mapping[int, Merit]) -> None:
        """Add to the drop of each copy the best one that is kept, and the criterion that chose it."""
        best: dict[int, Merit | None] = {}  # by content in its context, which large groups share
        text, context = self.messages.text, self.messages.context
        for row, merit in merits.items():
            if (place := int(context[row])) not in best:
                rows = {
                    other for k in self._groups_of[row] for other in self._groups[k].rows if other not in self.drops
                }
                twins = [other for other in rows if text[other] == text[row]]
                closest = [other for other in twins if context[other] == place] or twins
                best[place] = min(map(self._merit, closest), default=None)
            if (kept := best[place]) is not None:
                by = self._decided_by(kept, merit) if kept < merit else THREAD
                self.drops.by_row[row] = self.drops.by_row[row]._replace(kept=kept.row, by=by)

    def _merit(self, row: int) -> Merit:
        return Merit([self._value(row, criterion) for criterion in self.keep_best_by], self._id(row), row)

    def _decided_by(self, better: Merit, worse: Merit) -> str:
        """Return the first criterion that differs between two copies."""
        pairs = zip(self.keep_best_by, better.values, worse.values, strict=True)
        return next((criterion for criterion, mine, other in pairs if mine != other), ID)

    def _drop_worse(self, order: Sequence[int], needed: Mapping[int, set[int]]) -> set[int]:
        """Drop all copies but the best of each group; return the groups that lost a message."""
        drops = self._copies_of_ancestors(needed)
        decided = {number for row in drops for number in self._groups_of[row]}
        self.drops.apply(drops)
        for number in order:
            left = [row for row in self._groups[number].rows if row not in self.drops]
            if len(left) > 1:
                self._choose(left)
                decided.add(number)
        return decided

    def _copies_of_ancestors(self, needed: Mapping[int, set[int]]) -> dict[int, Drop]:
        """Return a drop for each copy of a message above it: it could not stay without that one."""
        drops = {}
        for group in self._groups:
            for row in sorted(group.rows):
                above = [other for other in needed[row] if other in group.rows and other != row]
                above = [other for other in above if not self._are_interchangeable(row, other)]
                if above and row not in self.drops:
                    drops[row] = Drop(Action.KEEP_BEST, tuple(sorted(group.rules)), kept=min(above), by=THREAD)
        return drops

    def _choose(self, left: Sequence[int]) -> None:
        """Keep one of the rows left of a group; drop the others."""
        merits = {row: self._merit(row) for row in left}
        order = sorted(left, key=merits.__getitem__)
        best, rivals = order[0], self._rivals(order[0])
        for row in order:
            mine = self._rivals(row)
            # Not if the last copy of another text would be dropped.
            if not self._empties_a_group(mine):
                best, rivals = row, mine
                break
        drops = {}
        for row, through in sorted(rivals.items()):
            rules = tuple(sorted(self._groups[through].rules))
            if row in merits:
                is_better = merits[best] < merits[row]
                by = self._decided_by(merits[best], merits[row]) if is_better else THREAD
                drops[row] = Drop(Action.KEEP_BEST, rules, kept=best, by=by)
            else:
                needed = sorted(self.drops.needed_by(best))
                above = next(r for r in needed if through in self._groups_of.get(r, ()))
                drops[row] = Drop(Action.KEEP_BEST, rules, kept=above, by=THREAD)
        self.drops.apply(drops)

    def _rivals(self, row: int) -> dict[int, int]:
        """Return the copies of a row and of what it needs, each with the number of their group.

        None of them can stay beside the row.
        """
        needed = self.drops.needed_by(row)
        return {
            other: number
            for mine in (*sorted(needed - {row}), row)  # the last one wins: the row's own groups
            for number in self._groups_of.get(mine, ())
            for other in self._groups[number].rows
            if other not in needed and other not in self.drops and not self._are_interchangeable(mine, other)
        }

    def _empties_a_group(self, rows: Iterable[int]) -> bool:
        """Return whether dropping these rows would drop the last message of a group."""
        gone = self.drops.with_dependents(rows)
        touched = {number for row in gone for number in self._groups_of.get(row, ())}
        return any(all(row in gone or row in self.drops for row in self._groups[number].rows) for number in touched)

    def _are_interchangeable(self, row: int, other: int) -> bool:
        return row in self._phrase_of and self._phrase_of[row] == self._phrase_of.get(other)

    def _id(self, row: int) -> str:
        return self.messages.ids[row].as_py() or ""

    def _value(self, row: int, criterion: Criterion) -> tuple[float, ...]:
        """Return the value that copies are compared by; the smallest is the best."""
        m = self.messages
        if criterion == "split":
            return (self._split.get(row, int(m.split[row])),)
        if criterion == "replies":
            return (-len(self.drops.with_dependents([row])),)
        if criterion == "rank":
            return (float(m.rank[row]),)
        if criterion == "quality":
            return (1.0, 0.0) if np.isnan(m.quality[row]) else (0.0, -float(m.quality[row]))
        if criterion == "review":
            return (float(not m.is_accepted[row]), -float(m.n_reviews[row]))
        if criterion == "age":
            return (float(m.created[row]),)
        return (-float(m.n_chars[row]),)


def _groups(pairs: Sequence[tuple[Pair, int]], cluster: Mapping[int, str]) -> Iterable[CopyGroup]:
    """Return one group for each cluster, and one for each pair across two clusters."""
    same = Joined()  # exact duplicates
    for pair, partner in pairs:
        if pair.facets.get("jaccard") == "1.000":
            same.join(pair.row, partner)
    groups: dict[object, CopyGroup] = {}
    exact: dict[int, set[int]] = {}
    for row, name in cluster.items():
        groups.setdefault(name, CopyGroup()).rows.add(row)
        exact.setdefault(same.first(row), set()).add(row)
    for pair, partner in pairs:
        if cluster[pair.row] == cluster[partner]:
            groups[cluster[pair.row]].rules.add(pair.rule)
        else:
            both = (same.first(pair.row), same.first(partner))
            group = groups.setdefault(both, CopyGroup())
            group.rows |= exact[both[0]] | exact[both[1]]
            group.rules.add(pair.rule)
    return groups.values()
