/* Exact derivatives of outputs by parameters at a steady state.
 *
 * F(y, p) = 0 at the state y gives dy/dp = -J^-1 F_p, and an output o(y, p) has do/dp = o_p + o_y dy/dp. The tables of
 * the model are evaluated once, with duals that carry derivatives by every unknown and every parameter that an
 * expression names (NM_GRADIENTS, lang.h), so each exponential is evaluated once for all of them. Those that are asked
 * for go on: balances into a table [J | F_p], fluxes and forces into what observe.h makes outputs of. A tied parameter
 * moves with those that it is tied to.
 *
 *   1. what the tables say, with derivatives   2. directions   3. a look   4. derivatives of a block */
#ifndef NESSMAP_GRADIENT_H
#define NESSMAP_GRADIENT_H

#ifndef NM_GRADIENTS
#error "gradient.h wants NM_GRADIENTS before the model"
#endif

/* --- 1. what the tables say, with derivatives ------------------------------------------------------- */

#define NM_OF_P(name) nm_unknown<true, (int)NM_NY + (int)NM_P_##name>(nm_pt->p[NM_P_##name], nm_splat(1.0))
#define NM_OF_S(field, name) nm_##field##_of_##name
#define NM_OF_C(field, name) nm_##field##_of_##name
#define NM_OF_FIXED(value) NM_PAR(value)
#define NM_OF_POINT(field) nm_given_##field

#define NM_ROW_S_GIVEN_FREE(name, z, where, value, text)                                           \
    NM_LET(nm_charge_of_##name, 0, NM_PAR(z));                                                     \
    NM_LET(nm_ln_hold_of_##name, 0, nm_log(NM_PAR(value)));
#define NM_ROW_S_GIVEN_TRAPPED(name, z, where, value, text)                                        \
    NM_LET(nm_charge_of_##name, 0, NM_PAR(z));                                                     \
    NM_LET(nm_trapped_of_##name, 0, NM_PAR(value));
#define NM_ROW_S_GIVEN_HELD(name, z, where, value, text)                                           \
    NM_LET(nm_charge_of_##name, 0, NM_PAR(z));                                                     \
    NM_LET(nm_held_of_##name, 0, NM_PAR(value));                                                   \
    NM_LET(nm_ln_held_of_##name, 0, nm_log(NM_PAR(value)));
#define NM_ROW_C_GIVEN(name, volume, potential, text)                                              \
    NM_LET(nm_membrane_of_##name, 0, NM_POTENTIAL_PREPARE_##potential);                            \
    NM_LET(nm_fixed_of_##name, 0, NM_VOLUME_PREPARE_##volume);                                     \
    NM_LET(nm_capacitance_of_##name, 0, nm_membrane_of_##name.capacitance *nm_given_RT_F2);        \
    NM_LET(nm_capacity_of_##name, 0,                                                               \
           nm_if(nm_mask_all(nm_membrane_of_##name.kind == 0), nm_capacitance_of_##name, NM_PAR(0.0))); \
    NM_LET(nm_clamp_of_##name, 0, nm_membrane_of_##name.held *NM_PAR(NM_FARADAY) / nm_given_RT);   \
    NM_LET(nm_applied_of_##name, 0,                                                                \
           nm_if(nm_mask_all(nm_membrane_of_##name.kind == 3),                                     \
                 nm_membrane_of_##name.held *NM_PAR(1.0 / NM_FARADAY), NM_PAR(0.0)));
#define NM_GIVEN                                                                                   \
    const auto nm_given_RT = NM_PAR(NM_R) * T;                                                     \
    NM_MAYBE_UNUSED const auto nm_given_per_RT = NM_PAR(1.0) / nm_given_RT;                                        \
    NM_MAYBE_UNUSED const auto nm_given_RT_F2 = nm_given_RT * NM_PAR(1.0 / (NM_FARADAY * NM_FARADAY));             \
    NM_MAYBE_UNUSED const auto nm_given_v_w = NM_PAR(NM_WATER_VOLUME);                                             \
    NM_SPECIES(NM_ROW_S_GIVEN_FREE, NM_ROW_S_GIVEN_TRAPPED, NM_SKIP, NM_ROW_S_GIVEN_HELD)          \
    NM_COMPARTMENTS(NM_ROW_C_GIVEN)                                                                \
    nm_visit->give(&nm_visit->RT, nm_given_RT);                                                    \
    nm_visit->give(&nm_visit->v_w, nm_given_v_w);                                                  \
    nm_visit->give(&nm_visit->p[NM_P_T], NM_PAR(T));                                               \
    NM_SPECIES(NM_SKIP, NM_ROW_S_GIVE_TRAPPED, NM_SKIP, NM_ROW_S_GIVE_HELD)                        \
    NM_COMPARTMENTS(NM_ROW_C_GIVE)
#define NM_ROW_S_GIVE_TRAPPED(name, ...) nm_visit->give(&nm_visit->trapped[NM_S_##name], nm_trapped_of_##name);
#define NM_ROW_S_GIVE_HELD(name, ...)                                                              \
    nm_visit->give(&nm_visit->held[NM_S_##name], nm_held_of_##name);                               \
    nm_visit->give(&nm_visit->ln_held[NM_S_##name], nm_ln_held_of_##name);
#define NM_ROW_C_GIVE(name, ...)                                                                   \
    nm_visit->give(&nm_visit->fixed[NM_C_##name], nm_fixed_of_##name);                             \
    nm_visit->give(&nm_visit->capacitance[NM_C_##name], nm_capacitance_of_##name);                 \
    nm_visit->give(&nm_visit->applied[NM_C_##name], nm_applied_of_##name);

/* A pathway, whose net flux the observables know by its name. Where nobody wants one-way fluxes, a compiler leaves out
 * what they take. */
#define NM_ROW_J_VISIT(name, from, to, law, text)                                                  \
    NM_MAYBE_UNUSED const auto J_##name = [&]() NM_LAMBDA {                                        \
        NM_ROW_J_CONTEXT(name)                                                                     \
        if (nm_visit->wants_sides) {                                                               \
            const auto nm_flux_here = NM_LAW_##law;                                                \
            nm_visit->template path<nm_k>(nm_flux_here);                                           \
            return nm_flux_here.net;                                                               \
        }                                                                                          \
        const auto nm_flux_here = NM_LAW_##law;                                                    \
        nm_visit->template path_net<nm_k>(nm_flux_here);                                           \
        return nm_flux_here.net;                                                                   \
    }();

#define NM_ROW_O_VISIT(name, unit, expression, text)                                               \
    if (nm_visit->wants_observable(NM_OBS_##name)) {                                               \
        NM_NAMES                                                                                   \
        nm_visit->observe(NM_OBS_##name, NM_PAR(0.0) + (expression));                              \
    }
#define NM_AFTER NM_OBSERVABLES(NM_ROW_O_VISIT)

#include "observe.h"
#include "sloped.h"

/* --- 2. directions ------------------------------------------------------------------------------------ */

/* The parameters of one pass, some of those that derivatives are wanted by, and how all others follow them. */
struct nm_directions {
    int n;             /* parameters of this pass */
    int n_all;         /* directions: the unknowns, and these */
    int n_ties;
    int own[NM_NP];    /* the direction of a parameter; -1: none; -2 - t: that of tie t */
    double share[NM_MAX_TIES][NM_GRADIENT_PARAMS]; /* change of a tied parameter with each of them */
};

/* The directions of `first` and the parameters after it, in the order of the task. */
NM_FN void nm_find_directions(nm_directions *to, const nm_task *task, int first)
{
    const nm_gradients *gradients = &task->gradients;
    const nm_draw *draw = &task->draw;
    to->n = gradients->n_params - first < NM_GRADIENT_PARAMS ? gradients->n_params - first : NM_GRADIENT_PARAMS;
    to->n_all = NM_NY + to->n;
    to->n_ties = draw->n_ties;
    for (int p = 0; p < NM_NP; p++) {
        to->own[p] = -1;
    }
    for (int j = 0; j < to->n; j++) {
        to->own[gradients->param[first + j]] = j;
    }
    for (int t = 0; t < draw->n_ties; t++) {
        for (int j = 0; j < to->n; j++) {
            double sum = 0.0;
            for (int k = 0; k < draw->tie[t].n_terms; k++) {
                const int own = to->own[draw->tie[t].term[k]];
                sum += draw->tie[t].coef[k] * (own == j ? 1.0 : own <= -2 ? to->share[-2 - own][j] : 0.0);
            }
            to->share[t][j] = sum;
        }
        to->own[draw->tie[t].param] = -2 - t;
    }
}

/* slope by the parameter of tie t, into the derivatives d[n] by the parameters of the pass */
NM_NOINLINE void nm_add_tied(nm_vec *d, const nm_directions *to, int t, nm_vec slope)
{
    for (int j = 0; j < to->n; j++) {
        d[j] = nm_vfma(slope, nm_splat(to->share[t][j]), d[j]);
    }
}
/* all derivatives of x times `factor`, into row[n_all] */
template <nm_dirs M>
NM_FN void nm_add_slopes(NM_MAYBE_UNUSED nm_vec *row, NM_MAYBE_UNUSED const nm_directions *to, const nm_dual<M> &x,
                         NM_MAYBE_UNUSED nm_vec factor)
{
    if constexpr (M != 0) {
        nm_unroll<nm_count(M)>([&](auto k) NM_LAMBDA {
            constexpr int i = nm_bit(M, k.value);
            if constexpr (i < NM_NY) {
                row[i] = nm_vfma(factor, x.d[k.value], row[i]);
            } else if (const int own = to->own[i - NM_NY]; own >= 0) {
                row[NM_NY + own] = nm_vfma(factor, x.d[k.value], row[NM_NY + own]);
            } else if (own <= -2) {
                nm_add_tied(row + NM_NY, to, -2 - own, factor * x.d[k.value]);
            }
        });
    }
}

/* --- 3. a look ------------------------------------------------------------------------------------------ */

/* What outputs are made of, with derivatives; balances as the table [J | F_p]. */
struct nm_sloped_look {
    static constexpr int width = NM_SLOPES;
    static constexpr bool is_lazy = true;
    const nm_task *task;
    const nm_directions *to;
    bool wants_values, wants_net, wants_force, wants_sides, wants_standard;
    nm_vec f[NM_NY], jac[NM_NY][NM_SLOPES], total_f[NM_NT + 1], total_jac[NM_NT + 1][NM_SLOPES];
    nm_sloped net[NM_NJ], out[NM_NJ], in[NM_NJ], x[NM_NJ], standard[NM_NJ], worth[NM_NE + 1];
    nm_sloped observable[NM_NO + 1];
    nm_vec resid, a_max; /* never asked for */
    /* the fields of nm_point that outputs need */
    nm_sloped RT, v_w, p[NM_NP], held[NM_NS], ln_held[NM_NS], trapped[NM_NS], fixed[NM_NC], capacitance[NM_NC],
        applied[NM_NC];
    const int *is_held, *is_clamped;

    NM_INLINE bool wants(int number) const { return task->gradients.row[number] >= 0; }
    NM_INLINE bool wants_observable(int i) const { return wants(NM_OUT_observable + i); }
    /* derivatives that nobody asked for are left out */
    template <nm_dirs M> NM_INLINE void keep(nm_sloped *into, const nm_dual<M> &value, bool is_wanted)
    {
        into->set = 0;
        into->v = value.v;
        if constexpr (M != 0) {
            if (!is_wanted) {
                return;
            }
            nm_unroll<nm_count(M)>([&](auto k) NM_LAMBDA {
                constexpr int i = nm_bit(M, k.value);
                if constexpr (i < NM_NY) {
                    into->d[i] = value.d[k.value];
                    into->set |= (uint64_t)1 << i;
                } else if (const int own = to->own[i - NM_NY]; own >= 0) {
                    into->d[NM_NY + own] = value.d[k.value];
                    into->set |= (uint64_t)1 << (NM_NY + own);
                }
            });
            if (to->n_ties > 0) {
                keep_ties(into, value);
            }
        }
    }
    template <nm_dirs M> NM_INLINE void keep_ties(nm_sloped *into, const nm_dual<M> &value)
    {
        for (int j = 0; j < to->n; j++) {
            if (!(into->set >> (NM_NY + j) & 1)) {
                into->d[NM_NY + j] = nm_splat(0.0);
            }
        }
        into->set |= (((uint64_t)1 << to->n) - 1) << NM_NY;
        nm_unroll<nm_count(M)>([&](auto k) NM_LAMBDA {
            constexpr int i = nm_bit(M, k.value);
            if constexpr (i >= NM_NY) {
                if (to->own[i - NM_NY] <= -2) {
                    nm_add_tied(into->d + NM_NY, to, -2 - to->own[i - NM_NY], value.d[k.value]);
                }
            }
        });
    }
    template <nm_dirs M> NM_INLINE void give(nm_sloped *into, nm_dual<M> value) { keep(into, value, wants_values); }
    template <nm_dirs M> NM_INLINE void observe(int i, nm_dual<M> value) { keep(&observable[i], value, true); }

    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        add_path<K>(flux);
        keep(&out[K], flux.out, true);
        keep(&in[K], flux.in, true);
    }
    /* without one-way fluxes: a net flux tells whether a pathway is idle */
    template <int K, nm_dirs M> NM_INLINE void path_net(const nm_flux<M> &flux)
    {
        const nm_vec zero = nm_splat(0.0);
        add_path<K>(flux);
        in[K] = zero;
        out[K] = nm_choose(nm_vfinite(flux.net.v) & nm_not(flux.net.v == zero), nm_splat(1.0), zero);
    }
    template <int K, nm_dirs M> NM_INLINE void add_path(const nm_flux<M> &flux)
    {
        nm_each_balance<K>(v_w.v, [&](auto y, nm_vec factor) NM_LAMBDA {
            nm_add_slopes(jac[y.value], to, flux.net, factor);
        });
        keep(&net[K], flux.net, wants_net);
        keep(&standard[K], flux.standard, wants_standard);
        keep(&x[K], flux.x, wants_force);
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M> value) { keep(&worth[E], value, wants_force); }
    NM_INLINE void clear(nm_vec *row)
    {
        for (int i = 0; i < to->n_all; i++) {
            row[i] = nm_splat(0.0);
        }
    }
    template <int Y, nm_dirs M> NM_INLINE void row(nm_dual<M> value)
    {
        clear(jac[Y]);
        nm_add_slopes(jac[Y], to, value, nm_splat(1.0));
    }
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M> value) { row<Y>(value); }
    template <int C, nm_dirs M, nm_dirs A>
    NM_INLINE void current(nm_dual<M> rho, nm_dual<A> from_outside, const nm_point *pt)
    {
        constexpr int keeper = nm_keeper(C);
        nm_add_slopes(jac[nm_potential_of(C)], to, from_outside, nm_splat(1.0));
        if constexpr (keeper >= 0) {
            if (!pt->is_held[nm_species_of(keeper)]) {
                row<keeper>(rho);
            }
        }
    }
    template <int T, nm_dirs M, nm_dirs W> NM_INLINE void total(nm_dual<M> value, nm_dual<W>)
    {
        clear(total_jac[T]);
        nm_add_slopes(total_jac[T], to, value, nm_splat(1.0));
    }
    template <int C, nm_dirs M> NM_INLINE void charge(nm_dual<M> value) { row<nm_potential_of(C)>(value); }
};

/* --- 4. derivatives of a block ----------------------------------------------------------------------- */

/* what the variants make of species and membranes */
#define NM_ROW_H_KIND(name, when) nm_pt->is_held[NM_S_##name] = NM_HOLD_##when;
#define NM_ROW_C_KIND(name, volume, potential, text)                                               \
    {                                                                                              \
        const int kind = (NM_POTENTIAL_PREPARE_##potential).kind;                                  \
        nm_pt->is_neutral[NM_C_##name] = kind == 1;                                                \
        nm_pt->is_clamped[NM_C_##name] = kind == 2;                                                \
        nm_pt->is_charging[NM_C_##name] = kind == 3;                                               \
    }
NM_FN void nm_find_kinds(nm_point *nm_pt, NM_MAYBE_UNUSED const nm_choices *nm_pick)
{
    NM_PARAMETERS(NM_ROW_P_LOCAL)
    for (int s = 0; s < NM_NS; s++) {
        nm_pt->is_held[s] = 0;
    }
    NM_HOLDS(NM_ROW_H_KIND)
    NM_COMPARTMENTS(NM_ROW_C_KIND)
}

NM_FN void nm_find_wishes(nm_sloped_look *look)
{
    const nm_sloped_look *sink = look;
    const bool wants_power =
        nm_needs_any(sink, NM_OUT_P, NM_NE) || nm_needs_any(sink, NM_OUT_scalar, NM_SCALAR_efficiency + 1);
    look->wants_standard = sink->wants(NM_OUT_scalar + NM_SCALAR_P_held);
    look->wants_sides = nm_needs_any(sink, NM_OUT_Jout, 3 * NM_NJ);
    look->wants_net = wants_power || nm_needs_any(sink, NM_OUT_J, NM_NJ) || nm_needs_any(sink, NM_OUT_Tsigma, NM_NJ) ||
                      nm_needs_any(sink, NM_OUT_Jcyc, nm_loop_table.n);
    look->wants_force = wants_power || nm_needs_any(sink, NM_OUT_A, 2 * NM_NJ) ||
                        nm_needs_any(sink, NM_OUT_A_fuel, NM_NE) || nm_needs_any(sink, NM_OUT_Acyc, nm_loop_table.n);
    look->wants_values = true;
}

/* takes an output: stores its total derivatives */
struct nm_gradient_sink {
    static constexpr bool is_lazy = true;
    const nm_sloped_look *look;
    const nm_directions *to;
    const nm_vec (*dy)[NM_SLOPES]; /* behind the first NM_NY columns: -dy/dp */
    nm_vec *gradient;              /* [n_outputs][n_params] of the task, from the first parameter of the pass on */
    NM_INLINE bool wants(int number) const { return look->wants(number); }
    NM_INLINE void put(int number, const nm_sloped &value)
    {
        const nm_gradients *gradients = &look->task->gradients;
        nm_vec *row = gradient + (int64_t)gradients->row[number] * gradients->n_params;
        for (int j = 0; j < to->n; j++) {
            row[j] = value.set >> (NM_NY + j) & 1 ? value.d[NM_NY + j] : nm_splat(0.0);
        }
        nm_each_direction(value.set & (((uint64_t)1 << NM_NY) - 1), [&](int i) NM_LAMBDA {
            for (int j = 0; j < to->n; j++) {
                row[j] = nm_vfma(-value.d[i], dy[i][NM_NY + j], row[j]);
            }
        });
    }
};
NM_FN void nm_emit_observables(nm_gradient_sink *sink, const nm_sloped_look *look, const nm_sloped *,
                               const nm_sloped_look *, const nm_choices *)
{
    for (int i = 0; i < NM_NO; i++) {
        if (look->wants_observable(i)) {
            sink->put(NM_OUT_observable + i, look->observable[i]);
        }
    }
}

/* Derivatives at the states y of the points with parameters p, into gradient[n_outputs][n_params]. */
NM_FN void nm_take_gradients(nm_vec *gradient, const nm_task *task, const nm_vec *p, const nm_vec *y,
                             const nm_choices *pick)
{
    nm_directions to;
    nm_point pt;
    nm_sloped_look look;
    nm_sloped state[NM_NY];
    for (int i = 0; i < NM_NP; i++) {
        pt.p[i] = p[i];
    }
    nm_find_kinds(&pt, pick);
    look.task = task;
    look.to = &to;
    look.is_held = pt.is_held;
    look.is_clamped = pt.is_clamped;
    nm_mask has_zero = nm_mask_all(false);
    for (int i = 0; i < NM_N_FREE; i++) {
        has_zero = has_zero | nm_is_zero(y[i]);
    }
    for (int t = 0; t < NM_NT; t++) {
        look.total_f[t] = nm_splat(0.0);
    }
    nm_find_wishes(&look);
    for (int first = 0; first < task->gradients.n_params; first += NM_GRADIENT_PARAMS) {
        nm_find_directions(&to, task, first);
        for (int i = 0; i < NM_NY; i++) {
            look.f[i] = nm_splat(0.0);
            look.clear(look.jac[i]);
            state[i].v = y[i];
            state[i].set = (uint64_t)1 << i;
            state[i].d[i] = nm_splat(1.0);
        }
        nm_visit_network<true>(&look, &pt, pick, y);
        nm_put_totals(&look);
        if (nm_any_of(has_zero)) {
            nm_mask algebraic[NM_N_FREE];
            nm_freeze_zeros(&look, y, algebraic);
        }
        nm_solve_columns<NM_NY>(look.jac, to.n_all);
        const nm_remarks none = {};
        nm_gradient_sink sink = {&look, &to, look.jac, gradient + first};
        nm_emit(&sink, &look, state, &none, &look, pick);
    }
}

#endif
