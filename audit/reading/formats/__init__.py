"""Chat formats: what their records look like, and how these become messages."""

from collections.abc import Mapping

from ....checks.base.settings import suggestion
from .base import Format
from .described import Described
from .exports import ChatGptExport
from .faults import Fault, Row
from .oasst import OasstMessages, OasstTrees
from .spec import Spec, built_in

MAPPING = "mapping"
"""The name of the format that the table [format] of the settings describes."""

# If several formats fit a record, the first is used.
FORMATS: dict[str, Format] = {
    OasstTrees.form.name: OasstTrees(),
    OasstMessages.form.name: OasstMessages(),
    "chatgpt_export": ChatGptExport(),
    **{each.name: Described(each.name, each.spec, each.needs, each.about, each.example) for each in built_in()},
}


def known(spec: Spec | None) -> Mapping[str, Format]:
    """Return the formats by name; the one of the user's settings comes first."""
    return (
        FORMATS
        if spec is None
        else {
            MAPPING: Described(MAPPING, spec, about="records whose fields are named in [format] of the settings"),
            **FORMATS,
        }
    )


def refuse_unknown(name: str | None, formats: Mapping[str, Format]) -> None:
    """Raise unless `name` is a known format, or None.

    Raises
    ------
    LookupError
        If there is no such format.
    """
    if name == MAPPING and name not in formats:
        raise LookupError(f"format {name!r} needs a table [format] in the settings. Map your fields there")
    if name is not None and name not in formats:
        raise LookupError(f"unknown format {name!r}. {suggestion(name, formats)}")


__all__ = ["FORMATS", "MAPPING", "Fault", "Format", "Row", "Spec", "known", "refuse_unknown"]
