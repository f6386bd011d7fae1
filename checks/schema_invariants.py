"""Structural rules that every conversation tree must satisfy.

A trainer walks a tree from root to leaf and assumes that prompter and assistant take turns, that each parent exists,
that an id names one message, and that labels are in the range of the data set card. Where one of these fails, code
breaks late or, worse, learns from the wrong pair. The rules come from the OASST data set card and from its export code
(https://huggingface.co/datasets/OpenAssistant/oasst1; Köpf et al. 2023, arXiv:2304.07327). For other chat formats they
are the assumptions of common chat templates: a system message comes first, and tool results follow their calls. The two
answers of a preference pair share a prompt and differ. Data are checked only against what their own format promises
(`Form`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .base.check import ALL, Check, Method, Result, Stage
from .base.examples import Data, Example, chat, edited, records, turn, uid
from .base.faults import FaultKind
from .base.findings import ERROR, FINDINGS, NOTE, WARNING, Action, Concerns, Rule, Spans, claim, cover
from .base.messages import (
    CHAT_ROLES,
    DETOXIFY,
    PLACES,
    Batch,
    BoolArray,
    IntArray,
    as_bools,
    as_ints,
    entries,
    line_id,
    single,
)
from .base.settings import setting

NAME = "schema_invariants"

# -- rules of threads and trees --------------------------------------------------------------------------------------

ROLE_ALTERNATION = Rule(
    f"{NAME}/role_alternation",
    "Reply has the same role as its parent",
    ERROR,
    "Fix the role or drop the branch: a model trained on it learns to answer itself.",
    example=Example(
        chat(
            "prompter: Is the lighthouse open on Mondays?",
            "assistant: No, it is closed on Mondays.",
            "assistant: You can visit it from Tuesday to Sunday.",
        ),
        not_this=chat(
            "prompter: Is the lighthouse open on Mondays?",
            "assistant: No, it is closed on Mondays.",
            turn("assistant: You can visit it from Tuesday to Sunday.", to=0),
        ),
    ),
)
ROOT_ROLE = Rule(
    f"{NAME}/root_role",
    "Conversation does not start with a prompt",
    ERROR,
    "Restore the prompt that the first message answers, or drop the tree.",
    example=Example(
        chat(
            "assistant: Leeks, potatoes and a little nutmeg.",
            "prompter: No cream at all?",
            "assistant: None. The potatoes make the soup thick.",
        ),
        not_this=chat(
            "prompter: What is in your soup?",
            "assistant: Leeks, potatoes and a little nutmeg.",
            "prompter: No cream at all?",
            "assistant: None. The potatoes make the soup thick.",
        ),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
UNKNOWN_ROLE = Rule(
    f"{NAME}/unknown_role",
    "Unknown role",
    ERROR,
    "Map the role to one that the format knows, or drop the branch.",
    example=Example(
        chat("prompter: Which boots do I need for snow?", "moderator: Warm ones with a deep tread."),
        not_this=chat("prompter: Which boots do I need for snow?", "assistant: Warm ones with a deep tread."),
    ),
)


def _travel_chat(name: str, *said: tuple[str, str]) -> Data:
    """Return one conversation of roles and texts, as a record with one answer that people liked."""
    return records({"id": name, "lang": "en", "messages": [{"role": r, "content": c} for r, c in said], "label": True})


SYSTEM_FIRST = Rule(
    f"{NAME}/system_first",
    "System message after other messages",
    WARNING,
    "Move it to the beginning, or into the next prompt: many chat templates refuse or drop it.",
    example=Example(
        _travel_chat(
            "packing",
            ("user", "What shall I pack for a week in Iceland?"),
            ("system", "You are a travel guide who answers in one sentence."),
            ("assistant", "Layers of wool, a rain jacket and your swimsuit for the hot springs."),
        ),
        not_this=_travel_chat(
            "packing",
            ("system", "You are a travel guide who answers in one sentence."),
            ("user", "What shall I pack for a week in Iceland?"),
            ("assistant", "Layers of wool, a rain jacket and your swimsuit for the hot springs."),
        ),
        at="#2",
    ),
)


def _tide_chat(answered_call: str) -> Data:
    """Return one conversation in which a tool answers the call of this id."""
    call = {"id": "call_tides", "type": "function", "function": {"name": "tides", "arguments": '{"port": "Brest"}'}}
    messages = [
        {"role": "user", "content": "When is high tide in Brest today?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": answered_call, "content": '{"high": "16:42"}'},
        {"role": "assistant", "content": "The water is highest at 16:42."},
    ]
    return records({"id": "tides", "lang": "en", "messages": messages, "label": True})


TOOL_RESULT = Rule(
    f"{NAME}/tool_result",
    "Tool result without a matching call",
    ERROR,
    "Restore the call, or drop the result: a model trained on it learns to invent results.",
    example=Example(_tide_chat("call_weather"), not_this=_tide_chat("call_tides"), at="#3"),
)
DUPLICATE_ID = Rule(
    f"{NAME}/duplicate_id",
    "Duplicate message id",
    ERROR,
    "Keep one of the messages. Replies to the id are ambiguous.",
    example=Example(
        chat(
            "prompter: Suggest a name for a grey kitten.",
            "assistant: Pebble would suit a calm one.",
            turn("assistant: How about Drizzle?", to=0, same_id=1),
        ),
        not_this=chat(
            "prompter: Suggest a name for a grey kitten.",
            "assistant: Pebble would suit a calm one.",
            turn("assistant: How about Drizzle?", to=0),
        ),
    ),
    concerns=Concerns.REPEATED_ID,
)
DANGLING_PARENT = Rule(
    f"{NAME}/dangling_parent",
    "Parent message is missing",
    ERROR,
    "Restore the parent or drop the branch; if the export was filtered on purpose, set filtered_export = true.",
    example=Example(
        chat(
            "prompter: How long do I boil an egg?",
            "assistant: Six minutes for a soft yolk.",
            turn("assistant: Ten minutes if you like it firm.", parent_id=uid("a message that was lost")),
        ),
        not_this=chat(
            "prompter: How long do I boil an egg?",
            "assistant: Six minutes for a soft yolk.",
            turn("assistant: Ten minutes if you like it firm.", to=0),
        ),
    ),
)
_KITES = chat("prompter: Why does my kite spin?", "assistant: Its tail is too short or its bridle is uneven.")
PARENT_IN_OTHER_TREE = Rule(
    f"{NAME}/parent_in_other_tree",
    "Parent belongs to another tree",
    ERROR,
    "Give both messages the tree id of their root.",
    example=Example(
        _KITES
        + chat(
            "prompter: Where can I skate near the harbour?",
            "assistant: The rink behind the fish market is open until nine.",
            turn("assistant: Try the frozen canal.", parent_id=_KITES.messages[0]["message_id"]),
        ),
        not_this=_KITES
        + chat(
            "prompter: Where can I skate near the harbour?",
            "assistant: The rink behind the fish market is open until nine.",
            turn("assistant: Try the frozen canal.", to=0),
        ),
    ),
)
SELF_PARENT = Rule(
    f"{NAME}/self_parent",
    "Message is its own parent",
    ERROR,
    "Restore the parent id, or drop the branch.",
    example=Example(
        chat(
            "prompter: Can I freeze fresh basil?",
            "assistant: Yes, chopped and covered with oil.",
            turn("assistant: Better to blend it into pesto first.", to=2),
        ),
        not_this=chat(
            "prompter: Can I freeze fresh basil?",
            "assistant: Yes, chopped and covered with oil.",
            turn("assistant: Better to blend it into pesto first.", to=0),
        ),
    ),
)
CYCLE = Rule(
    f"{NAME}/cycle",
    "Messages are each other's ancestors",
    ERROR,
    "Drop the tree: code that walks up to the root never ends on it.",
    example=Example(
        chat(
            "prompter: How do I tune a ukulele?",
            "assistant: The strings are G, C, E and A.",
            turn("prompter: From the top or from the bottom?", to=3, created_date="2023-02-07T18:00:00Z"),
            turn("assistant: From the string nearest to your chin.", to=2, created_date="2023-02-07T18:00:00Z"),
        ),
        not_this=chat(
            "prompter: How do I tune a ukulele?",
            "assistant: The strings are G, C, E and A.",
            turn("prompter: From the top or from the bottom?", to=1, created_date="2023-02-07T18:00:00Z"),
            turn("assistant: From the string nearest to your chin.", to=2, created_date="2023-02-07T18:00:00Z"),
        ),
        at=2,
    ),
    action=Action.DROP_SUBTREE,
)
ONE_ROOT = Rule(
    f"{NAME}/one_root",
    "Tree has no root or several roots",
    ERROR,
    "Split the tree by root, or restore the parent.",
    example=Example(
        chat(
            "prompter: Which bread goes with onion soup?",
            "assistant: A dark rye with a thick crust.",
            turn("prompter: And which cheese?", parent_id=None),
            "assistant: Gruyère, because it melts so well.",
        ),
        not_this=chat(
            "prompter: Which bread goes with onion soup?",
            "assistant: A dark rye with a thick crust.",
            turn("prompter: And which cheese?", to=1),
            "assistant: Gruyère, because it melts so well.",
        ),
        at=2,
    ),
    action=Action.DROP_SUBTREE,
)
TREE_ID = Rule(
    f"{NAME}/tree_id",
    "Tree id differs from the id of the root",
    ERROR,
    "Set message_tree_id to the id of the root.",
    example=Example(
        chat(
            "prompter: How tall do sunflowers grow?",
            "assistant: Up to three metres in good soil.",
            message_tree_id=uid("a tree id that no message has"),
        ),
        not_this=chat("prompter: How tall do sunflowers grow?", "assistant: Up to three metres in good soil."),
        at=0,
    ),
    action=Action.DROP_SUBTREE,
)
UNANSWERED_THREAD = Rule(
    f"{NAME}/unanswered_thread",
    "Thread ends without an answer",
    NOTE,
    "Cut the last prompt when you make training examples from threads.",
    example=Example(
        chat(
            "prompter: ¿Qué puedo cocinar con calabacín?",
            "assistant: Una crema suave con un poco de queso.",
            "prompter: ¿Y sin queso?",
            lang="es",
        ),
        not_this=chat(
            "prompter: ¿Qué puedo cocinar con calabacín?",
            "assistant: Una crema suave con un poco de queso.",
            "prompter: ¿Y sin queso?",
            "assistant: Entonces añade una patata pequeña.",
            lang="es",
        ),
    ),
    action=Action.KEEP,
)


def _pair(name: str, prompt: str, chosen: str, *rejected: tuple[str, str]) -> Data:
    """Return a preference pair with one chosen answer and any turns as the rejected side."""
    return records(
        {
            "id": name,
            "lang": "en",
            "prompt": [{"role": "user", "content": prompt}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": role, "content": text} for role, text in rejected],
        }
    )


SAME_PAIR = Rule(
    f"{NAME}/same_pair",
    "Chosen and rejected answers are identical",
    ERROR,
    "Drop the pair: no answer is better than itself.",
    example=Example(
        _pair("riddle", "What has keys but no locks?", "A piano.", ("assistant", "A piano.")),
        not_this=_pair("riddle", "What has keys but no locks?", "A piano.", ("assistant", "A map.")),
        at="#rejected",
    ),
)
PAIR_PROMPT = Rule(
    f"{NAME}/pair_prompt",
    "Chosen and rejected answers have different prompts",
    WARNING,
    "Cut both sides down to answers of one prompt, or drop the pair: it compares more than two answers.",
    example=Example(
        _pair(
            "rain song",
            "Write a line of a song about rain.",
            "Drums on the tin roof, and nobody sleeps.",
            ("assistant", "Rain, rain, rain."),
            ("user", "Make it longer, please."),
            ("assistant", "It rained on Monday, and on Tuesday it rained again."),
        ),
        not_this=_pair(
            "rain song",
            "Write a line of a song about rain.",
            "Drums on the tin roof, and nobody sleeps.",
            ("assistant", "It rained on Monday, and on Tuesday it rained again."),
        ),
        at="#rejected",
    ),
)
ORDER = Rule(
    f"{NAME}/order",
    "Messages of a tree are not in depth-first order",
    NOTE,
    "Sort by tree, depth first, if readers rely on the order that the data set card promises.",
    example=Example(
        chat(
            "prompter: Wie werde ich meine Erkältung schneller los?",
            "assistant: Viel schlafen, viel trinken und es langsam angehen lassen.",
            turn("assistant: Ein Dampfbad mit Kamille tut der Nase gut.", to=0),
            turn("prompter: Darf ich damit schwimmen gehen?", to=1),
            "assistant: Warte lieber, bis der Husten weg ist.",
            lang="de",
        ),
        not_this=chat(
            "prompter: Wie werde ich meine Erkältung schneller los?",
            "assistant: Viel schlafen, viel trinken und es langsam angehen lassen.",
            turn("prompter: Darf ich damit schwimmen gehen?", to=1),
            "assistant: Warte lieber, bis der Husten weg ist.",
            turn("assistant: Ein Dampfbad mit Kamille tut der Nase gut.", to=0),
            lang="de",
        ),
        at=3,
    ),
    action=Action.KEEP,
)

# -- rules of fields -------------------------------------------------------------------------------------------------

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
        chat("prompter: Is a tomato a fruit?", turn("assistant: To a botanist, yes.", lang="english")),
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
    action=Action.KEEP,
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
    action=Action.KEEP,
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
    action=Action.DROP_TREE,
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
    action=Action.DROP_TREE,
    concerns=Concerns.TREE,
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
    action=Action.DROP_TREE,
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

# -- rules of records ------------------------------------------------------------------------------------------------


def _lone_prompt(text: str, edit: Callable[[bytes], bytes] = bytes) -> Data:
    """Return the raw line of a prompt that has no answer yet, edited."""
    return edited(chat(f"prompter: {text}", tree_state="prompt_lottery_waiting"), edit)


_SEXTANT = chat(
    "prompter: What does a sextant measure?",
    "assistant: The angle between the horizon and a star.",
    turn("assistant: How high the sun is above the sea.", to=0),
)
UNREADABLE_LINE = Rule(
    f"{NAME}/unreadable_line",
    "Record could not be read",
    ERROR,
    "Fix the line at the place that the finding names. Until then the record is lost.",
    example=Example(
        edited(_SEXTANT, lambda line: line[:-40]),
        not_this=edited(_SEXTANT, bytes),
        at=None,
    ),
    action=Action.DROP_RECORD,
    concerns=Concerns.RECORD,
)
REPAIRED_LINE = Rule(
    f"{NAME}/repaired_line",
    "Record was readable only after repair",
    WARNING,
    "Write strict JSON in UTF-8: other readers refuse or misread this line.",
    example=Example(
        _lone_prompt("How do I whistle with two fingers?", lambda line: line[:-1] + b', "lang": "en"}'),
        not_this=_lone_prompt("How do I whistle with two fingers?"),
        at=None,
    ),
    concerns=Concerns.RECORD,
)
LINE_FORMAT = Rule(
    f"{NAME}/line_format",
    "Byte order mark, CRLF line ends or blank lines",
    NOTE,
    "JSON Lines are UTF-8 without a byte order mark, end lines in LF, and have one record a line.",
    example=Example(
        _lone_prompt("What is the opposite of a picnic?", lambda line: b"\n" + line),
        not_this=_lone_prompt("What is the opposite of a picnic?"),
        at=None,
    ),
    action=Action.KEEP,
    concerns=Concerns.RECORD,
)

RULES = (
    ROLE_ALTERNATION,
    ROOT_ROLE,
    UNKNOWN_ROLE,
    SYSTEM_FIRST,
    TOOL_RESULT,
    DUPLICATE_ID,
    DANGLING_PARENT,
    PARENT_IN_OTHER_TREE,
    SELF_PARENT,
    CYCLE,
    ONE_ROOT,
    TREE_ID,
    UNANSWERED_THREAD,
    SAME_PAIR,
    PAIR_PROMPT,
    ORDER,
    MISSING_FIELD,
    MISTYPED_FIELD,
    MALFORMED_ID,
    LANGUAGE_TAG,
    EMPTY_TEXT,
    REPLACEMENT_CHARACTERS,
    CONTROL_CHARACTERS,
    DATE_FORMAT,
    DATE_BEFORE_PARENT,
    DATE_IN_FUTURE,
    RANK_OF_PROMPTER,
    RANK_RANGE,
    RANK_TIE,
    RANK_GAP,
    LABEL_LENGTHS,
    LABEL_RANGE,
    LABEL_NAME,
    DETOXIFY_RANGE,
    EMOJI_COUNTS,
    REVIEW_COUNT,
    REVIEW_RESULT,
    DELETED_IN_EXPORT,
    TREE_STATE,
    TREE_STATE_MIXED,
    LOTTERY_REPLIES,
    SYNTHETIC_MODEL,
    UNREADABLE_LINE,
    REPAIRED_LINE,
    LINE_FORMAT,
)
FAULT_RULES = {
    FaultKind.UNREADABLE_LINE: UNREADABLE_LINE,
    FaultKind.REPAIRED_LINE: REPAIRED_LINE,
    FaultKind.LINE_FORMAT: LINE_FORMAT,
    FaultKind.MISSING_FIELD: MISSING_FIELD,
    FaultKind.MISTYPED_FIELD: MISTYPED_FIELD,
}
"""The rule that reports each fault of the reader."""

METHOD = Method(
    sure="Each rule is an exact definition, not an estimate.",
    how=(
        "Records are read strictly. A record that was lost, or was readable only after repair, is reported with its "
        "line.",
        "Each tree is checked as a whole: parents, roots, cycles, alternating roles, ranks, labels, dates and states, "
        "and also tool results with their calls, and preference pairs.",
        "Ids and parents are then compared across all trees of all files.",
        "A date is in the future if it is years after the newest of the other dates. The clock of the machine is not "
        "used.",
        "Data are checked only against what their format promises: without roles in the format, roles are not checked.",
    ),
    blind=(
        "The check covers form, not content: a label or a rank may be in range and still be wrong.",
        "Fields that the format does not know are ignored.",
        "A parent that was filtered out on purpose looks like a lost one. The setting filtered_export declares it.",
        "Many messages with late dates count as a later collection. An error that shifts all dates by the same time is "
        "not detected.",
        "Where a file cannot be read to its end, the rest of it is not checked. The record names the file.",
    ),
    measured=("No error rate is stated: a finding shows the fault itself, so it can be verified in the data.",),
    sources=(
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327.",
        "The data set card of OASST1, https://huggingface.co/datasets/OpenAssistant/oasst1.",
        "BCP 47 (RFC 5646), Tags for identifying languages, with the registry of IANA.",
        "ISO 8601, for dates and times.",
    ),
)

# -- the check -------------------------------------------------------------------------------------------------------

LABEL_NAMES = (
    "spam",
    "fails_task",
    "lang_mismatch",
    "pii",
    "not_appropriate",
    "hate_speech",
    "sexual_content",
    "quality",
    "toxicity",
    "humor",
    "helpfulness",
    "creativity",
    "violence",
    "moral_judgement",
    "political_content",
)
TREE_STATES = (
    "initial_prompt_review",
    "growing",
    "ranking",
    "ready_for_scoring",
    "ready_for_export",
    "scoring_failed",
    "aborted_low_grade",
    "halted_by_moderator",
    "backlog_ranking",
    "prompt_lottery_waiting",
)
# In these states a prompt has no answer yet by design.
WAITING_STATES = ("prompt_lottery_waiting", "initial_prompt_review")

MAX_FUTURE = 100  # late messages at most; more are a later collection, not outliers
N_NEWEST = 2 * MAX_FUTURE + 1  # of these, MAX_FUTURE are a minority
MICROSECONDS_PER_YEAR = 365.25 * 24 * 3600 * 1e6

_NAMELESS = [field for field in PLACES if field.name != "message_id"]
# These are nearly all messages, so their id is kept once: as the key.
IDS = pa.schema([("key", pa.string()), *_NAMELESS])
"""Every message id, with its place."""
PARENTS = pa.schema([("key", pa.string()), *PLACES])  # the key is the id of the parent
"""Every message with a parent outside its own tree."""
DATES = pa.schema([("date", pa.int64()), *PLACES])  # microseconds since 1970 in UTC
"""The newest messages of each batch."""

Claims = tuple[Rule, pa.Table]  # FINDINGS of one rule


@dataclass(frozen=True)
class SchemaInvariants(Check):
    """Report trees, messages and records that break what their format promises."""

    name: ClassVar[str] = NAME
    rules: ClassVar[Sequence[Rule]] = RULES
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "scope": "whether the same tree or another one already has the id",
        "role": "role of both the message and its parent",
    }
    faults: ClassVar[Mapping[FaultKind, Rule]] = FAULT_RULES
    reads_texts: ClassVar[bool] = False

    off: tuple[str, ...] = setting((), "Names of rules to switch off.", choices=tuple(rule.name for rule in RULES))
    filtered_export: bool = setting(False, "Report missing parents and roots as notes: they were left out on purpose.")
    max_future_years: float = setting(2.0, "Report dates that are later than all others by more years.", above=0)

    def stages(self) -> Sequence[Stage]:
        """Return three stages: whole trees; ids and parents of all trees; the newest messages of all."""
        return (
            Stage(self.scan),
            Stage(self.link, takes={"ids": IDS, "parents": PARENTS}, by="key"),
            Stage(self.compare_dates, takes={"dates": DATES}, by=ALL),
        )

    def severities(self) -> dict[Rule, int]:
        """Return the rules that are not off, with missing parents and roots of a filtered export as notes."""
        mild = (DANGLING_PARENT, ONE_ROOT) if self.filtered_export else ()
        return {rule: NOTE if rule in mild else rule.severity for rule in self.rules if rule.name not in self.off}

    def _findings(self, claims: Iterable[Claims]) -> pa.Table:
        """Return the findings of all rules that are not off, as severe as the settings make them."""
        severities = self.severities()
        tables = []
        for rule, table in claims:
            severity = severities.get(rule)
            if severity is None:
                continue
            if severity != rule.severity:
                column = pa.repeat(pa.scalar(severity, pa.int8()), table.num_rows)
                table = table.set_column(table.schema.get_field_index("severity"), FINDINGS.field("severity"), column)
            tables.append(table)
        return pa.concat_tables(tables) if tables else FINDINGS.empty_table()

    # -- first stage: whole trees ------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Check whole trees; hand on ids, parents outside their trees, and the newest dates."""
        parts = (*_OF_MESSAGES, reader_claims) if len(batch) else (reader_claims,)
        found = self._findings(claims for claims_of in parts for claims in claims_of(batch))
        rows = {"ids": _ids(batch), "parents": _outside_parents(batch), "dates": _newest(batch)}
        return Result(found, cover(batch.checkable), rows)

    # -- second stage: ids and parents over all trees ----------------------------------------------------------------

    def link(self, ids: pa.Table, parents: pa.Table) -> Result:
        """Report duplicate ids, and parents that are missing or in another tree."""
        return Result(self._findings([*_duplicate_ids(ids), *_lost_parents(ids, parents)]))

    # -- third stage: the newest messages of all ---------------------------------------------------------------------

    def compare_dates(self, dates: pa.Table) -> Result:
        """Report the few messages that are dated years after all others.

        The newest N_NEWEST messages of all are among the newest of each batch, so the outcome does not depend on
        how the data were cut. More than MAX_FUTURE messages beyond the gap are a later collection, not a slip.
        """
        order = [("date", "descending"), ("source", "ascending"), ("line", "ascending")]
        newest = dates.sort_by(order).slice(0, N_NEWEST)
        when = np.asarray(newest["date"], dtype=np.int64)
        gaps = np.flatnonzero(when[:-1] - when[1:] > self.max_future_years * MICROSECONDS_PER_YEAR)
        # Only a minority can be late: one date of 1970 does not put all others into the future.
        gaps = gaps[gaps < min(MAX_FUTURE, (len(when) - 1) // 2)]
        n_late = int(gaps[-1]) + 1 if gaps.size else 0
        late = np.arange(n_late)
        years = [(when[r] - when[n_late]) / MICROSECONDS_PER_YEAR for r in late]
        summaries = [f"Date is {y:.1f} years after the newest of the other dates" for y in years]
        return Result(self._findings(_claims(newest, DATE_IN_FUTURE, late, summaries)))


def _claims(
    places: pa.Table,
    rule: Rule,
    rows: IntArray,
    summaries: str | Sequence[str],
    *,
    spans: Sequence[Spans] = (),
    facets: Sequence[dict[str, str]] | None = None,
    about: Sequence[str] | None = None,
) -> list[Claims]:
    """Return the claims of one rule, or none where there are no rows."""
    if not len(rows):
        return []
    return [(rule, claim(places, rule, rows, summaries, spans=spans, facets=facets, about=about))]


# -- rows that the first stage hands on ------------------------------------------------------------------------------


def _ids(batch: Batch) -> pa.Table:
    """Return IDS of a batch."""
    ids = batch.column("message_id")
    at = pa.array(np.flatnonzero(~batch.is_context & ~as_bools(ids.is_null())))
    places = batch.places.select([field.name for field in _NAMELESS]).take(at)
    return pa.table([ids.take(at), *places.columns], schema=IDS)


def _outside_parents(batch: Batch) -> pa.Table:
    """Return PARENTS of a batch: the messages whose parent is not in their tree."""
    has_tree_id = ~as_bools(batch.column("tree_id").is_null())
    at = pa.array(np.flatnonzero(~batch.is_context & ~batch.is_root & (batch.parent < 0) & has_tree_id))
    return pa.table([batch.column("parent_id").take(at), *batch.places.take(at).columns], schema=PARENTS)


def _newest(batch: Batch) -> pa.Table:
    """Return DATES of a batch: its newest messages."""
    micros, is_read = batch.dates
    rows = np.flatnonzero(~batch.is_context & is_read)
    if len(rows) > N_NEWEST:
        # All that are as new as the oldest of the newest, so that a tie at the border is cut by place, not by luck.
        border = np.partition(micros[rows], -N_NEWEST)[-N_NEWEST]
        rows = rows[micros[rows] >= border]
    return pa.table([pa.array(micros[rows]), *batch.places.take(pa.array(rows)).columns], schema=DATES)


# -- claims about ids and parents of all trees -----------------------------------------------------------------------

_LINK_ORDER = [(name, "ascending") for name in ("key", "source", "line", "n_chars")]


def _duplicate_ids(ids: pa.Table) -> list[Claims]:
    """Return the claims about ids that more than one message has."""
    counts = pc.value_counts(ids["key"])
    repeated = counts.field("values").filter(pc.greater(counts.field("counts"), 1))
    if not len(repeated):
        return []
    copies = _with_message_ids(ids.filter(pc.is_in(ids["key"], value_set=repeated))).sort_by(_LINK_ORDER)
    keys = np.array(copies["key"].to_pylist(), dtype=object)
    first = np.maximum.accumulate(np.where(np.append(True, keys[1:] != keys[:-1]), np.arange(len(keys)), 0))
    later = np.flatnonzero(first != np.arange(len(keys)))
    trees = np.array(copies["tree_id"].to_pylist(), dtype=object)
    scope = ["same tree" if trees[r] == trees[first[r]] else "other tree" for r in later]
    return _claims(
        copies,
        DUPLICATE_ID,
        later,
        [f"Id is already used at {place}" for place in _relative_places(copies, first[later], later)],
        spans=[Spans(later), Spans(first[later])],
        facets=[{"scope": s} for s in scope],
    )


def _lost_parents(ids: pa.Table, parents: pa.Table) -> list[Claims]:
    """Return the claims about parents that are missing or in another tree."""
    if not parents.num_rows:
        return []
    parents = parents.sort_by(_LINK_ORDER)
    exists = as_bools(single(pc.is_in(parents["key"], value_set=ids["key"])))
    lost, strayed = np.flatnonzero(~exists), np.flatnonzero(exists)
    # Of several messages with the parent's id the first place is shown, in any order of rows.
    homes = _with_message_ids(ids.filter(pc.is_in(ids["key"], value_set=parents["key"]))).sort_by(_LINK_ORDER)
    home = as_ints(single(pc.index_in(parents["key"], value_set=homes["key"])), -1)
    places = pa.concat_tables([parents.select(PLACES.names), homes.select(PLACES.names)])
    parent_ids = parents["key"].to_pylist()
    claims = _claims(
        places,
        DANGLING_PARENT,
        lost,
        [f"Parent is missing: {_quoted(parent_ids[r])}" for r in lost],
        about=[parent_ids[r] for r in lost],
    )
    return claims + _claims(
        places,
        PARENT_IN_OTHER_TREE,
        strayed,
        [f"Parent is in another tree: {_quoted(parent_ids[r])}" for r in strayed],
        spans=[Spans(strayed), Spans(home[strayed] + parents.num_rows)],
        about=[parent_ids[r] for r in strayed],
    )


def _with_message_ids(ids: pa.Table) -> pa.Table:
    """Return rows of IDS with the ids also as a column of PLACES."""
    return ids.append_column(PLACES.field("message_id"), ids["key"])


def _relative_places(places: pa.Table, rows: IntArray, seen_from: IntArray) -> list[str]:
    """Return the line of each row, with its file where that differs from the file of the row it is seen from."""
    source, line = (places[name].to_pylist() for name in ("source", "line"))
    return [
        f"line {line[row]}" if source[row] == source[here] else f"{source[row]}:{line[row]}"
        for row, here in zip(rows, seen_from, strict=True)
    ]


# -- claims about links ----------------------------------------------------------------------------------------------


def link_claims(batch: Batch) -> list[Claims]:
    """Return the claims about parents, cycles, roots, tree ids and the order of a tree."""
    own = as_bools(pc.equal(batch.column("message_id"), batch.column("parent_id")))
    claims = _claims(batch.places, SELF_PARENT, np.flatnonzero(own), "Message is its own parent")
    claims += _cycle_claims(batch, np.flatnonzero(batch.is_on_cycle & ~own))
    claims += _root_claims(batch)
    return claims + (_order_claims(batch) if batch.form.depth_first else [])


def _cycle_claims(batch: Batch, rows: IntArray) -> list[Claims]:
    """Return one claim for each cycle among these rows, about its first row in the file."""
    if not rows.size:
        return []
    smallest = np.full(len(batch), len(batch))
    for row in rows.tolist():
        if smallest[row] < len(batch):
            continue
        ring = [row]
        while (up := int(batch.parent[ring[-1]])) != row:
            ring.append(up)
        smallest[ring] = row
    first, sizes = np.unique(smallest[rows], return_counts=True)
    return _claims(
        batch.places,
        CYCLE,
        first,
        [f"{n} messages are each other's ancestors" for n in sizes],
        spans=[Spans(first), Spans(batch.parent[first])],
    )


def _root_claims(batch: Batch) -> list[Claims]:
    """Return the claims about trees without a root or with several, and about tree ids."""
    ids, trees = batch.column("message_id"), batch.column("tree_id")
    n_roots = np.bincount(batch.tree, weights=batch.is_root & ~batch.is_copy, minlength=batch.n_trees).astype(int)
    has_id = ~as_bools(trees.is_null())
    first_of_tree = _first_positions(batch.tree)
    rootless = first_of_tree[(n_roots[batch.tree[first_of_tree]] == 0) & has_id[first_of_tree]]
    sizes = np.bincount(batch.tree)[batch.tree[rootless]]
    claims = _claims(
        batch.places,
        ONE_ROOT,
        rootless,
        [f"Tree of {_counted(n, 'message')} has no root" for n in sizes],
        about=trees.take(pa.array(rootless)).to_pylist(),
    )
    # A second copy of a root is reported as a duplicate id.
    roots = np.flatnonzero(batch.is_root & has_id & ~batch.is_copy)
    main = roots[_first_positions(batch.tree[roots])]
    first_root = np.full(batch.n_trees, -1)
    first_root[batch.tree[main]] = main
    later = np.setdiff1d(roots, main)
    claims += _claims(
        batch.places,
        ONE_ROOT,
        later,
        [f"Tree has {n} roots; this is not the first" for n in n_roots[batch.tree[later]]],
        spans=[Spans(later), Spans(first_root[batch.tree[later]])],
    )
    # A root without an id is reported as a missing field.
    differs = as_bools(pc.not_equal(ids.take(pa.array(main)), trees.take(pa.array(main))))
    misnamed = main[differs & ~batch.is_context[main]]
    claims += _claims(
        batch.places,
        TREE_ID,
        misnamed,
        [f"Tree id is not the root's id: {_quoted(t)}" for t in trees.take(pa.array(misnamed)).to_pylist()],
    )
    # A nested message may name another tree id than that of the tree around it.
    root = first_root[batch.tree]
    differs = ~as_bools(pc.equal(trees, trees.take(pa.array(np.maximum(root, 0)))))
    astray = np.flatnonzero(differs & (root >= 0) & has_id)
    return claims + _claims(
        batch.places,
        TREE_ID,
        astray,
        [f"Tree id differs from that at the root: {_quoted(t)}" for t in trees.take(pa.array(astray)).to_pylist()],
        spans=[Spans(astray), Spans(root[astray])],
    )


def _order_claims(batch: Batch) -> list[Claims]:
    """Return one claim for each tree that is not in depth-first order.

    In that order a message is at most one step deeper than the one before it in its tree, and its parent is the last
    message before it that is one step less deep.
    """
    depth = batch.depth
    # Messages of a cycle have no depth. Their trees are reported already, and are left out here.
    whole = ~np.isin(batch.tree, batch.tree[depth < 0])
    rows = np.flatnonzero(whole)
    rows = rows[np.argsort(batch.tree[rows], kind="stable")]
    tree, depth, parent = batch.tree[rows], depth[rows], batch.parent[rows]
    if not rows.size:
        return []
    same = np.append(False, tree[1:] == tree[:-1])
    jump = same & (depth > np.append(0, depth[:-1]) + 1)
    # Positions by (tree, depth), so that the last earlier one is found by bisection.
    at = np.arange(len(rows))
    level = tree * (int(depth.max()) + 2) + depth
    key = level * len(rows) + at
    sorted_keys = np.sort(key)
    before = np.searchsorted(sorted_keys, (level - 1) * len(rows) + at) - 1
    expected = np.where(before >= 0, sorted_keys[before], -1)
    found = np.where((depth > 0) & (expected // len(rows) == level - 1), rows[expected % len(rows)], -1)
    wrong = (jump | ((depth > 0) & (found != parent))) & (parent >= 0)
    wrong_rows = rows[wrong]
    first = np.sort(wrong_rows[_first_positions(tree[wrong])])
    return _claims(
        batch.places,
        ORDER,
        first,
        "Out of depth-first order: message is outside its parent's branch",
        spans=[Spans(first), Spans(batch.parent[first])],
    )


# -- claims about roles, tools and pairs -----------------------------------------------------------------------------


def role_claims(batch: Batch) -> list[Claims]:
    """Return the claims about unknown roles, roles that do not alternate, and threads without an answer."""
    if not batch.form.roles:
        return []
    prompter, assistant, system, tool = (_has_role(batch, name) for name in CHAT_ROLES)
    claims = _unknown_role_claims(batch)
    is_start = batch.is_root
    if system.any():  # a conversation also starts behind its system messages
        above = batch.below(~system | batch.is_root)
        is_start = is_start | ((above >= 0) & (system & batch.is_root)[above])
    for speaks, name in ((assistant, "an assistant"), (tool, "a tool result")):
        start = np.flatnonzero(is_start & speaks)
        claims += _claims(batch.places, ROOT_ROLE, start, f"Conversation starts with {name}")
    for speaks, name in ((prompter, "prompter"), (assistant, "assistant")):
        repeats = np.flatnonzero(
            (batch.parent >= 0) & speaks & speaks[batch.parent] & (batch.parent != np.arange(len(batch)))
        )
        claims += _claims(
            batch.places,
            ROLE_ALTERNATION,
            repeats,
            f"{name.capitalize()} follows {name}",
            spans=[Spans(repeats), Spans(batch.parent[repeats])],
            facets=[{"role": name}] * len(repeats),
        )
    late = np.flatnonzero(system & (batch.depth > 0))
    claims += _claims(
        batch.places,
        SYSTEM_FIRST,
        late,
        [f"System message comes after {_counted(n, 'other message')}" for n in batch.depth[late]],
        spans=[Spans(late), Spans(batch.parent[late])],
    )
    waiting = as_bools(pc.is_in(batch.column("tree_state"), value_set=pa.array(WAITING_STATES)))
    # Nobody can answer a message without an id by name, and a copy is reported as a duplicate id.
    has_id = as_bools(batch.column("message_id").is_valid())
    is_end = batch.is_leaf & has_id & ~waiting & ~batch.is_copy
    for speaks, name in ((prompter, "a prompt"), (system, "a system message"), (tool, "a tool result")):
        open_end = np.flatnonzero(is_end & speaks)
        claims += _claims(batch.places, UNANSWERED_THREAD, open_end, f"Thread ends with {name}, without an answer")
    return claims


def _unknown_role_claims(batch: Batch) -> list[Claims]:
    role = batch.column("role")
    is_known = as_bools(pc.is_in(role, value_set=pa.array(batch.form.roles)))
    strange = np.flatnonzero(as_bools(role.is_valid()) & ~is_known)
    *others, last = batch.form.roles
    return _claims(
        batch.places,
        UNKNOWN_ROLE,
        strange,
        [
            f"Role is {_quoted(name)}; expected {', '.join(others)} or {last}"
            for name in role.take(pa.array(strange)).to_pylist()
        ],
    )


def _has_role(batch: Batch, role: str) -> BoolArray:
    """Mark the rows of a role, where the format has it; elsewhere it is an unknown one."""
    is_known = role in batch.form.roles
    return as_bools(pc.equal(batch.column("role"), role)) if is_known else np.zeros(len(batch), dtype=bool)


def tool_claims(batch: Batch) -> list[Claims]:
    """Return the claims about tool results that do not follow their call."""
    tool = _has_role(batch, "tool")
    if not tool.any():
        return []
    calls, call_id = batch.column("calls"), batch.column("call_id")
    makes_calls = as_ints(pc.list_value_length(calls), 0) > 0
    # A result without a parent is reported as the start of a conversation, or its parent as missing.
    has_caller = (tool | makes_calls)[batch.parent]
    stray = np.flatnonzero(tool & (batch.parent >= 0) & ~has_caller)
    claims = _claims(
        batch.places,
        TOOL_RESULT,
        stray,
        "Tool result follows a message without a tool call",
        spans=[Spans(stray), Spans(batch.parent[stray])],
    )
    # Results of several calls follow one another, below the message that makes the calls.
    caller = batch.below(~tool)
    rows = np.flatnonzero(tool & has_caller & (caller >= 0) & as_bools(pc.not_equal(call_id, "")))
    named = call_id.take(pa.array(rows))
    made, maker = pc.list_flatten(calls), np.asarray(pc.list_parent_indices(calls), dtype=np.int64)
    is_made = as_bools(pc.is_in(_call_keys(caller[rows], named), value_set=_call_keys(maker, made)))
    # A call without an id may be any.
    is_made |= np.isin(caller[rows], maker[as_bools(pc.equal(made, ""))])
    unmade = rows[~is_made]
    return claims + _claims(
        batch.places,
        TOOL_RESULT,
        unmade,
        [
            f"Tool result answers the call {_quoted(name)}, which the message above does not make"
            for name in call_id.take(pa.array(unmade)).to_pylist()
        ],
        spans=[Spans(unmade), Spans(caller[unmade])],
    )


def _call_keys(callers: IntArray, call_ids: pa.Array) -> pa.Array:
    """Return keys that are equal for the same call id of the same caller."""
    return pc.binary_join_element_wise(pa.array(callers).cast(pa.string()), call_ids, ":")


def pair_claims(batch: Batch) -> list[Claims]:
    """Return the claims about preference pairs of equal answers, or of answers to different prompts."""
    branch = batch.column("branch")
    if branch.null_count == len(branch):
        return []
    ends, n_own = [], []
    for side in ("chosen", "rejected"):
        own = as_bools(pc.equal(branch, side))
        last = np.flatnonzero(own & batch.is_leaf)
        of_tree = np.full(batch.n_trees, -1)
        of_tree[batch.tree[last]] = last
        ends.append(of_tree)
        n_own.append(np.bincount(batch.tree[own], minlength=batch.n_trees))
    is_pair = (ends[0] >= 0) & (ends[1] >= 0)
    chosen, rejected = ends[0][is_pair], ends[1][is_pair]
    prompts = batch.parent[chosen], batch.parent[rejected]
    are_siblings = prompts[0] == prompts[1]
    texts = np.asarray(batch.text_facts["digest"])
    # Two messages with the same text may make different calls.
    is_text_only = as_bools(batch.column("text").is_valid()) & as_bools(batch.column("calls").is_null())
    are_same = (texts[chosen] == texts[rejected]) & is_text_only[chosen] & is_text_only[rejected]
    have_one_prompt = are_siblings | ((texts[prompts[0]] == texts[prompts[1]]) & (np.minimum(*prompts) >= 0))
    same = np.flatnonzero(are_same & have_one_prompt)
    claims = _claims(
        batch.places,
        SAME_PAIR,
        rejected[same],
        "Rejected answer is identical to the chosen one",
        spans=[Spans(rejected[same]), Spans(chosen[same])],
    )
    apart = np.flatnonzero(~are_siblings)
    n_chosen, n_rejected = (n[batch.tree[rejected[apart]]] for n in n_own)
    return claims + _claims(
        batch.places,
        PAIR_PROMPT,
        rejected[apart],
        [
            f"Answers do not share a prompt: {_counted(a, 'message')} on the chosen side, {b} on the rejected side"
            for a, b in zip(n_chosen, n_rejected, strict=True)
        ],
        spans=[Spans(rejected[apart]), Spans(chosen[apart])],
    )


# -- claims about ranks and states -----------------------------------------------------------------------------------


def rank_claims(batch: Batch) -> list[Claims]:
    """Return the claims about ranks of rival answers, which count 0, 1, 2, ... without a tie or a gap."""
    column = batch.column("rank")
    if column.null_count == len(column):
        return []
    given = ~as_bools(column.is_null()) & ~batch.is_copy
    rank = as_ints(column, -1)
    role = batch.column("role")
    prompts = np.flatnonzero(given & as_bools(pc.equal(role, "prompter")))
    claims = _claims(
        batch.places,
        RANK_OF_PROMPTER,
        prompts,
        [f"Prompt has rank {rank[r]}; only answers are ranked" for r in prompts],
    )
    negative = np.flatnonzero(given & (rank < 0))
    claims += _claims(batch.places, RANK_RANGE, negative, [f"Rank is {rank[r]}; expected 0 or more" for r in negative])

    rows = np.flatnonzero(given & (rank >= 0) & (batch.parent >= 0) & as_bools(pc.equal(role, "assistant")))
    rows = rows[np.lexsort((rows, rank[rows], batch.parent[rows]))]
    parent, value = batch.parent[rows], rank[rows]
    if not rows.size:
        return claims
    starts = np.flatnonzero(np.append(True, parent[1:] != parent[:-1]))
    size = np.diff(np.append(starts, len(rows)))
    group = np.repeat(np.arange(len(starts)), size)
    tie = np.flatnonzero(np.append(False, (parent[1:] == parent[:-1]) & (value[1:] == value[:-1])))
    claims += _claims(
        batch.places,
        RANK_TIE,
        rows[tie],
        [f"Shares rank {value[k]} with a sibling, among {_counted(size[group[k]], 'ranked answer')}" for k in tie],
        spans=[Spans(rows[tie]), Spans(rows[tie - 1])],
    )
    # Distinct ranks are counted, so that a tie is not also reported as a gap.
    distinct = np.bincount(group, minlength=len(starts)) - np.bincount(group[tie], minlength=len(starts))
    top = value[starts + size - 1]
    gap = np.flatnonzero(top + 1 != distinct)
    shown = [", ".join(map(str, value[starts[g] : starts[g] + min(size[g], 10)])) for g in gap]
    first = rows[starts[gap]]
    return claims + _claims(
        batch.places,
        RANK_GAP,
        first,
        [f"Gap in the ranks of {_counted(size[g], 'answer')}: {s}" for g, s in zip(gap, shown, strict=True)],
        about=batch.column("parent_id").take(pa.array(first)).to_pylist(),
    )


def state_claims(batch: Batch) -> list[Claims]:
    """Return the claims about states of trees, and about deleted messages in them."""
    column = batch.column("tree_state")
    given = ~as_bools(column.is_null())
    code = np.asarray(pc.index_in(column, value_set=pa.array(TREE_STATES)).fill_null(-1), dtype=np.int64)
    first = _first_positions(batch.tree)
    strange = np.flatnonzero(given & (code < 0))
    strange = strange[_first_positions(batch.tree[strange])]
    claims = _claims(
        batch.places,
        TREE_STATE,
        strange,
        [f"Unknown tree state: {_quoted(s)}" for s in column.take(pa.array(strange)).to_pylist()],
    )
    # A state is compared with that of its tree's first message, as strings, so that unknown states differ too.
    names = np.asarray(column.dictionary_encode(null_encoding="encode").indices, dtype=np.int64)
    of_tree = np.zeros(batch.n_trees, dtype=np.int64)
    of_tree[batch.tree[first]] = first
    other = np.flatnonzero(names != names[of_tree[batch.tree]])
    other = other[_first_positions(batch.tree[other])]
    first_of_other = of_tree[batch.tree[other]]
    own, expected = (column.take(pa.array(rows)).to_pylist() for rows in (other, first_of_other))
    claims += _claims(
        batch.places,
        TREE_STATE_MIXED,
        other,
        [
            f"State is {_quoted(a)}; the first message of the tree has {_quoted(b)}"
            for a, b in zip(own, expected, strict=True)
        ],
        spans=[Spans(other), Spans(first_of_other)],
    )
    sizes = np.bincount(batch.tree[~batch.is_copy], minlength=batch.n_trees)
    drawn = first[(code[first] == TREE_STATES.index("prompt_lottery_waiting")) & (sizes[batch.tree[first]] > 1)]
    claims += _claims(
        batch.places,
        LOTTERY_REPLIES,
        drawn,
        [f"Tree in the prompt lottery has {n} messages; expected 1" for n in sizes[batch.tree[drawn]]],
    )
    deleted = np.flatnonzero(as_bools(batch.column("deleted")) & (code == TREE_STATES.index("ready_for_export")))
    return claims + _claims(
        batch.places, DELETED_IN_EXPORT, deleted, "Message is deleted, but its tree is ready for export"
    )


# -- claims about fields ---------------------------------------------------------------------------------------------


def review_claims(batch: Batch) -> list[Claims]:
    """Return the claims about reviews, and about models that wrote messages."""
    reviews = batch.column("review_count")
    count = as_ints(reviews, 0)
    below = np.flatnonzero(count < 0)
    claims = _claims(
        batch.places, REVIEW_COUNT, below, [f"Number of reviews is {count[r]}; expected 0 or more" for r in below]
    )
    unreviewed = np.flatnonzero(as_bools(pc.equal(reviews, 0)) & ~as_bools(batch.column("review_result").is_null()))
    claims += _claims(batch.places, REVIEW_RESULT, unreviewed, "Message has a review result, but 0 reviews")
    synthetic = batch.column("synthetic")
    has_model = ~as_bools(batch.column("model_name").is_null())
    unnamed = np.flatnonzero(as_bools(synthetic) & ~has_model)
    claims += _claims(batch.places, SYNTHETIC_MODEL, unnamed, "Message is synthetic, but names no model")
    human = np.flatnonzero(as_bools(pc.equal(synthetic, False)) & has_model)
    return claims + _claims(batch.places, SYNTHETIC_MODEL, human, "Message names a model, but is not synthetic")


def field_claims(batch: Batch) -> list[Claims]:
    """Return the claims about missing fields, malformed ids and language tags."""
    is_message = ~batch.is_context
    claims: list[Claims] = []
    for name in batch.form.required:
        column = batch.column(name)
        if column.null_count:
            absent = np.flatnonzero(as_bools(column.is_null()) & is_message)
            claims += _claims(
                batch.places, MISSING_FIELD, absent, f"Field {name} is missing or null", about=[name] * len(absent)
            )
    if batch.form.uuid_ids:
        # A parent's id is checked at the parent. A malformed one without a parent is reported as dangling.
        for name in ("message_id", "tree_id"):
            column = batch.column(name)
            odd = np.flatnonzero(~np.asarray(_is_uuid(column).fill_null(True).to_numpy(zero_copy_only=False)))
            claims += _claims(
                batch.places,
                MALFORMED_ID,
                odd,
                [f"{name} is {_quoted(i)}; expected a UUID" for i in column.take(pa.array(odd)).to_pylist()],
                about=[name] * len(odd),
            )
    tags = batch.column("lang").dictionary_encode()
    bad = [k for k, tag in enumerate(tags.dictionary.to_pylist()) if not is_language_tag(tag)]
    if bad:
        odd = np.flatnonzero(np.isin(as_ints(tags.indices, -1), bad) & is_message)
        shown = [_quoted(tag) for tag in tags.take(pa.array(odd)).to_pylist()]
        claims += _claims(
            batch.places, LANGUAGE_TAG, odd, [f"Language tag is {t}; expected one such as en or pt-BR" for t in shown]
        )
    return claims


@cache
def is_language_tag(tag: str) -> bool:
    """Whether this is a well-formed BCP 47 tag made of registered parts (RFC 5646, IANA registry)."""
    from langcodes import tag_is_valid  # its tables take 60 ms to load, and are needed here alone

    return tag.replace("-", "").isalnum() and tag.isascii() and bool(tag_is_valid(tag))


def _is_uuid(column: pa.Array) -> pa.Array:
    """Mark the ids in the form of a UUID; null for null."""
    return pc.match_substring_regex(column, r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def text_claims(batch: Batch) -> list[Claims]:
    """Return the claims about texts that are empty, or contain characters that are not text."""
    is_message, facts = ~batch.is_context, batch.text_facts
    blank = np.flatnonzero(as_bools(single(facts["is_blank"])) & is_message)
    lengths = batch.places["n_chars"].take(pa.array(blank)).to_pylist()
    claims = _claims(
        batch.places,
        EMPTY_TEXT,
        blank,
        [f"No visible character in a text of {_counted(n, 'character')}" for n in lengths],
    )
    for rule, kind, what, code in (
        (REPLACEMENT_CHARACTERS, "lost", "replacement character", " (U+FFFD)"),
        (CONTROL_CHARACTERS, "control", "control character", ""),
    ):
        counts, first = np.asarray(facts[f"n_{kind}"]), np.asarray(facts[f"first_{kind}"])
        rows = np.flatnonzero((counts > 0) & is_message)
        claims += _claims(
            batch.places,
            rule,
            rows,
            [f"Text contains {_counted(n, what)}{code}" for n in counts[rows]],
            spans=[Spans(rows, first[rows], first[rows] + 1)],
        )
    return claims


def date_claims(batch: Batch) -> list[Claims]:
    """Return the claims about dates that cannot be read, and replies that are older than their parents."""
    micros, is_read = batch.dates
    column = batch.column("created_date")
    unread = np.flatnonzero(~as_bools(column.is_null()) & ~is_read)
    written = column.take(pa.array(unread)).to_pylist()
    claims = _claims(
        batch.places,
        DATE_FORMAT,
        unread,
        [f"Date {'has no time zone' if _lacks_zone(d) else 'cannot be read'}: {_quoted(d)}" for d in written],
    )
    both = is_read & (batch.parent >= 0) & is_read[batch.parent]
    early = np.flatnonzero(both & (micros < micros[batch.parent]))
    return claims + _claims(
        batch.places,
        DATE_BEFORE_PARENT,
        early,
        [f"Reply is {_duration(micros[batch.parent[r]] - micros[r])} older than its parent" for r in early],
        spans=[Spans(early), Spans(batch.parent[early])],
    )


def _lacks_zone(date: str) -> bool:
    try:
        return datetime.fromisoformat(date).tzinfo is None
    except ValueError:
        return False


# -- claims about labels, emojis and scores --------------------------------------------------------------------------


def label_claims(batch: Batch) -> list[Claims]:
    """Return the claims about human labels."""
    column = batch.column("labels")
    if column.null_count == len(column):
        return []
    n_names, n_values, n_counts = (_list_lengths(column, f) for f in ("name", "value", "count"))
    uneven = np.flatnonzero((n_names != n_values) | (n_names != n_counts))
    claims = _claims(
        batch.places,
        LABEL_LENGTHS,
        uneven,
        [
            f"Labels have {_counted(n_names[r], 'name')}, {_counted(n_values[r], 'value')} "
            f"and {_counted(n_counts[r], 'count')}"
            for r in uneven
        ],
    )
    value, value_row = entries(column, "value")
    number = np.asarray(value.fill_null(np.nan))
    outside = ~((number >= 0) & (number <= 1))
    count, count_row = entries(column, "count")
    amount = as_ints(count, 0)
    odd_values = _distinct_rows(value_row[outside])
    claims += _claims(
        batch.places,
        LABEL_RANGE,
        odd_values[0],
        [
            f"Label value is {'null' if v is None else f'{v:g}'}; expected 0 to 1"
            for v in value.filter(pa.array(outside)).take(pa.array(odd_values[1])).to_pylist()
        ],
        about=["value"] * len(odd_values[0]),
    )
    odd_counts = _distinct_rows(count_row[amount < 1])
    claims += _claims(
        batch.places,
        LABEL_RANGE,
        odd_counts[0],
        [f"Label count is {c}; expected 1 or more" for c in amount[amount < 1][odd_counts[1]]],
        about=["count"] * len(odd_counts[0]),
    )
    return claims + _label_name_claims(batch, column)


def _label_name_claims(batch: Batch, labels: pa.Array) -> list[Claims]:
    name, name_row = entries(labels, "name")
    code = as_ints(pc.index_in(name, value_set=pa.array(LABEL_NAMES)), -1)
    strange = _distinct_rows(name_row[code < 0])
    unknown = name.filter(pa.array(code < 0)).take(pa.array(strange[1])).to_pylist()
    claims = _claims(batch.places, LABEL_NAME, strange[0], [f"Unknown label: {_quoted(n)}" for n in unknown])
    key = name_row[code >= 0] * len(LABEL_NAMES) + code[code >= 0]
    key.sort()
    twice = _distinct_rows(key[1:][key[1:] == key[:-1]] // len(LABEL_NAMES))[0]
    return claims + _claims(
        batch.places, LABEL_NAME, twice, "Message has the same label more than once", about=["twice"] * len(twice)
    )


def emoji_claims(batch: Batch) -> list[Claims]:
    """Return the claims about emojis and their counts."""
    column = batch.column("emojis")
    if column.null_count == len(column):
        return []
    n_names, n_counts = (_list_lengths(column, f) for f in ("name", "count"))
    count, count_row = entries(column, "count")
    below = np.bincount(count_row[as_ints(count, 0) < 1], minlength=len(batch)) > 0
    odd = np.flatnonzero((n_names != n_counts) | below)
    return _claims(
        batch.places,
        EMOJI_COUNTS,
        odd,
        [
            "Emoji count is below 1" if n_names[r] == n_counts[r]
            else f"Emojis have {_counted(n_names[r], 'name')} and {_counted(n_counts[r], 'count')}"
            for r in odd
        ],
    )  # fmt: skip


def detoxify_claims(batch: Batch) -> list[Claims]:
    """Return the claims about Detoxify scores."""
    column = batch.column("detoxify")
    claims: list[Claims] = []
    for member in DETOXIFY if column.null_count < len(column) else ():
        score = np.asarray(pc.struct_field(column, member.name).fill_null(0.0))
        odd = np.flatnonzero(~((score >= 0) & (score <= 1)))
        claims += _claims(
            batch.places,
            DETOXIFY_RANGE,
            odd,
            [f"Detoxify score {member.name} is {score[r]:g}; expected 0 to 1" for r in odd],
            about=[member.name] * len(odd),
        )
    return claims


def _list_lengths(column: pa.Array, name: str) -> IntArray:
    """Return the length of one list of a struct of lists, for each row; 0 where there is none."""
    return as_ints(pc.list_value_length(pc.struct_field(column, name)), 0)


# -- claims about records --------------------------------------------------------------------------------------------


def reader_claims(batch: Batch) -> list[Claims]:
    """Return the claims about faults that the reader reported."""
    faults = batch.faults
    if not faults.num_rows:
        return []
    n = faults.num_rows
    places = faults.select([name for name in PLACES.names if name != "n_chars"]).append_column(
        PLACES.field("n_chars"), pc.utf8_length(faults["excerpt"]).fill_null(0).cast(pa.int64())
    )
    # The evidence is the raw record, not a message: a second half of the table has the lines in place of ids.
    names = [line_id(line) for line in faults["line"].to_pylist()]
    lines = places.set_column(1, PLACES.field("message_id"), pa.array(names, pa.string()))
    both = pa.concat_tables([places, lines])
    _, starts = batch.raw_lines
    ends = starts + np.asarray(places["n_chars"])
    kinds = np.array(faults["kind"].to_pylist())
    details, ids, excerpts = (faults[name].to_pylist() for name in ("detail", "message_id", "excerpt"))
    claims: list[Claims] = []
    for kind in sorted(set(kinds)):
        rows = np.flatnonzero(kinds == kind)
        # A record that was lost has no id; its words name it, so that the claim stays the same when lines move.
        about = [details[r] if ids[r] is not None else f"{details[r]} {excerpts[r]}" for r in rows]
        claims += _claims(
            both,
            FAULT_RULES[FaultKind(kind)],
            rows,
            [details[r] for r in rows],
            spans=[Spans(rows + n, starts[rows], ends[rows])],
            about=about,
        )
    return claims


_OF_MESSAGES: tuple[Callable[[Batch], list[Claims]], ...] = (
    link_claims,
    role_claims,
    tool_claims,
    pair_claims,
    rank_claims,
    state_claims,
    review_claims,
    field_claims,
    text_claims,
    label_claims,
    emoji_claims,
    detoxify_claims,
    date_claims,
)

# -- small helpers ---------------------------------------------------------------------------------------------------


def _first_positions(values: IntArray) -> IntArray:
    """Return the position of the first occurrence of each value, ascending."""
    return np.sort(np.unique(values, return_index=True)[1])


def _distinct_rows(rows: IntArray) -> tuple[IntArray, IntArray]:
    """Return the distinct rows, and the position of the first occurrence of each."""
    distinct, first = np.unique(rows, return_index=True)
    return distinct, first


def _quoted(value: str | None) -> str:
    """Return a value of the data, clipped and in quotes."""
    if value is None:
        return "null"
    return repr(value if len(value) <= 60 else value[:59] + "…")


def _counted(count: int, noun: str) -> str:
    """Return a number with its noun in the singular or the plural."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def _duration(micros: int) -> str:
    """Return a length of time in its largest whole unit."""
    seconds = micros / 1e6
    for unit, size in (("year", 365.25 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}s"
    return f"{seconds:.6g} s"
