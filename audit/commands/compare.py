"""The commands `diff` and `rates`: compare two audits, count the findings of one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.markup import escape

from ...checks.base.findings import SEVERITIES
from ...reports.baseline import Difference, difference
from ...reports.counts import by_rule
from ...reports.exports import spreadsheet
from ...reports.rates import BY, CITED, CORRECTED, COUNTED, RateRow, columns, estimated, rows
from ...reports.wording import count_of, interval, number, percent, visible
from ..record import Record
from .options import AuditFolder
from .terminal import out, print_columns, user_errors, wrapped

SHOWN = 20  # findings of each rule that `diff` prints


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="Folder of the older audit.", show_default=False)],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Folder of the newer audit.", show_default=False)],
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write all changes as CSV, to a new file.", show_default=False),
    ] = None,
) -> None:
    """Show what changed between two audits: messages and findings."""
    with user_errors():
        older, newer = Record.read(old), Record.read(new)
        found = difference(older, newer)
        _print_messages(found)
        kinds = {"new": found.new, "fixed": found.fixed, "unchanged": found.unchanged}
        out.print("findings: " + ", ".join(f"{number(table.num_rows)} {kind}" for kind, table in kinds.items()))
        for check, n in found.untold.items():
            words = f"{check}: {count_of(n, 'finding')} not compared, as only one of the audits ran this check"
            out.print(escape(wrapped(words)))
        for kind in ("new", "fixed"):
            _print_findings(kind, kinds[kind])
        if out_file is not None:
            spreadsheet.write(out_file, _COLUMNS, _changes(found, kinds))


def _print_messages(found: Difference) -> None:
    changed = "an unknown number (an audit is redacted)" if found.changed is None else number(found.changed.num_rows)
    words = (
        f"messages: {number(found.added.num_rows)} added, {number(found.removed.num_rows)} removed, "
        f"{changed} changed, {number(found.n_same)} in both"
    )
    out.print(wrapped(words))


def _print_findings(kind: str, findings: pa.Table) -> None:
    for rule, severity, n, _ in by_rule(findings):
        out.print(f"\n[bold]{kind}[/bold] {number(n):>7}  {escape(rule)} ({SEVERITIES[severity]})")
        is_it = pc.and_(pc.equal(findings["rule"], rule), pc.equal(findings["severity"], severity))
        of_rule = findings.filter(is_it).slice(0, SHOWN)
        for found in of_rule.select(["source", "line", "message_id", "summary"]).to_pylist():
            place = f"{found['source']}:{found['line']}"
            line = " ".join(visible(f"{place}  {found['message_id']}  {found['summary']}").splitlines())
            out.print(wrapped(f"  {line}", 4), style="dim", markup=False)
        if n > SHOWN:
            out.print(f"  and {number(n - SHOWN)} more: --out FILE.csv writes all", style="dim")


_COLUMNS = ("state", "what", "rule", "severity", "tree_id", "message_id", "source", "line", "summary", "fingerprint")


def _changes(found: Difference, kinds: dict[str, pa.Table]) -> Iterator[list[object]]:
    for kind, table in kinds.items():
        for row in table.to_pylist():
            row |= {"state": kind, "what": "finding", "severity": SEVERITIES[row["severity"]]}
            yield [row[name] for name in _COLUMNS]
    for kind, messages in (("added", found.added), ("removed", found.removed), ("changed", found.changed)):
        for row in messages.to_pylist() if messages is not None else ():
            row |= {"state": kind, "what": "message"}
            yield [row.get(name) for name in _COLUMNS]


def rates(
    folder: AuditFolder,
    by: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help=f"Group by {', '.join(BY)}: one or more, separated by commas.", show_default=False
        ),
    ] = "",
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write CSV with more columns, to a new file.", show_default=False),
    ] = None,
) -> None:
    """Print the rate of each check and rule, with 95 % intervals."""
    with user_errors():
        record = Record.read(folder)
        names = list(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
        counted = list(rows(record, names))
        if out_file is not None:
            spreadsheet.write(out_file, columns(names), (row.flat() for row in counted))
            return
        head = ("check or rule", *names, "severity", "flagged", "checked", "rate", "95 % CI", "Wilson")
        print_columns([head, *map(_cells, counted)], 2 + len(names), ("Wilson", "severity"))
        for row in counted:
            if words := estimated(row.corrected):
                out.print(escape(wrapped(f"{row.check}, {CORRECTED}: {words}")))
        out.print()
        if any(row.rule for row in counted):
            out.print(wrapped(COUNTED), style="dim")
        out.print(wrapped(CITED), style="dim")


def _cells(row: RateRow) -> tuple[str, ...]:
    rate = row.rate
    return (
        f"  {row.rule.partition('/')[2]}" if row.rule else row.check,
        *(visible(value or "none declared") for value in row.values),
        *(row.severity or "", number(rate.flagged), number(rate.checked)),
        percent(rate.share) if rate.checked else "none checked",
        *(f"{interval(*ends)} %" if rate.checked else "" for ends in (rate.clustered, rate.wilson)),
    )
