"""Structural rules that every conversation tree must satisfy.

A trainer walks a tree from root to leaf and assumes that prompter and assistant take turns, that each parent exists,
that an id names one message, and that labels are in the range of the data set card. Where one of these fails, code
breaks late or, worse, learns from the wrong pair. The rules come from the OASST data set card and from its export code
(https://huggingface.co/datasets/OpenAssistant/oasst1; Köpf et al. 2023, arXiv:2304.07327). For other chat formats they
are the assumptions of common chat templates: a system message comes first, and tool results follow their calls. The two
answers of a preference pair share a prompt and differ. Data are checked only against what their own format promises
(`Form`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from ..base.check import ALL, Check, Method, Result, Stage
from ..base.claims import cover
from ..base.faults import FaultKind
from ..base.findings import FINDINGS, NOTE, Rule
from ..base.messages import Batch
from ..base.settings import setting
from .across_trees import (
    DATES,
    IDS,
    MAX_FUTURE,
    MICROSECONDS_PER_YEAR,
    N_NEWEST,
    PARENTS,
    duplicate_ids,
    ids,
    lost_parents,
    newest,
    outside_parents,
)
from .claims import Claims, claims_at
from .faults import reader_claims
from .field_rules import DATE_IN_FUTURE
from .fields import field_claims
from .method import METHOD, NAME
from .ratings import detoxify_claims, emoji_claims, label_claims, rank_claims, review_claims, state_claims
from .rules import FAULT_RULES, RULES
from .texts import date_claims, text_claims
from .thread_rules import DANGLING_PARENT, ONE_ROOT
from .threads import link_claims, pair_claims, role_claims
from .tool_rules import CALL_ARGUMENTS
from .tools import tool_claims


@dataclass(frozen=True)
class SchemaInvariants(Check):
    """Report trees, messages and records that break what their format promises."""

    name: ClassVar[str] = NAME
    rules: ClassVar[Sequence[Rule]] = RULES
    measurement: ClassVar[Method] = METHOD
    facets: ClassVar[Mapping[str, str]] = {
        "scope": "first use of the id",
        "role": "role of message and parent",
    }
    faults: ClassVar[Mapping[FaultKind, Rule]] = FAULT_RULES
    reads_texts: ClassVar[bool] = False
    rules_on_texts: ClassVar[Sequence[Rule]] = (CALL_ARGUMENTS,)

    off: tuple[str, ...] = setting((), "Names of rules to switch off.", choices=tuple(rule.name for rule in RULES))
    filtered_export: bool = setting(False, "Report missing parents and roots as notes: they were left out on purpose.")
    max_future_years: float = setting(2.0, "Report dates that are later than all others by more years.", above=0)

    def stages(self) -> Sequence[Stage]:
        """Return three stages: whole trees; ids and parents of all trees; the newest messages of all."""
        return (
            Stage(self.scan),
            Stage(self.link, takes={"ids": IDS, "parents": PARENTS}, by="key"),
            Stage(self.compare_dates, takes={"dates": DATES}, by=ALL),
        )

    def severities(self) -> dict[Rule, int]:
        """Return the rules that are not off, with missing parents and roots of a filtered export as notes."""
        mild = (DANGLING_PARENT, ONE_ROOT) if self.filtered_export else ()
        return {rule: NOTE if rule in mild else rule.severity for rule in self.rules if rule.name not in self.off}

    def _findings(self, claims: Iterable[Claims]) -> pa.Table:
        """Return the findings of all rules that are not off, as severe as the settings make them."""
        severities = self.severities()
        tables = []
        for rule, table in claims:
            severity = severities.get(rule)
            if severity is None:
                continue
            if severity != rule.severity:
                column = pa.repeat(pa.scalar(severity, pa.int8()), table.num_rows)
                table = table.set_column(table.schema.get_field_index("severity"), FINDINGS.field("severity"), column)
            tables.append(table)
        return pa.concat_tables(tables) if tables else FINDINGS.empty_table()

    # -- first stage: whole trees ------------------------------------------------------------------------------------

    def scan(self, batch: Batch) -> Result:
        """Check whole trees; hand on ids, parents outside their trees, and the newest dates."""
        parts = (*_OF_MESSAGES, reader_claims) if len(batch) else (reader_claims,)
        found = self._findings(claims for claims_of in parts for claims in claims_of(batch))
        rows = {"ids": ids(batch), "parents": outside_parents(batch), "dates": newest(batch)}
        return Result(found, cover(batch.checkable), rows)

    # -- second stage: ids and parents over all trees ----------------------------------------------------------------

    def link(self, ids: pa.Table, parents: pa.Table) -> Result:
        """Report duplicate ids, and parents that are missing or in another tree."""
        return Result(self._findings([*duplicate_ids(ids), *lost_parents(ids, parents)]))

    # -- third stage: the newest messages of all ---------------------------------------------------------------------

    def compare_dates(self, dates: pa.Table) -> Result:
        """Report the few messages that are dated years after all others.

        The newest N_NEWEST messages of all are among the newest of each batch, so the outcome does not depend on
        how the data were cut. More than MAX_FUTURE messages beyond the gap are a later collection, not a slip.
        """
        order = [("date", "descending"), ("source", "ascending"), ("line", "ascending")]
        newest = dates.sort_by(order).slice(0, N_NEWEST)
        when = np.asarray(newest["date"], dtype=np.int64)
        gaps = np.flatnonzero(when[:-1] - when[1:] > self.max_future_years * MICROSECONDS_PER_YEAR)
        # Only a minority can be late: one date of 1970 does not put all others into the future.
        gaps = gaps[gaps < min(MAX_FUTURE, (len(when) - 1) // 2)]
        n_late = int(gaps[-1]) + 1 if gaps.size else 0
        late = np.arange(n_late)
        years = [(when[r] - when[n_late]) / MICROSECONDS_PER_YEAR for r in late]
        summaries = [f"Date is {y:.1f} years after the newest of the other dates" for y in years]
        return Result(self._findings(claims_at(newest, DATE_IN_FUTURE, late, summaries)))


_OF_MESSAGES: tuple[Callable[[Batch], list[Claims]], ...] = (
    link_claims,
    role_claims,
    tool_claims,
    pair_claims,
    rank_claims,
    state_claims,
    review_claims,
    field_claims,
    text_claims,
    label_claims,
    emoji_claims,
    detoxify_claims,
    date_claims,
)
