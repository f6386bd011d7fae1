"""Messages in another language than their tag, with few false alarms.

The obvious approach, one detector compared with the tag, is wrong ten times for each time it is right: on code, names,
quotations, short texts and languages that it does not know. Here a claim passes one test after another, the cheap ones
first, and a message that fails one is counted as skipped, with the reason (docs/languages.md has the worth of each):

1. tags to languages; 2. prose without code, tables, addresses; 3. scripts, which decide for some languages by
themselves; 4. enough letters; 5. a first detector; 6. the probability that it leaves to the declared language and its
kin; 7. a second detector, and text that is mostly names; 8. a vote of the segments; 9. what the prompt asked for.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from .base.agreement import agreement, labels
from .base.asking import asks_for
from .base.check import ALL, Check, Method, Result, Stage, Table
from .base.detectors import DETECTORS, Guesses, detector, release
from .base.examples import Example, chat, turn
from .base.findings import CHECKED, ERROR, FINDINGS, NOTE, WARNING, Action, Rule, Spans, claim, cover
from .base.intervals import Confusion, in_percent, wilson
from .base.kernels.layout import N_SCRIPTS
from .base.languages import (
    HAN,
    KANA,
    LATIN,
    SCRIPT_DECIDES,
    WEIGHTS,
    are_one,
    are_slavic,
    base,
    english_name,
    kin,
    script_table,
    scripts,
)
from .base.messages import PLACES, Batch, BoolArray, IntArray, as_bools, as_ints
from .base.settings import Wants, setting
from .base.text import excerpts

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
    "Text is mostly in another language than its tag",
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
    action=Action.KEEP,
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
    action=Action.KEEP,
)

METHOD = Method(
    sure="No held-out error rate has been measured.",
    how=(
        "Code, tables, addresses and formulas are removed, and letters are counted by script. Some languages are "
        "recognised by their script alone.",
        "A first detector reads each text. Where it leaves a fair probability to the declared language or its kin, "
        "nothing is reported, unless the text is clearly in a close language.",
        "A second detector must find the same language, or one close to it. More is required of short texts, of texts "
        "that are mostly names, and of text that may be romanised.",
        "The text is split into segments, and each is read separately. Where some are in the declared language, the "
        "text is mixed, and a note at most.",
        "A reply is fine where a message above it asked for that language. Messages that cannot be decided are counted "
        "as skipped, with the reason.",
    ),
    blind=(
        "Most short texts in Latin script are skipped.",
        "Dialects, languages that neither detector knows, and text of one language in the script of another are not "
        "seen.",
        "Between close languages, short texts are missed, and those that one detector is unsure of.",
        "A paragraph in another language within a text in the declared language is not reported.",
        "A reply below any prompt that mentions its language, its people or its country counts as asked for.",
        "English that looks like code comments is not flagged under another tag, and neither are tool results.",
    ),
    sources=(
        "Lui and Baldwin (2012), langid.py: an off-the-shelf language identification tool; the model is that of "
        "py3langid 0.4.",
        "Joulin et al. (2017), Bag of tricks for efficient text classification; the model is fastText's lid.176, CC "
        "BY-SA 3.0.",
        "BCP 47 (RFC 5646), Tags for identifying languages.",
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327, for messages with human labels.",
    ),
)

NO_LANGUAGE = "no language tag"
UNKNOWN_TAG = "invalid language tag"
UNSUPPORTED = "language unknown to a detector"
FEW_LETTERS = "too few letters"
SEVERAL_SCRIPTS = "several scripts"
NEAR_DECLARED = "close to the declared language"
MOSTLY_NAMES = "mostly names"
ROMANISED = "possibly romanised"
SOURCE_TEXT = "English like code comments"
NOT_AGREED = "detectors disagree"
ASKED_FOR = "language requested by the prompt"
TOOL = "tool result"

SCREEN = 300  # bytes of each text that are read at first: enough to confirm most tags
READ = 900  # bytes of a text that may not match its tag
MAX_SEGMENTS, RUN = 100, 10  # segments of one text that are read, and the length of each run of them
MAX_SPANS = 3
MAX_ANCESTORS, MAX_NEIGHBOURS = 20, 50
MAX_PROMPT = 5000  # characters of a prompt that are read at each end
MAX_DISAGREEMENTS = 20  # reported each way

# Thresholds; docs/languages.md has what each costs and gains.
MIN_WEIGHT = 4  # of the letters of a text that is checked
MIN_OTHER = 8  # letters of a script other than Latin, for a detector
MIN_SCRIPT = 0.5  # of the letters, for a language that its script decides
MIN_KANA = 0.2  # of the letters, in Japanese
MAX_OWN, MIN_TOP = 0.35, 0.6  # shares of letters in the declared language's scripts, and in one other script
MIN_OWN_LETTERS, MIN_OWN = 30, 0.15  # letters or their share in the declared language, for a mixed text
SURE_SECOND = 0.7  # of the second detector, for a close language; the first one's is 1 - max_declared
SURE_SLAVIC, SURE_NAMES = 0.8, 0.8  # product of both probabilities, for text that may be romanised, or mostly names
MANY_CAPITALS, ALL_CAPITALS, LONG = 0.6, 0.8, 400  # shares of capitalised words; letters of a text beyond doubt
MIN_SEGMENT = 8  # letters
MIN_SHARE = 0.3  # of the letters that the segments confirm

_OF_SCRIPT = {script: language for language, script in SCRIPT_DECIDES.items()}

_LETTERS = WEIGHTS * (np.arange(N_SCRIPTS) > 0)  # the weight of a character of each script; 0: no letter

_SEGMENT = re.compile(r"[^\n.!?;:。！？；：…()\[\]\"“”„«»「」『』]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_WRAPPED = re.compile(r"^.{50,85}[^\s.!?:;]\n *[a-z]", re.MULTILINE)


def _is_tag(tag: str) -> bool:
    return bool(base(tag))


@dataclass(frozen=True)
class LangMismatch(Check):
    """Report messages whose text does not match their language tag."""

    name: ClassVar = NAME
    rules: ClassVar = (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE, LABEL_DISAGREES)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "declared": "declared language",
        "detected": "language of the text",
        "first": "probability of that language by the first detector",
        "second": "probability of that language by the second detector",
        "share": "share of letters in that language",
        "context": "neighbouring messages",
        "people": "mean human label: 1 is another language, 0 the declared one",
    }

    first: str = setting("py3langid", "Detector that reads all texts.", choices=tuple(DETECTORS))
    second: str = setting("fasttext", "Detector that must agree before a text is reported.", choices=tuple(DETECTORS))
    lang: str | None = setting(
        None,
        "Language of messages that declare none.",
        accepts=_is_tag,
        expects="a language tag such as en or pt-BR",
        wants=Wants.LANGUAGE,
    )
    min_letters: int = setting(
        20, "Fewest letters of a text in Latin script; letters of some scripts count for more.", at_least=1
    )
    min_short: int = setting(12, "Fewest letters of a text that both detectors are sure of.", at_least=1)
    min_sure: float = setting(0.4, "Smallest product of both detectors' probabilities.", above=0, below=1)
    min_sure_short: float = setting(0.55, "The same for a text with fewer than min_letters letters.", above=0, below=1)
    max_declared: float = setting(
        0.1, "Largest probability left to the declared language and those close to it.", above=0, below=1
    )
    min_close: int = setting(80, "Fewest letters of a text reported as in a close language.", at_least=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.first == self.second:
            raise ValueError(f"second: {self.second!r} is the first detector too; a second opinion needs another one")

    @property
    def holds_gil(self) -> bool:
        return self.first == "langdetect"  # 2 to 5 ms a message

    def load(self) -> None:
        detector(self.first)
        detector(self.second)

    def release(self) -> None:
        release(self.first)
        release(self.second)

    def stages(self) -> Sequence[Stage]:
        return (
            Stage(self.scan),
            Stage(self.count_undeclared, {"undeclared": UNDECLARED}, ALL),
            Stage(self.compare_labels, {"labels": LABELLED}, ALL),
        )

    def scan(self, batch: Batch) -> Result:
        """Compare the texts of whole trees with the languages that they declare."""
        return _Scan(self, batch).result()

    def count_undeclared(self, rows: pa.Table) -> Result:
        """Count the languages of messages that declare none."""
        if not rows.num_rows:
            return Result()
        n = pc.sum(rows["messages"]).as_py()
        messages = "1 message without a language tag was" if n == 1 else f"{n:,} messages without a language tag were"
        return Result(notes=[f"{messages} skipped; --lang sets their language"], tables=[_distribution(rows)])

    def compare_labels(self, rows: pa.Table) -> Result:
        """Compare the findings with the labels that people gave the same messages."""
        if not rows.num_rows:
            return Result()
        people, flagged = _verdicts(rows)
        found = _disagreements(rows)
        if people.all() or not people.any():
            note = f"Agreement with human labels cannot be measured: all of them are alike ({len(people):,} checked)"
            return Result(found, notes=[note])
        counts = Confusion(*(int(n) for n in np.bincount(2 * ~people + ~flagged, minlength=4)))
        return Result(found, tables=[_agreement(people, flagged, np.asarray(rows["score"]))], labelled=counts)


class _Text(NamedTuple):
    """A message that may not match its tag, with the evidence so far."""

    row: int
    declared: str
    letters: float  # counted in letters of Latin script
    is_latin: bool
    detected: str
    first: float  # probability of the detected language and its kin
    second: float
    close: bool = False
    by_script: bool = False  # without a detector


class _Segments(NamedTuple):
    """The parts of a text, and the language of each."""

    parts: "list[_Part]"
    is_other: list[bool]
    share: float  # of the letters that are in the detected language
    is_mixed: bool


class _Claim(NamedTuple):
    rule: Rule
    text: _Text
    segments: _Segments
    context: str = ""

    @property
    def score(self) -> float:
        """Product of both probabilities; nearer to 1 where the neighbouring messages are in the declared language."""
        product = self.text.first * self.text.second
        return 1 - (1 - product) / 2 if self.context == STANDS_OUT else product


STANDS_OUT, LIKE_OTHERS = "in the declared language", "in the same language"  # neighbouring messages

UNDECLARED = pa.schema([("detected", pa.string()), ("messages", pa.int64())])
"""How many messages of a batch declare no language, by the language that the first detector finds."""

LABELLED = pa.schema(
    [
        *PLACES,
        ("declared", pa.string()),
        ("detected", pa.string()),  # empty: not flagged
        ("value", pa.float64()),  # mean of the labels, in [0, 1]
        ("count", pa.int64()),
        ("is_flagged", pa.bool_()),
        ("score", pa.float64()),
    ]
)
"""Checked messages that people labelled, one a row."""


class _Scan:
    """The check of one batch."""

    def __init__(self, check: LangMismatch, batch: Batch) -> None:
        self.check, self.batch = check, batch
        n = len(batch)
        self.declared, self.outcome = self._declared()
        self.is_match = np.zeros(n, dtype=bool)
        self.detected = np.full(n, "", dtype=object)
        self.letters = batch.prose.counts[:, :N_SCRIPTS] * WEIGHTS
        self.total = self.letters.sum(axis=1)

    def result(self) -> Result:
        """Return the findings, the coverage and the rows for later stages."""
        batch = self.batch
        claims = self._in_context(self._voted(self._candidates()))
        return Result(
            _findings(batch, claims),
            cover(batch.checkable, pa.array(self.outcome[~batch.is_context], pa.string())),
            {"undeclared": self._undeclared(), "labels": self._labelled(claims)},
        )

    def _candidates(self) -> list[_Text]:
        by_script, asked = self._by_script()
        return [*by_script, *self._by_detectors(asked)]

    def _voted(self, texts: Sequence[_Text]) -> list[_Claim]:
        """Return the claims that the segments of the texts support."""
        claims = []
        for text, segments in zip(texts, _segments(self.check, self.batch, texts), strict=True):
            if segments.is_mixed:
                if segments.share > 0.5:
                    claims.append(_Claim(MIXED_LANGUAGE, text, segments))
            elif segments.share < MIN_SHARE:
                self.outcome[text.row] = NOT_AGREED
            else:
                claims.append(_Claim(CLOSE_LANGUAGE if text.close else WRONG_LANGUAGE, text, segments))
        return claims

    def _in_context(self, claims: Sequence[_Claim]) -> list[_Claim]:
        """Drop claims in a language that a prompt asked for, and compare the others with their neighbours."""
        batch = self.batch
        context = _Context(batch, (self.check.first, self.check.second), self.declared, self.is_match)
        claimed = {c.text.row: c.text.detected for c in claims if c.rule is not MIXED_LANGUAGE}
        requested: dict[int, str] = {}
        kept = []
        for c in sorted(claims, key=lambda c: batch.depth[c.text.row]):  # a requested language may continue below
            if c.rule is MIXED_LANGUAGE:
                kept.append(c)
                continue
            row, declared, detected = c.text.row, c.text.declared, c.text.detected
            prompt = int(batch.parent[row])
            continues = prompt >= 0 and requested.get(prompt) == detected
            if continues or context.is_requested(prompt, declared, detected, claimed):
                self.outcome[row] = ASKED_FOR
                requested[row] = claimed.pop(row)
                continue
            kept.append(c._replace(context=context.compare(row, detected, claimed)))
        return kept

    def _declared(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """Return the declared language of each row, empty where there is none; and the outcomes so far."""
        tags = self.batch.column("lang").dictionary_encode()
        known = [base(tag) for tag in tags.dictionary.to_pylist()]
        codes = np.array([*(code or "" for code in known), ""], dtype=object)
        at = as_ints(tags.indices, len(known))
        declared, is_unknown = codes[at], np.array([*(code is None for code in known), False])[at]
        if self.check.lang:
            declared[(declared == "") & ~is_unknown & ~self.batch.is_context] = base(self.check.lang)
        outcome = np.full(len(self.batch), CHECKED, dtype=object)
        outcome[declared == ""] = NO_LANGUAGE
        outcome[is_unknown] = UNKNOWN_TAG
        # A tool has its own language; a conversation declares that of the people in it.
        outcome[as_bools(pc.equal(self.batch.column("role"), "tool"))] = TOOL
        return declared, outcome

    # -- scripts -----------------------------------------------------------------------------------------------------

    def _by_script(self) -> tuple[list[_Text], IntArray]:
        """Return the texts that their script gives away, and the rows that need detectors."""
        rows = np.flatnonzero(~self.batch.is_context & (self.outcome == CHECKED))
        declared = pa.array(self.declared[rows], pa.string()).dictionary_encode()
        codes = declared.dictionary.to_pylist()
        # Language by language, in the order of their codes.
        number = np.argsort(np.argsort(codes))[np.asarray(declared.indices)]
        order = np.argsort(number, kind="stable")
        rows, number = rows[order], number[order]
        is_enough = self.total[rows] >= MIN_WEIGHT
        self.outcome[rows[~is_enough]] = FEW_LETTERS
        found, asked = self._of_languages(sorted(codes), number[is_enough], rows[is_enough])
        # Messages without a tag need a detector too, for the count of languages.
        others = ~self.batch.is_context & (self.outcome == NO_LANGUAGE) & (self.total >= self.check.min_letters)
        return found, np.concatenate([asked, np.flatnonzero(others)])

    def _of_languages(self, codes: Sequence[str], number: IntArray, rows: IntArray) -> tuple[list[_Text], IntArray]:
        """As `_by_script`, for rows whose declared language is `codes[number]`."""
        letters, total = self.letters[rows], self.total[rows]
        plain = self.batch.prose.counts[rows, :N_SCRIPTS]
        is_own = np.zeros((len(codes), N_SCRIPTS), dtype=bool)
        for k, code in enumerate(codes):
            is_own[k, list(scripts(code))] = True
        is_own = is_own[number]
        declares_japanese = np.array([code == "ja" for code in codes], dtype=bool)[number]
        is_decisive = np.array([code in SCRIPT_DECIDES for code in codes], dtype=bool)[number]
        # Japanese is written in two scripts, and under other tags both count as Kana.
        is_japanese = letters[:, KANA] > MIN_KANA * (letters[:, KANA] + letters[:, HAN])
        is_japanese &= ~declares_japanese
        for counts in (letters, plain):
            counts[is_japanese, KANA] += counts[is_japanese, HAN]
            counts[is_japanese, HAN] = 0
        own = (letters * is_own).sum(axis=1) / total
        n_own, n_all = (plain * is_own).sum(axis=1), plain.sum(axis=1)
        top = letters.argmax(axis=1)
        # Texts of all scripts contain Latin words: the vote of the segments decides about them.
        has_own = ~is_own[:, LATIN] & (n_own >= 10) & ((n_own >= MIN_OWN_LETTERS) | (n_own >= 0.1 * n_all))
        is_foreign = (letters.max(axis=1) >= MIN_TOP * total) & (own < MAX_OWN) & ~has_own
        decided = is_decisive & (own >= MIN_SCRIPT)
        # Han alone may be Chinese.
        decided &= ~declares_japanese | (plain[:, KANA] > 0) | (plain[:, HAN] < MIN_OTHER)
        self.is_match[rows[decided]] = True
        self.outcome[rows[~decided & ~is_foreign & (own < MIN_SCRIPT)]] = SEVERAL_SCRIPTS
        is_claimed = is_foreign & np.isin(top, list(_OF_SCRIPT))
        found = [
            _Text(
                *(int(rows[k]), codes[number[k]], float(total[k]), False, _OF_SCRIPT[int(top[k])], 1.0, 1.0),
                by_script=True,
            )
            for k in np.flatnonzero(is_claimed).tolist()
        ]
        asked = ~decided & ~is_claimed & (self.outcome[rows] == CHECKED)
        is_few = asked & (total < np.where(top == LATIN, self.check.min_short, MIN_OTHER))
        self.outcome[rows[is_few]] = FEW_LETTERS
        return found, rows[asked & ~is_few]

    # -- detectors ---------------------------------------------------------------------------------------------------

    def _by_detectors(self, rows: IntArray) -> list[_Text]:
        """Return the texts in which both detectors find another language."""
        if not rows.size:
            return []
        first, second = detector(self.check.first), detector(self.check.second)
        known = pa.array(sorted(first.languages & second.languages | {""}))
        is_known = as_bools(pc.is_in(pa.array(self.declared[rows], pa.string()), value_set=known))
        self.outcome[rows[~is_known]] = UNSUPPORTED
        rows = rows[is_known]
        guesses = first.detect(self._excerpts(rows, SCREEN))
        declared = self.declared[rows]
        self.detected[rows] = guesses.codes[:, 0]
        self.detected[rows[guesses.probabilities[:, 0] < 0.5]] = ""
        is_match = guesses.codes[:, 0] == declared
        self.is_match[rows[is_match]] = True
        rows = rows[~is_match & (declared != "")]
        guesses = first.detect(self._excerpts(rows, READ))
        texts = self._doubted(rows, guesses)
        opinions = second.detect(self._excerpts(np.array([t.row for t in texts], dtype=np.int64), READ))
        return [text for k, t in enumerate(texts) if (text := self._agreed(t, opinions.part(k, k + 1))) is not None]

    def _excerpts(self, rows: IntArray, limit: int) -> pa.Array:
        return pc.utf8_lower(excerpts(self.batch.prose, rows, limit))

    def _doubted(self, rows: IntArray, guesses: Guesses) -> list[_Text]:
        """Return the texts in which the first detector finds another language, or clearly a close one."""
        found = []
        for k, (row, best, p) in enumerate(
            zip(rows.tolist(), guesses.codes[:, 0].tolist(), guesses.probabilities[:, 0].tolist(), strict=True)
        ):
            declared, letters = self.declared[row], float(self.total[row])
            if best == declared:
                self.is_match[row] = True
                continue
            is_latin = int(self.letters[row].argmax()) == LATIN
            if best == "":
                self.outcome[row] = FEW_LETTERS
            elif guesses.mass(k, self._own_kin(row, declared)) > self.check.max_declared:
                sure = p >= 1 - self.check.max_declared and letters >= self.check.min_close
                if sure and best in kin(declared) and not are_one(best, declared):
                    found.append(_Text(row, declared, letters, is_latin, best, round(p, 3), 0, close=True))
                else:
                    self.outcome[row] = NEAR_DECLARED
            else:
                found.append(_Text(row, declared, letters, is_latin, best, round(guesses.mass(k, kin(best)), 3), 0))
        return found

    def _agreed(self, text: _Text, opinion: Guesses) -> _Text | None:
        """Return the text with the second opinion if that agrees; None where something speaks against a claim."""
        best = str(opinion.codes[0, 0])
        if text.close:
            text = text._replace(second=round(float(opinion.probabilities[0, 0]), 3) if best == text.detected else 0)
            if text.second < SURE_SECOND:
                self.outcome[text.row] = NEAR_DECLARED
                return None
            return text
        text = text._replace(second=round(opinion.mass(0, kin(text.detected)), 3))
        reason = self._doubt(text, best)
        if reason:
            self.outcome[text.row] = reason
            return None
        return text

    def _doubt(self, text: _Text, second_best: str) -> str:
        """Return the reason against a claim that a text is in another language; empty: there is none."""
        sure = text.first * text.second
        prose_ = _prose_of(self.batch, text.row)
        words = _WORD.findall(prose_)
        capitalised = sum(word[0].isupper() for word in words) / max(1, len(words))
        is_shouted = 2 * sum(word.isupper() for word in words) > len(words)
        has_names = capitalised > ALL_CAPITALS or (capitalised > MANY_CAPITALS and sure < SURE_NAMES)
        if text.is_latin and has_names and not is_shouted and text.letters < LONG:
            return MOSTLY_NAMES
        if text.is_latin and text.letters < self.check.min_letters and sure < self.check.min_sure_short:
            return FEW_LETTERS
        romanised = SURE_SLAVIC if are_slavic(text.declared, text.detected) else self.check.min_sure
        if text.is_latin and LATIN not in scripts(text.declared) and sure < romanised:
            return ROMANISED
        if sure < self.check.min_sure:
            return NOT_AGREED
        if text.detected == "en" and _is_wrapped(prose_):
            return SOURCE_TEXT
        own = self._own_kin(text.row, text.declared)
        return "" if second_best in kin(text.detected) and second_best not in own else NOT_AGREED

    def _own_kin(self, row: int, code: str) -> frozenset[str]:
        """Return the declared language and its kin; without kin, where the text is in a script that it does not use."""
        return kin(code) if int(self.letters[row].argmax()) in scripts(code) else frozenset((code,))

    # -- for later stages --------------------------------------------------------------------------------------------

    def _undeclared(self) -> pa.Table:
        """Return UNDECLARED of this batch."""
        rows = np.flatnonzero((self.outcome == NO_LANGUAGE) & ~self.batch.is_context)
        codes, counts = np.unique(self.detected[rows].astype(str), return_counts=True)
        return pa.table([pa.array(codes, pa.string()), pa.array(counts, pa.int64())], schema=UNDECLARED)

    def _labelled(self, claims: Sequence[_Claim]) -> pa.Table:
        """Return LABELLED of this batch."""
        batch = self.batch
        values, counts = labels(batch.column("labels"), NAME)
        rows = np.flatnonzero(~np.isnan(values) & (self.outcome == CHECKED) & ~batch.is_context)
        if not rows.size:
            return LABELLED.empty_table()
        flagged = {c.text.row: c for c in claims if c.rule is not MIXED_LANGUAGE}
        own = [flagged.get(row) for row in rows.tolist()]
        places = batch.places.take(pa.array(rows))
        columns = [
            *(places[name] for name in PLACES.names),
            pa.array(self.declared[rows], pa.string()),
            pa.array([c.text.detected if c else "" for c in own], pa.string()),
            pa.array(values[rows]),
            pa.array(counts[rows]),
            pa.array([c is not None for c in own]),
            pa.array([c.score if c else 0.0 for c in own]),
        ]
        return pa.table(columns, names=LABELLED.names).cast(LABELLED)


# -- context ---------------------------------------------------------------------------------------------------------


class _Context:
    """The messages around a text: whether they asked for its language, and which one they are in."""

    def __init__(
        self,
        batch: Batch,
        detectors: tuple[str, str],
        declared: npt.NDArray[np.object_],
        is_match: BoolArray,
    ) -> None:
        self._batch, self._detectors, self._declared, self._is_match = batch, detectors, declared, is_match
        self._requested: dict[tuple[int, str, str], bool] = {}

    def compare(self, row: int, detected: str, claimed: Mapping[int, str]) -> str:
        """Return LIKE_OTHERS, STANDS_OUT, or nothing where the neighbours say neither."""
        prompt, near = int(self._batch.parent[row]), self._neighbours(row)
        if prompt >= 0 and self._shares(prompt, detected, claimed):
            return LIKE_OTHERS
        if any(self._shares(other, detected, claimed) for other in near):
            return LIKE_OTHERS
        return STANDS_OUT if any(self._is_match[other] for other in near) else ""

    def is_requested(self, prompt: int, declared: str, detected: str, claimed: Mapping[int, str]) -> bool:
        """Whether a prompt in another language, or a message above it, asks for the detected language."""
        if prompt < 0 or self._shares(prompt, detected, claimed):
            return False
        key = prompt, declared, detected
        if key not in self._requested:  # many replies may share a prompt
            self._requested[key] = self._names(*key) or self._contains(*key)
        return self._requested[key]

    def _shares(self, row: int, detected: str, claimed: Mapping[int, str]) -> bool:
        """Whether a message is in this language, or declares it."""
        return claimed.get(row) == detected or self._declared[row] in kin(detected)

    def _neighbours(self, row: int) -> list[int]:
        """Return a message's prompt, siblings and replies."""
        batch = self._batch
        prompt = int(batch.parent[row])
        others = [prompt, *batch.replies(prompt)] if prompt >= 0 else []
        return [other for other in [*others, *batch.replies(row)][:MAX_NEIGHBOURS] if other != row]

    def _names(self, prompt: int, declared: str, detected: str) -> bool:
        """Whether a prompt, or a message above it, names the detected language."""
        row = prompt
        for _ in range(MAX_ANCESTORS):
            if row < 0:
                break
            text = _ends(self._batch.column("text")[row].as_py() or "")
            if asks_for(text, detected, (declared, "en"), translation=row == prompt):
                return True
            row = int(self._batch.parent[row])
        return False

    def _contains(self, row: int, declared: str, detected: str) -> bool:
        """Whether a message in the declared language contains some text in the detected one."""
        prompt = _ends(_prose_of(self._batch, row))
        parts = [part for part in _parts(prompt, scripts(detected)) if part.letters >= MIN_WEIGHT]
        if not set(scripts(declared)) & set(scripts(detected)):
            is_other = [part.own > 0.5 for part in parts]
            return any(is_other) and not all(is_other)
        parts = [part for part in parts if part.letters >= MIN_SEGMENT]
        if not parts:
            return False
        pieces = _lower(parts)
        guesses = [detector(name).detect(pieces) for name in self._detectors]
        other, own = (
            [max(some.mass(k, languages) for some in guesses) >= 0.5 for k in range(len(parts))]
            for languages in (kin(detected) - {declared}, kin(declared) - {detected})
        )
        # A request comes before or after a quotation; a prompt that is wholly in the other language has a wrong tag.
        return any(other) and (own[0] or own[-1])


# -- segments --------------------------------------------------------------------------------------------------------


def _segments(check: LangMismatch, batch: Batch, texts: Sequence[_Text]) -> list[_Segments]:
    """Return which parts of each text are in the detected language, and whether it is mixed with the declared one."""
    parts = [_parts(_prose_of(batch, text.row), scripts(text.declared)) for text in texts]
    pieces = [part for some in parts for part in some]
    if not pieces:
        return []
    guesses = detector(check.first).detect(_lower(pieces))
    found, at = [], 0
    for text, some in zip(texts, parts, strict=True):
        found.append(_vote(text, some, guesses.part(at, at + len(some)), check.second))
        at += len(some)
    return found


def _vote(text: _Text, parts: list["_Part"], guesses: Guesses, second: str) -> _Segments:
    own_kin = kin(text.declared) - {text.detected}
    other_kin = kin(text.detected) - {text.declared}
    apart = not set(scripts(text.declared)) & set(scripts(text.detected))
    is_latin = LATIN in scripts(text.declared)
    own, other = [], []
    for part, best, p in zip(parts, guesses.codes[:, 0].tolist(), guesses.probabilities[:, 0].tolist(), strict=True):
        is_long = part.letters >= MIN_SEGMENT
        by_script = apart and part.own > 0.5
        is_own = is_long and ((by_script and not is_latin) or (best in own_kin and p >= 0.5))
        own.append(is_own)
        other.append(not is_own and (best in other_kin or not is_long or (apart and part.own < 0.5)))
    letters = np.array([part.letters for part in parts])
    total, n_own = letters.sum(), letters[own].sum()
    is_mixed = len(parts) > 1 and bool(n_own >= MIN_OWN * total)
    if len(parts) > 1 and n_own >= MIN_OWN_LETTERS and not is_mixed:
        pieces = [part for part, is_own in zip(parts, own, strict=True) if is_own]
        opinions = detector(second).detect(_lower(pieces))
        confirmed = np.isin(opinions.codes[:, 0], list(own_kin))
        is_mixed = bool(letters[own][confirmed].sum() >= MIN_OWN_LETTERS)
    return _Segments(parts, other, float(letters[other].sum() / total), is_mixed)


def _prose_of(batch: Batch, row: int) -> str:
    data, offsets, _ = batch.prose
    return data[offsets[row] : offsets[row + 1]].tobytes().decode()


class _Part(NamedTuple):
    """A segment of a text's prose."""

    number: int  # among all segments of the text, from 0
    text: str
    start: int  # code points of the prose
    end: int
    letters: float  # in letters of the Latin script
    own: float  # share of them that are in some scripts


@cache
def _members(some: tuple[int, ...]) -> BoolArray:
    """Mark the scripts that are among these."""
    return np.isin(np.arange(N_SCRIPTS), some)


def _parts(prose_: str, own_scripts: tuple[int, ...]) -> list[_Part]:
    """Return the segments of a text's prose that have a letter.

    It is split at line ends, sentence marks, quotation marks, brackets, and where letters of these scripts meet others.
    """
    codes = np.frombuffer(prose_.encode("utf-32-le"), dtype=np.uint32)
    found = script_table()[np.minimum(codes, 0xFFFF)]
    found[(codes >= 0x20000) & (codes < 0x40000)] = HAN
    is_own = _members(own_scripts)[found]
    weights = _LETTERS[found]
    all_letters = np.append(0, np.cumsum(weights))
    own_letters = np.append(0, np.cumsum(np.where(is_own, weights, 0)))
    at = np.flatnonzero(found)
    cuts = at[1:][is_own[at[1:]] != is_own[at[:-1]]].tolist()
    parts: list[_Part] = []
    for match in _SEGMENT.finditer(prose_):
        # NumPy would release the GIL at each of 38,000 searches: 0.3 s with two workers, where bisect takes 0.2 s.
        inside = cuts[bisect_right(cuts, match.start()) : bisect_left(cuts, match.end())]
        for first, last in pairwise([match.start(), *inside, match.end()]):
            part = prose_[first:last].strip(" \t\r,-–—*•")
            start = prose_.find(part, first)
            end = start + len(part)
            letters = float(all_letters[end] - all_letters[start])
            if letters:
                own = float(own_letters[end] - own_letters[start]) / letters
                parts.append(_Part(len(parts), part, start, end, letters, own))
    if len(parts) <= MAX_SEGMENTS:
        return parts
    # Of very many segments, runs that are evenly spread.
    starts = [k * (len(parts) - RUN) // (MAX_SEGMENTS // RUN - 1) for k in range(MAX_SEGMENTS // RUN)]
    return [part for start in starts for part in parts[start : start + RUN]]


def _ends(prompt: str) -> str:
    """Return a prompt, or the two ends of a very long one, where requests are made."""
    return prompt if len(prompt) <= 2 * MAX_PROMPT else f"{prompt[:MAX_PROMPT]}\n{prompt[-MAX_PROMPT:]}"


def _is_wrapped(prose_: str) -> bool:
    """Whether lines are broken within sentences, as in code comments and not in chat."""
    n_lines = sum(not line.isspace() for line in prose_.splitlines())
    return len(_WRAPPED.findall(prose_)) >= max(1, 0.4 * (n_lines - 1))


def _lower(parts: Sequence[_Part]) -> pa.Array:
    return pa.array([" ".join(part.text.split()).lower()[:READ] for part in parts], pa.string())


# -- claims ----------------------------------------------------------------------------------------------------------


def _findings(batch: Batch, claims: Sequence[_Claim]) -> pa.Table:
    """Return FINDINGS of these claims."""
    tables = [FINDINGS.empty_table()]
    for rule in (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE):
        some = [c for c in claims if c.rule is rule]
        if not some:
            continue
        rows = np.array([c.text.row for c in some], dtype=np.int64)
        spans = np.full((len(some), MAX_SPANS, 3), -1, dtype=np.int64)  # row, start, end
        for k, c in enumerate(some):
            for j, (start, end) in enumerate(_evidence(batch, c)):
                spans[k, j] = c.text.row, start, end
        tables.append(
            claim(
                batch.places,
                rule,
                rows,
                [_summary(c) for c in some],
                spans=[Spans(*(np.ascontiguousarray(column) for column in spans[:, j].T)) for j in range(MAX_SPANS)],
                score=np.array([c.score for c in some]),
                facets=[_facets(c) for c in some],
                about=[c.text.detected for c in some],
            )
        )
    return pa.concat_tables(tables)


def _evidence(batch: Batch, c: _Claim) -> list[tuple[int, int]]:
    """Return the longest runs of segments in the detected language, as code points of the text."""
    runs: list[tuple[int, int]] = []
    before = -2  # number of the segment before, if that was in the detected language
    for part, is_other in zip(c.segments.parts, c.segments.is_other, strict=True):
        if is_other and part.number == before + 1:
            runs[-1] = runs[-1][0], part.end
        elif is_other:
            runs.append((part.start, part.end))
        before = part.number if is_other else -2
    longest = sorted(runs, key=lambda run: run[0] - run[1])[:MAX_SPANS]
    # Prose has a space for each byte that was removed, so its places are those of bytes.
    prose_ = _prose_of(batch, c.text.row)
    text = batch.column("text")[c.text.row].as_py().encode()
    return [tuple(len(text[: len(prose_[:edge].encode())].decode()) for edge in run) for run in longest]  # type: ignore[misc]


def _summary(c: _Claim) -> str:
    detected, declared = english_name(c.text.detected), english_name(c.text.declared)
    share = in_percent(c.segments.share, 0)
    text = "the text" if share == "100 %" else f"{share} of the text"
    if c.rule is MIXED_LANGUAGE:
        return f"Tagged {declared}, but {share} of the text is {detected}; some of it is {declared}"
    first, second = in_percent(c.text.first, 0), in_percent(c.text.second, 0)
    sure = "by its script" if c.text.by_script else f"detectors: {first}, {second}"
    if c.rule is CLOSE_LANGUAGE:
        return f"Tagged {declared}, but {text} is {detected}, a close language ({sure})"
    return f"Tagged {declared}, but {text} is {detected} ({sure})"


def _facets(c: _Claim) -> dict[str, str]:
    facets = {
        "declared": c.text.declared,
        "detected": c.text.detected,
        "first": f"{c.text.first:.2f}",
        "second": f"{c.text.second:.2f}",
        "share": f"{c.segments.share:.2f}",
    }
    return facets | ({"context": c.context} if c.context else {})


# -- all messages ----------------------------------------------------------------------------------------------------


def _distribution(rows: pa.Table) -> Table:
    counts = rows.group_by("detected", use_threads=False).aggregate([("messages", "sum")]).to_pylist()
    n = sum(row["messages_sum"] for row in counts)
    lines = []
    for row in sorted(counts, key=lambda row: (-row["messages_sum"], row["detected"])):
        low, high = wilson(row["messages_sum"], n)
        share = f"{in_percent(row['messages_sum'] / n)} ({100 * low:.1f}-{100 * high:.1f})"
        lines.append((row["detected"] or "unknown", row["messages_sum"], share))
    about = "What the first detector finds in messages without a language tag; shares with their 95 % CI."
    return Table("Languages of messages without a tag", about, ("language", "messages", "share"), tuple(lines))


def _verdicts(rows: pa.Table) -> tuple[BoolArray, BoolArray]:
    """Return which messages are in another language by their labels, and which by this check."""
    return np.asarray(rows["value"]) >= 0.5, np.asarray(rows["is_flagged"].cast(pa.int8())) > 0


def _agreement(people: BoolArray, flagged: BoolArray, scores: npt.NDArray[np.float64]) -> Table:
    about = (
        f"{len(people):,} checked messages have human language labels. In another language than the declared one are "
        f"{people.sum():,} by their labels (a mean of 0.5 or more), {flagged.sum():,} by this check, "
        f"{(people & flagged).sum():,} by both."
    )
    lines = [(m.name, f"{m.value:.3f}", f"{m.low:.3f}-{m.high:.3f}") for m in agreement(people, flagged, scores)]
    return Table("Agreement with human labels", about, ("measure", "value", "95 % CI"), tuple(lines))


def _disagreements(rows: pa.Table) -> pa.Table:
    """Report the labels that differ most from what the check found."""
    people = pc.greater_equal(rows["value"], 0.5)
    strength = pc.if_else(rows["is_flagged"], pc.subtract(rows["score"], rows["value"]), rows["value"])
    rows = rows.append_column("strength", strength).filter(pc.not_equal(people, rows["is_flagged"]))
    order = [("strength", "descending"), ("count", "descending"), ("source", "ascending"), ("line", "ascending")]
    rows = rows.sort_by([*order, ("message_id", "ascending")])
    found = [FINDINGS.empty_table()]
    for is_flagged in (True, False):
        some = rows.filter(pc.equal(rows["is_flagged"], is_flagged)).slice(0, MAX_DISAGREEMENTS)
        if some.num_rows:
            columns = zip(*(some[name].to_pylist() for name in ("value", "count", "declared", "detected")), strict=True)
            found.append(
                claim(
                    some.select(PLACES.names),
                    LABEL_DISAGREES,
                    np.arange(some.num_rows),
                    [_disagreement(*row) for row in columns],
                    score=np.clip(np.asarray(some["strength"]), 0, 1),
                    facets=[
                        {"declared": d, "people": f"{v:.2f}"}
                        for v, d in zip(some["value"].to_pylist(), some["declared"].to_pylist(), strict=True)
                    ],
                )
            )
    return pa.concat_tables(found)


def _disagreement(value: float, count: int, declared: str, detected: str) -> str:
    """Summarise labels that differ from the check; `detected` is empty where it agrees with the tag."""
    own, say = english_name(declared), "label says" if count == 1 else "labels say"
    if detected:
        share = in_percent(1 - value, 0)
        return f"{share} of {count:,} {say} that it is {own}, but the detectors found {english_name(detected)}"
    return f"{in_percent(value, 0)} of {count:,} {say} that it is not {own}, but the detectors agree with the tag"
