"""Settings of checks: each is declared once, with its range and its help, and every surface reads that declaration."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, NamedTuple

_KEY = "setting"  # in the metadata of a dataclass field


class Wants(StrEnum):
    """What a check may ask of the run: the value is handed to every setting that wants it and is not set."""

    MEMORY = "memory"  # the share of the memory budget that one comparison of all texts may take, such as "2000000000B"
    LANGUAGE = "lang"  # the language of messages that declare none; None: not given
    REFERENCES = "references"  # the folder with the user's own reference fingerprints


@dataclass(frozen=True)
class Bounds:
    """The values that a setting may take, with the text that says so."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()  # of the value, or of each member of a tuple
    accepts: Callable[[Any], bool] | None = None
    expects: str = ""  # describes what `accepts` lets pass

    def __str__(self) -> str:
        if self.expects:
            return self.expects
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        low = "" if self.at_least is None else f"[{self.at_least:g}"
        low = low if self.above is None else f"({self.above:g}"
        high = "" if self.at_most is None else f"{self.at_most:g}]"
        high = high if self.below is None else f"{self.below:g})"
        if low and high:
            return f"in {low}, {high}"
        if low:
            return f"at least {low[1:]}" if low[0] == "[" else f"above {low[1:]}"
        return "" if not high else f"at most {high[:-1]}" if high[-1] == "]" else f"below {high[:-1]}"

    def admit(self, value: Any) -> bool:
        """Whether a value, or each member of a tuple or list, lies within these bounds; None always does."""
        if value is None:
            return True
        if isinstance(value, tuple | list):
            return all(map(self.admit, value))
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (not self.choices or value in self.choices)
            and (self.accepts is None or self.accepts(value))
        )


class _Declared(NamedTuple):
    """What `setting` leaves in the metadata of a field."""

    help: str
    bounds: Bounds
    wants: Wants | None


class Setting(NamedTuple):
    """One setting of a check, as people see it."""

    name: str
    default: Any
    bounds: str  # such as `in (0, 1]`; empty: any value of its type
    help: str
    wants: Wants | None  # what the run hands to it where it is not set


def setting(
    default: Any,
    help: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] = (),
    accepts: Callable[[Any], bool] | None = None,
    expects: str = "",
    wants: Wants | None = None,
) -> Any:
    """Declare a setting as a field of a check's dataclass.

    Parameters
    ----------
    default : Any
        The value where nothing else is set; immutable, or a dict, which is copied.
    help : str
        One sentence for users, in the imperative or a noun phrase.
    at_least, above, at_most, below : float, optional
        Bounds of a number.
    choices : tuple of str
        All values that exist; of a tuple, all that its members may be.
    accepts : callable, optional
        Any other condition on the value. It must not read the disk.
    expects : str
        What `accepts` lets pass, such as "a language tag such as en or pt-BR".
    wants : Wants, optional
        What the run hands to this setting where the user sets nothing.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Short:
    ...     min_letters: int = setting(20, "Skip texts with fewer letters.", at_least=1)
    >>> next(settings(Short))
    Setting(name='min_letters', default=20, bounds='at least 1', help='Skip texts with fewer letters.', wants=None)
    """
    bounds = Bounds(at_least, above, at_most, below, choices, accepts, expects)
    metadata = {_KEY: _Declared(help, bounds, wants)}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(default=default, metadata=metadata)


def settings(check: Any) -> Iterator[Setting]:
    """Yield the settings of a check or of its class, in the order of the fields."""
    for each in fields(check):
        declared = _declared(each)
        default = None if each.default is MISSING else each.default
        yield Setting(each.name, default, str(declared.bounds), declared.help, declared.wants)


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the way out of a name that does not exist: the nearest one, and all that there are.

    >>> suggestion("treshold", ["threshold", "seed"])
    "Did you mean 'threshold'? Available: threshold, seed"
    """
    names = list(known)
    near = get_close_matches(str(name), names, n=1)
    return (f"Did you mean {near[0]!r}? " if near else "") + f"Available: {', '.join(names)}"


def refuse_bad(check: Any) -> None:
    """Raise ValueError for the first setting that is out of its bounds."""
    for each in fields(check):
        bounds, value = _declared(each).bounds, getattr(check, each.name)
        if not bounds.admit(value):
            if isinstance(value, tuple | list):
                value = next(member for member in value if not bounds.admit(member))
            if bounds.choices:
                raise ValueError(f"{each.name}: {value!r} does not exist. {suggestion(value, bounds.choices)}")
            raise ValueError(f"{each.name}: {value!r}; expected {bounds}")


def _declared(each: Field[Any]) -> _Declared:
    declared: _Declared = each.metadata.get(_KEY) or _Declared("", Bounds(), None)
    return declared
