/* pump_leak: what keeps a cell from bursting? Leaks let Na+, K+, Cl- and water run; a pump pays ATP to hold them off.
 *
 * All quantities are per m2 of membrane; ell = cell water / membrane area. Sources: Tosteson & Hoffman 1960,
 * Keener & Sneyd, Mori 2012, Kay 2017 (parameters of the default cell). The pump is rev: saturable and reversible,
 * hill: never reverses, const: a given rate. The last two are not thermodynamically consistent past stall. */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit           default    low      high     scale   what it is */                           \
    param(T,       "K",           310.15,    273.15,  323.15,  linear, "temperature")                          \
    param(Na_o,    "mol m-3",     147.0,     1.0,     500.0,   log,    "Na+ in the bath")                      \
    param(K_o,     "mol m-3",     3.0,       0.1,     200.0,   log,    "K+ in the bath")                       \
    param(Cl_o,    "mol m-3",     150.0,     1.0,     500.0,   log,    "Cl- in the bath")                      \
    param(Y_o,     "mol m-3",     0.0,       0.0,     300.0,   linear, "impermeant solute in the bath")        \
    param(z_Y,     "1",           0.0,       -2.0,    2.0,     linear, "valence of the bath's impermeant")     \
    param(N_X,     "mol m-2",     8.33333e-5, 1e-6,   1e-2,    log,    "impermeant solute in the cell")        \
    param(z_X,     "1",           -1.0,      -3.0,    0.8,     linear, "its mean valence")                     \
    param(g_Na,    "S m-2",       0.1,       1e-3,    100.0,   log,    "Na+ leak conductance (ohmic)")         \
    param(g_K,     "S m-2",       3.0,       1e-3,    100.0,   log,    "K+ leak conductance (ohmic)")          \
    param(g_Cl,    "S m-2",       2.0,       1e-3,    100.0,   log,    "Cl- leak conductance (ohmic)")         \
    param(P_Na,    "m s-1",       1e-10,     1e-12,   1e-7,    log,    "Na+ permeability (ghk)")               \
    param(P_K,     "m s-1",       1e-9,      1e-12,   1e-7,    log,    "K+ permeability (ghk)")                \
    param(P_Cl,    "m s-1",       1e-9,      1e-12,   1e-7,    log,    "Cl- permeability (ghk)")               \
    param(L_NKCC,  "mol m-2 s-1", 0.0,       0.0,     1e-7,    linear, "NKCC1 rate per unit affinity / RT")    \
    param(L_KCC,   "mol m-2 s-1", 0.0,       0.0,     1e-7,    linear, "KCC2 rate per unit affinity / RT")     \
    param(P_f,     "m s-1",       1e-4,      1e-6,    5e-4,    log,    "water permeability")                   \
    param(v_w,     "m3 mol-1",    1.8e-5,    1.8e-5,  1.8e-5,  linear, "molar volume of water")                \
    param(C_m,     "F m-2",       0.01,      0.005,   0.03,    log,    "membrane capacitance (capacitive)")    \
    param(V_hold,  "V",           -0.06,     -0.15,   0.1,     linear, "held potential (clamped)")             \
    param(p_max,   "mol m-2 s-1", 5.182e-8,  1e-11,   1e-5,    log,    "pump cycles at saturation")            \
    param(K_Na,    "mol m-3",     10.0,      4.0,     25.0,    log,    "Na+ at half saturation of a pump site") \
    param(K_K,     "mol m-3",     1.5,       0.5,     4.0,     log,    "K+ at half saturation of a pump site") \
    param(kappa_r, "1",           1.0,       0.0,     10.0,    linear, "pump reversal factor (rev)")           \
    param(dG_ATP,  "J mol-1",     -57000.0,  -65000.0, 0.0,    linear, "free energy of ATP hydrolysis")

#define NM_VARIANTS(variant)                                                                                   \
    variant(leak, ohmic, ghk)                                                                                  \
    variant(pump, rev, hill, const)                                                                            \
    variant(membrane, capacitive, electroneutral, clamped)

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(cell, swells(ell), floats(V, by(membrane, capacitor(C_m), neutral(C_m), clamp(V_hold, C_m))), \
                "the cell")                                                                                     \
    compartment(bath, fixed(1.0), ground, "its bath")

/* the start: 30 % of the osmolarity is impermeant, 5 % of the cations are K+: a cell whose pump
 * starts to work (the state "donnan-like"). From here every pump law runs forward first, which Newton likes. */
#define OSM_O (Na_o + K_o + Cl_o + Y_o)
#define X_START (0.3 * OSM_O)
#define CL_START nm_max(0.5 * (OSM_O - (1.0 + z_X) * X_START) + z_X * X_START, 0.01 * OSM_O)
#define CATIONS_START nm_max(CL_START - z_X * X_START, 0.01 * OSM_O)

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*          name     charge  where  value              text */                                             \
    free(       Na_i,    +1,     cell,  0.95 * CATIONS_START, "Na+ in the cell")                                \
    free(       K_i,     +1,     cell,  0.05 * CATIONS_START, "K+ in the cell")                                 \
    free(       Cl_i,    -1,     cell,  CL_START,            "Cl- in the cell")                                \
    trapped(    X_i,     z_X,    cell,  N_X,                 "impermeant solute in the cell")                  \
    water(      water_i, 0,      cell,  N_X / X_START,       "cell water")                                     \
    held(       Na_o,    +1,     bath,  Na_o,                "Na+ of the bath")                                \
    held(       K_o,     +1,     bath,  K_o,                 "K+ of the bath")                                 \
    held(       Cl_o,    -1,     bath,  Cl_o,                "Cl- of the bath")                                \
    held(       Y_o,     z_Y,    bath,  Y_o,                 "impermeant solute of the bath")                  \
    water(      water_o, 0,      bath,  1.0,                 "bath water, without end")

#define NM_FUELS(fuel)                                                                                         \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

#define PUMP_SITES (hill(Na_i, K_Na, 3) * hill(K_o, K_K, 2))

/* from -> to is outward. On the two sides a name is one mole, in the law it is a concentration. */
#define NM_PATHWAYS(path)                                                                                      \
    path(leak_Na, Na_i,                  Na_o,                 by(leak, ohmic(g_Na), ghk(P_Na)), "Na+ leak")   \
    path(leak_K,  K_i,                   K_o,                  by(leak, ohmic(g_K), ghk(P_K)),   "K+ leak")    \
    path(leak_Cl, Cl_i,                  Cl_o,                 by(leak, ohmic(g_Cl), ghk(P_Cl)), "Cl- leak")   \
    path(pump,    3*Na_i + 2*K_o + ATP,  3*Na_o + 2*K_i,                                                       \
         by(pump, saturable(p_max * PUMP_SITES, kappa_r), driven(p_max * PUMP_SITES), constant(p_max)),        \
         "Na,K-ATPase")                                                                                        \
    path(NKCC,    Na_i + K_i + 2*Cl_i,   Na_o + K_o + 2*Cl_o,  linear(L_NKCC), "Na-K-2Cl cotransport")         \
    path(KCC,     K_i + Cl_i,            K_o + Cl_o,           linear(L_KCC),  "K-Cl cotransport")             \
    path(water,   water_i,               water_o,              osmosis(P_f),   "water, down its osmotic force")

/* lysis_margin = 1 - 4 (Na_i + K_i) Cl_i / Pi_o^2, written as a sum of positive terms (Pi_i = Pi_o at a steady
 * state): no cancellation where X_i is small */
#define NM_OBSERVABLES(observable)                                                                             \
    observable(Pi_i, "mol m-3", Na_i + K_i + Cl_i + X_i, "osmolarity of the cell")                             \
    observable(lysis_margin, "1",                                                                              \
               (X_i * (2.0 * OSM_O - X_i) + (Na_i + K_i - Cl_i) * (Na_i + K_i - Cl_i)) / (OSM_O * OSM_O),      \
               "distance to lysis: 1 - 4 (Na_i + K_i) Cl_i / Pi_o^2")

#define NM_WATER_VOLUME v_w
#define NM_GROWTH "lysis"

#include "nessmap/model.h"
