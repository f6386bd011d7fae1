"""Rules of `benchmark_leakage`, its method, and the reason for skipping a message."""

from ..base.check import Method
from ..base.examples import Example, chat
from ..base.findings import ERROR, NOTE, WARNING, Action, Rule
from .examples import BAKER, FERRY, LANTERN, OWL, part_of

NAME = "benchmark_leakage"


_ASKED = f"prompter: {part_of(FERRY, 'question')}"
QUESTION_AND_ANSWER = Rule(
    f"{NAME}/question_and_answer",
    "Contains a benchmark question with its answer",
    ERROR,
    "Remove it from training data, or exclude the item from evaluation and say so: a model learns the answer.",
    example=Example(
        chat(_ASKED, f"assistant: I know this one. {part_of(FERRY, 'answer')}"),
        chat(_ASKED, "assistant: I would sell the goats and buy a bridge."),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
QUESTION_ALONE = Rule(
    f"{NAME}/question",
    "Contains a benchmark question",
    WARNING,
    "Remove it from training data with the replies below it, or exclude the item from evaluation and say so.",
    example=Example(
        chat(f"prompter: {part_of(LANTERN, 'question')}", "assistant: I have never been to Verrane."),
        chat("prompter: Which lamps did the lamplighters of Verrane use?", "assistant: I have never been to Verrane."),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
_COUNTED = "prompter: Did the baker sell out again this morning?"
ANSWER_ALONE = Rule(
    f"{NAME}/answer",
    "Contains the worked answer to a benchmark question",
    WARNING,
    "Look for the question that it answers. Remove both, or exclude the item from evaluation.",
    example=Example(
        chat(_COUNTED, f"assistant: {part_of(BAKER, 'answer')}"),
        chat(_COUNTED, "assistant: Almost: of the forty-eight rolls, twenty-eight are left, and the dog licked two."),
    ),
    action=Action.DROP_MESSAGE,
)
_STREET = "prompter: Tell me about a street that you like."
PASSAGE_ALONE = Rule(
    f"{NAME}/passage",
    "Contains a passage that a benchmark asks about",
    NOTE,
    "Most such passages were public before. Nothing to do, unless the benchmark requires unseen texts.",
    example=Example(
        chat(_STREET, f"assistant: {part_of(BAKER, 'passage')}"),
        chat(
            _STREET, "assistant: Quill Lane, for its bakery: the ovens are fired with driftwood, and you can taste it."
        ),
    ),
)
_QUINCES = "assistant: Then twenty-nine from each are left for her."
REPHRASED = Rule(
    f"{NAME}/rephrased",
    "May be a benchmark question in other words or another language (same numbers in the same order)",
    NOTE,
    "Read both: it may be the question in other words or another language, or another question with the same numbers.",
    example=Example(
        chat(
            "prompter: Out of every row in her quince orchard Maribel sells 6 baskets to Holm, to the cider press. Of "
            "trees there are 14 rows, and in autumn 35 baskets come from each. What does Maribel keep in baskets, to "
            "make marmalade?",
            _QUINCES,
        ),
        chat(
            "prompter: Out of every row in her quince orchard Maribel sells 8 baskets to Holm, to the cider press. Of "
            "trees there are 23 rows, and in autumn 41 baskets come from each. What does Maribel keep in baskets, to "
            "make marmalade?",
            _QUINCES,
        ),
        at=0,
    ),
)
TRAIN_ITEM = Rule(
    f"{NAME}/train_item",
    "Contains an item of a benchmark's training split",
    NOTE,
    "Such items are meant for training. Say so where results on this benchmark are reported.",
    example=Example(
        chat(f"prompter: {part_of(OWL, 'question')}", "assistant: Chimneys are warmer, and nobody climbs them."),
        chat("prompter: Where do the snow owls of Brannoch nest?", "assistant: On chimneys: nobody climbs them."),
        at=0,
    ),
)
_UNSURE = "assistant: I would have to ask the cousins."
BELOW_LEAK = Rule(
    f"{NAME}/below_leak",
    "Reply below a benchmark question",
    NOTE,
    "Where the question is removed, remove the replies below it too: they give the answer away.",
    example=Example(
        chat(f"prompter: {part_of(BAKER, 'question')}", _UNSURE),
        chat("prompter: Who ate the rolls of the baker of Quill Lane?", _UNSURE),
    ),
)

METHOD = Method(
    sure="On benchmarks and messages that the model had not seen, 85 % of 11,494 planted items were found (of "
    "unedited ones, 96 to 98 %), and 11 of 179,154 ordinary messages were reported (34 to 110 per million, 95 % "
    "confidence).",
    how=(
        "Every message is compared with one-way fingerprints of all reference sets at once. They contain hashes and no "
        "text.",
        "The message, its lines and its sentences are looked up whole. Everything else is looked up by 5-grams in "
        "which all numbers count as one word. Accents and spellings of formulas make no difference.",
        "For each candidate part of an item, all of its 5-grams are looked up in the message, and the words of a "
        "question are aligned with those around. Words are weighted by how rare they are, so that stock phrases and "
        "boilerplate carry no evidence.",
        "A fitted model estimates the probability that the item is in the message. It weighs how much was found and "
        "where, how common the wording is in ordinary chats, the surrounding text, and whether the choices follow. A "
        "second one weighs equal numbers in the same order, to note questions in other words or another language.",
        "Answers are looked for after the question and in the 64 nearest messages below it. Counts under published "
        "contamination rules are also reported.",
    ),
    blind=(
        "Benchmarks without a fingerprint are not looked for. `chataudit refs list` shows the available ones, and "
        "`chataudit refs build` creates more.",
        "Questions of fewer than twelve words are often missed if one word is replaced, and all questions if every "
        "fifth word is.",
        "A question in other words or another language is found only by its numbers, two or more, one of them in "
        "digits: 85 % of rephrased and 59 % of translated questions of GSM8K, and as a note.",
        'A question that a user could plausibly have asked independently ("Why is the sky blue?") looks like a leak.',
        "A short answer without its question is not reported: it may be a saying, or a choice.",
    ),
    measured=(
        "11,494 texts with items of 39 benchmark splits, copied, wrapped or edited in 21 ways. Each was scored by a "
        "model that had seen neither the benchmark nor this half of the messages: 85 % found.",
        "179,154 messages of public chat data, scored in the same way: 11 reported. 245 more contain a short benchmark "
        "question that a user could have asked independently, and were not counted.",
    ),
    sources=(
        "Schleimer, Wilkerson and Aiken (2003), Winnowing: local algorithms for document fingerprinting.",
        "Brown et al. (2020), Language models are few-shot learners (GPT-3), appendix C: any 13-gram.",
        "Chowdhery et al. (2022), PaLM: scaling language modeling with Pathways, section 8: 70 % of the 8-grams.",
        "Touvron et al. (2023), Llama 2: open foundation and fine-tuned chat models, appendix A.6: 80 % of the tokens "
        "in runs of ten.",
        "Lambert et al. (2024), Tulu 3: pushing frontiers in open language model post-training, section 3.2: half of "
        "the tokens in 8-grams.",
    ),
)

NO_WORDS = "no words"
