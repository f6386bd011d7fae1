"""What nobody thought of: bytes changed at random, and records with every right and wrong value, read in two ways."""

import gzip
import json
import tempfile
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import pyarrow as pa
import pytest
from building import conversation, in_map_form, message, nest
from cases import case
from chataudit.audit.reading import files, jsonl, repair
from chataudit.audit.reading import parse as parsing
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.blocks import lines as lines_module
from chataudit.audit.reading.blocks.block import BLOCK, Block, Source, numbered
from chataudit.audit.reading.blocks.tables import table_records
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.reading.parse import Parsed, parse
from chataudit.audit.reading.recognise import ReadPlan, recognise
from chataudit.audit.reading.streams import UnreadableSource
from chataudit.checks.base.messages import MESSAGES
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

# -- bytes changed at random ---------------------------------------------------------------------------------------

TOKENS = [
    b"\n",
    b"\r\n",
    b"\n\n",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\0",
    b"\x01",
    b"\xff",
    b"\xc3",
]
TOKENS += [b"\xef\xbb\xbf", b"null", b"NaN", b"1e999", b"-0.0", b'{"text": "x"}', b'"\\ud83d"', b"\\u0000", b"[" * 2000]
CHANGE = st.tuples(
    st.sampled_from(["flip", "delete", "insert", "duplicate", "cut", "overwrite"]),
    st.floats(0, 1, exclude_max=True),  # where, as a part of the whole
    st.integers(1, 400),  # how many bytes
    st.sampled_from(TOKENS) | st.binary(min_size=1, max_size=5),
)


def changed(data: bytes, changes: Sequence[tuple[str, float, int, bytes]]) -> bytes:
    for kind, part, n, token in changes:
        at = int(part * len(data))
        if kind == "flip" and data:
            data = data[:at] + bytes([data[at] ^ (1 << n % 8)]) + data[at + 1 :]
        elif kind == "delete":
            data = data[:at] + data[at + n :]
        elif kind == "insert":
            data = data[:at] + token + data[at:]
        elif kind == "duplicate":
            data = data[: at + n] + data[at:]
        elif kind == "overwrite":
            data = data[:at] + token + data[at + len(token) :]
        elif kind == "cut" and n > 300:  # seldom: it leaves less to look at
            data = data[:at]
    return data


def turns() -> list[Any]:
    """Return thirty messages with labels and emojis."""
    labels = {"name": ["quality", "spam"], "value": [0.75, 0.0], "count": [2, 3]}
    emojis = {"name": ["+1"], "count": [2]}
    rows = [row for name in "abcdef" for row in conversation(name, 4, labels=labels, emojis=emojis)]
    return [{**row, "text": f"{k}: é 漢 🙂"} for k, row in enumerate(rows)]


def flat() -> list[Any]:
    return [row if k % 5 else {**row, **in_map_form(row)} for k, row in enumerate(turns())]


def trees() -> list[Any]:
    return [nest(turns()[k : k + 5]) for k in range(0, 30, 5)]


def documents() -> list[Any]:
    contexts = [{}, {"context": "asked: é 漢"}]
    return [{"id": f"d{k}", "text": f"{k}: é 漢 🙂", "lang": "de", **contexts[k % 2]} for k in range(30)]


def lines_of(records: Sequence[Any]) -> list[bytes]:
    return [json.dumps(record, ensure_ascii=bool(k % 3)).encode() for k, record in enumerate(records)]


@cache
def texts_by_line(make: Callable[[], list[Any]]) -> dict[bytes, list[str]]:
    """Find the texts that each good line contains, without the reader."""

    def texts(record: Any) -> list[str]:
        if "prompt" in record:
            return texts(record["prompt"])
        below = [text for reply in record.get("replies", []) for text in texts(reply)]
        return [record["text"], *([record["context"]] if "context" in record else []), *below]

    return {line: texts(record) for line, record in zip(lines_of(make()), make(), strict=True)}


def read_all(path: Path, size: int) -> tuple[Source, list[Parsed]]:
    (source,) = files.find([path]).sources
    plan = recognise(source)
    return source, [parse(block, plan) for block in cutting.blocks(source, size)]


def assert_law(make: Callable[[], list[Any]], data: bytes, name: str, size: int, packed: bytes = b"") -> None:
    """Assert that every good line of `data` gives its messages in place, every other line a message or a fault."""
    good = texts_by_line(make)
    expected = {n: good[line] for n, line in enumerate(data.split(b"\n"), 1) if line in good}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(packed or data)
        try:
            source, parsed = read_all(path, size)
        except UnreadableSource:
            assert not expected or data.startswith(MAGIC)
            return
    found: dict[int, list[str]] = {}
    for part in parsed:
        assert part.messages.schema.equals(MESSAGES)
        part.messages.validate(full=True)
        for row in part.messages.select(["line", "text"]).to_pylist():
            found.setdefault(row["line"], []).append(row["text"])
    for n, texts in expected.items():
        assert sorted(found.get(n, [])) == sorted(texts), n
    # What looks like an array is not read by lines.
    if not name.endswith(".json") and not data.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"["):
        reported = {
            fault["line"] for part in parsed for fault in part.faults.to_pylist() if fault["kind"] != "line_format"
        }
        silent = {n for n, line in enumerate(data.split(b"\n"), 1) if line.strip()} - set(found) - reported
        assert not {n for n in silent if n > 1 or not data.startswith(b"\xef\xbb\xbf")}
    if not packed:
        assert source.errors == []


MAGIC = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1")  # the beginnings of other kinds of files
MAKERS = st.sampled_from([flat, trees, documents])
BLOCKS = st.sampled_from([100, 3000, BLOCK])


@settings(max_examples=150)
@given(MAKERS, st.lists(CHANGE, min_size=1, max_size=6), BLOCKS)
def test_no_change_of_bytes_costs_a_line_that_it_left_alone(make, changes, size):
    data = changed(b"\n".join(texts_by_line(make)) + b"\n", changes)
    assert_law(make, data, "data.jsonl", size)


@settings(max_examples=100)
@given(MAKERS, st.lists(CHANGE, min_size=1, max_size=4), BLOCKS)
def test_the_law_is_met_where_the_name_does_not_separate_lines_from_a_document(make, changes, size):
    data = changed(b"\n".join(texts_by_line(make)) + b"\n", changes)
    assert_law(make, data, "data.json", size)


@settings(max_examples=100)
@given(MAKERS, st.lists(CHANGE, min_size=1, max_size=3), BLOCKS)
def test_no_change_of_packed_bytes_costs_a_line_before_it(make, changes, size):
    packed = changed(gzip.compress(b"\n".join(texts_by_line(make)) + b"\n", mtime=0), changes)
    decoder, data = zlib.decompressobj(wbits=31), bytearray()
    try:
        for at in range(len(packed)):
            if decoder.eof and packed[at - 1 - len(decoder.unused_data) :].lstrip(b"\0")[:1] == b"\x1f":
                break  # another member; that they follow one another is tested elsewhere
            data += decoder.decompress(packed[at : at + 1])
    except zlib.error:
        pass
    if packed[:2] == b"\x1f\x8b":
        data = data[: data.rfind(b"\n") + 1]
        assert_law(make, bytes(data), "data.jsonl.gz", size, packed)


@settings(max_examples=100)
@given(MAKERS, st.sampled_from([None, 1]), st.lists(CHANGE, min_size=1, max_size=3), BLOCKS)
def test_no_change_of_bytes_stops_the_reading_of_an_array(make, indent, changes, size):
    good = {tuple(texts): line for line, texts in texts_by_line(make).items()}
    data = changed(json.dumps([json.loads(line) for line in good.values()], indent=indent).encode(), changes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.json"
        path.write_bytes(data)
        try:
            _, parsed = read_all(path, size)
        except UnreadableSource:
            return
    faults = sum(part.faults.num_rows for part in parsed)
    try:
        whole = isinstance(json.loads(data, parse_constant=int), list)
    except (ValueError, RecursionError):
        whole = False
    assert whole or faults


@given(
    st.lists(st.integers(0, 60), max_size=12).map(
        lambda sizes: [bytes([97 + k % 26]) * n for k, n in enumerate(sizes)]
    ),
    st.booleans(),
    st.integers(1, 40),
    st.integers(1, 80),
)
def test_lines_are_cut_as_splitting_would_cut_them(texts, ends, size, longest):
    data = b"\n".join(texts) + (b"\n" if ends else b"")
    length = min(size, longest)
    pieces = [data[at : at + length] for at in range(0, len(data), length)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "MAX_LINE", longest)
        patch.setattr(lines_module, "MAX_LINE", longest)
        found = list(lines_module.line_blocks(Source(Path("x"), "x"), pieces, size, ()))
    wanted = list(enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], 1))
    assert [pair for block in found for pair in numbered(block)] == [(n, t) for n, t in wanted if len(t) <= longest]
    reported = [fault.line for block in found for fault in block.faults]
    assert reported == [n for n, text in wanted if len(text) > longest]
    for block in found:
        assert block.start is not None
        assert block.data.removesuffix(b"\n") == data[block.start :][: len(block.data)].removesuffix(b"\n")


# -- two ways of reading lines ---------------------------------------------------------------------------------------


class Raw(NamedTuple):
    """JSON as it is written."""

    text: str


NUMBERS = [
    "0",
    "-0",
    "1",
    "-1",
    "7",
    "1.0",
    "-0.0",
    "0.5",
    "1e2",
    "1E-2",
    "2e-400",
    "1e999",
    "-1e999",
    "NaN",
    "-Infinity",
]
NUMBERS += [
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "9" * 400,
    "1" * 5000,
]
STRINGS = [
    '""',
    '"x"',
    '"0"',
    '"é 漢 🙂"',
    '"\\u00e9\\/\\n"',
    '"\\u0000"',
    '"\\ud83d\\ude42"',
    '"\\ud83d"',
    '"\x7f\u2028"',
]
STRINGS += ['"\x01"', '"a\\"b\\\\"', '"\\":"', '"2023-02-07T17:29:24+00:00"', '"en"', '"prompter"', '"\ufeff"', '"\\x"']
OTHERS = [
    "null",
    "true",
    "false",
    "[]",
    "{}",
    "[1]",
    '["a"]',
    '{"a": 1}',
    '{"a": {"a": null}}',
    "[[1.5]]",
    "[" * 40 + "]" * 40,
]
VALUES = NUMBERS + STRINGS + OTHERS
ANY = st.sampled_from(VALUES)


def usually(*right: str) -> st.SearchStrategy[str]:
    """Return a strategy that draws one of the right values, now and then any."""
    return st.sampled_from([*right] * (30 * len(VALUES) // len(right)) + VALUES)


@st.composite
def objects(draw: st.DrawFn, names: Sequence[str], value: st.SearchStrategy[str]) -> str:
    """Draw objects with some of these keys, in any order, now and then one of them twice."""
    is_odd = draw(st.integers(0, 30)) == 17
    keys = draw(st.lists(st.sampled_from(names), max_size=4, unique=not is_odd))
    return written([(key, draw(value)) for key in keys])


def written(pairs: Sequence[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{key}": {value}' for key, value in pairs) + "}"


def arrays(value: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(value, max_size=3).map(lambda items: f"[{', '.join(items)}]")


COUNT, SCORE, NAME = usually("1", "3"), usually("0.5", "0", "1.0"), usually('"spam"', '"quality"', '"+1"')
LABEL_COLUMNS = st.tuples(arrays(NAME), arrays(SCORE), arrays(COUNT)).map(
    lambda parts: written(list(zip(("name", "value", "count"), parts, strict=True)))
)
FIELDS: dict[str, st.SearchStrategy[str]] = {
    **dict.fromkeys(("message_tree_id", "message_id", "role"), usually('"x"', '"prompter"', '"é"')),
    **dict.fromkeys(("parent_id", "lang", "user_id", "model_name", "tree_state"), usually('"x"', "null")),
    "created_date": usually('"2023-02-07T17:29:24.727400+00:00"'),
    "text": usually(*(string for string in STRINGS if string.isprintable() and 'd83d"' not in string)),
    **dict.fromkeys(("review_result", "deleted", "synthetic"), usually("true", "false", "null")),
    **dict.fromkeys(("review_count", "rank"), usually("0", "1", "null", "9223372036854775807")),
    "detoxify": objects(["toxicity", "obscene"], SCORE),
    **dict.fromkeys(("odd", "te\\u0078t", "", "\\ud83d", "a\\u0000"), ANY),
}
COLUMNS = {
    "emojis": st.tuples(arrays(NAME), arrays(COUNT)).map(lambda p: written([("name", p[0]), ("count", p[1])])),
    "labels": LABEL_COLUMNS,
}
MAPS = {
    "emojis": objects(["+1", "_skip", "name"], COUNT),
    "labels": objects(["spam", "quality", "name"], objects(["value", "count"], SCORE)),
}
STRANGE = {
    "emojis": objects(["name", "count"], arrays(COUNT)),
    "labels": objects(["name", "value", "count"], arrays(SCORE)) | arrays(objects(["name", "value", "count"], SCORE)),
    "detoxify": objects(["toxicity", "more"], SCORE),
}
USUAL = [name for name in FIELDS if name.isidentifier() and name not in ("odd", "detoxify")]


@st.composite
def lines(draw: st.DrawFn, counted: dict[str, st.SearchStrategy[str]]) -> bytes:
    """Draw a record with some right and some wrong values, written in one of the ways that JSON leaves open."""
    fields = {**FIELDS, **counted, **(STRANGE if draw(st.integers(0, 15)) == 9 else {})}
    names = draw(st.permutations(USUAL))[: draw(st.integers(0, 13))]
    names += draw(st.lists(st.sampled_from(["labels", "emojis", "detoxify"]), unique=True))
    if draw(st.integers(0, 8)) == 5:
        names += draw(st.lists(st.sampled_from([*fields]), max_size=2))
    comma, colon = draw(st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " : ")]))
    text = "{" + comma.join(f'"{name}"{colon}{draw(fields[name])}' for name in names) + "}"
    before, after = draw(
        st.sampled_from([("", "")] * 30 + [(" ", " "), ("", "\r"), ("", "x"), ("", "{}"), ("\ufeff", "")])
    )
    raw = f"{before}{text}{after}".encode()
    return draw(st.sampled_from([raw] * 60 + [raw.replace(b"x", b"\xff"), raw[:-2], b"", b"null", raw + b"\n" + raw]))


@st.composite
def some_lines(draw: st.DrawFn, max_size: int) -> list[bytes]:
    """Draw records whose labels and emojis are mostly of one form."""
    counted = draw(st.sampled_from([COLUMNS, MAPS] * 5 + [{**COLUMNS, **STRANGE}]))
    return draw(st.lists(lines(counted), min_size=1, max_size=max_size))


def block_of(records: Sequence[bytes]) -> Block:
    return Block(Source(Path("data.jsonl"), "data.jsonl"), b"".join(record + b"\n" for record in records), 1)


def plan_of(sample: Sequence[bytes]) -> ReadPlan:
    records = [record for line in sample if (record := repair.read_line(line)[0]) is not None]
    format = FORMATS["oasst_messages"]
    return ReadPlan(format, format.schema(records))


def shown(table: pa.Table) -> list[tuple[int, str]]:
    """Return (line, all else) of each row, so that NaN equals NaN; rows of one line in their order."""
    rows = [(row.pop("line"), repr(row)) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row[0])


WAYS = pytest.mark.parametrize(
    "way", ["Arrow", pytest.param("ours", marks=pytest.mark.skipif(jsonl._jsonl is None, reason="not compiled"))]
)


def by(way: str) -> Any:
    """Read blocks with one of both parsers within a `with`."""
    return patch.object(jsonl, "_jsonl", None if way == "Arrow" else jsonl._jsonl)


GOOD = [json.dumps(row).encode() for row in flat()]
MAP_FORM = [json.dumps({**row, **in_map_form(row)}).encode() for row in turns()[:2]]


@WAYS
@settings(max_examples=300)
@given(some_lines(3), st.sampled_from([[], GOOD[1:5], MAP_FORM]))
@example([b'{"message_id": "a", "odd": NaN}'], [b'{"odd": 1.5}'])
@example([b'{"odd": "\xff"}'], [b'{"odd": "x"}'])
@example([b'{"odd": {"a": [' + b"9" * 400 + b"]}}"], [b'{"odd": {"a": [1.5]}}'])
@example([b"null"], GOOD)
@example([b'{"labels": {"name": null, "value": [1], "count": [1]}}'], GOOD[1:5])
@example([b'{"labels": {}}', b'{"labels": {"name": null, "value": null, "count": null}}'], GOOD[1:5])
@example([b'{"labels": {"spam": {"value": 1, "count": 1}, "quality": {}}}', b'{"labels": {}}'], MAP_FORM)
@example([b'{"emojis": {"+1": null}}', b'{"emojis": {}}'], MAP_FORM)
@example([b'{"detoxify": 0}', b'{"detoxify": {}}'], [b'{"detoxify": {"toxicity": 0.5}}'])
@example([b'{"message_id": "a", "odd" : 1, "rank": 1, "rank": 1}'], [])
@example([b'{"labels": {"spam": {"value": 9007199254740993, "count": 1}}}'], MAP_FORM)
def test_what_is_read_at_once_is_what_careful_reading_gives(way, records, sample):
    assert_careful_reading(way, block_of(records), plan_of([*sample, *records]))


def assert_careful_reading(way: str, block: Block, plan: ReadPlan) -> None:
    with by(way):
        fast = None if plan.schema is None else parsing._parse_as_columns(block, plan)
    event(f"{way}: {'refuses' if fast is None else 'reads'}")
    slow = parsing._parse_carefully(block, plan)
    if fast is not None:
        assert slow.faults.to_pylist() == []
        assert fast.messages.equals(slow.messages), (shown(fast.messages), shown(slow.messages))
        assert fast.records == slow.records


@WAYS
@settings(max_examples=100)
@given(some_lines(6), st.integers(0, 60), st.integers(0, 60))
def test_halving_finds_the_same_as_reading_line_by_line(way, records, before, after):
    block = block_of([*(GOOD * 3)[:before], *records, *(GOOD * 3)[:after]])
    plan = plan_of(GOOD)
    with by(way):
        halved = parse(block, plan)
    slow = parsing._parse_carefully(block, plan)
    assert shown(halved.messages) == shown(slow.messages)
    assert halved.records == slow.records
    # The ends of lines are reported once a block; the first blank line of a file is reported by the caller.
    found = [fault for fault in shown(halved.faults) if "line_format" not in fault[1]]
    assert found == [fault for fault in shown(slow.faults) if "line_format" not in fault[1]]


@settings(max_examples=100)
@given(some_lines(5))
def test_a_line_gives_the_same_beside_any_other_line(records):
    plan = plan_of(GOOD)
    together = parsing._parse_carefully(block_of(records), plan)
    alone = [parsing._parse_carefully(block_of([record]), plan) for record in records]
    assert [row for _, row in shown(together.messages)] == [row for part in alone for _, row in shown(part.messages)]
    details = sorted(f["detail"] for part in alone for f in part.faults.to_pylist() if f["kind"] != "line_format")
    assert sorted(f["detail"] for f in together.faults.to_pylist() if f["kind"] != "line_format") == details


@WAYS
def test_good_lines_of_every_form_are_read_at_once(way):
    for records in (GOOD[1:5], MAP_FORM, [json.dumps(message("a", odd={"a": [1, None]})).encode()]):
        block, plan = block_of(records), plan_of(records)
        with by(way):
            assert parsing._parse_as_columns(block, plan) is not None


DOCUMENT = st.fixed_dictionaries(
    {"text": st.none() | st.text("aé 中", max_size=5) | st.just(5)},
    optional={
        "id": st.none() | st.text("ab", max_size=2) | st.integers(0, 5),
        "lang": st.none() | st.sampled_from(["de", "en"]),
        "context": st.none() | st.text("xy", max_size=3),
        "split": st.sampled_from(["train", None]),
        "more": st.integers(0, 9) | st.lists(st.none() | st.booleans(), max_size=2),
    },
)


@WAYS
@settings(max_examples=200)
@given(st.lists(DOCUMENT, min_size=1, max_size=4), st.lists(DOCUMENT, max_size=2))
@example([{"id": "a", "text": "x", "context": "y"}, {"id": "b", "text": "x"}], [])
def test_documents_read_at_once_are_what_careful_reading_gives(way, records, sample):
    block = block_of([json.dumps(record).encode() for record in records])
    format = FORMATS["documents"]
    assert_careful_reading(way, block, ReadPlan(format, format.schema([*sample, *records])))


@WAYS
@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            st.none() | st.floats(allow_nan=False, allow_infinity=False),
            st.none() | st.integers(-(10**18) + 1, 10**18 - 1),
            st.none() | st.booleans(),
            st.none() | st.lists(st.none() | st.text('aé中😀\n"\\', max_size=3)),
        )
    ),
    st.booleans(),
)
@example([("x" * 100 + "\u2028" + "y" * 100, 1.7976931348623157e308, 0, None, None)], True)
@example([("𝄞", 5e-324, -0, True, []), (None, -0.0, None, False, [None])], True)
def test_values_are_read_as_python_wrote_them(way, rows, ascii):
    names = ["text", "x", "k", "flag", "items"]
    records = [dict(zip(names, row, strict=True)) for row in rows]
    kinds = [pa.string(), pa.float64(), pa.int64(), pa.bool_(), pa.list_(pa.string())]
    data = "".join(json.dumps(record, ensure_ascii=ascii) + "\n" for record in records).encode()
    with by(way):
        table = jsonl.parse(data, pa.schema(zip(names, kinds, strict=True)))
    if table is None:  # Arrow reads nothing of nothing
        assert not records
    else:
        table.validate(full=True)
        assert repr(table.to_pylist()) == repr(records)


@WAYS
def test_what_is_no_json_number_or_string_is_refused(way):
    cases = [
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x10",
        "1_0",
        "NaN",
        "Infinity",
        "-",
        "1e999",
        "tru",
        '"\\ud800"',
        '"\\x41"',
        '"\x01"',
        "{}",
    ]
    for written in cases:
        with case(written):
            kind = pa.string() if written[0] == '"' else pa.float64()
            with by(way):
                assert jsonl.parse(f'{{"a": {written}}}\n'.encode(), pa.schema([("a", kind)])) is None


# -- two ways of reading tables --------------------------------------------------------------------------------------

WORDS = st.none() | st.sampled_from(["", "x", "é 漢 🙂", "0", "a\0b", "2023-02-07T17:29:24+00:00"])
WHOLE = st.none() | st.integers(0, 100)
REAL = st.none() | st.sampled_from([0.0, -0.0, 0.5, 1.0, 100.0])
DATES = st.none() | st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1))
TYPES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    *(
        (kind, WORDS)
        for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()))
    ),
    *((kind, WHOLE) for kind in (pa.int8(), pa.int32(), pa.int64(), pa.uint8(), pa.uint64())),
    *((kind, REAL) for kind in (pa.float32(), pa.float64())),
    (pa.bool_(), st.none() | st.booleans()),
    *((pa.timestamp(unit), DATES) for unit in ("s", "ms", "us", "ns")),
    *((pa.timestamp(unit, "UTC"), DATES.map(lambda d: d and d.replace(tzinfo=UTC))) for unit in ("s", "us")),
    (pa.date32(), st.none() | st.dates()),
    (pa.binary(), st.none() | st.binary(max_size=3)),
    (pa.null(), st.none()),
]


def lists(kind: pa.DataType, value: st.SearchStrategy[Any]) -> list[tuple[pa.DataType, st.SearchStrategy[Any]]]:
    many = st.lists(value, max_size=3)
    return [(pa.list_(kind), many), (pa.list_(kind), st.none() | many), (pa.large_list(kind), st.none() | many)]


@st.composite
def structs(draw: st.DrawFn, members: dict[str, list[tuple[pa.DataType, st.SearchStrategy[Any]]]]) -> Any:
    """Draw a type with some or all of these members, and what its values may be."""
    names = draw(st.sampled_from([list(members)] * 4 + [list(members)[:-1], list(members)[:0], [*members, "more"]]))
    chosen = {name: draw(st.sampled_from(members.get(name, TYPES))) for name in names}
    value = st.fixed_dictionaries({name: values for name, (_, values) in chosen.items()})
    return pa.struct([(name, kind) for name, (kind, _) in chosen.items()]), st.none() | value


STRINGS_, WHOLES_ = TYPES[:4], [*TYPES[4:11]]
NAMES_ = [pair for kind, value in STRINGS_[:3] for pair in lists(kind, value)]
COUNTS_ = [pair for kind, value in TYPES[4:12] for pair in lists(kind, value)]
COUNTED = st.one_of(
    structs({"name": NAMES_, "value": COUNTS_, "count": COUNTS_}),
    structs({"name": NAMES_, "count": COUNTS_}),
    st.sampled_from(TYPES),
)


@st.composite
def maps(draw: st.DrawFn) -> Any:
    one = structs({"value": WHOLES_, "count": WHOLES_})
    kind, value = draw(st.one_of(one, st.sampled_from(WHOLES_)))
    names = draw(st.lists(st.sampled_from(["spam", "quality", "humor", "name"]), unique=True))
    return pa.struct([(name, kind) for name in names]), st.none() | st.fixed_dictionaries(dict.fromkeys(names, value))


@st.composite
def listed(draw: st.DrawFn) -> Any:
    kind, value = draw(structs({"name": STRINGS_, "value": WHOLES_, "count": WHOLES_}))
    return pa.list_(kind), st.none() | st.lists(value, max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Draw some columns of messages, each in some type."""
    n = draw(st.integers(1, 4))
    columns = {}
    for name in draw(st.lists(st.sampled_from([n for n in FIELDS if n.isidentifier()]), min_size=1, unique=True)):
        counted = name in ("labels", "emojis")
        scores = structs({"toxicity": WHOLES_, "obscene": WHOLES_})
        kinds = (
            st.one_of(COUNTED, maps(), listed())
            if counted
            else scores
            if name == "detoxify"
            else st.sampled_from(TYPES)
        )
        kind, value = draw(kinds)
        columns[name] = pa.array(draw(st.lists(value, min_size=n, max_size=n)), kind)
    start = draw(st.integers(0, n))
    return pa.table(columns).slice(start)


@settings(max_examples=200)
@given(tables())
def test_columns_read_at_once_are_what_careful_reading_gives(table):
    plan = ReadPlan(FORMATS["oasst_messages"], None)
    block = Block(Source(Path("data.parquet"), "data.parquet"), table, 1)
    fast = parsing._parse_table(block, plan)
    records, faults = table_records(table)
    assert faults == []
    slow = parsing._parse_records(list(enumerate(records, 1)), [], block, plan)
    event(f"{'some' if slow.faults.num_rows else 'no'} faults")
    assert fast.messages.equals(slow.messages), (shown(fast.messages), shown(slow.messages))
    assert fast.faults.to_pylist() == slow.faults.to_pylist()
