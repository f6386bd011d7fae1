"""schema_invariants: for each rule, data that break it, and the nearest data that do not."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from building import audit, batch, calling, flagged, message, result, rules_of, turns, uid
from chataudit.audit.reading.formats.faults import Row
from chataudit.audit.run import run
from chataudit.checks.base.examples import Data
from chataudit.checks.base.faults import FaultKind
from chataudit.checks.base.findings import CHECKED, ERROR, NOTE, WARNING
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.checks.schema_invariants.fields import is_language_tag
from chataudit.checks.schema_invariants.rules import FAULT_RULES, RULES
from chataudit.reports.record import Record


def audited(folder: Path, records: list[Any], **settings: Any) -> Record:
    """Audit these records by this check alone, which must not fail."""
    record = audit(folder, records, SchemaInvariants(**settings))
    assert record.facts.checks[0].error is None
    assert not record.facts.errors
    return record


def found(folder: Path, records: list[Any], **settings: Any) -> list[tuple[str, str]]:
    """Return (rule without its check, message id) of all findings in these records, sorted."""
    return flagged(audited(folder, records, **settings))


@contextmanager
def case(*values: Any) -> Iterator[None]:
    """Name the case of a table for which an assertion fails."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the case {values!r}")
        raise


def claims(*pairs: tuple[str, str]) -> list[tuple[str, str]]:
    """Return what `flagged` gives for these rules and short names of messages."""
    return sorted(((rule, uid(name)) for rule, name in pairs), key=str)


def reported(record: Record, rule: str) -> list[dict[str, Any]]:
    """Return the findings of one rule as the record has them, in the order of lines."""
    return [row for row in record.table.to_pylist() if row["rule"] == f"schema_invariants/{rule}"]


def the(record: Record, rule: str) -> dict[str, Any]:
    """Return the only finding of a rule."""
    (finding,) = reported(record, rule)
    return finding


def places(finding: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (message id, quote) of each span, the primary one first."""
    return [(span["id"], span["quote"]) for span in finding["spans"]]


def whole(*names: str) -> list[tuple[str, str]]:
    """Return what `places` gives where the spans are the whole texts of these messages, as `message` makes them."""
    return [(uid(name), f"The text of message {name}") for name in names]


def other(name: str, parent: str | None = None, role: str | None = None, **more: Any) -> Row:
    """Make a message of the tree of x, which is not that of a."""
    return message(name, parent, role, **{"message_tree_id": uid("x"), **more})


def node(name: str, role: str, *replies: Any, **more: Any) -> Row:
    """Make a message as it is nested in a tree."""
    row: Row = {"message_id": uid(name), "text": f"The text of message {name}", "role": role, "lang": "en", **more}
    return {**{k: v for k, v in row.items() if v is not ...}, "replies": list(replies)}


def chat(*said: Row | str, name: str = "chat") -> Row:
    """Make a conversation as one record; its messages are chat, chat#2, chat#3, ..."""
    return {"id": name, "messages": turns(*said)}


def preference(prompt: list[Row], chosen: list[Row], rejected: list[Row]) -> Row:
    """Make a preference pair as one record; the last messages of its sides are pair#chosen and pair#rejected."""
    return {"id": "pair", "prompt": prompt, "chosen": chosen, "rejected": rejected}


ASKED, ANSWER, OTHER = turns("user: Why?", "assistant: Because", "assistant: Nobody knows")


def nested(prompt: Row, **more: Any) -> Row:
    """Make a tree as one record."""
    return {"message_tree_id": uid("a"), "tree_state": "ready_for_export", "prompt": prompt, **more}


# -- clean data ------------------------------------------------------------------------------------------------------


def test_a_thread_of_two_turns_each_passes(tmp_path):
    thread = [message("a"), message("b", "a"), message("c", "b", "prompter"), message("d", "c")]
    record = audited(tmp_path, thread)
    assert flagged(record) == []
    assert [(c.outcome, c.messages) for c in record.facts.checks[0].coverage] == [(CHECKED, 2), (CHECKED, 2)]


def test_rival_answers_pass(tmp_path):
    assert found(tmp_path, [message("a"), message("b", "a"), message("c", "a"), message("d", "a")]) == []


def test_fields_that_are_not_required_may_be_absent(tmp_path):
    required = {"message_id", "parent_id", "message_tree_id", "role", "lang", "text"}
    bare = [{k: v for k, v in row.items() if k in required} for row in (message("a"), message("b", "a"))]
    assert found(tmp_path, bare) == []


def test_a_nested_tree_passes(tmp_path):
    tree = nested(node("a", "prompter", node("b", "assistant", node("c", "prompter", node("d", "assistant")))))
    assert found(tmp_path, [tree]) == []


def test_a_batch_without_messages_has_no_findings():
    result = SchemaInvariants().scan(batch([]))
    assert (result.findings.num_rows, result.coverage.num_rows) == (0, 0)
    assert {name: table.num_rows for name, table in result.rows.items()} == {"ids": 0, "parents": 0, "dates": 0}


def test_later_stages_without_rows_have_no_findings():
    _, *later = SchemaInvariants().stages()
    for stage in later:
        assert stage.run(*stage.unpacked(None)).findings.num_rows == 0


# -- the examples of the rules ---------------------------------------------------------------------------------------


def findings_in(folder: Path, data: Data) -> list[tuple[str, str | None]]:
    """Return (rule without its check, message id) of all findings in the data of an example."""
    folder.mkdir()
    record = run(*data.write(folder), checks=[SchemaInvariants()], engine="serial")
    assert record.facts.checks[0].error is None
    assert not record.facts.errors
    return flagged(record)


def test_an_example_breaks_its_rule_once_and_no_other_and_its_neighbour_breaks_none(tmp_path):
    for rule in RULES:
        with case(rule.name):
            ((name, message_id),) = findings_in(tmp_path / rule.name, rule.example.this)
            assert name == rule.name
            assert rule.example.at is None or message_id == rule.example.reported
            assert findings_in(tmp_path / f"not {rule.name}", rule.example.not_this) == []


def test_in_one_release_the_examples_break_each_rule_once(tmp_path):
    data = sum((rule.example.this for rule in RULES), Data())
    assert sorted(name for name, _ in findings_in(tmp_path / "all", data)) == sorted(rule.name for rule in RULES)
    neighbours = sum((rule.example.not_this for rule in RULES), Data())
    assert findings_in(tmp_path / "none", neighbours) == []


def test_no_two_rules_have_a_sentence_of_their_examples_in_common():
    rules_with: dict[str, set[str]] = {}
    for rule in RULES:
        data = rule.example.this
        said = [row["text"] for row in data.messages] + [json.loads(line)["text"] for line in data.raw[:-1] if line]
        said += [turn["content"] for row in data.chats for turn in row.get("prompt") or row.get("messages") or ()]
        said += [turn["value"] for row in data.chats for turn in row.get("conversations") or ()]
        for text in filter(None, said):
            rules_with.setdefault(text, set()).add(rule.name)
    assert {text: names for text, names in rules_with.items() if len(names) > 1} == {}


def test_a_reader_sees_what_makes_an_example_differ_from_its_neighbour():
    assert [rule.name for rule in RULES if rule.example.this.lines() == rule.example.not_this.lines()] == []
    by_name = {rule.name: rule.example.this.lines() for rule in RULES}
    assert by_name["duplicate_id"][-1] == "  assistant: How about Drizzle?  [same id as message 2]"
    assert by_name["dangling_parent"][-1] == "  assistant: Ten minutes if you like it firm.  [its parent is missing]"
    assert by_name["cycle"][2] == "  prompter: From the top or from the bottom?  [its parent is message 4]"
    assert by_name["language_tag"] == [
        "prompter: Is a tomato a fruit?",
        '  assistant: To a botanist, yes.  [lang = "eng lish"]',
    ]


def test_every_fault_of_the_reader_has_a_rule():
    assert set(FAULT_RULES) == set(FaultKind)
    assert set(FAULT_RULES.values()) <= set(RULES)


def test_a_title_survives_being_cut_at_60_characters():
    assert [rule.title for rule in RULES if len(rule.title) > 60] == []


# -- role_alternation ------------------------------------------------------------------------------------------------


def test_an_assistant_that_follows_an_assistant_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "b", "assistant")])
    assert flagged(record) == claims(("role_alternation", "c"))
    finding = the(record, "role_alternation")
    assert finding["summary"] == "Answer follows an answer"
    assert places(finding) == whole("c", "b")
    assert finding["facets"] == [("role", "assistant")]
    assert finding["severity"] == ERROR
    assert finding["line"] == 3


def test_a_prompter_that_follows_a_prompter_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", "prompter"), message("c", "b")])
    assert flagged(record) == claims(("role_alternation", "b"))
    assert the(record, "role_alternation")["summary"] == "Prompt follows a prompt"
    assert the(record, "role_alternation")["facets"] == [("role", "prompter")]


def test_each_of_two_answers_that_repeat_the_role_is_flagged(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "b", "assistant"), message("d", "b", "assistant")]
    assert found(tmp_path, data) == claims(("role_alternation", "c"), ("role_alternation", "d"))


def test_roles_are_compared_with_the_parent_and_not_with_the_line_before(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "a"), message("d", "c", "prompter"), message("e", "d")]
    assert found(tmp_path, data) == []


def test_roles_are_not_compared_with_a_parent_whose_role_is_unknown(tmp_path):
    data = [message("a"), message("b", "a", "system"), message("c", "b", "system"), message("d", "c", "assistant")]
    assert found(tmp_path, data) == claims(("unknown_role", "b"), ("unknown_role", "c"))


# -- root_role -------------------------------------------------------------------------------------------------------


def test_a_conversation_that_an_assistant_starts_is_flagged(tmp_path):
    data = [message("a", role="assistant"), message("b", "a", "prompter"), message("c", "b")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("root_role", "a"))
    assert the(record, "root_role")["summary"] == "Conversation starts with an answer"
    assert the(record, "root_role")["severity"] == ERROR


def test_an_assistant_whose_parent_was_lost_does_not_start_the_conversation(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "gone", "assistant")]
    assert found(tmp_path, data) == claims(("dangling_parent", "c"))


# -- unknown_role ----------------------------------------------------------------------------------------------------


def test_a_role_of_another_name_is_flagged(tmp_path):
    for role in ["system", "user", "Assistant", "assistant ", "", "bot" * 40]:
        with case(role):
            data = [message("a"), message("b", "a"), message("c", "a")]
            data[2]["role"] = role
            record = audited(tmp_path, data)
            assert flagged(record) == claims(("unknown_role", "c"))
            assert the(record, "unknown_role")["severity"] == ERROR


def test_a_role_that_a_chat_does_not_have_is_flagged_and_the_known_ones_are_named(tmp_path):
    record = audited(tmp_path, [chat("user: Hello", "moderator: Be kind", "assistant: Hello")])
    assert flagged(record) == [("unknown_role", "chat#2")]
    assert the(record, "unknown_role")["summary"] == ("Role is 'moderator'; expected user, assistant, system or tool")


def test_an_unknown_role_is_quoted_and_clipped(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", "system"), message("c", "a", "s" * 70)])
    assert [finding["summary"] for finding in reported(record, "unknown_role")] == [
        "Role is 'system'; expected prompter or assistant",
        f"Role is '{'s' * 59}…'; expected prompter or assistant",
    ]


def test_an_answer_or_a_result_right_behind_the_system_message_starts_the_conversation(tmp_path):
    data = [
        chat("system: Be kind", "assistant: Hello", "user: Hello", "assistant: Yes?", name="one"),
        chat("system: Be kind", result(), "assistant: Nothing", name="two"),
        chat(result(), "assistant: Nothing", name="three"),
    ]
    record = audited(tmp_path, data)
    assert flagged(record, "root_role") == [("root_role", "one#2"), ("root_role", "three"), ("root_role", "two#2")]
    assert [row["summary"] for row in reported(record, "root_role")] == [
        "Conversation starts with an answer",
        "Conversation starts with a tool result",
        "Conversation starts with a tool result",
    ]


def test_so_does_an_answer_behind_several_system_messages(tmp_path):
    record = audited(tmp_path, [chat("system: Be kind", "developer: And brief", "assistant: Hello")])
    assert flagged(record, "root_role") == [("root_role", "chat#3")]


def test_a_prompt_behind_the_system_message_is_as_it_should_be(tmp_path):
    assert found(tmp_path, [chat("system: Be kind", "user: Hello", "assistant: Hello")]) == []


# -- system_first ----------------------------------------------------------------------------------------------------


def test_a_system_message_behind_others_is_flagged(tmp_path):
    data = chat("user: Hello", "assistant: Hello", "system: Be kind", "user: And now?", "assistant: Well")
    record = audited(tmp_path, [data])
    assert flagged(record) == [("system_first", "chat#3")]
    finding = the(record, "system_first")
    assert (finding["summary"], finding["severity"]) == ("System message comes after 2 other messages", WARNING)
    assert places(finding) == [("chat#3", "Be kind"), ("chat#2", "Hello")]


def test_several_system_messages_at_the_start_are_as_good_as_one(tmp_path):
    start = ("system: Be kind", "developer: Be brief", "system: Be quick", "user: Hello")
    assert flagged(audited(tmp_path, [chat(*start, "assistant: Hello")])) == []
    record = audited(tmp_path, [chat(*start, "system: Be cheerful", "assistant: Hello")])
    assert flagged(record) == [("system_first", "chat#5")]
    assert the(record, "system_first")["summary"] == "System message comes after 4 other messages"


def test_a_system_message_in_between_does_not_break_the_turns(tmp_path):
    record = audited(tmp_path, [chat("user: Hello", "system: Be kind", "user: Well?", "assistant: Hello")])
    assert rules_of(record) == ["system_first"]


# -- tool_result -----------------------------------------------------------------------------------------------------


def test_a_result_behind_its_call_passes(tmp_path):
    for said in [
        [calling("a"), result("a")],
        [calling("a"), result()],
        [calling("a", "b"), result("a"), result("b")],
        [calling("a", "b"), result("b"), result("a")],
        [calling(None), result("a")],
        [calling(None), result()],
        [calling("a"), result("a"), calling("b"), result("b")],
        [calling("a"), result("a"), "assistant: It is", "user: And?", calling("a"), result("a")],
    ]:
        with case(said):
            assert found(tmp_path, [chat("user: Why?", *said, "assistant: Because")]) == []


def test_a_result_that_follows_no_call_is_flagged(tmp_path):
    record = audited(tmp_path, [chat("user: Why?", "assistant: Let me look", result(), "assistant: Because")])
    assert flagged(record) == [("tool_result", "chat#3")]
    finding = the(record, "tool_result")
    assert finding["summary"] == "Tool result follows a message without a tool call"
    assert finding["severity"] == ERROR
    assert places(finding) == [("chat#3", "Nothing was found"), ("chat#2", "Let me look")]


def test_a_result_of_a_call_that_was_not_made_is_flagged(tmp_path):
    for said, stray in [
        ([calling("a"), result("b")], "chat#3"),
        ([calling("a", "b"), result("a"), result("c")], "chat#4"),
        ([calling("a"), result("a"), calling("b"), result("a")], "chat#5"),
        ([calling(None), result("a"), calling("b"), result("c")], "chat#5"),
    ]:
        with case(said, stray):
            record = audited(tmp_path, [chat("user: Why?", *said, "assistant: Because")])
            assert flagged(record) == [("tool_result", stray)]
            name = said[-1]["tool_call_id"]
            assert the(record, "tool_result")["summary"] == (
                f"Tool result answers the call '{name}', which the message above does not make"
            )


def test_calls_of_one_conversation_do_not_serve_another(tmp_path):
    data = [
        chat("user: Why?", calling("a"), result("b"), "assistant: Because", name="one"),
        chat("user: Why?", calling("b"), result("b"), "assistant: Because", name="two"),
    ]
    assert found(tmp_path, data) == [("tool_result", "one#3")]


def test_results_behind_a_stray_result_are_not_reported_again_unless_they_name_a_call(tmp_path):
    data = [
        chat("user: Why?", result(), result(), "assistant: Because", name="one"),
        chat("user: Why?", result(), result("a"), "assistant: Because", name="two"),
    ]
    assert found(tmp_path, data) == [("tool_result", i) for i in ("one#2", "two#2", "two#3")]


# -- same_pair and pair_prompt ---------------------------------------------------------------------------------------


def test_two_answers_to_one_prompt_are_a_pair_as_it_should_be(tmp_path):
    assert found(tmp_path, [preference([ASKED], [ANSWER], [OTHER])]) == []


def test_a_pair_of_one_and_the_same_answer_is_flagged(tmp_path):
    record = audited(tmp_path, [preference([ASKED], [ANSWER], [ANSWER])])
    assert flagged(record) == [("same_pair", "pair#rejected")]
    finding = the(record, "same_pair")
    assert finding["summary"] == "Rejected answer is identical to the chosen one"
    assert finding["severity"] == ERROR
    assert places(finding) == [("pair#rejected", "Because"), ("pair#chosen", "Because")]


def test_answers_that_differ_in_white_space_around_them_are_the_same_pair(tmp_path):
    for text in ["Because ", "\n\tBecause\r\n", "\u00a0Because"]:
        with case(text):
            other = {"role": "assistant", "content": text}
            assert found(tmp_path, [preference([ASKED], [ANSWER], [other])]) == [("same_pair", "pair#rejected")]


def test_answers_that_differ_in_a_byte_are_two(tmp_path):
    for text in ["Be cause", "because", "Becauśe"]:
        with case(text):
            other = {"role": "assistant", "content": text}
            assert found(tmp_path, [preference([ASKED], [ANSWER], [other])]) == []


def test_one_answer_to_two_prompts_is_not_the_same_pair(tmp_path):
    longer = [*turns("assistant: Why not?", "user: Why then?"), ANSWER]
    assert found(tmp_path, [preference([ASKED], [ANSWER], longer)]) == [("pair_prompt", "pair#rejected")]


def test_one_answer_to_the_same_prompt_is_the_same_pair_after_any_beginning(tmp_path):
    sides = [[turn, ASKED, ANSWER] for turn in (ANSWER, OTHER)]
    record = audited(tmp_path, [preference([ASKED], *sides)])
    assert flagged(record) == [("pair_prompt", "pair#rejected"), ("same_pair", "pair#rejected")]


def test_answers_with_the_same_text_may_differ_in_the_ids_of_their_calls(tmp_path):
    sides = [[calling(name) | {"content": "Let me look"}] for name in ("a", "b")]
    assert found(tmp_path, [preference([ASKED], *sides)]) == []


def test_sides_that_part_before_the_last_prompt_are_flagged(tmp_path):
    record = audited(tmp_path, [preference([ASKED], [OTHER, ASKED, ANSWER], [OTHER])])
    assert flagged(record) == [("pair_prompt", "pair#rejected")]
    finding = the(record, "pair_prompt")
    assert finding["severity"] == WARNING
    assert finding["summary"] == (
        "Answers do not share a prompt: 3 messages on the chosen side, 1 on the rejected side"
    )
    assert places(finding) == [("pair#rejected", "Nobody knows"), ("pair#chosen", "Because")]


def test_an_answer_that_was_rated_by_itself_is_no_pair(tmp_path):
    for label in [True, False]:
        with case(label):
            data = [{"id": "a", "messages": [ASKED, ANSWER], "label": label}]
            assert found(tmp_path, data) == []


def test_each_pair_is_reported_by_itself(tmp_path):
    data = [{**preference([ASKED], [ANSWER], [side]), "id": f"{k}"} for k, side in enumerate([OTHER, ANSWER, OTHER])]
    assert found(tmp_path, data) == [("same_pair", "1#rejected")]


# -- duplicate_id ----------------------------------------------------------------------------------------------------


def test_an_id_that_occurs_twice_in_a_tree_is_flagged_at_its_second_place(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("b", "a", text="Another text")])
    assert flagged(record) == claims(("duplicate_id", "b"))
    finding = the(record, "duplicate_id")
    assert finding["line"] == 3
    assert finding["summary"] == "Id is already used at line 2"
    assert [(span["line"], span["quote"]) for span in finding["spans"]] == [
        (3, "Another text"),
        (2, "The text of message b"),
    ]
    assert finding["facets"] == [("scope", "same tree")]
    assert finding["severity"] == ERROR


def test_an_id_that_is_in_two_trees_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), other("x"), other("b", "x")])
    assert flagged(record) == claims(("duplicate_id", "b"))
    finding = the(record, "duplicate_id")
    assert finding["line"] == 4
    assert finding["facets"] == [("scope", "other tree")]


def test_every_further_copy_is_flagged_with_a_fingerprint_of_its_own(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("b", "a"), message("b", "a")])
    assert flagged(record) == claims(("duplicate_id", "b"), ("duplicate_id", "b"))
    copies = reported(record, "duplicate_id")
    assert [copy["summary"] for copy in copies] == ["Id is already used at line 2"] * 2
    assert len({copy["fingerprint"] for copy in copies}) == 2


def test_ids_that_differ_in_one_letter_or_in_case_are_two(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "a", message_id=uid("b").upper())]
    assert found(tmp_path, data) == []


def test_messages_without_ids_are_no_copies_of_each_other(tmp_path):
    data = [message("a"), message("b", "a", message_id=None), message("c", "a", message_id=None)]
    assert found(tmp_path, data) == [("missing_field", None), ("missing_field", None)]


def test_a_copy_of_a_root_is_no_second_root(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("a")])
    assert flagged(record, "duplicate_id", "one_root", "tree_id", "order") == claims(("duplicate_id", "a"))


def test_a_copy_of_a_root_does_not_count_among_several_roots(tmp_path):
    data = [message("a"), message("b", "a"), message("a"), message("c"), message("d", "c")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("duplicate_id", "a"), ("one_root", "c"))
    assert the(record, "one_root")["summary"] == "Tree has 2 roots; this is not the first"


def test_a_copy_that_claims_to_be_the_root_is_not_believed(tmp_path):
    data = [message("a", "gone", "prompter"), message("b", "a"), message("a")]
    pairs = claims(("dangling_parent", "a"), ("duplicate_id", "a"))
    assert found(tmp_path, data) == pairs


def test_a_copy_of_a_prompt_that_has_an_answer_is_not_reported_as_unanswered(tmp_path):
    assert found(tmp_path, [message("a"), message("b", "a"), message("a")]) == claims(("duplicate_id", "a"))


def test_a_prompt_without_an_answer_is_reported_once_however_often_it_occurs(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "b", "prompter"), message("c", "b", "prompter")]
    assert found(tmp_path, data) == claims(("duplicate_id", "c"), ("unanswered_thread", "c"))


def test_a_copy_of_a_ranked_answer_is_no_tie(tmp_path):
    data = [message("a"), message("b", "a", rank=0), message("c", "a", rank=1), message("b", "a", rank=0)]
    assert found(tmp_path, data) == claims(("duplicate_id", "b"))


def test_a_copy_of_a_prompt_in_the_lottery_is_no_reply(tmp_path):
    waiting = message("a", tree_state="prompt_lottery_waiting")
    assert found(tmp_path, [waiting, waiting]) == claims(("duplicate_id", "a"))


# -- dangling_parent, parent_in_other_tree ---------------------------------------------------------------------------


def test_a_parent_that_is_nowhere_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "gone")])
    assert flagged(record) == claims(("dangling_parent", "c"))
    finding = the(record, "dangling_parent")
    assert finding["summary"] == f"Parent is missing: '{uid('gone')}'"
    assert places(finding) == whole("c")
    assert finding["severity"] == ERROR


def test_an_empty_parent_id_is_not_the_null_of_a_root(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "a", parent_id="")]
    assert found(tmp_path, data) == claims(("dangling_parent", "c"))


def test_a_parent_that_is_later_in_the_data_is_there(tmp_path):
    data = [message("a"), message("c", "b", "prompter"), message("d", "c"), message("b", "a")]
    assert found(tmp_path, data) == claims(("order", "c"))


def test_a_parent_in_another_tree_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), other("x"), other("y", "x"), other("z", "b")])
    assert flagged(record) == claims(("parent_in_other_tree", "z"))
    finding = the(record, "parent_in_other_tree")
    assert finding["summary"] == f"Parent '{uid('b')}' is in another tree"
    assert places(finding) == whole("z", "b")
    assert finding["severity"] == ERROR


def test_a_parent_that_is_in_both_trees_is_looked_for_at_home(tmp_path):
    data = [message("a"), message("b", "a"), other("x"), other("b", "x"), other("z", "b", "prompter"), other("w", "z")]
    assert found(tmp_path, data) == claims(("duplicate_id", "b"))


def test_two_messages_that_answer_each_other_across_trees_are_no_cycle(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "y"), other("x"), other("z", "x"), other("y", "c")]
    assert found(tmp_path, data) == claims(("parent_in_other_tree", "c"), ("parent_in_other_tree", "y"))


# -- self_parent, cycle ----------------------------------------------------------------------------------------------


def test_a_message_that_is_its_own_parent_is_flagged_and_is_no_cycle(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "c")])
    assert flagged(record) == claims(("self_parent", "c"))
    assert the(record, "self_parent")["summary"] == "Message is its own parent"
    assert the(record, "self_parent")["severity"] == ERROR


def test_a_prompt_that_is_its_own_parent_does_not_follow_itself(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "c", "prompter")]
    assert found(tmp_path, data) == claims(("self_parent", "c"))


def test_a_root_that_is_its_own_parent_is_one_finding(tmp_path):
    data = [message("a", "a", "prompter"), message("b", "a")]
    assert found(tmp_path, data) == claims(("self_parent", "a"))


def test_two_messages_that_answer_each_other_are_one_cycle_reported_at_the_first(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "d"), message("d", "c", "prompter")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("cycle", "c"))
    finding = the(record, "cycle")
    assert finding["summary"] == "2 messages are each other's ancestors"
    assert places(finding) == whole("c", "d")
    assert finding["severity"] == ERROR


def test_a_ring_of_three_is_one_cycle(tmp_path):
    # Of three in a ring with two roles, two that have the same role always meet: one cause, one finding.
    data = [message("a"), message("b", "a"), message("c", "e"), message("d", "c", "prompter"), message("e", "d")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("cycle", "c"))
    assert the(record, "cycle")["summary"] == "3 messages are each other's ancestors"
    assert places(the(record, "cycle")) == whole("c", "e")


def test_two_rings_in_one_tree_are_two_cycles(tmp_path):
    data = [
        message("a"),
        message("b", "a"),
        message("c", "e"),
        message("d", "f"),
        message("e", "c", "prompter"),
        message("f", "d", "prompter"),
    ]
    assert found(tmp_path, data) == claims(("cycle", "c"), ("cycle", "d"))


def test_a_branch_that_hangs_below_a_cycle_is_no_part_of_it(tmp_path):
    data = [
        message("e", "d"),
        message("c", "d"),
        message("d", "c", "prompter"),
        message("f", "e", "prompter"),
        message("g", "f"),
        message("a"),
        message("b", "a"),
    ]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("cycle", "c"))
    assert the(record, "cycle")["summary"] == "2 messages are each other's ancestors"


def test_faults_below_a_cycle_are_still_found(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "d"), message("d", "c", "prompter"), message("e", "d")]
    data.append(message("f", "e", "assistant"))
    assert found(tmp_path, data) == claims(("cycle", "c"), ("role_alternation", "f"))


def test_a_cycle_in_place_of_a_root_is_one_finding(tmp_path):
    data = [message("a", "b", "prompter"), message("b", "a")]
    assert found(tmp_path, data) == claims(("cycle", "a"))


# -- one_root --------------------------------------------------------------------------------------------------------


def test_a_second_root_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c"), message("d", "c")])
    assert flagged(record) == claims(("one_root", "c"))
    finding = the(record, "one_root")
    assert finding["summary"] == "Tree has 2 roots; this is not the first"
    assert places(finding) == whole("c", "a")
    assert finding["severity"] == ERROR


def test_all_roots_but_the_first_are_flagged(tmp_path):
    data = [row for name in "ace" for row in (message(name), message(f"{name}+", name))]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("one_root", "c"), ("one_root", "e"))
    assert {finding["summary"] for finding in reported(record, "one_root")} == {
        "Tree has 3 roots; this is not the first"
    }


def test_a_tree_without_a_root_is_flagged_at_the_message_whose_parent_is_missing(tmp_path):
    data = [message("b", "a"), message("c", "b", "prompter"), message("d", "c"), other("x"), other("y", "x")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("dangling_parent", "b"))


def test_one_root_in_each_tree_is_as_it_should_be(tmp_path):
    assert found(tmp_path, [message("a"), message("b", "a"), other("x"), other("y", "x")]) == []


# -- tree_id ---------------------------------------------------------------------------------------------------------


def test_a_tree_id_that_is_not_the_roots_id_is_flagged_once_at_the_root(tmp_path):
    data = [message("a", message_tree_id=uid("t")), message("b", "a", message_tree_id=uid("t"))]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("tree_id", "a"))
    assert the(record, "tree_id")["summary"] == f"Tree id is not the root's id: '{uid('t')}'"
    assert the(record, "tree_id")["severity"] == ERROR


def test_a_root_without_an_id_is_reported_as_missing_and_not_as_another(tmp_path):
    data = [message("a", message_id=None), message("b", "a")]
    record = audited(tmp_path, data)
    assert flagged(record, "missing_field", "tree_id", "dangling_parent") == sorted(
        [("missing_field", None), ("dangling_parent", uid("b"))], key=str
    )


def test_a_nested_message_with_another_tree_id_than_its_root_is_flagged(tmp_path):
    reply = node("b", "assistant", message_tree_id=uid("x"))
    record = audited(tmp_path, [nested(node("a", "prompter", reply, node("c", "assistant")))])
    assert flagged(record) == claims(("tree_id", "b"))
    finding = the(record, "tree_id")
    assert finding["summary"] == f"Tree id differs from that at the root: '{uid('x')}'"
    assert places(finding) == whole("b", "a")


def test_a_nested_message_that_repeats_the_tree_id_passes(tmp_path):
    reply = node("b", "assistant", message_tree_id=uid("a"), parent_id=uid("a"))
    assert found(tmp_path, [nested(node("a", "prompter", reply))]) == []


def test_a_nested_root_with_another_tree_id_than_its_record_is_flagged(tmp_path):
    tree = nested(node("a", "prompter", node("b", "assistant")), message_tree_id=uid("x"))
    assert found(tmp_path, [tree]) == claims(("tree_id", "a"))


def test_replies_to_a_nested_message_without_an_id_have_a_parent_that_nobody_can_name(tmp_path):
    nameless = node("b", "assistant", node("c", "prompter", node("d", "assistant")), message_id=...)
    record = audited(tmp_path, [nested(node("a", "prompter", nameless))])
    assert flagged(record) == sorted([("missing_field", None), *claims(("dangling_parent", "c"))])


def test_a_nested_prompt_without_an_id_is_not_reported_as_unanswered(tmp_path):
    nameless = node("c", "prompter", node("d", "assistant"), message_id=...)
    record = audited(tmp_path, [nested(node("a", "prompter", node("b", "assistant", nameless)))])
    assert flagged(record) == sorted([("missing_field", None), *claims(("dangling_parent", "d"))])


def test_a_mistyped_parent_does_not_make_a_reply_a_root(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", parent_id=5)])
    reported = flagged(record, "mistyped_field", "dangling_parent", "one_root", "root_role")
    assert reported == claims(("dangling_parent", "b"), ("mistyped_field", "b"))


# -- unanswered_thread -----------------------------------------------------------------------------------------------


def test_a_thread_that_ends_with_a_prompt_is_a_note(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "b", "prompter")])
    assert flagged(record) == claims(("unanswered_thread", "c"))
    finding = the(record, "unanswered_thread")
    assert finding["summary"] == "Thread ends with a prompt, without an answer"
    assert finding["severity"] == NOTE


def test_a_prompt_that_waits_for_its_first_answer_passes(tmp_path):
    for state in ["prompt_lottery_waiting", "initial_prompt_review"]:
        with case(state):
            assert found(tmp_path, [message("a", tree_state=state)]) == []


def test_a_lone_prompt_in_another_state_has_no_answer(tmp_path):
    for state in ["growing", "ready_for_export", "aborted_low_grade", None]:
        with case(state):
            assert found(tmp_path, [message("a", tree_state=state)]) == claims(("unanswered_thread", "a"))


def test_a_chat_that_does_not_end_with_an_answer_is_a_note(tmp_path):
    for said, last, what in [
        ([calling("a"), result("a")], "chat#3", "a tool result"),
        (["assistant: Hello", "system: Be kind"], "chat#3", "a system message"),
        ([], "chat", "a prompt"),
    ]:
        with case(said, last, what):
            record = audited(tmp_path, [chat("user: Hello", *said)])
            assert flagged(record, "unanswered_thread") == [("unanswered_thread", last)]
            assert the(record, "unanswered_thread")["summary"] == f"Thread ends with {what}, without an answer"


def test_a_call_that_nobody_answers_is_no_open_prompt(tmp_path):
    assert found(tmp_path, [chat("user: Hello", calling("a"))]) == []


def test_each_branch_that_ends_with_a_prompt_is_reported(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "b", "prompter"), message("d", "b", "prompter")]
    data += [message("e", "d"), message("f", "b", "prompter")]
    assert found(tmp_path, data) == claims(("unanswered_thread", "c"), ("unanswered_thread", "f"))


# -- order -----------------------------------------------------------------------------------------------------------


def thread_of(*links: tuple[str, str | None]) -> list[Row]:
    """Make messages (name, parent) in this order, with roles that alternate by depth."""
    parents, rows = dict(links), []
    for name, parent in links:
        depth, up = 0, parent
        while up is not None:
            depth, up = depth + 1, parents[up]
        rows.append(message(name, parent, ("prompter", "assistant")[depth % 2]))
    return rows


def test_any_order_that_goes_down_one_branch_after_the_other_passes(tmp_path):
    for links in [
        [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "a")],
        [("a", None), ("e", "a"), ("b", "a"), ("c", "b"), ("d", "c")],
        [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "b"), ("f", "e"), ("g", "a")],
        [("a", None), ("z", "a"), ("y", "z"), ("x", "y"), ("w", "x"), ("v", "w"), ("b", "a")],
    ]:
        with case(links):
            assert found(tmp_path, thread_of(*links)) == []


def test_a_branch_that_goes_on_after_its_sibling_began_is_out_of_order(tmp_path):
    links = [("a", None), ("b", "a"), ("c", "b"), ("d", "c"), ("e", "a"), ("f", "b"), ("g", "f")]
    record = audited(tmp_path, thread_of(*links))
    assert flagged(record) == claims(("order", "f"))
    finding = the(record, "order")
    assert places(finding) == whole("f", "b")
    assert finding["severity"] == NOTE
    assert finding["summary"] == "Out of depth-first order: message is outside its parent's branch"


def test_sibling_branches_that_alternate_are_out_of_order(tmp_path):
    links = [("a", None), ("b", "a"), ("c", "a"), ("d", "b"), ("e", "c"), ("f", "d"), ("g", "e")]
    assert found(tmp_path, thread_of(*links)) == claims(("order", "d"))


def test_a_child_that_is_before_its_parent_is_out_of_order(tmp_path):
    links = [("a", None), ("c", "b"), ("d", "c"), ("b", "a")]
    assert found(tmp_path, thread_of(*links)) == claims(("order", "c"))


def test_a_root_that_is_last_is_out_of_order(tmp_path):
    assert found(tmp_path, [message("b", "a"), message("a")]) == claims(("order", "b"))


def test_a_grandchild_that_is_after_its_uncle_is_out_of_order(tmp_path):
    links = [("a", None), ("b", "a"), ("uncle", "a"), ("c", "b"), ("d", "c")]
    assert found(tmp_path, thread_of(*links)) == claims(("order", "c"))


def test_a_message_that_skips_back_below_another_root_is_out_of_order(tmp_path):
    data = [message("a"), message("b", "a"), message("r"), message("s", "r"), message("c", "b", "prompter")]
    data.append(message("d", "c"))
    assert found(tmp_path, data) == claims(("one_root", "r"), ("order", "c"))


def test_each_tree_out_of_order_is_reported_once(tmp_path):
    data = [message("b", "a"), message("c", "a"), message("a"), other("y", "x"), other("x"), other("z", "x")]
    assert found(tmp_path, data) == claims(("order", "b"), ("order", "y"))


def test_trees_that_take_turns_are_in_order_each_by_itself(tmp_path):
    data = [message("a"), other("x"), message("b", "a"), other("y", "x"), message("c", "a"), other("z", "x")]
    assert found(tmp_path, data) == []


def test_a_tree_with_a_cycle_has_no_order_and_its_neighbour_has(tmp_path):
    data = [message("b", "a"), message("c", "d"), message("d", "c", "prompter"), message("a")]
    data += [other("y", "x"), other("x")]
    assert found(tmp_path, data) == claims(("cycle", "c"), ("order", "y"))


def test_nested_trees_have_no_order_to_break(tmp_path):
    tree = nested(node("a", "prompter", node("b", "assistant"), node("c", "assistant", parent_id=uid("d"))))
    tree["prompt"]["replies"].append(node("d", "prompter", parent_id=uid("b")))
    assert found(tmp_path, [tree]) == []


# -- large trees -----------------------------------------------------------------------------------------------------

N = 20_000


def long_thread() -> list[Row]:
    return [
        message(str(k), None if k == 0 else str(k - 1), ("prompter", "assistant")[k % 2], message_tree_id=uid("0"))
        for k in range(N)
    ]


def test_in_a_very_long_thread_a_fault_at_its_end_is_found_quickly(tmp_path):
    thread = long_thread()
    thread[-1]["role"] = "prompter"
    began = time.process_time()
    record = audited(tmp_path, thread)
    assert time.process_time() - began < 15  # about 1 s; a step for each pair of messages takes minutes
    last = str(N - 1)
    assert flagged(record) == claims(("role_alternation", last), ("unanswered_thread", last))


def test_very_many_system_messages_and_results_in_a_row_are_checked_quickly(tmp_path):
    n = 20_000
    data = [
        chat(*["system: Be kind"] * n, "assistant: Hello", name="one"),
        chat("user: Why?", calling("a"), *[result("a")] * n, result("b"), "assistant: Because", name="two"),
    ]
    start = time.process_time()
    record = audited(tmp_path, data)
    assert time.process_time() - start < 20
    assert flagged(record, "root_role", "tool_result") == [
        ("root_role", f"one#{n + 1}"),
        ("tool_result", f"two#{n + 3}"),
        ("tool_result", "two#4"),  # the second result of the call
    ]


def test_a_very_long_thread_upside_down_is_reported_once(tmp_path):
    assert found(tmp_path, long_thread()[::-1]) == claims(("order", str(N - 1)))


def test_a_very_large_ring_is_one_cycle(tmp_path):
    ring = long_thread()
    ring[0]["parent_id"] = uid(str(N - 1))
    record = audited(tmp_path, ring)
    assert flagged(record) == claims(("cycle", "0"))
    assert the(record, "cycle")["summary"] == "20000 messages are each other's ancestors"


def test_in_a_very_wide_tree_a_tie_and_a_strayed_reply_are_found_quickly(tmp_path):
    wide = [message("a"), *(message(str(k), "a", rank=k) for k in range(N))]
    wide[-1]["rank"] = N - 2
    wide += [message("p", "0", "prompter"), message("q", "p")]  # its branch was left 19,999 siblings ago
    began = time.process_time()
    record = audited(tmp_path, wide)
    assert time.process_time() - began < 15
    assert flagged(record) == claims(("rank_tie", str(N - 1)), ("order", "p"))


# -- missing_field, mistyped_field -----------------------------------------------------------------------------------


def test_a_message_without_a_required_field_is_flagged(tmp_path):
    for value in [None, ...]:
        for field in ["role", "lang", "text"]:
            with case(value, field):
                data = [message("a"), message("b", "a"), message("c", "a")]
                data[1].pop(field) if value is ... else data[1].update({field: value})
                record = audited(tmp_path, data)
                assert flagged(record) == claims(("missing_field", "b"))
                assert the(record, "missing_field")["summary"] == f"Field {field} is missing or null"
                assert the(record, "missing_field")["severity"] == ERROR


def test_a_message_without_an_id_is_flagged_by_its_place(tmp_path):
    for value in [None, ...]:
        with case(value):
            record = audited(tmp_path, [message("a"), message("b", "a", message_id=value), message("c", "a")])
            assert flagged(record) == [("missing_field", None)]
            finding = the(record, "missing_field")
            assert (finding["line"], finding["summary"]) == (2, "Field message_id is missing or null")
            assert places(finding) == [("line 2, without id", "The text of message b")]


def test_a_message_without_a_tree_id_is_flagged_and_its_parent_is_not_called_lost(tmp_path):
    for value in [None, ...]:
        with case(value):
            record = audited(tmp_path, [message("a"), message("b", "a", message_tree_id=value), message("c", "a")])
            assert flagged(record) == claims(("missing_field", "b"))
            assert the(record, "missing_field")["summary"] == "Field tree_id is missing or null"


def test_messages_without_tree_ids_are_not_taken_for_one_tree(tmp_path):
    lone = {"message_tree_id": None, "tree_state": "prompt_lottery_waiting"}
    data = [message("a"), message("b", "a"), message("c", **lone), message("d", **lone)]
    assert found(tmp_path, data) == claims(("missing_field", "c"), ("missing_field", "d"))


def test_each_field_that_a_message_misses_is_reported(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", text=None, lang=None), message("c", "a")])
    assert flagged(record) == claims(("missing_field", "b"), ("missing_field", "b"))
    assert {finding["summary"] for finding in reported(record, "missing_field")} == {
        "Field lang is missing or null",
        "Field text is missing or null",
    }
    assert len({finding["fingerprint"] for finding in reported(record, "missing_field")}) == 2


INTEGER = "expected a 64-bit integer"


def test_a_value_of_another_type_is_flagged_by_one_rule_only(tmp_path):
    for field, value, summary in [
        ("rank", "0", f'rank is "0", a string; {INTEGER}'),
        ("rank", 1.5, f"rank is 1.5, a number; {INTEGER}"),
        ("rank", True, f"rank is true, a boolean; {INTEGER}"),
        ("rank", 2**63, f"rank is 9223372036854775808, an integer; {INTEGER}"),
        ("review_count", True, f"review_count is true, a boolean; {INTEGER}"),
        ("review_count", [3], f"review_count is [3], a list; {INTEGER}"),
        ("review_result", "yes", 'review_result is "yes", a string; expected true or false'),
        ("deleted", "yes", 'deleted is "yes", a string; expected true or false'),
        ("deleted", 0, "deleted is 0, an integer; expected true or false"),
        ("synthetic", 1, "synthetic is 1, an integer; expected true or false"),
        ("user_id", 5, "user_id is 5, an integer; expected a string"),
        ("model_name", ["m"], 'model_name is ["m"], a list; expected a string'),
        ("created_date", 1675790964, "created_date is 1675790964, an integer; expected a string"),
        ("detoxify", 0.5, "detoxify is 0.5, a number; expected an object of scores"),
        ("detoxify", {"toxicity": "low"}, 'detoxify.toxicity is "low", a string; expected a number'),
        ("emojis", 5, "emojis is 5, an integer; expected an object"),
        ("emojis", {"+1": "two"}, f'emojis.+1 is "two", a string; {INTEGER}'),
        ("emojis", {"+1": 1.5}, f"emojis.+1 is 1.5, a number; {INTEGER}"),
        ("labels", ["spam"], 'labels[0] is "spam", a string; expected an object with name, value, count'),
        ("labels", "spam", 'labels is "spam", a string; expected an object'),
        ("labels", {"spam": 0.5}, "labels.spam is 0.5, a number; expected an object with value and count"),
        ("labels", {"spam": {"value": "0", "count": 1}}, 'labels.spam.value is "0", a string; expected a number'),
        ("labels", {"spam": {"value": 0, "count": "1"}}, f'labels.spam.count is "1", a string; {INTEGER}'),
        (
            "labels",
            {"name": ["spam", 5], "value": [0.0, 0.0], "count": [1, 1]},
            "labels.name[1] is 5, an integer; expected a string",
        ),
        ("labels", {"name": ["spam"], "value": 0.0, "count": [1]}, "labels.value is 0.0, a number; expected a list"),
    ]:
        with case(field, value, summary):
            record = audited(tmp_path, [message("a"), message("b", "a", **{field: value})])
            assert flagged(record) == claims(("mistyped_field", "b"))
            finding = the(record, "mistyped_field")
            assert finding["summary"] == summary
            assert finding["severity"] == ERROR
            assert (finding["line"], finding["spans"][0]["id"]) == (2, "line 2")


def test_a_required_field_of_another_type_counts_as_null_for_other_rules(tmp_path):
    for field in ["text", "role", "lang", "message_tree_id"]:
        with case(field):
            record = audited(tmp_path, [message("a"), message("b", "a", **{field: 5}), message("c", "a")])
            assert flagged(record) == claims(("mistyped_field", "b"))


def test_an_id_of_another_type_counts_as_null_for_other_rules(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", message_id=5), message("c", "a")])
    assert flagged(record) == [("mistyped_field", None)]


def test_the_quote_of_a_message_without_an_id_is_its_text_and_not_the_mistyped_value(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", message_id=None, rank="0"), message("c", "a")])
    assert flagged(record) == [("missing_field", None), ("mistyped_field", None)]
    assert [quote for _, quote in places(the(record, "missing_field"))] == ["The text of message b"]
    assert [quote for _, quote in places(the(record, "mistyped_field"))] == ['rank: "0"']


def test_a_value_that_loses_nothing_in_reading_passes(tmp_path):
    for more in [
        {"review_count": 3.0},
        {"labels": {"spam": {"value": 0, "count": 1}}},
        {"labels": {"spam": {"value": 0, "count": 1.0}}},
        {"labels": {}},
        {"emojis": {}},
        {"emojis": {"+1": 2.0}},
        {"detoxify": {}},
        {"detoxify": {"toxicity": 1}},
        {"detoxify": {"toxicity": None}},
        {"labels": [{"name": "spam", "value": 0.5, "count": 1}]},
    ]:
        with case(more):
            assert found(tmp_path, [message("a"), message("b", "a", **more)]) == []


def test_ranks_with_a_decimal_point_are_read_as_the_integers_that_they_are(tmp_path):
    data = [message("a"), message("b", "a", rank=0.0), message("c", "a", rank=1.0)]
    assert found(tmp_path, data) == []
    data[2]["rank"] = 0.0
    assert found(tmp_path, data) == claims(("rank_tie", "c"))


def test_two_mistyped_fields_of_one_message_are_two_findings(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", deleted="no", rank="0")])
    assert flagged(record) == claims(("mistyped_field", "b"), ("mistyped_field", "b"))
    assert len({finding["fingerprint"] for finding in reported(record, "mistyped_field")}) == 2


def test_nested_replies_that_are_no_list_are_flagged(tmp_path):
    tree = nested(node("a", "prompter", node("b", "assistant")))
    tree["prompt"]["replies"][0]["replies"] = {"c": 1}
    record = audited(tmp_path, [tree])
    assert flagged(record) == claims(("mistyped_field", "b"))
    assert the(record, "mistyped_field")["summary"] == 'replies is {"c": 1}, an object; expected a list of messages'


# -- malformed_id ----------------------------------------------------------------------------------------------------


def test_an_id_that_is_no_uuid_is_flagged(tmp_path):
    for name in [
        "b",
        "",
        uid("b").replace("-", ""),
        f"{{{uid('b')}}}",
        f"{uid('b')}\n",
        uid("b")[:-1],
        f"{uid('b')}0",
        "g" + uid("b")[1:],
    ]:
        with case(name):
            record = audited(tmp_path, [message("a"), message("b", "a", message_id=name)])
            assert flagged(record) == [("malformed_id", name)]
            assert the(record, "malformed_id")["summary"] == f"message_id is {name!r}; expected a UUID"
            assert the(record, "malformed_id")["severity"] == WARNING


def test_an_id_that_has_the_form_of_a_uuid_passes(tmp_path):
    for name in [uid("b"), uid("b").upper(), "00000000-0000-0000-0000-000000000000"]:
        with case(name):
            assert found(tmp_path, [message("a"), message("b", "a", message_id=name)]) == []


def test_a_tree_id_that_is_no_uuid_is_flagged_beside_the_id(tmp_path):
    data = [message("a", message_id="a", message_tree_id="a"), message("b", "a", parent_id="a", message_tree_id="a")]
    record = audited(tmp_path, data)
    assert sorted(
        (finding["message_id"], finding["summary"]) for finding in reported(record, "malformed_id")
    ) == sorted(
        [
            ("a", "message_id is 'a'; expected a UUID"),
            ("a", "tree_id is 'a'; expected a UUID"),
            (uid("b"), "tree_id is 'a'; expected a UUID"),
        ]
    )
    assert rules_of(record) == ["malformed_id"]
    assert len({finding["fingerprint"] for finding in reported(record, "malformed_id")}) == 3


def test_a_lost_parent_whose_id_is_no_uuid_is_reported_as_lost_alone(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "a", parent_id="gone")]
    assert found(tmp_path, data) == claims(("dangling_parent", "c"))


# -- language_tag ----------------------------------------------------------------------------------------------------


def test_a_registered_language_passes(tmp_path):
    for tag in ["en", "pt-BR", "nb", "uk-UA", "zh", "eo", "bar", "zh-Hant-TW", "und", "sl-rozaj", "es-419"]:
        with case(tag):
            assert found(tmp_path, [message("a"), message("b", "a", lang=tag)]) == []


def test_a_language_that_is_not_registered_is_flagged(tmp_path):
    for tag in [
        "xx-klingon",
        "eng lish",
        "",
        "en-",
        "-en",
        "pt--BR",
        "zz",
        "a",
        "1",
        "en-🙂",
        "эн",
    ]:
        with case(tag):
            record = audited(tmp_path, [message("a"), message("b", "a", lang=tag)])
            assert flagged(record) == claims(("language_tag", "b"))
            assert (
                the(record, "language_tag")["summary"] == f"Language tag is {tag!r}; expected one such as en or pt-BR"
            )
            assert the(record, "language_tag")["severity"] == WARNING


def test_the_code_of_a_country_is_named_with_that_of_its_language(tmp_path):
    for tag, summary in {
        "jp": "Language tag is 'jp', the code of Japan; the code of Japanese is ja",
        "CZ": "Language tag is 'CZ', the code of Czechia; the code of Czech is cs",
    }.items():
        with case(tag):
            record = audited(tmp_path, [message("a"), message("b", "a", lang=tag)])
            assert the(record, "language_tag")["summary"] == summary


def test_every_language_of_the_card_is_known():
    tags = "en es ru de pl th vi sv bn da he it fa sk id nb el nl hu eu zh eo ja ca cs bg fi pt tr ro ar uk gl fr ko"
    assert [tag for tag in tags.split() if not is_language_tag(tag)] == []


# -- empty_text ------------------------------------------------------------------------------------------------------


def test_a_text_without_a_visible_character_is_flagged(tmp_path):
    for text, counted in [
        (" ", "1 character"),
        ("\n \t\r\n", "5 characters"),
        ("\u00a0\u2003\u3000", "3 characters"),  # spaces of other widths
        ("\u2028\u2029", "2 characters"),  # line and paragraph separators
        ("\u200b\u200d\ufeff\u00ad", "4 characters"),  # characters that only steer others
        ("\ue000", "1 character"),  # private use
    ]:
        with case(text, counted):
            record = audited(tmp_path, [message("a"), message("b", "a", text=text)])
            assert flagged(record) == claims(("empty_text", "b"))
            assert the(record, "empty_text")["summary"] == f"No visible character in a text of {counted}"
            assert the(record, "empty_text")["severity"] == WARNING
            (span,) = the(record, "empty_text")["spans"]
            assert (span["start"], span["end"], span["quote"]) == (0, len(text), text)
    empty = audited(tmp_path, [message("a"), message("b", "a", text="")])
    assert the(empty, "empty_text")["summary"] == "Text is empty"


def test_a_text_with_one_visible_character_passes(tmp_path):
    for text in [".", "\n\n.\n", "\u200b1", "🙂", "字", "\u0301"]:
        with case(text):
            assert found(tmp_path, [message("a"), message("b", "a", text=text)]) == []


def test_a_character_that_is_not_assigned_yet_counts_as_visible(tmp_path):
    # Tomorrow's emoji are such characters today.
    assert (
        flagged(
            audited(tmp_path, [message("a"), message("b", "a", text="\u0378"), message("c", "a", text="\U0001faea")])
        )
        == []
    )


def test_texts_may_all_be_empty(tmp_path):
    data = [message("a", text=""), message("b", "a", text="")]
    assert found(tmp_path, data) == claims(("empty_text", "a"), ("empty_text", "b"))


def test_texts_may_all_be_missing(tmp_path):
    data = [message("a", text=None), message("b", "a", text=None)]
    assert found(tmp_path, data) == claims(("missing_field", "a"), ("missing_field", "b"))


# -- control_characters, replacement_characters ----------------------------------------------------------------------


def test_a_control_character_is_flagged(tmp_path):
    for character in ["\x00", "\x07", "\x08", "\x0b", "\x0c", "\x0e", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9f"]:
        with case(character):
            record = audited(tmp_path, [message("a"), message("b", "a", text=f"one{character}two")])
            assert flagged(record) == claims(("control_characters", "b"))
            finding = the(record, "control_characters")
            assert finding["summary"] == "Text contains 1 control character"
            assert finding["severity"] == WARNING
            (span,) = finding["spans"]
            assert (span["start"], span["end"]) == (3, 4)
            assert (span["before"], span["quote"], span["after"]) == ("one", character, "two")


def test_the_neighbours_of_control_characters_pass(tmp_path):
    for character in [
        "\t",
        "\n",
        "\r",
        " ",
        "~",
        "\u00a0",
        "\u00bf",
        "\u0100",
        "\u2028",
        "\u200b",
        "\ufeff",
        "\ufffc",
        "\uffee",
        "🙂",
    ]:
        with case(character):
            assert found(tmp_path, [message("a"), message("b", "a", text=f"one{character}two")]) == []


def test_a_replacement_character_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", text="caf\ufffd au lait")])
    assert flagged(record) == claims(("replacement_characters", "b"))
    finding = the(record, "replacement_characters")
    assert finding["summary"] == "Text contains 1 replacement character (U+FFFD)"
    assert finding["severity"] == WARNING
    (span,) = finding["spans"]
    assert (span["start"], span["end"], span["quote"]) == (3, 4, "\ufffd")


def test_the_span_of_a_control_character_starts_at_its_code_point(tmp_path):
    for text, start in [
        ("\x07", 0),
        ("é\x07", 1),
        ("字字\x07", 2),
        ("🙂🙂🙂\x07", 3),
        ("a\u0301é字🙂\x07\x07 end", 5),
        ("\n\t\r\x07", 3),
    ]:
        with case(text, start):
            # Texts around it must not shift it.
            data = [message("a", text="Größe 🙂"), message("b", "a", text=text), message("c", "a", text="ü")]
            (span,) = the(audited(tmp_path, data), "control_characters")["spans"]
            assert (span["id"], span["start"], span["end"], span["quote"]) == (uid("b"), start, start + 1, "\x07")


def test_several_such_characters_are_counted_and_the_first_is_shown(tmp_path):
    data = [message("a"), message("b", "a", text="é\ufffd\x00\ufffd\x85\ufffd"), message("c", "a", text="\ufffd")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(
        ("control_characters", "b"), ("replacement_characters", "b"), ("replacement_characters", "c")
    )
    assert the(record, "control_characters")["summary"] == "Text contains 2 control characters"
    of_b, of_c = reported(record, "replacement_characters")
    assert of_b["summary"] == "Text contains 3 replacement characters (U+FFFD)"
    assert of_c["summary"] == "Text contains 1 replacement character (U+FFFD)"
    assert the(record, "control_characters")["spans"][0]["start"] == 2
    assert of_b["spans"][0]["start"] == 1


def test_a_text_of_nothing_but_control_characters_is_empty_too(tmp_path):
    data = [message("a"), message("b", "a", text="\x00\x00")]
    assert found(tmp_path, data) == claims(("control_characters", "b"), ("empty_text", "b"))


def test_a_batch_that_is_a_slice_of_a_larger_table_is_read_at_its_own_rows():
    data = batch([message("a", text="\x07" * 5), message("b", "a", text="é\x07"), message("c", "a", text="fine")])
    data.messages = data.messages.slice(1)
    rows = SchemaInvariants().scan(data).findings.to_pylist()
    (finding,) = (row for row in rows if row["rule"] == "schema_invariants/control_characters")
    assert (finding["message_id"], finding["spans"][0]["start"]) == (uid("b"), 1)


# -- date_format -----------------------------------------------------------------------------------------------------


def test_a_date_that_names_no_instant_is_flagged(tmp_path):
    for date, why in [
        ("yesterday", "cannot be read"),
        ("", "cannot be read"),
        ("1675790964", "cannot be read"),
        ("07.02.2023 17:29", "cannot be read"),
        ("2023-02-30T00:00:00+00:00", "cannot be read"),
        ("2023-02-07T25:00:00+00:00", "cannot be read"),
        ("2023-02-07T17:29:24", "has no time zone"),
        ("2023-02-07 17:29:24.727400", "has no time zone"),
        ("2023-02-07", "has no time zone"),
    ]:
        with case(date, why):
            record = audited(tmp_path, [message("a"), message("b", "a", created_date=date)])
            assert flagged(record) == claims(("date_format", "b"))
            assert the(record, "date_format")["summary"] == f"Date {why}: {date!r}"
            assert the(record, "date_format")["severity"] == WARNING


SAME_INSTANT = [
    "2023-02-07T17:29:24Z",
    "2023-02-07T17:29:24+00:00",
    "2023-02-07 17:29:24+00:00",
    "2023-02-07T17:29:24.000000+00:00",
    "2023-02-07T18:29:24+01:00",
    "2023-02-07T11:59:24-05:30",
    "2023-02-08T02:29:24+0900",
]


def test_a_date_with_a_zone_passes_and_zones_are_compared_as_instants(tmp_path):
    for date in SAME_INSTANT:
        with case(date):
            same = [message("a", created_date=SAME_INSTANT[0]), message("b", "a", created_date=date)]
            assert found(tmp_path, same) == []
            same[0]["created_date"] = "2023-02-07T17:29:24.000001Z"
            assert found(tmp_path, same) == claims(("date_before_parent", "b"))


def test_other_forms_of_iso_8601_are_read_too(tmp_path):
    for date in ["2023-02-07T17:29:24.7274001Z", "2023-02-07T17:29:24.727400123+00:00", "20230207T172924Z"]:
        with case(date):
            assert found(tmp_path, [message("a", created_date=None), message("b", "a", created_date=date)]) == []


def test_a_bad_date_among_many_good_ones_is_the_only_one_flagged(tmp_path):
    data = [message("a"), *(message(f"b{k}", "a") for k in range(40))]
    data[18]["created_date"] = "yesterday"
    assert found(tmp_path, data) == claims(("date_format", "b17"))


def test_a_message_without_a_date_is_not_checked_by_it(tmp_path):
    assert found(tmp_path, [message("a"), message("b", "a", created_date=None)]) == []


# -- date_before_parent ----------------------------------------------------------------------------------------------


def test_a_reply_that_is_older_than_its_parent_is_flagged(tmp_path):
    for date, older in [
        ("2023-02-07T17:29:24.227400+00:00", "0.5 s"),
        ("2023-02-07T17:28:24.727400+00:00", "1.0 minutes"),
        ("2023-02-07T16:29:24.727400Z", "1.0 hours"),
        ("2023-02-07T18:29:24.727400+09:00", "8.0 hours"),
        ("2023-01-31T17:29:24.727400+00:00", "7.0 days"),
    ]:
        with case(date, older):
            record = audited(tmp_path, [message("a"), message("b", "a", created_date=date)])
            assert flagged(record) == claims(("date_before_parent", "b"))
            finding = the(record, "date_before_parent")
            assert finding["summary"] == f"Reply is {older} older than its parent"
            assert places(finding) == whole("b", "a")
            assert finding["severity"] == WARNING


def test_a_reply_of_the_same_instant_or_later_passes(tmp_path):
    for date in ["2023-02-07T17:29:24.727400+00:00", "2023-02-07T17:29:24.727401+00:00"]:
        with case(date):
            assert found(tmp_path, [message("a"), message("b", "a", created_date=date)]) == []


def test_a_reply_that_is_older_than_its_sibling_passes(tmp_path):
    data = [message("a"), message("b", "a", created_date="2023-02-08T00:00:00Z"), message("c", "a")]
    assert found(tmp_path, data) == []


def test_a_reply_to_a_parent_without_a_readable_date_is_not_compared(tmp_path):
    data = [message("a", created_date="tomorrow"), message("b", "a")]
    data.append(message("c", "gone", created_date="2023-02-01T00:00:00Z"))
    assert found(tmp_path, data) == claims(("date_format", "a"), ("dangling_parent", "c"))


# -- date_in_future --------------------------------------------------------------------------------------------------

IN_2030 = "2030-02-07T17:29:24.727400+00:00"


def test_a_date_years_after_all_others_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "a", created_date=IN_2030)])
    assert flagged(record) == claims(("date_in_future", "c"))
    finding = the(record, "date_in_future")
    assert finding["summary"] == "Date is 7.0 years after the newest of the other dates"
    assert finding["severity"] == WARNING


def test_a_gap_up_to_the_setting_passes(tmp_path):
    for date, rules in [
        ("2025-02-07T05:29:24.727400+00:00", []),  # 730.5 days: two years, and not more
        ("2025-02-07T05:29:24.727401+00:00", ["date_in_future"]),
    ]:
        with case(date, rules):
            assert (
                rules_of(audited(tmp_path, [message("a"), message("b", "a"), message("c", "a", created_date=date)]))
                == rules
            )


def test_a_wider_setting_lets_a_later_date_pass(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "a", created_date=IN_2030)]
    assert found(tmp_path, data, max_future_years=7.1) == []
    assert found(tmp_path, data, max_future_years=6.9) == claims(("date_in_future", "c"))


def test_years_of_steady_collection_are_no_future(tmp_path):
    later = [message(f"b{k}", "a", created_date=f"{2023 + 2 * k}-02-07T17:00:00Z") for k in range(1, 20)]
    # Two years of calendar may be a day longer than 730.5.
    assert found(tmp_path, [message("a"), *later], max_future_years=2.1) == []


def test_dates_ever_further_in_the_future_are_all_measured_from_the_rest(tmp_path):
    late = [message("d", "a", created_date=IN_2030), message("e", "a", created_date=IN_2030.replace("2030", "2040"))]
    record = audited(tmp_path, [message("a"), message("b", "a"), message("c", "a"), *late])
    assert flagged(record) == claims(("date_in_future", "d"), ("date_in_future", "e"))
    assert [finding["summary"] for finding in reported(record, "date_in_future")] == [
        "Date is 7.0 years after the newest of the other dates",
        "Date is 17.0 years after the newest of the other dates",
    ]


def test_up_to_100_messages_of_the_future_are_a_slip_and_more_are_a_later_collection(tmp_path):
    for n_late, n_flagged in [(99, 99), (100, 100), (101, 0)]:
        with case(n_late, n_flagged):
            data = [message("a"), *(message(f"b{k}", "a") for k in range(150))]
            data += [message(f"c{k}", "a", created_date=IN_2030) for k in range(n_late)]
            assert set(found(tmp_path, data)) == {("date_in_future", uid(f"c{k}")) for k in range(n_flagged)}


def test_one_date_of_long_ago_does_not_put_all_others_into_the_future(tmp_path):
    data = [message("a", created_date="1970-01-01T00:00:00Z"), *(message(f"b{k}", "a") for k in range(20))]
    assert found(tmp_path, data) == []


def test_messages_of_the_future_in_several_trees_are_found_together(tmp_path):
    data = [message("a"), message("b", "a", created_date=IN_2030), message("c", "a"), other("x"), other("y", "x")]
    data.append(other("z", "x", created_date=IN_2030))
    assert found(tmp_path, data) == claims(("date_in_future", "b"), ("date_in_future", "z"))


# -- rank_of_prompter, rank_range ------------------------------------------------------------------------------------


def test_a_prompt_with_a_rank_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a", rank=0), message("b", "a")])
    assert flagged(record) == claims(("rank_of_prompter", "a"))
    assert the(record, "rank_of_prompter")["summary"] == "Prompt has rank 0; only answers are ranked"
    assert the(record, "rank_of_prompter")["severity"] == WARNING


def test_prompts_with_the_same_rank_are_no_tie(tmp_path):
    data = [message("a"), message("b", "a")]
    for name in "cd":
        data += [message(name, "b", "prompter", rank=5), message(f"{name}+", name)]
    assert found(tmp_path, data) == claims(("rank_of_prompter", "c"), ("rank_of_prompter", "d"))


def test_a_negative_rank_is_flagged_and_is_no_gap(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", rank=-1), message("c", "a", rank=0)])
    assert flagged(record) == claims(("rank_range", "b"))
    assert the(record, "rank_range")["summary"] == "Rank is -1; expected 0 or more"
    assert the(record, "rank_range")["severity"] == WARNING


# -- rank_tie, rank_gap ----------------------------------------------------------------------------------------------


def ranked(*ranks: int | None, parent: str = "a", names: str = "bcdefghijklmnop") -> list[Row]:
    """Make rival answers with these ranks, named b, c, d, ..."""
    return [message(name, parent, rank=rank) for name, rank in zip(names, ranks, strict=False)]


def test_ranks_that_count_from_0_pass_in_any_order(tmp_path):
    for ranks in [(0,), (0, 1), (1, 0), (2, 0, 1), (0, None), (None, 0, None, 1), (None, None)]:
        with case(ranks):
            assert found(tmp_path, [message("a"), *ranked(*ranks)]) == []


def test_siblings_that_share_a_rank_are_flagged_from_the_second_on(tmp_path):
    record = audited(tmp_path, [message("a"), *ranked(1, 0, 1)])
    assert flagged(record) == claims(("rank_tie", "d"))
    finding = the(record, "rank_tie")
    assert finding["summary"] == "Shares rank 1 with a sibling, among 3 ranked answers"
    assert places(finding) == whole("d", "b")
    assert finding["severity"] == WARNING


def test_of_three_that_share_a_rank_two_are_flagged(tmp_path):
    assert found(tmp_path, [message("a"), *ranked(0, 0, 0)]) == claims(("rank_tie", "c"), ("rank_tie", "d"))


def test_a_tie_is_not_reported_a_second_time_as_a_gap(tmp_path):
    assert found(tmp_path, [message("a"), *ranked(0, 0, 1, 1)]) == claims(("rank_tie", "c"), ("rank_tie", "e"))


def test_a_gap_in_the_ranks_is_noted_once_at_the_best_of_them(tmp_path):
    for ranks, first, summary in [
        ((0, 2), "b", "Sibling answers have ranks 0 and 2; 1 is missing"),
        ((2, 0), "c", "Sibling answers have ranks 0 and 2; 1 is missing"),
        ((1,), "b", "Only ranked answer has rank 1; expected 0"),
        ((1, 2, None), "b", "Sibling answers have ranks 1 and 2; 0 is missing"),
        ((0, 1, 3, 7), "b", "Sibling answers have ranks 0, 1, 3 and 7; 2, 4, 5 and 6 are missing"),
        ((0, 900), "b", "Sibling answers have ranks 0 and 900; 1, 2, 3, 4, 5, 6 and 893 more are missing"),
        ((0, 1, 2, 3, 4, 5, 7), "b", "7 sibling answers have ranks from 0 to 7; 6 is missing"),
        ((9223372036854775807,), "b", "Only ranked answer has rank 9223372036854775807; expected 0"),
    ]:
        with case(ranks, first, summary):
            record = audited(tmp_path, [message("a"), *ranked(*ranks)])
            assert flagged(record) == claims(("rank_gap", first))
            assert the(record, "rank_gap")["summary"] == summary
            assert the(record, "rank_gap")["severity"] == NOTE


def test_a_tie_and_a_gap_are_both_reported(tmp_path):
    assert found(tmp_path, [message("a"), *ranked(0, 0, 2)]) == claims(("rank_tie", "c"), ("rank_gap", "b"))
    for ranks, summary in [
        ((0, 0, 2), "Sibling answers have ranks 0 and 2; 1 is missing"),
        ((1, 1), "2 sibling answers have rank 1; 0 is missing"),
    ]:
        with case(ranks):
            assert the(audited(tmp_path, [message("a"), *ranked(*ranks)]), "rank_gap")["summary"] == summary


def test_ranks_of_answers_to_different_prompts_do_not_mix(tmp_path):
    data = [message("a"), message("b", "a", rank=0), message("p", "b", "prompter")]
    data += ranked(0, 1, parent="p", names="qr")
    data += [message("c", "a", rank=1), other("x"), *(other(name, "x", rank=k) for k, name in enumerate("yz"))]
    assert found(tmp_path, data) == []


def test_answers_whose_parent_is_lost_are_no_siblings(tmp_path):
    data = [message("a"), message("b", "a"), message("c", "gone", rank=0), message("d", "lost", rank=0)]
    assert found(tmp_path, data) == claims(("dangling_parent", "c"), ("dangling_parent", "d"))


# -- label_lengths, label_range, label_name --------------------------------------------------------------------------


def labelled(*labels: tuple[str, Any, Any], form: str) -> dict[str, Any]:
    """Write the field `labels` in one of the forms that exports use."""
    if form == "map":
        return {"labels": {name: {"value": value, "count": count} for name, value, count in labels}}
    names, values, counts = (list(column) for column in zip(*labels, strict=True))
    return {"labels": {"name": names, "value": values, "count": counts}}


FORMS = ("map", "columns")


def test_a_label_between_0_and_1_passes(tmp_path):
    for form in FORMS:
        for value in [0.0, 1.0, 0.416, 0, 1, 1e-300]:
            with case(form, value):
                more = labelled(("spam", value, 3), ("quality", 0.5, 1), form=form)
                assert found(tmp_path, [message("a"), message("b", "a", **more)]) == []


def test_a_label_outside_0_to_1_is_flagged(tmp_path):
    for form in FORMS:
        for value, shown in [(1.0001, "1.0001"), (-0.1, "-0.1"), (5, "5"), (math.nan, "nan"), (math.inf, "inf")]:
            with case(form, value, shown):
                more = labelled(("quality", 0.5, 3), ("spam", value, 3), form=form)
                record = audited(
                    tmp_path, [message("a", **labelled(("spam", 0.0, 1), form=form)), message("b", "a", **more)]
                )
                # NaN and Infinity are no JSON, which the reader may report too.
                assert flagged(record, *set(rules_of(record)) - {"repaired_line"}) == claims(("label_range", "b"))
                assert the(record, "label_range")["summary"] == f"Label value is {shown}; expected 0 to 1"
                assert the(record, "label_range")["severity"] == WARNING


def test_a_label_without_a_value_is_reported_as_null(tmp_path):
    for form in FORMS:
        with case(form):
            more = labelled(("quality", 0.5, 3), ("spam", None, 3), form=form)
            record = audited(tmp_path, [message("a"), message("b", "a", **more)])
            assert flagged(record) == claims(("label_range", "b"))
            assert the(record, "label_range")["summary"] == "Label value is null; expected 0 to 1"


def test_a_label_that_nobody_gave_is_flagged(tmp_path):
    for form in FORMS:
        for count in [0, -3]:
            with case(form, count):
                more = labelled(("quality", 0.5, 3), ("spam", 0.5, count), form=form)
                record = audited(tmp_path, [message("a"), message("b", "a", **more)])
                assert flagged(record) == claims(("label_range", "b"))
                assert the(record, "label_range")["summary"] == f"Label count is {count}; expected 1 or more"


def test_several_labels_out_of_range_are_reported_once_by_value_and_once_by_count(tmp_path):
    for form in FORMS:
        with case(form):
            more = labelled(("quality", 2.0, 0), ("spam", 3.0, 0), form=form)
            record = audited(tmp_path, [message("a"), message("b", "a", **more)])
            assert flagged(record) == claims(("label_range", "b"), ("label_range", "b"))
            assert {finding["summary"] for finding in reported(record, "label_range")} == {
                "Label value is 2; expected 0 to 1",
                "Label count is 0; expected 1 or more",
            }
            assert len({finding["fingerprint"] for finding in reported(record, "label_range")}) == 2


def test_a_label_of_an_unknown_name_is_flagged(tmp_path):
    for form in FORMS:
        with case(form):
            more = labelled(("quality", 0.5, 3), ("Spam", 0.0, 3), form=form)
            record = audited(tmp_path, [message("a"), message("b", "a", **more)])
            assert flagged(record) == claims(("label_name", "b"))
            assert the(record, "label_name")["summary"] == "Unknown label: 'Spam'"
            assert the(record, "label_name")["severity"] == WARNING


def test_a_label_that_occurs_twice_is_flagged(tmp_path):
    labels = {"name": ["spam", "quality", "spam"], "value": [0.0, 0.5, 1.0], "count": [3, 3, 3]}
    record = audited(tmp_path, [message("a"), message("b", "a", labels=labels)])
    assert flagged(record) == claims(("label_name", "b"))
    assert the(record, "label_name")["summary"] == "Message has the same label more than once"


def test_one_label_at_two_messages_is_no_duplicate(tmp_path):
    more = labelled(("spam", 0.0, 3), form="columns")
    assert found(tmp_path, [message("a", **more), message("b", "a", **more)]) == []


def test_every_label_of_the_card_is_known(tmp_path):
    for form in FORMS:
        with case(form):
            more = labelled(*((name, 0.5, 3) for name in CARD_MESSAGE["labels"]), form=form)
            assert found(tmp_path, [message("a"), message("b", "a", **more)]) == []


def test_label_lists_of_different_lengths_are_flagged(tmp_path):
    for n_names, n_values, n_counts, counted in [
        (2, 1, 2, "2 names, 1 value and 2 counts"),
        (1, 2, 1, "1 name, 2 values and 1 count"),
        (2, 2, 1, "2 names, 2 values and 1 count"),
        (0, 1, 0, "0 names, 1 value and 0 counts"),
        (1, 0, 0, "1 name, 0 values and 0 counts"),
    ]:
        with case(n_names, n_values, n_counts):
            names, values, counts = ["spam", "quality"][:n_names], [0.0, 0.5][:n_values], [3, 3][:n_counts]
            labels = {"name": names, "value": values, "count": counts}
            record = audited(tmp_path, [message("a"), message("b", "a", labels=labels)])
            assert flagged(record) == claims(("label_lengths", "b"))
            assert the(record, "label_lengths")["summary"] == f"Labels have {counted}"
            assert the(record, "label_lengths")["severity"] == WARNING


def test_a_message_that_nobody_labelled_passes(tmp_path):
    for labels in [None, {"name": [], "value": [], "count": []}, {}, {"spam": None}]:
        with case(labels):
            assert found(tmp_path, [message("a"), message("b", "a", labels=labels)]) == []


def test_faults_of_labels_are_reported_at_their_own_message(tmp_path):
    # The lists of all messages follow one another; messages without labels and with empty ones come between.
    data = [message("a", **labelled(("spam", 0.0, 1), ("quality", 0.5, 1), form="columns")), message("b", "a")]
    data += [message("c", "a", labels={"name": [], "value": [], "count": []})]
    data += [message("d", "a", **labelled(("spam", 0.0, 1), ("quality", 7.0, 1), form="columns"))]
    data += [message("e", "a", **labelled(("spam", 0.0, 1), ("sham", 0.0, 1), form="columns")), message("f", "a")]
    assert found(tmp_path, data) == claims(("label_range", "d"), ("label_name", "e"))


# -- emoji_counts ----------------------------------------------------------------------------------------------------


def test_emojis_that_were_given_pass(tmp_path):
    for emojis in [
        {"+1": 1},
        {"+1": 10, "_skip_reply": 1},
        {"name": ["+1", "-1"], "count": [2, 1]},
        {"name": [], "count": []},
        None,
    ]:
        with case(emojis):
            assert found(tmp_path, [message("a"), message("b", "a", emojis=emojis)]) == []


def test_emojis_whose_counts_do_not_fit_are_flagged_once(tmp_path):
    for emojis, summary in [
        ({"+1": 0}, "Emoji count is below 1"),
        ({"+1": 3, "-1": -2}, "Emoji count is below 1"),
        ({"name": ["+1", "-1"], "count": [2, 0]}, "Emoji count is below 1"),
        ({"name": ["+1", "-1"], "count": [2]}, "Emojis have 2 names and 1 count"),
        ({"name": ["+1"], "count": [2, 0]}, "Emojis have 1 name and 2 counts"),
    ]:
        with case(emojis, summary):
            record = audited(tmp_path, [message("a"), message("b", "a", emojis=emojis)])
            assert flagged(record) == claims(("emoji_counts", "b"))
            assert the(record, "emoji_counts")["summary"] == summary
            assert the(record, "emoji_counts")["severity"] == WARNING


# -- detoxify_range --------------------------------------------------------------------------------------------------

SCORES = ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit"]


def test_a_detoxify_score_outside_0_to_1_is_flagged(tmp_path):
    for score in SCORES:
        with case(score):
            detoxify = {**dict.fromkeys(SCORES, 0.5), score: 1.5}
            record = audited(tmp_path, [message("a"), message("b", "a", detoxify=detoxify)])
            assert flagged(record) == claims(("detoxify_range", "b"))
            assert the(record, "detoxify_range")["summary"] == f"Detoxify score {score} is 1.5; expected 0 to 1"
            assert the(record, "detoxify_range")["severity"] == WARNING


def test_a_detoxify_score_that_is_no_probability_is_flagged(tmp_path):
    for value, shown in [(-0.001, "-0.001"), (1.0001, "1.0001"), (math.nan, "nan")]:
        with case(value, shown):
            record = audited(tmp_path, [message("a"), message("b", "a", detoxify={"toxicity": value})])
            assert flagged(record, *set(rules_of(record)) - {"repaired_line"}) == claims(("detoxify_range", "b"))
            assert the(record, "detoxify_range")["summary"] == f"Detoxify score toxicity is {shown}; expected 0 to 1"


def test_a_detoxify_score_between_0_and_1_passes(tmp_path):
    for value in [0, 0.0, 1, 1.0, 0.0003, None]:
        with case(value):
            assert found(tmp_path, [message("a"), message("b", "a", detoxify=dict.fromkeys(SCORES, value))]) == []


def test_each_detoxify_score_is_reported_by_itself(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", detoxify={"toxicity": 2, "threat": 3, "insult": 0.5})])
    assert flagged(record) == claims(("detoxify_range", "b"), ("detoxify_range", "b"))
    assert len({finding["fingerprint"] for finding in reported(record, "detoxify_range")}) == 2


# -- review_count, review_result, deleted_in_export ------------------------------------------------------------------


def test_a_negative_number_of_reviews_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", review_count=-1)])
    assert flagged(record) == claims(("review_count", "b"))
    assert the(record, "review_count")["summary"] == "Number of reviews is -1; expected 0 or more"
    assert the(record, "review_count")["severity"] == WARNING


def test_a_result_of_no_review_is_noted(tmp_path):
    for verdict in [True, False]:
        with case(verdict):
            record = audited(tmp_path, [message("a"), message("b", "a", review_count=0, review_result=verdict)])
            assert flagged(record) == claims(("review_result", "b"))
            assert the(record, "review_result")["summary"] == "Message has a review result, but 0 reviews"
            assert the(record, "review_result")["severity"] == NOTE


def test_reviews_that_fit_their_result_pass(tmp_path):
    for count, verdict in [(0, None), (1, False), (3, True), (3, None), (None, None), (None, True)]:
        with case(count, verdict):
            assert found(tmp_path, [message("a"), message("b", "a", review_count=count, review_result=verdict)]) == []


def test_a_deleted_message_in_a_tree_that_is_ready_for_export_is_flagged(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a", deleted=True)])
    assert flagged(record) == claims(("deleted_in_export", "b"))
    assert the(record, "deleted_in_export")["summary"] == "Message is deleted, but its tree is ready for export"
    assert the(record, "deleted_in_export")["severity"] == WARNING


def test_a_deleted_message_in_a_tree_of_another_state_passes(tmp_path):
    for state in ["growing", "aborted_low_grade", "halted_by_moderator", None]:
        with case(state):
            data = [message("a", tree_state=state), message("b", "a", deleted=True, tree_state=state)]
            assert found(tmp_path, data) == []


def test_a_message_that_is_not_deleted_passes(tmp_path):
    for deleted in [False, None]:
        with case(deleted):
            assert found(tmp_path, [message("a"), message("b", "a", deleted=deleted)]) == []


# -- tree_state, tree_state_mixed, lottery_replies -------------------------------------------------------------------


def test_a_tree_of_an_unknown_state_is_flagged_once(tmp_path):
    for state in ["exported", "Growing", ""]:
        with case(state):
            record = audited(tmp_path, [message("a", tree_state=state), message("b", "a", tree_state=state)])
            assert flagged(record) == claims(("tree_state", "a"))
            assert the(record, "tree_state")["summary"] == f"Unknown tree state: {state!r}"
            assert the(record, "tree_state")["severity"] == WARNING


def test_a_tree_of_a_known_state_passes(tmp_path):
    for state in [
        "initial_prompt_review",
        "growing",
        "ranking",
        "ready_for_scoring",
        "ready_for_export",
        "scoring_failed",
        "aborted_low_grade",
        "halted_by_moderator",
        "backlog_ranking",
        None,
    ]:
        with case(state):
            assert found(tmp_path, [message("a", tree_state=state), message("b", "a", tree_state=state)]) == []


def test_a_tree_in_two_states_is_flagged_at_the_first_message_that_differs(tmp_path):
    data = [message("a"), message("b", "a")]
    data += [message("c", "a", tree_state="growing"), message("d", "a", tree_state="growing")]
    record = audited(tmp_path, data)
    assert flagged(record) == claims(("tree_state_mixed", "c"))
    finding = the(record, "tree_state_mixed")
    assert finding["summary"] == "State is 'growing'; the first message of the tree has 'ready_for_export'"
    assert places(finding) == whole("c", "a")
    assert finding["severity"] == WARNING


def test_two_trees_in_two_states_are_as_it_should_be(tmp_path):
    data = [message("a"), message("b", "a"), other("x", tree_state="growing"), other("y", "x", tree_state="growing")]
    assert found(tmp_path, data) == []


def test_a_message_in_an_unknown_state_is_reported_as_both_unknown_and_another(tmp_path):
    data = [message("a"), message("b", "a", tree_state="exported"), message("c", "a")]
    assert found(tmp_path, data) == claims(("tree_state", "b"), ("tree_state_mixed", "b"))


def test_a_prompt_alone_in_the_lottery_passes(tmp_path):
    assert found(tmp_path, [message("a", tree_state="prompt_lottery_waiting")]) == []


def test_a_prompt_in_the_lottery_with_a_reply_is_flagged(tmp_path):
    state = "prompt_lottery_waiting"
    record = audited(tmp_path, [message("a", tree_state=state), message("b", "a", tree_state=state)])
    assert flagged(record) == claims(("lottery_replies", "a"))
    summary = "Tree in the prompt lottery has 2 messages; expected 1"
    assert the(record, "lottery_replies")["summary"] == summary
    assert the(record, "lottery_replies")["severity"] == WARNING


# -- synthetic_model -------------------------------------------------------------------------------------------------


def test_a_synthetic_message_without_a_model_or_the_reverse_is_flagged(tmp_path):
    for synthetic, model, summary in [
        (True, None, "Message is synthetic, but names no model"),
        (False, "oasst-sft-0_3000", "Message names a model, but is not synthetic"),
    ]:
        with case(synthetic, model, summary):
            record = audited(tmp_path, [message("a"), message("b", "a", synthetic=synthetic, model_name=model)])
            assert flagged(record) == claims(("synthetic_model", "b"))
            assert the(record, "synthetic_model")["summary"] == summary
            assert the(record, "synthetic_model")["severity"] == WARNING


def test_a_message_that_names_its_author_passes(tmp_path):
    for synthetic, model in [(True, "oasst-sft-0_3000"), (False, None), (None, None), (None, "oasst-sft-0_3000")]:
        with case(synthetic, model):
            assert found(tmp_path, [message("a"), message("b", "a", synthetic=synthetic, model_name=model)]) == []


# -- what the reader met ---------------------------------------------------------------------------------------------


def test_a_line_that_cannot_be_read_is_an_error_at_its_place(tmp_path):
    record = audited(tmp_path, [message("a"), message("b", "a"), '{"message_id": ', message("c", "a")])
    assert flagged(record) == [("unreadable_line", None)]
    finding = the(record, "unreadable_line")
    assert (finding["line"], finding["severity"], finding["spans"][0]["id"]) == (3, ERROR, "line 3")


def test_a_line_that_was_repaired_is_a_warning_and_its_message_is_checked(tmp_path):
    line = json.dumps(message("c", "a", lang="xx-klingon"))
    twice = line.replace('"lang":', '"lang": "de", "lang":')
    record = audited(tmp_path, [message("a"), message("b", "a"), twice])
    assert rules_of(record) == ["language_tag", "repaired_line"]
    assert (the(record, "repaired_line")["line"], the(record, "repaired_line")["severity"]) == (3, WARNING)


def test_a_blank_line_is_a_note(tmp_path):
    record = audited(tmp_path, [message("a"), "", message("b", "a")])
    assert rules_of(record) == ["line_format"]
    assert (the(record, "line_format")["line"], the(record, "line_format")["severity"]) == (2, NOTE)


# -- settings --------------------------------------------------------------------------------------------------------


def test_in_a_filtered_export_a_lost_parent_and_a_lost_root_are_notes(tmp_path):
    data = [message("b", "a"), message("c", "b", "assistant")]
    pairs = claims(("dangling_parent", "b"), ("role_alternation", "c"))
    assert flagged(strict := audited(tmp_path, data)) == pairs
    assert flagged(mild := audited(tmp_path, data, filtered_export=True)) == pairs
    rules = ("dangling_parent", "role_alternation")
    assert [the(strict, rule)["severity"] for rule in rules] == [ERROR, ERROR]
    assert [the(mild, rule)["severity"] for rule in rules] == [NOTE, ERROR]
    two = [message("a"), message("b", "a"), message("c"), message("d", "c")]
    assert the(audited(tmp_path, two), "one_root")["severity"] == ERROR
    assert the(audited(tmp_path, two, filtered_export=True), "one_root")["severity"] == NOTE


def test_a_filtered_export_changes_no_fingerprint(tmp_path):
    data = [message("b", "a"), message("c", "gone")]
    strict, mild = audited(tmp_path, data), audited(tmp_path, data, filtered_export=True)
    assert strict.table["fingerprint"].to_pylist() == mild.table["fingerprint"].to_pylist()


def test_a_rule_that_is_off_is_not_reported_at_any_stage(tmp_path):
    for rule in ["order", "dangling_parent", "date_in_future", "mistyped_field"]:
        with case(rule):
            data = [
                message("b", "a", deleted="no"),
                message("c", "b", "prompter", created_date=IN_2030),
                message("d", "b"),
            ]
            data += [message("e", "c", created_date=None)]
            # d comes between c and its reply.
            all_rules = ["dangling_parent", "date_in_future", "mistyped_field", "order", "role_alternation"]
            assert rules_of(audited(tmp_path, data)) == all_rules
            assert rules_of(audited(tmp_path, data, off=(rule,))) == [name for name in all_rules if name != rule]


def test_several_rules_may_be_off(tmp_path):
    data = [message("b", "a"), message("c", "b", "assistant")]
    record = audited(tmp_path, data, off=("dangling_parent", "one_root"))
    assert flagged(record) == claims(("role_alternation", "c"))


def test_an_unknown_rule_in_off_is_refused_and_the_known_are_named():
    for name in ["role_alternatoin", "", "schema_invariants/cycle"]:
        with case(name):
            with pytest.raises(ValueError, match=r"^off: .* does not exist\. .*Available: ") as refusal:
                SchemaInvariants(off=("cycle", name))
            words = str(refusal.value)
            assert repr(name) in words
            for known in ("role_alternation", "cycle", "line_format"):
                assert known in words


def test_years_that_are_not_above_0_are_refused():
    for years in [0, -1, -0.5, math.nan]:
        with case(years), pytest.raises(ValueError, match=f"^max_future_years: {years}; expected above 0$"):
            SchemaInvariants(max_future_years=years)


# -- the later stages take rows in any order -------------------------------------------------------------------------


def test_links_are_reported_alike_in_any_order_of_rows():
    # The parent b is in two other trees.
    data = [message("a"), message("b", "a"), other("x"), other("b", "x")]
    data += [message("r", message_tree_id=uid("r")), message("s", "b", message_tree_id=uid("r"))]
    check = SchemaInvariants()
    ids, parents = (check.scan(batch(data)).rows[name] for name in ("ids", "parents"))
    forwards = check.link(ids, parents).findings
    backwards = check.link(*(table.take(list(range(table.num_rows))[::-1]) for table in (ids, parents))).findings
    assert forwards.num_rows == 2
    assert backwards.to_pylist() == forwards.to_pylist()


def test_only_messages_with_ids_are_handed_on_as_known():
    rows = SchemaInvariants().scan(batch([message("a"), message("b", "a", message_id=None)])).rows
    assert rows["ids"]["key"].to_pylist() == [uid("a")]


def test_only_parents_outside_the_tree_are_handed_on():
    data = [message("a"), message("b", "a"), message("c", "gone"), message("d", "a", message_tree_id=None)]
    rows = SchemaInvariants().scan(batch(data)).rows
    assert [(row["key"], row["message_id"]) for row in rows["parents"].to_pylist()] == [(uid("gone"), uid("c"))]


def test_rows_travel_as_one_table_and_come_back_as_they_were():
    check = SchemaInvariants()
    rows = check.scan(batch([message("a"), message("b", "a"), message("c", "gone")])).rows
    for stage in check.stages()[1:]:
        packed = pa.concat_tables([stage.packed(name, rows[name]) for name in stage.takes])
        assert [table.to_pylist() for table in stage.unpacked(packed)] == [
            rows[name].to_pylist() for name in stage.takes
        ]


# -- data that follow the card ---------------------------------------------------------------------------------------

# The examples of the data set card; "(..)" is the card's own ellipsis, its comments are left out.
CARD_MESSAGE = {
    "message_id": "218440fd-5317-4355-91dc-d001416df62b",
    "parent_id": "13592dfb-a6f9-4748-a92c-32b34e239bb4",
    "user_id": "8e95461f-5e94-4d8b-a2fb-d4717ce973e4",
    "text": "It was the winter of 2035, and artificial intelligence (..)",
    "role": "assistant",
    "lang": "en",
    "review_count": 3,
    "review_result": True,
    "deleted": False,
    "rank": 0,
    "synthetic": True,
    "model_name": "oasst-sft-0_3000,max_new_tokens=400 (..)",
    "labels": {
        "spam": {"value": 0.0, "count": 3},
        "lang_mismatch": {"value": 0.0, "count": 3},
        "pii": {"value": 0.0, "count": 3},
        "not_appropriate": {"value": 0.0, "count": 3},
        "hate_speech": {"value": 0.0, "count": 3},
        "sexual_content": {"value": 0.0, "count": 3},
        "quality": {"value": 0.416, "count": 3},
        "toxicity": {"value": 0.16, "count": 3},
        "humor": {"value": 0.0, "count": 3},
        "creativity": {"value": 0.33, "count": 3},
        "violence": {"value": 0.16, "count": 3},
    },
}
CARD_TREE = {
    "message_tree_id": "14fbb664-a620-45ce-bee4-7c519b16a793",
    "tree_state": "ready_for_export",
    "prompt": {
        "message_id": "14fbb664-a620-45ce-bee4-7c519b16a793",
        "text": "Why can't we divide by 0? (..)",
        "role": "prompter",
        "lang": "en",
        "replies": [
            {
                "message_id": "894d30b6-56b4-4605-a504-89dd15d4d1c8",
                "text": "The reason we cannot divide by zero is because (..)",
                "role": "assistant",
                "lang": "en",
                "replies": [],
            },
            {
                "message_id": "84d0913b-0fd9-4508-8ef5-205626a7039d",
                "text": "The reason that the result of a division by zero is (..)",
                "role": "assistant",
                "lang": "en",
                "replies": [
                    {
                        "message_id": "3352725e-f424-4e3b-a627-b6db831bdbaa",
                        "text": "Math is confusing. Like those weird Irrational (..)",
                        "role": "prompter",
                        "lang": "en",
                        "replies": [
                            {
                                "message_id": "f46207ca-3149-46e9-a466-9163d4ce499c",
                                "text": "Irrational numbers are simply numbers (..)",
                                "role": "assistant",
                                "lang": "en",
                                "replies": [],
                            }
                        ],
                    }
                ],
            },
        ],
    },
}


def test_the_tree_of_the_card_passes_nested(tmp_path):
    record = audited(tmp_path, [CARD_TREE])
    assert record.facts.sources[0].format == "oasst_trees"
    assert record.facts.messages == 5
    assert flagged(record) == []


def test_the_message_of_the_card_passes_nested_below_its_parent(tmp_path):
    root = "13592dfb-a6f9-4748-a92c-32b34e239bb4"
    prompt = node("root", "prompter", CARD_MESSAGE, message_id=root)
    tree = {"message_tree_id": root, "tree_state": "ready_for_export", "prompt": prompt}
    record = audited(tmp_path, [CARD_TREE, tree])
    assert record.facts.messages == 7
    assert flagged(record) == []


def test_the_tree_of_the_card_passes_flat(tmp_path):
    rows, stack = [], [(CARD_TREE["prompt"], None)]
    while stack:
        row, parent = stack.pop()
        rows.append({k: v for k, v in row.items() if k != "replies"} | {"parent_id": parent})
        rows[-1] |= {"message_tree_id": CARD_TREE["message_tree_id"], "tree_state": "ready_for_export"}
        stack += [(reply, row["message_id"]) for reply in reversed(row["replies"])]
    record = audited(tmp_path, rows)
    assert record.facts.sources[0].format == "oasst_messages"
    assert record.facts.messages == 5
    assert flagged(record) == []


def test_the_message_of_the_card_passes_flat_below_its_parent(tmp_path):
    root = "13592dfb-a6f9-4748-a92c-32b34e239bb4"
    prompt = message("root", message_id=root, message_tree_id=root)
    reply = {**CARD_MESSAGE, "message_tree_id": root, "tree_state": "ready_for_export"}
    assert found(tmp_path, [prompt, reply]) == []


def test_the_columns_that_the_card_lists_pass(tmp_path):
    # As `datasets` gives them: sequences of structs come as structs of lists.
    scored = {
        "created_date": "2023-02-05T14:23:50.983374+00:00",
        "detoxify": dict(zip(SCORES, [0.00044, 3.2e-05, 0.00023, 4.0e-05, 8.0e-05, 1.8e-05, 3.2e-05], strict=True)),
        "emojis": {"name": ["+1", "_skip_reply", "_skip_ranking"], "count": [10, 1, 4]},
        "labels": {"name": ["spam", "lang_mismatch", "quality"], "value": [0.0, 0.0, 0.91666], "count": [3, 3, 3]},
    }
    bare = {"detoxify": None, "emojis": None, "labels": None}
    data = [message("a", **scored), message("b", "a", rank=1, **scored), message("c", "a", rank=0, **bare)]
    assert found(tmp_path, data) == []


# -- documents promise less -------------------------------------------------------------------------------------------


def test_documents_need_no_role_no_uuid_and_no_language(tmp_path):
    data = [{"id": "d1", "text": "One"}, {"id": 2, "text": "Two", "lang": "en"}, {"text": "Three"}]
    record = audited(
        tmp_path, [*data, {"id": "d4", "text": "Four", "lang": "de", "context": "What comes after three?"}]
    )
    assert record.facts.sources[0].format == "documents"
    assert flagged(record) == []


def test_the_context_of_a_document_is_not_checked(tmp_path):
    for context in ["", " \u200b", "bell \x07", "lost \ufffd"]:
        with case(context):
            data = [
                {"id": "d1", "text": "One", "lang": "en", "context": context},
                {"id": "d2", "text": "Two", "lang": "en"},
            ]
            assert found(tmp_path, data) == []


def test_a_context_of_another_type_is_reported_as_that_alone(tmp_path):
    data = [{"id": "d1", "text": "One", "context": 5}, {"id": "d2", "text": "Two"}]
    assert rules_of(audited(tmp_path, data)) == ["mistyped_field"]


def test_the_document_itself_is_checked(tmp_path):
    for more, rule in [
        ({"text": ""}, "empty_text"),
        ({"text": "bell \x07"}, "control_characters"),
        ({"text": "lost \ufffd"}, "replacement_characters"),
        ({"text": None}, "missing_field"),
        ({"lang": "eng lish"}, "language_tag"),
    ]:
        for context in [None, "A question"]:
            with case(more, rule, context):
                bad = {"id": "d2", "text": "Two", "lang": "en", "context": context, **more}
                assert found(tmp_path, [{"id": "d1", "text": "One", "lang": "en"}, bad]) == [(rule, "d2")]


def test_only_documents_are_counted_as_checked(tmp_path):
    data = [{"id": f"d{k}", "text": "One", "lang": "en", "context": "A question"} for k in range(3)]
    record = audited(tmp_path, [*data, {"id": "d9", "text": "Nine", "lang": "de"}])
    coverage = record.facts.checks[0].coverage
    assert [(count.outcome, count.lang, count.role, count.messages) for count in coverage] == [
        (CHECKED, "de", None, 1),
        (CHECKED, "en", None, 3),
    ]
    assert record.facts.messages == 4


def test_a_document_id_that_occurs_twice_is_flagged_once_though_both_have_a_context(tmp_path):
    data = [{"id": "d1", "text": "One", "context": "A question"}, {"id": "d1", "text": "Two", "context": "Another"}]
    record = audited(tmp_path, data)
    assert flagged(record) == [("duplicate_id", "d1")]
    assert the(record, "duplicate_id")["line"] == 2
