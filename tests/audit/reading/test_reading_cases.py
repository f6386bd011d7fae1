"""Formats, packings, damage and folders that were once misread, each by the name of its kind.

Further kinds have tests of their own: save-to-disk, hub-repo, folder-mixed-suffixes and folder-with-empty-shard in
`test_files.py`, wet-record in `test_packings.py`, and parquet-page-damaged in `test_read.py`.
"""

import bz2
import gzip
import io
import json
import sqlite3
import tarfile
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
from building import message, nest, parsed, write
from cases import case
from chataudit.audit.run import run
from chataudit.reports.record import Record

Q, A, W = (
    "Which bird sings at night in May?",
    "The nightingale sings at night in May.",
    "The owl sings, as far as I know.",
)
Q2, A2 = "And which one sings at dawn?", "The blackbird sings at dawn, from a roof."
DOCUMENT = {"id": "d1", "text": A}
SAID = [("prompter", Q), ("assistant", A)]
MORE = [("prompter", Q2), ("assistant", A2)]
PAIR = [("prompter", Q), ("chosen", A), ("rejected", W)]
CALL = '{"name": "look_up", "arguments": {"bird": "owl"}}'


def chat(*texts: Any, **more: Any) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[k % 2], "content": text} for k, text in enumerate(texts)], **more}


def sharegpt(*texts: str, names: tuple[str, ...] = ("human", "gpt"), **more: Any) -> dict[str, Any]:
    return {"conversations": [{"from": names[k % len(names)], "value": t} for k, t in enumerate(texts)], **more}


def tool_calls(*names: str) -> list[dict[str, Any]]:
    return [{"id": n, "type": "function", "function": {"name": n, "arguments": "{}"}} for n in names]


def lines(*records: Any) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def audited(path: Path) -> Record:
    return run(path, checks=["schema_invariants"], engine="serial")


def messages(path: Path) -> list[tuple[str | None, str | None]]:
    """Return the side or role, and the text, of all messages that can be read below a path."""
    rows = parsed(path).messages.to_pylist()
    return [(row["branch"] or row["role"], row["text"]) for row in rows]


def rules(record: Record) -> list[str]:
    """Return the rule and line of all findings."""
    return [
        f"{row['rule'].partition('/')[2]} {row['line']}"
        for row in record.table.sort_by([("line", "ascending"), ("rule", "ascending")]).to_pylist()
    ]


class Lines(NamedTuple):
    """Records of one file, one a line, the messages that must come out, and what is reported, by rule and line."""

    kind: str
    records: list[Any]
    messages: list[tuple[str | None, str | None]] | None
    findings: list[str] = []


# fmt: off
RECORDS = [
    Lines("role-last-turn-user", [chat(Q, A, Q2), {"messages": [*chat(Q, A, Q2)["messages"], {"role": "user",
        "content": A2}]}],
        [*SAID, MORE[0], *SAID, MORE[0], ("prompter", A2)], ["unanswered_thread 1", "successive_prompts 2",
        "unanswered_thread 2"]),
    Lines("role-gpt-then-function-call", [sharegpt(Q, A2, CALL, "Athene noctua", A,
        names=("human", "gpt", "function_call", "observation", "gpt"))],
        [SAID[0], ("assistant", A2), ("assistant", CALL), ("tool", "Athene noctua"), SAID[1]]),
    Lines("role-two-observations", [{"messages": [
        {"role": "user", "content": Q}, {"role": "assistant", "content": A2, "tool_calls": tool_calls("a", "b")},
        {"role": "tool", "tool_call_id": "a", "content": "1"}, {"role": "tool", "tool_call_id": "b", "content": "2"},
        {"role": "assistant", "content": A}]}],
        [SAID[0], ("assistant", A2), ("tool", "1"), ("tool", "2"), SAID[1]]),
    Lines("role-user-says-twice", [sharegpt(Q, Q2, A, names=("human", "human", "gpt"))], [SAID[0], MORE[0], SAID[1]],
        ["successive_prompts 1"]),
    Lines("role-cohere-chatbot", [{"messages": [
        {"role": "System", "content": A2}, {"role": "User", "content": Q}, {"role": "Chatbot", "content": A}]}],
        [("system", A2), *SAID]),
    Lines("sharegpt-empty-turn", [sharegpt(Q, ""), sharegpt("", A), sharegpt(), sharegpt(Q2, A2)],
        [SAID[0], ("assistant", ""), ("prompter", ""), SAID[1], *MORE], ["empty_text 1", "empty_text 2",
        "missing_field 3"]),
    Lines("mixed-keys-loss-type", [
        {"conversations": [{"role": "user", "content": Q, "loss": False}, {"role": "assistant", "content": A,
        "loss": True}]},
        {"conversations": [{"role": "user", "content": Q2, "type": "task"}, {"role": "assistant", "content": A2,
        "type": "answer"}]}],
        [*SAID, *MORE]),
    Lines("mixed-content-str-and-blocks", [chat(Q, A), chat(
        [{"type": "text", "text": Q2}, {"type": "image_url", "image_url": {"url": "x.png"}}], [{"type": "text",
        "text": A2}])],
        [*SAID, *MORE]),
    Lines("mixed-formats-in-one-file", [chat(Q, A), sharegpt(Q2, A2), {"instruction": Q2, "output": A}, DOCUMENT],
        [*SAID, *MORE, MORE[0], SAID[1], (None, A)]),
    Lines("messages-list-of-json-strings", [{"messages": [json.dumps(each) for each in chat(Q, A)["messages"]]}], SAID),
    Lines("pair-json-string-sides", [{"chosen": json.dumps(chat(Q, A)), "rejected": json.dumps(chat(Q, W))}], PAIR),
    Lines("surrogate-lone-escape", [json.dumps(chat("Half of an owl: \ud83d", A)), chat(Q2, A2)],
        [("prompter", "Half of an owl: \ufffd"), SAID[1], *MORE], ["repaired_line 1", "replacement_characters 1"]),
    Lines("bom-in-the-middle", [chat(Q, A), "\ufeff" + json.dumps(chat(Q2, A2))], [*SAID, *MORE], ["repaired_line 2"]),
    Lines("nul-bytes-tail", [chat(Q, A), b"\0" * 99], SAID, ["unreadable_line 2"]),
    Lines("crlf-and-blank", [json.dumps(chat(Q, A)) + "\r", "\r", json.dumps(chat(Q2, A2)) + "\r", ""], [*SAID, *MORE],
        ["line_format 1", "line_format 2"]),
    Lines("u2028-in-text", [json.dumps(chat("Which\u2028bird?", A), ensure_ascii=False)], [("prompter",
        "Which\u2028bird?"), SAID[1]]),
    Lines("nan-values", [f'{{"instruction": "{Q}", "input": NaN, "output": "{A}"}}',
        f'{{"instruction": "{Q2}", "output": NaN}}'],
        [*SAID, MORE[0]], ["mistyped_field 1", "repaired_line 1", "repaired_line 2", "unanswered_thread 2"]),
    Lines("two-records-one-line-among-good", [chat(Q, A), json.dumps(chat(Q2, A)) * 2, chat(Q2, A2)], [*SAID, *MORE],
        ["unreadable_line 2"]),
    Lines("jsonl-non-objects", ['"text"', '["text", "bird"]', "42", "null", DOCUMENT], [(None, A)],
        [f"unreadable_line {k}" for k in (1, 2, 3, 4)]),
    Lines("jsonl-with-comment", ["// exported in May", "# birds", chat(Q, A)], SAID, ["unreadable_line 1",
        "unreadable_line 2"]),
    Lines("array-in-jsonl-name", [[chat(Q, A), chat(Q2, A2)]], [*SAID, *MORE]),
    Lines("43_toplevel_list, array-of-arrays", [chat(Q, A)["messages"], sharegpt(Q2, A2)["conversations"]], [*SAID,
        *MORE]),
    Lines("msswift-rejected-response", [{**chat(Q, A), "rejected_response": W}], PAIR),
    Lines("trl-prm-stepwise", [{"prompt": Q, "completions": [A2, A], "labels": [True, False]}], [SAID[0], ("assistant",
        f"{A2}\n{A}")]),
    Lines("llamafactory-output-list", [{"instruction": Q, "input": "", "output": [A, W]}], [*SAID, ("assistant", W)]),
    Lines("answer-list", [{"question": Q, "answer": [A, W]}], [*SAID, ("assistant", W)]),
    Lines("prompt-with-responses-list", [{"prompt": Q, "responses": [A, W], "scores": [1.0, 0.0]}], PAIR),
    Lines("pku-response01", [{"prompt": Q, "response_0": A, "response_1": W, "better_response_id": 0}], PAIR),
    Lines("nectar-answers", [{"prompt": f"\n\nHuman: {Q}\n\nAssistant: ", "answers": [
        {"answer": A, "model": "x", "rank": 1.0}, {"answer": W, "model": "y", "rank": 2.0}]}], PAIR),
    Lines("arena-conversation-ab", [{"model_a": "x", "model_b": "y", "winner": "model_a", "conversation_a": chat(Q,
        A)["messages"],
        "conversation_b": chat(Q, W)["messages"], "language": "English"}], PAIR),
    Lines("chosen-messages", [{
        f"{side}_messages": [{"role": role, "content": [{"type": "text", "value": text}], "loss_weight": weight}
                             for role, text, weight in (("user", Q, 0.0), ("assistant", answer, 1.0))]
        for side, answer in (("chosen", A), ("rejected", W))}], PAIR),
    Lines("gemini-contents", [{"systemInstruction": {"parts": [{"text": A2}]}, "contents": [
        {"role": "user", "parts": [{"text": Q}]}, {"role": "model", "parts": [{"text": A}]}]}], [("system", A2),
        *SAID]),
    Lines("openai-batch", [{"custom_id": "c0", "method": "POST", "url": "/v1", "body": chat(Q, A, model="m")}], SAID),
    Lines("xlam-query-answers-json", [{"query": Q, "answers": f"[{CALL}]",
        "tools": '[{"name": "look_up", "parameters": {}}]'}],
        [SAID[0], ("assistant", f"[{CALL}]")]),
    Lines("chatml-in-text", [{"text": "".join(
        f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in (("system", A2), ("user", Q), ("assistant", A)))}],
        [("system", A2), *SAID]),
    Lines("vicuna-user-assistant-text", [{"text": f"USER: {Q} ASSISTANT: {A}</s>"}], SAID),
    Lines("red-team-transcript", [{"transcript": f"\n\nHuman: {Q}\n\nAssistant: {A}", "rating": 1.0}], SAID),
    Lines("hh-multi-turn", [
        {side: f"\n\nHuman: {Q2}\n\nAssistant: {A2}\n\nHuman: {Q}\n\nAssistant: {answer}" for side,
        answer in (("chosen", A), ("rejected", W))},
        {"chosen": f"\n\nHuman: {Q}\n\nAssistant: {A}\n\nHuman: {Q2}\n\nAssistant: {A2}",
        "rejected": f"\n\nHuman: {Q}\n\nAssistant: {W}"}],
        [*MORE, *PAIR, SAID[0], ("chosen", A), ("chosen", Q2), ("chosen", A2), ("rejected", W)], ["pair_prompt 2"]),
    Lines("dialog-list-of-strings", [{"dialog": [Q, A], "act": [1, 2]}], SAID),
    Lines("capybara-input-output-turns", [{"conversation": [{"input": Q, "output": A}, {"input": Q2, "output": A2}]}],
        [*SAID, *MORE]),
    Lines("system-prompt-column", [{"id": "o0", "system_prompt": A2, "question": Q, "response": A}], [("system", A2),
        *SAID]),
    Lines("system-twice", [{"messages": [{"role": "system", "content": A2}, {"role": "developer", "content": W},
        *chat(Q, A)["messages"]]}],
        [("system", A2), ("system", W), *SAID]),
    Lines("human-1-human-2-roles", [sharegpt(Q, A, Q2, A2, names=("human_1", "gpt", "human_2", "gpt"))], [*SAID,
        *MORE]),
    Lines("keys-capitalised", [{"Messages": [{"Role": "user", "Content": Q}, {"Role": "assistant", "Content": A}]}],
        SAID),
    Lines("conversations-both-keys", [{"conversations": [{"from": "human", "value": Q, "role": "assistant",
        "content": W},
        {"from": "gpt", "value": A}]}], SAID, ["conflicting_fields 1"]),
    Lines("content-types-odd", [chat(42, True), chat({"text": Q}, {"parts": [A]}), chat([Q2], [A2]), chat([], None)],
        [("prompter", None), ("assistant", None), *SAID, *MORE, ("prompter", ""), ("assistant", None)],
        ["mistyped_field 1", "mistyped_field 1", "empty_text 4", "missing_field 4"]),
    Lines("tool-call-python-repr", [sharegpt(Q,
        "<tool_call>\n{'name': 'look_up', 'arguments': {'deep': True}}\n</tool_call>", A2, A,
        names=("human", "gpt", "tool", "gpt"))], None, ["call_format 1"]),
    Lines("tool-then-user", [{"messages": [
        {"role": "user", "content": Q}, {"role": "assistant", "content": "", "tool_calls": tool_calls("a")},
        {"role": "tool", "tool_call_id": "a", "content": "1"}, *chat(Q2, A2)["messages"]]}], None, ["unused_result 1"]),
    Lines("same-pair", [{"prompt": Q, "chosen": A, "rejected": A}, {"prompt": Q, "chosen": A, "rejected": W}],
        [*PAIR[:2], ("rejected", A), *PAIR], ["same_pair 1"]),
    Lines("pair-third-null", [{"prompt": Q, "chosen": A, "rejected": W}, {"prompt": Q2, "chosen": A2, "rejected": None},
        {"prompt": Q2, "chosen": None, "rejected": W}], [*PAIR, MORE[0], ("chosen", A2), MORE[0], ("rejected", W)],
        ["mistyped_field 2", "mistyped_field 3"]),
    Lines("null-vs-missing-text", [{"id": "a", "text": None}, {"id": "b", "url": "x"}, {"id": "c", "text": ""},
        DOCUMENT],
        [(None, None), (None, None), (None, ""), (None, A)], ["missing_field 1", "missing_field 2", "empty_text 3"]),
    Lines("ids-mixed-int-str", [{"id": 1, "text": Q}, {"id": "1", "text": A}, {"id": 2.0, "text": Q2}, {"id": 2.5,
        "text": A2}],
        [(None, each) for each in (Q, A, Q2, A2)], ["duplicate_id 2", "mistyped_field 4"]),
    Lines("uuid-as-id", [chat(Q, A, uuid="u-1"), chat(Q2, A2, uuid="u-1")], [*SAID, *MORE], ["duplicate_id 2"]),
    Lines("mixed-first-1000-then-other", [{"text": f"Bird number {k} is a finch."} for k in range(1001)] + [chat(Q, A)],
        [*((None, f"Bird number {k} is a finch.") for k in range(1001)), *SAID]),
    Lines("mixed-sft-and-dpo", [{"prompt": Q2, "response": A2}, {"prompt": Q, "chosen": A, "rejected": W}], [*MORE,
        *PAIR]),
    Lines("history as messages", [{"history": chat(Q, A)["messages"], "prompt": Q2, "response": A2}], [*SAID, *MORE]),
    Lines("request and response", [{"request": chat(Q), "response": {"choices": [{"message": {"role": "assistant",
        "content": A}}]}}], SAID),
    Lines("inputs and outputs", [{"inputs": chat(Q), "outputs": {"messages": [{"role": "assistant", "content": A}]}}],
        SAID),
    Lines("user and bot of each exchange", [{"conversation": [{"user": Q, "bot": A}, {"user": Q2, "bot": A2}]}],
        [*SAID, *MORE]),
    Lines("object around the turns", [{"dialog": {"turns": sharegpt(Q, A)["conversations"]}}] * 2, [*SAID, *SAID]),
    Lines("columns named after speakers", [{"User": Q, "Assistant": A}, {"human": Q2, "bot": A2}], [*SAID, *MORE]),
    Lines("speakers and utterances", [{"turns": [{"speaker": "USER", "utterance": Q}, {"speaker": "bot",
        "utterance": A}]}] * 2, [*SAID, *SAID]),
    Lines("deleted-oasst", [message("a", deleted=True), message("b", "a")], None, ["deleted_in_export 1"]),
    Lines("oasst-message-with-nested-replies", [nest([message("a"), message("b", "a")])["prompt"]],
        [("prompter", "The text of message a"), ("assistant", "The text of message b")]),
    Lines("parent-nan-string", [message("a", parent_id="nan"), message("b", "a")], None,
        ["dangling_parent 1"]),
]
# fmt: on

LANGUAGES = [
    (
        "language-mixed-forms",
        ["English", "EN", "en-US", "eng", "eng_Latn", "unknown", ""],
        ["en", "en", "en-US", "en", "en"],
    ),
    ("lang-is-programming, language-names-java", ["java", "javascript", "python"], []),
    ("language-on-documents", ["de", "de"], ["de", "de"]),
]


def test_records_are_read_and_their_faults_are_reported(tmp_path):
    for kind, records, said, findings in RECORDS:
        with case(kind):
            path = write(tmp_path / "data.jsonl", records)
            assert rules(audited(path)) == findings
            if said is not None:
                assert messages(path) == said


def test_languages_have_one_form_and_programming_languages_are_none(tmp_path):
    for kind, values, expected in LANGUAGES:
        for part in ("instruction", "text"):  # a conversation, a document
            with case(kind, part):
                path = write(tmp_path / "data.jsonl", [{part: Q, "output": A, "language": value} for value in values])
                found = parsed(path).messages.filter(pc.field("role").is_null() | (pc.field("role") == "prompter"))
                known = [lang for lang in found["lang"].to_pylist() if lang]
                assert [lang for lang in known if lang != "unknown"] == expected


def database(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table message (role text)")
    connection.close()


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.jsonl", data)
    return sink.getvalue()


def tarred(data: bytes) -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return sink.getvalue()


def stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


TWO = lines(chat(Q, A), chat(Q2, A2))
TABLE = pa.Table.from_pylist([chat(Q, A), chat(Q2, A2)])
LONG = f"{A} " * 100_000

# fmt: off
FILES = [  # kind, name, bytes, messages, words of the error
    ("one-object-per-lines-pretty", "a.json", b"\n".join(json.dumps(chat(*each), indent=2).encode() for each in ((Q,
        A), (Q2, A2))),
        [*SAID, *MORE], None),
    ("dict-keyed-by-id", "a.json", json.dumps({"id00": chat(Q, A), "id01": chat(Q2, A2)}).encode(), [*SAID, *MORE],
        None),
    ("json-data-field", "a.json", json.dumps({"version": "1.0", "data": [chat(Q, A), chat(Q2, A2)]}).encode(), [*SAID,
        *MORE], None),
    ("json-columnar", "a.json", json.dumps({"instruction": [Q, Q2], "output": [A, A2]}).encode(), [*SAID, *MORE], None),
    ("array-of-arrays", "a.json", json.dumps([chat(Q, A)["messages"], chat(Q2, A2)["messages"]]).encode(), [*SAID,
        *MORE], None),
    ("flat-list-of-turns", "a.json", json.dumps(sharegpt(Q, A)["conversations"]).encode(), [],
        "each record is a single turn (from, value)"),
    ("flat list of turns, as OpenAI writes them", "a.json", json.dumps(chat(Q, A)["messages"]).encode(), [],
        "each record is a single turn (role, content)"),
    ("cut-json-array", "a.json", json.dumps([chat(Q, A), chat(Q2, A2)], indent=1).encode()[:-60], SAID, "not closed"),
    ("chatgpt-export", "a.json", json.dumps([{"title": "Birds", "mapping": {
        "r": {"message": None, "parent": None, "children": ["q"]},
        "q": {"message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [Q]}},
        "parent": "r", "children": ["a"]},
        "a": {"message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": [A]}},
        "parent": "q", "children": []},
    }}]).encode(), SAID, None),
    ("b.ndjson", "b.ndjson", TWO, [*SAID, *MORE], None),
    ("big-line", "a.jsonl.gz", gzip.compress(lines(chat(Q, LONG), chat(Q2, A2))), [SAID[0], ("assistant", LONG),
        *MORE], None),
    ("concatenated-members", "a.jsonl.gz", gzip.compress(lines(chat(Q, A))) + gzip.compress(lines(chat(Q2, A2))),
        [*SAID, *MORE], None),
    ("gz-trailing-garbage", "a.jsonl.gz", gzip.compress(lines(chat(Q, A))) + b"birds", SAID,
        "after the end of the gzip stream"),
    ("gz-second-member-cut", "a.jsonl.gz", gzip.compress(lines(chat(Q, A))) + gzip.compress(lines(chat(Q2, A2)))[:-30],
        SAID, "ends early"),
    ("truncated", "a.jsonl.gz", gzip.compress(TWO)[:-4], [*SAID, *MORE], "ends early"),
    ("gz-named-plain", "a.jsonl", gzip.compress(TWO), [*SAID, *MORE], None),
    ("plain-named-gz", "a.jsonl.gz", TWO, [*SAID, *MORE], None),
    ("lines.jsonl.bz2", "a.jsonl.bz2", bz2.compress(TWO), [*SAID, *MORE], None),
    ("stream.arrow", "a.arrow", stream(TABLE), [*SAID, *MORE], None),
    ("table.csv", "a.csv", f'instruction,input,output\n"{Q}",,"{A}\nIndeed."\n'.encode(), [SAID[0], ("assistant",
        f"{A}\nIndeed.")], None),
    ("lfs-pointer", "a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", [],
        "git lfs pull"),
    ("html-error-page", "a.jsonl", b"<!DOCTYPE html>\n<html><body>Please log in</body></html>\n", [], "HTML"),
    ("python-repr-lines", "a.jsonl", f"{chat(Q, A)}\n".encode(), [], "Python"),
    ("json5-unquoted", "a.jsonl", b'{messages: [{role: "user", content: "Which bird?"}]}\n', [], "keys without quotes"),
    ("utf16-bom", "a.jsonl", TWO.decode().encode("utf-16"), [], "UTF-16"),
    ("lines.zip", "a.zip", zipped(TWO), [*SAID, *MORE], None),
    ("gzip-of-tar", "a.jsonl.gz", gzip.compress(tarred(TWO)), [*SAID, *MORE], None),
    ("empty", "a.jsonl", b"", [], "no record"),
    ("mt-bench-answers", "a.jsonl", lines({"question_id": 80, "answer_id": "x", "choices": [{"index": 0, "turns": [A,
        A2]}]}), [],
        "unknown format (fields: 'answer_id', 'choices', 'question_id')"),
]
TABLES = [  # kind, table, messages, findings
    ("struct-of-lists", pa.table({"conversations": [{"from": ["human", "gpt"], "value": [Q, A]}]}), SAID, []),
    ("json-list-strings", pa.table({"messages": [[json.dumps(each) for each in chat(Q, A)["messages"]]]}), SAID, []),
    ("json-extension", pa.table({"messages": pa.ExtensionArray.from_storage(pa.json_(), pa.array([json.dumps(chat(Q,
        A)["messages"])]))}),
        SAID, []),
    ("fixed-size-list", pa.table({"data": pa.array([[Q, A]], pa.list_(pa.string(), 2))}), SAID, []),
    ("large-list-large-string", pa.table({"messages": pa.array([chat(Q, A)["messages"]], pa.large_list(
        pa.struct({"role": pa.large_string(), "content": pa.large_string()})))}), SAID, []),
    ("dictionary-roles", pa.table({"messages": pa.ListArray.from_arrays([0, 2], pa.StructArray.from_arrays(
        [pa.array(["user", "assistant"]).dictionary_encode(), pa.array([Q, A])], ["role", "content"]))}), SAID, []),
    ("role-as-int-classlabel", pa.table({"messages": [[{"role": 0, "content": Q}, {"role": 1, "content": A}]]}),
        [(None, Q), (None, A)], ["mistyped_field 1", "mistyped_field 1"]),
    ("tool-arguments-null-keys", pa.Table.from_pylist([{"messages": [
        {"role": "user", "content": Q, "tool_calls": None},
        {"role": "assistant", "content": A2, "tool_calls": [{"function": {"name": name, "arguments": {"bird": bird,
        "limit": limit}}}]},
        {"role": "tool", "content": "1", "tool_calls": None}, {"role": "assistant", "content": A, "tool_calls": None}]}
        for name, bird, limit in (("a", "owl", None), ("b", None, 2))]),
        [SAID[0], ("assistant", A2), ("tool", "1"), SAID[1]] * 2, []),
    ("null-lists-and-nulls", pa.Table.from_pylist([chat(Q, A), {"messages": None}, {"messages": []},
        {"messages": [None, {"role": "assistant", "content": None}]}]), [*SAID, (None, None), ("assistant", None)],
        ["missing_field 2", "missing_field 3", "missing_field 4", "mistyped_field 4"]),
    ("pandas-index", pa.table({"instruction": [Q], "output": [A], "__index_level_0__": [7]}), SAID, []),
    ("id-as-int-and-float", pa.table({"id": [1.0, 2.0], "text": [Q, A]}), [(None, Q), (None, A)], []),
]
# fmt: on


def test_files_are_read_or_the_error_says_what_they_are(tmp_path):
    for kind, name, data, said, error in FILES:
        with case(kind):
            path = tmp_path / name
            path.write_bytes(data)
            record = audited(path)
            errors = " ".join(record.facts.errors)
            assert error in errors if error else not errors
            assert len(record.messages) == len(said)
            if not error:
                assert messages(path) == said
            path.unlink()
    database(tmp_path / "messages.sqlite")
    with case("messages.sqlite"):
        assert "SQLite" in audited(tmp_path / "messages.sqlite").facts.errors[0]


def test_tables_are_read_in_every_type(tmp_path):
    for kind, table, said, findings in TABLES:
        with case(kind):
            pq.write_table(table, tmp_path / "data.parquet")
            assert messages(tmp_path / "data.parquet") == said
            assert rules(audited(tmp_path / "data.parquet")) == findings


def test_files_of_a_folder_may_have_other_columns(tmp_path):
    with case("folder-columns-differ"):
        pq.write_table(pa.table({"instruction": [Q], "output": [A]}), tmp_path / "train-0.parquet")
        pq.write_table(pa.table({"output": [A2], "source": ["x"], "instruction": [Q2]}), tmp_path / "train-1.parquet")
        assert messages(tmp_path) == [*SAID, *MORE]
        assert rules(audited(tmp_path)) == []


def test_texts_beside_the_records_of_an_object_are_reported(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps({"about": "These are two chats about birds.", "data": [chat(Q, A), chat(Q2, A2)]}))
    record = audited(path)
    assert messages(path) == [*SAID, *MORE]
    assert record.table["summary"].to_pylist() == [
        "about was not read: it is a text beside the records in data. Move it into them"
    ]


def test_lines_that_are_nearly_records_are_read_and_reported(tmp_path):
    line = json.dumps(chat(Q, A))
    for kind, text, findings in [
        ("JSON within a string", json.dumps(line), ["Record is JSON within a string; decode it once more"]),
        ("a record separator (RFC 7464)", f"\x1e{line}", ["Record separator before the record"]),
        ("a comma after the record", f"{line},", ["Comma after the record"]),
        ("a record over several lines", json.dumps(chat(Q, A), indent=1), []),
    ]:
        with case(kind):
            (tmp_path / "data.jsonl").write_text(f"{text}\n")
            assert messages(tmp_path / "data.jsonl") == SAID
            assert audited(tmp_path / "data.jsonl").table["summary"].to_pylist() == findings


def test_values_in_other_types_than_usual_are_read(tmp_path):
    rounds = {"prompt": json.dumps([Q, Q2]), "response_a": json.dumps([A, A2]), "response_b": json.dumps([W, W])}
    called = {"role": "assistant", "content": "", "tool_calls": tool_calls("owls")}
    told = {"role": "tool", "tool_call_id": "owls", "content": {"n": 3}}
    for kind, record, said in [
        ("lists of rounds", {**rounds, "winner": "tie"}, [*SAID, *MORE, ("assistant", W), MORE[0], ("assistant", W)]),
        (
            "ranks as texts",
            {"prompt": Q, "answers": [{"text": W, "rank": "2"}, {"text": A, "rank": "1"}]},
            [("prompter", Q), ("rejected", W), ("chosen", A)],
        ),
        (
            "an object that a tool returns",
            {"messages": [*chat(Q)["messages"], called, told]},
            [("prompter", Q), ("assistant", json.dumps(tool_calls("owls"))), ("tool", '{"n": 3}')],
        ),
    ]:
        with case(kind):
            assert messages(write(tmp_path / "data.jsonl", [record])) == said
    for kind, lang, tag in [("one language in a list", ["deu_Latn"], "de"), ("several", ["de", "en"], None)]:
        with case(kind):
            (row,) = parsed(write(tmp_path / "data.jsonl", [{"text": A, "lang": lang}])).messages.to_pylist()
            assert row["lang"] == tag
