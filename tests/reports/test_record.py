import json

import pandas as pd
import pytest
from building import audit, message, uid
from chataudit import Record
from chataudit.checks.base.findings import FINDINGS
from chataudit.reports.html import pages


@pytest.fixture
def record(tmp_path):
    (tmp_path / "in").mkdir()
    return audit(tmp_path / "in", [message("a"), message("b", "a", role="prompter", lang="de")])


def test_a_record_comes_back_from_disk_as_it_was(record, tmp_path):
    record.write(tmp_path / "o", pages(record))
    again = Record.read(tmp_path / "o")
    assert again.facts == record.facts
    assert again.table.equals(record.table)
    assert again.table.schema.equals(FINDINGS)


def test_the_record_says_what_was_read_judged_and_found(record):
    facts = record.facts
    (source,) = facts.sources
    assert (source.format, source.records, source.errors) == ("oasst_messages", 2, [])
    assert len(source.sha256) == 64
    assert (facts.messages, facts.trees) == (2, 1)
    check = next(check for check in facts.checks if check.name == "schema_invariants")
    assert check.judged == 2
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
    names = "benchmark_leakage, lang_mismatch, near_duplicates, prompt_parroting, schema_invariants"
    with pytest.raises(LookupError, match=f"'parroting' was not run; there are {names}"):
        record.findings("parroting")


def test_a_record_of_another_version_is_refused_with_a_way_out(record, tmp_path):
    record.write(tmp_path / "o", {})
    path = tmp_path / "o" / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 99}))
    with pytest.raises(ValueError, match=r"is of version 99; this chataudit reads 3\. Run the audit again"):
        Record.read(tmp_path / "o")


@pytest.mark.parametrize("name", ["record.json", "findings.parquet"])
def test_a_record_that_was_cut_short_is_refused_with_a_way_out(record, tmp_path, name):
    record.write(tmp_path / "o", {})
    path = tmp_path / "o" / name
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ValueError, match=r"could not be read .*Run the audit again"):
        Record.read(tmp_path / "o")


def test_a_folder_without_a_record_is_no_audit(tmp_path):
    with pytest.raises(LookupError, match=r"holds no record\.json"):
        Record.read(tmp_path)


def test_what_fails_while_it_is_written_leaves_nothing_behind(record, tmp_path, monkeypatch):
    def full(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full)
    with pytest.raises(OSError, match="No space left"):
        record.write(tmp_path / "o", {})
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_file_is_no_folder_to_write_to(record, tmp_path):
    (tmp_path / "o").write_text("mine")
    with pytest.raises(FileExistsError):
        record.write(tmp_path / "o", {}, replace=True)
    assert (tmp_path / "o").read_text() == "mine"
