"""Words as benchmark_leakage compares them."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from chataudit.checks.base.arrow.columns import utf8
from chataudit.checks.base.text import words as plain
from chataudit.checks.base.text.tokens import tokenise
from chataudit.checks.base.text.words import hashed, numbers, words
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, PLAIN, both_forms, needs_compiled


def hashes(text):
    return words(pa.array([text], pa.string())).tokens.hashes.tolist()


def covered(text):
    """Return the piece of the text that each word covers."""
    data, tokens = text.encode(), words(pa.array([text], pa.string())).tokens
    return [data[start:end].decode() for start, end in zip(tokens.starts, tokens.ends, strict=True)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"$\dfrac{1}{2}$ of $x$", r"\( \frac12 \) of \(x\)"),
        (r"\frac{1}{2} of x", "½ of x"),
        (r"a \le b \cdot c \ne \sqrt{d}", "a ≤ b · c ≠ √d"),
        (r"2\pi r^2", "2π r²"),
        (r"\left( x_{1} + \text{cats} \right)", "(x₁ + cats)"),
        (r"\alpha + \Delta t \quad \ldots", "α + Δ t …"),
        ("El niño pagó más", "El nino pago mas"),
        ("Élève à Nîmes", "E\u0301le\u0300ve a Nimes"),
        ("ещё йод", "еще иод"),
        ("٣ من ١٢", "3 من 12"),
        ("১৬ টি", "16টি"),
        ("3개의 사과", "3 개의 사과"),
        ("an exam-\n  ple of it", "an example of it"),
        ("an exam-\r\nple of it", "an example of it"),
        ("zero\u200bwidth l\u00e9tters", "zerowidth letters"),
    ],
)
def test_spellings_that_are_compared_as_equal(one, other):
    assert hashes(one) == hashes(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\frac{1}{2}", r"\frac{2}{1}"),
        (r"\sin x", r"\cos x"),
        (r"\alpha", r"\beta"),
        ("5th of 3", "5 th of 3"),
        ("a - b", "ab"),
        ("left to right", "to"),  # words, not commands
        ("को", "क"),  # vowel signs of India are no accents
    ],
)
def test_spellings_that_are_not(one, other):
    assert hashes(one) != hashes(other)


def test_words_lie_where_they_are_written():
    assert covered(r"so \dfrac12 of 2\pi is") == ["so", r"\dfrac12", r"\dfrac12", "of", "2", r"\pi", "is"]
    assert covered("an exam-\nple, più") == ["an", "exam-\nple", "più"]
    assert covered("x² und ½ über 16টি") == ["x", "²", "und", "½", "½", "über", "16", "টি"]


def test_texts_beside_a_changed_one_keep_their_words():
    texts = ["plain text", r"a \frac{b}{c}", None, "", "café 3", r"\le", "last words"]
    found = words(pa.array(texts))
    assert np.diff(found.tokens.bounds).tolist() == [2, 3, 0, 0, 2, 0, 2]
    alone = [hashes(text or "") for text in texts]
    bounds = found.tokens.bounds.tolist()
    assert [found.tokens.hashes[a:b].tolist() for a, b in itertools.pairwise(bounds)] == alone
    assert len(found.marks) == len(found.tokens.hashes)


def test_a_slice_of_a_column_is_read_like_a_column_of_its_own():
    column = pa.array(["é", r"\frac{a}{b}", "plain", "naïve ½", None])
    sliced, alone = (words(each).tokens for each in (column.slice(1, 3), pa.array(column.slice(1, 3).to_pylist())))
    assert all(np.array_equal(a, b) for a, b in zip(sliced, alone, strict=True))


@given(st.lists(st.text("aZ 09\\fracpi{}$-\n\r²½éπটি個٣\u0301\u00ad", max_size=30), max_size=5))
def test_words_cover_pieces_of_their_text_in_order(texts):
    column = pa.array(texts, pa.string())
    tokens = words(column).tokens
    for k, text in enumerate(texts):
        starts, ends = (each[tokens.bounds[k] : tokens.bounds[k + 1]] for each in (tokens.starts, tokens.ends))
        assert (starts < ends).all()
        assert (np.diff(starts) >= 0).all()
        assert not len(ends) or ends[-1] <= len(text.encode())
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            text.encode()[start:end].decode()  # whole characters


@given(st.lists(st.text("aZ 09.,-!?", max_size=30), max_size=5))
def test_the_words_of_plain_texts_are_their_tokens(texts):
    column = pa.array(texts, pa.string())
    assert all(np.array_equal(a, b) for a, b in zip(words(column).tokens, tokenise(column), strict=True))


def test_numbers_in_words_are_those_in_digits():
    found = words(pa.array(["Three twenty 7 dozen thousand one half cats"]))
    at, values = numbers(found.tokens.hashes, found.marks)
    assert at.tolist() == [0, 1, 2, 3, 4]
    assert values.tolist() == tokenise(pa.array(["3 20 7 12 1000"])).hashes.tolist()
    assert hashed(["Three of 12 cats"]).numbers.tolist() == [
        *tokenise(pa.array(["3"])).hashes, 0, *tokenise(pa.array(["12"])).hashes, 0,
    ]  # fmt: skip


PIECES = ["\\", "fr", "al", "x", "é", "й", "π", "2", "٣", "²", "-", "\n", "\r", " ", "ক", "한", "😀"]
some_text = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@needs_compiled
@settings(max_examples=500)
@given(st.lists(some_text, max_size=5), st.integers(0, 2))
def test_both_forms_find_the_same_peculiar_spelling(texts, n_before):
    column = pa.array(["a-"] * n_before + texts, pa.string()).slice(n_before)
    data, offsets = utf8(column)
    one, other = (form.peculiar(data, offsets, plain.kinds(), plain.commands()) for form in (COMPILED, PLAIN))
    assert one.tolist() == other.tolist()


@both_forms
def test_spelling_is_peculiar_where_its_plain_form_differs(form):
    texts = {
        "plain text of 2020, with - signs -\n and C:\\Users\\Files": 0,
        "café": 1,
        "ёлка": 1,
        "x²": 2,
        "½": 2,
        "2π": 2,
        "2 π": 0,
        "\\frac12": 2,
        "\\Alpha": 2,
        "\\x \\n": 0,
        "a well-\n  known é": 3,
        "a well-\r\nknown": 2,
        "- well -\nknown": 0,
        "known-": 0,
        "": 0,
    }
    data, offsets = utf8(pa.array(list(texts)))
    found = form.peculiar(data, offsets, plain.kinds(), plain.commands())
    assert dict(zip(texts, found.tolist(), strict=True)) == texts
