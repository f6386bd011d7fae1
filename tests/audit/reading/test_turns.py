"""Messages of chats: what they have besides their text, in the words of many vendors."""

from typing import Any

from building import audit, flagged, rules_of, turns
from cases import case
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.reading.formats.faults import Fault, Row
from chataudit.audit.reading.formats.turns import FIELDS, Fields, RecordTurn, text_turn, turns_of, turns_within

CHECK = "schema_invariants"


def read(raw: object, fields: Fields = FIELDS) -> list[RecordTurn]:
    """Return the turns of a list of messages, none of which is at fault."""
    found, faults = read_with_faults(raw, fields)
    assert faults == []
    return found


def read_with_faults(raw: object, fields: Fields = FIELDS) -> tuple[list[RecordTurn], list[str]]:
    """Return the turns of a list of messages, and the details of all faults."""
    reader, faults = turns_of(raw, "messages", fields), list[Fault]()
    while True:
        try:
            faults.append(next(reader))
        except StopIteration as end:
            found: list[RecordTurn] = end.value
            return found, [fault.detail for fault in (*faults, *(f for turn in found for f in turn.faults))]


def one(content: object, role: str = "assistant", **more: object) -> RecordTurn:
    """Return the only turn of a message with this content."""
    (turn,) = read([{"role": role, "content": content, **more}])
    return turn


# -- reasoning ---------------------------------------------------------------------------------------------------------


def test_reasoning_in_a_field_of_its_own_is_kept():
    for name in ("reasoning_content", "reasoning", "thinking", "thought"):
        with case(name):
            turn = one("Four.", **{name: "Two and two."})
            assert (turn.text, turn.reasoning) == ("Four.", "Two and two.")
    assert one("Four.", reasoning_content=None).reasoning is None
    assert one("Four.", thinking=True).reasoning is None


def test_reasoning_in_blocks_is_kept_apart_from_the_text():
    blocks: list[Row] = [
        {"type": "thinking", "thinking": "Two and two.", "signature": "x"},
        {"type": "reasoning", "text": "Two and two."},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Two and two."}]},
        {"text": "Two and two.", "thought": True},
        {"reasoningContent": {"reasoningText": {"text": "Two and two."}}},
    ]
    for block in blocks:
        with case(block):
            turn = one([block, {"type": "text", "text": "Four."}])
            assert (turn.text, turn.reasoning) == ("Four.", "Two and two.")


def test_reasoning_at_the_start_of_an_answer_is_copied_and_the_text_stays_as_it_is():
    for start in (
        "<think>Hm.</think>",
        "\n<THINK>\nHm.\n</think>",
        "<thinking>Hm.</thinking>",
        "<thought>Hm.</thought>",
        "<reasoning>Hm.</reasoning>",
        "<|begin_of_thought|>Hm.<|end_of_thought|>",
        "[THINK]Hm.[/THINK]",
    ):
        with case(start):
            turn = one(f"{start} Four.")
            assert (turn.text, turn.reasoning) == (f"{start} Four.", "Hm.")
    assert one("<think>Hm. Four").reasoning == "Hm. Four"
    assert one("I say <think>Hm.</think>").reasoning is None
    assert one("<think>Hm.</think>Why?", role="user").reasoning is None
    assert text_turn("assistant", "<think>Hm.</think>Four.", "output").reasoning == "Hm."


def test_the_analysis_of_harmony_is_the_reasoning_of_the_next_answer():
    said = [
        {"role": "user", "content": "Two and two?"},
        {"role": "assistant", "channel": "analysis", "content": "Easy."},
        {"role": "assistant", "channel": "final", "content": "Four."},
    ]
    assert [(turn.role, turn.text, turn.reasoning) for turn in read(said)] == [
        ("prompter", "Two and two?", None),
        ("assistant", "Four.", "Easy."),
    ]
    assert [(turn.text, turn.reasoning) for turn in read(said[:2])] == [("Two and two?", None), ("", "Easy.")]


# -- media -------------------------------------------------------------------------------------------------------------


def test_media_of_all_vendors_are_named_by_kind():
    cases: list[tuple[Row, str]] = [
        ({"type": "image_url", "image_url": {"url": "x"}}, "image"),
        ({"type": "input_image", "image_url": "x"}, "image"),
        ({"type": "image", "source": {}}, "image"),
        ({"type": "image"}, "image"),
        ({"content_type": "image_asset_pointer", "asset_pointer": "x"}, "image"),
        ({"image": {"format": "png"}}, "image"),
        ({"inlineData": {"mimeType": "image/png", "data": "x"}}, "image"),
        ({"type": "input_audio", "input_audio": {}}, "audio"),
        ({"file_data": {"mime_type": "audio/wav"}}, "audio"),
        ({"video": {"format": "mp4"}}, "video"),
        ({"type": "video_url", "video_url": {}}, "video"),
        ({"type": "file", "file": {}}, "file"),
        ({"type": "document", "source": {}}, "file"),
        ({"document": {"name": "x"}}, "document"),
        ({"fileData": {"mimeType": "application/pdf"}}, "file"),
    ]
    for block, kind in cases:
        with case(block):
            assert one([block], role="user").media == [kind.replace("document", "file")]


def test_marks_of_media_count_where_the_record_declares_them():
    said = [{"role": "user", "content": "<image> or <image>?"}]
    assert [turn.media for turn in read(said)] == [None]
    assert media_of({"messages": said}) == [None]
    assert media_of({"messages": said, "images": ["a.png", "b.png"]}) == [["image", "image"]]


def test_media_of_a_record_belong_to_the_turns_that_mark_them_and_else_to_the_first_prompt():
    said = turns("user: Hello", "assistant: Hi", "user: <image> What is this?")
    assert media_of({"messages": said, "images": ["a.png"]}) == [None, None, ["image"]]
    both = {"messages": said, "images": ["a.png"], "audio": "b.wav"}
    assert media_of(both) == [["audio"], None, ["image"]]
    said[2]["content"] = [{"type": "image"}, {"type": "text", "text": "What is this?"}]
    assert media_of({"messages": said, "images": ["a.png"]}) == [None, None, ["image"]]


def media_of(record: Row) -> list[list[str] | None]:
    """Return the media of each message of a record."""
    return [row["media"] for row in FORMATS["messages"].flatten(record, "x:1") if not isinstance(row, Fault)]


def test_a_message_with_media_or_calls_alone_is_not_empty(tmp_path):
    picture = {"role": "user", "content": [{"type": "image"}]}
    call = {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "function": {"name": "look"}}]}
    said = [picture, call, {"role": "tool", "tool_call_id": "a", "content": ""}, *turns("assistant: A red house")]
    assert flagged(audit(tmp_path, [{"messages": said}], CHECK)) == []


# -- forms of content --------------------------------------------------------------------------------------------------


def test_content_may_be_an_object_or_plain_texts():
    cases: list[tuple[Any, str]] = [
        ({"text": "Hello"}, "Hello"),
        ({"content_type": "text", "parts": ["Hello", "you"]}, "Hello\n\nyou"),
        ({"parts": [{"text": "Hello"}]}, "Hello"),
        (["Hello", "you"], "Hello\n\nyou"),
        ([{"text": "Hello"}, "you"], "Hello\n\nyou"),
        ({"type": "text", "text": "Hello"}, "Hello"),
    ]
    for content, text in cases:
        with case(content):
            assert one(content, role="user").text == text
    assert one({"content_type": "thoughts", "thoughts": [{"summary": "s", "content": "Hm."}]}).reasoning == "Hm."


def test_fields_and_roles_are_found_in_other_spellings():
    for message in (
        {"Role": "User", "Content": "Hello"},
        {"ROLE": "user", "CONTENT": "Hello"},
        {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Hello"]}},
        {"sender": "human", "text": "Hello", "content": None},
        {"role": "user", "parts": [{"text": "Hello"}]},
    ):
        with case(message):
            assert [(turn.role, turn.text) for turn in read([message])] == [("prompter", "Hello")]
    fields = Fields(("speaker_role",), ("utterance",))
    assert [turn[:2] for turn in read([{"SpeakerRole": "user", "Utterance": "Hi"}], fields)] == [("prompter", "Hi")]


def test_lists_of_messages_may_be_json_in_a_text_or_lists_of_roles_and_texts():
    for raw in (
        '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]',
        ['{"role": "user", "content": "Hi"}', '{"role": "assistant", "content": "Hello"}'],
        {"role": ["user", "assistant"], "content": ["Hi", "Hello"]},
        {"from": ["human", "gpt"], "value": ["Hi", "Hello"]},
    ):
        with case(raw):
            assert [turn[:2] for turn in read(raw)] == [("prompter", "Hi"), ("assistant", "Hello")]
    for raw in ("[Hi", {"role": ["user"], "content": []}, {"role": "user", "content": "Hi"}):
        with case(raw):
            found, faults = read_with_faults(raw)
            assert found == []
            assert [fault.endswith("expected a list of messages") for fault in faults] == [True]


# -- calls -------------------------------------------------------------------------------------------------------------


def test_calls_of_all_vendors_have_an_id_a_name_and_arguments():
    named: Row = {"name": "now", "arguments": '{"zone": 1}'}
    messages: list[tuple[Row, str]] = [
        (
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": named}]},
            "c",
        ),
        ({"role": "assistant", "content": None, "function_call": named}, ""),
        ({"role": "assistant", "tool_calls": [{"name": "now", "parameters": {"zone": 1}}]}, ""),
        ({"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "now", "input": {"zone": 1}}]}, "c"),
        ({"role": "assistant", "content": [{"toolUse": {"toolUseId": "c", "name": "now", "input": {"zone": 1}}}]}, "c"),
        ({"role": "model", "parts": [{"functionCall": {"name": "now", "args": {"zone": 1}}}]}, ""),
        ({"type": "function_call", "call_id": "c", **named}, "c"),
        ({"from": "function_call", "value": '{"name": "now", "arguments": {"zone": 1}}'}, ""),
        ({"from": "gpt", "value": '<tool_call>{"name": "now", "arguments": {"zone": 1}}</tool_call>'}, ""),
        ({"from": "gpt", "value": '[TOOL_CALLS]now{"zone": 1}'}, ""),
    ]
    for message, own in messages:
        with case(message):
            (turn,) = read([message])
            assert (turn.role, turn.calls) == ("assistant", [{"id": own, **named}])


def test_results_of_all_vendors_have_the_id_of_their_call():
    messages: list[tuple[Row, str, str | None]] = [
        ({"role": "tool", "tool_call_id": "c", "content": "Noon"}, "Noon", "c"),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "Noon"}]}, "Noon", "c"),
        ({"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"text": "Noon"}]}}]}, "Noon", "c"),
        ({"role": "user", "content": [{"toolResult": {"toolUseId": "c", "content": [{"json": [1]}]}}]}, "[1]", "c"),
        ({"role": "user", "parts": [{"functionResponse": {"name": "now", "response": {"h": 12}}}]}, '{"h": 12}', None),
        ({"type": "function_call_output", "call_id": "c", "output": "Noon"}, "Noon", "c"),
        ({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}, "", "c"),
    ]
    for message, text, call in messages:
        with case(message):
            assert [turn[:4] for turn in read([message])] == [("tool", text, None, call)]


def test_calls_that_are_successive_items_are_one_message():
    calls = [{"type": "function_call", "call_id": own, "name": "now", "arguments": "{}"} for own in "ab"]
    results = [{"type": "function_call_output", "call_id": own, "output": "Noon"} for own in "ab"]
    found = read([{"role": "user", "content": "When?"}, *calls, *results, {"role": "assistant", "content": "Noon."}])
    assert [turn.role for turn in found] == ["prompter", "assistant", "tool", "tool", "assistant"]
    assert [call["id"] for call in found[1].calls or ()] == ["a", "b"]


def test_declared_tools_are_on_the_first_message(tmp_path):
    declared = {"type": "function", "function": {"name": "now", "parameters": {}}}
    call = {"role": "assistant", "content": None, "function_call": {"name": "then", "arguments": "{}"}}
    said = [
        *turns("user: When?"),
        call,
        {"role": "function", "name": "then", "content": "Noon"},
        *turns("assistant: Noon"),
    ]
    for tools, rules in [
        ([declared], ["undeclared_tool"]),
        ('[{"name": "now"}]', ["undeclared_tool"]),
        ([{"functionDeclarations": [{"name": "now"}]}], ["undeclared_tool"]),
        ([{"name": "then", "input_schema": {}}], []),
        ([{"toolSpec": {"name": "then"}}], []),
        ("[]", []),
        ("none", []),
        (5, []),
    ]:
        with case(tools):
            assert rules_of(audit(tmp_path, [{"messages": said, "tools": tools}], CHECK)) == rules


def test_a_call_that_is_python_or_damaged_is_reported():
    for message, detail in [
        (
            {"from": "gpt", "value": "<tool_call>\n{'name': 'now'}\n</tool_call>"},
            "messages[0].value: call is not JSON (Python repr): {'name': 'now'} </tool_call>",
        ),
        (
            {"from": "function_call", "value": "[{'name': 'now'}]"},
            "messages[0].value: call is not JSON (Python repr): [{'name': 'now'}]",
        ),
        (
            {"role": "assistant", "function_call": {"name": "now", "arguments": "{'zone': 1}"}},
            "messages[0]: arguments are not JSON (Python repr): {'zone': 1}",
        ),
        (
            {"role": "assistant", "function_call": {"name": "now", "arguments": '{"zone": '}},
            'messages[0]: arguments are not JSON (damaged): {"zone":',
        ),
    ]:
        with case(message):
            found, faults = read_with_faults([message])
            assert faults == [detail]
            assert [call["name"] for call in found[0].calls or ()] == ["now"]


# -- faults ------------------------------------------------------------------------------------------------------------


def test_what_is_missing_is_reported_in_the_words_of_the_data():
    for message, detail, field in [
        ({"role": "user", "content": None}, "messages[0].content is null; expected a text", "text"),
        ({"role": "user"}, "messages[0].content is missing; expected a text", "text"),
        ({"from": "human"}, "messages[0].value is missing; expected a text", "text"),
        ({"value": "Hi"}, "messages[0].from is missing; expected a role", "role"),
        ({"from": "human", "value": None}, "messages[0].value is null; expected a text", "text"),
        ({"content": "Hi"}, "messages[0].role is missing; expected a role", "role"),
        ({"from": None, "value": "Hi"}, "messages[0].from is null; expected a role", "role"),
        ({"role": 5, "content": "Hi"}, "messages[0].role is 5, an integer; expected a string", "role"),
        ("Hi", 'messages[0] is "Hi", a string; expected an object with a role and a text', "text"),
    ]:
        with case(message):
            (turn,) = turns_within(message, "messages[0]")
            assert [(fault.detail, fault.field) for fault in turn.faults] == [(detail, field)]


def test_of_two_pairs_of_fields_the_first_is_read_and_a_difference_is_reported():
    pairs = {"from": "human", "value": "Hi", "role": "user", "content": "Hi"}
    assert [turn[:2] for turn in read([pairs])] == [("prompter", "Hi")]
    for other, detail in [
        ({"content": "Bye"}, "messages[0].value and messages[0].content are different texts; value was read"),
        ({"role": "assistant"}, "messages[0].from and messages[0].role are different roles; from was read"),
    ]:
        with case(other):
            found, faults = read_with_faults([pairs | other])
            assert [turn[:2] for turn in found] == [("prompter", "Hi")]
            assert faults == [detail]


def test_weights_are_truths_or_shares():
    for name in ("weight", "loss_weight", "train"):
        for weight in (0, 1, True, False, 0.5, None):
            with case(name, weight):
                assert one("Hi", **{name: weight}).text == "Hi"
        for weight in (2, -0.5, "no", [1], float("nan")):
            with case(name, weight):
                _, faults = read_with_faults([{"role": "assistant", "content": "Hi", name: weight}])
                assert [fault.partition(";")[2] for fault in faults] == [
                    " expected true, false, or a number from 0 to 1"
                ]
