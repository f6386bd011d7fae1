"""What an audit costs on a cluster of this machine, against one thread.

    pytest tests/perf/test_cluster.py -m perf -s

Two nodes of one processor each, and 20,000 messages in eight files, made by ../shared/tools/make_release.py. CPU
seconds are those of the processes of the cluster while it audits, and beside them those of this process.
"""

import os
import subprocess
import time
from importlib.util import find_spec

import pytest
from building import needs_shared, write
from chataudit import run
from measuring import release

pytestmark = [
    pytest.mark.perf,
    needs_shared,
    pytest.mark.skipif(find_spec("ray") is None, reason="needs the extra [ray]"),
]

NODE = {"num_cpus": 1, "object_store_memory": 200 << 20}  # bytes


def timed(*paths, **options):
    """Audit these files; return the record, its wall seconds, and the CPU seconds of this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    record = run(*paths, **options)
    return record, time.perf_counter() - wall, time.process_time() - cpu


def cpu_of(session):
    """Return the CPU seconds of all processes that name the session of a cluster, and of those that they started."""
    ticks = {}
    for line in subprocess.run(["ps", "-eo", "pid,ppid,cputimes,args"], capture_output=True, text=True).stdout.split(
        "\n"
    ):
        words = line.split(None, 3)
        if len(words) == 4 and words[0].isdigit():
            ticks[words[0]] = (words[1], int(words[2]), words[3])
    ours = {pid for pid, (_, _, args) in ticks.items() if session in args}
    return sum(cpu for pid, (parent, cpu, _) in ticks.items() if pid in ours or parent in ours)


def test_on_two_nodes_against_one_thread(tmp_path):
    from ray.cluster_utils import Cluster

    whole = release(tmp_path, 20_000).read_bytes().splitlines()
    paths = [write(tmp_path / f"{k}.jsonl", whole[k * len(whole) // 8 : (k + 1) * len(whole) // 8]) for k in range(8)]
    serial, wall, cpu = timed(*paths, engine="serial")
    print(f"\n{len(whole)} messages; one thread: {wall:.1f} s, {cpu:.1f} s CPU")
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    try:
        cluster.add_node(**NODE)
        session = os.path.basename(cluster.head_node.get_session_dir_path())  # noqa: PTH119
        before = cpu_of(session)
        on_ray, wall, cpu = timed(*paths, engine="ray", address=cluster.address)
        print(f"two nodes: {wall:.1f} s, {cpu_of(session) - before} s CPU on them and {cpu:.1f} s here")
    finally:
        cluster.shutdown()
    assert on_ray.table.to_pylist() == serial.table.to_pylist()
    assert on_ray.messages.to_pylist() == serial.messages.to_pylist()
    assert on_ray.threads.to_pylist() == serial.threads.to_pylist()
