import pyarrow as pa
import pyarrow.compute as pc
import pytest
from cases import case
from chataudit.reports.wording import (
    HIDDEN,
    count_of,
    listed,
    number,
    percent,
    setting,
    size,
    subject,
    unbroken,
    visible,
)


def test_a_character_that_hides_or_turns_text_is_written_as_its_code_point():
    for text, shown in [
        ("a\u202eb", "a⟦U+202E⟧b"),  # right-to-left override
        ("a\u2066b\u2069", "a⟦U+2066⟧b⟦U+2069⟧"),  # isolates
        ("a\u200eb\u200f", "a⟦U+200E⟧b⟦U+200F⟧"),
        ("pass\u200bword", "pass⟦U+200B⟧word"),
        ("co\u00adoperate", "co⟦U+00AD⟧operate"),
        ("\ufeffbom", "⟦U+FEFF⟧bom"),
        ("a\U000e0041b", "a⟦U+E0041⟧b"),  # a tag
        ("a\x00b\x1b[31m\x7f\x85", "a⟦U+0000⟧b⟦U+001B⟧[31m⟦U+007F⟧⟦U+0085⟧"),
        ("a\r\nb", "a⟦U+000D⟧\nb"),
        ("\u3164name\u115f\uffa0", "⟦U+3164⟧name⟦U+115F⟧⟦U+FFA0⟧"),  # hangul fillers
        ("x\U000e0100", "x⟦U+E0100⟧"),  # a selector that may carry hidden data
        ("a\u2028b\u2029c", "a⟦U+2028⟧b⟦U+2029⟧c"),
        ("a\ud800b", "a⟦U+D800⟧b"),
        ("a\u200cb\u200dc", "a⟦U+200C⟧b⟦U+200D⟧c"),  # joiners where nothing is to be joined
    ]:
        with case(text, shown):
            assert visible(text) == shown


def test_what_belongs_to_the_writing_of_a_language_stays():
    for text in [
        "a\tb\nc",
        "می\u200cخواهم",  # Persian: I want
        "क\u094d\u200dष",  # Hindi: half ka with ssa
        "👨\u200d👩\u200d👧",
        "❤\ufe0f\u200d🔥",
        "e\u0301 é ñ Å",
        "日本語 한국어 中文",
        "مرحبا שלום",
        "⟦U+202E⟧",
        "",
    ]:
        with case(text):
            assert visible(text) == text


def test_arrow_and_python_take_the_same_characters_for_hidden():
    letters = [chr(k) for k in range(0x110000) if not 0xD800 <= k < 0xE000]
    found = pc.match_substring_regex(pa.array(letters), HIDDEN).to_pylist()
    changed = [visible(letter) != letter for letter in letters]
    assert [f"{ord(c):X}" for c, a, b in zip(letters, found, changed, strict=True) if a != b] == []
    assert sum(found) == 4216  # added up by hand, without surrogates


def test_a_share_has_as_many_places_as_separate_it_from_none_and_from_all():
    for share, expected in [
        (0.0, "0 %"),
        (0.0004, "0.04 %"),
        (0.0999, "10.0 %"),
        (0.1, "10.0 %"),
        (0.5, "50.0 %"),
        (0.9, "90.0 %"),
        (0.99951, "99.95 %"),
        (1.0, "100 %"),
    ]:
        with case(share, expected):
            assert percent(share) == expected


def test_a_size_is_written_in_thousands():
    for n, expected in [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (5_000_000_000, "5.0 GB"),
        (5_000_000_000_000, "5000.0 GB"),
    ]:
        with case(n, expected):
            assert size(n) == expected


def test_words_are_listed_as_a_person_would():
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_counts_are_written_with_their_noun():
    assert (count_of(0, "error"), count_of(1, "error"), count_of(1200, "error")) == (
        "0 errors",
        "1 error",
        "1,200 errors",
    )
    assert number(12345) == "12,345"


@pytest.mark.parametrize("text", ["അവന\u0d4d\u200d വന്നു", "می\u200c خواهم"])  # Malayalam: he came
def test_a_joiner_at_the_end_of_a_word_of_such_a_script_stays(text):
    assert visible(text) == text


def test_no_line_ends_within_an_interval_or_before_a_percent_sign():
    told = unbroken("25 of 1,200 messages (2.1 %, 95 % CI 1.2-3.6); 1 more, 2 other reasons")
    assert told.replace("\u00a0", "_") == "25 of 1,200 messages (2.1_%, 95_%_CI_1.2-3.6); 1_more, 2_other reasons"


def test_settings_are_written_as_in_toml():
    values = (None, True, 2.0, "2GB", "\u00e9", ["a", 1], {"a": [True]})
    told = ["not set", "true", "2.0", '"2GB"', '"\u00e9"', '["a", 1]', '{"a" = [true]}']
    assert [setting(value) for value in values] == told


def test_a_check_is_about_what_its_sentence_says_without_the_verb():
    assert subject("Report messages that shout.") == "messages that shout"
    assert subject("Messages that shout.") == "messages that shout"
    assert subject("URLs in messages.") == "URLs in messages"
