"""What changed from one audit to another, of findings and of messages."""

import pytest
from building import Marks, audit, marked, message, uid
from chataudit.reports.baseline import Baseline, difference
from chataudit.reports.redact import hashed, redacted


def tree(name, **more):
    """Return a message that is a tree of its own."""
    return message(name, message_tree_id=uid(name), **more)


def states(found):
    """Sort findings by what became of them: the messages that they are about."""
    kinds = {"new": found.new, "fixed": found.fixed, "unchanged": found.unchanged}
    return {kind: table["message_id"].to_pylist() for kind, table in kinds.items()}


def moves(found):
    """Count the messages added, removed and changed, and those in both."""
    changed = None if found.changed is None else found.changed.num_rows
    return found.added.num_rows, found.removed.num_rows, changed, found.n_same


# -- findings ----------------------------------------------------------------------------------------------------------


def test_findings_are_new_fixed_or_unchanged(tmp_path):
    older = marked(tmp_path, "warning", "warning", "fine")
    newer = marked(tmp_path, "warning", "fine", "error")
    assert states(difference(older, newer)) == {"new": [uid("2")], "fixed": [uid("1")], "unchanged": [uid("0")]}


def test_nothing_changed_between_an_audit_and_itself(released):
    _, record = released
    found = difference(record, record)
    assert (found.new.num_rows, found.fixed.num_rows, found.untold) == (0, 0, {})
    assert found.unchanged.equals(record.table)
    assert moves(found) == (0, 0, 0, record.facts.messages)


def test_another_rule_broken_by_the_same_message_is_another_finding(tmp_path):
    found = difference(marked(tmp_path, "warning"), marked(tmp_path, "error"))
    assert states(found) == {"new": [uid("0")], "fixed": [uid("0")], "unchanged": []}


def test_findings_stay_the_same_where_lines_move(tmp_path):
    rows = [tree("a", text="warning"), tree("b", text="error")]
    older, newer = audit(tmp_path, rows, Marks()), audit(tmp_path, [tree("c"), *rows[::-1]], Marks())
    assert states(difference(older, newer)) == {"new": [], "fixed": [], "unchanged": [uid("b"), uid("a")]}


def test_of_a_check_that_only_one_ran_nothing_is_new_or_fixed(tmp_path):
    rows = [message("a", text="warning"), message("b", "a", role="prompter")]
    with_both = audit(tmp_path, rows, Marks(), "schema_invariants")
    with_one = audit(tmp_path, rows, "schema_invariants")
    for older, newer in ((with_one, with_both), (with_both, with_one)):
        found = difference(older, newer)
        assert (found.new.num_rows, found.fixed.num_rows, found.untold) == (0, 0, {"marks": 1})
        assert found.unchanged.num_rows == 2


class Fails(Marks):
    """Fail, where Marks checked."""

    def scan(self, batch):
        raise ZeroDivisionError


def test_what_a_check_found_that_failed_since_is_not_fixed(tmp_path):
    older, newer = marked(tmp_path, "warning"), audit(tmp_path, [tree("0")], Fails())
    found = difference(older, newer)
    assert (found.fixed.num_rows, found.untold) == (0, {"marks": 1})


def test_findings_of_documents_without_ids_stay_the_same_where_a_line_is_put_before_them(tmp_path):
    rows = [{"text": "warning"}, {"text": "fine"}]
    found = difference(audit(tmp_path, rows, Marks()), audit(tmp_path, [{"text": "first"}, *rows], Marks()))
    assert [len(ids) for ids in states(found).values()] == [0, 0, 1]


def test_findings_of_documents_without_ids_stay_the_same_in_a_file_of_another_folder(tmp_path):
    (tmp_path / "v1").mkdir()
    rows = [{"text": "warning"}]
    found = difference(audit(tmp_path / "v1", rows, Marks()), audit(tmp_path, rows, Marks()))
    assert [len(ids) for ids in states(found).values()] == [0, 0, 1]


# -- messages ----------------------------------------------------------------------------------------------------------


def test_messages_are_added_and_removed_by_their_ids(tmp_path):
    older = audit(tmp_path, [tree("a"), tree("b")], Marks())
    newer = audit(tmp_path, [tree("b"), tree("c"), tree("d")], Marks())
    found = difference(older, newer)
    assert moves(found) == (2, 1, 0, 1)
    assert found.added["message_id"].to_pylist() == [uid("c"), uid("d")]
    assert found.removed["message_id"].to_pylist() == [uid("a")]


@pytest.mark.parametrize(
    ("more", "is_changed"),
    [
        ({"text": "another"}, True),
        ({"role": "prompter"}, True),
        ({"lang": "de"}, True),
        ({"parent_id": uid("z")}, True),
        ({}, False),
        ({"rank": 3, "review_count": 9, "created_date": "2023-02-08T00:00:00+00:00"}, False),
    ],
)
def test_a_message_is_changed_by_another_text_role_language_or_parent(tmp_path, more, is_changed):
    older = audit(tmp_path, [message("a"), message("b", "a")], Marks())
    newer = audit(tmp_path, [message("a"), {**message("b", "a"), **more}], Marks())
    found = difference(older, newer)
    assert moves(found) == (0, 0, int(is_changed), 2)
    assert found.changed["message_id"].to_pylist() == [uid("b")] * is_changed


def test_of_several_messages_of_one_id_the_first_is_compared_with_the_first(tmp_path):
    once, again = tree("a"), tree("a", text="another")
    older = audit(tmp_path, [once, tree("b")], Marks())
    found = difference(older, audit(tmp_path, [once, again, tree("b"), once], Marks()))
    assert moves(found) == (2, 0, 0, 2)
    assert found.added["line"].to_pylist() == [2, 4]
    found = difference(older, audit(tmp_path, [again, once, tree("b")], Marks()))
    assert moves(found) == (1, 0, 1, 2)
    assert moves(difference(audit(tmp_path, [once, once, tree("b")], Marks()), older)) == (0, 1, 0, 2)


def test_documents_without_ids_are_recognised_by_their_text_in_any_place(tmp_path):
    rows = [{"text": "one"}, {"text": "two"}, {"text": "two"}]
    older = audit(tmp_path, rows, Marks())
    found = difference(older, audit(tmp_path, [{"text": "first"}, *rows], Marks()))
    assert moves(found) == (1, 0, 0, 3)
    assert found.added["line"].to_pylist() == [1]
    found = difference(older, audit(tmp_path, [rows[0], rows[1], {"text": "three"}], Marks()))
    assert moves(found) == (1, 1, 0, 2)


def test_messages_without_ids_are_recognised_by_their_text(tmp_path):
    def nameless(text):
        return message("n", "a", message_id=None, text=text)

    older = audit(tmp_path, [message("a"), nameless("one")], Marks())
    newer = audit(tmp_path, [message("a"), nameless("two"), nameless("one"), nameless("one")], Marks())
    assert moves(difference(older, newer)) == (2, 0, 0, 2)


def test_messages_without_ids_are_counted_in_redacted_audits_too(tmp_path):
    rows = [message("a"), *(message(name, "a", message_id=None, text=name) for name in "bcd")]
    older, newer = (redacted(audit(tmp_path, some, Marks())) for some in (rows[:2], rows))
    added, removed, _, same = moves(difference(older, newer))
    assert (added, removed, same) == (2, 0, 2)


# -- redacted audits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["older", "newer", "both"])
def test_a_redacted_audit_is_compared_with_another_by_the_hashes_of_ids(tmp_path, which):
    older = audit(tmp_path, [tree("a", text="warning"), tree("b", text="error")], Marks())
    newer = audit(tmp_path, [tree("b", text="error"), tree("c", text="note"), tree("d")], Marks())
    older = older if which == "newer" else redacted(older)
    newer = newer if which == "older" else redacted(newer)
    found = difference(older, newer)
    assert moves(found) == (2, 1, None, 1)  # what a message said is not known
    names = [uid(name) if which == "older" else hashed(uid(name)) for name in "cd"]
    assert found.added["message_id"].to_pylist() == names
    assert [len(ids) for ids in states(found).values()] == [1, 1, 1]


# -- what an audit can be compared with --------------------------------------------------------------------------------


def test_an_audit_of_other_data_is_refused(tmp_path):
    (tmp_path / "other").mkdir()
    record, other = audit(tmp_path, [tree("a")], Marks()), audit(tmp_path / "other", [tree("b")], Marks())
    expected = (
        rf"the baseline is of other data: no message is in both audits \({tmp_path}/other/data.jsonl and {tmp_path}/"
    )
    for older, newer in ((other, record), (redacted(other), record), (redacted(other), redacted(record))):
        with pytest.raises(ValueError, match="the baseline is of other data: no message is in both audits"):
            difference(older, newer)
    with pytest.raises(ValueError, match=expected):
        Baseline.of(other, record)


def test_one_message_in_common_makes_two_versions_of_the_same_data(tmp_path):
    older, newer = audit(tmp_path, [tree("a"), tree("b")], Marks()), audit(tmp_path, [tree("b")], Marks())
    assert Baseline.of(older, newer).n_findings == {"marks": 0}


def test_documents_without_ids_and_with_other_texts_are_other_data_even_in_the_same_place(tmp_path):
    older, newer = (audit(tmp_path, [{"text": text}], Marks()) for text in ("one", "two"))
    with pytest.raises(ValueError, match="of other data"):
        Baseline.of(older, newer)


def test_an_audit_without_messages_can_be_compared_with_any(tmp_path):
    nothing = audit(tmp_path, ["{"], Marks(), format="oasst_messages")
    record = audit(tmp_path, [tree("a", text="warning")], Marks())
    assert moves(difference(nothing, record)) == (1, 0, 0, 0)
    assert moves(difference(record, nothing)) == (0, 1, 0, 0)


def test_a_baseline_knows_the_findings_of_checks_that_finished(tmp_path):
    rows = [message("a", text="warning note"), message("b", "a", role="prompter")]

    class Breaks(Fails):
        name = "breaks"
        rules = ()

    record = audit(tmp_path, rows, Marks(), Breaks(), "schema_invariants")
    baseline = Baseline.of(record, record)
    assert baseline.n_findings == {"marks": 2, "schema_invariants": 2}
    assert baseline.is_new(record.table).to_pylist() == [False] * 4
    assert baseline.started == record.facts.started


def test_a_finding_of_a_check_that_the_baseline_has_not_is_neither_new_nor_known(tmp_path):
    rows = [message("a"), message("b", "a", role="prompter", text="warning")]
    older, newer = audit(tmp_path, rows, "schema_invariants"), audit(tmp_path, rows, "schema_invariants", Marks())
    assert Baseline.of(older, newer).is_new(newer.table).to_pylist() == [None, False, False]
