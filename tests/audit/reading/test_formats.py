"""Formats: what each makes of a record, how it is recognised, and that no record makes it fail."""

import itertools
import json
import re
from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import SHARED, audit, flagged, needs_shared, rules_of, write
from cases import case
from chataudit.audit.config import _convert
from chataudit.audit.reading import files
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.formats import FORMATS, MAPPING, Fault, Format, Row, Spec
from chataudit.audit.reading.formats.columns import tabulate
from chataudit.audit.reading.formats.described import Described
from chataudit.audit.reading.formats.records import Records
from chataudit.audit.reading.parse import parse
from chataudit.audit.reading.recognise import recognise
from chataudit.audit.run import run
from chataudit.checks.base.faults import FaultKind
from chataudit.checks.base.messages import MESSAGES
from hypothesis import given, settings
from hypothesis import strategies as st

CHECK = "schema_invariants"


def rows(format: str | Format, record: Row) -> list[Row]:
    """Return the messages of a record in line 1 of data.jsonl, none of which is at fault."""
    found = list((FORMATS[format] if isinstance(format, str) else format).flatten(record, "data:1"))
    assert not [fault for fault in found if isinstance(fault, Fault)]
    return [row for row in found if not isinstance(row, Fault)]


def flattened(format: str | Format, record: Row, *more: str) -> list[tuple[Any, ...]]:
    """Return (id, parent, role, text) of each message, and `more` columns; of calls only their ids."""
    return [
        tuple(
            call_ids(row) if name == "calls" else row.get(name)
            for name in ("message_id", "parent_id", "role", "text", *more)
        )
        for row in rows(format, record)
    ]


def call_ids(row: Row) -> list[str] | None:
    return None if row["calls"] is None else [call["id"] for call in row["calls"]]


def faults(format: str | Format, record: Row) -> list[str]:
    found = (FORMATS[format] if isinstance(format, str) else format).flatten(record, "data:1")
    return [f"{fault.kind}: {fault.detail}" for fault in found if isinstance(fault, Fault)]


def user(text: str) -> Row:
    return {"role": "user", "content": text}


def bot(text: str) -> Row:
    return {"role": "assistant", "content": text}


# -- messages ----------------------------------------------------------------------------------------------------------


def test_messages_become_a_thread_in_which_the_first_has_the_id_of_the_tree():
    record = {"messages": [{"role": "system", "content": "Be kind."}, user("Hi"), bot("Hello")]}
    assert flattened("messages", record, "tree_id", "branch", "calls") == [
        ("data:1", None, "system", "Be kind.", "data:1", None, None),
        ("data:1#2", "data:1", "prompter", "Hi", "data:1", None, None),
        ("data:1#3", "data:1#2", "assistant", "Hello", "data:1", None, None),
    ]


@pytest.mark.parametrize(
    ("fields", "tree"),
    [
        ({"id": "a"}, "a"),
        ({"id": 7}, "7"),
        ({"conversation_id": "c"}, "c"),
        ({"id": None, "conversation_id": "c"}, "c"),
        ({}, "data:1"),
    ],
)
def test_a_tree_has_the_id_of_its_record_or_its_place(fields, tree):
    assert [row["tree_id"] for row in rows("messages", {**fields, "messages": [user("Hi")]})] == [tree]
    assert rows("messages", {**fields, "messages": [user("Hi"), bot("Hello")]})[1]["message_id"] == f"{tree}#2"


def test_the_language_of_a_record_is_that_of_its_messages():
    cases = [
        ({"lang": "de"}, "de"),
        ({"language": "pt-BR"}, "pt-BR"),
        ({"language": "English"}, "en"),
        ({"language": "Brazilian Portuguese"}, "pt-BR"),
        ({"language": "Nolang"}, "Nolang"),  # a rule reports it
        ({"language": "unknown"}, None),
        ({"language": "\ud800"}, "\ud800"),
        ({"lang": "de", "language": "en"}, "de"),
        ({}, None),
    ]
    for fields, lang in cases:
        with case(fields, lang):
            record = {**fields, "split": "test", "messages": [user("Hi"), bot("Hello")]}
            assert [(row.get("lang"), row["split"]) for row in rows("messages", record)] == [(lang, "test")] * 2


def test_roles_have_our_names_and_unknown_ones_stay():
    cases = [
        *((raw, "prompter") for raw in ("user", "human", "Human", "prompter", "human_1", "user 2", " User\n")),
        *((raw, "assistant") for raw in ("assistant", "gpt", "bot", "chatgpt", "model", "bing", "bard", "Chatbot")),
        *((raw, "assistant") for raw in ("assistant ", "bot_1", "gpt-4")),
        *((raw, "system") for raw in ("system", "developer")),
        *((raw, "tool") for raw in ("tool", "observation", "ipython", "function", "tool_response")),
        ("narrator", "narrator"),
        ("Narrator", "Narrator"),
        ("narrator_1", "narrator_1"),
    ]
    for raw, role in cases:
        with case(raw, role):
            assert rows("messages", {"messages": [{"role": raw, "content": "x"}]})[0]["role"] == role


def test_text_blocks_are_joined_and_other_blocks_are_left_out():
    content = [
        {"type": "reasoning", "value": "Let me see."},
        {"type": "text", "text": "One."},
        {"type": "image_url", "image_url": {"url": "https://example.org"}},
        {"type": "text", "value": " Two. "},
    ]
    record = {"messages": [{"role": "user", "content": content}, bot("")]}
    assert [row["text"] for row in rows("messages", record)] == ["One.\n\n Two. ", ""]


def test_a_message_that_only_calls_tools_has_the_calls_as_its_text():
    calls = [{"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}]
    record = {
        "messages": [
            user("What time is it?"),
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "content": "Noon", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Noon. Again:", "tool_calls": [*calls, {"function": {"name": "then"}}]},
        ]
    }
    assert flattened("messages", record, "calls", "call_id") == [
        ("data:1", None, "prompter", "What time is it?", None, None),
        ("data:1#2", "data:1", "assistant", json.dumps(calls), ["c1"], None),
        ("data:1#3", "data:1#2", "tool", "Noon", None, "c1"),
        ("data:1#4", "data:1#3", "assistant", "Noon. Again:", ["c1", ""], None),
    ]


@pytest.mark.parametrize(
    ("call", "name"),
    [
        ('<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>', "now"),
        ('One moment. <functioncall> {"name": "now", "arguments": {}}', "now"),
        ('[TOOL_CALLS][{"name": "now", "arguments": {}, "id": "call12345"}]', "now"),
        ("[TOOL_CALLS]now[ARGS]{}", "now"),
        ("<|python_tag|>now.call()", None),
        ("<function=now>{}</function>", "now"),
        ("[Tell time(zone='UTC'), then(x=[1])]", "Tell time"),
        ("<tool_call>\n<function=now>\n</function>\n</tool_call>", "now"),
    ],
)
def test_calls_that_are_written_into_a_text_are_calls(tmp_path, call, name):
    turns = [("human", "What time is it?"), ("gpt", call), ("tool", '{"time": "noon"}'), ("gpt", "It is noon.")]
    record = {"conversations": [{"from": role, "value": text} for role, text in turns]}
    calls = [row["calls"] for row in rows("sharegpt", record)]
    assert [found and [each["name"] for each in found] for found in calls] == [None, [name], None, None]
    assert rules_of(audit(tmp_path, [record], CHECK)) == []
    mute = {
        "conversations": [record["conversations"][0], {"from": "gpt", "value": "Wait."}, *record["conversations"][2:]]
    }
    assert rules_of(audit(tmp_path, [mute], CHECK)) == ["tool_result"]


def test_results_of_tools_in_blocks_are_messages_of_the_tools():
    uses = [{"type": "tool_use", "id": key, "name": "now", "input": {}} for key in ("u1", "u2")]
    results = [
        {"type": "tool_result", "tool_use_id": "u1", "content": "Noon"},
        {"type": "tool_result", "tool_use_id": "u2", "content": [{"type": "text", "text": "One"}, {"type": "image"}]},
    ]
    record = {
        "messages": [
            user("What time is it?"),
            {"role": "assistant", "content": [{"type": "text", "text": "I look."}, *uses]},
            {"role": "user", "content": [*results, {"type": "text", "text": "Quick!"}]},
            {"role": "assistant", "content": uses[:1]},
            {"role": "user", "content": results[:1]},
        ]
    }
    assert flattened("messages", record, "calls", "call_id")[1:] == [
        ("data:1#2", "data:1", "assistant", "I look.", ["u1", "u2"], None),
        ("data:1#3", "data:1#2", "tool", "Noon", None, "u1"),
        ("data:1#4", "data:1#3", "tool", "One", None, "u2"),
        ("data:1#5", "data:1#4", "prompter", "Quick!", None, None),
        ("data:1#6", "data:1#5", "assistant", json.dumps(uses[0]), ["u1"], None),
        ("data:1#7", "data:1#6", "tool", "Noon", None, "u1"),
    ]


def test_results_of_tools_that_are_nested_without_end_are_read():
    block: dict[str, Any] = {"type": "tool_result", "content": "Noon"}
    for _ in range(400):
        block = {"type": "tool_result", "content": [block, {"type": "text", "text": "One"}]}
    record = {"messages": [{"role": "user", "content": [block]}]}
    assert [(row["role"], row["text"]) for row in rows("messages", record)] == [("tool", "One")]


def test_calls_without_ids_are_calls():
    blocks = [{"type": "tool_call", "value": '{"name": "now"}'}, {"type": "tool_call", "value": '{"name": "then"}'}]
    record = {
        "messages": [
            {"role": "assistant", "content": blocks},
            {"role": "assistant", "content": None, "function_call": {"name": "now"}},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "u1", "name": "now", "input": {}}]},
        ]
    }
    assert [(row["text"], call_ids(row)) for row in rows("messages", record)] == [
        ('{"name": "now"}\n\n{"name": "then"}', ["", ""]),
        ('{"name": "now"}', [""]),
        ('{"type": "tool_use", "id": "u1", "name": "now", "input": {}}', ["u1"]),
    ]


def test_null_fields_of_a_table_count_as_missing():
    turn = {"role": "user", "from": None, "content": "Hi", "value": None, "tool_calls": None, "function_call": None}
    assert flattened("messages", {"id": None, "messages": [turn]}, "calls") == [
        ("data:1", None, "prompter", "Hi", None)
    ]


def test_messages_in_tables_are_those_in_lines(tmp_path):
    records = [{"messages": [user("Hi"), bot("Hello")]}, {"id": "a", "messages": [user("Why?")], "label": None}]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "data.parquet")
    lines, table = (
        run(tmp_path / name, checks=[CHECK], engine="serial").facts
        for name in (write(tmp_path / "data.jsonl", records).name, "data.parquet")
    )
    assert (lines.sources[0].format, lines.messages) == (table.sources[0].format, table.messages) == ("messages", 3)


def test_turns_may_use_from_and_value():
    record = {"messages": [{"from": "human", "value": "Hi"}]}
    assert flattened("messages", record) == [("data:1", None, "prompter", "Hi")]


def test_a_prompt_and_its_completion_are_one_conversation():
    record = {"prompt": [user("Hi")], "completion": [bot("Hello")]}
    assert flattened("instructions", record) == [
        ("data:1", None, "prompter", "Hi"),
        ("data:1#output", "data:1", "assistant", "Hello"),
    ]
    assert flattened("prompts", {"prompt": [user("Hi")]}) == [("data:1", None, "prompter", "Hi")]


# -- sharegpt ----------------------------------------------------------------------------------------------------------


def test_sharegpt_has_a_system_prompt_and_calls_of_tools():
    record = {
        "id": "s1",
        "system": "Be kind.",
        "conversations": [
            {"from": "human", "value": "What time is it?"},
            {"from": "function_call", "value": '{"name": "now"}'},
            {"from": "observation", "value": "Noon"},
            {"from": "gpt", "value": "It is noon."},
        ],
    }
    assert flattened("sharegpt", record, "calls", "call_id") == [
        ("s1", None, "system", "Be kind.", None, None),
        ("s1#2", "s1", "prompter", "What time is it?", None, None),
        ("s1#3", "s1#2", "assistant", '{"name": "now"}', [""], None),
        ("s1#4", "s1#3", "tool", "Noon", None, None),
        ("s1#5", "s1#4", "assistant", "It is noon.", None, None),
    ]


@pytest.mark.parametrize(
    ("value", "calls"),
    [
        ('[{"name": "a", "id": "c1"}, {"name": "b"}]', ["c1", ""]),
        ("[]", [""]),
        ("not JSON", [""]),
        ("[" * 100_000, [""]),
    ],
)
def test_calls_in_a_text_are_counted_where_they_can_be_read(value, calls):
    record = {"conversations": [{"from": "function_call", "value": value}]}
    assert [(row["text"], call_ids(row)) for row in rows("sharegpt", record)] == [(value, calls)]


def test_wildchat_and_lmsys_chat_are_read():
    record = {"conversation_id": "w", "language": "English", "conversation": [user("Hi"), bot("Hello")]}
    assert flattened("sharegpt", record, "lang") == [
        ("w", None, "prompter", "Hi", "en"),
        ("w#2", "w", "assistant", "Hello", "en"),
    ]


# -- transcripts -------------------------------------------------------------------------------------------------------


def test_two_transcripts_share_their_prompt():
    shared = "\n\nHuman: Hi\n\nAssistant: Hello \n\nHuman:  Why?\nHuman: no mark"
    record = {"chosen": f"{shared}\n\nAssistant: So.", "rejected": f"{shared}\n\nAssistant: No."}
    assert flattened("preferences", record, "branch", "rank") == [
        ("data:1", None, "prompter", "Hi", None, None),
        ("data:1#2", "data:1", "assistant", "Hello ", None, None),
        ("data:1#3", "data:1#2", "prompter", " Why?\nHuman: no mark", None, None),
        ("data:1#chosen", "data:1#3", "assistant", "So.", "chosen", 0),
        ("data:1#rejected", "data:1#3", "assistant", "No.", "rejected", 1),
    ]


def test_transcripts_that_part_early_have_branches_and_no_ranks():
    record = {
        "chosen": "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?\n\nAssistant: So.",
        "rejected": "\n\nHuman: Hi\n\nAssistant: No.",
    }
    assert flattened("preferences", record, "branch", "rank") == [
        ("data:1", None, "prompter", "Hi", None, None),
        ("data:1#2-chosen", "data:1", "assistant", "Hello", "chosen", None),
        ("data:1#3-chosen", "data:1#2-chosen", "prompter", "Why?", "chosen", None),
        ("data:1#chosen", "data:1#3-chosen", "assistant", "So.", "chosen", None),
        ("data:1#rejected", "data:1", "assistant", "No.", "rejected", None),
    ]


def test_transcripts_that_share_nothing_are_two_roots():
    record = {"chosen": "\n\nHuman: A\n\nAssistant: B", "rejected": "\n\nHuman: C\n\nAssistant: D"}
    assert flattened("preferences", record) == [
        ("data:1", None, "prompter", "A"),
        ("data:1#chosen", "data:1", "assistant", "B"),
        ("data:1#1-rejected", None, "prompter", "C"),
        ("data:1#rejected", "data:1#1-rejected", "assistant", "D"),
    ]


def test_equal_transcripts_have_an_answer_each_and_an_empty_one_is_a_message():
    record = {"chosen": "\n\nHuman: Hi\n\nAssistant: ", "rejected": "\n\nHuman: Hi\n\nAssistant: "}
    assert flattened("preferences", record) == [
        ("data:1", None, "prompter", "Hi"),
        ("data:1#chosen", "data:1", "assistant", ""),
        ("data:1#rejected", "data:1", "assistant", ""),
    ]


@pytest.mark.parametrize("gap", ["", " "])
def test_guanaco_marks_its_turns_with_hashes(gap):
    record = {"text": f"### Human: Hi\n\nHuman: no mark{gap}### Assistant: Hello{gap}### Human: Why?"}
    assert flattened("transcripts", record) == [
        ("data:1", None, "prompter", "Hi\n\nHuman: no mark"),
        ("data:1#2", "data:1", "assistant", "Hello"),
        ("data:1#3", "data:1#2", "prompter", "Why?"),
    ]


def test_an_output_answers_the_transcript_in_the_input():
    history = "### Human: Hi ### Assistant:"
    record = {"input": history, "output": "Hello", "lang": "en"}
    assert flattened("instructions", record, "lang") == [
        ("data:1", None, "prompter", "Hi", "en"),
        ("data:1#output", "data:1", "assistant", "Hello", "en"),
    ]


def test_chosen_and_rejected_may_answer_a_transcript_in_the_prompt():
    record = {"prompt": "\n\nHuman: Hi\n\nAssistant:", "chosen": " Hello", "rejected": "  No"}
    assert flattened("preferences", record, "branch") == [
        ("data:1", None, "prompter", "Hi", None),
        ("data:1#chosen", "data:1", "assistant", "Hello", "chosen"),
        ("data:1#rejected", "data:1", "assistant", " No", "rejected"),
    ]


def test_a_completed_transcript_may_have_a_label():
    record = {"prompt": "\n\nHuman: Hi\n\nAssistant:", "completion": " Hello", "label": False}
    assert flattened("labelled_answer", record, "branch") == [
        ("data:1", None, "prompter", "Hi", None),
        ("data:1#rejected", "data:1", "assistant", "Hello", "rejected"),
    ]


# -- preferences -------------------------------------------------------------------------------------------------------

PAIR = [
    ("data:1", None, "prompter", "Hi", None, None),
    ("data:1#chosen", "data:1", "assistant", "Hello", "chosen", 0),
    ("data:1#rejected", "data:1", "assistant", "No", "rejected", 1),
]


def test_all_ways_to_write_a_pair_give_the_same_siblings():
    cases = [
        {"prompt": "Hi", "chosen": "Hello", "rejected": "No"},
        {"prompt": [user("Hi")], "chosen": [bot("Hello")], "rejected": [bot("No")]},
        {"chosen": [user("Hi"), bot("Hello")], "rejected": [user("Hi"), bot("No")]},
        {
            "conversations": [{"from": "human", "value": "Hi"}],
            "chosen": {"from": "gpt", "value": "Hello"},
            "rejected": bot("No"),
        },
        {"messages": [user("Hi")], "chosen": [bot("Hello")], "rejected": [bot("No")]},
        {"instruction": "Hi", "input": "", "chosen": "Hello", "rejected": "No"},
        {"system": "", "question": "Hi", "chosen": "Hello", "rejected": "No"},
        {"input": "Hi", "chosen": "Hello", "rejected": "No"},
        {
            "prompt": "Hi",
            "messages": [user("Hi"), bot("Hello")],
            "chosen": [user("Hi"), bot("Hello")],
            "rejected": [user("Hi"), bot("No")],
            "score_chosen": 8.0,
            "score_rejected": 5.0,
        },
        {
            "messages": [user("Hi"), bot("Hello")],
            "chosen": [user("Hi"), bot("Hello")],
            "rejected": [user("Hi"), bot("No")],
        },
    ]
    for record in cases:
        with case(record):
            assert flattened("preferences", record, "branch", "rank") == PAIR


def test_a_system_prompt_is_the_parent_of_the_pair():
    record = {"system": "Be kind.", "question": "Hi", "chosen": "Hello", "rejected": "No"}
    found = flattened("preferences", record)
    assert found == [
        ("data:1", None, "system", "Be kind."),
        ("data:1#2", "data:1", "prompter", "Hi"),
        ("data:1#chosen", "data:1#2", "assistant", "Hello"),
        ("data:1#rejected", "data:1#2", "assistant", "No"),
    ]
    whole = [{"role": "system", "content": "Be kind."}, user("Hi")]
    record = {"prompt": "Hi", "chosen": [*whole, bot("Hello")], "rejected": [*whole, bot("No")]}
    assert flattened("preferences", record) == found
    record = {"system": "Be kind.", "chosen": [user("Hi"), bot("Hello")], "rejected": [user("Hi"), bot("No")]}
    assert flattened("preferences", record) == found


def test_texts_without_a_prompt_share_their_first_words():
    record = {"chosen": "The sky is blue.", "rejected": "The sky is black."}
    assert flattened("preferences", record, "branch") == [
        ("data:1", None, "prompter", "The sky is", None),
        ("data:1#chosen", "data:1", "assistant", " blue.", "chosen"),
        ("data:1#rejected", "data:1", "assistant", " black.", "rejected"),
    ]


def test_texts_that_share_no_word_are_two_roots():
    record = {"chosen": "Yes", "rejected": "Yellow"}
    assert flattened("preferences", record, "branch", "rank") == [
        ("data:1", None, "assistant", "Yes", "chosen", None),
        ("data:1#rejected", None, "assistant", "Yellow", "rejected", None),
    ]


def test_a_label_chooses_the_side_of_the_last_answer():
    records = [
        ("labelled_conversation", {"messages": [user("Hi"), bot("Hello")]}),
        ("labelled_answer", {"prompt": "Hi", "completion": "Hello"}),
        ("labelled_answer", {"prompt": [user("Hi")], "completion": [bot("Hello")]}),
    ]
    labels = [(True, "chosen"), (1, "chosen"), ("yes", "chosen"), (False, "rejected"), (0.0, "rejected")]
    for (format, record), (label, branch) in itertools.product(records, labels):
        with case(record, label, branch):
            assert flattened(format, {**record, "label": label}, "branch", "rank") == [
                ("data:1", None, "prompter", "Hi", None, None),
                (f"data:1#{branch}", "data:1", "assistant", "Hello", branch, None),
            ]


def test_a_side_that_cannot_be_read_leaves_the_prompt_and_the_other_side():
    record = {"prompt": "Hi", "chosen": 5, "rejected": "No"}
    found = list(FORMATS["preferences"].flatten(record, "data:1"))
    assert [row["message_id"] for row in found if not isinstance(row, Fault)] == ["data:1", "data:1#rejected"]
    assert faults("preferences", record) == [
        "mistyped_field: chosen is 5, an integer; expected a text, a message or a list of messages"
    ]
    record = {"prompt": "Hi", "chosen": None, "rejected": None}
    found = list(FORMATS["preferences"].flatten(record, "data:1"))
    assert [row["message_id"] for row in found if not isinstance(row, Fault)] == ["data:1"]


# -- other shapes ------------------------------------------------------------------------------------------------------


def test_lima_is_a_list_of_texts_in_turn():
    assert flattened("ultrachat", {"conversations": ["Hi", "Hello"], "source": "lima"}) == [
        ("data:1", None, "prompter", "Hi"),
        ("data:1#2", "data:1", "assistant", "Hello"),
    ]


def test_ultrachat_is_a_list_of_texts_in_turn():
    assert flattened("ultrachat", {"id": "0", "data": ["Hi", "Hello", "Why?"]}) == [
        ("0", None, "prompter", "Hi"),
        ("0#2", "0", "assistant", "Hello"),
        ("0#3", "0#2", "prompter", "Why?"),
    ]


def test_ultrafeedback_has_answers_of_several_models_as_siblings():
    completions = [{"model": "m1", "response": "One", "overall_score": 7.0}, {"response": "Two"}]
    record = {"instruction": "Count.", "completions": completions, "models": ["m1", "m2"]}
    assert flattened("rated_answers", record, "model_name", "synthetic") == [
        ("data:1", None, "prompter", "Count.", None, None),
        ("data:1#2", "data:1", "assistant", "One", "m1", True),
        ("data:1#3", "data:1", "assistant", "Two", None, None),
    ]


def test_instructions_are_answered():
    cases = [
        ({"instruction": "Add.", "input": "1 1", "output": "2"}, "Add.\n\n1 1", "2"),
        ({"instruction": "Add.", "input": "", "response": "2"}, "Add.", "2"),
        ({"instruction": "Add.", "context": "1 1", "response": "2", "category": "sums"}, "Add.\n\n1 1", "2"),
        ({"prompt": "Add.", "completion": "2"}, "Add.", "2"),
        ({"prompt": "Add.", "response": "2"}, "Add.", "2"),
        ({"question": "1 + 1?", "answer": "2"}, "1 + 1?", "2"),
        ({"input": "1 + 1?", "output": "2"}, "1 + 1?", "2"),
    ]
    for record, asked, answer in cases:
        with case(record, asked, answer):
            assert flattened("instructions", record) == [
                ("data:1", None, "prompter", asked),
                ("data:1#output", "data:1", "assistant", answer),
            ]


def test_an_instruction_may_have_a_system_prompt_and_a_history():
    record = {"system": "Be kind.", "history": [["Hi", "Hello"]], "instruction": "Add.", "output": "2"}
    assert flattened("instructions", record) == [
        ("data:1", None, "system", "Be kind."),
        ("data:1#2", "data:1", "prompter", "Hi"),
        ("data:1#3", "data:1#2", "assistant", "Hello"),
        ("data:1#4", "data:1#3", "prompter", "Add."),
        ("data:1#output", "data:1#4", "assistant", "2"),
    ]


# -- a mapping ---------------------------------------------------------------------------------------------------------

TURNS = {"turns": "dialog.turns", "role": "speaker", "text": "utterance"}


def mapped(**values: Any) -> Described:
    return Described(MAPPING, _convert(values, Spec, "[format]"))


def test_a_mapping_names_the_fields_of_turns_and_roles():
    turns = [{"speaker": "customer", "utterance": "Late."}, {"speaker": "agent", "utterance": "Monday."}]
    record = {"key": 3, "head": {"set": "dev", "tongue": "en", "rules": "Be kind."}, "dialog": {"turns": turns}}
    more = {"system": "head.rules", "id": "key", "lang": "head.tongue", "split": "head.set"}
    format = mapped(**TURNS, **more, roles={"customer": "prompter", "agent": "assistant"})
    assert format.recognise(record) == "records have dialog.turns"
    assert flattened(format, record, "lang", "split") == [
        ("3", None, "system", "Be kind.", "en", "dev"),
        ("3#2", "3", "prompter", "Late.", "en", "dev"),
        ("3#3", "3#2", "assistant", "Monday.", "en", "dev"),
    ]
    assert format.recognise({"dialog": turns}) is None


def test_a_mapping_may_name_texts():
    assert flattened(mapped(prompt="q", answer="a.best"), {"q": "Hi", "a": {"best": "Hello"}}) == [
        ("data:1", None, "prompter", "Hi"),
        ("data:1#output", "data:1", "assistant", "Hello"),
    ]
    assert flattened(mapped(prompt="q"), {"q": "Hi"}) == [("data:1", None, "prompter", "Hi")]


def test_a_mapping_may_name_a_pair_or_a_label():
    pair = mapped(prompt="q", chosen="good", rejected="bad")
    assert flattened(pair, {"q": "Hi", "good": "Hello", "bad": "No"}, "branch", "rank") == PAIR
    checked = mapped(**TURNS, label="thumb")
    turns = [{"speaker": "user", "utterance": "Hi"}, {"speaker": "bot", "utterance": "No"}]
    assert flattened(checked, {"dialog": {"turns": turns}, "thumb": False}, "branch") == [
        ("data:1", None, "prompter", "Hi", None),
        ("data:1#rejected", "data:1", "assistant", "No", "rejected"),
    ]


def test_a_mapping_that_cannot_be_is_refused():
    cases = [
        ({}, "neither turns nor prompt; set one of turns"),
        ({**TURNS, "prompt": "q"}, "both turns and prompt"),
        ({"prompt": "q", "role": "r"}, "role and text apply to turns"),
        ({"prompt": "q", "chosen": "c"}, "only one of chosen and rejected; set both"),
        (
            {"prompt": "q", "answer": "a", "chosen": "c", "rejected": "r"},
            "answer together with chosen; set one of them",
        ),
        ({"prompt": "q", "label": "l"}, "label without an answer"),
        ({"prompt": ""}, "prompt: '' is not a field"),
        ({"prompt": "a..b"}, r"prompt: 'a\.\.b' is not a field"),
        (
            {**TURNS, "roles": {"boss": "king"}},
            "roles: 'boss' is mapped to 'king'; expected one of prompter, assistant",
        ),
        ({"prompts": "q"}, r"prompts: unknown setting. Did you mean 'prompt'\? Available: turns, texts"),
    ]
    for values, reason in cases:
        with case(values, reason), pytest.raises(ValueError, match=rf"^\[format\] {reason}"):
            mapped(**values)


# -- which format ------------------------------------------------------------------------------------------------------


def test_a_record_is_recognised():
    cases = [
        ({"messages": [user("Hi")]}, "messages"),
        ({"messages": [user("Hi")], "prompt": "Hi", "prompt_id": "p"}, "messages"),
        ({"messages": [user("Hi")], "label": None}, "messages"),
        ({"messages": [user("Hi")], "label": 7}, "messages"),
        ({"messages": [user("Hi")], "label": True}, "labelled_conversation"),
        ({"messages": [user("Hi"), bot("Hello")], "rejected_response": "No"}, "rejected_end"),
        ({"prompt": [user("Hi")], "completion": [bot("Hello")]}, "instructions"),
        ({"conversations": [{"from": "human", "value": "Hi"}]}, "sharegpt"),
        ({"conversation": [user("Hi")], "conversation_id": "c"}, "sharegpt"),
        ({"conversation": [{"input": "Hi", "output": "Hello"}]}, "exchanges"),
        ({"dialog": [user("Hi")]}, "sharegpt"),
        ({"dialog": ["Hi"]}, "ultrachat"),
        ({"chosen": "\n\nHuman: Hi\n\nAssistant: Hello", "rejected": "\n\nHuman: Hi\n\nAssistant: No"}, "preferences"),
        ({"text": "### Human: Hi### Assistant: Hello"}, "transcripts"),
        ({"text": "Human beings: a history"}, "documents"),
        ({"chosen": "Hello", "rejected": "No"}, "preferences"),
        ({"prompt": "Hi", "chosen": "Hello", "rejected": None}, "preferences"),
        ({"prompt": "Hi", "completion": "Hello", "label": False}, "labelled_answer"),
        ({"prompt": "Hi", "completion": "Hello", "label": 1}, "labelled_answer"),
        ({"prompt": "Hi", "completion": "Hello", "label": "a kind"}, "instructions"),
        ({"prompt": "Hi", "response_0": "Hello", "response_1": "No"}, "answers_0_and_1"),
        ({"prompt": "Hi", "responses": ["Hello", "No"]}, "rated_answers"),
        ({"prompt": "Hi", "completions": ["Hello", "No"], "labels": [True, False]}, "steps"),
        ({"id": "0", "data": ["Hi", "Hello"]}, "ultrachat"),
        ({"conversations": ["Hi", "Hello"], "source": "lima"}, "ultrachat"),
        ({"inputs": "Hi", "targets": "Hello", "language": "English"}, "instructions"),
        ({"query": "Hi", "response": "Hello", "type": "GSM"}, "instructions"),
        ({"query": "Hi", "answers": '[{"name": "look_up"}]', "tools": "[]"}, "tool_answers"),
        ({"data": []}, None),
        ({"instruction": "Hi", "completions": [{"response": "Hello"}], "models": []}, "rated_answers"),
        ({"instruction": "Hi", "text": "Hi", "output": "Hello"}, "instructions"),
        ({"prompt": "Hi", "text": "Hello"}, "prompted_texts"),
        ({"prompt": "Hi"}, "prompts"),
        ({"question": "Why?", "answer": "So."}, "instructions"),
        ({"question": "Why?"}, None),
        ({"text": "Hi", "label": 1}, "documents"),
        ({"Question": "Why?", "Response": "So."}, "instructions"),
        ({"a": 1}, None),
    ]
    records = Records(FORMATS, "messages")
    for record, format in cases:
        with case(record, format):
            assert records.recognised(record)[0] == format


def test_every_format_names_what_it_recognised_the_records_by(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"conversations": [{"from": "human", "value": "Hi"}]}] * 2)
    (source,) = run(path, checks=[CHECK], engine="serial").facts.sources
    assert source.reason == "records have conversations (2 records examined, all match)"


SHARED_FILES = {
    "formats/alpaca_zh_demo.json": ("instructions", 1000, 2000, {}),
    "formats/dpo_en_demo.json": ("preferences", 300, 1506, {}),
    "formats/fastchat_dummy_conversation.json": ("sharegpt", 500, 2000, {}),
    "formats/glaive_toolcall_en_demo.json": ("sharegpt", 300, 1914, {}),
    # Nine conversations in which the mark of the assistant occurs twice in a row.
    "formats/hh-rlhf_harmless-base_test.jsonl.gz": ("preferences", 2312, 13833, {}),
    "formats/kto_en_demo.json": ("labelled_conversation", 300, 974, {}),
    "formats/reason_tool_use_demo_50.jsonl": ("messages", 50, 274, {}),
    "formats/sdft_dolly_train.json": ("instructions", 2000, 4000, {}),
    "formats/stanford_alpaca_5000.json": ("instructions", 5000, 10000, {}),
    "formats/v1_sft_demo.jsonl": ("messages", 500, 1000, {}),
    # Published with broken lines: objects that are not closed.
    "formats/malformed/user_2.jsonl": ("prompts", 246, 246, {"unreadable_line": 2}),
    "formats/malformed/user_3.jsonl": ("prompts", 198, 198, {"unreadable_line": 3}),
    "oasst/oasst1_validation_threads_multilang.jsonl.gz": ("instructions", 603, 2389, {}),
}


@needs_shared
def test_real_files_are_recognised_and_their_errors_are_true():
    for name in SHARED_FILES:
        with case(name):
            path = SHARED / "data" / name
            record = run(path, checks=[CHECK], engine="serial")
            (source,) = record.facts.sources
            errors = Counter(f["rule"].partition("/")[2] for f in record.table.to_pylist() if f["severity"] == 3)
            found = (source.format, source.records, record.facts.messages, dict(errors))
            assert (found, source.errors) == (SHARED_FILES[name], [])


@needs_shared
def test_every_real_file_is_looked_at():
    files = [path for path in (SHARED / "data" / "formats").rglob("*.json*") if path.is_file()]
    assert {str(path.relative_to(SHARED / "data")) for path in files} <= SHARED_FILES.keys()


# -- what is of a wrong type -------------------------------------------------------------------------------------------


def test_a_value_of_a_wrong_type_is_reported_with_its_place():
    cases = [
        ("messages", {"messages": 5}, "mistyped_field: messages is 5, an integer; expected a list of messages"),
        ("messages", {}, "missing_field: messages is missing; expected a list of messages"),
        ("messages", {"messages": None}, "missing_field: messages is null; expected a list of messages"),
        ("messages", {"messages": []}, "missing_field: messages is an empty list; expected at least one message"),
        (
            "messages",
            {"messages": [user("Hi"), "Hello"]},
            'mistyped_field: messages[1] is "Hello", a string; expected an object with a role and a text',
        ),
        (
            "messages",
            {"messages": [{"role": 1, "content": "Hi"}]},
            "mistyped_field: messages[0].role is 1, an integer; expected a string",
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": 2.5}]},
            "mistyped_field: messages[0].content is 2.5, a number; expected a string",
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]},
            "mistyped_field: messages[0].content[0].text is 1, an integer; expected a string",
        ),
        (
            "messages",
            {"messages": [{**bot("Hi"), "tool_calls": "now"}]},
            'mistyped_field: messages[0].tool_calls is "now", a string; expected a list of calls',
        ),
        (
            "messages",
            {"messages": [{**bot("Hi"), "tool_calls": ["now"]}]},
            'mistyped_field: messages[0].tool_calls[0] is "now", a string; expected an object',
        ),
        (
            "messages",
            {"messages": [{**bot("Hi"), "tool_calls": [{"id": 1}]}]},
            "mistyped_field: messages[0].tool_calls[0].id is 1, an integer; expected a string",
        ),
        (
            "messages",
            {"messages": [{"role": "tool", "content": "Noon", "tool_call_id": 1}]},
            "mistyped_field: messages[0].tool_call_id is 1, an integer; expected a string",
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": 1}]}]},
            "mistyped_field: messages[0].content[0].tool_use_id is 1, an integer; expected a string",
        ),
        (
            "messages",
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": 1}]}]},
            "mistyped_field: messages[0].content[0].content is 1, an integer; expected a string or a list of blocks",
        ),
        (
            "messages",
            {"id": [], "messages": [user("Hi")]},
            "mistyped_field: id is [], a list; expected a string or an integer",
        ),
        ("messages", {"lang": 1, "messages": [user("Hi")]}, "mistyped_field: lang is 1, an integer; expected a string"),
        (
            "sharegpt",
            {"conversations": []},
            "missing_field: conversations is an empty list; expected at least one message",
        ),
        ("ultrachat", {"data": []}, "missing_field: data is an empty list; expected at least one text"),
        ("ultrachat", {"data": [1]}, "mistyped_field: data[0] is 1, an integer; expected a string"),
        (
            "rated_answers",
            {"instruction": "Hi", "completions": {}},
            "mistyped_field: completions is {}, an object; expected a list of answers",
        ),
        (
            "instructions",
            {"instruction": "Hi", "history": [["Hi"]]},
            'mistyped_field: history[0] is ["Hi"], a list; expected a question and its answer',
        ),
        (
            "labelled_conversation",
            {"messages": [user("Hi")], "label": 7},
            "mistyped_field: label is 7, an integer; expected true or false",
        ),
    ]
    for format, record, expected in cases:
        with case(format, record, expected):
            assert faults(format, record) == [expected]


def test_a_fault_of_a_turn_is_reported_for_its_message_and_the_others_are_read(tmp_path):
    record = audit(tmp_path, [{"id": "a", "messages": [user("Hi"), {"role": "assistant", "content": 1}]}], CHECK)
    assert record.facts.messages == 2
    assert flagged(record) == [("mistyped_field", "a#2")]


def test_a_record_without_turns_is_reported_with_its_id(tmp_path):
    record = audit(tmp_path, [{"id": "a", "messages": []}, {"id": "b", "messages": [user("Hi"), bot("Hello")]}], CHECK)
    assert (record.facts.sources[0].records, record.facts.messages, rules_of(record)) == (2, 2, ["missing_field"])


def test_calls_nested_too_deep_to_be_written_are_reported():
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    record = {"messages": [{"role": "assistant", "content": None, "tool_calls": [{"arguments": deep}]}]}
    assert faults("messages", record) == [
        "mistyped_field: messages[0] is …, an object; expected calls nested less deeply"
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("\ud800") | st.just(2**70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
TEXTS = st.sampled_from(
    [
        "Hi",
        "",
        "\n\nHuman: Hi\n\nAssistant: Hello",
        "### Human: Hi ### Assistant:",
        "\ud800 \x00",
        "<think>\ud800",
        "<tool_call>{'\ud800",
        '[TOOL_CALLS][{"name": "\ud800"}]',
    ]
)
BLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "tool_call", "tool_use", "tool_result", "image", "thinking"]) | JSON,
        "text": TEXTS | JSON,
        "value": TEXTS | JSON,
        "id": JSON,
        **dict.fromkeys(("toolUse", "functionResponse", "inlineData", "thought", "summary", "content"), JSON),
    },
)
MESSAGE = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(
            ("role", "from"), st.sampled_from(["user", "gpt", "system", "tool", "function_call", "?"]) | JSON
        ),
        **dict.fromkeys(("content", "value"), TEXTS | st.lists(BLOCKS, max_size=3) | JSON),
        "tool_calls": st.lists(st.fixed_dictionaries({}, optional={"id": TEXTS | JSON}) | JSON, max_size=2) | JSON,
        **dict.fromkeys(("function_call", "tools", "author", "parts", "reasoning", "weight"), JSON),
        "tool_call_id": TEXTS | JSON,
        "channel": st.sampled_from(["analysis", "final"]) | JSON,
        "type": st.sampled_from(["function_call", "function_call_output", "reasoning", "message"]) | JSON,
    },
)
LISTS = st.lists(MESSAGE | JSON, max_size=4)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("messages", "conversations", "conversation", "dialog", "data"), LISTS | JSON),
        **dict.fromkeys(("chosen", "rejected", "prompt", "completion"), TEXTS | MESSAGE | LISTS | JSON),
        **dict.fromkeys(("instruction", "input", "context", "question", "system", "text", "output"), TEXTS | JSON),
        **dict.fromkeys(("response", "answer", "id", "conversation_id", "lang", "language", "split"), TEXTS | JSON),
        "completions": st.lists(st.fixed_dictionaries({}, optional={"model": JSON, "response": JSON}) | JSON) | JSON,
        "history": st.lists(st.lists(TEXTS | JSON, max_size=3), max_size=2) | JSON,
        "label": st.booleans() | JSON,
    },
)
MAPPINGS = [
    Spec(turns="messages", role="role", text="content", label="label", system="system", id="id"),
    Spec(prompt="prompt", chosen="chosen", rejected="data.rejected", lang="lang", split="split"),
]
CHATS = {name: format for name, format in FORMATS.items() if not name.startswith(("oasst", "documents"))}


@given(RECORDS)
@settings(max_examples=100)
def test_no_record_makes_a_format_fail(record):
    described = {f"mapping {k}": Described(MAPPING, spec) for k, spec in enumerate(MAPPINGS)}
    records = Records(FORMATS, "messages")
    for name, format in {**CHATS, **described, "records": records}.items():
        with case(name):
            format.recognise(record)
            found = list(format.flatten(record, "data:1"))
            messages = [row for row in found if not isinstance(row, Fault)]
            assert {fault.kind for fault in found if isinstance(fault, Fault)} <= set(FaultKind)
            assert all(row.keys() <= set(MESSAGES.names) for row in messages)
            # Ids are distinct, the first is that of the tree, and each parent comes before its child.
            ids = [row["message_id"] for row in messages]
            assert len(set(ids)) == len(ids)
            own = [row for row in messages if not row.get("is_context")]
            assert [row["message_id"] for row in own[:1]] == [row["tree_id"] for row in own[:1]]
            assert all(re.fullmatch(r"(#[a-z0-9-]+)?", key.removeprefix(messages[0]["tree_id"])) for key in ids)
            assert all(row["parent_id"] is None or row["parent_id"] in ids[:k] for k, row in enumerate(messages))
            # What a table of messages cannot contain are halves of surrogate pairs, and names of models that are none.
            _, wrong = tabulate(messages, [1] * len(messages), "data")
            assert {fault.kind for fault in wrong} <= {"repaired_line", "mistyped_field"}
            assert all(fault.detail.startswith("model_name") for fault in wrong if fault.kind == "mistyped_field")


@needs_shared
def test_the_messages_of_a_real_file_are_those_of_its_records():
    (source,) = files.find([SHARED / "data" / "formats" / "dpo_en_demo.json"]).sources
    plan = recognise(source)
    (parsed,) = [parse(block, plan) for block in cutting.blocks(source)]
    records = json.loads(source.path.read_text(encoding="utf-8"))
    texts = [t["value"] for r in records for t in (*r["conversations"], r["chosen"], r["rejected"])]
    assert parsed.messages["text"].to_pylist() == texts
