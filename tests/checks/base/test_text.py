"""Tokens against a slow and obvious version that works on strings, character by character."""

import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from chataudit.checks.base import kernels
from chataudit.checks.base.kernels.plain import tokens as plain_tokens
from chataudit.checks.base.text import tokens as tokenising
from chataudit.checks.base.text.tokens import Tokens
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from kernel_forms import PLAIN, both_forms

# -- the slow version ------------------------------------------------------------------------------------------------

UNSPACED = ("THAI ", "LAO ", "KHMER ", "MYANMAR ", "CJK ", "KANGXI ", "HANGZHOU ")  # how names of characters begin
UNSPACED += ("HIRAGANA ", "KATAKANA ", "KATAKANA-HIRAGANA ", "HENTAIGANA ")
HAN_SIGNS = "々〆〇〻"


class Token(NamedTuple):
    folded: str
    start: int  # bytes of the text in UTF-8
    end: int


@cache
def kind_of(character: str) -> str:
    if "\U00020000" <= character < "\U00034000":
        return "single"  # Han, also where Python's Unicode does not know it yet
    if character in "\u034f\u115f\u1160\u3164\uffa0" or "\ufe00" <= character <= "\ufe0f":
        return "unseen"
    if "\U000e0100" <= character <= "\U000e01ef":  # variation selectors
        return "unseen"
    category = unicodedata.category(character)
    if category == "Cf":
        return "unseen"
    if category[0] not in "LMN":
        return "separator"
    if unicodedata.name(character, "").startswith(UNSPACED) or character in HAN_SIGNS:
        return "single"
    return "mark" if category[0] == "M" else "word"


@cache
def parts_of(character: str) -> list[tuple[str, str]]:
    return [(part, kind_of(part)) for part in tokenising.fold(character)]


def tokens_of(string: str) -> list[Token]:
    tokens: list[Token] = []
    before = "separator"  # or what the token that goes on is: "word", "single"
    end = 0
    for character in string:
        start, end = end, end + len(character.encode())
        for part, kind in parts_of(character):
            if kind == "unseen":
                continue
            if kind == "separator" or (kind == "mark" and before == "separator"):
                before = "separator"
                continue
            if kind == "mark" or kind == before == "word":
                tokens[-1] = Token(tokens[-1].folded + part, tokens[-1].start, end)
            else:
                tokens.append(Token(part, start, end))
                before = "single" if kind == "single" else "word"
    return tokens


# -- comparing -------------------------------------------------------------------------------------------------------


def tokenise(form: SimpleNamespace, column: pa.Array) -> Tokens:
    with mock.patch.object(kernels, "tokenise", form.tokenise):
        return tokenising.tokenise(column)


def hashes(form: SimpleNamespace, string: str) -> list[int]:
    return tokenise(form, pa.array([string])).hashes.tolist()


def covered(form: SimpleNamespace, string: str) -> list[str]:
    """Return what the tokens of a text cover of it."""
    tokens = tokenise(form, pa.array([string]))
    return [string.encode()[start:end].decode() for start, end in zip(tokens.starts, tokens.ends, strict=True)]


def compare(tokens: Tokens, strings: Sequence[str | None]) -> None:
    starts, ends, bounds, folded = [], [], [0], []
    for string in strings:
        for token in tokens_of(string or ""):
            folded.append(token.folded)
            starts.append(token.start)
            ends.append(token.end)
        bounds.append(len(folded))
    assert tokens.bounds.tolist() == bounds
    assert tokens.starts.tolist() == starts
    assert tokens.ends.tolist() == ends
    assert (tokens.hashes.dtype, tokens.bounds.dtype) == (np.uint64, np.int64)
    assert (tokens.starts.dtype, tokens.ends.dtype) == (np.int32, np.int32)
    # Equal hashes if and only if equal strings: as many pairs as there are of either.
    found = tokens.hashes.tolist()
    assert len(set(zip(folded, found, strict=True))) == len(set(folded)) == len(set(found))


# -- any text --------------------------------------------------------------------------------------------------------

anything = st.characters(exclude_categories=["Cs"])
ALPHABETS = [
    "กขคงจาำิีึ่้๊ๆ๑๒ฯ",  # Thai with vowels, tones, digits, a sign
    "ກຂຄາຳິ່ໜ ខគង្ាំ។ ကခဂျြာိ့၊",  # Lao, Khmer, Myanmar
    "你好世界的一是不々〇〆〻㐀𠀀𫝀，。、《》㊗株㍿⼀⺀",
    "かがかはぱカガカパｶﾞﾊﾟｰーゝ・\u3099\u309a゛゜ゟヿㇰ㌔",
    "한국어가각힣ㄱㅏ각ﾡ\u1112\u1161\u11ab ",
    "العربيةكِتابٌـﷺﷲلا٠١٢؟،\u0640\u064b\u0651",
    "नमस्तेक्षि१२।\u093c\u094d\u200c\u200d",
    "aeoucnAEOÉéÅåñçßẞſıİiIſﬀ\u0301\u0308\u0327\u030a\u0307\u0345",
    "ΑΒΣΊσςίΐᾳᾼ\u0301ΌЙйЁё",
    "ＡＢＣａｂ１２＿！　～",
    "ﬁﬂﬃﬆ½¼①⑳Ⅷ㎏™℃ªº²₂㏒ǆĲ",
    "😀❤️👩‍👩‍👧🇩🇪👍🏽#️⃣1️⃣™️☀︎🏴\U000e0067\U000e007f",
    "a1 \u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u180e\u061c\u202e\u2028\u2029\u0085\x00\x1f\x7f",
    "0123456789٣३๓๙𝟘𝟡",
    "aZ0 _-'’.,@[`{/:",
    "\u00a8\u00af\u00b4\u00b8\u2017\u203e\u02d8´x",
    "\x7f\x80\u07ff\u0800\uffff\U00010000\U0010ffff\ud7ff\ue000𐐀𐐨𝐀",
]
long_word = st.builds(
    lambda length, letter, last: letter * (length - 1) + last,
    st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17, 24, 25, 33]),
    st.sampled_from("aQ7"),
    st.sampled_from(["a", "Z", "9", "é", "e\u0301", "\u00ad", " ", "-", "漢", "\u0301"]),
)
runs = st.one_of(
    anything,
    long_word,
    *[st.text(alphabet, min_size=1, max_size=12) for alphabet in ALPHABETS],
)
strings = st.one_of(st.text(anything), st.lists(runs, max_size=8).map("".join))
columns = st.lists(st.none() | strings, max_size=6)


@both_forms
@settings(max_examples=200)
@given(texts=columns)
@example(texts=["ab", "cd", "\u0301e", "e", "\u0301"])
@example(texts=["abcdefg", "h", "abcdefgh", "", None, "i"])
@example(texts=["か", "\u3099", "が", "ｶﾞ"])
@example(texts=["一", "\U0002f800", "\U0002f803", "𠄢"])
def test_tokens_are_those_of_the_slow_version(form, texts):
    compare(tokenise(form, pa.array(texts, pa.string())), texts)


@both_forms
@settings(max_examples=100)
@given(texts=columns, data=st.data())
def test_tokens_of_a_slice_are_those_of_its_texts(form, texts, data):
    first = data.draw(st.integers(0, len(texts)))
    size = data.draw(st.integers(0, len(texts) - first))
    column = pa.array(texts, pa.string()).slice(first, size)
    compare(tokenise(form, column), texts[first : first + size])


@settings(max_examples=100)
@given(texts=columns, piece=st.integers(1, 40))
def test_pieces_in_numpy_change_nothing(texts, piece):
    with mock.patch.object(plain_tokens, "PIECE", piece):
        compare(tokenise(PLAIN, pa.array(texts, pa.string())), texts)


@both_forms
@settings(max_examples=100)
@given(string=strings)
def test_a_text_split_in_two_has_no_token_over_the_edge(form, string):
    texts = [string[: len(string) // 2], string[len(string) // 2 :]]
    compare(tokenise(form, pa.array(texts)), texts)


@settings(max_examples=100)
@given(string=strings)
def test_composed_and_decomposed_texts_have_equal_tokens(string):
    composed, decomposed = (unicodedata.normalize(form, string) for form in ("NFC", "NFD"))
    # Several marks on one letter are not put in Unicode's order: docs/copies.md says so.
    assume(not any(all(map(unicodedata.combining, pair)) for pair in pairwise(decomposed)))
    assert (
        tokenising.tokenise(pa.array([composed])).hashes.tolist()
        == tokenising.tokenise(pa.array([decomposed])).hashes.tolist()
    )


@cache
def all_characters() -> list[str]:
    return [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]


def is_assigned(character: str) -> bool:
    return unicodedata.category(character) not in ("Cn", "Co")


@cache
def some_of_all_characters() -> list[str]:
    """Return all characters that have a meaning, but of Hangul syllables and common ideographs one in sixteen."""
    many = [("\u4f00", "\u9f00"), ("\uad00", "\ud700"), ("\U00020100", "\U0002f800"), ("\U00030100", "\U00034000")]
    return [
        character
        for character in all_characters()
        if is_assigned(character) and (ord(character) % 16 == 0 or not any(a < character < b for a, b in many))
    ]


@cache
def tokens_of_all(before: str, behind: str) -> list[list[tuple[int, int]]]:
    strings = [before + character + behind for character in some_of_all_characters()]
    return [[(token.start, token.end) for token in tokens_of(string)] for string in strings]


@both_forms
def test_every_character_is_taken_as_the_slow_version_takes_it(form):
    for before, behind in [("x", "y"), ("漢", "")]:
        strings = [before + character + behind for character in some_of_all_characters()]
        tokens = tokenise(form, pa.array(strings))
        text_of_token = np.repeat(np.arange(len(strings)), np.diff(tokens.bounds))
        found: list[list[tuple[int, int]]] = [[] for _ in strings]
        for number, start, end in zip(text_of_token, tokens.starts.tolist(), tokens.ends.tolist(), strict=True):
            found[number].append((start, end))
        pairs = zip(some_of_all_characters(), found, tokens_of_all(before, behind), strict=True)
        assert [f"U+{ord(character):04X}" for character, places, wanted in pairs if places != wanted] == [], (
            before,
            behind,
        )


@both_forms
def test_no_text_has_more_than_two_tokens_a_byte(form):
    # A character makes the most tokens where it is alone, so that texts of one are all there is to look at.
    characters = all_characters()
    n_tokens = np.diff(tokenise(form, pa.array(characters)).bounds)
    n_bytes = np.array([len(character.encode()) for character in characters])
    assert (n_tokens <= 2 * n_bytes).all()
    assert (n_tokens == 2 * n_bytes).any()  # "㌖", six Kana in three bytes


# -- what is the same token ------------------------------------------------------------------------------------------


def test_a_character_is_folded():
    for character, folded in [
        ("A", "a"),
        ("é", "e\u0301"),
        ("ß", "ss"),
        ("ẞ", "ss"),
        ("ς", "σ"),
        ("İ", "i\u0307"),
        ("ı", "ı"),
        ("ſ", "s"),
        ("ﬃ", "ffi"),
        ("Ａ", "a"),
        ("½", "1\u20442"),
        ("가", "\u1100\u1161"),
        ("ﾊ", "ハ"),
        ("ガ", "カ\u3099"),
        ("\u0345", "ι"),
        ("ᾳ", "αι"),
        ("漢", "漢"),
        ("\U0002f803", "𠄢"),
        ("\u200b", "\u200b"),
    ]:
        assert tokenising.fold(character) == folded, (character, folded)


def test_what_is_folded_stays_as_it_is_when_it_is_folded_again():
    assert [
        c for c in some_of_all_characters() if "".join(map(tokenising.fold, tokenising.fold(c))) != tokenising.fold(c)
    ] == []


@both_forms
def test_these_are_the_same_tokens(form):
    for one, other in [
        (unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")),
        ("Straße", "STRASSE"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ＡＢＣ１", "abc1"),
        ("co\u00adoperate", "cooperate"),
        ("\ufeffHello", "hello"),
        ("ﬁnd oﬃces", "find offices"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("はば", "は\u306f\u3099"),
        ("한국어", unicodedata.normalize("NFD", "한국어")),
        ("½", "1 2"),
        ("Hello,   World!", "hello world"),
        ("don't", "don t"),
        ("one\u200btwo", "onetwo"),
        ("x²", "x2"),
        ("𝐁𝐨𝐥𝐝", "bold"),
        ("Å", "\u212b"),
        ("你好，世界", "你 好 世 界"),
        ("GPT4是", "gpt4 是"),
    ]:
        assert hashes(form, one) == hashes(form, other) != [], (one, other)


@both_forms
def test_these_are_not(form):
    for one, other in [
        ("cafe", "café"),
        ("は", "ば"),
        ("ı", "i"),
        ("a b", "ab"),
        ("abcdefgh", "abcdefg h"),
        ("ab", "ba"),
        ("aaaaaaaa", "aaaaaaaaaaaaaaaa"),
        ("abcdefghi", "abcdefgh"),
        ("٣", "3"),
    ]:
        assert hashes(form, one) != hashes(form, other), (one, other)


@both_forms
def test_a_word_of_any_length_is_the_same_in_upper_case_and_at_any_place(form):
    for n in range(1, 35):
        word = "abcdefghijklmnopqrstuvwxyz0123456789"[:n]
        (alone,) = hashes(form, word)
        for place in range(9):
            assert hashes(form, "." * place + word.upper()) == [alone], n
            assert hashes(form, "." * place + word + "é")[0] != alone, n
            assert hashes(form, "\u00ad" * place + word[: n // 2] + "\u00ad" + word[n // 2 :] + " ") == [alone], n


# -- what is a token -------------------------------------------------------------------------------------------------


@both_forms
def test_tokens_cover_these_parts_of_a_text(form):
    for string, tokens in [
        ("The quick, brown fox.", ["The", "quick", "brown", "fox"]),
        ("x_1 = f(y2)", ["x", "1", "f", "y2"]),
        ("你好，世界", ["你", "好", "世", "界"]),
        ("สวัสดี", ["ส", "ว", "ั", "ส", "ด", "ี"]),
        ("東京タワー", ["東", "京", "タ", "ワ", "ー"]),
        ("か\u3099き", ["か\u3099", "き"]),
        ("안녕 하세요", ["안녕", "하세요"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("كِتَابٌ، قلم", ["كِتَابٌ", "قلم"]),
        ("½", ["½", "½"]),
        ("naïve nai\u0308ve", ["naïve", "nai\u0308ve"]),
        ("co\u00adoperate\u00ad now", ["co\u00adoperate", "now"]),
        ("\u0301a", ["a"]),
        ("漢\u0301a", ["漢\u0301", "a"]),
        ("a漢b", ["a", "漢", "b"]),
        ("㌔", ["㌔", "㌔"]),
        ("\U0002f803", ["\U0002f803"]),
        ("", []),
    ]:
        assert covered(form, string) == tokens, (string, tokens)


@both_forms
def test_no_punctuation_makes_a_token(form):
    marks = [character for character in all_characters() if unicodedata.category(character)[0] == "P"]
    n_tokens = np.diff(tokenise(form, pa.array(marks)).bounds)
    assert [f"U+{ord(mark):04X}" for mark, n in zip(marks, n_tokens.tolist(), strict=True) if n] == []


@both_forms
def test_no_emoji_and_no_space_makes_a_token(form):
    for string in [
        "😀",
        "👍🏽",
        "👩‍👩‍👧",
        "🇩🇪",
        "🏴\U000e0067\U000e0062\U000e007f",
        "❤",
        "❤️",
        "☀️☂️",
        "… — “” «» !?",
        " \t\n\u3000",
        "\u200d\u00ad",
    ]:
        assert covered(form, string) == [], string


@both_forms
def test_an_accent_by_itself_separates(form):
    assert hashes(form, "don´t") == hashes(form, "don't")


# -- columns ---------------------------------------------------------------------------------------------------------


@both_forms
def test_nulls_and_empty_texts_have_no_tokens(form):
    for texts in [[], [None], [""], [None, "", None], ["", "a", None, "b", ""]]:
        compare(tokenise(form, pa.array(texts, pa.string())), texts)


@both_forms
def test_a_null_has_no_tokens_where_bytes_are_behind_it(form):
    # As Arrow leaves them: the children of a struct that is null keep their values.
    struct = pa.StructArray.from_arrays([pa.array(["one", "two"])], names=["text"], mask=pa.array([False, True]))
    (column,) = struct.flatten()
    assert column.to_pylist() == ["one", None]
    assert tokenise(form, column).bounds.tolist() == [0, 1, 1]


@both_forms
def test_strings_of_other_arrow_types_have_the_same_tokens(form):
    for type in [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]:
        texts = ["one two", None, "", "drei vier fünf", "one two"]
        column = pa.array(texts).cast(type)
        for first in range(3):
            found = tokenise(form, column.slice(first))
            wanted = tokenise(form, pa.array(texts[first:]))
            assert found.hashes.tolist() == wanted.hashes.tolist(), type
            assert found.bounds.tolist() == wanted.bounds.tolist(), type


def test_a_column_of_nothing_has_no_tokens():
    assert tokenising.tokenise(pa.nulls(3)).bounds.tolist() == [0, 0, 0, 0]


def test_a_column_that_is_not_of_strings_is_refused():
    for column in [pa.array([[1]]), pa.array([b"\xff"])]:
        with pytest.raises(pa.ArrowException):
            tokenising.tokenise(column)
