"""Data set cards of the Hugging Face hub: the files that a card names as data, and their splits.

A card is a README.md that begins with YAML (https://huggingface.co/docs/hub/datasets-manual-configuration). Cards are
strangers' text: they are composed, never constructed, and both their size and their number of values are limited.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

CARD = "README.md"
MAX_CARD = 1 << 20  # bytes of YAML: cards of hundreds of configurations have a tenth of it
MAX_VALUES = 100_000  # in `configs`: aliases can repeat a value without end


class _DataFiles(msgspec.Struct):
    path: str | list[str]
    split: str | None = None


class _Config(msgspec.Struct):
    data_files: str | list[str | _DataFiles] | None = None
    data_dir: str | None = None


class NamedFiles(NamedTuple):
    """A glob of a card, and the split of the files that match it."""

    glob: str
    split: str | None
    pattern: re.Pattern[str]  # of paths relative to the card


def named_files(card: bytes) -> list[NamedFiles]:
    """Return the globs by which a card names its data files; none if it leaves the choice to their names.

    Raises
    ------
    ValueError
        If the card is malformed.
    """
    start = re.match(rb"(?:\xef\xbb\xbf)?---[ \t]*\r?\n", card)
    if start is None:
        return []
    end = re.compile(rb"^---[ \t]*\r?$", re.MULTILINE).search(card, start.end())
    if end is None:
        if len(card) > MAX_CARD:
            raise ValueError(f"its YAML is longer than {MAX_CARD:,} bytes")
        return []  # a rule across the page
    import yaml  # few folders have a card

    try:
        root = yaml.compose(card[start.end() : end.start()], Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if root is None:
            return []
        if root.id != "mapping":
            raise ValueError("its YAML is not a mapping")
        configs = [value for key, value in root.value if key.value == "configs"]
        if not configs:
            return []
        plain = _Plain()
        return [named for config in msgspec.convert(plain(configs[-1]), list[_Config]) for named in _files_of(config)]
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 2}" if error.problem_mark else ""
        raise ValueError(f"{error.problem}{line}") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise ValueError("its YAML is not valid text") from None
    except msgspec.ValidationError as error:
        raise ValueError(f"configs: {error}") from None
    except RecursionError:
        raise ValueError("its YAML is nested too deeply") from None


class _Plain:
    """Conversion of YAML nodes to lists, dicts and strings; a split named `no` or `2024` stays a string."""

    def __init__(self) -> None:
        self.n_values = 0

    def __call__(self, node: Any) -> Any:
        self.n_values += 1
        if self.n_values > MAX_VALUES:
            raise ValueError(f"configs has more than {MAX_VALUES:,} values")
        if node.id == "mapping":
            return {str(key.value): self(value) for key, value in node.value}
        if node.id == "sequence":
            return [self(value) for value in node.value]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _files_of(config: _Config) -> Iterator[NamedFiles]:
    below = f"{config.data_dir}/" if config.data_dir else ""
    files = config.data_files
    if files is None:
        groups = [_DataFiles("**")] if below else []
    else:
        groups = [_DataFiles(f) if isinstance(f, str) else f for f in ([files] if isinstance(files, str) else files)]
    for group in groups:
        for glob in [group.path] if isinstance(group.path, str) else group.path:
            yield NamedFiles(below + glob, group.split, _pattern(below + glob))


def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob: `*` and `?` stay within a folder, `**` includes the folders below.

    Each star takes the shortest text before the piece that follows it, and is never tried again. So matching takes no
    more than quadratic time, whatever the glob.
    """
    chunks: list[list[str]] = [[]]
    for step in glob.split("/"):
        if step == "**":
            chunks.append([])
        elif step not in ("", "."):
            chunks[-1].append(_step(step))
    first, *rest = ("/".join(chunk) for chunk in chunks)
    if not rest:
        return _compiled(first)
    *between, last = rest
    steps = [f"(?>(?:[^/]+/)*?{chunk}/)" for chunk in between if chunk]
    return _compiled((f"{first}/" if first else "") + "".join(steps) + "(?:[^/]+/)*" + (last or "[^/]+"))


def _step(glob: str) -> str:
    first, *rest = (_characters(piece) for piece in glob.split("*"))
    if not rest:
        return first
    *between, last = rest
    return first + "".join(f"(?>[^/]*?{piece})" for piece in between if piece) + f"[^/]*{last}"


def _characters(glob: str) -> str:
    text = ""
    for piece in re.split(r"(\?|\[[^]]+\])", glob):
        if piece == "?":
            text += "[^/]"
        elif piece.startswith("[") and piece.endswith("]"):
            inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
            text += f"[{f'^/{inner[1:]}' if inner.startswith('!') else inner.replace('^', chr(92) + '^', 1)}]"
        else:
            text += re.escape(piece)
    return text


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        raise ValueError("data_files has a pattern that is not a glob") from None
