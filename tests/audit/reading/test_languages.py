"""Languages as people write them."""

import subprocess
import sys
import time

import pyarrow as pa
from cases import case
from chataudit.audit.reading.formats.languages import is_language_field, is_programming, normalised, tag_of
from chataudit.checks.base.text.languages import base


def test_all_ways_to_write_a_language_have_one_form():
    cases = {
        "en": "English english ENGLISH EN en eng eng_Latn en-Latn",
        "en-US": "en_US en-us EN-US en-Latn-US",
        "de": "deu ger de German german Deutsch deu_Latn",
        "es": "Español español Castilian spa_Latn",
        "zh": "zh zho cmn 中文 Chinese Mandarin",
        "zh-CN": "zh_cn zh-CN",
        "zh-Hans": "zho_Hans zh-hans cmn-Hans",
        "sr-Latn": "sr-Latn srp_Latn sh",
        "sr-Cyrl": "sr-Cyrl srp_Cyrl",
        "uz": "uz uzn_Latn uz-Latn",
        "uz-Cyrl": "uz-Cyrl uzn_Cyrl",
        "hi-Latn": "hi-Latn hin_Latn",
        "sw": "swh_Latn swa Swahili Kiswahili",
        "sq": "als_Latn",
        "mn": "khk_Cyrl",
        "ne": "npi_Deva",
        "ar": "arb_Arab arb Arabic العربية",
        "ms": "zsm zsm_Latn",
        "ps": "pbt_Arab",
        "ko": "kor_Hang 한국어",
        "ja": "jpn_Jpan",
        "nb": "nb nob nob_Latn",
        "nn": "nn nno",
        "no": "no nor",
        "tl": "tl tgl_Latn Tagalog",
        "fa": "Farsi Persian pes_Arab",
        "he": "iw Hebrew",
        "yue": "yue yue_Hant Cantonese",
        "arz": "arz arz_Arab",
        "es-419": "es-419",
        "und": "und",
        "mul": "mul",
        "zxx": "zxx",
    }
    for tag, written in cases.items():
        for value in written.split():
            with case(value):
                assert tag_of(value) == tag


def test_names_may_have_several_words():
    cases = [
        ("Chinese (Simplified)", "zh-Hans"),
        ("chinese (traditional)", "zh-Hant"),
        ("Simplified Chinese", "zh-Hans"),
        ("Portuguese (Brazil)", "pt-BR"),
        ("Brazilian Portuguese", "pt-BR"),
        ("English (US)", "en-US"),
        ("Serbian (Latin)", "sr-Latn"),
        ("Norwegian Bokmål", "nb"),
        ("Bahasa Indonesia", "id"),
        (" Haitian Creole\n", "ht"),
    ]
    for value, tag in cases:
        with case(value):
            assert tag_of(value) == tag


def test_what_is_no_language_has_no_tag():
    for value in (
        *(
            "",
            " ",
            "xx-unknown",
            "none",
            "n/a",
            "N/A",
            "unknown",
            "other",
            "klingonish",
            "x-foo",
            "12",
            "\ud800",
            "en" * 99,
        ),
        # Missing values, though the letters are valid codes.
        *("nan", "NaN", "NA", "unk"),
        # Names by which a language is called in another one, and the start of a name.
        *("java", "Java", "German shepherd", "English or French", "English (broken)", "Chinese (Foo)"),
        *("python", "go", "Go", "rust", "c++", "sql", "javascript", "julia", "basic"),
    ):
        with case(value):
            assert tag_of(value) is None


def test_the_form_of_a_tag_is_its_own_form():
    for value in ("en", "en-US", "zh-Hans", "zh-Hant-TW", "sr-Cyrl", "tl", "fa-AF", "uz-Cyrl", "ckb", "es-419", "und"):
        with case(value):
            assert tag_of(value) == value


def test_checks_see_the_same_language_behind_tag_and_form():
    for value in (
        "zho_Hans",
        "zh_cn",
        "pt-BR",
        "nb",
        "nno",
        "tgl",
        "fil",
        "arb",
        "arz",
        "zsm",
        "pes",
        "prs",
        "sh",
        "yue",
    ):
        with case(value):
            assert base(tag_of(value)) == base(value)


# -- fields -----------------------------------------------------------------------------------------------------------


def test_a_field_of_programming_languages_is_no_field_of_languages():
    cases = [
        ("en de fr", True),
        ("English German unknown", True),
        ("eng_Latn deu_Latn", True),
        ("en", True),
        ("python", False),
        ("python java c++ go sql", False),
        ("py js ts cs cpp rb sh", False),
        # Either: what the others are.
        ("pl cs en", True),
        ("pl cs py", False),
        ("lua ada en de", True),
        ("lua ada python", False),
        # Only such: codes of two letters are languages.
        ("pl cs ml ts", True),
        ("lua ada awk", False),
        ("pl lua", False),
        # Neither.
        ("", False),
        ("good bad mediocre", False),
        ("unknown unknown none en", False),
        ("unknown en", True),
    ]
    for values, expected in cases:
        with case(values):
            assert is_language_field(values.split(" ")) is expected


def test_the_more_frequent_kind_decides():
    assert is_language_field(["en"] * 9 + ["python"])
    assert not is_language_field(["python"] * 9 + ["en"])
    assert not is_language_field([])


def test_programming_languages_are_known_by_name_and_suffix():
    for value in ("python", "Python", "C", "c++", "C#", "Objective-C", "Visual Basic", "rust", "lua", "pl", " ts "):
        with case(value):
            assert is_programming(value)
    for value in ("english", "en", "", "javanese", "none"):
        with case(value):
            assert not is_programming(value)


# -- columns ----------------------------------------------------------------------------------------------------------


def test_a_column_keeps_what_is_no_language():
    column = pa.array(["English", None, "de", "Klingonish", "", "de_AT"])
    assert normalised(column).equals(pa.array(["en", None, "de", "Klingonish", "", "de-AT"]))
    assert normalised(pa.array([], pa.string())).equals(pa.array([], pa.string()))
    assert normalised(pa.array([None, None], pa.string())).null_count == 2
    assert normalised(pa.array(["eng", "fra"]).slice(1)).to_pylist() == ["fr"]


def test_a_column_in_its_form_is_returned_as_it_is_at_once():
    column = pa.array(["en", "de", None, "zh-Hans"] * 40_000)
    normalised(column)
    seconds = time.process_time()
    assert normalised(column) is column
    assert time.process_time() - seconds < 0.1  # 0.007 measured


def test_tables_of_names_are_loaded_when_first_used():
    code = "import sys, chataudit.audit.reading.formats.languages; print('langcodes' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False"]
