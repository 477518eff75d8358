/* cotransport: three ways to carry salt across a membrane without charge. Which of them makes a cell burst?
 *
 * A pump-leak cell with the cation-chloride cotransporters NKCC (Na-K-2Cl), KCC (K-Cl) and NCC (Na-Cl), after Aminzare
 * & Kay 2024: ohmic leaks, cotransport in proportion to its force (log-linear). Membrane and leaks are those of the
 * cell of Kay 2017; how strong the cotransporters are is for the scan to say. With a given pump rate r (`const`) all
 * passive fluxes are linear in x = (x_Na, x_K, x_Cl), the forces on the ions / RT, and the steady state has a closed
 * form: (G + L_NKCC n n' + L_KCC m m' + L_NCC k k') x = (-3 r, 2 r, 0), with G = RT/F^2 diag(g_Na, g_K, g_Cl),
 * n = (1, 1, 2), m = (0, 1, 1), k = (1, 0, 1). A finite volume exists where 4 (Na_i + K_i) Cl_i < Pi_o^2.
 * All quantities are per m2 of membrane; ell = cell water / membrane area. */

#define NM_PARAMETERS(param)                                                                              \
    /*    name     unit           default     low      high     scale   what it is */                     \
    param(T,       "K",           298.15,     273.15,  323.15,  linear, "temperature")                    \
    param(Na_o,    "mol m-3",     147.0,      1.0,     500.0,   log,    "Na+ in the bath")                \
    param(K_o,     "mol m-3",     3.0,        0.1,     200.0,   log,    "K+ in the bath")                 \
    param(Cl_o,    "mol m-3",     150.0,      1.0,     500.0,   log,    "Cl- in the bath")                \
    param(Y_o,     "mol m-3",     0.0,        0.0,     300.0,   linear, "impermeant solute in the bath")  \
    param(z_Y,     "1",           -1.0,       -2.0,    2.0,     linear, "its mean valence")               \
    param(N_X,     "mol m-2",     8.33333e-5, 1e-6,    1e-2,    log,    "impermeant solute in the cell")  \
    param(z_X,     "1",           -1.0,       -3.0,    0.8,     linear, "its mean valence")               \
    param(g_Na,    "S m-2",       0.1,        1e-3,    100.0,   log,    "Na+ leak conductance")           \
    param(g_K,     "S m-2",       3.0,        1e-3,    100.0,   log,    "K+ leak conductance")            \
    param(g_Cl,    "S m-2",       2.0,        1e-3,    100.0,   log,    "Cl- leak conductance")           \
    param(L_NKCC,  "mol m-2 s-1", 0.0,        0.0,     1e-5,    linear, "NKCC rate per unit of its force / RT") \
    param(L_KCC,   "mol m-2 s-1", 0.0,        0.0,     1e-5,    linear, "KCC rate per unit of its force / RT")  \
    param(L_NCC,   "mol m-2 s-1", 0.0,        0.0,     1e-5,    linear, "NCC rate per unit of its force / RT")  \
    param(P_f,     "m s-1",       1e-4,       1e-6,    5e-4,    log,    "water permeability")             \
    param(C_m,     "F m-2",       0.01,       0.005,   0.03,    log,    "membrane capacitance")           \
    param(r,       "mol m-2 s-1", 5.182e-8,   1e-11,   1e-5,    log,    "pump cycles: given (const), at saturation (rev)") \
    param(K_Na,    "mol m-3",     10.0,       4.0,     25.0,    log,    "Na+ at half saturation of a pump site (rev)") \
    param(K_K,     "mol m-3",     1.5,        0.5,     4.0,     log,    "K+ at half saturation of a pump site (rev)") \
    param(kappa_r, "1",           1.0,        0.0,     10.0,    linear, "pump reversal factor (rev)")     \
    param(dG_ATP,  "J mol-1",     -57000.0,   -65000.0, 0.0,    linear, "free energy of ATP hydrolysis")

#define NM_VARIANTS(variant)                                                                              \
    variant(pump, const, rev)

#define NM_COMPARTMENTS(compartment)                                                                      \
    compartment(cell, swells(ell), floats(V, capacitor(C_m)), "the cell")                                 \
    compartment(bath, fixed(1.0),  ground,                    "its bath")

/* the start: 30 % of the osmolarity is impermeant, 5 % of the cations are K+, and the cell is neutral */
#define PI_O (Na_o + K_o + Cl_o + Y_o)
#define X_START (0.3 * PI_O)
#define CL_START nm_max(0.5 * (PI_O - (1.0 + z_X) * X_START) + z_X * X_START, 0.01 * PI_O)
#define CATIONS_START nm_max(CL_START - z_X * X_START, 0.01 * PI_O)

#define NM_SPECIES(free, trapped, water, held)                                                            \
    /*       name     charge  where  value                 text */                                        \
    free(    Na_i,    +1,     cell,  0.95 * CATIONS_START, "Na+ in the cell")                             \
    free(    K_i,     +1,     cell,  0.05 * CATIONS_START, "K+ in the cell")                              \
    free(    Cl_i,    -1,     cell,  CL_START,             "Cl- in the cell")                             \
    trapped( X_i,     z_X,    cell,  N_X,                  "impermeant solute in the cell")               \
    water(   water_i, 0,      cell,  N_X / X_START,        "cell water")                                  \
    held(    Na_o,    +1,     bath,  Na_o,                 "Na+ of the bath")                             \
    held(    K_o,     +1,     bath,  K_o,                  "K+ of the bath")                              \
    held(    Cl_o,    -1,     bath,  Cl_o,                 "Cl- of the bath")                             \
    held(    Y_o,     z_Y,    bath,  Y_o,                  "impermeant solute of the bath")               \
    water(   water_o, 0,      bath,  1.0,                  "bath water, without end")

#define NM_FUELS(fuel)                                                                                    \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

/* from -> to is outward */
#define NM_PATHWAYS(path)                                                                                 \
    path(leak_Na, Na_i,                 Na_o,                ohmic(g_Na),     "Na+ leak")                 \
    path(leak_K,  K_i,                  K_o,                 ohmic(g_K),      "K+ leak")                  \
    path(leak_Cl, Cl_i,                 Cl_o,                ohmic(g_Cl),     "Cl- leak")                 \
    path(pump,    3*Na_i + 2*K_o + ATP, 3*Na_o + 2*K_i,                                                   \
         by(pump, constant(r), saturable(r * hill(Na_i, K_Na, 3) * hill(K_o, K_K, 2), kappa_r)), "Na,K-ATPase") \
    path(NKCC,    Na_i + K_i + 2*Cl_i,  Na_o + K_o + 2*Cl_o, linear(L_NKCC),  "Na-K-2Cl cotransport")     \
    path(KCC,     K_i + Cl_i,           K_o + Cl_o,          linear(L_KCC),   "K-Cl cotransport")         \
    path(NCC,     Na_i + Cl_i,          Na_o + Cl_o,         linear(L_NCC),   "Na-Cl cotransport")        \
    path(water,   water_i,              water_o,             osmosis(P_f),    "water, down its osmotic force")

/* the margin as a sum of positive terms, since Pi_i = Pi_o at a steady state: it keeps its digits near lysis */
#define NM_OBSERVABLES(observable)                                                                        \
    observable(lysis_margin, "1",                                                                         \
               (X_i * (2.0 * PI_O - X_i) + (Na_i + K_i - Cl_i) * (Na_i + K_i - Cl_i)) / (PI_O * PI_O),    \
               "distance to lysis: 1 - 4 (Na_i + K_i) Cl_i / Pi_o^2")                                     \
    observable(ln_swelling, "1", nm_log(PI_O / X_i),                                                      \
               "ln of cell water / the least that N_X could hold")

#define NM_GROWTH "lysis"

#include "nessmap/model.h"
