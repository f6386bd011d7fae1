"""The command `clean`: a data set without flagged messages."""

from pathlib import Path
from typing import Annotated

import typer

from ..cleaning.clean import clean as run_clean
from ..cleaning.policy import DEFAULT, load_policy
from ..reading.folders import POLICY
from ..record import Record
from .options import AuditedFiles, AuditFolder, Quiet
from .terminal import print_text, progress_display, user_errors


def _print_policy(context: typer.Context, parameter: typer.CallbackParam, value: bool | str) -> bool | str:
    """Print the chosen policy if that is asked for, once both options have been read, in any order."""
    known = context.params | {str(parameter.name): value}
    if "policy" in known and known.get("is_policy_printed"):
        with user_errors():
            print(load_policy(known["policy"]).toml(), end="")
        raise typer.Exit
    return value


def clean(
    folder: AuditFolder,
    sources: AuditedFiles = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="New folder for the cleaned data.", show_default=False)
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="default, strict, or a TOML file of actions by rule.",
            callback=_print_policy,
            is_eager=True,
        ),
    ] = DEFAULT,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be dropped, by rule, and write nothing.")
    ] = False,
    allow_unread: Annotated[
        bool, typer.Option("--allow-unread", help="Also drop messages of files with text that the audit did not read.")
    ] = False,
    is_policy_printed: Annotated[
        bool,
        typer.Option("--print-policy", help="Print the policy and exit.", callback=_print_policy, is_eager=True),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Write a copy of the audited data without flagged messages.

    The default policy drops duplicates with which nothing is lost, empty or unreadable records, and benchmark
    questions; all else is kept and listed. The strict policy drops messages with warnings or errors, unless their rule
    says to keep them. Dropping a message also drops the replies to it. The audited files are never changed.
    dropped.csv lists every dropped message with the reason.
    """
    with user_errors():
        if out_dir is None and not dry_run:
            raise ValueError("--out is missing: name a new folder for the cleaned data, or pass --dry-run")
        record = Record.read(folder)
        chosen = load_policy(policy, record)
        with progress_display(quiet) as progress:
            names = sources or [source.name for source in record.facts.sources]
            target = None if dry_run else out_dir
            cleaned = run_clean(record, names, chosen, target, allow_unread=allow_unread, progress=progress)
        if not quiet:
            place = "" if target is None else f" ({target / POLICY})"
            print_text(f"Policy {policy}{place}", 4)
            for line in cleaned.lines():
                print_text(line, 4)
            if target is not None:
                print_text(f"Audit the result: chataudit run {target}", 4)
