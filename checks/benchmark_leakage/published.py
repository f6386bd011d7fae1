"""Published contamination rules, computed for comparison with ours."""

import numpy as np

from ..base.arrow.columns import IntArray
from .references import References

PUBLISHED = ("GPT-3", "PaLM", "Llama 2", "Tulu 3")
RULES = ("ours", *PUBLISHED)


Flags = dict[tuple[int, int], tuple[bool, ...]]  # by message and part: whether each rule of PUBLISHED finds it


def published_flags(refs: References, columns: dict[str, IntArray]) -> Flags:
    """Apply the published rules; pairs that none of them finds are left out."""
    part = columns["part"]
    n = refs.n_tokens[part]
    flags = np.stack(
        [
            columns["exact_run"] >= 13,
            columns["eights"] >= 0.7 * np.maximum(1, n - 7),
            columns["in_tens"] >= 0.8 * n,
            columns["in_eights"] >= 0.5 * n,
        ],
        axis=1,
    )
    at = np.flatnonzero(flags.any(axis=1))
    keys = zip(columns["text"][at].tolist(), part[at].tolist(), strict=True)
    return dict(zip(keys, map(tuple, flags[at].tolist()), strict=True))
