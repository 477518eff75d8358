/* What a state means: fluxes, forces, dissipation, energy balance, residual, and every output by its number.
 *
 * Signs and symbols: V = in - out, fluxes from -> to (outward) positive, dissipation J A >= 0 for reciprocal laws,
 * closure = power supplied - dissipation - d(stored free energy)/dt: zero always, whatever the state. */
#ifndef NESSMAP_OBSERVE_H
#define NESSMAP_OBSERVE_H

#include "newton.h"
#include "walk.h"

/* --- pairs of places of one solute, found by name: Na_i and Na_o ----------------------------------- */

#define NM_ROW_S_TEXT(name, ...) s == NM_S_##name ? #name:
NM_CONST_FN const char *nm_species_text(int s)
{
    return NM_SPECIES(NM_ROW_S_TEXT, NM_ROW_S_TEXT, NM_ROW_S_TEXT, NM_ROW_S_TEXT) "";
}
/* equal up to the last underscore, which both must have */
NM_CONST_FN bool nm_same_solute(int s, int r)
{
    const char *a = nm_species_text(s), *b = nm_species_text(r);
    int cut_a = -1, cut_b = -1;
    for (int i = 0; a[i]; i++) {
        if (a[i] == '_') {
            cut_a = i;
        }
    }
    for (int i = 0; b[i]; i++) {
        if (b[i] == '_') {
            cut_b = i;
        }
    }
    if (cut_a < 1 || cut_a != cut_b) {
        return false;
    }
    for (int i = 0; i < cut_a; i++) {
        if (a[i] != b[i]) {
            return false;
        }
    }
    return true;
}
/* the same solute in another compartment, for a free species; -1 where there is none */
NM_CONST_FN int nm_partner(int s)
{
    if (nm_kind(s) != NM_SPECIES_FREE) {
        return -1;
    }
    for (int r = 0; r < NM_NS; r++) {
        bool is_solute = nm_kind(r) == NM_SPECIES_HELD || (nm_kind(r) == NM_SPECIES_FREE && r > s);
        if (is_solute && nm_place(r) != nm_place(s) && nm_same_solute(s, r)) {
            return r;
        }
    }
    return -1;
}
NM_CONST_FN int nm_n_pairs()
{
    int n = 0;
    for (int s = 0; s < NM_NS; s++) {
        n += nm_partner(s) >= 0;
    }
    return n;
}
NM_CONST_FN int nm_pair(int i)
{
    for (int s = 0; s < NM_NS; s++) {
        if (nm_partner(s) >= 0 && i-- == 0) {
            return s;
        }
    }
    return -1;
}
/* the i-th compartment with a potential or a volume */
NM_CONST_FN int nm_floating(int i)
{
    for (int c = 0; c < NM_NC; c++) {
        if (nm_potential_of(c) >= 0 && i-- == 0) {
            return c;
        }
    }
    return -1;
}
NM_CONST_FN int nm_swelling(int i)
{
    for (int c = 0; c < NM_NC; c++) {
        if (nm_volume_of(c) >= 0 && i-- == 0) {
            return c;
        }
    }
    return -1;
}

/* --- numbers of outputs, family by family (NM_FAMILY_LIST) ----------------------------------------- */

enum {
    NM_COUNT_potentials = NM_N_POTENTIALS,
    NM_COUNT_volumes = NM_N_VOLUMES,
    NM_COUNT_species = NM_NS,
    NM_COUNT_pairs = nm_n_pairs(),
    NM_COUNT_paths = NM_NJ,
    NM_COUNT_fuels = NM_NE,
    NM_COUNT_loops = nm_loop_table.n,
    NM_COUNT_scalars = NM_N_SCALARS,
    NM_COUNT_steps = NM_N_STEPS,
    NM_COUNT_walk_scalars = NM_N_WALK > 0 ? (int)NM_N_WALK_SCALARS : 0,
    NM_COUNT_ssa_scalars = NM_N_WALK > 0 ? (int)NM_N_SSA_SCALARS : 0,
    NM_COUNT_ssa_bins = NM_N_WALK > 0 ? (int)NM_SSA_BINS : 0,
    NM_COUNT_turns = nm_turn_table.n,
    NM_COUNT_observables = NM_NO
};
#define NM_FAMILY_NUMBER(tag, counted, prefix, unit, text)                                         \
    NM_OUT_##tag, NM_OUT_##tag##_last = (int)NM_OUT_##tag + (int)NM_COUNT_##counted - 1,
enum { NM_FAMILY_LIST(NM_FAMILY_NUMBER) NM_N_OUTPUTS };
static_assert(NM_N_OUTPUTS <= NM_MAX_OUTPUTS, "too many outputs: raise NM_MAX_OUTPUTS");

#define NM_IDLE 1e-290 /* one-way fluxes below this are none: they come from exp(-708) */

#ifndef NM_GRADIENTS

/* --- one look at a state ----------------------------------------------------------------------------- */

struct nm_look : nm_balance {
    nm_vec net[NM_NJ], out[NM_NJ], in[NM_NJ], x[NM_NJ], standard[NM_NJ];
    nm_vec gross[NM_NY]; /* scale of each balance */
    nm_vec worth[NM_NE + 1]; /* of each fuel, -dG/RT */
    nm_vec resid;        /* largest relative residual */
    nm_vec a_max, a_reciprocal;
    nm_mask is_driven,
        violates; /* an active driven pathway; one that dissipates less than nothing */

    template <int K, nm_dirs M> NM_INLINE void path(const nm_flux<M> &flux)
    {
        nm_balance::path<K, M>(flux);
        net[K] = flux.net.v;
        out[K] = flux.out.v;
        in[K] = flux.in.v;
        x[K] = flux.x.v;
        standard[K] = flux.standard.v;
        nm_mask is_active = flux.out.v + flux.in.v > nm_splat(NM_IDLE);
        nm_vec size = nm_choose(is_active, nm_vabs(flux.x.v), nm_splat(0.0));
        a_max = nm_vmax(a_max, size);
        if (flux.is_reciprocal) {
            a_reciprocal = nm_vmax(a_reciprocal, size);
        } else {
            is_driven = is_driven | is_active;
            violates = violates | (flux.net.v * flux.x.v < -1e-12 * (flux.out.v + flux.in.v));
        }
        nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
            constexpr int y = nm_unknown_of(s.value), nu = nm_nu(K, s.value);
            if constexpr (y >= 0 && nu != 0) {
                nm_vec scale = nm_splat((double)(nu < 0 ? -nu : nu));
                if constexpr (nm_kind(s.value) == NM_SPECIES_WATER) {
                    scale = scale * v_w;
                }
                gross[y] = nm_vfma(scale, flux.gross.v, gross[y]);
            }
        });
        if constexpr (NM_MAY_CHARGE) {
            nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
                constexpr int v = nm_potential_of(c.value), q = nm_charge_left(K, c.value);
                if constexpr (nm_may_charge(c.value) && q != 0) {
                    gross[v] = nm_vfma(nm_splat((double)(q < 0 ? -q : q)), flux.gross.v, gross[v]);
                }
            });
        }
    }
    template <int E, nm_dirs M> NM_INLINE void fuel(nm_dual<M> value) { worth[E] = value.v; }
    template <int Y, nm_dirs M> NM_INLINE void hold(nm_dual<M> x)
    {
        row<Y>(x);
        gross[Y] = nm_splat(1.0);
    }
    template <int T, nm_dirs M> NM_INLINE void total(nm_dual<M> row, nm_plain scale)
    {
        total_row<T>(row);
        /* measured by its largest terms: a derivative by ln c is the term itself */
        nm_vec size = nm_splat(0.0);
        nm_unroll<nm_count(M)>([&](auto i) NM_LAMBDA { size = size + nm_vabs(row.d[i.value]); });
        resid = nm_vmax(resid, nm_vabs(row.v) / nm_vmax(size, nm_vabs(scale.v)));
    }
};

/* Evaluates everything at y, with Jacobian. */
NM_FN void nm_look_at(nm_look *look, const nm_vec *y, const nm_point *pt, const auto *pick)
{
    look->v_w = pt->v_w;
    look->clear();
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        look->gross[i] = nm_splat(0.0);
    }
    look->resid = look->a_max = look->a_reciprocal = nm_splat(0.0);
    look->is_driven = look->violates = nm_mask_all(false);
    nm_visit_network<true>(look, pt, pick, y);

    /* charge rows are measured against the charge that is there */
    nm_unroll<NM_NC>([&](auto c) NM_LAMBDA {
        constexpr int here = c.value, v = nm_potential_of(here);
        if constexpr (v >= 0) {
            nm_vec inverse_volume = 1.0 / pt->fixed[c.value];
            if constexpr (nm_volume_of(c.value) >= 0) {
                inverse_volume = nm_vexp(-y[nm_volume_of(c.value)]);
            }
            nm_vec size = nm_vabs(pt->capacity[c.value] * y[v] * inverse_volume);
            nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
                if constexpr (nm_place(s.value) == here && nm_kind(s.value) == NM_SPECIES_FREE) {
                    size = size + nm_vabs(pt->charge[s.value]) * nm_vexp(y[nm_unknown_of(s.value)]);
                } else if constexpr (nm_place(s.value) == here &&
                                     nm_kind(s.value) == NM_SPECIES_TRAPPED) {
                    size =
                        size + nm_vabs(pt->charge[s.value] * pt->trapped[s.value]) * inverse_volume;
                }
            });
            if (nm_may_charge(here) && pt->is_charging[c.value]) {
                constexpr int keeper = nm_keeper(here);
                look->gross[v] = look->gross[v] + nm_vabs(pt->applied[c.value]);
                if constexpr (keeper >= 0) {
                    if (!pt->is_held[nm_species_of(keeper)]) {
                        look->gross[keeper] = size;
                    }
                }
            } else {
                look->gross[v] = pt->is_clamped[c.value] ? nm_splat(1.0) : size;
            }
        }
    });
    NM_UNROLL
    for (int i = 0; i < NM_NY; i++) {
        /* a balance that nothing moves is kept */
        nm_vec scale =
            nm_choose(look->gross[i] > nm_splat(NM_IDLE), look->gross[i], nm_splat(1.0));
        nm_vec r = nm_vabs(look->f[i] / scale);
        look->resid = nm_choose(nm_vfinite(r), nm_vmax(look->resid, r), nm_splat(NM_INFINITY));
    }
}

/* the same for the few points that get there */
NM_LEAF void nm_look_again(nm_look *look, const nm_vec *y, const nm_point *pt,
                           const nm_choices *pick)
{
    nm_look_at(look, y, pt, pick);
}

#endif

/* --- outputs ------------------------------------------------------------------------------------------ */

/* A sink takes outputs by their numbers: `wants` says whether one is stored, `put` takes it. */
struct nm_sink { /* block buffer: [n_slots] */
    static constexpr bool is_lazy = true; /* what is not stored is not worked out */
    const int16_t *slot;
    nm_vec *out;
    NM_INLINE bool wants(int number) const { return slot[number] >= 0; }
    NM_INLINE void put(int number, nm_vec value) { out[slot[number]] = value; }
};
#define NM_EMIT(number, value)                                                                     \
    do {                                                                                           \
        if (sink->wants(number)) {                                                                 \
            sink->put(number, value);                                                              \
        }                                                                                          \
    } while (0)

/* Whether an output of these numbers is wanted, where a sink would rather not have the others worked out. */
template <class SINK, class... NUMBER> NM_FN bool nm_needs(NM_MAYBE_UNUSED const SINK *sink, NM_MAYBE_UNUSED NUMBER... number)
{
    if constexpr (requires { SINK::is_lazy; }) {
        return (sink->wants(number) || ...);
    } else {
        return true;
    }
}
template <class SINK> NM_FN bool nm_needs_any(NM_MAYBE_UNUSED const SINK *sink, NM_MAYBE_UNUSED int first, int n)
{
    bool any = false;
    for (int i = 0; i < n; i++) {
        any = any || nm_needs(sink, first + i);
    }
    return any;
}

/* x becomes 0 where a pathway is idle */
NM_FN void nm_rest(nm_mask is_idle, nm_vec *x)
{
    *x = nm_choose(is_idle, nm_splat(0.0), *x);
}

/* what the solver adds to a state's outputs */
struct nm_remarks {
    nm_vec delta, tau_slow, tau_fast, growth_rate, n_states, iterations;
};

#ifndef NM_GRADIENTS
#define NM_ROW_O_EMIT(name, unit, expression, text)                                                \
    if (sink->wants(NM_OUT_observable + NM_OBS_##name)) {                                          \
        NM_NAMES                                                                                   \
        sink->put(NM_OUT_observable + NM_OBS_##name, NM_RAW(NM_PAR(0.0) + (expression)));          \
    }

/* observables: expressions in concentrations, parameters and net fluxes J_<pathway> */
#define NM_ROW_J_NAME(name, ...)                                                                   \
    NM_MAYBE_UNUSED const nm_par J_##name = nm_lift(look->net[NM_J_##name]);
template <class SINK>
NM_FN void nm_emit_observables(SINK *sink, const nm_look *look, const nm_vec *nm_y,
                               const nm_point *nm_pt, NM_MAYBE_UNUSED const auto *nm_pick)
{
    NM_MAYBE_UNUSED constexpr bool NM_D = false;
    NM_MAYBE_UNUSED const nm_look *const nm_visit = look;
    (void)sink;
    NM_PARAMETERS(NM_ROW_P_LOCAL)
    NM_COMPARTMENTS(NM_ROW_C_INVERSE)
    NM_SPECIES(NM_ROW_S_FREE_C, NM_ROW_S_TRAPPED_C, NM_ROW_S_WATER_C, NM_ROW_S_HELD_C)
    NM_PATHWAYS(NM_ROW_J_NAME)
    NM_OBSERVABLES(NM_ROW_O_EMIT)
}

#endif

/* Outputs of a state. NUM: nm_vec, or a value with its derivatives (gradient.h) */
template <class SINK, class LOOK, class NUM, class POINT>
NM_FN void nm_emit(SINK *sink, const LOOK *look, const NUM *y, const POINT *pt, const auto *pick)
{
    const bool wants_closure = nm_needs(sink, NM_OUT_scalar + NM_SCALAR_closure),
               wants_dissipation = wants_closure || nm_needs(sink, NM_OUT_scalar + NM_SCALAR_Tsigma_total,
                                                             NM_OUT_scalar + NM_SCALAR_sigma_total),
               wants_held = wants_closure || nm_needs(sink, NM_OUT_scalar + NM_SCALAR_P_held),
               wants_clamp = wants_closure || nm_needs(sink, NM_OUT_scalar + NM_SCALAR_P_clamp),
               wants_F_stored = nm_needs(sink, NM_OUT_scalar + NM_SCALAR_F_stored),
               wants_F_cap = nm_needs(sink, NM_OUT_scalar + NM_SCALAR_F_cap),
               wants_useful = nm_needs(sink, NM_OUT_scalar + NM_SCALAR_W_pump,
                                       NM_OUT_scalar + NM_SCALAR_efficiency),
               wants_fuel = wants_closure || wants_useful || nm_needs_any(sink, NM_OUT_P, NM_NE);
    const bool wants_concentrations = wants_held || wants_F_stored || nm_needs_any(sink, NM_OUT_conc, NM_NS);
    const NUM zero = nm_splat(0.0), RT = pt->RT, T = pt->p[NM_P_T];
    NUM c[NM_NS], psi[NM_NC], volume[NM_NC], mu[NM_NS];

    /* potentials, volumes, concentrations, chemical potentials / RT */
    nm_unroll<NM_NC>([&](auto i) NM_LAMBDA {
        constexpr int v = nm_potential_of(i.value), w = nm_volume_of(i.value);
        psi[i.value] = zero;
        volume[i.value] = pt->fixed[i.value];
        if constexpr (v >= 0) {
            psi[i.value] = y[v];
        }
        if constexpr (w >= 0) {
            volume[i.value] = nm_vexp(y[w]);
        }
    });
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        constexpr int kind = nm_kind(s.value);
        c[s.value] = mu[s.value] = zero;
        if constexpr (kind == NM_SPECIES_FREE) {
            constexpr int i = nm_unknown_of(s.value);
            if (wants_concentrations) {
                c[s.value] = nm_choose(y[i] < nm_splat(-690.0), zero, nm_vexp(y[i]));
            }
            mu[s.value] = y[i];
        } else if constexpr (kind == NM_SPECIES_TRAPPED) {
            if (wants_concentrations) {
                c[s.value] = pt->trapped[s.value] / volume[nm_place(s.value)];
            }
        } else if constexpr (kind == NM_SPECIES_HELD) {
            c[s.value] = pt->held[s.value];
            mu[s.value] = pt->ln_held[s.value];
        }
    });
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
        constexpr int here = nm_place(s.value);
        if constexpr (nm_kind(s.value) == NM_SPECIES_WATER) {
            if (!wants_held) {
                return;
            }
            NUM osmolarity = zero;
            nm_unroll<NM_NS>([&](auto r) NM_LAMBDA {
                if constexpr (nm_place(r.value) == here && nm_kind(r.value) != NM_SPECIES_WATER) {
                    osmolarity = osmolarity + c[r.value];
                }
            });
            mu[s.value] = -pt->v_w * osmolarity;
        }
    });
    nm_unroll<NM_N_POTENTIALS>([&](auto i) NM_LAMBDA {
        constexpr int place = nm_floating(i.value);
        NUM V = psi[place] * RT * (1.0 / NM_FARADAY);
        NM_EMIT(NM_OUT_potential + i.value, V);
        NM_EMIT(NM_OUT_V_min + i.value, V);
        NM_EMIT(NM_OUT_V_max + i.value, V);
    });
    nm_unroll<NM_N_VOLUMES>(
        [&](auto i) NM_LAMBDA { NM_EMIT(NM_OUT_volume + i.value, volume[nm_swelling(i.value)]); });
    nm_unroll<NM_NS>([&](auto s) NM_LAMBDA { NM_EMIT(NM_OUT_conc + s.value, c[s.value]); });

    /* forces on each solute and the free energy stored in them */
    NUM F_stored = zero;
    nm_unroll<nm_n_pairs()>([&](auto i) NM_LAMBDA {
        constexpr int s = nm_pair(i.value), o = nm_partner(s), z = nm_charge(s);
        if (!wants_F_stored && !nm_needs(sink, NM_OUT_E + i.value, NM_OUT_dmu + i.value, NM_OUT_dmu_chem + i.value,
                                         NM_OUT_dmu_el + i.value)) {
            return;
        }
        NUM chemical = mu[s] - mu[o],
               electric = (double)z * (psi[nm_place(s)] - psi[nm_place(o)]);
        NM_EMIT(NM_OUT_E + i.value, z == 0
                                        ? nm_splat(NM_NAN)
                                        : -chemical * RT * (1.0 / (NM_FARADAY * (z == 0 ? 1 : z))));
        NM_EMIT(NM_OUT_dmu + i.value, RT * (chemical + electric));
        NM_EMIT(NM_OUT_dmu_chem + i.value, RT * chemical);
        NM_EMIT(NM_OUT_dmu_el + i.value, RT * electric);
        if (wants_F_stored) {
            F_stored = F_stored + volume[nm_place(s)] * RT * (c[s] * chemical - c[s] + c[o]);
        }
    });
    NUM F_cap = zero;
    nm_unroll<NM_NC>([&](auto i) NM_LAMBDA {
        if (wants_F_cap) {
            F_cap = F_cap + 0.5 * pt->capacitance[i.value] * psi[i.value] * psi[i.value] * RT;
        }
    });

    /* pathways and who pays for them */
    NUM dissipation = zero, useful = zero, held = zero, fuel_total = zero, clamp = zero,
           stored = zero, fuel[NM_NE + 1];
    NM_UNROLL
    for (int e = 0; e < NM_NE; e++) {
        fuel[e] = zero;
    }
    nm_unroll<NM_NJ>([&](auto k) NM_LAMBDA {
        constexpr int K = k.value;
        /* an idle pathway (no flux either way) dissipates nothing, even where its force has no value */
        nm_mask is_idle = look->out[K] + look->in[K] <= nm_splat(NM_IDLE);
        const bool wants_force = wants_dissipation || wants_useful || nm_needs(sink, NM_OUT_A + K, NM_OUT_Tsigma + K);
        NUM J = look->net[K], A = wants_force ? look->x[K] * RT : NUM(zero);
        nm_rest(is_idle, &J);
        NUM T_sigma = wants_force ? J * A : NUM(zero);
        nm_rest(is_idle, &T_sigma);
        NM_EMIT(NM_OUT_J + K, J);
        NM_EMIT(NM_OUT_Jout + K, look->out[K]);
        NM_EMIT(NM_OUT_Jin + K, look->in[K]);
        NM_EMIT(NM_OUT_exch + K, nm_vsqrt(look->out[K] * look->in[K]));
        NM_EMIT(NM_OUT_A + K, A);
        NM_EMIT(NM_OUT_Tsigma + K, T_sigma);
        if (wants_dissipation) {
            dissipation += T_sigma;
        }
        if (wants_held) {
            NUM from_held = look->standard[K];
            nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
                constexpr int nu = nm_nu(K, s.value);
                if constexpr (nu != 0 && (nm_unknown_of(s.value) < 0 || nm_is_holdable(s.value))) {
                    if (nm_unknown_of(s.value) < 0 || pt->is_held[s.value]) {
                        from_held = from_held - (double)nu * mu[s.value];
                    }
                }
            });
            NUM power = J * RT * from_held;
            nm_rest(is_idle, &power);
            held += power;
        }
        nm_unroll<NM_NE>([&](auto e) NM_LAMBDA {
            constexpr int nu = nm_nu(K, NM_NS + e.value);
            if constexpr (nu != 0) {
                if (!wants_fuel) {
                    return;
                }
                NUM power = -(double)nu * J * RT * look->worth[e.value];
                fuel[e.value] += power;
                fuel_total += power;
                useful += power;
            }
        });
        if constexpr (nm_is_fueled(K)) {
            useful = useful - T_sigma;
        }
        nm_unroll<NM_NC>([&](auto i) NM_LAMBDA {
            constexpr int q = nm_charge_left(K, i.value);
            if constexpr (q != 0 && nm_potential_of(i.value) >= 0) {
                if (!wants_clamp) {
                    return;
                }
                NUM power = (double)q * J * RT * psi[i.value];
                if (pt->is_clamped[i.value]) {
                    clamp = clamp + power;
                } else {
                    stored = stored - power;
                }
            }
        });
        /* d(free energy)/dt of what the compartments hold; with a clamp, its work on the charge is in `clamp` */
        nm_unroll<NM_NS>([&](auto s) NM_LAMBDA {
            constexpr int nu = nm_nu(K, s.value);
            if constexpr (nu != 0 && nm_unknown_of(s.value) >= 0) {
                if (wants_closure && !(nm_is_holdable(s.value) && pt->is_held[s.value])) {
                    stored = stored + (double)nu * J * RT * mu[s.value];
                }
            }
        });
    });
    nm_unroll<NM_NC>([&](auto i) NM_LAMBDA {
        if constexpr (nm_may_charge(i.value)) { /* the power of the applied current */
            NUM power = pt->applied[i.value] * RT * psi[i.value];
            clamp = clamp + power;
            stored = stored + power;
        }
    });
    nm_unroll<NM_NE>([&](auto e) NM_LAMBDA {
        NM_EMIT(NM_OUT_P + e.value, fuel[e.value]);
        NM_EMIT(NM_OUT_A_fuel + e.value, look->worth[e.value] * RT);
    });
    nm_unroll<nm_loop_table.n>([&](auto i) NM_LAMBDA {
        constexpr int loop = i.value, closes = nm_loop_table.closes[loop];
        NM_EMIT(NM_OUT_Jcyc + i.value, look->net[closes]);
        NUM turn = zero;
        nm_unroll<NM_NJ>([&](auto k) NM_LAMBDA {
            if (!nm_needs(sink, NM_OUT_Acyc + loop)) {
                return;
            }
            constexpr double part = nm_loop_table.part[loop][k.value];
            if constexpr (part != 0.0) {
                turn = nm_vfma(nm_splat(part), look->x[k.value], turn);
            }
        });
        NM_EMIT(NM_OUT_Acyc + i.value, turn * RT);
    });

    NM_EMIT(NM_OUT_scalar + NM_SCALAR_P_held, held);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_P_clamp, clamp);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_Tsigma_total, dissipation);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_sigma_total, dissipation / T);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_W_pump, useful);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_efficiency,
            nm_choose(fuel_total == zero, zero,
                      useful / nm_choose(fuel_total == zero, NUM(nm_splat(1.0)), fuel_total)));
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_closure, fuel_total + held + clamp - dissipation - stored);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_F_stored, F_stored);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_F_cap, F_cap);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_resid, look->resid);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_a_max, look->a_max);
    nm_emit_observables(sink, look, y, pt, pick);
}

#ifndef NM_GRADIENTS
template <class SINK> NM_FN void nm_emit_remarks(SINK *sink, const nm_remarks *remarks)
{
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_delta, remarks->delta);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_tau_slow, remarks->tau_slow);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_tau_fast, remarks->tau_fast);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_growth_rate, remarks->growth_rate);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_n_states, remarks->n_states);
    NM_EMIT(NM_OUT_scalar + NM_SCALAR_iterations, remarks->iterations);
}
#endif

#endif
