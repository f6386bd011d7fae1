"""The verdicts in Great Expectations: a table of flags, a suite, and a runner that needs nothing of ours."""

import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from building import audit, conversation, message, uid, write
from chataudit.audit.run import run
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.exports.expectations import FLAGS_FILE, KEYS, RUNNER_FILE, SUITE_FILE, export, flags, suite
from chataudit.reports.gate import Limit
from planting import Fails, Planted, alone


def column(table, name):
    return table[name].to_pylist()


def expected(described):
    """Return what is expected of the flags of each column: how many are false at least, how bad it is otherwise."""
    return {
        each["kwargs"]["column"]: (round(each["kwargs"]["mostly"], 6), each["severity"])
        for each in described["expectations"]
        if each["type"] == "expect_column_values_to_be_in_set"
    }


# -- flags -----------------------------------------------------------------------------------------------------------


def test_a_flag_is_true_where_there_is_a_finding_false_where_none_and_null_where_nobody_looked(tmp_path):
    table = flags(audit(tmp_path, alone("FAULT", "ODD REMARK", "REMARK", "fine", "SKIP it"), Planted()))
    assert column(table, "message_id") == [uid(f"m{k}") for k in range(5)]
    assert column(table, "planted") == [True, True, False, False, None]
    assert column(table, "planted/fault") == [True, False, False, False, None]
    assert column(table, "planted/odd") == [False, True, False, False, None]
    assert column(table, "planted/remark") == [False, True, True, False, None]


def test_each_check_and_each_of_its_rules_has_a_column_also_those_that_found_nothing(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted(), "near_duplicates")
    rules = [rule.id for check in record.facts.checks if check.name == "near_duplicates" for rule in check.rules]
    assert flags(record).column_names == [
        *KEYS,
        *("planted", "planted/fault", "planted/odd", "planted/remark"),
        *("near_duplicates", *rules),
    ]


def test_a_check_that_failed_has_an_empty_column(tmp_path):
    table = flags(audit(tmp_path, alone("fine", "FAULT"), Planted(), Fails()))
    assert table.column_names[-1] == "fails"
    assert column(table, "fails") == [None, None]
    assert column(table, "planted") == [False, True]


def test_a_message_has_its_keys_and_no_text(tmp_path):
    row = flags(audit(tmp_path, alone("pelican FAULT", lang="de"), Planted())).to_pylist()[0]
    keys = {name: row[name] for name in KEYS}
    assert keys == {
        "message_id": uid("m0"),
        "tree_id": uid("m0"),
        "source": str(tmp_path / "data.jsonl"),
        "line": 1,
        "role": "prompter",
        "lang": "de",
    }
    assert "pelican" not in str(row)


def test_a_record_that_could_not_be_read_is_a_row_without_an_id(tmp_path):
    rows = ["{ not JSON", *conversation("a", 1), "{ nor this"]
    table = flags(audit(tmp_path, rows, SchemaInvariants(), Planted()))
    lost = table.filter(pc.is_null(table["message_id"]))
    assert table.num_rows == 2 + lost.num_rows
    assert column(lost, "line") == [1, 4]
    assert set(column(lost, "source")) == {str(tmp_path / "data.jsonl")}
    assert column(lost, "schema_invariants") == column(lost, "schema_invariants/unreadable_line") == [True, True]
    # Others did not look at what is no message.
    assert set(column(lost, "planted")) == {None}
    assert set(column(lost, "schema_invariants/role_alternation")) == {None}


def test_a_duplicate_message_has_two_rows_and_each_its_own_flags(tmp_path):
    rows = [message("a", text="FAULT"), message("a", text="fine", message_tree_id=uid("b"))]
    table = flags(audit(tmp_path, rows, Planted()))
    assert sorted(zip(column(table, "line"), column(table, "planted"), strict=True)) == [(1, True), (2, False)]


def test_flags_of_the_demo_are_counted_as_its_rates_are(released):
    _, record = released
    table, rates = flags(record), record.rates()
    messages = table.slice(0, record.facts.messages)  # what could not be read comes behind them
    for row in rates.itertuples():
        name = row.rule if isinstance(row.rule, str) else row.check
        assert (pc.sum(messages[name]).as_py() or 0) == row.flagged, name
        if name == row.check:
            assert pc.count(messages[name]).as_py() == row.checked, name


def test_no_messages_no_rows(tmp_path):
    table = flags(audit(tmp_path, [], Planted()))
    assert table.num_rows == 0


# -- the suite -------------------------------------------------------------------------------------------------------


def test_nothing_may_be_flagged_where_there_is_no_limit(tmp_path):
    described = suite(audit(tmp_path, alone("fine"), Planted()))
    # A rule that only notes is not expected to be met.
    assert expected(described) == {
        "planted": (1, "critical"),
        "planted/fault": (1, "critical"),
        "planted/odd": (1, "warning"),
    }
    for each in described["expectations"]:
        assert each["kwargs"].get("value_set", [False]) == [False]
        assert each["description"]
    assert described["name"] == "chataudit"


def test_each_check_must_have_checked_a_message(tmp_path):
    described = suite(audit(tmp_path, alone("fine"), Planted(), Fails()))
    reported = {
        each["kwargs"]["column"]: each["description"]
        for each in described["expectations"]
        if each["type"] == "expect_column_values_to_not_be_null"
    }
    assert reported == {"planted": "planted checked a message", "fails": "fails did not finish"}


def test_a_limit_on_a_check_allows_so_much_of_it_and_of_its_rules(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted())
    assert expected(suite(record, [Limit(target="planted", max_rate=0.1)])) == {
        "planted": (0.9, "critical"),
        "planted/fault": (0.9, "critical"),
        "planted/odd": (0.9, "warning"),
    }


def test_a_limit_on_a_rule_overrides_that_of_its_check_and_includes_notes(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted())
    limits = [
        Limit(target="planted", max_rate=0.1),
        Limit(target="planted/fault", max_rate=0.01),
        Limit(target="planted/remark", max_rate=0.5),
    ]
    assert expected(suite(record, limits)) == {
        "planted": (0.9, "critical"),
        "planted/fault": (0.99, "critical"),
        "planted/odd": (0.9, "warning"),
        "planted/remark": (0.5, "info"),
    }


@pytest.mark.parametrize(
    "limit",
    [
        Limit(max_rate=0.5),
        Limit(target="planted", max_count=5),
        Limit(target="planted", max_rate=0.5, lang=("de",)),
        Limit(target="planted", max_rate=0.5, role=("prompter",)),
        Limit(target="planted", max_rate=0.5, source=("x",)),
        Limit(target="planted", max_rate=0.5, bound="lower"),
        Limit(target="planted", max_rate=0.5, severity="error"),
        Limit(target="near_duplicates", max_rate=0.5),
    ],
)
def test_limits_of_another_kind_allow_nothing(tmp_path, limit):
    record = audit(tmp_path, alone("fine"), Planted())
    assert {mostly for mostly, _ in expected(suite(record, [limit])).values()} == {1}


def test_of_a_check_that_failed_no_flags_are_expected(tmp_path):
    described = suite(audit(tmp_path, alone("fine"), Planted(), Fails()))
    assert not any(name.startswith("fails") for name in expected(described))


# -- run in another project ------------------------------------------------------------------------------------------


def ran(folder, record, limits=()):
    """Run the runner, which sees only its own folder; return exit code, outcomes of each column, and result.json."""
    folder.mkdir()
    for name, content in export(record, limits).items():
        if isinstance(content, pa.Table):
            pq.write_table(content, folder / name)
        else:
            (folder / name).write_text(content, encoding="utf-8")
    assert sorted(path.name for path in folder.iterdir()) == sorted([FLAGS_FILE, SUITE_FILE, RUNNER_FILE])
    # -I: neither the folder of the caller nor its environment; `chataudit` may not be imported.
    guard = "import sys, runpy; sys.modules['chataudit'] = None; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
    words = [sys.executable, "-I", "-c", guard, str(folder / RUNNER_FILE)]
    done = subprocess.run(words, cwd=folder.parent, capture_output=True, text=True, timeout=120)
    assert (folder / "result.json").exists(), done.stderr[-2000:]
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("met", "unmet"))]
    reported = {column: [word for word, name, *_ in lines if name == column] for _, column, *_ in lines}
    return done.returncode, reported, json.loads((folder / "result.json").read_text(encoding="utf-8"))


def test_the_demo_does_not_meet_the_suite_and_the_result_names_its_messages(released, tmp_path):
    _, record = released
    code, reported, result = ran(tmp_path / "gx", record)
    assert code == 1
    found = pc.value_counts(record.table.filter(pc.greater(record.table["severity"], 1))["check"])
    for row in found.to_pylist():
        assert reported[row["values"]] == ["met", "unmet"]  # it checked messages, and flagged some
    rules = {rule.id: rule for check in record.facts.checks for rule in check.rules}
    for name in set(reported) & set(rules):
        assert reported[name] == ["unmet" if rules[name].findings else "met"], name
    (roles,) = (
        each for each in result["results"] if each["expectation_config"]["kwargs"]["column"].endswith("/root_role")
    )
    assert roles["result"]["unexpected_count"] == 1
    (index,) = roles["result"]["unexpected_index_list"]
    assert index["message_id"] == released[0].planted["schema_invariants/root_role"]
    assert index["source"].endswith("release.jsonl")
    raw = json.dumps(result, ensure_ascii=False)
    assert not any(tree[0]["text"] in raw for tree in released[0].trees if tree[0]["text"])


def test_clean_data_meet_it_and_skipped_messages_do_not_count(tmp_path):
    rows = [*alone("fine", "SKIP it", "REMARK"), *conversation("a", 1)]
    code, reported, result = ran(tmp_path / "gx", audit(tmp_path, rows, Planted()))
    assert (code, result["success"]) == (0, True)
    assert reported == {"planted": ["met", "met"], "planted/fault": ["met"], "planted/odd": ["met"]}


def test_a_rate_within_its_limit_meets_it_and_one_above_does_not(tmp_path):
    # Two of nine checked messages are flagged, 22 %; a tenth was not checked. The name of the file is data too.
    path = write(tmp_path / "a'\"<b> $(x).jsonl", alone("FAULT", "FAULT", *["fine"] * 7, "SKIP it"))
    limits = [Limit(target="planted", max_rate=0.23), Limit(target="planted/fault", max_rate=0.21)]
    code, reported, result = ran(tmp_path / "gx", run(path, checks=[Planted()], engine="serial"), limits)
    assert (code, reported) == (1, {"planted": ["met", "met"], "planted/fault": ["unmet"], "planted/odd": ["met"]})
    (bad,) = (each for each in result["results"] if not each["success"])
    assert [index["source"] for index in bad["result"]["unexpected_index_list"]] == [str(path)] * 2


def test_a_rate_right_at_its_limit_meets_it_as_it_does_in_the_gate(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted())
    for n in (3, 10, 29, 100):
        for k in range(n):
            (_, each, *_) = suite(record, [Limit(target="planted", max_rate=k / n)])["expectations"]
            # As Great Expectations reckons it.
            assert (n - k) / n >= each["kwargs"]["mostly"], (k, n)


def test_what_nobody_looked_at_is_not_met(tmp_path):
    code, reported, _ = ran(tmp_path / "gx", audit(tmp_path, alone("SKIP it"), Planted(), Fails()))
    assert (code, reported["planted"], reported["fails"]) == (1, ["unmet", "met"], ["unmet"])
