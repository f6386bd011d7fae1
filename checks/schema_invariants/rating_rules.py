"""Rules on ranks, labels, scores, reviews and tree states."""

from ..base.examples import Example, chat, turn
from ..base.findings import NOTE, WARNING, Action, Concerns, Rule
from .method import NAME

RANK_OF_PROMPTER = Rule(
    f"{NAME}/rank_of_prompter",
    "Prompt has a rank",
    WARNING,
    "Remove the rank: only rival answers are ranked.",
    example=Example(
        chat(turn("prompter: Name a river that flows north.", rank=0), turn("assistant: The Nile does.", rank=0)),
        not_this=chat("prompter: Name a river that flows north.", turn("assistant: The Nile does.", rank=0)),
        at=0,
    ),
)
RANK_RANGE = Rule(
    f"{NAME}/rank_range",
    "Rank is negative",
    WARNING,
    "Check how ranks were exported: they count from 0, the best.",
    example=Example(
        chat("prompter: How do I fold a paper boat?", turn("assistant: Start with a hat and pull it open.", rank=-1)),
        not_this=chat(
            "prompter: How do I fold a paper boat?", turn("assistant: Start with a hat and pull it open.", rank=0)
        ),
    ),
)
RANK_TIE = Rule(
    f"{NAME}/rank_tie",
    "Sibling answers share a rank",
    WARNING,
    "Leave tied pairs out of preference data.",
    example=Example(
        chat(
            "prompter: What helps against hiccups?",
            turn("assistant: Hold your breath for ten seconds.", rank=0),
            turn("assistant: Drink a glass of cold water.", to=0, rank=0),
        ),
        not_this=chat(
            "prompter: What helps against hiccups?",
            turn("assistant: Hold your breath for ten seconds.", rank=0),
            turn("assistant: Drink a glass of cold water.", to=0, rank=1),
        ),
    ),
)
RANK_GAP = Rule(
    f"{NAME}/rank_gap",
    "Ranks of sibling answers have a gap",
    NOTE,
    "Check whether a ranked sibling was left out.",
    example=Example(
        chat(
            "prompter: Как сварить рис рассыпчатым?",
            turn("assistant: Промойте рис и возьмите две части воды на одну часть крупы.", rank=0),
            turn("assistant: Добавьте ложку масла и не мешайте.", to=0, rank=2),
            lang="ru",
        ),
        not_this=chat(
            "prompter: Как сварить рис рассыпчатым?",
            turn("assistant: Промойте рис и возьмите две части воды на одну часть крупы.", rank=0),
            turn("assistant: Добавьте ложку масла и не мешайте.", to=0, rank=1),
            lang="ru",
        ),
        at=1,
    ),
)
LABEL_LENGTHS = Rule(
    f"{NAME}/label_lengths",
    "Label names, values and counts differ in number",
    WARNING,
    "Export the labels again.",
    example=Example(
        chat(
            "prompter: Tell me a joke about a snail.",
            turn(
                "assistant: It rode on a turtle and shouted: whee!",
                labels={"name": ["quality", "humor"], "value": [0.75], "count": [3, 3]},
            ),
        ),
        not_this=chat(
            "prompter: Tell me a joke about a snail.",
            turn(
                "assistant: It rode on a turtle and shouted: whee!",
                labels={"name": ["quality", "humor"], "value": [0.75, 1.0], "count": [3, 3]},
            ),
        ),
    ),
)
LABEL_RANGE = Rule(
    f"{NAME}/label_range",
    "Label value or count is out of range",
    WARNING,
    "Export the labels again: a value is a mean of votes, in [0, 1], and at least one person voted.",
    example=Example(
        chat(
            "prompter: How do I stop a door from squeaking?",
            turn(
                "assistant: Rub a candle along the hinge.", labels={"name": ["quality"], "value": [1.7], "count": [3]}
            ),
        ),
        not_this=chat(
            "prompter: How do I stop a door from squeaking?",
            turn(
                "assistant: Rub a candle along the hinge.", labels={"name": ["quality"], "value": [0.7], "count": [3]}
            ),
        ),
    ),
)
LABEL_NAME = Rule(
    f"{NAME}/label_name",
    "Label is unknown or repeated",
    WARNING,
    "Map it to a known label.",
    example=Example(
        chat(
            "prompter: Invent a holiday.",
            turn("assistant: Lost Glove Day, in March.", labels={"name": ["splendour"], "value": [0.9], "count": [2]}),
        ),
        not_this=chat(
            "prompter: Invent a holiday.",
            turn("assistant: Lost Glove Day, in March.", labels={"name": ["creativity"], "value": [0.9], "count": [2]}),
        ),
    ),
)
DETOXIFY_RANGE = Rule(
    f"{NAME}/detoxify_range",
    "Detoxify score is outside [0, 1]",
    WARNING,
    "Score the message again: the scores are probabilities.",
    example=Example(
        chat(
            "prompter: Como tirar o cheiro de alho das mãos?",
            turn("assistant: Esfregue os dedos em uma colher de aço debaixo da água.", detoxify={"toxicity": 1.5}),
            lang="pt-BR",
        ),
        not_this=chat(
            "prompter: Como tirar o cheiro de alho das mãos?",
            turn("assistant: Esfregue os dedos em uma colher de aço debaixo da água.", detoxify={"toxicity": 0.015}),
            lang="pt-BR",
        ),
    ),
)
EMOJI_COUNTS = Rule(
    f"{NAME}/emoji_counts",
    "Emoji counts do not fit their names, or are below 1",
    WARNING,
    "Export the emojis again.",
    example=Example(
        chat(
            "prompter: What can I knit in one evening?",
            turn("assistant: A headband from thick wool.", emojis={"name": ["+1"], "count": [0]}),
        ),
        not_this=chat(
            "prompter: What can I knit in one evening?",
            turn("assistant: A headband from thick wool.", emojis={"name": ["+1"], "count": [1]}),
        ),
    ),
)
REVIEW_COUNT = Rule(
    f"{NAME}/review_count",
    "Number of reviews is negative",
    WARNING,
    "Export the review fields again.",
    example=Example(
        chat("prompter: Can cats see in the dark?", turn("assistant: They need a little light.", review_count=-1)),
        not_this=chat(
            "prompter: Can cats see in the dark?", turn("assistant: They need a little light.", review_count=1)
        ),
    ),
)
REVIEW_RESULT = Rule(
    f"{NAME}/review_result",
    "Review result without a review",
    NOTE,
    "Do not count this message as reviewed.",
    example=Example(
        chat(
            "prompter: Perché il pane diventa duro?",
            turn("assistant: Perché l'amido perde acqua e si indurisce.", review_count=0),
            lang="it",
        ),
        not_this=chat(
            "prompter: Perché il pane diventa duro?",
            turn("assistant: Perché l'amido perde acqua e si indurisce.", review_count=1),
            lang="it",
        ),
    ),
)
DELETED_IN_EXPORT = Rule(
    f"{NAME}/deleted_in_export",
    "Deleted message in an export-ready tree",
    WARNING,
    "Drop the message with its branch: its author or a moderator withdrew it.",
    example=Example(
        chat(
            "prompter: Which way does moss grow?",
            turn("assistant: Always towards the moon.", deleted=True),
            turn("assistant: Wherever it stays damp and shady.", to=0),
        ),
        not_this=chat(
            "prompter: Which way does moss grow?",
            turn("assistant: Always towards the moon.", deleted=True),
            turn("assistant: Wherever it stays damp and shady.", to=0),
            tree_state="growing",
        ),
        at=1,
    ),
)
TREE_STATE = Rule(
    f"{NAME}/tree_state",
    "Unknown tree state",
    WARNING,
    "Use a state of the OASST export.",
    example=Example(
        chat("prompter: How deep do worms dig?", "assistant: Some go down two metres.", tree_state="nearly_done"),
        not_this=chat("prompter: How deep do worms dig?", "assistant: Some go down two metres.", tree_state="growing"),
        at=0,
    ),
    strict=Action.DROP_TREE,
)
TREE_STATE_MIXED = Rule(
    f"{NAME}/tree_state_mixed",
    "Messages of one tree have different states",
    WARNING,
    "Export the tree again: all its messages share one state.",
    example=Example(
        chat(
            "prompter: Why do geese fly in a V?",
            turn("assistant: It saves the birds behind some effort.", tree_state="growing"),
        ),
        not_this=chat(
            "prompter: Why do geese fly in a V?",
            "assistant: It saves the birds behind some effort.",
            tree_state="growing",
        ),
    ),
    concerns=Concerns.TREE_STATES,
)
LOTTERY_REPLIES = Rule(
    f"{NAME}/lottery_replies",
    "Tree in the prompt lottery has replies",
    WARNING,
    "Export the tree again.",
    example=Example(
        chat(
            "prompter: How do I draw a horse?",
            "assistant: Begin with two circles and a line for the back.",
            tree_state="prompt_lottery_waiting",
        ),
        not_this=chat("prompter: How do I draw a horse?", tree_state="prompt_lottery_waiting"),
        at=0,
    ),
    strict=Action.DROP_TREE,
)
SYNTHETIC_MODEL = Rule(
    f"{NAME}/synthetic_model",
    "Synthetic flag and model name contradict each other",
    WARNING,
    "Name the model that wrote the message; a person's message names none.",
    example=Example(
        chat("prompter: Describe fog to a fish.", turn("assistant: It is water that forgot to fall.", synthetic=True)),
        not_this=chat(
            "prompter: Describe fog to a fish.",
            turn("assistant: It is water that forgot to fall.", synthetic=True, model_name="oasst-sft-1"),
        ),
    ),
)
