"""What an audit has so far: the rows of each check, and the counts of messages that no check decides about."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.check import ALL, Check, Result
from ..progress import Progress
from ..storage.checkpoint import Journal
from ..storage.spill import Spill
from .first_stage import FirstResults
from .state import Outcome, State

SMALL = 8 << 20  # bytes in memory; small pieces that are kept for long would hold the memory between them


class Tally:
    """Findings, messages, conversations, rows for later stages, and outcomes of an audit.

    Rows are kept by the journal: in memory while they are few, on disk beyond that.
    """

    def __init__(
        self, checks: Sequence[Check], journal: Journal, budget: int, progress: Progress, state: State
    ) -> None:
        self.checks, self.budget = checks, budget
        self._journal, self._progress = journal, progress
        self.outcomes = {check.name: state.outcomes.get(check.name, Outcome()) for check in checks}
        self.shape = Counter({(role, depth): n for role, depth, n in state.shape})
        self.days = Counter(dict(state.days))
        self.n_trees = state.n_trees
        self.messages = journal.spill("messages", None, SMALL)  # SEEN, with the outcomes of the first stages
        self.findings = journal.spill("findings", None, SMALL)
        self.conversations = journal.spill("threads", None, SMALL)
        # Where the messages of each tree are: number of the source, tree_id, line.
        self.places = journal.spill("places", None, budget)

    def state(self) -> State:
        """Return the counts as a checkpoint keeps them; the caller adds how far the reading is."""
        return State(
            outcomes=self.outcomes,
            shape=[(*key, n) for key, n in self.shape.items()],
            days=list(self.days.items()),
            n_trees=self.n_trees,
        )

    def add_first(self, first: FirstResults, sources: Sequence[str]) -> None:
        """Add what the first stages gave for one batch."""
        self.messages.add(first.messages)
        self.shape += first.shape
        self.days += first.days
        self.n_trees += first.n_trees
        self.conversations.add(first.conversations)
        if first.places is not None:
            number = pc.index_in(first.places["source"], value_set=pa.array(sources))
            self.places.add(first.places.set_column(0, "source", number))
        for check, result, seconds in first.results:
            self.add(check, 1, result, seconds)

    def add(self, check: Check, number: int, result: Result | str, seconds: float) -> None:
        """Add what one call of a stage gave, or why it failed; `number` is that of the next stage."""
        if isinstance(result, str):
            self.join(check.name, Outcome(seconds=seconds, error=result))
            return
        given = list(result.notes), list(result.tables)
        self.join(check.name, Outcome(1, *given, seconds, labelled=result.labelled))
        self.findings.add(result.findings)
        try:
            self._hand_on(check, number, result.rows)
        except TypeError as error:
            self.join(check.name, Outcome(error=str(error)))

    def add_state(self, state: State) -> None:
        """Add the counts of a worker; its rows are files that the journal adopts."""
        self.shape += Counter({(role, depth): n for role, depth, n in state.shape})
        self.days += Counter(dict(state.days))
        self.n_trees += state.n_trees
        for name, outcome in state.outcomes.items():
            self.join(name, outcome)

    def join(self, check: str, more: Outcome) -> None:
        """Add to the outcome of a check what one of its calls or a worker gave."""
        outcome = self.outcomes[check]
        if more.error and outcome.error is None:
            self._progress.say(f"{check} failed: {more.error}")
        outcome.error = outcome.error or more.error
        outcome.notes += more.notes
        outcome.tables += more.tables
        outcome.seconds += more.seconds
        outcome.labelled = more.labelled or outcome.labelled

    def failed(self) -> list[str]:
        """Return the names of the checks that did not finish."""
        return [name for name, outcome in self.outcomes.items() if outcome.error]

    def rows(self, check: Check, number: int) -> Spill:
        """Return the rows that a later stage of a check takes."""
        by = check.stages()[number].by
        return self._journal.spill(self.name(check, number), None if by == ALL else by, self.budget)

    def coverage(self, check: Check) -> Spill:
        """Return COVERAGE that later stages of a check gave."""
        return self._journal.spill(f"{check.name} coverage", None, SMALL)

    @staticmethod
    def name(check: Check, number: int) -> str:
        """Return the name under which the journal keeps the rows of a later stage."""
        return f"{check.name} {number}"

    def _hand_on(self, check: Check, number: int, rows: Mapping[str, pa.Table]) -> None:
        stages = check.stages()
        for name, table in rows.items():
            takers = [k for k in range(number, len(stages)) if name in stages[k].takes]
            if len(takers) != 1:
                raise TypeError(f"rows {name!r}: {len(takers)} later stages take them; expected one")
            (taker,) = takers
            self.rows(check, taker).add(stages[taker].packed(name, table))
