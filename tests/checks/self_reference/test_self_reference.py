"""self_reference: who speaks as another model, what is left of a chat window, and what only talks about them."""

import json
from collections import Counter, defaultdict

import pyarrow as pa
import pytest
from building import SHARED, audit, conversation, message, needs_shared, uid
from chataudit import run
from chataudit.checks.self_reference.anchors import anchored
from chataudit.checks.self_reference.check import SelfReference
from chataudit.checks.self_reference.names import NAMES, named
from chataudit.checks.self_reference.passage import Passage
from chataudit.checks.self_reference.speech import grammar
from chataudit.checks.self_reference.tongues import TONGUES, tongue_of
from staging import assert_examples

TRUTH = SHARED / "data" / "truth" / "self_reference"


def rules_of(tmp_path, reply, prompt="How do I bake bread?", lang="en", system=None, **settings):
    """Return (rule, severity) of each finding about a reply."""
    tmp_path.mkdir(exist_ok=True)
    rows = [message("p", None, "prompter", text=prompt, lang=lang)]
    if system is not None:
        rows = [
            message("s", None, "system", text=system, lang=lang),
            message("p", "s", "prompter", text=prompt, lang=lang),
        ]
    rows.append(message("r", "p", "assistant", text=reply, lang=lang))
    table = audit(tmp_path, rows, SelfReference(**settings)).table.to_pylist()
    return sorted((row["rule"].partition("/")[2], row["severity"]) for row in table if row["message_id"] == uid("r"))


def test_every_rule_reports_its_example_and_leaves_its_neighbour():
    assert_examples(SelfReference())


IDENTITIES = {
    "en": "Hi! I'm Gemini, Google's assistant. What can I do for you?",
    "de": "Ich wurde von OpenAI entwickelt und trainiert.",
    "es": "Estás hablando con Copilot, el asistente de Microsoft.",
    "fr": "En tant que ChatGPT, je ne peux pas goûter le pain.",
    "ja": "私はAnthropicが開発したClaudeです。",
    "ko": "저는 Meta에서 만든 Llama 3입니다.",
    "ru": "Меня создала компания OpenAI.",
    "tr": "Ben Gemini, Google tarafından geliştirilen bir yapay zekâ modeliyim.",
    "zh": "我是通义千问，由阿里云训练的语言模型。",
}


@pytest.mark.parametrize("lang", IDENTITIES)
def test_a_claim_of_another_identity_is_an_error(tmp_path, lang):
    found = rules_of(tmp_path, f"{IDENTITIES[lang]} Mix flour and water.", lang=lang)
    assert ("other_identity", 3) in found, found


ABOUT = (
    "I use ChatGPT every day, and OpenAI made it.",
    "My sister works at Google, and I was trained there for two years.",
    "Tools such as ChatGPT, Claude and Gemini can write a recipe.",
    "Unlike ChatGPT, I have never read a cookbook.",
    "I'm Bard Ellison, the second son of a printer.",
    'He said: "I am ChatGPT, made by OpenAI."',
    "```python\nprint('I am ChatGPT, made by OpenAI')\n```",
    "I saw a poster from Microsoft that made me think.",
    "ChatGPT, as a language model, can shorten your recipe.",
    "Am I ChatGPT?",
)


@pytest.mark.parametrize("text", ABOUT)
def test_texts_about_models_quotations_and_code_are_no_claims(tmp_path, text):
    assert [rule for rule, _ in rules_of(tmp_path, text) if rule == "other_identity"] == []


CLAIM = "I am Claude, made by Anthropic."


def test_a_persona_that_was_set_or_a_model_that_was_asked_about_is_no_claim(tmp_path):
    assert rules_of(tmp_path / "a", CLAIM, system="You are Claude, made by Anthropic.") == []
    assert rules_of(tmp_path / "b", CLAIM, prompt="Translate: Ich bin Claude von Anthropic.") == []


def test_another_identity_that_was_asked_for_is_a_note(tmp_path):
    assert rules_of(tmp_path, CLAIM, prompt="Who are you and who made you?") == [("other_identity", 1)]


def test_the_own_name_is_a_setting(tmp_path):
    assert rules_of(tmp_path / "a", "I am Open Assistant, made by LAION.") == []
    assert rules_of(tmp_path / "b", CLAIM, own_names=("Anthropic",)) == []
    assert rules_of(tmp_path / "c", "I am Open Assistant, made by LAION.", own_names=("Claude",)) == [
        ("other_identity", 3)
    ]


WINDOWS = (
    "Bread needs flour.\n\nRegenerate response",
    "Bread needs flour:\n\npython\nCopy code\nprint('flour')",
    "ChatGPT said:\n\nBread needs flour.",
    "Du hast gesagt:\nWie backe ich Brot?",
    "Bread needs flour【12†source】.",
    "See https://example.org/bread?utm_source=chatgpt.com",
    "Bread needs flour.\n\nThought for 12 seconds",
    "Here is how ChatGPT responded:\n\nBread needs flour.",
    "Bread needs flour.\n\nChatGPT can make mistakes. Check important info.",
)


@pytest.mark.parametrize("text", WINDOWS)
def test_what_is_left_of_a_chat_window_is_a_warning(tmp_path, text):
    assert ("pasted_interface", 2) in rules_of(tmp_path, text)


NO_WINDOWS = (
    'The button is called "Regenerate response".',
    "Marks such as 【12†source】 show that a text was pasted.",
    "The parameter utm_source=chatgpt.com tells a site where a visitor came from.",
    "He thought for a few minutes and said: bake it.",
    "```python\nMARKS = ['ChatGPT said:']\n```",
)


@pytest.mark.parametrize("text", NO_WINDOWS)
def test_talk_about_a_chat_window_is_left(tmp_path, text):
    assert [rule for rule, _ in rules_of(tmp_path, text) if rule == "pasted_interface"] == []


def test_disclaimers_and_limits_of_knowledge_are_notes(tmp_path):
    for k, (text, rule) in enumerate(
        (
            ("As an AI language model, I do not eat bread.", "ai_disclaimer"),
            ("I am only a chatbot, so I cannot smell it.", "ai_disclaimer"),
            ("I am not a human but a virtual assistant.", "ai_disclaimer"),
            ("My training data stops in September 2021.", "knowledge_cutoff"),
            ("I don't have access to real-time prices or the internet.", "knowledge_cutoff"),
        )
    ):
        assert (rule, 1) in rules_of(tmp_path / str(k), text), text
    for k, text in enumerate(
        ("As an AI researcher, I read papers.", "A language model does not eat.", "Our club's data end in 2021.")
    ):
        assert rules_of(tmp_path / f"not{k}", text) == [], text


def test_a_disclaimer_that_was_asked_for_is_left(tmp_path):
    assert rules_of(tmp_path, "No, I am an AI.", prompt="Are you a human being?") == []


def test_a_refusal_says_that_it_cannot_or_lectures(tmp_path):
    record = audit(
        tmp_path,
        [
            message("p", None, "prompter", text="How do I kill a Python process?"),
            message("a", "p", "assistant", text="I'm sorry, but I can't assist with that."),
            message(
                "b",
                "p",
                "assistant",
                text="It is not appropriate or ethical to discuss ways to cause harm or violence to others. "
                "It is important to treat everyone with respect and dignity.",
            ),
            message("c", "p", "assistant", text="Type kill and its number. You cannot undo it, sorry!"),
        ],
        SelfReference(),
    )
    found = {row["message_id"]: dict(row["facets"])["grade"] for row in record.table.to_pylist()}
    assert found == {uid("a"): "says it cannot", uid("b"): "moral lecture"}


def test_an_idiom_is_no_refusal(tmp_path):
    assert rules_of(tmp_path / "a", "I can't help smiling when I give this answer.") == []
    assert rules_of(tmp_path / "b", "I cannot recommend this answer highly enough.") == []


def test_user_turns_are_counted_and_not_reported(tmp_path):
    rows = [
        message("p", None, "prompter", text="I am ChatGPT, a language model trained by OpenAI."),
        message("r", "p", "assistant", text="Mix flour and water."),
    ]
    record = audit(tmp_path, rows, SelfReference())
    assert record.table.num_rows == 0
    (facts,) = record.facts.checks
    assert any("1 user message claims to be a language model" in note for note in facts.notes)
    (table,) = (table for table in facts.tables if table.name == "Models named")
    assert ("ChatGPT", "OpenAI", "user", 1) in [row[:4] for row in table.rows]


def test_names_within_words_are_none_and_versions_belong_to_names():
    assert named("the metal is hot", 4, 8) is None
    name, end = named("i am claude 3 opus.", 5, 11)
    assert (name.model, name.is_sure, end) == ("Claude", True, 18)
    assert not NAMES["claude"].is_sure


def test_offsets_of_anchors_are_code_points():
    text = "Ünïcödé — я не Claude, а ChatGPT"
    (at,) = anchored(pa.array([text]))
    assert [at.text[start:end] for start, end in at.names] == ["claude", "chatgpt"]
    assert len(at.text) == len(text)


def test_a_text_at_the_edge_of_another_is_read_by_itself():
    found = {at.row for at in anchored(pa.array(["I am Claude", "Claude", "xclaude", "mcp"]))}
    assert found == {0, 1}


def test_all_languages_have_all_patterns():
    assert len(TONGUES) == 35
    for code in TONGUES:
        patterns = grammar(code)
        for name in (
            "frame",
            "behind",
            "first",
            "me",
            "made",
            "agent",
            "is_agent",
            "as_agent",
            "knows",
            "cannot",
            "asks",
        ):
            assert getattr(patterns, name).search("") is None, (code, name)
    assert tongue_of("pt-BR") == "pt"
    assert tongue_of("nn") == tongue_of("no") == "nb"
    assert tongue_of("xx") is tongue_of(None) is None


def test_a_dialogue_needs_two_speakers_who_speak_twice():
    assert Passage("a: hi\nb: hi\na: ho\nb: ho").is_dialogue
    assert not Passage("step one: mix\nstep two: bake\nnote: wait").is_dialogue


def test_hostile_texts_take_no_time_to_speak_of(tmp_path):
    texts = [
        "i am " * 40_000,
        "chatgpt said:\n" * 20_000,
        "'" * 100_000 + "i am chatgpt",
        "as an ai " * 30_000,
        "【" * 100_000,
    ]
    rows = conversation("t", len(texts))
    for row, text in zip(rows[1:], texts, strict=True):
        row["text"] = text
    record = audit(tmp_path, rows, SelfReference())
    assert record.facts.checks[0].seconds < 20


@needs_shared
def test_planted_sentences_are_found_and_their_neighbours_left(tmp_path):
    found = defaultdict(set)
    table = run(TRUTH / "data.jsonl", format="messages", checks=[SelfReference()]).table
    for row in table.to_pylist():
        found[row["message_id"]].add(row["rule"].partition("/")[2])
    hits, totals = Counter(), Counter()
    for line in (TRUTH / "truth.jsonl").open(encoding="utf-8"):
        row = json.loads(line)
        totals[row["kind"], row["expect"]] += 1
        rule = row["rule"].partition("/")[2]
        hits[row["kind"], row["expect"]] += bool(
            found[row["message_id"]] if not rule else rule in found[row["message_id"]]
        )
    for (kind, expect), n in totals.items():
        if expect == "flag":
            assert hits[kind, expect] >= 0.96 * n, kind
        elif expect == "quiet":
            assert hits[kind, expect] <= 0.04 * n, kind
