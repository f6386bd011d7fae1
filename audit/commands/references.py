"""The commands `refs`: benchmark fingerprints, listed, built, added and verified."""

import json
from collections.abc import Mapping
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ...benchmarks_refs.fingerprints import FOLDER as REFERENCES
from ...reports.wording import count_of, number, size, visible
from .help import Command
from .options import References
from .terminal import out, print_text, unknown, user_errors

if TYPE_CHECKING:
    from ...benchmarks_refs.cards import Card
    from ...benchmarks_refs.fingerprints import Fingerprint

refs_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List, build, add and verify benchmark fingerprints."
)

FOLDER = Path(REFERENCES)
Here = Annotated[
    bool,
    typer.Option(
        "--here", help="Write to the project folder, not to your user data directory; implied by --references."
    ),
]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace an older fingerprint of this name.")]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="Name of the benchmark.", show_default=False)]


@refs_app.command("list", cls=Command)
def refs_list(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Benchmark to show in full. [default: list all]", show_default=False),
    ] = None,
    references: References = None,
) -> None:
    """List the known benchmarks, or show one in full."""
    with user_errors():
        from ...benchmarks_refs import fingerprints, library
        from ...benchmarks_refs.cards import cards

        known, built = cards(), library.paths(references or FOLDER)
        own = {key: fingerprints.load(built[key]).card for key in built if key not in known and name in (None, key)}
        if name is None:
            _print_list({**known, **own}, built)
            return
        card = known.get(name) or own.get(name)
        if card is None:
            by_title = [key for key in known if name.lower() in known[key].title.lower() and name.lower() not in key]
            raise unknown("benchmark", name, [*known, *own], "chataudit refs list", by_title)
        for field, value in msgspec.to_builtins(card).items():
            print_text(f"{field}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}", 2)


def _print_list(cards: Mapping[str, "Card"], built: Mapping[str, Path]) -> None:
    """Print one line for each card; on a terminal, its title is cut to fit."""
    from ...benchmarks_refs.library import LIBRARY

    width = max(map(len, cards))
    for name, card in cards.items():
        items = number(card.items) if card.items is not None else "?"
        state = "not built" if name not in built else "shipped"
        if name in built and built[name] != LIBRARY:
            state = "your own"
        line = f"{name:{width}} {items:>8}  {card.split:10}  {state:10}  "
        if out.is_terminal:
            line += shorten(card.title, max(10, out.width - len(line)), placeholder=" …")
        else:
            line += f"{card.licence:24.24}  {card.title}"
        out.print(visible(line), markup=False)


@refs_app.command("build", cls=Command)
def refs_build(
    name: NewName,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Its original files, or their folder. [default: downloaded from the Hugging Face hub]",
            show_default=False,
        ),
    ] = None,
    references: References = None,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Build the fingerprint of a known benchmark.

    It is written to your user data directory, which every audit reads. With --here or --references, it is written to
    the project folder.
    """
    with user_errors():
        from .. import references as making

        target = _target(references, here)
        _save(name, making.build(name, files or ()), target, replace)


def _field(words: str) -> "typer.models.OptionInfo":
    option: typer.models.OptionInfo = typer.Option(metavar="FIELD", help=words, show_default=False)
    return option


@refs_app.command("add", cls=Command)
def refs_add(
    name: NewName,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="JSON lines, JSON, CSV, TSV or Parquet: one item per record.", show_default=False
        ),
    ],
    question: Annotated[list[str], _field("Field with the question, e.g. question or data.prompt.")],
    choices: Annotated[list[str] | None, _field("Field with the answer choices; repeatable.")] = None,
    answer: Annotated[list[str] | None, _field("Field with the answer.")] = None,
    passage: Annotated[list[str] | None, _field("Field with a passage that the question is about.")] = None,
    item_id: Annotated[
        str | None,
        typer.Option(
            "--id", metavar="FIELD", help="Field with the id. [default: numbered in order]", show_default=False
        ),
    ] = None,
    rows: Annotated[str, _field("Field with the list of items, if a record contains several.")] = "",
    title: Annotated[str, typer.Option(metavar="TEXT", help="Title of the benchmark.", show_default=False)] = "",
    benchmark_split: Annotated[
        str,
        typer.Option(metavar="SPLIT", help="Split of the benchmark: test, validation, train or dev."),
    ] = "test",
    licence: Annotated[str, typer.Option(metavar="TEXT", help="Licence of the benchmark.", show_default=False)] = "",
    references: References = None,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Build the fingerprint of your own benchmark.

    It is written to your user data directory, which every audit reads. With --here or --references, it is written to
    the project folder.
    """
    with user_errors():
        from ...benchmarks_refs.cards import Parts
        from .. import references as making

        target = _target(references, here)

        def source(fields: list[str] | None) -> str | tuple[str | int, ...] | None:
            return None if not fields else fields[0] if len(fields) == 1 else tuple(fields)

        asked = source(question)
        assert asked is not None
        parts = Parts(asked, source(choices), source(answer), source(passage), item_id, rows)
        fingerprint = making.add(name, file, parts, title=title, split=benchmark_split, licence=licence)
        _save(name, fingerprint, target, replace)


@refs_app.command("verify", cls=Command)
def refs_verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME", help="Benchmarks to verify. [default: all]", show_default=False),
    ] = None,
    references: References = None,
) -> None:
    """Compare fingerprints with their checksums and descriptions.

    Exit codes: 0 all agree, 1 a fingerprint has a fault, 2 wrong usage.
    """
    with user_errors():
        from .. import references as making

        faults = 0
        for name, path, fault in making.verify(references or FOLDER, names or ()):
            print_text(fault or f"{name}: verified ({path})", 2)
            faults += bool(fault)
        raise typer.Exit(1 if faults else 0)


def _target(references: Path | None, here: bool) -> Path | None:
    """Return the folder to write to; None: the user data directory."""
    return references or (FOLDER if here else None)


def _save(name: str, fingerprint: "Fingerprint", folder: Path | None, replace: bool) -> None:
    from ...benchmarks_refs import fingerprints

    path = (folder or fingerprints.own_folder()) / f"{name}{fingerprints.ENDING}"
    fingerprints.save(fingerprint, path, replace=replace)
    print_text(f"{path}: {count_of(len(fingerprint), 'item')}, {size(path.stat().st_size)}", 2)
