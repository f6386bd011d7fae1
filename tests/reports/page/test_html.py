import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
from building import EXAMPLE, audit, message, pages, shown, uid, unpacked, write
from chataudit import run
from chataudit.checks.base.check import Check, Method, Result, Table
from chataudit.checks.base.claims import claim, cover
from chataudit.checks.base.findings import Rule
from chataudit.checks.schema_invariants.check import SchemaInvariants
from chataudit.reports.baseline import Baseline
from chataudit.reports.page import view
from chataudit.reports.page.payload import Limits
from chataudit.reports.page.view import SHOWN_PARTS, page
from chataudit.reports.wording import unbroken
from planting import Planted, alone

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)></style>{{ 7*7 }}{% raw %}\"'--><a href=javascript:alert(1)>"
)


class Tags(HTMLParser):
    """All tags and attributes of a page."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def values(self, name):
        return [attrs[name] for _, attrs in self.found if name in attrs]


def report(record, **more):
    return pages(record, **more)["report.html"]


def static(html):
    """Return the page without its style, its script and its data."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)


def card(html, check):
    """Return the words of a check's card."""
    (found,) = re.findall(rf'<article [^>]*aria-labelledby="card-{check}">(.*?)</article>', html, flags=re.DOTALL)
    return " ".join(unescape(re.sub("<[^>]*>", " ", found)).split())


@pytest.fixture
def hostile(tmp_path):
    bad = message("b", "a", role=HOSTILE, text=HOSTILE + "\x07", lang=HOSTILE, tree_state=HOSTILE, message_id=HOSTILE)
    return audit(tmp_path, [message("a", text="\u202eabc\x00", role="assistant"), bad, HOSTILE.encode()])


@pytest.fixture
def bad(tmp_path):
    """Audit an answer by a prompter, and nothing else; benchmark_leakage and others find nothing."""
    return audit(tmp_path, [message("a"), message("b", "a", role="prompter")])


# -- strangers' words --------------------------------------------------------------------------------------------------


def test_no_word_of_the_data_becomes_markup(hostile):
    html = report(hostile)
    scripts = re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.DOTALL)
    own = [words for attrs, words in scripts if not attrs]
    carried = [words for attrs, words in scripts if re.fullmatch(r' type="text/plain" id="(index|[et]\d+)"', attrs)]
    assert len(own) == 1
    assert len(carried) == 3
    assert len(scripts) == 4 == html.lower().count("<script") == html.lower().count("</script")
    assert all(re.fullmatch("[A-Za-z0-9+/]+=*", letters) for letters in carried)
    tags = {tag for tag, _ in Tags(html).found}
    assert not tags & {"img", "iframe", "object", "embed", "link", "base", "video", "audio", "math"}


def test_hostile_words_are_shown_as_they_are(hostile):
    html = report(hostile)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in static(html)
    assert "49" not in [row["lang"] for row in shown(html)]
    assert HOSTILE in [row["lang"] for row in shown(html)]


def test_the_page_leads_nowhere_and_has_no_style_or_script_in_its_elements(hostile):
    tags = Tags(static(report(hostile)))
    assert tags.values("href")
    assert all(href.startswith("#") for href in tags.values("href"))
    names = {name for _, attrs in tags.found for name in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("style", "src", "action", "srcset")]


def test_the_policy_lets_only_the_pages_own_style_and_script_pass(hostile):
    html = report(hostile)
    (policy,) = [a["content"] for tag, a in Tags(html).found if a.get("http-equiv") == "Content-Security-Policy"]
    (css,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    (js,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    style, script = (b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, js))
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    assert html.index("Content-Security-Policy") < html.index("<style>")


def test_style_and_script_ask_nobody(bad):
    html = report(bad)
    (css,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    (js,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    assert not re.search(r"url\(|@import|https?:(?!\\)|expression\(", css)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|fetch\(|XMLHttp", js
    )
    assert not re.search(r"url\(|@import", static(html))


def test_characters_that_hide_or_turn_text_are_shown(hostile):
    html = report(hostile)
    assert not set("\u202e\x00\x07") & set(html)
    quotes = [span["quote"] for row in shown(html) for span in row["spans"]]
    assert "⟦U+202E⟧abc⟦U+0000⟧" in quotes


@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>.jsonl", "a\u202elnosj.exe.jsonl", "{{7*7}}'\"&amp;.jsonl"]
)
def test_the_name_of_a_file_is_no_markup_either(tmp_path, name):
    path = write(tmp_path / name, [message("a", role="assistant")])
    html = report(run(path, engine="serial", checks=["schema_invariants"]))
    assert "img" not in [tag for tag, _ in Tags(html).found]
    (title,) = re.findall("<title>(Audit of .*?)</title>", html)
    shown_name = name.replace("\u202e", "⟦U+202E⟧")
    assert unescape(title) == f"Audit of {shown_name}"
    assert {row["source"] for row in shown(html)} == {shown_name}


# -- the verdict -------------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first_with_its_reasons(bad):
    html = report(bad)
    assert '<div class="verdict error">\n  <p class="headline">' not in html  # four spaces, as the template has them
    assert '<p class="headline">Errors found<span>1 error and 1 note</span></p>' in html
    # Wilson's interval of half a message: the two of one tree count as one, as far as is known.
    assert "1 of 2 messages (50.0 %, 95 % CI 5.5-94.5) has a warning or an error: 1 with errors" in html.replace(
        "\u00a0", " "
    )
    assert "1 × Reply has the same role as its parent (error, schema_invariants)" in html
    assert "Thread ends without an answer (note" not in html.partition("</header>")[0]  # notes are no reason
    assert html.index('class="verdict') < html.index('id="checks"') < html.index('id="findings"')


@pytest.mark.parametrize(
    ("rows", "state", "verdict"),
    [
        ([message("a"), message("b", "a")], "clean", "No problems found"),
        ([message("a"), message("b", "a"), message("c", "b")], "note", "Notes only"),
        ([message("a"), message("b", "a", text=" ")], "warning", "Warnings, no errors"),
        ([message("a", role="assistant")], "error", "Errors found"),
    ],
)
def test_the_verdict_is_the_worst_that_was_found(tmp_path, rows, state, verdict):
    rows = [{**row, "role": "prompter"} if row is rows[-1] and state == "note" else row for row in rows]
    reported = page(audit(tmp_path, rows, "schema_invariants"))
    assert (reported.state, reported.verdict) == (state, verdict)


def test_an_audit_without_findings_shows_what_was_checked(tmp_path):
    record = audit(tmp_path, [message("a"), message("b", "a")])
    reported, html = page(record), report(record)
    assert (reported.state, reported.headline) == ("clean", "No findings in 2 checked messages")
    assert reported.reasons == (
        "True rates of up to 79.3 % are still compatible with this sample (upper end of the widest 95 % CI of a check)",
    )
    assert '<details class="passed" open>' in html  # nothing else is to be seen
    assert "rules without findings" in html


def test_an_incomplete_audit_never_looks_like_a_clean_one(tmp_path):
    (tmp_path / "data.jsonl").write_bytes(b"\xff\xfe{")
    record = run(tmp_path / "data.jsonl", format="oasst_messages")
    reported, html = page(record), report(record)
    assert record.exit_code == 3
    assert (reported.state, reported.verdict) == ("failed", "Incomplete")
    assert reported.headline == "No message could be read"
    assert len(reported.reasons) == 1
    names = [check.name for check in record.facts.checks]
    assert reported.reasons[0].startswith(f"{len(names)} of {len(names)} checks did not run: {names[0]}, {names[1]}, ")
    assert len(reported.problems) == 1
    assert html.count('role="alert"') == 1
    assert "did not run: no message to check" in card(html, "schema_invariants")


class Fails(Check):
    """Fail."""

    name = "fails"
    rules = ()

    def scan(self, batch):
        raise RuntimeError(HOSTILE)


def test_a_check_that_failed_comes_first_and_shows_nothing_about_the_data(tmp_path):
    record = audit(tmp_path, [message("a", role="assistant")], Fails(), "schema_invariants")
    html = report(record)
    assert [check.name for check in page(record).checks] == ["fails", "schema_invariants"]
    assert page(record).state == "failed"
    assert "The check did not finish, so it says nothing about the data: RuntimeError: <script>" in card(html, "fails")
    assert "checked" not in card(html, "fails")
    assert [tag for tag, _ in Tags(static(html)).found].count("img") == 0


# -- cards -------------------------------------------------------------------------------------------------------------


def test_a_card_shows_rate_interval_rules_and_what_was_skipped(bad):
    text = card(report(bad), "schema_invariants")
    assert "50.0 % 1 of 2 messages with a warning or an error 95 % CI 5.5-94.5" in text
    assert "error Reply has the same role as its parent 1 note Thread ends without an answer 1" in text
    assert "2 checked, 0 skipped" in text
    assert "2 checked, 0 skipped" in card(report(bad), "near_duplicates")
    assert "0 checked, 2 skipped: prompter message" in card(report(bad), "prompt_parroting")
    assert "Trees, messages and records that break what their format promises." in text


def test_reasons_to_skip_a_role_are_marked_and_the_last_reason_is_named(bad):
    (view,) = [check for check in page(bad).checks if check.name == "near_duplicates"]
    reasons = [(f"reason {k}", str(9 - k)) for k in range(6)]
    for skipped, words in (
        (reasons[:1], "reason 0"),
        (reasons[:4], "reason 0 (9); reason 1 (8); reason 2 (7); reason 3 (6)"),
        (reasons[:5], "reason 0 (9); reason 1 (8); reason 2 (7); 2 other reasons"),
        (
            [*reasons[:4], ("tool result", "1")],
            "tool result (1, out of scope); reason 0 (9); reason 1 (8); 2 other reasons",
        ),
    ):
        told = replace(view, skipped=tuple(skipped), out_of_scope=frozenset({"tool result"}))
        assert told.why_skipped == words


def test_a_role_is_out_of_scope_where_the_check_checks_no_message_of_it(tmp_path):
    rows = [
        message("a"),
        message("b", "a"),
        message("c", "b", role="prompter", text="..."),
        message("d", "c", text="?"),
    ]
    (check,) = page(audit(tmp_path, rows, "prompt_parroting")).checks
    assert check.out_of_scope == {"prompter message"}
    assert "prompter message (2, out of scope); " in check.why_skipped


def test_a_card_has_the_corrected_rate_and_the_accuracy_on_the_labels_of_the_data(tmp_path):
    rows = alone(*["FAULT"] * 10, *["fine"] * 30)
    told = card(report(audit(tmp_path, rows, Planted(labelled=(8, 2, 1, 9)))), "planted")
    # (10 / 40 - 1 / 10) / (8 / 10 + 9 / 10 - 1)
    assert "Corrected for the check's false alarms and misses: 21.4 % (95 % CI " in told
    assert (
        "Accuracy: Precision 88.9 % (95 % CI 56.5-98.0) and recall 80.0 % (95 % CI 49.0-94.3) on 20 labelled " in told
    )
    assert "labelled messages of this data set. It is right in 7 of 7 texts." in told
    for labelled in (None, (0, 0, 0, 20), (10, 0, 0, 0)):
        told = card(report(audit(tmp_path, rows, Planted(labelled=labelled))), "planted")
        assert not re.search("Corrected|labelled", told), labelled


def test_a_check_that_checked_nothing_has_no_rate_and_has_not_passed(bad):
    (check,) = [check for check in page(bad).checks if check.name == "prompt_parroting"]
    assert (check.rate, check.headline, check.is_passed) == (None, "did not run: prompter message", False)
    assert card(report(bad), "prompt_parroting").startswith("did not run prompt_parroting ")
    assert "%" not in card(report(bad), "prompt_parroting").partition("Accuracy")[0]


def test_checks_that_passed_are_folded_below_the_others(bad):
    html = report(bad)
    top, _, folded = html.partition('<details class="passed">')
    assert "card-schema_invariants" in top
    passed = "annotators, benchmark_leakage, lang_mismatch, near_duplicates"
    assert f"4 checks without a warning or an error: {passed}" in folded
    assert "card-near_duplicates" not in top


def test_a_record_that_was_lost_is_counted_beside_the_messages(tmp_path):
    (check,) = page(audit(tmp_path, [message("a"), message("b", "a"), "{"], "schema_invariants")).checks
    rate = "0 of 2 messages with a warning or an error, 0 % (95 % CI 0-79.3)"
    assert check.headline == f"{rate}; 1 unreadable record"


def test_how_a_check_measures_and_how_it_was_set_is_on_the_page(bad):
    html = unescape(report(bad))
    from chataudit.audit.registry import checks

    for check in checks().values():
        method = check.measurement
        assert method.sure
        assert f"<strong>Accuracy:</strong> {unbroken(method.sure)}" in html
        for words in (*method.how, *method.blind, *method.measured, *method.sources):
            assert f"<li><bdi>{words}</bdi></li>" in html
    assert "<code>max_future_years</code></dt><dd><code>2.0</code>" in html
    assert "<code>lang</code></dt><dd><code>not set</code>" in html
    assert '<code>detectors</code></dt><dd><code>"best"</code>' in html


def test_a_link_to_a_rule_leads_to_its_findings_and_one_to_its_first(bad):
    html = report(bad)
    link = "#findings?severity=error&amp;rule=schema_invariants/role_alternation"
    assert f'<a href="{link}">Reply has the same role as its parent</a>' in html
    first = bad.findings().query("rule == 'schema_invariants/role_alternation'").iloc[0]
    assert f'<a href="#f/{first.fingerprint}">First</a>: <bdi>Prompt follows a prompt</bdi>' in html


def test_every_id_of_an_element_is_there_once_and_every_link_within_the_page_has_its_end(hostile):
    tags = Tags(report(hostile))
    ids = tags.values("id")
    assert len(ids) == len(set(ids))
    ends = {href[1:] for href in tags.values("href") if not re.match("#(findings[?]|f/)", href)}
    assert ends <= set(ids)


class Counts(Check):
    """Count."""

    name = "counts"
    rules = ()
    measurement = Method(sure=HOSTILE)

    def scan(self, batch):
        rows = tuple((HOSTILE, k, f"{k}%") for k in range(view.SHOWN_ROWS + 5))
        return Result(tables=(Table("Figures", "What was counted.", ("name", "n", "share"), rows),))


def test_figures_of_a_check_are_a_table_with_numbers_to_the_right_as_far_as_it_fits(tmp_path):
    html = report(audit(tmp_path, [message("a")], Counts()))
    assert "<summary>counts: Figures</summary>" in html
    assert '<th scope="col">name</th><th scope="col" class="n">n</th><th scope="col">share</th>' in html
    assert '<td class="n"><bdi>19</bdi></td><td><bdi>19%</bdi></td>' in html
    assert "<bdi>20</bdi>" not in html
    assert "5 more in record.json" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in static(html)
    assert "img" not in [tag for tag, _ in Tags(static(html)).found]


class Draws(Check):
    """Draw."""

    name = "draws"
    rules = ()

    def scan(self, batch):
        rows = ((HOSTILE, 1, 4), ("none", 0, 9))
        return Result(tables=(Table("Own figures", "What was drawn.", ("name", "part", "whole"), rows, BARS),))


BARS = ("name", "part", "whole")


def test_a_table_that_is_drawn_has_its_chart_in_the_section_of_charts(tmp_path):
    html = report(audit(tmp_path, [message("a")], Draws()))
    (drawn,) = re.findall('<section id="charts".*?</section>', html, flags=re.DOTALL)
    words = '<p class="chart-title">draws: Own figures</p>'
    assert (html.count(words), drawn.count(words)) == (1, 1)
    assert 'id="chart-draws-own-figures"' in drawn
    assert "<summary>draws: Own figures</summary>" in html.partition('<section id="methods"')[2]
    assert "<summary>draws: Own figures</summary>" not in drawn


# -- what has no end ---------------------------------------------------------------------------------------------------


def lines(html, label):
    """Return rows of the body of a table that follows these words."""
    return html.partition(label)[2].partition("<tbody>")[2].partition("</tbody>")[0].count("<tr>")


@pytest.mark.parametrize(("n", "beyond"), [(100, 0), (101, 1)])
def test_a_hundred_languages_are_shown_and_the_rest_is_counted(tmp_path, n, beyond):
    rows = [message(str(k), message_tree_id=uid(str(k)), lang=f"x{k}") for k in range(n)]
    html = report(audit(tmp_path, rows, "schema_invariants"))
    shown, _, folded = (
        html.partition("<h3>By declared language</h3>")[2].partition("</details>")[0].partition("<details>")
    )
    assert (shown.count("<tr><th"), folded.count("<tr><th")) == (1 + SHOWN_PARTS, 1 + 100 - SHOWN_PARTS)
    expected = f"The first 100 of 1 file and {n} languages are shown; record.json has all."
    assert html.count(f'<p class="left-out">{expected}</p>') == beyond


def test_no_folder_of_the_machine_is_on_the_page_nor_in_its_data(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "data.jsonl", [message(name, role="assistant"), message(f"{name} 2", name)])
    html = report(run(tmp_path, engine="serial", checks=["schema_invariants", "self_reference", "low_effort"]))
    assert {row["source"] for row in shown(html)} == {"one/data.jsonl", "two/data.jsonl"}
    assert str(tmp_path) not in html
    assert str(tmp_path) not in str(unpacked(html))


def test_of_files_a_hundred_are_shown_and_of_problems_twenty(tmp_path):
    for k in range(101):
        (tmp_path / f"{k:03}.jsonl").write_bytes(b"\xff\xfe{")
    record = run(tmp_path, format="oasst_messages", engine="serial", checks=["schema_invariants"])
    assert (len(record.facts.sources), len(record.facts.errors)) == (101, 101)
    html, reported = report(record), page(record)
    assert lines(html, 'aria-label="Files"') == len(reported.sources) == 100
    assert "The first 100 of 101 files and 0 languages are shown; record.json has all." in html
    assert len(reported.problems) == html.count('role="alert"') == 21
    assert reported.problems[-1] == "81 more sources: see record.json"
    assert "019.jsonl" in reported.problems[19]


# -- the baseline ------------------------------------------------------------------------------------------------------


def test_findings_are_new_known_or_gone_compared_with_a_baseline(tmp_path, bad):
    rows = [message("a", role="assistant"), message("b", "a", role="prompter")]
    now = audit(tmp_path, rows, "schema_invariants", "near_duplicates")
    html = report(now, baseline=Baseline.of(bad, now))
    # Gone: role_alternation; known: unanswered_thread; new: root_role.
    assert "1 new, 1 known, 1 fixed since the baseline" in card(html, "schema_invariants")
    assert "0 new, 0 known, 0 fixed since the baseline" in card(html, "near_duplicates")
    assert "Compared with the audit of 20" in html.partition("</header>")[0]
    assert {row["rule"]: row["isNew"] for row in shown(html)} == {
        "schema_invariants/root_role": True,
        "schema_invariants/unanswered_thread": False,
    }


def test_a_check_that_the_baseline_lacks_is_marked_as_such(tmp_path, bad):
    now = audit(tmp_path, [message("a")], Counts())
    assert "not in the baseline" in card(report(now, baseline=Baseline.of(bad, now)), "counts")
    assert "baseline" not in card(report(now), "counts")
    assert "isNew" not in unpacked(report(now))["index"]["columns"]


# -- what was wrong once -----------------------------------------------------------------------------------------------


def test_the_reasons_have_the_severity_of_the_findings_and_not_of_the_rule(tmp_path):
    rows = [message("a"), message("b", "a"), message("c", "z")]
    reported = page(audit(tmp_path, rows, SchemaInvariants(filtered_export=True)))
    assert reported.verdict == "Notes only"
    assert reported.reasons == ("1 × Parent message is missing (note, schema_invariants)",)


class FlagsMore(Check):
    """Flag all, and check one."""

    name = "flags_more"
    rules = (Rule("flags_more/all", "All", 3, "None.", EXAMPLE),)

    def scan(self, batch):
        return Result(claim(batch.places, self.rules[0], np.arange(len(batch)), "Flagged"), cover(batch.messages[:1]))


def test_a_check_that_flags_more_than_it_checked_still_has_a_page(tmp_path):
    assert "flags_more" in report(audit(tmp_path, [message("a"), message("b", "a")], FlagsMore()))


def test_a_page_stays_within_its_limit_where_every_message_declares_another_language(tmp_path):
    rows = [message(str(k), message_tree_id=uid(str(k)), lang=f"x{k}") for k in range(16_000)]
    record = audit(tmp_path, rows, SchemaInvariants(off=("language_tag", "unanswered_thread")))
    assert len(report(record, limits=Limits(1)).encode()) <= 1_000_000


def test_what_the_baseline_did_not_look_at_is_not_new(tmp_path):
    (tmp_path / "old").mkdir()
    rows = [
        message("a", text="\x07"),
        message("b", "a", text="\x07" + "x y z " * 20),
        message("c", "a", text="x y z " * 20),
    ]
    old = audit(tmp_path / "old", rows[:1], "schema_invariants")
    new = audit(tmp_path, rows, "schema_invariants", "near_duplicates")
    html = report(new, baseline=Baseline.of(old, new))
    found = {(row["rule"].partition("/")[0], row["isNew"]) for row in shown(html)}
    assert ("near_duplicates", -1) in found
    assert {state for check, state in found if check == "schema_invariants"} <= {0, 1}
