"""Settings from TOML: what is unknown is refused, and what is known is named."""

import tomllib
from collections import abc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from ..benchmarks_refs.fingerprints import FOLDER
from ..checks.base.check import Check
from ..checks.base.settings import Wants, settings, suggestion
from ..reports.gate import Gate, Limit, Suppression
from ..reports.page.payload import Limits
from . import registry
from .reading.formats import Mapping

FILES = ("chataudit.toml", "pyproject.toml")


@dataclass(frozen=True)
class Settings:
    """How an audit is run. The command's options stand above the file's."""

    checks: tuple[str, ...] = ()  # names; none: all
    format: str | None = None
    engine: str = "auto"
    workers: int | None = None
    memory: str = "4GB"  # approximate budget
    lang: str | None = None  # language of messages that declare none
    references: str = FOLDER  # folder with the user's own reference fingerprints
    plugins: tuple[str, ...] = ()  # Python files with more checks, relative to the file that names them
    max_report_mb: float = Limits.max_mb  # millions of bytes of report.html; the rest is in findings.parquet
    max_report_findings: int = Limits.per_check  # of each check in report.html


@dataclass(frozen=True)
class GateFiles:
    """What `[gate]` names besides its limits."""

    baseline: str | None = None  # folder of an older audit
    suppress: str | None = None  # TOML file of findings that are accepted


D = TypeVar("D", bound=Settings | Mapping | Check | GateFiles | Limit | Suppression)
C = TypeVar("C", bound=Check)


@dataclass(frozen=True)
class Config:
    """A configuration file, read and checked."""

    settings: Settings = Settings()
    checks: abc.Mapping[str, abc.Mapping[str, Any]] = field(default_factory=dict)  # settings by check
    format: Mapping | None = None  # which field holds what, in data of no known format
    gate: Gate | None = None
    baseline: Path | None = None  # folder of the audit that the data are held against

    def setting(self, check: str, **values: Any) -> "Config":
        """The same with other values of some settings of a check."""
        return replace(self, checks={**self.checks, check: {**self.checks.get(check, {}), **values}})


def load(path: Path | None = None) -> Config:
    """Read the given file, or `chataudit.toml`, or `[tool.chataudit]` of `pyproject.toml` in the working folder.

    Its plug-ins are imported, so that its settings may be of their checks.

    Raises
    ------
    ValueError
        Where the file is no TOML, or a key is unknown or of a wrong type.
    LookupError
        Where the given file does not exist.
    """
    for candidate in [path] if path else filter(Path.is_file, map(Path, FILES)):
        table = toml(candidate)
        if candidate.name == "pyproject.toml":
            table = table.get("tool", {}).get("chataudit")
            if table is None:
                continue
        return _read(table, candidate)
    return Config()


def toml(path: Path) -> dict[str, Any]:
    """What a TOML file holds.

    Raises
    ------
    ValueError
        Where it is no TOML.
    LookupError
        Where there is no such file.
    """
    if not path.is_file():
        raise LookupError(f"{path}: no such file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None


def _read(table: abc.Mapping[str, Any], path: Path) -> Config:
    _refuse_unknown(table, ("run", "format", "checks", "gate"), f"{path}: ")
    run = _convert(table.get("run", {}), Settings, f"{path}: [run]")
    registry.use([path.parent / plugin for plugin in run.plugins])
    format = _convert(table["format"], Mapping, f"{path}: [format]") if "format" in table else None
    known = registry.checks()
    of_checks = table.get("checks", {})
    if not isinstance(of_checks, abc.Mapping):
        raise ValueError(f"{path}: [checks] is {of_checks!r}; expected a table of settings for each check")
    _refuse_unknown(of_checks, known, f"{path}: [checks] ")
    for name, values in of_checks.items():
        try:
            make(known[name], values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    gate, files = _gate(table.get("gate", {}), path)
    baseline = None if files.baseline is None else path.parent / files.baseline
    return Config(run, of_checks, format, gate, baseline)


def _gate(table: Any, path: Path) -> tuple[Gate | None, GateFiles]:
    """The limits of `[gate]`, and the files that it names; paths are relative to the file that names them."""
    if not isinstance(table, abc.Mapping):
        raise ValueError(f"{path}: [gate] is {table!r}; expected a table of limits for each check")
    named = [f.name for f in fields(GateFiles)]
    files = _convert({name: value for name, value in table.items() if name in named}, GateFiles, f"{path}: [gate]")
    limits = []
    for target, values in table.items():
        if target not in named:
            several = values if isinstance(values, list) and values else [values]  # [[gate.x]]: several limits
            where = f'{path}: [gate."{target}"]' if "/" in target else f"{path}: [gate.{target}]"
            limits += [replace(_convert(each, Limit, where, without=("target",)), target=target) for each in several]
    if files.suppress is not None and not limits:
        raise ValueError(f"{path}: [gate] suppress, but no limit. Set one, such as [gate.CHECK] max_rate = 0.01")
    suppressions = () if files.suppress is None else suppressed(path.parent / files.suppress)
    return (Gate(tuple(limits), suppressions) if limits else None), files


def suppressed(path: Path) -> tuple[Suppression, ...]:
    """The findings that a file `[[suppress]]` says are accepted.

    Raises
    ------
    ValueError
        Where an entry has no reason or date, or names nothing.
    LookupError
        Where there is no such file.
    """
    table = toml(path)
    _refuse_unknown(table, ("suppress",), f"{path}: ")
    entries = table.get("suppress", [])
    if not isinstance(entries, list):
        raise ValueError(f"{path}: suppress is {entries!r}; expected entries, each headed [[suppress]]")
    return tuple(_convert(each, Suppression, f"{path}: [[suppress]] {k}") for k, each in enumerate(entries, 1))


def make(check: type[C], values: abc.Mapping[str, Any]) -> C:
    """The check with these settings."""
    return _convert(values, check, f"[checks.{check.name}]")


def chosen(
    config: Config, names: Sequence[str] = (), handed: abc.Mapping[Wants, str | None] = MappingProxyType({})
) -> list[Check]:
    """Return the checks of these names, or of the file's, or all, each with the file's settings.

    What the file does not set and a check wants of the run is taken from `handed`.
    """
    known = registry.checks()
    wanted = names or config.settings.checks or list(known)
    for name in wanted:
        if name not in known:
            raise LookupError(f"{name!r} is not a check. {suggestion(name, known)}")
    made = []
    for name in dict.fromkeys(wanted):
        given = {each.name: handed.get(each.wants) for each in settings(known[name]) if each.wants is not None}
        values = {key: value for key, value in given.items() if value is not None} | dict(config.checks.get(name, {}))
        made.append(make(known[name], values))
    return made


def _convert(values: Any, kind: type[D], where: str, without: Sequence[str] = ()) -> D:
    if not isinstance(values, abc.Mapping):
        raise ValueError(f"{where} is {values!r}; expected a table of settings")
    _refuse_unknown(values, [f.name for f in fields(kind) if f.name not in without], f"{where} ")
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # `Expected ... - at `$.key``, or what the check itself says of its settings.
        what, _, key = str(error).partition(" - at `$.")
        told = f"{key.rstrip('`')}: {what[0].lower()}{what[1:]}" if key else what
        raise ValueError(f"{where} {told}") from None


def _refuse_unknown(table: abc.Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            raise ValueError(f"{where}{key}: unknown setting. {suggestion(key, names)}")
