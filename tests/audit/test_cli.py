import json
import os
import subprocess
import sys

import pytest
from building import message, uid, write
from chataudit.audit.cli import app
from chataudit.audit.formats import FORMATS
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
        "record.json",
        "report.html",
    ]
    assert "2 messages in 1 tree" in done.output
    assert "role_alternation" in done.output
    assert (
        "oasst_messages, records hold message_id, parent_id, message_tree_id, role, text (2 of the first 2)"
        in done.output
    )


def test_a_second_run_writes_over_nothing(call, data, tmp_path):
    call("run", data)
    first = (tmp_path / "data.jsonl.audit" / "record.json").read_bytes()
    call("run", data)
    assert (tmp_path / "data.jsonl.audit" / "record.json").read_bytes() == first
    assert (tmp_path / "data.jsonl.audit-2" / "record.json").exists()


def test_a_folder_that_holds_something_is_left_alone_and_nothing_is_read(call, data, tmp_path):
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


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: no such file. Name a file, a folder, a glob"),
        (["data.jsonl", "--checks", "near_dups"], "no check 'near_dups'; there are "),
        (["data.jsonl", "--format", "xml"], f"no format 'xml'; there are {', '.join(FORMATS)}"),
        (["data.jsonl", "--engine", "spark"], "engine 'spark'; expected one of auto, serial, threads"),
        (["data.jsonl", "--workers", "0"], "workers: 0 is below 1"),
        (["data.jsonl", "--memory", "lots"], "memory 'lots'; expected a size such as 500MB or 2GB"),
        (["data.jsonl", "--config", "no.toml"], "no.toml: no such file"),
    ],
)
def test_what_the_user_got_wrong_is_one_line_and_exit_code_2(call, data, words, told):
    done = call("run", *words)
    assert done.exit_code == 2
    assert told in done.output
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
    from chataudit.checks.schema_invariants import SchemaInvariants

    def scan(self, batch):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(SchemaInvariants, "scan", scan)
    done = call("run", data, "--out", "o", "--engine", "serial")
    assert done.exit_code == 4
    assert (
        "The check schema_invariants did not finish: ZeroDivisionError" in (tmp_path / "o" / "report.html").read_text()
    )


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
    words = [sys.executable, "-m", "chataudit.audit.cli", "run", "-", "--out", "o"]
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
    words = [sys.executable, "-m", "chataudit.audit.cli", "run", str(data), "-q"]
    subprocess.run(words, cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": str(tmp_path)})


def test_report_makes_the_page_again_from_the_record_alone(call, data, tmp_path):
    call("run", data, "--out", "o")
    page = tmp_path / "o" / "report.html"
    before = page.read_text()
    page.unlink()
    data.unlink()
    assert call("report", "o").exit_code == 0
    assert page.read_text() == before


def test_report_of_a_folder_without_an_audit_says_what_it_expected(call, tmp_path):
    done = call("report", tmp_path)
    assert done.exit_code == 2
    assert "holds no record.json; expected the folder that an audit wrote" in done.output


def test_demo_audits_a_release_that_breaks_every_rule(call, tmp_path):
    done = call("demo")
    assert done.exit_code == 0
    from chataudit.checks.schema_invariants import RULES

    assert all(name in done.output for name in RULES)
    assert call("demo", "-q").exit_code == 0
    assert (tmp_path / "chataudit-demo-2" / "audit" / "report.html").exists()


def test_checks_lists_checks_and_the_rules_and_settings_of_one(call):
    assert "schema_invariants: Hold every tree" in call("checks").output
    told = call("checks", "schema_invariants").output
    assert "role_alternation" in told
    assert "max_future_years = 2.0" in told
    assert call("checks", "nothing").exit_code == 2


def test_explain_tells_a_rule_and_names_near_ones(call):
    assert "A reply has the role of its parent." in call("explain", "schema_invariants/role_alternation").output
    assert "there are schema_invariants/role_alternation" in call("explain", "alternation").output


def test_version_is_printed(call):
    import chataudit

    assert call("--version").output == f"chataudit {chataudit.__version__}\n"


def test_finding_places_name_the_line(call, data, tmp_path):
    from chataudit import Record

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
        "chataudit: --split 'train'; expected NAME=PATH, such as train=data.jsonl\n",
    )


def test_the_benchmarks_that_are_known_are_listed(call):
    done = call("refs", "list")
    assert done.exit_code == 0
    assert any(line.split()[:3] == ["gsm8k", "1,319", "test"] for line in done.output.splitlines())
    assert "licence: MIT" in call("refs", "list", "gsm8k").output
    done = call("refs", "list", "gsm")
    assert (done.exit_code, done.output) == (2, "chataudit: no card 'gsm'; there are gsm8k, gsm8k_train, mgsm\n")


def test_missing_kernels_are_told_once(call, data, monkeypatch):
    from chataudit.checks.base import kernels

    monkeypatch.setattr(kernels, "COMPILED", False)
    assert call("run", data).output.count("no compiled kernels") == 1
