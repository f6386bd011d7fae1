"""Findings in order, in memory or on disk; of very many only the worst keep their words."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from building import conversation, nest, turns, write
from chataudit import run
from chataudit.audit.demo import release as demo
from chataudit.audit.pipeline import order, outcomes, tally
from chataudit.audit.storage import spill
from chataudit.checks.base import large_tables
from chataudit.checks.base.arrow import columns, memory_map
from chataudit.checks.base.arrow.columns import rows_at
from chataudit.checks.near_duplicates.check import NearDuplicates
from hypothesis import given
from hypothesis import strategies as st
from planting import Planted, alone


@pytest.fixture
def _on_disk(monkeypatch):
    """Send everything that an audit keeps to disk at once; it is read again a few rows at a time."""
    monkeypatch.setattr(order, "SLICE", 3)
    monkeypatch.setattr(outcomes, "SLICE", 2)
    monkeypatch.setattr(columns, "PIECES", 1)
    monkeypatch.setattr(tally, "SMALL", 0)
    monkeypatch.setattr(large_tables, "LARGE", 0)


def release(folder):
    """Write the demo, in which each rule is broken; trees on one line each; chats without ids, one twice."""
    made = demo.release(1).write(folder / "demo.jsonl")
    trees = [nest(conversation(f"n{k % 3}", text=f"ODD text {k} of nested trees")) for k in range(5)]
    chat = {"messages": turns("user: ODD words without an id", "assistant: FAULT that nobody can name")}
    return [*made, write(folder / "trees.jsonl", trees), write(folder / "chats.jsonl", [chat, chat, chat])]


CHECKS = [Planted(), "near_duplicates", "schema_invariants", "prompt_parroting"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    paths = release(tmp_path_factory.mktemp("release"))
    return paths, run(*paths, checks=CHECKS)


@pytest.mark.usefixtures("_on_disk")
@pytest.mark.parametrize("memory", ["1KB", "4GB"])
def test_rows_on_disk_are_reported_as_rows_in_memory(whole, memory):
    paths, expected = whole
    record = run(*paths, checks=CHECKS, memory=memory)
    assert record.table.num_rows > 50
    assert record.table.to_pylist() == expected.table.to_pylist()
    assert record.threads.equals(expected.threads)
    assert record.messages.to_pylist() == expected.messages.to_pylist()
    assert record.facts.census == expected.facts.census


def test_findings_come_in_the_order_of_sources_and_lines_under_names_of_their_own(whole):
    paths, record = whole
    rows = record.table.to_pylist()
    places = [([str(path) for path in paths].index(row["source"]), row["line"]) for row in rows]
    assert places == sorted(places)
    assert len({row["fingerprint"] for row in rows}) == len(rows)
    chats = [row for row in rows if row["source"].endswith("chats.jsonl") and row["check"] == "planted"]
    assert len(chats) == 6  # three times the same words, and so the same claims


def test_of_very_many_findings_of_a_check_the_worst_keep_their_words(tmp_path, monkeypatch):
    monkeypatch.setattr(order, "MAX_EVIDENCE", 2)
    copied = "These are the words that stand in all of these messages, again and again, ODD as it is"
    rows = alone(*[copied] * 5, *(f"FAULT {k} by itself" for k in range(3)))
    record = run(write(tmp_path / "data.jsonl", rows), checks=[Planted(), NearDuplicates()])
    copies = [row for row in record.table.to_pylist() if row["check"] == "near_duplicates"]
    assert [all(span["quote"] == copied for span in row["spans"]) for row in copies] == [True, True, False, False]
    assert {(span["before"], span["quote"], span["after"]) for row in copies[2:] for span in row["spans"]} == {
        ("", "", "")
    }
    # All of them keep their place and what they are counted by.
    assert {row["lang"] for row in copies} == {"en"}
    assert None not in {row["role"] for row in copies} | {row["created_date"] for row in copies}
    assert all(
        span["at"] == span["start"] == 0 and span["end"] == len(copied) for row in copies for span in row["spans"]
    )
    planted = [row for row in record.table.to_pylist() if row["check"] == "planted"]
    severe = [row["message_id"] for row in planted if row["severity"] == 3]
    shown = [row["message_id"] for row in copies[:2]] + severe[:2]
    assert set(shown) <= set(record.threads["id"].to_pylist())
    assert severe[2] not in record.threads["id"].to_pylist()


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", None]), max_size=4), max_size=6),
    st.lists(st.integers(0, 10**6), max_size=12),
)
def test_rows_of_pieces_are_those_of_the_whole(pieces, wanted):
    chunks = [pa.table({"word": pa.array(p, pa.string()), "n": pa.array(range(len(p)), pa.int64())}) for p in pieces]
    schema = pa.schema([("word", pa.string()), ("n", pa.int64())])
    table = pa.concat_tables([schema.empty_table(), *chunks])
    rows = np.array([w % table.num_rows for w in wanted] if table.num_rows else [], dtype=np.int64)
    assert rows_at(table, rows).to_pylist() == table.combine_chunks().take(pa.array(rows)).to_pylist()


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_what_was_looked_at_of_a_file_is_handed_back_and_can_be_looked_at_again(tmp_path):
    table = pa.table({"n": np.arange(4_000_000)})
    with spill.Spill(None, 0, tmp_path) as rows:
        rows.add(table)
        (found,) = rows.partitions()
        before = resident()
        assert int(np.asarray(found["n"]).sum()) == int(np.arange(4_000_000).sum())
        looked = resident()
        memory_map.forget()
        assert looked - before > 16_000_000
        assert resident() < looked - 16_000_000
        assert found["n"][3_999_999].as_py() == 3_999_999


def test_more_files_can_be_looked_at_than_a_process_may_have_open_at_first(tmp_path):
    code = f"""
import resource, pyarrow as pa
from pathlib import Path
from chataudit.audit.storage.spill import Spill
resource.setrlimit(resource.RLIMIT_NOFILE, (40, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
with Spill(None, 0, Path({str(tmp_path)!r})) as rows:
    for k in range(100):
        rows.add(pa.table({{"n": [k]}}))
    print(sum(next(iter(rows.partitions()))["n"].to_pylist()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("4950\n", "")
