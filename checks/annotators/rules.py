"""The rules of `annotators`, and how it works."""

from typing import Any

from ..base.check import Method
from ..base.examples import Data, Example, chat, turn
from ..base.findings import NOTE, WARNING, Action, Rule

NAME = "annotators"
FACETS = {"contributor": "number of the contributor, by messages written"}

_ONE, _TWO, _THREE, _FOUR = (f"{k * 8}-{k * 4}-4{k * 3}-8{k * 3}-{k * 12}" for k in "1234")


def _labelled(value: float, names: tuple[str, ...] = ("quality",), votes: int = 3) -> Any:
    return {"name": list(names), "value": [value] * len(names), "count": [votes] * len(names)}


def _prompts(n: int, author: str | None, minutes: float, name: str) -> Data:
    """Write conversations of one prompt each, of three sentences, so many minutes apart."""
    talks = []
    for k in range(n):
        seconds = 36_000 + int(60 * minutes * k)
        when = f"2023-03-01T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}+00:00"
        text = (
            f"Question {k + 1} of {name}: which of the bridges of town number {k * 7 + 3} is the oldest, who built it, "
        )
        text += "and why was it never replaced by a wider one? Please answer in two or three full sentences."
        fields = {"created_date": when} | ({"user_id": author} if author else {})
        talks.append(chat(f"prompter: {text}", name=f"{name} {k}", **fields))
    return sum(talks[1:], talks[0])


CONCENTRATION = Rule(
    f"{NAME}/concentration",
    "Contributor wrote a large share of the data",
    NOTE,
    "Check that the data are meant to have one main author. Their habits and mistakes are what a model learns.",
    example=Example(_prompts(12, _THREE, 70, "one author"), not_this=_prompts(12, None, 70, "many authors")),
)
BURST = Rule(
    f"{NAME}/burst",
    "More messages in a short time than anyone can type",
    WARNING,
    "Read some of them: they were pasted, generated or imported. An import with one time for all is harmless.",
    example=Example(_prompts(10, _ONE, 0.5, "a burst"), not_this=_prompts(10, _ONE, 5, "a session")),
    strict=Action.KEEP,
)
_LONG = (
    "The old bridge is a stone arch of five spans. It was built by masons from the next valley, who were paid in salt, "
    "and it was never replaced because the river moved away from it in the great flood, so that carts crossed the dry "
    "bed beside it for two hundred years."
)
TYPING_SPEED = Rule(
    f"{NAME}/typing_speed",
    "Text written faster than anyone can type",
    NOTE,
    "Read it: it was probably pasted from somewhere. One such text may have been written beforehand.",
    example=Example(
        chat(
            turn("prompter: Tell me about the old bridge.", created_date="2023-03-01T10:00:00+00:00"),
            turn(f"assistant: {_LONG}", created_date="2023-03-01T10:00:05+00:00"),
        ),
        not_this=chat(
            turn("prompter: Tell me about the old bridge.", created_date="2023-03-01T10:00:00+00:00"),
            turn(f"assistant: {_LONG}", created_date="2023-03-01T10:04:00+00:00"),
        ),
    ),
)
OWN_ANSWERS = Rule(
    f"{NAME}/own_answers",
    "Reply by the author of its prompt",
    NOTE,
    "Look at the rate: one person on both sides writes a monologue, and knows the answer before asking.",
    example=Example(
        chat(turn("prompter: Who built the bridge?", user_id=_TWO), turn("assistant: Masons did.", user_id=_TWO)),
        not_this=chat(
            turn("prompter: Who built the bridge?", user_id=_TWO), turn("assistant: Masons did.", user_id=_ONE)
        ),
    ),
)


def _repeated(author: str) -> Data:
    texts = (
        f"assistant: The bridge of {town} is a stone arch of five spans, it was built by masons from the next valley "
        "who were paid in salt, and it still carries the road to the mill on the other bank of the river."
        for town in ("Aldern", "Birken", "Cassau", "Dorlin", "Elwitz", "Farnau")
    )
    talks = [
        chat(f"prompter: Which bridge is number {k}?", turn(text, user_id=author), name=f"repeated {author} {k}")
        for k, text in enumerate(texts)
    ]
    return sum(talks[1:], talks[0])


def _distinct(author: str) -> Data:
    texts = (
        "The stone bridge is the oldest one, since masons from the next valley built it before the town had a wall.",
        "Wooden planks were laid in spring, when the ice had gone, and taken away again before the first frost came.",
        "Nobody knows the name of the engineer, but his drawings hang in the library beside the door to the yard.",
        "It was painted green after the war because that was the only colour which the army had left in its stores.",
        "Trains cross it twice a day, slowly, and the driver blows the whistle for the fishermen below the third pier.",
        "A flood took the middle arch away, so for nine years a ferry did its work for a penny and a half each way.",
    )
    talks = [
        chat(f"prompter: Which bridge is number {k}?", turn(f"assistant: {text}", user_id=author), name=f"distinct {k}")
        for k, text in enumerate(texts)
    ]
    return sum(talks[1:], talks[0])


REPEATS_ONESELF = Rule(
    f"{NAME}/repeats_oneself",
    "Contributor repeats one text with small changes",
    WARNING,
    "Keep one of them: the others are a template filled in, and a model learns the template.",
    example=Example(_repeated(_FOUR), not_this=_distinct(_TWO)),
    strict=Action.KEEP,
)


def _ranked(best: float, worst: float) -> Data:
    replies = [
        turn(
            f"assistant: Answer {k} about the bridge.",
            to=0,
            rank=k,
            labels=_labelled(best if k == 0 else worst, votes=9),
        )
        for k in range(4)
    ]
    return chat("prompter: Who built the bridge?", *replies, name=f"ranked {best} {worst}")


RANK_CONTRADICTS_LABEL = Rule(
    f"{NAME}/rank_contradicts_label",
    "Rank contradicts the quality label",
    WARNING,
    "Train on one of the two, not on both. If most pairs contradict each other, the ranks are upside down.",
    example=Example(_ranked(0.0, 1.0), not_this=_ranked(1.0, 0.0)),
    strict=Action.KEEP,
)

_FIVE = ("quality", "toxicity", "humor", "helpfulness", "creativity", "violence")


def _rated(top: int, low: int) -> Data:
    """Write conversations of two messages each with labels at the top, and others with labels in between."""
    talks = []
    for k in range(top):
        labels = _labelled(1.0, _FIVE)
        talks.append(chat(f"prompter: Bridge {k}?", f"assistant: Arch {k}.", name=f"top {k}", labels=labels))
    for k in range(low):
        labels = _labelled(0.25 + 0.25 * (k % 2), _FIVE)
        talks.append(chat(f"prompter: Road {k}?", f"assistant: Way {k}.", name=f"low {k}", labels=labels))
    return sum(talks[1:], talks[0])


CONSTANT_RATER = Rule(
    f"{NAME}/constant_rater",
    "All ratings of a conversation are at the maximum",
    NOTE,
    "Drop these labels: they say nothing about the messages.",
    example=Example(_rated(2, 4), not_this=_rated(0, 6), at=1),
)
RULES = (
    CONCENTRATION,
    BURST,
    TYPING_SPEED,
    OWN_ANSWERS,
    REPEATS_ONESELF,
    RANK_CONTRADICTS_LABEL,
    CONSTANT_RATER,
)

METHOD = Method(
    sure="No error rate has been measured on held-out data: the limits were set on 14 data sets with a planted effect "
    "and 7 without, in which all effects and nothing else are reported.",
    how=(
        "Contributors are told apart by their user ids, which are never shown; a number is the rank by messages.",
        "A burst is a window of up to an hour in which a fast typist (7 characters a second, 15 s a message) needs "
        "1.2 times as long. A text is fast at 15 characters a second since its prompt and its author's last message.",
        "Replies to one's own prompt and fast texts of one contributor are notes, and warnings where chance does not "
        "explain their number. Near-copies share a third of their word 5-grams, by sketches.",
        "Ranks are compared with the quality label of siblings. If labels contradict most pairs, all of these are "
        "reported, else pairs that the noise of labels does not explain.",
        "Agreement is Krippendorff's alpha from means and numbers of votes: exact for yes/no labels; for five-point "
        "labels a likelihood over all ways to split the mean. No value is given where its interval is wide.",
    ),
    blind=(
        "Two people behind one id, and one person behind several, look like what their ids say.",
        "Times are those of the data: an import gives all messages its own time.",
        "Effects of half the planted size were not tried.",
        "Votes of single raters are not in the data, so no rater can be judged.",
    ),
    sources=(
        "Krippendorff (2011), Computing Krippendorff's alpha-reliability.",
        "McCullagh (1980), Regression models for ordinal data.",
        "Benjamini and Hochberg (1995), Controlling the false discovery rate.",
        "Broder (1997), On the resemblance and containment of documents.",
        "Köpf et al. (2023), OpenAssistant Conversations: Democratizing large language model alignment.",
    ),
)
