"""Export of an audit for Great Expectations: a table of flags, a suite of built-in Expectations, and a runner.

They run in any GX project, on pandas or on Spark, without this package. The table contains ids and flags and no text:
GX writes unexpected values into its pages as they are, so that markup among them would run.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import rows_at
from ...checks.base.findings import ERROR, NOTE, WARNING
from ..counts import Counts
from ..gate import EVERYTHING, Limit
from ..record import Record, RuleFacts

FLAGS_FILE, SUITE_FILE, RUNNER_FILE = "flags.parquet", "suite.json", "run_gx.py"
KEYS = ("message_id", "tree_id", "source", "line", "role", "lang")
_TINY = 1e-9  # less than one message of any data set
_SEVERITY = {NOTE: "info", WARNING: "warning", ERROR: "critical"}


def flags(record: Record) -> pa.Table:
    """Return one row a message and one an unreadable record, with a column of flags for each check and each rule.

    A flag is true where there is a finding that counts: of a check and its rules from warnings on, of a rule that only
    makes notes any. It is null where the check skipped the message or did not finish, else false. Unreadable records
    are rows here, and do not count in rates.
    """
    population = Counts(record).population
    rows, findings = population.row, record.table
    lost = np.flatnonzero(rows < 0)
    places = [tuple(place.values()) for place in rows_at(findings.select(["source", "line"]), lost).to_pylist()]
    number = {place: k for k, place in enumerate(dict.fromkeys(places))}
    n, n_lost = len(population), len(number)
    rows = rows.copy()
    rows[lost] = [n + number[place] for place in places]

    messages = record.messages.select(list(KEYS))
    columns = {name: messages[name].combine_chunks().cast(_type(name)) for name in KEYS}
    beside = {"source": [place[0] for place in number], "line": [place[1] for place in number]}
    table = {
        name: pa.concat_arrays([column, pa.array(beside.get(name, [None] * n_lost), _type(name))])
        for name, column in columns.items()
    }
    for check in record.facts.checks:
        if check.error:
            table[check.name] = pa.nulls(n + n_lost, pa.bool_())
            continue
        checked = np.append(population.checked(check.name), np.zeros(n_lost, dtype=bool))
        for target, severity in [(check.name, WARNING), *((rule.id, _level(rule)) for rule in check.rules)]:
            flagged = np.zeros(n + n_lost, dtype=bool)
            flagged[rows[population.of(target, severity)]] = True
            table[target] = pa.array(flagged, mask=~checked & ~flagged)
    return pa.table(table)


def suite(record: Record, limits: Sequence[Limit] = ()) -> dict[str, Any]:
    """Return a suite for the table of flags, as `great_expectations.ExpectationSuite` takes it.

    No message may have a warning or an error, unless a limit on a whole check or rule allows a rate of them; each check
    must have checked a message.
    """
    allowed = {
        limit.target: limit.max_rate
        for limit in limits
        if limit.max_rate is not None and limit.bound == "point" and limit.target != EVERYTHING
        and not (limit.severity or limit.lang or limit.role or limit.source)
    }  # fmt: skip
    expectations = []

    def expect(kind: str, column: str, severity: int, about: str, **more: Any) -> None:
        expectations.append(
            {
                "type": kind,
                "kwargs": {"column": column, **more},
                "severity": _SEVERITY[severity],
                "description": about,
                "meta": {"chataudit": record.facts.chataudit, "target": column},
            }
        )

    for check in record.facts.checks:
        # A column of nulls meets every expectation about its values.
        words = f"{check.name} did not finish" if check.error else f"{check.name} checked a message"
        expect("expect_column_values_to_not_be_null", check.name, ERROR, words, mostly=_TINY)
        if check.error:
            continue
        worst = max((rule.severity for rule in check.rules), default=WARNING)
        rules = [rule for rule in check.rules if rule.severity > NOTE or rule.id in allowed]
        for target, about, severity in [
            (check.name, check.about, worst),
            *((r.id, r.title, r.severity) for r in rules),
        ]:
            # A rate at its very limit meets it; float errors must not change that.
            mostly = max(0.0, 1 - allowed.get(target, allowed.get(check.name, 0.0)) - _TINY) if allowed else 1.0
            expect("expect_column_values_to_be_in_set", target, severity, about, value_set=[False], mostly=mostly)
    meta = {"chataudit": record.facts.chataudit, "started": record.facts.started}
    return {"name": "chataudit", "expectations": expectations, "meta": meta}


def export(record: Record, limits: Sequence[Limit] = ()) -> dict[str, str | pa.Table]:
    """Return the files of the export, by name."""
    described = json.dumps(suite(record, limits), indent=1) + "\n"
    return {FLAGS_FILE: flags(record), SUITE_FILE: described, RUNNER_FILE: RUNNER}


def _level(rule: RuleFacts) -> int:
    """Return the least severity that counts: the boundary of the check, so that check and rule agree."""
    return min(rule.severity, WARNING)


def _type(name: str) -> pa.DataType:
    return pa.int64() if name == "line" else pa.string()


RUNNER = '''\
"""Validate flags.parquet against suite.json with Great Expectations 1.x, in pandas or in Spark.

    python run_gx.py            pip install great-expectations pyarrow
    python run_gx.py --spark    pip install great-expectations[spark]

Exit code: 0 if all expectations are met, else 1. result.json says which are not, and names the messages by their ids.
"""

import json
import os
import sys
from pathlib import Path

os.environ["GX_ANALYTICS_ENABLED"] = "false"
import great_expectations as gx  # noqa: E402

HERE = Path(__file__).resolve().parent
FLAGS = str(HERE / "flags.parquet")

context = gx.get_context(mode="ephemeral")
described = json.loads((HERE / "suite.json").read_text(encoding="utf-8"))
suite = context.suites.add(gx.ExpectationSuite(**described))
if "--spark" in sys.argv[1:]:
    from pyspark.sql import SparkSession

    frame = SparkSession.builder.getOrCreate().read.parquet(FLAGS)
    source = context.data_sources.add_spark("chataudit")
else:
    import pandas as pd

    frame = pd.read_parquet(FLAGS)
    source = context.data_sources.add_pandas("chataudit")
batch = source.add_dataframe_asset("flags").add_batch_definition_whole_dataframe("all")
definition = gx.ValidationDefinition(name="chataudit", data=batch, suite=suite)
result = context.validation_definitions.add(definition).run(
    batch_parameters={"dataframe": frame},
    result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["message_id", "source", "line"]},
)
(HERE / "result.json").write_text(json.dumps(result.to_json_dict(), indent=1), encoding="utf-8")
for each in result.results:
    column = each.expectation_config.kwargs["column"]
    print("met   " if each.success else "unmet ", column, each.result.get("unexpected_count", ""))
sys.exit(0 if result.success else 1)
'''
