"""Speed of the kernels on text, and its distance from the bandwidth of the memory.

    pytest tests/perf/test_kernels.py -m perf -s

Each kernel reads 32 MB of the release that the whole audit is measured on, three times in one thread; the fewest CPU
seconds count. `moved` is what it must read and write at least, by second; `of memory` is that as a share of the
bandwidth of a plain copy of 256 MB in the same run. A kernel far below 100 % is bound by its arithmetic, not by the
memory.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from building import needs_shared
from chataudit.audit.reading import jsonl, repair
from chataudit.audit.reading.formats import FORMATS
from chataudit.benchmarks_refs.fingerprints import N_GRAM
from chataudit.checks.base import kernels
from chataudit.checks.base.arrow import columns
from chataudit.checks.base.text import tokens as tokenising
from chataudit.checks.benchmark_leakage import references
from chataudit.checks.near_duplicates.minhash import signatures
from measuring import release

pytestmark = [pytest.mark.perf, needs_shared]

SIZE = 32 << 20  # bytes of JSON lines


def least(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds and the result of a call."""
    seconds, result = [], None
    for _ in range(3):
        began = time.thread_time()
        result = call()
        seconds.append(time.thread_time() - began)
    return min(seconds), result


def size(*arrays: Any) -> int:
    return sum(array.nbytes for array in arrays)


def test_kernels_against_the_memory(tmp_path):
    path = release(tmp_path, 40_000, "--clean", "--seed", "1")
    with open(path, "rb") as file:
        data = file.read(SIZE)
    data = data[: data.rfind(b"\n") + 1]
    there = np.ones(256 << 20, dtype=np.uint8)
    copied = least(lambda: np.copyto(np.empty_like(there), there))[0]
    copied = min(copied, least(there.copy)[0])
    bandwidth = 2 * there.nbytes / copied

    lines: list[tuple[str, float, int, int]] = []  # name, seconds, bytes read, bytes moved

    def measure(name: str, n_read: int, call: Callable[[], Any], moved: Callable[[Any], int]) -> Any:
        seconds, result = least(call)
        lines.append((name, seconds, n_read, moved(result)))
        return result

    sample = [repair.read_line(line)[0] for line in data[: 1 << 21].splitlines()[:-1]]
    schema = FORMATS["oasst_messages"].schema([record for record in sample if record is not None])
    table = measure(
        "JSON lines to columns", len(data), lambda: jsonl.parse(data, schema), lambda t: len(data) + t.nbytes
    )
    column = table["text"].combine_chunks()
    utf8, offsets = columns.utf8(column)
    n = len(utf8)
    tokens = measure("tokens", n, lambda: tokenising.tokenise(column), lambda t: n + size(*t))
    marks = measure(
        "numbers and lines (mark)", n, lambda: tokenising.mark(column, tokens), lambda m: n + size(m, *tokens[1:3])
    )
    parts = references.load((), tmp_path).sought
    measure(
        "benchmark parts (scan)",
        n,
        lambda: kernels.scan(tokens.hashes, tokens.bounds, marks, N_GRAM, parts),
        lambda hits: size(tokens.hashes, marks, hits),
    )
    sets = measure("sets of 5-grams", n, lambda: tokenising.shingle(tokens), lambda s: size(tokens.hashes, *s))
    prose = measure("prose", n, lambda: tokenising.prose(column), lambda p: n + size(*p))
    measure("digests", n, lambda: kernels.digest(utf8, offsets), lambda d: n + size(d))
    measure("MinHash, 128 functions", n, lambda: signatures(sets.sets, sets.limits), lambda s: size(sets.sets, s))
    of = np.arange(len(column) - 1)
    measure(
        "overlaps of neighbours",
        n,
        lambda: kernels.overlaps(sets.sets, sets.limits, of, of + 1),
        lambda shared: 2 * size(sets.sets) + size(shared),
    )
    few = sets.limits[: len(sets.limits) // 2]
    measure(
        "exact join (half of the texts)",
        int(offsets[len(few) - 1]),
        lambda: kernels.join(sets.sets[: few[-1]], few, 0.8, 1000),
        lambda _: 8 * int(few[-1]),
    )
    assert prose.data.nbytes == n
    print(f"\nplain copy: {bandwidth / 1e9:.1f} GB/s read and written")
    for name, seconds, n_read, moved in lines:
        rate, share = n_read / seconds / 1e6, moved / seconds / bandwidth
        print(f"{name:32} {rate:7,.0f} MB of text/s   {moved / seconds / 1e9:5.2f} GB/s moved   {share:5.1%} of memory")
    assert all(seconds > 0 for _, seconds, *_ in lines)
