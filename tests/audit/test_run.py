import pytest
from building import message, uid, write
from chataudit import run
from chataudit.audit.pipeline import conduct
from chataudit.checks.benchmark_leakage import references
from chataudit.checks.lang_mismatch import detectors
from chataudit.checks.schema_invariants.check import SchemaInvariants


@pytest.fixture
def data(tmp_path):
    return write(tmp_path / "data.jsonl", [message("a"), message("b", "a", role="prompter")])


def test_checks_are_given_by_name_or_with_their_settings(data):
    by_name = run(data, checks=["schema_invariants"])
    with_settings = run(data, checks=[SchemaInvariants(off=("unanswered_thread",))])
    assert by_name.findings()["message_id"].tolist() == [uid("b"), uid("b")]
    assert with_settings.findings()["rule"].tolist() == ["schema_invariants/role_alternation"]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"block": 0}, "block: 0 is below 1"),
        ({"workers": 0}, "workers: 0 is below 1"),
        ({"memory": "much"}, "memory 'much'; expected a size"),
        ({"engine": "steam"}, "unknown engine 'steam'. Available: auto, "),
    ],
)
def test_a_setting_of_a_wrong_value_is_refused_by_name(data, wrong, expected):
    with pytest.raises(ValueError, match=expected):
        run(data, **wrong)


def test_an_audit_of_very_many_messages_gives_up_what_was_loaded_and_the_next_loads_it_again(data, monkeypatch):
    def loaded():
        return "py3langid" in detectors._MADE, "fasttext" in detectors._MADE, references._loaded.cache_info().currsize

    references.release()
    before = run(data)
    assert loaded() == (True, True, 1)
    monkeypatch.setattr(conduct, "RELEASED", 2)
    during = run(data)
    assert loaded() == (False, False, 0)
    monkeypatch.undo()
    for record in (during, run(data)):
        assert record.table.equals(before.table)
        assert record.messages.equals(before.messages)


def test_several_sources_are_one_data_set(data, tmp_path):
    more = write(tmp_path / "more.jsonl", [message("c", "a")])
    record = run(data, more)
    assert (record.facts.messages, record.facts.trees, len(record.facts.sources)) == (3, 1, 2)
