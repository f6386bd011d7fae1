"""Figures over all replies: which models are named, how often replies refuse, and how many a model wrote."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools
from ..base.check import Result, Table
from ..base.findings import Rule
from ..base.messages import Batch
from ..base.statistics.intervals import clustered, in_percent, wilson
from .rules import REFUSAL

SAID = pa.schema(
    [
        ("what", pa.string()),  # CLAIMS, REFUSES, SPEAKS
        ("role", pa.string()),
        ("lang", pa.string()),
        ("source", pa.string()),
        ("model", pa.string()),  # claimed
        ("maker", pa.string()),
        ("model_name", pa.string()),  # as the data have it
        ("n", pa.int64()),
    ]
)
BY_TREE = pa.schema([("what", pa.string()), ("flagged", pa.int64()), ("checked", pa.int64())])
CLAIMS, REFUSES, SPEAKS, SYNTHETIC = "claims to be a model", "refuses", "speaks", "is synthetic by its own field"
MAX_NAMED = 3  # languages, files and values in one cell


def said(
    batch: Batch, is_reply: BoolArray, by_rule: Mapping[Rule, IntArray], claimed: Mapping[tuple[int, str, str], int]
) -> dict[str, pa.Table]:
    """Return SAID and BY_TREE of one batch."""
    columns = {name: batch.column(name) for name in ("role", "lang", "source", "model_name")}
    counts: Counter[tuple[str | None, ...]] = Counter()
    for row, model, maker in claimed:
        role, lang, source, model_name = (column[row].as_py() for column in columns.values())
        counts[CLAIMS, role, lang, source, model, maker, model_name] += 1
    for what, rows in ((SPEAKS, np.flatnonzero(is_reply)), (REFUSES, by_rule[REFUSAL])):
        if not rows.size:
            continue
        parts = pa.table([columns[name].take(pa.array(rows)) for name in ("role", "lang")], names=["role", "lang"])
        for part in parts.group_by(["role", "lang"]).aggregate([([], "count_all")]).to_pylist():
            counts[what, part["role"], part["lang"], None, None, None, None] += part["count_all"]
    found = pa.Table.from_pylist(
        [dict(zip(SAID.names, (*key, n), strict=True)) for key, n in counts.items()], schema=SAID
    )
    signs = np.zeros(len(batch), dtype=bool)
    for rule, rows in by_rule.items():
        if rule is not REFUSAL:
            signs[rows] = True
    trees = [_by_tree(batch, signs & is_reply, is_reply, SPEAKS)]
    synthetic = batch.column("synthetic")
    if synthetic.null_count < len(batch):
        has = is_reply & as_bools(synthetic.is_valid())
        trees.append(_by_tree(batch, has & as_bools(synthetic), has, SYNTHETIC))
    return {"said": found, "by_tree": pa.concat_tables(trees)}


def _by_tree(batch: Batch, flagged: BoolArray, checked: BoolArray, what: str) -> pa.Table:
    """Return BY_TREE of the trees with checked messages."""
    n = np.bincount(batch.tree[checked], minlength=batch.n_trees)
    k = np.bincount(batch.tree[flagged], minlength=batch.n_trees)
    return pa.table([pa.repeat(what, int((n > 0).sum())), k[n > 0], n[n > 0]], schema=BY_TREE)


def shares(rows: pa.Table, by_tree: pa.Table) -> Result:
    """Return the tables and notes of all batches."""
    notes = []
    for what, words in (
        (SPEAKS, "of {n:,} replies show signs of a language model as their author"),
        (SYNTHETIC, "of {n:,} replies are marked as synthetic in the data"),
    ):
        part = by_tree.filter(pc.equal(by_tree["what"], what))
        flagged, checked = (np.asarray(part[name]) for name in ("flagged", "checked"))
        if checked.sum():
            low, high = clustered(flagged, checked)
            share = in_percent(flagged.sum() / checked.sum(), 2)
            interval = f"95 % CI {100 * low:.2f}-{100 * high:.2f}, clustered by conversation"
            least = "; the true share of synthetic replies may be higher" if what == SPEAKS else ""
            notes.append(f"{share} ({interval}) {words.format(n=int(checked.sum()))}{least}")
    claims = [row for row in rows.to_pylist() if row["what"] == CLAIMS]
    users = sum(row["n"] for row in claims if row["role"] == "prompter")
    if users:
        say = "user messages claim" if users > 1 else "user message claims"
        notes.append(f"{users:,} {say} to be a language model: roles may be swapped")
    tables = [table for table in (_named(claims), _refusals(rows)) if table is not None]
    return Result(notes=notes, tables=tables)


def _named(claims: list[dict[str, str | int]]) -> Table | None:
    """Return the models and makers that messages claim as their own."""
    if not claims:
        return None
    counts: dict[tuple[str, str, str], dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in claims:
        key = (
            str(row["model"] or "(not named)"),
            str(row["maker"]),
            "user" if row["role"] == "prompter" else "assistant",
        )
        for field in ("lang", "source", "model_name"):
            counts[key][field][str(row[field] or "")] += int(row["n"])
    ordered = sorted(counts.items(), key=lambda each: (-each[1]["lang"].total(), each[0]))
    return Table(
        "Models named",
        "Models that messages claim to be, or whose makers they claim as their own, with the most frequent languages, "
        "files and values of `model_name` of these messages.",
        ("model", "maker", "role", "messages", "languages", "files", "model_name"),
        tuple(
            (*key, found["lang"].total(), _most(found["lang"]), _most(found["source"]), _most(found["model_name"]))
            for key, found in ordered
        ),
    )


def _most(found: Counter[str]) -> str:
    """Name the most frequent values, with their counts, and how many more there are."""
    named = sorted(((value, n) for value, n in found.items() if value), key=lambda each: (-each[1], each[0]))
    more = len(named) - MAX_NAMED
    return ", ".join(f"{value} ({n:,})" for value, n in named[:MAX_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _refusals(rows: pa.Table) -> Table | None:
    """Return the rate of refusals by language."""
    replies, refusals = (_by_lang(rows, what) for what in (SPEAKS, REFUSES))
    if not refusals:
        return None
    return Table(
        "Refusals by language",
        "Replies that say that they cannot, or lecture in place of an answer, by declared language. The 95 % CI takes "
        "messages as independent.",
        ("language", "replies", "refusals", "rate", "95 % CI"),
        tuple(_rates(replies, refusals)),
        bars=("language", "refusals", "replies"),
    )


def _rates(replies: Mapping[str, int], refusals: Mapping[str, int]) -> Iterator[tuple[str | int | float, ...]]:
    for lang, n in sorted(replies.items(), key=lambda each: (-each[1], each[0])):
        k = refusals.get(lang, 0)
        low, high = wilson(k, n)
        yield lang or "(none)", n, k, in_percent(k / n, 2), f"{100 * low:.2f}-{100 * high:.2f} %"


def _by_lang(rows: pa.Table, what: str) -> dict[str, int]:
    part = rows.filter(pc.equal(rows["what"], what))
    found: Counter[str] = Counter()
    for lang, n in zip(part["lang"].to_pylist(), part["n"].to_pylist(), strict=True):
        found[lang or ""] += n
    return dict(found)
