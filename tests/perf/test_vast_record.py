"""What a record of more findings than a report shows takes: seconds, and memory beside its files.

    pytest tests/perf/test_vast_record.py -m perf -s

1,500,000 messages with a finding each, of two quotes of 240 characters: 2 GB of Arrow streams, which another process
lays down. A minute, and 4 GB of disk. Memory counts what was looked at of mapped files, too.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import vast_record

pytestmark = pytest.mark.perf

FINDINGS = 1_500_000
PER_FINDING, FIXED = 150, 250  # bytes, MB


def measured(folder: Path, *steps: str) -> dict[str, dict[str, float]]:
    """Return seconds and MB of each of these steps, one after the other in a process of their own."""
    command = [sys.executable, vast_record.__file__, "measure", str(folder), *steps]
    reported: dict[str, dict[str, float]] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    print()
    for step, took in reported.items():
        print(f"{step}: {took['seconds']:.1f} s, {took['mb']:,.0f} MB")
    return reported


def test_a_record_of_millions_is_shown_and_written_in_linear_time_and_little_memory(tmp_path, monkeypatch):
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here.parent}:{here}")
    command = [sys.executable, vast_record.__file__, "build", str(tmp_path), str(FINDINGS)]
    subprocess.run(command, check=True)
    reported = measured(tmp_path, "page", "pages", "write")
    assert reported["page"]["seconds"] + reported["pages"]["seconds"] < 25
    assert reported["write"]["seconds"] < 15
    assert reported["all"]["mb"] < FIXED + PER_FINDING * FINDINGS / 1e6
    # What is not part of an audit: printed, without a limit.
    measured(tmp_path, "write", "read", "decide", "sarif", "rates")
