/* Exact derivatives of outputs by parameters at a steady state.
 *
 * F(y, p) = 0 at the state y gives dy/dp = -J^-1 F_p, and an output o(y, p) has do/dp = o_p + o_y dy/dp. The tables of
 * the model are evaluated with derivatives by the unknowns, once, and with derivatives by NM_DIRECTIONS parameters at a
 * time (NM_GRADIENTS: then parameters are duals too), only the pathways that depend on them. What comes of it goes into
 * one table [J | F_p]; then outputs are worked out with total derivatives by observe.h. A tied parameter moves with
 * those it is tied to. One-way fluxes have no derivatives: at a steady state, the net flux and the affinity say all.
 *
 *   1. what the tables say, with derivatives   2. by unknowns   3. by parameters   4. outputs   5. a block */
#ifndef NESSMAP_GRADIENT_H
#define NESSMAP_GRADIENT_H

#ifndef NM_GRADIENTS
#error "gradient.h wants NM_GRADIENTS before the model"
#endif

#include "directions.h"

/* --- 1. what the tables say, with derivatives ------------------------------------------------------- */

enum { NM_COLUMNS = NM_NY + NM_PASS /* of [J | F_p] */ };
#define NM_DIRS (((1u << NM_DIRECTIONS) - 1u) << NM_NY)
static_assert(NM_NY + NM_DIRECTIONS <= 32, "a bit for each unknown and each direction");
typedef nm_dual<NM_DIRS> nm_sloped; /* a value and its derivatives by the parameters of a group */

#define NM_OF_ZERO           nm_visit->zero()
#define NM_OF_P(name)        nm_visit->param(NM_P_##name)
#define NM_OF_S(field, name) nm_##field##_of_##name
#define NM_OF_C(field, name) nm_##field##_of_##name
#define NM_OF_FIXED(value)   nm_visit->take(nm_pt->fixed[nm_here], NM_PAR(value))
#define NM_OF_POINT(field)   nm_given_##field
#define NM_OF_FUEL(energy)   nm_visit->see(NM_PAR(0.0) + (energy))

/* What a point needs once (nm_prepare): its values, with derivatives where parameters have them. */
#define NM_ROW_S_GIVEN(field, name, value)                                                         \
    NM_LET(nm_##field##_of_##name, 0, nm_visit->take(nm_pt->field[NM_S_##name], NM_PAR(value)));
#define NM_ROW_S_GIVEN_FREE(name, z, where, value, text)                                           \
    NM_ROW_S_GIVEN(charge, name, z)                                                                \
    NM_LET(nm_ln_hold_of_##name, 0, nm_visit->ln(nm_pt->ln_hold[NM_S_##name], NM_PAR(value), -1));
#define NM_ROW_S_GIVEN_TRAPPED(name, z, where, value, text)                                        \
    NM_ROW_S_GIVEN(charge, name, z)                                                                \
    NM_ROW_S_GIVEN(trapped, name, value)                                                           \
    nm_visit->give_species(&nm_visit->given->trapped[NM_S_##name], nm_trapped_of_##name);
#define NM_ROW_S_GIVEN_HELD(name, z, where, value, text)                                           \
    NM_ROW_S_GIVEN(charge, name, z)                                                                \
    NM_ROW_S_GIVEN(held, name, value)                                                              \
    NM_LET(nm_ln_held_of_##name, 0, nm_visit->ln(nm_pt->ln_held[NM_S_##name], NM_PAR(value), NM_S_##name)); \
    nm_visit->give_species(&nm_visit->given->held[NM_S_##name], nm_held_of_##name);                \
    nm_visit->give_species(&nm_visit->given->ln_held[NM_S_##name], nm_ln_held_of_##name);
#define NM_ROW_C_GIVEN(name, volume, potential, text)                                              \
    NM_LET(nm_membrane_of_##name, 0, NM_POTENTIAL_PREPARE_##potential);                            \
    NM_LET(nm_put_on_##name, 0, nm_visit->see(nm_membrane_of_##name.held));                        \
    NM_LET(nm_capacitance_of_##name, 0, nm_visit->see(nm_membrane_of_##name.capacitance) * nm_given_RT_F2); \
    NM_LET(nm_capacity_of_##name, 0,                                                               \
           nm_if(nm_mask_all(nm_membrane_of_##name.kind == 0), nm_capacitance_of_##name, NM_PAR(0.0))); \
    NM_LET(nm_clamp_of_##name, 0, nm_put_on_##name *NM_PAR(NM_FARADAY) / nm_given_RT);             \
    NM_LET(nm_applied_of_##name, 0,                                                                \
           nm_if(nm_mask_all(nm_membrane_of_##name.kind == 3),                                     \
                 nm_put_on_##name *NM_PAR(1.0 / NM_FARADAY), NM_PAR(0.0)));                        \
    nm_visit->give(&nm_visit->given->fixed[NM_C_##name],                                           \
                   nm_visit->take(nm_pt->fixed[NM_C_##name], NM_PAR(NM_VOLUME_PREPARE_##volume))); \
    nm_visit->give(&nm_visit->given->capacitance[NM_C_##name], nm_capacitance_of_##name);          \
    nm_visit->give(&nm_visit->given->applied[NM_C_##name], nm_applied_of_##name);
#define NM_GIVEN                                                                                   \
    const auto nm_given_RT = nm_visit->take(nm_pt->RT, NM_PAR(NM_R) * T);                          \
    NM_MAYBE_UNUSED const auto nm_given_per_RT = nm_visit->per(nm_pt->per_RT, nm_given_RT);        \
    NM_MAYBE_UNUSED const auto nm_given_RT_F2 = nm_given_RT * NM_PAR(1.0 / (NM_FARADAY * NM_FARADAY)); \
    NM_MAYBE_UNUSED const auto nm_given_v_w = nm_visit->take(nm_pt->v_w, NM_PAR(NM_WATER_VOLUME)); \
    NM_SPECIES(NM_ROW_S_GIVEN_FREE, NM_ROW_S_GIVEN_TRAPPED, NM_SKIP, NM_ROW_S_GIVEN_HELD)          \
    NM_COMPARTMENTS(NM_ROW_C_GIVEN)                                                                \
    nm_visit->give(&nm_visit->given->RT, nm_given_RT);                                             \
    nm_visit->give(&nm_visit->given->v_w, nm_given_v_w);
#define NM_ROW_J_VISIT(name, from, to, law, text)                                                  \
    if (nm_visit->concerns(NM_J_##name)) {                                                         \
        NM_ROW_J_CONTEXT(name)                                                                     \
        nm_visit->template path<nm_k>(NM_LAW_##law);                                               \
    }

/* what outputs need of a point beside the state */
struct nm_given {
    nm_sloped RT, v_w, fixed[NM_NC], capacitance[NM_NC], applied[NM_NC];
    nm_sloped held[NM_NS], ln_held[NM_NS], trapped[NM_NS]; /* of species, */
    nm_sloped p[NM_NP];                                    /* and parameters, where these are asked for */
    const int *is_held, *is_clamped;
};
/* what of it the outputs of a task need */
struct nm_wishes {
    bool net, force, standard, species, params;
};

/* what outputs are worked out with (observe.h) */
NM_INLINE nm_sloped nm_vexp(const nm_sloped &x) { return nm_exp(x); }
NM_INLINE nm_sloped nm_vfma(nm_vec a, const nm_sloped &b, const nm_sloped &c) { return nm_lift(a) * b + c; }
NM_INLINE nm_sloped nm_choose(nm_mask m, const nm_sloped &a, const nm_sloped &b) { return nm_if(m, a, b); }
NM_INLINE nm_mask operator<(const nm_sloped &a, nm_vec b) { return a.v < b; }
NM_INLINE nm_mask operator==(const nm_sloped &a, const nm_sloped &b) { return a.v == b.v; }
NM_INLINE void operator+=(nm_sloped &x, const nm_sloped &more) { x = x + more; }
/* x becomes 0 where a pathway is idle; what it would carry if it were a little less idle stays, where there is such a
 * thing */
NM_INLINE void nm_rest(nm_mask is_idle, nm_sloped *x)
{
    if (nm_any_of(is_idle)) {
        const nm_vec zero = nm_splat(0.0);
        x->v = nm_choose(is_idle, zero, x->v);
        for (int w = 0; w < NM_DIRECTIONS; w++) {
            x->d[w] = nm_choose(is_idle & nm_not(nm_vfinite(x->d[w])), zero, x->d[w]);
        }
    }
}

#include "dependence.h"
#include "observe.h"

/* --- 2. by unknowns ------------------------------------------------------------------------------------- */

/* a value and its derivatives by all unknowns */
struct nm_row {
    nm_vec v, by[NM_NY];
    template <nm_dirs M> NM_INLINE void operator=(const nm_dual<M> &x)
    {
        v = x.v;
        nm_unroll<NM_NY>([&](auto i) NM_LAMBDA { by[i.value] = nm_slope<i.value>(x); });
    }
};
struct nm_by_unknowns : nm_balance {
    const nm_point *pt;
    const nm_vec *exp_y, *exp_minus_y;
    nm_given *given; /* untouched: values are the point's */
    nm_wishes wants;
    nm_row net[NM_NJ], x[NM_NJ], standard[NM_NJ], worth[NM_NE + 1];
    nm_vec out[NM_NJ], in[NM_NJ];

    NM_INLINE bool concerns(int) const { return true; }
    NM_INLINE nm_plain zero() const { return nm_plain(0.0); }
    NM_INLINE nm_plain param(int i) const { return nm_lift(pt->p[i]); }
    template <nm_dirs M> NM_INLINE nm_dual<M> see(const nm_dual<M> &x) const { return x; }
    template <class X> NM_INLINE nm_plain take(nm_vec value, const X &) const { return nm_lift(value); }
    template <class X> NM_INLINE nm_plain ln(nm_vec value, const X &, int) const { return nm_lift(value); }
    template <class X> NM_INLINE nm_plain per(nm_vec value, const X &) const { return nm_lift(value); }
    NM_INLINE void give(nm_sloped *, nm_plain) const {}
    NM_INLINE void give_species(nm_sloped *, nm_plain) const {}
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        nm_balance::path<K, M>(flux);
        out[K] = flux.out.v;
        in[K] = flux.in.v;
        if (wants.net) {
            net[K] = flux.net;
        }
        if (wants.force) {
            x[K] = flux.x;
        }
        if (wants.standard) {
            standard[K] = flux.standard;
        }
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(const nm_dual<M> &value)
    {
        if (wants.force) {
            worth[E] = value;
        }
    }
};

/* --- 3. by parameters ----------------------------------------------------------------------------------- */

/* derivatives at a given state, for each group of parameters */
struct nm_part {
    nm_vec net[NM_NJ][NM_DIRECTIONS], x[NM_NJ][NM_DIRECTIONS], standard[NM_NJ][NM_DIRECTIONS],
        worth[NM_NE + 1][NM_DIRECTIONS];
    nm_given given;
};
template <nm_dirs M> NM_INLINE void nm_put_slopes(nm_vec *to, const nm_dual<M> &x)
{
    nm_unroll<NM_DIRECTIONS>([&](auto w) NM_LAMBDA { to[w.value] = nm_slope<NM_NY + w.value>(x); });
}
struct nm_group {
    const nm_point *pt;
    const nm_vec *exp_y, *exp_minus_y, *per_held;
    const double (*seed)[NM_DIRECTIONS]; /* [NM_NP] */
    const uint8_t *concerned;            /* [NM_NJ] */
    nm_given *given;
    nm_part *part;
    nm_vec (*column)[NM_COLUMNS], (*total_column)[NM_COLUMNS]; /* from the first of the group on */
    nm_wishes wants;

    NM_INLINE bool concerns(int k) const { return concerned[k]; }
    NM_INLINE nm_plain zero() const { return nm_plain(0.0); }
    NM_INLINE nm_sloped param(int i) const
    {
        nm_sloped r;
        r.v = pt->p[i];
        NM_UNROLL
        for (int w = 0; w < NM_DIRECTIONS; w++) {
            r.d[w] = nm_splat(seed[i][w]);
        }
        return r;
    }
};
/* WIDE: by parameters on which more than the laws of pathways depends; else all that a point has is constant. */
template <bool WIDE> struct nm_by_params : nm_group {
    template <nm_dirs M> NM_INLINE auto see(const nm_dual<M> &x) const
    {
        if constexpr (WIDE) {
            return x;
        } else {
            return nm_value(x);
        }
    }
    template <nm_dirs M> NM_INLINE auto take(nm_vec, const nm_dual<M> &x) const { return see(x); }
    template <nm_dirs M> NM_INLINE auto ln(nm_vec value, const nm_dual<M> &x, int held) const
    {
        return see(nm_chain(x, value, held >= 0 ? per_held[held] : 1.0 / x.v));
    }
    template <nm_dirs M> NM_INLINE auto per(nm_vec value, const nm_dual<M> &x) const
    {
        return see(nm_chain(x, value, -value * value));
    }
    template <nm_dirs M> NM_INLINE void give(nm_sloped *to, const nm_dual<M> &x) const
    {
        *to = nm_widen<NM_DIRS>(x);
    }
    template <nm_dirs M> NM_INLINE void give_species(nm_sloped *to, const nm_dual<M> &x) const
    {
        if (wants.species) {
            *to = nm_widen<NM_DIRS>(x);
        }
    }
    template <nm_dirs M> NM_INLINE void add(nm_vec *row, const nm_dual<M> &x, nm_vec factor)
    {
        if constexpr (M != 0) {
            nm_unroll<NM_DIRECTIONS>([&](auto w) NM_LAMBDA {
                row[w.value] = nm_vfma(factor, nm_slope<NM_NY + w.value>(x), row[w.value]);
            });
        }
    }
    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        nm_each_balance<K>(pt->v_w, [&](auto y, nm_vec factor) NM_LAMBDA { add(column[y.value], flux.net, factor); });
        if (wants.net) {
            nm_put_slopes(part->net[K], flux.net);
        }
        if (wants.force) {
            nm_put_slopes(part->x[K], flux.x);
        }
        if (wants.standard) {
            nm_put_slopes(part->standard[K], flux.standard);
        }
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(const nm_dual<M> &value)
    {
        if (wants.force) {
            nm_put_slopes(part->worth[E], value);
        }
    }
    template <int Y, nm_dirs M> NM_INLINE void hold(const nm_dual<M> &x) { nm_put_slopes(column[Y], x); }
    template <int C, nm_dirs M, nm_dirs A>
    NM_INLINE void current(const nm_dual<M> &rho, const nm_dual<A> &applied, const nm_point *)
    {
        constexpr int keeper = nm_keeper(C);
        add(column[nm_potential_of(C)], applied, nm_splat(1.0));
        if constexpr (keeper >= 0) {
            if (!pt->is_held[nm_species_of(keeper)]) {
                nm_put_slopes(column[keeper], rho);
            }
        }
    }
    template <int T, nm_dirs M, nm_dirs W> NM_INLINE void total(const nm_dual<M> &x, const nm_dual<W> &)
    {
        nm_put_slopes(total_column[T], x);
    }
    template <int C, nm_dirs M> NM_INLINE void charge(const nm_dual<M> &x)
    {
        nm_put_slopes(column[nm_potential_of(C)], x);
    }
};

/* The directions of a task, and the pathways that they concern. */
NM_FN void nm_find_directions(nm_directions *to, const nm_task *task, const nm_choices *pick)
{
    static const nm_point none = {};
    static const nm_vec y[NM_NY] = {};
    nm_by_sets sets = {};
    nm_by_sets::nm_no_given untouched;
    double move[NM_NP];
    int n = 0;
    *to = {};
    sets.given = &untouched;
    nm_visit_network<false>(&sets, &none, pick, y);
    for (int wide = 0; wide < 2; wide++) {
        for (int j = 0; j < task->gradients.n_params; j++) {
            bool is_wide = false;
            nm_find_moves(move, task, task->gradients.param[j]);
            for (int i = 0; i < NM_NP; i++) {
                is_wide = is_wide || (move[i] != 0.0 && sets.wide.has(i));
            }
            if (is_wide != (wide == 1)) {
                continue;
            }
            const int g = n / NM_DIRECTIONS, w = n % NM_DIRECTIONS;
            to->column[n++] = (int16_t)j;
            to->is_wide[g] |= is_wide;
            for (int i = 0; i < NM_NP; i++) {
                to->seed[g][i][w] = move[i];
                for (int k = 0; k < NM_NJ; k++) {
                    to->concerned[g][k] |= move[i] != 0.0 && sets.of[k].has(i);
                }
            }
        }
    }
}

/* --- 4. outputs -------------------------------------------------------------------------------------- */

/* what observe.h makes outputs of, with total derivatives by the parameters of a group */
struct nm_sloped_look {
    nm_sloped net[NM_NJ], x[NM_NJ], standard[NM_NJ], worth[NM_NE + 1];
    const nm_vec *out, *in;
    nm_vec resid, a_max; /* never asked for */
};
/* takes an output: stores its derivatives */
struct nm_gradient_sink {
    static constexpr bool is_lazy = true;
    const nm_gradients *gradients;
    nm_vec *gradient;      /* [n_outputs][n_params] of the task */
    const int16_t *column; /* of each direction of the group */
    int n;
    NM_INLINE bool wants(int number) const { return gradients->row[number] >= 0; }
    NM_INLINE void put(int number, const nm_sloped &value)
    {
        nm_vec *row = gradient + (int64_t)gradients->row[number] * gradients->n_params;
        for (int w = 0; w < n; w++) {
            row[column[w]] = value.d[w];
        }
    }
};

/* observables: expressions in concentrations, volumes, potentials, parameters and net fluxes */
#define NM_ROW_P_SLOPED(name, ...) NM_MAYBE_UNUSED const nm_sloped &name = pt->p[NM_P_##name];
#define NM_ROW_S_SLOPED_FREE(name, z, where, value, text)                                          \
    NM_MAYBE_UNUSED const nm_sloped name = nm_exp(y[NM_Y_##name]);
#define NM_ROW_S_SLOPED_TRAPPED(name, z, where, value, text)                                       \
    NM_MAYBE_UNUSED const nm_sloped name = pt->trapped[NM_S_##name] / nm_volume_at(y, pt, NM_C_##where);
#define NM_ROW_S_SLOPED_HELD(name, z, where, value, text)                                          \
    NM_MAYBE_UNUSED const nm_sloped &name = pt->held[NM_S_##name];
#define NM_ROW_S_SLOPED_WATER(name, ...) NM_MAYBE_UNUSED const nm_sloped name(nm_splat(1.0));
#define NM_VOLUME_SLOPED_swells(volume)  NM_MAYBE_UNUSED const nm_sloped volume = nm_exp(y[NM_Y_##volume]);
#define NM_VOLUME_SLOPED_fixed(value)
#define NM_POTENTIAL_SLOPED_floats(potential, membrane)                                            \
    NM_MAYBE_UNUSED const nm_sloped potential = y[NM_Y_##potential] * (pt->RT * (1.0 / NM_FARADAY));
#define NM_POTENTIAL_SLOPED_ground
#define NM_ROW_C_SLOPED(name, volume, potential, text) NM_VOLUME_SLOPED_##volume NM_POTENTIAL_SLOPED_##potential
#define NM_ROW_J_SLOPED(name, ...) NM_MAYBE_UNUSED const nm_sloped &J_##name = look->net[NM_J_##name];
#define NM_ROW_O_SLOPED(name, unit, expression, text)                                              \
    if (sink->wants(NM_OUT_observable + NM_OBS_##name)) {                                          \
        sink->put(NM_OUT_observable + NM_OBS_##name, nm_widen<NM_DIRS>(NM_PAR(0.0) + (expression))); \
    }
NM_FN nm_sloped nm_volume_at(const nm_sloped *y, const nm_given *pt, int c)
{
    return nm_volume_of(c) >= 0 ? nm_exp(y[nm_volume_of(c)]) : pt->fixed[c];
}
NM_FN void nm_emit_observables(nm_gradient_sink *sink, const nm_sloped_look *look, const nm_sloped *y,
                               const nm_given *pt, NM_MAYBE_UNUSED const nm_choices *nm_pick)
{
    if (!nm_needs_any(sink, NM_OUT_observable, NM_NO)) {
        return;
    }
    NM_PARAMETERS(NM_ROW_P_SLOPED)
    {
        NM_COMPARTMENTS(NM_ROW_C_SLOPED)
        NM_SPECIES(NM_ROW_S_SLOPED_FREE, NM_ROW_S_SLOPED_TRAPPED, NM_ROW_S_SLOPED_WATER, NM_ROW_S_SLOPED_HELD)
        NM_PATHWAYS(NM_ROW_J_SLOPED)
        NM_OBSERVABLES(NM_ROW_O_SLOPED)
    }
    (void)look;
}

/* --- 5. a block -------------------------------------------------------------------------------------- */

/* [J | F_p], of which newton.h knows totals and boundary states */
struct nm_table {
    static constexpr int width = NM_COLUMNS;
    nm_vec f[NM_NY], jac[NM_NY][NM_COLUMNS], total_f[NM_NT + 1], total_jac[NM_NT + 1][NM_COLUMNS];
};

/* total derivatives from those by unknowns, those at a given state, and minus_dy = -dy/dp */
NM_FN void nm_put_total(nm_sloped *to, const nm_row &row, const nm_vec *at_state, const nm_vec (*minus_dy)[NM_COLUMNS])
{
    to->v = row.v;
    NM_UNROLL
    for (int w = 0; w < NM_DIRECTIONS; w++) {
        nm_vec sum = at_state[w];
        NM_UNROLL
        for (int i = 0; i < NM_NY; i++) {
            sum = nm_vfma(-row.by[i], minus_dy[i][w], sum);
        }
        to->d[w] = sum;
    }
}

NM_FN nm_wishes nm_find_wishes(const nm_gradient_sink *sink)
{
    const bool observables = nm_needs_any(sink, NM_OUT_observable, NM_NO),
               powers = nm_needs_any(sink, NM_OUT_P, NM_NE) ||
                        nm_needs_any(sink, NM_OUT_scalar, NM_SCALAR_efficiency + 1);
    nm_wishes wants;
    wants.net = powers || observables || nm_needs_any(sink, NM_OUT_J, NM_NJ) ||
                nm_needs_any(sink, NM_OUT_Tsigma, NM_NJ) || nm_needs_any(sink, NM_OUT_Jcyc, nm_loop_table.n);
    wants.force = powers || nm_needs_any(sink, NM_OUT_A, 2 * NM_NJ) || nm_needs_any(sink, NM_OUT_A_fuel, NM_NE) ||
                  nm_needs_any(sink, NM_OUT_Acyc, nm_loop_table.n);
    wants.standard = nm_needs(sink, NM_OUT_scalar + NM_SCALAR_P_held);
    wants.species = wants.standard || observables || nm_needs(sink, NM_OUT_scalar + NM_SCALAR_F_stored) ||
                    nm_needs_any(sink, NM_OUT_conc, NM_NS) || nm_needs_any(sink, NM_OUT_E, 4 * nm_n_pairs());
    wants.params = observables;
    return wants;
}

/* Derivatives at the states y of the points pt, into gradient[n_outputs][n_params]. */
NM_FN void nm_take_gradients(nm_vec *gradient, const nm_task *task, const nm_directions *to, const nm_point *pt,
                             const nm_vec *y, const nm_choices *pick)
{
    const nm_gradients *gradients = &task->gradients;
    nm_vec exp_y[NM_NY], exp_minus_y[NM_NY], per_held[NM_NS];
    nm_part part[NM_PASS / NM_DIRECTIONS];
    nm_table table;
    nm_by_unknowns by_y;
    nm_group by_p;
    nm_gradient_sink sink = {gradients, gradient, NULL, 0};

    by_y.wants = by_p.wants = nm_find_wishes(&sink);
    nm_mask has_zero = nm_mask_all(false);
    for (int i = 0; i < NM_NY; i++) {
        exp_y[i] = exp_minus_y[i] = nm_splat(0.0);
    }
    for (int i = 0; i < NM_N_FREE; i++) {
        exp_y[i] = nm_vexp(y[i]);
        has_zero = has_zero | nm_is_zero(y[i]);
    }
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int i = nm_volume_of(c.value);
        if constexpr (i >= 0) {
            exp_y[i] = nm_vexp(y[i]);
            exp_minus_y[i] = nm_vexp(-y[i]);
        }
    });
    for (int s = 0; s < NM_NS; s++) {
        per_held[s] = nm_kind(s) == NM_SPECIES_HELD ? 1.0 / pt->held[s] : nm_splat(0.0);
    }

    /* by unknowns */
    by_y.pt = pt;
    by_y.exp_y = exp_y;
    by_y.exp_minus_y = exp_minus_y;
    by_y.given = &part[0].given;
    by_y.v_w = pt->v_w;
    by_y.clear();
    nm_visit_network<true>(&by_y, pt, pick, y);

    by_p.pt = pt;
    by_p.exp_y = exp_y;
    by_p.exp_minus_y = exp_minus_y;
    by_p.per_held = per_held;
    for (int first = 0; first < gradients->n_params; first += NM_PASS) {
        const int n = gradients->n_params - first < NM_PASS ? gradients->n_params - first : NM_PASS;
        const int n_groups = (n + NM_DIRECTIONS - 1) / NM_DIRECTIONS, n_columns = NM_NY + n_groups * NM_DIRECTIONS;
        /* [J | F_p], group by group */
        for (int i = 0; i < NM_NY; i++) {
            NM_UNROLL
            for (int j = 0; j < NM_NY; j++) {
                table.jac[i][j] = by_y.jac[i][j];
            }
            for (int j = NM_NY; j < n_columns; j++) {
                table.jac[i][j] = nm_splat(0.0);
            }
            table.f[i] = nm_splat(0.0);
        }
        for (int t = 0; t < NM_NT; t++) {
            NM_UNROLL
            for (int j = 0; j < NM_NY; j++) {
                table.total_jac[t][j] = by_y.total_jac[t][j];
            }
            table.total_f[t] = nm_splat(0.0);
        }
        for (int g = 0; g < n_groups; g++) {
            const int group = first / NM_DIRECTIONS + g;
            by_p.seed = to->seed[group];
            by_p.concerned = to->concerned[group];
            by_p.part = &part[g];
            by_p.given = &part[g].given;
            by_p.given->is_held = pt->is_held;
            by_p.given->is_clamped = pt->is_clamped;
            by_p.given->p[NM_P_T] = by_p.param(NM_P_T);
            for (int i = 0; by_p.wants.params && i < NM_NP; i++) {
                by_p.given->p[i] = by_p.param(i);
            }
            by_p.column = (nm_vec(*)[NM_COLUMNS]) & table.jac[0][NM_NY + g * NM_DIRECTIONS];
            by_p.total_column = (nm_vec(*)[NM_COLUMNS]) & table.total_jac[0][NM_NY + g * NM_DIRECTIONS];
            for (int k = 0; k < NM_NJ; k++) {
                for (int w = 0; w < NM_DIRECTIONS && !by_p.concerned[k]; w++) {
                    part[g].net[k][w] = part[g].x[k][w] = part[g].standard[k][w] = nm_splat(0.0);
                }
            }
            if (to->is_wide[group]) {
                nm_by_params<true> wide = {by_p};
                nm_visit_network<false>(&wide, pt, pick, y);
            } else {
                nm_by_params<false> narrow = {by_p};
                nm_visit_network<false>(&narrow, pt, pick, y);
            }
        }
        nm_put_totals(&table);
        if (nm_any_of(has_zero)) {
            nm_mask algebraic[NM_N_FREE];
            nm_freeze_zeros(&table, y, algebraic);
        }
        nm_solve_columns<NM_NY>(table.jac, n_columns);

        /* outputs, group by group */
        for (int g = 0; g < n_groups; g++) {
            const nm_vec(*minus_dy)[NM_COLUMNS] =
                (const nm_vec(*)[NM_COLUMNS]) & table.jac[0][NM_NY + g * NM_DIRECTIONS];
            nm_sloped state[NM_NY];
            nm_sloped_look look;
            for (int i = 0; i < NM_NY; i++) {
                state[i].v = y[i];
                for (int w = 0; w < NM_DIRECTIONS; w++) {
                    state[i].d[w] = -minus_dy[i][w];
                }
            }
            for (int k = 0; k < NM_NJ; k++) {
                if (by_y.wants.net) {
                    nm_put_total(&look.net[k], by_y.net[k], part[g].net[k], minus_dy);
                }
                if (by_y.wants.force) {
                    nm_put_total(&look.x[k], by_y.x[k], part[g].x[k], minus_dy);
                }
                if (by_y.wants.standard) {
                    nm_put_total(&look.standard[k], by_y.standard[k], part[g].standard[k], minus_dy);
                }
            }
            for (int e = 0; e < NM_NE && by_y.wants.force; e++) {
                nm_put_total(&look.worth[e], by_y.worth[e], part[g].worth[e], minus_dy);
            }
            look.out = by_y.out;
            look.in = by_y.in;
            sink.column = &to->column[first + g * NM_DIRECTIONS];
            sink.n = n - g * NM_DIRECTIONS < NM_DIRECTIONS ? n - g * NM_DIRECTIONS : NM_DIRECTIONS;
            nm_emit(&sink, &look, state, &part[g].given, pick);
        }
    }
}

#endif
