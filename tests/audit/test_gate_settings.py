"""`[gate]` of a configuration file, and the file of what is accepted."""

from datetime import date

import pytest
from cases import case
from chataudit.audit import config
from chataudit.reports.gate import Gate, Limit, Suppression

TOML = """
[gate]
baseline = "audits/v1"
suppress = "accepted.toml"

[gate.all]
max_rate = 0.05
bound = "lower"

[gate.near_duplicates]
max_rate = 0.01
max_count = 20
severity = "error"

[gate."schema_invariants/role_alternation"]
max_count = 0

[[gate.lang_mismatch]]
max_new = 0
lang = ["de", "en"]

[[gate.lang_mismatch]]
max_rate = 1
role = ["assistant"]
source = ["a.jsonl"]
"""
LIMITS = (
    Limit(target="all", max_rate=0.05, bound="lower"),
    Limit(target="near_duplicates", max_rate=0.01, max_count=20, severity="error"),
    Limit(target="schema_invariants/role_alternation", max_count=0),
    Limit(target="lang_mismatch", max_new=0, lang=("de", "en")),
    Limit(target="lang_mismatch", max_rate=1.0, role=("assistant",), source=("a.jsonl",)),
)
ACCEPTED = """
[[suppress]]
reason = "Seen by two people"
expires = 2026-12-31
fingerprints = ["0123456789abcdef"]

[[suppress]]
reason = "Songs"
expires = 2027-01-31
rule = "near_duplicates/near_copy"
message_ids = ["a", "b"]
"""
SUPPRESSIONS = (
    Suppression("Seen by two people", date(2026, 12, 31), fingerprints=("0123456789abcdef",)),
    Suppression("Songs", date(2027, 1, 31), rule="near_duplicates/near_copy", message_ids=("a", "b")),
)


def written(folder, text, name="c.toml"):
    path = folder / name
    path.write_text(text)
    return path


def test_limits_come_from_a_file_in_its_order(tmp_path):
    written(tmp_path, ACCEPTED, "accepted.toml")
    loaded = config.load(written(tmp_path, TOML))
    assert loaded.gate == Gate(LIMITS, SUPPRESSIONS)
    assert loaded.baseline == tmp_path / "audits" / "v1"


def test_paths_are_relative_to_the_file_that_names_them(tmp_path, monkeypatch):
    (tmp_path / "ci").mkdir()
    (tmp_path / "here").mkdir()
    written(tmp_path / "ci", ACCEPTED, "accepted.toml")
    written(tmp_path / "ci", TOML)
    monkeypatch.chdir(tmp_path / "here")
    loaded = config.load(tmp_path / "ci" / "c.toml")
    assert loaded.gate.suppressions == SUPPRESSIONS
    assert loaded.baseline == tmp_path / "ci" / "audits" / "v1"


def test_an_absolute_path_stays_as_it_is(tmp_path):
    (tmp_path / "ci").mkdir()
    accepted = written(tmp_path, ACCEPTED, "accepted.toml")
    toml = f'[gate]\nsuppress = "{accepted}"\nbaseline = "{tmp_path}/v1"\n[gate.all]\nmax_count = 0\n'
    loaded = config.load(written(tmp_path / "ci", toml))
    assert (loaded.gate.suppressions, loaded.baseline) == (SUPPRESSIONS, tmp_path / "v1")


def test_pyproject_may_contain_limits_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "[tool.chataudit.gate.all]\nmax_count = 3\n", "pyproject.toml")
    assert config.load().gate == Gate((Limit(max_count=3),))
    written(tmp_path, "[gate.all]\nmax_count = 4\n", "chataudit.toml")
    assert config.load().gate == Gate((Limit(max_count=4),))


def test_without_a_limit_there_is_no_gate(tmp_path):
    for toml in ["", "[gate]\n", "[run]\nworkers = 2\n", '[gate]\nbaseline = "v1"\n']:
        with case(toml):
            assert config.load(written(tmp_path, toml)).gate is None


def test_a_file_without_entries_accepts_nothing(tmp_path):
    assert config.suppressed(written(tmp_path, "")) == ()


X = "c.toml: [gate.near_duplicates]"


def test_errors_in_a_limit_name_place_value_and_way_out(tmp_path):
    for toml, expected in [
        ("gate = 3", "c.toml: [gate] is 3; expected a table of limits for each check"),
        ("[gate]\nnear_duplicates = 0.01", f"{X} is 0.01; expected a table of settings"),
        ("[gate]\nmax_rate = 0.01", "c.toml: [gate.max_rate] is 0.01; expected a table of settings"),
        ("[gate]\nbaseline = 3", "c.toml: [gate] baseline: expected `str | null`, got `int`"),
        ("[gate]\nsuppress = ['a']", "c.toml: [gate] suppress: expected `str | null`, got `array`"),
        ("[gate.near_duplicates]\n", f"{X} sets no limit; expected max_rate, max_count or max_new"),
        (
            "[gate.near_duplicates]\nmax_rat = 0.01",
            f"{X} max_rat: unknown setting. Did you mean 'max_rate'? Available: max_rate, max_count, max_new, bound, "
            "severity, lang, role",
        ),
        ("[gate.near_duplicates]\nmax_count = 1\ntarget = 'all'", f"{X} target: unknown setting. Available: max_rate"),
        ("[gate.near_duplicates]\nmax_rate = 1.5", f"{X} max_rate: 1.5 is not in [0, 1]. 1 % is 0.01"),
        ("[gate.near_duplicates]\nmax_rate = nan", f"{X} max_rate: nan is not in [0, 1]"),
        ("[gate.near_duplicates]\nmax_rate = '1%'", f"{X} max_rate: expected `float | null`, got `str`"),
        ("[gate.near_duplicates]\nmax_count = 0.5", f"{X} max_count: expected `int | null`, got `float`"),
        ("[gate.near_duplicates]\nmax_count = true", f"{X} max_count: expected `int | null`, got `bool`"),
        ("[gate.near_duplicates]\nmax_new = -1", f"{X} max_new: -1 is below 0"),
        ("[gate.near_duplicates]\nmax_rate = 0\nbound = 'upper'", f"{X} bound: invalid enum value 'upper'"),
        ("[gate.near_duplicates]\nmax_rate = 0\nseverity = 'bad'", f"{X} severity: invalid enum value 'bad'"),
        ("[gate.near_duplicates]\nmax_rate = 0\nlang = 'en'", f"{X} lang: expected `array`, got `str`"),
        (
            '[gate."schema_invariants/role_alternation"]\nmax_count = -2',
            'c.toml: [gate."schema_invariants/role_alternation"] max_count: -2 is below 0',
        ),
        ("[[gate.near_duplicates]]\nmax_count = 1\n[[gate.near_duplicates]]\nmax = 1", f"{X} max: unknown setting"),
    ]:
        with case(toml, expected):
            with pytest.raises(ValueError, match=r"c\.toml") as error:
                config.load(written(tmp_path, toml))
            assert str(error.value).startswith(f"{tmp_path}/{expected}")


S = "s.toml: [[suppress]] 1"
GOOD = "reason = 'seen'\nexpires = 2026-12-31\nrule = 'near_duplicates'\n"


def test_errors_in_an_accepted_finding_name_their_place(tmp_path):
    for toml, expected in [
        ("[suppres]\n", "s.toml: suppres: unknown setting. Did you mean 'suppress'? Available: suppress"),
        ("[suppress]\n", "s.toml: suppress is {}; expected entries, each headed [[suppress]]"),
        ("suppress = ['a']", f"{S} is 'a'; expected a table of settings"),
        (f"[[suppress]]\n{GOOD}until = 3", f"{S} until: unknown setting. Available: reason, expires, fingerprints"),
        ("[[suppress]]\nexpires = 2026-12-31\nrule = 'x'", f"{S} Object missing required field `reason`"),
        ("[[suppress]]\nreason = 'seen'\nrule = 'x'", f"{S} Object missing required field `expires`"),
        (f"[[suppress]]\n{GOOD.replace('seen', ' ')}", f"{S} reason is empty; say why these findings are accepted"),
        ("[[suppress]]\nreason = 'x'\nexpires = 2026-12-31", f"{S} expected either fingerprints or a rule"),
        (f"[[suppress]]\n{GOOD}fingerprints = ['0']", f"{S} expected either fingerprints or a rule"),
        (f"[[suppress]]\n{GOOD.replace('2026-12-31', '3')}", f"{S} expires: expected `date`, got `int`"),
        (
            f"[[suppress]]\n{GOOD}[[suppress]]\nreason = 'x'\nexpires = 2026-12-31",
            "s.toml: [[suppress]] 2 expected either",
        ),
        ("[[suppress]\n", "s.toml: "),
    ]:
        with case(toml, expected):
            written(tmp_path, toml, "s.toml")
            for load in (
                lambda: config.suppressed(tmp_path / "s.toml"),
                lambda: config.load(written(tmp_path, '[gate]\nsuppress = "s.toml"\n[gate.all]\nmax_count = 0\n')),
            ):
                with pytest.raises(ValueError, match=r"s\.toml") as error:
                    load()
                assert str(error.value).startswith(f"{tmp_path}/{expected}")


def test_a_file_of_accepted_findings_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(LookupError) as error:
        config.load(written(tmp_path, '[gate]\nsuppress = "gone.toml"\n[gate.all]\nmax_count = 0\n'))
    assert str(error.value) == f"{tmp_path}/gone.toml: no such file"
