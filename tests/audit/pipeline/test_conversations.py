import pyarrow as pa
import pytest
from building import audit, batch, conversation, message, nest, pages, shown, uid, write
from chataudit import run
from chataudit.audit.pipeline.conversations import AROUND, EXCERPT, MAX_ABOVE, MAX_BESIDE, around, joined
from chataudit.reports.record import THREADS

WORDS = "Yeast eats sugar and breathes out gas, and the dough traps it until the bread is baked in a hot oven"


def kept(table):
    """Return the rows of THREADS by short name, and the messages above each."""
    rows = table.to_pylist()
    names = {uid(name): name for name in NAMES}
    short = [names.get(row["id"], row["id"]) for row in rows]
    return {
        name: (None if row["parent"] is None else short[row["parent"]], row["depth"], row["n_replies"])
        for name, row in zip(short, rows, strict=True)
    }


NAMES = [*"abcdefgh", *(f"b{k}" for k in range(MAX_BESIDE + 10))]


def of(*rows, about, form="oasst_messages"):
    """Return THREADS of some messages, by their place in the batch."""
    return joined([around(batch(rows, form), about)], ["data.jsonl"])


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_the_way_up_and_the_siblings_are_kept_and_nothing_else():
    rows = [message("a"), message("b", "a"), message("c", "b", "prompter"), message("d", "c"), message("e", "c")]
    rows += [message("f", "b", "prompter"), message("g", "d", "prompter")]
    assert kept(of(*rows, about=[3])) == {
        "a": (None, 0, 1),
        "b": ("a", 1, 2),
        "c": ("b", 2, 2),
        "d": ("c", 3, 1),
        "e": ("c", 3, 0),
    }


def test_a_root_is_alone():
    assert kept(of(message("a"), message("b", "a"), about=[0])) == {"a": (None, 0, 1)}


def test_of_no_message_nothing_is_kept():
    assert of(message("a"), about=[]).equals(THREADS.empty_table())


def test_of_many_siblings_the_first_are_kept_and_the_message_itself():
    rows = [message("a"), *(message(f"b{k}", "a") for k in range(MAX_BESIDE + 10))]
    first = {"a", *(f"b{k}" for k in range(MAX_BESIDE))}
    assert set(kept(of(*rows, about=[1]))) == first
    assert set(kept(of(*rows, about=[MAX_BESIDE + 6]))) == first | {f"b{MAX_BESIDE + 5}"}
    assert kept(of(*rows, about=[1]))["a"] == (None, 0, MAX_BESIDE + 10)


def test_a_limited_number_of_messages_above_is_kept_in_a_deep_thread():
    n = MAX_ABOVE + 100
    rows = [message("0"), *(message(str(k), str(k - 1)) for k in range(1, n))]
    found = of(*rows, about=[n - 1]).to_pylist()
    assert [row["id"] for row in found] == [uid(str(k)) for k in range(n - 1 - MAX_ABOVE, n)]
    assert (found[0]["parent"], found[0]["parent_id"], found[0]["depth"]) == (None, uid("98"), 99)
    assert [row["parent"] for row in found[1:]] == list(range(MAX_ABOVE))


def test_texts_are_cut_to_where_they_begin():
    rows = [
        message("a", text="é" * EXCERPT),
        message("b", "a", text="😀" * (EXCERPT + 1)),
        message("c", "a", text=None),
    ]
    assert of(*rows, about=[1])["excerpt"].to_pylist() == ["é" * 160, "😀" * 160, None]


def test_a_circle_ends():
    rows = [message("a"), message("b", "c"), message("c", "b"), message("d", "c"), message("e", "e")]
    assert kept(of(*rows, about=[3, 4])) == {
        "b": ("c", -1, 1),
        "c": ("b", -1, 2),
        "d": ("c", -1, 0),
        "e": ("e", -1, 1),
    }


def test_a_parent_that_is_nowhere_is_named():
    (row,) = of(message("a"), message("b", "h"), about=[1]).to_pylist()
    assert (row["parent"], row["parent_id"], row["depth"]) == (None, uid("h"), 0)


def test_a_message_without_an_id_goes_by_its_line():
    row = of(message("a"), message("b", "a", message_id=None), about=[1]).to_pylist()[1]
    assert (row["id"], row["line"], row["parent"]) == ("line 2, without id", 2, 0)


def test_the_nested_form_is_kept_alike():
    rows = [
        message("a"),
        message("b", "a", rank=1),
        message("c", "a", rank=0),
        message("d", "b", "prompter", lang="de"),
    ]
    flat, nested = of(*rows, about=[3, 2]), of(nest(rows), about=[3, 2], form="oasst_trees")
    assert nested["line"].to_pylist() == [1] * 4
    by_id = [sorted(t.drop_columns(["line", "parent"]).to_pylist(), key=lambda row: row["id"]) for t in (flat, nested)]
    assert by_id[0] == by_id[1]
    assert kept(flat) == kept(nested)
    assert flat["rank"].to_pylist() == [None, 1, 0, None]


def test_tables_are_joined_in_the_order_of_sources_and_lines_with_their_links():
    two = around(batch([message("c"), message("d", "c")]), [1])
    one = around(batch([message("a"), message("b", "a")]), [1])
    two = two.set_column(0, "source", pa.array(["two"] * 2))
    one = one.set_column(0, "source", pa.array(["one"] * 2))
    whole = joined([two, AROUND.empty_table(), one], ["one", "two"])
    assert joined([pa.concat_tables([two, one])], ["one", "two"]).equals(whole)  # as they are on disk
    assert whole.schema.equals(THREADS)
    assert [uid(name) for name in "abcd"] == whole["id"].to_pylist()
    assert whole["parent"].to_pylist() == [None, 0, None, 2]
    assert joined([two, one], ["one", "two"], pa.array([uid("a")])).equals(whole)  # one tree, and all of it
    assert joined([two, one], ["one", "two"], pa.array(["another"])).equals(THREADS.empty_table())
    assert joined([], ["one"]).equals(THREADS.empty_table())


# -- of an audit -------------------------------------------------------------------------------------------------------


def tree(name, text):
    return [
        {**row, "text": text if row["message_id"] == uid(f"{name}-2") else row["text"]} for row in conversation(name, 3)
    ]


@pytest.mark.parametrize("options", [{}, {"block": 300}, {"engine": "threads", "workers": 2, "block": 999}])
def test_what_a_later_stage_finds_has_its_conversation_too(tmp_path, options):
    rows = [*tree("x", WORDS), *(row for k in range(9) for row in conversation(f"t{k}")), *tree("y", WORDS)]
    record = audit(tmp_path, rows, "near_duplicates", **options)
    (found,) = [row for row in record.table.to_pylist() if row["rule"].endswith("/exact_copy")]
    (name,) = [name for name in "xy" if found["message_id"] == uid(f"{name}-2")]
    around = [row for row in record.threads.to_pylist() if row["tree_id"] == uid(name)]
    assert [row["id"] for row in around] == [uid(name), *(uid(f"{name}-{k}") for k in (1, 2, 3))]
    assert [record.threads["id"][row["parent"]].as_py() for row in around[1:]] == [uid(name)] * 3


@pytest.mark.parametrize(
    "options",
    [{"block": 1, "memory": "1KB"}, {"engine": "threads", "workers": 3, "block": 700}],
)
def test_conversations_do_not_depend_on_how_the_data_are_read(tmp_path, released, options):
    _, record = released
    again = run(record.facts.sources[0].name, **{"engine": "serial", **options})
    assert again.threads.equals(record.threads)
    assert again.table.equals(record.table)


def test_trees_that_are_scattered_have_the_same_conversations(tmp_path):
    rows = [*tree("x", WORDS), *conversation("t"), *tree("y", WORDS)]
    gathered = audit(tmp_path, rows, "near_duplicates", "schema_invariants")
    scattered = audit(tmp_path, rows[::2] + rows[1::2], "near_duplicates", "schema_invariants", block=500)
    for record in (gathered, scattered):
        links = record.threads.to_pylist()
        reported = {(r["id"], None if r["parent"] is None else links[r["parent"]]["id"], r["n_replies"]) for r in links}
        about = record.table.filter(pa.compute.equal(record.table["check"], "near_duplicates"))["tree_id"][0].as_py()
        (name,) = [name for name in "xy" if uid(name) == about]
        family = {(uid(name), None, 3), *((uid(f"{name}-{k}"), uid(name), 0) for k in (1, 2, 3))}
        assert family <= reported


def test_the_same_name_in_two_files_stays_apart(tmp_path):
    one = write(tmp_path / "one.jsonl", conversation("a", 1, text=" "))
    two = write(tmp_path / "two.jsonl", conversation("b", 1, text=" "))
    record = run(one, two, checks=["schema_invariants"], engine="serial")
    assert record.threads["source"].to_pylist() == [str(one)] * 2 + [str(two)] * 2
    assert record.threads["parent"].to_pylist() == [None, 0, None, 2]


@pytest.mark.parametrize("block", [300, 1 << 20])
def test_findings_carry_who_wrote_their_message_in_what_language_and_when(tmp_path, block):
    dated = {"created_date": "2023-05-06T07:08:09+00:00", "lang": "de", "message_tree_id": uid("x")}
    rows = [
        *conversation("t", text=WORDS, lang="en"),
        message("x", **dated),
        message("y", "x", role="prompter", **dated),
    ]
    record = audit(tmp_path, rows, "schema_invariants", "near_duplicates", block=block)
    reported = {
        row["rule"].partition("/")[2]: (row["message_id"], row["role"], row["lang"], row["created_date"][:10])
        for row in record.table.to_pylist()
    }
    assert reported["role_alternation"] == (uid("y"), "prompter", "de", "2023-05-06")
    assert reported["exact_copy"][1:] in [(role, "en", "2023-02-07") for role in ("prompter", "assistant")]


def test_a_record_that_could_not_be_read_has_no_writer(tmp_path):
    (row,) = audit(tmp_path, [message("a"), message("b", "a"), "{"], "schema_invariants").table.to_pylist()
    assert (row["role"], row["lang"], row["created_date"]) == (None, None, None)


# -- where quotes begin ------------------------------------------------------------------------------------------------


def long_text(n, start=0):
    return " ".join(f"word{k:03}" for k in range(start, start + n))


def spans_of(tmp_path, left, right, **options):
    rows = [message("a"), message("b", "a", text=left), message("c", "a", text=right)]
    record = audit(tmp_path, rows, "near_duplicates", **options)
    (row,) = record.table.to_pylist()
    return row["spans"]


def test_long_near_copies_are_quoted_from_shortly_before_their_first_difference(tmp_path):
    # 7 letters and a blank a word: the difference is at 60 * 8.
    left = f"{long_text(60)} cat {long_text(60, 60)}"
    right = f"{long_text(60)} dog {long_text(60, 60)}"
    for options in ({}, {"block": 400}):
        one, two = spans_of(tmp_path, left, right, **options)
        assert {one["quote"][60:63], two["quote"][60:63]} == {"cat", "dog"}
        for span, text in ((one, left), (two, right)) if "cat" in one["quote"] else ((one, right), (two, left)):
            assert (span["start"], span["at"], span["end"]) == (0, 420, len(text))
            assert span["before"] == text[360:420]
            assert span["quote"] == text[420:660] + "…"
            assert span["after"] == ""


def test_long_copies_that_differ_at_once_or_not_at_all_are_quoted_from_their_beginning(tmp_path):
    words = long_text(120)
    assert [span["at"] for span in spans_of(tmp_path, words, words)] == [0, 0]
    assert [span["at"] for span in spans_of(tmp_path, f"cat {words}", f"dog {words}")] == [0, 0]


def test_short_copies_are_quoted_in_whole(tmp_path):
    words = long_text(25)
    left, right = spans_of(tmp_path, f"{words} cat", f"{words} dog")
    assert (left["at"], right["at"]) == (0, 0)
    assert {left["quote"], right["quote"]} == {f"{words} cat", f"{words} dog"}


def test_all_other_quotes_begin_where_their_spans_do(released):
    _, record = released
    spans = [span for row in record.table.to_pylist() for span in row["spans"]]
    assert len(spans) > 80
    assert [span["at"] for span in spans] == [span["start"] for span in spans]


# -- what was wrong once -----------------------------------------------------------------------------------------------


def mixed(tmp_path):
    """Audit a copy that a later stage finds, whose reply the first stage flags."""
    rows = [*tree("x", WORDS), message("y", "x-2", role="assistant", message_tree_id=uid("x"))]
    return audit(tmp_path, [*rows, *tree("w", WORDS), message("v", "w-2", role="assistant", message_tree_id=uid("w"))],
                 "near_duplicates", "schema_invariants")  # fmt: skip


def test_each_message_is_kept_once(tmp_path):
    ids = mixed(tmp_path).threads["id"].to_pylist()
    assert len(ids) == len(set(ids))


def test_what_a_later_stage_finds_has_its_siblings_on_the_page(tmp_path):
    (copy,) = [row for row in shown(pages(mixed(tmp_path))["report.html"]) if row["rule"].endswith("exact_copy")]
    assert len(copy["siblings"]) == 2
