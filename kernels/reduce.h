/* Statistics of many points, merged in one order whatever tiles, threads, lanes or devices do: equal bits everywhere.
 *
 *   block  NM_BLOCK_POINTS consecutive points of a cell: point i with point i + 512, the 512 results i with i + 256, ...,
 *          i with i + 1; a point that is missing or not finite is empty and changes nothing
 *   cell   its blocks in an aligned binary tree: neighbours of equal size are merged as soon as both are there; what is
 *          left at the end is merged from the right
 *
 * The first of two always holds what lies before in this order. Every merge on every machine is nm_merge: only IEEE
 * operations and explicit fma (Chan, Golub and LeVeque 1983).
 *
 *   1. merging   2. groups   3. records */
#ifndef NESSMAP_REDUCE_H
#define NESSMAP_REDUCE_H

#include "nessmap/lang.h"

/* --- 1. merging --------------------------------------------------------------------------------- */

/* nm_stat with its number of points as a double: whole and far below 2^53 */
struct nm_moments {
    double n, mean, m2, min, max;
};

NM_FN nm_moments nm_no_moments()
{
    return {0.0, 0.0, 0.0, NM_INFINITY, -NM_INFINITY};
}

/* of one point, none where x is not finite */
NM_FN nm_moments nm_moments_of(double x)
{
    const bool is_finite = x - x == 0.0;
    return {is_finite ? 1.0 : 0.0, is_finite ? x : 0.0, 0.0, is_finite ? x : NM_INFINITY,
            is_finite ? x : -NM_INFINITY};
}

/* of the points of `a` and then those of `b`; where one is empty, the other unchanged. ARE_HALVES: mostly as many of both,
 * which needs no division where a branch is cheap */
template <bool ARE_HALVES = false> NM_FN nm_moments nm_merge(const nm_moments a, const nm_moments b)
{
    const double n = a.n + b.n, share = ARE_HALVES && a.n == b.n ? 0.5 : b.n / n, d = b.mean - a.mean;
    const double mean = fma(d, share, a.mean), m2 = fma(d * d, a.n * share, a.m2 + b.m2);
    const bool no_a = a.n == 0.0, no_b = b.n == 0.0;
    return {n, no_b ? a.mean : no_a ? b.mean : mean, no_b ? a.m2 : no_a ? b.m2 : m2,
            b.min < a.min ? b.min : a.min, b.max > a.max ? b.max : a.max};
}

NM_FN nm_moments nm_moments_in(const nm_stat *stat)
{
    return {(double)stat->n, stat->mean, stat->m2, stat->min, stat->max};
}

NM_FN void nm_put_moments(nm_stat *stat, const nm_moments m)
{
    stat->n = (int64_t)m.n;
    stat->mean = m.mean;
    stat->m2 = m.m2;
    stat->min = m.min;
    stat->max = m.max;
}

NM_FN void nm_merge_stat(nm_stat *into, const nm_stat *more)
{
    nm_put_moments(into, nm_merge(nm_moments_in(into), nm_moments_in(more)));
}

/* --- 2. groups ------------------------------------------------------------------------------------ */

/* 1 if an outcome says so, else 0 (NM_INDICATOR_LIST) */
NM_FN double nm_indicator(int indicator, int outcome)
{
    switch (indicator) {
    case NM_INDICATOR_steady:
        return outcome <= NM_OUTCOME_unstable ? 1.0 : 0.0;
    case NM_INDICATOR_growth:
        return outcome == NM_OUTCOME_no_steady_state_growth ? 1.0 : 0.0;
    case NM_INDICATOR_depletion:
        return outcome == NM_OUTCOME_no_steady_state_depletion ? 1.0 : 0.0;
    default:
        return outcome == NM_OUTCOME_left_domain || outcome == NM_OUTCOME_not_converged ? 1.0 : 0.0;
    }
}
static_assert(NM_OUTCOME_equilibrium < NM_OUTCOME_unstable && NM_OUTCOME_ness < NM_OUTCOME_unstable &&
                  NM_OUTCOME_oscillatory < NM_OUTCOME_unstable &&
                  NM_OUTCOME_unstable < NM_OUTCOME_no_steady_state_growth,
              "outcomes with values come first");

/* A sum of members of a group, the combinations whose moments give every index. Saltelli's group is A, C_i (A with
 * coordinate i of B), for second order E_i (B with coordinate i of A), B; a covariance is a quarter of the difference
 * of the variances of sum and difference, so that moments are all that is kept.
 *
 *   sobol    A, B, then for each input  A - C_i, B - C_i, B + C_i - A, B - C_i + A,
 *            then for second order  A + B, A - B, each E_i, and for each pair i < j  E_i + C_j, E_i - C_j
 *   morris   the base, then for each input  the effect (Y_i - Y_0)/step_i and its size */
struct nm_blend {
    int n, member[3];
    double weight[3];
    int step;     /* input whose step divides the sum, -1: none */
    bool is_size; /* |sum| */
};
NM_FN void nm_blend_add(nm_blend *blend, int member, double weight)
{
    blend->member[blend->n] = member;
    blend->weight[blend->n++] = weight;
}
NM_FN nm_blend nm_sobol_blend(const nm_reduction *r, int v)
{
    nm_blend blend = {0, {0, 0, 0}, {0.0, 0.0, 0.0}, -1, false};
    const int a = 0, b = r->group - 1, d = r->n_inputs;
    if (v < 2) {
        nm_blend_add(&blend, v == 0 ? a : b, 1.0);
    } else if (v < 2 + 4 * d) {
        const int i = (v - 2) / 4, kind = (v - 2) % 4;
        nm_blend_add(&blend, kind == 0 ? a : b, 1.0);
        nm_blend_add(&blend, 1 + i, kind == 2 ? 1.0 : -1.0);
        if (kind > 1) {
            nm_blend_add(&blend, a, kind == 2 ? -1.0 : 1.0);
        }
    } else if (v < 4 + 4 * d) {
        nm_blend_add(&blend, a, 1.0);
        nm_blend_add(&blend, b, v == 2 + 4 * d ? 1.0 : -1.0);
    } else if (v < 4 + 5 * d) {
        nm_blend_add(&blend, 1 + d + v - 4 - 4 * d, 1.0);
    } else {
        const int at = v - 4 - 5 * d;
        int pair = at / 2, i = 0;
        while (pair >= d - 1 - i) {
            pair -= d - 1 - i;
            i++;
        }
        nm_blend_add(&blend, 1 + d + i, 1.0);
        nm_blend_add(&blend, 1 + i + 1 + pair, at % 2 == 0 ? 1.0 : -1.0);
    }
    return blend;
}
NM_FN nm_blend nm_find_blend(const nm_reduction *r, int v)
{
    if (r->kind == NM_REDUCE_SOBOL) {
        return nm_sobol_blend(r, v);
    }
    nm_blend blend = {0, {0, 0, 0}, {0.0, 0.0, 0.0}, -1, false};
    if (v == 0) {
        nm_blend_add(&blend, 0, 1.0);
        return blend;
    }
    nm_blend_add(&blend, 1 + (v - 1) / 2, 1.0);
    nm_blend_add(&blend, 0, -1.0);
    blend.step = (v - 1) / 2;
    blend.is_size = v % 2 == 0;
    return blend;
}

/* --- 3. records ------------------------------------------------------------------------------------ */

enum { NM_N_COUNTS = NM_N_OUTCOMES + NM_N_FLAGS };

NM_FN nm_stat *nm_record_stats(void *record) { return (nm_stat *)record; }
NM_FN int64_t *nm_record_counts(void *record, int n_slots)
{
    return (int64_t *)((nm_stat *)record + n_slots);
}

#endif
