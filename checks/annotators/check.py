"""Who made the data, and how far their labels can be trusted.

Contributors and ratings are compared over the whole data set (contributors.py, ratings.py), near-copies contributor by
contributor (repeats.py). Agreement comes from means and counts of votes alone (agreement.py, likert.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import MIXED, IntArray, as_bools, as_ints, digests
from ..base.check import ALL, Check, Method, Result, Stage, Table
from ..base.claims import claim, cover
from ..base.findings import NOTE, WARNING
from ..base.messages import PLACES, Batch
from ..base.settings import setting
from ..base.statistics.agreement import labels
from ..base.statistics.intervals import FloatArray
from ..base.text.tokens import HashArray
from . import contributors, ratings
from .figures import CELLS, LIKERT_LABELS, activity, agreement_tables, cells_of, contributions, languages
from .repeats import MIN_COPIES, MIN_SHINGLES, near_copies, sketches
from .rules import (
    BURST,
    CONCENTRATION,
    CONSTANT_RATER,
    FACETS,
    METHOD,
    NAME,
    OWN_ANSWERS,
    RANK_CONTRADICTS_LABEL,
    REPEATS_ONESELF,
    RULES,
    TYPING_SPEED,
)

NOTHING = "no contributor, rank or label"
MIN_CONCENTRATED = 5  # messages of one contributor, below which their share says nothing

MESSAGES = pa.schema(
    [
        *PLACES,
        ("role", pa.string()),
        ("lang", pa.string()),
        ("user", pa.uint64()),  # a hash; 0: none
        ("prompt_user", pa.uint64()),
        ("time", pa.int64()),  # microseconds since 1970; null: none
        ("prompt_time", pa.int64()),
        ("tree", pa.uint64()),
        ("parent", pa.uint64()),  # 0: none
        ("rank", pa.int64()),
        ("quality", pa.float64()),
        ("votes", pa.int64()),  # on the quality
        ("top", pa.int64()),  # five-point labels at the top, as bits
        ("rated", pa.int64()),  # those with two votes or more
    ]
)
TEXTS = pa.schema([*PLACES, ("user", pa.uint64()), ("is_reply", pa.bool_()), ("sketch", pa.list_(pa.uint64()))])


@dataclass(frozen=True)
class Annotators(Check):
    """Report contributors who wrote too much or too fast, or repeat or answer themselves, and doubtful labels."""

    name: ClassVar = NAME
    rules: ClassVar = RULES
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = FACETS

    max_share: float = setting(0.1, "Largest share of the messages by one contributor.", above=0, below=1)
    min_messages: int = setting(100, "Fewest messages with a user id to run the rules about contributors.", at_least=1)
    max_false_constant: float = setting(
        0.01, "False discovery rate of conversations whose labels are all at the top.", above=0, below=1
    )

    @classmethod
    def on_examples(cls, folder: Path) -> Self:
        return cls(min_messages=1, max_share=0.01, max_false_constant=0.05)

    def stages(self) -> Sequence[Stage]:
        return (
            Stage(self.scan),
            Stage(self.compare_texts, {"texts": TEXTS}, "user"),
            Stage(self.compare_all, {"messages": MESSAGES, "cells": CELLS}, ALL),
        )

    def scan(self, batch: Batch) -> Result:
        """Collect contributors, times, ranks and labels of each message."""
        columns = {name: batch.column(name) for name in ("role", "lang", "rank", "user_id", "labels")}
        user = digests(columns["user_id"])
        above = batch.parent
        has_above = above >= 0
        time, has_time = batch.dates
        likert = {name: labels(columns["labels"], name) for name in LIKERT_LABELS}
        quality, votes = likert["quality"]
        top, rated = _likert_bits(likert.values())
        has_labels = as_bools(columns["labels"].is_valid())
        is_used = ~batch.is_context & ((user != 0) | has_labels | as_bools(columns["rank"].is_valid()))
        trees = batch.tree_digest
        parent = np.where(has_above, digests(batch.column("parent_id")) * MIXED + trees, np.uint64(0))
        table = batch.places.append_column("role", columns["role"]).append_column("lang", columns["lang"])
        for name, values, valid in (
            ("user", user, None),
            ("prompt_user", np.where(has_above, user[above], np.uint64(0)), None),
            ("time", time, has_time),
            ("prompt_time", time[above], has_above & has_time[above]),
            ("tree", trees, None),
            ("parent", parent, None),
            ("rank", as_ints(columns["rank"], -1), as_bools(columns["rank"].is_valid())),
            ("quality", quality, ~np.isnan(quality)),
            ("votes", votes, None),
            ("top", top, None),
            ("rated", rated, None),
        ):
            mask = None if valid is None else ~valid
            table = table.append_column(name, pa.array(values, mask=mask))
        rows = pa.array(np.flatnonzero(is_used))
        outcomes = pc.if_else(pa.array(is_used[~batch.is_context]), "checked", NOTHING)
        return Result(
            coverage=cover(batch.checkable, outcomes),
            rows={
                "messages": table.take(rows).cast(MESSAGES),
                "texts": self._texts(batch, user),
                "cells": cells_of(batch, trees),
            },
        )

    def _texts(self, batch: Batch, user: HashArray) -> pa.Table:
        if not user.any():
            return TEXTS.empty_table()
        sizes = np.diff(batch.shingles.limits)
        rows = np.flatnonzero((user != 0) & (sizes >= MIN_SHINGLES) & ~batch.is_context)
        is_reply = pc.equal(batch.column("role"), "assistant").fill_null(False)
        table = batch.places.take(pa.array(rows)).append_column("user", pa.array(user[rows]))
        table = table.append_column("is_reply", is_reply.take(pa.array(rows)))
        return table.append_column("sketch", sketches(batch.shingles, rows)).cast(TEXTS)

    def compare_texts(self, texts: pa.Table) -> Result:
        """Report near-copies among the prompts and among the replies of each contributor."""
        texts = texts.sort_by([("user", "ascending"), ("is_reply", "ascending"), ("message_id", "ascending")])
        user, is_reply = np.asarray(texts["user"]), as_bools(texts["is_reply"].combine_chunks())
        column = texts["sketch"].combine_chunks()
        edges = np.flatnonzero((np.diff(user) != 0) | (np.diff(is_reply.astype(int)) != 0)) + 1
        found, sizes = [], []
        starts, stops = np.append(0, edges), np.append(edges, len(user))
        is_enough = stops - starts >= MIN_COPIES
        for start, stop in zip(starts[is_enough].tolist(), stops[is_enough].tolist(), strict=True):
            near = near_copies(column.slice(start, stop - start))
            found.append(near + start)
            sizes += [(len(near), stop - start)] * len(near)
        rows = np.concatenate([np.zeros(0, dtype=np.int64), *found])
        summaries = [f"One of {n:,} near-copies among {of:,} messages of one contributor" for n, of in sizes]
        return Result(claim(texts, REPEATS_ONESELF, rows, summaries))

    def compare_all(self, messages: pa.Table, cells: pa.Table) -> Result:
        """Compare contributors with each other, and ranks with labels; compute the agreement of raters."""
        messages = messages.sort_by([("source", "ascending"), ("line", "ascending"), ("message_id", "ascending")])
        findings: list[pa.Table] = []
        notes: list[str] = []
        tables: list[Table] = []
        work = _work(messages)
        known = int(work.counts.sum())
        if known >= self.min_messages:
            findings += self._about_contributors(messages, work, notes)
            tables += [contributions(work), *activity(messages, work.user), languages(messages, work)]
        elif messages.num_rows:
            notes.append(
                f"Rules about contributors did not run: {known:,} messages have a user id; needs {self.min_messages:,}"
            )
        findings += _about_ratings(messages, notes, self.max_false_constant)
        tables += agreement_tables(cells, notes)
        return Result(pa.concat_tables(findings) if findings else Result().findings, notes=notes, tables=tables)

    def _about_contributors(self, messages: pa.Table, work: contributors.Work, notes: list[str]) -> list[pa.Table]:
        findings = []
        counts, rank_of = work.counts, work.ranks
        spread = contributors.volume(counts[counts > 0])
        notes.append(
            f"{spread.n_users:,} contributors wrote {int(counts.sum()):,} messages (effective number "
            f"{spread.effective:,.0f}); the largest wrote {100 * spread.top_share:.1f} %; Gini {spread.gini:.2f}"
        )
        if spread.top_low > self.max_share and counts.max() >= MIN_CONCENTRATED:
            rows = np.flatnonzero(work.user == work.order[0])
            text = f"By contributor 1, who wrote {100 * spread.top_share:.1f} % of all messages"
            facets = [{"contributor": "1"}] * len(rows)
            findings.append(claim(messages, CONCENTRATION, rows, text, severity=WARNING, facets=facets))
        for burst in contributors.bursts(work):
            who = str(rank_of[work.user[burst.rows[0]]])
            text = (
                f"One of {len(burst.rows):,} messages of one contributor in {burst.seconds / 60:,.0f} minutes: "
                f"typing them takes {burst.need:.1f} times as long"
            )
            findings.append(claim(messages, BURST, burst.rows, text, facets=[{"contributor": who}] * len(burst.rows)))
        typing = contributors.fast_typing(work)
        for severity in (NOTE, WARNING):
            some = typing.is_beyond == (severity != NOTE)
            rows = typing.rows[some]
            texts = [f"Written at {speed:,.0f} characters a second or more" for speed in typing.speed[some]]
            facets = [{"contributor": str(rank_of[u])} for u in work.user[rows]]
            findings.append(claim(messages, TYPING_SPEED, rows, texts, severity=severity, facets=facets))
        own = contributors.own_answers(work)
        severity = WARNING if own.is_beyond else NOTE
        text = (
            f"One of {len(own.rows):,} replies to their author's own prompt, of {own.n_replies:,} replies; "
            f"{own.expected:.1f} expected by chance"
        )
        facets = [{"contributor": str(rank_of[u])} for u in work.user[own.rows]]
        findings.append(claim(messages, OWN_ANSWERS, own.rows, text, severity=severity, facets=facets))
        return findings


def _work(messages: pa.Table) -> contributors.Work:
    values, user = np.unique(np.append(np.uint64(0), np.asarray(messages["user"])), return_inverse=True)
    user = user[1:]
    asked = np.asarray(messages["prompt_user"])
    at = np.minimum(np.searchsorted(values, asked), len(values) - 1)
    prompt_user = np.where(values[at] == asked, at, contributors.NOBODY)
    time, prompt_time = (np.asarray(messages[name].fill_null(contributors.UNKNOWN)) for name in ("time", "prompt_time"))
    time = contributors.without_imports(time, user)
    is_reply = as_bools(pc.equal(messages["role"], "assistant").combine_chunks())
    return contributors.Work(user, prompt_user, time, prompt_time, np.asarray(messages["n_chars"]), is_reply)


def _about_ratings(messages: pa.Table, notes: list[str], max_false: float) -> list[pa.Table]:
    """Return findings about ranks and labels."""
    findings = []
    rank, votes = np.asarray(messages["rank"].fill_null(-1)), np.asarray(messages["votes"])
    quality = np.asarray(messages["quality"].fill_null(np.nan))
    _, parent = np.unique(np.asarray(messages["parent"]), return_inverse=True)
    parent = np.where(np.asarray(messages["parent"]) == 0, -1, parent)
    pairs = ratings.ranks_and_quality(parent, rank, quality, votes)
    if len(pairs.better):
        notes.append(
            f"Ranks and quality labels agree in {100 * pairs.agreement:.1f} % of sibling pairs without a tie (95 % CI "
            f"{100 * pairs.low:.1f}-{100 * pairs.high:.1f}; {len(pairs.better):,} pairs, {pairs.n_ties:,} ties)"
        )
        against = quality[pairs.better] < quality[pairs.worse]
        warned = np.unique(pairs.worse[against if pairs.high < 0.5 else pairs.is_sure])
        noted = np.setdiff1d(pairs.worse[pairs.is_beyond], warned)
        text = "Ranked below a sibling that people rated lower"
        for severity, rows in ((WARNING, warned), (NOTE, noted)):
            findings.append(claim(messages, RANK_CONTRADICTS_LABEL, rows, text, severity=severity))
    elif messages.num_rows:
        notes.append("Rule rank_contradicts_label did not run: no siblings have ranks and two votes on quality")
    tops, rated = np.asarray(messages["top"]), np.asarray(messages["rated"])
    bits = 1 << np.arange(len(LIKERT_LABELS))
    _, tree = np.unique(np.asarray(messages["tree"]), return_inverse=True)
    constant = ratings.constant_trees(tree, (tops[:, None] & bits > 0) * 1, (rated[:, None] & bits > 0) * 1, max_false)
    rows = np.flatnonzero(np.isin(tree, constant) & (rated > 0))
    text = f"In one of {len(constant):,} conversations whose five-point labels are all at the top"
    findings.append(claim(messages, CONSTANT_RATER, rows, text, severity=WARNING))
    return findings


def _likert_bits(found: Iterable[tuple[FloatArray, IntArray]]) -> tuple[IntArray, IntArray]:
    """Return which five-point labels are at the top, and which have two votes or more, as bits of each message."""
    has = [(counts >= 2, means >= 1) for means, counts in found]
    rated = sum(is_rated.astype(np.int64) << k for k, (is_rated, _) in enumerate(has))
    top = sum((is_rated & is_top).astype(np.int64) << k for k, (is_rated, is_top) in enumerate(has))
    return np.asarray(top), np.asarray(rated)
