"""Benchmark questions and answers in the data, verbatim or edited, each with the item that it matches.

Messages are compared with one-way fingerprints of all reference sets at once (base/references.py, kernels.scan): whole
messages, lines and sentences by one hash, everything else by 5-grams in which all numbers count as one word. Words are
weighted by inverse document frequency, so that stems ("Which of the following ...") and boilerplate carry no evidence.
A fitted model weighs the evidence (features.py, model.py).

The record also counts what published rules find in the same texts, so that a paper can cite any of them: Brown et al.
(2020), Language Models are Few-Shot Learners, appendix C: any 13-gram. Chowdhery et al. (2022), PaLM, section 8: 70 %
of the 8-grams. Touvron et al. (2023), Llama 2, appendix A.6: 80 % of the tokens in spans of more than ten (ours: ten or
more, none of them skipped). Lambert et al. (2024), Tulu 3, section 3.2: half of the tokens in 8-grams.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pyarrow as pa

from ...benchmarks_refs import fingerprints
from ...benchmarks_refs.cards import Card, cards, items
from ...benchmarks_refs.fingerprints import ANSWER, FOLDER, QUESTION
from ..base.check import ALL, Check, Method, Result, Stage, Table
from ..base.claims import clipped, cover
from ..base.findings import CHECKED, FINDINGS
from ..base.messages import Batch
from ..base.settings import Wants, setting
from ..base.statistics import trees
from ..base.statistics.intervals import in_percent
from ..base.text.words import words
from . import references
from .claims import SEEN, TRAINED_ON, below_leaks, findings_of, touched_items
from .evidence import HashedTexts, best, by_row, restates, with_answer
from .examples import BENCHMARKS, fingerprint
from .features import FEATURES
from .judge import COPIED, probable, scanned
from .ordinary import ordinary
from .published import PUBLISHED, RULES, published_flags
from .references import References
from .restated import FACTS, RESTATED, restated
from .rules import (
    ANSWER_ALONE,
    BELOW_LEAK,
    METHOD,
    NAME,
    NO_WORDS,
    PASSAGE_ALONE,
    QUESTION_ALONE,
    QUESTION_AND_ANSWER,
    REPHRASED,
    TRAIN_ITEM,
)
from .turns import over_two_turns


@dataclass(frozen=True)
class BenchmarkLeakage(Check):
    """Report messages that contain items of benchmarks."""

    name: ClassVar = NAME
    rules: ClassVar = (
        *(QUESTION_AND_ANSWER, QUESTION_ALONE, ANSWER_ALONE, PASSAGE_ALONE, REPHRASED, TRAIN_ITEM, BELOW_LEAK),
    )
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "benchmark": "benchmark",
        "split": "split of the benchmark",
        "item": "item",
        "kind": "kind of match",
        "coverage": "weighted share of the item",
        "idf": "match strength (nats)",
        "choices": "choices after the question",
        "below": "replies below the message",
        "home": "home page",
        "rules": "published rules that match",
        "prompt": "message with the question",
    }

    references: tuple[str, ...] = setting(
        (), "Reference sets to compare with, as `chataudit refs list` names them; empty: all that are built."
    )
    folder: str = setting(FOLDER, "Folder with your own reference sets.", wants=Wants.REFERENCES)
    originals: str = setting("", "Folder with the original files of benchmarks; findings then show the item too.")
    min_probability: float = setting(
        0.75, "Smallest probability that a question or a worked answer is in the message.", above=0, at_most=1
    )
    min_probability_restated: float = setting(
        0.4,
        "Smallest probability that a question is in the message in other words or another language.",
        above=0,
        at_most=1,
    )

    @classmethod
    def on_examples(cls, folder: Path) -> Self:
        for name, (split, found) in BENCHMARKS.items():
            fingerprints.save(fingerprint(split, found), folder / f"{name}{fingerprints.ENDING}")
        return cls(folder=str(folder))

    def verify(self) -> None:
        if self.originals and not Path(self.originals).is_dir():
            raise ValueError(f"originals: {self.originals!r} is not a folder; expected the folder of original files")
        try:
            references.find(self.references, Path(self.folder))
        except LookupError as error:
            raise ValueError(f"references: {error}") from None

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.count, {"touched": SEEN}, ALL)

    def load(self) -> None:
        self._references()
        trees.load(COPIED, FEATURES)
        trees.load(RESTATED, FACTS)
        ordinary()

    def release(self) -> None:
        references.release()

    def _references(self) -> References:
        return references.load(self.references, Path(self.folder))

    # -- first stage -------------------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Find the items that the messages contain."""
        refs = self._references()
        texts = HashedTexts(words(batch.column("text"), batch.tokens, batch.marks), refs, batch)
        has_words = np.diff(texts.words.tokens.bounds) > 0
        is_open = ~batch.is_context & has_words
        columns = scanned(texts, is_open)
        found = list(probable(texts, columns, self.min_probability))
        found += over_two_turns(texts, columns, found, self.min_probability)
        found = [hit for group in by_row(found) for hit in best(group, refs)]
        containing: dict[int, set[int]] = {}  # messages by part
        for hit in found:
            containing.setdefault(hit.part, set()).add(hit.row)
        found = [with_answer(hit, texts) for hit in found if not restates(hit, batch, containing[hit.part])]
        # An answer beside its question is reported with it, or is one of its choices.
        kinds = refs.columns.kinds
        asked = {(row, item) for hit in found if kinds[hit.part] == QUESTION for row in hit.rows for item in hit.items}
        found = [hit for hit in found if kinds[hit.part] != ANSWER or asked.isdisjoint((hit.row, i) for i in hit.items)]
        is_open[[hit.row for hit in found]] = False  # these are reported already
        found += restated(texts, is_open, self.min_probability_restated)
        published = published_flags(refs, columns)
        below = below_leaks(found, texts)
        # A reply without words is reported below a leak, and is checked by that.
        outcomes = np.where(has_words | (below >= 0), CHECKED, NO_WORDS)[~batch.is_context]
        return Result(
            self._beside(findings_of(texts, found, below, published)),
            cover(batch.checkable, pa.array(outcomes, pa.string())),
            {"touched": touched_items(refs, published, found)},
        )

    def _beside(self, findings: pa.Table) -> pa.Table:
        """Return the findings with the item's question as a last span, where its original file is available."""
        if not (self.originals and findings.num_rows):
            return findings
        refs = self._references()
        spans = findings["spans"].to_pylist()
        for own, facets in zip(spans, map(dict, findings["facets"].to_pylist()), strict=True):
            if "item" in facets:
                card = refs.cards[refs.names.index(facets["benchmark"])]
                number, text = _questions(card, Path(self.originals)).get(facets["item"], (0, ""))
                place = {"source": card.title, "line": number, "id": facets["item"], "start": 0, "end": len(text)}
                own += [{**place, "before": "", "quote": clipped(text), "after": ""}] if text else []
        column = pa.array(spans, FINDINGS.field("spans").type)
        return findings.set_column(FINDINGS.get_field_index("spans"), FINDINGS.field("spans"), column)

    # -- second stage ------------------------------------------------------------------------------------------------

    def count(self, rows: pa.Table) -> Result:
        """Count the items of each benchmark that were found, by this check and by published rules."""
        refs = self._references()
        messages: dict[tuple[str, str], list[int]] = {}  # by item: how many each rule finds it in
        for benchmark, item, *flags in zip(*(rows[name].to_pylist() for name in SEEN.names), strict=True):
            counts = messages.setdefault((benchmark, item), [0] * len(RULES))
            for k, flag in enumerate(flags):
                counts[k] += flag
        touched = {name: [0] * len(RULES) for name in refs.names}  # by benchmark: how many items each rule finds
        for (benchmark, _), counts in messages.items():
            for k, n in enumerate(counts):
                touched[benchmark][k] += n > 0
        return Result(
            notes=(_compared_with(refs), *self._not_compared(refs), *self._own_sets()),
            tables=(
                Table(
                    "Benchmark items found",
                    "Items found in the data by this check, and by the rules of GPT-3 (a 13-gram), PaLM (70 % of "
                    "8-grams), Llama 2 (80 % in runs of ten) and Tulu 3 (half in 8-grams). Sorted by items "
                    "found, then by items found under the other rules, then by name.",
                    ("benchmark", "split", "items", "found", "share", *PUBLISHED),
                    tuple(
                        (name, card.split, int(n), ours, in_percent(ours / n, 2), *published)
                        for name, card, n, (ours, *published) in sorted(
                            zip(refs.names, refs.cards, refs.columns.items_of_set, touched.values(), strict=True),
                            key=lambda each: ([-count for count in each[-1]], each[0]),
                        )
                    ),
                    bars=("benchmark", "found", "items"),
                ),
                Table(
                    "Items to exclude",
                    "Items found by this check. An evaluation should exclude them, or report them separately.",
                    ("benchmark", "item", "messages"),
                    tuple((*key, counts[0]) for key, counts in sorted(messages.items()) if counts[0]),
                ),
            ),
        )

    def _not_compared(self, refs: References) -> Iterator[str]:
        """Yield a note that names the known benchmarks without a fingerprint, unless the reference sets were chosen."""
        known = [name for name, card in cards().items() if card.split not in TRAINED_ON and name not in refs.names]
        if known and not self.references:
            n = len(known)
            yield (
                f"Not compared with {n:,} known benchmark{'s' * (n > 1)}, as no fingerprint is "
                f"available (`chataudit refs build NAME` creates one): {', '.join(sorted(known))}"
            )

    def _own_sets(self) -> Iterator[str]:
        """Yield notes that name the reference sets beyond the shipped ones."""
        for place, names in references.own_sets(self.references, Path(self.folder)).items():
            where = f"folder {self.folder}" if place == Path(self.folder) else "in your user data"
            yield f"Also compared with your own reference sets: {', '.join(names)} ({where})"


def _compared_with(refs: References) -> str:
    n = len(refs.names)
    sets = f"{n:,} reference {'set' if n == 1 else 'sets'}"
    return f"Compared with {int(refs.columns.items_of_set.sum()):,} items of {sets}: {', '.join(refs.names)}"


@lru_cache(maxsize=8)
def _questions(card: Card, folder: Path) -> dict[str, tuple[int, str]]:
    """Return number and question of each item, by id; nothing where the files are missing."""
    try:
        return {item.id: (k, "\n".join(item.parts["question"])) for k, item in enumerate(items(card, folder), 1)}
    except LookupError:
        return {}
