"""Remote sources: the same findings as of local files, nothing fetched in vain, no credentials in any output."""

import errno
import gc
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import RecordingProgress, conversation, message, rules_of, write
from cases import case
from chataudit.audit.cleaning.clean import clean
from chataudit.audit.cleaning.policy import load_policy
from chataudit.audit.reading import files, recognise, remote
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.run import run
from chataudit.audit.sample import draw
from chataudit.audit.sample import write as write_sample
from chataudit.reports.record import Record

SECRETS = ("alice", "s3cret", "t0ken")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Wait for nothing, and let small files behave as large ones do."""
    monkeypatch.setattr(remote, "PAUSES", (0.0, 0.0))
    for name in ("FIRST", "LEAST", "MOST"):
        monkeypatch.setattr(remote, name, getattr(remote, name) >> 6)


# -- a web server and a file system in memory ------------------------------------------------------------------------


class Request(NamedTuple):
    """What was asked for, and how many bytes of it were sent."""

    method: str
    path: str
    start: int
    sent: int


@dataclass
class Web:
    """Files on 127.0.0.1, and how they are given out."""

    root: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    has_ranges: bool = True
    has_length: bool = True
    refuses: dict[str, int] = field(default_factory=dict)  # status by path
    most: int | None = None  # bytes of an answer, before the connection breaks off
    wall: int | None = None  # byte that nothing is given behind
    n_breaks: int = sys.maxsize  # after which all goes well
    silence: float = 0.0  # seconds before an answer
    requests: list[Request] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tag: str = ""
    answering: int = 0  # answers under way
    idle: threading.Condition = field(default_factory=threading.Condition)

    def put(self, path: str, data: bytes) -> str:
        self.files[path] = data
        return self.root + path

    def got(self, method: str = "GET") -> list[Request]:
        # Who asked may have all its bytes before the thread that sent them has noted it.
        with self.idle:
            assert self.idle.wait_for(lambda: not self.answering, timeout=10), "an answer never ended"
        return [request for request in self.requests if request.method == method]


@pytest.fixture
def web() -> Iterator[Web]:
    given = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            with given.idle:
                given.answering += 1
            try:
                self.answer()
            finally:
                with given.idle:
                    given.answering -= 1
                    given.idle.notify_all()

        def do_GET(self) -> None:
            self.do_HEAD()

        def answer(self) -> None:
            time.sleep(given.silence)
            given.headers.append(dict(self.headers))
            path = self.path.partition("?")[0]
            status = given.refuses.get(path, 200 if path in given.files else 404)
            whole = given.files.get(path, b"") if status == 200 else b""
            start, end = 0, len(whole)
            asked = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if asked and given.has_ranges and whole:
                start, end = int(asked[1]), min(len(whole), int(asked[2]) + 1)
                status = 206
            body = whole[start:end]
            self.send_response(status)
            if given.tag:
                self.send_header("ETag", given.tag)
            if status == 206:
                self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(whole)}")
            self.send_header(*(("Content-Length", str(len(body))) if given.has_length else ("Connection", "close")))
            self.end_headers()
            sent = 0
            if self.command == "GET":
                most = len(body) if given.most is None else given.most
                if given.wall is not None:
                    most = min(most, max(0, given.wall - start))
                is_broken = most < len(body) and given.n_breaks > 0
                piece = body[:most] if is_broken else body
                try:
                    self.wfile.write(piece)
                    sent = len(piece)
                except OSError:  # who asked has seen enough
                    pass
                if is_broken:
                    given.n_breaks -= 1
                    self.close_connection = True
            given.requests.append(Request(self.command, path, start, sent))
            self.close_connection = self.close_connection or not given.has_length

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    given.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield given
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def memory() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    files.store.clear()
    files.pseudo_dirs[:] = [""]


def lines(n: int = 40, size: int = 100) -> bytes:
    """Return trees of two messages; some are copies of others, some break a rule of trees."""
    rows = []
    for k in range(n):
        words = " ".join(f"{(k % (n - 3)) * 31 + j * 7:x}" for j in range(size // 5))
        prompt, reply = conversation(f"t{k}", 1)
        more = " really" if k == n - 1 else ""
        rows += [{**prompt, "text": f"Question {words}"}, {**reply, "text": f"Answer {words}{more}"}]
    rows.append(message("late", "late"))
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def zstd(data: bytes) -> bytes:
    packed: bytes = pa.compress(data, "zstd", asbytes=True)
    return packed


def table(data: bytes) -> bytes:
    sink = io.BytesIO()
    rows = pa.Table.from_pylist([json.loads(line) for line in data.splitlines()])
    pq.write_table(rows, sink, row_group_size=20)
    return sink.getvalue()


def look(*sources: Any, **options: Any) -> Record:
    checks = ["schema_invariants", "near_duplicates", "prompt_parroting"]
    return run(*sources, checks=checks, **{"engine": "serial", **options})


def found(record: Record) -> str:
    """Return all findings, under one name of the source."""
    rows = json.dumps([record.table.to_pylist(), record.threads.to_pylist(), record.messages.to_pylist()], default=str)
    assert len(record.facts.sources) == 1
    return rows.replace(record.facts.sources[0].name, "SOURCE")


def errors(record: Record) -> list[str]:
    return [error for source in record.facts.sources for error in source.errors]


FORMS = {"a.jsonl": bytes, "a.jsonl.gz": gzip.compress, "a.jsonl.zst": zstd, "a.parquet": table}


# -- the same as local files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["memory", "web"])
def test_a_remote_file_gives_the_findings_of_the_local_one(tmp_path, web, memory, form, place):
    data = FORMS[form](lines())
    (tmp_path / form).write_bytes(data)
    url = web.put(f"/{form}", data) if place == "web" else f"memory://b/{form}"
    memory.pipe(f"/b/{form}", data)
    here, there = look(tmp_path / form), look(url)
    assert found(here) == found(there)
    assert {"self_parent", "exact_copy", "near_copy"} <= set(rules_of(there))
    assert there.facts.sources[0].name == url
    assert there.facts.sources[0].sha256 == hashlib.sha256(data).hexdigest()
    assert there.facts.sources[0].n_bytes == len(data)


def test_a_folder_means_its_data_files_without_audits(memory):
    for name in ("x/train/a.jsonl", "x/b.jsonl.gz", "x/read.me", "x/old/record.json", "x/old/findings.parquet"):
        memory.pipe(f"/{name}", lines(2))
    assert [s.name for s in files.find(["memory://x"]).sources] == ["memory://x/b.jsonl.gz", "memory://x/train/a.jsonl"]


def test_a_glob_means_what_it_matches_and_each_file_is_read_once(memory):
    for name in ("b", "a", "c"):
        memory.pipe(f"/x/{name}.jsonl", lines(2))
    names = [s.name for s in files.find(["memory://x/c.jsonl", "memory://x/*.jsonl", "memory:///x/a.jsonl"]).sources]
    assert names == ["memory://x/c.jsonl", "memory://x/a.jsonl", "memory://x/b.jsonl"]


def test_a_file_with_glob_characters_in_its_name_is_a_file(memory):
    memory.pipe("/x/a[1].jsonl", lines(2))
    assert [s.name for s in files.find(["memory://x/a[1].jsonl"]).sources] == ["memory://x/a[1].jsonl"]


def test_the_split_is_read_from_the_url(memory):
    for name in ("train-00001.jsonl", "test/a.jsonl", "a.jsonl"):
        memory.pipe(f"/x/{name}", lines(2))
    assert [s.split for s in files.find(["memory://x"]).sources] == [None, "test", "train"]
    assert [s.split for s in files.find([], {"validation": ["memory://x/a.jsonl"]}).sources] == ["validation"]


def test_local_and_remote_files_are_audited_together(tmp_path, memory):
    memory.pipe("/x/a.jsonl", lines(2))
    path = write(tmp_path / "b.jsonl", conversation("other"))
    assert [s.records for s in look(path, "memory://x/a.jsonl").facts.sources] == [3, 5]


def test_a_local_path_that_looks_like_a_url_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:").mkdir()
    write(tmp_path / "s3:" / "a.jsonl", conversation("a"))
    assert isinstance(files.find(["s3://a.jsonl"]).sources[0].path, Path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_server_without_lengths_and_ranges_is_read(web, pack):
    web.has_length = web.has_ranges = False
    data = pack(lines(300))
    progress = RecordingProgress()
    record = look(web.put("/a.jsonl", data), progress=progress)
    source = record.facts.sources[0]
    assert (source.records, source.sha256, source.n_bytes) == (601, hashlib.sha256(data).hexdigest(), len(data))
    assert progress.n_bytes == 0
    assert progress.read == len(data)


def test_a_server_that_gives_no_ranges_is_read(web):
    web.has_ranges = False
    data = lines(300)
    assert len(data) > 2 * remote.FIRST
    assert look(web.put("/a.jsonl", data)).facts.sources[0].sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_is_asked_for_as_it_is_stored(web):
    look(web.put("/a.jsonl", lines(2)))
    assert {headers["Accept-Encoding"] for headers in web.headers} == {"identity"}


# -- what is fetched -------------------------------------------------------------------------------------------------


def test_recognising_a_format_fetches_the_beginning_alone(web, monkeypatch):
    monkeypatch.setattr(recognise, "SAMPLE", 10)
    data = lines(2000, 500)
    (source,) = files.find([web.put("/a.jsonl", data)]).sources
    recognise.recognise(source)
    # What it looks at comes in pieces of 1 MB; what follows is asked for as it is needed.
    assert sum(request.sent for request in web.got()) < (1 << 20) + remote.MOST < len(data) * 0.6


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_file_is_read_in_few_large_requests(web, pack):
    data = pack(lines(2000))
    (source,) = files.find([web.put("/a.jsonl", data)]).sources
    assert sum(block.data.count(b"\n") for block in cutting.blocks(source)) == 4001
    assert sum(request.sent for request in web.got()) == len(data)
    assert len(web.got()) <= 5 + len(data) // remote.MOST  # each twice as large as the one before


def test_a_table_is_fetched_once_and_its_copy_is_gone_after_the_run(web, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = table(lines())
    look(web.put("/a.parquet", data))
    gc.collect()
    assert sum(request.sent for request in web.got()) <= 2 * len(data)  # the head was asked for first
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["fsspec", "aiohttp"])
def test_an_audit_of_local_files_does_not_pay_for_remote_ones(name, tmp_path):
    path = write(tmp_path / "a.jsonl", conversation("a"))
    code = (
        "import sys; from chataudit.audit.reading import files; "
        f"files.find([{str(path)!r}]).sources; print({name!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


# -- what goes wrong on the way --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("has_ranges", [True, False])
def test_reading_goes_on_at_the_byte_where_it_broke_off(web, form, has_ranges):
    data = FORMS[form](lines(300))
    url = web.put(f"/{form}", data)
    whole = found(look(url))
    web.most, web.n_breaks, web.has_ranges = 5_000, 2, has_ranges
    record = look(url)
    assert web.n_breaks == 0
    assert not errors(record)
    assert record.facts.sources[0].sha256 == hashlib.sha256(data).hexdigest()
    assert found(record) == whole


def test_a_server_that_breaks_off_each_large_answer_is_read_in_small_ones(web):
    web.most = 4_000
    data = lines(30)
    assert look(web.put("/a.jsonl", data)).facts.sources[0].sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("form", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_what_was_read_before_a_source_was_lost_is_audited(web, form):
    data = FORMS[form](lines(300))
    web.wall = len(data) // 2
    record = look(web.put(f"/{form}", data))
    (error,) = errors(record)
    assert re.search(r"a\.jsonl.*: could not be read to the end \(.* at byte [\d,]+, 3 times\)$", error)
    at = int(re.search(r"byte ([\d,]+)", error)[1].replace(",", ""))
    assert web.wall - 2 * remote.LEAST <= at <= web.wall
    assert record.facts.sources[0].records > 601 * 0.35  # zstd is decoded in whole blocks of 128 KB
    assert not record.facts.sources[0].sha256
    assert record.exit_code == 3


def test_a_table_that_breaks_off_is_an_error_and_leaves_nothing_on_disk(web, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    data = table(lines(300))
    web.wall = len(data) // 2
    assert "could not be read to the end (" in errors(look(web.put("/a.parquet", data)))[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("status", "words", "n"), [(403, "403 Forbidden", 1), (404, "404 Not Found", 1)])
def test_what_a_server_refuses_is_an_error_of_the_source_and_not_asked_for_again(web, status, words, n):
    web.refuses["/a.jsonl"] = status
    record = look(f"{web.root}/a.jsonl", web.put("/b.jsonl", lines(2)))
    assert errors(record) == [f"{web.root}/a.jsonl: could not be read to the end ({words})"]
    assert [source.records for source in record.facts.sources] == [0, 5]


def test_a_server_that_is_out_of_order_is_asked_three_times(web):
    web.refuses["/a.jsonl"] = 503
    assert errors(look(f"{web.root}/a.jsonl")) == [
        f"{web.root}/a.jsonl: could not be read to the end (503 Service Unavailable, 3 times)"
    ]


def test_a_server_that_is_not_there_is_an_error():
    (error,) = errors(look("http://127.0.0.1:9/a.jsonl"))
    assert error.endswith("could not be read to the end (Connection refused, 3 times)")


def test_a_server_that_is_silent_is_an_error(web, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 0.05)
    web.silence = 0.2
    assert errors(look(web.put("/a.jsonl", lines(2))))[0].endswith("(timed out, 3 times)")


def test_a_file_that_changed_while_it_was_read_is_an_error(web):
    web.tag = "one"
    with remote.find(web.put("/a.jsonl", lines(300)))[0][0].open("rb") as file:
        assert file.read(10)
        web.tag, web.most, web.n_breaks = "two", 10, 1
        with pytest.raises(OSError, match="the file changed while it was read at byte 16,384"):
            b"".join(iter(lambda: file.read(10_000), b""))


def test_a_file_of_memory_that_is_not_there_is_an_error(memory):
    assert errors(look("memory://x/none.jsonl")) == [
        "memory://x/none.jsonl: could not be read to the end (no such file)"
    ]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("memory://none/*.jsonl", "memory://none/*.jsonl: no such file. Pass"),
        ("nope://x/a.jsonl", "fsspec does not support nope://"),
        ("https://127.0.0.1:9/*.jsonl", "web servers do not list files"),
    ],
)
def test_a_url_that_matches_no_file_raises_with_a_way_out(memory, url, words):
    with pytest.raises(LookupError, match=re.escape(words)):
        files.find([url])


def test_a_remote_folder_without_data_files_raises(memory):
    memory.pipe("/x/read.me", b"")
    with pytest.raises(LookupError, match=r"memory://x: no data file in this folder; expected \.jsonl"):
        files.find(["memory://x"])


@pytest.mark.parametrize(
    ("missing", "url", "way_out"),
    [
        ("fsspec", "memory://a.jsonl", "pip install 'chataudit[hf]'"),
        ("aiohttp", "https://user:s3cret@host/a.jsonl", "pip install 'chataudit[hf]'"),
        ("huggingface_hub", "hf://datasets/o/n/a.jsonl", "pip install 'chataudit[hf]'"),
        ("s3fs", "s3://bucket/a.jsonl", "s3fs"),
    ],
)
def test_what_is_not_installed_is_named_with_the_way_to_it(missing, url, way_out):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\nfrom chataudit.audit.reading import files\n"
        f"try: files.find([{url!r}]).sources\nexcept LookupError as error: print(error)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert way_out in output
    assert output.startswith(remote.bare(url))


@pytest.mark.parametrize("url", ["hf://datasets/o/n@main/a.jsonl", "hf://datasets/o/n/data/*.parquet"])
def test_the_hub_without_a_network_is_a_clear_error(url):
    code = (
        "from chataudit.audit.reading import files, remote; "
        "from chataudit.audit.reading.blocks import cutting\nremote.PAUSES = (0, 0)\n"
        f"try: source, = files.find([{url!r}]).sources; "
        f"print([e for b in [list(cutting.blocks(source))] for e in source.errors])\n"
        "except LookupError as error: print(error)"
    )
    environment = {"HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert url in output.stdout
    assert "could not be" in output.stdout


def test_a_full_disk_is_reported_with_a_way_out(web, monkeypatch):
    url = web.put("/a.parquet", table(lines()))

    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("chataudit.audit.reading.streams.open", lambda *_: Full(), raising=False)
    (error,) = errors(look(url))
    assert "no room for a temporary copy" in error
    assert "TMPDIR" in error
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines(2))))
    with pytest.raises(OSError, match="no room for a temporary copy"):
        files.find(["-"])


# -- secrets ---------------------------------------------------------------------------------------------------------


def test_a_url_is_shown_without_its_credentials():
    cases = [
        ("https://alice:s3cret@host/x.jsonl", "https://host/x.jsonl"),
        ("https://alice@host:8080/@x/a.jsonl?sig=t0ken#s3cret", "https://host:8080/@x/a.jsonl"),
        ("https://host/x.jsonl#t0ken", "https://host/x.jsonl"),
        ("https://alice:s3c/ret@host/x.jsonl", "https://host/x.jsonl"),
        ("https://alice:s3c?ret@host/x.jsonl", "https://host/x.jsonl"),
        ("https://alice:s3c@ret@host/x.jsonl", "https://host/x.jsonl"),
        ("https://[::1]:8080/a@b.jsonl", "https://[::1]:8080/a@b.jsonl"),
        ("hf://datasets/owner/name@rev/data/a.jsonl", "hf://datasets/owner/name@rev/data/a.jsonl"),
        ("s3://bucket/a#1.jsonl", "s3://bucket/a#1.jsonl"),
        ("sftp://alice:s3cret@host/a.jsonl", "sftp://host/a.jsonl"),
    ]
    for url, expected in cases:
        with case(url, expected):
            assert remote.bare(url) == expected


def test_credentials_of_a_url_are_sent_and_written_nowhere(web, tmp_path):
    web.put("/a.jsonl", lines())
    host = web.root.removeprefix("http://")
    progress = RecordingProgress()
    url = f"http://alice:s3cret@{host}/a.jsonl?sig=t0ken"
    record = look(url, f"http://alice:s3cret@{host}/none.jsonl?sig=t0ken", progress=progress)
    assert all(headers["Authorization"].startswith("Basic ") for headers in web.headers)
    record.write(tmp_path / "audit")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "audit").rglob("*") if path.is_file())
    reported = [
        *progress.lines,
        *errors(record),
        repr(files.find([url])),
        found(look(url)),
        kept.decode("latin-1"),
    ]
    assert not [secret for secret in SECRETS for words in reported if secret in words]
    assert record.facts.sources[0].name == f"{web.root}/a.jsonl"


def test_urls_that_differ_in_their_query_alone_have_names_of_their_own(web):
    web.put("/get", lines(2))
    record = look(f"{web.root}/get?id=1", f"{web.root}/get?id=2", f"{web.root}/get?id=1")
    assert [(s.name, s.records) for s in record.facts.sources] == [
        (f"{web.root}/get", 5),
        (f"{web.root}/get#2", 5),
    ]


def test_a_url_may_be_longer_than_a_file_name(web):
    web.put("/a.jsonl", lines(2))
    assert look(f"{web.root}/a.jsonl?sig={'x' * 3000}").facts.sources[0].name == f"{web.root}/a.jsonl"


# -- read again ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_remote_files_are_cleaned_as_local_ones_are(tmp_path, web, form):
    data = FORMS[form](lines())
    (tmp_path / form).write_bytes(data)
    url = web.put(f"/far/{form}", data)
    here = clean(look(tmp_path / form), [tmp_path / form], load_policy(), tmp_path / "here")
    there = clean(look(url), [url], load_policy(), tmp_path / "there")
    assert here.dropped == there.dropped > 0
    assert (tmp_path / "here" / form).read_bytes() == (tmp_path / "there" / form).read_bytes()


def test_a_name_that_leads_out_of_a_folder_does_not_lead_out_of_the_cleaned_one(tmp_path, memory):
    memory.pipe("/x/b.jsonl", lines())
    memory.store["/x/../../b.jsonl"] = memory.store.pop("/x/b.jsonl")
    memory.pipe("/x/a.jsonl", json.dumps(conversation("alone", 0)[0]).encode())
    record = look("memory://x/../../b.jsonl", "memory://x/a.jsonl")
    assert clean(record, ["memory://x/../../b.jsonl", "memory://x/a.jsonl"], load_policy(), tmp_path / "new" / "it")
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == ["a.jsonl", "b.jsonl"]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["it"]


def test_a_sample_is_drawn_from_remote_files(tmp_path, web):
    url = web.put("/a.jsonl.gz", gzip.compress(lines()))
    record = look(url)
    write_sample(record, "near_duplicates", draw(record, "near_duplicates", 5, 1), [], tmp_path / "sample.csv")
    assert "Question" in (tmp_path / "sample.csv").read_text(encoding="utf-8")


def test_a_remote_file_that_is_gone_cannot_be_cleaned(tmp_path, web):
    url = web.put("/a.jsonl", lines())
    record = look(url)
    web.files.clear()
    with pytest.raises(LookupError, match=r"a\.jsonl: could not be read \(404 Not Found\)"):
        clean(record, [url], load_policy(), tmp_path / "cleaned")
