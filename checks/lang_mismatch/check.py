"""Messages in another language than their tag, with few false alarms.

The obvious approach, one detector compared with the tag, is wrong ten times for each time it is right: on code, names,
quotations, short texts and languages that it does not know. Here the cheap tests come first, and a message that cannot
be decided is counted as skipped, with the reason (docs/languages.md has the worth of each):

1. tags to languages; 2. prose without code, tables, addresses; 3. scripts, which decide for some languages by
themselves; 4. enough letters; 5. a fast detector, which confirms most tags; 6. the posterior of two or three detectors;
7. segments, for texts in several languages; 8. what the prompt asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.check import ALL, Check, Method, Result, Stage
from ..base.messages import Batch
from ..base.settings import Wants, setting
from ..base.statistics.intervals import Confusion
from ..base.text.languages import base
from . import posterior
from .agreement import LABELLED, UNDECLARED, disagreements, distribution, measured_agreement, verdicts
from .detectors import BEST, VOICES, is_installed, release
from .rules import CLOSE_LANGUAGE, LABEL_DISAGREES, METHOD, MIXED_LANGUAGE, NAME, OTHER_SCRIPT, WRONG_LANGUAGE
from .scan import Scan


def _is_tag(tag: str) -> bool:
    return bool(base(tag))


@dataclass(frozen=True)
class LangMismatch(Check):
    """Report messages whose text does not match their language tag."""

    name: ClassVar = NAME
    rules: ClassVar = (WRONG_LANGUAGE, CLOSE_LANGUAGE, MIXED_LANGUAGE, OTHER_SCRIPT, LABEL_DISAGREES)
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "declared": "declared language",
        "detected": "detected language",
        "share": "share of letters in the detected language",
        "context": "neighbouring messages",
        "script": "script of the text",
        "people": "mean human label (1: another language)",
    }

    detectors: str = setting(
        BEST, "Detectors to combine; best is the first combination that is installed.", choices=(BEST, *VOICES)
    )
    lang: str | None = setting(
        None,
        "Language of messages that declare none.",
        accepts=_is_tag,
        expects="a language tag such as en or pt-BR",
        wants=Wants.LANGUAGE,
    )
    min_letters: int = setting(
        10, "Skip texts with fewer letters of Latin script; other letters count for more.", at_least=1
    )
    min_probability: float = setting(
        0.9,
        "Report texts that are in another language than their tag with at least this probability.",
        above=0,
        below=1,
    )
    min_close: int = setting(80, "Fewest letters of a text reported as in a close language.", at_least=1)

    @property
    def voices(self) -> tuple[str, ...]:
        """The detectors, the one that reads all texts first."""
        if self.detectors != BEST:
            return VOICES[self.detectors]
        return next(voices for voices in VOICES.values() if all(map(is_installed, voices)))

    @property
    def first(self) -> str:
        """The detector that knows most languages, which is asked for probabilities."""
        return self.voices[-2]

    @property
    def second(self) -> str:
        """The detector that must agree where two are asked."""
        return self.voices[-1]

    def verify(self) -> None:
        if missing := [voice for voice in self.voices if not is_installed(voice)]:
            raise ValueError(f"detectors: {missing[0]} is not installed; expected `pip install {missing[0]}`")

    def load(self) -> None:
        posterior.load(self.voices)

    def release(self) -> None:
        posterior.load.cache_clear()
        for voice in self.voices:
            release(voice)

    def stages(self) -> Sequence[Stage]:
        return (
            Stage(self.scan),
            Stage(self.count_undeclared, {"undeclared": UNDECLARED}, ALL),
            Stage(self.compare_labels, {"labels": LABELLED}, ALL),
        )

    def scan(self, batch: Batch) -> Result:
        """Compare the texts of whole trees with the languages that they declare."""
        return Scan(self, batch).result()

    def count_undeclared(self, rows: pa.Table) -> Result:
        """Count the languages of messages that declare none."""
        best = next(iter(VOICES.values()))
        notes = []
        if self.detectors == BEST and self.voices != best:
            missing = next(voice for voice in best if not is_installed(voice))
            notes.append(f"{missing} is not installed; detected with {' and '.join(self.voices)} instead")
        if not rows.num_rows:
            return Result(notes=notes)
        n = pc.sum(rows["messages"]).as_py()
        messages = "1 message without a language tag was" if n == 1 else f"{n:,} messages without a language tag were"
        notes.append(f"{messages} skipped; --lang sets their language")
        return Result(notes=notes, tables=[distribution(rows)])

    def compare_labels(self, rows: pa.Table) -> Result:
        """Compare the findings with the labels that people gave the same messages."""
        if not rows.num_rows:
            return Result()
        people, flagged = verdicts(rows)
        found = disagreements(rows)
        if people.all() or not people.any():
            note = f"Agreement with human labels cannot be measured: all of them are alike ({len(people):,} checked)"
            return Result(found, notes=[note])
        counts = Confusion(*(int(n) for n in np.bincount(2 * ~people + ~flagged, minlength=4)))
        return Result(found, tables=[measured_agreement(people, flagged, np.asarray(rows["score"]))], labelled=counts)
