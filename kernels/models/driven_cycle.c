/* driven_cycle: a ring A -> B -> A that a held fuel F keeps turning. How far from equilibrium does it hold B/A? */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit             default   low     high    scale   what it is */                    \
    param(T,       "K",             298.15,   273.15, 323.15, linear, "temperature")                   \
    param(k1f,     "s-1",           1.0,      1e-3,   1e3,    log,    "A to B")                        \
    param(k1r,     "s-1",           1.0,      1e-3,   1e3,    log,    "B to A")                        \
    param(k2f,     "m3 mol-1 s-1",  1.0,      1e-3,   1e3,    log,    "B + F to A + W")                \
    param(k2r,     "m3 mol-1 s-1",  1.0,      1e-3,   1e3,    log,    "A + W to B + F")                \
    param(F_c,     "mol m-3",       1.0,      1e-3,   1e3,    log,    "fuel, held")                    \
    param(W_c,     "mol m-3",       1.0,      1e-3,   1e3,    log,    "waste, held")                   \
    param(C_tot,   "mol m-3",       1.0,      1e-3,   1e3,    log,    "A and B together")

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where   value         text */                                                \
    free(A,       0,      flask,  0.5 * C_tot,  "ring state A")                                        \
    free(B,       0,      flask,  0.5 * C_tot,  "ring state B")                                        \
    held(F,       0,      flask,  F_c,          "fuel")                                                \
    held(W,       0,      flask,  W_c,          "waste")

#define NM_TOTALS(total)                                                                               \
    total(C_tot,  A + B,  A,      "the ring's states are conserved; replaces the balance of A")

#define NM_PATHWAYS(path)                                                                              \
    path(R1,      A,      B,      mass_action(k1f, k1r),  "the ring's own step")                       \
    path(R2,      B + F,  A + W,  mass_action(k2f, k2r),  "the driven step")

#define NM_OBSERVABLES(observable)                                                                     \
    observable(Q,         "1", B / A,                     "mass-action ratio of R1")                   \
    observable(Q_over_K1, "1", (B * k1r) / (A * k1f),     "Q against its equilibrium value; below 1 if R1 runs forward")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
