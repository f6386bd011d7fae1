"""Which files are read: folders, data sets saved to disk, hub checkouts, archives, data in memory, empty shards."""

import bz2
import gc
import gzip
import io
import json
import lzma
import os
import stat
import tarfile
import tempfile
import zipfile
from collections import UserDict
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import SHARED, RecordingProgress, audit, needs_shared, turns, write
from cases import case
from chataudit.audit.cleaning.clean import clean
from chataudit.audit.cleaning.policy import load_policy
from chataudit.audit.reading import archives, files, hub
from chataudit.audit.reading.folders import PassedOver
from chataudit.audit.reading.streams import SUFFIXES
from chataudit.audit.run import run
from chataudit.audit.sample import draw
from chataudit.audit.sample import write as write_sample

CASES = SHARED / "data" / "cases" / "reading"


def chat(text="Where is the key?"):
    """Return a record of two messages."""
    return {"messages": turns(f"user: {text}", "assistant: Under the mat")}


LINES = json.dumps(chat()).encode() + b"\n"


def tree(folder, **contents):
    """Write files below a folder, given by their paths: bytes, text, or records."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list):
            write(path, content)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def found(*arguments, **options):
    """Return the names of sources below the first argument, their splits, and all that was said about it."""
    said = []
    sources, _ = files.find(arguments, say=said.append, **options)
    above = f"{arguments[0]}/" if isinstance(arguments[0], Path | str) else ""
    names = {source.name.removeprefix(above): source.split for source in sources}
    return names, [line.removeprefix(f"{arguments[0]}: ") for line in said]


def look(*sources, **options):
    return run(*sources, checks=["schema_invariants"], engine="serial", **options)


def read(record):
    """Return the sources of a record: name, number of records, and errors without the name."""
    return [
        (s.name, s.records, [error.removeprefix(f"{s.name}: ") for error in s.errors]) for s in record.facts.sources
    ]


# -- folders ---------------------------------------------------------------------------------------------------------


def test_files_of_a_folder_that_are_not_read_are_counted(tmp_path):
    tree(tmp_path, **{"a.jsonl": LINES, "b.png": "", "notes/C.MD": "", "notes/d.md": "", "e": "", "f.what is this": ""})
    sources, passed_over = files.find([tmp_path])
    assert [source.path.name for source in sources] == ["a.jsonl"]
    assert passed_over == [PassedOver(str(tmp_path), "", 5, (".md", ".png"))]
    assert found(tmp_path)[1] == ["not read: 5 files (.md, .png)"]


def test_metadata_of_the_hub_are_neither_read_nor_named(tmp_path):
    names = ("README.md", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "LICENSE.txt")
    names += ("LICENSE", ".gitattributes", ".gitignore", "SHA256SUMS", "checksums.json", "a.jsonl.sha256")
    tree(tmp_path, **dict.fromkeys(names, "{}"), **{"a.jsonl": LINES})
    assert found(tmp_path) == ({"a.jsonl": None}, [])
    # What a user names is read.
    assert [s.path.name for s in files.find([tmp_path / "state.json"]).sources] == ["state.json"]
    assert [s.path.name for s in files.find([f"{tmp_path}/*.json"]).sources] == sorted(
        n for n in names if n.endswith("json")
    )


def test_hidden_files_and_folders_stay_out(tmp_path):
    tree(tmp_path, **{"a.jsonl": LINES, ".b.jsonl": LINES, ".git/c.jsonl": LINES, "d/.e/f.jsonl": LINES})
    assert found(tmp_path) == ({"a.jsonl": None}, [])


def test_what_chataudit_wrote_is_no_source(tmp_path):
    record = audit(tmp_path, [chat(), chat("Who has it?")], "schema_invariants")
    record.write(tmp_path / "data.audit")
    clean(record, [tmp_path / "data.jsonl"], load_policy("strict", record), tmp_path / "cleaned")
    assert found(tmp_path) == ({"cleaned/data.jsonl": None, "data.jsonl": None}, [])


def test_a_folder_without_data_says_what_it_contains(tmp_path):
    tree(tmp_path, **{"a.png": "", "b.txt": ""})
    with pytest.raises(LookupError, match=r"no data file in this folder; .*; not read: 2 files \(\.png, \.txt\)"):
        files.find([tmp_path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all folders")
def test_a_folder_that_cannot_be_listed_is_named(tmp_path):
    tree(tmp_path, **{"a.jsonl": LINES, "b/c.jsonl": LINES})
    (tmp_path / "b").chmod(0)
    assert found(tmp_path) == ({"a.jsonl": None}, ["b could not be listed (Permission denied)"])


def test_a_folder_in_a_file_system_of_fsspec_has_the_same_rules(tmp_path):
    away = fsspec.filesystem("memory")
    card = "---\nconfigs:\n- data_files: [{split: test, path: data/b*}]\n---\n"
    contents = {"README.md": card, "data/b.jsonl": LINES, "c.jsonl": LINES, "d.png": "", ".e/f.jsonl": LINES}
    for name, content in contents.items():
        away.pipe(f"/folder/{name}", content.encode() if isinstance(content, str) else content)
    away.pipe("/packed/all.zip", zipped({"train.jsonl": LINES}))
    try:
        said = ["not read: 1 file (.png)", "not read: 1 file (.jsonl) not named in README.md"]
        assert found("memory://folder") == ({"data/b.jsonl": "test"}, said)
        assert found("memory://packed") == ({"all.zip/train.jsonl": "train"}, [])
        record = look("memory://packed")
        assert read(record) == [("memory://packed/all.zip/train.jsonl", 1, [])]
        cleaned = clean(
            record, ["memory://packed/all.zip/train.jsonl"], load_policy("strict", record), tmp_path / "cleaned"
        )
        assert (cleaned.path / "train.jsonl").read_bytes() == LINES
    finally:
        away.rm("/folder", recursive=True)
        away.rm("/packed", recursive=True)


# -- data sets saved to disk -----------------------------------------------------------------------------------------


def state(split, *names):
    return json.dumps({"_data_files": [{"filename": name} for name in names], "_split": split, "_fingerprint": "ab"})


def test_a_data_set_saved_to_disk_is_the_files_that_its_state_names(tmp_path):
    saved = {
        "one.jsonl": LINES,
        "two.jsonl": LINES,
        "three.jsonl": LINES,
        "cache-12ab.arrow": "",
        "dataset_info.json": "{}",
    }
    tree(tmp_path, **saved, **{"state.json": state("train", "one.jsonl", "two.jsonl")})
    said = ["not read: 1 file (.jsonl) not named in state.json"]
    assert found(tmp_path) == ({"one.jsonl": "train", "two.jsonl": "train"}, said)
    (tmp_path / "two.jsonl").unlink()
    assert found(tmp_path)[1] == ["state.json names 1 file that are missing (two.jsonl)", *said]


def test_the_splits_of_a_data_set_dict_are_its_folders(tmp_path):
    tree(tmp_path, **{"dataset_dict.json": '{"splits": ["train", "gsm"]}', "other.jsonl": LINES})
    for split in ("train", "gsm"):
        tree(tmp_path / split, **{"state.json": state("x", "data.jsonl"), "data.jsonl": LINES})
    assert found(tmp_path)[0] == {"gsm/data.jsonl": "gsm", "other.jsonl": None, "train/data.jsonl": "train"}


def test_a_state_of_another_program_means_nothing(tmp_path):
    for text in ("{}", "[", '{"_data_files": 3}', '{"step": 5}', "[" * 100_000):
        tree(tmp_path, **{"state.json": text, "a.jsonl": LINES})
        with case(text):
            assert found(tmp_path) == ({"a.jsonl": None}, [])


# -- hub checkouts ---------------------------------------------------------------------------------------------------


def card(configs):
    return f"---\nlicense: mit\nconfigs:\n{configs}---\n# A data set\n"


def test_a_card_says_which_files_are_data_and_their_splits(tmp_path):
    names = ("en/a.jsonl", "en/b.jsonl", "fr/c.jsonl", "d.jsonl", "deep/er/e.jsonl", "train.jsonl")
    cases = [
        ("- data_files: en/*.jsonl\n", {"en/a.jsonl": None, "en/b.jsonl": None}),
        ("- data_files: [d.jsonl, fr/?.jsonl]\n", {"d.jsonl": None, "fr/c.jsonl": None}),
        ("- data_files: [{split: gsm, path: en/*}, {split: no, path: [d.jsonl, train.jsonl]}]\n",
         {"d.jsonl": "no", "en/a.jsonl": "gsm", "en/b.jsonl": "gsm", "train.jsonl": "no"}),
        ("- {config_name: 1, data_files: d.jsonl, drop_labels: true, sep: x}\n- data_files: ./fr/c.jsonl\n",
         {"d.jsonl": None, "fr/c.jsonl": None}),
        ("- data_files: '**/[ab].jsonl'\n- data_files: '**/e.jsonl'\n",
         {"deep/er/e.jsonl": None, "en/a.jsonl": None, "en/b.jsonl": None}),
        ("- data_files: [{split: x, path: 'deep/**'}]\n", {"deep/er/e.jsonl": "x"}),
        ("- data_dir: en\n- {data_dir: fr, data_files: 'c*'}\n",
         {"en/a.jsonl": None, "en/b.jsonl": None, "fr/c.jsonl": None}),
        ("- data_files: '*.jsonl'\n", {"d.jsonl": None, "train.jsonl": "train"}),
    ]  # fmt: skip
    tree(tmp_path, **dict.fromkeys(names, LINES))
    for configs, splits in cases:
        tree(tmp_path, **{"README.md": card(configs)})
        with case(configs):
            passed = len(names) - len(splits)
            said = [f"not read: {passed} files (.jsonl) not named in README.md"]
            assert found(tmp_path) == (splits, said)


def test_a_card_that_names_no_files_leaves_the_choice_to_their_names(tmp_path):
    tree(tmp_path, **{"train.jsonl": LINES})
    for text in ("", "# A data set\n", "---\nlicense: mit\n---\n", card("- config_name: all\n"), "---\nNot YAML\n"):
        tree(tmp_path, **{"README.md": text})
        with case(text):
            assert found(tmp_path) == ({"train.jsonl": "train"}, [])


def test_a_card_that_cannot_be_used_is_ignored_with_one_line(tmp_path):
    cases = [
        (card("- data_files: [{split: [x], path: y}]\n"), "is ignored: configs: Expected `str | null`, got `array`"),
        (card("- data_files: {train: a.jsonl}\n"), "is ignored: configs: Expected"),
        (card("  x: [\n"), "is ignored: did not find expected"),
        ("---\n- a list\n---\n", "is ignored: its YAML is not a mapping"),
        ("---\nwords\n---\n", "is ignored: its YAML is not a mapping"),
        ("---\nconfigs: " + "[" * 100_000 + "\n---\n", "is ignored: exceeded maximum nesting depth in line 2"),
        ("---\nconfigs: !!python/object/apply:os.system [touch x]\n---\n", "is ignored: configs: Expected `object`"),
        ("---\nx: \x00\n---\n", "is ignored: its YAML is not valid text"),
        ("---\nx: " + "y" * hub.MAX_CARD + "\n---\n", "is ignored: its YAML is longer than 1,048,576 bytes"),
        (card("- data_files: elsewhere/*.jsonl\n"), "names files that are not here: elsewhere/*.jsonl"),
        (card("- data_files: ../../*\n"), "names files that are not here: ../../*"),
        (card("- data_files: '[z-a]'\n"), "is ignored: data_files has a pattern that is not a glob"),
    ]
    tree(tmp_path, **{"a.jsonl": LINES})
    for text, reason in cases:
        tree(tmp_path, **{"README.md": text})
        with case(text[:200]):
            names, said = found(tmp_path)
            assert names == {"a.jsonl": None}
            assert len(said) == 1
            assert said[0].startswith(f"README.md {reason}")


def test_a_card_of_aliases_is_stopped(tmp_path):
    laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{k}: &{k} [{','.join([f'*{above}'] * 10)}]\n" for above, k in zip("abcdefgh", "bcdefghi", strict=True)
    )
    for configs in ("configs: [{data_files: *i}]", "configs: &c [{x: *c}]"):
        tree(tmp_path, **{"README.md": f"---\n{laughs}{configs}\n---\n", "a.jsonl": LINES})
        with case(configs):
            names, (line,) = found(tmp_path)
            assert (names, line.partition(": ")[0]) == ({"a.jsonl": None}, "README.md is ignored")


def test_a_hostile_glob_takes_no_time(tmp_path):
    glob = "*a" * 60 + "/" + "**/*a*a*a/" * 40 + "b"
    (named,) = hub.named_files(card(f"- data_files: '{glob}'\n").encode())
    assert not named.pattern.fullmatch("a" * 250 + "/" + "aaaa/" * 700 + "c")


def test_a_card_governs_the_files_below_it(tmp_path):
    one = {"README.md": card("- data_files: a.jsonl\n"), "a.jsonl": LINES, "b.jsonl": LINES}
    tree(tmp_path / "one", **one)
    tree(tmp_path, **{"README.md": card("- data_files: [{split: x, path: '**/c.jsonl'}]\n"), "two/c.jsonl": LINES})
    assert found(tmp_path)[0] == {"one/a.jsonl": None, "two/c.jsonl": "x"}


# -- archives --------------------------------------------------------------------------------------------------------


def zipped(contents):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(contents):
    """Return a tar of files by name; a TarInfo among the names is taken as it is."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in contents if isinstance(contents, list) else contents.items():
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content.encode() if isinstance(content, str) else content
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def zstd(data):
    return pa.compress(data, "zstd", asbytes=True)


def test_the_data_files_of_an_archive_are_sources(tmp_path):
    contents = {
        "data/train.jsonl": LINES,
        "test.jsonl.gz": gzip.compress(LINES),
        "README.md": "",
        "a.png": "",
        "b.pdf": "",
    }
    contents |= {"__MACOSX/._train.jsonl": "x", ".hidden/x.jsonl": "x"}
    tar = tarred(contents)
    packed = {
        "all.zip": zipped(contents), "all.tar": tar, "all.tar.gz": gzip.compress(tar), "all.tgz": gzip.compress(tar),
        "all.tar.bz2": bz2.compress(tar), "all.tar.xz": lzma.compress(tar), "all.tar.zst": zstd(tar), "no suffix": tar,
        "train.jsonl.gz": gzip.compress(tar),
    }  # fmt: skip
    for name, data in packed.items():
        path = tree(tmp_path, **{name: data}) / name
        with case(name):
            said = ["not read: 2 files (.pdf, .png)"]
            assert found(path) == ({"data/train.jsonl": "train", "test.jsonl.gz": "test"}, said)
            record = look(path)
            assert read(record) == [(f"{path}/data/train.jsonl", 1, []), (f"{path}/test.jsonl.gz", 1, [])]


def test_parquet_in_an_archive_is_read(tmp_path):
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([chat()]), made)
    path = tree(tmp_path, **{"all.zip": zipped({"a.parquet": made.getvalue()})}) / "all.zip"
    assert read(look(path)) == [(f"{path}/a.parquet", 1, [])]


def test_a_folder_may_contain_archives(tmp_path):
    tree(
        tmp_path, **{"a.jsonl": LINES, "train.zip": zipped({"0.jsonl": LINES}), "pictures.tar": tarred({"a.png": "x"})}
    )
    names, said = found(tmp_path)
    assert names == {"a.jsonl": None, "train.zip/0.jsonl": "train"}
    assert said == [
        f"{tmp_path}/pictures.tar: no data file in this archive; it contains 1 file (.png). Expected {files.EXPECTED}",
        "not read: 1 file (.tar) without data",
    ]


def test_a_member_can_be_named_as_the_record_names_it(tmp_path):
    path = tree(tmp_path, **{"all.zip": zipped({"a.jsonl": LINES, "b/c.jsonl": LINES})}) / "all.zip"
    assert [s.name for s in files.find([path / "b" / "c.jsonl"]).sources] == [f"{path}/b/c.jsonl"]
    with pytest.raises(LookupError, match=r"x\.jsonl: no such file in this archive"):
        files.find([path / "x.jsonl"])


def test_copies_of_members_go_with_their_archive(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = tree(tmp_path, **{"all.zip": zipped({"a.jsonl": LINES, "b.jsonl": LINES})}) / "all.zip"
    sources = files.find([path]).sources
    assert not list((tmp_path / "temporary").iterdir())
    assert [source.path.open("rb").read() for source in sources] == [LINES, LINES]
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    del sources
    gc.collect()
    assert not list((tmp_path / "temporary").iterdir())


def link(name, kind=tarfile.SYMTYPE, target="/etc/passwd"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_what_is_unsafe_in_a_tar_is_not_read(tmp_path):
    odd = [("../a.jsonl", LINES), ("/b.jsonl", LINES), (link("c.jsonl"), b""), (link("d.jsonl", tarfile.CHRTYPE), b"")]
    twice = [("e.jsonl", b"broken"), ("e.jsonl", LINES), ("inner.zip", zipped({"x.jsonl": LINES}))]
    path = tree(tmp_path, **{"all.tar": tarred([*odd, *twice])}) / "all.tar"
    said = [
        "not read: ../a.jsonl and 1 more: its name leads out of the archive",
        "not read: c.jsonl and 1 more: not a regular file",
        "contains e.jsonl more than once; the last one is read",
        "not read: 1 file (.zip) inside it; unpack this archive first",
    ]
    names, lines = found(path)
    assert (names, sorted(lines)) == ({"e.jsonl": None}, sorted(said))
    assert read(look(path)) == [(f"{path}/e.jsonl", 1, [])]


def test_what_is_unsafe_in_a_zip_is_not_read(tmp_path):
    data = zipped({"../a.jsonl": LINES, "secret.jsonl": LINES, "b.jsonl": LINES})
    # The flag of encryption is in both headers of a member.
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.index(mark, data.index(mark) + 1) + at
        data = data[:start] + b"\x01" + data[start + 1 :]
    path = tree(tmp_path, **{"all.zip": data}) / "all.zip"
    with zipfile.ZipFile(path, "a") as archive:
        shortcut = zipfile.ZipInfo("link.jsonl")
        shortcut.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(shortcut, "/etc/passwd")
    names, lines = found(path)
    assert names == {"b.jsonl": None}
    assert lines == [
        "not read: ../a.jsonl: its name leads out of the archive",
        "not read: secret.jsonl: encrypted; unpack it with its password first",
        "not read: link.jsonl: not a regular file",
    ]


def test_an_archive_without_data_says_what_it_contains(tmp_path):
    cases = [(zipped({"a.png": "", "b.csv2": ""}), r"it contains 2 files \(\.csv2, \.png\)"),
             (zipped({}), "it contains no file"), (tarred({}), "it contains no file"),
             (zipped({"a.tar": ""}), "1 file .* inside it; unpack this archive first")]  # fmt: skip
    for data, held in cases:
        path = tree(tmp_path, **{"all.tar": data}) / "all.tar"
        with case(held), pytest.raises(LookupError, match=f"no data file in this archive; .*{held}"):
            files.find([path])


def test_an_archive_that_unpacks_to_too_much_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MIN_ROOM", 100_000)
    monkeypatch.setattr(archives, "MAX_RATIO", 20)
    bomb = {"a.jsonl": LINES, "b.jsonl": b" " * 3_000_000}
    for name, data in (("a.zip", zipped(bomb)), ("b.tar.gz", gzip.compress(tarred(bomb)))):
        path = tree(tmp_path, **{name: data}) / name
        with case(name):
            (_, _, (error,)), *_ = [source for source in read(look(path)) if source[2]]
            assert "unpacks to more than 100,000 bytes, as zip bombs do; unpack it and pass the folder" in error


def test_a_size_that_is_a_lie_is_an_error(tmp_path):
    data = zipped({"a.jsonl": LINES * 50, "b.jsonl": LINES})
    start = data.index(b"PK\x01\x02") + 24
    path = tree(tmp_path, **{"all.zip": data[:start] + b"\x10\0\0\0" + data[start + 4 :]}) / "all.zip"
    (_, _, errors), (_, n, none) = read(look(path))
    assert (len(errors), n, none) == (1, 1, [])


def test_a_header_that_does_not_fit_in_memory_is_damage(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_HEADER", 1 << 14)
    path = tree(tmp_path, **{"all.tar": tarred([("a.jsonl", LINES), ("b" * 20_000 + ".jsonl", LINES)])}) / "all.tar"
    assert [(n, bool(errors)) for _, n, errors in read(look(path))] == [(1, False), (0, True)]


def test_a_damaged_archive_is_an_error_and_what_precedes_the_damage_is_read(tmp_path):
    texts = [json.dumps(chat(os.urandom(600).hex())).encode() for _ in range(200)]
    tar = tarred({"a.jsonl": LINES, "b.jsonl": b"\n".join(texts)})
    cut = len(tar) * 2 // 3
    for name, data in (("a.tar", tar[:cut]), ("b.tgz", gzip.compress(tar)[: len(gzip.compress(tar)) // 2])):
        path = tree(tmp_path, **{name: data}) / name
        with case(name):
            sources = read(look(path))
            assert sources[0] == (f"{path}/a.jsonl", 1, [])
            assert sources[1][1] > 50
            assert sources[1][2] == ["could not be read to the end (the archive is damaged; fetch it again)"]
    path = tree(tmp_path, **{"c.zip": zipped({"a.jsonl": LINES})[:-10]}) / "c.zip"
    assert read(look(path)) == [
        (str(path), 0, ["could not be read to the end (the archive is damaged; fetch it again)"])
    ]


def test_random_bytes_of_an_archive_never_end_an_audit(tmp_path):
    random = np.random.default_rng(1)
    contents = {"a.jsonl": LINES, "b.jsonl": LINES * 9}
    for whole in (zipped(contents), tarred(contents), gzip.compress(tarred(contents))):
        for _ in range(60):
            data = bytearray(whole)
            for at in random.integers(0, len(data), 4):
                data[at] = random.integers(256)
            path = tree(tmp_path, **{"all.tar": bytes(data)}) / "all.tar"
            with suppress(LookupError):  # without data
                look(path)


def test_samples_of_a_tar_are_records(tmp_path):
    contents = {
        "0001.jpg": b"\xff", "0001.json": '{"lang": "en"}', "0001.txt": "A cat on a mat, seen from above",
        "a/0002.seg.png": b"\x89", "a/0002.txt": "A dog in a boat that sails away",
        "0003.json": '{"text": "Own words"}', "0003.txt": "Other words",
    }  # fmt: skip
    path = tree(tmp_path, **{"train.tar": tarred(contents)}) / "train.tar"
    (source,) = files.find([path]).sources
    assert (source.name, source.split) == (str(path), "train")
    assert [json.loads(line) for line in source.path.open("rb")] == [
        {"lang": "en", "text": "A cat on a mat, seen from above", "__key__": "0001", "media": ["0001.jpg"]},
        {"text": "A dog in a boat that sails away", "__key__": "a/0002", "media": ["a/0002.seg.png"]},
        {"text": "Own words", "__key__": "0003"},
    ]
    record = look(path)
    assert read(record) == [(str(path), 3, [])]
    cleaned = clean(record, [path], load_policy("strict", record), tmp_path / "cleaned")
    assert (cleaned.path / "train.tar.jsonl").is_file()


def test_numbered_json_files_of_a_tar_are_samples_and_named_ones_are_not(tmp_path):
    path = tree(tmp_path, **{"a.tar": tarred({f"{k:03}.json": json.dumps(chat()) for k in range(4)})}) / "a.tar"
    assert read(look(path)) == [(str(path), 4, [])]
    path = tree(tmp_path, **{"b.tar": tarred({f"{name}.json": LINES for name in ("train", "test")})}) / "b.tar"
    assert list(found(path)[0]) == ["test.json", "train.json"]


def test_a_sample_with_broken_json_is_reported(tmp_path):
    contents = {"1.json": '{"text":\n "A', "1.jpg": "", "2.json": '{"text": "A dog in a boat"}', "2.jpg": ""}
    record = look(tree(tmp_path, **{"a.tar": tarred(contents)}) / "a.tar")
    assert [(row["rule"], row["line"]) for row in record.table.to_pylist()] == [
        ("schema_invariants/unreadable_line", 1)
    ]


def test_clean_writes_copies_of_members_named_after_them(tmp_path):
    broken = json.dumps({"messages": turns("user: Where is it?", "user: And the other?")}).encode() + b"\n"
    data = zipped({"data/train.jsonl": LINES + broken, "data/test.jsonl": LINES.replace(b"key", b"cat")})
    path = tree(tmp_path, **{"all.zip": data}) / "all.zip"
    tree(tmp_path, **{"other.jsonl": LINES.replace(b"key", b"dog")})
    record = look(path, tmp_path / "other.jsonl")
    policy = load_policy("strict", record)
    for sources in ([path, tmp_path / "other.jsonl"], [source.name for source in record.facts.sources]):
        out = tmp_path / f"cleaned-{len(sources)}"
        clean(record, sources, policy, out)
        names = sorted(str(file.relative_to(out)) for file in out.rglob("*.jsonl"))
        assert names == ["all.zip/data/test.jsonl", "all.zip/data/train.jsonl", "other.jsonl"]
        assert list(found(out)[0]) == names
    assert path.read_bytes() == data
    write_sample(
        record,
        "schema_invariants",
        draw(record, "schema_invariants", 2, 1),
        [path, tmp_path / "other.jsonl"],
        tmp_path / "s.csv",
    )
    assert "Where is" in (tmp_path / "s.csv").read_text()


# -- data in memory --------------------------------------------------------------------------------------------------


def test_tables_and_records_of_a_python_session_are_sources():
    records = [chat(), chat("Who has it?")]
    table = pa.Table.from_pylist(records)
    cases = [
        (table, "Table"), (table.to_reader(), "RecordBatchReader"), (table.to_batches()[0], "RecordBatch"),
        (pd.DataFrame(records), "DataFrame"), (records, "list"), (iter(records), "list_iterator"),
        ((record for record in records), "generator"), ((UserDict(record) for record in records), "generator"),
    ]  # fmt: skip
    for data, name in cases:
        with case(name):
            record = look(data)
            assert read(record) == [(name, 2, [])]
            assert record.facts.messages == 4


def test_several_of_a_type_are_numbered_and_split_by_their_mapping():
    frame = pd.DataFrame([chat()])
    assert [s.name for s in files.find([frame, frame, [chat()]]).sources] == ["DataFrame", "DataFrame 2", "list"]
    splits = {"train": frame, "test": [chat()], "dev": [frame, frame], "x": iter([chat()])}
    for sources in (files.find([splits]).sources, files.find([], splits).sources):
        assert [(s.name, s.split) for s in sources] == [
            ("DataFrame train", "train"), ("list test", "test"), ("DataFrame dev", "dev"), ("DataFrame dev 2", "dev"),
            ("list_iterator x", "x"),
        ]  # fmt: skip


def test_paths_may_be_bytes_and_stand_alone_in_splits(tmp_path):
    path = write(tmp_path / "a.jsonl", [chat()])
    for given in (os.fsencode(path), path, str(path)):
        assert [(s.name, s.split) for s in files.find([], {"x": given}).sources] == [(str(path), "x")]


def test_missing_values_of_a_frame_are_null():
    frame = pd.DataFrame({"text": ["A cat on a mat", None, float("nan"), "A dog in a boat"], "n": [1.0, None, 2, 3]})
    record = look(frame)
    assert [(row["rule"].partition("/")[2], row["line"]) for row in record.table.to_pylist()] == [
        ("missing_field", 2), ("missing_field", 3),
    ]  # fmt: skip


def test_values_of_records_are_written_as_json_has_them():
    values = {
        "text": "Half a pair: \ud800", "a": np.int64(3), "b": np.float32(0.5), "c": np.array([1, 2]), "d": float("nan"),
        "e": [np.float64("nan"), {"f": pd.NaT}], "g": datetime(2024, 1, 2, tzinfo=UTC), "h": pd.Timestamp("2024-01-02"),
        "i": Decimal("1.5"), "j": pa.scalar("x"), "k": np.bool_(True), 5: (1, 2), "l": pd.NA,
    }  # fmt: skip
    (source,) = files.find([[values]]).sources
    assert json.loads(source.path.read_bytes()) == {
        "text": "Half a pair: \ud800", "a": 3, "b": 0.5, "c": [1, 2], "d": None, "e": [None, {"f": None}],
        "g": "2024-01-02T00:00:00+00:00", "h": "2024-01-02T00:00:00", "i": 1.5, "j": "x", "k": True,
        "5": [1, 2], "l": None,
    }  # fmt: skip


class LazyFrame:
    """A query, as polars has them."""

    def collect(self) -> None: ...


def test_text_that_is_a_view_is_read():
    view = pa.string_view()
    kind = pa.list_(pa.struct({"role": view, "content": view}))
    columns = {"messages": pa.array([chat()["messages"]], kind), "id": pa.array(["a"], view)}
    record = look(pa.table(columns))
    assert (read(record), record.facts.messages) == ([("Table", 1, [])], 2)


def test_data_that_cannot_be_read_are_an_error_with_their_place():
    endless: dict = {}
    endless["self"] = endless
    cases = [
        ([chat(), 5], ValueError, "list: item 1 is of type int; expected a dict"),
        (["a.jsonl"], ValueError, "list: item 0 is of type str; expected a dict. To audit files, pass each"),
        ([{"text": b"x"}], ValueError, "list: item 0 cannot be written as JSON: a value is of type bytes; decode it"),
        ([{"text": {1}}], ValueError, "list: item 0 cannot be written as JSON: a value is of type set; expected text"),
        ([endless], ValueError, "list: item 0 cannot be written as JSON: it is nested too deeply"),
        (pd.DataFrame({"text": ["a", 1]}), ValueError, "DataFrame: Arrow cannot read it as a table .* column text"),
        (pa.chunked_array([["a"]]), ValueError, "ChunkedArray: Arrow cannot read it as a table"),
        (5, TypeError, "a source is of type int; expected a path, a URL, a data frame"),
        (None, TypeError, "a source is of type NoneType"),
        (LazyFrame(), TypeError, r"of type LazyFrame; .*\. Call its method collect first"),
    ]
    for data, kind, message in cases:
        with case(message), pytest.raises(kind, match=message):
            files.find([data])


def test_an_error_of_a_generator_is_its_own():
    def records():
        yield chat()
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        files.find([records()])


def test_a_table_is_written_in_few_groups_and_deleted_with_its_source(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    schema = pa.schema({"text": pa.dictionary(pa.int8(), pa.string())})
    batch = pa.RecordBatch.from_pylist([{"text": "A cat on a mat"}] * 10, schema)
    (source,) = files.find([pa.RecordBatchReader.from_batches(schema, [batch] * 50)]).sources
    written = pq.ParquetFile(source.path)
    assert (written.metadata.num_rows, written.metadata.num_row_groups) == (500, 1)
    assert written.schema_arrow.field("text").type == pa.string()
    del source, written
    gc.collect()
    assert not list(tmp_path.iterdir())


# -- empty shards ----------------------------------------------------------------------------------------------------


def test_an_empty_shard_is_no_error_among_others(tmp_path):
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([chat()]).slice(0, 0), made)
    tree(
        tmp_path, **{"a.jsonl": b"", "b.jsonl": LINES, "c.parquet": made.getvalue(), "d.json": "[]", "e.jsonl": "\n\n"}
    )
    progress = RecordingProgress()
    record = look(tmp_path, progress=progress)
    assert [(n, errors) for _, n, errors in read(record)] == [(n, []) for n in (0, 1, 0, 0, 0)]
    assert [source.reason for source in record.facts.sources].count("no records") == 4
    assert all(source.sha256 for source in record.facts.sources)
    assert f"{tmp_path}/c.parquet: no records" in progress.lines
    cleaned = clean(record, [tmp_path], load_policy("strict", record), tmp_path.with_name("cleaned"))
    assert len(cleaned.emptied) == 4
    assert [path.name for path in cleaned.path.glob("*.jsonl")] == ["b.jsonl"]


def test_empty_files_alone_are_errors(tmp_path):
    tree(tmp_path, **{"a.jsonl": b"", "b.jsonl": b"\n"})
    assert [errors for _, _, errors in read(look(tmp_path))] == [["no records in this file"]] * 2
    tree(tmp_path, **{"c.jsonl": "a,b\n"})
    errors = [errors for _, _, errors in read(look(tmp_path))]
    assert errors[:2] == [["no records in this file"]] * 2
    assert len(errors[2]) == 1


# -- cases of ../shared ----------------------------------------------------------------------------------------------


@needs_shared
def test_the_cases_of_folders_are_read_as_they_should_be():
    cases = {
        "hub-repo": ({
            "data/test-00000-of-00001.parquet": "test", "data/train-00000-of-00002.parquet": "train",
            "data/train-00001-of-00002.parquet": "train",
        }, []),
        "folder-with-empty-shard": (dict.fromkeys(
            ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"), "train"), []),
        "folder-columns-differ": (dict.fromkeys(
            ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet"), "train"), []),
        "lines.zip": ({"train.jsonl": "train"}, []),
    }  # fmt: skip
    for name, expected in cases.items():
        with case(name):
            assert found(CASES / name) == expected
            assert not [source for source in read(look(CASES / name)) if source[2]]
    names, said = found(CASES / "folder-mixed-suffixes")
    assert "a.jsonl" in names
    assert len(said) == 1
    assert ".txt" in said[0]


@needs_shared
def test_the_case_saved_to_disk_is_its_arrow_files(monkeypatch):
    monkeypatch.setattr("chataudit.audit.reading.folders.SUFFIXES", (*SUFFIXES, ".arrow"))
    splits = {f"{split}/data-00000-of-00001.arrow": split for split in ("test", "train")}
    assert found(CASES / "save-to-disk") == (splits, [])
