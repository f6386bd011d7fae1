"""The command `clean`: a data set without flagged messages."""

from pathlib import Path
from typing import Annotated

import typer

from ..cleaning.clean import clean as run_clean
from ..cleaning.policy import load_policy
from ..reading.folders import POLICY
from ..record import Record
from .options import AuditedFiles, AuditFolder, Quiet
from .terminal import print_text, progress_display, user_errors


def _print_default(is_set: bool) -> None:
    if is_set:
        print(load_policy().toml(), end="")
        raise typer.Exit


def clean(
    folder: AuditFolder,
    out_dir: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="New folder for the cleaned data.", show_default=False)
    ],
    sources: AuditedFiles = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Actions by rule, in TOML. [default: the default action of each rule]",
            show_default=False,
        ),
    ] = None,
    allow_unread: Annotated[
        bool, typer.Option("--allow-unread", help="Also drop messages of files with text that the audit did not read.")
    ] = False,
    default: Annotated[
        bool,
        typer.Option(
            "--print-policy", help="Print the default policy and exit.", callback=_print_default, is_eager=True
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write a copy of the audited data without flagged messages.

    A policy decides which findings are acted on; by default, messages with only notes are kept. Dropping a message also
    drops the replies to it. The audited files are never changed. dropped.csv lists every dropped message with the
    reason.
    """
    with user_errors():
        record = Record.read(folder)
        chosen = load_policy(policy, record)
        with progress_display(quiet) as progress:
            names = sources or [source.name for source in record.facts.sources]
            cleaned = run_clean(record, names, chosen, out_dir, allow_unread=allow_unread, progress=progress)
        if not quiet:
            print_text(f"{'Default policy' if policy is None else f'Policy {policy}'} ({out_dir / POLICY})", 4)
            for line in cleaned.lines():
                print_text(line, 4)
            print_text(f"Audit the result: chataudit run {out_dir}", 4)
