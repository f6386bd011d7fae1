"""What ten times the data cost, and five million messages: CPU seconds and peak memory of the whole command.

    pytest tests/perf/test_growth.py -m perf -s

161,443 and 1,614,430 messages, 0.3 and 2.7 GB of JSON, each one release of ../shared/tools/make_release.py without
planted faults. The large one takes some minutes and 5 GB of memory to make (reckoned from releases of 20,000 and 40,000
messages). All checks run with default settings, and record and report are written. Runs are made in turn; the least CPU
seconds of each count, as what else the machine does only adds, and the largest peaks.

The pools have 67,000 English messages, 24,000 Finnish and 9,000 Chinese ones. Where a release needs more, the tool puts
the halves of two together: a text gives such a half less than once in the small release, and 10 to 17 times in the
large one, which so has more than ten times as many pairs to compare and copies to report. Hence the findings of both
are printed.

Five million messages are 31 shards, each a release with a seed of its own. They share their pools, so that more than
half of all messages are copies of others: the hardest case for findings in memory. 8.3 GB of JSON; it takes 20
minutes, half of them to make the data, and 25 GB of disk.
"""

from collections import Counter

import pyarrow.parquet as pq
import pytest
from building import needs_shared
from measuring import audit, release

pytestmark = [pytest.mark.perf, needs_shared]

MESSAGES = 161_443
ROUNDS = 2


def test_ten_times_the_data_cost_at_most_eleven_times_as_much_in_flat_memory(tmp_path):
    once, tenfold = (release(tmp_path, n, "--clean", "--seed", "1") for n in (MESSAGES, 10 * MESSAGES))
    runs = {once: [], tenfold: []}
    for k in range(ROUNDS):
        for path, own in runs.items():
            own.append(audit(path, path.parent / f"audit-{k}", "--memory", "1GB"))
    costs = {path: (min(cpu for cpu, _ in own), max(peak for _, peak in own)) for path, own in runs.items()}
    print()
    for path, (cpu, peak) in costs.items():
        findings = pq.read_table(path.parent / "audit-0" / "findings.parquet", columns=["rule"])
        print(f"{path.stat().st_size / 1e6:,.0f} MB of JSON: {cpu:.1f} s CPU, {peak:,} MB")
        for rule, n in sorted(Counter(findings["rule"].to_pylist()).items()):
            print(f"    {rule}: {n:,}")
    (cpu, peak), (ten_cpu, ten_peak) = costs.values()
    print(f"ten times the data / once: CPU {ten_cpu / cpu:.2f} (at most 11), peak {ten_peak / peak:.2f} (at most 1.3)")
    assert ten_cpu <= 11 * cpu
    assert ten_peak <= 1.3 * peak


def test_five_million_messages_are_audited_within_three_gigabytes(tmp_path):
    folder = tmp_path / "shards"
    folder.mkdir()
    for seed in range(31):
        release(tmp_path, MESSAGES, "--clean", "--seed", str(seed)).rename(folder / f"{seed}.jsonl")
    cpu, peak = audit(folder, tmp_path / "audit", "--memory", "3GB")
    files = (tmp_path / "audit" / f"{name}.parquet" for name in ("messages", "findings"))
    n_messages, n_findings = (pq.read_metadata(file).num_rows for file in files)
    print(f"\n{n_messages:,} messages, {n_findings:,} findings: {cpu:.0f} s CPU, {peak:,} MB (at most 3,000)")
    assert n_messages >= 5_000_000
    assert peak <= 3000
