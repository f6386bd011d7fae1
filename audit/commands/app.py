"""The command `chataudit`: all subcommands, registered in the order of its help."""

import gc
from typing import Annotated

import pyarrow as pa
import typer

from ..._version import __version__
from . import compare, people, write
from .checks import checks, explain
from .clean import clean
from .expectations import gx
from .gate import gate
from .references import refs_app
from .run import demo, report, run
from .terminal import out

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a trace back shows local variables, and so the data
    rich_markup_mode=None,
    help="Audit chat and instruction data sets, and say with evidence what is wrong with them.",
)
app.add_typer(refs_app, name="refs")
app.add_typer(write.export_app, name="export")


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        out.print(f"chataudit {__version__}")
        raise typer.Exit


for command in (
    run,
    demo,
    checks,
    explain,
    report,
    gx,
    gate,
    compare.diff,
    compare.rates,
    people.sample,
    people.judge,
    clean,
    write.limitations,
):
    app.command()(command)


def main() -> None:
    """Entry point of the command."""
    # Of Arrow's allocators the system's keeps freed pages best between threads: .3 s in the kernel where mimalloc
    # takes 1.0 (161,448 messages, two threads).
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()  # what was imported stays; the collector need not walk it again and again
    app()
