"""Parts of benchmark items in texts."""

from collections import Counter
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ..layout import (
    A_NUMBER,
    BY_LINE,
    BY_SENTENCE,
    BY_TEXT,
    HIT,
    LINE,
    MAX_PLACES,
    NUMBER,
    SEARCHED,
    SENTENCE,
    SPELT,
    WHOLE,
    Bytes,
    Hashes,
    Ints,
    Numbers,
    Sought,
)
from .hashing import runs, spread

_OF_WEIGHT = np.uint8(SEARCHED - 1)  # bits


def values_of(codes: Bytes, n: int) -> Hashes:
    """Return the value of each n codes in a row, at most eight: their bits, spread evenly."""
    n_values = max(0, len(codes) - n + 1)
    joined = np.zeros(n_values, dtype=np.uint64)
    for k in range(n):
        joined = joined << np.uint64(8) | codes[k : k + n_values]
    return spread(joined)


def n_parts_with(values: Hashes, sought: Sought) -> Ints:
    """Return in how many parts grams of these values are searched for; 0 too for those of very many parts."""
    head, rest = _split(values, sought)
    first, sizes = sought.heads[head], sought.heads[head + 1] - sought.heads[head]
    at = np.arange(sizes.sum()) + np.repeat(first - np.cumsum(sizes) + sizes, sizes)
    is_same = sought.postings[at] >> np.uint32(sought.part_bits) == np.repeat(rest, sizes)
    found: Ints = np.diff(np.append(0, np.cumsum(is_same))[np.append(0, np.cumsum(sizes))])
    return found


def _split(values: Hashes, sought: Sought) -> tuple[Ints, Hashes]:
    """Return the head of the postings of each value, and the bits behind it that a posting keeps."""
    n_heads, n_rest = (len(sought.heads) - 1).bit_length() - 1, 32 - sought.part_bits
    head = (values >> np.uint64(64 - n_heads)).astype(np.int64)
    return head, values >> np.uint64(64 - n_heads - n_rest) & np.uint64((1 << n_rest) - 1)


def scan(hashes: Hashes, bounds: Ints, marks: Bytes, n: int, sought: Sought) -> Ints:
    """Find the parts of benchmark items that texts contain, whole or edited.

    A part is compared with a text if one of its postings occurs in the text (with 8 postings or more: a tenth of them,
    but at least two and at most five), or if a sentence, a line or the text itself equals the part. Then all its grams
    are looked up in the text. If fewer than a fifth and fewer than nine occur, the part is dropped, unless it occurs
    whole. Runs join grams at equal distances in part and text. Beside the longest run, those count that are moved
    against it by at most the length of the part, or 32 tokens if it is shorter; none where it is the whole part.

    Parameters
    ----------
    hashes, bounds : ndarray of uint64, ndarray of int64
        As `tokenise` returns them.
    marks : ndarray of uint8
        As `mark` returns them.
    n : int
        Tokens of a gram.
    sought : Sought
        Parts to search for.

    Returns
    -------
    ndarray of int64, shape (n_hits, len(HIT))
        Ascending by text and part. Parts are left out of which little was found: less than a fifth of the weights,
        no 13 tokens in a row, less than half of the tokens in runs of 8, and not the whole part.

        text, part
            Numbers of both.
        exact_weight
            Weight of the part's tokens within a gram of the text.
        masked_weight
            The same with all numbers equal; numbers themselves then weigh nothing.
        exact_run, masked_run
            Tokens of the longest run.
        first, end
            First token of it in the text, and the token after its last one.
        eights, in_eights, in_tens
            Exact 8-grams of the part in the text; tokens of it in exact runs of 8, and of 10 or more.
        whole
            BY_SENTENCE, BY_LINE or BY_TEXT: the largest unit that equals the part; 0: none.
        place
            Token of the text where the part begins, by its longest run; negative: before the text.
    """
    found = []
    for number in range(len(bounds) - 1):
        here = slice(bounds[number], bounds[number + 1])
        text = _text(hashes[here], marks[here], n)
        for part, nominee in sorted(_nominees(text, sought).items()):
            hit = _compare(text, part, nominee, n, sought)
            if hit is not None:
                found.append((number, part, *hit[:-1], nominee.whole, hit[-1]))
    return np.array(found, dtype=np.int64).reshape(-1, len(HIT))


class _Text(NamedTuple):
    tokens: Hashes
    flags: Bytes
    codes: Bytes
    keys: Hashes  # by gram: the value of its number-masked form
    places: dict[int, list[int]]  # by key: the first places


class _Nominee(NamedTuple):
    """Reasons to compare a part with a text."""

    seeds: int = 0  # postings of the part in the text
    whole: int = 0
    first: int = 0  # tokens that equal the part
    end: int = 0


class _Run(NamedTuple):
    """Equal grams at equal distances."""

    start: int  # tokens of the part
    end: int
    place: int  # first token in the text

    @property
    def length(self) -> int:
        return self.end - self.start


def _text(tokens: Hashes, flags: Bytes, n: int) -> _Text:
    codes = (tokens >> np.uint64(56)).astype(np.uint8)
    keys = values_of(np.where(flags & NUMBER, np.uint8(0), codes), n)
    places: dict[int, list[int]] = {}
    for p, key in enumerate(keys.tolist()):
        if len(here := places.setdefault(key, [])) < MAX_PLACES:
            here.append(p)
    return _Text(tokens, flags, codes, keys, places)


def _nominees(text: _Text, sought: Sought) -> dict[int, _Nominee]:
    """Return the parts to compare with a text, by postings and by whole units."""
    of_part = np.uint32(sought.part_bits)
    n_bits = 5 + len(sought.bitmap).bit_length()
    at = (text.keys >> np.uint64(64 - n_bits)).astype(np.int64)
    keys = text.keys[(sought.bitmap[at >> 6] >> (at & 63).astype(np.uint64) & np.uint64(1)) > 0]
    head, rest = _split(keys, sought)
    seeds: Counter[int] = Counter()
    for key, first, end in zip(rest, sought.heads[head].tolist(), sought.heads[head + 1].tolist(), strict=True):
        postings = sought.postings[first:end]
        seeds.update((postings[postings >> of_part == key] & np.uint32((1 << sought.part_bits) - 1)).tolist())
    nominees = {part: _Nominee(count) for part, count in seeds.items()}
    wholes = sought.whole[sought.whole_parts]
    for whole, first, end in _blocks(text.flags):
        value = spread(runs(text.tokens, np.array([first]), np.array([end])))[0] & np.uint64(WHOLE)
        a, b = (int(np.searchsorted(wholes, value, side=side)) for side in ("left", "right"))
        for part in sought.whole_parts[a:b].tolist():
            before = nominees.get(part, _Nominee())
            if before.whole < whole:
                nominees[part] = _Nominee(before.seeds, whole, first, end)
    return nominees


def _compare(text: _Text, part: int, nominee: _Nominee, n: int, sought: Sought) -> tuple[int, ...] | None:
    """Return the columns of a hit behind `part`, without `whole`; None where the text contains too little of it."""
    here = slice(sought.spans[part], sought.spans[part + 1])
    raw, codes = sought.weights[here], sought.codes[here]
    is_number = raw >= A_NUMBER
    grid = [text.places.get(int(key), []) for key in values_of(np.where(is_number, np.uint8(0), codes), n)]
    if not nominee.whole and not _is_worth_tracing(grid, nominee.seeds, int(sought.n_searched[part])):
        return None
    weights = (raw & _OF_WEIGHT).astype(np.int64)
    of_words = np.where(is_number, 0, weights)
    if not grid:  # found as a whole
        length = nominee.end - nominee.first
        place = nominee.first
        return int(weights.sum()), int(of_words.sum()), length, length, place, nominee.end, 0, 0, 0, place
    same = [[p for p in places if (text.codes[p : p + n] == codes[j : j + n]).all()] for j, places in enumerate(grid)]
    masked, exact = _trace(grid, n), _trace(same, n)
    if not masked:
        return None
    # Of equally long runs the exact one: where a text contains two copies, it is the better one.
    best = min(masked, key=lambda run: (-run.length, run not in exact, run.place, run.start))
    slack = max(32, len(weights)) if best.length < len(weights) else 0  # beside a whole copy nothing else counts
    masked, exact = (
        [run for run in some if abs((run.place - run.start) - (best.place - best.start)) <= slack]
        for some in (masked, exact)
    )
    reach, exact_reach = (_reach(some, len(weights)) for some in (masked, exact))
    exact_weight, masked_weight = int(weights[exact_reach > 0].sum()), int(of_words[reach > 0].sum())
    longest, in_eights = int(exact_reach.max(initial=0)), int((exact_reach >= 8).sum())
    much = exact_weight * 5 >= weights.sum() or masked_weight * 5 >= of_words.sum() > 0
    if not (nominee.whole or much or longest >= 13 or in_eights * 2 >= len(weights)):
        return None
    return (
        *(exact_weight, masked_weight, longest, best.length),
        *(min(run.place for run in masked), max(run.place + run.length for run in masked)),
        len({k for run in exact for k in range(run.start, run.end - 7)}),
        *(in_eights, int((exact_reach >= 10).sum()), best.place - best.start),
    )


def _is_worth_tracing(grid: list[list[int]], seeds: int, n_searched: int) -> bool:
    """Decide by the grams alone whether a part that no unit of the text equals is compared further."""
    if n_searched >= 8 and seeds < min(5, max(2, (n_searched + 9) // 10)):
        return False
    n_found = sum(map(bool, grid))
    return n_found * 5 >= len(grid) or n_found >= 9


def _blocks(flags: Bytes) -> list[tuple[int, int, int]]:
    """Return kind, first token and end of each sentence, each line and the text itself."""
    if not len(flags):
        return []
    blocks = []
    for kind, flag in ((BY_SENTENCE, SENTENCE), (BY_LINE, LINE)):
        edges = [*np.flatnonzero(flags & flag).tolist(), len(flags)]
        blocks += [(kind, a, b) for a, b in pairwise(edges)]
    return [*blocks, (BY_TEXT, 0, len(flags))]


def _trace(grid: list[list[int]], n: int) -> list[_Run]:
    """Return the runs of grams with these places in the text."""
    traced = []
    active: dict[int, tuple[int, int]] = {}  # place of the last gram -> where the run begins in part and text
    for j, here in enumerate(grid):
        following = {p: active.pop(p - 1, (j, p)) for p in here}
        traced += [_Run(start, j - 1 + n, place) for start, place in active.values()]
        active = following
    return traced + [_Run(start, len(grid) - 1 + n, place) for start, place in active.values()]


def _reach(traced: list[_Run], n_tokens: int) -> Ints:
    """Return the length of the longest run that covers each token of a part; 0: none."""
    reach = np.zeros(n_tokens, dtype=np.int64)
    for run in traced:
        reach[run.start : run.end] = np.maximum(reach[run.start : run.end], run.length)
    return reach


def resemble(hashes: Hashes, codes: Bytes, weights: Bytes, rows: Ints) -> Ints:
    """Weigh the words that parts and texts share in the same order, by the codes of the parts.

    Words count that are equal in 8 bits beside another one that is: two in a row. Of all ways to pair them in order the
    one that weighs most is taken; of these, the one that pairs the least of the part's words at its end.

    Parameters
    ----------
    hashes : ndarray of uint64
        As `tokenise` returns them.
    codes, weights : ndarray of uint8
        As in `Sought`.
    rows : ndarray of int64, shape (n, 4)
        First token of a text and the token after its last one; the same of a part.

    Returns
    -------
    ndarray of int64, shape (n, 3)
        The weight that they share; the first token of these, counted from the first one of the text, and the token
        after the last one: 0, 0 if there are none.

    References
    ----------
    Wagner and Fischer (1974), The string-to-string correction problem.
    """
    ours = (hashes >> np.uint64(56)).astype(np.uint8)
    values = (weights & _OF_WEIGHT).astype(np.int64)
    found = [_resemble(ours[a:b], codes[c:d], values[c:d].tolist()) for a, b, c, d in rows.tolist()]
    return np.array(found, dtype=np.int64).reshape(-1, 3)


def _resemble(text: Bytes, part: Bytes, weights: list[int]) -> tuple[int, int, int]:
    equal = part[:, None] == text[None, :]
    around = np.pad(equal, 1)
    paired = equal & (around[:-2, :-2] | around[2:, 2:])
    nothing = (0, 0, 0)  # weight, first, end
    before = [nothing] * (len(text) + 1)
    for weight, row in zip(weights, paired.tolist(), strict=True):
        here = [nothing]
        for j, is_pair in enumerate(row):
            best = before[j + 1] if before[j + 1][0] >= here[j][0] else here[j]
            if is_pair and before[j][0] + weight > best[0]:
                best = (before[j][0] + weight, before[j][1] if before[j][0] else j, j + 1)
            here.append(best)
        before = here
    return before[-1]


def in_order(asked: Numbers, given: Numbers, pairs: Ints) -> Ints:
    """Weigh the numbers that two texts have in the same order.

    Of all ways to pair equal numbers in order, the one that weighs most is taken; of these the one with most pairs,
    with most of them in digits, and with places that are least far apart.

    Parameters
    ----------
    asked, given : Numbers
        At most MOST_NUMBERS of a text; the weights are those of `asked`.
    pairs : ndarray of int64, shape (n, 2)
        A text of each.

    Returns
    -------
    ndarray of int64, shape (n, 4)
        Weight, numbers, those of `asked` that are in digits, and the sum of the distances of their places.
    """
    found = []
    for a, b in pairs.tolist():
        best = [(0, 0, 0, 0)] * (1 + int(given.ends[b] - given.begins[b]))
        for i in range(int(asked.begins[a]), int(asked.ends[a])):
            weight = int(asked.weights[i])
            own = (weight & (SPELT - 1), 1, int(weight < A_NUMBER + SPELT))
            before, here = best, [(0, 0, 0, 0)]
            for j in range(int(given.begins[b]), int(given.ends[b])):
                k = j - int(given.begins[b])
                options = [before[k + 1], here[k]]
                if asked.values[i] == given.values[j]:
                    apart = abs(int(asked.places[i]) - int(given.places[j]))
                    w, n, digits, far = before[k]
                    options.append((w + own[0], n + 1, digits + own[2], far - apart))
                here.append(max(options))
            best = here
        weight, n, digits, far = best[-1]
        found.append((weight, n, digits, -far))
    return np.array(found, dtype=np.int64).reshape(-1, 4)
