"""How much an audit with schema_invariants costs, against a bare loop that decodes each line with msgspec.

    pytest tests/perf/test_one_check.py -m perf -s

The releases are made by ../shared/tools/make_release.py; ratios are of CPU seconds (all threads and the start of the
process included), medians of pairs measured in turn.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from building import SHARED, needs_shared

pytestmark = [pytest.mark.perf, needs_shared]

DECODE = """
import sys, msgspec
decode = msgspec.json.Decoder().decode
with open(sys.argv[1], "rb") as file:
    for line in file:
        decode(line)
"""
PAIRS = 5


def measure(command: list[str]) -> tuple[float, int]:
    """CPU seconds and peak memory in MB of one process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def release(folder: Path, messages: int) -> Path:
    tool = SHARED / "tools" / "make_release.py"
    out = folder / str(messages)
    subprocess.run(
        [sys.executable, str(tool), "--messages", str(messages), "--clean", "--out", str(out)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return out / "messages.jsonl"


def test_the_command_costs_at_most_four_bare_decodes_in_flat_memory(tmp_path):
    once, twice = release(tmp_path, 161_443), release(tmp_path, 322_886)

    def audit(path: Path, k: int) -> tuple[float, int]:
        out = tmp_path / f"audit-{path.parent.name}-{k}"
        return measure(
            [
                sys.executable,
                "-m",
                "chataudit.audit.cli",
                "run",
                str(path),
                "--checks",
                "schema_invariants",
                "--out",
                str(out),
            ]
        )

    pairs = [(audit(once, k), measure([sys.executable, "-c", DECODE, str(once)])) for k in range(PAIRS)]
    ratios = [ours[0] / bare[0] for ours, bare in pairs]
    peak = max(ours[1] for ours, _ in pairs)
    double = max(audit(twice, k)[1] for k in range(2))
    print(f"\n{once.stat().st_size / 1e6:.0f} MB of JSON")
    ours, bare = (statistics.median(side) for side in zip(*((o[0], b[0]) for o, b in pairs), strict=True))
    print(f"audit {ours:.2f} s CPU, bare decode {bare:.2f} s CPU")
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} (at most 4)")
    print(f"peak memory {peak} MB, for twice the data {double} MB: {double / peak:.2f} (at most 1,500 MB; 1.2)")
    assert statistics.median(ratios) <= 4
    assert peak < 1500
    assert double <= 1.2 * peak
