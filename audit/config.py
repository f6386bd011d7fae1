"""Settings from TOML: what is unknown is refused, and what is known is named."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..checks.base.check import Check
from ..reports.payload import Limits
from . import registry

FILES = ("chataudit.toml", "pyproject.toml")


@dataclass(frozen=True)
class Settings:
    """How an audit is run. The command's options stand above the file's."""

    checks: tuple[str, ...] = ()  # names; none: all
    format: str | None = None
    engine: str = "auto"
    workers: int | None = None
    memory: str = "1GB"  # what shuffled rows may take before they go to disk
    max_report_mb: float = Limits.max_mb  # millions of bytes of report.html; the rest is in findings.parquet
    max_report_findings: int = Limits.per_check  # of each check in report.html


D = TypeVar("D", bound=Settings | Check)
C = TypeVar("C", bound=Check)


@dataclass(frozen=True)
class Config:
    """A configuration file, read and checked."""

    settings: Settings = Settings()
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # settings by check

    def setting(self, check: str, **values: Any) -> "Config":
        """The same with other values of some settings of a check."""
        return Config(self.settings, {**self.checks, check: {**self.checks.get(check, {}), **values}})


def load(path: Path | None = None) -> Config:
    """The given file, or `chataudit.toml`, or `[tool.chataudit]` of `pyproject.toml` in the working folder.

    Raises
    ------
    ValueError
        Where the file is no TOML, or a key is unknown or of a wrong type.
    LookupError
        Where the given file does not exist.
    """
    for candidate in [path] if path else map(Path, FILES):
        if not candidate.is_file():
            if path:
                raise LookupError(f"{path}: no such file")
            continue
        try:
            table = tomllib.loads(candidate.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{candidate}: {error}") from None
        if candidate.name == "pyproject.toml":
            table = table.get("tool", {}).get("chataudit")
            if table is None:
                continue
        return _read(table, candidate)
    return Config()


def _read(table: Mapping[str, Any], path: Path) -> Config:
    _refuse_unknown(table, ("run", "checks"), f"{path}: ")
    settings = _convert(table.get("run", {}), Settings, f"{path}: [run]")
    known = registry.checks()
    of_checks = table.get("checks", {})
    if not isinstance(of_checks, Mapping):
        raise ValueError(f"{path}: [checks] is {of_checks!r}; expected a table of settings for each check")
    _refuse_unknown(of_checks, known, f"{path}: [checks] ")
    for name, values in of_checks.items():
        try:
            make(known[name], values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return Config(settings, of_checks)


def make(check: type[C], values: Mapping[str, Any]) -> C:
    """The check with these settings."""
    return _convert(values, check, f"[checks.{check.name}]")


def chosen(config: Config, names: Sequence[str] = ()) -> list[Check]:
    """The checks of these names, or of the file's, or all; each with the file's settings."""
    known = registry.checks()
    wanted = names or config.settings.checks or list(known)
    for name in wanted:
        if name not in known:
            raise LookupError(f"no check {name!r}; there are {', '.join(known)}")
    return [make(known[name], config.checks.get(name, {})) for name in dict.fromkeys(wanted)]


def _convert(values: Any, kind: type[D], where: str) -> D:
    if not isinstance(values, Mapping):
        raise ValueError(f"{where} is {values!r}; expected a table of settings")
    _refuse_unknown(values, [f.name for f in fields(kind)], f"{where} ")
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # `Expected ... - at `$.key``, or what the check itself says of its settings.
        what, _, key = str(error).partition(" - at `$.")
        told = f"{key.rstrip('`')}: {what[0].lower()}{what[1:]}" if key else what
        raise ValueError(f"{where} {told}") from None


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            raise ValueError(f"{where}{key}: no such setting; there are {', '.join(names)}")
