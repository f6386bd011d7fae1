r"""The words of messages and of benchmark items as they are compared: no accents, formulas in one spelling.

Copies of an item differ in how its formulas are written (`\dfrac12`, `\frac{1}{2}`, ½), in accents that a keyboard
lacks, and in hyphens at the ends of lines. These are made equal here, and only for benchmark_leakage: to
near_duplicates two such texts differ.
"""

import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ....benchmarks_refs.fingerprints import N_GRAM, Hashed, coded
from .. import kernels
from ..arrow.columns import IntArray, places_within, utf8
from ..kernels.layout import CHANGES, NUMBER, ODD, ODD_BEHIND_DIGIT
from .tokens import HashArray, Tokens, changes_plainly, mark, shingle, tokenise


class Words(NamedTuple):
    """The words of several texts, with their places in the texts as they are."""

    column: pa.Array
    tokens: Tokens
    marks: npt.NDArray[np.uint8]  # as `tokens.mark` returns them


_LETTERS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho - sigma tau upsilon phi chi
    psi omega
"""
_GREEK = {name: chr(code) for code, name in enumerate(_LETTERS.split(), 0x3B1) if name != "-"}
_GREEK |= {"varepsilon": "ε", "vartheta": "θ", "varphi": "φ", "varrho": "ρ", "varpi": "π"}
# Commands for signs, which are no words in Unicode either, and for the look of a formula.
_COMMANDS = """
    frac dfrac tfrac cfrac over sqrt times cdot cdots ldots dots vdots div pm mp ast star circ bullet le leq leqslant
    ge geq geqslant lt gt ne neq equiv approx sim cong propto infty in notin ni subset subseteq supset supseteq cup cap
    setminus emptyset varnothing forall exists neg lnot land lor wedge vee to rightarrow leftarrow Rightarrow Leftarrow
    leftrightarrow Leftrightarrow longrightarrow implies iff mapsto sum prod int oint partial nabla prime angle triangle
    parallel perp mid nmid vert Vert lvert rvert lVert rVert langle rangle lfloor rfloor lceil rceil oplus otimes
    therefore because degree backslash left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr displaystyle
    textstyle scriptstyle limits nolimits mathrm mathbf mathit mathbb mathcal mathsf mathfrak boldsymbol bm text textbf
    textit textrm textsf texttt emph underline overline bar hat vec tilde operatorname quad qquad hspace vspace hfill
    hline boxed fbox hbox mbox phantom
"""
_SIGNS = frozenset(_COMMANDS.split())
_UNITS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
# Of "one" and "half", copies in other words and other languages make other words.
_NUMBERS = {
    **{name: str(n) for n, name in enumerate(_UNITS.split(), 2)},
    **{name: str(10 * n) for n, name in enumerate(_TENS.split(), 2)},
    "nineteen": "19",
    "thousand": "1000",
    "dozen": "12",
    "twice": "2",
    "double": "2",
}
# Digits above and below the line, and fractions; letters that formulas join to a digit: 2π, 16টি.
_RAISED = r"[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089\u00bc-\u00be\u2150-\u215e]"
_JOINED = r"[^\W\d_\x00-\u0250\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff]"
_ODD = re.compile(
    r"(?<=[^\W\d_])-\r?\n[ \t]*(?=[^\W\d_])"  # a hyphen at the end of a line
    r"|\\[dtc]?frac\s*(?P<upper>\d)\s*(?P<lower>\d)"
    r"|\\(?P<command>[A-Za-z]{2,})"
    rf"|(?P<raised>{_RAISED}+)"
    rf"|(?<=\d)(?P<letter>{_JOINED})"
)


def _plain(found: re.Match[str]) -> str:
    """Return what a piece of a text that `_ODD` matches is compared as."""
    if found["command"]:
        name = found["command"]
        if name in _SIGNS:
            return " "
        greek = _GREEK.get(name.lower(), "")
        return f" {greek} " if greek else found[0]
    if found["upper"]:
        return f" {found['upper']} {found['lower']} "
    if found["raised"]:
        return f" {found['raised']} "
    return f" {found['letter']}" if found["letter"] else ""  # a hyphen


def words(column: pa.Array, tokens: Tokens | None = None, marks: npt.NDArray[np.uint8] | None = None) -> Words:
    """Return the words of texts; `tokens` and `marks` are what the functions of that name return, where known."""
    tokens = tokens or tokenise(column)
    marks = mark(column, tokens) if marks is None else marks
    data, offsets = utf8(column)
    flags = kernels.peculiar(data, offsets, kinds(), commands())
    if (rows := np.flatnonzero(flags & CHANGES)).size:
        tokens = _without_accents(column, tokens, rows)
    rows = np.flatnonzero(flags & ODD)
    return _in_one_spelling(column, tokens, marks, rows) if rows.size else Words(column, tokens, marks)


def hashed(texts: Sequence[str]) -> Hashed:
    """Hash the words of texts for fingerprints of benchmarks."""
    _, tokens, marks = words(pa.array(texts, pa.string()))
    hashes, starts, ends, bounds = tokens
    is_number = marks & NUMBER > 0
    of_number = np.zeros(len(hashes), dtype=np.uint64)
    at, values = numbers(hashes, marks)
    of_number[at] = values
    codes = np.where(is_number, np.uint8(0), coded(hashes))
    grams = np.append(kernels.values_of(codes, N_GRAM), np.zeros(min(len(codes), N_GRAM - 1), dtype=np.uint64))
    return Hashed(hashes, bounds, starts, ends, is_number, of_number, grams, shingle(tokens).whole)


def numbers(hashes: HashArray, marks: npt.NDArray[np.uint8]) -> tuple[IntArray, HashArray]:
    """Return which tokens are numbers, in digits or spelt out in English, and the hash of each number in digits."""
    keys, values, is_one = _spelt()
    at = np.flatnonzero((marks & NUMBER > 0) | is_one[hashes >> np.uint64(48)])
    hashes, in_digits = hashes[at], marks[at] & NUMBER > 0
    found = np.minimum(np.searchsorted(keys, hashes), len(keys) - 1)
    known = np.where(in_digits, hashes, np.where(keys[found] == hashes, values[found], np.uint64(0)))
    return at[known > 0], known[known > 0]


@cache
def _spelt() -> tuple[HashArray, HashArray, npt.NDArray[np.bool_]]:
    """Return the hashes of number words, ascending, those of their numbers, and which begin with these 16 bits."""
    names, digits = (tokenise(pa.array(some, pa.string())).hashes for some in (list(_NUMBERS), list(_NUMBERS.values())))
    order = np.argsort(names)
    is_one = np.zeros(1 << 16, dtype=bool)
    is_one[names >> np.uint64(48)] = True
    return names[order], digits[order], is_one


@cache
def kinds() -> npt.NDArray[np.uint8]:
    """Return the kind of each character of the basic plane for `kernels.peculiar`."""
    kinds = changes_plainly() * np.uint8(CHANGES)
    codes = np.array([code for code in range(0x80, len(kinds)) if not 0xD800 <= code < 0xE000])  # without surrogates
    characters = "".join(map(chr, codes.tolist()))
    for pattern, kind in ((_RAISED, ODD), (_JOINED, ODD_BEHIND_DIGIT)):
        for found in re.finditer(f"{pattern}+", characters):
            kinds[codes[found.start() : found.end()]] |= kind
    return kinds


@cache
def commands() -> npt.NDArray[np.uint8]:
    """Return ODD for the first two letters of the commands that have another plain form."""
    found = np.zeros(1 << 16, dtype=np.uint8)
    names = (*_SIGNS, *(first + second for name in _GREEK for first, second in product(*map(_cases, name[:2]))))
    for name in names:
        if len(name) > 1:
            found[ord(name[0]) << 8 | ord(name[1])] = ODD
    return found


def _cases(letter: str) -> str:
    return letter + letter.upper()


def _without_accents(column: pa.Array, tokens: Tokens, rows: IntArray) -> Tokens:
    """Hash the words of these texts as if they had no accents, and their digits as those of ASCII."""
    plain = tokenise(column.take(pa.array(rows)), is_plain=True)
    counts = np.diff(tokens.bounds)[rows]
    same = counts == np.diff(plain.bounds)  # a mark by itself may begin a token
    _, at = places_within(tokens.bounds, rows[same])
    _, found = places_within(plain.bounds, np.flatnonzero(same))
    hashes = tokens.hashes.copy()
    hashes[at] = plain.hashes[found]
    return tokens._replace(hashes=hashes)


def _in_one_spelling(column: pa.Array, tokens: Tokens, marks: npt.NDArray[np.uint8], rows: IntArray) -> Words:
    """Replace the words of these texts by those of their plain forms."""
    changed, plain, edges = [], [], []
    for row, text in zip(rows.tolist(), column.take(pa.array(rows)).to_pylist(), strict=True):
        if (form := _plain_form(text)) is not None:
            changed.append(row)
            plain.append(form[0])
            edges.append(form[1])
    if not changed:
        return Words(column, tokens, marks)
    written = pa.array(plain, pa.string())
    again = tokenise(written, is_plain=True)
    starts, ends = again.starts.copy(), again.ends.copy()
    for n, own in enumerate(edges):
        here = slice(again.bounds[n], again.bounds[n + 1])
        starts[here], ends[here] = _as_written(own, again.starts[here], again.ends[here])
    return _spliced(
        Words(column, tokens, marks),
        changed,
        Words(column, Tokens(again.hashes, starts, ends, again.bounds), mark(written, again)),
    )


def _spliced(words: Words, rows: list[int], others: Words) -> Words:
    """Put the words of others in the place of those of these texts, which ascend."""
    bounds, theirs = words.tokens.bounds, others.tokens.bounds
    edges = [(int(bounds[row]), int(bounds[row + 1])) for row in rows]
    kept = pairwise([0, *(edge for each in edges for edge in each), int(bounds[-1])])
    between = [slice(*each) for each in list(kept)[::2]]
    new = [slice(*each) for each in pairwise(theirs.tolist())]

    def joined(own: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
        pieces = [own[between[0]]]
        for here, there in zip(new, between[1:], strict=True):
            pieces += [other[here], own[there]]
        return np.concatenate(pieces)

    counts = np.diff(bounds)
    counts[rows] = np.diff(theirs)
    (hashes, starts, ends, _), new_tokens = words.tokens, others.tokens
    tokens = Tokens(
        joined(hashes, new_tokens.hashes),
        joined(starts, new_tokens.starts),
        joined(ends, new_tokens.ends),
        np.append(0, np.cumsum(counts)),
    )
    return Words(words.column, tokens, joined(words.marks, others.marks))


def _plain_form(text: str) -> tuple[str, IntArray] | None:
    """Return the plain form of a text and its edges: places in bytes in the form, and in the text; None if it is plain.

    Between an edge and the next, the same bytes stand in both, or, from each second one on, a piece is replaced.
    """
    pieces, edges = [], [(0, 0)]
    before = n_text = n_plain = 0
    is_changed = False
    for found in _ODD.finditer(text):
        same, new = text[before : found.start()], _plain(found)
        is_changed |= new != found[0]
        between = len(same.encode())
        edges.append((n_plain + between, n_text + between))
        n_text, n_plain = n_text + between + len(found[0].encode()), n_plain + between + len(new.encode())
        edges.append((n_plain, n_text))
        pieces += [same, new]
        before = found.end()
    if not is_changed:
        return None
    rest = len(text[before:].encode())
    edges.append((n_plain + rest, n_text + rest))
    return "".join([*pieces, text[before:]]), np.array(edges, dtype=np.int64).T


def _as_written(
    edges: IntArray, starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32]
) -> tuple[IntArray, IntArray]:
    """Return the bytes of a text that tokens of its plain form cover; those of a replaced piece are at all of it."""
    plain, own = edges
    first = np.searchsorted(plain, starts, side="right") - 1
    last = np.searchsorted(plain, ends, side="left")
    begin = np.where(first % 2, own[first], own[first] + starts - plain[first])
    return begin, np.where((last - 1) % 2, own[last], own[last - 1] + ends - plain[last - 1])
