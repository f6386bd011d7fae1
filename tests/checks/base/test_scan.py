"""Parts of benchmark items in texts: both forms of the kernels agree, with each other and with slow versions."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from chataudit.benchmarks_refs import fingerprints, library
from chataudit.benchmarks_refs.cards import Card, Hub, Item, Parts
from chataudit.checks.base import kernels
from chataudit.checks.base.kernels import layout
from chataudit.checks.base.kernels.layout import BY_LINE, BY_SENTENCE, BY_TEXT, HIT, LINE, MAX_PLACES, NUMBER, SENTENCE
from chataudit.checks.base.text import tokens as tokenising
from chataudit.checks.base.text.tokens import Tokens
from chataudit.checks.base.text.words import hashed
from chataudit.checks.benchmark_leakage import references
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, PLAIN, both_forms, needs_compiled

N = fingerprints.N_GRAM
CARD = Card(
    title="Made up",
    measures="nothing",
    home="https://example.org/",
    split="test",
    languages=("en",),
    licence="CC0-1.0",
    shared=True,
    citation="none",
    parts=Parts(question="question"),
    hub=Hub(id="made/up", split="test"),
)


class Hit(NamedTuple):
    """A row of the result of `scan`."""

    text: int
    part: int
    exact_weight: int
    masked_weight: int
    exact_run: int
    masked_run: int
    first: int
    end: int
    eights: int = 0
    in_eights: int = 0
    in_tens: int = 0
    whole: int = 0
    place: int = 0


def weighing(otherwise: int = 3, **words: int) -> fingerprints.Weights:
    """Return weights of words; all others, and numbers, weigh `otherwise`."""
    keys = hashed(list(words) or ["nothing"]).hashes >> np.uint64(64 - fingerprints.TOKEN)
    order = np.argsort(keys)
    values = np.array(list(words.values()) or [otherwise], dtype=np.uint8)
    return fingerprints.Weights(keys[order], values[order], otherwise)


THREE = weighing(3)


def fingerprint(items: Sequence[dict[str, tuple[str, ...]]], weights: fingerprints.Weights) -> fingerprints.Fingerprint:
    return fingerprints.build(CARD, [Item(f"{k}", parts) for k, parts in enumerate(items)], hashed, weights)


def sought(*items: dict[str, tuple[str, ...]], weights: fingerprints.Weights = THREE) -> kernels.Sought:
    """Return the parts of a benchmark with these items."""
    return together(made_up=fingerprint(items, weights))


def together(**prints: fingerprints.Fingerprint) -> kernels.Sought:
    found = library.together(prints, kernels.values_of)
    return references.References(found.names, found.cards, found.columns, found.packed_ids).sought


def question(words: str) -> dict[str, tuple[str, ...]]:
    return {"question": (words,)}


def answer(words: str) -> dict[str, tuple[str, ...]]:
    return {"answer": (words,)}


def marked(form: SimpleNamespace, column: pa.Array) -> tuple[Tokens, Any]:
    tokens = tokenising.tokenise(column)
    with mock.patch.object(kernels, "mark", form.mark):
        return tokens, tokenising.mark(column, tokens)


def searched(sought: kernels.Sought) -> list[int]:
    """Return the tokens at which grams begin that texts are searched for."""
    found: list[int] = np.flatnonzero(sought.weights & layout.SEARCHED).tolist()
    return found


def scanned(form: SimpleNamespace, column: pa.Array, sought: kernels.Sought) -> Any:
    tokens, marks = marked(form, column)
    return form.scan(tokens.hashes, tokens.bounds, marks, N, sought)


def hits(form: SimpleNamespace, texts: Sequence[str | None] | str, sought: kernels.Sought) -> list[Hit]:
    found = scanned(form, pa.array([texts] if isinstance(texts, str) else texts, pa.string()), sought)
    assert (found.dtype, found.shape[1]) == (np.int64, len(HIT))
    return [Hit(*row) for row in found.tolist()]


def same(one: Any, other: Any) -> None:
    """Assert that two arrays are equal, bit for bit."""
    assert (one.dtype, one.shape) == (other.dtype, other.shape)
    np.testing.assert_array_equal(one, other)


def words(n: int, prefix: str = "w") -> list[str]:
    """Return n different words without digits."""
    return [f"{prefix}{a}{b}" for a, b in itertools.islice(itertools.product("abcdefghij", repeat=2), n)]


# -- constants defined in two places ---------------------------------------------------------------------------------


def test_fingerprints_and_kernels_flag_tokens_alike():
    assert fingerprints.A_NUMBER == layout.A_NUMBER == 0x80
    assert fingerprints.SEARCHED == layout.SEARCHED == fingerprints.MOST + 1 == 0x40


def test_as_much_is_kept_of_the_hash_of_a_whole_part_as_is_compared():
    highest = int("1" * fingerprints.WHOLE + "0" * (64 - fingerprints.WHOLE), 2)
    assert fingerprints.WHOLE == 48
    assert highest == layout.WHOLE
    assert fingerprints.leading(np.array([2**64 - 1], dtype=np.uint64), fingerprints.WHOLE).tolist() == [highest]


def test_columns_of_a_hit_are_those_of_the_layout():
    assert Hit._fields == HIT


@both_forms
def test_all_bits_of_a_code_are_compared(form):
    part = " ".join(words(9))
    made = sought(question(part))
    for bit in range(8):
        codes = made.codes.copy()
        codes[8] ^= 1 << bit
        (found,) = hits(form, part + " more", made._replace(codes=codes))
        assert (found.exact_run, found.masked_run) == (8, 8), bit


@both_forms
def test_numbers_are_equal_where_they_are_masked_and_compared_by_their_codes(form):
    part = "Tom has 3 apples and a pear"
    made = sought(question(part))
    codes = made.codes.copy()
    codes[2] ^= 1
    (found,) = hits(form, part + " more", made._replace(codes=codes))
    assert (found.exact_run, found.masked_run) == (0, 7)


@both_forms
@pytest.mark.parametrize("n", range(1, 9))
def test_the_value_of_a_gram_depends_on_each_of_its_codes_and_on_nothing_else(form, n):
    codes = np.arange(20, dtype=np.uint8)
    values = form.values_of(codes, n)
    assert len(set(values.tolist())) == len(values) == 21 - n
    for at in range(20):
        changed = codes.copy()
        changed[at] = 255
        differ = np.flatnonzero(form.values_of(changed, n) != values).tolist()
        assert differ == list(range(max(0, at - n + 1), min(at + 1, 21 - n))), at
    assert form.values_of(codes[: n - 1], n).shape == (0,)


@needs_compiled
@given(st.binary(max_size=40), st.integers(1, 8))
def test_both_forms_value_grams_alike(data, n):
    codes = np.frombuffer(data, np.uint8)
    same(COMPILED.values_of(codes, n), PLAIN.values_of(codes, n))


@both_forms
def test_as_many_bits_of_a_whole_part_are_compared_as_are_kept(form):
    made = sought(question("Name it"))
    tokens, marks = marked(form, pa.array(["name it"]))
    whole = tokenising.shingle(tokens).whole
    assert fingerprints.leading(whole, fingerprints.WHOLE).tolist() == made.whole.tolist()
    # No text is known with a hash that differs in one bit, so the hash of the part is changed.
    for bit, n_hits in [(64 - fingerprints.WHOLE, 0), (64 - fingerprints.WHOLE - 1, 1)]:
        changed = made._replace(whole=fingerprints.leading(whole ^ np.uint64(1 << bit), fingerprints.WHOLE))
        assert len(form.scan(tokens.hashes, tokens.bounds, marks, N, changed)) == n_hits, bit


@both_forms
def test_a_part_is_compared_where_all_bits_of_a_posting_equal_those_of_the_text(form):
    part = " ".join(words(9))
    made = sought(question(part))
    assert hits(form, part + " more", made)
    for bit in range(made.part_bits, 32):
        assert not hits(form, part + " more", made._replace(postings=made.postings ^ np.uint32(1 << bit))), bit


# -- mark ------------------------------------------------------------------------------------------------------------

BOTH = LINE | SENTENCE


FLAGS = {
    "one 2 three": [BOTH, NUMBER, 0],
    "7 up": [BOTH | NUMBER, 0],
    "a1 1a 1 a": [BOTH | NUMBER, NUMBER, NUMBER, 0],
    "one\ntwo": [BOTH, BOTH],
    "one\n\n \ntwo three": [BOTH, BOTH, 0],
    "\n\none two": [BOTH, 0],
    "one\r\n2": [BOTH, BOTH | NUMBER],
    "one\rtwo": [BOTH, 0],
    "one\u2028two": [BOTH, 0],
    "one. two": [BOTH, SENTENCE],
    "one! two? three": [BOTH, SENTENCE, SENTENCE],
    "one.\ttwo": [BOTH, SENTENCE],
    "one . two": [BOTH, SENTENCE],
    "he said: “one.” Two": [BOTH, 0, 0, SENTENCE],
    "one... two": [BOTH, SENTENCE],
    "one.two": [BOTH, 0],
    "one .two": [BOTH, 0],
    "3.14 x!y a?b": [BOTH | NUMBER, NUMBER, 0, 0, 0, 0],
    "one, two; three: four": [BOTH, 0, 0, 0],
    "one… two": [BOTH, 0],
    "一。二": [BOTH, SENTENCE],
    "一！二？三": [BOTH, SENTENCE, SENTENCE],
    "一、二．三": [BOTH, 0, 0],
    "一.二": [BOTH, 0],
    "一. 二": [BOTH, SENTENCE],
    "x ٣ ३ ３ 𝟙": [BOTH, NUMBER, NUMBER, NUMBER, NUMBER],
    "x Ⅻ 四": [BOTH, 0, 0],
    "x ½": [BOTH, NUMBER, NUMBER],  # two tokens of one character
    "x² x2 ① Ⅻ": [BOTH | NUMBER, NUMBER, NUMBER, 0],
    "ﷺ x": [BOTH, 0, 0, 0, 0],  # four
    "1\u0301 e\u0301": [BOTH | NUMBER, 0],
    "กข": [BOTH, 0],
    "😀 one 😀. 😀 2 😀": [BOTH, SENTENCE | NUMBER],
    "…!?": [],
}


@both_forms
def test_flags_of_tokens_by_hand(form):
    assert {words: marked(form, pa.array([words]))[1].tolist() for words in FLAGS} == FLAGS


@both_forms
def test_every_text_begins_with_a_line(form):
    column = pa.array(["one two.", None, "", "!", "three\n", "4"])
    assert marked(form, column)[1].tolist() == [BOTH, 0, BOTH, BOTH | NUMBER]


@both_forms
def test_texts_without_tokens_have_no_flags_and_no_hits(form):
    for texts in ([], [None], [""], ["", None, "…\n。"]):
        column = pa.array(texts, pa.string())
        flags = marked(form, column)[1]
        assert (flags.dtype, flags.shape) == (np.uint8, (0,)), texts
        assert scanned(form, column, sought(question("name it"))).shape == (0, len(HIT)), texts


def flags_of(written: str, spans: Iterable[tuple[int, int]]) -> list[int]:
    """Mark one text slowly and obviously: by regular expressions, and by what Python calls a digit in NFKD."""
    encoded, flags, before = written.encode(), [], None
    for start, end in spans:
        decomposed = unicodedata.normalize("NFKD", encoded[start:end].decode())
        flag = NUMBER if any(map(str.isdecimal, decomposed)) else 0
        between = encoded[before:start].decode() if before is not None and before < start else ""
        if before is None or "\n" in between:
            flag |= LINE | SENTENCE
        elif re.search(r"(?s)[.!?].*[\0-\x20]|[。！？]", between):
            flag |= SENTENCE
        flags.append(flag)
        before = end
    return flags


SIGNS = " .!?。！？\n\r\t\u3000\u200b…“”,"
mixed = st.text("aZ019٣३３½²①𝟙é\u0301ß漢か\u3099\u00adﷺ㌖😀𝐀𠀀กิ" + SIGNS, max_size=40)


@both_forms
@settings(max_examples=80)
@given(texts=st.lists(st.none() | mixed | st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
@example(texts=["㌖ ½.ﷺ\n½ ﷺ. 2", None, "。a", "a.", " b"])
def test_flags_are_those_of_a_slow_version(form, texts):
    tokens, flags = marked(form, pa.array(texts, pa.string()))
    expected = []
    for written, (first, last) in zip(texts, itertools.pairwise(tokens.bounds.tolist()), strict=True):
        spans = zip(tokens.starts[first:last].tolist(), tokens.ends[first:last].tolist(), strict=True)
        expected += flags_of(written or "", spans)
    assert flags.tolist() == expected


# -- scan, by hand ---------------------------------------------------------------------------------------------------

TOM = "how many red apples does Tom have left today"  # nine tokens, each worth 3


@both_forms
def test_a_copy_is_found_whole_with_other_case_and_signs(form):
    expected = Hit(0, 0, 27, 27, 9, 9, first=0, end=9, eights=2, in_eights=9, whole=BY_TEXT)
    for written in (TOM, "How many RED apples does Tom have\tleft, today?!", f"\n\n{TOM}\n"):
        assert hits(form, written, sought(question(TOM))) == [expected], written


@both_forms
def test_a_copy_among_other_words_is_found_but_not_as_a_whole(form):
    expected = Hit(0, 0, 27, 27, 9, 9, first=2, end=11, eights=2, in_eights=9, place=2)
    assert hits(form, f"so tell {TOM} please", sought(question(TOM))) == [expected]


@both_forms
def test_other_words_are_not_found(form):
    assert hits(form, "how many blue pears does Ann have left tomorrow", sought(question(TOM))) == []


@both_forms
def test_a_line_or_a_sentence_is_the_whole_part(form):
    made = sought(question(TOM))
    for written, first, whole in [
        (f"Hello there.\n{TOM}?\nThanks", 2, BY_LINE),
        (f"Hello there. {TOM}? Thanks.", 2, BY_SENTENCE),
        (f"Hello there.\n{TOM}? Thanks.", 2, BY_SENTENCE),
        (f"こんにちは。{TOM}？はい", 5, BY_SENTENCE),
        (f"Hello there: {TOM}? Thanks", 2, 0),
        (f"Hello there.\n{TOM}, thanks", 2, 0),
    ]:
        assert hits(form, written, made) == [Hit(0, 0, 27, 27, 9, 9, first, first + 9, 2, 9, 0, whole, first)], written


@both_forms
def test_a_part_of_several_sentences_and_lines_is_the_whole_text_or_nothing(form):
    part = "Tom has apples.\nHe eats one. How many now?"  # 3, 3 and 3 tokens
    (whole,) = hits(form, part, sought(question(part)))
    (among,) = hits(form, f"Hello.\n{part}", sought(question(part)))
    assert (whole.whole, whole.exact_weight, whole.first, whole.end, whole.place) == (BY_TEXT, 27, 0, 9, 0)
    assert (among.whole, among.exact_weight, among.first, among.end, among.place) == (0, 27, 1, 10, 1)


@both_forms
def test_of_a_part_that_is_whole_several_times_over_the_largest_block_counts(form):
    made = sought(question("name it"))
    assert hits(form, "name it", made) == [Hit(0, 0, 6, 6, 2, 2, 0, 2, whole=BY_TEXT)]
    assert hits(form, "Well. Name it. Or\nName it\nName it", made) == [Hit(0, 0, 6, 6, 2, 2, 4, 6, 0, 0, 0, BY_LINE, 4)]
    assert hits(form, "Well. Name it. Name it. Bye", made) == [Hit(0, 0, 6, 6, 2, 2, 1, 3, 0, 0, 0, BY_SENTENCE, 1)]


@both_forms
def test_a_part_of_fewer_tokens_than_a_gram_is_found_as_a_line_and_not_among_others(form):
    made = sought(question("Name it"), question("Is 7 odd"))
    expected = Hit(0, 0, 6, 6, 2, 2, first=1, end=3, whole=BY_LINE, place=1)
    assert hits(form, "Please:\nName it!\nThanks", made) == [expected]
    assert hits(form, "Please name it, thanks", made) == []
    # A number weighs 3 in the exact form, and nothing in the masked one.
    assert hits(form, "is 7 odd?", made) == [Hit(0, 1, 9, 6, 3, 3, first=0, end=3, whole=BY_TEXT)]
    assert hits(form, "is 9 odd?", made) == []


@both_forms
def test_only_questions_are_found_by_a_whole_block(form):
    assert hits(form, "name it", sought(answer("name it"))) == []
    (found,) = hits(form, TOM, sought(answer(TOM)))  # by its grams
    assert (found.whole, found.exact_weight, found.exact_run) == (0, 27, 9)


@both_forms
def test_choices_are_not_looked_for(form):
    choices = {"question": ("which one is it",), "choices": (TOM, "red apples")}
    assert hits(form, TOM, sought(choices)) == []
    assert [hit.part for hit in hits(form, f"which one is it?\n{TOM}", sought(choices))] == [0]


@both_forms
def test_where_numbers_are_changed_the_masked_form_occurs_and_the_exact_one_does_not(form):
    part = "Tom has 5 apples and buys 12 more how many apples are left"  # 13 tokens, numbers third and seventh
    written = "Tom has 6 apples and buys 40 more how many apples are left"
    # Exact: the six tokens behind the second number. Masked: all, of which the two numbers weigh nothing.
    assert hits(form, written, sought(question(part))) == [
        Hit(0, 0, 18, 33, exact_run=6, masked_run=13, first=0, end=13)
    ]
    expected = Hit(0, 0, 39, 33, 13, 13, 0, 13, eights=6, in_eights=13, in_tens=13, whole=BY_TEXT)
    assert hits(form, part, sought(question(part))) == [expected]


@both_forms
def test_a_number_that_becomes_a_word_is_not_masked(form):
    part = "Tom has 5 apples and buys twelve more how many apples are left"
    written = "Tom has five apples and buys twelve more how many apples are left"
    # The ten tokens behind the number, which are three 8-grams.
    expected = Hit(0, 0, 30, 30, 10, 10, first=3, end=13, eights=3, in_eights=10, in_tens=10)
    assert hits(form, written, sought(question(part))) == [expected]


@both_forms
def test_one_word_replaced_removes_the_grams_around_it(form):
    part = words(20)
    written = [*part[:8], "other", *part[9:]]
    # Runs of 8 and 11 tokens: one 8-gram and four.
    expected = Hit(0, 0, 19 * 3, 19 * 3, 11, 11, first=0, end=20, eights=5, in_eights=19, in_tens=11)
    assert hits(form, " ".join(written), sought(question(" ".join(part)))) == [expected]


@both_forms
def test_four_words_between_two_that_are_replaced_make_no_gram_and_are_not_counted(form):
    part = words(20)
    written = [*part[:8], "other", *part[9:13], "other", *part[14:]]
    # Runs of 8 and 6 tokens; four tokens between them are no gram.
    expected = Hit(0, 0, 14 * 3, 14 * 3, 8, 8, first=0, end=20, eights=1, in_eights=8)
    assert hits(form, " ".join(written), sought(question(" ".join(part)))) == [expected]


@both_forms
def test_13_tokens_in_a_row_are_reported_and_12_are_not(form):
    part = words(60)
    # Of 360 units of weight, 54 and 51 are found, which is less than a fifth; and nine grams or more.
    made = sought(question(" ".join(part)), weights=weighing(3, **dict.fromkeys(part[:30], 9)))
    expected = Hit(0, 0, 54, 54, 13, 13, first=1, end=20, eights=6, in_eights=13, in_tens=13, place=1 - 30)
    assert hits(form, " ".join(["so", *part[30:43], "then", *part[50:55]]), made) == [expected]
    assert hits(form, " ".join(["so", *part[30:42], "then", *part[50:55]]), made) == []


@both_forms
def test_half_of_the_tokens_in_runs_of_eight_are_reported_and_fewer_are_not(form):
    part = words(20)
    light = sought(question(" ".join(part)), weights=weighing(9, **dict.fromkeys(part[:10], 1)))
    # Of 100 units of weight, 10 are found.
    expected = Hit(0, 0, 10, 10, 10, 10, first=0, end=10, eights=3, in_eights=10, in_tens=10)
    assert hits(form, " ".join([*part[:10], "other"]), light) == [expected]
    assert hits(form, " ".join([*part[:9], "other"]), light) == []


@both_forms
def test_a_fifth_of_the_weights_is_reported_and_less_is_not(form):
    part = words(14)
    # The first six tokens weigh 18; all together, 18 + 7 * 9 + 9 = 90, of which it is a fifth, or 91.
    for last, expected in [(9, [Hit(0, 0, 18, 18, 6, 6, first=1, end=7, place=1)]), (10, [])]:
        made = sought(question(" ".join(part)), weights=weighing(9, **dict.fromkeys(part[:6], 3), **{part[13]: last}))
        assert hits(form, " ".join(["so", *part[:6], "other"]), made) == expected, last


@both_forms
def test_a_fifth_of_the_weights_will_do_where_it_is_numbers(form):
    part = ["1", "2", "and", "3", "or", "4", *words(8)]
    # The numbers weigh 36; all together, 36 + 7 * 18 + 18 = 180, of which it is a fifth, or 181. "And" and "or": 0.
    for last, expected in [(18, [Hit(0, 0, 36, 0, 6, 6, first=1, end=7, place=1)]), (19, [])]:
        weights = weighing(9, **{"and": 0, "or": 0}, **dict.fromkeys(part[6:13], 18), **{part[13]: last})
        made = sought(question(" ".join(part)), weights=weights)
        assert hits(form, "so 1 2 and 3 or 4 other", made) == expected, last


@both_forms
def test_a_fifth_of_the_weights_of_words_will_do_where_numbers_are_changed(form):
    part = "Tom has 5 apples and 12 pears and 7 plums"  # ten tokens: seven words, three numbers
    # No gram is without a number.
    expected = Hit(0, 0, 0, 21, exact_run=0, masked_run=10, first=0, end=10)
    assert hits(form, "Tom has 6 apples and 9 pears and 8 plums", sought(question(part))) == [expected]
    # The first four words weigh 12; all together, 12 + 22 + 3 + 23 = 60, of which it is a fifth, or 61.
    expected = Hit(0, 0, 0, 12, exact_run=0, masked_run=6, first=1, end=7, place=1)
    for plums, found in [(23, [expected]), (24, [])]:
        made = sought(question(part), weights=weighing(3, pears=22, plums=plums))
        assert hits(form, "so Tom has 6 apples and 9 other", made) == found, plums


@both_forms
def test_a_part_begins_where_its_longest_run_says(form):
    part = words(20)
    made = sought(question(" ".join(part)))
    for written, place in [
        (["so", *part], 1),
        (part[4:], -4),  # before the text
        ([*part[:6], *part[9:]], 6 - 9),  # runs of 6 and 11
        ([*part[:11], *part[14:]], 0),  # of 11 and 6
        ([*part[:10], "so", "so", *part[10:]], 0),  # of equally long runs the first one in the text
        ([*part[10:], "so", *part[:10]], -10),
    ]:
        (found,) = hits(form, " ".join(written), made)
        assert found.place == place, written
    # Runs count with masked numbers; of equally long ones the exact one.
    made = sought(question("a 1 b c d e f g"))
    for written, runs, place in [("a 2 b c d e f", (6, 7), 7), ("a 2 b c d e", (6, 6), -2)]:
        (found,) = hits(form, f"b c d e f g so {written}", made)
        assert (found.exact_run, found.masked_run, found.place) == (*runs, place), written


@both_forms
def test_pieces_count_that_are_moved_by_32_tokens_and_no_further(form):
    part = words(20)
    made = sought(question(" ".join(part)))
    for n_between, expected in [
        (1, Hit(0, 0, 60, 60, 13, 13, first=0, end=21, eights=6, in_eights=13, in_tens=13)),
        (32, Hit(0, 0, 60, 60, 13, 13, first=0, end=52, eights=6, in_eights=13, in_tens=13)),
        (33, Hit(0, 0, 39, 39, 13, 13, first=0, end=13, eights=6, in_eights=13, in_tens=13)),
    ]:
        written = [*part[:13], *words(n_between, "x"), *part[13:]]
        assert hits(form, " ".join(written), made) == [expected]


@both_forms
def test_pieces_of_a_long_part_count_that_are_moved_by_its_length(form):
    part = words(40)
    made = sought(question(" ".join(part)))
    for n_between, n_found in [(40, 40), (41, 33)]:
        written = [*part[:33], *words(n_between, "x"), *part[33:]]
        (found,) = hits(form, " ".join(written), made)
        assert (found.exact_weight, found.masked_weight, found.exact_run) == (n_found * 3, n_found * 3, 33)
        assert found.place == 0


@both_forms
def test_pieces_in_another_order_count(form):
    part = words(20)
    expected = Hit(0, 0, 60, 60, 13, 13, first=0, end=20, eights=6, in_eights=13, in_tens=13, place=7)
    assert hits(form, " ".join(part[13:] + part[:13]), sought(question(" ".join(part)))) == [expected]


@both_forms
def test_of_two_copies_the_first_is_reported(form):
    expected = Hit(0, 0, 27, 27, 9, 9, first=1, end=10, eights=2, in_eights=9, place=1)
    assert hits(form, f"so {TOM} again {TOM}", sought(question(TOM))) == [expected]


@both_forms
def test_of_two_copies_that_are_not_whole_both_are_spanned(form):
    expected = Hit(0, 0, 24, 24, 8, 8, first=1, end=19, eights=1, in_eights=8, place=1)
    edited = TOM.replace("today", "tomorrow")
    assert hits(form, f"so {edited} again {edited}", sought(question(TOM))) == [expected]
    far = " ".join(words(40, "x"))
    assert hits(form, f"so {edited} {far} {edited}", sought(question(TOM))) == [expected._replace(end=9)]


@both_forms
def test_beside_a_whole_copy_no_pieces_count(form):
    piece = " ".join(TOM.split()[:6])
    expected = Hit(0, 0, 27, 27, 9, 9, first=6, end=15, eights=2, in_eights=9, place=6)
    assert hits(form, f"{piece} {TOM} {piece}", sought(question(TOM))) == [expected]


@both_forms
def test_of_the_places_of_a_gram_the_first_ones_are_compared(form):
    part = words(8)
    for n_before, longest in [(MAX_PLACES - 1, 8), (MAX_PLACES, 7), (MAX_PLACES + 4, 7)]:
        written = [*(part[:5] + ["elsewhere"]) * n_before, *part]  # "other" has the code of the part's next word
        (found,) = hits(form, " ".join(written), sought(question(" ".join(part))))
        assert (found.exact_run, found.masked_run, found.exact_weight) == (longest, longest, 24), n_before
        assert (found.end, found.place) == (6 * n_before + 8, 6 * n_before), n_before


@both_forms
def test_one_word_repeated_is_compared_in_the_first_places_alone(form):
    made = sought(question("na " * 6))
    # The part's two grams are one.
    assert hits(form, "na " * 6, made) == [Hit(0, 0, 18, 18, 6, 6, 0, 6, whole=BY_TEXT)]
    assert hits(form, "na " * 40, made) == [Hit(0, 0, 18, 18, 6, 6, 0, 6)]
    # Of a longer part, 16 grams are found one behind the other: 20 tokens.
    (found,) = hits(form, "na " * 40, sought(question("na " * 30)))
    assert (found.exact_run, found.masked_run, found.first, found.end, found.place) == (20, 20, 0, 20, 0)


@both_forms
def test_a_copy_of_a_long_part_is_found_from_end_to_end(form):
    part = [f"{a}{b}" for a in words(70) for b in "abcdefghij"]  # 700
    made = sought(answer(" ".join(part)))
    assert len(searched(made)) < 350
    assert (searched(made)[0], searched(made)[-1]) == (0, 695)
    expected = Hit(0, 0, 2100, 2100, 700, 700, first=2, end=702, eights=693, in_eights=700, in_tens=700, place=2)
    assert hits(form, " ".join(["so", "then", *part, "yes"]), made) == [expected]


@both_forms
def test_of_a_long_part_a_piece_is_found_from_its_first_token_to_its_last(form):
    part = [f"{a}{b}" for a in words(70) for b in "abcdefghij"]
    made = sought(answer(" ".join(part)))
    first, last, n = 7, 207, 200
    expected = Hit(0, 0, n * 3, n * 3, n, n, 0, n, n - 7, n, n, place=-first)
    assert hits(form, " ".join([*part[first:last], "yes"]), made) == [expected]


@both_forms
def test_long_parts_are_searched_for_by_some_of_their_grams_and_compared_by_all(form):
    part = " ".join(f"{a} {b}" for a, b in itertools.product(words(6), words(10, "x")))  # 120 tokens
    made = sought({"question": (part,), "passage": (part,)})
    assert len(searched(made)) < 2 * 50
    assert [(h.part, h.exact_run, h.whole) for h in hits(form, part, made)] == [(0, 120, BY_TEXT), (1, 120, 0)]


@both_forms
def test_a_part_without_tokens_is_found_nowhere(form):
    made = sought(question("…?"), question("name it"))
    assert [hit.part for hit in hits(form, ["…?", "", "name it", None], made)] == [1]


@both_forms
def test_hits_are_in_the_order_of_texts_and_parts(form):
    made = sought(question("name it"), question(TOM), question(f"{TOM} please"))
    found = hits(form, [None, f"{TOM} please", "nothing", f"{TOM}\nname it", "name it"], made)
    assert [(hit.text, hit.part) for hit in found] == [(1, 1), (1, 2), (3, 0), (3, 1), (3, 2), (4, 0)]


@both_forms
def test_more_hits_are_found_than_there_was_room_for_at_first(form):
    made = sought(question("name it"), question(TOM))
    assert len(hits(form, ["name it\n" + TOM] * 700, made)) == 1400


@both_forms
def test_parts_of_several_benchmarks_are_numbered_through(form):
    made = [fingerprint([question(TOM)], THREE), fingerprint([question("name it"), question(TOM)], THREE)]
    both = together(one=made[0], two=made[1])
    found = hits(form, ["name it", TOM], both)
    assert [(hit.text, hit.part, hit.exact_weight) for hit in found] == [(0, 1, 6), (1, 0, 27), (1, 2, 27)]


@both_forms
def test_a_fingerprint_that_was_written_is_found_as_one_that_was_not(form, tmp_path):
    made = fingerprint([question("name it"), question(TOM), answer(" ".join(words(30)))], THREE)
    fingerprints.save(made, tmp_path / f"scan_made_up{fingerprints.ENDING}")
    read = references.load(("scan_made_up",), tmp_path).sought
    texts = ["name it", f"so {TOM}", " ".join(words(30))]
    found = hits(form, texts, read)
    assert found == hits(form, texts, together(made_up=made))
    assert [hit.part for hit in found] == [0, 1, 2]


@both_forms
def test_eight_grams_over_a_word_that_was_put_in_are_none_of_the_text(form):
    part = words(16)
    written = [*part[:8], "other", *part[8:]]
    (found,) = hits(form, " ".join(written), sought(question(" ".join(part))))
    assert found.eights == len(set(grams(part, 8)) & set(grams(written, 8))) == 2


@both_forms
def test_a_part_is_dropped_where_less_than_a_fifth_and_less_than_nine_of_its_grams_occur(form):
    for n_part, n_tokens, n_grams, is_found in [
        (15, 6, 2, False),  # of eleven grams
        (14, 6, 2, True),  # of ten, of which two are a fifth
        (60, 12, 8, False),  # of 56
        (60, 13, 9, True),
    ]:
        part = words(n_part)
        # The tokens that occur in the text weigh far more than a fifth of all.
        made = sought(question(" ".join(part)), weights=weighing(1, **dict.fromkeys(part[:n_tokens], 60)))
        assert len(set(grams(part, N)) & set(grams(part[:n_tokens], N))) == n_grams, (n_part, n_tokens)
        found = hits(form, " ".join([*part[:n_tokens], "other"]), made)
        assert [hit.exact_weight for hit in found] == [60 * n_tokens] * is_found, (n_part, n_tokens)


@both_forms
def test_a_part_of_more_than_twenty_postings_is_compared_where_a_tenth_of_them_occurs(form):
    part = words(100)
    posted = sought(answer(" ".join(part)))
    kept = searched(posted)
    assert 20 < len(kept) == len(posted.postings) <= 30
    for n_grams, is_found in [(2, False), (3, True)]:
        # From one gram that is kept to its end, or to that of a next; these tokens weigh more than a fifth of all.
        copied = part[kept[5] : kept[5 + n_grams - 1] + N]
        made = sought(answer(" ".join(part)), weights=weighing(1, **dict.fromkeys(copied, 60)))
        found = hits(form, " ".join(["so", *copied, "other"]), made)
        assert [hit.exact_weight for hit in found] == [60 * len(copied)] * is_found, n_grams


@both_forms
def test_a_part_of_eight_grams_is_compared_where_two_of_its_postings_occur(form):
    for n_common, n_own, is_found in [
        (10, 1, True),  # seven grams, one of them a posting
        (11, 1, False),  # eight
        (11, 2, True),  # nine, two of them postings
        (20, 1, False),
    ]:
        # Grams that more parts have in common are no postings.
        common = words(n_common)
        parts = [" ".join([*common, *words(n_own, f"{a}{b}")]) for a in "abcdefghi" for b in "abcdefgh"]
        made = sought(*map(question, parts))
        assert len(parts) > library.MAX_PARTS
        assert len(made.postings) == len(parts) * n_own, (n_common, n_own)
        assert [hit.part for hit in hits(form, f"so {parts[3]} other", made)] == [3] * is_found, (n_common, n_own)
        assert [hit.part for hit in hits(form, parts[3], made)] == [3], (n_common, n_own)  # as the whole text


@both_forms
def test_a_whole_part_is_found_where_a_digit_is_written_as_another_character(form):
    # NFKD makes ② a 2.
    part, written = "Solve x② now please sir", "Solve x2 now please sir"
    assert hits(form, written, sought(question(part))) == [Hit(0, 0, 15, 12, 5, 5, 0, 5, whole=BY_TEXT)]
    assert hits(form, part, sought(question(written))) == [Hit(0, 0, 15, 12, 5, 5, 0, 5, whole=BY_TEXT)]


@both_forms
def test_a_copy_is_preferred_to_one_with_other_numbers_before_it(form):
    part = "Tom has 5 apples and buys 12 more how many apples are left"
    (found,) = hits(form, f"{part.replace('5', '6')}\n{part}", sought(question(part)))
    assert found.whole == BY_LINE  # the second line; and so
    assert (found.exact_weight, found.exact_run, found.first, found.end, found.place) == (39, 13, 13, 26, 13)


# -- scan, by sets of words ------------------------------------------------------------------------------------------


def grams(tokens: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]


def covered(part: Sequence[str], written: Sequence[str], n: int) -> list[bool]:
    """Return whether each token of the part is in an n-gram of the text."""
    there = set(grams(written, n))
    is_covered = [False] * len(part)
    for at, gram in enumerate(grams(part, n)):
        if gram in there:
            is_covered[at : at + n] = [True] * n
    return is_covered


def longest(part: Sequence[str], written: Sequence[str]) -> int:
    """Return the tokens of the longest run of a gram or more that both contain."""
    return max((n for n in range(N, len(part) + 1) if set(grams(part, n)) & set(grams(written, n))), default=0)


def alike(part: Sequence[str], written: Sequence[str], n: int) -> list[tuple[int, int]]:
    """Return where an n-gram of the text and one of the part are equal, ascending."""
    pairs = itertools.product(enumerate(grams(written, n)), enumerate(grams(part, n)))
    return [(place, start) for (place, gram), (start, other) in pairs if gram == other]


def by_sets(part: list[str], lines: list[list[list[str]]], weights: dict[str, int]) -> Hit | None:
    """Return what a text of lines of sentences of words contains of a part; short ones, where all is near."""
    sentences = [sentence for line in lines for sentence in line]
    written = list(itertools.chain(*sentences))
    blocks = {BY_TEXT: [written], BY_LINE: [list(itertools.chain(*line)) for line in lines], BY_SENTENCE: sentences}
    whole = next((kind for kind, texts in blocks.items() if part in texts), 0)
    there = set(grams(part, N))
    places = [at for at, gram in enumerate(grams(written, N)) if gram in there]
    if not places:
        return None
    first, end = places[0], places[-1] + N
    if tuple(part) in (copies := grams(written, len(part))):  # beside a whole copy nothing else counts
        first = copies.index(tuple(part))
        end = first + len(part)
    weight = sum(weights[word] for word, here in zip(part, covered(part, written, N), strict=True) if here)
    run = longest(part, written)
    begin, start = alike(part, written, run)[0]
    return Hit(
        *(0, 0, weight, weight, run, run, first, end),
        eights=-1,
        in_eights=sum(covered(part, written, 8)),
        in_tens=sum(covered(part, written, 10)),
        whole=whole,
        place=begin - start,
    )


FEW = {"red": 1, "blue": 2, "green": 3, "black": 7}
few_words = st.lists(st.sampled_from(sorted(FEW)), min_size=1, max_size=8)


@st.composite
def parts_and_lines(draw: st.DrawFn) -> tuple[list[str], list[list[list[str]]]]:
    """Draw a part of up to 20 words, and a text of up to 16 that is mostly made of its pieces."""
    part = draw(st.lists(st.sampled_from(sorted(FEW)), min_size=N, max_size=20))
    room, lines = 16, []
    while room > 0 and (not lines or draw(st.booleans())):
        line = []
        while room > 0 and (not line or draw(st.booleans())):
            first = draw(st.integers(0, len(part) - 1))
            sentence = draw(st.just(part) | st.just(part[first:]) | st.just(part[: first + 1]) | few_words)[:room]
            line.append(sentence)
            room -= len(sentence)
        lines.append(line)
    return part, lines


@both_forms
@settings(max_examples=80)
@given(drawn=parts_and_lines())
@example(drawn=(["red", "blue"] * 5, [[["red", "blue"] * 5], [["green"], ["red"] * 3]]))
@example(drawn=(["red"] * 6, [[["red"] * 6]]))
@example(drawn=(["red", "blue", "green", "black"] * 3, [[["red", "blue", "green", "black", "red"]]]))  # one seed
def test_what_is_found_of_a_part_agrees_with_sets_of_words(form, drawn):
    part, lines = drawn
    written = "\n".join(" ".join(" ".join(sentence) + "." for sentence in line) for line in lines)
    made = sought(question(" ".join(part)), weights=weighing(9, **FEW))
    expected, found = by_sets(part, lines, FEW), hits(form, written, made)
    if expected is None:
        assert not found
        return
    is_much = expected.exact_weight * 5 >= sum(FEW[word] for word in part)
    if found:
        assert [hit._replace(eights=-1) for hit in found] == [expected]
        assert is_much or expected.whole or expected.exact_run >= 13 or expected.in_eights * 2 >= len(part)
        return
    # Little was found.
    assert not expected.whole
    assert expected.exact_run < 13
    assert expected.in_eights * 2 < len(part)
    parts_grams, there = grams(part, N), grams([word for line in lines for s in line for word in s], N)
    n_found = sum(gram in set(there) for gram in parts_grams)
    n_seeds = sum(gram in set(parts_grams) for gram in there)
    assert not is_much or n_found * 5 < len(parts_grams) or (len(parts_grams) >= 8 and n_seeds < 2)


@both_forms
@settings(max_examples=100)
@given(
    part=st.lists(st.sampled_from(["red", "blue", "7", "12"]), min_size=N, max_size=16),
    written=st.lists(st.sampled_from(["red", "blue", "5", "7"]), max_size=16),
)
def test_what_is_found_with_masked_numbers_agrees_with_sets_of_words(form, part, written):
    made = sought(question(" ".join(part)))
    masked, other = ([word if word.isalpha() else "#" for word in tokens] for tokens in (part, written))
    in_text = covered(masked, other, N)
    for found in hits(form, " ".join(written), made):
        assert found.masked_weight == 3 * sum(word != "#" for word, here in zip(masked, in_text, strict=True) if here)
        assert found.masked_run == longest(masked, other)
        assert found.exact_run <= found.masked_run
        assert found.place in {place - start for place, start in alike(masked, other, found.masked_run)}
        if found.masked_run == len(part):
            assert tuple(other[found.first : found.end]) == tuple(masked)
            continue
        assert found.exact_weight >= 3 * sum(covered(part, written, N))  # more where eight bits agree by chance
        places = [at for at, gram in enumerate(grams(other, N)) if gram in set(grams(masked, N))]
        assert (found.first, found.end) == (places[0], places[-1] + N)


# -- both forms ------------------------------------------------------------------------------------------------------

WORDS_ = ["red", "Blue", "how", "many", "the", "of", "straße", "naïve", "e\u0301", "7", "12", "٣", "३", "３", "½", "x²"]
WORDS_ += ["漢", "字数", "か\u3099", "ไทย", "กิ", "한국어", "😀", "ﷺ", "①", "\u00ad", "a1"]
BETWEEN = [" "] * 6 + ["\n", ". ", "! ", "?", "。", "！", "…", "", ", ", ".\n", "\t", "\u3000", "\u200b", ".\u0301 "]
piece = st.tuples(st.sampled_from(WORDS_), st.sampled_from(BETWEEN))
pieces = st.lists(piece, min_size=1, max_size=14) | st.lists(piece, min_size=7, max_size=14)


@st.composite
def composed(draw: st.DrawFn, stems: list[list[tuple[str, str]]]) -> str:
    """Draw stems cut, repeated, changed in a piece and joined."""
    written = []
    for _ in range(draw(st.integers(1, 3))):
        stem = list(draw(st.sampled_from(stems)))
        if draw(st.booleans()):
            stem[draw(st.integers(0, len(stem) - 1))] = draw(st.sampled_from(WORDS_)), draw(st.sampled_from(BETWEEN))
        if draw(st.booleans()):
            stem = stem[draw(st.integers(0, len(stem) - 1)) :]
        written += stem * draw(st.sampled_from([1, 1, 1, 1, 2, MAX_PLACES + 2]))
    return "".join(map("".join, written))


@st.composite
def audits(draw: st.DrawFn) -> tuple[list[str | None], list[dict[str, tuple[str, ...]]]]:
    """Draw texts and items of the same stems."""
    stems = draw(st.lists(pieces, min_size=1, max_size=3))
    texts = draw(
        st.lists(composed(stems) | composed(stems) | composed(stems) | st.none() | st.just(""), min_size=1, max_size=4)
    )
    items = []
    for _ in range(draw(st.integers(1, 3))):
        item = {"question": (draw(composed(stems)),)}
        for name in draw(st.sets(st.sampled_from(["choices", "answer", "passage"]))):
            item[name] = (draw(composed(stems)),)
        items.append(item)
    return texts, items


@pytest.fixture(scope="module")
def shipped() -> fingerprints.Weights:
    return fingerprints.load_weights()


def agree(column: pa.Array, made: kernels.Sought) -> Any:
    """Assert that both forms of mark and scan return the same values, and return these."""
    same(marked(COMPILED, column)[1], marked(PLAIN, column)[1])
    found = scanned(PLAIN, column, made)
    same(scanned(COMPILED, column, made), found)
    return found


@needs_compiled
@settings(max_examples=100)
@given(drawn=audits(), weight=st.none() | st.integers(0, 2))
@example(drawn=([], [question(TOM)]), weight=1)
@example(drawn=([None, "", "…"], [question("…"), question("a b"), answer(TOM)]), weight=0)
def test_both_forms_find_the_same(shipped, drawn, weight):
    texts, items = drawn
    weights = shipped if weight is None else weighing(weight)
    agree(pa.array(texts, pa.string()), sought(*items, weights=weights))


@both_forms
@settings(max_examples=20)
@given(drawn=audits(), n_before=st.integers(0, 3), n_behind=st.integers(0, 2))
@example(drawn=([TOM, None, "name it"], [question(TOM), question("name it")]), n_before=3, n_behind=2)
def test_a_column_that_is_cut_out_of_a_longer_one_is_read_like_a_column_of_its_own(form, drawn, n_before, n_behind):
    texts, items = drawn
    longer = pa.array(["how many 7\n", None, "漢。"][:n_before] + texts + ["1. x"] * n_behind, pa.string())
    made = sought(*items)
    sliced, alone = longer.slice(n_before, len(texts)), pa.array(texts, pa.string())
    same(marked(form, sliced)[1], marked(form, alone)[1])
    same(scanned(form, sliced, made), scanned(form, alone, made))


@both_forms
def test_bytes_behind_a_null_are_not_read(form):
    filled = pa.array([TOM, "name it", TOM])
    valid = pa.py_buffer(bytes([0b101]))
    column = pa.Array.from_buffers(pa.string(), 3, [valid, *filled.buffers()[1:]])
    assert column.to_pylist() == [TOM, None, TOM]
    made = sought(question(TOM), question("name it"))
    assert [tuple(row[:2]) for row in scanned(form, column, made).tolist()] == [(0, 0), (2, 0)]
    assert [tuple(row[:2]) for row in scanned(form, column.slice(1), made).tolist()] == [(1, 0)]


@both_forms
def test_the_chunks_of_a_column_are_read_as_it_is(form):
    texts = ["so", TOM, None, "", f"name it\n{TOM}", "name it", "7 of 8"]
    chunks = pa.chunked_array([texts[:2], texts[2:3], [], texts[3:]], pa.string())
    made = sought(question(TOM), question("name it"))
    found, before = [], 0
    for chunk in chunks.chunks:
        found += [[row[0] + before, *row[1:]] for row in scanned(form, chunk, made).tolist()]
        before += len(chunk)
    assert found == scanned(form, chunks.combine_chunks(), made).tolist()
    assert [tuple(row[:2]) for row in found] == [(1, 0), (4, 0), (4, 1), (5, 1)]
    large = pa.array(texts, pa.large_string())
    same(scanned(form, large, made), scanned(form, pa.array(texts), made))


@needs_compiled
def test_both_forms_find_the_same_of_many_edited_parts(shipped):
    rng = np.random.default_rng(5)

    def some(n: int) -> list[str]:
        return [rng.choice(WORDS_) + rng.choice(BETWEEN) for _ in range(n)]

    stems = [some(n) for n in (1, 2, 3, 4, 5, 6, 8, 12, 13, 20, 40, 90, 130)] + [["na ", "NA "] * 12]
    items = [{"question": ("".join(stem),), "answer": ("".join(stem[::-1]) + "end",)} for stem in stems]
    items += [{"question": (f"which is {k}",), "passage": ("".join(stem),)} for k, stem in enumerate(stems)]
    texts: list[str | None] = [None, ""]
    for stem in stems:
        changed = [word if rng.random() < 0.9 else rng.choice(WORDS_) + " " for word in stem]
        cut = rng.integers(0, len(stem))
        texts += ["".join(stem), "yes\n" + "".join(stem) + "\nno", "yes. " + "".join(stem) + ". no", "".join(changed)]
        texts += ["".join(stem[::-1]) + "end", "".join(stem[cut:] + stem[:cut]), "".join(stem * (MAX_PLACES + 2))]
        texts += ["".join([*stem[:cut], *some(40), *stem[cut:]]), re.sub("[0-9]", "5", "".join(stem))]
    found = agree(pa.array(texts, pa.string()), sought(*items, weights=shipped))
    # This compares nothing unless there are hits of all kinds.
    column = {name: found[:, k] for k, name in enumerate(HIT)}
    assert len(found) > 150
    assert set(column["whole"].tolist()) == {0, BY_SENTENCE, BY_LINE, BY_TEXT}
    assert (column["exact_run"] < column["masked_run"]).any()
    assert (column["exact_weight"] < column["masked_weight"]).any()
    assert ((column["exact_run"] > 0) & (column["exact_run"] < N)).any()
    assert (column["place"] < 0).any()
    for name in ("eights", "in_eights", "in_tens", "first", "place"):
        assert np.count_nonzero(column[name]) > 20


# -- single words ----------------------------------------------------------------------------------------------------


def resembling(form: SimpleNamespace, text: str, part: str, weights: Sequence[int] = ()) -> tuple[int, int, int]:
    ours, theirs = (tokenising.tokenise(pa.array([each])).hashes for each in (text, part))
    rows = np.array([[0, len(ours), 0, len(theirs)]])
    of = np.array(list(weights) or [3] * len(theirs), dtype=np.uint8)
    weight, first, end = form.resemble(ours, fingerprints.coded(theirs), of, rows)[0].tolist()
    return weight, first, end


@both_forms
def test_words_in_order_resemble_a_part_wherever_others_were_put_between_them(form):
    part = words(12)
    assert resembling(form, " ".join(part), " ".join(part)) == (36, 0, 12)
    edited = [*part[:2], "other", *part[2:5], "more", *part[6:]]
    assert resembling(form, " ".join(["so", *edited]), " ".join(part)) == (33, 1, 14)


@both_forms
def test_a_word_counts_beside_another_one_only(form):
    assert resembling(form, "one two three", "one x three") == (0, 0, 0)
    assert resembling(form, "one two three", "two three") == (6, 1, 3)
    assert resembling(form, "", "two three") == resembling(form, "one", "") == (0, 0, 0)


@both_forms
def test_of_two_ways_the_weightier_one_is_taken(form):
    assert resembling(form, "c d a b", "a b c d", (1, 1, 5, 5)) == (10, 0, 2)
    assert resembling(form, "c d a b", "a b c d", (5, 5, 1, 1)) == (10, 2, 4)
    assert resembling(form, "a b", "a b", (0x80 | 5, 2)) == (7, 0, 2)  # the first is a number


some_words = st.lists(st.integers(0, 5), max_size=14)


@needs_compiled
@settings(max_examples=500)
@given(text=some_words, part=some_words, seed=st.integers(0, 99))
def test_both_forms_resemble_alike(text, part, seed):
    ours, theirs = (np.array(each, dtype=np.uint64) << np.uint64(56) for each in (text, part))
    weights = np.random.default_rng(seed).integers(0, 256, len(part)).astype(np.uint8)
    rows = np.array([[0, len(text), 0, len(part)], [len(text) // 2, len(text), len(part) // 3, len(part)]])
    one, other = (form.resemble(ours, fingerprints.coded(theirs), weights, rows) for form in (COMPILED, PLAIN))
    same(one, other)


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_numbers_that_are_spelt_out_are_marked_alike():
    assert fingerprints.SPELT == layout.SPELT == 0x40
    assert fingerprints.MAX_NUMBERS == layout.MOST_NUMBERS


def some_numbers(*texts: Sequence[tuple[int, int, int]]) -> kernels.Numbers:
    """Return the numbers of texts: value, place and weight of each."""
    values, places, weights = (np.array([each[k] for text in texts for each in text]) for k in range(3))
    ends = np.cumsum([len(text) for text in texts])
    begins = np.append(0, ends)[:-1]
    return kernels.Numbers(values.astype(np.uint32), places.astype(np.uint8), weights.astype(np.uint8), begins, ends)


def weighed_in_order(form: SimpleNamespace, asked: kernels.Numbers, given: kernels.Numbers) -> list[list[int]]:
    pairs = np.array([(a, b) for a in range(len(asked.begins)) for b in range(len(given.begins))], dtype=np.int64)
    found: list[list[int]] = form.in_order(asked, given, pairs.reshape(-1, 2)).tolist()
    return found


@both_forms
def test_equal_numbers_in_order_are_weighed_and_their_distance_is_added_up(form):
    asked = some_numbers([(16, 0, 0x85), (3, 100, 0xC2), (2, 255, 0x81)])  # the second is spelt out
    given = some_numbers([(16, 10, 0), (2, 240, 0)], [(2, 0, 0), (3, 90, 0), (16, 200, 0)], [])
    assert weighed_in_order(form, asked, given) == [[6, 2, 2, 25], [5, 1, 1, 200], [0, 0, 0, 0]]


@both_forms
def test_of_equal_numbers_the_nearest_are_paired(form):
    asked = some_numbers([(5, 0, 0x81), (5, 250, 0x81)])
    given = some_numbers([(5, 0, 0), (5, 120, 0), (5, 240, 0)])
    assert weighed_in_order(form, asked, given) == [[2, 2, 2, 10]]


number = st.tuples(st.integers(0, 3), st.integers(0, 255), st.sampled_from((0x81, 0x83, 0xC1, 0xC2)))
some_texts = st.lists(st.lists(number, max_size=fingerprints.MAX_NUMBERS), min_size=1, max_size=3)


@needs_compiled
@settings(max_examples=300)
@given(asked=some_texts, given=some_texts)
def test_both_forms_weigh_numbers_alike(asked, given):
    one, other = some_numbers(*asked, []), some_numbers(*given, [])
    assert weighed_in_order(COMPILED, one, other) == weighed_in_order(PLAIN, one, other)


@both_forms
def test_the_parts_with_a_gram_are_counted_unless_there_are_very_many(form):
    shared, own = " ".join(words(5)), " ".join(words(9, "x"))
    few = sought(*(question(f"{shared} {own} {n * 'and '}") for n in range(3)))
    codes = fingerprints.coded(tokenising.tokenise(pa.array([f"{shared} nothing of these"])).hashes)
    assert form.n_parts_with(form.values_of(codes, N), few).tolist() == [3, 0, 0, 0]
    many = sought(*(question(f"{shared} {word}") for word in words(library.MAX_PARTS + 1, "y")))
    assert form.n_parts_with(form.values_of(codes, N), many).tolist() == [0, 0, 0, 0]
    assert form.n_parts_with(np.zeros(0, dtype=np.uint64), few).tolist() == []


@needs_compiled
@settings(max_examples=50)
@given(drawn=audits())
def test_both_forms_count_the_parts_with_a_gram_alike(drawn):
    texts, items = drawn
    made = sought(*items)
    tokens = tokenising.tokenise(pa.array(texts, pa.string()))
    values = COMPILED.values_of(fingerprints.coded(tokens.hashes), N)
    same(COMPILED.n_parts_with(values, made), PLAIN.n_parts_with(values, made))
