"""No text is lost: each is in a message, or its field is reported, whatever the shape of the record."""

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow.compute as pc
from building import audit, message, write
from cases import case
from chataudit.audit.reading import files
from chataudit.audit.reading.blocks import cutting
from chataudit.audit.reading.formats import FORMATS, ledger
from chataudit.audit.reading.formats.faults import Fault, Row
from chataudit.audit.reading.formats.paths import decoded, leaves
from chataudit.audit.reading.formats.records import Records
from chataudit.audit.reading.parse import parse
from chataudit.audit.reading.recognise import recognise

N_RECORDS = 10_000
TURNS = ("messages", "conversations", "conversation", "chat", "turns", "dialog", "thread", "history", "data", "items")
ASKED = ("prompt", "instruction", "question", "query", "input", "inputs", "post", "problem", "context")
ANSWER = ("output", "response", "completion", "answer", "solution", "target", "reply", "text", "content")
OTHERS = ("notes", "critique", "summary", "description", "explanation", "title", "hint", "rubric", "gold", "comment")
THINGS = ("river", "bridge", "harbour", "garden", "lantern", "orchard", "violin", "kettle", "meadow", "tower")


class Maker:
    """Records of known parts in unknown arrangements; each text is unlike all others."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.n_texts = 0

    def text(self) -> str:
        self.n_texts += 1
        one, other = self.random.sample(THINGS, 2)
        text = f"{self.n_texts} is about the {one} and the {other}"
        return self.random.choice((text, text, f"{text}\n", f"Here is {text}.", f"{text}. It is long. " * 3))

    def one_of(self, *made: Callable[[], Any]) -> Any:
        return self.random.choice(made)()

    def likely(self, share: float) -> bool:
        return self.random.random() < share

    def name(self, *names: str) -> str:
        return self.random.choice(names)

    # -- values ----------------------------------------------------------------------------------------------------

    def content(self) -> Any:
        return self.one_of(self.text, self.text, self.text, self.blocks)

    def blocks(self) -> list[Any]:
        return [self.one_of(self.block, self.block, self.text) for _ in range(self.random.randint(1, 3))]

    def block(self) -> Row:
        kind = self.name("text", "thinking", "reasoning", "image", "tool_result", "tool_use", "citation")
        if kind == "tool_use":
            return {"type": kind, "id": "u1", "name": "find", "input": {"query": self.text()}}
        inner = self.name("text", "thinking", "content", "caption", "title")
        return {"type": kind, inner: self.text()} | ({"source": {"note": self.text()}} if self.likely(0.1) else {})

    def turns(self, n: int | None = None) -> list[Any]:
        role, text = self.random.choice((("role", "content"), ("from", "value"), ("speaker", "text"), ("role", "text")))
        users, bots = self.random.choice((("user", "assistant"), ("human", "gpt"), ("customer", "agent")))
        made: list[Any] = []
        for k in range(self.random.randint(0, 5) if n is None else n):
            turn: Row = {role: (users, bots)[k % 2], text: self.content()}
            if self.likely(0.05):
                turn[role] = "system"
            if self.likely(0.1):
                turn[self.name("reasoning_content", "thinking", "name", *OTHERS)] = self.text()
            if self.likely(0.05):
                turn["tool_calls"] = [{"id": "c1", "function": {"name": "find", "arguments": self.arguments()}}]
            if self.likely(0.03):
                turn = self.random.choice(({**turn, text: None}, {**turn, text: 7}, {role: users}, {text: self.text()}))
            made.append(turn)
        if self.likely(0.03):
            made.append(self.random.choice((None, self.text(), 5, [self.text()])))
        return made

    def arguments(self) -> Any:
        given = {"query": self.text()}
        return self.random.choice((given, json.dumps(given), json.dumps(given, ensure_ascii=False)))

    def conversation(self) -> Any:
        return self.one_of(self.text, self.turns, self.turns, self.texts, self.packed, self.columns, self.transcript)

    def texts(self) -> list[str]:
        return [self.text() for _ in range(self.random.randint(1, 4))]

    def packed(self) -> str:
        return json.dumps(self.one_of(self.turns, self.turns, self.texts, lambda: {"messages": self.turns()}))

    def columns(self) -> Row:
        turns = [turn for turn in self.turns(2) if isinstance(turn, dict)]
        names = turns[0].keys()
        return {name: [turn.get(name) for turn in turns] for name in names}

    def transcript(self) -> str:
        style = self.random.choice(
            (
                "<|im_start|>{role}\n{text}<|im_end|>\n",
                "\n\n{Human}: {text}",
                "### {Human}: {text}\n",
                "<start>{role}: {text}</start>\n",
            )
        )
        marks = [("user", "Human"), ("assistant", "Assistant")] * 2
        lead = self.random.choice(("", "", "", f"{self.text()}\n"))
        return lead + "".join(style.format(role=role, Human=mark, text=self.text()) for role, mark in marks)

    def nested(self, depth: int = 0) -> Any:
        if depth > 3 or self.likely(0.4):
            return self.text()
        inner = [self.nested(depth + 1) for _ in range(self.random.randint(1, 2))]
        if self.likely(0.3):
            return inner
        return {self.name("meta", "extra", "text", "value", "content", "7", *OTHERS): each for each in inner}

    def rendering(self, record: Row) -> str:
        """Return texts that the record already has in one text, perhaps with a new one among them."""
        texts = [text for _, text in texts_of(record) if marks(text)][:6]
        if self.likely(0.5):
            texts.insert(self.random.randint(0, len(texts)), self.text())
        style = self.random.choice(("{}\n", "### Question: {}\n", "<|im_start|>user\n{}<|im_end|>\n", "Q: {}\n"))
        return "".join(style.format(text) for text in texts)

    # -- parts of a record -----------------------------------------------------------------------------------------

    def chat(self) -> Row:
        return {self.name(*TURNS): self.conversation()}

    def pair(self) -> Row:
        whole = self.one_of(lambda: self.text, lambda: self.turns, lambda: self.conversation)
        chosen, rejected = self.random.choice(
            (("chosen", "rejected"), ("chosen_response", "rejected_response"), ("response_a", "response_b"),
             ("conversation_a", "conversation_b"), ("response_0", "response_1"), ("response1", "response2"))
        )  # fmt: skip
        more = {self.name("winner", "preference", "label"): self.random.choice(("a", "model_b", 1, True, None))}
        return {chosen: whole(), rejected: whole()} | (more if self.likely(0.5) else {})

    def answers(self) -> Row:
        field = self.name("answers", "completions", "responses", "candidates", "outputs")
        text = self.name("text", "response", "answer", "content")
        n = self.random.randint(1, 3)
        asked = self.instruction() if self.likely(0.7) else {}
        if self.likely(0.3):
            return {**asked, field: self.texts(), "scores": [1, 2, 3][:n]}
        return {**asked, field: [{text: self.text(), "score": k, self.name("rank", *OTHERS): k} for k in range(n)]}

    def instruction(self) -> Row:
        made = {self.name(*ASKED): self.one_of(self.text, self.text, self.conversation)}
        if self.likely(0.8):
            made[self.name(*ANSWER)] = self.one_of(self.text, self.text, self.text, self.conversation)
        if self.likely(0.2):
            made["history"] = [[self.text(), self.text()] for _ in range(self.random.randint(0, 2))]
        if self.likely(0.2):
            made["label"] = self.random.choice((True, False, 1, None, "good", self.text()))
        return made

    def system(self) -> Row:
        return {self.name("system", "system_prompt", "systemInstruction"): self.one_of(self.text, self.content)}

    def other(self) -> Row:
        return {self.name("tools", "reasoning", "extra", "steps", "label", "media", "tree", *OTHERS): self.nested()}

    def exchanges(self) -> Row:
        inner = [{"input": self.text(), "output": self.text()} for _ in range(self.random.randint(1, 3))]
        return {self.name("conversation", "conversations", "turns"): inner}

    def oasst(self) -> Row:
        node = {"message_id": "m1", "role": "prompter", "text": self.text(), self.name("note", "lang"): self.text()}
        node["replies"] = [{"message_id": "m2", "role": "assistant", "text": self.text(), "replies": self.nested()}]
        return {"message_tree_id": "m1", "prompt": node}

    def export(self) -> Row:
        said = {"author": {"role": "user"}, "content": {"content_type": "text", "parts": [self.text()]}}
        above = self.random.choice((None, "m1", "gone"))
        return {"mapping": {"m1": {"message": said, "parent": above, "children": []}}, "title": self.text()}

    def record(self) -> Row:
        parts = (self.chat, self.chat, self.pair, self.answers, self.instruction, self.instruction, self.exchanges,
                 self.other, self.system)  # fmt: skip
        made: Row = {}
        for _ in range(self.random.choice((1, 1, 2, 2, 3, 4))):
            made |= self.one_of(*parts)
        if self.likely(0.02):
            made |= self.one_of(self.oasst, self.export)
        if self.likely(0.2):
            made |= self.system() if self.likely(0.5) else self.other()
        if self.likely(0.1):
            made[self.random.choice([*made])] = None
        if self.likely(0.2):
            made[self.name("text", "rendered", *OTHERS)] = self.rendering(made)
        if self.likely(0.05):
            made = {self.name("data", "row", "body"): made}
        return made


def marks(value: Any) -> set[str]:
    """Return the marks of all texts in a value, also in JSON in a string."""
    return set(re.findall(r"\d+ is about the \w+ and the \w+", json.dumps(value)))


def lost(record: Row, rows: list[Row], reported: set[str]) -> set[str]:
    """Return the marks of texts that are neither in a message nor in a field that is reported."""
    found = marks([[row.get("text"), row.get("reasoning"), row.get("calls")] for row in rows])
    return {mark for mark in marks(record) - found if mark not in marks([*reported])}


def reported(format: Records, record: Row, rows: list[Row]) -> set[str]:
    """Return the texts of all fields that are reported as not read, or known to belong to no message."""
    fields = ledger.account(format.rest(record), 1, rows, lambda: format.known_of(record))
    return {text for path, text in texts_of(record) if path in fields and fields[path].unread}


def texts_of(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the strings of a record by path; of JSON in a string, those within it."""
    for at, text in leaves(value, path):
        inner = decoded(text)
        yield from [(at, text)] if inner is None else texts_of(inner, at)


def test_each_text_of_a_record_is_in_a_message_or_its_field_is_reported():
    maker = Maker(1)
    every = Records(FORMATS, "messages")
    n_read = n_texts = 0
    for number in range(N_RECORDS):
        record = maker.record()
        format = Records(FORMATS, every.recognised(record)[0] or "messages")
        with case(number, json.dumps(record)[:2000]):
            found = list(format.flatten(record, "data:1"))
            rows = [row for row in found if not isinstance(row, Fault)]
            left = reported(format, record, rows)
            assert lost(record, rows, left) == set()
        n_texts += len(marks(record))
        n_read += len(marks(record) - marks([*left]))
    assert n_read > n_texts / 3  # so that the law is about something


def test_an_audit_reports_every_field_with_a_text_that_is_in_no_message(tmp_path):
    maker = Maker(2)
    records = [maker.record() for _ in range(100)]
    path = write(tmp_path / "data.jsonl", records)
    (source,) = files.find([path]).sources
    plan = recognise(source)
    rows = [row for block in cutting.blocks(source, 1 << 20) for row in parse(block, plan).messages.to_pylist()]
    found = marks([[row["text"], row["reasoning"], row["calls"]] for row in rows])
    summaries = audit(tmp_path, records, "schema_invariants").table.filter(
        pc.field("rule") == "schema_invariants/unread_text"
    )
    named = {summary.partition(" was not read")[0] for summary in summaries["summary"].to_pylist()}
    assert ledger.OTHERS not in named  # or the next lines would say little
    for record in records:
        known = [each.pattern for each in plan.format.known_of(record)]
        for at, text in texts_of(record):
            with case(at, text, record):
                assert marks(text) <= found or at in named or any(re.fullmatch(each, at) for each in known)


def test_columns_of_flat_messages_that_are_not_read_are_reported(tmp_path):
    records = [message(f"m{k}", note=f"note {k} about the river and the bridge") for k in range(3)]
    table = audit(tmp_path, records, "schema_invariants").table.to_pylist()
    (summary,) = (row["summary"] for row in table if row["rule"].endswith("unread_text"))
    assert summary.startswith("note was not read: text in 100 % of records, 62.7 % of characters")


def test_a_rendering_of_the_messages_is_read_and_what_it_adds_is_not():
    asked, said = "Which bird sings at night?", "The nightingale sings at night, as its name says."
    added = "Answer as a keeper of birds would answer."
    for text, unread in [
        (f"### Question: {asked}\n### Answer: {said}", None),
        (f"<|im_start|>user\n{asked}<|im_end|>\n<|im_start|>assistant\n{said}<|im_end|>\n", None),
        (f"Q: {asked}\n\n{added}\n\nA: {said}", f"{added}\n\nA:"),
        (f"<|im_start|>system\n{added}<|im_end|>\n<|im_start|>user\n{asked}<|im_end|>\n", added),
        (f"{added} {added}", f"{added} {added}"),
    ]:
        with case(text):
            record = {"prompt": asked, "response": said, "rendered": text}
            rows = [row for row in FORMATS["instructions"].flatten(record, "data:1") if not isinstance(row, Fault)]
            field = ledger.account(record, 1, rows, tuple)["rendered"]
            assert (field.excerpt or None, field.chars) == (unread, len(unread or ""))


def test_the_same_words_around_all_messages_are_a_template():
    records = [{"prompt": f"Which bird is number {k}?", "response": f"It is bird number {k}, a finch."} for k in (1, 2)]
    fields: ledger.Ledger = {}
    for line, record in enumerate(records, 1):
        rows = [row for row in FORMATS["instructions"].flatten(record, "data:1") if not isinstance(row, Fault)]
        text = f"Below is a question about a bird of our garden. {record['prompt']} {record['response']}"
        ledger.merge(fields, ledger.account(record | {"text": text}, line, rows, tuple))
        assert [path for path, _ in ledger.unread(fields)] == (["text"] if line == 1 else [])
