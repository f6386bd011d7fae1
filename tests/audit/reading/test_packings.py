"""Which bytes can be read, and what is said about those that cannot."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import sqlite3
import sys
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.feather as feather
import pyarrow.parquet as pq
from cases import case
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.blocks import tables as tables_module
from chataudit.audit.reading.blocks.block import BLOCK, Source, only
from chataudit.audit.reading.blocks.separated import Rows
from chataudit.audit.reading.files import find
from chataudit.audit.reading.parse import parse
from chataudit.audit.reading.recognise import recognise
from chataudit.audit.reading.repair import read_line
from chataudit.audit.reading.streams import SUFFIXES, UnreadableSource
from hypothesis import given
from hypothesis import strategies as st

ROWS = [
    {"instruction": f'Name "{k}",\nin Straßburg', "output": None if k == 3 else f"Number {k}, 漢 🙂"}
    for k in range(1, 9)
]
TABLE = pa.Table.from_pylist(ROWS)


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return bytes(sink.getvalue())


PACK = {"": bytes, ".gz": gzip.compress, ".zst": zstd, ".xz": lzma.compress, ".bz2": bz2.compress}


def json_lines(rows):
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def separated(rows, separator=","):
    def cell(value):
        return "" if value is None else '"' + value.replace('"', '""') + '"'

    lines = [separator.join(rows[0]), *(separator.join(map(cell, row.values())) for row in rows)]
    return "".join(f"{line}\n" for line in lines).encode()


def arrow(table, new=pa.ipc.new_stream, rows=3, **options):
    sink = io.BytesIO()
    with new(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=rows)
    return sink.getvalue()


def parquet(table):
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=3)
    return sink.getvalue()


def web(*records):
    """Return a web archive of (type, content type, text or bytes, other headers)."""
    out = b""
    for number, (kind, content, text, more) in enumerate(records, 1):
        data = text if isinstance(text, bytes) else text.encode()
        headers = {"WARC-Type": kind, "WARC-Record-ID": f"<urn:uuid:{number}>", "Content-Type": content}
        headers |= {"Content-Length": len(data)} | more
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        out += f"WARC/1.0\r\n{lines}\r\n".encode() + data + b"\r\n\r\n"
    return out


CONTENTS = {
    ".jsonl": json_lines(ROWS),
    ".ndjson": json_lines(ROWS),
    ".json": json.dumps(ROWS, indent=1).encode(),
    ".csv": separated(ROWS),
    ".tsv": separated(ROWS, "\t"),
    ".arrow": arrow(TABLE),
    ".feather": arrow(TABLE, pa.ipc.new_file, compression="lz4"),
}


def read(folder, name, data, block=BLOCK):
    """Return (line, text) of all messages, all faults as (kind, line), and the errors of the source."""
    (folder / name).write_bytes(data)
    source = Source(folder / name, name)
    try:
        plan = recognise(source)
    except UnreadableSource as error:
        return [], [], [str(error)]
    parsed = [parse(block, plan) for block in cutting.blocks(source, block)]
    messages = [(row["line"], row["text"]) for part in parsed for row in part.messages.to_pylist()]
    faults = [(str(row["kind"]), row["line"]) for part in parsed for row in part.faults.to_pylist()]
    return messages, faults, [error.removeprefix(f"{name}: ") for error in source.errors]


def texts(rows):
    return [text for row in rows for text in row.values() if text is not None]


# -- files that are read ---------------------------------------------------------------------------------------------


def test_every_packing_gives_the_same_messages(tmp_path):
    for suffix in SUFFIXES:
        content, packed = next(((c, p) for c in CONTENTS for p in PACK if c + p == suffix), (None, None))
        if content is None:
            continue
        for block in (1, 100, BLOCK):
            with case(suffix, block):
                messages, faults, errors = read(tmp_path, f"data{suffix}", PACK[packed](CONTENTS[content]), block)
                assert [text for _, text in messages if text is not None] == texts(ROWS)
                assert ([fault for fault in faults if fault[0] != "line_format"], errors) == ([], [])


def test_a_compression_is_known_by_its_first_bytes_and_not_by_the_name(tmp_path):
    for packed in PACK:
        for name in ("data.jsonl", "data.jsonl.gz", "data.jsonl.bz2"):
            with case(packed, name):
                messages, _, errors = read(tmp_path, name, PACK[packed](json_lines(ROWS)))
                assert (len([text for _, text in messages if text]), errors) == (15, [])


def test_a_folder_is_searched_for_all_of_them(tmp_path):
    for suffix in SUFFIXES:
        (tmp_path / f"part{suffix}").write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert {source.path.name for source in find([tmp_path]).sources} == {f"part{suffix}" for suffix in SUFFIXES}


# -- CSV -------------------------------------------------------------------------------------------------------------


def csv_of(tmp_path, data, name="data.csv", block=BLOCK):
    return read(tmp_path, name, data.encode() if isinstance(data, str) else data, block)


def test_an_empty_cell_is_null_and_a_quoted_one_is_an_empty_text(tmp_path):
    source = Source(tmp_path / "data.csv", "data.csv")
    source.path.write_bytes(b'instruction,input,output\nAsk,,""\n')
    (block,) = cutting.blocks(source)
    assert block.data.to_pylist() == [{"instruction": "Ask", "input": None, "output": ""}]


def test_a_row_with_a_wrong_number_of_columns_is_a_fault_with_its_row(tmp_path):
    data = 'instruction,output\na,b\nonly one\n\nc,"d\n"\n1,2,3\ne,f\n'
    for block in (1, 10, BLOCK):
        with case(block):
            messages, faults, errors = csv_of(tmp_path, data, block=block)
            assert messages == [(1, "a"), (1, "b"), (3, "c"), (3, "d\n"), (5, "e"), (5, "f")]
            assert (faults, errors) == ([("unreadable_line", 2), ("unreadable_line", 4)], [])
    source = Source(tmp_path / "data.csv", "data.csv")
    details = [fault.detail for block in cutting.blocks(source) for fault in block.faults]
    assert details == [
        "Row has 1 column; expected 2, as in the header",
        "Row has 3 columns; expected 2, as in the header",
    ]


def test_rows_behind_a_faulty_one_are_found_again_by_their_number(tmp_path):
    (tmp_path / "data.csv").write_text("instruction,output\na,b\nonly one\nc,d\n")
    (block,) = cutting.blocks(Source(tmp_path / "data.csv", "data.csv"))
    part = only(block, np.array([3]))
    assert (part.data.to_pylist(), part.lines.tolist()) == ([{"instruction": "c", "output": "d"}], [3])
    assert only(block, np.array([2])) is None


def test_a_cell_that_is_not_utf8_is_repaired_and_reported(tmp_path):
    for block in (1, BLOCK):
        data = b"instruction,output\na,b\n\xe4,d\n\xff\ne,f\n"
        messages, faults, errors = csv_of(tmp_path, data, block=block)
        assert messages == [(1, "a"), (1, "b"), (2, "\ufffd"), (2, "d"), (4, "e"), (4, "f")]
        assert (sorted(faults), errors) == ([("repaired_line", 2), ("unreadable_line", 3)], [])


def test_csv_may_have_a_byte_order_mark_semicolons_spaces_and_any_line_ends(tmp_path):
    for data in (
        "\ufeffinstruction,output\na,b\nc,d\n",
        "instruction;output\na;b\nc;d",
        "instruction\toutput\na\tb\nc\td",
        '"instruction" , output\r\na,b\r\nc,d\r\n',
        "instruction,output\ra,b\rc,d",
    ):
        for block in (1, 7, BLOCK):
            with case(data, block):
                messages, _, errors = csv_of(tmp_path, data, block=block)
                assert (messages, errors) == ([(1, "a"), (1, "b"), (2, "c"), (2, "d")], [])


def test_a_quote_that_is_never_closed_is_an_error_behind_the_rows_before_it(tmp_path):
    messages, _, errors = csv_of(tmp_path, 'instruction,output\na,b\nc,"d\ne,f\n')
    assert messages == [(1, "a"), (1, "b")]
    assert errors == ["row 2 opens a quote that is never closed. Everything after it was lost"]
    assert csv_of(tmp_path, 'instruction,"output\na,b\n')[2] == ["the header opens a quote that is never closed"]


def test_columns_need_different_names(tmp_path):
    (error,) = csv_of(tmp_path, "text,text\na,b\n")[2]
    assert error == "several columns are named 'text'. Rename or drop all but one"


def test_json_lines_under_the_name_of_a_csv_file_are_read(tmp_path):
    assert [text for _, text in csv_of(tmp_path, json_lines(ROWS))[0] if text] == texts(ROWS)


@given(st.lists(st.sampled_from(["a", '"', ",", "\n", "\r", "\r\n", '""', "é"]), max_size=40))
def test_rows_are_cut_where_arrow_cuts_them(parts):
    data = "".join(parts).encode()
    ends = list(Rows(",").ends(data, is_last=True))
    if not data.strip(b"\r\n") or ends[-1:] != [len(data)]:
        return
    rows = [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    n_bad = 0

    def skip(row):
        nonlocal n_bad
        n_bad += 1
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader(data),
        arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=["a", "b"]),
        arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        arrow_csv.ConvertOptions(column_types={"a": pa.string(), "b": pa.string()}),
    )
    assert len([row for row in rows if row.strip(b"\r\n")]) == len(table) + n_bad


# -- Arrow -----------------------------------------------------------------------------------------------------------


def test_arrow_data_that_are_cut_give_the_batches_before_the_cut(tmp_path):
    for new in (pa.ipc.new_stream, pa.ipc.new_file):
        data = arrow(TABLE, new)
        found = []
        for part in (0.5, 0.7, 0.99):
            with case(new.__name__, part):
                messages, _, errors = read(tmp_path, "data.arrow", data[: int(len(data) * part)])
                assert "Fetch" in errors[0]
                assert [text for _, text in messages if text] == texts(ROWS)[: len([t for _, t in messages if t])]
                found.append(len(messages))
        assert found == sorted(found)
        assert found[-1] > 0


def test_arrow_text_that_is_not_utf8_is_repaired_and_offsets_out_of_place_are_an_error(tmp_path):
    bad = pa.array([b"a", b"\xff", b"c"], pa.binary()).view(pa.string())
    messages, faults, errors = read(tmp_path, "data.arrow", arrow(pa.table({"text": bad})))
    assert ([text for _, text in messages], faults, errors) == (["a", "\ufffd", "c"], [("repaired_line", 2)], [])
    offsets = pa.py_buffer(np.array([0, 1, 1 << 20, 3], np.int32).tobytes())
    broken = pa.Array.from_buffers(pa.string(), 3, [None, offsets, pa.py_buffer(b"abc")])
    table = pa.concat_tables([pa.table({"text": ["x", "y"]}), pa.table({"text": broken}), pa.table({"text": ["z"]})])
    messages, _, errors = read(tmp_path, "data.arrow", arrow(table))
    assert [(line, text) for line, text in messages] == [(1, "x"), (2, "y"), (6, "z")]
    assert errors[0].startswith("rows 3 to 5 could not be read")


def test_an_arrow_file_that_is_none_is_an_error(tmp_path):
    (error,) = read(tmp_path, "data.arrow", json_lines(ROWS))[2]
    assert error == "not an Arrow file: it starts neither with ARROW1 nor with a schema"


def test_an_arrow_batch_that_declares_rows_without_bytes_is_not_read(tmp_path):
    messages, _, errors = read(tmp_path, "data.arrow", arrow(pa.table({"text": pa.nulls(1 << 30)}), rows=1 << 30))
    assert messages == []
    assert "could not be read (1,073,741,824 rows in 0 bytes)" in errors[0]


def test_feather_as_pyarrow_writes_it_is_read(tmp_path):
    feather.write_feather(TABLE, tmp_path / "data.feather")
    messages, _, errors = read(tmp_path, "data.feather", (tmp_path / "data.feather").read_bytes())
    assert ([text for _, text in messages if text], errors) == (texts(ROWS), [])


def test_a_batch_of_any_column_type_is_looked_at_before_it_is_used():
    strings = pa.array([b"\xff"], pa.binary()).view(pa.string())
    for column in (strings, pa.array([["é"]]), pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), strings)):
        assert tables_module._damage(pa.record_batch({"a": column})) == ""


# -- compression -----------------------------------------------------------------------------------------------------


def noise(n):
    rng = random.Random(5)
    return [{"text": f"{k} {rng.randbytes(40).hex()}"} for k in range(n)]


def test_everything_before_a_cut_is_read(tmp_path):
    rows = noise(3000)
    for suffix, name in ((".gz", "gzip"), (".zst", "zstd"), (".xz", "xz"), (".bz2", "bzip2")):
        data = PACK[suffix](json_lines(rows))
        with case(suffix):
            messages, _, errors = read(tmp_path, f"data.jsonl{suffix}", data[: len(data) * 9 // 10])
            assert [text for _, text in messages] == [row["text"] for row in rows[: len(messages)]]
            # bzip2 packs blocks of 900 KB, of which only whole ones can be read.
            assert len(messages) >= (0 if suffix == ".bz2" else 2000)
            assert errors == [f"the {name} stream ends early; fetch the file again"] or not messages


def test_everything_before_damage_is_read(tmp_path):
    rows = noise(3000)
    for suffix, name in ((".gz", "gzip"), (".xz", "xz")):
        data = bytearray(PACK[suffix](json_lines(rows)))
        data[len(data) // 2 : len(data) // 2 + 100] = bytes(100)
        for block in (1000, BLOCK):
            with case(suffix, block):
                messages, _, errors = read(tmp_path, f"data.jsonl{suffix}", bytes(data), block)
                assert len(messages) > 1400
                assert [text for _, text in messages[:1400]] == [row["text"] for row in rows[:1400]]
                assert errors[0].startswith(f"the {name} stream is damaged")


def test_several_streams_may_follow_one_another(tmp_path):
    for suffix, pack in PACK.items():
        with case(suffix):
            messages, _, errors = read(tmp_path, f"a.jsonl{suffix}", b"".join(pack(json_lines([row])) for row in ROWS))
            assert ([text for _, text in messages if text], errors) == (texts(ROWS), [])


def test_compressed_data_may_be_compressed_up_to_three_times(tmp_path):
    data = bz2.compress(lzma.compress(json_lines(ROWS)))
    messages, _, errors = read(tmp_path, "data.jsonl.gz", gzip.compress(data))
    assert ([text for _, text in messages if text], errors) == (texts(ROWS), [])
    (error,) = read(tmp_path, "data.jsonl.gz", zstd(gzip.compress(data)))[2]
    assert error == "compressed more than 3 times, xz last. Decompress the file first"


def test_inner_damage_gives_what_is_before_it(tmp_path):
    rows = noise(3000)
    inner = zstd(json_lines(rows))
    for outer in (gzip.compress, zstd, lzma.compress, bz2.compress):
        messages, _, errors = read(tmp_path, "data.jsonl.gz", outer(inner[: len(inner) // 2]))
        assert len(messages) > 1000
        assert errors == ["the zstd stream ends early; fetch the file again"]


# -- web archives ----------------------------------------------------------------------------------------------------

PAGES = web(
    ("warcinfo", "application/warc-fields", "software: none\r\n", {}),
    ("conversion", "text/plain", "Erste Seite\nmit é", {"WARC-Identified-Content-Language": "deu,eng"}),
    ("response", "application/http", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>No</p>", {}),
    ("response", "application/http; msgtype=response", "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nYes", {}),
    ("resource", "text/plain", b"bad \xff", {"WARC-Target-URI": "http://a/b"}),
    ("resource", "image/png", b"\x89PNG", {}),
)


def test_plain_texts_of_a_web_archive_are_documents_by_the_number_of_their_record(tmp_path):
    for data in (PAGES, gzip.compress(PAGES)):
        for block in (1, BLOCK):
            messages, faults, errors = read(tmp_path, "a.warc.wet", data, block)
            assert messages == [(2, "Erste Seite\nmit é"), (4, "Yes"), (5, "bad \ufffd")]
            assert (faults, errors) == ([("repaired_line", 5)], [])
    first = next(cutting.blocks(Source(tmp_path / "a.warc.wet", "a"), 1))
    assert json.loads(first.data) == {"id": "urn:uuid:2", "language": "deu", "text": "Erste Seite\nmit é"}


def test_web_texts_are_decoded_as_they_declare_and_compressed_ones_are_reported(tmp_path):
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    data = web(
        ("response", "application/http", f"{head}\r\n".encode() + b"caf\xe9", {}),
        ("response", "application/http", f"{head}Content-Encoding: gzip\r\n\r\n".encode() + gzip.compress(b"a"), {}),
    )
    assert read(tmp_path, "a.warc", data) == ([(1, "café")], [("unreadable_line", 2)], [])


def test_a_web_archive_that_is_cut_or_damaged_gives_the_records_before(tmp_path):
    for data, said in (
        (PAGES[: PAGES.index(b"Yes") + 1], "the web archive ends within a record. Fetch the file again"),
        (PAGES[: PAGES.index(b"urn:uuid:4")], "the web archive ends within a record. Fetch the file again"),
        (PAGES.replace(b"urn:uuid:4>\r\n", b"urn:uuid:4>\r\n\r\n"), "the web archive"),
    ):
        messages, _, errors = read(tmp_path, "a.warc", data)
        assert messages[0] == (2, "Erste Seite\nmit é")
        assert errors[0].startswith(said)
        assert "\n" not in errors[0]


def test_without_its_library_a_web_archive_is_an_error_with_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fastwarc.warc", None)
    (error,) = read(tmp_path, "a.warc", PAGES)[2]
    assert error == 'this is a web archive. To read it, run: pip install "chataudit[web]"'


# -- what cannot be read ---------------------------------------------------------------------------------------------


def zipped(name):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, json_lines(ROWS))
    return out.getvalue()


def tarred(format=tarfile.USTAR_FORMAT):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        member = tarfile.TarInfo("train.jsonl")
        member.size = len(json_lines(ROWS))
        archive.addfile(member, io.BytesIO(json_lines(ROWS)))
    return out.getvalue()


def npy():
    out = io.BytesIO()
    np.save(out, np.zeros(9))
    return out.getvalue()


def sqlite(folder):
    with sqlite3.connect(folder / "db") as database:
        database.execute("create table chats (text)")
    return (folder / "db").read_bytes()


LINES = json_lines(ROWS).decode()


def test_every_file_that_cannot_be_read_is_named_in_one_line_with_the_way_out(tmp_path):
    cases = [
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "a Git LFS pointer, not data. Run: git",
        ),
        (b"\n <!DOCTYPE html>\n<html></html>", "an HTML page"),
        (b"<html>\n", "an HTML page"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "this is XML"),
        (zipped("train.jsonl"), "a zip archive. Unpack it (unzip)"),
        (zipped("[Content_Types].xml"), "an Office document"),
        (zipped("model/data.pkl"), "a PyTorch file"),
        (zipped("a.npy"), "an archive of NumPy arrays"),
        (tarred(), "a tar archive. Unpack it (tar -xf)"),
        (tarred(tarfile.PAX_FORMAT), "a tar archive"),
        (tarred().replace(b"ustar", b"\0\0\0\0\0"), "a tar archive"),
        (gzip.compress(tarred()), "gzip-compressed: this is a tar archive"),
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive"),
        (b"Rar!\x1a\x07\1\0", "a RAR archive"),
        (sqlite(tmp_path), "an SQLite database"),
        (pickle.dumps(ROWS), "a Python pickle"),
        (pickle.dumps(ROWS, 2), "a Python pickle"),
        (npy(), "a NumPy array"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file"),
        ((99).to_bytes(8, "little") + b'{"a": {"dtype": "F32"}}', "a safetensors file"),
        (b"%PDF-1.7\n%", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an Office document"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(99), "a JPEG image"),
        (b"Obj\x01\x04\x14avro.codec", "an Avro file. Convert it"),
        (b"ORC\x08\x03", "an ORC file. Convert it"),
        (b"FEA1" + bytes(99), "a Feather file of version 1"),
        (gzip.compress(parquet(TABLE)), "gzip-compressed: this is a compressed Parquet file"),
        (parquet(TABLE)[:-30], "this Parquet file was cut short: it does not end with PAR1. Fetch it again"),
        (arrow(TABLE, pa.ipc.new_file)[:300], "the Arrow data end early or are damaged at row 1"),
        *((LINES.encode(code), f"encoded in {said}; expected UTF-8. Convert it: iconv") for code, said in ENCODED),
        (b"BZh9 and no more", "this bzip2 file was cut short or is damaged"),
        (b"\xff\xff\xff\xff", "this Arrow stream was cut short or is damaged"),
        (bytes(500), "only NUL bytes"),
        (random.Random(1).randbytes(600), "binary data of an unknown kind"),
        ("".join(f"{row!r}\n" for row in ROWS).encode(), "Python repr, not JSON (single quotes, None, True)"),
        (b'{"text": None}\n', "Python repr, not JSON"),
        (b'{text: "a"}\n{text: "b"}\n', "JSON5 or JavaScript, not JSON (keys without quotes)"),
        (b"- role: user\n  text: Hello\n- role: assistant\n  text: Yes\n", "YAML, not JSON"),
        (separated([{"a": "Say, that", "b": "c"}]), "looks like CSV. Give its name the suffix .csv"),
        (b"id\ttext\n1\tHello there\n", "looks like TSV. Give its name the suffix .tsv"),
        (b"Once upon a time, there was a queen.\nShe had a key: a golden one.\n", "plain text, not JSON Lines"),
        (b"", "no records in this file"),
    ]
    for data, said in cases:
        for name in ("data.jsonl", "data.json"):
            with case(said, name, data[:40]):
                messages, _, errors = read(tmp_path, name, data)
                assert messages == []
                assert said in errors[0]
                assert "Expecting" not in errors[0]
                assert "\n" not in errors[0]


ENCODED = [
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16LE"),
    ("utf-16-be", "UTF-16BE"),
    ("utf-32", "UTF-32"),
    ("utf-32-le", "UTF-32LE"),
    ("utf-32-be", "UTF-32BE"),
]


def test_a_line_that_is_not_json_has_a_reason_in_plain_english():
    for line, reason in (
        ('{"a": }', "a value is missing at character 7"),
        ("text", "a value is missing at character 1"),
        ('{"a": 1}{"b": 2}', "two records on one line, the second at character 9"),
        ('{"a": 1} and', "more text after the record at character 10"),
        ("{'a': 1}", "single quotes at character 2: Python repr, not JSON"),
        ("{\"a\": 'b'}", "single quotes at character 7: Python repr, not JSON"),
        ('{"a": None}', "None at character 7: Python repr, not JSON"),
        ('{"a": True}', "True at character 7: Python repr, not JSON"),
        ("{a: 1}", "a key without quotes at character 2"),
        ('{"a": 1,}', "a comma before a closing brace at character"),
        ('{"a": [1,]}', "a comma before a closing bracket at character"),
        ('{"a" 1}', "a colon is missing at character 6"),
        ('{"a": 1 "b": 2}', "a comma is missing at character 9"),
        ('{"a": "b', "the line ends within a string that begins at character 7"),
        ('{"a": 1', "the line ends within a record"),
        ('{"a":', "the line ends within a record"),
        ('{"a": "\\x"}', "an escape that JSON does not have at character 8"),
        ('{"a": 1} // why', "more text after the record at character 10"),
        ('{// why\n"a": 1}', "a comment at character 2, which JSON does not allow"),
        ("\0\0\0", "NUL bytes at character 1"),
        ('{"a": 1}\0\0', "NUL bytes at character 9"),
    ):
        with case(line):
            record, (fault,) = read_line(line.encode())
            assert record is None
            assert fault.detail.startswith(f"Line is not JSON ({reason}")
            assert "Expecting" not in fault.detail


def test_bad_lines_among_good_ones_are_faults_and_the_source_is_read(tmp_path):
    data = b'{"text": "a"}\n{\'text\': \'b\'}\n{"text": "c"}\n' + bytes(20)
    assert read(tmp_path, "data.jsonl", data) == (
        [(1, "a"), (3, "c")],
        [("unreadable_line", 2), ("unreadable_line", 4)],
        [],
    )


# -- records within one object ---------------------------------------------------------------------------------------


def test_a_field_with_one_record_a_line_is_opened(tmp_path):
    data = b'{"data": [\n{"text": "a"}\n,\n{"text": "b"}\n]}\n'
    assert read(tmp_path, "data.json", data) == ([(2, "a"), (4, "b")], [], [])


def test_records_within_one_object_are_read(tmp_path):
    pairs = [{"instruction": "Ask 1", "output": "Tell 1"}, {"instruction": "Ask 2", "output": "Tell 2"}]
    chats = [{"messages": [{"role": "user", "content": text}]} for text in texts(pairs)]
    columns = {name: [row[name] for row in pairs] for name in pairs[0]}
    layouts = {
        "field": {"version": "1.0", "data": pairs, "n": {"rows": 2}},
        "field of chats": {"rows": chats},
        "two fields": {"train": pairs[:1], "test": pairs[1:]},
        "field beside others": {"authors": [{"name": "A"}], "data": pairs},
        "by id": {"x": pairs[0], "y": pairs[1]},
        "by number": {"0": pairs[0], "1": pairs[1]},
        "chats by id": {f"c{k}": chat for k, chat in enumerate(chats)},
        "columns": columns,
        "columns by row number": {name: dict(enumerate(values)) for name, values in columns.items()},
        "pandas split": {"columns": list(columns), "index": [0, 1], "data": [list(row.values()) for row in pairs]},
    }
    for layout, value in layouts.items():
        for indent in (None, 1):
            for name in ("data.json", "data.jsonl"):
                if indent and name == "data.jsonl":
                    continue
                with case(layout, indent, name):
                    messages, faults, errors = read(tmp_path, name, json.dumps(value, indent=indent).encode())
                    assert [text for _, text in messages] == texts(pairs)
                    assert (faults, errors) == ([], [])
                    assert len({line for line, _ in messages}) == (4 if "chats" in layout else 2)


def test_the_key_of_an_object_becomes_the_id_of_a_record_without_one(tmp_path):
    (tmp_path / "data.json").write_text('{"x": {"text": "a"}, "y": {"id": "own", "text": "b"}}')
    (block,) = cutting.blocks(Source(tmp_path / "data.json", "data.json"))
    assert [json.loads(line) for line in block.data.splitlines()] == [
        {"id": "x", "text": "a"},
        {"id": "own", "text": "b"},
    ]


def test_an_object_that_is_itself_a_record_stays_one(tmp_path):
    turn = {"role": "user", "content": "Hello"}
    for record, n in (
        ({"messages": [turn, turn]}, 2),
        ({"text": "a", "data": [{"text": "b"}]}, 1),
        ({"chosen": [turn], "rejected": [turn]}, 2),
        ({"instruction": "Ask", "output": "Tell", "history": []}, 2),
    ):
        for indent in (None, 1):
            with case(record, indent):
                messages, _, errors = read(tmp_path, "data.json", json.dumps(record, indent=indent).encode())
                assert (len({line for line, _ in messages}), errors) == (1, [])
                assert len(messages) >= n


def test_what_json_does_not_allow_is_repaired_within_an_object_too(tmp_path):
    data = b'{"v": NaN, "data": [{"text": "a", "n": NaN}, {"text": "b\xff"}, {"text": broken}, {"text": "c"}]}'
    messages, faults, errors = read(tmp_path, "data.json", data)
    assert [text for _, text in messages] == ["a", "b\ufffd", "c"]
    assert sorted(kind for kind, _ in faults) == ["repaired_line", "repaired_line", "unreadable_line"]
    assert errors == []


def test_a_list_of_turns_is_passed_on_as_one_line(tmp_path):
    turns = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    for data in (json.dumps([turns, turns]), json.dumps({"data": [turns, turns]}), f"{json.dumps(turns)}\n" * 2):
        (tmp_path / "data.json").write_text(data)
        lines = b"".join(block.data for block in cutting.blocks(Source(tmp_path / "data.json", "data.json")))
        assert [json.loads(line) for line in lines.splitlines()] == [turns, turns]


# -- damage ----------------------------------------------------------------------------------------------------------


def damaged(data, rng):
    """Cut, change or insert bytes."""
    data = bytearray(data)
    how = rng.randrange(4)
    if how in (0, 3):
        del data[rng.randrange(len(data)) :]
    if how in (1, 3) and data:
        for _ in range(rng.choice([1, 1, 3, 20])):
            data[rng.randrange(len(data))] = rng.randrange(256)
    if how == 2:
        at = rng.randrange(len(data))
        data[at:at] = rng.choice([b'"', b"\0" * 50, b"\n", b",", b"[", b"\xff"])
    return bytes(data)


def test_no_damage_ends_in_a_traceback(tmp_path):
    rng = random.Random(3)
    nested = {"v": 1, "data": ROWS}
    files = {f"data{content}{packed}": PACK[packed](data) for content, data in CONTENTS.items() for packed in PACK}
    files |= {
        "file.arrow": arrow(TABLE, pa.ipc.new_file),
        "twice.jsonl.gz": gzip.compress(zstd(json_lines(ROWS))),
        "data.parquet": parquet(TABLE),
        "data.warc": PAGES,
        "data.wet.gz": gzip.compress(PAGES),
        "nested.json": json.dumps(nested).encode(),
        "columns.json": json.dumps({name: [row[name] for row in ROWS] for name in ROWS[0]}).encode(),
        "keyed.json": json.dumps(dict(enumerate(ROWS))).encode(),
    }
    for name, data in files.items():
        for _ in range(15):
            bad = damaged(data, rng)
            with case(name, bad):
                _, _, errors = read(tmp_path, name, bad, rng.choice([50, 300, BLOCK]))
                assert not any("\n" in error or "Expecting" in error for error in errors)
