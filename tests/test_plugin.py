"""A check in a plug-in file reaches every surface, and none of them names it."""

import csv
import json
import sys
import xml.etree.ElementTree as ElementTree

import pyarrow.parquet as pq
import pytest
from building import message, turns, uid, write
from chataudit.audit import registry
from chataudit.audit.commands.app import app
from typer.testing import CliRunner

PLUGIN = '''
import re
from dataclasses import dataclass

from chataudit.checks import WARNING, Example, Hit, Method, Rule, TextCheck, chat, setting

AS_AI = Rule(
    "disclaimers/as_ai",
    "Reply speaks as an AI model",
    WARNING,
    advice="Drop the reply: models trained on it repeat the phrase.",
    example=Example(
        chat("prompter: Do you like tea?", "assistant: As an AI language model, I drink nothing."),
        not_this=chat("prompter: Do you like tea?", "assistant: Yes, green tea."),
    ),
)


@dataclass(frozen=True)
class Disclaimers(TextCheck):
    """Report replies that speak as an AI language model."""

    name = "disclaimers"
    rules = (AS_AI,)
    measurement = Method(blind=("Disclaimers in other languages are not found.",))

    phrase: str = setting("as an ai language model", "Phrase to look for, in any case.")

    def skip(self, message):
        return None if message.role == "assistant" else "not a reply"

    def inspect(self, message):
        for match in re.finditer(re.escape(self.phrase), message.text, re.IGNORECASE):
            yield Hit(AS_AI, match.start(), match.end())
'''
TITLE = "Reply speaks as an AI model"
SAID = "As an AI language model, I cannot swim. As an AI language model, I also cannot fly."


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return a working folder with the plug-in, data and a gate; afterwards no plug-in is in use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_files", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "my_checks.py").write_text(PLUGIN, encoding="utf-8")
    rows = [message("a"), message("b", "a", text=SAID), message("c", "a", text="Yes, I can swim.")]
    write(tmp_path / "data.jsonl", rows)
    yield tmp_path
    sys.modules.pop("my_checks", None)


def call(*arguments, code=0):
    """Run the command; return what it printed."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return done.output


def audited(*more, code=0):
    return call(
        "run", "data.jsonl", "--plugin", "my_checks.py", "--checks", "disclaimers", "--out", "audit", *more, code=code
    )


def test_the_run_counts_shows_and_explains_its_findings(here):
    output = audited()
    assert TITLE in output
    assert "1 of 2 messages" in output
    (found,) = pq.read_table(here / "audit" / "findings.parquet").to_pylist()
    assert (found["rule"], found["message_id"], found["severity"]) == ("disclaimers/as_ai", uid("b"), 2)
    # Both places are shown, with their words.
    assert [(span["start"], span["end"], span["quote"]) for span in found["spans"]] == [
        (0, 23, "As an AI language model"),
        (40, 63, "As an AI language model"),
    ]
    facts = json.loads((here / "audit" / "record.json").read_text())
    (check,) = facts["checks"]
    assert {(c["outcome"], c["messages"]) for c in check["coverage"]} == {("checked", 2), ("not a reply", 1)}
    page = (here / "audit" / "report.html").read_text()
    for words in (TITLE, "Drop the reply: models trained on it repeat the phrase.", "Yes, green tea."):
        assert words in page
    assert TITLE in (here / "audit" / "summary.md").read_text()


def test_commands_on_the_audit_need_no_plug_in(here, monkeypatch):
    audited()
    monkeypatch.setattr(registry, "_files", [])
    assert "as_ai" in call("rates", "audit")
    for form in ("markdown", "latex", "card", "datasheet"):
        assert "disclaimers" in call("limitations", "audit", "--as", form).replace("\\_", "_"), form
    json.loads(call("limitations", "audit", "--as", "croissant"))
    call("export", "gx", "audit")
    assert "disclaimers" in (here / "audit.gx" / "suite.json").read_text()
    call("report", "audit", "--redact")
    redacted = (here / "audit-redacted" / "report.html").read_text()
    assert TITLE in redacted
    assert uid("b") not in redacted
    assert "cannot fly" not in redacted


def test_clean_takes_the_actions_of_the_rules_of_the_plug_in(here, monkeypatch):
    audited()
    monkeypatch.setattr(registry, "_files", [])
    assert "kept by the policy: 1 finding of disclaimers/as_ai" in call("clean", "audit", "--dry-run")
    assert "disclaimers/as_ai: 1 message" in call("clean", "audit", "--policy", "strict", "--out", "cleaned")
    (dropped,) = csv.DictReader((here / "cleaned" / "dropped.csv").open())
    assert (dropped["message_id"], dropped["reasons"]) == (uid("b"), "disclaimers/as_ai")
    left = [json.loads(line)["message_id"] for line in (here / "cleaned" / "data.jsonl").open()]
    assert left == [uid("a"), uid("c")]


def test_a_gate_limits_it_and_other_tools_read_the_verdict(here):
    (here / "chataudit.toml").write_text(
        '[run]\nplugins = ["my_checks.py"]\n\n'
        '[gate.disclaimers]\nmax_count = 0\n\n[gate."disclaimers/as_ai"]\nmax_rate = 1.0\n'
    )
    output = call("run", "data.jsonl", "--checks", "disclaimers", "--out", "audit", code=1)
    assert "exceeded" in output
    call("gate", "audit", "--junit", "gate.xml", "--sarif", "gate.sarif", code=1)
    assert ElementTree.parse(here / "gate.xml").getroot().findall(".//failure")
    (run,) = json.loads((here / "gate.sarif").read_text())["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["disclaimers/as_ai"]
    assert [result["ruleId"] for result in run["results"]] == ["disclaimers/as_ai"]


def test_audits_are_compared(here):
    audited()
    write(here / "data.jsonl", [message("a"), message("b", "a", text="I swim."), message("c", "a", text=SAID)])
    call(
        "run",
        "data.jsonl",
        "--plugin",
        "my_checks.py",
        "--checks",
        "disclaimers",
        "--out",
        "newer",
        "--baseline",
        "audit",
    )
    output = call("diff", "audit", "newer")
    assert "1 new, 1 fixed" in output
    assert "disclaimers/as_ai" in output


def test_settings_come_from_toml_and_are_refused_with_their_range(here):
    (here / "chataudit.toml").write_text(
        '[run]\nplugins = ["my_checks.py"]\n[checks.disclaimers]\nphrase = "I cannot swim"\n'
    )
    call("run", "data.jsonl", "--checks", "disclaimers", "--out", "audit")
    (found,) = pq.read_table(here / "audit" / "findings.parquet").to_pylist()
    assert [span["start"] for span in found["spans"]] == [25]
    (here / "chataudit.toml").write_text('[run]\nplugins = ["my_checks.py"]\n[checks.disclaimers]\nphrases = "x"\n')
    assert "phrase" in call("run", "data.jsonl", code=2)


def test_it_is_listed_and_explained(here):
    listed = [line.split()[:3] for line in call("checks", "--plugin", "my_checks.py").splitlines()]
    assert ["disclaimers", "Report", "replies"] in listed
    output = call("checks", "disclaimers")
    assert "as_ai" in output
    assert 'phrase = "as an ai language model"' in output
    assert "Phrase to look for, in any case." in output
    output = call("explain", "disclaimers/as_ai")
    assert "As an AI language model, I drink nothing." in output
    assert "Yes, green tea." in output


def test_its_examples_join_the_demo(here):
    registry.use([here / "my_checks.py"])
    call("demo", "--out", "demo")
    found = pq.read_table(here / "demo" / "audit" / "findings.parquet")
    assert "disclaimers/as_ai" in found["rule"].to_pylist()


def test_it_runs_in_worker_processes(here):
    write(here / "more.jsonl", turns_of_chat())
    output = call(
        *("run", "data.jsonl", "more.jsonl", "--plugin", "my_checks.py", "--checks", "disclaimers"),
        *("--engine", "processes", "--workers", "2", "--out", "audit"),
    )
    assert "2 of 3 messages" in output


def turns_of_chat():
    return [{"messages": turns("user: Can you swim?", f"assistant: {SAID}")}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("import nothing_of_this_name\n", "my_checks.py:1: ModuleNotFoundError"),
        ("x = 1\ndef broken(:\n", "my_checks.py:2: SyntaxError"),
        ("x = 1\n", "defines no check"),
    ],
    ids=["missing module", "syntax", "no check"],
)
def test_a_plug_in_that_cannot_be_used_is_one_clear_error(here, content, words):
    (here / "my_checks.py").write_text(content)
    output = call("run", "data.jsonl", "--plugin", "my_checks.py", code=2)
    assert words in output
    assert len(output.strip().splitlines()) == 1
    assert "no such file" in call("run", "data.jsonl", "--plugin", "other.py", code=2)


def test_a_check_that_forgets_coverage_is_an_error_and_not_a_clean_bill(here):
    forgets = PLUGIN.replace("(TextCheck)", "(Forgets)").replace(
        "@dataclass(frozen=True)\nclass Disclaimers",
        "class Forgets(TextCheck):\n    def scan(self, batch):\n"
        "        return Result(super().scan(batch).findings)\n\n\n"
        "@dataclass(frozen=True)\nclass Disclaimers",
    )
    (here / "my_checks.py").write_text(forgets.replace("Rule, TextCheck", "Result, Rule, TextCheck"))
    output = audited(code=4)
    assert "did not count as checked, the first at data.jsonl:2" in output
