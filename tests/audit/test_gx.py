"""Great Expectations finds what the check finds, and is shown no text."""

import json
import re
from collections import defaultdict
from pathlib import Path

import chataudit
import great_expectations
import pytest
from building import SHARED, message, needs_shared, uid, write
from chataudit.audit import gx
from chataudit.audit.run import run
from chataudit.checks.base.examples import Data
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.checks.schema_invariants.rules import RULES

MARK = "pelican"  # is in every text, and in every line that is broken


def tree(root, *others, **odd):
    """Return a prompt, and the messages (name, parent, what is odd about it) of its tree."""
    home = {"message_tree_id": uid(root), "text": f"{MARK} {root}"}
    return [
        message(root, **{**home, **odd}),
        *(message(name, parent, **{**home, **more}) for name, parent, more in others),
    ]


FAULTY = {
    "role_alternation": tree("a", ("a2", "a", {"role": "prompter"})),
    "root_role": tree("b", role="assistant"),
    "unknown_role": tree("c", ("c2", "c", {"role": "system"})),
    "duplicate_id": tree("d", ("d2", "d", {}), ("d2", "d", {})),
    "dangling_parent": tree("e", ("e2", "nowhere", {})),
    "parent_in_other_tree": tree("f", ("f2", "a", {})),
    "self_parent": tree("g", ("g2", "g2", {})),
    "cycle": tree("h", ("h2", "h3", {}), ("h3", "h2", {"role": "prompter"})),
    "one_root": tree("i", ("i2", None, {})),
    "tree_id": tree("j", message_tree_id=uid("another")),
    "unanswered_thread": tree("k"),
    "order": tree("l", ("l2", "l", {}), ("l3", "l", {}), ("l4", "l2", {"role": "prompter"})),
    "missing_field": tree("m", ("m2", "m", {"text": None}), lang=...),
    "mistyped_field": tree("n", ("n2", "n", {"text": [MARK]}), rank=MARK),
    "malformed_id": tree("o", message_id="o"),
    "language_tag": tree("p", lang="eng lish"),
    "empty_text": tree("q", text=" \n\u200b"),
    "replacement_characters": tree("r", text=f"{MARK} \ufffd"),
    "control_characters": tree("s", text=f"{MARK} \x07"),
    "date_format": tree("t", created_date="2023-02-07"),
    "date_before_parent": tree("u", ("u2", "u", {"created_date": "2022-02-07T00:00:00+00:00"})),
    "date_in_future": tree("v", created_date="2033-02-07T00:00:00+00:00"),
    "rank_of_prompter": tree("w", rank=0),
    "rank_range": tree("x", ("x2", "x", {"rank": -1})),
    "rank_tie": tree("y", ("y2", "y", {"rank": 0}), ("y3", "y", {"rank": 0})),
    "rank_gap": tree("z", ("z2", "z", {"rank": 0}), ("z3", "z", {"rank": 2**53 + 1})),
    "label_lengths": tree("aa", labels={"name": ["spam"], "value": [0.0, 1.0], "count": [1]}),
    "label_range": tree(
        "bb",
        ("bb2", "bb", {"labels": {"name": ["spam"], "value": [float("nan")], "count": [1]}}),
        labels={"name": ["spam"], "value": [None], "count": [0]},
    ),
    "label_name": tree("cc", labels={"name": ["wit"], "value": [0.5], "count": [1]}),
    "detoxify_range": tree("dd", detoxify={"toxicity": 1.5}),
    "emoji_counts": tree("ee", emojis={"name": ["+1"], "count": [0]}),
    "review_count": tree("ff", review_count=-1),
    "review_result": tree("gg", review_count=0),
    "deleted_in_export": tree("hh", deleted=True),
    "tree_state": tree("ii", tree_state="lost"),
    "tree_state_mixed": tree("jj", ("jj2", "jj", {"tree_state": "growing"})),
    "lottery_replies": tree(
        "kk", ("kk2", "kk", {"tree_state": "prompt_lottery_waiting"}), tree_state="prompt_lottery_waiting"
    ),
    "synthetic_model": tree("ll", synthetic=True),
    "unreadable_line": [f'{{"text": "{MARK}'],
    "repaired_line": [json.dumps(tree("mm")[0])[:-1] + f', "text": "{MARK} again"}}'],
    "line_format": ["", ""],
}
SOUND = tree("sound", ("sound 2", "sound", {}))


def only(*rules, **settings):
    """Return the check with these rules alone: each costs Great Expectations 30 ms, for any data."""
    return SchemaInvariants(off=tuple(rule.name for rule in RULES if rule.name not in rules), **settings)


def found(record):
    """Return the message id, source and line of all findings, by rule."""
    by_rule = defaultdict(set)
    for row in record.table.to_pylist():
        by_rule[row["rule"]].add((row["message_id"], row["source"], row["line"]))
    return by_rule


def unexpected(result):
    """Return what names the rows that Great Expectations did not expect, by rule."""
    by_rule = defaultdict(set)
    for of_rule in result["results"]:
        for row in of_rule["result"]["unexpected_index_list"]:
            by_rule[of_rule["expectation_config"]["meta"]["rule"]].add((row["message_id"], row["source"], row["line"]))
    return by_rule


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    records = [record for records in FAULTY.values() for record in records]
    return write(tmp_path_factory.mktemp("faulty") / "data.jsonl", records)


@pytest.fixture(scope="module")
def result(faulty):
    return gx.validate(faulty)


def test_every_rule_that_is_broken_is_found_at_the_same_messages_and_lines(faulty, result):
    findings = found(run(faulty, checks=[SchemaInvariants()]))
    assert list(FAULTY) == [rule.name for rule in RULES if rule.id in findings]
    assert unexpected(result) == findings


def test_rules_on_chats_are_found_without_their_texts(tmp_path):
    rules = [rule for rule in RULES if rule.example.this.chats and rule not in SchemaInvariants.rules_on_texts]
    paths = sum((rule.example.this for rule in rules), Data()).write(tmp_path)
    check = only(*(rule.name for rule in rules))
    findings = found(run(*paths, checks=[check]))
    assert findings.keys() == {rule.id for rule in rules}
    assert unexpected(gx.validate(*paths, checks=[check])) == findings
    frame = gx.frame(*paths)
    assert not [text for text in ("Brest", "soften") if text in frame.to_json()]


def test_a_rule_is_an_expectation_with_its_words_and_severity(result):
    of_rule = {r["expectation_config"]["meta"]["rule"]: r for r in result["results"]}
    # An expectation that cannot fail, as it does not see what it is about, is none.
    assert list(of_rule) == [rule.id for rule in RULES if rule not in SchemaInvariants.rules_on_texts]
    config = of_rule["schema_invariants/self_parent"]["expectation_config"]
    assert config["type"] == "expect_rows_to_pass_self_parent"
    assert (config["description"], config["severity"]) == ("Message is its own parent", "critical")
    assert config["meta"]["advice"] == "Restore the parent id, or drop the branch."
    severities = {r["expectation_config"]["severity"] for r in result["results"]}
    assert severities == {"critical", "warning", "info"}


def test_no_text_and_no_part_of_a_broken_line_reaches_the_frame_or_the_result(faulty, result):
    assert MARK in faulty.read_text(encoding="utf-8")
    assert MARK not in json.dumps(result)
    assert MARK not in gx.frame(faulty).to_csv()


def test_the_result_is_json_and_fails_where_a_rule_is_broken(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["success"] is False
    assert not any(r["exception_info"]["raised_exception"] for r in result["results"])


def test_sound_data_succeed_and_nothing_is_printed(tmp_path, capfd):
    sound = gx.validate(write(tmp_path / "data.jsonl", SOUND))
    assert sound["success"] is True
    assert {r["result"]["element_count"] for r in sound["results"]} == {2}
    assert capfd.readouterr() == ("", "")


def test_rules_that_are_off_are_no_expectations(faulty):
    check = only("cycle", "order", "line_format")
    result = gx.validate(faulty, checks=[check])
    assert [r["expectation_config"]["type"].removeprefix("expect_rows_to_pass_") for r in result["results"]] == [
        "cycle",
        "order",
        "line_format",
    ]
    assert unexpected(result) == found(run(faulty, checks=[check]))


def test_in_a_filtered_export_a_missing_parent_is_a_note_and_settings_reach_the_check(faulty):
    check = only("self_parent", "dangling_parent", "date_in_future", filtered_export=True, max_future_years=20.0)
    result = gx.validate(faulty, checks=[check])
    config = {r["expectation_config"]["meta"]["rule"]: r["expectation_config"] for r in result["results"]}
    assert config["schema_invariants/dangling_parent"]["severity"] == "info"
    assert config["schema_invariants/self_parent"]["severity"] == "critical"
    assert set(unexpected(result)) == {"schema_invariants/self_parent", "schema_invariants/dangling_parent"}
    assert unexpected(result) == found(run(faulty, checks=[check]))


def test_files_of_several_formats_are_one_data_set(tmp_path):
    prompt, reply = SOUND
    nested = message("nested", message_tree_id=..., replies=[message("nested 2", "nested", message_tree_id=...), MARK])
    sources = [
        write(tmp_path / "a.jsonl", [prompt]),
        write(tmp_path / "b.jsonl", [reply, *tree("b", ("b2", "nested", {}))]),
        write(tmp_path / "c.jsonl", [{"message_tree_id": uid("nested"), "prompt": nested}]),
        write(tmp_path / "d.jsonl", [{"id": "d", "text": "", "context": "\ufffd"}, {"text": "\ufffd", "lang": "xx"}]),
    ]
    result = gx.validate(*sources)
    findings = found(run(*sources, checks=[SchemaInvariants()]))
    assert {rule.partition("/")[2] for rule in findings} == {
        "empty_text",
        "language_tag",
        "mistyped_field",
        "parent_in_other_tree",
        "replacement_characters",
        "unanswered_thread",
    }
    assert unexpected(result) == findings


def test_records_of_several_formats_and_fields_that_were_not_read_are_those_of_the_audit(tmp_path):
    asked = {"role": "user", "content": "How high is it?"}
    rows = [
        *(
            {"instruction": f"Name river {k}", "output": f"River {k}", "note": f"This is {MARK} note {k}."}
            for k in "ab"
        ),
        {"messages": [asked, {"role": "assistant", "content": ""}], "remark": f"Nobody reads this {MARK} text."},
    ]
    source = write(tmp_path / "mixed.jsonl", rows)
    findings = found(run(source, checks=[SchemaInvariants()]))
    assert {rule.partition("/")[2] for rule in findings} >= {"empty_text", "unread_text"}
    assert findings["schema_invariants/unread_text"] == {(None, str(source), 1), (None, str(source), 3)}
    assert unexpected(gx.validate(source)) == findings


@needs_shared
@pytest.mark.parametrize("source", sorted((SHARED / "data" / "oasst").glob("*.gz")), ids=lambda path: path.name)
def test_real_data_get_the_same_judgement(source):
    assert unexpected(gx.validate(source)) == found(run(source, checks=[SchemaInvariants()]))


def test_what_was_not_read_is_no_success(tmp_path):
    sound, strange = write(tmp_path / "a.jsonl", SOUND), write(tmp_path / "b.jsonl", [{"x": 1}])
    result = gx.validate(sound, strange, checks=[only("cycle")])
    first, second = result["meta"]["chataudit"]["sources"]
    assert (first["records"], first["errors"]) == (2, [])
    assert "unknown format" in second["errors"][0]
    assert result["success"] is False
    with pytest.raises(LookupError, match="no such file"):
        gx.validate(tmp_path / "c.jsonl")
    with pytest.raises(LookupError, match="unknown format 'csv'"):
        gx.validate(sound, format="csv")


def test_the_suite_runs_over_the_frame_in_a_context_of_ones_own(tmp_path):
    context = great_expectations.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("mine").add_dataframe_asset("rows")
    rows = gx.frame(write(tmp_path / "data.jsonl", SOUND))
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": rows})
    assert batch.validate(gx.suite()).success
    assert batch.validate(gx.EXPECTATIONS["schema_invariants/cycle"]()).success


def test_data_of_no_known_format_are_read_as_set(tmp_path, monkeypatch):
    from chataudit.audit.commands.app import app
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    write(tmp_path / "whole.jsonl", [{"ask": "Why?", "say": "So."}])
    write(tmp_path / "broken.jsonl", [{"ask": "Why?", "say": "So."}, {"ask": "Who?", "say": 7}])
    Path("chataudit.toml").write_text('[format]\nprompt = "ask"\nanswer = "say"\n', encoding="utf-8")
    for name, code in (("whole", 0), ("broken", 1)):
        done = CliRunner().invoke(app, ["gx", f"{name}.jsonl", "--out", f"{name}.json"])
        assert done.exit_code == code
        assert json.loads(Path(f"{name}.json").read_text())["meta"]["chataudit"]["sources"][0]["format"] == "mapping"


def test_nothing_else_imports_great_expectations():
    root = Path(chataudit.__file__).resolve().parent
    modules = [
        path for room in ("audit", "reports", "checks", "benchmarks_refs") for path in (root / room).rglob("*.py")
    ]
    imports = re.compile("^ *(import|from) great_expectations", re.MULTILINE)
    found = {path.name for path in modules if imports.search(path.read_text(encoding="utf-8"))}
    # What is written for another project's Python is in a string.
    assert found - {"expectations.py"} == {"gx.py"}


def test_the_command_writes_the_result_and_sets_its_exit_code(tmp_path, monkeypatch):
    from chataudit.audit.commands.app import app
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    write(tmp_path / "whole.jsonl", tree("a", ("a2", "a", {})))
    write(tmp_path / "broken.jsonl", FAULTY["role_alternation"])
    call = CliRunner().invoke
    assert call(app, ["gx", "whole.jsonl", "--out", "whole.json"]).exit_code == 0
    assert json.loads(Path("whole.json").read_text())["success"] is True
    assert call(app, ["gx", "broken.jsonl", "--out", "broken.json"]).exit_code == 1
    again = call(app, ["gx", "whole.jsonl", "--out", "broken.json"])
    assert (again.exit_code, json.loads(Path("broken.json").read_text())["success"]) == (2, False)
    assert "broken.json already exists" in again.output
