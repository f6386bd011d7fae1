import hashlib
import io
import re
import time
from dataclasses import fields, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from building import SHARED, needs_shared
from cases import case
from chataudit.audit import references
from chataudit.benchmarks_refs import fingerprints, library
from chataudit.benchmarks_refs.cards import Card, Item, cards, items
from chataudit.benchmarks_refs.fingerprints import (
    ANSWER,
    CHOICES,
    ENDING,
    PASSAGE,
    QUESTION,
    SEARCHED,
    SHIPPED,
    WEIGHTS,
    Fingerprint,
    Weights,
    as_written,
    build,
    count,
    load,
    load_weights,
    own_folder,
    save,
    save_weights,
    texts_of,
)
from chataudit.benchmarks_refs.library import LIBRARY, paths
from chataudit.checks.base import kernels
from chataudit.checks.base.text.words import hashed
from hypothesis import given, settings
from hypothesis import strategies as st

BENCHMARKS = SHARED / "data" / "benchmarks"
CARDS = cards()
NAMES = sorted(library.shipped().names)
ALIKE = Weights(np.array([0], dtype=np.uint64), np.array([0], dtype=np.uint8), 9)  # no token is known: each weighs 9

shipped = cache(lambda name: library.shipped().cut(name))
weights = cache(load_weights)
original = cache(lambda card: list(items(card, BENCHMARKS)))  # to read all of them takes 5 s


def card(**more: Any) -> Card:
    """Make a card for made-up items."""
    text = {"title": "T", "measures": "m", "home": "https://a.org", "licence": "MIT", "citation": "A (2020)"}
    rest = {"split": "test", "languages": ["en"], "shared": True, "files": ["d.jsonl"], "sha256": "0" * 64}
    return msgspec.convert({**text, **rest, "parts": {"question": "q"}, **more}, Card)


def item(id: str, question: str, **parts: tuple[str, ...]) -> Item:
    return Item(id, {"question": (question,), **parts})


def asked(*questions: str, given: Weights = ALIKE, **more: Any) -> Fingerprint:
    """Build the fingerprint of these questions, called 1, 2, 3, ..."""
    return build(card(**more), [item(str(n), question) for n, question in enumerate(questions, 1)], hashed, given)


def written(made: library.Library, folder: Path, monkeypatch: pytest.MonkeyPatch) -> library.Library:
    """Write a library in the place of the one that ships, for this test, and map it."""
    monkeypatch.setattr(library, "LIBRARY", folder / "shipped.library")
    library.shipped.cache_clear()
    monkeypatch.setattr(library, "shipped", lru_cache(library.shipped.__wrapped__))
    library.save(made, library.LIBRARY)
    return library.shipped()


def words(n: int, word: str = "word") -> str:
    """Return this number of different words: wordaaa, wordaab, wordaac."""
    return " ".join(word + letters(k) for k in range(n))


def letters(k: int) -> str:
    """Spell a number as three letters, since a word of digits is a number."""
    return "".join(chr(ord("a") + k // base % 26) for base in (676, 26, 1))


def searched(made: Fingerprint, part: int = 0) -> list[int]:
    """Return the tokens of a part at which a gram begins that texts are searched for."""
    first = made.n_tokens[:part].sum()
    return np.flatnonzero(made.weights[first : first + made.n_tokens[part]] & SEARCHED).tolist()


def weighed(made: Fingerprint, part: int = 0) -> list[int]:
    """Return the weights of the tokens of a part, with the flags of numbers."""
    first = made.n_tokens[:part].sum()
    return (made.weights[first : first + made.n_tokens[part]] & ~np.uint8(SEARCHED)).tolist()


def packed(path: Path) -> bytes:
    """Return the bytes behind the first line of a fingerprint's file."""
    return path.read_bytes().partition(b"\n")[2]


def unpacked(path: Path) -> bytes:
    """Return the content of a fingerprint's file: its length in eight bytes, then zstd."""
    data = packed(path)
    return pa.Codec("zstd").decompress(data[8:], int.from_bytes(data[:8], "little"), asbytes=True)


SAMPLE = asked("Tom has 3 apples and 12 pears. How many has he?", "Which bird sings first at dawn?")


# -- what is shipped -------------------------------------------------------------------------------------------------


def test_every_card_with_files_that_may_be_shared_is_shipped_and_no_other():
    assert sorted(name for name, card in CARDS.items() if card.files and card.shared) == NAMES


def test_a_shipped_fingerprint_contains_the_card_that_is_known():
    for name in NAMES:
        with case(name):
            assert shipped(name).card == CARDS[name]
            assert len(shipped(name)) == CARDS[name].items


@needs_shared
def test_a_shipped_fingerprint_is_the_one_that_the_original_files_make():
    for name in NAMES:
        with case(name):
            again = build(CARDS[name], original(CARDS[name]), hashed, weights())
            assert again.digest == shipped(name).digest


@needs_shared
def test_the_shipped_weights_are_those_that_the_original_files_make(monkeypatch):
    monkeypatch.setattr(references, "items", lambda card, folder: original(card))
    again = references.weigh(BENCHMARKS)
    assert np.array_equal(again.keys, weights().keys)
    assert np.array_equal(again.values, weights().values)
    assert again.unknown == weights().unknown


def test_all_that_is_shipped_is_small():
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 45_000_000
    assert {path.name for path in SHIPPED.iterdir()} == {WEIGHTS.name, LIBRARY.name}


@needs_shared
def test_no_shipped_file_contains_readable_text_of_an_item():
    cases = ["gsm8k", "truthfulqa", "mmlu", "humaneval", "boolq", "xquad"]
    for name in cases:
        with case(name):
            texts = [text for found in original(CARDS[name]) for part in found.parts.values() for text in part]
            runs = [re.findall(r"[^\W\d_]+", text) for text in texts[:: max(1, len(texts) // 150)]]
            made = shipped(name)
            ids = "\n".join(made.ids)
            arrays = [getattr(made, each.name) for each in fields(made) if each.name not in ("card", "ids")]
            assert all(isinstance(array, np.ndarray) for array in arrays)
            longest = {word for run in runs if run for word in [max(run, key=len)] if len(word) >= 7}
            assert len(longest) > 50
            assert not [word for word in longest for array in arrays if word.encode() in array.tobytes()]
            assert not [run for run in runs if len(run) >= 3 and re.search(r"[\W_]+".join(run[:3]), ids)]


def test_the_arrays_of_a_shipped_fingerprint_fit_together():
    for name in NAMES:
        with case(name):
            made = shipped(name)
            n_parts = len(made.kinds)
            assert len(made.n_tokens) == len(made.n_words) == len(made.whole) == len(made.written) == n_parts
            assert len(made.codes) == len(made.weights) == made.n_tokens.sum()
            assert len(made.words) == len(made.word_weights) == made.bag_sizes.sum()
            assert set(made.item.tolist()) == set(range(len(made)))
            assert set(made.part.tolist()) == set(range(n_parts))
            assert len(made.word_places) == len(made.words)
            assert fingerprints.contradiction(made) == ""


# -- parts -----------------------------------------------------------------------------------------------------------


def test_a_question_and_a_passage_in_pieces_are_joined_and_choices_and_answers_are_not():
    pieces = {"passage": ("Fire.", "Sun."), "answer": ("red", "hot"), "question": ("Hot.", "Which colour?")}
    assert list(texts_of(Item("a", {**pieces, "choices": ("red", "blue")}))) == [
        (QUESTION, "Hot.\nWhich colour?"),
        *((CHOICES, "red"), (CHOICES, "blue"), (ANSWER, "red"), (ANSWER, "hot")),
        (PASSAGE, "Fire.\nSun."),
    ]


def test_a_worked_answer_with_marks_for_a_calculator_is_also_one_without():
    marked = "She sold 48/2 = <<48/2=24>>24 clips in May."
    code = "return 1 << n if a >> b else 2"
    assert list(texts_of(Item("a", {"question": ("How many?",), "answer": (marked, code)})))[1:] == [
        (ANSWER, marked),
        (ANSWER, "She sold 48/2 = 24 clips in May."),
        (ANSWER, code),
    ]


def test_each_choice_and_each_piece_of_an_answer_is_a_part():
    parts = {"choices": ("red", "blue"), "answer": ("red", "hot"), "passage": ("Fire.", "Sun.")}
    made = build(card(), [item("a", "Which colour?", **parts)], hashed, ALIKE)
    assert made.kinds.tolist() == [QUESTION, CHOICES, CHOICES, ANSWER, ANSWER, PASSAGE]
    assert made.n_tokens.tolist() == [2, 1, 1, 1, 1, 2]
    assert list(zip(made.item.tolist(), made.part.tolist(), strict=True)) == [(0, part) for part in range(6)]


def test_a_part_of_two_items_is_kept_once_and_an_answer_is_no_choice():
    first = item("a", "Which colour?", choices=("red",), answer=("red",))
    made = build(card(), [first, item("b", "Which fruit?", choices=("fig", "red"))], hashed, ALIKE)
    assert made.kinds.tolist() == [QUESTION, CHOICES, ANSWER, QUESTION, CHOICES]
    assert made.item.tolist() == [0, 0, 0, 1, 1, 1]
    assert made.part.tolist() == [0, 1, 2, 3, 4, 1]


def test_the_card_in_a_fingerprint_counts_its_items():
    assert asked("Who?", "Where?").card == card(items=2)
    assert asked("Who?", "Where?").ids == ("1", "2")


def test_of_words_the_different_ones_that_are_no_numbers_are_counted():
    made = asked("Tom has 3 apples, 12 pears and apples", "7 of 8", "7, 8", "?!", "x2")
    assert made.n_words.tolist() == [5, 1, 0, 0, 0]


def test_a_question_of_signs_alone_has_no_tokens():
    made = asked("?!", "Who?")
    assert (made.n_tokens.tolist(), searched(made, 1), made.written[0]) == ([0, 1], [], 0)


def test_whole_is_the_same_for_another_case_and_written_is_not():
    made = asked("Who was she?", "who was SHE", "Who  was she!", "Who was he?")
    assert made.whole[0] == made.whole[1] == made.whole[2] != made.whole[3]
    assert made.written[0] == made.written[2] != made.written[1]


def test_only_questions_have_a_hash_of_what_is_written():
    made = build(card(), [item("a", "Who?", choices=("Ann",), passage=("Ann.",))], hashed, ALIKE)
    assert (made.written > 0).tolist() == [True, False, False]


def test_as_written_takes_any_space_for_one_and_minds_all_else():
    assert as_written(b"(a \n b)", 1, 6) == as_written(b"a b", 0, 3)
    assert len({as_written(text, 0, 3) for text in (b"a b", b"A b", b"a,b", b"a-b")}) == 4


# -- grams -----------------------------------------------------------------------------------------------------------


def test_a_gram_that_is_searched_for_begins_at_each_of_its_tokens_with_four_behind_it():
    for n, grams in [(4, 0), (5, 1), (6, 2), (100, 96)]:
        with case(n, grams):
            assert searched(asked(words(n))) == list(range(grams))


def test_grams_with_less_than_two_words_are_searched_for_where_a_part_has_no_others_alone():
    assert searched(asked("Add 1 2 3 4 5 6 to all")) == [4]
    assert searched(asked("Add 1 2 3 4 5 6")) == [0, 1, 2]
    numbers = " ".join(map(str, range(200)))
    made = build(card(), [item("a", "Who?", passage=(f"The numbers {numbers} are all",))], hashed, ALIKE)
    assert searched(made, 1) == [0, 199]


def test_choices_are_not_searched_for():
    made = build(card(), [item("a", "Who?", choices=(words(60, "c"),))], hashed, ALIKE)
    assert searched(made, 1) == []


def test_texts_are_searched_for_all_grams_of_a_question_of_a_hundred_tokens_and_for_some_of_other_parts():
    assert len(searched(asked(words(100)))) == 96
    assert 97 // 8 <= len(searched(asked(words(101)))) < 97
    made = build(card(), [item("a", "Who?", answer=(words(60, "a"),), passage=(words(60, "p"),))], hashed, ALIKE)
    assert all(7 <= len(searched(made, part)) < 56 for part in (1, 2))


@given(st.lists(st.sampled_from("abcdefgh"), min_size=5, max_size=300), st.sampled_from(["question", "passage"]))
def test_every_run_of_twelve_tokens_meets_a_gram_that_is_searched_for_and_so_are_the_ends(tokens, kind):
    # A long part: what is no question, or has more tokens than BRIEF. The same grams come again and again.
    if kind == "question":
        tokens = tokens * (1 + 100 // len(tokens))
    made = build(card(), [Item("a", {"question": ("Who?",), kind: (" ".join(tokens),)})], hashed, ALIKE)
    starts = searched(made, len(made.kinds) - 1)
    assert (starts[0], starts[-1]) == (0, len(tokens) - 5)
    assert all(any(run <= start <= run + 7 for start in starts) for run in range(len(tokens) - 11))


def test_of_each_token_eight_bits_are_kept():
    made = build(card(), [item("a", "Who was she?", answer=("Ann 2.",)), item("b", "She was who?")], hashed, ALIKE)
    texts = ["Who was she", "Ann 2", "She was who"]
    assert made.codes.tolist() == [int(value) >> 56 for value in hashed(texts).hashes]


@given(st.integers(0, 188), st.integers(0, 20), st.integers(0, 20))
@settings(max_examples=50)
def test_twelve_tokens_of_a_passage_in_any_other_text_share_a_kept_gram(run, before, after):
    copied = " ".join(words(200, "p").split()[run : run + 12])
    question = f"{words(before, 'x')} {copied} {words(after, 'y')}"
    made = build(card(), [item("a", question, passage=(words(200, "p"),))], hashed, ALIKE)
    codes = [*np.split(made.codes, [made.n_tokens[0]])]
    passage = {tuple(codes[1][at : at + 5].tolist()) for at in searched(made, 1)}
    assert passage & {tuple(codes[0][at : at + 5].tolist()) for at in range(len(codes[0]) - 4)}


def test_masked_grams_of_texts_with_other_numbers_are_equal():
    texts = ["He buys 3 red apples", "He buys 12 red apples", "He buys three red apples"]
    first, second, spelt = hashed(texts).grams[::5].tolist()
    assert first == second != spelt
    assert len(set(asked(*texts).codes[2::5].tolist())) == 3


def test_no_more_bits_are_kept_of_a_whole_part_than_are_compared():
    assert not (SAMPLE.whole & np.uint64(0xFFFF)).any()


# -- words in any order ----------------------------------------------------------------------------------------------


def test_a_question_with_two_numbers_is_also_found_by_these_and_its_words():
    made = asked("Tom has 3 apples, 12 pears and apples. Tom has 3?", "Tom has 3 apples")
    assert made.bags.tolist() == [0]
    assert made.bag_sizes.tolist() == [8]  # 3, 12, 3; tom, has, apples, pears, and
    assert made.word_weights.tolist() == [9 | 0x80] * 3 + [9] * 5
    assert made.words[0] == made.words[2]
    assert len(set(made.words.tolist())) == 7
    assert made.word_places.tolist() == [2 * 255 // 10, 4 * 255 // 10, 255, 0, 0, 0, 0, 0]


def test_a_number_in_words_is_the_same_in_digits_and_marked():
    spelt, digits = asked("Tom has three apples and 12 pears"), asked("Tom has 3 apples and 12 pears")
    assert spelt.words.tolist() == digits.words.tolist()
    assert spelt.word_weights[:2].tolist() == [9 | 0xC0, 9 | 0x80]
    assert len(asked("Tom has three apples and twelve pears").bags) == 0  # none in digits: too common


def test_the_numbers_of_a_question_are_kept_in_order_and_its_words_in_any():
    made = asked("Tom has 3 apples and 12 pears", "And 12 pears has Tom, and 3 apples")
    assert made.words[:2].tolist() == made.words[7:9].tolist()[::-1]
    assert made.words[2:7].tolist() == made.words[9:].tolist()


def test_words_without_weight_are_left_out():
    common = Weights(np.array([int(hashed(["has"]).hashes[0]) >> 24], np.uint64), np.array([0], np.uint8), 9)
    assert asked("Tom has 3 apples and 12 pears", given=common).bag_sizes.tolist() == [6]


@pytest.mark.parametrize(("split", "n"), [("test", 1), ("validation", 1), ("train", 0), ("dev", 0)])
def test_training_splits_are_not_found_by_their_words(split, n):
    assert len(asked("Tom has 3 apples and 12 pears", split=split).bags) == n


def test_a_question_of_more_than_a_hundred_tokens_is_not_found_by_its_words():
    assert len(asked(f"{words(98)} 3 12").bags) == 1
    assert len(asked(f"{words(99)} 3 12").bags) == 0


def test_an_answer_with_numbers_is_not_found_by_its_words():
    assert len(build(card(), [item("a", "How many?", answer=("3 and 12",))], hashed, ALIKE).bags) == 0


# -- weights ---------------------------------------------------------------------------------------------------------


def test_a_token_in_every_text_weighs_nothing_and_a_rare_one_much():
    texts = [f"the {words(1, letters(n))}{' rare' * (n < 2)}{' half' * (n < 10)}" for n in range(20)]
    counted = count(texts, hashed)
    # In nats ln(20/20) = 0, ln(20/10) = .69, ln(20/2) = 2.30, ln 20 = 3.00; in steps of .75
    assert counted.of(hashed(["the half rare never"]).hashes).tolist() == [0, 1, 3, 4]
    assert counted.unknown == 4


def test_a_token_twice_in_one_text_is_as_rare_as_one_that_occurs_once():
    assert count(["a twice twice", "a", "a b", "a b"], hashed).of(hashed(["twice"]).hashes).tolist() == [2]  # ln 4


def test_a_token_is_weighed_among_texts_in_its_own_script():
    latin = [f"the {letters(n)}" for n in range(20)]
    assert count([*latin, "και ένα", "και δύο"], hashed).of(hashed(["και"]).hashes).tolist() == [0]


def test_a_letter_that_is_a_token_has_a_little_weight_in_any_case():
    for letter in "กກកကのノ的":
        with case(letter):
            counted = count([f"{letter} the a", f"{letter} the b"], hashed)
            assert counted.of(hashed([f"{letter} the"]).hashes).tolist() == [1, 0]


def test_numbers_are_flagged_in_the_weights():
    made = asked("Tom has 3 apples and ٣٤ pears")
    assert [weight & 0x80 for weight in weighed(made)] == [0, 0, 0x80, 0, 0, 0x80, 0]
    assert [weight & 0x7F for weight in weighed(made)] == [9] * 7


def test_a_word_in_every_twentieth_question_has_no_more_weight_than_that():
    cases = [
        (20, 380, 4),  # ln 20 = 3.00 nats, 4.0 steps
        (20, 381, 9),  # not every twentieth
        (19, 1, 9),  # too few to decide
        (20, 0, 1),  # in all of them, and yet a little
        (100, 300, 2),  # ln 4 = 1.39 nats, 1.8 steps
    ]
    for holding, others, weight in cases:
        with case(holding, others, weight):
            made = asked(
                *[f"marble {letters(n)}" for n in range(holding)], *[words(2, letters(n)) for n in range(others)]
            )
            assert weighed(made) == [weight, 9]


def test_a_word_that_weighs_less_than_its_cap_is_not_made_heavier():
    light = Weights(np.array([int(hashed(["marble"]).hashes[0]) >> 24], np.uint64), np.array([1], np.uint8), 9)
    assert weighed(asked(*[f"marble {letters(n)}" for n in range(20)], given=light)) == [1, 9]


def test_a_word_in_every_passage_keeps_its_weight_where_no_question_has_it():
    made = build(card(), [item(letters(n), letters(n), passage=(f"marble {n}",)) for n in range(40)], hashed, ALIKE)
    assert weighed(made, 1) == [9, 9 | 0x80]


def test_saved_weights_are_read_again(tmp_path):
    counted = count(["the rare", "the rare", "the", "one"], hashed)
    save_weights(counted, tmp_path / "w.npz")
    again = load_weights(tmp_path / "w.npz")
    assert again.keys.tolist() == counted.keys.tolist()
    assert (again.values.tolist(), again.unknown) == (counted.values.tolist(), counted.unknown)


# -- what is refused -------------------------------------------------------------------------------------------------


def test_a_duplicate_id_is_refused():
    with pytest.raises(ValueError, match=r"^T: duplicate id 'a'\. Name another field as the id$"):
        build(card(), [item("a", "Who?"), item("b", "Where?"), item("a", "When?")], hashed, ALIKE)


def test_a_duplicate_id_in_the_next_row_is_refused():
    with pytest.raises(ValueError, match="duplicate id 'a'"):
        build(card(), [item("a", "Who?"), item("a", "Where?")], hashed, ALIKE)


@pytest.mark.parametrize("n", [1, 1200])
def test_a_wrong_number_of_items_is_refused(n):
    with pytest.raises(ValueError, match=rf"^T: 2 items, but its card says {n:,}\. Correct one of them$"):
        asked("Who?", "Where?", items=n)


def test_no_items_are_refused():
    with pytest.raises(ValueError, match=r"^T: no items; expected one record per item in its files$"):
        asked()


# -- files -----------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_read_again(tmp_path):
    save(SAMPLE, tmp_path / "new" / f"sample{ENDING}")
    again = load(tmp_path / "new" / f"sample{ENDING}")
    assert (again.card, again.ids, again.digest) == (SAMPLE.card, SAMPLE.ids, SAMPLE.digest)
    for name in {field.name for field in fields(SAMPLE)} - {"card", "ids"}:
        read, made = getattr(again, name), getattr(SAMPLE, name)
        assert np.array_equal(read, made), name
        assert read.dtype == made.dtype, name


def test_the_same_fingerprint_gives_the_same_bytes_at_any_time(tmp_path, monkeypatch):
    save(SAMPLE, tmp_path / "a")
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    save(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_file_begins_with_its_format_and_checksum(sample):
    line, _, rest = sample.read_bytes().partition(b"\n")
    assert line == f"chataudit-fingerprint 3 {hashlib.sha256(rest).hexdigest()}".encode()
    assert int.from_bytes(rest[:8], "little") == len(unpacked(sample))


def test_another_question_gives_another_digest():
    assert asked("Who was she?").digest != asked("Who was he?").digest != asked("Who was he?", title="U").digest


def test_a_file_that_is_there_is_not_written_over_unless_asked(tmp_path):
    path = tmp_path / f"sample{ENDING}"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"sample\.fingerprint already exists\. Pass --overwrite to replace it"):
        save(SAMPLE, path)
    assert path.read_text() == "mine"
    save(SAMPLE, path, replace=True)
    assert load(path).digest == SAMPLE.digest


def test_a_disk_that_is_full_leaves_the_older_file_and_nothing_else(sample, monkeypatch):
    def fail(path, data):
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space"):
        save(asked("Who?"), sample, replace=True)
    assert list(sample.parent.iterdir()) == [sample]
    assert load(sample).digest == SAMPLE.digest


def refused(path: Path) -> str:
    """Return the error for a file that is no fingerprint, without the file and the command that it names."""
    with pytest.raises(ValueError, match=re.escape(str(path))) as error:
        load(path)
    assert type(error.value) is ValueError  # which the command prints in one line
    message = str(error.value).removeprefix(f"{path}: ")
    way_out = f" Run `chataudit refs build {path.stem} --overwrite`, or for a set of your own `refs add`"
    assert message.endswith(way_out)
    assert "\n" not in message
    return message.removesuffix(way_out)


NONE = "not a fingerprint."
DAMAGED = "damaged, its checksum does not match."


@pytest.fixture
def sample(tmp_path):
    save(SAMPLE, tmp_path / f"sample{ENDING}")
    return tmp_path / f"sample{ENDING}"


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_a_file_of_something_else_is_refused(tmp_path):
    cases = [
        *(b"", b"\n", b"a text\n", b"PK", b"PK\x05\x06" + bytes(18), bytes(1000)),
        *(npy(np.zeros(3)), npz(a=np.zeros(3))),
        *(b"chataudit-fingerprint", b"chataudit-fingerprint \n", b"chataudit-fingerprint 3\n"),
        b"chataudit-fingerprint  " + b"0" * 64 + b"\n",
        b"chataudit-fingerprint x " + b"0" * 64 + b"\n",
        b"chataudit-fingerprint 3 " + b"0" * 63 + b"\n",
        b"chataudit-fingerprint 3 " + b"0" * 64 + b" \n",
        b" chataudit-fingerprint 3 " + b"0" * 64 + b"\n",
    ]
    for content in cases:
        with case(content):
            (tmp_path / f"x{ENDING}").write_bytes(content)
            assert refused(tmp_path / f"x{ENDING}") == NONE


def test_the_arrays_without_their_first_line_are_refused(sample):
    sample.write_bytes(packed(sample))
    assert refused(sample) == NONE


def test_the_weights_are_refused_as_a_fingerprint(tmp_path):
    save_weights(ALIKE, tmp_path / f"y{ENDING}")
    assert refused(tmp_path / f"y{ENDING}") == NONE


def test_what_is_no_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / f"nothing{ENDING}")
    (tmp_path / f"x{ENDING}").mkdir()
    with pytest.raises(IsADirectoryError):
        load(tmp_path / f"x{ENDING}")


def test_a_file_that_is_cut_short_anywhere_is_refused(sample):
    whole = sample.read_bytes()
    n_line = whole.index(b"\n")  # the line itself is whole where only what follows is missing
    for n in [*range(0, len(whole), 37), n_line - 1, n_line, n_line + 1, len(whole) - 1]:
        sample.write_bytes(whole[:n])
        assert refused(sample) == (NONE if n < n_line else DAMAGED)


def test_a_file_that_goes_on_behind_its_end_is_refused(sample):
    sample.write_bytes(sample.read_bytes() + b"\0")
    assert refused(sample) == DAMAGED


def test_a_flipped_byte_anywhere_is_refused(sample):
    whole = sample.read_bytes()
    n_line = whole.index(b"\n") + 1
    reported = set()
    for n in [*range(n_line), *range(n_line, len(whole), 13)]:
        for bit in (0x01, 0x10) if n < n_line else (0x10,):
            sample.write_bytes(whole[:n] + bytes([whole[n] ^ bit]) + whole[n + 1 :])
            reported.add(why := refused(sample))
            assert why == DAMAGED or n < n_line
    assert reported == {NONE, DAMAGED, "format 2; this version of chataudit reads format 3."}


@pytest.mark.parametrize("format", [0, 2, 11, 1000])
def test_another_format_is_refused_with_any_content(sample, format):
    line, _, data = sample.read_bytes().partition(b"\n")
    for rest in (data, b"", b"of another form"):
        sample.write_bytes(line.replace(b" 3 ", f" {format} ".encode()) + b"\n" + rest)
        assert refused(sample) == f"format {format}; this version of chataudit reads format 3."


def test_a_format_that_no_number_can_be_is_refused(sample):
    sample.write_bytes(sample.read_bytes().replace(b" 3 ", b" " + b"1" * 5000 + b" ", 1))
    refused(sample)


def test_content_that_contradicts_itself_is_refused(tmp_path):
    one, empty = np.array([1], dtype=np.int32), np.zeros(0, dtype=np.int32)
    n = len(SAMPLE.codes)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"kinds": np.array([0, 4], dtype=np.uint8)}, "kinds has a number beyond 3"),
        ({"n_tokens": SAMPLE.n_tokens + 1}, f"the sizes of its pieces do not add up to {n} codes"),
        ({"n_tokens": np.array([-1, n + 1], dtype=np.int32)}, f"the sizes of its pieces do not add up to {n} codes"),
        ({"n_tokens": one}, "n_tokens is not of 2 parts"),
        ({"whole": SAMPLE.whole[:1]}, "whole is not of 2 parts"),
        ({"weights": SAMPLE.weights[1:]}, "weights and codes differ in length"),
        ({"item": SAMPLE.item + 1}, "item has a number beyond 1"),
        ({"part": SAMPLE.part - 1}, "part has a number beyond 1"),
        ({"part": SAMPLE.part[:1]}, "part and item differ in length"),
        ({"bags": SAMPLE.bags + 2}, "bags has a number beyond 1"),
        ({"bag_sizes": empty}, f"the sizes of its pieces do not add up to {len(SAMPLE.words)} words"),
        ({"bags": np.append(SAMPLE.bags, one), "bag_sizes": np.append(SAMPLE.bag_sizes, 0)}, "an empty bag of words"),
        ({"word_places": SAMPLE.word_places[1:]}, "word_places and words differ in length"),
    ]
    for changed, fault in cases:
        with case(changed):
            made = replace(
                SAMPLE, **{name: values.astype(getattr(SAMPLE, name).dtype) for name, values in changed.items()}
            )
            save(made, tmp_path / f"x{ENDING}", replace=True)
            assert refused(tmp_path / f"x{ENDING}") == f"{fault}; was it changed by hand?"


def test_content_of_another_form_is_refused(tmp_path):
    path = tmp_path / f"x{ENDING}"
    for content in ([1], {}, {"card": {}, "ids": []}, {"card": 1}):
        packed = msgspec.msgpack.encode(content)
        data = len(packed).to_bytes(8, "little") + pa.Codec("zstd").compress(packed, asbytes=True)
        path.write_bytes(f"chataudit-fingerprint 3 {hashlib.sha256(data).hexdigest()}\n".encode() + data)
        with pytest.raises(ValueError, match="not the content of a fingerprint"):
            load(path)


def test_every_id_is_kept_as_it_is(tmp_path):
    cases = [("a\nb", "c"), ("", "b"), ("b", ""), ('"', "[]"), ("é漢😀", "\0")]
    for number, ids in enumerate(cases):
        with case(ids):
            path = tmp_path / str(number)
            made = build(card(), [item(id, f"Who {n}?") for n, id in enumerate(ids)], hashed, ALIKE)
            assert made.ids == ids
            save(made, path)
            assert load(path).ids == ids
            assert load(path).digest == made.digest


# -- places ----------------------------------------------------------------------------------------------------------


def test_own_fingerprints_are_in_the_folder_that_the_environment_names(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path / "mine"))
    assert own_folder() == tmp_path / "mine"


@pytest.mark.parametrize("named", ["", None])
def test_own_fingerprints_are_among_the_users_data_by_default(monkeypatch, tmp_path, named):
    monkeypatch.delenv("CHATAUDIT_REFERENCES", raising=False)
    if named is not None:
        monkeypatch.setenv("CHATAUDIT_REFERENCES", named)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert own_folder() == tmp_path / "data" / "chataudit" / "references"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert own_folder() == tmp_path / ".local" / "share" / "chataudit" / "references"


def test_a_projects_own_fingerprint_goes_before_the_users_and_that_before_a_shipped_one(monkeypatch, tmp_path):
    mine, project = tmp_path / "mine", tmp_path / "project"
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(mine))
    assert paths(project)["copa"] == LIBRARY
    save(SAMPLE, mine / f"copa{ENDING}")
    save(SAMPLE, mine / f"own{ENDING}")
    assert paths(project)["copa"] == mine / f"copa{ENDING}"
    save(SAMPLE, project / f"copa{ENDING}")
    assert paths(project)["copa"] == project / f"copa{ENDING}"
    assert sorted(paths(project)) == sorted([*NAMES, "own"])


def test_only_files_of_that_ending_are_fingerprints(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path / "mine"))
    (tmp_path / f"folder{ENDING}").mkdir()
    (tmp_path / "older.npz").write_text("")
    (tmp_path / f"any{ENDING}").write_text("")
    assert sorted(paths(tmp_path)) == sorted([*NAMES, "any"])


def test_the_weights_are_no_fingerprint(monkeypatch, tmp_path):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path))
    assert "weights" not in paths(tmp_path)
    assert fingerprints.WEIGHTS.exists()


# -- the library that ships ------------------------------------------------------------------------------------------


def test_the_library_that_ships_is_the_one_that_its_fingerprints_make():
    again = library.together({name: shipped(name) for name in library.shipped().names}, kernels.values_of)
    assert (again.names, again.cards, again.ids) == (tuple(NAMES), library.shipped().cards, library.shipped().ids)
    for name, values in again.columns._asdict().items():
        with case(name):
            kept = getattr(library.shipped().columns, name)
            assert values.dtype == kept.dtype
            assert np.array_equal(values, kept)


def test_a_library_that_was_written_is_read_again(tmp_path, monkeypatch):
    made = library.together({"a": SAMPLE, "b": asked("Who?")}, kernels.values_of)
    read = written(made, tmp_path, monkeypatch)
    library.verify()
    assert (read.names, read.cards, read.ids) == (("a", "b"), made.cards, ("1", "2", "1"))
    for name, values in made.columns._asdict().items():
        assert np.array_equal(getattr(read.columns, name), values), name
    assert (read.cut("a").digest, read.cut("b").digest) == (SAMPLE.digest, asked("Who?").digest)


def test_a_library_that_is_damaged_is_refused(tmp_path, monkeypatch):
    written(library.together({"a": SAMPLE}, kernels.values_of), tmp_path, monkeypatch)
    whole = library.LIBRARY.read_bytes()
    for content, fault in [
        (b"x" + whole[1:], "not what this version ships"),
        (whole.replace(b" 3 ", b" 2 ", 1), "not what this version ships"),
        (whole[:200], "damaged"),
        (whole[:-64], "incomplete"),
        (whole + b"x", "incomplete"),
    ]:
        with case(fault):
            library.LIBRARY.write_bytes(content)
            library.shipped.cache_clear()
            with pytest.raises(ValueError, match=rf"shipped\.library: {fault}\. Reinstall chataudit$"):
                library.shipped()
    library.LIBRARY.write_bytes(whole[:-1] + b"\1")
    library.shipped.cache_clear()
    with pytest.raises(ValueError, match="its checksum does not match"):
        library.verify()


def test_more_parts_than_can_be_numbered_are_refused(monkeypatch):
    monkeypatch.setattr(library, "MAX_NUMBER", 1)
    with pytest.raises(ValueError, match="2 parts of items in all; expected 1 at most"):
        library.together({"a": SAMPLE}, kernels.values_of)
