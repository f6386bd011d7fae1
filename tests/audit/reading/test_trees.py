"""Gathering and carrying out: no batch cuts a tree, nothing is lost on the way, and no engine changes the outcome."""

import gzip
import itertools
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import RecordingProgress, conversation, flagged, message, rules_of, uid, write
from chataudit.audit.engines import engine as engines
from chataudit.audit.pipeline import workers as cluster_workers
from chataudit.audit.reading import trees as trees_module
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.reading.formats.columns import tabulate
from chataudit.audit.reading.formats.faults import Row
from chataudit.audit.reading.parse import Parsed
from chataudit.audit.reading.trees import Scattered
from chataudit.audit.run import run
from chataudit.audit.storage.spill import Spill
from chataudit.checks.base.messages import FAULTS, Batch
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.record import Record
from hypothesis import given
from hypothesis import strategies as st

FLAT = FORMATS["oasst_messages"].form


def look(*paths: Any, **options: Any) -> Record:
    return run(*paths, checks=[SchemaInvariants()], **{"engine": "serial", **options})


def claims(record: Record) -> list[tuple[Any, ...]]:
    """Return all of the findings but the places, and without the note on the order of a file."""
    found = [
        (row["rule"], row["tree_id"], row["message_id"], row["summary"], row["fingerprint"])
        + tuple((span["id"], span["start"], span["end"], span["quote"]) for span in row["spans"])
        for row in record.table.to_pylist()
        if row["rule"] != "schema_invariants/order"
    ]
    return sorted(found, key=repr)


def trees(n: int, size: int = 6) -> list[list[Row]]:
    """Return trees of `size` messages, with a fault in each that does not depend on their order."""
    made = []
    for k in range(n):
        tree = conversation(f"t{k}", size - 1)
        tree[1].update(
            [
                {"role": "moderator"},
                {"lang": "xx-klingon"},
                {"parent_id": uid("nobody")},
                {"text": "  "},
                {"labels": {"name": ["spam"], "value": [2.0], "count": [1]}},
                {"role": "prompter"},
                {"created_date": "2021-01-01T00:00:00+00:00"},
                {"deleted": True},
                {"parent_id": uid(f"t{(k + 1) % n}")},
            ][k % 9]
        )
        made.append(tree)
    return made


def in_turn(made: Sequence[Sequence[Row]]) -> list[Row]:
    """Return one message of each tree, then the next of each."""
    return [row for turn in itertools.zip_longest(*made) for row in turn if row is not None]


def shuffled(made: Sequence[Sequence[Row]]) -> list[Row]:
    rows = [row for tree in made for row in tree]
    random.Random(1).shuffle(rows)
    return rows


def one_by_one(made: Sequence[Sequence[Row]]) -> list[Row]:
    return [row for tree in made for row in tree]


# -- scattered trees -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", ["1GB", "20KB"])
@pytest.mark.parametrize("arrange", [in_turn, shuffled])
def test_scattered_trees_give_the_findings_of_sorted_ones(tmp_path, monkeypatch, arrange, memory):
    monkeypatch.setattr(trees_module, "TAIL", 20)
    expected = look(write(tmp_path / "sorted.jsonl", one_by_one(trees(50))))
    record = look(write(tmp_path / "data.jsonl", arrange(trees(50))), block=4000, memory=memory)
    assert claims(record) == claims(expected)
    assert len(rules_of(record)) >= 9
    assert (record.facts.messages, record.facts.trees, record.exit_code) == (300, 50, 0)


def test_trees_that_are_farther_apart_than_the_tail_are_gathered(tmp_path):
    made = trees(1100, 2)
    expected = look(write(tmp_path / "sorted.jsonl", one_by_one(made)))
    progress = RecordingProgress()
    record = look(write(tmp_path / "data.jsonl", in_turn(made)), block=100_000, progress=progress)
    assert len(progress.lines) == 2
    assert claims(record) == claims(expected)


def test_the_run_reports_that_it_starts_over_and_why(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 2)
    path, progress = (
        write(tmp_path / "data.jsonl", in_turn([conversation(name) for name in "abc"])),
        RecordingProgress(),
    )
    look(path, progress=progress, block=1)
    _, line = progress.lines
    assert line == (
        f"tree '{uid('a')}' continues at {path}:4 after others began: starting over, with the trees gathered first"
    )


def test_trees_that_follow_one_another_are_not_gathered(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_workers, "by_tree", None)
    monkeypatch.setattr(trees_module, "by_tree", None)
    progress = RecordingProgress()
    record = look(write(tmp_path / "data.jsonl", one_by_one(trees(50))), progress=progress, block=4000)
    assert (len(progress.lines), record.facts.messages, record.facts.trees) == (1, 300, 50)


def test_a_tree_may_go_on_within_the_tail(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 8)
    progress = RecordingProgress()
    made = [conversation(f"{k}", 3) for k in range(40)]
    rows = [
        row for a, b in zip(made[::2], made[1::2], strict=True) for row in in_turn([a, b])
    ]  # each comes after one other row
    record = look(write(tmp_path / "data.jsonl", rows), progress=progress, block=1)
    assert (len(progress.lines), record.facts.messages, record.facts.trees) == (1, 160, 40)
    assert rules_of(record) == []


def test_the_first_tree_may_go_on_just_within_the_tail_and_no_later(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 10)
    for n_between, n_lines in ((9, 1), (10, 2)):
        others = [row for k in range(n_between) for row in conversation(f"o{k}", 0, role="assistant")]
        rows = [message("a"), *others, message("b", "a")]
        progress = RecordingProgress()
        look(write(tmp_path / "data.jsonl", rows), progress=progress, block=1)
        assert len(progress.lines) == n_lines


def test_a_tree_that_goes_on_in_the_next_file_is_one_tree(tmp_path):
    rows = conversation("a", 5)
    first, second = write(tmp_path / "1.jsonl", rows[:3]), write(tmp_path / "2.jsonl", rows[3:])
    record = look(first, second)
    assert (record.facts.trees, record.facts.messages, flagged(record)) == (1, 6, [])


def test_a_tree_that_goes_on_in_a_far_file_is_one_tree(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 5)
    rows, others = conversation("a", 5), [row for k in range(9) for row in conversation(f"o{k}")]
    paths = [write(tmp_path / f"{k}.jsonl", part) for k, part in enumerate((rows[:3], others, rows[3:]))]
    progress = RecordingProgress()
    record = look(*paths, progress=progress, block=2000)
    assert "starting over" in progress.lines[-1]
    assert (record.facts.trees, record.facts.messages, flagged(record)) == (10, 33, [])
    assert [source.records for source in record.facts.sources] == [3, 27, 3]


def test_nothing_is_counted_twice_when_the_run_starts_over(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 5)
    rows: list[Any] = in_turn(trees(20))
    rows[30:30] = ["broken", ""]
    packed = gzip.compress(write(tmp_path / "plain.jsonl", rows).read_bytes())
    (tmp_path / "data.jsonl.gz").write_bytes(packed[:-4])
    progress = RecordingProgress()
    record = look(tmp_path / "data.jsonl.gz", block=3000, progress=progress)
    assert "starting over" in progress.lines[-1]
    assert [(s.records, len(s.errors)) for s in record.facts.sources] == [(120, 1)]
    assert [c.checked for c in record.facts.checks] == [120]
    assert (record.facts.messages, record.facts.trees) == (120, 20)
    assert len(flagged(record, "unreadable_line")) == len(flagged(record, "line_format")) == 1
    assert progress.read == progress.n_bytes == len(packed) - 4


@pytest.mark.parametrize("tail", [2, 1000])
def test_messages_without_a_tree_id_are_trees_of_their_own(tmp_path, monkeypatch, tail):
    monkeypatch.setattr(trees_module, "TAIL", tail)
    alone = [message(f"x{k}", message_tree_id=None, role="assistant") for k in range(12)]
    rows = in_turn([alone, conversation("a", 11)])
    record = look(write(tmp_path / "data.jsonl", rows), block=1)
    assert (record.facts.messages, record.facts.trees) == (24, 13)
    assert rules_of(record) == ["missing_field", "root_role"]


def test_nested_trees_are_never_gathered(tmp_path, monkeypatch):
    monkeypatch.setattr(trees_module, "TAIL", 1)
    rows = [{"id": k % 3, "text": f"text {k}"} for k in range(20)]
    progress = RecordingProgress()
    record = look(write(tmp_path / "data.jsonl", rows), block=1, progress=progress)
    assert (len(progress.lines), record.facts.trees) == (1, 20)


# -- the laws of gathering -------------------------------------------------------------------------------------------


def parsed(keys: Sequence[str | None], sizes: Sequence[int]) -> Iterator[Parsed]:
    """Return messages of these trees in parts of these sizes, one fault a part; the line of each counts from 1."""
    start = 0
    for size in itertools.chain(sizes, itertools.repeat(len(keys))):
        part = keys[start : start + size]
        lines = range(start + 1, start + 1 + len(part))
        rows = [{"tree_id": key, "message_id": str(line)} for key, line in zip(part, lines, strict=True)]
        fault = {"kind": "unreadable_line", "detail": "", "source": "s", "line": start, "excerpt": ""}
        yield Parsed(tabulate(rows, list(lines), "s")[0], pa.Table.from_pylist([fault], FAULTS), len(rows))
        start += size
        if start >= len(keys):
            return


def assert_law(batches: list[Batch], keys: Sequence[str | None], n_parts: int) -> None:
    """Assert that each row is there once, each tree in one batch and in order, each fault once."""
    rows = [(row["tree_id"], row["line"]) for batch in batches for row in batch.messages.to_pylist()]
    assert sorted(rows, key=lambda row: row[1]) == [(key, line) for line, key in enumerate(keys, 1)]
    homes: dict[str, int] = {}
    last: dict[str, int] = {}
    for k, batch in enumerate(batches):
        assert all(column.num_chunks <= 1 for column in batch.messages.columns)
        for row in batch.messages.to_pylist():
            if row["tree_id"] is not None:
                assert homes.setdefault(row["tree_id"], k) == k
                assert last.get(row["tree_id"], 0) < row["line"]
                last[row["tree_id"]] = row["line"]
    assert sum(batch.faults.num_rows for batch in batches) == n_parts


KEYS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", None]), max_size=25)
SIZES = st.lists(st.integers(1, 9), max_size=8)


def in_their_order(parts: Sequence[Parsed]) -> list[Batch]:
    in_order = trees_module.InOrder(FLAT)
    batches = [*map(in_order.add, parts), in_order.rest()]
    return [batch for batch in batches if batch is not None]


@given(KEYS, SIZES, st.integers(1, 300), st.sampled_from([1, 500, 1 << 30]))
def test_gathering_cuts_no_tree_and_loses_nothing(keys, sizes, size, budget):
    parts = list(parsed(keys, sizes))
    with Spill("tree_id", budget) as spill:
        for part in parts:
            spill.add(part.messages)
        faults = pa.concat_tables([FAULTS.empty_table(), *(part.faults for part in parts)])
        assert_law(list(trees_module.by_tree(spill.partitions(), faults, FLAT, size)), keys, len(parts))


@given(KEYS, SIZES, st.integers(1, 8))
def test_reading_in_order_cuts_no_tree_or_reports_that_it_would(keys, sizes, tail):
    parts = list(parsed(keys, sizes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees_module, "TAIL", tail)
        try:
            batches = in_their_order(parts)
        except Scattered:
            named = [key for key in keys if key is not None]
            assert len([key for key, _ in itertools.groupby(named)]) > len(set(named))
        else:
            assert_law(batches, keys, len(parts))


@given(st.lists(st.integers(1, 6), max_size=12), SIZES)
def test_whole_trees_in_order_are_never_taken_for_scattered(lengths, sizes):
    keys = [f"t{k}" for k, n in enumerate(lengths) for _ in range(n)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees_module, "TAIL", 1)
        assert_law(in_their_order(list(parsed(keys, sizes))), keys, len(list(parsed(keys, sizes))))


def test_faults_are_reported_where_no_message_is_left(tmp_path):
    path = write(tmp_path / "data.jsonl", ["broken", "null"])
    record = look(path, format="oasst_messages")
    assert [rule for rule, _ in flagged(record)] == ["unreadable_line", "unreadable_line"]


# -- rows that must meet ---------------------------------------------------------------------------------------------

NUMBERS, WORDS = st.none() | st.integers(-(2**63), 2**63 - 1), st.none() | st.text(max_size=3)


@given(
    st.one_of(
        st.tuples(st.just(pa.int64()), st.lists(st.lists(NUMBERS | st.integers(0, 3), max_size=9), max_size=9)),
        st.tuples(st.just(pa.string()), st.lists(st.lists(WORDS, max_size=9), max_size=9)),
        st.tuples(st.just(pa.binary()), st.lists(st.lists(st.none() | st.binary(max_size=2), max_size=9), max_size=9)),
    ),
    st.sampled_from([0, 1, 40, 200, 1 << 30]),
    st.sampled_from([0, 1 << 30]),
)
def test_rows_that_agree_come_in_one_table_none_lost_and_in_order(typed, budget, small):
    kind, parts = typed
    rows = [(key, n) for n, key in enumerate(itertools.chain.from_iterable(parts))]
    start = 0
    with pytest.MonkeyPatch.context() as patch, Spill("key", budget) as spill:
        patch.setattr("chataudit.audit.storage.spill.SMALL", small)  # above it, also rows in memory come by partition
        for part in parts:
            spill.add(
                pa.table({"key": pa.array(part, kind), "n": pa.array(range(start, start + len(part)), pa.int64())})
            )
            start += len(part)
        tables = [list(zip(t["key"].to_pylist(), t["n"].to_pylist(), strict=True)) for t in spill.partitions()]
    assert sorted(itertools.chain.from_iterable(tables), key=lambda row: row[1]) == rows
    assert all(tables)
    for table in tables:
        for key in {key for key, _ in table}:
            assert (places := [n for other, n in table if other == key]) == sorted(places)
    homes = [{key for key, _ in table} for table in tables]
    assert sum(map(len, homes)) == len({key for key, _ in rows})


@given(st.lists(st.integers(0, 20), max_size=20), st.integers(0, 19), st.integers(0, 19))
def test_a_slice_of_a_table_is_shuffled_as_that_slice(keys, start, n):
    table = pa.table({"key": pa.array(keys, pa.int64()), "text": pa.array([f"text {k}" for k in keys], pa.string())})
    part = table.slice(min(start, len(keys)), n)
    with Spill("key", 0) as spill:
        spill.add(part)
        found = [row for t in spill.partitions() for row in t.to_pylist()]
    assert sorted(found, key=repr) == sorted(part.to_pylist(), key=repr)


def test_rows_within_the_budget_never_touch_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Spill("key", 1000) as spill:
        for k in range(10):
            spill.add(pa.table({"key": [k]}))
        assert [t.num_rows for t in spill.partitions()] == [10]
        assert list(tmp_path.iterdir()) == []


def test_what_went_to_disk_is_gone_afterwards_also_after_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def fail_midway() -> None:
        with Spill("key", 0) as spill:
            for k in range(100):
                spill.add(pa.table({"key": [k]}))
            assert len(list(tmp_path.iterdir())) == 1
            for _ in spill.partitions():
                raise KeyError("midway")

    with pytest.raises(KeyError, match="midway"):
        fail_midway()
    assert list(tmp_path.iterdir()) == []


def test_the_budget_bounds_what_is_kept_in_memory(monkeypatch):
    spill, most = Spill("key", 10_000), 0
    with spill:
        for k in range(200):
            spill.add(pa.table({"key": [k] * 50, "n": list(range(50))}))
            most = max(most, sum(t.nbytes for t in spill._held))
    assert most <= 10_000


# -- engines ---------------------------------------------------------------------------------------------------------


def with_all_faults(folder: Path) -> list[Path]:
    """Write two flat files with faults of every stage and of the reading, and a file of documents."""
    rows: list[Any] = one_by_one(trees(40))
    rows[100]["message_id"] = rows[10]["message_id"]
    rows[200]["created_date"] = "2035-01-01T00:00:00+00:00"
    rows[50]["rank"] = "0"
    rows[150:150] = ["broken", "", '{"message_id": "x", "message_id": "y"}']
    documents = [{"id": k, "text": f"text {k}\ufffd", "lang": "xx-klingon"} for k in range(50)]
    return [
        write(folder / "1.jsonl", rows[:150]),
        write(folder / "2.jsonl", rows[150:]),
        write(folder / "3.jsonl", documents),
    ]


@pytest.mark.parametrize("block", [2000, 8 << 20])
def test_every_engine_gives_the_same_findings_for_every_block_size(tmp_path, block):
    paths = with_all_faults(tmp_path)
    expected = look(*paths)
    assert len(rules_of(expected)) >= 14
    for engine, workers in (("serial", None), ("threads", 1), ("threads", 4)):
        record = look(*paths, engine=engine, workers=workers, block=block)
        assert record.table.equals(expected.table), (engine, workers)
        assert record.messages.to_pylist() == expected.messages.to_pylist()
        assert record.facts.census == expected.facts.census
        assert [c.coverage for c in record.facts.checks] == [c.coverage for c in expected.facts.checks]
        assert [s.records for s in record.facts.sources] == [s.records for s in expected.facts.sources]


@pytest.mark.parametrize("engine", ["serial", "threads"])
def test_scattered_trees_are_gathered_on_every_engine(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(trees_module, "TAIL", 10)
    path = write(tmp_path / "data.jsonl", shuffled(trees(40)))
    record = look(path, engine=engine, block=2000, memory="10KB")
    assert record.table.equals(look(path).table)


@pytest.fixture(params=["serial", "threads"])
def engine(request) -> Iterator[engines.Engine]:
    with engines.start(request.param, 3 if request.param == "threads" else None) as started:
        yield started


def test_results_come_in_the_order_of_the_items(engine):
    def slow_at_first(n: int) -> int:
        time.sleep(0.02 if n < 3 else 0)
        return n * n

    assert list(engine.map(slow_at_first, range(20))) == [n * n for n in range(20)]


def test_items_are_drawn_as_they_are_needed(engine):
    drawn = itertools.count(1)
    results = engine.map(lambda n: n, drawn)
    assert [next(results) for _ in range(5)] == [1, 2, 3, 4, 5]
    assert next(drawn) <= 5 + engine.workers + 2


def test_no_more_than_a_few_items_are_under_way_at_a_time(engine):
    lock, under_way, most = threading.Lock(), 0, 0

    def items() -> Iterator[int]:
        nonlocal under_way, most
        for n in range(60):
            with lock:
                under_way += 1
                most = max(most, under_way)
            yield n

    for _ in engine.map(lambda n: n, items()):
        with lock:
            under_way -= 1
    assert most <= engine.workers + 2


def test_nothing_to_do_gives_nothing(engine):
    assert list(engine.map(lambda n: n, [])) == []


def test_an_error_of_a_worker_rises_after_the_results_before_it(engine):
    results = engine.map(lambda n: 10 // (3 - n), range(10))
    assert [next(results), next(results), next(results)] == [3, 5, 10]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_error_of_the_items_rises(engine):
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(engine.map(lambda n: n, items()))


def test_a_map_over_a_map_ends(engine):
    assert list(engine.map(str, engine.map(lambda n: n + 1, engine.map(lambda n: n * 2, range(30))))) == [
        str(n * 2 + 1) for n in range(30)
    ]


def test_what_was_begun_and_is_not_wanted_keeps_nobody_waiting():
    before = threading.active_count()  # other tests may have left some
    with engines.start("threads", 2) as threads:
        results = threads.map(lambda n: n, itertools.count())
        next(results)
        results.close()
    assert threading.active_count() <= before


def test_the_engine_follows_from_its_name_and_the_processors(monkeypatch):
    monkeypatch.setattr(engines.os, "sched_getaffinity", lambda _: {0}, raising=False)
    assert isinstance(engines.start(), engines.Serial)
    assert isinstance(engines.start("threads"), engines.Threads)
    monkeypatch.setattr(engines.os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert (engines.start().name, engines.start().workers) == ("threads", 3)
    assert (engines.start("serial").workers, engines.start("threads", 7).workers) == (1, 7)


def test_an_engine_that_is_not_there_raises_and_names_those_that_are():
    with pytest.raises(ValueError, match=r"unknown engine 'spark'\. Available: auto, serial, threads"):
        engines.start("spark")


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_at_all_raises(workers):
    with pytest.raises(ValueError, match=f"workers: {workers} is below 1"):
        engines.start("threads", workers)
