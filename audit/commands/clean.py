"""The command `clean`: a data set without what its audit found."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ...reports.wording import visible
from ..cleaning.clean import clean as run_clean
from ..cleaning.policy import load_policy
from ..record import Record
from .gate import AuditedFiles
from .terminal import AuditFolder, Quiet, out, telling, watched


def _print_default(asked: bool) -> None:
    if asked:
        print(load_policy().toml(), end="")
        raise typer.Exit


def clean(
    folder: AuditFolder,
    out_dir: Annotated[Path, typer.Option("--out", help="New folder for the cleaned data.", show_default=False)],
    sources: AuditedFiles = None,
    policy: Annotated[
        Path | None,
        typer.Option(help="TOML file: an action by rule. [default: each rule's own]", show_default=False),
    ] = None,
    default: Annotated[
        bool,
        typer.Option("--print-policy", help="Print the default policy.", callback=_print_default, is_eager=True),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write a copy of the audited data without what a policy drops, in the same formats; trees stay whole.

    The audited files are never changed. dropped.csv lists every dropped message and the reason.
    """
    with telling():
        record = Record.read(folder)
        chosen = load_policy(policy, record)
        if not quiet:
            out.print("Default policy:" if policy is None else escape(f"Policy {policy}:"))
            out.print(chosen.toml(), style="dim", markup=False)
        with watched(quiet) as progress:
            named = sources or [source.name for source in record.facts.sources]
            cleaned = run_clean(record, named, chosen, out_dir, progress=progress)
        if not quiet:
            for line in cleaned.lines():
                out.print(visible(line), markup=False)
            out.print(visible(f"What is left: chataudit run {out_dir}"), markup=False)
