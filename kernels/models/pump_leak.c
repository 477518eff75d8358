/* pump_leak: what keeps a cell from bursting? Leaks let Na+, K+, Cl- and water run; a pump pays ATP to hold them off.
 *
 * All quantities are per m2 of membrane; ell = cell water / membrane area. Sources: Tosteson & Hoffman 1960,
 * Keener & Sneyd, Mori 2012, Kay 2017 (parameters of the default cell). The pump is rev: saturable and reversible,
 * hill: never reverses, const: a given rate; these two are not thermodynamically consistent past stall. post_albers: a
 * cycle of states with published rates, whose fuel follows from the nucleotides in place of dG_ATP (A_ATP tells). */

#include "nessmap/post_albers.h"
#include "nessmap/pump_guess.h"
#include "nessmap/pump_overload.h"

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
    param(dG_ATP,  "J mol-1",     -57000.0,  -65000.0, 0.0,    linear, "free energy of ATP hydrolysis")        \
    param(n_pump,  "mol m-2",     8.3e-9,    1e-11,   1e-7,    log,    "pumps (post_albers)")                  \
    param(MgATP,   "mol m-3",     6.95,      1e-3,    10.0,    log,    "MgATP (post_albers)")                  \
    param(MgADP,   "mol m-3",     0.035,     1e-3,    10.0,    log,    "MgADP (post_albers)")                  \
    param(Pi_tot,  "mol m-3",     0.8,       0.1,     50.0,    log,    "phosphate, free and bound (post_albers)") \
    param(H,       "mol m-3",     8.03526e-5, 4e-5,   2e-4,    log,    "H+ in the cell (post_albers)")

#define NM_VARIANTS(variant)                                                                                   \
    variant(leak, ohmic, ghk)                                                                                  \
    variant(pump, rev, hill, const, post_albers)                                                               \
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

#define FIELD (V * NM_FARADAY / (NM_R * T)) /* of one elementary charge, in RT */
#define PHOSPHATE nm_pa_phosphate(Pi_tot, Na_i, K_i, H)

#define NM_FUELS(fuel)                                                                                         \
    fuel(ATP, choose(pump, dG_ATP, dG_ATP, dG_ATP, nm_pa_energy(NM_R * T, MgATP, MgADP, PHOSPHATE, H)),        \
         "ATP to ADP and phosphate")

#define PUMP_SITES (hill(Na_i, K_Na, 3) * hill(K_o, K_K, 2))
#define PUMP_TURNS nm_pa_forward_turns(Na_i, K_i, Na_o, K_o, FIELD, MgATP, MgADP, PHOSPHATE, H)

/* from -> to is outward. On the two sides a name is one mole, in the law it is a concentration. */
#define NM_PATHWAYS(path)                                                                                      \
    path(leak_Na, Na_i,                  Na_o,                 by(leak, ohmic(g_Na), ghk(P_Na)), "Na+ leak")   \
    path(leak_K,  K_i,                   K_o,                  by(leak, ohmic(g_K), ghk(P_K)),   "K+ leak")    \
    path(leak_Cl, Cl_i,                  Cl_o,                 by(leak, ohmic(g_Cl), ghk(P_Cl)), "Cl- leak")   \
    path(pump,    3*Na_i + 2*K_o + ATP,  3*Na_o + 2*K_i,                                                       \
         by(pump, saturable(p_max * PUMP_SITES, kappa_r), driven(p_max * PUMP_SITES), constant(p_max),         \
                  saturable(n_pump * PUMP_TURNS, NM_PAR(0.0))),                                                \
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

/* Cells with the pump rates that hold their resting state: p_max for `rev`, n_pump for `post_albers`; the texts have
 * p_max for the other two. Leaks of the last three are exact inversions of the balance at the published state. */
#define NM_PRESETS(preset)                                                                                     \
    preset(mammal_generic_kay,                                                                                 \
           "leak=ohmic T=298.15 Na_o=147 K_o=3 Cl_o=150 N_X=8.33333e-5 z_X=-1 g_Na=0.1 g_K=3 g_Cl=2 "          \
           "P_f=1e-4 C_m=0.01 K_Na=10 K_K=1.5 dG_ATP=-57000 p_max=4.817010656239774e-7 n_pump=8.3e-9",         \
           "mammalian cell after Kay 2017: ohmic leaks, -94 mV"                                                \
           "; p_max is 4.76502e-7 for hill, 5.182e-8 for const")                                               \
    preset(neuron_kcc2,                                                                                        \
           "leak=ohmic T=310.15 Na_o=145 K_o=3.5 Cl_o=119 Y_o=29.5 z_Y=-1 N_X=1e-4 z_X=-0.85 "                 \
           "g_Na=0.2 g_K=0.7 g_Cl=0.2 L_KCC=5.5408e-8 P_f=1e-4 C_m=0.02 K_Na=10 K_K=1.5 "                      \
           "dG_ATP=-57000 p_max=9.69357402168092e-7 n_pump=9.916e-9",                                          \
           "neuron with KCC2 after Duesterwald et al. 2018: ohmic leaks, -73 mV"                               \
           "; p_max is 9.59257e-7 for hill, 9.33e-8 for const")                                                \
    preset(red_cell_human,                                                                                     \
           "leak=ghk T=310.15 Na_o=145 K_o=5 Cl_o=150 N_X=2.60975e-5 z_X=-1.000048481 "                        \
           "P_Na=2.778779246e-12 P_K=3.070311199e-12 P_Cl=2.2e-10 P_f=2e-4 C_m=0.01 K_Na=10 K_K=1.5 "          \
           "dG_ATP=-57000 p_max=2.1673088978693015e-9 n_pump=1.834e-11",                                       \
           "human red cell: leaks from the Na+ that its pump moves, -12 mV"                                    \
           "; p_max is 2.1632e-9 for hill, 1.6e-10 for const")                                                 \
    preset(squid_axon,                                                                                         \
           "leak=ghk T=291.15 Na_o=440 K_o=20 Cl_o=560 Y_o=63 z_Y=1.5873015873015872 N_X=0.072625 "            \
           "z_X=-0.6850259027 P_Na=3.419176493e-10 P_K=5.788855757e-9 P_Cl=2.6e-9 P_f=1e-4 C_m=0.01 "          \
           "K_Na=20 K_K=1.5 dG_ATP=-57000 p_max=4.123783922105182e-7 n_pump=4.233e-9",                         \
           "squid giant axon, 500 um: leaks from an efflux of 40 pmol cm-2 s-1, -60 mV"                        \
           "; p_max is 4.12235e-7 for hill, 1.3e-7 for const")                                                 \
    preset(skeletal_muscle_mammal,                                                                             \
           "leak=ghk T=310.15 Na_o=145 K_o=4 Cl_o=120 Y_o=20 z_Y=-1.45 N_X=1.475e-3 z_X=-1.38136232 "          \
           "P_Na=5.896548416e-11 P_K=4.87223372e-9 P_Cl=1.5e-8 P_f=1e-4 C_m=0.01 K_Na=10 K_K=1.5 "             \
           "dG_ATP=-57000 p_max=1.2125161811339915e-7 n_pump=1.464e-9",                                        \
           "mammalian skeletal muscle fibre: leaks from a pump rate of 1e-8 mol m-2 s-1, -91 mV"               \
           "; p_max is 1.16501e-7 for hill, 1e-8 for const")

#define PER_RT_F (NM_FARADAY / (NM_R * T))
#define PER_RT_F2 (NM_FARADAY * PER_RT_F)
#define ENERGY (-dG_ATP / (NM_R * T))

/* Newton's method begins where pump_guess.h says; where its reduction does not hold, at the start, but for the K+ that the
 * pump holds, 90 % of the cations at most. */
#define REDUCED(here, elsewhere)                                                                               \
    choose(leak, choose(membrane, REDUCED_BY(here, elsewhere), REDUCED_BY(here, elsewhere), elsewhere), elsewhere)
#define REDUCED_BY(here, elsewhere) choose(pump, here, here, here, elsewhere)
#define STRENGTH_OF(fuel)                                                                                      \
    nm_pg_strength(g_Na, g_K, Na_o, K_o, CATIONS_START, PER_RT_F2 * p_max * hill(K_o, K_K, 2), K_Na, fuel)
#define STRENGTH /* nothing stops `hill` */                                                                    \
    choose(pump, STRENGTH_OF(ENERGY), STRENGTH_OF(NM_PAR(100.0)), PER_RT_F2 * p_max / (g_Na * g_K), NM_PAR(0.0))
#define NM_GUESS(let, guess)                                                                                   \
    let(strength, REDUCED(STRENGTH, NM_PAR(0.0)))                                                              \
    let(na, 3.0 * g_K * strength)                                                                              \
    let(k, 2.0 * g_Na * strength)                                                                              \
    let(sum, REDUCED(Na_o * nm_exp(-na) + K_o * nm_exp(k), NM_PAR(1.0)))                                       \
    let(field, REDUCED(nm_pg_field(sum, Cl_o, OSM_O, z_X), NM_PAR(1.0)))                                       \
    let(v, nm_log(field))                                                                                      \
    let(held, REDUCED(NM_PAR(0.0), nm_pg_held(Na_o, K_o, CATIONS_START, ENERGY + PER_RT_F * NM_V_START)))       \
    let(share, nm_max(nm_if(nm_less(0.95, held), NM_PAR(0.95), held), 0.1))                                    \
    guess(Na_i, REDUCED(nm_log(Na_o) - v - na, nm_log(share * CATIONS_START)))                                 \
    guess(K_i, REDUCED(nm_log(K_o) - v + k, nm_log((1.0 - share) * CATIONS_START)))                            \
    guess(Cl_i, REDUCED(nm_log(Cl_o) + v, nm_log(CL_START)))                                                   \
    guess(ell, nm_log(N_X / REDUCED(nm_max(OSM_O - sum / field - Cl_o * field, 0.01 * OSM_O), X_START)))       \
    guess(V, REDUCED(v, PER_RT_F * choose(membrane, NM_PAR(NM_V_START), NM_PAR(NM_V_START), V_hold)))

#define NM_RARE(rare) rare(NKCC) rare(KCC)

/* Lysis by too strong a pump, told from the parameters where pump_overload.h has the proof: ohmic leaks, no cotransport,
 * a potential that floats, a valence up to 1 with the charge of the membrane, and Cl- and water that move at all. */
#define NM_SURELY_GROWS                                                                                        \
    nm_if(nm_less(0.0, g_Cl * P_f),                                                                            \
          nm_if(nm_less(L_NKCC + L_KCC, 1e-300),                                                               \
                nm_if(nm_less(z_X + 0.7 * C_m / (N_X * PER_RT_F2), 1.0), SURPLUS, NM_PAR(-1.0)), NM_PAR(-1.0)), \
          NM_PAR(-1.0))
#define SURPLUS                                                                                                \
    choose(leak, choose(membrane, SURPLUS_FLOATING, SURPLUS_FLOATING, NM_PAR(-1.0)), NM_PAR(-1.0))
#define SURPLUS_FLOATING                                                                                       \
    choose(pump, SURPLUS_BY(0.0, p_max * hill(K_o, K_K, 2)), SURPLUS_BY(1.0, p_max * hill(K_o, K_K, 2)),        \
           SURPLUS_BY(2.0, p_max), NM_PAR(-1.0))
#define SURPLUS_BY(law, p)                                                                                     \
    nm_po_surplus(3.0 * PER_RT_F2 / g_Na, 2.0 * PER_RT_F2 / g_K, Na_o, K_o, Cl_o, OSM_O, p, K_Na, kappa_r,     \
                  ENERGY, NM_PAR(law))

#define NM_WATER_VOLUME v_w
#define NM_GROWTH "lysis"

#include "nessmap/model.h"
