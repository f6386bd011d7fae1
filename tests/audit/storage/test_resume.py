"""An audit that is stopped goes on: whenever that was, what comes out is what an undisturbed one gives."""

import errno
import gzip
import itertools
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import SHARED, RecordingProgress, conversation, needs_shared, nest, write
from cases import case
from chataudit.audit.commands.app import app
from chataudit.audit.reading import trees as trees_module
from chataudit.audit.reading.blocks import block, cutting
from chataudit.audit.reading.blocks.block import Block, Source
from chataudit.audit.reading.formats.faults import Row
from chataudit.audit.run import run
from chataudit.audit.storage import checkpoint
from chataudit.audit.storage.spill import Spill
from chataudit.checks.near_duplicates.check import NearDuplicates
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.record import Facts, Record
from planting import Fails, Planted
from typer.testing import CliRunner

CHECKS = (SchemaInvariants(), NearDuplicates(), Planted(labelled=(1, 2, 3, 4)))
BLOCK = 4000  # bytes: batches of some three trees


class Stopped(BaseException):
    """A process that is killed, as far as one process can play it to itself."""


@pytest.fixture(autouse=True)
def _eager(monkeypatch):
    """Let audits keep what they have at every moment; trees are scattered when they are a little apart."""
    monkeypatch.setattr(checkpoint, "PAUSE", 0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)
    monkeypatch.setattr(trees_module, "TAIL", 4)


# -- data ------------------------------------------------------------------------------------------------------------


def trees(name: str, n: int = 12) -> list[list[Row]]:
    """Return trees of three messages: some break a rule by themselves, others with a tree far from them."""
    made = [conversation(f"{name}{k}", text=f"Text {k} says just what no other text says") for k in range(n)]
    made[1][1]["role"] = "moderator"
    made[n - 2][2]["message_id"] = made[2][2]["message_id"]
    made[4][0]["text"] = made[n - 3][0]["text"] = "FAULT of two trees that say the very same words far from each other"
    made[n // 2][1]["parent_id"] = made[3][0]["message_id"]
    made[n // 2 + 1][2]["created_date"] = "2035-01-01T00:00:00+00:00"
    made[n - 1][1]["text"] = "SKIP too odd"
    return made


def one_by_one(made: Sequence[Sequence[Row]]) -> list[Row]:
    return [row for tree in made for row in tree]


def in_turn(made: Sequence[Sequence[Row]]) -> list[Row]:
    """Return the first message of every tree, then the second of each."""
    return [row for turn in zip(*made, strict=True) for row in turn]


def documents(n: int = 90) -> list[Row]:
    return [{"id": k, "text": f"ODD words number {k % 80}, of which some documents say the same"} for k in range(n)]


def in_order(folder: Path) -> list[Path]:
    return [write(folder / "data.jsonl", one_by_one(trees("t")))]


def scattered(folder: Path) -> list[Path]:
    return [write(folder / "data.jsonl", in_turn(trees("t")))]


def nested(folder: Path) -> list[Path]:
    made = trees("t")
    made[6][1]["parent_id"] = made[6][0]["message_id"]  # only flat messages can name a parent in another tree
    return [write(folder / "data.jsonl", [nest(tree) for tree in made])]


def of_documents(folder: Path) -> list[Path]:
    return [write(folder / "data.jsonl", documents())]


def of_tables(folder: Path) -> list[Path]:
    pq.write_table(pa.Table.from_pylist(documents()), folder / "data.parquet", row_group_size=10)
    return [folder / "data.parquet"]


def packed(folder: Path) -> list[Path]:
    (folder / "data.jsonl.gz").write_bytes(gzip.compress(in_order(folder)[0].read_bytes()))
    return [folder / "data.jsonl.gz"]


def in_several_files(folder: Path) -> list[Path]:
    rows = one_by_one(trees("t"))  # the second file begins in the middle of a tree
    return [write(folder / f"{k}.jsonl", rows[at : at + 13]) for k, at in enumerate(range(0, len(rows), 13), 1)]


def scattered_over_files(folder: Path) -> list[Path]:
    rows = in_turn(trees("t"))
    return [write(folder / f"{k}.jsonl", rows[at : at + 12]) for k, at in enumerate(range(0, len(rows), 12), 1)]


def of_several_formats(folder: Path) -> list[Path]:
    rows = one_by_one(trees("t"))
    return [
        write(folder / "1.jsonl", documents(50)),
        write(folder / "2.jsonl", rows[:18]),
        write(folder / "3.jsonl", [nest(tree) for tree in trees("n")[-4:]]),
        write(folder / "4.jsonl", rows[18:]),
        write(folder / "5.jsonl", documents(20)),
    ]


def of_several_formats_and_scattered(folder: Path) -> list[Path]:
    return [write(folder / "1.jsonl", documents(50)), write(folder / "2.jsonl", in_turn(trees("t")))]


def with_broken_lines(folder: Path) -> list[Path]:
    rows: list[Any] = one_by_one(trees("t"))
    for at in (30, 20, 5):
        rows[at:at] = ["broken", "", '{"message_id": "x", "message_id": "y"}']
    paths = [write(folder / "1.jsonl", rows), write(folder / "2.jsonl", one_by_one(trees("more", 12)))]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return paths


def cut_in_the_middle(folder: Path) -> list[Path]:
    (path,) = packed(folder)
    path.write_bytes(path.read_bytes()[:-20])
    return [path, write(folder / "more.jsonl", one_by_one(trees("more", 12)))]


DATA = [
    *(in_order, packed, with_broken_lines, cut_in_the_middle),
    *(scattered, nested, of_documents, of_tables, in_several_files, scattered_over_files),
    *(of_several_formats, of_several_formats_and_scattered),
]


# -- stopping --------------------------------------------------------------------------------------------------------


def audit(*paths: Path, **options: Any) -> Record:
    return run(*paths, **{"checks": CHECKS, "engine": "serial", "block": BLOCK, **options})


def stopped(after: int, *paths: Path, is_written: bool = True, **options: Any) -> Record | None:
    """Stop an audit when it saves for the n-th time; return its record where it did not save so often.

    Where that moment is not `is_written`, its rows are on disk, and nothing yet says that they count.
    """
    with pytest.MonkeyPatch.context() as patch:
        moments = itertools.count(1)
        replace = checkpoint._replace

        def stop(path: Path, value: Any) -> None:
            is_last = path.name == checkpoint.STATE and next(moments) == after
            if is_written or not is_last:
                replace(path, value)
            if is_last:
                raise Stopped

        patch.setattr(checkpoint, "_replace", stop)
        try:
            return audit(*paths, **options)
        except Stopped:
            return None


def each_stop(paths: Sequence[Path], folder: Path, **options: Any) -> Iterator[Path]:
    """Yield the folders of audits of the same files, each stopped at another of the moments that were to be kept."""
    for k in itertools.count(1):
        work = folder / f"stopped at {k}"
        if stopped(k, *paths, work=work, **options) is not None:
            assert k > 3
            break
        yield work


def facts(record: Record) -> Facts:
    """Return the facts of a record without its times, and without who did the work."""
    checks = [msgspec.structs.replace(check, seconds=0) for check in record.facts.checks]
    return msgspec.structs.replace(record.facts, started="", seconds=0, engine="", workers=0, checks=checks)


def assert_equal_records(record: Record, expected: Record) -> None:
    assert facts(record) == facts(expected)
    assert record.table.to_pylist() == expected.table.to_pylist()
    assert record.messages.to_pylist() == expected.messages.to_pylist()
    assert record.threads.to_pylist() == expected.threads.to_pylist()


@pytest.mark.parametrize("data", [in_order, cut_in_the_middle])
def test_an_audit_that_was_stopped_goes_on_as_if_it_was_not(tmp_path, data):
    paths = data(tmp_path)
    expected = audit(*paths)
    for work in each_stop(paths, tmp_path):
        assert_equal_records(audit(*paths, work=work, resume=True), expected)


@pytest.mark.parametrize("data", [in_order, of_several_formats])
def test_rows_that_were_written_and_not_counted_are_forgotten(tmp_path, data):
    paths = data(tmp_path)
    expected = audit(*paths)
    for work in each_stop(paths, tmp_path, is_written=False):
        assert_equal_records(audit(*paths, work=work, resume=True), expected)


def test_an_audit_may_be_stopped_at_every_moment_one_after_the_other(tmp_path):
    for data in DATA:
        with case(data.__name__):
            folder = tmp_path / data.__name__
            folder.mkdir()
            paths = data(folder)
            assert_equal_records(in_steps(*paths, work=folder / "work"), audit(*paths))


def in_steps(*paths: Path, **options: Any) -> Record:
    """Return the record of an audit that is stopped each time that it saves, and goes on."""
    record = stopped(1, *paths, **options)
    for _ in range(60):
        if record is None:
            record = stopped(1, *paths, **options, resume=True)
    assert record is not None
    return record


def test_a_check_that_failed_has_failed_when_the_audit_goes_on(tmp_path):
    (path,) = of_documents(tmp_path)
    record = in_steps(path, work=tmp_path / "work", checks=(*CHECKS, Fails()))
    assert record.exit_code == 4
    assert_equal_records(record, audit(path, checks=(*CHECKS, Fails())))


def test_faults_of_the_form_of_lines_are_reported_once_after_any_number_of_stops(tmp_path):
    paths = with_broken_lines(tmp_path)
    for k in (1, 4, 6):
        assert stopped(k, *paths, work=tmp_path / str(k)) is None
        record = audit(*paths, work=tmp_path / str(k), resume=True)
        reported = [
            row["summary"] for row in record.table.to_pylist() if row["rule"] == "schema_invariants/line_format"
        ]
        assert len(reported) == len(paths) + 1  # CRLF in each, and blank lines in one


THREADS = {"engine": "threads", "workers": 3}


@pytest.mark.parametrize(
    "data",
    [
        of_several_formats,
        of_several_formats_and_scattered,
    ],
)
def test_an_audit_on_threads_goes_on_as_if_it_was_not_stopped(tmp_path, data):
    paths = data(tmp_path)
    expected = audit(*paths)
    for work in each_stop(paths, tmp_path, **THREADS):
        assert_equal_records(audit(*paths, work=work, resume=True, **THREADS), expected)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, THREADS),
        (THREADS, {}),
        ({"memory": "1KB"}, {}),
        ({}, {"memory": "1KB"}),
        (THREADS, {"engine": "threads", "workers": 1, "memory": "1KB"}),
    ],
)
def test_engine_workers_and_memory_may_be_others_afterwards(tmp_path, before, after):
    paths = of_several_formats(tmp_path)
    for k in (2, 5, 9):
        assert stopped(k, *paths, work=tmp_path / str(k), **before) is None
        assert_equal_records(audit(*paths, work=tmp_path / str(k), resume=True, **after), audit(*paths))


@pytest.mark.parametrize("data", [in_several_files, of_several_formats])
def test_finished_sources_are_not_read_again(tmp_path, monkeypatch, data):
    paths, n_finished = data(tmp_path), set()
    opened = names_of_opened(monkeypatch)
    for k in (2, 5, 8):
        work = tmp_path / f"stopped at {k}"
        assert stopped(k, *paths, work=work) is None
        finished = {name for name, *_ in kept(work)["sources"]}
        opened.clear()
        audit(*paths, work=work, resume=True)
        assert set(opened) == {str(path) for path in paths} - finished
        n_finished.add(len(finished))
    assert len(n_finished) > 1


def kept(work: Path) -> dict[str, Any]:
    """Return the moment that an audit would go back to."""
    return json.loads((work / checkpoint.STATE).read_text())["state"]


def names_of_opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the name of each source whose records are read; lines read again do not count."""
    opened: list[str] = []
    blocks = cutting.blocks

    def watched(source: Source, *args: Any, again: bool = False, **options: Any) -> Iterator[Block]:
        if not again:
            opened.append(source.name)
        return blocks(source, *args, again=again, **options)

    monkeypatch.setattr("chataudit.audit.reading.blocks.cutting.blocks", watched)
    return opened


# -- killed ----------------------------------------------------------------------------------------------------------

EAGER = """
import chataudit.audit.storage.checkpoint as j; j.PAUSE = 0.05
import chataudit.audit.reading.blocks.block as r; r.BLOCK = 1 << 15
"""
COMMAND = "from chataudit.audit.commands.app import main; main()"


def process(*words: Any, before: str = EAGER) -> subprocess.Popen[bytes]:
    code = [sys.executable, "-c", before + COMMAND, "run", *map(str, words), "-q"]
    return subprocess.Popen(code, stderr=subprocess.PIPE)


def tables(folder: Path) -> list[list[Row]]:
    names = ("findings.parquet", "messages.parquet", "threads.parquet")
    return [pq.read_table(folder / name).to_pylist() for name in names]


@needs_shared
def test_an_audit_that_is_killed_four_times_gives_the_tables_of_an_undisturbed_one(tmp_path):
    tool = SHARED / "tools" / "make_release.py"
    subprocess.run([sys.executable, tool, "--messages", "2000", "--out", tmp_path], check=True, capture_output=True)
    out, chance = tmp_path / "o", random.Random(1)
    words = (tmp_path / "messages.jsonl", "--checks", "schema_invariants,near_duplicates", "--out")
    for k in range(4):
        running = process(*words, out, *(["--resume"] if k else []))
        state = tmp_path / "o.unfinished" / checkpoint.STATE
        before = state.stat().st_mtime_ns if state.exists() else 0
        while running.poll() is None and not (state.exists() and state.stat().st_mtime_ns > before):
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.03))
        running.kill()
        assert running.wait() == -9
        assert not out.exists()
    assert process(*words, out, "--resume").wait() == 0
    assert process(*words, tmp_path / "expected").wait() == 0
    assert tables(out) == tables(tmp_path / "expected")


def test_what_a_kill_leaves_of_a_record_is_no_data_of_the_run_that_goes_on(tmp_path):
    shards(tmp_path / "data")
    words = (tmp_path / "data", "--out", tmp_path / "data" / "o", "--checks", "schema_invariants")
    killed = "import os, msgspec; msgspec.json.format = lambda *_, **__: os.kill(os.getpid(), 9)\n"
    assert process(*words, before=EAGER + killed).wait() == -9
    resumed = process(*words, "--resume")
    _, reported = resumed.communicate()
    assert (resumed.returncode, reported) == (0, b"")


# -- the command -----------------------------------------------------------------------------------------------------

ONLY = ("--checks", "schema_invariants", "-q")


def shards(folder: Path) -> list[Path]:
    """Write three files of flat trees; the audit of each ends in a moment that is kept."""
    folder.mkdir()
    return [write(folder / f"{k}.jsonl", one_by_one(trees(f"s{k}-"))) for k in (1, 2, 3)]


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, ["run", *words])


def leave(after: int = 2, *, is_written: bool = True) -> None:
    """Leave what `chataudit run data --out o` leaves when it is killed in that moment."""
    shards(Path("data"))
    options = {"checks": ["schema_invariants"], "block": block.BLOCK, "work": "o.unfinished"}
    assert stopped(after, Path("data"), is_written=is_written, **options) is None


def undisturbed() -> Record:
    return audit(Path("data"), checks=["schema_invariants"], block=block.BLOCK)


def in_lines(output: str) -> list[str]:
    return [line for line in output.splitlines() if line]


def test_with_nothing_to_resume_the_command_refuses(call, tmp_path):
    shards(tmp_path / "data")
    done = call("data", "--out", "o", "--resume", *ONLY)
    assert done.exit_code == 2
    assert in_lines(done.output) == ["chataudit: o.unfinished: no unfinished audit. Run without --resume to start one"]
    assert not Path("o").exists()


def test_the_command_goes_on_and_leaves_nothing_but_the_audit(call, monkeypatch, tmp_path):
    leave()
    opened = names_of_opened(monkeypatch)
    done = call("data", "--out", "o", "--resume", *ONLY)
    assert (done.exit_code, done.output, opened) == (0, "", ["data/2.jsonl", "data/3.jsonl"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "o"]
    assert_equal_records(Record.read("o"), undisturbed())


def add_a_line() -> None:
    with open("data/3.jsonl", "a") as file:
        file.write("{}\n")


def touch() -> None:
    os.utime("data/3.jsonl", ns=(1, 1))


def add_a_file() -> None:
    write(Path("data/4.jsonl"), one_by_one(trees("s4-")))


def be_of_another_version() -> None:
    plan = Path("o.unfinished", checkpoint.PLAN)
    plan.write_bytes(msgspec.json.encode(msgspec.json.decode(plan.read_bytes()) | {"chataudit": "0.0.1"}))


@pytest.mark.parametrize(
    ("change", "words", "error"),
    [
        (add_a_line, ONLY, "the files changed"),
        (touch, ONLY, "the files changed"),
        (add_a_file, ONLY, "the files changed"),
        (be_of_another_version, ONLY, "chataudit changed"),
        (dict, ("--checks", "near_duplicates", "-q"), "the checks or their settings changed"),
        (dict, (*ONLY, "--format", "oasst_messages"), "the format changed"),
    ],
)
def test_what_changed_since_is_named_and_nothing_is_lost(call, change, words, error):
    leave()
    change()
    done = call("data", "--out", "o", "--resume", *words)
    assert done.exit_code == 2
    assert in_lines(done.output) == [
        f"chataudit: o.unfinished: {error} since that audit was interrupted. Undo that, or start over with --overwrite"
    ]
    assert kept(Path("o.unfinished"))["n_trees"] > 0


def test_a_run_that_would_begin_anew_is_refused_with_both_ways_out(call):
    leave()
    done = call("data", "--out", "o", *ONLY)
    assert done.exit_code == 2
    (line,) = in_lines(done.output)
    assert "o.unfinished: progress of an interrupted audit" in line
    assert "--resume" in line
    assert "--overwrite" in line
    assert kept(Path("o.unfinished"))["n_trees"] > 0


def test_overwrite_starts_over(call, monkeypatch):
    leave()
    opened = names_of_opened(monkeypatch)
    assert call("data", "--out", "o", "--overwrite", *ONLY).exit_code == 0
    assert len(opened) == 3
    assert not Path("o.unfinished").exists()
    assert_equal_records(Record.read("o"), undisturbed())


@pytest.mark.parametrize("words", [(), ("--resume",)])
def test_a_run_that_was_killed_before_anything_was_kept_starts_anew(call, words):
    leave(1, is_written=False)
    assert call("data", "--out", "o", *words, *ONLY).exit_code == 0
    assert not Path("o.unfinished").exists()
    assert_equal_records(Record.read("o"), undisturbed())


def test_what_is_kept_is_no_data(call):
    leave()
    Path("o.unfinished").rename("data/o.unfinished")
    assert call("data", "--out", "p", *ONLY).exit_code == 0
    assert_equal_records(Record.read("p"), undisturbed())
    assert len(Record.read("p").facts.sources) == 3


def test_the_command_goes_on_with_another_engine_and_other_limits(call):
    leave()
    words = ("--engine", "threads", "--workers", "3", "--memory", "1KB")
    assert call("data", "--out", "o", "--resume", *words, *ONLY).exit_code == 0
    assert_equal_records(Record.read("o"), undisturbed())


# -- what blocks a resumption ----------------------------------------------------------------------------------------


def full(*_args: Any, **_options: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def from_the(n: int, whole: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that its n-th call, and every later one, meets a full disk."""
    calls = itertools.count(1)
    return lambda *args, **options: (whole if next(calls) < n else full)(*args, **options)


@pytest.mark.parametrize(
    ("what", "n"), [((Spill, "flush"), 15), ((checkpoint, "_replace"), 4), ((Record, "write"), 1)], ids=str
)
def test_a_full_disk_is_one_line_and_nothing_that_was_kept_is_lost(call, what, n):
    shards(Path("data"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*what, from_the(n, getattr(*what)))
        done = call("data", "--out", "o", *ONLY)
    assert done.exit_code == 2
    assert in_lines(done.output) == [
        "Progress is saved in o.unfinished. Continue with --resume",
        "chataudit: the audit: could not be written (No space left on device)",
    ]
    assert not Path("o").exists()
    assert kept(Path("o.unfinished"))["n_trees"] > 0
    assert call("data", "--out", "o", "--resume", *ONLY).exit_code == 0
    assert_equal_records(Record.read("o"), undisturbed())


@pytest.fixture
def small_disk(tmp_path):
    """Mount a folder on a disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)  # this process may still have its files mapped


@pytest.mark.parametrize("room", [4, 40, 100, 200])
def test_an_audit_goes_on_when_a_full_disk_has_room_again(call, small_disk, room):
    shards(Path("data"))
    fill = small_disk / "others"
    fill.write_bytes(bytes(2 * 1024 * 1024 - room * 1024))
    done = call("data", "--out", str(small_disk / "o"), *ONLY)
    assert done.exit_code == 2
    *_, line = in_lines(done.output)
    assert line.startswith("chataudit: ")
    assert line.endswith("could not be written (No space left on device)")
    fill.unlink()
    more = ["--resume"] if (small_disk / "o.unfinished").exists() else []
    assert call("data", "--out", str(small_disk / "o"), *more, *ONLY).exit_code == 0
    assert [path.name for path in small_disk.iterdir()] == ["o"]
    assert_equal_records(Record.read(small_disk / "o"), undisturbed())


class Vanishing(RecordingProgress):
    """A progress that takes a file away as soon as its format is known."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def say(self, line: str) -> None:
        super().say(line)
        if line.startswith(f"{self.path}: "):
            self.path.unlink(missing_ok=True)


def test_a_shard_that_vanishes_is_reported_and_the_others_are_audited(tmp_path):
    paths = shards(tmp_path / "data")
    record = audit(*paths, progress=Vanishing(paths[1]))
    assert record.exit_code == 3
    assert record.facts.errors == [f"{paths[1]}: could not be read to the end (No such file or directory)"]
    assert [source.records for source in record.facts.sources] == [36, 0, 36]


def test_that_a_shard_vanished_is_known_when_the_audit_goes_on(tmp_path):
    paths, work = shards(tmp_path / "data"), tmp_path / "work"
    whole = paths[1].read_bytes()
    changed = paths[1].stat().st_mtime_ns
    assert stopped(9, *paths, work=work, progress=Vanishing(paths[1])) is None
    paths[1].write_bytes(whole)
    os.utime(paths[1], ns=(changed, changed))
    record = audit(*paths, work=work, resume=True)
    assert record.facts.errors == [f"{paths[1]}: could not be read to the end (No such file or directory)"]
    assert [source.records for source in record.facts.sources] == [36, 0, 36]


def test_a_shard_that_may_not_be_read_is_reported_and_the_others_are_audited(call, monkeypatch):
    shards(Path("data"))
    whole = Path.open

    def refuse(self: Path, *args: Any, **options: Any) -> Any:
        if self.name == "2.jsonl":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return whole(self, *args, **options)

    monkeypatch.setattr(Path, "open", refuse)
    done = call("data", "--out", "o", "--checks", "schema_invariants")
    assert done.exit_code == 3
    assert "data/2.jsonl: could not be read" in done.output
    assert "Permission denied" in done.output
    assert [source.records for source in Record.read("o").facts.sources] == [36, 0, 36]
    assert not Path("o.unfinished").exists()
