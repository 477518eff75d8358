/* The stationary state of a linear network, by elimination without subtractions.
 *
 * A model that says NM_STATIONARY_GTH is a Markov network: every pathway turns one mole of one free species into one of
 * another at constant rates, and one total counts them all. Grassmann, Taksar & Heyman (Oper. Res. 33 (1985) 1107)
 * eliminate its states with additions, products and quotients of positive numbers only, so every occupancy is right to
 * a few rounding errors however far apart the rates are (O'Cinneide, Numer. Math. 65 (1993) 109); elimination with
 * subtractions loses half the digits there. */
#ifndef NESSMAP_GTH_H
#define NESSMAP_GTH_H

/* relative error of an occupancy, 2 n^3 u */
#define NM_GTH_ERROR (2.2e-16 * (double)(NM_N_FREE * NM_N_FREE * NM_N_FREE))

/* the free species of which a side of pathway k has one mole, as its unknown; -1 where that is not so */
NM_CONST_FN int nm_state_of(int k, int is_to)
{
    int state = -1;
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_FREE && nm_moles(k, is_to, s) != 0) {
            if (state >= 0 || nm_moles(k, is_to, s) != 1) {
                return -1;
            }
            state = nm_unknown_of(s);
        }
    }
    return state;
}
#define NM_ROW_J_LINEAR(name, ...)                                                                 \
    static_assert(nm_state_of(NM_J_##name, 0) >= 0 && nm_state_of(NM_J_##name, 1) >= 0,            \
                  "pathway " #name ": NM_STATIONARY_GTH wants one mole of one free species on each side");
NM_PATHWAYS(NM_ROW_J_LINEAR)
static_assert(NM_NT == 1 && NM_NY == NM_N_FREE,
              "NM_STATIONARY_GTH wants one total of all states, and no potential or volume that moves");

/* one-way fluxes of every pathway where all concentrations are 1: its rates */
struct nm_unit_rates {
    nm_vec forth[NM_NJ], back[NM_NJ], total_amount;
    nm_vec v_w;
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        forth[K] = flux.out.v;
        back[K] = flux.in.v;
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M>) {}
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M>, nm_plain wanted) { total_amount = wanted.v; }
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M>) {}
    template <int C, nm_dirs M> NM_INLINE void current(nm_dual<M>, nm_plain, const nm_point *) {}
};

/* Puts the stationary state of the lanes in `active` into y. A network in pieces has none: its lanes do not converge. */
NM_FN nm_newton_result nm_stationary(nm_vec *y, const nm_point *pt, const nm_choices *pick, nm_mask active)
{
    nm_unit_rates unit;
    nm_vec rate[NM_N_FREE][NM_N_FREE], p[NM_N_FREE], sum = nm_splat(1.0);
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
        constexpr int i = nm_state_of(k.value, 0), j = nm_state_of(k.value, 1);
        rate[i][j] = rate[i][j] + unit.forth[k.value];
        rate[j][i] = rate[j][i] + unit.back[k.value];
    });
    NM_ROLL
    for (int n = NM_N_FREE - 1; n > 0; n--) {
        nm_vec leaves = nm_splat(0.0);
        NM_ROLL
        for (int j = 0; j < n; j++) {
            leaves = leaves + rate[n][j];
        }
        NM_ROLL
        for (int i = 0; i < n; i++) {
            rate[i][n] = rate[i][n] / leaves;
            NM_ROLL
            for (int j = 0; j < n; j++) {
                if (i != j) {
                    rate[i][j] = nm_vfma(rate[i][n], rate[n][j], rate[i][j]);
                }
            }
        }
    }
    p[0] = nm_splat(1.0);
    NM_ROLL
    for (int n = 1; n < NM_N_FREE; n++) {
        p[n] = nm_splat(0.0);
        NM_ROLL
        for (int i = 0; i < n; i++) {
            p[n] = nm_vfma(p[i], rate[i][n], p[n]);
        }
        sum = sum + p[n];
    }
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
