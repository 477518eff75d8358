/* Small dense linear algebra in lanes: sizes are constants, loops unroll, nothing is allocated. */
#ifndef NESSMAP_LINALG_H
#define NESSMAP_LINALG_H

#include "nessmap/lang.h"

/* LU without pivoting, in place; the diagonal keeps reciprocals. Rows must be ordered so that pivots exist (species,
 * volumes, potentials); where they do not, the factors are not finite and the caller sees it in the solution. */
template <int N> NM_FN void nm_lu(nm_vec (*a)[N])
{
    NM_UNROLL
    for (int k = 0; k < N; k++) {
        a[k][k] = 1.0 / a[k][k];
        NM_UNROLL
        for (int i = k + 1; i < N; i++) {
            nm_vec l = a[i][k] * a[k][k];
            a[i][k] = l;
            NM_UNROLL
            for (int j = k + 1; j < N; j++) {
                a[i][j] = nm_vfma(-l, a[k][j], a[i][j]);
            }
        }
    }
}

/* solves L U x = b in place with the factors of nm_lu */
template <int N> NM_FN void nm_lu_solve(const nm_vec (*a)[N], nm_vec *b)
{
    NM_UNROLL
    for (int i = 1; i < N; i++) {
        NM_UNROLL
        for (int j = 0; j < i; j++) {
            b[i] = nm_vfma(-a[i][j], b[j], b[i]);
        }
    }
    NM_UNROLL
    for (int i = N - 1; i >= 0; i--) {
        NM_UNROLL
        for (int j = i + 1; j < N; j++) {
            b[i] = nm_vfma(-a[i][j], b[j], b[i]);
        }
        b[i] = b[i] * a[i][i];
    }
}

/* --- zeros that are known beforehand ---
 * A SHAPE has an `order` of elimination and, in that order, `filled`: bit j of filled.row[i] is set where entry (i, j) of
 * the factors may differ from zero. Zeros are never touched; in the given order the others come out with the bits of nm_lu
 * and nm_lu_solve. */
template <int N> struct nm_rows {
    nm_dirs row[N];
};
template <int N> struct nm_order {
    int at[N];
};
template <int N> NM_CONST_FN nm_order<N> nm_given_order()
{
    nm_order<N> order = {};
    for (int i = 0; i < N; i++) {
        order.at[i] = i;
    }
    return order;
}
/* a set of rows or columns, in another order */
template <int N> NM_CONST_FN nm_dirs nm_reorder(nm_dirs set, nm_order<N> order)
{
    nm_dirs there = 0;
    for (int i = 0; i < N; i++) {
        there |= (set >> order.at[i] & 1u) << i;
    }
    return there;
}
template <int N> NM_CONST_FN nm_rows<N> nm_reorder(nm_rows<N> a, nm_order<N> order)
{
    nm_rows<N> there = {};
    for (int i = 0; i < N; i++) {
        there.row[i] = nm_reorder(a.row[order.at[i]], order);
    }
    return there;
}
/* what elimination makes of them */
template <int N> NM_CONST_FN nm_rows<N> nm_fill(nm_rows<N> a)
{
    for (int k = 0; k < N; k++) {
        for (int i = k + 1; i < N; i++) {
            if (a.row[i] >> k & 1u) {
                a.row[i] |= a.row[k] >> k << k;
            }
        }
    }
    return a;
}
/* entries of b that differ from zero before row `end` of the forward solution, if at first `given` do */
template <int N> NM_CONST_FN nm_dirs nm_reach(nm_rows<N> a, nm_dirs given, int end)
{
    for (int i = 1; i < end; i++) {
        if (a.row[i] & given & ((1u << i) - 1u)) {
            given |= 1u << i;
        }
    }
    return given;
}
/* the same after rows above `end` of the backward solution */
template <int N> NM_CONST_FN nm_dirs nm_reach_back(nm_rows<N> a, nm_dirs given, int end)
{
    for (int i = N - 1; i > end; i--) {
        if (a.row[i] & given & ~((2u << i) - 1u)) {
            given |= 1u << i;
        }
    }
    return given;
}
template <class SHAPE, int N> NM_FN void nm_lu_shaped(nm_vec (*a)[N])
{
    nm_unroll<N>([&](auto pivot) NM_LAMBDA {
        constexpr int k = pivot.value, at_k = SHAPE::order.at[k];
        a[at_k][at_k] = 1.0 / a[at_k][at_k];
        nm_unroll<N - 1 - k>([&](auto below) NM_LAMBDA {
            constexpr int i = k + 1 + below.value, at_i = SHAPE::order.at[i];
            if constexpr (SHAPE::filled.row[i] >> k & 1u) {
                const nm_vec l = a[at_i][at_k] * a[at_k][at_k];
                a[at_i][at_k] = l;
                nm_unroll<N - 1 - k>([&](auto right) NM_LAMBDA {
                    constexpr int j = k + 1 + right.value, at_j = SHAPE::order.at[j];
                    if constexpr (SHAPE::filled.row[k] >> j & 1u) {
                        a[at_i][at_j] = nm_vfma(-l, a[at_k][at_j], a[at_i][at_j]);
                    }
                });
            }
        });
    });
}
/* subtracts entry (i, j) of the factors times b[j] from b[i]; IS_SET: if that differs from zero yet */
template <bool IS_SET, int N> NM_INLINE void nm_subtract(const nm_vec (*a)[N], nm_vec *b, int i, int j)
{
    b[i] = IS_SET ? nm_vfma(-a[i][j], b[j], b[i]) : -a[i][j] * b[j];
}
/* GIVEN: entries of b that may differ from zero; the others are not read */
template <class SHAPE, nm_dirs GIVEN, int N> NM_FN void nm_lu_solve_shaped(const nm_vec (*a)[N], nm_vec *b)
{
    constexpr nm_dirs given = nm_reorder(GIVEN, SHAPE::order);
    nm_unroll<N>([&](auto row) NM_LAMBDA {
        constexpr int i = row.value;
        nm_unroll<i>([&](auto column) NM_LAMBDA {
            constexpr int j = column.value, at_i = SHAPE::order.at[i], at_j = SHAPE::order.at[j];
            constexpr nm_dirs set = nm_reach(SHAPE::filled, given, i), parts = SHAPE::filled.row[i] & set;
            if constexpr (parts >> j & 1u) {
                constexpr bool is_set = (set >> i & 1u) || (parts & ((1u << j) - 1u));
                nm_subtract<is_set, N>(a, b, at_i, at_j);
            }
        });
    });
    nm_unroll<N>([&](auto row) NM_LAMBDA {
        constexpr int i = N - 1 - row.value, at_i = SHAPE::order.at[i];
        constexpr nm_dirs set = nm_reach_back(SHAPE::filled, nm_reach(SHAPE::filled, given, N), i);
        nm_unroll<N - 1 - i>([&](auto column) NM_LAMBDA {
            constexpr int j = i + 1 + column.value, at_j = SHAPE::order.at[j];
            constexpr nm_dirs parts = SHAPE::filled.row[i] & set & ~((2u << i) - 1u);
            if constexpr (parts >> j & 1u) {
                constexpr bool is_set = (set >> i & 1u) || (parts & ((1u << j) - 1u));
                nm_subtract<is_set, N>(a, b, at_i, at_j);
            }
        });
        if constexpr (nm_reach_back(SHAPE::filled, nm_reach(SHAPE::filled, given, N), i - 1) >> i & 1u) {
            b[at_i] = b[at_i] * a[at_i][at_i];
        } else {
            b[at_i] = nm_splat(0.0);
        }
    });
}

/* Solves a x = b in place by LU with row pivoting by selection, for the few points that need it.
 * is_singular: lanes whose pivot fell below 1e-13 of its row's largest entry. */
template <int N> NM_FN void nm_lu_pivot(nm_vec (*a)[N], nm_vec *b, nm_mask *is_singular)
{
    /* equilibrate rows */
    for (int i = 0; i < N; i++) {
        nm_vec big = nm_splat(0.0);
        for (int j = 0; j < N; j++) {
            big = nm_vmax(big, nm_vabs(a[i][j]));
        }
        nm_mask is_empty = big == nm_splat(0.0);
        *is_singular = *is_singular | is_empty;
        nm_vec scale = 1.0 / nm_choose(is_empty, nm_splat(1.0), big);
        for (int j = 0; j < N; j++) {
            a[i][j] = a[i][j] * scale;
        }
        b[i] = b[i] * scale;
    }
    for (int k = 0; k < N; k++) {
        /* bring the largest entry of column k to row k */
        for (int i = k + 1; i < N; i++) {
            nm_mask swap = nm_vabs(a[i][k]) > nm_vabs(a[k][k]);
            for (int j = 0; j < N; j++) {
                nm_vec top = nm_choose(swap, a[i][j], a[k][j]);
                a[i][j] = nm_choose(swap, a[k][j], a[i][j]);
                a[k][j] = top;
            }
            nm_vec top = nm_choose(swap, b[i], b[k]);
            b[i] = nm_choose(swap, b[k], b[i]);
            b[k] = top;
        }
        nm_mask is_small = nm_not(nm_vabs(a[k][k]) > nm_splat(1e-13));
        *is_singular = *is_singular | is_small;
        nm_vec inverse = 1.0 / nm_choose(is_small, nm_splat(1.0), a[k][k]);
        for (int i = k + 1; i < N; i++) {
            nm_vec l = a[i][k] * inverse;
            for (int j = k + 1; j < N; j++) {
                a[i][j] = nm_vfma(-l, a[k][j], a[i][j]);
            }
            b[i] = nm_vfma(-l, b[k], b[i]);
        }
        a[k][k] = inverse;
    }
    for (int i = N - 1; i >= 0; i--) {
        for (int j = i + 1; j < N; j++) {
            b[i] = nm_vfma(-a[i][j], b[j], b[i]);
        }
        b[i] = b[i] * a[i][i];
    }
}

/* Solves a X = B in place for a table [a | B] of n_columns columns, the first N of them a's: X takes the place of B.
 * Pivots are the largest entries of a column against those of their rows; lanes that are singular give what is not
 * finite. */
template <int N, int W> NM_FN void nm_solve_columns(nm_vec (*a)[W], int n_columns)
{
    nm_vec scale[N];
    for (int i = 0; i < N; i++) {
        nm_vec big = nm_splat(0.0);
        for (int j = 0; j < N; j++) {
            big = nm_vmax(big, nm_vabs(a[i][j]));
        }
        scale[i] = 1.0 / big;
    }
    NM_UNROLL
    for (int k = 0; k < N; k++) {
        /* bring the pivot of column k to row k; mostly it is there */
        for (int i = k + 1; i < N; i++) {
            const nm_mask swap = nm_vabs(a[i][k]) * scale[i] > nm_vabs(a[k][k]) * scale[k];
            if (!nm_any_of(swap)) {
                continue;
            }
            for (int j = 0; j < n_columns; j++) {
                nm_vec top = nm_choose(swap, a[i][j], a[k][j]);
                a[i][j] = nm_choose(swap, a[k][j], a[i][j]);
                a[k][j] = top;
            }
            nm_vec top = nm_choose(swap, scale[i], scale[k]);
            scale[i] = nm_choose(swap, scale[k], scale[i]);
            scale[k] = top;
        }
        a[k][k] = 1.0 / a[k][k];
        NM_UNROLL
        for (int i = k + 1; i < N; i++) {
            a[i][k] = a[i][k] * a[k][k];
            NM_UNROLL
            for (int j = k + 1; j < N; j++) {
                a[i][j] = nm_vfma(-a[i][k], a[k][j], a[i][j]);
            }
        }
    }
    for (int j = N; j < n_columns; j++) {
        nm_vec x[N];
        NM_UNROLL
        for (int i = 0; i < N; i++) {
            x[i] = a[i][j];
            NM_UNROLL
            for (int k = 0; k < i; k++) {
                x[i] = nm_vfma(-a[i][k], x[k], x[i]);
            }
        }
        NM_UNROLL
        for (int i = N - 1; i >= 0; i--) {
            NM_UNROLL
            for (int k = i + 1; k < N; k++) {
                x[i] = nm_vfma(-a[i][k], x[k], x[i]);
            }
            x[i] = x[i] * a[i][i];
            a[i][j] = x[i];
        }
    }
}

#endif
