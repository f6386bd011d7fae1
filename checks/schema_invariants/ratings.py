"""Claims about ranks, labels, scores, reviews and tree states."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools, as_ints, entries
from ..base.claims import Spans, counted
from ..base.messages import DETOXIFY, Batch
from .claims import Claims, claims_at, distinct_rows, first_positions, quoted
from .rating_rules import (
    DELETED_IN_EXPORT,
    DETOXIFY_RANGE,
    EMOJI_COUNTS,
    LABEL_LENGTHS,
    LABEL_NAME,
    LABEL_RANGE,
    LOTTERY_REPLIES,
    RANK_GAP,
    RANK_OF_PROMPTER,
    RANK_RANGE,
    RANK_TIE,
    REVIEW_COUNT,
    REVIEW_RESULT,
    SYNTHETIC_MODEL,
    TREE_STATE,
    TREE_STATE_MIXED,
)

LABEL_NAMES = (
    "spam",
    "fails_task",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "quality",
    "toxicity",
    "humor",
    "helpfulness",
    "creativity",
    "violence",
    "moral_judgement",
    "political_content",
)
TREE_STATES = (
    "initial_prompt_review",
    "growing",
    "ranking",
    "ready_for_scoring",
    "ready_for_export",
    "scoring_failed",
    "aborted_low_grade",
    "halted_by_moderator",
    "backlog_ranking",
    "prompt_lottery_waiting",
)
MAX_RANKS = 6  # named in a summary


def rank_claims(batch: Batch) -> list[Claims]:
    """Return the claims about ranks of rival answers, which count 0, 1, 2, ... without a tie or a gap."""
    column = batch.column("rank")
    if column.null_count == len(column):
        return []
    given = ~as_bools(column.is_null()) & ~batch.is_copy
    rank = as_ints(column, -1)
    role = batch.column("role")
    # A prompt that answers a prompt has the wrong role, and is reported for that.
    prompter = as_bools(pc.equal(role, "prompter"))
    repeats = (batch.parent >= 0) & prompter[batch.parent] & ~batch.is_on_cycle
    prompts = np.flatnonzero(given & prompter & ~repeats)
    claims = claims_at(
        batch.places,
        RANK_OF_PROMPTER,
        prompts,
        [f"Prompt has rank {rank[r]}; only answers are ranked" for r in prompts],
    )
    negative = np.flatnonzero(given & (rank < 0))
    claims += claims_at(
        batch.places, RANK_RANGE, negative, [f"Rank is {rank[r]}; expected 0 or more" for r in negative]
    )

    rows = np.flatnonzero(given & (rank >= 0) & (batch.parent >= 0) & as_bools(pc.equal(role, "assistant")))
    rows = rows[np.lexsort((rows, rank[rows], batch.parent[rows]))]
    parent, value = batch.parent[rows], rank[rows]
    if not rows.size:
        return claims
    starts = np.flatnonzero(np.append(True, parent[1:] != parent[:-1]))
    size = np.diff(np.append(starts, len(rows)))
    group = np.repeat(np.arange(len(starts)), size)
    tie = np.flatnonzero(np.append(False, (parent[1:] == parent[:-1]) & (value[1:] == value[:-1])))
    claims += claims_at(
        batch.places,
        RANK_TIE,
        rows[tie],
        [f"Shares rank {value[k]} with a sibling, among {counted(size[group[k]], 'ranked answer')}" for k in tie],
        spans=[Spans(rows[tie]), Spans(rows[tie - 1])],
    )
    # Distinct ranks are counted, so that a tie is not also reported as a gap.
    distinct = np.bincount(group, minlength=len(starts)) - np.bincount(group[tie], minlength=len(starts))
    top = value[starts + size - 1]
    gap = np.flatnonzero(top + 1 != distinct)
    first = rows[starts[gap]]
    return claims + claims_at(
        batch.places,
        RANK_GAP,
        first,
        [_gap(value[starts[g] : starts[g] + size[g]].tolist()) for g in gap],
        about=batch.column("parent_id").take(pa.array(first)).to_pylist(),
    )


def _gap(ranks: Sequence[int]) -> str:
    """Summarise the ranks of sibling answers, ascending, of which one or more are missing."""
    if len(ranks) == 1:
        return f"Only ranked answer has rank {ranks[0]}; expected 0"
    distinct = sorted(set(ranks))
    n_missing = distinct[-1] + 1 - len(distinct)
    given = set(distinct)
    missing = list(islice((rank for rank in range(distinct[-1]) if rank not in given), min(n_missing, MAX_RANKS)))
    more = [f"{n_missing - MAX_RANKS:,} more"] * (n_missing > MAX_RANKS)
    gap = f"{_listed([*map(str, missing), *more])} {'is' if n_missing == 1 else 'are'} missing"
    if len(distinct) == 1:
        return f"{counted(len(ranks), 'sibling answer')} have rank {distinct[0]}; {gap}"
    if len(distinct) > MAX_RANKS:
        return f"{counted(len(ranks), 'sibling answer')} have ranks from {distinct[0]} to {distinct[-1]}; {gap}"
    return f"Sibling answers have ranks {_listed(list(map(str, distinct)))}; {gap}"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def state_claims(batch: Batch) -> list[Claims]:
    """Return the claims about states of trees, and about deleted messages in them."""
    column = batch.column("tree_state")
    given = ~as_bools(column.is_null())
    code = np.asarray(pc.index_in(column, value_set=pa.array(TREE_STATES)).fill_null(-1), dtype=np.int64)
    first = first_positions(batch.tree)
    strange = np.flatnonzero(given & (code < 0))
    strange = strange[first_positions(batch.tree[strange])]
    claims = claims_at(
        batch.places,
        TREE_STATE,
        strange,
        [f"Unknown tree state: {quoted(s)}" for s in column.take(pa.array(strange)).to_pylist()],
    )
    # A state is compared with that of its tree's first message, as strings, so that unknown states differ too.
    names = np.asarray(column.dictionary_encode(null_encoding="encode").indices, dtype=np.int64)
    of_tree = np.zeros(batch.n_trees, dtype=np.int64)
    of_tree[batch.tree[first]] = first
    other = np.flatnonzero(names != names[of_tree[batch.tree]])
    other = other[first_positions(batch.tree[other])]
    first_of_other = of_tree[batch.tree[other]]
    own, expected = (column.take(pa.array(rows)).to_pylist() for rows in (other, first_of_other))
    claims += claims_at(
        batch.places,
        TREE_STATE_MIXED,
        other,
        [
            f"State is {quoted(a)}; the first message of the tree has {quoted(b)}"
            for a, b in zip(own, expected, strict=True)
        ],
        spans=[Spans(other), Spans(first_of_other)],
    )
    sizes = np.bincount(batch.tree[~batch.is_copy], minlength=batch.n_trees)
    drawn = first[(code[first] == TREE_STATES.index("prompt_lottery_waiting")) & (sizes[batch.tree[first]] > 1)]
    claims += claims_at(
        batch.places,
        LOTTERY_REPLIES,
        drawn,
        [f"Tree in the prompt lottery has {n} messages; expected 1" for n in sizes[batch.tree[drawn]]],
    )
    deleted = np.flatnonzero(as_bools(batch.column("deleted")) & (code == TREE_STATES.index("ready_for_export")))
    return claims + claims_at(
        batch.places, DELETED_IN_EXPORT, deleted, "Message is deleted, but its tree is ready for export"
    )


def review_claims(batch: Batch) -> list[Claims]:
    """Return the claims about reviews, and about models that wrote messages."""
    reviews = batch.column("review_count")
    count = as_ints(reviews, 0)
    below = np.flatnonzero(count < 0)
    claims = claims_at(
        batch.places, REVIEW_COUNT, below, [f"Number of reviews is {count[r]}; expected 0 or more" for r in below]
    )
    unreviewed = np.flatnonzero(as_bools(pc.equal(reviews, 0)) & ~as_bools(batch.column("review_result").is_null()))
    claims += claims_at(batch.places, REVIEW_RESULT, unreviewed, "Message has a review result, but 0 reviews")
    synthetic = batch.column("synthetic")
    has_model = ~as_bools(batch.column("model_name").is_null())
    unnamed = np.flatnonzero(as_bools(synthetic) & ~has_model)
    claims += claims_at(batch.places, SYNTHETIC_MODEL, unnamed, "Message is synthetic, but names no model")
    human = np.flatnonzero(as_bools(pc.equal(synthetic, False)) & has_model)
    return claims + claims_at(batch.places, SYNTHETIC_MODEL, human, "Message names a model, but is not synthetic")


def label_claims(batch: Batch) -> list[Claims]:
    """Return the claims about human labels."""
    column = batch.column("labels")
    if column.null_count == len(column):
        return []
    n_names, n_values, n_counts = (_list_lengths(column, f) for f in ("name", "value", "count"))
    uneven = np.flatnonzero((n_names != n_values) | (n_names != n_counts))
    claims = claims_at(
        batch.places,
        LABEL_LENGTHS,
        uneven,
        [
            f"Labels have {counted(n_names[r], 'name')}, {counted(n_values[r], 'value')} "
            f"and {counted(n_counts[r], 'count')}"
            for r in uneven
        ],
    )
    value, value_row = entries(column, "value")
    number = np.asarray(value.fill_null(np.nan))
    outside = ~((number >= 0) & (number <= 1))
    count, count_row = entries(column, "count")
    amount = as_ints(count, 0)
    odd_values = distinct_rows(value_row[outside])
    claims += claims_at(
        batch.places,
        LABEL_RANGE,
        odd_values[0],
        [
            f"Label value is {'null' if v is None else f'{v:g}'}; expected 0 to 1"
            for v in value.filter(pa.array(outside)).take(pa.array(odd_values[1])).to_pylist()
        ],
        about=["value"] * len(odd_values[0]),
    )
    odd_counts = distinct_rows(count_row[amount < 1])
    claims += claims_at(
        batch.places,
        LABEL_RANGE,
        odd_counts[0],
        [f"Label count is {c}; expected 1 or more" for c in amount[amount < 1][odd_counts[1]]],
        about=["count"] * len(odd_counts[0]),
    )
    return claims + _label_name_claims(batch, column)


def _label_name_claims(batch: Batch, labels: pa.Array) -> list[Claims]:
    name, name_row = entries(labels, "name")
    code = as_ints(pc.index_in(name, value_set=pa.array(LABEL_NAMES)), -1)
    strange = distinct_rows(name_row[code < 0])
    unknown = name.filter(pa.array(code < 0)).take(pa.array(strange[1])).to_pylist()
    claims = claims_at(batch.places, LABEL_NAME, strange[0], [f"Unknown label: {quoted(n)}" for n in unknown])
    key = name_row[code >= 0] * len(LABEL_NAMES) + code[code >= 0]
    key.sort()
    twice = distinct_rows(key[1:][key[1:] == key[:-1]] // len(LABEL_NAMES))[0]
    return claims + claims_at(
        batch.places, LABEL_NAME, twice, "Message has the same label more than once", about=["twice"] * len(twice)
    )


def emoji_claims(batch: Batch) -> list[Claims]:
    """Return the claims about emojis and their counts."""
    column = batch.column("emojis")
    if column.null_count == len(column):
        return []
    n_names, n_counts = (_list_lengths(column, f) for f in ("name", "count"))
    count, count_row = entries(column, "count")
    below = np.bincount(count_row[as_ints(count, 0) < 1], minlength=len(batch)) > 0
    odd = np.flatnonzero((n_names != n_counts) | below)
    return claims_at(
        batch.places,
        EMOJI_COUNTS,
        odd,
        [
            "Emoji count is below 1" if n_names[r] == n_counts[r]
            else f"Emojis have {counted(n_names[r], 'name')} and {counted(n_counts[r], 'count')}"
            for r in odd
        ],
    )  # fmt: skip


def detoxify_claims(batch: Batch) -> list[Claims]:
    """Return the claims about Detoxify scores."""
    column = batch.column("detoxify")
    claims: list[Claims] = []
    for member in DETOXIFY if column.null_count < len(column) else ():
        score = np.asarray(pc.struct_field(column, member.name).fill_null(0.0))
        odd = np.flatnonzero(~((score >= 0) & (score <= 1)))
        claims += claims_at(
            batch.places,
            DETOXIFY_RANGE,
            odd,
            [f"Detoxify score {member.name} is {score[r]:g}; expected 0 to 1" for r in odd],
            about=[member.name] * len(odd),
        )
    return claims


def _list_lengths(column: pa.Array, name: str) -> IntArray:
    """Return the length of one list of a struct of lists, for each row; 0 where there is none."""
    return as_ints(pc.list_value_length(pc.struct_field(column, name)), 0)
