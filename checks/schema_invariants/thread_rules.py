"""Rules on threads and trees: roles, parents, roots, pairs, order."""

from ..base.examples import Data, Example, chat, conversation, records, turn, uid
from ..base.findings import ERROR, NOTE, WARNING, Action, Concerns, Rule
from .method import NAME

ROLE_ALTERNATION = Rule(
    f"{NAME}/role_alternation",
    "Reply has the same role as its parent",
    ERROR,
    "Fix the role or drop the branch: chat templates expect prompts and answers in turn.",
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
SUCCESSIVE_PROMPTS = Rule(
    f"{NAME}/successive_prompts",
    "Prompts in a row",
    NOTE,
    "Join them into one prompt if your chat template expects prompts and answers in turn.",
    example=Example(
        conversation(
            "storm",
            "user: Good morning!",
            "user: Will the storm reach Lisbon?",
            "assistant: Yes, on Thursday evening.",
        ),
        not_this=conversation(
            "storm",
            "user: Good morning! Will the storm reach Lisbon?",
            "assistant: Yes, on Thursday evening.",
        ),
        at="#2",
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
    strict=Action.DROP_SUBTREE,
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


SYSTEM_FIRST = Rule(
    f"{NAME}/system_first",
    "System message after other messages",
    WARNING,
    "Move it to the beginning, or into the next prompt: many chat templates refuse or drop it.",
    example=Example(
        conversation(
            "packing",
            "user: What shall I pack for a week in Iceland?",
            "system: You are a travel guide who answers in one sentence.",
            "assistant: Layers of wool, a rain jacket and your swimsuit for the hot springs.",
        ),
        not_this=conversation(
            "packing",
            "system: You are a travel guide who answers in one sentence.",
            "user: What shall I pack for a week in Iceland?",
            "assistant: Layers of wool, a rain jacket and your swimsuit for the hot springs.",
        ),
        at="#2",
    ),
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
    action=Action.KEEP_BEST,
    strict=Action.DROP_MESSAGE,
    concerns=Concerns.REPEATED_ID,
)
_ROWING = chat("prompter: How do I row in a straight line?", "assistant: Pull both oars with the same strength.")
DUPLICATE_TREE = Rule(
    f"{NAME}/duplicate_tree",
    "Duplicate tree: all its ids occur again",
    ERROR,
    "Keep one of the copies.",
    example=Example(_ROWING + _ROWING, not_this=_ROWING, at=0),
    action=Action.KEEP_BEST,
    strict=Action.DROP_MESSAGE,
    concerns=Concerns.REPEATED_TREE,
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
    strict=Action.DROP_SUBTREE,
)
ONE_ROOT = Rule(
    f"{NAME}/one_root",
    "Tree has several roots",
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
    strict=Action.DROP_SUBTREE,
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
    strict=Action.DROP_SUBTREE,
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


def _twister_pair(*follow_ups: tuple[str, str]) -> Data:
    """Return a preference pair that continues one conversation, with one message on each side."""
    asked = [{"role": "user", "content": "Teach me a tongue twister."}]
    given = [{"role": "assistant", "content": "She sells sea shells by the sea shore."}]
    more = [{"role": "user", "content": "Another one, please."}]
    chosen, rejected = ({"role": role, "content": text} for role, text in follow_ups)
    start = asked + given + (more if chosen["role"] == "assistant" else [])
    return records({"id": "tongue twister", "lang": "en", "prompt": start, "chosen": [chosen], "rejected": [rejected]})


PAIR_END = Rule(
    f"{NAME}/pair_end",
    "Side of a pair ends with a prompt",
    WARNING,
    "Cut the last prompt off, or add its answer: a pair compares answers.",
    example=Example(
        _twister_pair(("user", "Is there a longer one?"), ("user", "I know that one.")),
        not_this=_twister_pair(("assistant", "Red lorry, yellow lorry."), ("assistant", "I know no others.")),
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
)
