"""A check that finds what texts say, so that every number of an audit is known before it is made."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from building import EXAMPLE, message, uid
from chataudit.checks.base.check import Check, Method, Result
from chataudit.checks.base.claims import claim, cover
from chataudit.checks.base.findings import ERROR, NOTE, WARNING, Action, Rule
from chataudit.checks.base.statistics.intervals import Confusion

FAULT = Rule("planted/fault", "The text says FAULT", ERROR, "Drop the message.", EXAMPLE)
ODD = Rule("planted/odd", "The text says ODD", WARNING, "Look at it.", EXAMPLE)
REMARK = Rule("planted/remark", "The text says REMARK", NOTE, "Read on.", EXAMPLE, Action.KEEP)


@dataclass(frozen=True)
class Planted(Check):
    """Flag messages that say FAULT, ODD or REMARK."""

    name = "planted"
    rules = (FAULT, ODD, REMARK)
    measurement = Method(sure="It is right in 7 of 7 texts.", blind=("It does not see whispers.",))

    notes: tuple[str, ...] = ()
    labelled: tuple[int, ...] | None = None  # as in Confusion

    def scan(self, batch):
        texts = [text or "" for text in batch.column("text").to_pylist()]
        found = []
        for rule in self.rules:
            rows = np.array([k for k, text in enumerate(texts) if rule.id.partition("/")[2].upper() in text.split()])
            if len(rows):
                found.append(claim(batch.places, rule, rows, [f"It says {texts[k]}" for k in rows.tolist()]))
        # A text `SKIP why` is not checked, and why not is what follows.
        outcomes = [text.removeprefix("SKIP ") if text.startswith("SKIP ") else "checked" for text in texts]
        coverage = cover(batch.messages, pa.array(outcomes, pa.string()))
        labelled = None if self.labelled is None else Confusion(*self.labelled)
        findings = pa.concat_tables(found) if found else Result().findings
        return Result(findings, coverage, notes=self.notes, labelled=labelled)


class Fails(Check):
    """Flag messages on another day."""

    name = "fails"
    rules = (Rule("fails/none", "Never", WARNING, "None.", EXAMPLE),)

    def scan(self, batch):
        raise RuntimeError("no luck <b>today</b>")


def alone(*texts, lang="en", **more):
    """Return trees of one message each, called m0, m1, ..., with these texts."""
    return [
        message(f"m{k}", text=text, lang=lang, message_tree_id=uid(f"m{k}"), **more) for k, text in enumerate(texts)
    ]
