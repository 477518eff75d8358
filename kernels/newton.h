/* Damped Newton for steady states, and for the asymptotic state of a cell that grows without end.
 *
 * Rows: balances of free species and volumes; declared totals replace the balance they name; the charge of a
 * floating compartment (or its clamp) is a row of its own, so V is never a difference of charges. */
#ifndef NESSMAP_NEWTON_H
#define NESSMAP_NEWTON_H

#include "linalg.h"
#include "network.h"

enum { NM_NEWTON_ITERATIONS = 30, NM_NEWTON_ITERATIONS_FAR = 100 };
#define NM_NEWTON_CAP  1.5  /* largest change of an unknown in one step */
#define NM_NEWTON_STEP 1e-7 /* a smaller whole step is the last: the next error is its square */
#define NM_UNBOUNDED   25.0 /* a volume e^25 times its start is no steady state any more */

/* add(nm_index<Y>, factor) for every row Y of a balance or charge that takes `factor` times the flux of pathway K */
template <int K, class ADD> NM_FN void nm_each_balance(NM_MAYBE_UNUSED nm_vec v_w, ADD add)
{
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        constexpr int y = nm_unknown_of(s.value), nu = nm_nu(K, s.value);
        if constexpr (y >= 0 && nu != 0) {
            nm_vec factor = nm_splat((double)nu);
            if constexpr (nm_kind(s.value) == NM_SPECIES_WATER) {
                factor = factor * v_w;
            }
            add(nm_index<y>{}, factor);
        }
    });
    if constexpr (NM_MAY_CHARGE) {
        nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
            constexpr int v = nm_potential_of(c.value), q = nm_charge_left(K, c.value);
            if constexpr (nm_may_charge(c.value) && q != 0) {
                add(nm_index<v>{}, nm_splat(-(double)q));
            }
        });
    }
}

/* balances with Jacobian, raw: dn/dt [mol per extent s-1], d(volume)/dt [m s-1], charge rows, and total rows */
struct nm_balance {
    static constexpr int width = NM_NY;
    nm_vec f[NM_NY], jac[NM_NY][NM_NY];
    nm_vec total_f[NM_NT + 1], total_jac[NM_NT + 1][NM_NY];
    nm_vec v_w;

    NM_INLINE void clear()
    {
        /* -0 is the neutral element of IEEE addition: the first sum folds away */
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            f[i] = nm_splat(-0.0);
            NM_UNROLL
            for (int j = 0; j < NM_NY; j++) {
                jac[i][j] = nm_splat(-0.0);
            }
        }
    }
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        nm_each_balance<K>(v_w, [&](auto y, nm_vec factor) NM_LAMBDA {
            constexpr int row = y.value;
            f[row] = nm_vfma(factor, flux.net.v, f[row]);
            if constexpr (M != 0) {
                nm_unroll<nm_count(M)>([&](auto i) NM_LAMBDA {
                    constexpr int x = nm_bit(M, i.value);
                    jac[row][x] = nm_vfma(factor, flux.net.d[i.value], jac[row][x]);
                });
            }
        });
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> NM_INLINE void row(nm_dual<M> x)
    {
        f[Y] = x.v;
        nm_unroll<NM_NY>([&](auto i) NM_LAMBDA { jac[Y][i.value] = nm_slope<i.value>(x); });
    }
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M> x) { row<Y>(x); }
    /* The pathways have summed the current already; the ion that keeps the composition neutral gets its row. */
    template <int C, nm_dirs M> NM_INLINE void current(nm_dual<M> rho, nm_plain applied, const nm_point *pt)
    {
        constexpr int keeper = nm_keeper(C);
        f[nm_potential_of(C)] = f[nm_potential_of(C)] + applied.v;
        if constexpr (keeper >= 0) {
            if (!pt->is_held[nm_species_of(keeper)]) {
                row<keeper>(rho);
            }
        }
    }
    template <int T, nm_dirs M> NM_INLINE void total_row(nm_dual<M> row)
    {
        total_f[T] = row.v;
        nm_unroll<NM_NY>([&](auto i) NM_LAMBDA { total_jac[T][i.value] = nm_slope<i.value>(row); });
    }
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M> row, nm_plain) { total_row<T>(row); }
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M> x) { row<nm_potential_of(C)>(x); }
};

/* declared totals take the place of the balances they name */
template <class BALANCE> NM_FN void nm_put_totals(BALANCE *b)
{
    nm_unroll<NM_NT>([&](auto t) NM_LAMBDA {
        constexpr int y = nm_total_unknown(t.value);
        b->f[y] = b->total_f[t.value];
        NM_UNROLL
        for (int j = 0; j < BALANCE::width; j++) {
            b->jac[y][j] = b->total_jac[t.value][j];
        }
    });
}

/* --- zeros of the Jacobian, from the stoichiometry and from what each law depends on --- */

/* unknowns by which row y has a derivative; MASKS: those of the fluxes */
template <class MASKS> NM_CONST_FN nm_dirs nm_row_of(int y)
{
    const nm_dirs all = (1u << NM_NY) - 1u;
    nm_dirs row = 1u << y;
    if (nm_may_keep(y) || (nm_is_replaced(y) && nm_is_holdable(nm_species_of(y)))) {
        return all;
    }
    for (int t = 0; t < NM_NT; t++) {
        if (nm_total_unknown(t) == y) {
            return row | MASKS::of(NM_NJ + t);
        }
    }
    for (int k = 0; k < NM_NJ; k++) {
        for (int s = 0; s < NM_NS; s++) {
            row |= nm_unknown_of(s) == y && nm_nu(k, s) != 0 ? MASKS::of(k) : 0u;
        }
        for (int c = 0; c < NM_NC; c++) {
            row |= nm_potential_of(c) == y && nm_may_charge(c) && nm_charge_left(k, c) != 0 ? MASKS::of(k) : 0u;
        }
    }
    for (int c = 0; c < NM_NC; c++) { /* a row of charge */
        if (nm_potential_of(c) != y) {
            continue;
        }
        row |= nm_volume_of(c) >= 0 ? 1u << nm_volume_of(c) : 0u;
        for (int s = 0; s < NM_NS; s++) {
            row |= nm_place(s) == c && nm_kind(s) == NM_SPECIES_FREE ? 1u << nm_unknown_of(s) : 0u;
        }
    }
    return row;
}
template <class MASKS> NM_CONST_FN nm_rows<NM_NY> nm_rows_of()
{
    nm_rows<NM_NY> rows = {};
    for (int y = 0; y < NM_NY; y++) {
        rows.row[y] = nm_row_of<MASKS>(y);
    }
    return rows;
}
/* 1 if unknown y is replaced by a total of two compartments: what is not in the one is in the other */
template <class MASKS> NM_CONST_FN bool nm_is_shared_out(int y)
{
    for (int t = 0; t < NM_NT; t++) {
        const nm_dirs others = MASKS::of(NM_NJ + t) & ~(1u << y);
        if (nm_total_unknown(t) == y && nm_count(others) == 1) {
            const int s = nm_species_of(nm_bit(others, 0));
            return s >= 0 && nm_place(s) != nm_place(nm_species_of(y));
        }
    }
    return false;
}
/* Elimination begins with such totals: their rows would fill up behind the others. Totals of many states wait, for the
 * one they replace may be hardly there, which makes a bad pivot. */
template <class MASKS> NM_CONST_FN nm_order<NM_NY> nm_totals_first()
{
    nm_order<NM_NY> order = {};
    int n = 0;
    for (int is_late = 0; is_late < 2; is_late++) {
        for (int y = 0; y < NM_NY; y++) {
            if (nm_is_shared_out<MASKS>(y) == (is_late == 0)) {
                order.at[n++] = y;
            }
        }
    }
    return order;
}
template <class MASKS> struct nm_shape {
    static constexpr nm_order<NM_NY> order = nm_totals_first<MASKS>();
    static constexpr nm_rows<NM_NY> filled = nm_fill(nm_reorder(nm_rows_of<MASKS>(), order));
};
/* the shape of the Jacobian for what the compiler knows of the choices */
template <class PICK>
using nm_masks_for = decltype(nm_visit_network<true>((nm_balance *)nullptr, (const nm_point *)nullptr,
                                                     (const PICK *)nullptr, (const nm_vec *)nullptr));
template <class PICK> using nm_shape_for = nm_shape<nm_masks_for<PICK>>;
enum { NM_SHAPED = NM_NY <= 9 }; /* larger systems would make compilations long */

/* b becomes J^-1 b; J becomes its factors. Without pivoting. */
template <class PICK> NM_FN void nm_solve_step(nm_vec (*jac)[NM_NY], nm_vec *b, const PICK *)
{
    if constexpr (NM_SHAPED) {
        nm_lu_shaped<nm_shape_for<PICK>, NM_NY>(jac);
        nm_lu_solve_shaped<nm_shape_for<PICK>, (1u << NM_NY) - 1u, NM_NY>(jac, b);
    } else {
        nm_lu<NM_NY>(jac);
        nm_lu_solve<NM_NY>(jac, b);
    }
}

/* ln c = NM_LN_ZERO stands for a concentration of zero: its row is frozen (boundary states). */
#define NM_LN_ZERO -1e6
NM_FN nm_mask nm_is_zero(nm_vec ln_c)
{
    return ln_c < nm_splat(0.9 * NM_LN_ZERO);
}
template <class BALANCE> NM_FN void nm_freeze(BALANCE *b, const nm_mask *frozen)
{
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        b->f[i] = nm_choose(frozen[i], nm_splat(0.0), b->f[i]);
        NM_UNROLL
        for (int j = 0; j < BALANCE::width; j++) {
            b->jac[i][j] = nm_choose(frozen[i], nm_splat(j == i ? 1.0 : 0.0), b->jac[i][j]);
        }
    }
}
/* Freezes what is zero. A total whose own species is zero takes the balance of another of its species. algebraic: lanes
 * where a row is a balance no more. */
template <class BALANCE> NM_FN void nm_freeze_zeros(BALANCE *b, const nm_vec *y, nm_mask *algebraic)
{
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        algebraic[i] = nm_is_zero(y[i]);
    }
    nm_unroll<NM_NT>([&](auto t) NM_LAMBDA {
        constexpr int own = nm_total_unknown(t.value);
        nm_mask homeless = nm_is_zero(y[own]);
        NM_UNROLL
        for (int i = 0; i < NM_N_FREE; i++) {
            nm_mask takes = homeless & nm_not(algebraic[i]) &
                            nm_not(b->total_jac[t.value][i] == nm_splat(0.0));
            if (i == own) {
                continue;
            }
            b->f[i] = nm_choose(takes, b->total_f[t.value], b->f[i]);
            NM_UNROLL
            for (int j = 0; j < BALANCE::width; j++) {
                b->jac[i][j] = nm_choose(takes, b->total_jac[t.value][j], b->jac[i][j]);
            }
            algebraic[i] = algebraic[i] | takes;
            homeless = homeless & nm_not(takes);
        }
    });
    nm_mask zero[NM_N_FREE];
    NM_UNROLL
    for (int i = 0; i < NM_N_FREE; i++) {
        zero[i] = nm_is_zero(y[i]);
    }
    nm_freeze(b, zero);
}

#ifndef NM_GRADIENTS
/* A step as the damping sees it. FAR: traces (ln c < -20) and large potentials may move by a third of themselves, so
 * that states far out are reached in a few steps. */
template <bool FAR> NM_FN nm_vec nm_far_step(nm_vec step, nm_vec y, int i)
{
    nm_vec size = nm_vabs(step);
    if constexpr (FAR) {
        if (i < NM_N_FREE || i >= NM_N_FREE + NM_N_VOLUMES) {
            nm_mask is_far = i < NM_N_FREE ? y < nm_splat(-20.0) : nm_vabs(y) > nm_splat(20.0);
            size = nm_choose(
                is_far, size * (3.0 * NM_NEWTON_CAP / nm_vmax(nm_vabs(y), nm_splat(1.0))), size);
        }
    }
    return size;
}

struct nm_newton_result {
    nm_mask converged;
    nm_vec iterations;
};

#ifdef NM_STATIONARY_GTH
#include "gth.h"
#endif

/* Solves the lanes in `active` in place. PIVOT: pivoted LU and frozen zeros, for the few hard points. */
template <bool PIVOT>
NM_FN nm_newton_result nm_newton(nm_vec *y, const nm_point *pt, const auto *pick, nm_mask active,
                                 int max_iterations)
{
#ifdef NM_STATIONARY_GTH
    (void)max_iterations;
    return nm_stationary(y, pt, pick, active);
#else
    nm_newton_result r = {nm_mask_all(false), nm_splat(0.0)};
    nm_balance b;
    b.v_w = pt->v_w;
    for (int iteration = 0; iteration < max_iterations && nm_any_of(active); iteration++) {
        b.clear();
        nm_visit_network<true>(&b, pt, pick, y);
        nm_put_totals(&b);
        if constexpr (PIVOT) {
            nm_mask is_singular = nm_mask_all(false);
            nm_mask algebraic[NM_N_FREE];
            nm_freeze_zeros(&b, y, algebraic);
            nm_lu_pivot<NM_NY>(b.jac, b.f, &is_singular);
        } else {
            nm_solve_step(b.jac, b.f, pick);
        }
        /* damp the step and take it */
        nm_vec step = nm_splat(0.0), sum = nm_splat(0.0);
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            step = nm_vmax(step, nm_far_step<PIVOT>(b.f[i], y[i], i));
            sum = sum + b.f[i];
        }
        nm_mask is_finite = nm_vfinite(sum);
        nm_vec damp =
            nm_choose(step > nm_splat(NM_NEWTON_CAP), NM_NEWTON_CAP / step, nm_splat(1.0));
        active = active & is_finite;
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            y[i] = nm_choose(active, nm_vfma(-damp, b.f[i], y[i]), y[i]);
        }
        r.iterations = r.iterations + nm_choose(active, nm_splat(1.0), nm_splat(0.0));
        nm_mask is_done = active & (step < nm_splat(NM_NEWTON_STEP));
        r.converged = r.converged | is_done;
        active = active & nm_not(is_done);
    }
    return r;
#endif
}

struct nm_rarities { /* lanes whose rare pathways carry nothing, and would not at a state nearby */
    nm_mask lacks;
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        if constexpr (nm_is_rare(K)) {
            lacks = lacks & (flux.net.v == nm_splat(0.0));
            nm_unroll<nm_count(M)>([&](auto i) NM_LAMBDA { lacks = lacks & (flux.net.d[i.value] == nm_splat(0.0)); });
        }
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M>) {}
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M>, nm_plain) {}
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M>) {}
    template <int C, nm_dirs M> NM_INLINE void current(nm_dual<M>, nm_plain, const nm_point *) {}
};

/* The same without pivoting, for most points: where no lane has a rare pathway, without their terms, which are zero. What
 * comes out is looked at with all pathways. */
template <class PICK>
NM_FN nm_newton_result nm_newton_easy(nm_vec *y, const nm_point *pt, const PICK *pick, nm_mask active,
                                      int max_iterations)
{
    if constexpr (requires { PICK::is_lean; }) {
        if constexpr (NM_N_RARE > 0) {
            nm_rarities seen = {nm_mask_all(true)};
            nm_visit_network<true>(&seen, pt, pick, y);
            if (nm_all_of(seen.lacks)) {
                const nm_chosen<PICK::code, true> lean = {*pick};
                return nm_newton<false>(y, pt, &lean, active, max_iterations);
            }
        }
    }
    return nm_newton<false>(y, pt, pick, active, max_iterations);
}

/* the same for the hard points */
NM_LEAF nm_newton_result nm_newton_hard(nm_vec *y, const nm_point *pt, const nm_choices *pick,
                                        nm_mask active, int max_iterations)
{
    return nm_newton<true>(y, pt, pick, active, max_iterations);
}

/* The state of a compartment that grows without end: dn/dt = c u, d(volume)/dt = u, trapped solutes diluted away.
 * Unknowns: ln c, ln u (in the place of ln volume), v. On success u [m s-1] > 0 by construction; driving: du/ds for
 * fuelled pathways scaled by s. Only for networks with one volume. */
struct nm_fuelled_balance { /* balances of the fuelled pathways alone */
    nm_vec f[NM_NY];
    nm_vec v_w;
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        if constexpr (nm_is_fueled(K)) {
            nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
                constexpr int y = nm_unknown_of(s.value), nu = nm_nu(K, s.value);
                if constexpr (y >= 0 && nu != 0) {
                    f[y] = nm_vfma(nm_splat((double)nu), flux.net.v, f[y]);
                }
            });
        }
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M>) {}
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M>) {}
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M>, nm_plain) {}
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M>) {}
    template <int C, nm_dirs M> NM_INLINE void current(nm_dual<M>, nm_plain, const nm_point *) {}
};

NM_LEAF nm_newton_result nm_newton_growth(nm_vec *y, nm_vec *rate, nm_vec *driving,
                                          const nm_point *pt, const nm_choices *pick, nm_mask active)
{
    nm_newton_result r = {nm_mask_all(false), nm_splat(0.0)};
    *driving = nm_splat(0.0);
    if constexpr (NM_N_VOLUMES == 1) {
        constexpr int iu = NM_N_FREE;
        nm_balance b;
        b.v_w = pt->v_w;
        nm_vec ln_u = nm_vlog(nm_vmax(*rate, nm_splat(1e-300)));
        for (int iteration = 0; iteration < NM_NEWTON_ITERATIONS_FAR && nm_any_of(active);
             iteration++) {
            y[iu] = nm_splat(708.0);
            nm_vec u = nm_vexp(ln_u);
            b.clear();
            nm_visit_network<true>(&b, pt, pick, y);
            nm_unroll<NM_N_FREE>([&](auto i) NM_LAMBDA {
                if constexpr (nm_volume_of(nm_place(nm_species_of(i.value))) >= 0) {
                    nm_vec gain = nm_vexp(y[i.value]) * u;
                    b.f[i.value] = b.f[i.value] - gain;
                    b.jac[i.value][i.value] = b.jac[i.value][i.value] - gain;
                    b.jac[i.value][iu] = -gain;
                }
            });
            b.f[iu] = b.f[iu] - u;
            b.jac[iu][iu] = -u;
            nm_mask is_singular = nm_mask_all(false);
            nm_balance kept = b;
            nm_lu_pivot<NM_NY>(b.jac, b.f, &is_singular);
            nm_vec step = nm_splat(0.0), sum = nm_splat(0.0);
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                step = nm_vmax(step, nm_far_step<true>(b.f[i], y[i], i));
                sum = sum + b.f[i];
            }
            nm_vec damp =
                nm_choose(step > nm_splat(NM_NEWTON_CAP), NM_NEWTON_CAP / step, nm_splat(1.0));
            active = active & nm_vfinite(sum);
            NM_UNROLL
            for (int i = 0; i < NM_NY; i++) {
                if (i != iu) {
                    y[i] = nm_choose(active, nm_vfma(-damp, b.f[i], y[i]), y[i]);
                }
            }
            ln_u = nm_choose(active, nm_vfma(-damp, b.f[iu], ln_u), ln_u);
            r.iterations = r.iterations + nm_choose(active, nm_splat(1.0), nm_splat(0.0));
            nm_mask is_done = active & (step < nm_splat(1e-11));
            if (nm_any_of(is_done)) {
                /* sensitivity of ln u to the strength of the drive: J d(unknowns)/ds = -f_fuelled */
                nm_fuelled_balance fuelled;
                fuelled.v_w = pt->v_w;
                NM_UNROLL
                for (int i = 0; i < NM_NY; i++) {
                    fuelled.f[i] = nm_splat(0.0);
                }
                nm_visit_network<false>(&fuelled, pt, pick, y);
                nm_lu_pivot<NM_NY>(kept.jac, fuelled.f, &is_singular);
                *driving = nm_choose(is_done, -fuelled.f[iu], *driving);
            }
            r.converged = r.converged | is_done;
            active = active & nm_not(is_done);
        }
        *rate = nm_choose(r.converged, nm_vexp(ln_u), *rate);
    }
    return r;
}
#endif /* NM_GRADIENTS */

#endif
