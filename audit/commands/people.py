"""The commands `sample` and `judge`: findings for people to judge, and their judgements."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ...checks.base.statistics.intervals import true_rate
from ...reports.record import NOT_FLAGGED, write_judgements
from ...reports.wording import confidence, count_of, number, percent, visible
from .. import sample as sampling
from ..record import Record
from .gate import AuditedFiles
from .terminal import AuditFolder, out, telling


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
