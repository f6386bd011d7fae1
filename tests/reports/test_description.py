"""What data consist of: counted by hand on a few messages, and by a slow script on six data sets."""

import json
from pathlib import Path

import numpy as np
import pytest
from building import SHARED, audit, conversation, message, needs_shared, write
from chataudit.audit.run import run
from chataudit.checks.base.text.spaces import count_words
from chataudit.reports.description import BINS, overview
from chataudit.reports.redact import redacted
from chataudit.reports.wording import below
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import array

TRUTH = SHARED / "data" / "truth" / "description"
ROLES = {"user": "prompter"}


def described(folder, *rows):
    return run(write(folder / "data.jsonl", rows), format="oasst_messages", checks=None).facts


def test_messages_turns_and_lengths_are_counted(tmp_path):
    facts = described(
        tmp_path,
        message("a", None, "prompter", text="one two", message_tree_id="t", lang="en"),
        message("b", "a", "assistant", text="three", message_tree_id="t", lang="en"),
        message("c", "b", "prompter", text="four five six", message_tree_id="t", lang="de"),
        message("d", None, "prompter", text="x", message_tree_id="u", lang="en"),
    )
    found = facts.description
    assert (found.messages.n, found.messages.min, found.messages.max) == (2, 1, 3)
    assert (found.turns.total, found.turns.max) == (3, 2)
    assert (found.words.total, found.words.min, found.words.max) == (7, 1, 3)
    assert (found.chars.total, found.chars.mean) == (26, 6.5)
    assert found.chars.median == 6.0  # between "three" and "one two"
    assert [(part.name, part.messages, part.chars.total) for part in found.roles] == [
        ("prompter", 3, 21),
        ("assistant", 1, 5),
    ]
    assert [(part.name, part.messages) for part in found.languages] == [("en", 3), ("de", 1)]
    assert (found.untagged, found.identical) == (0, 0)


def test_a_histogram_has_every_value_in_its_bin(tmp_path):
    texts = ["x" * n for n in (1, 2, 3, 4, 7, 8, 1000)]
    rows = [message(f"m{k}", None, "prompter", text=text, message_tree_id=f"t{k}") for k, text in enumerate(texts)]
    bins = described(tmp_path, *rows).description.chars.histogram
    assert BINS[:5] == (1, 2, 4, 8, 16)
    assert bins == [1, 2, 2, 1, 0, 0, 0, 0, 0, 1]


def test_data_without_messages_have_no_figures(tmp_path):
    found = described(tmp_path).description
    assert (found.messages, found.chars, found.roles) == (None, None, [])
    assert list(overview(found)) == []


def test_an_audit_describes_the_data_as_describe_does(tmp_path):
    rows = [*conversation("c", replies=3), *conversation("d", replies=1)]
    of_audit = audit(tmp_path, rows, "schema_invariants").facts.description
    assert of_audit == run(tmp_path / "data.jsonl", checks=None).facts.description


def test_a_redacted_record_names_files_and_no_folders(tmp_path):
    record = run(write(tmp_path / "data.jsonl", conversation("c")), checks=None)
    assert record.facts.description.sources[0].name.startswith("/")
    assert redacted(record).facts.description.sources[0].name == "data.jsonl"


def test_lines_name_files_below_the_folder_that_all_share(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "data.jsonl", conversation(folder))
    facts = run(tmp_path, checks=None).facts
    (lines,) = [each.lines for each in overview(facts.description) if each.name == "file"]
    assert sorted(line[0] for line in lines) == ["one/data.jsonl", "two/data.jsonl"]
    assert below(["/a/b/c.jsonl"]) == ["c.jsonl"]
    assert below(["/a/b/c.jsonl", "/a/d.jsonl"]) == ["b/c.jsonl", "d.jsonl"]
    assert below(["a.jsonl", "/b.jsonl"]) == ["a.jsonl", "/b.jsonl"]
    assert below([]) == []


@given(st.lists(st.one_of(st.none(), st.text("ab é中\u00a0\u3000\t\n\u2003\x1c\x85\u1680\u200b\u205f", max_size=12))))
def test_words_are_what_is_between_white_space_of_any_kind(texts):
    assert count_words(array(texts, "string")).tolist() == [len((text or "").split()) for text in texts]


def test_words_of_a_part_of_a_column_are_those_of_its_texts():
    column = array(["a", "b c", " d", "e\u00a0f g", ""])
    assert count_words(column.slice(1, 3)).tolist() == [2, 1, 3]


def figures(spread):
    return {
        "n": spread.n,
        "sum": spread.total,
        "mean": spread.mean,
        "min": spread.min,
        "p10": spread.p10,
        "median": spread.median,
        "p90": spread.p90,
        "max": spread.max,
    }


def sets():
    if not TRUTH.is_dir():
        return []
    return [json.loads(line) for line in (TRUTH / "truth.jsonl").open(encoding="utf-8")]


@needs_shared
@pytest.mark.parametrize("given", sets(), ids=lambda each: each["id"])
def test_figures_are_those_of_a_slow_count(given):
    path = Path(TRUTH / f"{given['id']}.messages.jsonl")
    found, true = run(path, format=given["format"].replace(" ", "_"), checks=None).facts.description, given["figures"]
    roles = {part.name: part for part in found.roles}
    languages = {part.name or "none": part for part in found.languages}
    assert {ROLES.get(role, role): n for role, n in true["by_role"].items()} == {
        name: part.messages for name, part in roles.items()
    }
    assert true["by_language"] == {name: part.messages for name, part in languages.items()}
    pairs = [
        ("messages", found.messages, true["messages_a_conversation"]),
        ("turns", found.turns, true["user_turns_a_conversation"]),
        ("chars", found.chars, true["characters"]),
        ("words", found.words, true["words_whitespace"]),
    ]
    for role, part in roles.items():
        name = role if role in true["by_role"] else "user"
        pairs.append((role, part.chars, true["characters_by_role"][name]))
        pairs.append((f"{role} words", part.words, true["words_whitespace_by_role"][name]))
    for lang, part in languages.items():
        pairs.append((lang, part.chars, true["characters_by_lang"][lang]))
        pairs.append((f"{lang} words", part.words, true["words_whitespace_by_lang"][lang]))
    for name, spread, expected in pairs:
        own = figures(spread)
        assert {key: pytest.approx(value, abs=1e-5) for key, value in expected.items()} == own, name
        assert sum(spread.histogram) == spread.n, name
        assert np.argmax(np.array(spread.histogram) > 0) == max(0, int(spread.min).bit_length() - 1), name
