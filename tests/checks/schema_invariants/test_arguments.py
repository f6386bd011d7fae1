"""Arguments of calls against declared schemas, which are as hostile as all data."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from building import audit, flagged, turns
from cases import case
from chataudit.checks.schema_invariants import arguments
from chataudit.checks.schema_invariants.arguments import fault_by
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.record import Record

STRING, NUMBER = {"type": "string"}, {"type": "integer"}
SUM = {
    "type": "object",
    "properties": {"a": NUMBER, "b": NUMBER},
    "required": ["a", "b"],
    "additionalProperties": False,
}


def fault(schema: Any, given: Any, **more: Any) -> str | None:
    """Return the fault of arguments; None if the declaration has no schema that can be used."""
    by = fault_by(json.dumps({"type": "function", "function": {"name": "f", "parameters": schema}, **more}))
    return None if by is None else by(given if isinstance(given, str) else json.dumps(given))


def test_arguments_that_break_a_schema_are_described():
    unit = {"type": "object", "properties": {"unit": {"enum": ["c", "f"]}, "at": SUM, "n": {"maximum": 3}}}
    for schema, given, expected in [
        (SUM, {"a": 1, "b": 2}, ""),
        (SUM, {"a": 1.0, "b": 2}, ""),
        (SUM, {"a": 1}, "b is missing"),
        (SUM, {"a": 1, "b": 2, "c": 3}, "c is not a parameter"),
        (SUM, {"a": "1", "b": 2}, "a is a string; expected integer"),
        (SUM, {"a": None, "b": 2}, "a is null; expected integer"),
        (SUM, {"a": True, "b": 2}, "a is a boolean; expected integer"),
        (SUM, "", "a is missing"),
        (SUM, "two and three", "the arguments are not JSON; expected an object"),
        (SUM, [1, 2], "the arguments are a list; expected an object"),
        (unit, {"unit": "k"}, 'unit is "k"; expected "c" or "f"'),
        (unit, {"at": {"a": 1}}, "at.b is missing"),
        (unit, {"at": {"a": 1, "b": 2, "c": 3}}, "at.c is not a parameter"),
        (unit, {"n": 4}, "n does not satisfy maximum"),
        (
            {"type": "object", "properties": {"a": {"type": ["string", "null"]}}},
            {"a": 1},
            "a is a number; expected string or null",
        ),
        ({"type": "object", "minProperties": 1}, {}, "the whole does not satisfy minProperties"),
        ({"$ref": "#/$defs/s", "$defs": {"s": SUM}}, {"a": 1}, "b is missing"),
    ]:
        with case(schema, given):
            assert fault(schema, given) == expected


@pytest.mark.parametrize("name", ["parameters", "input_schema", "inputSchema"])
def test_schemas_are_found_where_providers_write_them(name):
    by = fault_by(json.dumps({"name": "f", name: SUM}))
    assert by is not None
    assert by('{"a": 1}') == "b is missing"


def test_what_is_no_json_schema_of_an_object_is_not_used():
    for schema in [
        None,
        "object",
        [],
        {},
        {"a": {"type": "int"}},
        {"type": "objekt"},
        {"type": "object", "required": 3},
    ]:
        with case(schema):
            assert fault(schema, {"x": 1}) is None
    assert fault_by("[]") is fault_by('"f"') is fault_by('{"function": 3}') is None


def test_a_schema_names_nothing_outside_of_itself():
    for where in ["https://example.org/schema.json", "file:///etc/passwd", "other#/$defs/x"]:
        assert fault({"type": "object", "properties": {"a": {"$ref": where}}}, {"a": 1}) == ""


def test_a_pattern_of_the_data_is_not_run():
    slow = {"type": "object", "properties": {"a": {"pattern": "^(x+x+)+y$"}}, "patternProperties": {"^(x+x+)+y$": {}}}
    began = time.process_time()
    assert fault(slow, {"a": "x" * 40, "x" * 40: 1}) == ""
    assert time.process_time() - began < 1


def test_definitions_that_name_one_another_twice_end():
    doubled = {f"d{k}": {"anyOf": [{"$ref": f"#/$defs/d{k + 1}"}] * 2} for k in range(40)} | {"d40": STRING}
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/d0"}}, "$defs": doubled}
    began = time.process_time()
    assert fault(schema, {"a": 1}) == ""
    assert fault({"type": "object", "$ref": "#"}, {"a": 1}) == ""
    assert time.process_time() - began < 5


def test_deep_and_long_data_are_left_alone():
    deep = "[" * 100_000
    assert fault(SUM, deep) in ("", "the arguments are not JSON; expected an object")
    assert fault(SUM, " " * (arguments.MAX_LENGTH + 1)) == ""
    assert fault_by(json.dumps({"parameters": SUM, "x": "x" * arguments.MAX_LENGTH})) is None


def test_long_names_and_values_of_the_data_are_clipped():
    for given in ({"x" * 1000: 1, "a": 1, "b": 2}, {"a": 1}):
        assert len(fault(SUM | {"required": ["y" * 1000]}, given) or "") < 200


# -- in conversations ------------------------------------------------------------------------------------------------


def audited(folder: Path, records: list[Any]) -> Record:
    record = audit(folder, records, SchemaInvariants())
    assert record.facts.checks[0].error is None
    return record


def call(written: str | None, name: str = "sum") -> dict[str, Any]:
    function = {"name": name, "arguments": written}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": "k", "type": "function", "function": function}]}


def conversation(*said: Any) -> dict[str, Any]:
    tools = [{"type": "function", "function": {"name": "sum", "parameters": SUM}}]
    return {"id": "chat", "messages": turns("user: Add", *said), "tools": tools}


RESULT = {"role": "tool", "tool_call_id": "k", "content": "5"}


def test_a_call_that_breaks_its_schema_is_one_finding(tmp_path):
    record = audited(tmp_path, [conversation(call('{"a": 2}'), RESULT, "assistant: 5")])
    assert flagged(record) == [("call_arguments", "chat#2")]
    assert record.table["summary"].to_pylist() == ["Call of 'sum': b is missing"]


def test_other_calls_are_not_compared(tmp_path):
    for written, name, rule in [
        ('{"a": 2, "b": 3}', "sum", None),
        ('{"a": 2, "b": 3}', "functions.sum", None),
        ('{"a": 2', "sum", "call_format"),  # damaged, which is one fault
        (None, "sum", None),
        ('{"c": 3}', "other", "undeclared_tool"),
    ]:
        with case(written, name):
            found = flagged(audited(tmp_path, [conversation(call(written, name), RESULT, "assistant: 5")]))
            assert found == ([(rule, "chat#2")] if rule else [])


def test_two_results_of_one_call_are_one_finding(tmp_path):
    said = (call('{"a": 2, "b": 3}'), RESULT, RESULT, RESULT, "assistant: 5")
    record = audited(tmp_path, [conversation(*said)])
    assert flagged(record) == [("tool_result", "chat#4")]
    assert record.table["summary"].to_pylist() == ["Tool result answers the call 'k' again"]


def test_a_call_with_an_answer_in_place_of_its_result_is_one_finding(tmp_path):
    said = (call('{"a": 2, "b": 3}'), "assistant: 5")
    assert flagged(audited(tmp_path, [conversation(*said)])) == [("unanswered_call", "chat#2")]
    assert flagged(audited(tmp_path, [conversation(call('{"a": 2, "b": 3}'))])) == []


# -- several in a row ------------------------------------------------------------------------------------------------


def test_prompts_in_a_row_are_one_note_in_a_chat(tmp_path):
    record = audited(tmp_path, [{"id": "chat", "messages": turns(*["user: Hi"] * 4, "assistant: Hello")}])
    assert flagged(record) == [("successive_prompts", "chat#2")]
    assert record.table["severity"].to_pylist() == [1]


def test_answers_in_a_row_are_one_warning_in_a_chat(tmp_path):
    record = audited(tmp_path, [{"id": "chat", "messages": turns("user: Hi", *["assistant: Hello"] * 3)}])
    assert flagged(record) == [("role_alternation", "chat#3")]
    assert record.table["severity"].to_pylist() == [2]


# -- Harmony, and answers without a text -----------------------------------------------------------------------------


def said_on(channel: str, content: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "channel": channel, "content": content, **more}


def test_what_is_said_before_the_answer_is_one_message_with_it(tmp_path):
    said = (said_on("analysis", "Add them"), said_on("commentary", "I will add."), said_on("final", "5"))
    assert flagged(audited(tmp_path, [{"id": "chat", "messages": turns("user: Add", *said)}])) == []


def test_what_is_sent_to_a_function_is_a_call(tmp_path):
    sent = said_on("commentary", '{"a": 2}', recipient="functions.sum")
    returned = {"role": "tool", "name": "functions.sum", "channel": "commentary", "content": "5"}
    assert flagged(audited(tmp_path, [conversation(sent, returned, said_on("final", "5"))])) == [
        ("call_arguments", "chat#2")
    ]
    rendered = (
        "<|start|>user<|message|>Rain?<|end|><|start|>assistant<|channel|>commentary to=functions.weather"
        '<|constrain|>json<|message|>{"at": "Brest"}<|call|>'
        "<|start|>functions.weather to=assistant<|channel|>commentary<|message|>yes<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Yes<|return|>"
    )
    assert flagged(audited(tmp_path, [{"text": rendered}])) == []


@pytest.mark.parametrize(
    "said",
    [
        {"content": None, "audio": {"id": "a", "transcript": "Hello"}},
        {"content": "", "audio": {"id": "a"}},
        {"content": None, "refusal": "I cannot help."},
    ],
)
def test_an_answer_that_is_spoken_or_refused_is_no_empty_text(tmp_path, said):
    assert flagged(audited(tmp_path, [{"messages": turns("user: Hi", {"role": "assistant", **said})}])) == []


def test_reasoning_before_a_call_of_its_own_is_no_empty_answer(tmp_path):
    said = ("assistant: <think>Use the tool</think>", call('{"a": 2, "b": 3}'), RESULT, "assistant: 5")
    assert flagged(audited(tmp_path, [conversation(*said)])) == []
    assert flagged(audited(tmp_path, [conversation("assistant: <seed:think>Hm</seed:think>")])) == [
        ("empty_text", "chat#2")
    ]
