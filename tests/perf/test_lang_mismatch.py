"""What lang_mismatch costs, and how it agrees with people; fit_lang_mismatch.py measures what it finds.

    pytest tests/perf/test_lang_mismatch.py -m perf -s

It prints tables of docs/languages.md. Truths are those of ../shared/data/lid, and the prompts of asked_language.py.
Costs are CPU seconds within one run, in one thread.
"""

import gzip
import json
import subprocess
import sys
import time
from contextlib import suppress

import pyarrow as pa
import pytest
from asked_language import conversations
from building import SHARED, needs_shared
from chataudit.audit.run import run
from chataudit.checks.base.messages import MESSAGES, Batch, Form
from chataudit.checks.lang_mismatch import detectors
from chataudit.checks.lang_mismatch.check import LangMismatch
from chataudit.checks.lang_mismatch.context import Context
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory
from langdetect.lang_detect_exception import LangDetectException
from measuring import measure

pytestmark = [pytest.mark.perf, needs_shared]

LID = SHARED / "data" / "lid"


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


# -- start and memory: first, as the size of a new process is at least that of this one ------------------------------


START = """
import resource, sys, time
began = time.perf_counter()
from chataudit.checks.lang_mismatch.check import LangMismatch
LangMismatch().load()
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_start_and_memory(tmp_path):
    output = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=True).stdout.split()
    print(f"\nall models loaded {float(output[0]):.2f} s after the start of the import, {output[1]} MB")
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


# -- people ----------------------------------------------------------------------------------------------------------


def test_agreement_with_people_by_detectors():
    labelled = rows(LID / "oasst_labelled.jsonl.gz")
    people = {t["id"]: t["human_lang_mismatch"] >= 0.5 for t in labelled if t["human_lang_mismatch"] is not None}
    print("\n| detectors | flagged of those labelled | of these another language, to people | of all such |")
    print("| --- | --- | --- | --- |")
    for names in detectors.VOICES:
        found = people.keys() & flagged(LID / "oasst_labelled.jsonl.gz", detectors=names)
        hits = sum(people[key] for key in found)
        print(f"| {names} | {len(found)} | {hits} | {hits} of {sum(people.values())} |")
        assert hits >= 0.9 * len(found)
        assert hits >= 0.6 * sum(people.values())


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


def test_speed_on_one_core():
    texts = [t["text"] for t in rows(SHARED / "data" / "pools" / "messages.en.jsonl.gz", 40_000)]
    mb = sum(len(text.encode()) for text in texts) / 1e6
    check = LangMismatch()
    check.load()
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
