"""The commands `run` and `demo`: audit data, write the record and its pages."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from rich.text import Text

from ...reports.baseline import Baseline
from ...reports.files import write_pages
from ...reports.gate import Gate, decide
from ...reports.page.html import pages
from ...reports.page.payload import Limits
from ...reports.page.view import Page, page
from ...reports.record import FINDINGS_FILE, REPORT, Record, refuse_taken
from ...reports.redact import redacted
from ...reports.wording import sentence, visible
from .. import config as configuration
from ..demo.release import prepared, release
from ..paths import free
from ..reading.remote import bare
from ..run import run as audit
from ..storage.checkpoint import is_begun
from .gate import code_of, older_audit, print_verdict, refuse_unfit
from .options import (
    SOURCES,
    Address,
    AuditOut,
    BaselineFolder,
    Checks,
    ConfigFile,
    EngineName,
    Format,
    Lang,
    MaxReportFindings,
    MaxReportMb,
    Memory,
    Overwrite,
    Plugins,
    Quiet,
    Redact,
    References,
    Resume,
    Splits,
    Workers,
)
from .report import page_limits
from .terminal import (
    err,
    leave_pandas_out,
    out,
    print_plugins,
    progress_display,
    use_plugins,
    user_errors,
    wrapped,
)


def run(
    sources: Annotated[list[str] | None, SOURCES] = None,
    split: Splits = None,
    out_dir: AuditOut = None,
    config: ConfigFile = None,
    checks: Checks = "",
    plugin: Plugins = None,
    format: Format = None,
    lang: Lang = None,
    references: References = None,
    engine: EngineName = None,
    workers: Workers = None,
    address: Address = None,
    memory: Memory = None,
    baseline: BaselineFolder = None,
    redact: Redact = False,
    max_report_mb: MaxReportMb = None,
    max_report_findings: MaxReportFindings = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    quiet: Quiet = False,
) -> None:
    """Audit data: write a record of all findings, and a report.

    Progress is saved next to the output folder until the record is written; --resume continues from there.

    Exit codes: 0 finished, with or without findings; 1 a limit in [gate] of chataudit.toml is exceeded; 2 wrong usage
    or settings; 3 a source could not be read to the end; 4 a check did not finish.
    """
    with user_errors():
        leave_pandas_out()
        use_plugins(plugin)
        settings = configuration.load(config)
        names = [name.strip() for name in checks.split(",") if name.strip()]
        splits = by_split(split or ())
        limits = page_limits(settings, max_report_mb, max_report_findings)
        older = older_audit(baseline, settings)
        refuse_unfit(settings, names, older)
        target = _target(out_dir, [*(sources or ()), *chain.from_iterable(splits.values())], overwrite)
        if not quiet:
            print_plugins()
        with _checkpoint(target, resume, overwrite) as work:
            with progress_display(quiet) as progress:
                record = audit(
                    *(sources or ()),
                    splits=splits,
                    checks=names,
                    config=settings,
                    format=format,
                    engine=engine,
                    workers=workers,
                    address=address,
                    memory=memory,
                    lang=lang,
                    references=references,
                    progress=progress,
                    work=work,
                    resume=resume,
                )
            output = _Output(target, overwrite, quiet, redact, limits, work)
            _finish(record, output, older, settings.gate)


def demo(
    out_dir: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="New folder for data and audit. [default: chataudit-demo]",
            show_default=False,
        ),
    ] = Path("chataudit-demo"),
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Audit a small demo data set with an example of every rule."""
    with user_errors():
        leave_pandas_out()
        folder = free(out_dir)
        folder.mkdir(parents=True)
        sources = release(seed).write(folder / "release.jsonl")
        with progress_display(quiet) as progress:
            record = audit(*sources, checks=prepared(folder), progress=progress)
        _finish(record, _Output(folder / "audit", quiet=quiet))


def by_split(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Return the paths of `train=data.jsonl` by the name of their split."""
    paths: dict[str, list[str]] = {}
    for argument in arguments:
        name, is_named, path = argument.partition("=")
        if not (name and is_named and path):
            raise ValueError(f"--split {argument!r}; expected NAME=PATH, e.g. train=data.jsonl")
        paths.setdefault(name, []).append(path)
    return paths


def _target(folder: Path | None, sources: Sequence[str], overwrite: bool) -> Path:
    """Return the output folder; raise if it is taken, before any data are read."""
    if folder is None:
        # The name of a URL without credentials and query.
        (first,) = sources[:1] or ("",)
        first = bare(first) if "://" in first else first
        name = "stdin" if first == "-" else Path(first).name.replace("*", "_") or "data"
        return free(Path(f"{name}.audit"))
    refuse_taken(folder, replace=overwrite)
    return folder


@dataclass(frozen=True)
class _Output:
    """Place and form of the written audit."""

    target: Path
    overwrite: bool = False
    quiet: bool = False
    redact: bool = False
    limits: Limits = field(default_factory=Limits)
    work: Path | None = None  # the checkpoint


def _finish(record: Record, output: _Output, older: Record | None = None, gate: Gate | None = None) -> NoReturn:
    """Write record and pages, print the summary, and exit with the code of the audit or of the gate."""
    target = output.target
    shown = redacted(record) if output.redact else record
    try:
        baseline = None if older is None else Baseline.of(older, record)
    except ValueError as error:
        # The audit took long, so keep it: next to the one that it was to replace.
        kept = free(target) if output.overwrite else target
        _write(shown, kept, False, output.work)
        raise ValueError(f"{error}. The audit itself is written: {kept}") from None
    # By the record that is not redacted: limits and suppressions name sources and ids.
    verdict = None if gate is None else decide(record, gate, baseline, date.today())
    # The record first, so that an error in a page cannot lose it.
    _write(shown, target, output.overwrite, output.work)
    view = page(shown, baseline, verdict)
    write_pages(target, pages(shown, view, output.limits, baseline))
    if not output.quiet:
        _summarise(view, target)
    raise typer.Exit(code_of(record, verdict))


def _write(record: Record, target: Path, overwrite: bool, work: Path | None) -> None:
    """Write the record, then delete the checkpoint."""
    record.write(target, replace=overwrite)
    if work is not None:
        shutil.rmtree(work)


@contextmanager
def _checkpoint(target: Path, resume: bool, overwrite: bool) -> Iterator[Path]:
    """Yield the folder that saves the progress of an audit until its record is written."""
    work = target.with_name(f"{target.name}.unfinished")
    if resume and not work.is_dir():
        raise LookupError(f"{work}: no unfinished audit. Run without --resume to start one")
    if not resume and is_begun(work):
        if not overwrite:
            raise ValueError(
                f"{work}: progress of an interrupted audit. Continue it with --resume, or start over with --overwrite"
            )
        shutil.rmtree(work)
    try:
        yield work
    except BaseException as error:
        if type(error) not in (LookupError, ValueError):  # these are errors of the user
            if is_begun(work):
                err.print(f"Progress is saved in {visible(str(work))}. Continue with --resume", markup=False)
            else:
                shutil.rmtree(work, ignore_errors=True)
        raise


def _summarise(view: Page, target: Path) -> None:
    """Print the page in the terminal: what is wrong, how often, and where to read on."""
    out.print(escape(wrapped(view.size)))
    for problem in view.problems:
        out.print(escape(wrapped(problem)), style="red")
    styles = {"failed": "red", "error": "red", "warning": "yellow", "note": "cyan", "clean": "green", "idle": "dim"}
    for check in view.checks:
        line = Text(wrapped(f"{check.name}: {check.headline}", 2))
        line.stylize("dim" if check.state == "idle" else "bold", 0, None if check.state == "idle" else len(check.name))
        out.print()
        out.print(line)
        width = max((len(rule.name) for rule in check.rules), default=0)
        for rule in check.rules:
            words = f"{rule.severity:8}{rule.count:>7}  {rule.name:{width}}  {rule.title}"
            line = Text(wrapped(words, 19 + width))
            line.stylize(styles[rule.severity], 0, 8)
            out.print(line)
        if check.skipped and not check.error:
            out.print(escape(wrapped(f"{'skipped':8}{check.n_skipped:>7}  {check.why_skipped}", 17)), style="dim")
        for words in (*check.notes, *([sentence(check.baseline)] if check.baseline else [])):
            out.print(escape(wrapped(words)), style="dim")
    line = Text(wrapped(f"{view.verdict}. {view.headline}."))
    line.stylize(f"bold {styles[view.state]}", 0, len(view.verdict))
    out.print()
    out.print(line)
    for reason in view.reasons:
        out.print(escape(wrapped(f"- {reason}", 2)))
    if view.gate:
        print_verdict(view.gate)
    folder = visible(str(target))
    out.print(f"Report: {folder}/{REPORT}\nAll findings: {folder}/{FINDINGS_FILE}", markup=False)
