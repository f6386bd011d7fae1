"""The command `gate`, and the baseline, verdict and exit code of a gate for other commands."""

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from ...reports import record as kept
from ...reports.baseline import Baseline
from ...reports.exports import github
from ...reports.exports.junit import junit
from ...reports.exports.sarif import sarif
from ...reports.files import refuse_file, write_file
from ...reports.gate import Gate, Verdict, decide, refuse_unknown
from ...reports.wording import visible
from .. import config as configuration
from ..record import Record
from .options import AuditFolder, BaselineFolder, ConfigFile
from .terminal import out, user_errors, wrapped


def older_audit(folder: Path | None, config: configuration.Config) -> Record | None:
    """Return the baseline: from the command, or else from the settings."""
    chosen = folder or config.baseline
    return None if chosen is None else Record.read(chosen)


def refuse_unfit(config: configuration.Config, names: Sequence[str], older: Record | None) -> None:
    """Refuse gate limits that these checks cannot answer, before any data are read."""
    if config.gate is not None:
        checks = configuration.chosen(config, names)
        refuse_unknown(
            config.gate, {check.name: [rule.id for rule in check.rules] for check in checks}, older is not None
        )


def code_of(record: kept.Record, verdict: Verdict | None) -> int:
    """Return the exit code: of an incomplete audit, or else of the gate."""
    return record.exit_code or (1 if verdict is not None and not verdict.is_passed else 0)


def print_verdict(verdict: Verdict) -> None:
    """Print the verdict of a gate, the exceeded limits first."""
    out.print(f"\n[bold {'green' if verdict.is_passed else 'red'}]{wrapped(verdict.words)}[/]")
    for ruling in verdict.rulings:
        line = Text(wrapped(f"{ruling.outcome:8}  {visible(ruling.words)}", 10))
        line.stylize("green" if ruling.is_held else "red", 0, 8)
        out.print(line)
    for remark in verdict.remarks:
        out.print(escape(wrapped(remark)), style="yellow")
    if verdict.accepted_words:
        out.print(wrapped(verdict.accepted_words), style="dim")


def gate(
    folder: AuditFolder,
    config: ConfigFile = None,
    baseline: BaselineFolder = None,
    suppress: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Accepted findings, in TOML. [default: `suppress` in [gate] of chataudit.toml]",
            show_default=False,
        ),
    ] = None,
    junit_file: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.", show_default=False)
    ] = None,
    sarif_file: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0.", show_default=False)
    ] = None,
    on_github: Annotated[
        bool, typer.Option("--github", help="Print annotations and write the step summary of GitHub Actions.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older JUnit and SARIF files.")] = False,
) -> None:
    """Check an audit against the limits in [gate].

    Exit codes: 0 all limits met, 1 a limit is exceeded, 2 wrong usage or settings, 3 or 4 the audit is incomplete (see
    `chataudit run --help`).
    """
    with user_errors():
        settings = configuration.load(config)
        limits = settings.gate or Gate(())
        if suppress is not None:
            limits = Gate(limits.limits, configuration.suppressed(suppress))
        record = Record.read(folder)
        older = older_audit(baseline, settings)
        verdict = decide(record, limits, None if older is None else Baseline.of(older, record), date.today())
        files = [(path, text) for path, text in ((junit_file, junit), (sarif_file, sarif)) if path is not None]
        for path, _ in files:
            refuse_file(path, replace=overwrite)
        for path, text in files:
            write_file(path, text(record, verdict), replace=overwrite)
        if on_github:
            for line in github.annotations(record, verdict):
                print(line)  # not by a console, which could change it
            if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
                with open(summary, "a", encoding="utf-8") as file:
                    file.write(github.step_summary(record, verdict))
        print_verdict(verdict)
        for problem in verdict.problems:
            # After our own words, so that a file name cannot be a command to a server that reads these lines.
            out.print(escape(wrapped(f"Incomplete: {problem}".replace("##[", "## ["), 2)), style="red")
        raise typer.Exit(code_of(record, verdict))
