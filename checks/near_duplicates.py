"""Exact and edited copies of messages: every reported pair is verified, and each copy names the text that it copies.

Texts are compared as sets of word 5-grams (base/text.py). One of two methods proposes pairs:

- `exact`: a similarity join by prefixes, which misses no pair at the threshold (kernels.join).
- `minhash`: banded MinHash signatures (Broder 1997; Indyk & Motwani 1998), in bounded memory. A pair of similarity s is
  missed with probability (1 - s**rows)**bands.

Each proposed pair is then verified, set against set. A group is a text and those verified against *it*; texts that are
similar only through others are not joined (a chain of edits has two ends that share nothing).
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
from .base.examples import Data, Example, chat, turn
from .base.findings import CHECKED, ERROR, NOTE, WARNING, Action, Concerns, Rule, Spans, claim, cover
from .base.intervals import in_percent
from .base.mapped import forget, trim
from .base.messages import CHAT_ROLES, PLACES, Batch, BoolArray, IntArray, as_bools, as_ints, names, rows_at, single
from .base.settings import Wants, setting
from .base.text import N_GRAM, HashArray

NAME = "near_duplicates"


def _copied(this: Data, not_this: Data, first: int, second: int, *, reported: int = 1) -> Example:
    """Return the example of two messages that copy each other.

    The one with the smaller id represents both, so the other one is reported (of a stock phrase the first, 0).
    """
    pair = sorted((first, second), key=lambda number: this.messages[number]["message_id"])
    return Example(this, not_this, at=pair[reported])


_WAX = "How do I get candle wax out of a tablecloth?"
_FREEZE = "assistant: Freeze the cloth, break the wax off, then iron what is left into brown paper."
EXACT_COPY = Rule(
    f"{NAME}/exact_copy",
    "Exact duplicate of another message",
    WARNING,
    "Keep one of them: in training, a text counts as often as it occurs, and copies inflate message counts.",
    example=_copied(
        chat(f"prompter: {_WAX}", _FREEZE, turn(_FREEZE.replace(", then", " - THEN"), to=0)),
        chat(
            f"prompter: {_WAX}",
            _FREEZE,
            turn("assistant: Chill it until the wax cracks off; a hot iron over brown paper takes up the stain.", to=0),
        ),
        1,
        2,
    ),
    action=Action.KEEP_BEST,
)

_CHICKPEAS = "prompter: ¿Cómo se cuecen los garbanzos secos?"
_SOAK = (
    "assistant: Se remojan doce horas en agua fría, se escurren bien y se cuecen a fuego lento durante dos horas con "
    "una hoja de laurel."
)
NEAR_COPY = Rule(
    f"{NAME}/near_copy",
    "Near-duplicate of another message",
    WARNING,
    "Read both and keep the better one. Raise min_similarity if such texts differ in what matters.",
    example=_copied(
        chat(_CHICKPEAS, _SOAK, turn(f"{_SOAK} ¡Buen provecho!", to=0), lang="es"),
        chat(
            _CHICKPEAS,
            _SOAK,
            turn("assistant: Doce horas en remojo, dos horas de cocción y una hoja de laurel; la sal, al final.", to=0),
            lang="es",
        ),
        1,
        2,
    ),
    action=Action.KEEP_BEST,
)

_SWALLOWS = "prompter: Woran merken Schwalben im Herbst, dass sie nach Süden aufbrechen müssen?"
_DAYS = "assistant: Die Tage werden kürzer, und das stellt ihren Stoffwechsel um."
_INSECTS = "assistant: Vor allem daran, dass abends weniger Insekten fliegen."
CROSS_SPLIT = Rule(
    f"{NAME}/cross_split",
    "Copy of a message in another split",
    ERROR,
    "Remove it from one of the splits: a score on texts seen in training measures memory.",
    example=_copied(
        chat(_SWALLOWS, _DAYS, lang="de", split="train") + chat(_SWALLOWS, _INSECTS, lang="de", split="test"),
        chat(_SWALLOWS, _DAYS, lang="de", split="train")
        + chat("prompter: Woher kennen Schwalben die Zeit für den Aufbruch?", _INSECTS, lang="de", split="test"),
        0,
        2,
    ),
    action=Action.KEEP_BEST,
)

_RISOTTO = "prompter: Grazie, il risotto è venuto benissimo!"
_FORMULA = "prompter: Grazie, adesso la formula mi è chiara."
STOCK_PHRASE = Rule(
    f"{NAME}/stock_phrase",
    "Short text repeated many times",
    NOTE,
    "Usually harmless: greetings and thanks repeat. Thin out the rest, such as one refusal given to every request.",
    example=_copied(
        chat(_RISOTTO, "assistant: Di niente, a presto!", lang="it")
        + chat(_FORMULA, "assistant: Di niente, a presto!", lang="it"),
        chat(_RISOTTO, "assistant: Di niente, a presto!", lang="it")
        + chat(_FORMULA, "assistant: Bene, allora avanti con la prossima.", lang="it"),
        1,
        3,
        reported=0,
    ),
    action=Action.KEEP,
    concerns=Concerns.COPIES,
)

METHOD = Method(
    sure="Similarities are counted, not estimated, and the exact join misses no pair at the threshold. No held-out "
    "error rate has been measured.",
    how=(
        "Each text becomes its set of word 5-grams, without case and punctuation. In scripts written without spaces, "
        "each character counts as a word.",
        "Candidate pairs come from an exact join, which misses none, or from banded MinHash signatures where the join "
        "does not fit into memory. The record says which was used.",
        "Each candidate pair is verified, set against set. Its similarity is Jaccard's: shared 5-grams divided by all "
        "5-grams of both texts.",
        "The text with the smallest id represents its group: all texts verified against it. Then the next of the rest "
        "follows. Texts that are similar only through others are not joined.",
        "A short text that occurs repeatedly is a stock phrase: one note with a count.",
    ),
    blind=(
        "Paraphrases and translations share too few 5-grams to be found.",
        "MinHash misses some pairs, most of them just above the threshold. The record says how many to expect.",
        "Where very many texts share a rare 5-gram, each is compared with the first of them only. Those without a "
        "match are counted as skipped.",
        "Texts with fewer than five words have no 5-gram and are compared whole.",
        "System messages are not compared, because one serves many conversations. The setting `roles` includes them.",
        "Two combining marks on one letter in another order make another word, although Unicode calls them equivalent.",
    ),
    sources=(
        "Broder (1997), On the resemblance and containment of documents.",
        "Indyk and Motwani (1998), Approximate nearest neighbors: towards removing the curse of dimensionality.",
        "Chaudhuri, Ganti and Kaushik (2006), A primitive operator for similarity joins in data cleaning.",
        "Bayardo, Ma and Srikant (2007), Scaling up all pairs similarity search.",
        "Xiao et al. (2008), Efficient similarity joins for near duplicate detection (PPJoin).",
        "Lee et al. (2022), Deduplicating training data makes language models better.",
        "datasketch 2.0: the MinHash signatures equal those of this library, bit for bit.",
    ),
)

NO_WORDS = "no words"
TWICE = "repeated id in its tree"
OTHER_ROLE = "role not selected"
SYSTEM = "system message"
CAPPED = "too many similar texts"

MAX_PARTNERS = 5  # reported of one message, outside its group: the most similar ones
MAX_PLACES = 5  # spans of a stock phrase
MAX_CLAIMS = 20_000  # made at a time
LOT = 4 << 20  # values of sets that are read from disk before they are handed back
PAIRS = 1 << 16  # verified at a time
COUNTED = LOT  # values of their sets, at most
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


def _is_size(memory: str) -> bool:
    try:
        return n_bytes(memory) > 0
    except ValueError:
        return False


class Pairs(NamedTuple):
    """Verified pairs of sets, left < right."""

    left: IntArray
    right: IntArray
    jaccard: npt.NDArray[np.float64]
    capped: BoolArray  # (n_sets,) sets that were not compared with all others
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NearDuplicates(Check):
    """Report messages that copy other messages, whole or edited."""

    name: ClassVar = NAME
    rules: ClassVar = (EXACT_COPY, NEAR_COPY, CROSS_SPLIT, STOCK_PHRASE)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "partner": "id of the message that it copies",
        "cluster": "id of the message that represents the group",
        "jaccard": "share of 5-grams that both texts have in common",
        "scope": "whether both are from one tree, by one author, or neither",
        "roles": "roles of the copy and of the message that it copies",
        "kind": "exact (the same words) or edited",
        "splits": "splits that contain the text",
        "count": "number of times that the short text occurs",
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
        text.load()

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
        texts = _Texts(rows)
        pairs = self.pairs(texts.sets, spread)
        groups = _grouped(pairs)
        yield Result(coverage=cover(texts.facts(_capped(texts, pairs)), CAPPED), notes=pairs.notes)
        short = max(self.min_tokens, N_GRAM)
        for findings in (_stock_phrases(texts, short), _copies(texts, pairs, groups, short)):
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
            note = f"Exact join: no pair at {self.min_similarity} or above is missed"
            if n := np.count_nonzero(capped):
                note += (
                    f", except among {n:,} texts with very many similar ones: only the first {fanout:,} were compared"
                )
            return Pairs(left, right, jaccard, capped, (f"{note} (memory: up to {max(1, wanted // 10**6):,} MB)",))
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
            sign = partial(_lot_keys, n=bands * rows, seed=self.seed, part=part, rows=rows)
            for (_, numbers), signed in zip(lots, spread(sign, lots), strict=True):
                keys[:, numbers[numbers >= 0]] = signed
            met = [candidates]
            for pairs, later in spread(partial(_alike, fanout=fanout), keys):
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
        counted = spread(_shared, (ends for _, ends in lots_of_ends))
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
            f"MinHash, {bands} bands of {rows} rows: about {in_percent(miss)} of pairs at {self.min_similarity} are "
            f"missed, fewer of more similar ones; {len(left):,} of {len(candidates):,} candidates verified"
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


def signatures(
    sets: HashArray, limits: IntArray, n: int = 128, seed: int = 1, part: slice = slice(None)
) -> npt.NDArray[np.uint32]:
    """Return MinHash signatures that datasketch can hold and query.

    Parameters
    ----------
    sets, limits : ndarray of uint64, ndarray of int64
        Sets of shingles, as `Batch.shingles` gives them.
    n, seed : int
        As of `datasketch.MinHash(num_perm=n, seed=seed, scheme="affine32")`.
    part : slice
        The values to compute, of all n.

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
    """Return a key for each set of a lot and each band in this part of n hashes, shape (n_bands, n_sets)."""
    first, numbers = lot
    keys = np.empty(((part.stop - part.start) // rows, np.count_nonzero(numbers >= 0)), dtype=np.uint64)
    done = 0
    for start, values, limits in _stored(table["shingles"].slice(first, len(numbers)).chunks):
        # Copies are signed too: to leave them out first takes half as long as to sign all.
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
    """Return pairs of sets with one key, as left * n + right, and the sets that met only the first with their key."""
    n = len(keys)
    # One sort of numbers that end in their rows: 0.03 s for 1.6 million, where a stable argsort takes 0.2 s. The bits
    # that a key loses add a few candidates at most.
    bits = np.uint64(n.bit_length())
    ordered = np.sort(keys >> bits << bits | np.arange(n, dtype=np.uint64))
    ascending = ordered >> bits
    order = (ordered & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
    is_next = np.append(False, ascending[1:] == ascending[:-1])[:n]  # to one with the same key
    many = np.flatnonzero(is_next | np.append(is_next[1:], False)[:n])  # most keys occur once
    order, opens = order[many], ~is_next[many]
    nth = np.arange(len(many)) - np.maximum.accumulate(np.where(opens, np.arange(len(many)), 0))
    n_met = np.minimum(nth, fanout)
    right = np.repeat(order, n_met)
    base = np.repeat(np.arange(len(many)) - nth, n_met)
    left = order[base + np.arange(len(right)) - np.repeat(np.cumsum(n_met) - n_met, n_met)]
    return np.minimum(left, right) * n + np.maximum(left, right), order[nth > fanout]


def _shared(table: pa.Table, ends: "Ends") -> IntArray:
    """Count the values that the sets of each pair share."""
    return kernels.overlaps(*_taken(table["shingles"], ends.rows, ends.sizes), ends.left, ends.right)


class Ends(NamedTuple):
    """The sets of some pairs, by the rows that hold them."""

    rows: IntArray
    sizes: IntArray
    left: IntArray  # of each pair, a number in `rows`
    right: IntArray


class Sets:
    """Distinct sets of 5-grams, each given by its row in a column that may be on disk."""

    def __init__(self, column: pa.ChunkedArray, rows: IntArray) -> None:
        self._column, self._rows = column, rows
        self.sizes = _sizes(column)[rows]  # values of each

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def memory_of_join(self) -> int:
        """Bytes that the exact join takes at most: 25 a value as measured, 100 with NumPy."""
        return (25 if kernels.COMPILED else 100) * int(self.sizes.sum()) + 100 * len(self)

    def jaccard(self, left: IntArray, right: IntArray, shared: npt.NDArray[np.integer]) -> npt.NDArray[np.float64]:
        """Return the Jaccard similarity of pairs from the number of values that they share."""
        similarity: npt.NDArray[np.float64] = shared / (self.sizes[left] + self.sizes[right] - shared)
        return similarity

    def near_in_size(self, pairs: IntArray, similarity: float) -> IntArray:
        """Keep the pairs, left * n + right, that can be so similar: the ratio of sizes bounds the similarity."""
        kept = [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(pairs), LOT):
            some = pairs[start : start + LOT]
            sizes = np.sort(self.sizes[np.stack(np.divmod(some, len(self)))], axis=0)
            kept.append(some[sizes[0] / sizes[1] >= similarity])
        return np.concatenate(kept)

    def all(self) -> tuple[HashArray, IntArray]:
        """Return the values of all sets, and where each set begins."""
        return _taken(self._column, self._rows, self.sizes)

    def lots(self) -> Iterator[tuple[int, IntArray]]:
        """Yield runs of rows: the first row, and for each row the number of the set that it holds, or -1."""
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
        """Yield the pairs, left * n + right, in lots, with their sets.

        Pairs of similar sets follow one another, so that a set is fetched about once: 1.2 times for 1.6 million texts,
        where in the order of the sets it was 4.3 times.
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
    """Return the values of the sets in these rows, and where each set begins. Arrow's `take` would copy twice."""
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
    """Yield each chunk of a column of sets: first row, values, limits. Mapped memory is handed back in between."""
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

    The smallest id represents a group, so the outcome does not depend on the order of the data. Only numbers are kept
    in memory for all texts; the rest is fetched for those that are reported.
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
        self.first = has_set[np.sort(first)]  # first text of each set
        self.sets = Sets(rows["shingles"], order[self.first])
        forget()

    def facts(self, texts: IntArray) -> pa.Table:
        """Return FACTS of some texts without their sets, in this order."""
        found = rows_at(self._facts, self._order[texts])
        forget()
        return found


# -- groups ----------------------------------------------------------------------------------------------------------


def _grouped(pairs: Pairs) -> IntArray:
    """Return the set that represents each set: itself, where it represents its group or has none.

    The first set takes all that are verified against it, then the first of the rest. Sets that were compared only with
    the first of many come last, so that those which all were compared with represent the groups.
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


def _capped(texts: _Texts, pairs: Pairs) -> IntArray:
    """Return the texts without a match that were not compared with all others."""
    has_set = texts.set_of >= 0
    is_alone = pairs.capped & (np.bincount(texts.set_of[has_set], minlength=len(pairs.capped)) == 1)
    is_alone[pairs.left] = is_alone[pairs.right] = False
    return np.flatnonzero(np.append(is_alone, False)[texts.set_of])  # without a set: the last


# -- claims ----------------------------------------------------------------------------------------------------------


def _stock_phrases(texts: _Texts, min_tokens: int) -> Iterator[pa.Table]:
    """Report each short text that occurs more than once, by one note."""
    short = np.flatnonzero(texts.n_tokens < min_tokens)
    facts, whole = texts.facts(short), texts.whole[short]
    # A message that occurs twice is reported by its id (schema_invariants); texts come in the order of their ids.
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
        [f"Short text repeated {count:,} times" for count in n],
        spans=[Spans(places[:, k]) for k in range(MAX_PLACES)],
        facets=facets,
    )


def _ids(facts: pa.Table) -> list[str]:
    """Return the name of each text in facets."""
    return names(facts["message_id"], facts["line"])


def _crosses(texts: _Texts, left: IntArray, right: IntArray) -> BoolArray:
    """Mark the pairs of texts that are in different splits."""
    codes = texts.split
    crosses: BoolArray = (codes[left] != codes[right]) & (codes[left] >= 0) & (codes[right] >= 0)
    return crosses


class _Claims(NamedTuple):
    """Texts, the texts that they copy, and how alike they are."""

    rows: IntArray
    partners: IntArray
    jaccard: npt.NDArray[np.float64]


def _copies(texts: _Texts, pairs: Pairs, group: IntArray, min_tokens: int) -> Iterator[pa.Table]:
    """Report each text that copies the one that represents it, and verified pairs across groups."""
    n_sets = len(group)
    to_group = np.ones(n_sets)  # similarity of each set to the one that represents it
    for one, other in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
        inside = group[one] == other
        to_group[one[inside]] = pairs.jaccard[inside]
    rows = np.flatnonzero(texts.set_of >= 0)
    partners = texts.first[group[texts.set_of[rows]]]  # the text that represents each
    jaccard = to_group[texts.set_of[rows]]
    # The first text with the same words is the better partner, unless the other shows that splits are crossed.
    _, first, same_words = np.unique(texts.whole[rows], return_index=True, return_inverse=True)
    twins = rows[first[same_words]]
    is_twin = (twins != rows) & ~_crosses(texts, rows, partners)
    partners, jaccard = np.where(is_twin, twins, partners), np.where(is_twin, 1.0, jaccard)
    stock = (texts.whole[rows] == texts.whole[partners]) & (texts.n_tokens[rows] < min_tokens)
    is_copy = (rows != partners) & ~stock
    grouped = _Claims(rows[is_copy], partners[is_copy], jaccard[is_copy])

    beyond = np.flatnonzero(group[pairs.left] != group[pairs.right])
    # The most similar ones of each text; the later text names the earlier.
    beyond = beyond[np.lexsort((pairs.left[beyond], -pairs.jaccard[beyond], pairs.right[beyond]))]
    later = pairs.right[beyond]
    nth = np.arange(len(later)) - np.searchsorted(later, later)
    beyond = beyond[nth < MAX_PARTNERS]
    across = _Claims(texts.first[pairs.right[beyond]], texts.first[pairs.left[beyond]], pairs.jaccard[beyond])

    found = _Claims(*(np.concatenate(both) for both in zip(grouped, across, strict=True)))
    for start in range(0, len(found.rows), MAX_CLAIMS):
        here = slice(start, start + MAX_CLAIMS)
        part = _Claims(found.rows[here], found.partners[here], found.jaccard[here])
        yield from _findings(texts, part, texts.first[group[texts.set_of[part.rows]]])


def _findings(texts: _Texts, found: _Claims, kept: IntArray) -> Iterator[pa.Table]:
    """Yield FINDINGS of these claims; `kept` is the text that represents the group of each."""
    crosses = _crosses(texts, found.rows, found.partners)
    same = texts.whole[found.rows] == texts.whole[found.partners]
    # From here on, texts are numbered among those that are reported or named.
    used, at = np.unique(np.concatenate([found.rows, found.partners, kept]), return_inverse=True)
    own, others, kept = np.split(at.reshape(-1), 3)
    facts = texts.facts(used)
    role, tree, author, split, source = (
        facts[name].to_pylist() for name in ("role", "tree_id", "user_id", "split", "source")
    )
    ids = _ids(facts)
    # The same message twice within a split is reported by its id (schema_invariants).
    wanted = crosses | np.array([ids[r] != ids[p] for r, p in zip(own, others, strict=True)], dtype=bool)
    found = _Claims(own[wanted], others[wanted], found.jaccard[wanted])
    crosses, same, kept = crosses[wanted], same[wanted], kept[wanted]
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
            place = f"in split {split[partner]!r}; this one is in {split[row]!r}"
        facets.append(facet)
        likeness = "Same words as" if same[k] else f"{in_percent(jaccard, 0)} identical to"
        summaries.append(f"{likeness} {_named(role[partner])} {place}")
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
    if role not in CHAT_ROLES:  # which may be anything
        return "a message"
    return f"{'an' if role == 'assistant' else 'a'} {role} message"
