"""Messages in another language than their tag, with few false alarms.

The obvious approach, one detector compared with the tag, is wrong ten times for each time it is right: on code, names,
quotations, short texts and languages that it does not know. Here a claim passes one test after another, the cheap ones
first, and a message that fails one is counted as skipped, with the reason (docs/languages.md has the worth of each):

1. tags to languages; 2. prose without code, tables, addresses; 3. scripts, which decide for some languages by
themselves; 4. enough letters; 5. a first detector; 6. the probability that it leaves to the declared language and its
kin; 7. a second detector, and text that is mostly names; 8. a vote of the segments; 9. what the prompt asked for.
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
from .agreement import LABELLED, UNDECLARED, disagreements, distribution, measured_agreement, verdicts
from .detectors import DETECTORS, detector, release
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
        "first": "probability, first detector",
        "second": "probability, second detector",
        "share": "share of letters in the detected language",
        "context": "neighbouring messages",
        "script": "script of the text",
        "people": "mean human label (1: another language)",
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
        20,
        "Skip texts with fewer letters of Latin script, unless both detectors are sure; other letters count for more.",
        at_least=1,
    )
    min_short: int = setting(12, "Skip texts with fewer letters in any case.", at_least=1)
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
        return Scan(self, batch).result()

    def count_undeclared(self, rows: pa.Table) -> Result:
        """Count the languages of messages that declare none."""
        if not rows.num_rows:
            return Result()
        n = pc.sum(rows["messages"]).as_py()
        messages = "1 message without a language tag was" if n == 1 else f"{n:,} messages without a language tag were"
        return Result(notes=[f"{messages} skipped; --lang sets their language"], tables=[distribution(rows)])

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
