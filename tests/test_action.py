"""The action for GitHub, and the hook for pre-commit."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest
import typer
from building import message, write
from chataudit.audit.commands.app import app
from chataudit.audit.reading.streams import SUFFIXES
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
ACTION = YAML(typ="safe").load(ROOT / "action.yml")
(HOOK,) = YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")
STEPS = ACTION["runs"]["steps"]
SCRIPTS = {step["name"]: step for step in STEPS if "run" in step}

needs_bash = pytest.mark.skipif(which("bash") is None, reason="needs bash")

# Notes down how it was called, writes a record where it is to, and exits with STATUS.
FAKE = """#!{python}
import json, os, pathlib, sys
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if os.environ.get("RECORD"):
    pathlib.Path(os.environ["OUT"]).mkdir(exist_ok=True)
    (pathlib.Path(os.environ["OUT"]) / "record.json").write_text("")
sys.exit(int(os.environ.get("STATUS", 0)))
"""


@pytest.fixture
def runner(tmp_path, monkeypatch):
    """Return a runner of the action's scripts that does as GitHub does, with some inputs set, the rest by default."""
    place = tmp_path / "chataudit" / "bin" / "chataudit"
    place.parent.mkdir(parents=True)
    place.write_text(FAKE.format(python=sys.executable))
    place.chmod(0o755)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")

    def ran(step, inputs, **environment):
        values = {name: each.get("default", "") for name, each in ACTION["inputs"].items()} | inputs
        given = {
            name: re.sub(r"\${{ inputs\.([\w-]+) }}", lambda found: values[found[1]], value)
            for name, value in SCRIPTS[step]["env"].items()
        }
        known = {
            "RUNNER_TEMP": str(tmp_path),
            "CALLS": str(tmp_path / "calls"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
        }
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", SCRIPTS[step]["run"]],
            env={**os.environ, **known, **given, **environment},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout

    return ran


def calls(tmp_path):
    return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


def test_both_are_what_their_schemas_ask_for():
    checked = ["check_jsonschema", "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    for command in (checked, ["pre_commit", "validate-manifest", str(ROOT / ".pre-commit-hooks.yaml")]):
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_input_is_part_of_a_script():
    assert SCRIPTS
    for step in SCRIPTS.values():
        assert "${{" not in step["run"]


def test_every_input_is_described_and_used():
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    for name, given in ACTION["inputs"].items():
        assert given["description"]
        assert re.search(rf"inputs\.{name}\b", text), name


def test_actions_of_others_are_pinned_to_a_major_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert len(used) == 3
    assert all(re.fullmatch(r"[\w./-]+@v\d+", name) for name in used)


def test_the_command_has_the_options_that_both_pass():
    commands = typer.main.get_command(app).commands
    options = {name: {o for p in commands[name].params for o in p.opts} for name in ("run", "gate")}
    for step, name in (("Audit", "run"), ("Gate", "gate")):
        assert set(re.findall(r"[( ](--[a-z]+)", SCRIPTS[step]["run"])) <= options[name]
    assert {word for word in HOOK["entry"].split() if word.startswith("--")} <= options["run"]


HOSTILE = "$(touch pwned) `touch pwned` ; touch pwned # \"' *"


@needs_bash
def test_inputs_reach_the_audit_as_they_are_one_a_line(runner, tmp_path):
    inputs = dict.fromkeys(("config", "baseline", "checks"), HOSTILE)
    inputs |= {
        "sources": f"a b.jsonl\n\n-c\n{HOSTILE}\n",
        "arguments": f"--lang=de\n--memory={HOSTILE}",
        "out": HOSTILE,
    }
    code, _ = runner("Audit", inputs, RECORD="1")
    assert code == 0
    named = [f"--{name}={HOSTILE}" for name in ("config", "baseline", "checks")]
    assert calls(tmp_path) == [
        ["run", f"--out={HOSTILE}", "--overwrite", *named, "--lang=de", f"--memory={HOSTILE}"]
        + ["--", "a b.jsonl", "-c", HOSTILE]
    ]
    assert not list(tmp_path.rglob("pwned"))


@needs_bash
def test_nothing_that_an_audit_prints_is_a_command_of_the_runner(runner):
    reported = [runner("Audit", {"sources": "a"}, RECORD="1")[1].strip().splitlines() for _ in range(2)]
    (first, *_, last), (other, *_, _) = reported
    token = first.removeprefix("::stop-commands::")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert last == f"::{token}::"
    assert other != first


@needs_bash
@pytest.mark.parametrize("status", ["0", "1", "3", "4"])
def test_the_audit_step_leaves_the_verdict_to_the_gate(runner, status):
    assert runner("Audit", {"sources": "a"}, RECORD="1", STATUS=status)[0] == 0


@needs_bash
@pytest.mark.parametrize(("status", "ends"), [("0", 1), ("1", 1), ("2", 2)])
def test_an_audit_that_wrote_no_record_fails_even_beside_an_older_record(runner, status, ends):
    older = Path("chataudit-audit/record.json")
    older.parent.mkdir()
    older.write_text("")
    os.utime(older, (0, 0))
    assert runner("Audit", {"sources": "a"}, STATUS=status)[0] == ends


@needs_bash
@pytest.mark.parametrize(("status", "passed"), [("0", "true"), ("1", "false"), ("4", "false")])
def test_the_gate_prints_whether_it_passed_and_exits_accordingly(runner, tmp_path, status, passed):
    assert runner("Gate", {"config": "c.toml"}, STATUS=status)[0] == int(status)
    assert (tmp_path / "output").read_text() == f"passed={passed}\n"
    files = [f"--{kind}=chataudit-audit/{name}" for kind, name in (("junit", "junit.xml"), ("sarif", "results.sarif"))]
    assert calls(tmp_path) == [["gate", *files, "--overwrite", "--github", "--config=c.toml", "--", "chataudit-audit"]]


@needs_bash
def test_the_action_works_with_the_command_itself(runner, tmp_path):
    (tmp_path / "chataudit" / "bin" / "chataudit").write_text(
        f"#!{sys.executable}\nfrom chataudit.audit.commands.app import main\nmain()\n"
    )
    write(Path("data.jsonl"), [message("a"), message("b", "a", role="prompter")])
    Path("chataudit.toml").write_text("[gate.schema_invariants]\nmax_count = 0\n")
    code, output = runner("Audit", {"sources": "data.jsonl", "checks": "schema_invariants"})
    assert (code, "1 error and 1 note" in output) == (0, True)
    summary = tmp_path / "summary.md"
    code, output = runner("Gate", {}, GITHUB_STEP_SUMMARY=str(summary))
    assert code == 1
    assert output.startswith(
        "::error title=Gate%3A schema_invariants::schema_invariants: 1 finding, above the limit of 0\n"
    )
    assert (
        "\n::warning file=data.jsonl,line=2,title=Reply has the same role as its parent::Prompt follows a prompt\n"
        in (f"\n{output}")
    )
    assert summary.read_text(encoding="utf-8").startswith("# Gate failed: 1 of 1 limit exceeded\n")
    assert {"junit.xml", "results.sarif", "report.html"} <= {file.name for file in Path("chataudit-audit").iterdir()}


def test_the_hook_is_asked_about_data_and_not_about_every_json_or_csv_file():
    def is_asked(name):
        return bool(re.search(HOOK["files"], name)) and not re.search(HOOK["exclude"], name)

    of_anything = (".json", ".csv", ".tsv")  # most of these files are no data sets
    assert all(is_asked(f"data/a{s}") for s in SUFFIXES if f".{s.split('.')[1]}" not in of_anything)
    assert not any(
        is_asked(name) for name in ("package.json", "prices.csv", "a.jsonl.md", ".chataudit/findings.parquet")
    )
