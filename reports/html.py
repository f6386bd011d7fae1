"""A page as one self-contained HTML file that asks nobody for anything and runs no script."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from .record import REPORT, Record
from .view import Page, page


def pages(record: Record) -> dict[str, str]:
    """The pages that an audit writes beside its record, by file name."""
    return {REPORT: render(page(record))}


def render(view: Page) -> str:
    """The HTML of a page. Every word of the data is escaped, and the policy forbids all script and every request."""
    template, css = _parts()
    # The style's hash stands in the policy, so that a style that stood in the data would not be applied either.
    digest = b64encode(sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    return template.render(page=view, css=css, policy=policy)


@cache
def _parts() -> tuple[Template, str]:
    folder = files(__package__) / "templates"
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return (
        environment.from_string((folder / "report.html.j2").read_text(encoding="utf-8")),
        (folder / "report.css").read_text(encoding="utf-8"),
    )
