"""Statements for papers and cards: no more than was measured, and no stranger's markup among them."""

import copy
import gzip
import json
import re
import shutil
import subprocess
import unicodedata
from types import MappingProxyType

import pyarrow.compute as pc
import pytest
import yaml
from building import audit, conversation, message, uid, write
from chataudit.audit.run import run
from chataudit.checks.base.places import place_keys
from chataudit.checks.base.statistics.intervals import Stratum
from chataudit.reports.record import NOT_FLAGGED, Judgement
from chataudit.reports.statements.card import BEGIN, END, card
from chataudit.reports.statements.croissant import croissant
from chataudit.reports.statements.datasheet import datasheet
from chataudit.reports.statements.latex import latex
from chataudit.reports.statements.latex import plain as tex
from chataudit.reports.statements.limitations import BEYOND, INTERVALS, UNCORRECTED, _once, limitations, markdown
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from planting import Fails, Planted, alone

FORMS = ("markdown", "latex", "card", "croissant", "datasheet")


def statements_of(record, *installed):
    """Return the statements about the only check of an audit."""
    (check,) = limitations(record, installed).checks
    return check


def planted(tmp_path, *texts, **settings):
    return audit(tmp_path, alone(*texts), Planted(**settings))


def sampled(record, n_open=0, **strata):
    """Add what people said to a record: `fault=(size, drawn, faults)`, `quiet=...`; `n_open` without a verdict."""
    named = {NOT_FLAGGED if name == "quiet" else f"planted/{name}": sizes for name, sizes in strata.items()}
    kept = {name: Stratum(*sizes, name != NOT_FLAGGED) for name, sizes in named.items()}
    record = copy.copy(record)
    verdicts = Judgement(kept, n_open, "2026-01-01T00:00:00+00:00", record.facts.digest)
    record.judgements = MappingProxyType({"planted": verdicts})
    return record


def strip(text):
    """Strip Markdown of the strokes that keep words from being markup."""
    return re.sub(r"\\([^\w\s])", r"\1", text)


# -- statements about rates ------------------------------------------------------------------------------------------


def test_a_rate_is_stated_with_its_counts_and_its_interval(tmp_path):
    # Wilson's interval of 5 in 20: (.2903 +- .1784); of trees of one message it is that by trees.
    found = statements_of(planted(tmp_path, *["FAULT"] * 3, *["ODD"] * 2, *["REMARK"] * 4, *["fine"] * 11)).found
    assert found == (
        "5 of 20 checked messages (25.0 %, 95 % CI 11.2-46.9) were flagged with a warning or an error.",
        "Findings by rule (a message may have several): the text says FAULT (3 errors); the text says ODD (2 "
        "warnings).",
        "Notes, which are not always faults: the text says REMARK (4 notes).",
    )


def test_a_message_with_two_faults_is_one_message(tmp_path):
    found = statements_of(planted(tmp_path, "FAULT ODD", *["fine"] * 3)).found
    # Wilson's interval of 1 in 4.
    assert found[0] == "1 of 4 checked messages (25.0 %, 95 % CI 4.6-69.9) was flagged with a warning or an error."
    assert found[1].endswith("the text says FAULT (1 error); the text says ODD (1 warning).")


def test_nothing_found_is_stated_with_an_upper_bound_and_not_as_none(tmp_path):
    # Of n messages Wilson's upper end is z^2 / (n + z^2): 3.8415 / 23.8415.
    found = statements_of(planted(tmp_path, *["fine"] * 20)).found
    assert found == (
        "None of 20 checked messages was flagged with a warning or an error. Rates of up to 16.1 % are still "
        "compatible with this sample (upper end of the 95 % CI, if faults affect whole conversations). This is about "
        "what the check flags, not about what it misses.",
    )


def test_the_upper_bound_of_nothing_counts_trees_where_messages_come_in_trees(tmp_path):
    trees = [row for k in range(10) for row in conversation(f"t{k}", 1)]
    # 20 messages in 10 trees of two count for 20 * 20 / (10 * 2 * 2) = 10 of them: 3.8415 / 13.8415.
    assert "Rates of up to 27.8 % are" in statements_of(audit(tmp_path, trees, Planted())).found[0]


def test_notes_alone_are_no_faults(tmp_path):
    found = statements_of(planted(tmp_path, "REMARK", "fine")).found
    assert found[0].startswith("None of 2 checked messages was flagged with a warning or an error.")
    assert found[1] == "Notes, which are not always faults: the text says REMARK (1 note)."


def test_a_check_that_checked_nothing_knows_nothing(tmp_path):
    record = planted(tmp_path, "SKIP too short", "SKIP too short", "SKIP too long")
    check = statements_of(record)
    assert check.found == ("The check did not run: too short. This audit says nothing about such messages.",)
    assert check.skipped == ("3 messages (100 %) were skipped: too short (2); too long (1).",)
    assert check.errors == ()
    assert limitations(record, []).rows == (("planted", "", "0", "did not run", ""),)


def test_a_check_that_failed_knows_nothing_and_its_reason_is_not_shown(tmp_path):
    record = audit(tmp_path, alone("fine"), Planted(), Fails())
    whole = limitations(record, [])
    assert whole.checks[1].found == ("The check did not finish, so this audit says nothing about such messages.",)
    assert (whole.checks[1].skipped, whole.checks[1].errors) == ((), ())
    # Wilson's upper end of 0 in 1: 3.8415 / 4.8415.
    assert whole.rows == (
        ("planted", "0", "1", "0 %", "0-79.3 %"),
        ("fails", "", "", "did not finish", ""),
    )
    for form in FORMS:
        assert "did not finish" in record.limitations(form), form
        assert "luck" not in record.limitations(form), form


def test_skipped_messages_are_counted_with_the_three_main_reasons(tmp_path):
    texts = ["SKIP a"] * 4 + ["SKIP b"] * 3 + ["SKIP c"] * 2 + ["SKIP d", "SKIP e"] + ["fine"] * 9
    assert statements_of(planted(tmp_path, *texts)).skipped == (
        "11 messages (55.0 %) were skipped: a (4); b (3); c (2); other reasons (2).",
    )
    assert statements_of(planted(tmp_path, "SKIP a", *["fine"] * 9)).skipped == (
        "1 message (10.0 %) was skipped: a (1).",
    )
    assert statements_of(planted(tmp_path, "fine")).skipped == ()


def test_how_a_check_went_about_it_comes_first_as_sentences(tmp_path):
    found = statements_of(planted(tmp_path, "fine", notes=("read twice", "In haste."))).found
    assert found[:2] == ("Read twice.", "In haste.")


def test_settings_are_named_only_where_they_differ_from_the_defaults(tmp_path):
    for form in FORMS:
        assert "Settings" not in planted(tmp_path, "fine").limitations(form), form
        text = planted(tmp_path, "fine", notes=("loud",)).limitations(form)
        assert 'Settings that differ from the defaults: planted (notes = ["loud"])' in strip(
            text.replace('\\"', '"').replace(r"\textquotedbl{}", '"')
        ), form


def test_error_rates_are_stated_as_measured_elsewhere_and_the_rate_as_uncorrected(tmp_path):
    check = statements_of(planted(tmp_path, "FAULT", "fine"))
    assert check.errors == (
        "The rate counts flagged messages and is not corrected for the check's false alarms and misses.",
        "Accuracy of the check: it is right in 7 of 7 texts.",
    )
    assert check.blind == ("It does not see whispers.",)
    assert check.about == "messages that say FAULT, ODD or REMARK"


# -- rates without the errors of the check ---------------------------------------------------------------------------


def test_labels_in_the_data_correct_the_rate(tmp_path):
    # Rogan and Gladen: (10/40 + 9/10 - 1) / (8/10 + 9/10 - 1) = .15 / .7. The interval by equations 6 to 17 of Lang
    # and Reiczigel, by hand: middle .1292, half width .3801.
    check = statements_of(planted(tmp_path, *["FAULT"] * 10, *["fine"] * 30, labelled=(8, 2, 1, 9)))
    assert check.errors[:3] == (
        "People labelled 20 of the checked messages, 10 of them as faults. The check flagged 8 of these and 1 of the "
        "others.",
        "We assume that labelled messages are a random sample of all checked messages, and independent.",
        "Corrected for the check's false alarms and misses, the rate is 21.4 % (95 % CI 0-50.9).",
    )


def test_labels_of_all_messages_are_the_rate(tmp_path):
    # 10 of 20; Wilson's interval, by hand: .5 +- .2007.
    check = statements_of(planted(tmp_path, *["FAULT"] * 9, *["fine"] * 11, labelled=(8, 2, 1, 9)))
    words = "By these labels the rate is 50.0 % (95 % CI 29.9-70.1), if messages are independent."
    assert check.errors[1] == words


def test_labels_that_are_all_alike_correct_nothing_and_state_no_rate(tmp_path):
    # All messages labelled, and none of them as a fault: no rate of 0 % by people's labels.
    for labelled, words in (((0, 0, 0, 20), "none as a fault"), ((9, 11, 0, 0), "all as faults")):
        errors = statements_of(planted(tmp_path, *["FAULT"] * 9, *["fine"] * 11, labelled=labelled)).errors
        assert errors[:2] == (f"People labelled 20 of the checked messages, {words}.", UNCORRECTED)
        assert "%" not in " ".join(errors)


def test_labels_that_cannot_correct_a_rate_leave_it_uncorrected_with_a_statement(tmp_path):
    for labelled in [(0, 0, 1, 9), (5, 5, 5, 5), (8, 2, 0, 0)]:
        errors = statements_of(planted(tmp_path, "FAULT", "fine", labelled=labelled)).errors
        assert (
            errors[1]
            == "The rate counts flagged messages and is not corrected for the check's false alarms and misses."
        )


def test_a_labelled_sample_gives_precision_recall_and_rate(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 5, *["fine"] * 15)
    # All were checked, so that nothing is left to chance: 4 of 5 flagged are faults, and 1 of 15 others.
    assert statements_of(sampled(record, fault=(5, 5, 4), quiet=(15, 15, 1))).errors[:4] == (
        "People labelled a random sample of 5 flagged and 15 other messages. Their labels are taken as correct; they "
        "saw the findings of the check.",
        "By that sample, the precision is 80.0 % (all messages were labelled).",
        "By that sample, the recall is 80.0 % (all messages were labelled).",
        "Corrected for the check's false alarms and misses, the rate is 25.0 % (all messages were labelled).",
    )


def test_a_labelled_sample_overrides_labels_in_the_data(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 5, *["fine"] * 15, labelled=(8, 2, 1, 9))
    errors = statements_of(sampled(record, fault=(5, 5, 5), quiet=(15, 15, 0))).errors
    assert not any("of the checked messages" in sentence for sentence in errors)
    assert "the rate is 25.0 %" in errors[3]


def test_a_sample_without_verdicts_on_one_side_gives_neither_recall_nor_rate(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 5, *["fine"] * 15)
    errors = statements_of(sampled(record, fault=(5, 5, 5), quiet=(15, 0, 0))).errors
    assert any("the precision is 100 %" in sentence for sentence in errors)
    assert not any("recall" in sentence or "Corrected" in sentence for sentence in errors)
    assert "The rate counts flagged messages and is not corrected for the check's false alarms and misses." in errors


def test_a_sample_of_one_side_is_not_described_as_one_of_both(tmp_path):
    record = planted(tmp_path, *["FAULT"] * 5, *["fine"] * 15)
    errors = statements_of(sampled(record, n_open=15, fault=(5, 5, 5), quiet=(15, 0, 0))).errors
    assert errors[0] == (
        "People labelled a random sample of 5 flagged and 0 other messages; 15 more were drawn and left without a "
        "label. Their labels are taken as correct; they saw the findings of the check."
    )


def test_the_accuracy_on_labels_of_the_data_comes_before_that_on_other_data(tmp_path):
    errors = statements_of(planted(tmp_path, *["FAULT"] * 10, *["fine"] * 30, labelled=(8, 2, 1, 9))).errors
    assert errors[-1] == (
        "Accuracy of the check: precision 88.9 % (95 % CI 56.5-98.0) and recall 80.0 % (95 % CI 49.0-94.3) on 20 "
        "labelled messages of this data set. It is right in 7 of 7 texts."
    )


def test_a_source_that_two_checks_name_is_listed_once_the_longer_form(tmp_path):
    sources = [
        "A (2001), Titles.",
        "B (2002), Words; the model.",
        "B (2002), Words.",
        "A (2001), Titles, for labels.",
        "C.",
    ]
    assert _once(sources) == ["A (2001), Titles, for labels.", "B (2002), Words; the model.", "C."]


def test_sentences_of_ours_keep_their_addresses_and_code(released):
    _, record = released
    sentences = [words for check in limitations(record, []).checks for words in (*check.method, *check.blind)]
    assert any("`" in words for words in sentences)
    for words in (*sentences, "https://huggingface.co/datasets/OpenAssistant/oasst1"):
        assert words in record.limitations()


# -- what was audited, and what was not ------------------------------------------------------------------------------


def test_what_was_audited_is_stated_with_files_checksums_versions_and_languages(tmp_path):
    rows = [*alone("fine", "fine"), message("m9", lang="de", message_tree_id=uid("m9"))]
    record = audit(tmp_path, rows, Planted())
    (source,) = record.facts.sources
    whole = limitations(record, [])
    assert whole.audited[0] == (
        f"3 messages in 3 conversation trees were audited with chataudit {record.facts.chataudit} on "
        f"{record.facts.started[:10]}: data.jsonl (3 records; SHA-256 {source.sha256})."
    )
    assert whole.audited[1] == "All messages declare a language (most frequent first): en (2), de (1)."
    assert (whole.title, whole.n_messages, whole.languages) == ("data.jsonl", 3, ("en", "de"))
    for name, version in record.facts.dependencies.items():
        assert f"{name} {version}" in whole.made_by


def test_messages_without_a_language_tag_are_not_counted_as_tagged(tmp_path):
    record = audit(tmp_path, [*alone("fine", "fine"), message("m9", lang=None, message_tree_id=uid("m9"))], Planted())
    assert limitations(record, []).audited[1] == "2 messages declare a language (most frequent first): en (2)."
    none = audit(tmp_path, alone("fine", lang=None), Planted())
    assert len(limitations(none, []).audited) == 2


def test_the_fourth_file_and_the_ninth_language_are_counted_and_not_named(tmp_path):
    tags = ["en", "de", "fr", "es", "it", "nl", "pl", "sv", "da", "fi"]
    for k in range(5):
        rows = [message(f"{k}-{tag}", lang=tag, message_tree_id=uid(f"{k}-{tag}")) for tag in tags]
        write(tmp_path / f"{k}.jsonl", rows)
    audited = limitations(run(tmp_path, checks=[Planted()], engine="serial"), []).audited
    assert "2.jsonl (10 records; " in audited[0]
    assert "3.jsonl" not in audited[0]
    assert audited[0].endswith(" and 2 more files.")
    assert audited[1].endswith(" and 2 others.")


def cut(tmp_path):
    """Audit a file whose second half is lost."""
    whole = gzip.compress(b"".join(json.dumps(row).encode() + b"\n" for row in alone(*map(str, range(3000)))))
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(whole[: len(whole) // 2])
    return run(path, checks=[Planted()], engine="serial")


def test_a_source_that_was_not_read_to_its_end_is_named_and_has_no_checksum(tmp_path):
    whole = limitations(cut(tmp_path), [])
    assert "; not read to its end)" in whole.audited[0]
    assert whole.not_checked[0].startswith("Not read: ")
    assert "cut.jsonl.gz" in whole.not_checked[0]


def test_checks_that_were_not_run_are_named(tmp_path):
    record = planted(tmp_path, "fine")
    names = ["planted", "near_duplicates", "lang_mismatch"]
    assert limitations(record, names).not_checked[0] == "Checks that were not selected: near_duplicates, lang_mismatch."
    for form in FORMS:
        assert "near" in record.limitations(form), form


def test_an_audit_never_claims_that_all_is_well(tmp_path):
    record = planted(tmp_path, *["fine"] * 20)
    for form in FORMS:
        assert "Absence of findings is not evidence of absence" in record.limitations(form), form


def test_nothing_is_stated_about_all_checks_where_one_knows_nothing(tmp_path):
    record = audit(tmp_path, alone("SKIP it"), Planted(), Fails())
    words = "The checks that ran found no more than notes; not all checks ran."
    assert f"- {words}\n" in record.limitations("datasheet")
    assert "- No check found more than notes.\n" in planted(tmp_path, "fine").limitations("datasheet")


def test_advice_is_that_of_rules_from_warnings_on(tmp_path):
    assert limitations(planted(tmp_path, "FAULT", "ODD", "REMARK"), []).advice == (
        "The text says FAULT: drop the message.",
        "The text says ODD: look at it.",
    )


# -- the demo: every number is one of the record ---------------------------------------------------------------------


def test_every_number_about_a_check_can_be_counted_in_the_record(released):
    _, record = released
    facts = {check.name: check for check in record.facts.checks}
    places = set(place_keys(record.messages).to_pylist())
    for check in limitations(record, []).checks:
        outcomes = record.messages[check.name].cast("string").to_pylist()
        found = record.table.filter(pc.equal(record.table["check"], check.name))
        bad = found.filter(pc.greater_equal(found["severity"], 2))
        flagged = len(set(place_keys(bad).to_pylist()) & places)
        n = outcomes.count("checked")
        rate = (
            rf"{flagged} of {n} checked messages \({100 * flagged / n:.{1 if flagged * 100 >= n else 2}f} %, 95 % CI "
        )
        assert re.search(rate, " ".join(check.found))

        titles = {rule.id: rule.title for rule in facts[check.name].rules}
        for row in pc.value_counts(found["rule"]).to_pylist():
            title = titles[row["values"]][1:]
            assert re.search(
                rf"{re.escape(title)} \({row['counts']} (error|warning|note)s?\)", " ".join(check.found)
            ), title

        rest = len(outcomes) - n
        assert check.skipped == () if not rest else check.skipped[0].startswith(f"{rest} message")


def test_the_table_contains_the_rates_of_the_prose(released):
    _, record = released
    whole = limitations(record, [])
    for row, check in zip(whole.rows, whole.checks, strict=True):
        words = " ".join(check.found)
        assert row.name == check.name
        assert f"{row.flagged} of {row.checked} checked messages ({row.rate}, 95 % CI {row.interval[:-2]})" in words


def test_all_forms_contain_all_statements_about_checks(released):
    _, record = released
    whole = limitations(record, ["another"])
    written = {
        "markdown": strip(markdown(whole)),
        "card": strip(card(whole)),
        "latex": latex(whole),
        "croissant": json.dumps(json.loads(croissant(whole, record.facts)), ensure_ascii=False).replace('\\"', '"'),
        "datasheet": strip(datasheet(whole)),
    }
    for form, text in written.items():
        for check in whole.checks:
            for words in (*check.found, *check.skipped, *check.errors):
                assert (tex(words) if form == "latex" else words) in text, (form, words)
        for words in (*whole.not_checked, whole.made_by, whole.audited[0]):
            assert (tex(words) if form == "latex" else words) in text, (form, words)


# -- strangers' words ------------------------------------------------------------------------------------------------

EVIL = "<img src=x onerror=alert(1)>[link](http://e.vil)`code`*bold* | cell &amp; $x^2$ \\input{x} ~#%_{}\x07\u202e"


@pytest.fixture
def hostile(tmp_path):
    """Audit data in which a file's name, a language tag, a reason and a note are hostile."""
    name = EVIL.replace("/", "") + "\n# Heading.jsonl"
    rows = [*alone("FAULT", f"SKIP {EVIL}\n- item", "fine"), message("x", lang=EVIL, message_tree_id=uid("x"))]
    return run(write(tmp_path / name, rows), checks=[Planted(notes=(f"{EVIL}\n\n<b>note</b>",))], engine="serial")


@pytest.mark.parametrize("form", ["markdown", "card", "datasheet"])
def test_strangers_words_are_no_markup(hostile, form):
    text = hostile.limitations(form)
    body = text.split("---\n", 2)[2] if form == "card" else text
    body = body.replace(BEGIN, "").replace(END, "")
    kinds = {"html_block", "html_inline", "link_open", "image", "code_inline", "fence", "code_block", "em_open"}
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    found = {child.type for token in tokens for child in [token, *(token.children or ())]}
    assert not found & kinds
    headings = [tokens[k + 1].content for k, token in enumerate(tokens) if token.type == "heading_open"]
    assert not any(heading.startswith("Heading") for heading in headings)
    assert "onerror" in body


@pytest.mark.parametrize("form", FORMS)
def test_no_line_contains_a_character_that_cannot_be_seen(hostile, form):
    text = hostile.limitations(form)
    assert {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")} <= {"\n"}
    assert "U+202E" in text


def test_strangers_words_have_no_meaning_in_tex(hostile):
    text = hostile.limitations("latex").split("\n", 1)[1]  # the first line is a comment of ours
    names = "textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar|textquotedbl|textasciigrave"
    bare = re.sub(rf"\\({names}|textquotesingle){{}}|\\[{{}}$&%#_]|\[\[|\]\]", "", text)
    own = r"section\*|paragraph|begin|end|centering|toprule|midrule|bottomrule|caption|label"
    assert set(re.findall(r"\\(\w+\*?|.)", bare)) <= set(own.replace("\\", "").split("|")) | {"\\"}
    assert not set("%$#_^~<>|\"`'") & set(bare)
    assert "input" in bare
    assert r"\input" not in text


def test_a_row_of_the_table_in_tex_has_five_cells(hostile):
    table = hostile.limitations("latex").split(r"\midrule", 1)[1].split(r"\bottomrule", 1)[0]
    rows = [line for line in table.splitlines() if line]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [4]
    assert rows[0].endswith(r"\\")


@pytest.mark.parametrize("compiler", ["pdflatex", "tectonic"])
def test_what_is_written_compiles(hostile, released, tmp_path, compiler):
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler} on this machine")
    for k, record in enumerate((hostile, released[1])):
        body = record.limitations("latex")
        head = r"\documentclass{article}\usepackage{booktabs}\usepackage[T1]{fontenc}\begin{document}"
        (tmp_path / f"{k}.tex").write_text(f"{head}\n{body}\n\\end{{document}}\n", encoding="utf-8")
        options = ["-interaction=nonstopmode", "-halt-on-error"] if compiler == "pdflatex" else []
        done = subprocess.run([compiler, *options, f"{k}.tex"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]


def test_letters_that_pdftex_does_not_know_are_not_written(tmp_path, released):
    record = run(write(tmp_path / "报告.jsonl", alone("fine")), checks=[Planted()], engine="serial")
    text = record.limitations("latex")
    assert text.isascii()
    assert "U+62A5U+544A.jsonl" in text
    # Our own words need none.
    assert set(re.findall(r"U\+[0-9A-F]+", released[1].limitations("latex"))) <= {"U+FFFD"}


# -- the card --------------------------------------------------------------------------------------------------------

README = """---
license: apache-2.0
pretty_name: "Ours: a set"
---

# Ours

Words before.   \n
| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture
def statements(tmp_path):
    return limitations(audit(tmp_path, alone("FAULT", "fine", lang="no"), Planted()), [])


def test_a_new_card_has_a_title_the_section_and_yaml(statements):
    text = card(statements)
    assert DatasetCard(text).data.to_dict() == {"language": ["no"], "size_categories": ["n<1K"]}
    assert f"---\n\n# data.jsonl\n\n{BEGIN}\n## Limitations\n" in text
    assert text.endswith(f"\n{END}\n")


def test_the_section_comes_behind_a_card_that_has_none_and_its_yaml_is_completed(statements):
    text = card(statements, README)
    data = DatasetCard(text).data.to_dict()
    assert data == {
        "license": "apache-2.0",
        "pretty_name": "Ours: a set",
        "language": ["no"],
        "size_categories": ["n<1K"],
    }
    front, body = README.split("---\n\n", 1)
    assert text.startswith(front)
    assert text.index(BEGIN) > text.index("| 1 | 2 |")
    assert body.rstrip() in text


def test_put_in_twice_is_put_in_once(statements):
    for before in ("", README, "Words without a front matter.", f"a\n{BEGIN}\nold\n{END}\nb\n"):
        once = card(statements, before)
        assert card(statements, once) == once


def test_text_outside_of_the_marks_stays_byte_for_byte(statements):
    before = f"---\nlanguage: [en]\nsize_categories: x\n---\n\ttop  \n\n{BEGIN}\nold \\1 words\n{END}\n\n  tail\n\n\n"
    after = card(statements, before)
    head, tail = before.split(BEGIN)[0], before.split(END)[1]
    assert after.startswith(head + BEGIN)
    assert after.endswith(END + tail)
    assert "old" not in after


def test_yaml_keys_that_a_card_has_stay_as_they_are(statements):
    before = "---\nsize_categories:\n- 1M<n<10M\nlanguage: # to be said\n- en\n---\n# T\n"
    assert card(statements, before).startswith(before.rstrip())


def test_a_card_without_front_matter_gets_one(statements):
    text = card(statements, "# Mine\n\nA rule\n\n---\n\nand more\n")
    assert DatasetCard(text).data.to_dict()["language"] == ["no"]
    assert "---\n\n# Mine\n\nA rule\n\n---\n\nand more\n" in text


@pytest.fixture
def tagged(tmp_path):
    """Audit messages of several tags, not all of them of a language."""
    tags = ("en", "pt-BR", "xx-elvish", EVIL, "x: y", "", "[a, b]")
    rows = [message(tag, lang=tag, message_tree_id=uid(tag)) for tag in tags]
    return limitations(audit(tmp_path, rows, Planted()), [])


def test_what_is_no_language_tag_does_not_reach_the_yaml(tagged):
    front = yaml.safe_load(card(tagged).split("---\n")[1])
    assert {"en", "pt"} <= set(front["language"])
    assert all(re.fullmatch("[a-zA-Z-]+", tag) for tag in front["language"])


def test_languages_of_the_yaml_are_codes_with_whole_tags_beside_them(tmp_path):
    rows = [message(tag, lang=tag, message_tree_id=uid(tag)) for tag in ("en", "pt-BR", "pt", "zh-Hant-TW")]
    front = yaml.safe_load(card(limitations(audit(tmp_path, rows, Planted()), [])).split("---\n")[1])
    # As DatasetCardData of huggingface_hub asks: codes of ISO 639. Tags of BCP 47 have a key of their own.
    assert (front["language"], front["language_bcp47"]) == (["en", "pt", "zh"], ["pt-BR", "zh-Hant-TW"])


def test_a_code_that_no_language_has_does_not_reach_the_yaml(tagged):
    assert "xx" not in card(tagged).split("---\n")[1]


@pytest.mark.parametrize("tag", ["no", "NO", "No"])
def test_norwegian_is_not_false(tmp_path, tag):
    front = card(limitations(audit(tmp_path, alone("fine", lang=tag), Planted()), [])).split("---\n")[1]
    assert isinstance(yaml.safe_load(front)["language"][0], str)


def test_no_tag_becomes_a_truth_value(tmp_path):
    rows = [message(tag, lang=tag, message_tree_id=uid(tag)) for tag in ("no", "off", "on", "yes")]
    front = card(limitations(audit(tmp_path, rows, Planted()), [])).split("---\n")[1]
    # Norwegian and Nyankpa; no language has the other codes.
    assert yaml.safe_load(front)["language"] == ["no", "yes"]


@pytest.mark.parametrize(
    ("n", "size"),
    [
        *((999, "n<1K"), (1_000, "1K<n<10K"), (161_443, "100K<n<1M"), (10**9 - 1, "100M<n<1B")),
        (10**9, "1B<n<10B"),
        (10**12, "n>1T"),
    ],
)
def test_the_size_is_one_of_those_of_the_hub(statements, n, size):
    object.__setattr__(statements, "n_messages", n)
    assert DatasetCard(card(statements)).data.to_dict()["size_categories"] == [size]


@pytest.mark.parametrize(
    "before",
    [BEGIN, END, f"{END} {BEGIN}", f"{BEGIN} {END} {BEGIN} {END}", f"{BEGIN} {BEGIN} {END}", f"{BEGIN} {END} {END}"],
)
def test_marks_that_are_no_pair_are_refused(statements, before):
    with pytest.raises(ValueError, match=r"the card must contain <!-- chataudit: begin.* Leave one pair, or none"):
        card(statements, before)


def test_a_card_with_crlf_keeps_its_line_ends(statements):
    before = README.replace("\n", "\r\n")
    after = card(statements, before)
    assert all(line in after for line in before.splitlines(keepends=True) if line.strip())
    assert after.startswith("---\r\n")
    assert DatasetCard(after).data.to_dict()["license"] == "apache-2.0"


def test_a_byte_order_mark_does_not_hide_the_yaml(statements):
    assert card(statements, "\ufeff" + README).count("language:") == 1
    assert card(statements, "\ufeff" + README).startswith("\ufeff---\nlicense: apache-2.0\n")


def test_blanks_at_the_end_of_a_card_stay(statements):
    before = "---\nlanguage: x\nsize_categories: x\n---\n# T\n\n\n"
    assert card(statements, before).startswith(before)


# -- Croissant -------------------------------------------------------------------------------------------------------


def checked(text):
    """Return the metadata as mlcroissant reads them; any error of theirs rises."""
    import mlcroissant  # takes 4 s

    dataset = mlcroissant.Dataset(json.loads(text))
    assert not dataset.metadata.ctx.issues.errors
    return dataset.metadata


def test_croissant_is_valid_and_its_fields_for_responsible_ai_are_read_back(released):
    _, record = released
    whole = limitations(record, ["another"])
    metadata = checked(croissant(whole, record.facts))
    limits = metadata.data_limitations
    n = len(whole.checks)
    assert [each.partition(":")[0] for each in limits[:n]] == [check.name for check in whole.checks]
    assert limits[n] == "Checks that were not selected: another."
    assert limits[n + 1 :] == [BEYOND, INTERVALS, f"Audited with {whole.made_by}."]
    assert metadata.data_biases == [f"Distribution of languages: {whole.audited[1]}"]
    # Of what the vocabulary asks else, an audit knows nothing.
    written = json.loads(croissant(whole, record.facts))
    assert [key for key in written if key.startswith("rai:")] == ["rai:dataLimitations", "rai:dataBiases"]
    assert (metadata.name, metadata.description) == ("release.jsonl", " ".join(whole.audited))
    (file,) = metadata.distribution
    assert (file.name, file.sha256) == ("release.jsonl", record.facts.sources[0].sha256)


def test_croissant_of_hostile_names_is_valid(hostile):
    metadata = checked(hostile.limitations("croissant"))
    assert "onerror" in metadata.name
    assert "onerror" in metadata.data_limitations[0]


def test_croissant_names_every_file(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):
        write(tmp_path / name, [message(name, message_tree_id=uid(name))])
    metadata = checked(run(tmp_path, checks=[Planted()], engine="serial").limitations("croissant"))
    assert [(file.id, file.name) for file in metadata.distribution] == [("file-1", "a.jsonl"), ("file-2", "b.jsonl")]


def test_croissant_of_a_file_that_was_not_read_to_its_end_is_valid(tmp_path):
    checked(cut(tmp_path).limitations("croissant"))


def test_croissant_distinguishes_compressed_files_from_plain_ones(tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(alone("fine")[0]).encode()))
    (file,) = checked(run(path, checks=[Planted()], engine="serial").limitations("croissant")).distribution
    assert "application/gzip" in file.encoding_formats


# -- the datasheet ---------------------------------------------------------------------------------------------------


def sections(text):
    return {
        part.split("**")[0]: [line for line in part.split("\n") if line.startswith("- ")] for part in text.split("\n**")
    }


@pytest.mark.parametrize("texts", [("FAULT", "fine"), ("fine",), ("FAULT", "SKIP it")])
def test_every_section_of_the_datasheet_answers_something(tmp_path, texts):
    answers = sections("\n" + planted(tmp_path, *texts).limitations("datasheet"))
    answers.pop("", None)
    assert len(answers) == 7
    assert all(answers.values())


def test_every_section_has_an_answer_where_nothing_was_checked(tmp_path):
    answers = sections("\n" + planted(tmp_path, "SKIP it").limitations("datasheet"))
    answers.pop("", None)
    assert all(answers.values())


def test_the_same_record_gives_the_same_text(released):
    _, record = released
    for form in FORMS:
        assert record.limitations(form) == record.limitations(form)
