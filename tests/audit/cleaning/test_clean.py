"""Cleaning: what goes, what stays, what is listed, and that nothing is left half done."""

import bz2
import copy
import csv
import errno
import gzip
import io
import json
import lzma
import os
import random
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from building import SHARED, RecordingProgress, conversation, message, needs_shared, nest, uid, write
from cases import case
from chataudit.audit import registry
from chataudit.audit.cleaning import clean as cleaning
from chataudit.audit.cleaning import rewrite
from chataudit.audit.cleaning.clean import clean
from chataudit.audit.cleaning.policy import Policy, load_policy
from chataudit.audit.config import Config
from chataudit.audit.reading.formats import FORMATS, Spec
from chataudit.audit.run import run
from chataudit.checks.base.findings import ERROR, FINDINGS, NOTE, WARNING, Action
from chataudit.reports.record import RuleFacts
from chataudit.reports.redact import redacted
from hypothesis import given, settings
from hypothesis import strategies as st

FAULT = "schema_invariants/label_range"  # a rule like any other, for findings that are made up
LABELS = {"name": ["quality"], "value": [0.5], "count": [3]}


# -- small words -----------------------------------------------------------------------------------------------------


def policy(action="drop_message", rule=FAULT, keep_unique=False, **more):
    return Policy(rules={rule: action}, keep_unique=keep_unique, **more)


def finding(name, line=1, rule=FAULT, severity=ERROR, source=None, partner=None, **facets):
    """Make up a finding about a message; `partner` is (name, line) of the message that it copies."""
    row = {"rule": rule, "check": rule.partition("/")[0], "severity": severity, "line": line, "source": source}
    places = [(name, line), *([partner] if partner else [])]
    spans = [{"source": source, "line": at, "id": uid(n), "start": 1, "end": 2} for n, at in places]
    facets = facets | ({"partner": uid(partner[0])} if partner else {})
    return {**row, "message_id": uid(name), "spans": spans, "facets": list(facets.items()), "lang": "en"}


def copies(*pairs, cluster=None, **facets):
    """Make up findings that messages copy others: (name, line, name, line)."""
    rule = "near_duplicates/exact_copy"
    return [finding(a, k, rule, WARNING, partner=(b, n), cluster=uid(cluster or b), **facets) for a, k, b, n in pairs]


KEEP_BEST = policy("keep_best", "near_duplicates", keep_best_by=load_policy("strict").keep_best_by)


@cache
def all_checks():
    """Return the facts of all checks, as an audit of one message has them."""
    with TemporaryDirectory() as folder:
        return run(write(Path(folder) / "data.jsonl", [message("a")]), engine="serial").facts.checks


def record_of(path, *findings, checks=("prompt_parroting",)):
    """Audit a file, and put these findings in place of its own."""
    record = copy.copy(run(path, checks=checks, engine="serial"))
    known = {check.name: check for check in (*all_checks(), *record.facts.checks)}
    record.facts = msgspec.structs.replace(record.facts, checks=list(known.values()))  # with the rules of all findings
    rows = [
        {**row, "source": str(path), "spans": [{**s, "source": str(path)} for s in row["spans"]]} for row in findings
    ]
    record.table = pa.Table.from_pylist(rows, schema=FINDINGS)
    return record


def cleaned(path, *findings, policy=policy()):  # noqa: B008
    """Clean a file; return the folder, and what was done."""
    out = path.parent / "out"
    return out, clean(record_of(path, *findings), [path], policy, out)


def left(path, *findings, policy=policy()):  # noqa: B008
    """Return the names of the messages that a made-up audit leaves of a file of flat messages, in order."""
    out, _ = cleaned(path, *findings, policy=policy)
    return [json.loads(line)["text"] for line in (out / path.name).read_text("utf-8").splitlines()]


def flat(folder, *rows):
    """Write a file of flat messages whose texts are their names."""
    return write(folder / "data.jsonl", rows)


def m(name, parent=None, tree="a", **more):
    return message(name, parent, text=name, message_tree_id=uid(tree), **more)


def listed(out, name="dropped.csv"):
    with open(out / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def by_name(rows, column):
    names = {uid(name): name for name in map("".join, [(a, b) for a in "abcdefghrxyz" for b in ("", *"0123456789")])}
    return {names.get(row["message_id"], ""): names.get(row[column], row[column]) for row in rows}


# -- policies --------------------------------------------------------------------------------------------------------


RULES = [rule for check in registry.checks().values() for rule in check.rules]
# A sentence can be cut, and what an author or a rater did is no reason to drop all that they touched.
LEFT_TO_PEOPLE = {
    rule.id for rule in RULES if rule.strict_action is Action.KEEP and rule.check in ("annotators", "self_reference")
}


def test_the_strict_policy_does_something_about_every_rule_that_is_more_than_a_note():
    strict = load_policy("strict")
    kept = {rule.id for rule in RULES if rule.severity > NOTE and strict.action(rule.id, rule.severity) == "keep"}
    # Nothing is wrong with the data of the one that is not left to people: `clean` refuses to drop copies there.
    assert {name.partition("/")[2] for name in kept - LEFT_TO_PEOPLE} == {"unread_text"}


def test_both_policies_are_those_of_the_rules():
    for rule in RULES:
        if rule.severity > NOTE and rule.action != "drop_record":
            with case(rule.id):
                assert load_policy().action(rule.id, rule.severity) == rule.action
                assert load_policy("strict").action(rule.id, rule.severity) == rule.strict_action


def test_the_default_policy_keeps_all_but_copies_empty_texts_and_leaks():
    acts = {rule.id for rule in RULES if load_policy().action(rule.id, rule.severity) != "keep"}
    assert acts == {
        *("near_duplicates/exact_copy", "near_duplicates/cross_split"),
        *("schema_invariants/duplicate_id", "schema_invariants/duplicate_tree", "schema_invariants/empty_text"),
        *(f"benchmark_leakage/{name}" for name in ("question", "question_and_answer", "answer")),
    }


def test_a_rule_of_an_older_record_does_the_same_in_both_policies():
    older = {"id": "old/rule", "title": "T", "severity": 2, "advice": "A", "findings": 1, "action": "drop_tree"}
    assert msgspec.convert(older, RuleFacts).strict_action == "drop_tree"


def test_both_policies_leave_notes_alone():
    for name in ("default", "strict"):
        assert load_policy(name).action("near_duplicates/stock_phrase", NOTE) == "keep"


def test_a_policy_is_written_as_it_is_read(tmp_path):
    for name in ("default", "strict"):
        (tmp_path / "policy.toml").write_text(load_policy(name).toml())
        assert load_policy(tmp_path / "policy.toml") == load_policy(name)


def test_the_more_exact_name_wins():
    both = Policy(rules={"near_duplicates": "keep_best", "near_duplicates/near_copy": "keep"})
    assert both.action("near_duplicates/near_copy", WARNING) == "keep"
    assert both.action("near_duplicates/exact_copy", WARNING) == "keep_best"


def test_a_milder_finding_is_left_alone_unless_its_rule_is_named():
    named = Policy(rules={"prompt_parroting": "drop_message", "prompt_parroting/echo": "drop_tree"})
    assert named.action("prompt_parroting/echo", NOTE) == "drop_tree"
    assert named.action("prompt_parroting/restates_prompt", NOTE) == "keep"


def test_what_a_policy_does_not_name_is_not_dropped():
    assert Policy().action(FAULT, ERROR) == "keep"


def test_unknown_words_in_a_policy_are_refused_with_the_known_ones(tmp_path):
    for text, words in [
        ("colour = 1", "colour: unknown key. Available: keep_best_by, keep_unique, min_severity, rules"),
        ("rules = 1", "rules is 1; expected a table"),
        ("[rules]\nnear = 'keep'", r"\[rules\] near: 'near' is not a check. Available: annotators, benchmark_leakage"),
        (
            "[rules]\n'near_duplicates/x' = 'keep'",
            "'x' is not a rule of near_duplicates. Available: exact_copy, near_copy",
        ),
        ("[rules]\nnear_duplicates = 'drop'", "'drop' is not an action. Did you mean .*Available: keep, drop_message"),
        ("[rules]\nnear_duplicates = 1", "1 is not an action. Available"),
        ("[rules]\nprompt_parroting = 'keep_best'", "prompt_parroting does not report. Use drop_message"),
        ("[rules]\nnear_duplicates = 'fix_language'", "near_duplicates does not report. Use drop_message"),
        ("[rules]\n'schema_invariants/unreadable_line' = 'keep'", "is always left out"),
        ("keep_best_by = ['size']", "keep_best_by: 'size' is not a criterion. Available: split, rank, review"),
        ("keep_best_by = ['rank', 'rank']", "keep_best_by: 'rank' is named twice"),
        ("keep_best_by = 'rank'", "keep_best_by is 'rank'; expected a list of names"),
        ("keep_unique = 'yes'", "keep_unique is 'yes'; expected true or false"),
        (
            "[rules]\n'schema_invariants/date_format' = 'keep_best'",
            "schema_invariants does not report. Use drop_message",
        ),
        ("min_severity = 'bad'", "min_severity: 'bad' is not a severity. Available: note, warning, error"),
        ("[rules", "policy.toml: "),
    ]:
        with case(text, words):
            (tmp_path / "policy.toml").write_text(text)
            with pytest.raises(ValueError, match=words):
                load_policy(tmp_path / "policy.toml")


def test_a_policy_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(LookupError, match=r"no such file\. Expected default, strict, or the path"):
        load_policy(tmp_path / "policy.toml")


def test_a_rule_of_a_check_that_was_not_run_is_fine(tmp_path):
    path = flat(tmp_path, m("a"), m("b", "a"))
    assert left(path, policy=policy("drop_message", "benchmark_leakage")) == ["a", "b"]


# -- what goes with what ---------------------------------------------------------------------------------------------


TREE = [m("a"), m("b", "a"), m("c", "b"), m("d", "a"), m("x", tree="x"), m("y", "x", tree="x")]


def test_a_dropped_message_takes_the_replies_to_it_and_not_its_siblings(tmp_path):
    assert left(flat(tmp_path, *TREE), finding("b", 2)) == ["a", "d", "x", "y"]


def test_a_dropped_leaf_takes_nothing(tmp_path):
    assert left(flat(tmp_path, *TREE), finding("c", 3)) == ["a", "b", "d", "x", "y"]


def test_a_dropped_tree_goes_whole_and_alone(tmp_path):
    assert left(flat(tmp_path, *TREE), finding("c", 3), policy=policy("drop_tree")) == ["x", "y"]


def test_a_kept_finding_changes_nothing(tmp_path):
    assert left(flat(tmp_path, *TREE), finding("b", 2), policy=policy("keep")) == ["a", "b", "c", "d", "x", "y"]


TWICE = [m("a"), m("b", "a"), m("b", "a"), m("c", "b")]


def test_replies_stay_if_another_message_has_the_id_of_the_dropped_one(tmp_path):
    assert left(flat(tmp_path, *TWICE), finding("b", 3)) == ["a", "b", "c"]


def test_a_subtree_is_dropped_even_if_another_message_has_its_id(tmp_path):
    assert left(flat(tmp_path, *TWICE), finding("b", 3), policy=policy("drop_subtree")) == ["a", "b"]


def test_replies_are_dropped_if_only_another_tree_has_the_id_of_their_parent(tmp_path):
    rows = [m("a"), m("b", "a"), m("c", "b"), m("x", tree="x"), m("b", "x", tree="x")]
    assert left(flat(tmp_path, *rows), finding("b", 2)) == ["a", "x", "b"]


def test_a_reply_to_a_message_of_another_tree_goes_with_that(tmp_path):
    rows = [m("a"), m("b", "a"), m("x", tree="x"), m("y", "b", tree="x")]
    assert left(flat(tmp_path, *rows), finding("b", 2)) == ["a", "x"]


def test_a_parent_that_was_missing_before_is_not_asked_for(tmp_path):
    rows = [m("a"), m("b", "a"), m("c", "nowhere")]
    assert left(flat(tmp_path, *rows), finding("b", 2)) == ["a", "c"]


def test_a_tree_that_loses_its_root_goes_whole(tmp_path):
    rows = [m("a"), m("b", "a"), m("c", "nowhere"), m("x", tree="x")]
    assert left(flat(tmp_path, *rows), finding("a", 1)) == ["x"]


def test_a_circle_goes_whole(tmp_path):
    rows = [m("a"), m("b", "c"), m("c", "b"), m("d", "c")]
    assert left(flat(tmp_path, *rows), finding("b", 2)) == ["a"]


def test_trees_scattered_over_a_file_are_recognised_by_their_ids(tmp_path):
    rows = [m("a"), m("x", tree="x"), m("b", "a"), m("y", "x", tree="x")]
    assert left(flat(tmp_path, *rows), finding("a", 1)) == ["x", "y"]


def test_all_messages_with_another_tree_state_are_dropped_for_one_finding(tmp_path):
    rows = [m("a"), m("b", "a", tree_state="growing"), m("c", "a"), m("d", "a", tree_state="growing")]
    rule = "schema_invariants/tree_state_mixed"
    assert left(flat(tmp_path, *rows), finding("b", 2, rule), policy=policy(rule=rule)) == ["a", "c"]


# -- the best of several ---------------------------------------------------------------------------------------------

MARKED = {"quality": LABELS | {"value": [0.9]}, "less": LABELS | {"value": [0.1]}}
BETTER = [
    ("split", {"split": "test"}, {"split": "train"}),
    ("split", {"split": "validation"}, {"split": None}),
    ("split", {"split": "test"}, {"split": "validation"}),
    ("rank", {"rank": 0}, {"rank": 1}),
    ("rank", {"rank": 7}, {"rank": None}),
    ("quality", {"labels": MARKED["quality"]}, {"labels": MARKED["less"]}),
    ("quality", {"labels": MARKED["less"]}, {"labels": None}),
    ("review", {"review_result": True}, {"review_result": None}),
    ("review", {"review_count": 4}, {"review_count": 3}),
    ("age", {"created_date": "2023-01-01T10:00:00+01:00"}, {"created_date": "2023-01-01T10:00:00+00:00"}),
    ("age", {"created_date": "2023-02-03T04:05:06+00:00"}, {"created_date": "soon"}),
    ("length", {"text": "longer"}, {"text": "long"}),
]


def test_of_two_copies_the_better_one_is_kept_and_the_criterion_named(tmp_path):
    for criterion, better, worse in BETTER:
        for is_first in [True, False]:
            with case(criterion, better, worse, is_first):
                (folder := tmp_path / f"{BETTER.index((criterion, better, worse))}{is_first}").mkdir()
                one, other = (better, worse) if is_first else (worse, better)
                rows = [message("a"), message("b", "a", **one), message("c", "a", **other)]
                out, _ = cleaned(
                    flat(folder, *rows), *copies(("c", 3, "b", 2)), policy=policy("keep_best", "near_duplicates")
                )
                (row,) = listed(out)
                kept, gone = ("b", "c") if is_first else ("c", "b")
                assert (row["message_id"], row["kept_message_id"], row["kept_by"]) == (uid(gone), uid(kept), criterion)


def test_the_copy_with_more_messages_below_it_is_kept(tmp_path):
    rows = [m("a"), m("b", "a", rank=0), m("c", "a", rank=1), m("d", "c")]
    out, _ = cleaned(flat(tmp_path, *rows), *copies(("c", 3, "b", 2)), policy=KEEP_BEST)
    assert by_name(listed(out), "kept_by") == {"b": "replies"}


def test_the_first_criterion_that_differs_decides(tmp_path):
    rows = [message("a"), message("b", "a", rank=0, text="short"), message("c", "a", rank=1, text="a longer one")]
    path = flat(tmp_path, *rows)
    by_length = policy("keep_best", "near_duplicates", keep_best_by=("length", "rank"))
    out, _ = cleaned(path, *copies(("c", 3, "b", 2)), policy=by_length)
    assert by_name(listed(out), "kept_by") == {"b": "length"}


def test_between_copies_that_differ_in_nothing_the_id_decides(tmp_path):
    rows = [m("a"), m("b", "a"), m("c", "a")]
    out, _ = cleaned(flat(tmp_path, *rows), *copies(("c", 3, "b", 2)), policy=KEEP_BEST)
    (row,) = listed(out)
    assert (row["kept_message_id"], row["kept_by"]) == (min(uid("b"), uid("c")), "id")


def test_of_a_cluster_one_is_kept(tmp_path):
    rows = [m("a"), m("b", "a"), m("c", "a", rank=0), m("d", "a")]
    findings = copies(("c", 3, "b", 2), ("d", 4, "b", 2))
    assert left(flat(tmp_path, *rows), *findings, policy=KEEP_BEST) == ["a", "c"]


def test_a_pair_of_two_clusters_does_not_join_them(tmp_path):
    rows = [m("a"), *(m(name, "a", rank=k) for k, name in enumerate("bcde"))]
    findings = [*copies(("c", 3, "b", 2), ("e", 5, "d", 4)), *copies(("d", 4, "b", 2), cluster="d")]
    assert left(flat(tmp_path, *rows), *findings, policy=KEEP_BEST) == ["a", "b", "e"]


def test_a_pair_across_two_clusters_includes_all_exact_duplicates_of_either(tmp_path):
    rows = [m("a"), *(m(name, "a", rank=k) for k, name in enumerate("bcde"))]
    twins = copies(("e", 5, "d", 4), jaccard="1.000")
    findings = [*copies(("c", 3, "b", 2)), *twins, *copies(("d", 4, "b", 2), cluster="d")]
    # Beside b neither d nor e could stay, and their text would be lost; c is no copy of it.
    assert left(flat(tmp_path, *rows), *findings, policy=KEEP_BEST) == ["a", "c", "d"]


def test_a_message_that_is_dropped_anyway_is_not_the_one_that_is_kept(tmp_path):
    rows = [m("a"), m("b", "a", rank=0), m("c", "a", rank=1)]
    both = Policy(rules={"near_duplicates": "keep_best", FAULT: "drop_message"}, keep_unique=False)
    assert left(flat(tmp_path, *rows), *copies(("c", 3, "b", 2)), finding("b", 2), policy=both) == ["a", "c"]


def test_of_two_trees_that_are_copies_one_stays_whole_though_each_has_a_better_half(tmp_path):
    rows = [m("a", rank=0), m("b", "a", rank=5), m("x", tree="x", rank=5), m("y", "x", tree="x", rank=0)]
    findings = copies(("x", 3, "a", 1), ("y", 4, "b", 2))
    assert left(flat(tmp_path, *rows), *findings, policy=KEEP_BEST) == ["a", "b"]


def test_a_copy_is_not_dropped_where_the_last_copy_of_another_text_would_go_with_it(tmp_path):
    # b and y are copies; b is below a, whose better copy is c, and y below x, whose better copy is d.
    rows = [m("r", tree="r"), m("c", "r", "r", rank=0), m("d", "r", "r", rank=0), m("a", rank=1), m("b", "a")]
    path = flat(tmp_path, *rows, m("x", tree="x", rank=1), m("y", "x", "x"))
    findings = copies(("c", 2, "a", 4), ("d", 3, "x", 6), ("y", 7, "b", 5))
    by_rank = policy("keep_best", "near_duplicates", keep_best_by=("rank",))
    out, _ = cleaned(path, *findings, policy=by_rank)
    texts = {json.loads(line)["text"] for line in (out / "data.jsonl").read_text().splitlines()}
    assert texts & {"b", "y"}
    assert len(texts & {"a", "c"}) == len(texts & {"d", "x"}) == 1
    assert "thread" in by_name(listed(out), "kept_by").values()


def test_a_copy_of_the_message_that_it_answers_goes(tmp_path):
    rows = [m("a"), m("b", "a", rank=0), m("c", "b")]
    out, _ = cleaned(flat(tmp_path, *rows), *copies(("b", 2, "a", 1)), policy=KEEP_BEST)
    assert by_name(listed(out), "kept_message_id") == {"b": "a", "c": ""}
    assert by_name(listed(out), "kept_by") == {"b": "thread", "c": ""}


def test_splits_that_only_the_findings_name_count(tmp_path):
    rows = [m("a"), m("b", "a", rank=0), m("c", "a", rank=1)]
    findings = copies(("c", 3, "b", 2), splits="test, train")
    assert left(flat(tmp_path, *rows), *findings, policy=KEEP_BEST) == ["a", "c"]


@pytest.mark.parametrize(("rank", "expected"), [(0, ["a", "b", "e"]), (9, ["a", "c", "d", "e"])])
def test_all_occurrences_of_a_stock_phrase_are_kept_or_dropped_together(tmp_path, rank, expected):
    rows = [m("a"), m("b", "a", rank=rank), m("c", "a", rank=1), m("d", "a", rank=2), m("e", "a", rank=3)]
    phrase = finding("c", 3, "near_duplicates/stock_phrase", NOTE, partner=("d", 4), count="2")
    assert left(flat(tmp_path, *rows), *copies(("c", 3, "b", 2)), phrase, policy=KEEP_BEST) == expected


def test_a_stock_phrase_has_no_best_copy(tmp_path):
    rule = "near_duplicates/stock_phrase"
    with pytest.raises(
        ValueError, match="stock_phrase: 'keep_best' needs findings with the facets cluster and partner"
    ):
        left(flat(tmp_path, *TREE), finding("b", 2, rule), policy=policy("keep_best", rule))


# -- language tags ---------------------------------------------------------------------------------------------------

WRONG = "lang_mismatch/wrong_language"
FIX = policy("fix_language", "lang_mismatch")


def test_a_language_tag_is_set_only_where_that_is_asked_for(tmp_path):
    path = flat(tmp_path, *TREE)
    out, done = cleaned(path, finding("b", 2, WRONG, detected="fi"), policy=FIX)
    before, after = (p.read_bytes().splitlines() for p in (path, out / "data.jsonl"))
    assert json.loads(after[1]) == json.loads(before[1]) | {"lang": "fi"}
    assert [*after[:1], *after[2:]] == [*before[:1], *before[2:]]
    assert done.retagged == 1


def test_set_language_tags_are_listed(tmp_path):
    out, _ = cleaned(flat(tmp_path, *TREE), finding("b", 2, WRONG, detected="fi"), policy=FIX)
    (row,) = listed(out, "changed.csv")
    assert (row["message_id"], row["old"], row["new"], row["reasons"]) == (uid("b"), "en", "fi", WRONG)


def test_there_is_no_list_of_changes_where_there_are_none(tmp_path):
    out, _ = cleaned(flat(tmp_path, *TREE), finding("b", 2))
    assert names_in(out) == ["data.jsonl", "dropped.csv", "policy.toml"]


def test_a_message_that_is_dropped_needs_no_language_tag(tmp_path):
    both = Policy(rules={"lang_mismatch": "fix_language", FAULT: "drop_message"})
    out, done = cleaned(flat(tmp_path, *TREE), finding("b", 2, WRONG, detected="fi"), finding("b", 2), policy=both)
    assert (done.retagged, (out / "changed.csv").exists()) == (0, False)


def test_a_finding_without_a_detected_language_sets_no_tag(tmp_path):
    with pytest.raises(ValueError, match="needs findings with the facet detected"):
        cleaned(flat(tmp_path, *TREE), finding("b", 2, WRONG), policy=FIX)


def test_a_format_without_language_tags_is_not_given_one(tmp_path):
    path = write(tmp_path / "data.jsonl", [{"instruction": "Say it", "output": "It"}])
    found = finding("b", 1, WRONG, detected="fi") | {"message_id": f"{path}:1#output"}
    with pytest.raises(ValueError, match="'instructions' has no language tags"):
        cleaned(path, found, policy=FIX)


def test_a_record_with_several_messages_is_not_given_the_language_of_one(tmp_path):
    texts = [{"text": f"Text {k}", "lang": "en"} for k in range(3)]
    path = write(tmp_path / "data.jsonl", [*texts, {"prompt": "Say it", "completion": "It", "lang": "en"}])
    found = finding("b", 4, WRONG, detected="fi") | {"message_id": f"{path}:4#completion"}
    with pytest.raises(ValueError, match="'documents' has no language tags"):
        cleaned(path, found, policy=FIX)


# -- texts that the audit did not read ------------------------------------------------------------------------------


REVIEWS = [
    {
        "prompt": "Which bird sings at night, and where does it live?",
        "critique": "The nightingale is only one of many.",
    },
    {
        "prompt": "Which bird sings at night, and where does it live?",
        "critique": "Robins do, under the lamps of a town.",
    },
    {"prompt": "How deep is the deepest lake that has a name?", "critique": "Baikal is meant, as every child knows."},
]


def reviewed(folder):
    """Write prompts with a field that is not read: the first two are copies but for it."""
    path = write(folder / "reviews.jsonl", REVIEWS)
    return path, run(path, checks=["near_duplicates", "schema_invariants"], engine="serial")


def test_copies_are_not_dropped_if_they_differ_in_a_text_that_was_not_read(tmp_path):
    path, record = reviewed(tmp_path)
    words = r"reviews\.jsonl: the policy would drop 1 message, but .*: critique \(\d\d\.\d % of characters\)\. "
    with pytest.raises(ValueError, match=words + r"Name .* \[format\], or under `others` .*; or pass --allow-unread$"):
        clean(record, [path], load_policy(), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    done = clean(record, [path], load_policy(), tmp_path / "out", allow_unread=True)
    assert (done.dropped, json.loads((tmp_path / "out" / "reviews.jsonl").read_text("utf-8").splitlines()[0])) == (
        1,
        REVIEWS[0],
    )


def test_a_policy_that_drops_nothing_of_a_source_may_leave_its_texts_unread(tmp_path):
    path, record = reviewed(tmp_path)
    other = write(tmp_path / "others.jsonl", [{"prompt": "Say it twice, please."}, {"prompt": "Say it twice, please."}])
    assert clean(record, [path], Policy(), tmp_path / "out").dropped == 0
    both = run(other, path, checks=["near_duplicates"], engine="serial")
    kept = Policy(rules={"near_duplicates": "keep_best"})
    with pytest.raises(ValueError, match=r"reviews\.jsonl: the policy would drop 1 message"):
        clean(both, [other, path], kept, tmp_path / "out 2")


def test_a_record_that_cannot_be_read_is_not_left_out_of_a_source_with_texts_that_were_not_read(tmp_path):
    path, _ = reviewed(tmp_path)
    path.write_bytes(path.read_bytes() + b"{broken")
    record = run(path, checks=["schema_invariants"], engine="serial")
    with pytest.raises(ValueError, match=r"reviews\.jsonl: the policy would drop 1 record, but"):
        clean(record, [path], Policy(), tmp_path / "out")
    assert clean(record, [path], Policy(), tmp_path / "out", allow_unread=True).lost == 1


def test_a_text_that_is_known_to_belong_to_no_message_is_no_reason_to_stop(tmp_path):
    path, _ = reviewed(tmp_path)
    mapped = Config(format=Spec(prompt="prompt", others="critique"))
    record = run(path, checks=["near_duplicates"], engine="serial", config=mapped)
    assert clean(record, [path], load_policy(), tmp_path / "out").dropped == 1


# -- formats ---------------------------------------------------------------------------------------------------------


def test_records_of_several_formats_in_one_file_are_read_as_the_audit_did(tmp_path):
    rows = [
        *({"instruction": f"Name river {k}", "output": f"River {k} is the Rhine"} for k in range(3)),
        {"text": "Rivers run into the sea"},
    ]
    path = write(tmp_path / "mixed.jsonl", rows)
    recognised = run(path, checks=["prompt_parroting"], engine="serial")
    assert (recognised.facts.messages, recognised.facts.sources[0].is_forced) == (7, False)
    clean(recognised, [path], policy(), tmp_path / "out")
    assert (tmp_path / "out" / "mixed.jsonl").read_bytes() == path.read_bytes()
    forced = run(path, checks=["prompt_parroting"], engine="serial", format="instructions")
    assert (forced.facts.messages, forced.facts.sources[0].is_forced) == (6, True)
    done = clean(forced, [path], policy(), tmp_path / "forced")
    assert done.messages == 6


ROWS = [*conversation("a", 2, labels=LABELS), *conversation("b", 1), *conversation("c", 3)]


def packed(path, data):
    """Pack the data as the path's name asks."""
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as stream:
            stream.write(data)
    else:
        pack = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(data))
    return path


def unpacked(path):
    data = path.read_bytes()
    if path.suffix == ".zst":
        assert data[:4] == b"\x28\xb5\x2f\xfd"
        return pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    return {".gz": gzip.decompress, ".xz": lzma.decompress, ".bz2": bz2.decompress}.get(path.suffix, bytes)(data)


def is_table(path):
    return any(suffix in path.name for suffix in (".parquet", ".arrow", ".feather"))


def filed(path, records):
    """Write a file of records in the form that its name asks for."""
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif is_table(path):
        table, sink = pa.Table.from_pylist(records), io.BytesIO()
        new = pa.ipc.new_file if ".feather" in path.name else pa.ipc.new_stream
        with new(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
        packed(path, sink.getvalue())
    elif ".jsonl" in path.name or path.suffix == ".ndjson":
        packed(path, b"".join(json.dumps(r).encode() + b"\n" for r in records))
    else:
        packed(path, json.dumps(records, indent=2).encode())
    return path


def records_of(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    data = unpacked(path)
    if is_table(path):
        open_ = pa.ipc.open_file if ".feather" in path.name else pa.ipc.open_stream
        return open_(data).read_all().to_pylist()
    return json.loads(data) if ".json" in path.suffixes else [json.loads(line) for line in data.splitlines()]


SUFFIXES = [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".parquet"]
SUFFIXES += [".ndjson", ".jsonl.xz", ".json.bz2", ".arrow", ".arrow.gz", ".feather"]


def line_of(path, number):
    """Return the place of a record: the arrays here have its brace on a line of its own."""
    if ".json" not in path.suffixes:
        return number
    starts = [k for k, line in enumerate(unpacked(path).splitlines(), 1) if line == b"  {"]
    return starts[number - 1]


def test_flat_messages_come_back_as_they_came(tmp_path):
    for suffix in SUFFIXES:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            path = filed(folder / f"data{suffix}", ROWS)
            before = records_of(path)
            out, done = cleaned(path, finding("a-1", line_of(path, 2)))
            assert records_of(out / path.name) == [before[0], *before[2:]]
            assert (done.messages, done.dropped) == (9, 1)


def test_nested_trees_come_back_as_they_came(tmp_path):
    for suffix in SUFFIXES:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            trees = [nest(ROWS[:3]), nest(ROWS[3:5]), nest(ROWS[5:])]
            for tree in trees if suffix == ".parquet" else ():  # which has no type for lists that are always empty
                for reply in tree["prompt"]["replies"]:
                    del reply["replies"]
            path = filed(folder / f"data{suffix}", trees)
            before = records_of(path)
            out, _ = cleaned(path, finding("a-1", line_of(path, 1)), finding("b", line_of(path, 2)))
            after = records_of(out / path.name)
            assert after[1:] == before[2:]
            assert after[0] == before[0] | {
                "prompt": before[0]["prompt"] | {"replies": before[0]["prompt"]["replies"][1:]}
            }


def test_documents_go_whole_with_what_they_answer(tmp_path):
    for suffix in SUFFIXES:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            path = filed(
                folder / f"data{suffix}", [{"id": f"d{k}", "text": "Text", "context": "Asked"} for k in range(3)]
            )
            before = records_of(path)
            out, done = cleaned(path, finding("d", line_of(path, 2)) | {"message_id": "d1"})
            assert records_of(out / path.name) == [before[0], before[2]]
            assert (done.messages, done.dropped) == (3, 1)


def test_an_instruction_goes_with_its_answer(tmp_path):
    for suffix in SUFFIXES:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            path = filed(
                folder / f"data{suffix}", [{"instruction": f"Do {k}", "output": f"Done {k}"} for k in range(3)]
            )
            before, line = records_of(path), line_of(path, 2)
            out, done = cleaned(path, finding("x", line) | {"message_id": f"{path}:{line}#output"})
            assert records_of(out / path.name) == [before[0], before[2]]
            assert (done.dropped, done.taken_along) == (2, 1)


def test_language_tags_are_set_in_every_form(tmp_path):
    for suffix in SUFFIXES:
        for form in ["flat", "nested", "documents"]:
            with case(suffix, form):
                (folder := tmp_path / f"{form}{suffix}").mkdir()
                flat_rows = conversation("a", 1)
                records = {
                    "flat": flat_rows,
                    "nested": [nest(flat_rows)],
                    "documents": [{"id": uid("a"), "text": "T", "lang": "en"}],
                }
                path = filed(folder / f"data{suffix}", records[form])
                out, _ = cleaned(path, finding("a", line_of(path, 1), WRONG, detected="fi"), policy=FIX)
                first, *rest = records_of(out / path.name)
                assert (first["prompt"] if form == "nested" else first)["lang"] == "fi"
                assert rest == records_of(path)[1:]


def test_rows_of_csv_come_back_as_they_came(tmp_path):
    head = 'id,"text" ,lang\r\n'
    rows = ['a, "x" ,en\r\n', 'b,"two\nlines",de\r\n', "\r\n", "wrong\r\n", 'c,"",\r\n', "d,last,"]
    for suffix, pack in ((".csv", bytes), (".csv.gz", gzip.compress)):
        (folder := tmp_path / f"case{suffix}").mkdir()
        path = folder / f"data{suffix}"
        path.write_bytes(pack((head + "".join(rows)).encode()))
        out, done = cleaned(path, finding("b", 2) | {"message_id": "b"})
        assert unpacked(out / path.name).decode() == head + "".join([*rows[:1], *rows[2:3], *rows[4:]])
        assert (done.dropped, done.lost) == (1, 1)


def test_a_language_tag_is_set_in_a_row_of_csv(tmp_path):
    path = tmp_path / "data.tsv"
    path.write_text('id\ttext\tlang\na\t"x ""y"""\ten\nb\tz\ten\n')
    out, _ = cleaned(path, finding("a", 1, WRONG, detected="fi") | {"message_id": "a"}, policy=FIX)
    assert (out / "data.tsv").read_text() == 'id\ttext\tlang\na\t"x ""y"""\tfi\nb\tz\ten\n'


def test_what_cannot_be_written_is_refused_and_nothing_is_left(tmp_path):
    record = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
    for name, data, what in (
        ("a.warc", b"".join(record % (len(text), text) for text in (b"one", b"two")), "a web archive"),
        ("a.json", b'{"data": [{"text": "one"}, {"text": "two"}]}', "records that are within one object"),
    ):
        (folder := tmp_path / name[2:]).mkdir()
        (folder / name).write_bytes(data)
        found = finding("x", 2) | {"message_id": f"{folder / name}:2"}
        with pytest.raises(ValueError, match=f"clean cannot write {what}. Convert it to JSON Lines"):
            cleaned(folder / name, found)
        assert not (folder / "out").exists()


def test_where_nothing_is_dropped_files_are_the_same_byte_for_byte(tmp_path):
    for suffix in SUFFIXES:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            path = filed(folder / f"data{suffix}", ROWS)
            out, done = cleaned(path)
            assert (out / path.name).read_bytes() == path.read_bytes()
            assert "nothing to drop" in done.lines()[0]


def test_records_in_which_nothing_changes_are_copied_byte_for_byte(tmp_path):
    odd = '{"lang": "en",  "text": "caf\\u00e9 \\ud83d", "number": 1.10e2, "role": "assistant", '
    odd += f'"message_id": "{uid("q")}", "parent_id": "{uid("a")}", "message_tree_id": "{uid("a")}"}}\r'
    path = write(tmp_path / "data.jsonl", [m("a"), m("b", "a"), odd, ""])
    out, _ = cleaned(path, finding("b", 2))
    lines = path.read_bytes().splitlines(keepends=True)
    assert (out / "data.jsonl").read_bytes() == b"".join([lines[0], *lines[2:]])


def test_an_array_keeps_its_layout(tmp_path):
    path = tmp_path / "data.json"
    path.write_text("[\n    " + ",\n    ".join(json.dumps(row) for row in TREE) + "\n]")
    out, _ = cleaned(path, finding("d", 5))
    kept = [row for row in TREE if row["text"] != "d"]
    assert (out / "data.json").read_text() == "[\n    " + ",\n    ".join(json.dumps(row) for row in kept) + "\n]\n"


def test_an_array_that_is_broken_is_written_whole(tmp_path):
    path = tmp_path / "data.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in TREE) + ",\n{\n]")
    out, done = cleaned(path)
    assert json.loads((out / "data.json").read_text()) == TREE
    assert done.lost == 1


def test_an_array_that_is_cut_short_is_not_cleaned(tmp_path):
    path = tmp_path / "data.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in TREE))
    with pytest.raises(ValueError, match=r"data\.json: the array is not closed: the file was cut short"):
        cleaned(path)


def test_the_trailing_comma_of_an_array_is_removed_if_the_policy_drops_repaired_records(tmp_path):
    path = tmp_path / "data.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in TREE) + ",\n]")
    record = run(path, checks=["schema_invariants"], engine="serial")
    clean(record, [path], policy(rule="schema_invariants/repaired_line"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "data.json").read_text()) == TREE


def test_one_object_of_a_file_stays_one(tmp_path):
    path = tmp_path / "data.json"
    path.write_text(json.dumps(nest(ROWS[:3]), indent=1))
    out, _ = cleaned(path, finding("a-1", 1))
    assert [reply["message_id"] for reply in json.loads((out / "data.json").read_text())["prompt"]["replies"]] == [
        uid("a-2")
    ]


def test_a_byte_order_mark_and_crlf_do_no_harm(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"".join(json.dumps(row).encode() + b"\r\n" for row in TREE))
    assert left(path, finding("b", 2)) == ["a", "d", "x", "y"]


def test_parquet_keeps_types_metadata_groups_and_codecs(tmp_path):
    table = pa.Table.from_pylist(ROWS)
    tagged = table["lang"].cast(pa.large_string()).dictionary_encode().cast(pa.dictionary(pa.int32(), pa.string()))
    table = table.set_column(table.column_names.index("lang"), "lang", tagged)
    table = table.replace_schema_metadata({"huggingface": '{"info": {}}'})
    path = tmp_path / "data.parquet"
    pq.write_table(table, path, row_group_size=4, compression={"text": "gzip", "role": "none", "lang": "zstd"})
    both = Policy(rules={"lang_mismatch": "fix_language", FAULT: "drop_message"})
    out, _ = cleaned(path, finding("a-1", 2), finding("c", 6, WRONG, detected="fi"), policy=both)
    before, after = pq.ParquetFile(path), pq.ParquetFile(out / "data.parquet")
    assert after.schema_arrow.equals(before.schema_arrow, check_metadata=True)
    assert [after.metadata.row_group(k).num_rows for k in range(3)] == [3, 4, 1]
    codecs = [
        [f.metadata.row_group(0).column(k).compression for k in range(f.metadata.num_columns)] for f in (before, after)
    ]
    assert codecs[0] == codecs[1]
    assert after.read()["lang"].to_pylist() == ["en", "en", "en", "en", "fi", "en", "en", "en"]


def test_a_tree_deeper_than_the_stack_of_python_is_pruned():
    node = {"message_id": "last", "replies": []}
    for k in range(5000, 0, -1):
        node = {"message_id": str(k), "replies": [node, {"message_id": f"{k}b"}]}
    tree = FORMATS["oasst_trees"]
    record = {"message_tree_id": "1", "prompt": node}
    made = tree.without(record, {2}, {})
    assert [row["message_id"] for row in tree.flatten(made, "")] == ["1", "2", "2b", "1b"]


def test_json_deeper_than_the_stack_of_python_is_written():
    value = [{"a": None, "b": [1.5, "é", True]}, {}, []]
    for _ in range(5000):
        value = {"replies": [value]}
    assert (
        rewrite._json(value) == b'{"replies":[' * 5000 + '[{"a":null,"b":[1.5,"é",true]},{},[]]'.encode() + b"]}" * 5000
    )


def test_a_value_in_a_tree_that_is_not_a_message_stays():
    record = {
        "message_tree_id": "a",
        "prompt": {"message_id": "a", "replies": [{"message_id": "b"}, "odd", {"message_id": "c"}]},
    }
    made = FORMATS["oasst_trees"].without(record, {1}, {})
    assert made["prompt"]["replies"] == ["odd", {"message_id": "c"}]


def test_pruning_leaves_the_record_that_was_given_alone():
    record = nest(ROWS[:3])
    before = copy.deepcopy(record)
    FORMATS["oasst_trees"].without(record, {1}, {0: "fi"})
    assert record == before


def test_what_is_written_into_a_dropped_message_goes_though_it_names_another_parent(tmp_path):
    tree = nest([m("a"), m("b", "a"), m("c", "b")])
    tree["prompt"]["replies"][0]["replies"][0]["parent_id"] = uid("a")
    out, _ = cleaned(write(tmp_path / "data.jsonl", [tree, nest([m("x", tree="x")])]), finding("b", 1))
    assert by_name(listed(out), "because_of") == {"b": "", "c": "b"}


def test_messages_with_one_id_in_a_record_are_distinguished_by_their_place(tmp_path):
    tree = nest([m("a"), m("b", "a"), m("c", "b"), m("b", "a")])
    path = write(tmp_path / "data.jsonl", [tree])
    record = run(path, checks=["schema_invariants"], engine="serial")
    clean(record, [path], policy(rule="schema_invariants/duplicate_id"), tmp_path / "out")
    (after,) = records_of(tmp_path / "out" / "data.jsonl")
    assert after == nest([m("a"), m("b", "a"), m("c", "b")])


def test_of_a_tree_that_occurs_twice_one_copy_is_left(tmp_path):
    tree = [m("a"), m("b", "a"), m("c", "b")]
    for records, left in [
        (tree * 2, tree),
        ([*tree, m("x", tree="x"), *tree], [*tree, m("x", tree="x")]),
        ([nest(tree)] * 2, [nest(tree)]),
    ]:
        with case(records):
            folder = tmp_path / str(len(records))
            folder.mkdir()
            path = write(folder / "data.jsonl", records)
            record = run(path, checks=["schema_invariants"], engine="serial")
            clean(record, [path], policy(rule="schema_invariants/duplicate_tree"), folder / "out")
            assert records_of(folder / "out" / "data.jsonl") == left


# -- records that are no messages ------------------------------------------------------------------------------------


def test_a_record_that_could_not_be_read_is_left_out_and_listed(tmp_path):
    path = write(tmp_path / "data.jsonl", [TREE[0], "{broken", *TREE[1:]])
    out, done = cleaned(path)
    assert records_of(out / "data.jsonl") == TREE
    assert [(row["line"], row["action"], row["reasons"]) for row in listed(out)] == [
        ("2", "could not be read", "schema_invariants/unreadable_line")
    ]
    assert (done.lost, done.dropped) == (1, 0)


def test_a_record_that_was_repaired_is_dropped_by_the_strict_policy_and_its_neighbour_is_not(tmp_path):
    broken = json.dumps(m("x", tree="x")).replace('"x"', '"x\tx"')
    path = write(tmp_path / "data.jsonl", [*conversation("a"), broken, m("y", tree="y")])
    record = run(path, checks=["schema_invariants"], engine="serial")
    clean(record, [path], load_policy("strict"), tmp_path / "out")
    assert records_of(tmp_path / "out" / "data.jsonl") == [*conversation("a"), m("y", tree="y")]


def test_a_reported_record_without_messages_is_left_out_and_listed(tmp_path):
    path = write(tmp_path / "data.jsonl", [nest(ROWS[:3]), {"message_tree_id": uid("x"), "prompt": "odd"}])
    record = run(path, checks=["schema_invariants"], engine="serial", format="oasst_trees")
    done = clean(record, [path], load_policy("strict"), tmp_path / "out")
    assert records_of(tmp_path / "out" / "data.jsonl") == [nest(ROWS[:3])]
    assert [(r["line"], r["action"], r["reasons"]) for r in listed(tmp_path / "out")] == [
        ("2", "drop_message", "schema_invariants/mistyped_field")
    ]
    assert (done.lost, done.dropped) == (1, 0)


def test_a_finding_about_no_message_leaves_its_record_out(tmp_path):
    tree = nest([m("a"), m("b", "a")])
    tree["prompt"]["replies"].append("odd")
    path = write(tmp_path / "data.jsonl", [tree, nest([m("x", tree="x")])])
    record = run(path, checks=["schema_invariants"], engine="serial")
    clean(record, [path], load_policy("strict"), tmp_path / "out")
    assert [r["message_tree_id"] for r in records_of(tmp_path / "out" / "data.jsonl")] == [uid("x")]


# -- what is written -------------------------------------------------------------------------------------------------


def test_every_dropped_message_is_listed_with_its_reasons(tmp_path):
    path = flat(tmp_path, *TREE)
    out, _ = cleaned(
        path, finding("b", 2), finding("b", 2, "schema_invariants/date_format"), policy=policy(rule="schema_invariants")
    )
    place = {"source": str(path), "tree_id": uid("a")}
    no_copy = {"kept_message_id": "", "kept_by": "", "found_elsewhere": "no"}
    both = "schema_invariants/date_format; schema_invariants/label_range"
    own = {"line": "2", "message_id": uid("b"), "action": "drop_message", "reasons": both, "because_of": ""}
    reply = {
        "line": "3",
        "message_id": uid("c"),
        "action": "dropped with another",
        "reasons": "",
        "because_of": uid("b"),
    }
    assert listed(out) == [place | own | no_copy, place | reply | no_copy]


def test_no_cell_is_taken_for_a_formula(tmp_path):
    for start in ["=", "+", "-", "@", "\t", "\r"]:
        with case(start):
            (folder := tmp_path / f"{ord(start)}").mkdir()
            path = flat(folder, m("a"), m("b", "a", message_id=f"{start}HYPERLINK(1)"))
            out, _ = cleaned(path, finding("b", 2) | {"message_id": f"{start}HYPERLINK(1)"})
            assert listed(out)[0]["message_id"] == f"'{start}HYPERLINK(1)"


def test_the_policy_is_kept_with_the_data(tmp_path):
    out, _ = cleaned(flat(tmp_path, *TREE), finding("b", 2), policy=KEEP_BEST)
    assert load_policy(out / "policy.toml") == KEEP_BEST


def test_the_result_is_summarised_in_words(tmp_path):
    both = Policy(rules={"near_duplicates": "keep_best", FAULT: "drop_message"}, keep_unique=False)
    path = write(tmp_path / "data.jsonl", [*TREE, "{broken"])
    findings = [*copies(("d", 4, "a", 1)), finding("b", 2), finding("c", 3, "schema_invariants/date_format")]
    out, done = cleaned(path, *findings, policy=both)
    assert done.lines() == [
        f"{out}: 3 of 6 messages kept, 3 dropped",
        "dropped by rule (a message may break several):",
        "  near_duplicates/exact_copy: 1 message; text found nowhere else: 1",
        "  schema_invariants/label_range: 1 message, 1 along with them; text found nowhere else: 2",
        "dropped along with these: 1 message, mostly replies to them",
        "text found nowhere else: 3 of 3 dropped",
        "duplicates dropped in 1 group",
        "1 record left out: unreadable, or without a message",
        "kept by the policy: 1 finding of schema_invariants/date_format",
        "dropped.csv lists every dropped message with the reason",
    ]


def test_an_audit_of_the_folder_reads_only_the_data(tmp_path):
    out, _ = cleaned(flat(tmp_path, *TREE), finding("b", 2))
    again = run(out, checks=["schema_invariants"], engine="serial")
    assert [Path(source.name).name for source in again.facts.sources] == ["data.jsonl"]
    assert again.facts.messages == 4


def test_files_are_called_as_they_were_below_the_folder_that_they_share(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "in" / name).mkdir(parents=True)
        filed(tmp_path / "in" / name / "data.jsonl", conversation(name))
    record = run(tmp_path / "in", checks=["prompt_parroting"], engine="serial")
    clean(record, [tmp_path / "in"], Policy(), tmp_path / "out")
    assert sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.jsonl")) == [
        "one/data.jsonl",
        "two/data.jsonl",
    ]


def test_a_folder_named_after_a_split_stays(tmp_path):
    (tmp_path / "test").mkdir()
    path = filed(tmp_path / "test" / "data.jsonl", ROWS)
    clean(record_of(path), [path], Policy(), tmp_path / "out")
    assert (tmp_path / "out" / "test" / "data.jsonl").is_file()


def test_a_file_without_a_known_ending_is_given_one(tmp_path):
    path = packed(tmp_path / "data.gz", b"".join(json.dumps(r).encode() + b"\n" for r in ROWS))
    out, _ = cleaned(path)
    assert (out / "data.gz.jsonl.gz").read_bytes() == path.read_bytes()


def test_files_that_are_the_same_keep_their_names(tmp_path):
    one, two = filed(tmp_path / "one.jsonl", conversation("a")), filed(tmp_path / "two.jsonl", conversation("a"))
    record = copy.copy(run(one, two, checks=["prompt_parroting"], engine="serial"))
    record.table = pa.Table.from_pylist([finding("a-1", 2, source=str(two))], schema=FINDINGS)
    clean(record, [two, one], policy(), tmp_path / "out")
    assert [len(records_of(tmp_path / "out" / name)) for name in ("one.jsonl", "two.jsonl")] == [3, 2]


def test_progress_covers_both_passes_over_the_data(tmp_path):
    path, progress = flat(tmp_path, *TREE), RecordingProgress()
    clean(record_of(path, finding("b", 2)), [path], policy(), tmp_path / "out", progress=progress)
    assert progress.read == progress.n_bytes == 2 * path.stat().st_size


def test_a_check_that_did_not_finish_is_reported(tmp_path):
    path = flat(tmp_path, *TREE)
    record = record_of(path)
    check = next(check for check in record.facts.checks if check.name == "prompt_parroting")
    record.facts = msgspec.structs.replace(record.facts, checks=[msgspec.structs.replace(check, error="no memory")])
    done = clean(record, [path], policy(), tmp_path / "out")
    assert done.lines()[-1].startswith("prompt_parroting did not finish in the audit")


def test_a_source_of_which_nothing_is_left_has_no_file(tmp_path):
    one, two = filed(tmp_path / "one.jsonl", conversation("a", 0)), filed(tmp_path / "two.jsonl", conversation("b"))
    record = copy.copy(run(one, two, checks=["prompt_parroting"], engine="serial"))
    record.table = pa.Table.from_pylist([finding("a", 1, source=str(one))], schema=FINDINGS)
    done = clean(record, [one, two], policy(), tmp_path / "out")
    assert names_in(tmp_path / "out") == ["dropped.csv", "policy.toml", "two.jsonl"]
    assert done.emptied == [str(one)]


def test_replies_in_one_file_go_with_a_message_in_another(tmp_path):
    one, two = (
        filed(tmp_path / "one.jsonl", [m("a"), m("b", "a")]),
        filed(tmp_path / "two.jsonl", [m("c", "b"), m("d", "a")]),
    )
    record = copy.copy(run(one, two, checks=["prompt_parroting"], engine="serial"))
    record.table = pa.Table.from_pylist([finding("b", 2, source=str(one))], schema=FINDINGS)
    clean(record, [one, two], policy(), tmp_path / "out")
    assert records_of(tmp_path / "out" / "two.jsonl") == [m("d", "a")]


# -- what is refused -------------------------------------------------------------------------------------------------


def nothing_written(folder, before):
    return sorted(folder.iterdir()) == before


def test_a_policy_that_would_drop_everything_is_refused(tmp_path):
    path = flat(tmp_path, *TREE)
    record, before = record_of(path, finding("a", 1), finding("x", 5)), sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match="would drop all 6 messages; nothing was written"):
        clean(record, [path], policy(), tmp_path / "out")
    assert nothing_written(tmp_path, before)


def test_a_folder_that_is_not_empty_is_refused(tmp_path):
    path = flat(tmp_path, *TREE)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(FileExistsError, match="out already exists"):
        clean(record_of(path), [path], policy(), tmp_path / "out")
    assert names_in(tmp_path / "out") == ["mine"]


def test_a_folder_within_a_source_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    path = flat(tmp_path / "in", *TREE)
    with pytest.raises(ValueError, match=r"out is inside the source .*: the next audit of that would read both"):
        clean(record_of(path), [tmp_path / "in"], policy(), tmp_path / "in" / "out")
    assert names_in(tmp_path / "in") == ["data.jsonl"]


def test_a_file_in_place_of_the_folder_is_left_alone(tmp_path):
    path = flat(tmp_path, *TREE)
    (tmp_path / "out").write_text("mine")
    with pytest.raises(FileExistsError, match="out already exists"):
        clean(record_of(path), [path], policy(), tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    assert left(flat(tmp_path, *TREE), finding("b", 2)) == ["a", "d", "x", "y"]


class Full:
    """A file on a full disk."""

    def __init__(self, file):
        self.file, self.closed = file, False

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def opened(path, mode="r", **options):
        file = open(path, mode, **options)  # noqa: SIM115
        return Full(file) if "w" in mode else file

    for suffix in [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".parquet"]:
        with case(suffix):
            (folder := tmp_path / f"case{suffix}").mkdir()
            path = filed(folder / f"data{suffix}", ROWS)
            record, before = record_of(path, finding("a-1", line_of(path, 2))), sorted(folder.iterdir())
            with monkeypatch.context() as patch:
                patch.setattr(rewrite, "open", opened, raising=False)
                with pytest.raises(OSError, match="No space left") as caught:
                    clean(record, [path], policy(), folder / "deep" / "out")
            assert caught.value.filename == str(folder / "deep" / "out")
            assert nothing_written(folder, before)


def test_a_disk_that_is_full_while_a_file_is_copied_leaves_nothing_behind(tmp_path, monkeypatch):
    path = flat(tmp_path, *TREE)
    record, before = record_of(path), sorted(tmp_path.iterdir())

    def copyfile(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    monkeypatch.setattr(cleaning.shutil, "copyfile", copyfile)
    with pytest.raises(OSError, match="No space left"):
        clean(record, [path], policy(), tmp_path / "out")
    assert nothing_written(tmp_path, before)


def test_an_interrupt_leaves_nothing_behind(tmp_path, monkeypatch):
    path = flat(tmp_path, *TREE)
    record, before = record_of(path, finding("b", 2)), sorted(tmp_path.iterdir())

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cleaning.spreadsheet, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        clean(record, [path], policy(), tmp_path / "out")
    assert nothing_written(tmp_path, before)


def test_a_file_that_has_changed_is_refused(tmp_path):
    path = flat(tmp_path, *TREE)
    record = record_of(path)
    write(path, TREE[:2])
    with pytest.raises(LookupError, match=r"data\.jsonl has changed since it was audited"):
        clean(record, [path], policy(), tmp_path / "out")


def test_a_file_that_is_missing_is_named(tmp_path):
    one, two = filed(tmp_path / "one.jsonl", conversation("a")), filed(tmp_path / "two.jsonl", conversation("b"))
    record = run(one, two, checks=["prompt_parroting"], engine="serial")
    with pytest.raises(LookupError, match=r"two\.jsonl is not among the given files\. Pass all files"):
        clean(record, [one], policy(), tmp_path / "out")


def test_a_file_that_was_not_audited_is_refused(tmp_path):
    one, two = filed(tmp_path / "one.jsonl", conversation("a")), filed(tmp_path / "two.jsonl", conversation("b"))
    with pytest.raises(LookupError, match=r"two\.jsonl was not audited"):
        clean(record_of(one), [one, two], policy(), tmp_path / "out")


def test_files_are_recognised_by_their_checksums_and_not_by_their_names(tmp_path):
    path = flat(tmp_path, *TREE)
    record = record_of(path, finding("b", 2))
    path.rename(tmp_path / "moved.jsonl")
    clean(record, [tmp_path / "moved.jsonl"], policy(), tmp_path / "out")
    assert [row["text"] for row in records_of(tmp_path / "out" / "moved.jsonl")] == ["a", "d", "x", "y"]


def test_a_source_that_was_not_read_to_its_end_is_refused(tmp_path):
    path = packed(tmp_path / "data.jsonl.gz", b"".join(json.dumps(r).encode() + b"\n" for r in ROWS))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="did not read all of its sources"):
        clean(record_of(path), [path], policy(), tmp_path / "out")


def test_a_redacted_audit_is_refused(tmp_path):
    path = flat(tmp_path, *TREE)
    record = redacted(run(path, checks=["prompt_parroting"], engine="serial"))
    with pytest.raises(ValueError, match="is redacted"):
        clean(record, [path], policy(), tmp_path / "out")


# -- laws ------------------------------------------------------------------------------------------------------------


@st.composite
def forests(draw):
    """Draw trees of up to six messages, as flat rows, and the messages that are to be dropped."""
    rows = []
    for t in range(draw(st.integers(1, 4))):
        names = [f"t{t}-{k}" for k in range(draw(st.integers(1, 6)))]
        for k, name in enumerate(names):
            parent = names[draw(st.integers(0, k - 1))] if k else None
            rows.append(m(name, parent, tree=names[0]))
    return (
        rows,
        draw(st.sets(st.integers(0, len(rows) - 1))),
        draw(st.sampled_from(["drop_message", "drop_subtree", "drop_tree"])),
    )


def kept_of(rows, drops, action):
    """Work out what is kept, the slow and obvious way."""
    gone = {rows[k]["message_id"] for k in drops}
    if action == "drop_tree":
        trees = {rows[k]["message_tree_id"] for k in drops}
        gone = {row["message_id"] for row in rows if row["message_tree_id"] in trees}
    while more := {r["message_id"] for r in rows if r["parent_id"] in gone} - gone:
        gone |= more
    return [row for row in rows if row["message_id"] not in gone]


@pytest.mark.parametrize("is_nested", [False, True])
@settings(max_examples=25)
@given(drawn=forests(), shuffled=st.randoms(use_true_random=False))
def test_cleaning_keeps_all_that_needs_no_dropped_message_and_leaves_no_dangling_parent(
    tmp_path_factory, is_nested, drawn, shuffled
):
    rows, drops, action = drawn
    trees = list(dict.fromkeys(row["message_tree_id"] for row in rows))
    if not is_nested:  # order means nothing
        keys = list(range(len(rows)))
        shuffled.shuffle(keys)
        drops, rows = {keys.index(k) for k in drops}, [rows[k] for k in keys]
    expected = kept_of(rows, drops, action)
    if not expected:
        return
    records = [nest([r for r in rows if r["message_tree_id"] == tree]) for tree in trees] if is_nested else rows
    path = write(tmp_path_factory.mktemp("forest") / "data.jsonl", records)
    lines = [trees.index(row["message_tree_id"]) + 1 if is_nested else k for k, row in enumerate(rows, 1)]
    out, _ = cleaned(path, *(finding(rows[k]["text"], lines[k]) for k in drops), policy=policy(action))
    after = records_of(out / "data.jsonl")
    if is_nested:
        after = [row for record in after for row in FORMATS["oasst_trees"].flatten(record, "")]
        assert sorted(r["message_id"] for r in after) == sorted(r["message_id"] for r in expected)
    else:
        assert after == expected


@settings(max_examples=40)
@given(drawn=forests(), seed=st.integers(0, 10**6))
def test_of_copies_one_is_kept_or_none_could_be_and_no_two(tmp_path_factory, drawn, seed):
    rows, drops, _ = drawn
    rng = random.Random(seed)
    names = [row["text"] for row in rows]
    groups = [rng.sample(range(len(rows)), min(len(rows), rng.choice([2, 2, 3]))) for _ in range(rng.randint(1, 4))]
    groups = [sorted(g) for g in groups if len(g) > 1]
    # Each message is of one group at most, as texts are of one cluster.
    taken, disjoint = set(), []
    for group in groups:
        if not taken & set(group):
            disjoint.append(group)
            taken |= set(group)
    findings = [f for g in disjoint for k in g[1:] for f in copies((names[k], k + 1, names[g[0]], g[0] + 1))]
    forced = kept_of(rows, drops, "drop_message")
    if not forced:
        return
    path = write(tmp_path_factory.mktemp("copies") / "data.jsonl", rows)
    both = Policy(rules={"near_duplicates": "keep_best", FAULT: "drop_message"}, keep_unique=False)
    out, _ = cleaned(path, *findings, *(finding(names[k], k + 1) for k in drops), policy=both)
    after = {row["text"] for row in records_of(out / "data.jsonl")}
    parents = {row["message_id"]: row["parent_id"] for row in rows}
    assert all(parents[uid(name)] is None or parents[uid(name)] in map(uid, after) for name in after)
    for group in disjoint:
        assert len(after & {names[k] for k in group}) <= 1
    # The root of the first tree that stays: what is dropped is a copy, or is below one.
    copied = {names[k] for group in disjoint for k in group}
    assert {
        row["text"] for row in kept_of(rows, {k for k, n in enumerate(names) if n in copied} | drops, "drop_message")
    } <= after


# -- releases --------------------------------------------------------------------------------------------------------


@needs_shared
@pytest.mark.parametrize("form", [(), ("--trees", "--gzip")], ids=["flat", "trees"])
def test_a_planted_release_that_was_cleaned_has_no_finding_above_a_note(tmp_path, form):
    tool = SHARED / "tools" / "make_release.py"
    command = [sys.executable, str(tool), "--messages", "2000", "--seed", "1", "--out", str(tmp_path / "in"), *form]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = [p for p in (tmp_path / "in").iterdir() if p.name.startswith(("messages", "trees"))]
    record = run(path)
    assert any(severity > NOTE for severity in record.table["severity"].to_pylist())
    done = clean(record, [path], load_policy("strict"), tmp_path / "out")
    again = run(tmp_path / "out")
    above = {row["rule"] for row in again.table.to_pylist() if row["severity"] > NOTE}
    assert above <= LEFT_TO_PEOPLE
    assert again.facts.messages == done.messages - done.dropped
    assert done.dropped < 0.15 * done.messages


def test_the_release_of_the_demo_that_was_cleaned_has_no_finding_above_a_note(released, tmp_path):
    _, record = released
    path = Path(record.facts.sources[0].name)
    done = clean(record, [path], load_policy("strict"), tmp_path / "out")
    again = run(tmp_path / "out", engine="serial")
    above = {row["rule"] for row in again.table.to_pylist() if row["severity"] > NOTE}
    assert above <= LEFT_TO_PEOPLE
    assert set(done.left) <= LEFT_TO_PEOPLE
