/* Points sorted into bins as whole numbers, and exact quantiles: equal bits in any order of points, on any machine.
 *
 * A value is taken as v = round((y - centre) scale), so that sums of v and of v^2 are whole and exact: a sum in two
 * words of 32 bits, a sum of squares in three, each the sum of one digit of all values. Values beyond 2^48, far outside
 * what the pilot of the scan found, count as 2^48 and are told. The least and the largest value are kept as they are.
 *
 * Who includes this says how words change: nm_word_add(int64_t *, int64_t), nm_word_least(int64_t *, int64_t).
 *
 *   1. keys   2. bins   3. a point   4. quantiles */
#ifndef NESSMAP_PROJECT_H
#define NESSMAP_PROJECT_H

#include "nessmap/lang.h"

/* --- 1. keys -------------------------------------------------------------------------------------- */

#define NM_KEY_MOST ((int64_t)0x7fffffffffffffff)

/* whole numbers in the order of the values; the largest of several is the least of ~key */
NM_FN int64_t nm_key_of(double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ (int64_t)((uint64_t)(bits >> 63) >> 1);
}
NM_FN double nm_value_of_key(int64_t key)
{
    const int64_t bits = key ^ (int64_t)((uint64_t)(key >> 63) >> 1);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* --- 2. bins -------------------------------------------------------------------------------------- */

/* the last bin whose lower edge is not above x; the last edge belongs to the last bin. -1: none */
NM_FN int nm_find_bin(const double *edges, int n, double x)
{
    int low = 0, high = n; /* edges[low] <= x < edges[high] */
    if (!(x >= edges[0] && x <= edges[n])) { return -1; }
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        if (x >= edges[middle]) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* --- 3. a point ------------------------------------------------------------------------------------ */

/* Point i of n, whose values and parameters stand as in a tile, into the bins of projection `number`. */
NM_FN void nm_project_point(int64_t *words, const nm_task *task, int number, const double *values,
                            const double *params, int64_t n, int64_t i, int outcome)
{
    const nm_reduction *r = &task->reduction;
    const nm_projection *p = &r->projections[number];
    const int n_slots = r->n_slots;
    int64_t bin = 0;
    for (int a = 0; a < p->n_axes && bin >= 0; a++) {
        const nm_projected *axis = &p->axis[a];
        const double x = axis->source >= 0 ? values[axis->source * n + i] : params[(-1 - axis->source) * n + i];
        const int at = nm_find_bin(r->table + axis->edges, axis->n, x);
        bin = at < 0 ? -1 : bin * axis->n + at;
    }
    bin = bin < 0 ? p->n_bins - 1 : bin;
    int64_t *word = words + p->first + bin * NM_BIN_WORDS(p, n_slots);
    if (p->keep == NM_KEEP_COUNT) {
        nm_word_add(word, 1);
        return;
    }
    nm_word_add(word + outcome, 1);
    word += NM_N_OUTCOMES;
    for (int slot = 0; slot < n_slots; slot++) {
        const double y = values[slot * n + i], far = 0x1p48;
        const int per_slot = p->keep == NM_KEEP_SUMS ? 3 : 6;
        int64_t *of = word + slot * per_slot;
        if (!(y - y == 0.0)) { continue; }
        const double scaled = (y - r->table[2 * slot]) * r->table[2 * slot + 1];
        const bool is_far = !(fabs(scaled) <= far);
        const int64_t v = (int64_t)llrint(is_far ? (scaled > 0.0 ? far : -far) : scaled);
        if (is_far && number == 0) { nm_word_add(words + slot, 1); }
        nm_word_add(of, 1);
        nm_word_add(of + 1, v & 0xffffffff);
        nm_word_add(of + 2, v >> 32);
        if (p->keep == NM_KEEP_SUMS) { continue; }
        const uint64_t size = (uint64_t)(v < 0 ? -v : v), low = size & 0xffffffffu, high = size >> 32;
        const uint64_t first = low * low, second = (first >> 32) + 2 * high * low;
        nm_word_add(of + 3, (int64_t)(first & 0xffffffffu));
        nm_word_add(of + 4, (int64_t)(second & 0xffffffffu));
        nm_word_add(of + 5, (int64_t)((second >> 32) + high * high));
        int64_t *extreme = words + r->first_extreme + (bin * n_slots + slot) * 2;
        nm_word_least(extreme, nm_key_of(y));
        nm_word_least(extreme + 1, ~nm_key_of(y));
    }
}

/* --- 4. quantiles ---------------------------------------------------------------------------------- */

/* between the values of the ranks that enclose (n - 1) q; as NumPy interpolates */
NM_FN double nm_between(double a, double b, double share)
{
    const double d = b - a;
    return share >= 0.5 ? b - d * (1.0 - share) : a + d * share;
}

#endif
