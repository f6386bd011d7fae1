"""What both forms of the kernels agree on: how characters are told apart, and the base of all hashes."""

# A character's entry in the table: three bits for its kind, the rest for what it is folded to.
SEPARATOR, WORD, SINGLE, MARK, SKIP, SEQUENCE, WORDS = range(7)
"""Ends a token; part of a word; a token by itself; goes on with the token before it; as if it were not there; several
entries, which stand in `sequences` behind their number; the same, where all of them go on with a word."""

PAYLOAD = 29  # bits

BASE = 0x2545F4914F6CDD1D
"""Odd, with its bits spread evenly: the multiplier of Marsaglia's xorshift64* (Vigna 2016)."""

NUMBER, LINE, SENTENCE = 1, 2, 4
"""Flags of a token: it holds a digit; a line begins with it; a sentence does."""

ALL_NUMBERS = 0x9E3779B97F4A7C15
"""What stands for every number where numbers are masked; the golden ratio in 64 bits."""

WHOLE = ~0xFFFF & 0xFFFFFFFFFFFFFFFF
"""What is compared of the hash of a whole part."""

A_NUMBER = 0x80
"""Is added to the weight of a token that is a number."""

MAX_PLACES = 16
"""Places of one gram in a text that are looked at."""

HIT = (
    *("text", "part", "exact_weight", "masked_weight", "exact_run", "masked_run", "first", "end"),
    *("eights", "in_eights", "in_tens", "whole"),
)
"""Columns of what `scan` gives."""

BY_SENTENCE, BY_LINE, BY_TEXT = 1, 2, 3
"""What of a text has the words of a whole part, in `whole` of a hit; 0: only grams."""

N_SCRIPTS = 16
"""Columns of the counts of letters by script; 0 stands for what is no letter, and stays empty."""

N_CODE = N_SCRIPTS
"""Column of the bytes of lines that are code."""

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
"""Words that begin a line of code, by what must follow: what a definition holds; signs of code; names; words of a
query; an option or a path, or one of ORDERS."""

MIN_SENTENCE = 5  # words of a line that ends like a sentence, and is none of the code around it
MAX_INLINE = 300  # bytes of a tag or a formula within a line
