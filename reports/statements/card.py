"""Statements of an audit on a data set card of the Hugging Face hub: a section between marks, and its YAML.

The layout of cards: https://huggingface.co/docs/hub/datasets-cards.
"""

import re

from ...checks.base.text.languages import base
from ..page.markdown import plain
from .limitations import Limitations, markdown

BEGIN, END = "<!-- chataudit: begin, written by `chataudit limitations` -->", "<!-- chataudit: end -->"
_SECTION = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?$", re.DOTALL | re.MULTILINE)
_SIZES = (  # https://github.com/huggingface/hub-docs/blob/main/datasetcard.md
    *((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")),
    *((10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B")),
    *((10_000_000_000, "1B<n<10B"), (100_000_000_000, "10B<n<100B"), (1_000_000_000_000, "100B<n<1T")),
)


def card(statements: Limitations, before: str = "") -> str:
    """Write a card with the statements: `before` with its section replaced, or a new card.

    Text outside the marks stays; keys that the YAML at the top lacks are added. Doing so twice changes nothing more.

    Raises
    ------
    ValueError
        If `before` contains one of the marks without the other, or several pairs.
    """
    marks, pairs = (before.count(BEGIN), before.count(END)), len(_SECTION.findall(before))
    if marks not in ((0, 0), (1, 1)) or pairs != marks[0]:
        raise ValueError(f"the card must contain {BEGIN} once, followed by one {END}. Leave one pair, or none")
    end = "\r\n" if "\r\n" in before else "\n"
    section = f"{BEGIN}\n{markdown(statements).rstrip()}\n{END}".replace("\n", end)
    if BEGIN in before:
        after = _SECTION.sub(lambda _: section, before)
    elif before.strip():
        after = before + (end if before.endswith("\n") else 2 * end) + section + end
    else:
        after = f"# {plain(statements.title)}{end}{end}{section}{end}"
    return _with_yaml(after, statements, end)


def _with_yaml(text: str, statements: Limitations, end: str) -> str:
    front = _FRONT.match(text)
    there = front[1] if front else ""
    keys = _keys(statements).items()
    added = "".join(lines for key, lines in keys if not re.search(rf"^{key}\s*:", there, re.MULTILINE)).replace(
        "\n", end
    )
    if front is None:
        return f"---{end}{added}---{end}{end}{text}"
    return text[: front.end(1)] + added + text[front.end(1) :]


_READ_OTHERWISE = frozenset({"no", "yes", "on", "off", "n", "y", "true", "false", "null"})  # by YAML 1.1


def _keys(statements: Limitations) -> dict[str, str]:
    size = next((name for limit, name in _SIZES if statements.n_messages < limit), "n>1T")
    tags = [tag for tag in statements.languages if re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag) and base(tag)]
    # The hub takes ISO 639 codes here, and longer tags under another key.
    codes = [f'"{code}"' if code.lower() in _READ_OTHERWISE else code for code in (tag.split("-")[0] for tag in tags)]
    keys = {"language": list(dict.fromkeys(codes)), "language_bcp47": [tag for tag in tags if "-" in tag]}
    keys["size_categories"] = [size]
    return {key: f"{key}:\n" + "".join(f"- {value}\n" for value in values) for key, values in keys.items() if values}
