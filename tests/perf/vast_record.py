"""A record of millions of messages and findings on disk, and what it takes to show, write and read it.

python tests/perf/vast_record.py build FOLDER 1500000
python tests/perf/vast_record.py measure FOLDER page pages write
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from chataudit.checks.base.arrow.memory_map import forget, mapped
from chataudit.checks.base.findings import FINDINGS, SPAN
from chataudit.reports.baseline import Baseline
from chataudit.reports.description import describe
from chataudit.reports.exports.sarif import sarif
from chataudit.reports.gate import Gate, Limit, Suppression, decide
from chataudit.reports.page import html
from chataudit.reports.page.view import page
from chataudit.reports.rates import rows
from chataudit.reports.record import SEEN, THREADS, VERSION, WORDS, Facts, Record
from chataudit.reports.redact import redacted
from large_report import CHECKS, EXCERPT, LANGS, LENGTH, ROLES, SOURCE, check_facts, per_lang, texts

CHUNK = 60_000  # rows that are laid down together
POOL = 5_000  # texts that quotes are drawn from
N_THREADS = 300_000
STEPS = ("page", "pages", "write", "read", "decide", "sarif", "rates", "redacted")


def build(folder: Path, n: int, seed: int = 1) -> None:
    """Write Arrow streams and record.json; each message has a finding of two spans and seven facets."""
    rng = np.random.default_rng(seed)
    ids = np.frombuffer(rng.bytes(16 * n).hex().encode(), dtype="S32")
    which = rng.integers(0, len(CHECKS), n).astype(np.int8)
    lang, role = (rng.integers(0, len(of), n).astype(np.int8) for of in (LANGS, ROLES))
    pool = pa.array(texts(POOL, LENGTH, seed), pa.string())
    excerpts = pa.array(texts(POOL, EXCERPT, seed + 1), pa.string())

    def words(codes: np.ndarray, of: Any) -> pa.Array:
        return pa.array(list(of), pa.string()).take(pa.array(codes))

    def named(at: np.ndarray) -> pa.Array:
        return pa.array(ids[at].astype(str), pa.string())

    def spans(at: np.ndarray) -> pa.Array:
        m = len(at)
        both = np.stack([at, (at * 7919 + 1) % n], axis=1).reshape(-1)
        columns = {
            "source": pa.repeat(SOURCE, 2 * m),
            "line": pa.array(both + 1),
            "id": named(both),
            **{name: pa.array(np.full(2 * m, value)) for name, value in (("start", 0), ("end", LENGTH), ("at", 0))},
            **{name: pa.repeat("", 2 * m) for name in ("before", "after")},
            "quote": pool.take(pa.array(both % POOL)),
            "role": words(role[both], ROLES),
            "lang": words(lang[both], LANGS),
        }
        flat = pa.StructArray.from_arrays([columns[f.name] for f in SPAN], fields=list(SPAN))
        return pa.ListArray.from_arrays(pa.array(np.arange(0, 2 * m + 1, 2), pa.int32()), flat)

    def facets(at: np.ndarray, jaccard: pa.Array) -> pa.Array:
        m, values = len(at), {
            "partner": named((at * 7919 + 1) % n),
            "cluster": named(at // 3 * 3),
            "jaccard": jaccard,
            "scope": pa.repeat("other tree", len(at)),
            "kind": pa.repeat("edited", len(at)),
            "declared": words(lang[at], LANGS),
            "detected": words((lang[at] + 1) % len(LANGS), LANGS),
        }  # fmt: skip
        k = len(values)
        items = pa.concat_arrays(list(values.values())).take(pa.array(np.arange(k * m).reshape(k, m).T.reshape(-1)))
        keys = pa.array(list(values), pa.string()).take(pa.array(np.tile(np.arange(k), m)))
        return pa.MapArray.from_arrays(pa.array(np.arange(0, k * m + 1, k), pa.int32()), keys, items)

    def findings() -> Iterator[pa.Table]:
        for at in _chunks(n):
            percent = 70 + at * 37 % 30
            check = which[at]
            yield pa.table(
                {
                    "check": words(check, [check for check, _, _ in CHECKS]),
                    "rule": words(check, [f"{check}/{rule}" for check, rule, _ in CHECKS]),
                    "severity": pa.array(np.array([severity for _, _, severity in CHECKS], np.int8)[check]),
                    "tree_id": named(at // 3 * 3),
                    "message_id": named(at),
                    "summary": [
                        f"{p}% of the 5-grams of both are shared with a message in another tree" for p in percent
                    ],
                    "score": percent / 100,
                    "spans": spans(at),
                    "facets": facets(at, pa.array([f"{p / 100:.3f}" for p in percent.tolist()])),
                    "fingerprint": pa.array(ids[at].astype("S16").astype(str), pa.string()),
                    "source": pa.repeat(SOURCE, len(at)),
                    "line": at + 1,
                    "role": words(role[at], ROLES),
                    "lang": words(lang[at], LANGS),
                    "created_date": [f"2023-{1 + k % 12:02}-{1 + k % 28:02}T12:00:00+00:00" for k in at.tolist()],
                }
            ).cast(FINDINGS)

    seen = pa.schema([*SEEN, *(pa.field(check, WORDS) for check, _, _ in CHECKS)])

    def messages() -> Iterator[pa.Table]:
        for at in _chunks(n):
            columns = {
                "tree_id": named(at // 3 * 3).dictionary_encode(),
                "message_id": named(at),
                "source": pa.repeat(SOURCE, len(at)).dictionary_encode(),
                "line": pa.array(at + 1),
                "role": words(role[at], ROLES).dictionary_encode(),
                "lang": words(lang[at], LANGS).dictionary_encode(),
                "chars": pa.array(20 + at % 900, pa.int32()),
                "words": pa.array(4 + at % 150, pa.int32()),
                "digest": pa.array(at),
            }
            columns |= {check: pa.repeat("checked", len(at)).dictionary_encode() for check, _, _ in CHECKS}
            yield pa.table(columns, schema=seen)

    def threads() -> Iterator[pa.Table]:
        for at in _chunks(min(n, N_THREADS)):
            is_root = at % 3 == 0
            yield pa.table(
                {
                    "source": pa.repeat(SOURCE, len(at)),
                    "line": at + 1,
                    "id": named(at),
                    "tree_id": named(at // 3 * 3),
                    "parent": pa.array(at // 3 * 3, mask=is_root),
                    "parent_id": pa.array(ids[at // 3 * 3].astype(str), pa.string(), mask=is_root),
                    "role": words(role[at], ROLES),
                    "lang": words(lang[at], LANGS),
                    "rank": pa.array(at % 3 - 1, mask=is_root),
                    "depth": np.where(is_root, 0, 1),
                    "n_replies": np.where(is_root, 2, 0),
                    "excerpt": excerpts.take(pa.array(at % POOL)),
                }
            ).cast(THREADS)

    folder.mkdir(parents=True, exist_ok=True)
    for name, schema, tables in (
        ("table", FINDINGS, findings()),
        ("messages", seen, messages()),
        ("threads", THREADS, threads()),
    ):
        with pa.ipc.new_stream(str(folder / name), schema) as stream:
            for table in tables:
                stream.write_table(table.combine_chunks())
    (folder / "facts").write_bytes(msgspec.json.encode(_facts(n, np.bincount(which, minlength=len(CHECKS)))))


def _chunks(n: int) -> Iterator[np.ndarray]:
    return (np.arange(start, min(n, start + CHUNK)) for start in range(0, n, CHUNK))


def _facts(n: int, found: np.ndarray) -> Facts:
    coverage = per_lang(n)
    checks = check_facts(found, coverage)
    source = {"name": SOURCE, "format": "oasst_messages", "reason": "made up", "n_bytes": 1, "sha256": "0" * 64}
    facts = {
        "version": VERSION,
        "chataudit": "0",
        "python": "3",
        "dependencies": {},
        "kernels": "compiled",
        "is_redacted": False,
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "engine": "serial",
        "workers": 1,
        "sources": [{**source, "is_forced": False, "records": n, "chars": 470 * n, "fields": [], "errors": []}],
        "messages": n,
        "trees": -(-n // 3),
        "census": [msgspec.to_builtins(count) for count in coverage],
        "shape": [],
        "days": {f"2023-{1 + k % 12:02}-{1 + k % 28:02}": n // 84 for k in range(84)},
        "checks": [msgspec.to_builtins(check) for check in checks],
        "description": msgspec.to_builtins(describe(SEEN.empty_table())),
    }
    return msgspec.convert(facts, Facts)


def record(folder: Path) -> Record:
    """Return the record that was built, mapped."""
    facts = msgspec.json.decode((folder / "facts").read_bytes(), type=Facts)
    return Record(facts, *(mapped(folder / name) for name in ("table", "threads", "messages")))


def measure(folder: Path, steps: list[str]) -> dict[str, dict[str, float]]:
    """Return seconds of each step, and by how many MB the process grew at most meanwhile."""
    whole = record(folder)
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    gate = Gate((Limit(max_rate=0.1), Limit(max_new=5, target=CHECKS[0][0])), (_accepted(),))
    view: Any = None

    def read() -> None:
        again = Record.read(out)
        assert again.table.num_rows == whole.table.num_rows

    def build_page() -> None:
        nonlocal view
        view = page(whole)

    def paged() -> None:
        made = html.pages(whole, view)
        (folder / "pages.json").write_text(json.dumps(made), encoding="utf-8")

    does: dict[str, Callable[[], Any]] = {
        "page": build_page,
        "pages": paged,
        "write": lambda: whole.write(out),
        "read": read,
        "decide": lambda: decide(whole, gate, Baseline.of(whole, whole), date(2026, 1, 1)),
        "sarif": lambda: sarif(whole),
        "rates": lambda: list(rows(whole, ["lang"])),
        "redacted": lambda: redacted(whole),
    }
    measured: dict[str, dict[str, float]] = {}
    forget()
    begin, peak = _status("VmRSS"), 0.0
    for name in steps:
        forget()
        before = _reset()
        began = time.perf_counter()
        does[name]()
        measured[name] = {"seconds": time.perf_counter() - began, "mb": _status("VmHWM") - before}
        peak = max(peak, _status("VmHWM"))
    measured["all"] = {"seconds": sum(each["seconds"] for each in measured.values()), "mb": peak - begin}
    return measured


def _accepted() -> Suppression:
    return Suppression("Seen", date(2026, 12, 31), rule=f"{CHECKS[2][0]}/{CHECKS[2][1]}")


def _reset() -> float:
    """Return the resident memory in MB, from which the peak of what follows is measured."""
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))


if __name__ == "__main__":
    command, place, *more = sys.argv[1:]
    if command == "build":
        build(Path(place), int(more[0]))
    else:
        print(json.dumps(measure(Path(place), more or list(STEPS)), indent=1))
