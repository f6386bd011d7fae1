"""Texts in another script than their tag names: Cyrillic under sr-Latn, traditional Chinese under zh-Hans."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ..base.arrow.columns import BoolArray, IntArray, as_ints
from ..base.claims import claim
from ..base.findings import FINDINGS
from ..base.messages import Batch
from ..base.text.languages import HAN, SCRIPTS, base, scripts
from .rules import OTHER_SCRIPT

MIN_LETTERS = 8  # weighted as letters of Latin script
MAX_NAMED, MIN_TOP = 0.2, 0.6  # shares of the letters in the script that the tag names, and in another one
MIN_OTHER, MORE_OTHER = 3, 3  # characters of the other form of Chinese, and how many times those of the named form
_CODES = {of[0]: code for code, of in SCRIPTS.items() if len(of) == 1} | {HAN: "Hani"}
# Character sets of both forms of Chinese: what only one of them has is of that form.
_FORMS = {"Hans": "gb2312", "Hant": "big5"}


class _Text(NamedTuple):
    """A text whose tag names another script."""

    row: int
    tag: str
    named: str
    own: str


def other_scripts(batch: Batch, letters: npt.NDArray[np.float32], rows: IntArray) -> tuple[IntArray, pa.Table]:
    """Return those of these rows whose tag names another script than that of the text, and FINDINGS of them."""
    found = sorted(_texts(batch, letters, rows))
    reported = np.array([text.row for text in found], dtype=np.int64)
    if not found:
        return reported, FINDINGS.empty_table()
    return reported, claim(
        batch.places,
        OTHER_SCRIPT,
        reported,
        [f"Tagged {text.tag}, but the text is in {_name(text.own)}" for text in found],
        facets=[{"declared": text.tag, "script": text.own} for text in found],
        about=[text.own for text in found],
    )


def _texts(batch: Batch, letters: npt.NDArray[np.float32], rows: IntArray) -> Iterator[_Text]:
    tags = batch.column("lang").dictionary_encode()
    codes = as_ints(tags.indices, -1)[rows]
    texts = batch.column("text")
    for k, tag in enumerate(tags.dictionary.to_pylist()):
        if (named := _named(tag)) is None:
            continue
        some = rows[codes == k]
        if named in _FORMS:
            (other,) = set(_FORMS) - {named}
            only_other, only_named = _only(other, named), _only(named, other)
            for row in some.tolist():
                characters = np.frombuffer((texts[row].as_py() or "").encode("utf-16-le"), np.uint16)
                n_other, n_named = (int(only[characters].sum()) for only in (only_other, only_named))
                if n_other >= max(MIN_OTHER, MORE_OTHER * n_named):
                    yield _Text(row, tag, named, other)
            continue
        own, total = letters[some][:, list(SCRIPTS[named])].sum(axis=1), letters[some].sum(axis=1)
        most = letters[some].max(axis=1)
        is_other = (total >= MIN_LETTERS) & (own < MAX_NAMED * total) & (most >= MIN_TOP * total)
        for row in some[is_other].tolist():
            top = int(letters[row].argmax())
            if top in scripts(base(tag) or ""):  # a script that the language is written in; others are other languages
                yield _Text(row, tag, named, _CODES[top])


@cache
def _named(tag: str) -> str | None:
    """Return the script that a tag names, as far as it can be told from others."""
    from langcodes import Language, tag_is_valid

    script = Language.get(tag).script if tag and tag_is_valid(tag) else None
    return script if script in SCRIPTS else None


@cache
def _only(form: str, other: str) -> BoolArray:
    """Mark the characters of the basic plane that one form of Chinese has and the other has not."""
    marks = np.zeros(1 << 16, dtype=bool)
    for code in range(0x4E00, 0xA000):
        own, others = (chr(code).encode(_FORMS[name], "ignore") for name in (form, other))
        marks[code] = bool(own) and not others
    return marks


def _name(script: str) -> str:
    from langcodes import Language

    return f"{Language.make(script=script).script_name()} script"
