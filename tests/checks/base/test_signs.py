"""The signs between the tokens of texts, and which of them carry meaning."""

import itertools
import math

import numpy as np
import pyarrow as pa
from chataudit.checks.base.arrow.columns import utf8
from chataudit.checks.base.kernels.layout import NUMERIC, SHORT
from chataudit.checks.base.text import tokens as tokenising
from hypothesis import given
from hypothesis import strategies as st
from kernel_forms import FORMS, both_forms


def read(form, *texts):
    """Return gaps, written, meant of texts, with this form of the kernel."""
    column = pa.array(texts, pa.string())
    data, offsets = utf8(column)
    table = tokenising._table()
    hashes, starts, ends, bounds = tokenising.tokenise(column)
    return form.signs(data, offsets, hashes, starts, ends, bounds, table.entries, table.sequences, table.signs)


def relation(form, one, other):
    """Return how the signs of two texts with the same words differ."""
    words = tokenising.tokenise(pa.array([one, other]))
    halves = np.split(words.hashes, words.bounds[1:2])
    np.testing.assert_array_equal(*halves, err_msg=f"{one!r}, {other!r}")
    _, written, meant, _ = read(form, one, other)
    return "equal" if written[0] == written[1] else "punctuation" if meant[0] == meant[1] else "meaning"


@both_forms
def test_what_signs_of_equal_words_say(form):
    for expected, pairs in {
        "equal": [
            ("one,  two\n\nthree", "ONE, two three"),
            ("costs 5 €", "costs\u00a05\u2009€"),
            ("wide，sign％", "wide,sign%"),
            ("a – b c", "a - b c"),
            ("soft\u00adly \ufeffspoken", "softly spoken"),
            ("wait…", "wait..."),
        ],
        "punctuation": [
            ("one, two", "one two."),
            ("**one** two", "one two"),
            ("- one\n- two", "* one\n* two"),
            ("# one\ntwo", "one\ntwo"),
            ("> one\n> two", "one two"),
            ("one\n====\ntwo", "one\n\ntwo"),
            ("“one” two", '"one" two'),
            ("one/two", "one two"),
            ("one-two", "one two"),
            ("one two!", "one two"),
            ("| one | two |", "one two"),
            ("`one` two", "one two"),
            ("¿one?", "one"),
            ("1. one", "1) one"),
            ("• one\n• two", "one\ntwo"),
        ],
        "meaning": [
            ("in C++ now", "in C now"),
            ("in C# now", "in C now"),
            ("at -40 degrees", "at 40 degrees"),
            ("-40 degrees", "40 degrees"),
            ("x < y", "x > y"),
            ("x <= y", "x < y"),
            ("12 * 7", "12 / 7"),
            ("12 - 7", "12 + 7"),
            ("costs $5", "costs €5"),
            ("by 30%", "by 30"),
            ("so 😀", "so 😭"),
            ("is 3.5", "is 3 5"),
            ("if !done", "if done"),
            ("a == b", "a != b"),
            ("x^2", "x 2"),
        ],
    }.items():
        for one, other in pairs:
            assert relation(form, one, other) == expected, (one, other)


PIECES = [
    "a",
    "bc",
    "1",
    "23",
    " ",
    "  ",
    "\n",
    *"+-*/#!.,<>=$€%|~`'",
    "…",
    "😀",
    "❤️",
    "–",
    "，",
    "½",
    "漢",
    "\u200b",
    "\u0301",
    "é",
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), max_size=4))
def test_both_forms_give_the_same_hashes(texts):
    results = [read(form, *texts) for form in FORMS]
    for result in results[1:]:
        for one, other in zip(results[0], result, strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@both_forms
def test_a_gap_is_told_by_its_signs_alone(form):
    gaps, _, _, counts = read(form, "one, two , three;four", "(five)")
    assert len(gaps) == 5 + 2
    assert counts.tolist() == [3, 2]
    first, comma, spaced, semicolon, last, opens, closes = gaps.tolist()
    assert first == last == 0
    assert comma == spaced != semicolon
    assert len({0, comma, semicolon, opens, closes}) == 5


def test_a_text_is_the_same_at_any_place():
    texts = ["-40, it is", "", "x", "-40, it is"]
    for form in FORMS:
        _, written, meant, _ = read(form, *texts)
        assert (written[0], meant[0]) == (written[3], meant[3])


def test_letters_that_look_like_those_of_another_script_are_folded_in_mixed_words_only():
    for word, folded in (
        ("p\u0430ssword", "password"),  # Cyrillic a
        ("\u0391pple", "apple"),  # Greek capital A
        ("\u0440o\u0441\u0441\u0438\u044f", "\u0440\u043e\u0441\u0441\u0438\u044f"),  # Latin o
        ("\u0441\u043e\u0440", "\u0441\u043e\u0440"),  # a Russian word
        ("telegram\u0434\u0430", "telegram\u0434\u0430"),  # has a letter without a twin
        ("\u03bcm", "\u03bcm"),
    ):
        assert tokenising.one_script(word.casefold()) == folded, word
    column = pa.array(["my p\u0430ssword", "my password", "\u0441\u043e\u0440", "cop"])
    hashes, _, _, bounds = tokenising.tokenise(column)
    disguised, plain, russian, latin = (part.tolist() for part in np.split(hashes, bounds[1:-1]))
    assert disguised == plain
    assert russian != latin


@given(st.lists(st.text("a b é漢ก😀\n1", max_size=30), max_size=4))
def test_words_in_short_say_where_they_are_and_how_much_they_say(texts):
    column = pa.array(texts, pa.string())
    data, offsets = utf8(column)
    tokens = tokenising.tokenise(column)
    percents = np.full(256, 100, dtype=np.uint8)
    percents["漢".encode()[0]] = 60
    for form in FORMS:
        words, steps, n_words = form.words(data, offsets, *tokens, percents)
        for k, text in enumerate(texts):
            here = slice(tokens.bounds[k], tokens.bounds[k + 1])
            expected = [len(text.encode()[:start].decode()) for start in tokens.starts[here].tolist()]
            assert np.cumsum(steps[here], dtype=np.int64).tolist() == expected
            raw = [text.encode()[a:b] for a, b in zip(tokens.starts[here], tokens.ends[here], strict=True)]
            assert (words[here] & SHORT > 0).tolist() == [len(word) <= 3 for word in raw]
            assert (words[here] & NUMERIC > 0).tolist() == [word[:1] == b"1" for word in raw]
            assert n_words[k] == math.ceil(sum(0.6 if word.decode()[0] == "漢" else 1 for word in raw) - 1e-9)
        assert (words >> 2 == (tokens.hashes >> np.uint64(34)).astype(np.uint32)).all()


@given(st.lists(st.lists(st.integers(0, 5), max_size=40), max_size=4), st.integers(1, 5), st.integers(1, 5))
def test_winnowing_keeps_the_least_gram_of_each_window(texts, n, window):
    values = np.random.default_rng(1).integers(0, 2**64, 6, dtype=np.uint64)
    hashes = values[np.array([value for text in texts for value in text], dtype=np.int64)]
    bounds = np.cumsum([0, *map(len, texts)])
    expected = []
    for first, end in itertools.pairwise(bounds.tolist()):
        grams = (tokenising.grams(hashes[first:end], n) >> np.uint64(32)).tolist()
        places = []
        for k in range(len(grams) - window + 1 if end - first >= 8 else 0):
            here = grams[k : k + window]
            places.append(k + here.index(min(here)))
        expected.append([grams[place] for place in sorted(set(places))])
    for form in FORMS:
        limits, kept = form.winnow(hashes, bounds, n, window, 8)
        assert [kept[a:b].tolist() for a, b in itertools.pairwise(limits.tolist())] == expected


def test_words_of_mixed_script_are_folded_in_a_part_of_a_column():
    column = pa.array(["да \u0430nd", "my p\u0430ssword", "", "\u0430nd my p\u0430ssword"])
    whole = tokenising.tokenise(column)
    part = tokenising.tokenise(column.slice(1))
    assert part.hashes.tolist() == whole.hashes[whole.bounds[1] :].tolist()
    assert part.hashes[-2:].tolist() == tokenising.tokenise(pa.array(["my password"])).hashes.tolist()
