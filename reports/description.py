"""What a data set consists of: messages, conversations, languages, roles and lengths, counted exactly."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..checks.base.arrow.columns import IntArray, as_ints, single
from .wording import UNDECLARED, below, number, percent, visible

PROMPTER = "prompter"
LENGTH = "length"
QUANTILES = (10, 50, 90)
BINS = tuple(2**k for k in range(21))  # lower ends of the bins of a histogram; the first holds 0 too


class Spread(msgspec.Struct, frozen=True):
    """How a number varies over n messages or conversations."""

    n: int
    total: int
    mean: float
    min: int
    p10: float  # interpolated linearly between the two values around it, as the other quantiles
    median: float
    p90: float
    max: int
    histogram: list[int]  # how many are in each bin of BINS, without the empty ones at the end


class Part(msgspec.Struct, frozen=True):
    """The messages of one role, language or file."""

    name: str | None  # null: the data give none
    messages: int
    chars: Spread  # code points of a text
    words: Spread  # between white space: few in scripts that set none


class Description(msgspec.Struct, frozen=True):
    """A data set in figures."""

    messages: Spread | None  # of a conversation; null: there are none
    turns: Spread | None  # messages of users in a conversation
    chars: Spread | None  # of a text
    words: Spread | None
    roles: list[Part]
    languages: list[Part]  # as declared
    sources: list[Part]
    untagged: int  # messages without a language tag
    identical: int  # messages whose text, role, language and parent are those of an earlier one


def describe(messages: pa.Table) -> Description:
    """Count the messages of an audit.

    Parameters
    ----------
    messages : Table (SEEN)
        All messages that were read.
    """
    chars, words = (as_ints(single(messages[name]), 0) for name in ("chars", "words"))
    _, tree = _codes(messages, "tree_id")
    roles, role = _codes(messages, "role")
    n = np.bincount(tree)
    asked = np.bincount(tree[role == roles.index(PROMPTER)], minlength=len(n)) if PROMPTER in roles else n * 0
    languages = _parts(messages, "lang", chars, words)
    digest = single(messages["digest"]).drop_null()
    return Description(
        messages=_spread(n),
        turns=_spread(asked),
        chars=_spread(chars),
        words=_spread(words),
        roles=_parts(messages, "role", chars, words),
        languages=languages,
        sources=_parts(messages, "source", chars, words),
        untagged=sum(part.messages for part in languages if part.name is None),
        identical=len(digest) - len(digest.unique()),
    )


class Overview(NamedTuple):
    """One table of what the data consist of, as pages and the terminal show it."""

    name: str  # what its lines are: role, declared language, file
    head: tuple[str, ...]  # behind the name
    lines: list[tuple[str, ...]]

    @property
    def title(self) -> str:
        """What is above the table."""
        return "Lengths" if self.name == LENGTH else f"By {self.name}"


def overview(found: Description) -> Iterator[Overview]:
    """Yield the tables of what the data consist of; of a single file there is none."""
    spreads = {
        "messages per conversation": found.messages,
        "user messages per conversation": found.turns,
        "characters per message": found.chars,
        "words per message": found.words,
    }
    lines = [
        (name, f"{each.mean:,.1f}", number(each.min), *_quantiles(each), number(each.max))
        for name, each in spreads.items()
        if each is not None
    ]
    if lines:
        yield Overview(LENGTH, ("mean", "min", "10 %", "median", "90 %", "max"), lines)
    head = ("messages", "share", "characters", "10 %", "median", "90 %")
    for name, parts in (("role", found.roles), ("declared language", found.languages), ("file", found.sources)):
        if len(parts) > 1 or (parts and parts[0].name is not None and name != "file"):
            names = [visible(part.name or UNDECLARED) for part in parts]
            names = below(names) if name == "file" else names
            total = sum(part.messages for part in parts)
            lines = [(own, *_cells(part, total)) for own, part in zip(names, parts, strict=True)]
            yield Overview(name, head, lines)


def _cells(part: Part, total: int) -> tuple[str, ...]:
    counts = number(part.messages), percent(part.messages / total), number(part.chars.total)
    return *counts, *_quantiles(part.chars)


def _quantiles(spread: Spread) -> Iterator[str]:
    return (f"{each:,.0f}" for each in (spread.p10, spread.median, spread.p90))


def _codes(messages: pa.Table, name: str) -> tuple[list[str | None], IntArray]:
    """Return the values of a column, and the number of each row's value; rows without a tree are one each."""
    column = single(messages[name].unify_dictionaries())
    codes = as_ints(column.indices, -1)
    values = column.dictionary.to_pylist()
    missing = codes < 0
    if name == "tree_id":
        codes[missing] = len(values) + np.arange(missing.sum())
        _, codes = np.unique(codes, return_inverse=True)
        return [], codes
    codes[missing] = len(values)
    return [*values, None], codes


def _parts(messages: pa.Table, name: str, chars: IntArray, words: IntArray) -> list[Part]:
    """Return the values of a column, the most frequent first."""
    values, codes = _codes(messages, name)
    order = np.argsort(codes, kind="stable")
    limits = np.searchsorted(codes[order], np.arange(len(values) + 1))

    def parts() -> Iterator[Part]:
        for k, value in enumerate(values):
            rows = order[limits[k] : limits[k + 1]]
            in_chars, in_words = _spread(chars[rows]), _spread(words[rows])
            if in_chars is not None and in_words is not None:
                yield Part(value, len(rows), in_chars, in_words)

    return sorted(parts(), key=lambda part: (-part.messages, part.name or "\uffff"))


def _spread(values: npt.NDArray[np.int64]) -> Spread | None:
    if not len(values):
        return None
    p10, median, p90 = (round(float(q), 6) for q in np.percentile(values, QUANTILES))
    bins = np.bincount(np.maximum(0, np.searchsorted(BINS, values, side="right") - 1))
    return Spread(
        n=len(values),
        total=int(values.sum()),
        mean=round(float(values.mean()), 6),
        min=int(values.min()),
        p10=p10,
        median=median,
        p90=p90,
        max=int(values.max()),
        histogram=bins.tolist(),
    )
