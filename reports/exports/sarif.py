"""Findings as SARIF 2.1.0, which code scanning and editors show beside the lines of the data."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from ...checks.base.arrow.columns import rows_at
from ...checks.base.claims import fingerprint
from ...checks.base.findings import SEVERITIES
from ...checks.base.large_tables import Coded
from ..counts import Counts
from ..gate import Verdict
from ..record import STDIN, CheckFacts, Record, RuleFacts
from ..wording import count_of, number, visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# What GitHub shows of a run and of a result; a run of more than 25,000 results it rejects.
MAX_RESULTS, MAX_LOCATIONS = 5_000, 100

Json = dict[str, Any]


def sarif(record: Record, verdict: Verdict | None = None) -> str:
    """Write the findings of an audit as SARIF, one a result, in the order of the record.

    Where there are more than GitHub shows, they are merged: one result for each rule, severity and file (without the
    file, where that is still too many), the worst first, with the place of the first finding. The log contains
    summaries, ids and places, and no text of the data.
    """
    facts, problems = record.facts, record.facts.problems
    rules = {rule.id: (check, rule) for check in facts.checks for rule in check.rules}
    findings = _claims(record, verdict)
    is_together = len(findings) > MAX_RESULTS
    if is_together:
        findings = _together(findings, {name: rule for name, (_, rule) in rules.items()})
    at = {name: k for k, name in enumerate(rules)}
    counts = Counts(record)
    properties: Json = {
        "messages": counts.messages,
        "trees": counts.trees,
        "files": counts.files,
        "findings": record.table.num_rows,
        **{f"{SEVERITIES[level]}s": n for level, n in counts.severities.items()},
        "oneResultPerRuleAndFile": is_together,
    }
    if verdict is not None:
        properties |= {
            "verdict": _line(verdict.words),
            "passed": verdict.is_passed,
            "limits": [_line(ruling.words) for ruling in verdict.rulings],
            "remarks": [_line(remark) for remark in verdict.remarks],
        }
    run = {
        "tool": {
            "driver": {
                "name": "chataudit",
                "version": facts.chataudit,
                "rules": [_descriptor(check, rule) for check, rule in rules.values()],
            }
        },
        # GitHub closes the alerts of an earlier run of the same id: that of another data set must be another.
        "automationDetails": {"id": f"chataudit/{quote(facts.title)}/"},
        "invocations": [
            {
                "executionSuccessful": not problems,
                "startTimeUtc": facts.started.replace("+00:00", "Z"),
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": _message(problem)}} for problem in problems
                ],
            }
        ],
        "results": [_result(row, at[row["rule"]]) for row in findings.to_pylist()],
        "properties": properties,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1) + "\n"


def _claims(record: Record, verdict: Verdict | None) -> pa.Table:
    """Return the findings with the verdict of the gate on each, and the number that each row represents."""
    n = record.table.num_rows
    accepted = pa.nulls(n, pa.string()) if verdict is None else pa.array(verdict.accepted, pa.string())
    is_new = pa.nulls(n, pa.bool_()) if verdict is None or verdict.is_new is None else verdict.is_new
    table = record.table.append_column("accepted", accepted).append_column("is_new", is_new)
    return table.append_column("n", pa.repeat(1, n))


def _together(findings: pa.Table, rules: Mapping[str, RuleFacts]) -> pa.Table:
    """Merge the findings of a rule and a severity in a file that are accepted for one reason, or for none."""
    # By numbers: words of millions of rows would be copied.
    words = {name: Coded(findings[name]) for name in ("rule", "accepted", "source")}
    numbered = pa.table(
        {
            **{name: column.codes for name, column in words.items()},
            **{name: findings[name] for name in ("severity", "score", "is_new")},
            "row": np.arange(len(findings), dtype=np.int32),
        }
    )
    for keys in (["rule", "severity", "accepted", "source"], ["rule", "severity", "accepted"]):
        groups = numbered.group_by(keys, use_threads=False).aggregate(
            [("row", "min"), ([], "count_all"), ("score", "max"), ("is_new", "any")]
        )
        if len(groups) <= MAX_RESULTS:
            break
    order = [("severity", "descending"), ("count_all", "descending"), ("row_min", "ascending")]
    groups = groups.sort_by(order)
    first = rows_at(findings, np.asarray(groups["row_min"], dtype=np.int64))
    summaries, counts = first["summary"].to_pylist(), groups["count_all"].to_pylist()
    rows = first.select(["rule", "severity", "accepted", "source"]).to_pylist()
    if "source" not in groups.column_names:
        rows = [{**row, "source": ""} for row in rows]
    columns = {
        "summary": [
            f"{count_of(n, 'finding')}: {rules[row['rule']].title}. The first: {summary}"
            for row, n, summary in zip(rows, counts, summaries, strict=True)
        ],
        # From rule, file, reason and another severity than the rule's alone, so that findings do not change it.
        "fingerprint": [
            fingerprint(row["rule"], "", f"{row['source']}\x00{row['accepted'] or ''}{_other(row, rules)}")
            for row in rows
        ],
        "severity": groups["severity"],
        "score": groups["score_max"],
        "is_new": groups["is_new_any"],
        "n": groups["count_all"],
    }
    return pa.table({name: columns.get(name, first[name]) for name in first.column_names})


def _other(row: Json, rules: Mapping[str, RuleFacts]) -> str:
    return "" if row["severity"] == rules[row["rule"]].severity else f"\x00{SEVERITIES[row['severity']]}"


def _descriptor(check: CheckFacts, rule: RuleFacts) -> Json:
    return {
        "id": rule.id,
        "shortDescription": {"text": _message(rule.title)},
        "fullDescription": {"text": _message(f"{rule.title}. {rule.advice}")},
        "help": {"text": _message(rule.advice)},
        "defaultConfiguration": {"level": SEVERITIES[rule.severity]},
        "properties": {"tags": [check.name], "findings": rule.findings, "measurement": _line(check.measurement.sure)},
    }


def _result(row: Json, rule: int) -> Json:
    spans = row["spans"]
    # A record that could not be read has no message id; its span has a name for it.
    name = row["message_id"] if row["message_id"] is not None else spans[0]["id"]
    own = (row["source"], row["line"], name)
    others = dict.fromkeys((span["source"], span["line"], span["id"]) for span in spans)
    others.pop(own, None)
    result = {
        "ruleId": row["rule"],
        "ruleIndex": rule,
        "level": SEVERITIES[row["severity"]],
        "message": {"text": _message(row["summary"])},
        "locations": [_location(*own)],
        "relatedLocations": [
            {"id": k, **_location(*place)} for k, place in enumerate([*others][: MAX_LOCATIONS - 1], start=1)
        ],
        "partialFingerprints": {"chataudit/v1": row["fingerprint"]},
        "rank": round(100 * row["score"], 1),
        "suppressions": [],
    }
    if row["is_new"] is not None:
        result["baselineState"] = "new" if row["is_new"] else "unchanged"
    if row["accepted"] is not None:
        result["suppressions"] = [{"kind": "external", "justification": _line(row["accepted"])}]
    if row["n"] > 1:
        result["properties"] = {"findings": row["n"]}
    return result


def _location(source: str, line: int | None, name: str) -> Json:
    place: Json = {"logicalLocations": [{"fullyQualifiedName": _line(name), "kind": "message"}]}
    if source == STDIN:
        return place
    # Quoted, a colon in a name is no scheme and nothing in it is a query; a relative path stays one.
    uri = quote(source)
    where = {"uri": f"file://{uri}"} if source.startswith("/") else {"uri": uri, "uriBaseId": "%SRCROOT%"}
    place["physicalLocation"] = {"artifactLocation": where}
    if line is not None and line > 0:
        # GitHub asks for a line of every result. A table has none, so its rows are numbered in their place.
        place["physicalLocation"]["region"] = {"startLine": line}
        if source.lower().endswith(".parquet"):
            place["message"] = {"text": f"Row {number(line)} of the table"}
    return place


def _message(words: str) -> str:
    """Plain text as SARIF has it: 3.11.5 doubles braces, and nothing is to be a link (3.11.6: `[text](target)`).

    Brackets that make no link are to stay as they are, and readers show a backslash before them; a blank between
    both halves unmakes a link for all.
    """
    return _line(words).replace("{", "{{").replace("}", "}}").replace("](", "] (")


def _line(words: str) -> str:
    return " ".join(visible(words).split())
