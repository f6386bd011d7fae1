"""Reports opened in headless Chromium: the system's own, nothing is downloaded."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from building import pages
from chataudit.reports.baseline import Baseline
from chataudit.reports.page.payload import Limits
from chataudit.reports.record import REPORT, Record

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NEEDED = {"Chromium": CHROMIUM, "playwright": find_spec("playwright"), "axe": find_spec("axe_playwright_python")}
MISSING = [name for name, found in NEEDED.items() if not found]
needs_browser = pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}")

WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 360, "height": 780}


@contextmanager
def browser() -> Iterator[Any]:
    """Run a browser."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--enable-precise-memory-info"]  # tests may run as root
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield running
        running.close()


def saved(folder: Path, record: Record, limits: Limits | None = None, baseline: Record | None = None) -> Path:
    """Write the report of a record to a file."""
    path = folder / REPORT
    compared = None if baseline is None else Baseline.of(baseline, record)
    path.write_text(pages(record, limits, compared)[REPORT], encoding="utf-8")
    return path


class Visit:
    """A report in a tab, and all that it tried to do there."""

    def __init__(self, running: Any, path: Path, where: str = "", **options: Any) -> None:
        self.context = running.new_context(**{"viewport": WIDE, **options})
        self.context.set_default_timeout(10_000)
        self.tab = self.context.new_page()
        self.errors: list[str] = []
        self.requests: list[str] = []
        self.tab.on("console", lambda message: self.errors.append(message.text))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.errors.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.url = path.resolve().as_uri()
        self.go(where)

    def go(self, where: str) -> None:
        """Go to another place of the report, in a page loaded anew."""
        self.tab.goto("about:blank")
        self.requests.clear()
        self.tab.goto(self.url + where)
        self.tab.wait_for_selector("html[data-ready]")

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    # -- what a person does ------------------------------------------------------------------------------------------

    def choose(self, name: str, value: str) -> None:
        """Set a filter."""
        field = self.tab.locator(f"#filter-{name}")
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)

    def open(self, fingerprint: str) -> str:
        """Return the words of the evidence of a finding."""
        self.tab.evaluate(f"location.hash = '#f/{fingerprint}'")
        self.tab.wait_for_selector(f'#evidence a[href="#f/{fingerprint}"]')
        return str(self.tab.inner_text("#evidence"))

    @property
    def status(self) -> str:
        line = self.tab.locator("#status")
        assert line.is_visible()
        return str(line.inner_text())

    @property
    def listed(self) -> list[str]:
        """Return the sentences of the list, as far as they are in view."""
        return [str(words) for words in self.tab.locator("#rows bdi").all_inner_texts()]

    # -- what tests assert of it -------------------------------------------------------------------------------------

    def axe(self, part: str = "html") -> list[str]:
        """Return what axe-core finds to be a barrier in a part of the page, by rule."""
        if not self.tab.evaluate("'axe' in window"):
            self.tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
        # Only violations cross over to Python: the rest would take most of the time.
        found = self.tab.evaluate(
            "async part => (await axe.run(part, { resultTypes: ['violations'] })).violations", part
        )
        return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found]

    @property
    def is_too_wide(self) -> bool:
        return bool(self.tab.evaluate("document.documentElement.scrollWidth > innerWidth"))
