"""The evidence for a candidate of benchmark_leakage, and the model that weighs it."""

from unittest import mock

import numpy as np
import pytest
from building import audit, message
from chataudit.benchmarks_refs.cards import Item
from chataudit.checks.base import kernels
from chataudit.checks.base.statistics import trees as stored
from chataudit.checks.benchmark_leakage import judge, restated
from chataudit.checks.benchmark_leakage.check import BenchmarkLeakage
from chataudit.checks.benchmark_leakage.features import FEATURES
from chataudit.checks.benchmark_leakage.ordinary import Ordinary, ordinary
from chataudit.checks.benchmark_leakage.restated import FACTS
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, PLAIN, both_forms, needs_compiled

from .test_benchmark_leakage import FERRY, PASSAGE, QUIZ, made

RISING = ("covered", "nats", "own_nats", "rare_nats", "choices", "nats_beside", "label_before", "by_text")


@pytest.fixture
def seen(tmp_path, monkeypatch):
    """Return a function that audits a text and returns the features of its candidates, by item."""
    items = [
        *QUIZ,
        Item("passage", {"question": ("Who may not pay at once for bread in Quill Lane?",), "passage": (PASSAGE,)}),
    ]
    check = made(tmp_path / "references", items)
    found = {}
    real = judge.evidence

    def spy(texts, columns, counted=0):
        chosen, hits, features = real(texts, columns, counted)
        for hit, values in zip(hits, features.tolist(), strict=True):
            found[texts.refs.ids[hit.items[0]]] = dict(zip(FEATURES, values, strict=True))
        return chosen, hits, features

    monkeypatch.setattr(judge, "evidence", spy)

    def features(text):
        found.clear()
        audit(tmp_path, [message("a", text=text)], check)
        return dict(found)

    return features


def test_a_verbatim_question_is_covered_whole_and_nothing_is_missing(seen):
    known = seen(FERRY)["ferry"]
    assert [known[name] for name in ("covered", "run_share", "reach", "of_message", "by_text")] == [1.0] * 5
    assert [known[name] for name in ("nats_missing", "head_missing", "tail_missing", "gaps")] == [0.0] * 4
    assert known["nats"] == known["own_nats"] > 3


def test_words_replaced_are_missing_where_they_were(seen):
    words = FERRY.split()
    head, middle, tail = (seen(" ".join([*words[:k], "crown", *words[k + 1 :]]))["ferry"] for k in (1, 15, 32))
    assert head["head_missing"] > middle["head_missing"] == 0
    assert tail["tail_missing"] > middle["tail_missing"] == 0
    assert (middle["gaps"], head["gaps"], tail["gaps"]) == (1, 0, 0)
    assert all(0.8 < each["covered"] < 1 for each in (head, middle, tail))


def test_words_in_order_are_counted_where_no_gram_is_left_between_two_edits(seen):
    words = FERRY.split()
    edited = seen(" ".join("crown" if k % 4 == 3 and k > 8 else word for k, word in enumerate(words)))["ferry"]
    assert edited["covered"] < edited["aligned"] - 0.2
    assert edited["nats"] < edited["nats_aligned"]
    assert edited["nats_unaligned"] < edited["nats_missing"]


def test_an_edited_question_beside_its_passage_is_a_candidate_without_any_gram(seen):
    asked = "Who may never pay at once in bread of Quill Lane?"
    assert "passage" not in seen(asked)
    before, behind = seen(f"{asked}\n{PASSAGE}")["passage"], seen(f"{PASSAGE}\nQuestion: {asked}")["passage"]
    for known in (before, behind):
        assert (known["covered"], known["aligned"] > 0.5, known["nats_beside"] > 3) == (0, True, True)
    assert "passage" not in seen(f"{PASSAGE}\nWhich bird sings first at dawn?")


def test_what_stands_around_is_seen(seen):
    label, quoted, inside = (
        seen(text)["ferry"]
        for text in (f"Question: {FERRY}\nAnswer:", f"> {FERRY}", f"we know that {FERRY[:-1]} and so on")
    )
    names = ("label_before", "border_before", "border_after", "quote_before")
    assert [[each[name] for name in names] for each in (label, quoted, inside)] == [
        [1, 1, 1, 0],
        [0, 1, 1, 1],
        [0, 0, 0, 0],
    ]


def test_choices_and_passages_of_the_item_are_evidence_too(seen):
    bells = QUIZ[3].parts
    listed = seen("\n".join([bells["question"][0], *bells["choices"]]))["bells"]
    assert (listed["choices"], listed["nats_of_choices"] > 3) == (1.0, True)
    asked = "Who may not pay at once for bread in Quill Lane?"
    alone, together = seen(asked)["passage"], seen(f"{PASSAGE}\n{asked}")["passage"]
    assert alone["nats_beside"] == 0
    assert together["nats_beside"] > 3


@both_forms
def test_the_model_adds_up_the_leaves_of_its_trees(form, monkeypatch):
    monkeypatch.setattr(kernels, "log_odds", form.log_odds)
    names = FEATURES[:2]
    tree = stored.Tree(
        (0, 0, 1, 0, 0), (2.0, 0.0, 5.0, 0.0, 0.0), (1, 1, 3, 3, 4), (2, 1, 4, 3, 4), (0, -1.0, 0, 0.5, 2.0)
    )
    made_up = stored.Model(names, 0.25, (tree, tree))
    rows = np.array([[2.0, 9.0], [2.1, 5.0], [2.1, 5.1]])
    logits = 0.25 + 2 * np.array([-1.0, 0.5, 2.0])
    np.testing.assert_allclose(stored.Trees(made_up).probability(rows), 1 / (1 + np.exp(-logits)))


@needs_compiled
@given(st.lists(st.lists(st.floats(0, 6), min_size=len(FACTS), max_size=len(FACTS)), max_size=5))
def test_both_forms_score_alike(rows):
    trees = stored.load(restated.RESTATED, FACTS)
    found = []
    for form in (COMPILED, PLAIN):
        with mock.patch.object(kernels, "log_odds", form.log_odds):
            found.append(trees.probability(np.array(rows).reshape(-1, len(FACTS))).tolist())
    assert found[0] == found[1]


@settings(max_examples=200)
@given(
    st.lists(st.floats(0, 6), min_size=len(FEATURES), max_size=len(FEATURES)), st.sampled_from(RISING), st.floats(0, 3)
)
def test_more_evidence_never_makes_a_leak_less_probable(values, name, more):
    one = np.array([values])
    other = one.copy()
    other[0, FEATURES.index(name)] += more
    (before,), (after,) = (stored.load(judge.COPIED, FEATURES).probability(each) for each in (one, other))
    assert 0 <= before <= after <= 1


def test_a_model_of_another_version_is_refused():
    for path, features in ((judge.COPIED, FEATURES), (restated.RESTATED, FACTS)):
        assert stored.load(path, features) is stored.load(path, features)
        with pytest.raises(ValueError, match="belongs to another version of chataudit"):
            stored.load(path, features[1:])


def test_grams_that_no_chat_contains_count_nothing():
    found = Ordinary(np.array([2, 5], dtype=np.uint64), np.array([7, 9], dtype=np.uint16), 10)
    assert found.of(np.array([5, 1, 2, 9], dtype=np.uint64)).tolist() == [9, 0, 7, 0]
    none = Ordinary(np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint16), 0)
    assert none.of(np.array([5], dtype=np.uint64)).tolist() == [0]
    shipped = ordinary()
    assert (np.diff(shipped.keys.view(np.int64)) != 0).all()
    assert shipped.n_chats > 100_000


def test_the_limit_is_a_probability(tmp_path):
    words = FERRY.split()
    edited = " ".join("crown" if k in (3, 9, 15, 21, 27) else word for k, word in enumerate(words))
    texts = [message("a", text=edited)]
    found = {}
    for limit in (0.01, 0.999999):
        check = made(tmp_path / "references", QUIZ, min_probability=limit)
        rows = audit(tmp_path, texts, check).table.to_pylist()
        found[limit] = [row["score"] for row in rows]
    assert len(found[0.01]) == 1
    assert 0.01 <= found[0.01][0] < 0.999999
    assert found[0.999999] == []
    assert BenchmarkLeakage().min_probability == 0.75
