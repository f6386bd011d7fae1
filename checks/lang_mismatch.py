"""Messages in another language than the one they declare, and no others.

The obvious way, one detector held against the tag, is wrong ten times for each time it is right: on code, names,
quotes, short texts, and languages that it does not know. Here a claim has to pass one hurdle after another, the cheap
ones first, and what falls at one is counted as not judged, with the reason (docs/languages.md has what each is worth):

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
from .base.findings import ERROR, FINDINGS, NOTE, WARNING, Rule, Spans, claim, cover
from .base.intervals import Confusion, wilson
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
from .base.text import excerpts

NAME = "lang_mismatch"

WRONG_LANGUAGE = Rule(
    f"{NAME}/wrong_language",
    "The text is in another language than it declares",
    ERROR,
    "Set the tag right, or move the message to the data of its language; in a tree, look at its neighbours too.",
)
CLOSE_LANGUAGE = Rule(
    f"{NAME}/close_language",
    "The text is in a language close to the one it declares",
    WARNING,
    "Let somebody who knows both languages look: a tag such as pt for a text in gl is an easy slip.",
)
MIXED_LANGUAGE = Rule(
    f"{NAME}/mixed_language",
    "More of the text is in another language than in the one it declares",
    NOTE,
    "Nothing is wrong with a translation or a quotation. Where such texts are frequent, say so on the data set's card.",
)
LABEL_DISAGREES = Rule(
    f"{NAME}/label_disagrees",
    "People labelled the language otherwise than the detectors find it",
    NOTE,
    "Read the text: either the label is an error, or the check is. Both are worth knowing.",
)

METHOD = Method(
    sure="Of 388 wrong tags among 19,727 texts it finds 356, and flags no right one.",
    how=(
        "Code, tables, addresses and formulas are taken out, and letters are counted by script. Some languages are "
        "told by their script alone.",
        "A first detector reads each text. Where it leaves a fair chance to the declared language or its kin, nothing "
        "is claimed, except that the language is a close one.",
        "A second detector must name the same language, or one close to it. More is asked of short texts, of what is "
        "mostly names, and of what may be romanised.",
        "The text is cut into segments, and each is read for itself. Where some are in the declared language, the text "
        "is mixed, and a note at most.",
        "A reply is right where a message above it asked for that language. What cannot be known is counted as not "
        "judged, with the reason.",
    ),
    blind=(
        "Short texts in Latin letters are mostly not judged.",
        "It does not see dialects, languages that neither detector knows, and text of one language in the letters of "
        "another.",
        "Between close languages it misses whatever is short, or not plain to both detectors.",
        "A paragraph in another language within a text of its own language is not told.",
        "A reply in another language below any prompt that mentions that language, its people or country counts as "
        "asked for.",
        "English written like the comments of source code, under another tag, is left. So are the results of tools.",
    ),
    measured=(
        "19,727 texts with 388 wrong tags and 2,500 hard negatives, py3langid and then fasttext: precision 1.000, "
        "recall 0.918. Of 300 tags of a close language 134 are found.",
        "12,478 texts in 35 languages: 4 flagged under their own tag. Under an unrelated one 1,426 of 2,640 are found "
        "below 20 characters, 2,564 of 2,925 up to 50, 3,452 of 3,547 up to 150, and 3,332 of 3,366 beyond.",
        "2,232 messages of OASST, of which people labelled 24 as of another language: 17 flagged, all of them among "
        "the 24.",
        "40,000 messages of OASST1's English training split: 258 flagged. One is lorem ipsum, two have a few English "
        "words before another language, all others are in another language.",
        "241 replies in a language that their prompt asked for: 4 flagged. 240 in a language that nobody asked for: "
        "231 flagged.",
        "Releases of 20,000 messages, seeds 1 to 3: 79, 80 and 80 of 80 planted wrong tags found, and in none of them "
        "any of 80 quiet cases flagged.",
    ),
    sources=(
        "Lui and Baldwin (2012), langid.py: an off-the-shelf language identification tool; the model is that of "
        "py3langid 0.4.",
        "Joulin et al. (2017), Bag of tricks for efficient text classification; the model is fastText's lid.176, CC "
        "BY-SA 3.0.",
        "BCP 47 (RFC 5646), Tags for identifying languages.",
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327, for messages with people's labels.",
    ),
)

NO_LANGUAGE = "no language is declared"
UNKNOWN_TAG = "the declared language is no language tag"
UNSUPPORTED = "a detector does not know the declared language"
FEW_LETTERS = "too few letters"
SEVERAL_SCRIPTS = "letters of several scripts"
NEAR_DECLARED = "the declared language, or one close to it, is likely enough"
MOSTLY_NAMES = "mostly names"
ROMANISED = "may be the declared language in Latin letters"
SOURCE_TEXT = "English as in comments of source code"
NOT_AGREED = "the detectors do not agree"
ASKED_FOR = "the prompt asked for that language"
TOOL = "a tool's result"

SCREEN = 300  # bytes of each text that are read at first: whether it is in its language is known by then
READ = 900  # bytes of one that may not be
MAX_SEGMENTS, RUN = 100, 10  # of one text that are read, and of them so many in a row
MAX_SPANS = 3
MAX_ANCESTORS, MAX_NEIGHBOURS = 20, 50
MAX_PROMPT = 5000  # characters that are read at each end
MAX_TOLD = 20  # disagreements that are told, each way

# Thresholds; docs/languages.md has what they cost and gain.
MIN_WEIGHT = 4  # of letters, for anything to be said
MIN_OTHER = 8  # letters of a script other than Latin, for a detector
MIN_SCRIPT = 0.5  # of the letters, for a language that its script decides
MIN_KANA = 0.2  # of the letters, in Japanese
MAX_OWN, MIN_TOP = 0.35, 0.6  # of the letters in the declared language's scripts, and in one other script
MIN_OWN_LETTERS, MIN_OWN = 30, 0.15  # in the declared language, or such a share of them: the text is mixed
SURE_SECOND = 0.7  # of the second detector, for a close language; the first one's is 1 - max_declared
SURE_SLAVIC, SURE_NAMES = 0.8, 0.8  # both probabilities, multiplied, of what may be romanised, or mostly names
MANY_CAPITALS, ALL_CAPITALS, LONG = 0.6, 0.8, 400  # words with capitals; letters from which they do not matter
MIN_SEGMENT = 8  # letters
MIN_SHARE = 0.3  # of the letters that the segments confirm

_OF_SCRIPT = {script: language for language, script in SCRIPT_DECIDES.items()}

_LETTERS = WEIGHTS * (np.arange(N_SCRIPTS) > 0)  # what a character of each script is worth; 0: no letter

_SEGMENT = re.compile(r"[^\n.!?;:。！？；：…()\[\]\"“”„«»「」『』]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_WRAPPED = re.compile(r"^.{50,85}[^\s.!?:;]\n *[a-z]", re.MULTILINE)


@dataclass(frozen=True)
class LangMismatch(Check):
    """Flag messages that are in another language than the one they declare."""

    name: ClassVar = NAME
    rules: ClassVar = (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE, LABEL_DISAGREES)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "declared": "language that the message declares",
        "detected": "language that the text is in",
        "first": "probability of that language, by the first detector",
        "second": "probability of that language, by the second detector",
        "share": "share of the letters that are in that language",
        "context": "whether messages around it are in that language",
        "people": "mean of people's labels: 1 says another language, 0 the declared one",
    }

    first: str = "py3langid"  # the detector that reads all texts
    second: str = "fasttext"  # the one that must agree before anything is claimed
    lang: str | None = None  # the language of messages that declare none
    min_letters: int = 20  # of Latin script; others count for more
    min_short: int = 12  # letters of a text that is judged where both detectors are sure
    min_sure: float = 0.4  # both probabilities, multiplied
    min_sure_short: float = 0.55  # the same for such a short text
    max_declared: float = 0.1  # probability left to the declared language and those close to it
    min_close: int = 80  # letters, before one language is told from one close to it

    def __post_init__(self) -> None:
        for setting in ("first", "second"):
            if getattr(self, setting) not in DETECTORS:
                raise ValueError(
                    f"{setting}: {getattr(self, setting)!r} is no detector; there are {', '.join(DETECTORS)}"
                )
        if self.first == self.second:
            raise ValueError(f"second: {self.second!r} is the first detector too; a second opinion needs another one")
        if self.lang is not None and not base(self.lang):
            raise ValueError(f"lang: {self.lang!r} is no language tag; expected one such as en or pt-BR (BCP 47)")
        for setting in ("min_letters", "min_short", "min_close"):
            if getattr(self, setting) < 1:
                raise ValueError(f"{setting}: {getattr(self, setting)} is below 1")
        for setting in ("min_sure", "min_sure_short", "max_declared"):
            if not 0 < getattr(self, setting) < 1:
                raise ValueError(f"{setting}: {getattr(self, setting)} is not in (0, 1)")

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
        return Stage(self.scan), Stage(self.add_up, by=ALL)

    def scan(self, batch: Batch) -> Result:
        """Hold the texts of whole trees against the languages that they declare."""
        return _Scan(self, batch).result()

    def add_up(self, rows: pa.Table) -> Result:
        """The languages of what declares none, and the agreement with people's labels."""
        undeclared = rows.filter(pc.is_null(rows["value"]))
        # Rows are as many as messages with labels: of most of them, no more is held than numbers.
        labelled = rows.select(["value", "is_flagged", "score"]).filter(pc.is_valid(rows["value"]))
        tables, notes = [], []
        if undeclared.num_rows:
            tables.append(_distribution(undeclared))
            n = pc.sum(undeclared["messages"]).as_py()
            notes.append(f"{n:,} messages declare no language; --lang judges them against one")
        if not labelled.num_rows:
            return Result(tables=tables, notes=notes)
        measured, failure = _agreement(labelled)
        people, flagged = _said(labelled)
        counts = Confusion(*(int(n) for n in np.bincount(2 * ~people + ~flagged, minlength=4)))
        found = _disagreements(rows)
        return Result(found, tables=[*tables, *measured], notes=[*notes, *failure], labelled=counts)


class _Text(NamedTuple):
    """A message that may be a mismatch, and what is known of it."""

    row: int
    declared: str
    letters: float  # in letters of the Latin script
    is_latin: bool
    detected: str
    first: float  # probability of the detected language and its kin
    second: float
    close: bool = False
    by_script: bool = False  # no detector was asked


class _Segments(NamedTuple):
    """The parts of a text, and which of them are in which language."""

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
        """Both probabilities, multiplied; nearer to 1 where the text stands out from those around it."""
        product = self.text.first * self.text.second
        return 1 - (1 - product) / 2 if self.context == STANDS_OUT else product


STANDS_OUT, LIKE_OTHERS = "unlike its neighbours", "like its neighbours"

ROWS = pa.schema(
    [
        *((name, PLACES.field(name).type) for name in PLACES.names),
        ("declared", pa.string()),
        ("detected", pa.string()),
        ("messages", pa.int64()),
        # Of messages that people labelled, one a row; null for the rest.
        ("value", pa.float64()),  # mean of the labels, in [0, 1]
        ("count", pa.int64()),
        ("is_flagged", pa.bool_()),
        ("score", pa.float64()),
    ]
)


class _Scan:
    """One batch under way."""

    def __init__(self, check: LangMismatch, batch: Batch) -> None:
        self.check, self.batch = check, batch
        n = len(batch)
        self.declared, self.outcome = self._declared()
        self.is_match = np.zeros(n, dtype=bool)
        self.detected = np.full(n, "", dtype=object)
        self.letters = batch.prose.counts[:, :N_SCRIPTS] * WEIGHTS
        self.total = self.letters.sum(axis=1)
        self.claims: list[_Claim] = []
        self._asked: dict[tuple[int, str, str], bool] = {}

    def result(self) -> Result:
        by_script, asked = self._by_script()
        texts = [*by_script, *self._by_detectors(asked)]
        for text, segments in zip(texts, self._segments(texts), strict=True):
            if segments.is_mixed:
                if segments.share > 0.5:
                    self.claims.append(_Claim(MIXED_LANGUAGE, text, segments))
                continue
            if segments.share < MIN_SHARE:
                self.outcome[text.row] = NOT_AGREED
                continue
            rule = CLOSE_LANGUAGE if text.close else WRONG_LANGUAGE
            self.claims.append(_Claim(rule, text, segments))
        self._hear_context()
        batch = self.batch
        rows = np.flatnonzero(~batch.is_context)
        return Result(
            self._told(),
            cover(batch.judged, pa.array(self.outcome[rows], pa.string())),
            self._rows(),
        )

    def _declared(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """The declared language of each row, empty where there is none; and the outcomes so far."""
        tags = self.batch.column("lang").dictionary_encode()
        known = [base(tag) for tag in tags.dictionary.to_pylist()]
        codes = np.array([*(code or "" for code in known), ""], dtype=object)
        at = as_ints(tags.indices, len(known))
        declared, is_unknown = codes[at], np.array([*(code is None for code in known), False])[at]
        if self.check.lang:
            declared[(declared == "") & ~is_unknown & ~self.batch.is_context] = base(self.check.lang)
        outcome = np.full(len(self.batch), "judged", dtype=object)
        outcome[declared == ""] = NO_LANGUAGE
        outcome[is_unknown] = UNKNOWN_TAG
        # What a tool gives back is in the tool's language; a conversation declares that of those who talk.
        outcome[as_bools(pc.equal(self.batch.column("role"), "tool"))] = TOOL
        return declared, outcome

    # -- scripts -----------------------------------------------------------------------------------------------------

    def _by_script(self) -> tuple[list[_Text], IntArray]:
        """The texts that their script gives away, and the rows that detectors are asked about."""
        is_judged = ~self.batch.is_context & (self.outcome == "judged")
        rows = np.flatnonzero(is_judged)
        declared = pa.array(self.declared[rows], pa.string()).dictionary_encode()
        codes = declared.dictionary.to_pylist()
        # Language by language, in the order of their codes.
        number = np.argsort(np.argsort(codes))[np.asarray(declared.indices)]
        order = np.argsort(number, kind="stable")
        rows, number = rows[order], number[order]
        is_enough = self.total[rows] >= MIN_WEIGHT
        self.outcome[rows[~is_enough]] = FEW_LETTERS
        found, asked = self._of_languages(sorted(codes), number[is_enough], rows[is_enough])
        # What declares no language is asked about for the count of languages.
        others = ~self.batch.is_context & (self.outcome == NO_LANGUAGE) & (self.total >= self.check.min_letters)
        return found, np.concatenate([asked, np.flatnonzero(others)])

    def _of_languages(self, codes: Sequence[str], number: IntArray, rows: IntArray) -> tuple[list[_Text], IntArray]:
        """The same of rows of which each declares the language of this number."""
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
        # Latin words stand in texts of all scripts: whose they are is left to the vote of the segments.
        has_own = ~is_own[:, LATIN] & (n_own >= 10) & ((n_own >= MIN_OWN_LETTERS) | (n_own >= 0.1 * n_all))
        is_foreign = (letters.max(axis=1) >= MIN_TOP * total) & (own < MAX_OWN) & ~has_own
        decided = is_decisive & (own >= MIN_SCRIPT)
        # Han alone may be Chinese.
        decided &= ~declares_japanese | (plain[:, KANA] > 0) | (plain[:, HAN] < MIN_OTHER)
        self.is_match[rows[decided]] = True
        self.outcome[rows[~decided & ~is_foreign & (own < MIN_SCRIPT)]] = SEVERAL_SCRIPTS
        is_told = is_foreign & np.isin(top, list(_OF_SCRIPT))
        found = [
            _Text(
                *(int(rows[k]), codes[number[k]], float(total[k]), False, _OF_SCRIPT[int(top[k])], 1.0, 1.0),
                by_script=True,
            )
            for k in np.flatnonzero(is_told).tolist()
        ]
        asked = ~decided & ~is_told & (self.outcome[rows] == "judged")
        is_few = asked & (total < np.where(top == LATIN, self.check.min_short, MIN_OTHER))
        self.outcome[rows[is_few]] = FEW_LETTERS
        return found, rows[asked & ~is_few]

    # -- detectors ---------------------------------------------------------------------------------------------------

    def _by_detectors(self, rows: IntArray) -> list[_Text]:
        """The texts that both detectors take for another language."""
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
        """Those of the texts in which the first detector sees another language, and no close one."""
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
        """The text with the second opinion, if that agrees and nothing else speaks against a claim."""
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
        """What speaks against the claim that a text is in another language; empty where nothing does."""
        sure = text.first * text.second
        prose_ = self._prose(text.row)
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
        """The declared language with those close to it; alone, where the text is in a script that it has not."""
        return kin(code) if int(self.letters[row].argmax()) in scripts(code) else frozenset((code,))

    def _prose(self, row: int) -> str:
        prose_ = self.batch.prose
        return prose_.data[prose_.offsets[row] : prose_.offsets[row + 1]].tobytes().decode()

    # -- segments ----------------------------------------------------------------------------------------------------

    def _segments(self, texts: Sequence[_Text]) -> list[_Segments]:
        """Which parts of each text are in the language that was detected, and which in the declared one."""
        parts = [_parts(self._prose(text.row), scripts(text.declared)) for text in texts]
        pieces = [part for some in parts for part in some]
        guesses = detector(self.check.first).detect(_lower(pieces)) if pieces else None
        found, at = [], 0
        for text, some in zip(texts, parts, strict=True):
            assert guesses is not None
            found.append(self._vote(text, some, guesses.part(at, at + len(some))))
            at += len(some)
        return found

    def _vote(self, text: _Text, parts: list["_Part"], guesses: Guesses) -> _Segments:
        own_kin = kin(text.declared) - {text.detected}
        other_kin = kin(text.detected) - {text.declared}
        apart = not set(scripts(text.declared)) & set(scripts(text.detected))
        is_latin = LATIN in scripts(text.declared)
        own, other = [], []
        for part, best, p in zip(
            parts, guesses.codes[:, 0].tolist(), guesses.probabilities[:, 0].tolist(), strict=True
        ):
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
            opinions = detector(self.check.second).detect(_lower(pieces))
            confirmed = np.isin(opinions.codes[:, 0], list(own_kin))
            is_mixed = bool(letters[own][confirmed].sum() >= MIN_OWN_LETTERS)
        return _Segments(parts, other, float(letters[other].sum() / total), is_mixed)

    # -- context -----------------------------------------------------------------------------------------------------

    def _hear_context(self) -> None:
        """Leave out what a prompt asked for; tell where a text stands out from its neighbours, or is like them."""
        claimed = {c.text.row: c.text.detected for c in self.claims if c.rule is not MIXED_LANGUAGE}
        asked: dict[int, str] = {}
        kept = []
        for c in sorted(self.claims, key=lambda c: self.batch.depth[c.text.row]):  # what was asked for may go on below
            if c.rule is MIXED_LANGUAGE:
                kept.append(c)
                continue
            row, declared, detected = c.text.row, c.text.declared, c.text.detected
            prompt = int(self.batch.parent[row])
            shares = prompt >= 0 and self._shares(prompt, detected, claimed)
            goes_on = prompt >= 0 and asked.get(prompt) == detected
            if goes_on or (prompt >= 0 and not shares and self._was_asked(prompt, declared, detected)):
                self.outcome[row] = ASKED_FOR
                asked[row] = claimed.pop(row)
                continue
            near = self._neighbours(row)
            context = ""
            if shares or any(self._shares(other, detected, claimed) for other in near):
                context = LIKE_OTHERS
            elif any(self.is_match[other] for other in near):
                context = STANDS_OUT
            kept.append(c._replace(context=context))
        self.claims = kept

    def _shares(self, row: int, detected: str, claimed: Mapping[int, str]) -> bool:
        """Whether a message is in this language, or declares it."""
        return claimed.get(row) == detected or self.declared[row] in kin(detected)

    def _neighbours(self, row: int) -> list[int]:
        """A message's prompt, siblings and replies."""
        prompt = int(self.batch.parent[row])
        others = [prompt, *self.batch.replies(prompt)] if prompt >= 0 else []
        return [other for other in [*others, *self.batch.replies(row)][:MAX_NEIGHBOURS] if other != row]

    def _was_asked(self, prompt: int, declared: str, detected: str) -> bool:
        """Whether a prompt, or a message above it, asks for the detected language, or the prompt holds some of it."""
        key = prompt, declared, detected
        if key not in self._asked:  # many replies may share a prompt
            self._asked[key] = self._names(prompt, declared, detected) or self._holds(prompt, declared, detected)
        return self._asked[key]

    def _names(self, prompt: int, declared: str, detected: str) -> bool:
        row = prompt
        for _ in range(MAX_ANCESTORS):
            if row < 0:
                break
            said = _ends(self.batch.column("text")[row].as_py() or "")
            if asks_for(said, detected, (declared, "en"), translation=row == prompt):
                return True
            row = int(self.batch.parent[row])
        return False

    def _holds(self, row: int, declared: str, detected: str) -> bool:
        """Whether a message, in the declared language as a whole, holds something in the detected one."""
        prompt = _ends(self._prose(row))
        parts = [part for part in _parts(prompt, scripts(detected)) if part.letters >= MIN_WEIGHT]
        if not set(scripts(declared)) & set(scripts(detected)):
            is_other = [part.own > 0.5 for part in parts]
            return any(is_other) and not all(is_other)
        parts = [part for part in parts if part.letters >= MIN_SEGMENT]
        if not parts:
            return False
        pieces = _lower(parts)
        guesses = [detector(name).detect(pieces) for name in (self.check.first, self.check.second)]
        other, own = (
            [max(some.mass(k, languages) for some in guesses) >= 0.5 for k in range(len(parts))]
            for languages in (kin(detected) - {declared}, kin(declared) - {detected})
        )
        # What is asked stands before or behind what is quoted; a prompt that is wholly in the other language has the
        # wrong tag too.
        return any(other) and (own[0] or own[-1])

    # -- telling -----------------------------------------------------------------------------------------------------

    def _told(self) -> pa.Table:
        tables = [FINDINGS.empty_table()]
        for rule in (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE):
            claims = [c for c in self.claims if c.rule is rule]
            if not claims:
                continue
            rows = np.array([c.text.row for c in claims], dtype=np.int64)
            spans = np.full((len(claims), MAX_SPANS, 3), -1, dtype=np.int64)  # row, start, end
            for k, c in enumerate(claims):
                for j, (start, end) in enumerate(self._evidence(c)):
                    spans[k, j] = c.text.row, start, end
            tables.append(
                claim(
                    self.batch.places,
                    rule,
                    rows,
                    [_summary(c) for c in claims],
                    spans=[
                        Spans(*(np.ascontiguousarray(column) for column in spans[:, j].T)) for j in range(MAX_SPANS)
                    ],
                    score=np.array([c.score for c in claims]),
                    facets=[_facets(c) for c in claims],
                    about=[c.text.detected for c in claims],
                )
            )
        return pa.concat_tables(tables)

    def _evidence(self, c: _Claim) -> list[tuple[int, int]]:
        """The longest runs of segments in the detected language, as code points of the text."""
        runs: list[tuple[int, int]] = []
        before = -2  # number of the segment before, if that was in the detected language
        for part, is_other in zip(c.segments.parts, c.segments.is_other, strict=True):
            if is_other and part.number == before + 1:
                runs[-1] = runs[-1][0], part.end
            elif is_other:
                runs.append((part.start, part.end))
            before = part.number if is_other else -2
        longest = sorted(runs, key=lambda run: run[0] - run[1])[:MAX_SPANS]
        # Prose has a space for each byte that was taken out, so its places are told by bytes.
        prose_ = self._prose(c.text.row)
        text = self.batch.column("text")[c.text.row].as_py().encode()
        return [tuple(len(text[: len(prose_[:edge].encode())].decode()) for edge in run) for run in longest]  # type: ignore[misc]

    def _rows(self) -> pa.Table:
        """What the last stage needs: messages with a label, and how many there are of each language without a tag."""
        tables = []
        batch = self.batch
        undeclared = np.flatnonzero((self.outcome == NO_LANGUAGE) & ~batch.is_context)
        if undeclared.size:
            codes, counts = np.unique(self.detected[undeclared].astype(str), return_counts=True)
            tables.append(_of_rows(len(codes), detected=pa.array(codes), messages=pa.array(counts)))
        values, counts = labels(batch.column("labels"), NAME)
        rows = np.flatnonzero(~np.isnan(values) & (self.outcome == "judged") & ~batch.is_context)
        if rows.size:
            flagged = {c.text.row: c for c in self.claims if c.rule is not MIXED_LANGUAGE}
            told = [flagged.get(row) for row in rows.tolist()]
            places = batch.places.take(pa.array(rows))
            tables.append(
                _of_rows(
                    len(rows),
                    **{name: places[name] for name in PLACES.names},
                    declared=pa.array(self.declared[rows], pa.string()),
                    detected=pa.array([c.text.detected if c else "" for c in told]),
                    messages=pa.repeat(1, len(rows)),
                    value=pa.array(values[rows]),
                    count=pa.array(counts[rows]),
                    is_flagged=pa.array([c is not None for c in told]),
                    score=pa.array([c.score if c else 0.0 for c in told]),
                )
            )
        return pa.concat_tables(tables) if tables else ROWS.empty_table()


def _of_rows(n: int, **columns: pa.Array) -> pa.Table:
    return pa.table([columns.get(field.name, pa.nulls(n, field.type)) for field in ROWS], names=ROWS.names).cast(ROWS)


# -- texts -----------------------------------------------------------------------------------------------------------


class _Part(NamedTuple):
    """A segment of a text's prose."""

    number: int  # from 0, of all segments of the text
    text: str
    start: int  # code points of the prose
    end: int
    letters: float  # in letters of the Latin script
    own: float  # share of them that are of some scripts


@cache
def _members(some: tuple[int, ...]) -> BoolArray:
    """Which scripts are among these."""
    return np.isin(np.arange(N_SCRIPTS), some)


def _parts(prose_: str, own_scripts: tuple[int, ...]) -> list[_Part]:
    """The segments of a text's prose that have a letter.

    It is cut at line ends, sentence marks, quotation marks, brackets, and where letters of these scripts meet others.
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
        # NumPy would give the interpreter's lock away at each of 38,000 searches: .3 s with two workers, now .2.
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
    # Of a text of very many segments, as many as can be read, in runs that are evenly spread.
    starts = [k * (len(parts) - RUN) // (MAX_SEGMENTS // RUN - 1) for k in range(MAX_SEGMENTS // RUN)]
    return [part for start in starts for part in parts[start : start + RUN]]


def _ends(prompt: str) -> str:
    """A prompt, or of a very long one its beginning and its end, where it says what it wants."""
    return prompt if len(prompt) <= 2 * MAX_PROMPT else f"{prompt[:MAX_PROMPT]}\n{prompt[-MAX_PROMPT:]}"


def _is_wrapped(prose_: str) -> bool:
    """Whether lines are broken within sentences, as in comments of source code, and not in chat."""
    n_lines = sum(not line.isspace() for line in prose_.splitlines())
    return len(_WRAPPED.findall(prose_)) >= max(1, 0.4 * (n_lines - 1))


def _lower(parts: Sequence[_Part]) -> pa.Array:
    return pa.array([" ".join(part.text.split()).lower()[:READ] for part in parts], pa.string())


def _summary(c: _Claim) -> str:
    detected, declared = english_name(c.text.detected), english_name(c.text.declared)
    if c.rule is MIXED_LANGUAGE:
        return f"{c.segments.share:.0%} of the text is {detected}, and some is {declared}, as it declares"
    sure = "by its script" if c.text.by_script else f"probabilities {c.text.first:.2f} and {c.text.second:.2f}"
    if c.rule is CLOSE_LANGUAGE:
        return f"The text is {detected} ({sure}) and declares {declared}, which is close to it"
    return f"{c.segments.share:.0%} of the text is {detected} ({sure}), and it declares {declared}"


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
    told = []
    for row in sorted(counts, key=lambda row: (-row["messages_sum"], row["detected"])):
        low, high = wilson(row["messages_sum"], n)
        share = f"{row['messages_sum'] / n:.1%} ({low:.1%} to {high:.1%})"
        told.append((row["detected"] or "not known", row["messages_sum"], share))
    about = "What the first detector takes messages for that declare no language; shares with their 95 % intervals."
    return Table("Languages of messages that declare none", about, ("language", "messages", "share"), tuple(told))


def _said(rows: pa.Table) -> tuple[BoolArray, BoolArray]:
    """Which messages are in another language by people, and which by this check."""
    return np.asarray(rows["value"]) >= 0.5, np.asarray(rows["is_flagged"].cast(pa.int8())) > 0


def _agreement(rows: pa.Table) -> tuple[list[Table], list[str]]:
    people, flagged = _said(rows)
    n, n_people, n_flagged = len(people), int(people.sum()), int(flagged.sum())
    if not 0 < n_people < n:
        return [], [f"People labelled the language of {n:,} judged messages, all alike: no agreement can be measured"]
    about = (
        f"{n:,} judged messages whose language people have labelled too. In another language than the declared one are "
        f"{n_people:,} by people (a mean of 0.5 or more), {n_flagged:,} by this check, {(people & flagged).sum():,} by "
        "both. Intervals hold the value with 95 % confidence."
    )
    told = [
        (m.name, f"{m.value:.3f}", f"{m.low:.3f} to {m.high:.3f}")
        for m in agreement(people, flagged, np.asarray(rows["score"]))
    ]
    return [Table("Agreement with people", about, ("measure", "value", "interval"), tuple(told))], []


def _disagreements(rows: pa.Table) -> pa.Table:
    """The labels that differ most from what was found."""
    people = pc.greater_equal(rows["value"], 0.5)
    strength = pc.if_else(rows["is_flagged"], pc.subtract(rows["score"], rows["value"]), rows["value"])
    rows = rows.append_column("strength", strength).filter(pc.not_equal(people, rows["is_flagged"]))  # null: no label
    order = [("strength", "descending"), ("count", "descending"), ("source", "ascending"), ("line", "ascending")]
    rows = rows.sort_by([*order, ("message_id", "ascending")])
    found = [FINDINGS.empty_table()]
    for is_flagged in (True, False):
        some = rows.filter(pc.equal(rows["is_flagged"], is_flagged)).slice(0, MAX_TOLD)
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
    said, own = f"{value:.0%} of {count:,} people say", english_name(declared)
    if detected:
        return (
            f"{said} that the text is not {own}, which it declares; the detectors take it for {english_name(detected)}"
        )
    return f"{said} that the text is not {own}, which it declares; the detectors take it for that"
