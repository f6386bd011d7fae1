"""Rules on fields, texts and dates."""

from ..base.examples import Data, Example, chat, conversation, records, turn
from ..base.findings import ERROR, WARNING, Action, Rule
from .method import NAME

MISSING_FIELD = Rule(
    f"{NAME}/missing_field",
    "Required field is missing or null",
    ERROR,
    "Restore the field, or drop the message.",
    example=Example(
        chat("prompter: Do penguins have knees?", turn("assistant: Yes, hidden under their feathers.", lang=...)),
        not_this=chat("prompter: Do penguins have knees?", "assistant: Yes, hidden under their feathers."),
    ),
)
MISTYPED_FIELD = Rule(
    f"{NAME}/mistyped_field",
    "Field has the wrong type",
    ERROR,
    "Write the field in the type of the data set card.",
    example=Example(
        chat(
            "prompter: What rhymes with orange?", turn("assistant: Nothing perfect, but door hinge is close.", rank="0")
        ),
        not_this=chat(
            "prompter: What rhymes with orange?", turn("assistant: Nothing perfect, but door hinge is close.", rank=0)
        ),
    ),
)


def _owl_chat(**other: str) -> Data:
    """Return one conversation in which the answer may have a second role or text."""
    return records(
        {
            "id": "owl",
            "lang": "en",
            "conversations": [
                {"from": "human", "value": "How far can an owl turn its head?"},
                {"from": "gpt", "value": "Three quarters of a circle, to either side.", "role": "assistant", **other},
            ],
        }
    )


CONFLICTING_FIELDS = Rule(
    f"{NAME}/conflicting_fields",
    "Message has two roles or texts",
    WARNING,
    "Keep one pair of fields, from and value or role and content: programs differ in which pair they read.",
    example=Example(
        _owl_chat(content="All the way round."),
        not_this=_owl_chat(content="Three quarters of a circle, to either side."),
        at="#2",
    ),
)


def _weighted(weight: float) -> Data:
    """Return one conversation whose answer has this weight in training."""
    answer = {"role": "assistant", "content": "Dip it in warm water for ten seconds.", "weight": weight}
    return conversation("jelly", "user: How do I get jelly out of its mould?", answer)


TRAINING_WEIGHT = Rule(
    f"{NAME}/training_weight",
    "Training weight is not between 0 and 1",
    WARNING,
    "Use true or false, or a number from 0 to 1.",
    example=Example(_weighted(2), not_this=_weighted(0.5), at="#chosen"),
)
MALFORMED_ID = Rule(
    f"{NAME}/malformed_id",
    "Id is not a UUID",
    WARNING,
    "Check how the ids were made or cut.",
    example=Example(
        chat(
            "prompter: How do bees find their way home?",
            turn("assistant: By the sun and by landmarks.", message_id="reply-17"),
        ),
        not_this=chat("prompter: How do bees find their way home?", "assistant: By the sun and by landmarks."),
    ),
)
LANGUAGE_TAG = Rule(
    f"{NAME}/language_tag",
    "Language tag is not valid BCP 47",
    WARNING,
    "Use a tag such as en, pt-BR or zh (RFC 5646), or und where the language is unknown.",
    example=Example(
        chat("prompter: Is a tomato a fruit?", turn("assistant: To a botanist, yes.", lang="eng lish")),
        not_this=chat("prompter: Is a tomato a fruit?", turn("assistant: To a botanist, yes.", lang="en")),
    ),
)
EMPTY_TEXT = Rule(
    f"{NAME}/empty_text",
    "Text has no visible characters",
    WARNING,
    "Drop the message or its branch.",
    example=Example(
        chat("prompter: Send me one emoji that means well done.", "assistant:  \u200b\n"),
        not_this=chat("prompter: Send me one emoji that means well done.", "assistant: \N{CLAPPING HANDS SIGN}"),
    ),
    action=Action.DROP_MESSAGE,
)


def _thinking(answer: str) -> Data:
    """Return one conversation whose answer begins with reasoning."""
    return conversation(
        "croutons", "user: Does the salad dressing go over or under the croutons?", f"assistant: {answer}"
    )


OPEN_REASONING = Rule(
    f"{NAME}/open_reasoning",
    "Reasoning is never closed",
    WARNING,
    "Close the mark where the answer begins, or drop the answer: it was probably cut off.",
    example=Example(
        _thinking("<think>They soften when they are wet, so they go on top."),
        not_this=_thinking("<think>They soften when they are wet.</think>Under them, so that they stay crisp."),
        at="#chosen",
    ),
)
REPLACEMENT_CHARACTERS = Rule(
    f"{NAME}/replacement_characters",
    "Text contains U+FFFD: characters were lost",
    WARNING,
    "Read the source again in its own encoding.",
    example=Example(
        chat(
            "prompter: Was schenke ich einer Gärtnerin?",
            "assistant: Eine Zwiebel der sch\ufffdnsten Tulpe und ein Paar feste Handschuhe.",
            lang="de",
        ),
        not_this=chat(
            "prompter: Was schenke ich einer Gärtnerin?",
            "assistant: Eine Zwiebel der schönsten Tulpe und ein Paar feste Handschuhe.",
            lang="de",
        ),
    ),
)
CONTROL_CHARACTERS = Rule(
    f"{NAME}/control_characters",
    "Text contains control characters",
    WARNING,
    "Remove them: they belong to no language and confuse tokenisers and terminals.",
    example=Example(
        chat("prompter: How do I make my terminal beep?", "assistant: Print the bell character \x07 and listen."),
        not_this=chat(
            "prompter: How do I make my terminal beep?", "assistant: Print the bell character \\a and listen."
        ),
    ),
)
DATE_FORMAT = Rule(
    f"{NAME}/date_format",
    "Date is unreadable or has no time zone",
    WARNING,
    "Write dates as ISO 8601 with a zone, such as 2023-02-07T17:29:24+00:00.",
    example=Example(
        chat(
            "prompter: When do cherry trees bloom?",
            turn("assistant: In April, if the spring is mild.", created_date="07.02.2023 18:40"),
        ),
        not_this=chat(
            "prompter: When do cherry trees bloom?",
            turn("assistant: In April, if the spring is mild.", created_date="2023-02-07T18:40:00Z"),
        ),
    ),
)
DATE_BEFORE_PARENT = Rule(
    f"{NAME}/date_before_parent",
    "Reply is older than its parent",
    WARNING,
    "Check the clock, or the link to the parent.",
    example=Example(
        chat(
            "prompter: Comment garder des pommes tout l'hiver ?",
            turn("assistant: Au frais à la cave, sans qu'elles se touchent.", created_date="2023-02-06T17:38:24Z"),
            lang="fr",
        ),
        not_this=chat(
            "prompter: Comment garder des pommes tout l'hiver ?",
            turn("assistant: Au frais à la cave, sans qu'elles se touchent.", created_date="2023-02-08T17:38:24Z"),
            lang="fr",
        ),
    ),
)
DATE_IN_FUTURE = Rule(
    f"{NAME}/date_in_future",
    "Date is years after all other dates",
    WARNING,
    "Check the clock that wrote the date.",
    example=Example(
        chat(
            "prompter: How do I get wax out of a tablecloth?",
            "assistant: Iron it between two sheets of paper.",
            turn("assistant: Freeze it and scrape the wax off.", to=0, created_date="2099-02-07T17:47:24+00:00"),
        ),
        not_this=chat(
            "prompter: How do I get wax out of a tablecloth?",
            "assistant: Iron it between two sheets of paper.",
            turn("assistant: Freeze it and scrape the wax off.", to=0, created_date="2023-02-07T17:47:24+00:00"),
        ),
    ),
)
