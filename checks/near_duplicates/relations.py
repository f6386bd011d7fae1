"""Pairs of a text and the text that it copies, in words and facets that all claims about copies share."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ..base.arrow.columns import BoolArray, IntArray
from ..base.claims import Spans, claim
from ..base.findings import Rule
from ..base.messages import CHAT_ROLES
from .texts import Span, TextSets, ids_of

MAX_CLAIMS = 20_000  # made at a time


class Relations:
    """Some texts, and the text that each of them copies."""

    def __init__(self, texts: TextSets, copies: IntArray, partners: IntArray) -> None:
        self._texts, self.copies, self.partners = texts, copies, partners
        used, at = np.unique(np.concatenate([copies, partners]), return_inverse=True)
        self.facts: pa.Table = texts.facts(used)
        self.left, self.right = np.split(at.reshape(-1), 2)  # rows of `facts`
        self.crosses: BoolArray = texts.crosses(copies, partners)
        self._role, self._tree, self._author, self._split = (
            self.facts[name].to_pylist() for name in ("role", "tree", "user_id", "split")
        )
        ids = ids_of(self.facts)
        self.partner_ids = [ids[row] for row in self.right.tolist()]

    def described(self, k: int) -> tuple[str, str]:
        """Return the copied message of pair k and where it is, in words."""
        left, right = int(self.left[k]), int(self.right[k])
        role = self._role[right]
        message = "a message"
        if role in CHAT_ROLES:  # which may be anything
            message = f"{'an' if role == 'assistant' else 'a'} {role} message"
        if self.crosses[k]:
            return message, f"in split {self._split[right]!r}; this one is in {self._split[left]!r}"
        return message, "in the same tree" if self._tree[left] == self._tree[right] else "in another tree"

    def facets(self, k: int) -> dict[str, str]:
        """Return what all claims about copies say of pair k."""
        left, right = int(self.left[k]), int(self.right[k])
        is_author = self._author[left] is not None and self._author[left] == self._author[right]
        scope = "same author" if is_author else "other tree"
        facets = {
            "partner": self.partner_ids[k],
            "scope": "same tree" if self._tree[left] == self._tree[right] else scope,
        }
        if self._role[left] is not None or self._role[right] is not None:
            facets["roles"] = f"{self._role[left]}, {self._role[right]}"
        if self.crosses[k]:
            facets["splits"] = f"{self._split[left]}, {self._split[right]}"
        return facets

    def claims(
        self,
        rule: Rule,
        pairs: IntArray,
        summaries: Sequence[str],
        facets: Sequence[dict[str, str]],
        *,
        severity: int | None = None,
        places: Sequence[tuple[Span | None, Span | None]] = (),
        score: Sequence[float] = (),
    ) -> Iterator[pa.Table]:
        """Yield the claims of one rule about some pairs; the last arguments are those of all pairs.

        `places` are the tokens of each text that show it; by default the whole texts.
        """
        if not pairs.size:
            return
        left, right = self.left[pairs], self.right[pairs]
        spans = [Spans(left), Spans(right)]
        if places:
            spans = [
                self._texts.spans(texts[pairs], [places[k][side] for k in pairs.tolist()], self.facts, rows)
                for side, (texts, rows) in enumerate(((self.copies, left), (self.partners, right)))
            ]
        yield claim(
            self.facts,
            rule,
            left,
            [summaries[k] for k in pairs.tolist()],
            spans=spans,
            score=np.array([score[k] for k in pairs.tolist()]) if score else 1.0,
            severity=severity,
            facets=[facets[k] for k in pairs.tolist()],
            about=[self.partner_ids[k] for k in pairs.tolist()],
        )
