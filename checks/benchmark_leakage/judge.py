"""The decision which candidates are leaks, by a fitted model."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ...benchmarks_refs.fingerprints import PASSAGE, QUESTION, STEP
from ..base.arrow.columns import IntArray
from . import model
from .evidence import HashedTexts, ItemHit, choices_behind, with_kind
from .features import Features, candidates, features_of
from .ordinary import ordinary

# Of a passage without its question, which is a note at most.
MIN_PASSAGE, MIN_WORDS, MIN_NATS = 0.75, 25, 36.0


def probable(texts: HashedTexts, columns: dict[str, IntArray], minimum: float) -> Iterator[ItemHit]:
    """Yield the hits of `kernels.scan` that are at least this probable, and passages, by message and part."""
    _, found, known = evidence(texts, columns)
    hits = [
        with_kind(replace(hit, score=p), texts) if texts.refs.kinds[hit.part] == QUESTION else replace(hit, score=p)
        for hit, p in zip(found, model.load().probability(known).tolist(), strict=True)
        if p >= minimum
    ]
    yield from sorted([*hits, *_passages(texts, columns)], key=lambda hit: (hit.row, hit.part))


def evidence(
    texts: HashedTexts, columns: dict[str, IntArray], counted: int = 0
) -> tuple[IntArray, list[ItemHit], Features]:
    """Return the numbers of the candidates among the hits, the candidates, and their FEATURES."""
    refs = texts.refs
    kept = candidates(refs, columns)
    found = [
        replace(hit, choices=choices_behind(hit, texts)) if refs.has_choices[hit.part] else hit
        for hit in _hits(texts, columns, kept)
    ]
    return kept, found, features_of(texts, columns, kept, found, ordinary(), counted)


def _passages(texts: HashedTexts, columns: dict[str, IntArray]) -> Iterator[ItemHit]:
    refs, part = texts.refs, columns["part"]
    is_one = (refs.kinds[part] == PASSAGE) & (refs.n_words[part] >= MIN_WORDS)
    is_one &= columns["exact_weight"] >= np.maximum(MIN_PASSAGE * refs.totals[part], MIN_NATS / STEP)
    return (replace(hit, score=hit.exact) for hit in _hits(texts, columns, np.flatnonzero(is_one)))


def _hits(texts: HashedTexts, columns: dict[str, IntArray], chosen: IntArray) -> Iterator[ItemHit]:
    refs = texts.refs
    names = ("text", "part", "first", "end", "exact_weight", "masked_weight")
    for row, part, first, end, exact, masked in zip(*(columns[name][chosen].tolist() for name in names), strict=True):
        yield ItemHit(
            row,
            part,
            tuple(refs.items_of(part).tolist()),
            first,
            end,
            exact / max(1, int(refs.totals[part])),
            masked / max(1, int(refs.word_totals[part])),
            exact * STEP,
        )
