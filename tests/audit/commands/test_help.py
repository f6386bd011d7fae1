"""The command line as a newcomer meets it: help, unknown names, plug-ins in use."""

import os
import pty
import re
import subprocess
import sys

import pytest
from building import message, write
from cases import case
from chataudit.audit import registry
from chataudit.audit.commands.app import app
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.reading.formats.examples import messages
from typer.main import get_command
from typer.testing import CliRunner

WIDTH = 80


def commands(group=None, path=()):
    """Return all commands and groups, each with the words that call it."""
    group = group or get_command(app)
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def call(*words):
    return CliRunner(env={"COLUMNS": str(WIDTH)}).invoke(app, [str(word) for word in words])


def test_help_fits_80_columns_and_breaks_no_word():
    for path, _ in commands():
        with case(*path):
            done = call(*path, "--help")
            assert done.exit_code == 0
            assert max(map(len, done.output.splitlines())) <= WIDTH
            assert [line for line in done.output.splitlines() if line.endswith("-")] == []


def test_every_command_has_one_whole_line_in_the_list():
    for path, group in commands():
        if hasattr(group, "commands"):
            with case(*path):
                _, _, listed = call(*path, "--help").output.partition("Commands:\n")
                names = [line.split()[0] for line in listed.splitlines()]
                assert names == list(group.commands)
                assert "..." not in listed


def test_help_shows_metavars_without_types_of_python_or_braces():
    for path, _ in commands():
        with case(*path):
            shown = call(*path, "--help").output
            assert set("<>{}").isdisjoint(shown)
            assert re.findall(r"\S {2,}\[", shown) == []
    for words, usage in [
        (["run"], "run [OPTIONS] [SOURCE]..."),
        (["gx"], "gx [OPTIONS] SOURCE..."),
        (["clean"], "clean [OPTIONS] DIR [SOURCE]..."),
        (["refs", "list"], "refs list [OPTIONS] [NAME]"),
        (["refs", "build"], "refs build [OPTIONS] NAME [FILE]..."),
    ]:
        with case(words):
            assert call(*words, "--help").output.splitlines()[0] == f"Usage: root {usage}"


def test_no_command_alone_prints_the_list():
    assert call().output == call("--help").output


def test_every_argument_and_option_has_a_help():
    for path, command in commands():
        for parameter in command.params:
            with case(*path, parameter.name):
                assert parameter.help


def test_the_folder_of_an_audit_is_named_before_sources():
    for path, command in commands():
        names = [p.metavar for p in command.params if p.param_type_name == "argument"]
        if "DIR" in names:
            with case(*path):
                assert names[0] == "DIR"


def test_an_option_has_one_kind_of_value_and_one_help_wherever_it_occurs():
    # --out names what a command writes, so its help differs.
    seen = {}
    for path, command in commands():
        for parameter in command.params:
            for name in parameter.opts:
                if name.startswith("--") and name not in ("--out", "--overwrite", "--seed"):
                    with case(*path, name):
                        assert seen.setdefault(name, parameter.help) == parameter.help


def test_formats_are_listed_in_the_order_of_recognition_and_shown_with_a_table_to_copy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listed = call("formats").output
    names = [line.split()[0] for line in listed.splitlines()[1:] if line[:1].strip()]
    assert names == list(FORMATS)
    for name, format in FORMATS.items():
        with case(name):
            done = call("formats", name)
            assert done.exit_code == 0
            assert done.output.startswith(f"{name}: {format.about}")
            assert messages(format)[0]["text"].splitlines()[0] in done.output.partition("Its messages")[2]
    shown = call("formats", "human_references").output
    (tmp_path / "chataudit.toml").write_text(shown[shown.index("[format]") :], encoding="utf-8")
    assert call("formats", "mapping").output.startswith("mapping: records whose fields are named in [format]")
    assert call("formats").output.splitlines()[2].startswith("mapping ")


def test_a_name_that_does_not_exist_suggests_the_nearest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "data.jsonl", [message("a")])
    call("run", "data.jsonl", "-q", "--out", "a")
    for words, nearest in [
        (["rnu"], "Did you mean 'run'?"),
        (["refs", "lst"], "Did you mean 'list'?"),
        (["run", "--ovrewrite", "data.jsonl"], "--overwrite"),
        (["run", "data.jsonl", "--checks", "near_duplicate"], "Did you mean 'near_duplicates'?"),
        (["run", "data.jsonl", "--format", "sharegtp"], "Did you mean 'sharegpt'?"),
        (["run", "data.jsonl", "--engine", "thread"], "Did you mean 'threads'?"),
        (["formats", "sharegtp"], "Did you mean 'sharegpt'?"),
        (["formats", "mapping"], "needs a table [format] in the settings"),
        (["checks", "near_duplicate"], "Did you mean 'near_duplicates'?"),
        (["explain", "schema_invariants/role_alternatoin"], "Did you mean schema_invariants/role_alternation"),
        (["limitations", "a", "--as", "latx"], "Did you mean 'latex'?"),
        (["refs", "list", "gms8k"], "Did you mean gsm8k"),
    ]:
        with case(words):
            done = call(*words)
            assert done.exit_code == 2
            assert nearest in done.output


PLUGIN = """
from dataclasses import dataclass
from chataudit.checks import NOTE, Example, Hit, Method, Rule, TextCheck, chat

YES = Rule("{name}/yes", "Says yes", NOTE, advice="None.", example=Example(chat("prompter: Yes"), chat("prompter: No")))

@dataclass(frozen=True)
class {title}(TextCheck):
    \"""Report messages that say yes.\"""

    name = "{name}"
    rules = (YES,)
    measurement = Method()

    def inspect(self, message):
        yield from ()
"""


@pytest.fixture
def plugged(tmp_path, monkeypatch):
    """Return a folder with two plug-ins, one of them in the settings, and data; afterwards none is in use."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_files", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("first", "second"):
        (tmp_path / f"{name}_file.py").write_text(PLUGIN.format(name=name, title=name.title()))
    (tmp_path / "chataudit.toml").write_text('[run]\nplugins = ["first_file.py"]\n')
    write(tmp_path / "data.jsonl", [message("a")])
    yield tmp_path
    for name in ("first", "second"):
        sys.modules.pop(f"{name}_file", None)


def test_run_names_the_plugins_in_use_on_standard_error_unless_it_is_quiet(plugged):
    done = call("run", "data.jsonl", "--checks", "first")
    assert done.exit_code == 0, done.output
    assert "plug-in first_file.py: first" in done.stderr.splitlines()
    done = call("run", "data.jsonl", "--checks", "first", "--plugin", "second_file.py")
    assert "plug-ins first_file.py: first; second_file.py: second" in done.stderr.splitlines()
    assert call("run", "data.jsonl", "--checks", "first", "-q").output == ""


def test_a_terminal_of_80_columns_breaks_lines_between_words(tmp_path):
    write(tmp_path / "data.jsonl", [message("a"), message("b", "a", role="prompter")])
    for words in (["run", "data.jsonl", "--out", "a"], ["explain", "near_duplicates/near_copy"], ["checks", "x" * 90]):
        with case(words):
            ours, theirs = pty.openpty()
            command = [sys.executable, "-m", "chataudit", *words]
            environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "dumb"}
            process = subprocess.Popen(
                command, cwd=tmp_path, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
            )
            os.close(theirs)
            shown = b""
            while True:
                try:
                    shown += os.read(ours, 65536)
                except OSError:  # Linux ends a pty so
                    break
            process.wait()
            lines = shown.decode().replace("\r\n", "\n").split("\n")
            assert len(lines) > 1
            assert [line for line in lines if len(line) > WIDTH and " " in line.strip()] == []
