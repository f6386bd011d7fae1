"""Reading: every form of a file gives the same messages, every fault is reported in place, no good record is lost."""

import gc
import gzip
import io
import itertools
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import (
    SHARED,
    RecordingProgress,
    conversation,
    flagged,
    in_map_form,
    message,
    needs_shared,
    nest,
    rules_of,
    uid,
    write,
)
from cases import case
from chataudit.audit.reading import files
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.blocks import lines as lines_module
from chataudit.audit.reading.blocks.block import BLOCK, only
from chataudit.audit.reading.formats.faults import Row
from chataudit.audit.reading.parse import parse
from chataudit.audit.reading.recognise import recognise
from chataudit.audit.reading.repair import read_line
from chataudit.audit.run import run
from chataudit.checks.base.messages import MESSAGES
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.record import Record

READING = ("unreadable_line", "repaired_line", "mistyped_field", "line_format")
LABELS = {"name": ["quality", "spam"], "value": [0.75, 0.0], "count": [2, 3]}
EMOJIS = {"name": ["+1", "_skip"], "count": [2, 1]}


def look(*paths: Any, **options: Any) -> Record:
    """Audit some files by the rules of trees alone, on one thread."""
    return run(*paths, checks=[SchemaInvariants()], **{"engine": "serial", **options})


def faults_of(record: Record) -> list[tuple[str, int]]:
    """Return (rule, line) of each fault that was met in reading."""
    rows = record.table.select(["rule", "line"]).to_pylist()
    found = [(row["rule"].partition("/")[2], row["line"]) for row in rows]
    return [pair for pair in found if pair[0] in READING]


def summaries(record: Record, rule: str) -> list[str]:
    return [row["summary"] for row in record.table.to_pylist() if row["rule"] == f"schema_invariants/{rule}"]


def messages_of(path: Path, form: str | None = None, block: int = BLOCK) -> list[dict[str, Any]]:
    """Return all messages of a file, as the reader gives them."""
    (source,) = files.find([path]).sources
    plan = recognise(source, form)
    return [row for piece in cutting.blocks(source, block) for row in parse(piece, plan).messages.to_pylist()]


def places(path: Path, block: int = BLOCK) -> list[tuple[int, str]]:
    """Return (line, text) of all messages."""
    return [(row["line"], row["text"]) for row in messages_of(path, block=block)]


def claims(record: Record) -> list[tuple[Any, ...]]:
    """Return all of the findings but the names of files and lines."""
    return [
        (row["rule"], row["tree_id"], row["message_id"], re.sub(r"line \d+", "line N", row["summary"]), row["facets"])
        + tuple((span["id"], span["start"], span["end"], span["quote"]) for span in row["spans"])
        for row in record.table.to_pylist()
    ]


def counted(n: int, **more: Any) -> list[Row]:
    """Return one tree of n messages whose texts are 'text 1', 'text 2', ..."""
    rows = conversation("a", n - 1, **more)
    return [{**row, "text": f"text {k}"} for k, row in enumerate(rows, 1)]


# -- every form of a file gives the same messages --------------------------------------------------------------------


def faulty() -> list[Row]:
    """Return flat messages with all fields, and a fault of each kind that is found early, late or last."""
    rows = [
        row for name in "abcd" for row in conversation(name, labels=LABELS, emojis=EMOJIS, detoxify={"toxicity": 0.5})
    ]
    rows[2]["parent_id"] = uid("nobody")
    rows[4]["rank"] = rows[5]["rank"] = 0
    rows[5].update(labels={"name": ["quality"], "value": [7.0], "count": [1]})
    rows[7]["created_date"] = "2021-01-01T00:00:00+00:00"
    rows[8].update(message_id=rows[7]["message_id"], text="Two stand under one id: äß 漢字 🙂", labels=None)
    rows[10].update(created_date="2031-01-01T00:00:00+00:00", detoxify=None, emojis=None)
    return rows


@cache
def claims_of_faulty() -> list[tuple[Any, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        return claims(look(write(Path(folder) / "expected.jsonl", faulty())))


def json_lines(rows: Sequence[Row]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def zstd(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def members(data: bytes) -> bytes:
    """Pack several gzip streams, one behind the other, cut anywhere."""
    cuts = [0, len(data) // 3, len(data) // 2, len(data)]
    return b"".join(gzip.compress(data[a:b]) for a, b in itertools.pairwise(cuts))


FILES: dict[str, Callable[[list[Row]], bytes]] = {
    "lines.jsonl": json_lines,
    "lines-without-a-last-line-feed.jsonl": lambda rows: json_lines(rows)[:-1],
    "lines.json": json_lines,
    "lines.txt": json_lines,
    "escaped.jsonl": lambda rows: b"".join(json.dumps(row).encode() + b"\n" for row in rows),
    "spaced.jsonl": lambda rows: b"".join(json.dumps(row, separators=(" , ", " : ")).encode() + b" \n" for row in rows),
    "crlf.jsonl": lambda rows: json_lines(rows).replace(b"\n", b"\r\n"),
    "map-form.jsonl": lambda rows: json_lines([{**row, **in_map_form(row)} for row in rows]),
    "array.json": lambda rows: json.dumps(rows).encode(),
    "array-in-lines.json": lambda rows: b"[" + b",\n".join(json_lines(rows).splitlines()) + b"]\n",
    "array-pretty.json": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False).encode(),
    "array-on-one-line.jsonl": lambda rows: json.dumps(rows).encode() + b"\n",
    "array-pretty.jsonl": lambda rows: json.dumps(rows, indent="\t").encode() + b"\n",
    "lines.jsonl.gz": lambda rows: gzip.compress(json_lines(rows)),
    "members.jsonl.gz": lambda rows: members(json_lines(rows)),
    "padded.jsonl.gz": lambda rows: gzip.compress(json_lines(rows)) + bytes(512),
    "padded-members.jsonl.gz": lambda rows: (
        gzip.compress(json_lines(rows[:5])) + bytes(99) + gzip.compress(json_lines(rows[5:]))
    ),
    "array.json.gz": lambda rows: gzip.compress(json.dumps(rows).encode()),
    "lines.jsonl.zst": lambda rows: zstd(json_lines(rows)),
    "frames.jsonl.zst": lambda rows: zstd(json_lines(rows[:5])) + zstd(json_lines(rows[5:])),
    "array.json.zst": lambda rows: zstd(json.dumps(rows).encode()),
    "named-wrongly.jsonl": lambda rows: gzip.compress(json_lines(rows)),
}


def test_a_file_gives_the_same_messages_in_every_form(tmp_path):
    for name in FILES:
        with case(name):
            path = tmp_path / name
            path.write_bytes(FILES[name](faulty()))
            expected = write(tmp_path / "expected.jsonl", faulty())
            without_place = [{**row, "source": "", "line": 0} for row in messages_of(path)]
            assert without_place == [{**row, "source": "", "line": 0} for row in messages_of(expected)]


def test_a_file_gives_the_same_findings_in_every_form_and_block_size(tmp_path):
    for name, block in itertools.product(FILES, [1, BLOCK]):
        with case(name, block):
            path = tmp_path / name
            path.write_bytes(FILES[name](faulty()))
            record = look(path, block=block)
            assert [claim for claim in claims(record) if not claim[0].endswith("line_format")] == claims_of_faulty()
            assert {claim[0].partition("/")[2] for claim in claims_of_faulty()} == {
                *("dangling_parent", "rank_tie", "label_range", "date_before_parent", "duplicate_id", "date_in_future")
            }
            assert (record.exit_code, record.facts.messages, record.facts.trees) == (0, 12, 4)
            assert record.facts.sources[0].records == 12


def test_fields_of_a_record_become_fields_of_the_message(tmp_path):
    row = message(
        "a",
        rank=2,
        labels=LABELS,
        emojis=EMOJIS,
        detoxify={"toxicity": 0.25},
        model_name="m",
        synthetic=True,
        split="train",
    )
    (found,) = messages_of(write(tmp_path / "data.jsonl", [row]))
    scores = dict.fromkeys(found["detoxify"])
    assert found == {
        "tree_id": uid("a"),
        **{name: value for name, value in row.items() if name != "message_tree_id"},
        "detoxify": {**scores, "toxicity": 0.25},
        **dict.fromkeys(("branch", "calls", "call_id", "tools", "reasoning", "media", "is_context")),
        "source": str(tmp_path / "data.jsonl"),
        "line": 1,
    }


def test_a_map_of_labels_is_read_as_columns_sorted_by_name(tmp_path):
    labels = {"quality": {"value": 0.75, "count": 2}, "spam": None, "humor": {"value": 0.5, "count": 1}}
    rows = [message("a", labels=labels, emojis={"b": 2, "a": 1}), message("b", "a", labels={}, emojis={})]
    first, second = messages_of(write(tmp_path / "data.jsonl", rows))
    assert first["labels"] == {"name": ["humor", "quality"], "value": [0.5, 0.75], "count": [1, 2]}
    assert first["emojis"] == {"name": ["a", "b"], "count": [1, 2]}
    assert second["labels"] == {"name": [], "value": [], "count": []}
    assert second["emojis"] == {"name": [], "count": []}


def test_a_list_of_labels_is_read_as_columns(tmp_path):
    labels = [{"name": "quality", "value": 0.75, "count": 2}, {"name": "spam", "value": 0.0, "count": 3}]
    (found,) = messages_of(write(tmp_path / "data.jsonl", [message("a", labels=labels)]))
    assert found["labels"] == LABELS


def test_nested_trees_become_messages_with_the_ids_of_tree_and_parent(tmp_path):
    rows = [message("a"), message("b", "a", labels=LABELS), message("c", "b", "prompter"), message("d", "a")]
    found = messages_of(write(tmp_path / "data.jsonl", [nest(rows)]))
    expected = messages_of(write(tmp_path / "flat.jsonl", rows))
    assert [{**row, "source": "", "line": 0} for row in found] == [{**row, "source": "", "line": 0} for row in expected]
    assert {row["line"] for row in found} == {1}


def test_a_tree_as_deep_as_a_hundred_turns_is_read(tmp_path):
    rows = [message("0")] + [message(f"{k}", f"{k - 1}", ("prompter", "assistant")[k % 2]) for k in range(1, 100)]
    assert len(messages_of(write(tmp_path / "data.jsonl", [nest(rows)]))) == 100


def test_a_document_is_a_tree_of_one_message_without_a_role(tmp_path):
    (found,) = messages_of(write(tmp_path / "data.jsonl", [{"id": "d1", "text": "words", "lang": "de"}]))
    present = {name: value for name, value in found.items() if value is not None}
    source = str(tmp_path / "data.jsonl")
    assert present == {"tree_id": "d1", "message_id": "d1", "lang": "de", "text": "words", "source": source, "line": 1}


def test_the_context_of_a_document_is_its_parent_and_is_skipped(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"id": 7, "text": "words", "context": "asked\ufffd"}])
    context, answer = messages_of(path)
    assert (context["message_id"], context["text"], context["is_context"]) == ("7#context", "asked\ufffd", True)
    assert (answer["message_id"], answer["parent_id"], answer["tree_id"]) == ("7", "7#context", "7")
    record = look(path)
    assert (record.facts.messages, record.facts.trees, flagged(record)) == (1, 1, [])


@pytest.mark.parametrize("name", ["data.jsonl", "data.json"])
def test_documents_without_ids_are_called_by_their_places(tmp_path, name):
    path = tmp_path / name
    texts = [{"text": "one"}, {"text": "two"}]
    path.write_text("\n".join(map(json.dumps, texts)) if name == "data.jsonl" else json.dumps(texts))
    assert [row["message_id"] for row in messages_of(path)] == [f"{path}:1", f"{path}:2"]
    assert look(path).facts.trees == 2


def test_instructions_become_a_prompt_and_its_answer(tmp_path):
    path = write(
        tmp_path / "data.jsonl", [{"instruction": "Add.", "input": "1 1", "output": "2"}, {"instruction": "Go."}]
    )
    found = [(row["role"], row["text"], row["parent_id"], row["line"]) for row in messages_of(path)]
    assert found == [
        ("prompter", "Add.\n\n1 1", None, 1),
        ("assistant", "2", f"{path}:1", 1),
        ("prompter", "Go.", None, 2),
    ]


# -- tables ----------------------------------------------------------------------------------------------------------


def hub(rows: Sequence[Row], **types: pa.DataType) -> pa.Table:
    """Return flat messages in the types of the parquet files on the hub; `types` replaces some."""
    counts = pa.struct([("name", pa.list_(pa.string())), ("count", pa.list_(pa.int32()))])
    labels = pa.struct([*counts, ("value", pa.list_(pa.float64()))])
    by_name = {
        **dict.fromkeys(("review_count", "rank"), pa.int32()),
        **dict.fromkeys(("review_result", "deleted", "synthetic"), pa.bool_()),
        "detoxify": pa.struct([("toxicity", pa.float64())]),
        "emojis": counts,
        "labels": labels,
        **types,
    }
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({n: pa.array([row.get(n) for row in rows], by_name.get(n, pa.string())) for n in names})


def dated(rows: Sequence[Row]) -> list[Row]:
    return [{**row, "created_date": datetime.fromisoformat(row["created_date"])} for row in rows]


def triples(column: dict[str, list[Any]] | None) -> list[dict[str, Any]] | None:
    return column and [dict(zip(column, item, strict=True)) for item in zip(*column.values(), strict=True)]


LABEL = pa.struct([("name", pa.string()), ("value", pa.float32()), ("count", pa.int64())])
EMOJI = pa.struct([("name", pa.string()), ("count", pa.int32())])
LARGE = pa.struct(
    [("name", pa.large_list(pa.large_string())), ("value", pa.large_list(pa.float32())), ("count", pa.list_(pa.int8()))]
)
TABLES: dict[str, Callable[[list[Row]], pa.Table]] = {
    "hub": hub,
    "large strings": lambda rows: hub(rows, text=pa.large_string(), message_id=pa.large_string()),
    "string views": lambda rows: hub(rows, text=pa.string_view()),
    "dictionaries": lambda rows: pa.table(
        {n: c.dictionary_encode() if n in ("lang", "role") else c for n, c in zip(*columns_of(hub(rows)), strict=True)}
    ),
    "whole doubles": lambda rows: hub(rows, rank=pa.float64(), review_count=pa.float32()),
    "unsigned": lambda rows: hub(rows, rank=pa.uint8(), review_count=pa.uint64()),
    "dates": lambda rows: hub(dated(rows), created_date=pa.timestamp("us", "UTC")),
    "dates of nanoseconds": lambda rows: hub(dated(rows), created_date=pa.timestamp("ns", "UTC")),
    "lists of structs": lambda rows: hub(
        [{**row, "labels": triples(row["labels"]), "emojis": triples(row["emojis"])} for row in rows],
        labels=pa.list_(LABEL),
        emojis=pa.list_(EMOJI),
    ),
    "large lists": lambda rows: hub(rows, labels=LARGE),
    "maps": lambda rows: hub(
        [{**row, **in_map_form(row)} for row in rows],
        labels=pa.struct([(n, pa.struct([("value", pa.float64()), ("count", pa.int32())])) for n in LABELS["name"]]),
        emojis=pa.struct([(n, pa.int64()) for n in EMOJIS["name"]]),
    ),
    "pandas": lambda rows: pa.Table.from_pandas(hub(rows).to_pandas().set_index("user_id", drop=False).iloc[::1]),
    "columns that are not ours": lambda rows: (
        hub(rows).append_column("length", pa.array(range(len(rows)))).append_column("x", pa.nulls(len(rows)))
    ),
}


def columns_of(table: pa.Table) -> tuple[list[str], list[pa.ChunkedArray]]:
    return table.column_names, table.columns


def test_a_table_gives_the_same_messages_in_every_type(tmp_path):
    for kind in TABLES:
        with case(kind):
            path, expected = tmp_path / "data.parquet", write(tmp_path / "expected.jsonl", faulty())
            pq.write_table(TABLES[kind](faulty()), path)
            assert [{**row, "source": ""} for row in messages_of(path)] == [
                {**row, "source": ""} for row in messages_of(expected)
            ]


def test_a_table_gives_the_same_findings_in_every_type(tmp_path):
    for kind in TABLES:
        with case(kind):
            path = tmp_path / "data.parquet"
            pq.write_table(TABLES[kind](faulty()), path)
            record = look(path)
            assert claims(record) == claims_of_faulty()
            assert (record.exit_code, record.facts.messages, record.facts.sources[0].records) == (0, 12, 12)


def test_a_table_of_documents_is_read(tmp_path):
    pq.write_table(pa.table({"id": [1, 2], "text": ["one", "two"]}), tmp_path / "data.parquet")
    found = [(row["tree_id"], row["text"], row["line"]) for row in messages_of(tmp_path / "data.parquet")]
    assert found == [("1", "one", 1), ("2", "two", 2)]


@pytest.mark.parametrize("block", [1, 500, BLOCK])
def test_rows_are_numbered_across_row_groups(tmp_path, block):
    pq.write_table(hub(counted(10)), tmp_path / "data.parquet", row_group_size=3)
    assert places(tmp_path / "data.parquet", block) == [(k, f"text {k}") for k in range(1, 11)]


def test_ranks_written_as_strings_are_mistyped_row_by_row(tmp_path):
    rows = [{**row, "rank": rank} for row, rank in zip(counted(3), [None, "0", "1"], strict=True)]
    pq.write_table(hub(rows, rank=pa.string()), tmp_path / "data.parquet")
    record = look(tmp_path / "data.parquet")
    assert faults_of(record) == [("mistyped_field", 2), ("mistyped_field", 3)]
    assert record.facts.messages == 3


def test_numbers_in_lists_are_not_read_out_of_strings(tmp_path):
    labels = pa.struct(
        [("name", pa.list_(pa.string())), ("value", pa.list_(pa.string())), ("count", pa.list_(pa.int64()))]
    )
    rows = counted(2, labels={"name": ["spam"], "value": ["0.0"], "count": [1]})
    pq.write_table(hub(rows, labels=labels), tmp_path / "data.parquet")
    assert faults_of(look(tmp_path / "data.parquet")) == [("mistyped_field", 1), ("mistyped_field", 2)]


def test_a_rank_that_is_no_whole_number_is_mistyped(tmp_path):
    rows = [{**row, "rank": rank} for row, rank in zip(counted(3), [None, 0.5, 1.0], strict=True)]
    pq.write_table(hub(rows, rank=pa.float64()), tmp_path / "data.parquet")
    assert faults_of(look(tmp_path / "data.parquet")) == [("mistyped_field", 2)]
    assert [row["rank"] for row in messages_of(tmp_path / "data.parquet")] == [None, None, 1]


def invalid(values: Sequence[bytes]) -> pa.Array:
    """Return strings as careless writers leave them: their bytes are nobody's business."""
    return pa.array(values, pa.binary()).view(pa.string())


def test_a_row_that_is_not_utf8_is_repaired_and_reported(tmp_path):
    table = hub(counted(3)).drop("text").append_column("text", invalid([b"one", b"tw\xff", b"three"]))
    pq.write_table(table, tmp_path / "data.parquet")
    record = look(tmp_path / "data.parquet")
    assert faults_of(record) == [("repaired_line", 2)]
    assert [row["text"] for row in messages_of(tmp_path / "data.parquet")] == ["one", "tw\ufffd", "three"]


def test_a_row_with_label_names_that_are_not_utf8_is_repaired_and_reported(tmp_path):
    names = pa.ListArray.from_arrays([0, 0, 1], invalid([b"sp\xffm"]))
    labels = pa.StructArray.from_arrays([names, pa.array([[], [0.5]]), pa.array([[], [1]])], ["name", "value", "count"])
    pq.write_table(hub(counted(2)).append_column("labels", labels), tmp_path / "data.parquet")
    assert faults_of(look(tmp_path / "data.parquet")) == [("repaired_line", 2)]
    assert [row["labels"]["name"] for row in messages_of(tmp_path / "data.parquet")] == [[], ["sp\ufffdm"]]


def test_dates_of_a_table_keep_their_instant_in_every_zone(tmp_path):
    rows = [row for name in "abc" for row in conversation(name, 1)]
    for zone in ("Europe/Berlin", "+05:30", "Mars/Olympus"):
        stamps = pa.array([1675790964] * 6, pa.timestamp("s", zone))
        table = hub(rows).drop("created_date").append_column("created_date", stamps)
        pq.write_table(table, tmp_path / "data.parquet")
        assert {row["created_date"] for row in messages_of(tmp_path / "data.parquet")} == {"2023-02-07T17:29:24+00:00"}


def test_dates_of_a_table_without_a_zone_are_reported(tmp_path):
    table = hub(counted(2)).drop("created_date")
    pq.write_table(table.append_column("created_date", pa.array([0, 1], pa.timestamp("ms"))), tmp_path / "data.parquet")
    assert rules_of(look(tmp_path / "data.parquet")) == ["date_format"]


def test_values_out_of_the_range_of_python_stop_nothing(tmp_path):
    table = hub(counted(2)).append_column("when", pa.array([0, 2**62], pa.duration("s")))
    table = table.append_column("then", pa.array([0, 2**62], pa.timestamp("us")))
    pq.write_table(table.drop("rank").append_column("rank", pa.array(["0", "1"])), tmp_path / "data.parquet")
    assert faults_of(look(tmp_path / "data.parquet")) == [("mistyped_field", 1), ("mistyped_field", 2)]


def test_a_parquet_file_that_is_none_is_an_error(tmp_path):
    (tmp_path / "data.parquet").write_bytes(json_lines(counted(2)))
    record = look(tmp_path / "data.parquet")
    assert record.exit_code == 3
    assert record.facts.errors == [f"{tmp_path / 'data.parquet'}: not a Parquet file: it does not start with PAR1"]


def test_a_parquet_file_that_is_cut_is_an_error(tmp_path):
    pq.write_table(hub(counted(20)), tmp_path / "whole.parquet")
    whole = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "data.parquet").write_bytes(whole[: len(whole) // 2])
    record = look(tmp_path / "data.parquet")
    assert record.exit_code == 3
    assert "this Parquet file was cut short: it does not end with PAR1" in record.facts.errors[0]


def test_a_damaged_row_group_is_an_error_that_names_its_rows_and_the_others_are_read(tmp_path):
    path = tmp_path / "data.parquet"
    pq.write_table(hub(counted(30)), path, row_group_size=10, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    columns = [pq.read_metadata(path).row_group(1).column(k) for k in range(len(hub(counted(1)).columns))]
    text = next(column for column in columns if column.path_in_schema == "text")
    at = text.data_page_offset
    data[at + 30 : at + text.total_compressed_size] = bytes(text.total_compressed_size - 30)
    path.write_bytes(data)
    record = look(path)
    assert record.exit_code == 3
    assert len(record.facts.errors) == 1
    assert "rows 11 to 20 could not be read" in record.facts.errors[0]
    assert [line for line, _ in places(path)] == [*range(1, 11), *range(21, 31)]


def test_a_table_with_two_columns_of_one_name_is_an_error(tmp_path):
    table = hub(counted(2))
    pq.write_table(table.append_column("text", table["text"]), tmp_path / "data.parquet")
    record = look(tmp_path / "data.parquet")
    assert record.exit_code == 3
    assert "several columns are named 'text'" in record.facts.errors[0]


# -- which files -----------------------------------------------------------------------------------------------------


def test_a_folder_means_the_data_files_in_it_and_below(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "b.jsonl", conversation("b"))
    write(tmp_path / "deep" / "er" / "A.JSONL", conversation("a"))
    (tmp_path / "notes.md").write_text("no data")
    names = [source.name for source in files.find([tmp_path]).sources]
    assert names == [str(tmp_path / "b.jsonl"), str(tmp_path / "deep" / "er" / "A.JSONL")]
    assert look(tmp_path).facts.messages == 6


def test_an_audit_in_a_folder_is_no_source_of_the_next_one(tmp_path):
    write(tmp_path / "data.jsonl", conversation("a"))
    look(tmp_path).write(tmp_path / "data.audit")
    write(tmp_path / "record.json", conversation("b"))
    assert [s.path.name for s in files.find([tmp_path]).sources] == ["data.jsonl", "record.json"]


def test_a_glob_means_the_files_it_matches_in_order(tmp_path):
    for name in ("2.jsonl", "1.jsonl", "3.json"):
        write(tmp_path / name, conversation(name))
    assert [s.path.name for s in files.find([f"{tmp_path}/*.jsonl"]).sources] == ["1.jsonl", "2.jsonl"]
    assert [s.path.name for s in files.find([f"{tmp_path}/**/*.js*"]).sources] == ["1.jsonl", "2.jsonl", "3.json"]


def test_sources_keep_the_order_in_which_they_are_named(tmp_path):
    a, b = (write(tmp_path / f"{name}.jsonl", conversation(name)) for name in "ab")
    assert [s.path for s in files.find([b, a]).sources] == [b, a]
    assert [source.name for source in look(b, a).facts.sources] == [str(b), str(a)]


def test_a_file_named_twice_is_read_once(tmp_path, monkeypatch):
    path = write(tmp_path / "data.jsonl", conversation("a"))
    (tmp_path / "link.jsonl").symlink_to(path)
    monkeypatch.chdir(tmp_path)
    record = look("data.jsonl", path, "./data.jsonl", "*.jsonl", tmp_path, f"{tmp_path}/../{tmp_path.name}/data.jsonl")
    assert [source.name for source in record.facts.sources] == ["data.jsonl"]
    assert (record.facts.messages, flagged(record)) == (3, [])


def test_a_file_with_glob_characters_in_its_name_is_a_file(tmp_path):
    path = write(tmp_path / "a[1]*.jsonl", conversation("a"))
    assert [s.path for s in files.find([path]).sources] == [path]


def test_a_file_whose_name_is_no_utf8_is_read(tmp_path):
    path = write(tmp_path / "caf\udce9.jsonl", [*conversation("a"), "broken"])
    record = look(path)
    assert (record.facts.messages, faults_of(record)) == (3, [("unreadable_line", 4)])
    assert record.facts.sources[0].name.endswith("caf\\xe9.jsonl")


@pytest.mark.parametrize("argument", ["none.jsonl", "none/*.jsonl", "none", ""])
def test_a_name_that_matches_no_file_raises_with_a_way_out(tmp_path, monkeypatch, argument):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LookupError, match=r"no such file|no data file"):
        look(argument)


def test_a_folder_without_data_files_raises(tmp_path):
    (tmp_path / "notes.md").write_text("no data")
    with pytest.raises(LookupError, match=r"no data file in this folder; expected \.jsonl"):
        look(tmp_path)


def test_no_source_at_all_raises():
    with pytest.raises(LookupError, match="no source given"):
        look()


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_a_minus_means_standard_input(monkeypatch, tmp_path, pack):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(json_lines(faulty())))))
    record = look("-", "-")
    assert [(s.name, s.records) for s in record.facts.sources] == [("<stdin>", 12)]
    assert claims(record) == claims_of_faulty()


def test_what_was_kept_of_standard_input_is_gone_after_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json_lines(conversation("a")))))
    look("-")
    gc.collect()
    assert list(tmp_path.iterdir()) == []


def test_a_named_pipe_is_read_as_a_file_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(json_lines(faulty())))
    writer.start()
    record = look(tmp_path / "pipe")
    writer.join()
    assert [(s.name, s.records) for s in record.facts.sources] == [(str(tmp_path / "pipe"), 12)]
    assert claims(record) == claims_of_faulty()


def test_a_pipe_into_standard_input_is_read_to_its_end():
    code = "from chataudit.audit.run import run; print(run('-', checks=['schema_invariants']).facts.messages)"
    shell = subprocess.run(
        [sys.executable, "-c", code], input=json_lines(counted(5000)), capture_output=True, check=True
    )
    assert shell.stdout == b"5000\n"


# -- files that cannot be read to their end --------------------------------------------------------------------------


def varied(n: int) -> list[Row]:
    """Return messages whose texts do not pack well, so that a cut in the packed bytes cuts a text."""
    rng = random.Random(7)
    return [{**row, "text": f"{k} {rng.randbytes(60).hex()}"} for k, row in enumerate(counted(n), 1)]


def decoded(packed: bytes) -> bytes:
    """Unpack damaged bytes with zlib, one at a time."""
    decoder, text = zlib.decompressobj(wbits=31), bytearray()
    try:
        for at in range(len(packed)):
            text += decoder.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    return bytes(text)


def unzstd(packed: bytes) -> bytes:
    """Unpack damaged bytes with Arrow, one at a time."""
    stream, text = pa.CompressedInputStream(pa.BufferReader(packed), "zstd"), bytearray()
    try:
        while byte := stream.read(1):
            text += byte
    except OSError:
        pass
    return bytes(text)


def test_a_gzip_file_that_is_cut_gives_every_record_before_the_cut(tmp_path):
    for part, block in itertools.product([0.3, 0.6, 0.999], [1000, BLOCK]):
        with case(part, block):
            packed = gzip.compress(json_lines(varied(150)))
            cut = packed[: int(len(packed) * part)]
            (tmp_path / "data.jsonl.gz").write_bytes(cut)
            n = decoded(cut).count(b"\n")
            record = look(tmp_path / "data.jsonl.gz", block=block)
            assert (record.exit_code, record.facts.messages) == (3, n)
            assert n > 150 * part * 0.9
            assert faults_of(record) == [("unreadable_line", n + 1)]
            assert record.facts.errors == [
                f"{tmp_path / 'data.jsonl.gz'}: the gzip stream ends early; fetch the file again"
            ]
            assert record.facts.sources[0].sha256 == ""


def test_a_gzip_file_that_lacks_its_checksum_alone_gives_all_records(tmp_path):
    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(json_lines(varied(50)))[:-5])
    record = look(tmp_path / "data.jsonl.gz")
    assert (record.exit_code, record.facts.messages, faults_of(record)) == (3, 50, [])


@pytest.mark.parametrize("block", [1000, BLOCK])
def test_a_damaged_gzip_file_gives_every_record_before_the_damage(tmp_path, block):
    packed = bytearray(gzip.compress(json_lines(varied(150))))
    packed[len(packed) // 2 :] = bytes(b ^ 0x5A for b in packed[len(packed) // 2 :])
    (tmp_path / "data.jsonl.gz").write_bytes(packed)
    whole, found = json_lines(varied(150)).splitlines(), decoded(bytes(packed)).split(b"\n")
    n = next(k for k, line in enumerate(found) if line != whole[k])
    record = look(tmp_path / "data.jsonl.gz", block=block)
    assert record.exit_code == 3
    assert "the gzip stream is damaged" in record.facts.errors[0]
    assert record.facts.messages >= n > 60


def test_a_gzip_file_with_a_wrong_checksum_gives_all_records_and_an_error(tmp_path):
    packed = bytearray(gzip.compress(json_lines(varied(50))))
    packed[-6] ^= 1
    (tmp_path / "data.jsonl.gz").write_bytes(packed)
    record = look(tmp_path / "data.jsonl.gz")
    assert (record.exit_code, record.facts.messages) == (3, 50)


@pytest.mark.parametrize("block", [1, BLOCK])
def test_what_follows_a_gzip_stream_is_an_error_and_the_stream_is_read(tmp_path, block):
    (tmp_path / "data.jsonl.gz").write_bytes(gzip.compress(json_lines(counted(5))) + b"garbage")
    record = look(tmp_path / "data.jsonl.gz", block=block)
    assert (record.exit_code, record.facts.messages, faults_of(record)) == (3, 5, [])
    assert record.facts.errors == [f"{tmp_path / 'data.jsonl.gz'}: extra data after the end of the gzip stream"]


@pytest.mark.parametrize("part", [0.4, 0.8, 0.999])
def test_a_zstd_file_that_is_cut_gives_every_record_before_the_cut(tmp_path, part):
    packed = zstd(json_lines(varied(1000)))
    cut = packed[: int(len(packed) * part)]
    (tmp_path / "data.jsonl.zst").write_bytes(cut)
    n = unzstd(cut).count(b"\n")
    record = look(tmp_path / "data.jsonl.zst")
    assert (record.exit_code, record.facts.messages) == (3, n)
    assert n > 200
    assert record.facts.errors == [f"{tmp_path / 'data.jsonl.zst'}: the zstd stream ends early; fetch the file again"]


@pytest.mark.parametrize("rest", [b"garbage", zstd(b"x" * 200)[:-9]], ids=["garbage", "a cut frame"])
def test_a_zstd_frame_is_read_with_anything_behind_it(tmp_path, rest):
    (tmp_path / "data.jsonl.zst").write_bytes(zstd(json_lines(varied(300))) + rest)
    record = look(tmp_path / "data.jsonl.zst")
    assert (record.exit_code, record.facts.messages) == (3, 300)


def test_an_array_in_a_file_that_is_cut_gives_every_element_before_the_cut(tmp_path):
    packed = gzip.compress(json.dumps(varied(200), indent=1).encode())
    (tmp_path / "data.json.gz").write_bytes(packed[: len(packed) // 2])
    n = decoded(packed[: len(packed) // 2]).count(b"\n }")
    record = look(tmp_path / "data.json.gz")
    assert (record.exit_code, record.facts.messages) == (3, n)
    assert n > 80


def test_a_file_without_a_record_is_an_error(tmp_path):
    for name, form, text in itertools.product(
        ["data.jsonl", "data.json"], [None, "documents"], ["", "\n", "  \n\r\n\t\n", "\ufeff", "\ufeff\n"]
    ):
        with case(name, form, text):
            (tmp_path / name).write_bytes(text.encode())
            record = look(tmp_path / name, format=form)
            assert record.exit_code == 3
            assert len(record.facts.errors) == 1
            assert record.facts.errors[0].startswith(f"{tmp_path / name}: no records in this file")


@pytest.mark.parametrize("text", ["[]", "[\n]\n", " [ ] "])
def test_an_array_without_an_element_is_an_error(tmp_path, text):
    (tmp_path / "data.json").write_text(text)
    assert look(tmp_path / "data.json").facts.errors == [f"{tmp_path / 'data.json'}: no records in this file"]


def test_a_table_without_a_row_is_an_error(tmp_path):
    pq.write_table(hub(counted(1))[:0], tmp_path / "data.parquet")
    assert look(tmp_path / "data.parquet").facts.errors == [f"{tmp_path / 'data.parquet'}: no records in this file"]


def test_a_file_none_of_whose_lines_can_be_read_is_an_error_that_names_the_first(tmp_path):
    path = write(tmp_path / "data.jsonl", ["", '{"text": }', "null"])
    (error,) = look(path).facts.errors
    assert error.startswith(f"{path}: line 2 is not JSON (a value is missing at character 10). Supported: .jsonl")


def test_a_file_without_a_readable_line_is_audited_where_its_format_is_given(tmp_path):
    path = write(tmp_path / "data.jsonl", ["no JSON", "null"])
    record = look(path, format="documents")
    assert faults_of(record) == [("unreadable_line", 1), ("unreadable_line", 2)]


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("code", ["utf-16", "utf-16-be"])
def test_a_file_in_utf16_is_an_error_with_a_way_out(tmp_path, code, pack):
    mark = b"" if code == "utf-16" else b"\xfe\xff"
    (tmp_path / "data.jsonl").write_bytes(pack(mark + json_lines(counted(3)).decode().encode(code)))
    record = look(tmp_path / "data.jsonl")
    assert record.exit_code == 3
    assert "encoded in UTF-16; expected UTF-8. Convert it" in record.facts.errors[0]


def test_one_source_that_cannot_be_read_leaves_the_others_whole(tmp_path):
    good = write(tmp_path / "good.jsonl", faulty())
    (tmp_path / "bad.jsonl.gz").write_bytes(b"\x1f\x8bno gzip")
    record = look(tmp_path / "bad.jsonl.gz", good)
    assert record.exit_code == 3
    assert [(s.records, bool(s.errors)) for s in record.facts.sources] == [(0, True), (12, False)]
    assert claims(record) == claims(look(good))


def test_a_source_that_could_not_be_read_to_its_end_is_reported_once(tmp_path):
    (tmp_path / "bad.jsonl.gz").write_bytes(b"\x1f\x8bno gzip")
    for form in (None, "oasst_messages"):
        assert len(look(tmp_path / "bad.jsonl.gz", format=form).facts.errors) == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gzip", "zstd"])
def test_the_bytes_that_progress_receives_add_up_to_the_file(tmp_path, pack):
    (tmp_path / "data.jsonl").write_bytes(pack(json_lines(varied(100))))
    progress = RecordingProgress()
    look(tmp_path / "data.jsonl", progress=progress, block=1000)
    assert progress.read == progress.n_bytes == (tmp_path / "data.jsonl").stat().st_size


# -- arrays and other documents ------------------------------------------------------------------------------------


def array(rows: Sequence[Row], layout: str) -> list[bytes]:
    """Return the parts of a JSON array: its begin, each element, its end."""
    if layout == "compact":
        parts = [json.dumps(row) + ", " for row in rows]
        return [b"[", *(part.encode() for part in parts[:-1]), parts[-1][:-2].encode(), b"]"]
    if layout == "lines":
        return [
            b"[\n",
            *(json.dumps(row).encode() + b",\n" for row in rows[:-1]),
            json.dumps(rows[-1]).encode(),
            b"\n]",
        ]
    text = json.dumps(rows, indent=2).encode()
    elements = text[2:-2].split(b"\n  },\n")
    return [b"[\n", *(e + b"\n  },\n" for e in elements[:-1]), elements[-1], b"\n]"]


BROKEN = {
    "a missing quote": lambda e: e.replace(b'"role"', b'"role'),
    "a missing brace": lambda e: e.replace(b"}", b""),
    "an extra bracket": lambda e: e.replace(b'"role"', b'], "role"'),
    "a missing comma within": lambda e: e.replace(b'", "', b'" "').replace(b'",\n', b'"\n'),
    "no JSON": lambda e: e.replace(b": ", b" ~ "),
    "nested too deep": lambda e: e.replace(b'"en"', b"[" * 100_000 + b"]" * 100_000),
}


def test_a_broken_element_of_an_array_is_reported_and_all_others_are_read(tmp_path):
    for layout, fault in itertools.product(["compact", "lines", "pretty"], BROKEN):
        with case(layout, fault):
            parts = array(counted(5, labels={"spam": {"value": 0.5, "count": 1}}), layout)
            parts[3] = BROKEN[fault](parts[3])
            (tmp_path / "data.json").write_bytes(b"".join(parts))
            record = look(tmp_path / "data.json")
            before = b"".join(parts[:3]).count(b"\n") + 1
            assert faults_of(record) == [("unreadable_line", 3 if layout == "compact" else before)]
            assert [text for _, text in places(tmp_path / "data.json")] == ["text 1", "text 2", "text 4", "text 5"]
            assert record.facts.sources[0].records == 4


def test_elements_of_a_pretty_array_have_the_line_where_they_begin(tmp_path):
    text = json.dumps(counted(3), indent=2)
    (tmp_path / "data.json").write_text(text)
    begins = [k for k, line in enumerate(text.splitlines(), 1) if line == "  {"]
    assert places(tmp_path / "data.json") == list(zip(begins, ["text 1", "text 2", "text 3"], strict=True))


@pytest.mark.parametrize("block", [1, 700, BLOCK])
def test_elements_of_an_array_with_an_element_a_line_have_that_line(tmp_path, block):
    (tmp_path / "data.json").write_bytes(b"".join(array(counted(4), "lines")))
    assert places(tmp_path / "data.json", block) == [(k + 1, f"text {k}") for k in range(1, 5)]


def test_elements_that_share_a_line_are_distinguished_by_their_number(tmp_path):
    trees = [nest(conversation(name)) for name in "abc"]
    trees[1]["prompt"]["lang"] = 5
    (tmp_path / "data.json").write_text(json.dumps(trees))
    record = look(tmp_path / "data.json")
    assert (record.facts.trees, faults_of(record)) == (3, [("mistyped_field", 2)])


def test_no_fault_of_an_array_is_passed_over_in_silence(tmp_path):
    cases = [
        ('[{"text": "1"} {"text": "2"}]', "repaired_line", 2),
        ('[{"text": "1"},, {"text": "2"}]', "repaired_line", 2),
        ('[{"text": "1"}, {"text": "2"},]', "repaired_line", 2),
        ('[, {"text": "1"}, {"text": "2"}]', "repaired_line", 2),
        ('[{"text": "1"}, {"text": "2"}, {"te', "unreadable_line", 2),
        ('[{"text": "1"}, {"text": "2"}] 3', "unreadable_line", 2),
        ('[{"text": "1"}], {"text": "2"}]', "unreadable_line", 2),
        ('[{"text": "1"}][{"text": "2"}]', "unreadable_line", 2),
        ('[{"text": "1"}, null, {"text": "2"}]', "unreadable_line", 2),
        ('[{"text": "1"}, [], {"text": "2"}]', "unreadable_line", 2),
        ('[{"text": "1"}, {"text": "2"}, {"text": NaN}]', "repaired_line", 3),
        ('[{"text": "1"}, {"text": "2\n"}]', "repaired_line", 2),
        ('[{"text": "1"}, {"text": "2", "text": "2"}]', "repaired_line", 2),
    ]
    for text, rule, n in cases:
        with case(text, rule, n):
            (tmp_path / "data.json").write_text(text)
            record = look(tmp_path / "data.json")
            assert ([r for r, _ in faults_of(record) if r != "mistyped_field"], record.facts.messages) == ([rule], n)


def test_an_array_that_is_cut_short_gives_its_good_elements_and_an_error_of_the_source(tmp_path):
    good = '[{"text": "1"}, {"text": "2"}'
    for cut, faults in (("", []), (",", []), (', {"te', ["unreadable_line"]), (', {"text": [1]', ["unreadable_line"])):
        for text in (good + cut, '{"n": 2, "data": ' + good + cut):
            with case(text):
                (tmp_path / "data.json").write_text(text)
                record = look(tmp_path / "data.json")
                assert (record.exit_code, record.facts.messages) == (3, 2)
                assert [rule for rule, _ in faults_of(record)] == faults
                (error,) = record.facts.errors
                assert "is not closed: the file was cut short. Fetch it again" in error


def test_a_raw_line_feed_in_a_string_of_an_array_stays_in_the_text(tmp_path):
    (tmp_path / "data.json").write_text('[\n{"text": "1"},\n{"text": "2\n3\\n4", "x":\n5}\n]')
    assert places(tmp_path / "data.json") == [(2, "1"), (3, "2\n3\n4")]


def test_one_object_over_many_lines_is_one_record(tmp_path):
    (tmp_path / "data.json").write_text("\n" + json.dumps(nest(conversation("a")), indent=4))
    record = look(tmp_path / "data.json")
    assert (record.facts.messages, record.facts.trees, flagged(record)) == (3, 1, [])
    assert {line for line, _ in places(tmp_path / "data.json")} == {2}


def test_objects_over_many_lines_may_follow_one_another(tmp_path):
    text = json.dumps({"text": "1"}, indent=1) + "\n" + json.dumps({"text": "2"}, indent=1)
    (tmp_path / "data.json").write_text(text)
    assert places(tmp_path / "data.json") == [(1, "1"), (4, "2")]


def test_lines_of_records_stay_lines_with_any_fault_in_the_first(tmp_path):
    rest = json_lines(counted(4)).split(b"\n", 1)[1]
    for first in (b"{", b'{"message_id": "x', b"[]", b"[5]", b'["x"', b"null", b"}", b"{}}"):
        (tmp_path / "data.json").write_bytes(first + b"\n" + rest)
        assert faults_of(look(tmp_path / "data.json")) == [("unreadable_line", 1)], first
        assert places(tmp_path / "data.json") == [(k, f"text {k}") for k in (2, 3, 4)], first


@pytest.mark.parametrize("block", [1, 10, 64, 1024, BLOCK])
def test_the_layout_is_recognised_at_every_block_size(tmp_path, block):
    rows = [{"text": "words " * 300}, {"text": "more"}]
    (tmp_path / "array.json").write_text(json.dumps(rows))
    (tmp_path / "lines.json").write_text("\ufeff\n\n" + "\n".join(map(json.dumps, rows)))
    (tmp_path / "array.jsonl").write_text(json.dumps(rows))
    for name, lines in (("array.json", [1, 2]), ("lines.json", [3, 4]), ("array.jsonl", [1, 2])):
        assert [line for line, _ in places(tmp_path / name, block)] == lines


# -- places --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", [1, 100, 2000, BLOCK])
def test_lines_are_counted_over_blank_ones_and_blocks(tmp_path, block):
    rows = [json.dumps(row) for row in counted(6)]
    rows[3:3] = ["", "   ", ""]
    path = write(tmp_path / "data.jsonl", ["\n", *rows])
    expected = [(k, f"text {n}") for k, n in zip([3, 4, 5, 9, 10, 11], range(1, 7), strict=True)]
    assert places(path, block) == expected
    assert faults_of(look(path, block=block)) == [("line_format", 1)]


@pytest.mark.parametrize("block", [1, 100, BLOCK])
def test_lines_are_counted_in_a_file_with_crlf_and_a_mark(tmp_path, block):
    (tmp_path / "data.jsonl").write_bytes(b"\xef\xbb\xbf" + json_lines(counted(4)).replace(b"\n", b"\r\n"))
    assert places(tmp_path / "data.jsonl", block) == [(k, f"text {k}") for k in range(1, 5)]
    record = look(tmp_path / "data.jsonl", block=block)
    assert faults_of(record) == [("line_format", 1), ("line_format", 1)]
    assert summaries(record, "line_format") == [
        "File starts with a byte order mark",
        "Lines end in CRLF; this is the first",
    ]


def test_the_finding_about_a_mark_does_not_depend_on_the_block(tmp_path):
    (tmp_path / "data.jsonl").write_bytes(b"\xef\xbb\xbf" + json_lines([{"text": "é" * 200}, {"text": "b"}]))
    records = [look(tmp_path / "data.jsonl", block=block) for block in (1, 7, 83, BLOCK)]
    assert all(record.table.equals(records[0].table) for record in records)
    assert "\ufffd" not in records[0].table["spans"][0].as_py()[0]["quote"]


def test_the_first_line_that_ends_in_crlf_is_named(tmp_path):
    lines = json_lines(counted(4)).splitlines()
    (tmp_path / "data.jsonl").write_bytes(b"\n".join(lines[:2]) + b"\n" + b"\r\n".join(lines[2:]))
    assert faults_of(look(tmp_path / "data.jsonl")) == [("line_format", 3)]


def test_a_line_longer_than_a_block_counts_as_one(tmp_path):
    rows = counted(5)
    rows[1]["text"] = "long " * 2000
    path = write(tmp_path / "data.jsonl", rows)
    assert [line for line, _ in places(path, 500)] == [1, 2, 3, 4, 5]


def packed(rows: list[Row], kind: str, folder: Path) -> Path:
    path = folder / {"parquet": "data.parquet", "array": "data.json"}.get(kind, "data.jsonl")
    if kind == "parquet":
        pq.write_table(hub(rows), path, row_group_size=4)
    else:
        pack = {"gz": gzip.compress, "zst": zstd, "array": lambda _: json.dumps(rows).encode()}.get(kind, bytes)
        path.write_bytes(pack(json_lines(rows)))
    return path


def test_what_is_found_last_is_quoted_from_its_place(tmp_path):
    for kind, block in itertools.product(["jsonl", "gz", "zst", "parquet", "array"], [1, BLOCK]):
        with case(kind, block):
            rows = [row for name in "abcdefgh" for row in conversation(name)]
            for k, row in enumerate(rows):
                row["text"] = f"words of {k}: é 漢 🙂"
            rows[5]["parent_id"] = uid("nobody")
            rows[20]["message_id"] = rows[10]["message_id"]
            record = look(packed(rows, kind, tmp_path), block=block)
            quotes = {
                row["rule"].partition("/")[2]: [(span["line"], span["quote"]) for span in row["spans"]]
                for row in record.table.to_pylist()
            }
            assert quotes == {
                "dangling_parent": [(6, "words of 5: é 漢 🙂")],
                "duplicate_id": [(21, "words of 20: é 漢 🙂"), (11, "words of 10: é 漢 🙂")],
            }


# -- faults of single lines ------------------------------------------------------------------------------------------


def third(**more: Any) -> bytes:
    """Return the third of five records, with other values."""
    return json.dumps(
        {**message("a-2", "a", text="text 3", message_tree_id=uid("a")), **more}, ensure_ascii=False
    ).encode()


def with_raw(field: str, raw: bytes) -> bytes:
    """Return the third of five records, with raw bytes for a field's value."""
    return third(**{field: "RAW"}).replace(b'"RAW"', raw)


DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECTS = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
LINES: dict[str, tuple[bytes, list[str], int]] = {
    # name: the third line, its findings, messages of the file
    "is cut": (third()[:-20], ["unreadable_line"], 4),
    "has a trailing comma": (third()[:-1] + b",}", ["unreadable_line"], 4),
    "has single quotes": (third().replace(b'"', b"'"), ["unreadable_line"], 4),
    "is followed by garbage": (third() + b" garbage", ["unreadable_line"], 4),
    "is followed by a comment": (third() + b" // why not", ["unreadable_line"], 4),
    "is followed by a comma": (third() + b",", ["repaired_line"], 5),
    "holds two records": (third() + third(message_id=uid("z")), ["unreadable_line"], 4),
    "holds two records apart": (third() + b" " + third(message_id=uid("z")), ["unreadable_line"], 4),
    "goes on in the next": (third().replace(b', "role"', b'\n, "role"'), ["unreadable_line", "unreadable_line"], 4),
    "is null": (b"null", ["unreadable_line"], 4),
    "is an empty array": (b"[]", ["unreadable_line"], 4),
    "is a record in an array": (b"[" + third() + b"]", ["unreadable_line"], 4),
    "is a number": (b"5", ["unreadable_line"], 4),
    "is a string": (b'"x"', ["unreadable_line"], 4),
    "is true": (b"true", ["unreadable_line"], 4),
    "is a brace": (b"{", ["unreadable_line"], 4),
    "is a closing brace": (b"}", ["unreadable_line"], 4),
    "is two braces apart": (b"}{", ["unreadable_line"], 4),
    "is a word": (b"hello", ["unreadable_line"], 4),
    "is NUL bytes": (bytes(50), ["unreadable_line"], 4),
    "ends in NUL bytes": (third() + bytes(3), ["unreadable_line"], 4),
    "has a NUL byte in a string": (third().replace(b"text 3", b"te\x00t 3"), ["repaired_line"], 5),
    "has a raw control character in a string": (third().replace(b"text 3", b"te\x01t 3"), ["repaired_line"], 5),
    "has a raw tab in a string": (third().replace(b"text 3", b"te\tt 3"), ["repaired_line"], 5),
    "has a raw control character in a key": (
        third(**{"te\x02t": 1}).replace(b"\\u0002", b"\x02"),
        ["repaired_line"],
        5,
    ),
    "is not UTF-8 in its text": (third().replace(b"text 3", b"te\xfft 3"), ["repaired_line"], 5),
    "is Latin-1": (third(text="déjà vu").decode().encode("latin-1"), ["repaired_line"], 5),
    "is not UTF-8 in an id": (third(user_id="RAW").replace(b"RAW", b"\xc3("), ["repaired_line"], 5),
    "is not UTF-8 in a key": (third(odd=1).replace(b"odd", b"o\x80d"), ["repaired_line"], 5),
    "is not UTF-8 in a field that is not ours": (third(odd="RAW").replace(b"RAW", b"\xf0\x9f"), ["repaired_line"], 5),
    "has an encoded surrogate": (third().replace(b"text 3", b"\xed\xa0\x80"), ["repaired_line"], 5),
    "has half a surrogate pair in its text": (with_raw("text", b'"\\ud83d"'), ["repaired_line"], 5),
    "has the other half in its text": (with_raw("text", b'"a \\udc00 b"'), ["repaired_line"], 5),
    "has halves in the wrong order": (
        with_raw("text", b'"\\ude42\\ud83d"'),
        [
            "repaired_line",
        ],
        5,
    ),
    "has half a surrogate pair in an id": (with_raw("user_id", b'"\\ud83d"'), ["repaired_line"], 5),
    "has half a surrogate pair in a label's name": (
        with_raw("labels", b'{"name": ["\\ud83d"], "value": [0.5], "count": [1]}'),
        ["repaired_line"],
        5,
    ),
    "has half a surrogate pair in a map of labels": (
        with_raw("labels", b'{"\\ud83d": {"value": 0.5, "count": 1}}'),
        ["repaired_line"],
        5,
    ),
    "has half a surrogate pair in a mistyped label": (with_raw("labels", b'{"\\ud83d": 5}'), ["mistyped_field"], 5),
    "has half a surrogate pair in a mistyped value": (with_raw("rank", b'"\\ud83d"'), ["mistyped_field"], 5),
    "has half a surrogate pair in a key that is not ours": (third(KEY=1).replace(b"KEY", b"\\ud83d"), [], 5),
    "has a whole surrogate pair": (with_raw("text", b'"\\ud83d\\ude42"'), [], 5),
    "has a key twice": (third()[:-1] + b', "text": "text 3"}', ["repaired_line"], 5),
    "has a key twice, once with a space": (third()[:-1] + b', "text" : "text 3"}', ["repaired_line"], 5),
    "has spaces before other colons": (
        third()[:-1].replace(b'"lang":', b'"lang" :') + b', "text": "text 3"}',
        ["repaired_line"],
        5,
    ),
    "has a key twice that is written in two ways": (third()[:-1] + b', "te\\u0078t": "text 3"}', ["repaired_line"], 5),
    "has a key of colons and quotes": (third(**{'a\\":"': 1, '":': '":"\\":'}), [], 5),
    "has a key twice that is not ours": (third()[:-1] + b', "x": 1, "x": 1}', ["repaired_line"], 5),
    "has a key twice in a nested object": (
        with_raw("detoxify", b'{"toxicity": 0.5, "toxicity": 0.25}'),
        ["repaired_line"],
        5,
    ),
    "has a label twice in a map": (
        with_raw("labels", b'{"spam": {"value": 0.5, "count": 1}, "spam": {"value": 0.5, "count": 1}}'),
        ["repaired_line"],
        5,
    ),
    "has NaN for a score": (with_raw("detoxify", b'{"toxicity": NaN}'), ["repaired_line"], 5),
    "has -Infinity for a label": (
        with_raw("labels", b'{"name": ["spam"], "value": [-Infinity], "count": [1]}'),
        ["repaired_line"],
        5,
    ),
    "has NaN in a field that is not ours": (with_raw("odd", b"[1, NaN]"), ["repaired_line"], 5),
    "has 1e999 for a score": (with_raw("detoxify", b'{"toxicity": 1e999}'), [], 5),
    "has 1e999 for a rank": (with_raw("rank", b"1e999"), ["mistyped_field"], 5),
    "has 1e999 in a field that is not ours": (with_raw("odd", b"1e999"), [], 5),
    "has 5,000 digits for a rank": (with_raw("rank", b"9" * 5000), ["mistyped_field"], 5),
    "has 5,000 digits for a score": (with_raw("detoxify", b'{"toxicity": -' + b"9" * 5000 + b"}"), [], 5),
    "has 5,000 digits in a field that is not ours": (with_raw("odd", b"9" * 5000), [], 5),
    "has 400 digits for a score": (with_raw("detoxify", b'{"toxicity": ' + b"9" * 400 + b"}"), ["mistyped_field"], 5),
    "has 70 bits for a rank": (with_raw("rank", str(2**70).encode()), ["mistyped_field"], 5),
    "has 54 bits for a score": (with_raw("detoxify", str({"toxicity": 2**53 + 1}).replace("'", '"').encode()), [], 5),
    "has -0.0 for a rank": (with_raw("rank", b"-0.0"), [], 5),
    "has 1.0 for a rank": (with_raw("rank", b"1.0"), [], 5),
    "has 1e2 for a rank": (with_raw("rank", b"1e2"), [], 5),
    "has 1.5 for a rank": (with_raw("rank", b"1.5"), ["mistyped_field"], 5),
    "has a leading zero": (with_raw("rank", b"01"), ["unreadable_line"], 4),
    "has arrays 100,000 deep for its text": (with_raw("text", DEEP), ["unreadable_line"], 4),
    "has objects 100,000 deep for its labels": (with_raw("labels", DEEP_OBJECTS), ["unreadable_line"], 4),
    "has arrays 100,000 deep in a field that is not ours": (with_raw("odd", DEEP), ["unreadable_line"], 4),
    "has objects 100,000 deep in a field that is not ours": (with_raw("odd", DEEP_OBJECTS), ["unreadable_line"], 4),
    "has brackets 100,000 deep without an end": (with_raw("odd", b"[" * 100_000), ["unreadable_line"], 4),
    "has objects 900 deep in a field that is not ours": (with_raw("odd", b'{"a":' * 900 + b"1.5" + b"}" * 900), [], 5),
    "has arrays 500 deep for its text": (with_raw("text", b"[" * 500 + b"]" * 500), ["mistyped_field"], 5),
    "begins with a byte order mark": (b"\xef\xbb\xbf" + third(), ["repaired_line"], 5),
    "has a byte order mark in its text": (third(text="\ufeffwords"), [], 5),
    "is blank": (b"", ["line_format"], 4),
    "is a carriage return": (b"\r", ["line_format", "line_format"], 4),
    "is spaces": (b"   \t ", ["line_format"], 4),
    "begins and ends with spaces": (b"  " + third() + b"\t ", [], 5),
    "ends in CRLF": (third() + b"\r", ["line_format"], 5),
    "has a carriage return within": (third().replace(b', "role"', b'\r, "role"'), [], 5),
    "has a number for its text": (third(text=5), ["mistyped_field"], 5),
    "has a list for its text": (third(text=["text 3"]), ["mistyped_field"], 5),
    "has a string for a rank": (third(rank="0"), ["mistyped_field"], 5),
    "has true for a rank": (third(rank=True), ["mistyped_field"], 5),
    "has a string for a flag": (third(deleted="false"), ["mistyped_field"], 5),
    "has a number for a flag": (third(deleted=0), ["mistyped_field"], 5),
    "has a number for a date": (third(created_date=1675790964), ["mistyped_field"], 5),
    "has a number for its scores": (third(detoxify=0), ["mistyped_field"], 5),
    "has a string for a score": (third(detoxify={"toxicity": "0.5"}), ["mistyped_field"], 5),
    "has true for a score": (third(detoxify={"toxicity": True}), ["mistyped_field"], 5),
    "has a list for its emojis": (third(emojis=["+1"]), ["mistyped_field"], 5),
    "has a string for a count": (third(emojis={"+1": "1"}), ["mistyped_field"], 5),
    "has a string for its labels": (third(labels="spam"), ["mistyped_field"], 5),
    "has a number for a label": (third(labels={"spam": 0.5}), ["mistyped_field"], 5),
    "lacks a list of its labels": (third(labels={"name": ["spam"], "value": [0.5]}), ["mistyped_field"], 5),
    "has null for a list of its labels": (third(labels={**LABELS, "count": None}), ["mistyped_field"], 5),
    "has null for all lists of its labels": (third(labels=dict.fromkeys(LABELS)), [], 5),
    "has numbers for label names": (third(labels={**LABELS, "name": [1, 2]}), ["mistyped_field"], 5),
    "has null for an emoji's count": (third(emojis={"+1": None}), [], 5),
    "has fields that are not ours": (third(extra={"a": [1, {"b": None}]}, more="x"), [], 5),
}


def test_a_faulty_line_is_reported_at_its_place_and_all_other_records_are_read(tmp_path):
    for name in LINES:
        with case(name):
            line, rules, n = LINES[name]
            others = [message(f"a-{k}", "a", text=f"text {k + 1}", message_tree_id=uid("a")) for k in (1, 3, 4)]
            root = message("a", text="text 1", labels=LABELS)
            path = write(tmp_path / "data.jsonl", [root, others[0], line, *others[1:]])
            record = look(path)
            n_lines = line.count(b"\n") + 1
            assert sorted(faults_of(record), key=lambda pair: pair[1]) == [
                (r, 3 + k * (n_lines > 1)) for k, r in enumerate(rules)
            ]
            assert (record.facts.messages, record.exit_code) == (n, 0)
            assert places(path, block=1) == places(path)
            found = [pair for pair in places(path) if not 3 <= pair[0] < 3 + n_lines]
            assert found == [(1, "text 1"), (2, "text 2"), (3 + n_lines, "text 4"), (4 + n_lines, "text 5")]


def test_a_fault_of_a_document_is_reported_once_at_its_line(tmp_path):
    cases = [
        ('{"id": "d"', "unreadable_line"),
        ("[]", "unreadable_line"),
        ("null", "unreadable_line"),
        ('{"id": "d", "text": "a", "text": "b"}', "repaired_line"),
        ('{"id": "d", "text": "\ud83d"}'.encode("utf-8", "surrogatepass"), "repaired_line"),
        ('{"id": "\\ud83d", "text": "words"}', "repaired_line"),
        ('{"id": 1.5, "text": "words"}', "mistyped_field"),
        ('{"id": true, "text": "words"}', "mistyped_field"),
        ('{"id": ["d"], "text": "words"}', "mistyped_field"),
        ('{"id": "d", "text": 5}', "mistyped_field"),
        ('{"id": "d", "text": "words", "lang": {"de": 1}}', "mistyped_field"),
        ('{"id": "d", "text": "words", "context": ["asked"]}', "mistyped_field"),
    ]
    for line, rule in cases:
        with case(line, rule):
            path = write(tmp_path / "data.jsonl", [{"id": 1, "text": "one"}, line, {"id": 3, "text": "three"}])
            record = look(path)
            assert {pair for pair in faults_of(record) if pair[0] == rule} == {(rule, 2)}
            assert [text for at, text in places(path) if at != 2] == ["one", "three"]


def test_a_field_of_a_document_is_reported_by_its_own_name(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"id": 1.5, "text": "words", "context": 5}])
    assert sorted(summaries(look(path), "mistyped_field")) == [
        "context is 5, an integer; expected a string",
        "id is 1.5, a number; expected a string or an integer",
    ]


def test_an_input_of_a_wrong_type_is_reported(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"instruction": "Add.", "input": [1, 1], "output": "2"}])
    assert summaries(look(path), "mistyped_field") == ["input is [1, 1], a list; expected a string"]


@pytest.mark.parametrize("reply", [None, 5, "text", [message("c")]], ids=repr)
def test_a_reply_of_a_wrong_type_is_reported_and_the_others_are_read(tmp_path, reply):
    tree = nest(conversation("a"))
    tree["prompt"]["replies"].insert(1, reply)
    path = write(tmp_path / "data.jsonl", [nest(conversation("b")), tree, nest(conversation("c"))])
    record = look(path)
    assert (faults_of(record), record.facts.messages) == ([("mistyped_field", 2)], 9)


def test_replies_of_a_wrong_type_are_reported_and_their_parent_is_read(tmp_path):
    tree = nest(conversation("a", 1))
    tree["prompt"]["replies"][0]["replies"] = {"0": message("c")}
    record = look(write(tmp_path / "data.jsonl", [tree]))
    assert (faults_of(record), record.facts.messages) == ([("mistyped_field", 1)], 2)


def test_a_record_that_is_read_after_repair_has_the_repaired_value(tmp_path):
    lines = [
        third(message_id="1").replace(b"text 3", b"te\xfft"),
        third(message_id="2").replace(b"text 3", b"te\x01t"),
        third(message_id="3").replace(b"text 3", b"\\ud83d \\ud83d\\ude42"),
        third(message_id="4")[:-1] + b', "text": "the last"}',
        third(message_id="5").replace(b'"rank": null', b'"rank": -0.0'),
        third(message_id="6").replace(b'"rank": null', b'"rank": 1e2'),
    ]
    found = [(row["text"], row["rank"]) for row in messages_of(write(tmp_path / "data.jsonl", lines))]
    expected = [("te\ufffdt", None), ("te\x01t", None), ("\ufffd 🙂", None), ("the last", None), ("text 3", 0)]
    assert found == [*expected, ("text 3", 100)]


def test_a_value_too_deep_to_be_shown_is_still_reported(tmp_path):
    for depth in range(970, 1000, 2):
        path = write(tmp_path / "data.jsonl", [third(), with_raw("text", b"[" * depth + b"]" * depth)])
        ((rule, line),) = faults_of(look(path))
        assert rule in ("mistyped_field", "unreadable_line")
        assert line == 2


@needs_shared
@pytest.mark.parametrize(("name", "broken"), [("user_2.jsonl", [134, 168]), ("user_3.jsonl", [10, 121, 122])])
def test_files_that_are_broken_as_published_are_reported_line_by_line(name, broken):
    path = SHARED / "data" / "formats" / "malformed" / name
    record = look(path)
    assert [line for rule, line in faults_of(record) if rule == "unreadable_line"] == broken
    n_lines = sum(1 for line in path.read_bytes().split(b"\n") if line.strip())
    assert record.facts.sources[0].records == n_lines - len(broken)


# -- fields that are not ours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [{"odd": 1}, {"odd": {"a": [1, "x"]}}, {"odd": "x" * 5000}, {"": None}], ids=str)
def test_a_field_that_is_not_ours_is_ignored_also_where_it_comes_late(tmp_path, late):
    rows = counted(1200)
    rows[1100].update(late)
    record = look(write(tmp_path / "data.jsonl", rows))
    assert (flagged(record), record.facts.messages) == ([], 1200)


def test_a_field_that_is_not_ours_may_change_its_type(tmp_path):
    values = [1, "x", None, 1.5, [1], {"a": 1}, True]
    record = look(
        write(tmp_path / "data.jsonl", [{**row, "odd": v} for row, v in zip(counted(7), values, strict=True)])
    )
    assert (flagged(record), record.facts.messages) == ([], 7)


def test_a_field_of_ours_that_comes_late_is_read(tmp_path):
    rows = [{name: value for name, value in row.items() if name != "rank"} for row in counted(1200)]
    rows[1100]["rank"] = 5
    rows[1101]["labels"] = LABELS
    found = messages_of(write(tmp_path / "data.jsonl", rows))
    assert (found[1100]["rank"], found[1101]["labels"], found[1102]["rank"]) == (5, LABELS, None)


def test_a_label_that_comes_late_is_read(tmp_path):
    rows = counted(1200, labels={"spam": {"value": 0.0, "count": 1}})
    rows[1100]["labels"] = {"spam": {"value": 1.0, "count": 2}, "humor": {"value": 0.5, "count": 1}}
    found = messages_of(write(tmp_path / "data.jsonl", rows))
    assert found[1100]["labels"] == {"name": ["humor", "spam"], "value": [0.5, 1.0], "count": [1, 2]}


# -- long lines ------------------------------------------------------------------------------------------------------


def test_a_line_that_is_too_long_is_skipped_and_its_size_reported(tmp_path, monkeypatch):
    for name, block in itertools.product(["data.jsonl", "data.json"], [1, 600, 1100, 5000, BLOCK]):
        with case(name, block):
            monkeypatch.setattr(cutting, "MAX_LINE", 1000)
            monkeypatch.setattr(lines_module, "MAX_LINE", 1000)
            rows = counted(5)
            rows[2]["text"] += "x" * (1001 - len(json.dumps(rows[2])))
            rows[3]["text"] += "x" * (1000 - len(json.dumps(rows[3])))
            path = write(tmp_path / name, rows)
            record = look(path, block=block)
            assert faults_of(record) == [("unreadable_line", 3)]
            assert summaries(record, "unreadable_line") == ["Line has 1,001 bytes; lines over 1,000 bytes are skipped"]
            assert [line for line, _ in places(path, block)] == [1, 2, 4, 5]


def test_the_first_and_the_last_line_may_be_too_long(tmp_path, monkeypatch):
    for at, block in itertools.product([0, 4], [1, 300, BLOCK]):
        with case(at, block):
            monkeypatch.setattr(cutting, "MAX_LINE", 1000)
            monkeypatch.setattr(lines_module, "MAX_LINE", 1000)
            rows = counted(5)
            rows[at]["text"] = "x" * 5000
            (tmp_path / "data.jsonl").write_bytes(b"\xef\xbb\xbf" + json_lines(rows)[:-1])
            assert faults_of(look(tmp_path / "data.jsonl", block=block)) == sorted(
                [("line_format", 1), ("unreadable_line", at + 1)]
            )
            assert [line for line, _ in places(tmp_path / "data.jsonl", block)] == [
                k for k in range(1, 6) if k != at + 1
            ]


def test_a_line_longer_than_a_block_is_alone_in_one(tmp_path):
    lines = [b"short"] * 20 + [b"long " * 400] + [b"short"] * 20
    (source,) = files.find([write(tmp_path / "data.jsonl", lines)]).sources
    found = [block.data.splitlines() for block in cutting.blocks(source, 100)]
    assert [b"long " * 400] in found
    assert [line for block in found for line in block] == lines


@pytest.mark.parametrize("begins", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", [b"", b"\n"])
def test_a_block_is_read_by_itself_as_it_was_read_in_order(tmp_path, begins, ends):
    lines = [b"line %d" % k + b" long" * (k % 7) for k in range(200)]
    path = tmp_path / "data.jsonl"
    path.write_bytes(begins + b"\n".join(lines) + ends)
    (source,) = files.find([path]).sources
    blocks = list(cutting.blocks(source, 500))
    assert len(blocks) > 5
    assert [cutting.block_at(source, stretch)[1:3] for stretch in source.stretches] == [block[1:3] for block in blocks]
    some = cutting.stretches_with(source, np.array([1, 2, 100, 200]))
    spans = [range(block.first, block.first + block.data.count(b"\n")) for block in blocks]
    assert [stretch.first for stretch in some] == [each.start for each in spans if {1, 100, 200} & {*each}]
    path.unlink()
    assert [cutting.block_at(source, stretch).data for stretch in some] == [b""] * len(some)


def test_only_the_blocks_of_reported_lines_are_read_again(tmp_path, monkeypatch):
    texts = [" ".join(f"w{k}x{n}" for n in range(30)) for k in range(300)]
    texts[20] = texts[250]
    rows = [message(f"m{k}", text=text, message_tree_id=uid(f"m{k}")) for k, text in enumerate(texts)]
    path, packed = write(tmp_path / "data.jsonl", rows), tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    firsts: list[int] = []
    block_at = cutting.block_at
    monkeypatch.setattr(cutting, "block_at", lambda source, at: firsts.append(at.first) or block_at(source, at))
    found = [run(each, checks=["near_duplicates"], block=10_000) for each in (path, packed)]
    assert len(firsts) == 2
    for record in found:
        ((one, other),) = record.table["spans"].to_pylist()
        assert one["quote"] == other["quote"] == texts[20]


MEMORY = """
import json, sys
from chataudit.audit.run import run
record = run(sys.argv[1], checks=["schema_invariants"])
# Not what getrusage gives: that of a new process begins with the peak of the one that made it.
(peak,) = (int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([record.facts.messages, record.exit_code, record.table["rule"].to_pylist(), peak]))
"""


def test_a_line_of_200_megabytes_is_audited_in_memory_of_its_order(tmp_path):
    first, long, *rest = (json.dumps(row).encode() for row in counted(50))
    # Arrow refuses it, so that both ways of reading are taken.
    long = long.replace(b'"review_count": 3', b'"review_count": 3.0')
    with open(tmp_path / "data.jsonl", "wb") as file:
        file.write(first + b"\n" + long.replace(b"text 2", b"word " * ((200 << 20) // 5)) + b"\n" + b"\n".join(rest))
    shell = [sys.executable, "-c", MEMORY, str(tmp_path / "data.jsonl")]
    n, code, rules, peak = json.loads(subprocess.run(shell, capture_output=True, check=True).stdout)
    assert (n, code, rules) == (50, 0, [])
    assert peak < 1.5e9  # bytes: 7 times the line


# -- which format ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "format", "reason"),
    [
        (message("a"), "oasst_messages", "records have message_id, parent_id, message_tree_id, role, text"),
        (nest(conversation("a")), "oasst_trees", "records have message_tree_id and a prompt with replies"),
        ({"id": "a", "text": "words"}, "documents", "records have text"),
        ({"instruction": "Go."}, "prompts", "records have instruction"),
    ],
    ids=["flat", "trees", "documents", "prompts"],
)
def test_the_format_is_recognised_and_the_reason_given(tmp_path, record, format, reason):
    path, progress = write(tmp_path / "data.jsonl", [record]), RecordingProgress()
    (facts,) = look(path, progress=progress).facts.sources
    assert (facts.format, facts.reason) == (format, f"{reason} (1 record examined, all match)")
    assert progress.lines == [f"{path}: {format}, {reason} (1 record examined, all match)"]


def test_the_format_of_most_records_is_that_of_the_file(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"text": "stray"}, *conversation("a"), {"odd": 1}, "broken"])
    (facts,) = look(path).facts.sources
    assert facts.format == "oasst_messages"
    assert facts.reason.endswith("(5 records examined, 3 match); others are documents (1, the first is record 1)")


def test_a_format_that_nobody_knows_is_an_error_that_names_fields_and_formats(tmp_path):
    path, progress = write(tmp_path / "data.jsonl", [{"b": 1, "a": "x"}]), RecordingProgress()
    record = look(path, progress=progress)
    (error,) = record.facts.errors
    assert record.exit_code == 3
    assert progress.lines == [error]
    said = "unknown format (fields: 'a', 'b'). Map its fields in [format]; `chataudit formats` shows examples"
    assert error == f"{path}: {said}"


def test_an_unknown_format_is_compared_with_the_closest_one(tmp_path):
    (error,) = look(write(tmp_path / "data.jsonl", [{"id": 1, "lang": "en", "question": "Why?"}])).facts.errors
    assert "(fields: 'id', 'lang', 'question'). Closest: instructions, which also needs output or response or " in error


def test_a_given_format_overrides_what_would_be_recognised(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"instruction": "Go.", "text": "words"}])
    assert [row["text"] for row in messages_of(path)] == ["Go.", "words"]
    record = look(path, format="documents")
    assert [(s.format, s.reason) for s in record.facts.sources] == [("documents", "as requested")]
    assert [row["text"] for row in messages_of(path, "documents")] == ["words"]


def test_an_unknown_format_name_raises_and_names_the_known_ones(tmp_path):
    path = write(tmp_path / "data.jsonl", conversation("a"))
    with pytest.raises(LookupError, match=r"unknown format 'oast'\. Available: oasst_trees, oasst_messages"):
        look(path, format="oast")


def test_several_sources_may_be_of_several_formats(tmp_path):
    flat = write(tmp_path / "flat.jsonl", conversation("a"))
    trees = write(tmp_path / "trees.jsonl", [nest(conversation("b"))])
    texts = write(tmp_path / "texts.jsonl", [{"id": 1, "text": "words"}])
    record = look(flat, trees, texts)
    assert [s.format for s in record.facts.sources] == ["oasst_messages", "oasst_trees", "documents"]
    assert (record.facts.messages, record.facts.trees, flagged(record)) == (7, 3, [])


@needs_shared
def test_real_files_are_recognised_and_read_to_their_end():
    for name, format, n in [
        ("oasst/oasst1_en_validation.messages.jsonl.gz", "oasst_messages", 1200),
        ("oasst/oasst2_all_subset.trees.jsonl.gz", "oasst_trees", 345),
        ("lid/audit.jsonl.gz", "documents", 19727),
        ("lid/lid.jsonl.gz", "documents", 15959),
        ("lid/oasst_labelled.jsonl.gz", "documents", 2232),
        ("lid/oasst_en_found.jsonl.gz", "documents", 125),
        ("planted/corpus.jsonl.gz", "documents", 23500),
        ("formats/malformed/user_2.jsonl", "prompts", 246),
        ("formats/stanford_alpaca_5000.json", "instructions", 5000),
    ]:
        with case(name, format, n):
            (source,) = files.find([SHARED / "data" / name]).sources
            plan = recognise(source)
            parsed = [parse(block, plan) for block in cutting.blocks(source)]
            assert (source.format, sum(p.records for p in parsed), source.errors) == (format, n, [])
            assert len(source.sha256) == 64


# -- a release in several forms --------------------------------------------------------------------------------------


def release() -> list[Row]:
    """Return forty trees, some of them with faults that can be nested."""
    rng = random.Random(1)
    rows: list[Row] = []
    for k in range(40):
        tree = conversation(f"t{k}", rng.randint(1, 5), labels=LABELS, emojis=EMOJIS)
        tree += [message(f"t{k}-x", f"t{k}-1", "prompter", message_tree_id=uid(f"t{k}"), labels=None, emojis=None)]
        row = rng.choice(tree)
        fault = [
            {"role": "moderator"},
            {"lang": "xx-klingon"},
            {"text": "  "},
            {"review_count": -1},
            {"labels": {**LABELS, "value": [0.5, 1.5]}},
            {"created_date": "yesterday"},
            {"deleted": True},
            {"synthetic": True},
            {},
        ][k % 9]
        row.update(fault)
        rows += [tree[0], tree[1], tree[-1], *tree[2:-1]]
    return rows


def by_tree(rows: Sequence[Row]) -> list[Row]:
    trees: dict[str, list[Row]] = {}
    for row in rows:
        trees.setdefault(row["message_tree_id"], []).append(row)
    return [nest(tree) for tree in trees.values()]


def in_every_form(rows: Sequence[Row], folder: Path) -> list[Record]:
    pq.write_table(hub(rows, review_count=pa.int64()), folder / "data.parquet")
    paths = write(folder / "flat.jsonl", rows), write(folder / "trees.jsonl", by_tree(rows)), folder / "data.parquet"
    return [look(path) for path in paths]


def without_order(record: Record) -> list[tuple[Any, ...]]:
    return sorted((c for c in claims(record) if not c[0].endswith("/order")), key=repr)


def test_a_release_gives_the_same_findings_as_messages_as_trees_and_as_a_table(tmp_path):
    flat, trees, table = in_every_form(release(), tmp_path)
    assert without_order(flat) == without_order(trees) == without_order(table)
    assert len(rules_of(flat)) >= 9
    assert flat.facts.messages == trees.facts.messages == table.facts.messages == len(release())
    assert flat.facts.trees == trees.facts.trees == table.facts.trees == 40


@needs_shared
def test_a_planted_release_gives_the_same_findings_in_every_form(tmp_path):
    tool = [sys.executable, str(SHARED / "tools" / "make_release.py"), "--messages", "2000", "--seed", "1"]
    subprocess.run([*tool, "--out", str(tmp_path)], capture_output=True, check=True)
    rows = [json.loads(line) for line in (tmp_path / "messages.jsonl").read_bytes().splitlines()]
    # What cannot be nested: parents that are not there or come later, duplicate ids, several roots, label lists
    # of unequal lengths, and states and tree ids that differ within a tree.
    broken = set()
    seen: dict[str, str] = {}
    for row in rows:
        tree, parent = row["message_tree_id"], row["parent_id"]
        if row["message_id"] in seen or (seen.get(parent) != tree if parent else tree in seen.values()):
            broken |= {tree, seen.get(row["message_id"], tree), seen.get(parent, tree)}
        if len({len(part) for part in row["labels"].values()}) > 1 or row["tree_state"] != "ready_for_export":
            broken.add(tree)
        seen[row["message_id"]] = tree
    whole = [row for row in rows if row["message_tree_id"] not in broken]
    assert len(whole) > 0.9 * len(rows)
    flat, trees, table = in_every_form(whole, tmp_path)
    assert without_order(flat) == without_order(trees) == without_order(table)
    assert len(rules_of(flat)) >= 9


def test_the_columns_of_a_message_are_always_the_same(tmp_path):
    for name, rows in {"flat": counted(1), "trees": [nest(counted(2))], "texts": [{"text": "x"}]}.items():
        (source,) = files.find([write(tmp_path / f"{name}.jsonl", rows)]).sources
        plan = recognise(source)
        for block in cutting.blocks(source):
            assert parse(block, plan).messages.schema.equals(MESSAGES)


def test_only_the_wanted_lines_of_a_block_are_kept(tmp_path):
    path = write(tmp_path / "data.jsonl", [*counted(3), "", *counted(6)[3:]])
    (source,) = files.find([path]).sources
    plan = recognise(source)
    found = []
    for block in cutting.blocks(source, 500):
        part = only(block, np.array([2, 4, 6, 99]))
        found += parse(part, plan).messages.select(["line", "text"]).to_pylist() if part else []
    assert found == [{"line": 2, "text": "text 2"}, {"line": 6, "text": "text 5"}]


def test_duplicate_keys_are_found_beside_texts_that_look_like_keys():
    for line, names in (
        (rb'{"a\\":1,"a\\":2}', "a"),
        (rb'{"a\\":1,"b":1,"b":2}', "b"),
        (rb'{"a":1,"a":"x\u0022:"}', "a"),
        (rb'{"a" :1,"a":2}', "a"),
        (rb'{"m":[{"a":"say \"b\": c"}],"m":1}', "m"),
        (rb'{"m":[{"a":"say \"b\": c"}]}', ""),
        (rb'{"a":"x\":","b":"\\"}', ""),
    ):
        with case(line):
            _, faults = read_line(line)
            assert [fault.detail[: len("Duplicate key 'a")] for fault in faults] == [
                f"Duplicate key '{name}" for name in names
            ]
