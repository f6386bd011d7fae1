"""Audit chat and instruction data sets: evidence, rates with error bars, one HTML report."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._version import __version__ as __version__
    from .audit.cleaning.policy import load_policy as load_policy
    from .audit.record import Record as Record
    from .audit.run import run as run
    from .reports.gate import Limit as Limit
    from .reports.gate import Suppression as Suppression

__all__ = ["Limit", "Record", "Suppression", "__version__", "load_policy", "run"]

# Public names are looked up on first use: the root must import nothing by itself, or pytest, which imports the
# checkout's root under another name, would hold every class twice. tests/test_architecture.py guards it.
_HOMES = {
    "__version__": "chataudit._version",
    "Limit": "chataudit.reports.gate",
    "Record": "chataudit.audit.record",
    "Suppression": "chataudit.reports.gate",
    "load_policy": "chataudit.audit.cleaning.policy",
    "run": "chataudit.audit.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'chataudit' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
