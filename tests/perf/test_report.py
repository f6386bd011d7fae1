"""How large the page is, how long it takes to make and to use, and what it looks like.

`pytest tests/perf/test_report.py -m perf -s` (three minutes). With CHATAUDIT_SHOTS=FOLDER the pictures that the last
test takes stay there.
"""

import os
import re
import statistics
import time
from pathlib import Path

import large_report
import pytest
from browsing import PHONE, Visit, browser, needs_browser, saved
from building import SHARED, needs_shared, pages
from chataudit.audit.run import run
from chataudit.reports.page.payload import CHUNK
from chataudit.reports.record import REPORT
from measuring import release

pytestmark = [pytest.mark.perf, needs_browser]

FILTERS = (
    *(("severity", "error"), ("lang", "de"), ("q", "93%"), ("q", "no such words"), ("q", ""), ("severity", "")),
    *(("sort", "score"), ("sort", "place"), ("facet", "scope=other tree")),
)
OASST = ("oasst1_en_validation.messages.jsonl.gz", "oasst2_all_subset.trees.jsonl.gz")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Write the report of 100,000 findings; return the seconds that it took, and its path."""
    folder = tmp_path_factory.mktemp("large")
    record = large_report.record(folder)
    began = time.perf_counter()
    html = pages(record)[REPORT]
    seconds = time.perf_counter() - began
    path = folder / REPORT
    path.write_text(html, encoding="utf-8")
    return record, path, seconds


@pytest.fixture(scope="module")
def running():
    with browser() as it:
        yield it


def milliseconds(visit, action):
    """Measure an action until the page is drawn again."""
    drawn = "await new Promise(done => requestAnimationFrame(() => setTimeout(done)))"
    script = f"async () => {{ const began = performance.now(); {action}; {drawn}; return performance.now() - began }}"
    return visit.tab.evaluate(script)


def test_a_hundred_thousand_findings(large, running):
    record, path, seconds = large
    megabytes = path.stat().st_size / 1e6
    html = path.read_text(encoding="utf-8")
    evidence, threads = (min(100_000, CHUNK * len(re.findall(f'id="{kind}[0-9]+"', html))) for kind in "et")
    print(f"\n{megabytes:.1f} MB, made in {seconds:.1f} s; evidence of {evidence:,}, conversations of {threads:,}")
    assert record.table.num_rows == 100_000
    assert megabytes <= 30
    assert seconds < 8

    ready = []
    for _ in range(5):
        with Visit(running, path) as visit:
            ready.append(int(visit.tab.evaluate("document.documentElement.dataset.ready")))
    print(f"usable after {ready} ms, median {statistics.median(ready)}")
    assert statistics.median(ready) < 1000

    with Visit(running, path) as visit:
        collector = visit.context.new_cdp_session(visit.tab)
        for name, value in FILTERS:
            set_ = f"const field = document.getElementById('filter-{name}'); field.value = '{value}'"
            reported = milliseconds(visit, f"{set_}; field.dispatchEvent(new Event('input', {{ bubbles: true }}))")
            print(f"{name} = {value!r}: {reported:.0f} ms, {visit.status}")
            assert reported < 100
        visit.tab.click("#clear")
        opened = []
        for at in range(100, evidence, evidence // 12):
            visit.tab.evaluate(f"document.getElementById('list').scrollTop = {at} * 56")
            visit.tab.wait_for_selector(f'#rows a[data-at="{at}"]')
            opened.append(
                visit.tab.evaluate(
                    """at => new Promise(done => {
                      const link = document.querySelector(`#rows a[data-at="${at}"]`);
                      const began = performance.now();
                      new MutationObserver((_, watch) => {
                        if (!document.querySelector(`#evidence a[href="${link.hash.split("?")[0]}"]`)) return;
                        watch.disconnect();
                        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
                      }).observe(document.getElementById("evidence"), { childList: true });
                      link.click();
                    })""",
                    at,
                )
            )
        print(f"evidence after {[round(each) for each in opened]} ms")
        assert statistics.median(opened) < 100
        began = time.perf_counter()
        visit.choose("q", "nowhere in any quote")
        visit.tab.wait_for_selector("#status:has-text('%')")
        visit.tab.wait_for_selector("#status:has-text('No finding')")
        print(f"all quotes searched in {time.perf_counter() - began:.1f} s")
        visit.tab.click("#clear")
        visit.choose("sort", "score")
        began = time.perf_counter()
        with visit.tab.expect_download(timeout=60_000) as saving:
            visit.tab.click("#copy-csv")
        lines = Path(saving.value.path()).read_bytes().count(b"\r\n") + 1
        print(f"all saved as CSV in {time.perf_counter() - began:.1f} s")
        assert lines == 100_001
        collector.send("HeapProfiler.collectGarbage")
        heap = visit.tab.evaluate("performance.memory.usedJSHeapSize") / 1e6
        print(f"heap {heap:.0f} MB, {visit.tab.evaluate('document.querySelectorAll(`*`).length'):,} elements")
        assert heap < 80
        assert visit.axe() == []


@needs_shared
def test_pictures_of_four_reports(large, running, tmp_path):
    """Take pictures to be looked at: light, dark, phone and print of each."""
    folder = Path(os.environ.get("CHATAUDIT_SHOTS", tmp_path))
    reports = {"large": (large[0], large[1])}
    sources = [SHARED / "data" / "oasst" / name for name in OASST] + [release(tmp_path, 20_000, "--seed", "1")]
    for name, source in zip(("oasst1", "oasst2", "release"), sources, strict=True):
        record = run(source)
        place = tmp_path / name
        place.mkdir(exist_ok=True)
        reports[name] = (record, saved(place, record))
    for name, (record, path) in reports.items():
        rows = record.table.select(["severity", "fingerprint"]).to_pylist()
        worst = max(rows, key=lambda row: row["severity"])["fingerprint"]
        views = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": PHONE}}
        for view, options in views.items():
            with Visit(running, path, **options) as visit:
                visit.tab.screenshot(path=folder / f"{name}-{view}.png")
                visit.open(worst)
                visit.tab.locator("#findings").scroll_into_view_if_needed()
                visit.tab.screenshot(path=folder / f"{name}-{view}-finding.png")
                assert visit.axe() == []
                assert not visit.is_too_wide
        with Visit(running, path) as visit:
            pdf = visit.tab.pdf(path=folder / f"{name}.pdf", format="A4")
        n_pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        print(f"{name}: {path.stat().st_size / 1e6:.2f} MB, {n_pages} pages printed")
        assert n_pages < 20
    print(f"pictures in {folder}")
