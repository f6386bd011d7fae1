"""prompt_parroting: what repeats a prompt, what merely quotes it, and what was asked to."""

import re

import pytest
from building import audit, calling, conversation, flagged, message, result, turns, uid
from chataudit.checks.base.claims import NO_REPLIES
from chataudit.checks.prompt_parroting import check
from chataudit.checks.prompt_parroting.check import PromptParroting
from staging import assert_examples

PROMPT = "Please name three rivers of Europe that flow through more than four countries and say where they begin"
ANSWER = (
    "The Danube begins in the Black Forest and passes ten states. The Rhine comes down from the Swiss Alps and meets "
    "six of them. The Sava rises in Slovenia and joins the Danube at Belgrade after nine hundred kilometres."
)
STORY = (
    "the dog run over the field and he dont see the fence because it were dark and the moon was behind of a cloud "
    "so he jump and fall and all the childs laugh but nobody was hurt at the end of this short day"
)


def talk(*texts):
    """Return a thread of these texts, prompts and replies in turn."""
    rows = []
    for k, text in enumerate(texts):
        rows.append(message(f"{k}", None if k == 0 else f"{k - 1}", ("prompter", "assistant")[k % 2], text=text))
    return rows


def findings_of(tmp_path, *texts, **settings):
    """Return (rule, severity, message) of each finding."""
    table = audit(tmp_path, talk(*texts), PromptParroting(**settings)).table
    names = {uid(f"{k}"): k for k in range(len(texts))}
    rows = [(r["rule"].partition("/")[2], r["severity"], names[r["message_id"]]) for r in table.to_pylist()]
    return sorted(rows, key=lambda row: row[2])


def test_every_rule_reports_its_example_and_leaves_its_neighbour():
    assert_examples(PromptParroting())


def test_a_reply_that_repeats_its_prompt_is_an_echo(tmp_path):
    assert findings_of(tmp_path, PROMPT, PROMPT) == [("echo", 2, 1)]
    assert findings_of(tmp_path, PROMPT, PROMPT.upper() + "???") == [("echo", 2, 1)]


def test_an_answer_is_not(tmp_path):
    assert findings_of(tmp_path, PROMPT, ANSWER) == []


def test_a_prompt_with_a_little_added_is_a_copy_of_it(tmp_path):
    assert findings_of(tmp_path, PROMPT, f"Of course, gladly! {PROMPT}") == [("copies_prompt", 2, 1)]


def test_a_prompt_that_is_quoted_and_then_answered_is_a_note(tmp_path):
    assert findings_of(tmp_path, PROMPT, f"> {PROMPT}\n\n{ANSWER}") == [("restates_prompt", 1, 1)]


def test_a_prompt_that_is_little_repeated_is_not_reported(tmp_path):
    assert findings_of(tmp_path, PROMPT, f"Three rivers of Europe that flow through many lands: {ANSWER}") == []


def test_an_edited_echo_is_reported(tmp_path):
    words = (STORY + " " + ANSWER).split()
    words[30], words[50] = "porcelain", "umbrella"
    assert findings_of(tmp_path, f"{STORY} {ANSWER}", " ".join(words)) == [("echo", 2, 1)]


def test_what_a_prompt_supplied_may_be_given_back(tmp_path):
    given_back = STORY.replace("childs laugh", "children laughed")
    for asked in (
        f"Correct the mistakes in this text: {STORY}",
        f"Corrige los errores de este texto:\n\n{STORY}",
        f"请改正下面这段文字里的错误：{STORY}",
        f"次の文章の間違いを直してください。「{STORY}」",
        f'"{STORY}"\n\nRewrite that so that a child can read it.',
        f"Продолжи рассказ: {STORY}",
    ):
        assert findings_of(tmp_path, asked, given_back) == [], asked


def test_the_whole_prompt_with_its_instruction_is_an_echo_all_the_same(tmp_path):
    asked = f"Correct the mistakes in this text: {STORY}"
    assert findings_of(tmp_path, asked, asked) == [("echo", 2, 1)]


def test_an_answer_that_is_read_off_a_long_prompt_is_not_reported(tmp_path):
    asked = f"{ANSWER} {STORY} Where does the Sava join the Danube?"
    assert findings_of(tmp_path, asked, "The Sava rises in Slovenia and joins the Danube at Belgrade") == []


def test_an_earlier_message_word_for_word_is_an_echo(tmp_path):
    assert findings_of(tmp_path, PROMPT, ANSWER, "And why is the sky blue?", ANSWER) == [("echo", 2, 3)]
    assert findings_of(tmp_path, PROMPT, ANSWER, "And now what?", PROMPT) == [("echo", 2, 3)]


def test_an_earlier_reply_that_was_asked_for_again_is_a_note(tmp_path):
    for asked in ("Say that again", "Wiederhole das bitte", "请再说一遍", "Повтори ещё раз", "もう一度言ってください"):
        assert findings_of(tmp_path, PROMPT, ANSWER, asked, ANSWER) == [("echo", 1, 3)], asked


def test_who_asks_the_same_twice_may_get_the_same_answer_twice(tmp_path):
    assert findings_of(tmp_path, PROMPT, ANSWER, PROMPT, ANSWER) == []


def test_a_refusal_may_be_given_twice(tmp_path):
    refusal = "I am sorry, but as an AI language model I cannot help with that request."
    found = findings_of(tmp_path, "How do I pick a lock?", refusal, "And how do I open a safe?", refusal)
    assert [severity for _, severity, _ in found] == [1]


def test_an_earlier_reply_with_changes_is_a_note(tmp_path):
    changed = ANSWER.replace("nine hundred", "990")
    assert findings_of(tmp_path, PROMPT, ANSWER, "Be exact about the length", changed) == [("echo", 1, 3)]


def test_the_longest_run_is_marked_on_both_sides(tmp_path):
    table = audit(tmp_path, talk(PROMPT, f"Ähem … 好 {PROMPT}!"), PromptParroting()).table
    (row,) = table.to_pylist()
    assert [(span["id"], span["start"], span["quote"]) for span in row["spans"]] == [
        (uid("1"), 9, PROMPT),
        (uid("0"), 0, PROMPT),
    ]


def test_facets_count_how_much_is_repeated_and_of_what(tmp_path):
    (row,) = audit(tmp_path, talk(PROMPT, PROMPT), PromptParroting()).table.to_pylist()
    assert dict(row["facets"]) == {"partner": uid("0"), "steps": "1", "of_reply": "1.00", "of_prompt": "1.00"}


def test_a_document_is_compared_with_its_context(tmp_path):
    record = audit(
        tmp_path, [{"id": "a", "text": PROMPT, "context": PROMPT}, {"id": "b", "text": ANSWER}], PromptParroting()
    )
    assert flagged(record) == [("echo", "a")]
    assert record.facts.checks[0].skipped == {check.NO_PROMPT: 1}


def test_what_cannot_be_checked_is_counted(tmp_path):
    rows = [*conversation("a"), message("x", "gone", "assistant"), message("y", "a", text="!")]
    rows.append(message("z", text="Hi", message_tree_id=uid("z")))
    rows.append(message("own", "own", "assistant", text=PROMPT))
    rows.append(message("zz", "z", message_tree_id=uid("z")))
    (facts,) = audit(tmp_path, rows, PromptParroting()).facts.checks
    assert facts.skipped == {
        NO_REPLIES["prompter"]: 2,
        check.NO_PROMPT: 1,
        check.NO_WORDS: 1,
        check.OWN_PARENT: 1,
        check.SHORT_PROMPT: 1,
    }


def chat(tmp_path, *said):
    """Audit a chat of these messages: chat, chat#2, chat#3, ..."""
    return audit(tmp_path, [{"id": "chat", "messages": turns(*said)}], PromptParroting())


def test_system_and_tool_messages_are_no_replies_and_nothing_that_a_reply_can_repeat(tmp_path):
    lines = [f"system: {STORY}", "user: Tell me a story", calling("a"), result("a", ANSWER)]
    record = chat(tmp_path, *lines, f"assistant: {STORY} {ANSWER}")
    assert flagged(record) == []
    (facts,) = record.facts.checks
    assert facts.checked == 1
    assert facts.skipped == {
        "system message": 1,
        "prompter message": 1,
        "tool call": 1,
        "tool result": 1,
    }


def test_an_answer_behind_a_system_message_alone_has_no_prompt(tmp_path):
    (facts,) = chat(tmp_path, f"system: {STORY}", f"assistant: {STORY}").facts.checks
    assert facts.skipped == {"system message": 1, check.NO_PROMPT: 1}


def test_a_prompt_is_found_above_a_system_message_in_between(tmp_path):
    (row,) = chat(tmp_path, f"user: {PROMPT}", "system: Be kind", f"assistant: {PROMPT}").table.to_pylist()
    assert (row["message_id"], dict(row["facets"])["partner"], dict(row["facets"])["steps"]) == ("chat#3", "chat", "1")


def test_an_echo_behind_the_result_of_a_tool_is_reported_with_its_steps_past_the_call(tmp_path):
    record = chat(tmp_path, f"user: {PROMPT}", calling("a"), result("a"), result("a"), f"assistant: {PROMPT}")
    (row,) = record.table.to_pylist()
    assert (row["rule"], row["message_id"]) == ("prompt_parroting/echo", "chat#5")
    assert dict(row["facets"])["steps"] == "2"


def test_a_call_may_hand_the_prompt_on(tmp_path):
    call = calling("a") | {"content": PROMPT}
    assert flagged(chat(tmp_path, f"user: {PROMPT}", call, result("a"), f"assistant: {ANSWER}")) == []


def test_messages_in_a_circle_end(tmp_path):
    rows = [message("a", "b", "assistant", text=PROMPT), message("b", "a", "assistant", text=PROMPT)]
    assert flagged(audit(tmp_path, rows, PromptParroting())) == [("echo", i) for i in sorted((uid("a"), uid("b")))]


def test_summaries_begin_with_how_much_is_repeated(tmp_path):
    for reply, expected in {
        PROMPT: "100 % of the reply is copied from its prompt (100 % of which it repeats; 18 words in a row; "
        "probability",
        f"Of course, gladly! {PROMPT}": "Contains 100 % of its prompt, which is 86 % of the reply (18 words in a row; "
        "probability",
        f"> {PROMPT}\n\n{ANSWER}": "Quotes 100 % of its prompt, which is 32 % of the reply (18 words in a row)",
    }.items():
        (row,) = audit(tmp_path, talk(PROMPT, reply), PromptParroting()).table.to_pylist()
        assert row["summary"].startswith(expected), row["summary"]


def test_the_score_of_a_warning_is_its_probability(tmp_path):
    (row,) = audit(tmp_path, talk(PROMPT, PROMPT), PromptParroting()).table.to_pylist()
    assert 0.9 < row["score"] < 1
    assert row["summary"].endswith(f"probability {row['score']:.2f})")
    sure = PromptParroting(min_probability=0.9999)
    assert audit(tmp_path, talk(PROMPT, PROMPT), sure).table.num_rows == 0


def test_a_setting_out_of_range_is_refused():
    for name, value, expected in (
        ("min_probability", 1, "in (0, 1)"),
        ("min_restated", 2, "in (0, 1]"),
        ("min_prompt", 0, "at least 1"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"{name}: {value}; expected {expected}")):
            PromptParroting(**{name: value})
