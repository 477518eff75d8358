/* The slow and the fast end of the spectrum in lanes: what an assessment finds, what it rests on, and the quick ways, by
 * the characteristic polynomial of few modes (spectrum.h), by a Lyapunov function of many (lyapunov.h). What they are not
 * sure of is left to the eigenvalues of stability.h, which has the theory. */
#ifndef NESSMAP_MODES_H
#define NESSMAP_MODES_H

#include "lyapunov.h"
#include "observe.h"
#include "spectrum.h"

#define NM_DELTA_MAX 1e-8 /* no steady state has a larger Newton step, unless rounding allows no better */

/* what is known of a state after one look: Newton step there and what it may be, spectrum */
struct nm_assessment {
    nm_vec delta, tau_slow, tau_fast;
    nm_vec rounding; /* the Newton step that rounding of the balances alone may cause; 0 where no lane's step asks for it */
    nm_mask is_stable, is_singular;
};

/* 1 if unknown i may have dynamics of its own: amounts and volumes without those that totals replace, and potentials
 * that charge */
NM_CONST_FN bool nm_may_move(int i)
{
    if (i < NM_N_FREE + NM_N_VOLUMES) {
        return !nm_is_replaced(i);
    }
    for (int c = 0; c < NM_NC; c++) {
        if (nm_potential_of(c) == i) {
            return nm_may_charge(c);
        }
    }
    return false;
}
/* what an assessment rests on: the rows, their inverse, amounts and volumes (1, or what it charges, for a potential) */
struct nm_resolvent {
    nm_balance b;
    nm_vec size[NM_NY], osmolarity, inverse[NM_NY][NM_NY];
    nm_minor rates;               /* trace of the matrix of rates between modes, and its bound */
    nm_vec det;                   /* of that matrix' inverse; both without pivoting */
    nm_mask algebraic[NM_N_FREE]; /* zeros, and a balance that a total took */
};

/* 1 if unknown i is a mode where all charges: it has dynamics, and keeps no composition neutral */
NM_CONST_FN bool nm_is_mode(int i)
{
    return nm_may_move(i) && !(NM_MAY_CHARGE && nm_may_keep(i));
}
NM_CONST_FN int nm_count_modes()
{
    int n = 0;
    for (int i = 0; i < NM_NY; i++) {
        n += nm_is_mode(i);
    }
    return n;
}
NM_CONST_FN bool nm_has_few_modes()
{
    return nm_count_modes() >= 1 && nm_count_modes() <= NM_QUICK_MODES;
}
/* 1 where the quick ways know the modes: no potential that is neutral, or that could charge and does not, nothing held */
NM_FN bool nm_has_plain_modes(const nm_point *pt)
{
    bool has = NM_N_HOLDS == 0;
    for (int c = 0; c < NM_NC; c++) {
        has = has && !(nm_potential_of(c) >= 0 && (pt->is_neutral[c] || (nm_may_charge(c) && !pt->is_charging[c])));
    }
    return has;
}

/* rows of the Jacobian before the algebraic unknown `end` is eliminated from all others */
NM_CONST_FN nm_rows<NM_NY> nm_eliminate_algebraic(nm_rows<NM_NY> rows, int end)
{
    for (int r = 0; r < end; r++) {
        if (nm_is_mode(r)) {
            continue;
        }
        for (int i = 0; i < NM_NY; i++) {
            if (i != r && (rows.row[i] >> r & 1u)) {
                rows.row[i] = (rows.row[i] | rows.row[r]) & ~(1u << r);
            }
        }
    }
    return rows;
}

/* The matrix of rates between modes, from the rows b: the algebraic unknowns are eliminated. pivots: the determinant of
 * what is eliminated. */
template <class PICK>
NM_FN void nm_rates_of_modes(nm_vec (*m)[NM_QUICK_MODES], nm_vec *pivots, const nm_balance *b, const nm_vec *size,
                             const PICK *)
{
    nm_vec j[NM_NY][NM_NY];
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        NM_UNROLL
        for (int k = 0; k < NM_NY; k++) {
            j[i][k] = b->jac[i][k];
        }
    }
    *pivots = nm_splat(1.0);
    nm_unroll<NM_NY>([&](auto gone) NM_LAMBDA {
        constexpr int r = gone.value;
        if constexpr (!nm_is_mode(r)) {
            constexpr nm_rows<NM_NY> rows = nm_eliminate_algebraic(nm_rows_of<nm_masks_for<PICK>>(), r);
            const nm_vec inverse = 1.0 / j[r][r];
            *pivots = *pivots * j[r][r];
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                const nm_vec l = j[i][r] * inverse;
                NM_UNROLL
                for (int k = 0; k < NM_NY; k++) {
                    if (i != r && k != r && (rows.row[i] >> r & 1u) && (rows.row[r] >> k & 1u)) {
                        j[i][k] = nm_vfma(-l, j[r][k], j[i][k]);
                    }
                }
            }
        }
    });
    /* by relative amounts, d ln c = d ln n - d ln volume */
    nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
        constexpr int volume = nm_volume_of(nm_place(nm_species_of(i.value)));
        if constexpr (volume >= 0 && nm_is_mode(i.value)) {
            NM_UNROLL
            for (int r = 0; r < NM_NY; r++) {
                j[r][volume] = j[r][volume] - j[r][i.value];
            }
        }
    });
    /* principal minors are the same in any units of the unknowns */
    int row = 0;
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        if constexpr (nm_is_mode(i.value)) {
            const nm_vec per_size = 1.0 / size[i.value];
            int column = 0;
            nm_unroll<NM_NY>([&](auto k) NM_LAMBDA {
                if constexpr (nm_is_mode(k.value)) {
                    m[row][column++] = j[i.value][k.value] * per_size;
                }
            });
            row++;
        }
    });
}

/* The inverse m of the matrix of rates between modes, and noise, the rounding of its entries; root[]: square roots of the
 * amounts, a volume counting as its solutes. Few modes of one kind are scaled by those instead, without roots. */
template <int ROOM>
NM_FN void nm_times_of_modes(nm_vec (*m)[ROOM], nm_vec *noise, nm_vec *root, const nm_resolvent *r)
{
    constexpr bool by_roots = NM_MAY_CHARGE || !nm_has_few_modes();
    const nm_vec *size = r->size, (*inverse)[NM_NY] = r->inverse, dilution = 1.0 / r->osmolarity;
    nm_vec per_root[NM_NY];
    if constexpr (by_roots) { /* potentials and amounts are of many sizes: entries are balanced by square roots */
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            const bool is_volume = i >= NM_N_FREE && i < NM_N_FREE + NM_N_VOLUMES;
            root[i] = nm_vsqrt(is_volume ? size[i] * r->osmolarity : size[i]);
            per_root[i] = size[i] / root[i];
        }
    }
    *noise = nm_splat(0.0);
    int row = 0;
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        if constexpr (nm_is_mode(i.value)) {
            constexpr int here = i.value, s = nm_species_of(here),
                          volume = s >= 0 ? nm_volume_of(nm_place(s < 0 ? 0 : s)) : -1;
            int column = 0;
            nm_unroll<NM_NY>([&](auto j) NM_LAMBDA {
                if constexpr (nm_is_mode(j.value)) {
                    nm_vec x = inverse[i.value][j.value], parts = nm_vabs(x),
                           scale = size[i.value];
                    if constexpr (volume >= 0) {
                        x = x + inverse[volume][j.value];
                        parts = parts + nm_vabs(inverse[volume][j.value]);
                    }
                    if constexpr (by_roots) {
                        scale = root[here] * per_root[j.value];
                    } else if constexpr (here >= NM_N_FREE && j.value < NM_N_FREE) {
                        scale = scale * r->osmolarity;
                    } else if constexpr (here < NM_N_FREE && j.value >= NM_N_FREE) {
                        scale = scale * dilution;
                    }
                    m[row][column++] = x * scale;
                    *noise = nm_vmax(*noise, 1e-14 * parts * scale);
                }
            });
            row++;
        }
    });
}

/* What totals add to the metric of the free energy, sum dn^2/n: by g, scaled as modes are, the species that total t
 * replaces follows from the others. */
template <int N> NM_FN void nm_metric_of_totals(nm_vec (*g)[N], const nm_vec *root, const nm_balance *b)
{
    nm_unroll<NM_NT>([&](auto t) NM_LAMBDA {
        constexpr int p = nm_total_unknown(t.value);
        const nm_vec scale = root[p] / b->jac[p][p];
        int column = 0;
        nm_unroll<NM_NY>([&](auto j) NM_LAMBDA {
            if constexpr (nm_is_mode(j.value)) {
                g[t.value][column++] = j.value < NM_N_FREE ? b->jac[p][j.value] * scale / root[j.value] : nm_splat(0.0);
            }
        });
    });
}

/* The quick ways to the slow end of the spectrum of N modes; *wanted loses the lanes that are settled. */
template <int N> NM_FN void nm_assess_quickly(nm_assessment *a, nm_mask *wanted, const nm_resolvent *r)
{
    if constexpr (N >= 1) {
        constexpr int room = N <= NM_QUICK_MODES ? (int)NM_QUICK_MODES : N;
        nm_vec m[room][room], root[NM_NY], noise, tau;
        nm_mask certain;
        nm_times_of_modes<room>(m, &noise, root, r);
        if constexpr (N <= NM_QUICK_MODES) {
            certain = nm_stiff_spectrum<N>(&tau, m, r->rates, r->det, noise);
        } else {
            nm_vec g[NM_NT + 1][N];
            nm_metric_of_totals<N>(g, root, &r->b);
            certain = nm_lyapunov_spectrum<N, NM_NT>(&tau, m, g, noise);
        }
        certain = certain & *wanted;
        a->tau_slow = nm_choose(certain, tau, a->tau_slow);
        a->is_stable = a->is_stable | certain;
        *wanted = *wanted & nm_not(certain);
    }
}

/* The same for the fast end: the largest root for the matrix of rates is the fastest rate, if it is real: of a pair, the
 * real part is the rate. tau comes out where the returned mask is true. */
NM_FN nm_mask nm_assess_fast_quickly(nm_vec *tau, const nm_balance *b, const nm_vec *size, const auto *pick)
{
    constexpr int n = nm_count_modes();
    if constexpr (!nm_has_few_modes()) {
        return nm_mask_all(false);
    } else {
        nm_vec m[NM_QUICK_MODES][NM_QUICK_MODES], rate = nm_splat(1.0), pivots;
        nm_rates_of_modes(m, &pivots, b, size, pick);
        const nm_mask certain = nm_quick_spectrum<n, false>(&rate, m, nm_splat(0.0));
        *tau = 1.0 / rate;
        return certain & nm_vfinite(*tau);
    }
}

#endif
