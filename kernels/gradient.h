/* Exact derivatives of outputs by parameters at a steady state.
 *
 * F(y, p) = 0 at the state y gives dy/dp = -J^-1 F_p, and an output o(y, p) has do/dp = o_p + o_y dy/dp. The tables of
 * the model are evaluated once, with values that carry derivatives by the unknowns and by the parameters that are asked
 * for (NM_GRADIENTS, nessmap/sloped.h), so each exponential is evaluated once for all of them. Balances go into a table
 * [J | F_p], fluxes and forces into what observe.h makes outputs of. A tied parameter moves with those it is tied to.
 *
 *   1. what the tables say, with derivatives   2. directions   3. a look   4. derivatives of a block */
#ifndef NESSMAP_GRADIENT_H
#define NESSMAP_GRADIENT_H

#ifndef NM_GRADIENTS
#error "gradient.h wants NM_GRADIENTS before the model"
#endif

/* --- 1. what the tables say, with derivatives ------------------------------------------------------- */

enum {
    NM_GRADIENT_PARAMS = 16, /* parameters of one pass */
    NM_SLOPES = NM_NY + NM_GRADIENT_PARAMS
};
static_assert(NM_SLOPES <= 64, "a bit for each direction");
typedef nm_dual<NM_SLOPES> nm_sloped;

NM_FN nm_sloped nm_state_of(int i, nm_vec x, nm_vec slope)
{
    nm_sloped r(x);
    r.set = (uint64_t)1 << i;
    r.d[i] = slope;
    return r;
}
#define NM_UNKNOWN(i, x, slope) nm_state_of((i), x, slope)
#define NM_OF_P(name) nm_visit->param[NM_P_##name]
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
#define NM_VOLTS(potential, psi) nm_volts_##potential
#define NM_POTENTIAL_VOLTS_floats(potential, membrane)                                             \
    NM_LET(nm_volts_##potential, 0,                                                                \
           NM_UNKNOWN(NM_Y_##potential, nm_y[NM_Y_##potential], nm_splat(1.0)) *                   \
               (nm_given_RT * NM_PAR(1.0 / NM_FARADAY)));
#define NM_POTENTIAL_VOLTS_ground
#define NM_ROW_C_VOLTS(name, volume, potential, text) NM_POTENTIAL_VOLTS_##potential
#define NM_GIVEN                                                                                   \
    const auto nm_given_RT = NM_PAR(NM_R) * T;                                                     \
    NM_MAYBE_UNUSED const auto nm_given_per_RT = NM_PAR(1.0) / nm_given_RT;                                        \
    NM_MAYBE_UNUSED const auto nm_given_RT_F2 = nm_given_RT * NM_PAR(1.0 / (NM_FARADAY * NM_FARADAY));             \
    NM_MAYBE_UNUSED const auto nm_given_v_w = NM_PAR(NM_WATER_VOLUME);                                             \
    NM_SPECIES(NM_ROW_S_GIVEN_FREE, NM_ROW_S_GIVEN_TRAPPED, NM_SKIP, NM_ROW_S_GIVEN_HELD)          \
    NM_COMPARTMENTS(NM_ROW_C_GIVEN)                                                                \
    NM_COMPARTMENTS(NM_ROW_C_VOLTS)                                                                \
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

/* a pathway, whose net flux the observables know by its name */
#define NM_ROW_J_VISIT(name, from, to, law, text)                                                  \
    NM_MAYBE_UNUSED const nm_sloped &J_##name = nm_visit->net[NM_J_##name];                        \
    [&]() NM_LAMBDA {                                                                              \
        NM_ROW_J_CONTEXT(name)                                                                     \
        nm_visit->template path<nm_k>(NM_LAW_##law);                                               \
    }();

#define NM_ROW_O_VISIT(name, unit, expression, text)                                               \
    if (nm_visit->wants_observable(NM_OBS_##name)) {                                               \
        NM_NAMES                                                                                   \
        nm_visit->observe(NM_OBS_##name, NM_PAR(0.0) + (expression));                              \
    }
#define NM_AFTER NM_OBSERVABLES(NM_ROW_O_VISIT)

#include "observe.h"

/* --- 2. directions ------------------------------------------------------------------------------------ */

/* The parameters of one pass, some of those that derivatives are wanted by, and how all others follow them. */
struct nm_directions {
    int n;             /* parameters of this pass */
    int n_all;         /* directions: the unknowns, and these */
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

/* parameter i with value p, as it moves in the directions of the pass */
NM_FN nm_sloped nm_param_of(const nm_directions *to, int i, nm_vec p)
{
    nm_sloped r(p);
    const int own = to->own[i];
    if (own >= 0) {
        r.set = (uint64_t)1 << (NM_NY + own);
        r.d[NM_NY + own] = nm_splat(1.0);
    }
    for (int j = 0; own <= -2 && j < to->n; j++) {
        const double share = to->share[-2 - own][j];
        if (share != 0.0) {
            r.set |= (uint64_t)1 << (NM_NY + j);
            r.d[NM_NY + j] = nm_splat(share);
        }
    }
    return r;
}
/* all derivatives of x times `factor`, into a row */
template <nm_dirs M> NM_NOINLINE void nm_add_slopes(nm_vec *row, const nm_dual<M> &x, nm_vec factor)
{
    if constexpr (M != 0) {
        nm_each_direction(x.set, [&](int i) NM_LAMBDA { row[i] = nm_vfma(factor, x.d[i], row[i]); });
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
    nm_sloped param[NM_NP];
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
        if (is_wanted) {
            *into = value;
        } else {
            *into = value.v;
        }
    }
    template <nm_dirs M> NM_INLINE void give(nm_sloped *into, const nm_dual<M> &value)
    {
        keep(into, value, wants_values);
    }
    template <nm_dirs M> NM_INLINE void observe(int i, const nm_dual<M> &value) { keep(&observable[i], value, true); }

    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        nm_each_balance<K>(v_w.v, [&](auto y, nm_vec factor) NM_LAMBDA {
            nm_add_slopes(jac[y.value], flux.net, factor);
        });
        keep(&net[K], flux.net, wants_net);
        keep(&out[K], flux.out, wants_sides);
        keep(&in[K], flux.in, wants_sides);
        keep(&standard[K], flux.standard, wants_standard);
        keep(&x[K], flux.x, wants_force);
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(const nm_dual<M> &value) { keep(&worth[E], value, wants_force); }
    NM_INLINE void clear(nm_vec *row)
    {
        for (int i = 0; i < to->n_all; i++) {
            row[i] = nm_splat(0.0);
        }
    }
    template <int Y, nm_dirs M> NM_INLINE void row(const nm_dual<M> &value)
    {
        clear(jac[Y]);
        nm_add_slopes(jac[Y], value, nm_splat(1.0));
    }
    template <int Y, nm_dirs M> NM_INLINE void hold(const nm_dual<M> &value) { row<Y>(value); }
    template <int C, nm_dirs M, nm_dirs A>
    NM_INLINE void current(const nm_dual<M> &rho, const nm_dual<A> &from_outside, const nm_point *pt)
    {
        constexpr int keeper = nm_keeper(C);
        nm_add_slopes(jac[nm_potential_of(C)], from_outside, nm_splat(1.0));
        if constexpr (keeper >= 0) {
            if (!pt->is_held[nm_species_of(keeper)]) {
                row<keeper>(rho);
            }
        }
    }
    template <int T, nm_dirs M, nm_dirs W> NM_INLINE void total(const nm_dual<M> &value, const nm_dual<W> &)
    {
        clear(total_jac[T]);
        nm_add_slopes(total_jac[T], value, nm_splat(1.0));
    }
    template <int C, nm_dirs M> NM_INLINE void charge(const nm_dual<M> &value) { row<nm_potential_of(C)>(value); }
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
NM_FN void nm_find_kinds(nm_point *nm_pt, NM_MAYBE_UNUSED const nm_sloped_look *nm_visit,
                         NM_MAYBE_UNUSED const nm_choices *nm_pick)
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
                      nm_needs_any(sink, NM_OUT_Jcyc, nm_loop_table.n) ||
                      nm_needs_any(sink, NM_OUT_observable, NM_NO);
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
        for (int i = 0; i < NM_NP; i++) {
            look.param[i] = nm_param_of(&to, i, p[i]);
        }
        nm_find_kinds(&pt, &look, pick);
        for (int i = 0; i < NM_NY; i++) {
            look.f[i] = nm_splat(0.0);
            look.clear(look.jac[i]);
            state[i] = nm_state_of(i, y[i], nm_splat(1.0));
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
