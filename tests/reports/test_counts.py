"""The counts that all outputs read: by severity, by message, by reason."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from building import EXAMPLE, audit, message
from chataudit.checks.base.check import Check, Result
from chataudit.checks.base.claims import claim, cover
from chataudit.checks.base.findings import ERROR, NOTE, WARNING, Rule
from chataudit.reports.counts import Counts, by_rule
from chataudit.reports.page.view import page
from planting import Fails, Planted, alone


@dataclass(frozen=True)
class Loud(Check):
    """Report messages that shout, and those that whisper as a note."""

    name = "loud"
    rules = (Rule("loud/shout", "Text shouts", ERROR, "Calm down.", EXAMPLE),)

    def scan(self, batch):
        texts = [text or "" for text in batch.column("text").to_pylist()]
        found = []
        for severity, word in ((WARNING, "SHOUT"), (NOTE, "whisper")):
            rows = np.flatnonzero([word in text for text in texts])
            found.append(claim(batch.places, self.rules[0], rows, word, severity=severity))
        return Result(pa.concat_tables(found), cover(batch.messages))


class Idle(Check):
    """Report nothing, and check nothing."""

    name = "idle"
    rules = ()

    def scan(self, batch):
        outcomes = ["too short"] * (len(batch) - 1) + ["too long"]
        return Result(coverage=cover(batch.messages, pa.array(outcomes, pa.string())))


class Other(Idle):
    """Report nothing either."""

    name = "other"


def test_a_rule_with_findings_of_two_severities_has_two_lines(tmp_path):
    counts = Counts(audit(tmp_path, alone("SHOUT", "whisper", "SHOUT", "whisper SHOUT", "fine"), Loud()))
    assert [(line.rule.id, line.level, line.findings) for line in counts.lines] == [
        ("loud/shout", "warning", 3),
        ("loud/shout", "note", 2),
    ]
    assert counts.severities == {ERROR: 0, WARNING: 3, NOTE: 2}
    assert counts.findings == "3 warnings and 2 notes"
    # The line says how bad its findings are, not the rule.
    assert counts.lines[0].words == "3 × Text shouts (warning, loud)"


def test_a_message_counts_once_by_its_worst_finding(tmp_path):
    counts = Counts(audit(tmp_path, alone("FAULT ODD REMARK", "ODD REMARK", "REMARK", "REMARK", "fine"), Planted()))
    assert counts.worst == {ERROR: 1, WARNING: 1, NOTE: 2}
    assert counts.rate[:2] == (2, 5)
    assert counts.checks[0].severities == {ERROR: 1, WARNING: 2, NOTE: 4}


def test_skipped_messages_are_counted_by_reason_the_most_frequent_first(tmp_path):
    texts = ["SKIP b", "SKIP a", "SKIP b", "fine", "SKIP c"]
    (check,) = Counts(audit(tmp_path, alone(*texts), Planted())).checks
    assert check.skipped == (("b", 2), ("a", 1), ("c", 1))
    assert (check.n_skipped, check.rate.checked, check.is_idle) == (4, 1, False)


def test_a_record_that_could_not_be_read_is_counted_apart(tmp_path):
    (check,) = Counts(audit(tmp_path, [message("a"), message("b", "a"), "{"], "schema_invariants")).checks
    assert (check.rate[:2], check.unnamed, check.findings) == ((0, 2), 1, 1)
    assert check.outcome.endswith("; 1 unreadable record")


def test_checks_that_did_not_run_or_finish_are_named_with_their_reason(tmp_path):
    rows = alone("fine", "fine", "SKIP too loud")
    counts = Counts(audit(tmp_path, rows, Planted(), Idle(), Other(), Fails()))
    assert counts.gaps == (
        "1 of 4 checks did not finish: fails",
        "2 of 4 checks did not run: idle, other (too short)",
    )
    assert [check.is_idle for check in counts.checks] == [False, True, True, False]
    assert [check.outcome for check in counts.checks[1:]] == ["did not run: too short"] * 2 + ["did not finish"]


def test_where_no_check_ran_the_page_is_grey_and_not_clean(tmp_path):
    view = page(audit(tmp_path, alone("fine", "fine"), Idle()))
    assert (view.state, view.verdict, view.headline) == ("idle", "Nothing checked", "No message was checked")
    assert view.reasons == ("1 of 1 check did not run: idle (too long)",)
    (check,) = view.checks
    assert (check.state, check.mark, check.rate, check.is_passed) == ("idle", "did not run", None, False)


def test_an_idle_check_takes_nothing_from_the_verdict_on_the_others(tmp_path):
    view = page(audit(tmp_path, alone("fine", "fine"), Idle(), Planted()))
    assert (view.state, view.verdict) == ("clean", "No problems found")
    assert view.reasons[0] == "1 of 2 checks did not run: idle (too long)"


def test_findings_are_counted_by_rule_and_severity_in_the_order_of_their_first(tmp_path):
    record = audit(tmp_path, alone("whisper", "SHOUT", "whisper"), Loud())
    assert by_rule(record.table) == [("loud/shout", NOTE, 2, 0), ("loud/shout", WARNING, 1, 1)]
    assert by_rule(record.table.slice(0, 0)) == []
