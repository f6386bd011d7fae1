"""The alignment of two texts."""

from time import process_time

import numpy as np
from chataudit.checks.base.text.alignment import MAX_CELLS, align
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, FORMS, PLAIN, needs_compiled


def tokens(text):
    return np.array([sum(ord(c) << 8 * k for k, c in enumerate(word[:7])) for word in text.split()], dtype=np.uint64)


def shared(left, right):
    """Return the words of each block."""
    words, others = left.split(), right.split()
    blocks = align(tokens(left), tokens(right))
    assert all(words[a : a + n] == others[b : b + n] for a, b, n in blocks)
    return [" ".join(words[a : a + n]) for a, b, n in blocks]


def test_the_runs_that_two_texts_share_come_in_order():
    cases = (
        ("", "", []),
        ("", "one two", []),
        ("one two", "one two", ["one two"]),
        ("one two three", "one three", ["one", "three"]),
        ("a b c d e", "x b c y e", ["b c", "e"]),
        ("a b", "b a", ["a"]),  # only one of two that change places
        ("so it is", "is it so", ["so"]),
        ("a b c a b", "a b a b", ["a b", "a b"]),
    )
    for left, right, expected in cases:
        assert shared(left, right) == expected, (left, right)


def test_long_texts_are_aligned_by_ngrams_that_occur_once_in_each():
    rng = np.random.default_rng(1)
    left = rng.integers(1, 2**63, 3000).astype(np.uint64)
    right = np.concatenate([rng.integers(1, 2**63, 40).astype(np.uint64), left[100:1500], left[1501:], left[:50]])
    blocks = align(left, right)
    assert blocks == [(100, 40, 1400), (1501, 1440, 1499)]


def test_texts_that_say_one_word_over_and_over_take_no_long_time():
    left, right = (np.full(n, 7, dtype=np.uint64) for n in (60_000, 59_000))
    left[0], right[0], left[-1], right[-1] = 1, 2, 3, 4
    began = process_time()
    blocks = align(left, right)
    assert process_time() - began < 2
    assert len(left) * len(right) > MAX_CELLS
    assert all((left[a : a + n] == right[b : b + n]).all() for a, b, n in blocks)


words = st.lists(st.integers(0, 6), max_size=40).map(lambda some: np.array(some, dtype=np.uint64))


@settings(max_examples=300)
@given(left=words, right=words, n=st.integers(1, 4), max_cells=st.sampled_from((1, 20, 10_000)))
def test_blocks_are_shared_runs_that_ascend_in_both_texts(left, right, n, max_cells):
    for form in FORMS:
        blocks = form.align(left, right, n, max_cells)
        assert all((left[a : a + length] == right[b : b + length]).all() for a, b, length in blocks)
        ends = np.cumsum(blocks[:, 2:], axis=1) + blocks[:, :2]
        assert (blocks[1:, :2] >= ends[:-1]).all()
        assert (blocks[:, 2] > 0).all()


@needs_compiled
@settings(max_examples=1000)
@given(left=words, right=words, n=st.integers(1, 4), max_cells=st.sampled_from((1, 20, 10_000)))
def test_both_forms_find_the_same_blocks(left, right, n, max_cells):
    one, other = (form.align(left, right, n, max_cells).tolist() for form in (COMPILED, PLAIN))
    assert one == other
