/* neuron: a cell and the little water around it, with two states to live in. When does it rest, when does it starve?
 *
 * Gated Na+ and K+ channels, a Cl- leak and a pump between a cell and its extracellular space; nothing leaves the two.
 * Under a weak pump the ions mix nearly to Donnan equilibrium (free-energy starvation). Under a stronger one rest
 * stands beside the starved state, and only under a far stronger one is the starved state unstable. Equations and
 * both parameter sets: Huebel, Schoell & Dahlem 2014; Huebel & Dahlem 2014 (ModelDB 167714). Rates are of the kind of
 * Hodgkin & Huxley; activation of Na+ is instantaneous, its inactivation a function of n. All quantities are per m2 of
 * membrane; 1 A m-2 is 100 uA cm-2. */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit       default              low      high     scale   what it is */                     \
    param(T,       "K",       309.1443627580942,   273.15,  323.15,  linear, "temperature")                    \
    param(w_i,     "m3",      2.16e-15,            1e-16,   1e-14,   log,    "water of the cell")              \
    param(w_e,     "m3",      7.2e-16,             2e-17,   5e-15,   log,    "water of its extracellular space") \
    param(A_m,     "m2",      9.22e-10,            1e-10,   1e-8,    log,    "membrane area")                  \
    param(C_m,     "F m-2",   0.01,                0.005,   0.03,    log,    "membrane capacitance")           \
    param(g_NaL,   "S m-2",   0.175,               0.0,     2.0,     linear, "Na+ leak conductance")           \
    param(g_NaG,   "S m-2",   1000.0,              0.0,     2000.0,  linear, "Na+ conductance with all gates open") \
    param(g_KL,    "S m-2",   0.5,                 0.0,     5.0,     linear, "K+ leak conductance")            \
    param(g_KG,    "S m-2",   400.0,               0.0,     1000.0,  linear, "K+ conductance with all gates open") \
    param(g_Cl,    "S m-2",   0.2,                 0.01,    5.0,     log,    "Cl- conductance")                \
    param(phi,     "s-1",     3000.0,              1000.0,  10000.0, log,    "speed of the gates")             \
    param(rho,     "A m-2",   0.068,               0.0,     0.5,     linear, "most current of the pump")       \
    param(dG_ATP,  "J mol-1", -57000.0,            -65000.0, 0.0,    linear, "free energy of ATP hydrolysis")  \
    param(I_app,   "A m-2",   0.0,                 -0.1,    0.1,     linear, "applied current, into the cell") \
    param(n_all,   "mol m-3", 1.0,                 1.0,     1.0,     linear, "open and closed gates, as shares") \
    param(Na_i0,   "mol m-3", 25.231485,           1.0,     200.0,   log,    "Na+ in the cell at rest")        \
    param(K_i0,    "mol m-3", 129.25764,           1.0,     200.0,   log,    "K+ in the cell at rest")         \
    param(Cl_i0,   "mol m-3", 9.900239,            1.0,     200.0,   log,    "Cl- in the cell at rest")        \
    param(Na_e0,   "mol m-3", 125.30555,           1.0,     200.0,   log,    "Na+ outside at rest")            \
    param(K_e0,    "mol m-3", 4.0,                 0.1,     200.0,   log,    "K+ outside at rest")             \
    param(Cl_e0,   "mol m-3", 123.2716,            1.0,     200.0,   log,    "Cl- outside at rest")

#define NM_VARIANTS(variant)                                                                                   \
    variant(start, polarised, weakened, starved)

/* The composition at rest says how much of each ion there is and how much fixed charge each side holds. Starved: its
 * Donnan equilibrium, with one ratio THETA = Na_i / Na_e = K_i / K_e = Cl_e / Cl_i of all ions, the positive root of
 * SHARE (CATIONS - FIXED) x^2 + (CATIONS - ANIONS - (1 + SHARE^2) FIXED) x = SHARE (ANIONS + FIXED). Weakened: a small
 * part of the way there, from where the resting state is found down to the weakest pump that allows it. */
#define SHARE (w_e / w_i)
#define FIXED (Na_i0 + K_i0 - Cl_i0)
#define CATIONS (Na_i0 + K_i0 + SHARE * (Na_e0 + K_e0))
#define ANIONS (Cl_i0 + SHARE * Cl_e0)
#define HALF (0.5 * (CATIONS - ANIONS - (1.0 + SHARE * SHARE) * FIXED))
#define THETA                                                                                                  \
    ((nm_sqrt(HALF * HALF + SHARE * SHARE * (CATIONS - FIXED) * (ANIONS + FIXED)) - HALF) / (SHARE * (CATIONS - FIXED)))
#define K_MIXED (THETA * (K_i0 + SHARE * K_e0) / (THETA + SHARE))
#define CL_MIXED (ANIONS / (1.0 + SHARE * THETA))
#define K_START (K_i0 + choose(start, NM_PAR(0.0), NM_PAR(0.05), NM_PAR(1.0)) * (K_MIXED - K_i0))
#define CL_START (Cl_i0 + choose(start, NM_PAR(0.0), NM_PAR(0.12), NM_PAR(1.0)) * (CL_MIXED - Cl_i0))
#define NA_START (FIXED - K_START + CL_START)
#define OUTSIDE(rest_i, rest_e, start_i) (rest_e + (rest_i - start_i) / SHARE)

/* V starts where Cl- is at equilibrium, as at every steady state, and the gates where they are at that V */
#define NM_V_START (NM_PAR(NM_R / NM_FARADAY) * T * nm_log(CL_START / OUTSIDE(Cl_i0, Cl_e0, CL_START)))
#define N_START (OPENS(NM_V_START) / (OPENS(NM_V_START) + CLOSES(NM_V_START)))
#define NM_STARTS_BY start
#define NM_START_SPREAD 6.0
/* on its way to starvation the cell fires some hundred spikes */
#define NM_FOLLOW_STEPS 200000

/* mol m-2 of gates: so few that the free energy of their opening counts for nothing */
#define GATES 1e-10

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(cell,  fixed(w_i / A_m),      floats(V, charging(C_m, I_app)), "the cell")                     \
    compartment(ecs,   fixed(w_e / A_m),      ground, "its extracellular space")                               \
    compartment(gates, fixed(NM_PAR(GATES)),  ground, "K+ channel gates: 60 of them on a square micrometre")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*      name      charge  where  value                                  text */                            \
    free(   Na_i,     +1,     cell,  NA_START,                              "Na+ in the cell")                 \
    free(   K_i,      +1,     cell,  K_START,                               "K+ in the cell")                  \
    free(   Cl_i,     -1,     cell,  CL_START,                              "Cl- in the cell")                 \
    trapped(X_i,      -1,     cell,  FIXED * (w_i / A_m),                   "fixed charge of the cell")        \
    free(   Na_e,     +1,     ecs,   OUTSIDE(Na_i0, Na_e0, NA_START),       "Na+ outside")                     \
    free(   K_e,      +1,     ecs,   OUTSIDE(K_i0, K_e0, K_START),          "K+ outside")                      \
    free(   Cl_e,     -1,     ecs,   OUTSIDE(Cl_i0, Cl_e0, CL_START),       "Cl- outside")                     \
    trapped(X_e,      -1,     ecs,   (Na_e0 + K_e0 - Cl_e0) * (w_e / A_m),  "fixed charge outside")            \
    free(   n,        0,      gates, N_START,                               "share of open gates")             \
    free(   n_closed, 0,      gates, NM_PAR(1.0) - N_START,                 "share of closed gates")

/* what is not in the cell is outside */
#define NM_TOTALS(total)                                                                                       \
    total(Na_e0, Na_e + (Na_i - Na_i0) / SHARE, Na_e, "Na+ of both sides")                                     \
    total(K_e0,  K_e + (K_i - K_i0) / SHARE,    K_e,  "K+ of both sides")                                      \
    total(Cl_e0, Cl_e + (Cl_i - Cl_i0) / SHARE, Cl_e, "Cl- of both sides")                                     \
    total(n_all, n + n_closed, n_closed, "all gates")

#define NM_FUELS(fuel)                                                                                         \
    fuel(ATP, dG_ATP, "ATP to ADP and phosphate")

/* rates at V / phi, in the published mV: x / (1 - exp(-x)) is nm_bern(-x) */
#define OPENS(V) (0.1 * nm_bern(-0.1 * (1e3 * (V) + 34.0)))
#define CLOSES(V) (0.125 * nm_exp(-(1e3 * (V) + 44.0) / 80.0))
#define M_OPENS(V) nm_bern(-0.1 * (1e3 * (V) + 30.0))
#define M_CLOSES(V) (4.0 * nm_exp(-(1e3 * (V) + 55.0) / 18.0))
#define M_GATE (M_OPENS(V) / (M_OPENS(V) + M_CLOSES(V)))
#define H_GATE logistic(-6.5 * (n - 0.35))
#define NA_OPEN (nm_powi(M_GATE, 3) * H_GATE)
#define PUMP_SITES (logistic((Na_i - 25.0) / 3.0) * logistic(K_e - 5.5))
#define PER_FARADAY NM_PAR(1.0 / NM_FARADAY)

/* from -> to is outward */
#define NM_PATHWAYS(path)                                                                                      \
    path(leak_Na, Na_i,                 Na_e,           ohmic(g_NaL + g_NaG * NA_OPEN), "Na+ leak and channels")  \
    path(leak_K,  K_i,                  K_e,            ohmic(g_KL + g_KG * nm_powi(n, 4)), "K+ leak and channels") \
    path(leak_Cl, Cl_i,                 Cl_e,           ohmic(g_Cl), "Cl- leak")                                \
    path(pump,    3*Na_i + 2*K_e + ATP, 3*Na_e + 2*K_i, driven(rho * PER_FARADAY * PUMP_SITES), "Na,K-ATPase")  \
    path(gate,    n_closed,             n,                                                                     \
         mass_action(GATES * phi * OPENS(V), GATES * phi * CLOSES(V)), "K+ channel gates open")

#define MIXING(inside, outside, amount)                                                                        \
    (w_i * inside * nm_log(inside * (w_i + w_e) / (amount)) + w_e * outside * nm_log(outside * (w_i + w_e) / (amount)))
#define NM_OBSERVABLES(observable)                                                                             \
    observable(I_pump, "A m-2", rho * PUMP_SITES, "current of the pump, outward")                              \
    observable(F_mixing, "J m-2",                                                                              \
               NM_PAR(NM_R) * T / A_m *                                                                        \
                   (MIXING(Na_i, Na_e, w_i * Na_i + w_e * Na_e) + MIXING(K_i, K_e, w_i * K_i + w_e * K_e) +    \
                    MIXING(Cl_i, Cl_e, w_i * Cl_i + w_e * Cl_e)),                                              \
               "free energy that the ions of both sides would lose if they mixed")

#define HD2014B "g_Cl=0.2 rho=0.068 Na_i0=25.231485 K_i0=129.25764 Cl_i0=9.900239 Na_e0=125.30555 K_e0=4 Cl_e0=123.2716"
#define HSD2014A "g_Cl=0.5 rho=0.0525 Na_i0=27 K_i0=130.99 Cl_i0=9.66 Na_e0=120 K_e0=4 Cl_e0=124"
#define NM_PRESETS(preset)                                                                                     \
    preset(hd2014b,  HD2014B,  "Huebel & Dahlem 2014, PLoS Comput Biol 10(12)")                                \
    preset(hsd2014a, HSD2014A, "Huebel, Schoell & Dahlem 2014, PLoS Comput Biol 10")

#include "nessmap/model.h"
