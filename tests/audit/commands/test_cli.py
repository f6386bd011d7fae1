import json
import os
import subprocess
import sys

import pytest
from building import message, uid, write
from cases import case
from chataudit import Record
from chataudit.audit.commands.app import app
from chataudit.audit.reading.formats import FORMATS
from chataudit.reports.record import VERSION
from typer.testing import CliRunner


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data.jsonl", [message("a"), message("b", "a", role="prompter")])


def test_run_writes_a_record_findings_and_a_report_beside_the_caller(call, data, tmp_path):
    done = call("run", data)
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in (tmp_path / "data.jsonl.audit").iterdir()) == [
        "findings.parquet",
        "messages.parquet",
        "record.json",
        "report.html",
        "summary.md",
        "threads.parquet",
    ]
    assert "2 messages in 1 tree" in done.output
    assert "role_alternation" in done.output
    assert "oasst_messages, records have message_id, parent_id, message_tree_id, role, text" in done.output
    assert "(2 records examined, all match)" in done.output


def test_a_second_run_overwrites_nothing(call, data, tmp_path):
    call("run", data)
    first = (tmp_path / "data.jsonl.audit" / "record.json").read_bytes()
    call("run", data)
    assert (tmp_path / "data.jsonl.audit" / "record.json").read_bytes() == first
    assert (tmp_path / "data.jsonl.audit-2" / "record.json").exists()


def test_a_folder_that_is_not_empty_is_refused_before_anything_is_read(call, data, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years of work")
    for words in [("--out", "mine"), ("--out", "mine", "--overwrite")]:
        done = call("run", data, *words)
        assert done.exit_code == 2
        assert "mine is not empty" in done.output
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_overwrite_replaces_an_audit_and_keeps_what_else_is_there(call, data, tmp_path):
    call("run", data, "--out", "o")
    (tmp_path / "o" / "notes.txt").write_text("mine")
    assert call("run", data, "--out", "o").exit_code == 2
    assert call("run", data, "--out", "o", "--overwrite").exit_code == 0
    assert (tmp_path / "o" / "notes.txt").read_text() == "mine"


def test_errors_of_the_user_are_one_line_and_exit_code_2(call, data):
    for words, expected in [
        (["nowhere.jsonl"], "nowhere.jsonl: no such file. Pass a file, folder, quoted glob"),
        (
            ["data.jsonl", "--checks", "near_dups"],
            "'near_dups' is not a check. Did you mean 'near_duplicates'? Available: ",
        ),
        (["data.jsonl", "--format", "xml"], f"unknown format 'xml'. Available: {', '.join(FORMATS)}"),
        (["data.jsonl", "--engine", "spark"], "unknown engine 'spark'. Available: auto, serial, threads"),
        (["data.jsonl", "--workers", "0"], "workers: 0 is below 1"),
        (["data.jsonl", "--memory", "lots"], "memory 'lots'; expected a size such as 500MB or 2GB"),
        (["data.jsonl", "--config", "no.toml"], "no.toml: no such file"),
    ]:
        with case(words, expected):
            done = call("run", *words)
            assert done.exit_code == 2
            assert expected in done.output
            assert "Traceback" not in done.output
            assert sum("chataudit: " in line for line in done.output.splitlines()) == 1


def test_a_source_that_cannot_be_read_to_its_end_is_exit_code_3_with_a_record(call, data, tmp_path):
    import gzip

    whole = gzip.compress(data.read_bytes())
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[:-9])
    done = call("run", "cut.jsonl.gz", "--out", "o")
    assert done.exit_code == 3
    assert "cut.jsonl.gz: the gzip stream ends early" in done.output
    record = json.loads((tmp_path / "o" / "record.json").read_text())
    assert record["sources"][0]["errors"] == ["cut.jsonl.gz: the gzip stream ends early; fetch the file again"]
    assert "cut.jsonl.gz: the gzip stream ends early" in (tmp_path / "o" / "report.html").read_text()


def test_a_check_that_fails_is_exit_code_4_with_a_record(call, data, tmp_path, monkeypatch):
    from chataudit.checks.schema_invariants.check import SchemaInvariants

    def scan(self, batch):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(SchemaInvariants, "scan", scan)
    done = call("run", data, "--out", "o", "--engine", "serial")
    assert done.exit_code == 4
    assert (
        "The check schema_invariants did not finish: ZeroDivisionError" in (tmp_path / "o" / "report.html").read_text()
    )


@pytest.mark.parametrize("words", [(), ("--overwrite",)])
def test_an_error_in_a_page_leaves_the_record(call, data, tmp_path, monkeypatch, words):
    def fail(*_args, **_more):
        raise RuntimeError("no page")

    monkeypatch.setattr("chataudit.audit.commands.run.pages", fail)
    done = call("run", data, "--out", "o", "-q", *words)
    assert isinstance(done.exception, RuntimeError)
    assert set(files(tmp_path / "o")) == {"record.json", "findings.parquet", "threads.parquet", "messages.parquet"}
    assert Record.read(tmp_path / "o").table.num_rows == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_quiet_prints_nothing(call, data):
    assert call("run", data, "--quiet").output == ""


def test_no_word_of_the_data_is_printed_but_places_and_ids(call, tmp_path):
    write(
        tmp_path / "data.jsonl",
        [message("a", text="SECRET \x07"), '{"message_id": "SECRET', message("b", "c", text="SECRET")],
    )
    assert "SECRET" not in call("run", "data.jsonl").output


def test_a_file_name_cannot_colour_or_steer_the_terminal(call, tmp_path):
    name = "a[red]b\x1b[31m.jsonl"
    write(tmp_path / name, [message("a", role="assistant")])
    done = call("run", name)
    assert done.exit_code == 0
    assert "\x1b[31m" not in done.output
    assert "a[red]b" in done.output


def test_standard_input_is_a_source(data, tmp_path):
    words = [sys.executable, "-m", "chataudit", "run", "-", "--out", "o"]
    with data.open("rb") as stdin:
        done = subprocess.run(words, stdin=stdin, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "<stdin>: oasst_messages" in done.stderr
    assert json.loads((tmp_path / "o" / "record.json").read_text())["messages"] == 2


def test_a_users_own_folders_of_the_same_names_are_not_imported(data, tmp_path):
    for name in ("audit", "checks", "reports"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('mine')")
    (tmp_path / "audit.py").write_text("raise RuntimeError('mine')")
    words = [sys.executable, "-m", "chataudit", "run", str(data), "-q"]
    subprocess.run(words, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def audited(call, data, tmp_path):
    """Return the folder of an audit, whose data are gone."""
    call("run", data, "--out", "o", "--checks", "schema_invariants", "-q")
    data.unlink()
    return tmp_path / "o"


def test_report_makes_the_pages_again_from_the_record_alone(call, audited):
    before = files(audited)
    (audited / "report.html").unlink()
    (audited / "summary.md").write_text("gone")
    done = call("report", "o")
    assert (done.exit_code, done.output) == (0, "o/report.html\no/summary.md\n")
    assert files(audited) == before


def test_report_redacts_into_a_folder_beside_the_audit_and_over_nothing(call, audited, tmp_path):
    before = files(audited)
    for name in ("o-redacted", "o-redacted-2"):
        done = call("report", "o", "--redact")
        folder = tmp_path.resolve() / name
        assert (done.exit_code, done.output) == (0, f"{folder}/report.html\n{folder}/summary.md\n")
        assert set(files(folder)) == set(before)
        assert uid("b") not in str(Record.read(folder).table.to_pylist())
        assert json.loads((folder / "record.json").read_text())["is_redacted"]
    assert files(tmp_path / "o-redacted") == files(tmp_path / "o-redacted-2")
    assert uid("b") in str(Record.read(audited).table.to_pylist())
    assert files(audited) == before
    assert [path for path in audited.iterdir() if path.is_dir()] == []


def test_redaction_overwrites_no_folder_or_file_of_that_name(call, audited, tmp_path):
    (tmp_path / "o-redacted").mkdir()
    (tmp_path / "o-redacted" / "thesis.tex").write_text("years of work")
    (tmp_path / "o-redacted-2").write_text("mine")
    assert call("report", "o", "--redact").exit_code == 0
    assert files(tmp_path / "o-redacted") == {"thesis.tex": b"years of work"}
    assert (tmp_path / "o-redacted-2").read_text() == "mine"
    assert Record.read(tmp_path / "o-redacted-3").facts.is_redacted


def test_an_audit_is_redacted_beside_it_from_within_its_folder_too(call, audited, tmp_path, monkeypatch):
    monkeypatch.chdir(audited)
    before = files(audited)
    assert call("report", ".", "--redact").exit_code == 0
    assert files(audited) == before
    assert Record.read(tmp_path / "o-redacted").facts.is_redacted


def test_report_compares_an_audit_with_a_baseline(call, audited, tmp_path):
    write(tmp_path / "old.jsonl", [message("a"), message("b", "a")])
    call("run", "old.jsonl", "--out", "old", "--checks", "schema_invariants", "-q")
    assert call("report", "o", "--baseline", "old").exit_code == 0
    words = "2 new, 0 known, 0 fixed since the baseline"
    assert words in (audited / "report.html").read_text()
    assert words in (audited / "summary.md").read_text()
    call("report", "o")
    assert words not in (audited / "report.html").read_text()


def test_report_opens_the_page_in_a_browser_if_asked(call, audited, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert call("report", "o").exit_code == 0
    assert opened == []
    assert call("report", "o", "--open").exit_code == 0
    assert opened == [f"file://{audited.resolve()}/report.html"]


def test_report_prints_its_path_where_there_is_no_browser(call, audited, monkeypatch):
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    done = call("report", "o", "--open")
    assert (done.exit_code, "chataudit: no browser could be opened" in done.output) == (0, True)


def test_bad_limits_of_the_page_are_refused_and_nothing_is_written(call, audited):
    for words, expected in [
        (["--max-report-mb", "0.5"], "max_report_mb: 0.5; expected 1 to 1000 (an empty report is 0.2 MB)"),
        (["--max-report-findings", "-1"], "max_report_findings: -1 is below 0"),
        (["--baseline", "nowhere"], "nowhere: contains no record.json; expected the folder that an audit wrote"),
    ]:
        for command in ["report", "run"]:
            with case(words, expected, command):
                before = files(audited)
                done = call(command, "o" if command == "report" else "record.json", *words)
                assert (done.exit_code, done.output) == (2, f"chataudit: {expected}\n")
                assert files(audited) == before


def test_report_shows_no_more_findings_than_it_may(call, audited):
    call("report", "o", "--max-report-findings", "1")
    shown = "Left out: the 1 mildest finding of schema_invariants, as the page shows 1 of each check"
    assert shown in (audited / "report.html").read_text()


@pytest.mark.parametrize(
    "words", [["report", "o"], ["report", "p", "--baseline", "o"], ["run", "x", "--baseline", "o"]]
)
def test_a_record_of_another_version_is_refused_in_one_line(call, audited, tmp_path, words):
    (tmp_path / "p").mkdir()
    for name, content in files(audited).items():
        (tmp_path / "p" / name).write_bytes(content)
    path = audited / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 3}))
    done = call(*words)
    shown = f"chataudit: o/record.json: version 3; this chataudit reads version {VERSION}. Run the audit again\n"
    assert (done.exit_code, done.output) == (2, shown)


def test_run_redacts_if_asked(call, data, tmp_path):
    assert call("run", data, "--out", "o", "--redact", "--checks", "schema_invariants").exit_code == 0
    record = Record.read(tmp_path / "o")
    assert record.facts.is_redacted
    assert [source.name for source in record.facts.sources] == ["data.jsonl"]
    assert record.table.num_rows == 2
    shown = str(record.table.to_pylist()) + str(record.threads.to_pylist())
    assert uid("b") not in shown
    assert str(tmp_path) not in shown


def test_run_counts_new_known_and_fixed_findings_against_a_baseline(call, audited, tmp_path):
    write(tmp_path / "new.jsonl", [message("a", role="assistant"), message("b", "a", role="prompter")])
    done = call("run", "new.jsonl", "--baseline", "o", "--checks", "schema_invariants,near_duplicates")
    # Known: unanswered_thread; new: root_role; gone: role_alternation.
    assert "1 new, 1 known, 1 fixed since the baseline" in done.output
    assert "Not in the baseline." in done.output
    assert "1 new, 1 known, 1 fixed since the baseline" in (tmp_path / "new.jsonl.audit" / "summary.md").read_text()


def test_limits_of_the_page_are_settings_and_options_take_precedence(call, audited, tmp_path):
    (tmp_path / "chataudit.toml").write_text("[run]\nmax_report_mb = 0.5\nmax_report_findings = 1\n")
    done = call("report", "o")
    assert (done.exit_code, "max_report_mb: 0.5; expected 1 to 1000" in done.output) == (2, True)
    assert call("report", "o", "--max-report-mb", "2").exit_code == 0
    assert "the page shows 1 of each check" in (audited / "report.html").read_text()
    assert call("report", "o", "--max-report-mb", "2", "--max-report-findings", "9").exit_code == 0
    assert "the page holds" not in (audited / "report.html").read_text()


def test_run_keeps_to_the_settings_of_the_page_too(call, data, tmp_path):
    (tmp_path / "chataudit.toml").write_text("[run]\nmax_report_mb = 0.5\n")
    done = call("run", data)
    assert (done.exit_code, "max_report_mb: 0.5; expected 1 to 1000" in done.output) == (2, True)
    assert not (tmp_path / "data.jsonl.audit").exists()


def test_report_of_a_folder_without_an_audit_names_what_it_expected(call, tmp_path):
    done = call("report", tmp_path)
    assert done.exit_code == 2
    assert "contains no record.json; expected the folder that an audit wrote" in done.output


def test_demo_audits_a_release_that_breaks_every_rule(call, tmp_path):
    done = call("demo")
    assert done.exit_code == 0
    from chataudit.checks.schema_invariants.rules import RULES

    assert all(rule.name in done.output for rule in RULES)
    assert call("demo", "-q").exit_code == 0
    assert (tmp_path / "chataudit-demo-2" / "audit" / "report.html").exists()


def test_checks_lists_checks_and_the_rules_and_settings_of_one(call):
    assert ["schema_invariants", "Report", "trees,"] in [
        line.split()[:3] for line in call("checks").output.splitlines()
    ]
    shown = call("checks", "schema_invariants").output
    assert "role_alternation" in shown
    assert "max_future_years = 2.0" in shown
    assert call("checks", "nothing").exit_code == 2


def test_explain_shows_a_rule_or_suggests_similar_ones(call):
    assert "Reply has the same role as its parent." in call("explain", "schema_invariants/role_alternation").output
    assert (
        "Did you mean schema_invariants/role_alternation? See `chataudit checks NAME`"
        in call("explain", "alternation").output
    )


def test_version_is_printed(call):
    import chataudit

    assert call("--version").output == f"chataudit {chataudit.__version__}\n"


def test_finding_places_name_the_line(call, data, tmp_path):
    call("run", data, "--out", "o")
    frame = Record.read(tmp_path / "o").findings("schema_invariants")
    row = frame[frame.rule == "schema_invariants/role_alternation"].iloc[0]
    assert (row.message_id, row.source, row.line) == (uid("b"), str(data), 2)


def test_splits_are_named_on_the_command_line(call, tmp_path):
    words = "Yeast eats sugar and breathes out gas and the dough traps it until the bread is baked"
    for name in ("one", "two"):
        write(tmp_path / f"{name}.jsonl", [{"id": name, "text": words}])
    done = call("run", "--split", "train=one.jsonl", "--split", "test=two.jsonl", "--checks", "near_duplicates")
    assert done.exit_code == 0, done.output
    assert "cross_split" in done.output
    assert (tmp_path / "one.jsonl.audit" / "report.html").exists()


def test_a_split_without_a_path_is_refused(call):
    done = call("run", "--split", "train")
    assert (done.exit_code, done.output) == (
        2,
        "chataudit: --split 'train'; expected NAME=PATH, e.g. train=data.jsonl\n",
    )


def test_the_benchmarks_that_are_known_are_listed(call):
    done = call("refs", "list")
    assert done.exit_code == 0
    assert any(line.split()[:3] == ["gsm8k", "1,319", "test"] for line in done.output.splitlines())
    assert "licence: MIT" in call("refs", "list", "gsm8k").output
    done = call("refs", "list", "gsm")
    assert (done.exit_code, done.output) == (
        2,
        "chataudit: unknown benchmark 'gsm'. Did you mean gsm8k, gsm8k_train, mgsm? See `chataudit refs list`\n",
    )


def test_missing_kernels_are_reported_once(call, data, monkeypatch):
    from chataudit.checks.base import kernels

    monkeypatch.setattr(kernels, "COMPILED", False)
    assert call("run", data).output.count("no compiled kernels") == 1


def test_clean_prints_either_policy_and_needs_no_audit_for_it(call):
    for words, line in [
        (["--print-policy"], "keep_unique = true"),
        (["--print-policy", "--policy", "strict"], "keep_unique = false"),
        (["--policy", "strict", "--print-policy"], "keep_unique = false"),
    ]:
        with case(words):
            done = call("clean", *words)
            assert (done.exit_code, line in done.output.splitlines()) == (0, True)


def test_a_dry_run_of_clean_writes_nothing_and_without_it_a_folder_is_needed(call, data, tmp_path):
    call("run", data, "--out", "audit")
    before = sorted(tmp_path.iterdir())
    done = call("clean", "audit", "--dry-run", "--policy", "strict")
    assert (done.exit_code, sorted(tmp_path.iterdir())) == (0, before)
    assert "dry run, nothing written: 1 of 2 messages kept, 1 dropped" in done.output
    assert "schema_invariants/role_alternation: 1 message; text found nowhere else: 1" in done.output
    done = call("clean", "audit")
    assert (done.exit_code, "--out is missing" in done.output) == (2, True)
    done = call("clean", "audit", "--policy", "strct", "--dry-run")
    assert (done.exit_code, "strct: no such file. Expected default, strict" in done.output) == (2, True)
