"""Samples for people to label: drawn at random in strata, and their verdicts imported."""

import copy
import csv
import json
from collections import Counter
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from building import audit, conversation, message, nest, uid, write
from cases import case
from chataudit import Record
from chataudit.audit.run import run
from chataudit.audit.sample import COLUMNS, MAX_TEXT, draw, judged, strata_of
from chataudit.audit.sample import write as write_sample
from chataudit.checks.base.statistics.intervals import Stratum, true_rate
from chataudit.reports.rates import rows
from chataudit.reports.record import JUDGED, NOT_FLAGGED, Judgement, write_judgements
from chataudit.reports.redact import redacted
from planting import Fails, Planted, alone

FAULT, ODD = "planted/fault", "planted/odd"


def planted(tmp_path, *texts):
    return audit(tmp_path, alone(*texts), Planted())


def judgement(record, flagged, others):
    return Judgement({FAULT: flagged, NOT_FLAGGED: others}, 0, "2026-01-01T00:00:00+00:00", record.facts.digest)


def counted(drawn):
    return dict(Counter(each.stratum for each in drawn))


def table(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sampled(record, path, n=100, seed=1, sources=(), check="planted"):
    """Return the rows of a sample, as people see them."""
    write_sample(record, check, draw(record, check, n, seed), sources, path)
    return table(path)


def filled(path, rows, says, encoding="utf-8", **dialect):
    """Write the table as people hand it back: `says` gives their word for each row."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **dialect)
        writer.writeheader()
        writer.writerows({**row, "is_fault": says(row)} for row in rows)
    return path


def always(word):
    return lambda row: word


@pytest.fixture
def record(tmp_path):
    """Audit 20 messages: 4 faults, 2 odd ones, 14 fine."""
    return planted(tmp_path, *["FAULT"] * 4, *["ODD"] * 2, *["fine"] * 14)


# -- who is in which stratum -----------------------------------------------------------------------------------------


def test_a_message_is_in_the_stratum_of_its_worst_finding_and_a_note_is_none(tmp_path):
    record = planted(tmp_path, "FAULT ODD", "ODD REMARK", "REMARK", "fine", "SKIP it")
    parts, _ = strata_of(record, "planted")
    assert {name: part.tolist() for name, part in parts.items()} == {FAULT: [0], ODD: [1], NOT_FLAGGED: [2, 3]}


def test_a_skipped_message_is_never_drawn(tmp_path):
    record = planted(tmp_path, *["SKIP it"] * 10, *["fine"] * 10)
    assert {each.row for each in draw(record, "planted", 100, 1)} == set(range(10, 20))


def test_a_record_that_could_not_be_read_is_in_no_stratum(released):
    _, record = released
    parts, population = strata_of(record, "schema_invariants")
    assert "schema_invariants/unreadable_line" not in parts
    assert sum(map(len, parts.values())) == len(population) == record.facts.messages


def test_strata_of_the_demo_are_disjoint_and_contain_all_checked_messages(released):
    _, record = released
    for check in record.facts.checks:
        parts, _ = strata_of(record, check.name)
        together = np.concatenate(list(parts.values()))
        assert len(set(together.tolist())) == len(together) == check.checked


# -- how many of each ------------------------------------------------------------------------------------------------


def test_half_of_a_sample_is_flagged(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 50, *["fine"] * 50)
    assert counted(draw(record, "planted", 20, 1)) == {FAULT: 10, NOT_FLAGGED: 10}
    assert counted(draw(record, "planted", 21, 1)) == {FAULT: 10, NOT_FLAGGED: 11}
    assert counted(draw(record, "planted", 2, 1)) == {FAULT: 1, NOT_FLAGGED: 1}


def test_where_few_are_flagged_others_fill_the_sample_and_the_reverse(tmp_path):
    assert counted(draw(planted(tmp_path, *["FAULT"] * 3, *["fine"] * 50), "planted", 20, 1)) == {
        FAULT: 3,
        NOT_FLAGGED: 17,
    }
    assert counted(draw(planted(tmp_path, *["FAULT"] * 50, *["fine"] * 3), "planted", 20, 1)) == {
        FAULT: 17,
        NOT_FLAGGED: 3,
    }


def test_rules_get_their_shares_of_what_is_flagged(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 60, *["ODD"] * 30, *["fine"] * 100)
    assert counted(draw(record, "planted", 60, 1)) == {FAULT: 20, ODD: 10, NOT_FLAGGED: 30}


def test_a_rare_rule_gets_five(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 200, *["ODD"] * 8, *["fine"] * 100)
    assert counted(draw(record, "planted", 40, 1)) == {FAULT: 15, ODD: 5, NOT_FLAGGED: 20}


def test_a_rule_with_fewer_than_five_is_drawn_whole(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 200, *["ODD"] * 2, *["fine"] * 100)
    assert counted(draw(record, "planted", 40, 1)) == {FAULT: 18, ODD: 2, NOT_FLAGGED: 20}


def test_a_sample_too_small_for_five_of_each_keeps_to_shares(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 30, *["ODD"] * 10, *["fine"] * 40)
    assert counted(draw(record, "planted", 8, 1)) == {FAULT: 3, ODD: 1, NOT_FLAGGED: 4}


def test_a_sample_larger_than_the_data_is_all_of_them_once(record):
    drawn = draw(record, "planted", 1000, 1)
    assert sorted(each.row for each in drawn) == list(range(20))
    assert counted(drawn) == {FAULT: 4, ODD: 2, NOT_FLAGGED: 14}


def test_where_nothing_is_flagged_all_are_others_and_the_reverse(tmp_path):
    assert counted(draw(planted(tmp_path, *["fine"] * 9), "planted", 4, 1)) == {NOT_FLAGGED: 4}
    assert counted(draw(planted(tmp_path, *["FAULT"] * 9), "planted", 4, 1)) == {FAULT: 4}


def test_languages_and_roles_of_the_others_get_their_shares(tmp_path):
    tags = ["en"] * 60 + ["de"] * 30 + ["th"] * 10
    texts = [
        message(f"{k}", text="fine", lang=tag, message_tree_id=uid(str(k)), role=("prompter", "assistant")[k % 2])
        for k, tag in enumerate(tags)
    ]
    record = audit(tmp_path, texts, Planted())
    for seed in range(5):
        at = [each.row for each in draw(record, "planted", 20, seed)]
        assert Counter(tags[row] for row in at) == {"en": 12, "de": 6, "th": 2}
        assert Counter((tags[row], row % 2) for row in at)["en", 1] == 6


def test_every_message_of_a_stratum_is_as_likely(record):
    n = Counter(each.row for seed in range(400) for each in draw(record, "planted", 8, seed))
    # Of 4 flagged 3 are FAULT or so and all is drawn by size; of the 14 others each is in 4 of 14 samples.
    assert all(80 <= n[row] <= 150 for row in range(6, 20)), n  # 114 expected, standard deviation 9
    assert max(n[row] for row in range(4)) - min(n[row] for row in range(4)) < 60


def test_the_same_seed_draws_the_same_and_another_another(record):
    assert draw(record, "planted", 10, 3) == draw(record, "planted", 10, 3)
    assert draw(record, "planted", 10, 3) != draw(record, "planted", 10, 4)


def test_the_order_does_not_reveal_what_was_flagged(record):
    strata = [each.stratum for each in draw(record, "planted", 20, 1)]
    assert strata != sorted(strata)
    assert strata != sorted(strata, reverse=True)


# -- what cannot be drawn --------------------------------------------------------------------------------------------


def test_a_check_that_was_not_run_failed_or_checked_nothing_gives_no_sample(tmp_path):
    record = audit(tmp_path, alone("SKIP it"), Planted(), Fails())
    with pytest.raises(LookupError, match="check 'near_duplicates' was not run; this audit ran planted, fails"):
        draw(record, "near_duplicates", 10, 1)
    with pytest.raises(ValueError, match="fails did not finish in this audit, so there is nothing to judge"):
        draw(record, "fails", 10, 1)
    with pytest.raises(ValueError, match="planted checked no message in this audit, so there is nothing to judge"):
        draw(record, "planted", 10, 1)


@pytest.mark.parametrize("n", [1, 0, -5])
def test_a_sample_of_fewer_than_two_is_refused(record, n):
    with pytest.raises(ValueError, match=f"-n: {n} is below 2; draw at least one flagged message and one other"):
        draw(record, "planted", n, 1)


def test_a_redacted_audit_gives_no_table(record, tmp_path):
    hidden = redacted(record)
    with pytest.raises(ValueError, match="this audit is redacted: its hashed ids match no message"):
        write_sample(hidden, "planted", draw(hidden, "planted", 4, 1), (), tmp_path / "s.csv")
    assert not (tmp_path / "s.csv").exists()


def test_a_source_that_moved_is_named_and_one_that_changed_is_refused(record, tmp_path):
    moved = (tmp_path / "data.jsonl").rename(tmp_path / "elsewhere.jsonl")
    drawn = draw(record, "planted", 4, 1)
    with pytest.raises(LookupError, match=r"data\.jsonl"):
        write_sample(record, "planted", drawn, (), tmp_path / "s.csv")
    write_sample(record, "planted", drawn, [str(moved)], tmp_path / "s.csv")
    assert {row["source"] for row in table(tmp_path / "s.csv")} == {str(tmp_path / "data.jsonl")}
    with moved.open("ab") as file:
        file.write(b"\n")
    with pytest.raises(LookupError, match="Pass all files of the audit unchanged, or audit them again"):
        write_sample(record, "planted", drawn, [str(moved)], tmp_path / "t.csv")


def test_a_table_is_not_written_over(record, tmp_path):
    (tmp_path / "s.csv").write_text("hours of work")
    with pytest.raises(FileExistsError):
        write_sample(record, "planted", draw(record, "planted", 4, 1), (), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_text() == "hours of work"


# -- what people are shown -------------------------------------------------------------------------------------------


def test_a_row_contains_the_message_its_parent_and_the_findings(tmp_path):
    tree = [message("a", text="Why?"), message("a1", "a", text="ODD FAULT"), message("a2", "a", text="fine")]
    by_id = {row["message_id"]: row for row in sampled(audit(tmp_path, tree, Planted()), tmp_path / "s.csv")}
    source = str(tmp_path / "data.jsonl")
    where = {"check": "planted", "source": source, "lang": "en", "is_fault": ""}
    assert by_id[uid("a1")] == where | {
        "stratum": FAULT,
        "message_id": uid("a1"),
        "line": "2",
        "role": "assistant",
        "text": "ODD FAULT",
        "above": "Why?",
        "finding": "It says ODD FAULT; It says ODD FAULT",
    }
    root = by_id[uid("a")]
    assert (root["stratum"], root["above"], root["finding"], root["text"]) == (NOT_FLAGGED, "", "", "Why?")
    assert tuple(root) == COLUMNS


def test_records_of_several_formats_in_one_file_are_read_as_the_audit_did(tmp_path):
    said = [{"role": "user", "content": "How high is it?"}, {"role": "assistant", "content": "FAULT 330 metres"}]
    rows = [{"instruction": "Name a river", "output": "The Rhine"}, {"instruction": "Name a lake", "output": "Baikal"}]
    record = audit(tmp_path, [*rows, {"messages": said}], Planted())
    texts = [(row["text"], row["above"]) for row in sampled(record, tmp_path / "s.csv") if row["stratum"] == FAULT]
    assert texts == [("FAULT 330 metres", "How high is it?")]


def test_no_cell_is_a_formula(tmp_path):
    for number, word in enumerate(["=1+1", "+1", "-1", "@sum", "\tx", "\rx"]):
        with case(word):
            record = audit(
                tmp_path, [message(word, message_id=word, message_tree_id=word, text=f"{word} FAULT")], Planted()
            )
            (row,) = sampled(record, tmp_path / f"{number}.csv")
            assert row["text"] == f"'{word} FAULT"
            assert row["message_id"] == f"'{word}"


def test_ids_that_look_like_formulas_are_read_back(tmp_path):
    names = ["=1+1", "-1", "'", "'tis", "plain", "a,b", 'q"q', "new\nline"]
    tree = [message(name, message_id=name, message_tree_id=name, text="FAULT") for name in names]
    record = audit(tmp_path, tree, Planted())
    rows = sampled(record, tmp_path / "s.csv")
    back = judged(record, filled(tmp_path / "s.csv", rows, always("yes")))
    assert back["planted"].strata == {FAULT: Stratum(8, 8, 8, True)}


def test_an_id_that_looks_like_a_guarded_formula_is_read_back(tmp_path):
    record = audit(tmp_path, [message("a", message_id="'=2", message_tree_id="'=2", text="FAULT")], Planted())
    rows = sampled(record, tmp_path / "s.csv")
    back = judged(record, filled(tmp_path / "s.csv", rows, always("yes")))
    assert back["planted"].strata == {FAULT: Stratum(1, 1, 1, True)}


def test_a_message_without_an_id_is_named_by_its_line(tmp_path):
    record = audit(tmp_path, [message("a", message_id=None, text="FAULT"), message("b", text="fine")], Planted())
    rows = sampled(record, tmp_path / "s.csv")
    assert {row["text"] for row in rows} == {"FAULT", "fine"}
    back = judged(record, filled(tmp_path / "s.csv", rows, always("yes")))
    assert back["planted"].strata == {FAULT: Stratum(1, 1, 1, True), NOT_FLAGGED: Stratum(1, 1, 1, False)}


def test_texts_with_commas_quotes_line_ends_and_half_characters_keep_to_their_cell(tmp_path):
    texts = ["a,b;c", 'say "no"', "two\nlines\r\nand more", "half \ud83d", "nul \x00 in it", "naïve 日本"]
    raw = [json.dumps(row) for row in alone(*texts)]
    rows = sampled(audit(tmp_path, raw, Planted()), tmp_path / "s.csv")
    assert len(rows) == len(texts)
    reported = {row["text"] for row in rows}
    assert {texts[0], texts[1], texts[2], texts[5]} <= reported


def test_a_long_text_is_cut_visibly(tmp_path):
    (row,) = sampled(planted(tmp_path, "x" * (MAX_TEXT + 1)), tmp_path / "s.csv")
    assert row["text"] == "x" * MAX_TEXT + "…"
    (tmp_path / "s.csv").unlink()
    (row,) = sampled(planted(tmp_path, "x" * MAX_TEXT), tmp_path / "s.csv")
    assert row["text"] == "x" * MAX_TEXT


def test_messages_of_two_files_with_the_same_ids_are_distinguished(tmp_path):
    (tmp_path / "d").mkdir()
    write(tmp_path / "d" / "one.jsonl", [message("a", text="FAULT one")])
    write(tmp_path / "d" / "two.jsonl", [message("a", text="fine two")])
    record = run(tmp_path / "d", checks=[Planted()], engine="serial")
    rows = sampled(record, tmp_path / "s.csv")
    assert {(Path(row["source"]).name, row["text"]) for row in rows} == {
        ("one.jsonl", "FAULT one"),
        ("two.jsonl", "fine two"),
    }


# -- verdicts --------------------------------------------------------------------------------------------------------


def test_yes_and_no_are_known_in_many_forms(record, tmp_path):
    cases = [
        *((word, 4) for word in ("yes", "YES", " y ", "Y", "1", "true", "TRUE", "x")),
        *((word, 0) for word in ("no", "N", "0", "false", " No")),
    ]
    for number, (word, faults) in enumerate(cases):
        with case(word, faults):
            path = tmp_path / f"{number}.csv"
            filled(path, sampled(record, path), always(word))
            said = judged(record, path)["planted"]
            assert (said.strata[FAULT], said.n_open) == (Stratum(4, 4, faults, True), 0)


def test_rows_left_open_are_counted_and_not_drawn(record, tmp_path):
    path = tmp_path / "s.csv"
    filled(path, sampled(record, path), lambda row: "yes" if row["stratum"] == FAULT else " ")
    said = judged(record, path)["planted"]
    assert said.strata == {
        FAULT: Stratum(4, 4, 4, True),
        ODD: Stratum(2, 0, 0, True),
        NOT_FLAGGED: Stratum(14, 0, 0, False),
    }
    assert said.n_open == 16


@pytest.mark.parametrize("word", ["maybe", "?", "ja", "2", "yes no"])
def test_another_word_is_refused_with_its_line(record, tmp_path, word):
    path = tmp_path / "s.csv"
    rows = sampled(record, path)
    filled(path, rows, lambda row: word if row is rows[2] else "no")
    with pytest.raises(ValueError, match=r"s\.csv:4: is_fault is '.*'; expected yes, no, or an empty cell"):
        judged(record, path)


def test_a_duplicate_row_is_refused(record, tmp_path):
    path = tmp_path / "s.csv"
    rows = sampled(record, path)
    filled(path, [*rows, rows[0]], always("no"))
    with pytest.raises(ValueError, match=r"s\.csv:22: message '.*' is a duplicate"):
        judged(record, path)


def test_a_row_of_another_audit_is_refused(record, tmp_path):
    path = tmp_path / "s.csv"
    filled(path, sampled(record, path), always("no"))
    (tmp_path / "other").mkdir()
    other = planted(tmp_path / "other", *["FAULT"] * 4, *["fine"] * 16)
    with pytest.raises(ValueError, match="Use the audit that the sample was drawn from"):
        judged(other, path)


def test_a_stratum_that_somebody_changed_is_refused(record, tmp_path):
    path = tmp_path / "s.csv"
    rows = [row | {"stratum": NOT_FLAGGED} for row in sampled(record, path)]
    filled(path, rows, always("no"))
    with pytest.raises(ValueError, match="is not in stratum 'not flagged' of this audit"):
        judged(record, path)


def test_a_check_that_the_audit_did_not_run_is_refused(record, tmp_path):
    path = tmp_path / "s.csv"
    filled(path, [row | {"check": "lang_mismatch"} for row in sampled(record, path)], always("no"))
    with pytest.raises(LookupError, match="check 'lang_mismatch' was not run; this audit ran planted"):
        judged(record, path)


def test_columns_that_nobody_needs_may_go_and_may_come_in_any_order(record, tmp_path):
    path = tmp_path / "s.csv"
    needed = ("line", "source", "message_id", "check", "stratum", "is_fault")
    rows = [{name: row[name] for name in needed} | {"remark": "hm"} for row in sampled(record, path)]
    assert judged(record, filled(path, rows, always("no")))["planted"].n_open == 0


def test_a_column_that_is_needed_and_gone_is_named(record, tmp_path):
    for name in COLUMNS[:6]:
        with case(name):
            path = tmp_path / f"{name}.csv"
            rows = [{key: value for key, value in row.items() if key != name} for row in sampled(record, path)]
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
            words = f"no column '{name}'; expected a CSV file written by `chataudit sample`"
            with pytest.raises(ValueError, match=words):
                judged(record, path)


def test_a_byte_order_mark_and_line_ends_of_windows_are_read(record, tmp_path):
    path = tmp_path / "s.csv"
    filled(path, sampled(record, path), always("yes"), encoding="utf-8-sig", lineterminator="\r\n")
    assert judged(record, path)["planted"].strata[NOT_FLAGGED] == Stratum(14, 14, 14, False)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_table_with_semicolons_or_tabs_is_read(record, tmp_path, delimiter):
    path = tmp_path / "s.csv"
    filled(path, sampled(record, path), always("yes"), delimiter=delimiter)
    assert judged(record, path)["planted"].strata[FAULT] == Stratum(4, 4, 4, True)


def test_what_is_no_table_is_refused(record, tmp_path):
    with pytest.raises(LookupError, match=r"none\.csv: no such file"):
        judged(record, tmp_path / "none.csv")
    for raw in (b"", b"\xff\xfe\x00", b"a,b\n1,2\n"):
        (tmp_path / "s.csv").write_bytes(raw)
        with pytest.raises(ValueError, match=r"s\.csv"):
            judged(record, tmp_path / "s.csv")


def test_a_cell_longer_than_the_reader_allows_is_named(record, tmp_path):
    path = tmp_path / "s.csv"
    rows = sampled(record, path)
    filled(path, [row | {"text": "x" * 200_000} for row in rows], always("no"))
    with pytest.raises(ValueError, match="not a CSV file in UTF-8"):
        judged(record, path)


# -- verdicts are kept -----------------------------------------------------------------------------------------------


def test_verdicts_are_kept_beside_the_record_and_read_back(record, tmp_path):
    path = tmp_path / "s.csv"
    filled(path, sampled(record, path), lambda row: "yes" if row["stratum"] == FAULT else "no")
    record.write(tmp_path / "a")
    write_judgements(tmp_path / "a", judged(record, path))
    back = Record.read(tmp_path / "a")
    assert back.judgements["planted"].strata == {
        FAULT: Stratum(4, 4, 4, True),
        ODD: Stratum(2, 2, 0, True),
        NOT_FLAGGED: Stratum(14, 14, 0, False),
    }
    (row, *_) = rows(back)
    # All were labelled: 4 of 20 are faults, and there is nothing left to chance.
    assert tuple(row.corrected) == pytest.approx((0.2, 0.2, 0.2))
    assert back.rates()["corrected"][0] == pytest.approx(0.2)
    assert "the rate is 20.0 % (all messages were labelled)" in back.limitations()


def test_an_audit_that_is_copied_takes_its_verdicts_along(record, tmp_path):
    kept = copy.copy(record)
    kept.judgements = MappingProxyType({"planted": judgement(record, Stratum(6, 6, 6, True), Stratum(14, 2, 0, False))})
    kept.write(tmp_path / "a")
    assert Record.read(tmp_path / "a").judgements == dict(kept.judgements)
    record.write(tmp_path / "b")
    assert not (tmp_path / "b" / JUDGED).exists()


def test_verdicts_that_cannot_be_read_are_named(record, tmp_path):
    record.write(tmp_path / "a")
    (tmp_path / "a" / JUDGED).write_text('{"planted": 3}')
    with pytest.raises(ValueError, match=r"judged\.json: could not be read .* Import the labels again"):
        Record.read(tmp_path / "a")


def test_an_audit_that_replaces_another_does_not_inherit_its_verdicts(record, tmp_path):
    kept = copy.copy(record)
    kept.judgements = MappingProxyType({"planted": judgement(record, Stratum(6, 6, 6, True), Stratum(14, 2, 0, False))})
    kept.write(tmp_path / "a")
    planted(tmp_path, "fine", "fine").write(tmp_path / "a", replace=True)
    assert not Record.read(tmp_path / "a").judgements


def test_a_redacted_audit_keeps_its_verdicts(record, tmp_path):
    kept = copy.copy(record)
    kept.judgements = MappingProxyType({"planted": judgement(record, Stratum(6, 6, 6, True), Stratum(14, 2, 0, False))})
    hidden = redacted(kept)
    hidden.write(tmp_path / "r")
    assert hidden.facts.digest != record.facts.digest
    assert Record.read(tmp_path / "r").judgements == {
        "planted": judgement(hidden, Stratum(6, 6, 6, True), Stratum(14, 2, 0, False))
    }


def test_verdicts_on_another_audit_are_left_out(record, tmp_path):
    record.write(tmp_path / "a")
    other = planted(tmp_path, "FAULT", "fine")
    verdicts = {
        "planted": judgement(other, Stratum(1, 1, 1, True), Stratum(1, 1, 0, False)),
        "own": judgement(record, Stratum(6, 6, 6, True), Stratum(14, 2, 0, False)),
    }
    write_judgements(tmp_path / "a", verdicts)
    assert Record.read(tmp_path / "a").judgements == {"own": verdicts["own"]}


# -- from end to end -------------------------------------------------------------------------------------------------


def test_intervals_of_a_sample_of_known_truth_contain_the_truth(tmp_path):
    # 600 messages, 60 of them flagged. 45 of these are bad, and 27 others, which the check missed: precision .75,
    # recall 45 / 72 = .625, rate 72 / 600 = .12.
    texts = ["FAULT bad"] * 30 + ["FAULT"] * 10 + ["ODD bad"] * 15 + ["ODD"] * 5 + ["fine bad"] * 27 + ["fine"] * 513
    record = planted(tmp_path, *texts)
    inside = Counter()
    for seed in range(10):
        path = tmp_path / f"{seed}.csv"
        drawn = sampled(record, path, n=120, seed=seed)
        assert Counter(row["stratum"] for row in drawn) == {FAULT: 40, ODD: 20, NOT_FLAGGED: 60}
        filled(path, drawn, lambda row: "yes" if "bad" in row["text"] else "no")
        strata = judged(record, path)["planted"].strata
        estimates = true_rate(list(strata.values()))
        assert estimates.precision.value == 0.75  # all that were flagged are in the sample
        for name, truth in (("precision", 0.75), ("recall", 0.625), ("rate", 0.12)):
            estimate = getattr(estimates, name)
            inside[name] += estimate.low <= truth <= estimate.high
        missed = strata[NOT_FLAGGED].faults
        assert estimates.rate.value == pytest.approx((45 + 540 * missed / 60) / 600)
    assert inside["precision"] == 10
    assert min(inside.values()) >= 8


def test_trees_of_several_messages_and_nested_files_are_sampled_too(tmp_path):
    trees = [nest(conversation(f"t{k}", 2, text="FAULT" if k % 2 else "fine")) for k in range(6)]
    rows = sampled(audit(tmp_path, trees, Planted()), tmp_path / "s.csv", n=8)
    assert Counter(row["stratum"] for row in rows) == {FAULT: 4, NOT_FLAGGED: 4}
    assert all(row["text"] == ("FAULT" if row["stratum"] == FAULT else "fine") for row in rows)
    assert all((row["above"] != "") == (row["role"] == "assistant") for row in rows)
