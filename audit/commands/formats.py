"""The command `formats`: what can be read, and the fields of each format as a table to copy."""

from typing import Annotated

import typer

from .. import config as configuration
from ..reading.formats import Format, known, refuse_unknown
from ..reading.formats.described import Described
from ..reading.formats.examples import table
from ..reading.formats.spec import as_toml
from .options import ConfigFile
from .terminal import out, print_columns, print_pairs, print_text, user_errors

N_WORDS = 6  # columns of a table of messages that contain words: ids, role, text, calls, branch


def formats(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Format to show in full. [default: list all]", show_default=False),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """List the chat formats, or the fields and an example of one."""
    with user_errors():
        every = known(configuration.load(config).format)
        refuse_unknown(name, every)
        if name is not None:
            _print_format(name, every[name])
            return
        print_text("A record is read in the first format that it fits.\n")
        width = max(map(len, every))
        for each, format in every.items():
            print_text(f"{each:{width}}  {format.about}", width + 2)
            print_text(f"{'':{width}}  needs {format.fields}", width + 2, style="dim")


def _print_format(name: str, format: Format) -> None:
    print_text(f"{name}: {format.about}\n\nA record needs", len(name) + 2)
    if isinstance(format, Described):
        paths = format.spec.paths
        print_pairs([(f"  {need}", " or ".join(path.text for path in paths[need])) for need in format.needs])
    else:
        print_text(f"  {format.fields}", 2)
    if format.example:
        print_text(f"\nExample\n  {format.example}\n\nIts messages", 2)
        print_columns(table(format), N_WORDS, spare=("parent_id", "lang"))
    if isinstance(format, Described):
        print_text("\nIf your fields have other names, change them in a copy of this table in chataudit.toml:\n")
        out.print(as_toml(format.spec).rstrip(), markup=False)
