"""The engine processes: Python code side by side, the same findings."""

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
from building import EXAMPLE, RecordingProgress, conversation, nest, write
from chataudit import run
from chataudit.audit.commands.app import app
from chataudit.checks.base.check import Check
from chataudit.checks.base.findings import WARNING, Rule
from chataudit.checks.near_duplicates.check import NearDuplicates
from chataudit.checks.schema_invariants.check import SchemaInvariants
from planting import Planted
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def _found_by_workers(monkeypatch):
    """Let workers find the checks of this file, as `tests.audit.test_processes`, on the path that they are given."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[3]))


CHECKS = [Planted(), NearDuplicates(), SchemaInvariants()]


def files(folder, *, scattered=False):
    """Write three files: two of flat messages, one of trees; copies, an unknown role and a duplicate id."""
    trees = [conversation(f"t{k}", text=f"Text {k} says what no other text of them all says") for k in range(12)]
    trees[1][1]["role"] = "moderator"
    trees[2][2]["text"] = trees[9][0]["text"] = "FAULT of two trees that say the very same words as each other do"
    trees[3][2]["message_id"] = trees[8][2]["message_id"]
    rows = (
        [row for tree in trees for row in tree]
        if not scattered
        else [row for turn in zip(*trees, strict=True) for row in turn]
    )
    return [
        write(folder / "1.jsonl", rows[:18]),
        write(folder / "2.jsonl", rows[18:]),
        write(
            folder / "3.jsonl", [nest(conversation(f"n{k}", text=f"ODD text {k} of nested trees")) for k in range(4)]
        ),
    ]


@pytest.mark.parametrize("scattered", [False, True])
def test_processes_find_what_one_thread_finds(tmp_path, scattered):
    paths = files(tmp_path, scattered=scattered)
    one, several = (run(*paths, engine=engine, workers=2, checks=CHECKS) for engine in ("serial", "processes"))
    assert several.facts.engine == "processes"
    assert several.table.equals(one.table)
    assert several.threads.equals(one.threads)
    assert several.messages.to_pylist() == one.messages.to_pylist()
    assert {"planted", "near_duplicates", "schema_invariants"} == set(one.table["check"].to_pylist())


@dataclass(frozen=True)
class Meets(Check):
    """Waits, with each of two files, until the other is being read by another process."""

    name = "meets"
    rules = (Rule("meets/never", "Never", WARNING, "None.", EXAMPLE),)
    holds_gil = True

    folder: str = ""

    def scan(self, batch):
        (Path(self.folder) / f"{os.getpid()}.pid").touch()
        end = time.monotonic() + 60
        while len(list(Path(self.folder).glob("*.pid"))) < 2:
            assert time.monotonic() < end
            time.sleep(0.01)
        return Planted().scan(batch)


def test_files_are_read_side_by_side_and_auto_takes_processes_where_threads_do_not_help(tmp_path):
    paths = [write(tmp_path / f"{k}.jsonl", conversation(f"t{k}")) for k in range(2)]
    record = run(*paths, workers=2, checks=[Meets(folder=str(tmp_path))])
    assert record.facts.engine == "processes"
    assert record.exit_code == 0
    assert len(list(tmp_path.glob("*.pid"))) == 2


@dataclass(frozen=True)
class Slow(Planted):
    """Is mostly Python code."""

    holds_gil = True


def test_auto_takes_threads_where_processes_have_nothing_to_share(tmp_path):
    one = write(tmp_path / "1.jsonl", conversation("a"))
    two = write(tmp_path / "2.jsonl", conversation("b"))
    slow = Slow()
    assert run(one, workers=2, checks=[slow]).facts.engine == "threads"
    assert run(one, two, workers=2, checks=[Planted()]).facts.engine == "threads"
    assert run(one, two, workers=1, checks=[slow]).facts.engine == "serial"


@dataclass(frozen=True)
class Dies(Planted):
    """Its process is killed in the second file."""

    name = "dies"
    rules = (Rule("dies/never", "Never", WARNING, "None.", EXAMPLE),)

    folder: str = ""

    def scan(self, batch):
        if batch.column("source")[0].as_py().endswith("2.jsonl") and (Path(self.folder) / "deadly").exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().scan(batch)


def test_a_worker_that_is_killed_ends_the_audit_with_a_line_and_it_goes_on_later(tmp_path):
    paths = files(tmp_path)
    deadly = tmp_path / "deadly"
    deadly.touch()
    given = {"engine": "processes", "workers": 2, "checks": [Dies(folder=str(tmp_path))], "work": tmp_path / "work"}
    with pytest.raises(ChildProcessError, match="killed, probably because memory ran out"):
        run(*paths, **given)
    deadly.unlink()
    progress = RecordingProgress()
    gone_on = run(*paths, **given, resume=True, progress=progress)
    whole = run(*paths, engine="serial", checks=given["checks"])
    assert gone_on.table.equals(whole.table)


def test_a_check_that_workers_cannot_import_is_named(tmp_path, monkeypatch):
    module = ModuleType("nowhere_but_here")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    lost = type("Lost", (Planted,), {"__module__": module.__name__, "name": "lost"})
    module.Lost = lost
    with pytest.raises(ChildProcessError, match=r"could not load its task \(ModuleNotFoundError: .*\)\. It must"):
        run(*files(tmp_path), engine="processes", workers=2, checks=[lost()])


def test_the_command_reports_it_in_one_line(tmp_path, monkeypatch):
    def dies(*_args, **_more):
        raise ChildProcessError("a worker process was killed. Go on with --resume")

    monkeypatch.setattr("chataudit.audit.commands.run.audit", dies)
    path = write(tmp_path / "1.jsonl", conversation("a"))
    done = CliRunner().invoke(app, ["run", str(path), "--out", str(tmp_path / "o")])
    assert done.exit_code == 2
    assert done.stderr == "chataudit: a worker process was killed. Go on with --resume\n"
