"""Settings from TOML; unknown keys are errors."""

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
from .reading.formats import Spec

FILES = ("chataudit.toml", "pyproject.toml")


@dataclass(frozen=True)
class Settings:
    """Settings of a run; options on the command line take precedence."""

    checks: tuple[str, ...] = ()  # names; empty: all
    format: str | None = None
    engine: str = "auto"
    workers: int | None = None
    memory: str = "4GB"  # approximate budget
    lang: str | None = None  # language of messages that declare none
    references: str = FOLDER  # folder with the user's own reference fingerprints
    plugins: tuple[str, ...] = ()  # Python files with more checks, relative to the file that names them
    max_report_mb: float = Limits.max_mb  # size of report.html; findings that do not fit are only in findings.parquet
    max_report_findings: int = Limits.per_check  # findings of each check in report.html


@dataclass(frozen=True)
class GateFiles:
    """Files named in `[gate]`, besides the limits."""

    baseline: str | None = None  # folder of an older audit
    suppress: str | None = None  # TOML file of accepted findings


D = TypeVar("D", bound=Settings | Spec | Check | GateFiles | Limit | Suppression)
C = TypeVar("C", bound=Check)


@dataclass(frozen=True)
class Config:
    """Contents of a configuration file, validated."""

    settings: Settings = Settings()
    checks: abc.Mapping[str, abc.Mapping[str, Any]] = field(default_factory=dict)  # settings by check
    format: Spec | None = None  # fields of data in an unknown format
    gate: Gate | None = None
    baseline: Path | None = None  # folder of an audit to compare with


def load(path: Path | None = None) -> Config:
    """Read the given file, or `chataudit.toml`, or `[tool.chataudit]` of `pyproject.toml` in the current directory.

    Its plug-ins are imported first, because it may contain settings of their checks.

    Raises
    ------
    ValueError
        If the file is not TOML, or a key is unknown or has the wrong type.
    LookupError
        If the given file does not exist.
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
    """Read a TOML file.

    Raises
    ------
    ValueError
        If it is not TOML.
    LookupError
        If it does not exist.
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
    format = _convert(table["format"], Spec, f"{path}: [format]") if "format" in table else None
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
    """Return the limits and the files of `[gate]`; paths are relative to the configuration file."""
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
        raise ValueError(f"{path}: [gate] suppress: no limit is set. Set one, e.g. [gate.CHECK] max_rate = 0.01")
    suppressions = () if files.suppress is None else suppressed(path.parent / files.suppress)
    return (Gate(tuple(limits), suppressions) if limits else None), files


def suppressed(path: Path) -> tuple[Suppression, ...]:
    """Read accepted findings from a file of `[[suppress]]` entries.

    Raises
    ------
    ValueError
        If an entry has no reason or date, or names no finding.
    LookupError
        If the file does not exist.
    """
    table = toml(path)
    _refuse_unknown(table, ("suppress",), f"{path}: ")
    entries = table.get("suppress", [])
    if not isinstance(entries, list):
        raise ValueError(f"{path}: suppress is {entries!r}; expected entries, each headed [[suppress]]")
    return tuple(_convert(each, Suppression, f"{path}: [[suppress]] {k}") for k, each in enumerate(entries, 1))


def make(check: type[C], values: abc.Mapping[str, Any]) -> C:
    """Return the check with these settings."""
    return _convert(values, check, f"[checks.{check.name}]")


def chosen(
    config: Config, names: Sequence[str] = (), handed: abc.Mapping[Wants, str | None] = MappingProxyType({})
) -> list[Check]:
    """Return the named checks, or those of the file, or all, each with the settings of the file.

    Settings that a check wants from the run, and that the file does not set, come from `handed`.
    """
    known = registry.checks()
    wanted = names or config.settings.checks or list(known)
    for name in wanted:
        if name not in known:
            raise LookupError(f"{name!r} is not a check. {suggestion(name, known)}")
    checks = []
    for name in dict.fromkeys(wanted):
        given = {each.name: handed.get(each.wants) for each in settings(known[name]) if each.wants is not None}
        values = {key: value for key, value in given.items() if value is not None} | dict(config.checks.get(name, {}))
        checks.append(make(known[name], values))
    return checks


def _convert(values: Any, kind: type[D], where: str, without: Sequence[str] = ()) -> D:
    if not isinstance(values, abc.Mapping):
        raise ValueError(f"{where} is {values!r}; expected a table of settings")
    _refuse_unknown(values, [f.name for f in fields(kind) if f.name not in without], f"{where} ")
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        # "Expected ... - at `$.key`", or an error of the check itself.
        what, _, key = str(error).partition(" - at `$.")
        fault = f"{key.rstrip('`')}: {what[0].lower()}{what[1:]}" if key else what
        raise ValueError(f"{where} {fault}") from None


def _refuse_unknown(table: abc.Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = list(known)
    for key in table:
        if key not in names:
            raise ValueError(f"{where}{key}: unknown setting. {suggestion(key, names)}")
