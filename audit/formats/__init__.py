"""One file per chat format: what its records look like, and how they become messages."""

from .base import Fault, Format, Row
from .documents import Documents
from .instructions import Instructions
from .oasst import OasstMessages, OasstTrees

# Where two formats know a record, the earlier one is meant.
FORMATS: dict[str, Format] = {
    format.form.name: format for format in (OasstTrees(), OasstMessages(), Instructions(), Documents())
}

__all__ = ["FORMATS", "Fault", "Format", "Row"]
