"""What the commands share: how they speak, what they refuse, and options of one meaning."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from pathlib import Path
from textwrap import wrap
from typing import Annotated, NoReturn

import pyarrow as pa
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ...reports.wording import number, visible
from .. import registry
from ..progress import Silence
from ..reading.formats import FORMATS

USAGE = 2  # exit code: what the user asked for cannot be done

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(highlight=False, soft_wrap=True, emoji=False, stderr=True)
SOURCES = typer.Argument(help="Files, folders, globs in quotes, URLs, or - for standard input.", show_default=False)
AuditFolder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder of an audit.", show_default=False)]
Format = Annotated[
    str | None,
    typer.Option(help=f"{', '.join(FORMATS)}. [default: told by the first records]", show_default=False),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file. [default: chataudit.toml, or pyproject.toml]", show_default=False),
]
BaselineFolder = Annotated[
    Path | None,
    typer.Option("--baseline", help="An older audit: findings are new, known or gone.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")]

Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="Python file with more checks; repeatable.", show_default=False),
]


def use(plugins: Sequence[Path] | None) -> None:
    """Import plug-in files, before settings of their checks are read."""
    registry.use(plugins or ())


def print_hanging(first: str, rest: str) -> None:
    """Print two texts side by side on a terminal of any width; the second wraps at words, below itself."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row(Text(first), Text(rest))
    if out.is_terminal:
        out.print(table, soft_wrap=False)
    else:
        out.print(f"{first}  {rest}", markup=False)


@contextmanager
def telling() -> Iterator[None]:
    """What the user got wrong ends in one line and exit code 2; what we got wrong rises."""
    try:
        yield
    except (LookupError, ValueError) as error:
        if type(error) not in (LookupError, ValueError):  # a KeyError, say, is a fault of ours
            raise
        _stop(str(error))
    except FileExistsError as error:
        _stop(f"{error.filename} is there already. Name another file" if error.filename else str(error))
    except ChildProcessError as error:
        _stop(str(error))
    except OSError as error:  # a full disk, a folder that may not be written to
        _stop(f"{error.filename or 'the audit'}: could not be written ({error.strerror})")


def _stop(line: str) -> NoReturn:
    err.print(f"chataudit: {visible(line)}", style="red", markup=False)
    raise typer.Exit(USAGE)


def leave_pandas_out() -> None:
    """Keep pyarrow from importing pandas with the first array it makes: .6 s of the 1.5 s that a small audit takes.

    An audit by the command needs no data frame. A plug-in may, so where one is installed nothing is held back.
    """
    if registry.has_plugins() or "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])  # pyarrow looks once, and remembers
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def wrapped(words: str, indent: int = 0) -> str:
    """Break words between words, not inside them, to fit the terminal; where nobody watches, leave them in one line."""
    if not out.is_terminal:
        return words
    lines = wrap(words, out.width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines)


def print_columns(lines: Sequence[Sequence[str]], n_left: int, spare: Sequence[str] = ()) -> None:
    """Print the lines of a table, the first its head; the first `n_left` columns contain words.

    Empty columns are left out, and those with a head in `spare` where the terminal is too narrow for all.
    """
    head, *body = lines
    kept = [k for k in range(len(head)) if k == 0 or not body or any(line[k] for line in body)]
    width = sum(2 + max(len(line[k]) for line in lines) for k in kept) - 2
    if out.is_terminal and width > out.width:
        kept = [k for k in kept if head[k] not in spare]
    n_left = sum(k < n_left for k in kept)
    lines = [[line[k] for k in kept] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for k, line in enumerate(lines):
        cells = [cell.ljust(w) if at < n_left else cell.rjust(w)
                 for at, (cell, w) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
        out.print("  ".join(cells).rstrip(), style="dim" if k == 0 else None, markup=False)


class _Bar:
    """Progress on a terminal."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._task: TaskID | None = None

    def say(self, line: str) -> None:
        self.progress.console.print(escape(visible(line)), style="dim")

    def total(self, n_bytes: int) -> None:
        if self._task is not None:
            self.progress.remove_task(self._task)
        self._task = self.progress.add_task("reading", total=n_bytes)

    def advance(self, n_bytes: int) -> None:
        if self._task is not None:
            self.progress.advance(self._task, n_bytes)

    def step(self, what: str) -> None:
        if self._task is not None:
            self.progress.update(self._task, description=what)


class _Lines:
    """Progress where nobody watches: a line at each tenth and each further step of long work."""

    LONG = 200_000_000  # bytes; shorter work is done before one could read of it

    def __init__(self) -> None:
        self._total = self._done = self._tenth = 0

    def say(self, line: str) -> None:
        err.print(visible(line), markup=False)

    def total(self, n_bytes: int) -> None:
        self._total, self._done, self._tenth = n_bytes, 0, 0

    def advance(self, n_bytes: int) -> None:
        self._done += n_bytes
        tenth = 10 * self._done // max(1, self._total)
        if self._total >= self.LONG and tenth > self._tenth:
            self._tenth = tenth
            err.print(f"read {number(self._done // 1_000_000)} of {number(self._total // 1_000_000)} MB")

    def step(self, what: str) -> None:
        if self._total >= self.LONG:
            err.print(what)


@contextmanager
def watched(quiet: bool) -> Iterator[_Bar | _Lines | Silence]:
    """Who is told how far long work is: a bar on a terminal, else lines; nobody where it is to be quiet."""
    if quiet:
        yield Silence()
    elif not err.is_terminal:
        yield _Lines()
    else:
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=err, transient=True) as progress:
            yield _Bar(progress)


def unknown(what: str, name: str, near: Sequence[str], see: str) -> LookupError:
    """Return the error on an unknown name, with similar ones or the command that lists all."""
    return LookupError(f"no {what} {name!r}" + (f"; there are {', '.join(near)}" if near else f". See: {see}"))
