import pytest
from chataudit.audit import demo
from chataudit.audit.registry import checks
from chataudit.audit.run import run


@pytest.fixture(params=[1, 2, 3])
def audited(request, tmp_path):
    made = demo.release(request.param)
    return made, run(*demo.write(made, tmp_path / "release.jsonl")).table.to_pylist()


def test_every_rule_is_broken_where_it_was_planted(audited):
    made, rows = audited
    assert set(made.planted) == {rule.name for check in checks().values() for rule in check.rules}
    found = {(row["rule"].partition("/")[2], row["message_id"]) for row in rows}
    assert set(made.planted.items()) - found == set()


def test_trees_without_a_plant_are_not_flagged(audited):
    made, rows = audited
    planted = {i for i in made.planted.values() if i}
    clean = {t[0]["message_tree_id"] for t in made.trees if not any(m["message_id"] in planted for m in t)}
    assert len(clean) >= demo.N_PLAIN
    assert not [row for row in rows if row["tree_id"] in clean]


def test_chats_without_a_plant_are_not_flagged(audited):
    made, rows = audited
    planted = {i.partition("#")[0] for i in made.planted.values() if i}
    clean = {chat["id"] for chat in made.chats} - planted
    assert len(clean) == demo.N_CHATS
    assert not [row for row in rows if row["tree_id"] in clean]


def test_the_same_seed_makes_the_same_release(tmp_path):
    first, again, other = (
        [path.read_bytes() for path in demo.write(demo.release(seed), tmp_path / name)]
        for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    assert first == again
    assert all(one != another for one, another in zip(first, other, strict=True))
