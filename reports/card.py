"""The statements of an audit on a data set card of the Hugging Face hub: a section between marks, and its YAML.

The layout of cards: https://huggingface.co/docs/hub/datasets-cards.
"""

import re

from .limitations import Limitations, markdown

BEGIN, END = "<!-- chataudit: begin, written by `chataudit limitations` -->", "<!-- chataudit: end -->"
_SECTION = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
_FRONT = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_SIZES = (  # https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    *((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")),
)


def card(told: Limitations, before: str = "") -> str:
    """A card with the statements: `before` with its section put in anew, or a new card.

    What stands outside the marks stays, but that keys which the YAML at the top lacks are added to it. Put in twice, it
    is as put in once.

    Raises
    ------
    ValueError
        If `before` holds one of the marks without the other, or several pairs of them.
    """
    marks, pairs = (before.count(BEGIN), before.count(END)), len(_SECTION.findall(before))
    if marks not in ((0, 0), (1, 1)) or pairs != marks[0]:
        raise ValueError(f"the card does not hold {BEGIN} once, and {END} once behind it. Leave one pair, or none")
    section = f"{BEGIN}\n{markdown(told).rstrip()}\n{END}"
    if BEGIN in before:
        after = _SECTION.sub(lambda _: section, before)
    else:
        after = f"{before.rstrip()}\n\n{section}\n" if before.strip() else f"# {told.title}\n\n{section}\n"
    return _with_yaml(after, told)


def _with_yaml(text: str, told: Limitations) -> str:
    front = _FRONT.match(text)
    held = front[1] if front else ""
    missing = [lines for key, lines in _keys(told).items() if not re.search(rf"^{key}\s*:", held, re.MULTILINE)]
    if not missing:
        return text
    whole = held + "".join(missing)
    return f"---\n{whole}---" + (text[front.end() :] if front else f"\n\n{text}")


def _keys(told: Limitations) -> dict[str, str]:
    size = next((name for limit, name in _SIZES if told.n_messages < limit), "n>1B")
    languages = [tag for tag in told.languages if re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag)]
    keys = {"language": "".join(f"- {tag}\n" if tag.lower() != "no" else '- "no"\n' for tag in languages)}
    keys["size_categories"] = f"- {size}\n"
    return {key: f"{key}:\n{values}" for key, values in keys.items() if values}
