"""Findings: one claim a row, with the spans of text that show it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from itertools import chain
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .examples import Example
from .messages import Batch, IntArray, names, single

NOTE, WARNING, ERROR = 1, 2, 3
SEVERITIES = {NOTE: "note", WARNING: "warning", ERROR: "error"}
Severity = Literal["note", "warning", "error"]  # as people write it
LEVELS = {name: level for level, name in SEVERITIES.items()}

CLIP = 240  # code points of a quote

SPAN = pa.struct(
    [
        ("source", pa.string()),
        ("line", pa.int64()),
        ("id", pa.string()),  # of the message; `line N` for a raw record
        ("start", pa.int64()),  # code points of the text as read; end is past the last one
        ("end", pa.int64()),
        # Filled in by audit/quote.py, as the role and the language. The words around the span let a reader see it in
        # its place.
        ("at", pa.int64()),  # where the quote begins: `start`, or near the first difference of two long texts
        ("before", pa.string()),
        ("quote", pa.string()),
        ("after", pa.string()),
        ("role", pa.string()),
        ("lang", pa.string()),
    ]
)

ID_FACETS = frozenset({"partner", "cluster", "prompt"})  # facets whose values are ids of messages

FINDINGS = pa.schema(
    [
        ("check", pa.string()),
        ("rule", pa.string()),  # check/rule
        ("severity", pa.int8()),  # 1 note, 2 warning, 3 error
        ("tree_id", pa.string()),
        ("message_id", pa.string()),
        ("summary", pa.string()),  # one sentence with its numbers
        ("score", pa.float64()),  # strength of the evidence, in [0, 1]
        ("spans", pa.list_(SPAN)),  # the first is the primary one
        ("facets", pa.map_(pa.string(), pa.string())),
        ("fingerprint", pa.string()),  # 16 hex digits, the same in every run over the same fault
        ("source", pa.string()),
        ("line", pa.int64()),
        # Of the message; filled in by audit/quote.py where the check does not know them, so that findings can be
        # counted by them without the data.
        ("role", pa.string()),
        ("lang", pa.string()),  # as declared
        ("created_date", pa.string()),  # as written
    ]
)

TOLD = ("role", "lang", "created_date")  # of a message, with each finding about it

CHECKED = "checked"
"""The outcome of a message that a check has looked at; any other outcome is the reason why it was skipped."""

COVERAGE = pa.schema(
    [
        ("message_id", pa.string()),
        ("source", pa.string()),
        ("line", pa.int64()),
        ("outcome", pa.string()),  # CHECKED, or why the message was skipped
    ]
)
"""What became of messages in a check, one a row. What a later stage says of a message stands above the first one's."""


class Action(StrEnum):
    """What `clean` does about a finding."""

    KEEP = "keep"  # leave the message as it is
    DROP_MESSAGE = "drop_message"  # and the replies to it, unless the tree has its id a second time
    DROP_SUBTREE = "drop_subtree"  # the message and everything below it
    DROP_TREE = "drop_tree"
    DROP_RECORD = "drop_record"  # a record that could not be read: there is no other way
    KEEP_BEST = "keep_best"  # drop all copies of a text but the best (needs the facets `partner` and `cluster`)
    FIX_LANGUAGE = "fix_language"  # set the tag to the detected language (needs the facet `detected`)


class Concerns(StrEnum):
    """What a finding of a rule is about."""

    MESSAGE = "message"
    TREE = "tree"  # one finding a tree: to drop its message is to drop the tree
    RECORD = "record"  # a raw record, which may have no message
    REPEATED_ID = "repeated id"  # of n messages of a record that share an id, one of the last
    COPIES = "copies"  # the messages of all its spans, which are interchangeable


@dataclass(frozen=True)
class Rule:
    """One nameable fault, with all that any surface says about it."""

    id: str  # check/rule
    title: str  # what is wrong, without a full stop; survives being cut at 60 characters
    severity: int  # NOTE, WARNING or ERROR: how bad it is, if true
    advice: str  # what to do about it
    example: Example = field(hash=False)  # it contains dicts
    action: Action = Action.DROP_MESSAGE  # of `clean`, by default
    concerns: Concerns = Concerns.MESSAGE

    @property
    def check(self) -> str:
        """The name of its check."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name without that of its check."""
        return self.id.partition("/")[2]


class Spans(NamedTuple):
    """One span for each of several findings: a row of `places` (-1: no span), and `[start, end)` in its text."""

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64] | None = None  # None: from the beginning
    ends: npt.NDArray[np.int64] | None = None  # None: to the end of the text


def token_spans(batch: Batch, rows: IntArray, firsts: IntArray, ends: IntArray) -> Spans:
    """The tokens [first, end) of each row's text, as a span."""
    tokens, column = batch.tokens, batch.column("text")
    edges = []
    for row, first, end in zip(rows.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        text = column[row].as_py().encode()
        k = int(tokens.bounds[row])
        edges.append([len(text[:at].decode()) for at in (tokens.starts[k + first], tokens.ends[k + end - 1])])
    starts, stops = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return Spans(rows, starts, stops)


def clipped(text: str) -> str:
    """The text as far as it fits into a quote."""
    return text if len(text) <= CLIP else text[:CLIP] + "…"


def claim(
    places: pa.Table,
    rule: Rule,
    rows: npt.NDArray[np.int64],
    summaries: str | Sequence[str],
    *,
    spans: Sequence[Spans] = (),
    score: float | npt.NDArray[np.float64] = 1.0,
    severity: int | None = None,
    facets: Sequence[dict[str, str]] | None = None,
    about: Sequence[str] | None = None,
) -> pa.Table:
    """FINDINGS of one rule, one for each row of `places` named in `rows`.

    Parameters
    ----------
    places : Table (PLACES)
        Where the messages stand, as in `Batch.places`; what else it holds of TOLD enters the findings.
    rule : Rule
        Which fault it is.
    rows : ndarray of int64, shape (n,)
        The messages that the claims are about.
    summaries : str or sequence of n str
        One sentence each; a single one serves all.
    spans : sequence of Spans, each of n rows
        The evidence, primary first. Without any, the whole text of the message is the evidence.
    score : float or ndarray of float64, shape (n,)
        In [0, 1].
    severity : int, optional
        Where a setting makes the rule milder; else the rule's own.
    facets : sequence of n dict, optional
        Short keys and values to count the claims by.
    about : sequence of n str, optional
        What each claim is about besides its message, where a rule may claim twice of one message. It enters the
        fingerprint, so it must not change when data elsewhere do.
    """
    n = len(rows)
    at = places.take(pa.array(rows))
    ids = at["message_id"].to_pylist()
    subjects = about if about is not None else [""] * n
    return pa.table(
        {
            "check": pa.repeat(rule.check, n),
            "rule": pa.repeat(rule.id, n),
            "severity": pa.repeat(pa.scalar(severity or rule.severity, pa.int8()), n),
            "tree_id": at["tree_id"],
            "message_id": at["message_id"],
            "summary": pa.repeat(summaries, n) if isinstance(summaries, str) else pa.array(summaries, pa.string()),
            "score": pa.array(np.broadcast_to(np.asarray(score, dtype=np.float64), n)),
            "spans": _span_lists(places, list(spans) or [Spans(rows)], n),
            "facets": _maps(facets or [{}] * n),
            "fingerprint": pa.array(
                [fingerprint(rule.id, i or "", s) for i, s in zip(ids, subjects, strict=True)], pa.string()
            ),
            "source": at["source"],
            "line": at["line"],
            **{name: at[name] if name in at.column_names else pa.nulls(n, pa.string()) for name in TOLD},
        },
        schema=FINDINGS,
    )


def _span_lists(places: pa.Table, spans: Sequence[Spans], n: int) -> pa.Array:
    """List array of SPAN: for each of n findings its spans in the order given, those without a row left out."""
    rows = np.stack([span.rows for span in spans], axis=1)  # (n, n_spans)
    ends = np.asarray(places["n_chars"].fill_null(0))
    length = ends[rows] if len(ends) else np.zeros(rows.shape, dtype=np.int64)
    start = np.stack([np.zeros(n, np.int64) if s.starts is None else s.starts for s in spans], axis=1)
    end = np.stack([length[:, k] if s.ends is None else s.ends for k, s in enumerate(spans)], axis=1)
    used = rows >= 0
    at = places.take(pa.array(rows[used]))
    ids = names(at["message_id"], at["line"])
    n_spans = int(used.sum())
    blank = pa.nulls(n_spans, pa.string())
    flat = pa.StructArray.from_arrays(
        [
            single(at["source"]),
            single(at["line"]),
            pa.array(ids, pa.string()),
            pa.array(start[used], pa.int64()),
            pa.array(end[used], pa.int64()),
            pa.nulls(n_spans, pa.int64()),
            *[blank] * 5,
        ],
        fields=list(SPAN),
    )
    offsets = np.concatenate([[0], np.cumsum(used.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), flat)


def _maps(facets: Sequence[dict[str, str]]) -> pa.MapArray:
    """Map array of these; given pairs, Arrow takes six times as long."""
    limits = np.append(0, np.cumsum([len(f) for f in facets]))
    parts = chain.from_iterable(facets), chain.from_iterable(f.values() for f in facets)
    return pa.MapArray.from_arrays(pa.array(limits, pa.int32()), *(pa.array(part, pa.string()) for part in parts))


def fingerprint(rule_id: str, message_id: str, about: str = "") -> str:
    """16 hex digits that name a claim, the same in every run, on every machine."""
    key = "\x00".join((rule_id, message_id, about)).encode("utf-8", "surrogatepass")
    return blake2b(key, digest_size=8).hexdigest()


def cover(messages: pa.Table, outcomes: pa.Array | str = CHECKED) -> pa.Table:
    """COVERAGE of these messages: `outcomes` says for each whether it was checked or why not."""
    column = pa.repeat(outcomes, messages.num_rows) if isinstance(outcomes, str) else outcomes
    return messages.select(COVERAGE.names[:-1]).append_column("outcome", column)
