"""Chat formats, one per file: what their records look like, and how these become messages."""

from ....checks.base.settings import suggestion
from .base import Format
from .custom import Mapped, Mapping
from .documents import Documents
from .faults import Fault, Row
from .instructions import Instructions
from .messages import Messages
from .oasst import OasstMessages, OasstTrees
from .preferences import Preferences
from .sharegpt import ShareGpt
from .transcripts import Transcripts
from .ultrachat import UltraChat
from .ultrafeedback import UltraFeedback

# If two formats recognise a record, the earlier one wins.
FORMATS: dict[str, Format] = {
    format.form.name: format
    for format in (
        OasstTrees(),
        OasstMessages(),
        Transcripts(),
        Preferences(),
        Messages(),
        ShareGpt(),
        UltraChat(),
        UltraFeedback(),
        Instructions(),
        Documents(),
    )
}


def known(mapping: Mapping | None) -> dict[str, Format]:
    """Return the formats by name; a user's mapping comes first."""
    return FORMATS if mapping is None else {Mapped.form.name: Mapped(mapping), **FORMATS}


def refuse_unknown(name: str | None, formats: dict[str, Format]) -> None:
    """Raise unless `name` is a known format, or None.

    Raises
    ------
    LookupError
        If there is no such format.
    """
    if name == Mapped.form.name and name not in formats:
        raise LookupError(f"format {name!r} needs a table [format] in the settings. Map your fields there")
    if name is not None and name not in formats:
        raise LookupError(f"unknown format {name!r}. {suggestion(name, formats)}")


__all__ = ["FORMATS", "Fault", "Format", "Mapped", "Mapping", "Row", "known", "refuse_unknown"]
