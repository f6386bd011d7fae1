"""The texts of a data set in the order of their ids, and which of them have the same set of 5-grams."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools, as_ints, rows_at, single
from ..base.arrow.memory_map import forget
from ..base.claims import Spans
from ..base.places import names
from .facts import LISTS
from .sets import Sets, sizes_of

Span = tuple[int, int]  # tokens [start, end) of a text


class TextSets:
    """All texts, numbered in the order of their ids.

    The smallest id represents a group, so the outcome does not depend on the order of the data. Only numbers are kept
    in memory for all texts; the rest is fetched for those that are reported.
    """

    def __init__(self, rows: pa.Table) -> None:
        keys = rows.select(["message_id", "source", "line"])
        order = np.asarray(pc.sort_indices(keys, [(name, "ascending") for name in keys.column_names]), dtype=np.int64)
        forget()
        self.table, self.order = rows, order
        self._facts = rows.drop_columns(LISTS)
        self.n_words, self.whole, digest = (np.asarray(rows[name])[order] for name in ("n_words", "whole", "digest"))
        # Null and unknown splits are negative.
        self._split = as_ints(single(rows["split"].unify_dictionaries().dictionary_encode()).indices, -1)[order]
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
        self.sets = Sets(rows, "shingles", order[self.first])
        forget()

    def __len__(self) -> int:
        return len(self.order)

    def facts(self, texts: IntArray) -> pa.Table:
        """Return FACTS of some texts without their lists, in this order."""
        found = rows_at(self._facts, self.order[texts])
        forget()
        return found

    def lists(self, name: str, texts: IntArray) -> list[npt.NDArray[np.unsignedinteger]]:
        """Return one column of LISTS of some texts, in this order."""
        column = single(rows_at(self.table.select([name]), self.order[texts])[name])
        values, limits = np.asarray(column.values), np.asarray(column.offsets)
        found = [values[first:end].copy() for first, end in pairwise(limits)]
        forget()
        return found

    def crosses(self, left: IntArray, right: IntArray) -> BoolArray:
        """Mark the pairs of texts that are in different splits."""
        one, other = self._split[left], self._split[right]
        crosses: BoolArray = (one != other) & (one >= 0) & (other >= 0)
        return crosses

    def spans(self, texts: IntArray, places: Sequence[Span | None], facts: pa.Table, rows: IntArray) -> Spans:
        """Return these tokens of texts, which are in `rows` of their facts, as spans; None: the whole text."""
        starts = np.zeros(len(texts), dtype=np.int64)
        ends = np.asarray(facts["n_chars"].fill_null(0))[rows]
        marked = [k for k, place in enumerate(places) if place is not None]
        steps = self.lists("steps", texts[marked]) if marked else []
        for k, some in zip(marked, steps, strict=True):
            first, end = places[k] or (0, 0)
            at = np.cumsum(some, dtype=np.int64)
            starts[k] = at[first] if first < len(at) else ends[k]
            if end < len(at):
                ends[k] = max(starts[k], at[end] - 1)  # without the blank before the next word
        return Spans(rows, starts, ends)


def ids_of(facts: pa.Table) -> list[str]:
    """Return the name of each text in facets."""
    return names(facts["message_id"], facts["line"])


def is_kin(facts: pa.Table, left: IntArray, right: IntArray) -> BoolArray:
    """Mark the pairs of a prompt, or a question, and a reply to it: prompt_parroting judges these.

    A pair counts where one text answers the other, directly or further down its thread, or a copy of it.
    """
    tree, enter, leave, whole, asked = (
        np.asarray(facts[name]) for name in ("tree", "enter", "leave", "whole", "asked")
    )
    role = single(facts["role"])
    is_prompt, is_reply = (as_bools(pc.equal(role, name)) for name in ("prompter", "assistant"))
    above = (enter[left] < enter[right]) & (enter[right] < leave[left])
    below = (enter[right] < enter[left]) & (enter[left] < leave[right])
    in_thread = (tree[left] == tree[right]) & (above | below)
    answers = (asked[left] == whole[right]) | (asked[right] == whole[left])
    speak_in_turn = (is_prompt[left] & is_reply[right]) | (is_reply[left] & is_prompt[right])
    kin: BoolArray = speak_in_turn & (in_thread | answers)
    return kin
