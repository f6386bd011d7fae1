"""Fingerprints of benchmarks: built from original files or the hub, added from the user's files, and verified.

`python -m chataudit.audit.references FOLDER` rebuilds all shipped fingerprints from a folder of original files.
"""

import glob
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from msgspec.structs import replace

from ..benchmarks_refs import fingerprints, hub, library
from ..benchmarks_refs.cards import Card, Item, Parts, cards, checksum, items
from ..benchmarks_refs.fingerprints import PASSAGE, QUESTION, Fingerprint, Weights
from ..checks.base import kernels
from ..checks.base.text.words import hashed


def build(name: str, paths: Sequence[Path] = ()) -> Fingerprint:
    """Build the fingerprint of a known benchmark, from its original files or else from the hub.

    Parameters
    ----------
    name : str
        Name of a card.
    paths : sequence of Path
        The folder that contains the card's files, or these files themselves.

    Raises
    ------
    LookupError
        If there is no such card, or a file is missing.
    ValueError
        If the files are not the ones that the card describes.
    """
    known = cards()
    if name not in known:
        raise LookupError(f"unknown benchmark {name!r}. See: chataudit refs list. Add your own: chataudit refs add")
    card = known[name]
    if paths:
        found, folder = _local(card, paths)
        if (sha256 := checksum(found, folder)) != card.sha256:
            raise ValueError(
                f"reference set {name!r}: checksum differs from its card (card {card.sha256}, files {sha256}). Get the "
                f"original files again from {card.home}, or add your own set with `chataudit refs add`"
            )
        return made(card, items(found, folder))
    found, folder = hub.fetch(card)
    return made(found, items(found, folder))


def _local(card: Card, paths: Sequence[Path]) -> tuple[Card, Path]:
    if not card.files:
        raise LookupError(f"{card.title}: its card names no files, only the hub. Leave out FILES to build from the hub")
    if len(paths) == 1 and paths[0].is_dir():
        return card, paths[0]
    for path in paths:
        if not path.is_file():
            raise LookupError(f"{path}: no such file or folder")
    if len({path.parent.absolute() for path in paths}) > 1:
        raise LookupError(
            f"{card.title}: its files are in several folders; expected one folder that contains all of them"
        )
    return replace(card, files=tuple(glob.escape(path.name) for path in paths)), paths[0].parent


def add(
    name: str,
    file: Path,
    parts: Parts,
    *,
    title: str = "",
    split: str = "test",
    licence: str = "not told",
    languages: Sequence[str] = ("und",),
) -> Fingerprint:
    """Build the fingerprint of the user's own reference set, with one record per item.

    Raises
    ------
    LookupError
        If the file is missing.
    ValueError
        If the name is invalid or that of a known benchmark, a record lacks a field that `parts` names, or `split` is
        not one of test, validation, train and dev.
    """
    if not re.fullmatch("[a-z0-9_]+", name):
        raise ValueError(f"{name!r} is not a valid set name; expected lower-case letters, digits and _")
    if name in cards():
        raise ValueError(f"{name!r} is the name of a known benchmark. Choose another name")
    if not file.is_file():
        raise LookupError(f"{file}: no such file")
    if split not in (known := ("test", "validation", "train", "dev")):
        raise ValueError(f"unknown split {split!r}; expected one of {', '.join(known)}")
    card = Card(
        title=title or name,
        measures="a set of one's own",
        home=file.resolve().as_uri(),
        split=split,  # type: ignore[arg-type]
        languages=tuple(languages),
        licence=licence or "not told",
        shared=False,
        citation="none",
        parts=parts,
        files=(glob.escape(file.name),),
        sha256=hub.NOT_YET,
    )
    card = replace(card, sha256=checksum(card, file.parent))
    return made(card, items(card, file.parent))


def made(card: Card, found: Iterator[Item]) -> Fingerprint:
    """Build the fingerprint of these items with the shipped weights."""
    return fingerprints.build(card, found, hashed, fingerprints.load_weights())


def verify(folder: Path, names: Sequence[str] = ()) -> Iterator[tuple[str, Path, str]]:
    """Yield name, file and fault of each fingerprint, or of those named; the fault is empty if it is intact.

    Raises
    ------
    LookupError
        If there is no fingerprint of that name.
    """
    found, known = library.paths(folder), cards()
    verify_shipped = cache(library.verify)  # one file for all
    for name in names or sorted(found):
        if name not in found:
            raise LookupError(f"no fingerprint of {name!r}; available: {', '.join(sorted(found))}")
        fault = ""
        try:
            if found[name] == library.LIBRARY:
                verify_shipped()
            card = library.load(name, found[name]).card
        except ValueError as error:
            fault = str(error)
        else:
            if found[name] == library.LIBRARY and card != known.get(name):
                fault = f"{found[name]}: {name} was built from a different card. Run `chataudit refs build {name}`"
        yield name, found[name], fault


def shipped() -> Iterator[tuple[str, Card]]:
    """Yield the benchmarks that the package ships: their cards name files, and derived data may be shared."""
    for name, card in cards().items():
        if card.files and card.shared:
            yield name, card


def weigh(folder: Path) -> Weights:
    """Count token weights over the questions and passages of all cards whose files are in a folder."""
    texts = {
        text
        for card in cards().values()
        if card.files
        for item in items(card, folder)
        for kind, text in fingerprints.texts_of(item)
        if kind in (QUESTION, PASSAGE)
    }
    return fingerprints.count(sorted(texts), hashed)


def _main(folder: Path) -> None:
    fingerprints.SHIPPED.mkdir(exist_ok=True)
    fingerprints.save_weights(weigh(folder), fingerprints.WEIGHTS)
    prints = {name: made(card, items(card, folder)) for name, card in sorted(shipped())}
    library.save(library.together(prints, kernels.values_of), library.LIBRARY)
    print(f"{library.LIBRARY}: {len(prints)} sets, {library.LIBRARY.stat().st_size:,} bytes")


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
