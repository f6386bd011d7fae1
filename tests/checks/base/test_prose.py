"""Prose, excerpts and scores of texts: what they are by hand, and both forms of the kernels the same."""

import gzip
import json
import random
import time
import unicodedata
from collections import Counter
from functools import cache
from itertools import pairwise
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pyarrow as pa
import pytest
from building import SHARED, needs_shared
from chataudit.checks.base import kernels
from chataudit.checks.base.arrow import columns
from chataudit.checks.base.kernels.layout import N_CODE, N_COUNTS
from chataudit.checks.base.text import tokens
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
)
from chataudit.checks.base.text.tokens import Prose
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, PLAIN, both_forms, needs_compiled


def prose(form: SimpleNamespace, texts: list[str]) -> Prose:
    with mock.patch.object(kernels, "prose", form.prose):
        return tokens.prose(pa.array(texts, pa.string()))


def strings(found: Prose) -> list[str]:
    raw = found.data.tobytes()
    return [raw[start:end].decode() for start, end in pairwise(found.offsets.tolist())]


def masked(form: SimpleNamespace, string: str) -> str:
    return strings(prose(form, [string]))[0]


def kept(form: SimpleNamespace, string: str) -> str:
    """Return the prose of a text, with one space between its words."""
    return " ".join(masked(form, string).split())


def n_code(form: SimpleNamespace, string: str) -> int:
    return int(prose(form, [string]).counts[0, N_CODE])


# -- lines of code ---------------------------------------------------------------------------------------------------


FENCED = {
    "Look here:\n```python\nx = 1\nprint(x)\n```\nThat was all": "Look here: That was all",
    "Look here:\n~~~\nplain words in it\n~~~\nThat was all": "Look here: That was all",
    "  ```\nplain words in it\n  ```\t\r\nThat was all": "That was all",
    "Before\n``` all in one line ```\nBehind": "Before Behind",
    "Before\n```\nnever closed\n\nplain words": "Before",
    "Before\n``\nplain words\n``\nBehind": "Before `` plain words `` Behind",
}


@both_forms
def test_a_fenced_block_is_no_prose(form):
    assert {string: kept(form, string) for string in FENCED} == FENCED


SHELL = ["$ ls", "sudo -k reboot", "git commit -m all", "pip install numpy", "cd ..", "cat ./notes", "rm -rf build"]
SHELL += ["drwxr-xr-x 2 ann staff", "npm run build", "#!/bin/sh", "NAME=value command", "docker build ."]
SQL = ["SELECT name, age", "FROM users", "WHERE age > 3", "ORDER BY name", "INSERT INTO users", "LEFT JOIN orders"]
SOURCE = ["def area(r):", "class Circle:", "const pi = 3", "return x;", "import numpy as np", "from os import path"]
SOURCE += ["#include <stdio.h>", "#define SIZE", "int main() {", "}", "});", "else:", "x = y + z", "total += price"]
SOURCE += [
    "// a remark",
    "/* a remark",
    ">>> area",
    "print(x)",
    "np.zeros(3)",
    "<div class='a'>",
    "</p>",
    "<!DOCTYPE html>",
]
SOURCE += ["public class Circle {", "while true:", "using System;", ":param name: of it", "@pytest.fixture(scope)"]
SOURCE += ["items.map(x =>", "foo(bar);", "if x == 1:", 'printf("a");', "x |= y", "yield 1;", "fi", "case 3:"]


@both_forms
def test_a_line_of_code_is_no_prose_and_its_bytes_are_counted(form):
    for line in (*SHELL, *SQL, *SOURCE):
        string = f"There is one line of it.\n\n {line}\t\r\n\nThere was one line of it."
        assert kept(form, string) == "There is one line of it. There was one line of it.", line
        assert n_code(form, string) == len(line), line


WORDED = [
    "git is a tool for keeping versions",
    "make a wish",
    "cat videos are funny",
    "go home and sleep",
    "python snakes eat mice",
    "class is over",  # two words would be a definition
    "package deals are cheap these days",
    "for all of us it was a long day",
    "while I was away, the cat slept",
    "if you ask me: no",
    "else we will be late",
    "case closed",
    "return to sender",
    "print it on both sides",
    "import duties are too high",
    "from here to there and back",
    "use your head",
    "SELECT THE BEST ANSWER",
    "Select the best answer",
    "SELECT",
    "Rock & roll",
    "A (long) remark, in brackets",
    "He said: wait;",
    "# A heading",
    "- an item of a list",
    "* another item of a list",
    "1. the first of three",
    "%",
    "d-------",
]


@both_forms
def test_a_line_of_words_that_begins_or_ends_like_code_is_none(form):
    assert [masked(form, line) for line in WORDED] == WORDED
    assert {line: n_code(form, line) for line in WORDED} == dict.fromkeys(WORDED, 0)


@both_forms
def test_words_that_only_code_begins_with_and_no_word_follows_are_code(form):
    lines = ("else", "class Circle", "class is over", "import numpy", "import it now")
    assert [n_code(form, line) for line in lines] == [4, 12, 0, 12, 0]


@both_forms
def test_between_three_quotes_there_is_no_prose(form):
    string = 'It begins\n\n"""Say what it is.\n\nplain words in it\n"""\n\nIt ends'
    assert kept(form, string) == "It begins It ends"
    assert n_code(form, "'''\nab\n'''") == 8


@both_forms
def test_three_quotes_twice_in_a_line_leave_the_next_line_alone(form):
    assert kept(form, 'He cried """loudly""" then.\n\nAnd went.') == 'He cried """loudly""" then. And went.'


KEYS = {
    "name: Anna\nversion: two": "",
    "- name: Anna\n- age:\n  city: Paris": "",
    "name: Anna": "name: Anna",
    "name: Anna\n\nversion: two": "name: Anna version: two",
    "name: Anna Maria\nage: thirty two": "name: Anna Maria age: thirty two",
    "Name: Anna\nAge: thirty": "Name: Anna Age: thirty",
    "größe: klein\nname: Änne": "größe: klein name: Änne",
}


@both_forms
def test_successive_keys_with_one_value_each_are_code_and_one_alone_is_not(form):
    assert {string: kept(form, string) for string in KEYS} == KEYS


COMMENTS = {
    "# a remark\n# goes on\n# to the end": "",
    "# a heading": "# a heading",
    "# a heading\n\n# another one": "# a heading # another one",
    "## a heading\n## another one": "## a heading ## another one",
    "# a heading\nwords\n# another one": "# a heading words # another one",
}


@both_forms
def test_successive_comments_are_code_and_a_heading_is_not(form):
    assert {string: kept(form, string) for string in COMMENTS} == COMMENTS


# -- beside code -----------------------------------------------------------------------------------------------------

LOOP = "for i in range(3):\n    print(i)\n"


BESIDE = {
    "This prints the numbers from zero to two.": True,
    "Do you see what this prints?": True,
    "And this is what it prints:": True,
    "It prints three numbers": False,  # does not end
    "It prints the three numbers from zero to two": True,  # but eight words and more are a sentence all the same
    "It prints `i` for the three numbers from zero": False,
    "It prints numbers.": False,  # three words
    "    This prints the numbers from zero to two.": False,
    "\tThis prints the numbers from zero to two.": False,
    "# This prints the numbers from zero to two.": False,
    "-- this prints the numbers from zero to two.": False,
    "- this prints the numbers from zero to two.": True,
    "так печатаются числа": True,
    "    так печатаются числа": True,
    "数字が出る": True,
}


@both_forms
def test_whole_sentences_and_other_scripts_stay_beside_code_and_other_lines_go(form):
    wanted = {beside: beside.strip() if left else "" for beside, left in BESIDE.items()}
    assert {beside: kept(form, LOOP + beside) for beside in BESIDE} == wanted
    assert {beside: kept(form, beside + "\n" + LOOP) for beside in BESIDE} == wanted


@both_forms
def test_a_paragraph_without_code_stays_whole(form):
    assert kept(form, f"Short words\n\n{LOOP}\nMore words\n\t\nLast words") == "Short words More words Last words"


@both_forms
def test_an_indented_line_is_code_only_where_the_text_contains_code(form):
    assert kept(form, "A poem:\n    indented words") == "A poem: indented words"
    assert kept(form, f"A poem:\n\n    indented words\n\n{LOOP}") == "A poem:"


TABLES = {
    "| n | text |\n|---|---|\n| 1 | Three words stand here | x |": "| 1 | Three words stand here | x |",
    "| i = 3; | j = [i]; | k = {j}; |": "",
    "| a | b |\n|---|---|\n| one | two |\n\nBehind it": "Behind it",
    "one | two": "one | two",
    "| one": "| one",
}


@both_forms
def test_a_table_is_no_prose_and_no_code(form):
    assert {string: kept(form, string) for string in TABLES} == TABLES
    assert {string: n_code(form, string) for string in TABLES} == dict.fromkeys(TABLES, 0)


# -- within lines ----------------------------------------------------------------------------------------------------


TAGGED = {
    "<p>Some words in a paragraph</p>": "Some words in a paragraph",
    "<li><b>Bold</b> words and <i>others</i>": "Bold words and others",
    "<p class='a'>": "",
    "</div>": "",
    "<name>ferry</name>": "",
    "<script>var a = {b: [c]};</script>": "",
    "<td>x</td><td>y</td>": "",
}


@both_forms
def test_of_a_line_of_tags_the_text_stays_where_it_is_more_than_two_words(form):
    assert {string: kept(form, string) for string in TAGGED} == TAGGED
    counted = {string for string in TAGGED if n_code(form, string)}
    assert counted == {string for string, text in TAGGED.items() if not text}


UNCLOSED = "that nobody closes, all words but one are left"
OF_RADIUS = "The area of a circle is, as all of us know, of its radius"
WITHIN = {
    "Call `area of it` for the area": "Call for the area",
    "Call ``area of it`` for the area": "Call for the area",
    "It`s the apostrophe of a bad keyboard": "It`s the apostrophe of a bad keyboard",
    "One `two\nthree` four": "One `two three` four",
    "Some <b>bold</b> words stand in this line of a text": "Some bold words stand in this line of a text",
    "And here is<br/>a <!-- comment --> that nobody sees on the page": "And here is a that nobody sees on the page",
    "> a quotation that somebody wrote": "a quotation that somebody wrote",
    "It is < five and five is more than two, as is known": "It is five and five is more than two, as is known",
    f"With <an angle {UNCLOSED}": f"With angle {UNCLOSED}",
    "The area of a circle is, as all of us know, $pi times the square$ of its radius": OF_RADIUS,
    "The area of a circle is, as all of us know, \\(pi times it\\) of its radius": OF_RADIUS,
    "The area of a circle is, as all of us know, \\[pi times it\\] of its radius": OF_RADIUS,
    "It costs five $ here and six $ there, and that is all": "It costs five $ here and six $ there, and that is all",
    "It costs $5 here and $6 there, and that is all I know": "It costs here and there, and that is all I know",
    "[the page](https://example.org/a_b) says so": "[the page says so",
    "As [one](and two) of us have said before": "As [one](and two) of us have said before",
    "See https://example.org/path?a=b#c and http://example.org today": "See and today",
    "See www.example.org or example.org/path today": "See or today",
    "Write to ann.lee@example.org or to @ann today": "Write to or to today",
    "Open /usr/bin/env or C:\\Windows or notes.txt today": "Open or or today",
    "Set maxSize or max_size or --max or x1 or area() today": "Set or or or or today",
    "Tagged #topic with 50% off, and number #7": "Tagged with 50% off, and number",
    "https://example.org/?a=1&b=2;c=[3]": "",
    "https://example.org/?a=1&b=2;c=[3] is the page": "is the page",
    "Сайт example.org открыт, почта на ann@example.org закрыта": "Сайт открыт, почта на закрыта",
    "请看https://example.org/页面吧": "请看 页面吧",
}


@both_forms
def test_code_tags_formulas_addresses_and_names_within_a_line_are_no_prose(form):
    assert {string: kept(form, string) for string in WITHIN} == WITHIN
    assert {string: n_code(form, string) for string in WITHIN} == dict.fromkeys(WITHIN, 0)


@both_forms
def test_a_tag_or_formula_longer_than_300_bytes_is_none(form):
    for before, behind in (("<a ", ">"), ("$a ", "$"), ("\\(a ", "\\)")):
        inner = {n: "long " * (n // 5 + 1) for n in (280, 300)}
        assert "long" not in masked(form, f"It says {before}{inner[280].strip()}{behind} and so on")
        assert masked(form, f"It says {before}{inner[300].strip()}{behind} and so on").count("long") >= 60
        assert kept(form, f"It says {before}{inner[280].strip()}{behind} and so on") == "It says and so on"


# -- what stays ------------------------------------------------------------------------------------------------------

WHOLE = [
    "In 1998 (or perhaps 1999) Dr. Smith and/or his wife moved to Leeds; nobody knows why, etc.",
    "Don't worry: it's only a well-known, state-of-the-art trick - isn't it?",
    "He paid 3,50 for it... \"Too much!\" she said; 'far too much', he thought.",
    "Im Jahr 1989 (genauer: am 9. November) fiel die Mauer; d. h. die Grenze war offen, z. B. für Bürger/innen.",
    "El niño pagó 20 euros (¿o 30?); después, según el Sr. Pérez, se fue y/o durmió. ¡Qué día!",
    "L'été dernier, j'ai vu 3 films (dont 2 bons) ; c'était bien, c.-à-d. pas mal et/ou drôle : voilà.",
    "В 1961 году (12 апреля) человек полетел в космос; т. е. впервые, и/или почти так, г-н Иванов.",
    "他在1998年（也许是1999年）搬到了北京；没有人知道为什么，等等。",
    "ในปี 2541 (หรือ 2542) เขาย้ายไปกรุงเทพฯ; ไม่มีใครรู้ว่าทำไม",
    "في عام 1998 (أو 1999) انتقل د. أحمد و/أو زوجته إلى القاهرة؛ لا أحد يعرف لماذا.",
    "सन् 1998 (या 1999) में डॉ. शर्मा और/या उनकी पत्नी दिल्ली चले गए; कोई नहीं जानता क्यों।",
    "Năm 1998 (hoặc 1999), ông Nguyễn và/hoặc vợ ông chuyển đến Hà Nội; không ai biết vì sao.",
    "1998'de (ya da 1999'da) Dr. Yılmaz ve/veya eşi İzmir'e taşındı; nedenini kimse bilmiyor.",
    "Το 1998 (ή το 1999) ο κ. Παπάς μετακόμισε στην Αθήνα· κανείς δεν ξέρει γιατί;",
    "1998年（または1999年）に彼は東京へ引っ越した。理由は誰も知らない…",
    "1998년(또는 1999년)에 그는 서울로 이사했다. 왜 그랬는지는 아무도 모른다.",
    'בשנת 1998 (או 1999) ד"ר כהן ו/או אשתו עברו לחיפה; איש אינו יודע מדוע.',
    "Hello",
    "👍🏽 ok 🎉",
    "1. One\n2. Two\n\n- three\n- four",
    "",
    "\n \n",
]


@both_forms
def test_prose_stays_whole(form):
    assert [masked(form, string) for string in WHOLE] == WHOLE
    assert {string: n_code(form, string) for string in WHOLE} == dict.fromkeys(WHOLE, 0)


@both_forms
def test_prose_stays_whole_beside_other_texts_with_code(form):
    texts = [part for string in WHOLE for part in (string, LOOP, "```")]
    assert strings(prose(form, texts))[::3] == WHOLE


# -- letters ---------------------------------------------------------------------------------------------------------


LETTERS = {
    "abc XYZ": {LATIN: 6},
    "éßøıŁạ ＡＢ": {LATIN: 8},
    "e\u0301 i\u0307": {LATIN: 2},  # combining marks are none
    "Жук ѣ": {CYRILLIC: 4},
    "ΑΒγ ἀ": {GREEK: 4},
    "שלום": {HEBREW: 4},
    "كِتاب": {ARABIC: 4},
    "বাংলা": {BENGALI: 2},
    "กำ ไทย": {THAI: 5},
    "ひらカタｶ": {KANA: 5},
    "漢字々": {HAN: 3},
    "\U00020000漢\U0002f800\U00030000": {HAN: 4},
    "한글 ㄱ": {HANGUL: 3},
    "हिन्दी": {DEVANAGARI: 3},
    "ქარ հայ አማ ᚠ": {OTHER: 9},
    "漢a字Ж": {HAN: 2, LATIN: 1, CYRILLIC: 1},
    "123 ٣ १२ ½ ² Ⅷ ① _ - , . ! ? € ☃ 😀 👍🏽 🇩🇪 \u200d": {},
    "\U0001d400 \U00010400": {},  # letters of the second plane are of none of these scripts
    "": {},
    "a" * 255: {LATIN: 255},
    "a" * 256: {LATIN: 256},
    "z" * 1000 + "é": {LATIN: 1001},
}


@both_forms
def test_letters_are_counted_by_script(form):
    counts = {string: prose(form, [string]).counts for string in LETTERS}
    assert {(found.dtype, found.shape) for found in counts.values()} == {(np.dtype(np.int32), (1, N_COUNTS))}
    by_script = {
        string: {script: n for script, n in enumerate(found[0].tolist()) if n} for string, found in counts.items()
    }
    assert by_script == LETTERS


@both_forms
def test_letters_of_code_tables_and_addresses_are_not_counted(form):
    counts = prose(form, ["ab\n\nprint(x)\n\n| a | b |\n\nhttps://example.org", "abc", "", "漢"]).counts
    assert counts[:, LATIN].tolist() == [2, 3, 0, 0]
    assert counts[:, HAN].tolist() == [0, 0, 0, 1]
    assert counts[:, N_CODE].tolist() == [8, 0, 0, 0]


@both_forms
@settings(max_examples=60)
@given(string=st.text(st.characters(categories=["L", "M", "N", "P", "Zs"]), max_size=60))
def test_letters_are_counted_as_unicode_defines_them(form, string):
    found = prose(form, [string])
    wanted = sum(
        unicodedata.category(character)[0] == "L" and (ord(character) < 0x10000 or 0x20000 <= ord(character) < 0x40000)
        for character in strings(found)[0]
    )
    assert int(found.counts[0, :N_CODE].sum()) == wanted


# -- any text --------------------------------------------------------------------------------------------------------

PARTS = [
    *("```", "~~~", "`", "``", '"""', "'''", "|", "# ", "- ", "    ", "\t", "\r", "\n", "\n\n", "\x00", "\x0b", "\x7f"),
    *("<b>", "</", "<", ">", "](", ")", "$", "\\(", "\\)", "\\[", "\\]", "(", "[", "{", "}", ";", ":", "=", "=>", "/"),
    *(
        "a_b",
        "x1",
        "1x",
        "aB",
        "a.b",
        "a(",
        "@",
        "#!",
        "--x",
        "-rw-r--r--",
        "key:",
        "key: one",
        "x = 1",
        "end.",
        "==",
        "*/",
    ),
    *(
        "https://",
        "http://a.b/",
        "def ",
        "class",
        "return",
        "import ",
        "as ",
        "SELECT ",
        "git ",
        "install",
        "else:",
        "//",
    ),
    *(
        "five words make a sentence.",
        "words",
        "é",
        "ß.",
        "Жук",
        "漢",
        "한",
        "กิ",
        "😀",
        "\u00a0",
        "\u2028",
        "कि",
        "#include",
    ),
    *[word + " " for word in (*SHELL[:4], *SQL[:2], *SOURCE[:6])],
]
mixed = st.lists(st.sampled_from(PARTS) | st.sampled_from(" \nab."), max_size=40).map("".join)
anything = st.text(st.characters(exclude_categories=["Cs"]))
CODE = [
    LOOP,
    "```py\nx = 1\n```",
    "$ ls -la",
    '"""Say it.',
    "# one\n# two",
    "a: b\nc: d",
    "| a | b |",
    "<b>",
    "`x`",
    "x.y(z)",
    "$x^2$",
]


def same(texts: list[str]) -> None:
    one, other = (prose(form, texts) for form in (COMPILED, PLAIN))
    for left, right in zip(strings(one), strings(other), strict=True):
        assert left == right
    np.testing.assert_array_equal(one.counts, other.counts)
    assert (one.data.dtype, one.counts.dtype) == (other.data.dtype, other.counts.dtype)


@needs_compiled
@settings(max_examples=250)
@given(texts=st.lists(mixed | anything, max_size=4))
@example(texts=[])
@example(texts=["`" * 5, "``` ``` ```", "~~~```", "\"\"\"'''", "``\n```"])
@example(texts=["|", "||", "-", "- ", "=a=", "=", "(", "$ ", "$", "$$", "<", "](", "\\", "\\(\\", "--"])
def test_both_forms_give_the_same_prose(texts):
    same(texts)


@both_forms
@settings(max_examples=80)
@given(string=mixed | anything)
def test_prose_is_the_text_with_spaces_in_place_of_bytes_and_keeps_its_lines(form, string):
    before, after = string.encode(), masked(form, string).encode()
    assert len(after) == len(before)
    assert all(new in (old, 0x20) for old, new in zip(before, after, strict=True))
    assert [len(line) for line in before.split(b"\n")] == [len(line) for line in after.split(b"\n")]


@both_forms
@settings(max_examples=60)
@given(texts=st.lists(mixed, min_size=1, max_size=5), data=st.data())
def test_a_text_is_the_same_in_any_company(form, texts, data):
    k = data.draw(st.integers(0, len(texts) - 1))
    found, alone = prose(form, texts), prose(form, [texts[k]])
    assert strings(found)[k] == strings(alone)[0]
    assert found.counts[k].tolist() == alone.counts[0].tolist()


@cache
def real_texts() -> list[str]:
    with gzip.open(SHARED / "data/lid/audit.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for number, line in enumerate(file) if number % 13 == 0]


def damaged(string: str, rng: random.Random) -> str:
    """Damage a text: code is put into it, lines are cut, and pieces are lost or twice there."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randint(0, len(string)) for _ in range(2))
        string = rng.choice(
            [
                string[:at]
                + rng.choice(["\n", "", " "])
                + rng.choice(CODE)
                + rng.choice(["\n", "\n\n", ""])
                + string[at:],
                string[:at] + "\n" + string[at:],
                string[:at] + string[at : at + 30] + string[at:],
                string[:at] + string[min(to, at + 40) :],
                string[:at] + rng.choice(PARTS) + string[at:],
            ]
        )
    return string


@needs_compiled
@needs_shared
def test_both_forms_give_the_same_prose_of_real_and_of_damaged_texts():
    assert len(real_texts()) > 1400
    same(real_texts())
    rng = random.Random(5)
    same([damaged(string, rng) for string in real_texts()])


# -- excerpts --------------------------------------------------------------------------------------------------------


def excerpts(form: SimpleNamespace, texts: list[str], limit: int, rows: list[int] | None = None) -> list[str]:
    """Return excerpts of texts as they are, whether or not they are prose."""
    data, offsets = columns.utf8(pa.array(texts, pa.string()))
    chosen = np.arange(len(texts)) if rows is None else np.array(rows, dtype=np.int64)
    with mock.patch.object(kernels, "excerpts", form.excerpts):
        found = tokens.excerpts(Prose(data, offsets, np.zeros((0, 0), dtype=np.int32)), chosen, limit)
    found.validate(full=True)
    return found.to_pylist()


@both_forms
def test_blanks_and_controls_are_drawn_together(form):
    texts = ["  one\t\r\n two \x00\x1f three\n\n", "", " \n\t ", "x", "né\u00a0e"]
    assert excerpts(form, texts, 100) == ["one two three", "", "", "x", "né\u00a0e"]


@both_forms
def test_a_text_as_long_as_the_limit_stays_whole(form):
    assert excerpts(form, ["ab " * 10 + "\n"], 29) == [" ".join(["ab"] * 10)]


CUT = [
    # 39 bytes, pieces of 5: from 0, from 17 on, where the next word begins at 20, and from 34, where it does at 35.
    ("aaaa bbbb cccc dddd eeee ffff gggg hhhh", 15, "aaaa  ee hhhh"),
    # 80 bytes, pieces of 10: from 0, 35, and 70; 35 and 45 are within a character.
    ("é" * 40, 30, "ééééé éééé ééééé"),
    # 120 bytes, pieces of 10: to 10, from 55 to 65, and from 110: each within a character.
    ("漢" * 40, 32, "漢漢漢 漢漢 漢漢漢"),
    # 31 bytes, pieces of 10: from 0, 10, 21.
    ("abcdefghijABCDEFGHIJxabcdefghij", 30, "abcdefghij ABCDEFGHIJ abcdefghij"),
    ("😀" * 9, 9, "  "),  # no character has its place in three bytes
]


@both_forms
def test_of_a_longer_text_begin_middle_and_end_are_taken_from_words_and_of_whole_characters(form):
    for string, limit, pieces in CUT:
        assert excerpts(form, [string], limit) == [pieces], string


@both_forms
def test_a_text_without_blanks_of_one_byte_more_than_the_limit_is_cut_in_three(form):
    assert excerpts(form, ["a" * 301], 300) == [" ".join(["a" * 100] * 3)]


@both_forms
def test_rows_are_chosen_and_may_be_chosen_twice(form):
    assert excerpts(form, ["one", "two  2", "", "four"], 9, [3, 1, 1, 2]) == ["four", "two 2", "two 2", ""]
    assert excerpts(form, ["one"], 9, []) == []


@both_forms
@settings(max_examples=50)
@given(texts=st.lists(anything | mixed, min_size=1, max_size=4), limit=st.sampled_from([6, 10, 30, 100]))
def test_an_excerpt_is_no_longer_than_the_limit_and_of_parts_of_the_text(form, texts, limit):
    # The blank text beside them is for the memory that the compiled form sets aside.
    *found, last = excerpts(form, [*texts, " " * 50 + "x"], limit)
    assert last == "x"
    for string, excerpt in zip(texts, found, strict=True):
        whole = string.translate(dict.fromkeys(range(0x21), " "))
        words = [word for word in whole.split(" ") if word]
        assert len(excerpt.encode()) <= limit + 2
        if len(" ".join(words).encode()) <= limit:
            assert excerpt == " ".join(words)
        else:
            assert all(any(part in word for word in words) for part in excerpt.split(" "))


@needs_compiled
@settings(max_examples=80)
@given(texts=st.lists(anything | mixed, max_size=4), limit=st.integers(3, 100), data=st.data())
def test_both_forms_give_the_same_excerpts(texts, limit, data):
    texts = [*texts, " " * 50 + "x"]
    rows = [*data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=6)), len(texts) - 1]
    assert excerpts(COMPILED, texts, limit, rows) == excerpts(PLAIN, texts, limit, rows)


# -- automaton and model ---------------------------------------------------------------------------------------------


def hand_made() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Make two rows: `a` of the first leads into the second; `ab` is feature 0, `c` feature 1; two classes."""
    moves, features = np.zeros((2, 256), dtype=np.uint16), np.full((2, 256), 2, dtype=np.int32)
    moves[:, ord("a")] = 1
    features[1, ord("b")] = 0
    features[:, ord("c")] = 1
    table = np.zeros((3, 16), dtype=np.int16)
    table[0, :2], table[1, :2] = (-512, -1024), (-1536, -256)  # -1 and -2, -3 and -.5
    return moves.ravel(), features.ravel(), table


def visits(form: SimpleNamespace, texts: list[str], *model: object) -> np.ndarray:
    data, offsets = columns.utf8(pa.array(texts, pa.string()))
    scores = form.visits(data, offsets, *model)
    assert scores.dtype == np.float32
    return scores


@both_forms
def test_a_feature_that_is_met_c_times_weighs_log_of_1_plus_c(form):
    moves, features, table = hand_made()
    prior = np.array([-0.5, -1], dtype=np.float32)
    texts = ["", "xyz", "ab", "c", "abc", "ababab", "ccaabb", "é", "cab", "a", "b"]
    found = visits(form, texts, moves, features, 0, table, 1 / 512, prior)
    two, four, three = 0.693147, 1.386294, 1.098612  # logarithms; four: of 1 + 3
    wanted = [
        (0, 0),  # nothing met, so that not even the prior counts
        (0, 0),
        (-two - 0.5, -2 * two - 1),
        (-3 * two - 0.5, -0.5 * two - 1),
        (-4 * two - 0.5, -2.5 * two - 1),
        (-four - 0.5, -2 * four - 1),
        (-3 * three - two - 0.5, -0.5 * three - 2 * two - 1),
        (0, 0),
        (-4 * two - 0.5, -2.5 * two - 1),
        (0, 0),
        (0, 0),
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-4)


@both_forms
def test_texts_begin_in_the_first_row_after_any_other_text(form):
    moves, features, table = hand_made()
    prior = np.zeros(2, dtype=np.float32)
    assert visits(form, ["a", "b", "c"], moves, features, 0, table, 1 / 512, prior)[:2].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_allclose(
        visits(form, ["b"], moves, features, 1, table, 1 / 512, prior), [[-0.693147, -1.386294]], atol=1e-4
    )


def random_model(rng: np.random.Generator, n_rows: int, n_features: int, n_classes: int) -> tuple:
    moves = rng.integers(0, n_rows, n_rows * 256).astype(np.uint16)
    features = rng.integers(0, n_features * 2, n_rows * 256).clip(max=n_features).astype(np.int32)
    table = np.zeros((n_features + 1, -(-n_classes // 16) * 16), dtype=np.int16)
    table[:-1, :n_classes] = -rng.integers(0, 8000, (n_features, n_classes))
    return moves, features, int(rng.integers(n_rows)), table, 1 / 512, -rng.random(n_classes).astype(np.float32)


def scores_of(string: str, moves, features, first, table, unit, prior) -> np.ndarray:
    """Apply the formula: prior plus the logarithms of 1 + count, times the rows of the features."""
    at, met = first, Counter()
    for byte in string.encode():
        met[int(features[at * 256 + byte])] += 1
        at = int(moves[at * 256 + byte])
    del met[len(table) - 1]
    if not met:
        return np.zeros(len(prior))
    return prior + sum(np.log(1 + c) * table[feature, : len(prior)].astype(float) * unit for feature, c in met.items())


@both_forms
def test_scores_of_random_models_are_those_of_the_formula(form):
    for n_rows, n_features, n_classes in [(1, 1, 1), (2, 5, 2), (30, 400, 17), (7, 3, 33)]:
        rng = np.random.default_rng(n_rows)
        model = random_model(rng, n_rows, n_features, n_classes)
        texts = ["".join(map(chr, rng.integers(32, 1000, n))) for n in (0, 1, 2, 3, 5, 8, 40, 400, 2000)]
        found, wanted = visits(form, texts, *model), [scores_of(string, *model) for string in texts]
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4, err_msg=f"{n_rows} rows")


@both_forms
def test_a_text_has_the_same_scores_alone_and_among_texts_of_any_length(form):
    rng = np.random.default_rng(11)
    model = random_model(rng, 30, 400, 17)
    texts = ["".join(map(chr, rng.integers(32, 400, n))) for n in (*rng.integers(0, 60, 100), 3000, 0, 1)]
    among = visits(form, texts, *model)
    np.testing.assert_array_equal(among, np.concatenate([visits(form, [text], *model) for text in texts]))
    np.testing.assert_array_equal(among[::-1], visits(form, texts[::-1], *model))


@needs_compiled
@needs_shared
def test_both_forms_score_real_texts_alike():
    model = random_model(np.random.default_rng(4), 50, 3000, 20)
    one, other = (visits(form, real_texts()[:300], *model) for form in (COMPILED, PLAIN))
    np.testing.assert_allclose(one, other, rtol=1e-4)


# -- ranks -----------------------------------------------------------------------------------------------------------


def rank(form: SimpleNamespace, scores, heats, groups, n_groups: int, top: int) -> tuple[list, np.ndarray]:
    best, values = form.rank(
        np.array(scores, dtype=np.float32),
        np.array(heats, dtype=np.float32),
        np.array(groups, dtype=np.int16),
        n_groups,
        top,
    )
    assert (best.dtype, values.dtype) == (np.int16, np.float32)
    assert best.shape == values.shape == (len(scores), top)
    return best.tolist(), values


@both_forms
def test_probabilities_of_a_group_are_added_up_and_the_best_come_first(form):
    # Of four classes with the weights 1, 2, 3, 4 the second and the third are of group 0, and the last of none.
    best, values = rank(form, np.log([[1, 2, 3, 4], [10, 20, 30, 40]]), [1, 1], [1, 0, 0, -1], 2, 2)
    assert best == [[0, 1], [0, 1]]
    np.testing.assert_allclose(values, [[0.5, 0.1], [0.5, 0.1]], atol=1e-5)


@both_forms
def test_heat_evens_out_probabilities(form):
    # Of the weights 1, 4, 16 at a heat of 2 the roots are left: 1, 2, 4.
    best, values = rank(form, np.log([[1, 4, 16]] * 2), [1, 2], [0, 1, 2], 3, 3)
    assert best == [[2, 1, 0]] * 2
    np.testing.assert_allclose(values, [[16 / 21, 4 / 21, 1 / 21], [4 / 7, 2 / 7, 1 / 7]], atol=1e-5)


@both_forms
def test_of_equals_the_first_group_comes_first_and_what_is_impossible_is_left_out(form):
    best, values = rank(form, [[-5000, 0, 0, -5000]], [1], [0, 1, 2, 3], 4, 4)
    assert best == [[1, 2, -1, -1]]
    assert values.tolist() == [[0.5, 0.5, 0, 0]]


@both_forms
def test_large_scores_of_either_sign_are_no_trouble(form):
    best, values = rank(form, [[-90000, -90000 + 64], [90000, 90000 - 64]], [1, 1], [0, 1], 2, 1)
    assert best == [[1], [0]]
    assert values.tolist() == [[1], [1]]


@both_forms
def test_where_more_is_asked_for_than_there_are_groups_the_rest_is_none(form):
    best, values = rank(form, [[0, 0]], [1], [0, 0], 1, 3)
    assert best == [[0, -1, -1]]
    assert values.tolist() == [[1, 0, 0]]


@both_forms
def test_no_scores_have_no_ranks(form):
    assert rank(form, np.zeros((0, 2)), [], [0, 1], 2, 2)[0] == []


@both_forms
def test_random_ranks_are_those_of_the_formula(form):
    rng = np.random.default_rng(2)
    scores, heats, groups = rng.normal(0, 20, (40, 30)), rng.uniform(1, 30, 40), rng.integers(-1, 9, 30)
    p = np.exp((scores - scores.max(axis=1, keepdims=True)) / heats[:, None])
    p /= p.sum(axis=1, keepdims=True)
    sums = np.stack([p[:, groups == group].sum(axis=1) for group in range(9)], axis=1)
    best, values = rank(form, scores, heats, groups, 9, 4)
    np.testing.assert_allclose(values, -np.sort(-sums, axis=1)[:, :4], atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(sums, np.array(best), axis=1), values, atol=1e-4)


@pytest.mark.skipif(not kernels.COMPILED, reason="a million bytes take plain Python long")
def test_no_piece_that_occurs_a_million_times_is_read_again_and_again():
    for piece in ("`", "<a", "$a", "a\\(", "](", "# a\n", "a: b\n", '"""\n', "\r\n", "a.b", " "):
        column = pa.array(["a" + piece * (1_000_000 // len(piece))])
        began = time.process_time()
        tokens.prose(column)
        assert time.process_time() - began < 1.5, repr(piece)
