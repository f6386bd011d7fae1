"""The record of an audit for Python users, with a method for everything that can be done with it."""

import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..reports import record as kept
from ..reports.baseline import Baseline, Difference, difference
from ..reports.files import write_file
from ..reports.gate import Gate, Limit, Suppression, Verdict, decide
from ..reports.page.html import pages
from ..reports.page.view import page
from ..reports.rates import columns, rows
from ..reports.statements.card import card
from ..reports.statements.croissant import croissant
from ..reports.statements.datasheet import datasheet
from ..reports.statements.latex import latex
from ..reports.statements.limitations import Limitations, markdown
from ..reports.statements.limitations import limitations as statements
from . import registry
from .cleaning.clean import Cleaned, clean
from .cleaning.policy import DEFAULT, Policy, load_policy

if TYPE_CHECKING:
    import pandas as pd


class Record(kept.Record):
    """One audit: its facts, its findings, and methods to use them.

    >>> import chataudit
    >>> record = chataudit.run(release)
    >>> record.facts.messages == len(record.messages)
    True
    >>> record.write("release.audit")
    >>> chataudit.Record.read("release.audit").facts.messages == record.facts.messages
    True
    """

    def rates(self, by: Sequence[str] = ()) -> "pd.DataFrame":
        """Return the rate of each finished check and of each broken rule, with denominator and 95 % intervals.

        Parameters
        ----------
        by : sequence of {'lang', 'role', 'source'}
            One row for each combination of their values.

        Returns
        -------
        DataFrame
            check, rule and severity (None: the whole check, from warnings on), the columns of `by`, flagged and
            checked (messages), clusters (conversations), rate, low and high (clustered by conversation:
            `checks.base.intervals.clustered`), wilson_low and wilson_high, corrected, corrected_low and corrected_high
            (for errors of the check, where people labelled messages).

        Raises
        ------
        ValueError
            If `by` names anything else.

        >>> rates = record.rates().set_index(["check", "rule"])
        >>> name = record.facts.checks[0].name
        >>> row = rates.loc[(name, None)]
        >>> bool(row["low"] < row["rate"] < row["high"])
        True
        """
        import pandas as pd

        return pd.DataFrame([row.flat() for row in rows(self, by)], columns=list(columns(by)))

    def gate(
        self,
        *limits: Limit,
        suppressions: Sequence[Suppression] = (),
        baseline: kept.Record | None = None,
        today: date | None = None,
    ) -> Verdict:
        """Check this audit against limits.

        Parameters
        ----------
        limits : Limit
            Upper bounds on findings.
        suppressions : sequence of Suppression
            Findings that are accepted until a date.
        baseline : Record, optional
            The older audit with which `max_new` compares.
        today : date, optional
            The date for suppressions that expire; by default the current date.

        Raises
        ------
        ValueError
            If there is no limit, a limit names a check or rule that was not run, or the baseline is missing or covers
            other data.

        >>> from chataudit import Limit
        >>> name = record.facts.checks[0].name
        >>> record.gate(Limit(target=name, max_rate=0.5)).is_passed
        True
        >>> print(record.gate(Limit(target=name, max_count=0)).words)
        Gate failed: 1 of 1 limit exceeded
        """
        held = None if baseline is None else Baseline.of(baseline, self)
        return decide(self, Gate(limits, tuple(suppressions)), held, today or date.today())

    def diff(self, older: kept.Record) -> Difference:
        """Compare with an older audit: findings new, fixed, unchanged; messages added, removed, changed.

        Raises
        ------
        ValueError
            If the two have no message in common.

        >>> record.diff(record).new.num_rows
        0
        """
        return difference(older, self)

    def clean(
        self,
        out: str | os.PathLike[str] | None = None,
        sources: Sequence[str | os.PathLike[str]] = (),
        policy: Policy | str | Path = DEFAULT,
        *,
        allow_unread: bool = False,
    ) -> Cleaned:
        """Write cleaned copies of the audited files into a new folder, in their original formats.

        Parameters
        ----------
        out : str or path, optional
            A folder that does not exist, or is empty. None: a dry run, which counts what would be dropped.
        sources : sequence of str or path
            The audited files; by default their paths during the audit.
        policy : Policy, str or Path
            Which action applies to which rule: `default`, `strict`, or the path of a policy file.
        allow_unread : bool
            Also drop messages of sources with texts that the audit did not read.

        Raises
        ------
        LookupError, ValueError, FileExistsError, OSError
            As `chataudit.audit.cleaning.clean.clean`; nothing is written then.

        >>> import chataudit
        >>> dry = record.clean()
        >>> cleaned = record.clean("cleaned", policy="strict")
        >>> cleaned.dropped > dry.dropped
        True
        >>> again = chataudit.run("cleaned")
        >>> kept = {rule.id for check in again.facts.checks for rule in check.rules if rule.strict_action == "keep"}
        >>> set(again.findings().query("severity > 1")["rule"]) - kept
        set()
        """
        named = sources or [source.name for source in self.facts.sources]
        chosen = policy if isinstance(policy, Policy) else load_policy(policy, self)
        return clean(self, named, chosen, out, allow_unread=allow_unread)

    def report(self, path: str | os.PathLike[str]) -> None:
        """Write the HTML report of this audit to a new file.

        Raises
        ------
        FileExistsError
            If the file exists.
        """
        write_file(Path(path), pages(self, page(self))[kept.REPORT])

    def limitations(self, form: str = "markdown", before: str = "") -> str:
        """Write a limitations section for a paper or a data set card: findings, skipped messages and blind spots.

        Parameters
        ----------
        form : {'markdown', 'latex', 'card', 'croissant', 'datasheet'}
            The output format.
        before : str
            For a card: the existing card, in which the section between the marks is replaced.

        Raises
        ------
        LookupError
            If `form` is unknown.

        >>> record.limitations("latex").startswith("% Needs")
        True
        """
        if form not in FORMS:
            raise LookupError(f"unknown format {form!r}; expected one of {', '.join(FORMS)}")
        return _WRITERS[form](statements(self, list(registry.checks())), self.facts, before)


_WRITERS: dict[str, Callable[[Limitations, kept.Facts, str], str]] = {
    "markdown": lambda limits, facts, before: markdown(limits),
    "latex": lambda limits, facts, before: latex(limits),
    "card": lambda limits, facts, before: card(limits, before),
    "croissant": lambda limits, facts, before: croissant(limits, facts),
    "datasheet": lambda limits, facts, before: datasheet(limits),
}
FORMS = tuple(_WRITERS)
