"""Arguments and options of several commands: one name, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

from ...benchmarks_refs.fingerprints import FOLDER as REFERENCES
from ...reports.page.payload import Limits
from ..engines.engine import ENGINES

# -- arguments: the folder of an audit comes before its sources ------------------------------------------------------

SOURCES = typer.Argument(
    metavar="SOURCE", help="Files, folders, quoted globs, URLs, or - for standard input.", show_default=False
)
AuditFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an audit.", show_default=False)]
AuditedFiles = Annotated[
    list[str] | None,
    typer.Argument(metavar="SOURCE", help="Audited files. [default: the paths in the audit]", show_default=False),
]

# -- settings --------------------------------------------------------------------------------------------------------

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Settings in TOML. [default: chataudit.toml, or pyproject.toml]",
        show_default=False,
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", metavar="FILE", help="Python file with more checks; repeatable.", show_default=False),
]
BaselineFolder = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="DIR",
        help="Older audit to compare with: findings are marked new, known or fixed.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]

# -- reading ---------------------------------------------------------------------------------------------------------

Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Chat format of all records; see `chataudit formats`. [default: recognised in each record]",
        show_default=False,
    ),
]
Splits = Annotated[
    list[str] | None,
    typer.Option(
        "--split",
        metavar="NAME=PATH",
        help="Source and its split, e.g. train=data.jsonl; repeatable. [default: from the field 'split', or from file "
        "names]",
        show_default=False,
    ),
]
Lang = Annotated[
    str | None,
    typer.Option(
        metavar="TAG", help="Language of messages without a language tag, e.g. en or pt-BR.", show_default=False
    ),
]

# -- running ---------------------------------------------------------------------------------------------------------

AuditOut = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="DIR",
        help="Folder for the audit. [default: SOURCE.audit in the current directory]",
        show_default=False,
    ),
]
Checks = Annotated[
    str,
    typer.Option(metavar="NAMES", help="Checks to run, separated by commas. [default: all]", show_default=False),
]
References = Annotated[
    Path | None,
    typer.Option(
        "--references",
        metavar="DIR",
        help=f"Project folder with benchmark fingerprints. [default: {REFERENCES}]",
        show_default=False,
    ),
]
EngineName = Annotated[
    str | None,
    typer.Option(metavar="NAME", help=f"One of {', '.join(ENGINES)}. [default: auto]", show_default=False),
]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of workers. [default: number of CPUs]", show_default=False),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address of a Ray cluster, e.g. auto. [default: start one on this machine]",
        show_default=False,
    ),
]
Memory = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Approximate memory budget; beyond it, rows spill to disk. [default: 4GB]",
        show_default=False,
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an older audit in the output folder.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted audit.")]

# -- pages -----------------------------------------------------------------------------------------------------------

Redact = Annotated[bool, typer.Option("--redact", help="Hash ids, cut texts to the evidence, leave out raw records.")]
MaxReportMb = Annotated[
    float | None,
    typer.Option(metavar="MB", help=f"Maximum size of report.html. [default: {Limits.max_mb:g}]", show_default=False),
]
MaxReportFindings = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help=f"Maximum findings per check in report.html. [default: {Limits.per_check}]",
        show_default=False,
    ),
]
