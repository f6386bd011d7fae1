"""The commands `refs`: fingerprints of benchmarks, listed, built, added and verified."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ...benchmarks_refs.fingerprints import FOLDER as REFERENCES
from ...reports.wording import count_of, size, visible
from .terminal import out, telling, unknown

if TYPE_CHECKING:
    from ...benchmarks_refs.fingerprints import Fingerprint

refs_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The benchmarks that are known.")

FOLDER = Path(REFERENCES)
Folder = Annotated[Path, typer.Option(help="Folder with your own fingerprints.")]
Here = Annotated[bool, typer.Option("--here", help="Write to that folder, not among the user's data.")]
Replace = Annotated[bool, typer.Option("--overwrite", help="Replace an older fingerprint of this name.")]


@refs_app.command("list")
def refs_list(name: Annotated[str | None, typer.Argument(show_default=False)] = None, folder: Folder = FOLDER) -> None:
    """List the benchmarks that are known and how their fingerprints came here, or all that one card says."""
    with telling():
        from ...benchmarks_refs import fingerprints
        from ...benchmarks_refs.cards import cards

        known, built = cards(), fingerprints.paths(folder)
        own = {key: fingerprints.load(built[key]).card for key in built if key not in known and name in (None, key)}
        if name is None:
            width = max(map(len, [*known, *own]))
            for key, each in {**known, **own}.items():
                items = f"{each.items:,}" if each.items is not None else "?"
                where = "not built" if key not in built else "shipped"
                if key in built and built[key].parent != fingerprints.SHIPPED:
                    where = "built here"
                line = f"{key:{width}} {items:>8}  {each.split:10}  {where:10}  {each.licence:24.24}  {each.title}"
                out.print(visible(line), markup=False)
            return
        card = known.get(name) or own.get(name)
        if card is None:
            near = [key for key in known if name.lower() in key or name.lower() in known[key].title.lower()]
            raise unknown("card", name, near, "chataudit refs list")
        for field, value in msgspec.to_builtins(card).items():
            told = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            out.print(visible(f"{field}: {told}"), markup=False)


@refs_app.command("build")
def refs_build(
    name: str,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="The folder of its original files, or these. [default: the Hugging Face hub]", show_default=False
        ),
    ] = None,
    folder: Folder = FOLDER,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Make the fingerprint of a known benchmark from its original files, or from the Hugging Face hub."""
    with telling():
        from .. import references

        _keep(name, references.build(name, files or ()), folder if here else None, replace)


@refs_app.command("add")
def refs_add(
    name: str,
    file: Path,
    question: Annotated[list[str], typer.Option(help="Its member, such as question or data.prompt.")],
    choices: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    answer: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    passage: Annotated[list[str] | None, typer.Option(show_default=False)] = None,
    item_id: Annotated[str | None, typer.Option("--id", help="[default: numbered]", show_default=False)] = None,
    rows: Annotated[str, typer.Option(help="The list of items in a record.", show_default=False)] = "",
    title: Annotated[str, typer.Option(show_default=False)] = "",
    benchmark_split: Annotated[str, typer.Option(help="test, validation, train or dev.")] = "test",
    licence: Annotated[str, typer.Option(show_default=False)] = "",
    folder: Folder = FOLDER,
    here: Here = False,
    replace: Replace = False,
) -> None:
    """Make the fingerprint of a set of your own, JSON lines, JSON, CSV, TSV or Parquet with an item a record."""
    with telling():
        from ...benchmarks_refs.cards import Parts
        from .. import references

        def source(members: list[str] | None) -> str | tuple[str | int, ...] | None:
            return None if not members else members[0] if len(members) == 1 else tuple(members)

        asked = source(question)
        assert asked is not None
        parts = Parts(asked, source(choices), source(answer), source(passage), item_id, rows)
        made = references.add(name, file, parts, title=title, split=benchmark_split, licence=licence)
        _keep(name, made, folder if here else None, replace)


@refs_app.command("verify")
def refs_verify(
    names: Annotated[list[str] | None, typer.Argument(show_default=False)] = None, folder: Folder = FOLDER
) -> None:
    """Hold fingerprints against their checksums, and shipped ones against their cards. Exit code 1: a fault."""
    with telling():
        from .. import references

        faults = 0
        for name, path, fault in references.verify(folder, names or ()):
            out.print(visible(fault or f"{name}: as it was made ({path})"), markup=False)
            faults += bool(fault)
        raise typer.Exit(1 if faults else 0)


def _keep(name: str, fingerprint: "Fingerprint", folder: Path | None, replace: bool) -> None:
    from ...benchmarks_refs import fingerprints

    path = (folder or fingerprints.own_folder()) / f"{name}{fingerprints.ENDING}"
    fingerprints.save(fingerprint, path, replace=replace)
    out.print(visible(f"{path}: {count_of(len(fingerprint), 'item')}, {size(path.stat().st_size)}"), markup=False)
