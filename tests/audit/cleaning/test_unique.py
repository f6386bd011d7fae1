"""Cleaning by the default policy: what is found nowhere else stays."""

import csv
import json
import random
from itertools import permutations

import pytest
from building import message, nest, uid, write
from cases import case
from chataudit.audit.cleaning.policy import Policy
from chataudit.audit.run import run
from hypothesis import given, settings
from hypothesis import strategies as st

PEAR = "How do I keep the pears of my old tree fresh until the first days of spring?"
COOL = "Wrap each one in paper and lay them in a cool cellar, so that no two of them touch."
DRY = "Slice and dry them on the stove; whole pears rarely last beyond the new year."
ASK = "And what may I do with those that have already gone soft and brown on one side?"
JAM = "Cut the brown part out and boil the rest with a little lemon to a thick jam."
CIDER = "Press them for cider; a few soft ones do no harm if you drink it within the week."
KEEP_COPIES = Policy(rules={"near_duplicates": "keep_best"})


def audited(folder, *records):
    return run(write(folder / "data.jsonl", records), checks=["near_duplicates", "schema_invariants"], engine="serial")


def kept(folder, *records, policy="default"):
    """Return the numbers of the records that are left, from 0 on."""
    cleaned = audited(folder, *records).clean(folder / "out", policy=policy)
    left = [json.loads(line) for line in (folder / "out" / "data.jsonl").read_text("utf-8").splitlines()]
    assert cleaned.kept_records == len(left)
    numbers, rest = [], list(enumerate(records))
    for each in left:  # in order, so that equal records are told apart by their number
        number, _ = rest.pop(next(k for k, (_, record) in enumerate(rest) if record == each))
        numbers.append(number)
    return numbers


def chat(*texts):
    turns = zip(("user", "assistant") * len(texts), texts, strict=False)
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


def pair(chosen, rejected):
    return {"prompt": PEAR, "chosen": chosen, "rejected": rejected}


def listed(folder, name):
    with open(folder / "out" / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_records_are_dropped_only_if_all_of_them_is_found_elsewhere(tmp_path):
    for name, records, expected in [
        ("copies", [chat(PEAR, COOL)] * 4, [0]),
        ("another answer", [chat(PEAR, COOL), chat(PEAR, COOL), chat(PEAR, DRY)], [0, 2]),
        ("every order", [chat(PEAR, DRY), chat(PEAR, COOL), chat(PEAR, COOL)], [0, 1]),
        ("half a copy", [chat(PEAR, COOL), chat(PEAR, COOL, ASK, JAM)], [1]),
        ("two halves", [chat(PEAR, COOL), chat(ASK, JAM), chat(PEAR, COOL, ASK, JAM)], [1, 2]),
        ("paths of one tree", [chat(PEAR, COOL, ASK, JAM), chat(PEAR, COOL, ASK, CIDER), chat(PEAR, DRY)], [0, 1, 2]),
        ("rows of answers", [chat(PEAR, COOL), chat(PEAR, DRY), chat(ASK, COOL), chat(ASK, DRY)], [0, 1, 2, 3]),
        ("pairs of three answers", [pair(COOL, DRY), pair(COOL, JAM), pair(DRY, JAM)], [0, 1, 2]),
        ("pairs judged both ways", [pair(COOL, DRY), pair(DRY, COOL), pair(COOL, DRY)], [0, 1]),
        ("case and space", [chat(PEAR, COOL), chat(PEAR.upper(), f"{COOL}\n")], [0]),
        ("signs", [chat(PEAR, "a + b + c + d + e + f"), chat(PEAR, "a + b - c + d + e + f")], [0, 1]),
        ("an image", [{"messages": [_with_image(), chat(PEAR, COOL)["messages"][1]]}] * 2, [0, 1]),
        ("tools", [{**chat(PEAR, COOL), "tools": [_tool(name)]} for name in ("scale", "scale", "oven")], [0, 2]),
        ("an empty record", [chat(PEAR, COOL), chat(ASK, " "), chat(ASK, JAM)], [0, 2]),
        ("documents", [{"text": COOL}, {"text": DRY}, {"text": COOL}], [0, 1]),
    ]:
        with case(name):
            (folder := tmp_path / name).mkdir()
            assert kept(folder, *records) == expected


def _with_image():
    image = {"type": "image_url", "image_url": {"url": "pears.png"}}
    return {"role": "user", "content": [{"type": "text", "text": PEAR}, image]}


def _tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {}}}


def m(name, text, parent=None, tree="a", **more):
    return message(name, parent, text=text, message_tree_id=uid(tree), **more)


def test_a_copy_in_a_tree_goes_alone_and_stays_with_replies_found_nowhere_else(tmp_path):
    tree = [m("a", PEAR), m("b", COOL, "a"), m("c", DRY, "a")]
    for name, other, expected in [
        ("all of it", [m("x", PEAR, tree="x"), m("y", COOL, "x", "x")], [0, 1, 2]),
        ("another reply", [m("x", PEAR, tree="x"), m("y", JAM, "x", "x")], [0, 1, 2, 3, 4]),
        ("a reply to another prompt", [m("x", ASK, tree="x"), m("y", COOL, "x", "x")], [0, 1, 2, 3]),
        ("a deeper reply", [m("x", ASK, tree="x"), m("y", COOL, "x", "x"), m("z", ASK, "y", "x")], [0, 2, 3, 4, 5]),
    ]:
        with case(name):
            (folder := tmp_path / name).mkdir()
            assert kept(folder, *tree, *other) == expected


def test_a_repeated_tree_is_dropped_and_a_repeated_id_with_another_text_is_not(tmp_path):
    tree = [m("a", PEAR), m("b", COOL, "a")]
    for name, records, expected in [
        ("flat", tree * 2, [0, 1]),
        ("nested", [nest(tree)] * 2, [0]),
        ("another text", [*tree, m("b", DRY, "a")], [0, 1, 2]),
    ]:
        with case(name):
            (folder := tmp_path / name).mkdir()
            assert kept(folder, *records) == expected


def test_near_duplicates_and_other_faults_are_kept_and_counted(tmp_path):
    rows = [m("a", PEAR), m("b", COOL, "a"), m("x", ASK, tree="x"), m("y", f"{COOL} Good luck!", "x", "x", rank=-1)]
    dry = audited(tmp_path, *rows).clean()
    assert dry.dropped == 0
    assert dry.left == {"near_duplicates/near_copy": 1, "schema_invariants/rank_range": 1}
    assert dry.lines() == [
        "dry run, nothing written: nothing to drop",
        "kept by the policy: 1 finding of near_duplicates/near_copy",
        "kept by the policy: 1 finding of schema_invariants/rank_range",
    ]


def test_keep_best_keeps_near_duplicates_unless_the_policy_gives_up_what_is_unique(tmp_path):
    rows = [m("a", PEAR), m("b", COOL, "a"), m("c", f"{COOL} Good luck!", "a")]
    record = audited(tmp_path, *rows)
    assert record.clean(policy=KEEP_COPIES).dropped == 0
    assert record.clean(policy=KEEP_COPIES).kept_copies == {"near_duplicates/near_copy": 1}
    lossy = record.clean(policy=Policy(rules=KEEP_COPIES.rules, keep_unique=False))
    assert (lossy.dropped, lossy.found_nowhere_else) == (1, 1)


def test_a_dry_run_counts_what_a_run_drops_and_writes_nothing(tmp_path):
    record = audited(tmp_path, chat(PEAR, COOL), chat(PEAR, COOL), chat(PEAR, DRY), chat(ASK, ""), "{broken")
    before = sorted(tmp_path.iterdir())
    for policy in ("default", "strict"):
        dry = record.clean(policy=policy)
        assert sorted(tmp_path.iterdir()) == before
        done = record.clean(tmp_path / policy, policy=policy)
        assert (dry.by_rule, dry.found_nowhere_else, dry.lost) == (done.by_rule, done.found_nowhere_else, 1)
        assert dry.lines()[1:4] == done.lines()[1:4]
        assert dry.lines()[0].startswith("dry run, nothing written: ")
        before = sorted(tmp_path.iterdir())


def test_the_summary_says_by_rule_what_falls_and_what_is_found_nowhere_else(tmp_path):
    dry = audited(tmp_path, chat(PEAR, COOL), chat(PEAR, COOL), chat(PEAR, DRY), chat(ASK, "")).clean()
    assert dry.lines() == [
        "dry run, nothing written: 4 of 8 messages kept in 2 of 4 records, 4 dropped",
        "dropped by rule (a message may break several):",
        "  near_duplicates/exact_copy: 1 message, 1 along with them; text found nowhere else: 0",
        "  schema_invariants/empty_text: 1 message, 1 along with them; text found nowhere else: 1",
        "dropped along with these: 2 messages, mostly replies to them",
        "text found nowhere else: 1 of 4 dropped",
        "duplicates dropped in 1 group",
    ]


def test_copies_that_are_kept_are_listed_with_what_would_be_lost(tmp_path):
    rows = [m("a", PEAR), m("b", COOL, "a"), m("x", PEAR, tree="x"), m("y", DRY, "x", "x")]
    others = [m(f"{k}", f"Question {k} of a quiz about fruit", tree=f"{k}") for k in range(9)]  # else as a rule
    audited(tmp_path, *rows, *others).clean(tmp_path / "out")
    (row,) = listed(tmp_path, "kept.csv")
    copy, reply = ("x", "y") if row["message_id"] == uid("x") else ("a", "b")
    assert (row["message_id"], row["would_be_lost"]) == (uid(copy), uid(reply))
    assert {row["copy_of"], row["message_id"]} == {uid("a"), uid("x")}
    assert row["reasons"] == "near_duplicates/exact_copy"
    assert not (tmp_path / "out" / "changed.csv").exists()


def test_the_list_says_which_dropped_texts_are_found_elsewhere(tmp_path):
    audited(tmp_path, chat(PEAR, COOL), chat(PEAR, COOL), chat(ASK, "")).clean(tmp_path / "out")
    assert [(row["line"], row["found_elsewhere"]) for row in listed(tmp_path, "dropped.csv")] == [
        *[("2", "yes")] * 2,
        *[("3", "no"), ("3", "")],
    ]


@pytest.mark.parametrize("better", [{"rank": 0}, {"review_count": 5}, {"created_date": "2020-01-01T00:00:00+00:00"}])
def test_the_better_of_two_copies_is_kept(tmp_path, better):
    for number in (1, 2):
        (folder := tmp_path / str(number)).mkdir()
        rows = [m("a", PEAR), m("b", COOL, "a"), m("c", COOL, "a")]
        rows[number] |= better
        assert kept(folder, *rows) == [0, number]


def test_the_order_of_records_does_not_change_what_is_kept(tmp_path):
    records = [chat(PEAR, COOL), chat(PEAR, COOL), chat(PEAR, DRY), chat(PEAR, COOL, ASK, JAM), chat(ASK, JAM)]
    found = set()
    for number, order in enumerate(permutations(range(len(records)), len(records))):
        if number % 9 == 0:
            (folder := tmp_path / str(number)).mkdir()
            left = kept(folder, *(records[k] for k in order))
            found.add(json.dumps(sorted(json.dumps(records[order[k]]) for k in left)))
    assert len(found) == 1


TEXTS = st.sampled_from([PEAR, COOL, DRY, ASK, JAM])


@settings(max_examples=30)
@given(data=st.data(), form=st.sampled_from(["chats", "trees", "flat"]), seed=st.integers(0, 99))
def test_no_text_is_lost_and_no_record_is_kept_twice(tmp_path_factory, data, form, seed):
    folder = tmp_path_factory.mktemp("unique")
    drawn = data.draw(st.lists(st.lists(TEXTS, min_size=2, max_size=4), min_size=2, max_size=8))
    if form == "chats":
        records = [chat(*texts) for texts in drawn]
    else:
        rng = random.Random(seed)
        trees = [
            [m(f"{t}-{k}", text, f"{t}-{rng.randrange(k)}" if k else None, f"{t}-0") for k, text in enumerate(texts)]
            for t, texts in enumerate(drawn)
        ]
        records = [nest(rows) for rows in trees] if form == "trees" else [row for rows in trees for row in rows]
    record = audited(folder, *records)
    done = record.clean(folder / "out", policy=KEEP_COPIES)
    again = run(folder / "out", checks=["near_duplicates"], engine="serial")
    lines = (folder / "out" / "data.jsonl").read_text("utf-8")
    assert {text for texts in drawn for text in texts} == {
        text for text in [PEAR, COOL, DRY, ASK, JAM] if text in lines
    }
    assert (done.found_nowhere_else, again.facts.messages) == (0, done.messages - done.dropped)
    if form == "chats":
        left = [json.dumps(json.loads(line)["messages"]) for line in lines.splitlines()]
        assert len(left) == len(set(left))
