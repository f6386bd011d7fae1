"""Claims about texts of the same words: duplicates, other signs, repeated prompts, stock phrases."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import MIXED, BoolArray, IntArray, as_bools, single
from ..base.claims import Spans, claim
from ..base.findings import NOTE, WARNING, Rule
from ..base.text.tokens import HashArray
from .relations import MAX_CLAIMS, Relations
from .rules import CROSS_SPLIT, EXACT_COPY, OTHER_SIGNS, REPEATED_PROMPT, STOCK_PHRASE
from .texts import TextSets, ids_of, is_kin

MAX_PLACES = 5  # spans of a phrase or a prompt
MIN_REPEATED = 0.15  # of the prompts of a file that occurred before, where it repeats prompts as a rule


_SUMMARIES = {
    "exact": "Duplicates {} {}",
    "other punctuation": "Same words as {}, with other punctuation, {}",
    "other signs": "Same words as {}, with signs that may change the meaning, {}",
}


class _Repeated(NamedTuple):
    """Texts whose words occur more than once, by number; and by row in `facts`, the first that is equal to each."""

    texts: IntArray
    facts: pa.Table
    same_words: IntArray
    same_meaning: IntArray  # and the same signs that carry meaning
    same_text: IntArray  # and all the same signs


def _repeated(texts: TextSets, is_long: BoolArray) -> _Repeated:
    _, inverse, counts = np.unique(texts.whole, return_inverse=True, return_counts=True)
    rows = np.flatnonzero(is_long & (counts[inverse] > 1))
    facts = texts.facts(rows)
    whole, meant, written = (np.asarray(facts[name]).view(np.uint64) for name in ("whole", "meant", "written"))
    return _Repeated(rows, facts, _first(whole), _first(whole * MIXED ^ meant), _first(whole * MIXED ^ written))


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
    goes_on = _goes_on(texts, found)
    yield from _repeated_prompts(found, goes_on)
    first = _first_that_goes_on(found.same_text, goes_on)
    differs = found.same_text == rows
    of_others = np.where(found.same_meaning != rows, found.same_meaning, found.same_words)
    partner = np.where(first != rows, first, np.where(differs, of_others, rows))
    differs &= first == rows
    partner = _not_their_prompts(found, partner)
    crosses = texts.crosses(found.texts, found.texts[partner])  # what is shared then is never meant
    claimed = np.flatnonzero((partner != rows) & (differs | ~goes_on | crosses))
    means = found.same_meaning[claimed] != found.same_meaning[partner[claimed]]
    for start in range(0, len(claimed), MAX_CLAIMS):
        here = slice(start, start + MAX_CLAIMS)
        yield from _claims(texts, found, claimed[here], partner[claimed[here]], differs[claimed[here]], means[here])


def _claims(
    texts: TextSets, found: _Repeated, rows: IntArray, partners: IntArray, differs: BoolArray, means: BoolArray
) -> Iterator[pa.Table]:
    relations = Relations(texts, found.texts[rows], found.texts[partners])
    crosses = relations.crosses & ~means
    kinds = np.where(means, "other signs", np.where(differs, "other punctuation", "exact")).tolist()
    summaries = [_SUMMARIES[kind].format(*relations.described(k)) for k, kind in enumerate(kinds)]
    first = np.where(differs, found.same_words[rows], found.same_text[rows])
    clusters = ids_of(found.facts.take(pa.array(first)))
    facets = [
        relations.facets(k) | {"cluster": clusters[k], "jaccard": "1.000", "kind": kind} for k, kind in enumerate(kinds)
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


def _goes_on(texts: TextSets, found: _Repeated) -> BoolArray:
    """Mark the repeated messages below which there are texts found nowhere else after the same messages.

    Only in files that repeat prompts so as a rule: those with a thread a row, or several answers to one question. What
    such rows share is no copy.
    """
    rows, facts = np.arange(len(found.texts)), found.facts
    path, first = np.asarray(facts["path"]), found.same_text
    is_shared = _is_prompt(facts) | np.asarray(facts["is_side"]) | (path == path[first])
    has_own = is_shared & _has_own(texts, facts)
    repeats = has_own & (first != rows)
    if not repeats.any():
        return np.zeros(len(rows), dtype=bool)
    asked = texts.table["source"].filter(pc.equal(texts.table["role"], "prompter"))
    n_prompts = {each["values"]: each["counts"] for each in pc.value_counts(asked).to_pylist()}
    source = facts["source"].to_pylist()
    n_repeated: dict[str, int] = {}
    for row in np.flatnonzero(repeats & _is_prompt(facts)).tolist():
        n_repeated[source[row]] = n_repeated.get(source[row], 0) + 1
    as_a_rule = {name for name, n in n_repeated.items() if n >= MIN_REPEATED * n_prompts[name]}
    return np.asarray(has_own & np.array([name in as_a_rule for name in source]), dtype=bool)


def _is_prompt(facts: pa.Table) -> BoolArray:
    return as_bools(pc.equal(single(facts["role"]), "prompter"))


def _has_own(texts: TextSets, facts: pa.Table) -> BoolArray:
    """Mark the messages with a text below them, or sides of a pair, that none before has after the same messages.

    The largest trees come first, so that a tree which is part of another one has nothing of its own.
    """
    path, tree, enter = (np.asarray(texts.table[name])[texts.order] for name in ("path", "tree", "enter"))
    trees, number, sizes = np.unique(tree, return_inverse=True, return_counts=True)
    number = number.reshape(-1)
    by_size = np.argsort(-sizes[number], kind="stable")
    is_first = np.zeros(len(texts), dtype=bool)
    is_first[by_size[np.unique(path[by_size], return_index=True)[1]]] = True
    key = (number << 32) + enter
    order = np.argsort(key)
    n_first = np.append(0, np.cumsum(is_first[order]))
    of = np.searchsorted(trees, np.asarray(facts["tree"])) << 32
    begin, end = (
        np.searchsorted(key[order], of + at)
        for at in (np.asarray(facts["enter"]) + ~np.asarray(facts["is_side"]), np.asarray(facts["leave"]))
    )
    return np.asarray(n_first[end] > n_first[begin], dtype=bool)


def _first_that_goes_on(first: IntArray, goes_on: BoolArray) -> IntArray:
    """Return the row that represents the group of each row: its first that goes on, or its first."""
    n = len(first)
    best = np.full(n, 2 * n)
    np.minimum.at(best, first, np.arange(n) + np.where(goes_on, 0, n))
    found: IntArray = best[first] % n
    return found


def _repeated_prompts(found: _Repeated, goes_on: BoolArray) -> Iterator[pa.Table]:
    """Report each prompt that a file repeats with several answers, by one note."""
    first = found.same_text[goes_on & _is_prompt(found.facts)]
    groups, n_answers = np.unique(first, return_counts=True)
    groups, n_answers = groups[n_answers > 1], n_answers[n_answers > 1]
    if not len(groups):
        return
    members = _members(found.same_text, groups)
    counts = [(len(rows), n) for rows, n in zip(members, n_answers.tolist(), strict=True)]
    yield _noted(
        found.facts,
        REPEATED_PROMPT,
        groups,
        members,
        [f"Occurs {n:,} times, with {answers:,} different answers" for n, answers in counts],
        [{"count": str(n), "answers": str(answers)} for n, answers in counts],
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
