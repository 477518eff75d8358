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
 *   1. merging   2. records */
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

/* of the points of `a` and then those of `b`; where one is empty, the other unchanged */
NM_FN nm_moments nm_merge(const nm_moments a, const nm_moments b)
{
    const double n = a.n + b.n, share = b.n / n, d = b.mean - a.mean;
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

/* --- 2. records ------------------------------------------------------------------------------------ */

enum { NM_N_COUNTS = NM_N_OUTCOMES + NM_N_FLAGS };

NM_FN nm_stat *nm_record_stats(void *record) { return (nm_stat *)record; }
NM_FN int64_t *nm_record_counts(void *record, int n_slots)
{
    return (int64_t *)((nm_stat *)record + n_slots);
}

#endif
