"""Exact and edited copies of messages: every reported pair is verified, and each copy names the text that it copies.

Texts are compared as sets of word 5-grams (base/text.py). One of two methods proposes pairs:

- `exact`: a similarity join by prefixes, which misses no pair at the threshold (kernels.join).
- `minhash`: banded MinHash signatures (Broder 1997; Indyk & Motwani 1998), in bounded memory. A pair of similarity s is
  missed with probability (1 - s**rows)**bands.

Each proposed pair is then verified on the full sets. A group is a text and those verified against *it*; texts that are
similar only through others are not joined (a chain of edits has two ends that share nothing).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import tee
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base import kernels
from ..base.arrow.columns import IntArray, as_bools
from ..base.arrow.memory_map import trim
from ..base.check import ALL, Check, Method, Result, Spread, Stage
from ..base.claims import cover
from ..base.findings import CHECKED
from ..base.groups import Pairs, grouped
from ..base.messages import PLACES, Batch
from ..base.settings import Wants, setting
from ..base.sizes import n_bytes
from ..base.statistics.intervals import in_percent
from ..base.text import tokens
from ..base.text.tokens import N_GRAM
from .claims import FACTS, TextSets, copy_claims, stock_phrase_claims
from .minhash import alike_pairs, lot_keys
from .rules import (
    CAPPED,
    CROSS_SPLIT,
    EXACT_COPY,
    METHOD,
    NAME,
    NEAR_COPY,
    NO_WORDS,
    OTHER_ROLE,
    STOCK_PHRASE,
    SYSTEM,
    TWICE,
)
from .sets import Sets, shared_values

MAX_FANOUT, MIN_FANOUT, MAX_PAIRS = 1000, 50, 50_000_000


def _is_size(memory: str) -> bool:
    try:
        return n_bytes(memory) > 0
    except ValueError:
        return False


@dataclass(frozen=True)
class NearDuplicates(Check):
    """Report messages that copy other messages, whole or edited."""

    name: ClassVar = NAME
    rules: ClassVar = (EXACT_COPY, NEAR_COPY, CROSS_SPLIT, STOCK_PHRASE)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "copied message",
        "cluster": "group",
        "jaccard": "Jaccard similarity",
        "scope": "relation",
        "roles": "roles of copy and original",
        "kind": "kind of copy",
        "splits": "splits",
        "count": "occurrences",
    }

    min_similarity: float = setting(0.8, "Smallest Jaccard similarity of two texts' word 5-grams.", above=0, at_most=1)
    min_tokens: int = setting(
        10, "Shortest exact copy, in words; shorter texts that repeat are stock phrases.", at_least=1
    )
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

    # -- first stage -------------------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Turn texts into sets of 5-grams."""
        sets, limits, whole = batch.shingles
        n_tokens = np.diff(batch.tokens.bounds)
        outcome = np.full(len(batch), "", dtype=object)
        outcome[n_tokens == 0] = NO_WORDS
        outcome[batch.is_copy] = TWICE
        role = batch.column("role")
        if self.roles:
            outcome[~np.asarray(pc.is_in(role, value_set=pa.array(self.roles)))] = OTHER_ROLE
        else:  # one system message is meant to serve many conversations
            outcome[as_bools(pc.equal(role, "system"))] = SYSTEM
        is_checked = outcome == ""
        rows = np.flatnonzero(is_checked & ~batch.is_context)
        outcome[is_checked] = CHECKED
        sums = np.append(np.uint64(0), np.cumsum(sets, dtype=np.uint64))
        columns = {name: batch.places[name] for name in PLACES.names}
        columns |= {name: batch.column(name) for name in ("role", "lang", "created_date", "user_id", "split")}
        columns["n_tokens"] = pa.array(n_tokens)
        columns["whole"] = pa.array(whole.view(np.int64))
        columns["digest"] = pa.array((sums[limits[1:]] - sums[limits[:-1]]).view(np.int64))
        columns["shingles"] = pa.LargeListArray.from_arrays(pa.array(limits), pa.array(sets))
        facts = pa.table([columns[name] for name in FACTS.names], schema=FACTS)
        return Result(
            coverage=cover(batch.checkable, pa.array(outcome[~batch.is_context], pa.string())),
            rows={"texts": facts if len(rows) == len(batch) else facts.take(pa.array(rows))},
        )

    # -- second stage ------------------------------------------------------------------------------------------------

    def compare(self, rows: pa.Table, spread: Spread) -> Iterator[Result]:
        """Compare all texts; claims come in parts, since copies may be most of the data."""
        if not rows.num_rows:
            return
        texts = TextSets(rows)
        pairs = self.pairs(texts.sets, spread)
        groups = grouped(pairs)
        yield Result(coverage=cover(texts.facts(capped_texts(texts, pairs)), CAPPED), notes=pairs.notes)
        short = max(self.min_tokens, N_GRAM)
        for findings in (stock_phrase_claims(texts, short), copy_claims(texts, pairs, groups, short)):
            yield from map(Result, findings)

    def pairs(self, sets: "Sets", spread: Spread) -> Pairs:
        """Return the pairs of sets whose Jaccard similarity is at least `min_similarity`, by the chosen method."""
        budget = n_bytes(self.memory)
        wanted = sets.memory_of_join
        method = self.method if self.method != "auto" else "exact" if wanted <= budget else "minhash"
        fanout = max(MIN_FANOUT, min(MAX_FANOUT, MAX_PAIRS // max(1, len(sets))))
        if method == "exact":
            values, limits = sets.all()
            *places, shared, capped = kernels.join(values, limits, self.min_similarity, fanout, kernels.THREADS.get())
            left, right = (place.astype(np.int64) for place in places)
            jaccard = sets.jaccard(left, right, shared)
            note = f"All pairs with a similarity of {self.min_similarity} or more were found"
            if n := np.count_nonzero(capped):
                note += (
                    f", except among {n:,} texts with very many similar ones: only the first {fanout:,} were compared"
                )
            return Pairs(
                left,
                right,
                jaccard,
                capped,
                (f"{note} (exact join, at most {max(1, wanted // 10**6):,} MB of memory)",),
            )
        return self._by_minhash(sets, fanout, budget, spread)

    def _by_minhash(self, sets: "Sets", fanout: int, budget: int, spread: Spread) -> Pairs:
        """Let workers sign the sets, find those that agree in a band, and verify them; they return only numbers."""
        bands, rows = self.banding()
        # As many bands at a time as fit into a quarter of the budget; a band is a key of 8 bytes for each set.
        step = max(1, min(bands, budget // 4 // (8 * max(1, len(sets)))))
        step = -(-bands // -(-bands // step))  # as many parts, of about equal size
        candidates, capped = np.zeros(0, dtype=np.int64), np.zeros(len(sets), dtype=bool)
        lots = list(sets.lots())
        for first in range(0, bands, step):
            last = min(bands, first + step)
            part = slice(first * rows, last * rows)
            keys = np.empty((last - first, len(sets)), dtype=np.uint64)
            sign = partial(lot_keys, n=bands * rows, seed=self.seed, part=part, rows=rows)
            for (_, numbers), signed in zip(lots, spread(sign, lots), strict=True):
                keys[:, numbers[numbers >= 0]] = signed
            met = [candidates]
            for pairs, later in spread(partial(alike_pairs, fanout=fanout), keys):
                met.append(pairs)
                capped[later] = True
            del keys  # before more memory is taken
            # Not np.unique, which hashes: 7.7 s for 1.6 million texts, where sorting takes 0.7 s.
            ascending = np.sort(np.concatenate(met))
            candidates = ascending[np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]]
            del met, ascending
            trim()
        del lots  # 8 bytes a text, while memory is dearest
        candidates = sets.near_in_size(candidates, self.min_similarity)
        lots_of_pairs, lots_of_ends = tee(sets.together(candidates))
        verified = [(np.zeros(0, dtype=np.int64), np.zeros(0))]
        counted = spread(shared_values, (ends for _, ends in lots_of_ends))
        for (pairs, _), shared in zip(lots_of_pairs, counted, strict=True):
            jaccard = sets.jaccard(*np.divmod(pairs, len(sets)), shared)
            alike = jaccard >= self.min_similarity
            verified.append((pairs[alike], jaccard[alike]))
        pairs, jaccard = (np.concatenate(some) for some in zip(*verified, strict=True))
        order = np.argsort(pairs)
        left, right = np.divmod(pairs[order], len(sets))
        trim()
        miss = (1 - self.min_similarity**rows) ** bands
        note = (
            f"About {in_percent(miss)} of pairs with a similarity of {self.min_similarity} are missed, and fewer of "
            f"more similar pairs (MinHash, {bands} bands of {rows} rows; {len(left):,} of {len(candidates):,} "
            "candidates verified)"
        )
        return Pairs(left, right, jaccard[order], capped, (note,))

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
