"""Commands on audits that were made: gate, diff and rates; what they print, write and exit with."""

import csv
import gzip
import json
import re
from html import unescape

import pytest
from building import message, uid, write
from cases import case
from chataudit import Record
from chataudit.audit.commands.app import app
from chataudit.checks.base.statistics.intervals import Stratum
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.rates import CITED, COUNTED
from chataudit.reports.record import VERSION, Judgement, write_judgements
from typer.testing import CliRunner

LIMIT = "[gate.schema_invariants]\nmax_count = {}\n"
HOSTILE = "<script>alert(1)</script><img src=x> [a](http://b) | @someone \u202e"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def rows(role="prompter", **more):
    """Return a prompt and its answer; by default with an error and a note."""
    return [message("a"), message("b", "a", role=role, **more)]


@pytest.fixture
def audited(call, tmp_path):
    """Return the folders of two audits: one with an error and a note, one without a fault."""
    for name, role in (("bad", "prompter"), ("good", "assistant")):
        write(tmp_path / f"{name}.jsonl", rows(role))
        assert call("run", f"{name}.jsonl", "--out", name, "--checks", "schema_invariants", "-q").exit_code == 0
    return tmp_path


def limits(folder, text):
    (folder / "chataudit.toml").write_text(text)


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(done):
    """Return the one line in which a command refused."""
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("chataudit: ")]
    return line.removeprefix("chataudit: ")


# -- gate --------------------------------------------------------------------------------------------------------------


def test_gate_exits_with_0_where_limits_are_met_and_with_1_where_one_is_exceeded(call, audited):
    before = files(audited / "bad")
    limits(audited, LIMIT.format(1))
    done = call("gate", "bad")
    assert (done.exit_code, done.output) == (
        0,
        "\nGate passed: 1 limit met\nmet       schema_invariants: 1 finding, within the limit of 1\n",
    )
    limits(audited, LIMIT.format(0) + "[gate.all]\nmax_rate = 1\n")
    done = call("gate", "bad")
    assert done.exit_code == 1
    assert done.output.splitlines()[1:3] == [
        "Gate failed: 1 of 2 limits exceeded",
        "exceeded  schema_invariants: 1 finding, above the limit of 0",
    ]
    assert files(audited / "bad") == before


def test_gate_needs_neither_the_data_nor_the_pages(call, audited):
    for name in ("bad.jsonl", "bad/report.html", "bad/summary.md"):
        (audited / name).unlink()
    limits(audited, LIMIT.format(0))
    assert call("gate", "bad").exit_code == 1


def test_settings_baseline_and_accepted_findings_can_be_named(call, audited):
    (audited / "ci").mkdir()
    (audited / "ci" / "c.toml").write_text("[gate.schema_invariants]\nmax_new = 0\n")
    accepted = '[[suppress]]\nreason = "known"\nexpires = 9999-12-31\nrule = "schema_invariants/role_alternation"\n'
    (audited / "s.toml").write_text(accepted)
    words = ("gate", "bad", "--config", "ci/c.toml")
    done = call(*words, "--baseline", "good")
    assert (done.exit_code, "1 new finding, above the limit of 0" in done.output) == (1, True)
    done = call(*words, "--baseline", "bad")
    assert (done.exit_code, "0 new findings, within the limit of 0" in done.output) == (0, True)
    done = call(*words, "--baseline", "good", "--suppress", "s.toml")
    assert (done.exit_code, "1 accepted finding not counted" in done.output) == (0, True)


def test_the_baseline_of_the_settings_is_taken_where_the_command_names_none(call, audited):
    limits(audited, '[gate]\nbaseline = "bad"\n[gate.all]\nmax_new = 0\n')
    assert call("gate", "bad").exit_code == 0
    assert call("gate", "bad", "--baseline", "good").exit_code == 1


def test_an_expired_suppression_is_reported_and_its_findings_count_again(call, audited):
    limits(audited, LIMIT.format(0))
    accepted = '[[suppress]]\nreason = "a [red]b"\nexpires = 2020-01-31\nrule = "schema_invariants"\n'
    (audited / "s.toml").write_text(accepted)
    done = call("gate", "bad", "--suppress", "s.toml")
    assert done.exit_code == 1
    assert "A suppression expired on 2020-01-31; 2 findings count again: a [red]b" in done.output


def test_an_audit_that_is_not_complete_has_the_exit_code_of_its_run(call, audited):
    (audited / "cut.jsonl.gz").write_bytes(gzip.compress((audited / "bad.jsonl").read_bytes())[:-9])
    limits(audited, LIMIT.format(9))
    assert call("run", "cut.jsonl.gz", "--out", "cut", "--checks", "schema_invariants", "-q").exit_code == 3
    done = call("gate", "cut")
    assert done.exit_code == 3
    assert "Gate failed: the audit is incomplete; 0 of 1 limit exceeded" in done.output
    assert "cut.jsonl.gz: the gzip stream ends early" in done.output


def test_a_check_that_failed_is_exit_code_4_of_run_and_of_gate(call, audited, monkeypatch):
    def scan(self, batch):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(SchemaInvariants, "scan", scan)
    limits(audited, LIMIT.format(9))
    words = ("--out", "failed", "--checks", "schema_invariants", "--engine", "serial", "-q")
    assert call("run", "bad.jsonl", *words).exit_code == 4
    done = call("gate", "failed")
    assert done.exit_code == 4
    assert "unknown   schema_invariants: schema_invariants did not finish" in done.output


def test_unusable_limits_are_one_line_and_exit_code_2_and_nothing_is_written(call, audited):
    write(audited / "other.jsonl", [message("k", message_tree_id=uid("k"))])
    call("run", "other.jsonl", "--out", "other", "--checks", "schema_invariants", "-q")
    (audited / "bad.toml").write_text('[[suppress]]\nreason = "x"\nrule = "schema_invariants"\n')
    (audited / "mine.xml").write_text("mine")
    for toml, words, expected in [
        ("", [], "there is no limit. Set one, such as [gate.schema_invariants] max_rate = 0.01"),
        (
            "[gate.near_duplicates]\nmax_count = 0\n",
            [],
            "[gate.\"near_duplicates\"]: the audit ran no check 'near_duplicates'; it ran schema_invariants",
        ),
        (
            '[gate."schema_invariants/roles"]\nmax_count = 0\n',
            [],
            '[gate."schema_invariants/roles"]: schema_invariants has no such rule; it has role_alternation,',
        ),
        ("[gate.all]\nmax_new = 0\n", [], "max_new needs a baseline. Name an older audit: --baseline DIR, or [gate]"),
        ("[gate.all]\nmax_count = -1\n", [], "chataudit.toml: [gate.all] max_count: -1 is below 0"),
        (LIMIT.format(0), ["--baseline", "nowhere"], "nowhere: contains no record.json; expected the folder that"),
        (LIMIT.format(0), ["--baseline", "other"], "the baseline is of other data: no message is in both audits"),
        (LIMIT.format(0), ["--suppress", "no.toml"], "no.toml: no such file"),
        (
            LIMIT.format(0),
            ["--suppress", "bad.toml"],
            "bad.toml: [[suppress]] 1 Object missing required field `expires",
        ),
        (LIMIT.format(0), ["--config", "no.toml"], "no.toml: no such file"),
        (LIMIT.format(0), ["--junit", "no/j.xml"], "no/j.xml: there is no folder no"),
        (LIMIT.format(0), ["--junit", "mine.xml"], "mine.xml already exists. Name another file"),
        (LIMIT.format(0), ["--sarif", "mine.xml"], "mine.xml already exists. Name another file"),
    ]:
        with case(toml, words, expected):
            limits(audited, toml)
            before = files(audited)
            assert refused(call("gate", "bad", *words)).startswith(expected)
            assert files(audited) == before


def test_a_folder_without_an_audit_cannot_be_gated(call, audited):
    limits(audited, LIMIT.format(0))
    assert (
        refused(call("gate", "nowhere")) == "nowhere: contains no record.json; expected the folder that an audit wrote"
    )


def test_a_record_that_was_cut_short_is_refused(call, audited):
    limits(audited, LIMIT.format(0))
    for command in [["gate", "bad"], ["gate", "good", "--baseline", "bad"], ["diff", "bad", "good"]]:
        for name in ["record.json", "findings.parquet", "messages.parquet"]:
            with case(command, name):
                path = audited / "bad" / name
                whole = path.read_bytes()
                path.write_bytes(whole[:-50])
                error = refused(call(*command))
                path.write_bytes(whole)
                assert error.startswith(f"bad/{name}: could not be read (")
                assert error.endswith("Run the audit again")


def test_a_record_of_another_version_is_refused(call, audited):
    limits(audited, LIMIT.format(0))
    path = audited / "bad" / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 4}))
    expected = f"bad/record.json: version 4; this chataudit reads version {VERSION}. Run the audit again"
    for command in [["gate", "bad"], ["diff", "good", "bad"], ["rates", "bad"]]:
        with case(command):
            assert refused(call(*command)) == expected


def test_gate_writes_junit_and_sarif_if_it_passes_and_if_it_fails(call, audited):
    for code in [0, 1]:
        with case(code):
            limits(audited, LIMIT.format(1 - code))
            done = call("gate", "bad", "--junit", f"{code}.xml", "--sarif", f"{code}.sarif")
            assert done.exit_code == code
            assert f'failures="{code}"' in (audited / f"{code}.xml").read_text()
            assert json.loads((audited / f"{code}.sarif").read_text())["version"] == "2.1.0"


def test_older_files_are_replaced_where_that_is_asked_for(call, audited):
    limits(audited, LIMIT.format(1))
    (audited / "j.xml").write_text("mine")
    assert call("gate", "bad", "--junit", "j.xml", "--overwrite").exit_code == 0
    assert (audited / "j.xml").read_text().startswith("<?xml")


def test_of_two_files_none_is_written_where_one_cannot_be(call, audited):
    limits(audited, LIMIT.format(1))
    (audited / "s.sarif").write_text("mine")
    refused(call("gate", "bad", "--junit", "j.xml", "--sarif", "s.sarif"))
    assert not (audited / "j.xml").exists()


def test_gate_writes_annotations_and_the_step_summary_of_github(call, audited, monkeypatch):
    limits(audited, LIMIT.format(0))
    (audited / "step.md").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(audited / "step.md"))
    assert call("gate", "bad").exit_code == 1
    assert (audited / "step.md").read_text() == "before\n"
    done = call("gate", "bad", "--github")
    assert done.exit_code == 1
    assert (
        "::error title=Gate%3A schema_invariants::schema_invariants: 1 finding, above the limit of 0"
        in done.output.splitlines()
    )
    assert (audited / "step.md").read_text().startswith("before\n# Gate failed: 1 of 1 limit exceeded\n")


# -- run with limits ---------------------------------------------------------------------------------------------------

RUN = ("--checks", "schema_invariants", "--engine", "serial")


def test_run_applies_the_limits_of_the_settings_and_shows_the_verdict_everywhere(call, audited):
    limits(audited, LIMIT.format(0))
    done = call("run", "bad.jsonl", "--out", "o", *RUN)
    assert done.exit_code == 1
    words = ("Gate failed: 1 of 1 limit exceeded", "schema_invariants: 1 finding, above the limit of 0")
    page, summary = ((audited / "o" / name).read_text() for name in ("report.html", "summary.md"))
    assert f"**{words[0]}.**\n\n- **exceeded**: {words[1]}\n" in summary
    assert all(expected in text for expected in words for text in (done.output, page))
    limits(audited, LIMIT.format(1))
    assert call("run", "bad.jsonl", "--out", "p", *RUN).exit_code == 0
    assert "Gate passed: 1 limit met" in (audited / "p" / "report.html").read_text()


def test_without_limits_no_page_mentions_a_gate(call, audited):
    assert "Gate " not in (audited / "bad" / "report.html").read_text()
    assert "Gate " not in (audited / "bad" / "summary.md").read_text()


def test_a_quiet_run_fails_by_its_exit_code_alone(call, audited):
    limits(audited, LIMIT.format(0))
    done = call("run", "bad.jsonl", "--out", "o", "-q", *RUN)
    assert (done.exit_code, done.output) == (1, "")


def test_an_incomplete_audit_takes_precedence_over_an_exceeded_limit(call, audited):
    write(audited / "long.jsonl", [row for _ in range(200) for row in rows()])
    (audited / "cut.jsonl.gz").write_bytes(gzip.compress((audited / "long.jsonl").read_bytes())[:-9])
    limits(audited, LIMIT.format(0))
    done = call("run", "cut.jsonl.gz", "--out", "o", *RUN)
    assert done.exit_code == 3
    assert "Gate failed: the audit is incomplete; 1 of 1 limit exceeded" in done.output


def test_run_refuses_unusable_limits_before_anything_is_read(call, audited):
    for toml, words, expected in [
        ("[gate.near]\nmax_count = 0\n", [], "[gate.\"near\"]: the audit ran no check 'near'; it ran schema"),
        ("[gate.near_duplicates]\nmax_count = 0\n", [], '[gate."near_duplicates"]: the audit ran no check'),
        ('[gate."schema_invariants/x"]\nmax_count = 0\n', [], '[gate."schema_invariants/x"]: schema_invariants has no'),
        ("[gate.all]\nmax_new = 0\n", [], "max_new needs a baseline"),
        ('[gate]\nbaseline = "gone"\n[gate.all]\nmax_new = 0\n', [], "gone: contains no record.json"),
        (LIMIT.format(0), ["--baseline", "nowhere"], "nowhere: contains no record.json"),
        ('[gate]\nsuppress = "gone.toml"\n[gate.all]\nmax_count = 0\n', [], "gone.toml: no such file"),
    ]:
        with case(toml, words, expected):
            limits(audited, toml)
            before = files(audited)
            done = call("run", "bad.jsonl", "--out", "o", *RUN, *words)
            assert refused(done).startswith(expected)
            assert "oasst_messages, records have" not in done.output
            assert files(audited) == before


@pytest.fixture
def other(call, audited):
    """Audit other data, and return the folder."""
    write(audited / "other.jsonl", [message("k", message_tree_id=uid("k"))])
    call("run", "other.jsonl", "--out", "other", "-q", *RUN)
    return audited


def test_a_baseline_of_other_data_leaves_the_audit_that_was_to_be_replaced(call, other):
    before = files(other / "bad")
    write(other / "bad.jsonl", rows("assistant"))
    shown = refused(call("run", "bad.jsonl", "--out", "bad", "--overwrite", "--baseline", "other", *RUN))
    assert shown.startswith("the baseline is of other data")
    assert files(other / "bad") == before
    assert Record.read(other / "bad-2").table.num_rows == 0  # the audit is kept beside it


@pytest.mark.parametrize("toml", ["", "[gate.near]\nmax_count = 0\n"])
def test_a_redacted_copy_is_not_half_written(call, other, toml):
    limits(other, toml)
    before = files(other)
    refused(call("report", "bad", "--redact", *([] if toml else ["--baseline", "other"])))
    assert files(other) == before


def test_a_limit_on_a_source_applies_to_a_redacted_run_too(call, audited):
    (audited / "data").mkdir()
    (audited / "data" / "bad.jsonl").write_bytes((audited / "bad.jsonl").read_bytes())
    limits(audited, '[gate.schema_invariants]\nmax_count = 1\nsource = ["data/bad.jsonl"]\n')
    assert call("run", "data/bad.jsonl", "--out", "o", *RUN).exit_code == 0
    assert call("run", "data/bad.jsonl", "--out", "p", "--redact", *RUN).exit_code == 0


def test_what_is_accepted_by_message_is_accepted_in_a_redacted_run_too(call, audited):
    accepted = '[[suppress]]\nreason = "x"\nexpires = 9999-12-31\nrule = "schema_invariants"\n'
    accepted += f'message_ids = ["{uid("b")}"]\n'
    (audited / "s.toml").write_text(accepted)
    limits(audited, f'[gate]\nsuppress = "s.toml"\n{LIMIT.format(0)}')
    assert call("run", "bad.jsonl", "--out", "o", *RUN).exit_code == 0
    assert call("run", "bad.jsonl", "--out", "p", "--redact", *RUN).exit_code == 0


def test_labels_of_an_older_audit_do_not_correct_the_one_that_replaces_it(call, audited):
    strata, digest = {"not flagged": Stratum(2, 2, 1, False)}, Record.read(audited / "bad").facts.digest
    write_judgements(audited / "bad", {"schema_invariants": Judgement(strata, 0, "2026-01-01", digest)})
    assert Record.read(audited / "bad").judgements
    write(audited / "bad.jsonl", [*rows(), message("c", "a")])
    assert call("run", "bad.jsonl", "--out", "bad", "--overwrite", "-q", *RUN).exit_code == 0
    assert Record.read(audited / "bad").judgements == {}


@pytest.mark.parametrize("last", ["2020-01-31", "9999-12-31"])
def test_hostile_reasons_and_limits_are_no_markup_on_any_page(call, audited, last):
    entry = f"[[suppress]]\nreason = {json.dumps(HOSTILE)}\nexpires = {last}\nrule = 'schema_invariants/root_role'\n"
    (audited / "s.toml").write_text(entry + entry.replace("root_role", "role_alternation"), encoding="utf-8")
    lang = json.dumps(HOSTILE.replace("\u202e", ""))
    limits(audited, f'[gate]\nsuppress = "s.toml"\n[gate.all]\nmax_count = 0\nlang = ["en", {lang}]\n')
    done = call("run", "bad.jsonl", "--out", "o", *RUN)
    assert done.exit_code == (1 if last < "2026" else 0)
    page, summary = ((audited / "o" / name).read_text() for name in ("report.html", "summary.md"))
    (gate,) = re.findall(r'<div class="verdict \w+" id="gate">(.*?)</div>', page, flags=re.DOTALL)
    assert "<script>" not in gate
    assert "<img" not in gate
    assert "A suppression matches no finding of this audit: <script>alert(1)" in unescape(gate)
    for text in (done.output, page, summary):
        assert "\u202e" not in text
        assert "⟦U+202E⟧" in text
    assert "\\<script\\>alert(1)\\</script\\>" in summary
    assert "[a](http" not in summary


# -- diff --------------------------------------------------------------------------------------------------------------


def test_diff_counts_messages_and_findings(call, audited):
    done = call("diff", "good", "bad")
    assert done.exit_code == 0
    assert done.output.splitlines()[:2] == [
        "messages: 0 added, 0 removed, 1 changed, 2 in both",
        "findings: 2 new, 0 fixed, 0 unchanged",
    ]
    assert f"  bad.jsonl:2  {uid('b')}  Prompt follows a prompt" in done.output.splitlines()
    assert "new       1  schema_invariants/role_alternation" in done.output
    done = call("diff", "bad", "good")
    assert "findings: 0 new, 2 fixed, 0 unchanged" in done.output
    assert "fixed       1  schema_invariants/role_alternation" in done.output


def test_diff_of_an_audit_with_itself_shows_no_finding(call, audited):
    done = call("diff", "bad", "bad")
    assert done.output == (
        "messages: 0 added, 0 removed, 0 changed, 2 in both\nfindings: 0 new, 0 fixed, 2 unchanged\n"
    )


def test_diff_names_the_check_that_only_one_of_both_ran(call, audited):
    call("run", "bad.jsonl", "--out", "more", "--checks", "prompt_parroting", "-q")
    done = call("diff", "bad", "more")
    assert "schema_invariants: 2 findings not compared, as only one of the audits ran this check" in done.output


def test_diff_names_what_a_redacted_audit_hides(call, audited):
    call("report", "bad", "--redact")
    done = call("diff", "bad-redacted", "bad")
    assert done.output.splitlines() == [
        "messages: 0 added, 0 removed, an unknown number (an audit is redacted) changed, 2 in both",
        "findings: 0 new, 0 fixed, 2 unchanged",
    ]


def test_diff_prints_some_findings_of_each_rule_and_counts_all(call, audited):
    names = [f"m{k}" for k in range(21)]
    more = [message(name, "a", role="prompter", text=f"The text of {name} alone") for name in names]
    write(audited / "more.jsonl", [*rows("assistant"), *more])
    call("run", "more.jsonl", "--out", "more", "-q", *RUN)
    done = call("diff", "good", "more")
    shown = [line for line in done.output.splitlines() if "Prompt follows a prompt" in line]
    assert len(shown) == 20
    assert "  and 1 more: --out FILE.csv writes all" in done.output


def test_diff_writes_all_of_it_as_csv_in_which_no_cell_is_a_formula(call, audited):
    evil = "=cmd|' /C calc'!A0"
    write(audited / "evil.jsonl", [*rows("assistant"), message("e", "a", message_id=evil)])
    call("run", "evil.jsonl", "--out", "evil", "-q", *RUN)
    assert call("diff", "bad", "evil", "--out", "d.csv").exit_code == 0
    with (audited / "d.csv").open(newline="", encoding="utf-8") as file:
        shown = list(csv.DictReader(file))
    assert {(row["state"], row["what"], row["message_id"]) for row in shown} == {
        ("new", "finding", f"'{evil}"),
        ("fixed", "finding", uid("b")),
        ("added", "message", f"'{evil}"),
        ("changed", "message", uid("b")),
    }
    (fixed,) = [row for row in shown if row["rule"] == "schema_invariants/role_alternation"]
    assert (fixed["severity"], fixed["source"], fixed["line"]) == ("error", "bad.jsonl", "2")
    assert len(fixed["fingerprint"]) == 16


def test_diff_writes_over_nothing(call, audited):
    (audited / "d.csv").write_text("mine")
    assert refused(call("diff", "good", "bad", "--out", "d.csv")) == "d.csv already exists. Name another file"
    assert (audited / "d.csv").read_text() == "mine"


def test_diff_refuses_audits_of_other_data_and_folders_without_one(call, other):
    assert refused(call("diff", "other", "bad")).startswith("the baseline is of other data: no message is in both")
    assert refused(call("diff", "bad", "nowhere")).startswith("nowhere: contains no record.json")
    assert refused(call("diff", "bad", "good", "--out", "no/d.csv")).startswith("no/d.csv: ")


@pytest.mark.parametrize("odd", ["x\n::error::forged", "a:bug:b"])
def test_an_id_is_printed_as_it_is_on_one_line(call, audited, odd):
    write(audited / "odd.jsonl", [*rows(), message("e", "a", message_id=odd)])
    call("run", "odd.jsonl", "--out", "odd", "-q", *RUN)
    shown = call("diff", "bad", "odd").output
    assert not [line for line in shown.splitlines() if line.startswith("::")]
    assert "🐛" not in shown


# -- rates -------------------------------------------------------------------------------------------------------------


def test_rates_are_printed_with_denominator_and_both_intervals(call, audited):
    done = call("rates", "bad")
    assert done.exit_code == 0
    table, _, remarks = done.output.partition("\n\n")
    assert remarks.splitlines() == [COUNTED, CITED]
    head, check, *of_rules = [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()]
    assert head == ["check or rule", "severity", "flagged", "checked", "rate", "95 % CI", "Wilson"]
    # 1 of 2: Wilson's interval, and that of one effective message, as both are of one tree.
    values = ["1", "2", "50.0 %", "5.5-94.5 %", "9.5-90.5 %"]
    assert check == ["schema_invariants", *values]
    assert of_rules == [["role_alternation", "error", *values], ["unanswered_thread", "note", *values]]


def test_rates_by_columns_name_what_is_not_declared_or_not_checked(call, audited):
    write(audited / "data.jsonl", [*rows(), message("c", "b", lang=None)])
    call("run", "data.jsonl", "--out", "o", "-q", "--checks", "prompt_parroting,schema_invariants")
    done = call("rates", "o", "--by", "lang, role")
    lines = [re.split(r"\s{2,}", line.strip()) for line in done.output.splitlines()]
    # What declares no language has a finding for that.
    assert ["schema_invariants", "none declared", "assistant", "1", "1", "100 %"] in [line[:6] for line in lines]
    assert ["prompt_parroting", "en", "prompter", "0", "0", "none checked"] in [line[:6] for line in lines]


def test_rates_are_written_as_csv_with_all_columns_and_nothing_is_printed(call, audited):
    done = call("rates", "bad", "--by", "role", "--out", "r.csv")
    assert (done.exit_code, done.output) == (0, "")
    with (audited / "r.csv").open(newline="", encoding="utf-8") as file:
        shown = list(csv.DictReader(file))
    assert [(row["check"], row["rule"], row["role"]) for row in shown][:2] == [
        ("schema_invariants", "", "prompter"),
        ("schema_invariants", "schema_invariants/role_alternation", "prompter"),
    ]
    assert (shown[0]["flagged"], shown[0]["checked"], shown[0]["clusters"], shown[0]["rate"]) == ("1", "2", "1", "0.5")


def test_rates_refuse_other_columns_and_files_that_are_there(call, audited):
    assert refused(call("rates", "bad", "--by", "lang,date")) == (
        "rates by 'date': unknown column. Expected lang, role, source"
    )
    (audited / "r.csv").write_text("mine")
    assert refused(call("rates", "bad", "--out", "r.csv")) == "r.csv already exists. Name another file"
    assert (audited / "r.csv").read_text() == "mine"
    assert refused(call("rates", "nowhere")).startswith("nowhere: contains no record.json")


def test_a_column_that_is_named_twice_is_taken_once(call, audited):
    assert call("rates", "bad", "--by", "lang,lang").output == call("rates", "bad", "--by", "lang").output
