"""lang_mismatch: texts in another language than they declare, and all that only looks like it."""

import gzip
import json
import re
import time
from itertools import product

import pyarrow.parquet as pq
import pytest
from building import (
    SHARED,
    audit,
    batch,
    calling,
    conversation,
    flagged,
    message,
    needs_shared,
    nest,
    result,
    turns,
    uid,
    write,
)
from chataudit.audit.commands.app import app
from chataudit.audit.run import run
from chataudit.checks.base.statistics.intervals import Confusion
from chataudit.checks.lang_mismatch import check, rules
from chataudit.checks.lang_mismatch.check import LangMismatch
from chataudit.checks.lang_mismatch.context import LIKE_OTHERS, STANDS_OUT
from chataudit.checks.lang_mismatch.detectors import VOICES
from hypothesis import given, settings
from hypothesis import strategies as st
from staging import assert_examples
from typer.testing import CliRunner

# One evening by the river, in the words of many languages.
TALES = {
    "ar": "مشينا على طول النهر حتى المساء ثم طبخنا حساء الخضار في البيت",
    "bn": "আজ আবহাওয়া খুব ভালো ছিল তাই আমরা নদীর ধারে হাঁটতে গিয়েছিলাম",
    "de": "Wir sind heute am Fluss entlang gelaufen, bis es dunkel wurde, und haben danach Suppe gekocht",
    "el": "Σήμερα ο καιρός ήταν καλός και περπατήσαμε δίπλα στο ποτάμι",
    "en": "The weather was fine today, so we walked along the river until the evening came",
    "es": "Caminamos por la orilla del río hasta que se hizo de noche y luego preparamos una sopa",
    "fa": "در طول رودخانه تا شب قدم زدیم و بعد در خانه سوپ سبزیجات پختیم",
    "fi": "Kävelimme joen rantaa iltaan asti ja keitimme sitten keittoa jääkaapin vihanneksista",
    "fr": "Nous avons marché le long de la rivière jusqu'au soir, puis nous avons préparé une soupe",
    "he": "היום מזג האוויר נעים ולכן הלכנו לטייל לאורך הנהר",
    "hi": "नदी के किनारे हम शाम तक टहलते रहे और फिर घर पर सब्ज़ियों का सूप बनाया",
    "hu": "Estig sétáltunk a folyó mentén, aztán otthon főztünk egy nagy fazék zöldséglevest",
    "id": "Kami berjalan di sepanjang sungai sampai malam lalu memasak sup sayuran di rumah",
    "it": "Abbiamo camminato lungo il fiume fino a sera e poi abbiamo cucinato una zuppa di verdure",
    "ja": "きょうはてんきがよかったので、かわぞいをさんぽしました",
    "ka": "დღეს კარგი ამინდი იყო და საღამომდე მდინარის პირას ვისეირნეთ",
    "ko": "오늘은 날씨가 좋아서 강가를 따라 산책했습니다",
    "nl": "We liepen langs de rivier tot het donker werd en kookten daarna een grote pan soep",
    "no": "Vi gikk langs elva til det ble mørkt og kokte en stor gryte med suppe etterpå",
    "pl": "Szliśmy wzdłuż rzeki aż do wieczora, a potem ugotowaliśmy zupę z resztek warzyw",
    "ro": "Am mers de-a lungul râului până seara și apoi am gătit o supă mare de legume",
    "ru": "Сегодня была хорошая погода, и мы гуляли вдоль реки до самого вечера",
    "sv": "Vi gick längs ån tills det blev mörkt och kokade sedan en stor gryta med soppa",
    "th": "วันนี้อากาศดีมาก เราจึงเดินเล่นริมแม่น้ำ",
    "tr": "Akşama kadar nehir boyunca yürüdük, sonra da evde sebze çorbası pişirdik",
    "vi": "Chúng tôi đi dạo dọc bờ sông cho đến tối rồi về nhà nấu một nồi canh rau",
    "zh": "今天天气很好，所以我们沿着河边散步",
}
DE, EN, FR = (TALES[code] for code in ("de", "en", "fr"))
# Of Kanji and Kana in about equal parts, as Japanese is written as a rule.
KANJI = [
    "今日は天気が良かったので川沿いを散歩しました",
    "私は毎朝六時に起きて、犬と公園を走ってから、ゆっくり朝ごはんを食べます。",
]

LONG = {
    "gl": "O pan de millo faise con auga morna e un chisco de sal, e hai que deixalo repousar unha hora ben tapado. "
    "Despois métese no forno ata que a codia quede dourada.",
    "es": "Caminamos por la orilla del río hasta que se hizo de noche y luego preparamos una sopa con las verduras que "
    "quedaban en la nevera, mientras los niños dormían.",
    "sk": "Večer sme sa prechádzali popri rieke, kým sa nezotmelo, a potom sme doma uvarili veľký hrniec polievky zo "
    "zeleniny, ktorá nám zostala v chladničke.",
    "da": "Vi gik langs åen, indtil det blev mørkt, og bagefter kogte vi en stor gryde suppe af de grøntsager, der lå "
    "tilbage i køleskabet, mens børnene sov ovenpå.",
    "ru": "Вечером мы долго гуляли вдоль реки, пока совсем не стемнело, а потом сварили дома большую кастрюлю супа из "
    "овощей, которые остались в холодильнике.",
    "id": "Kami berjalan di sepanjang sungai sampai malam, lalu memasak sepanci besar sup di rumah dari sayuran yang "
    "masih tersisa di lemari es, sementara anak-anak tidur.",
    "ms": "Kami berjalan di sepanjang sungai sehingga malam, kemudian memasak seperiuk besar sup di rumah daripada "
    "sayur-sayuran yang masih tinggal di dalam peti sejuk, sementara kanak-kanak tidur.",
    "hr": "Šetali smo uz rijeku dok nije pao mrak, a onda smo kod kuće skuhali veliki lonac juhe od povrća koje je "
    "ostalo u hladnjaku, dok su djeca spavala na katu.",
    "sr": "Šetali smo pored reke dok nije pao mrak, a onda smo kod kuće skuvali veliki lonac supe od povrća koje je "
    "ostalo u frižideru, dok su deca spavala na spratu.",
    "bs": "Šetali smo uz rijeku dok nije pao mrak, a onda smo kod kuće skuhali veliki lonac supe od povrća koje je "
    "ostalo u frižideru, dok su djeca spavala na spratu.",
}

CODE = (
    'def walk(river, until):\n    """Walk along the river until the evening comes, then return."""\n'
    "    for step in river.steps():\n        if step.hour >= until:\n            return step\n    return None\n"
)
SHELL = (
    "$ sudo apt install nginx\n$ systemctl restart nginx\n$ tail -f /var/log/nginx/error.log\ncd /srv/www && ls -la\n"
    "drwxr-xr-x 2 root root 4096 Jan 1 12:00 home\n-rw-r--r-- 1 root root 220 Jan 1 12:00 notes.txt"
)
SQL = "SELECT name, price FROM products WHERE price > 10 ORDER BY name;\nUPDATE products SET price = 2 WHERE id = 7;"
YAML = "name: build\non:\n  push:\n    branches: main\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps: x"
LINKS = (
    "https://example.org/the-weather-was-fine-today/so-we-walked-along-the-river\n"
    "www.example.com/how-to-make-a-soup-of-vegetables/and-then-eat-it"
)
PRESIDENTS = (
    "George Washington, Abraham Lincoln, Theodore Roosevelt, Franklin Delano Roosevelt, John Fitzgerald Kennedy"
)
FILMS = "The Shawshank Redemption, Pulp Fiction, The Dark Knight, Schindler's List, Fight Club"
COMMENT = (
    "Returns the number of walkers along the river who have not been home since\nthe morning, or zero if all of them "
    "went back before the evening came and\nthe soup was ready to be eaten by everybody in the house and its garden\n"
    "without waiting for those who were late."
)
# A bilingual list, a line of German before each of English.
LEFT = [
    "Der Hund des Nachbarn schläft gern im Garten",
    "Die Suppe kocht schon lange auf dem Herd",
    "Am Abend gehen wir gemeinsam am Fluss spazieren",
    "Der Bäcker öffnet morgens um sechs seinen Laden",
    "Meine Schwester liest jeden Tag eine ganze Zeitung",
]
RIGHT = [
    "The dog of our uncle",
    "The soup on the stove",
    "In the evening we go",
    "The baker and his shop",
    "My sister reads a lot",
]
LIST = "".join(
    f"{left}, und deshalb freuen sich alle auf den nächsten Morgen.\n{right}.\n"
    for left, right in zip(LEFT, RIGHT, strict=True)
)


def audited(tmp_path, *texts, **options):
    """Audit these documents, each (declared, text) or (declared, text, context); return facts and findings."""
    names = ("lang", "text", "context")
    rows = [{"id": f"{k}", **dict(zip(names, text, strict=False))} for k, text in enumerate(texts)]
    record = audit(tmp_path, rows, LangMismatch(**options))
    (facts,) = record.facts.checks
    assert facts.error is None
    assert facts.checked + sum(facts.skipped.values()) == len(texts)
    return facts, record.table.to_pylist()


def findings_of(tmp_path, *texts, **options):
    """Return (document, rule, detected) of each finding."""
    _, rows = audited(tmp_path, *texts, **options)
    found = [(int(r["message_id"]), r["rule"].partition("/")[2], dict(r["facets"])["detected"]) for r in rows]
    return sorted(found)


def why(tmp_path, *text, **options):
    """Return the reason for which one text was skipped."""
    facts, rows = audited(tmp_path, text, **options)
    assert rows == []
    ((reason, n),) = facts.skipped.items()
    assert n == 1
    return reason


def talk(tmp_path, *texts, **options):
    """Return the findings on a thread of (declared, text), prompts and replies in turn: (message, rule, context)."""
    rows = []
    for k, (lang, text) in enumerate(texts):
        role = ("prompter", "assistant")[k % 2]
        rows.append(
            message(f"{k}", None if k == 0 else f"{k - 1}", role, lang=lang, text=text, message_tree_id=uid("0"))
        )
    record = audit(tmp_path, rows, LangMismatch(**options))
    names = {uid(f"{k}"): k for k in range(len(texts))}
    found = [
        (names[r["message_id"]], r["rule"].partition("/")[2], dict(r["facets"]).get("context", ""))
        for r in record.table.to_pylist()
    ]
    return sorted(found), record.facts.checks[0].skipped


# -- wrong language --------------------------------------------------------------------------------------------------


def test_every_rule_reports_its_example_and_leaves_its_neighbour():
    assert_examples(LangMismatch())


def test_a_text_in_another_language_is_flagged_both_ways_and_under_its_own_tag_it_is_not(tmp_path):
    for code in sorted(TALES.keys() - {"en"}):
        found = findings_of(tmp_path, ("en", TALES[code]), (code, EN), (code, TALES[code]), ("en", EN))
        assert found == [(0, "wrong_language", code), (1, "wrong_language", "en")], code


def test_languages_other_than_english_are_distinguished_too(tmp_path):
    for declared, text, detected in [
        ("fr", DE, "de"),
        ("de", FR, "fr"),
        ("es", FR, "fr"),
        ("pl", TALES["fi"], "fi"),
        ("vi", TALES["pl"], "pl"),
        ("sv", TALES["hu"], "hu"),
        ("th", TALES["ko"], "ko"),
        ("ja", "今天天气很好，所以我们沿着河边散步，晚上再一起吃饭", "zh"),
        ("zh", TALES["ja"], "ja"),
        ("he", TALES["ar"], "ar"),
        ("ta", TALES["ka"], "ka"),
        ("hr", "Шетали смо поред реке док није пао мрак, а онда смо код куће скували супу", "sr"),
    ]:
        assert findings_of(tmp_path, (declared, text), (detected, text)) == [(0, "wrong_language", detected)], (
            declared,
            text,
        )


def test_japanese_of_kanji_and_kana_is_flagged_and_is_no_chinese(tmp_path):
    for text, declared in product(KANJI, ("en", "ru", "ko")):
        assert findings_of(tmp_path, (declared, text), ("ja", text)) == [(0, "wrong_language", "ja")], (declared, text)
    for text in KANJI:
        assert findings_of(tmp_path, ("zh", text)) == [(0, "wrong_language", "ja")], text


def test_a_text_in_another_language_is_flagged_with_every_form_of_the_tag(tmp_path):
    for tag, code in [
        *(("en-US", "en"), ("eng", "en"), ("EN", "en"), ("pt-BR", "pt"), ("pt_br", "pt"), ("por", "pt")),
        *(("zh-Hant", "zh"), ("iw", "he"), ("sr-Latn", "sr"), ("nob", "no"), ("fil", "tl")),
    ]:
        _, (row,) = audited(tmp_path, (tag, DE))
        assert dict(row["facets"])["declared"] == code, tag


def test_a_text_in_its_language_is_flagged_with_no_form_of_the_tag(tmp_path):
    for tag, code in [
        *(("de-AT", "de"), ("deu", "de"), ("ger", "de"), ("DE", "de"), ("de_DE", "de"), ("nb", "no"), ("nor", "no")),
        *(("zh-CN", "zh"), ("cmn", "zh"), ("zh-Hans", "zh"), ("iw", "he"), ("heb", "he"), ("in", "id"), ("per", "fa")),
        *(("jpn", "ja"), ("gre", "el"), ("es-419", "es"), ("arb", "ar"), ("vie", "vi"), ("fr-CA", "fr")),
    ]:
        assert findings_of(tmp_path, (tag, TALES[code])) == [], tag


def test_what_only_looks_like_another_language_is_not_flagged(tmp_path):
    for declared, text in [
        ("de", CODE),
        ("de", f"Die Funktion geht am Fluss entlang:\n\n```python\n{CODE}```"),
        ("de", COMMENT),
        ("es", SHELL),
        ("fr", SQL),
        ("pl", YAML),
        ("it", LINKS),
        ("de", PRESIDENTS),
        ("es", FILMS),
        ("de", "ok thanks"),
        ("fr", "Thank you!"),
        ("ja", "OK, thanks"),
        ("en", "danke"),
        ("ko", "lol"),
        ("en", "grazie!!"),
        ("ru", "Segodnya byla khoroshaya pogoda, i my gulyali vdol reki do samogo vechera"),
        ("ru", "privet, kak dela? davno ne videlis, davay vstretimsya zavtra vecherom u menya doma"),
        ("el", "kalimera ti kaneis simera, thelo na pame mazi gia kafe avrio to proi"),
        ("hi", "aaj mausam bahut accha tha isliye hum shaam tak nadi ke kinare ghoomte rahe"),
        ("ja", "kyou wa tenki ga yokatta node kawazoi wo sanpo shimashita"),
        ("en", EN.upper()),
        ("de", DE.upper()),
        ("en", "teh wether was fien todya so we wlaked alnog teh rivr untill teh evning caem"),
        ("de", "wir sint heute am flus entlang gelaufn bis es dunkl wurde un haben danch supe gekoht"),
        ("en", "Hahahahahahahahahahahahahaha"),
        ("de", "asdfghjkl asdfghjkl qwertz uiop"),
    ]:
        assert findings_of(tmp_path, (declared, text)) == [], (declared, text)


def test_their_neighbours_in_another_language_are(tmp_path):
    for declared, text, detected in [
        ("de", f"{CODE}\n{EN}, and nobody was late.", "en"),
        ("es", f"{LINKS}\n{EN}", "en"),
        ("de", COMMENT.replace("\n", " "), "en"),
        ("de", f"We met George Washington and Abraham Lincoln. {EN}", "en"),
        ("ru", EN, "en"),
        ("en", DE.upper(), "de"),
        ("de", EN.upper(), "en"),
        ("en", "wir sint heute am flus entlang gelaufn bis es dunkl wurde un haben danch supe gekoht", "de"),
    ]:
        assert findings_of(tmp_path, (declared, text)) == [(0, "wrong_language", detected)], (declared, text)


def test_an_english_question_about_chinese_words_is_not_chinese(tmp_path):
    asked = "What does 今天天气很好，所以我们散步 mean"
    assert "wrong_language" not in [rule for _, rule, _ in findings_of(tmp_path, ("en", asked))]
    assert findings_of(tmp_path, ("en", "今天天气很好，所以我们散步 OK")) == [(0, "wrong_language", "zh")]


def test_facets_and_summary_name_the_languages_and_how_sure_it_is(tmp_path):
    _, rows = audited(tmp_path, ("en", TALES["th"]), ("en-US", f"{DE}.\n\nOK, thank you."))
    script, detectors = (dict(row["facets"]) for row in rows)
    assert script == {"declared": "en", "detected": "th", "share": "1.00"}
    assert rows[0]["summary"] == "Tagged English, but the text is Thai (by its script)"
    assert rows[0]["score"] == 1
    assert 0.9 < rows[1]["score"] < 1
    # 76 letters of German, 10 of English
    assert detectors == {"declared": "en", "detected": "de", "share": f"{76 / 86:.2f}"}
    sure = "probability above 99 %" if rows[1]["score"] > 0.99 else f"probability {100 * rows[1]['score']:.0f} %"
    assert rows[1]["summary"] == f"Tagged English, but 88 % of the text is German ({sure})"
    assert [row["severity"] for row in rows] == [3, 3]


def test_the_code_of_a_country_in_place_of_that_of_its_language_is_explained(tmp_path):
    _, rows = audited(tmp_path, ("se", TALES["sv"]), ("kr", TALES["ko"]), ("kr", TALES["th"]))
    hints = [row["summary"].partition("; ")[2] for row in rows]
    assert hints == [
        "se is the code of Sweden, that of Swedish is sv",
        "kr is the code of South Korea, that of Korean is ko",
        "",
    ]


def test_a_private_tag_declares_no_language(tmp_path):
    texts = [(tag, DE) for tag in ("x-pirate", "qaa", "qtz-Latn")]
    facts, rows = audited(tmp_path, *texts)
    assert (facts.skipped, rows) == ({rules.NO_LANGUAGE: 3}, [])


def test_detectors_that_are_all_but_sure_are_not_taken_for_the_script(tmp_path):
    _, rows = audited(tmp_path, ("en", "Danach haben wir noch einen großen Kuchen aus dem Ofen geholt"))
    assert [dict(row["facets"])["detected"] for row in rows] == ["de"]
    assert "by its script" not in rows[0]["summary"]


def test_a_claim_is_of_more_than_nothing_and_has_its_evidence(tmp_path):
    # Swedish as a whole, and by line neither that nor the declared language.
    _, rows = audited(tmp_path, ("en", "Malmös hamn\nstadens bibliotek"), ("en", LONG["da"]))
    assert "1" in {row["message_id"] for row in rows}
    for row in rows:
        assert float(dict(row["facets"])["share"]) > 0
        assert row["spans"]


# -- evidence --------------------------------------------------------------------------------------------------------


def test_the_span_marks_what_is_in_the_other_language_and_no_more(tmp_path):
    for before, after in [
        ("", ""),
        ("😀 👩‍👩‍👧 🎉\n", ". 🎉"),
        ("今天天气很好。\n", "."),
        ("```python\ndef f(größe):\n    return größe\n```\n", "."),
        ("https://example.org/größe/straße\n", ".\n\n```\nx = 1\n```\n"),
        ("Fine, thank you.\n\n", ".\nThanks a lot."),
        ("\u202b\u200f 12,5 % 𝟙𝟚\n\n\t", "."),
    ]:
        _, (row,) = audited(tmp_path, ("en", before + DE + after))
        assert [(span["start"], span["end"], span["quote"]) for span in row["spans"]] == [
            (len(before), len(before) + len(DE), DE)
        ], (before, after)


PIECES = [
    "😀 🎉",
    "```\nx = 1\n```",
    "12,5 %",
    "👩‍👩‍👧",
    "| größe | 日本 |\n| --- | --- |",
    "𝟙𝟚",
    "",
    "\u200f\u202e",
    "<b>ü</b>",
]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(PIECES), max_size=6), st.lists(st.sampled_from(PIECES), max_size=3))
def test_offsets_are_code_points_between_any_neighbours(above, below):
    text = "".join(f"{piece}\n" for piece in above) + f"{DE}." + "".join(f"\n{piece}" for piece in below)
    (row,) = LangMismatch().scan(batch([{"id": "a", "lang": "en", "text": text}], "documents")).findings.to_pylist()
    (span,) = row["spans"]
    assert text[span["start"] : span["end"]] == DE
    assert span["start"] == text.index(DE)


def test_the_three_longest_runs_are_marked_the_longest_first(tmp_path):
    tales = [
        DE,
        "Danach schliefen alle",
        "Am nächsten Morgen regnete es in Strömen",
        "Die Kinder haben im Garten gespielt",
    ]
    text = "".join(f"{tale}.\nYes, all right.\n" for tale in tales)
    _, rows = audited(tmp_path, ("en", text))
    assert [span["quote"] for row in rows for span in row["spans"]] == [tales[0], tales[2], tales[3]]


def test_a_span_of_very_many_segments_contains_none_of_the_declared_language(tmp_path):
    _, (row,) = audited(tmp_path, ("en", LIST * 20))
    for span in row["spans"]:
        marked = (LIST * 20)[span["start"] : span["end"]]
        assert [line for line in RIGHT if line in marked] == []


# -- close languages -------------------------------------------------------------------------------------------------


def test_a_long_text_in_a_close_language_is_a_warning_and_a_short_one_nothing(tmp_path):
    for declared, detected, names in (
        ("pt", "gl", ("Galician", "Portuguese")),
        ("ca", "es", ("Spanish", "Catalan")),
        ("cs", "sk", ("Slovak", "Czech")),
        ("sv", "da", ("Danish", "Swedish")),
        ("no", "da", ("Danish", "Norwegian")),
        ("uk", "ru", ("Russian", "Ukrainian")),
    ):
        text = LONG[detected]
        _, rows = audited(tmp_path, (declared, text), (declared, text[:60]), (detected, text))
        (row,) = rows
        assert (row["message_id"], row["rule"], row["severity"]) == ("0", "lang_mismatch/close_language", 2)
        assert re.fullmatch(
            rf"Tagged {names[1]}, but (\d\d % of )?the text is {names[0]}, a close language "
            r"\(probability (above )?\d+ %\)",
            row["summary"],
        )


def test_how_long_it_must_be_can_be_set(tmp_path):
    assert findings_of(tmp_path, ("sv", LONG["da"]), min_close=200) == []
    assert findings_of(tmp_path, ("ca", TALES["es"]), min_close=200) == []
    assert findings_of(tmp_path, ("ca", TALES["es"]), min_close=60) == [(0, "close_language", "es")]
    assert why(tmp_path, "ca", TALES["es"], min_close=200) == rules.NEAR_DECLARED


def test_languages_that_are_as_good_as_one_are_never_distinguished(tmp_path):
    for group in (("id", "ms"), ("hr", "sr", "bs")):
        pairs = [(declared, LONG[code]) for declared in group for code in group]
        assert findings_of(tmp_path, *pairs) == []
        for code in group:
            ((_, rule, detected),) = findings_of(tmp_path, ("en", LONG[code]))
            assert rule == "wrong_language"
            assert detected in group


# -- mixed languages -------------------------------------------------------------------------------------------------


def test_a_text_that_is_mostly_in_another_language_and_partly_in_its_own_is_a_note(tmp_path):
    for declared, text, detected in [
        ("en", f"{DE}.\n{EN}.", "de"),
        ("en", f"{DE}. {FR}.\n{DE}.\nPlease help me with the last of these sentences.", "de"),
        ("de", f"Was bedeutet der Satz „{EN}“?", "en"),
        ("en", f"{TALES['zh']}，晚上再一起吃饭。\nThe weather was fine, so we walked.", "zh"),
        ("en", LIST * 4, "de"),
    ]:
        _, (row,) = audited(tmp_path, (declared, text))
        assert (row["rule"], row["severity"]) == ("lang_mismatch/mixed_language", 1), text
        assert dict(row["facets"])["detected"] == detected
        assert 0.5 < float(dict(row["facets"])["share"]) < 0.95
        assert re.search(r", but \d\d % of the text is \w+; some of it is \w+$", row["summary"]), text


def test_a_long_bilingual_list_is_mixed_as_a_short_one_is(tmp_path):
    assert findings_of(tmp_path, ("en", LIST * 4), ("en", LIST * 20)) == [
        (0, "mixed_language", "de"),
        (1, "mixed_language", "de"),
    ]


def test_a_quotation_in_a_text_of_the_declared_language_is_nothing(tmp_path):
    for declared, text in [
        ("en", f"{EN}. {EN}. He wrote: „{DE}“."),
        ("de", f"Der Brief begann so: «{EN}». Danach brach er ab, und niemand wusste, wer ihn geschrieben hatte."),
        ("ja", f"次の文を訳してください。「{EN}」 きょうはてんきがよかったので、かわぞいをさんぽしました。"),
        ("en", f'What does the following sentence mean: "{TALES["zh"]}"? I read it on a poster yesterday.'),
    ]:
        assert findings_of(tmp_path, (declared, text)) == [], text


# -- what the prompt asked for ---------------------------------------------------------------------------------------


def test_a_reply_in_the_language_that_its_prompt_asked_for_is_not_flagged(tmp_path):
    for declared, prompt, reply in [
        ("en", f"Translate into the language of my neighbours: {EN}", DE),
        ("en", "How do I say this in german: I would like a coffee", DE),
        ("en", "EN -> DE: the weather was fine", DE),
        ("en", "Correct this: „Wir geht heute in dem Kino und esst danach Popcorn.“", DE),
        ("en", "Answer auf Deutsch what you did today", DE),
        ("es", "Contesta en alemán: ¿qué hiciste hoy?", DE),
        ("es", "Answer in German: what did you do?", DE),
        ("ja", "英語で答えてください。今日は何をしましたか。", EN),
        ("ja", "次の文を訳してください。今日は天気が良かった。", EN),
        ("ru", "Напиши то же самое по-английски, пожалуйста.", EN),
        ("zh", "请用英文写一句关于天气的话。", EN),
        ("en", "Translate: the weather is fine", TALES["zh"]),
        ("en", f"What does this mean: “{TALES['zh']}”", TALES["zh"]),
        ("en", "What does 今天天气很好 mean", TALES["zh"]),
        ("en", "Finish what I began: שלום לכולם, היום אנחנו", TALES["he"]),
    ]:
        assert why(tmp_path, declared, reply, prompt) == rules.ASKED_FOR, prompt


def test_one_that_nobody_asked_for_is(tmp_path):
    for declared, prompt, reply in [
        ("en", "What did you do today?", DE),
        ("en", "Was habt ihr heute gemacht?", DE),
        ("en", "How do I say this in Spanish: I would like a coffee", DE),
        ("en", "Correct this: “We goes to the cinema today and eats popcorn.”", DE),
        ("es", "¿Qué hiciste hoy por la tarde?", DE),
        ("ja", "今日は何をしましたか。", EN),
        ("ru", "Напиши, что ты сегодня делал.", EN),
        ("zh", "请写一句关于天气的话。", EN),
    ]:
        facts, (row,) = audited(tmp_path, (declared, reply, prompt))
        assert row["rule"] == "lang_mismatch/wrong_language", prompt
        assert facts.checked == 1  # the context is none of the messages


def test_a_language_that_was_asked_for_two_turns_before_still_is(tmp_path):
    rest = [("en", "Of course, I will do so from the next message"), ("en", f"{EN}. And you?"), ("en", DE)]
    assert talk(tmp_path, ("en", "From now on answer in German, please"), *rest) == ([], {rules.ASKED_FOR: 1})


def test_what_was_asked_for_may_go_on_below(tmp_path):
    rest = [("en", DE), ("en", "Und was habt ihr danach noch alles gegessen?"), ("en", DE)]
    reported = talk(tmp_path, ("en", "Translate this, please: we have been busy"), *rest)
    assert reported == ([], {rules.ASKED_FOR: 3})


def test_what_a_tool_gives_back_may_be_in_any_language(tmp_path):
    chat = turns(f"user: {DE}", calling("a"), result("a", EN), f"assistant: {DE}")
    record = audit(tmp_path, [{"id": "chat", "lang": "de", "messages": chat}], LangMismatch())
    assert flagged(record) == []
    (facts,) = record.facts.checks
    assert (facts.checked, facts.skipped[rules.TOOL]) == (2, 1)


def test_a_translation_that_was_asked_for_two_turns_before_is_another_matter(tmp_path):
    rest = [("en", "Of course, I will do so from the next message"), ("en", f"{EN}. And you?"), ("en", DE)]
    found, _ = talk(tmp_path, ("en", "Translate the word for dog, please"), *rest)
    assert found == [(3, "wrong_language", STANDS_OUT)]


def test_the_score_is_the_probability_whatever_the_neighbours_are_in(tmp_path):
    (found,), _ = talk(tmp_path, ("en", f"{EN}. And you?"), ("en", DE))
    assert found == (1, "wrong_language", STANDS_OUT)
    alone, beside = (
        audit(tmp_path, rows, LangMismatch()).table.to_pylist()[-1]["score"]
        for rows in (
            [message("1", lang="en", text=DE)],
            [message("0", lang="en", text=f"{EN}. And you?"), message("1", "0", lang="en", text=DE)],
        )
    )
    assert alone == beside


def test_a_thread_wholly_in_another_language_is_flagged_message_by_message(tmp_path):
    found, skipped = talk(
        tmp_path,
        ("en", "Was habt ihr heute den ganzen Tag gemacht?"),
        ("en", DE),
        ("en", "Und was habt ihr danach noch alles gegessen?"),
        ("en", "Danach haben wir noch einen großen Kuchen aus dem Ofen geholt"),
    )
    assert found == [(k, "wrong_language", LIKE_OTHERS) for k in range(4)]
    assert skipped == {}


def test_a_reply_in_the_language_that_its_prompt_declares_is_like_it(tmp_path):
    found, _ = talk(tmp_path, ("de", "Was habt ihr heute den ganzen Tag gemacht?"), ("en", DE))
    assert found == [(1, "wrong_language", LIKE_OTHERS)]


def test_the_language_of_what_declares_none_is_not_that_of_the_context_of_a_document_that_declares_one(tmp_path):
    asked = ("en", DE, f"Translate into German: {EN}")
    assert findings_of(tmp_path, asked) == []
    assert findings_of(tmp_path, asked, lang="de") == []
    _, (row,) = audited(tmp_path, ("en", DE, f"{EN}. And you?"), lang="de")
    assert dict(row["facets"]).get("context") != LIKE_OTHERS


# -- skipped ---------------------------------------------------------------------------------------------------------

NOT_JUDGED = [
    (rules.NO_LANGUAGE, None, EN),
    (rules.NO_LANGUAGE, "und", EN),
    (rules.NO_LANGUAGE, "mul", DE),
    (rules.UNKNOWN_TAG, "zz", DE),
    (rules.UNKNOWN_TAG, "xx", DE),
    (rules.UNSUPPORTED, "tum", "Ngifuna ukuhamba emfuleni kusasa ekuseni ngoba izulu lihle kakhulu namhlanje"),
    (rules.FEW_LETTERS, "de", "ok"),
    (rules.FEW_LETTERS, "de", ""),
    (rules.FEW_LETTERS, "de", "😀 12,5 %"),
    (rules.FEW_LETTERS, "en", "danke sehr"),
    (rules.FEW_LETTERS, "de", CODE),
    (rules.SEVERAL_SCRIPTS, "en", "שלום وداعا Привет 你好 γειά"),
    (rules.NEAR_DECLARED, "cs", LONG["sk"][:50]),
    (rules.SOURCE_TEXT, "de", COMMENT),
    (rules.UNDECIDED, "de", "hotel restaurant taxi radio museum park"),
]


def test_what_cannot_be_checked_is_counted_with_its_reason(tmp_path):
    for reason, declared, text in NOT_JUDGED:
        assert why(tmp_path, declared, text) == reason, (declared, text)


def test_the_name_of_a_language_is_no_tag_of_another(tmp_path):
    assert findings_of(tmp_path, ("bengali", TALES["bn"]), ("thai", TALES["th"])) == []


def test_every_message_is_checked_or_skipped_once(tmp_path):
    texts = [(declared, text) for _, declared, text in NOT_JUDGED]
    facts, rows = audited(
        tmp_path, *texts, ("en", DE, "Say it in German"), ("en", EN), ("en", DE), ("en", f"{DE}.\n{EN}.")
    )
    expected = {}
    for reason in [*(reason for reason, _, _ in NOT_JUDGED), rules.ASKED_FOR]:
        expected[reason] = expected.get(reason, 0) + 1
    assert facts.skipped == expected
    assert facts.checked == 3
    assert len(rows) == 2
    constants = {name: value for name, value in vars(rules).items() if name[0] != "_" and name.isupper()}
    reasons = {value for value in constants.values() if isinstance(value, str) and " " in value}
    no_outcomes = {STANDS_OUT, LIKE_OTHERS}
    assert reasons - no_outcomes - {rules.TOOL} == expected.keys()  # documents have no roles


def test_a_message_without_a_text_is_counted_as_one_with_too_few_letters(tmp_path):
    record = audit(tmp_path, [message("a", text=None), message("b", "a", text=DE)], LangMismatch())
    assert record.facts.checks[0].skipped == {rules.FEW_LETTERS: 1}
    assert flagged(record) == [("wrong_language", uid("b"))]


# -- no language declared --------------------------------------------------------------------------------------------


def test_languages_of_messages_that_declare_none_are_counted(tmp_path):
    texts = [*((None, DE),) * 3, ("und", TALES["th"]), (None, EN), (None, EN), (None, "ok"), ("fr", FR)]
    facts, rows = audited(tmp_path, *texts)
    (table,) = facts.tables
    assert table.name == "Languages of messages without a tag"
    assert table.columns == ("language", "messages", "share")
    assert [row[:2] for row in table.rows] == [("de", 3), ("en", 2), ("unsure", 1), ("th", 1)]
    assert table.rows[0][2] == "42.9 % (15.8-75.0)"  # Wilson's interval of 3 in 7
    assert rows == []
    assert facts.skipped == {rules.NO_LANGUAGE: 7}


def test_languages_of_several_files_are_counted_file_by_file(tmp_path):
    for name, texts in {"a": [DE, DE, EN], "b": [FR, "ok"]}.items():
        lines = [json.dumps({"id": f"{name}{k}", "text": text}) for k, text in enumerate(texts)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    record = run(tmp_path / "a.jsonl", tmp_path / "b.jsonl", checks=[LangMismatch()])
    (table,) = record.facts.checks[0].tables
    assert table.columns == ("file", "language", "messages", "share")
    shown = [(file.rpartition("/")[2], language, n) for file, language, n, _ in table.rows]
    assert shown == [("a.jsonl", "de", 2), ("a.jsonl", "en", 1), ("b.jsonl", "unsure", 1), ("b.jsonl", "fr", 1)]


def test_where_all_declare_a_language_there_is_no_such_table(tmp_path):
    facts, _ = audited(tmp_path, ("en", EN), ("de", EN))
    assert facts.tables == []


def test_they_can_be_compared_with_one_language(tmp_path):
    texts = [(None, DE), (None, EN), ("en", EN), ("und", EN)]
    for tag in ("de", "de-AT", "deu"):
        facts, rows = audited(tmp_path, *texts, lang=tag)
        assert [(row["message_id"], dict(row["facets"])["declared"]) for row in rows] == [("1", "de"), ("3", "de")]
        assert facts.skipped == {}


def test_the_command_line_sets_that_language(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "d.jsonl", [{"id": "a", "text": DE}, {"id": "b", "text": EN}])
    words = ["run", "d.jsonl", "--checks", "lang_mismatch", "--quiet"]
    done = CliRunner().invoke(app, [*words, "--lang", "de", "--out", "o"])
    assert done.exit_code == 0, done.output
    assert pq.read_table(tmp_path / "o" / "findings.parquet")["message_id"].to_pylist() == ["b"]
    assert json.loads((tmp_path / "o" / "record.json").read_text())["checks"][0]["settings"]["lang"] == "de"
    done = CliRunner().invoke(app, [*words, "--out", "none"])
    assert done.exit_code == 0, done.output
    assert pq.read_table(tmp_path / "none" / "findings.parquet").num_rows == 0


def test_where_nothing_is_checked_the_command_and_the_report_name_a_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "d.jsonl", [{"id": "a", "text": DE}, {"id": "b", "text": EN}])
    done = CliRunner().invoke(app, ["run", "d.jsonl", "--checks", "lang_mismatch", "--out", "o"])
    assert f"skipped       2  {rules.NO_LANGUAGE}\n" in done.output
    notes = json.loads((tmp_path / "o" / "record.json").read_text())["checks"][0]["notes"]
    assert notes == ["2 messages without a language tag were skipped; --lang sets their language"]


def test_a_language_on_the_command_line_that_is_none_is_one_line_and_exit_code_2(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "d.jsonl", [{"id": "a", "text": DE}])
    done = CliRunner().invoke(app, ["run", "d.jsonl", "--lang", "germanish"])
    assert done.exit_code == 2
    assert "lang: 'germanish'; expected a language tag such as en or pt-BR" in done.output
    assert "Traceback" not in done.output


# -- what people said ------------------------------------------------------------------------------------------------

LABELLED = [  # text of a message that declares en, mean of the labels, how many
    (DE, 0.67, 3),
    (FR, 1.0, 2),
    (TALES["pl"], 0.0, 4),  # found, and nobody said so
    (EN, 1.0, 3),  # not found, and all said so
    ("We stayed at home the day after, because it rained from morning to night", 0.5, 2),  # and half of them
    ("My sister reads a whole newspaper every single morning before breakfast", 0.0, 3),
    ("The baker opens his shop at six, and the bread is gone by half past seven", 0.33, 3),
]


def labelled():
    rows = []
    for k, (text, value, count) in enumerate(LABELLED):
        labels = {"name": ["spam", "lang_mismatch"], "value": [0.9, value], "count": [3, count]}
        rows.append(message(f"{k}", None, text=text, labels=labels, message_tree_id=uid(f"{k}")))
    rows.append(message("x", None, text=TALES["fi"], message_tree_id=uid("x")))  # without labels
    short = {"name": ["lang_mismatch"], "value": [1.0], "count": [3]}  # skipped
    rows.append(message("y", None, text="ok", labels=short, message_tree_id=uid("y")))
    return rows


@pytest.fixture(scope="module", params=["columns", "maps"])
def labels_audit(request, tmp_path_factory):
    """Audit what people labelled, in both forms of labels."""
    rows = labelled() if request.param == "columns" else [nest([row]) for row in labelled()]
    return audit(tmp_path_factory.mktemp("said"), rows, LangMismatch())


def test_agreement_with_people_is_measured(labels_audit):
    (facts,) = labels_audit.facts.checks
    (table,) = facts.tables
    assert table.name == "Agreement with human labels"
    assert table.columns == ("measure", "value", "95 % CI")
    rows = {name: (value, interval) for name, value, interval in table.rows}
    # Found are 3, of which people say 2; they say it of 4. Wilson's intervals, from his formula by hand.
    assert rows["precision"] == ("0.667", "0.208-0.939")
    assert rows["recall"] == ("0.500", "0.150-0.850")
    # They agree on 4 of 7; by chance they would on 3/7 * 4/7 + 4/7 * 3/7: (28 - 24) / (49 - 24).
    assert rows["Cohen's kappa"][0] == "0.160"
    assert table.about == (
        "Of 7 checked messages with human labels, 4 are labelled as another language (mean 0.5 or more). The check "
        "flagged 3, 2 of them among these 4."
    )
    assert facts.notes == []
    assert facts.labelled == Confusion(hits=2, misses=2, false_alarms=1, right_silences=2)


def test_disagreements_are_reported_both_ways(labels_audit):
    rows = [row for row in labels_audit.table.to_pylist() if row["rule"].endswith("label_disagrees")]
    reported = {row["message_id"]: (row["summary"], dict(row["facets"]), row["severity"]) for row in rows}
    assert reported == {
        uid("2"): (
            "4 of 4 human labels say English, but the detectors found Polish",
            {"declared": "en", "people": "0.00"},
            1,
        ),
        uid("3"): (
            "3 of 3 human labels say not English, but the detectors found English",
            {"declared": "en", "people": "1.00"},
            1,
        ),
        uid("4"): (
            "1 of 2 human labels says not English, but the detectors found English",
            {"declared": "en", "people": "0.50"},
            1,
        ),
    }
    scores = {row["message_id"]: row["score"] for row in rows}
    assert (scores[uid("3")], scores[uid("4")]) == (1, 0.5)
    assert scores[uid("2")] > 0.9


def test_labels_do_not_change_what_is_flagged(labels_audit):
    assert flagged(labels_audit, "wrong_language") == sorted(
        ("wrong_language", uid(name)) for name in ("0", "1", "2", "x")
    )


def test_without_labels_there_is_no_agreement(tmp_path):
    rows = [{**row, "labels": None} for row in labelled()]
    record = audit(tmp_path, rows, LangMismatch())
    assert flagged(record, "label_disagrees") == []
    assert (record.facts.checks[0].tables, record.facts.checks[0].notes) == ([], [])


def test_labels_of_other_questions_are_none(tmp_path):
    rows = labelled()
    for row in rows:
        if row.get("labels"):
            row["labels"]["name"] = ["spam", "toxicity"][: len(row["labels"]["name"])]
    record = audit(tmp_path, rows, LangMismatch())
    assert flagged(record, "label_disagrees") == []
    assert record.facts.checks[0].tables == []


def test_labels_that_are_all_alike_measure_nothing_and_a_note_states_it(tmp_path):
    rows = labelled()
    for row in rows:
        if row.get("labels"):
            row["labels"]["value"] = [0.0] * len(row["labels"]["value"])
    (facts,) = audit(tmp_path, rows, LangMismatch()).facts.checks
    assert facts.tables == []
    assert facts.notes == ["Agreement with human labels cannot be measured: all of them are alike (7 checked)"]
    assert facts.labelled is None  # or they would correct the rate to 0


def test_where_nothing_is_flagged_there_is_no_precision_to_speak_of(tmp_path):
    rows = [row for row in labelled() if row["message_id"] in {uid("3"), uid("4"), uid("5")}]
    (facts,) = audit(tmp_path, rows, LangMismatch()).facts.checks
    assert facts.error is None
    found = {name: (value, interval) for name, value, interval in facts.tables[0].rows}
    assert found["precision"] == ("0.000", "0.000-1.000")
    assert found["recall"] == ("0.000", "0.000-0.658")  # Wilson's interval of 0 in 2


def test_only_twenty_disagreements_are_reported_each_way(tmp_path):
    def labels(value):
        return {"name": ["lang_mismatch"], "value": [value], "count": [3]}

    rows = [row for k in range(25) for row in conversation(f"a{k}", 0, text=f"{DE} {k}", labels=labels(0.0))]
    rows += [row for k in range(25) for row in conversation(f"b{k}", 0, text=f"{EN} {k}", labels=labels(1.0))]
    found = [i for _, i in flagged(audit(tmp_path, rows, LangMismatch()), "label_disagrees")]
    assert len(found) == 40
    assert len({uid(f"a{k}") for k in range(25)} & set(found)) == 20


# -- settings --------------------------------------------------------------------------------------------------------


def test_a_setting_that_cannot_be_is_refused_with_what_is_expected():
    for values, expected in (
        (
            {"detectors": "cld3"},
            "detectors: 'cld3' does not exist. Available: best, eldc+py3langid+fasttext, py3langid+fasttext, "
            "py3langid+langdetect",
        ),
        ({"lang": "germanish"}, "lang: 'germanish'; expected a language tag such as en or pt-BR"),
        ({"lang": "und"}, "lang: 'und'; expected a language tag such as en or pt-BR"),
        ({"lang": ""}, "lang: ''; expected a language tag such as en or pt-BR"),
        ({"min_letters": 0}, "min_letters: 0; expected at least 1"),
        ({"min_close": 0}, "min_close: 0; expected at least 1"),
        ({"min_probability": 1}, "min_probability: 1; expected in (0, 1)"),
        ({"min_probability": -0.1}, "min_probability: -0.1; expected in (0, 1)"),
        ({"min_probability": float("nan")}, "min_probability: nan; expected in (0, 1)"),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
            LangMismatch(**values)


def test_a_shorter_text_is_checked_where_fewer_letters_are_required(tmp_path):
    text = "Gracias por todo"  # 14 letters
    assert findings_of(tmp_path, ("en", text)) == [(0, "wrong_language", "es")]
    assert why(tmp_path, "en", text, min_letters=15) == rules.FEW_LETTERS


def test_the_smallest_probability_can_be_set(tmp_path):
    text = f"{DE}.\n\nOK, thank you."
    _, (row,) = audited(tmp_path, ("en", text))
    assert findings_of(tmp_path, ("en", text), min_probability=row["score"] - 1e-6) == [(0, "wrong_language", "de")]
    assert why(tmp_path, "en", text, min_probability=row["score"] + 1e-6) == rules.UNDECIDED


def test_all_detectors_flag_the_plain_cases_and_no_others(tmp_path):
    codes = sorted(TALES.keys() - {"en", "ka", "nl"})  # langdetect knows no Georgian, and takes Dutch for Afrikaans
    for detectors in VOICES:
        wrong = findings_of(tmp_path, *(("en", TALES[code]) for code in codes), detectors=detectors)
        assert wrong == [(k, "wrong_language", code) for k, code in enumerate(codes)], detectors
        right = [(code, TALES[code]) for code in [*codes, "en"]]
        assert findings_of(tmp_path, *right, detectors=detectors) == [], detectors


def test_without_eldc_the_others_decide(tmp_path, monkeypatch):
    monkeypatch.setattr(check, "is_installed", lambda name: name != "eldc")
    assert LangMismatch().voices == ("py3langid", "fasttext")
    facts, rows = audited(tmp_path, ("en", DE))
    assert [row["rule"] for row in rows] == ["lang_mismatch/wrong_language"]
    assert facts.notes == ["eldc is not installed; detected with py3langid and fasttext instead"]
    assert audited(tmp_path, ("en", DE), detectors="py3langid+fasttext")[0].notes == []
    with pytest.raises(ValueError, match=r"^detectors: eldc is not installed; expected `pip install eldc`$"):
        LangMismatch(detectors="eldc+py3langid+fasttext").verify()


def test_a_language_that_only_one_detector_knows_is_checked(tmp_path):
    for detectors in ("best", "py3langid+langdetect"):
        assert findings_of(tmp_path, ("ka", EN), detectors=detectors) == [(0, "wrong_language", "en")]
        assert findings_of(tmp_path, ("ka", TALES["ka"]), detectors=detectors) == []


# -- the same again --------------------------------------------------------------------------------------------------


def test_findings_and_counts_are_the_same_for_every_batch_and_engine(tmp_path):
    rows = [row for row in labelled() if row["message_id"] != uid("y")]
    for code, tale in sorted(TALES.items())[::2]:
        for lang in ("en", code, None):
            name = f"{code}-{lang}"
            more = {"message_tree_id": uid(name), "lang": lang}
            rows += [message(name, text=tale, **more), message(f"{name}-1", name, text=EN, **more)]
    path = write(tmp_path / "d.jsonl", rows)

    def outcome(**options):
        record = run(path, checks=[LangMismatch()], **options)
        (facts,) = record.facts.checks
        return record.table, facts.tables, facts.notes, sorted(facts.skipped.items()), facts.checked

    whole = outcome(engine="serial")
    assert whole[0].num_rows > 20
    assert len(whole[1]) == 2
    for options in [
        {"engine": "serial", "block": 1},
        {"engine": "serial", "block": 3000},
        {"engine": "threads", "workers": 3, "block": 2000},
    ]:
        again = outcome(**options)
        assert again[0].equals(whole[0])
        assert again[1:] == whole[1:]


def test_a_text_is_checked_alike_beside_any_other_texts(tmp_path):
    texts = [("en", DE), ("en", f"{DE}.\n{EN}."), ("pt", LONG["gl"]), ("ru", EN)]
    _, together = audited(tmp_path, *texts, *TALES.items())
    for k, text in enumerate(texts):
        _, (alone,) = audited(tmp_path, text)
        assert [(r["summary"], r["score"]) for r in together if r["message_id"] == f"{k}"] == [
            (alone["summary"], alone["score"])
        ]


# -- hostile texts ---------------------------------------------------------------------------------------------------

ZALGO = "".join(f"{c}\u0336\u0315\u0489\u0301\u0300\u0323" for c in DE * 20)
MARKS = ['"', "'", "(", "[", "{", "<", "`", "```\n", '"""', "«", "$", "$$", "|", "> ", "# ", "- ", "//", "/*", "\\("]
MARKS += ["<a ", "[a](", "(a", "a: b\n", "http://", "\n", "\t", "\u200b", "\u202e"]


def seconds(call):
    """Return the result of a call, and the processor seconds that it takes."""
    began = time.process_time()
    return call(), time.process_time() - began


def test_a_hostile_text_does_not_slow_the_audit(tmp_path):
    for case, declared, text, detected in (
        ("1 MB without a space", "en", "donaudampfschifffahrt" * 48_000, set()),
        ("1 MB of one letter", "de", "a" * 1_000_000, set()),
        ("1 MB without a mark", "de", "the weather was fine so we walked " * 30_000, {"en"}),
        ("zalgo", "en", ZALGO, set()),
        ("emoji", "en", "😀🎉👩‍👩‍👧🏳️‍🌈" * 20_000, set()),
        ("right to left", "en", "\u202eשלום\u202c\u2066مرحبا\u2069abc\u200f" * 20_000, set()),
        ("Han without a mark", "en", "今天天气很好" * 50_000, {"zh"}),
        ("100,000 lines of ok", "de", "ok\n" * 100_000, set()),
        ("100,000 lines", "en", "Wir gehen nach Hause.\n" * 100_000, {"de"}),
        ("brackets that stay open", "en", f"{DE}.\n" + "(" * 100_000, {"de"}),
        ("fences that stay open", "en", f"{DE}.\n" + "```\n" * 100_001, {"de"}),
        ("lines that wrap", "de", "the weather was fine so we walked along the river and\n" * 10_000, set()),
    ):
        (_, rows), took = seconds(lambda: audited(tmp_path, (declared, text)))  # noqa: B023
        assert took < 5, case
        assert {dict(row["facets"])["detected"] for row in rows} == detected, case


def test_100_000_marks_that_open_and_never_close_do_not_slow_the_audit(tmp_path):
    texts = [("de", mark * 100_000) for mark in MARKS]
    (_, rows), took = seconds(lambda: audited(tmp_path, *texts))
    assert took < 5
    assert rows == []


def test_100_000_messages_of_one_word_are_counted_in_no_time(tmp_path):
    (facts, rows), took = seconds(lambda: audited(tmp_path, *[("de", "ok")] * 100_000))
    assert took < 5
    assert rows == []
    assert facts.skipped == {rules.FEW_LETTERS: 100_000}


def test_half_of_a_surrogate_pair_is_no_letter(tmp_path):
    raw = json.dumps({"id": "a", "lang": "en", "text": f"SURROGATE {DE}"}).replace("SURROGATE", "\\ud83d")
    record = audit(tmp_path, [raw], LangMismatch())
    assert record.facts.checks[0].error is None
    assert flagged(record) == [("wrong_language", "a")]


# -- real texts ------------------------------------------------------------------------------------------------------

LID = SHARED / "data" / "lid"


def real(name):
    """Return the severest finding's severity and rule by document, and what is known of each document."""
    record = run(LID / f"{name}.jsonl.gz", checks=[LangMismatch()], engine="serial")
    assert record.facts.checks[0].error is None
    with gzip.open(LID / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        truth = {row["id"]: row for row in map(json.loads, file)}
    names = ("message_id", "rule", "severity")
    columns = zip(*(record.table[name].to_pylist() for name in names), strict=True)
    return {i: rule.partition("/")[2] for i, rule, severity in columns if severity > 1}, truth


@pytest.fixture(scope="module")
def planted():
    return real("audit")


@needs_shared
def test_planted_wrong_tags_are_found_and_hard_negatives_are_not(planted):
    found, truth = planted
    kinds = {i: row["kind"] for i, row in truth.items()}
    positives = sum(kind == "planted" for kind in kinds.values())
    hits = sum(kinds[i] == "planted" for i in found)
    false = sum(kinds[i] not in ("planted", "planted_close", "hn_translation_reply") for i in found)
    assert positives == 388
    assert 2 * hits / (hits + false + positives) >= 0.93  # F1
    assert false <= 5


@needs_shared
def test_planted_close_languages_are_found_and_right_texts_are_hardly_ever_taken_for_a_close_one(planted):
    found, truth = planted
    close = [i for i, row in truth.items() if row["kind"] == "planted_close"]
    assert sum(i in found for i in close) >= 90
    assert sum(rule == "close_language" and truth[i]["expect"] == "match" for i, rule in found.items()) <= 3


@needs_shared
def test_what_people_labelled_in_oasst_is_found():
    found, truth = real("oasst_labelled")
    people = {i for i, row in truth.items() if (row["human_lang_mismatch"] or 0) >= 0.5}
    asked = {i for i, row in truth.items() if row["human_lang_mismatch"] is not None}
    flags = found.keys() & asked
    assert len(people) == 24
    assert len(flags & people) / len(flags) >= 0.9
    assert len(flags & people) / len(people) >= 0.65


@needs_shared
def test_what_was_seen_in_the_english_part_of_oasst_is_found():
    found, truth = real("oasst_en_found")
    assert len(truth) == 125
    assert len(found) >= 115


def test_under_a_language_that_no_detector_knows_what_is_surely_another_is_found(tmp_path):
    texts = {
        "english": f"{TALES['en']}. {TALES['en'].replace('river', 'lake')}.",
        "own": "Ngifuna ukuhamba emfuleni kusasa ekuseni ngoba izulu lihle kakhulu namhlanje",
        "german": f"{TALES['de']}.",
    }
    tagged = [message(name, text=text, lang="tum") for name, text in texts.items()]
    assert flagged(audit(tmp_path, tagged, LangMismatch())) == [
        ("wrong_language", uid("english")),
        ("wrong_language", uid("german")),
    ]


@pytest.mark.parametrize("detectors", VOICES)
def test_english_under_a_creole_of_it_is_none_where_no_detector_knows_that(tmp_path, detectors):
    texts = [(lang, f"{TALES['en']}. {TALES['en'].replace('river', 'lake')}.") for lang in ("pcm", "sco", "tum")]
    facts, rows = audited(tmp_path, *texts, detectors=detectors)
    assert facts.error is None
    assert {row["message_id"] for row in rows if row["rule"] == "lang_mismatch/wrong_language"} == {"2"}


def test_title_case_of_a_long_text_is_no_list_of_names(tmp_path):
    text = (
        "Wir Sind Heute Am Fluss Entlang Gelaufen, Bis Es Dunkel Wurde, Und Haben Danach In Der Kalten Küche Eine "
        "Suppe Gekocht. Am Nächsten Morgen War Der Nebel So Dicht, Dass Wir Die Brücke Nicht Mehr Sehen Konnten Und "
        "Erst Gegen Mittag Weitergegangen Sind, Als Die Sonne Endlich Durch Die Wolken Kam."
    )
    found = audit(tmp_path, [message("a", text=text, lang="es")], LangMismatch())
    assert flagged(found) == [("wrong_language", uid("a"))]


# -- scripts that tags name ------------------------------------------------------------------------------------------

SERBIAN = "Улица је мирна, а пекара на углу отвара се већ у пет ујутру."
SERBIAN_LATIN = "Ulica je mirna, a pekara na uglu otvara se već u pet ujutru."
SIMPLIFIED, TRADITIONAL = "这条街很安静,转角的面包店早上五点就开门了。", "這條街很安靜,轉角的麵包店早上五點就開門了。"


def test_a_script_that_a_tag_names_is_that_of_the_text_or_a_note(tmp_path):
    for tag, text, script in [
        ("sr-Latn", SERBIAN, "Cyrl"),
        ("sr-Cyrl", SERBIAN_LATIN, "Latn"),
        ("zh-Hans", TRADITIONAL, "Hant"),
        ("zh-Hant", SIMPLIFIED, "Hans"),
        ("zh-Hans-CN", TRADITIONAL, "Hant"),
        ("hi-Latn", "आज मौसम बहुत अच्छा है", "Deva"),
        ("zh-Latn", TRADITIONAL, "Hani"),
        ("sr-Latn", SERBIAN_LATIN, None),
        ("sr-Cyrl", SERBIAN, None),
        ("sr", SERBIAN, None),
        ("sr", SERBIAN_LATIN, None),
        ("zh-Hans", SIMPLIFIED, None),
        ("zh-Hant", TRADITIONAL, None),
        ("zh-TW", SIMPLIFIED, None),  # a country is no script
        ("zh-Hans", "人人生而自由", None),  # the same in both forms
        ("zh-Hans", f"{SIMPLIFIED}麵條", None),
        ("sr-Latn", "Улица", None),  # too few letters
        ("sr-Latn", f"{SERBIAN} {SERBIAN_LATIN}", None),
    ]:
        _, rows = audited(tmp_path, (tag, text))
        found = [(r["rule"].partition("/")[2], dict(r["facets"])["script"], r["severity"]) for r in rows]
        assert found == ([("other_script", script, 1)] if script else []), (tag, text)


def test_a_text_in_another_script_is_summed_up_in_words(tmp_path):
    _, (row,) = audited(tmp_path, ("sr-Latn", SERBIAN))
    assert row["summary"] == "Tagged sr-Latn, but the text is in Cyrillic script"


def test_a_text_in_another_language_is_no_text_in_another_script(tmp_path):
    assert findings_of(tmp_path, ("sr-Cyrl", DE), ("zh-Hans", DE)) == [
        (0, "wrong_language", "de"),
        (1, "wrong_language", "de"),
    ]


# -- languages that no detector knows --------------------------------------------------------------------------------

UNKNOWN_TEXTS = {
    "haw": "I ke kakahiaka ua hele nā keiki i ke kahawai e lawaiʻa ai, a i ke ahiahi hoʻi mai lākou me nā hīnaʻi piha.",
    "sm": "I le taeao na o atu ai tamaiti i le vaitafe e fagogota ai, ma toe foi mai i le afiafi ma ato ua tumu.",
}


def test_under_english_a_text_in_a_language_that_no_detector_knows_is_found(tmp_path):
    _, rows = audited(tmp_path, *(("en", text) for text in UNKNOWN_TEXTS.values()))
    assert [(row["rule"], dict(row["facets"])["detected"]) for row in rows] == [
        ("lang_mismatch/wrong_language", "und")
    ] * 2
    for row in rows:
        assert row["summary"].startswith(
            "Tagged English, but the text is in another language (the detectors disagree on"
        )
        assert row["score"] > 0.95


def test_under_other_languages_detectors_that_disagree_decide_nothing(tmp_path):
    assert findings_of(tmp_path, *(("fi", text) for text in UNKNOWN_TEXTS.values())) == []


def test_english_that_detectors_disagree_on_is_not_reported(tmp_path):
    for text in [
        "Wag1 fam, u comin 2 da park l8r? gonna b mad fun wit da boyz n gurls 2nite fo sho",
        "The smørrebrød, gravlax, köttbullar and aquavit were delicious at midsommar, but the surströmming was not.",
    ]:
        assert findings_of(tmp_path, ("en", text)) == [], text
