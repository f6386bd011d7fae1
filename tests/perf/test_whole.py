"""What the whole audit costs: all checks, default settings, all references that are shipped, record and report written.

    pytest tests/perf/test_whole.py -m perf -s

161,443 messages, 116 MB of text, made by ../shared/tools/make_release.py. Whole processes are measured, from their
start to their end; runs that are compared are made in turn, and the least seconds of each count: what else the machine
does only adds. Of the memory the largest peak counts. The limits are meant for two processors; on a larger machine put
`taskset -c 0,1` before the command. Few messages break them: an audit takes seconds to start.

The audit is compared with a bare loop that decodes each line with msgspec, and against obvious.py, which does the same
as a user would write it. That takes some twenty minutes, so it reads the first twentieth of the messages alone (with
PART = 1 all of them). Its start, until the first message is checked, is measured apart and counted once; the rest is
counted twenty times, as a message costs it the same in any place. Its CPU seconds are scaled: it has one thread,
so its wall time is never less, and a difference taken twenty times bears no waiting for others on the machine.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq
import pytest
from building import needs_shared
from chataudit.checks.base import kernels
from measuring import audit, measure, release
from test_one_check import DECODE

pytestmark = [pytest.mark.perf, needs_shared]

MESSAGES = 161_443
OBVIOUS = Path(__file__).with_name("obvious.py")
PART = 20  # the obvious program reads the first of this number of parts of the messages
ROUNDS = 3


class Cost(NamedTuple):
    wall: float  # seconds
    cpu: float  # seconds of all threads
    peak: int  # MB


def timed(measured: Callable[..., tuple[float, int]], *arguments: object) -> Cost:
    """Return the cost of what `measure` or `audit` runs."""
    began = time.perf_counter()
    cpu, peak = measured(*arguments)
    return Cost(time.perf_counter() - began, cpu, peak)


def best(runs: Sequence[Cost]) -> Cost:
    return Cost(min(run.wall for run in runs), min(run.cpu for run in runs), max(run.peak for run in runs))


def spread(runs: Sequence[Cost]) -> str:
    wall, cpu, peak = best(runs)
    return f"{wall:.2f} s ({wall:.2f} to {max(run.wall for run in runs):.2f}), {cpu:.2f} s CPU, {peak:,} MB"


@pytest.fixture(autouse=True)
def nothing_of_this_machine(tmp_path, monkeypatch):
    """Use neither settings nor references of the machine that runs the measurement."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path / "nothing"))


def test_the_command_against_the_obvious_program_and_bare_decodes(tmp_path):
    path = release(tmp_path, MESSAGES, "--clean", "--seed", "1")
    made = json.loads((path.parent / "summary.json").read_text())
    obvious = [sys.executable, str(OBVIOUS), str(path), "--limit"]
    n_part = made["messages"] // PART
    decodes, ours, starts, parts = [], [], [], []
    for k in range(ROUNDS):
        decodes.append(timed(measure, [sys.executable, "-c", DECODE, str(path)]))
        ours.append(timed(audit, path, tmp_path / f"audit-{k}"))
        starts.append(timed(measure, [*obvious, "1"]))
        parts.append(timed(measure, [*obvious, str(n_part)]))
    decode, whole, start, part = map(best, (decodes, ours, starts, parts))
    scaled = start.cpu + (part.cpu - start.cpu) * made["messages"] / n_part
    ratio, n_decodes = scaled / whole.wall, whole.wall / decode.wall
    findings = pq.read_metadata(tmp_path / "audit-0" / "findings.parquet").num_rows
    print(f"\n{made['messages']:,} messages, {made['text_bytes'] / 1e6:.0f} MB of text, ", end="")
    print(f"{path.stat().st_size / 1e6:.0f} MB of JSON, kernels {'compiled' if kernels.COMPILED else 'in NumPy'}")
    print(f"audit {spread(ours)} (at most 2,000); {findings:,} findings")
    print(f"bare decode {spread(decodes)}")
    print(f"obvious program, first {n_part:,} messages: {spread(parts)}; its start: {spread(starts)}")
    print(f"obvious program, all messages, scaled: at least {scaled:.0f} s (CPU, its start once, the rest by {PART})")
    print(f"obvious program, scaled / wall time of the audit {ratio:.1f} (at least 25)")
    print(f"wall time of the audit / bare decode {n_decodes:.1f} (at most 16)")
    assert ratio >= 25
    assert n_decodes <= 16
    assert whole.peak < 2000


def test_two_workers_against_one(tmp_path):
    path = release(tmp_path, MESSAGES, "--seed", "1")
    runs = {"1": [], "2": []}
    for k in range(ROUNDS):
        for workers, own in runs.items():
            own.append(timed(audit, path, tmp_path / f"audit-{workers}-{k}", "--workers", workers))
    one, two = map(best, runs.values())
    print(f"\n{path.stat().st_size / 1e6:.0f} MB of JSON with planted faults")
    print(f"one worker {spread(runs['1'])}")
    print(f"two workers {spread(runs['2'])}")
    print(f"wall time of one / two {one.wall / two.wall:.2f} (at least 1.6)")
    assert one.wall >= 1.6 * two.wall
