"""The commands `limitations` and `export`: an audit written for people and for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from ...reports.exports.expectations import export
from ...reports.files import write_file
from ...reports.wording import visible
from .. import config as configuration
from ..paths import free, new_folder
from ..record import FORMS, Record
from .terminal import AuditFolder, ConfigFile, out, telling


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
        with new_folder(target) as place:
            for name, content in export(record, limits.limits if limits else ()).items():
                if isinstance(content, str):
                    (place / name).write_text(content, encoding="utf-8")
                else:
                    pq.write_table(content, place / name, compression="zstd")
        out.print(visible(f"{target}: python {target}/run_gx.py, or with --spark"), markup=False)
