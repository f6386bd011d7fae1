"""The rules of `self_reference`, and how it works."""

from ..base.check import Method
from ..base.examples import Example, chat
from ..base.findings import ERROR, NOTE, WARNING, Action, Rule

NAME = "self_reference"

_PRIMES = "prompter: How do I find the prime factors of 84?"
OTHER_IDENTITY = Rule(
    f"{NAME}/other_identity",
    "Assistant claims to be another model",
    ERROR,
    "Remove the sentence, or drop the reply: a model trained on it takes the name of another product. If the data "
    "set's own assistant has that name, set `own_names`.",
    example=Example(
        chat(
            _PRIMES,
            "assistant: I am ChatGPT, a language model trained by OpenAI. Divide by 2 twice, then by 3: 2, 2, 3, 7.",
        ),
        not_this=chat(
            _PRIMES, "assistant: Divide by 2 twice, then by 3: 2, 2, 3, 7. I checked it with ChatGPT, made by OpenAI."
        ),
    ),
    strict=Action.KEEP,
)
PASTED_INTERFACE = Rule(
    f"{NAME}/pasted_interface",
    "Contains text from a chat interface",
    WARNING,
    "Remove it. The reply was copied from another chat service, and the rest of it may be too.",
    example=Example(
        chat(
            "prompter: Name the largest moon of Saturn.",
            "assistant: Titan is the largest moon of Saturn.\n\nRegenerate response",
        ),
        not_this=chat(
            "prompter: Which button asks for another answer?",
            'assistant: It is called "Regenerate response" in most of them.',
        ),
    ),
    strict=Action.KEEP,
)
AI_DISCLAIMER = Rule(
    f"{NAME}/ai_disclaimer",
    "Reply states that it is an AI",
    NOTE,
    "Remove the sentence where it is frequent: a model learns to open with it.",
    example=Example(
        chat(
            "prompter: Which tea goes with cake?",
            "assistant: As an AI language model, I do not drink tea. Many people like Darjeeling.",
        ),
        not_this=chat(
            "prompter: Which tea goes with cake?",
            "assistant: Darjeeling. A language model such as an AI assistant cannot taste it.",
        ),
    ),
)
KNOWLEDGE_CUTOFF = Rule(
    f"{NAME}/knowledge_cutoff",
    "Reply states a knowledge cutoff",
    NOTE,
    "Remove the sentence, unless the date is that of your own model.",
    example=Example(
        chat(
            "prompter: Who won the cup?",
            "assistant: My knowledge ends in September 2021, so I cannot say who won this year.",
        ),
        not_this=chat(
            "prompter: Who won the cup?", "assistant: The records of the club end in September 2021, so nobody can say."
        ),
    ),
)
REFUSAL = Rule(
    f"{NAME}/refusal",
    "Reply refuses the request",
    NOTE,
    "Compare their rate by language. Keep those that your model should give, and filter the others.",
    example=Example(
        chat("prompter: Name a good lock for my bike.", "assistant: I'm sorry, but I can't help with that request."),
        not_this=chat(
            "prompter: Name a good lock for my bike.",
            "assistant: Sorry for the wait! You cannot go wrong with a U-lock.",
        ),
    ),
)
FACETS = {
    "model": "model that the reply claims to be",
    "maker": "maker of that model",
    "part": "part of the chat window",
    "grade": "kind of refusal",
}
RULES = (OTHER_IDENTITY, PASTED_INTERFACE, AI_DISCLAIMER, KNOWLEDGE_CUTOFF, REFUSAL)

METHOD = Method(
    sure="On sentences in 35 languages that the grammars were not written with, 136 of 175 claims of another identity "
    "were reported, and 1 of 175 sentences that mention a model. The sentences were made for this measurement.",
    how=(
        "One pass over all texts finds names of models and their makers, and words of disclaimers, refusals and chat "
        "windows. Only the sentences around them are read.",
        'Grammars of 35 languages decide whether such a sentence is about its speaker: "I am", "my name is", "was '
        'trained by", "as a language model". A text is read in its declared language and in English; without a tag, '
        "by its script.",
        "Quotations, code and dialogues are left out, and names that a message above contains: it sets a persona, or "
        "asks about the model. Where the prompt asks who the assistant is, another identity is a note.",
        "Names that are also words or people, such as Claude, count where a maker or an AI is named with them.",
        "A reply refuses where its beginning says that it cannot, or where a logistic model of its words finds a moral "
        "lecture in English (at least `min_lecture`).",
    ),
    blind=(
        "Models whose names are not in the list of the check are not found.",
        "Unusual wordings, and languages other than the 35 of OASST, are not found.",
        "A persona that a message above sets without the name of a model does not excuse the name of one.",
        "Fiction that is told in the first person without quotation marks can be reported.",
        "Moral lectures are recognised in English only.",
        "Whether a refusal is justified is not assessed.",
    ),
    measured=(
        "The same sentences: 61 of 105 disclaimers, 73 of 105 knowledge limits and 73 of 105 refusals were reported; "
        "of sentences next to them 0 of 70, 3 of 70 and 0 of 70.",
        "Refusals on 1,140 replies to XSTest that people labelled, each scored without its prompt: precision 0.95, "
        "recall 0.94, F1 0.94; without the 25 prompts around it, F1 0.93.",
        "29,570 ordinary sentences in 34 languages: 17 refusals (wrong) and nothing else.",
        "67,118 texts of OASST1: 12 claims of another identity and 36 remains of chat windows; one reader found all of "
        "them right.",
    ),
    sources=(
        "Röttger et al. (2024), XSTest: A test suite for identifying exaggerated safety behaviours.",
        "Köpf et al. (2023), OpenAssistant Conversations: Democratizing large language model alignment.",
        "Aho and Corasick (1975), Efficient string matching.",
    ),
)
