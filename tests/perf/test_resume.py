"""Audits that are killed at any moment, and what comes out when they go on.

    pytest tests/perf/test_resume.py -m perf -s

The release is made by ../shared/tools/make_release.py. Each audit goes on after each kill until it ends; then its
tables are compared with those of one that nobody disturbed, and the next audit begins, until there were enough kills.
"""

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from building import needs_shared
from measuring import release

pytestmark = [pytest.mark.perf, needs_shared]

MESSAGES, FILES, KILLS = 20_000, 4, 20
# It keeps what it has twenty times a second, and has small batches, so that there is much to go wrong.
CODE = """
import chataudit.audit.storage.checkpoint as j; j.PAUSE = 0.05
import chataudit.audit.reading.blocks.block as r; r.BLOCK = 1 << 20
from chataudit.audit.commands.app import main; main()
"""


def begin(data: Path, out: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", CODE, "run", str(data), "--out", str(out), "-q", *words])


def in_parts(path: Path, folder: Path) -> Path:
    """Write the lines of a file as several files; most cuts are within a tree."""
    lines = path.read_bytes().splitlines(keepends=True)
    folder.mkdir()
    for k in range(FILES):
        part = lines[k * len(lines) // FILES : (k + 1) * len(lines) // FILES]
        (folder / f"{k + 1}.jsonl").write_bytes(b"".join(part))
    return folder


def tables(folder: Path) -> list[Any]:
    return [pq.read_table(folder / f"{name}.parquet").to_pylist() for name in ("findings", "messages", "threads")]


def moment(work: Path) -> str:
    """Return how far an audit is known to have come when it was killed."""
    if not (work / "state").exists():
        return "nothing was kept"
    state = json.loads((work / "state").read_bytes())["state"]
    form, source, blocks, *_ = state["mark"]
    if form == 0:
        return f"in file {source + 1}, behind block {blocks}"
    return "all was read; stages done: " + ", ".join(f"{k} {v['stages']}" for k, v in state["outcomes"].items())


def test_twenty_kills_at_random_moments_change_nothing(tmp_path):
    data = in_parts(release(tmp_path, MESSAGES), tmp_path / "data")
    began = time.monotonic()
    assert begin(data, tmp_path / "expected").wait() == 0
    whole = time.monotonic() - began
    expected, chance, kills, audits = tables(tmp_path / "expected"), random.Random(1), 0, 0
    print(f"\n{MESSAGES:,} messages in {FILES} files; undisturbed {whole:.1f} s")
    while kills < KILLS:
        out, words = tmp_path / f"audit-{audits}", ["--overwrite"]  # a kill may come just behind the record
        work = out.with_name(f"{out.name}.unfinished")
        while True:
            running, after = begin(data, out, *words), chance.uniform(0, whole)
            try:
                assert running.wait(after if kills < KILLS else None) == 0
                break
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            kills += 1
            words = ["--overwrite", *(["--resume"] if work.exists() else [])]
            print(f"kill {kills:2} after {after:4.1f} s: {moment(work)}")
        assert tables(out) == expected
        assert not work.exists()
        audits += 1
        print(f"audit {audits} ended, with the tables of the undisturbed one")
