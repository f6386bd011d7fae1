"""near_duplicates: what two similar texts are to each other."""

import random

import pytest
from building import audit, message, turns, uid
from cases import case
from chataudit.checks.near_duplicates.check import NearDuplicates

HARBOUR = (
    "The old harbour of Bergen was rebuilt after each great fire, and its wooden houses still lean on one another. "
    "Merchants from the north brought dried fish and took grain home, and the letters that they left behind tell of "
    "long winters, of quarrels over weights, and of a ship that was lost within sight of the quay."
)
BAKERY = (
    "A small bakery bakes its bread at night so that it is warm when the first customers come in. The dough rests for "
    "a whole day in a cool room, because slow dough tastes better, and the oven is heated with the wood of pear trees."
)
CODE = """def mean_of(values):
    total = 0
    for value in values:
        if value is None:
            continue
        total += value
    return total / len(values)
"""


def replies(*texts):
    """Return one prompt with these replies."""
    return [message("a", text="Tell me something"), *(message(f"b{k}", "a", text=text) for k, text in enumerate(texts))]


def prompts(*texts):
    """Return a conversation for each prompt, with replies of their own."""
    rows = []
    for k, text in enumerate(texts):
        tree = {"message_tree_id": uid(f"p{k}")}
        rows += [message(f"p{k}", text=text, **tree), message(f"r{k}", f"p{k}", text=f"Reply number {k}", **tree)]
    return rows


def reported(tmp_path, rows):
    """Return rule, severity and kind of each finding."""
    table = audit(tmp_path, rows, NearDuplicates()).table.to_pylist()
    return [(row["rule"].split("/")[1], row["severity"], dict(row["facets"]).get("kind")) for row in table]


def test_two_replies_are_told_apart_by_what_differs(tmp_path):
    others = " ".join(f"word{k}" for k in range(300))
    renamed = CODE.replace("values", "xs").replace("value", "x").replace("total", "s")
    hidden = BAKERY.replace("bread", "br\u200bead").replace("oven", "\u043even")
    greeted = f"Sure! Here is the text you wanted: {BAKERY} I hope it helps you."
    for name, one, other, expected in (
        ("a word", HARBOUR, HARBOUR.replace("grain", "barley"), ("near_copy", 2, "edited")),
        ("greeting", BAKERY, greeted, ("contained_copy", 2, "contained")),
        ("cut", HARBOUR, HARBOUR[: len(HARBOUR) * 3 // 4], ("contained_copy", 2, "cut")),
        ("inside", BAKERY, f"{others[:900]} {BAKERY} {others[900:]}", ("contained_copy", 2, "contained")),
        ("punctuation", BAKERY, BAKERY.replace(",", " -").replace(".", "!"), ("other_signs", 2, "other punctuation")),
        ("names", CODE, renamed, ("near_copy", 2, "renamed code")),
        ("hidden", BAKERY, hidden, ("exact_copy", 2, "exact")),
    ):
        with case(name):
            assert reported(tmp_path, replies(one, other)) == [expected]


def test_two_prompts_with_one_text_and_two_questions_are_a_note(tmp_path):
    for name, one, other in (
        ("before", f"Which goods are named here? {HARBOUR}", f"How do the houses stand today? {HARBOUR}"),
        ("behind", f"{HARBOUR} Which goods are named here?", f"{HARBOUR} How do the houses stand today?"),
        ("both", f"Which goods are named here? {HARBOUR}", f"{HARBOUR} How do the houses stand today?"),
    ):
        with case(name):
            assert reported(tmp_path, prompts(one, other)) == [("other_instruction", 1, "other instruction")]


def test_prompts_that_turn_a_question_are_no_copies(tmp_path):
    asked = f"{BAKERY} Is the bread of such a bakery more expensive than that of a large factory, and who buys it?"
    found = reported(tmp_path, prompts(asked, asked.replace("more expensive", "less expensive")))
    assert found == [("other_instruction", 1, "reworded")]


def test_two_short_prompts_with_another_word_in_the_same_place_are_no_copies(tmp_path):
    asked = "Which shy bird with a short tail came to the feeder in our garden this morning if its breast is {}?"
    found = reported(tmp_path, prompts(asked.format("red"), asked.format("yellow")))
    assert found == [("other_instruction", 1, "reworded")]


def test_texts_of_one_template_are_one_note(tmp_path):
    slots = ("Oslo", "Turku", "Riga", "Malmö", "Gdynia")
    rows = prompts(*(HARBOUR.replace("Bergen", slot) for slot in slots))
    assert reported(tmp_path, rows) == [("template", 1, "template")]


def test_edited_copies_of_one_text_are_no_template(tmp_path):
    rng = random.Random(4)
    words = HARBOUR.split()
    texts = [HARBOUR]
    for k in range(5):
        at = 6 + 8 * k + rng.randrange(3)
        texts.append(" ".join([*words[:at], f"other{k}", *words[at + 1 :]]))
    found = reported(tmp_path, replies(*texts))
    assert found == [("near_copy", 2, "edited")] * 5


def test_a_passage_within_a_message_is_reported_unless_it_is_code(tmp_path):
    line = (
        "values[k] = max(values[k], other[k]) if (k % 2 == 0) and (values[k] != other[k]) else min(values[k], other[k])"
    )
    for name, text, expected in (
        ("paragraph", f"{HARBOUR}\n\nMore follows.\n\n{HARBOUR}", [("repeated_passage", 2, "paragraph")]),
        ("loop", "It rains on the hill. " + "The train goes on and on. " * 9, [("repeated_passage", 2, "sentence")]),
        ("once", f"{HARBOUR}\n\n{BAKERY}", []),
        ("code", f"if a:\n    {line}\nelse:\n    {line}\n", []),
    ):
        with case(name):
            assert reported(tmp_path, replies(text)) == expected


def test_signs_that_carry_meaning_make_a_note(tmp_path):
    asked = "Please write a short program in {} that reads a list of numbers from a file and prints their median"
    assert reported(tmp_path, prompts(asked.format("C"), asked.format("C++"))) == [("other_signs", 1, "other signs")]


def test_a_reply_is_not_compared_with_its_own_prompt(tmp_path):
    assert reported(tmp_path, [message("a", text=HARBOUR), message("b", "a", text=HARBOUR)]) == []
    thread = [message("a", text=f"Correct this: {HARBOUR}"), message("b", "a", text=HARBOUR.replace("quay", "pier"))]
    assert reported(tmp_path, thread) == []


ROOF = "My roof leaks where the chimney goes through it. What should I look at first, and what can wait?"


def chats(*threads):
    roles = ("user", "assistant", "user", "assistant")
    return [
        {"id": f"c{k}", "messages": turns(*(f"{role}: {text}" for role, text in zip(roles, texts, strict=False)))}
        for k, texts in enumerate(threads)
    ]


def test_a_prompt_that_the_file_repeats_with_other_answers_is_a_note(tmp_path):
    answers = ("Look at the flashing.", "Look at the mortar.", "Call a roofer.")
    rows = chats(*((ROOF, answer) for answer in answers))
    assert reported(tmp_path, rows) == [("repeated_prompt", 1, None)]


def test_a_prompt_that_turns_up_again_among_many_is_a_duplicate(tmp_path):
    others = [
        (f"Question {k} of a long quiz about the rivers of the world and the towns on them", f"Answer {k}")
        for k in range(12)
    ]
    rows = chats((ROOF, "Look at the flashing."), (ROOF, "Call a roofer."), *others)
    assert [found for found in reported(tmp_path, rows) if found[1] > 1] == [("exact_copy", 2, "exact")]


def test_a_prompt_is_a_duplicate_where_its_answer_repeats_too(tmp_path):
    rows = chats((ROOF, HARBOUR), (ROOF, HARBOUR), (ROOF, "Call a roofer."))
    assert sorted(reported(tmp_path, rows)) == [
        ("exact_copy", 2, "exact"),  # the prompt and its answer
        ("exact_copy", 2, "exact"),
        ("repeated_prompt", 1, None),
    ]


@pytest.mark.parametrize("memory", ["4GB", "1MB"])
def test_many_texts_of_a_template_are_grouped_without_all_pairs(tmp_path, memory):
    rng = random.Random(5)
    words = [f"w{k}" for k in range(60)]
    texts = [" ".join([*words[:30], f"slot{rng.randrange(10**9)}", *words[30:]]) for _ in range(500)]
    rows = [{"id": f"d{k:04}", "text": text} for k, text in enumerate(texts)]
    record = audit(tmp_path, rows, NearDuplicates(memory=memory))
    (row,) = record.table.to_pylist()
    assert (row["rule"], dict(row["facets"])["count"]) == ("near_duplicates/template", "500")
    notes = " ".join(record.facts.checks[0].notes)
    assert "compared only with the text that represents their group (1 group of 32 or more)" in notes
