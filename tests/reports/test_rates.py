"""Rates: flagged of checked messages, with intervals, by check, rule, language, role and source."""

from math import isnan

import numpy as np
import pyarrow as pa
import pytest
from building import Marks, audit, conversation, marked, message, nest, uid, write
from cases import case
from chataudit import run
from chataudit.checks.base.check import Check, Result
from chataudit.checks.base.claims import cover
from chataudit.checks.base.findings import FINDINGS
from chataudit.checks.base.statistics.intervals import Stratum, clustered
from chataudit.reports.counts import Population
from chataudit.reports.rates import BY, columns, rows
from chataudit.reports.record import SEEN, WORDS, Judgement, Record
from chataudit.reports.redact import redacted
from hypothesis import given
from hypothesis import strategies as st

NOTE, WARNING, ERROR = 1, 2, 3


def population(record):
    return Population(record.messages, record.table)


def counted(record, by=()):
    """Return (check, rule, values): (flagged, checked) of all rates."""
    return {(r.check, r.rule, r.values): (r.rate.flagged, r.rate.checked) for r in rows(record, by)}


# -- which message a finding is about ----------------------------------------------------------------------------------


def test_a_finding_is_about_the_message_of_its_id_and_place(tmp_path):
    record = marked(tmp_path, "fine", "warning", "fine", "note error")
    assert population(record).row.tolist() == [1, 3, 3]


def test_of_messages_of_one_id_it_is_about_the_one_on_its_line(tmp_path):
    record = audit(tmp_path, [message("a"), message("a", text="warning"), message("a")], Marks())
    assert population(record).row.tolist() == [1]


def test_a_message_without_an_id_is_found_by_its_line(tmp_path):
    nameless = [message(name, "a", message_id=None, text=text) for name, text in (("b", "fine"), ("c", "warning"))]
    assert population(audit(tmp_path, [message("a"), *nameless], Marks())).row.tolist() == [2]


def test_messages_of_a_nested_tree_are_distinguished_on_their_one_line(tmp_path):
    tree = conversation("a", 3)
    tree[2]["text"] = "warning"
    assert population(audit(tmp_path, [nest(tree)], Marks())).row.tolist() == [2]


def test_a_record_that_could_not_be_read_is_no_message(tmp_path):
    record = audit(tmp_path, [message("a"), "{", message("b", "a")], "schema_invariants")
    assert record.table["rule"].to_pylist() == ["schema_invariants/unreadable_line"]
    assert population(record).row.tolist() == [-1]


def test_messages_are_found_in_a_redacted_record_too(released):
    _, record = released
    assert population(redacted(record)).row.tolist() == population(record).row.tolist()


# -- which messages ----------------------------------------------------------------------------------------------------


@pytest.fixture
def mixed(tmp_path):
    """Audit two files: an English prompt and its German answer; a prompt and an answer of no declared language."""
    (tmp_path / "one.jsonl").touch()
    write(tmp_path / "one.jsonl", [message("a"), message("b", "a", lang="de", text="warning")])
    write(
        tmp_path / "two.jsonl",
        [
            message("c", message_tree_id=uid("c"), lang=None),
            message("d", "c", message_tree_id=uid("c"), lang=None, text="note"),
        ],
    )
    return run(tmp_path / "one.jsonl", tmp_path / "two.jsonl", checks=[Marks()], engine="serial")


def test_messages_are_chosen_by_language_role_and_source(mixed, tmp_path):
    for wanted, chosen in [
        ({}, [1, 1, 1, 1]),
        ({"lang": (), "role": (), "source": ()}, [1, 1, 1, 1]),
        ({"lang": ("en",)}, [1, 0, 0, 0]),
        ({"lang": ("en", "de")}, [1, 1, 0, 0]),
        ({"lang": ("fr",)}, [0, 0, 0, 0]),
        ({"role": ("assistant",)}, [0, 1, 0, 1]),
        ({"role": ("assistant",), "lang": ("en",)}, [0, 0, 0, 0]),
        ({"source": ("two.jsonl",)}, [0, 0, 1, 1]),
        ({"source": ("two.jsonl",), "role": ("prompter",)}, [0, 0, 1, 0]),
    ]:
        with case(wanted, chosen):
            named = {
                name: [str(tmp_path / v) if name == "source" else v for v in values] for name, values in wanted.items()
            }
            assert population(mixed).among(**named).tolist() == [bool(k) for k in chosen]


def test_where_no_message_declares_a_language_none_is_chosen_by_one(tmp_path):
    record = audit(tmp_path, [{"text": "fine"}, {"text": "warning"}], Marks())
    assert population(record).among(lang=("en",)).tolist() == [False, False]


class Rest(Check):
    """Check what Marks does not."""

    name = "rest"
    rules = ()

    def scan(self, batch):
        texts = batch.column("text").to_pylist()
        return Result(coverage=cover(batch.messages, pa.array(["checked" if t == "skip" else None for t in texts])))


def test_a_message_is_checked_by_one_check_or_by_any(tmp_path):
    rows = [message("a"), message("b", "a", text="skip"), message("c", "a", text="skip all")]
    seen = population(audit(tmp_path, rows, Marks(), Rest()))
    assert seen.checked("marks").tolist() == [True, False, False]
    assert seen.checked("rest").tolist() == [False, True, False]
    assert seen.checked(None).tolist() == [True, True, False]


def test_findings_are_chosen_by_check_or_rule_and_by_severity(tmp_path):
    seen = population(marked(tmp_path, "note", "warning", "error"))
    assert seen.of("marks", WARNING).tolist() == [False, True, True]
    assert seen.of("marks", NOTE).tolist() == [True, True, True]
    assert seen.of("marks/warning", NOTE).tolist() == [False, True, False]
    assert seen.of("marks/warning", ERROR).tolist() == [False, False, False]
    assert seen.of("schema_invariants", NOTE).tolist() == [False, False, False]
    assert seen.of(None, ERROR).tolist() == [False, False, True]


# -- how many of how many ----------------------------------------------------------------------------------------------


def rate(record, check="marks", severity=NOTE, **among):
    seen = population(record)
    return seen.rate(check, seen.of(check, severity), seen.among(**among))


def test_a_rate_has_its_denominator_its_trees_and_both_intervals(tmp_path):
    first, second = conversation("a", 2), conversation("b", 0)
    first[0]["text"], first[2]["text"] = "warning", "skip"
    measured = rate(audit(tmp_path, [*first, *second], Marks()))
    assert (measured.flagged, measured.checked, measured.clusters, measured.share) == (1, 3, 2, 1 / 3)
    # Wilson: (1/3 + 3.8415/6 ± 1.96 * sqrt((2/9 + 3.8415/12) / 3)) / (1 + 3.8415/3)
    assert measured.wilson == pytest.approx((0.0615, 0.7923), abs=1e-4)
    assert measured.clustered == clustered(np.array([1, 0]), np.array([2, 1]))
    assert measured.clustered[0] < measured.wilson[0] < measured.wilson[1] < measured.clustered[1]


def test_of_trees_of_one_message_each_both_intervals_are_wilsons(tmp_path):
    measured = rate(marked(tmp_path, "warning", "fine", "fine", "fine"))
    assert measured.wilson == pytest.approx((0.0456, 0.6994), abs=1e-4)
    assert measured.clustered == pytest.approx(measured.wilson)


def test_a_message_with_two_findings_is_counted_once(tmp_path):
    measured = rate(marked(tmp_path, "warning error", "fine"))
    assert (measured.flagged, measured.checked) == (1, 2)


def test_a_message_that_is_flagged_but_not_checked_counts_as_checked(tmp_path):
    record = marked(tmp_path, "note", "skip", "fine")
    outcomes = record.messages["marks"].cast(pa.string()).to_pylist()
    messages = record.messages.drop_columns("marks")
    skipped = pa.array(["looked away", *outcomes[1:]]).dictionary_encode()
    record = Record(record.facts, record.table, record.threads, messages.append_column("marks", skipped))
    measured = rate(record)
    assert (measured.flagged, measured.checked, measured.clusters) == (1, 2, 2)
    measured = rate(record, severity=WARNING)
    assert (measured.flagged, measured.checked, measured.clusters) == (0, 1, 1)


def test_a_record_that_could_not_be_read_is_not_in_a_rate(tmp_path):
    record = audit(tmp_path, [message("a"), "{"], "schema_invariants")
    measured = rate(record, "schema_invariants", WARNING)
    assert (measured.flagged, measured.checked) == (0, 1)


def test_findings_of_other_messages_do_not_count(mixed):
    measured = rate(mixed, lang=("en",))
    assert (measured.flagged, measured.checked, measured.clusters) == (0, 1, 1)
    measured = rate(mixed, lang=("de",))
    assert (measured.flagged, measured.checked, measured.clusters) == (1, 1, 1)


def test_where_nothing_was_checked_the_rate_is_not_known(tmp_path):
    measured = rate(marked(tmp_path, "skip"))
    assert (measured.flagged, measured.checked, measured.clusters) == (0, 0, 0)
    assert isnan(measured.share)
    assert measured.wilson == measured.clustered == (0, 1)


def test_a_message_without_a_tree_id_is_a_tree_of_its_own(tmp_path):
    record = audit(tmp_path, [message(name, message_tree_id=None) for name in "abc"], Marks())
    assert rate(record).clusters == 3


MESSAGE = st.tuples(
    st.sampled_from([None, "s", "t"]),  # tree
    st.sampled_from([None, "en", "de"]),
    st.sampled_from(["prompter", "assistant"]),
    st.sampled_from(["one.jsonl", "two.jsonl"]),
    st.sampled_from([None, "checked", "too short"]),
    st.lists(st.sampled_from([NOTE, WARNING, ERROR]), max_size=2),
)


@given(st.lists(MESSAGE, max_size=12), st.sampled_from([NOTE, WARNING, ERROR]), st.sampled_from([(), ("en",), ("de",)]))
def test_a_rate_is_what_one_counts_by_hand(messages, severity, langs):
    seen = [
        {"tree_id": tree, "message_id": "m", "source": source, "line": k, "role": role, "lang": lang, "check": outcome}
        for k, (tree, lang, role, source, outcome, _) in enumerate(messages)
    ]
    found = [
        {"check": "check", "rule": "check/rule", "severity": level, **{n: row[n] for n in FINDINGS.names[10:12]}}
        | {"message_id": "m"}
        for row, (*_, levels) in zip(seen, messages, strict=True)
        for level in levels
    ]
    schema = pa.schema([*SEEN, pa.field("check", WORDS)])
    made = Population(pa.Table.from_pylist(seen, schema), pa.Table.from_pylist(found, FINDINGS))

    flagged = checked = 0
    trees = set()
    for k, (tree, lang, _, _, outcome, levels) in enumerate(messages):
        if langs and lang not in langs:
            continue
        is_flagged = any(level >= severity for level in levels)
        flagged += is_flagged
        if is_flagged or outcome == "checked":
            checked += 1
            trees.add(k if tree is None else tree)
    measured = made.rate("check", made.of("check", severity), made.among(lang=langs))
    assert (measured.flagged, measured.checked, measured.clusters) == (flagged, checked, len(trees))
    if checked:
        for low, high in (measured.wilson, measured.clustered):
            assert low - 1e-12 <= measured.share <= high + 1e-12


# -- the table of rates ------------------------------------------------------------------------------------------------


def test_a_check_counts_from_warnings_on_and_its_broken_rules_by_every_finding(mixed):
    assert counted(mixed) == {
        ("marks", None, ()): (1, 4),
        ("marks", "marks/note", ()): (1, 4),
        ("marks", "marks/warning", ()): (1, 4),
    }


def test_rates_are_given_by_language_and_for_messages_that_declare_none(mixed):
    reported = {values: rate for (_, rule, values), rate in counted(mixed, ["lang"]).items() if rule is None}
    assert reported == {("de",): (1, 1), ("en",): (0, 1), (None,): (0, 2)}


def test_rates_are_given_by_role_and_source_together(mixed, tmp_path):
    one, two = (str(tmp_path / name) for name in ("one.jsonl", "two.jsonl"))
    reported = {values: rate for (_, rule, values), rate in counted(mixed, ["source", "role"]).items() if rule is None}
    assert reported == {
        (one, "assistant"): (1, 1),
        (one, "prompter"): (0, 1),
        (two, "assistant"): (0, 1),
        (two, "prompter"): (0, 1),
    }


@pytest.mark.parametrize("by", [["lang"], ["role"], ["source"], ["role", "lang"], list(BY)])
def test_slices_add_up_to_the_whole(released, by):
    _, record = released
    whole, parts = counted(record), counted(record, by)
    for (check, rule, _), (flagged, checked) in whole.items():
        own = [rate for key, rate in parts.items() if key[:2] == (check, rule)]
        assert [sum(column) for column in zip(*own, strict=True)] == [flagged, checked], (check, rule)


def test_rates_of_a_check_agree_with_its_coverage_and_its_findings(released):
    _, record = released
    reported = {row.check: row.rate for row in rows(record) if row.rule is None}
    assert list(reported) == [check.name for check in record.facts.checks]
    for check in record.facts.checks:
        frame = record.findings(check.name)
        bad = frame[(frame.severity > NOTE) & frame.message_id.notna()]
        assert reported[check.name].flagged == len(bad.groupby(["message_id", "source", "line"])), check.name
        assert reported[check.name].checked >= check.checked


class Fails(Marks):
    """Fail."""

    name = "fails"
    rules = ()

    def scan(self, batch):
        raise ZeroDivisionError


def test_a_check_that_failed_has_no_rate(tmp_path):
    record = audit(tmp_path, [message("a")], Fails(), Marks())
    assert [row.check for row in rows(record)] == ["marks"]


def test_a_row_laid_flat_has_a_value_for_each_column(mixed):
    for by in ([], ["role", "lang"]):
        names = columns(by)
        assert len(set(names)) == len(names)
        for row in rows(mixed, by):
            flat = dict(zip(names, row.flat(), strict=True))
            assert tuple(flat[name] for name in by) == row.values
            assert (flat["flagged"], flat["checked"], flat["clusters"]) == row.rate[:3]
            assert (flat["low"], flat["high"]) == row.rate.clustered
            assert (flat["wilson_low"], flat["wilson_high"]) == row.rate.wilson
            assert (flat["rate"], flat["corrected"]) == (row.rate.share, None)


def test_a_labelled_sample_corrects_only_the_rate_of_the_whole_check(tmp_path):
    made = marked(tmp_path, *["warning"] * 2, *["fine"] * 2)
    strata = {"marks/warning": Stratum(2, 2, 1, True), "not flagged": Stratum(2, 2, 0, False)}
    record = Record(
        made.facts,
        made.table,
        made.threads,
        made.messages,
        {"marks": Judgement(strata, 0, "2026-01-01", made.facts.digest)},
    )
    of_check, of_rule = rows(record)
    assert (of_rule.corrected, of_check.rate.share) == (None, 0.5)
    assert of_check.corrected.low <= 0.25 <= of_check.corrected.high
    assert of_check.corrected.value == pytest.approx(0.25, abs=0.01)
    assert {row.corrected for row in rows(record, ["lang"])} == {None}


@pytest.mark.parametrize("name", ["tree_id", "rule", ""])
def test_another_column_to_group_rates_by_is_refused(mixed, name):
    with pytest.raises(ValueError, match=f"rates by '{name}': unknown column. Expected lang, role, source"):
        list(rows(mixed, ["lang", name]))


def test_an_audit_of_no_message_has_rates_of_nothing(tmp_path):
    record = run(write(tmp_path / "data.jsonl", ["{"]), checks=[Marks()], format="documents", engine="serial")
    assert counted(record) == {("marks", None, ()): (0, 0)}
    assert counted(record, ["lang"]) == {}
