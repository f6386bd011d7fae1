"""Output of all commands: text that fits the terminal, errors of the user, progress."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.abc import MetaPathFinder
from pathlib import Path
from textwrap import wrap
from typing import NoReturn

import pyarrow as pa
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from ...reports.wording import number, unbroken, visible
from .. import registry
from ..progress import Silence

USAGE = 2  # exit code of errors in the command, the settings or the input

out = Console(highlight=False, soft_wrap=True, emoji=False)
err = Console(highlight=False, soft_wrap=True, emoji=False, stderr=True)


# -- text ------------------------------------------------------------------------------------------------------------


def wrapped(words: str, indent: int = 0, console: Console = out) -> str:
    """Break lines between words, not inside them, to fit the terminal; leave text for files and pipes as it is."""
    if not console.is_terminal:
        return words
    indented = " " * indent
    lines = wrap(
        unbroken(words), console.width, subsequent_indent=indented, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines).replace("\u00a0", " ")  # so that a search for what was printed finds it


def print_text(words: str, indent: int = 0, style: str | None = None) -> None:
    """Print lines that may contain words of strangers, broken between words."""
    for line in visible(words).split("\n"):
        out.print(wrapped(line, indent), style=style, markup=False)


def print_pairs(rows: Sequence[tuple[str, str]]) -> None:
    """Print terms and their explanations in two columns."""
    width = max((len(term) for term, _ in rows), default=0)
    for term, words in rows:
        print_text(f"{term:{width}}  {words}", width + 2)


def print_columns(lines: Sequence[Sequence[str]], n_left: int, spare: Sequence[str] = ()) -> None:
    """Print the lines of a table, the first its head; the first `n_left` columns contain words.

    Empty columns are left out. If the terminal is too narrow, so are the columns with a head in `spare`, one after the
    other; if it still is, the first column becomes headings.
    """
    head, *body = lines
    kept = [k for k in range(len(head)) if k == 0 or not body or any(line[k] for line in body)]

    def is_too_wide() -> bool:
        return out.is_terminal and sum(2 + max(len(line[k]) for line in lines) for k in kept) - 2 > out.width

    for name in spare:
        if is_too_wide():
            kept = [k for k in kept if head[k] != name]
    has_headings = is_too_wide()
    headings = [line[0] for line in lines]
    if has_headings:
        lines = [("  ", *line[1:]) for line in lines]
    n_left = sum(k < n_left for k in kept)
    lines = [[line[k] for k in kept] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for k, line in enumerate(lines):
        cells = [cell.ljust(w) if at < n_left else cell.rjust(w)
                 for at, (cell, w) in enumerate(zip(line, widths, strict=True))]  # fmt: skip
        if has_headings and k > 0 and headings[k] != headings[k - 1]:
            out.print(headings[k], markup=False)
        out.print("  ".join(cells).rstrip(), style="dim" if k == 0 else None, markup=False)


# -- errors ----------------------------------------------------------------------------------------------------------


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn errors of the user into one message and exit code 2; let our own errors rise."""
    try:
        yield
    except (LookupError, ValueError) as error:
        if type(error) not in (LookupError, ValueError):  # a KeyError, for example, is our error
            raise
        _exit(str(error))
    except FileExistsError as error:
        _exit(f"{error.filename} already exists. Name another file" if error.filename else str(error))
    except ChildProcessError as error:
        _exit(str(error))
    except OSError as error:  # a full disk, a folder without write permission
        _exit(f"{error.filename or 'the audit'}: could not be written ({error.strerror})")


def _exit(message: str) -> NoReturn:
    err.print(wrapped(f"chataudit: {visible(message)}", 2, err), style="red", markup=False)
    raise typer.Exit(USAGE)


def unknown(what: str, name: str, known: Sequence[str], command: str, similar: Sequence[str] = ()) -> LookupError:
    """Return the error on an unknown name, with the nearest ones and the command that lists all."""
    near = [*(each for each in known if name.lower() in each.lower()), *similar] or get_close_matches(name, known, n=1)
    did_you_mean = f"Did you mean {', '.join(near[:5])}? " if near else ""
    return LookupError(f"unknown {what} {name!r}. {did_you_mean}See `{command}`")


# -- plug-ins --------------------------------------------------------------------------------------------------------


def use_plugins(files: Sequence[Path] | None) -> None:
    """Import plug-in files, before settings of their checks are read."""
    registry.use(files or ())


def print_plugins() -> None:
    """Name the plug-ins in use and their checks on standard error: a settings file may have loaded them."""
    plugins = registry.plugins()
    if plugins:
        names = "; ".join(f"{name}: {', '.join(checks)}" for name, checks in plugins.items())
        line = f"plug-in{'s' * (len(plugins) > 1)} {names}"
        err.print(wrapped(visible(line), 2, err), style="dim", markup=False)


def leave_pandas_out() -> None:
    """Keep pyarrow from importing pandas with its first array, which takes .6 s of the 1.5 s of a small audit.

    The commands need no data frame. A plug-in may, so pandas stays available if one is installed.
    """
    if registry.has_plugins() or "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.array([0])  # pyarrow looks for pandas once, and remembers the result
    finally:
        sys.meta_path.remove(finder)


class _NoPandas(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


# -- progress --------------------------------------------------------------------------------------------------------


@contextmanager
def progress_display(quiet: bool) -> Iterator["_ProgressBar | _Lines | Silence"]:
    """Yield a progress reporter: a bar on a terminal, plain lines elsewhere, nothing if `quiet`."""
    if quiet:
        yield Silence()
    elif not err.is_terminal:
        yield _Lines()
    else:
        # Narrow enough for the longest step on a terminal of 80 columns.
        columns = (TextColumn("{task.description}"), BarColumn(16), _ReadColumn(), _LeftColumn())
        with Progress(*columns, console=err, transient=True) as progress:
            yield _ProgressBar(progress)


class _ReadColumn(DownloadColumn):
    """Bytes read so far; empty in steps after reading."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class _LeftColumn(TimeRemainingColumn):
    """Time left for reading; empty in steps after reading."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class _ProgressBar:
    """Progress on a terminal: a bar while data are read, which moves without an end in the steps after that."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self._task: TaskID | None = None

    def say(self, line: str) -> None:
        self.progress.console.print(escape(wrapped(visible(line), 2, err)), style="dim")

    def total(self, n_bytes: int) -> None:
        if self._task is not None:
            self.progress.remove_task(self._task)
        self._task = self.progress.add_task("reading", total=n_bytes)

    def advance(self, n_bytes: int) -> None:
        if self._task is not None:
            self.progress.advance(self._task, n_bytes)

    def step(self, what: str) -> None:
        if self._task is not None:
            self.progress.remove_task(self._task)
        self._task = self.progress.add_task(what, total=None)


class _Lines:
    """Progress in a file or a pipe: a line for each tenth read and each further step of long work."""

    LONG = 200_000_000  # bytes; with less, the work is done before anyone could read about it

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
