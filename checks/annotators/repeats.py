"""Near-copies among the messages of one contributor, from sketches of their shingle sets."""

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from ..base.arrow.columns import IntArray
from ..base.text.tokens import Shingles

SKETCH = 48  # smallest shingles of a text: equal ones estimate Jaccard similarity (Broder 1997)
MIN_SHINGLES = 6  # of a text that is compared
MIN_SIMILARITY = 0.35  # of sets of 5-grams; half of the 3-grams
MIN_COPIES, MIN_SHARE = 5, 0.3  # messages, and share of the contributor's messages
MAX_MESSAGES = 3000  # of one contributor that are compared with each other


def sketches(shingles: Shingles, rows: IntArray) -> pa.Array:
    """Return the smallest shingles of these texts, as lists."""
    first = shingles.limits[rows]
    sizes = np.minimum(SKETCH, shingles.limits[rows + 1] - first)
    limits = np.append(0, np.cumsum(sizes))
    places = np.arange(limits[-1]) + np.repeat(first - limits[:-1], sizes)
    return pa.ListArray.from_arrays(pa.array(limits, pa.int32()), pa.array(shingles.sets[places], pa.uint64()))


def near_copies(sketched: pa.Array) -> IntArray:
    """Return the messages of one contributor, of which there are some, that copy another one; none if they are few."""
    part = sketched.slice(0, MAX_MESSAGES)
    values, offsets = np.asarray(part.flatten()), np.asarray(part.offsets) - part.offsets[0].as_py()
    _, columns = np.unique(values, return_inverse=True)
    matrix = csr_matrix((np.ones(len(columns), dtype=np.int32), columns, offsets))
    sizes = np.diff(offsets)
    shared = (matrix @ matrix.T).tocoo()
    off = shared.row != shared.col
    row, column, common = shared.row[off], shared.col[off], shared.data[off]
    similarity = common / (sizes[row] + sizes[column] - common)
    is_near = similarity >= MIN_SIMILARITY
    found = np.unique(row[is_near]).astype(np.int64)
    is_enough = len(found) >= MIN_COPIES and len(found) >= MIN_SHARE * len(part)
    return found if is_enough else np.zeros(0, dtype=np.int64)
