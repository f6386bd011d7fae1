"""Laws for every check, also for one that is written tomorrow."""

import dataclasses
import pickle
from collections import defaultdict
from itertools import chain

import pyarrow as pa
import pytest
from building import audit, message, uid
from chataudit.audit import config, registry
from chataudit.audit.demo import release as demo
from chataudit.audit.reading.formats.oasst import ROLES
from chataudit.audit.run import run
from chataudit.checks.base.check import TREE, Check, Method
from chataudit.checks.base.findings import FINDINGS, NOTE, SEVERITIES, Action, Concerns
from chataudit.checks.base.messages import FAULTS, MESSAGES, Batch, Form
from chataudit.checks.base.settings import settings

CHECKS = [pytest.param(check, id=name) for name, check in registry.checks().items()]


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    return demo.release(7).write(tmp_path_factory.mktemp("release") / "release.jsonl")


@pytest.mark.parametrize("check", CHECKS)
def test_every_rule_finds_its_own_example_and_leaves_its_neighbour(check, tmp_path):
    made = check.on_examples(tmp_path)
    for rule in check.rules:
        for name, data in (("this", rule.example.this), ("not_this", rule.example.not_this)):
            folder = tmp_path / rule.name / name
            folder.mkdir(parents=True)
            table = run(*data.write(folder), checks=[made], engine="serial").table
            found = [row["message_id"] for row in table.to_pylist() if row["rule"] == rule.id]
            if name == "not_this":
                assert found == [], rule.id
            elif rule.example.at is None:
                assert found, rule.id
            else:
                assert rule.example.reported in found, rule.id


@pytest.mark.parametrize("check", CHECKS)
def test_an_example_is_small_and_its_neighbour_is_near(check):
    for rule in check.rules:
        for data in (rule.example.this, rule.example.not_this):
            assert 1 <= len(data.messages) + len(data.chats) + len(data.raw) <= 12, rule.id
        assert rule.example.this != rule.example.not_this, rule.id


@pytest.mark.parametrize("check", CHECKS)
def test_every_setting_has_a_help_sentence(check):
    for each in settings(check):
        assert each.help.endswith("."), each.name


@pytest.mark.parametrize("check", CHECKS)
def test_findings_do_not_depend_on_batch_size_or_engine(check, release):
    whole = run(*release, checks=[check()], engine="serial").table
    assert whole.num_rows
    for engine, workers, block in [
        ("serial", None, 1),
        ("serial", None, 5000),
        ("threads", 1, 3000),
        ("threads", 3, 2000),
    ]:
        assert run(*release, checks=[check()], engine=engine, workers=workers, block=block).table.equals(whole)


@pytest.mark.parametrize("check", CHECKS)
def test_findings_do_not_depend_on_the_order_of_the_trees(check, tmp_path):
    made = demo.release(3)
    claims = []
    for trees, chats in ((made.trees, made.chats), (made.trees[::-1], made.chats[::-1])):
        made.trees, made.chats = trees, chats
        sources = made.write(tmp_path / "release.jsonl")
        table = run(*sources, checks=[check()]).table.drop_columns(["line", "spans"])
        # The summary of a copy names the place of the first.
        rows = table.filter(pa.compute.invert(pa.compute.match_substring(table["rule"], "/duplicate_"))).to_pylist()
        claims.append(sorted(str(row) for row in rows if "line_format" not in row["rule"]))
    assert claims[0] == claims[1]


@pytest.mark.parametrize("check", CHECKS)
def test_findings_do_not_depend_on_the_memory_at_hand(check, release):
    whole = run(*release, checks=[check()]).table
    assert run(*release, checks=[check()], memory="1B", block=2000).table.equals(whole)


@pytest.mark.parametrize("check", CHECKS)
def test_spans_are_within_their_texts_and_quotes_match_them(check, release):
    made = demo.release(7)
    texts = defaultdict(set)  # of each id: one rule is about ids that two messages have
    for row in chain.from_iterable(made.trees):
        texts[row["message_id"]].add(row["text"])
    for chat in made.chats:
        for side in ("chosen", "rejected"):
            if isinstance(chat.get(side), list):
                texts[f"{chat['id']}#{side}"].add(chat[side][-1]["content"])
    for row in run(*release, checks=[check()]).table.to_pylist():
        assert row["spans"], row
        for span in row["spans"]:
            assert 0 <= span["start"] <= span["end"]
            quote = span["quote"].rstrip("…")
            fits = [
                span["end"] <= len(text) and text[span["start"] : span["end"]].startswith(quote)
                for text in texts.get(span["id"], ())
                if text is not None
            ]
            assert not fits or any(fits), span


@pytest.mark.parametrize("check", CHECKS)
def test_every_finding_is_of_a_declared_rule_and_well_formed(check, release):
    table = run(*release, checks=[check()]).table
    assert table.schema.equals(FINDINGS)
    declared = {rule.id for rule in check.rules}
    for row in table.to_pylist():
        assert row["check"] == check.name
        assert row["rule"] in declared
        assert row["severity"] in SEVERITIES
        assert 0 <= row["score"] <= 1
        assert row["summary"].strip()
        assert "\n" not in row["summary"]
    assert len(set(table["fingerprint"].to_pylist())) == table.num_rows


@pytest.mark.parametrize("check", CHECKS)
def test_rules_are_named_after_their_check_and_give_advice(check):
    for rule in check.rules:
        assert rule.check == check.name
        assert rule.title.strip()
        assert not rule.title.endswith(".")
        assert rule.severity in SEVERITIES
        assert rule.advice.endswith(".")
    assert len({rule.id for rule in check.rules}) == len(check.rules)


@pytest.mark.parametrize("check", CHECKS)
def test_clean_keeps_notes_and_the_strict_policy_drops_all_else_unless_the_rule_says_to_keep_it(check):
    for rule in check.rules:
        is_kept = rule.severity == NOTE or rule.concerns == Concerns.SOURCE or rule.strict is Action.KEEP
        assert (rule.strict_action == Action.KEEP) == is_kept, rule.id
        assert rule.action == Action.KEEP or not is_kept, rule.id


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_documents_its_method_its_blind_spots_and_its_error_rates(check):
    assert isinstance(check.measurement, Method)
    said = check.measurement._asdict()
    for member, texts in said.items():
        assert texts or member in ("measured", "sources"), (
            member
        )  # error rates are from data that nothing was chosen with
        for text in (texts,) if member == "sure" else texts:
            assert text == text.strip()
            assert text.endswith(".")
    assert 2 <= len(check.measurement.how) <= 5


@pytest.mark.parametrize("check", CHECKS)
def test_every_facet_of_a_finding_is_described(check, release):
    table = run(*release, checks=[check()]).table
    assert {key for facets in table["facets"].to_pylist() for key, _ in facets} <= check.facets.keys()


@pytest.mark.parametrize("check", CHECKS)
def test_a_facet_is_described_in_a_short_phrase(check):
    for key, phrase in check.facets.items():
        assert phrase.strip(), key
        assert len(phrase) < 100, key
        assert not phrase.endswith("."), key


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_survives_pickling_with_its_settings(check):
    made = check()
    assert pickle.loads(pickle.dumps(made)) == made
    assert repr(made).startswith(check.__name__)
    assert dataclasses.is_dataclass(made)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.anything = 1


@pytest.mark.parametrize("check", CHECKS)
def test_an_unknown_setting_is_refused_and_the_known_are_named(check):
    known = [field.name for field in dataclasses.fields(check)]
    with pytest.raises(ValueError, match="unknown setting") as error:
        config.make(check, {"treshold": 3})
    assert all(name in str(error.value) for name in known)


@pytest.mark.parametrize("check", CHECKS)
def test_no_messages_no_findings(check):
    for form in (Form("empty"), Form("oasst_messages", ("text",), ROLES, uuid_ids=True, depth_first=True)):
        stages = check().stages()
        assert stages[0].by == TREE
        (result,) = stages[0].results(Batch(MESSAGES.empty_table(), form, FAULTS.empty_table()))
        results = [result]
        for stage in stages[1:]:
            results += stage.results(*stage.unpacked(None))
        assert not any(part.findings.num_rows for part in results)


@pytest.mark.parametrize("check", CHECKS)
def test_every_message_is_checked_or_counted_as_skipped(check, release):
    facts = run(*release, checks=[check()]).facts
    (found,) = facts.checks
    assert found.checked + sum(found.skipped.values()) == facts.messages > 300


@pytest.mark.parametrize("check", CHECKS)
def test_name_class_and_module_agree(check):
    assert check.__module__.removesuffix(".check").rpartition(".")[2] == check.name
    assert check.__name__.lower() == check.name.replace("_", "")
    assert check.__doc__.split("\n")[0].endswith(".")


class Raises(Check):
    name = "raises"
    rules = ()

    def scan(self, batch):
        raise RuntimeError("boom")


def test_a_check_that_raises_is_a_failed_check_and_not_a_dead_run(tmp_path):
    record = audit(tmp_path, [message("a"), message("b", "a", role="prompter")], Raises(), "schema_invariants")
    failed, whole = record.facts.checks
    assert failed.error.startswith("RuntimeError: boom (test_every_check.py:")
    assert failed.coverage == []
    assert whole.error is None
    assert record.findings("schema_invariants")["message_id"].tolist() == [uid("b"), uid("b")]
    assert record.exit_code == 4
