"""Claims as rows of FINDINGS, with spans that show them, and outcomes as rows of COVERAGE."""

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .arrow.columns import IntArray, single
from .findings import CHECKED, COVERAGE, FINDINGS, SPAN, Rule
from .places import names
from .text.tokens import Tokens

NO_REPLIES = {"prompter": "prompter message", "system": "system message", "tool": "tool result"}
"""Why a check of replies skips the messages of other roles."""

CLIP = 240  # code points of a quote

MESSAGE_FACTS = ("role", "lang", "created_date")  # columns of a message that its findings repeat


class Spans(NamedTuple):
    """One span for each of several findings: a row of `places` (-1: no span), and `[start, end)` in its text."""

    rows: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64] | None = None  # None: from the beginning
    ends: npt.NDArray[np.int64] | None = None  # None: to the end of the text


def token_spans(column: pa.Array, tokens: Tokens, rows: IntArray, firsts: IntArray, ends: IntArray) -> Spans:
    """Return the tokens [first, end) of each row's text as spans; of row -1, none."""
    edges = []
    for row, first, end in zip(rows.tolist(), firsts.tolist(), ends.tolist(), strict=True):
        if row < 0:
            edges.append([0, 0])
            continue
        text = column[row].as_py().encode()
        k = int(tokens.bounds[row])
        edges.append([len(text[:at].decode()) for at in (tokens.starts[k + first], tokens.ends[k + end - 1])])
    starts, stops = np.array(edges, dtype=np.int64).reshape(-1, 2).T
    return Spans(rows, starts, stops)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def clipped(text: str) -> str:
    """Return the text, cut to the length of a quote."""
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
    """Return FINDINGS of one rule, one for each row of `places` in `rows`.

    Parameters
    ----------
    places : Table (PLACES)
        Where the messages stand, as in `Batch.places`; what else it holds of MESSAGE_FACTS enters the findings.
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
            **{name: at[name] if name in at.column_names else pa.nulls(n, pa.string()) for name in MESSAGE_FACTS},
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
