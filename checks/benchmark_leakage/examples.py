"""A made-up benchmark, fingerprinted like a real one, which the examples leak."""

from collections.abc import Sequence
from typing import Literal

from ...benchmarks_refs import fingerprints
from ...benchmarks_refs.cards import Card, Item, Parts
from ..base.text.words import hashed

FERRY = Item(
    "ferry",
    {
        "question": (
            "The ferry of Ostrelle carries nine goats on each crossing and comes back empty. How often must the "
            "ferryman row over before seventy-two goats and one stubborn mule stand on the far bank?",
        ),
        "answer": ("Eight crossings bring the goats over and a ninth one the mule, which refuses company.",),
    },
)
LANTERN = Item(
    "lantern",
    {
        "question": ("Which of these did the lamplighters of Verrane hang over their doors on the longest night?",),
        "choices": ("a wreath of dried thistles", "a copper bell", "three walnut shells", "the oldest boot they had"),
        "answer": ("the oldest boot they had",),
    },
)
BAKER = Item(
    "baker",
    {
        "question": ("How many rolls are left in the basket of the baker of Quill Lane when her cousins have gone?",),
        "answer": (
            "She begins the morning with four trays of twelve, which makes forty-eight rolls. Her eldest cousin takes "
            "a dozen for the harbour crew, the twins eat five between them on the stairs, and the postman is owed "
            "three. That leaves twenty-eight, of which the dog has already licked two.",
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
            "Maribel's orchard has 14 rows of quince trees. Each row gives 35 baskets in autumn, and the cider press "
            "at Holm buys 6 baskets out of every row. How many baskets of quinces does Maribel keep for marmalade?",
        ),
    },
)
OWL = Item(
    "owl",
    {"question": ("Why do the snow owls of Brannoch nest upon abandoned chimneys rather than among the larches?",)},
)
BENCHMARKS: dict[str, tuple[Literal["test", "train"], tuple[Item, ...]]] = {
    "demo_quiz": ("test", (FERRY, LANTERN, BAKER, _ORCHARD)),
    "demo_quiz_train": ("train", (OWL,)),
}


def fingerprint(split: Literal["test", "train"], found: Sequence[Item]) -> fingerprints.Fingerprint:
    """Return the fingerprint of a made-up benchmark."""
    card = Card(
        title="Demo quiz",
        measures="nothing: it is made up",
        home="https://example.org/demo-quiz",
        split=split,
        languages=("en",),
        licence="CC0-1.0",
        shared=True,
        citation="none",
        parts=Parts(question="question"),
        files=("quiz.jsonl",),
        sha256="0" * 64,
    )
    return fingerprints.build(card, found, hashed, fingerprints.load_weights())


def part_of(item: Item, name: str) -> str:
    """Return a part of a made-up item."""
    return item.parts[name][0]
