"""What the model weighs of a reply and a message above it: what each of them says besides the words that both share."""

import re
from bisect import bisect_left
from collections import Counter
from math import log1p
from typing import NamedTuple

from .comparison import Comparison, Words
from .courtesies import adding_nothing, adds_nothing, is_greeting
from .instructions import asks, asks_again

# Separators of an instruction from the text that it is about: colons, quotation marks, brackets, line breaks.
_BORDERS = frozenset(':：\n\r"`“”„‟‘‚«»‹›「」『』《》〈〉()[]{}（）【】<>|*#—–։')
_PARTS = re.compile(r"[\n\r]+|[.!?:;。！？：；؟।]+(?=\W|$)|(?<=[。！？：；])")
_QUESTION = re.compile(r"[?？؟;՞]")
_SIGNS = re.compile(r"[=<+/%&^$@\\{}\[\]−×÷]")  # of code and formulas
_CODE = re.compile(rf"{_SIGNS.pattern}|\w\(|[;:]\s*\n")
_DRAWN = re.compile(r"[!-/:-@\[-`{-~\u2190-\u2bff\U0001f000-\U0001faff]")  # ASCII signs, arrows, boxes, emoji
_BREAK = re.compile(r"[^\w\s'’]|\n")
_FIELDS = re.compile(r"[{\[]\s*[\"']|[\"']\s*:|</?\w+>")  # JSON, tags


class Left(NamedTuple):
    """What a reply says besides the message that it repeats, word by word."""

    is_new: list[bool]  # neither in the message nor one of the words that add nothing
    is_nothing: list[bool]  # openings, labels, refusals


def features(pair: Comparison, prompt: str | None, above: str) -> dict[str, float]:
    """Return what the model weighs, by name.

    Parameters
    ----------
    pair : Comparison
        The reply, and the message that it may repeat.
    prompt : str, optional
        The prompt of the reply, where that message is an earlier one.
    above : str
        What system messages and earlier prompts said, which may be an order for all that follows.
    """
    reply, other = pair.reply, pair.other
    n, m = len(reply), len(other)
    left = _left(pair)
    added = [k for k in range(n) if left.is_new[k]]
    head, tail = pair.edges
    kept = sum(pair.is_kept)
    missing = m - kept - head - tail
    texts = reply.text.decode(), other.text.decode()
    turned = bool(_QUESTION.search(texts[1])) and not _QUESTION.search(texts[0])
    first, last = _parts_lost(pair)
    shared = pair.shared_texts
    signs = _signs_changed(*shared)
    is_changed = signs + pair.n_misspelt + missing + len(added) > 0
    is_earlier = prompt is not None
    return {
        "covered": kept / m,
        "head": log1p(head),
        "tail": log1p(tail),
        "edges": (head + tail) / m,
        "missing": log1p(missing),
        "missing_share": missing / m,
        "first_lost": first,
        "last_lost": last,
        "misspelt": log1p(pair.n_misspelt),
        "new": log1p(len(added)),
        "new_share": len(added) / n,
        "behind": log1p(sum(left.is_new[pair.ends[1] + 1 :])),
        "drawn": max(0.0, _n_drawn(pair.said_around) - _n_drawn(texts[1]) * sum(pair.is_again) / m) / 100,
        "nothing": log1p(sum(left.is_nothing)),
        "border": float(any(not _BORDERS.isdisjoint(text) for text in pair.borders)),
        "asked": float(asks("\n".join(pair.at_edges))),
        "asked_above": float(pair.n_misspelt > len(added) and asks(above)),
        "turned": float(turned),
        "answered": float(turned and (head > 0 or len(added) > 0)),
        "signs": log1p(signs if not added else 0),
        "code_changed": is_changed * min(1.0, 3 * len(_CODE.findall(texts[1])) / m),
        "fields": float(_n_fields(shared[0]) > _n_fields(shared[1])),
        "greeting": float(m <= 6 and is_greeting(texts[1])),
        "earlier": float(is_earlier),
        "earlier_changed": log1p(len(added) + m - kept) * is_earlier,
        "earlier_stock": max(0.0, 2 * sum(_adds_nothing(reply, 0, n)) / n - 1) if is_earlier else 0.0,
        "earlier_asked": float(is_earlier and asks_again(prompt or "")),
        "size": log1p(m) * (not is_earlier),
    }


def _left(pair: Comparison) -> Left:
    reply = pair.reply
    (head, tail), (start, last) = pair.edges, pair.ends
    is_nothing = [False] * len(reply)
    # Openings, labels and refusals are set off from the prompt, which is whole; within a sentence the same words count.
    for first, end in reply.runs(pair.is_taken, False) if not head else ():
        is_set_off = end == start and _BREAK.search(reply.between(reply.ends[end - 1], reply.starts[end]))
        if is_set_off or (first == last + 1 and not tail):
            is_nothing[first:end] = _adds_nothing(reply, first, end)
    known = set(pair.other.hashes.tolist())
    is_new = [
        not (shared or again or nothing) and value not in known
        for shared, again, nothing, value in zip(
            pair.is_taken, pair.is_again, is_nothing, reply.hashes.tolist(), strict=True
        )
    ]
    return Left(is_new, is_nothing)


def _adds_nothing(words: Words, first: int, end: int) -> list[bool]:
    """Mark words from first to end (exclusive) that are openings, labels and refusals."""
    start = words.starts[first]
    marks = [adds_nothing(words.word(k)) for k in range(first, end)]
    for at, to in adding_nothing(words.text[start : words.ends[end - 1]]):
        k = bisect_left(words.starts, start + at, first, end)
        while k < end and words.starts[k] < start + to:
            marks[k - first] = True
            k += 1
    return marks


def _parts_lost(pair: Comparison) -> tuple[float, float]:
    """Return which share of the first and of the last line or sentence the reply does not repeat; 0: there is one."""
    other = pair.other
    text = other.text.decode()
    ends, begin, at = [], 0, 0
    for match in _PARTS.finditer(text):
        at += len(text[begin : match.end()].encode())
        begin = match.end()
        ends.append(at)
    parts: list[list[bool]] = [[]]
    bound = iter([*ends, len(other.text) + 1])
    end = next(bound)
    for start, kept in zip(other.starts, pair.is_kept, strict=True):
        while start >= end:
            end = next(bound)
            if parts[-1]:
                parts.append([])
        parts[-1].append(kept)
    if len(parts) == 1:
        return 0.0, 0.0
    first, last = (1 - sum(part) / len(part) for part in (parts[0], parts[-1]))
    return first, last


def _signs_changed(text: str, other: str) -> int:
    """Return how many signs of code and formulas one text has and the other does not."""
    mine, theirs = Counter(_SIGNS.findall(text)), Counter(_SIGNS.findall(other))
    return (mine - theirs).total() + (theirs - mine).total()


def _n_fields(text: str) -> int:
    return len(_FIELDS.findall(text))


def _n_drawn(text: str) -> int:
    """Return the number of signs; an answer may be a drawing or a formula and have no words."""
    return len(_DRAWN.findall(text))
