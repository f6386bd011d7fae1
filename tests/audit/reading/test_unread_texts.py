"""The finding about a field that was not read says how much text it has, and how to read it."""

import json
import re
import tomllib

from building import audit
from cases import case
from chataudit.audit.reading.formats import Spec
from chataudit.audit.reading.formats.ledger import OTHERS, Field, summary, way_out
from chataudit.audit.reading.formats.paths import CUT

NAME_IT = "Name it in [format], or under others"


def unread(record):
    return [row for row in record.table.to_pylist() if row["rule"].endswith("/unread_text")]


def test_the_way_out_is_a_line_of_the_settings_by_the_words_of_the_name():
    for path, line in [
        ("response_0", 'Add answer = "response_0" to [format]'),
        ("modelAnswer", 'Add answer = "modelAnswer" to [format]'),
        ("responses[].text", 'Add answers = "responses[].text" to [format]'),
        ("data.final_response.content", 'Add answer = "data.final_response.content" to [format]'),
        ("system_prompt_2", 'Add system = "system_prompt_2" to [format]'),
        ("teacher_thinking", 'Add reasoning = "teacher_thinking" to [format]'),
        ("userQuestion", 'Add prompt = "userQuestion" to [format]'),
        ("extra_context", 'Add input = "extra_context" to [format]'),
        ("dialogue[].utterance", 'Add turns = "dialogue" and text = "utterance" to [format]'),
        ("critique", 'If it belongs to no message, add others = ["critique"] to [format]'),
        ("responses[].critique", 'If it belongs to no message, add others = ["responses[].critique"] to [format]'),
        ("answers.*.text", 'If it belongs to no message, add others = ["answers.*.text"] to [format]'),
        ('the "best"', 'If it belongs to no message, add others = ["the \\"best\\""] to [format]'),
        ("a]", NAME_IT),
        (OTHERS, NAME_IT),
        (f"long_answer{CUT}", NAME_IT),
    ]:
        with case(path):
            assert way_out(path) == line
            for setting in re.findall(r"(\w+ = .*?) (?:and|to) ", line):
                (name,) = tomllib.loads(setting)
                assert name in Spec.__dataclass_fields__


def test_the_sentence_has_shares_and_is_short():
    for path, entry, said in [
        (
            "critique",
            Field(unread=3, chars=120),
            "critique was not read: text in 75.0 % of records, 12.0 % of characters.",
        ),
        ("critique", Field(unread=1, chars=1), "critique was not read: text in 1 record, 0.10 % of characters."),
        (
            "critique",
            Field(unread=4, chars=1000),
            "critique was not read: text in 100 % of records, 100 % of characters.",
        ),
        (OTHERS, Field(unread=9, chars=500), "Text beyond the first 500 fields was not read: text in 100 % of records"),
        ("a\nb", Field(unread=4, chars=120), "a\\nb was not read"),
        ("x" * 101, Field(unread=4, chars=120), "x" * 79 + "… was not read: text in 100 % of records"),
    ]:
        with case(path, entry):
            words = summary(path, entry, 4, 1000)
            assert words.startswith(said)
            assert len(words) <= 200
            assert "\n" not in words


def test_a_finding_is_the_same_when_shares_change(tmp_path):
    rows = [{"prompt": "Which bird sings?", "remark": f"This is remark {k} of very many."} for k in range(9)]
    (first,), (second,) = (
        unread(audit(tmp_path, [*rows[:n], {"prompt": "Why?"}], "schema_invariants")) for n in (2, 9)
    )
    assert first["summary"] != second["summary"]
    assert first["fingerprint"] == second["fingerprint"]


def test_names_that_are_half_a_character_or_very_long_are_read(tmp_path):
    deep = "This is a text far below."
    for _ in range(200):
        deep = {"below": deep}
    record = json.dumps({"prompt": "Which bird?", "\ud800": "This is a text beside.", "deep": deep})
    found = unread(audit(tmp_path, [record], "schema_invariants"))
    assert sorted(row["summary"].partition(" was not read")[0][:10] for row in found) == ["deep.below", "\ufffd"]
