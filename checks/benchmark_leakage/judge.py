"""The decision which candidates are leaks, by a fitted model."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...benchmarks_refs.fingerprints import N_GRAM, PASSAGE, QUESTION, STEP
from ..base import kernels
from ..base.arrow.columns import BoolArray, IntArray
from ..base.kernels.layout import HIT
from ..base.statistics import trees
from .evidence import HashedTexts, ItemHit, choices_behind, with_kind
from .features import FEATURES, Features, candidates, features_of
from .ordinary import ordinary
from .sketches import aligned, beside_passages

COPIED = Path(__file__).with_name("model.json")

# Of a passage without its question, which is a note at most.
MIN_PASSAGE, MIN_WORDS, MIN_NATS = 0.75, 25, 36.0


def scanned(texts: HashedTexts, is_open: BoolArray) -> dict[str, IntArray]:
    """Return the hits of `kernels.scan` in these texts, by column."""
    (_, tokens, marks), refs = texts.words, texts.refs
    hits = kernels.scan(tokens.hashes, tokens.bounds, marks, N_GRAM, refs.sought)
    return dict(zip(HIT, hits[is_open[hits[:, 0]]].T, strict=True))


def probable(texts: HashedTexts, columns: dict[str, IntArray], minimum: float) -> Iterator[ItemHit]:
    """Yield the hits of `kernels.scan` that are at least this probable, and passages."""
    _, found, known = evidence(texts, columns)
    kinds = texts.refs.columns.kinds
    hits = [
        with_kind(replace(hit, score=p), texts) if kinds[hit.part] == QUESTION else replace(hit, score=p)
        for hit, p in zip(found, trees.load(COPIED, FEATURES).probability(known).tolist(), strict=True)
        if p >= minimum
    ]
    yield from (*hits, *_passages(texts, columns))


def evidence(
    texts: HashedTexts, columns: dict[str, IntArray], counted: int = 0
) -> tuple[dict[str, IntArray], list[ItemHit], Features]:
    """Return the columns of the candidates, the candidates, and their FEATURES."""
    refs = texts.refs
    kept = candidates(refs, columns)
    beside = beside_passages(texts, columns, kept)
    chosen = {name: np.concatenate([values[kept], beside[name]]) for name, values in columns.items()}
    chosen["aligned"] = aligned(texts, chosen)
    found = [
        replace(hit, choices=choices_behind(hit, texts)) if refs.columns.has_choices[hit.part] else hit
        for hit in _hits(texts, chosen)
    ]
    return chosen, found, features_of(texts, columns, chosen, found, ordinary(), counted)


def _passages(texts: HashedTexts, columns: dict[str, IntArray]) -> Iterator[ItemHit]:
    refs, part = texts.refs, columns["part"]
    is_one = (refs.columns.kinds[part] == PASSAGE) & (refs.columns.n_words[part] >= MIN_WORDS)
    is_one &= columns["exact_weight"] >= np.maximum(MIN_PASSAGE * refs.totals(part)[0], MIN_NATS / STEP)
    chosen = {name: values[is_one] for name, values in columns.items()}
    chosen["aligned"] = chosen["exact_weight"]
    return (replace(hit, score=hit.share) for hit in _hits(texts, chosen))


def _hits(texts: HashedTexts, columns: dict[str, IntArray]) -> Iterator[ItemHit]:
    refs = texts.refs
    names = ("text", "part", "first", "end", "exact_weight", "masked_weight", "aligned")
    totals = (np.maximum(1, some).tolist() for some in refs.totals(columns["part"]))
    for row, part, first, end, exact, masked, same, total, of_words in zip(
        *(columns[name].tolist() for name in names), *totals, strict=True
    ):
        yield ItemHit(
            row,
            part,
            tuple(refs.items_of(part).tolist()),
            first,
            end,
            same / total,
            exact / total,
            masked / of_words,
            same * STEP,
        )
