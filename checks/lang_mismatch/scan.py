"""The scan of one batch for texts that do not match their language tag.

A screen on scripts and one detector finds texts in doubt. The posterior of several detectors decides about them, and
the conversation around them.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import BoolArray, IntArray, as_bools, as_ints
from ..base.check import Result
from ..base.claims import cover
from ..base.findings import CHECKED
from ..base.kernels.layout import N_SCRIPTS
from ..base.messages import PLACES, Batch
from ..base.statistics.agreement import labels
from ..base.text.languages import HAN, KANA, LATIN, SCRIPT_DECIDES, WEIGHTS, are_one, base, kin, scripts
from ..base.text.tokens import excerpts
from .agreement import LABELLED, UNDECLARED
from .claims import Claim, findings_of
from .context import Context
from .detectors import Detector, Eldc, Guesses, detector
from .posterior import evidence as evidence_of
from .posterior import load
from .rules import (
    ASKED_FOR,
    CLOSE_LANGUAGE,
    FEW_LETTERS,
    MIXED_LANGUAGE,
    NAME,
    NEAR_DECLARED,
    NO_LANGUAGE,
    SEVERAL_SCRIPTS,
    SOURCE_TEXT,
    TOOL,
    UNDECIDED,
    UNKNOWN_TAG,
    UNSUPPORTED,
    WRONG_LANGUAGE,
)
from .script import other_scripts
from .segments import (
    MIN_OWN,
    MIN_OWN_LETTERS,
    MIN_WEIGHT,
    READ,
    UNKNOWN,
    WORD,
    Suspect,
    is_wrapped,
    prose_of,
    segments_of,
)
from .settings import ScanSettings

SCREEN = 300  # bytes of each text that are read at first: enough to confirm most tags

MIN_OTHER = 8  # letters of a script other than Latin, for a detector
MIN_SCRIPT = 0.5  # of the letters, for a language that its script decides
MIN_KANA = 0.2  # of the letters, in Japanese
MAX_OWN, MIN_TOP = 0.35, 0.6  # shares of letters in the declared language's scripts, and in one other script
# For a close language: probabilities by two detectors, and the one that the first leaves to all that are close.
SURE_FIRST, SURE_SECOND, MAX_DECLARED = 0.9, 0.7, 0.1
DECIMALS = 3  # of a probability: kernels of both forms sum up in different orders
UNDECIDED_FROM = 0.1  # probability of another language, from which a text is not counted as checked
# Of a text under English that is in an unknown language: letters, words, probability left to English, and share of the
# most frequent English words.
MIN_UNKNOWN, MIN_UNKNOWN_WORDS, MAX_LEFT, MAX_WORDS = 40, 6, 0.02, 0.1
_FREQUENT = """
    the of and to in a is that for it you on with as are this be was not or have by from at what how can your my do me
    we they
"""
_ENGLISH = frozenset(_FREQUENT.split())

_OF_SCRIPT = {script: language for language, script in SCRIPT_DECIDES.items()}


class Scan:
    """The check of one batch."""

    def __init__(self, check: ScanSettings, batch: Batch) -> None:
        self.check, self.batch = check, batch
        n = len(batch)
        self.declared, self.outcome = self._declared()
        self.is_match = np.zeros(n, dtype=bool)
        self.detected = np.full(n, "", dtype=object)
        self.is_unknown = np.zeros(n, dtype=bool)  # whether no detector knows the declared language
        self.posterior = load(check.voices)
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
                if segments.share > 0.5 and text.detected != UNKNOWN:
                    claims.append(Claim(MIXED_LANGUAGE, text, segments))
            elif text.only_mixed:
                self.outcome[text.row] = UNDECIDED if text.probability >= UNDECIDED_FROM else CHECKED
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
            Suspect(*(int(rows[k]), codes[number[k]], _OF_SCRIPT[int(top[k])], 1.0), by_script=True)
            for k in np.flatnonzero(is_claimed).tolist()
        ]
        asked = ~decided & ~is_claimed & (self.outcome[rows] == CHECKED)
        is_few = asked & (total < np.where(top == LATIN, self.check.min_letters, MIN_OTHER))
        self.outcome[rows[is_few]] = FEW_LETTERS
        return found, rows[asked & ~is_few]

    # -- detectors ---------------------------------------------------------------------------------------------------

    def _by_detectors(self, rows: IntArray) -> list[Suspect]:
        """Return the texts that detectors take for another language than the declared one."""
        if not rows.size:
            return []
        known = pa.array(sorted({"", *self.posterior.pool.spoken}))
        self.is_unknown[rows] = ~as_bools(pc.is_in(pa.array(self.declared[rows], pa.string()), value_set=known))
        rows = self._screened(rows)
        texts = self._excerpts(rows, READ)
        guesses = detector(self.check.first).detect(texts)
        is_close = self._may_be_close(rows, guesses)
        close, others = np.flatnonzero(is_close), np.flatnonzero(~is_close)
        opinions = detector(self.check.second).detect(texts.take(pa.array(close)))
        return [
            *self._close(rows[close], guesses, close, opinions),
            *self._improbable(rows[others], texts.take(pa.array(others)), guesses, others),
        ]

    def _screened(self, rows: IntArray) -> IntArray:
        """Return the rows that the first detector which knows their language does not confirm."""
        undeclared = rows[self.declared[rows] == ""]
        guesses = detector(self.check.first).detect(self._excerpts(undeclared, SCREEN))
        self.detected[undeclared] = np.where(guesses.probabilities[:, 0] < 0.5, "", guesses.codes[:, 0])
        left = [rows[self.is_unknown[rows]]]
        rows = rows[(self.declared[rows] != "") & ~self.is_unknown[rows]]
        for voice in self.check.voices:
            asked = detector(voice)
            is_known = np.array([code in asked.languages for code in self.declared[rows].tolist()], dtype=bool)
            known, rows = rows[is_known], rows[~is_known]
            texts = self._excerpts(known, SCREEN)
            is_match = asked.detect(texts).codes[:, 0] == self.declared[known]
            left.append(known[~is_match])
            is_unsure = is_match & self._may_be_unknown_kin(known, asked)
            if isinstance(asked, Eldc) and is_unsure.any():
                is_unsure[is_unsure] = ~asked.is_reliable(texts.filter(pa.array(is_unsure)))
                rows = np.concatenate([rows, known[is_unsure]])
                is_match &= ~is_unsure
            self.is_match[known[is_match]] = True
        return np.concatenate(left)

    def _may_be_unknown_kin(self, rows: IntArray, asked: Detector) -> BoolArray:
        """Mark the texts that may be in a close language which this detector does not know, and two others do."""
        beyond = (detector(self.check.first).languages & detector(self.check.second).languages) - asked.languages
        has_kin = {code: not kin(code).isdisjoint(beyond) for code in set(self.declared[rows].tolist())}
        is_long = self.total[rows] >= self.check.min_close
        found: BoolArray = is_long & np.array([has_kin[code] for code in self.declared[rows].tolist()], dtype=bool)
        return found

    def _excerpts(self, rows: IntArray, limit: int) -> pa.Array:
        return pc.utf8_lower(excerpts(self.batch.prose, rows, limit))

    def _may_be_close(self, rows: IntArray, guesses: Guesses) -> BoolArray:
        """Mark the texts that the first detector surely takes for a language close to the declared one."""
        best = guesses.codes[:, 0].tolist()
        close = [
            code in kin(own) and not are_one(code, own) for code, own in zip(best, self.declared[rows], strict=True)
        ]
        found: BoolArray = np.array(close, dtype=bool) & (guesses.probabilities[:, 0] >= SURE_FIRST)
        found &= ~self.is_unknown[rows] & (self.total[rows] >= self.check.min_close)
        for k in np.flatnonzero(found).tolist():
            row = int(rows[k])
            found[k] = guesses.mass(k, self._own_kin(row, self.declared[row])) > MAX_DECLARED
        return found

    def _close(self, rows: IntArray, guesses: Guesses, at: IntArray, opinions: Guesses) -> list[Suspect]:
        """Return the texts in a close language, where the second detector agrees."""
        found = []
        for k, (row, best, second) in enumerate(
            zip(rows.tolist(), opinions.codes[:, 0].tolist(), opinions.probabilities[:, 0].tolist(), strict=True)
        ):
            if best == guesses.codes[at[k], 0] and second >= SURE_SECOND:
                p = round(float(guesses.probabilities[at[k], 0]) * second, DECIMALS)
                found.append(Suspect(row, self.declared[row], best, p, close=True))
            else:
                self.outcome[row] = NEAR_DECLARED
        return found

    def _improbable(self, rows: IntArray, texts: pa.Array, guesses: Guesses, at: IntArray) -> list[Suspect]:
        """Return the texts that are probably not in their declared language."""
        declared = self.declared[rows].tolist()
        pool, voices = self.posterior.pool, self.check.voices
        evidence = evidence_of(pool, self.batch, rows, declared, self.letters[rows], texts)
        is_agreed = evidence.column(voices, "agree_kin") > 1
        own, rest = (evidence.column(voices, f"{self.check.first}.{of}_segments") for of in ("own", "other"))
        may_be_mixed = (evidence.column(voices, "pool_other") > 0) & (own > MIN_OWN / 2) & (rest > 0.5)
        found = []
        for k, (row, p, other) in enumerate(
            zip(rows.tolist(), self.posterior.probability(evidence).tolist(), evidence.others, strict=True)
        ):
            best = str(guesses.codes[at[k], 0])
            name, guessed = (other, ()) if is_agreed[k] else (UNKNOWN, (other, best))
            if p >= self.check.min_probability:
                if other == "en" and is_wrapped(prose_of(self.batch, row)):
                    self.outcome[row] = SOURCE_TEXT
                    continue
                found.append(Suspect(row, declared[k], name, p, guesses=guessed))
            elif may_be_mixed[k]:
                found.append(Suspect(row, declared[k], other, p, only_mixed=True))
            elif own[k] <= MIN_OWN / 2 and (
                sure := self._surely_not_english(row, guesses, int(at[k]), texts[k : k + 1])
            ):
                found.append(Suspect(row, declared[k], name, sure, guesses=guessed))
            elif self.is_unknown[row]:
                self.outcome[row] = UNSUPPORTED
            elif p >= UNDECIDED_FROM:
                self.outcome[row] = UNDECIDED
            elif best != declared[k] and best in self._own_kin(row, declared[k]):
                self.outcome[row] = NEAR_DECLARED
            else:
                self.is_match[row] = best == declared[k]
        return found

    def _surely_not_english(self, row: int, guesses: Guesses, at: int, text: pa.Array) -> float:
        """Return the probability that a text under English is none, whatever it is; 0: it may be.

        All detectors know English well: a text that two do not take for it, and that has few of its most frequent
        words, may be in a language that they do not know.
        """
        left = guesses.mass(at, kin("en"))
        if self.declared[row] != "en" or self.total[row] < MIN_UNKNOWN or left > MAX_LEFT:
            return 0.0
        words = [word.lower() for word in WORD.findall(prose_of(self.batch, row))]
        own = sum(word in _ENGLISH for word in words) / max(1, len(words))
        if len(words) < MIN_UNKNOWN_WORDS or own > MAX_WORDS:
            return 0.0
        second = detector(self.check.second).detect(text).mass(0, kin("en"))
        return round((1 - left) * (1 - second), DECIMALS) if second <= MAX_LEFT else 0.0

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
