"""near_duplicates: what is a copy, of what, and that none is missed."""

import json
import random
import re
import time
from fractions import Fraction
from itertools import product
from operator import itemgetter

import numpy as np
import pyarrow as pa
import pytest
from building import audit, conversation, flagged, message, turns, uid, write
from chataudit.audit.run import run
from chataudit.checks.base import kernels
from chataudit.checks.base.check import in_turn
from chataudit.checks.base.groups import Pairs
from chataudit.checks.base.text import tokens as tokenising
from chataudit.checks.near_duplicates import check, rules, search
from chataudit.checks.near_duplicates.check import NearDuplicates
from chataudit.checks.near_duplicates.facts import FACTS, LISTS
from chataudit.checks.near_duplicates.minhash import signatures
from chataudit.checks.near_duplicates.sets import Sets
from hypothesis import given, settings
from hypothesis import strategies as st
from staging import staged

WORDS = [f"w{k}" for k in range(400)]
LONG = "The old harbour of Bergen was rebuilt after each great fire and its wooden houses still lean on one another"
# About as long in each script, none like another.
SCRIPTS = {
    "zh": "卑尔根的老港口在每次大火之后都被重建，那些木屋今天仍然互相倚靠着站立，游客们从世界各地赶来，在狭窄的巷子里寻找旧时商人的痕迹，并品尝当地的鱼汤。",
    "ja": "ベルゲンの古い港は大火のたびに建て直され、木造の家々は今も互いに寄りかかるように立っている。細い路地には昔の商人の跡が残り、観光客が魚のスープを味わう。",
    "th": "ท่าเรือเก่าของเมืองเบอร์เกนถูกสร้างขึ้นใหม่หลังไฟไหม้ใหญ่ทุกครั้ง และบ้านไม้ยังคงพิงกันอยู่จนถึงวันนี้ นักท่องเที่ยวมาชิมซุปปลา",
    "ar": "أعيد بناء الميناء القديم في مدينة بيرغن بعد كل حريق كبير وما زالت البيوت الخشبية يتكئ بعضها على بعض حتى اليوم ويأتي الزوار من كل البلاد ليذوقوا حساء السمك في الأزقة الضيقة",
    "hi": "बर्गेन का पुराना बंदरगाह हर बड़ी आग के बाद फिर से बनाया गया और लकड़ी के घर आज भी एक दूसरे के सहारे खड़े हैं और दुनिया भर के यात्री तंग गलियों में मछली का सूप चखने आते हैं",
}


def documents(*texts, **more):
    return [{"id": f"d{k:03}", "text": text, **more} for k, text in enumerate(texts)]


def found(tmp_path, records, **options):
    record = audit(tmp_path, records, NearDuplicates(**options))
    assert record.exit_code == 0
    return record.table.to_pylist()


def facets(row):
    return dict(row["facets"])


def reported_pairs(rows):
    return {tuple(sorted((row["message_id"], facets(row)["partner"]))) for row in rows if "partner" in facets(row)}


def edited(words, n, rng):
    words = list(words)
    for at in rng.sample(range(len(words)), n):
        words[at] = f"x{rng.randrange(10**9)}"
    return " ".join(words)


# -- rules ----------------------------------------------------------------------------------------------------------


def test_the_same_words_and_signs_are_an_exact_copy_in_any_case_and_spacing(tmp_path):
    (row,) = found(tmp_path, documents(LONG, LONG.upper().replace(" ", "\n\n"), "Something else entirely is said here"))
    assert (row["rule"], row["message_id"]) == ("near_duplicates/exact_copy", "d001")
    assert facets(row) == {
        "partner": "d000",
        "scope": "other tree",
        "cluster": "d000",
        "jaccard": "1.000",
        "kind": "exact",
    }
    assert row["score"] == 1


def test_a_word_more_is_a_near_copy_with_its_exact_similarity(tmp_path):
    (row,) = found(tmp_path, documents(LONG, LONG + " really"))
    n = len(LONG.split()) - 4
    assert row["rule"] == "near_duplicates/near_copy"
    assert facets(row)["jaccard"] == f"{n / (n + 1):.3f}"
    assert [span["id"] for span in row["spans"]] == ["d001", "d000"]


def test_a_text_that_shares_less_than_the_threshold_is_no_copy(tmp_path):
    words = LONG.split()
    other = " ".join([*words[:10], "elsewhere", *words[10:]])  # of 16 5-grams 4 go and 5 come: 12 of 21 are shared
    assert found(tmp_path, documents(LONG, other)) == []
    assert len(found(tmp_path, documents(LONG, other), min_similarity=0.57)) == 1
    assert found(tmp_path, documents(LONG, other), min_similarity=0.58) == []


def test_copies_are_found_in_scripts_with_and_without_spaces(tmp_path):
    for (lang, own), method in product(SCRIPTS.items(), ("exact", "minhash")):
        others = [other for other in SCRIPTS.values() if other != own]
        rows = found(tmp_path, documents(own, own + "！", own.upper(), own[: len(own) // 3], *others), method=method)
        reported = [(row["rule"], row["message_id"]) for row in rows if row["severity"] > 1]
        expected = [("near_duplicates/other_signs", "d001"), ("near_duplicates/exact_copy", "d002")]
        assert sorted(reported, key=itemgetter(1)) == expected, (lang, method)


def test_a_short_phrase_is_one_note_with_its_count(tmp_path):
    rows = found(tmp_path, documents("Thank you!", "thank you", "Thank  you.", "Thanks", "你好"))
    assert [(row["rule"], row["severity"], row["message_id"]) for row in rows] == [
        ("near_duplicates/stock_phrase", 1, "d000")
    ]
    assert facets(rows[0]) == {"count": "3"}
    assert len(rows[0]["spans"]) == 3


def test_min_tokens_bounds_stock_phrases(tmp_path):
    phrase = "How can I help you today with that?"
    assert found(tmp_path, documents(phrase, phrase))[0]["rule"] == "near_duplicates/stock_phrase"
    assert found(tmp_path, documents(phrase, phrase), min_tokens=8)[0]["rule"] == "near_duplicates/exact_copy"


def test_a_short_prompt_in_a_script_without_spaces_is_short_too(tmp_path):
    for phrase in ("请问明天北京天气怎么样", "ขอบคุณมากครับสำหรับคำตอบ"):
        assert [row["rule"] for row in found(tmp_path, documents(phrase, phrase))] == ["near_duplicates/stock_phrase"]


def test_texts_without_words_are_counted_as_skipped(tmp_path):
    for nothing in ("", " ", "...", "🙂🙂", "\u200d"):
        record = audit(tmp_path, documents(nothing, nothing, LONG), NearDuplicates())
        (facts,) = record.facts.checks
        expected = (1, {rules.NO_WORDS: 2}, 0)
        assert (facts.checked, facts.skipped, record.table.num_rows) == expected, repr(nothing)


def test_roles_can_be_chosen_and_the_others_are_counted(tmp_path):
    trees = [message("a", text=LONG), message("b", "a", text=LONG), message("c", "a", text=LONG)]
    record = audit(tmp_path, trees, NearDuplicates(roles=("assistant",)))
    (row,) = record.table.to_pylist()
    assert {row["message_id"], facets(row)["partner"]} == {uid("b"), uid("c")}
    assert record.facts.checks[0].skipped == {rules.OTHER_ROLE: 1}


def test_system_messages_are_no_copies_of_each_other_unless_they_are_asked_for(tmp_path):
    said = "You are a patient librarian who answers every question with the title of one book"
    chats = [{"id": f"{k}", "messages": turns(f"system: {said}", f"user: Well, {k}?")} for k in range(2)]
    record = audit(tmp_path, chats, NearDuplicates())
    assert record.table.num_rows == 0
    assert record.facts.checks[0].skipped == {rules.SYSTEM: 2}
    asked = audit(tmp_path, chats, NearDuplicates(roles=("system",)))
    assert flagged(asked) == [("exact_copy", "1")]
    assert asked.facts.checks[0].skipped == {rules.OTHER_ROLE: 2}


def test_scope_and_roles_name_the_kind_of_copy(tmp_path):
    def scope_and_roles(first, second):
        (row,) = found(tmp_path, [first, second])
        return facets(row)["scope"], facets(row)["roles"]

    one = message("a", text=LONG, user_id=uid("x"))
    tree = {"message_tree_id": uid("b")}
    assert scope_and_roles(message("c", "b", text=LONG), message("d", "b", text=LONG)) == (
        "same tree",
        "assistant, assistant",
    )
    assert scope_and_roles(one, message("b", text=LONG, user_id=uid("x"), **tree)) == (
        "same author",
        "prompter, prompter",
    )
    assert scope_and_roles(one, message("b", text=LONG, user_id=uid("y"), **tree)) == (
        "other tree",
        "prompter, prompter",
    )


def test_a_message_that_occurs_twice_is_a_duplicate_also_with_the_same_id(tmp_path):
    tree = conversation("a", text=LONG)[:1]
    record = audit(tmp_path, tree * 2, NearDuplicates())
    assert flagged(record) == [("exact_copy", uid("a"))]
    assert record.facts.checks[0].skipped == {}


# -- splits ---------------------------------------------------------------------------------------------------------


def test_a_copy_in_another_split_is_an_error(tmp_path):
    records = [
        {"id": "a", "text": LONG, "split": "train"},
        {"id": "b", "text": LONG, "split": "train"},
        {"id": "c", "text": LONG + " indeed", "split": "test"},
    ]
    rows = found(tmp_path, records)
    assert [(row["rule"], row["message_id"], row["severity"]) for row in rows] == [
        ("near_duplicates/exact_copy", "b", 2),
        ("near_duplicates/cross_split", "c", 3),
    ]
    assert facets(rows[1])["splits"] == "test, train"


def test_splits_are_recognised_by_names_as_the_hub_has_them(tmp_path):
    cases = {
        ("train.jsonl", "test.jsonl"): True,
        ("data/train-00000-of-00002.jsonl", "data/validation-00000-of-00001.jsonl"): True,
        ("train/a.jsonl", "test/a.jsonl"): True,
        ("my_train_set.jsonl", "my_dev_set.jsonl"): True,
        ("one.jsonl", "two.jsonl"): False,
        ("train-00000-of-00002.jsonl", "train-00001-of-00002.jsonl"): False,
        ("training_data.jsonl", "testimonials.jsonl"): False,
    }
    for case, (names, crosses) in enumerate(cases.items()):
        folder = tmp_path / str(case)
        for k, name in enumerate(names):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write(folder / name, [{"id": f"{k}", "text": LONG}])
        table = run(*(folder / name for name in names), checks=[NearDuplicates()]).table
        rules = [row["rule"].partition("/")[2] for row in table.to_pylist()]
        assert rules == ["cross_split" if crosses else "exact_copy"], names


def test_a_stock_phrase_names_the_splits_that_contain_it(tmp_path):
    records = [{"id": name, "text": "What is a prion?", "split": name} for name in ("train", "test")]
    (row,) = found(tmp_path, records)
    assert (row["rule"], facets(row)) == ("near_duplicates/stock_phrase", {"count": "2", "splits": "test, train"})


def test_documents_of_one_id_in_two_files_are_two_trees(tmp_path):
    for split in ("train", "test"):
        write(tmp_path / f"{split}.jsonl", [{"id": 1, "text": LONG}])
    (row,) = run(tmp_path / "train.jsonl", tmp_path / "test.jsonl", checks=[NearDuplicates()]).table.to_pylist()
    assert (row["rule"], facets(row)["scope"]) == ("near_duplicates/cross_split", "other tree")


def test_splits_can_be_named(tmp_path):
    one, two = (write(tmp_path / f"{name}.jsonl", [{"id": name, "text": LONG}]) for name in ("one", "two"))
    record = run(splits={"train": [one], "heldout": [two]}, checks=[NearDuplicates()])
    assert [facets(row)["splits"] for row in record.table.to_pylist()] == ["heldout, train"]
    # What a record declares overrides the name of its file.
    write(one, [{"id": "one", "text": LONG, "split": "heldout"}])
    record = run(splits={"train": [one], "heldout": [two]}, checks=[NearDuplicates()])
    assert [row["rule"] for row in record.table.to_pylist()] == ["near_duplicates/exact_copy"]


# -- groups ---------------------------------------------------------------------------------------------------------


def test_a_group_contains_only_what_was_verified_against_its_representative(tmp_path):
    words = WORDS[:60]
    chain = [words, [*words[:20], "other", *words[21:]], [*words[:20], "other", *words[21:40], "again", *words[41:]]]
    rows = found(tmp_path, documents(*map(" ".join, chain)), min_similarity=0.8)
    assert [(row["message_id"], facets(row)["partner"], facets(row)["cluster"]) for row in rows] == [
        ("d001", "d000", "d000"),
        ("d002", "d001", "d002"),  # its partner is named, but it is in no group that it was not compared with
    ]


def test_every_text_of_a_group_names_the_one_that_it_copies(tmp_path):
    rng = random.Random(1)
    copies = [edited(WORDS[:100], 1, rng) for _ in range(20)]
    rows = found(tmp_path, documents(" ".join(WORDS[:100]), *copies))
    assert {facets(row)["partner"] for row in rows if facets(row)["cluster"] == "d000"} == {"d000"}
    assert {row["message_id"] for row in rows} == {f"d{k:03}" for k in range(1, 21)}


@pytest.fixture
def capped(monkeypatch):
    """Compare no text with more than five others."""
    monkeypatch.setattr(search, "MAX_FANOUT", 5)
    monkeypatch.setattr(search, "MIN_FANOUT", 5)


def test_many_alike_are_capped_and_what_has_a_match_counts_as_checked(tmp_path, capped):
    rng = random.Random(2)
    family = [edited(WORDS[:200], 1, rng) for _ in range(30)]
    for method in ("exact", "minhash"):
        record = audit(tmp_path, documents(*family), NearDuplicates(method=method))
        assert len({row["message_id"] for row in record.table.to_pylist()}) > 20
        assert (record.facts.checks[0].checked, record.facts.checks[0].skipped) == (30, {})
        if method == "exact":
            note = record.facts.checks[0].notes[0]
            assert "with very many similar ones: only the first 5 were compared" in note


def test_capped_texts_without_a_match_are_skipped(tmp_path, monkeypatch):
    def pairs(sets, how, spread):
        found = np.array([[0], [1]]) if sets.name == "shingles" else np.zeros((2, 0), dtype=np.int64)
        return Pairs(*found, np.full(found.shape[1], 0.9), np.ones(len(sets), dtype=bool), ())

    monkeypatch.setattr(check, "similar_pairs", pairs)
    texts = [" ".join(f"y{k}x{n}" for n in range(40)) for k in range(5)]
    texts[1] = texts[0].replace("x5", "x50")
    record = audit(tmp_path, documents(*texts, texts[-1]), NearDuplicates())  # the last one has a twin
    assert flagged(record) == [("exact_copy", "d005"), ("near_copy", "d001")]
    (facts,) = record.facts.checks
    assert (facts.checked, facts.skipped) == (4, {rules.CAPPED: 2})


def test_without_any_text_nothing_is_reported():
    assert staged(NearDuplicates()) == ([], {}, [])


# -- none missed, none extra ----------------------------------------------------------------------------------------


def grams(words):
    return {tuple(words[k : k + 5]) for k in range(len(words) - 4)}


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.integers(2, 40),
    st.sampled_from([Fraction(1, 2), Fraction(7, 10), Fraction(4, 5), Fraction(9, 10), Fraction(1)]),
)
def test_the_exact_method_finds_the_pairs_that_brute_force_finds(seed, n, threshold):
    rng = random.Random(seed)
    families = [[rng.choice(WORDS) for _ in range(rng.randrange(5, 60))] for _ in range(3)]
    texts = []
    for _ in range(n):
        words = rng.choice(families)
        texts.append(edited(words, min(len(words), rng.choice([0, 0, 1, 1, 2, 5])), rng).split()[rng.randrange(3) :])
    distinct = [words for k, words in enumerate(texts) if grams(words) and grams(words) not in map(grams, texts[:k])]
    expected = set()
    for k, x in enumerate(map(grams, distinct)):
        for j, y in enumerate(map(grams, distinct[:k])):
            if Fraction(len(x & y), len(x | y)) >= threshold:
                expected.add((j, k))
    tokens = tokenising.tokenise(pa.array([" ".join(words) for words in distinct], pa.string()))
    sets, limits, _ = tokenising.shingle(tokens)
    column = pa.chunked_array([pa.LargeListArray.from_arrays(pa.array(limits), pa.array(sets))])
    table = pa.table({"shingles": column})
    rows = Sets(table, "shingles", np.arange(len(distinct)))
    for method in ("exact", "minhash"):
        how = search.Search(float(threshold), method, 1 << 32, 16, 8, 1)
        got = search.similar_pairs(rows, how, in_turn(table))
        reported = set(zip(got.left.tolist(), got.right.tolist(), strict=True))
        assert reported == expected if method == "exact" else reported <= expected
        for left, right, jaccard in zip(got.left, got.right, got.jaccard, strict=True):
            x, y = grams(distinct[left]), grams(distinct[right])
            assert jaccard == len(x & y) / len(x | y)


def test_minhash_misses_about_as_much_as_it_states(tmp_path):
    rng = random.Random(3)
    records = []
    for k in range(
        300
    ):  # 200 words, 8 of them changed far from one another: about .66 of the 5-grams of both are shared
        words = [f"v{k}x{n}" for n in range(200)]
        records += documents(" ".join(words), edited(words, 4, rng))[:2]
        records[-2]["id"], records[-1]["id"] = f"a{k}", f"b{k}"
    exact = reported_pairs(found(tmp_path, records, min_similarity=0.8, method="exact"))
    minhash = reported_pairs(found(tmp_path, records, min_similarity=0.8, method="minhash"))
    assert minhash <= exact
    assert len(exact) > 150
    assert len(minhash) >= 0.93 * len(exact)


def test_signatures_are_those_of_datasketch_and_can_be_queried_there():
    from datasketch import MinHash, MinHashLSH

    sets, limits, _ = tokenising.shingle(tokenising.tokenise(pa.array([LONG, LONG + " indeed", SCRIPTS["hi"]])))
    values = signatures(sets, limits)
    sketches = [MinHash(hashvalues=row, seed=1, scheme="affine32") for row in values]
    for k, sketch in enumerate(sketches):
        theirs = MinHash(128, seed=1, hashfunc=lambda shingle: int(shingle) & 0xFFFFFFFF)
        theirs.update_batch(sets[limits[k] : limits[k + 1]])
        assert np.array_equal(theirs.hashvalues, sketch.hashvalues)
    index = MinHashLSH(threshold=0.8, num_perm=128, params=(16, 8))
    index.insert("first", sketches[0])
    assert index.query(sketches[1]) == ["first"]
    assert index.query(sketches[2]) == []


def test_bands_and_rows_can_be_chosen_by_the_pairs_that_may_be_missed():
    assert NearDuplicates().banding() == (16, 8)
    for miss in (0.2, 0.05, 0.01):
        bands, rows = NearDuplicates(max_miss=miss).banding()
        assert bands * rows <= 128
        assert (1 - 0.8**rows) ** bands <= miss
    with pytest.raises(ValueError, match="max_miss: 1e-09 is not reached with 16 hashes"):
        NearDuplicates(max_miss=1e-9, bands=2, rows=8).banding()


def test_the_method_follows_the_memory_and_the_record_names_it(tmp_path):
    records = documents(LONG, LONG + " indeed")
    reported = {}
    for memory in ("4GB", "100B"):
        (facts,) = audit(tmp_path, records, NearDuplicates(memory=memory)).facts.checks
        reported[memory] = facts.notes
    assert reported["4GB"][0].startswith("All pairs with a similarity of 0.8 or more were found (exact join, at most ")
    assert reported["100B"][0].startswith("About 5.3 % of pairs with a similarity of 0.8 are missed")
    assert "(MinHash, 16 bands of 8 rows; " in reported["100B"][0]


def test_rows_wait_on_disk_where_the_memory_is_small(tmp_path):
    rng = random.Random(5)
    records = documents(*(edited(WORDS[:80], 1, rng) for _ in range(50)))
    whole = audit(tmp_path, records, NearDuplicates()).table
    assert audit(tmp_path, records, NearDuplicates(), memory="1B", block=500).table.equals(whole)


def test_a_setting_out_of_range_is_refused():
    for name, value, expected in (
        ("min_similarity", 0, "in (0, 1]"),
        ("min_similarity", 1.1, "in (0, 1]"),
        ("min_tokens", 0, "at least 1"),
        ("bands", 0, "at least 1"),
        ("max_miss", 1.0, "in (0, 1)"),
        ("memory", "much", "a size such as 500MB or 2GB"),
        ("seed", -1, "in [0, 2**32)"),
    ):
        with pytest.raises(ValueError, match=re.escape(f"{name}: {value!r}; expected {expected}")):
            NearDuplicates(**{name: value})
    with pytest.raises(ValueError, match=r"method: 'guess' does not exist\. Available: auto, exact, minhash"):
        NearDuplicates(method="guess")


# -- bad input ------------------------------------------------------------------------------------------------------


def test_a_million_copies_of_one_text_take_linear_time():
    n = 1_000_000 if kernels.COMPILED else 100_000
    values = {"message_id": pa.array(np.arange(n)).cast(pa.string()), "line": pa.array(np.arange(n))}
    values["shingles"] = pa.LargeListArray.from_arrays(
        pa.array(np.arange(n + 1) * 3), pa.array(np.tile(np.uint64([1, 2, 3]), n))
    )
    for each in FACTS:
        same = (
            pa.scalar(7, each.type)
            if each.type == pa.int64()
            else pa.scalar([], each.type)
            if each.name in LISTS
            else None
        )
        values.setdefault(each.name, pa.nulls(n, each.type) if same is None else pa.repeat(same, n))
    values["source"] = pa.repeat("data.jsonl", n)
    rows = pa.table([values[name] for name in FACTS.names], schema=FACTS)
    began = time.process_time()
    results = list(NearDuplicates().compare(rows, in_turn(rows)))
    assert time.process_time() - began < 60
    (row,) = pa.concat_tables([result.findings for result in results]).to_pylist()
    assert facets(row) == {"count": str(n)}


def test_strange_texts_are_handled_and_fast(tmp_path):
    for name, strange in {
        "one word": "ha " * 100_000,
        "no spaces": "x" * 2_000_000,
        "punctuation": "?!" * 100_000,
        "surrogates": "\ud800" * 3,
        "one letter": "a",
        "NUL": "\x00" * 50,
        "one character": "字" * 200_000,
    }.items():
        records = [{"id": str(k), "text": body} for k, body in enumerate([strange, strange, LONG, LONG + " indeed"])]
        lines = [json.dumps(record) for record in records]  # a lone surrogate is written as an escape
        began = time.process_time()
        record = audit(tmp_path, lines, NearDuplicates())
        assert time.process_time() - began < 20, name
        assert ("near_copy", "3") in flagged(record), name


@pytest.mark.skipif(not kernels.COMPILED, reason="takes minutes without compiled kernels")
def test_a_text_of_50_megabytes_is_compared_in_seconds(tmp_path):
    body = " ".join(map(str, range(10**7, 10**7 + 5_600_000)))
    assert len(body) > 50_000_000
    began = time.process_time()
    (row,) = found(tmp_path, [{"id": "a", "text": body}, {"id": "b", "text": body + " end"}])
    assert time.process_time() - began < 60
    assert (row["rule"], row["message_id"]) == ("near_duplicates/near_copy", "b")
