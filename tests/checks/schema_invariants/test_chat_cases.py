"""Edge conversations, each by the name of its kind, and what is reported of them."""

import json
from typing import Any

from building import audit, calling, flagged, message, result, turns, uid
from cases import case

Q, A, W = "Which bird is this?", "It is a heron, by its neck.", "It is a duck, I think."
CHAT = [f"user: {Q}", f"assistant: {A}"]
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}


def chat(*said: Any, **more: Any) -> dict[str, Any]:
    return {"messages": turns(*said), **more}


def sharegpt(*said: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": role, "value": text} for role, text in said], **more}


def answered(content: Any, **more: Any) -> dict[str, Any]:
    return chat(f"user: {Q}", {"role": "assistant", "content": content, **more})


def pair(chosen: Any, rejected: Any, **more: Any) -> dict[str, Any]:
    return {**more, "chosen": chosen, "rejected": rejected}


# fmt: off
CASES = [  # kind, records, rule and line of all findings
    ("01_sharegpt_system_first", [sharegpt(("system", W), ("human", Q), ("gpt", A))], []),
    ("02_openai_parallel_tools", [chat(f"user: {Q}", calling("a", "b"), result("a"), result("b"), f"assistant: {A}")],
        []),
    ("04_openai_call_unanswered", [chat(f"user: {Q}", calling("a", "b"), result("a"), f"assistant: {A}")],
        ["unanswered_call 1"]),
    ("05_openai_null_content_no_calls", [answered(None)], ["missing_field 1"]),
    ("07_multimodal_image_only", [chat({"role": "user", "content": [IMAGE]}, f"assistant: {A}")], []),
    ("08_anthropic_tool_use", [chat(
        f"user: {Q}",
        {"role": "assistant", "content": [
            {"type": "text", "text": "I look."}, {"type": "tool_use", "id": "t1", "name": "look_up",
            "input": {"bird": "heron"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "Ardea cinerea"}]},
        f"assistant: {A}")], []),
    ("10_mistral_text", [{"text": f"<s>[INST] {Q} [/INST] {A}</s>[INST] Why? [/INST] So.</s>"}], []),
    ("11_mistral_messages", [chat(f"user: {Q}", {**calling("9Ae3bDc2F"), "content": ""}, result("9Ae3bDc2F"),
        f"assistant: {A}")], []),
    ("13_chatml_text", [{"text": f"<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n{A}<|im_end|>\n"}], []),
    ("14_alpaca_empty_input", [{"instruction": Q, "input": "", "output": A}, {"instruction": Q, "input": None,
        "output": W}], []),
    ("16_dpo_lists", [
        pair(turns(*CHAT), turns(CHAT[0], f"assistant: {W}")),
        pair(turns(CHAT[1]), turns(f"assistant: {W}"), prompt=turns(CHAT[0]))], []),
    ("17_dpo_same", [pair(A, A, prompt=Q), pair("", A, prompt=Q)], ["same_pair 1", "empty_text 2"]),
    ("19_kto", [{"prompt": Q, "completion": A, "label": True}, {"prompt": Q, "completion": W, "label": False}], []),
    ("20_kto_bad_label", [{"prompt": Q, "completion": A, "label": label} for label in ("yes", None, 1, "perhaps")],
        ["mistyped_field 2", "mistyped_field 4"]),
    ("22_oasst_cut_root", [message("b", "a"), message("c", "b", "prompter"), message("d", "c")], ["dangling_parent 1"]),
    ("23_oasst_two_roots_cycle", [
        message("a"), message("b", "a"), message("a2"), message("b2", "a2"),
        message("x", "y", message_tree_id=uid("x")), message("y", "x", "prompter", message_tree_id=uid("x"))],
        ["one_root 3", "cycle 5"]),
    ("25_developer_role", [chat(f"developer: {W}", *CHAT)], []),
    ("26_function_role", [chat(
        f"user: {Q}", {"role": "assistant", "content": None, "function_call": {"name": "look_up", "arguments": "{}"}},
        {"role": "function", "name": "look_up", "content": "Ardea cinerea"}, f"assistant: {A}")], []),
    ("28_reasoning_only", [
        answered("", reasoning_content="It has a long neck."), answered([{"type": "thinking",
        "thinking": "A long neck."}]),
        answered("<think>A long neck</think>"), answered("<think>A long neck, so it is a heron")],
        ["empty_text 1", "empty_text 2", "empty_text 3", "open_reasoning 4"]),
    ("29_consecutive_users", [chat("user: Hello", *CHAT)], ["successive_prompts 1"]),
    ("31_empty_conversations", [{"messages": []}, {"messages": None}, {}, chat(*CHAT)],
        ["missing_field 1", "missing_field 2", "missing_field 3"]),
    ("32_sharegpt_empty", [sharegpt(id="x"), sharegpt(("human", Q), ("gpt", A), id=3), sharegpt(("human", Q), ("gpt",
        W), id=3.5)],
        ["missing_field 1", "mistyped_field 3"]),
    ("34_assistant_first", [chat(f"assistant: {A}", *CHAT), sharegpt(("gpt", A), ("human", Q))],
        ["root_role 1", "root_role 2", "unanswered_thread 2"]),
    ("35_unknown_role", [chat(*CHAT, f"critic: {W}", "User: Again", "assistant : Yes", {"content": "No role"},
        {"role": None, "content": W})],
        ["missing_field 1", "missing_field 1", "unknown_role 1"]),
    ("37_undefined_tool", [chat(
        f"user: {Q}", calling("a"), result("a"), f"assistant: {A}", tools=[{"type": "function",
        "function": {"name": "weather"}}])],
        ["undeclared_tool 1"]),
    ("38_dup_call_id", [chat(f"user: {Q}", calling("a", "a"), result("a"), result("a"), f"assistant: {A}")],
        ["repeated_call_id 1"]),
    ("41_weight_train_fields", [answered(A, weight=1), answered(A, weight=2), answered(A, train="no")],
        ["training_weight 2", "training_weight 3"]),
    ("43_toplevel_list", [turns(*CHAT), turns(CHAT[0], f"assistant: {W}")], []),
    ("44_harmony_channels", [chat(
        f"user: {Q}", {"role": "assistant", "channel": "analysis", "content": "A long neck."},
        {"role": "assistant", "channel": "final", "content": A})], []),
    ("46_sharegpt_tools", [sharegpt(
        ("human", Q), ("function_call", '{"name": "look_up", "arguments": {}}'), ("observation", "Ardea cinerea"),
        ("gpt", A),
        tools='[{"name": "look_up"}]')], []),
    ("47_mixed_format", [chat(*CHAT), sharegpt(("human", Q), ("gpt", W)), {"instruction": Q, "output": A}], []),
    ("50_trailing_ws_html", [chat("user: &lt;p&gt;Which bird?&lt;/p&gt;", "assistant: \u200b\u200b", f"user: {Q}",
        "assistant: \u00a0")],
        ["empty_text 1", "empty_text 1"]),
    ("64_case_truncated", [answered("It is a"), answered("As a language model, I cannot")], []),
    ("65_tool_result_list", [
        chat(f"user: {Q}", calling("a"), {**result("a"), "content": [{"type": "text", "text": "Ardea"}]},
        f"assistant: {A}"),
        chat(f"user: {Q}", calling("a"), result("a", ""), f"assistant: {A}")], []),
    ("67_audio_video", [
        chat({"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA"}}]}, f"assistant: {A}"),
        chat("user: <video>", f"assistant: {A}", videos=["a.mp4"])], []),
    ("68_empty_user_images_llava", [sharegpt(("human", f"<image>\n{Q}"), ("gpt", A), image="a.jpg")], []),
    ("70_dup_tree", [message("a"), message("b", "a")] * 2, ["duplicate_tree 3"]),
    ("71_json_array_pretty", [json.dumps(chat(*CHAT), indent=1).replace("\n", " ")], []),
    ("73_consecutive_assistant", [chat(*CHAT, f"assistant: {W}")], ["role_alternation 1"]),
    ("74_dpo_reply_roles", [
        pair(turns("user: Why?", CHAT[1]), turns(f"assistant: {W}"), prompt=Q),
        pair(turns(*CHAT, "user: Why?"), turns(CHAT[0], f"assistant: {W}", "user: Why?"))],
        ["pair_prompt 1", "pair_end 2", "pair_prompt 2"]),
]
# fmt: on


def test_edge_conversations_are_reported_as_they_should_be(tmp_path):
    for kind, records, findings in CASES:
        with case(kind):
            record = audit(tmp_path, records, "schema_invariants")
            assert record.facts.errors == []
            rows = record.table.sort_by([("line", "ascending"), ("rule", "ascending")]).to_pylist()
            assert [f"{row['rule'].partition('/')[2]} {row['line']}" for row in rows] == findings


def test_languages_are_compared_however_they_are_written(tmp_path):
    german = "Der Reiher steht am Ufer und wartet, bis ein Fisch nahe genug an ihn herankommt."
    english = "The heron waits by the water until a fish comes near enough to be caught in one strike."
    chats = [
        {"conversation_id": name, "language": name, "conversation": turns(f"user: {german}", f"assistant: {german}")}
        for name in ("English", "German")
    ]
    tags = ("swh_Latn", "khk_Cyrl", "kmr_Latn", "eng_Latn")
    for kind, records, wrong in [
        ("49_wildchat_language", chats, {"English", "English#2"}),
        ("62_flores_tags", [{"id": tag, "text": english, "lang": tag} for tag in tags], {*tags[:3]}),
    ]:
        with case(kind):
            record = audit(tmp_path, records, "lang_mismatch")
            assert {name for _, name in flagged(record, "wrong_language")} == wrong
