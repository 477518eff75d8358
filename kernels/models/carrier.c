/* carrier: a protein ferries a solute S across a membrane. It speeds the passage, but can it push the solute uphill?
 *
 * Four states (Widdas 1952; Laeuger & Stark 1970 for charged carriers): empty or loaded, open to the inside or to
 * the outside. Amounts are per m2 of membrane. The last rate constant is not free: km4 = k1 k2 k3 k4 / (km1 km2 km3),
 * so one turn of the carrier has the force of its load, RT ln(S_i/S_o) + z_S F V, and nothing more (microscopic
 * reversibility). The held potential V acts on the two steps that cross, half on each of their directions; what it
 * supplies is in P_held. Cycle fluxes (Jcyc_) count turns and obey Ussing's ratio exp(dmu_S/RT); tracer fluxes
 * (Jtracer_) count labelled solute, which also exchanges while the carrier goes to and fro, and do not. */

#define NM_PARAMETERS(param)                                                                                   \
    /*    name     unit             default   low     high    scale   what it is */                            \
    param(T,       "K",             310.15,   273.15, 323.15, linear, "temperature")                           \
    param(V,       "V",             -0.06,    -0.15,  0.1,    linear, "held potential, inside - outside")      \
    param(k1,      "m3 mol-1 s-1",  100.0,    1.0,    1e4,    log,    "binding inside")                        \
    param(km1,     "s-1",           1000.0,   1.0,    1e5,    log,    "unbinding inside")                      \
    param(k2,      "s-1",           1000.0,   1.0,    1e5,    log,    "loaded, inside to outside, at V = 0")   \
    param(km2,     "s-1",           1000.0,   1.0,    1e5,    log,    "loaded, outside to inside, at V = 0")   \
    param(k3,      "s-1",           1000.0,   1.0,    1e5,    log,    "unbinding outside")                     \
    param(km3,     "m3 mol-1 s-1",  100.0,    1.0,    1e4,    log,    "binding outside")                       \
    param(k4,      "s-1",           100.0,    1.0,    1e5,    log,    "empty, outside to inside, at V = 0")    \
    param(z_S,     "1",             0.0,      -2.0,   2.0,    linear, "charge of the solute")                  \
    param(z_C,     "1",             0.0,      -1.0,   1.0,    linear, "charge of the empty carrier")           \
    param(N_T,     "mol m-2",       1e-9,     1e-11,  1e-8,   log,    "carriers, all four states together")    \
    param(S_i,     "mol m-3",       10.0,     1e-2,   300.0,  log,    "solute inside, held")                   \
    param(S_o,     "mol m-3",       1.0,      1e-2,   300.0,  log,    "solute outside, held")

#define NM_COMPARTMENTS(compartment)                                                                           \
    compartment(inside,   fixed(1.0), ground, "the cell")                                                      \
    compartment(membrane, fixed(1.0), ground, "its membrane; states of the carrier are mol m-2 here")          \
    compartment(outside,  fixed(1.0), ground, "the bath")

#define NM_SPECIES(free, trapped, water, held)                                                                 \
    /*   name  charge  where      value        text */                                                         \
    free(Ei,   0,      membrane,  0.25 * N_T,  "empty, open to the inside")                                    \
    free(ESi,  0,      membrane,  0.25 * N_T,  "loaded, open to the inside")                                   \
    free(ESo,  0,      membrane,  0.25 * N_T,  "loaded, open to the outside")                                  \
    free(Eo,   0,      membrane,  0.25 * N_T,  "empty, open to the outside")                                   \
    held(S_i,  0,      inside,    S_i,         "solute inside")                                                \
    held(S_o,  0,      outside,   S_o,         "solute outside")

#define NM_TOTALS(total)                                                                                       \
    total(N_T, Ei + ESi + ESo + Eo, Ei, "carriers stay in the membrane; replaces the balance of Ei")

#define KM4 ((k1 / km1) * (k2 / km2) * (k3 / km3) * k4)
#define FIELD (V * NM_FARADAY / (NM_R * T)) /* of one elementary charge, in RT */
#define LOADED ((z_S + z_C) * FIELD)
#define EMPTY (-z_C * FIELD)

/* outward is once round: Ei -> ESi -> ESo -> Eo -> Ei */
#define NM_PATHWAYS(path)                                                                                      \
    path(bind,    Ei + S_i,  ESi,       mass_action(k1, km1),          "solute binds inside")                  \
    path(cross,   ESi,       ESo,       split(k2, km2, 0.5, LOADED),   "the loaded carrier crosses")           \
    path(release, ESo,       Eo + S_o,  mass_action(k3, km3),          "solute leaves outside")                \
    path(recross, Eo,        Ei,        split(k4, KM4, 0.5, EMPTY),    "the empty carrier comes back")

/* rates of the steps that cross, out and back */
#define K2 (k2 * nm_exp(0.5 * LOADED))
#define KM2 (km2 * nm_exp(-0.5 * LOADED))
#define K4 (k4 * nm_exp(0.5 * EMPTY))
/* turns of the carrier: the rates of all steps over the four trees that lead to Ei (King & Altman 1956) */
#define TO_EI (K2 * k3 * K4 + km1 * k3 * K4 + km1 * KM2 * K4 + km1 * KM2 * (km3 * S_o))
#define TURNS (Ei * (k1 * S_i) * K2 * k3 * K4 / TO_EI)
#define FORCE (nm_log(S_i / S_o) + z_S * FIELD) /* in RT */
#define PASSED (k3 * (K2 + km1) + KM2 * km1)

#define NM_OBSERVABLES(observable)                                                                             \
    observable(dmu_chem_S,  "J mol-1", NM_R * T * nm_log(S_i / S_o), "chemical part of the solute's force")    \
    observable(dmu_el_S,    "J mol-1", z_S * NM_FARADAY * V,         "electrical part of the solute's force")  \
    observable(dmu_S,       "J mol-1", NM_R * T * FORCE,             "force on the solute, inside - outside")  \
    observable(affinity_RT, "1",       FORCE,                        "affinity of one turn / RT")              \
    observable(km4,         "s-1",     KM4,                         "empty, inside to outside, at V = 0")     \
    observable(occ_Ei,      "1",       Ei / N_T,                     "share of carriers in state Ei")          \
    observable(occ_ESi,     "1",       ESi / N_T,                    "share of carriers in state ESi")         \
    observable(occ_ESo,     "1",       ESo / N_T,                    "share of carriers in state ESo")         \
    observable(occ_Eo,      "1",       Eo / N_T,                     "share of carriers in state Eo")          \
    observable(J_S,          "mol m-2 s-1", -(TURNS * nm_expm1(-FORCE)),                                       \
               "net flux of solute, outward: the turns out less those in, with every digit near equilibrium")  \
    observable(Jcyc_plus,    "mol m-2 s-1", TURNS,                   "turns outwards")                         \
    observable(Jcyc_minus,   "mol m-2 s-1", TURNS * nm_exp(-FORCE),  "turns inwards")                          \
    observable(Jtracer_out,  "mol m-2 s-1", Ei * (k1 * S_i) * K2 * k3 / PASSED,                                \
               "labelled solute that gets out")                                                                \
    observable(Jtracer_in,   "mol m-2 s-1", Eo * (km3 * S_o) * KM2 * km1 / PASSED,                             \
               "labelled solute that gets in")

#define NM_EXTENT "m-2"

#include "nessmap/model.h"
