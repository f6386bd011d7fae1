"""What a reply and a message above it share, and what the model weighs of the rest."""

import pyarrow as pa
from chataudit.checks.base.text.tokens import tokenise
from chataudit.checks.prompt_parroting.comparison import Comparison, Words
from chataudit.checks.prompt_parroting.features import features
from chataudit.checks.prompt_parroting.model import COEFFICIENTS, probability


def words(text):
    tokens = tokenise(pa.array([text]))
    return Words(text.encode(), tokens.hashes, tokens.starts.tolist(), tokens.ends.tolist())


def compared(reply, other):
    return Comparison(words(reply), words(other))


def test_misspelt_words_are_shared_and_counted_and_other_numbers_are_not():
    pair = compared("the olde harbour has 12 boats and one brigde", "the old harbour has 21 boats and one bridge")
    assert [k for k, kept in enumerate(pair.is_kept) if not kept] == [4]
    assert pair.n_misspelt == 2


def test_single_shared_words_count_beside_replaced_ones_only():
    other = "the grey cat sleeps on the warm roof of the house"
    assert compared("the black cat sleeps on the warm roof of a house", other).of_other == 9 / 11
    assert compared("nobody in town saw the sea or heard it", other).of_other == 0


def test_what_the_prompt_says_around_the_shared_words_is_its_edges():
    pair = compared("boats leave at noon", "Copy this: boats leave at noon, will you")
    assert (pair.edges, pair.at_edges, pair.borders) == ((2, 2), ["Copy this: ", ", will you"], [": ", ", "])


def test_a_text_said_over_again_is_all_of_the_reply():
    pair = compared("boats leave at noon today. " * 3, "boats leave at noon today")
    assert (pair.of_reply, pair.of_other) == (1, 1)


def test_the_longest_shared_run_is_the_first_of_its_length():
    pair = compared("one two three four x five six seven eight", "one two three four y five six seven eight")
    assert pair.run == (0, 0, 4)


def test_the_model_weighs_every_feature():
    weighed = features(compared("boats leave at noon", "when do boats leave"), None, "")
    assert list(weighed) == list(COEFFICIENTS)


def test_any_number_of_signs_has_a_probability():
    drawing = "boats leave at noon " + "#-" * 100_000
    assert 0 <= probability(features(compared(drawing, "boats leave at noon"), None, "")) < 1e-9
