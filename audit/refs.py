"""Fingerprints of benchmarks: built from original files or from the hub, added from files of one's own, verified.

`python -m chataudit.audit.refs FOLDER` makes all that the package ships again from a folder of original files.
"""

import glob
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from ..benchmarks_refs import fingerprints, hub
from ..benchmarks_refs.cards import Card, Item, Parts, cards, checksum, items
from ..benchmarks_refs.fingerprints import ENDING, PASSAGE, QUESTION, Fingerprint, Weights
from ..checks.base.text import hashed


def build(name: str, paths: Sequence[Path] = ()) -> Fingerprint:
    """The fingerprint of a known benchmark, from its original files or else from the hub.

    Parameters
    ----------
    name : str
        Of a card.
    paths : sequence of Path
        A folder in which the card's files are found, or these files themselves.

    Raises
    ------
    LookupError
        Where there is no such card, or a file is not there.
    ValueError
        Where the files are not those that the card describes.
    """
    known = cards()
    if name not in known:
        raise LookupError(f"no card {name!r}. See: chataudit refs list. A set of your own: chataudit refs add")
    card = known[name]
    if paths:
        found, folder = _local(card, paths)
        if (sha256 := checksum(found, folder)) != card.sha256:
            raise ValueError(
                f"reference set {name!r}: checksum differs from its card (card {card.sha256}, files {sha256}). Get the "
                f"original files again from {card.home}, or make a set of your own with `chataudit refs add`"
            )
        return made(card, items(found, folder))
    found, folder = hub.fetch(card)
    return made(found, items(found, folder))


def _local(card: Card, paths: Sequence[Path]) -> tuple[Card, Path]:
    if not card.files:
        raise LookupError(f"{card.title}: its card knows no files, only the hub. Leave them out, to build from there")
    if len(paths) == 1 and paths[0].is_dir():
        return card, paths[0]
    for path in paths:
        if not path.is_file():
            raise LookupError(f"{path}: no such file or folder")
    if len({path.parent.absolute() for path in paths}) > 1:
        raise LookupError(
            f"{card.title}: its files lie in several folders; expected the one folder that holds them all"
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
    """The fingerprint of a set of one's own, one record an item.

    Raises
    ------
    LookupError
        Where the file is not there.
    ValueError
        Where the name is that of a known benchmark, or none; a record has not got what `parts` names; or `split` is
        none of test, validation, train and dev.
    """
    if not re.fullmatch("[a-z0-9_]+", name):
        raise ValueError(f"{name!r} is no name of a set; expected lower-case letters, digits and _")
    if name in cards():
        raise ValueError(
            f"{name!r} is the name of a known benchmark, and would stand in its place. Choose another name"
        )
    if not file.is_file():
        raise LookupError(f"{file}: no such file")
    if split not in (known := ("test", "validation", "train", "dev")):
        raise ValueError(f"split {split!r}; expected one of {', '.join(known)}")
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
    """The fingerprint of these items, with the weights that are shipped."""
    return fingerprints.build(card, found, hashed, fingerprints.load_weights())


def verify(folder: Path, names: Sequence[str] = ()) -> Iterator[tuple[str, Path, str]]:
    """Name, file and fault of each fingerprint there is, or of these; no fault is an empty string.

    Raises
    ------
    LookupError
        Where there is none of that name.
    """
    found, known = fingerprints.paths(folder), cards()
    for name in names or sorted(found):
        if name not in found:
            raise LookupError(f"no fingerprint of {name!r}; there are {', '.join(sorted(found))}")
        fault = ""
        try:
            card = fingerprints.load(found[name]).card
        except ValueError as error:
            fault = str(error)
        else:
            if found[name].parent == fingerprints.SHIPPED and card != known.get(name):
                fault = f"{found[name]}: was built with another card. Run `chataudit refs build {name}`"
        yield name, found[name], fault


def shipped() -> Iterator[tuple[str, Card]]:
    """The benchmarks whose fingerprints the package ships: files are at hand, and what is derived may be shared."""
    for name, card in cards().items():
        if card.files and card.shared:
            yield name, card


def weigh(folder: Path) -> Weights:
    """Weights of tokens in the questions and passages of all cards whose files are in a folder."""
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
    for path in fingerprints.SHIPPED.glob(f"*{ENDING}"):
        path.unlink()
    for name, card in shipped():
        fingerprints.save(made(card, items(card, folder)), fingerprints.SHIPPED / f"{name}{ENDING}")
        print(name)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
