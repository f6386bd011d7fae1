"""The conversation around a text: what was asked for, and the languages of its neighbours."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..base.arrow.columns import BoolArray
from ..base.messages import Batch
from ..base.text.languages import kin, scripts
from .detectors import detector
from .requests import asks_for
from .segments import MIN_SEGMENT, MIN_WEIGHT, both_ends, lowered, parts_of, prose_of

MAX_ANCESTORS, MAX_NEIGHBOURS = 20, 50


STANDS_OUT, LIKE_OTHERS = "in the declared language", "in the same language"  # neighbouring messages


class Context:
    """The messages around a text: whether they asked for its language, and which one they are in."""

    def __init__(
        self,
        batch: Batch,
        detectors: tuple[str, str],
        declared: npt.NDArray[np.object_],
        is_match: BoolArray,
    ) -> None:
        self._batch, self._detectors, self._declared, self._is_match = batch, detectors, declared, is_match
        self._requested: dict[tuple[int, str, str], bool] = {}

    def compare(self, row: int, detected: str, claimed: Mapping[int, str]) -> str:
        """Return LIKE_OTHERS, STANDS_OUT, or nothing where the neighbours say neither."""
        prompt, near = int(self._batch.parent[row]), self._neighbours(row)
        if prompt >= 0 and self._shares(prompt, detected, claimed):
            return LIKE_OTHERS
        if any(self._shares(other, detected, claimed) for other in near):
            return LIKE_OTHERS
        return STANDS_OUT if any(self._is_match[other] for other in near) else ""

    def is_requested(self, prompt: int, declared: str, detected: str) -> bool:
        """Whether a prompt, or a message above it, asks for the detected language.

        The prompt may seem to be in that language itself, where it quotes more of it than it says.
        """
        if prompt < 0 or self._declared[prompt] in kin(detected):
            return False
        key = prompt, declared, detected
        if key not in self._requested:  # many replies may share a prompt
            self._requested[key] = self._names(*key) or self._contains(*key)
        return self._requested[key]

    def _shares(self, row: int, detected: str, claimed: Mapping[int, str]) -> bool:
        """Whether a message is in this language, or declares it."""
        return claimed.get(row) == detected or self._declared[row] in kin(detected)

    def _neighbours(self, row: int) -> list[int]:
        """Return a message's prompt, siblings and replies."""
        batch = self._batch
        prompt = int(batch.parent[row])
        others = [prompt, *batch.replies(prompt)] if prompt >= 0 else []
        return [other for other in [*others, *batch.replies(row)][:MAX_NEIGHBOURS] if other != row]

    def _names(self, prompt: int, declared: str, detected: str) -> bool:
        """Whether a prompt, or a message above it, names the detected language."""
        row, languages = prompt, sorted(kin(detected) - {declared})
        for _ in range(MAX_ANCESTORS):
            if row < 0:
                break
            text = both_ends(self._batch.column("text")[row].as_py() or "")
            # A detector may have taken the language that was asked for for one close to it.
            if any(asks_for(text, code, (declared, "en"), translation=row == prompt) for code in languages):
                return True
            row = int(self._batch.parent[row])
        return False

    def _contains(self, row: int, declared: str, detected: str) -> bool:
        """Whether a message in the declared language contains some text in the detected one."""
        prompt = both_ends(prose_of(self._batch, row))
        parts = [part for part in parts_of(prompt, scripts(detected)) if part.letters >= MIN_WEIGHT]
        if not set(scripts(declared)) & set(scripts(detected)):
            is_other = [part.own > 0.5 for part in parts]
            return any(is_other) and not all(is_other)
        parts = [part for part in parts if part.letters >= MIN_SEGMENT]
        if not parts:
            return False
        pieces = lowered(parts)
        guesses = [detector(name).detect(pieces) for name in self._detectors]
        other, own = (
            [max(some.mass(k, languages) for some in guesses) >= 0.5 for k in range(len(parts))]
            for languages in (kin(detected) - {declared}, kin(declared) - {detected})
        )
        # A request comes before or after a quotation; a prompt that is wholly in the other language has a wrong tag.
        return any(other) and (own[0] or own[-1])
