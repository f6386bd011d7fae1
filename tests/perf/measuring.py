"""Whole processes measured, and the data that they are measured on."""

import os
import subprocess
import sys
from pathlib import Path

from building import SHARED


def measure(command: list[str]) -> tuple[float, int]:
    """Return CPU seconds and peak memory in MB of one process."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def audit(path: Path, out: Path, *options: str) -> tuple[float, int]:
    """Return CPU seconds and peak memory in MB of `chataudit run`."""
    command = [sys.executable, "-m", "chataudit", "run", str(path), "--out", str(out), *options]
    figures = measure(command)
    assert (out / "report.html").is_file(), "what was measured is no audit"
    return figures


def release(folder: Path, messages: int, *options: str) -> Path:
    """Make a release of this number of messages with ../shared/tools/make_release.py."""
    tool = SHARED / "tools" / "make_release.py"
    out = folder / str(messages)
    subprocess.run(
        [sys.executable, str(tool), "--messages", str(messages), "--out", str(out), *options],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return out / "messages.jsonl"
