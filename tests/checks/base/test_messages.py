"""Batches of messages: the ways up their trees, and columns of lists."""

from building import batch, message, uid
from cases import case
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


def test_calls_are_read_as_lists_of_objects():
    made = [{"id": "a", "name": "now", "arguments": "{}"}, {"id": "", "name": None, "arguments": None}]
    table, faults = tabulate([{"calls": made}, {}, {"calls": []}, {"calls": None}], [1, 2, 3, 4], "data.jsonl")
    assert table["calls"].to_pylist() == [made, None, [], None]
    assert faults == []


def test_calls_of_another_type_are_reported_once_and_the_others_are_read():
    good = {"id": "b", "name": "now", "arguments": None}
    for calls, expected in [
        ("abc", 'calls is "abc", a string; expected a list of objects'),
        ({"a": 1}, 'calls is {"a": 1}, an object; expected a list of objects'),
        ([good, 1], "calls[1] is 1, an integer; expected an object with id, name, arguments"),
        ([None], "calls[0] is null; expected an object with id, name, arguments"),
        ([good | {"name": 5}], "calls[0].name is 5, an integer; expected a string"),
    ]:
        with case(calls, expected):
            table, faults = tabulate([{"calls": calls}, {"calls": [good]}], [1, 2], "data.jsonl")
            assert table["calls"].to_pylist() == [None, [good]]
            assert [(fault.kind, fault.line, fault.detail, fault.field) for fault in faults] == [
                ("mistyped_field", 1, expected, "calls")
            ]


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


def test_oasst_has_text_alone_even_where_its_records_have_other_fields():
    more = {"branch": "chosen", "calls": ["a"], "call_id": 7, "tools": 1, "reasoning": "Hm", "media": ["image"]}
    rows = batch([message("a", **more)]).messages
    assert [rows[name].to_pylist() for name in more] == [[None]] * len(more)
    assert rows["message_id"].to_pylist() == [uid("a")]
