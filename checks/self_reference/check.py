"""Replies that speak as another model, or of themselves as one, and remains of chat windows.

One pass of an automaton over all texts finds the few that contain a name or another anchor (anchors.py); grammars of
the text's language read the sentences around them (speech.py, interface.py, refusals.py).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..base.arrow.columns import IntArray, as_bools, as_ints, single
from ..base.check import ALL, Check, Method, Result, Stage
from ..base.claims import NO_REPLIES, cover
from ..base.findings import CHECKED, NOTE, Rule
from ..base.messages import Batch
from ..base.settings import setting
from ..base.text_check import Hit, claims_of
from . import lectures
from .anchors import PROMPT, REPLY, anchored, tongue_bits
from .rules import (
    AI_DISCLAIMER,
    FACETS,
    KNOWLEDGE_CUTOFF,
    METHOD,
    NAME,
    OTHER_IDENTITY,
    PASTED_INTERFACE,
    REFUSAL,
    RULES,
)
from .shares import BY_TREE, SAID, said, shares
from .talk import Above, Talk
from .tongues import TONGUES, tongue_of

Found = dict[tuple[Rule, int], list[Hit]]  # by rule and severity


@dataclass(frozen=True)
class SelfReference(Check):
    """Report replies that speak as another model, contain parts of a chat window, disclaim or refuse."""

    name: ClassVar = NAME
    rules: ClassVar = RULES
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = FACETS

    own_names: tuple[str, ...] = setting(
        ("Open Assistant", "LAION"), "Names of the data set's own assistant and of its maker, which are not reported."
    )
    min_lecture: float = setting(
        0.3, "Smallest probability that a moral lecture stands in for an answer.", above=0, below=1
    )

    def stages(self) -> Sequence[Stage]:
        return Stage(self.scan), Stage(self.summarise, {"said": SAID, "by_tree": BY_TREE}, ALL)

    def scan(self, batch: Batch) -> Result:
        """Read every reply that has an anchor; of prompts, only whom they claim to be."""
        outcomes = np.full(len(batch), CHECKED, dtype=object)
        for role, reason in NO_REPLIES.items():
            outcomes[as_bools(pc.equal(batch.column("role"), role))] = reason
        outcomes[as_bools(batch.column("text").is_null()) | as_bools(single(batch.text_facts["is_blank"]))] = "no text"
        is_reply = (outcomes == CHECKED) & ~batch.is_context
        rows = np.flatnonzero(is_reply | ((outcomes == NO_REPLIES["prompter"]) & ~batch.is_context))
        found: dict[tuple[Rule, int], list[tuple[int, list[Hit]]]] = defaultdict(list)
        claimed: Counter[tuple[int, str, str]] = Counter()  # by row: model and maker
        above, langs = Above(batch), batch.column("lang")
        wanted = np.where(is_reply, REPLY, PROMPT)[rows]
        for at in anchored(batch.column("text").take(pa.array(rows)), wanted, _tongues(langs)[rows]):
            row = int(rows[at.row])
            talk = Talk(above, row, langs[row].as_py(), at)
            if is_reply[row]:
                for (rule, severity), hits in self._hits(talk).items():
                    found[rule, severity].append((row, hits))
                    for hit in hits if rule is OTHER_IDENTITY else ():
                        claimed[row, hit.facets["model"], hit.facets["maker"]] += 1
            elif at.names:
                claimed.update((row, name.model, name.maker) for _, _, name in talk.identities(self.own_names))
        tables = [claims_of(batch, rule, hits, severity=severity) for (rule, severity), hits in found.items()]
        covered = cover(batch.checkable, pa.array(outcomes[~batch.is_context], pa.string()))
        by_rule = {
            rule: np.array(
                [row for (other, _), hits in found.items() if other is rule for row, _ in hits], dtype=np.int64
            )
            for rule in RULES
        }
        spoken = said(batch, is_reply, by_rule, claimed)
        return Result(pa.concat_tables(tables), covered, spoken) if tables else Result(coverage=covered, rows=spoken)

    def summarise(self, rows: pa.Table, by_tree: pa.Table) -> Result:
        """Count the models that are named, and the share of replies that a model seems to have written."""
        return shares(rows, by_tree)

    def _hits(self, talk: Talk) -> Found:
        hits: Found = defaultdict(list)
        for start, end, name in talk.identities(self.own_names):
            who = name.model or f"a model of {name.maker}"
            asked = ", asked who it is" if talk.is_asked else ""
            severity = NOTE if talk.is_asked else OTHER_IDENTITY.severity
            facets = {"model": name.model, "maker": name.maker}
            hits[OTHER_IDENTITY, severity].append(
                Hit(OTHER_IDENTITY, start, end, f"Claims to be {who}{asked}", facets=facets)
            )
        for start, end, part in talk.remains():
            summary = f"Contains part of a chat window: {PARTS[part]}"
            hits[PASTED_INTERFACE, PASTED_INTERFACE.severity].append(
                Hit(PASTED_INTERFACE, start, end, summary, facets={"part": PARTS[part]})
            )
        for rule, places in ((AI_DISCLAIMER, talk.disclaimers()), (KNOWLEDGE_CUTOFF, talk.limits())):
            for place in places:
                hits[rule, NOTE].append(Hit(rule, *place))
        refused = talk.refusal()
        if refused is not None:
            hits[REFUSAL, NOTE].append(
                Hit(REFUSAL, *refused, "Says that it cannot", facets={"grade": "says it cannot"})
            )
        elif talk.may_lecture:
            likely = lectures.probability(talk.passage.text)
            if likely >= self.min_lecture:
                summary = f"Gives a moral lecture instead of an answer (probability {likely:.2f})"
                end = len(talk.passage.text)
                hits[REFUSAL, NOTE].append(Hit(REFUSAL, 0, end, summary, round(likely, 3), {"grade": "moral lecture"}))
        return hits


def _tongues(langs: pa.Array) -> IntArray:
    """Return the languages that each text may be in, as bits: its own and English, or all."""
    tags = langs.dictionary_encode()
    own = [tongue_of(tag) for tag in (*tags.dictionary.to_pylist(), None)]
    bits = np.array([tongue_bits(TONGUES if code is None else {code, "en"}) for code in own], dtype=np.int64)
    return bits[as_ints(tags.indices, -1)]


PARTS = {
    "button": "a button",
    "speaker": "the name of a speaker",
    "thought": "a line about thinking or searching",
    "counter": "a page counter",
    "citation": "a citation mark",
    "link": "a link that a chat service made",
    "notice": "a notice of a chat service",
    "answer": "words that introduce a model's answer",
}
