"""Evidence for a candidate: a part of a benchmark item that was found, wholly or in pieces, in a message."""

import numpy as np
import numpy.typing as npt

from ...benchmarks_refs.fingerprints import A_NUMBER, ANSWER, MOST, N_GRAM, QUESTION, STEP, coded, leading
from ..base import kernels
from ..base.arrow.columns import IntArray, is_among, places_within, utf8
from ..base.kernels.layout import BY_LINE, BY_SENTENCE, BY_TEXT, NUMBER
from ..base.text.tokens import HashArray
from .evidence import HashedTexts, ItemHit
from .ordinary import KEPT, Ordinary
from .references import References

FEATURES = (
    # Of the part.
    *("tokens", "words", "is_answer", "number_share", "owners"),
    # Share and places of what was found; in nats, the information of its words.
    *("covered", "covered_masked", "run_share", "run", "reach", "nats", "nats_masked", "nats_missing", "in_eights"),
    *("in_tens", "head_missing", "tail_missing", "gaps", "numbers_agree"),
    # The same by single words in order.
    *("aligned", "nats_aligned", "nats_unaligned"),
    # Grams of few parts, and of no ordinary chat.
    *("own_covered", "own_nats", "rare_nats", "rare_share", "chats"),
    # The message around it.
    *("by_sentence", "by_line", "by_text", "of_message", "message", "border_before", "border_after"),
    *("sentence_before", "label_before", "quote_before", "verbatim_in_borders", "bytes_a_token", "signs"),
    # Other parts of the item in the same message.
    *("choices", "nats_of_choices", "nats_beside"),
)
MIN_TOKENS = {QUESTION: 4, ANSWER: 12}
MIN_WORDS_OF_ANSWER, MIN_NATS_OF_ANSWER = 6, 36.0
MIN_NATS = 14.0  # of a candidate that no unit of the message equals; with less, one planted item in 700 was found

Features = npt.NDArray[np.float64]

_BORDER = frozenset(":,;\n\r\"'`“”„‘’«»「」『』()[]{}<>|*#—–-：，（）")
_END = frozenset('.?!。？！\n\r"”’»」)]}<|*#`')
_QUOTE = frozenset("\"“„'‘«`「>")
_LABELS = frozenset(
    b"question q problem task user human prompt instruction input exercise query passage context".split()
)
_OWN = 2  # parts that share a gram


def candidates(refs: References, columns: dict[str, IntArray]) -> IntArray:
    """Return the hits of `kernels.scan` that are worth a judgement."""
    part = columns["part"]
    kinds, n = refs.columns.kinds[part], refs.n_tokens[part]
    is_asked = (kinds == QUESTION) & (n >= MIN_TOKENS[QUESTION])
    is_answer = (kinds == ANSWER) & (n >= MIN_TOKENS[ANSWER]) & (refs.columns.n_words[part] >= MIN_WORDS_OF_ANSWER)
    total, _ = refs.totals(part)
    is_answer &= total * STEP >= MIN_NATS_OF_ANSWER
    # A worked answer with other numbers, of which little else is found, is a task of the same kind.
    says = np.where(is_answer, columns["exact_weight"], np.maximum(columns["exact_weight"], columns["masked_weight"]))
    says = says * STEP >= MIN_NATS
    return np.flatnonzero((is_asked | is_answer) & (says | (columns["whole"] > 0)))


def features_of(
    texts: HashedTexts,
    hits: dict[str, IntArray],
    columns: dict[str, IntArray],
    found: list[ItemHit],
    ordinary: Ordinary,
    counted: int = 0,
) -> Features:
    """Return FEATURES of candidates.

    Parameters
    ----------
    texts : HashedTexts
        Of the messages.
    hits : dict
        Of all hits (layout.HIT).
    columns : dict
        Of the n candidates, with the weight that is `aligned`.
    found : list of ItemHit
        The candidates, with their choices.
    ordinary : Ordinary
        Chats that grams are counted in.
    counted : int
        How many of these chats are the message itself.

    Returns
    -------
    ndarray of float64, shape (n, len(FEATURES))
    """
    beside = _nats_beside(texts.refs, hits, found)
    refs, part = texts.refs, columns["part"]
    n, (total, of_words) = refs.n_tokens[part], refs.totals(part)
    n_message = np.diff(texts.words.tokens.bounds)[columns["text"]]
    whole = columns["whole"]
    nats = columns["exact_weight"] * STEP
    values = {
        "tokens": np.log1p(n),
        "words": np.log1p(refs.columns.n_words[part]),
        "is_answer": refs.columns.kinds[part] == ANSWER,
        "number_share": 1 - of_words / np.maximum(1, total),
        "owners": np.log1p(np.diff(refs.owners[0])[part]),
        "covered": columns["exact_weight"] / np.maximum(1, total),
        "covered_masked": columns["masked_weight"] / np.maximum(1, of_words),
        "run_share": columns["exact_run"] / n,
        "run": np.log1p(columns["exact_run"]),
        "reach": np.minimum(1.5, (columns["end"] - columns["first"]) / n),
        "nats": np.log1p(nats),
        "nats_masked": np.log1p(columns["masked_weight"] * STEP),
        "nats_missing": np.log1p(total * STEP - nats),
        "aligned": columns["aligned"] / np.maximum(1, total),
        "nats_aligned": np.log1p(columns["aligned"] * STEP),
        "nats_unaligned": np.log1p((total - columns["aligned"]) * STEP),
        "in_eights": columns["in_eights"] / n,
        "in_tens": columns["in_tens"] / n,
        "by_sentence": whole == BY_SENTENCE,
        "by_line": whole == BY_LINE,
        "by_text": whole == BY_TEXT,
        "of_message": np.minimum(1, n / np.maximum(1, n_message)),
        "message": np.log1p(n_message),
        "choices": [hit.choices.share if hit.choices else 0.0 for hit in found],
        "nats_of_choices": [np.log1p(hit.choices.nats) if hit.choices else 0.0 for hit in found],
        "nats_beside": np.log1p(beside),
    }
    values |= _of_grams(texts, columns, ordinary, counted)
    reader = _Reader(texts)
    rows = zip(*(columns[name].tolist() for name in ("text", "part", "first", "end", "place", "whole")), strict=True)
    read = [reader.read(*row) for row in rows]
    values |= {name: [each[name] for each in read] for name in _AROUND}
    in_borders = np.array(values["border_before"]) * np.array(values["border_after"])
    values["verbatim_in_borders"] = (values["covered"] > 0.999) * in_borders
    return np.stack([np.asarray(values[name], dtype=np.float64) for name in FEATURES], axis=1)


def _nats_beside(refs: References, columns: dict[str, IntArray], found: list[ItemHit]) -> list[float]:
    """Return the nats of other kinds of parts of the same item that were found in the message."""
    nats: dict[tuple[int, int], float] = {}
    for row, part, weight in zip(*(columns[name].tolist() for name in ("text", "part", "exact_weight")), strict=True):
        nats[row, part] = weight * STEP
    beside = []
    for hit in found:
        of_items = []
        for item in hit.items[:8]:
            parts = refs.all_parts_of(item).tolist()
            by_kind: dict[int, float] = {}  # an answer may be stored in two forms
            for p in parts:
                kind = int(refs.columns.kinds[p])
                if kind != refs.columns.kinds[hit.part] and refs.columns.whole[p] != refs.columns.whole[hit.part]:
                    by_kind[kind] = max(by_kind.get(kind, 0.0), nats.get((hit.row, p), 0.0))
            of_items.append(sum(by_kind.values()))
        beside.append(max(of_items, default=0.0))
    return beside


_AROUND = (
    *("border_before", "border_after", "sentence_before", "label_before", "quote_before", "bytes_a_token", "signs"),
)


def _of_grams(
    texts: HashedTexts, columns: dict[str, IntArray], ordinary: Ordinary, counted: int
) -> dict[str, npt.NDArray[np.float64]]:
    """Describe which grams of each part are in its message."""
    refs, part, whole = texts.refs, columns["part"], columns["whole"] > 0
    n = refs.n_tokens[part].astype(np.int64)
    n_candidates = len(part)
    _, token = places_within(refs.columns.spans, part)
    weights, codes = refs.columns.weights[token], refs.columns.codes[token]
    is_number = weights >= A_NUMBER
    weights = (weights & np.uint8(MOST)).astype(np.int64)
    ends = np.cumsum(n)
    begins = ends - n
    at, of = _beginning(n)
    exact, keys = (kernels.values_of(some, N_GRAM)[at] for some in (codes, np.where(is_number, np.uint8(0), codes)))
    # The lowest bits of a value are left out: there the message is numbered.
    rows, number = np.unique(columns["text"], return_inverse=True)
    bounds = texts.words.tokens.bounds
    _, there = places_within(bounds, rows)
    at_message, of_message = _beginning(np.diff(bounds)[rows])
    codes = coded(texts.words.tokens.hashes[there])
    masked = np.where(texts.words.marks[there] & NUMBER > 0, np.uint8(0), codes)
    mine = number.reshape(-1)[of]
    is_exact, is_masked = (
        is_among(_numbered(own, mine), np.sort(_numbered(kernels.values_of(some, N_GRAM)[at_message], of_message)))
        | whole[of]
        for own, some in ((exact, codes), (keys, masked))
    )

    def counts(chosen: npt.NDArray[np.bool_]) -> IntArray:
        return np.bincount(of[chosen], minlength=n_candidates)

    def covered(chosen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Mark the tokens of these grams."""
        size = len(token) + 1
        opens, closes = (np.bincount(places, minlength=size) for places in (at[chosen], at[chosen] + N_GRAM))
        is_covered: npt.NDArray[np.bool_] = np.cumsum(opens - closes)[:-1] > 0
        return is_covered

    def sums(values: npt.NDArray[np.integer]) -> IntArray:
        """Add up values of tokens by candidate."""
        until = np.append(0, np.cumsum(values))
        summed: IntArray = until[ends] - until[begins]
        return summed

    is_covered = covered(is_masked)
    before = np.append(False, is_covered[:-1])[: len(is_covered)]
    before[begins[n > 0]] = False
    n_runs = sums(is_covered & ~before)
    places = np.append(np.flatnonzero(is_covered), len(token))
    first, last = places[np.searchsorted(places, begins)], places[np.searchsorted(places, ends) - 1]
    numbers = np.append(0, np.cumsum(is_number))
    with_number = numbers[at + N_GRAM] > numbers[at]
    n_numbers = counts(with_number & is_masked)
    owners = kernels.n_parts_with(keys, refs.sought)
    is_own = (owners > 0) & (owners <= _OWN)
    chats = np.maximum(0, ordinary.of(leading(keys, KEPT)) - counted)
    is_rare = is_exact & (chats == 0)
    fewest = np.full(n_candidates, np.iinfo(np.int64).max)
    np.minimum.at(fewest, of[is_exact], chats[is_exact])
    fewest[fewest == np.iinfo(np.int64).max] = 0
    known = {
        "head_missing": np.where(n_runs > 0, (first - begins) / n, 1.0),
        "tail_missing": np.where(n_runs > 0, (ends - 1 - last) / n, 1.0),
        "gaps": np.maximum(0, n_runs - 1),
        "numbers_agree": np.where(n_numbers > 0, counts(with_number & is_exact) / np.maximum(1, n_numbers), 1.0),
        "own_covered": counts(is_own & is_exact) / np.maximum(1, counts(is_own)),
        "own_nats": np.log1p(STEP * sums(weights * covered(is_own & is_exact))),
        "rare_nats": np.log1p(STEP * sums(weights * covered(is_rare))),
        "rare_share": counts(is_rare) / np.maximum(1, counts(is_exact)),
        "chats": np.log1p(fewest),
    }
    # A part that is shorter than a gram was found whole.
    short = n < N_GRAM
    return {name: np.where(short, name in ("numbers_agree", "own_covered"), values) for name, values in known.items()}


def _beginning(sizes: IntArray) -> tuple[IntArray, IntArray]:
    """Return where grams begin in pieces that follow one another, and the piece of each."""
    of = np.repeat(np.arange(len(sizes)), sizes)
    at = np.flatnonzero(np.arange(len(of)) + N_GRAM <= np.cumsum(sizes)[of])
    return at, of[at]


def _numbered(values: HashArray, numbers: IntArray) -> HashArray:
    """Return the 48 highest bits of values beside a number of 16 bits."""
    joined: HashArray = leading(values, 48) | numbers.astype(np.uint64)
    return joined


class _Reader:
    """Reads the surroundings of candidates in the messages of a batch."""

    def __init__(self, texts: HashedTexts) -> None:
        self._texts = texts
        self._data, self._offsets = utf8(texts.words.column)

    def read(self, row: int, part: int, first: int, end: int, place: int, whole: int) -> dict[str, float]:
        n = int(self._texts.refs.n_tokens[part])
        n_message = len(self._texts.tokens(row))
        begin = first if whole else min(max(0, place), n_message - 1)
        stop = end if whole else max(begin + 1, min(n_message, place + n))
        return self._around(row, begin, stop)

    def _around(self, row: int, begin: int, stop: int) -> dict[str, float]:
        """Describe the text before and after the tokens [begin, stop) of a message, and their spelling."""
        tokens = self._texts.words.tokens
        first, last = int(tokens.bounds[row]), int(tokens.bounds[row + 1])
        base, size = int(self._offsets[row]), int(self._offsets[row + 1] - self._offsets[row])
        starts, ends = tokens.starts, tokens.ends

        def bytes_of(start: int, end: int) -> bytes:
            return self._data[base + start : base + end].tobytes()

        start, end = int(starts[first + begin]), int(ends[first + stop - 1])
        before = bytes_of(int(ends[first + begin - 1]) if begin else 0, start).decode(errors="ignore")
        after = bytes_of(end, int(starts[first + stop]) if first + stop < last else size).decode(errors="ignore")
        word = bytes_of(int(starts[first + begin - 1]), int(ends[first + begin - 1])).lower() if begin else b""
        said = bytes_of(start, end)
        is_numbered = word.isdigit() and not frozenset(".)").isdisjoint(before)
        return {
            "border_before": not begin or not _BORDER.isdisjoint(before),
            "border_after": first + stop >= last or not _END.isdisjoint(after),
            "sentence_before": not begin or not frozenset(".?!。\n").isdisjoint(before),
            "label_before": word in _LABELS or is_numbered,
            "quote_before": not _QUOTE.isdisjoint(before),
            "bytes_a_token": min(12.0, len(said) / (stop - begin)),
            "signs": sum(said[:600].count(sign) for sign in b"=+*/\\$^_{}()[]<>|") / max(1, len(said[:600])),
        }
