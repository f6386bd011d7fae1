"""Rules of `near_duplicates`, its method, and the reasons for skipping a message."""

from ..base.check import Method
from ..base.examples import Data, Example, chat, turn
from ..base.findings import ERROR, NOTE, WARNING, Action, Concerns, Rule

NAME = "near_duplicates"


def _copied(this: Data, not_this: Data, first: int, second: int, *, reported: int = 1) -> Example:
    """Return the example of two messages that copy each other.

    The one with the smaller id represents both, so the other one is reported (of a stock phrase the first, 0).
    """
    pair = sorted((first, second), key=lambda number: this.messages[number]["message_id"])
    return Example(this, not_this, at=pair[reported])


_WAX = "How do I get candle wax out of a tablecloth?"
_FREEZE = "assistant: Freeze the cloth, break the wax off, then iron what is left into brown paper."
EXACT_COPY = Rule(
    f"{NAME}/exact_copy",
    "Exact duplicate of another message",
    WARNING,
    "Keep one of them: in training, a text counts as often as it occurs, and copies inflate message counts.",
    example=_copied(
        chat(f"prompter: {_WAX}", _FREEZE, turn(_FREEZE.replace(", then", " - THEN"), to=0)),
        chat(
            f"prompter: {_WAX}",
            _FREEZE,
            turn("assistant: Chill it until the wax cracks off; a hot iron over brown paper takes up the stain.", to=0),
        ),
        1,
        2,
    ),
    action=Action.KEEP_BEST,
)

_CHICKPEAS = "prompter: ¿Cómo se cuecen los garbanzos secos?"
_SOAK = (
    "assistant: Se remojan doce horas en agua fría, se escurren bien y se cuecen a fuego lento durante dos horas con "
    "una hoja de laurel."
)
NEAR_COPY = Rule(
    f"{NAME}/near_copy",
    "Near-duplicate of another message",
    WARNING,
    "Read both and keep the better one. Raise min_similarity if such texts differ in what matters.",
    example=_copied(
        chat(_CHICKPEAS, _SOAK, turn(f"{_SOAK} ¡Buen provecho!", to=0), lang="es"),
        chat(
            _CHICKPEAS,
            _SOAK,
            turn("assistant: Doce horas en remojo, dos horas de cocción y una hoja de laurel; la sal, al final.", to=0),
            lang="es",
        ),
        1,
        2,
    ),
    strict=Action.KEEP_BEST,
)

_SWALLOWS = "prompter: Woran merken Schwalben im Herbst, dass sie nach Süden aufbrechen müssen?"
_DAYS = "assistant: Die Tage werden kürzer, und das stellt ihren Stoffwechsel um."
_INSECTS = "assistant: Vor allem daran, dass abends weniger Insekten fliegen."
CROSS_SPLIT = Rule(
    f"{NAME}/cross_split",
    "Copy of a message in another split",
    ERROR,
    "Remove it from one of the splits: a score on texts seen in training measures memory.",
    example=_copied(
        chat(_SWALLOWS, _DAYS, lang="de", split="train") + chat(_SWALLOWS, _INSECTS, lang="de", split="test"),
        chat(_SWALLOWS, _DAYS, lang="de", split="train")
        + chat("prompter: Woher kennen Schwalben die Zeit für den Aufbruch?", _INSECTS, lang="de", split="test"),
        0,
        2,
    ),
    action=Action.KEEP_BEST,
)

_RISOTTO = "prompter: Grazie, il risotto è venuto benissimo!"
_FORMULA = "prompter: Grazie, adesso la formula mi è chiara."
STOCK_PHRASE = Rule(
    f"{NAME}/stock_phrase",
    "Repeated short text",
    NOTE,
    "Usually harmless: greetings and thanks repeat. Thin out the rest, such as one refusal given to every request.",
    example=_copied(
        chat(_RISOTTO, "assistant: Di niente, a presto!", lang="it")
        + chat(_FORMULA, "assistant: Di niente, a presto!", lang="it"),
        chat(_RISOTTO, "assistant: Di niente, a presto!", lang="it")
        + chat(_FORMULA, "assistant: Bene, allora avanti con la prossima.", lang="it"),
        1,
        3,
        reported=0,
    ),
    concerns=Concerns.COPIES,
)

METHOD = Method(
    sure="Similarities are computed exactly, and the exact join misses no pair at the threshold. No held-out error "
    "rate has been measured.",
    how=(
        "Each text becomes its set of word 5-grams, without case and punctuation. In scripts written without spaces, "
        "each character counts as a word.",
        "Candidate pairs come from an exact join, which misses none, or from banded MinHash signatures where the join "
        "does not fit into memory. The record says which was used.",
        "Each candidate pair is verified on the full sets. Its similarity is the Jaccard index: shared 5-grams "
        "divided by the distinct 5-grams of both texts.",
        "The text with the smallest id represents its group, which contains all texts that are similar to it. The "
        "remaining texts are grouped in the same way. Texts that are similar only through others are not joined.",
        "A short text that occurs more than once is a stock phrase, reported as one note with a count.",
    ),
    blind=(
        "Paraphrases and translations share too few 5-grams to be found.",
        "MinHash misses some pairs, most of them just above the threshold. The record says how many to expect.",
        "Where very many texts share even their rarest 5-gram, each is compared only with the first of them, and pairs "
        "can be missed. Texts without a match are then counted as skipped.",
        "Texts with fewer than five words have no 5-gram and are compared whole.",
        "System messages are not compared, because one serves many conversations. The setting `roles` includes them.",
        "The same combining marks in a different order make a different word, although Unicode calls them equal.",
    ),
    sources=(
        "Broder (1997), On the resemblance and containment of documents.",
        "Indyk and Motwani (1998), Approximate nearest neighbors: towards removing the curse of dimensionality.",
        "Chaudhuri, Ganti and Kaushik (2006), A primitive operator for similarity joins in data cleaning.",
        "Bayardo, Ma and Srikant (2007), Scaling up all pairs similarity search.",
        "Xiao et al. (2008), Efficient similarity joins for near duplicate detection (PPJoin).",
        "Lee et al. (2022), Deduplicating training data makes language models better.",
        "datasketch 2.0: the MinHash signatures equal those of this library, bit for bit.",
    ),
)

NO_WORDS = "no words"
TWICE = "repeated id in its tree"
OTHER_ROLE = "role not selected"
SYSTEM = "system message"
CAPPED = "too many similar texts"
