/* driven_cycle: a ring A -> B -> A that a fuel F keeps turning. How far from equilibrium does it hold B/A, and how long?
 *
 * With fuel = held, F and W are renewed and the ring turns for ever: Q = B/A stands off its equilibrium value K1 =
 * k1f/k1r, and affinity x flux is dissipated. With fuel = finite the flask is closed: the ring burns F to W, turns ever
 * slower, and ends in equilibrium, where Q = K1 and W/F = K1 K2, K2 = k2f/k2r. */

#define NM_PARAMETERS(param)                                                                           \
    /*    name     unit             default   low     high    scale   what it is */                    \
    param(T,       "K",             298.15,   273.15, 323.15, linear, "temperature")                   \
    param(k1f,     "s-1",           1.0,      1e-3,   1e3,    log,    "A to B")                        \
    param(k1r,     "s-1",           1.0,      1e-3,   1e3,    log,    "B to A")                        \
    param(k2f,     "m3 mol-1 s-1",  1.0,      1e-3,   1e3,    log,    "B + F to A + W")                \
    param(k2r,     "m3 mol-1 s-1",  1.0,      1e-3,   1e3,    log,    "A + W to B + F")                \
    param(F_c,     "mol m-3",       1.0,      1e-3,   1e3,    log,    "fuel, held or at the start")    \
    param(W_c,     "mol m-3",       1.0,      1e-3,   1e3,    log,    "waste, held or at the start")   \
    param(C_tot,   "mol m-3",       1.0,      1e-3,   1e3,    log,    "A and B together")

#define NM_VARIANTS(variant)                                                                           \
    variant(fuel, held, finite)

#define NM_COMPARTMENTS(compartment)                                                                   \
    compartment(flask, fixed(1.0), ground, "one well-stirred volume")

#define NM_SPECIES(free, trapped, water, held)                                                         \
    /*   name     charge  where   value         text */                                                \
    free(A,       0,      flask,  0.5 * C_tot,  "ring state A")                                        \
    free(B,       0,      flask,  0.5 * C_tot,  "ring state B")                                        \
    free(F,       0,      flask,  F_c,          "fuel")                                                \
    free(W,       0,      flask,  W_c,          "waste")

#define NM_HOLDS(hold)                                                                                 \
    hold(F, by(fuel, held, free))                                                                      \
    hold(W, by(fuel, held, free))

#define NM_TOTALS(total)                                                                               \
    total(C_tot,  A + B,        A, "the ring's states are conserved; replaces the balance of A")       \
    total(F_c,    F + W - W_c,  F, "fuel becomes waste: F + W stays; replaces the balance of F")

#define NM_PATHWAYS(path)                                                                              \
    path(R1,      A,      B,      mass_action(k1f, k1r),  "the ring's own step")                       \
    path(R2,      B + F,  A + W,  mass_action(k2f, k2r),  "the driven step")

#define NM_OBSERVABLES(observable)                                                                     \
    observable(Q,         "1", B / A,                     "mass-action ratio of R1")                   \
    observable(Q_over_K1, "1", (B * k1r) / (A * k1f),     "Q against its equilibrium value; below 1 if R1 runs forward") \
    observable(W_over_F,  "1", W / F,                     "waste / fuel; K1 K2 at equilibrium")        \
    observable(affinity,  "J mol-1", NM_R * T * nm_log((k1f * k2f * F) / (k1r * k2r * W)),             \
               "of one turn of the ring, which burns one F to W")

#define NM_EXTENT "m-3"

#include "nessmap/model.h"
