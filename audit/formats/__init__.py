"""One file per chat format: what its records look like, and how they become messages."""

from .base import Fault, Format, Row
from .documents import Documents
from .instructions import Instructions
from .mapped import Mapped, Mapping
from .messages import Messages
from .oasst import OasstMessages, OasstTrees
from .preferences import Preferences
from .sharegpt import ShareGpt
from .transcripts import Transcripts
from .ultrachat import UltraChat
from .ultrafeedback import UltraFeedback

# Where two formats know a record, the earlier one is meant.
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
    """The formats by name; what a mapping describes comes first."""
    return FORMATS if mapping is None else {Mapped.form.name: Mapped(mapping), **FORMATS}


def refuse_unknown(name: str | None, formats: dict[str, Format]) -> None:
    """Let only names of formats pass.

    Raises
    ------
    LookupError
        If there is no such format.
    """
    if name == Mapped.form.name and name not in formats:
        raise LookupError(f"format {name!r}, but no mapping. Say in [format] of the settings which field is what")
    if name is not None and name not in formats:
        raise LookupError(f"no format {name!r}; there are {', '.join(formats)}")


__all__ = ["FORMATS", "Fault", "Format", "Mapped", "Mapping", "Row", "known", "refuse_unknown"]
