"""The rules of `prompt_parroting`, and how it works."""

from ..base.check import Method
from ..base.examples import Example, chat
from ..base.findings import NOTE, WARNING, Rule

NAME = "prompt_parroting"

_MAPLES = "Pourquoi les feuilles des érables rougissent-elles en automne alors que celles des bouleaux jaunissent ?"
ECHO = Rule(
    f"{NAME}/echo",
    "Reply repeats its prompt or an earlier message",
    WARNING,
    "Drop the reply: a model trained on it learns to repeat questions instead of answering them.",
    example=Example(
        chat(f"prompter: {_MAPLES}", f"assistant: {_MAPLES}", lang="fr"),
        chat(
            f"prompter: {_MAPLES}",
            "assistant: Les érables fabriquent un pigment rouge quand la chlorophylle disparaît ; chez les bouleaux, "
            "le jaune était déjà là.",
            lang="fr",
        ),
    ),
)

_KETTLE = "Why does the kettle in our mountain hut boil sooner than the one at home?"
COPIES_PROMPT = Rule(
    f"{NAME}/copies_prompt",
    "Reply contains its whole prompt and adds little",
    WARNING,
    "Cut the prompt out of the reply, or drop the reply if nothing useful is left.",
    example=Example(
        chat(f"prompter: {_KETTLE}", f"assistant: Sure, good question: {_KETTLE}"),
        chat(
            f"prompter: {_KETTLE}",
            "assistant: The kettle in your mountain hut boils sooner because the air is thinner there: less pressure, "
            "and water boils at a lower temperature.",
        ),
    ),
)

_GUITAR = "Hoe stem ik een gitaar op het gehoor als ik geen stemapparaat bij me heb?"
_STRINGS = (
    "Begin met de lage e-snaar en neem die als uitgangspunt. Druk haar in op de vijfde fret: zo hoort de a-snaar te "
    "klinken. Ga zo verder van snaar naar snaar; alleen de b-snaar stem je op de vierde fret van de g-snaar. Speel tot "
    "slot een akkoord en luister of er nergens een zweving te horen is."
)
RESTATES_PROMPT = Rule(
    f"{NAME}/restates_prompt",
    "Reply quotes its prompt before answering",
    NOTE,
    "Harmless once. Where it is frequent, a model learns to quote first.",
    example=Example(
        chat(f"prompter: {_GUITAR}", f"assistant: {_GUITAR}\n\n{_STRINGS}", lang="nl"),
        chat(f"prompter: {_GUITAR}", f"assistant: Een gitaar stem je zo op het gehoor. {_STRINGS}", lang="nl"),
    ),
)

METHOD = Method(
    sure="On replies in languages and phrasings that the model was not fitted on, 1,592 of 1,631 echoes were reported, "
    "and 15 of 1,739 right replies. The conversations were made for it, and features were chosen with them in view.",
    how=(
        "Each reply is compared with its prompt and with the messages above it. System messages and tool results are "
        "skipped.",
        "Replies that share enough word 5-grams with such a message (pairs of words, where a prompt is short) are "
        "aligned with it word by word. Misspelt words count as shared. The longest shared run is marked on both sides.",
        "A logistic model weighs what each side says besides: how much of the message the reply leaves out and where, "
        "what it adds, whether what is left out asks for the text (repeat, correct, shorten, translate, in 37 "
        "languages), and whether what is added answers nothing (openings, labels of templates, refusals).",
        "Its probability that the reply is an echo, and was not asked for, is the score. A warning needs at least "
        "`min_probability`.",
        "A reply that gives an earlier reply again is a warning where the prompts differ and the second does not ask "
        "for it. With changes, or asked for, it is a note.",
    ),
    blind=(
        "A paraphrase or a translation of the prompt shares too few words to be found.",
        "An instruction in words that the check does not know is recognised by its place only. Without a colon, a "
        "quotation mark or a line break behind it, what it asks for can be reported as an echo.",
        "Sentences that refuse or ask back in words that the check does not know can hide an echo, above all of a "
        "short prompt.",
        "A correction that an earlier message asked for is recognised only by its misspelt words.",
        "In a very deep thread, a reply is compared only with the nearest messages above it.",
        "Replies to prompts with fewer words than the setting `min_prompt`, and greetings, are not reported.",
    ),
    measured=(
        "Releases with planted echoes that the model was not fitted on (3 of 20,000 messages): 361 of 365 echoes "
        "reported, 0 of 115 quotations, no other reply.",
        "21,428 replies of 13 public files: 13 warnings; one reader found 9 right, 4 arguable and none wrong. Five of "
        "them were among the labels that the model was fitted on.",
    ),
    sources=(
        "Broder (1997), On the resemblance and containment of documents.",
        "Cohen (2010), Patience diff advantages.",
    ),
)
