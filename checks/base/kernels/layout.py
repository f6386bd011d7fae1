"""Constants and types of both forms of the kernels: kinds of characters, flags of tokens, columns of results."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]
Codes = npt.NDArray[np.uint32]
Places = npt.NDArray[np.int32]
Steps = npt.NDArray[np.uint16]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]

# -- tokens ----------------------------------------------------------------------------------------------------------

# A character's entry in the table: three bits for its kind, the rest for what it folds to.
SEPARATOR, WORD, SINGLE, MARK, SKIP, SEQUENCE, WORDS = range(7)
"""Ends a token; part of a word; a token by itself; continues the token before it; ignored; several entries, stored in
`sequences` after their number; several entries that all continue a word."""

PAYLOAD = 29  # bits

BASE = 0x2545F4914F6CDD1D
"""Base of all polynomial hashes. Odd, with its bits spread evenly: the multiplier of Marsaglia's xorshift64* (Vigna
2016)."""

NUMBER, LINE, SENTENCE = 1, 2, 4
"""Flags of a token: contains a digit; begins a line; begins a sentence."""

NUMERIC, SHORT = 1, 2
"""Flags in the low bits of a word in short: begins with a digit; has at most three bytes."""

BLANK, SIGN, MEANS = range(3)
"""Kinds of characters between tokens: blank; punctuation; a sign that carries meaning wherever it is."""

CHANGES, ODD, ODD_BEHIND_DIGIT = 1, 2, 4
"""Flags of characters and of texts for `peculiar`: has another plain form; is a piece of a formula; is one where it
follows a digit."""

# -- benchmark parts -------------------------------------------------------------------------------------------------

WHOLE = ~0xFFFF & 0xFFFFFFFFFFFFFFFF
"""Bits of the hash of a whole part that are compared."""

A_NUMBER, SEARCHED = 0x80, 0x40
"""Added to the weight of a token that is a number, and of one that begins a gram which texts are searched for."""

MAX_PLACES = 16
"""Largest number of places of one gram in a text that are compared."""

HIT = (
    *("text", "part", "exact_weight", "masked_weight", "exact_run", "masked_run", "first", "end"),
    *("eights", "in_eights", "in_tens", "whole", "place"),
)
"""Columns of the result of `scan`."""

BY_SENTENCE, BY_LINE, BY_TEXT = 1, 2, 3
"""Which unit of a text equals a whole part, in `whole` of a hit; 0: none, only grams match."""


class Sought(NamedTuple):
    """Parts of benchmark items for `scan` to search for; made in benchmarks_refs/library.py."""

    postings: Codes  # by head, ascending: the bits of a gram's value behind those of its head, then its part's number
    heads: Places  # (2**k + 1,) start, among the postings, of those whose gram has the same k highest bits
    part_bits: int  # of a posting, for the number of the part
    bitmap: Hashes  # bit by the highest bits of a gram's value: whether it may be among the postings
    whole: Hashes  # (n_parts,) WHOLE of their hashes
    whole_parts: Places  # parts that texts are searched for as a whole, ascending by `whole`
    whole_bitmap: Hashes
    n_searched: Bytes  # (n_parts,) grams of each part that texts are searched for, 255 where there are more
    spans: Places  # (n_parts + 1,) of the tokens of each part
    codes: Bytes  # of each token: the 8 highest bits of its hash
    weights: Bytes  # of each token; SEARCHED is added where a gram to search for begins, A_NUMBER for a number


class Numbers(NamedTuple):
    """The numbers of several texts, each with its place: 0 at the first word of its text, 255 at the last one."""

    values: Codes  # hashes
    places: Bytes
    weights: Bytes  # with A_NUMBER, and SPELT for those spelt out; of messages, not used
    begins: Ints  # (n_texts,) where those of each text begin
    ends: Ints


SPELT = 0x40
"""Added to the weight of a number that is spelt out, beside A_NUMBER."""

MOST_NUMBERS = 24
"""Largest number of numbers of a text in `in_order`."""


# -- prose -----------------------------------------------------------------------------------------------------------

N_SCRIPTS = 16
"""Columns of the counts of letters by script; column 0 is for other characters, and stays empty."""

N_CODE = N_SCRIPTS
"""Column of the bytes in lines of code."""

N_COUNTS = N_SCRIPTS + 1

DEFINES, STARTS, IMPORTS, QUERIES, CALLS, ORDERS = range(1, 7)
LEADS = {
    DEFINES: "def class function func fn interface struct enum namespace package",
    STARTS: "const let var public private protected static final void int float double char bool boolean auto unsigned"
    " return yield raise throw del assert if elif else except finally try catch case default switch while for with"
    " print printf echo end async await do then fi done esac endif begin",
    IMPORTS: "import from using require include export",
    QUERIES: "SELECT INSERT UPDATE DELETE CREATE ALTER DROP FROM WHERE JOIN LEFT INNER GROUP ORDER HAVING VALUES",
    CALLS: "sudo apt pip pip3 npm npx yarn git docker kubectl cd ls mkdir rm cp mv chmod cat grep curl wget ssh scp"
    " brew conda python python3 node java javac gcc make cargo go cmake ping tar apt-get dnf yum systemctl",
    ORDERS: "install run build clone init update upgrade start stop push pull commit checkout add create apply exec",
}
"""Words that begin a line of code, by what must follow: a definition; signs of code; names; words of a query; an option
or a path, or one of ORDERS."""

MIN_SENTENCE = 5  # words of a line that ends like a sentence and is not part of the code around it
MIN_RUNNING = 8  # words of a line that is not part of the code around it, however it ends
MIN_MARKED_UP = 3  # words of a line of tags, or of the cells of a table, that are prose
MAX_INLINE = 300  # bytes of a tag or a formula within a line
