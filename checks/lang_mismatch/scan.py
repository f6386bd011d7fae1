"""The scan of one batch for texts that do not match their language tag.

A screen on scripts and one detector finds candidates; a second detector, the segments of the text and the conversation
around it decide.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools, as_ints
from ..base.check import Result
from ..base.claims import cover
from ..base.findings import CHECKED
from ..base.kernels.layout import N_SCRIPTS
from ..base.messages import PLACES, Batch
from ..base.statistics.agreement import labels
from ..base.text.languages import HAN, KANA, LATIN, SCRIPT_DECIDES, WEIGHTS, are_one, are_slavic, base, kin, scripts
from ..base.text.tokens import excerpts
from .agreement import LABELLED, UNDECLARED
from .claims import Claim, findings_of
from .context import Context
from .detectors import Guesses, detector
from .rules import (
    ASKED_FOR,
    CLOSE_LANGUAGE,
    FEW_LETTERS,
    MIXED_LANGUAGE,
    MOSTLY_NAMES,
    NAME,
    NEAR_DECLARED,
    NO_LANGUAGE,
    NOT_AGREED,
    ROMANISED,
    SEVERAL_SCRIPTS,
    SOURCE_TEXT,
    TOOL,
    UNKNOWN_TAG,
    UNSUPPORTED,
    WRONG_LANGUAGE,
)
from .script import other_scripts
from .segments import MIN_OWN_LETTERS, MIN_WEIGHT, READ, UNKNOWN, Suspect, is_wrapped, prose_of, segments_of
from .settings import ScanSettings

SCREEN = 300  # bytes of each text that are read at first: enough to confirm most tags

MIN_OTHER = 8  # letters of a script other than Latin, for a detector
MIN_SCRIPT = 0.5  # of the letters, for a language that its script decides
MIN_KANA = 0.2  # of the letters, in Japanese
MAX_OWN, MIN_TOP = 0.35, 0.6  # shares of letters in the declared language's scripts, and in one other script
SURE_SECOND = 0.7  # of the second detector, for a close language; the first one's is 1 - max_declared
SURE_UNKNOWN = 0.8  # product of both probabilities of English, under a language that no detector knows
SURE_SLAVIC, SURE_NAMES = 0.8, 0.8  # product of both probabilities, for text that may be romanised, or mostly names
MANY_CAPITALS, ALL_CAPITALS, LONG = 0.6, 0.8, 200  # shares of capitalised words; letters of a text beyond doubt
# Of a text under English that is in an unknown language: letters, words, probability left to English, and share of the
# most frequent English words.
MIN_UNKNOWN, MIN_UNKNOWN_WORDS, MAX_LEFT, MAX_WORDS = 40, 6, 0.02, 0.1
_FREQUENT = """
    the of and to in a is that for it you on with as are this be was not or have by from at what how can your my do me
    we they
"""
_ENGLISH = frozenset(_FREQUENT.split())
MIN_SHARE = 0.3  # of the letters that the segments confirm

_OF_SCRIPT = {script: language for language, script in SCRIPT_DECIDES.items()}

_WORD = re.compile(r"[^\W\d_]{2,}")


class Scan:
    """The check of one batch."""

    def __init__(self, check: ScanSettings, batch: Batch) -> None:
        self.check, self.batch = check, batch
        n = len(batch)
        self.declared, self.outcome = self._declared()
        self.is_match = np.zeros(n, dtype=bool)
        self.detected = np.full(n, "", dtype=object)
        self.is_unknown = np.zeros(n, dtype=bool)  # whether no detector knows the declared language
        self.letters = batch.prose.counts[:, :N_SCRIPTS] * WEIGHTS
        self.total = self.letters.sum(axis=1)

    def result(self) -> Result:
        """Return the findings, the coverage and the rows for later stages."""
        batch = self.batch
        claims = self._in_context(self._voted(self._candidates()))
        is_left = ~batch.is_context & ~np.isin(self.outcome, (NO_LANGUAGE, UNKNOWN_TAG, TOOL, ASKED_FOR))
        is_left[[c.text.row for c in claims]] = False
        in_others, others = other_scripts(batch, self.letters, np.flatnonzero(is_left))
        self.outcome[in_others] = CHECKED
        return Result(
            pa.concat_tables([findings_of(batch, claims), others]),
            cover(batch.checkable, pa.array(self.outcome[~batch.is_context], pa.string())),
            {"undeclared": self._undeclared(), "labels": self._labelled(claims)},
        )

    def _candidates(self) -> list[Suspect]:
        by_script, asked = self._by_script()
        return [*by_script, *self._by_detectors(asked)]

    def _voted(self, texts: Sequence[Suspect]) -> list[Claim]:
        """Return the claims that the segments of the texts support."""
        claims = []
        for text, segments in zip(texts, segments_of(self.check, self.batch, texts), strict=True):
            if segments.is_mixed:
                if segments.share > 0.5:
                    claims.append(Claim(MIXED_LANGUAGE, text, segments))
            elif segments.share < MIN_SHARE:
                self.outcome[text.row] = NOT_AGREED
            else:
                claims.append(Claim(CLOSE_LANGUAGE if text.close else WRONG_LANGUAGE, text, segments))
        return claims

    def _in_context(self, claims: Sequence[Claim]) -> list[Claim]:
        """Drop claims in a language that a prompt asked for, and compare the others with their neighbours."""
        batch = self.batch
        context = Context(batch, (self.check.first, self.check.second), self.declared, self.is_match)
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
            asked = c.text.guesses or (detected,)
            if continues or any(context.is_requested(prompt, declared, code) for code in asked):
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

    def _by_script(self) -> tuple[list[Suspect], IntArray]:
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

    def _of_languages(self, codes: Sequence[str], number: IntArray, rows: IntArray) -> tuple[list[Suspect], IntArray]:
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
            Suspect(
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

    def _by_detectors(self, rows: IntArray) -> list[Suspect]:
        """Return the texts in which both detectors find another language."""
        if not rows.size:
            return []
        first, second = detector(self.check.first), detector(self.check.second)
        # A language that only one detector knows is enough for a text that both take for another, distant one; under
        # one that neither knows, only a text that is certainly English is none of it.
        known = pa.array(sorted(first.languages | second.languages | {""}))
        self.is_unknown[rows] = ~as_bools(pc.is_in(pa.array(self.declared[rows], pa.string()), value_set=known))
        self.outcome[rows[self.is_unknown[rows]]] = UNSUPPORTED
        guesses = first.detect(self._excerpts(rows, SCREEN))
        declared = self.declared[rows]
        self.detected[rows] = guesses.codes[:, 0]
        self.detected[rows[guesses.probabilities[:, 0] < 0.5]] = ""
        is_match = guesses.codes[:, 0] == declared
        self.is_match[rows[is_match]] = True
        is_open = ~is_match & (declared != "") & (~self.is_unknown[rows] | (guesses.codes[:, 0] == "en"))
        rows = rows[is_open]
        guesses = first.detect(self._excerpts(rows, READ))
        texts = self._doubted(rows, guesses)
        opinions = second.detect(self._excerpts(np.array([t.row for t in texts], dtype=np.int64), READ))
        return [text for k, t in enumerate(texts) if (text := self._agreed(t, opinions.part(k, k + 1))) is not None]

    def _excerpts(self, rows: IntArray, limit: int) -> pa.Array:
        return pc.utf8_lower(excerpts(self.batch.prose, rows, limit))

    def _doubted(self, rows: IntArray, guesses: Guesses) -> list[Suspect]:
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
            if self.is_unknown[row] and (best != "en" or best in kin(declared)):  # then it stays UNSUPPORTED
                continue
            if best == "":
                self.outcome[row] = FEW_LETTERS
            elif guesses.mass(k, self._own_kin(row, declared)) > self.check.max_declared:
                sure = p >= 1 - self.check.max_declared and letters >= self.check.min_close
                if sure and best in kin(declared) and not are_one(best, declared):
                    found.append(Suspect(row, declared, letters, is_latin, best, round(p, 3), 0, close=True))
                else:
                    self.outcome[row] = NEAR_DECLARED
            else:
                first, left = (round(guesses.mass(k, some), 3) for some in (kin(best), self._own_kin(row, declared)))
                found.append(Suspect(row, declared, letters, is_latin, best, first, 0, left=left))
        return found

    def _agreed(self, text: Suspect, opinion: Guesses) -> Suspect | None:
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
        left = opinion.mass(0, self._own_kin(text.row, text.declared))
        if reason == NOT_AGREED and self._is_surely_not(text, left):
            guesses = text.detected, best
            text = text._replace(detected=UNKNOWN, first=1 - text.left, second=round(1 - left, 3), guesses=guesses)
            reason = ""
        if self.is_unknown[text.row] and (reason or best != "en" or text.first * text.second < SURE_UNKNOWN):
            reason = UNSUPPORTED
        self.outcome[text.row] = reason or CHECKED
        return None if reason else text

    def _is_surely_not(self, text: Suspect, left: float) -> bool:
        """Whether a text is not in the declared language, although both detectors take it for different ones.

        Only under English, which both detectors know well: a text that neither takes for English, and that has few of
        its most frequent words, is in a language that they do not know.
        """
        words = [word.lower() for word in _WORD.findall(prose_of(self.batch, text.row))]
        own = sum(word in _ENGLISH for word in words) / max(1, len(words))
        is_none = max(text.left, left) <= MAX_LEFT and own <= MAX_WORDS
        is_long = text.letters >= MIN_UNKNOWN and len(words) >= MIN_UNKNOWN_WORDS
        return text.declared == "en" and is_long and is_none

    def _doubt(self, text: Suspect, second_best: str) -> str:
        """Return the reason against a claim that a text is in another language; empty: there is none."""
        sure = text.first * text.second
        prose_ = prose_of(self.batch, text.row)
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
        if text.detected == "en" and is_wrapped(prose_):
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
        found = pa.table(
            [self.batch.column("source").take(pa.array(rows)), pa.array(self.detected[rows], pa.string())],
            names=["source", "detected"],
        )
        counted = found.group_by(["source", "detected"], use_threads=False).aggregate([([], "count_all")])
        return counted.rename_columns(UNDECLARED.names).cast(UNDECLARED)

    def _labelled(self, claims: Sequence[Claim]) -> pa.Table:
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
