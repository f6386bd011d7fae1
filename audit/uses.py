"""Commands on audits that were made: decide, compare, count, judge, clean, tell."""

import os
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.markup import escape
from rich.text import Text

from ..checks.base.findings import SEVERITIES
from ..checks.base.intervals import true_rate
from ..reports import github, sheet
from ..reports import record as kept
from ..reports.baseline import Baseline, Difference, difference
from ..reports.counts import by_rule
from ..reports.expectations import export
from ..reports.files import refuse_file, write_file
from ..reports.gate import Gate, Verdict, decide, refuse_unknown
from ..reports.junit import junit
from ..reports.rates import BY, columns, rows
from ..reports.record import NOT_FLAGGED, write_judgements
from ..reports.sarif import sarif
from ..reports.words import confidence, count_of, interval, number, percent, visible
from . import config as configuration
from . import sample as sampling
from .api import FORMS, Record
from .clean import clean as run_clean
from .folders import free, made
from .policy import load_policy
from .terminal import BaselineFolder, ConfigFile, Quiet, out, print_columns, telling, watched, wrapped

AuditFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an audit.", show_default=False)]
AuditedFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="The audited files. [default: where they were]", show_default=False),
]
SHOWN = 20  # findings that a diff prints of each kind


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


def diff(
    old: Annotated[Path, typer.Argument(help="The folder of the older audit.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The folder of the newer one.", show_default=False)],
    out_file: Annotated[Path | None, typer.Option("--out", help="Write all of it as CSV.", show_default=False)] = None,
) -> None:
    """Say what changed from one audit to another, of findings and of messages."""
    with telling():
        older, newer = Record.read(old), Record.read(new)
        found = difference(older, newer)
        changed = (
            "an unknown number (an audit is redacted)" if found.changed is None else number(found.changed.num_rows)
        )
        out.print(
            wrapped(
                f"messages: {number(found.added.num_rows)} added, {number(found.removed.num_rows)} removed, "
                f"{changed} changed, {number(found.n_same)} in both"
            )
        )
        kinds = {"new": found.new, "fixed": found.fixed, "unchanged": found.unchanged}
        out.print("findings: " + ", ".join(f"{number(table.num_rows)} {kind}" for kind, table in kinds.items()))
        for check, n in found.untold.items():
            words = f"{check}: {count_of(n, 'finding')} not compared, as only one of the audits ran this check"
            out.print(escape(wrapped(words)))
        for kind in ("new", "fixed"):
            _print_findings(kind, kinds[kind])
        if out_file is not None:
            sheet.write(out_file, _COLUMNS, _changes(found, kinds))


def _print_findings(kind: str, findings: pa.Table) -> None:
    for rule, severity, n, _ in by_rule(findings):
        out.print(f"\n[bold]{kind}[/bold] {number(n):>7}  {escape(rule)} ({SEVERITIES[severity]})")
        is_it = pc.and_(pc.equal(findings["rule"], rule), pc.equal(findings["severity"], severity))
        of_rule = findings.filter(is_it).slice(0, SHOWN)
        for found in of_rule.select(["source", "line", "message_id", "summary"]).to_pylist():
            place = f"{found['source']}:{found['line']}"
            told = " ".join(visible(f"{place}  {found['message_id']}  {found['summary']}").splitlines())
            out.print(wrapped(f"  {told}", 4), style="dim", markup=False)
        if n > SHOWN:
            out.print(f"  and {number(n - SHOWN)} more: --out FILE.csv has all", style="dim")


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
        str, typer.Option(help=f"Columns with commas: {', '.join(BY)}. [default: none]", show_default=False)
    ] = "",
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Write CSV, with more columns.", show_default=False)
    ] = None,
) -> None:
    """Print the rate of each check and each broken rule, with its denominator and 95 % confidence interval."""
    with telling():
        record = Record.read(folder)
        names = list(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
        told = list(rows(record, names))
        if out_file is not None:
            sheet.write(out_file, columns(names), (row.flat() for row in told))
            return
        lines = [("check or rule", *names, "severity", "flagged", "checked", "rate", "95 % CI", "Wilson")]
        for row in told:
            rate = row.rate
            lines.append(
                (
                    f"  {row.rule.partition('/')[2]}" if row.rule else row.check,
                    *(visible(value or "none declared") for value in row.values),
                    *(row.severity or "", number(rate.flagged), number(rate.checked)),
                    percent(rate.share) if rate.checked else "none checked",
                    *(f"{interval(*ends)} %" if rate.checked else "" for ends in (rate.clustered, rate.wilson)),
                )
            )
        print_columns(lines, 2 + len(names), ("Wilson",))
        for row in told:
            if (sure := row.corrected) is not None:
                words = f"{percent(sure.value)} ({confidence(sure.low, sure.high)})"
                out.print(escape(wrapped(f"{row.check}, corrected for errors of the check: {words}")))


def limitations(
    folder: AuditFolder,
    form: Annotated[str, typer.Option("--as", help=", ".join(FORMS))] = "markdown",
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="A new file; with card, also a README.md, in which a section between marks is written anew. "
            "[default: standard output]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Word what an audit found, did not look at and cannot see, for a paper or a data set card."""
    with telling():
        before = ""
        if form == "card" and out_file is not None and out_file.exists():
            before = _held_by(out_file)
        text = Record.read(folder).limitations(form, before)
        if out_file is None:
            print(text, end="")
        else:
            # Of a card that is there, only what stands between the marks is another.
            write_file(out_file, text, replace=form == "card")


def _held_by(card: Path) -> str:
    try:
        return card.read_bytes().decode()  # line ends and all
    except UnicodeDecodeError:
        raise ValueError(f"{card}: is not UTF-8; expected a data set card in Markdown") from None


def sample(
    folder: AuditFolder,
    check: Annotated[str, typer.Option(help="Check whose findings people are to judge.", show_default=False)],
    sources: AuditedFiles = None,
    n: Annotated[int, typer.Option("-n", help="Messages to draw; half of them flagged.")] = 100,
    seed: Annotated[int, typer.Option(help="Another seed, another sample.")] = 1,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="[default: CHECK.sample.csv]", show_default=False)
    ] = None,
) -> None:
    """Draw a random sample of what a check flagged and of what it did not, for people to judge in a spreadsheet.

    Fill in the column is_fault with yes or no, and hand the table to `chataudit judge`.
    """
    with telling():
        record = Record.read(folder)
        drawn = sampling.draw(record, check, n, seed)
        path = out_file or Path(f"{check}.sample.csv")
        sampling.write(record, check, drawn, sources or (), path)
        n_quiet = sum(each.stratum == NOT_FLAGGED for each in drawn)
        told = (
            f"{count_of(len(drawn) - n_quiet, 'message')} that the check flagged and {number(n_quiet)} that it did not"
        )
        out.print(visible(f"{path}: {told}. Fill in is_fault, then: chataudit judge {folder} {path}"), markup=False)


def judge(
    folder: AuditFolder,
    labels: Annotated[Path, typer.Argument(help="A sample, filled in.", show_default=False)],
) -> None:
    """Take people's verdicts back: how often the check is right, what it finds, and the rate without its errors.

    They are kept beside the record (judged.json), and stand in `rates` and `limitations` from then on.
    """
    with telling():
        record = Record.read(folder)
        judgements = dict(record.judgements)
        judged = sampling.judged(record, labels)
        if not judged:
            raise ValueError(f"{labels}: holds no message; expected a table that `chataudit sample` made, filled in")
        for check, judgement in judged.items():
            strata = judgement.strata
            n = sum(stratum.drawn for stratum in strata.values())
            if not n:
                raise ValueError(f"{labels}: is_fault is empty in all rows. Fill in yes or no")
            judgements[check] = judgement
            out.print(
                f"[bold]{escape(check)}[/]: {count_of(n, 'verdict')}"
                + (f", {number(judgement.n_open)} left open" if judgement.n_open else "")
            )
            sure = true_rate(list(strata.values()))
            for name, estimate in zip(("precision", "recall", "rate of faults"), sure, strict=True):
                value = "not known" if estimate.value != estimate.value else percent(estimate.value)
                out.print(f"{name:14}  {value:>9}  {confidence(estimate.low, estimate.high)}")
            flagged = sum(s.size for s in strata.values() if s.is_flagged)
            out.print(f"{'rate flagged':14}  {percent(flagged / sum(s.size for s in strata.values())):>9}", style="dim")
            for name, stratum in strata.items():
                said = f"{number(stratum.faults)} of {number(stratum.drawn)} labelled messages are faults"
                out.print(escape(f"  {name}: {said}; {number(stratum.size)} in all"), style="dim")
        write_judgements(folder, judgements)


export_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Hand an audit to other tools.")


@export_app.command("gx")
def export_gx(
    folder: AuditFolder,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="A new folder. [default: DIR.gx here]", show_default=False)
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write a table of flags, a suite of built-in Expectations and a runner, for Great Expectations on pandas or Spark.

    Limits of [gate] on rates of whole checks and rules become `mostly`; without them nothing may be flagged.
    """
    import pyarrow.parquet as pq

    with telling():
        limits = configuration.load(config).gate
        record = Record.read(folder)
        target = out_dir or free(Path(f"{folder.resolve().name}.gx"))
        with made(target) as place:
            for name, content in export(record, limits.limits if limits else ()).items():
                if isinstance(content, str):
                    (place / name).write_text(content, encoding="utf-8")
                else:
                    pq.write_table(content, place / name, compression="zstd")
        out.print(visible(f"{target}: python {target}/run_gx.py, or with --spark"), markup=False)


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
