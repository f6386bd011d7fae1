# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Scores of texts by a naive Bayes model over an automaton, ranks of its classes, and scores of rows by trees."""

import numpy as np

from libc.math cimport expf, log1p
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memset

cdef extern from *:
    """
    #include <stdint.h>
    #include <stddef.h>

    /* Cloned for processors with wide registers where the loader can choose (glibc). */
    #if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
    #define WIDE __attribute__((target_clones("avx2", "default")))
    #else
    #define WIDE
    #endif

    /* Add rows of 16 bits: exact, and eight numbers at a time. Four rows together: each takes 60 ns to arrive. */
    WIDE static void add_rows(const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d, int32_t *sums, size_t n)
    {
        for (size_t j = 0; j < n; j++) sums[j] += (int32_t)a[j] + b[j] + c[j] + d[j];
    }

    WIDE static void add_weighted(const int16_t *row, float weight, float *sums, size_t n)
    {
        for (size_t j = 0; j < n; j++) sums[j] += weight * (float)row[j];
    }

    /* A text on its way through the automaton. */
    typedef struct {
        const uint8_t *at;  /* the next byte */
        int64_t left;       /* bytes left */
        uint32_t state;
        int64_t row;
        int32_t *met;       /* the feature of each step */
        int32_t *begin;     /* the first of these */
    } Lane;

    #define LANES 16
    #define PREFETCHED 16

    /* Take n steps in several texts at a time. The tables are larger than the caches, so a step waits for memory, and the
       next step of the same text waits for it; meanwhile the other texts move on. */
    static inline void walk(Lane *lanes, int n_lanes, int64_t n, const uint16_t *moves, const int32_t *features)
    {
        uint32_t states[LANES];
        for (int l = 0; l < n_lanes; l++) states[l] = lanes[l].state;
        for (int64_t k = 0; k < n; k++)
            for (int l = 0; l < n_lanes; l++) {
                uint32_t at = states[l] << 8 | lanes[l].at[k];
                lanes[l].met[k] = features[at];
                states[l] = moves[at];
            }
        for (int l = 0; l < n_lanes; l++) {
            lanes[l].state = states[l];
            lanes[l].at += n;
            lanes[l].met += n;
            lanes[l].left -= n;
        }
    }

    static inline void fetch(const int16_t *row, size_t n)
    {
        for (size_t j = 0; j < n; j += 32) __builtin_prefetch(row + j);
    }
    """
    void add_rows(const int16_t *a, const int16_t *b, const int16_t *c, const int16_t *d, int32_t *sums, size_t n) nogil
    void add_weighted(const int16_t *row, float weight, float *sums, size_t n) nogil
    const int LANES, PREFETCHED
    ctypedef struct Lane:
        const uint8_t *at
        int64_t left
        uint32_t state
        int64_t row
        int32_t *met
        int32_t *begin
    void walk(Lane *lanes, int n_lanes, int64_t n, const uint16_t *moves, const int32_t *features) nogil
    void fetch(const int16_t *row, size_t n) nogil


cdef struct Model:
    const uint16_t *moves
    const int32_t *features
    uint32_t first
    const int16_t *table
    int64_t width, none, n_classes
    float unit
    const float *prior


cdef struct Sums:  # buffers for the scores of one text
    int32_t *met  # by feature: how often the text meets it
    int32_t *once  # by class: sum over the features that are met once
    float *often  # the same for all others


cdef int refill(Lane *lanes, int n_lanes, int64_t *following, const uint8_t[::1] data, const int64_t[::1] offsets,
                const Model *model) noexcept nogil:
    """Begin a text in each empty lane; drop lanes for which no text is left, and return the number of the others."""
    cdef int lane = 0
    cdef int64_t n = offsets.shape[0] - 1, row
    while lane < n_lanes:
        if lanes[lane].left:
            lane += 1
            continue
        while following[0] < n and offsets[following[0]] == offsets[following[0] + 1]:
            following[0] += 1
        row = following[0]
        if row == n:
            n_lanes -= 1
            lanes[lane] = lanes[n_lanes]
            continue
        lanes[lane].row, lanes[lane].state = row, model.first
        lanes[lane].at, lanes[lane].met = &data[offsets[row]], lanes[lane].begin
        lanes[lane].left = offsets[row + 1] - offsets[row]
        following[0] += 1
        lane += 1
    return n_lanes


cdef int64_t distinct(int32_t *features, int64_t n, int32_t *met) noexcept nogil:
    """Count each feature in `met`, move the distinct ones to the front, and return their number."""
    cdef int64_t k, m = 0
    cdef int32_t feature
    for k in range(n):  # no branch: nothing could predict it
        feature = features[k]
        features[m] = feature
        m += met[feature] == 0
        met[feature] += 1
    return m


cdef void add_features(int32_t *features, int64_t m, const Model *model, Sums *sums) noexcept nogil:
    """Add up the rows of m distinct features, and set their counts back to 0."""
    cdef int64_t k, width = model.width, n_once = 0
    cdef int32_t feature, c
    memset(sums.once, 0, width * sizeof(int32_t))
    memset(sums.often, 0, width * sizeof(float))
    sums.met[model.none] = 1  # its row is 0
    for k in range(m):
        feature = features[k]
        c = sums.met[feature]
        sums.met[feature] = 0
        if c == 1:  # as most: these are added up as whole numbers
            features[n_once] = feature
            n_once += 1
        else:
            add_weighted(model.table + feature * width, <float>log1p(c), sums.often, width)
    while n_once & 3:
        features[n_once] = model.none
        n_once += 1
    for k in range(min(n_once, PREFETCHED)):
        fetch(model.table + features[k] * width, width)
    for k in range(0, n_once, 4):
        for c in range(4):
            if k + PREFETCHED + c < n_once:
                fetch(model.table + features[k + PREFETCHED + c] * width, width)
        add_rows(
            model.table + features[k] * width, model.table + features[k + 1] * width,
            model.table + features[k + 2] * width, model.table + features[k + 3] * width, sums.once, width,
        )
    sums.met[model.none] = 0


cdef void score(const Lane *lane, const Model *model, Sums *sums, float *out) noexcept nogil:
    """Write the scores of a text that was walked to its end; leave them 0 where it meets no feature."""
    cdef int64_t k, m = distinct(lane.begin, lane.met - lane.begin, sums.met)
    cdef float one = <float>log1p(1)
    if m == (sums.met[model.none] > 0):
        sums.met[model.none] = 0
        return
    add_features(lane.begin, m, model, sums)
    for k in range(model.n_classes):
        out[k] = (<float>sums.once[k] * one + sums.often[k]) * model.unit + model.prior[k]


def visits(
    const uint8_t[::1] data,
    const int64_t[::1] offsets,
    const uint16_t[::1] moves,
    const int32_t[::1] features,
    int64_t first,
    const int16_t[:, ::1] table,
    float unit,
    const float[::1] prior,
):
    cdef int64_t n = offsets.shape[0] - 1, row, m, most = 0, following = 0
    cdef int n_lanes = LANES, lane
    for row in range(n):
        most = max(most, offsets[row + 1] - offsets[row])
    scores = np.zeros((n, prior.shape[0]), dtype=np.float32)
    cdef float[:, ::1] out = scores
    cdef int32_t[::1] met = np.zeros(table.shape[0], dtype=np.int32)
    cdef int32_t[:, ::1] seen = np.empty((LANES, most + 4), dtype=np.int32)
    cdef int32_t[::1] once = np.zeros(table.shape[1], dtype=np.int32)
    cdef float[::1] often = np.zeros(table.shape[1], dtype=np.float32)
    cdef Lane lanes[LANES]
    cdef Model model
    cdef Sums sums
    model.moves, model.features, model.first, model.table = &moves[0], &features[0], <uint32_t>first, &table[0, 0]
    model.width, model.none, model.n_classes = table.shape[1], table.shape[0] - 1, prior.shape[0]
    model.unit, model.prior = unit, &prior[0]
    sums.met, sums.once, sums.often = &met[0], &once[0], &often[0]
    for lane in range(LANES):
        lanes[lane].begin = &seen[lane, 0]
        lanes[lane].left = 0
    with nogil:
        while True:
            n_lanes = refill(lanes, n_lanes, &following, data, offsets, &model)
            if not n_lanes:
                break
            m = lanes[0].left
            for lane in range(1, n_lanes):
                m = min(m, lanes[lane].left)
            walk(lanes, n_lanes, m, model.moves, model.features)
            for lane in range(n_lanes):
                if not lanes[lane].left:
                    score(&lanes[lane], &model, &sums, &out[lanes[lane].row, 0])
    return scores


def rank(const float[:, ::1] scores, const float[::1] heats, const int16_t[::1] groups, int64_t n_groups, int64_t top):
    cdef int64_t n = scores.shape[0], n_classes = scores.shape[1], row, k, j
    best = np.full((n, top), -1, dtype=np.int16)
    values = np.zeros((n, top), dtype=np.float32)
    cdef int16_t[:, ::1] best_ = best
    cdef float[:, ::1] values_ = values
    cdef float[::1] sums = np.empty(n_groups, dtype=np.float32)
    cdef float highest, total, p
    with nogil:
        for row in range(n):
            highest = scores[row, 0]
            for k in range(1, n_classes):
                highest = max(highest, scores[row, k])
            memset(&sums[0], 0, n_groups * sizeof(float))
            total = 0
            for k in range(n_classes):
                p = expf((scores[row, k] - highest) / heats[row])
                total += p
                if groups[k] >= 0:
                    sums[groups[k]] += p
            for k in range(n_groups):
                p = sums[k] / total
                if p <= values_[row, top - 1]:
                    continue
                j = top - 1
                while j > 0 and values_[row, j - 1] < p:
                    values_[row, j] = values_[row, j - 1]
                    best_[row, j] = best_[row, j - 1]
                    j -= 1
                values_[row, j] = p
                best_[row, j] = k
    return best, values


def log_odds(
    const double[:, ::1] rows, const int32_t[::1] feature, const double[::1] threshold, const int64_t[:, ::1] children,
    const double[::1] value, const int64_t[::1] roots
):
    total_ = np.zeros(rows.shape[0])
    cdef double[::1] total = total_
    cdef Py_ssize_t k, tree
    cdef int64_t node, child
    with nogil:
        for k in range(rows.shape[0]):
            for tree in range(roots.shape[0]):
                child = roots[tree]
                node = -1
                while child != node:
                    node = child
                    child = children[node, 0 if rows[k, feature[node]] <= threshold[node] else 1]
                total[k] += value[node]
    return total_
