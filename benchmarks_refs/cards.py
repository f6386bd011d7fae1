"""What is known of each benchmark, and its items as their publisher wrote them.

A card says where the parts of an item are found in a record of the original files:

- a text names a member; `a.b` goes into `a` and takes `b`, and where a list lies on the way, of each of its members:
  `question.choices.text` are the texts of all choices, `turns` all strings of a list;
- a number names a column, from 0, of a CSV or TSV file that has no header;
- a list of any of these means all of them, in this order: the choices, or answers each of which is one;
- `{path = "query", match = 'Question: (.*)'}` takes what a regular expression's group finds there, each time it does;
- `{choice = "answerKey"}` means the choices that this member tells, by letter, by number (`first = 1` where counting
  does not begin at 0) or by one truth value for each choice.

Where choices are lettered in their own text ("(A) red"), the letters are left out.

`rows` says where in a record the items lie (`data.paragraphs.qas`). An item also sees the members of what it lies in.
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

Way: TypeAlias = str | int  # a way into a record: names with dots between them, or the number of a column
Text = Annotated[str, msgspec.Meta(min_length=1)]


class Pick(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part that is not written out: a piece of a text (`path`, `match`), or some of the choices (`choice`)."""

    path: Way | None = None
    match: str = "(?s)(.*)"  # regular expression with one group; it must be found in every text
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
    """Where the parts of an item are found in a record."""

    question: Source
    choices: Source | None = None
    answer: Source | None = None
    passage: Source | None = None  # text that the question is about and that was public before
    id: Way | None = None  # the benchmark's own name of an item; none: it is called by file and number
    rows: str = ""  # where the items lie in a record; empty: the record is the item


class Hub(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a benchmark lies on the Hugging Face hub."""

    id: Text
    split: Text  # as the hub calls it; several are joined by "+"
    config: Text | tuple[Text, ...] | None = None  # none: every configuration there is
    revision: Text | None = None  # none: not known
    parts: Parts | None = None  # none: the records are like those of the card's files


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One split of one benchmark. What is not known for sure is left out."""

    title: Text
    measures: Text
    home: Annotated[str, msgspec.Meta(pattern="^(https|file)://")]
    # What the items are used for. What is only there to be evaluated on is "test", whatever the hub calls it.
    split: Literal["test", "validation", "train", "dev"]
    languages: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]  # BCP 47
    licence: Text  # SPDX, or what its publisher says
    shared: bool  # whether derived data may be shared without a non-commercial or no-derivatives term
    citation: Text
    parts: Parts
    hub: Hub | None = None
    items: Annotated[int, msgspec.Meta(ge=1)] | None = None  # in the files; without any, on the hub
    files: tuple[Text, ...] = ()  # paths or globs below the folder of the original files
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None  # see `checksum`
    note: str = ""  # what one must know of the files: how they differ from what was published, what lies in what

    def __post_init__(self) -> None:
        if not self.files and self.hub is None:
            raise ValueError("Expected files or hub, so that there is something to build from")
        if self.files and self.sha256 is None:
            raise ValueError("Expected sha256 beside files")


class Item(msgspec.Struct, frozen=True):
    """One item of a benchmark. A part that is not there, or is empty, is left out."""

    id: str
    parts: dict[str, tuple[str, ...]]  # of question, choices, answer, passage


_TABLES: dict[str, type[msgspec.Struct]] = {"": Card, "hub": Hub, "parts": Parts, "hub.parts": Parts}


def cards(path: Path = CARDS) -> dict[str, Card]:
    """The cards of a file, by name, in the file's order.

    Raises
    ------
    ValueError
        Where the file is no TOML, or a key is missing, unknown or of a wrong type.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}. Expected one table a card: [gsm8k]") from None
    found = {}
    for name, table in tables.items():
        if not re.fullmatch("[a-z0-9_]+", name):
            raise ValueError(f"{path}: [{name}] is no name of a card; expected lower-case letters, digits and _")
        try:
            found[name] = msgspec.convert(table, Card)
        except msgspec.ValidationError as error:
            what, _, at = str(error).partition(" - at `$")
            at = at.strip(".`")
            key = re.search("unknown field `(.*)`", what)
            if key:
                known = ", ".join(_TABLES.get(at, Pick).__struct_fields__)
                what = f"no such key {key[1]!r}; it has {known}"
            raise ValueError(f"{path}: [{name}] {f'{at}: ' if at else ''}{what}") from None
    return found


def checksum(card: Card, folder: Path) -> str:
    """SHA-256, in hexadecimal, of the bytes of the card's files on end, in the order of their sorted paths.

    Raises
    ------
    LookupError
        Where a file is not there.
    """
    digest = hashlib.sha256()
    for path in _files(card, folder):
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                digest.update(data)
    return digest.hexdigest()


def items(card: Card, folder: Path) -> Iterator[Item]:
    """The items of the card's files below `folder`, file by file in the order of their sorted paths.

    An item is called by the benchmark's own id, else by its number within its file, from 1. Where that may not be
    enough (a number, or several files) the file's name stands before it: `mgsm_de.tsv:17`.

    Raises
    ------
    LookupError
        Where a file is not there.
    ValueError
        Where a file or a record is not what the card says.
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
    """The parts of one item. `place` is where it stands, for what is raised.

    Raises
    ------
    ValueError
        Where the item has not got what `parts` names, or has no question.
    """
    choices = () if parts.choices is None else _unlettered(_part(row, parts.choices, (), place))
    found = {"question": _part(row, parts.question, choices, place), "choices": choices}
    for name, source in ("answer", parts.answer), ("passage", parts.passage):
        if source is not None:
            found[name] = _part(row, source, choices, place)
    filled = {name: tuple(text for text in texts if text.strip()) for name, texts in found.items()}
    if not filled["question"]:
        raise ValueError(f"{place} has no question at {parts.question!r}. Correct the names of its parts, or the file")
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
                f"{place}: {source.match!r} is not found at {source.path!r}. Correct the names of its parts"
            )
        pieces += here
    return tuple(pieces)


def _unlettered(choices: tuple[str, ...]) -> tuple[str, ...]:
    # "(A)5", "(B)6": who copies an item keeps the choices and may letter them otherwise. Some are lettered wrongly.
    if any(choice.startswith(f"({chr(ord('A') + n)})") for n, choice in enumerate(choices)):
        return tuple(re.sub(r"^\s*\([A-Z]\)\s*", "", choice) for choice in choices)
    return choices


def _chosen(told: list[Any], first: int, choices: Sequence[str], place: str) -> Iterator[str]:
    numbers: list[int] = []
    for n, value in enumerate(told):
        name = re.sub(r"[\W_]", "", str(value)).upper()  # "A B D" are three, and a stray full stop is none
        if isinstance(value, bool):
            numbers += [n] if value else []
        elif name.isdecimal():
            numbers.append(int(name) - first)
        else:
            numbers += [ord(letter) - ord("A") for letter in name]
    for number in numbers:
        if not 0 <= number < len(choices):
            raise ValueError(
                f"{place}: {told!r} is none of {len(choices)} choices; expected letters, a number from {first} on, or "
                "a truth value for each. Correct the names of its parts, or the file"
            )
        yield choices[number]


def _texts(row: Mapping[str | int, Any], way: Way, place: str) -> Iterator[str]:
    for value in _values(row, way, place):
        if isinstance(value, dict):
            raise ValueError(f"{place}: {way!r} is an object with {_names(value)}; expected texts: name one of these")
        yield str(value).encode("utf-8", "replace").decode()  # JSON can tell half a character


def _values(row: Mapping[str | int, Any], way: Way, place: str) -> Iterator[Any]:
    values: Iterable[Any] = [row]
    for name in [way] if isinstance(way, int) else way.split("."):
        inner: list[Any] = []
        for value in values:
            if not isinstance(value, Mapping) or name not in value:
                has = _names(value) if isinstance(value, Mapping) else repr(value)[:80]
                raise ValueError(f"{place}: no {name!r} of {way!r}; there is {has}. Correct the names of its parts")
            inner += _flat(value[name])
        values = inner
    yield from values


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for member in value:
            yield from _flat(member)
    else:
        yield "" if value is None else value  # an empty choice is left out last, so that the others keep their number


def _names(record: Mapping[str | int, Any]) -> str:
    return ", ".join(map(repr, record))


def _rows(record: Any, way: str, place: str) -> Iterator[Mapping[str | int, Any]]:
    if not isinstance(record, dict):
        raise ValueError(f"{place}: a record is {repr(record)[:80]}; expected an object. Name others in `rows`")
    if not way:
        yield record
        return
    name, _, rest = way.partition(".")
    if not isinstance(record.get(name), list):
        raise ValueError(f"{place}: no list {name!r} of rows = {way!r}; there is {_names(record)}. Correct the card")
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
                import pyarrow.parquet as pq  # takes long to load, and an audit needs none of it

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
                raise ValueError("the name tells no form")
    except (ValueError, csv.Error, EOFError, OSError, RecursionError, zlib.error) as error:
        raise ValueError(
            f"{place}: {error}; expected .jsonl, .json, .csv, .tsv (each may be .gz) or .parquet. Get the file again"
        ) from None


def _table(text: Iterable[str], kind: str, *, has_header: bool) -> Iterator[dict[str, str] | dict[int, str]]:
    # A quotation mark means nothing in a TSV file: a field that opens with one would swallow the lines after it.
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
            raise ValueError(f"line {rows.line_num} has {len(row)} columns, the header {len(names)}")
        else:
            yield dict(zip(names, row, strict=True))


def _is_numbered(source: Source) -> bool:
    first = source[0] if isinstance(source, tuple) else source
    return isinstance(first.path if isinstance(first, Pick) else first, int)
