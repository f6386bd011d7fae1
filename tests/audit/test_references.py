import csv
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import huggingface_hub
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import write
from cases import case
from chataudit.audit import references
from chataudit.audit.commands.app import app
from chataudit.benchmarks_refs import cards as known
from chataudit.benchmarks_refs import hub, library
from chataudit.benchmarks_refs.cards import Card, Parts, Pick, cards
from chataudit.benchmarks_refs.fingerprints import ANSWER, CHOICES, ENDING, PASSAGE, QUESTION, load, save
from huggingface_hub import constants
from typer.testing import CliRunner

BIRDS = [
    {"q": "Which bird sings first at dawn in spring?", "c": ["the blackbird", "the owl"], "a": "the blackbird"},
    {"q": "Which bird lays its eggs in nests of others?", "c": ["the cuckoo", "the owl"], "a": "the cuckoo"},
    {"q": "Which bird can fly backwards?", "c": ["the hummingbird", "the owl"], "a": "the hummingbird"},
]
PARTS = Parts("q", "c", "a")


@pytest.fixture(autouse=True)
def at_home(tmp_path, monkeypatch):
    """Move to a folder of one's own without a network: a test that asks for it fails."""

    def refuse(*_: object) -> None:
        raise AssertionError("a test asks for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def call():
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def birds(tmp_path):
    """Write the original files of a made-up benchmark to a folder."""
    (tmp_path / "files" / "birds").mkdir(parents=True)
    return write(tmp_path / "files" / "birds" / "birds.jsonl", BIRDS)


@pytest.fixture
def card(birds, monkeypatch):
    return know(monkeypatch, sha256=hashlib.sha256(birds.read_bytes()).hexdigest())


def know(monkeypatch: pytest.MonkeyPatch, **more: Any) -> Card:
    """Make `birds` the one card that is known from now on."""
    text = {"title": "Birds", "measures": "m", "home": "https://a.org", "licence": "MIT", "citation": "A (2020)"}
    rest = {"split": "test", "languages": ["en"], "shared": True, "files": ["birds/birds.jsonl"], "items": 3}
    card = msgspec.convert({**text, **rest, "parts": {"question": "q", "choices": "c", "answer": "a"}, **more}, Card)
    monkeypatch.setattr(references, "cards", lambda: {"birds": card})
    monkeypatch.setattr(known, "cards", lambda: {"birds": card})
    return card


def stopped(done: Any) -> str:
    """Return the one line of a command that could not do what was asked."""
    assert done.exit_code == 2, done.output
    assert done.output.startswith("chataudit: ")
    assert done.output.count("\n") == 1
    return done.output.removeprefix("chataudit: ").rstrip("\n")


# -- build -----------------------------------------------------------------------------------------------------------


def test_a_benchmark_is_built_from_the_folder_of_its_files(card, birds):
    made = references.build("birds", [birds.parents[1]])
    assert made.ids == ("birds.jsonl:1", "birds.jsonl:2", "birds.jsonl:3")
    assert made.kinds.tolist() == [QUESTION, CHOICES, CHOICES, ANSWER, *[QUESTION, CHOICES, ANSWER] * 2]
    assert made.n_tokens.tolist() == [8, 2, 2, 2, 9, 2, 2, 5, 2, 2]  # "the owl" is one choice of all three
    assert made.card == card


def test_a_benchmark_is_built_from_its_file_in_any_folder(card, birds):
    expected = references.build("birds", [birds.parents[1]]).digest
    assert references.build("birds", [birds]).digest == expected
    (birds.parents[2] / "[elsewhere]*").mkdir()
    moved = birds.rename(birds.parents[2] / "[elsewhere]*" / "birds.jsonl")
    assert references.build("birds", [moved]).digest == expected


def test_a_benchmark_of_several_files_is_built_from_these_in_any_order(tmp_path, monkeypatch):
    lines = [json.dumps(bird).encode() + b"\n" for bird in BIRDS]
    paths = [write(tmp_path / f"[{k}].jsonl", [line.strip()]) for k, line in enumerate(lines)]
    know(monkeypatch, files=["*.jsonl"], sha256=hashlib.sha256(b"".join(lines)).hexdigest())
    made = references.build("birds", paths[::-1])
    assert made.ids == ("[0].jsonl:1", "[1].jsonl:1", "[2].jsonl:1")
    assert made.digest == references.build("birds", [tmp_path]).digest


def test_files_of_several_folders_are_refused(card, birds, tmp_path):
    other = write(tmp_path / "other.jsonl", BIRDS)
    with pytest.raises(LookupError, match="Birds: its files are in several folders; expected one folder that"):
        references.build("birds", [birds, other])


def test_files_that_are_not_those_of_the_card_are_refused(card, birds):
    write(birds, BIRDS[:2])
    with pytest.raises(ValueError, match=r"^reference set 'birds': checksum differs from its card") as error:
        references.build("birds", [birds])
    assert f"(card {card.sha256}, files {hashlib.sha256(birds.read_bytes()).hexdigest()})" in str(error.value)
    assert "Get the original files again from https://a.org, or add your own set with `chataudit refs add`" in (
        str(error.value)
    )


def test_files_with_another_number_of_items_than_the_card_are_refused(birds, monkeypatch):
    know(monkeypatch, items=4, sha256=hashlib.sha256(birds.read_bytes()).hexdigest())
    with pytest.raises(ValueError, match="Birds: 3 items, but its card says 4"):
        references.build("birds", [birds])


def test_a_file_that_is_not_in_the_folder_is_named_with_its_home(card, tmp_path):
    (tmp_path / "empty").mkdir()
    expected = r"empty: no file 'birds/birds\.jsonl' of Birds\. Get the original files: https://a\.org"
    with pytest.raises(LookupError, match=expected):
        references.build("birds", [tmp_path / "empty"])


def test_a_path_that_is_not_there_is_named(card, tmp_path):
    with pytest.raises(LookupError, match=r"nothing\.jsonl: no such file or folder"):
        references.build("birds", [tmp_path / "nothing.jsonl"])


def test_an_unknown_card_is_refused_with_a_way_out():
    with pytest.raises(LookupError, match=r"unknown benchmark 'bird'\. See: chataudit refs list\. Add your own: "):
        references.build("bird")


def test_a_card_without_a_place_on_the_hub_is_named_with_its_home(card):
    expected = r"Birds: its card names no data set on the hub\. Get the original files: https://a\.org"
    with pytest.raises(LookupError, match=expected):
        references.build("birds")


def test_a_card_that_knows_only_the_hub_takes_no_files(birds, monkeypatch):
    know(monkeypatch, files=[], hub={"id": "org/birds", "split": "test"})
    with pytest.raises(LookupError, match=r"Birds: its card names no files, only the hub\. Leave out FILES"):
        references.build("birds", [birds])


def test_the_command_builds_prints_the_path_and_overwrites_nothing(call, card, birds, tmp_path):
    done = call("refs", "build", "birds", birds.parents[1])
    path = tmp_path / "own" / f"birds{ENDING}"
    assert done.exit_code == 0, done.output
    assert re.fullmatch(rf"{re.escape(str(path))}: 3 items, \S+ \S+\n", done.output)
    assert load(path).digest == references.build("birds", [birds]).digest
    path.write_text("mine")
    assert "birds.fingerprint already exists. Pass --overwrite to replace it" in stopped(
        call("refs", "build", "birds", birds)
    )
    assert path.read_text() == "mine"
    assert call("refs", "build", "birds", birds, "--overwrite").exit_code == 0
    assert len(load(path)) == 3


def test_here_writes_to_the_folder_of_the_project(call, card, birds, tmp_path):
    assert call("refs", "build", "birds", birds, "--here").exit_code == 0
    assert call("refs", "build", "birds", birds, "--references", "refs", "--here").exit_code == 0
    assert call("refs", "build", "birds", birds, "--references", "more").exit_code == 0
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob(f"*{ENDING}"))
    assert found == [f"{folder}/birds{ENDING}" for folder in ("chataudit-references", "more", "refs")]


def test_what_the_user_got_wrong_is_one_line_and_nothing_is_written(call, card, tmp_path):
    cases = [
        (["build", "bird"], "unknown benchmark 'bird'. See: chataudit refs list"),
        (["build", "birds"], "Birds: its card names no data set on the hub"),
        (["build", "birds", "nothing"], "nothing: no such file or folder"),
        (["build", "birds", "other.jsonl"], "reference set 'birds': checksum differs from its card"),
        (["build", "../birds"], "unknown benchmark '../birds'"),
        (["list", "../birds"], "unknown benchmark '../birds'"),
        (["verify", "../birds"], "no fingerprint of '../birds'; available: agieval_aqua_rat, "),
        (
            ["add", "../birds", "other.jsonl", "--question", "q"],
            "'../birds' is not a valid set name; expected lower-case",
        ),
        (["add", "/birds", "other.jsonl", "--question", "q"], "'/birds' is not a valid set name"),
        (["add", "..", "other.jsonl", "--question", "q"], "'..' is not a valid set name"),
        (["add", "Birds", "other.jsonl", "--question", "q"], "'Birds' is not a valid set name"),
        (["add", "birds\n", "other.jsonl", "--question", "q"], "is not a valid set name"),
        (["add", "", "other.jsonl", "--question", "q"], "'' is not a valid set name"),
        (["add", "birds", "other.jsonl", "--question", "q"], "'birds' is the name of a known benchmark. Choose"),
        (["add", "mine", "nothing.jsonl", "--question", "q"], "nothing.jsonl: no such file"),
        (["add", "mine", ".", "--question", "q"], ".: no such file"),
        (
            ["add", "mine", "other.jsonl", "--question", "query"],
            "other.jsonl: item 1: no field 'query' of 'query'; found",
        ),
        (
            ["add", "mine", "other.jsonl", "--question", "q", "--benchmark-split", "eval"],
            "unknown split 'eval'; expected one of test, val",
        ),
        (["add", "mine", "other.jsonl", "--question", "q", "--rows", "data"], "no list 'data' of rows = 'data'"),
        (["add", "mine", "other.txt", "--question", "q"], "other.txt: unknown file type; expected .jsonl, .json,"),
    ]
    for words, expected in cases:
        with case(words, expected):
            write(tmp_path / "other.jsonl", BIRDS[:2])
            write(tmp_path / "other.txt", BIRDS)
            before = sorted(tmp_path.rglob("*"))
            assert expected in stopped(call("refs", *words))
            assert sorted(tmp_path.rglob("*")) == before


# -- add -------------------------------------------------------------------------------------------------------------


def test_a_set_of_ones_own_has_a_card_that_is_not_to_be_shared(birds):
    made = references.add(
        "mine", birds, PARTS, title="My birds", split="validation", licence="CC0-1.0", languages=["en"]
    )
    card = made.card
    assert (card.title, card.split, card.licence, card.languages) == ("My birds", "validation", "CC0-1.0", ("en",))
    assert (card.shared, card.items, card.files) == (False, 3, ("birds.jsonl",))
    assert card.sha256 == hashlib.sha256(birds.read_bytes()).hexdigest()
    assert card.home == f"file://{birds}"


@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "tsv", "parquet"])
def test_the_same_items_of_any_form_have_the_same_parts(tmp_path, form):
    path = tmp_path / f"set.{form}"
    rows = [{"q": bird["q"], "c1": bird["c"][0], "c2": bird["c"][1], "a": bird["a"]} for bird in BIRDS]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif form in ("csv", "tsv"):
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), dialect="excel" if form == "csv" else "excel-tab")
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text(json.dumps(rows) if form == "json" else "\n".join(map(json.dumps, rows)))
    made = references.add("mine", path, Parts("q", ("c1", "c2"), "a"))
    nested = references.add("mine", write(tmp_path / "nested.jsonl", BIRDS), PARTS)
    assert made.ids == tuple(f"set.{form}:{n}" for n in (1, 2, 3))
    assert made.kinds.tolist() == nested.kinds.tolist()
    assert made.whole.tolist() == nested.whole.tolist()
    assert made.part.tolist() == nested.part.tolist()


def test_an_answer_may_be_the_letter_of_a_choice(tmp_path):
    path = write(tmp_path / "set.jsonl", [{"q": "Which colour?", "c": ["red", "sky blue"], "a": "B"}])
    made = references.add("mine", path, Parts("q", "c", Pick(choice="a")))
    assert made.kinds.tolist() == [QUESTION, CHOICES, CHOICES, ANSWER]
    assert made.n_tokens.tolist() == [2, 1, 2, 2]
    assert made.whole[3] == made.whole[2]


def test_the_command_takes_parts_ids_and_rows_from_its_options(call, tmp_path):
    inner = [{"id": "x", "q": "Who?", "more": "In short.", "c": "one", "d": "two two"}]
    write(tmp_path / "set.json", [{"text": "A short text here.", "data": {"qas": inner}}])
    options = ["--question", "q", "--question", "more", "--choices", "c", "--choices", "d", "--answer", "d"]
    done = call("refs", "add", "mine", "set.json", *options, "--passage", "text", "--id", "id", "--rows", "data.qas")
    assert "no list 'data' of rows = 'data.qas'; found 'text', 'data'" in stopped(done)  # an object is no list
    write(tmp_path / "set.json", [{"text": "A short text here.", "qas": inner}])
    done = call("refs", "add", "mine", "set.json", *options, "--passage", "text", "--id", "id", "--rows", "qas")
    assert done.exit_code == 0, done.output
    made = load(tmp_path / "own" / f"mine{ENDING}")
    assert made.ids == ("x",)
    assert made.kinds.tolist() == [QUESTION, CHOICES, CHOICES, ANSWER, PASSAGE]
    assert made.n_tokens.tolist() == [3, 1, 2, 2, 4]
    assert (made.card.title, made.card.split, made.card.licence) == ("mine", "test", "not told")


def test_a_set_of_ones_own_is_listed_and_described(call, birds):
    call("refs", "add", "mine", birds, "--question", "q", "--title", "My birds", "--licence", "CC0-1.0")
    lines = call("refs", "list").output.splitlines()
    assert next(line for line in lines if line.startswith("mine ")).split() == [
        *("mine", "3", "test", "your", "own", "CC0-1.0", "My", "birds")
    ]
    output = call("refs", "list", "mine").output.splitlines()
    assert {"title: My birds", "items: 3", "shared: false", "licence: CC0-1.0"} <= set(output)


def test_a_set_of_ones_own_is_not_written_over_unless_asked(call, birds, tmp_path):
    words = ["refs", "add", "mine", birds, "--question", "q"]
    assert call(*words).exit_code == 0
    before = (tmp_path / "own" / f"mine{ENDING}").read_bytes()
    assert "mine.fingerprint already exists. Pass --overwrite to replace it" in stopped(call(*words, "--answer", "a"))
    assert (tmp_path / "own" / f"mine{ENDING}").read_bytes() == before
    assert call(*words, "--answer", "a", "--overwrite").exit_code == 0
    assert ANSWER in load(tmp_path / "own" / f"mine{ENDING}").kinds


def test_add_writes_to_the_folder_of_the_project_where_asked(call, birds, tmp_path):
    assert call("refs", "add", "mine", birds, "--question", "q", "--references", "refs", "--here").exit_code == 0
    assert [path.name for path in (tmp_path / "refs").iterdir()] == [f"mine{ENDING}"]
    assert not (tmp_path / "own").exists()


def test_a_file_without_the_named_field_is_refused_with_place_what_there_is_and_a_way_out(tmp_path):
    cases = [
        (
            "d.jsonl",
            '{"q": "Who?"}\n{"a": 1}',
            Parts("q"),
            r"d\.jsonl: item 2: no field 'q' of 'q'; found 'a'\. Correct",
        ),
        (
            "d.csv",
            "q,a\nWho?,I\n",
            Parts("q", None, "b"),
            r"d\.csv: item 1: no field 'b' of 'b'; found 'q', 'a'\. Corr",
        ),
        ("d.csv", "q,a\nWho?\n", Parts("q"), r"d\.csv: line 2 has 1 columns, but the header has 2; expected .* again"),
        (
            "d.json",
            '{"q": [{"t": "Who?"}]}',
            Parts("q"),
            r"item 1: 'q' is an object with 't'; expected text. Name one of",
        ),
        ("d.json", "{", Parts("q"), r"d\.json: Expecting property name.*; expected \.jsonl, \.json, \.csv.* again"),
        ("d.jsonl", '{"q": " "}', Parts("q"), r"d\.jsonl: item 1: no question at 'q'\. Correct"),
        (
            "d.jsonl",
            '{"q": "Who?", "i": 7}\n{"q": "Where?", "i": 8}\n{"q": "When?", "i": 7}',
            Parts("q", id="i"),
            r"duplicate id '7'\. Name another field",
        ),
        ("d.jsonl", "", Parts("q"), r"mine: no items; expected one record per item"),
        ("d.jsonl", '["Who?"]', Parts("q"), r"d\.jsonl: record is \['Who\?'\]; expected an object"),
    ]
    for name, content, parts, expected in cases:
        with case(name, content, parts, expected):
            (tmp_path / name).write_text(content)
            with pytest.raises(ValueError, match=expected) as error:
                references.add("mine", tmp_path / name, parts)
            assert type(error.value) is ValueError


def test_half_of_a_surrogate_pair_becomes_a_question_mark(call, tmp_path):
    whole = {"q": "Who is ? there?", "i": "x?"}
    write(tmp_path / "set.jsonl", [json.dumps({key: text.replace("?", "\ud800", 1) for key, text in whole.items()})])
    write(tmp_path / "whole.jsonl", [json.dumps(whole)])
    for name in ("set", "whole"):
        done = call("refs", "add", name, f"{name}.jsonl", "--question", "q", "--id", "i")
        assert done.exit_code == 0, done.output
    made, expected = (load(tmp_path / "own" / f"{name}{ENDING}") for name in ("set", "whole"))
    assert made.ids == expected.ids == ("x?",)
    assert made.written.tolist() == expected.written.tolist()  # the characters themselves


def test_an_empty_licence_is_an_unknown_one(call, birds, tmp_path):
    done = call("refs", "add", "mine", birds, "--question", "q", "--licence", "")
    assert done.exit_code == 0, done.output
    assert load(tmp_path / "own" / f"mine{ENDING}").card.licence == "not told"


def test_a_title_cannot_colour_or_steer_the_terminal(call, birds):
    call("refs", "add", "mine", birds, "--question", "q", "--title", "a[red]b\x1b[31m\n")
    for done in (call("refs", "list"), call("refs", "list", "mine")):
        assert "\x1b[31m" not in done.output
        assert "a[red]b" in done.output


# -- list ------------------------------------------------------------------------------------------------------------


def test_the_list_names_the_origin_of_each_fingerprint(call, tmp_path):
    copa = library.shipped().cut("copa")
    lines = call("refs", "list").output.splitlines()
    assert len(lines) == len(cards())
    assert [line.split()[:5] for line in lines if line.startswith("copa ")] == [
        ["copa", "100", "validation", "shipped", "BSD-2-Clause"]
    ]
    assert [line.split()[3:5] for line in lines if line.startswith("hle ")] == [["not", "built"]]
    save(copa, tmp_path / "refs" / f"copa{ENDING}")
    lines = call("refs", "list", "--references", "refs").output.splitlines()
    assert [line.split()[3:5] for line in lines if line.startswith("copa ")] == [["your", "own"]]


# -- verify ----------------------------------------------------------------------------------------------------------


def test_what_is_shipped_is_as_it_was_made(call, tmp_path):
    done = call("refs", "verify")
    assert done.exit_code == 0, done.output
    names = sorted(library.shipped().names)
    assert len(names) > 20
    assert done.output.splitlines() == [f"{name}: verified ({library.LIBRARY})" for name in names]


def test_only_those_that_are_named_are_verified(call):
    done = call("refs", "verify", "copa", "gsm8k")
    assert [line.split(":")[0] for line in done.output.splitlines()] == ["copa", "gsm8k"]


def test_a_damaged_fingerprint_is_a_line_and_exit_code_1_and_the_others_are_looked_at(call, birds, tmp_path):
    call("refs", "add", "mine", birds, "--question", "q")
    path = tmp_path / "own" / f"mine{ENDING}"
    path.write_bytes(path.read_bytes()[:-100])
    done = call("refs", "verify", "mine", "copa")
    assert done.exit_code == 1
    fault, good = done.output.splitlines()
    assert fault.startswith(f"{path}: damaged, its checksum does not match. ")
    assert fault.endswith("Run `chataudit refs build mine --overwrite`, or for a set of your own `refs add`")
    assert good.startswith("copa: verified (")


def test_a_damaged_fingerprint_is_verified_in_the_folder_that_is_named(call, tmp_path):
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / f"copa{ENDING}").write_bytes(b"")
    assert call("refs", "verify", "copa").exit_code == 0
    done = call("refs", "verify", "copa", "--references", "refs")
    assert done.exit_code == 1
    assert done.output.startswith(f"refs/copa{ENDING}: not a fingerprint. Run ")


def test_verify_names_set_file_and_fault(tmp_path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / f"mine{ENDING}").write_text("x")
    (good, damaged) = references.verify(tmp_path, ["copa", "mine"])
    assert good == ("copa", library.LIBRARY, "")
    assert damaged[:2] == ("mine", tmp_path / "own" / f"mine{ENDING}")
    assert "not a fingerprint" in damaged[2]


def test_a_shipped_fingerprint_of_another_card_is_a_fault_and_one_of_your_own_is_not(monkeypatch, tmp_path):
    corrected = {**cards(), "copa": msgspec.structs.replace(cards()["copa"], note="Corrected.")}
    monkeypatch.setattr(references, "cards", lambda: corrected)
    ((_, path, fault),) = references.verify(tmp_path, ["copa"])
    assert fault == f"{path}: copa was built from a different card. Run `chataudit refs build copa`"
    save(library.load("copa", path), tmp_path / f"copa{ENDING}")
    assert list(references.verify(tmp_path, ["copa"])) == [("copa", tmp_path / f"copa{ENDING}", "")]


# -- the hub ---------------------------------------------------------------------------------------------------------

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Return a cache of the hub; the hub itself is never asked."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def keep(cache: Path, id: str, files: dict[str, list[dict[str, Any]]], revision: str = "refs/convert/parquet") -> Path:
    """Write a data set as the hub's own client keeps it: a commit for each revision, and links to its files."""
    folder = cache / f"datasets--{id.replace('/', '--')}"
    (folder / "refs" / revision).parent.mkdir(parents=True)
    (folder / "refs" / revision).write_text(COMMIT)
    (folder / "blobs").mkdir()
    for n, (name, rows) in enumerate(files.items()):
        path = folder / "snapshots" / COMMIT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), folder / "blobs" / str(n))
        path.symlink_to(os.path.relpath(folder / "blobs" / str(n), path.parent))
    return folder / "snapshots" / COMMIT


def on_hub(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any] | None = None, **card: Any) -> Card:
    """Make known one card, of a data set that is on the hub only."""
    place = {"id": "org/birds", "split": "test", **(more or {})}
    return know(monkeypatch, **{"files": [], "hub": place, **card})


def test_a_benchmark_on_the_hub_is_built_from_its_parquet_files(cache, monkeypatch):
    folder = keep(cache, "org/birds", {"default/test/0000.parquet": BIRDS, "default/train/0000.parquet": BIRDS[:1]})
    card = on_hub(monkeypatch)
    found, place = hub.fetch(card)
    assert place == folder
    assert found.sha256 == hashlib.sha256((folder / "default/test/0000.parquet").read_bytes()).hexdigest()
    made = references.build("birds")
    assert made.ids == ("0000.parquet:1", "0000.parquet:2", "0000.parquet:3")
    assert made.n_tokens.tolist() == [8, 2, 2, 2, 9, 2, 2, 5, 2, 2]
    assert made.card == found


def test_the_cache_of_the_hub_can_be_named(tmp_path, cache, monkeypatch):
    folder = keep(tmp_path / "another", "org/birds", {"default/test/0000.parquet": BIRDS})
    assert hub.fetch(on_hub(monkeypatch), tmp_path / "another")[1] == folder


def test_several_configurations_splits_and_files_are_read_in_order(cache, monkeypatch):
    names = ["b/dev/0000.parquet", "a/test/0001.parquet", "a/test/0000.parquet", "c/test/0000.parquet"]
    keep(cache, "org/birds", {name: [bird] for name, bird in zip(names, [*BIRDS, BIRDS[0]], strict=True)})
    on_hub(monkeypatch, {"config": ["a", "b"], "split": "test+dev"})
    with pytest.raises(LookupError, match=r"no file 'a/dev/\*\.parquet' of Birds"):
        references.build("birds")
    on_hub(monkeypatch, {"split": "test+dev"}, items=4)
    # In the order of their paths: a/test/0000, a/test/0001, b/dev/0000, c/test/0000
    made = references.build("birds")
    assert made.ids == ("a/test/0000.parquet:1", "0001.parquet:1", "b/dev/0000.parquet:1", "c/test/0000.parquet:1")
    on_hub(monkeypatch, {"config": ["a", "c"]}, items=3)
    assert references.build("birds").ids == ("a/test/0000.parquet:1", "0001.parquet:1", "c/test/0000.parquet:1")
    on_hub(monkeypatch, {"config": "c"}, items=1)
    assert references.build("birds").ids == ("0000.parquet:1",)


def test_records_on_the_hub_may_be_other_than_in_the_files(cache, card, monkeypatch):
    rows = [{"question": bird["q"], "right": bird["a"]} for bird in BIRDS]
    keep(cache, "org/birds", {"default/test/0000.parquet": rows})
    parts = {"question": "question", "answer": "right"}
    on_hub(monkeypatch, {"parts": parts}, files=["birds/birds.jsonl"], sha256=card.sha256, items=1319)
    made = references.build("birds")
    assert made.kinds.tolist() == [QUESTION, ANSWER] * 3
    assert made.card.items == 3  # 1,319 were counted in the files


def test_a_wrong_number_of_items_on_the_hub_is_refused(cache, monkeypatch):
    keep(cache, "org/birds", {"default/test/0000.parquet": BIRDS[:2]})
    on_hub(monkeypatch)
    with pytest.raises(ValueError, match="Birds: 2 items, but its card says 3"):
        references.build("birds")


def test_a_revision_that_is_named_is_taken(cache, monkeypatch):
    keep(cache, "org/birds", {"default/test/0000.parquet": BIRDS}, revision="v2")
    on_hub(monkeypatch, {"revision": "v2"})
    assert len(references.build("birds")) == 3
    on_hub(monkeypatch, {"revision": COMMIT})
    assert len(references.build("birds")) == 3
    on_hub(monkeypatch)
    with pytest.raises(LookupError, match="org/birds: could not be fetched"):
        references.build("birds")


def test_a_data_set_that_is_not_there_is_one_line(cache, call, monkeypatch):
    on_hub(monkeypatch)
    with pytest.raises(LookupError, match=r"^org/birds: could not be fetched from the hub \(Cannot find") as error:
        references.build("birds")
    assert type(error.value) is LookupError
    assert "\n" not in str(error.value)
    assert "accept its terms at https://huggingface.co/datasets/org/birds and log in" in str(error.value)
    assert stopped(call("refs", "build", "birds")) == str(error.value)


@pytest.mark.parametrize("id", ["../birds", "a/b/c", "org/birds..", "-"])
def test_an_id_that_is_no_data_set_is_one_line(cache, monkeypatch, id):
    with pytest.raises(LookupError, match="could not be fetched from the hub") as error:
        hub.fetch(on_hub(monkeypatch, {"id": id}))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("error", [OSError("No space\nleft"), ValueError("odd\n\n"), TimeoutError()])
def test_an_error_of_the_hub_is_one_line(monkeypatch, error):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(
        LookupError, match=r"^org/birds: could not be fetched from the hub \((No space|odd|Time)"
    ) as raised:
        hub.fetch(on_hub(monkeypatch))
    assert "\n" not in str(raised.value)


def test_without_the_extra_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(LookupError, match=r"huggingface_hub is not installed\. Run: pip install 'chataudit\[hf\]'"):
        hub.fetch(on_hub(monkeypatch))


def test_the_command_needs_no_network_where_the_environment_forbids_it(cache, tmp_path):
    row = {"problem_id": "x", "problem": "How many birds sing?", "answer": "3"}
    keep(cache, "math-ai/aime25", {"default/test/0000.parquet": [row]})
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(cache)}
    words = [sys.executable, "-m", "chataudit", "refs", "build"]
    done = subprocess.run([*words, "hle"], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("chataudit: cais/hle: could not be fetched from the hub (")
    done = subprocess.run([*words, "aime_2025"], env=env, capture_output=True, text=True)
    assert "1 items, but its card says 30" in done.stderr  # it was found in the cache, and read
    assert not list(tmp_path.rglob(f"*{ENDING}"))
