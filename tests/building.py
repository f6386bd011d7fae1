"""Small data for tests, readable where they are used."""

import gzip
import json
import re
import uuid
from base64 import b64decode
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from chataudit.audit.reading import files
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.blocks.block import BLOCK
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.reading.formats.columns import tabulate
from chataudit.audit.reading.formats.faults import Fault, Row
from chataudit.audit.reading.parse import Parsed, join, parse
from chataudit.audit.reading.recognise import recognise
from chataudit.audit.run import run
from chataudit.checks.base.check import Check, Result
from chataudit.checks.base.claims import claim, cover
from chataudit.checks.base.examples import Example, chat
from chataudit.checks.base.findings import Rule
from chataudit.checks.base.messages import Batch
from chataudit.reports.baseline import Baseline
from chataudit.reports.gate import Verdict
from chataudit.reports.page import html
from chataudit.reports.page.payload import Limits
from chataudit.reports.page.view import page
from chataudit.reports.record import Record

SEVERE = ("note", "warning", "error")
EXAMPLE = Example(chat("prompter: This is at fault"), chat("prompter: This is fine"))  # of rules that no test looks at
SHARED = Path(__file__).resolve().parents[2] / "shared"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared beside the project")


def uid(name: str) -> str:
    """Return a UUID for a short name, the same every time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def message(name: str, parent: str | None = None, role: str | None = None, **more: Any) -> Row:
    """Return a raw flat OASST message that follows the data set card; `more` sets or (with ...) removes fields."""
    row: Row = {
        "message_id": uid(name),
        "parent_id": None if parent is None else uid(parent),
        "user_id": uid("user"),
        "created_date": "2023-02-07T17:29:24.727400+00:00",
        "text": f"The text of message {name}",
        "role": role or ("prompter" if parent is None else "assistant"),
        "lang": "en",
        "review_count": 3,
        "review_result": True,
        "deleted": False,
        "rank": None,
        "synthetic": False,
        "model_name": None,
        "message_tree_id": uid("a"),
        "tree_state": "ready_for_export",
    }
    row.update(more)
    return {key: value for key, value in row.items() if value is not ...}


def turns(*said: Row | str) -> list[Row]:
    """Return messages of a chat: each is written out, or `role: text`."""
    pairs = [turn.partition(": ") if isinstance(turn, str) else turn for turn in said]
    return [{"role": turn[0], "content": turn[2]} if isinstance(turn, tuple) else turn for turn in pairs]


def calling(*ids: str | None) -> Row:
    """Return an assistant's message that makes these calls of a tool; None: a call without an id."""
    function = {"name": "look_up", "arguments": "{}"}
    calls = [{"type": "function", "function": function} | ({} if own is None else {"id": own}) for own in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call: str | None = None, text: str = "Nothing was found") -> Row:
    """Return the output of a tool, and the call that it answers."""
    return {"role": "tool", "content": text} | ({} if call is None else {"tool_call_id": call})


def batch(rows: Iterable[Row], form: str = "oasst_messages") -> Batch:
    """Read one batch of raw records of a format, one record a line."""
    format, flat, lines, faults = FORMATS[form], [], [], []
    for line, record in enumerate(rows, 1):
        for row in format.flatten(record, f"data.jsonl:{line}"):
            assert not isinstance(row, Fault)
            flat.append(row)
            lines.append(line)
    table, faults = tabulate(flat, lines, "data.jsonl")
    assert not faults
    return Batch(table, format.form)


def write(path: Path, records: Iterable[Any]) -> Path:
    """Write records as JSON lines; a string or bytes among them is written as it is."""
    with open(path, "wb") as file:
        for record in records:
            raw = record if isinstance(record, bytes) else record.encode() if isinstance(record, str) else None
            file.write((json.dumps(record, ensure_ascii=False).encode() if raw is None else raw) + b"\n")
    return path


def parsed(path: Path) -> Parsed:
    """Read one file, or all files of a folder, as an audit does."""
    parts = []
    for source in files.find([path]).sources:
        plan = recognise(source)
        parts += [parse(block, plan) for block in cutting.blocks(source, BLOCK)]
    return join(parts)


def audit(folder: Path, records: Iterable[Any], *checks: Check | str, **options: Any) -> Record:
    """Audit these records, in one thread."""
    path = write(folder / "data.jsonl", records)
    return run(path, checks=checks, **{"engine": "serial", **options})


def flagged(record: Record, *rules: str) -> list[tuple[str, str]]:
    """Return (rule without its check, message id) of all findings, or of those of some rules, sorted."""
    rows = record.table.select(["rule", "message_id"]).to_pylist()
    pairs = [(row["rule"].partition("/")[2], row["message_id"]) for row in rows]
    return sorted(((r, i) for r, i in pairs if not rules or r in rules), key=str)


class Marks(Check):
    """Flag each text for what it says: error, warning or note; look away where it says skip."""

    name = "marks"
    rules = tuple(Rule(f"marks/{word}", f"It says {word}", k, "Fix it.", EXAMPLE) for k, word in enumerate(SEVERE, 1))

    def scan(self, batch: Batch) -> Result:
        texts = [text or "" for text in batch.column("text").to_pylist()]
        rows = {rule.name: np.flatnonzero([rule.name in text for text in texts]) for rule in self.rules}
        found = [claim(batch.places, rule, rows[rule.name], f"It says {rule.name}") for rule in self.rules]
        outcomes = pa.array(["looked away" if "skip" in text else "checked" for text in texts], pa.string())
        return Result(pa.concat_tables(found), cover(batch.messages, outcomes))


def marked(folder: Path, *texts: str, **options: Any) -> Record:
    """Audit messages 0, 1, ..., each a tree of its own, by what they say."""
    rows = [message(str(k), text=text, message_tree_id=uid(str(k))) for k, text in enumerate(texts)]
    return audit(folder, rows, Marks(), **options)


def rules_of(record: Record) -> Sequence[str]:
    """Return the rules that were broken, each once, sorted."""
    return sorted({rule for rule, _ in flagged(record)})


def conversation(name: str, replies: int = 2, **more: Any) -> list[Row]:
    """Return a tree without faults: a prompt called `name` and its answers; `more` sets fields of all of them."""
    more = {"message_tree_id": uid(name), **more}
    return [message(name, **more), *(message(f"{name}-{k}", name, **more) for k in range(1, replies + 1))]


def nest(rows: Sequence[Row]) -> Row:
    """Nest a flat tree, whose root comes first; labels and emojis take the map form."""
    nodes: list[Row] = []
    for row in rows:
        node = {name: value for name, value in row.items() if name not in ("message_tree_id", "tree_state")}
        node.update(in_map_form(row), replies=[])
        parent = next((n for n in nodes if n["message_id"] == row["parent_id"]), None)
        if parent is not None:
            parent["replies"].append(node)
        nodes.append(node)
    return {"message_tree_id": rows[0]["message_tree_id"], "tree_state": rows[0]["tree_state"], "prompt": nodes[0]}


def in_map_form(row: Row) -> Row:
    """Return the labels and emojis of a message as {name: {value, count}} and {name: count}."""
    forms: Row = {}
    if row.get("labels") is not None:
        names, values, counts = (row["labels"][part] for part in ("name", "value", "count"))
        forms["labels"] = {n: {"value": v, "count": c} for n, v, c in zip(names, values, counts, strict=True)}
    if row.get("emojis") is not None:
        forms["emojis"] = dict(zip(row["emojis"]["name"], row["emojis"]["count"], strict=True))
    return forms


class RecordingProgress:
    """A progress reporter that keeps all that it receives."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.read = self.n_bytes = 0

    def say(self, line: str) -> None:
        self.lines.append(line)

    def total(self, n_bytes: int) -> None:
        self.n_bytes, self.read = n_bytes, 0

    def advance(self, n_bytes: int) -> None:
        self.read += n_bytes

    def step(self, what: str) -> None:
        self.steps.append(what)


def seen(n: int, checks: Iterable[str], lang: str = "en", source: str = "data.jsonl") -> pa.Table:
    """Return the messages of a record: n trees of one, all checked by these checks."""

    def same(word: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), n), pa.array([word]))

    ids = pa.array([uid(str(k)) for k in range(n)] if n <= 1000 else range(n)).cast(pa.string())
    columns = {
        "tree_id": ids.dictionary_encode(),
        "message_id": ids,
        "source": same(source),
        "line": pa.array(range(1, n + 1)),
    }
    columns |= {"role": same("prompter"), "lang": same(lang), "digest": pa.array(range(n))}
    return pa.table(columns | {check: same("checked") for check in checks})


def pages(
    record: Record, limits: Limits | None = None, baseline: Baseline | None = None, gate: Verdict | None = None
) -> dict[str, str]:
    """Return the pages of a record, by file name."""
    return html.pages(record, page(record, baseline, gate), limits, baseline)


def unpacked(html: str) -> dict[str, Any]:
    """Unpack the data of a page, by the id of its element: `index`, and chunks of evidence `e0` and threads `t0`."""
    pieces = re.findall(r'<script type="text/plain" id="(\w+)">([A-Za-z0-9+/=]*)</script>', html)
    return {name: json.loads(gzip.decompress(b64decode(letters))) for name, letters in pieces}


def shown(html: str) -> list[Row]:
    """Return the findings of a page in the order of its list, each with evidence and facets if they are there.

    This is what the page's script makes of the pieces, in Python.
    """
    pieces = unpacked(html)
    index = pieces["index"]
    columns, words = index["columns"], index["words"]
    found: list[Row] = []
    for row, own in enumerate(columns["id"]):
        coded = {name: None if columns[name][row] < 0 else words[name][columns[name][row]] for name in CODED}
        start = sum(columns["nFacets"][:row])
        facets = [words["facet"][code] for code in columns["facets"][start : start + columns["nFacets"][row]]]
        plain = {name: columns[name][row] for name in ("severity", "line", "id", "score", "isNew") if name in columns}
        fingerprint = columns["fingerprints"][16 * row : 16 * row + 16]
        finding = {**plain, **coded, "listed": facets, "fingerprint": fingerprint}
        number, k = divmod(row, index["chunk"])
        if (piece := pieces.get(f"e{number}")) is not None:
            finding |= _evidence(piece, k, own)
        if (piece := pieces.get(f"t{number}")) is not None:
            finding |= _conversation(piece, piece["of"][k])
        found.append(finding)
    return found


CODED = ("rule", "role", "lang", "source", "summary")  # columns of the index with numbers of words


def _evidence(piece: Row, k: int, own: str | None) -> Row:
    def name(code: int) -> str | None:
        return own if code < 0 else piece["names"][code]

    first, of_facet = sum(piece["nSpans"][:k]), sum(piece["nFacets"][:k])
    spans = []
    for at in range(first, first + piece["nSpans"][k]):
        span = {key: values[at] for key, values in piece["spans"].items()}
        spans.append({**span, "id": name(span["id"])})
    some = range(of_facet, of_facet + piece["nFacets"][k])
    return {
        "tree_id": name(piece["treeId"][k]),
        "created_date": piece["created"][k],
        "spans": spans,
        "facets": {piece["keys"][at]: name(piece["values"][at]) for at in some},
    }


def _conversation(piece: Row, of: int) -> Row:
    """Return the way from the top to the message, its siblings, and the parent that the top names; all by id."""
    path: list[int] = []
    at = of
    while at >= 0 and at not in path:
        path.insert(0, at)
        at = piece["parent"][at]
    up = -1 if of < 0 else piece["parent"][of]
    siblings = [k for k, parent in enumerate(piece["parent"]) if up >= 0 and parent == up and k != of]
    return {
        "path": [piece["id"][k] for k in path],
        "siblings": [piece["id"][k] for k in siblings],
        "above": piece["parentId"][path[0]] if path else None,
        "circle": at >= 0,
    }
