"""How much an audit with schema_invariants costs, against a bare loop that decodes each line with msgspec.

    pytest tests/perf/test_one_check.py -m perf -s

The releases are made by ../shared/tools/make_release.py; ratios are of CPU seconds (all threads and the start of the
process included), medians of pairs measured in turn.
"""

import statistics
import sys
from pathlib import Path

import pytest
from building import needs_shared
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


def test_the_command_costs_at_most_four_bare_decodes_in_flat_memory(tmp_path):
    once, twice = release(tmp_path, 161_443, "--clean"), release(tmp_path, 322_886, "--clean")

    def ours(path: Path, k: int) -> tuple[float, int]:
        return audit(path, tmp_path / f"audit-{path.parent.name}-{k}", "--checks", "schema_invariants")

    pairs = [(ours(once, k), measure([sys.executable, "-c", DECODE, str(once)])) for k in range(PAIRS)]
    ratios = [whole[0] / bare[0] for whole, bare in pairs]
    peak = max(whole[1] for whole, _ in pairs)
    double = max(ours(twice, k)[1] for k in range(2))
    print(f"\n{once.stat().st_size / 1e6:.0f} MB of JSON")
    whole, bare = (statistics.median(side) for side in zip(*((w[0], b[0]) for w, b in pairs), strict=True))
    print(f"audit {whole:.2f} s CPU, bare decode {bare:.2f} s CPU")
    print(f"ratio: median {statistics.median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} (at most 4)")
    print(f"peak memory {peak} MB, for twice the data {double} MB: {double / peak:.2f} (at most 1,500 MB; 1.2)")
    assert statistics.median(ratios) <= 4
    assert peak < 1500
    assert double <= 1.2 * peak
