"""Faults of records, as the reader reports them."""

from enum import StrEnum


class FaultKind(StrEnum):
    """The kinds of faults in FAULTS."""

    UNREADABLE_LINE = "unreadable_line"  # a record that is lost
    REPAIRED_LINE = "repaired_line"  # one that strict readers refuse or misread
    UNREAD_TEXT = "unread_text"  # a field with text that no message has
    LINE_FORMAT = "line_format"  # byte order mark, CRLF, blank lines
    MISSING_FIELD = "missing_field"
    MISTYPED_FIELD = "mistyped_field"
    CONFLICTING_FIELDS = "conflicting_fields"  # two fields of a turn disagree, and one was read
    CALL_FORMAT = "call_format"  # a call of a tool that is not JSON
    TRAINING_WEIGHT = "training_weight"  # a weight that no trainer can use


class Use(StrEnum):
    """Use of a field."""

    READ = "read"  # its text is in a message
    FACT = "fact"  # ids, roles, languages, names: no text
    KNOWN = "known"  # a text that belongs to no message, as the format says
    UNREAD = "unread"
