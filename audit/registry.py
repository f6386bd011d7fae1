"""Check classes by name, found in entry points and plug-in files."""

import pkgutil
import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from inspect import getmembers, isclass
from pathlib import Path
from types import ModuleType

from ..checks.base.check import Check

GROUP = "chataudit.checks"
BUILTIN = "builtin"  # the entry point of our own checks

_files: list[Path] = []  # plug-ins in use by this process


def use(files: Sequence[Path]) -> None:
    """Import plug-in files, so that `checks` finds their checks too.

    Raises
    ------
    LookupError
        If a file does not exist.
    ValueError
        If a file cannot be imported, or defines no check.
    """
    for file in files:
        path = file.resolve()
        if path not in _files:
            if not _checks_of(_import_file(path, str(file))):
                raise ValueError(f"plug-in {file}: defines no check; expected a subclass of Check with a `name`")
            _files.append(path)


def checks() -> dict[str, type[Check]]:
    """Return all checks by name, from entry points, packages below them, and plug-in files in use.

    Raises
    ------
    ValueError
        If two checks share a name, or an entry point cannot be imported.
    """
    return dict(_checks(tuple(_files)))


def has_plugins() -> bool:
    """Return whether checks come from outside this package."""
    return bool(_files) or any(point.name != BUILTIN for point in entry_points(group=GROUP))


def plugins() -> dict[str, list[str]]:
    """Return the names of checks from outside this package, by file or entry point."""
    found = {
        point.name: [check.name for module in _modules(import_module(point.value)) for check in _checks_of(module)]
        for point in entry_points(group=GROUP)
        if point.name != BUILTIN
    }
    return found | {file.name: [check.name for check in _checks_of(_import_file(file, str(file)))] for file in _files}


@cache
def _checks(files: tuple[Path, ...]) -> dict[str, type[Check]]:
    modules: list[ModuleType] = []
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name != BUILTIN, p.name)):
        try:
            modules += _modules(import_module(point.value))
        except ImportError as error:
            raise ValueError(
                f"plug-in {point.name!r} ({point.value}) could not be imported: {error}. Reinstall or remove it"
            ) from error
    modules += [_import_file(file, str(file)) for file in files]
    found: dict[str, type[Check]] = {}
    for check in (check for module in modules for check in _checks_of(module)):
        other = found.setdefault(check.name, check)
        if other is not check:
            raise ValueError(
                f"two checks are named {check.name!r}: {other.__module__} and {check.__module__}. "
                "Rename one, or remove its plug-in"
            )
    return dict(sorted(found.items()))


def _checks_of(module: ModuleType) -> list[type[Check]]:
    """Return the checks that a module defines itself."""
    return [
        member
        for _, member in getmembers(module, isclass)
        if issubclass(member, Check) and member.__module__ == module.__name__ and hasattr(member, "name")
    ]


def _modules(top: ModuleType) -> list[ModuleType]:
    paths = getattr(top, "__path__", None)
    if paths is None:
        return [top]
    return [top, *(import_module(m.name) for m in pkgutil.walk_packages(paths, f"{top.__name__}."))]


def _import_file(path: Path, shown: str) -> ModuleType:
    """Import a file under its own name; its folder joins the search path, so that worker processes find it too."""
    known = sys.modules.get(path.stem)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() == path:
        return known
    if not path.is_file():
        raise LookupError(f"plug-in {shown}: no such file")
    spec = spec_from_file_location(path.stem, path) if path.suffix == ".py" and path.stem.isidentifier() else None
    if spec is None or spec.loader is None:
        raise ValueError(f"plug-in {shown}: expected a Python file with an importable name, e.g. my_checks.py")
    if known is not None or path.stem in sys.stdlib_module_names:
        raise ValueError(f"plug-in {shown}: another module is named {path.stem!r}. Rename the file")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[path.stem]
        here = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else here[-1] if here else None
        place = shown if line is None else f"{shown}:{line}"
        raise ValueError(f"plug-in {place}: {type(error).__name__}: {str(error).split(chr(10), 1)[0]}") from error
    return module
