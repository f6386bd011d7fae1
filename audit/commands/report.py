"""The command `report`: the pages of a finished audit."""

import webbrowser
from datetime import date
from typing import Annotated

import typer

from ...reports.baseline import Baseline
from ...reports.files import write_pages
from ...reports.gate import decide
from ...reports.page.html import pages
from ...reports.page.payload import Limits
from ...reports.page.view import page
from ...reports.record import REPORT, SUMMARY, Record
from ...reports.redact import redacted
from .. import config as configuration
from ..paths import free
from .gate import older_audit
from .options import AuditFolder, BaselineFolder, ConfigFile, MaxReportFindings, MaxReportMb, Redact
from .terminal import err, print_text, user_errors


def report(
    folder: AuditFolder,
    baseline: BaselineFolder = None,
    redact: Redact = False,
    max_report_mb: MaxReportMb = None,
    max_report_findings: MaxReportFindings = None,
    config: ConfigFile = None,
    show: Annotated[bool, typer.Option("--open", help="Open the rebuilt report in a browser.")] = False,
) -> None:
    """Rebuild the report from a finished audit.

    With --redact, a redacted copy of the whole audit is written next to it, to share with others.
    """
    with user_errors():
        settings = configuration.load(config)
        limits = page_limits(settings, max_report_mb, max_report_findings)
        record = Record.read(folder)
        older = older_audit(baseline, settings)
        compared = None if older is None else Baseline.of(older, record)
        verdict = None if settings.gate is None else decide(record, settings.gate, compared, date.today())
        if redact:
            record, folder = redacted(record), free(folder.resolve().with_name(f"{folder.resolve().name}-redacted"))
            record.write(folder)
        write_pages(folder, pages(record, page(record, compared, verdict), limits, compared))
        for name in (REPORT, SUMMARY):
            print_text(str(folder / name))
        if show and not webbrowser.open((folder / REPORT).resolve().as_uri()):
            err.print("chataudit: no browser could be opened", style="red")


def page_limits(config: configuration.Config, max_mb: float | None, per_check: int | None) -> Limits:
    """Return the limits of the report: from the command, or else from the settings."""
    settings = config.settings
    return Limits(
        settings.max_report_mb if max_mb is None else max_mb,
        settings.max_report_findings if per_check is None else per_check,
    )
