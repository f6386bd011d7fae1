import pytest
from building import audit, message, rules_of
from cases import case
from chataudit.audit import config, registry
from chataudit.checks.base.sizes import n_bytes
from chataudit.checks.schema_invariants.check import SchemaInvariants

TOML = """
[run]
engine = "serial"
memory = "50MB"
checks = ["schema_invariants"]

[checks.schema_invariants]
off = ["role_alternation"]
max_future_years = 3
"""


def test_settings_come_from_a_file(tmp_path):
    (tmp_path / "c.toml").write_text(TOML)
    loaded = config.load(tmp_path / "c.toml")
    assert loaded.settings == config.Settings(checks=("schema_invariants",), engine="serial", memory="50MB")
    assert config.chosen(loaded) == [SchemaInvariants(off=("role_alternation",), max_future_years=3.0)]
    record = audit(tmp_path, [message("a"), message("b", "a", role="prompter")], config=loaded)
    assert rules_of(record) == ["unanswered_thread"]
    assert record.facts.checks[0].settings["off"] == ["role_alternation"]


def test_the_working_folder_is_looked_at_first_for_chataudit_toml_then_for_pyproject(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config.load() == config.Config()
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert config.load() == config.Config()
    (tmp_path / "pyproject.toml").write_text("[tool.chataudit.run]\nworkers = 3\n")
    assert config.load().settings.workers == 3
    (tmp_path / "chataudit.toml").write_text("[run]\nworkers = 4\n")
    assert config.load().settings.workers == 4


def test_errors_name_place_value_and_way_out(tmp_path):
    for toml, expected in [
        (
            "[checks.schema_invariants]\ntreshold = 1",
            "c.toml: [checks.schema_invariants] treshold: unknown setting. Available: off,",
        ),
        (
            "[checks.near]\n",
            f"c.toml: [checks] near: unknown setting. Available: {', '.join(registry.checks())}",
        ),
        ("[runs]\n", "c.toml: runs: unknown setting. Did you mean 'run'? Available: run, format, checks, gate"),
        (
            "[run]\nengin = 'x'",
            "c.toml: [run] engin: unknown setting. Did you mean 'engine'? Available: checks, format, engine, workers, "
            "memory",
        ),
        ("[run]\nworkers = 'two'", "c.toml: [run] workers: expected `int | null`, got `str`"),
        (
            "[checks.schema_invariants]\nfiltered_export = 'yes'",
            "c.toml: [checks.schema_invariants] filtered_export: expected `bool`",
        ),
        (
            "[checks.schema_invariants]\noff = ['rolls']",
            "c.toml: [checks.schema_invariants] off: 'rolls' does not exist. ",
        ),
        ("[checks.schema_invariants]\nmax_future_years = 0", "max_future_years: 0"),
        ("checks = 3", "c.toml: [checks] is 3; expected a table of settings"),
        ("[run\n", "c.toml: "),
    ]:
        with case(toml, expected):
            (tmp_path / "c.toml").write_text(toml)
            with pytest.raises(ValueError, match=r"c\.toml") as error:
                config.load(tmp_path / "c.toml")
            assert expected in str(error.value)


def test_sizes_are_read():
    for size, expected in [("2GB", 2 * 10**9), ("500 MB", 5 * 10**8), ("1.5kb", 1500), ("17", 17), ("17B", 17)]:
        with case(size, expected):
            assert n_bytes(size) == expected


def test_other_sizes_are_refused():
    for size in ["", "GB", "two GB", "1 XB", "nanGB", "infGB", "-1GB", "1GBGB"]:
        with case(size), pytest.raises(ValueError, match="expected a size such as"):
            n_bytes(size)
