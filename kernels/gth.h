/* The stationary state of a linear network, by elimination without subtractions.
 *
 * A model that says NM_STATIONARY_GTH is a Markov network: every pathway turns one mole of one free species into one of
 * another at constant rates, and one total counts them all. Grassmann, Taksar & Heyman (Oper. Res. 33 (1985) 1107)
 * eliminate its states with additions, products and quotients of positive numbers only, so every occupancy is right to
 * a few rounding errors however far apart the rates are (O'Cinneide, Numer. Math. 65 (1993) 109); elimination with
 * subtractions loses half the digits there. */
#ifndef NESSMAP_GTH_H
#define NESSMAP_GTH_H

#include "walk.h"

/* relative error of an occupancy, 2 n^3 u */
#define NM_GTH_ERROR (2.2e-16 * (double)(NM_N_FREE * NM_N_FREE * NM_N_FREE))

#define NM_ROW_J_LINEAR(name, ...)                                                                 \
    static_assert(nm_walk_end(NM_J_##name, 0) >= 0 && nm_walk_end(NM_J_##name, 1) >= 0,            \
                  "pathway " #name ": NM_STATIONARY_GTH wants one mole of one free species on each side");
NM_PATHWAYS(NM_ROW_J_LINEAR)
static_assert(NM_NT == 1 && NM_NY == NM_N_FREE && NM_N_HOLDS == 0,
              "NM_STATIONARY_GTH wants one total of all states, and no potential or volume that moves");

/* Puts the stationary state of the lanes in `active` into y. A network in pieces has none: its lanes do not converge. */
NM_FN nm_newton_result nm_stationary(nm_vec *y, const nm_point *pt, const nm_choices *pick, nm_mask active)
{
    nm_unit_rates unit;
    nm_vec rate[NM_N_FREE][NM_N_FREE], p[NM_N_FREE], leaves[NM_N_FREE];
    unit.v_w = pt->v_w;
    NM_ROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        p[i] = nm_splat(0.0);
        NM_ROLL
        for (int j = 0; j < NM_N_FREE; j++) {
            rate[i][j] = nm_splat(0.0);
        }
    }
    nm_visit_network<false>(&unit, pt, pick, p);
    nm_unroll<NM_NJ>([&](auto k) NM_LAMBDA {
        constexpr int i = nm_walk_end(k.value, 0), j = nm_walk_end(k.value, 1);
        rate[i][j] = rate[i][j] + unit.forth[k.value];
        rate[j][i] = rate[j][i] + unit.back[k.value];
    });
    nm_eliminate<NM_N_FREE>(rate, leaves);
    const nm_vec sum = nm_stationary_shares<NM_N_FREE>(p, rate);
    nm_vec check = nm_splat(0.0);
    NM_ROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        p[i] = nm_vlog(p[i] / sum * unit.total_amount);
        check = check + p[i];
    }
    nm_newton_result r;
    r.converged = active & nm_vfinite(check);
    r.iterations = nm_splat(1.0);
    NM_ROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        y[i] = nm_choose(r.converged, p[i], y[i]);
    }
    return r;
}

#endif
