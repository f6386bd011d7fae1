"""The command `describe`: what data consist of, in seconds and without any check."""

from typing import Annotated

import msgspec
import typer

from ...reports.description import overview
from ...reports.record import Facts
from ...reports.wording import count_of, size
from .. import config as configuration
from ..run import run as audit
from .options import SOURCES, ConfigFile, EngineName, Format, Quiet, Splits, Workers
from .run import by_split
from .terminal import leave_pandas_out, out, print_columns, print_text, progress_display, user_errors

SHOWN = 12  # rows of a table; --json has all


def describe(
    sources: Annotated[list[str] | None, SOURCES] = None,
    split: Splits = None,
    config: ConfigFile = None,
    format: Format = None,
    engine: EngineName = None,
    workers: Workers = None,
    json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Describe data: roles, languages, lengths and turns.

    No check runs and nothing is written. All figures are exact. Words are separated by white space.

    Exit codes: 0 finished; 2 wrong usage; 3 a source could not be read to the end.
    """
    with user_errors():
        leave_pandas_out()
        with progress_display(quiet or json) as progress:
            record = audit(
                *(sources or ()),
                checks=None,
                splits=by_split(split or ()),
                config=configuration.load(config),
                format=format,
                engine=engine,
                workers=workers,
                progress=progress,
            )
    if json:
        out.print(msgspec.json.format(msgspec.json.encode(record.facts.description), indent=1).decode(), markup=False)
    else:
        _print(record.facts)
    raise typer.Exit(record.exit_code)


def _print(facts: Facts) -> None:
    found = facts.description
    n_bytes = sum(source.n_bytes for source in facts.sources)
    print_text(
        f"{count_of(facts.messages, 'message')} in {count_of(facts.trees, 'conversation')}, "
        f"{count_of(len(facts.sources), 'file')}, {size(n_bytes)}"
    )
    for problem in facts.problems:
        print_text(problem, style="red")
    if facts.days:
        print_text(f"Dated {min(facts.days)} to {max(facts.days)}: {count_of(sum(facts.days.values()), 'message')}")
    if found.identical:
        repeats = "repeats" if found.identical == 1 else "repeat"
        print_text(f"{count_of(found.identical, 'message')} {repeats} an earlier one: text, role, language and parent")
    for name, head, lines in overview(found):
        out.print()
        print_columns([(name, *head), *lines[:SHOWN]], 1)
        if len(lines) > SHOWN:
            print_text(f"and {len(lines) - SHOWN:,} more: see --json")
