"""The rules of `low_effort`, and how it works."""

from typing import Any

from ..base.check import Method
from ..base.examples import Example, chat, turn
from ..base.findings import NOTE, WARNING, Action, Rule

NAME = "low_effort"
FACETS = {"kind": "what the reply does instead of answering"}

_LEAVES = "prompter: Why do leaves turn red in autumn? Explain the chemistry to a class of ten-year-olds."
_GOOD = (
    "assistant: In autumn the days grow short, and the tree stops making chlorophyll, the green pigment that catches "
    "sunlight.\n\n1. The green fades, and yellow pigments that were always there begin to show.\n2. Sugar is trapped "
    "in the leaves, because their veins close.\n3. In bright light the leaves turn this sugar into anthocyanin, which "
    "is red. Acid sap makes it redder.\n\nYou can try it: cut a red leaf into pieces, cover it with alcohol, and dip "
    "a paper towel into it. The colours climb at different speeds.",
    "assistant: Leaves hold several pigments. Chlorophyll is green and hides the others all summer. When nights get "
    "cold, trees take back the nitrogen in it, so the chlorophyll breaks down and the yellow carotenoids appear.\n\n"
    "Red is different: anthocyanin is made fresh in autumn, from sugar that stays in the leaf. Scientists think that "
    "it protects the leaf from sunlight while the tree saves its last minerals. Sunny days and cool nights give the "
    "brightest red, as the children can see by comparing two years.",
)
_POOR = "assistant: its because of chemicals in the tree i think"


def _labelled(text: str, quality: float) -> Any:
    return turn(text, to=0, labels={"name": ["quality"], "value": [quality], "count": [5]})


NON_ANSWER = Rule(
    f"{NAME}/non_answer",
    "Reply does not answer the prompt",
    WARNING,
    "Drop the reply: a model trained on it learns that an empty answer is good enough.",
    example=Example(
        chat(_LEAVES, "assistant: No idea, just google it."),
        not_this=chat("prompter: Are there leaves that turn red?", "assistant: Yes."),
    ),
    strict=Action.DROP_MESSAGE,
)
LOW_EFFORT = Rule(
    f"{NAME}/low_effort",
    "Reply was probably written with little effort",
    NOTE,
    "Read it beside its siblings. Use the score to sort and to sample, not to drop single replies.",
    example=Example(
        chat(_LEAVES, *(turn(text, to=0) for text in _GOOD), turn(_POOR, to=0), name="poor"),
        not_this=chat(_LEAVES, *(turn(text, to=0) for text in _GOOD)),
        at=3,
    ),
)
LABEL_DISAGREES = Rule(
    f"{NAME}/label_disagrees",
    "Quality label contradicts the score",
    NOTE,
    "Read it: the label was given in haste, or the reply is right or wrong in a way that its form does not show.",
    example=Example(
        chat(_LEAVES, *(turn(text, to=0) for text in _GOOD), _labelled(_POOR, 1.0), name="poor, rated high"),
        not_this=chat(_LEAVES, *(turn(text, to=0) for text in _GOOD), _labelled(_POOR, 0.0)),
        at=3,
    ),
)
RULES = (NON_ANSWER, LOW_EFFORT, LABEL_DISAGREES)

METHOD = Method(
    sure="On conversations that it was not fitted on, the score ranks replies that people rated 0.25 or less above "
    "others with an AUC of 0.82 (95 % CI 0.78-0.86; average precision 0.41 at a base rate of 0.10), without siblings "
    "0.79.",
    how=(
        "Replies of up to 18 words are read for phrases that answer nothing, in English, German, Spanish, French, "
        "Italian, Portuguese, Russian and Chinese: a reply is reported if all its words belong to such phrases, and "
        "the prompt asks for more than a word, a link, an emoji or given words.",
        "Links, emoji, keyboard mashing, repeated prompts and lists with an empty last item are found without phrases.",
        "The score is a monotone model of boosted trees: length, words that the prompt has and words that it does not, "
        "form, cut ends, and all of it against the siblings of the reply. It depends on counts only, not on the words "
        "themselves.",
        "The probability is halved for a reply of up to 20 words to a prompt that asks for something short, and for "
        "one without siblings unless its prompt asks for more: one word answers many prompts of instruction data.",
        "A probability comes from scores of conversations that the model was not fitted on. A label contradicts the "
        "score if its probability is at most `max_label_probability`.",
    ),
    blind=(
        "Whether a reply is right is not assessed: a long and careful error has a good score.",
        "Most labels that the score was fitted on are of English replies (84 %). The AUC for other languages is 0.76.",
        "Of the replies reported as low effort on unseen conversations, 64 % were rated low, which is 18 % of all that "
        "were: use the score to sort, not to drop.",
        "In languages without phrases, only keyboard mashing and unfinished lists are reported as non-answers.",
    ),
    measured=(
        "1,193 replies of OASST1 and OASST2 with two votes or more, cross-validated by conversation; among siblings "
        "of like length, the one that people ranked lower has the worse score in 63 % of pairs (95 % CI 58-69).",
        "Two sets of replies in eight languages, written without sight of the phrases: 382 of 480 non-answers and 15 "
        "of 240 short answers were reported, then, with less obvious wordings, 321 of 432 and 1 of 168. The phrases "
        "were extended by what each set showed after it was measured.",
    ),
    sources=(
        "Köpf et al. (2023), OpenAssistant Conversations: Democratizing large language model alignment.",
        "Friedman (2001), Greedy function approximation: a gradient boosting machine.",
        "Obuchowski (1997), Nonparametric analysis of clustered ROC curve data.",
    ),
)
