"""The command `describe`: exact figures in a terminal and as JSON, and nothing else is written."""

import json

import pytest
from building import conversation, message, write
from chataudit.audit.commands.app import app
from chataudit.audit.commands.describe import SHOWN
from typer.testing import CliRunner

HOSTILE = "<script>alert(1)</script>\u202e[red]"


@pytest.fixture
def call(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


def test_describe_prints_what_the_data_consist_of_and_writes_nothing(call, tmp_path):
    write(tmp_path / "data.jsonl", [*conversation("c", replies=2), *conversation("d", replies=1)])
    before = sorted(tmp_path.iterdir())
    done = call("describe", "data.jsonl")
    assert done.exit_code == 0, done.output
    assert sorted(tmp_path.iterdir()) == before
    lines = done.stdout.splitlines()
    assert any(line.startswith("5 messages in 2 conversations, 1 file, ") for line in lines)
    assert any(line.split()[:4] == ["messages", "per", "conversation", "2.5"] for line in lines)
    assert any(line.split()[:3] == ["assistant", "3", "60.0"] for line in lines)
    assert all(len(line) <= 80 for line in lines)


def test_describe_gives_all_figures_as_json(call, tmp_path):
    tags = [f"a{chr(97 + k)}" for k in range(SHOWN + 3)]
    write(tmp_path / "data.jsonl", [message(f"m{k}", lang=tag, message_tree_id=f"t{k}") for k, tag in enumerate(tags)])
    found = json.loads(call("describe", "data.jsonl", "--json").stdout)
    assert [part["name"] for part in found["languages"]] == tags
    assert found["messages"]["n"] == len(tags)
    assert "and 3 more: see --json" in call("describe", "data.jsonl").output


def test_describe_shows_hostile_words_as_they_are_and_safely(call, tmp_path):
    write(tmp_path / "data.jsonl", [message("m", lang=HOSTILE)])
    done = call("describe", "data.jsonl")
    assert done.exit_code == 0, done.output
    assert "\u202e" not in done.output
    assert "[red]" in done.output


def test_describe_of_a_missing_file_and_of_no_file_is_one_line(call):
    for words in (("describe", "nowhere.jsonl"), ("describe",)):
        done = call(*words)
        assert done.exit_code == 2
        assert "Traceback" not in done.output


def test_describe_of_a_file_that_cannot_be_read_to_its_end_says_so(call, tmp_path):
    import gzip

    whole = gzip.compress("\n".join(map(json.dumps, conversation("c", replies=9))).encode())
    (tmp_path / "data.jsonl.gz").write_bytes(whole[:-20])
    done = call("describe", "data.jsonl.gz")
    assert done.exit_code == 3
    assert "data.jsonl.gz" in done.output
