"""Rules on what messages have besides their text, on ends of pairs, and on trees that occur twice."""

from pathlib import Path
from typing import Any

from building import audit, calling, flagged, message, nest, result, turns, uid
from cases import case
from chataudit.audit.reading.formats.faults import Row
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.record import Record


def audited(folder: Path, records: list[Any]) -> Record:
    record = audit(folder, records, SchemaInvariants())
    assert record.facts.checks[0].error is None
    return record


def found(folder: Path, *said: Row | str, **more: Any) -> list[tuple[str, str]]:
    """Return (rule, message id) of all findings in one conversation, whose messages are chat, chat#2, chat#3, ..."""
    return flagged(audited(folder, [{"id": "chat", "messages": turns(*said), **more}]))


def summaries(record: Record, rule: str) -> list[str]:
    return [row["summary"] for row in record.table.to_pylist() if row["rule"] == f"schema_invariants/{rule}"]


# -- calls and results -------------------------------------------------------------------------------------------------


def test_a_call_needs_a_result_if_the_conversation_goes_on(tmp_path):
    for said, lost in [
        ([calling("a")], []),  # the call is the answer
        ([calling("a"), "user: Well?"], ["unanswered_thread"]),
        ([calling("a"), "user: Well?", "assistant: Yes"], ["unanswered_call"]),
        ([calling("a", "b"), result("b"), "assistant: Yes"], ["unanswered_call"]),
        ([calling("a", "b"), result("b"), result("a"), "assistant: Yes"], []),
        ([calling("a", "b"), result("b"), result(), "assistant: Yes"], []),
        ([calling("a"), calling("b"), result("b"), result("a"), "assistant: Yes"], []),
        ([calling(None), "user: It is noon", "assistant: Yes"], []),  # the user may have run it
        ([calling(None, None), result(), "assistant: Yes"], []),
    ]:
        with case(said, lost):
            assert [rule for rule, _ in found(tmp_path, "user: Why?", *said)] == lost


def test_a_call_without_a_result_is_named(tmp_path):
    said = turns("user: Why?", calling("a", "b", "b2"), result("b"), "assistant: Because")
    record = audited(tmp_path, [{"id": "chat", "messages": said}])
    assert flagged(record) == [("unanswered_call", "chat#2")] * 2
    assert sorted(summaries(record, "unanswered_call")) == ["Call 'a' has no result", "Call 'b2' has no result"]


def test_a_text_and_the_call_behind_it_are_one_turn(tmp_path):
    assert found(tmp_path, "user: Why?", "assistant: I look", calling("a"), result("a"), "assistant: So") == []
    assert found(tmp_path, "user: Why?", "assistant: I look", "assistant: So") == [("role_alternation", "chat#3")]


def test_a_result_that_the_user_follows_is_noted(tmp_path):
    assert found(tmp_path, "user: Why?", calling("a"), result("a"), "user: And?", "assistant: So") == [
        ("unused_result", "chat#3")
    ]


def test_an_empty_result_is_a_result(tmp_path):
    assert found(tmp_path, "user: Why?", calling("a"), result("a", text=""), "assistant: So") == []
    assert found(tmp_path, "user: Why?", calling(None), result(text=" "), "assistant: So") == []


def test_a_repeated_id_of_calls_is_reported_once_for_each_id(tmp_path):
    said = turns("user: Why?", calling("a", "a", "b", "a", "b"), result("a"), result("b"), "assistant: So")
    record = audited(tmp_path, [{"id": "chat", "messages": said}])
    assert flagged(record) == [("repeated_call_id", "chat#2")] * 2
    assert sorted(summaries(record, "repeated_call_id")) == ["2 calls have the id 'b'", "3 calls have the id 'a'"]
    apart = [calling("a"), result("a"), "assistant: So", "user: Again", calling("a"), result("a")]
    assert found(tmp_path, "user: Why?", *apart, "assistant: So") == []


def test_a_tool_is_declared_by_the_record_or_by_a_message(tmp_path):
    said = ("user: Why?", calling("a"), result("a"), "assistant: So")
    for tools, rules in [
        ([{"name": "look_up"}], []),
        ([{"name": "functions.look_up"}], []),
        ([{"name": "other"}], [("undeclared_tool", "chat#2")]),
        ([{"schema": {}}], []),  # a tool without a name may be any
        ([], []),
        (None, []),
    ]:
        with case(tools):
            assert found(tmp_path, *said, tools=tools) == rules
    system = {"role": "system", "content": "Be kind", "tools": [{"name": "other"}]}
    assert found(tmp_path, system, *said) == [("undeclared_tool", "chat#3")]


# -- reasoning and media -----------------------------------------------------------------------------------------------


def test_reasoning_alone_is_no_answer(tmp_path):
    for answer in (
        {"content": "", "reasoning_content": "Hm"},
        {"content": None, "reasoning_content": "Hm"},
        {"content": [{"type": "thinking", "thinking": "Hm"}]},
        {"content": "<think>Hm</think>\n"},
        {"content": "<think></think>"},
    ):
        with case(answer):
            record = audited(
                tmp_path, [{"id": "chat", "messages": turns("user: Why?", {"role": "assistant", **answer})}]
            )
            assert flagged(record) == [("empty_text", "chat#2")]
            assert summaries(record, "empty_text") == ["Only reasoning, no answer"]
    assert found(tmp_path, "user: Why?", "assistant: <think>Hm</think>So") == []
    assert found(tmp_path, "user: Why?", calling("a") | {"reasoning": "Hm"}, result("a"), "assistant: So") == []


def test_reasoning_that_is_never_closed_is_one_finding(tmp_path):
    assert found(tmp_path, "user: Why?", "assistant: <think>Hm") == [("open_reasoning", "chat#2")]
    assert found(tmp_path, "user: <think>Why?", "assistant: So") == []


def test_answers_that_differ_in_their_reasoning_or_media_are_two(tmp_path):
    asked = turns("user: Why?")
    image = [{"type": "text", "text": "So"}, {"type": "image"}]
    for other, rules in [
        ({"content": "So"}, [("same_pair", "pair#rejected")]),
        ({"content": "So", "reasoning": "Hm"}, []),
        ({"content": image}, []),
    ]:
        with case(other):
            sides = {"chosen": turns("assistant: So"), "rejected": [{"role": "assistant", **other}]}
            assert flagged(audited(tmp_path, [{"id": "pair", "prompt": asked, **sides}])) == rules


# -- pairs that end with a prompt --------------------------------------------------------------------------------------


def test_a_pair_that_ends_with_prompts_is_one_finding(tmp_path):
    shared = turns("user: Why?", "assistant: So")
    sides = {"chosen": turns("user: And?"), "rejected": turns("user: Well?")}
    record = audited(tmp_path, [{"id": "pair", "prompt": shared, **sides}])
    assert flagged(record) == [("pair_end", "pair#rejected")]
    assert summaries(record, "pair_end") == ["Both sides end with a prompt, without an answer"]


def test_a_fault_that_both_sides_share_is_one_finding(tmp_path):
    start = [{"role": "user", "content": None}]
    sides = {"chosen": [*start, *turns("assistant: So")], "rejected": [*start, *turns("assistant: No")]}
    assert flagged(audited(tmp_path, [{"id": "pair", **sides}])) == [("missing_field", "pair")]


# -- trees that occur twice --------------------------------------------------------------------------------------------


def test_a_tree_that_occurs_again_is_one_finding(tmp_path):
    tree = [message("a"), message("b", "a"), message("c", "a")]
    for records in (tree * 2, [*tree, *tree[::-1]], [nest(tree)] * 2, [*tree[:2], *tree, tree[2]]):
        with case(records):
            record = audited(tmp_path, records)
            assert flagged(record) == [("duplicate_tree", uid("a"))]
            assert summaries(record, "duplicate_tree") == ["The whole tree (3 messages) is already at line 1"]
    assert flagged(audited(tmp_path, tree * 3)) == [("duplicate_tree", uid("a"))] * 2
    assert flagged(audited(tmp_path, [*tree, *tree[:2]])) == sorted(("duplicate_id", uid(name)) for name in "ab")


def test_a_record_id_that_occurs_again_is_one_finding(tmp_path):
    chat = {"id": 1, "messages": turns("user: Why?", "assistant: So")}
    other = {"id": "1", "messages": turns("user: Why?", "assistant: So", "user: And?", "assistant: No")}
    assert flagged(audited(tmp_path, [chat, other, {**chat, "id": 1.0}])) == [("duplicate_id", "1")] * 2


# -- one fault, one finding --------------------------------------------------------------------------------------------


def test_a_value_that_could_not_be_read_is_not_missing_as_well(tmp_path):
    for said, rule in [
        ({"role": "assistant", "content": 5}, "mistyped_field"),
        ({"role": "assistant", "content": None}, "missing_field"),
        ({"role": "assistant"}, "missing_field"),
        ({"content": "So"}, "missing_field"),
        ({"role": 5, "content": "So"}, "mistyped_field"),
        ({"role": "assistant", "content": ""}, "empty_text"),
    ]:
        with case(said):
            assert found(tmp_path, "user: Why?", said) == [(rule, "chat#2")]
