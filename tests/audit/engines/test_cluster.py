"""The engine ray: workers of a cluster find what one thread finds, even where they are killed on the way."""

import gzip
import itertools
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import EXAMPLE, SHARED, RecordingProgress, conversation, needs_shared, nest, write
from chataudit import run
from chataudit.audit.commands.app import app
from chataudit.audit.demo import release as demo
from chataudit.audit.engines import engine
from chataudit.audit.storage import checkpoint
from chataudit.audit.storage.checkpoint import Journal
from chataudit.checks.base import kernels
from chataudit.checks.base.check import Check, Result, Stage
from chataudit.checks.base.claims import claim, cover
from chataudit.checks.base.findings import WARNING, Rule
from chataudit.checks.base.messages import PLACES
from chataudit.checks.benchmark_leakage import references
from chataudit.checks.benchmark_leakage.check import BenchmarkLeakage
from chataudit.checks.lang_mismatch import detectors
from chataudit.checks.lang_mismatch.check import LangMismatch
from chataudit.checks.near_duplicates.check import NearDuplicates
from chataudit.checks.schema_invariants.check import SchemaInvariants
from planting import Fails, Planted
from typer.testing import CliRunner

pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra [ray]")

TESTS = Path(__file__).resolve().parents[2]
CANARY = "xanthorrhoea"  # in the text of every message, and nowhere else
BLOCK = 4000  # bytes: several batches a file
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}  # bytes; the least that Ray takes is 75 MB


# -- the cluster -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(references):
    """Start two nodes of one processor each, to which this process belongs; workers stay for the next audit."""
    import ray
    from ray.cluster_utils import Cluster

    Path("/tmp/ray").mkdir(exist_ok=True)  # Ray notes the address there even so, and fails where it never ran before
    folder = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short: sockets in it have paths of 107 bytes at most
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(TESTS))  # where workers find the checks of tests
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        made = Cluster(
            initialize_head=True, head_node_args={**NODE, "include_dashboard": False, "temp_dir": str(folder)}
        )
        made.add_node(**NODE)
        ray.init(made.address, log_to_driver=False, logging_level="error")
        yield made
    ray.shutdown()
    made.shutdown()
    until(lambda: not processes_of(folder))
    shutil.rmtree(folder)


def processes_of(folder: Path) -> list[str]:
    """List the processes of the cluster that keeps its files there."""
    found = subprocess.run(["pgrep", "-af", str(folder)], capture_output=True, text=True)
    return found.stdout.splitlines()


def until(is_so, seconds=120):
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.05)


# -- data ------------------------------------------------------------------------------------------------------------


def trees(name, n=12):
    """Return trees of three messages; some break a rule by themselves, others with a tree far from them."""
    made = [conversation(f"{name}{k}", text=f"Text {k} on {CANARY} says what no other says") for k in range(n)]
    made[1][1]["role"] = "moderator"
    made[2][2]["text"] = made[n - 2][0]["text"] = f"FAULT of two trees that say the very same words on {CANARY}"
    made[3][2]["message_id"] = made[n - 3][2]["message_id"]
    made[4][1]["text"] = "SKIP too odd"
    made[5][2]["created_date"] = "2035-01-01T00:00:00+00:00"
    return made


def documents(n):
    return [{"id": k, "text": f"ODD words number {k % 30} on {CANARY}, that others say again"} for k in range(n)]


def flat(folder):
    rows = [row for tree in trees("t") for row in tree]
    return [write(folder / f"{at}.jsonl", rows[at : at + 9]) for at in range(0, len(rows), 9)]  # three trees a file


def cut_between_files(folder):
    rows = [row for tree in trees("t") for row in tree]
    return [write(folder / f"{at}.jsonl", rows[at : at + 10]) for at in range(0, len(rows), 10)]


def scattered_over_files(folder):
    turns = zip(*trees("t"), strict=True)  # the first message of every tree, then the second of each
    return [write(folder / f"{k}.jsonl", rows) for k, rows in enumerate(turns)]


def nested(folder):
    made = [nest(tree) for tree in trees("n")]
    return [write(folder / f"{at}.jsonl", made[at : at + 4]) for at in range(0, len(made), 4)]


def of_documents(folder):
    made = documents(90)
    return [write(folder / f"{at}.jsonl", made[at : at + 45]) for at in (0, 45)]


def of_tables(folder):
    for k in range(2):
        pq.write_table(pa.Table.from_pylist(documents(40 + k)), folder / f"{k}.parquet", row_group_size=10)
    return [folder / "0.parquet", folder / "1.parquet"]


def with_broken_lines(folder):
    rows = [row for tree in trees("t") for row in tree]
    for at in (30, 20, 5):
        rows[at:at] = ["broken", "", '{"message_id": "x", "message_id": "y"}']
    paths = [write(folder / "1.jsonl", rows), write(folder / "2.jsonl", [row for tree in trees("u") for row in tree])]
    for path in paths:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return paths


def cut_in_the_middle(folder):
    rows = [row for tree in trees("t") for row in tree]
    whole, path = write(folder / "whole.jsonl", rows), folder / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(whole.read_bytes())[:-20])
    return [path, write(folder / "more.jsonl", [row for tree in trees("u") for row in tree])]


def of_all_kinds(folder):
    """Write several formats, one that nobody knows, an empty file, and one that ends too early."""
    rows = [row for tree in trees("t") for row in tree]
    paths = [
        write(folder / "1.jsonl", documents(50)),
        write(folder / "2.jsonl", rows[:18]),
        write(folder / "3.jsonl", [nest(tree) for tree in trees("n")]),
        write(folder / "4.jsonl", [{"alpha": 1}, {"alpha": 2}]),
        write(folder / "5.jsonl", []),
        write(folder / "6.jsonl", rows[18:]),
        folder / "7.jsonl.gz",
        write(folder / "8.jsonl", documents(20)),
    ]
    paths[6].write_bytes(gzip.compress((folder / "3.jsonl").read_bytes())[:-20])
    return paths


# -- checks ----------------------------------------------------------------------------------------------------------


SAID = pa.schema([*PLACES, ("text", pa.string())])


@dataclass(frozen=True)
class Repeats(Check):
    """Flag texts that another message has said, by a shuffle on what they say."""

    name = "repeats"
    rules = (Rule("repeats/text", "A text stands twice", WARNING, "Drop one.", EXAMPLE),)

    def stages(self):
        return Stage(self.scan), Stage(self.meet, {"said": SAID}, by="text")

    def scan(self, batch):
        said = batch.places.append_column("text", batch.column("text"))
        return Result(coverage=cover(batch.messages), rows={"said": said})

    def meet(self, rows):
        repeated = Counter(rows["text"].to_pylist())
        at = np.flatnonzero([repeated[text] > 1 for text in rows["text"].to_pylist()])
        return Result(claim(rows, self.rules[0], at, "Another message says the same"))


@dataclass(frozen=True)
class Dies(Repeats):
    """Its process is killed, once in each stage: one worker in the middle of a file, another of a shuffle."""

    name = "dies"
    rules = (Rule("dies/text", "A text stands twice", WARNING, "Drop one.", EXAMPLE),)

    folder: str = ""  # where those that died have left a file
    spared: int = 0  # the process that is not to die

    def scan(self, batch):
        if batch.column("line")[0].as_py() > 1:
            self._die("scan")
        return super().scan(batch)

    def meet(self, rows):
        self._die("meet")
        return super().meet(rows)

    def _die(self, stage):
        grave = Path(self.folder, stage)
        if os.getpid() != self.spared and not grave.exists():
            grave.touch()
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Waits(Planted):
    """On one node it never ends; on the others it waits until that one has begun."""

    name = "planted"

    node: str = ""
    folder: str = ""

    def scan(self, batch):
        import ray

        begun = Path(self.folder, "begun")
        if self.node and ray.get_runtime_context().get_node_id() == self.node:
            begun.touch()
            time.sleep(60)
        until(begun.exists)
        return super().scan(batch)


@dataclass(frozen=True)
class Counts(Check):
    """How often references were read from disk so far and which models are there, in a file for each process."""

    name = "counts"
    rules = ()

    folder: str = ""

    def scan(self, batch):
        here = {"fingerprints": references._loaded.cache_info().misses}
        here |= {name: id(model) for name, model in detectors._MADE.items()}
        with open(Path(self.folder, str(os.getpid())), "a") as file:
            file.write(json.dumps(here) + "\n")
        return Result(coverage=cover(batch.messages))


# -- the same as in one thread ---------------------------------------------------------------------------------------


def facts(record):
    """Return the facts of a record without its times, and without who did the work."""
    checks = [msgspec.structs.replace(check, seconds=0) for check in record.facts.checks]
    return msgspec.structs.replace(record.facts, started="", seconds=0, engine="", workers=0, checks=checks)


def assert_equal_records(record, expected):
    assert facts(record) == facts(expected)
    assert record.table.to_pylist() == expected.table.to_pylist()
    assert record.messages.to_pylist() == expected.messages.to_pylist()
    assert record.threads.to_pylist() == expected.threads.to_pylist()


def both(cluster, *paths, **options):
    """Audit these files on the cluster, and in one thread."""
    on_ray = run(*paths, engine="ray", address=cluster.address, **options)
    return on_ray, run(*paths, engine="serial", **options)


# With shuffles, which are some hundred tasks; and without, where what is read is the question.
ALL_STAGES = (SchemaInvariants(), NearDuplicates(), Planted(labelled=(1, 2, 3, 4)), Repeats())
FIRST_STAGES = (NearDuplicates(), Planted())


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """Write a release with planted faults, in six files."""
    folder = tmp_path_factory.mktemp("release")
    tool = SHARED / "tools" / "make_release.py"
    words = [sys.executable, str(tool), "--messages", "2000", "--seed", "1", "--out", str(folder)]
    subprocess.run(words, check=True, capture_output=True)
    lines = (folder / "messages.jsonl").read_bytes().splitlines()
    return [write(folder / f"{k}.jsonl", lines[k * len(lines) // 6 : (k + 1) * len(lines) // 6]) for k in range(6)]


@needs_shared
def test_a_release_in_six_files_has_the_findings_of_one_thread(cluster, release):
    on_ray, expected = both(cluster, *release)
    assert_equal_records(on_ray, expected)
    assert on_ray.table.num_rows > 100
    assert (on_ray.facts.engine, on_ray.facts.workers) == ("ray", 2)


@pytest.mark.parametrize("data", [scattered_over_files, of_all_kinds])
def test_stages_whose_rows_come_from_several_workers_find_the_same(cluster, tmp_path, data):
    on_ray, expected = both(cluster, *data(tmp_path), checks=ALL_STAGES, block=BLOCK)
    assert_equal_records(on_ray, expected)
    assert not any(check.error for check in on_ray.facts.checks)
    assert {"planted", "near_duplicates", "schema_invariants", "repeats"} == set(on_ray.table["check"].to_pylist())


@needs_shared
def test_texts_are_compared_on_the_workers(cluster, release, monkeypatch):
    checks = [NearDuplicates(method="minhash")]
    expected = run(*release, engine="serial", checks=checks)
    for kernel in ("sign", "overlaps"):
        monkeypatch.delattr(kernels, kernel)  # in this process alone
    on_ray = run(*release, engine="ray", address=cluster.address, checks=checks)
    assert_equal_records(on_ray, expected)
    assert on_ray.table.num_rows > 30


SHAPES = [flat, cut_between_files, nested, of_documents, of_tables, with_broken_lines, cut_in_the_middle]


@pytest.mark.parametrize("data", SHAPES)
def test_files_of_this_shape_are_read_the_same(cluster, tmp_path, data):
    on_ray, expected = both(cluster, *data(tmp_path), checks=FIRST_STAGES, block=BLOCK)
    assert_equal_records(on_ray, expected)
    assert on_ray.table.num_rows


def test_sources_that_could_not_be_read_are_reported_and_change_the_exit_code(cluster, tmp_path):
    paths = of_all_kinds(tmp_path)
    progress = RecordingProgress()
    record = run(*paths, engine="ray", address=cluster.address, checks=[Planted()], progress=progress)
    assert record.exit_code == 3
    at_4, at_7 = record.facts.errors
    assert at_4.startswith(f"{paths[3]}: unknown format")
    assert at_7.startswith(f"{paths[6]}: the gzip stream ends early")
    assert progress.read == progress.n_bytes > 0


def test_a_check_that_fails_on_all_workers_is_reported_once(cluster, tmp_path):
    progress = RecordingProgress()
    record = run(
        *flat(tmp_path),
        engine="ray",
        address=cluster.address,
        checks=[Fails(), Planted()],
        block=BLOCK,
        progress=progress,
    )
    assert [
        line for line in progress.lines if line.startswith("fails failed: RuntimeError: no luck")
    ] == progress.lines[-1:]
    assert record.exit_code == 4
    assert {row["check"] for row in record.table.to_pylist()} == {"planted"}


def test_a_check_that_only_this_process_knows_goes_to_the_workers(cluster, tmp_path):
    @dataclass(frozen=True)
    class Own(Planted):
        """Flag what no module knows of."""

        name = "own"
        rules = (Rule("own/fault", "The text says FAULT", WARNING, "Drop the message.", EXAMPLE),)

    on_ray, expected = both(cluster, *flat(tmp_path), checks=[Own()])
    assert_equal_records(on_ray, expected)
    assert on_ray.table.num_rows == 2


# -- workers and nodes that die --------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_in_the_middle_changes_nothing(cluster, tmp_path):
    check = Dies(folder=str(tmp_path), spared=os.getpid())
    paths = nested(tmp_path)  # whose batches are as small as blocks are
    # So little memory that rows are on disk already when their worker dies.
    on_ray, expected = both(cluster, *paths, checks=[check, NearDuplicates()], block=1000, memory="1KB")
    assert (tmp_path / "scan").exists()
    assert (tmp_path / "meet").exists()
    assert_equal_records(on_ray, expected)
    assert {"dies", "near_duplicates"} == set(on_ray.table["check"].to_pylist())


def test_a_node_that_is_lost_in_the_middle_changes_nothing(cluster, tmp_path):
    node = cluster.add_node(**NODE)
    check = Waits(node=node.node_id, folder=str(tmp_path))
    paths = flat(tmp_path)

    def lose():
        until((tmp_path / "begun").exists)
        cluster.remove_node(node, allow_graceful=False)

    thread = Thread(target=lose)
    thread.start()
    on_ray, expected = both(cluster, *paths, checks=[check])
    thread.join()
    assert on_ray.facts.workers == 3
    assert_equal_records(on_ray, expected)
    assert on_ray.table.num_rows == 2


# -- what workers keep in memory -------------------------------------------------------------------------------------


def test_references_and_models_are_read_once_in_a_worker(cluster, tmp_path):
    checks = [BenchmarkLeakage(), LangMismatch(), Counts(folder=str(tmp_path))]
    paths = [write(tmp_path / f"{k}.jsonl", conversation(f"t{k}")) for k in range(8)]
    run(*paths, engine="ray", address=cluster.address, checks=checks)
    counts = [path.read_text().splitlines() for path in tmp_path.iterdir() if path.name.isdigit()]
    assert sum(map(len, counts)) == 8
    assert len(counts) <= 2 + 1  # one more where a worker was replaced
    for lines in counts:
        assert len(set(lines)) == 1  # the number of reads, and each model's address
        assert json.loads(lines[0])["fingerprints"] == 1
        assert len(json.loads(lines[0])) > 1


# -- being stopped ---------------------------------------------------------------------------------------------------


class Stopped(BaseException):
    """A process that is killed, as far as one process can play it to itself."""


@pytest.fixture
def _eager(monkeypatch):
    """Let audits keep what they have at every moment that they could."""
    monkeypatch.setattr(checkpoint, "PAUSE", 0)
    monkeypatch.setattr(checkpoint, "SHARE", 0)


class Packed(engine.Serial):
    """A cluster of one process: what goes to a worker and comes back is packed."""

    name = "ray"
    is_cluster = True

    def map(self, function, items):
        from ray import cloudpickle

        packed = cloudpickle.dumps(function)
        for item in items:
            yield pickle.loads(pickle.dumps(pickle.loads(packed)(pickle.loads(pickle.dumps(item)))))


@pytest.fixture
def _packed(monkeypatch):
    """Run the engine ray in one process, so that every moment of its audits can be tried."""
    start = engine.start
    monkeypatch.setattr(
        engine, "start", lambda name, *more, **said: Packed() if name == "ray" else start(name, *more, **said)
    )


def stopped(after, *paths, **options):
    """Return whether an audit was stopped when it had saved for the n-th time; else it did not save so often."""
    with pytest.MonkeyPatch.context() as patch:
        moments = itertools.count(1)
        save = Journal.save

        def stop(self, state):
            save(self, state)
            if not self._prefix and next(moments) == after:  # not where a worker saves
                raise Stopped

        patch.setattr(Journal, "save", stop)
        try:
            run(*paths, **options)
        except Stopped:
            return True
    return False


# Some of the moments: the shuffle of 64 partitions alone is as many.
MOMENTS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 30, 60, 72, 73, 74)
STOPPED = [scattered_over_files, nested, of_all_kinds]


@pytest.mark.usefixtures("_eager", "_packed")
@pytest.mark.parametrize("data", STOPPED)
def test_an_audit_that_was_stopped_goes_on_as_if_it_was_not(tmp_path, data):
    paths = data(tmp_path)
    options = {"checks": ALL_STAGES, "block": BLOCK}
    expected = run(*paths, engine="serial", **options)
    assert_equal_records(run(*paths, engine="ray", **options), expected)
    for moment in MOMENTS:
        work = tmp_path / f"stopped at {moment}"
        if stopped(moment, *paths, engine="ray", work=work, **options):
            assert_equal_records(run(*paths, engine="ray", work=work, resume=True, **options), expected)


@pytest.mark.usefixtures("_eager", "_packed")
@pytest.mark.parametrize(("before", "after"), [("ray", "serial"), ("ray", "threads"), ("serial", "ray")])
def test_what_was_begun_on_a_cluster_goes_on_there_and_nothing_else_does(tmp_path, before, after):
    paths, work = nested(tmp_path), tmp_path / "work"
    options = {"checks": FIRST_STAGES, "block": BLOCK}
    assert stopped(2, *paths, engine=before, work=work, **options)
    with pytest.raises(
        ValueError,
        match=r"the engine \(from ray or processes to others, or back\) changed since that audit was interrupted",
    ):
        run(*paths, engine=after, work=work, resume=True, **options)


@pytest.mark.usefixtures("_eager", "_packed")
def test_only_the_driver_saves_how_far_the_audit_is(tmp_path, monkeypatch):
    reported = []
    save = Journal.save

    def listen(self, state):
        reported.append(self._prefix)
        save(self, state)

    monkeypatch.setattr(Journal, "save", listen)
    run(*nested(tmp_path), engine="ray", work=tmp_path / "work", checks=FIRST_STAGES, block=BLOCK)
    assert set(reported) == {""}  # what a worker writes begins with the name of its part


@pytest.mark.usefixtures("_eager")
def test_an_audit_on_the_cluster_goes_on_after_it_was_stopped(cluster, tmp_path):
    paths, work = nested(tmp_path), tmp_path / "work"
    options = {"checks": FIRST_STAGES, "block": BLOCK}
    address = cluster.address
    assert stopped(2, *paths, engine="ray", address=address, work=work, **options)
    resumed = run(*paths, engine="ray", address=address, work=work, resume=True, **options)
    assert_equal_records(resumed, run(*paths, engine="serial", **options))


# -- where the workers are -------------------------------------------------------------------------------------------


def test_paths_are_those_of_the_caller(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the nodes were started in another folder
    names = [path.name for path in flat(tmp_path)]
    on_ray, expected = both(cluster, *names, checks=[Planted()], work="work")
    assert_equal_records(on_ray, expected)


def test_references_are_those_of_the_caller(cluster, tmp_path, monkeypatch):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path))  # none; the nodes were started with some
    path = tmp_path / "data.jsonl"
    demo.release(1).write(path)
    on_ray, expected = both(cluster, path, checks=[BenchmarkLeakage()])
    assert_equal_records(on_ray, expected)


# -- what is refused -------------------------------------------------------------------------------------------------


def command(*words):
    """Run `chataudit` as a process of its own."""
    line = [sys.executable, "-m", "chataudit", *map(str, words)]
    return subprocess.run(line, capture_output=True, text=True)


def test_missing_packages_are_named_with_how_to_install_them(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LookupError, match=r'engine "ray" is not installed .* pip install "chataudit\[ray\]"'):
        run(*nested(tmp_path), engine="ray")


def test_an_address_without_a_cluster_is_refused_in_one_line(tmp_path):
    began = time.monotonic()
    done = command("run", *nested(tmp_path), "--out", tmp_path / "out", "--engine", "ray", "--address", "127.0.0.1:9")
    assert time.monotonic() - began < 30
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("chataudit: no Ray cluster at '127.0.0.1:9': ")
    assert not (tmp_path / "out").exists()


def test_an_address_is_for_the_engine_ray_alone(tmp_path):
    words = ["run", str(nested(tmp_path)[0]), "--out", str(tmp_path / "out"), "--address", "auto"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "address 'auto': the engine auto runs only on this machine. Use the engine ray" in done.stderr


# -- output ----------------------------------------------------------------------------------------------------------


def test_without_an_address_the_command_starts_a_cluster_and_prints_only_its_own_lines(cluster, tmp_path):
    paths = flat(tmp_path)
    # Ray would use the cluster above, which a file of Ray names; that one takes no number of workers.
    words = ["--out", tmp_path / "out", "--checks", "prompt_parroting"]
    done = command("run", *paths, *words, "--engine", "ray", "--workers", "1")
    assert done.returncode == 0, done.stderr
    expected = command("run", *paths, *words, "--engine", "serial", "--overwrite")
    size, *found = done.stdout.splitlines()
    assert size.startswith("36 messages in 12 trees, 4 files, ")  # and the seconds that it took
    assert found == expected.stdout.splitlines()[1:]
    assert done.stderr == expected.stderr


def test_no_text_of_the_data_is_in_the_logs(cluster, tmp_path):
    @dataclass(frozen=True)
    class Quotes(Check):
        """Fails with words of the data."""

        name = "quotes"
        rules = ()

        def scan(self, batch):
            raise RuntimeError(batch.column("text")[0].as_py())

    record = run(*of_all_kinds(tmp_path), engine="ray", address=cluster.address, checks=[Quotes(), *FIRST_STAGES])
    assert CANARY in record.facts.checks[0].error
    logs = [path for path in Path(cluster.head_node.get_logs_dir_path()).rglob("*") if path.is_file()]
    assert len(logs) > 5
    assert [path.name for path in logs if CANARY.encode() in path.read_bytes()] == []
