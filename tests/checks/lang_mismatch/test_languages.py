"""Codes, scripts and kin of languages; what prompts ask for; how findings agree with people."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from chataudit.checks.base.messages import LABELS
from chataudit.checks.base.statistics import agreement as module
from chataudit.checks.base.statistics.agreement import Measure, agreement, labels
from chataudit.checks.base.statistics.intervals import wilson
from chataudit.checks.base.text.languages import (
    ARABIC,
    BENGALI,
    CYRILLIC,
    DEVANAGARI,
    GREEK,
    HAN,
    HANGUL,
    HEBREW,
    KANA,
    LATIN,
    OTHER,
    THAI,
    are_one,
    are_slavic,
    base,
    kin,
    names,
    script_table,
    scripts,
)
from chataudit.checks.lang_mismatch.requests import asks_for
from sklearn.metrics import average_precision_score, cohen_kappa_score

# -- codes -----------------------------------------------------------------------------------------------------------


def test_a_name_is_as_good_as_a_tag_and_a_code_within_a_language_has_that_of_the_language():
    for tag, code in [
        *(("English", "en"), ("german", "de"), ("français", "fr"), ("Chinese", "zh")),
        *(("eng_Latn", "en"), ("zho_Hans", "zh"), ("swh", "sw"), ("khk", "mn"), ("npi", "ne"), ("quy", "qu")),
        *(("mixed", None), ("none", None), ("Englisch-ish", None), ("Unknown", None)),
    ]:
        assert base(tag) == code, tag


def test_a_tag_has_the_code_of_its_language():
    for tag, code in [
        *(
            ("en", "en"),
            ("EN", "en"),
            (" en ", "en"),
            ("pt-BR", "pt"),
            ("pt_br", "pt"),
            ("uk-UA", "uk"),
            ("en-GB-oed", "en"),
        ),
        *(
            ("nb", "no"),
            ("nn", "no"),
            ("no", "no"),
            ("nb-NO", "no"),
            ("zh-Hant", "zh"),
            ("zh-Hans-CN", "zh"),
            ("sr-Latn", "sr"),
        ),
        *(("iw", "he"), ("in", "id"), ("ji", "yi"), ("jw", "jv"), ("mo", "ro"), ("zh-min-nan", "zh")),  # of old
        *(("por", "pt"), ("deu", "de"), ("ger", "de"), ("fra", "fr"), ("fre", "fr"), ("eng", "en"), ("hye", "hy")),
        *(("cmn", "zh"), ("yue", "zh"), ("arz", "ar"), ("fil", "tl"), ("sh", "sr"), ("gsw", "gsw"), ("ast", "ast")),
    ]:
        assert base(tag) == code, (tag, code)


def test_a_tag_that_names_no_language_has_an_empty_code():
    for tag in ["und", "mul", "zxx", "mis", "und-Latn", "UND", "", " "]:
        assert base(tag) == "", tag


def test_nonsense_is_no_tag():
    for tag in ["e", "not a tag", "de--AT", "en-", "日本", "english-us", "123", "1"]:
        assert base(tag) is None, tag


# -- scripts ---------------------------------------------------------------------------------------------------------


def test_a_language_is_written_in_its_scripts():
    for code, wanted in [
        *(("en", {LATIN}), ("vi", {LATIN}), ("tr", {LATIN}), ("id", {LATIN}), ("ru", {CYRILLIC}), ("uk", {CYRILLIC})),
        *(("mn", {CYRILLIC}), ("el", {GREEK}), ("he", {HEBREW}), ("yi", {HEBREW}), ("ar", {ARABIC}), ("fa", {ARABIC})),
        *(
            ("ur", {ARABIC}),
            ("bn", {BENGALI}),
            ("th", {THAI}),
            ("hi", {DEVANAGARI}),
            ("mr", {DEVANAGARI}),
            ("zh", {HAN}),
        ),
        *(
            ("ja", {KANA, HAN}),
            ("ko", {HANGUL}),
            ("sr", {CYRILLIC, LATIN}),
            ("ka", {OTHER}),
            ("ta", {OTHER}),
            ("am", {OTHER}),
        ),
    ]:
        assert set(scripts(code)) == wanted, (code, wanted)


PREFIXES = {
    "LATIN": LATIN,
    "CYRILLIC": CYRILLIC,
    "GREEK": GREEK,
    "HEBREW": HEBREW,
    "ARABIC": ARABIC,
    "BENGALI": BENGALI,
    "THAI": THAI,
    "HIRAGANA": KANA,
    "KATAKANA": KANA,
    "CJK": HAN,
    "HANGUL": HANGUL,
    "DEVANAGARI": DEVANAGARI,
}
# Where letters of several scripts are in one block, as signs of something else.
SIGNS = [(0x1D00, 0x1DBF), (0x2070, 0x218F), (0xFF00, 0xFFEF), (0xA770, 0xA7FF), (0x3E2, 0x3EF), (0x2C7C, 0x2C7D)]
SIGNS += [(0xA69C, 0xA69D), (0xAA, 0xBA), (0x3005, 0x3006), (0x2B0, 0x36F), (0xAB30, 0xAB6F), (0xFB00, 0xFB06)]


def test_letters_are_of_the_script_that_their_names_begin_with():
    table, wrong, seen = script_table(), [], set()
    for code in range(0x10000):
        character = chr(code)
        if unicodedata.category(character)[0] != "L" or any(first <= code <= last for first, last in SIGNS):
            continue
        name = unicodedata.name(character, "")
        wanted = PREFIXES.get(name.split(" ")[0].split("-")[0], OTHER)
        seen.add(wanted)
        if table[code] != wanted:
            wrong.append((f"U+{code:04X} {name}", wanted, int(table[code])))
    assert wrong == []
    assert seen == set(range(LATIN, OTHER + 1))


def test_what_is_no_letter_is_of_no_script():
    table = script_table()
    assert table.shape == (0x10000,)
    some = "0 9 _ - . , ٣ १ ১ ½ ² Ⅷ ① € ☃ \u0301 \u3099 \u0e31 \u093f \u200d \ufe0f 。 「 ️"
    assert {character: int(table[ord(character)]) for character in some if table[ord(character)]} == {}


# -- kin -------------------------------------------------------------------------------------------------------------

CODES = [
    "en",
    "de",
    "fr",
    "es",
    "pt",
    "gl",
    "ca",
    "it",
    "nl",
    "af",
    "sv",
    "da",
    "no",
    "fi",
    "et",
    "cs",
    "sk",
    "pl",
    "ru",
    "uk",
    "be",
    "bg",
    "mk",
    "sr",
    "hr",
    "bs",
    "sl",
    "id",
    "ms",
    "tr",
    "az",
    "hi",
    "mr",
    "ne",
    "fa",
    "ar",
    "ur",
    "zh",
]


def test_kin_is_mutual_and_includes_the_language_itself():
    for code in CODES:
        assert code in kin(code)
        assert {other for other in CODES if code in kin(other)} == kin(code) & set(CODES)


def test_these_are_easily_taken_for_one_another():
    for one, other in [
        ("no", "da"),
        ("pt", "gl"),
        ("id", "ms"),
        ("cs", "sk"),
        ("ru", "uk"),
        ("hr", "sr"),
        ("fa", "ur"),
    ]:
        assert other in kin(one), (one, other)


def test_these_are_not():
    for one, other in [("en", "de"), ("zh", "ja"), ("es", "it"), ("fi", "sv"), ("pl", "cs")]:
        assert other not in kin(one), (one, other)


def test_some_are_one_language_but_for_the_name():
    pairs = [("id", "ms"), ("hr", "sr"), ("bs", "hr"), ("en", "en"), ("cs", "sk"), ("no", "da"), ("id", "sr")]
    assert [are_one(one, other) for one, other in pairs] == [True, True, True, True, False, False, False]
    assert [are_one(other, one) for one, other in pairs] == [True, True, True, True, False, False, False]


def test_slavic_languages_are():
    assert are_slavic("ru", "pl")
    assert not are_slavic("ru", "ro")
    assert not are_slavic("hu", "sk")


def test_a_language_is_called_by_its_names_in_lower_case():
    assert names("de", ("en", "fr", "ru")) == {"german", "allemand", "немецкий", "deutsch"}


# -- what a prompt asks for ------------------------------------------------------------------------------------------


def test_a_language_is_asked_for_by_its_name_inflected_and_without_accents():
    for text, language, tongue in [
        *(
            ("Please answer in German.", "de", "en"),
            ("PLEASE ANSWER IN GERMAN", "de", "en"),
            ("in Mandarin", "zh", "en"),
        ),
        *(("Antworte bitte auf Englisch", "en", "de"), ("mit englischen Wörtern", "en", "de")),
        *(("Réponds en français", "fr", "fr"), ("reponds en francais", "fr", "fr"), ("en langue anglaise", "en", "fr")),
        *(("Responde en inglés", "en", "es"), ("responde en ingles", "en", "es"), ("en castellano", "es", "es")),
        *(("Escreva em inglês", "en", "pt"), ("Scrivi in inglese", "en", "it"), ("escriu en anglès", "en", "ca")),
        *(("ответь по-английски", "en", "ru"), ("немецкими словами", "de", "ru"), ("напиши англійською", "en", "uk")),
        *(("napisz po angielsku", "en", "pl"), ("napiš to v němčině", "de", "cs"), ("napis to anglicky", "en", "cs")),
        *(
            ("schrijf in het Nederlands", "nl", "nl"),
            ("skriv på engelska", "en", "sv"),
            ("skriv pa engelsk", "en", "da"),
        ),
        *(("kirjoita englanniksi", "en", "fi"), ("írd németül", "de", "hu"), ("ird nemetul", "de", "hu")),
        *(("İngilizce yaz", "en", "tr"), ("ingilizceye", "en", "tr"), ("Türkçe", "tr", "tr"), ("turkce", "tr", "tr")),
        *(
            ("scrie in engleza", "en", "ro"),
            ("tulis dalam bahasa Inggris", "en", "id"),
            ("idatzi ingelesez", "en", "eu"),
        ),
        *(("γράψε στα αγγλικά", "en", "el"), ("γραψε στα αγγλικα", "en", "el"), ("תענה באנגלית", "en", "he")),
        *(("اكتب بالإنجليزية", "en", "ar"), ("اكتب بالانجليزية", "en", "ar"), ("به انگلیسی بنویس", "en", "fa")),
        *(
            ("用英语回答", "en", "zh"),
            ("用英文回答", "en", "zh"),
            ("請用英文回答", "en", "zh"),
            ("英語で答えて", "en", "ja"),
        ),
        *(
            ("ドイツ語で", "de", "ja"),
            ("영어로 답해줘", "en", "ko"),
            ("독일어로", "de", "ko"),
            ("bằng tiếng Đức", "de", "vi"),
        ),
        *(("เขียนเป็นภาษาเยอรมัน", "de", "th"), ("जर्मन में उत्तर दें", "de", "hi")),
    ]:
        assert asks_for(text, language, (tongue,), translation=False), (text, language, tongue)


def test_a_name_with_vowel_signs_is_found():
    for text, language, tongue in [
        *(("अंग्रेज़ी में उत्तर दें", "en", "hi"), ("अंग्रेजी में लिखो", "en", "hi"), ("इसे हिन्दी में लिखो", "hi", "en")),
        *(("ইংরেজিতে লিখুন", "en", "bn"), ("বাংলায় লিখুন", "bn", "en"), ("เขียนเป็นภาษาอังกฤษ", "en", "th")),
    ]:
        assert asks_for(text, language, (tongue,), translation=False), (text, language, tongue)


def test_a_name_whose_stem_changes_is_found():
    for text, language, tongue in [
        *(("kirjoita suomeksi", "fi", "fi"), ("napiš to německy", "de", "cs"), ("napiš to česky", "cs", "cs")),
        *(("napiš to rusky", "ru", "cs"),),
    ]:
        assert asks_for(text, language, (tongue,), translation=False), (text, language, tongue)


def test_a_language_is_found_by_its_own_name_in_any_tongue():
    for text, language in [
        ("Bitte auf Deutsch", "de"),
        ("in deutscher Sprache", "de"),
        ("日本語で", "ja"),
        ("по-русски", "ru"),
        ("in italiano", "it"),
    ]:
        assert asks_for(text, language, ("en",), translation=False), (text, language)


def test_what_is_not_the_name_of_the_language_asks_for_nothing():
    for text, language, tongue in [
        *(
            ("the germ theory of disease", "de", "en"),
            ("fresh bread", "fr", "en"),
            ("a bridge of a wide span", "es", "en"),
        ),
        *(("Please answer in German.", "fr", "en"), ("he was engaged", "en", "en"), ("I like itchy wool", "it", "en")),
        *(("ein enger Raum", "en", "de"), ("ответь по-английски", "de", "ru")),
        *(
            ("英国的首都", "en", "zh"),
            ("ドイツの首都", "de", "ja"),
            ("영화 추천", "en", "ko"),
            ("中国的首都", "zh", "zh"),
        ),
        *(("כתוב בגרמנית", "en", "he"), ("اكتب بالألمانية", "en", "ar"), ("เขียนเป็นภาษาเยอรมัน", "en", "th")),
        *(("kirjoita saksaksi", "en", "fi"), ("írd németül", "en", "hu"), ("", "en", "en"), ("?!", "en", "en")),
        *(("bằng tiếng Anh", "de", "vi"), ("tiếng ồn trong nhà", "de", "vi")),
    ]:
        assert not asks_for(text, language, (tongue,), translation=False), (text, language, tongue)


def test_an_arrow_points_at_a_language():
    texts = ["en -> de: good morning", "en→DE", "English => de", "-> deck", "-> des", "de -> en", "- > de", "de"]
    assert [asks_for(text, "de", ("en",), translation=False) for text in texts] == [True] * 3 + [False] * 5


TRANSLATE = {
    "en": "Translate this",
    "de": "ubersetze das",
    "fr": "Traduis ceci",
    "es": "Traducción",
    "pt": "traduzir",
    "it": "TRADUCI",
    "ru": "Переведи это",
    "uk": "Переклади це",
    "bg": "Преведи това",
    "pl": "przetłumacz to",
    "cs": "prelož to",
    "nl": "vertaal",
    "sv": "översätt detta",
    "da": "oversæt dette",
    "no": "oversett",
    "fi": "käännä tämä",
    "hu": "fordítsd le",
    "tr": "çevir",
    "el": "μετάφρασε αυτό",
    "he": "תרגם את זה",
    "ar": "ترجم هذا",
    "fa": "ترجمه کن",
    "zh": "翻译这句话",
    "ja": "翻訳して",
    "ko": "번역해줘",
    "th": "แปลประโยคนี้",
    "vi": "dịch câu này",
    "id": "terjemahkan ini",
    "eu": "itzuli",
    "eo": "traduku",
    "ro": "tradu asta",
    "bn": "অনুবাদ করুন",
}


def test_a_request_to_translate_counts_with_any_target_language():
    for tongue in TRANSLATE:
        assert asks_for(TRANSLATE[tongue], "mn", (tongue,), translation=True), tongue
        assert not asks_for(TRANSLATE[tongue], "mn", (tongue,), translation=False), tongue


def test_a_translation_is_asked_for_without_the_stroke_of_a_letter_too():
    assert asks_for("przetlumacz to", "mn", ("pl",), translation=True)


def test_other_words_ask_for_no_translation():
    for text, tongue in [("a transparent trance", "en"), ("ubertrieben", "de"), ("переход", "ru"), ("tradition", "en")]:
        assert not asks_for(text, "mn", (tongue,), translation=True), (text, tongue)


def test_tongues_are_only_those_that_are_given():
    assert not asks_for("auf Englisch, übersetze das", "ru", ("fr",), translation=True)
    assert asks_for("auf Englisch, übersetze das", "ru", ("fr", "de"), translation=True)


# -- rates -----------------------------------------------------------------------------------------------------------


def test_wilsons_interval_is_as_published():
    for hits, n, low, high in [
        *((0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1)),
        # Newcombe (1998), Two-sided confidence intervals for the single proportion, table I, method 3.
        *((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)),
    ]:
        assert wilson(hits, n) == pytest.approx((low, high), abs=5e-5), (hits, n, low, high)


def test_nothing_counted_leaves_the_rate_unknown():
    assert wilson(0, 0) == (0, 1)


def test_an_interval_contains_the_rate_and_stays_within_0_and_1():
    for n in (1, 2, 7, 1000):
        for hits in range(0, n + 1, max(1, n // 7)):
            low, high = wilson(hits, n)
            assert 0 <= low <= hits / n + 1e-12
            assert hits / n - 1e-12 <= high <= 1
            assert wilson(n - hits, n) == pytest.approx((1 - high, 1 - low))


# -- agreement -------------------------------------------------------------------------------------------------------


def table(*cells: tuple[int, int, float, int]) -> list[Measure]:
    """Make the agreement of messages: what people said, what was found, the score, how often."""
    rows = [(people, found, score) for people, found, score, times in cells for _ in range(times)]
    people, found, scores = zip(*rows, strict=True)
    return agreement(np.array(people, dtype=bool), np.array(found, dtype=bool), np.array(scores, dtype=float))


@pytest.fixture
def few_resamples(monkeypatch):
    """Take few resamples, where intervals of the bootstrap do not matter, or only whether they are the same."""
    monkeypatch.setattr(module, "N_RESAMPLES", 20)


SMALL = ((1, 1, 0.9, 6), (0, 1, 0.6, 2), (1, 0, 0.3, 3), (0, 0, 0.1, 9))


def test_agreement_of_a_small_table_is_as_by_hand(few_resamples):
    precision, recall, average, kappa = table(*SMALL)
    assert [measure.name for measure in (precision, recall, average, kappa)] == [
        "precision",
        "recall",
        "average precision",
        "Cohen's kappa",
    ]
    assert precision.value == pytest.approx(6 / 8)
    assert recall.value == pytest.approx(6 / 9)
    # Ranked by score: 6 of 6 right, then 6 of 8, then 9 of 11: 6/9 at precision 1, and 3/9 at 9/11.
    assert average.value == pytest.approx(6 / 9 + 3 / 9 * 9 / 11)
    # 15 of 20 agree; by chance (9 * 8 + 11 * 12) / 400 = .51.
    assert kappa.value == pytest.approx((0.75 - 0.51) / (1 - 0.51))
    assert (precision.low, precision.high) == pytest.approx((0.4093, 0.9285), abs=1e-4)  # 6 of 8
    assert (recall.low, recall.high) == pytest.approx((0.3542, 0.8794), abs=1e-4)  # 6 of 9


def test_agreement_of_random_labels_is_that_of_scikit_learn_over_all_messages():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 11, 400) / 10
    people, found = scores + rng.normal(0, 0.4, 400) > 0.6, scores > 0.5
    measures = agreement(people, found, scores)
    assert measures[2].value == pytest.approx(average_precision_score(people, scores))
    assert measures[3].value == pytest.approx(cohen_kappa_score(people, found))
    for measure in measures:
        assert 0 <= measure.low < measure.value < measure.high <= 1


def test_the_bootstrap_is_about_as_wide_as_in_theory():
    # Of 2 x 2 tables: kappa .8 of 1000 halves, with a standard error of sqrt(p (1 - p) / n) / (1 - pe) = .019.
    kappa = table((1, 1, 1, 450), (0, 0, 0, 450), (1, 0, 0, 50), (0, 1, 1, 50))[3]
    assert kappa.value == pytest.approx(0.8)
    assert (kappa.low, kappa.high) == pytest.approx((0.8 - 1.96 * 0.01897, 0.8 + 1.96 * 0.01897), abs=0.01)


def test_agreement_is_the_same_every_time_and_in_any_order(few_resamples):
    assert table(*SMALL) == table(*SMALL[::-1])


def test_where_nothing_was_flagged_precision_is_unknown(few_resamples):
    precision, recall, *_ = table((1, 0, 0, 3), (0, 0, 0, 5))
    assert (precision.value, precision.low, precision.high) == (0, 0, 1)
    assert (recall.value, recall.low) == (0, 0)


def test_full_agreement_is_1(few_resamples):
    measures = table((1, 1, 1, 4), (0, 0, 0, 4))
    assert [measure.value for measure in measures] == [1, 1, 1, 1]
    assert measures[0].low == pytest.approx(4 / (4 + 3.8415), abs=1e-4)


# -- labels ----------------------------------------------------------------------------------------------------------


def answered(*rows: dict | None) -> tuple[list, list]:
    """Return means (None: none was asked) and numbers of answers to `lang_mismatch`."""
    means, counts = labels(pa.array(rows, LABELS), "lang_mismatch")
    assert (means.dtype, counts.dtype) == (np.float64, np.int64)
    return [None if np.isnan(mean) else mean for mean in means.tolist()], counts.tolist()


def of(names: list | None, values: list | None, counts: list | None) -> dict:
    return {"name": names, "value": values, "count": counts}


def test_a_label_is_found_by_its_name_in_any_place():
    rows = (
        of(["lang_mismatch", "spam"], [0.25, 1.0], [4, 3]),
        of(["spam", "toxicity", "lang_mismatch"], [1.0, 0.5, 0.75], [3, 2, 5]),
        of(["spam"], [1.0], [3]),
        of(["lang_mismatch"], [0.0], [1]),
    )
    assert answered(*rows) == ([0.25, 0.75, None, 0.0], [4, 5, 0, 1])


def test_of_a_duplicate_label_the_first_counts():
    assert answered(of(["spam", "lang_mismatch", "lang_mismatch"], [1.0, 0.25, 0.75], [9, 4, 5])) == ([0.25], [4])


def test_messages_without_labels_have_none_and_move_no_others():
    row = of(["lang_mismatch"], [0.5], [2])
    rows = (None, row, of([], [], []), row, of(None, None, None), None, row)
    assert answered(*rows) == ([None, 0.5, None, 0.5, None, None, 0.5], [0, 2, 0, 2, 0, 0, 2])


def test_a_null_name_value_or_count_is_none():
    rows = (
        of([None, "lang_mismatch"], [1.0, 0.5], [3, 2]),
        of(["lang_mismatch"], [None], [2]),
        of(["lang_mismatch"], [0.5], [None]),
        of(["lang_mismatch"], None, [2]),
        of(["lang_mismatch"], [0.5], None),
    )
    assert answered(*rows) == ([0.5, None, 0.5, None, 0.5], [2, 2, 0, 2, 0])


def test_lists_of_unequal_lengths_take_nothing_of_the_next_message():
    rows = (
        of(["spam", "lang_mismatch"], [1.0], [3, 2]),
        of(["lang_mismatch"], [0.5], [7]),
        of(["spam", "lang_mismatch"], [1.0, 0.25], [3]),
        of(["lang_mismatch"], [0.125, 9.0], [6, 9, 9]),
        of(["spam", "lang_mismatch"], [], []),
    )
    assert answered(*rows) == ([None, 0.5, 0.25, 0.125, None], [2, 7, 0, 6, 0])


def test_a_slice_of_a_column_has_the_labels_of_its_messages():
    column = pa.array([of(["lang_mismatch"], [k / 8], [k]) for k in range(6)], LABELS)
    means, counts = labels(column.slice(2, 3), "lang_mismatch")
    assert (means.tolist(), counts.tolist()) == ([0.25, 0.375, 0.5], [2, 3, 4])


def test_a_column_of_nothing_has_no_labels():
    for rows in [[], [None], [None, None]]:
        assert answered(*rows) == ([None] * len(rows), [0] * len(rows)), rows
