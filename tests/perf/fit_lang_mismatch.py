"""Fit the posterior of lang_mismatch, and measure the check on texts that it was not fitted on.

    python tests/perf/fit_lang_mismatch.py [--write]

It prints figures of docs/languages.md, for each group of detectors. With --write, it replaces the files of
checks/lang_mismatch. Texts are those of ../shared/data/lid, and texts made of them: lists of names, two languages in
one text, Cyrillic and Greek in Latin letters, Title Case, capitals.

Texts are halved by their hash; a made text is in the half of the texts that it is made of. What a half is measured
with was fitted on the other one: the weights of the detectors, the trees, and the limit. The limit is found within that
half too, by trees that were fitted on a half of it: the one with MAX_FALSE false alarms.
"""

import gzip
import json
import random
import re
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from building import SHARED
from chataudit import run
from chataudit.checks.base.kernels.layout import N_SCRIPTS
from chataudit.checks.base.messages import MESSAGES, Batch, Form
from chataudit.checks.base.text.languages import CYRILLIC, GREEK, LATIN, WEIGHTS, base, kin, scripts
from chataudit.checks.base.text.tokens import excerpts
from chataudit.checks.lang_mismatch import posterior, scan
from chataudit.checks.lang_mismatch.check import LangMismatch
from chataudit.checks.lang_mismatch.detectors import VOICES
from chataudit.checks.lang_mismatch.posterior import DOWN, UP, Evidence, Pool, Posterior, Stored, features_of, missable
from chataudit.checks.lang_mismatch.segments import READ, is_wrapped, prose_of
from exporting import exported
from scipy.optimize import minimize
from sklearn.ensemble import HistGradientBoostingClassifier

LID = SHARED / "data" / "lid"
SEED, SIZE = 1, 10_000
PER_LANGUAGE = 600  # sentences
MAX_FALSE = 2  # of the right tags of half of the texts of audit.jsonl
WRONG = {"planted"}
NOT_COUNTED = {"planted", "planted_close", "hn_translation_reply"}
BANDS = ("lt20", "20-50", "50-150", "150+")


ALL, FAST = "all", "eldc"  # detectors that do not know a language


class Pair(NamedTuple):
    """A text and a language that it is declared to be in."""

    key: str
    text: str
    declared: str  # tag
    is_wrong: bool
    half: int
    is_fitted: bool = True  # else only measured
    is_audit: bool = False
    hidden: tuple[str, str] = ("", "")  # a language that all detectors, or the fast one, are not to know


def half_of(text: str) -> int:
    """Return the half that a text belongs to."""
    return zlib.crc32(text.encode()) & 1


def rows_of(name: str) -> list[dict]:
    """Return the rows of a file."""
    with gzip.open(LID / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


# -- made texts ------------------------------------------------------------------------------------------------------

_PLAIN = dict(zip("абвгдезийклмнопрстуфхыэёі", "abvgdeziiklmnoprstufhyeei", strict=True)) | {
    "ж": "zh",
    "ц": "ts",
    "ч": "ch",
    "ш": "sh",
    "щ": "shch",
    "ъ": "",
    "ь": "",
    "ю": "yu",
    "я": "ya",
    "ї": "yi",
    "є": "ye",
    "ґ": "g",
}
_ODD = _PLAIN | {
    "й": "j",
    "х": "kh",
    "ж": "j",
    "ц": "c",
    "ч": "4",
    "ш": "w",
    "ы": "i",
    "я": "ja",
    "ю": "ju",
    "ь": "'",
    "щ": "sch",
}
_GREEK = dict(zip("αβγδεζηικλμνξοπρστυφχωςάέήίόύώϊΐϋ", "avgdeziiklmnxoprstyfhosaeiioyoiiy", strict=True))
_GREEK |= {"θ": "th", "ψ": "ps"}
_NAME = re.compile(r"(?<=[a-z,] )[A-ZÀ-Ž][\w'’]+(?: (?:of|de|van|the|la|von|der|di)?\s?[A-ZÀ-Ž][\w'’]+)+")
_QUOTED = ('"{}"', "«{}»", "\n\n{}", " {}", ": {}", "\n{}\n")


def made(texts: dict[tuple[str, int], list[str]], tags: list[str], rng: random.Random) -> Iterator[Pair]:
    """Yield texts that only look like another language, and some that are in one."""

    def distant(tag: str) -> str:
        return rng.choice([other for other in tags if base(other) not in kin(base(tag))])

    for half in (0, 1):
        for tag in tags:
            if scripts(base(tag))[0] in (CYRILLIC, GREEK):
                for text in texts[tag, half]:
                    if len(text) < 600 and rng.random() < 0.6:
                        letters = _GREEK if tag == "el" else rng.choice((_PLAIN, _ODD))
                        yield Pair("romanised", _in_latin(text, letters), tag, False, half)
        names = [name for tag in tags for text in texts[tag, half] for name in _NAME.findall(text)]
        for _ in range(600):
            some = rng.sample(names, rng.choice((1, 2, 3, 4, 5, 6, 10)))
            if rng.random() < 0.3:
                text = "\n".join(f"{k}. {name}" for k, name in enumerate(some, 1))
            else:
                text = rng.choice(("\n", ", ", "\n", " - ")).join(some)
            yield Pair("names", text, rng.choice(tags), False, half)
        for tag in tags:
            own = [text for text in texts[tag, half] if 15 < len(text) < 700]
            for text in rng.sample(own, min(len(own), 25)):
                other = rng.choice([each for each in texts[distant(tag), half] if 20 < len(each) < 400])
                quoted = rng.choice(_QUOTED).format(other)
                mixed = f"{text} {quoted}" if rng.random() < 0.7 else f"{quoted.strip()} {text}"
                if len(text) > 0.4 * (len(text) + len(other)):
                    yield Pair("mixed", mixed, tag, False, half)
                foreign = rng.choice([each for each in texts[distant(tag), half] if 100 < len(each) < 900])
                piece = text[: rng.randint(len(foreign) // 30, len(foreign) // 6)].rpartition(" ")[0]
                some = foreign.split(" ")
                at = rng.randrange(len(some))
                few = " ".join([*some[:at], rng.choice(_QUOTED).format(piece), *some[at:]])
                yield Pair("few words of it", few, tag, True, half)
            if scripts(base(tag))[0] not in (LATIN, CYRILLIC, GREEK):
                continue
            for text in rng.sample(own, min(len(own), 30)):
                title = " ".join(word[:1].upper() + word[1:] for word in text.split(" "))
                for name, form in (("title", title), ("capitals", text.upper())):
                    yield Pair(name, form, tag, False, half)
                    yield Pair(name, form, distant(tag), True, half)


def _in_latin(text: str, letters: dict[str, str]) -> str:
    return "".join(letters.get(c, letters[c.lower()].capitalize() if c.lower() in letters else c) for c in text)


def pairs() -> list[Pair]:
    """Return all texts with right and wrong tags."""
    rng = random.Random(SEED)
    lid, audit = rows_of("lid"), rows_of("audit")
    tags = sorted({row["lang"] for row in lid})
    by: dict[tuple[str, int], list[str]] = defaultdict(list)
    for row in lid:
        by[row["lang"], half_of(row["text"])].append(row["text"])
    # The tag that docs/languages.md compares each with.
    wrong = {
        tag: next(other for other in tags[k + 4 :] + tags[:k] if base(other) not in kin(base(tag)))
        for k, tag in enumerate(tags)
    }

    def distant(tag: str) -> str:
        return rng.choice([other for other in tags if base(other) not in kin(base(tag))])

    found = list(made(by, tags, rng))
    for row in audit:
        text, tag, kind = row["text"], row["lang"], row["kind"]
        is_fitted = kind not in NOT_COUNTED or kind in WRONG
        found.append(Pair(row["id"], text, tag, kind in WRONG, half_of(text), is_fitted, True))
        may_be_wrong = ("natural-md", "formal", "chat-prompt", "hn_allcaps", "hn_typos", "hn_nodiacritics")
        if kind in may_be_wrong or (kind == "plain" and rng.random() < 0.17):
            found.append(Pair("extra", text, distant(tag), True, half_of(text)))
    for k, row in enumerate(lid):
        text, tag = row["text"], row["lang"]
        found += [
            Pair(f"right|{row['id']}", text, tag, False, half_of(text)),
            Pair(f"wrong|{row['id']}", text, wrong[tag], True, half_of(text)),
        ]
        if k % 3 == 0:
            found.append(Pair("extra", text, distant(tag), True, half_of(text)))
        if rng.random() < 0.5:
            found.append(Pair("hidden", text, tag, False, half_of(text), hidden=(ALL, base(tag))))
        for _ in range(4 if tag == "en" else rng.random() < 0.3):
            other = distant(tag)
            found.append(Pair("hidden", text, other, True, half_of(text), hidden=(ALL, base(other))))
        if rng.random() < 0.3:
            found.append(Pair("hidden", text, distant(tag), True, half_of(text), hidden=(FAST, base(tag))))
    for tag, text in sentences(rng):
        half, words = half_of(text), text.split(" ")
        first, n = rng.randrange(len(words)), rng.choice((1, 2, 2, 3, 3, 4, 5, 6, 8, 12, 20))
        piece = " ".join(words[first : first + n])
        found.append(Pair("piece", piece, tag, False, half))
        found.append(Pair("piece", piece, distant(tag), True, half))
    return found


def sentences(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield sentences in many languages, with the tag of each."""
    for path in sorted((SHARED / "data" / "pools").glob("sentences.*.jsonl.gz")):
        tag = path.name.split(".")[1]
        with gzip.open(path, "rt", encoding="utf-8") as file:
            texts = [json.loads(line)["text"] for line in file]
        for text in rng.sample(texts, min(len(texts), PER_LANGUAGE)):
            yield tag, text


# -- features --------------------------------------------------------------------------------------------------------


class Deaf(Pool):
    """A pool some of whose detectors do not know a language."""

    def __init__(self, pool: Pool, which: str, code: str) -> None:
        super().__init__(pool.voices, pool._weights, pool._unknown)
        self._deaf = [voice for voice in pool.voices if which in (ALL, voice)]
        self._hidden = self.at.get(code, -1)
        if which == ALL:
            self.spoken -= {code}
            self.at = {one: k for one, k in self.at.items() if one != code}
        for voice in self._deaf:
            self.known[voice][self._hidden] = False

    def hear(self, texts: pa.Array) -> dict[str, np.ndarray]:
        heard = super().hear(texts)
        for voice in self._deaf:
            heard[voice][:, self._hidden] = np.nan
        return heard

    def probabilities(self, heard: dict[str, np.ndarray], letters: np.ndarray) -> np.ndarray:
        found = super().probabilities(heard, letters)
        if len(self._deaf) == len(self.voices):
            found[:, self._hidden] = 0
        return found / found.sum(axis=1, keepdims=True)


class Collecting(scan.Scan):
    """A scan that keeps the texts in doubt, and what speaks against their tags."""

    def _improbable(self, rows, texts, guesses, at):
        declared = self.declared[rows].tolist()
        found = posterior.evidence(self.posterior.pool, self.batch, rows, declared, self.letters[rows], texts)
        # What a rule decides is not left to the posterior.
        is_open = [
            other != "en" or not is_wrapped(prose_of(self.batch, row))
            for row, other in zip(rows.tolist(), found.others, strict=True)
        ]
        self.doubted, self.features = rows[is_open], found.features[is_open]
        return []


def batches(texts: Iterable[tuple[str, str]]) -> Iterator[Batch]:
    """Yield batches of texts and tags."""
    texts = list(texts)
    for start in range(0, len(texts), SIZE):
        some = texts[start : start + SIZE]
        columns = {field.name: pa.nulls(len(some), field.type) for field in MESSAGES}
        names = pa.array([f"m{start + k}" for k in range(len(some))])
        columns |= {"text": pa.array([text for text, _ in some]), "lang": pa.array([tag for _, tag in some])}
        columns |= {"message_id": names, "tree_id": names, "source": pa.repeat("texts", len(some))}
        columns |= {"line": pa.array(range(len(some)), pa.int64())}
        yield Batch(pa.table(columns, schema=MESSAGES).combine_chunks(), Form("texts"))


def doubts(some: list[Pair], voices: tuple[str, ...], pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    """Return which pairs are in doubt, and what speaks against their tags."""
    by: dict[tuple[str, str], list[int]] = defaultdict(list)
    for k, pair in enumerate(some):
        by[pair.hidden].append(k)
    parts = []
    for (which, code), at in by.items():
        heard = Deaf(pool, which, code) if code in pool.at else pool
        found, features = _doubts([some[k] for k in at], voices, heard)
        parts.append((np.array(at)[found], features))
    at, features = (np.concatenate(each) for each in zip(*parts, strict=True))
    return at, features


def _doubts(some: list[Pair], voices: tuple[str, ...], pool: Pool) -> tuple[np.ndarray, np.ndarray]:
    check, before, n = LangMismatch(detectors="+".join(voices)), scan.load, len(features_of(voices))
    scan.load = lambda voices: SimpleNamespace(pool=pool)
    at, parts = [], []
    try:
        for k, batch in enumerate(batches((pair.text, pair.declared) for pair in some)):
            found = Collecting(check, batch)
            found._candidates()
            if hasattr(found, "doubted"):
                at.append(k * SIZE + found.doubted)
                parts.append(found.features)
    finally:
        scan.load = before
    return np.concatenate([np.zeros(0, dtype=np.int64), *at]), np.concatenate([np.zeros((0, n)), *parts])


# -- fits ------------------------------------------------------------------------------------------------------------


def pool_of(some: list[Pair], voices: tuple[str, ...]) -> Pool:
    """Fit the weights of detectors by the likelihood of the right languages of texts."""
    pool = Pool(voices, [(2.0, 0.0, 0.0)] * len(voices), [3.0] * len(voices))
    right = [pair for pair in some if pair.key.startswith("right|") and base(pair.declared) in pool.at]
    heard: dict[str, list[np.ndarray]] = defaultdict(list)
    letters = []
    for batch in batches((pair.text, pair.declared) for pair in right):
        texts = pc.utf8_lower(excerpts(batch.prose, np.arange(len(batch)), READ))
        letters.append((batch.prose.counts[:, :N_SCRIPTS] * WEIGHTS).sum(axis=1))
        for voice, scores in pool.hear(texts).items():
            heard[voice].append(scores - np.nanmax(scores, axis=1, keepdims=True))
    scores = {voice: np.concatenate(parts) for voice, parts in heard.items()}
    unknown = {voice: np.isnan(some[0]) for voice, some in scores.items()}
    scores = {voice: np.nan_to_num(some) for voice, some in scores.items()}
    powers = posterior.powers_of(np.concatenate(letters))
    true, each = np.array([pool.at[base(pair.declared)] for pair in right]), np.arange(len(right))
    n = len(voices)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        total, slopes = np.zeros_like(scores[voices[0]]), []
        for k, voice in enumerate(voices):
            linear = powers @ values[3 * k : 3 * k + 3]
            slopes.append(1 / (1 + np.exp(-linear)))
            total += np.logaddexp(0, linear)[:, None].astype(np.float32) * scores[voice]
            total -= np.float32(values[3 * n + k]) * unknown[voice]
        total -= total.max(axis=1, keepdims=True)
        p = np.exp(total)
        p /= p.sum(axis=1, keepdims=True)
        gradient = []
        for k, voice in enumerate(voices):
            change = ((p * scores[voice]).sum(axis=1) - scores[voice][each, true]) * slopes[k]
            gradient.append((powers * change[:, None]).mean(axis=0))
        of_unknown = [-(p[:, unknown[v]].sum(axis=1) - unknown[v][true]).mean() for v in voices]
        whole = np.concatenate([*gradient, of_unknown]) + 2e-4 * values
        return -np.log(np.maximum(1e-12, p[each, true])).mean() + 1e-4 * (values**2).sum(), whole

    start = np.array([2.0, 0, 0] * n + [3.0] * n)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x.round(4)
    return Pool(voices, found[: 3 * n].reshape(n, 3).tolist(), found[3 * n :].tolist())


def fitted(x: np.ndarray, y: np.ndarray, names: tuple[str, ...]) -> HistGradientBoostingClassifier:
    """Return monotone boosted trees; right and wrong tags weigh the same."""
    last = [name.rpartition(".")[2] for name in names]
    trees = HistGradientBoostingClassifier(
        max_iter=200, early_stopping=False, learning_rate=0.08, l2_regularization=5, max_features=0.3,
        max_leaf_nodes=8, min_samples_leaf=20,
        monotonic_cst=[-1 if name in DOWN else 1 if name in UP else 0 for name in last], random_state=SEED,
    )  # fmt: skip
    return trees.fit(x, y, sample_weight=np.where(y, (~y).sum() / max(1, y.sum()), 1.0).clip(0, 1))


def stored(pool: Pool, trees: HistGradientBoostingClassifier) -> Stored:
    """Return what is written."""
    names = features_of(pool.voices)
    weights = tuple(tuple(some) for some in pool._weights.tolist())
    return Stored(pool.voices, weights, tuple(pool._unknown), exported(trees, names, missable(pool.voices)))


def flagged(some: list[Pair], found: Posterior, limit: float) -> set[int]:
    """Return the pairs that the check warns of, with this decision in place of its own."""
    before = scan.load, posterior.load
    known = posterior.cache(lambda voices: found)
    scan.load = posterior.load = known
    check = LangMismatch(detectors="+".join(found.pool.voices), min_probability=limit)
    try:
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "texts.jsonl"
            with path.open("w", encoding="utf-8") as file:
                for k, pair in enumerate(some):
                    file.write(json.dumps({"id": str(k), "text": pair.text, "lang": pair.declared}) + "\n")
            rows = run(path, checks=[check], engine="serial").table.select(["message_id", "severity"]).to_pylist()
    finally:
        scan.load, posterior.load = before
    return {int(row["message_id"]) for row in rows if row["severity"] > 1}


# -- what it prints --------------------------------------------------------------------------------------------------


def main() -> None:
    """Fit, measure, print."""
    everything = pairs()
    kinds = {row["id"]: row["kind"] for row in rows_of("audit")}
    bands = {row["id"]: row["band"] for row in rows_of("lid")}
    halves = np.array([pair.half for pair in everything])
    is_wrong = np.array([pair.is_wrong for pair in everything])
    is_fitted = np.array([pair.is_fitted for pair in everything])
    is_heard = np.array([not pair.hidden[0] for pair in everything])
    counted = np.array([pair.is_audit and not pair.is_wrong and pair.is_fitted for pair in everything])
    for voices in VOICES.values():
        names = features_of(voices)
        pools = [pool_of([pair for pair in everything if pair.half == half], voices) for half in (0, 1)]
        at, x = [], []
        for half in (0, 1):
            own = np.flatnonzero(halves == half)
            doubted, features = doubts([everything[k] for k in own.tolist()], voices, pools[1 - half])
            at.append(own[doubted])
            x.append(features)
        found: dict[tuple[str, int], set[int]] = {}
        for half in (0, 1):
            rows, known = at[1 - half], x[1 - half]
            kept = is_fitted[rows]
            trees = fitted(known[kept], is_wrong[rows[kept]], names)
            limit = limit_of(known, rows, kept, is_wrong, counted, names)
            some = np.flatnonzero((halves == half) & is_heard).tolist()
            decision = Posterior(stored(pools[1 - half], trees))
            for name, at_least in (("nested", limit), *((str(p), p) for p in (0.5, 0.8, 0.9, 0.95))):
                hits = flagged([everything[k] for k in some], decision, at_least)
                found[name, half] = {some[k] for k in hits}
            print(f"{'+'.join(voices)}, half {half}: {len(rows):,} of the other half in doubt, limit {limit:.3f}")
        for name in dict.fromkeys(name for name, _ in found):
            report(f"{'+'.join(voices)} at {name}", everything, found[name, 0] | found[name, 1], kinds, bands)
        if "--write" in sys.argv:
            rows, known = np.concatenate(at), np.concatenate(x)
            kept = is_fitted[rows]
            trees = fitted(known[kept], is_wrong[rows[kept]], names)
            kept_whole = stored(pool_of(everything, voices), trees)
            of_ours = Posterior(kept_whole).probability(Evidence(known, []))
            np.testing.assert_allclose(of_ours, trees.predict_proba(known)[:, 1], atol=1e-3)
            posterior.path_of(voices).write_bytes(msgspec.json.encode(kept_whole) + b"\n")


def limit_of(
    x: np.ndarray,
    rows: np.ndarray,
    kept: np.ndarray,
    is_wrong: np.ndarray,
    counted: np.ndarray,
    names: tuple[str, ...],
) -> float:
    """Return the probability that MAX_FALSE right tags reach, by trees fitted on the other part of the same half."""
    part, scores = rows % 2, np.zeros(len(rows))
    for k in (0, 1):
        some = kept & (part != k)
        trees = fitted(x[some], is_wrong[rows[some]], names)
        scores[part == k] = trees.predict_proba(x[part == k])[:, 1]
    return float(np.sort(scores[counted[rows]])[::-1][MAX_FALSE]) + 1e-6


def report(name: str, everything: list[Pair], found: set[int], kinds: dict[str, str], bands: dict[str, str]) -> None:
    """Print precision, recall and F1 on audit.jsonl, and shares found by length on lid.jsonl."""
    hits, n = Counter[str](), Counter[str]()
    for k, pair in enumerate(everything):
        if pair.hidden[0]:
            continue
        if pair.is_audit:
            kind = kinds[pair.key]
            kind = kind if kind in NOT_COUNTED else "right"
        else:
            which, _, key = pair.key.partition("|")
            kind = f"{which} {bands[key]}" if key else f"made {which} {'wrong' if pair.is_wrong else 'right'}"
        n[kind] += 1
        hits[kind] += k in found
    true, false = hits["planted"], hits["right"]
    precision, recall = true / max(1, true + false), true / n["planted"]
    print(f"{name}: P {precision:.3f} R {recall:.3f} F1 {2 * precision * recall / (precision + recall):.3f}, ", end="")
    print(f"{false} false of {n['right']:,}, close {hits['planted_close']} of {n['planted_close']}")
    for which in ("right", "wrong"):
        print(f"    {which}:", {band: f"{hits[f'{which} {band}']} of {n[f'{which} {band}']}" for band in BANDS})
    print("    made:", {kind[5:]: f"{hits[kind]} of {n[kind]}" for kind in sorted(n) if kind.startswith("made")})


if __name__ == "__main__":
    main()
