"""Copies of messages: equal, edited, cut, inside longer ones; each names the text that it copies.

1. `scan` turns each text into FACTS: hashes of the text, its set of word 5-grams, its words in order, its winnowed
   5-grams, its code without names (facts.py). Texts that repeat themselves are reported at once (within.py).
2. `compare` groups texts: those of the same words (same_words.py); those with similar sets (search.py: large families
   first, then an exact join or MinHash); those inside longer ones (passages.py). What differs decides what a pair is
   (shape.py, templates.py), and similar.py words it.

A group is a text and those verified against *it*; texts that are similar only through others are not joined (a chain of
edits has two ends that share nothing).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools
from ..base.check import ALL, Check, Method, Result, Spread, Stage
from ..base.claims import cover
from ..base.findings import CHECKED, FINDINGS
from ..base.groups import Pairs, grouped
from ..base.messages import Batch
from ..base.settings import Wants, setting
from ..base.sizes import n_bytes
from ..base.text import tokens
from ..base.text.tokens import N_GRAM
from .code import MIN_SHARED
from .facts import FACTS, facts_of
from .rules import (
    CAPPED,
    CONTAINED_COPY,
    CROSS_SPLIT,
    EXACT_COPY,
    METHOD,
    NAME,
    NEAR_COPY,
    NO_WORDS,
    OTHER_INSTRUCTION,
    OTHER_ROLE,
    OTHER_SIGNS,
    REPEATED_PASSAGE,
    REPEATED_PROMPT,
    STOCK_PHRASE,
    SYSTEM,
    TEMPLATE,
)
from .same_words import same_word_claims, stock_phrase_claims
from .search import Search, similar_pairs
from .sets import Sets, sizes_of
from .shape import Shape
from .similar import Judge, Near, grouped_texts, passages, renamed_code
from .texts import TextSets
from .within import repeated_passages


def _is_size(memory: str) -> bool:
    try:
        return n_bytes(memory) > 0
    except ValueError:
        return False


@dataclass(frozen=True)
class NearDuplicates(Check):
    """Report messages that copy other messages, whole or edited."""

    name: ClassVar = NAME
    rules: ClassVar = (
        EXACT_COPY,
        NEAR_COPY,
        CONTAINED_COPY,
        CROSS_SPLIT,
        OTHER_SIGNS,
        REPEATED_PASSAGE,
        OTHER_INSTRUCTION,
        REPEATED_PROMPT,
        TEMPLATE,
        STOCK_PHRASE,
    )
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "copied message",
        "cluster": "group",
        "jaccard": "Jaccard similarity",
        "contained": "share of the message that the other one contains",
        "scope": "relation",
        "roles": "roles of copy and original",
        "kind": "kind of copy",
        "splits": "splits",
        "count": "occurrences",
        "answers": "different answers",
    }

    min_similarity: float = setting(0.8, "Smallest Jaccard similarity of two texts' word 5-grams.", above=0, at_most=1)
    min_tokens: int = setting(10, "Shortest copy, in words; shorter texts that repeat are stock phrases.", at_least=1)
    roles: tuple[str, ...] = setting(
        (), 'Compare only messages with these roles, e.g. ["assistant"]; empty: all but system.'
    )
    method: Literal["auto", "exact", "minhash"] = setting(
        "auto",
        "How pairs are found; auto: the exact join while it fits into memory.",
        choices=("auto", "exact", "minhash"),
    )
    memory: str = setting(
        "4GB",
        "Memory that the comparison may take.",
        accepts=_is_size,
        expects="a size such as 500MB or 2GB",
        wants=Wants.MEMORY,
    )
    bands: int = setting(16, "Bands of a MinHash signature.", at_least=1)
    rows: int = setting(8, "Hashes in a band.", at_least=1)
    max_miss: float | None = setting(
        None, "Largest share of pairs at min_similarity that MinHash may miss; sets bands and rows.", above=0, below=1
    )
    seed: int = setting(1, "Seed of the MinHash functions.", at_least=0, below=2**32, expects="in [0, 2**32)")

    def load(self) -> None:
        tokens.load()

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.compare, {"texts": FACTS}, ALL, spreads=True)

    def scan(self, batch: Batch) -> Result:
        """Turn texts into sets of 5-grams, and report those that repeat themselves."""
        outcome = np.full(len(batch), "", dtype=object)
        outcome[np.diff(batch.tokens.bounds) == 0] = NO_WORDS
        role = batch.column("role")
        if self.roles:
            outcome[~np.asarray(pc.is_in(role, value_set=pa.array(self.roles)))] = OTHER_ROLE
        else:  # one system message is meant to serve many conversations
            outcome[as_bools(pc.equal(role, "system"))] = SYSTEM
        is_checked = outcome == ""
        rows = np.flatnonzero(is_checked & ~batch.is_context)
        outcome[is_checked] = CHECKED
        return Result(
            pa.concat_tables([FINDINGS.empty_table(), *repeated_passages(batch, rows)]),
            cover(batch.checkable, pa.array(outcome[~batch.is_context], pa.string())),
            rows={"texts": facts_of(batch, rows)},
        )

    def compare(self, rows: pa.Table, spread: Spread) -> Iterator[Result]:
        """Compare all texts; claims come in parts, since copies may be most of the data."""
        if not rows.num_rows:
            return
        texts = TextSets(rows)
        search = self._search()
        pairs = similar_pairs(texts.sets, search, spread)
        group = grouped(pairs)
        yield Result(coverage=cover(texts.facts(capped_texts(texts, pairs)), CAPPED), notes=pairs.notes)
        short = max(self.min_tokens, N_GRAM)
        yield from map(Result, stock_phrase_claims(texts, short))
        yield from map(Result, same_word_claims(texts, short))
        judge = Judge(texts, short)
        near = grouped_texts(texts, pairs, group)
        yield from map(Result, judge.claims(near))
        inside = passages(texts, pairs, self.min_similarity, search.budget, spread)
        yield from map(Result, judge.claims(inside))
        yield from map(Result, judge.claims(self._renamed(texts, group, search, spread), Shape.RENAMED))

    def _renamed(self, texts: TextSets, group: IntArray, search: Search, spread: Spread) -> Near:
        """Return texts that are an earlier one with other names in its code."""
        own = texts.first[sizes_of(texts.table["skeleton"])[texts.order[texts.first]] >= MIN_SHARED]
        skeletons = Sets(texts.table, "skeleton", texts.order[own])
        return renamed_code(texts, similar_pairs(skeletons, search, spread), own, group)

    def _search(self) -> Search:
        bands, rows = self.banding()
        return Search(self.min_similarity, self.method, n_bytes(self.memory), bands, rows, self.seed)

    def banding(self) -> tuple[int, int]:
        """Return bands and rows: as set, or with `max_miss` the optimum of datasketch.

        datasketch weighs false negatives against false positives; their weight is raised until few enough are missed.
        """
        if self.max_miss is None:
            return self.bands, self.rows
        from datasketch import MinHashLSH

        for weight in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999):
            lsh = MinHashLSH(self.min_similarity, self.bands * self.rows, weights=(1 - weight, weight))
            if (1 - self.min_similarity**lsh.r) ** lsh.b <= self.max_miss:
                return lsh.b, lsh.r
        raise ValueError(
            f"max_miss: {self.max_miss} is not reached with {self.bands * self.rows} hashes (bands x rows); raise "
            "bands or rows"
        )


def capped_texts(texts: TextSets, pairs: Pairs) -> IntArray:
    """Return the texts without a match that were not compared with all others."""
    has_set = texts.set_of >= 0
    is_alone = pairs.capped & (np.bincount(texts.set_of[has_set], minlength=len(pairs.capped)) == 1)
    is_alone[pairs.left] = is_alone[pairs.right] = False
    return np.flatnonzero(np.append(is_alone, False)[texts.set_of])  # without a set: the last
