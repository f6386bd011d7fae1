"""The command `chataudit` with all its subcommands, in the order of its help."""

import gc
from typing import Annotated

import pyarrow as pa
import typer

from ..._version import __version__
from . import compare, people, write
from .checks import checks, explain
from .clean import clean
from .describe import describe
from .expectations import gx
from .formats import formats
from .gate import gate
from .help import Command
from .references import refs_app
from .report import report
from .run import demo, run
from .terminal import out

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # a traceback with local variables would show the data
    rich_markup_mode=None,
    help="Find what is wrong with a chat or instruction data set, with evidence for every finding.",
)


@app.callback(invoke_without_command=True)
def _main(version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False) -> None:
    if version:
        out.print(f"chataudit {__version__}")
        raise typer.Exit


COMMANDS = (
    *(run, demo, report, describe),  # audit
    *(gate, compare.diff, compare.rates),  # decide
    *(clean, write.limitations, people.sample, people.judge),  # act
    *(formats, checks, explain, gx),
)
for command in COMMANDS:
    app.command(cls=Command)(command)
app.add_typer(refs_app, name="refs")
app.add_typer(write.export_app, name="export")


def main() -> None:
    """Run the command."""
    # The system's allocator keeps freed pages best between threads: .3 s in the kernel, where mimalloc takes 1.0 s
    # (161,448 messages, two threads).
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()  # imported objects stay, so the collector need not scan them
    app()
