"""What benchmark_leakage costs against other searches for benchmark items in the same texts, and with all it ships.

    pytest tests/perf/test_benchmark_leakage.py -m perf -s

87 MB of text, 17,732 items. The peers need Python 3.12 and an environment of their own: the python of $CHATAUDIT_PEERS,
or one made here, which downloads them. Ratios are of CPU seconds of whole processes, medians of pairs measured in turn.
Ours reads a fingerprint made before, and writes the record and the report; the peers build their indexes each time.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from building import needs_shared
from chataudit.checks.base import kernels
from leakage_peers import ITEMS, PACKAGES, commands, found, prepare, texts
from measuring import audit, measure

pytestmark = [pytest.mark.perf, needs_shared]

ROUNDS = 3
HAS_PEERS = "import sys, decon, corpus_assay; assert sys.version_info[:2] == (3, 12)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("leakage")


@pytest.fixture(scope="module")
def n_bytes(folder):
    return prepare(folder)


@pytest.fixture(scope="session")
def peers(tmp_path_factory):
    """Return the python of an environment with both peers."""
    if named := os.environ.get("CHATAUDIT_PEERS"):
        if fault := fails(named, "-c", HAS_PEERS):
            pytest.skip(f"CHATAUDIT_PEERS={named} is no Python 3.12 with {' and '.join(PACKAGES)}: {fault}")
        return Path(named)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = ["python3.12", *map(str, sorted(pyenv.glob("versions/3.12.*/bin/python")))]
    base = next((one for one in candidates if not fails(one, "-c", "")), None)
    if base is None:
        pytest.skip("no python3.12 on this machine")
    made = tmp_path_factory.mktemp("peers")
    python = made / "bin" / "python"
    fault = fails(base, "-m", "venv", str(made)) or fails(str(python), "-m", "pip", "install", "--quiet", *PACKAGES)
    if fault := fault or fails(str(python), "-c", HAS_PEERS):
        pytest.skip(f"{' and '.join(PACKAGES)} cannot be installed: {fault}")
    return python


def fails(*command):
    """Return the last line that a command complains with, nothing if it ends well."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        return str(error)
    return done.returncode and (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def test_from_file_to_findings_against_peers(folder, n_bytes, peers, tmp_path, monkeypatch):
    # What the loader of corpus-assay keeps goes here, and it asks nobody for anything.
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    references = tmp_path / "references"
    members = ("--question", "question", "--choices", "options", "--answer", "answer", "--id", "id")
    add = [sys.executable, "-m", "chataudit", "refs", "add", "planted", str(ITEMS), *members]
    making, _ = measure([*add, "--references", str(references)])
    settings = tmp_path / "planted.toml"
    settings.write_text(f"[checks.benchmark_leakage]\nreferences = ['planted']\nfolder = '{references}'\n")
    runs = {"ours": []}
    for k in range(ROUNDS):
        runs["ours"].append(ours(folder, tmp_path / f"audit-{k}", settings))
        for peer, command in commands(peers, folder, tmp_path / f"peers-{k}").items():
            runs.setdefault(peer, []).append(measure(command))

    findings = pq.read_table(tmp_path / "audit-0" / "findings.parquet", columns=["message_id"])
    flagged = {"ours": pc.count_distinct(findings["message_id"]).as_py(), **found(tmp_path / "peers-0")}
    print(f"\n{n_bytes / 1e6:.1f} MB of text, kernels {'compiled' if kernels.COMPILED else 'in NumPy'}")
    print(f"the fingerprint, made once: {making:.1f} s CPU")
    ratios = {}
    for name, pairs in runs.items():
        cpu, peak = statistics.median(cpu for cpu, _ in pairs), max(peak for _, peak in pairs)
        each = [one / other for (one, _), (other, _) in zip(runs["ours"], pairs, strict=True)]
        ratios[name] = statistics.median(each)
        note = f", {flagged[name]:,} texts flagged" if name in flagged else ""
        print(f"{name:24} {cpu:6.2f} s CPU, {peak} MiB{note}")
        if name != "ours":
            limit = " (at most 0.15)" if name in flagged else ""
            print(f"    ours / this: median {ratios[name]:.3f}, {min(each):.3f} to {max(each):.3f}{limit}")
    above = max(peak for _, peak in runs["ours"]) * 2**20 - n_bytes
    print(f"peak memory of ours above the texts: {above / 1e6:.0f} MB (at most 350)")
    assert all(flagged.values())
    assert ratios["decon"] <= 0.15
    assert ratios["corpus-assay"] <= 0.15
    assert above <= 350e6


def test_how_fast_it_is_with_all_shipped_references(folder, n_bytes, tmp_path, monkeypatch):
    nothing = tmp_path / "nothing"  # nor what was built on this machine
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(nothing))
    settings = tmp_path / "shipped.toml"
    settings.write_text(f"[checks.benchmark_leakage]\nfolder = '{nothing}'\n")
    pairs = [ours(folder, tmp_path / f"audit-{k}", settings) for k in range(ROUNDS)]
    cpu, peak = min(cpu for cpu, _ in pairs), max(peak for _, peak in pairs)  # a shared machine only adds
    above, speed = peak * 2**20 - n_bytes, n_bytes / 1e6 / cpu
    print(f"\n{n_bytes / 1e6:.1f} MB of text, kernels {'compiled' if kernels.COMPILED else 'in NumPy'}")
    print(f"{cpu:.2f} s CPU, {speed:.1f} MB/s (at least 20); {peak} MiB, {above / 1e6:.0f} MB above the texts")
    assert speed >= 20


def ours(folder, out, settings):
    options = ("--checks", "benchmark_leakage", "--engine", "serial", "--config", str(settings), "--quiet")
    return audit(texts(folder), out, *options)
