"""Both forms of the kernels, for tests that compare them."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from chataudit.checks.base import kernels

MODULES = {
    "tokens": ("digest", "mark", "mixed", "peculiar", "suspects", "tokenise"),
    "sets": ("grams", "place", "shingle", "sign", "winnow"),
    "signs": ("signs", "words"),
    "alignment": ("align",),
    "join": ("join", "overlaps"),
    "scan": ("in_order", "n_parts_with", "resemble", "scan", "values_of"),
    "prose": ("excerpts", "prose"),
    "classifier": ("log_odds", "rank", "visits"),
}


def _form(folder: str) -> SimpleNamespace:
    """Return all kernels of a form as one namespace."""
    modules = {name: import_module(f"{kernels.__name__}.{folder}.{name}") for name in MODULES}
    return SimpleNamespace(**{kernel: getattr(modules[name], kernel) for name in MODULES for kernel in MODULES[name]})


PLAIN = _form("plain")
COMPILED = _form("compiled") if kernels.COMPILED else None
FORMS = [form for form in (COMPILED, PLAIN) if form is not None]

needs_compiled = pytest.mark.skipif(COMPILED is None, reason="the kernels are not compiled here")
both_forms = pytest.mark.parametrize(
    "form", [pytest.param(COMPILED, id="compiled", marks=needs_compiled), pytest.param(PLAIN, id="plain")]
)
