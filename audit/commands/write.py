"""The commands `limitations` and `export`: an audit for papers, data cards and other tools."""

from pathlib import Path
from typing import Annotated

import typer

from ...checks.base.settings import suggestion
from ...reports.exports.expectations import export
from ...reports.files import write_file
from .. import config as configuration
from ..paths import free, new_folder
from ..record import FORMS, Record
from .help import Command
from .options import AuditFolder, ConfigFile
from .terminal import out, print_text, user_errors

_PROSE = ("markdown", "card", "datasheet")  # forms that a terminal may wrap


def limitations(
    folder: AuditFolder,
    form: Annotated[
        str,
        typer.Option("--as", metavar="FORM", help=f"One of {', '.join(FORMS)}."),
    ] = FORMS[0],
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="New file; with `--as card` also an existing README.md, where only the section between the "
            "chataudit comments is replaced. [default: standard output]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write a limitations section for a paper or a data set card.

    It reports what was found, what was not checked, and what the checks cannot detect.
    """
    with user_errors():
        if form not in FORMS:
            raise LookupError(f"unknown form {form!r}. {suggestion(form, FORMS)}")
        before = ""
        if form == "card" and out_file is not None and out_file.exists():
            before = _text_of(out_file)
        text = Record.read(folder).limitations(form, before)
        if out_file is None and form in _PROSE and out.is_terminal:
            for line in text.splitlines():
                print_text(line, 2 if line.startswith("- ") else 0)
        elif out_file is None:
            print(text, end="")
        else:
            # In an existing card, only the section between the marks changes.
            write_file(out_file, text, replace=form == "card")


def _text_of(card: Path) -> str:
    try:
        return card.read_bytes().decode()  # keeps line ends
    except UnicodeDecodeError:
        raise ValueError(f"{card}: not UTF-8; expected a data set card in Markdown") from None


export_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Export an audit to other tools.")


@export_app.command("gx", cls=Command)
def export_gx(
    folder: AuditFolder,
    out_dir: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="New folder. [default: DIR.gx in the current directory]",
            show_default=False,
        ),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Write a Great Expectations suite, its data and a runner.

    The suite has only built-in Expectations on a table of flags, and runs on pandas or Spark. Limits in [gate] of
    chataudit.toml on the rates of checks and rules become `mostly`; without limits, no message may be flagged.
    """
    import pyarrow.parquet as pq

    with user_errors():
        limits = configuration.load(config).gate
        record = Record.read(folder)
        target = out_dir or free(Path(f"{folder.resolve().name}.gx"))
        with new_folder(target) as place:
            for name, content in export(record, limits.limits if limits else ()).items():
                if isinstance(content, str):
                    (place / name).write_text(content, encoding="utf-8")
                else:
                    pq.write_table(content, place / name, compression="zstd")
        print_text(f"Run the suite: python {target}/run_gx.py, or with --spark", 2)
