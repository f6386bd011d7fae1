"""The invariants as native custom Great Expectations, for people who run GX; no other module here imports it.

GX only receives structure. It copies its input into its results, and its HTML does not escape it, so its data frame
never contains the text of a message or an excerpt of a line.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when GX is imported

import great_expectations as gx
from great_expectations.core.metric_domain_types import MetricDomainTypes
from great_expectations.data_context.types.base import (
    DataContextConfig,
    InMemoryStoreBackendDefaults,
    ProgressBarsConfig,
)
from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import MulticolumnMapExpectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_condition_partial import (
    multicolumn_condition_partial,
)
from great_expectations.expectations.metrics.map_metric_provider.multicolumn_map_metric_provider import (
    MulticolumnMapMetricProvider,
)
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider
from great_expectations.validator.metric_configuration import MetricConfiguration

from .._version import __version__
from ..checks.base.check import Check
from ..checks.base.findings import ERROR, FINDINGS, NOTE, SEVERITIES, WARNING, Rule
from ..checks.base.messages import FAULTS, MESSAGES, PLACES, TEXT_FACTS, Batch
from . import registry
from .progress import Progress, Silence
from .reading import files
from .reading.blocks import cutting
from .reading.formats import FORMATS, Spec, known, refuse_unknown
from .reading.formats.ledger import merge
from .reading.parse import parse
from .reading.recognise import recognise
from .reading.sources import once, unread_faults
from .reading.streams import UnreadableSource

PLACE = ("source", "line")
KEYS = ("message_id", *PLACE)  # identify a message in findings, and an unexpected row in GX
TEXTS = ("text", "reasoning")  # columns that GX is not shown
SEVERITY = {NOTE: FailureSeverity.INFO, WARNING: FailureSeverity.WARNING, ERROR: FailureSeverity.CRITICAL}

FRAME = pa.schema(
    [
        *(MESSAGES.field(name) for name in KEYS),  # first, since GX searches for them from the left, row by row
        *(column for column in MESSAGES if column.name not in (*KEYS, *TEXTS)),
        ("format", pa.string()),  # the name of a form
        ("fault", pa.string()),  # the rule that a fault of the reader breaks; null: the row is a message
        FAULTS.field("field"),
        *((f"has_{name}", pa.bool_()) for name in TEXTS),
        PLACES.field("n_chars"),
        *TEXT_FACTS,
    ]
)
"""One row per message, and one per fault of the reader, with its place only."""


# -- files to a frame ------------------------------------------------------------------------------------------------


def frame(
    *sources: str | os.PathLike[str],
    format: str | None = None,
    mapping: Spec | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return the structure of all messages in one data frame with the columns of FRAME.

    Its `attrs["sources"]` lists each source with its name, format, number of records, and errors in reading it.

    Parameters
    ----------
    sources : str or path
        As for `run`.
    format : str, optional
        The format of all sources; by default it is recognised from the first records of each.
    mapping : Spec, optional
        The fields of data in an unknown format, as in `[format]` of the settings.
    progress : Progress, optional
        Receives progress updates.

    Raises
    ------
    LookupError
        If a source or the format does not exist.
    """
    formats = known(mapping)
    refuse_unknown(format, formats)
    progress = progress or Silence()
    found = files.find(sources, say=progress.say).sources
    progress.total(sum(source.n_bytes for source in found))
    parts = [FRAME.empty_table()]
    reported: set[tuple[str, str]] = set()
    for source in found:
        try:
            plan = recognise(source, format, formats)
        except UnreadableSource as error:
            source.errors = [f"{source.name}: {error}"]
            progress.say(source.errors[0])
            continue
        progress.say(f"{source.name}: {source.format}, {source.reason}")
        for block in cutting.blocks(source, watch=progress.advance):
            parsed = parse(block, plan)
            source.records += parsed.records
            source.chars += parsed.chars
            merge(source.fields, parsed.fields)
            parts.append(_structure(Batch(parsed.messages.combine_chunks(), plan.format.form)))
            if parsed.faults.num_rows:
                parts.append(_places(once(parsed.faults, reported), plan.format.form.name))
        parts.append(_places(unread_faults(source), plan.format.form.name))
    table = pa.concat_tables(parts, promote_options="default")
    # Arrow types: pandas types would turn ranks into floating point numbers, and NaN into null.
    rows: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
    rows.attrs["sources"] = [
        {"name": s.name, "format": s.format, "records": s.records, "errors": s.errors} for s in found
    ]
    return rows


def _structure(batch: Batch) -> pa.Table:
    """Return messages without their texts: columns of FRAME, in any order."""
    table = batch.messages.drop_columns(TEXTS).append_column("format", pa.repeat(batch.form.name, len(batch)))
    for name in ("calls", "tools"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, MESSAGES.field(name), _without_texts(batch.column(name)))
    for name in TEXTS:
        table = table.append_column(f"has_{name}", batch.column(name).is_valid())
    table = table.append_column("n_chars", batch.places["n_chars"])
    for name in TEXT_FACTS.names:
        table = table.append_column(name, batch.text_facts[name])
    return table


def _without_texts(column: pa.Array) -> pa.Array:
    """Return reasoning, or calls and tools, without all that is text: GX copies what it is shown into its results."""
    if column.null_count == len(column):
        return column
    if pa.types.is_string(column.type):
        return pc.if_else(column.is_valid(), "", column)
    kind, items = column.type.value_type, column.flatten()
    parts = [pa.nulls(len(items), f.type) if f.name in ("arguments", "schema") else items.field(f.name) for f in kind]
    lengths = pc.list_value_length(column).fill_null(0)
    offsets = pa.array([0, *pc.cumulative_sum(lengths).to_pylist()], pa.int32())
    whole = pa.StructArray.from_arrays(parts, fields=list(kind))
    return pa.ListArray.from_arrays(offsets, whole, mask=column.is_null())


def _places(faults: pa.Table, format: str) -> pa.Table:
    """Return faults without detail and excerpt, which may contain text of a message."""
    table = faults.drop_columns(["detail", "excerpt"]).rename_columns({"kind": "fault"})
    return table.append_column("format", pa.repeat(format, table.num_rows))


# -- a frame to the rows that break a rule ---------------------------------------------------------------------------


def _broken(rows: pd.DataFrame, check: Check) -> dict[str, list[int]]:
    """Return by rule the positions of the rows that its findings are about, as the check itself reports them."""
    table = pa.Table.from_pandas(rows, FRAME, preserve_index=False)
    faults = set(table["fault"].to_pylist())
    # A message without an id is identified by its place alone, as in findings.
    at: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for row, key in enumerate(zip(*(table[name].to_pylist() for name in ("fault", *KEYS)), strict=True)):
        at[key].append(row)
    findings = _findings(table, check)
    kinds = {rule.id: kind for kind, rule in check.faults.items()}
    broken: dict[str, list[int]] = defaultdict(list)
    for rule, *named in set(zip(*(findings[name].to_pylist() for name in ("rule", *KEYS)), strict=True)):
        kind = kinds.get(rule)
        # A rule may be broken by faults of the reader and by messages, but not at one place by both.
        key = (kind if kind in faults else None, *named)
        broken[rule] += at[key if key in at else (None, *named)]
    return broken


def _findings(table: pa.Table, check: Check) -> pa.Table:
    """Return FINDINGS of all stages of the check over one FRAME."""
    first, *later = check.stages()
    results = [result for batch in _batches(table) for result in first.results(batch)]
    for stage in later if results else ():
        rows = [
            pa.concat_tables([schema.empty_table(), *(r.rows[name] for r in results if name in r.rows)])
            for name, schema in stage.takes.items()
        ]
        results += stage.results(*rows)
    return pa.concat_tables([FINDINGS.empty_table(), *(result.findings for result in results)])


_FORMS = {format.form.name: format.form for format in FORMATS.values()}


def _batches(table: pa.Table) -> Iterator[Batch]:
    """Yield one batch per format, with text facts taken from the frame instead of the texts."""
    for format in pc.unique(table["format"]).to_pylist():
        part = table.filter(pc.equal(table["format"], format))
        rows = part.filter(part["fault"].is_null()).combine_chunks()
        faults = part.filter(part["fault"].is_valid()).rename_columns({"fault": "kind"})
        blank = pa.repeat("", faults.num_rows)
        faults = faults.append_column("detail", blank).append_column("excerpt", blank).select(FAULTS.names)
        places, facts = rows.select(PLACES.names), rows.select(TEXT_FACTS.names)
        for name in TEXTS:
            rows = rows.append_column(name, pc.if_else(rows[f"has_{name}"], "", pa.scalar(None, pa.string())))
        batch = Batch(rows.select(MESSAGES.names), _FORMS[format], faults)
        batch.places, batch.text_facts = places, facts
        yield batch


# -- the rules as Expectations ---------------------------------------------------------------------------------------


class _BrokenRows(TableMetricProvider):
    """Metric: labels of the rows that break each rule. GX computes it once, so the check runs once for all rules."""

    metric_name = "table.chataudit"
    value_keys = ("check", "settings")

    @metric_value(engine=PandasExecutionEngine)
    def _pandas(  # GX calls it with the class
        cls,  # noqa: N805
        execution_engine: PandasExecutionEngine,
        metric_domain_kwargs: dict[str, Any],
        metric_value_kwargs: dict[str, Any],
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any],
    ) -> dict[str, pd.Index]:
        rows, _, _ = execution_engine.get_compute_domain(metric_domain_kwargs, MetricDomainTypes.TABLE)
        check = registry.checks()[metric_value_kwargs["check"]]
        broken = _broken(rows, check(**metric_value_kwargs["settings"]))
        return {name: rows.index[positions] for name, positions in broken.items()}


class _Passes(MulticolumnMapMetricProvider):
    """Metric: whether each row passes a rule."""

    condition_metric_name = "multicolumn_values.chataudit"
    condition_value_keys = ("rule", "check", "settings")

    @multicolumn_condition_partial(engine=PandasExecutionEngine)  # type: ignore[untyped-decorator]
    def _pandas(cls, columns: pd.DataFrame, rule: str, _metrics: dict[str, Any], **_: Any) -> pd.Series:  # noqa: N805
        return pd.Series(~columns.index.isin(_metrics[_BrokenRows.metric_name].get(rule, [])), columns.index)

    @classmethod
    def _get_evaluation_dependencies(cls, metric: MetricConfiguration, *args: Any, **kwargs: Any) -> dict[str, Any]:
        # Over the whole batch, even if some rows are requested: a tree must not be cut in two.
        broken = MetricConfiguration(
            _BrokenRows.metric_name,
            {"batch_id": metric.metric_domain_kwargs.get("batch_id")},
            {name: metric.metric_value_kwargs[name] for name in _BrokenRows.value_keys},
        )
        return {**super()._get_evaluation_dependencies(metric, *args, **kwargs), _BrokenRows.metric_name: broken}


class Invariant(MulticolumnMapExpectation):
    """One rule of a check that reads no texts, over the rows of a `frame`. Each rule has its own class."""

    column_list: list[str] = list(PLACE)  # GX copies them to each unexpected row
    ignore_row_if: Literal["all_values_are_missing", "any_value_is_missing", "never"] = "never"
    rule: str = ""  # check/rule, set by the class
    check: str = ""  # its name
    settings: dict[str, Any] = {}  # of the check

    success_keys: ClassVar[tuple[str, ...]] = ("mostly", "rule", "check", "settings")


def _expectation(rule: Rule) -> type[Invariant]:
    members = {
        "__module__": __name__,
        "__doc__": f"{rule.title}. {rule.advice}",
        "map_metric": _Passes.condition_metric_name,
        "rule": rule.id,
        "check": rule.check,
    }
    return type("ExpectRowsToPass" + rule.name.title().replace("_", ""), (Invariant,), members)


STRUCTURAL = {name: check for name, check in registry.checks().items() if not check.reads_texts}
# An expectation that does not see what it is about would always be met.
EXPECTATIONS = {
    rule.id: _expectation(rule)
    for check in STRUCTURAL.values()
    for rule in check.rules
    if rule not in check.rules_on_texts
}


def suite(*checks: Check) -> gx.ExpectationSuite:
    """Return an Expectation for each rule in force of these checks, by default of all that read no texts."""
    checks = checks or tuple(check() for check in STRUCTURAL.values())
    expectations = [
        # All values are passed here, since GX does not serialise the defaults of a class.
        EXPECTATIONS[rule.id](
            settings=asdict(check),
            description=rule.title,
            severity=SEVERITY[severity],
            meta={"rule": rule.id, "severity": SEVERITIES[severity], "advice": rule.advice},
        )
        for check in checks
        for rule, severity in check.severities().items()
        if rule.id in EXPECTATIONS
    ]
    return gx.ExpectationSuite(name="chataudit", expectations=expectations)


def validate(
    *sources: str | os.PathLike[str],
    checks: Sequence[Check] = (),
    format: str | None = None,
    mapping: Spec | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Validate files with GX and return its result, ready for JSON.

    The unexpected rows of a rule are those in our findings of it, each with message id, source and line.
    `element_count` counts rows: messages, and faults of the reader. `meta["chataudit"]["sources"]` lists the sources;
    if one could not be read to the end, `success` is false.

    The structure of all messages is kept in memory. GX has one current context per process, which this call replaces;
    to keep your own context, run `suite` over `frame` in it.

    Parameters
    ----------
    sources, format, mapping, progress
        As for `frame`.
    checks : sequence of Check
        Checks that read no texts, with their settings; by default all of them.

    Raises
    ------
    LookupError
        If a source or the format does not exist.
    """
    rows = frame(*sources, format=format, mapping=mapping, progress=progress)
    sources_read = rows.attrs.pop("sources")  # pandas would copy them each time that GX looks up a row
    context = gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),  # and no pages
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False),
        ),
    )
    asset = context.data_sources.add_pandas("chataudit").add_dataframe_asset("rows")
    definition = gx.ValidationDefinition(
        name="chataudit",
        data=asset.add_batch_definition_whole_dataframe("all"),
        suite=context.suites.add(suite(*checks)),
    )
    validated = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": rows},
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": list(KEYS),
            "partial_unexpected_count": 0,
            "return_unexpected_index_query": False,
        },
    )
    result: dict[str, Any] = validated.to_json_dict()  # type: ignore[no-untyped-call]
    result["success"] = result["success"] and not any(source["errors"] for source in sources_read)
    result["meta"]["chataudit"] = {"version": __version__, "sources": sources_read}
    return result
