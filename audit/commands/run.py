"""The commands that write an audit and its pages: `run`, `demo`, `report`."""

import shutil
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape
from rich.text import Text

from ...benchmarks_refs.fingerprints import FOLDER as REFERENCES
from ...reports.baseline import Baseline
from ...reports.files import write_pages
from ...reports.gate import Gate, decide
from ...reports.page.html import pages
from ...reports.page.payload import Limits
from ...reports.page.view import Page, page
from ...reports.record import FINDINGS_FILE, REPORT, SUMMARY, Record, refuse_taken
from ...reports.redact import redacted
from ...reports.wording import sentence, visible
from .. import config as configuration
from ..demo import release as demonstration
from ..demo.release import release
from ..engines.engine import ENGINES
from ..paths import free
from ..reading.remote import bare
from ..run import run as audit
from ..storage.checkpoint import is_begun
from .gate import code_of, older_audit, print_verdict, refuse_unfit
from .terminal import (
    SOURCES,
    BaselineFolder,
    ConfigFile,
    Format,
    Plugins,
    Quiet,
    err,
    leave_pandas_out,
    out,
    telling,
    use,
    watched,
    wrapped,
)

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older audit in that folder.")]
MaxReportMb = Annotated[
    float | None,
    typer.Option(help="How large report.html may be. [default: 30]", show_default=False),
]
MaxReportFindings = Annotated[
    int | None,
    typer.Option(help="Findings of each check in report.html. [default: 100000]", show_default=False),
]
Redact = Annotated[bool, typer.Option("--redact", help="Hash ids, cut texts to the evidence, leave raw records out.")]


def run(
    sources: Annotated[list[str] | None, SOURCES] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="A source and the split that it is, such as train=data.jsonl; can be given several times. "
            "[default: told by a field 'split', or by file names]",
            show_default=False,
        ),
    ] = None,
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the audit. [default: SOURCE.audit here]", show_default=False),
    ] = None,
    config: ConfigFile = None,
    checks: Annotated[str, typer.Option(help="Names with commas. [default: all]", show_default=False)] = "",
    format: Format = None,
    plugin: Plugins = None,
    lang: Annotated[
        str | None,
        typer.Option(help="Language of messages without a language tag, e.g. en or pt-BR.", show_default=False),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(help=f"Folder with your own fingerprints. [default: {REFERENCES}]", show_default=False),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help=f"{', '.join(ENGINES)}. [default: auto]", show_default=False)
    ] = None,
    workers: Annotated[int | None, typer.Option(help="[default: as many as processors]", show_default=False)] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Of a Ray cluster, such as auto. [default: one on this machine]", show_default=False),
    ] = None,
    memory: Annotated[
        str | None,
        typer.Option(
            help="What the audit may take, about; past it, rows go to disk. [default: 4GB]", show_default=False
        ),
    ] = None,
    baseline: BaselineFolder = None,
    redact: Redact = False,
    max_report_mb: MaxReportMb = None,
    max_report_findings: MaxReportFindings = None,
    overwrite: Overwrite = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an audit that was stopped.")] = False,
    quiet: Quiet = False,
) -> None:
    """Audit data: reads it once, writes a record and a report.

    What is done is kept beside the folder of the audit until it is written; --resume goes on with it.

    Exit codes: 0 done, 1 a limit of [gate] is broken, 2 usage or settings, 3 a source could not be read to its end,
    4 a check did not finish.
    """
    with telling():
        leave_pandas_out()
        use(plugin)
        settings = configuration.load(config)
        named = [_split(argument) for argument in split or ()]
        limits = _limits(settings, max_report_mb, max_report_findings)
        older = older_audit(baseline, settings)
        refuse_unfit(settings, [name.strip() for name in checks.split(",") if name.strip()], older)
        target = _target(out_dir, [*(sources or ()), *(path for _, path in named)], overwrite)
        with _working(target, resume, overwrite) as work, watched(quiet) as progress:
            record = audit(
                *(sources or ()),
                splits={name: [path for other, path in named if other == name] for name, _ in named},
                checks=[name.strip() for name in checks.split(",") if name.strip()],
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
    out_dir: Annotated[Path, typer.Option("--out", help="Folder for the release and its audit.")] = Path(
        "chataudit-demo"
    ),
    seed: Annotated[int, typer.Option(help="Another seed, another release.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Audit a small made-up release with an example of every rule."""
    with telling():
        leave_pandas_out()
        folder = free(out_dir)
        folder.mkdir(parents=True)
        sources = release(seed).write(folder / "release.jsonl")
        with watched(quiet) as progress:
            record = audit(*sources, checks=demonstration.prepared(folder), progress=progress)
        _finish(record, _Output(folder / "audit", quiet=quiet))


def report(
    folder: Annotated[Path, typer.Argument(help="The folder that an audit wrote.", show_default=False)],
    baseline: BaselineFolder = None,
    redact: Redact = False,
    max_report_mb: MaxReportMb = None,
    max_report_findings: MaxReportFindings = None,
    config: ConfigFile = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Make the pages of an audit again, from its record alone.

    With --redact, a redacted copy of the whole audit is written beside it, to be handed to others.
    """
    with telling():
        settings = configuration.load(config)
        limits = _limits(settings, max_report_mb, max_report_findings)
        record = Record.read(folder)
        older = older_audit(baseline, settings)
        held = None if older is None else Baseline.of(older, record)
        verdict = None if settings.gate is None else decide(record, settings.gate, held, date.today())
        if redact:
            record, folder = redacted(record), free(folder.resolve().with_name(f"{folder.resolve().name}-redacted"))
            record.write(folder)
        write_pages(folder, pages(record, page(record, held, verdict), limits, held))
        for name in (REPORT, SUMMARY):
            out.print(visible(str(folder / name)), markup=False)
        if show and not webbrowser.open((folder / REPORT).resolve().as_uri()):
            err.print("chataudit: no browser could be opened", style="red")


def _split(argument: str) -> tuple[str, str]:
    """The name and the path of `train=data.jsonl`."""
    name, is_named, path = argument.partition("=")
    if not (name and is_named and path):
        raise ValueError(f"--split {argument!r}; expected NAME=PATH, such as train=data.jsonl")
    return name, path


def _target(folder: Path | None, sources: Sequence[str], overwrite: bool) -> Path:
    """Where the audit goes; known to be free before anything is read."""
    if folder is None:
        # Of a URL, what others may see.
        (first,) = sources[:1] or ("",)
        first = bare(first) if "://" in first else first
        name = "stdin" if first == "-" else Path(first).name.replace("*", "_") or "data"
        return free(Path(f"{name}.audit"))
    refuse_taken(folder, replace=overwrite)
    return folder


def _limits(config: configuration.Config, max_mb: float | None, per_check: int | None) -> Limits:
    """What the page may hold: by the command, else by the settings."""
    settings = config.settings
    return Limits(
        settings.max_report_mb if max_mb is None else max_mb,
        settings.max_report_findings if per_check is None else per_check,
    )


@dataclass(frozen=True)
class _Output:
    """Where an audit is written, and how."""

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
        # The audit took the time: it is kept, and where it was to replace another one, beside that.
        kept = free(target) if output.overwrite else target
        _write(shown, kept, False, output.work)
        raise ValueError(f"{error}. The audit itself was made: {kept}") from None
    # By the names that the data have, whatever is shown of them.
    verdict = None if gate is None else decide(record, gate, baseline, date.today())
    # The record first: no page that cannot be made may lose it.
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
def _working(target: Path, resume: bool, overwrite: bool) -> Iterator[Path]:
    """The folder that keeps what an audit has until it is written; one that was stopped may have left it."""
    work = target.with_name(f"{target.name}.unfinished")
    if resume and not work.is_dir():
        raise LookupError(f"{work} is not there: no audit was stopped here. Leave out --resume to begin one")
    if not resume and is_begun(work):
        if not overwrite:
            raise ValueError(
                f"an audit was stopped here, and what it had done is kept in {work}. Go on with it: --resume; or start "
                "over: --overwrite"
            )
        shutil.rmtree(work)
    try:
        yield work
    except BaseException as error:
        if type(error) not in (LookupError, ValueError):  # which are what the user got wrong
            if is_begun(work):
                err.print(f"What was done is kept in {visible(str(work))}: go on with --resume", markup=False)
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
