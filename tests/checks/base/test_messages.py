"""Batches of messages: the ways up their trees, and columns of lists."""

from building import batch, message, uid
from chataudit.audit.reading.formats.columns import tabulate
from chataudit.checks.base.places import is_place
from hypothesis import given
from hypothesis import strategies as st


def slow_below(parents, marked):
    """Find for each message the nearest marked one on the way up, step by step."""
    found = []
    for parent in parents:
        for _ in parents:
            if parent is None or parent in marked:
                break
            parent = parents[parent]
        found.append(parent if parent in marked else -1)
    return found


@given(st.data())
def test_the_nearest_marked_message_above_is_what_walking_up_finds(data):
    n = data.draw(st.integers(1, 12))
    parents = data.draw(st.lists(st.none() | st.integers(0, n - 1), min_size=n, max_size=n))  # circles among them
    marked = data.draw(st.sets(st.integers(0, n - 1)))
    rows = batch(message(f"{k}", None if parent is None else f"{parent}") for k, parent in enumerate(parents))
    mask = rows.is_root & False
    mask[list(marked)] = True
    assert rows.below(mask).tolist() == slow_below(parents, marked)


def test_a_leaf_is_what_nobody_answers():
    rows = batch([message("a"), message("b", "a"), message("c", "a"), message("d", "c"), message("e", "lost")])
    assert rows.is_leaf.tolist() == [False, True, False, True, True]


def test_texts_that_are_the_same_byte_for_byte_have_one_digest():
    rows = batch([message(name, text=text) for name, text in (("a", "x"), ("b", "x "), ("c", "x"), ("d", "X"))])
    first, spaced, again, capital = rows.text_digest.tolist()
    assert first == again
    assert len({first, spaced, capital}) == 3


def test_ids_of_calls_are_read_as_lists_of_strings():
    table, faults = tabulate([{"calls": ["a", ""]}, {}, {"calls": []}, {"calls": None}], [1, 2, 3, 4], "data.jsonl")
    assert table["calls"].to_pylist() == [["a", ""], None, [], None]
    assert faults == []


def test_calls_of_another_type_are_reported_and_the_others_are_read():
    for calls, expected in [
        ("abc", 'calls is "abc", a string; expected a list of strings'),
        ({"a": 1}, 'calls is {"a": 1}, an object; expected a list of strings'),
        (["a", 1], "calls[1] is 1, an integer; expected a string"),
        ([None], "calls[0] is null; expected a string"),
    ]:
        table, faults = tabulate([{"calls": calls}, {"calls": ["b"]}], [1, 2], "data.jsonl")
        assert table["calls"].to_pylist() == [None, ["b"]], (calls, expected)
        assert [(fault.kind, fault.line, fault.detail) for fault in faults] == [("mistyped_field", 1, expected)], (
            calls,
            expected,
        )


def test_ids_made_from_the_place_of_a_message_are_recognised():
    for own, is_one in [
        (None, True),
        ("data.jsonl:1", True),
        ("data.jsonl:1#2", True),
        ("data.jsonl:1#4-chosen", True),
        ("data.jsonl:1#output", True),
        ("data.jsonl:2", False),
        ("data.jsonl:1#A", False),
        ("talk-7#2", False),
    ]:
        rows = batch([message("a", message_id=own)]).messages
        assert is_place(rows).to_pylist() == [is_one], (own, is_one)


def test_oasst_has_no_pairs_and_no_calls_even_where_its_records_have_such_fields():
    rows = batch([message("a", branch="chosen", calls=["a"], call_id=7)]).messages
    assert [rows[name].to_pylist() for name in ("branch", "calls", "call_id")] == [[None]] * 3
    assert rows["message_id"].to_pylist() == [uid("a")]
