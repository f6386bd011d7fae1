"""annotators: effects of contributors and raters, and what data do not say about them."""

import numpy as np
import pytest
from building import SHARED, audit, message, needs_shared, uid
from chataudit import run
from chataudit.checks.annotators.check import Annotators
from chataudit.checks.annotators.contributors import (
    UNKNOWN,
    Work,
    bursts,
    fast_typing,
    own_answers,
    volume,
    without_imports,
)
from chataudit.checks.annotators.ratings import constant_trees, discovered, ranks_and_quality

EFFECTS = SHARED / "data" / "truth" / "annotators" / "effects"
RULE_OF = {
    "dominant_author": "concentration",
    "burst": "burst",
    "near_identical_author": "repeats_oneself",
    "own_prompt": "own_answers",
    "fast_typing": "typing_speed",
    "rank_contradiction": "rank_contradicts_label",
    "top_value_pool": "constant_rater",
}


def work(user, seconds=None, n_chars=None, prompt_user=None, prompt_seconds=None, is_reply=True):
    """Return messages as columns; times are seconds."""
    n = len(user)

    def times(values):
        return np.array([UNKNOWN if v is None else int(v * 1_000_000) for v in (values or [None] * n)])

    return Work(
        np.array(user),
        np.array(prompt_user or [0] * n),
        times(seconds),
        times(prompt_seconds),
        np.array(n_chars or [300] * n),
        np.full(n, is_reply),
    )


def test_every_rule_reports_its_example_and_leaves_its_neighbour(tmp_path):
    for rule in Annotators.rules:
        for name, data in (("this", rule.example.this), ("not_this", rule.example.not_this)):
            (tmp_path / rule.name / name).mkdir(parents=True)
            sources = data.write(tmp_path / rule.name / name)
            table = run(*sources, checks=[Annotators.on_examples(tmp_path)]).table.to_pylist()
            assert (rule.id in {row["rule"] for row in table}) == (name == "this"), rule.id


def test_equal_contributors_are_as_many_as_they_are():
    even = volume(np.full(50, 20))
    assert even.gini == pytest.approx(0, abs=1e-9)
    assert even.effective == pytest.approx(50, rel=0.06)
    assert volume(np.array([1000, *[1] * 50])).effective < 1.2


def test_a_session_of_an_hour_is_no_burst():
    calm = work([1] * 12, [120 * k for k in range(12)], [200] * 12)
    assert bursts(calm) == []
    (found,) = bursts(work([1] * 12, [20 * k for k in range(12)], [200] * 12))
    assert len(found.rows) == 12


def test_speed_counts_from_the_later_of_prompt_and_own_last_message():
    texts = work([1, 1], [1000, 1400], [3000, 3000], prompt_seconds=[990, 0])
    found = fast_typing(texts)
    assert found.rows.tolist() == [0]
    assert not found.is_beyond.any()  # one alone proves nothing
    many = work(
        [1] * 4 + [2] * 400,
        [10_000.0 * k for k in range(404)],
        [400] * 404,
        prompt_seconds=[10_000.0 * k - (5 if k < 4 else 900) for k in range(404)],
    )
    assert fast_typing(many).is_beyond.tolist() == [True] * 4


def test_own_answers_are_compared_with_chance():
    by_chance = work([1, 2] * 50, prompt_user=[2, 1] * 49 + [1, 2])
    assert not own_answers(by_chance).is_beyond
    often = work(list(range(1, 101)), prompt_user=[k if k < 20 else 200 + k for k in range(1, 101)])
    assert own_answers(often).is_beyond
    assert len(own_answers(often).rows) == 19


def test_ranks_agree_contradict_or_say_nothing():
    parent, rank = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    found = ranks_and_quality(parent, rank, np.array([1, 0, 0, 1, 0.5, 0.5]), np.full(6, 9))
    assert (found.agreement, found.n_ties) == (0.5, 1)
    assert found.is_beyond.tolist() == [False, True, False]
    nothing = ranks_and_quality(parent, rank, np.full(6, np.nan), np.zeros(6, dtype=int))
    assert len(nothing.better) == 0
    assert np.isnan(nothing.agreement)


def test_one_constant_tree_is_left():
    rated = np.ones((40, 6), dtype=int)
    top = np.zeros((40, 6), dtype=int)
    top[0] = 1
    assert constant_trees(np.arange(40) // 2, top, rated, 0.05).tolist() == []
    top[:4] = 1
    assert constant_trees(np.arange(40) // 2, top, rated, 0.05).tolist() == [0, 1]


def test_discoveries_are_those_of_benjamini_and_hochberg():
    p = np.array([0.01, 0.04, 0.03, 0.5])
    assert discovered(p, 0.05).tolist() == [True, False, False, False]
    assert discovered(np.zeros(0), 0.05).tolist() == []


def test_data_without_contributors_and_labels_say_what_did_not_run(tmp_path):
    rows = [
        message("p", None, "prompter", text="Hi", user_id=None),
        message("r", "p", "assistant", text="Yo", user_id=None),
    ]
    record = audit(tmp_path, rows, Annotators())
    (facts,) = record.facts.checks
    assert facts.error is None
    assert record.table.num_rows == 0
    assert facts.checked == 0
    assert any("did not run" in note or "was not computed" in note for note in facts.notes)


def test_user_ids_are_never_shown(tmp_path):
    author = "11111111-aaaa-4aaa-8aaa-111111111111"
    rows = [
        message(
            f"p{k}",
            None,
            "prompter",
            text=f"Question {k}?",
            user_id=author if k % 2 else uid(f"u{k}"),
            message_tree_id=uid(f"p{k}"),
        )
        for k in range(120)
    ]
    record = audit(tmp_path, rows, Annotators())
    assert {row["rule"] for row in record.table.to_pylist()} >= {"annotators/concentration"}
    assert author not in str(record.table.to_pylist())
    assert author not in str(record.facts)


@needs_shared
@pytest.mark.parametrize("name", sorted(RULE_OF))
def test_planted_effects_are_found(name):
    for k in (1, 2):
        table = run(EFFECTS / f"{name}_{k}.messages.jsonl.gz", checks=[Annotators()]).table.to_pylist()
        warned = {row["rule"].partition("/")[2] for row in table if row["severity"] > 1}
        assert warned == {RULE_OF[name]}


@needs_shared
def test_sets_without_an_effect_are_left():
    paths = sorted(EFFECTS.glob("quiet_*.gz"))
    assert paths
    for path in paths:
        table = run(path, checks=[Annotators()]).table
        assert [row["rule"] for row in table.to_pylist() if row["severity"] > 1] == [], path


def test_seconds_that_several_contributors_share_are_no_times_of_writing():
    time = np.repeat([5, 6, 7], 12) * 1_000_000
    user = np.concatenate([np.arange(12) % 3 + 1, np.ones(12, dtype=int), np.zeros(12, dtype=int)])
    cleaned = without_imports(time, user)
    assert (cleaned[:12] == UNKNOWN).all()
    assert cleaned[12:].tolist() == time[12:].tolist()
    few = without_imports(time[:4], user[:4])
    assert few.tolist() == time[:4].tolist()
