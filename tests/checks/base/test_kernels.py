"""The kernels: both forms give the same values, and these are the ones of slow and obvious versions."""

import itertools
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from math import ceil
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
from chataudit.checks.base import kernels
from chataudit.checks.base.arrow.columns import utf8
from chataudit.checks.base.kernels.plain import tokens as plain_tokens
from chataudit.checks.base.text import tokens
from chataudit.checks.base.text.tokens import Tokens
from datasketch import LeanMinHash, MinHash, MinHashLSH
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from kernel_forms import COMPILED, FORMS, PLAIN, both_forms, needs_compiled

UNLIMITED = 1 << 40
THRESHOLDS = [0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0]
BASE = 0x2545F4914F6CDD1D
LAST = 2**64 - 1
# Values of sets are hashes; hypothesis draws small numbers, their indices.
VALUES = np.random.default_rng(7).integers(0, 2**64, 4096, dtype=np.uint64)


def same(one: Sequence[Any], other: Sequence[Any]) -> None:
    """Assert that two results are equal, bit for bit."""
    assert len(one) == len(other)
    for x, y in zip(one, other, strict=True):
        assert (x.dtype, x.shape) == (y.dtype, y.shape)
        np.testing.assert_array_equal(x, y)


def lists(values: Any, limits: Any) -> list[list[int]]:
    return [values[first:last].tolist() for first, last in itertools.pairwise(limits.tolist())]


def flat(parts: Sequence[Sequence[int]]) -> tuple[Any, Any]:
    """Return values one after another, and where each part begins and the last one ends."""
    limits = np.array([0, *itertools.accumulate(map(len, parts))], dtype=np.int64)
    return np.array([value for part in parts for value in part], dtype=np.uint64), limits


def as_sets(parts: Sequence[set[int]]) -> tuple[Any, Any]:
    return flat([sorted(part) for part in parts])


def hashed(parts: Sequence[set[int]]) -> list[set[int]]:
    """Return the hashes with these indices."""
    return [{int(VALUES[number]) for number in part} for part in parts]


def test_all_kernels_are_of_the_compiled_form_where_there_is_one():
    assert kernels.COMPILED is (COMPILED is not None)
    assert all(getattr(kernels, name) is kernel for name, kernel in vars(FORMS[0]).items())


def test_all_kernels_are_plain_where_one_compiled_module_is_missing():
    code = (
        "import sys; sys.modules['chataudit.checks.base.kernels.compiled.tokens'] = None\n"
        "from chataudit.checks.base import kernels\n"
        "named = [getattr(kernels, name) for name in kernels.__all__ if name.islower()]\n"
        "print(kernels.COMPILED, {kernel.__module__.split('.')[-2] for kernel in named}, len(named))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found == f"False {{'plain'}} {len(vars(PLAIN))}\n"


# -- hashes ----------------------------------------------------------------------------------------------------------


def spread(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & LAST
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & LAST
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & LAST
    return x ^ (x >> 31)


def hash_of(values: Sequence[int]) -> int:
    total = 0
    for value in values:
        total = (total * BASE + value) & LAST
    return spread(total)


def test_numbers_are_spread_as_by_splitmix64():
    # The first outputs of SplitMix64 from seed 0, as published with java.util.SplittableRandom and by Vigna.
    assert spread(0) == 0xE220A8397B1DCDAF
    assert spread(0x9E3779B97F4A7C15) == 0x6E789E6AA1B965F4


@both_forms
def test_a_token_is_hashed_eight_bytes_at_a_time(form):
    for word in ("a", "abcdefg", "abcdefgh", "abcdefghi", "0123456789abcdef", "é", "한국어"):
        encoded = "".join(map(tokens.fold, word)).encode()
        words = [int.from_bytes(encoded[at : at + 8], "little") for at in range(0, len(encoded), 8)]
        assert tokenise(form, [word]).hashes.tolist() == [hash_of(words)], word
    assert tokenise(form, ["漢" * 9]).hashes.tolist() == [hash_of([int.from_bytes("漢".encode(), "little")])] * 9


def tokenise(form: SimpleNamespace, texts: Sequence[str | None]) -> Tokens:
    with mock.patch.object(kernels, "tokenise", form.tokenise):
        return tokens.tokenise(pa.array(texts, pa.string()))


@needs_compiled
@settings(max_examples=150)
@given(texts=st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=6))
def test_both_forms_give_the_same_tokens(texts):
    same(tokenise(COMPILED, texts), tokenise(PLAIN, texts))


@needs_compiled
@settings(max_examples=150)
@given(
    texts=st.lists(st.text("aZ0 é\u0301ß漢か\u3099\u00ad½ﷺ😀𝐀𠀀กิ", max_size=40), max_size=6), piece=st.integers(1, 30)
)
def test_both_forms_give_the_same_tokens_of_mixed_texts(texts, piece):
    with mock.patch.object(plain_tokens, "PIECE", piece):
        same(tokenise(COMPILED, texts), tokenise(PLAIN, texts))


# -- sets of n-grams -------------------------------------------------------------------------------------------------

few_hashes = st.integers(0, 5).map(lambda number: int(VALUES[number]))
any_hash = st.integers(0, LAST) | st.sampled_from([0, 1, LAST, 1 << 63]) | few_hashes
token_lists = st.lists(st.lists(any_hash, max_size=40), max_size=6)


@both_forms
@settings(max_examples=100)
@given(texts=token_lists, n=st.integers(1, 7))
@example(texts=[], n=5)
@example(texts=[[], [1], []], n=1)
@example(texts=[[1, 2, 3, 4], [5, 6]], n=5)
def test_a_text_becomes_the_set_of_its_hashed_grams(form, texts, n):
    hashes, bounds = flat(texts)
    sets, limits, whole = form.shingle(hashes, bounds, n)
    assert lists(sets, limits) == [
        sorted({hash_of(tokens[at : at + n]) for at in range(len(tokens) - n + 1)}) for tokens in texts
    ]
    assert whole.tolist() == [hash_of(tokens) for tokens in texts]
    assert (sets.dtype, limits.dtype, whole.dtype) == (np.uint64, np.int64, np.uint64)


@both_forms
@settings(max_examples=50)
@given(texts=token_lists.filter(bool), n=st.integers(1, 5), data=st.data())
def test_sets_of_some_texts_of_many_are_those_of_these_alone(form, texts, n, data):
    first = data.draw(st.integers(0, len(texts)))
    last = data.draw(st.integers(first, len(texts)))
    hashes, bounds = flat(texts)
    same(form.shingle(hashes, bounds[first : last + 1], n), form.shingle(*flat(texts[first:last]), n))


@both_forms
@settings(max_examples=100)
@given(tokens=st.lists(any_hash, max_size=40), n=st.integers(1, 41))
def test_grams_are_in_the_order_of_the_text_and_in_its_set(form, tokens, n):
    hashes, bounds = flat([tokens])
    grams = form.grams(hashes, n)
    assert grams.tolist() == [hash_of(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]
    assert set(grams.tolist()) == set(form.shingle(hashes, bounds, n)[0].tolist())


@both_forms
def test_large_sets_are_sorted(form):
    for size in (24, 25, 26, 300, 2048, 2049, 2050, 30_000):
        hashes = np.random.default_rng(size).integers(0, 2**64, size, dtype=np.uint64)
        hashes[size // 2 :] = hashes[: size - size // 2]  # each gram twice, but for the seam
        sets, limits, _ = form.shingle(hashes, np.array([0, size], dtype=np.int64), 1)
        assert sets.tolist() == sorted(set(map(spread, hashes.tolist()))), size
        assert limits.tolist() == [0, len(sets)], size


def unspread(x: int) -> int:
    """Return the number that is spread to this one."""
    x ^= x >> 31 ^ x >> 62
    x = x * pow(0x94D049BB133111EB, -1, 2**64) & LAST
    x ^= x >> 27 ^ x >> 54
    x = x * pow(0xBF58476D1CE4E5B9, -1, 2**64) & LAST
    x ^= x >> 30 ^ x >> 60
    return (x - 0x9E3779B97F4A7C15) & LAST


UNEVEN = {
    "equal top bytes": [k << 20 | 5 for k in range(5000)],
    "only the low bytes differ": [0xABCD << 48 | k for k in range(5000)],
    "equal low bytes": [k << 48 | 12345 for k in range(5000)],
    "edges": [0, 1, LAST, LAST - 1, 1 << 63, (1 << 63) - 1],
}


@both_forms
def test_sets_that_are_not_spread_evenly_are_sorted_too(form):
    for name, values in UNEVEN.items():
        shuffled = np.random.default_rng(1).permutation(np.array(values, dtype=np.uint64)).tolist()
        hashes = [unspread(value) for value in shuffled]
        found, limits, _ = form.shingle(*flat([hashes, hashes[:3]]), 1)
        assert lists(found, limits) == [sorted(values), sorted(map(spread, hashes[:3]))], name


# -- overlaps --------------------------------------------------------------------------------------------------------

some_sets = st.lists(st.sets(st.integers(0, 30), max_size=20), min_size=1, max_size=8)


@both_forms
@settings(max_examples=100)
@given(parts=some_sets, data=st.data())
def test_an_overlap_counts_what_two_sets_share(form, parts, data):
    number = st.integers(0, len(parts) - 1)
    pairs = data.draw(st.lists(st.tuples(number, number), max_size=20))
    parts = hashed(parts)
    left, right = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    shared = form.overlaps(*as_sets(parts), left, right)
    assert shared.dtype == np.int64
    assert shared.tolist() == [len(parts[x] & parts[y]) for x, y in pairs]


# -- pairs -----------------------------------------------------------------------------------------------------------


def alike(parts: Sequence[set[int]], threshold: float) -> list[tuple[int, int, int]]:
    """Find all pairs by brute force: smaller number, larger number, number of common values."""
    wanted = Fraction(str(threshold))  # .9 means nine tenths, and not the nearest double
    found = []
    for x, y in itertools.combinations(range(len(parts)), 2):
        shared, either = len(parts[x] & parts[y]), len(parts[x] | parts[y])
        if either and Fraction(shared, either) >= wanted:
            found.append((x, y, shared))
    return found


def joined(
    form: SimpleNamespace, parts: Sequence[set[int]], threshold: float, max_fanout: int = UNLIMITED
) -> tuple[list[tuple[int, int, int]], list[bool]]:
    left, right, shared, capped = form.join(*as_sets(parts), threshold, max_fanout)
    assert (left.dtype, right.dtype, shared.dtype, capped.dtype) == (np.int32, np.int32, np.int32, np.bool_)
    assert capped.shape == (len(parts),)
    return list(zip(left.tolist(), right.tolist(), shared.tolist(), strict=True)), capped.tolist()


@st.composite
def families(draw: st.DrawFn) -> list[set[int]]:
    """Draw sets that are edits of a few, so that many pairs are about any threshold."""
    parts: list[set[int]] = []
    for family in range(draw(st.integers(1, 3))):
        base = range(first := family * draw(st.sampled_from([0, 10, 100])), first + draw(st.integers(0, 40)))
        for _ in range(draw(st.integers(1, 6))):
            gone = draw(st.sets(st.integers(0, 140), max_size=8))
            new = draw(st.sets(st.integers(0, 140), max_size=8))
            parts.append(set(base) - gone | new)
    return draw(st.permutations(parts))


@both_forms
@settings(max_examples=40)
@given(parts=families() | st.lists(st.sets(st.integers(0, 12)), max_size=12))
@example(parts=[])
@example(parts=[set()])
@example(parts=[set(), set(), {1}, {1}, set()])
@example(parts=[set(range(9)), set(range(10)), set(range(8)), set(range(1, 10))])
def test_join_finds_the_pairs_that_brute_force_finds(form, parts):
    parts = hashed(parts)
    for threshold in THRESHOLDS:
        found, capped = joined(form, parts, threshold)
        assert found == alike(parts, threshold), threshold
        assert not any(capped), threshold


def edited(rng: np.random.Generator, n_families: int, size: int, n_edits: int) -> list[set[int]]:
    """Return families of six sets of random values, with up to n_edits values replaced, and one value in all."""
    parts = []
    for _ in range(n_families):
        base = rng.integers(0, 2**64, size, dtype=np.uint64)
        for _ in range(6):
            part = base[: size - rng.integers(0, size // 4 + 1)].copy()
            places = rng.integers(0, len(part), rng.integers(0, n_edits + 1))
            part[places] = rng.integers(0, 2**64, len(places), dtype=np.uint64)
            parts.append({*part.tolist(), 5})
    return [parts[k] for k in rng.permutation(len(parts))]


@both_forms
def test_join_of_random_families_finds_what_brute_force_finds(form):
    for n_families, size in [(20, 12), (12, 60), (4, 900), (1, 6000)]:
        parts = edited(np.random.default_rng(size), n_families, size, size // 3)
        parts += [set(), *parts[:3]]
        for threshold in THRESHOLDS:
            wanted = alike(parts, threshold)
            assert joined(form, parts, threshold)[0] == wanted, (size, threshold)
            assert len(wanted) >= 3, (size, threshold)


@both_forms
def test_join_gives_the_same_on_several_threads(form):
    parts = [set(), *edited(np.random.default_rng(7), 30, 80, 25), set()]
    for some, max_fanout in itertools.product((parts, parts[:3], []), (2, UNLIMITED)):
        alone = form.join(*as_sets(some), 0.7, max_fanout)
        for threads in (2, 3, 8):
            shared = form.join(*as_sets(some), 0.7, max_fanout, threads)
            for one, other in zip(alone, shared, strict=True):
                case = f"{len(some)} sets, {threads} threads, fanout {max_fanout}"
                np.testing.assert_array_equal(one, other, err_msg=case)


@both_forms
def test_join_finds_pairs_among_values_that_are_all_very_frequent(form):
    # 300 of each value: more often than the frequencies by which sets are ordered.
    parts = [{*VALUES[:40].tolist(), int(VALUES[40 + k // 2])} for k in range(300)]
    found, _ = joined(form, parts, 0.99)
    assert found == [(k, k + 1, 41) for k in range(0, 300, 2)]


@both_forms
def test_a_pair_on_the_threshold_is_found_and_one_value_below_it_is_not(form):
    # Of n values of the larger set, the smaller one has k: Jaccard similarity k / n.
    for threshold, n in itertools.product(THRESHOLDS, [*range(1, 30), 99, 100, 101, 1000]):
        values = VALUES[:n].tolist()
        k = ceil(Fraction(str(threshold)) * n)
        assert joined(form, [set(values), set(values[:k])], threshold)[0] == [(0, 1, k)], (threshold, n)
        assert joined(form, [set(values), set(values[: k - 1])], threshold)[0] == [], (threshold, n)


@both_forms
@settings(max_examples=100)
@given(
    parts=families() | st.lists(st.sets(st.integers(0, 6), min_size=1), max_size=14),
    threshold=st.sampled_from(THRESHOLDS),
    max_fanout=st.integers(1, 4),
)
def test_a_small_fanout_loses_only_pairs_with_a_smaller_set_marked_as_capped(form, parts, threshold, max_fanout):
    parts = hashed(parts)
    found, capped = joined(form, parts, threshold, max_fanout)
    wanted = alike(parts, threshold)
    assert set(found) <= set(wanted)
    assert found == sorted(found)
    # Of equally large sets, the first one counts as the smaller.
    smaller = [min(pair[:2], key=lambda number: len(parts[number])) for pair in set(wanted) - set(found)]
    assert all(capped[number] for number in smaller)


@both_forms
def test_of_many_equal_sets_as_many_are_found_as_the_fanout_allows(form):
    parts = hashed([{1, 2, 3}] * 6)
    found, capped = joined(form, parts, 0.9, max_fanout=2)
    assert found == [(0, k, 3) for k in range(1, 6)] + [(1, k, 3) for k in range(2, 6)]
    assert capped == [False, False, True, True, True, True]


@needs_compiled
@settings(max_examples=150)
@given(
    parts=families() | st.lists(st.sets(st.integers(0, 6)), max_size=14),
    threshold=st.sampled_from(THRESHOLDS) | st.floats(0.01, 1.0),
    max_fanout=st.integers(1, 5) | st.just(UNLIMITED),
)
@example(parts=[{0, 1, 3}, {0, 1, 2, 3}, {1, 2, 3}, {0, 2}], threshold=0.5, max_fanout=1)
def test_both_forms_find_the_same_pairs_and_cap_the_same_sets(parts, threshold, max_fanout):
    sets, limits = as_sets(hashed(parts))
    same(COMPILED.join(sets, limits, threshold, max_fanout), PLAIN.join(sets, limits, threshold, max_fanout))


@both_forms
@settings(max_examples=30)
@given(parts=families(), threshold=st.sampled_from(THRESHOLDS))
def test_join_misses_nothing_where_values_are_not_spread_evenly(form, threshold, parts):
    for name, values in {
        "equal top bytes": [7 << 56 | int(value) >> 8 for value in VALUES[:140]],
        "equal top two bytes": [7 << 48 | int(value) >> 16 for value in VALUES[:140]],
        "small numbers": range(140),
        "largest numbers": range(LAST - 139, LAST + 1),
    }.items():
        uneven = [{values[number] for number in part if number < 140} for part in parts]
        assert joined(form, uneven, threshold)[0] == alike(uneven, threshold), name


@both_forms
@settings(max_examples=100)
@given(parts=families(), threshold=st.sampled_from(THRESHOLDS))
def test_values_with_equal_low_bits_in_different_sets_make_no_pair(form, threshold, parts):
    # Every second set contains twins of the values: equal to the others in the low 48 bits alone.
    twins = [{int(VALUES[number]) ^ ((k % 2) << 60) for number in part} for k, part in enumerate(parts)]
    assert joined(form, twins, threshold)[0] == alike(twins, threshold)


@both_forms
@settings(max_examples=60)
@given(parts=families(), threshold=st.sampled_from(THRESHOLDS))
def test_values_of_one_set_with_equal_low_bits_make_no_pair_that_is_none(form, threshold, parts):
    twins = [{int(VALUES[number // 4]) ^ (number % 4) << 60 for number in part} for part in parts]
    assert set(joined(form, twins, threshold)[0]) <= set(alike(twins, threshold))


@both_forms
def test_a_pair_is_found_where_values_of_one_set_have_equal_low_bits(form):
    # No hashes: the chance of two such values in one set of 1000 is about one in 10**9.
    values = [k << 60 | 5 for k in range(10)]
    assert joined(form, [set(values[:9]), set(values)], 0.8)[0] == [(0, 1, 9)]


# -- signatures ------------------------------------------------------------------------------------------------------


def sketch(values: set[int], n_slots: int, seed: int) -> MinHash:
    sketch = MinHash(n_slots, seed=seed, hashfunc=lambda value: value & 0xFFFFFFFF, scheme="affine32")
    sketch.update_batch(sorted(values))
    return sketch


@both_forms
@settings(max_examples=100)
@given(
    parts=st.lists(st.sets(st.integers(0, LAST), max_size=30), max_size=5),
    n_slots=st.sampled_from([1, 2, 7, 8, 9, 16, 33, 128]),
    seed=st.integers(0, 2**32 - 1),
)
@example(parts=[set(), {0}, set(), {LAST, 1 << 32, 0xFFFFFFFF}, set()], n_slots=16, seed=1)
def test_a_signature_is_that_of_datasketch(form, parts, n_slots, seed):
    a, b = MinHash(n_slots, seed=seed, scheme="affine32").permutations
    signatures = form.sign(*as_sets(parts), a, b)
    assert (signatures.dtype, signatures.shape) == (np.uint32, (len(parts), n_slots))
    for signature, part in zip(signatures, parts, strict=True):
        np.testing.assert_array_equal(signature, sketch(part, n_slots, seed).hashvalues)


@both_forms
def test_a_slot_is_the_smallest_of_all_values_by_hand(form):
    def fmix32(x):
        x ^= x >> 16
        x = x * 0x85EBCA6B % 2**32
        x ^= x >> 13
        x = x * 0xC2B2AE35 % 2**32
        return x ^ x >> 16

    parts = [set(VALUES[:50].tolist()), set(VALUES[40:41].tolist())]
    a, b = [1, 3, 0xFFFFFFFF], [0, 17, 0xFFFFFFFF]
    signatures = form.sign(*as_sets(parts), np.array(a, dtype=np.uint32), np.array(b, dtype=np.uint32))
    assert signatures.tolist() == [
        [min((a[k] * fmix32(value % 2**32) + b[k]) % 2**32 for value in part) for k in range(3)] for part in parts
    ]


@both_forms
def test_our_signatures_are_found_in_an_index_of_datasketch(form):
    parts = [set(VALUES[:100].tolist()), set(VALUES[1:101].tolist()), set(VALUES[500:600].tolist())]
    a, b = MinHash(128, seed=3, scheme="affine32").permutations
    signatures = form.sign(*as_sets(parts), a, b)
    for sketches in (
        [LeanMinHash(seed=3, hashvalues=signature, scheme="affine32") for signature in signatures],
        [MinHash(seed=3, hashvalues=signature, permutations=(a, b), scheme="affine32") for signature in signatures],
    ):
        index = MinHashLSH(threshold=0.8, num_perm=128)
        for name, ours in zip("abc", sketches, strict=True):
            index.insert(name, ours)
        assert sorted(index.query(sketches[0])) == ["a", "b"]
        assert sorted(index.query(sketch(parts[1], 128, 3))) == ["a", "b"]  # theirs meets ours
        assert index.query(sketches[2]) == ["c"]
        assert abs(sketches[0].jaccard(sketches[1]) - 99 / 101) < 0.1


# -- bytes -----------------------------------------------------------------------------------------------------------


def suspicious(data: bytes) -> list[int]:
    return [at for at, byte in enumerate(data) if (byte < 0x20 and byte not in b"\t\n\r") or byte in (0x7F, 0xC2, 0xEF)]


@both_forms
@settings(max_examples=100)
@given(
    data=st.binary(max_size=200)
    | st.lists(st.sampled_from([b"a", b" ", b"\xc2\x85", b"\xef\xbf\xbd", b"\n", b"\x1f", b"\x7f", b"\x80"])).map(
        b"".join
    )
    | st.text().filter(str.isascii).map(str.encode)
)
@example(data=b"")
@example(data=bytes(range(256)))
@example(data=b"a" * 7 + b"\x7f" + b"a" * 8 + b"\x00")
def test_suspects_are_where_a_loop_over_the_bytes_finds_them(form, data):
    found = form.suspects(np.frombuffer(data, dtype=np.uint8))
    assert found.dtype == np.int64
    assert found.tolist() == suspicious(data)


@both_forms
def test_a_byte_is_suspected_alike_at_every_place(form):
    for byte, place in itertools.product(range(256), range(17)):
        data = b"x" * place + bytes([byte]) + b"\x80" * (16 - place)
        assert form.suspects(np.frombuffer(data, dtype=np.uint8)).tolist() == suspicious(data)


@both_forms
def test_suspects_of_much_data_are_found_over_the_edges_of_pieces(form):
    data = np.random.default_rng(3).integers(0, 256, 300_000, dtype=np.uint8)
    assert form.suspects(data).tolist() == suspicious(data.tobytes())
    assert form.suspects(np.zeros(5000, dtype=np.uint8)).tolist() == list(range(5000))


@both_forms
@given(texts=st.lists(st.text("aZ1 .éπая漢😀"), max_size=4))
@example(texts=["x" * 40 + "π", "xπ", "", "ях"])
def test_mixed_letters_stand_beside_letters_of_ascii(form, texts):
    column = pa.array(["a", *texts], pa.string()).slice(1)
    whole = "".join(texts)
    expected = [
        1 + len(whole[:k].encode())  # one byte stands before
        for k, letter in enumerate(whole)
        if letter in "πая"
        and any(beside.isascii() and beside.isalpha() for beside in (whole[max(0, k - 1) : k], whole[k + 1 : k + 2]))
    ]
    assert form.mixed(*utf8(column)).tolist() == expected


# -- bad input -------------------------------------------------------------------------------------------------------


def through(form: SimpleNamespace, texts: Sequence[str | None]) -> tuple[Tokens, tuple[Any, ...], tuple[Any, ...]]:
    """Return tokens, sets and pairs of texts."""
    tokens = tokenise(form, texts)
    shingles = form.shingle(tokens.hashes, tokens.bounds, 5)
    return tokens, shingles, form.join(*shingles[:2], 0.7, 1000)


@both_forms
def test_texts_without_five_tokens_have_no_grams_and_no_pairs(form):
    a, none = np.array([1, 3], dtype=np.uint32), np.zeros(0, dtype=np.int64)
    for texts in ([], [None], [""], ["", None], ["…!?"], ["one"], ["one", "one"], ["one two", "three"]):
        _, (sets, limits, whole), (left, right, shared, capped) = through(form, texts)
        assert sets.tolist() == left.tolist() == right.tolist() == shared.tolist() == [], texts
        assert limits.tolist() == [0] * (len(texts) + 1), texts
        assert len(whole) == len(capped) == len(texts), texts
        assert not capped.any(), texts
        assert form.sign(sets, limits, a, a).tolist() == [[0xFFFFFFFF] * 2] * len(texts), texts
        assert form.overlaps(sets, limits, none, none).tolist() == [], texts


@both_forms
def test_one_word_repeated_is_one_gram(form):
    n = 200_000
    tokens, (sets, limits, whole), _ = through(form, ["word " * n, "word " * 7, "word " * 4])
    (word,) = set(tokens.hashes.tolist())
    assert tokens.bounds.tolist() == [0, n, n + 7, n + 11]
    assert sets.tolist() == [hash_of([word] * 5)] * 2
    assert limits.tolist() == [0, 1, 2, 2]
    assert whole.tolist() == [hash_of([word] * n), hash_of([word] * 7), hash_of([word] * 4)]


@both_forms
def test_few_words_repeated_are_few_grams(form):
    text = "one two three " * 60_000
    _, (_, limits, _), (left, right, shared, _) = through(form, [text, "one two three " * 3])
    assert limits.tolist() == [0, 3, 6]
    assert (left.tolist(), right.tolist(), shared.tolist()) == ([0], [1], [3])


LONG = {
    "ASCII": (["a" * 5_000_000, "b"], [0, 1, 2]),
    "two bytes": (["é" * 1_000_000 + "x", "b c"], [0, 1, 3]),
    "each a token": (["漢" * 700_000, "字"], [0, 700_000, 700_001]),
    "punctuation": (["!?" * 1_000_000, "…" * 500_000], [0, 0, 0]),
    "unseen": (["a" + "\u00ad" * 500_000 + "b"], [0, 1]),
    "marks": (["a" + "\u0301" * 500_000], [0, 1]),
    "two tokens a byte": (["㌖" * 100_000], [0, 600_000]),
    "one token each": (["ab"] * 100_000, list(range(100_001))),
}


@both_forms
def test_long_texts_have_the_tokens_that_short_ones_have(form):
    for name, (texts, bounds) in LONG.items():
        tokens = tokenise(form, texts)
        assert tokens.bounds.tolist() == bounds, name
        if texts[0][0] not in "漢㌖!":  # one token, and nothing else
            assert (tokens.starts[0], tokens.ends[0]) == (0, len(texts[0].encode())), name


@needs_compiled
def test_both_forms_are_equal_from_texts_to_pairs():
    rng = np.random.default_rng(11)
    words = np.array(["alpha", "Beta", "γάμμα", "Straße", "漢字", "かが", "ไทย", "한국어", "x1", "…", "😀", "naïve"])
    texts = [" ".join(rng.choice(words, rng.integers(0, 30))) for _ in range(150)]
    texts += [f"{some} {other}" for some, other in zip(texts, texts[:40], strict=False)] + texts[:20]
    ours, others = through(COMPILED, texts), through(PLAIN, texts)
    for one, other in zip(ours, others, strict=True):
        same(one, other)
    assert len(ours[2][0]) > 20
    a, b = MinHash(32, seed=1, scheme="affine32").permutations
    same([COMPILED.sign(*ours[1][:2], a, b)], [PLAIN.sign(*ours[1][:2], a, b)])


@settings(max_examples=50)
@given(parts=families())
def test_brute_force_itself_agrees_with_counting(parts):
    # Jaccard similarity by inclusion and exclusion, in whole numbers: shared / (x + y - shared) >= 3 / 4.
    assume(any(parts))
    found = {(x, y) for x, y, _ in alike(parts, 0.75)}
    for x, y in itertools.combinations(range(len(parts)), 2):
        shared = sum(value in parts[y] for value in parts[x])
        either = len(parts[x]) + len(parts[y]) - shared
        assert ((x, y) in found) == (either > 0 and 4 * shared >= 3 * either)


# -- place -----------------------------------------------------------------------------------------------------------


@both_forms
@settings(max_examples=50)
@given(st.lists(st.tuples(st.lists(st.integers(0, 2**64 - 1), max_size=4), st.booleans())), st.randoms())
def test_sets_are_copied_to_their_places(form, sets, rng):
    chosen = [k for k, (_, is_chosen) in enumerate(sets) if is_chosen]
    rng.shuffle(chosen)
    goal, expected = [], []
    for k in chosen:
        goal.append(len(expected))
        expected += sets[k][0]
    values = np.array([value for own, _ in sets for value in own], dtype=np.uint64)
    limits = np.cumsum([0] + [len(own) for own, _ in sets])
    out = np.zeros(len(expected), dtype=np.uint64)
    form.place(values, limits, *(np.array(some, dtype=np.int64) for some in (chosen, goal)), out)
    assert out.tolist() == expected


# -- digests of bytes --------------------------------------------------------------------------------------------------


def digests(form, texts):
    offsets = np.cumsum([0, *map(len, texts)])
    return form.digest(np.frombuffer(b"".join(texts), dtype=np.uint8), offsets).tolist()


def mixed(x):
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


@both_forms
@given(texts=st.lists(st.binary(max_size=40), max_size=8))
def test_a_digest_is_that_of_a_loop_over_words_of_eight_bytes(form, texts):
    def slow(text):
        words = [int.from_bytes(text[k : k + 8], "little") for k in range(0, len(text), 8)]
        base = 0x2545F4914F6CDD1D
        return mixed((len(text) + sum(mixed(word ^ base * k % 2**64) for k, word in enumerate(words, 1))) % 2**64)

    assert digests(form, texts) == [slow(text) for text in texts]


@both_forms
def test_digests_distinguish_order_length_and_place(form):
    texts = [b"", b"\0", b"\0\0", b"a" * 8 + b"b" * 8, b"b" * 8 + b"a" * 8, b"a" * 8, b"a" * 9]
    assert len(set(digests(form, texts))) == len(texts)
