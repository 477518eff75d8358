/* everything: two cells in one bath, both swelling, both with a potential, by every word that a model file knows.
 *
 * A gap joins the cells. A solute names its pair by what stands before the last underscore, so that cell b, whose names
 * end in the solute, stands apart. No totals, no observables: tables that a model does not need are left out. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit           default   low     high    scale   what it is */                      \
    param(T,       "K",           310.15,   273.15, 323.15, linear, "temperature")                     \
    param(Na_o,    "mol m-3",     145.0,    1.0,    500.0,  log,    "Na+ in the bath")                 \
    param(K_o,     "mol m-3",     5.0,      0.1,    200.0,  log,    "K+ in the bath")                  \
    param(Cl_o,    "mol m-3",     150.0,    1.0,    500.0,  log,    "Cl- in the bath")                 \
    param(N_a,     "mol m-2",     1e-4,     1e-6,   1e-2,   log,    "impermeant anion of cell a")      \
    param(N_b,     "mol m-2",     2e-4,     1e-6,   1e-2,   log,    "impermeant anion of cell b")      \
    param(L_Na,    "mol m-2 s-1", 3e-8,     1e-12,  1e-5,   log,    "Na+ leak, rate per force")        \
    param(g_K,     "S m-2",       3.0,      1e-3,   100.0,  log,    "K+ conductance")                  \
    param(P_Cl,    "m s-1",       1e-8,     1e-12,  1e-6,   log,    "Cl- permeability")                \
    param(L_gap,   "mol m-2 s-1", 1e-9,     0.0,    1e-5,   linear, "K+ through the gap")              \
    param(k_trap,  "mol m-2 s-1", 1e-9,     0.0,    1e-5,   linear, "G through the wall at saturation") \
    param(p_max,   "mol m-2 s-1", 1e-7,     0.0,    1e-5,   linear, "pump cycles at saturation")       \
    param(C_m,     "F m-2",       0.01,     0.005,  0.03,   log,    "membrane capacitance")            \
    param(P_f,     "m s-1",       1e-4,     1e-6,   5e-4,   log,    "water permeability")              \
    param(dG_ATP,  "J mol-1",     -57000.0, -65000.0, 0.0,  linear, "free energy of ATP hydrolysis")

#define NM_VARIANTS(variant)                                                                           \
    variant(pump_a, saturating, constant_rate, hill_rate, thermodynamic)                               \
    variant(wall,   capacitive, electroneutral)

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(a,    swells(ell_a), floats(V_a, by(wall, capacitor(C_m), neutral(C_m))), "cell a")    \
    compartment(b,    swells(ell_b), floats(V_b, by(wall, capacitor(C_m), neutral(C_m))), "cell b")    \
    compartment(bath, fixed(1.0),    ground,                                              "bath of both")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*     name   charge  where  value          text */                                                \
    free(Na_a,    +1,     a,     NM_PAR(140.0), "Na+ in cell a")                                       \
    free(K_a,     +1,     a,     NM_PAR(8.0),   "K+ in cell a")                                        \
    free(Cl_a,    -1,     a,     NM_PAR(58.0),  "Cl- in cell a")                                       \
    free(G_a,     0,      a,     NM_PAR(1.0),   "neutral solute in cell a")                            \
    free(b_Na,    +1,     b,     NM_PAR(140.0), "Na+ in cell b")                                       \
    free(b_K,     +1,     b,     NM_PAR(8.0),   "K+ in cell b")                                        \
    free(b_Cl,    -1,     b,     NM_PAR(58.0),  "Cl- in cell b")                                       \
    trapped(X_a,  -1,     a,     N_a,           "impermeant anion of cell a")                          \
    trapped(X_b,  -1,     b,     N_b,           "impermeant anion of cell b")                          \
    water(w_a,    0,      a,     N_a / 90.0,    "water of cell a")                                     \
    water(w_b,    0,      b,     N_b / 90.0,    "water of cell b")                                     \
    held(Na_o,    +1,     bath,  Na_o,          "Na+ of the bath")                                     \
    held(K_o,     +1,     bath,  K_o,           "K+ of the bath")                                      \
    held(Cl_o,    -1,     bath,  Cl_o,          "Cl- of the bath")                                     \
    held(G_o,     0,      bath,  NM_PAR(2.0),   "neutral solute of the bath")                          \
    water(w_o,    0,      bath,  NM_PAR(1.0),   "bath water, without end")

#define NM_FUELS(fuel)                                                                                 \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

#define NM_PATHWAYS(path)                                                                              \
    path(leak_Na_a, Na_a,                 Na_o,           linear(L_Na),                      "leak")   \
    path(leak_K_a,  K_a,                  K_o,            ohmic(g_K),                        "leak")   \
    path(leak_Cl_a, Cl_a,                 Cl_o,           ghk(P_Cl),                         "leak")   \
    path(leak_G_a,  G_a,                  G_o,            reciprocal(k_trap * G_a / (1.0 + G_a)), "leak") \
    path(pump_of_a, 3*Na_a + 2*K_o + ATP, 3*Na_o + 2*K_a,                                              \
         by(pump_a, saturable(p_max * hill(Na_a, NM_PAR(10.0), 3), NM_PAR(1.0)), constant(0.1 * p_max), \
            driven(p_max * hill(Na_a, NM_PAR(10.0), 3)), reciprocal(p_max * hill(Na_a, NM_PAR(10.0), 3))), "pump") \
    path(water_a,   w_a,                  w_o,            osmosis(P_f),                      "water")  \
    path(leak_Na_b, b_Na,                 Na_o,           linear(L_Na),                      "leak")   \
    path(leak_K_b,  b_K,                  K_o,            ohmic(g_K),                        "leak")   \
    path(leak_Cl_b, b_Cl,                 Cl_o,           ghk(P_Cl),                         "leak")   \
    path(pump_of_b, 3*b_Na + 2*K_o + ATP, 3*Na_o + 2*b_K,                                              \
         saturable(p_max * hill(b_Na, NM_PAR(10.0), 3), NM_PAR(1.0)),                        "pump")   \
    path(water_b,   w_b,                  w_o,            osmosis(P_f),                      "water")  \
    path(gap,       K_a,                  b_K,            linear(L_gap),                     "between the cells")

#include "nessmap/model.h"
