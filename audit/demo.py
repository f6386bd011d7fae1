"""A small made-up release in several languages, with one fault of every rule planted in it."""

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..benchmarks_refs import fingerprints
from ..benchmarks_refs.cards import Card, Item, Parts
from . import refs

Message = dict[str, Any]
Tree = list[Message]
Chat = dict[str, Any]  # a preference pair: the messages of its prompt, and those of either side

NAMES = [
    "Ada",
    "Amara",
    "Bojan",
    "Chiara",
    "Dariusz",
    "Emeka",
    "Fatima",
    "Hiro",
    "Ingrid",
    "Jorge",
    "Lila",
    "Marta",
    "Nuri",
    "Oksana",
    "Priya",
    "Tomas",
]
TOWNS = [
    "Accra",
    "Bergen",
    "Cali",
    "Dakar",
    "Essen",
    "Fes",
    "Graz",
    "Hanoi",
    "Iasi",
    "Jaipur",
    "Kobe",
    "Lima",
    "Minsk",
    "Oulu",
    "Porto",
    "Recife",
]

# Prompt, first answer, second answer, follow-up, answer.
TALKS = {
    "en": (
        (
            "Why does bread rise?",
            "Yeast eats sugar and breathes out gas; the dough traps it.",
            "Because of the yeast in it.",
            "And without yeast?",
            "Then baking soda with an acid can do the same.",
        ),
        (
            "How do I remember names better?",
            "Say the name aloud once and tie it to something you see.",
            "Repeat each name three times in your head.",
            "What if I forget it all the same?",
            "Ask again soon; people mind that less than a wrong name.",
        ),
        (
            "What is a good first plant for a dark room?",
            "A cast-iron plant: it needs little light and forgives dry weeks.",
            "Try a snake plant near the door.",
            "How often do I water it?",
            "Every two weeks, and only when the soil is dry.",
        ),
    ),
    "de": (
        (
            "Warum ist der Himmel am Abend rot?",
            "Das Licht geht abends einen längeren Weg durch die Luft, und das Blau wird gestreut.",
            "Weil die Sonne tief steht.",
            "Und auf dem Mars?",
            "Dort ist es umgekehrt: der Abendhimmel ist blau.",
        ),
        (
            "Wie lüfte ich im Winter richtig?",
            "Mehrmals am Tag die Fenster für fünf Minuten ganz öffnen.",
            "Kurz und kräftig statt lange gekippt.",
            "Auch bei Regen?",
            "Ja, kalte Luft ist trotz Regen trocken.",
        ),
    ),
    "es": (
        (
            "¿Cómo se limpia una sartén de hierro?",
            "Con agua caliente y un cepillo, y después una capa fina de aceite.",
            "Sin jabón y sin dejarla mojada.",
            "¿Y si ya tiene óxido?",
            "Se frota con sal gruesa y se vuelve a curar en el horno.",
        ),
        (
            "¿Por qué flotan los barcos de acero?",
            "Porque desplazan más agua de lo que pesan.",
            "Porque llevan aire dentro.",
            "¿Y un submarino?",
            "Ese llena sus tanques de agua para hundirse.",
        ),
    ),
    "fr": (
        (
            "Comment apprendre à siffler ?",
            "Humidifiez les lèvres, formez un petit rond et soufflez doucement.",
            "Il faut surtout de la patience.",
            "Combien de temps cela prend-il ?",
            "Quelques jours, à raison de dix minutes par jour.",
        ),
    ),
    "pt-BR": (
        (
            "Como guardar café para não perder o aroma?",
            "Em pote fechado, longe da luz e do calor.",
            "Moído na hora, sempre que der.",
            "Posso congelar?",
            "Pode, em porções pequenas e bem vedadas.",
        ),
    ),
    "ru": (
        (
            "Почему скрипит снег?",
            "Ломаются кристаллы льда, и чем холоднее, тем громче звук.",
            "Потому что снег сухой.",
            "А весной?",
            "Весной он влажный и почти не скрипит.",
        ),
    ),
    "uk-UA": (
        (
            "Як вибрати стиглий кавун?",
            "Постукайте: у стиглого звук дзвінкий, а жовта пляма збоку.",
            "Дивіться на сухий хвостик.",
            "А якщо він великий?",
            "Розмір нічого не каже про стиглість.",
        ),
    ),
    "zh": (
        (
            "怎样让米饭更香？",
            "淘米后泡二十分钟，煮之前加几滴油。",
            "用新米就很香。",
            "泡太久会怎样？",
            "泡太久米会碎，口感变软。",
        ),
    ),
    "th": (
        (
            "ทำไมทะเลถึงเค็ม",
            "แม่น้ำพาเกลือแร่จากหินลงสู่ทะเลมานานหลายล้านปี",
            "เพราะมีเกลือละลายอยู่",
            "ทะเลสาบก็เค็มหรือ",
            "บางแห่งเค็ม เพราะน้ำไม่มีทางไหลออก",
        ),
    ),
    "ar": (
        (
            "كيف أنام أسرع؟",
            "أطفئ الشاشات قبل ساعة، واجعل الغرفة باردة ومظلمة.",
            "اقرأ كتابا هادئا.",
            "وماذا عن القهوة؟",
            "لا تشربها بعد الظهر.",
        ),
    ),
}
LABELS = ("spam", "lang_mismatch", "pii", "not_appropriate", "quality", "toxicity", "humor", "creativity", "violence")
N_PLAIN = 40  # trees without a fault
N_CHATS = 4  # chats without a fault


@dataclass
class Release:
    """Trees, the lines that are written of them, chats, and what was planted."""

    rng: random.Random
    trees: list[Tree] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)  # lines that are no plain record
    chats: list[Chat] = field(default_factory=list)
    planted: dict[str, str | None] = field(default_factory=dict)  # rule name -> message id; None: a line without one

    def uid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def tree(self) -> Tree:
        """A new tree without a fault: a prompt, two ranked answers, a follow-up, an answer."""
        lang = self.rng.choice(sorted(TALKS))
        prompt, first, second, follow_up, answer = (self._signed(text) for text in self.rng.choice(TALKS[lang]))
        when = datetime(2023, 2, 1, tzinfo=UTC) + timedelta(seconds=self.rng.randrange(5_000_000))
        root = self._message(prompt, None, lang, when)
        best = self._message(first, root, lang, when + timedelta(minutes=9), rank=0)
        other = self._message(second, root, lang, when + timedelta(minutes=20), rank=1)
        more = self._message(follow_up, best, lang, when + timedelta(hours=2))
        last = self._message(answer, more, lang, when + timedelta(hours=5))
        tree = [root, best, more, last, other]
        self.trees.append(tree)
        return tree

    def chat(self) -> Chat:
        """A new chat without a fault: a prompt with a call of a tool behind it, a follow-up, two answers to that."""
        prompt, answer, other, follow_up, last = (self._signed(text) for text in self.rng.choice(TALKS["en"]))
        call = f"call_{self.rng.randrange(10**9):09}"
        chat = {
            "id": self.uid(),
            "lang": "en",
            "prompt": [
                {"role": "system", "content": "Look it up before you answer, and be brief."},
                {"role": "user", "content": prompt},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": call, "type": "function", "function": {"name": "find", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": call, "content": self._signed("One page was found.")},
                {"role": "assistant", "content": answer},
                {"role": "user", "content": follow_up},
            ],
            "chosen": [{"role": "assistant", "content": last}],
            "rejected": [{"role": "assistant", "content": other}],
        }
        self.chats.append(chat)
        return chat

    def _signed(self, text: str) -> str:
        # The same few sentences serve all trees; what differs is who says them, and who is told.
        writer, reader = (
            f"{self.rng.choice(NAMES)}, {self.rng.choice(TOWNS)}, {self.rng.randrange(24)}:{self.rng.randrange(60):02}"
            for _ in range(2)
        )
        return f"{text}\n\n{writer} → {reader}"

    def _message(
        self, text: str, parent: Message | None, lang: str, when: datetime, rank: int | None = None
    ) -> Message:
        own = self.uid()
        return {
            "message_id": own,
            "parent_id": parent and parent["message_id"],
            "user_id": self.uid(),
            "created_date": when.isoformat(),
            "text": text,
            "role": "assistant" if parent and parent["role"] == "prompter" else "prompter",
            "lang": lang,
            "review_count": 3,
            "review_result": True,
            "deleted": False,
            "rank": rank,
            "synthetic": False,
            "model_name": None,
            "detoxify": {"toxicity": round(self.rng.random() / 50, 6), "severe_toxicity": 0.0, "obscene": 0.0},
            "message_tree_id": parent["message_tree_id"] if parent else own,
            "tree_state": "ready_for_export",
            "emojis": {"name": ["+1"], "count": [self.rng.randrange(1, 6)]},
            "labels": {
                "name": list(LABELS),
                "value": [0.0] * 4 + [round(self.rng.random(), 3) for _ in LABELS[4:]],
                "count": [3] * len(LABELS),
            },
        }


def release(seed: int) -> Release:
    """A release in which every rule is broken once; the same for the same seed."""
    made = Release(random.Random(seed))
    for _ in range(N_PLAIN):
        made.tree()
    for rule, fault in FAULTS.items():
        tree = made.tree()
        made.planted[rule] = fault(made, tree)["message_id"]
    made.rng.shuffle(made.trees)
    # Written as strings that JSON does not allow; a reader that gives up at the first one loses the rest.
    made.raw = [b'{"message_id": "cut off in the mid', b""]
    made.planted.update(unreadable_line=None, line_format=None)
    # What OASST has no form for stands in chats.
    for _ in range(N_CHATS):
        made.chat()
    for rule, spoil in CHAT_FAULTS.items():
        chat = made.chat()
        made.planted[rule] = f"{chat['id']}#{spoil(chat)}"
    return made


def write(made: Release, path: Path) -> list[Path]:
    """The release as JSON lines, its broken lines at the end, and its chats in a file beside it; gives back both."""
    lines = []
    for tree in made.trees:
        for message in tree:
            line = json.dumps(message, ensure_ascii=False).encode()
            if message["message_id"] == made.planted["repaired_line"]:
                line = line[:-1] + b', "lang": "en"}'  # a key that stands twice
            lines.append(line)
    path.write_bytes(b"\n".join([*lines, *made.raw]) + b"\n")
    chats = path.with_stem(f"{path.stem}-chats")
    chats.write_text("".join(json.dumps(chat, ensure_ascii=False) + "\n" for chat in made.chats), encoding="utf-8")
    return [path, chats]


# -- a made-up benchmark, whose items stand in the release -----------------------------------------------------------

_FERRY = Item(
    "ferry",
    {
        "question": (
            "The ferry of Ostrelle carries nine goats on each crossing and comes back empty. How often must the ferryman "
            "row over before seventy-two goats and one stubborn mule stand on the far bank?",
        ),
        "answer": ("Eight crossings bring the goats over and a ninth one the mule, which refuses company.",),
    },
)
_LANTERN = Item(
    "lantern",
    {
        "question": ("Which of these did the lamplighters of Verrane hang over their doors on the longest night?",),
        "choices": ("a wreath of dried thistles", "a copper bell", "three walnut shells", "the oldest boot they had"),
        "answer": ("the oldest boot they had",),
    },
)
_BAKER = Item(
    "baker",
    {
        "question": ("How many rolls are left in the basket of the baker of Quill Lane when her cousins have gone?",),
        "answer": (
            "She begins the morning with four trays of twelve, which makes forty-eight rolls. Her eldest cousin takes a "
            "dozen for the harbour crew, the twins eat five between them on the stairs, and the postman is owed three. "
            "That leaves twenty-eight, of which the dog has already licked two.",
        ),
        "passage": (
            "Quill Lane runs uphill from the harbour of Tessel and has had a bakery at its upper end since the great "
            "flood. The ovens are fired with driftwood, which lends the crust a faint taste of salt, and by an old "
            "custom nobody may pay for bread before the first ship of the day has been sighted.",
        ),
    },
)
_ORCHARD = Item(
    "orchard",
    {
        "question": (
            "Maribel's orchard has 14 rows of quince trees. Each row gives 35 baskets in autumn, and the cider press at "
            "Holm buys 6 baskets out of every row. How many baskets of quinces does Maribel keep for marmalade?",
        ),
    },
)
_OWL = Item(
    "owl",
    {"question": ("Why do the snow owls of Brannoch nest upon abandoned chimneys rather than among the larches?",)},
)
_BENCHMARKS = {
    "demo_quiz": ("test", (_FERRY, _LANTERN, _BAKER, _ORCHARD)),
    "demo_quiz_train": ("train", (_OWL,)),
}


def write_references(folder: Path) -> None:
    """Fingerprints of the made-up benchmarks."""
    for name, (split, found) in _BENCHMARKS.items():
        card = Card(
            title=f"Demo quiz ({split})",
            measures="nothing: it is made up",
            home="https://example.org/demo-quiz",
            split=split,  # type: ignore[arg-type]
            languages=("en",),
            licence="CC0-1.0",
            shared=True,
            citation="none",
            parts=Parts(question="question"),
            files=("quiz.jsonl",),
            sha256="0" * 64,
        )
        fingerprints.save(refs.made(card, iter(found)), folder / f"{name}{fingerprints.ENDING}")


# -- faults: each breaks one rule in a tree of its own, and gives back the message that is to be flagged -------------


def _set(index: int, **fields: Any) -> Callable[[Release, Tree], Message]:
    def plant(made: Release, tree: Tree) -> Message:
        tree[index].update(fields)
        return tree[index]

    return plant


def _labels(name: str, values: Callable[[list[Any]], list[Any]]) -> Callable[[Release, Tree], Message]:
    def plant(made: Release, tree: Tree) -> Message:
        tree[1]["labels"][name] = values(tree[1]["labels"][name])
        return tree[1]

    return plant


def _duplicate_id(made: Release, tree: Tree) -> Message:
    copy = dict(tree[4])
    tree.append(copy)
    return copy


def _parent_in_other_tree(made: Release, tree: Tree) -> Message:
    tree[4]["parent_id"] = made.trees[0][0]["message_id"]
    tree[4]["rank"] = tree[1]["rank"] = None
    return tree[4]


def _dangling_parent(made: Release, tree: Tree) -> Message:
    tree[3]["parent_id"] = made.uid()
    return tree[3]


def _self_parent(made: Release, tree: Tree) -> Message:
    tree[4].update(parent_id=tree[4]["message_id"], rank=None)
    return tree[4]


def _cycle(made: Release, tree: Tree) -> Message:
    tree[1].update(parent_id=tree[2]["message_id"], rank=None)
    tree[4]["rank"] = None
    return tree[1]


def _one_root(made: Release, tree: Tree) -> Message:
    tree[2]["parent_id"] = None
    return tree[2]


def _tree_id(made: Release, tree: Tree) -> Message:
    wrong = made.uid()
    for message in tree:
        message["message_tree_id"] = wrong
    return tree[0]


def _malformed_id(made: Release, tree: Tree) -> Message:
    tree[4]["message_id"] = "reply-17"
    return tree[4]


def _order(made: Release, tree: Tree) -> Message:
    tree[3], tree[4] = tree[4], tree[3]  # the last answer now follows the rival of its grandparent
    return tree[4]


def _unanswered(made: Release, tree: Tree) -> Message:
    del tree[3]
    return tree[2]


def _rank_gap(made: Release, tree: Tree) -> Message:
    tree[4]["rank"] = 3
    return tree[1]  # the first of the ranked answers stands for all of them


def _synthetic(made: Release, tree: Tree) -> Message:
    tree[4]["synthetic"] = True
    return tree[4]


def _lottery(made: Release, tree: Tree) -> Message:
    for message in tree:
        message["tree_state"] = "prompt_lottery_waiting"
    return tree[0]


def _strange_state(made: Release, tree: Tree) -> Message:
    for message in tree:
        message["tree_state"] = "nearly_done"
    return tree[0]


def _late(made: Release, tree: Tree) -> Message:
    tree[3]["created_date"] = "2099-01-01T00:00:00+00:00"
    return tree[3]


def _copy(edit: Callable[[str], str]) -> Callable[[Release, Tree], Message]:
    def plant(made: Release, tree: Tree) -> Message:
        tree[4]["text"] = edit(tree[1]["text"])
        return max(tree[1], tree[4], key=lambda message: message["message_id"])  # the smaller id stands for both

    return plant


def _cross_split(made: Release, tree: Tree) -> Message:
    copied = _copy(str)(made, tree)
    tree[1]["split"], tree[4]["split"] = "train", "test"
    return copied


def _stock_phrase(made: Release, tree: Tree) -> Message:
    for message in (tree[0], tree[2]):
        message["text"] = "Thanks a lot!"
    return min(tree[0], tree[2], key=lambda message: message["message_id"])


def _reply(write: Callable[[str, str], str]) -> Callable[[Release, Tree], Message]:
    def plant(made: Release, tree: Tree) -> Message:
        tree[1]["text"] = write(tree[0]["text"], tree[1]["text"])
        return tree[1]

    return plant


def _asked(item: Item, index: int = 0, flagged: int = 0, also: str = "") -> Callable[[Release, Tree], Message]:
    def plant(made: Release, tree: Tree) -> Message:
        tree[index]["text"] = item.parts["question"][0]
        if also:
            tree[1]["text"] = f"I know this one. {item.parts[also][0]}"
        return tree[flagged]

    return plant


def _system_first(chat: Chat) -> str:
    chat["prompt"].append(chat["prompt"].pop(0))
    return "6"


def _tool_result(chat: Chat) -> str:
    del chat["prompt"][2]
    return "3"


def _same_pair(chat: Chat) -> str:
    chat["rejected"] = chat["chosen"]
    return "rejected"


def _pair_prompt(chat: Chat) -> str:
    chat["rejected"] += [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "I cannot tell."}]
    return "rejected"


_FINNISH = (
    "Sauna lämmitetään hitaasti, jotta kivet ehtivät kuumeta tasaisesti. Löylyä heitetään vähän kerrallaan, ja välillä "
    "käydään vilvoittelemassa järvessä."
)
_GALICIAN = (
    "O pan de millo faise con auga morna e un chisco de sal, e hai que deixalo repousar unha hora ben tapado. Despois "
    "métese no forno ata que a codia quede dourada e renxa cando se lle peta cos dedos."
)

FAULTS: dict[str, Callable[[Release, Tree], Message]] = {
    "role_alternation": _set(4, role="prompter", rank=None),
    "root_role": _set(0, role="assistant"),
    "unknown_role": _set(4, role="moderator", rank=None),
    "duplicate_id": _duplicate_id,
    "dangling_parent": _dangling_parent,
    "parent_in_other_tree": _parent_in_other_tree,
    "self_parent": _self_parent,
    "cycle": _cycle,
    "one_root": _one_root,
    "tree_id": _tree_id,
    "unanswered_thread": _unanswered,
    "order": _order,
    "missing_field": _set(4, text=None),
    "mistyped_field": _set(4, rank="1"),
    "malformed_id": _malformed_id,
    "language_tag": _set(4, lang="xx-elvish"),
    "empty_text": _set(4, text=" \u200b\n"),
    "replacement_characters": _set(4, text="Das w\ufffdre dann auch gekl\ufffdrt."),
    "control_characters": _set(4, text="Press \x07 and wait for the bell."),
    "date_format": _set(4, created_date="yesterday"),
    "date_before_parent": _set(4, created_date="2021-01-01T00:00:00+00:00"),
    "date_in_future": _late,
    "rank_of_prompter": _set(2, rank=0),
    "rank_range": _set(4, rank=-1),
    "rank_tie": _set(4, rank=0),
    "rank_gap": _rank_gap,
    "label_lengths": _labels("value", lambda values: values[:-1]),
    "label_range": _labels("value", lambda values: [1.7, *values[1:]]),
    "label_name": _labels("name", lambda names: ["splendour", *names[1:]]),
    "detoxify_range": _set(4, detoxify={"toxicity": 1.5}),
    "emoji_counts": _set(4, emojis={"name": ["+1"], "count": [0]}),
    "review_count": _set(4, review_count=-1),
    "review_result": _set(4, review_count=0, review_result=True),
    "deleted_in_export": _set(4, deleted=True),
    "tree_state": _strange_state,
    "tree_state_mixed": _set(4, tree_state="growing"),
    "lottery_replies": _lottery,
    "synthetic_model": _synthetic,
    "repaired_line": _set(4),
    "exact_copy": _copy(lambda text: text.replace(" ", "  ")),
    "near_copy": _copy(lambda text: f"{text} Indeed."),
    "cross_split": _cross_split,
    "stock_phrase": _stock_phrase,
    "echo": _reply(lambda asked, answer: asked),
    "copies_prompt": _reply(lambda asked, answer: f"Sure, with pleasure: {asked}"),
    "restates_prompt": _reply(lambda asked, answer: f"{asked}\n\n{answer}\n\n{answer[::-1]}"),
    "question_and_answer": _asked(_FERRY, also="answer"),
    "question": _asked(_LANTERN),
    "answer": _reply(lambda asked, answer: _BAKER.parts["answer"][0]),
    "passage": _reply(lambda asked, answer: _BAKER.parts["passage"][0]),
    "rephrased": _set(
        0,
        text="Out of every row in her quince orchard Maribel sells 6 baskets to Holm, to the cider press. Of trees there "
        "are 14 rows, and in autumn 35 baskets come from each. What does Maribel keep in baskets, to make marmalade?",
    ),
    "train_item": _asked(_OWL),
    "below_leak": _asked(_BAKER, flagged=1),
    "wrong_language": _set(4, text=_FINNISH, lang="hu"),
    "close_language": _set(4, text=_GALICIAN, lang="pt"),
    "mixed_language": _set(4, text=f"{_FINNISH}\n\nTo translate: the third paragraph, as soon as possible.", lang="en"),
    "label_disagrees": _labels("value", lambda values: [values[0], 1.0, *values[2:]]),
}

# Of chats, each spoils one and gives back what names the message within it.
CHAT_FAULTS: dict[str, Callable[[Chat], str]] = {
    "system_first": _system_first,
    "tool_result": _tool_result,
    "same_pair": _same_pair,
    "pair_prompt": _pair_prompt,
}
