"""The rules of `prompt_parroting`, and how it works."""

from ..base.check import Method
from ..base.examples import Example, chat
from ..base.findings import NOTE, WARNING, Action, Rule

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
    action=Action.KEEP,
)

METHOD = Method(
    sure="Shares and the longest common run of words are computed exactly. No error rate "
    "has been measured on held-out data.",
    how=(
        "Each reply is compared with its prompt and with the messages above it. System messages and tool results are "
        "skipped.",
        "Their sets of word 5-grams are compared: the share of the reply that is in the prompt, and the share of the "
        "prompt that is in the reply.",
        "The longest run of words that both share is marked on both sides. A short prompt, which has too few "
        "5-grams, is compared by that run alone.",
        "A reply that gives back a text supplied by the prompt, to correct or to continue, is reported as a note. The "
        "repeated part then begins or ends at a colon, a quotation mark or a line break.",
        "A reply that repeats an earlier message with changes is also a note: prompts often ask for a revision.",
    ),
    blind=(
        "A paraphrase of the prompt shares too few 5-grams to be found.",
        "A supplied text that no punctuation separates from the instruction is reported as a reply that repeats its "
        "prompt.",
        "In a very deep thread, a reply is compared only with the nearest messages above it.",
        "Replies to prompts with fewer words than the setting `min_prompt` are skipped, and counted as such.",
    ),
    sources=("Broder (1997), On the resemblance and containment of documents.",),
)
