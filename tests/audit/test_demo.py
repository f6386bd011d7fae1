import pytest
from chataudit.audit.demo import release as demo
from chataudit.audit.demo.release import N_CHATS, N_PLAIN, release
from chataudit.audit.registry import checks
from chataudit.audit.run import run


@pytest.fixture(params=[1, 2, 3])
def audited(request, tmp_path):
    made = release(request.param)
    return made, run(
        *made.write(tmp_path / "release.jsonl"), checks=demo.prepared(tmp_path / "files")
    ).table.to_pylist()


def test_every_rule_is_broken_where_it_was_planted(audited):
    made, rows = audited
    assert set(made.planted) == {rule.id for check in checks().values() for rule in check.rules}
    found = {(row["rule"], row["message_id"]) for row in rows}
    rules = {row["rule"] for row in rows}
    assert [
        rule
        for rule, own in made.planted.items()
        if ((rule, own) not in found if own is not None else rule not in rules)
    ] == []


def test_trees_and_chats_without_a_plant_are_not_flagged(audited):
    made, rows = audited
    examples = [rule.example.this for check in checks().values() for rule in check.rules]
    theirs = {row.get("message_tree_id") for data in examples for row in data.messages}
    plain = {tree[0]["message_tree_id"] for tree in made.trees} - theirs
    assert len(plain) == N_PLAIN
    chats = {chat.get("id") for chat in made.chats} - {chat.get("id") for data in examples for chat in data.chats}
    assert len(chats) == N_CHATS
    assert [row["rule"] for row in rows if row["tree_id"] in plain | chats] == []


def test_the_same_seed_makes_the_same_release(tmp_path):
    first, again, other = (
        [path.read_bytes() for path in release(seed).write(tmp_path / name)]
        for name, seed in (("a.jsonl", 5), ("b.jsonl", 5), ("c.jsonl", 6))
    )
    assert first == again
    assert first[0] != other[0]
