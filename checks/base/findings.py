"""Findings: one claim a row, with the spans of text that show it."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import pyarrow as pa

from .examples import Example

NOTE, WARNING, ERROR = 1, 2, 3
SEVERITIES = {NOTE: "note", WARNING: "warning", ERROR: "error"}
Severity = Literal["note", "warning", "error"]  # as people write it
LEVELS = {name: level for level, name in SEVERITIES.items()}

SPAN = pa.struct(
    [
        ("source", pa.string()),
        ("line", pa.int64()),
        ("id", pa.string()),  # of the message; `line N` for a raw record
        ("start", pa.int64()),  # code points of the text as read; end is past the last one
        ("end", pa.int64()),
        # Filled in by audit/pipeline/quotes.py, as the role and the language. The words around the span let a reader
        # see it in its place.
        ("at", pa.int64()),  # where the quote begins: `start`, or near the first difference of two long texts
        ("before", pa.string()),
        ("quote", pa.string()),
        ("after", pa.string()),
        ("role", pa.string()),
        ("lang", pa.string()),
    ]
)

ID_FACETS = frozenset({"partner", "cluster", "prompt"})  # facets whose values are ids of messages

FINDINGS = pa.schema(
    [
        ("check", pa.string()),
        ("rule", pa.string()),  # check/rule
        ("severity", pa.int8()),  # 1 note, 2 warning, 3 error
        ("tree_id", pa.string()),
        ("message_id", pa.string()),
        ("summary", pa.string()),  # one sentence with its numbers
        ("score", pa.float64()),  # strength of the evidence, in [0, 1]
        ("spans", pa.list_(SPAN)),  # the first is the primary one
        ("facets", pa.map_(pa.string(), pa.string())),
        ("fingerprint", pa.string()),  # 16 hex digits, the same in every run over the same fault
        ("source", pa.string()),
        ("line", pa.int64()),
        # Of the message; filled in by audit/pipeline/quotes.py where the check does not know them, so that findings can
        # be counted by them without the data.
        ("role", pa.string()),
        ("lang", pa.string()),  # as declared
        ("created_date", pa.string()),  # as written
    ]
)

CHECKED = "checked"
"""The outcome of a message that a check has looked at; any other outcome is the reason why it was skipped."""

COVERAGE = pa.schema(
    [
        ("message_id", pa.string()),
        ("source", pa.string()),
        ("line", pa.int64()),
        ("outcome", pa.string()),  # CHECKED, or why the message was skipped
    ]
)
"""What became of messages in a check, one a row. What a later stage says of a message stands above the first one's."""


class Action(StrEnum):
    """What `clean` does about a finding."""

    KEEP = "keep"  # leave the message as it is
    DROP_MESSAGE = "drop_message"  # and the replies to it, unless the tree has its id a second time
    DROP_SUBTREE = "drop_subtree"  # the message and everything below it
    DROP_TREE = "drop_tree"
    DROP_RECORD = "drop_record"  # a record that could not be read: there is no other way
    # Drop all copies of a text but the best: needs the facets `partner` and `cluster`, or a rule about repeated ids.
    KEEP_BEST = "keep_best"
    FIX_LANGUAGE = "fix_language"  # set the tag to the detected language (needs the facet `detected`)


class Concerns(StrEnum):
    """What a finding of a rule is about."""

    MESSAGE = "message"
    TREE_STATES = "tree states"  # one finding a tree: all its messages whose tree state is not that of the first
    SOURCE = "source"  # a whole file: there is no message to drop
    RECORD = "record"  # a raw record, which may have no message
    REPEATED_ID = "repeated id"  # of n messages of a record that share an id, one of the last
    REPEATED_TREE = "repeated tree"  # all messages of the record, or of the tree, that repeat ids of the tree
    COPIES = "copies"  # the messages of all its spans, which are interchangeable


@dataclass(frozen=True)
class Rule:
    """One nameable fault, with all that any surface says about it."""

    id: str  # check/rule
    title: str  # what is wrong, without a full stop; survives being cut at 60 characters
    severity: int  # NOTE, WARNING or ERROR: how bad it is, if true
    advice: str  # what to do about it
    example: Example = field(hash=False)  # it contains dicts
    action: Action = Action.KEEP  # of `clean`, by default
    strict: Action | None = None  # of `clean --policy strict`; None: see `strict_action`
    concerns: Concerns = Concerns.MESSAGE

    @property
    def strict_action(self) -> Action:
        """What the strict policy does: unless the rule says so, its own action, or drop the message if that is keep."""
        usual = Action.KEEP if self.severity == NOTE else Action.DROP_MESSAGE
        return self.strict or (self.action if self.action != Action.KEEP else usual)

    @property
    def check(self) -> str:
        """The name of its check."""
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        """Its name without that of its check."""
        return self.id.partition("/")[2]
