"""Findings in the page: packed columns of JSON, in pieces that the reader's browser unpacks.

An index of all findings, whose columns the page filters and sorts, and chunks of evidence and conversations, which the
page unpacks as they are opened. A table of 100,000 findings as HTML was 47 MB, and did not open in 90 s.
"""

import gzip
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...checks.base.arrow.columns import IntArray, as_ints, digests, rows_at, single
from ...checks.base.arrow.memory_map import forget
from ...checks.base.findings import SEVERITIES
from ...checks.base.large_tables import Coded, Keys, Words, facets, pieces, places
from ...checks.base.places import names
from ..baseline import Baseline
from ..counts import by_check
from ..record import FINDINGS_FILE, THREADS_FILE, Record
from ..wording import HIDDEN, count_of, number, renaming, visible

SHOWN = ("before", "quote", "after", "role", "lang")  # of a span
SOME = 20_000  # findings whose facets are read together
CHUNK = 500  # findings whose evidence is unpacked together
MAX_VALUES = 300  # of a facet with a list to choose from; ids have more, and are found by search
INDEX_SHARE = 0.5  # of the page at most; the rest is evidence
MAX_MB = 1000  # no browser opens more
ELEMENT, SENTENCES = 60, 2000  # bytes around each piece, and of the sentences about findings that did not fit
ABOVE, BESIDE = 50, 20  # messages of a conversation: above, and siblings
AT_ONCE = 8  # chunks to pack before checking whether they fit
LEVEL = 6  # of gzip: 9 takes twice as long for 1 % less


@dataclass(frozen=True)
class Limits:
    """Limits on the page; the record has everything."""

    max_mb: float = 30.0  # of the whole page, in millions of bytes
    per_check: int = 100_000  # findings of each check

    def __post_init__(self) -> None:
        if not 1 <= self.max_mb <= MAX_MB:
            raise ValueError(f"max_report_mb: {self.max_mb}; expected 1 to {MAX_MB} (an empty report is 0.2 MB)")
        if self.per_check < 0:
            raise ValueError(f"max_report_findings: {self.per_check} is below 0")


@dataclass(frozen=True)
class Payload:
    """The input of the page's script, each piece gzip in base64."""

    index: str
    evidence: tuple[str, ...]  # of CHUNK findings each, in the order of the index
    threads: tuple[str, ...]
    left_out: tuple[str, ...]  # a sentence about each part that is not on the page


def payload(record: Record, limits: Limits, n_bytes: int, baseline: Baseline | None = None) -> Payload:
    """Return the findings that fit, the worst first.

    `n_bytes` is the size of the rest of the page.
    """
    budget = int(limits.max_mb * 1e6) - n_bytes - SENTENCES
    order = _order(record.table, limits.per_check)
    left_out = _capped(record, limits.per_check)
    index = _packed(_index(record, order, baseline))
    n_wanted = len(order)
    while len(index) > INDEX_SHARE * budget and len(order):
        # Long rows may come first, so that one cut is not always enough.
        order = order[: int(0.95 * len(order) * max(0.0, INDEX_SHARE * budget) / len(index))]
        index = _packed(_index(record, order, baseline))
    if len(order) < n_wanted:
        left_out.append(
            f"Left out: the {count_of(n_wanted - len(order), 'mildest finding')}, which would exceed the limit of "
            f"{limits.max_mb:g} MB. See {FINDINGS_FILE}, or raise --max-report-mb"
        )
    chunks = [order[at : at + CHUNK] for at in range(0, len(order), CHUNK)]
    budget -= len(index)
    with ThreadPoolExecutor(2) as pool:
        evidence = _fitting(pool, _evidence(record), chunks, budget)
        budget -= sum(len(piece) + ELEMENT for piece in evidence)
        # Without its evidence, a finding needs no conversation.
        threads = _fitting(pool, _threads(record), chunks[: len(evidence)], budget)
    for what, file, made in (("evidence", FINDINGS_FILE, evidence), ("conversations", THREADS_FILE, threads)):
        n = len(order) - min(len(order), len(made) * CHUNK)
        if n:
            which = f"the {what} of the {number(n)} mildest findings" if n < len(order) else f"the {what}"
            left_out.append(
                f"Left out: {which}, which would exceed the limit of {limits.max_mb:g} MB. "
                f"See {file}, or raise --max-report-mb"
            )
    return Payload(index, tuple(evidence), tuple(threads), tuple(left_out))


def _order(findings: pa.Table, per_check: int) -> IntArray:
    """Return the rows to show: the worst first, in the order of the record within a severity."""
    severity, checks = np.asarray(findings["severity"]), Coded(findings["check"])
    levels = sorted(SEVERITIES, reverse=True)
    shown = np.zeros(len(severity), dtype=bool)
    for check in checks.words:
        left = per_check
        for level in levels:
            rows = np.flatnonzero(checks.are(check) & (severity == level))[:left]
            shown[rows] = True
            left -= len(rows)
    return np.concatenate([np.flatnonzero(shown & (severity == level)) for level in levels])


def _capped(record: Record, per_check: int) -> list[str]:
    return [
        f"Left out: the {count_of(n - per_check, 'mildest finding')} of {check}, as the page shows {number(per_check)} "
        f"of each check. All are in {FINDINGS_FILE}"
        for check, n in by_check(record).items()
        if n > per_check
    ]


def _fitting(
    pool: ThreadPoolExecutor, make: Callable[[IntArray], Any], chunks: Sequence[IntArray], budget: int
) -> list[str]:
    """Pack the first chunks, as far as they fit."""
    packed: list[str] = []
    for at in range(0, len(chunks), AT_ONCE):
        for piece in pool.map(lambda rows: _packed(make(rows)), chunks[at : at + AT_ONCE]):
            budget -= len(piece) + ELEMENT
            if budget < 0:
                return packed
            packed.append(piece)
    return packed


def _packed(values: Any) -> str:
    # No time in gzip's header: the same findings give the same page.
    return b64encode(gzip.compress(msgspec.json.encode(values), LEVEL, mtime=0)).decode()


# -- the index -------------------------------------------------------------------------------------------------------


def _index(record: Record, rows: IntArray, baseline: Baseline | None) -> dict[str, Any]:
    """Return the columns to filter, sort and list: words as numbers, all fingerprints in one text.

    A browser unpacks 100,000 findings in .3 s; with a text in each cell it took .5.
    """
    words: dict[str, list[str | None]] = {}
    columns: dict[str, Any] = {}

    # One after the other: all columns of 100,000 findings of each check would be most of the memory of a report.
    def column(name: str) -> pa.Array:
        return single(_taken(record.table.select([name]), rows)[name])

    named = renaming(record.facts.file_names)
    for name in ("rule", "role", "lang", "source", "summary"):
        encoded = column(name).dictionary_encode()
        some = encoded.dictionary
        if name in ("source", "summary"):  # a sentence may name another file
            some = pa.array(map(named, some.to_pylist()), pa.string())
        words[name] = _shown(some)
        columns[name] = as_ints(encoded.indices, -1).tolist()
    of_facet, words["facet"], columns["facets"] = _common_facets(record.table, rows)
    columns["nFacets"] = np.bincount(of_facet, minlength=len(rows)).tolist()
    columns |= {name: column(name).to_pylist() for name in ("severity", "line")}
    columns["fingerprints"] = "".join(column("fingerprint").to_pylist())  # of 16 digits each
    columns["id"] = _shown(column("message_id"))
    columns["score"] = np.round(np.asarray(column("score")) * 1000).astype(int).tolist()
    if baseline is not None:
        is_new = baseline.is_new(_taken(record.table.select(["check", "fingerprint"]), rows))
        columns["isNew"] = as_ints(is_new, -1).tolist()
    rules = {
        rule.id: {
            "title": rule.title,
            "advice": rule.advice,
            "facets": check.facets,
            "example": "\n".join(map(visible, rule.example)),
            "neighbour": "\n".join(map(visible, rule.neighbour)),
        }
        for check in record.facts.checks
        for rule in check.rules
    }
    return {
        "chunk": CHUNK,
        "words": words,
        "rules": [rules.get(name or "", {"title": name, "advice": "", "facets": {}}) for name in words["rule"]],
        "columns": columns,
    }


def _common_facets(findings: pa.Table, rows: IntArray) -> tuple[IntArray, list[str | None], list[int]]:
    """Return facets whose keys have few values: the row of each, all `key=value`, and which of these each is."""
    keys, of_key, hashes = Words(), [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.uint64)]
    for _, some_keys, values in _facets_of(findings, rows):
        of_key.append(keys.add(some_keys))
        hashes.append(digests(values))
    numbers, value_hashes = np.concatenate(of_key), np.concatenate(hashes)
    common = []
    for k, key in enumerate(keys.words):
        used = value_hashes[numbers == k]
        n_values = len(np.unique(used, return_counts=True)[0])
        # Values that hardly two findings share do not group findings.
        if (n_values < 20 or 2 * n_values < len(used)) and n_values <= MAX_VALUES:
            common.append(key)
    words, of_row, of_word = Words(), [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int32)]
    for some_rows, some_keys, values in _facets_of(findings, rows):
        is_common = pc.is_in(some_keys, value_set=pa.array(common, pa.string()))
        of_row.append(some_rows[np.asarray(is_common)])
        of_word.append(
            words.add(pc.binary_join_element_wise(some_keys.filter(is_common), values.filter(is_common), "="))
        )
    return np.concatenate(of_row), _shown(pa.array(words.words, pa.string())), np.concatenate(of_word).tolist()


def _facets_of(findings: pa.Table, rows: IntArray) -> Iterator[tuple[IntArray, pa.Array, pa.Array]]:
    """Yield the facets of some findings, some at a time: which of `rows` has each, its key and its value."""
    for start in range(0, len(rows), SOME):
        of, keys, values = facets(single(_taken(findings.select(["facets"]), rows[start : start + SOME])["facets"]))
        yield of + start, keys, values


def _files(column: pa.Array | pa.ChunkedArray, named: Callable[[str], str]) -> list[str | None]:
    """Return the sources by the names that pages give them."""
    encoded = single(column).dictionary_encode()
    words = pa.array(map(named, encoded.dictionary.to_pylist()), pa.string())
    return _shown(words.take(encoded.indices))


def _shown(column: pa.Array | pa.ChunkedArray) -> list[str | None]:
    """Return the texts with hidden characters made visible."""
    values: list[str | None] = column.to_pylist()
    hidden = pc.indices_nonzero(pc.match_substring_regex(column, HIDDEN).fill_null(False))
    for k in hidden.to_pylist():
        text = values[k]
        assert text is not None
        values[k] = visible(text)
    return values


# -- chunks -----------------------------------------------------------------------------------------------------------


def _evidence(record: Record) -> Callable[[IntArray], dict[str, Any]]:
    """Return a function that packs the evidence of some findings: all spans and facets, and their number by finding.

    Ids do not compress, so a chunk contains each once: other columns refer to its number, and to -1 for the id of the
    finding, which the index has. That saves a tenth of a page.
    """
    named = renaming(record.facts.file_names)

    def make(rows: IntArray) -> dict[str, Any]:
        findings = _taken(record.table, rows)
        spans = findings["spans"].combine_chunks()
        flat = pc.list_flatten(spans)
        of_span = as_ints(pc.list_parent_indices(spans), -1).tolist()
        of_facet, keys, values = facets(single(findings["facets"]))
        own = _shown(findings["message_id"])
        names: dict[str | None, int] = {}

        def coded(texts: list[str | None], of: Iterable[int]) -> list[int]:
            return [
                -1 if text == own[k] else names.setdefault(text, len(names)) for text, k in zip(texts, of, strict=True)
            ]

        return {
            "treeId": coded(_shown(findings["tree_id"]), range(len(rows))),
            "created": _shown(findings["created_date"]),
            "nSpans": pc.list_value_length(spans).to_pylist(),
            "nFacets": np.bincount(of_facet, minlength=len(rows)).tolist(),
            "keys": _shown(keys),
            "values": coded(_shown(values), of_facet.tolist()),
            "spans": {
                "id": coded(_shown(pc.struct_field(flat, "id")), of_span),
                "source": _files(pc.struct_field(flat, "source"), named),
                **{name: _shown(pc.struct_field(flat, name)) for name in SHOWN},
                **{name: pc.struct_field(flat, name).to_pylist() for name in ("line", "start", "end", "at")},
            },
            "names": list(names),
        }

    return make


def _threads(record: Record) -> Callable[[IntArray], dict[str, Any]]:
    """Return a function that packs the conversations around some findings, and the message of each finding."""
    threads = record.threads
    parents_of = [as_ints(piece["parent"], -1) for piece in pieces(threads, ["parent"])]
    parent = np.concatenate([np.zeros(0, dtype=np.int64), *parents_of])
    by_parent = np.argsort(parent, kind="stable")
    sorted_parent = parent[by_parent]
    subjects = _subjects(record)
    named = renaming(record.facts.file_names)

    def make(rows: IntArray) -> dict[str, Any]:
        of = subjects(rows)
        found = of[of >= 0]
        parents = np.unique(parent[found])
        parents = parents[parents >= 0]
        kept = [found]
        first, last = (np.searchsorted(sorted_parent, parents, side=side) for side in ("left", "right"))
        kept += [by_parent[a : min(a + BESIDE, b)] for a, b in zip(first.tolist(), last.tolist(), strict=True)]
        for _ in range(ABOVE):
            if not parents.size:
                break
            kept.append(parents)
            parents = np.unique(parent[parents])
            parents = parents[parents >= 0]
        nodes = np.unique(np.concatenate(kept))
        up = np.searchsorted(nodes, parent[nodes])
        up = np.where(nodes[np.minimum(up, len(nodes) - 1)] == parent[nodes], up, -1) if len(nodes) else up
        table = _taken(threads, nodes)
        ids = _shown(table["parent_id"])
        return {
            "of": np.where(of >= 0, np.searchsorted(nodes, of), -1).tolist(),
            "parent": up.tolist(),
            # The parents of the others are among these messages.
            "parentId": [key if k < 0 else None for key, k in zip(ids, up.tolist(), strict=True)],
            "source": _files(table["source"], named),
            **{name: _shown(table[name]) for name in ("id", "role", "lang", "excerpt")},
            **{name: table[name].to_pylist() for name in ("line", "rank", "depth", "n_replies")},
        }

    return make


def _subjects(record: Record) -> Callable[[IntArray], IntArray]:
    """Return a function that gives the row of THREADS of the message of each of some findings; -1: none."""
    place = ["message_id", "source", "line"]
    threads = record.threads.select(["id", "source", "line"]).rename_columns(place)
    known = Keys(places(threads))

    def rows_of(rows: IntArray) -> IntArray:
        findings = _taken(record.table.select(place), rows)
        named = pa.array(names(findings["message_id"], findings["line"]), pa.string())
        return known.rows(places(findings.set_column(0, "message_id", named)))

    return rows_of


def _taken(table: pa.Table, rows: IntArray) -> pa.Table:
    found = rows_at(table, rows)
    forget()
    return found
