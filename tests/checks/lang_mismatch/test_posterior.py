"""The posterior of lang_mismatch: what detectors say, pooled, and the trees that weigh it."""

import numpy as np
import pyarrow as pa
import pytest
from chataudit.checks.base.statistics.trees import Model, Tree, Trees
from chataudit.checks.lang_mismatch import posterior
from chataudit.checks.lang_mismatch.detectors import VOICES, detector
from chataudit.checks.lang_mismatch.posterior import Pool, features_of, missable, powers_of
from kernel_forms import both_forms

GERMAN = "wir sind heute am fluss entlang gelaufen, bis es dunkel wurde"
WELSH = "aethom am dro ar hyd yr afon nes iddi dywyllu, ac wedyn gwnaethom gawl llysiau gartref"
TEXTS = pa.array([GERMAN, WELSH, "danke", ""])


@pytest.fixture(scope="module")
def pool():
    return posterior.load(VOICES["eldc+py3langid+fasttext"]).pool


def test_detectors_score_every_language_that_they_know_and_no_other(pool):
    heard = pool.hear(TEXTS)
    for voice, scores in heard.items():
        known = {code for code, is_known in zip(pool.languages, ~np.isnan(scores[0]), strict=True) if is_known}
        assert known == detector(voice).languages | ({"id"} if voice == "eldc" else set())
        assert (np.isnan(scores) == np.isnan(scores[0])).all()


def test_probabilities_are_of_all_languages_and_of_a_text_by_itself(pool):
    letters = np.array([50.0, 70.0, 5.0, 0.0])
    together = pool.probabilities(pool.hear(TEXTS), letters)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-5)
    assert [pool.languages[k] for k in together.argmax(axis=1)[:3].tolist()] == ["de", "cy", "de"]
    for k in range(len(TEXTS)):
        alone = pool.probabilities(pool.hear(TEXTS[k : k + 1]), letters[k : k + 1])
        assert alone[0].tolist() == together[k].tolist()


def test_a_longer_text_has_more_weight():
    pool = Pool(("py3langid",), [(1.0, 2.0, 0.0)], [3.0])
    heard = pool.hear(TEXTS[:1])
    short, long = (pool.probabilities(heard, np.array([letters])).max() for letters in (10.0, 1000.0))
    assert short < long
    assert powers_of(np.array([np.exp(4), np.exp(6)])).tolist() == [[1, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize("voices", VOICES.values())
def test_what_is_stored_was_fitted_on_these_features(voices, monkeypatch):
    names = features_of(voices)
    assert len(set(names)) == len(names)
    assert set(missable(voices)) < set(names)
    assert posterior.load(voices) is posterior.load(voices)
    monkeypatch.setattr(posterior, "features_of", lambda _: names[1:])
    with pytest.raises(ValueError, match="belongs to another version of chataudit"):
        posterior.load.__wrapped__(voices)


@both_forms
def test_a_missing_value_goes_where_the_tree_sends_it(form, monkeypatch):
    monkeypatch.setattr("chataudit.checks.base.statistics.trees.kernels", form)
    sides = ((1, 1, 2), (2, 1, 2), (0.0, -1.0, 1.0))
    right, left = (Tree((feature, 0, 0), (3.0, 0.0, 0.0), *sides) for feature in (0, 1))
    rows = np.array([[2.0], [4.0], [np.nan]])
    for tree, expected in ((right, [-1, 1, 1]), (left, [-1, 1, -1])):
        # With a second tree, as only then the features are doubled.
        found = Trees(Model(("one",), 0.0, (tree, left))).probability(rows)
        logits = np.array(expected) + [-1, 1, -1]
        np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)))


def test_eldc_reads_past_a_nul_and_says_what_is_reliable():
    eldc = detector("eldc")
    assert eldc.detect(pa.array([f"\0 {GERMAN}", "123"])).codes[:, 0].tolist() == ["de", ""]
    assert eldc.is_reliable(pa.array([GERMAN, "la"])).tolist() == [True, False]
