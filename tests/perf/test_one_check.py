"""How much an audit with schema_invariants costs, against a bare loop that decodes each line with msgspec.

    pytest tests/perf/test_one_check.py -m perf -s

The releases are made by ../shared/tools/make_release.py, and chats from the threads of their trees; ratios are of CPU
seconds (all threads and the start of the process included), medians of pairs measured in turn.
"""

import json
import statistics
import sys
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import Row, needs_shared
from measuring import audit, measure, release

pytestmark = [pytest.mark.perf, needs_shared]

DECODE = """
import sys, msgspec
decode = msgspec.json.Decoder().decode
with open(sys.argv[1], "rb") as file:
    for line in file:
        decode(line)
"""
PAIRS = 5
CHATS = 200_000_000  # bytes of JSON lines


def paired(path: Path, decoded: Path, out: Path) -> tuple[float, int]:
    """Measure audits of a file and bare decodes in turn; print them, and return the median ratio and the peak in MB."""
    pairs = []
    for k in range(PAIRS):
        whole = audit(path, out / f"audit-{path.parent.name}-{path.name}-{k}", "--checks", "schema_invariants")
        pairs.append((whole, measure([sys.executable, "-c", DECODE, str(decoded)])))
    ratios = [whole[0] / bare[0] for whole, bare in pairs]
    whole, bare = (statistics.median(side) for side in zip(*((w[0], b[0]) for w, b in pairs), strict=True))
    print(f"\n{path.name}: {decoded.stat().st_size / 1e6:.0f} MB of JSON")
    print(f"audit {whole:.2f} s CPU, bare decode {bare:.2f} s CPU")
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")
    return statistics.median(ratios), max(peak for (_, peak), _ in pairs)


def test_the_command_costs_at_most_four_bare_decodes_in_flat_memory(tmp_path):
    once, twice = release(tmp_path, 161_443, "--clean"), release(tmp_path, 322_886, "--clean")
    ratio, peak = paired(once, once, tmp_path)
    double = max(audit(twice, tmp_path / f"audit-twice-{k}", "--checks", "schema_invariants")[1] for k in range(2))
    print(f"peak memory {peak} MB, for twice the data {double} MB: {double / peak:.2f} (at most 1,500 MB; 1.2)")
    assert ratio <= 4
    assert peak < 1500
    assert double <= 1.2 * peak


def test_chats_cost_at_most_twice_as_many_bare_decodes_as_messages_of_trees(tmp_path):
    trees = release(tmp_path, 161_443, "--clean")
    flat, _ = paired(trees, trees, tmp_path)
    sharegpt, messages, table = (tmp_path / name for name in ("sharegpt.jsonl", "messages.jsonl", "messages.parquet"))
    write_chats(trees, sharegpt, messages, table)
    for path, decoded in ((sharegpt, sharegpt), (table, messages)):
        ratio, _ = paired(path, decoded, tmp_path)
        assert ratio <= 2 * flat


def write_chats(trees: Path, sharegpt: Path, messages: Path, table: Path) -> None:
    """Write the threads of a release as ShareGPT, as messages, and these as Parquet, about CHATS bytes each."""
    records: list[dict[str, Any]] = []
    with open(sharegpt, "w", encoding="utf-8") as one, open(messages, "w", encoding="utf-8") as other:
        for name, thread in threads(trees):
            said = [(message["role"], message["text"]) for message in thread]
            shared = [{"from": {"prompter": "human", "assistant": "gpt"}[role], "value": text} for role, text in said]
            chat = [{"role": {"prompter": "user"}.get(role, role), "content": text} for role, text in said]
            one.write(json.dumps({"id": name, "conversations": shared}, ensure_ascii=False) + "\n")
            other.write(json.dumps({"messages": chat}, ensure_ascii=False) + "\n")
            records.append({"messages": chat})
            if other.tell() >= CHATS:
                break
    pq.write_table(pa.Table.from_pylist(records), table)


def threads(trees: Path) -> Iterator[tuple[str, list[Row]]]:
    """Yield each last message of a release with all above it, the first one first."""
    with open(trees, encoding="utf-8") as lines:
        for _, tree in groupby(map(json.loads, lines), key=itemgetter("message_tree_id")):
            by_id = {message["message_id"]: message for message in tree}
            answered = {message["parent_id"] for message in by_id.values()}
            for name in (name for name in by_id if name not in answered):
                thread = [by_id[name]]
                while (above := thread[0]["parent_id"]) is not None:
                    thread.insert(0, by_id[above])
                yield name, thread
