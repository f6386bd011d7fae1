"""Rules of `lang_mismatch`, its method, and the reasons for skipping a message."""

from ..base.check import Method
from ..base.examples import Example, chat, turn
from ..base.findings import ERROR, NOTE, WARNING, Rule

NAME = "lang_mismatch"

_SAUNA = "prompter: Hogyan fűtik be a faházban azt a kis szobát, ahol mindenki izzad?"
_STONES = (
    "assistant: Sauna lämmitetään hitaasti, jotta kivet ehtivät kuumeta tasaisesti. Löylyä heitetään vähän kerrallaan, "
    "ja välillä käydään vilvoittelemassa järvessä."
)
WRONG_LANGUAGE = Rule(
    f"{NAME}/wrong_language",
    "Text does not match its language tag",
    ERROR,
    "Correct the tag, or move the message to that language's split; check neighbouring messages in the tree.",
    example=Example(
        chat(_SAUNA, _STONES, lang="hu"),
        chat(_SAUNA, turn(_STONES, lang="fi"), lang="hu"),
    ),
)
_BREAD = "prompter: Como se faz o pão de milho na tua aldeia?"
_OVEN = (
    "assistant: O pan de millo faise con auga morna e un chisco de sal, e hai que deixalo repousar unha hora ben "
    "tapado. Despois métese no forno ata que a codia quede dourada e renxa cando se lle peta cos dedos."
)
CLOSE_LANGUAGE = Rule(
    f"{NAME}/close_language",
    "Text is in a language close to its tag",
    WARNING,
    "Ask somebody who knows both languages: a tag such as pt for a text in gl is an easy slip.",
    example=Example(
        chat(_BREAD, _OVEN, lang="pt"),
        chat(_BREAD, turn(_OVEN, lang="gl"), lang="pt"),
    ),
)
_POSTER = "assistant: I can read the last line of the poster in your cabin, and it is about the lake."
_TRANSLATE = "Please help me with the last of these sentences."
_RULES = (
    "Saunaan tullaan puhtaana ja kiireettä. Ovi suljetaan aina perässä, jotta lämpö pysyy sisällä. Lauteilla istutaan "
    "oman pyyhkeen päällä."
)
MIXED_LANGUAGE = Rule(
    f"{NAME}/mixed_language",
    "Text is mostly in a language other than its tag",
    NOTE,
    "Translations and quotations are fine. Where such texts are frequent, say so in the data set card.",
    example=Example(
        chat(f"prompter: {_RULES}\n\n{_TRANSLATE}", _POSTER),
        chat(
            "prompter: There is a poster with three short rules on the wall of our cabin, and nobody here can read it. "
            f'It ends like this: "Ovi suljetaan aina perässä." {_TRANSLATE}',
            _POSTER,
        ),
        at=0,
    ),
)


_STREET = "assistant: Улица је мирна, а пекара на углу отвара се већ у пет ујутру."
OTHER_SCRIPT = Rule(
    f"{NAME}/other_script",
    "Text is in a script other than that of its tag",
    NOTE,
    "Correct the script in the tag, or leave it out.",
    example=Example(
        chat("prompter: Kakva je ulica?", turn(_STREET, lang="sr-Latn"), lang="sr-Latn"),
        chat("prompter: Kakva je ulica?", turn(_STREET, lang="sr-Cyrl"), lang="sr-Latn"),
    ),
)


def _labelled(value: float) -> dict[str, list[str] | list[float] | list[int]]:
    """Return labels of three people, whose mean says how far they see another language."""
    return {"name": ["spam", "lang_mismatch"], "value": [0.0, value], "count": [3, 3]}


_WELL = "prompter: Warum dreht sich das Wasser im Abfluss, und immer anders herum als im Bad meiner Schwester?"
_BASIN = "assistant: Das hängt von der Form des Beckens ab und davon, wie das Wasser vorher in Bewegung war."
LABEL_DISAGREES = Rule(
    f"{NAME}/label_disagrees",
    "Human language label disagrees with the detectors",
    NOTE,
    "Read the text: either the label or the check is wrong, and both are worth knowing.",
    example=Example(
        chat(_WELL, turn(_BASIN, labels=_labelled(1.0)), lang="de"),
        chat(_WELL, turn(_BASIN, labels=_labelled(0.0)), lang="de"),
    ),
)

METHOD = Method(
    sure="On held-out texts in 35 languages (the model and its threshold were fitted on others), 5 of 18,934 correct "
    "tags were reported (95 % CI 0.011 to 0.062 %), and 364 of 388 wrong tags were found.",
    how=(
        "Code, tables, addresses and formulas are removed, and letters are counted by script. Some languages are "
        "recognised by their script alone.",
        "A fast detector reads each text. Texts in which it finds the declared language pass. Two or three detectors "
        "read the others, as a whole and segment by segment.",
        "A fitted model estimates the probability that a text is neither in the declared language nor in one close to "
        "it, from the detectors' scores, the length and layout of the text, and its segments. This probability is the "
        "score of a finding.",
        "A language close to the declared one is reported only if two detectors are sure of it; a mixed text, with "
        "segments in the declared language, at most as a note.",
        "A reply is not reported if a message above it asked for that language. Messages that cannot be decided are "
        "counted as skipped, with the reason.",
    ),
    blind=(
        "Texts in Latin script of fewer than ten letters are skipped.",
        "Dialects, and text of one language in the script of another, are not detected. Under a tag that no detector "
        "knows, only text that is clearly in another language is.",
        "Between close languages, short texts and texts that one detector is unsure of are missed.",
        "A paragraph in another language within a text in the declared language is not reported.",
        "A reply counts as asked for below a prompt that names its language in a frame such as 'in Spanish' or "
        "'a Spanish poem', or that quotes a sentence of it. Requests in other words are not recognised.",
        "English that looks like code comments is not flagged in a message tagged as another language. Tool "
        "results are not checked.",
    ),
    sources=(
        "Lui and Baldwin (2012), langid.py: an off-the-shelf language identification tool; the model is that of "
        "py3langid 0.4.",
        "Joulin et al. (2017), Bag of tricks for efficient text classification; the model is fastText's lid.176, CC "
        "BY-SA 3.0.",
        "eldc 0.4, Efficient Language Detector in C; Apache-2.0.",
        "Friedman (2001), Greedy function approximation: a gradient boosting machine.",
        "BCP 47 (RFC 5646), Tags for identifying languages.",
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327, for messages with human labels.",
    ),
)

NO_LANGUAGE = "no language tag"
UNKNOWN_TAG = "invalid language tag"
UNSUPPORTED = "language unknown to the detectors"
FEW_LETTERS = "too few letters"
SEVERAL_SCRIPTS = "several scripts"
NEAR_DECLARED = "close to the declared language"
UNDECIDED = "undecided between languages"
SOURCE_TEXT = "English like code comments"
ASKED_FOR = "language requested by the prompt"
TOOL = "tool result"
