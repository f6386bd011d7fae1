import gzip
import itertools
import json
from pathlib import Path
from typing import Any

import langcodes
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import SHARED, needs_shared
from cases import case
from chataudit.benchmarks_refs.cards import Card, Item, cards, checksum, items, take

CARDS = cards()
LOCAL = [name for name, card in CARDS.items() if card.files]
BENCHMARKS = SHARED / "data" / "benchmarks"


def card(file: str, **parts: Any) -> Card:
    """Make a card for one made-up file."""
    text = {"title": "T", "measures": "m", "home": "https://a.org", "licence": "MIT", "citation": "A (2020)"}
    rest = {"split": "test", "languages": ["en"], "shared": True, "files": [file], "items": 1, "sha256": "0" * 64}
    return msgspec.convert({**text, **rest, "parts": parts}, Card)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def toml(path: Path, more: str = "", parts: str = 'question = "q"') -> Path:
    """Write a file with one card, [one]."""
    path.write_text(
        '[one]\ntitle = "T"\nmeasures = "m"\nhome = "https://a.org"\nsplit = "test"\nlanguages = ["en"]\n'
        'licence = "MIT"\nshared = true\ncitation = "A (2020)"\nhub = { id = "a/b", split = "test" }\n'
        f"{more}\n[one.parts]\n{parts}\n"
    )
    return path


def test_every_card_can_be_built_and_names_real_languages():
    for name in CARDS:
        with case(name):
            card = CARDS[name]
            assert card.files or card.hub
            assert card.home.startswith("https://")
            assert any(year in card.citation for year in map(str, range(2000, 2030)))
            assert all(langcodes.tag_is_valid(language) for language in card.languages)
            assert list(card.languages) == list(dict.fromkeys(card.languages))


def test_no_card_shares_what_its_licence_forbids():
    for name in CARDS:
        with case(name):
            closed = ("-NC", "-ND", "non-commercial", "not told", "research only")
            if any(term in CARDS[name].licence for term in closed):
                assert not CARDS[name].shared


def test_a_card_file_with_one_card_is_read(tmp_path):
    found = cards(toml(tmp_path / "c.toml"))
    assert list(found) == ["one"]
    assert found["one"].parts.question == "q"


def test_a_card_that_is_not_well_formed_is_refused_with_its_place(tmp_path):
    cases = [
        ('mesures = "x"', 'question = "q"', r"\[one\] unknown key 'mesures'; expected one of title, measures, "),
        (
            "",
            'question = "q"\npassages = "p"',
            r"\[one\] parts: unknown key 'passages'; expected one of question, choices, ",
        ),
        (
            "",
            'question = { path = "q", mach = "x" }',
            r"\[one\] parts.question: unknown key 'mach'; expected one of path, match",
        ),
        ("items = true", 'question = "q"', r"\[one\] items: Expected `int \| null`, got `bool`"),
        ("", 'answer = "a"', r"\[one\] parts: Object missing required field `question`"),
        ('files = ["a.jsonl"]', 'question = "q"', r"\[one\] Expected sha256 together with files"),
        ("", 'question = { path = "q", match = "(" }', "parts.question: Expected a regular expression in match, got"),
        ("", 'question = { path = "q", choice = "c" }', r"parts.question: Expected either path or choice"),
    ]
    for more, parts, expected in cases:
        match = r"c\.toml: " + (expected if expected.startswith(r"\[") else ".*" + expected)
        with case(more, parts), pytest.raises(ValueError, match=match):
            cards(toml(tmp_path / "c.toml", more, parts))


def test_a_file_that_is_no_toml_is_refused_with_its_name(tmp_path):
    write(tmp_path / "c.toml", "[one\n")
    with pytest.raises(ValueError, match=r"c\.toml: .*Expected one table per card"):
        cards(tmp_path / "c.toml")


ROWS = [{"q": "One?", "a": "1"}, {"q": "Two,\ntwo?", "a": "2"}]
EXPECTED = [{"question": ("One?",), "answer": ("1",)}, {"question": ("Two,\ntwo?",), "answer": ("2",)}]


def test_items_are_read_from_each_form_plain_and_packed(tmp_path):
    cases_1 = [
        ("d.jsonl", "".join(json.dumps(row) + "\n\n" for row in ROWS)),
        ("d.json", json.dumps(ROWS)),
        ("d.csv", '\ufeffq,a\r\nOne?,1\r\n"Two,\ntwo?",2\r\n'),
    ]
    for is_packed, (name, text) in itertools.product([False, True], cases_1):
        with case(is_packed, name, text):
            data, name = text.encode(), name + ".gz" * is_packed
            (tmp_path / name).write_bytes(gzip.compress(data) if is_packed else data)
            found = list(items(card(name, question="q", answer="a"), tmp_path))
            assert found == [Item(f"{name}:{n}", parts) for n, parts in enumerate(EXPECTED, 1)]


def test_items_are_read_from_parquet(tmp_path):
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "d.parquet")
    assert [item.parts for item in items(card("d.parquet", question="q", answer="a"), tmp_path)] == EXPECTED


def test_columns_without_a_header_are_named_by_number(tmp_path):
    write(tmp_path / "d.csv", '"Which, if any?",red,blue,B\n')
    by_letter = card("d.csv", question=0, choices=[1, 2], answer={"choice": 3})
    assert [item.parts for item in items(by_letter, tmp_path)] == [
        {"question": ("Which, if any?",), "choices": ("red", "blue"), "answer": ("blue",)}
    ]


def test_a_quotation_mark_in_a_tsv_file_means_nothing(tmp_path):
    write(tmp_path / "d.tsv", '"Yes" or no?\tyes\n"Who?\tme\n')
    found = list(items(card("d.tsv", question=0, answer=1), tmp_path))
    assert [item.parts["question"] for item in found] == [('"Yes" or no?',), ('"Who?',)]


def test_rows_inside_a_record_see_the_fields_around_them(tmp_path):
    inner = [{"id": "x", "q": "Who?"}, {"id": "y", "q": "Where?"}]
    write(tmp_path / "d.json", json.dumps({"data": [{"text": "A text.", "qas": inner}]}))
    nested = card("d.json", rows="data.qas", id="id", question="q", passage="text")
    assert list(items(nested, tmp_path)) == [
        Item("x", {"question": ("Who?",), "passage": ("A text.",)}),
        Item("y", {"question": ("Where?",), "passage": ("A text.",)}),
    ]


def test_several_files_are_read_in_order_and_named_in_the_ids(tmp_path):
    for name in "b.jsonl", "a.jsonl":
        write(tmp_path / "sub" / name, '{"id": 7, "q": "Who?"}\n')
    found = items(card("sub/*.jsonl", id="id", question="q"), tmp_path)
    assert [item.id for item in found] == ["a.jsonl:7", "b.jsonl:7"]


def test_an_answer_is_found_where_the_card_points():
    cases = [
        ({"c": ["x", "y"], "k": 1}, {"choices": "c", "answer": {"choice": "k"}}, ("y",)),
        ({"c": ["x", "y"], "k": "1"}, {"choices": "c", "answer": {"choice": "k", "first": 1}}, ("x",)),
        ({"c": ["x", "", "y"], "k": "c"}, {"choices": "c", "answer": {"choice": "k"}}, ("y",)),
        ({"c": ["(A)x", "(B) y"], "k": ["A", "B"]}, {"choices": "c", "answer": {"choice": "k"}}, ("x", "y")),
        (
            {"c": [{"t": "x", "ok": False}, {"t": "y", "ok": True}]},
            {"choices": "c.t", "answer": {"choice": "c.ok"}},
            ("y",),
        ),
        ({"t": "Q: x\nA: y"}, {"answer": {"path": "t", "match": "A: (.*)"}}, ("y",)),
        ({"t": {"u": [["x"], None, 3]}}, {"answer": "t.u"}, ("x", "3")),
    ]
    for row, parts, answer in cases:
        with case(row, parts, answer):
            assert take({"q": "Who?", **row}, card("d.json", question="q", **parts).parts, "here")["answer"] == answer


def test_a_record_that_contradicts_its_card_is_refused_with_its_place(tmp_path):
    cases = [
        ('{"q": ""}', {"question": "q"}, "item 1: no question at 'q'"),
        ('{"q": "Who?"}', {"question": "query"}, "item 1: no field 'query' of 'query'; found 'q'"),
        (
            '{"q": "Who?"}',
            {"question": {"path": "q", "match": "Q: (.*)"}},
            "item 1: 'Q: .* does not match the text at 'q'",
        ),
        (
            '{"q": "Who?", "k": 2, "c": ["x"]}',
            {"question": "q", "choices": "c", "answer": {"choice": "k"}},
            r"\[2\] is",
        ),
        ('{"q": "Who?"}\n{"q": ', {"question": "q"}, r"d\.jsonl:2: Expecting value.*expected \.jsonl"),
        ("[1]", {"question": "q"}, r"record is \[1\]; expected an object"),
        ('{"q": {"a": 1}}', {"question": "q"}, "'q' is an object with 'a'; expected text"),
    ]
    for line, parts, expected in cases:
        with case(line, parts, expected):
            write(tmp_path / "d.jsonl", line)
            with pytest.raises(ValueError, match=expected) as error:
                list(items(card("d.jsonl", **parts), tmp_path))
            assert "d.jsonl" in str(error.value)


def test_a_file_that_is_not_there_is_named_with_its_home(tmp_path):
    with pytest.raises(LookupError, match=r"no file 'd\.jsonl' of T\. Get the original files: https://a\.org"):
        checksum(card("d.jsonl", question="q"), tmp_path)


def test_the_checksum_is_that_of_the_files_on_end(tmp_path):
    write(tmp_path / "b.csv", "c")
    write(tmp_path / "a.csv", "ab")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, appendix B.1
    assert checksum(card("*.csv", question="q"), tmp_path) == abc


@needs_shared
def test_the_original_files_match_their_card():
    for name in LOCAL:
        with case(name):
            card = CARDS[name]
            assert checksum(card, BENCHMARKS) == card.sha256
            found = list(items(card, BENCHMARKS))
            assert len(found) == card.items
            assert len({item.id for item in found}) == card.items
            assert all(item.parts["question"] for item in found)
            # What a card promises, at least one item has.
            promised = {part for part in ("choices", "answer", "passage") if getattr(card.parts, part) is not None}
            assert promised == {part for item in found for part in item.parts} - {"question"}


@needs_shared
def test_every_folder_of_original_files_has_a_card():
    folders = {path.name for path in BENCHMARKS.iterdir() if path.is_dir()}
    assert folders == {file.partition("/")[0] for name in LOCAL for file in CARDS[name].files}
