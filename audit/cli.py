"""The command `chataudit`."""

import gc
import json
import shutil
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import pyarrow as pa
import typer
from rich.markup import escape
from rich.text import Text

from .. import __version__
from ..benchmarks_refs.fingerprints import FOLDER as REFERENCES
from ..checks.base.findings import SEVERITIES
from ..checks.base.settings import Setting, Wants, suggestion
from ..checks.base.settings import settings as settings_of
from ..reports.baseline import Baseline
from ..reports.files import write_pages
from ..reports.gate import Gate, decide
from ..reports.html import pages
from ..reports.payload import Limits
from ..reports.record import FINDINGS_FILE, REPORT, SUMMARY, Record, refuse_taken
from ..reports.redact import redacted
from ..reports.view import Page, page
from ..reports.words import count_of, sentence, size, visible
from . import config as configuration
from . import demo as demonstration
from . import registry, uses
from .engines import ENGINES
from .folders import free
from .formats import FORMATS
from .journal import is_begun
from .remote import bare
from .run import run as audit
from .terminal import (
    BaselineFolder,
    ConfigFile,
    Plugins,
    Quiet,
    err,
    leave_pandas_out,
    out,
    print_hanging,
    telling,
    use,
    watched,
    wrapped,
)
from .uses import code_of, older_audit, print_verdict, refuse_unfit

if TYPE_CHECKING:
    from ..benchmarks_refs.fingerprints import Fingerprint

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a trace back shows local variables, and so the data
    rich_markup_mode=None,
    help="Audit chat and instruction data sets, and say with evidence what is wrong with them.",
)
refs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The benchmarks that are known.")
app.add_typer(refs_app, name="refs")
app.add_typer(uses.export_app, name="export")

SOURCES = typer.Argument(help="Files, folders, globs in quotes, URLs, or - for standard input.", show_default=False)
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older audit in that folder.")]
Format = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(FORMATS)}. [default: told by the first records]", show_default=False),
]
FOLDER = Path(REFERENCES)
Folder = Annotated[Path, typer.Option(help="Folder with your own fingerprints.")]
Here = Annotated[bool, typer.Option("--here", help="Write to that folder, not among the user's data.")]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace an older fingerprint of this name.")]
MaxReportMb = Annotated[
    float | None,
    typer.Option(help="How large report.html may be. [default: 30]", show_default=False),
]
MaxReportFindings = Annotated[
    int | None,
    typer.Option(help="Findings of each check in report.html. [default: 100000]", show_default=False),
]
Redact = Annotated[bool, typer.Option("--redact", help="Hash ids, cut texts to the evidence, leave raw records out.")]


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"chataudit {__version__}")
        raise typer.Exit


@app.command()
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


@app.command()
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
        sources = demonstration.release(seed).write(folder / "release.jsonl")
        with watched(quiet) as progress:
            record = audit(*sources, checks=demonstration.prepared(folder), progress=progress)
        _finish(record, _Output(folder / "audit", quiet=quiet))


@app.command()
def checks(
    name: Annotated[str | None, typer.Argument(help="One check.", show_default=False)] = None,
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """List the checks, or the rules and settings of one."""
    with telling():
        use(plugin)
        configuration.load(config)  # which may name plug-ins
        known = registry.checks()
        if name is None:
            for check in known.values():
                out.print(f"{check.name}: {_about(check)}", markup=False)
            return
        if name not in known:
            raise LookupError(f"{name!r} is not a check. {suggestion(name, known)}")
        check = known[name]
        out.print(f"{check.name}: {_about(check)}\n\nRules", markup=False)
        for rule in check.rules:
            print_hanging(f"{SEVERITIES[rule.severity]:8} {rule.name}", rule.title)
        out.print(f"\nSettings, under [checks.{check.name}] in chataudit.toml", markup=False)
        for setting in settings_of(check):
            default = "not set" if setting.default is None else json.dumps(setting.default)
            print_hanging(f"{setting.name} = {default}", f"{setting.help} {_range(setting)}".strip())


@app.command()
def explain(
    rule: Annotated[str, typer.Argument(help="CHECK/RULE, as in the report.")],
    plugin: Plugins = None,
    config: ConfigFile = None,
) -> None:
    """Explain a rule: how bad it is, what to do about it, and what it looks like."""
    with telling():
        use(plugin)
        configuration.load(config)  # which may name plug-ins
        known = {r.id: r for check in registry.checks().values() for r in check.rules}
        if rule not in known:
            raise _unknown("rule", rule, [name for name in known if rule in name], "chataudit checks NAME")
        found = known[rule]
        out.print(f"{found.id} ({SEVERITIES[found.severity]})\n{found.title}.\n{found.advice}", markup=False)
        out.print(f"chataudit clean: {found.action.replace('_', ' ')}, unless a policy says otherwise.", markup=False)
        for title, data in (("Reported:", found.example.this), ("Not reported:", found.example.not_this)):
            out.print(f"\n{title}", style="bold")
            for line in data.lines():
                print_hanging(" ", visible(line))


@app.command()
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


@refs_app.command("list")
def refs_list(name: Annotated[str | None, typer.Argument(show_default=False)] = None, folder: Folder = FOLDER) -> None:
    """List the benchmarks that are known and how their fingerprints came here, or all that one card says."""
    with telling():
        from ..benchmarks_refs import fingerprints
        from ..benchmarks_refs.cards import cards

        known, built = cards(), fingerprints.paths(folder)
        own = {key: fingerprints.load(built[key]).card for key in built if key not in known and name in (None, key)}
        if name is None:
            width = max(map(len, [*known, *own]))
            for key, each in {**known, **own}.items():
                items = f"{each.items:,}" if each.items is not None else "?"
                where = "not built" if key not in built else "shipped"
                if key in built and built[key].parent != fingerprints.SHIPPED:
                    where = "built here"
                line = f"{key:{width}} {items:>8}  {each.split:10}  {where:10}  {each.licence:24.24}  {each.title}"
                out.print(visible(line), markup=False)
            return
        card = known.get(name) or own.get(name)
        if card is None:
            near = [key for key in known if name.lower() in key or name.lower() in known[key].title.lower()]
            raise _unknown("card", name, near, "chataudit refs list")
        for field, value in msgspec.to_builtins(card).items():
            told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            out.print(visible(f"{field}: {told}"), markup=False)


@refs_app.command("build")
def refs_build(
    name: str,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The folder of its original files, or these. [default: the Hugging Face hub]", show_default=False
        ),
    ] = None,
    folder: Folder = FOLDER,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Make the fingerprint of a known benchmark from its original files, or from the Hugging Face hub."""
    with telling():
        from . import refs

        _keep(name, refs.build(name, files or ()), folder if here else None, replace)


@refs_app.command("add")
def refs_add(
    name: str,
    file: Path,
    question: Annotated[list[str], typer.Option(help="Its member, such as question or data.prompt.")],
    choices: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    answer: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    passage: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    item_id: Annotated[str | None, typer.Option("--id", help="[default: numbered]", show_default=False)] = None,
    rows: Annotated[str, typer.Option(help="The list of items in a record.", show_default=False)] = "",
    title: Annotated[str, typer.Option(show_default=False)] = "",
    benchmark_split: Annotated[str, typer.Option(help="test, validation, train or dev.")] = "test",
    licence: Annotated[str, typer.Option(show_default=False)] = "",
    folder: Folder = FOLDER,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Make the fingerprint of a set of your own, JSON lines, JSON, CSV, TSV or Parquet with an item a record."""
    with telling():
        from ..benchmarks_refs.cards import Parts
        from . import refs

        def source(members: list[str] | None) -> str | tuple[str | int, ...] | None:
            return None if not members else members[0] if len(members) == 1 else tuple(members)

        asked = source(question)
        assert asked is not None
        parts = Parts(asked, source(choices), source(answer), source(passage), item_id, rows)
        made = refs.add(name, file, parts, title=title, split=benchmark_split, licence=licence)
        _keep(name, made, folder if here else None, replace)


@refs_app.command("verify")
def refs_verify(
    names: Annotated[list[str] | None, typer.Argument(show_default=False)] = None, folder: Folder = FOLDER
) -> None:
    """Hold fingerprints against their checksums, and shipped ones against their cards. Exit code 1: a fault."""
    with telling():
        from . import refs

        faults = 0
        for name, path, fault in refs.verify(folder, names or ()):
            out.print(visible(fault or f"{name}: as it was made ({path})"), markup=False)
            faults += bool(fault)
        raise typer.Exit(1 if faults else 0)


def _keep(name: str, fingerprint: "Fingerprint", folder: Path | None, replace: bool) -> None:
    from ..benchmarks_refs import fingerprints

    path = (folder or fingerprints.own_folder()) / f"{name}{fingerprints.ENDING}"
    fingerprints.save(fingerprint, path, replace=replace)
    out.print(visible(f"{path}: {count_of(len(fingerprint), 'item')}, {size(path.stat().st_size)}"), markup=False)


@app.command()
def gx(
    sources: Annotated[list[str], SOURCES],
    out_file: Annotated[
        Path | None, typer.Option("--out", help="File for the result. [default: standard output]", show_default=False)
    ] = None,
    config: ConfigFile = None,
    format: Format = None,
) -> None:
    """Check the invariants with Great Expectations, and write its validation result as JSON.

    Exit codes: 0 all expectations met, 1 some were not, 2 usage or settings, 3 a source could not be read.
    """
    with telling():
        from .gx import validate  # the library takes 5 s to load

        settings = configuration.load(config)
        structural = [name for name, check in registry.checks().items() if not check.reads_texts]
        chosen = configuration.chosen(settings, structural)
        with watched(out_file is None) as progress:
            result = validate(*sources, checks=chosen, format=format, mapping=settings.format, progress=progress)
        text = json.dumps(result, indent=1)
        if out_file is None:
            print(text)
        else:
            with out_file.open("x", encoding="utf-8") as file:
                file.write(text + "\n")
        unread = [error for source in result["meta"]["chataudit"]["sources"] for error in source["errors"]]
        raise typer.Exit(3 if unread else 0 if result["success"] else 1)


for command in (uses.gate, uses.diff, uses.rates, uses.sample, uses.judge, uses.clean, uses.limitations):
    app.command()(command)


# -- what they share -------------------------------------------------------------------------------------------------


def _about(check: type) -> str:
    return (check.__doc__ or "").split("\n", 1)[0]


def _range(setting: Setting) -> str:
    """Return the range of a setting, and what sets it where the user does not."""
    source = {
        Wants.MEMORY: "default: half of --memory",
        Wants.LANGUAGE: "default: --lang",
        Wants.REFERENCES: "default: --references",
    }
    notes = [note for note in (setting.bounds, source.get(setting.wants, "") if setting.wants else "") if note]
    return f"({'; '.join(notes)})" if notes else ""


def _unknown(what: str, name: str, near: Sequence[str], see: str) -> LookupError:
    return LookupError(f"no {what} {name!r}" + (f"; there are {', '.join(near)}" if near else f". See: {see}"))


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


def main() -> None:
    """Entry point of the command."""
    # Of Arrow's allocators the system's keeps freed pages best between threads: .3 s in the kernel where mimalloc
    # takes 1.0 (161,448 messages, two threads).
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()  # what was imported stays; the collector need not walk it again and again
    app()
