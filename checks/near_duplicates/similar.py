"""Claims about texts whose words are similar: edited, cut and contained copies, other instructions, templates."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools, single
from ..base.check import Spread
from ..base.claims import claim
from ..base.groups import Pairs
from ..base.statistics.intervals import in_percent
from .facts import MIN_WINNOWED
from .families import MIN_FAMILY
from .passages import candidates
from .relations import MAX_CLAIMS, Relations
from .rules import CONTAINED_COPY, CROSS_SPLIT, NEAR_COPY, OTHER_INSTRUCTION, TEMPLATE
from .shape import COPIES, MIN_FILLERS, Difference, Shape, is_template, shape_of
from .templates import alike
from .texts import Span, TextSets, ids_of, is_kin

MAX_PARTNERS = 5  # reported of one message, outside its group: the most similar ones
MIN_TEMPLATE = 4  # texts
SAMPLED = 8  # members of a group that are aligned with the text that represents it
MIN_CONTAINED = 0.8  # of the 5-grams of the shorter text
MIN_ALIGNED, MIN_ALIKE = 0.9, 0.5  # words in order, and 5-grams, of a copy with a word replaced here and there
WORDS_AN_EDIT = 15  # of a text that is found in a longer one, at least
MAX_INSIDE = 0.9  # of the 5-grams of a text, those of one that is inside it
MIN_GRAMS = 12  # of a text that may be contained in another
MAX_SPREAD = 1.5  # words of the longer text, from the first shared run to the last, by those of the shorter one


class Near(NamedTuple):
    """Pairs of texts to be judged."""

    copies: IntArray
    partners: IntArray
    kept: IntArray  # the text that represents the group of each
    jaccard: npt.NDArray[np.float64]
    contained: npt.NDArray[np.float64]  # share of the 5-grams of the copy, 0 where the Jaccard similarity decides
    is_grouped: BoolArray  # whether both are in the group; others are reported as copies only

    def where(self, chosen: BoolArray | IntArray) -> "Near":
        copies, partners, kept, jaccard, contained, is_grouped = self
        return Near(
            copies[chosen], partners[chosen], kept[chosen], jaccard[chosen], contained[chosen], is_grouped[chosen]
        )


def grouped_texts(texts: TextSets, pairs: Pairs, group: IntArray) -> Near:
    """Return each distinct text of a group with the most similar earlier one, and similar texts of other groups."""
    nearest, similarity = _nearest(pairs, group)
    rows = np.flatnonzero(texts.set_of >= 0)
    _, first = np.unique(texts.whole[rows], return_index=True)
    rows = rows[np.sort(first)]  # of the same words, the first
    number = texts.set_of[rows]
    partners = texts.first[nearest[number]]
    is_copy = (rows != partners) & (texts.whole[rows] != texts.whole[partners])
    rows, partners, number = rows[is_copy], partners[is_copy], number[is_copy]

    beyond = np.flatnonzero(group[pairs.left] != group[pairs.right])
    # The most similar ones of each text; the later text names the earlier.
    beyond = beyond[np.lexsort((pairs.left[beyond], -pairs.jaccard[beyond], pairs.right[beyond]))]
    later = pairs.right[beyond]
    nth = np.arange(len(later)) - np.searchsorted(later, later)
    beyond = beyond[nth < MAX_PARTNERS]
    copies = np.concatenate([rows, texts.first[pairs.right[beyond]]])
    return Near(
        copies,
        np.concatenate([partners, texts.first[pairs.left[beyond]]]),
        texts.first[group[np.concatenate([number, pairs.right[beyond]])]],
        np.concatenate([similarity[number], pairs.jaccard[beyond]]),
        np.zeros(len(copies)),
        np.arange(len(copies)) < len(rows),
    )


def _nearest(pairs: Pairs, group: IntArray) -> tuple[IntArray, npt.NDArray[np.float64]]:
    """Return the set of its group that each set is nearest to, of those before it, and how similar these are.

    Where none is before it, that is the one that represents the group.
    """
    nearest, similarity = group.copy(), np.ones(len(group))
    for one, other in ((pairs.left, pairs.right), (pairs.right, pairs.left)):
        of_group = group[one] == other
        similarity[one[of_group]] = pairs.jaccard[of_group]
    inside = np.flatnonzero(group[pairs.left] == group[pairs.right])
    inside = inside[np.lexsort((-pairs.left[inside], pairs.jaccard[inside], pairs.right[inside]))]
    later = pairs.right[inside]
    last = inside[np.append(later[1:] != later[:-1], True)[: len(later)]]  # of each, the most similar one
    last = last[group[pairs.right[last]] != pairs.right[last]]
    nearest[pairs.right[last]], similarity[pairs.right[last]] = pairs.left[last], pairs.jaccard[last]
    return nearest, similarity


def passages(texts: TextSets, known: Pairs, min_similarity: float, budget: int, spread: Spread) -> Near:
    """Return texts that are inside longer ones, or in which a word here and there is another: each with one partner.

    A text that is similar to an earlier one in whole is not looked for again.
    """
    sets, n = texts.sets, len(texts.sets)
    pairs = candidates(texts, budget)
    small, large = np.divmod(pairs, max(1, n))
    is_similar, is_known = np.zeros((2, n), dtype=bool)
    is_similar[known.left] = is_similar[known.right] = is_known[known.right] = True
    ok = ~is_known[small] & (texts.n_words[texts.first[small]] >= MIN_WINNOWED)
    small, large = small[ok], large[ok]
    shared = sets.shared(np.minimum(small, large) * n + np.maximum(small, large), spread)
    contained, jaccard = shared / np.maximum(1, sets.sizes[small]), sets.jaccard(small, large, shared)
    ok = (sets.sizes[small] >= MIN_GRAMS) & (jaccard < min_similarity)
    is_inside = (contained >= MIN_CONTAINED) & (sets.sizes[small] <= MAX_INSIDE * sets.sizes[large])
    ok &= is_inside | ((jaccard >= MIN_ALIKE) & ~is_similar[small])
    small, large, contained, jaccard = small[ok], large[ok], contained[ok], jaccard[ok]
    return _with_one_partner(texts.first[small], texts.first[large], jaccard, contained)


def renamed_code(texts: TextSets, pairs: Pairs, rows: IntArray, group: IntArray) -> Near:
    """Return texts whose code differs from that of an earlier text in names only, by the sets of `rows`."""
    one, other = rows[pairs.left], rows[pairs.right]
    first = texts.first[group[texts.set_of[np.stack([one, other])]]]
    differ = (first[0] != first[1]) & (texts.whole[one] != texts.whole[other])
    one, other, jaccard = one[differ], other[differ], pairs.jaccard[differ]
    return _with_one_partner(np.maximum(one, other), np.minimum(one, other), jaccard, np.zeros(len(jaccard)))


def _with_one_partner(
    copies: IntArray, partners: IntArray, jaccard: npt.NDArray[np.float64], contained: npt.NDArray[np.float64]
) -> Near:
    """Return each copy with the partner that contains most of it, of several the first."""
    near = Near(copies, partners, partners, jaccard, contained, np.ones(len(copies), dtype=bool))
    order = np.lexsort((partners, -contained, copies))
    _, first = np.unique(copies[order], return_index=True)
    return near.where(order[first])


class Judge:
    """Judges pairs of similar texts, and words the claims about them."""

    def __init__(self, texts: TextSets, min_words: int) -> None:
        self._texts, self._min_words = texts, min_words

    def claims(self, near: Near, shape: Shape | None = None) -> Iterator[pa.Table]:
        """Yield the claims about groups of a template, one each, and about the pairs of all others.

        `shape` is what the pairs are to each other where that is known; else their difference decides.
        """
        texts = self._texts
        is_long = np.minimum(texts.n_words[near.copies], texts.n_words[near.partners]) >= self._min_words
        near = near.where(is_long)
        is_grouped, is_judged = near.is_grouped.copy(), np.ones(len(near.copies), dtype=bool)
        for rows in _runs(near.kept, np.flatnonzero(near.is_grouped)):
            if len(rows) < MIN_TEMPLATE - 1:
                continue
            sample = rows[:: max(1, len(rows) // SAMPLED)][:SAMPLED]
            found = self._slot(int(near.kept[rows[0]]), near.copies[sample])
            if found is not None:
                is_grouped[rows] = False
                is_judged[rows] = len(rows) < MIN_FAMILY  # of a larger one, no other pairs are known
                yield self._template(near, rows, *found)
        near = near._replace(is_grouped=is_grouped).where(is_judged)
        for start in range(0, len(near.copies), MAX_CLAIMS):
            yield from self._pairs(near.where(np.arange(start, min(start + MAX_CLAIMS, len(near.copies)))), shape)

    def _slot(self, kept: int, sample: IntArray) -> tuple[Difference, int] | None:
        """Return how the first of these texts differs from the one that represents it, if that is by filling slots."""
        kept_words, *words = self._texts.lists("words", np.append(kept, sample))
        differences = [Difference(kept_words, other) for other in words]
        for k, difference in enumerate(differences):
            if is_template(difference, differences[:k] + differences[k + 1 :]):
                return difference, int(sample[k])
        return None

    def _template(self, near: Near, rows: IntArray, difference: Difference, member: int) -> pa.Table:
        """Return the claim about a family of texts that differ in a few slots, with one slot shown in two of them."""
        kept = int(near.kept[rows[0]])
        both = np.array([kept, member])
        slot = max(difference.gaps, key=lambda gap: max(gap.sizes))
        facts = self._texts.facts(both)
        spans = [
            self._texts.spans(both[k : k + 1], [place], facts, np.array([k]))
            for k, place in enumerate((slot.left, slot.right))
        ]
        n, n_slots = len(rows) + 1, len(difference.gaps)
        return claim(
            facts,
            TEMPLATE,
            np.array([0]),
            [f"{n:,} texts of one template: they differ in {n_slots} place{'s' * (n_slots > 1)}"],
            spans=spans,
            facets=[{"count": str(n), "kind": str(Shape.TEMPLATE), "cluster": ids_of(facts)[0]}],
        )

    def _pairs(self, near: Near, shape: Shape | None) -> Iterator[pa.Table]:
        relations = Relations(self._texts, near.copies, near.partners)
        facts = relations.facts
        is_call = np.asarray(facts["is_call"])
        judged = ~is_kin(facts, relations.left, relations.right)
        judged &= ~is_call[relations.left] & ~is_call[relations.right]
        near = near.where(judged)
        used, at = np.unique(np.concatenate([near.copies, near.partners]), return_inverse=True)
        words = self._texts.lists("words", used) if len(used) else []
        left, right = np.split(at.reshape(-1), 2)
        differences = [Difference(words[i], words[j]) for i, j in zip(left.tolist(), right.tolist(), strict=True)]
        answers = as_bools(pc.is_in(single(facts["role"]), value_set=pa.array(["assistant", "tool"])))
        is_asked = ~(answers[relations.left] | answers[relations.right])[judged]
        n_words = np.minimum(self._texts.n_words[near.copies], self._texts.n_words[near.partners])
        shapes = [
            shape or _shape(difference, asked, contained, words)
            for difference, asked, contained, words in zip(
                differences, is_asked.tolist(), near.contained.tolist(), n_words.tolist(), strict=True
            )
        ]
        if shape is None:
            self._find_templates(near, differences, shapes)
        yield from self._worded(near, differences, shapes)

    def _find_templates(self, near: Near, differences: list[Difference], shapes: list[Shape | None]) -> None:
        """Set the shape of copies that differ only where other texts of the data differ too."""
        copies = np.array([k for k, shape in enumerate(shapes) if shape in COPIES], dtype=np.int64)
        of_template = alike(self._texts, near.copies[copies], near.partners[copies])
        used = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *of_template]))
        words = dict(zip(used.tolist(), self._texts.lists("words", used), strict=True)) if len(used) else {}
        for k, texts in zip(copies.tolist(), of_template, strict=True):
            if len(texts) < MIN_FILLERS:
                continue
            others = [Difference(differences[k].left, words[text]) for text in texts.tolist()]
            if is_template(differences[k], others):
                shapes[k] = Shape.TEMPLATE

    def _worded(self, near: Near, differences: list[Difference], shapes: list[Shape | None]) -> Iterator[pa.Table]:
        is_claimed = np.array([shape is not None for shape in shapes], dtype=bool)
        # Beyond its group, a text is reported for copies only.
        is_note = np.array([shape not in COPIES for shape in shapes], dtype=bool)
        is_claimed &= ~is_note | near.is_grouped
        # A template is one finding.
        is_template = np.array([shape == Shape.TEMPLATE for shape in shapes], dtype=bool)
        _, first = np.unique(np.where(is_template, near.kept, -1 - np.arange(len(shapes))), return_index=True)
        is_claimed &= ~is_template | np.isin(np.arange(len(shapes)), first)
        chosen = np.flatnonzero(is_claimed)
        near = near.where(is_claimed)
        differences, shapes = [differences[k] for k in chosen], [shapes[k] for k in chosen]
        # What is inside another text is reported, not what contains it.
        swap = np.array(
            [
                shape in (Shape.CUT, Shape.CONTAINED) and len(d.left) > len(d.right)
                for d, shape in zip(differences, shapes, strict=True)
            ],
            dtype=bool,
        )
        copies, partners = np.where(swap, near.partners, near.copies), np.where(swap, near.copies, near.partners)
        relations = Relations(self._texts, copies, partners)
        kept_ids = ids_of(self._texts.facts(near.kept)) if len(near.kept) else []
        summaries, facets, places, scores = [], [], [], []
        for k, (d, shape) in enumerate(zip(differences, shapes, strict=True)):
            jaccard, contained = float(near.jaccard[k]), float(near.contained[k])
            place = d.place[::-1] if swap[k] else d.place
            share = contained or jaccard
            scores.append(share)
            summaries.append(_summary(shape, share, *relations.described(k)))
            facet = relations.facets(k) | {"cluster": kept_ids[k], "jaccard": f"{jaccard:.3f}", "kind": str(shape)}
            facets.append(facet | ({"contained": f"{contained:.3f}"} if contained else {}))
            places.append(_places(d, shape, place))
        rules = np.array([_RULES[shape].id for shape in shapes if shape is not None])
        is_copy = np.array([shape in COPIES for shape in shapes], dtype=bool)
        crosses = relations.crosses & is_copy
        yield from relations.claims(
            CROSS_SPLIT, np.flatnonzero(crosses), summaries, facets, places=places, score=scores
        )
        for rule in (NEAR_COPY, CONTAINED_COPY, OTHER_INSTRUCTION, TEMPLATE):
            pairs = np.flatnonzero((rules == rule.id) & ~crosses) if len(rules) else np.zeros(0, dtype=np.int64)
            yield from relations.claims(rule, pairs, summaries, facets, places=places, score=scores)


_RULES = {
    Shape.EDITED: NEAR_COPY,
    Shape.RENAMED: NEAR_COPY,
    Shape.CUT: CONTAINED_COPY,
    Shape.CONTAINED: CONTAINED_COPY,
    Shape.INSTRUCTION: OTHER_INSTRUCTION,
    Shape.REWORDED: OTHER_INSTRUCTION,
    Shape.TEMPLATE: TEMPLATE,
}


def _runs(keys: IntArray, rows: IntArray) -> Iterator[IntArray]:
    """Yield the rows of each key."""
    order = rows[np.argsort(keys[rows], kind="stable")]
    cuts = np.flatnonzero(keys[order][1:] != keys[order][:-1]) + 1
    for first, end in pairwise([0, *cuts.tolist(), len(order)]):
        if end > first:
            yield order[first:end]


def _shape(difference: Difference, is_asked: bool, contained: float, n_words: int) -> Shape | None:
    """Return what a pair is; None: a text that has less in common with a longer one than a copy has."""
    if not contained:
        return shape_of(difference, is_asked=is_asked)
    longer, shorter = max(len(difference.left), len(difference.right)), difference.shorter
    if len(difference.inside) > max(2, n_words // WORDS_AN_EDIT):
        return None
    if difference.n_aligned >= MIN_ALIGNED * longer:
        return shape_of(difference, is_asked=is_asked)
    (_, _), (first, end) = difference.place
    if contained < MIN_CONTAINED or difference.n_aligned < MIN_ALIGNED * shorter:
        return None
    if end - first > MAX_SPREAD * shorter + MIN_GRAMS:
        return None
    shape = shape_of(difference, is_asked=is_asked)
    return Shape.CONTAINED if shape == Shape.EDITED else shape


def _places(d: Difference, shape: Shape | None, place: tuple[Span, Span]) -> tuple[Span | None, Span | None]:
    """Return the tokens of both texts that show what they are to each other; None: all."""
    if shape in (Shape.CUT, Shape.CONTAINED):
        return None, place[1]
    if shape == Shape.INSTRUCTION:
        gap = max(d.gaps, key=lambda gap: min(gap.sizes) * 1000 + max(gap.sizes))
        return gap.left if gap.sizes[0] else None, gap.right if gap.sizes[1] else None
    return None, None


_SUMMARIES = {
    Shape.EDITED: "{share} similar to {message} {place}",
    Shape.RENAMED: "Same code as {message} with other names, {place}",
    Shape.CUT: "Cut copy of {message} {place} ({share} of its 5-grams)",
    Shape.CONTAINED: "Contained in {message} {place} ({share} of its 5-grams)",
    Shape.INSTRUCTION: "Shares its text with {message} under another instruction, {place}",
    Shape.REWORDED: "{share} similar to {message} that asks for something else, {place}",
    Shape.TEMPLATE: "Fills the same template as {message} {place}",
}


def _summary(shape: Shape | None, share: float, message: str, place: str) -> str:
    # 100 % only if the sets of 5-grams are equal.
    percent = "100 %" if share == 1 else in_percent(share, 0 if share < 0.995 else 2)
    return _SUMMARIES[shape or Shape.EDITED].format(share=percent, message=message, place=place)
