"""The package as people use it from Python: its doctests, its methods, and a session."""

import doctest
import re
from contextlib import redirect_stdout
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import chataudit
import pandas as pd
import pytest
from building import audit, message, uid
from chataudit import Limit, Record, Suppression
from chataudit.audit import record as record_module
from chataudit.audit import registry
from chataudit.audit.cleaning.policy import Policy
from chataudit.reports import record as kept
from planting import Fails, Planted, alone

DOCS = Path(__file__).resolve().parents[2] / "docs"
SHOWN = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def planted(tmp_path, *texts, **settings):
    return audit(tmp_path, alone(*texts), Planted(**settings))


def same(shown, printed):
    return doctest.OutputChecker().check_output(shown, printed, SHOWN)


# -- what is documented is true --------------------------------------------------------------------------------------


def test_the_examples_in_docstrings_print_what_they_show(released, tmp_path, monkeypatch):
    made, record = released
    monkeypatch.chdir(tmp_path)
    made.write(tmp_path / "release.jsonl")
    tried = {}
    for test in doctest.DocTestFinder(exclude_empty=True).find(record_module, globs={}):
        test.globs = {"release": "release.jsonl", "record": record, "chataudit": chataudit}
        runner = doctest.DocTestRunner(optionflags=SHOWN)
        said = StringIO()
        runner.run(test, out=said.write)
        assert runner.failures == 0, said.getvalue()
        if test.examples:
            tried[test.name.rpartition(".")[2]] = runner.tries
    assert set(tried) == {"Record", "rates", "gate", "diff", "clean", "limitations"}


def test_every_public_method_is_documented_and_typed():
    for name, method in vars(Record).items():
        if callable(method) and not name.startswith("_"):
            assert method.__doc__.split("\n")[0].endswith((".", "?")), name
            assert set(method.__annotations__) >= set(method.__code__.co_varnames[1 : method.__code__.co_argcount]), (
                name
            )
            assert "return" in method.__annotations__, name


def blocks(page):
    """Return the Python blocks of a page, each with the output that is shown under it."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    shown = []
    for language, text in found:
        if language == "python":
            shown.append((text, None))
        else:
            shown[-1] = (shown[-1][0], text)
    return shown


def test_the_session_in_the_docs_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", "put back afterwards")
    monkeypatch.chdir(tmp_path)
    names, session = {}, blocks(DOCS / "python.md")
    assert len(session) >= 12
    for k, (code, shown) in enumerate(session):
        said = StringIO()
        with redirect_stdout(said):
            exec(compile(code, f"python.md, block {k + 1}", "exec"), names)
        assert shown is None or same(shown, said.getvalue()), f"block {k + 1} prints\n{said.getvalue()}"
    assert isinstance(names["findings"], pd.DataFrame)


def test_the_public_names_of_the_package_are_there():
    for name in chataudit.__all__:
        assert getattr(chataudit, name) is not None
    assert issubclass(Record, kept.Record)
    with pytest.raises(AttributeError, match="no attribute 'audit_all'"):
        chataudit.audit_all  # noqa: B018


# -- findings and rates ----------------------------------------------------------------------------------------------


def test_findings_are_a_frame_with_a_row_for_each(tmp_path):
    record = planted(tmp_path, "FAULT", "ODD REMARK", "fine")
    frame = record.findings()
    assert list(frame["rule"]) == ["planted/fault", "planted/odd", "planted/remark"]
    assert list(frame["severity"]) == [3, 2, 1]
    assert list(frame["message_id"]) == [uid("m0"), uid("m1"), uid("m1")]
    assert frame["facets"][0] == {}
    assert frame["spans"][0][0]["quote"] == "FAULT"
    assert len(record.findings("planted")) == 3
    with pytest.raises(LookupError, match="check 'other' was not run; there are planted"):
        record.findings("other")


def test_no_findings_are_an_empty_frame_with_the_same_columns(tmp_path):
    none = planted(tmp_path, "fine").findings()
    assert len(none) == 0
    assert list(none) == list(planted(tmp_path, "FAULT").findings())


def test_rates_are_a_frame_with_a_row_for_each_check_and_broken_rule(tmp_path):
    rates = planted(tmp_path, *["FAULT"] * 3, *["ODD"] * 2, "REMARK", *["fine"] * 14).rates()
    assert list(rates) == [
        *(
            "check",
            "rule",
            "severity",
            "flagged",
            "checked",
            "clusters",
            "rate",
            "low",
            "high",
            "wilson_low",
            "wilson_high",
        ),
        *("corrected", "corrected_low", "corrected_high"),
    ]
    assert [None if pd.isna(rule) else rule for rule in rates["rule"]] == [
        None,
        "planted/fault",
        "planted/odd",
        "planted/remark",
    ]
    assert list(rates["flagged"]) == [5, 3, 2, 1]
    assert set(rates["checked"]) == set(rates["clusters"]) == {20}
    # Wilson's interval of 5 in 20, by hand; of trees of one message it is that by trees.
    assert tuple(rates.loc[0, ["rate", "low", "high", "wilson_low", "wilson_high"]]) == pytest.approx(
        (0.25, 0.1119, 0.4687, 0.1119, 0.4687), abs=1e-4
    )
    assert pd.isna(rates["corrected"]).all()


def test_rates_by_language_and_role_have_a_row_for_each_combination(tmp_path):
    rows = [*alone("FAULT", "fine", "fine"), message("d", lang="de", message_tree_id=uid("d")), message("n", lang=None)]
    rates = audit(tmp_path, rows, Planted()).rates(by=["lang", "role"])
    reported = {
        (row.lang if isinstance(row.lang, str) else None, row.role): (row.flagged, row.checked)
        for row in rates[rates["rule"].isna()].itertuples()
    }
    assert reported == {("en", "prompter"): (1, 3), ("de", "prompter"): (0, 1), (None, "prompter"): (0, 1)}


def test_rates_by_anything_else_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"rates by 'date': unknown column\. Expected lang, role, source"):
        planted(tmp_path, "fine").rates(by=["date"])


def test_labels_in_the_data_correct_the_rate_of_the_check_and_not_of_its_rules(tmp_path):
    # Rogan and Gladen, by hand: (10/40 + 9/10 - 1) / (8/10 + 9/10 - 1).
    rates = planted(tmp_path, *["FAULT"] * 10, *["fine"] * 30, labelled=(8, 2, 1, 9)).rates()
    assert rates["corrected"][0] == pytest.approx(0.15 / 0.7)
    assert pd.isna(rates["corrected"][1])


def test_where_people_labelled_all_messages_the_rate_is_theirs(tmp_path):
    # 10 of 20 are faults; Wilson's interval, by hand: .5 +- .2007.
    rates = planted(tmp_path, *["FAULT"] * 9, *["fine"] * 11, labelled=(8, 2, 1, 9)).rates()
    assert tuple(rates.loc[0, ["corrected", "corrected_low", "corrected_high"]]) == pytest.approx(
        (0.5, 0.2993, 0.7007), abs=1e-4
    )


def test_a_check_that_checked_nothing_has_no_rate(tmp_path):
    rates = planted(tmp_path, "SKIP it").rates()
    assert (rates["checked"][0], rates["low"][0], rates["high"][0]) == (0, 0, 1)
    assert pd.isna(rates["rate"][0])


# -- gate, diff, clean -----------------------------------------------------------------------------------------------


def test_a_gate_needs_a_limit_that_can_be_met(tmp_path):
    record = planted(tmp_path, "FAULT")
    with pytest.raises(ValueError, match="there is no limit"):
        record.gate()
    with pytest.raises(ValueError, match="the audit ran no check 'near_duplicates'; it ran planted"):
        record.gate(Limit(target="near_duplicates", max_count=0))
    with pytest.raises(ValueError, match="max_new needs a baseline"):
        record.gate(Limit(max_new=0))


def test_what_is_accepted_is_out_of_account_until_its_last_day(tmp_path):
    record, day = planted(tmp_path, "FAULT"), date(2026, 3, 1)
    known = [Suppression("seen", day, rule="planted/fault")]

    def passes(today):
        return record.gate(Limit(max_count=0), suppressions=known, today=today).is_passed

    assert passes(day)
    assert not passes(day + timedelta(days=1))
    assert not record.gate(Limit(max_count=0)).is_passed


def test_a_gate_counts_what_is_new_against_a_baseline(tmp_path):
    older = planted(tmp_path, "FAULT", "fine")
    newer = planted(tmp_path, "FAULT", "ODD")
    assert older.gate(Limit(max_new=0), baseline=older).is_passed
    assert newer.gate(Limit(max_new=0), baseline=older).rulings[0].found == 1


def test_a_gate_does_not_pass_an_audit_in_which_a_check_failed(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted(), Fails())
    assert not record.gate(Limit(target="planted", max_count=9)).is_passed


def test_a_diff_separates_findings_from_messages(tmp_path):
    older = planted(tmp_path, "FAULT", "ODD", "fine")
    newer = planted(tmp_path, "fine", "ODD", "fine", "FAULT")
    found = newer.diff(older)
    assert [found.new.num_rows, found.fixed.num_rows, found.unchanged.num_rows] == [1, 1, 1]
    assert [found.added.num_rows, found.removed.num_rows, found.changed.num_rows] == [1, 0, 1]


def test_a_diff_of_other_data_is_refused(tmp_path):
    older = planted(tmp_path, "fine")
    with pytest.raises(ValueError, match="message"):
        audit(tmp_path, [message("z", message_tree_id=uid("z"))], Planted()).diff(older)


def test_cleaning_takes_the_files_from_where_they_were_and_a_policy(tmp_path):
    record = audit(tmp_path, [message("a"), message("b", "a", role="prompter")], "schema_invariants")
    policy = Policy(rules={"schema_invariants/role_alternation": "drop_message"})
    cleaned = record.clean(tmp_path / "out", policy=policy)
    assert (cleaned.messages, cleaned.dropped) == (2, 1)
    with pytest.raises(FileExistsError):
        record.clean(tmp_path / "out", policy=policy)
    (tmp_path / "data.jsonl").rename(tmp_path / "moved.jsonl")
    assert record.clean(tmp_path / "again", [tmp_path / "moved.jsonl"], policy).dropped == 1
    with pytest.raises(LookupError):
        record.clean(tmp_path / "third", policy=policy)


# -- pages -----------------------------------------------------------------------------------------------------------


def test_a_report_is_a_new_page(tmp_path):
    record = planted(tmp_path, "FAULT")
    record.report(tmp_path / "page.html")
    assert "<html" in (tmp_path / "page.html").read_text(encoding="utf-8")
    with pytest.raises(FileExistsError):
        record.report(tmp_path / "page.html")


def test_limitations_name_checks_that_were_not_run_and_refuse_other_forms(tmp_path):
    record = planted(tmp_path, "fine")
    assert f"Checks that were not selected: {', '.join(registry.checks())}" in record.limitations().replace("\\", "")
    assert {form: record.limitations(form) != "" for form in record_module.FORMS} == dict.fromkeys(
        record_module.FORMS, True
    )
    with pytest.raises(
        LookupError, match="unknown format 'word'; expected one of markdown, latex, card, croissant, datasheet"
    ):
        record.limitations("word")


def test_a_record_that_is_written_and_read_is_the_same(tmp_path):
    record = planted(tmp_path, "FAULT", "fine")
    record.write(tmp_path / "a")
    back = Record.read(tmp_path / "a")
    assert type(back) is Record
    assert (back.facts, back.table, back.messages) == (record.facts, record.table, record.messages)
    assert back.limitations() == record.limitations()
    assert back.rates().equals(record.rates())
