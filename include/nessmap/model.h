/* The one include of a model file: its tables become numbers, names and constant functions.
 *
 * The rows of a table start with a word (`param(`, `free(`, `path(`): these words are the parameters of the table
 * macro, so each pass over a table hands in one macro per word. A pathway's two sides are expressions in species
 * names; the same text, evaluated with other meanings of the names, gives stoichiometry, affinity and charge.
 *
 * 1. Defaults  2. Numbers  3. Constants of the network  4. Loops  5. Checks at compile time
 *
 * Errors: a broken rule stops the compiler at a static_assert with the row's text. */
#ifndef NESSMAP_MODEL_H
#define NESSMAP_MODEL_H

#include "nessmap/elements.h"

/* --- 1. defaults: tables that a model may leave out --------------------------------------------- */

#ifndef NM_VARIANTS
#define NM_VARIANTS(variant)
#endif
#ifndef NM_FUELS
#define NM_FUELS(fuel)
#endif
#ifndef NM_TOTALS
#define NM_TOTALS(total)
#endif
#ifndef NM_OBSERVABLES
#define NM_OBSERVABLES(observable)
#endif
#ifndef NM_HOLDS /* free species that a chemostat may hold at their start: hold(F, by(fuel, held, free)) */
#define NM_HOLDS(hold)
#endif
#ifndef NM_PRESETS /* named cells: preset(squid_axon, "leak=ghk T=291.15", text) */
#define NM_PRESETS(preset)
#endif
#ifndef NM_V_START /* [V] where a potential starts that floats, an expression in parameters */
#define NM_V_START -0.06
#endif
#ifndef NM_WATER_VOLUME /* [m3 mol-1] */
#define NM_WATER_VOLUME 1.8e-5
#endif
#ifndef NM_EXTENT /* quantities are per membrane area, "m-2", or per volume, "m-3" */
#define NM_EXTENT "m-2"
#endif
#ifndef NM_GROWTH
#define NM_GROWTH NULL
#endif
/* where Newton's method may begin, other than the start: guess(K_i, logarithm of a concentration), guess(ell, logarithm of a
 * volume), guess(V, a potential in RT/F); let(name, expression) gives a name to what several rows need */
#ifndef NM_GUESS
#define NM_GUESS(let, guess)
#endif
#ifndef NM_RARE /* pathways that most cells lack: rare(NKCC). Cells without them are solved without their terms. */
#define NM_RARE(rare)
#endif
/* NM_SURELY_GROWS, where a model has it: an expression in parameters that is positive only where it is proved that
 * there is no steady state and the volume grows without end. */

#define NM_SKIP(...)

/* --- 2. numbers ---------------------------------------------------------------------------------- */

#define NM_ROW_P(name, ...) NM_P_##name,
enum { NM_PARAMETERS(NM_ROW_P) NM_NP };

#define NM_ROW_V(name, ...) NM_V_##name,
enum { NM_VARIANTS(NM_ROW_V) NM_NV };
#define NM_COUNT_ARGS(...) NM_COUNT_PICK(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define NM_COUNT_PICK(a, b, c, d, e, f, g, h, n, ...) n
#define NM_ROW_VN(name, ...) NM_VN_##name = NM_COUNT_ARGS(__VA_ARGS__),
enum { NM_VARIANTS(NM_ROW_VN) NM_VN_end };
#define NM_ROW_V_FIELD(name, ...) int name;
typedef struct nm_choices { /* the chosen entry of each variant */
    NM_VARIANTS(NM_ROW_V_FIELD)
    int nm_end;
} nm_choices;
#define NM_PASTE(a, b) NM_PASTE_2(a, b)
#define NM_PASTE_2(a, b) a##b
/* NM_STARTS_BY: a variant whose choices are nothing but different initial states. Where `starts` asks for several, all
 * of them are tried. */
#ifdef NM_STARTS_BY
enum { NM_STARTS_VARIANT = NM_PASTE(NM_V_, NM_STARTS_BY), NM_OTHER_STARTS = NM_PASTE(NM_VN_, NM_STARTS_BY) - 1 };
#else
enum { NM_STARTS_VARIANT = -1, NM_OTHER_STARTS = 0 };
#endif
#ifdef __cplusplus
/* Choices that the compiler knows, so that laws not chosen cost nothing: CODE has four bits for each variant, the first
 * lowest. NM_CHOSEN is such a code for a whole compilation. IS_LEAN: pathways of NM_RARE are left out, too. */
template <unsigned CODE, bool IS_LEAN> struct nm_chosen : nm_choices {
    static constexpr unsigned code = CODE;
    static constexpr bool is_lean = IS_LEAN;
};
#define NM_ROW_V_WHICH(name, ...)                                                                  \
    if constexpr (V == NM_V_##name) {                                                              \
        return pick->name;                                                                         \
    } else
/* the choice of variant V: a number, or nm_index where the compiler knows it */
template <int V, class PICK> NM_INLINE auto nm_which(NM_MAYBE_UNUSED const PICK *pick) {
#ifdef NM_CHOSEN
    if constexpr (V != (int)NM_STARTS_VARIANT) {
        return nm_index<(int)((NM_CHOSEN) >> 4 * V & 15)>{};
    } else
#endif
        if constexpr (V != (int)NM_STARTS_VARIANT && requires { PICK::code; }) {
        return nm_index<(int)(PICK::code >> 4 * V & 15)>{};
    } else
        NM_VARIANTS(NM_ROW_V_WHICH) { return 0; }
}
#define NM_PICK(variant) nm_which<NM_V_##variant>(nm_pick)
#else
#define NM_PICK(variant) nm_pick->variant
#endif

#define NM_ROW_C(name, ...) NM_C_##name,
enum { NM_COMPARTMENTS(NM_ROW_C) NM_NC };

#define NM_ROW_S(name, ...) NM_S_##name,
enum { NM_SPECIES(NM_ROW_S, NM_ROW_S, NM_ROW_S, NM_ROW_S) NM_NS };

#define NM_ROW_E(name, ...) NM_E_##name,
enum { NM_FUELS(NM_ROW_E) NM_NE };

#define NM_ROW_J(name, ...) NM_J_##name,
enum { NM_PATHWAYS(NM_ROW_J) NM_NJ };

#define NM_ROW_T(name, ...) NM_T_##name,
enum { NM_TOTALS(NM_ROW_T) NM_NT };

#define NM_ROW_O(name, ...) NM_OBS_##name,
enum { NM_OBSERVABLES(NM_ROW_O) NM_NO };

#define NM_ROW_PRESET(name, ...) NM_PRESET_##name,
enum { NM_PRESETS(NM_ROW_PRESET) NM_N_PRESETS };

/* unknowns: ln c of the free species, ln of the volumes, reduced potentials F V/RT */
#define NM_ROW_Y(name, ...) NM_Y_##name,
#define NM_VOLUME_Y_swells(volume) NM_Y_##volume,
#define NM_VOLUME_Y_fixed(value)
#define NM_POTENTIAL_Y_floats(potential, membrane) NM_Y_##potential,
#define NM_POTENTIAL_Y_ground
#define NM_ROW_C_VOLUME_Y(name, volume, potential, text) NM_VOLUME_Y_##volume
#define NM_ROW_C_POTENTIAL_Y(name, volume, potential, text) NM_POTENTIAL_Y_##potential
enum {
    NM_SPECIES(NM_ROW_Y, NM_SKIP, NM_SKIP, NM_SKIP)
    NM_COMPARTMENTS(NM_ROW_C_VOLUME_Y)
    NM_COMPARTMENTS(NM_ROW_C_POTENTIAL_Y)
    NM_NY
};
#define NM_ONE_OF(...) +1
#define NM_VOLUME_ONE_swells(volume) +1
#define NM_VOLUME_ONE_fixed(value)
#define NM_POTENTIAL_ONE_floats(potential, membrane) +1
#define NM_POTENTIAL_ONE_ground
#define NM_ROW_C_VOLUME_ONE(name, volume, potential, text) NM_VOLUME_ONE_##volume
#define NM_ROW_C_POTENTIAL_ONE(name, volume, potential, text) NM_POTENTIAL_ONE_##potential
enum {
    NM_N_FREE = 0 NM_SPECIES(NM_ONE_OF, NM_SKIP, NM_SKIP, NM_SKIP),
    NM_N_VOLUMES = 0 NM_COMPARTMENTS(NM_ROW_C_VOLUME_ONE),
    NM_N_POTENTIALS = 0 NM_COMPARTMENTS(NM_ROW_C_POTENTIAL_ONE)
};

/* --- 3. constants of the network: functions that the compiler folds ------------------------------ */

/* unknown of a compartment's volume or potential, -1 where it has none */
#define NM_VOLUME_OF_swells(volume) NM_Y_##volume
#define NM_VOLUME_OF_fixed(value) -1
#define NM_POTENTIAL_OF_floats(potential, membrane) NM_Y_##potential
#define NM_POTENTIAL_OF_ground -1
#define NM_ROW_C_VOLUME_OF(name, volume, potential, text) c == NM_C_##name ? NM_VOLUME_OF_##volume:
#define NM_ROW_C_POTENTIAL_OF(name, volume, potential, text) c == NM_C_##name ? NM_POTENTIAL_OF_##potential:
NM_CONST_FN int nm_volume_of(int c) { return NM_COMPARTMENTS(NM_ROW_C_VOLUME_OF) -1; }
NM_CONST_FN int nm_potential_of(int c) { return NM_COMPARTMENTS(NM_ROW_C_POTENTIAL_OF) -1; }

#define NM_ROW_S_PLACE(name, charge, where, value, text) s == NM_S_##name ? NM_C_##where:
NM_CONST_FN int nm_place(int s) {
    return NM_SPECIES(NM_ROW_S_PLACE, NM_ROW_S_PLACE, NM_ROW_S_PLACE, NM_ROW_S_PLACE) -1;
}

#define NM_ROW_S_FREE(name, ...) s == NM_S_##name ? NM_SPECIES_FREE:
#define NM_ROW_S_TRAPPED(name, ...) s == NM_S_##name ? NM_SPECIES_TRAPPED:
#define NM_ROW_S_WATER(name, ...) s == NM_S_##name ? NM_SPECIES_WATER:
#define NM_ROW_S_HELD(name, ...) s == NM_S_##name ? NM_SPECIES_HELD:
NM_CONST_FN int nm_kind(int s) {
    return NM_SPECIES(NM_ROW_S_FREE, NM_ROW_S_TRAPPED, NM_ROW_S_WATER, NM_ROW_S_HELD) -1;
}

/* the unknown of a species: its own ln c, or the volume of its water; -1 where it has none */
#define NM_ROW_S_Y(name, ...) s == NM_S_##name ? NM_Y_##name:
#define NM_ROW_S_WATER_Y(name, charge, where, value, text) s == NM_S_##name ? nm_volume_of(NM_C_##where):
NM_CONST_FN int nm_unknown_of(int s) { return NM_SPECIES(NM_ROW_S_Y, NM_SKIP, NM_ROW_S_WATER_Y, NM_SKIP) -1; }
NM_CONST_FN int nm_species_of(int y) {
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_FREE && nm_unknown_of(s) == y) { return s; }
    }
    return -1;
}

/* 1 if a chemostat may hold free species s */
#define NM_ROW_H_IS(name, when) || s == NM_S_##name
NM_CONST_FN int nm_is_holdable(int s) { return (void)s, 0 NM_HOLDS(NM_ROW_H_IS); }
#define NM_ROW_H_ONE(name, when) +1
enum { NM_N_HOLDS = 0 NM_HOLDS(NM_ROW_H_ONE) };

/* 1 if the potential of compartment c may be a state of its own, charging(C, I), for some choice of a variant */
#define NM_CHARGES_capacitor(C) 0
#define NM_CHARGES_neutral(C) 0
#define NM_CHARGES_clamp(V, C) 0
#define NM_CHARGES_charging(C, I) 1
#define NM_CHARGES_by(variant, ...) \
    NM_CHARGES_PICK(__VA_ARGS__, NM_CHARGES_BY4, NM_CHARGES_BY3, NM_CHARGES_BY2, NM_CHARGES_BY1, 0)(__VA_ARGS__)
#define NM_CHARGES_PICK(a, b, c, d, name, ...) name
#define NM_CHARGES_BY1(a) NM_CHARGES_##a
#define NM_CHARGES_BY2(a, b) (NM_CHARGES_##a || NM_CHARGES_##b)
#define NM_CHARGES_BY3(a, b, c) (NM_CHARGES_##a || NM_CHARGES_##b || NM_CHARGES_##c)
#define NM_CHARGES_BY4(a, b, c, d) (NM_CHARGES_##a || NM_CHARGES_##b || NM_CHARGES_##c || NM_CHARGES_##d)
#define NM_POTENTIAL_CHARGES_floats(potential, membrane) NM_CHARGES_##membrane
#define NM_POTENTIAL_CHARGES_ground 0
#define NM_ROW_C_CHARGES(name, volume, potential, text) c == NM_C_##name ? NM_POTENTIAL_CHARGES_##potential:
NM_CONST_FN int nm_may_charge(int c) { return NM_COMPARTMENTS(NM_ROW_C_CHARGES) 0; }
#define NM_ROW_C_MAY_CHARGE(name, volume, potential, text) || NM_POTENTIAL_CHARGES_##potential
enum { NM_MAY_CHARGE = 0 NM_COMPARTMENTS(NM_ROW_C_MAY_CHARGE) };

/* Moles of species s (or fuel s - NM_NS) on one side of pathway k: the side's text with names as unit vectors. */
#define NM_ROW_S_UNIT(name, ...) NM_MAYBE_UNUSED const int name = s == NM_S_##name;
#define NM_ROW_E_UNIT(name, ...) NM_MAYBE_UNUSED const int name = s == NM_NS + NM_E_##name;
#define NM_ROW_J_COUNT(name, from, to, law, text)                                                  \
    case NM_J_##name: return is_to ? (to) : (from);
NM_CONST_FN int nm_moles(int k, int is_to, int s) {
    NM_SPECIES(NM_ROW_S_UNIT, NM_ROW_S_UNIT, NM_ROW_S_UNIT, NM_ROW_S_UNIT)
    NM_FUELS(NM_ROW_E_UNIT)
    switch (k) { NM_PATHWAYS(NM_ROW_J_COUNT) default: return 0; }
}
/* moles made per mole of pathway */
NM_CONST_FN int nm_nu(int k, int s) { return nm_moles(k, 1, s) - nm_moles(k, 0, s); }

NM_CONST_FN int nm_is_fueled(int k) {
    for (int e = 0; e < NM_NE; e++) {
        if (nm_nu(k, NM_NS + e) != 0) { return 1; }
    }
    return 0;
}

/* Charge number of a species that moves; a charge that is a parameter counts as NM_NO_CHARGE. */
enum { NM_NO_CHARGE = 1000003 };
#define NM_ROW_P_NO_CHARGE(name, ...) NM_MAYBE_UNUSED const int name = NM_NO_CHARGE;
#define NM_ROW_S_CHARGE(name, charge, where, value, text) s == NM_S_##name ? (int)(charge):
NM_CONST_FN int nm_charge(int s) {
    NM_PARAMETERS(NM_ROW_P_NO_CHARGE)
    return NM_SPECIES(NM_ROW_S_CHARGE, NM_ROW_S_CHARGE, NM_ROW_S_CHARGE, NM_ROW_S_CHARGE) 0;
}

/* charge that pathway k takes out of compartment c */
NM_CONST_FN int nm_charge_left(int k, int c) {
    int q = 0;
    for (int s = 0; s < NM_NS; s++) {
        if (nm_place(s) == c && nm_nu(k, s) != 0) { q -= nm_nu(k, s) * nm_charge(s); }
    }
    return q;
}
/* charge that pathway k takes out of the first floating compartment it touches */
NM_CONST_FN int nm_path_charge(int k) {
    for (int c = 0; c < NM_NC; c++) {
        if (nm_potential_of(c) >= 0 && nm_charge_left(k, c) != 0) { return nm_charge_left(k, c); }
    }
    return 0;
}

/* The unknown of the first free charged species of compartment c, which keeps the composition neutral where the
 * potential is a state of its own; -1 where no free species carries charge. */
NM_CONST_FN int nm_keeper(int c) {
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_FREE && nm_place(s) == c && nm_charge(s) != 0) { return nm_unknown_of(s); }
    }
    return -1;
}
/* 1 if unknown y is such a keeper for some choice of a variant */
NM_CONST_FN int nm_may_keep(int y) {
    for (int c = 0; c < NM_NC; c++) {
        if (nm_may_charge(c) && nm_keeper(c) == y) { return 1; }
    }
    return 0;
}

/* 1 if the balance of the free species at unknown y is replaced by a total */
#define NM_ROW_T_REPLACES(name, expression, species, text) || y == NM_Y_##species
NM_CONST_FN int nm_is_replaced(int y) { return (void)y, 0 NM_TOTALS(NM_ROW_T_REPLACES); }
#define NM_ROW_T_Y(name, expression, species, text) t == NM_T_##name ? NM_Y_##species:
NM_CONST_FN int nm_total_unknown(int t) { return (void)t, NM_TOTALS(NM_ROW_T_Y) -1; }

/* 1 if most cells lack pathway k */
#define NM_ROW_R_IS(name) || k == NM_J_##name
NM_CONST_FN int nm_is_rare(int k) { return (void)k, 0 NM_RARE(NM_ROW_R_IS); }
#define NM_ROW_R_ONE(name) +1
enum { NM_N_RARE = 0 NM_RARE(NM_ROW_R_ONE) };
#define NM_ROW_G_ONE(name, ...) +1
enum { NM_N_GUESSES = 0 NM_GUESS(NM_SKIP, NM_ROW_G_ONE) };

/* --- 4. loops ------------------------------------------------------------------------------------- */

#ifdef __cplusplus
/* A basis of the cycles of the network: combinations of pathways that leave every free species, volume and charged
 * membrane as they are (species that a chemostat may hold count as held). Pathways are taken in the order of their
 * rows: one that depends on earlier ones closes a loop, runs through it once, and gives the loop its name. At a steady
 * state the flux of a loop is the net flux of the pathway that closes it, and the dissipation is the sum over loops of
 * flux times affinity (Hill 1966; Schnakenberg, Rev. Mod. Phys. 48 (1976) 571). */
struct nm_loops {
    int n, closes[NM_NJ];        /* loops, the pathway that closes each */
    double part[NM_NJ][NM_NJ];   /* [loop][pathway] turns of a pathway in one turn of the loop */
};
constexpr nm_loops nm_find_loops() {
    constexpr int n_rows = NM_NS + NM_NC;
    nm_loops loops = {};
    /* independent columns, each reduced by those before; how[i]: reduced column i as a sum of pathways */
    double column[NM_NJ][n_rows] = {}, how[NM_NJ][NM_NJ] = {};
    int pivot[NM_NJ] = {}, n = 0;
    for (int k = 0; k < NM_NJ; k++) {
        double x[n_rows] = {}, sum[NM_NJ] = {};
        for (int s = 0; s < NM_NS; s++) {
            x[s] = nm_unknown_of(s) >= 0 && !nm_is_holdable(s) ? (double)nm_nu(k, s) : 0.0;
        }
        for (int c = 0; c < NM_NC; c++) { x[NM_NS + c] = nm_may_charge(c) ? (double)nm_charge_left(k, c) : 0.0; }
        sum[k] = 1.0;
        for (int i = 0; i < n; i++) {
            double share = x[pivot[i]] / column[i][pivot[i]];
            for (int r = 0; r < n_rows; r++) { x[r] -= share * column[i][r]; }
            for (int j = 0; j < NM_NJ; j++) { sum[j] -= share * how[i][j]; }
            x[pivot[i]] = 0.0;
        }
        int largest = 0;
        for (int r = 1; r < n_rows; r++) {
            if (x[r] * x[r] > x[largest] * x[largest]) { largest = r; }
        }
        if (x[largest] * x[largest] < 1e-18) {
            loops.closes[loops.n] = k;
            for (int j = 0; j < NM_NJ; j++) { loops.part[loops.n][j] = sum[j]; }
            loops.n++;
            continue;
        }
        pivot[n] = largest;
        for (int r = 0; r < n_rows; r++) { column[n][r] = x[r]; }
        for (int j = 0; j < NM_NJ; j++) { how[n][j] = sum[j]; }
        n++;
    }
    return loops;
}
constexpr nm_loops nm_loop_table = nm_find_loops();
#endif

/* --- 5. checks ------------------------------------------------------------------------------------ */

#ifdef __cplusplus
constexpr bool nm_conserves_charge(int k) {
    int q = 0;
    for (int s = 0; s < NM_NS; s++) {
        if (nm_nu(k, s) != 0) { q += nm_nu(k, s) * nm_charge(s); }
    }
    return q == 0;
}
constexpr bool nm_has_fixed_charges(int k) {
    for (int s = 0; s < NM_NS; s++) {
        if (nm_nu(k, s) != 0 && nm_charge(s) == NM_NO_CHARGE) { return false; }
    }
    return true;
}
constexpr bool nm_moves_only_free(int k) {
    for (int s = 0; s < NM_NS; s++) {
        if (nm_kind(s) == NM_SPECIES_TRAPPED && nm_nu(k, s) != 0) { return false; }
    }
    return true;
}
#define NM_ROW_J_CHECK(name, from, to, law, text)                                                                      \
    static_assert(nm_has_fixed_charges(NM_J_##name), "pathway " #name ": a moved species needs a constant integer charge"); \
    static_assert(nm_conserves_charge(NM_J_##name),                                                                    \
                  "pathway " #name ": from and to carry different charge: " #from " -> " #to);                         \
    static_assert(nm_moves_only_free(NM_J_##name), "pathway " #name ": a trapped species cannot move");
NM_PATHWAYS(NM_ROW_J_CHECK)
#define NM_ROW_H_CHECK(name, when)                                                                                     \
    static_assert(nm_kind(NM_S_##name) == NM_SPECIES_FREE && nm_volume_of(nm_place(NM_S_##name)) < 0,                  \
                  "hold(" #name ", ...): a free species of a compartment whose volume is fixed is wanted");
NM_HOLDS(NM_ROW_H_CHECK)
static_assert(NM_NY <= 31, "at most 31 unknowns");
static_assert(NM_NP <= NM_MAX_PARAMS, "too many parameters: raise NM_MAX_PARAMS");
static_assert(NM_NV <= NM_MAX_VARIANTS, "too many variants: raise NM_MAX_VARIANTS");
#endif

#endif
