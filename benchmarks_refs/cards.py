"""Cards of benchmarks, and their items as published.

A card maps the fields of a record in the original files to the parts of an item:

- a string names a field; `a.b` takes `b` within `a`, and from every element of a list on the way:
  `question.choices.text` are the texts of all choices, `turns` all strings of a list;
- a number names a column, from 0, of a CSV or TSV file without a header;
- a list of these means all of them, in this order: the choices, or several correct answers;
- `{path = "query", match = 'Question: (.*)'}` takes the group of every match of a regular expression in that field;
- `{choice = "answerKey"}` means the choices that this field names, by letter, by number (`first = 1` if the numbers do
  not start at 0) or by one truth value per choice.

Letters within the text of a choice ("(A) red") are removed.

`rows` names the list of items in a record (`data.paragraphs.qas`). An item can also use the fields of the objects
around it.
"""

import csv
import gzip
import hashlib
import io
import json
import re
import tomllib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

CARDS = Path(__file__).with_name("cards.toml")

Way: TypeAlias = str | int  # path to a field of a record: names separated by dots, or the number of a column
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Pick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part that is not a field of its own: a piece of a text (`path`, `match`), or some of the choices (`choice`)."""

    path: Way | None = None
    match: str = "(?s)(.*)"  # regular expression with one group; it must match in every text
    choice: Way | None = None  # a letter, a number, or truth values
    first: int = 0  # the number of the first choice

    def __post_init__(self) -> None:
        if (self.path is None) == (self.choice is None):
            raise ValueError("Expected either path or choice")
        try:
            n_groups = re.compile(self.match).groups
        except re.error as error:
            raise ValueError(f"Expected a regular expression in match, got {self.match!r}: {error}") from None
        if n_groups != 1:
            raise ValueError(f"Expected one group in match, got {self.match!r}")


Source: TypeAlias = str | int | Pick | tuple[str | int | Pick, ...]


class Parts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Fields of a record that contain the parts of an item."""

    question: Source
    choices: Source | None = None
    answer: Source | None = None
    passage: Source | None = None  # text that the question is about and that was public before
    id: Way | None = None  # the benchmark's own id of an item; none: file and number are its id
    rows: str = ""  # path of the list of items in a record; empty: the record is the item


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Location of a benchmark on the Hugging Face hub."""

    id: Text
    split: Text  # its name on the hub; several are joined by "+"
    config: Text | tuple[Text, ...] | None = None  # none: all configurations
    revision: Text | None = None  # none: unknown
    parts: Parts | None = None  # none: the records are like those of the card's files


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One split of one benchmark. Facts that are not certain are left out."""

    title: Text
    measures: Text
    home: Annotated[str, msgspec.Meta(pattern="^(https|file)://")]
    # The use of the items. Items that are only for evaluation are "test", regardless of their split on the hub.
    split: Literal["test", "validation", "train", "dev"]
    languages: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]  # BCP 47
    licence: Text  # SPDX, or the publisher's words
    shared: bool  # whether derived data may be shared without a non-commercial or no-derivatives term
    citation: Text
    parts: Parts
    hub: Hub | None = None
    items: Annotated[int, msgspec.Meta(ge=1)] | None = None  # number in the files; without files, on the hub
    files: tuple[Text, ...] = ()  # paths or globs below the folder of the original files
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None  # see `checksum`
    note: str = ""  # on the files: differences from the published version, nesting

    def __post_init__(self) -> None:
        if not self.files and self.hub is None:
            raise ValueError("Expected files or hub, to build the fingerprint from")
        if self.files and self.sha256 is None:
            raise ValueError("Expected sha256 together with files")


class Item(msgspec.Struct, frozen=True):
    """One item of a benchmark, without missing or empty parts."""

    id: str
    parts: dict[str, tuple[str, ...]]  # keys: question, choices, answer, passage


_TABLES: dict[str, type[msgspec.Struct]] = {"": Card, "hub": Hub, "parts": Parts, "hub.parts": Parts}


def cards(path: Path = CARDS) -> dict[str, Card]:
    """Return the cards of a file by name, in the file's order.

    Raises
    ------
    ValueError
        If the file is not TOML, or a key is missing, unknown or of a wrong type.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}. Expected one table per card: [gsm8k]") from None
    found = {}
    for name, table in tables.items():
        if not re.fullmatch("[a-z0-9_]+", name):
            raise ValueError(f"{path}: [{name}] is not a valid card name; expected lower-case letters, digits and _")
        try:
            found[name] = msgspec.convert(table, Card)
        except msgspec.ValidationError as error:
            what, _, at = str(error).partition(" - at `$")
            at = at.strip(".`")
            key = re.search("unknown field `(.*)`", what)
            if key:
                known = ", ".join(_TABLES.get(at, Pick).__struct_fields__)
                what = f"unknown key {key[1]!r}; expected one of {known}"
            raise ValueError(f"{path}: [{name}] {f'{at}: ' if at else ''}{what}") from None
    return found


def checksum(card: Card, folder: Path) -> str:
    """Return the SHA-256, in hexadecimal, of the card's files concatenated in the order of their sorted paths.

    Raises
    ------
    LookupError
        If a file is missing.
    """
    digest = hashlib.sha256()
    for path in _files(card, folder):
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
    return digest.hexdigest()


def items(card: Card, folder: Path) -> Iterator[Item]:
    """Yield the items of the card's files below `folder`, file by file in the order of their sorted paths.

    The id of an item is the benchmark's own, else its number within its file, from 1. If that may not be unique (a
    number, or several files) the file's name comes first: `mgsm_de.tsv:17`.

    Raises
    ------
    LookupError
        If a file is missing.
    ValueError
        If a file or a record does not match the card.
    """
    paths = _files(card, folder)
    names = [path.name for path in paths]
    for path in paths:
        name = path.name if names.count(path.name) == 1 else path.relative_to(folder).as_posix()
        rows = (row for record in _records(path, card.parts) for row in _rows(record, card.parts.rows, str(path)))
        for number, row in enumerate(rows, 1):
            place = f"{path}: item {number}"
            own = None if card.parts.id is None else ":".join(_texts(row, card.parts.id, place))
            file = f"{name}:" if own is None or len(paths) > 1 else ""
            yield Item(f"{file}{number if own is None else own}", take(row, card.parts, place))


def take(row: Mapping[str | int, Any], parts: Parts, place: str) -> dict[str, tuple[str, ...]]:
    """Return the parts of one item. `place` is its place, for error messages.

    Raises
    ------
    ValueError
        If the item lacks a field that `parts` names, or has no question.
    """
    choices = () if parts.choices is None else _unlettered(_part(row, parts.choices, (), place))
    found = {"question": _part(row, parts.question, choices, place), "choices": choices}
    for name, source in ("answer", parts.answer), ("passage", parts.passage):
        if source is not None:
            found[name] = _part(row, source, choices, place)
    filled = {name: tuple(text for text in texts if text.strip()) for name, texts in found.items()}
    if not filled["question"]:
        raise ValueError(f"{place}: no question at {parts.question!r}. Correct the names of its parts, or the file")
    return {name: texts for name, texts in filled.items() if texts}


def _part(row: Mapping[str | int, Any], source: Source, choices: Sequence[str], place: str) -> tuple[str, ...]:
    if isinstance(source, tuple):
        return tuple(text for each in source for text in _part(row, each, choices, place))
    if not isinstance(source, Pick):
        return tuple(_texts(row, source, place))
    if source.choice is not None:
        return tuple(_chosen(list(_values(row, source.choice, place)), source.first, choices, place))
    assert source.path is not None
    pieces: list[str] = []
    for text in _texts(row, source.path, place):
        here = [found[1] for found in re.finditer(source.match, text)]
        if not here:
            raise ValueError(
                f"{place}: {source.match!r} does not match the text at {source.path!r}. Correct the names of its parts"
            )
        pieces += here
    return tuple(pieces)


def _unlettered(choices: tuple[str, ...]) -> tuple[str, ...]:
    # "(A)5", "(B)6": copies of an item keep the choices but may use other letters. Some published letters are wrong.
    if any(choice.startswith(f"({chr(ord('A') + n)})") for n, choice in enumerate(choices)):
        return tuple(re.sub(r"^\s*\([A-Z]\)\s*", "", choice) for choice in choices)
    return choices


def _chosen(labels: list[Any], first: int, choices: Sequence[str], place: str) -> Iterator[str]:
    numbers: list[int] = []
    for n, value in enumerate(labels):
        name = re.sub(r"[\W_]", "", str(value)).upper()  # "A B D" are three labels, a stray full stop is none
        if isinstance(value, bool):
            numbers += [n] if value else []
        elif name.isdecimal():
            numbers.append(int(name) - first)
        else:
            numbers += [ord(letter) - ord("A") for letter in name]
    for number in numbers:
        if not 0 <= number < len(choices):
            raise ValueError(
                f"{place}: {labels!r} is not one of {len(choices)} choices; expected letters, numbers from {first} on, "
                "or one truth value per choice. Correct the names of its parts, or the file"
            )
        yield choices[number]


def _texts(row: Mapping[str | int, Any], way: Way, place: str) -> Iterator[str]:
    for value in _values(row, way, place):
        if isinstance(value, dict):
            raise ValueError(f"{place}: {way!r} is an object with {_names(value)}; expected text. Name one of these")
        yield str(value).encode("utf-8", "replace").decode()  # JSON can contain an unpaired surrogate


def _values(row: Mapping[str | int, Any], way: Way, place: str) -> Iterator[Any]:
    values: Iterable[Any] = [row]
    for name in [way] if isinstance(way, int) else way.split("."):
        inner: list[Any] = []
        for value in values:
            if not isinstance(value, Mapping) or name not in value:
                has = _names(value) if isinstance(value, Mapping) else repr(value)[:80]
                raise ValueError(f"{place}: no field {name!r} of {way!r}; found {has}. Correct the names of its parts")
            inner += _flat(value[name])
        values = inner
    yield from values


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for member in value:
            yield from _flat(member)
    else:
        yield "" if value is None else value  # empty choices are removed last, so that the others keep their numbers


def _names(record: Mapping[str | int, Any]) -> str:
    return ", ".join(map(repr, record))


def _rows(record: Any, way: str, place: str) -> Iterator[Mapping[str | int, Any]]:
    if not isinstance(record, dict):
        raise ValueError(
            f"{place}: record is {repr(record)[:80]}; expected an object. Name the list of items in `rows`"
        )
    if not way:
        yield record
        return
    name, _, rest = way.partition(".")
    if not isinstance(record.get(name), list):
        raise ValueError(f"{place}: no list {name!r} of rows = {way!r}; found {_names(record)}. Correct the card")
    for inner in record[name]:
        yield from _rows({**record, **inner} if isinstance(inner, dict) else inner, rest, place)


def _files(card: Card, folder: Path) -> list[Path]:
    found = set()
    for pattern in card.files:
        here = [path for path in folder.glob(pattern) if path.is_file()]
        if not here:
            raise LookupError(f"{folder}: no file {pattern!r} of {card.title}. Get the original files: {card.home}")
        found.update(here)
    return sorted(found)


def _records(path: Path, parts: Parts) -> Iterator[Any]:
    is_packed = path.suffix == ".gz"
    kind = PurePath(path.stem if is_packed else path.name).suffix
    place = str(path)
    try:
        with gzip.open(path) if is_packed else open(path, "rb") as file:
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            if kind == ".parquet":
                import pyarrow.parquet as pq  # slow to load, and audits do not need it

                for batch in pq.ParquetFile(file).iter_batches():
                    yield from batch.to_pylist()
            elif kind in (".jsonl", ".ndjson"):
                for number, line in enumerate(text, 1):
                    if line.strip():
                        place = f"{path}:{number}"
                        yield json.loads(line)
            elif kind == ".json":
                content = json.load(text)
                yield from content if isinstance(content, list) else [content]
            elif kind in (".csv", ".tsv"):
                yield from _table(text, kind, has_header=not _is_numbered(parts.question))
            else:
                raise ValueError("unknown file type")
    except (ValueError, csv.Error, EOFError, OSError, RecursionError, zlib.error) as error:
        raise ValueError(
            f"{place}: {error}; expected .jsonl, .json, .csv, .tsv (each may be .gz) or .parquet. Download it again"
        ) from None


def _table(text: Iterable[str], kind: str, *, has_header: bool) -> Iterator[dict[str, str] | dict[int, str]]:
    # Quotation marks are plain text in a TSV file: a field that starts with one would swallow the lines after it.
    rows = csv.reader(text) if kind == ".csv" else csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    names: list[str] | None = None
    for row in rows:
        if not row:
            continue
        if not has_header:
            yield dict(enumerate(row))
        elif names is None:
            names = row
        elif len(row) != len(names):
            raise ValueError(f"line {rows.line_num} has {len(row)} columns, but the header has {len(names)}")
        else:
            yield dict(zip(names, row, strict=True))


def _is_numbered(source: Source) -> bool:
    first = source[0] if isinstance(source, tuple) else source
    return isinstance(first.path if isinstance(first, Pick) else first, int)
