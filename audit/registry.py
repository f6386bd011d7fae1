"""Entry points to check classes: nobody edits a list to add a check."""

import pkgutil
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from inspect import getmembers, isclass
from types import ModuleType

from ..checks.base.check import Check

GROUP = "chataudit.checks"


@cache
def checks() -> dict[str, type[Check]]:
    """All checks by name: those defined in the modules that the entry points name, and in packages below them.

    Raises
    ------
    ValueError
        Where two checks share a name, or an entry point cannot be loaded.
    """
    found: dict[str, type[Check]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: (p.name != "builtin", p.name)):
        try:
            modules = _modules(import_module(point.value))
        except ImportError as error:
            raise ValueError(f"plug-in {point.name!r} ({point.value}) could not be loaded: {error}") from error
        for module in modules:
            for _, member in getmembers(module, isclass):
                if not (issubclass(member, Check) and member.__module__ == module.__name__ and hasattr(member, "name")):
                    continue
                other = found.setdefault(member.name, member)
                if other is not member:
                    raise ValueError(
                        f"two checks are named {member.name!r}: {other.__module__} and {member.__module__}. "
                        "Rename one, or uninstall its package"
                    )
    return dict(sorted(found.items()))


def has_plugins() -> bool:
    """Whether another package than this one brings checks."""
    return any(point.name != "builtin" for point in entry_points(group=GROUP))


def _modules(top: ModuleType) -> list[ModuleType]:
    paths = getattr(top, "__path__", None)
    if paths is None:
        return [top]
    return [top, *(import_module(m.name) for m in pkgutil.walk_packages(paths, f"{top.__name__}."))]
