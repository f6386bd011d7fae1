"""Replies that a careful contributor would not have sent.

Short replies are read for phrases that answer nothing (non_answers.py). All replies get a score from a fitted model
(features.py, score.py), which is compared with people's quality labels where the data hold them (summary.py).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools, single
from ..base.check import ALL, Check, Method, Result, Stage
from ..base.claims import NO_REPLIES, claim, counted, cover
from ..base.findings import CHECKED
from ..base.messages import Batch
from ..base.settings import setting
from ..base.statistics.agreement import labels
from ..base.statistics.intervals import FloatArray
from .features import FEATURES, features_of
from .non_answers import MAX_COMPLETE, MAX_TOKENS, Kind, asks_for_little, kind_of
from .rules import FACETS, LABEL_DISAGREES, LOW_EFFORT, METHOD, NAME, NON_ANSWER, RULES
from .score import HIGH, LOW, RATED_HIGH, RATED_LOW, is_seen, log_odds, probability
from .summary import SCORES, summary

MIN_VOTES = 2  # on the quality of a reply, below which a label is one person's opinion


@dataclass(frozen=True)
class LowEffort(Check):
    """Report replies that answer nothing, and those that people would probably rate low."""

    name: ClassVar = NAME
    rules: ClassVar = RULES
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = FACETS

    min_probability: float = setting(
        0.5, "Smallest probability that people would rate a reply 0.25 or less.", above=0, below=1
    )
    max_label_probability: float = setting(
        0.05, "Largest probability of a quality label, given the score, that contradicts it.", above=0, below=1
    )

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.summarise, {"scores": SCORES}, ALL)

    def scan(self, batch: Batch) -> Result:
        """Read short replies, and score all of them."""
        outcomes = _outcomes(batch)
        rows = np.flatnonzero((outcomes == CHECKED) & ~batch.is_context)
        covered = cover(batch.checkable, pa.array(outcomes[~batch.is_context], pa.string()))
        if not rows.size:
            return Result(coverage=covered)
        kinds = _non_answers(batch, rows)
        features = features_of(batch, rows)
        score, has_siblings = log_odds(features), features[:, FEATURES.index("siblings")] > 0
        low, high = (probability(score, has_siblings, curves) for curves in (RATED_LOW, RATED_HIGH))
        low = np.where(_may_be_complete(batch, rows, low >= self.min_probability, has_siblings), low / 2, low)
        quality, votes = labels(batch.column("labels").take(pa.array(rows)), "quality")
        quality[votes < MIN_VOTES] = np.nan
        empty = np.array(list(kinds), dtype=np.int64)
        is_low = (low >= self.min_probability) & ~np.isin(rows, empty)
        says = [f"{str(kind)[0].upper()}{kind[1:]}" for kind in kinds.values()]
        facets = [{"kind": str(kind)} for kind in kinds.values()]
        tables = [
            claim(batch.places, NON_ANSWER, empty, says, facets=facets),
            claim(
                batch.places, LOW_EFFORT, rows[is_low], _described(low, features, is_low), score=low[is_low].round(3)
            ),
        ]
        for name, p, is_rated in (("low", low, quality <= LOW), ("high", high, quality >= HIGH)):
            against = is_rated & (p <= self.max_label_probability)
            texts = [
                f"Rated {name} ({value:.2f}) by people; the score gives that a probability of {each:.3f}"
                for value, each in zip(quality[against], p[against], strict=True)
            ]
            tables.append(claim(batch.places, LABEL_DISAGREES, rows[against], texts, score=(1 - p[against]).round(3)))
        scores = pa.table(
            {
                "tree": batch.tree_digest[rows],
                "lang": batch.column("lang").take(pa.array(rows)),
                "score": score,
                "has_siblings": has_siblings,
                "is_seen": is_seen(batch.text_digest[rows]),
                "quality": pa.array(quality, mask=np.isnan(quality)),
            },
            schema=SCORES,
        )
        return Result(pa.concat_tables(tables), covered, {"scores": scores})

    def summarise(self, scores: pa.Table) -> Result:
        """Estimate the share of replies that people would rate low, and compare the score with labels."""
        return summary(scores)


def _outcomes(batch: Batch) -> npt.NDArray[np.object_]:
    """Return why each message is skipped; CHECKED: it is a reply to a prompt."""
    outcomes = np.full(len(batch), CHECKED, dtype=object)
    role = batch.column("role")
    answers_prompt = (batch.parent >= 0) & as_bools(pc.equal(role, "prompter"))[batch.parent]
    has_more = as_bools(pc.greater(pc.list_value_length(batch.column("calls")), 0))
    has_more |= as_bools(pc.greater(pc.list_value_length(batch.column("media")), 0))
    has_no_text = as_bools(batch.column("text").is_null()) | as_bools(single(batch.text_facts["is_blank"]))
    for reason, some in (
        ("not a direct reply to a prompt", ~answers_prompt),
        ("tool call or attachment", has_more),
        ("no text", has_no_text),
        *((reason, as_bools(pc.equal(role, name))) for name, reason in NO_REPLIES.items()),
    ):
        outcomes[some] = reason
    return outcomes


def _non_answers(batch: Batch, rows: IntArray) -> dict[int, Kind]:
    """Return the replies among these rows that answer nothing."""
    texts, langs = batch.column("text"), batch.column("lang")
    above, bounds = batch.parent, batch.tokens.bounds
    n = np.diff(bounds)
    firsts = np.append(batch.tokens.hashes, np.uint64(0))[bounds[:-1]]
    # A longer reply can only repeat its prompt: it begins with the same word, and is not longer.
    repeats = (firsts == firsts[above]) & (n <= n[above])
    short = rows[(n[rows] <= MAX_TOKENS) | repeats[rows]]
    columns = (texts.take(pa.array(short)), texts.take(pa.array(above[short])), langs.take(pa.array(short)))
    found = {
        row: kind_of(reply, prompt or "", lang)
        for row, reply, prompt, lang in zip(short.tolist(), *(each.to_pylist() for each in columns), strict=True)
    }
    return {row: kind for row, kind in found.items() if kind is not None}


def _may_be_complete(batch: Batch, rows: IntArray, doubted: BoolArray, has_siblings: BoolArray) -> BoolArray:
    """Mark the short replies, among the doubted ones, whose prompts ask for no more than a few words.

    Siblings show what else a prompt may have asked for; then only a prompt that asks for something short excuses.

    The score knows no words: "Tokyo" is little beside siblings of a hundred words, and all that some prompts ask for.
    OASST, which it was fitted on, has few such prompts, and instruction sets are full of them.
    """
    found = doubted & (np.diff(batch.tokens.bounds)[rows] <= MAX_COMPLETE)
    at = rows[found]
    columns = (batch.column("text").take(pa.array(batch.parent[at])), batch.column("lang").take(pa.array(at)))
    prompts = zip(*(column.to_pylist() for column in columns), strict=True)
    found[found] = [
        asks_for_little(prompt or "", lang, is_sure=bool(siblings))
        for (prompt, lang), siblings in zip(prompts, has_siblings[found], strict=True)
    ]
    return found


def _described(low: FloatArray, features: FloatArray, some: BoolArray) -> list[str]:
    """Word the score of some replies."""
    names = ("words", "coverage", "siblings", "than_chars")
    columns = (features[some, FEATURES.index(name)].tolist() for name in names)
    return [
        f"Likely to be rated low ({p:.2f}): {counted(round(expm1(words)), 'word')}"
        + (f", {100 * exp(longer):.0f} % of the length of its siblings" if siblings else "")
        + f", {100 * coverage:.0f} % of the prompt's words"
        for p, words, coverage, siblings, longer in zip(low[some].tolist(), *columns, strict=True)
    ]
