"""Replies that repeat their prompt instead of answering it, marked on both sides.

Each reply is compared with its prompt and its other ancestors. Candidates share n-grams with them (candidates.py). The
two texts are aligned (comparison.py), and a fitted model weighs what each of them says besides (features.py, model.py).

System messages and tool results are skipped on the way up, and are no replies themselves. An answer that passes on the
result of a tool does its job; one that recites its system message is another fault than this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools
from ..base.check import Check, Method, Result
from ..base.claims import NO_REPLIES, cover
from ..base.findings import CHECKED, NOTE, WARNING
from ..base.messages import Batch
from ..base.settings import setting
from .candidates import MAX_ANCESTORS, MIN_TOKENS, candidates
from .claims import FACETS, Pair, Repetition, findings
from .comparison import Comparison, words_of
from .features import features
from .model import probability
from .rules import COPIES_PROMPT, ECHO, METHOD, NAME, RESTATES_PROMPT

CALL = "tool call"  # which may pass the prompt on
NO_PROMPT = "no prompt in the data"
OWN_PARENT = "its own parent"
NO_WORDS = "no words"
SHORT_PROMPT = "prompt too short"

CHANGED = "earlier message, changed or asked for"
MIN_KEPT = 0.5  # of a message; a reply that keeps less of it does not repeat it
WHOLE = 0.9  # of a prompt is in a reply that copies it; with less around it, the reply is an echo
MAX_ORDER = 200  # characters of a message above, in which an order for all that follows is looked for


@dataclass(frozen=True)
class PromptParroting(Check):
    """Report replies that repeat their prompt, or another message above them."""

    name: ClassVar = NAME
    rules: ClassVar = (ECHO, COPIES_PROMPT, RESTATES_PROMPT)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = FACETS

    min_probability: float = setting(
        0.7, "Smallest probability that a repetition is an echo and was not asked for.", above=0, below=1
    )
    min_restated: float = setting(
        0.8, "Smallest share of a message's words that are in the reply, for a note.", above=0, at_most=1
    )
    min_prompt: int = setting(2, "Shortest prompt, in words, that replies are compared with.", at_least=1)

    def scan(self, batch: Batch) -> Result:
        """Compare each reply of whole trees with the messages above it."""
        parent, outcome = self.outcomes(batch)
        found: dict[int, Repetition] = {}  # the worst of each reply, and of these the nearest
        for pair in self.pairs(batch, parent, outcome):
            repetition, before = self._repetition(pair), found.get(pair.reply)
            if repetition is not None and (before is None or repetition.severity > before.severity):
                found[pair.reply] = repetition
        return Result(
            findings(batch, list(found.values())),
            cover(batch.checkable, pa.array(outcome[~batch.is_context], pa.string())),
        )

    def outcomes(self, batch: Batch) -> tuple[IntArray, npt.NDArray[np.object_]]:
        """Return the message that each one answers (-1: none), and whether it is checked or why not."""
        n_tokens = np.diff(batch.tokens.bounds)
        role = batch.column("role")
        parent = batch.below(~as_bools(pc.is_in(role, value_set=pa.array(["system", "tool"]))))
        outcome = np.full(len(batch), CHECKED, dtype=object)
        outcome[n_tokens[parent] < self.min_prompt] = SHORT_PROMPT
        outcome[n_tokens == 0] = NO_WORDS
        outcome[parent < 0] = NO_PROMPT
        outcome[parent == np.arange(len(batch))] = OWN_PARENT
        for name, reason in NO_REPLIES.items():
            outcome[as_bools(pc.equal(role, name))] = reason
        outcome[as_bools(batch.column("calls").is_valid())] = CALL
        return parent, outcome

    def pairs(self, batch: Batch, parent: IntArray, outcome: npt.NDArray[np.object_]) -> Iterator[Pair]:
        """Yield the replies that share enough with a message above them, the nearest first, with their features."""
        rows = np.flatnonzero((outcome == CHECKED) & ~batch.is_context)
        for reply, other, steps in zip(
            *(part.tolist() for part in candidates(batch, parent, rows, self.min_restated)), strict=True
        ):
            comparison = Comparison(words_of(batch, reply), words_of(batch, other))
            if comparison.of_other < MIN_KEPT:
                continue
            prompt = batch.column("text")[int(parent[reply])].as_py() if steps > 1 else None
            weighed = features(comparison, prompt, _orders_above(batch, int(parent[reply])))
            yield Pair(reply, other, steps, comparison, weighed)

    def _repetition(self, pair: Pair) -> Repetition | None:
        of_reply, of_other, likely = pair.comparison.of_reply, pair.comparison.of_other, probability(pair.features)
        if likely >= self.min_probability:
            is_copy = pair.steps == 1 and of_other >= WHOLE > of_reply
            kind = "earlier message" if pair.steps > 1 else ""
            return Repetition(COPIES_PROMPT if is_copy else ECHO, WARNING, pair, likely, kind)
        if of_other < self.min_restated:
            return None
        if pair.steps > 1:
            return Repetition(ECHO, NOTE, pair, of_reply, CHANGED) if of_reply >= self.min_restated else None
        quotes = len(pair.comparison.other) >= MIN_TOKENS and not pair.comparison.edges[0] and pair.features["behind"]
        return Repetition(RESTATES_PROMPT, NOTE, pair, of_other) if quotes else None


def _orders_above(batch: Batch, row: int) -> str:
    """Return how system messages and the first prompt above a prompt begin: an order may be for all that follows."""
    texts = {}
    for _ in range(MAX_ANCESTORS):
        row = int(batch.parent[row])
        if row < 0:
            break
        role = batch.column("role")[row].as_py()
        if role in ("system", "prompter"):
            texts[role if role == "prompter" else row] = (batch.column("text")[row].as_py() or "")[:MAX_ORDER]
    return "\n".join(texts.values())
