import random
import re
from itertools import pairwise
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from building import audit, conversation, message, pages, seen, shown, uid, unpacked
from cases import case
from chataudit.checks.base.findings import FINDINGS
from chataudit.reports.baseline import Baseline
from chataudit.reports.page import payload
from chataudit.reports.page.payload import Limits
from chataudit.reports.record import THREADS, Count, Record, RuleFacts

NOTE, WARNING, ERROR = 1, 2, 3
SPAN = {"source": "data.jsonl", "line": 1, "id": "a", "start": 0, "end": 4, "at": 0}
SPAN |= {"before": "", "quote": "some", "after": "", "role": "prompter", "lang": "en"}


def report(record, *limits, **more):
    return pages(record, Limits(*limits), **more)["report.html"]


def finding(k, severity=NOTE, check="one", **more):
    """Make up the finding of a message called mK; `more` sets its fields."""
    row = {
        "check": check,
        "rule": f"{check}/rule",
        "severity": severity,
        "tree_id": "t",
        "message_id": f"m{k}",
        "summary": f"What was found in {k}",
        "score": 0.5,
        "spans": [SPAN],
        "facets": {},
        "fingerprint": f"{k:016x}",
        "source": "data.jsonl",
        "line": k,
        "role": "prompter",
        "lang": "en",
        "created_date": "2023-02-07T17:29:24+00:00",
        **more,
    }
    return {**row, "facets": list(row["facets"].items())}


@pytest.fixture
def made(tmp_path):
    """Return a maker of records of given findings; all else in them is that of a small audit."""
    facts = audit(tmp_path, [message("a"), message("b", "a")], "schema_invariants").facts
    coverage = [Count("checked", "en", "prompter", "data.jsonl", 100_000)]

    def make(rows, threads=()):
        counts = {}
        for row in rows:
            counts[row["check"]] = counts.get(row["check"], 0) + 1
        checks = [
            msgspec.structs.replace(
                facts.checks[0],
                name=name,
                coverage=coverage,
                rules=[RuleFacts(f"{name}/rule", "Title", ERROR, "Do.", n)],
            )
            for name, n in sorted(counts.items())
        ]
        table, around = pa.Table.from_pylist(rows, FINDINGS), pa.Table.from_pylist(list(threads), THREADS)
        edited = msgspec.structs.replace(facts, checks=checks, days={"2023-02-07": 100_000})
        return Record(edited, table, around, seen(100_000, sorted(counts)))

    return make


def ids(html):
    return [row["id"] for row in shown(html)]


# -- which findings are on the page ------------------------------------------------------------------------------------


def test_the_worst_come_first_and_then_the_order_of_the_record(made):
    rows = [finding(k, severity) for k, severity in enumerate((NOTE, ERROR, WARNING, ERROR, NOTE, WARNING))]
    assert ids(report(made(rows))) == ["m1", "m3", "m2", "m5", "m0", "m4"]


def test_of_each_check_the_worst_are_kept_and_the_rest_is_counted(made):
    rows = [finding(k, WARNING if k % 2 else NOTE) for k in range(6)] + [finding(9, NOTE, "two")]
    html = report(made(rows), 30, 4)
    assert ids(html) == ["m1", "m3", "m5", "m0", "m9"]
    (reported,) = re.findall('<p class="left-out">(.*?)</p>', html)
    assert reported == (
        "Left out: the 2 mildest findings of one, as the page shows 4 of each check. All are in findings.parquet."
    )


def test_none_of_a_check_may_be_asked_for(made):
    html = report(made([finding(k) for k in range(3)]), 30, 0)
    assert ids(html) == []
    assert "Left out: the 3 mildest findings of one, as the page shows 0 of each check" in html


def test_a_record_without_findings_has_an_empty_list(made):
    html = report(made([]))
    assert ids(html) == []
    assert set(unpacked(html)) == {"index"}
    assert 'class="left-out"' not in html


def test_a_page_below_a_megabyte_or_without_a_limit_is_refused():
    for wrong in [0.99, 0, -1, 1000.1, float("nan"), float("inf"), float("-inf")]:
        with case(wrong):
            expected = f"max_report_mb: {wrong}; expected 1 to 1000 (an empty report is 0.2 MB)"
            with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
                Limits(max_mb=wrong)


def test_fewer_findings_than_none_are_refused():
    with pytest.raises(ValueError, match="max_report_findings: -1 is below 0"):
        Limits(per_check=-1)
    assert Limits(1, 0) == Limits(max_mb=1, per_check=0)


# -- how large it grows ------------------------------------------------------------------------------------------------


def noise(n, seed):
    """Make up words that do not shrink."""
    return random.Random(seed).randbytes(n // 2).hex()


def test_what_does_not_fit_is_left_out_worst_kept_and_counted(made):
    spans = [[{**SPAN, "id": f"m{k}", "quote": noise(600, k)}] for k in range(3000)]
    rows = [finding(k, ERROR if k >= 1500 else NOTE, spans=spans[k]) for k in range(3000)]
    html = report(made(rows), 1)
    found = shown(html)
    assert len(html.encode()) <= 1_000_000
    assert [row["id"] for row in found[:2]] == ["m1500", "m1501"]
    kept = [row for row in found if "spans" in row]
    # Whole chunks from the beginning.
    assert 500 <= len(kept) < len(found) == 3000
    assert kept == found[: len(kept)]
    assert len(kept) % payload.CHUNK == 0
    reported = re.findall('<p class="left-out">(.*?)</p>', html)
    words = "mildest findings, which would exceed the limit of 1 MB. See"
    left = f"{3000 - len(kept):,} {words}"
    assert f"Left out: the evidence of the {left} findings.parquet, or raise --max-report-mb." in reported
    assert any(
        re.match(f"Left out: the conversations of the [12],\\d00 {words} threads.parquet", line) for line in reported
    )


def test_where_no_evidence_fits_a_note_states_it_without_a_number(made):
    rows = [finding(k, spans=[{**SPAN, "id": f"m{k}", "quote": noise(4000, k)}]) for k in range(600)]
    html = report(made(rows), 1)
    assert len(html.encode()) <= 1_000_000
    assert set(unpacked(html)) == {"index"}
    assert re.findall('<p class="left-out">(.*?)</p>', html) == [
        "Left out: the evidence, which would exceed the limit of 1 MB. See findings.parquet, or raise --max-report-mb.",
        "Left out: the conversations, which would exceed the limit of 1 MB. See threads.parquet, or raise "
        "--max-report-mb.",
    ]


def test_a_page_of_a_megabyte_stays_within_it_where_thousands_are_found(tmp_path):
    rows = [row for k in range(5000) for row in conversation(str(k), replies=1, text=" ")]
    html = report(audit(tmp_path, rows, "schema_invariants"), 1)
    assert 500_000 < len(html.encode()) <= 1_000_000
    found = shown(html)
    assert 5000 < len(found) <= 10_000
    assert "path" not in found[-1]
    assert re.findall('<p class="left-out">(.*?)</p>', html)
    assert all(a["severity"] >= b["severity"] for a, b in pairwise(found))


def test_an_index_of_findings_that_do_not_fit_keeps_the_worst(made):
    rows = [finding(k, ERROR if k == 1999 else NOTE, summary=noise(1000, k)) for k in range(2000)]
    html = report(made(rows), 1)
    assert len(html.encode()) <= 1_000_000
    assert ids(html)[:2] == ["m1999", "m0"]
    assert 100 < len(ids(html)) < 2000
    left = 2000 - len(ids(html))
    words = "mildest findings, which would exceed the limit of 1 MB. See findings.parquet"
    assert f"Left out: the {left:,} {words}, or raise --max-report-mb." in html


def test_the_same_record_makes_the_same_page_byte_for_byte(released):
    _, record = released
    again = Record(
        record.facts,
        record.table.slice(0),
        pa.concat_tables([record.threads.slice(0, 3), record.threads[3:]]),
        record.messages,
    )
    assert pages(record) == pages(again)


# -- evidence ----------------------------------------------------------------------------------------------------------


def test_evidence_comes_back_as_it_is_in_the_record(released):
    _, record = released
    rows = record.table.to_pylist(maps_as_pydicts="strict")
    found = {row["fingerprint"]: row for row in shown(report(record))}
    assert len(found) == len(rows) > 50
    for row in rows:
        row["source"] = Path(row["source"]).name
        for span in row["spans"]:
            span["source"] = Path(span["source"]).name
        reported = found[row["fingerprint"]]
        assert reported["id"] == row["message_id"]
        assert reported["facets"] == row["facets"]
        for name in ("rule", "severity", "tree_id", "role", "lang", "created_date", "source", "line", "summary"):
            assert (
                reported[name] == row[name].replace("\x07", "⟦U+0007⟧")
                if isinstance(row[name], str)
                else row[name] == reported[name]
            )
        for span, other in zip(reported["spans"], row["spans"], strict=True):
            hidden = {"\x07": "⟦U+0007⟧", "\u200b": "⟦U+200B⟧"}
            expected = {key: shown_as(value, hidden) for key, value in other.items()}
            assert span == expected


def shown_as(value, hidden):
    for letter, written in hidden.items():
        value = value.replace(letter, written) if isinstance(value, str) else value
    return value


def test_ids_come_back_whether_they_are_the_findings_own_another_or_absent(made):
    rows = [
        finding(1, tree_id="m1", facets={"partner": "m2", "cluster": "m1"}, spans=[{**SPAN, "id": "m1"}]),
        finding(
            2, tree_id=None, facets={"partner": "m1", "n": "7"}, spans=[{**SPAN, "id": "m1"}, {**SPAN, "id": "m2"}]
        ),
        finding(3, message_id=None, tree_id=None, spans=[{**SPAN, "id": "line 3"}]),
        finding(4, message_id=None, tree_id="m1", spans=[]),
        finding(5, tree_id="m5", created_date=None, role=None, lang=None, spans=[{**SPAN, "id": None, "role": None}]),
    ]
    found = shown(report(made(rows)))
    assert [row["id"] for row in found] == ["m1", "m2", None, None, "m5"]
    assert [row["tree_id"] for row in found] == ["m1", None, None, "m1", "m5"]
    assert [[span["id"] for span in row["spans"]] for row in found] == [["m1"], ["m1", "m2"], ["line 3"], [], [None]]
    assert [row["facets"] for row in found[:3]] == [{"partner": "m2", "cluster": "m1"}, {"partner": "m1", "n": "7"}, {}]
    assert (found[4]["created_date"], found[4]["role"], found[4]["lang"]) == (None, None, None)


def test_evidence_is_right_past_the_first_chunk(made):
    rows = [
        finding(k, spans=[{**SPAN, "id": f"m{k}", "quote": str(k)}] * (k % 3), facets={"n": str(k)})
        for k in range(1203)
    ]
    found = shown(report(made(rows)))
    assert [[span["quote"] for span in row["spans"]] for row in found] == [[str(k)] * (k % 3) for k in range(1203)]
    assert [row["facets"] for row in found] == [{"n": str(k)} for k in range(1203)]
    assert {"e0", "e1", "e2", "t0", "t1", "t2"} < set(unpacked(report(made(rows))))


def test_hidden_characters_are_made_visible_in_every_column(made):
    odd, expected = "a\u202eb", "a⟦U+202E⟧b"
    span = {**SPAN, **dict.fromkeys(("source", "id", "before", "quote", "after", "role", "lang"), odd)}
    names = ("message_id", "tree_id", "summary", "source", "role", "lang", "created_date")
    row = finding(1, spans=[span], facets={odd: odd}, **dict.fromkeys(names, odd))
    (found,) = shown(report(made([row])))
    assert {found[name] for name in ("id", "tree_id", "summary", "source", "role", "lang", "created_date")} == {
        expected
    }
    assert found["facets"] == {expected: expected}
    assert {found["spans"][0][name] for name in span if isinstance(span[name], str)} == {expected}
    assert "\u202e" not in report(made([row]))


def test_a_score_is_written_in_thousandths(made):
    rows = [finding(k, score=score) for k, score in enumerate((0.0, 0.1234, 1.0))]
    assert [row["score"] for row in shown(report(made(rows)))] == [0, 123, 1000]


def test_facets_that_many_findings_share_can_be_chosen_from_a_list_and_ids_cannot(made):
    rows = [finding(k, facets={"partner": f"p{k}", "kind": "exact" if k % 2 else "edited"}) for k in range(40)]
    found = shown(report(made(rows)))
    assert [row["listed"] for row in found[:2]] == [["kind=edited"], ["kind=exact"]]
    assert unpacked(report(made(rows)))["index"]["words"]["facet"] == ["kind=edited", "kind=exact"]
    assert found[39]["facets"] == {"partner": "p39", "kind": "exact"}


def test_a_finding_is_new_if_the_baseline_has_not_its_fingerprint(made):
    rows = [finding(k) for k in range(3)]
    older, newer = made(rows[1:]), made(rows)
    html = report(newer, baseline=Baseline.of(older, newer))
    assert [row["isNew"] for row in shown(html)] == [True, False, False]
    assert "isNew" not in unpacked(report(made(rows)))["index"]["columns"]


def test_titles_advice_and_the_meaning_of_facets_come_with_the_rules(released):
    _, record = released
    index = unpacked(report(record))["index"]
    about = dict(zip(index["words"]["rule"], index["rules"], strict=True))
    assert about["schema_invariants/role_alternation"]["title"] == "Reply has the same role as its parent"
    assert about["near_duplicates/near_copy"]["facets"]["partner"] == "copied message"


# -- conversations -----------------------------------------------------------------------------------------------------


def conversations(tmp_path, rows, rule):
    """Return path, siblings and so on of each finding of a rule, with short names."""
    names = {uid(name): name for name in "abcdefgh"}
    found = [row for row in shown(report(audit(tmp_path, rows, "schema_invariants"))) if row["rule"].endswith(rule)]
    reported = []
    for row in found:
        path, siblings = ([names.get(key, key) for key in row[part]] for part in ("path", "siblings"))
        reported.append((path, siblings, names.get(row["above"], row["above"]), row["circle"]))
    return reported


def test_a_finding_shows_the_way_from_the_root_and_its_siblings(tmp_path):
    rows = [message("a"), message("b", "a"), message("c", "b", "prompter"), message("d", "c", text=" ")]
    rows += [message("e", "c"), message("f", "b", "prompter")]
    assert conversations(tmp_path, rows, "empty_text") == [(["a", "b", "c", "d"], ["e"], None, False)]


def test_a_link_that_leads_nowhere_is_named(tmp_path):
    rows = [message("a"), message("b", "a"), message("c", "h", "prompter"), message("d", "c")]
    assert conversations(tmp_path, rows, "dangling_parent") == [(["c"], [], "h", False)]


def test_a_circle_ends(tmp_path):
    rows = [message("a"), message("b", "c"), message("c", "b", "prompter"), message("d", "d")]
    assert conversations(tmp_path, rows, "cycle") == [(["c", "b"], [], None, True)]
    assert conversations(tmp_path, rows, "self_parent") == [(["d"], [], None, True)]


def test_a_message_without_an_id_has_its_conversation_too(tmp_path):
    rows = [message("a"), message("b", "a", message_id=None, text=" "), message("c", "a")]
    assert conversations(tmp_path, rows, "empty_text") == [(["a", "line 2, without id"], ["c"], None, False)]


def test_a_record_that_could_not_be_read_has_no_conversation(tmp_path):
    assert conversations(tmp_path, [message("a"), "{"], "unreadable_line") == [([], [], None, False)]


# -- what was wrong once -----------------------------------------------------------------------------------------------


def test_a_page_stays_within_its_limit_where_the_worst_findings_have_the_longest_ids(made):
    rows = [finding(k, ERROR, message_id=noise(4000, k)) for k in range(400)]
    rows += [finding(k) for k in range(400, 12_400)]
    assert len(report(made(rows), 1).encode()) <= 1_000_000


def test_a_page_that_is_filled_to_its_limit_stays_within_it(made):
    rows = [finding(k, spans=[{**SPAN, "id": f"m{k}", "quote": noise(200, k)}]) for k in range(9000)]
    assert len(report(made(rows), 1.2877).encode()) <= 1_287_700


def test_of_a_long_thread_and_of_many_siblings_the_page_has_the_nearest(tmp_path):
    tree = {"message_tree_id": uid("0")}
    roles = ("prompter", "assistant")
    rows = [message(str(k), str(k - 1) if k else None, roles[k % 2], **tree) for k in range(119)]
    rows.append(message("119", "118", "assistant", text="\x07", **tree))
    rows += [message(f"s{k}", "0", text="\x07" if k == 30 else "x", **tree) for k in range(60)]
    found = shown(report(audit(tmp_path, rows, "schema_invariants")))
    by_id = {row["id"]: row for row in found if row["rule"].endswith("control_characters")}
    assert by_id[uid("119")]["path"] == [uid(str(k)) for k in range(69, 120)]
    assert by_id[uid("119")]["above"] == uid("68")
    assert len(by_id[uid("s30")]["siblings"]) == 20
