"""What lang_mismatch reaches, what each of its parts is worth, and what it costs.

    pytest tests/perf/test_lang_mismatch.py -m perf -s

It prints the tables of docs/languages.md. Truths are those of ../shared/data/lid, counted as ../shared/tools/score.py
does, and the prompts of asked_language.py. Costs are CPU seconds within one run, in one thread.
"""

import gzip
import json
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from itertools import permutations

import numpy as np
import pyarrow as pa
import pytest
from asked_language import conversations
from building import SHARED, needs_shared
from chataudit.audit.run import run
from chataudit.checks.base import kernels
from chataudit.checks.base.kernels.layout import N_SCRIPTS
from chataudit.checks.base.messages import MESSAGES, Batch, Form
from chataudit.checks.base.text.languages import base, kin
from chataudit.checks.lang_mismatch import context, detectors, scan, segments
from chataudit.checks.lang_mismatch.check import LangMismatch
from chataudit.checks.lang_mismatch.context import Context
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from measuring import measure

pytestmark = [pytest.mark.perf, needs_shared]

LID = SHARED / "data" / "lid"
BANDS = ("lt20", "20-50", "50-150", "150+")
NOT_COUNTED = ("planted", "planted_close", "hn_translation_reply")


def rows(path, n=None):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(n or sys.maxsize), strict=False)]


def flagged(path, **settings):
    record = run(path, checks=[LangMismatch(**settings)])
    table = record.table
    assert record.exit_code == 0
    return {
        row["message_id"]: row["rule"].partition("/")[2]
        for row in table.select(["message_id", "rule", "severity"]).to_pylist()
        if row["severity"] > 1
    }


def score(truth, found):
    """Return precision, recall, F1, false alarms, and close ones found, as tools/score.py counts them."""
    kinds = {kind: [t["id"] in found for t in truth if t["kind"] == kind] for kind in {t["kind"] for t in truth}}
    hits, n = sum(kinds["planted"]), len(kinds["planted"])
    false = sum(sum(hit) for kind, hit in kinds.items() if kind not in NOT_COUNTED)
    precision, recall = hits / max(1, hits + false), hits / n
    return precision, recall, 2 * precision * recall / max(1e-9, precision + recall), false, sum(kinds["planted_close"])


def line(name, truth, found):
    precision, recall, f1, false, close = score(truth, found)
    return f"| {name} | {precision:.3f} | {recall:.3f} | {f1:.3f} | {false:,} | {close} |"


HEAD = "\n| | precision | recall | F1 | false alarms | close found |\n| --- | --- | --- | --- | --- | --- |"


@pytest.fixture(scope="module")
def audit_truth():
    return rows(LID / "audit.jsonl.gz")


def alone(truth, name):
    """Return what one detector flags by itself, with nothing but the codes mapped."""
    guesses = detectors.detector(name).detect(pa.array([t["text"].lower() for t in truth]))
    return {
        t["id"]
        for t, best in zip(truth, guesses.codes[:, 0].tolist(), strict=True)
        if best not in ("", base(t["lang"]))
    }


# -- start and memory: first, as the size of a new process is at least that of this one ------------------------------


START = """
import resource, sys, time
began = time.perf_counter()
from chataudit.checks.lang_mismatch.detectors import detector
detector("py3langid"); detector("fasttext")
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_start_and_memory(tmp_path):
    output = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout.split()
    print(f"\nboth models loaded {float(output[0]):.2f} s after the start of the import, {output[1]} MB")
    one = tmp_path / "one.jsonl"
    one.write_text(json.dumps({"text": "Ein Satz, der lang genug ist.", "lang": "de"}) + "\n")
    command = [sys.executable, "-m", "chataudit", "run", str(one), "--checks"]
    for name in ("schema_invariants", "lang_mismatch"):
        cpu, memory = measure([*command, name, "--out", str(tmp_path / name)])
        print(f"one message with {name}: {cpu:.2f} s, {memory} MB")
    text = tmp_path / "texts.jsonl"
    with text.open("w", encoding="utf-8") as file:
        for t in rows(SHARED / "data" / "pools" / "messages.en.jsonl.gz", 40_000):
            file.write(json.dumps({"text": t["text"], "lang": "en"}) + "\n")
    command = [sys.executable, "-m", "chataudit", "run", str(text), "--engine", "serial", "--checks"]
    for name in ("schema_invariants", "lang_mismatch"):
        cpu, memory = measure([*command, name, "--out", str(tmp_path / f"{name}-all")])
        print(f"{text.stat().st_size / 1e6:.0f} MB of JSON with {name}: {cpu:.2f} s, {memory} MB")


def test_a_million_short_messages(tmp_path):
    path = tmp_path / "ok.jsonl"
    path.write_text('{"text": "ok", "lang": "de"}\n' * 1_000_000)
    command = [sys.executable, "-m", "chataudit", "run", str(path), "--checks", "lang_mismatch"]
    cpu, memory = measure([*command, "--out", str(tmp_path / "a")])
    print(f"\na million 'ok': {cpu:.1f} s, {memory} MB")
    assert cpu < 60


# -- what each part is worth -----------------------------------------------------------------------------------------


def everything(data, offsets, table):
    """Return the text as it is, in place of the prose."""
    masked, counts = data.copy(), np.zeros((len(offsets) - 1, N_SCRIPTS + 1), dtype=np.int32)
    for row in range(len(offsets) - 1):
        text = data[offsets[row] : offsets[row + 1]].tobytes().decode()
        codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
        found = table[np.minimum(codes, 0xFFFF)]
        counts[row, :N_SCRIPTS] = np.bincount(found, minlength=N_SCRIPTS)[:N_SCRIPTS]
    counts[:, 0] = 0
    return masked, counts


PARTS = {
    "prose: code, addresses, tables read like words": {"kernels.prose": everything},
    "scripts: detectors judge all": {"MAX_OWN": -1, "MIN_SCRIPT": -1, "SCRIPT_DECIDES": {}},
    "minimum of letters": {"MIN_OTHER": 1, "settings": {"min_letters": 1, "min_short": 1}},
    "kin: what is left to close languages": {"kin": lambda code: frozenset((code,))},
    "mostly names": {"MANY_CAPITALS": 2, "ALL_CAPITALS": 2},
    "romanised text: as sure as others": {"SURE_SLAVIC": 0.4},
    "English as in source code": {"is_wrapped": lambda prose: False},
    "second detector": {"second": "py3langid"},
    "both sure, multiplied": {"settings": {"min_sure": 1e-9, "min_sure_short": 1e-9}},
    "vote of the segments": {"MIN_OWN": 2, "MIN_OWN_LETTERS": 10**9},
}


def test_what_each_part_is_worth(audit_truth, monkeypatch):
    path = LID / "audit.jsonl.gz"
    print(HEAD)
    for name in ("langdetect", "fasttext", "py3langid"):
        print(line(f"{name} alone, codes mapped", audit_truth, alone(audit_truth, name)))
    whole = flagged(path)
    print(line("**the check**", audit_truth, whole))
    for name, changes in PARTS.items():
        with monkeypatch.context() as changed:
            for target, value in changes.items():
                if target == "kernels.prose":
                    changed.setattr(kernels, "prose", value)
                elif target == "second":
                    changed.setitem(detectors._MADE, "fasttext", detectors.detector(value))
                elif target != "settings":
                    for module in (context, scan, segments):
                        if hasattr(module, target):
                            changed.setattr(module, target, value)
            print(line(f"without {name}", audit_truth, flagged(path, **changes.get("settings", {}))))
    _, _, f1, false, close = score(audit_truth, whole)
    assert f1 >= 0.93
    assert false <= 5
    assert close >= 90
    right = {t["id"] for t in audit_truth if t["kind"] not in NOT_COUNTED}
    assert sum(rule == "close_language" and key in right for key, rule in whole.items()) <= 3


def test_all_orders_of_the_detectors(audit_truth):
    labelled = rows(LID / "oasst_labelled.jsonl.gz")
    print(
        HEAD.replace("close found |", "close found | OASST labels: precision, recall |").replace("--- |\n", "--- |\n")
        + " --- |"
    )
    for first, second in permutations(detectors.DETECTORS, 2):
        found = flagged(LID / "oasst_labelled.jsonl.gz", first=first, second=second)
        people = {t["id"]: t["human_lang_mismatch"] >= 0.5 for t in labelled if t["human_lang_mismatch"] is not None}
        hits = sum(people.get(key, False) for key in found)
        flags, n = sum(key in people for key in found), sum(people.values())
        columns = f" {hits / max(1, flags):.3f}, {hits / n:.3f} ({flags} flags, {n} labelled) |"
        print(
            line(f"{first}, then {second}", audit_truth, flagged(LID / "audit.jsonl.gz", first=first, second=second))
            + columns
        )


# -- by language and length ------------------------------------------------------------------------------------------


def test_by_language_and_length(tmp_path):
    """Audit each text twice: under its own tag, and under that of the fourth language behind it in the list."""
    texts = [t for t in rows(LID / "lid.jsonl.gz") if t["band"] in BANDS]
    languages = sorted({t["lang"] for t in texts})
    wrong = {}
    for k, lang in enumerate(languages):
        others = [languages[(k + step) % len(languages)] for step in range(4, len(languages))]
        wrong[lang] = next(other for other in others if base(other) not in kin(base(lang)))
    path = tmp_path / "texts.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for t in texts:
            for tag, lang in (("right", t["lang"]), ("wrong", wrong[t["lang"]])):
                file.write(json.dumps({"id": f"{tag}-{t['id']}", "text": t["text"], "lang": lang}) + "\n")
    record = run(path, checks=[LangMismatch()])
    found = {row["message_id"] for row in record.table.to_pylist() if row["severity"] > 1}
    (facts,) = record.facts.checks
    checked = Counter[str]()
    for count in facts.coverage:
        checked[count.lang] += count.messages if count.outcome == "checked" else 0
    print("\n| declared | right tag: flagged | " + " | ".join(f"wrong tag, {band}: found" for band in BANDS) + " |")
    print("| --- " * (len(BANDS) + 2) + "|")
    totals = Counter[tuple[str, str]]()
    for lang in [*languages, "all"]:
        cells = []
        some = [t for t in texts if lang in (t["lang"], "all")]
        false = sum(f"right-{t['id']}" in found for t in some)
        for band in BANDS:
            of_band = [t for t in some if t["band"] == band]
            hits = sum(f"wrong-{t['id']}" in found for t in of_band)
            cells.append(f"{hits} of {len(of_band)}")
            totals[lang, band] = hits
        print(f"| {lang} | {false} of {len(some)} | " + " | ".join(cells) + " |")
    long = [t for t in texts if t["band"] == "150+"]
    assert totals["all", "150+"] >= 0.9 * len(long)


# -- context ---------------------------------------------------------------------------------------------------------


def test_replies_in_a_language_that_was_asked_for_and_in_one_that_was_not(tmp_path, monkeypatch):
    asked, unasked = conversations(SHARED)
    path = tmp_path / "replies.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for c in (*asked, *unasked):
            row = {"id": c["id"], "text": c["reply"], "lang": c["lang"], "context": c["prompt"]}
            file.write(json.dumps(row) + "\n")
    found = flagged(path)
    n_asked, n_unasked = (sum(c["id"] in found for c in some) for some in (asked, unasked))
    print(f"\nreplies in the language asked for: {n_asked} of {len(asked)} flagged (at most 5 %)")
    print(f"replies in a language nobody asked for: {n_unasked} of {len(unasked)} flagged (at least 85 %)")
    with monkeypatch.context() as changed:
        changed.setattr(Context, "is_requested", lambda *_: False)
        deaf = flagged(path)
    for name, some in (("asked for", asked), ("nobody asked for", unasked)):
        print(f"without what the prompt asked for, in a language {name}: {sum(c['id'] in deaf for c in some)} flagged")
    assert n_asked <= 0.05 * len(asked)
    assert n_unasked >= 0.85 * len(unasked)


# -- cost ------------------------------------------------------------------------------------------------------------


def batches(texts, size=10_000):
    for start in range(0, len(texts), size):
        some = texts[start : start + size]
        columns = {field.name: pa.nulls(len(some), field.type) for field in MESSAGES}
        names = pa.array([f"m{start + k}" for k in range(len(some))])
        columns |= {"text": pa.array(some), "lang": pa.repeat("en", len(some)), "message_id": names, "tree_id": names}
        columns |= {"source": pa.repeat("texts", len(some)), "line": pa.array(range(len(some)), pa.int64())}
        yield Batch(pa.table(columns, schema=MESSAGES).combine_chunks(), Form("texts"))


def test_speed_on_one_core(audit_truth):
    texts = [t["text"] for t in rows(SHARED / "data" / "pools" / "messages.en.jsonl.gz", 40_000)]
    mb = sum(len(text.encode()) for text in texts) / 1e6
    check = LangMismatch()
    for name in (check.first, check.second):
        detectors.detector(name)
    seconds = []
    for _ in range(5):
        made = list(batches(texts))
        began = time.thread_time()
        for batch in made:
            check.scan(batch)
        seconds.append(time.thread_time() - began)
    sample = texts[::20]
    part = sum(len(text.encode()) for text in sample) / 1e6 / mb
    factory = DetectorFactory()
    factory.set_seed(0)
    factory.load_profile(PROFILES_DIRECTORY)
    began = time.thread_time()
    for text in sample:
        detector = factory.create()
        detector.append(text)
        with suppress(LangDetectException):  # no features in the text
            detector.detect()
    bare = (time.thread_time() - began) / part
    best, worst = min(seconds), max(seconds)
    print(
        f"\n{len(texts):,} messages, {mb:.1f} MB: {best:.2f} to {worst:.2f} s, {mb / worst:.1f} to {mb / best:.1f} MB/s"
    )
    print(
        f"langdetect over the same (a twentieth measured): {bare:.0f} s, {bare / worst:.0f} to {bare / best:.0f} times"
    )
    assert mb / best >= 15
    assert bare / best >= 25
