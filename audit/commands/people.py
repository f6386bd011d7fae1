"""The commands `sample` and `judge`: messages for people to label, and their labels."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from ...checks.base.statistics.intervals import true_rate
from ...reports.record import NOT_FLAGGED, Judgement, write_judgements
from ...reports.wording import confidence, count_of, number, percent, visible
from .. import sample as sampling
from ..record import Record
from .options import AuditedFiles, AuditFolder
from .terminal import out, print_text, user_errors, wrapped


def sample(
    folder: AuditFolder,
    check: Annotated[str, typer.Option(metavar="NAME", help="Check to assess.", show_default=False)],
    sources: AuditedFiles = None,
    n: Annotated[
        int,
        typer.Option("-n", metavar="N", help="Messages to draw; up to half of them flagged."),
    ] = 100,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed.")] = 1,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="New CSV file for the sample. [default: CHECK.sample.csv]", show_default=False
        ),
    ] = None,
) -> None:
    """Draw messages for people to label, as a CSV file.

    Up to half of them are messages that the check flagged. In a spreadsheet or an editor, fill in the column is_fault
    with yes or no, then run `chataudit judge`.
    """
    with user_errors():
        record = Record.read(folder)
        drawn = sampling.draw(record, check, n, seed)
        path = out_file or Path(f"{check}.sample.csv")
        sampling.write(record, check, drawn, sources or (), path)
        n_others = sum(each.stratum == NOT_FLAGGED for each in drawn)
        flagged = count_of(len(drawn) - n_others, "flagged message")
        print_text(f"{path}: {flagged}, {number(n_others)} not flagged")
        print_text("Fill in the column is_fault with yes or no, then run")
        out.print(visible(f"  chataudit judge {folder} {path}"), markup=False)


def judge(
    folder: AuditFolder,
    labels: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV file from `chataudit sample`, with labels.", show_default=False)
    ],
) -> None:
    """Import human labels; compute precision and recall of a check.

    Labels are saved in the folder of the audit (judged.json), and appear in `rates` and `limitations` from then on.
    """
    with user_errors():
        record = Record.read(folder)
        judgements = dict(record.judgements)
        labelled = sampling.judged(record, labels)
        if not labelled:
            raise ValueError(f"{labels}: contains no message; expected a CSV file from `chataudit sample`, filled in")
        for check, judgement in labelled.items():
            if not any(stratum.drawn for stratum in judgement.strata.values()):
                raise ValueError(f"{labels}: is_fault is empty in all rows. Fill in yes or no")
            judgements[check] = judgement
            _print_judgement(check, judgement)
        write_judgements(folder, judgements)


def _print_judgement(check: str, judgement: Judgement) -> None:
    strata = judgement.strata
    n_labels = count_of(sum(stratum.drawn for stratum in strata.values()), "label")
    n_open = f", {number(judgement.n_open)} rows without a label" if judgement.n_open else ""
    out.print(f"[bold]{escape(check)}[/]: {n_labels}{n_open}")
    estimates = true_rate(list(strata.values()))
    for name, estimate in zip(("precision", "recall", "true rate"), estimates, strict=True):
        value = "unknown" if estimate.value != estimate.value else percent(estimate.value)
        out.print(f"{name:14}  {value:>9}  {confidence(estimate.low, estimate.high)}")
    flagged = sum(s.size for s in strata.values() if s.is_flagged)
    out.print(f"{'flagged rate':14}  {percent(flagged / sum(s.size for s in strata.values())):>9}", style="dim")
    for name, stratum in strata.items():
        words = f"{number(stratum.faults)} of {number(stratum.drawn)} labelled messages are faults"
        out.print(escape(wrapped(f"  {name}: {words}; {number(stratum.size)} in all", 4)), style="dim")
