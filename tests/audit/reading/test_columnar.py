"""Whole conversations in columns: the same, message for message, as records read one by one."""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cases import case
from chataudit.audit.reading import parse as parsing
from chataudit.audit.reading.blocks.block import Block, Source
from chataudit.audit.reading.formats import FORMATS, MAPPING, Row, Spec, known, templates
from chataudit.audit.reading.formats.columnar import has_calls, may_be_rendered
from chataudit.audit.reading.formats.columns import columns_of
from chataudit.audit.reading.formats.records import Records
from chataudit.audit.reading.parse import Parsed, parse
from chataudit.audit.reading.recognise import ReadPlan, planned
from hypothesis import given, settings
from hypothesis import strategies as st

SOURCE = Source(Path("data.jsonl"), "data.jsonl")
LANGUAGES = ("lang", "metadata.lang")


class OneByOne(Records):
    """The same formats without columns."""

    def arrange(self, table: pa.Table, places: Callable[[], pa.Array]) -> Any:
        raise pa.ArrowInvalid("read one by one")


def plan_of(main: str, sample: Sequence[Row], spec: Spec | None = None) -> ReadPlan:
    plan = planned(main, known(spec), LANGUAGES)
    return replace(plan, schema=plan.format.schema(sample))


def tried_in_columns(main: str, sample: Sequence[Row], spec: Spec | None = None) -> ReadPlan:
    """Return a plan with columns, however many of these records are odd."""
    return replace(planned(main, known(spec), LANGUAGES), schema=columns_of({}, sample))


def lines(records: Sequence[Row]) -> Block:
    return Block(SOURCE, b"".join(json.dumps(record).encode() + b"\n" for record in records), 5)


def rows_read_singly(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the line of each record that is not read in columns."""
    seen: list[int] = []
    real = parsing._parse_records

    def parse_records(records: Any, *others: Any) -> Parsed:
        seen.extend(line for line, _ in records)
        return real(records, *others)

    monkeypatch.setattr(parsing, "_parse_records", parse_records)
    return seen


def both_agree(block: Block, plan: ReadPlan) -> None:
    format = plan.format
    assert isinstance(format, Records)
    ours = parse(block, plan)
    singly = parse(block, replace(plan, format=OneByOne(format.formats, format.main, format.languages)))
    assert ours.messages.to_pylist() == singly.messages.to_pylist()
    assert ours.messages.schema == singly.messages.schema
    by_line = ["line", "kind", "detail"]
    assert ours.faults.sort_by([(n, "ascending") for n in by_line]) == singly.faults.sort_by(
        [(n, "ascending") for n in by_line]
    )
    assert ours.fields == singly.fields
    assert (ours.records, ours.chars) == (singly.records, singly.chars)


# -- what is read in columns -----------------------------------------------------------------------------------------


def test_usual_records_of_the_usual_formats_are_read_in_columns(monkeypatch):
    said = [{"role": "user", "content": "Which river is it?"}, {"role": "assistant", "content": "The Loire."}]
    shared = [{"from": "human", "value": "Which river is it?"}, {"from": "gpt", "value": "The Loire."}]
    thought = [said[0], {"role": "assistant", "content": "<think>It is long.</think>The Loire."}]
    chat = [{"content": t["content"], "role": t["role"], "turn": k, "toxic": False} for k, t in enumerate(said)]
    for name, record in (
        ("messages", {"messages": said}),
        ("messages", {"messages": said, "id": 7, "lang": "English", "split": "train", "score": 0.5}),
        ("messages", {"system": "Answer in one word.", "messages": said}),
        ("messages", {"messages": thought, "metadata": {"lang": "fr"}}),
        ("sharegpt", {"id": "a", "conversations": shared}),
        ("sharegpt", {"conversation_hash": "a", "conversation": chat, "model": "m", "language": "English"}),
        ("instructions", {"instruction": "Name a river in this country.", "input": "France", "output": "The Loire."}),
        ("instructions", {"system_prompt": "Be brief.", "question": "Which river?", "response": "The Loire."}),
        ("instructions", {"question": "Which river?", "answer": "<think>It is long.</think>The Loire."}),
        ("prompted_texts", {"prompt": "Write about a river.", "text": "The Loire is in no hurry."}),
        ("prompts", {"prompt": "Name a river."}),
        ("documents", {"id": "d", "text": "The Loire is long.", "lang": "en", "meta": {"url": "example.org"}}),
        ("documents", {"content": "The Loire.", "context": "Which river is it?", "license": "mit"}),
    ):
        with case(name, record), monkeypatch.context() as patch:
            singly = rows_read_singly(patch)
            assert parse(lines([record] * 3), plan_of(name, [record])).records == 3
            parse(Block(SOURCE, pa.Table.from_pylist([record] * 3), 1), plan_of(name, [record]))
            assert singly == []


def test_a_record_out_of_the_ordinary_is_read_on_its_own_and_keeps_its_place(monkeypatch):
    turns = [{"role": "user", "content": "Which river?"}, {"role": "assistant", "content": "The Loire."}]
    odd = [turns[0], {"role": "assistant", "content": "<tool_call>{}</tool_call>"}]
    records = [{"messages": turns}, {"messages": turns}, {"messages": odd}, {"messages": turns}]
    singly = rows_read_singly(monkeypatch)
    parsed = parse(lines(records), plan_of("messages", records))
    assert singly == [7]
    assert parsed.messages["line"].to_pylist() == [5, 5, 6, 6, 7, 7, 8, 8]
    assert [n is not None for n in parsed.messages["calls"].to_pylist()] == [False] * 5 + [True] + [False] * 2


def test_records_that_share_a_line_keep_their_order():
    turns = [{"role": "user", "content": "Which river?"}, {"role": "assistant", "content": "The Loire."}]
    records = [{"id": "a", "messages": turns}, {"id": "b", "messages": []}, {"id": "c", "messages": turns}]
    block = lines(records)._replace(lines=pa.array([1, 1, 1]).to_numpy())
    parsed = parse(block, plan_of("messages", records))
    assert parsed.messages["message_id"].to_pylist() == ["a", "a#2", "c", "c#2"]


def test_mostly_odd_records_are_not_tried_in_columns():
    call = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
    records = [{"messages": [{"role": "user", "content": "Which?"}, call]}] * 3
    assert plan_of("messages", records).schema is None


# -- both ways are one -----------------------------------------------------------------------------------------------

PLAIN = (
    "Which river is it?",
    "The Loire.",
    "",
    "user",
    "a",
    "C'est la Loire, je crois.",
    "ロワール川です",
    " ",
    "id-1",
)
ODD = (
    *("<think>It is long.</think>The Loire.", " <think>never closed", "<tool_call>{}</tool_call>", "[TOOL_CALLS][]"),
    *(
        '{"a": "The longest river in France"}',
        '["Which river is it?"]',
        "User: Which?\nAssistant: The Loire.",
        "[1",
        '["a"]',
    ),
    *("<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\nThe Loire.<|im_end|>\n", "SYSTEM: Be very brief now"),
    *("Note: the river that is longest", "\x1c{}", "[INST] Which? [/INST] The Loire.", "Nobody has read these words"),
    '["a"]',
)
texts = st.sampled_from(PLAIN) | st.sampled_from((*PLAIN, *ODD))
often_texts = st.one_of(texts, texts, texts, st.none())
roles = st.sampled_from(("user", "assistant", "assistant", "system", "gpt", "human", "User", "tool", "narrator"))
rarely = st.sampled_from((False,) * 7 + (True,))


@st.composite
def some(draw: Any, fields: dict[str, st.SearchStrategy[Any]]) -> Row:
    """Draw a few of these fields."""
    return {name: draw(values) for name, values in fields.items() if draw(rarely)}


SHARED = {
    "id": st.sampled_from(("a", "b", "Which river is it?", "", None)),
    "lang": st.sampled_from(("en", "English", "python", "", "fr_FR", None)),
    "metadata": st.sampled_from(({"lang": "de"}, {"lang": None}, None)),
    "split": st.sampled_from(("train", None)),
    "system": often_texts,
    "notes": often_texts,
    "tags": st.lists(texts, max_size=2),
    "completion": often_texts,
    "text": often_texts,
    "prompt": often_texts,
    "input": often_texts,
    "history": st.none(),
    "chosen": often_texts,
    "tools": st.sampled_from((None, "[]")),
    "label": st.sampled_from((None, True)),
    "images": st.sampled_from((None, "x.png")),
}
BESIDE = {
    "reasoning": often_texts,
    "type": st.sampled_from(("text", "reasoning", None)),
    "name": st.sampled_from(("Ann", None)),
    "weight": st.sampled_from((0.0, 2.0, None)),
    "channel": st.sampled_from(("analysis", None)),
    "tool_call_id": st.sampled_from(("1", None)),
    "author": st.sampled_from(("user", None)),
}


def turn(role: str, text: str) -> st.SearchStrategy[Row]:
    plain = st.fixed_dictionaries({role: roles, text: texts})
    odd = st.fixed_dictionaries({role: st.none() | roles, text: often_texts})
    more = st.builds(lambda a, b: a | b, odd, some(BESIDE))
    return rarely.flatmap(lambda is_odd: more if is_odd else plain)


def turns(role: str, text: str) -> st.SearchStrategy[list[Row]]:
    one = turn(role, text)
    return rarely.flatmap(lambda is_odd: st.lists(one, max_size=2) if is_odd else st.lists(one, min_size=1, max_size=4))


BODIES = {
    "messages": st.fixed_dictionaries({"messages": turns("role", "content")}),
    "sharegpt": st.fixed_dictionaries({"conversations": turns("from", "value")}),
    "instructions": st.fixed_dictionaries({"instruction": often_texts, "input": often_texts, "output": often_texts}),
    "prompts": st.fixed_dictionaries({"prompt": often_texts}),
    "documents": st.fixed_dictionaries({"text": often_texts}),
}


@st.composite
def files(draw: Any) -> tuple[str, list[Row], list[Row]]:
    """Draw the format of a file, its first records, and all of them."""
    name = draw(st.sampled_from(list(BODIES)))
    more = {field: values for field, values in SHARED.items() if draw(rarely)}
    record = st.builds(lambda a, b: b | a, BODIES[name], some(more))
    first = draw(st.lists(record, min_size=2, max_size=12))
    other = st.one_of(*BODIES.values(), st.builds(lambda a, b: b | a, BODIES[name], some(SHARED)))
    return name, first, [*first, *draw(st.lists(record | other, max_size=6))]


@settings(max_examples=500, deadline=None)
@given(files())
def test_lines_give_the_same_messages_faults_and_fields_either_way(file):
    name, first, records = file
    plan = tried_in_columns(name, first)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "CAREFUL", 1)
        both_agree(lines(records), plan)


@settings(max_examples=300, deadline=None)
@given(files())
def test_tables_give_the_same_messages_faults_and_fields_either_way(file):
    name, first, _ = file
    try:
        table = pa.Table.from_pylist(first)
    except pa.ArrowException:  # no table has such records
        return
    both_agree(Block(SOURCE, table, 1), plan_of(name, first))


def test_odd_records_give_the_same_either_way():
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which river?"}]
    plain = {"messages": turns}
    for name, records in (
        ("messages", [plain, {"messages": turns, "system": "Be brief."}, {"messages": turns, "system": "Be kind."}]),
        ("messages", [plain | {"id": key} for key in (1, 2.0, 2.5, None)]),
        ("messages", [plain | {"id": key} for key in (True, False)]),
        ("messages", [plain | {"messages": [*turns, None]}, plain | {"messages": None}, plain]),
        ("messages", [plain | {"tags": {"1": "Nobody has read these", "2": "Nor has anybody read these words"}}] * 2),
        ("messages", [plain | {"url": "a", "mapping": None}, plain]),
        (
            "instructions",
            [{"instruction": "Which?", "output": "The Loire.", "context": c} for c in ("", "In a b c", None)],
        ),
        ("instructions", [{"input": "Which?", "output": "The Loire."}, {"question": "Which?", "output": "It is."}]),
        ("instructions", [{"instruction": t, "input": "France", "output": t} for t in ("", " ", "[]", "{", "A chat")]),
        ("documents", [{"text": "The Loire.", "content": "Which?"}, {"text": None, "content": "The Loire."}]),
        ("documents", [{"text": "The Loire.", "context": {"a": "b"}}, {"text": "The Loire."}]),
        ("documents", [{"text": "Human: Which?\n\nAssistant: The Loire."}, {"text": "The Loire.", "id": ""}]),
    ):
        with case(name, records), pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing, "CAREFUL", 1)
            both_agree(lines(records), tried_in_columns(name, records))
            with suppress(pa.ArrowException):  # no table has some of them
                both_agree(Block(SOURCE, pa.Table.from_pylist(records), 1), tried_in_columns(name, records))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.builds(lambda a, b: b | a, BODIES["messages"], some(SHARED)), min_size=1, max_size=8))
def test_a_mapping_gives_the_same_either_way(records):
    spec = Spec(turns="messages", role="role", text="content", roles={"narrator": "system"}, system="notes")
    both_agree(lines(records), tried_in_columns(MAPPING, records, spec))


# -- what columns know of marks --------------------------------------------------------------------------------------


def test_every_template_is_found_in_a_column():
    examples = [f"\ufeff \n{example}" for example in templates.EXAMPLES.values()]
    for text in (*examples, *templates.EXAMPLES.values()):
        with case(text):
            assert may_be_rendered(pa.array(["The Loire.", text])).tolist() == [False, templates.read(text) is not None]


def test_every_mark_of_a_call_is_found_in_a_column():
    for mark in ("<tool_call>", "<functioncall>", "[TOOL_CALLS]", "<|python_tag|>", "<function=look_up>"):
        with case(mark):
            column = pa.array(["x < y [1]", f"It is {mark}{{}}", "<t", None, mark])
            assert has_calls(column).tolist() == [False, True, False, False, True]
            assert has_calls(column.slice(2)).tolist() == [False, False, True]


def test_formats_that_need_more_than_texts_and_turns_have_no_columns():
    for name, format in FORMATS.items():
        if name in ("preferences", "labelled_answer", "rated_answers", "steps", "exchanges", "transcripts"):
            with case(name):
                assert plan_of(name, [json.loads(format.example)]).schema is None
