import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from building import audit, message, pages, uid
from chataudit import Record
from chataudit.checks.base.findings import FINDINGS
from chataudit.reports.files import write_pages
from chataudit.reports.record import THREADS, VERSION


@pytest.fixture
def record(tmp_path):
    (tmp_path / "in").mkdir()
    return audit(tmp_path / "in", [message("a"), message("b", "a", role="prompter", lang="de")])


def test_a_record_comes_back_from_disk_as_it_was(record, tmp_path):
    record.write(tmp_path / "o")
    again = Record.read(tmp_path / "o")
    assert again.facts == record.facts
    assert again.table.equals(record.table)
    assert again.table.schema.equals(FINDINGS)
    assert again.threads.equals(record.threads)
    assert again.threads.schema.equals(THREADS)
    assert record.threads.num_rows == 2
    assert again.messages.equals(record.messages)


def test_the_record_contains_what_was_read_checked_and_found(record):
    facts = record.facts
    (source,) = facts.sources
    assert (source.format, source.records, source.errors) == ("oasst_messages", 2, [])
    assert len(source.sha256) == 64
    assert (facts.messages, facts.trees) == (2, 1)
    check = next(check for check in facts.checks if check.name == "schema_invariants")
    assert check.checked == 2
    assert check.skipped == {}
    assert {(c.lang, c.role, c.messages) for c in check.coverage} == {("en", "prompter", 1), ("de", "prompter", 1)}
    assert {r.id: r.findings for r in check.rules if r.findings} == {
        "schema_invariants/role_alternation": 1,
        "schema_invariants/unanswered_thread": 1,
    }
    assert check.settings["filtered_export"] is False
    assert {"pyarrow", "numpy"} <= set(facts.dependencies)


def test_findings_are_a_data_frame(record):
    frame = record.findings("schema_invariants")
    assert isinstance(frame, pd.DataFrame)
    assert frame["message_id"].tolist() == [uid("b"), uid("b")]
    assert frame["facets"][0] == {"role": "prompter"}
    names = ", ".join(check.name for check in record.facts.checks)
    with pytest.raises(LookupError, match=f"'parroting' was not run; there are {names}"):
        record.findings("parroting")


def test_a_record_of_another_version_is_refused_with_a_way_out(record, tmp_path):
    record.write(tmp_path / "o")
    path = tmp_path / "o" / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(ValueError, match=rf"version 99; this chataudit reads version {VERSION}\. Run the audit again"):
        Record.read(tmp_path / "o")


@pytest.mark.parametrize("name", ["record.json", "findings.parquet", "threads.parquet", "messages.parquet"])
def test_a_record_that_was_cut_short_is_refused_with_a_way_out(record, tmp_path, name):
    record.write(tmp_path / "o")
    path = tmp_path / "o" / name
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"could not be read .*Run the audit again"):
        Record.read(tmp_path / "o")


@pytest.mark.parametrize("name", ["findings", "threads", "messages"])
def test_a_record_without_one_of_its_tables_is_refused_with_a_way_out(record, tmp_path, name):
    record.write(tmp_path / "o")
    (tmp_path / "o" / f"{name}.parquet").unlink()
    with pytest.raises(ValueError, match=rf"{name}\.parquet: could not be read .*Run the audit again"):
        Record.read(tmp_path / "o")


def test_a_table_with_other_columns_is_refused_with_a_way_out(record, tmp_path):
    record.write(tmp_path / "o")
    pq.write_table(record.threads, tmp_path / "o" / "findings.parquet")
    with pytest.raises(ValueError, match=r"has other columns than this chataudit writes\. Run the audit again"):
        Record.read(tmp_path / "o")


def test_a_record_with_a_day_that_no_calendar_has_is_still_shown(tmp_path):
    record = audit(tmp_path, [message("a", created_date="9999-12-31T23:59:59Z"), message("b", "a")])
    assert record.facts.days == {"2023-02-07": 1, "9999-12-31": 1}
    assert "report.html" in pages(record)


def test_a_message_of_the_year_0_is_shown_too(tmp_path):
    assert "report.html" in pages(audit(tmp_path, [message("a", created_date="0000-06-01T00:00:00Z")]))


def test_shape_and_days_cover_all_messages(record):
    assert [(shape.role, shape.depth, shape.messages) for shape in record.facts.shape] == [
        ("prompter", 0, 1),
        ("prompter", 1, 1),
    ]
    assert record.facts.days == {"2023-02-07": 2}
    assert {(c.lang, c.role, c.messages) for c in record.facts.census} == {("en", "prompter", 1), ("de", "prompter", 1)}


def test_a_record_is_written_without_pages_and_leaves_those_that_are_there(record, tmp_path):
    record.write(tmp_path / "o")
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == [
        "findings.parquet",
        "messages.parquet",
        "record.json",
        "threads.parquet",
    ]
    write_pages(tmp_path / "o", {"report.html": "old"})
    with pytest.raises(FileExistsError):
        record.write(tmp_path / "o")
    record.write(tmp_path / "o", replace=True)
    assert (tmp_path / "o" / "report.html").read_text() == "old"
    with pytest.raises(TypeError):
        record.write(tmp_path / "p", {"report.html": "new"})


def test_pages_are_written_whole_or_stay_as_they_were(record, tmp_path):
    write_pages(tmp_path, {"report.html": "old"})
    with pytest.raises(TypeError):
        write_pages(tmp_path, {"summary.md": "new", "report.html": None})
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {
        "report.html": "old",
        "summary.md": "new",
    }


def test_a_folder_without_a_record_is_no_audit(tmp_path):
    with pytest.raises(LookupError, match=r"contains no record\.json"):
        Record.read(tmp_path)


def test_what_fails_while_it_is_written_leaves_nothing_behind(record, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter", full)
    with pytest.raises(OSError, match="No space left"):
        record.write(tmp_path / "o")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_file_is_no_folder_to_write_to(record, tmp_path):
    (tmp_path / "o").write_text("mine")
    with pytest.raises(FileExistsError):
        record.write(tmp_path / "o", replace=True)
    assert (tmp_path / "o").read_text() == "mine"
