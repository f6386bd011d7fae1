"""Copies of other messages: exact and edited ones, every claimed pair verified, and which text each one copies.

Texts are compared as sets of word 5-grams (base/text.py). Two ways lead to pairs worth comparing, one verifies them:

- `exact`: a similarity join by prefixes, which misses no pair at the threshold (kernels.join).
- `minhash`: banded MinHash signatures (Broder 1997; Indyk & Motwani 1998), in bounded memory. A pair of similarity s is
  missed with probability (1 - s**rows)**bands.

Each pair is then counted out, set against set. A group is a text and those verified against *it*; what is alike only
through others is not joined (a chain of edits has two ends that share nothing).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import tee
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .base import kernels, text
from .base.check import ALL, Check, Method, Result, Spread, Stage, n_bytes
from .base.findings import ERROR, NOTE, WARNING, Rule, Spans, claim, cover
from .base.mapped import forget, trim
from .base.messages import PLACES, Batch, BoolArray, IntArray, as_bools, as_ints, names, rows_at, single
from .base.text import N_GRAM, HashArray

NAME = "near_duplicates"

EXACT_COPY = Rule(
    f"{NAME}/exact_copy",
    "The words are those of another message",
    WARNING,
    "Keep one of them. In training, copies weigh as often as they stand; in a count of messages, they are one.",
)
NEAR_COPY = Rule(
    f"{NAME}/near_copy",
    "Nearly all words are those of another message",
    WARNING,
    "Read both: keep the better one, or raise min_similarity where they differ in what matters.",
)
CROSS_SPLIT = Rule(
    f"{NAME}/cross_split",
    "A copy stands in another split",
    ERROR,
    "Take it out of one of the splits: what is measured on a text that was trained on is memory.",
)
STOCK_PHRASE = Rule(
    f"{NAME}/stock_phrase",
    "A short text stands many times",
    NOTE,
    "Greetings and thanks are no copies. Where it is more, such as one refusal for all, thin it out.",
)

METHOD = Method(
    sure="Each pair is counted out exactly; of 345 planted copies it finds all, and it flags none of 134 heavily "
    "edited texts.",
    how=(
        "Each text becomes the set of its 5-grams of words, whatever their case. In scripts that are written without "
        "spaces each character is a word.",
        "Pairs worth counting are found by an exact join, which misses none, or by banded MinHash signatures where "
        "that does not fit into memory. The record says which was taken.",
        "Each pair is counted out, set against set. Its similarity is Jaccard's: shared 5-grams, divided by all "
        "5-grams of both texts.",
        "The text with the smallest id takes all that are verified against it, then the next one of the rest. What is "
        "alike only through others is not joined.",
        "Short texts that stand many times are stock phrases: one note with a count.",
    ),
    blind=(
        "The same in other words, or in another language, shares too few 5-grams to be seen.",
        "With MinHash some pairs are missed, most of them just above the limit. The record says how many to expect.",
        "Of very many texts that share a rare 5-gram, each is compared with the first of them only. Such messages are "
        "counted apart in the coverage.",
        "Texts of fewer than five words have no 5-gram. They are compared whole.",
        "System messages are not compared, as one serves many conversations. A setting asks for them.",
        "Two marks on one letter in another order are not the same word here, though Unicode says so.",
    ),
    measured=(
        "Planted copies at known similarity among 23,500 texts (17% Chinese), 200 in each band: the exact join and "
        "MinHash find 400 of 400 at 0.8 and above, and join none of 400 below 0.7.",
        "Releases of 20,000 messages with planted copies, seeds 1 to 3: all 345 copies found, none of 134 heavily "
        "edited texts flagged.",
        "121,060 messages in 26 languages: MinHash finds 99.7% of the pairs that the exact join finds.",
    ),
    sources=(
        "Broder (1997), On the resemblance and containment of documents.",
        "Indyk and Motwani (1998), Approximate nearest neighbors: towards removing the curse of dimensionality.",
        "Chaudhuri, Ganti and Kaushik (2006), A primitive operator for similarity joins in data cleaning.",
        "Bayardo, Ma and Srikant (2007), Scaling up all pairs similarity search.",
        "Xiao et al. (2008), Efficient similarity joins for near duplicate detection (PPJoin).",
        "Lee et al. (2022), Deduplicating training data makes language models better.",
        "datasketch 2.0, whose MinHash signatures these are, bit for bit.",
    ),
)

NO_WORDS = "the text has no words"
TWICE = "its id stands twice in its tree"
OTHER_ROLE = "its role is not asked for"
SYSTEM = "a system message"
CAPPED = "judged against the first of very many alike"

MAX_TOLD = 5  # partners outside its group that are told of one message, the most similar ones
MAX_PLACES = 5  # places of a stock phrase that are shown
MAX_CLAIMS = 20_000  # that are told at a time
LOT = 4 << 20  # values of sets that are read from disk until they are handed back
PAIRS = 1 << 16  # that are counted out at a time
COUNTED = LOT  # values of the sets in these, at most
MAX_FANOUT, MIN_FANOUT, MAX_PAIRS = 1000, 50, 50_000_000

FACTS = pa.schema(
    [
        *PLACES,
        ("role", pa.string()),
        ("lang", pa.string()),
        ("created_date", pa.string()),
        ("user_id", pa.string()),
        ("split", pa.string()),
        ("n_tokens", pa.int64()),
        ("whole", pa.int64()),  # a hash of all tokens in order
        ("digest", pa.int64()),  # a hash of the set
        ("shingles", pa.large_list(pa.uint64())),  # ascending
    ]
)


class Pairs(NamedTuple):
    """Verified pairs of sets, left < right."""

    left: IntArray
    right: IntArray
    jaccard: npt.NDArray[np.float64]
    capped: BoolArray  # (n_sets,) sets that were not compared with all others
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NearDuplicates(Check):
    """Flag messages that copy other messages, whole or edited."""

    name: ClassVar = NAME
    rules: ClassVar = (EXACT_COPY, NEAR_COPY, CROSS_SPLIT, STOCK_PHRASE)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "id of the message that it copies",
        "cluster": "id of the message that stands for the group",
        "jaccard": "share of 5-grams that both texts have in common",
        "scope": "whether the two are of one tree, of one author, or of neither",
        "roles": "role of the copy, and of what it copies",
        "kind": "whether the words are exactly the same, or edited",
        "splits": "splits that the texts stand in",
        "count": "how many times the short text stands",
    }

    min_similarity: float = 0.8  # shared 5-grams of all 5-grams of both texts (Jaccard), in (0, 1]
    min_tokens: int = 10  # of an exact copy; shorter ones are stock phrases, one note for all of them
    roles: tuple[str, ...] = ()  # such as ["assistant"]; empty: all but system
    method: Literal["auto", "exact", "minhash"] = "auto"  # auto: exact while it fits into the memory
    memory: str = "4GB"  # that the comparison may take
    bands: int = 16  # of a MinHash signature
    rows: int = 8  # of a band
    max_miss: float | None = None  # of pairs at min_similarity; bands and rows are then chosen by datasketch
    seed: int = 1  # of the MinHash functions

    def __post_init__(self) -> None:
        if not 0 < self.min_similarity <= 1:
            raise ValueError(f"min_similarity: {self.min_similarity} is not in (0, 1]")
        for name in ("min_tokens", "bands", "rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is below 1")
        if self.max_miss is not None and not 0 < self.max_miss < 1:
            raise ValueError(f"max_miss: {self.max_miss} is not in (0, 1)")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: {self.seed} is not in [0, 2**32)")
        n_bytes(self.memory)

    def load(self) -> None:
        text.load()

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.compare, by=ALL, spreads=True)

    # -- first stage -------------------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Texts to sets of 5-grams."""
        sets, limits, whole = batch.shingles
        n_tokens = np.diff(batch.tokens.bounds)
        outcome = np.full(len(batch), "", dtype=object)
        outcome[n_tokens == 0] = NO_WORDS
        outcome[batch.is_copy] = TWICE
        role = batch.column("role")
        if self.roles:
            outcome[~np.asarray(pc.is_in(role, value_set=pa.array(self.roles)))] = OTHER_ROLE
        else:  # one system message serves many conversations; that is its use
            outcome[as_bools(pc.equal(role, "system"))] = SYSTEM
        judged = outcome == ""
        rows = np.flatnonzero(judged & ~batch.is_context)
        outcome[judged] = "judged"
        sums = np.append(np.uint64(0), np.cumsum(sets, dtype=np.uint64))
        columns = {name: batch.places[name] for name in PLACES.names}
        columns |= {name: batch.column(name) for name in ("role", "lang", "created_date", "user_id", "split")}
        columns["n_tokens"] = pa.array(n_tokens)
        columns["whole"] = pa.array(whole.view(np.int64))
        columns["digest"] = pa.array((sums[limits[1:]] - sums[limits[:-1]]).view(np.int64))
        columns["shingles"] = pa.LargeListArray.from_arrays(pa.array(limits), pa.array(sets))
        facts = pa.table([columns[name] for name in FACTS.names], schema=FACTS)
        return Result(
            coverage=cover(batch.judged, pa.array(outcome[~batch.is_context], pa.string())),
            rows=facts if len(rows) == len(batch) else facts.take(pa.array(rows)),
        )

    # -- second stage ------------------------------------------------------------------------------------------------

    def compare(self, rows: pa.Table, spread: Spread) -> Iterator[Result]:
        """All texts: pairs, groups, claims; a part of the claims at a time, since copies may be most of the data."""
        texts = _Texts(rows)
        pairs = self.pairs(texts.sets, spread)
        groups = _grouped(pairs)
        capped = np.flatnonzero(np.append(pairs.capped, False)[texts.set_of])  # without a set: the last
        yield Result(coverage=cover(texts.facts(capped), CAPPED), notes=pairs.notes)
        short = max(self.min_tokens, N_GRAM)
        for findings in (_stock_phrases(texts, short), _copies(texts, pairs, groups, short)):
            yield from map(Result, findings)

    def pairs(self, sets: "Sets", spread: Spread) -> Pairs:
        """The pairs of sets whose Jaccard similarity is at least `min_similarity`, by the method that was chosen."""
        budget = n_bytes(self.memory)
        wanted = sets.memory_of_join
        method = self.method if self.method != "auto" else "exact" if wanted <= budget else "minhash"
        fanout = max(MIN_FANOUT, min(MAX_FANOUT, MAX_PAIRS // max(1, len(sets))))
        if method == "exact":
            values, limits = sets.all()
            *places, shared, capped = kernels.join(values, limits, self.min_similarity, fanout, kernels.THREADS.get())
            left, right = (place.astype(np.int64) for place in places)
            jaccard = sets.jaccard(left, right, shared)
            told = f"exact join: no pair at {self.min_similarity} or above is missed"
            if n := np.count_nonzero(capped):
                told += f", but among {n:,} texts of very many alike, held against the first {fanout:,} of these"
            return Pairs(left, right, jaccard, capped, (f"{told} (memory: {max(1, wanted // 10**6):,} MB at most)",))
        return self._by_minhash(sets, fanout, budget, spread)

    def _by_minhash(self, sets: "Sets", fanout: int, budget: int, spread: Spread) -> Pairs:
        """Workers sign the sets, find which ones agree in a band, and count those out; numbers alone come back."""
        bands, rows = self.banding()
        # As many bands at a time as a quarter of the budget has room for; a band is a key of 8 bytes for each set.
        step = max(1, min(bands, budget // 4 // (8 * max(1, len(sets)))))
        step = -(-bands // -(-bands // step))  # of as many parts, none larger than it must be
        candidates, capped = np.zeros(0, dtype=np.int64), np.zeros(len(sets), dtype=bool)
        lots = list(sets.lots())
        for first in range(0, bands, step):
            last = min(bands, first + step)
            part = slice(first * rows, last * rows)
            keys = np.empty((last - first, len(sets)), dtype=np.uint64)
            sign = partial(_lot_keys, n=bands * rows, seed=self.seed, part=part, rows=rows)
            for (_, numbers), signed in zip(lots, spread(sign, lots), strict=True):
                keys[:, numbers[numbers >= 0]] = signed
            met = [candidates]
            for pairs, later in spread(partial(_alike, fanout=fanout), keys):
                met.append(pairs)
                capped[later] = True
            del keys  # or what follows would come on top of them
            # Not np.unique, which hashes: 7.7 s for 1.6 million texts, and this takes .7.
            ascending = np.sort(np.concatenate(met))
            candidates = ascending[np.append(True, ascending[1:] != ascending[:-1])[: len(ascending)]]
            del met, ascending
            trim()
        del lots  # 8 bytes a text, while memory is dearest
        candidates = sets.near_in_size(candidates, self.min_similarity)
        told, parts = tee(sets.together(candidates))
        verified = [(np.zeros(0, dtype=np.int64), np.zeros(0))]
        for (pairs, _), shared in zip(told, spread(_shared, (ends for _, ends in parts)), strict=True):
            jaccard = sets.jaccard(*np.divmod(pairs, len(sets)), shared)
            alike = jaccard >= self.min_similarity
            verified.append((pairs[alike], jaccard[alike]))
        pairs, jaccard = (np.concatenate(some) for some in zip(*verified, strict=True))
        order = np.argsort(pairs)
        left, right = np.divmod(pairs[order], len(sets))
        trim()
        miss = (1 - self.min_similarity**rows) ** bands
        how = f"MinHash, {bands} bands of {rows} rows: of pairs at {self.min_similarity} about {miss:.1%} are missed"
        counted = f"{len(left):,} of {len(candidates):,} candidates verified"
        return Pairs(left, right, jaccard[order], capped, (f"{how}, of more similar ones fewer; {counted}",))

    def banding(self) -> tuple[int, int]:
        """Bands and rows: those that were set, or with `max_miss` those that datasketch takes for best.

        It weighs false negatives against false positives; the weight is raised until no more is missed.
        """
        if self.max_miss is None:
            return self.bands, self.rows
        from datasketch import MinHashLSH

        for weight in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999):
            lsh = MinHashLSH(self.min_similarity, self.bands * self.rows, weights=(1 - weight, weight))
            if (1 - self.min_similarity**lsh.r) ** lsh.b <= self.max_miss:
                return lsh.b, lsh.r
        raise ValueError(
            f"max_miss: {self.max_miss} is not reached with {self.bands * self.rows} hashes (bands x rows); set more"
        )


def signatures(
    sets: HashArray, limits: IntArray, n: int = 128, seed: int = 1, part: slice = slice(None)
) -> npt.NDArray[np.uint32]:
    """MinHash signatures that datasketch can hold and query.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        Sets of shingles, as `Batch.shingles` gives them.
    n, seed : int
        As of `datasketch.MinHash(num_perm=n, seed=seed, scheme="affine32")`.
    part : slice
        Which of the n values are computed.

    Returns
    -------
    ndarray of uint32, shape (n_sets, n)
        A row is the `hashvalues` of a `datasketch.MinHash` whose `hashfunc` gives the low 32 bits of a shingle.
    """
    a, b = (np.ascontiguousarray(values[part]) for values in _permutations(n, seed))
    return kernels.sign(sets, limits, a, b)


@cache
def _permutations(n: int, seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    from datasketch import MinHash  # its packages take .7 s to load

    a, b = MinHash(n, seed, scheme="affine32").permutations
    return a, b


def _lot_keys(table: pa.Table, lot: tuple[int, IntArray], *, n: int, seed: int, part: slice, rows: int) -> HashArray:
    """A key for each set of a lot and each band in this part of n hashes, shape (n_bands, n_sets)."""
    first, numbers = lot
    keys = np.empty(((part.stop - part.start) // rows, np.count_nonzero(numbers >= 0)), dtype=np.uint64)
    done = 0
    for start, values, limits in _stored(table["shingles"].slice(first, len(numbers)).chunks):
        # Copies are signed too: leaving them out first took half as long as signing all.
        signed = signatures(values, limits, n, seed, part)[numbers[start : start + len(limits) - 1] >= 0]
        keys[:, done : done + len(signed)] = _row_hashes(signed.reshape(len(signed), len(keys), rows)).T
        done += len(signed)
    return keys


def _row_hashes(grid: npt.NDArray[np.uint32]) -> HashArray:
    keys = np.zeros(grid.shape[:-1], dtype=np.uint64)
    for k in range(grid.shape[-1]):
        keys = (keys ^ grid[..., k]) * np.uint64(0x9E3779B97F4A7C15)  # the golden ratio
        keys ^= keys >> np.uint64(29)
    return keys


def _alike(_: pa.Table, keys: HashArray, *, fanout: int) -> tuple[IntArray, IntArray]:
    """Pairs of sets with one key, as left * n + right; and sets that met no more than the first ones that have it."""
    n = len(keys)
    # One sort of numbers that end in their rows: .03 s for 1.6 million, where a stable argsort takes .2. What a key
    # loses by it makes some candidates more, at most.
    bits = np.uint64(n.bit_length())
    ordered = np.sort(keys >> bits << bits | np.arange(n, dtype=np.uint64))
    ascending = ordered >> bits
    order = (ordered & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    is_next = np.append(False, ascending[1:] == ascending[:-1])[:n]  # to one with the same key
    many = np.flatnonzero(is_next | np.append(is_next[1:], False)[:n])  # of most keys there is one
    order, opens = order[many], ~is_next[many]
    nth = np.arange(len(many)) - np.maximum.accumulate(np.where(opens, np.arange(len(many)), 0))
    n_met = np.minimum(nth, fanout)
    right = np.repeat(order, n_met)
    base = np.repeat(np.arange(len(many)) - nth, n_met)
    left = order[base + np.arange(len(right)) - np.repeat(np.cumsum(n_met) - n_met, n_met)]
    return np.minimum(left, right) * n + np.maximum(left, right), order[nth > fanout]


def _shared(table: pa.Table, ends: "Ends") -> IntArray:
    """Values that the sets of each pair share."""
    return kernels.overlaps(*_taken(table["shingles"], ends.rows, ends.sizes), ends.left, ends.right)


class Ends(NamedTuple):
    """The sets of some pairs, where they are stored."""

    rows: IntArray
    sizes: IntArray
    left: IntArray  # of each pair one of these
    right: IntArray


class Sets:
    """Different sets of 5-grams, each named by its row in a column that may lie on disk."""

    def __init__(self, column: pa.ChunkedArray, rows: IntArray) -> None:
        self._column, self._rows = column, rows
        self.sizes = _sizes(column)[rows]  # values of each

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def memory_of_join(self) -> int:
        """Bytes that the exact join takes at most: measured, 25 a value; NumPy's, 100."""
        return (25 if kernels.COMPILED else 100) * int(self.sizes.sum()) + 100 * len(self)

    def jaccard(self, left: IntArray, right: IntArray, shared: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """The similarity of pairs that share so many values."""
        similarity: npt.NDArray[np.float64] = shared / (self.sizes[left] + self.sizes[right] - shared)
        return similarity

    def near_in_size(self, pairs: IntArray, similarity: float) -> IntArray:
        """The pairs, left * n + right, that may be so similar: none is by more than the quotient of both sizes."""
        kept = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(pairs), LOT):
            some = pairs[start : start + LOT]
            sizes = np.sort(self.sizes[np.stack(np.divmod(some, len(self)))], axis=0)
            kept.append(some[sizes[0] / sizes[1] >= similarity])
        return np.concatenate(kept)

    def all(self) -> tuple[HashArray, IntArray]:
        """Values of all sets, and where each begins."""
        return _taken(self._column, self._rows, self.sizes)

    def lots(self) -> Iterator[tuple[int, IntArray]]:
        """All rows of the column, some at a time: the first, and the number of the set that each holds, or -1."""
        numbers = np.full(len(self._column), -1)
        numbers[self._rows] = np.arange(len(self))
        sums = np.cumsum(_sizes(self._column))
        start = 0
        while start < len(numbers):
            before = sums[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(sums, before + LOT, side="right")))
            yield start, numbers[start:end]
            start = end

    def together(self, pairs: IntArray) -> Iterator[tuple[IntArray, Ends]]:
        """Pairs, left * n + right, some at a time, with their sets.

        Those of sets that are alike follow one another, so that a set is fetched about once: of 1.6 million texts 1.2
        times, where in the order of the sets it was 4.3 times.
        """
        left, right = np.divmod(pairs, len(self))
        first_like = np.arange(len(self))
        np.minimum.at(first_like, right, left)
        pairs = pairs[np.argsort(first_like[left])]
        del left, right, first_like
        for start in range(0, len(pairs), PAIRS):
            yield from self._fitting(pairs[start : start + PAIRS])

    def _fitting(self, pairs: IntArray) -> Iterator[tuple[IntArray, Ends]]:
        ends = self._ends(pairs)
        if len(pairs) > 1 and ends.sizes.sum() > COUNTED:
            yield from self._fitting(pairs[: len(pairs) // 2])
            yield from self._fitting(pairs[len(pairs) // 2 :])
        else:
            yield pairs, ends

    def _ends(self, pairs: IntArray) -> Ends:
        used, at = np.unique(np.concatenate(np.divmod(pairs, len(self))), return_inverse=True)
        return Ends(self._rows[used], self.sizes[used], *np.split(at, 2))


def _taken(column: pa.ChunkedArray, rows: IntArray, sizes: IntArray) -> tuple[HashArray, IntArray]:
    """Values of the sets in these rows, in this order, and where each begins. Arrow's `take` would copy twice."""
    order = np.argsort(rows)
    ascending = rows[order]
    limits = np.append(0, np.cumsum(sizes))
    taken = np.empty(limits[-1], dtype=np.uint64)
    chunks = column.chunks
    starts = np.cumsum([0, *map(len, chunks)])
    cuts = np.searchsorted(ascending, starts)
    used = np.flatnonzero(np.diff(cuts)).tolist()
    for k, (_, values, bounds) in zip(used, _stored([chunks[k] for k in used]), strict=True):
        here = slice(cuts[k], cuts[k + 1])
        kernels.place(values, bounds, ascending[here] - starts[k], limits[order[here]], taken)
    return taken, limits


def _stored(chunks: Sequence[pa.LargeListArray]) -> Iterator[tuple[int, HashArray, IntArray]]:
    """The chunks of a column of sets: first row, values, limits. What is mapped is handed back in between."""
    start = n_values = 0
    for chunk in chunks:
        offsets = np.asarray(chunk.offsets, dtype=np.int64)
        yield start, np.asarray(chunk.values)[offsets[0] : offsets[-1]], offsets - offsets[0]
        start += len(chunk)
        n_values += int(offsets[-1] - offsets[0])
        if n_values > LOT:
            forget()
            n_values = 0
    forget()


def _sizes(lists: pa.ChunkedArray) -> IntArray:
    return np.asarray(single(pc.list_value_length(lists)), dtype=np.int64)


class _Texts:
    """The texts of a data set in the order of their ids, and which of them have the same set.

    The smallest id stands for a group, so that the outcome does not depend on the order of the data. Only numbers are
    held of all of them; the rest is fetched where something is told.
    """

    def __init__(self, rows: pa.Table) -> None:
        keys = rows.select(["message_id", "source", "line"])
        order = np.asarray(pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]), dtype=np.int64)
        forget()
        self._order, self._facts = order, rows.drop_columns(["shingles"])
        self.n_tokens, self.whole, digest = (np.asarray(rows[n])[order] for n in ("n_tokens", "whole", "digest"))
        # Null and unknown splits are negative.
        self.split = as_ints(single(rows["split"].unify_dictionaries().dictionary_encode()).indices, -1)[order]
        sizes = _sizes(rows["shingles"])[order]
        forget()
        has_set = np.flatnonzero(sizes > 0)
        by_kind = np.lexsort((digest[has_set], sizes[has_set]))  # stable: the first text of each kind comes first
        kinds = np.stack([sizes[has_set], digest[has_set]])[:, by_kind]
        is_new = np.append(True, (kinds[:, 1:] != kinds[:, :-1]).any(axis=0))[: len(by_kind)]
        first = by_kind[is_new]
        rank = np.argsort(np.argsort(first))  # sets are numbered in the order of their first texts
        self.set_of = np.full(len(order), -1)  # -1: too short for one
        self.set_of[has_set[by_kind]] = rank[np.cumsum(is_new) - 1]
        self.first = has_set[np.sort(first)]  # text of each set that comes first
        self.sets = Sets(rows["shingles"], order[self.first])
        forget()

    def facts(self, texts: IntArray) -> pa.Table:
        """FACTS of some texts but for their sets, in this order."""
        found = rows_at(self._facts, self._order[texts])
        forget()
        return found


# -- groups ----------------------------------------------------------------------------------------------------------


def _grouped(pairs: Pairs) -> IntArray:
    """The set that each set is grouped under, itself where it stands for its group or for none.

    The first takes all that are verified against it, then the first of the rest. Sets that were compared
    with the first of many only come last, so that those which all were compared with stand for the groups.
    """
    n = len(pairs.capped)
    group = np.full(n, -1)
    ends = np.concatenate([pairs.left, pairs.right])
    others = np.concatenate([pairs.right, pairs.left])
    order = np.argsort(ends, kind="stable")
    others = others[order]
    starts = np.searchsorted(ends[order], np.arange(n + 1))
    linked = np.flatnonzero(np.diff(starts))
    for k in linked[np.argsort(pairs.capped[linked], kind="stable")].tolist():
        if group[k] < 0:
            near = others[starts[k] : starts[k + 1]]
            group[near[group[near] < 0]] = k
            group[k] = k
    return np.where(group < 0, np.arange(n), group)


# -- claims ----------------------------------------------------------------------------------------------------------


def _stock_phrases(texts: _Texts, min_tokens: int) -> Iterator[pa.Table]:
    """One note for each short text that stands more than once."""
    short = np.flatnonzero(texts.n_tokens < min_tokens)
    facts, whole = texts.facts(short), texts.whole[short]
    # The same message twice is told by its id; texts come in the order of their ids.
    ids = np.array(_ids(facts), dtype=object)
    again = np.append(False, (ids[1:] == ids[:-1]) & (whole[1:] == whole[:-1]))[: len(ids)]
    once = np.flatnonzero(~again)
    _, first, inverse, counts = np.unique(whole[once], return_index=True, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts > 1)
    if not repeated.size:
        return
    order = np.argsort(inverse, kind="stable")
    ends = np.cumsum(counts)
    places = np.full((len(repeated), MAX_PLACES), -1)
    split = facts["split"].to_pylist()
    facets = []
    for k, phrase in enumerate(repeated.tolist()):
        rows = once[order[ends[phrase] - counts[phrase] : ends[phrase]]]
        places[k, : len(rows)] = rows[:MAX_PLACES]
        splits = sorted({split[row] for row in rows} - {None})
        facets.append({"count": str(len(rows))} | ({"splits": ", ".join(splits)} if len(splits) > 1 else {}))
    n = counts[repeated]
    yield claim(
        facts,
        STOCK_PHRASE,
        once[first[repeated]],
        [f"The same short text stands {count:,} times" for count in n],
        spans=[Spans(places[:, k]) for k in range(MAX_PLACES)],
        facets=facets,
    )


def _ids(facts: pa.Table) -> list[str]:
    """What stands for each text in facets."""
    return names(facts["message_id"], facts["line"])


def _crosses(texts: _Texts, left: IntArray, right: IntArray) -> BoolArray:
    """Which pairs of texts stand in different splits."""
    codes = texts.split
    crosses: BoolArray = (codes[left] != codes[right]) & (codes[left] >= 0) & (codes[right] >= 0)
    return crosses


class _Claims(NamedTuple):
    """Texts, the texts that they copy, and how alike they are."""

    rows: IntArray
    partners: IntArray
    jaccard: npt.NDArray[np.float64]


def _copies(texts: _Texts, pairs: Pairs, group: IntArray, min_tokens: int) -> Iterator[pa.Table]:
    """Claims of all texts that copy one that stands for them, and of verified pairs beyond the groups."""
    n_sets = len(group)
    to_group = np.ones(n_sets)  # similarity of each set to the one that stands for it
    for one, other in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
        inside = group[one] == other
        to_group[one[inside]] = pairs.jaccard[inside]
    rows = np.flatnonzero(texts.set_of >= 0)
    partners = texts.first[group[texts.set_of[rows]]]  # the text that stands for each
    jaccard = to_group[texts.set_of[rows]]
    # The first one with the very words is the better partner, unless the other shows that splits are crossed.
    _, first, same_words = np.unique(texts.whole[rows], return_index=True, return_inverse=True)
    twins = rows[first[same_words]]
    is_twin = (twins != rows) & ~_crosses(texts, rows, partners)
    partners, jaccard = np.where(is_twin, twins, partners), np.where(is_twin, 1.0, jaccard)
    stock = (texts.whole[rows] == texts.whole[partners]) & (texts.n_tokens[rows] < min_tokens)
    told = (rows != partners) & ~stock
    grouped = _Claims(rows[told], partners[told], jaccard[told])

    beyond = np.flatnonzero(group[pairs.left] != group[pairs.right])
    # Of each text the most similar ones; the later text tells of the earlier.
    beyond = beyond[np.lexsort((pairs.left[beyond], -pairs.jaccard[beyond], pairs.right[beyond]))]
    later = pairs.right[beyond]
    nth = np.arange(len(later)) - np.searchsorted(later, later)
    beyond = beyond[nth < MAX_TOLD]
    across = _Claims(texts.first[pairs.right[beyond]], texts.first[pairs.left[beyond]], pairs.jaccard[beyond])

    found = _Claims(*(np.concatenate(both) for both in zip(grouped, across, strict=True)))
    for start in range(0, len(found.rows), MAX_CLAIMS):
        here = slice(start, start + MAX_CLAIMS)
        part = _Claims(found.rows[here], found.partners[here], found.jaccard[here])
        yield from _told(texts, part, texts.first[group[texts.set_of[part.rows]]])


def _told(texts: _Texts, found: _Claims, kept: IntArray) -> Iterator[pa.Table]:
    """Claims as findings; `kept` is the text that stands for the group of each."""
    crosses = _crosses(texts, found.rows, found.partners)
    same = texts.whole[found.rows] == texts.whole[found.partners]
    # From here on, texts have their numbers among those that are told of.
    used, at = np.unique(np.concatenate([found.rows, found.partners, kept]), return_inverse=True)
    told_rows, told_partners, kept = np.split(at.reshape(-1), 3)
    facts = texts.facts(used)
    role, tree, author, split, source = (
        facts[name].to_pylist() for name in ("role", "tree_id", "user_id", "split", "source")
    )
    ids = _ids(facts)
    # The same message twice within a split is told by its id (schema_invariants/duplicate_id).
    other = crosses | np.array([ids[r] != ids[p] for r, p in zip(told_rows, told_partners, strict=True)], dtype=bool)
    found = _Claims(told_rows[other], told_partners[other], found.jaccard[other])
    crosses, same, kept = crosses[other], same[other], kept[other]
    rows, partners = found.rows.tolist(), found.partners.tolist()
    facets, summaries = [], []
    for k, (row, partner, jaccard) in enumerate(zip(rows, partners, found.jaccard.tolist(), strict=True)):
        is_author = author[row] is not None and author[row] == author[partner]
        is_tree = (tree[row], source[row]) == (tree[partner], source[partner])  # ids of trees are those of a file
        scope = "same tree" if is_tree else "same author" if is_author else "other tree"
        facet = {"partner": ids[partner], "cluster": ids[kept[k]], "jaccard": f"{jaccard:.3f}"}
        facet["scope"] = scope
        if role[row] is not None or role[partner] is not None:
            facet["roles"] = f"{role[row]}, {role[partner]}"
        facet["kind"] = "exact" if same[k] else "edited"
        place = "in the same tree" if is_tree else "in another tree"
        if crosses[k]:
            facet["splits"] = f"{split[row]}, {split[partner]}"
            place = f"of the split {split[partner]!r}; this one is in {split[row]!r}"
        facets.append(facet)
        what = "All words are those of" if same[k] else f"{jaccard:.0%} of the 5-grams of both are shared with"
        summaries.append(f"{what} {_named(role[partner])} {place}")
    for rule, chosen in ((CROSS_SPLIT, crosses), (EXACT_COPY, ~crosses & same), (NEAR_COPY, ~crosses & ~same)):
        at = np.flatnonzero(chosen)
        if at.size:
            yield claim(
                facts,
                rule,
                found.rows[at],
                [summaries[k] for k in at],
                spans=[Spans(found.rows[at]), Spans(found.partners[at])],
                score=found.jaccard[at],
                facets=[facets[k] for k in at],
                about=[facets[k]["partner"] for k in at],
            )


def _named(role: str | None) -> str:
    return "a message" if role is None else f"a message of the {role}" if role in ("prompter", "assistant") else "one"
