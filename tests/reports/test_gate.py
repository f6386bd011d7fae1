"""Limits on what an audit may have found: met at the very value, exceeded just above it."""

from datetime import date

import pytest
from building import Marks, audit, marked, message, uid, write
from cases import case
from chataudit import run
from chataudit.checks.base.check import Check
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.baseline import Baseline
from chataudit.reports.gate import Gate, Limit, Suppression, decide, refuse_unknown

DAY = date(2026, 6, 30)


def verdict(record, *limits, suppressed=(), baseline=None, today=DAY):
    return decide(record, Gate(limits, tuple(suppressed)), baseline, today)


def outcome(record, baseline=None, suppressed=(), **limit):
    """Return whether one limit is met, what was found, and in which words."""
    (ruling,) = verdict(record, Limit(**{"target": "marks", **limit}), suppressed=suppressed, baseline=baseline).rulings
    return ruling.is_held, ruling.found, ruling.words


def is_met(record, **more):
    return outcome(record, **more)[0]


@pytest.fixture
def four(tmp_path):
    """Audit four messages, each a tree of its own, of which one has a warning and one a note."""
    return marked(tmp_path, "warning", "note", "fine", "fine")


# -- each kind of limit, at its value ----------------------------------------------------------------------------------


def test_as_many_findings_as_allowed_are_within_the_limit_and_one_more_is_above(four):
    assert outcome(four, max_count=1) == (True, 1, "marks: 1 finding, within the limit of 1")
    assert outcome(four, max_count=0) == (False, 1, "marks: 1 finding, above the limit of 0")


def test_findings_are_counted_and_not_messages(tmp_path):
    record = marked(tmp_path, "warning error", "fine")
    assert outcome(record, max_count=2) == (True, 2, "marks: 2 findings, within the limit of 2")
    assert outcome(record, max_rate=0.5)[:2] == (True, 0.5)


def test_a_limit_is_met_at_its_value_and_exceeded_above(four):
    words = "marks: 25.0 % of messages (1 of 4; 95 % CI 4.6-69.9)"
    assert outcome(four, max_rate=0.25) == (True, 0.25, f"{words}, within the limit of 25 %")
    assert outcome(four, max_rate=0.249) == (False, 0.25, f"{words}, above the limit of 24.9 %")


def test_by_the_lower_bound_a_rate_is_broken_only_where_chance_cannot_explain_it(four):
    words = "marks: 25.0 % of messages (1 of 4; 95 % CI 4.6-69.9), lower end"
    assert outcome(four, max_rate=0.046, bound="lower") == (True, 0.25, f"{words} within the limit of 4.6 %")
    assert outcome(four, max_rate=0.045, bound="lower") == (False, 0.25, f"{words} above the limit of 4.5 %")
    assert not is_met(four, max_rate=0.046, bound="point")


def test_the_lower_bound_is_the_one_by_trees(tmp_path):
    # 2 of 4, the flagged ones in one tree: Wilson's interval begins at 15.0 %, that by trees lower.
    rows = [message("a", text="warning"), message("b", "a", text="warning")]
    rows += [message("c", message_tree_id=uid("c")), message("d", "c", message_tree_id=uid("c"))]
    record = audit(tmp_path, rows, Marks())
    (ruling,) = verdict(record, Limit(target="marks", max_rate=0.15, bound="lower")).rulings
    assert ruling.rate.wilson[0] == pytest.approx(0.1500, abs=1e-4)
    assert ruling.rate.clustered[0] < 0.1499
    assert ruling.is_held


@pytest.mark.parametrize(("n", "bound"), [(1, "point"), (1, "lower"), (125, "point"), (125, "lower")])
def test_where_nothing_is_found_every_limit_is_met(tmp_path, n, bound):
    record = marked(tmp_path, *["fine"] * n)
    rulings = verdict(record, Limit(target="marks", max_count=0, max_rate=0, bound=bound)).rulings
    assert [ruling.is_held for ruling in rulings] == [True, True]


def test_a_limit_of_several_kinds_is_a_ruling_of_each(four, tmp_path):
    older = Baseline.of(four, four)
    limit = Limit(target="marks", max_new=0, max_count=0, max_rate=0.25)
    rulings = verdict(four, limit, baseline=older).rulings
    assert [(r.kind, r.allowed, r.is_held) for r in rulings] == [
        ("max_count", 0, False),  # the broken ones first
        ("max_rate", 0.25, True),
        ("max_new", 0, True),
    ]


def test_an_audit_passes_where_every_limit_is_met_and_fails_where_one_is_exceeded(four):
    met, broken = Limit(target="marks", max_count=1), Limit(target="marks/note", max_count=0)
    passed = verdict(four, met, met)
    assert (passed.is_passed, passed.words) == (True, "Gate passed: 2 limits met")
    failed = verdict(four, met, broken)
    assert (failed.is_passed, failed.words) == (False, "Gate failed: 1 of 2 limits exceeded")


# -- what counts -------------------------------------------------------------------------------------------------------


def test_of_a_check_notes_do_not_count_unless_asked_for(tmp_path):
    record = marked(tmp_path, "note", "warning", "error")
    assert outcome(record, max_count=0)[1] == 2
    assert outcome(record, max_count=0, severity="note") == (
        False,
        3,
        "marks, note and worse: 3 findings, above the limit of 0",
    )
    assert outcome(record, max_count=1, severity="error") == (
        True,
        1,
        "marks, error and worse: 1 finding, within the limit of 1",
    )


def test_of_a_rule_every_finding_counts_unless_it_is_too_mild(tmp_path):
    record = marked(tmp_path, "note", "warning")
    assert outcome(record, target="marks/note", max_count=0) == (
        False,
        1,
        "marks/note: 1 finding, above the limit of 0",
    )
    assert outcome(record, target="marks/warning", max_count=0)[1] == 1
    assert outcome(record, target="marks/note", max_count=0, severity="warning")[:2] == (True, 0)


def test_severity_is_that_of_the_finding_and_not_of_its_rule(tmp_path):
    record = audit(tmp_path, [message("a"), message("b", "z")], SchemaInvariants(filtered_export=True))
    found = {(row["rule"], row["severity"]) for row in record.table.to_pylist()}
    assert ("schema_invariants/dangling_parent", 1) in found  # by itself it is an error
    assert is_met(record, target="schema_invariants", max_count=0)
    assert is_met(record, target="schema_invariants/dangling_parent", max_count=0, severity="warning")
    assert not is_met(record, target="schema_invariants/dangling_parent", max_count=0)


def test_all_counts_what_every_check_found_from_warnings_on(tmp_path):
    rows = [message("a", text="warning"), message("b", "a", role="prompter", text="note")]
    record = audit(tmp_path, rows, Marks(), "schema_invariants")
    # A warning, and role_alternation; two notes do not count.
    assert outcome(record, target="all", max_count=1) == (False, 2, "all: 2 findings, above the limit of 1")
    assert outcome(record, target="all", max_rate=1)[:2] == (True, 1.0)
    assert outcome(record, target="all", max_count=3, severity="note")[:2] == (False, 4)


@pytest.fixture
def mixed(tmp_path):
    """Audit two files of a prompt and an answer each: one in English with a warning, one in German with two."""
    for name, lang, texts in (("one", "en", ("warning", "fine")), ("two", "de", ("warning", "warning"))):
        more = {"lang": lang, "message_tree_id": uid(name)}
        rows = [message(name, text=texts[0], **more), message(f"{name}-1", name, text=texts[1], **more)]
        write(tmp_path / f"{name}.jsonl", rows)
    return run(tmp_path / "one.jsonl", tmp_path / "two.jsonl", checks=[Marks()], engine="serial")


def test_a_limit_is_narrowed_by_language_role_and_source(mixed, tmp_path):
    for narrowed, where, found, checked in [
        ({}, "marks", 3, 4),
        ({"lang": ("en",)}, "marks, lang en", 1, 2),
        ({"lang": ("de",)}, "marks, lang de", 2, 2),
        ({"lang": ("de", "en")}, "marks, lang de and en", 3, 4),
        ({"role": ("assistant",)}, "marks, role assistant", 1, 2),
        ({"source": ("two.jsonl",)}, "marks, source two.jsonl", 2, 2),
        ({"lang": ("de",), "role": ("prompter",)}, "marks, lang de, role prompter", 1, 1),
    ]:
        with case(narrowed, where, found, checked):
            if "source" in narrowed:
                narrowed = {"source": (str(tmp_path / "two.jsonl"),)}
                where = f"marks, source {tmp_path}/two.jsonl"
            (ruling,) = verdict(mixed, Limit(target="marks", max_count=found, **narrowed)).rulings
            assert (ruling.limit.where, ruling.found, ruling.is_held) == (where, found, True)
            assert (ruling.rate.flagged, ruling.rate.checked) == (found, checked)
            assert not is_met(mixed, max_count=found - 1, **narrowed)


@pytest.mark.parametrize("narrowed", [{"lang": ("fr",)}, {"role": ("system",)}, {"lang": ("en",), "source": ("x",)}])
def test_where_no_message_is_left_the_limit_is_broken(mixed, narrowed):
    passes, found, words = outcome(mixed, max_count=9, **narrowed)
    assert (passes, found) == (False, None)
    assert words.endswith(": no message was checked")


def test_a_record_that_could_not_be_read_counts_but_not_for_a_language_or_a_role(tmp_path):
    write(tmp_path / "one.jsonl", [message("a"), message("b", "a"), "{"])
    write(tmp_path / "two.jsonl", [message("c", message_tree_id=uid("c")), message("d", "c", message_tree_id=uid("c"))])
    one, two = (str(tmp_path / f"{name}.jsonl") for name in ("one", "two"))
    record = run(one, two, checks=["schema_invariants"], engine="serial")
    rule = {"target": "schema_invariants/unreadable_line", "max_count": 0}
    assert outcome(record, **rule)[:2] == (False, 1)
    assert outcome(record, **rule, source=(one,))[:2] == (False, 1)
    assert outcome(record, **rule, source=(two,))[:2] == (True, 0)
    assert outcome(record, **rule, lang=("en",))[:2] == (True, 0)
    assert outcome(record, **rule, source=(one,), role=("prompter",))[:2] == (True, 0)


# -- new findings ------------------------------------------------------------------------------------------------------


def test_new_findings_are_counted_against_the_baseline(tmp_path):
    older = marked(tmp_path, "warning", "fine", "fine")
    newer = marked(tmp_path, "warning", "warning", "error")
    baseline = Baseline.of(older, newer)
    assert outcome(newer, baseline, max_new=2) == (True, 2, "marks: 2 new findings, within the limit of 2")
    assert outcome(newer, baseline, max_new=1) == (False, 2, "marks: 2 new findings, above the limit of 1")
    assert outcome(newer, baseline, max_new=0, target="marks/warning") == (
        False,
        1,
        "marks/warning: 1 new finding, above the limit of 0",
    )
    assert outcome(older, Baseline.of(newer, older), max_new=0)[:2] == (True, 0)


def test_known_findings_count_for_the_other_kinds(four):
    assert not is_met(four, baseline=Baseline.of(four, four), max_count=0)


def test_a_new_note_is_not_new_to_a_check_as_a_whole(tmp_path):
    older, newer = marked(tmp_path, "fine"), marked(tmp_path, "note")
    assert outcome(newer, Baseline.of(older, newer), max_new=0)[:2] == (True, 0)
    assert outcome(newer, Baseline.of(older, newer), max_new=0, target="marks/note")[:2] == (False, 1)


@pytest.mark.parametrize("target", ["marks", "all"])
def test_a_limit_on_what_the_baseline_did_not_check_cannot_be_met(tmp_path, target):
    older = audit(tmp_path, [message("a"), message("b", "a")], "schema_invariants")
    newer = audit(tmp_path, [message("a"), message("b", "a")], "schema_invariants", Marks())
    passes, found, words = outcome(newer, Baseline.of(older, newer), target=target, max_new=9)
    assert (passes, found, words) == (False, None, f"{target}: the baseline did not run marks")
    assert is_met(newer, baseline=Baseline.of(older, newer), target="schema_invariants", max_new=0)


def test_a_limit_on_new_findings_needs_a_baseline(four):
    with pytest.raises(ValueError, match=r"max_new needs a baseline\. Name an older audit: --baseline DIR"):
        outcome(four, max_new=0)


def test_a_verdict_knows_which_findings_are_new(tmp_path):
    older, newer = marked(tmp_path, "warning", "fine"), marked(tmp_path, "warning", "warning")
    limit = Limit(target="marks", max_count=2)
    assert verdict(newer, limit, baseline=Baseline.of(older, newer)).is_new.to_pylist() == [False, True]
    assert verdict(newer, limit).is_new is None


# -- what is not known is not met --------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [{"max_count": 9}, {"max_rate": 1}, {"max_new": 9}])
def test_where_nothing_was_checked_no_limit_is_met(tmp_path, limit):
    record = marked(tmp_path, "skip", "skip")
    words = "marks: no message was checked"
    assert outcome(record, Baseline.of(record, record), **limit) == (False, None, words)


def test_one_checked_message_is_enough(tmp_path):
    assert is_met(marked(tmp_path, "skip", "fine"), max_count=0, max_rate=None)


class Raises(Check):
    """Fail."""

    name = "raises"
    rules = ()

    def scan(self, batch):
        raise RuntimeError("boom \x07")


def test_a_check_that_failed_meets_no_limit_and_the_audit_does_not_pass(tmp_path):
    record = audit(tmp_path, [message("a")], Raises(), Marks())
    limits = (Limit(target=name, max_count=9, max_rate=1) for name in ("raises", "all", "marks"))
    decided = verdict(record, *limits)
    known = [(False, None)] * 4 + [(True, 0)] * 2
    assert [(ruling.is_held, ruling.found) for ruling in decided.rulings] == known
    assert [r.words for r in decided.rulings[1:3]] == ["raises: raises did not finish", "all: raises did not finish"]
    (problem,) = decided.problems
    assert problem.startswith("The check raises did not finish: RuntimeError: boom ⟦U+0007⟧")
    only = verdict(record, Limit(target="marks", max_count=9))
    assert (only.is_passed, only.words) == (False, "Gate failed: the audit is incomplete; 0 of 1 limit exceeded")


def test_an_audit_of_a_source_that_was_not_read_to_its_end_does_not_pass(tmp_path):
    write(tmp_path / "data.jsonl", [message("a")])
    (tmp_path / "more.jsonl").write_bytes(b"\xff\xfe{")
    paths = (tmp_path / "data.jsonl", tmp_path / "more.jsonl")
    record = run(*paths, checks=[Marks()], format="oasst_messages", engine="serial")
    decided = verdict(record, Limit(target="marks", max_count=0))
    assert [ruling.is_held for ruling in decided.rulings] == [True]
    assert (len(decided.problems), decided.is_passed) == (1, False)


# -- suppressions ------------------------------------------------------------------------------------------------------


def suppression(**more):
    return Suppression(**{"reason": "looked at", "expires": DAY, **more})


@pytest.mark.parametrize(
    ("covering", "accepted"),
    [
        ({"rule": "marks"}, [1, 1, 1]),
        ({"rule": "marks/warning"}, [1, 0, 1]),
        ({"rule": "marks/error"}, [0, 1, 0]),
        ({"rule": "marks", "message_ids": (uid("1"),)}, [0, 1, 0]),
        ({"rule": "marks/warning", "message_ids": (uid("0"), uid("1"))}, [1, 0, 0]),
        ({"fingerprints": (0, 2)}, [1, 0, 1]),
    ],
)
def test_findings_are_accepted_by_fingerprint_by_rule_and_by_rule_and_message(tmp_path, covering, accepted):
    record = marked(tmp_path, "warning", "error", "warning")
    if "fingerprints" in covering:
        prints = record.table["fingerprint"].to_pylist()
        covering = {"fingerprints": tuple(prints[k] for k in covering["fingerprints"])}
    decided = verdict(record, Limit(target="marks", max_count=0), suppressed=[suppression(**covering)])
    assert [reason is not None for reason in decided.accepted] == [bool(k) for k in accepted]
    assert decided.rulings[0].found == 3 - sum(accepted)
    assert decided.remarks == ()


def test_what_is_accepted_counts_neither_in_a_rate_nor_as_new(tmp_path):
    older, newer = marked(tmp_path, "fine", "fine"), marked(tmp_path, "warning", "warning")
    accepted = [suppression(rule="marks", message_ids=(uid("0"),))]
    assert outcome(newer, suppressed=accepted, max_rate=0.5)[:2] == (True, 0.5)
    assert outcome(newer, Baseline.of(older, newer), accepted, max_new=1)[:2] == (True, 1)
    assert not is_met(newer, suppressed=accepted, max_rate=0.49)


def test_a_suppression_applies_on_its_last_day_and_not_after(four):
    limit, accepted = Limit(target="marks", max_count=0), suppression(rule="marks", expires=date(2026, 6, 30))
    on = verdict(four, limit, suppressed=[accepted], today=date(2026, 6, 30))
    assert (on.is_passed, on.remarks) == (True, ())
    assert on.accepted_words == "2 accepted findings not counted."
    after = verdict(four, limit, suppressed=[accepted], today=date(2026, 7, 1))
    assert (after.is_passed, after.accepted_words) == (False, "")
    assert after.remarks == ("A suppression expired on 2026-06-30; 2 findings count again: looked at",)


def test_one_finding_counts_again(four):
    accepted = suppression(rule="marks/note", expires=date(2026, 6, 29))
    (remark,) = verdict(four, Limit(target="marks", max_count=1), suppressed=[accepted]).remarks
    assert remark == "A suppression expired on 2026-06-29; 1 finding counts again: looked at"


@pytest.mark.parametrize("expires", [date(2026, 6, 29), date(2026, 6, 30)])
@pytest.mark.parametrize("covering", [{"rule": "marks/error"}, {"fingerprints": ("0" * 16,)}])
def test_a_suppression_of_nothing_is_reported(four, covering, expires):
    accepted = suppression(**covering, expires=expires, reason="a \u202e fix")
    decided = verdict(four, Limit(target="marks", max_count=1), suppressed=[accepted])
    assert decided.remarks == ("A suppression matches no finding of this audit: a ⟦U+202E⟧ fix",)
    assert decided.is_passed


def test_the_first_of_several_reasons_is_reported_and_an_expired_one_takes_nothing_back(four):
    accepted = [
        suppression(rule="marks", reason="expired", expires=date(2026, 1, 1)),
        suppression(rule="marks/warning", reason="first"),
        suppression(rule="marks", reason="second"),
    ]
    assert verdict(four, Limit(target="marks", max_count=0), suppressed=accepted).accepted == ("first", "second")


# -- what is refused ---------------------------------------------------------------------------------------------------


def test_a_limit_of_nothing_or_out_of_range_is_refused():
    for values, words in [
        ({}, "sets no limit; expected max_rate, max_count or max_new"),
        ({"bound": "lower"}, "sets no limit; expected max_rate, max_count or max_new"),
        ({"max_rate": 1.01}, "max_rate: 1.01 is not in [0, 1]. 1 % is 0.01"),
        ({"max_rate": -0.1}, "max_rate: -0.1 is not in [0, 1]. 1 % is 0.01"),
        ({"max_rate": float("nan")}, "max_rate: nan is not in [0, 1]. 1 % is 0.01"),
        ({"max_count": -1}, "max_count: -1 is below 0"),
        ({"max_new": -1}, "max_new: -1 is below 0"),
    ]:
        with case(values, words):
            with pytest.raises(ValueError) as error:  # noqa: PT011
                Limit(**values)
            assert str(error.value) == words


@pytest.mark.parametrize("values", [{"max_rate": 0}, {"max_rate": 1.0}, {"max_count": 0}, {"max_new": 0}])
def test_the_ends_of_the_range_are_limits(values):
    assert [kind for kind, _ in Limit(**values).bounds] == list(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rule": "marks", "reason": " \n"}, "reason is empty; say why these findings are accepted"),
        ({}, "expected either fingerprints or a rule"),
        ({"rule": "marks", "fingerprints": ("0",)}, "expected either fingerprints or a rule"),
        ({"fingerprints": ("0",), "message_ids": ("m",)}, "message_ids narrow a rule; fingerprints need none"),
    ],
)
def test_a_suppression_without_a_reason_or_of_nothing_is_refused(values, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        suppression(**values)
    assert str(error.value) == words


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (Gate(()), "there is no limit. Set one, such as [gate.marks] max_rate = 0.01"),
        (
            Gate((Limit(target="near", max_count=0),)),
            "[gate.\"near\"]: the audit ran no check 'near'; it ran marks",
        ),
        (
            Gate((Limit(target="marks/warn", max_count=0),)),
            '[gate."marks/warn"]: marks has no such rule; it has note, warning, error',
        ),
        (
            Gate((Limit(max_count=0),), (suppression(rule="marks/warn"),)),
            "suppressed rule 'marks/warn': marks has no such rule; it has note, warning, error",
        ),
    ],
)
def test_limits_and_suppressions_of_what_the_audit_does_not_know_are_refused(four, gate, words):
    with pytest.raises(ValueError) as error:  # noqa: PT011
        decide(four, gate, None, DAY)
    assert str(error.value) == words
    with pytest.raises(ValueError) as error:  # noqa: PT011
        refuse_unknown(gate, {"marks": [rule.id for rule in Marks.rules]}, False)
    assert str(error.value) == words


def test_what_is_accepted_of_a_check_that_was_not_run_does_no_harm(four):
    decided = verdict(four, Limit(target="marks", max_count=1), suppressed=[suppression(rule="near/copy")])
    assert decided.is_passed
    assert decided.remarks == ("A suppression matches no finding of this audit: looked at",)


def test_what_the_audit_knows_is_not_refused():
    limits = [Limit(target=name, max_count=0) for name in ("all", "marks", "marks/note")]
    refuse_unknown(Gate((*limits, Limit(max_new=0))), {"marks": ["marks/note"]}, True)
