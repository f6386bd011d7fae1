"""The command `gate`, and what other commands need of gates: baseline, verdict, exit code."""

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
from .terminal import AuditFolder, BaselineFolder, ConfigFile, out, telling, wrapped

AuditedFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="The audited files. [default: where they were]", show_default=False),
]


def older_audit(folder: Path | None, config: configuration.Config) -> Record | None:
    """The audit that data are held against: by the command, else by the settings."""
    chosen = folder or config.baseline
    return None if chosen is None else Record.read(chosen)


def refuse_unfit(config: configuration.Config, names: Sequence[str], older: Record | None) -> None:
    """Let only limits pass that an audit by these checks can be held against; known before anything is read."""
    if config.gate is not None:
        checks = configuration.chosen(config, names)
        refuse_unknown(
            config.gate, {check.name: [rule.id for rule in check.rules] for check in checks}, older is not None
        )


def code_of(record: kept.Record, verdict: Verdict | None) -> int:
    """The exit code: what kept the audit from being complete, else what the gate says."""
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
        typer.Option(help="TOML file of accepted findings. [default: as [gate] says]", show_default=False),
    ] = None,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.", show_default=False)] = None,
    sarif_file: Annotated[Path | None, typer.Option("--sarif", help="Write SARIF 2.1.0.", show_default=False)] = None,
    on_github: Annotated[
        bool, typer.Option("--github", help="Print annotations, and write the summary of the step, for GitHub Actions.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older files of these names.")] = False,
) -> None:
    """Hold an audit against the limits of [gate], without a new audit.

    Exit codes: 0 all are held, 1 one is broken, 2 usage or settings, 3 and 4 the audit is not complete (see run).
    """
    with telling():
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
                print(line)  # as it is, whatever a console would make of it
            if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
                with open(summary, "a", encoding="utf-8") as file:
                    file.write(github.step_summary(record, verdict))
        print_verdict(verdict)
        for problem in verdict.problems:
            # Behind words of ours, so that a file's name cannot be a command to who reads these lines.
            out.print(escape(f"Not complete: {problem}".replace("##[", "## [")), style="red")
        raise typer.Exit(code_of(record, verdict))
