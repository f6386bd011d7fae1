"""Generated pages are current, links lead somewhere, and modules, files and rules that the docs name exist."""

import importlib.util
import pkgutil
import re
import sys
from importlib import import_module
from pathlib import Path

from chataudit.audit import registry
from chataudit.audit.reading.formats import FORMATS
from chataudit.audit.registry import checks
from chataudit.audit.run import run

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCED = re.compile(r"^(?P<fence>```+)\w*\n(?P<code>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def builder():
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prose(page):
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page):
    """Return the anchors that GitHub makes of the headings of a page."""
    found, n_equal = set(), {}
    for title in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", LINK.sub("", title).lower()).replace(" ", "-")
        n_equal[name] = n_equal.get(name, -1) + 1
        found.add(f"{name}-{n_equal[name]}" if n_equal[name] else name)
    return found


def test_generated_pages_are_current(capsys):
    assert builder().main(["--check"]) == 0, capsys.readouterr().out


def test_every_built_in_check_has_a_page_with_a_section_for_each_rule():
    for name, check in checks().items():
        assert {rule.name for rule in check.rules} <= anchors(ROOT / "docs" / "rules" / f"{name}.md"), name


def test_every_format_has_a_section_and_every_table_of_fields_the_messages_that_come_of_it():
    page = ROOT / "docs" / "formats.md"
    assert FORMATS.keys() <= anchors(page)
    blocks = [block["code"] for block in FENCED.finditer(page.read_text(encoding="utf-8"))]
    tables = [k for k, code in enumerate(blocks) if code.startswith("[format]\n")]
    assert len(tables) == 5
    for k in tables:
        assert blocks[k + 1].startswith("{")
        assert blocks[k + 2].startswith("message_id ")


def test_a_stale_or_missing_page_is_named(tmp_path, monkeypatch, capsys):
    build = builder()
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "RULES", tmp_path / "rules")
    monkeypatch.setattr(build, "README", tmp_path / "README.md")
    monkeypatch.setattr(build, "FORMATS_PAGE", tmp_path / "formats.md")
    (tmp_path / "formats.md").write_text("No part of it is generated.", encoding="utf-8")
    (tmp_path / "README.md").write_text("Before\n<!-- checks -->\nold\n<!-- /checks -->\nafter\n", encoding="utf-8")
    assert build.main(["--check"]) == 1
    assert "README.md: differs from what is generated. Run: python -m docs.build" in capsys.readouterr().out
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "gone.md").write_text("A check that was removed.", encoding="utf-8")
    assert build.main([]) == 0
    assert "removed rules/gone.md" in capsys.readouterr().out
    assert build.main(["--check"]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8").startswith("Before\n<!-- checks -->\n\n| check |")


def test_markdown_takes_nothing_away_from_generated_prose():
    prose = builder()._prose
    assert (
        prose("Raise min_share to 0.9, or set is_open = true.") == "Raise `min_share` to 0.9, or set `is_open = true`."
    )
    assert prose("a <b> of `x_y z` in [0, 2**32) | c") == r"a \<b\> of `x_y z` in [0, 2\*\*32) \| c"


def test_every_relative_link_and_anchor_resolves():
    broken = []
    for page in PAGES:
        for target in LINK.findall(re.sub(r"`[^`\n]*`", "", prose(page))):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def test_modules_that_the_docs_name_exist():
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in re.findall(r"\bchataudit(?:\.[A-Za-z_]\w*)+", page.read_text(encoding="utf-8"))
        if name != "chataudit.toml" and not resolves(name)
    ]
    assert not missing


def resolves(name):
    """Return whether a dotted name is a module, or an attribute of one, or of an attribute."""
    try:
        import_module(name)
    except ImportError:
        owner, _, member = name.rpartition(".")
        return bool(owner) and resolves(owner) and hasattr(pkgutil.resolve_name(owner), member)
    return True


def test_files_that_the_docs_name_exist():
    named = re.compile(r"`((?:audit|reports|checks|benchmarks_refs|tests|docs)/[\w/.]+)`")
    missing = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in PAGES
        for path in named.findall(page.read_text(encoding="utf-8"))
        if "my_check" not in path and not (ROOT / path).exists()
    ]
    assert not missing


def test_rules_that_the_docs_name_exist():
    known = {rule.id for check in checks().values() for rule in check.rules}
    quoted = re.compile(rf"[\"`]((?:{'|'.join(checks())})/\w+)[\"`]")
    wrong = [
        f"{page.relative_to(ROOT)}: {rule}"
        for page in PAGES
        for rule in quoted.findall(page.read_text(encoding="utf-8"))
        if rule not in known
    ]
    assert not wrong


def test_imports_in_the_docs_work():
    for page in PAGES:
        for block in FENCED.finditer(page.read_text(encoding="utf-8")):
            for line in re.findall(
                r"^(?:from chataudit\S* import .+|import chataudit\S*)$", block["code"], re.MULTILINE
            ):
                exec(compile(line, f"{page.name}: {line}", "exec"), {})


def test_the_checks_in_the_docs_report_their_examples_and_not_their_neighbours(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_files", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    classes = re.compile(r"^class \w+\((?:Text)?Check\):$", re.MULTILINE)
    n_checks = 0
    for page in (ROOT / "README.md", ROOT / "docs" / "checks.md"):
        for block in FENCED.finditer(page.read_text(encoding="utf-8")):
            if not classes.search(block["code"]):
                continue
            n_checks += 1
            file = tmp_path / f"documented_{n_checks}.py"
            file.write_text(block["code"], encoding="utf-8")
            monkeypatch.setattr(registry, "_files", [])
            registry.use([file])
            (check,) = (check for check in registry.checks().values() if check.__module__ == file.stem)
            for rule in check.rules:
                for data, ids in ((rule.example.this, [rule.example.reported]), (rule.example.not_this, [])):
                    folder = tmp_path / f"{file.stem}-{len(ids)}"
                    folder.mkdir()
                    found = run(*data.write(folder), checks=[check()])
                    assert found.table["message_id"].to_pylist() == ids, f"{page.name}: {rule.id}"
                    assert found.exit_code == 0, f"{page.name}: {rule.id}"
            del sys.modules[file.stem]
    assert n_checks == 4
