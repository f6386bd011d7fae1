import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest
from building import audit, message
from chataudit.checks.base.check import Check, Result, Table
from chataudit.reports import view
from chataudit.reports.html import pages, render
from chataudit.reports.view import page, visible

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


@pytest.fixture
def hostile(tmp_path):
    bad = message("b", "a", role=HOSTILE, text=HOSTILE + "\x07", lang=HOSTILE, tree_state=HOSTILE, message_id=HOSTILE)
    return audit(tmp_path, [message("a", text="\u202eabc\x00", role="assistant"), bad, HOSTILE.encode()])


def test_no_word_of_the_data_becomes_markup(hostile):
    html = pages(hostile)["report.html"]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    tags = Tags(html).found
    assert not [tag for tag, _ in tags if tag in ("script", "img", "iframe", "object", "link", "base", "form")]
    assert not [a for _, attrs in tags for a in attrs if a.startswith("on")]
    assert all(attrs["href"].startswith("#") for tag, attrs in tags if tag == "a")
    assert "{{ 7*7 }}" in html


def test_the_policy_forbids_script_and_requests_and_allows_only_the_own_style(hostile):
    html = pages(hostile)["report.html"]
    policy = next(a["content"] for tag, a in Tags(html).found if a.get("http-equiv") == "Content-Security-Policy")
    (css,) = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    digest = b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(r"url\(|@import|https?://", css)


def test_characters_that_hide_or_turn_text_are_shown(hostile):
    html = pages(hostile)["report.html"]
    assert "⟦U+202E⟧abc⟦U+0000⟧" in html
    assert "\u202e" not in html
    assert "\x00" not in html
    assert visible("a\u200bb\nc\td\u2066é😀") == "a⟦U+200B⟧b\nc\td⟦U+2066⟧é😀"


def test_the_page_shows_summary_place_and_marked_evidence(tmp_path):
    record = audit(tmp_path, [message("a", text="ring the \x07 bell")])
    html = pages(record)["report.html"]
    assert "The text holds 1 control character" in html
    assert "data.jsonl:1</code>" in html
    assert "ring the <mark>⟦U+0007⟧</mark> bell" in html


def test_coverage_and_settings_are_on_the_page(tmp_path):
    html = pages(audit(tmp_path, [message("a"), message("b", "a")]))["report.html"]
    assert "<dt>judged</dt><dd>2</dd>" in html
    assert "<dt>skipped</dt><dd>0</dd>" in html
    assert "0 of 2 messages with a warning or an error (0.00%; 95% interval 0.00% to 65.76%)" in html
    assert "<code>max_future_years</code></dt><dd><code>2.0</code>" in html


def test_what_does_not_fit_on_the_page_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(view, "SHOWN", 3)
    rows = [message(str(k), message_tree_id=message(str(k))["message_id"], text=" ") for k in range(10)]
    record = audit(tmp_path, rows, "schema_invariants")
    (check,) = page(record).checks
    rule = next(rule for rule in check.rules if rule.id.endswith("empty_text"))
    assert (rule.count, len(rule.findings), rule.left_out) == ("10", 3, "7 more in findings.parquet")


def test_a_record_that_was_lost_is_counted_beside_the_messages(tmp_path):
    (check,) = page(audit(tmp_path, [message("a"), message("b", "a"), "{"], "schema_invariants")).checks
    rate = "0 of 2 messages with a warning or an error (0.00%; 95% interval 0.00% to 65.76%)"
    assert check.headline == f"{rate}, and 1 where no message could be named"


def test_an_audit_without_findings_says_what_was_looked_at(tmp_path):
    view_ = page(audit(tmp_path, [message("a"), message("b", "a")]))
    assert (view_.state, view_.headline) == ("clean", "Nothing found")
    assert view_.checks[0].judged == "2"
    assert "rules that nothing broke" in render(view_)


def test_an_incomplete_audit_never_looks_like_a_clean_one(tmp_path):
    record = audit(tmp_path, [b""], format="oasst_messages")
    (tmp_path / "data.jsonl").write_bytes(b"\xff\xfe{")
    from chataudit import run

    record = run(tmp_path / "data.jsonl")
    assert record.exit_code == 3
    assert page(record).headline == "Incomplete: nothing found in what could be audited"
    assert page(record).state == "failed"


class Counts(Check):
    name = "counts"
    rules = ()

    def scan(self, batch):
        rows = tuple((HOSTILE, k, f"{k}%") for k in range(view.SHOWN_ROWS + 5))
        return Result(tables=(Table("Figures", "What was counted.", ("name", "n", "share"), rows),))


def test_figures_of_a_check_are_a_table_with_numbers_to_the_right_as_far_as_it_fits(tmp_path):
    html = pages(audit(tmp_path, [message("a")], Counts()))["report.html"]
    assert "<summary>Figures</summary>" in html
    assert '<th scope="col">name</th><th scope="col" class="n">n</th><th scope="col">share</th>' in html
    assert '<td class="n"><bdi>19</bdi></td><td><bdi>19%</bdi></td>' in html
    assert "5 more in record.json" in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert not [tag for tag, _ in Tags(html).found if tag in ("script", "img")]
