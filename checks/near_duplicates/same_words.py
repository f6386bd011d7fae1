"""Claims about texts of the same words: duplicates, other signs, repeated prompts, stock phrases."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import MIXED, BoolArray, IntArray, single
from ..base.claims import Spans, claim
from ..base.findings import NOTE, WARNING, Rule
from ..base.text.tokens import HashArray
from .relations import MAX_CLAIMS, Relations
from .rules import CROSS_SPLIT, EXACT_COPY, OTHER_SIGNS, REPEATED_PROMPT, STOCK_PHRASE
from .texts import TextSets, is_kin

MAX_PLACES = 5  # spans of a phrase or a prompt
MIN_REPEATED = 0.15  # of the prompts of a file that occurred before, where it repeats prompts as a rule


class _Repeated(NamedTuple):
    """Texts whose words occur more than once, by number; and by row in `facts`, the first that is equal to each."""

    texts: IntArray
    facts: pa.Table
    same_words: IntArray
    same_meaning: IntArray  # and the same signs that carry meaning
    same_text: IntArray  # and all the same signs
    same_thread: IntArray  # and the same texts below


def _repeated(texts: TextSets, is_long: BoolArray) -> _Repeated:
    _, inverse, counts = np.unique(texts.whole, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(is_long & (counts[inverse] > 1))
    facts = texts.facts(rows)
    whole, meant, written, below = (
        np.asarray(facts[name]).view(np.uint64) for name in ("whole", "meant", "written", "below")
    )
    text = whole * MIXED ^ written
    return _Repeated(
        rows, facts, _first(whole), _first(whole * MIXED ^ meant), _first(text), _first(text * MIXED ^ below)
    )


def _first(keys: HashArray) -> IntArray:
    """Return the first row with the key of each row."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return first[inverse.reshape(-1)].astype(np.int64)


def same_word_claims(texts: TextSets, min_words: int) -> Iterator[pa.Table]:
    """Report each text whose words are those of an earlier one, and prompts that a file repeats, once each."""
    found = _repeated(texts, texts.n_words >= min_words)
    if not len(found.texts):
        return
    rows = np.arange(len(found.texts))
    begins = _beginnings(texts, found)
    yield from _repeated_prompts(found, begins)
    partner = np.where(found.same_thread != rows, found.same_thread, found.same_text)
    differs = found.same_text == rows
    partner = np.where(differs, np.where(found.same_meaning != rows, found.same_meaning, found.same_words), partner)
    partner = _not_their_prompts(found, partner)
    claimed = np.flatnonzero((partner != rows) & ~begins)
    means = found.same_meaning[claimed] != found.same_meaning[partner[claimed]]
    for start in range(0, len(claimed), MAX_CLAIMS):
        here = slice(start, start + MAX_CLAIMS)
        yield from _claims(texts, found, claimed[here], partner[claimed[here]], differs[claimed[here]], means[here])


def _claims(
    texts: TextSets, found: _Repeated, rows: IntArray, partners: IntArray, differs: BoolArray, means: BoolArray
) -> Iterator[pa.Table]:
    relations = Relations(texts, found.texts[rows], found.texts[partners])
    crosses = relations.crosses & ~means
    words = np.where(
        means,
        "Same words as {}, with signs that may change the meaning, {}",
        "Same words as {}, with other punctuation, {}",
    )
    summaries = [
        (words[k] if differs[k] else "Duplicates {} {}").format(*relations.described(k)) for k in range(len(rows))
    ]
    kinds = np.where(means, "other signs", np.where(differs, "other punctuation", "exact"))
    facets = [
        relations.facets(k) | {"cluster": relations.partner_ids[k], "jaccard": "1.000", "kind": str(kinds[k])}
        for k in range(len(rows))
    ]
    for rule, severity, chosen in (
        (CROSS_SPLIT, None, crosses),
        (EXACT_COPY, None, ~crosses & ~differs),
        (OTHER_SIGNS, WARNING, ~crosses & differs & ~means),
        (OTHER_SIGNS, NOTE, means),
    ):
        yield from relations.claims(rule, np.flatnonzero(chosen), summaries, facets, severity=severity)


def _not_their_prompts(found: _Repeated, partner: IntArray) -> IntArray:
    """Return the partners, another one for a reply whose partner is its own prompt; itself where there is none."""
    rows = np.arange(len(partner))
    partner = partner.copy()
    for row in np.flatnonzero((partner != rows) & is_kin(found.facts, rows, partner)).tolist():
        others = np.flatnonzero(found.same_words == found.same_words[row])
        others = others[(others != row) & ~is_kin(found.facts, np.full(len(others), row), others)]
        partner[row] = others[0] if others.size and others[0] < row else row
    return partner


def _beginnings(texts: TextSets, found: _Repeated) -> BoolArray:
    """Mark the messages that repeat an earlier one with other texts below, in a file that does so as a rule.

    A file may hold a thread a row, or several answers to one question: what its rows share is no copy.
    """
    rows, facts = np.arange(len(found.texts)), found.facts
    below, path = np.asarray(facts["below"]), np.asarray(facts["path"])
    first = found.same_text
    is_prompt = np.asarray(pc.equal(single(facts["role"]), "prompter").fill_null(False), dtype=bool)
    begins = (first != rows) & (found.same_thread == rows) & (below != 0) & (below[first] != 0)
    begins &= is_prompt | (path == path[first])
    if not begins.any():
        return np.zeros(len(rows), dtype=bool)
    asks = pc.and_(pc.equal(texts.table["role"], "prompter"), pc.not_equal(texts.table["below"], 0))
    counted = pc.value_counts(texts.table["source"].filter(asks)).to_pylist()
    n_prompts = {each["values"]: each["counts"] for each in counted}
    source = facts["source"].to_pylist()
    n_repeated: dict[str, int] = {}
    for row in np.flatnonzero(begins & is_prompt).tolist():
        n_repeated[source[row]] = n_repeated.get(source[row], 0) + 1
    as_a_rule = {name for name, n in n_repeated.items() if n >= MIN_REPEATED * n_prompts[name]}
    begins &= np.array([name in as_a_rule for name in source])
    return np.asarray(begins, dtype=bool)


def _repeated_prompts(found: _Repeated, begins: BoolArray) -> Iterator[pa.Table]:
    """Report each beginning that a file repeats, by one note."""
    is_prompt = np.asarray(pc.equal(single(found.facts["role"]), "prompter").fill_null(False), dtype=bool)
    groups = np.unique(found.same_text[begins & is_prompt])
    if not len(groups):
        return
    members = _members(found.same_text, groups)
    n_threads = [len(np.unique(found.same_thread[rows])) for rows in members]
    yield _noted(
        found.facts,
        REPEATED_PROMPT,
        groups,
        members,
        [
            f"Occurs {len(rows):,} times, with {n:,} different answers"
            for rows, n in zip(members, n_threads, strict=True)
        ],
        [{"count": str(len(rows)), "answers": str(n)} for rows, n in zip(members, n_threads, strict=True)],
    )


def _members(first: IntArray, groups: IntArray) -> list[IntArray]:
    """Return the rows whose first equal row is each of these."""
    order = np.argsort(first, kind="stable")
    limits = np.searchsorted(first[order], np.stack([groups, groups + 1]))
    return [order[first:end] for first, end in limits.T.tolist()]


def _noted(
    facts: pa.Table,
    rule: Rule,
    rows: IntArray,
    members: Sequence[IntArray],
    summaries: Sequence[str],
    facets: Sequence[dict[str, str]],
) -> pa.Table:
    """Return one claim for each group of messages, about the first one."""
    places = np.full((len(rows), MAX_PLACES), -1)
    for k, some in enumerate(members):
        places[k, : len(some)] = some[:MAX_PLACES]
    spans = [Spans(places[:, k]) for k in range(MAX_PLACES)]
    return claim(facts, rule, rows, summaries, spans=spans, facets=facets)


def stock_phrase_claims(texts: TextSets, min_words: int) -> Iterator[pa.Table]:
    """Report each short text that occurs more than once, by one note."""
    found = _repeated(texts, texts.n_words < min_words)
    groups, counts = np.unique(found.same_meaning, return_counts=True)
    groups, counts = groups[counts > 1], counts[counts > 1]
    if not len(groups):
        return
    members = _members(found.same_meaning, groups)
    split = found.facts["split"].to_pylist()
    facets = []
    for rows in members:
        splits = sorted({split[row] for row in rows.tolist()} - {None})
        facets.append({"count": str(len(rows))} | ({"splits": ", ".join(splits)} if len(splits) > 1 else {}))
    summaries = [f"Short text occurs {count:,} times" for count in counts.tolist()]
    yield _noted(found.facts, STOCK_PHRASE, groups, members, summaries, facets)
