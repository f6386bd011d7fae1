"""Page as one self-contained HTML file that loads nothing and runs no script but its own."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from ..baseline import Baseline
from ..rates import CORRECTED
from ..record import REPORT, SUMMARY, Record
from ..wording import renaming, unbroken
from . import markdown
from .payload import Limits, Payload, payload
from .view import Page


def pages(record: Record, view: Page, limits: Limits | None = None, baseline: Baseline | None = None) -> dict[str, str]:
    """Return the pages that an audit writes next to its record, by file name.

    Parameters
    ----------
    record : Record
        The audit.
    view : Page
        Its view (`view.page`).
    limits : Limits, optional
        How large the HTML page may grow.
    baseline : Baseline, optional
        The older audit that `view` was compared with, so that the list of findings marks new ones.
    """
    parts, named = _parts(), renaming(record.facts.file_names)

    def rendered(data: Payload | None) -> str:
        return parts.template.render(
            page=view,
            named=named,
            css=parts.css,
            js=parts.js,
            policy=parts.policy,
            corrected=CORRECTED,
            left_out=data.left_out if data else (),
            index=_carried([("index", data.index)] if data else []),
            chunks=_carried(_numbered("e", data.evidence) + _numbered("t", data.threads) if data else []),
        )

    data = payload(record, limits or Limits(), len(rendered(None).encode()), baseline)
    return {REPORT: rendered(data), SUMMARY: markdown.summary(view)}


def _numbered(kind: str, pieces: Sequence[str]) -> list[tuple[str, str]]:
    return [(f"{kind}{k}", piece) for k, piece in enumerate(pieces)]


def _carried(pieces: Sequence[tuple[str, str]]) -> Markup:
    """Return elements with packed findings, by id. Base64 has no character that could end the element."""
    return Markup("\n".join(f'<script type="text/plain" id="{name}">{piece}</script>' for name, piece in pieces))


@dataclass(frozen=True)
class _PageParts:
    template: Template
    css: Markup
    js: Markup
    policy: str


@cache
def _parts() -> _PageParts:
    loader = PackageLoader(__package__, "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unbroken"] = unbroken
    css, js = (Markup(loader.get_source(environment, name)[0]) for name in ("report.css", "report.js"))
    # The policy names hashes, so that no style or script of the data can take effect. Trusted Types keep scripts, ours
    # too, from making markup of strings.
    policy = (
        f"default-src 'none'; script-src '{_digest(js)}'; style-src '{_digest(css)}'; img-src data:; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return _PageParts(environment.get_template("report.html.j2"), css, js, policy)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
