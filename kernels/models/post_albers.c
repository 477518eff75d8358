/* post_albers: the Na,K-ATPase alone, both its sides held. Which way does it turn, how fast, and where does it stall?
 *
 * Four states in a ring with published rates (nessmap/post_albers.h), as ordinary rows: each step is mass action of two
 * states, and its rates hold the ions, the potential and the nucleotides that it binds. These do not change, so all
 * that they supply is in P_held; the observables say who pays: ATP by P_ATP, and what the ions get of it by W_ions.
 * The lumped law of `pump_leak` (pump = post_albers) is here as v_cyc, n_pump times which is the flux of every step. */

#include "nessmap/post_albers.h"

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit       default     low      high     scale   what it is */                              \
    param(T,       "K",       310.0,      273.15,  323.15,  linear, "temperature")                             \
    param(V,       "V",       -0.08,      -0.4,    0.1,     linear, "held potential, inside - outside")        \
    param(Na_i,    "mol m-3", 10.0,       1.0,     150.0,   log,    "Na+ inside, held")                        \
    param(K_i,     "mol m-3", 140.0,      1.0,     200.0,   log,    "K+ inside, held")                         \
    param(Na_o,    "mol m-3", 140.0,      1.0,     500.0,   log,    "Na+ outside, held")                       \
    param(K_o,     "mol m-3", 5.4,        0.1,     60.0,    log,    "K+ outside, held")                        \
    param(MgATP,   "mol m-3", 6.95,       1e-3,    10.0,    log,    "MgATP, held")                             \
    param(MgADP,   "mol m-3", 0.035,      1e-3,    10.0,    log,    "MgADP, held")                             \
    param(Pi_tot,  "mol m-3", 0.8,        0.1,     50.0,    log,    "phosphate, free and bound to cations")    \
    param(H,       "mol m-3", 8.03526e-5, 4e-5,    2e-4,    log,    "H+ inside, held")                         \
    param(n_pump,  "mol m-2", 7.5e-9,     1e-11,   1e-7,    log,    "pumps, all four states together")

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(membrane, fixed(1.0), ground, "the membrane; states of the pump are mol m-2 here")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*   name  charge  where      value          text */                                                       \
    free(E1,   0,      membrane,  0.25 * n_pump, "3 Na+ of the inside bound, ATP bound")                       \
    free(E1P,  0,      membrane,  0.25 * n_pump, "phosphorylated, 3 Na+ occluded")                             \
    free(E2P,  0,      membrane,  0.25 * n_pump, "phosphorylated, open to the outside")                        \
    free(E2,   0,      membrane,  0.25 * n_pump, "2 K+ of the outside occluded")

#define NM_TOTALS(total)                                                                                       \
    total(n_pump, E1 + E1P + E2P + E2, E1, "pumps stay in the membrane; replaces the balance of E1")

#define FIELD (V * NM_FARADAY / (NM_R * T)) /* of one elementary charge, in RT */
#define PHOSPHATE nm_pa_phosphate(Pi_tot, Na_i, K_i, H)

#define NM_PATHWAYS(path)                                                                                      \
    path(occlude_Na, E1,  E1P, mass_action(nm_pa_a1(Na_i, K_i, FIELD), nm_pa_b1(MgADP)),                       \
         "3 Na+ of the inside are occluded, ADP leaves")                                                       \
    path(release_Na, E1P, E2P, mass_action(nm_pa_a2(), nm_pa_b2(Na_o, K_o, FIELD)),                            \
         "3 Na+ leave to the outside")                                                                         \
    path(occlude_K,  E2P, E2,  mass_action(nm_pa_a3(Na_o, K_o, FIELD), nm_pa_b3(MgATP, PHOSPHATE, H)),         \
         "2 K+ of the outside are occluded, phosphate leaves")                                                 \
    path(release_K,  E2,  E1,  mass_action(nm_pa_a4(MgATP), nm_pa_b4(Na_i, K_i, FIELD)),                       \
         "ATP binds, 2 K+ leave to the inside")

#define ENERGY nm_pa_energy(NM_R * T, MgATP, MgADP, PHOSPHATE, H)
#define IONS (3.0 * nm_log(Na_i / Na_o) - 2.0 * nm_log(K_i / K_o) + FIELD) /* affinity without ATP, in RT */
#define FORCE (IONS - ENERGY / (NM_R * T))
#define TURNS nm_pa_forward_turns(Na_i, K_i, Na_o, K_o, FIELD, MgATP, MgADP, PHOSPHATE, H)
#define NET (-(TURNS * nm_expm1(-FORCE))) /* forward less back, with every digit near the stall */

#define NM_OBSERVABLES(observable)                                                                             \
    observable(v_cyc,       "s-1",     NET, "turns of one pump by the lumped law, net")                        \
    observable(v_plus,      "s-1",     TURNS, "turns forward")                                                 \
    observable(v_minus,     "s-1",     TURNS * nm_exp(-FORCE), "turns back")                                   \
    observable(affinity_RT, "1",       FORCE, "affinity of one turn / RT; 0 at the stall")                     \
    observable(V_stall,     "V",       V - FORCE * (NM_R * T) * (1.0 / NM_FARADAY),                            \
               "potential at which it stalls")                                                                 \
    observable(dG_ATP,      "J mol-1", ENERGY, "free energy of ATP hydrolysis")                                \
    observable(P_ATP,       "W m-2",   -(n_pump * NET * ENERGY), "power supplied by ATP")                      \
    observable(W_ions,      "W m-2",   -(n_pump * NET * IONS * (NM_R * T)),                                    \
               "power given to ions against their forces")                                                     \
    observable(eta,         "1",       IONS * (NM_R * T) / ENERGY, "W_ions / P_ATP; 1 at the stall")           \
    observable(I_pump,      "A m-2",   n_pump * NET * NM_FARADAY, "current, outward positive")                 \
    observable(Pi_free,     "mol m-3", PHOSPHATE, "phosphate that no cation has taken")                        \
    observable(K_Ki,        "mol m-3", NM_PAR(NM_PA_KI), "dissociation constant of K+ inside")                 \
    observable(occ_E1,      "1",       E1 / n_pump, "share of pumps in state E1")                              \
    observable(occ_E1P,     "1",       E1P / n_pump, "share of pumps in state E1P")                            \
    observable(occ_E2P,     "1",       E2P / n_pump, "share of pumps in state E2P")                            \
    observable(occ_E2,      "1",       E2 / n_pump, "share of pumps in state E2")                              \
    observable(alpha_p1,    "s-1",     nm_pa_a1(Na_i, K_i, FIELD), "rate from E1 to E1P")                      \
    observable(alpha_p2,    "s-1",     nm_pa_a2(), "rate from E1P to E2P")                                     \
    observable(alpha_p3,    "s-1",     nm_pa_a3(Na_o, K_o, FIELD), "rate from E2P to E2")                      \
    observable(alpha_p4,    "s-1",     nm_pa_a4(MgATP), "rate from E2 to E1")                                  \
    observable(alpha_m1,    "s-1",     nm_pa_b1(MgADP), "rate from E1P to E1")                                 \
    observable(alpha_m2,    "s-1",     nm_pa_b2(Na_o, K_o, FIELD), "rate from E2P to E1P")                     \
    observable(alpha_m3,    "s-1",     nm_pa_b3(MgATP, PHOSPHATE, H), "rate from E2 to E2P")                   \
    observable(alpha_m4,    "s-1",     nm_pa_b4(Na_i, K_i, FIELD), "rate from E1 to E2")

#define NM_EXTENT "m-2"
#define NM_STATIONARY_GTH

#include "nessmap/model.h"
