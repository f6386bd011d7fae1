"""Conversations within one text."""

import re
import time

import pytest
from cases import case
from chataudit.audit.reading.formats.templates import EXAMPLES, Turn, names, read, read_transcript
from hypothesis import given
from hypothesis import strategies as st

HI = [("prompter", "Hi"), ("assistant", "Hello")]
BRIEF = ("system", "Be brief.")


def turns(text):
    """Read a text as (role, text) of each turn; None: it is no conversation."""
    rendered = read(text)
    return None if rendered is None else [(turn.role, turn.text) for turn in rendered.turns]


def test_every_template_has_an_example_that_is_read_as_it():
    expected = dict.fromkeys(names, HI) | {
        "harmony": [("prompter", "Hi"), ("assistant", "A greeting."), ("assistant", "Hello")],
        "deepseek": [BRIEF, *HI],
        "zephyr": [BRIEF, *HI],
        "llama-2": [BRIEF, *HI],
        "mistral": [*HI, ("prompter", "Why?"), ("assistant", "So.")],
        "alpaca": [("system", "Below is an instruction that describes a task."), *HI],
        "glaive": [BRIEF, *HI],
        "vicuna": [("system", "A chat between a user and an assistant."), *HI],
    }
    assert list(EXAMPLES) == list(names)
    for name, example in EXAMPLES.items():
        with case(name):
            assert read(example).template == name
            assert turns(example) == expected[name]


def test_white_space_and_tokens_may_come_first():
    for name, example in EXAMPLES.items():
        for lead in ("\n \t", "\ufeff", "<s>", "<bos><bos> "):
            with case(name, lead):
                rendered = read(lead + example)
                assert rendered.template == name
                assert rendered.turns == [turn._replace(start=turn.start + len(lead)) for turn in read(example).turns]


def test_turns_are_where_they_say():
    for name, example in EXAMPLES.items():
        for turn in read(example).turns:
            with case(name, turn):
                assert example[turn.start :].startswith(turn.text)


def test_variants_of_templates_are_read():
    cases = [
        # One complete turn with control tokens.
        ("<|im_start|>user\nHi<|im_end|>", [("prompter", "Hi")]),
        ("<start_of_turn>user\nHi<end_of_turn>\n", [("prompter", "Hi")]),
        # Phi-4 and Phi-4-mini, Tulu, GLM, Llama-4.
        ("<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>Hello<|im_end|>", HI),
        ("<|user|>Hi<|end|><|assistant|>Hello<|end|>", HI),
        ("<|user|>\nHi\n<|assistant|>\nHello<|endoftext|>", HI),
        ("[gMASK]<sop><|user|>\nHi<|assistant|>\nHello", HI),
        ("<|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>\n\nHello<|eot|>", HI),
        # Roles that are ours by other names, and one that is none of ours.
        ("<|im_start|>human\nHi<|im_end|>\n<|im_start|>gpt\nHello<|im_end|>\n", HI),
        ("<|im_start|>critic\nBad.<|im_end|>\n", [("critic", "Bad.")]),
        ("<|im_start|>system name=example\nBe brief.<|im_end|>\n", [BRIEF]),
        # Lines that end as in Windows.
        ("<|im_start|>user\r\nHi<|im_end|>\r\n<|im_start|>assistant\r\nHello<|im_end|>\r\n", HI),
        ("User: Hi\r\nAssistant: Hello", HI),
        # Turns after the first answer.
        (
            "<s>[INST] Hi [/INST] Hello </s><s>[INST] Why? [/INST] So. </s>",
            [*HI, ("prompter", "Why?"), ("assistant", "So.")],
        ),
        (
            "USER: Hi ASSISTANT: Hello</s>USER: Why? ASSISTANT: So.</s>",
            [*HI, ("prompter", "Why?"), ("assistant", "So.")],
        ),
        # Tools.
        (
            "[SYSTEM_PROMPT]Be brief.[/SYSTEM_PROMPT][AVAILABLE_TOOLS][{}][/AVAILABLE_TOOLS][INST]Hi[/INST]"
            "[TOOL_CALLS][{}]</s>[TOOL_RESULTS]1[/TOOL_RESULTS][TOOL_RESULTS]2[/TOOL_RESULTS]Hello</s>",
            [
                BRIEF,
                ("system", "[{}]"),
                ("prompter", "Hi"),
                ("assistant", "[TOOL_CALLS][{}]"),
                ("tool", "1"),
                ("tool", "2"),
                ("assistant", "Hello"),
            ],
        ),
        (
            "USER: Hi\n\n\nASSISTANT: <functioncall> {} <|endoftext|>\n\n\nFUNCTION RESPONSE: 1\n\n\n"
            "ASSISTANT: Hello <|endoftext|>",
            [("prompter", "Hi"), ("assistant", "<functioncall> {}"), ("tool", "1"), ("assistant", "Hello")],
        ),
        (
            "<｜User｜>Hi<｜Assistant｜><｜tool▁outputs▁begin｜>1<｜tool▁outputs▁end｜>Hello<｜end▁of▁sentence｜>",
            [("prompter", "Hi"), ("assistant", ""), ("tool", "1"), ("assistant", "Hello")],
        ),
        (
            "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json"
            "<|message|>{}<|call|><|start|>functions.f to=assistant<|channel|>commentary<|message|>1<|end|>",
            [("prompter", "Hi"), ("assistant", "{}"), ("tool", "1")],
        ),
        # Alpaca's input continues the instruction.
        (
            "### Instruction:\nSum up.\n\n### Input:\nA text.\n\n### Response:\nA.",
            [("prompter", "Sum up.\n\nA text."), ("assistant", "A.")],
        ),
        ("### Instruction:\nHi\n\n### Input:\n\n\n### Response:\nHello</s>", HI),
        # Introductions.
        (
            "A chat between a human and an assistant.\n### Human: Hi\n### Assistant: Hello",
            [("system", "A chat between a human and an assistant."), *HI],
        ),
        (
            "The following is a conversation with an AI assistant.\n\nHuman: Hi\nAI: Hello",
            [("system", "The following is a conversation with an AI assistant."), *HI],
        ),
        ("You are kind. USER: Hi ASSISTANT: Hello</s>", [("system", "You are kind."), *HI]),
        ("### System:\nBe brief.\n\n### User:\nHi\n\n### Assistant:\nHello", [BRIEF, *HI]),
        # Speakers.
        ("Human: Hi\nAssistant: Hello", HI),
        ("User: Hi\n\nBot: Hello", HI),
        ("user: Hi\nassistant: Hello", HI),
        ("Assistant: Hello\nUser: Hi", HI[::-1]),
        ("System: Be brief.\nUser: Hi\nAssistant: Hello", [BRIEF, *HI]),
    ]
    for text, expected in cases:
        with case(text):
            assert turns(text) == expected


def test_only_the_space_of_the_markup_is_removed():
    cases = [
        ("<|im_start|>user\n\n Hi \n<|im_end|>\n", ["\n Hi \n"]),
        ("<s>[INST]  Hi  [/INST]  Hello  </s>", [" Hi ", " Hello "]),
        ("\n\nHuman:  Hi \n\nAssistant: Hello\n", [" Hi ", "Hello\n"]),
        ("### Human: Hi  ### Assistant: Hello ", ["Hi ", "Hello "]),
        ("User: Hi\n\n\n\nAssistant:  Hello", ["Hi\n\n", " Hello"]),
    ]
    for text, expected in cases:
        with case(text):
            assert [turn.text for turn in read(text).turns] == expected


def test_an_end_mark_within_a_turn_is_text():
    assert turns("USER: Strike <s>this</s> out ASSISTANT: Done</s>") == [
        ("prompter", "Strike <s>this</s> out"),
        ("assistant", "Done"),
    ]


def test_the_channels_of_harmony_are_kept():
    assert [turn.channel for turn in read(EXAMPLES["harmony"]).turns] == [None, "analysis", "final"]


def test_a_prompt_for_generation_is_open_and_an_empty_answer_is_not():
    cases = [
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", True),
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant", True),
        ("<|start|>user<|message|>Hi<|end|><|start|>assistant", True),
        ("[INST] Hi [/INST]", True),
        ("### Instruction:\nHi\n\n### Response:\n", True),
        ("\n\nHuman: Hi\n\nAssistant:", True),
        ("USER: Hi ASSISTANT:", True),
        ("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<|im_end|>\n", False),
        ("USER: Hi ASSISTANT: </s>", False),
    ]
    for text, is_open in cases:
        with case(text):
            assert read(text).is_open is is_open
            assert turns(text) == [("prompter", "Hi")] + [("assistant", "")] * (not is_open)


def test_a_text_that_mentions_marks_is_no_conversation():
    for text in (
        "",
        " ",
        "User",
        "In ChatML, a turn is <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>",
        "<|im_start|>user\n opens a turn",
        "<|im_start|> and <|im_end|> are the tokens of ChatML.",
        "<|im_start|>user and <|im_end|> mark a turn.",
        "<|im_start|>user\nHi<|im_end|>\nThis is a turn in ChatML.",
        "<|user|> and <|assistant|> are tokens.</s>",
        "<|prompter|>, <|assistant|> and <|endoftext|> are tokens.",
        "[INST] and [/INST] are the marks of Mistral.",
        "[INST] is an abbreviation.",
        "```\nUSER: Hi ASSISTANT: Hello</s>\n```",
        'prompt = "USER: Hi ASSISTANT:"',
        "USER: root\nPID: 1",
        "User: root\nTraceback (most recent call last):\nAssistantError: no",
        "User: the person who talks to an Assistant: a program",
        "Human: the only animal that blushes",
        "Human: a\n\nHuman: b",
        "### Instruction: how to write one\nSay what you want.",
        "# Models\n\n### Human: people\n### Assistant: programs",
        "Do you have an FAQ?\nQ: Is it here?\nA: Yes.",
        "Q: What is 2 + 2?\nA: 3\nB: 4\nC: 5",
        "Q: What is 2 + 2?\nA: 4",
        "Question: What is 2 + 2?\nAnswer: 4",
        "Question:\nAnswer:\n",
        "A chat between friends is a good thing. Human: we are.",
        "You are the ASSISTANT: answer what the USER: asks.",
        "Below is an instruction that describes a task. Is it clear?",
        "<human>: a person",
        "<｜begin▁of▁sentence｜>Just a text.",
    ):
        with case(text):
            assert turns(text) is None


WORDS = st.text("αβγδ \n", max_size=20)
RENDERED = {
    "chatml": ("<|im_start|>user\n{}<|im_end|>\n", "<|im_start|>assistant\n{}<|im_end|>\n"),
    "llama-3": (
        "<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>",
        "<|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>",
    ),
    "gemma": ("<start_of_turn>user\n{}<end_of_turn>\n", "<start_of_turn>model\n{}<end_of_turn>\n"),
    "harmony": ("<|start|>user<|message|>{}<|end|>", "<|start|>assistant<|channel|>final<|message|>{}<|return|>"),
    "deepseek": ("<｜User｜>{}", "<｜Assistant｜>{}<｜end▁of▁sentence｜>"),
    "openassistant": ("<|prompter|>{}<|endoftext|>", "<|assistant|>{}<|endoftext|>"),
    "zephyr": ("<|user|>\n{}</s>\n", "<|assistant|>\n{}</s>\n"),
    "mistral": ("[INST] {} [/INST]", " {}</s>"),
    "alpaca": ("### Instruction:\n{}\n\n", "### Response:\n{}\n\n"),
    "guanaco": ("### Human: {}", "### Assistant: {}"),
    "oig": ("<human>: {}\n", "<bot>: {}\n"),
    "glaive": ("USER: {}\n\n\n", "ASSISTANT: {} <|endoftext|>\n\n\n"),
    "vicuna": ("USER: {} ", "ASSISTANT: {}</s>"),
    "anthropic": ("\n\nHuman: {}", "\n\nAssistant: {}"),
    "dialogue": ("User: {}\n", "Assistant: {}\n"),
}


@pytest.mark.parametrize("name", RENDERED)
@given(texts=st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=4))
def test_no_word_is_lost(name, texts):
    texts = [tuple(f"α{said}ω" for said in pair) for pair in texts]
    text = "".join(RENDERED[name][side].format(said) for pair in texts for side, said in enumerate(pair))
    rendered = read(text)
    assert rendered.template == name
    assert [turn.text.rstrip("\n") for turn in rendered.turns] == [said for pair in texts for said in pair]
    for turn in rendered.turns:
        assert text[turn.start : turn.start + len(turn.text)] == turn.text


@given(st.lists(st.sampled_from([*re.findall(r"<[^>]*>|\[[^]]*\]|[#\w :]+|\n+", "".join(EXAMPLES.values())), "αβ"])))
def test_no_word_is_lost_between_any_marks(pieces):
    text = "".join(pieces)
    rendered = read(text)
    if rendered is not None:
        assert "αβ" * text.count("αβ") == "".join(re.findall("[αβ]", "".join(turn.text for turn in rendered.turns)))


def test_hostile_texts_take_linear_time():
    marks = [piece for text in EXAMPLES.values() for piece in (text, text[: len(text) // 2], text[:-1])]
    marks += ["<|start|>" + "a" * 150, "[/TOOL_RESULTS]", "</s> ", "\n", "### Input:\n", "You are </s>"]
    for mark in marks:
        for head in ("", "USER: a ASSISTANT: b", "### Instruction:\na\n### Response:", "User: a\nAssistant: b"):
            with case(head, mark):
                seconds = time.process_time()
                read(head + mark * (100_000 // len(mark)))
                assert time.process_time() - seconds < 2  # 0.1 on a slow machine; quadratic: minutes


# -- transcripts that are known to be such ----------------------------------------------------------------------------


def test_a_transcript_may_begin_with_text_and_end_with_an_empty_answer():
    assert read_transcript("A chat.\n\nHuman: Hi\n\nAssistant: ") == [
        Turn(None, "A chat.", 0),
        Turn("prompter", "Hi", 16),
        Turn("assistant", "", 31),
    ]
    assert read_transcript("### Human: Hi ### Assistant:") == [Turn("prompter", "Hi", 11), Turn("assistant", "", 28)]
    assert read_transcript("No mark") == [Turn(None, "No mark", 0)]
    assert read_transcript("") == []
