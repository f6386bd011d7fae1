"""Who wrote how much, how fast, and on both sides of a conversation."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.stats import binom, poisson

from ..base.arrow.columns import BoolArray, IntArray
from ..base.statistics.intervals import FloatArray, wilson

NOBODY = 0  # the number of a message without a user id
UNKNOWN = np.iinfo(np.int64).min  # a time that a message does not have

SECOND = 1_000_000  # microseconds
TYPED = 7.0  # characters a second: a fast typist
OVERHEAD = 15.0  # seconds to read, think and send one message
WINDOW = 3600  # seconds in which a burst is looked for
IMPORTERS = 3  # contributors with messages in one second, at which its time is that of an import
MIN_BURST, MIN_NEED = 10, 1.2  # messages, and time needed for them over time taken
PASTED = 15.0  # characters a second that nobody types
MIN_CHARS = 200  # of a text whose speed is measured
MIN_FAST = 3  # texts by one contributor
MAX_FAST = 0.001  # expected contributors with as many by chance
MIN_OWN, MAX_OWN = 0.025, 1e-4  # share of replies to one's own prompt, and its probability by chance
MIN_OWN_ONE = 3  # such replies by one contributor


@dataclass
class Work:
    """Messages with a contributor, as columns of one length."""

    user: IntArray  # number of the contributor, from 1; NOBODY: none
    prompt_user: IntArray  # of the message above
    time: IntArray  # in microseconds; UNKNOWN: none
    prompt_time: IntArray
    n_chars: IntArray
    is_reply: BoolArray

    @cached_property
    def counts(self) -> IntArray:
        """The number of messages of each contributor, by number; of NOBODY, none."""
        return np.bincount(self.user[self.user != NOBODY], minlength=1)

    @cached_property
    def order(self) -> IntArray:
        """The numbers of all contributors, those with the most messages first; ties by number."""
        order = np.lexsort((np.arange(len(self.counts)), -self.counts))
        return order[self.counts[order] > 0]

    @cached_property
    def ranks(self) -> IntArray:
        """The place of each contributor in that order, from 1, by number."""
        ranks = np.zeros(len(self.counts), dtype=np.int64)
        ranks[self.order] = np.arange(1, len(self.order) + 1)
        return ranks

    @cached_property
    def timed(self) -> IntArray:
        """The rows with a contributor and a time, by contributor and in the order of their times."""
        rows = np.flatnonzero((self.user != NOBODY) & (self.time != UNKNOWN))
        return rows[np.lexsort((rows, self.time[rows], self.user[rows]))]


def without_imports(time: IntArray, user: IntArray) -> IntArray:
    """Return the times, UNKNOWN for seconds that many messages of several contributors share.

    Such a time says when a table was written, not when a person typed.
    """
    rows = np.flatnonzero((user != NOBODY) & (time != UNKNOWN))
    seconds, at, n_messages = np.unique(time[rows] // SECOND, return_inverse=True, return_counts=True)
    writers = np.bincount(np.unique(np.column_stack([at, user[rows]]), axis=0)[:, 0], minlength=len(seconds))
    is_import = (writers >= IMPORTERS) & (n_messages >= MIN_BURST)
    cleaned = time.copy()
    cleaned[rows[is_import[at]]] = UNKNOWN
    return cleaned


class Volume(NamedTuple):
    """How contributions are spread."""

    n_users: int
    top_share: float
    top_low: float  # lower end of its 95 % CI
    gini: float
    effective: float  # number of contributors, by an unbiased inverse Simpson index


def volume(counts: IntArray) -> Volume:
    """Return how contributions are spread, from the number of messages of each contributor, at least one."""
    ordered = np.sort(counts).astype(float)
    n, users = ordered.sum(), len(ordered)
    gini = 2 * (np.arange(1, users + 1) * ordered).sum() / (users * n) - (users + 1) / users
    pairs = (ordered * (ordered - 1)).sum()
    effective = n * (n - 1) / pairs if pairs > 0 else float(users)
    return Volume(users, float(ordered[-1] / n), wilson(float(ordered[-1]), float(n))[0], float(gini), float(effective))


class Burst(NamedTuple):
    """Messages of one contributor within a window, more than anyone types."""

    rows: IntArray
    need: float  # time that a fast typist needs, over the time taken
    seconds: float


def bursts(work: Work) -> list[Burst]:
    """Return the worst window of each contributor who sent more than can be typed.

    The first message of a window costs nothing: it may have been begun before.
    """
    found = []
    counts = np.bincount(work.user[work.timed])
    edges = np.append(0, np.cumsum(counts))
    for user in np.flatnonzero(counts >= MIN_BURST).tolist():
        rows = work.timed[edges[user] : edges[user + 1]]
        time = work.time[rows] / SECOND
        cost = np.cumsum(OVERHEAD + work.n_chars[rows] / TYPED)
        best: Burst | None = None
        strength = 0.0
        last = np.searchsorted(time, time + WINDOW, side="right")
        for first in range(len(rows) - MIN_BURST + 1):
            ends = np.arange(first + MIN_BURST - 1, last[first])
            if not ends.size or time[ends[0]] - time[first] > WINDOW:
                continue
            taken = np.maximum(60.0, time[ends] - time[first])
            need = (cost[ends] - cost[first]) / taken
            k = int(np.argmax(need * np.sqrt(ends - first)))
            if need[k] >= MIN_NEED and need[k] * np.sqrt(ends[k] - first) > strength:
                strength = float(need[k] * np.sqrt(ends[k] - first))
                best = Burst(rows[first : ends[k] + 1], float(need[k]), float(time[ends[k]] - time[first]))
        if best is not None:
            found.append(best)
    return found


class Typing(NamedTuple):
    """Texts that came faster than anyone types."""

    rows: IntArray
    speed: FloatArray  # characters a second, at least
    is_beyond: BoolArray  # whether their contributor has more of them than chance gives
    n_timed: int


def fast_typing(work: Work) -> Typing:
    """Return the texts that were written faster than PASTED since their prompt and their author's last message."""
    start = np.full(len(work.user), UNKNOWN)
    before, after = work.timed[:-1], work.timed[1:]
    is_own = work.user[before] == work.user[after]
    start[after[is_own]] = work.time[before[is_own]]
    start = np.maximum(start, work.prompt_time)
    gap = (work.time - start) / SECOND
    is_timed = (work.user != NOBODY) & (start != UNKNOWN) & (work.time != UNKNOWN) & (work.n_chars >= MIN_CHARS)
    is_timed &= gap >= 0
    speed = work.n_chars / (np.maximum(gap, 0) + 2)
    is_fast = is_timed & (speed > PASTED)
    rows = np.flatnonzero(is_fast)
    timed = np.bincount(work.user[is_timed], minlength=work.user.max(initial=0) + 1)
    fast = np.bincount(work.user[rows], minlength=len(timed))
    n_users = max(1, int((timed > 0).sum()))
    others = (fast.sum() - fast + 0.5) / (timed.sum() - timed + 1)
    chance = binom.sf(fast - 1, timed, np.clip(others, 0.002, 0.5))
    is_beyond = (fast >= MIN_FAST) & (chance * n_users < MAX_FAST)
    return Typing(rows, speed[rows], is_beyond[work.user[rows]], int(is_timed.sum()))


class Own(NamedTuple):
    """Replies by the author of their prompt."""

    rows: IntArray
    n_replies: int  # with a known author of both
    expected: float  # by chance
    is_beyond: bool  # whether there are more than chance gives


def own_answers(work: Work) -> Own:
    """Return the replies by the author of their prompt, and whether there are more than chance gives."""
    known = work.is_reply & (work.user != NOBODY) & (work.prompt_user != NOBODY)
    rows = np.flatnonzero(known & (work.user == work.prompt_user))
    n, size = int(known.sum()), work.user.max(initial=0) + 1
    size = max(size, work.prompt_user.max(initial=0) + 1)
    answered = np.bincount(work.user[known], minlength=size)
    asked = np.bincount(work.prompt_user[known], minlength=size)
    expected = float((answered * asked).sum() / max(1, n))
    chance = float(poisson.sf(len(rows) - 1, max(expected, 0.3)))
    by_one = np.bincount(work.user[rows], minlength=size)
    alone = binom.sf(by_one - 1, answered, np.clip(asked / max(1, n), 0.01, 1))
    n_users = max(1, int((answered > 0).sum()))
    is_one = bool(((by_one >= MIN_OWN_ONE) & (alone * n_users < MAX_FAST)).any())
    return Own(rows, n, expected, (chance < MAX_OWN and len(rows) / max(1, n) >= MIN_OWN) or is_one)
