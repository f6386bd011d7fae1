"""The command `gx`: structural rules checked with Great Expectations."""

import json
from pathlib import Path
from typing import Annotated

import typer

from .. import config as configuration
from .. import registry
from .options import SOURCES, ConfigFile, Format
from .terminal import progress_display, user_errors


def gx(
    sources: Annotated[list[str], SOURCES],
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="New file for the result. [default: standard output]", show_default=False
        ),
    ] = None,
    config: ConfigFile = None,
    format: Format = None,
) -> None:
    """Check structural rules with Great Expectations.

    The validation result is written as JSON.

    Exit codes: 0 all expectations met, 1 an expectation failed, 2 wrong usage or settings, 3 a source could not be
    read.
    """
    with user_errors():
        from ..gx import validate  # the library takes 5 s to load

        settings = configuration.load(config)
        structural = [name for name, check in registry.checks().items() if not check.reads_texts]
        chosen = configuration.chosen(settings, structural)
        with progress_display(out_file is None) as progress:
            result = validate(*sources, checks=chosen, format=format, mapping=settings.format, progress=progress)
        text = json.dumps(result, indent=1)
        if out_file is None:
            print(text)
        else:
            with out_file.open("x", encoding="utf-8") as file:
                file.write(text + "\n")
        unread = [error for source in result["meta"]["chataudit"]["sources"] for error in source["errors"]]
        raise typer.Exit(3 if unread else 0 if result["success"] else 1)
