"""What near_duplicates costs against other libraries on the same messages, and how fast its kernels are.

    pip install -e ".[dev,peers]" && pytest tests/perf/test_near_duplicates.py -m perf -s

121,000 messages, 86 MB of text. Ratios are of CPU seconds of whole processes, from the file to the findings (ours: with
the record and the report), medians of runs made in turn.
"""

import importlib.util
import json
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import needs_shared
from chataudit.checks.base import kernels
from chataudit.checks.base.text import tokens as tokenising
from chataudit.checks.near_duplicates.minhash import signatures
from measuring import audit, measure, release

pytestmark = [pytest.mark.perf, needs_shared]

PEERS = Path(__file__).with_name("near_duplicate_peers.py")
ROUNDS = 3


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    return release(tmp_path_factory.mktemp("perf"), 121_000, "--seed", "7")


def texts(path):
    with open(path, "rb") as file:
        return [json.loads(line)["text"] for line in file]


@pytest.mark.skipif(importlib.util.find_spec("rensa") is None, reason="needs the extra [peers]")
def test_from_file_to_findings_against_peers(messages, tmp_path):
    n_bytes = sum(len(body.encode()) for body in texts(messages))
    costs = {"exact": [], "minhash": [], "rensa": [], "datasketch": [], "datasketch-9x13": []}
    for k in range(ROUNDS):
        for method in ("exact", "minhash"):
            settings = tmp_path / f"{method}.toml"
            settings.write_text(f'[checks.near_duplicates]\nmethod = "{method}"\n')
            options = ("--checks", "near_duplicates", "--config", str(settings))
            costs[method].append(audit(messages, tmp_path / f"{method}-{k}", *options))
        costs["rensa"].append(measure([sys.executable, str(PEERS), "rensa", str(messages)]))
    for peer in ("datasketch", "datasketch-9x13"):
        costs[peer].append(measure([sys.executable, str(PEERS), peer, str(messages)]))
    seconds = {name: statistics.median(cpu for cpu, _ in runs) for name, runs in costs.items()}
    memory = {name: max(peak for _, peak in runs) for name, runs in costs.items()}
    print(f"\n{n_bytes / 1e6:.0f} MB of text")
    for name, cpu in seconds.items():
        ratio, peak = seconds["exact"] / cpu, memory[name] * 1e6 / n_bytes
        print(f"{name:16} {cpu:6.1f} s CPU  {memory[name]:6} MB ({peak:.1f} bytes a byte)  exact / this {ratio:.3f}")
    assert seconds["exact"] <= 0.35 * seconds["rensa"]
    assert seconds["exact"] <= 0.1 * seconds["datasketch"]
    assert memory["exact"] * 1e6 <= 10 * n_bytes

    def pairs(method):
        rows = pq.read_table(tmp_path / f"{method}-0" / "findings.parquet").to_pylist()
        return {(row["message_id"], dict(row["facets"]).get("partner")) for row in rows if row["severity"] >= 2}

    exact, minhash = pairs("exact"), pairs("minhash")
    print(f"minhash tells {len(minhash & exact):,} of {len(exact):,} claims of exact")
    assert len(minhash & exact) >= 0.99 * len(exact)


def templates(path, n, n_templates):
    """Write texts of 60 words, each of a template with one word of its own."""
    rng = random.Random(3)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(4000)]
    patterns = [rng.choices(words, k=60) for _ in range(n_templates)]
    with open(path, "w", encoding="utf-8") as file:
        for k in range(n):
            own = [*patterns[k % n_templates][:30], f"{rng.choice(words)}{k}", *patterns[k % n_templates][31:]]
            file.write(json.dumps({"id": f"d{k}", "text": " ".join(own)}) + "\n")
    return path


def test_texts_of_few_templates_keep_to_the_memory_and_take_linear_time(tmp_path):
    figures = {}
    for n, n_templates in ((30_000, 1), (100_000, 10), (200_000, 10)):
        path = templates(tmp_path / f"{n}.jsonl", n, n_templates)
        options = ("--checks", "near_duplicates", "--memory", "300MB")
        figures[n] = min(audit(path, tmp_path / f"{n}-{k}", *options) for k in range(2))
        rows = pq.read_table(tmp_path / f"{n}-0" / "findings.parquet").to_pylist()
        assert [row["rule"] for row in rows] == ["near_duplicates/template"] * n_templates
        print(f"\n{n:,} texts of {n_templates} templates: {figures[n][0]:.1f} s CPU, {figures[n][1]} MB")
    assert max(memory for _, memory in figures.values()) <= 700
    assert figures[200_000][0] <= 2.3 * figures[100_000][0]


def test_how_fast_the_kernels_are(messages):
    column = pa.array(texts(messages))
    pieces = [column.slice(at, 4000) for at in range(0, len(column), 4000)]
    n_bytes = sum(len(body.encode()) for body in column.to_pylist())
    tokenising.tokenise(column.slice(0, 1))

    def best(work):
        seconds = []
        for _ in range(5):
            began = time.process_time()
            result = work()
            seconds.append(time.process_time() - began)
        return min(seconds), result

    print(f"\n{n_bytes / 1e6:.0f} MB, kernels {'compiled' if kernels.COMPILED else 'in NumPy'}, the best of 5 runs")
    seconds, _ = best(lambda: [tokenising.tokenise(piece) for piece in pieces])
    print(f"tokenise {seconds:.2f} s ({n_bytes / 1e6 / seconds:.0f} MB/s)")
    english = [piece for piece in (p.filter(pa.compute.string_is_ascii(p)) for p in pieces) if len(piece)]
    n_ascii = sum(len(body) for piece in english for body in piece.to_pylist())
    ascii_seconds, _ = best(lambda: [tokenising.tokenise(piece) for piece in english])
    print(f"of ASCII alone {ascii_seconds:.2f} s ({n_ascii / 1e6 / ascii_seconds:.0f} MB/s)")
    tokens = tokenising.tokenise(column)
    seconds, (sets, limits, _) = best(lambda: tokenising.shingle(tokens))
    print(f"shingle {seconds:.2f} s, {len(sets):,} values")
    seconds, (left, *_) = best(lambda: kernels.join(sets, limits, 0.8, 1000))
    print(f"join at 0.8 {seconds:.2f} s, {len(left):,} pairs")
    seconds, _ = best(lambda: signatures(sets, limits))
    print(f"sign, 128 values {seconds:.2f} s")
    data = np.frombuffer(column.buffers()[2], dtype=np.uint8)
    seconds, _ = best(lambda: kernels.suspects(data))
    print(f"suspects {seconds:.3f} s")
