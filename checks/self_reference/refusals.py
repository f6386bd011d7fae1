"""Replies that refuse: they say that they cannot, or lecture in place of an answer."""

import re

from .anchors import HEAD
from .passage import Passage
from .speech import Grammar

MAX_APART = 110  # code points between an apology and "I cannot", or between that and what is asked for

# "I can't help smiling", "I cannot recommend this enough": no refusals.
_OTHERWISE = re.compile(
    r" (?:help (?:but\b|it\b|feel|\w+ing\b)|(?:recommend|thank|stress|emphasi[sz]e|praise|wait|believe|imagine|say) "
    r"(?:\w+ ){0,4}(?:enough|too|how|highly)\b|wait\b|believe (?:it|how|that|you)\b|agree more|dejar de|deixar"
    r" de|non)"
)
_CLAUSE = re.compile(r"[.!?\n。]")


def says_it_cannot(passage: Passage, grams: Grammar) -> tuple[int, int] | None:
    """Return where the beginning of a reply says that the speaker will not do what was asked; None: nowhere."""
    head = passage.text[:HEAD]
    for found in grams.cannot.finditer(head):
        before, after = (
            head[max(0, found.start() - MAX_APART) : found.start()],
            head[found.end() : found.end() + MAX_APART],
        )
        if _OTHERWISE.match(after):
            continue
        asked = grams.help.search(_CLAUSE.split(after)[0]) or grams.help.search(before)
        if (asked or grams.sorry.search(before)) and not passage.is_cited(*found.span()):
            return found.span()
    return None
