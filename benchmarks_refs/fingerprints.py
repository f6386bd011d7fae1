"""One-way fingerprints of benchmarks: enough to recognise an item, not enough to read it.

Of a part of an item (its question, one of its choices, its answer, its passage) each token is stored as 8 bits of its
hash and as its weight, in their order, and the whole as one hash. Five of these codes in a row are a gram, which stands
for a token 5-gram in 40 bits; in its number-masked form all numbers have one code. An item is recognised by several
grams together. Texts are searched for all grams of a short question; of longer parts for the smallest in each window of
8 (winnowing), so any run of 12 tokens that a text shares with the part contains one; of choices for none.

Schleimer, Wilkerson & Aiken (2003), Winnowing: local algorithms for document fingerprinting.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from .cards import Card, Item

Hashes: TypeAlias = npt.NDArray[np.uint64]
Ints: TypeAlias = npt.NDArray[np.int32]

PARTS = ("question", "choices", "answer", "passage")
QUESTION, CHOICES, ANSWER, PASSAGE = range(len(PARTS))

FORMAT = 3
FOLDER = "chataudit-references"  # of the user's own fingerprints, in the current directory
SHIPPED = Path(__file__).with_name("fingerprints")
WEIGHTS = SHIPPED / "weights.npz"
N_GRAM = 5  # tokens
WINDOW = 8  # grams, of which at least one is searched for
BRIEF = 100  # most tokens of a question all of whose grams are searched for: edits leave few of them intact
TOKEN = 40  # bits stored of a token's hash where weights are looked up
WHOLE = 48  # bits stored of the hash of a whole part
STEP = 0.75  # nats in one unit of a weight
MOST = 0x3F  # units
SEARCHED = 0x40  # added to the weight of the first token of a gram that texts are searched for
A_NUMBER = 0x80  # added to the weight of a token that is a number
MIN_NUMBERS = 2  # in a question that is also recognised by its numbers and words, one of them in digits
MAX_NUMBERS = 24  # in such a question, and in a message that it is compared with
SPELT = 0x40  # added to the weight of a number that is spelt out
# Scripts whose letters are tokens, as the first word of their Unicode names. Nearly every text contains each of these
# letters, but a few in a row still form a word, so a letter is worth at least one STEP.
UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
_CALCULATED = re.compile(r"<<[-+*/().,%$=\d\s]+>>")
ENDING = ".fingerprint"
_NAME = "chataudit-fingerprint"


class Hashed(NamedTuple):
    """Several texts, tokenised and hashed."""

    hashes: Hashes  # (n_tokens,)
    bounds: npt.NDArray[np.int64]  # (n_texts + 1,) number of each text's first token
    starts: Ints  # (n_tokens,) bytes of its text that each token covers
    ends: Ints
    is_number: npt.NDArray[np.bool_]  # (n_tokens,)
    numbers: Hashes  # (n_tokens,) of the number in digits, of numbers and of words for them; else 0
    grams: Hashes  # (n_tokens,) of the number-masked gram that starts here; meaningless if too few tokens follow
    whole: Hashes  # (n_texts,) of all tokens, in order


Hasher: TypeAlias = Callable[[Sequence[str]], Hashed]


@dataclass(frozen=True)
class Fingerprint:
    """The stored fingerprint of one split of a benchmark."""

    card: Card
    ids: tuple[str, ...]  # (n_items,)
    # A part that several items share, such as a passage, is stored once.
    kinds: npt.NDArray[np.uint8]  # (n_parts,) number in PARTS
    n_tokens: Ints
    n_words: Ints  # distinct tokens that are not numbers
    whole: Hashes  # hash of all tokens, of which the WHOLE highest bits are stored
    written: npt.NDArray[np.uint32]  # of questions: hash of the characters from the first token to the last; else 0
    codes: npt.NDArray[np.uint8]  # (sum of n_tokens,) see `coded`
    weights: npt.NDArray[np.uint8]  # (sum of n_tokens,) in STEPs; plus SEARCHED, plus A_NUMBER
    item: Ints  # (n_pairs,) which item has which part; in an item's own order
    part: Ints
    # Questions with numbers, as these in order and their other words in any order; not for training splits.
    bags: Ints  # (n_bags,) part
    bag_sizes: Ints
    words: npt.NDArray[np.uint32]  # (sum of bag_sizes,) highest bits: of numbers in digits, then of each word once
    word_weights: npt.NDArray[np.uint8]  # in STEPs; plus A_NUMBER for a number, plus SPELT for one spelt out
    word_places: npt.NDArray[np.uint8]  # of a number: its place in the question, from 0 at the first word to 255

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def digest(self) -> str:
        """SHA-256 of the content of this fingerprint, in hexadecimal."""
        return hashlib.sha256(msgspec.msgpack.encode(_members(self))).hexdigest()


@dataclass(frozen=True)
class Weights:
    """Token weights: inverse document frequencies among texts in the token's own script."""

    keys: Hashes  # (n,) the highest bits (TOKEN) of tokens' hashes, ascending
    values: npt.NDArray[np.uint8]  # in STEPs
    unknown: int  # weight of a token that occurs in at most one text, in STEPs

    def of(self, hashes: Hashes) -> npt.NDArray[np.uint8]:
        keys = hashes >> np.uint64(64 - TOKEN)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.values[at], self.unknown).astype(np.uint8)


# -- making ----------------------------------------------------------------------------------------------------------


def texts_of(item: Item) -> Iterator[tuple[int, str]]:
    """Yield kind and text of each part of an item.

    The pieces of a question or a passage are joined. A worked answer with marks for a calculator, such as
    `<<48/2=24>>`, is also one without them: most copies leave them out.
    """
    for kind, name in enumerate(PARTS):
        texts = item.parts.get(name, ())
        for text in texts if kind in (CHOICES, ANSWER) else ["\n".join(texts)] if texts else []:
            yield kind, text
            if kind == ANSWER and (plain := _CALCULATED.sub("", text)) != text:
                yield kind, plain


def build(card: Card, items: Iterable[Item], hasher: Hasher, weights: Weights) -> Fingerprint:
    """Build the fingerprint of these items.

    Raises
    ------
    ValueError
        If there is no item, an id is used twice, or the number of items differs from the card.
    """
    ids: dict[str, int] = {}
    parts: dict[tuple[int, str], int] = {}
    pairs = []
    for item in items:
        if item.id in ids:
            raise ValueError(f"{card.title}: duplicate id {item.id!r}. Name another field as the id")
        ids[item.id] = len(ids)
        pairs += [(ids[item.id], parts.setdefault(part, len(parts))) for part in texts_of(item)]
    if not ids:
        raise ValueError(f"{card.title}: no items; expected one record per item in its files")
    if card.items is not None and len(ids) != card.items:
        raise ValueError(f"{card.title}: {len(ids):,} items, but its card says {card.items:,}. Correct one of them")
    texts = [text for _, text in parts]
    hashed = hasher(texts)
    kinds = np.array([kind for kind, _ in parts], dtype=np.uint8)
    n_tokens = np.diff(hashed.bounds)
    of_text = np.repeat(np.arange(len(texts)), n_tokens)
    weight = _weights(hashed, kinds, of_text, weights)
    asked = kinds == QUESTION if card.split in ("test", "validation") else np.zeros(len(kinds), dtype=bool)
    bags, bag_sizes, words, word_weights, word_places = _bags(hashed, asked & (n_tokens <= BRIEF), weight)
    item, part = np.array(pairs, dtype=np.int32).T
    return Fingerprint(
        replace(card, items=len(ids)),
        tuple(ids),
        kinds,
        n_tokens.astype(np.int32),
        _n_words(hashed, of_text, len(texts)),
        leading(hashed.whole, WHOLE),
        _written(texts, hashed, kinds),
        coded(hashed.hashes),
        weight | _searched(hashed, kinds, n_tokens) * np.uint8(SEARCHED) | hashed.is_number * np.uint8(A_NUMBER),
        np.ascontiguousarray(item),
        np.ascontiguousarray(part),
        bags,
        bag_sizes,
        words,
        word_weights,
        word_places,
    )


def leading(hashes: Hashes, bits: int) -> Hashes:
    """Return hashes with all but their highest bits set to 0."""
    return hashes >> np.uint64(64 - bits) << np.uint64(64 - bits)


def placed(places: npt.NDArray[np.int64], n: int | npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return places among n words in 256 steps."""
    steps: npt.NDArray[np.uint8] = (places * 255 // np.maximum(1, np.asarray(n) - 1)).astype(np.uint8)
    return steps


def coded(hashes: Hashes) -> npt.NDArray[np.uint8]:
    """Return the stored bits of a token by its place in a part."""
    return (hashes >> np.uint64(56)).astype(np.uint8)


def shortened(hashes: Hashes) -> npt.NDArray[np.uint32]:
    """Return the stored bits of a token in a bag."""
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _written(texts: Sequence[str], hashed: Hashed, kinds: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    written = np.zeros(len(texts), dtype=np.uint32)
    for k in np.flatnonzero((kinds == QUESTION) & (np.diff(hashed.bounds) > 0)).tolist():
        start, end = hashed.starts[hashed.bounds[k]], hashed.ends[hashed.bounds[k + 1] - 1]
        written[k] = as_written(texts[k].encode(), start, end)
    return written


def as_written(text: bytes, start: int, end: int) -> int:
    """Hash the bytes [start, end) of a text to 32 bits: sensitive to case and punctuation, not to runs of spaces."""
    return int.from_bytes(hashlib.blake2b(b" ".join(text[start:end].split()), digest_size=4).digest(), "little")


def _searched(hashed: Hashed, kinds: npt.NDArray[np.uint8], n_tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Mark the tokens that begin a gram which texts are searched for."""
    n_grams = n_tokens - N_GRAM + 1
    searched = np.zeros(len(hashed.hashes), dtype=bool)
    # Choices are looked for only where their question was found.
    for k in np.flatnonzero((n_grams > 0) & (kinds != CHOICES)).tolist():
        first, n = int(hashed.bounds[k]), int(n_grams[k])
        chosen = np.ones(n, dtype=bool)
        if kinds[k] != QUESTION or n_tokens[k] > BRIEF:
            windows = np.lib.stride_tricks.sliding_window_view(hashed.grams[first : first + n], min(WINDOW, n))
            chosen[:] = False
            chosen[windows.argmin(axis=1) + np.arange(len(windows))] = True
            chosen[[0, -1]] = True
        # One word among numbers says little, and many texts contain it.
        says = np.convolve(~hashed.is_number[first : first + n_tokens[k]], np.ones(N_GRAM, dtype=np.int64), "valid") > 1
        searched[first : first + n] = chosen & says if (chosen & says).any() else chosen
    return searched


def _n_words(hashed: Hashed, of_text: npt.NDArray[np.int64], n: int) -> Ints:
    words = np.stack([of_text.astype(np.uint64), hashed.hashes], axis=1)[~hashed.is_number]
    words = words[np.lexsort((words[:, 1], words[:, 0]))]
    is_new = np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(words)]
    return np.bincount(words[is_new, 0].astype(np.int64), minlength=n).astype(np.int32)


def _weights(
    hashed: Hashed, kinds: npt.NDArray[np.uint8], of_text: npt.NDArray[np.int64], weights: Weights
) -> npt.NDArray[np.uint8]:
    # A word in every twentieth question of this benchmark weighs no more than that: a stem that its questions share is
    # not a leak.
    weight = weights.of(hashed.hashes)
    asked = kinds[of_text] == QUESTION
    n_questions = int((kinds == QUESTION).sum())
    keys, inverse = np.unique(hashed.hashes, return_inverse=True)
    df = _document_frequency(of_text[asked], inverse[asked], len(keys))
    most = np.full(len(keys), 255)
    common = (df * 20 >= n_questions) & (df >= 20)
    most[common] = np.maximum(1, np.round(np.log(n_questions / df[common]) / STEP))
    capped: npt.NDArray[np.uint8] = np.minimum(weight, most[inverse]).clip(max=MOST).astype(np.uint8)
    return capped


def _bags(
    hashed: Hashed, parts: npt.NDArray[np.bool_], weight: npt.NDArray[np.uint8]
) -> tuple[Ints, Ints, npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    bags, sizes, words = [], [], [np.zeros(0, np.uint32)]
    weights, places = [np.zeros(0, np.uint8)], [np.zeros(0, np.uint8)]
    short = shortened(hashed.hashes)
    of_number = shortened(hashed.numbers)
    flags = np.uint8(A_NUMBER) + np.uint8(SPELT) * ~hashed.is_number
    for part in np.flatnonzero(parts).tolist():
        here = slice(hashed.bounds[part], hashed.bounds[part + 1])
        numbers = hashed.numbers[here] > 0
        if not MIN_NUMBERS <= numbers.sum() <= MAX_NUMBERS or not hashed.is_number[here].any():
            continue
        tells = ~numbers & (weight[here] > 0)
        content, first = np.unique(short[here][tells], return_index=True)
        bags.append(part)
        sizes.append(int(numbers.sum()) + len(content))
        words += [of_number[here][numbers], content]
        weights += [weight[here][numbers] | flags[here][numbers], weight[here][tells][first]]
        places += [placed(np.flatnonzero(numbers), len(numbers)), np.zeros(len(content), np.uint8)]
    joined = (np.concatenate(words), np.concatenate(weights), np.concatenate(places))
    return np.array(bags, np.int32), np.array(sizes, np.int32), *joined


def count(texts: Sequence[str], hasher: Hasher) -> Weights:
    """Count the weights of all tokens that occur in at least two texts."""
    hashed = hasher(texts)
    of_text = np.repeat(np.arange(len(texts)), np.diff(hashed.bounds))
    order = np.argsort(hashed.hashes, kind="stable")
    opens = np.append(True, np.diff(hashed.hashes[order]) != 0)
    number = np.empty(len(order), dtype=np.int64)  # of each token's word
    number[order] = np.cumsum(opens) - 1
    first, hashes = order[opens], hashed.hashes[order[opens]]
    scripts: dict[str, int] = {}
    script_of = np.zeros(len(hashes), dtype=np.int64)
    for k, token in enumerate(first.tolist()):
        start, end = hashed.starts[token], hashed.ends[token]
        word = texts[of_text[token]].encode()[start:end].decode()
        script_of[k] = scripts.setdefault(unicodedata.name(word[0], "").split(" ")[0], len(scripts))
    df = _document_frequency(of_text, number, len(hashes))
    n_texts = _document_frequency(of_text, script_of[number], len(scripts))
    repeated = np.flatnonzero(df > 1)
    values = np.round(np.log(n_texts[script_of[repeated]] / df[repeated]) / STEP)
    is_letter = np.isin(script_of[repeated], [scripts[name] for name in UNSPACED if name in scripts])
    values = np.maximum(values, is_letter)
    keys = hashes[repeated] >> np.uint64(64 - TOKEN)
    keys, unique = np.unique(keys, return_index=True)
    return Weights(keys, values[unique].astype(np.uint8), round(float(np.log(n_texts.max())) / STEP))


def _document_frequency(texts: npt.NDArray[np.int64], values: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Count the texts in which each of n values occurs, from pairs of text and value."""
    seen = np.sort(texts * n + values)
    seen = seen[np.append(True, np.diff(seen) != 0)[: len(seen)]]
    return np.bincount(seen % n, minlength=n)


# -- files -----------------------------------------------------------------------------------------------------------

_KINDS = {  # types of the stored arrays
    **dict.fromkeys(("kinds", "codes", "weights", "word_weights", "word_places"), "u1"),
    **dict.fromkeys(("n_tokens", "n_words", "item", "part", "bags", "bag_sizes"), "<i4"),
    **dict.fromkeys(("written", "words"), "<u4"),
    "whole": "<u8",
}


def own_folder() -> Path:
    """Return the folder of the user's own fingerprints: $CHATAUDIT_REFERENCES, or one in the user's data folder."""
    named = os.environ.get("CHATAUDIT_REFERENCES")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(named) if named else Path(data) / "chataudit" / "references"


def save(fingerprint: Fingerprint, path: Path, *, replace: bool = False) -> None:
    """Write a fingerprint, completely or not at all.

    Raises
    ------
    FileExistsError
        If the file exists, unless `replace` is set.
    """
    if path.exists() and not replace:
        raise FileExistsError(f"{path} already exists. Pass --overwrite to replace it")
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    packed = msgspec.msgpack.encode(_members(fingerprint))
    data = len(packed).to_bytes(8, "little")
    data += pa.Codec("zstd", compression_level=19).compress(packed, asbytes=True)
    head = f"{_NAME} {FORMAT} {hashlib.sha256(data).hexdigest()}\n"
    try:
        made.write_bytes(head.encode() + data)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def verify(path: Path) -> bytes:
    """Check a file against the format and the checksum in its first line, and return the data after this line.

    Raises
    ------
    ValueError
        If the file is damaged, or in a format that this version does not read.
    """
    again = _again(path.stem)
    head, _, data = path.read_bytes().partition(b"\n")
    header = re.fullmatch(rf"{_NAME} (\d{{1,9}}) ([0-9a-f]{{64}})".encode(), head)
    if header is None:
        raise ValueError(f"{path}: not a fingerprint. {again}")
    if int(header[1]) != FORMAT:
        raise ValueError(f"{path}: format {int(header[1])}; this version of chataudit reads format {FORMAT}. {again}")
    if hashlib.sha256(data).hexdigest() != header[2].decode():
        raise ValueError(f"{path}: damaged, its checksum does not match. {again}")
    return data


def _again(name: str) -> str:
    return f"Run `chataudit refs build {name} --overwrite`, or for a set of your own `refs add`"


def load(path: Path, *, is_verified: bool = False) -> Fingerprint:
    """Read a fingerprint from a file.

    Raises
    ------
    ValueError
        As `verify`, which is not called if `is_verified`; or if the content contradicts itself.
    """
    data = path.read_bytes().partition(b"\n")[2] if is_verified else verify(path)
    packed = pa.Codec("zstd").decompress(data[8:], int.from_bytes(data[:8], "little"), asbytes=True)
    try:
        members = msgspec.msgpack.decode(packed)
        card = msgspec.convert(members["card"], Card)
        ids = msgspec.convert(members["ids"], tuple[str, ...])
        found = Fingerprint(card, ids, **{name: np.frombuffer(members[name], kind) for name, kind in _KINDS.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not the content of a fingerprint ({error})") from None
    if fault := contradiction(found):
        raise ValueError(f"{path}: {fault}; was it changed by hand? {_again(path.stem)}")
    return found


def contradiction(found: Fingerprint) -> str:
    """Return what in a fingerprint contradicts the rest, nothing if it is consistent.

    Kernels rely on it; a checksum shows damage, but who changes a file may change its checksum too.
    """
    n_parts, n_entries = len(found.kinds), len(found.words)
    for name in ("n_tokens", "n_words", "whole", "written"):
        if len(getattr(found, name)) != n_parts:
            return f"{name} is not of {n_parts:,} parts"
    for name, limit in (("kinds", len(PARTS)), ("item", len(found.ids)), ("part", n_parts), ("bags", n_parts)):
        values = getattr(found, name)
        if len(values) and not 0 <= values.min() <= values.max() < limit:
            return f"{name} has a number beyond {limit - 1:,}"
    for name, sizes, n in (("codes", found.n_tokens, len(found.codes)), ("words", found.bag_sizes, n_entries)):
        if (sizes < 0).any() or sizes.sum(dtype=np.int64) != n:
            return f"the sizes of its pieces do not add up to {n:,} {name}"
    pairs = (("weights", "codes"), ("part", "item"), ("bag_sizes", "bags"))
    for name, other in (*pairs, ("word_weights", "words"), ("word_places", "words")):
        if len(getattr(found, name)) != len(getattr(found, other)):
            return f"{name} and {other} differ in length"
    return "" if (found.bag_sizes > 0).all() else "an empty bag of words"


def save_weights(weights: Weights, path: Path) -> None:
    """Write weights."""
    keys = (weights.keys << np.uint64(64 - TOKEN)).astype(">u8").view(np.uint8).reshape(-1, 8)[:, : TOKEN // 8]
    with path.open("wb") as file:
        np.savez_compressed(
            file, allow_pickle=False, keys=keys, values=weights.values, unknown=np.array(weights.unknown)
        )


def load_weights(path: Path = WEIGHTS) -> Weights:
    """Read the token weights that all fingerprints are built with."""
    with np.load(path, allow_pickle=False) as file:
        kept = file["keys"]
        full = np.zeros((len(kept), 8), dtype=np.uint8)
        full[:, : TOKEN // 8] = kept
        keys = full.view(">u8").reshape(-1).astype(np.uint64) >> np.uint64(64 - TOKEN)
        return Weights(keys, file["values"], int(file["unknown"]))


def _members(fingerprint: Fingerprint) -> dict[str, Any]:
    """Return the content of a fingerprint as it is stored."""
    stored = {name: getattr(fingerprint, name).astype(kind, copy=False).tobytes() for name, kind in _KINDS.items()}
    return {"card": msgspec.to_builtins(fingerprint.card), "ids": fingerprint.ids, **stored}
