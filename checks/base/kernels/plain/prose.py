"""Prose of texts, letters by script, and excerpts."""

from itertools import pairwise

import numpy as np

from ..layout import (
    CALLS,
    DEFINES,
    IMPORTS,
    LEADS,
    MAX_INLINE,
    MIN_MARKED_UP,
    MIN_RUNNING,
    MIN_SENTENCE,
    N_CODE,
    N_COUNTS,
    ORDERS,
    QUERIES,
    STARTS,
    Bytes,
    Counts,
    Ints,
)

_LEADS = {word.encode(): kind for kind, words in LEADS.items() for word in words.split()}
HAN = 0x4E00  # a character of the script, for those of the second and third plane

_PROSE, _CODE, _FENCED, _TABLE, _EMPTY = range(5)

_BLANK = b" \t\r"
_DIGITS = frozenset(b"0123456789")
_LOWER = frozenset(b"abcdefghijklmnopqrstuvwxyz")
_CAPITALS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LETTERS = _LOWER | _CAPITALS
_NAMES = _LETTERS | _DIGITS | frozenset(b"_")
_SIGNS = frozenset(b"{}[]<>=;&_\\^~|$@")
_BRACKETS = frozenset(b"[](){};,")
_MODES = frozenset(b"-rwxsStT")
_ASSIGNS = frozenset((b"=", b"+=", b"-=", b"*=", b"/=", b":=", b"==", b"=>", b"|="))
_DIRECTIVES = frozenset((b"include", b"define", b"if", b"ifdef", b"ifndef", b"endif", b"pragma"))


def prose(data: Bytes, offsets: Ints, scripts: Bytes) -> tuple[Bytes, Counts]:
    """Blank what is not prose in texts, and count the letters of the rest by script.

    Parameters
    ----------
    data : ndarray of uint8
        Texts in UTF-8, one after another.
    offsets : ndarray of int64, shape (n + 1,)
        Where each text begins.
    scripts : ndarray of uint8, shape (65536,)
        The script of each code point of the first plane; 0: not a letter.

    Returns
    -------
    ndarray of uint8
        The texts with spaces in place of the bytes that are not prose: code, tables, tags, formulas, addresses, names
        of files and variables. As long as `data`, so that places in both are the same; line ends are kept.
    ndarray of int32, shape (n, N_COUNTS)
        Letters by script, and bytes in lines of code.
    """
    masked = bytearray(data.tobytes())
    counts = np.zeros((len(offsets) - 1, N_COUNTS), dtype=np.int32)
    table = scripts.tobytes()
    for row, (start, end) in enumerate(pairwise(offsets.tolist())):
        text, n_code = _clean(bytes(masked[start:end]))
        masked[start:end] = text
        codes = [ord(character) for character in text.decode()]
        # Above the first plane, letters of these scripts are in the second and the third alone: Han.
        entries = [table[code if code < 0x10000 else HAN if 0x20000 <= code < 0x40000 else 0] for code in codes]
        counts[row] = np.bincount(entries, minlength=N_COUNTS)
        counts[row, 0], counts[row, N_CODE] = 0, n_code
    return np.frombuffer(masked, dtype=np.uint8), counts


def _clean(text: bytes) -> tuple[bytes, int]:
    lines = text.split(b"\n")
    kinds = _kinds(lines)
    kept, n_code = [], 0
    for line, kind in zip(lines, kinds, strict=True):
        if kind in (_CODE, _FENCED):
            n_code += len(line.strip(_BLANK))
        kept.append(_inline(line) if kind == _PROSE else b" " * len(line))
    return b"\n".join(kept), n_code


def _kinds(lines: list[bytes]) -> list[int]:
    """Return the kind of each line."""
    kinds = []
    fenced = quoted = False
    for line in lines:
        s = line.strip(_BLANK)
        quotes = s.count(b'"""') + s.count(b"'''")
        if s.startswith((b"```", b"~~~")):
            kinds.append(_FENCED)
            fenced ^= s.count(s[:3]) == 1
        elif fenced:
            kinds.append(_FENCED)
        elif quoted or quotes % 2:
            kinds.append(_CODE)
            quoted ^= quotes % 2 == 1
        elif not s:
            kinds.append(_EMPTY)
        elif s.startswith(b"|") and s.count(b"|") > 1:
            kinds.append(_PROSE if _n_words(s) >= MIN_MARKED_UP else _TABLE)
        elif s.startswith(b"<") and _tag_end(s, 0):
            kinds.append(_PROSE if _n_words(s) >= MIN_MARKED_UP else _CODE)
        else:
            kinds.append(_CODE if _is_code(s) else _PROSE)
    # Successive lines of comments, or of keys with their values, are code as well.
    for is_such in (_is_comment, _is_key):
        such = [kind == _PROSE and is_such(line.strip(_BLANK)) for line, kind in zip(lines, kinds, strict=True)]
        for k, hit in enumerate(such):
            if hit and (such[k - 1 : k] == [True] or such[k + 1 : k + 2] == [True]):
                kinds[k] = _CODE
    if _CODE in kinds:
        for k, line in enumerate(lines):
            s = line.strip(_BLANK)
            if kinds[k] == _PROSE and line.isascii() and (_begins_comment(s) or line.startswith((b"    ", b"\t"))):
                kinds[k] = _CODE
        # In a paragraph with code, lines of ASCII that are not whole sentences are code too.
        start = 0
        for k in range(len(lines) + 1):
            if k == len(lines) or kinds[k] == _EMPTY:
                if _CODE in kinds[start:k]:
                    for j in range(start, k):
                        s = lines[j].strip(_BLANK)
                        if kinds[j] == _PROSE and s.isascii() and not _is_sentence(s) and not _is_running(s):
                            kinds[j] = _CODE
                start = k + 1
    return kinds


def _is_comment(s: bytes) -> bool:
    return s.startswith(b"# ")


def _begins_comment(s: bytes) -> bool:
    return s.startswith((b"#", b"//", b"*", b"--", b"%", b'"', b"'"))


def _is_sentence(s: bytes) -> bool:
    return s[-1] in b".?!:" and len(_split(s)) >= MIN_SENTENCE


def _is_running(s: bytes) -> bool:
    return len(_split(s)) >= MIN_RUNNING and not any(byte in _SIGNS or byte == 0x60 for byte in s)


def _tag_end(s: bytes, k: int) -> int:
    """Return the end of the tag that begins at k; 0: none does."""
    after = s[k + 1] if k + 1 < len(s) else 0
    if s[k] != 0x3C or not (after in _LETTERS or (after and after in b"!/")):
        return 0
    limit = min(len(s), k + MAX_INLINE)
    close, again = s.find(b">", k + 1, limit), s.find(b"<", k + 1, limit)
    return close + 1 if close >= 0 and not 0 <= again < close else 0


def _n_words(s: bytes) -> int:
    """Count the words of a line of tags or cells; 0 where signs of code stand among them.

    A word begins with a letter, behind a blank, a tag or the edge of a cell.
    """
    k = n_words = n_signs = n_bytes = 0
    inside = False
    while k < len(s):
        if end := _tag_end(s, k):
            k, inside = end, False
            continue
        byte = s[k]
        is_separator = byte in b" \t\r|"
        if not is_separator:
            n_bytes += 1
            n_signs += byte in _SIGNS
            n_words += not inside and (byte in _LETTERS or byte >= 0x80)
        inside = not is_separator
        k += 1
    return 0 if n_signs >= 2 and n_signs * 10 >= n_bytes else n_words


def _split(s: bytes) -> list[bytes]:
    return [token for token in s.replace(b"\t", b" ").replace(b"\r", b" ").split(b" ") if token]


def _is_key(s: bytes) -> bool:
    """Decide whether a line is `key: value` as in YAML."""
    s = s.removeprefix(b"- ")
    tokens = s.split()
    return bool(tokens) and len(tokens) <= 2 and s[0] in _LOWER and tokens[0].endswith(b":") and s.isascii()


def _is_code(s: bytes) -> bool:
    """Decide whether a line, stripped, looks like source code or a shell."""
    if s.startswith((b"http://", b"https://")):  # its signs are those of an address
        return False
    tokens = _split(s)
    n_signs = sum(byte in _SIGNS for byte in s)
    if n_signs >= 2 and n_signs * 10 >= sum(map(len, tokens)):
        return True
    first, last, n = tokens[0], s[-1], len(tokens)
    second = tokens[1] if n > 1 else b""
    length = next((k for k, byte in enumerate(first) if byte not in _NAMES and byte != 0x2D), len(first))
    kind = _LEADS.get(first[:length], 0)
    has_call = any(byte == 0x28 and k and s[k - 1] in _NAMES for k, byte in enumerate(s))
    if kind == DEFINES and (has_call or n == 2 or (last in b"{:" and n <= 4)):
        return True
    if kind == STARTS and (n == 1 or last in b";{}" or b"=" in s or has_call or (last == 0x3A and n <= 6)):
        return True
    if kind == IMPORTS and (n == 2 or last == 0x3B or has_call or (n > 2 and tokens[2] in (b"import", b"as"))):
        return True
    if kind == QUERIES and n > 1 and any(byte in _LOWER for byte in s):
        return True
    if kind == CALLS and n > 1 and (second[0] in b"-./~" or _LEADS.get(second) == ORDERS):
        return True
    return _begins_code(s, first, second, n) or _ends_code(s)


def _begins_code(s: bytes, first: bytes, second: bytes, n: int) -> bool:
    lead, after = first[0], first[1] if len(first) > 1 else 0
    if lead == 0x23 and (after == 0x21 or first[1:] in _DIRECTIVES):  # #
        return True
    if first.startswith((b"//", b"/*", b"*/", b">>>")) or (first == b"$" and n > 1):
        return True
    if lead == 0x3C and (after in b"!?/" or after in _LETTERS) and after:  # <
        return True
    if lead == 0x40 and after in _LETTERS and n == 1 and b"(" in first:  # @
        return True
    if lead == 0x3A and after in _LETTERS and (first.endswith(b":") or second.endswith(b":")):  # :param x:
        return True
    if len(s) > 9 and lead in b"-dlbcps" and all(byte in _MODES for byte in s[1:10]):  # -rw-r--r--
        return True
    if (lead in _LETTERS or lead == 0x5F) and n > 2 and second in _ASSIGNS:
        return True
    equals = first.find(b"=")
    if equals > 0 and all(byte in _NAMES or byte in b".-" for byte in first[:equals]):
        return True
    call = first.find(b"(")
    if call > 0 and first[call - 1] in _NAMES and (s[-1] in b"):,;{" or b"_" in first[:call] or b"." in first[:call]):
        return True
    return all(byte in _BRACKETS for byte in s)


def _ends_code(s: bytes) -> bool:
    if not s.isascii():
        return False
    last, before = s[-1], s[-2] if len(s) > 1 else 0
    if last in b"{[(\\" or s.endswith((b"=>", b"->")):
        return True
    if last == 0x3B:
        return before in b")]}\"'" or before in _DIGITS
    if last == 0x2C:
        return before in b")]}"
    return last == 0x3A and before == 0x29


def _inline(line: bytes) -> bytes:
    """Blank tags, formulas, code and names of things within a line."""
    out = bytearray(line)
    k = 0
    while k < len(line):
        end = _inline_end(line, k)
        if end > k:
            out[k:end] = b" " * (end - k)
        k = max(end, k + 1)
    k = 0
    while k < len(out):
        end = k
        while (step := _run_step(out, end)) > 0:
            end += step
        if end > k and _is_name(bytes(out[k:end])):
            out[k:end] = b" " * (end - k)
        k = max(end, k + 1)
    return bytes(out)


def _inline_end(line: bytes, k: int) -> int:
    """Return the end of what begins at k and is not prose; 0: nothing begins there."""
    lead, after = line[k], line[k + 1] if k + 1 < len(line) else 0
    limit = min(len(line), k + MAX_INLINE)
    if lead == 0x60:  # `
        start = k
        while start < len(line) and line[start] == 0x60:
            start += 1
        close = line.find(b"`", start)
        if close > start:
            while close < len(line) and line[close] == 0x60:
                close += 1
            return close
    elif lead == 0x3C:  # <
        return _tag_end(line, k)
    elif lead == 0x5D and after == 0x28:  # ](
        close = line.find(b")", k, limit)
        if close >= 0 and b" " not in line[k:close]:
            return close + 1
    elif lead == 0x24 and after not in b" $\t" and after:  # $
        close = line.find(b"$", k + 2, limit)
        if close >= 0 and line[close - 1] not in b" \t":
            return close + 1
    elif lead == 0x5C and after and after in b"([":  # \
        close = line.find(b"\\)" if after == 0x28 else b"\\]", k + 2, limit)
        if close >= 0:
            return close + 2
    return 0


def _run_step(out: bytearray, k: int) -> int:
    """Return the bytes of the character at k; 0 if it does not continue a run, as in scripts without spaces."""
    if k >= len(out):
        return 0
    lead = out[k]
    if lead < 0x80:
        return int(0x20 < lead < 0x7F)
    return 2 if 0xC2 <= lead < 0xE0 else 3 if lead in (0xE1, 0xE2) else 0


def _is_name(run: bytes) -> bool:
    """Decide whether a run of characters is an address, a path, a variable or the like, and not a word."""
    after = run[1] if len(run) > 1 else 0
    if run[0] in b"#$/%" and after in _NAMES:
        return True
    if run.startswith(b"--") and len(run) > 2 and run[2] in _LETTERS:
        return True
    if run.count(b"/") > 1 or any(byte in b"@_\\=<>{}" for byte in run):
        return True
    for one, two in pairwise(run):
        if one in _LETTERS and (two in _DIGITS or two == 0x28 or (one in _LOWER and two in _CAPITALS)):
            return True
        if one in _DIGITS and two in _LETTERS:
            return True
    return any(run[k] == 0x2E and run[k - 1] in _LETTERS and run[k + 1] in _LETTERS for k in range(1, len(run) - 1))


def excerpts(data: Bytes, offsets: Ints, rows: Ints, limit: int) -> tuple[Bytes, Ints]:
    """Return some of these texts, cut to about `limit` bytes, with one space for blank or control characters in a row.

    A longer text becomes three pieces of a third of `limit`: its beginning, its middle and its end. A piece begins with
    a word where one begins near, and never cuts a character.
    """
    pieces = []
    for start, end in zip(offsets[rows].tolist(), offsets[rows + 1].tolist(), strict=True):
        text = b" ".join(bytes(byte if byte > 0x20 else 0x20 for byte in data[start:end].tolist()).split())
        if len(text) > limit:
            width = limit // 3
            text = b" ".join(_piece(text, at, width) for at in (0, (len(text) - width) // 2, len(text) - width))
        pieces.append(text)
    return np.frombuffer(b"".join(pieces), dtype=np.uint8), np.cumsum([0, *map(len, pieces)], dtype=np.int64)


def _piece(text: bytes, at: int, width: int) -> bytes:
    end = at + width
    if at:
        space = text.find(b" ", at, at + 32)
        at = space + 1 if space >= 0 else at
    while at < end and text[at] & 0xC0 == 0x80:
        at += 1
    while end < len(text) and end > at and text[end] & 0xC0 == 0x80:
        end -= 1
    return text[at:end]
