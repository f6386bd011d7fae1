"""The example of a format, and the messages that come of it."""

import json
from typing import Any

from .base import Format
from .faults import Fault, Row

PLACE = "data.jsonl:1"  # of the example
COLUMNS = ("message_id", "parent_id", "role", "text", "calls", "branch", "rank", "lang", "model_name")
"""Columns of MESSAGES that show what became of a record."""


def messages(format: Format) -> list[Row]:
    """Return the messages of the example, as if it were the first record of `data.jsonl`."""
    record = json.loads(format.example)
    return [row for row in format.flatten(record, PLACE) if not isinstance(row, Fault)]


def table(format: Format) -> list[list[str]]:
    """Return the messages of the example as a table: its head, then a line for each; empty columns are left out."""
    rows = messages(format)
    head = [name for name in COLUMNS if any(row.get(name) is not None for row in rows)]
    return [head, *([_cell(row.get(name)) for name in head] for row in rows)]


def _cell(value: Any) -> str:
    if isinstance(value, list):  # calls
        return ", ".join(call["name"] for call in value)
    return "" if value is None else str(value)
