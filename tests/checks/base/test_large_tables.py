"""Tables in many pieces: every output is that of the same rows in one piece."""

from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import Marks, audit, marked, message, pages
from chataudit.audit import sample
from chataudit.checks.base import large_tables
from chataudit.checks.base.arrow.memory_map import mapped
from chataudit.checks.base.findings import FINDINGS
from chataudit.checks.base.large_tables import Coded, Keys, column_digests, is_in, numbered, on_disk
from chataudit.reports import record as record_module
from chataudit.reports import redact
from chataudit.reports.baseline import Baseline, difference
from chataudit.reports.exports import sarif as sarif_module
from chataudit.reports.exports.github import annotations
from chataudit.reports.exports.sarif import sarif
from chataudit.reports.gate import Gate, Limit, Suppression, decide
from chataudit.reports.page import figures
from chataudit.reports.page import payload as payload_module
from chataudit.reports.rates import rows
from chataudit.reports.record import WORDS, Record
from chataudit.reports.redact import redacted
from chataudit.reports.statements.limitations import limitations

PIECE = 7


def laid(table: pa.Table, path) -> pa.Table:
    """Write the table to disk in pieces, whose dictionaries are all different."""
    with pa.ipc.new_stream(str(path), table.schema) as stream:
        for start in range(0, table.num_rows, 2 * PIECE - 3):
            part = table.slice(start, 2 * PIECE - 3)
            columns = [
                column.cast(pa.string()).dictionary_encode() if column.type == WORDS else column
                for column in part.columns
            ]
            stream.write_table(pa.table(columns, schema=table.schema).combine_chunks())
    return mapped(path)


@pytest.fixture
def both(released, tmp_path, monkeypatch):
    """Return a record in memory, and the same on disk in many pieces that are looked at in smaller ones."""
    _, whole = released
    for module in (large_tables, record_module):
        monkeypatch.setattr(module, "PIECE", PIECE)
        monkeypatch.setattr(module, "LARGE", 0)
    monkeypatch.setattr(redact, "AT_ONCE", 3)
    monkeypatch.setattr(payload_module, "SOME", 11)
    tables = {name: laid(getattr(whole, name), tmp_path / name) for name in ("table", "threads", "messages")}
    assert all(table.column(0).num_chunks > 5 for table in tables.values())
    return whole, Record(whole.facts, **tables)


def same(one: pa.Table, other: pa.Table) -> bool:
    """Return whether both are equal, in any pieces."""
    return one.schema.equals(other.schema) and one.to_pylist() == other.to_pylist()


def test_the_pages_are_the_same(both):
    whole, parted = both
    assert pages(parted) == pages(whole)


def test_pages_compared_with_a_baseline_are_the_same(both, tmp_path):
    whole, parted = both
    older = Record(whole.facts, whole.table.slice(20), whole.threads, whole.messages)
    made = [pages(record, baseline=Baseline.of(older, record)) for record in (parted, whole)]
    assert made[0] == made[1]


def test_rates_and_their_words_are_the_same(both):
    whole, parted = both
    for by in ((), ("lang",), ("role", "source")):
        assert list(rows(parted, by)) == list(rows(whole, by))
    assert limitations(parted, ["others"]) == limitations(whole, ["others"])


def test_the_verdict_and_all_its_outputs_are_the_same(both, monkeypatch):
    whole, parted = both
    (rule, *_), (message_id, *_) = (whole.table[name].to_pylist() for name in ("rule", "message_id"))
    gate = Gate(
        (Limit(max_rate=0.01), Limit(max_count=1, lang=("en",)), Limit(max_new=0, target="near_duplicates")),
        (
            Suppression("Seen", date(2026, 12, 31), rule=rule, message_ids=(message_id,)),
            Suppression("All of a check", date(2026, 12, 31), rule="near_duplicates"),
            Suppression("Of old", date(2020, 12, 31), rule=rule),
        ),
    )
    older = Record(whole.facts, whole.table.slice(20), whole.threads, whole.messages)
    verdicts = [decide(record, gate, Baseline.of(older, record), date(2026, 1, 1)) for record in (parted, whole)]
    assert verdicts[0] == verdicts[1]
    assert {None, "Seen", "All of a check"} == set(verdicts[0].accepted)
    for most in (sarif_module.MAX_RESULTS, 30, 3):
        monkeypatch.setattr(sarif_module, "MAX_RESULTS", most)
        assert sarif(parted, verdicts[0]) == sarif(whole, verdicts[1])
    assert annotations(parted, verdicts[0]) == annotations(whole, verdicts[1])


def test_what_changed_is_the_same(both):
    whole, parted = both
    older = Record(whole.facts, whole.table.slice(20), whole.threads, whole.messages.slice(5))
    one, other = difference(older, parted), difference(older, whole)
    for name in ("new", "fixed", "unchanged", "added", "removed", "changed"):
        assert same(getattr(one, name), getattr(other, name))
    assert (one.untold, one.n_same) == (other.untold, other.n_same)
    assert one.added.num_rows == 5


def test_the_redacted_record_is_the_same(both, monkeypatch):
    whole, parted = both
    fewer = redacted(parted)
    monkeypatch.setattr(large_tables, "LARGE", 1 << 30)
    for name in ("table", "threads", "messages"):
        assert same(getattr(fewer, name), getattr(redacted(whole), name))
    assert pages(fewer) == pages(redacted(whole))


def test_the_sample_is_the_same(both):
    whole, parted = both
    drawn = sample.draw(parted, "near_duplicates", 40, 1)
    assert drawn == sample.draw(whole, "near_duplicates", 40, 1)
    drawn_rows = np.array([each.row for each in drawn])
    said = [sample._summaries(record, "near_duplicates", drawn_rows) for record in (parted, whole)]
    assert said[0] == said[1] != {}


def test_a_large_record_is_written_in_pieces_and_read_from_a_file_that_nobody_else_sees(both, tmp_path, monkeypatch):
    whole, parted = both
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    parted.write(tmp_path / "o")
    assert pq.ParquetFile(tmp_path / "o" / "findings.parquet").num_row_groups == -(-whole.table.num_rows // PIECE)
    again = Record.read(tmp_path / "o")
    for name in ("table", "threads", "messages"):
        assert same(getattr(again, name), getattr(whole, name))
        assert getattr(again, name).column(0).num_chunks > 5
    assert pages(again) == pages(whole)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_large_record_that_was_cut_short_is_refused_with_a_way_out(both, tmp_path):
    _, parted = both
    parted.write(tmp_path / "o")
    path = tmp_path / "o" / "findings.parquet"
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes(300) + whole[400:])
    with pytest.raises(ValueError, match=r"could not be read .*Run the audit again"):
        Record.read(tmp_path / "o")


def test_a_row_group_has_no_more_words_than_rows(tmp_path, monkeypatch):
    record = marked(tmp_path, *["warning"] * 30)
    monkeypatch.setattr(record_module, "PIECE", 10)
    record.write(tmp_path / "o")
    kept = pq.ParquetFile(tmp_path / "o" / "messages.parquet")
    sizes = [len(kept.read_row_group(k)["tree_id"].chunk(0).dictionary) for k in range(kept.num_row_groups)]
    assert sizes == [10, 10, 10]
    assert same(Record.read(tmp_path / "o").messages, record.messages)


def test_an_empty_record_is_written_and_shown(tmp_path):
    record = audit(tmp_path, [message("a")], Marks())
    empty = Record(record.facts, record.table.slice(0, 0), record.threads.slice(0, 0), record.messages.slice(0, 0))
    empty.write(tmp_path / "o")
    again = Record.read(tmp_path / "o")
    assert [table.num_rows for table in (again.table, again.threads, again.messages)] == [0, 0, 0]
    assert pages(again) == pages(empty)


def test_words_have_numbers_in_the_order_in_which_they_came():
    column = pa.chunked_array([["b", None, "a"], ["a", "c"]])
    for each in (column, pa.chunked_array([chunk.dictionary_encode() for chunk in column.chunks])):
        coded = Coded(each)
        assert coded.words == ["b", "a", "c"]
        assert coded.codes.tolist() == [0, -1, 1, 1, 2]
        assert coded.are("a").tolist() == [False, False, True, True, False]
        assert not coded.are("d").any()
        assert is_in(each, ["a", "d"]).tolist() == [False, False, True, True, False]


def test_equal_words_have_equal_digests_and_null_has_none():
    words = ["b", None, "a", "b", None]
    plain = column_digests(pa.chunked_array([words[:2], words[2:]], pa.string()))
    coded = [pa.array(part, pa.string()).dictionary_encode() for part in (words[:2], words[2:])]
    assert column_digests(pa.chunked_array(coded)).tolist() == plain.tolist()
    numbers = numbered(plain).tolist()
    assert numbers[0] == numbers[3] != numbers[2]
    assert sorted(set(numbers)) == [-1, 0, 1]
    assert numbered(plain[:0]).tolist() == []
    assert sorted(numbered(plain[[0, 2]]).tolist()) == [0, 1]


def test_of_equal_keys_the_first_row_is_found():
    keys = Keys(np.array([5, 3, 5, 9]))
    assert keys.rows(np.array([9, 5, 4, 3, 10, 5])).tolist() == [3, 0, -1, 1, -1, 0]
    assert Keys(np.zeros(0, dtype=np.int64)).rows(np.array([1])).tolist() == [-1]
    assert keys.rows(np.zeros(0, dtype=np.int64)).tolist() == []


def test_of_findings_with_two_facets_both_values_are_found(monkeypatch):
    monkeypatch.setattr(large_tables, "PIECE", 3)
    facets = [
        [("a", "1"), ("b", "2")],
        [("a", "3")],
        [],
        [("b", "4"), ("c", "7"), ("a", "5"), ("a", "6")],
        [("a", None)],
    ]
    table = pa.table({"facets": pa.array(facets, FINDINGS.field("facets").type)})
    found = [[part.tolist() if k == 0 else part.to_pylist() for k, part in enumerate(parts)]
             for parts in figures.by_two_facets(table, "a", "b")]  # fmt: skip
    assert found == [[[0], ["1"], ["2"]], [[3], ["5"], ["4"]]]


def test_a_table_on_disk_outlives_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    table = pa.table({"a": ["x", "y"] * 50})
    kept = on_disk(table.to_batches(max_chunksize=30), table.schema)
    assert list(tmp_path.iterdir()) == []
    assert kept.equals(table)
