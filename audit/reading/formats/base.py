"""The interface of a format, and the conversion of raw values to columns of MESSAGES."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from ....checks.base.arrow.columns import IntArray
from ....checks.base.messages import Form
from .faults import Fault, Row
from .ledger import Ledger


class Format(ABC):
    """One chat format."""

    about: str = ""  # what a record contains; a noun phrase
    fields: str  # that a record must have
    example: str = ""  # a record, as JSON
    form: ClassVar[Form]
    is_flat: ClassVar[bool] = False  # a record is a message, not a tree: trees must be gathered
    is_whole: ClassVar[bool] = True  # records are kept or dropped whole: no message can be removed from one
    lang_field: str | None = None  # field in which a message declares its language; None: there is none

    @abstractmethod
    def recognise(self, record: dict[str, Any]) -> str | None:
        """Return why this record is in this format, or None if it is not."""

    def may_have(self, names: Collection[str]) -> bool:
        """Return whether a record with only these fields may be in this format."""
        return True

    @abstractmethod
    def flatten(self, record: dict[str, Any], place: str) -> Iterator[Row | Fault]:
        """Yield the messages of one record, and the faults of its shape.

        `place` (file:line) replaces a missing id; the caller fills in the line of a fault.
        """

    def known_of(self, record: dict[str, Any]) -> Sequence[re.Pattern[str]]:
        """Return the paths of texts of a record that belong to no message."""
        return ()

    def rest(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the parts of a record in which there may be a text that is not read."""
        return record

    def schema(self, sample: Sequence[dict[str, Any]]) -> pa.Schema | None:
        """Return the raw columns if Arrow can parse whole blocks; None: parse record by record."""
        return None

    def arrange(self, table: pa.Table, places: Callable[[], pa.Array]) -> tuple[pa.Table, IntArray]:
        """Convert raw columns to those of MESSAGES without the place; also return the row of `table` of each message.

        `places` returns the place (file:line) of each row, which replaces missing ids.

        Raises ArrowInvalid if a value does not have the expected type; the records are then read one by one.
        """
        raise pa.ArrowInvalid(f"{self.form.name} has no columns")

    def account_table(self, table: pa.Table, lines: IntArray, messages: pa.Table, rows: IntArray) -> Ledger:
        """Return what became of the raw columns that `arrange` converted."""
        return {}

    def holders(self, record: dict[str, Any]) -> list[int]:
        """Return the message that each message of a record is nested in, in the order of `flatten`; -1: none.

        Only called if `is_whole` is false.
        """
        raise NotImplementedError(f"{self.form.name} keeps its records whole")

    def without(
        self, record: dict[str, Any], dropped: Collection[int], tags: Mapping[int, str]
    ) -> dict[str, Any] | None:
        """Return a copy of the record without some messages and with new language tags; None if nothing is left.

        Messages are numbered in the order of `flatten`, from 0; dropping one also drops those nested in it.
        """
        if dropped:
            return None
        assert self.lang_field is not None
        (tag,) = tags.values()
        return record | {self.lang_field: tag}
