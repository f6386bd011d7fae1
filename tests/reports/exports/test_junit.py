from datetime import date, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from building import audit, message, write
from chataudit import run
from chataudit.checks.base.check import Check
from chataudit.checks.prompt_parroting.check import PromptParroting
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.exports.junit import junit
from chataudit.reports.gate import Gate, Limit, decide

SCHEMA = xmlschema.XMLSchema(Path(__file__).with_name("junit-10.xsd"))  # of Jenkins' xUnit plug-in, MIT licence
DAY = date(2026, 1, 1)


def written(record, *limits):
    text = junit(record, decide(record, Gate(limits), None, DAY))
    SCHEMA.validate(text)
    (suite,) = ET.fromstring(text.encode())
    return suite


def outcomes(suite):
    """Return what came of each test case, by its class and name."""
    return {
        (case.get("classname"), case.get("name")): [(r.tag, r.get("type"), r.get("message")) for r in case]
        for case in suite.iter("testcase")
    }


def counts(suite):
    return {name: int(suite.get(name)) for name in ("tests", "failures", "errors")}


def properties(suite):
    return {each.get("name"): each.get("value") for each in suite.iter("property")}


@pytest.fixture
def record(tmp_path):
    """Audit two messages, one of which has the role of its parent."""
    return audit(tmp_path, [message("a"), message("b", "a", role="prompter")], SchemaInvariants())


def test_every_limit_is_a_test_case_that_fails_where_it_is_broken(record):
    rule = "schema_invariants/role_alternation"
    suite = written(
        record, Limit(target="schema_invariants", max_count=0), Limit(target=rule, max_count=1, lang=("en",))
    )
    assert outcomes(suite) == {
        ("audit", "complete"): [],
        ("schema_invariants", "max_count: schema_invariants"): [
            ("failure", "max_count", "schema_invariants: 1 finding, above the limit of 0")
        ],
        ("checks", "schema_invariants"): [],
        (rule, f"max_count: {rule}, lang en"): [],
    }
    assert suite.get("name") == "data.jsonl"
    assert counts(suite) == {"tests": 4, "failures": 1, "errors": 0}


def test_the_suite_has_the_start_and_duration_of_the_audit(record):
    suite = written(record, Limit(max_count=9))
    assert datetime.fromisoformat(record.facts.started) == datetime.fromisoformat(f"{suite.get('timestamp')}+00:00")
    assert float(suite.get("time")) == pytest.approx(record.facts.seconds, abs=0.001)


def test_the_numbers_of_a_limit_are_properties(record):
    reported = properties(written(record, Limit(target="schema_invariants", max_rate=0.25)))
    assert reported.pop("verdict") == "Gate failed: 1 of 1 limit exceeded"
    assert [reported.pop(name) for name in ("messages", "trees", "files")] == ["2", "1", "1"]
    whole = {name: reported.pop(f"schema_invariants: {name}") for name in ("flagged", "checked", "skipped")}
    assert whole == {"flagged": "1", "checked": "2", "skipped": "0"}
    assert [reported.pop(f"schema_invariants: {level}") for level in ("errors", "warnings", "notes")] == ["1", "0", "1"]
    numbers = {name.removeprefix("max_rate: schema_invariants: "): float(value) for name, value in reported.items()}
    assert [numbers.pop(f"wilson {end}") for end in ("low", "high")] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert 0 <= numbers.pop("clustered low") < 0.5 < numbers.pop("clustered high") <= 1
    assert numbers == {"allowed": 0.25, "found": 0.5, "rate": 0.5, "flagged": 1, "checked": 2, "clusters": 1}


def test_a_limit_that_could_not_be_checked_is_an_error_and_has_no_rate(tmp_path):
    suite = written(audit(tmp_path, [message("a")], PromptParroting()), Limit(target="prompt_parroting", max_rate=0.1))
    (reported,) = outcomes(suite)["prompt_parroting", "max_rate: prompt_parroting"]
    assert reported == ("error", "max_rate", "prompt_parroting: no message was checked")
    assert counts(suite) == {"tests": 3, "failures": 0, "errors": 1}
    assert [name for name in properties(suite) if "max_rate" in name] == ["max_rate: prompt_parroting: allowed"]


def test_a_check_that_did_not_run_is_skipped_and_one_that_did_is_a_test_that_passes(tmp_path):
    record = audit(tmp_path, [message("a")], PromptParroting(), SchemaInvariants())
    suite = written(record, Limit(target="schema_invariants", max_count=9))
    assert outcomes(suite)["checks", "prompt_parroting"] == [
        ("skipped", None, "did not run: prompter message"),
    ]
    assert outcomes(suite)["checks", "schema_invariants"] == []
    assert suite.get("skipped") == "1"


HOSTILE = "a \ud800 b \x00 c \ufffe d \uffff e \x1b f ]]> g <failure/> h \u202e i"


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def __init__(self):
        pass

    def scan(self, batch):
        raise RuntimeError(HOSTILE)


def test_an_audit_that_is_not_complete_is_an_error_with_any_findings(tmp_path):
    suite = written(
        audit(tmp_path, [message("a")], SchemaInvariants(), Fails()), Limit(target="schema_invariants", max_count=9)
    )
    assert outcomes(suite)["audit", "complete"] == [("error", "incomplete", "1 part of the audit failed")]
    assert suite.find("testcase/error").text.startswith(
        "The check fails did not finish: RuntimeError: a ⟦U+D800⟧ b ⟦U+0000⟧ c ⟦U+FFFE⟧ d ⟦U+FFFF⟧ e ⟦U+001B⟧ f ]]> "
        "g <failure/> h ⟦U+202E⟧ i"
    )
    assert outcomes(suite)["checks", "fails"] == [("error", "check", "did not finish")]
    assert counts(suite) == {"tests": 4, "failures": 0, "errors": 2}


def test_the_name_of_a_file_and_the_words_of_a_limit_have_no_meaning(tmp_path):
    path = write(tmp_path / 'a"<b>&\x01\n\ufffe.jsonl', [message("a")])
    record = run(path, checks=["schema_invariants"], engine="serial")
    suite = written(record, Limit(max_count=9, lang=("<x>\x00",)))
    assert suite.get("name") == 'a"<b>&⟦U+0001⟧\n⟦U+FFFE⟧.jsonl'
    assert ("all", "max_count: all, lang <x>⟦U+0000⟧") in outcomes(suite)


def test_the_same_record_is_written_the_same(record):
    verdict = decide(record, Gate((Limit(max_rate=0.5),)), None, DAY)
    assert junit(record, verdict) == junit(record, verdict)
