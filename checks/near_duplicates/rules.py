"""Rules of `near_duplicates`, its method, and the reasons for skipping a message."""

from ..base.check import Method
from ..base.examples import Data, Example, chat, records, turn
from ..base.findings import ERROR, NOTE, WARNING, Action, Concerns, Rule

NAME = "near_duplicates"


def _copied(this: Data, not_this: Data, *copies: int, reported: int = 1) -> Example:
    """Return the example of messages that copy each other.

    The one with the smallest id represents all, so another one is reported (of a stock phrase the first, 0).
    """
    by_id = sorted(copies, key=lambda number: this.messages[number]["message_id"])
    return Example(this, not_this, at=by_id[reported])


_WAX = "How do I get candle wax out of a tablecloth?"
_FREEZE = "assistant: Freeze the cloth, break the wax off, then iron what is left into brown paper."
_CHILL = "assistant: Chill it until the wax cracks off; a hot iron over brown paper takes up the stain."
EXACT_COPY = Rule(
    f"{NAME}/exact_copy",
    "Exact duplicate of another message",
    WARNING,
    "Keep one of them: in training, a text counts as often as it occurs, and copies inflate message counts.",
    example=_copied(
        chat(f"prompter: {_WAX}", _FREEZE, turn(_FREEZE.replace(", then", ",\nTHEN"), to=0)),
        chat(f"prompter: {_WAX}", _FREEZE, turn(_CHILL, to=0)),
        1,
        2,
    ),
    action=Action.KEEP_BEST,
)

_MEDIAN = "prompter: Please write a short program in {} that prints the median of the numbers in a file"
OTHER_SIGNS = Rule(
    f"{NAME}/other_signs",
    "Same words as another message, but other signs",
    WARNING,
    "Keep one of them if only the punctuation differs. In a note, the signs may carry meaning, as in C and C++.",
    example=_copied(
        chat(f"prompter: {_WAX}", _FREEZE, turn(_FREEZE.replace(", then", " - then"), to=0)),
        chat(_MEDIAN.format("C")) + chat(_MEDIAN.format("Pascal")),
        1,
        2,
    ),
    strict=Action.KEEP_BEST,
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

_TIDE = (
    "assistant: The moon pulls the water on the near side of the earth more strongly than the earth itself, and the "
    "earth more strongly than the water on the far side, so two bulges form, and each place passes both in a day."
)
_MORE = (
    "Spring tides come with the new and the full moon, when the sun pulls along the same line; neap tides come a week "
    "later, when it pulls across."
)
_TWICE = "prompter: Why are there two tides a day?"
CONTAINED_COPY = Rule(
    f"{NAME}/contained_copy",
    "Contained in a longer message",
    WARNING,
    "Drop the shorter one if it adds nothing: a cut reply teaches a model to stop early.",
    example=Example(
        chat(_TWICE, _TIDE, turn(f"{_TIDE} {_MORE}", to=0)),
        chat(_TWICE, _TIDE, turn(f"assistant: {_MORE}", to=0)),
        at=1,
    ),
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

_LETTER = (
    "Dear neighbours, the stairwell will be painted from Monday to Wednesday next week. Leave no bicycles, prams or "
    "shoes outside your doors, mind the wet paint on the rails, and keep the windows on the landings open until "
    "Thursday, also at night, so that the smell can go"
)
OTHER_INSTRUCTION = Rule(
    f"{NAME}/other_instruction",
    "Same text under another instruction",
    NOTE,
    "Usually meant: one passage with several questions. Make sure that all of them are in the same split.",
    example=_copied(
        chat(f"prompter: What is forbidden? {_LETTER}") + chat(f"prompter: {_LETTER}. When is it over?"),
        chat(f"prompter: What is forbidden? {_LETTER}")
        + chat("prompter: When the stairwell of a house is painted, for how long should bicycles stay in the yard?"),
        0,
        1,
    ),
)

_BIRDS = "Which shy bird, no larger than a sparrow, came to the feeder in our garden this morning if its breast is {}"
_COLOURS = ("red", "grey", "yellow", "spotted")
TEMPLATE = Rule(
    f"{NAME}/template",
    "Texts of one template",
    NOTE,
    "Count them as one text when you judge how diverse the data are, and thin them out if they are many.",
    example=_copied(
        sum((chat(f"prompter: {_BIRDS.format(colour)}") for colour in _COLOURS), Data()),
        sum((chat(f"prompter: {_BIRDS.format(colour)}") for colour in _COLOURS[:2]), Data()),
        *range(len(_COLOURS)),
        reported=0,
    ),
)

_ROOF = "My roof leaks where the chimney goes through it. What should I look at first?"
_FLASHING = "At the flashing: the metal that seals the gap between chimney and roof."
_MORTAR = {"id": "roof-2", "lang": "en", "prompt": _ROOF, "response": "At the mortar between the bricks."}
REPEATED_PROMPT = Rule(
    f"{NAME}/repeated_prompt",
    "Prompt with several answers in one file",
    NOTE,
    "No duplicate: the file has one thread or one pair of answers a row. Keep all of them in one split.",
    example=Example(
        records(_MORTAR, {"id": "roof-1", "lang": "en", "prompt": _ROOF, "response": _FLASHING}),
        records(
            _MORTAR | {"prompt": "Water drips from my kitchen ceiling. Who can find out where it comes from?"},
            {"id": "roof-1", "lang": "en", "prompt": _ROOF, "response": _FLASHING},
        ),
        at="",
    ),
)

_FERRY = (
    "The ferry to the island leaves at seven in the morning and comes back at six in the evening, and on Sundays it "
    "does not run at all."
)
REPEATED_PASSAGE = Rule(
    f"{NAME}/repeated_passage",
    "Passage repeated within one message",
    WARNING,
    "Cut the repetition: it comes from a paste or from a model that loops, and teaches a model to loop.",
    example=Example(
        chat("prompter: When does the ferry run?", f"assistant: {_FERRY}\n\nBuy tickets on board.\n\n{_FERRY}"),
        chat("prompter: When does the ferry run?", f"assistant: {_FERRY}\n\nBuy tickets on board."),
        at=1,
    ),
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
    sure="Similarities are computed exactly. Two readers labelled findings: on public chat files and releases that "
    "nothing was fitted on, all of 60 exact duplicates were right; of 70 edited, cut and contained copies 65 and 64, "
    "and 67 right or arguable. Of 40 in a collection without roles, which was in view, 33 and 35 were right; of 20 "
    "repeated passages 15.",
    how=(
        "Each text becomes its set of word 5-grams, without case and punctuation; a character of a script without "
        "spaces counts as a word. An exact join, or MinHash where that does not fit into memory, finds pairs whose "
        "Jaccard similarity is at least `min_similarity`; each is verified on the full sets.",
        "Two texts are exact duplicates if they are equal apart from case and blanks, signs included. With the same "
        "words and other signs they are reported apart; as a note, where the signs may carry meaning.",
        "Similar texts are aligned, and what differs decides: changes inside are an edited copy, words of their own at "
        "an edge are another instruction, and changes where other texts differ too are the slots of a template.",
        "A text of 25 words or more is also looked for inside longer ones, by winnowed 5-grams, and code without its "
        "names.",
        "In a file that repeats its prompts as a rule, a prompt with another answer is a note. A reply that repeats "
        "its own prompt is left to `prompt_parroting`.",
    ),
    blind=(
        "Paraphrases and translations share too few 5-grams to be found.",
        "Two different tasks that differ in one or two words, such as a sum and a sum of squares, can be reported as "
        "an edited copy.",
        "A member of a group of 32 or more texts is compared only with the text that represents it. Where very many "
        "texts share their rarest 5-gram, pairs can be missed; texts without a match are then counted as skipped. "
        "MinHash misses some pairs; the record says how many to expect.",
        "A formula that a long answer repeats on purpose, such as a step of each of three tests, is reported as a "
        "repeated passage.",
        "System messages are not compared, because one serves many conversations. The setting `roles` includes them.",
    ),
    sources=(
        "Broder (1997), On the resemblance and containment of documents.",
        "Indyk and Motwani (1998), Approximate nearest neighbors: towards removing the curse of dimensionality.",
        "Chaudhuri, Ganti and Kaushik (2006), A primitive operator for similarity joins in data cleaning.",
        "Bayardo, Ma and Srikant (2007), Scaling up all pairs similarity search.",
        "Xiao et al. (2008), Efficient similarity joins for near duplicate detection (PPJoin).",
        "Schleimer, Wilkerson and Aiken (2003), Winnowing: local algorithms for document fingerprinting.",
        "Lee et al. (2022), Deduplicating training data makes language models better.",
        "datasketch 2.0: the MinHash signatures equal those of this library, bit for bit.",
    ),
)

NO_WORDS = "no words"
OTHER_ROLE = "role not selected"
SYSTEM = "system message"
CAPPED = "too many similar texts"
