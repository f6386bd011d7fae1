"""benchmark_leakage: items of benchmarks in the data, verbatim or edited, and texts that only look like them."""

import gzip
import json
import re
from pathlib import Path
from time import process_time

import pytest
from building import SHARED, audit, flagged, message, needs_shared, uid, write
from chataudit.audit import references
from chataudit.audit.run import run
from chataudit.benchmarks_refs import fingerprints, library
from chataudit.benchmarks_refs.cards import Card, Item, Parts
from chataudit.checks.benchmark_leakage.check import BenchmarkLeakage
from chataudit.checks.benchmark_leakage.rules import NO_WORDS
from staging import assert_examples

FERRY = (
    "The ferry of Ostrelle carries nine goats on each crossing and comes back empty. How often must the ferryman row "
    "over before seventy-two goats and one stubborn mule stand on the far bank?"
)
ORCHARD = (
    "Maribel's orchard has 14 rows of quince trees. Each row gives 35 baskets in autumn, and the cider press at Holm "
    "buys 6 baskets out of every row. How many baskets of quinces does Maribel keep for marmalade?"
)
SHORT = "Who tuned the bells of Verrane?"
STEM = "Which of the following statements is true?"
WORKED = (
    "She begins the morning with four trays of twelve, which makes forty-eight rolls. Her eldest cousin takes a dozen "
    "for the harbour crew, the twins eat five between them on the stairs, and the postman is owed three. That leaves "
    "twenty-eight, of which the dog has already licked two."
)
PASSAGE = (
    "Quill Lane runs uphill from the harbour of Tessel and has had a bakery at its upper end since the great flood. "
    "The ovens are fired with driftwood, which lends the crust a faint taste of salt, and by an old custom nobody may "
    "pay for bread before the first ship of the day has been sighted."
)
QUIZ = [
    Item("ferry", {"question": (FERRY,), "answer": ("nine crossings in all",)}),
    Item("orchard", {"question": (ORCHARD,)}),
    Item("short", {"question": (SHORT,)}),
    Item(
        "bells",
        {
            "question": (STEM,),
            "choices": ("the abbot slept in the belfry", "no bell of Verrane is cracked", "ropes were of horse hair"),
        },
    ),
    Item("moon", {"question": (STEM,), "choices": ("Ganymede is cold", "Io smells of sulphur", "Titan has seas")}),
    Item("baker", {"question": ("How many rolls has the baker left?",), "answer": (WORKED,), "passage": (PASSAGE,)}),
]


def made(folder: Path, items: list[Item], name: str = "quiz", split: str = "test", **settings) -> BenchmarkLeakage:
    """Make the check with a reference set of these items."""
    card = Card(
        title=name.capitalize(),
        measures="nothing",
        home="https://example.org/quiz",
        split=split,
        languages=("en",),
        licence="CC0-1.0",
        shared=True,
        citation="none",
        parts=Parts(question="question"),
        files=("quiz.jsonl",),
        sha256="0" * 64,
    )
    fingerprints.save(references.made(card, iter(items)), folder / f"{name}{fingerprints.ENDING}", replace=True)
    return BenchmarkLeakage(**{"references": (name,), "folder": str(folder), **settings})


@pytest.fixture
def check(tmp_path):
    return made(tmp_path / "references", QUIZ)


def found(tmp_path, check, *texts, **more):
    """Return (rule, item, kind) of what is found in a prompt and its replies."""
    rows = [message("a", text=texts[0], **more)]
    rows += [message(f"b{k}", "a", text=text, **more) for k, text in enumerate(texts[1:])]
    table = audit(tmp_path, rows, check).table
    reported = []
    for rule, facets in zip(table["rule"].to_pylist(), map(dict, table["facets"].to_pylist()), strict=True):
        if not rule.endswith("below_leak"):
            reported.append((rule.partition("/")[2], facets["item"], facets.get("kind")))
    return reported


# -- what leaked -----------------------------------------------------------------------------------------------------


def test_every_rule_reports_its_example_and_leaves_its_neighbour(tmp_path):
    assert_examples(BenchmarkLeakage.on_examples(tmp_path))


def test_a_question_that_is_a_message_is_flagged(tmp_path, check):
    assert found(tmp_path, check, FERRY) == [("question", "ferry", "verbatim")]


def test_a_question_with_its_answer_behind_it_is_worse(tmp_path, check):
    reported = found(tmp_path, check, f"{FERRY}\nThat makes nine crossings in all.")
    assert reported == [("question_and_answer", "ferry", "embedded")]


def test_a_question_whose_answer_is_in_a_reply_is_worse(tmp_path, check):
    assert found(tmp_path, check, FERRY, "Oh, nine crossings in all, I think.") == [
        ("question_and_answer", "ferry", "verbatim")
    ]


def test_a_question_with_another_answer_is_not(tmp_path, check):
    assert found(tmp_path, check, FERRY, "He should sell the goats.") == [("question", "ferry", "verbatim")]


def test_an_answer_before_its_question_is_none(tmp_path, check):
    assert found(tmp_path, check, f"Nine crossings in all.\n{FERRY}") == [("question", "ferry", "embedded")]


def test_a_worked_answer_alone_is_flagged(tmp_path, check):
    assert found(tmp_path, check, "And the rolls?", f"Well. {WORKED}") == [("answer", "baker", None)]


def test_a_passage_alone_is_a_note(tmp_path, check):
    table = audit(tmp_path, [message("a", text=f"I read this: {PASSAGE}")], check).table
    assert table["rule"].to_pylist() == ["benchmark_leakage/passage"]
    assert table["severity"].to_pylist() == [1]


def test_an_item_of_a_training_split_is_a_note_of_its_own(tmp_path):
    table = audit(tmp_path, [message("a", text=FERRY)], made(tmp_path / "r", QUIZ, split="train")).table
    assert table["rule"].to_pylist() == ["benchmark_leakage/train_item"]
    assert table["severity"].to_pylist() == [1]


def test_an_item_of_a_validation_split_is_as_one_of_a_test_split(tmp_path):
    assert found(tmp_path, made(tmp_path / "r", QUIZ, split="validation"), FERRY)[0][0] == "question"


# -- how it was changed ----------------------------------------------------------------------------------------------


def test_a_question_is_reported_with_what_was_done_to_it(tmp_path, check):
    for kind, text in (
        ("verbatim", FERRY),
        ("verbatim", FERRY.replace(" ", "\n ")),
        ("embedded", f"My teacher asks: {FERRY} I have no idea."),
        ("case_or_punctuation", FERRY.upper()),
        ("case_or_punctuation", FERRY.replace(".", " -").replace("?", "!")),
        ("edited", FERRY.replace("stubborn", "lazy").replace("nine goats", "nine sheep")),
    ):
        assert found(tmp_path, check, text) == [("question", "ferry", kind)], text


def test_other_numbers_are_reported(tmp_path, check):
    text = ORCHARD.replace("14", "23").replace("35", "41").replace("6", "8")
    assert found(tmp_path, check, text) == [("question", "orchard", "numbers_changed")]


def test_the_same_numbers_and_words_in_another_order_are_a_note(tmp_path, check):
    text = (
        "Out of every row in her quince orchard Maribel sells 6 baskets to Holm, to the cider press. Of trees there "
        "are 14 rows, and in autumn 35 baskets come from each. What does Maribel keep in baskets, to make marmalade?"
    )
    assert found(tmp_path, check, text) == [("rephrased", "orchard", "rephrased")]
    assert found(tmp_path, check, text.replace("14", "15").replace("35", "36")) == []


def test_a_translation_is_a_note(tmp_path, check):
    text = (
        "Maribels Quittengarten hat 14 Reihen, und jede Reihe gibt im Herbst 35 Körbe. Aus jeder Reihe verkauft sie 6 "
        "Körbe an die Mosterei in Holm. Wie viele Körbe behält Maribel für Marmelade?"
    )
    assert found(tmp_path, check, text) == [("rephrased", "orchard", "translated")]
    assert found(tmp_path, check, text.replace("14", "15").replace("35", "36")) == []


def test_a_question_over_two_turns_is_found_with_both_pieces(tmp_path, check):
    first, second = "The ferry of Ostrelle", FERRY.split(". ")
    turns = [
        message("a", text=f"Hello! {second[0]}."),
        message("b", "a", role="assistant", text="I see. What would you like to know?"),
        message("c", "b", "prompter", text=second[1]),
    ]
    table = audit(tmp_path, turns, check).table
    (row,) = [row for row in table.to_pylist() if row["rule"] == "benchmark_leakage/question"]
    assert "split over two turns" in row["summary"]
    assert [span["id"] for span in row["spans"]] == [uid("c"), uid("a")]
    assert row["spans"][0]["quote"].startswith("How often must")
    assert row["spans"][1]["quote"].startswith(first)
    assert found(tmp_path, check, f"Hello! {second[0]}.", "I see.") == []


def test_formulas_accents_and_hyphens_may_be_written_otherwise(tmp_path, check):
    assert (
        found(tmp_path, check, FERRY.replace("stubborn", "stub-\nborn").replace("Ostrelle", "Ostrèlle"))[0][1]
        == "ferry"
    )


def test_an_answer_further_below_its_question_is_found(tmp_path, check):
    turns = [
        message("a", text=FERRY),
        message("b", "a", role="assistant", text="Let me think."),
        message("c", "b", "prompter", text="And?"),
        message("d", "c", role="assistant", text=QUIZ[0].parts["answer"][0]),
    ]
    rules = audit(tmp_path, turns, check).table["rule"].to_pylist()
    assert "benchmark_leakage/question_and_answer" in rules


def test_a_long_thread_of_one_question_is_read_in_time(tmp_path, check):
    turns = [message("0", text=FERRY)]
    turns += [message(f"{k}", f"{k - 1}", ("assistant", "prompter")[k % 2 == 0], text=FERRY) for k in range(1, 1500)]
    began = process_time()
    record = audit(tmp_path, turns, check)
    assert process_time() - began < 30
    assert record.table.num_rows >= 1500


def test_a_short_question_is_found_as_a_message_as_a_line_and_behind_a_label_but_half_of_it_is_not(tmp_path, check):
    assert found(tmp_path, check, SHORT.lower()) == [("question", "short", "case_or_punctuation")]
    assert found(tmp_path, check, f"Hello there\n{SHORT}\nBye") == [("question", "short", "embedded")]
    assert found(tmp_path, check, f"Question: {SHORT} Answer:") == [("question", "short", "embedded")]
    assert found(tmp_path, check, "I asked who rang the bells of Verrane and was told nothing of it") == []


# -- what is no leak -------------------------------------------------------------------------------------------------


def test_a_stem_alone_is_none_but_with_its_choices_it_is(tmp_path, check):
    assert found(tmp_path, check, STEM) == []
    choices = "\n".join(f"{letter}) {c}" for letter, c in zip("ABC", QUIZ[3].parts["choices"], strict=True))
    assert found(tmp_path, check, f"{STEM}\n{choices}") == [("question", "bells", "verbatim")]


def test_choices_in_another_order_are_reported(tmp_path, check):
    choices = "\n".join(f"{letter}) {c}" for letter, c in zip("ABC", QUIZ[3].parts["choices"][::-1], strict=True))
    assert found(tmp_path, check, f"{STEM}\n{choices}") == [("question", "bells", "options_reordered")]


def test_the_first_words_of_a_question_are_none(tmp_path, check):
    first = " ".join(FERRY.split()[:9])
    assert found(tmp_path, check, f"{first} to the winter pastures, where the grass is said to be blue.") == []


def test_the_words_of_a_question_shuffled_are_none(tmp_path, check):
    assert found(tmp_path, check, " ".join(sorted(FERRY.split()))) == []


def test_numbers_in_a_formula_are_none(tmp_path, check):
    assert found(tmp_path, check, "14 + 35 = 49, 49 - 6 = 43, 43 * 14 = 602, 602 - 35 = 567, 567 / 6 = 94.5") == []


def test_a_reply_that_restates_the_question_above_it_hangs_below_and_is_no_leak_of_its_own(tmp_path, check):
    restated = "A ferry carries nine goats on each crossing and comes back empty, so the ferryman must row over before "
    restated += "seventy-two goats and one stubborn mule stand on the far bank quite often."
    record = audit(tmp_path, [message("a", text=FERRY), message("b", "a", text=restated)], check)
    assert flagged(record) == sorted([("below_leak", uid("b")), ("question", uid("a"))])


# -- findings --------------------------------------------------------------------------------------------------------


def test_a_finding_names_benchmark_split_item_coverage_and_home_and_marks_the_words(tmp_path, check):
    table = audit(tmp_path, [message("a", text=f"Ünlike ❤ this: {FERRY}")], check).table
    (row,) = table.to_pylist()
    facets = dict(row["facets"])
    assert {k: facets[k] for k in ("benchmark", "split", "item", "coverage", "home")} == {
        "benchmark": "quiz",
        "split": "test",
        "item": "ferry",
        "coverage": "1.00",
        "home": "https://example.org/quiz",
    }
    assert row["spans"][0]["quote"] == FERRY.rstrip("?")
    assert row["spans"][0]["start"] == len("Ünlike ❤ this: ")
    assert row["summary"] == "Quiz test item ferry, verbatim inside a longer message"


def test_the_second_span_of_a_question_with_its_answer_is_the_answer(tmp_path, check):
    table = audit(
        tmp_path, [message("a", text=FERRY), message("b", "a", text="I say nine crossings in all.")], check
    ).table
    (row,) = [row for row in table.to_pylist() if row["rule"].endswith("question_and_answer")]
    assert [span["quote"] for span in row["spans"]] == [FERRY.rstrip("?"), "nine crossings in all"]
    assert row["spans"][1]["id"] == uid("b")


def test_messages_below_a_question_are_reported_to_the_last_reply_and_counted(tmp_path, check):
    rows = [
        message("a", text="Hello"),
        message("b", "a", role="assistant", text="Hello"),
        message("c", "b", role="prompter", text=FERRY),
        message("d", "c", role="assistant", text="Easy."),
        message("e", "d", role="prompter", text="Go on."),
    ]
    record = audit(tmp_path, rows, check)
    assert flagged(record, "below_leak") == sorted([("below_leak", uid("d")), ("below_leak", uid("e"))])
    (facets,) = [dict(r["facets"]) for r in record.table.to_pylist() if r["rule"].endswith("/question")]
    assert facets["below"] == "2"


def test_the_item_is_shown_beside_the_message_where_its_file_is_at_hand(tmp_path):
    folder = tmp_path / "originals"
    folder.mkdir()
    write(folder / "quiz.jsonl", [{"question": SHORT}, {"question": FERRY}])
    made_up = references.add("quiz", folder / "quiz.jsonl", Parts(question="question"))
    fingerprints.save(made_up, tmp_path / "r" / f"quiz{fingerprints.ENDING}")
    check = BenchmarkLeakage(("quiz",), str(tmp_path / "r"), originals=str(folder))
    (row,) = audit(tmp_path, [message("a", text=FERRY.upper())], check).table.to_pylist()
    beside = row["spans"][-1]
    assert (beside["source"], beside["line"], beside["quote"]) == ("quiz", 2, FERRY)


def test_the_record_counts_items_touched_by_us_and_by_published_rules(tmp_path, check):
    edited = " ".join(word if k % 7 else "crown" for k, word in enumerate(FERRY.split()))
    record = audit(
        tmp_path, [message("a", text=FERRY), message("b", "a", text=edited), message("c", text=SHORT)], check
    )
    (facts,) = record.facts.checks
    own = f"Also compared with your own reference sets: quiz (folder {check.folder})"
    assert facts.notes == ["Compared with 6 items of 1 reference set: quiz", own]
    benchmarks, items = facts.tables
    assert benchmarks.rows == (("quiz", "test", 6, 2, "33.33 %", 1, 1, 1, 1),)
    assert items.rows == (("quiz", "ferry", 1), ("quiz", "short", 1))


def test_a_finding_names_the_published_rules_that_would_flag_it_too(tmp_path, check):
    for case, text, rules in (
        ("verbatim", FERRY, "GPT-3, PaLM, Llama 2, Tulu 3"),
        ("a word in eight replaced", " ".join(w if k % 8 else "crown" for k, w in enumerate(FERRY.split())), "none"),
        # Of its 34 tokens runs of 14, 9 and 9 are left, and of its 27 8-grams 11.
        (
            "two words replaced",
            " ".join("crown" if k in (14, 23) else word for k, word in enumerate(FERRY.split())),
            "GPT-3, Tulu 3",
        ),
        ("short", SHORT, "none"),
        ("answer", WORKED, "GPT-3, PaLM, Llama 2, Tulu 3"),
    ):
        (row,) = audit(tmp_path, [message("a", text=text)], check).table.to_pylist()
        assert dict(row["facets"])["rules"] == rules, case


def test_benchmarks_without_a_leaked_item_are_listed_as_well(tmp_path, check):
    (facts,) = audit(tmp_path, [message("a", text="Hello there")], check).facts.checks
    assert facts.tables[0].rows == (("quiz", "test", 6, 0, "0.00 %", 0, 0, 0, 0),)
    assert facts.tables[1].rows == ()


def test_a_copy_of_one_question_in_two_benchmarks_is_reported_for_both(tmp_path):
    made(tmp_path / "r", QUIZ)
    check = made(tmp_path / "r", QUIZ[:1], name="other", references=("quiz", "other"))
    record = audit(tmp_path, [message("a", text=FERRY)], check)
    assert sorted(dict(f)["benchmark"] for f in record.table["facets"].to_pylist()) == ["other", "quiz"]


def test_a_question_that_another_one_explains_better_is_not_reported(tmp_path):
    near = FERRY.replace("nine goats", "two goats").replace("seventy-two", "sixteen")
    check = made(tmp_path / "r", [*QUIZ, Item("near", {"question": (near,)})])
    assert found(tmp_path, check, FERRY) == [("question", "ferry", "verbatim")]


def test_summaries_name_the_item_then_what_was_done_to_it(tmp_path, check):
    answered = f"{FERRY}\nThat makes nine crossings in all."
    edited = FERRY.replace("stubborn", "lazy").replace("nine goats", "nine sheep")
    for text, summary in {
        FERRY: "Quiz test item ferry, verbatim",
        answered: "Quiz test item ferry, verbatim inside a longer message; answer follows",
        edited: "Quiz test item ferry, edited (90 % matched)",
        f"Well. {WORKED}": "Quiz test item baker: 100 % of its worked answer",
        f"I read this: {PASSAGE}": "Quiz test item baker: 100 % of its passage",
    }.items():
        (row,) = audit(tmp_path, [message("a", text=text)], check).table.to_pylist()
        assert row["summary"] == summary


def test_messages_without_words_are_skipped(tmp_path, check):
    rows = [message("a", text="Hello there, how is the ferry today?"), message("b", "a", text="...")]
    (facts,) = audit(tmp_path, rows, check).facts.checks
    assert (facts.checked, facts.skipped) == (1, {NO_WORDS: 1})


def test_a_reply_without_words_is_checked_where_it_is_below_a_leak(tmp_path, check):
    record = audit(tmp_path, [message("a", text=FERRY), message("b", "a", text="...")], check)
    assert flagged(record) == sorted([("below_leak", uid("b")), ("question", uid("a"))])
    (facts,) = record.facts.checks
    assert (facts.checked, facts.skipped) == (2, {})


# -- settings --------------------------------------------------------------------------------------------------------


def test_missing_references_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"no fingerprint of 'gsm9k'; available: .*gsm8k.*refs build gsm9k"):
        BenchmarkLeakage(references=("gsm9k",)).verify()


@pytest.mark.parametrize("is_empty", [True, False])
def test_without_the_library_that_ships_there_is_no_audit(tmp_path, monkeypatch, is_empty):
    monkeypatch.setattr(library, "LIBRARY", tmp_path / "shipped.library")
    if is_empty:
        library.LIBRARY.touch()
    monkeypatch.setattr(library, "shipped", library.shipped.__wrapped__)
    with pytest.raises(ValueError, match=r"shipped\.library: .*Reinstall chataudit$"):
        BenchmarkLeakage(folder=str(tmp_path)).verify()


def test_a_damaged_reference_is_refused_before_anything_is_read(tmp_path, check):
    path = tmp_path / "references" / f"quiz{fingerprints.ENDING}"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"quiz.fingerprint: damaged.*refs build quiz --overwrite"):
        BenchmarkLeakage(references=("quiz",), folder=str(tmp_path / "references")).verify()


def test_references_are_read_where_the_check_is_loaded_and_not_before(tmp_path, check, monkeypatch):
    read = []
    real = fingerprints.load
    monkeypatch.setattr(fingerprints, "load", lambda path, **how: read.append(path.stem) or real(path, **how))
    again = BenchmarkLeakage(references=("quiz",), folder=str(tmp_path / "references"))
    again.verify()
    assert read == []
    again.load()
    again.load()
    assert read == ["quiz"]


def test_own_reference_sets_are_named_and_shipped_ones_are_not(tmp_path, monkeypatch):
    user = tmp_path / "user"
    made(user, QUIZ[:1], name="mine")
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(user))
    made(tmp_path / "here", QUIZ[1:2], name="ours")
    made(tmp_path / "here", QUIZ[2:3], name="yours")
    folder = str(tmp_path / "here")
    for names, notes in {
        ("gsm8k",): [],
        ("gsm8k", "ours", "yours"): [f"Also compared with your own reference sets: ours, yours (folder {folder})"],
        ("mine",): ["Also compared with your own reference sets: mine (in your user data)"],
    }.items():
        record = audit(tmp_path, [message("a", text="Hello there")], BenchmarkLeakage(names, folder))
        assert record.facts.checks[0].notes[1:] == notes, names


def test_known_benchmarks_without_a_fingerprint_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("CHATAUDIT_REFERENCES", str(tmp_path / "nothing"))
    text = [message("a", text="Hello there")]
    compared, not_compared = audit(tmp_path, text, BenchmarkLeakage(folder=str(tmp_path))).facts.checks[0].notes
    names, others = (note.rpartition(": ")[2].split(", ") for note in (compared, not_compared))
    assert names == sorted(library.shipped().names)
    assert {"alpaca_eval", "gpqa", "agieval_logiqa"} <= set(others)
    assert not set(names) & set(others)
    assert f"Not compared with {len(others)} known benchmarks" in not_compared


def test_a_setting_out_of_range_is_refused():
    for name in ("min_probability", "min_probability_restated"):
        with pytest.raises(ValueError, match=re.escape(f"{name}: 1.5; expected in (0, 1]")):
            BenchmarkLeakage(**{name: 1.5})


def test_originals_that_are_no_folder_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"originals: .* is not a folder"):
        BenchmarkLeakage(originals=str(tmp_path / "nowhere")).verify()


# -- real texts ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Return ids that are flagged in the planted corpus, and all that was planted."""
    folder = tmp_path_factory.mktemp("planted")
    data = SHARED / "data" / "planted"
    parts = Parts(question="question", choices="options", answer="answer", id="id")
    built = references.add("planted", data / "reference_items.jsonl.gz", parts)
    fingerprints.save(built, folder / f"planted{fingerprints.ENDING}")
    table = run(data / "corpus.jsonl.gz", checks=[BenchmarkLeakage(("planted",), str(folder))]).table
    with gzip.open(data / "leakage_truth.jsonl.gz", "rt", encoding="utf-8") as file:
        truth = {row["id"]: row["cls"] for row in map(json.loads, file)}
    rows = zip(table["message_id"].to_pylist(), table["severity"].to_pylist(), strict=True)
    return {i for i, severity in rows if severity > 1}, truth


@needs_shared
def test_planted_leaks_are_found_and_hard_negatives_are_not(planted):
    ids, truth = planted
    leaks = {i for i, kind in truth.items() if not kind.startswith("neg_")}
    assert len(leaks) == 1000
    assert len(leaks & ids) >= 995
    assert len(ids & truth.keys() - leaks) == 0
    assert len(ids - truth.keys()) <= 1


@needs_shared
def test_one_word_in_ten_replaced_is_found(planted):
    ids, truth = planted
    edited = {i for i, kind in truth.items() if kind == "sub10"}
    assert len(edited & ids) >= 98


@needs_shared
def test_all_prompts_that_alpaca_eval_took_from_oasst_are_found_and_nothing_else(tmp_path):
    data = SHARED / "data"
    built = references.build("alpaca_eval", [data / "benchmarks"])
    fingerprints.save(built, tmp_path / f"alpaca_eval{fingerprints.ENDING}")
    source = data / "oasst" / "oasst1_en_validation.messages.jsonl.gz"
    table = run(source, checks=[BenchmarkLeakage(folder=str(tmp_path))]).table
    facets = [dict(f) for f, s in zip(table["facets"].to_pylist(), table["severity"].to_pylist(), strict=True) if s > 1]
    assert {f["benchmark"] for f in facets} == {"alpaca_eval"}
    assert len({f["item"] for f in facets}) == 110


@needs_shared
def test_training_questions_of_gsm8k_are_no_test_questions(tmp_path):
    source = SHARED / "data" / "benchmarks" / "gsm8k" / "train.jsonl"
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    write(tmp_path / "d.jsonl", [{"instruction": r["question"], "input": "", "output": r["answer"]} for r in rows])
    table = run(tmp_path / "d.jsonl", checks=[BenchmarkLeakage(("gsm8k", "gsm8k_train"))]).table
    assert set(table["rule"].to_pylist()) == {"benchmark_leakage/train_item"}
    items = {dict(f)["item"] for f in table["facets"].to_pylist()}
    assert len(items) == 7473
