"""Records in the schemas of well-known public data sets: every message, its role or side, the language and the id.

The schemas are the published ones; fields that play no part here are left out, and the texts are our own.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from building import parsed, write
from cases import case
from chataudit.audit.reading.formats import Row, ledger
from chataudit.audit.reading.parse import Parsed

ASKED = "How do bees find the way back to their hive?"
SAID = "They know landmarks, and they use the sun as a compass."
WORSE = "They follow their queen wherever she flies."
AGAIN = "And what do they do at night?"
LAST = "At night they stay inside and keep warm."
TOLD = "You are a patient keeper of bees."
THOUGHT = "The user wants to know how insects navigate."
NOTE = "This is a remark that nobody says in a conversation."
CALL = '[{"name": "look_up", "arguments": {"insect": "bee"}}]'
TOOLS = [{"name": "look_up", "description": "Finds a page about an insect", "parameters": {"insect": {"type": "str"}}}]

asked, said, again, last = ("prompter", ASKED), ("assistant", SAID), ("prompter", AGAIN), ("assistant", LAST)
told, better, worse, other = ("system", TOLD), ("chosen", SAID), ("rejected", WORSE), ("assistant", WORSE)
called, result = ("assistant", CALL), ("tool", LAST)
text = (None, SAID)  # a document


class Schema(NamedTuple):
    """One record of a data set, or several of one file, and what must come out."""

    name: str
    record: Any
    messages: Sequence[tuple[str | None, str | None]]  # side or role, and text
    lang: str | None = None
    id: str | None = None
    unread: Sequence[str] = ()  # fields that are reported
    reasoning: str | None = None
    is_table: bool = False  # published as Parquet


def chat(
    *texts: str, role: str = "role", text: str = "content", names: Sequence[str] = ("user", "assistant")
) -> list[Row]:
    """Return messages that take turns."""
    return [{role: names[k % len(names)], text: each} for k, each in enumerate(texts)]


def sharegpt(*texts: str, names: Sequence[str] = ("human", "gpt")) -> list[Row]:
    return chat(*texts, role="from", text="value", names=names)


def json_of(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# fmt: off
OASST: Row = {
    "user_id": "u1", "created_date": "2023-02-05T14:23:50.983374+00:00", "lang": "es", "review_count": 3,
    "review_result": True, "deleted": False, "synthetic": False, "model_name": None, "tree_state": "ready_for_export",
    "message_tree_id": "b1", "emojis": {"name": ["+1"], "count": [1]}, "detoxify": None,
    "labels": {"name": ["spam"], "value": [0.0], "count": [3]},
}

CONVERSATIONS = [
    Schema("WildChat-1M", {
        "conversation_hash": "w1", "model": "gpt-4", "timestamp": "2024-01-01",
        "conversation": [
            {"content": t, "country": "Chile", "hashed_ip": "ab",
            "header": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64)"},
             "language": "Spanish", "redacted": False, "role": r, "toxic": False, "turn_identifier": 1}
            for r, t in (("user", ASKED), ("assistant", SAID))],
        "turn": 1, "language": "Spanish", "openai_moderation": [], "toxic": False, "redacted": False, "state": None},
        [asked, said], "es", "w1", is_table=True),
    Schema("lmsys-chat-1m", {
        "conversation_id": "l1", "model": "vicuna-13b", "conversation": chat(ASKED, SAID, AGAIN, LAST), "turn": 2,
        "language": "Portuguese", "openai_moderation": [{"categories": {"hate": False}, "flagged": False}],
        "redacted": False},
        [asked, said, again, last], "pt", "l1", is_table=True),
    Schema("ultrachat", {"id": "0", "data": [ASKED, SAID, AGAIN, LAST]}, [asked, said, again, last], id="0"),
    Schema("ultrachat_200k, no_robots", {"prompt": ASKED, "prompt_id": "n1", "messages": chat(ASKED, SAID),
        "category": "Open QA"},
        [asked, said], is_table=True),
    Schema("lima", {"conversations": [ASKED, SAID], "source": "stackexchange"}, [asked, said]),
    Schema("ShareGPT_Vicuna_unfiltered", {"id": "v_0", "conversations": sharegpt(ASKED, SAID)}, [asked, said],
        id="v_0"),
    Schema("belle-3.5M", {"id": "b0", "conversations": sharegpt(ASKED, SAID, names=("human", "assistant"))}, [asked,
        said], id="b0"),
    Schema("OpenHermes-2.5", {
        "custom_instruction": None, "topic": None, "model": None, "category": "general", "language": None, "id": None,
        "conversations": [{**turn, "weight": None} for turn in sharegpt(ASKED, SAID)], "idx": None,
        "system_prompt": TOLD, "source": "x"}, [told, asked, said], is_table=True),
    Schema("SlimOrca", {"conversations": [
        {"from": "system", "value": TOLD, "weight": None}, {"from": "human", "value": ASKED, "weight": 0.0},
        {"from": "gpt", "value": SAID, "weight": 1.0}]}, [told, asked, said]),
    Schema("OpenThoughts-114k, Bespoke-Stratos-17k, Sky-T1_data_17k", {
        "system": TOLD, "conversations": sharegpt(
            ASKED, f"<|begin_of_thought|>\n\n{THOUGHT}\n\n<|end_of_thought|>\n\n{SAID}", names=("user", "assistant"))},
        [told, asked, ("assistant", f"<|begin_of_thought|>\n\n{THOUGHT}\n\n<|end_of_thought|>\n\n{SAID}")],
        reasoning=THOUGHT, is_table=True),
    Schema("smoltalk, tulu-3-sft-mixture, Mixture-of-Thoughts", {"id": "t_1", "messages": chat(ASKED, SAID),
        "source": "oasst1"},
        [asked, said], id="t_1", is_table=True),
    Schema("smoltalk2", {
        "messages": chat(ASKED, f"<think>\n{THOUGHT}\n</think>\n{SAID}"),
        "chat_template_kwargs": {"custom_instructions": TOLD, "enable_thinking": True, "python_tools": None},
        "source": "x"},
        [asked, ("assistant", f"<think>\n{THOUGHT}\n</think>\n{SAID}")], reasoning=THOUGHT, is_table=True),
    Schema("AM-DeepSeek-R1-Distilled", {"messages": [
        {"role": "user", "content": ASKED, "info": {"source": "x", "think_content": None, "answer_content": None}},
        {"role": "assistant", "content": f"<think>{THOUGHT}</think><answer>{SAID}</answer>",
         "info": {"source": None, "think_content": THOUGHT, "answer_content": SAID}}]},
        [asked, ("assistant", f"<think>{THOUGHT}</think><answer>{SAID}</answer>")], reasoning=THOUGHT),
    Schema("Nemotron-Post-Training-Dataset-v1", {
        "uuid": "n-1", "license": "cc-by-4.0", "generator": "DeepSeek-R1", "version": "1", "category": "chat",
        "reasoning": "off",
        "messages": [{**turn, "tool_calls": []} for turn in chat(ASKED, SAID)], "metadata": "{}"}, [asked, said],
        id="n-1"),
    Schema("Llama-Nemotron-Post-Training-SFT", {
        "input": chat(ASKED), "output": SAID, "category": "chat", "license": "cc-by-4.0", "reasoning": "off",
        "generator": "DeepSeek-R1", "used_in_training": "Ultra", "version": "v1", "system_prompt": TOLD}, [told, asked,
        said]),
    Schema("Capybara", {"source": "x", "conversation": [{"input": ASKED, "output": SAID}, {"input": AGAIN,
        "output": LAST}]},
        [asked, said, again, last]),
    Schema("Magpie", {
        "uuid": "m-1", "instruction": ASKED, "response": SAID, "conversations": sharegpt(ASKED, SAID),
        "gen_input_configs": {"temperature": 1.0, "input_generator": "Llama-3", "extract_input": ASKED},
        "intent": NOTE, "knowledge": NOTE + " At all.", "difficulty": "easy", "quality_explanation": NOTE + " Good.",
        "task_category": "Information seeking", "language": "EN", "instruct_reward": -10.1}, [asked, said], "en", "m-1",
        ["intent", "knowledge", "quality_explanation"], is_table=True),
    Schema("Infinity-Instruct", {
        "id": 7, "conversations": sharegpt(ASKED, SAID), "label": {"ability_en": ["logic"], "cate_ability_zh": []},
        "langdetect": "en", "source": "x", "reward": 1.5}, [asked, said], "en", "7"),
    Schema("Hermes-Function-Calling", {
        "id": "h1", "conversations": [
            {"from": "system", "value": TOLD}, {"from": "human", "value": ASKED},
            {"from": "gpt", "value": '<tool_call>\n{"name": "look_up", "arguments": {}}\n</tool_call>'},
            {"from": "tool", "value": LAST}, {"from": "gpt", "value": SAID}],
        "tools": json_of(TOOLS), "category": "Insects", "subcategory": "Bees", "task": "Look up"},
        [told, asked, ("assistant", '<tool_call>\n{"name": "look_up", "arguments": {}}\n</tool_call>'), result, said],
        id="h1"),
    Schema("APIGen-MT-5k", {
        "system": TOLD, "tools": json_of(TOOLS), "conversations": [
            {"from": "human", "value": ASKED}, {"from": "function_call",
            "value": '{"name": "look_up", "arguments": {}}'},
            {"from": "observation", "value": LAST}, {"from": "gpt", "value": SAID}]},
        [told, asked, ("assistant", '{"name": "look_up", "arguments": {}}'), result, said]),
    Schema("ToolBench", {
        "id": f"Step 3: {ASKED}", "conversations": [
            {"from": "system", "value": TOLD}, {"from": "user", "value": ASKED},
            {"from": "assistant", "value": "Thought: I look.\nAction: look_up\nAction Input: {}"},
            {"from": "function", "value": LAST}, {"from": "assistant", "value": SAID}]},
        [told, asked, ("assistant", "Thought: I look.\nAction: look_up\nAction Input: {}"), result, said],
        id=f"Step 3: {ASKED}"),
    Schema("ToolACE", {"system": TOLD, "conversations": [
        *sharegpt(ASKED, '[look_up(insect="bee")]', names=("user", "assistant")), {"from": "tool", "value": LAST},
        {"from": "assistant", "value": SAID}]}, [told, asked, ("assistant", '[look_up(insect="bee")]'), result, said]),
    Schema("glaive-function-calling-v2", {
        "system": f"SYSTEM: {TOLD}", "chat": f"USER: {ASKED}\n\n\nASSISTANT: {SAID} <|endoftext|>\n\n\n"}, [told,
        asked, said]),
    Schema("xlam-function-calling-60k", {"id": 0, "query": ASKED, "answers": CALL, "tools": json_of(TOOLS)}, [asked,
        called], id="0"),
    Schema("LLaVA-Instruct-150K", {"id": "000123", "image": "000123.jpg",
        "conversations": sharegpt(f"<image>\n{ASKED}", SAID)},
        [("prompter", f"<image>\n{ASKED}"), said], id="000123"),
    Schema("daily_dialog", {"dialog": [ASKED, SAID, AGAIN, LAST], "act": [2, 1, 2, 1], "emotion": [0, 0, 0, 0]},
        [asked, said, again, last]),
    Schema("soda", {
        "head": "PersonX keeps bees", "relation": "xAttr", "tail": "patient", "literal": NOTE,
        "narrative": f"{NOTE} Indeed.",
        "dialogue": [ASKED, SAID], "speakers": ["Ann", "Bob"], "PersonX": "Ann", "original_index": 1},
        [asked, said], unread=["head", "literal", "narrative"], is_table=True),
    Schema("prosocial-dialog", {
        "context": ASKED, "response": SAID, "rots": [NOTE], "safety_label": "__casual__",
        "safety_annotations": ["casual"],
        "safety_annotation_reasons": [f"{NOTE} So it is."], "source": "x", "dialogue_id": 0, "response_id": 0},
        [asked, said], unread=["rots[]", "safety_annotation_reasons[]"]),
    Schema("OIG", {"text": f"<human>: {ASKED}\n<bot>: {SAID}\n<human>: {AGAIN}\n<bot>: {LAST}",
        "metadata": {"source": "x"}},
        [asked, said, again, last]),
    Schema("openassistant-guanaco", {"text": f"### Human: {ASKED}### Assistant: {SAID}"}, [asked, said]),
    Schema("chatbot_arena_conversations, arena-human-preference-100k", {
        "question_id": "q1", "model_a": "koala", "model_b": "vicuna", "winner": "model_b", "judge": "j",
        "conversation_a": chat(ASKED, WORSE), "conversation_b": chat(ASKED, SAID), "turn": 1, "anony": True,
        "language": "French", "tstamp": 1.5, "openai_moderation": "{}", "toxic_chat_tag": "{}"},
        [asked, better, worse], "fr", is_table=True),
    Schema("mt_bench_human_judgments", {
        "question_id": 81, "model_a": "alpaca", "model_b": "gpt-4", "winner": "tie", "judge": "expert_0",
        "conversation_a": chat(ASKED, SAID), "conversation_b": chat(ASKED, WORSE), "turn": 1}, [asked, said, other]),
    Schema("arena-human-preference-140k", {
        "id": "a1", "model_a": "a", "model_b": "b", "winner": "model_a", "evaluation_session_id": "e1",
        "evaluation_order": 1,
        "conversation_a": [{"role": r, "content": [{"type": "text", "text": t, "image": None, "mimeType": None}]}
                           for r, t in (("user", ASKED), ("assistant", SAID))],
        "conversation_b": [{"role": r, "content": [{"type": "text", "text": t, "image": None, "mimeType": None}]}
                           for r, t in (("user", ASKED), ("assistant", WORSE))],
        "language": "pl", "is_code": False}, [asked, better, worse], "pl", "a1"),
    Schema("PRISM utterances", {
        "utterance_id": "ut1", "interaction_id": "int1", "conversation_id": "c1", "user_prompt": ASKED,
        "model_response": SAID,
        "model_name": "x", "score": 80, "if_chosen": True}, [asked, said], id="c1"),
    Schema("toxic-chat", {
        "conv_id": "tc1", "user_input": ASKED, "model_output": SAID, "human_annotation": True, "toxicity": 0,
        "jailbreaking": 0,
        "openai_moderation": "[]"}, [asked, said], id="tc1", is_table=True),
    Schema("WildFeedback", {
        "conversation_hash": "wf1", "prompt": chat(ASKED, LAST, AGAIN), "chosen": {"role": "assistant",
        "content": SAID},
        "rejected": {"role": "assistant", "content": WORSE}},
        [asked, last, again, better, worse], id="wf1"),
    Schema("Claude export", {
        "uuid": "cl1", "name": "Bees and their ways", "created_at": "2024-01-01T00:00:00Z", "account": {"uuid": "x"},
        "chat_messages": [
            {"uuid": "m1", "text": ASKED, "content": [{"type": "text", "text": ASKED}], "sender": "human",
            "attachments": [], "files": []},
            {"uuid": "m2", "text": SAID, "content": [{"type": "text", "text": SAID}], "sender": "assistant",
            "attachments": [], "files": []}]},
        [asked, said], id="cl1", unread=["name"]),
    Schema("ChatGPT export", {"title": "Bees and their ways", "conversation_id": "cg1", "create_time": 1.5, "mapping": {
        "r": {"id": "r", "message": None, "parent": None, "children": ["a"]},
        "a": {"id": "a", "message": {"id": "a", "author": {"role": "user"}, "content": {"content_type": "text",
        "parts": [ASKED]}},
              "parent": "r", "children": ["b"]},
        "b": {"id": "b", "message": {"id": "b", "author": {"role": "assistant"}, "content": {"content_type": "text",
        "parts": [SAID]}},
              "parent": "a", "children": []}}}, [asked, said], id="cg1", unread=["title"]),
]

VENDORS = [
    Schema("OpenAI chat fine-tuning", {"messages": [{"role": "system", "content": TOLD}, *chat(ASKED, SAID)]}, [told,
        asked, said]),
    Schema("OpenAI preference fine-tuning", {
        "input": {"messages": chat(ASKED), "tools": [], "parallel_tool_calls": True},
        "preferred_output": chat(SAID, names=["assistant"]), "non_preferred_output": chat(WORSE, names=["assistant"])},
        [asked, better, worse]),
    Schema("OpenAI batch input", {
        "custom_id": "r1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt",
        "messages": chat(ASKED, SAID)}},
        [asked, said], id="r1"),
    Schema("OpenAI batch output", {
        "id": "batch_1", "custom_id": "r1", "error": None, "response": {"status_code": 200, "request_id": "x", "body": {
            "id": "chatcmpl-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": SAID},
            "finish_reason": "stop"}]}}},
        [said], id="batch_1"),
    Schema("OpenAI evals", {"input": [{"role": "system", "content": TOLD}, *chat(ASKED)], "ideal": SAID}, [told, asked,
        said]),
    Schema("OpenAI completions", {"prompt": f"{ASKED}\n\n###\n\n", "completion": f" {SAID}"},
        [("prompter", f"{ASKED}\n\n###\n\n"), ("assistant", f" {SAID}")]),
    Schema("Anthropic batch input", {"custom_id": "r1", "params": {
        "model": "claude", "max_tokens": 9, "system": TOLD, "messages": chat(ASKED, SAID)}}, [told, asked, said],
        id="r1"),
    Schema("Vertex Gemini", {
        "systemInstruction": {"role": "system", "parts": [{"text": TOLD}]},
        "contents": [{"role": "user", "parts": [{"text": ASKED}]}, {"role": "model", "parts": [{"text": SAID}]}]},
        [told, asked, said]),
    Schema("Vertex PaLM", {"context": TOLD, "messages": chat(ASKED, SAID, role="author")}, [told, asked, said]),
    Schema("Vertex text", {"input_text": ASKED, "output_text": SAID}, [asked, said]),
    Schema("Bedrock Converse", {
        "schemaVersion": "bedrock-conversation-2024", "system": [{"text": TOLD}],
        "messages": [{"role": "user", "content": [{"text": ASKED}]}, {"role": "assistant",
        "content": [{"text": SAID}]}]},
        [told, asked, said]),
    Schema("Bedrock batch", {"recordId": "b1", "modelInput": {"anthropic_version": "x", "messages": chat(ASKED)},
        "modelOutput": {"role": "assistant", "content": [{"type": "text", "text": SAID}]}}, [asked, said], id="b1"),
    Schema("Cohere", {"messages": [{"role": "System", "content": TOLD}, *chat(ASKED, SAID, names=("User", "Chatbot"))]},
        [told, asked, said]),
    Schema("Cohere chat history", {"chat_history": chat(ASKED, SAID, text="message", names=("USER", "CHATBOT"))},
        [asked, said]),
    Schema("ms-swift", {"system": TOLD, "query": AGAIN, "response": LAST, "history": [[ASKED, SAID]]},
        [told, asked, said, again, last]),
    Schema("ms-swift, messages and a rejected end", {"messages": chat(ASKED, SAID), "rejected_response": WORSE},
        [asked, better, worse]),
    Schema("ms-swift, query and a rejected end", {"query": ASKED, "response": SAID, "rejected_response": WORSE},
        [asked, better, worse]),
    Schema("LLaMA-Factory, KTO", {"messages": chat(ASKED, WORSE), "label": False}, [asked, worse]),
    Schema("LLaMA-Factory, KTO by a tag", {"instruction": ASKED, "input": "", "output": SAID, "kto_tag": True}, [asked,
        better]),
    Schema("TRL, KTO of messages", {"prompt": chat(ASKED), "completion": chat(SAID, names=["assistant"]),
        "label": True}, [asked, better]),
]

INSTRUCTIONS = [
    Schema("alpaca", {"instruction": ASKED, "input": "", "output": SAID,
        "text": f"Below is an instruction that describes a task.\n\n"
        f"### Instruction:\n{ASKED}\n\n### Response:\n{SAID}"},
        [asked, said], is_table=True),
    Schema("alpaca with an input", {"instruction": ASKED, "input": NOTE, "output": SAID}, [("prompter",
        f"{ASKED}\n\n{NOTE}"), said]),
    Schema("alpaca_eval", {"instruction": ASKED, "output": SAID, "generator": "gpt", "dataset": "koala"}, [asked,
        said]),
    Schema("databricks-dolly-15k", {"instruction": ASKED, "context": NOTE, "response": SAID, "category": "closed_qa"},
        [("prompter", f"{ASKED}\n\n{NOTE}"), said]),
    Schema("evol-codealpaca", {"instruction": ASKED, "output": SAID}, [asked, said]),
    Schema("COIG-CQIA", {
        "instruction": ASKED, "input": "", "output": SAID, "task_type": {"major": ["x"], "minor": ["y"]},
        "domain": ["z"],
        "metadata": "{}", "answer_from": "human", "human_verified": True, "copyright": "c"}, [asked, said]),
    Schema("OpenOrca", {"id": "flan.1", "system_prompt": TOLD, "question": ASKED, "response": SAID}, [told, asked,
        said],
        id="flan.1", is_table=True),
    Schema("aya_dataset", {
        "inputs": ASKED, "targets": SAID, "language": "Yoruba", "language_code": "yor", "annotation_type": "x",
        "user_id": "u"},
        [asked, said], "yo", is_table=True),
    Schema("aya_collection", {
        "id": 1, "inputs": ASKED, "targets": SAID, "dataset_name": "x", "task_type": "qa", "template_id": 1,
        "language": "hau",
        "split": "train", "script": "Latn"}, [asked, said], "ha", "1", is_table=True),
    Schema("P3", {"inputs": [1, 2], "inputs_pretokenized": ASKED, "targets": [3, 4], "targets_pretokenized": SAID},
        [asked, said],
        is_table=True),
    Schema("FLAN", {"inputs": ASKED, "targets": SAID, "task_source": "x", "task_name": "y", "template_type": "zs_opt"},
        [asked, said]),
    Schema("natural-instructions", {"task_name": "t1", "id": "t1-7", "definition": TOLD, "inputs": ASKED,
        "targets": SAID},
        [asked, said], id="t1-7", unread=["definition"]),
    Schema("gsm8k, orca-math-200k, WebInstruct", {"question": ASKED, "answer": SAID}, [asked, said], is_table=True),
    Schema("MetaMathQA", {"type": "x", "query": ASKED, "original_question": NOTE, "response": SAID}, [asked, said],
        unread=["original_question"]),
    Schema("NuminaMath-CoT", {"source": "x", "problem": ASKED, "solution": SAID, "messages": chat(ASKED, SAID)},
        [asked, said],
        is_table=True),
    Schema("NuminaMath-1.5", {
        "problem": ASKED, "solution": SAID, "answer": "42", "problem_type": "Algebra", "question_type": "MCQ",
        "source": "x"},
        [asked, said]),
    Schema("MATH", {"problem": ASKED, "level": "Level 5", "type": "Algebra", "solution": SAID}, [asked, said]),
    Schema("OpenMathInstruct-2", {"problem": ASKED, "generated_solution": SAID, "expected_answer": "42",
        "problem_source": "math"},
        [asked, said]),
    Schema("OpenMathInstruct-1", {
        "question": ASKED, "expected_answer": "42", "predicted_answer": "42", "error_message": "<not_executed>",
        "is_correct": True,
        "generation_type": "x", "dataset": "gsm8k", "generated_solution": SAID}, [asked, said]),
    Schema("OpenMathReasoning", {
        "expected_answer": "42", "problem_type": "x", "problem_source": "y", "generation_model": "R1", "problem": ASKED,
        "generated_solution": f"<think>{THOUGHT}</think>{SAID}", "inference_mode": "cot"},
        [asked, ("assistant", f"<think>{THOUGHT}</think>{SAID}")], reasoning=THOUGHT),
    Schema("OpenCodeReasoning", {"id": "oc1", "input": ASKED, "output": f"<think>{THOUGHT}</think>{SAID}",
        "solution": SAID, "split": "x"},
        [asked, ("assistant", f"<think>{THOUGHT}</think>{SAID}")], id="oc1", reasoning=THOUGHT),
    Schema("OpenR1-Math-220k", {
        "problem": ASKED, "solution": NOTE, "answer": "42", "uuid": "o-1", "generations": [SAID, WORSE],
        "correctness_math_verify": [True, False], "messages": chat(ASKED, SAID)}, [asked, said, other], id="o-1",
        unread=["solution"]),
    Schema("DeepMath-103K", {
        "question": ASKED, "final_answer": "42", "difficulty": 5.0, "topic": "x", "r1_solution_1": SAID,
        "r1_solution_2": WORSE,
        "r1_solution_3": LAST}, [asked, said], unread=["r1_solution_2", "r1_solution_3"]),
    Schema("s1K", {
        "solution": SAID, "question": ASKED, "cot_type": "math", "source_type": "x", "metadata": "{'a': 1}",
        "cot": None,
        "thinking_trajectories": [THOUGHT], "attempt": LAST}, [asked, last], unread=["solution"], reasoning=THOUGHT),
    Schema("s1K-1.1", {
        "solution": "42", "question": ASKED, "cot_type": "math", "deepseek_thinking_trajectory": THOUGHT,
        "deepseek_attempt": SAID,
        "gemini_thinking_trajectory": NOTE, "gemini_attempt": WORSE}, [asked, said], reasoning=THOUGHT,
        unread=["gemini_attempt", "gemini_thinking_trajectory"]),
    Schema("medical-o1-reasoning-SFT", {"Question": ASKED, "Complex_CoT": THOUGHT, "Response": SAID}, [asked, said],
        reasoning=THOUGHT),
    Schema("natural_reasoning", {
        "question": ASKED, "reference_answer": SAID, "responses": [{"response_model": "Llama", "response": WORSE}]},
        [asked, other], unread=["reference_answer"]),
    Schema("CodeFeedback-Filtered", {"query": ASKED, "answer": SAID, "resource": "evol", "lang": "python"}, [asked,
        said]),
    Schema("Magicoder-OSS-Instruct-75K", {
        "lang": "rust", "raw_index": 0, "index": 0, "seed": "use std::io;", "openai_fingerprint": "fp",
        "problem": ASKED,
        "solution": SAID}, [asked, said]),
    Schema("HelpSteer2", {
        "prompt": ASKED, "response": SAID, "helpfulness": 3, "correctness": 4, "coherence": 4, "complexity": 1,
        "verbosity": 1},
        [asked, said], is_table=True),
    Schema("BeaverTails", {"prompt": ASKED, "response": SAID, "category": {"animal_abuse": False}, "is_safe": True},
        [asked, said]),
    Schema("Firefly", {"kind": "NLI", "input": ASKED, "target": SAID}, [asked, said]),
    Schema("camel-ai", {"role_1": "Physicist", "topic;": "Optics", "sub_topic": "Lenses", "message_1": ASKED,
        "message_2": SAID},
        [asked, said]),
    Schema("airoboros", {"instruction": ASKED, "response": SAID, "category": "general", "system": TOLD,
        "skip_prompt_formatting": False},
        [told, asked, said]),
    Schema("UltraInteract_sft", {
        "task": "Math", "dataset": "x", "instruction": ASKED, "response": SAID, "id": "ui1", "parent_id": "ui0"},
        [asked, said], id="ui1"),
    Schema("WildJailbreak, adversarial", {"vanilla": NOTE, "adversarial": ASKED, "completion": SAID,
        "data_type": "adversarial_harmful"},
        [asked, said], unread=["vanilla"]),
    Schema("WildJailbreak, vanilla", {"vanilla": ASKED, "adversarial": "", "completion": SAID,
        "data_type": "vanilla_benign"},
        [asked, said]),
    Schema("Cosmopedia", {
        "prompt": ASKED, "text_token_length": 9, "text": SAID, "seed_data": "web", "format": "blogpost",
        "audience": "general"},
        [asked, said], is_table=True),
    Schema("GPT4All", {"prompt": ASKED, "response": SAID, "source": "x", "id": 3}, [asked, said], id="3"),
    Schema("bactrian-x", {"instruction": ASKED, "input": None, "id": "alpaca-1", "output": SAID}, [asked, said],
        id="alpaca-1"),
]

PREFERENCES = [
    Schema("hh-rlhf", {
        "chosen": f"\n\nHuman: {ASKED}\n\nAssistant: {SAID}", "rejected": f"\n\nHuman: {ASKED}\n\nAssistant: {WORSE}"},
        [asked, better, worse]),
    Schema("red-team-attempts", {
        "min_harmlessness_score_transcript": -1.5, "num_params": "52B", "model_type": "rlhf", "rating": 2.0,
        "is_upworker": False,
        "task_description": NOTE, "transcript": f"\n\nHuman: {ASKED}\n\nAssistant: {SAID}"}, [asked, said],
        unread=["task_description"]),
    Schema("UltraFeedback", {
        "source": "x", "instruction": ASKED, "models": ["a", "b"], "completions": [
            {"annotations": {"honesty": {"Rating": "1", "Rationale": NOTE}}, "custom_system_prompt": TOLD, "model": m,
             "principle": "honesty", "response": t, "critique": NOTE, "overall_score": s}
            for m, t, s in (("a", WORSE, 2.0), ("b", SAID, 9.0))],
        "correct_answers": ["None"], "incorrect_answers": ["None"]}, [asked, worse, better], is_table=True),
    Schema("ultrafeedback_binarized", {
        "prompt": ASKED, "prompt_id": "u1", "chosen": chat(ASKED, SAID), "rejected": chat(ASKED, WORSE),
        "messages": chat(ASKED, SAID),
        "score_chosen": 9.0, "score_rejected": 2.0}, [asked, better, worse], is_table=True),
    Schema("ultrafeedback-binarized-preferences-cleaned, dpo-mix-7k", {
        "source": "x", "prompt": ASKED, "chosen": chat(ASKED, SAID), "chosen-rating": 5.0, "chosen-model": "a",
        "rejected": chat(ASKED, WORSE), "rejected-rating": 1.0, "rejected-model": "b"}, [asked, better, worse]),
    Schema("tulu-3 preference mixture, Skywork-Reward-Preference-80K", {
        "id": "p1", "source": "x", "prompt": ASKED, "chosen": chat(ASKED, SAID), "rejected": chat(ASKED, WORSE),
        "chosen_model": "a"},
        [asked, better, worse], id="p1", is_table=True),
    Schema("orca_dpo_pairs", {"system": TOLD, "question": ASKED, "chosen": SAID, "rejected": WORSE}, [told, asked,
        better, worse],
        is_table=True),
    Schema("distilabel-intel-orca-dpo-pairs", {
        "system": TOLD, "input": ASKED, "chosen": SAID, "rejected": WORSE, "generations": [SAID, WORSE], "order": ["a",
        "b"],
        "labelling_model": "gpt", "labelling_prompt": chat(NOTE), "raw_labelling_response": f"{NOTE} Ten.",
        "rating": [9.0, 5.0],
        "rationale": f"{NOTE} Hm.", "status": "unchanged", "original_chosen": SAID, "original_rejected": WORSE},
        [told, asked, better, worse], unread=["labelling_prompt[].content", "rationale", "raw_labelling_response"]),
    Schema("distilabel-capybara-dpo-7k-binarized", {
        "source": "x", "conversation": [{"input": ASKED, "output": None}], "original_response": SAID,
        "generation_prompt": [ASKED],
        "new_generations": [WORSE], "prompt": ASKED, "chosen": chat(ASKED, SAID), "rejected": chat(ASKED, WORSE),
        "rating_chosen": 5,
        "rating_rejected": 2}, [asked, better, worse]),
    Schema("distilabel-math-preference", {
        "metadata": "{}", "instruction": ASKED, "chosen_response": SAID, "chosen_rating": 5.0,
        "rejected_response": WORSE,
        "rejected_rating": 1.0}, [asked, better, worse], is_table=True),
    Schema("UltraInteract_pair", {
        "task": "Math", "dataset": "x", "trajectory": sharegpt(ASKED, LAST, AGAIN, names=("user", "assistant")),
        "chosen": SAID,
        "rejected": WORSE, "id": "up1", "parent_id": "up0"}, [asked, last, again, better, worse], id="up1"),
    Schema("stack-exchange-paired", {
        "qid": 5, "question": ASKED, "date": "2020/01/01", "metadata": ["u"], "response_j": SAID, "response_k": WORSE},
        [asked, better, worse]),
    Schema("stack-exchange-preferences", {
        "qid": 0, "question": ASKED, "answers": [
            {"answer_id": k, "author": "a", "author_id": 1, "author_profile": "u", "pm_score": s, "selected": s > 0,
            "text": t}
            for k, (t, s) in enumerate(((WORSE, 0), (SAID, 3)))],
        "date": "2020/01/01", "metadata": ["u"]}, [asked, worse, better], is_table=True),
    Schema("SHP", {
        "post_id": "p0", "domain": "x", "upvote_ratio": 0.9, "history": ASKED, "c_root_id_A": "a", "c_root_id_B": "b",
        "score_A": 2,
        "score_B": 5, "human_ref_A": WORSE, "human_ref_B": SAID, "labels": 0, "seconds_difference": 1.0}, [asked,
        better, worse]),
    Schema("webgpt_comparisons", {
        "question": {"dataset": "eli5", "id": "q0", "full_text": ASKED}, "quotes_0": {"title": ["t"],
        "extract": [NOTE]},
        "answer_0": WORSE, "tokens_0": {"prefix": [1], "completion": [2]}, "score_0": -0.5,
        "quotes_1": {"title": ["t"], "extract": [NOTE]}, "answer_1": SAID, "score_1": 0.5}, [asked, better, worse]),
    Schema("Nectar", {
        "prompt": f"\n\nHuman: {ASKED}\n\nAssistant: ", "answers": [
            {"answer": SAID, "model": "a", "rank": 1.0}, {"answer": WORSE, "model": "b", "rank": 2.0}],
        "turns": 1, "num_responses": 2, "source": ["x"], "good_natured": True}, [asked, better, worse], is_table=True),
    Schema("summarize_from_feedback", {
        "info": {"id": "i0", "post": ASKED, "title": "Bees", "subreddit": "s", "article": None},
        "summaries": [{"text": WORSE, "policy": "x", "note": None}, {"text": SAID, "policy": "y", "note": None}],
        "choice": 1,
        "worker": "w", "batch": "b", "split": "train", "extra": {"confidence": 1}}, [asked, worse, better]),
    Schema("PKU-SafeRLHF", {
        "prompt": ASKED, "response_0": WORSE, "response_1": SAID, "prompt_source": "x", "is_response_0_safe": False,
        "is_response_1_safe": True, "response_0_harm_category": {"Animal Abuse": True}, "better_response_id": 1,
        "safer_response_id": 1},
        [asked, better, worse]),
    Schema("HelpSteer3", {
        "domain": "general", "language": "english", "context": chat(ASKED, LAST, AGAIN), "response1": WORSE,
        "response2": SAID,
        "overall_preference": 2, "individual_preference": [{"score": 2, "reasoning": NOTE, "feedback1": NOTE,
        "feedback2": NOTE}]},
        [asked, last, again, better, worse], "en"),
    Schema("HelpSteer2, preferences", {
        "split": "train", "prompt": ASKED, "response_1": SAID, "response_2": WORSE, "preference_strength": -2,
        "preference_statement": f"{NOTE} So.", "preference_elaboration": f"{NOTE} Hm."}, [asked, better, worse],
        unread=["preference_elaboration", "preference_statement"]),
    Schema("AlpacaFarm preferences", {"instruction": ASKED, "input": "", "output_1": WORSE, "output_2": SAID,
        "preference": 2},
        [asked, better, worse]),
    Schema("PRM800K", {
        "labeler": "x", "timestamp": "2022-07-30", "question": {"problem": ASKED, "ground_truth_answer": "42"},
        "label": {"steps": [{"completions": [{"text": t, "rating": 1, "flagged": False}], "human_completion": None,
        "chosen_completion": 0}
                            for t in (SAID, LAST)], "total_time": 9, "finish_reason": "solution"}},
        [asked, ("assistant", f"{SAID}\n{LAST}")]),
    Schema("TRL, stepwise supervision", {"prompt": ASKED, "completions": [SAID, LAST], "labels": [True, False]},
        [asked, ("assistant", f"{SAID}\n{LAST}")]),
    Schema("truthy-dpo, gutenberg-dpo", {"id": "d1", "source": "x", "system": "", "prompt": ASKED, "chosen": SAID,
        "rejected": WORSE},
        [asked, better, worse], id="d1"),
    Schema("orpo-dpo-mix-40k", {"source": "x", "chosen": chat(ASKED, SAID), "rejected": chat(ASKED, WORSE),
        "prompt": ASKED, "question": None},
        [asked, better, worse]),
]

DOCUMENTS = [
    Schema("C4, CulturaX, MADLAD", {"text": SAID, "timestamp": "2019-04-25T12:57:54Z", "url": "https://x.org",
        "source": "mC4"}, [text]),
    Schema("The Pile, SlimPajama", {"text": SAID, "meta": {"pile_set_name": "Pile-CC"}}, [text]),
    Schema("FineWeb-2", {
        "text": SAID, "id": "<urn:uuid:7>", "dump": "CC", "url": "u", "date": "2024-02-01", "file_path": "s3",
        "language": "fra",
        "language_score": 0.98, "language_script": "Latn", "minhash_cluster_size": 2, "top_langs": "{}"}, [text], "fr",
        "<urn:uuid:7>", is_table=True),
    Schema("OSCAR-2301", {"content": SAID, "warc_headers": {"warc-type": "conversion"}, "metadata": {
        "identification": {"label": "fr", "prob": 0.9}, "harmful_pp": None,
        "sentence_identifications": [{"label": "fr", "prob": 0.9}]}},
        [text], "fr"),
    Schema("RefinedWeb", {"content": SAID, "url": "u", "timestamp": "2023", "dump": "CC", "segment": "s",
        "image_urls": [["a", "b"]]},
        [text], is_table=True),
    Schema("Dolma, peS2o, Common Pile", {
        "id": "d0", "text": SAID, "source": "c4", "added": "2024", "created": "2019", "version": "v1",
        "metadata": {"url": "u"},
        "attributes": {"x": [[0, 1, 0.5]]}}, [text], id="d0"),
    Schema("StarCoder", {"max_stars_repo_path": "a.py", "max_stars_repo_name": "x/y", "max_stars_count": 1, "id": "0",
        "content": SAID},
        [text], id="0", is_table=True),
    Schema("The Stack", {"hexsha": "f0", "size": 9, "ext": "py", "lang": "Python", "max_stars_repo_path": "a.py",
        "content": SAID},
        [text]),
    Schema("github-code", {"code": SAID, "repo_name": "x/y", "path": "a.py", "language": "Python", "license": "mit",
        "size": 9}, [text]),
    Schema("RedPajama-V2", {
        "raw_content": SAID, "doc_id": "2023-06/0000/en_head.json.gz/0", "meta": json_of({"url": "u",
        "language": "de"}),
        "quality_signals": "{}"}, [text], "de"),
    Schema("HPLT", {"id": 1, "document_lang": "it", "scores": [0.9], "langs": ["it"], "text": SAID, "url": "u",
        "collection": "x"},
        [text], "it", "1"),
    Schema("Wikipedia", {"id": "12", "url": "https://x.org/wiki/Bee", "title": "Bee", "text": SAID}, [text], id="12",
        is_table=True),
    Schema("cc_news", {"title": NOTE, "text": SAID, "domain": "x.org", "date": "2017", "description": f"{NOTE} So.",
        "url": "u"}, [text],
        unread=["description", "title"]),
    Schema("OpenWebMath", {"url": "u", "text": SAID, "date": "2021",
        "metadata": '{"extraction_info": {"found_math": true}}'}, [text]),
]
# fmt: on

SCHEMAS = [*CONVERSATIONS, *VENDORS, *INSTRUCTIONS, *PREFERENCES, *DOCUMENTS]


def outcome(found: Parsed) -> dict[str, Any]:
    rows = found.messages.to_pylist()
    return {
        "messages": [(row["branch"] or row["role"], row["text"]) for row in rows],
        "lang": next(iter({row["lang"] for row in rows})),
        "reasoning": next((row["reasoning"] for row in rows if row["reasoning"]), None),
        "unread": [field for field, _ in ledger.unread(found.fields)],
        "faults": found.faults["detail"].to_pylist(),
    }


def expected(schema: Schema) -> dict[str, Any]:
    return {
        "messages": [*schema.messages] * 2,
        "lang": schema.lang,
        "reasoning": schema.reasoning,
        "unread": [*schema.unread],
        "faults": [],
    }


def test_all_messages_of_well_known_data_sets_are_read(tmp_path):
    for schema in SCHEMAS:
        with case(schema.name):
            lines = write(tmp_path / "data.jsonl", [schema.record] * 2)
            read = parsed(lines)
            assert outcome(read) == expected(schema)
            assert read.messages["tree_id"][0].as_py() == (schema.id or f"{lines}:1")
            if schema.is_table:
                pq.write_table(pa.Table.from_pylist([schema.record] * 2), tmp_path / "data.parquet")
                assert outcome(parsed(tmp_path / "data.parquet")) == expected(schema)


def test_oasst_is_read_as_messages_and_as_trees(tmp_path):
    first = {**OASST, "message_id": "b1", "parent_id": None, "text": ASKED, "role": "prompter", "rank": None}
    second = {**OASST, "message_id": "b2", "parent_id": "b1", "text": SAID, "role": "assistant", "rank": 0}
    pq.write_table(pa.Table.from_pylist([first, second]), tmp_path / "oasst1.parquet")
    tree = {
        "message_tree_id": "b1",
        "tree_state": "ready_for_export",
        "prompt": {**first, "replies": [{**second, "replies": []}]},
    }
    for path in (
        tmp_path / "oasst1.parquet",
        write(tmp_path / "oasst1.jsonl", [first, second]),
        write(tmp_path / "trees.jsonl", [tree]),
    ):
        with case(path.name):
            rows = parsed(path).messages.to_pylist()
            assert [(row["message_id"], row["role"], row["text"], row["lang"]) for row in rows] == [
                ("b1", "prompter", ASKED, "es"),
                ("b2", "assistant", SAID, "es"),
            ]
