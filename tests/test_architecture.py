"""The floors of the house: imports go downward, packaging names every folder."""

import ast
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import chataudit
import pytest
from chataudit.audit import registry

ROOT = Path(chataudit.__file__).resolve().parent
FLOORS = ["benchmarks_refs", "checks", "reports", "audit"]  # each may import from those before it
MODULES = sorted(chain.from_iterable((ROOT / floor).rglob("*.py") for floor in FLOORS))
PROJECT = ROOT / "pyproject.toml"
SOURCES = (".py", ".pyx", ".j2", ".js", ".css")

needs_checkout = pytest.mark.skipif(not PROJECT.is_file(), reason="needs the checkout, not an installed wheel")


def imports(module: Path) -> set[tuple[str, ...]]:
    """Return what a module imports of this project, as parts below `chataudit`."""
    here = module.relative_to(ROOT).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            if node.level:
                base = here[: len(here) - node.level + 1]
                name = (*base, *(node.module.split(".") if node.module else ()))
                found |= {(*name, alias.name) for alias in node.names}
            elif node.module and node.module.split(".")[0] == "chataudit":
                pytest.fail(f"{module} imports {node.module}; imports inside the folders are relative")
        elif isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "chataudit" for alias in node.names), module
    return found


def test_imports_go_downward():
    for module in MODULES:
        floor = FLOORS.index(module.relative_to(ROOT).parts[0])
        for name in imports(module):
            if name and name[0] in FLOORS:
                assert FLOORS.index(name[0]) <= floor, f"{module.relative_to(ROOT)} imports {'.'.join(name)}"


def test_audit_and_reports_name_no_check_and_no_rule():
    classes = registry.checks().values()
    rules = {rule for check in classes for rule in check.rules}
    words = {check.name for check in classes} | {check.__name__ for check in classes} | {rule.id for rule in rules}
    for path in [p for room in ("audit", "reports") for p in (ROOT / room).rglob("*") if p.suffix in SOURCES]:
        text = path.read_text(encoding="utf-8")
        found = [word for word in sorted(words) if re.search(rf"\b{re.escape(word)}\b", text)]
        if path.suffix == ".py":
            found += [".".join(name) for name in imports(path) if name[:1] == ("checks",) and name[1:2] != ("base",)]
        assert found == [], path.relative_to(ROOT)


def test_a_check_never_imports_another_check():
    own = {
        m: m.relative_to(ROOT / "checks").parts[0].removesuffix(".py") for m in MODULES if ROOT / "checks" in m.parents
    }
    checks = set(own.values()) - {"__init__", "base"}
    for module, name in own.items():
        if name in checks:
            others = {part[1] for part in imports(module) if len(part) > 1 and part[0] == "checks"}
            assert not others & checks - {name}, module


def test_nothing_imports_in_a_circle():
    graph = {}
    for module in MODULES:
        parts = module.relative_to(ROOT).with_suffix("").parts
        graph[parts if parts[-1] != "__init__" else parts[:-1]] = imports(module)
    done, path = set(), []

    def visit(name):
        if name in done or name not in graph:
            return
        assert name not in path, " -> ".join(".".join(p) for p in [*path[path.index(name) :], name])
        path.append(name)
        for target in graph[name]:
            for candidate in (target, target[:-1]):
                if candidate in graph and candidate != name:
                    # `from .x import y` needs x; the package around both is no step of its own.
                    if candidate != name[: len(candidate)]:
                        visit(candidate)
                    break
        done.add(path.pop())

    for name in graph:
        visit(name)


def test_importing_the_root_imports_nothing_eagerly():
    code = "import sys, chataudit; print(sorted(m for m in sys.modules if m.startswith('chataudit.')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", ["great_expectations", "pandas", "rich.table"])
def test_an_audit_does_not_pay_for_what_it_does_not_use(name):
    code = f"import sys, chataudit.audit.run; print({name!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_public_names_are_found_and_unknown_ones_are_not():
    assert callable(chataudit.run)
    assert chataudit.Record.__name__ == "Record"
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        chataudit.walk  # noqa: B018


@needs_checkout
def test_every_folder_with_code_is_packaged():
    packages = set(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"])
    folders = {".".join(("chataudit", *path.parent.relative_to(ROOT).parts)) for path in MODULES}
    assert packages == {"chataudit", *folders}


@needs_checkout
def test_typing_links_point_at_every_floor():
    links = ROOT / ".typing" / "chataudit"
    assert {path.name for path in links.iterdir()} == {*FLOORS, "__init__.py", "__main__.py", "_version.py", "py.typed"}
    assert all(path.resolve().exists() for path in links.iterdir())


@needs_checkout
def test_prescribed_folders_are_at_the_top():
    for name in ["audit", "checks", "tests", "reports", "benchmarks_refs", "pyproject.toml", "README.md"]:
        assert (ROOT / name).exists()
