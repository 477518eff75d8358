/* Is a steady state stable, and how fast does it relax?
 *
 * Linearised dynamics: B dw/dt = J w, J the Newton Jacobian (totals, charge rows and held species are algebraic: B has
 * no such rows; a potential that charges has its capacitance there). Its finite eigenvalues are the inverses of those of
 * the dynamic block of B J^-1, which the factors at hand give; the slow end of the spectrum, which decides, is the
 * accurate end there. The fast end comes from J with the algebraic unknowns eliminated. Both are scaled by the square
 * roots of the amounts: in the metric of the free energy (d2F = RT dn^2/n) relaxation towards equilibrium is symmetric,
 * so eigenvalues are well conditioned. */
#ifndef NESSMAP_STABILITY_H
#define NESSMAP_STABILITY_H

#include "eigenvalues.h"
#include "modes.h"

struct nm_spectrum {
    double tau_slow, tau_fast; /* [s] */
    double noise;              /* [s] modes faster than this are not resolved at the slow end */
    bool is_stable, is_sure;   /* is_sure: the eigenvalues were found */
    bool is_resolved;          /* no mode is lost in the noise */
};

/* Slow relaxation times: m = scaled dynamic block of B J^-1, for one lane. weight[c][i]: combination of the free species
 * of a neutral compartment that is conserved, else 0. noise: rounding of m [s]. */
NM_FN nm_spectrum nm_slow_spectrum(double (*m)[NM_NY], int n, double noise,
                                   const double (*weight)[NM_NY], const bool *is_neutral)
{
    nm_spectrum s = {0.0, NM_INFINITY, noise, true, true, true};
    NM_ROLL
    for (int c = 0; c < NM_NC; c++) {
        if (!is_neutral[c]) {
            continue;
        }
        /* x_p = -sum w_j x_j / w_p takes one unknown away */
        int p = 0;
        NM_ROLL
        for (int j = 1; j < n; j++) {
            if (fabs(weight[c][j]) > fabs(weight[c][p])) {
                p = j;
            }
        }
        if (weight[c][p] == 0.0) {
            continue;
        }
        NM_ROLL
        for (int i = 0; i < n; i++) {
            NM_ROLL
            for (int j = 0; j < n; j++) {
                if (j != p) {
                    m[i][j] = fma(-m[i][p], weight[c][j] / weight[c][p], m[i][j]);
                }
            }
        }
        NM_ROLL
        for (int i = p; i < n - 1; i++) {
            NM_ROLL
            for (int j = 0; j < n; j++) {
                m[i][j] = m[i + 1][j];
            }
        }
        NM_ROLL
        for (int j = p; j < n - 1; j++) {
            NM_ROLL
            for (int i = 0; i < n; i++) {
                m[i][j] = m[i][j + 1];
            }
        }
        n--;
    }
    double re[NM_NY], im[NM_NY];
    s.is_sure = nm_eigenvalues(n, m, re, im);
    NM_ROLL
    for (int i = 0; i < n; i++) {
        double size2 = re[i] * re[i] + im[i] * im[i];
        if (size2 <= noise * noise) {
            s.is_resolved = false;
            continue;
        }
        double tau = size2 / fabs(re[i]);
        if (tau > s.tau_slow) {
            s.tau_slow = tau;
        }
        if (tau < s.tau_fast) {
            s.tau_fast = tau;
        }
        if (re[i] > 0.0) {
            s.is_stable = false;
        }
    }
    return s;
}

/* Fast relaxation time from raw J of one lane (row-major), by eliminating the algebraic rows; size[i]: amount or volume
 * of unknown i, root[i]: its scale. returns false where an algebraic row does not hold its own unknown (neutral membranes). */
NM_NOINLINE bool nm_fast_spectrum(nm_spectrum *s, double (*j)[NM_NY], const double *size,
                                  const double *root, const bool *is_frozen)
{
    double m[NM_NY][NM_NY], re[NM_NY], im[NM_NY];
    int n = 0;
    bool is_gone[NM_NY];
    NM_ROLL
    for (int r = 0; r < NM_NY; r++) {
        is_gone[r] = nm_is_replaced(r) || is_frozen[r];
        if (!is_gone[r]) {
            continue;
        }
        if (j[r][r] == 0.0) {
            return false;
        }
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) {
            if (i == r || j[i][r] == 0.0) {
                continue;
            }
            double l = j[i][r] / j[r][r];
            NM_ROLL
            for (int k = 0; k < NM_NY; k++) {
                j[i][k] = k == r ? 0.0 : fma(-l, j[r][k], j[i][k]);
            }
        }
    }
    /* by relative amounts, d ln c = d ln n - d ln volume */
    NM_ROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        int volume = nm_volume_of(nm_place(nm_species_of(i)));
        if (volume >= 0) {
            NM_ROLL
            for (int r = 0; r < NM_NY; r++) {
                j[r][volume] -= j[r][i];
            }
        }
    }
    int row = 0;
    NM_ROLL
    for (int r = 0; r < NM_NY; r++) {
        if (is_gone[r]) {
            continue;
        }
        int column = 0;
        NM_ROLL
        for (int k = 0; k < NM_NY; k++) {
            if (!is_gone[k]) {
                m[row][column++] = j[r][k] / size[r] * (root[r] / root[k]);
            }
        }
        row++;
    }
    n = row;
    if (!nm_eigenvalues(n, m, re, im)) {
        return false;
    }
    /* growing modes among those that the slow end does not resolve */
    double fastest = 0.0;
    NM_ROLL
    for (int i = 0; i < n; i++) {
        double size = sqrt(re[i] * re[i] + im[i] * im[i]);
        if (fabs(re[i]) > fastest) {
            fastest = fabs(re[i]);
        }
        if (re[i] > 0.0 && size * s->noise > 1.0) {
            s->is_stable = false;
        }
    }
    if (fastest > 0.0) {
        s->tau_fast = 1.0 / fastest;
    }
    return true;
}

/* unknowns whose rows are algebraic by a variant: held species, ions that keep a composition neutral, potentials that
 * do not charge */
NM_FN void nm_find_algebraic(bool *is_fixed, NM_MAYBE_UNUSED const nm_point *pt)
{
    for (int i = 0; i < NM_NY; i++) {
        is_fixed[i] = i >= NM_N_FREE + NM_N_VOLUMES;
    }
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        if constexpr (nm_is_holdable(s.value)) {
            is_fixed[nm_unknown_of(s.value)] = pt->is_held[s.value];
        }
    });
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_may_charge(c.value)) {
            if (pt->is_charging[c.value]) {
                is_fixed[nm_potential_of(c.value)] = false;
                if constexpr (nm_keeper(c.value) >= 0) {
                    is_fixed[nm_keeper(c.value)] = true;
                }
            }
        }
    });
}

/* Assesses the lanes in `mask` as far as that needs no eigenvalue iteration; returns the lanes that need one.
 * PIVOT: pivoted, frozen zeros are left out. want_fast: tau_fast is asked for. */
template <bool PIVOT, class PICK>
NM_FN nm_mask nm_assess_first(nm_assessment *a, nm_resolvent *r, const nm_look *look,
                              const nm_vec *y, const nm_point *pt, const PICK *pick, nm_mask mask,
                              bool want_fast)
{
    r->b = *look;
    nm_balance &b = r->b;
    nm_vec *size = r->size, (*inverse)[NM_NY] = r->inverse;
    nm_mask *algebraic = r->algebraic;
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        algebraic[i] = nm_mask_all(false);
    }
    nm_put_totals(&b);
    a->is_singular = nm_mask_all(false);
    if constexpr (PIVOT) {
        nm_freeze_zeros(&b, y, algebraic);
    }

    /* amounts and volumes */
    nm_unroll<NM_NY>([&](auto i) NM_LAMBDA {
        constexpr int s = nm_species_of(i.value);
        size[i.value] = nm_splat(1.0);
        if constexpr (s >= 0) {
            constexpr int volume = nm_volume_of(nm_place(s));
            size[i.value] = nm_vexp(y[i.value]) * pt->fixed[nm_place(s)];
            if constexpr (volume >= 0) {
                size[i.value] = nm_vexp(y[i.value]) * nm_vexp(y[volume]);
            }
        } else if constexpr (i.value < NM_N_FREE + NM_N_VOLUMES) {
            size[i.value] = nm_vexp(y[i.value]);
        }
    });

    nm_vec osmolarity = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        osmolarity = osmolarity + nm_vexp(y[i]);
    }
    r->osmolarity = osmolarity;
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        if constexpr (nm_may_charge(c.value)) {
            size[nm_potential_of(c.value)] = pt->capacitance[c.value];
        }
    });

    if constexpr (!PIVOT && nm_has_few_modes()) {
        nm_vec rates[NM_QUICK_MODES][NM_QUICK_MODES];
        nm_rates_of_modes(rates, &r->det, &b, size, pick);
        r->rates = nm_minor{nm_splat(0.0), nm_splat(0.0)};
        nm_unroll<nm_count_modes()>(
            [&](auto i) NM_LAMBDA { nm_add_minor(&r->rates, nm_minor{rates[i.value][i.value], nm_vabs(rates[i.value][i.value])}); });
    }

    /* delta = J^-1 F and J^-1 by columns */
    nm_vec d[NM_NY];
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        d[i] = b.f[i];
    }
    if constexpr (PIVOT) {
        nm_balance work = b;
        nm_lu_pivot<NM_NY>(work.jac, d, &a->is_singular);
        NM_ROLL
        for (int k = 0; k < NM_NY; k++) {
            if (k >= NM_N_FREE + NM_N_VOLUMES && !nm_may_move(k)) {
                continue;
            }
            nm_vec e[NM_NY];
            nm_mask ignore = nm_mask_all(false);
            for (int i = 0; i < NM_NY; i++) {
                e[i] = nm_splat(i == k ? 1.0 : 0.0);
            }
            work = b;
            nm_lu_pivot<NM_NY>(work.jac, e, &ignore);
            for (int i = 0; i < NM_NY; i++) {
                inverse[i][k] = e[i];
            }
        }
    } else {
        nm_vec lu[NM_NY][NM_NY];
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            NM_UNROLL
            for (int j = 0; j < NM_NY; j++) {
                lu[i][j] = b.jac[i][j];
            }
        }
        nm_solve_step(lu, d, pick);
        if constexpr (nm_has_few_modes()) {
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                r->det = r->det * (nm_is_mode(i) ? size[i] * lu[i][i] : lu[i][i]);
            }
        }
        nm_unroll<NM_NY>([&](auto k) NM_LAMBDA {
            if constexpr (nm_may_move(k.value)) {
                nm_vec e[NM_NY];
                NM_UNROLL
                for (int i = 0; i < NM_NY; i++) {
                    e[i] = nm_splat(i == k.value ? 1.0 : 0.0);
                }
                if constexpr (NM_SHAPED) {
                    nm_lu_solve_shaped<nm_shape_for<PICK>, 1u << k.value, NM_NY>(lu, e);
                } else {
                    nm_lu_solve<NM_NY>(lu, e);
                }
                NM_UNROLL
                for (int i = 0; i < NM_NY; i++) {
                    inverse[i][k.value] = e[i];
                }
            }
        });
    }
    a->delta = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        nm_vec e = nm_vabs(d[i]);
        a->delta = nm_choose(nm_vfinite(e), nm_vmax(a->delta, e), nm_splat(NM_INFINITY));
    }
#ifdef NM_STATIONARY_GTH
    a->delta = nm_vmin(a->delta, nm_splat(NM_GTH_ERROR)); /* closer than a Newton step can tell */
#endif
    /* asked where lanes stand side by side; on a GPU the branch would cost registers */
    const bool is_exact = NM_LANES > 1 && nm_all_of((a->delta <= nm_splat(NM_DELTA_MAX)) | nm_not(mask));
    a->rounding = nm_splat(0.0);
    NM_UNROLL
    for (int i = 0; i < NM_NY && !is_exact; i++) {
        nm_vec sum = nm_splat(0.0);
        nm_unroll<NM_NY>([&](auto k) NM_LAMBDA {
            if constexpr (nm_may_move(k.value)) {
                sum = nm_vfma(nm_vabs(inverse[i][k.value]), look->gross[k.value], sum);
            }
        });
        a->rounding = nm_vmax(a->rounding, 4.4e-16 * sum);
    }
    a->tau_slow = a->tau_fast = nm_splat(NM_INFINITY);
    a->is_stable = nm_mask_all(false);

    nm_mask wanted = mask & nm_vfinite(a->delta) & nm_not(a->is_singular);
    if (!PIVOT && nm_has_plain_modes(pt)) {
        nm_mask slow = wanted, fast = nm_mask_all(true);
        nm_assess_quickly<nm_count_modes()>(a, &slow, r);
        if (want_fast) {
            fast = nm_assess_fast_quickly(&a->tau_fast, &b, size, pick);
        }
        wanted = wanted & (slow | nm_not(fast));
    }
    return wanted;
}

/* The spectra of the lanes in `wanted`, one by one. */
NM_FN void nm_assess_slowly(nm_assessment *a, const nm_resolvent *r, const nm_point *pt,
                            nm_mask wanted, bool want_fast)
{
    const nm_balance &b = r->b;
    const nm_vec *size = r->size, (*inverse)[NM_NY] = r->inverse;
    const nm_mask *algebraic = r->algebraic;
    if (!nm_any_of(wanted)) {
        return;
    }
    /* square roots of amounts; a volume counts as its solutes */
    nm_vec root[NM_NY];
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        const bool is_volume = i >= NM_N_FREE && i < NM_N_FREE + NM_N_VOLUMES;
        root[i] = nm_vsqrt(is_volume ? size[i] * r->osmolarity : size[i]);
    }
    NM_ROLL
    for (int lane = 0; lane < NM_LANES; lane++) {
        if (!nm_get(wanted, lane)) {
            continue;
        }
        double m[NM_NY][NM_NY], weight[NM_NC][NM_NY];
        int dynamic[NM_NY], n = 0;
        bool is_neutral[NM_NC], is_frozen[NM_NY];
        nm_find_algebraic(is_frozen, pt);
        NM_ROLL
        for (int i = 0; i < NM_NY; i++) {
            is_frozen[i] = is_frozen[i] || (i < NM_N_FREE && nm_get(algebraic[i], lane));
            if (!nm_is_replaced(i) && !is_frozen[i]) {
                dynamic[n++] = i;
            }
        }
        double noise = 0.0;
        NM_ROLL
        for (int i = 0; i < n; i++) {
            int s = nm_species_of(dynamic[i]), volume = s >= 0 ? nm_volume_of(nm_place(s)) : -1;
            NM_ROLL
            for (int j = 0; j < n; j++) {
                double x = nm_get(inverse[dynamic[i]][dynamic[j]], lane);
                double amount = nm_get(size[dynamic[j]], lane) * nm_get(root[dynamic[i]], lane) /
                                nm_get(root[dynamic[j]], lane);
                double parts = fabs(x);
                if (volume >= 0) {
                    double swelling = nm_get(inverse[volume][dynamic[j]], lane);
                    x += swelling;
                    parts += fabs(swelling);
                }
                m[i][j] = x * amount;
                noise = fmax(noise, 1e-14 * parts * amount);
            }
        }
        NM_ROLL
        for (int c = 0; c < NM_NC; c++) {
            is_neutral[c] = nm_potential_of(c) >= 0 && !pt->is_clamped[c] && !pt->is_charging[c] &&
                            nm_get(pt->capacity[c], lane) == 0.0;
            NM_ROLL
            for (int j = 0; j < n; j++) {
                int s = nm_species_of(dynamic[j]);
                weight[c][j] = is_neutral[c] && s >= 0 && nm_place(s) == c
                                   ? nm_charge(s) * nm_get(root[dynamic[j]], lane)
                                   : 0.0;
            }
        }
        nm_spectrum spectrum = nm_slow_spectrum(m, n, noise, weight, is_neutral);
        if (want_fast || !spectrum.is_resolved) {
            double j[NM_NY][NM_NY], amount[NM_NY], scale[NM_NY];
            NM_ROLL
            for (int i = 0; i < NM_NY; i++) {
                amount[i] = nm_get(size[i], lane);
                scale[i] = nm_get(root[i], lane);
                NM_ROLL
                for (int k = 0; k < NM_NY; k++) {
                    j[i][k] = nm_get(b.jac[i][k], lane);
                }
            }
            nm_fast_spectrum(&spectrum, j, amount, scale, is_frozen);
        }
        nm_set(&a->tau_slow, lane, n > 0 ? spectrum.tau_slow : NM_NAN);
        nm_set(&a->tau_fast, lane, spectrum.tau_fast);
        nm_mask_set(&a->is_stable, lane, spectrum.is_stable && spectrum.is_sure);
    }
}

/* Assesses the lanes in `mask`. */
template <bool PIVOT>
NM_FN void nm_assess(nm_assessment *a, const nm_look *look, const nm_vec *y, const nm_point *pt,
                     const auto *pick, nm_mask mask, bool want_fast)
{
    nm_resolvent r;
    nm_mask wanted = nm_assess_first<PIVOT>(a, &r, look, y, pt, pick, mask, want_fast);
    nm_assess_slowly(a, &r, pt, wanted, want_fast);
#ifdef NM_STATIONARY_GTH
    /* a Markov network in one piece has one stationary state, and comes to it from anywhere (Perron & Frobenius) */
    a->is_stable = mask;
#endif
}

/* the same for the hard points */
NM_LEAF void nm_assess_hard(nm_assessment *a, const nm_look *look, const nm_vec *y,
                            const nm_point *pt, nm_mask mask, bool want_fast)
{
    nm_assess<true>(a, look, y, pt, (const nm_choices *)nullptr, mask, want_fast);
}

#endif
