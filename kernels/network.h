/* From tables to rates: what a point needs once, its fluxes, balances, charge rows and their Jacobian.
 *
 * The pathways are evaluated in one place, nm_visit_network: it hands each flux and each algebraic row to a visitor.
 * Solvers visit with derivatives and sum balances; observe.h visits without and keeps everything.
 * Unknowns: ln c of free species, ln volumes, reduced potentials v = F V/RT (see model.h). */
#ifndef NESSMAP_NETWORK_H
#define NESSMAP_NETWORK_H

#include "nessmap/model.h"

/* everything of a parameter set that does not change while it is solved */
typedef struct nm_point {
    nm_vec p[NM_NP];
    nm_vec held[NM_NS], ln_held[NM_NS]; /* held concentrations and their logarithms */
    nm_vec trapped[NM_NS];              /* amounts [mol per extent] */
    nm_vec start[NM_NS];                /* initial concentrations; initial volume for water */
    nm_vec charge[NM_NS];
    nm_vec fixed[NM_NC];     /* volumes that do not swell */
    nm_vec capacitance[NM_NC]; /* C RT/F^2 [mol m-2] */
    nm_vec capacity[NM_NC];    /* the same where it takes up charge; 0 where neutral or clamped */
    nm_vec clamp[NM_NC];     /* held reduced potential */
    nm_vec applied[NM_NC];   /* applied current / F [mol m-2 s-1], inward, of a potential that charges */
    nm_vec ln_hold[NM_NS];   /* of the free species that may be held: ln of the held concentration */
    nm_vec v_start;          /* reduced potential where one starts that floats */
    nm_vec RT, per_RT, RT_F2, v_w;
    int is_clamped[NM_NC], is_neutral[NM_NC], is_charging[NM_NC]; /* the same for all lanes: variants */
    int is_held[NM_NS];
} nm_point;

/* capacitor(C): V from the charge; neutral(C): so small a capacitance that charges balance, which still stores
 * C V^2/2; clamp(V, C): an electrode holds V and carries what charge it takes; charging(C, I): C dV/dt = I - (current
 * that leaves), a state of its own, I [A m-2] applied inward. There the concentrations say nothing about V: if they are
 * free, the first free ion keeps the composition neutral instead of following its own balance (cells of the
 * Hodgkin-Huxley kind with ion concentrations); if they are held, V is all that moves. */
#define NM_MEMBRANE_capacitor(C) nm_make_membrane(0, C, NM_PAR(0.0))
#define NM_MEMBRANE_neutral(C) nm_make_membrane(1, C, NM_PAR(0.0))
#define NM_MEMBRANE_clamp(V, C) nm_make_membrane(2, C, V)
#define NM_MEMBRANE_charging(C, I) nm_make_membrane(3, C, I)
#define NM_MEMBRANE_by(variant, ...)                                                               \
    NM_LAW_PICK(__VA_ARGS__, NM_MEMBRANE_BY4, NM_MEMBRANE_BY3, NM_MEMBRANE_BY2, NM_MEMBRANE_BY1, 0)(variant, __VA_ARGS__)
#define NM_MEMBRANE_BY1(variant, a) NM_BY1(variant, NM_MEMBRANE_##a)
#define NM_MEMBRANE_BY2(variant, a, b) NM_BY2(variant, NM_MEMBRANE_##a, NM_MEMBRANE_##b)
#define NM_MEMBRANE_BY3(variant, a, b, c) NM_BY3(variant, NM_MEMBRANE_##a, NM_MEMBRANE_##b, NM_MEMBRANE_##c)
#define NM_MEMBRANE_BY4(variant, a, b, c, d)                                                       \
    NM_BY4(variant, NM_MEMBRANE_##a, NM_MEMBRANE_##b, NM_MEMBRANE_##c, NM_MEMBRANE_##d)

/* choices of any kind: those of a scan, or those that the compiler knows (nm_chosen) */
#ifdef __cplusplus
#define NM_PICK_ANY auto
#else
#define NM_PICK_ANY nm_choices
#endif

#define NM_EXP_Y(i) nm_exp_y(nm_visit, nm_y, i)
#define NM_EXP_MINUS_Y(i) nm_exp_minus_y(nm_visit, nm_y, i)

/* What the network takes from a point, by name: values out of nm_point, or, where derivatives by parameters are wanted,
 * the expressions of the model's tables once more (gradient.h). */
#ifndef NM_GRADIENTS
#define NM_OF_P(name) nm_lift(nm_pt->p[NM_P_##name])
#define NM_OF_S(field, name) nm_lift(nm_pt->field[NM_S_##name])
#define NM_OF_C(field, name) nm_lift(nm_pt->field[NM_C_##name])
#define NM_OF_FIXED(value) nm_lift(nm_pt->fixed[nm_here])
#define NM_OF_POINT(field) nm_lift(nm_pt->field)
#define NM_OF_ZERO NM_PAR(0.0)
#define NM_OF_FUEL(energy) (NM_PAR(0.0) + (energy))
#define NM_GIVEN
#endif

/* parameters by their names */
#ifdef NM_GRADIENTS
#define NM_ROW_P_LOCAL(name, ...) NM_MAYBE_UNUSED const auto &name = NM_OF_P(name);
#else
#define NM_ROW_P_LOCAL(name, ...) NM_MAYBE_UNUSED const nm_par name = NM_OF_P(name);
#endif

/* Fills the rest of a point from its parameters p. */
#define NM_ROW_S_PREPARE_FREE(name, z, where, value, text)                                         \
    nm_pt->start[NM_S_##name] = NM_RAW(NM_PAR(value));                                             \
    nm_pt->charge[NM_S_##name] = NM_RAW(NM_PAR(z));
#define NM_ROW_S_PREPARE_TRAPPED(name, z, where, value, text)                                      \
    nm_pt->trapped[NM_S_##name] = NM_RAW(NM_PAR(value));                                           \
    nm_pt->charge[NM_S_##name] = NM_RAW(NM_PAR(z));
#define NM_ROW_S_PREPARE_WATER(name, z, where, value, text) nm_pt->start[NM_S_##name] = NM_RAW(NM_PAR(value));
#define NM_ROW_S_PREPARE_HELD(name, z, where, value, text)                                         \
    nm_pt->held[NM_S_##name] = NM_RAW(NM_PAR(value));                                              \
    nm_pt->ln_held[NM_S_##name] = nm_vlog(NM_RAW(NM_PAR(value)));                                  \
    nm_pt->charge[NM_S_##name] = NM_RAW(NM_PAR(z));
#define NM_HOLD_held 1
#define NM_HOLD_free 0
#define NM_HOLD_by(variant, ...)                                                                   \
    NM_LAW_PICK(__VA_ARGS__, NM_HOLD_BY4, NM_HOLD_BY3, NM_HOLD_BY2, NM_HOLD_BY1, 0)(variant, __VA_ARGS__)
#define NM_HOLD_BY1(variant, a) NM_HOLD_##a
#define NM_HOLD_BY2(variant, a, b) (NM_PICK(variant) == 0 ? NM_HOLD_##a : NM_HOLD_##b)
#define NM_HOLD_BY3(variant, a, b, c) (NM_PICK(variant) == 0 ? NM_HOLD_##a : NM_PICK(variant) == 1 ? NM_HOLD_##b : NM_HOLD_##c)
#define NM_HOLD_BY4(variant, a, b, c, d)                                                           \
    (NM_PICK(variant) == 0 ? NM_HOLD_##a : NM_PICK(variant) == 1 ? NM_HOLD_##b : NM_PICK(variant) == 2 ? NM_HOLD_##c : NM_HOLD_##d)
#define NM_ROW_H_PREPARE(name, when)                                                               \
    nm_pt->is_held[NM_S_##name] = NM_HOLD_##when;                                                  \
    nm_pt->ln_hold[NM_S_##name] = nm_vlog(nm_pt->start[NM_S_##name]);
#define NM_VOLUME_PREPARE_swells(volume) NM_PAR(1.0)
#define NM_VOLUME_PREPARE_fixed(value) NM_PAR(value)
#define NM_POTENTIAL_PREPARE_ground nm_make_membrane(1, NM_PAR(0.0), NM_PAR(0.0))
#define NM_POTENTIAL_PREPARE_floats(potential, membrane) NM_MEMBRANE_##membrane
#define NM_ROW_C_PREPARE(name, volume, potential, text)                                            \
    {                                                                                              \
        const nm_membrane_any nm_m = NM_POTENTIAL_PREPARE_##potential;                             \
        nm_pt->fixed[NM_C_##name] = NM_RAW(NM_VOLUME_PREPARE_##volume);                            \
        nm_pt->is_neutral[NM_C_##name] = nm_m.kind == 1;                                           \
        nm_pt->is_clamped[NM_C_##name] = nm_m.kind == 2;                                           \
        nm_pt->capacitance[NM_C_##name] = NM_RAW(nm_m.capacitance * nm_RT_F2);                     \
        nm_pt->capacity[NM_C_##name] = nm_m.kind == 0 ? nm_pt->capacitance[NM_C_##name] : nm_splat(0.0); \
        nm_pt->is_charging[NM_C_##name] = nm_m.kind == 3;                                          \
        nm_pt->clamp[NM_C_##name] = NM_RAW(nm_m.held * NM_PAR(NM_FARADAY) / nm_RT);                \
        nm_pt->applied[NM_C_##name] = nm_m.kind == 3 ? NM_RAW(nm_m.held * NM_PAR(1.0 / NM_FARADAY)) : nm_splat(0.0); \
    }
#ifndef NM_GRADIENTS
NM_FN void nm_prepare(nm_point *nm_pt, NM_MAYBE_UNUSED const NM_PICK_ANY *nm_pick) {
    NM_PARAMETERS(NM_ROW_P_LOCAL)
    const nm_par nm_RT = NM_PAR(NM_R) * T;
    const nm_par nm_RT_F2 = nm_RT * NM_PAR(1.0 / (NM_FARADAY * NM_FARADAY));
    NM_SPECIES(NM_ROW_S_PREPARE_FREE, NM_ROW_S_PREPARE_TRAPPED, NM_ROW_S_PREPARE_WATER, NM_ROW_S_PREPARE_HELD)
    for (int s = 0; s < NM_NS; s++) { nm_pt->is_held[s] = 0; }
    NM_HOLDS(NM_ROW_H_PREPARE)
    NM_COMPARTMENTS(NM_ROW_C_PREPARE)
    nm_pt->v_start = NM_RAW(NM_PAR(NM_V_START) * NM_PAR(NM_FARADAY) / nm_RT);
    nm_pt->RT = NM_RAW(nm_RT);
    nm_pt->per_RT = NM_RAW(NM_PAR(1.0) / nm_RT);
    nm_pt->RT_F2 = NM_RAW(nm_RT_F2);
    nm_pt->v_w = NM_RAW(NM_PAR(NM_WATER_VOLUME));
}
#endif

/* 1/volume of each compartment */
#define NM_VOLUME_INVERSE_swells(volume) NM_UNKNOWN(NM_Y_##volume, NM_EXP_MINUS_Y(NM_Y_##volume), -NM_EXP_MINUS_Y(NM_Y_##volume))
#define NM_VOLUME_INVERSE_fixed(value) NM_PAR(1.0) / NM_OF_FIXED(value)
#define NM_ROW_C_INVERSE(name, volume, potential, text) NM_LET(nm_inv_##name, NM_C_##name, NM_VOLUME_INVERSE_##volume);

/* concentration nm_c_<species> and chemical potential / RT nm_mu_<species> */
#define NM_ROW_S_FREE_C(name, z, where, value, text)                                               \
    NM_LET(nm_c_##name, 0, NM_UNKNOWN(NM_Y_##name, NM_EXP_Y(NM_Y_##name), NM_EXP_Y(NM_Y_##name))); \
    NM_LET(nm_mu_##name, 0, NM_UNKNOWN(NM_Y_##name, nm_y[NM_Y_##name], nm_splat(1.0)));
#define NM_ROW_S_TRAPPED_C(name, z, where, value, text)                                            \
    NM_LET(nm_c_##name, 0, NM_OF_S(trapped, name) * nm_inv_##where);                               \
    NM_LET(nm_mu_##name, 0, NM_PAR(0.0));
#define NM_ROW_S_HELD_C(name, z, where, value, text)                                               \
    NM_LET(nm_c_##name, 0, NM_OF_S(held, name));                                                   \
    NM_LET(nm_mu_##name, 0, NM_OF_S(ln_held, name));
#define NM_ROW_S_WATER_C(name, z, where, value, text) NM_LET(nm_c_##name, 0, NM_PAR(1.0));
#define NM_ROW_S_WATER_MU(name, z, where, value, text)                                             \
    NM_LET(nm_mu_##name, 0, -(NM_OF_POINT(v_w) * (NM_PAR(0.0) + nm_osm_##where)));

/* osmolarity and charge density of each compartment */
#define NM_ROW_S_OSM(name, z, where, value, text) +NM_KEEP(NM_C_##where == nm_here, nm_c_##name)
#define NM_ROW_S_RHO(name, z, where, value, text)                                                  \
    +NM_KEEP(NM_C_##where == nm_here, NM_OF_S(charge, name) * nm_c_##name)
#define NM_ROW_C_SUMS(name, volume, potential, text)                                               \
    NM_LET(nm_osm_##name, NM_C_##name, NM_ZERO NM_SPECIES(NM_ROW_S_OSM, NM_ROW_S_OSM, NM_SKIP, NM_ROW_S_OSM)); \
    NM_LET(nm_rho_##name, NM_C_##name, NM_ZERO NM_SPECIES(NM_ROW_S_RHO, NM_ROW_S_RHO, NM_SKIP, NM_ROW_S_RHO));

/* reduced potential of each compartment */
#define NM_POTENTIAL_PSI_floats(potential, membrane) NM_UNKNOWN(NM_Y_##potential, nm_y[NM_Y_##potential], nm_splat(1.0))
#define NM_POTENTIAL_PSI_ground NM_ZERO
#define NM_ROW_C_PSI(name, volume, potential, text) NM_LET(nm_psi_##name, 0, NM_POTENTIAL_PSI_##potential);

/* names as concentrations, potentials [V] and volumes [m], for laws, fuels, totals and observables */
#define NM_ROW_S_NAME(name, ...) NM_MAYBE_UNUSED NM_CONST_ANY name = nm_c_##name;
#define NM_VOLUME_NAME_swells(volume)                                                              \
    NM_MAYBE_UNUSED NM_CONST_ANY volume =                                                          \
        NM_UNKNOWN(NM_Y_##volume, NM_EXP_Y(NM_Y_##volume), NM_EXP_Y(NM_Y_##volume));
#define NM_VOLUME_NAME_fixed(value)
#define NM_POTENTIAL_NAME_floats(potential, membrane)                                              \
    NM_MAYBE_UNUSED NM_CONST_ANY potential =                                                       \
        NM_UNKNOWN(NM_Y_##potential, nm_y[NM_Y_##potential], nm_splat(1.0)) *                      \
        (NM_OF_POINT(RT) * NM_PAR(1.0 / NM_FARADAY));
#define NM_POTENTIAL_NAME_ground
#define NM_ROW_C_NAME(name, volume, potential, text) NM_VOLUME_NAME_##volume NM_POTENTIAL_NAME_##potential
#define NM_NAMES                                                                                   \
    NM_SPECIES(NM_ROW_S_NAME, NM_ROW_S_NAME, NM_ROW_S_NAME, NM_ROW_S_NAME)                         \
    NM_COMPARTMENTS(NM_ROW_C_NAME)

/* what a fuel is worth, nm_fuel_<fuel> = -dG/RT */
#define NM_ROW_E_FUEL(name, energy, text)                                                          \
    NM_LET_NAMED(nm_fuel_##name, -(NM_OF_FUEL(energy) * NM_OF_POINT(per_RT)));               \
    NM_VISIT_FUEL(NM_E_##name, nm_fuel_##name);

/* one pathway: its context, its law, its visit */
#define NM_ROW_S_AFFINITY(name, ...) +NM_TIMES(-nm_nu(nm_k, NM_S_##name), nm_mu_##name)
#define NM_ROW_C_ELECTRIC(name, ...) +NM_TIMES(nm_charge_left(nm_k, NM_C_##name), nm_psi_##name)
#define NM_ROW_E_AFFINITY(name, ...) +NM_TIMES(-nm_nu(nm_k, NM_NS + NM_E_##name), nm_fuel_##name)
#define NM_ROW_S_FROM(name, ...) *NM_POWER(nm_moles(nm_k, 0, NM_S_##name), nm_c_##name)
#define NM_ROW_S_TO(name, ...) *NM_POWER(nm_moles(nm_k, 1, NM_S_##name), nm_c_##name)
#define NM_ROW_C_OSM_SUM(name, ...) +nm_value(nm_osm_##name)
#define NM_ROW_J_CONTEXT(name)                                                                     \
        NM_MAYBE_UNUSED NM_CONSTANT(nm_k, NM_J_##name);                                            \
        NM_MAYBE_UNUSED NM_CONSTANT(nm_q, nm_path_charge(nm_k));                                   \
        NM_LET(nm_u, 0, NM_OF_ZERO + (NM_ZERO NM_COMPARTMENTS(NM_ROW_C_ELECTRIC)));               \
        NM_LET(nm_x, 0,                                                                            \
               nm_u + (NM_ZERO NM_SPECIES(NM_ROW_S_AFFINITY, NM_ROW_S_AFFINITY, NM_ROW_S_AFFINITY, \
                                          NM_ROW_S_AFFINITY) NM_FUELS(NM_ROW_E_AFFINITY)));        \
        NM_LET(nm_left, 0, NM_PAR_ONE *(NM_ONE NM_SPECIES(NM_ROW_S_FROM, NM_SKIP, NM_SKIP, NM_ROW_S_FROM))); \
        NM_LET(nm_right, 0, NM_PAR_ONE *(NM_ONE NM_SPECIES(NM_ROW_S_TO, NM_SKIP, NM_SKIP, NM_ROW_S_TO))); \
        NM_MAYBE_UNUSED NM_CONST_ANY_CONTEXT nm_ctx =                                              \
            nm_make_context(nm_x, nm_u, nm_left, nm_right, nm_RT, nm_RT_F2, nm_q); \
        NM_NAMES
#ifdef NM_GRADIENTS
#define NM_VISITED /* gradient.h has visits of its own */
#elif defined(__cplusplus)
#define NM_ROW_J_VISIT(name, from, to, law, text)                                                  \
    const auto nm_flux_##name = [&]() NM_LAMBDA {                                                  \
        if constexpr (nm_omits<NM_CHOICES>(NM_J_##name)) {                                         \
            return nm_no_flux{};                                                                   \
        } else {                                                                                   \
            NM_ROW_J_CONTEXT(name)                                                                 \
            return NM_LAW_##law;                                                                   \
        }                                                                                          \
    }();                                                                                           \
    if constexpr (!nm_omits<NM_CHOICES>(NM_J_##name)) {                                            \
        NM_VISIT_FLUX(NM_J_##name, nm_flux_##name);                                                \
    }
#define NM_ROW_J_MASK(name, ...) decltype(nm_flux_##name)::mask,
#define NM_ROW_T_MASK(name, ...) decltype(nm_total_##name)::mask,
#define NM_VISITED return nm_masks<NM_PATHWAYS(NM_ROW_J_MASK) NM_TOTALS(NM_ROW_T_MASK) 0u>{};
#else
#define NM_ROW_J_VISIT(name, from, to, law, text)                                                  \
    {                                                                                              \
        NM_ROW_J_CONTEXT(name)                                                                     \
        NM_VISIT_FLUX(nm_k, NM_LAW_##law);                                                         \
    }
#define NM_VISITED
#endif

/* one total: expression - its parameter; a species that is held stays where it is instead */
#define NM_ROW_T_VISIT(name, expression, species, text)                                            \
    NM_LET_NAMED(nm_total_##name, (expression) - NM_OF_P(name));                                    \
    if (nm_is_holdable(NM_S_##species) && nm_pt->is_held[NM_S_##species]) {                        \
        NM_VISIT_TOTAL(NM_T_##name, nm_mu_##species - NM_OF_S(ln_hold, species), NM_PAR(1.0));      \
    } else {                                                                                       \
        NM_VISIT_TOTAL(NM_T_##name, nm_total_##name, NM_OF_P(name));                       \
    }
#define NM_ROW_H_VISIT(name, when)                                                                 \
    if (nm_pt->is_held[NM_S_##name]) {                                                             \
        NM_VISIT_HOLD(NM_Y_##name, nm_mu_##name - NM_OF_S(ln_hold, name));                         \
    }

/* Charge of each floating compartment: sum z c - C V/(F volume) = 0, or the clamp v - v_hold = 0, or the current that
 * charges it, with a row of charge for the ion that keeps its composition neutral */
#define NM_POTENTIAL_VISIT_ground(name)
#define NM_POTENTIAL_VISIT_floats(name)                                                            \
    if (nm_pt->is_clamped[NM_C_##name]) {                                                          \
        NM_VISIT_CHARGE(NM_C_##name, nm_psi_##name - NM_OF_C(clamp, name));                        \
    } else if (nm_may_charge(NM_C_##name) && nm_pt->is_charging[NM_C_##name]) {                    \
        NM_VISIT_CURRENT(NM_C_##name, nm_rho_##name, NM_OF_C(applied, name));                      \
    } else {                                                                                       \
        NM_VISIT_CHARGE(NM_C_##name,                                                               \
                        nm_rho_##name - NM_OF_C(capacity, name) * nm_psi_##name * nm_inv_##name); \
    }
#define NM_IS_floats(potential, membrane) floats
#define NM_IS_ground ground
#define NM_ROW_C_VISIT(name, volume, potential, text) NM_PASTE(NM_POTENTIAL_VISIT_, NM_IS_##potential)(name)

#ifdef __cplusplus
#ifdef NM_GRADIENTS
#define NM_CONST_ANY const auto &
#else
#define NM_CONST_ANY const auto
#endif
#define NM_CONST_ANY_CONTEXT const auto
#define NM_PAR_ONE NM_ONE_THEN{}
#define NM_VISIT_FLUX(k, flux) nm_visit->template path<(k)>(flux)
#define NM_VISIT_TOTAL(t, row, scale) nm_visit->template total<(t)>(row, scale)
#define NM_VISIT_CHARGE(c, row) nm_visit->template charge<(c)>(row)
#define NM_VISIT_CURRENT(c, rho, applied) nm_visit->template current<(c)>(rho, applied, nm_pt)
#define NM_VISIT_HOLD(y, row) nm_visit->template hold<(y)>(row)
#define NM_VISIT_FUEL(e, worth) nm_visit->template fuel<(e)>(worth)
/* name = expression in the names of species, potentials and volumes */
#define NM_LET_NAMED(name, ...)                                                                    \
    NM_MAYBE_UNUSED const auto name = [&]() NM_LAMBDA {                                            \
        NM_NAMES                                                                                   \
        return __VA_ARGS__;                                                                        \
    }()

/* a product that may have no factor is 1 */
struct NM_ONE_THEN {};
NM_INLINE nm_plain operator*(NM_ONE_THEN, nm_nothing) { return nm_plain(1.0); }
template <nm_dirs M> NM_INLINE nm_dual<M> operator*(NM_ONE_THEN, const nm_dual<M> &x) { return x; }
NM_INLINE nm_nothing operator-(nm_nothing, nm_nothing) { return nm_nothing{}; }
template <nm_dirs M> NM_INLINE nm_dual<M> operator-(nm_nothing, const nm_dual<M> &x) { return -x; }

/* exp of an unknown: that which the visitor knows already, if any */
template <class V> NM_FN nm_vec nm_exp_y(NM_MAYBE_UNUSED const V *visit, NM_MAYBE_UNUSED const nm_vec *y, int i) {
    if constexpr (requires { visit->exp_y[0]; }) {
        return visit->exp_y[i];
    } else {
        return nm_vexp(y[i]);
    }
}
template <class V> NM_FN nm_vec nm_exp_minus_y(NM_MAYBE_UNUSED const V *visit, NM_MAYBE_UNUSED const nm_vec *y, int i) {
    if constexpr (requires { visit->exp_y[0]; }) {
        return visit->exp_minus_y[i];
    } else {
        return nm_vexp(-y[i]);
    }
}

/* a pathway that is left out, and whether it is */
struct nm_no_flux {
    static constexpr nm_dirs mask = 0;
};
template <class PICK> NM_CONST_FN bool nm_omits(NM_MAYBE_UNUSED int k) {
    if constexpr (requires { PICK::is_lean; }) {
        return PICK::is_lean && nm_is_rare(k);
    } else {
        return false;
    }
}
/* by which unknowns each pathway's flux, and then each total, has a derivative: what nm_visit_network returns, for its
 * type */
template <nm_dirs... M> struct nm_masks {
    NM_CONST_FN nm_dirs of(int k) {
        const nm_dirs all[] = {M...};
        return all[k];
    }
};

template <bool NM_D, class NM_VISITOR, class NM_CHOICES>
NM_FN auto nm_visit_network(NM_VISITOR *nm_visit, NM_MAYBE_UNUSED const nm_point *nm_pt, NM_MAYBE_UNUSED const NM_CHOICES *nm_pick,
                            const nm_vec *nm_y) {
#else
#define NM_CONST_ANY const nm_real
#define NM_CONST_ANY_CONTEXT const nm_context
#define NM_PAR_ONE 1.0
#define NM_VISIT_FLUX(k, flux) nm_visit_flux(nm_visit, k, flux)
#define NM_VISIT_TOTAL(t, row, scale) nm_visit_total(nm_visit, t, row, scale)
#define NM_VISIT_CHARGE(c, row) nm_visit_charge(nm_visit, c, row)
#define NM_VISIT_CURRENT(c, rho, applied) nm_visit_current(nm_visit, c, rho, applied, nm_pt)
#define NM_VISIT_HOLD(y, row) nm_visit->f[y] = (row)
#define NM_VISIT_FUEL(e, worth) (void)(worth)
#define NM_LET_NAMED(name, ...)                                                                    \
    NM_MAYBE_UNUSED nm_real name;                                                                  \
    do {                                                                                           \
        NM_NAMES                                                                                   \
        name = __VA_ARGS__;                                                                        \
    } while (0)

#define nm_exp_y(visit, y, i) nm_vexp((y)[i])
#define nm_exp_minus_y(visit, y, i) nm_vexp(-(y)[i])

typedef struct nm_visitor { /* C11: balances, charge rows and totals in solver order */
    nm_real f[NM_NY], total[NM_NT + 1];
    nm_real v_w;
} nm_visitor;
NM_FN void nm_visit_flux(nm_visitor *visit, int k, nm_flux flux) {
    for (int s = 0; s < NM_NS; s++) {
        int y = nm_unknown_of(s);
        if (y >= 0 && nm_nu(k, s) != 0) {
            visit->f[y] += (nm_kind(s) == NM_SPECIES_WATER ? visit->v_w : 1.0) * nm_nu(k, s) * flux.net;
        }
    }
    for (int c = 0; c < NM_NC; c++) {
        if (nm_may_charge(c)) { visit->f[nm_potential_of(c)] -= nm_charge_left(k, c) * flux.net; }
    }
}
NM_FN void nm_visit_total(nm_visitor *visit, int t, nm_real row, nm_real scale) {
    (void)scale;
    visit->total[t] = row;
}
NM_FN void nm_visit_charge(nm_visitor *visit, int c, nm_real row) { visit->f[nm_potential_of(c)] = row; }
NM_FN void nm_visit_current(nm_visitor *visit, int c, nm_real rho, nm_real applied, const nm_point *pt) {
    visit->f[nm_potential_of(c)] += applied;
    if (nm_keeper(c) >= 0 && !pt->is_held[nm_species_of(nm_keeper(c))]) { visit->f[nm_keeper(c)] = rho; }
}

NM_FN void nm_visit_network(nm_visitor *nm_visit, const nm_point *nm_pt, NM_MAYBE_UNUSED const nm_choices *nm_pick,
                            const nm_vec *nm_y) {
#endif
    NM_PARAMETERS(NM_ROW_P_LOCAL)
    NM_GIVEN
    NM_COMPARTMENTS(NM_ROW_C_INVERSE)
    NM_SPECIES(NM_ROW_S_FREE_C, NM_ROW_S_TRAPPED_C, NM_ROW_S_WATER_C, NM_ROW_S_HELD_C)
    NM_COMPARTMENTS(NM_ROW_C_SUMS)
    NM_COMPARTMENTS(NM_ROW_C_PSI)
    NM_SPECIES(NM_SKIP, NM_SKIP, NM_ROW_S_WATER_MU, NM_SKIP)
    NM_MAYBE_UNUSED const nm_par nm_v_w = NM_OF_POINT(v_w);
    NM_MAYBE_UNUSED const nm_par nm_osm = NM_PAR(0.0) NM_COMPARTMENTS(NM_ROW_C_OSM_SUM);
    NM_MAYBE_UNUSED NM_CONST_ANY nm_RT = NM_OF_POINT(RT);
    NM_MAYBE_UNUSED NM_CONST_ANY nm_RT_F2 = NM_OF_POINT(RT_F2);
    NM_FUELS(NM_ROW_E_FUEL)
    NM_PATHWAYS(NM_ROW_J_VISIT)
    NM_HOLDS(NM_ROW_H_VISIT)
    NM_TOTALS(NM_ROW_T_VISIT)
    NM_COMPARTMENTS(NM_ROW_C_VISIT)
    NM_VISITED
}

#endif
