"""The report as people meet it: in a browser, with a keyboard, with a screen reader, printed, and with hostile data."""

import csv
import io
import json
import re
from random import Random
from urllib.parse import quote

import pytest
from browsing import PHONE, Visit, browser, needs_browser, saved
from building import audit, message, uid, write
from chataudit.audit.demo.release import release
from chataudit.audit.run import run
from chataudit.reports.page.payload import Limits
from chataudit.reports.wording import visible

pytestmark = needs_browser

MARKER = "document.documentElement.dataset.marker = 'executed'"
HOSTILE = {
    "script": f"<script>{MARKER}</script>",
    "handler": f'<img src=x onerror="{MARKER}"><svg onload="{MARKER}"><details open ontoggle="{MARKER}">',
    "closing": f"</script></style></template></textarea><script>{MARKER}</script>",
    "attribute": f"\" autofocus onfocus=\"{MARKER}\" ' onmouseover='{MARKER}' x=",
    "template": "{{ 7*7 }}{% raw %}${7*7}<%= 7*7 %>",
    "css": "</style><style>*{display:none!important}</style>@import url(https://example.org/x.css)",
    "link": f"javascript:{MARKER} data:text/html,<script>{MARKER}</script>",
    "hidden": "\u202egnp.exe\u202c a\u200bb \u2066c\u2069 d\u00ade \ufeff\x00\x1b[31m",
    "formula": "=HYPERLINK(\"https://example.org\",\"x\")\t@SUM(1)",
    "comment": "<!-- <script> --!> ]]> <![CDATA[",
    "base": '<base href="https://example.org/"><meta http-equiv="refresh" content="0;url=https://example.org">',
}  # fmt: skip


@pytest.fixture(scope="module")
def running():
    with browser() as it:
        yield it


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory, references):
    """Audit the demo release, which breaks every rule, and write its report."""
    folder = tmp_path_factory.mktemp("demo")
    release(1).write(folder / "release.jsonl")
    record = run(folder / "release.jsonl")
    return record, saved(folder, record)


KINDS = ("near_copy", "wrong_language", "question_and_answer", "dangling_parent", "echo", "unreadable_line")


@pytest.fixture(scope="module")
def one_of_each(tmp_path_factory, references):
    """Audit each kind of evidence, and little else: axe-core goes through every element."""
    folder = tmp_path_factory.mktemp("few")
    made = release(1)
    found = {name for rule, name in made.planted.items() if rule.partition("/")[2] in KINDS}
    made.trees = [tree for tree in made.trees if any(message["message_id"] in found for message in tree)]
    made.write(folder / "release.jsonl")
    record = run(folder / "release.jsonl")
    return record, saved(folder, record)


def fingerprint_of(record, rule):
    rows = record.table.select(["rule", "fingerprint"]).to_pylist()
    return next(row["fingerprint"] for row in rows if row["rule"].endswith(rule))


# -- hostile data ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked(tmp_path_factory, running):
    """Audit data whose every text, id, role, tag and file name is an attack."""
    folder = tmp_path_factory.mktemp("attack")
    rows = [message("a", text=" ")]
    for name, words in HOSTILE.items():
        # Twice the same role, so that each is found; and each text twice, so that copies are found.
        whole = f"{words} {name} one two three four five six seven eight nine ten eleven twelve"
        for k in "xy":
            more = {"text": whole, "lang": words, "message_id": f"{words}{k}", "tree_state": words, "user_id": words}
            rows.append(message(name + k, "a", role="prompter", **more))
    rows += [HOSTILE["closing"].encode(), b'{"text": "' + b"<b>" * 1_700_000 + b'", "role": 7}', b'{"a": "\\ud800"}']
    record = audit(folder, rows)
    return record, saved(folder, record)


def seen(visit):
    """Return whether anything of the data was executed, asked for or applied."""
    visit.tab.wait_for_timeout(100)
    marker = visit.tab.evaluate("document.documentElement.dataset.marker")
    asked = [url for url in visit.requests if not url.startswith(visit.url)]
    return [*([marker] if marker else []), *asked, *visit.errors]


def test_nothing_of_the_data_is_executed_and_nothing_is_lost(running, attacked):
    record, path = attacked
    rows = record.table.to_pylist()
    assert len(rows) > 2 * len(HOSTILE)
    evidence = ""
    with Visit(running, path) as visit:
        for row in rows:
            evidence += visit.open(row["fingerprint"])
        visit.tab.hover("#evidence")
        assert seen(visit) == []
        assert visit.tab.title() == "Audit of data.jsonl"
        assert visit.tab.locator("main").is_visible()
        assert visit.tab.locator("footer").count() == 1
        addresses = visit.tab.locator("a").evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert not [a for a in addresses if not a.startswith(("#", "https://"))]
    flat = re.sub(r"\s+", " ", evidence)
    for words in HOSTILE.values():
        assert re.sub(r"\s+", " ", visible(words)).strip() in flat


def test_every_attack_survives_being_listed_filtered_and_searched(running, attacked):
    _, path = attacked
    with Visit(running, path) as visit:
        for words in HOSTILE.values():
            where = f"#findings?q={quote(words)}&lang={quote(visible(words))}"
            visit.tab.evaluate("where => { location.hash = where }", where)
            visit.tab.wait_for_selector("#status:has-text('finding')")
        assert seen(visit) == []
        assert visit.tab.locator("main").is_visible()


def test_a_planted_marker_would_be_seen(running, attacked, tmp_path):
    _, path = attacked
    html = path.read_text(encoding="utf-8")
    policy = re.search(r"<meta http-equiv=\"Content-Security-Policy\".*?>", html)[0]
    planted = tmp_path / "planted.html"
    for attack in (HOSTILE["script"], HOSTILE["handler"]):
        planted.write_text(html.replace(policy, "").replace("<main>", f"<main>{attack}"), encoding="utf-8")
        with Visit(running, planted) as visit:
            assert "executed" in seen(visit)


def test_the_policy_stops_what_would_slip_through_the_template(running, attacked, tmp_path):
    _, path = attacked
    planted = tmp_path / "planted.html"
    slipped = HOSTILE["script"] + HOSTILE["handler"] + "<style>main { display: none }</style>"
    planted.write_text(path.read_text(encoding="utf-8").replace("<main>", f"<main>{slipped}"), encoding="utf-8")
    with Visit(running, planted) as visit:
        found = seen(visit)
        assert "executed" not in found
        assert visit.tab.locator("main").is_visible()
        # Trusted Types: our own script could not make markup of strings either.
        with pytest.raises(Exception, match="TrustedHTML"):
            visit.tab.evaluate("document.body.innerHTML = '<b>x</b>'")


# -- reading ---------------------------------------------------------------------------------------------------------


def test_the_first_screen_shows_what_is_wrong_and_how_sure_that_is(running, demonstrated):
    record, path = demonstrated
    with Visit(running, path) as visit:
        words = visit.tab.inner_text("body")
        top = visit.tab.locator(".verdict").bounding_box()
        assert "Errors found" in words
        assert f" of {record.facts.messages:,} messages (" in words
        assert " have a warning or an error: " in words
        assert top["y"] + top["height"] < 500
        first = visit.tab.locator(".card").first
        assert first.bounding_box()["y"] < 700
        assert "Accuracy:" in first.inner_text()
        assert "95\u00a0%\u00a0CI\u00a0" in first.inner_text()
        assert seen(visit) == []


def test_a_finding_has_an_address_that_leads_to_it(running, demonstrated):
    record, path = demonstrated
    for row in record.table.slice(0, 2).to_pylist():
        with Visit(running, path, f"#f/{row['fingerprint']}") as visit:
            assert visible(row["summary"]) in visit.tab.inner_text("#evidence h3")
            assert visit.tab.locator(".row.open").count() == 1


def test_a_click_opens_a_finding_and_the_browser_goes_back_to_the_one_before(running, demonstrated):
    with Visit(running, demonstrated[1]) as visit:
        for at in (3, 5):
            visit.tab.locator(f'#rows a[data-at="{at}"]').click()
            visit.tab.wait_for_selector(f'.row.open a[data-at="{at}"]')
        visit.tab.go_back()
        visit.tab.wait_for_selector('.row.open a[data-at="3"]')
        assert visit.tab.inner_text("#evidence h3") == visit.tab.inner_text('#rows a[data-at="3"] bdi')


def test_an_address_without_a_finding_is_reported(running, demonstrated):
    with Visit(running, demonstrated[1], "#f/0123456789abcdef") as visit:
        assert "Not on this page" in visit.tab.inner_text("#evidence")


def test_filters_narrow_the_list_are_in_the_address_and_come_back(running, demonstrated):
    record, path = demonstrated
    rows = record.table.to_pylist()
    n = len(rows)
    with Visit(running, path) as visit:
        assert visit.status == f"{n} findings"
        visit.choose("check", "near_duplicates")
        wanted = [row for row in rows if row["check"] == "near_duplicates"]
        assert visit.status == f"{len(wanted)} of {n} findings"
        visit.choose("severity", "warning")
        wanted = [row for row in wanted if row["severity"] == 2]
        assert visit.status == f"{len(wanted)} of {n} findings"
        assert set(visit.listed) <= {row["summary"] for row in wanted}
        assert visit.tab.evaluate("location.hash") == "#findings?severity=warning&check=near_duplicates"
        visit.tab.reload()
        visit.tab.wait_for_selector("html[data-ready]")
        assert visit.status == f"{len(wanted)} of {n} findings"
        visit.tab.click("#clear")
        assert visit.status == f"{n} findings"
        assert visit.tab.evaluate("location.hash") == "#findings"


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        ("rule", "prompt_parroting/echo", lambda row: row["rule"] == "prompt_parroting/echo"),
        ("lang", "de", lambda row: row["lang"] == "de"),
        ("role", "assistant", lambda row: row["role"] == "assistant"),
        ("role", "(none)", lambda row: row["role"] is None),
        ("facet", "kind=exact", lambda row: dict(row["facets"]).get("kind") == "exact"),
    ],
)
def test_each_filter_keeps_what_it_names(running, demonstrated, name, value, passes):
    record, path = demonstrated
    n = sum(map(passes, record.table.to_pylist()))
    assert n
    with Visit(running, path, f"#findings?{name}={quote(value)}") as visit:
        assert visit.status.startswith(f"{n} of ")
        assert visit.tab.locator(f"#filter-{name}").input_value() == value


def test_words_are_sought_in_summaries_ids_and_then_in_quotes(running, tmp_path):
    rows = [message("a", text="ring the \x07 bell of Xanadu"), message("b", "a", text="\x07 nothing")]
    record = audit(tmp_path, rows, "schema_invariants")
    with Visit(running, saved(tmp_path, record)) as visit:
        n = record.table.num_rows
        visit.choose("q", uid("b")[:12])
        visit.tab.wait_for_timeout(600)
        mine = [row for row in record.table.to_pylist() if row["message_id"] == uid("b")]
        assert visit.status.startswith(f"{len(mine)} of {n}")
        visit.choose("q", "xanadu")
        visit.tab.wait_for_timeout(600)
        assert visit.status == f"1 of {n} findings"
        visit.choose("q", "not in there")
        visit.tab.wait_for_timeout(600)
        assert visit.status == f"No finding matches these filters, of {n}"


def test_going_back_between_two_searches_brings_back_the_list_of_the_first(running, demonstrated):
    with Visit(running, demonstrated[1]) as visit:
        reported = []
        for where in ("#findings?q=goats", "#findings?q=the"):
            visit.tab.evaluate("where => { location.hash = where }", where)
            visit.tab.wait_for_timeout(700)
            reported.append(visit.status)
        visit.tab.go_back()
        visit.tab.wait_for_timeout(700)
        assert visit.status == reported[0] != reported[1]
        visit.tab.go_back()
        visit.tab.wait_for_timeout(200)
        assert visit.status == f"{demonstrated[0].table.num_rows} findings"
        assert visit.tab.input_value("#filter-q") == ""


def test_the_list_follows_the_finding_that_is_open(running, demonstrated):
    record, path = demonstrated
    with Visit(running, path) as visit:
        for _ in range(25):
            visit.tab.keyboard.press("n")
            visit.tab.wait_for_timeout(40)
        row = visit.tab.locator(".row.open")
        visit.tab.wait_for_timeout(200)
        box, around = row.bounding_box(), visit.tab.locator("#list").bounding_box()
        assert around["y"] <= box["y"] <= around["y"] + around["height"]
        visit.tab.evaluate(f"location.hash = '#f/{record.table['fingerprint'][record.table.num_rows - 9].as_py()}'")
        visit.tab.wait_for_timeout(200)
        visit.tab.keyboard.press("Escape")
        assert visit.tab.evaluate("!!document.activeElement.closest('.row.open')")


def test_the_keyboard_keeps_its_place_when_the_list_is_scrolled_with_the_wheel(running, demonstrated):
    with Visit(running, demonstrated[1]) as visit:
        visit.tab.locator('#rows a[data-at="2"]').focus()
        visit.tab.locator("#list").hover()
        visit.tab.mouse.wheel(0, 3000)
        visit.tab.wait_for_timeout(300)
        visit.tab.keyboard.press("ArrowDown")
        assert visit.tab.evaluate("Number(document.activeElement.dataset.at)") == 3


def test_words_of_an_address_are_sought_while_the_page_listens(running, demonstrated):
    with Visit(running, demonstrated[1], "#findings?q=zzqqx") as visit:
        visit.choose("severity", "error")
        assert visit.tab.evaluate("location.hash") == "#findings?severity=error&q=zzqqx"
        visit.tab.wait_for_timeout(600)
        assert visit.status.startswith("No finding matches these filters")


def test_an_address_that_nobody_wrote_is_no_end(running, demonstrated):
    with Visit(running, demonstrated[1], "#findings?sort=__proto__&lang=xx&facet=toString") as visit:
        assert visit.status.startswith("No finding matches these filters")
        visit.tab.click("#clear")
        assert visit.status == f"{demonstrated[0].table.num_rows} findings"


def test_an_empty_word_and_none_are_distinguished(running, tmp_path):
    rows = [message("a", lang=""), message("b", "a", lang=None), message("c", "a")]
    record = audit(tmp_path, rows, "schema_invariants")
    n = {lang: sum(row["lang"] == lang for row in record.table.to_pylist()) for lang in ("", None)}
    with Visit(running, saved(tmp_path, record)) as visit:
        for lang, name in (("", "(empty)"), (None, "(none)")):
            assert n[lang]
            visit.choose("lang", name)
            assert visit.status.startswith(f"{n[lang]} of ")


def test_languages_are_sorted_by_the_alphabet(running, demonstrated):
    with Visit(running, demonstrated[1], "#findings?sort=lang") as visit:
        subs = visit.tab.locator("#rows .sub").all_inner_texts()
        langs = [sub.split(" · ")[1] for sub in subs]
        assert langs == sorted(langs)
        assert len(set(langs)) > 1


def test_the_list_names_the_file_where_there_are_several(running, demonstrated, tmp_path):
    _, path = demonstrated
    with Visit(running, path) as visit:
        assert " · release" not in visit.tab.locator(".sub").first.inner_text()
        assert " · line " in visit.tab.locator(".sub").first.inner_text()
    for name in ("one.jsonl", "two.jsonl"):
        write(tmp_path / name, [message(name, role="assistant")])
    with Visit(running, saved(tmp_path, run(tmp_path, engine="serial"))) as visit:
        told = visit.tab.locator(".sub").all_inner_texts()
        assert {name for name in ("one.jsonl:1", "two.jsonl:1") if any(name in words for words in told)} == (
            {"one.jsonl:1", "two.jsonl:1"}
        )


def test_the_list_can_be_sorted_by_place(running, demonstrated):
    record, path = demonstrated
    first = min(record.table.to_pylist(), key=lambda row: row["line"])
    with Visit(running, path, "#findings?sort=place") as visit:
        sub = visit.tab.locator("#rows .sub").first.inner_text()
        assert f"line {first['line']} · " in sub


def test_all_can_be_done_with_the_keyboard(running, demonstrated):
    record, path = demonstrated
    with Visit(running, path) as visit:
        keys = visit.tab.keyboard
        keys.press("/")
        assert visit.tab.evaluate("document.activeElement.id") == "filter-q"
        for _ in range(20):
            keys.press("Tab")
            if visit.tab.evaluate("!!document.activeElement.closest('#rows')"):
                break
        else:
            pytest.fail("the list was not reached")
        at = "Number(document.activeElement.dataset.at)"
        assert visit.tab.evaluate(at) == 0
        for key, place in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", record.table.num_rows - 1)):
            keys.press(key)
            assert visit.tab.evaluate(at) == place
        assert visit.tab.evaluate("document.activeElement.getBoundingClientRect().height") > 10
        keys.press("Home")
        keys.press("Enter")
        visit.tab.wait_for_selector("#evidence h3")
        assert visit.tab.evaluate("document.activeElement.id") == "evidence-title"
        keys.press("n")
        visit.tab.wait_for_timeout(200)
        assert visit.tab.locator(".row.open a").get_attribute("data-at") == "1"
        keys.press("Escape")
        assert visit.tab.evaluate(at) == 1
        assert seen(visit) == []


def test_the_keyboard_passes_the_page_from_top_to_bottom(running, demonstrated):
    with Visit(running, demonstrated[1]) as visit:
        tops = []
        for _ in range(400):
            visit.tab.keyboard.press("Tab")
            top = visit.tab.evaluate(
                "(at => at === document.body ? null : at.getBoundingClientRect().top + scrollY)(document.activeElement)"
            )
            if top is None:
                break
            tops.append(top)
        sections = visit.tab.evaluate(
            "[...document.querySelectorAll('main > section')].map(at => at.getBoundingClientRect().top + scrollY)"
        )
        order = [sum(top >= start for start in sections) for top in tops]
        assert order == sorted(order)
        assert set(order) == {0, 1, 2, 3, 4, 5, 6}


# -- evidence --------------------------------------------------------------------------------------------------------


def test_two_texts_are_side_by_side_with_what_differs_marked(running, tmp_path):
    words = " ".join(f"word{k}" for k in range(40)) + " sixteen"
    rows = [message("a"), message("b", "a", text=words), message("c", "a", text=words.replace("sixteen", "<b>omega"))]
    record = audit(tmp_path, rows, "near_duplicates")
    (finding,) = record.table.to_pylist()
    with Visit(running, saved(tmp_path, record)) as visit:
        visit.open(finding["fingerprint"])
        figures = visit.tab.locator("#evidence figure")
        left, right = (figures.nth(k).bounding_box() for k in (0, 1))
        assert left["y"] == right["y"]
        assert left["x"] < right["x"]
        only = visit.tab.locator("#evidence blockquote mark.only").all_inner_texts()
        assert sorted(text.strip(" <>") for text in only) in ([["b>omega", "sixteen"]], ["b>omega", "sixteen"])
        same = visit.tab.locator("#evidence blockquote mark:not(.only)").all_inner_texts()
        assert all("word39" in text for text in same)


def test_a_quote_has_the_language_and_the_direction_of_its_text(running, tmp_path):
    arabic = "هذا النص مكتوب باللغة العربية وهو طويل بما يكفي ليعرف الكاشف لغته بثقة تامة"
    record = audit(tmp_path, [message("a", text=arabic, lang="en")], "lang_mismatch")
    (finding,) = record.table.to_pylist()
    with Visit(running, saved(tmp_path, record)) as visit:
        visit.open(finding["fingerprint"])
        block = visit.tab.locator("#evidence blockquote")
        assert block.get_attribute("lang") == "ar"
        assert block.get_attribute("dir") == "auto"
        assert block.evaluate("element => element.matches(':dir(rtl)')")


def test_a_leaked_item_links_to_its_benchmark_and_names_the_published_rules(running, demonstrated):
    record, path = demonstrated
    with Visit(running, path) as visit:
        words = visit.open(fingerprint_of(record, "benchmark_leakage/question_and_answer"))
        assert "published rules that match" in words
        finding = next(r for r in record.table.to_pylist() if r["rule"] == "benchmark_leakage/question_and_answer")
        home = dict(finding["facets"]).get("home", "")
        if home.startswith("https://"):
            link = visit.tab.locator(f'#evidence a[href="{home}"]')
            assert link.get_attribute("rel") == "noreferrer noopener"


def test_a_conversation_shows_path_siblings_ranks_and_the_broken_link(running, tmp_path):
    rows = [
        message("a"),
        message("b", "a", rank=0),
        message("c", "a", rank=1, text="the sibling"),
        message("d", "b", role="assistant", text="speaks again"),
        message("e", "nowhere", text="an orphan"),
    ]
    record = audit(tmp_path, rows, "schema_invariants")
    with Visit(running, saved(tmp_path, record)) as visit:
        visit.open(fingerprint_of(record, "role_alternation"))
        path = visit.tab.locator("#evidence .path li").all_inner_texts()
        assert [text.split()[0] for text in path] == ["prompter,", "assistant,", "assistant,"]
        assert "rank 0" in path[1]
        assert "same role as its parent" in path[2]
        words = visit.open(fingerprint_of(record, "dangling_parent"))
        assert f"Broken link: parent {uid('nowhere')} is not in this tree" in words
    tied = audit(tmp_path, [*rows[:2], {**rows[2], "rank": 0}], "schema_invariants")
    with Visit(running, saved(tmp_path, tied)) as visit:
        visit.open(fingerprint_of(tied, "rank_tie"))
        assert "Siblings" in visit.tab.inner_text("#evidence")
        assert "rank 0" in visit.tab.inner_text("#evidence .siblings")


def test_evidence_that_was_left_out_is_marked_as_such(running, tmp_path):
    noise = Random(1)
    rows = [
        message(str(k), message_tree_id=uid(str(k)), text="\x07 " + f"word{k} " + noise.randbytes(112).hex())
        for k in range(3000)
    ]
    record = audit(tmp_path, rows, "schema_invariants")
    path = saved(tmp_path, record, Limits(max_mb=1, per_check=5900))
    assert path.stat().st_size <= 1_000_000
    with Visit(running, path) as visit:
        assert "are in findings.parquet" in visit.tab.inner_text("#findings")
        visit.tab.evaluate("document.getElementById('list').scrollTop = 1e9")
        visit.tab.wait_for_timeout(100)
        visit.tab.locator("#rows a").last.click()
        visit.tab.wait_for_selector("#evidence h3")
        assert "Its evidence did not fit on this page" in visit.tab.inner_text("#evidence")


# -- taking along ----------------------------------------------------------------------------------------------------


def copied(visit, button):
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.tab.click(button)
    visit.tab.wait_for_selector("#status:has-text('Copied')")
    return visit.tab.evaluate("navigator.clipboard.readText()")


def test_findings_are_copied_as_csv_whose_cells_no_spreadsheet_takes_for_formulas(running, tmp_path):
    texts = {"a": "=1+1 \x07", "b": '@x, "y" \x07\nz', "c": "-2 \x07"}
    record = audit(tmp_path, [message(k, None if k == "a" else "a", text=text) for k, text in texts.items()])
    filters = "#findings?rule=schema_invariants/control_characters&sort=place"
    with Visit(running, saved(tmp_path, record), filters) as visit:
        table = list(csv.DictReader(io.StringIO(copied(visit, "#copy-csv"), newline="")))
        assert visit.status == "Copied 3 findings"
    assert [row["message_id"] for row in table] == [uid("a"), uid("b"), uid("c")]
    assert [row["here"] for row in table] == ["'=1+1 ⟦U+0007⟧", '\'@x, "y" ⟦U+0007⟧\nz', "'-2 ⟦U+0007⟧"]
    assert table[0]["rule"] == "schema_invariants/control_characters"
    assert table[0]["score"] == "1"


def test_findings_are_copied_as_json_lines(running, demonstrated):
    record, path = demonstrated
    with Visit(running, path) as visit:
        lines = [json.loads(line) for line in copied(visit, "#copy-jsonl").splitlines()]
    found = {row["fingerprint"]: row for row in record.table.to_pylist()}
    assert {line["fingerprint"] for line in lines} == set(found)
    for line in lines:
        row = found[line["fingerprint"]]
        assert (line["rule"], line["message_id"], line["tree_id"]) == (row["rule"], row["message_id"], row["tree_id"])
        assert line["facets"] == {key: visible(value) for key, value in row["facets"]}
        assert line["here"] == (
            visible("".join(row["spans"][0][k] for k in ("before", "quote", "after"))) if row["spans"] else None
        )


# -- for everybody ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"color_scheme": "dark"}, {"viewport": PHONE}], ids=["light", "dark", "phone"])
def test_axe_finds_no_barrier_on_any_view(running, one_of_each, options):
    record, path = one_of_each
    with Visit(running, path, **options) as visit:
        for rule in KINDS:
            visit.open(fingerprint_of(record, rule))
            assert visit.axe("#findings") == [], rule
        visit.choose("q", "zzz no such words")
        assert visit.axe("#findings") == []
        visit.tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
        assert not visit.is_too_wide
        assert visit.axe() == []


def test_axe_finds_no_barrier_where_nothing_was_found(running, tmp_path):
    record = audit(tmp_path, [message("a"), message("b", "a")])
    with Visit(running, saved(tmp_path, record)) as visit:
        assert visit.status == "No findings."
        assert visit.axe() == []
        assert seen(visit) == []


def test_nothing_looked_at_does_not_look_like_nothing_found(running, tmp_path):
    record = audit(tmp_path, ['{"unknown": 1}'])
    with Visit(running, saved(tmp_path, record)) as visit:
        assert visit.status == "No message was checked: no findings."
        assert "Incomplete" in visit.tab.inner_text(".verdict")


def test_the_summary_prints_on_few_pages(running, demonstrated, tmp_path):
    with Visit(running, demonstrated[1]) as visit:
        pdf = visit.tab.pdf(format="A4")
        visit.tab.emulate_media(media="print")
        assert not visit.tab.locator("#explorer").is_visible()
        assert visit.tab.locator(".verdict").is_visible()
    assert 1 < len(re.findall(rb"/Type\s*/Page\b", pdf)) < 13


def test_without_script_the_page_names_what_is_missing(running, demonstrated):
    context = running.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(demonstrated[1].resolve().as_uri())
    assert "The list of findings needs JavaScript" in tab.locator("noscript").inner_text()
    assert tab.locator(".card").first.is_visible()
    context.close()


def test_what_is_new_since_the_baseline_can_be_picked_out(running, tmp_path):
    old = audit(tmp_path, [message("a", text="\x07")], "schema_invariants")
    new = audit(tmp_path, [message("a", text="\x07"), message("b", "a", text="\x08")], "schema_invariants")
    with Visit(running, saved(tmp_path, new, baseline=old), "#findings?is=new") as visit:
        fresh = set(new.table["fingerprint"].to_pylist()) - set(old.table["fingerprint"].to_pylist())
        assert visit.status == f"{len(fresh)} of {new.table.num_rows} findings"
        assert "new," in visit.tab.inner_text(".card .baseline >> nth=0")
