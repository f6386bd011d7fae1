"""Claims about copies: one per copied text, worded from facts fetched where needed."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_ints, rows_at, single
from ..base.arrow.memory_map import forget
from ..base.claims import Spans, claim
from ..base.groups import Pairs
from ..base.messages import CHAT_ROLES, PLACES
from ..base.places import names
from ..base.statistics.intervals import in_percent
from .rules import CROSS_SPLIT, EXACT_COPY, NEAR_COPY, STOCK_PHRASE
from .sets import Sets, sizes_of

MAX_PARTNERS = 5  # reported of one message, outside its group: the most similar ones
MAX_PLACES = 5  # spans of a stock phrase
MAX_CLAIMS = 20_000  # made at a time

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


class TextSets:
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
        sizes = sizes_of(rows["shingles"])[order]
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


def stock_phrase_claims(texts: TextSets, min_tokens: int) -> Iterator[pa.Table]:
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
        [f"Short text occurs {count:,} times" for count in n],
        spans=[Spans(places[:, k]) for k in range(MAX_PLACES)],
        facets=facets,
    )


def _ids(facts: pa.Table) -> list[str]:
    """Return the name of each text in facets."""
    return names(facts["message_id"], facts["line"])


def _crosses(texts: TextSets, left: IntArray, right: IntArray) -> BoolArray:
    """Mark the pairs of texts that are in different splits."""
    codes = texts.split
    crosses: BoolArray = (codes[left] != codes[right]) & (codes[left] >= 0) & (codes[right] >= 0)
    return crosses


class _Claims(NamedTuple):
    """Texts, the texts that they copy, and how alike they are."""

    rows: IntArray
    partners: IntArray
    jaccard: npt.NDArray[np.float64]


def copy_claims(texts: TextSets, pairs: Pairs, group: IntArray, min_tokens: int) -> Iterator[pa.Table]:
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


def _findings(texts: TextSets, found: _Claims, kept: IntArray) -> Iterator[pa.Table]:
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
        likeness = "Same words as" if same[k] else _likeness(jaccard)
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


def _likeness(jaccard: float) -> str:
    """Return the similarity of two texts whose words differ; 100 % only if their sets of 5-grams are equal."""
    if jaccard == 1:
        return "100 % identical to"
    return f"{in_percent(jaccard, 0 if jaccard < 0.995 else 2)} similar to"


def _named(role: str | None) -> str:
    if role not in CHAT_ROLES:  # which may be anything
        return "a message"
    return f"{'an' if role == 'assistant' else 'a'} {role} message"
